"""A folder of ours in the workspace, and the files in it.

A stranger's commit may have planted a folder, files or links of the same names there: none of
them is written through, and none is trusted.
"""

import errno
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TextIO

from dora_deployments.actions import workspace
from dora_deployments.actions.run import Run
from dora_deployments.actions.text import shown
from dora_deployments.errors import why_unwritable

_READABLE: Final = 0o644  # by later steps, which may be another user's
_CHUNK: Final = 1024 * 1024  # bytes of a file in memory
# What is wrong with a path, and not with the disk that it leads to.
_OF_THE_PATH: Final = frozenset({errno.ENAMETOOLONG, errno.EINVAL, errno.EISDIR, errno.ENOTDIR})


def bases(run: Run) -> tuple[Path, ...]:
    """Return where a folder may be: in the workspace, or else where temporary files are."""
    known = [run.workspace, run.temp]
    with suppress(OSError):  # it cannot be written
        known.append(tempfile.gettempdir())
    return tuple(Path(base) for base in known if base and _is_folder(Path(base)))


def resolve_path(path: str, bases: Sequence[Path]) -> tuple[Path, str]:
    """Return the base that `path`, an input, starts in or is written with, and the rest of it.

    `ValueError` says, in words that follow the path, why it cannot be used.
    """
    if Path(path).is_absolute():
        for base in bases:
            with suppress(ValueError):
                return base, Path(path).relative_to(base).as_posix()
    workspace.segments(path)
    if not bases:
        raise ValueError("cannot be found, since there is no workspace; let GITHUB_WORKSPACE be")
    return bases[0], path


def open_output_folder(run: Run, path: str) -> Path:
    """Return the folder at `path`, an input, made if need be and hidden from git.

    `ValueError` says, in words that follow the input's name, why it cannot be used.
    """
    base, rest = resolve_path(path, bases(run))
    folder, allowed = base, owners(base)
    names = workspace.segments(rest)
    if ".git" in map(str.lower, names):
        raise ValueError(f"is {shown(path)}, which is git's own; write another folder")
    for name in names:
        folder /= name
        try:
            problem = ensure_folder(folder, allowed)
        except OSError as error:
            raise unwritable(error) from None
        if problem is not None:
            raise ValueError(
                f"leads to {shown(folder.relative_to(base).as_posix())}, where nothing can be"
                f" written: {problem}"
            )
    try:
        hide(folder)
    except OSError as error:
        raise unwritable(error) from None
    return folder


class UnwritableError(ValueError):
    """The runner does not let us write, for no fault of an input that its words follow."""


def unwritable(error: OSError) -> ValueError:
    """Return what stops us from writing, in words that follow the input's name.

    It is an `UnwritableError` unless the path itself is what no system takes.
    """
    words = f"cannot be written: {why_unwritable(error)}"
    return ValueError(words) if error.errno in _OF_THE_PATH else UnwritableError(words)


def ensure_folder(folder: Path, owners: set[int]) -> str | None:
    """Make `folder` unless it is there; return why nothing is written in it, if so."""
    with suppress(FileExistsError):
        folder.mkdir()
        chown_to_parent(folder, 0o755)
    return unusable(folder.lstat(), owners)


def hide(folder: Path) -> None:
    """Hide `folder` from git, unless a regular file in it already says what git sees."""
    file = folder / ".gitignore"
    with suppress(FileNotFoundError):
        if stat.S_ISREG(file.lstat().st_mode):
            return
    with writing(file) as text:
        text.write("*\n")


def unusable(folder: os.stat_result, owners: set[int]) -> str | None:
    """Return why nothing is written in such a folder, if it is no folder of one of `owners`."""
    if workspace.is_link(folder) or not stat.S_ISDIR(folder.st_mode):
        return "it is a link, or no folder; remove it"
    if folder.st_uid not in owners:
        return "it belongs to another user; remove it"
    return None


def owners(place: Path) -> set[int]:
    """Return the users whose folder may be written to: where all may write, others plant some."""
    ours = getattr(os, "geteuid", lambda: place.stat().st_uid)()  # Windows has no such users
    return {ours, place.stat().st_uid}


@contextmanager
def writing(file: Path) -> Iterator[TextIO]:
    """Give a file to write, which takes its name once it is whole, or never.

    What stood there, a link for example, is replaced.
    """
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        # Line ends are left as they are written.
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as opened:
            yield opened
        chown_to_parent(Path(name), _READABLE)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)  # it may have its name already
        raise


def digest(file: Path, size: int) -> str | None:
    """Return the SHA-256 of a regular file of `size` bytes, None for anything else.

    No more than those bytes are read, whatever was planted there.
    """
    read = hashlib.sha256()
    try:
        with workspace.regular(file) as opened:
            if os.fstat(opened.fileno()).st_size != size:
                return None
            for start in range(0, size, _CHUNK):
                read.update(opened.read(min(_CHUNK, size - start)))
    except (OSError, ValueError):
        return None
    return read.hexdigest()


def clear(file: Path) -> None:
    """Remove what is left of the writing of `file` by a process that was killed."""
    for other in file.parent.iterdir():
        if other.name.startswith(f".{file.name}."):
            other.unlink()


def chown_to_parent(made: Path, mode: int = _READABLE) -> None:
    """Let other users read what was made, and give it to the owner of what it is in.

    In a container this step is root, and the runner that clears the workspace is not.
    """
    made.chmod(mode)
    owner = made.parent.stat()
    with suppress(OSError, AttributeError):  # not allowed, or not known on Windows
        os.chown(made, owner.st_uid, owner.st_gid)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # this user may not look into what is around it
        return False
