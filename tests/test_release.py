"""What a release says: its version, its notes, and the image that its commit names."""

import subprocess
import sys
from pathlib import Path

import pytest

from dora_deployments import __version__
from tools import release
from tools.release import ReleaseError

ROOT = Path(__file__).parent.parent
MAIN = "refs/heads/main"
IMAGE = "ghcr.io/acme/dora-deployments@sha256:" + "0123456789abcdef" * 4
COMMIT = "31c49334e066b8cc72f3bacdcbe7c76ff9b5284f"
CHANGELOG = """# Changelog

## Unreleased

## 1.2.0 - 2026-11-22

### Added

- This.

## [1.1.9]

- That.

## 1.1.8

## 1x1x7

- No version at all.

## 1.1.7
"""
ACTION = (ROOT / "docker" / "action.yml").read_text("utf-8")


def plan(version="1.2.0", branch=MAIN, tags=(), source=None, linked="v1"):
    return release.plan(
        version,
        branch,
        dict.fromkeys(tags, COMMIT),
        source=source or f'__version__ = "{version}"\n',
        links=f'DOCS: Final = "https://a.test/x/y/blob/{linked}/docs"\n',
        changelog=CHANGELOG,
    )


def refusal(call, *given, **named):
    with pytest.raises(ReleaseError) as caught:
        call(*given, **named)
    return str(caught.value)


@pytest.mark.parametrize(
    "tags", [(), ("v1", "v1.1.9"), ("v0.9.0", "v1.1.10", "vnext", "v1.2", "v1.3.0-rc.1")]
)
def test_a_version_later_than_every_other_is_new(tags):
    assert plan(tags=tags) == {"tag": "v1.2.0", "exists": "", "major-tag": "v1"}


def test_what_an_earlier_run_tagged_is_taken_up():
    assert plan(tags=("v1", "v1.2.0")) == {"tag": "v1.2.0", "exists": COMMIT, "major-tag": "v1"}


def test_a_release_run_again_after_a_later_one_does_not_move_the_major_tag_back():
    assert plan(tags=("v1.2.0", "v1.3.0"))["major-tag"] == ""
    assert plan(tags=("v1.2.0", "v2.0.0"))["major-tag"] == "v1"


def test_a_release_moves_the_tag_that_the_pages_name():
    assert refusal(plan, linked="v2") == (
        "the pages and links name v2, not v1; change them on main first"
    )
    links = (ROOT / "src/dora_deployments/actions/run.py").read_text("utf-8")
    assert release.major_tag(links) == f"v{__version__.partition('.')[0]}"


@pytest.mark.parametrize(
    "version", ["v1.2.0", "1.2", "1.2.0-rc.1", "01.2.0", "1.2.0\n", "", "\uff11.2.0"]
)
def test_a_version_is_three_plain_numbers(version):
    assert (
        refusal(plan, version) == f"{version!r} is no version; write three numbers, such as 1.2.3"
    )


@pytest.mark.parametrize("branch", ["refs/heads/next", "refs/heads/main-2", "refs/tags/main"])
def test_a_release_is_made_from_main_alone(branch):
    assert refusal(plan, branch=branch) == f"{branch} is not main; releases are made from there"


def test_a_version_that_cannot_be_released_is_refused_with_what_to_do():
    assert refusal(plan, source='__version__ = "1.1.9"\n') == (
        "__version__ is 1.1.9, not 1.2.0; change it on main by a pull request first"
    )
    assert (
        refusal(plan, tags=("v1.3.0", "v1.10.0"))
        == "1.10.0 is released already; choose a later version"
    )
    assert refusal(plan, "1.1.8") == (
        "CHANGELOG.md says nothing below `## 1.1.8`; write what is new"
    )


def test_the_notes_are_what_the_changelog_says_of_the_version():
    assert release.notes("1.2.0", CHANGELOG) == "### Added\n\n- This.\n"
    assert release.notes("1.1.9", CHANGELOG) == "- That.\n"


@pytest.mark.parametrize("version", ["1.1.8", "1.1.7", "1.1.1", "1.2", "1.1.90"])
def test_a_version_of_which_the_changelog_says_nothing_has_no_notes(version):
    assert refusal(release.notes, version, CHANGELOG) == (
        f"CHANGELOG.md says nothing below `## {version}`; write what is new"
    )


@pytest.mark.threat(17)
def test_a_released_docker_action_names_its_image_by_digest_and_is_else_as_on_main():
    released = release.pin(IMAGE, ACTION)
    kept = ACTION[: ACTION.index("  # Built from")]
    assert released == f"{kept}  image: docker://{IMAGE}\n"
    assert release.pinned(released) == IMAGE


@pytest.mark.threat(17)
@pytest.mark.parametrize(
    "image",
    [
        "ghcr.io/acme/dora-deployments:1.2.0",
        "ghcr.io/acme/dora-deployments@sha256:0123",
        "ghcr.io/Acme/dora-deployments@sha256:" + "0" * 64,
        "@sha256:" + "0" * 64,
        "docker.io@sha256:" + "0" * 64,
    ],
)
def test_an_image_that_is_not_named_by_its_digest_is_not_released(image):
    assert refusal(release.pin, image, ACTION) == f"{image} names no image by its digest"
    assert refusal(release.pinned, f"runs:\n  image: docker://{image}\n") == (
        "docker/action.yml does not name one image by its digest"
    )


@pytest.mark.threat(17)
def test_an_action_that_is_not_the_one_on_main_is_not_pinned():
    twice = ACTION + ACTION[ACTION.index("  # Built from") :]
    for action in (release.pin(IMAGE, ACTION), twice):
        assert refusal(release.pin, IMAGE, action) == (
            "docker/action.yml does not build ../Dockerfile, or not just once"
        )
    assert (
        refusal(release.pinned, ACTION) == "docker/action.yml does not name one image by its digest"
    )


def run(*arguments, given=""):
    return subprocess.run(
        [sys.executable, "-m", "tools.release", *arguments],
        cwd=ROOT,
        input=given,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_the_commands_of_the_workflow_read_the_files_of_the_project():
    pinned = run("pin", IMAGE)
    assert (pinned.returncode, pinned.stdout) == (0, release.pin(IMAGE, ACTION))
    image = run("image", given=pinned.stdout)
    assert (image.returncode, image.stdout) == (0, f"{IMAGE}\n")
    base = run("base")
    assert base.returncode == 0
    assert base.stdout.startswith("python:3.")


def test_a_refusal_is_an_annotation_and_fails_the_step():
    refused = run("plan", "0", MAIN, given=f"{COMMIT} v1.0.0\n")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        "::error title=Release::'0' is no version; write three numbers, such as 1.2.3\n"
    )
    missing = run("notes", "99.0.0")
    assert (missing.returncode, missing.stdout) == (1, "")
    unknown = run("undo")
    assert unknown.stderr == "::error title=Release::there is no command undo\n"
