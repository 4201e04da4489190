"""What runs is what this commit names: packages by hash, actions by commit, the image from here."""

import importlib.metadata
import json
import re
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
LOCKS = ("requirements.txt", "requirements-look-ups.txt", "requirements-dev.txt")
HERE = {each.name.lower() for each in importlib.metadata.distributions()}
INSTALL = "--require-hashes --no-deps --only-binary :all: --requirement"


def read(name):
    return (ROOT / name).read_text("utf-8")


def meant(name):
    """Return the packages that a lock is made for."""
    return sorted(re.findall(r"^[A-Za-z0-9_-]+", read(name), re.MULTILINE))


def plain(text):
    """Return a script without the breaks within its commands."""
    return re.sub(r"\s*\\\n\s*", " ", text)


@pytest.mark.threat(16, 23)
@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_locked_by_version_and_hash(lock):
    entries = re.findall(
        r"^(\S+?)==\S+[^\n]*((?:\n    --hash=sha256:[0-9a-f]{64}[^\n]*)*)", read(lock), re.MULTILINE
    )
    lines = [line for line in read(lock).splitlines() if line and line[0] not in "# "]
    assert len(entries) == len(lines) > 5
    assert [name for name, hashes in entries if not hashes] == []


@pytest.mark.threat(23)
def test_the_action_depends_on_the_packages_that_it_means_by_name():
    assert meant("requirements.in") == ["PyYAML", "jsonschema", "pathspec", "requests", "urllib3"]
    assert meant("requirements-look-ups.in") == ["PyGithub"]


def test_every_lock_has_the_same_version_of_a_package():
    known = {}
    for lock in LOCKS:
        found = re.findall(r"^(\S+?)==(\S+)(?: ; (.*))? \\$", read(lock), re.MULTILINE)
        for name, version, _ in found:
            known.setdefault(name, {}).setdefault(lock, set()).add(version)
    assert [name for name, by in known.items() if len({*map(frozenset, by.values())}) > 1] == []


def test_the_locks_of_a_run_have_all_that_its_packages_need():
    locked = {
        name for lock in LOCKS[:2] for name in re.findall(r"^(\S+?)==", read(lock), re.MULTILINE)
    }
    wishes = [
        Requirement(wish)
        for name in sorted(locked & HERE)
        for wish in importlib.metadata.requires(name) or ()
    ]
    # PyGithub wants PyJWT with the extra that brings cryptography.
    of_extras = Requirement("cryptography")
    needed = {
        wish.name.lower().replace("_", "-")
        for wish in [*wishes, of_extras]
        if wish.marker is None or wish.marker.evaluate({"extra": ""})
    }
    assert {"cffi", "pyjwt", "pynacl", "requests", "urllib3"} <= needed
    # By that requests would guess encodings; it can do without, and no text is guessed here.
    assert needed - locked == {"charset-normalizer"}


@pytest.mark.threat(16)
def test_nothing_is_installed_in_the_image_but_wheels_of_the_locks():
    installs = re.findall(r"pip [^\n]*\binstall\b[^\n]*", plain(read("Dockerfile")))
    assert len(installs) == 1
    assert INSTALL in installs[0]


@pytest.mark.threat(15, 17)
def test_who_pins_this_action_by_its_commit_has_pinned_all_that_it_runs():
    composite = yaml.safe_load(read("action.yml"))["runs"]
    assert [set(step) & {"uses", "image"} for step in composite["steps"]] == [set()]
    assert composite["steps"][0]["run"] == 'source "$GITHUB_ACTION_PATH/launch.sh"'
    assert yaml.safe_load(read("docker/action.yml"))["runs"]["image"] == "../Dockerfile"


@pytest.mark.threat(15, 16)
@pytest.mark.parametrize(
    "path",
    sorted([*ROOT.glob(".github/workflows/*.yml"), *ROOT.glob("examples/*.yml")]),
    ids=lambda path: path.name,
)
def test_every_foreign_action_is_named_by_its_commit(path):
    uses = re.findall(r"\buses: (\S+)", path.read_text("utf-8"))
    own = r"acme/dora-deployments(/docker)?@v1|\./(docker)?"
    # An organisation may trust the tags of its own workflows.
    organisations = r"acme/workflows/\.github/workflows/organisation\.yml@v1"
    foreign = [name for name in uses if not re.fullmatch(f"{own}|{organisations}", name)]
    assert [
        name for name in foreign if not re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", name)
    ] == []


@pytest.mark.threat(18)
def test_the_image_starts_the_program_itself_apart_from_what_surrounds_it():
    dockerfile = plain(read("Dockerfile"))
    (entrypoint,) = re.findall(r"^ENTRYPOINT (.*)$", dockerfile, re.MULTILINE)
    assert json.loads(entrypoint) == [
        "/opt/dora/venv/bin/python",
        "-I",
        "-X",
        "utf8",
        "-u",
        "/opt/dora/entrypoint.py",
        "docker",
    ]
    final_stage = dockerfile.rpartition("\nFROM ")[2]
    assert re.findall(r"^[A-Z]+\b", final_stage, re.MULTILINE) == [
        *("COPY", "RUN", "ARG", "ARG", "LABEL", "ENTRYPOINT")
    ]


@pytest.mark.threat(16, 18)
def test_the_image_installs_in_a_stage_that_is_left_behind_and_ends_up_without_pip():
    stages = plain(read("Dockerfile")).split("\nFROM ")[1:]
    assert [stage.splitlines()[0] for stage in stages] == [
        "${PYTHON_IMAGE} AS build",
        "${PYTHON_IMAGE}",
    ]
    assert [len(re.findall(r"\bpip [^\n]*\binstall\b", stage)) for stage in stages] == [1, 0]
    assert '&& rm -rf "$pip" "$pip"-*.dist-info "$ensurepip"' in stages[1]


@pytest.mark.threat(16)
def test_only_what_the_image_is_made_of_is_given_to_the_engine_that_builds_it():
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", read("Dockerfile"), re.MULTILINE)
    sent = [f"!{name}" for names in copied for name in names.split()]
    assert read(".dockerignore").splitlines() == ["*", *sent, "**/__pycache__"]
