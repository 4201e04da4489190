"""The stages as calls: from the environment to the exit code."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Final

from dora_deployments import __version__, backends, signals
from dora_deployments.actions import inputs as inputs_module
from dora_deployments.actions import payload, workspace
from dora_deployments.actions.event import Event, Happening
from dora_deployments.actions.events import what_happened
from dora_deployments.actions.inputs import Inputs
from dora_deployments.actions.moments import UTC
from dora_deployments.actions.parse import DEFAULT_CONFIG_FILE, LARGEST_CONFIG_FILE
from dora_deployments.actions.payload import Payload
from dora_deployments.actions.run import Run, docs_url
from dora_deployments.attribution.cancelled import CancellableLookUps, resolve_cancelled
from dora_deployments.attribution.github import LOOK_UP_SECONDS, GitHub
from dora_deployments.attribution.github.api import Api
from dora_deployments.attribution.resolve import Resolved, resolve
from dora_deployments.backends import Backend, RecordsPulls
from dora_deployments.budget import Budget
from dora_deployments.catalogue import (
    CANCELLED,
    DOUBTFUL_EVENT,
    INCOMPLETE,
    NOT_SAVED,
    PATH_NOT_TOLD,
    REPLAY_LEFT,
    REPLAY_REFUSED,
    RERUN,
    SECRET_IN_EVENT,
    STEP_ENDED,
    note,
    notes,
)
from dora_deployments.delivery import deliver, dispatch
from dora_deployments.delivery.deliver import Delivery, Origin
from dora_deployments.delivery.dispatch import Dispatch
from dora_deployments.delivery.retry import Pace
from dora_deployments.deployment import Outcome
from dora_deployments.errors import (
    ActionError,
    ConfigurationError,
    EventError,
    HeldBackError,
    InputError,
    Interrupted,
    PackagesError,
    Skip,
)
from dora_deployments.packages import CORE, LOOK_UPS, Provide, all_there
from dora_deployments.report import changes, doubts, ending, files, requests
from dora_deployments.report.account import Account
from dora_deployments.report.facts import facts
from dora_deployments.report.log import Log
from dora_deployments.report.outputs import path_for_output
from dora_deployments.report.text import Scrubber

# Kept back from `timeout` for outputs and summary.
_REPORT_SECONDS: Final = 0.5
LARGEST_EVENT: Final = 64 * 1024 * 1024
_MOST_PROBLEMS: Final = 50  # that are told one by one


@dataclass(slots=True, kw_only=True)
class _Known:
    """What a job that is cancelled can still count on.

    That is what the event says, what GitHub answered, and whether the packages are there that
    every run needs.
    """

    look_ups: CancellableLookUps
    has_packages: bool
    interpreted: tuple[Event, Happening] | None = None


def main(
    environ: Mapping[str, str],
    pace: Pace | None = None,
    provide: Provide = all_there,
    seconds_gone: float = 0.0,
) -> int:
    """Report the deployment to every backend; return the exit code of the step.

    What was not delivered is saved, and outputs and summary are written, however the run
    ends, a bug of ours and a cancelled job included. `pace` is that of the attempts, `provide`
    is called for the packages of a lock before they are needed, and `seconds_gone` of `timeout`
    have passed already.
    """
    scrub = Scrubber(inputs_module.masks(environ))
    docs = docs_url(environ)
    log = Log(sys.stdout, scrub, docs=docs, debug=environ.get("RUNNER_DEBUG") == "1")
    account = Account(fail_on=inputs_module.fail_on(environ), docs=docs)
    with signals.restored():
        try:
            try:
                log.mask()
                _run(environ, provide, account, pace, log, seconds_gone)
            finally:
                # From here on no signal interrupts.
                _settle(account, log)
            ending.done(account, log)
        except Skip as skip:
            ending.skipped(account, skip, log)
        except ActionError as error:
            ending.refused(account, error, log)
        except HeldBackError as error:
            ending.held_back(account, error, log)
        except PackagesError as error:
            ending.unprepared(account, error, log)
        except Interrupted as interrupt:
            ending.interrupted(account, interrupt, log)
        except Exception as error:
            ending.broken(account, error, log)
        finally:
            files.write(environ, account, scrub, log)
    return account.exit_code


def _run(
    environ: Mapping[str, str],
    provide: Provide,
    account: Account,
    pace: Pace | None,
    log: Log,
    seconds_gone: float,
) -> None:
    """Read the inputs and report; a job that is cancelled meanwhile leaves what is to be saved."""
    now = datetime.now(UTC)
    log.line(f"dora-deployments {__version__}")
    inputs = Inputs.from_environ(environ, now)
    ending.warned(account, log, inputs.warnings)
    budget = Budget.of(inputs.timeout - _REPORT_SECONDS - seconds_gone)
    account.is_dry_run = inputs.dry_run
    account.previous_sha = inputs.previous_sha or ""

    account.run = run = Run.from_environ(environ)
    account.repository = inputs.repository or run.repository or ""
    log.debug(f"Python {sys.version.split()[0]}, GITHUB_REF {run.ref}, GITHUB_SHA {run.sha}")
    if inputs.mode != "backfill" and (problems := inputs_module.of_backfill(environ)):
        raise InputError(*problems)
    known = _Known(
        look_ups=CancellableLookUps(has_token=inputs.github_token is not None),
        has_packages=False,
    )
    try:
        # A signal that came before was held back: now there is something to save.
        with signals.interruptible():
            if inputs.mode == "backfill":
                plan = inputs_module.plan(environ)
                _backfill(inputs, run, plan, budget, provide, pace, account, log)
                return
            lacking = None
            if inputs.mode == "replay":
                _read_saved(inputs, run, budget, provide, account, log)
                _refuse_secrets(account, account.deliveries, log.scrub)
            else:
                lacking = _read_event(inputs, run, now, budget, provide, known, account, log)
            sent_at = None if inputs.dry_run else now
            ending.warned(account, log, doubts.of_requests(account.deliveries, sent_at))
            requests.show(account.deliveries, log.scrub, log)
            if inputs.dry_run:
                account.outcomes = dispatch.unsupported(account.deliveries)
                return
            account.dispatch = Dispatch.of(account.deliveries, pace)
            if lacking is not None:
                account.dispatch.give_up(f"not sent, since {lacking}", lacking.topic)
            else:
                account.dispatch.start(budget)
                account.dispatch.wait(budget)
            log.debug(f"{budget.left():.1f} s were left")
    except Interrupted:
        account.is_cancelled = True
        is_of_event = inputs.mode in {"deployment", "pull-services"}
        if is_of_event and not (inputs.dry_run or account.deliveries):
            _prepare_cancelled(inputs, run, now, known, account, log)
        raise


def _read_event(
    inputs: Inputs,
    run: Run,
    now: datetime,
    budget: Budget,
    provide: Provide,
    known: _Known,
    account: Account,
    log: Log,
) -> PackagesError | None:
    """Resolve what the event says was deployed, and prepare its deliveries.

    Returns why there are no packages to send them with, if so: then they can be saved.
    """
    known.interpreted = event, happening = _interpret(inputs, run, now, account, log)
    file = _workspace_file(event)
    lacking = None
    try:
        provide(CORE, budget, log.line)
        known.has_packages = True
    except PackagesError as error:
        if file is not None:  # nothing else can read it
            raise
        lacking = error
    # Slow look-ups must leave the backends their time.
    look_up_budget = budget.capped(min(LOOK_UP_SECONDS, budget.left() / 2))
    api = Api(
        api_url=run.api_url,
        token=inputs.github_token,
        budget=look_up_budget,
        provide=partial(provide, LOOK_UPS, look_up_budget, log.line),
    )
    with GitHub(api, run.server_url) as github, known.look_ups.answered_by(github):
        account.resolved = resolve(happening, inputs, run, known.look_ups, now, file)
    _prepare(inputs, event, happening, account.resolved, account, log)
    return lacking


def _prepare_cancelled(
    inputs: Inputs,
    run: Run,
    now: datetime,
    known: _Known,
    account: Account,
    log: Log,
) -> None:
    """Prepare what is certain when the job is cancelled, to be saved, or say why it is not."""
    try:
        event, happening = known.interpreted or _interpret(inputs, run, now, account, log)
        resolved = account.resolved
        if resolved is None:
            file = _readable_file(event, has_packages=known.has_packages)
            resolved = resolve_cancelled(happening, inputs, run, known.look_ups, now, file)
            account.resolved = resolved
        _prepare(inputs, event, happening, resolved, account, log)
        return
    except Skip as skip:
        why = skip.explanation
    except (ActionError, HeldBackError) as error:
        why = str(error)
    except Exception as error:
        why = f"a bug in this action stopped it: {type(error).__name__}"
    ending.warned(account, log, [note(f"nothing is saved: {why}", CANCELLED)])


def _interpret(
    inputs: Inputs, run: Run, now: datetime, account: Account, log: Log
) -> tuple[Event, Happening]:
    """Read the event, and return it with what it says was deployed."""
    account.event = run.event_name or ""
    content, broken = _payload(run)
    event = Event(
        name=account.event, payload=content, run=run, inputs=inputs, now=now, broken=broken
    )
    happening = what_happened(event)
    ending.warned(account, log, notes(happening.warnings, DOUBTFUL_EVENT))
    ending.warned(account, log, doubts.of_event(event, happening))
    return event, happening


def _prepare(
    inputs: Inputs,
    event: Event,
    happening: Happening,
    resolved: Resolved,
    account: Account,
    log: Log,
) -> None:
    """Say what was deployed, and prepare its deliveries. Raises `EventError` for a secret."""
    log.group(
        f"What was {'deployed' if resolved.deployments else 'merged'}, by the event {event.name}",
        (f"{label}: {value}, from {source}" for label, value, source in facts(resolved)),
    )
    if resolved.deployments and resolved.pulls:
        log.group("Shipped changes", changes.lines(resolved))
    ending.warned(account, log, notes(resolved.warnings, INCOMPLETE))
    ending.warned(account, log, doubts.of_times(inputs, happening, resolved, event.now))

    told = _backends(inputs, account, log, from_fork=happening.from_fork)
    ending.warned(account, log, doubts.of_environment(happening, resolved, told))
    ending.hinted(account, log, doubts.other_sources(event.name, resolved, told))
    deliveries = deliver.prepare(resolved.deployments, told)
    if resolved.touched is not None:
        touched = deliver.prepare_touched(
            resolved.touched, told, goes_first=inputs.mode == "deployment"
        )
        deliveries = (*touched, *deliveries)
    _refuse_secrets(account, deliveries, log.scrub)
    if not inputs.dry_run:
        account.outcomes = _unknown(inputs, resolved, told)
    account.deliveries = deliveries
    if not inputs.dry_run:
        _warn_of_rerun(account, log, resolved, event.run, told)


def _refuse_secrets(account: Account, deliveries: tuple[Delivery, ...], scrub: Scrubber) -> None:
    """Raise `EventError` if a backend, or a saved file, would be told the secret of an input."""
    if scrub.holds(request.body for each in deliveries for request in each.requests):
        account.deliveries = ()
        raise EventError(
            "what the event names holds the secret of an input, which a backend would be told;"
            " change that secret, since whoever sees the event knows it",
            topic=SECRET_IN_EVENT,
        )


def _backfill(
    inputs: Inputs,
    run: Run,
    plan: str,
    budget: Budget,
    provide: Provide,
    pace: Pace | None,
    account: Account,
    log: Log,
) -> None:
    """Report past deployments; `plan` is a digest of the inputs."""
    provide(CORE, budget, log.line)
    from dora_deployments.backfill import run as backfill
    from dora_deployments.backfill.job import Job
    from dora_deployments.backfill.result import Backfilled
    from dora_deployments.report import past

    account.backfilled = result = Backfilled(
        repository=account.repository,
        since=inputs.since,
        until=inputs.until,
        folder=inputs.output_path,
    )
    job = Job(
        inputs=inputs,
        run=run,
        plan=plan,
        now=datetime.now(UTC),
        budget=budget,
        file=_own_file(inputs, run),
        told=_backends(inputs, account, log, from_fork=False),
        pace=pace,
        provide=partial(provide, LOOK_UPS, budget, log.line),
        holds=log.scrub.holds,
        words=log.scrub.words,
        say=log.line,
        warn=partial(ending.warned, account, log),
    )
    try:
        backfill.backfill(job, result)
    finally:
        account.outcomes = past.outcomes(result)
    ending.warned(account, log, doubts.of_names(result.environments, job.told))
    if result.metrics is not None:
        log.group("Historical deployments", past.lines(result))
    if result.unfinished is not None:
        ending.warned(account, log, [result.unfinished])


def _own_file(inputs: Inputs, run: Run) -> bytes | None:
    """Return the configuration file of the workspace, unless it is of another repository."""
    own = (run.repository or "").lower()
    is_own = inputs.repository is None or inputs.repository.lower() == own
    if run.event_name in workspace.STRANGE or not (is_own or inputs.config_file):
        return None
    return _file_of(run, inputs)


def _read_saved(
    inputs: Inputs, run: Run, budget: Budget, provide: Provide, account: Account, log: Log
) -> None:
    """Prepare what earlier runs saved, and keep what to say about the others."""
    from dora_deployments.delivery import replay

    base, paths = replay.found(inputs, run)
    told = _backends(inputs, account, log, from_fork=False)
    off, origin = backends.samples(inputs), _origin(run, account)
    # All of them stay where they are until they are read, however this run ends.
    account.left = tuple(base / path for path in paths)
    provide(CORE, budget, log.line)
    half = budget.capped(budget.left() / 2)
    taken = tuple(replay.deliveries(base, paths, origin, told, off, half))
    account.deliveries = replay.latest(each for each in taken if isinstance(each, Delivery))
    for each in account.deliveries:
        for file in each.superseded:
            log.line(f"{file.name!r} is of an earlier attempt of its run, or a copy: not sent")
    problems = _first(tuple(each for each in taken if isinstance(each, str)))
    account.problems = notes(problems, REPLAY_REFUSED)
    account.refused = tuple(
        base / path
        for path, each in zip_longest(paths, taken, fillvalue="")
        if isinstance(each, str)
    )
    last = taken[-1]
    account.left = account.left[-last.count :] if isinstance(last, replay.Left) else ()
    if problems and not account.deliveries:
        raise InputError(*problems, topic=REPLAY_REFUSED)
    ending.told_bad(account, log)
    if account.left:
        one = "one file is" if len(account.left) == 1 else f"{len(account.left):,} files are"
        more = f"`replay-path` holds more than one run can send: {one} left"
        ending.warned(account, log, [note(f"{more}; {REPLAY_LEFT.change}", REPLAY_LEFT)])


def _first(problems: tuple[str, ...]) -> tuple[str, ...]:
    more = len(problems) - _MOST_PROBLEMS
    return problems if more <= 0 else (*problems[:_MOST_PROBLEMS], f"and {more} more files")


def _origin(run: Run, account: Account) -> Origin:
    return Origin(
        server_url=run.server_url,
        repository=run.repository or account.repository,
        run_id=run.run_id or "",
        attempt=run.attempt,
    )


def _settle(account: Account, log: Log) -> None:
    """Collect how the deliveries ended, and save what the backends do not have."""
    run = account.run
    if (
        run is None
        or account.is_dry_run
        or not (account.deliveries or account.refused or account.left)
    ):
        return
    sent = account.dispatch or Dispatch.of(account.deliveries)
    ended = sent.ended()
    of_first = (each for each in ended if each.delivery.goes_first)
    of_others = (each for each in ended if not each.delivery.goes_first)
    account.outcomes = (
        *(_by_cause(outcome, account) for each in of_others for outcome in each.outcomes),
        *account.outcomes,
    )
    stay = (*account.refused, *account.left)
    is_kept = any(each.outcome.is_missing or each.delivery.saved for each in ended)
    if stay or is_kept or run.attempt > 1:
        from dora_deployments.delivery import undelivered

        account.kept = undelivered.settle(ended, _origin(run, account), run, stay)
    if account.resolved is not None and account.resolved.finished_by_clock:
        ending.warned(account, log, doubts.of_clocks(ended))
    ending.touched(account, (outcome for each in of_first for outcome in each.outcomes), log)
    ending.warned(account, log, notes(account.kept.problems, NOT_SAVED))
    path = account.kept.path
    if path and not path_for_output(path, log.scrub):
        where = f"what was not delivered is in `{path}`, which the output does not name"
        ending.warned(account, log, [note(f"{where}; {PATH_NOT_TOLD.change}", PATH_NOT_TOLD)])


def _by_cause(outcome: Outcome, account: Account) -> Outcome:
    """Return `outcome` with what to do where the job was cancelled: no `timeout` was too short."""
    if account.is_cancelled and outcome.topic is STEP_ENDED:
        return replace(outcome, topic=CANCELLED)
    return outcome


def _payload(run: Run) -> tuple[Payload, str | None]:
    """Return the event's payload, or an empty one and why it cannot be read."""
    nothing = Payload({})
    if run.event_path is None:
        return nothing, "GITHUB_EVENT_PATH is not set"
    path = Path(run.event_path)
    try:
        if not path.is_file():
            return nothing, "the file of GITHUB_EVENT_PATH is missing or no regular file"
        if path.stat().st_size > LARGEST_EVENT:
            return nothing, "the file of GITHUB_EVENT_PATH is too large"
        return payload.parse(path.read_bytes()), None
    except OSError as error:
        return nothing, f"the file of GITHUB_EVENT_PATH cannot be read ({error.strerror})"
    except ValueError as error:
        return nothing, f"the file of GITHUB_EVENT_PATH {error}"


