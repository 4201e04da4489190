"""The example that keeps and replays: its own scripts, with a stand-in for `gh` and `unzip`."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
EXAMPLE = yaml.safe_load((ROOT / "examples" / "replay.yml").read_text("utf-8"))
STEPS = {step["name"]: step for step in EXAMPLE["jobs"]["replay"]["steps"] if "name" in step}
GH = """\
import pathlib, sys
here = pathlib.Path(__file__).parent
with (here / "calls").open("a") as calls:
    calls.write(" ".join(sys.argv[1:4] + sys.argv[-1:]).replace(chr(10), " ") + chr(10))
path = sys.argv[-1]
if "--jq" in sys.argv:
    print((here / "ids").read_text(), end="")
elif path.endswith("/zip"):
    archive = here / (path.split("/")[-2] + ".archive")
    sys.stdout.buffer.write(archive.read_bytes() if archive.exists() else b"Bad Gateway")
    sys.exit(0 if archive.exists() else 1)
"""
# Like Info-ZIP's, it makes no more than the last folder of the path.
UNZIP = """\
import os, sys, zipfile
folder, archive = sys.argv[-2:]
os.path.isdir(folder) or os.mkdir(folder)
zipfile.ZipFile(archive).extractall(folder)
"""


@pytest.fixture
def bash(tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, text in (("gh", GH), ("unzip", UNZIP)):
        (tools / name).write_text(f"#!{sys.executable}\n{text}", "utf-8")
        (tools / name).chmod(0o755)

    def run(name):
        environ = {
            "PATH": f"{tools}:/usr/local/bin:/usr/bin:/bin",
            "GITHUB_REPOSITORY": "acme/shop",
            "RUNNER_TEMP": str(tmp_path),
        }
        assert STEPS[name]["shell"] == "bash"
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[name]["run"]]
        return subprocess.run(command, cwd=tmp_path, env=environ, check=False).returncode

    return run


@pytest.fixture
def artifact(tmp_path):
    def make(number, *names):
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as opened:
            for name in names:
                opened.writestr(name, "{}")
        (tmp_path / "tools" / f"{number}.archive").write_bytes(archive.getvalue())

    return make


@pytest.fixture
def deleted(tmp_path):
    def read():
        calls = (tmp_path / "tools" / "calls").read_text("utf-8").splitlines()
        return [line.rpartition("/")[2] for line in calls if line.startswith("api --method DEL")]

    return read


@pytest.mark.skipif(sys.platform == "win32", reason="the example runs on Ubuntu")
def test_an_artifact_is_deleted_only_once_all_of_it_was_fetched_and_delivered(
    bash, artifact, deleted, tmp_path
):
    artifact(11, "a-dx.json")
    artifact(13, "b-dx.json", "c-dx.json")
    artifact(14, "d-dx.json")
    (tmp_path / "tools" / "14.archive").write_bytes(b"no archive at all")
    (tmp_path / "tools" / "ids").write_text("11\n12\n13\n14\n")
    assert bash("Download them") == 0
    found = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.json"))
    assert found == [
        "dora-undelivered/11/a-dx.json",
        "dora-undelivered/13/b-dx.json",
        "dora-undelivered/13/c-dx.json",
    ]
    # This is what the action does to each that it delivers.
    (tmp_path / "dora-undelivered" / "11" / "a-dx.json").unlink()
    (tmp_path / "dora-undelivered" / "13" / "b-dx.json").unlink()
    assert bash("Delete what was delivered") == 0
    assert deleted() == ["11"]


@pytest.mark.skipif(sys.platform == "win32", reason="the example runs on Ubuntu")
def test_where_nothing_is_kept_nothing_is_deleted(bash, deleted, tmp_path):
    (tmp_path / "tools" / "ids").write_text("")
    assert bash("Download them") == 0
    assert bash("Delete what was delivered") == 0
    assert deleted() == []
