"""What a run has read and sent, kept in a file, so that the next one goes on from there.

A checkout may hold a file that a stranger's commit planted, so every row is signed: what was read
under all keys together, what is sent under its backend's own. A row that is not signed so is as
good as none. No key is in the file.
"""

import hmac
import json
import secrets
import sqlite3
import threading
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dora_deployments import catalogue
from dora_deployments.backends import Backend
from dora_deployments.backfill import database
from dora_deployments.catalogue import BODY_REFUSED, STEP_ENDED, Topic
from dora_deployments.deployment import Outcome, Request, Status
from dora_deployments.errors import InputError

if TYPE_CHECKING:
    from typing_extensions import Self

_NEW: Final = ("", "", "", None, None, 0)  # from `status` to `attempts`
_PAGE: Final = "page"
_NOTE: Final = "note"
_OF_RUN: Final = "run"  # "plan", its own "name", and whether it "finished"
_REPORT: Final = (
    "SELECT place, id, service, method, body, attempts FROM outbox WHERE backend = ? AND run = ?"
)
# A refusal of 401, 403 or 404, or of no status, is none of the report itself.
_REFUSED: Final = (
    "(status = 'rejected' AND IFNULL(http_status, 0) NOT IN (401, 403, 404)"
    " AND IFNULL(http_status, 0) >= 400)"
)
_BATCH: Final = 100  # requests in memory
_FIRST: Final = (-(2**63), "")
_TOPICS: Final = {each.slug: each for each in vars(catalogue).values() if isinstance(each, Topic)}
_NOT_SENT: Final = "not sent before the step had to end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A deployment to tell one backend of, in the place of `order`.

    `tried` says that an earlier run sent it too.
    """

    order: int
    service: str
    id: str
    request: Request
    tried: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many deployments ended alike; `id`, `detail` and `http_status` are those of the last.

    `attempts` are those of all together. `detail` is foreign text, as in `Outcome`.
    """

    backend: str
    service: str
    status: Status
    message: str
    topic: Topic | None
    count: int
    attempts: int
    http_status: int | None
    detail: str
    id: str


