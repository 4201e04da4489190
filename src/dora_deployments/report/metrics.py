"""The DORA metrics of a period as sections of the summary: a table, and charts by week.

A chart is read as a language, so nothing foreign stands in it: it is made of numbers, dates
and our own words.
"""

import json
import math
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

from dora_deployments.backfill.metrics import Metrics, Row, Spans, Week
from dora_deployments.report.blocks import code, read_more, table
from dora_deployments.report.changes import span
from dora_deployments.report.text import Scrubber

_HEADS: Final = (
    "Service",
    "Deployments",
    "Lead time",
    "From first commit",
    "Change failure rate",
    "Recovery time",
)
_NAME: Final = 60  # characters
_ROOM: Final = 12_000  # bytes, for the rows of the table
_MOST: Final = 53  # weeks that are drawn
_NAMED: Final = 9  # weeks whose names one can read beside each other
_LOWEST: Final = 8  # that the axis goes up to: below that, Mermaid marks parts of a deployment
_BELOW: Final = 0.06  # of the height, where nothing is to be seen
_HIDDEN: Final = str.maketrans("01", "\u200b\u200c")  # characters without any width
_SUCCEEDED: Final = "#218bff"  # everybody can tell these two apart, on white and on black
_FAILED: Final = "#cf222e"
_SHORTEST: Final = timedelta(minutes=1)  # lead time that can be seen
_UNITS: Final = (("days", timedelta(days=1)), ("hours", timedelta(hours=1)))
_MINUTES: Final = ("minutes", timedelta(minutes=1))
_PAGE: Final = "metrics.md#how-each-is-counted"


def sections(metrics: Metrics, scrub: Scrubber, docs: str) -> Iterator[str]:
    """Yield the metrics, unless nothing was deployed: first the table, then what is drawn."""
    if not metrics.rows:
        return
    yield _table(metrics, scrub, docs)
    weeks = metrics.weeks[-_MOST:]
    environment = code(scrub, metrics.environment, _NAME)
    told = f"Each bar is a week of {environment}, named by its Monday, in UTC: blue is what"
    told += " succeeded, red what failed. The first and the last week may not be whole."
    if len(weeks) < len(metrics.weeks):
        told += f" Of {len(metrics.weeks)} weeks the last {len(weeks)} are drawn."
    yield _drawn(deployments(weeks), told)
    if any(week.lead_time is not None and week.lead_time >= _SHORTEST for week in weeks):
        yield _drawn(lead_times(weeks), "From merge to deployment, of what each week shipped.")


def deployments(weeks: Sequence[Week]) -> list[str]:
    """Return the lines of the chart of how many deployments succeeded and failed by week.

    Mermaid draws bars over each other. So the bars behind are of all deployments, and what is
    left to be seen of them is what succeeded.
    """
    both = [week.succeeded + week.failed for week in weeks]
    top = max(_LOWEST, *both)
    return [
        *_head("Deployments by week", weeks, (_SUCCEEDED, _FAILED)),
        f"y-axis 0 --> {top}",
        f'bar "succeeded" {_bars(both, top)}',
        f'bar "failed" {_bars([week.failed for week in weeks], top)}',
    ]


def lead_times(weeks: Sequence[Week]) -> list[str]:
    """Return the lines of the chart of the median lead time by week; one is a minute at least."""
    leads = [week.lead_time or timedelta() for week in weeks]
    unit, length = next((each for each in _UNITS if max(leads) >= 2 * each[1]), _MINUTES)
    top = math.ceil(max(leads) / length)
    return [
        *_head(f"Median lead time by week, in {unit}", weeks, (_SUCCEEDED,)),
        f"y-axis 0 --> {top}",
        f"bar {_bars([lead / length for lead in leads], top)}",
    ]


def _head(title: str, weeks: Sequence[Week], colours: Sequence[str]) -> list[str]:
    """Return the first lines of a chart, up to its axis of weeks.

    Few weeks are named by their Mondays, so that the names have room. Those of the others
    cannot be seen, but no two are the same, or Mermaid would take them for one week.
    """
    step = math.ceil(len(weeks) / _NAMED)
    names = [
        f"{at:b}".translate(_HIDDEN) if at % step else week.monday.isoformat()
        for at, week in enumerate(weeks)
    ]
    return [
        "---",
        "config:",
        "  xyChart:",
        "    width: 900",
        "    height: 300",
        "  themeVariables:",
        "    xyChart:",
        f'      plotColorPalette: "{", ".join(colours)}"',
        "---",
        "xychart-beta",
        f'title "{title}"',
        f"x-axis {json.dumps(names, ensure_ascii=False)}",
    ]


def _bars(numbers: Sequence[float], top: int) -> str:
    """Return the numbers of bars below `top`, such that nothing is drawn for nothing.

    Mermaid draws every bar from a little below zero, which would be seen of no deployments.
    """
    shown = (round(number, 1) or f"{-_BELOW * top:.2f}" for number in numbers)
    return f"[{', '.join(map(str, shown))}]"


def _drawn(lines: Sequence[str], told: str) -> str:
    return "\n".join(["```mermaid", *lines, "```", f"<p>{told}</p>\n"])


def _table(metrics: Metrics, scrub: Scrubber, docs: str) -> str:
    def row(each: Row) -> tuple[str, ...]:
        name = "all services" if each.service is None else code(scrub, each.service, _NAME)
        return (
            f"{name}<br>to&nbsp;{code(scrub, each.environment, _NAME)}",
            _lines(
                f"{_digits(each.a_week)} a week",
                f"{each.succeeded:,} on {_count(each.days, 'day')}",
            ),
            _lines(*_spans(each.lead_time, "change")) or "no change known",
            _lines(*_spans(each.from_first_commit, "change")) or "no change known",
            _lines(
                f"{_digits(100 * each.failure_rate)} %",
                f"{each.failed:,} of {each.failed + each.succeeded:,}",
            ),
            _recovery(each),
        )

    since, until = metrics.since, metrics.until
    title = f"The four DORA metrics, {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC"
    told = "Times are the median, then what 90 % of them stay within."
    if any(each.service is None for each in metrics.rows):
        told += " A deployment of several services counts once for each of them."
    shown = table(_HEADS, metrics.rows, row, _ROOM)
    return f"<h4>{title}</h4>\n{shown}<p>{told}{read_more(docs, _PAGE)}</p>\n"


def _spans(spans: Spans | None, noun: str) -> Iterator[str]:
    if spans is not None:
        yield span(spans.median)
        if spans.number > 1:
            yield f"90 %: {span(spans.ninetieth)}"
        yield _count(spans.number, noun)


def _recovery(row: Row) -> str:
    waiting = (f"{row.unrecovered:,} not recovered",) if row.unrecovered else ()
    return _lines(*_spans(row.recovery, "time"), *waiting) or "nothing failed"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _digits(number: float) -> str:
    """Return a number with the three digits that matter, or with all that are whole."""
    return f"{number:.3g}" if number < 100 else f"{number:,.0f}"


def _lines(*lines: str) -> str:
    """Return a cell of lines that are not broken."""
    return "<br>".join(line.replace(" ", "&nbsp;") for line in lines)
