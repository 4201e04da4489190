"""Read a file of the checkout, which a stranger's commit may have planted there."""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, NoReturn

from dora_deployments.actions.text import has_controls, shown

# On these events the workspace may hold what a stranger wrote.
STRANGE: Final = frozenset({"pull_request_target", "workflow_run"})
# A link that appears after the look is not followed, and a pipe does not block. Windows
# has neither flag.
_FLAGS: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def read(workspace: str | None, path: str, largest: int) -> bytes | None:
    """Return the content of the regular file at `path` inside `workspace`, if there is one.

    Nothing outside is ever read: `ValueError` says, in words that follow the file's name,
    why a path, a link, a folder, a pipe or more than `largest` bytes is refused.
    """
    segments(path)
    if not workspace:
        return None
    try:
        if _status(workspace, path) is None:
            return None
        with regular(Path(workspace, path)) as opened:
            content = opened.read(largest + 1)
    except OSError as error:
        raise _unreadable(error) from None
    if len(content) > largest:
        raise ValueError(f"is larger than {largest} bytes; shorten it, or take it away")
    return content


@contextmanager
def regular(file: Path) -> Iterator[BinaryIO]:
    """Open `file` to read it; `ValueError` if it is a link, or no regular file."""
    _require_regular(file.lstat())
    with open(file, "rb", opener=_opened) as opened:
        _require_regular(os.fstat(opened.fileno()))
        yield opened


def files(workspace: Path, path: str, suffix: str) -> Iterator[str]:
    """Yield the path of every file at `path`, or beneath it if that is a folder, in order.

    Beneath a folder only names that end with `suffix` count, and hidden ones do not. What is
    a link or no regular file is among them, for `read` to refuse; no link is followed.
    `ValueError` says, in words that follow the path, why it is refused.
    """
    try:
        status = _status(workspace, path)
        if status is not None and stat.S_ISDIR(status.st_mode):
            yield from _beneath(workspace, path, suffix)
        elif status is not None:
            yield path
    except OSError as error:
        raise _unreadable(error) from None


def segments(path: str) -> tuple[str, ...]:
    """Return the names that make up a relative path with forward slashes.

    `ValueError` if it could mean anything outside of where it starts, on any system.
    """
    names = tuple(path.split("/"))
    if (
        {"", ".", ".."} & set(names)
        or "\\" in path
        or re.match("[A-Za-z]:", path)
        or has_controls(path)
    ):
        raise ValueError(
            f"is {shown(path)}, which is no plain path; write one that starts in the workspace,"
            " with forward slashes and without . or .. between them"
        )
    return names


def _status(workspace: str | Path, path: str) -> os.stat_result | None:
    """Return what is at `path`, if anything; `ValueError` for a link on the way to it."""
    names = segments(path)
    try:
        for count in range(1, len(names) + 1):
            status = Path(workspace, *names[:count]).lstat()
            if is_link(status):
                raise ValueError(
                    f"is or goes through the link {shown('/'.join(names[:count]))}; write the path"
                    " of the file itself"
                )
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status


def _beneath(workspace: Path, path: str, suffix: str) -> Iterator[str]:
    def fail(error: OSError) -> NoReturn:  # a folder that is left out would go unseen
        raise error

    for folder, folders, names in os.walk(workspace / path, onerror=fail):
        here = Path(folder).relative_to(workspace).as_posix()
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        linked = [name for name in folders if is_link(Path(folder, name).lstat())]
        plain = [name for name in names if name.endswith(suffix) and not name.startswith(".")]
        for name in sorted([*linked, *plain]):
            yield f"{here}/{name}"


def _unreadable(error: OSError) -> ValueError:
    return ValueError(f"cannot be read ({error.strerror}); let the step's user read it")


def _opened(path: str, flags: int) -> int:
    return os.open(path, flags | _FLAGS)


def is_link(status: os.stat_result) -> bool:
    """Return whether what was looked at, by `lstat`, leads elsewhere."""
    # Windows has junctions, which are reparse points and no symbolic links.
    attributes: int = getattr(status, "st_file_attributes", 0)
    return stat.S_ISLNK(status.st_mode) or bool(attributes & stat.FILE_ATTRIBUTE_REPARSE_POINT)


def _require_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe, a socket or a device"
        raise ValueError(f"is {kind}; write the path of a regular file")
