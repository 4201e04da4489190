"""Write the backfill's part of docs/benchmarks.md. Nothing here runs anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bench.page import seconds, wrapped

HEADING = "## A year, read back"

_INTRODUCTION = """\
`make bench-backfill` writes this part, and `make bench` keeps it: `mode: backfill` on made-up \
years of one repository, run as a step runs it, against servers on 127.0.0.1. This one ended on \
{date}. Machine: {machine}. Action: {version}."""

_HISTORY = """\
The history is the same each time: squashed, merged and rebased pull requests, direct commits,
long-lived branches, clocks that are wrong, deployments to staging and production, rollbacks,
hotfixes beside the trunk, failures, previews, deployments of commits that are gone. GitHub's
stand-in is a process of its own and answers in a few milliseconds, in one row in 100. A row tells
what there is since the first day of its period, which is read from the newest back; those that
send have a period of a few days in the middle of the year, since DX takes no more than 1,000
requests a minute. Peak memory is that of the action's process."""

_FORMULA = """\
`formula` is 3 x ceil(deployments / 100) + ceil(commits / 100) + ceil(pull requests / 100): the
least that reads them all. Whatever is above it finds the repository and its branch, and reads the
commits beside the trunk. Requests and memory follow the sizes, and not their product."""

_HEADS = (
    "deployments",
    "commits",
    "pull requests",
    "reported",
    "sent to DX",
    "an answer takes",
    "requests",
    "formula",
    "wall",
    "CPU",
    "peak memory",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One backfill: of what, and what it took. `reports` are those that reached DX, if any did."""

    deployments: int
    commits: int
    pulls: int
    reported: int
    sent: int | None
    latency: float
    asked: Counter[str]
    formula: int
    wall: float
    cpu: float
    peak: int

    @property
    def requests(self) -> int:
        """How many requests there were to GitHub; points are none."""
        return sum(count for kind, count in self.asked.items() if kind != "points")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """All that the part tells."""

    date: str
    machine: str
    version: str
    rows: Sequence[Row]
    findings: Sequence[str]


def section(shown: Shown) -> str:
    """Return the part, its heading included."""
    introduction = _INTRODUCTION.format(
        date=shown.date, machine=shown.machine, version=shown.version
    )
    largest = max(shown.rows, key=lambda row: row.requests)
    parts = [
        HEADING,
        wrapped(introduction),
        _HISTORY,
        table(shown.rows),
        _FORMULA,
        wrapped(f"Of the {largest.requests:,} requests, by kind: {kinds(largest.asked)}."),
        "\n".join(wrapped(f"- {finding}") for finding in shown.findings),
    ]
    return "\n\n".join(parts) + "\n"


def table(rows: Sequence[Row]) -> str:
    """Return the runs as a table."""
    lines = [f"| {' | '.join(_HEADS)} |", f"|{'--:|' * len(_HEADS)}"]
    for row in rows:
        cells = (
            f"{row.deployments:,}",
            f"{row.commits:,}",
            f"{row.pulls:,}",
            f"{row.reported:,}",
            "dry run" if row.sent is None else f"{row.sent:,}",
            f"{row.latency * 1000:.0f} ms" if row.latency else "",
            f"{row.requests:,}",
            f"{row.formula:,}",
            seconds(row.wall),
            seconds(row.cpu),
            f"{row.peak / 1e6:.0f} MB",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def kinds(asked: Counter[str]) -> str:
    """Return the counts of each kind, the most frequent first, and the points of the queries."""
    counts = [f"{kind} {count:,}" for kind, count in asked.most_common() if kind != "points"]
    return f"{', '.join(counts)}; the queries cost {asked['points']:,} points"


def without(page: str) -> str:
    """Return the page without the part."""
    return page.partition(f"\n{HEADING}\n")[0]


def kept(page: str) -> str:
    """Return the part of a page, with the empty line before it, or nothing if it has none."""
    before, heading, after = page.partition(f"\n{HEADING}\n")
    del before
    return heading + after
