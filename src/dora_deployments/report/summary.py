"""The job summary: what was deployed, why we think so, and who was told.

Written as HTML blocks, inside which Markdown reads nothing; only our own words stand
outside of them.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

from dora_deployments.attribution.resolve import Resolved
from dora_deployments.delivery.deliver import Delivery
from dora_deployments.deployment import Outcome, PullRequest
from dora_deployments.report import changes
from dora_deployments.report.account import Account
from dora_deployments.report.facts import facts
from dora_deployments.report.text import Scrubber, for_html, for_html_prose, pretty_json

T = TypeVar("T")

# GitHub refuses a summary above 1 MiB; nobody reads a tenth of that.
LIMIT: Final = 100_000
_MORE: Final = "<p>More did not fit here; the log of the step has it all.</p>\n"
_ROWS: Final = 100
_CELL: Final = 300
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
    icon = _ICONS["rejected" if account.exit_code else account.status]
    yield f"<h3>{icon} {_words(scrub, account.headline)}</h3>\n"
    if account.advice:
        yield f"<p>{_words(scrub, account.advice)}.</p>\n"
    if account.problems:
        yield _list("What to change", account.problems, scrub)
    if account.outcomes:
        yield _outcomes(account.outcomes, scrub)
    if account.warnings:
        yield _list("Warnings", account.warnings, scrub)
    if account.off:
        yield f"<p>{_words(scrub, '. '.join(account.off))}.</p>\n"
    if account.resolved is not None:
        if account.resolved.deployments and (shipped := _changes(account.resolved, scrub)):
            yield shipped
        yield _facts(account.resolved, scrub)
    for delivery in account.deliveries:
        for request in delivery.requests:
            yield _body(delivery, request.url, request.body, scrub)


def _facts(resolved: Resolved, scrub: Scrubber) -> str:
    def row(fact: tuple[str, str, str]) -> tuple[str, ...]:
        label, value, source = fact
        return _words(scrub, label), _code(scrub, value), _words(scrub, source)

    return _table(("What", "Value", "From"), tuple(facts(resolved)), row)


def _changes(resolved: Resolved, scrub: Scrubber) -> str:
    """Return the shipped pull requests as a table, and the range that they come from."""
    url, shipped = for_html(resolved.repository_url), resolved.shipped

    def row(pull: PullRequest) -> tuple[str, ...]:
        lead = changes.lead_time(pull, resolved.finished_at.value)
        return (
            f'<a href="{url}/pull/{pull.number}">#{pull.number}</a>',
            for_html_prose(scrub(pull.title), _CELL),
            f"{pull.merged_at:%Y-%m-%d %H:%M} UTC" if pull.merged_at else "",
            changes.span(lead) if lead is not None else "",
        )

    parts = []
    if shipped.pulls:
        middle = changes.median_lead_time(resolved)
        lead = "" if middle is None else f", median lead time {changes.span(middle)}"
        known = ", as far as known" if shipped.range and shipped.range.missing else ""
        parts.append(f"<h4>Shipped changes{known}: {len(shipped.pulls)}{lead}</h4>\n")
        heads = ("Change", "Title", "Merged at", "Lead time")
        parts.append(_table(heads, shipped.pulls, row))
    if shipped.range is not None:
        base, head = shipped.range.base, shipped.range.head
        link = f'<a href="{url}/compare/{base}...{head}">{base[:7]}...{head[:7]}</a>'
        parts.append(f"<p>Compared: {link}</p>\n")
    return "".join(parts)


def _outcomes(outcomes: tuple[Outcome, ...], scrub: Scrubber) -> str:
    def row(outcome: Outcome) -> tuple[str, ...]:
        return (
            outcome.backend,
            _code(scrub, outcome.service),
            f"{_ICONS[outcome.status]} {outcome.status}",
            str(outcome.attempts),
            _message(outcome, scrub),
            _code(scrub, outcome.id),
        )

    # Failures first: they must not be among the rows that are left out.
    ordered = sorted(outcomes, key=lambda outcome: not outcome.is_missing)
    return _table(("Backend", "Service", "Status", "Attempts", "Message", "Id"), ordered, row)


def _message(outcome: Outcome, scrub: Scrubber) -> str:
    message = _words(scrub, outcome.message)
    if not outcome.detail:
        return message
    return f"{message}<br>It said: {_code(scrub, scrub.words(outcome.detail), limit=200)}"


def _list(title: str, texts: tuple[str, ...], scrub: Scrubber) -> str:
    shown = "\n".join(f"<li>{_words(scrub, text)}</li>" for text in texts[:_ROWS])
    return f"<h4>{title}</h4>\n<ul>\n{shown}\n</ul>\n"


def _body(delivery: Delivery, url: str, body: bytes, scrub: Scrubber) -> str:
    services = _code(scrub, ", ".join(delivery.services))
    title = f"Request body for {delivery.backend.name}, {services}: POST {_code(scrub, url)}"
    shown = "\n".join(pretty_json(body, scrub))
    return f"<details><summary>{title}</summary>\n\n```json\n{shown}\n```\n\n</details>\n"


def _table(heads: tuple[str, ...], items: Sequence[T], row: Callable[[T], tuple[str, ...]]) -> str:
    lines = ["<table>", _row("th", heads), *(_row("td", row(item)) for item in items[:_ROWS])]
    if len(items) > _ROWS:
        lines.append(f'<tr><td colspan="{len(heads)}">and {len(items) - _ROWS} more</td></tr>')
    return "\n".join([*lines, "</table>\n"])


def _row(tag: str, cells: tuple[str, ...]) -> str:
    return f"<tr>{''.join(f'<{tag}>{cell}</{tag}>' for cell in cells)}</tr>"


def _code(scrub: Scrubber, text: str, limit: int = _CELL) -> str:
    return f"<code>{for_html(scrub(text), limit)}</code>"


def _words(scrub: Scrubber, text: str) -> str:
    """Return a sentence of ours, its `names` as code; foreign text in it stays text."""
    parts = scrub(text).split("`")
    if len(parts) % 2 == 0:  # a backtick of somebody else's
        return for_html_prose("`".join(parts))
    return "".join(
        f"<code>{for_html(part)}</code>" if index % 2 else for_html_prose(part)
        for index, part in enumerate(parts)
    )