class State:
    """The file, and the only run that has it open. It may be used from several threads.

    `resumed` says that an earlier run of the same plan did not finish; `foreign` is how many
    rows were thrown away because somebody else wrote them. `lost` names the backends whose
    outcomes were in such rows. All methods raise `StateError`.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        plan: str,
        keys: Mapping[str, bytes],
        check: Callable[[bytes], None],
        words: Callable[[str], str],
    ) -> None:
        self.resumed = False
        self.foreign = 0
        self.lost: tuple[str, ...] = ()
        self._connection = connection
        self._plan = plan
        self._run = secrets.token_hex(8)
        self._keys = {name: _digest(key, "outbox", name) for name, key in keys.items()}
        self._key = _digest(b"", "all", *sorted(self._keys.items()))
        self._check = check
        self._words = words
        self._turn = threading.RLock()

    @classmethod
    def opened(
        cls,
        folder: Path,
        *,
        plan: str,
        keys: Mapping[str, bytes],
        check: Callable[[bytes], None],
        words: Callable[[str], str],
    ) -> "State":
        """Return the state in `folder`, made if there is none.

        `plan` is a digest of what the run is to do: what was read for another plan, or by a run
        that finished, is forgotten, but for what was delivered. `keys` are those of the
        backends, by their names. `check` raises what it will for a page that must not be kept,
        `words` is what may be kept of a server's own. `ValueError` says, in words that follow
        "`output-path`", why the file cannot be used.
        """
        with database.words():
            connection = database.connected(folder)
            try:
                database.prepare(connection)
                state = cls(connection, plan=plan, keys=keys, check=check, words=words)
                state._begin()
            except BaseException:
                connection.close()
                raise
        return state

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Keep what was added, and let another run have the file."""
        with self._turn, suppress(sqlite3.Error), closing(self._connection):
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")

    # --- pages and notes

    def get(self, name: str) -> Any | None:
        """Return the page of that name, if there is one."""
        value = self._value(_PAGE, name)
        with database.words():
            return None if value is None else json.loads(zlib.decompress(value))

    def put(self, name: str, value: Any) -> None:
        """Keep a page: anything that is JSON."""
        text = json.dumps(value).encode()
        self._check(text)
        self._keep(_PAGE, name, zlib.compress(text, 1))

    def note(self, name: str) -> str | None:
        """Return the small fact of that name, if it is known."""
        value: str | None = self._value(_NOTE, name)
        return value

    def keep(self, name: str, text: str) -> None:
        """Keep a small fact."""
        self._keep(_NOTE, name, text)

    def finish(self) -> None:
        """Say that everything of the plan is done: the next run starts anew."""
        self._keep(_OF_RUN, "finished", "yes")

    # --- the outbox

    def renew(self) -> None:
        """Empty the outbox, to fill it anew: how it ended what was sent is still known."""
        with self._used(many=True) as run:
            run("DELETE FROM outbox WHERE status = ''")
            self._run = secrets.token_hex(8)
            self._keep(_OF_RUN, "name", self._run)

    def add(
        self, order: int, backend: Backend, service: str, deployment_id: str, request: Request
    ) -> None:
        """Keep a request to send; `commit` writes it to the file, with all others.

        What the backend has is not sent again. What was not refused keeps its bytes, since
        they may have arrived.
        """
        key = (backend.name, deployment_id)
        with self._used(many=True) as run:
            found = run(
                "SELECT body, status, message, detail, topic, http_status, attempts FROM outbox"
                " WHERE backend = ? AND id = ? AND status NOT IN ('rejected', 'skipped')",
                key,
            ).fetchone()
            rest = found or (request.body, *_NEW)
            self._put(*key, order, self._run, _plain(service), request.method, *rest)

    def leave_out(
        self,
        order: int,
        backend: Backend,
        service: str,
        deployment_id: str,
        status: Status,
        topic: Topic,
    ) -> None:
        """Keep why a backend is not sent a deployment; `commit` writes it to the file."""
        key = (backend.name, deployment_id)
        with self._used(many=True) as run:
            if not self._has(run, key):
                self._put(
                    *(*key, order, self._run, _plain(service), "", b""),
                    *(status, topic.sentence, "", topic.slug, None, 0),
                )

    def commit(self) -> None:
        """Write what was added to the file."""
        with self._used():
            pass

    def waiting(self, backend: Backend | None = None, *, refused: bool = False) -> int:
        """Return how many are left to send, to one backend or to all.

        `refused` counts those as well that were refused: `pending` tries them again, but a run
        that has nothing else left may end.
        """
        names = list(self._keys) if backend is None else [backend.name]
        with self._used(many=True) as run:
            rows = [
                run(
                    "SELECT COUNT(*) FROM outbox WHERE backend = ? AND run = ?"
                    " AND status IN ('', 'undelivered', ?) AND method != ''",
                    (name, self._run, "rejected" if refused else ""),
                ).fetchone()
                for name in names
            ]
        return sum(row[0] for row in rows)

    def pending(self, backend: Backend) -> Iterator[Report]:
        """Yield what is left to send to `backend`, in order; each once, however it ends.

        What was refused before for itself comes last. Few are in memory at a time. What the
        backend, as this version knows it, would not take is settled as `rejected`.
        """
        with self._used(many=True) as run:
            of_run = (backend.name, self._run)
            rows = run(f"{_REPORT} AND {_REFUSED} ORDER BY place, id", of_run)
            refused = [row[1] for row in rows]
        last = _FIRST
        while batch := self._batch(backend, last):
            for row in batch:
                last = row[:2]
                yield from self._report(backend, row)
        for id_ in refused:
            with self._used(many=True) as run:
                row = run(f"{_REPORT} AND id = ?", (*of_run, id_)).fetchone()
            yield from self._report(backend, row)

    def settle(self, report: Report, backend: Backend, outcome: Outcome) -> None:
        """Record at once how a report ended; what the backend has, it keeps."""
        key = (backend.name, report.id)
        body = b"" if outcome.is_recorded else report.request.body
        with self._used() as run:
            if self._has(run, key) and not outcome.is_recorded:
                return
            self._put(
                *(*key, report.order, self._run, report.service, report.request.method, body),
                *(outcome.status, outcome.message, _plain(self._words(outcome.detail))),
                *(outcome.topic and outcome.topic.slug, outcome.http_status, outcome.attempts),
            )

    def unrecorded(self, backend: Backend, ids: Collection[str]) -> set[str]:
        """Return the deployments without a row for `backend` that this run signed.

        What the backend has counts as well, whichever run sent it.
        """
        key = self._keys[backend.name]
        with self._used(many=True) as run:
            rows = run(
                "SELECT * FROM outbox WHERE backend = ? AND (run = ? OR status IN ('delivered',"
                " 'duplicate'))",
                (backend.name, self._run),
            )
            known = {row[1] for *row, mac in rows if _is_signed(mac, _digest(key, tuple(row)))}
        return {*ids} - known

    def tallies(self) -> tuple[Tally, ...]:
        """Return how many deployments of this run ended how, by backend and service.

        What was not sent yet is `undelivered`.
        """
        with self._used(many=True) as run:
            rows = run(
                "SELECT backend, service, status, message, topic, COUNT(*), SUM(attempts),"
                " http_status, detail, id, MAX(place) FROM outbox WHERE run = ?"
                " GROUP BY backend, service, status, message, topic"
                " ORDER BY backend COLLATE NOCASE, service, status, message, topic",
                (self._run,),
            ).fetchall()
        return tuple(_tally(row) for row in rows if row[0] in self._keys)

    def _batch(self, backend: Backend, last: tuple[int, str]) -> list[Any]:
        with self._used(many=True) as run:
            return run(
                f"{_REPORT} AND (place, id) > (?, ?) AND method != '' AND NOT {_REFUSED}"
                " AND status NOT IN ('delivered', 'duplicate', 'skipped')"
                " ORDER BY place, id LIMIT ?",
                (backend.name, self._run, *last, _BATCH),
            ).fetchall()

    def _report(self, backend: Backend, row: Sequence[Any]) -> Iterator[Report]:
        """Yield the report of a row, if it can be sent."""
        place, id_, service, method, body, attempts = row
        try:
            request = backend.request(method, json.loads(body))
        except InputError as error:
            key = (backend.name, id_, place, self._run, service, method, body)
            with self._used():
                self._put(*key, "rejected", str(error), "", BODY_REFUSED.slug, None, 0)
        else:
            yield Report(
                order=place, service=service, id=id_, request=request, tried=bool(attempts)
            )

    def _has(self, run: Callable[..., sqlite3.Cursor], key: tuple[str, str]) -> bool:
        """Return whether the backend is known to have that deployment."""
        asked = "SELECT 1 FROM outbox WHERE backend = ? AND id = ?"
        return run(f"{asked} AND status IN ('delivered', 'duplicate')", key).fetchone() is not None

    def _put(self, *row: Any) -> None:
        """Keep a row of the outbox: every column but the last, which is its signature."""
        self._connection.execute(
            "INSERT OR REPLACE INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*row, _digest(self._keys[row[0]], row)),
        )

    # --- the file

    @contextmanager
    def _used(self, *, many: bool = False) -> Iterator[Callable[..., sqlite3.Cursor]]:
        """Take a turn, and write what was done to the file, unless `many` more may follow."""
        with self._turn, database.words():
            run = self._connection.execute
            if not self._connection.in_transaction:
                run("BEGIN")
            yield run
            if not many:
                run("COMMIT")

    def _value(self, kind: str, name: str) -> Any:
        with self._used(many=True) as run:
            row = run(
                "SELECT value FROM facts WHERE kind = ? AND name = ?", (kind, name)
            ).fetchone()
        return None if row is None else row[0]

    def _keep(self, kind: str, name: str, value: object) -> None:
        row = (kind, name, value, _digest(self._key, self._plan, kind, name, value))
        with self._used() as run:
            run("INSERT OR REPLACE INTO facts VALUES (?, ?, ?, ?)", row)

    def _begin(self) -> None:
        """Throw away what somebody else wrote, and then what is of another plan."""
        with self._used() as run:
            # What was kept under a plan is signed with it, the name of the plan as well.
            plan = self._value(_OF_RUN, "plan")
            facts = _foreign(
                run("SELECT rowid, * FROM facts"), lambda row: _digest(self._key, plan, *row)
            )
            self._connection.executemany("DELETE FROM facts WHERE rowid = ?", facts)
            reports = _foreign(run("SELECT rowid, * FROM outbox"), self._outbox_digest)
            self._connection.executemany("DELETE FROM outbox WHERE rowid = ?", reports)
            self.foreign = len(facts) + len(reports)
            self.lost = tuple(dict.fromkeys(reports.values()))
            name = self._value(_OF_RUN, "name")
            if (
                name is not None
                and self._value(_OF_RUN, "plan") == self._plan
                and self._value(_OF_RUN, "finished") is None
            ):
                self.resumed = True
                self._run = name
                return
            run("DELETE FROM facts")
            run("DELETE FROM outbox WHERE status NOT IN ('delivered', 'duplicate')")
        self._keep(_OF_RUN, "plan", self._plan)
        self._keep(_OF_RUN, "name", self._run)

    def _outbox_digest(self, row: Sequence[Any]) -> bytes | None:
        """Return what a row is signed with, None for a backend that this run has no key for."""
        key = self._keys.get(row[0])
        return None if key is None else _digest(key, tuple(row))


