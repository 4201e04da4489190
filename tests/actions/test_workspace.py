import os
import shutil
import socket
import stat
import sys
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dora_deployments.actions import workspace
from tests.actions.refusals import refusal

LARGEST = 64
PATH = ".github/dora.yml"
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "workspace"
    (folder / ".github").mkdir(parents=True)
    return folder


def read(root, path=PATH):
    return workspace.read(str(root), path, LARGEST)


def refused(root, path=PATH):
    return refusal(lambda text: read(root, text), path)


def no_plain_path(text):
    return (
        f"is {text!r}, which is no plain path; write one that starts in the workspace, with"
        " forward slashes and without . or .. between them"
    )


@pytest.mark.parametrize("content", [b"", b"services:\r\n", b"\xff\x00", b"x" * LARGEST])
def test_a_regular_file_is_read_as_it_is(root, content):
    (root / PATH).write_bytes(content)
    assert read(root) == content


def test_a_file_one_byte_too_large_is_refused(root):
    (root / PATH).write_bytes(b"x" * (LARGEST + 1))
    assert refused(root) == "is larger than 64 bytes; shorten it, or take it away"


@posix_only
@pytest.mark.threat(13)
def test_a_file_larger_than_any_memory_is_not_read_whole(root):
    (root / PATH).touch()
    os.truncate(root / PATH, 2**42)  # nothing is written: the file is a hole
    assert refused(root) == "is larger than 64 bytes; shorten it, or take it away"


@pytest.mark.parametrize("path", [PATH, "no/such/folder.yml", ".github/dora.yml/below"])
def test_no_file_is_none(root, path):
    if path != PATH:
        (root / PATH).write_bytes(b"")
    assert read(root, path) is None


@pytest.mark.parametrize("none", [None, ""])
def test_no_workspace_has_no_file_but_a_bad_path_is_refused_all_the_same(none):
    assert workspace.read(none, PATH, LARGEST) is None
    with pytest.raises(ValueError, match="no plain path"):
        workspace.read(none, "../x", LARGEST)


def test_a_missing_workspace_has_no_file(tmp_path):
    assert read(tmp_path / "none") is None


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "//server/share",
        "../dora.yml",
        ".github/../../dora.yml",
        "..",
        ".",
        "./dora.yml",
        ".github//dora.yml",
        ".github/",
        ".github\\dora.yml",
        "..\\dora.yml",
        "C:/dora.yml",
        "c:dora.yml",
        "a\x00b",
        "a\nb",
        "a\ud800b",
    ],
    ids=ascii,
)
def test_a_path_that_could_lead_elsewhere_is_refused(root, path):
    assert refused(root, path) == no_plain_path(path)


@pytest.mark.parametrize("path", ["dora.yml", ".github/dora.yml", "caf\xe9/a b.yml", "..a/b.."])
def test_a_plain_path_is_its_names(path):
    assert workspace.segments(path) == tuple(path.split("/"))


@posix_only
@pytest.mark.parametrize("target", ["there", "nowhere", "/dev/zero"])
def test_a_link_is_refused_wherever_it_leads(root, target):
    (root / ".github" / "there").write_bytes(b"secret")
    (root / PATH).symlink_to(target)
    assert refused(root) == (
        "is or goes through the link '.github/dora.yml'; write the path of the file itself"
    )


@posix_only
def test_a_link_on_the_way_is_refused(root, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "dora.yml").write_bytes(b"secret")
    (root / "config").symlink_to(tmp_path / "outside")
    assert refused(root, "config/dora.yml") == (
        "is or goes through the link 'config'; write the path of the file itself"
    )


@posix_only
def test_the_workspace_itself_may_be_a_link(root, tmp_path):
    (root / PATH).write_bytes(b"x")
    (tmp_path / "link").symlink_to(root)
    assert read(tmp_path / "link") == b"x"


def test_a_folder_is_refused(root):
    assert refused(root, ".github") == "is a folder; write the path of a regular file"


@posix_only
@pytest.mark.timeout(5)
def test_a_pipe_is_refused_and_never_waited_for(root):
    os.mkfifo(root / PATH)
    assert refused(root) == ("is a pipe, a socket or a device; write the path of a regular file")


@posix_only
def test_a_socket_is_refused(root, monkeypatch):
    monkeypatch.chdir(root)  # the paths of sockets must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        assert refused(root, "s") == (
            "is a pipe, a socket or a device; write the path of a regular file"
        )


@posix_only
def test_what_cannot_be_read_is_refused_with_the_systems_reason(root):
    assert refused(root, "x" * 300) == (
        "cannot be read (File name too long); let the step's user read it"
    )


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="root and Windows read anything"
)
def test_a_file_of_somebody_else_is_refused(root):
    (root / PATH).write_bytes(b"x")
    (root / PATH).chmod(0)
    assert refused(root) == "cannot be read (Permission denied); let the step's user read it"


@given(path=st.text() | st.text("a./\\:", max_size=8))
def test_any_text_is_a_path_inside_or_refused_in_one_short_line(path):
    try:
        names = workspace.segments(path)
    except ValueError as error:
        message = str(error)
        assert type(error) is ValueError  # noqa: PT017 - some paths are good
        assert message.isprintable()
        assert len(message) < 600
    else:
        assert names
        assert not {"", ".", ".."} & set(names)
        assert path[0] != "/"


# --- files


def found(root, path="saved"):
    return list(workspace.files(root, path, ".json"))


def planted(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"{}")


