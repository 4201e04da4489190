"""The stage: read the past, write it down, and send it."""

import hashlib
import json
import secrets
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from dora_deployments import __version__, backends
from dora_deployments.actions import moments, workspace
from dora_deployments.actions.text import count
from dora_deployments.attribution.github import GitHub
from dora_deployments.attribution.github.history import GitHubHistory
from dora_deployments.attribution.github.patient import Patient
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.backends import dx
from dora_deployments.backfill import csv_file, sending
from dora_deployments.backfill.database import FILE, StateError, StateUnwritableError
from dora_deployments.backfill.day import UnavailableError
from dora_deployments.backfill.deriving import derived
from dora_deployments.backfill.gathering import gathered
from dora_deployments.backfill.job import Job
from dora_deployments.backfill.metrics import Record, metrics
from dora_deployments.backfill.result import Backfilled
from dora_deployments.backfill.state import State, Tally
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
from dora_deployments.errors import ConfigurationError, InputError, Skip

_DERIVED: Final = "derived"
_MISSING: Final = "missing from the state, which somebody changed or which is damaged"


def backfill(job: Job, result: Backfilled) -> None:
    """Go on to read, write down and send, until all is done or time is up.

    `result` is filled in on the way, and holds what is known however this ends. Raises `Skip`
    if there is nothing to report, and `ActionError` for what the workflow's author must fix. A disk
    that lets nobody write is the runner's trouble: it leaves the rest for another run.
    """
    folder: Path | None = None
    try:
        folder = _folder(job)
        with _state(job, folder) as state:
            _begin(job, state, result)
            try:
                had_time = _go_on(job, folder, state, result)
            except Skip:
                state.finish()  # another run may find more
                raise
            finally:
                if not job.inputs.dry_run:
                    with suppress(StateError):
                        result.tallies = state.tallies()
            _end(job, folder, state, result, had_time)
    except (folders.UnwritableError, StateUnwritableError) as error:
        _stop_unwritable(folder, result, error)
    except StateError as error:
        raise InputError(f"`output-path` {error}", topic=BACKFILL_STATE) from None
    except OSError as error:
        problem = folders.unwritable(error)
        if not isinstance(problem, folders.UnwritableError):
            raise InputError(f"`output-path` {problem}", topic=OUTPUT_PATH) from None
        _stop_unwritable(folder, result, problem)


def _stop_unwritable(folder: Path | None, result: Backfilled, problem: ValueError) -> None:
    # On a full disk files can be removed, and those of another period are not to be handed over.
    if folder is not None and result.metrics is None:
        with suppress(OSError):
            _remove_files(folder)
    result.stopped = OUTPUT_PATH
    result.unfinished = note(f"`output-path` {problem}", OUTPUT_PATH)


def _begin(job: Job, state: State, result: Backfilled) -> None:
    """Take over from an earlier run what there is."""
    result.resumed = state.resumed
    result.since, result.until = _period(job, state)
    if state.resumed:
        since, until = f"{result.since:%Y-%m-%d %H:%M}", f"{result.until:%Y-%m-%d %H:%M}"
        job.say(f"Going on with an earlier run, of the time from {since} to {until} UTC")
    if state.lost:
        told = (
            f"how reports to {' and '.join(state.lost)} ended does not count, since an earlier run"
            " that kept it had another key, site or instance (or somebody else wrote it): all are"
            " sent again, under the same ids"
        )
        job.warn([note(told, BACKFILL_STATE)])
    elif state.foreign:
        job.say("What an earlier run read does not count: with other keys it is read again")


def _go_on(job: Job, folder: Path, state: State, result: Backfilled) -> Collection[str]:
    """Do what there is to do; return the backends for which there was time enough."""
    try:
        if not _is_derived(job, folder, state):
            # Those of another period are not to be handed over, however this run ends.
            _remove_files(folder)
            _derive(job, folder, state, result)
        _look_back(folder, state, result)
    except LookUpError as error:
        result.unfinished = _why(job, error)
    except UnavailableError as error:
        result.unfinished = _why(job, error.error)
    if result.unfinished is not None or job.inputs.dry_run:
        return ()
    # What is on its way when the time is up has a little more.
    until = Budget(deadline=job.budget.deadline - sending.LAST_SECONDS)
    return sending.send(state, job.told, until, job.pace or sending.PACE, job.say)


def _remove_files(folder: Path) -> None:
    for name in (CSV, JSON_LINES):
        (folder / name).unlink(missing_ok=True)


def _end(
    job: Job, folder: Path, state: State, result: Backfilled, had_time: Collection[str]
) -> None:
    """Say what is left to do, or that nothing is."""
    if result.unfinished is None and not job.inputs.dry_run:
        is_whole = _has_its_files(job, folder, state)
        result.tallies += tuple(_unrecorded(job, folder, state, is_whole=is_whole))
    lacking = [each for each in result.tallies if each.status == "undelivered"]
    is_damaged = any(each.topic is BACKFILL_STATE for each in lacking)
    if is_damaged and result.unfinished is None:
        names = " and ".join(dict.fromkeys(each.backend for each in lacking))
        told = f"reports to {names} are {_MISSING}; run this again to send them"
        result.unfinished = note(told, BACKFILL_STATE)
    if lacking and result.unfinished is None:
        is_late = not any(each.backend in had_time for each in lacking)
        result.stopped = BACKFILL_TIME if is_late else BACKFILL_STOPPED
        left = count(sum(each.count for each in lacking), "report")
        names = " and ".join(dict.fromkeys(each.backend for each in lacking))
        told = f"{left} to {names} left to send: {result.stopped.sentence}"
        result.unfinished = note(told, result.stopped)
    if result.unfinished is None and not any(map(state.waiting, job.told)):
        state.finish()


