"""How a backfill went, in words: its headline, its outcomes, and its part of the summary."""

from collections.abc import Iterator

from dora_deployments.actions.text import count, shown
from dora_deployments.backfill.result import Backfilled
from dora_deployments.backfill.state import Tally
from dora_deployments.catalogue import STEP_ENDED, Topic
from dora_deployments.deployment import Outcome
from dora_deployments.report import figures
from dora_deployments.report.account import Account, status_of
from dora_deployments.report.blocks import sentence
from dora_deployments.report.changes import span
from dora_deployments.report.text import Scrubber
from dora_deployments.report.words import listed


def headline(account: Account, past: Backfilled) -> str:
    """Return the news in one sentence, which may quote foreign text."""
    period = f"{past.since:%Y-%m-%d} to {past.until:%Y-%m-%d}"
    if past.figures is None:
        return f"The deployments of {past.repository}, {period}, are not all read yet"
    found = f"{count(past.deployments, 'deployment')} of {past.repository}, {period}"
    if account.is_dry_run:
        return f"{found}, would be reported; nothing was sent"
    status = status_of(account.outcomes)
    if status == "delivered":
        return f"{found}: all reported"
    if status == "skipped":
        return f"{found}: no backend can be told of them"
    lacking: dict[str, int] = {}
    for tally in past.tallies:
        if tally.status in {"rejected", "undelivered"}:
            lacking[tally.backend] = lacking.get(tally.backend, 0) + tally.count
    return f"{found}: {listed([f'{name} lacks {number:,}' for name, number in lacking.items()])}"


def outcomes(past: Backfilled) -> tuple[Outcome, ...]:
    """Return how the reports ended: one outcome for all of a service that ended alike."""
    return tuple(_outcome(tally, past.stopped) for tally in past.tallies)


def lines(past: Backfilled) -> Iterator[str]:
    """Yield the figures of each service in each environment, for the log."""
    for row in past.figures.rows if past.figures else ():
        parts = [f"{count(row.succeeded, 'deployment')}, {row.a_week:.3g} a week"]
        if row.lead_time is not None:
            lead = row.lead_time
            parts.append(f"lead time {span(lead.median)}, 90 % within {span(lead.ninetieth)}")
        parts.append(f"change failure rate {100 * row.failure_rate:.3g} %")
        if row.recovery is not None:
            parts.append(f"recovery time {span(row.recovery.median)}")
        yield f"{row.service or 'all services'} to {row.environment}: {'; '.join(parts)}"


def sections(past: Backfilled, scrub: Scrubber) -> Iterator[str]:
    """Yield the sections of the summary that tell of a backfill."""
    if past.figures is None:
        return
    yield from figures.sections(past.figures, scrub)
    asked = f"by {past.requests:,} requests to GitHub's API"
    told = f"Read from {past.source} {asked if past.requests else 'by an earlier run'}, into"
    told += f" `{past.folder}/deployments.csv`, in DX's fields, and"
    told += f" `{past.folder}/deployments.jsonl`"
    left = [f"{number:,} as `{reason}`" for reason, number in past.left_out.items()]
    left += [f"{number:,} to {shown(name)}" for name, number in past.elsewhere.items() if number]
    if left:
        told += f". Left out: {', '.join(left)}"
    yield f"<p>{sentence(scrub, told)}.</p>\n"


def _outcome(tally: Tally, stopped: Topic | None) -> Outcome:
    """Return the outcome of all that ended alike; `stopped` is why some were not even sent."""
    message, topic = tally.message, tally.topic
    if topic is STEP_ENDED and not tally.attempts and stopped is not None:
        message, topic = "not sent yet", stopped
    return Outcome(
        backend=tally.backend,
        service=tally.service,
        id="",
        status=tally.status,
        message=f"{count(tally.count, 'report')}: {message}",
        detail=tally.detail,
        topic=topic,
        http_status=tally.http_status,
        attempts=tally.attempts,
    )
