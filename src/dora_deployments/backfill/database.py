"""The file of the state: taken for one run alone, and refused if it is none of ours.

A stranger's commit may have planted it, or what SQLite keeps beside it.
"""

import sqlite3
import stat
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from dora_deployments.actions import workspace
from dora_deployments.delivery import folder as folders

FILE: Final = "state.sqlite3"
# No column has a type, so that a value stays what it was when it was signed. `place` is the order
# in which to send, `run` the run to which a report belongs. What has no `status` was never sent.
_SCHEMA: Final = (
    "CREATE TABLE facts (kind, name, value, mac, PRIMARY KEY (kind, name))",
    (
        "CREATE TABLE outbox (backend, id, place, run, service, method, body, status, message,"
        " detail, topic, http_status, attempts, mac, PRIMARY KEY (backend, id))"
    ),
    "CREATE INDEX places ON outbox (backend, run, place, id)",
)
_SCHEMA_OF: Final = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"
_REMOVE: Final = "remove it to start anew"
# SQLite's own words; any others may quote what is in the file.
_LOCKED: Final = "database is locked"
_CANNOT_WRITE: Final = {
    "database or disk is full": "make room on that disk",
    "disk I/O error": "make room on that disk, or look after it",
    "attempt to write a readonly database": "let the step's user write there",
    "unable to open database file": "make room on that disk, or let the step's user write there",
}


class StateError(ValueError):
    """The state can no longer be used; the message follows "`output-path`"."""


class StateUnwritableError(StateError):
    """The runner lets nobody write the state, which is no fault of the input."""


def connected(folder: Path) -> sqlite3.Connection:
    """Return a connection to the file in `folder`, which is ours alone, made if need be."""
    file = folder / FILE
    with suppress(FileExistsError):
        file.touch(exist_ok=False)
        folders.chown_to_parent(file)
    for path in (file, *(folder / f"{FILE}-{kind}" for kind in ("wal", "shm", "journal"))):
        with suppress(FileNotFoundError):
            _require_ours(path)
    return sqlite3.connect(file, timeout=0, isolation_level=None, check_same_thread=False)


def _require_ours(path: Path) -> None:
    status = path.lstat()
    # A journal of this kind is never made here, and could make SQLite remove a file elsewhere.
    if (
        workspace.is_link(status)
        or not stat.S_ISREG(status.st_mode)
        or path.name.endswith("-journal")
    ):
        raise StateError(f"holds {path.name}, which this action did not write; {_REMOVE}")
    if status.st_uid not in folders.owners(path.parent):
        raise StateError(f"holds {path.name}, which belongs to another user; {_REMOVE}")


def prepare(connection: sqlite3.Connection) -> None:
    """Take the file for this run alone, and see that it is a state, or make one of it."""
    run = connection.execute
    run("PRAGMA trusted_schema = OFF")
    run("PRAGMA cell_size_check = ON")
    run("PRAGMA locking_mode = EXCLUSIVE")
    if run("PRAGMA page_count").fetchone() == (0,):
        # Whenever a new one is left, no journal stays behind.
        run("PRAGMA journal_mode = OFF")
    # Whole after any kill, without a wait for the disk at every commit.
    run("PRAGMA journal_mode = WAL")
    run("PRAGMA synchronous = NORMAL")
    run("BEGIN IMMEDIATE")
    found = run(_SCHEMA_OF).fetchall()
    if not found:
        for statement in _SCHEMA:
            run(statement)
    # An index that does not fit its table could hide a row, or show one under another's name.
    elif found != _schema() or run("PRAGMA integrity_check(1)").fetchone() != ("ok",):
        raise StateError(f"holds {FILE}, which is damaged, or of another version; {_REMOVE}")
    run("COMMIT")


def _schema() -> list[Any]:
    with closing(sqlite3.connect(":memory:")) as connection:
        for statement in _SCHEMA:
            connection.execute(statement)
        return connection.execute(_SCHEMA_OF).fetchall()


@contextmanager
def words() -> Iterator[None]:
    """Say what is wrong with the file in words that follow "`output-path`"."""
    try:
        yield
    except (sqlite3.Error, zlib.error, UnicodeDecodeError) as error:
        why = str(error)
        if why == _LOCKED:
            wrong = "another run is using; let it end, or give each its own `output-path`"
        elif why in _CANNOT_WRITE:
            raise StateUnwritableError(
                f"holds {FILE}, which cannot be written: {why}; {_CANNOT_WRITE[why]}"
            ) from None
        else:
            wrong = f"is damaged, or no state file; {_REMOVE}"
        raise StateError(f"holds {FILE}, which {wrong}") from None
    except OSError as error:
        raise StateUnwritableError(str(folders.unwritable(error))) from None
