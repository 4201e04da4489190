"""What a person should know of a report that goes out all the same."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from dora_deployments.actions.event import Event, Happening
from dora_deployments.actions.text import shown
from dora_deployments.attribution.resolve import Resolved
from dora_deployments.backends import Backend, RecordsPulls
from dora_deployments.catalogue import (
    CLOCK_SKEW,
    DUPLICATE_SOURCE,
    NO_CREDENTIALS_ON_FORK,
    NOT_PRODUCTION,
    OLD_EVENT,
    STARTS_NOTHING,
    Note,
    note,
)
from dora_deployments.delivery.deliver import Delivery
from dora_deployments.delivery.dispatch import Ended
from dora_deployments.report.changes import span

_BOT: Final = "github-actions[bot]"
# What GITHUB_TOKEN starts all the same (GitHub documentation, "Triggering a workflow").
_DISPATCHES: Final = frozenset({"workflow_dispatch", "repository_dispatch"})
_PRODUCTION: Final = frozenset({"prod", "prd", "production", "live"})
# What such a name may have as well, and then is hardly production.
_BEFORE_IT: Final = frozenset(
    {*("no", "non", "not", "pre"), *("dev", "pr", "preview", "review", "stage", "staging", "test")}
)
_SKEW: Final = timedelta(minutes=2)  # less may be the way of the answer, and harms nobody


def of_event(event: Event, happening: Happening) -> Iterator[Note]:
    """Yield why GitHub would not start a run on such an event, or would give it no secrets.

    That is for those who try out a saved event: a run that GitHub started knows better.
    """
    cause = event.payload.text("sender.login")
    if event.run.run_id is None and cause == _BOT and event.name not in _DISPATCHES:
        yield note(f"the event was caused by {_BOT}: {STARTS_NOTHING.sentence}", STARTS_NOTHING)
    if event.inputs.dry_run and happening.from_fork and not event.inputs.has_key:
        fork = NO_CREDENTIALS_ON_FORK
        yield note(f"such a run reports nothing, since {fork.sentence}", fork)


def of_environment(
    happening: Happening, resolved: Resolved, told: Iterable[Backend]
) -> Iterator[Note]:
    """Yield that an environment by whatever name seems to be production, which nobody mapped.

    Only where a backend counts the name `production` alone, as DX does.
    """
    name, source = resolved.environment.value, resolved.environment.source
    raw = happening.environment
    is_mapped = raw is not None and source not in {raw.source, "the input `environment`"}
    counts = any(isinstance(backend, RecordsPulls) for backend in told)
    if not resolved.deployments or is_mapped or not counts or not _seems_production(name):
        return
    line = "`environment: production`"
    if raw is not None and source == raw.source:
        glob = raw.value if all(_is_plain(character) for character in raw.value) else "GLOB"
        line = f"`environment-map: {glob}=production`"
    yield note(
        f"the environment is {shown(name)}, and DX counts `production` alone for DORA metrics; if"
        f" it is the same, write {line}",
        NOT_PRODUCTION,
    )


def of_requests(
    deliveries: Iterable[Delivery], now: datetime, *, is_dry_run: bool
) -> tuple[Note, ...]:
    """Return what the backends doubt of what they are sent, each once.

    How old a deployment is only matters if it is sent.
    """
    doubts = (
        doubt
        for delivery in deliveries
        for request in delivery.requests
        for doubt in delivery.backend.doubts(request, now)
        if not is_dry_run or doubt.url != OLD_EVENT.url
    )
    return tuple(dict.fromkeys(doubts))


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


def of_clocks(ended: Iterable[Ended]) -> Iterator[Note]:
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


def _seems_production(name: str) -> bool:
    words = {*"".join(mark if mark.isalpha() else " " for mark in name.lower()).split()}
    return name != "production" and bool(words & _PRODUCTION) and not words & _BEFORE_IT


def _is_plain(character: str) -> bool:
    """Return whether `character` means itself in a glob, and in what a message quotes."""
    return character.isalnum() or character in " _./:@+-"
