"""Whether an event is a deployment, of what, and when: one module for each kind of event.

Each reads the payload and tells what it says, with the place it was read at; whatever only
GitHub's API can tell is left open as `Unresolved`. Nothing here looks anything up.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final, NamedTuple

from dora_deployments.actions.event import DeploymentEvent, Event, Places, Unresolved
from dora_deployments.actions.events import (
    deployment_status,
    pull_request,
    push,
    release,
    repository_dispatch,
    workflow_dispatch,
    workflow_run,
)
from dora_deployments.actions.text import shown
from dora_deployments.errors import EventError, Skip


class Kind(NamedTuple):
    """A kind of event: what reads it, and the places that are read."""

    read: Callable[[Event], DeploymentEvent]
    places: tuple[Places, ...]


_PULL_REQUEST: Final = Kind(pull_request.read, (pull_request.PLACES,))

EVENTS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "pull_request": _PULL_REQUEST,
        "pull_request_target": _PULL_REQUEST,
        "push": Kind(push.read, (push.BRANCH, push.TAG)),
        "release": Kind(release.read, (release.PLACES,)),
        "deployment_status": Kind(deployment_status.read, (deployment_status.PLACES,)),
        "workflow_run": Kind(workflow_run.read, (workflow_run.PLACES,)),
        "workflow_dispatch": Kind(workflow_dispatch.read, (workflow_dispatch.PLACES,)),
        "repository_dispatch": Kind(repository_dispatch.read, (repository_dispatch.PLACES,)),
    }
)


def interpret_event(event: Event) -> DeploymentEvent:
    """Return what `event` says was deployed.

    Raises `Skip` if it is no deployment, and `EventError` if it lacks what only it
    can tell.
    """
    if event.inputs.success in {"cancelled", "skipped"}:
        raise Skip(
            f"job-{event.inputs.success}",
            f"`success` says that the deploying job was {event.inputs.success}",
        )
    if event.broken is not None:
        return _without_payload(event, event.broken)
    return EVENTS[event.name].read(event) if event.name in EVENTS else _other(event)


def _without_payload(event: Event, why: str) -> DeploymentEvent:
    """Return what happened by the inputs and variables alone, where those are enough."""
    if event.inputs.commit_sha is not None:
        deployment_event = _other(event)
    elif event.name in {"push", "workflow_dispatch"}:
        deployment_event = EVENTS[event.name].read(event)
    elif event.name in EVENTS:
        raise EventError(
            f"{why}, so nothing tells what was deployed; set `commit-sha`, or run the job again"
        )
    else:
        deployment_event = _other(event)
    return replace(
        deployment_event, warnings=(f"{why}; only inputs and GITHUB_* variables were read",)
    )


def _other(event: Event) -> DeploymentEvent:
    """Take any other event for a deployment if its commit is given, and only then."""
    if event.inputs.commit_sha is None and not event.name:
        raise EventError(
            "GITHUB_EVENT_NAME is not set, which GitHub does for every step; run this in a"
            " workflow, or set `commit-sha`"
        )
    if event.inputs.commit_sha is None:
        raise Skip(
            "event-not-a-deployment",
            f"the event {shown(event.name)} does not say what was deployed",
            f"run this step on one of {', '.join(EVENTS)}, or set `commit-sha`",
        )
    deployment_event = event.deployment_event(Unresolved(why="the event names no commit"), None)
    return replace(deployment_event, version=event.run_tag())