def test_every_file_beneath_a_folder_is_found_in_order(root):
    # As several artifacts are downloaded: each into a folder of its own.
    paths = [
        "saved/b.json",
        "saved/job 1/a.json",
        "saved/job 1/dora-undelivered/z.json",
        "saved/job 2/caf\xe9.json",
        "saved/job.json/x.json",
    ]
    others = ["saved/a.txt", "saved/.gitignore", "saved/x.JSON", "saved/json", "else/c.json"]
    hidden = ["saved/.json", "saved/.a.json", "saved/.git/a.json", "saved/job 1/.x/b.json"]
    planted(root, *reversed(paths), *others, *hidden)
    assert found(root) == paths
    assert found(root, "saved/job 1") == paths[1:3]


@pytest.mark.parametrize("path", ["saved/a.json", "saved/any name", ".saved/.json"])
def test_one_file_is_found_by_its_path_whatever_its_name(root, path):
    planted(root, path)
    assert found(root, path) == [path]


@pytest.mark.parametrize("path", ["saved", "saved/below", "a/b/c.json"])
def test_nothing_is_found_where_nothing_is(root, path):
    planted(root, "a/b")
    assert found(root, path) == []
    (root / "saved").mkdir()
    assert found(root, path) == []


@posix_only
def test_links_and_pipes_are_found_to_be_refused_and_never_followed(root, tmp_path):
    planted(tmp_path, "outside/secret.json")
    planted(root, "saved/a.json")
    saved = root / "saved"
    (saved / "to a file.json").symlink_to(tmp_path / "outside" / "secret.json")
    (saved / "to a folder").symlink_to(tmp_path / "outside")
    (saved / "to itself").symlink_to(saved)
    (saved / "to nothing.json").symlink_to("nothing")
    (saved / "to nothing").symlink_to("nothing")
    (saved / ".hidden").symlink_to(tmp_path / "outside")
    os.mkfifo(saved / "pipe.json")
    os.mkfifo(saved / "pipe")
    paths = [
        "saved/a.json",
        "saved/pipe.json",
        "saved/to a file.json",
        "saved/to a folder",
        "saved/to itself",
        "saved/to nothing.json",
    ]
    assert found(root) == paths
    pipe = "is a pipe, a socket or a device; write the path of a regular file"
    links = [
        f"is or goes through the link '{path}'; write the path of the file itself"
        for path in paths[2:]
    ]
    assert [refused(root, path) for path in paths[1:]] == [pipe, *links]


@posix_only
@pytest.mark.parametrize("path", ["saved", "saved/a.json", "saved/none"])
def test_nothing_is_found_behind_a_link(root, tmp_path, path):
    planted(tmp_path, "outside/a.json")
    (root / "saved").symlink_to(tmp_path / "outside")
    assert refusal(lambda text: found(root, text), path) == (
        "is or goes through the link 'saved'; write the path of the file itself"
    )


@pytest.mark.parametrize("path", ["", ".", "..", "../x", "/etc", "saved/", "saved/../.."])
def test_nothing_is_looked_for_outside(root, path):
    assert refusal(lambda text: found(root, text), path) == no_plain_path(path)


@posix_only
@pytest.mark.parametrize("name", ["a\nb.json", "a\\b.json", "a\x1b[2Jb.json"], ids=ascii)
def test_a_file_of_an_odd_name_is_found_to_be_refused(root, name):
    planted(root, f"saved/{name}")
    assert found(root) == [f"saved/{name}"]
    assert refused(root, f"saved/{name}") == no_plain_path(f"saved/{name}")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names themselves")
def test_a_name_that_is_no_text_is_found_to_be_refused(root):
    planted(root, os.fsdecode(b"saved/\xff.json"))
    assert found(root) == ["saved/\udcff.json"]
    assert refused(root, "saved/\udcff.json") == no_plain_path("saved/\udcff.json")


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="root and Windows read anything"
)
@pytest.mark.parametrize("path", ["saved", "saved/closed", "saved/closed/a.json"])
def test_a_folder_of_somebody_else_is_refused(root, path):
    planted(root, "saved/closed/a.json")
    (root / "saved" / "closed").chmod(0)
    try:
        message = refusal(lambda text: found(root, text), path)
    finally:
        (root / "saved" / "closed").chmod(0o755)
    assert message == "cannot be read (Permission denied); let the step's user read it"


def test_a_folder_that_goes_while_it_is_read_is_refused(root):
    planted(root, "saved/a.json", "saved/below/b.json")
    files = workspace.files(root, "saved", ".json")
    assert next(files) == "saved/a.json"
    shutil.rmtree(root / "saved" / "below")
    message = refusal(list, files)
    assert message.startswith("cannot be read (")
    assert message.endswith("); let the step's user read it")


@posix_only
def test_a_path_that_is_too_long_is_refused(root):
    assert refusal(lambda text: found(root, text), "x" * 300) == (
        "cannot be read (File name too long); let the step's user read it"
    )


@pytest.mark.threat(13)
def test_a_thousand_and_one_files_are_found_one_by_one(root):
    paths = [f"saved/{number:04}.json" for number in range(1_001)]
    planted(root, *paths)
    assert found(root) == paths


@pytest.mark.threat(10)
@pytest.mark.parametrize(
    ("mode", "attributes", "leads_elsewhere"),
    [
        (stat.S_IFLNK, {}, True),
        (stat.S_IFLNK, {"st_file_attributes": 0}, True),
        (stat.S_IFREG, {}, False),
        (stat.S_IFDIR, {"st_file_attributes": 0x10}, False),
        # A junction: a folder to all but this mark.
        (stat.S_IFDIR, {"st_file_attributes": 0x410}, True),
    ],
)
def test_links_and_the_junctions_of_windows_lead_elsewhere(mode, attributes, leads_elsewhere):
    status = SimpleNamespace(st_mode=mode, **attributes)
    assert workspace.is_link(status) is leads_elsewhere
