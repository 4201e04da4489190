"""`mode: deployment` and `mode: pull-services`: report what the event says happened."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from dora_deployments import signals
from dora_deployments.actions import payload, workspace
from dora_deployments.actions.event import DeploymentEvent, Event
from dora_deployments.actions.events import interpret_event
from dora_deployments.actions.payload import Payload
from dora_deployments.actions.run import Run
from dora_deployments.attribution.cancelled import CancellableLookUps, resolve_cancelled
from dora_deployments.attribution.github import LOOK_UP_SECONDS, GitHub
from dora_deployments.attribution.github.api import Api
from dora_deployments.attribution.resolve import Resolved, resolve
from dora_deployments.backends import Backend, RecordsPulls
from dora_deployments.catalogue import CANCELLED, DOUBTFUL_EVENT, INCOMPLETE, Note, note, notes
from dora_deployments.context import Context
from dora_deployments.delivery import deliver
from dora_deployments.deployment import Outcome
from dora_deployments.errors import (
    ActionError,
    HeldBackError,
    Interrupted,
    PackagesError,
    Skip,
)
from dora_deployments.modes import sending
from dora_deployments.packages import CORE, LOOK_UPS
from dora_deployments.report import changes, doubts, ending
from dora_deployments.report.facts import facts

LARGEST_EVENT: Final = 64 * 1024 * 1024


@dataclass(slots=True, kw_only=True)
class _Known:
    """What a job that is cancelled can still count on.

    That is what the event says, what GitHub answered, and whether the packages are there that
    every run needs.
    """

    look_ups: CancellableLookUps
    has_packages: bool = False
    interpreted: tuple[Event, DeploymentEvent] | None = None


def report(context: Context) -> None:
    """Report what the event says, or prepare what is certain of it if the job is cancelled."""
    known = _Known(look_ups=CancellableLookUps(has_token=context.inputs.github_token is not None))
    try:
        # A signal that came before was held back: now there is something to save.
        with signals.interruptible():
            lacking = _read_event(context, known)
            sending.send(context, lacking)
    except Interrupted:
        if not (context.inputs.dry_run or context.account.deliveries):
            _prepare_cancelled(context, known)
        raise


def _read_event(context: Context, known: _Known) -> PackagesError | None:
    """Resolve what the event says was deployed, and prepare its deliveries.

    Returns why there are no packages to send them with, if so: then they can be saved.
    """
    inputs, run, budget = context.inputs, context.run, context.budget
    known.interpreted = event, deployment_event = _interpret(context)
    file = _workspace_file(event)
    lacking = None
    try:
        context.ensure_packages(CORE)
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
        provide=partial(context.ensure_packages, LOOK_UPS, look_up_budget),
    )
    with GitHub(api, run.server_url) as github, known.look_ups.answered_by(github):
        resolved = resolve(deployment_event, inputs, run, known.look_ups, context.now, file)
    context.account.resolved = resolved
    _prepare(context, event, deployment_event, resolved)
    return lacking


def _prepare_cancelled(context: Context, known: _Known) -> None:
    """Prepare what is certain when the job is cancelled, to be saved, or say why it is not."""
    account, inputs, run = context.account, context.inputs, context.run
    try:
        event, deployment_event = known.interpreted or _interpret(context)
        resolved = account.resolved
        if resolved is None:
            file = _readable_file(event, has_packages=known.has_packages)
            resolved = resolve_cancelled(
                deployment_event, inputs, run, known.look_ups, context.now, file
            )
            account.resolved = resolved
        _prepare(context, event, deployment_event, resolved)
        return
    except Skip as skip:
        why = skip.explanation
    except (ActionError, HeldBackError) as error:
        why = str(error)
    except Exception as error:
        why = f"a bug in this action stopped it: {type(error).__name__}"
    context.add_warnings([note(f"nothing is saved: {why}", CANCELLED)])


def _interpret(context: Context) -> tuple[Event, DeploymentEvent]:
    """Read the event, and return it with what it says was deployed."""
    context.account.event = name = context.run.event_name or ""
    content, broken = _payload(context.run)
    event = Event(
        name=name,
        payload=content,
        run=context.run,
        inputs=context.inputs,
        now=context.now,
        broken=broken,
    )
    deployment_event = interpret_event(event)
    context.add_warnings(notes(deployment_event.warnings, DOUBTFUL_EVENT))
    context.add_warnings(doubts.of_event(event, deployment_event))
    return event, deployment_event


def _prepare(
    context: Context, event: Event, deployment_event: DeploymentEvent, resolved: Resolved
) -> None:
    """Say what was deployed, and prepare its deliveries. Raises `EventError` for a secret."""
    account, inputs, log = context.account, context.inputs, context.log
    log.group(
        f"What was {'deployed' if resolved.deployments else 'merged'}, by the event {event.name}",
        (f"{label}: {value}, from {source}" for label, value, source in facts(resolved)),
    )
    if resolved.deployments and resolved.pulls:
        log.group("Shipped changes", changes.lines(resolved))
    context.add_warnings(notes(resolved.warnings, INCOMPLETE))
    context.add_warnings(doubts.of_times(inputs, deployment_event, resolved, event.now))

    backends = sending.choose_backends(context, from_fork=deployment_event.from_fork)
    context.add_warnings(doubts.of_environment(deployment_event, resolved, backends))
    ending.add_hints(account, log, doubts.other_sources(event.name, resolved, backends))
    deliveries = deliver.prepare(resolved.deployments, backends)
    if resolved.touched is not None:
        touched = deliver.prepare_touched(
            resolved.touched, backends, goes_first=inputs.mode == "deployment"
        )
        deliveries = (*touched, *deliveries)
    sending.refuse_secrets(context, deliveries)
    if not inputs.dry_run:
        account.outcomes = _unknown(inputs.mode, resolved, backends)
    account.deliveries = deliveries
    if not inputs.dry_run:
        context.add_warnings(_doubts_of_rerun(resolved, context.run, backends))


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
    return (
        None if event.name in workspace.STRANGE else sending.workspace_file(event.run, event.inputs)
    )


def _readable_file(event: Event, *, has_packages: bool) -> bytes | None:
    """Return the file of `_workspace_file`; `HeldBackError` if nothing here can read it yet."""
    file = _workspace_file(event)
    if file is None or has_packages:
        return file
    raise HeldBackError(
        "the packages that read the configuration file were not installed yet", topic=CANCELLED
    )


def _unknown(mode: str, resolved: Resolved, backends: tuple[Backend, ...]) -> tuple[Outcome, ...]:
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
        for backend in backends
        if isinstance(backend, RecordsPulls) and mode == "pull-services"
        for carried in resolved.services.value
        if carried.is_touched is None
    )


def _doubts_of_rerun(
    resolved: Resolved, run: Run, backends: tuple[Backend, ...]
) -> tuple[Note, ...]:
    """Return what a re-run does that sends the same deployment with a later finish."""
    has_same_id = run.attempt > 1 and resolved.shipped.attempt == 1
    if not (has_same_id and resolved.finished_by_clock):
        return ()
    found = (backend.doubt_of_repeat(run.attempt) for backend in backends)
    return tuple(each for each in found if each is not None)
