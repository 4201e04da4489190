"""What a person should know of a report that goes out all the same."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from dora_deployments.actions.event import DeploymentEvent, Event
from dora_deployments.actions.inputs import Inputs
from dora_deployments.actions.text import shown
from dora_deployments.attribution.environment import (
    seems_before_production,
    seems_production,
    words_of,
)
from dora_deployments.attribution.resolve import Resolved
from dora_deployments.backends import Backend
from dora_deployments.catalogue import (
    CLOCK_SKEW,
    DUPLICATE_SOURCE,
    NO_CREDENTIALS_ON_FORK,
    NOT_PRODUCTION,
    STARTS_NOTHING,
    Note,
    note,
)
from dora_deployments.delivery.deliver import Delivery
from dora_deployments.delivery.dispatch import SendResult
from dora_deployments.deployment import Request
from dora_deployments.report.changes import span
from dora_deployments.report.words import listed

_BOT: Final = "github-actions[bot]"
# What GITHUB_TOKEN starts all the same (GitHub documentation, "Triggering a workflow").
_DISPATCHES: Final = frozenset({"workflow_dispatch", "repository_dispatch"})
_A_SECOND: Final = timedelta(seconds=1)
# A name that Datadog keeps as it is ("Getting Started with Tags"): somebody chose it for Datadog.
_TAG: Final = re.compile(r"[a-z0-9_.:/-]+")
_SKEW: Final = timedelta(minutes=2)  # less may be the way of the answer, and harms nobody


def of_event(event: Event, deployment_event: DeploymentEvent) -> Iterator[Note]:
    """Yield why GitHub would not start a run on such an event, or would give it no secrets.

    That is for those who try out a saved event: a run that GitHub started knows better.
    """
    cause = event.payload.text("sender.login")
    if event.run.run_id is None and cause == _BOT and event.name not in _DISPATCHES:
        yield note(f"the event was caused by {_BOT}: {STARTS_NOTHING.sentence}", STARTS_NOTHING)
    if event.inputs.dry_run and deployment_event.from_fork and not event.inputs.has_key:
        fork = NO_CREDENTIALS_ON_FORK
        yield note(f"such a run reports nothing, since {fork.sentence}", fork)


def of_environment(
    deployment_event: DeploymentEvent, resolved: Resolved, told: Iterable[Backend]
) -> Iterator[Note]:
    """Warn if an environment seems to be production under another name, or only in name.

    If a backend only counts `production`, every other name matters; otherwise only names of
    several words that were not chosen for Datadog do.
    """
    name, source = resolved.environment.value, resolved.environment.source
    raw = deployment_event.environment
    is_given = source == "the input `environment`"
    is_mapped = raw is not None and source != raw.source and not is_given
    backends = (*told,)
    counting = [backend.name for backend in backends if backend.dora_environment == "production"]
    if not resolved.deployments or is_mapped:
        return
    if (
        raw is not None
        and is_given
        and name == "production"
        and not deployment_event.is_production
        and seems_before_production(raw.value)
    ):
        yield note(
            f"the deployment was to {shown(raw.value)} ({raw.source}), and is reported as"
            " production, since `environment` says so; if it was not to production, leave"
            " `environment` out",
            NOT_PRODUCTION,
        )
    if not seems_production(name):
        return
    line = "`environment: production`"
    if raw is not None and source == raw.source:
        glob = "".join(character if _is_plain(character) else "?" for character in raw.value)
        line = f"`environment-map: {glob}=production`"
    if counting:
        yield note(
            f"the environment is {shown(name)}, and {counting[0]} counts `production` alone for"
            f" DORA metrics; if it is the same, write {line}",
            NOT_PRODUCTION,
        )
    elif (
        raw is not None
        and source == raw.source
        and len(words_of(name)) > 1
        and not _TAG.fullmatch(name)
    ):
        yield note(
            f"the environment is {shown(name)}, which {backends[0].name} keeps apart from"
            f" `production`; if it is the same, write {line}",
            NOT_PRODUCTION,
        )


def of_names(environments: Sequence[str], told: Iterable[Backend]) -> Iterator[Note]:
    """Yield that none of the environments is the one that a backend counts, but some seem to be."""
    counting = [backend.name for backend in told if backend.dora_environment == "production"]
    meant = [name for name in environments if seems_production(name)]
    if counting and meant and "production" not in environments:
        yield note(
            f"{counting[0]} counts `production` alone for DORA metrics, and no deployment went"
            f" there; if {listed([shown(name) for name in meant])} is the same, map it by"
            " `environment-map`",
            NOT_PRODUCTION,
        )


def of_requests(deliveries: Iterable[Delivery], now: datetime | None) -> Iterator[Note]:
    """Yield what the backends doubt of their requests; `now` if these are sent."""
    requests: dict[Backend, list[Request]] = {}
    for delivery in deliveries:
        requests.setdefault(delivery.backend, []).extend(delivery.requests)
    for backend, its in requests.items():
        yield from backend.doubts(its, now)


def other_sources(event: str, resolved: Resolved, told: Iterable[Backend]) -> tuple[Note, ...]:
    """Return what else may report the same deployments: to be checked once by a person."""
    sources = (
        backend.other_source(event, deployment)
        for backend in told
        for deployment in resolved.deployments[:1]
    )
    return tuple(
        note(f"{source}; {DUPLICATE_SOURCE.sentence}", DUPLICATE_SOURCE)
        for source in sources
        if source
    )


def of_times(
    inputs: Inputs, deployment_event: DeploymentEvent, resolved: Resolved, now: datetime
) -> Iterator[Note]:
    """Yield that a time that somebody wrote cannot be right by the other times or the clock.

    What GitHub wrote is told where it is ahead of the clock.
    """
    finished, started = resolved.finished_at, inputs.started_at
    source = "`started-at`"
    if (
        started is None
        and deployment_event.is_told_afterwards
        and deployment_event.started_at is not None
    ):
        started, source = deployment_event.started_at.value, deployment_event.started_at.source
    if started is not None and started - finished.value >= _A_SECOND:
        yield note(
            f"{source} ({started.isoformat()}) is {span(started - finished.value)} later than the"
            f" finish ({finished.value.isoformat()}, from {finished.source}), so the deployment is"
            " reported as if it took no time; let the runners set their clocks by NTP, or correct"
            " the time",
            CLOCK_SKEW,
        )
    if finished.value - now > _SKEW:
        yield note(
            f"the finish ({finished.value.isoformat()}, from {finished.source}) is"
            f" {span(finished.value - now)} ahead of the runner's clock, and is sent as it is;"
            " check the time and its zone, or let the runner set its clock by NTP",
            CLOCK_SKEW,
        )


def of_clocks(ended: Iterable[SendResult]) -> Iterator[Note]:
    """Yield by how much the clock here and those of the backends differ, if it matters."""
    skews: dict[str, timedelta] = {}
    for each in ended:  # not all had an answer that tells the time
        name = each.delivery.backend.name
        skews[name] = max(skews.get(name, timedelta()), each.skew, key=abs)
    for backend, skew in skews.items():
        if abs(skew) > _SKEW:
            side = "ahead of" if skew > timedelta() else "behind"
            yield note(
                f"the runner's clock is {span(abs(skew))} {side} {backend}'s, and"
                f" {CLOCK_SKEW.sentence}",
                CLOCK_SKEW,
            )


def _is_plain(character: str) -> bool:
    """Return whether `character` means itself in a glob, and in what a message quotes."""
    return character.isalnum() or character in " _./:@+-"