def _is_derived(job: Job, folder: Path, state: State) -> bool:
    """Return whether the reports and files of an earlier run are as the state says."""
    if not _has_its_files(job, folder, state):
        return False
    missing = [] if job.inputs.dry_run else [*_unrecorded(job, folder, state, is_whole=True)]
    if missing:
        number = count(sum(each.count for each in missing), "report")
        names = " and ".join(each.backend for each in missing)
        told = f"{number} to {names} {_MISSING}, so what was read is worked out again"
        job.warn([note(told, BACKFILL_STATE)])
    return not missing


def _has_its_files(job: Job, folder: Path, state: State) -> bool:
    known = json.loads(state.note(_DERIVED) or "[]")
    return bool(known) and known == _made(job, folder, known[-1])


def _unrecorded(job: Job, folder: Path, state: State, *, is_whole: bool) -> Iterator[Tally]:
    """Yield how many deployments have no recorded outcome, for each backend that lacks some.

    The files say which deployments there are, as the state would not miss a row that somebody
    removed. Unless `is_whole`, the files are not those whose digests were signed, and so no
    deployment is known to be recorded.
    """
    ids: set[str] = set()
    if is_whole:
        with (folder / JSON_LINES).open(encoding="utf-8") as lines:
            ids = {json.loads(line)["id"] for line in lines}
    for backend in job.told:
        if missing := len(state.unrecorded(backend, ids)) if is_whole else 1:
            yield Tally(
                backend=backend.name,
                service="",
                status="undelivered",
                message=_MISSING,
                topic=BACKFILL_STATE,
                count=missing,
                attempts=0,
                http_status=None,
                detail="",
                id="",
            )


def _made(job: Job, folder: Path, sizes: Sequence[int]) -> list[object]:
    """Return what an earlier run made: reports in the state, and files of these sizes.

    A dry run keeps no reports.
    """
    digests = map(folders.digest, (folder / CSV, folder / JSON_LINES), sizes)
    return [job.inputs.dry_run, [*digests], [*sizes]]


def _folder(job: Job) -> Path:
    try:
        return folders.open_output_folder(job.run, job.inputs.output_path)
    except folders.UnwritableError:
        raise
    except ValueError as error:
        raise InputError(f"`output-path` {error}", topic=OUTPUT_PATH) from None


def _state(job: Job, folder: Path) -> State:
    if job.run.event_name in workspace.STRANGE and (folder / FILE).exists():
        raise InputError(
            f"`output-path` has the state of an earlier run, which is not trusted on"
            f" {job.run.event_name}, where it may be a stranger's; start this on workflow_dispatch",
            topic=BACKFILL_STATE,
        )
    file = job.file and job.file.hex()
    about = [__version__, job.plan, job.run.server_url, job.run.repository, file]
    # A dry run may have no key but that for GitHub, and knows nothing of the backends then.
    told = job.told if backends.configured(job.inputs) else ()
    keys = {each.name: f"{each.url} {each.credential.value}".encode() for each in told}
    only = job.inputs.github_token or secrets.token_hex()
    return State.opened(
        folder,
        plan=hashlib.sha256(json.dumps(about).encode()).hexdigest(),
        keys=keys or {"": only.encode()},
        check=job.check,
        words=job.words,
    )


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
    with GitHub(api, run.server_url) as github:
        try:
            history = GitHubHistory(api, slug, state)
            result.repository = history.repository()["full_name"]
            known = gathered(job, github, history, state, (result.since, result.until))
            state.keep(_DERIVED, "[]")  # until all of it is made anew
            write(job, folder, state, known.found, derived(known, dx.sample(inputs)))
        finally:
            result.requests += api.asked
    state.keep("source", known.found.terms.source.noun)
    state.keep("left-out", json.dumps(known.found.left_out))
    state.keep("elsewhere", json.dumps(known.found.elsewhere))
    sizes = [(folder / name).stat().st_size for name in (CSV, JSON_LINES)]
    state.keep(_DERIVED, json.dumps(_made(job, folder, sizes)))


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
        result.metrics = metrics(counted(csv_file.records(lines)), result.since, result.until)
    result.environments, result.services = tuple(environments), tuple(services)


def _why(job: Job, error: LookUpError) -> Note:
    """Return why reading ended early; `ConfigurationError` if it would do so again."""
    if not job.budget.left():
        return note(f"not all history was read: {BACKFILL_TIME.sentence}", BACKFILL_TIME)
    if error.wait is None:
        raise ConfigurationError(f"the past cannot be read: {error}", topic=BACKFILL_LOOK_UP)
    return note(f"not all history was read: {error}", BACKFILL_LOOK_UP)
