import os
import socket
import sys

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
        f"is {text!r}, which is no plain path; write one that starts in the repository, with"
        " forward slashes and without . or .. between them"
    )


@pytest.mark.parametrize("content", [b"", b"services:\r\n", b"\xff\x00", b"x" * LARGEST])
def test_a_regular_file_is_read_as_it_is(root, content):
    (root / PATH).write_bytes(content)
    assert read(root) == content


def test_a_file_one_byte_too_large_is_refused(root):
    (root / PATH).write_bytes(b"x" * (LARGEST + 1))
    assert refused(root) == "is larger than 64 bytes; write less into it"


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
