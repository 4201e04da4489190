"""A folder in the workspace is ours alone, and a file in it is there whole or not at all."""

import hashlib
import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dora_deployments.delivery import folder
from tests.actions.refusals import refusal
from tests.builders import run as run_of

ANOTHER = 1001
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
root_only = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="root alone gives files away"
)


@pytest.fixture
def run(tmp_path):
    (tmp_path / "workspace").mkdir()
    (tmp_path / "temp").mkdir()
    return replace(run_of(), workspace=str(tmp_path / "workspace"), temp=str(tmp_path / "temp"))


def contents(path):
    return {each.name: each.read_bytes() for each in path.iterdir() if not each.is_dir()}


# --- where it may be


def test_the_bases_are_the_folders_of_the_run_that_are_there(run, tmp_path):
    (tmp_path / "file").touch()
    workspace, temp = tmp_path / "workspace", tmp_path / "temp"
    (last,) = folder.bases(replace(run, workspace=None, temp=str(tmp_path / "file")))
    assert last.is_dir()
    assert folder.bases(run) == (workspace, temp, last)
    assert folder.bases(replace(run, temp=str(tmp_path / "none"))) == (workspace, last)
    assert folder.bases(replace(run, workspace="x" * 300)) == (temp, last)


@posix_only
@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("saved", ("/ws", "saved")),
        ("saved/a.json", ("/ws", "saved/a.json")),
        ("/ws/saved", ("/ws", "saved")),
        ("/ws//saved/", ("/ws", "saved")),
        ("/ws/inner/temp/saved", ("/ws", "inner/temp/saved")),
        ("/temp/saved/a.json", ("/temp", "saved/a.json")),
        # What follows is for the caller to refuse.
        ("/ws", ("/ws", ".")),
        ("/ws/../etc/passwd", ("/ws", "../etc/passwd")),
    ],
)
def test_an_absolute_path_is_found_in_its_base_and_any_other_in_the_workspace(path, found):
    base, rest = folder.resolve_path(path, (Path("/ws"), Path("/temp")))
    assert (base.as_posix(), rest) == found


@pytest.mark.parametrize("path", ["/etc/passwd", "/ws2/saved", "../ws/saved", "", "C:\\ws\\saved"])
def test_a_path_elsewhere_is_refused(path):
    assert refusal(lambda text: folder.resolve_path(text, (Path("/ws"),)), path) == (
        f"is {path!r}, which is no plain path; write one that starts in the workspace, with"
        " forward slashes and without . or .. between them"
    )


def test_without_any_base_there_is_nothing_to_find():
    assert refusal(lambda text: folder.resolve_path(text, ()), "saved") == (
        "cannot be found, since there is no workspace; let GITHUB_WORKSPACE be"
    )


@posix_only
def test_only_a_folder_of_ours_or_of_the_workspaces_owner_is_written_to(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path)
    owner = tmp_path.stat().st_uid
    assert folder.unusable(tmp_path.lstat(), {owner, owner + 1}) is None
    assert folder.unusable(tmp_path.lstat(), {owner + 1}) == (
        "it belongs to another user; remove it"
    )
    for name in ("file", "link"):
        assert folder.unusable((tmp_path / name).lstat(), {owner}) == (
            "it is a link, or no folder; remove it"
        )


# --- opened


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("out", "workspace/out"),
        ("out/of/here", "workspace/out/of/here"),
        ("{}/workspace/out", "workspace/out"),
        ("{}/temp/in/here", "temp/in/here"),
    ],
)
def test_a_folder_is_made_with_all_around_it_and_hidden_from_git(run, tmp_path, path, found):
    for _ in range(2):
        opened = folder.open_output_folder(run, path.format(tmp_path.as_posix()))
        assert opened == tmp_path / found
        assert contents(opened) == {".gitignore": b"*\n"}


def test_git_sees_nothing_of_it(run, tmp_path):
    git = ["git", "-C", str(tmp_path / "workspace")]
    subprocess.run([*git, "init", "--quiet"], check=True)
    (folder.open_output_folder(run, "out") / "file").touch()
    status = subprocess.run([*git, "status", "--porcelain"], check=True, capture_output=True)
    assert status.stdout == b""


def test_a_folder_of_the_checkout_keeps_what_it_has_and_what_it_says_to_git(run, tmp_path):
    there = tmp_path / "workspace" / "there"
    there.mkdir()
    (there / ".gitignore").write_text("*.csv\n")
    (there / "file").write_text("kept")

    assert folder.open_output_folder(run, "there") == there
    assert contents(there) == {".gitignore": b"*.csv\n", "file": b"kept"}


@pytest.mark.parametrize("path", [".git", "out/.GIT", ".git/hooks"])
def test_nothing_is_written_into_what_is_gits_own(run, tmp_path, path):
    assert refusal(lambda text: folder.open_output_folder(run, text), path) == (
        f"is {path!r}, which is git's own; write another folder"
    )
    assert contents(tmp_path / "workspace") == {}


@posix_only
def test_a_planted_link_instead_of_what_hides_it_is_replaced(run, tmp_path):
    there = tmp_path / "workspace" / "there"
    there.mkdir()
    (tmp_path / "elsewhere").write_text("kept")
    (there / ".gitignore").symlink_to(tmp_path / "elsewhere")

    folder.open_output_folder(run, "there")

    assert contents(there) == {".gitignore": b"*\n"}
    assert not (there / ".gitignore").is_symlink()
    assert (tmp_path / "elsewhere").read_text() == "kept"


