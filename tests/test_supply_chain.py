"""What runs is what this commit names: packages by hash, actions by commit, the image from here."""

import json
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
INSTALL = "--require-hashes --no-deps --only-binary :all: --requirement"


def read(name):
    return (ROOT / name).read_text("utf-8")


def plain(text):
    """Return a script without the breaks within its commands."""
    return re.sub(r"\s*\\\n\s*", " ", text)


@pytest.mark.threat(16, 23)
@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_every_package_is_locked_by_version_and_hash(lock):
    entries = re.findall(
        r"^(\S+?)==\S+[^\n]*((?:\n    --hash=sha256:[0-9a-f]{64}[^\n]*)*)", read(lock), re.MULTILINE
    )
    lines = [line for line in read(lock).splitlines() if line and line[0] not in "# "]
    assert len(entries) == len(lines) > 5
    assert [name for name, hashes in entries if not hashes] == []


@pytest.mark.threat(23)
def test_the_action_depends_on_the_packages_that_it_means_by_name():
    names = re.findall(r"^[A-Za-z0-9_-]+", read("requirements.in"), re.MULTILINE)
    assert sorted(names) == ["PyGithub", "PyYAML", "jsonschema", "pathspec", "requests", "urllib3"]


@pytest.mark.threat(16)
@pytest.mark.parametrize("installer", ["launch.sh", "Dockerfile"])
def test_nothing_is_installed_but_wheels_of_the_lock(installer):
    installs = re.findall(r"pip [^\n]*\binstall\b[^\n]*", plain(read(installer)))
    assert len(installs) == 1
    assert INSTALL in installs[0]


@pytest.mark.threat(15, 17)
def test_who_pins_this_action_by_its_commit_has_pinned_all_that_it_runs():
    composite = yaml.safe_load(read("action.yml"))["runs"]
    assert [set(step) & {"uses", "image"} for step in composite["steps"]] == [set()]
    assert composite["steps"][0]["run"] == 'exec bash "$GITHUB_ACTION_PATH/launch.sh"'
    assert yaml.safe_load(read("docker/action.yml"))["runs"]["image"] == "../Dockerfile"


@pytest.mark.threat(15, 16)
@pytest.mark.parametrize(
    "path",
    sorted([*ROOT.glob(".github/workflows/*.yml"), *ROOT.glob("examples/*.yml")]),
    ids=lambda path: path.name,
)
def test_every_foreign_action_is_named_by_its_commit(path):
    uses = re.findall(r"\buses: (\S+)", path.read_text("utf-8"))
    foreign = [name for name in uses if name != "acme/dora-deployments@v1"]
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
    assert (
        re.findall(r"^(?:RUN|ADD|CMD|SHELL|ENV|EXPOSE|VOLUME)\b", final_stage, re.MULTILINE) == []
    )
