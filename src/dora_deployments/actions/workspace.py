"""Read a file of the checkout, which a stranger's commit may have planted there."""

import os
import re
import stat
from pathlib import Path
from typing import Final

from dora_deployments.actions.text import has_controls, shown

# A link that appears after the look is not followed, and a pipe does not block. Windows
# has neither flag.
_FLAGS: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def read(workspace: str | None, path: str, largest: int) -> bytes | None:
    """Return the content of the regular file at `path` inside `workspace`, if there is one.

    Nothing outside is ever read: `ValueError` says, in words that follow the file's name,
    why a path, a link, a folder, a pipe or more than `largest` bytes is refused.
    """
    names = segments(path)
    if not workspace:
        return None
    file = Path(workspace, *names)
    try:
        for count in range(1, len(names) + 1):
            status = Path(workspace, *names[:count]).lstat()
            if _is_link(status):
                raise ValueError(
                    f"is or goes through the link {shown('/'.join(names[:count]))}; write the path"
                    " of the file itself"
                )
        _require_regular(status)
        with open(file, "rb", opener=_opened) as opened:
            _require_regular(os.fstat(opened.fileno()))
            content = opened.read(largest + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ValueError(
            f"cannot be read ({error.strerror}); let the step's user read it"
        ) from None
    if len(content) > largest:
        raise ValueError(f"is larger than {largest} bytes; write less into it")
    return content


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
            f"is {shown(path)}, which is no plain path; write one that starts in the repository,"
            " with forward slashes and without . or .. between them"
        )
    return names


def _opened(path: str, flags: int) -> int:
    return os.open(path, flags | _FLAGS)


def _is_link(status: os.stat_result) -> bool:
    # Windows has junctions, which are reparse points and no symbolic links.
    attributes: int = getattr(status, "st_file_attributes", 0)
    return stat.S_ISLNK(status.st_mode) or bool(attributes & stat.FILE_ATTRIBUTE_REPARSE_POINT)


def _require_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe, a socket or a device"
        raise ValueError(f"is {kind}; write the path of a regular file")
