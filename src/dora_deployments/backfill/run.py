"""The stage: read the past, write it down, and send it."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dora_deployments.actions import moments, workspace
from dora_deployments.actions.text import count
from dora_deployments.attribution.github import GitHub
from dora_deployments.attribution.github.history import GitHubHistory
from dora_deployments.attribution.github.patient import Patient
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.backends import dx
from dora_deployments.backfill import sending, sheet
from dora_deployments.backfill.day import UnavailableError
from dora_deployments.backfill.deriving import derived
from dora_deployments.backfill.figures import Record, figures
from dora_deployments.backfill.gathering import gathered
from dora_deployments.backfill.job import Job
from dora_deployments.backfill.result import Backfilled
from dora_deployments.backfill.state import FILE, State, StateError
from dora_deployments.backfill.writing import CSV, JSON_LINES, write
from dora_deployments.budget import Budget
from dora_deployments.catalogue import (
    BACKFILL_LOOK_UP,
    BACKFILL_STATE,
    BACKFILL_STOPPED,
    BACKFILL_TIME,
    OUTPUT_PATH,
    Note,
    note,
)
from dora_deployments.delivery import folder as folders
from dora_deployments.delivery.folder import unwritable
from dora_deployments.errors import ConfigurationError, InputError, Skip

if TYPE_CHECKING:
    pass

_DERIVED: Final = "derived"
_CHUNK: Final = 1024 * 1024  # bytes of a file in memory


def backfill(job: Job, result: Backfilled) -> None:
    """Go on to read, write down and send, until all is done or time is up.

    `result` is filled in on the way, and holds what is known however this ends. Raises `Skip`
    if there is nothing to report, and `ActionError` for what the workflow's author must mend.
    """
    folder = _folder(job)
    with _state(job, folder) as state:
        _begin(job, state, result)
        try:
            _go_on(job, folder, state, result)
        except Skip:
            state.finish()  # another run may find more
            raise
        except StateError as error:
            raise InputError(f"`output-path` {error}", topic=BACKFILL_STATE) from None
        except OSError as error:
            raise InputError(f"`output-path` {unwritable(error)}", topic=OUTPUT_PATH) from None
        finally:
            with suppress(StateError):
                result.tallies = state.tallies()
        left = sum(each.count for each in result.tallies if each.status == "undelivered")
        if left and result.unfinished is None:
            topic = BACKFILL_STOPPED if _to_send(job).left() else BACKFILL_TIME
            result.stopped = topic
            told = f"{count(left, 'report')} left to send: {topic.sentence}"
            result.unfinished = note(told, topic)
        if result.unfinished is None and not any(map(state.waiting, job.told)):
            state.finish()


def _begin(job: Job, state: State, result: Backfilled) -> None:
    """Take over from an earlier run what there is."""
    result.resumed = state.resumed
    result.since, result.until = _period(job, state)
    if state.resumed:
        since, until = f"{result.since:%Y-%m-%d %H:%M}", f"{result.until:%Y-%m-%d %H:%M}"
        job.say(f"Going on with an earlier run, of the time from {since} to {until} UTC")
    if state.foreign:
        why = "of the state do not count, since they are not signed with the keys of this run"
        job.warn([note(f"{count(state.foreign, 'row')} {why}", BACKFILL_STATE)])


def _go_on(job: Job, folder: Path, state: State, result: Backfilled) -> None:
    try:
        if state.note(_DERIVED) != _made(job, folder):
            _derive(job, folder, state, result)
        _look_back(folder, state, result)
        if not job.inputs.dry_run:
            sending.send(state, job.told, _to_send(job), job.pace or sending.PACE, job.say)
    except LookUpError as error:
        result.unfinished = _why(job, error)
    except UnavailableError as error:
        result.unfinished = _why(job, error.error)


def _to_send(job: Job) -> Budget:
    """Return the time in which to send; what is on its way then has a little more."""
    return Budget(deadline=job.budget.deadline - sending.LAST_SECONDS)


def _made(job: Job, folder: Path) -> str:
    """Return what there is of the past: the files by their digests, and in the state reports.

    A dry run keeps none of these.
    """
    made = ["files only" if job.inputs.dry_run else "files and reports"]
    for name in (CSV, JSON_LINES):
        digest = hashlib.sha256()
        with suppress(FileNotFoundError), (folder / name).open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        made.append(digest.hexdigest())
    return " ".join(made)


def _folder(job: Job) -> Path:
    try:
        return folders.opened(job.run, job.inputs.output_path)
    except ValueError as error:
        raise InputError(f"`output-path` {error}", topic=OUTPUT_PATH) from None


def _state(job: Job, folder: Path) -> State:
    if job.run.event_name in workspace.STRANGE and (folder / FILE).exists():
        raise InputError(
            f"`output-path` has the state of an earlier run, which is not trusted on"
            f" {job.run.event_name}, where it may be a stranger's; start this on workflow_dispatch",
            topic=BACKFILL_STATE,
        )
    about = [job.plan, job.run.server_url, job.run.repository]
    try:
        return State.opened(
            folder,
            plan=hashlib.sha256(json.dumps(about).encode()).hexdigest(),
            keys={each.name: each.credential.value.encode() for each in job.told},
        )
    except ValueError as error:
        raise InputError(f"`output-path` {error}", topic=BACKFILL_STATE) from None


def _period(job: Job, state: State) -> tuple[datetime, datetime]:
    """Return since and until when: those of the run that this one goes on with, if it does."""
    period = []
    for name, given in (("since", job.inputs.since), ("until", job.inputs.until)):
        if state.note(name) is None:
            state.keep(name, given.isoformat())
        period.append(moments.iso(state.note(name)) or given)
    since, until = period
    return since, until


def _derive(job: Job, folder: Path, state: State, result: Backfilled) -> None:
    """Read the past, write the files, and keep what is to be sent."""
    inputs, run = job.inputs, job.run
    slug = inputs.repository or run.repository
    if slug is None:
        raise ConfigurationError("GITHUB_REPOSITORY names no repository; set `repository`")
    if inputs.github_token is None:
        raise ConfigurationError(
            "`github-token` is empty, without which the past cannot be read; leave it out for the"
            " job's own, or check the secret's name",
            topic=BACKFILL_LOOK_UP,
        )
    job.provide()
    api = Patient(
        api_url=run.api_url,
        token=inputs.github_token,
        budget=job.budget,
        say=job.say,
    )
    with GitHub(api) as github:
        try:
            history = GitHubHistory(api, slug, state)
            result.repository = history.repository()["full_name"]
            known = gathered(job, github, history, state, (result.since, result.until))
            write(job, folder, state, known.found, derived(known, dx.sample(inputs)))
        finally:
            result.requests += api.asked
    state.keep("source", known.found.terms.source.noun)
    state.keep("left-out", json.dumps(known.found.left_out))
    state.keep("elsewhere", json.dumps(known.found.elsewhere))
    state.keep(_DERIVED, _made(job, folder))


def _look_back(folder: Path, state: State, result: Backfilled) -> None:
    """Fill in what the files say, and how the state says that they came to be."""
    result.source = state.note("source") or ""
    result.left_out = json.loads(state.note("left-out") or "{}")
    result.elsewhere = json.loads(state.note("elsewhere") or "{}")
    environments: dict[str, None] = {}
    services: dict[str, None] = {}

    def counted(records: Iterable[Record]) -> Iterator[Record]:
        for record in records:
            result.deployments += 1
            environments[record.environment] = None
            services[record.service] = None
            yield record

    with (folder / JSON_LINES).open(encoding="utf-8") as lines:
        result.figures = figures(counted(sheet.records(lines)), result.since, result.until)
    result.environments, result.services = tuple(environments), tuple(services)


def _why(job: Job, error: LookUpError) -> Note:
    """Return why reading ended early; `ConfigurationError` if it would do so again."""
    if not job.budget.left():
        return note(f"not all of the past was read: {BACKFILL_TIME.sentence}", BACKFILL_TIME)
    if error.wait is None:
        raise ConfigurationError(f"the past cannot be read: {error}", topic=BACKFILL_LOOK_UP)
    return note(f"not all of the past was read: {error}", BACKFILL_LOOK_UP)
