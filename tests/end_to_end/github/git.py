"""Write and read a real git repository through two long-lived git processes.

`git fast-import` makes the objects and names each as soon as it is made; `git diff-tree` compares
commits, with its own detection of renames. A process for every commit would take a hundred times
as long.
"""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import threading
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from typing_extensions import Self

_WHO: Final = "Grace Hopper <grace@acme.example>"
_SCRATCH: Final = "refs/stand-in/last"
_MARK: Final = "mark"
_END: Final = b"end\n"
_STATUSES: Final = {
    "A": "added",
    "M": "modified",
    "D": "removed",
    "R": "renamed",
    "T": "changed",
}


class File(NamedTuple):
    """What a path holds: text, or for mode `120000` the target of a symbolic link."""

    text: str
    mode: str = "100644"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedFile:
    """How one file differs between two commits; `status` is in GitHub's words for REST."""

    path: str
    status: str
    previous: str | None
    sha: str
    additions: int
    deletions: int


class Git:
    """A bare repository in `folder`, which is made. Safe to use from several threads.

    The processes end with the context, or with the object.
    """

    def __init__(self, folder: Path) -> None:
        # Without the template: its sample hooks take longer than the rest.
        init = ("init", "--quiet", "--bare", "--initial-branch=main", "--template=")
        subprocess.run(["git", *init, folder], check=True)
        self.folder = folder
        self._lock = threading.RLock()
        self._import = self._start("fast-import", "--quiet", "--force", "--date-format=raw")
        self._differences = self._start(
            *("diff-tree", "--stdin", "--no-commit-id", "-r", "-M", "-z", "--no-abbrev"),
            *("--raw", "--numstat"),
        )
        # What is not written out yet can only be named by its mark.
        self._marks: dict[str, int] = {}
        self._unwritten = False
        self._end = weakref.finalize(self, _end, (self._import, self._differences))
        # The answers never change: what they are asked about is named by SHA.
        self.changes = functools.lru_cache(maxsize=None)(self._changes)
        self.object_sha = functools.lru_cache(maxsize=None)(self._object_sha)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def commit(
        self,
        parents: Sequence[str],
        changes: Mapping[str, File | None],
        message: str,
        authored: datetime,
        committed: datetime,
    ) -> str:
        """Make a commit of the first parent's files with `changes`; return its SHA.

        None removes a path. No branch moves.
        """
        lines = [
            f"reset {_SCRATCH}\n",
            f"commit {_SCRATCH}",
            _MARK,
            f"author {_WHO} {_raw(authored)}",
            f"committer {_WHO} {_raw(committed)}",
            _data(message),
        ]
        lines += [
            f"{'merge' if n else 'from'} :{self._marks[sha]}" for n, sha in enumerate(parents)
        ]
        # Removals first: a file may make room for a folder of its name.
        lines += [f"D {path}" for path, file in changes.items() if file is None]
        lines += [
            f"M {file.mode} inline {path}\n{_data(file.text)}"
            for path, file in changes.items()
            if file is not None
        ]
        return self._made(lines)

    def tag(self, name: str, target: str, message: str, tagged: datetime) -> str:
        """Make a tag object and the tag that names it; return the object's SHA."""
        return self._made(
            [
                f"tag {name}",
                _MARK,
                f"from :{self._marks[target]}",
                f"tagger {_WHO} {_raw(tagged)}",
                _data(message),
            ]
        )

    def point(self, ref: str, sha: str) -> None:
        """Let `ref`, all of its name, point to `sha`."""
        with self._lock:
            self._write([f"reset {ref}", f"from :{self._marks[sha]}", ""])

    def run(self, *arguments: str) -> str:
        """Run any git command on the repository as it is now; return what it printed."""
        self._flush()
        return subprocess.run(
            ["git", "-C", self.folder, *arguments], check=True, capture_output=True, text=True
        ).stdout

    def _object_sha(self, expression: str) -> str | None:
        """Look up an object by an expression that begins with a full SHA; None if there is none."""
        with contextlib.suppress(subprocess.CalledProcessError):
            return self.run("rev-parse", "--verify", "--quiet", expression).strip()
        return None

    def _changes(self, base: str | None, head: str) -> tuple[ChangedFile, ...]:
        """Compare two commits' files in order of their paths; None is the empty tree."""
        self._flush()
        if base is None:
            listed = subprocess.run(
                [*self._differences.args, "--root"],  # type: ignore[misc, unused-ignore]
                input=f"{head}\n".encode(),
                check=True,
                capture_output=True,
            ).stdout
            return _changed_files(listed)
        with self._lock:
            # git repeats a line that names no object, and flushes: that is how the end shows.
            _stdin(self._differences).write(f"{head} {base}\n".encode() + _END)
            _stdin(self._differences).flush()
            listed = b""
            while listed != _END and not listed.endswith(b"\0" + _END):
                read = os.read(_stdout(self._differences).fileno(), 1 << 20)
                if not read:
                    raise RuntimeError(f"git diff-tree ended at {base}...{head}")
                listed += read
        return _changed_files(listed.removesuffix(_END))

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        # To wait for the disk at each checkpoint takes longer than all else.
        git = ("git", "-c", "core.fsync=none", "-C", self.folder)
        return subprocess.Popen([*git, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def _made(self, lines: Sequence[str]) -> str:
        with self._lock:
            mark = len(self._marks) + 1
            numbered = (f"mark :{mark}" if line is _MARK else line for line in lines)
            self._write([*numbered, f"get-mark :{mark}"])
            sha = self._answer()
            self._marks.setdefault(sha, mark)
        return sha

    def _write(self, lines: Iterable[str]) -> None:
        _stdin(self._import).write("".join(f"{line}\n" for line in lines).encode())
        self._unwritten = True

    def _answer(self) -> str:
        _stdin(self._import).flush()
        line = _stdout(self._import).readline().decode().strip()
        if not line:
            raise RuntimeError("git fast-import ended; its reason is on standard error")
        return line

    def _flush(self) -> None:
        """Let every other git process see what was made."""
        with self._lock:
            if self._unwritten:
                self._write(["checkpoint", "progress written"])
                self._answer()
                self._unwritten = False


def _raw(moment: datetime) -> str:
    return f"{int(moment.timestamp())} +0000"


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}"


def _changed_files(listed: bytes) -> tuple[ChangedFile, ...]:
    """Read `--raw --numstat -z`: first how each file changed, then by how many lines."""
    fields = iter(listed.decode().split("\0")[:-1])
    found: dict[str, tuple[str, str | None, str]] = {}
    counted: list[ChangedFile] = []
    for field in fields:
        if field.startswith(":"):
            _, _, _, sha, status = field.split(" ")
            previous = next(fields) if status[0] == "R" else None
            path = next(fields)
            found[path] = (_STATUSES[status[0]], previous, sha)
            continue
        added, deleted, path = field.split("\t")
        if not path:
            _, path = next(fields), next(fields)
        status, previous, sha = found[path]
        counted.append(
            ChangedFile(
                path=path,
                status=status,
                previous=previous,
                sha=sha,
                # git counts no lines of a binary file and says so with a hyphen.
                additions=0 if added == "-" else int(added),
                deletions=0 if deleted == "-" else int(deleted),
            )
        )
    return tuple(counted)


def _stdin(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stdin is not None
    return process.stdin


def _stdout(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stdout is not None
    return process.stdout


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.communicate()
