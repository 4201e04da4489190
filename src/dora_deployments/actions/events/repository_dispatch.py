"""A run that a program started by `repository_dispatch`."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar

from dora_deployments.actions import moments, outcomes, parse
from dora_deployments.actions.event import DeploymentEvent, Event, Places, Unresolved
from dora_deployments.actions.text import has_controls, shown
from dora_deployments.deployment import Fact
from dora_deployments.errors import EventError, Skip

T = TypeVar("T")

# Vercel has the commit in `git`, and how it ended in `state.type` and in the event's type
# (github.com/vercel/repository-dispatch; Vercel documentation, "Repository dispatch events").
_VERCEL: Final = "vercel.deployment."
_OUTCOMES: Final = (
    "client_payload.success",
    "client_payload.state",
    "client_payload.state.type",
    "client_payload.phase",
    "client_payload.status",
)
# GitHub says `conclusion` of a run, `outcome` of a step and `result` of a job ("Contexts"). Others
# may keep anything there, so only words that say how a deployment ended count.
_HINTS: Final = ("client_payload.conclusion", "client_payload.result", "client_payload.outcome")

PLACES: Final = Places(
    what="a run that a program started",
    commit=("client_payload.sha", "client_payload.git.sha"),
    identity=("client_payload.id",),
    environment=("client_payload.environment",),
    version=("client_payload.version",),
    outcome=(*_OUTCOMES, *_HINTS),
    started_at=("client_payload.started_at",),
    finished_at=("client_payload.finished_at",),
)


def read(event: Event) -> DeploymentEvent:
    """Read the keys of `client_payload` that are documented, and no other.

    `GITHUB_SHA` is the default branch's tip, whatever was deployed, so it is never taken.
    """

    def moment(text: str) -> datetime:
        return moments.parse(text, event.now)

    inputs = event.inputs
    success = _success(event)
    sha = _client_value(event, PLACES.commit, parse.commit_sha, inputs.commit_sha)
    environment = _client_value(event, PLACES.environment, parse.line, inputs.environment)
    if inputs.environment is not None:  # an odd name only matters if no input is given
        told = event.text(*PLACES.environment)
        environment = None if told is None or has_controls(told.value) else told
    identity = _client_value(event, PLACES.identity, str, inputs.deployment_id)
    version = _client_value(event, PLACES.version, parse.line, inputs.version)
    started = _client_value(event, PLACES.started_at, moment, inputs.started_at)
    finished = _client_value(event, PLACES.finished_at, moment, inputs.finished_at)
    if started and finished and started.value - finished.value > moments.MOST_SKEW:
        raise EventError(
            "client_payload.started_at is later than client_payload.finished_at; send them in order"
        )
    commit: Fact[str] | Unresolved = Unresolved(
        why="client_payload has a commit neither at sha nor at git.sha, and GITHUB_SHA is only the"
        " default branch's tip"
    )
    if sha is not None:
        commit = event.written_sha(sha.value, sha.source)
    deployment_event = event.deployment_event(
        commit, f"dispatch:{identity.value}" if identity else None
    )
    return replace(
        deployment_event,
        environment=environment,
        version=version,
        success=success or deployment_event.success,
        started_at=started,
        finished_at=finished,
        is_told_afterwards=True,
    )


def _success(event: Event) -> Fact[bool] | None:
    """Return how the deployment ended, if `client_payload` says so and no input does.

    A failure counts more than anything else that is said. Raises `Skip` if nothing was deployed,
    or not yet, and `EventError` for a word that may mean either.
    """
    if event.inputs.success != "auto":
        return None
    told = [fact for path in PLACES.outcome if (fact := _outcome_at(event, path))]
    action = event.payload.text("action") or ""
    if action.startswith(_VERCEL):
        told.append(Fact(value=action.removeprefix(_VERCEL), source="action"))
    meanings = {outcomes.meaning(fact.value): fact for fact in reversed(told)}
    if failed := meanings.get("failure"):
        return Fact(value=False, source=_said(failed))
    if pending := meanings.get("pending"):
        raise Skip("state-not-final", f"{_said(pending)}: the deployment has not ended yet")
    if dropped := meanings.get("dropped"):
        raise Skip("event-not-a-deployment", f"{_said(dropped)}: nothing was deployed")
    if odd := meanings.get("unknown"):
        raise EventError(
            f"{_said(odd)}, which may be a success or a failure; send client_payload.success as"
            " true or false, or set `success`"
        )
    succeeded, ended = meanings.get("success"), meanings.get("ended")
    if ended and not succeeded:
        raise EventError(
            f"{_said(ended)}, which does not say whether it succeeded; send client_payload.success"
            " as true or false, or set `success`"
        )
    return Fact(value=True, source=_said(succeeded)) if succeeded else None


def _outcome_at(event: Event, path: str) -> Fact[str] | None:
    """Return the word at `path`, in which true and false are words as well.

    Other words at `_HINTS` than those that say how it ended are none.
    """
    value = event.payload.get(path)
    if value is None or (path == "client_payload.state" and isinstance(value, dict)):
        return None
    if isinstance(value, bool):
        return Fact(value=str(value).lower(), source=path)
    if path in _HINTS and not (
        isinstance(value, str) and outcomes.meaning(value) not in {"ended", "unknown"}
    ):
        return None
    if not isinstance(value, str):
        raise EventError(f"{path} is neither a string nor true or false; send one of them")
    text = value.strip()
    return Fact(value=text, source=path) if text else None


def _said(fact: Fact[str]) -> str:
    return f"{fact.source} is {shown(fact.value)}"


def _client_value(
    event: Event, paths: tuple[str, ...], parser: Callable[[str], T], explicit: object
) -> Fact[T] | None:
    """Return what the dispatching program sent, which matters only where no input says it."""
    if explicit is not None:
        return None
    for path in paths:
        value = event.payload.get(path)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise EventError(f"{path} is neither a string nor a whole number; send one of them")
        if not (text := str(value).strip()):
            continue
        try:
            return Fact(value=parser(text), source=path)
        except ValueError as error:
            raise EventError(f"{path} {error}") from None
    return None