def _workspace_file(event: Event) -> bytes | None:
    """Return the configuration file, if the workspace is to be trusted and has one."""
    return None if event.name in workspace.STRANGE else _file_of(event.run, event.inputs)


def _readable_file(event: Event, *, has_packages: bool) -> bytes | None:
    """Return the file of `_workspace_file`; `HeldBackError` if nothing here can read it yet."""
    file = _workspace_file(event)
    if file is None or has_packages:
        return file
    raise HeldBackError(
        "the packages that read the configuration file were not installed yet", topic=CANCELLED
    )


def _file_of(run: Run, inputs: Inputs) -> bytes | None:
    path = inputs.config_file or DEFAULT_CONFIG_FILE
    try:
        return workspace.read(run.workspace, path, LARGEST_CONFIG_FILE)
    except ValueError as error:
        raise ConfigurationError(f"`{path}` of the workspace {error}") from None


def _backends(
    inputs: Inputs, account: Account, log: Log, *, from_fork: bool
) -> tuple[Backend, ...]:
    """Return the backends to report to, and tell which ones are off."""
    told = backends.reported_to(inputs, from_fork=from_fork)
    if not inputs.dry_run:
        account.off = backends.off(inputs)
    for sentence in account.off:
        log.line(sentence)
    return told


def _unknown(inputs: Inputs, resolved: Resolved, told: tuple[Backend, ...]) -> tuple[Outcome, ...]:
    """Return the outcomes of services that the pull request may touch or not, nobody knows."""
    return tuple(
        Outcome(
            backend=backend.name,
            service=carried.service.identifier,
            id="",
            status="undelivered",
            message="not told, since it could not be looked up which files were changed",
            topic=INCOMPLETE,
        )
        for backend in told
        if isinstance(backend, RecordsPulls) and inputs.mode == "pull-services"
        for carried in resolved.services.value
        if carried.is_touched is None
    )


def _warn_of_rerun(
    account: Account, log: Log, resolved: Resolved, run: Run, told: tuple[Backend, ...]
) -> None:
    """Warn where a re-run tells Datadog of the same deployment with a later finish."""
    to_datadog = any(backend.name == "Datadog" for backend in told)
    has_same_id = run.attempt > 1 and resolved.shipped.attempt == 1
    if has_same_id and resolved.finished_by_clock and to_datadog:
        warning = (
            f"this is attempt {run.attempt} of the run, so Datadog is sent the same id with a"
            f" later finish: {RERUN.sentence}"
        )
        ending.warned(account, log, [note(warning, RERUN)])
