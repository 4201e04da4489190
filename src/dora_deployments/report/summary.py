"""The job summary: what was deployed, who was told, what to change, and why we think so.

Written as HTML blocks, inside which Markdown reads nothing; only our own words stand
outside of them. What a reader needs first stands first: the news, what went wrong, what was
shipped, and then all the rest.
"""

from collections.abc import Iterator
from typing import Final

from dora_deployments.attribution.resolve import Resolved
from dora_deployments.delivery.deliver import Delivery
from dora_deployments.deployment import Outcome, PullRequest
from dora_deployments.report import changes, timeline
from dora_deployments.report.account import Account
from dora_deployments.report.blocks import CELL, code, points, read_more, sentence, table
from dora_deployments.report.facts import facts
from dora_deployments.report.text import Scrubber, for_html, for_html_prose, pretty_json
from dora_deployments.report.words import capital, with_fix

# GitHub refuses a summary above 1 MiB; nobody reads a tenth of that.
LIMIT: Final = 100_000
_HEADLINE: Final = 1_000  # characters
_MORE: Final = "<p>More did not fit here; the log of the step has it all.</p>\n"
_ICONS: Final = {
    "delivered": "✅",
    "duplicate": "✅",
    "partial": "⚠️",
    "rejected": "❌",
    "undelivered": "⚠️",
    "skipped": "⏭️",
    "dry-run": "🔍",
}


def summary(account: Account, scrub: Scrubber) -> str:
    """Return the summary in GitHub's Markdown, at most `LIMIT` bytes long."""
    parts: list[str] = []
    left = LIMIT - len(_MORE)
    more = ""
    for section in _sections(account, scrub):
        size = len(section.encode()) + 1
        if size > left:
            more = _MORE
            continue
        left -= size
        parts.append(f"{section}\n")
    return "".join((*parts, more))


def _sections(account: Account, scrub: Scrubber) -> Iterator[str]:
    resolved, docs = account.resolved, account.docs
    yield f"<h3>{_icon(account)} {sentence(scrub, scrub(account.headline)[:_HEADLINE])}</h3>\n"
    if resolved is not None:
        yield _deployed(resolved, scrub)
    yield from _to_do(account, scrub)
    if account.backfilled is not None:
        from dora_deployments.report import past

        yield from past.sections(account.backfilled, scrub, docs)
    if resolved is not None:
        if resolved.deployments and account.topic is None:
            yield from _changes(resolved, scrub)
        yield _facts(resolved, scrub)
    for hint in account.hints:
        yield f"<p>Check once: {sentence(scrub, hint.text)}.{read_more(docs, hint.page)}</p>\n"
    for delivery in account.deliveries:
        for request in delivery.requests:
            yield _body(delivery, request.url, request.body, scrub)


def _icon(account: Account) -> str:
    """Return how it went at a glance: good only if the deployment is, and its report."""
    if account.exit_code:
        return _ICONS["rejected"]
    failed = account.resolved is not None and not account.resolved.success.value
    return _ICONS["partial" if failed and account.status == "delivered" else account.status]


def _to_do(account: Account, scrub: Scrubber) -> Iterator[str]:
    """Yield what went wrong or may be wrong, and what to change."""
    topic, docs = account.topic, account.docs
    if account.problems:
        told_below = topic.page if topic else ""
        yield points("What to change", account.problems, scrub, docs, but=told_below)
    if topic is not None:
        halves = (topic.means,) if account.problems else (topic.means, topic.change)
        sentences = (f"{capital(half)}." for half in halves)
        yield f"<p>{sentence(scrub, ' '.join(sentences))}{read_more(docs, topic.page)}</p>\n"
    if account.outcomes:
        yield _outcomes(account, scrub)
    if account.off:
        yield f"<p>{sentence(scrub, '. '.join(account.off))}.</p>\n"
    if account.advice and (topic is None or account.kept.path):  # else the topic has said it
        yield f"<p>{sentence(scrub, account.advice)}.</p>\n"
    if account.warnings:
        yield points("Warnings", account.warnings, scrub, docs)