def _foreign(
    rows: Iterable[Sequence[Any]], digest: Callable[[Sequence[Any]], bytes | None]
) -> dict[tuple[int], Any]:
    """Return the first values, by their ids, of the rows that are not signed as is known."""
    return {
        (rowid,): row[0]
        for rowid, *row, mac in rows
        if (expected := digest(row)) is not None and not _is_signed(mac, expected)
    }


def _is_signed(mac: object, expected: bytes) -> bool:
    return isinstance(mac, bytes) and hmac.compare_digest(mac, expected)


def _digest(key: bytes, *values: object) -> bytes:
    """Return what signs `values`, which SQLite knows, or tuples of them."""
    return hmac.digest(key, ascii(values).encode(), "sha256")


def _plain(text: str) -> str:
    """Return `text` as it can be kept: JSON may hold halves of characters."""
    return text.encode("utf-8", "replace").decode()


def _tally(row: Sequence[Any]) -> Tally:
    backend, service, status, message, topic, count, attempts, http_status, detail, id_, _ = row
    if not status:
        status, message, topic = "undelivered", _NOT_SENT, STEP_ENDED.slug
    return Tally(
        backend=backend,
        service=service,
        status=status,
        message=message,
        topic=_TOPICS.get(topic),
        count=count,
        attempts=attempts,
        http_status=http_status,
        detail=detail,
        id=id_,
    )
