"""A run that a program started by `repository_dispatch`."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar

from dora_deployments.actions import moments, parse
from dora_deployments.actions.event import Event, Happening, Places
from dora_deployments.deployment import Fact
from dora_deployments.errors import EventError

T = TypeVar("T")

PLACES: Final = Places(
    what="a run that a program started",
    commit=("client_payload.sha",),
    identity=("client_payload.id",),
    environment=("client_payload.environment",),
    started_at=("client_payload.started_at",),
    finished_at=("client_payload.finished_at",),
)


def read(event: Event) -> Happening:
    """Read the five keys of `client_payload` that are documented, and no other."""

    def moment(text: str) -> datetime:
        return moments.parse(text, event.now)

    inputs = event.inputs
    sha = _client_value(event, PLACES.commit, parse.commit_sha, inputs.commit_sha)
    environment = _client_value(event, PLACES.environment, parse.line, inputs.environment)
    identity = _client_value(event, PLACES.identity, str, inputs.deployment_id)
    started = _client_value(event, PLACES.started_at, moment, inputs.started_at)
    finished = _client_value(event, PLACES.finished_at, moment, inputs.finished_at)
    if started and finished and started.value - finished.value > moments.MOST_SKEW:
        raise EventError(
            "client_payload.started_at is later than client_payload.finished_at; send them in order"
        )
    warnings: tuple[str, ...] = ()
    if sha is None and inputs.commit_sha is None:
        warning = (
            "client_payload has no sha, so the default branch's tip is taken for the deployed"
            " commit; send client_payload.sha"
        )
        warnings = (warning,)
    return replace(
        event.happening(
            event.written_sha(sha.value, sha.source) if sha else event.github_sha(*PLACES.commit),
            f"dispatch:{identity.value}" if identity else None,
        ),
        environment=environment,
        started_at=started,
        finished_at=finished,
        is_told_afterwards=True,
        warnings=warnings,
    )


def _client_value(
    event: Event, paths: tuple[str, ...], parser: Callable[[str], T], explicit: object
) -> Fact[T] | None:
    """Return what the dispatching program sent, which matters only where no input says it."""
    (path,) = paths
    value = event.payload.get(path)
    if explicit is not None or value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise EventError(f"{path} is neither a string nor a whole number; send one of them")
    text = str(value).strip()
    try:
        return Fact(value=parser(text), source=path) if text else None
    except ValueError as error:
        raise EventError(f"{path} {error}") from None