def _deployed(resolved: Resolved, scrub: Scrubber) -> str:
    """Return the line below the headline: which commit, and when."""
    url, sha = for_html(scrub(resolved.repository_url)), resolved.commit_sha.value
    line = f'Commit <a href="{url}/commit/{sha}"><code>{sha[:7]}</code></a>'
    line += f' of <a href="{url}">{for_html_prose(scrub(resolved.repository.value), CELL)}</a>'
    if resolved.version is not None:
        line += f", version {code(scrub, resolved.version.value)}"
    if resolved.deployments:
        started_at, finished_at = resolved.started_at.value, resolved.finished_at.value
        line += f". Started {started_at:%Y-%m-%d %H:%M} UTC"
        line += f" and took {changes.span(finished_at - started_at)}"
    return f"<p>{line}.</p>\n"


def _facts(resolved: Resolved, scrub: Scrubber) -> str:
    def row(fact: tuple[str, str, str]) -> tuple[str, ...]:
        label, value, source = fact
        return sentence(scrub, label), code(scrub, value), sentence(scrub, source)

    shown = table(("What", "Value", "From"), tuple(facts(resolved)), row)
    return f"<h4>Facts, and where each comes from</h4>\n{shown}"


def _changes(resolved: Resolved, scrub: Scrubber) -> Iterator[str]:
    """Yield the shipped pull requests as a table, the range that they come from, and a chart."""
    url, shipped = for_html(scrub(resolved.repository_url)), resolved.shipped
    pulls, finished_at = resolved.pulls, resolved.finished_at.value

    def row(pull: PullRequest) -> tuple[str, ...]:
        lead = changes.lead_time(pull, finished_at)
        return (
            f'<a href="{url}/pull/{pull.number}">#{pull.number}</a>',
            for_html_prose(scrub(pull.title), CELL),
            f"{pull.merged_at:%Y-%m-%d %H:%M} UTC" if pull.merged_at else "",
            changes.span(lead) if lead is not None else "",
        )

    parts = []
    if pulls:
        known = ", as far as known" if shipped.range and shipped.range.missing else ""
        title, last = f"Changes that were to be shipped{known}: {len(pulls)}", "Waited"
        if resolved.success.value:
            lead = changes.lead_time_of(pulls, finished_at)
            title, last = f"Shipped changes{known}: {len(pulls)}{lead}", "Lead time"
        parts.append(f"<h4>{title}</h4>\n")
        parts.append(table(("Change", "Title", "Merged at", last), pulls, row))
    if shipped.range is not None and not shipped.is_redeployment:
        ends, label = (shipped.range.base, shipped.range.head), "Compared"
        if shipped.is_rollback:  # the other way round, GitHub would show nothing
            ends, label = ends[::-1], "Taken back" if resolved.success.value else "To be taken back"
        link = f'<a href="{url}/compare/{"...".join(ends)}">{"...".join(e[:7] for e in ends)}</a>'
        parts.append(f"<p>{label}: {link}</p>\n")
    if parts:
        yield "".join(parts)
    if bars := timeline.drawn(pulls, finished_at):
        end: timeline.Ended = "deployed" if resolved.success.value else "deployment failed"
        undrawn = len(pulls) - len(bars)
        more = f"<p>And {undrawn} more, not drawn.</p>\n" if undrawn else ""
        yield "\n".join(["```mermaid", *timeline.chart(bars, finished_at, end), "```", more])


def _outcomes(account: Account, scrub: Scrubber) -> str:
    def row(outcome: Outcome) -> tuple[str, ...]:
        return (
            outcome.backend,
            code(scrub, outcome.service),
            f"{_ICONS[outcome.status]}&nbsp;{outcome.status}",
            _message(outcome, scrub, account.docs),
            str(outcome.attempts),
        )

    # Failures first: they must not be among the rows that are left out.
    ordered = sorted(account.outcomes, key=lambda outcome: not outcome.is_missing)
    return table(("Backend", "Service", "Status", "Message", "Attempts"), ordered, row)


def _message(outcome: Outcome, scrub: Scrubber, docs: str) -> str:
    message = sentence(scrub, with_fix(outcome.message, outcome.topic))
    if outcome.topic is not None:
        message += f".{read_more(docs, outcome.topic.page)}"
    if outcome.detail:
        message += f"<br>It said: {code(scrub, scrub.words(outcome.detail), limit=200)}"
    return message


def _body(delivery: Delivery, url: str, body: bytes, scrub: Scrubber) -> str:
    services = code(scrub, ", ".join(delivery.services))
    title = f"Request body for {delivery.backend.name}, {services}: POST {code(scrub, url)}"
    shown = "\n".join(pretty_json(body, scrub))
    return f"<details><summary>{title}</summary>\n\n```json\n{shown}\n```\n\n</details>\n"
