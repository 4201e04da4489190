"""Write down past deployments: files to hand over, and reports to send."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dora_deployments.actions.text import count
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.backends import Backend
from dora_deployments.backfill import csv_file
from dora_deployments.backfill.deriving import Derived, Spacing
from dora_deployments.backfill.job import Job
from dora_deployments.backfill.progress import Progress
from dora_deployments.backfill.reading import Found
from dora_deployments.backfill.state import State
from dora_deployments.catalogue import (
    BACKFILL_LEFT_OUT,
    BODY_REFUSED,
    INCOMPLETE,
    OLD_EVENT,
    OLD_PAST,
    Note,
    note,
)
from dora_deployments.delivery import folder as folders
from dora_deployments.deployment import Deployment
from dora_deployments.errors import EventError, InputError

CSV: Final = "deployments.csv"
JSON_LINES: Final = "deployments.jsonl"
_TOLD: Final = 20  # doubts that the log names


def write(job: Job, folder: Path, state: State, found: Found, items: Iterator[Derived]) -> None:
    """Write the files, and keep what each backend is to be told, in order of time."""
    progress = Progress("Worked out", job.clock)
    outbox = _Outbox(job, state, found)
    doubtful = 0
    if not job.inputs.dry_run:
        state.renew()
    for name in (CSV, JSON_LINES):
        folders.clear(folder / name)
    with folders.writing(folder / CSV) as rows, folders.writing(folder / JSON_LINES) as lines:
        rows.write(csv_file.header())
        for order, item in enumerate(items):
            if not job.budget.left():
                raise LookUpError("the time is up", outage=True, wait=0.0)
            job.check(item.line.encode())
            lines.write(item.line)
            rows.write(item.row or "")
            outbox.add(item.deployment, order)
            if item.doubts and doubtful < _TOLD:
                about = item.deployment
                when = f"{about.finished_at:%Y-%m-%d %H:%M} UTC"
                job.say(f"{when}, {about.commit_sha[:7]}: {item.doubts[0]}")
            doubtful += bool(item.doubts)
            if text := progress.line(order + 1, len(found.events)):
                job.say(text)
    state.commit()
    job.warn(_doubts(found, doubtful))


def _doubts(found: Found, doubtful: int) -> Iterator[Note]:
    """Yield what could not be reported, and what is not certain of the others."""
    if found.problems:
        wrong = sum(found.left_out[kind.reason] for kind in (EventError, InputError))
        told = (
            f"{count(wrong, 'deployment')} could not be reported, the first of {found.problems[0]}"
        )
        yield note(told, BACKFILL_LEFT_OUT)
    if doubtful:
        of_them = count(doubtful, "deployment")
        some = f"; the log names the first {_TOLD}" if doubtful > _TOLD else ""
        yield note(f"of {of_them} it is not certain what they ship{some}", INCOMPLETE)


class _Outbox:
    """Keeps what each backend is to be told, and warns once of what it may not count.

    A dry run keeps nothing, but warns all the same.
    """

    def __init__(self, job: Job, state: State, found: Found) -> None:
        self._job = job
        self._state = state
        self._found = found
        self._spacing = Spacing()
        self._known: set[tuple[str, str]] = set()
        self._warned: set[Note] = set()

    def add(self, deployment: Deployment, order: int) -> None:
        """Keep what each backend is to be sent about one deployment."""
        service, keeps = deployment.service.identifier, not self._job.inputs.dry_run
        refused = None
        for backend in self._job.told:
            about = (order, backend, service, deployment.id)
            if unsupported := backend.unsupported(deployment):
                if keeps:
                    self._state.leave_out(*about, "skipped", unsupported)
                continue
            try:
                (request,) = backend.requests(self._spacing.spaced(deployment, backend))
            except InputError as error:
                refused = error
                if keeps:
                    self._state.leave_out(*about, "rejected", BODY_REFUSED)
                continue
            if keeps:
                self._state.add(*about, request)
            if (backend.name, service) not in self._known:
                self._known.add((backend.name, service))
                doubts = backend.doubts([request], self._job.now)
                new = dict.fromkeys(_of_the_past(backend, each) for each in doubts)
                self._job.warn([each for each in new if each not in self._warned])
                self._warned.update(new)
        if refused is not None:
            self._found.leave_out(deployment.finished_at, refused)


def _of_the_past(backend: Backend, doubt: Note) -> Note:
    """Return a doubt about one deployment as one about many, all of them old."""
    if doubt.topic != OLD_EVENT:
        return doubt
    return note(f"{backend.name} is sent past deployments, and {OLD_PAST.sentence}", OLD_PAST)
