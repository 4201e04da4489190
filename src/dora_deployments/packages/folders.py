"""Where packages are kept: named after what they fit, whole or not there at all."""

import hashlib
import os
import stat
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Final

_FOLDER: Final = "dora-deployments"
_DRAFT: Final = ".draft-"
_ROOM: Final = 100 * 1024 * 1024  # bytes, three times what all packages take
_OLD: Final = 3600  # seconds, when whoever made a draft has ended without clearing it away


def homes(environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield the folders to keep packages in, the best one first.

    That is the runner's tool cache, which outlives the job where the runner does, then its
    temporary folder, which the steps of a job share.
    """
    for variable in ("RUNNER_TOOL_CACHE", "RUNNER_TEMP"):
        value = environ.get(variable)
        if value:
            yield Path(value).absolute() / _FOLDER


def name_of(lock: bytes, fits: Sequence[str] | None = None) -> str:
    """Return the name of the folder for the packages of `lock` and of what they must fit.

    That is, if not given, this Python, processor and C library: jobs in containers share the
    tool cache of their machine, while compiled packages fit one of each.
    """
    digest = hashlib.sha256(b"\0".join([lock, *map(str.encode, fits or what_fits())]))
    return f"{sys.implementation.cache_tag}-{digest.hexdigest()[:16]}"


def what_fits() -> tuple[str, ...]:
    """Return names of this Python and its libraries, of the processor, and of the C library."""
    libc = ""
    with suppress(AttributeError, OSError, ValueError):  # only GNU's says its version
        libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
    machine = os.uname().machine if hasattr(os, "uname") else ""
    return (EXTENSION_SUFFIXES[0], machine, libc)


def is_ours(folder: Path) -> bool:
    """Return whether `folder` is there and can be read, while only we and root can change it."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    # Windows has neither users by number nor such modes.
    owners = {0, os.geteuid()} if hasattr(os, "geteuid") else {found.st_uid}
    others = 0o022 if os.name == "posix" else 0
    return (
        stat.S_ISDIR(found.st_mode)
        and os.access(folder, os.R_OK | os.X_OK)
        and found.st_uid in owners
        and not found.st_mode & others
    )


def _clear(home: Path) -> None:
    """Remove drafts of those who were killed, and nothing else: `home` may be a planted link."""
    import shutil

    for old in home.glob(f"{_DRAFT}*"):
        with suppress(FileNotFoundError):  # another job has just removed it
            if time.time() - old.lstat().st_mtime > _OLD:
                shutil.rmtree(old, ignore_errors=True)


def draft(among: Sequence[Path], name: str) -> Path:
    """Return a new folder to make packages in, beside the place where they will be kept.

    A home that is full, cannot be written, or has something foreign of that name is passed
    over. The last resort is a folder that no other process will know of.
    """
    import shutil
    import tempfile

    for home in among:
        with suppress(OSError):
            home.mkdir(mode=0o755, parents=True, exist_ok=True)
            _clear(home)
            if not os.path.lexists(home / name) and shutil.disk_usage(home).free >= _ROOM:
                return Path(tempfile.mkdtemp(prefix=_DRAFT, dir=home))
    return Path(tempfile.mkdtemp(dir=tempfile.mkdtemp(prefix=f"{_FOLDER}-")))