@posix_only
@pytest.mark.parametrize("path", ["link", "link/out", "folder/link/out", "file", "file/out"])
def test_no_link_and_no_file_is_gone_through(run, tmp_path, path):
    workspace = tmp_path / "workspace"
    (tmp_path / "elsewhere").mkdir()
    (workspace / "folder").mkdir()
    for link in ("link", "folder/link"):
        (workspace / link).symlink_to(tmp_path / "elsewhere")
    (workspace / "file").touch()

    assert refusal(lambda text: folder.open_output_folder(run, text), path) == (
        f"leads to {path.removesuffix('/out')!r}, where nothing can be written: it is a link, or no"
        " folder; remove it"
    )
    assert contents(tmp_path / "elsewhere") == {}


@root_only
def test_a_folder_of_another_user_is_refused(run, tmp_path):
    there = tmp_path / "workspace" / "there"
    there.mkdir()
    os.chown(there, ANOTHER, ANOTHER)

    assert refusal(lambda text: folder.open_output_folder(run, text), "there/out") == (
        "leads to 'there', where nothing can be written: it belongs to another user; remove it"
    )


@root_only
def test_everything_is_given_to_the_owner_of_the_workspace(run, tmp_path):
    workspace = tmp_path / "workspace"
    os.chown(workspace, ANOTHER, ANOTHER + 1)

    opened = folder.open_output_folder(run, "in/out")

    made = [opened.parent, opened, opened / ".gitignore"]
    assert [(each.stat().st_uid, each.stat().st_gid) for each in made] == [
        (ANOTHER, ANOTHER + 1)
    ] * 3
    assert [stat.S_IMODE(each.stat().st_mode) for each in made] == [0o755, 0o755, 0o644]


@pytest.mark.parametrize("path", ["..", "../out", "/etc/out", "{}/workspace", "{}/workspace/../x"])
def test_a_path_elsewhere_is_no_folder_for_us(run, tmp_path, path):
    with pytest.raises(ValueError, match="which is no plain path; write one that starts in"):
        folder.open_output_folder(run, path.format(tmp_path.as_posix()))


def test_what_the_system_refuses_is_said(run, tmp_path):
    too_long = "x" * 300
    assert refusal(lambda text: folder.open_output_folder(run, text), too_long) == (
        "cannot be written: File name too long; write a shorter path"
    )
    (tmp_path / "workspace" / "out" / ".gitignore").mkdir(parents=True)
    assert refusal(lambda text: folder.open_output_folder(run, text), "out") == (
        "cannot be written: Is a directory; remove the folder that is in its place"
    )


# --- a file in it


@posix_only
def test_a_file_has_its_name_when_it_is_whole_and_later_steps_can_read_it(tmp_path):
    file = tmp_path / "file.csv"
    with folder.writing(file) as text:
        text.write("a,\xe9\r\n")
        assert not file.exists()
    assert contents(tmp_path) == {"file.csv": "a,\xe9\r\n".encode()}
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


@posix_only
def test_what_stood_there_is_replaced_and_a_link_is_not_written_through(tmp_path):
    (tmp_path / "elsewhere").write_text("kept")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with folder.writing(tmp_path / "link") as text:
        text.write("new")
    assert contents(tmp_path) == {"link": b"new", "elsewhere": b"kept"}


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_file_that_does_not_come_to_its_end_leaves_nothing_and_the_one_before(tmp_path, error):
    (tmp_path / "file").write_text("before")

    def broken():
        with folder.writing(tmp_path / "file") as text:
            text.write("half")
            raise error

    with pytest.raises(error):
        broken()
    assert contents(tmp_path) == {"file": b"before"}


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_what_goes_wrong_when_a_file_has_its_name_already_is_said_as_it_is(tmp_path, error):
    def broken():
        with folder.writing(tmp_path / "file"):
            (made,) = tmp_path.iterdir()
            made.unlink()
            raise error

    with pytest.raises(error) as caught:
        broken()
    assert type(caught.value) is error


# --- what stands in it


def test_a_file_is_known_by_its_digest(tmp_path):
    content = os.urandom(3 * 1024 * 1024 + 1)
    (tmp_path / "file").write_bytes(content)
    assert folder.digest(tmp_path / "file", len(content)) == hashlib.sha256(content).hexdigest()
    assert folder.digest(tmp_path / "file", len(content) - 1) is None
    assert folder.digest(tmp_path / "file", len(content) + 1) is None


def test_what_is_no_file_has_no_digest(tmp_path):
    (tmp_path / "folder").mkdir()
    for name in ("folder", "none", "folder/none"):
        assert folder.digest(tmp_path / name, (tmp_path / "folder").stat().st_size) is None


@posix_only
@pytest.mark.parametrize("kind", ["pipe", "link", "device", "endless"])
def test_what_was_planted_instead_of_a_file_is_not_read(tmp_path, kind):
    planted = tmp_path / "planted"
    (tmp_path / "file").write_bytes(b"12345")
    if kind == "pipe":
        os.mkfifo(planted)
    elif kind == "endless":
        planted.touch()
        os.truncate(planted, 2**40)
    else:
        planted.symlink_to(tmp_path / "file" if kind == "link" else "/dev/zero")
    assert folder.digest(planted, 5) is None
    assert folder.digest(planted, 0) is None


def test_what_a_killed_process_left_of_a_file_is_cleared(tmp_path):
    file = tmp_path / "deployments.csv"
    for name in (".deployments.csv.a1b2", ".deployments.csv", "deployments.csv", ".other.x"):
        (tmp_path / name).write_text("x", "utf-8")
    folder.clear(file)
    left = sorted(each.name for each in tmp_path.iterdir())
    assert left == [".deployments.csv", ".other.x", "deployments.csv"]
