"""How a backfill went, in words: its headline, its outcomes, and its part of the summary."""

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from dora_deployments.actions.text import count, shown
from dora_deployments.backfill.result import Backfilled
from dora_deployments.backfill.state import Tally
from dora_deployments.backfill.writing import CSV, JSON_LINES
from dora_deployments.catalogue import STEP_ENDED, Topic
from dora_deployments.deployment import Outcome, Status
from dora_deployments.report import metrics
from dora_deployments.report.account import Account, status_of
from dora_deployments.report.blocks import sentence
from dora_deployments.report.changes import span
from dora_deployments.report.text import Scrubber
from dora_deployments.report.words import listed

_SERVICES: Final = 10  # that are named one by one
_ROWS: Final = 20  # of metrics, in the log


def headline(account: Account, past: Backfilled) -> str:
    """Return the news in one sentence, which may quote foreign text."""
    period = f"{past.since:%Y-%m-%d} to {past.until:%Y-%m-%d}"
    if past.metrics is None:
        return f"The deployments of {past.repository}, {period}, are not all read yet"
    found = f"{count(past.deployments, 'deployment')} of {past.repository}, {period}"
    if account.is_dry_run:
        return f"{found}, would be reported; nothing was sent"
    status = status_of(account.outcomes)
    if status == "skipped":
        return f"{found}: no backend takes them"
    if status != "delivered":
        lacks = _numbers(past, {"rejected", "undelivered"}).items()
        return f"{found}: {listed([f'{name} lacks {number:,}' for name, number in lacks])}"
    others = _numbers(past, {"skipped"}).items()
    cannot = [f"{number:,} that {name} does not take" for name, number in others]
    return f"{found}: all reported{f', but for {listed(cannot)}' if cannot else ''}"


def _numbers(past: Backfilled, statuses: Collection[Status]) -> dict[str, int]:
    """Return how many reports to each backend ended with any of `statuses`."""
    numbers: dict[str, int] = {}
    for tally in past.tallies:
        if tally.status in statuses:
            numbers[tally.backend] = numbers.get(tally.backend, 0) + tally.count
    return numbers


def outcomes(past: Backfilled) -> tuple[Outcome, ...]:
    """Return how the reports ended: one outcome for all of a service that ended alike.

    Where there are many services, those that ended alike are one.
    """
    groups: dict[tuple[object, ...], list[Tally]] = {}
    for tally in past.tallies:
        service = tally.service if len(past.services) <= _SERVICES else ""
        ended = (tally.backend, service, tally.status, tally.message, tally.topic)
        groups.setdefault(ended, []).append(tally)
    return tuple(_outcome(group, past.stopped) for group in groups.values())


def lines(past: Backfilled) -> Iterator[str]:
    """Yield what was read and written, and the metrics, for the log."""
    if past.metrics is None:
        return
    yield from _told(past)
    for row in past.metrics.rows[:_ROWS]:
        parts = [f"{row.succeeded:,} succeeded, {row.failed:,} failed, {row.a_week:.3g} a week"]
        if row.lead_time is not None:
            lead = row.lead_time
            parts.append(f"lead time {span(lead.median)}, 90 % {span(lead.ninetieth)}")
        parts.append(f"change failure rate {100 * row.failure_rate:.3g} %")
        if row.recovery is not None:
            parts.append(f"recovery time {span(row.recovery.median)}")
        yield f"{row.service or 'all services'} to {row.environment}: {'; '.join(parts)}"
    if len(past.metrics.rows) > _ROWS:
        yield f"and {count(len(past.metrics.rows) - _ROWS, 'more row')}, in the summary"


def sections(past: Backfilled, scrub: Scrubber, docs: str) -> Iterator[str]:
    """Yield the sections of the summary about a backfill."""
    if past.metrics is not None:
        yield f"<p>{'<br>'.join(sentence(scrub, f'{line}.') for line in _told(past))}</p>\n"
        yield from metrics.sections(past.metrics, scrub, docs)


def _told(past: Backfilled) -> Iterator[str]:
    """Yield what was read, what was left out of it, and where the rest is."""
    asked = f"by {count(past.requests, 'request')} to GitHub's API"
    yield f"Counted by the {past.source}, read {asked if past.requests else 'by an earlier run'}"
    left = [f"{number:,} as `{reason}`" for reason, number in past.left_out.items()]
    elsewhere = [f"{number:,} to {shown(name)}" for name, number in past.elsewhere.items()]
    left += [listed(elsewhere)] if elsewhere else []
    if left:
        yield f"Left out: {', '.join(left)}"
    yield (f"Written to `{past.folder}/{CSV}`, in DX's fields, and `{past.folder}/{JSON_LINES}`")


def _outcome(tallies: Sequence[Tally], stopped: Topic | None) -> Outcome:
    """Return the outcome of all that ended alike; `stopped` is why some were not even sent."""
    tally, attempts = tallies[0], sum(each.attempts for each in tallies)
    services = {each.service for each in tallies}
    message, topic = tally.message, tally.topic
    if topic is STEP_ENDED and not attempts and stopped is not None:
        message, topic = "not sent yet", stopped
    number = sum(each.count for each in tallies)
    return Outcome(
        backend=tally.backend,
        service=tally.service if len(services) == 1 else count(len(services), "service"),
        id="",
        status=tally.status,
        message=f"{count(number, 'report')}: {message}",
        detail=tally.detail,
        topic=topic,
        http_status=tally.http_status,
        attempts=attempts,
    )
