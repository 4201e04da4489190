"""Write down the deployments of the past: files to hand over, and reports to send."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dora_deployments.actions.text import count
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.backfill import sheet
from dora_deployments.backfill.deriving import Derived, Spacing
from dora_deployments.backfill.job import Job
from dora_deployments.backfill.progress import Progress
from dora_deployments.backfill.reading import Found
from dora_deployments.backfill.state import State
from dora_deployments.catalogue import (
    BACKFILL_LEFT_OUT,
    BODY_REFUSED,
    INCOMPLETE,
    SECRET_IN_EVENT,
    Note,
    note,
)
from dora_deployments.delivery import folder as folders
from dora_deployments.deployment import Deployment
from dora_deployments.errors import EventError, InputError

CSV: Final = "deployments.csv"
JSON_LINES: Final = "deployments.jsonl"
_TOLD: Final = 20  # doubts that the log names
_AT_ONCE: Final = 1_000  # reports that are kept together


def write(job: Job, folder: Path, state: State, found: Found, items: Iterator[Derived]) -> None:
    """Write the files, and keep what each backend is to be told, in order of time."""
    progress = Progress("Worked out", job.clock)
    outbox = _Outbox(job, state, found)
    doubtful = 0
    for name in (CSV, JSON_LINES):
        folders.clear(folder / name)
    with folders.writing(folder / CSV) as rows, folders.writing(folder / JSON_LINES) as lines:
        rows.write(sheet.header())
        for order, item in enumerate(items):
            _check(job, item)
            lines.write(item.line)
            rows.write(item.row or "")
            if not job.inputs.dry_run:
                outbox.add(item.deployment, order)
            if order % _AT_ONCE == 0:
                state.commit()
            if item.doubts and doubtful < _TOLD:
                about = item.deployment
                when = f"{about.finished_at:%Y-%m-%d %H:%M} UTC"
                job.say(f"{when}, {about.commit_sha[:7]}: {item.doubts[0]}")
            doubtful += bool(item.doubts)
            if text := progress.line(order + 1, len(found.events)):
                job.say(text)
    state.commit()
    job.warn(_doubts(found, doubtful))


def _check(job: Job, item: Derived) -> None:
    """Raise `LookUpError` if the time is up, and `EventError` for a secret that GitHub knows."""
    if not job.budget.left():
        raise LookUpError("the time is up", outage=True, wait=0.0)
    if job.holds([item.line.encode()]):
        raise EventError(
            "what GitHub remembers holds the secret of an input, which a backend would be told;"
            " change that secret, since whoever sees it there knows it",
            topic=SECRET_IN_EVENT,
        )


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
    """Keeps what each backend is to be told, and warns once of what it may not count."""

    def __init__(self, job: Job, state: State, found: Found) -> None:
        self._job = job
        self._state = state
        self._found = found
        self._spacing = Spacing()
        self._known: set[tuple[str, str]] = set()
        self._warned: set[Note] = set()

    def add(self, deployment: Deployment, order: int) -> None:
        """Keep what each backend is to be told of one deployment."""
        service = deployment.service.identifier
        for backend in self._job.told:
            if unsupported := backend.unsupported(deployment):
                self._state.skip(order, backend, service, deployment.id, unsupported)
                continue
            try:
                requests = backend.requests(self._spacing.spaced(deployment, backend))
            except InputError as error:
                self._state.skip(order, backend, service, deployment.id, BODY_REFUSED)
                self._found.leave_out(deployment.finished_at, error)
                continue
            for request in requests:
                self._state.add(order, backend, service, deployment.id, request)
            if (backend.name, service) not in self._known:
                self._known.add((backend.name, service))
                new = dict.fromkeys(backend.doubts(requests, self._job.now))
                self._job.warn([each for each in new if each not in self._warned])
                self._warned.update(new)
