"""Write docs/benchmarks.md from the measurements. Nothing here runs anything."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from bench.measurements import Goal, Row, ratio

_INTRODUCTION = """\
`make bench` writes this page. It measures this action and other tools that report deployments, in \
one run. This run ended on {measured.date}, with {measured.rounds} rounds, and \
{measured.cold_rounds} from empty caches."""

_MEASURE = """\
The runs take turns, A B C A B C and so on, after one warm-up round that does not count, except from
empty caches. All values are medians. Wall time is measured from just before a process starts until
it has ended. CPU time is that of the process and of all its children, user and system. Peak memory
is the resident set of the largest single process among them; the sum over the tree would be more.
It cannot be less than that of the small process that starts the run, about 10 MB. Requests are
those to Datadog, DX and GitHub, counted by their stand-ins, without refused ones. If a run does not
report what it should, the benchmark fails.

Every server runs on 127.0.0.1, in Python, and shares the machine's cores with the measured program:
a real server is farther away and takes longer. `python3` is the Python that started `make bench`,
without any launcher before it, as actions/setup-python puts it on the path. Times from a busy
machine say little; the ratios within one run say somewhat more."""

_COLD = """\
As in the first job on a new machine: empty caches of uv, pip and npm, an empty tool cache, and the
action as just downloaded, with nothing compiled. The speed of the package indexes, and of the way
to them, differs from machine to machine and from hour to hour. So compare these values with each
other, but not with those of another run. The operating system's disk cache is left as it is.
`ratio` is relative to the last row."""

_WARM = """\
As in every later step of a job. `ratio` is relative to `datadog-ci`'s dry run, the faster of the \
two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Hold the contents of the page: two tables of rows, and the row that each compares with."""

    date: str
    machine: str
    versions: str
    rounds: int
    cold_rounds: int
    warm: Sequence[Row]
    cold: Sequence[Row]
    base: Row | None
    cold_base: Row | None
    goals: Sequence[Goal]


def page(measured: Measured) -> str:
    """Return the whole page."""
    parts = [
        "# Benchmarks",
        _INTRODUCTION.format(measured=measured),
        f"Machine: {measured.machine}.",
        f"Versions: {measured.versions}.",
        "## Goals",
        goals(measured.goals),
        "## In a job that has its packages",
        _WARM,
        table(measured.warm, measured.base),
        notes(measured.warm),
        "## From empty caches",
        _COLD,
        table(measured.cold, measured.cold_base),
        notes(measured.cold),
        "## How it is measured",
        *_MEASURE.split("\n\n"),
    ]
    return (
        "\n\n".join(part if part.startswith(("|", "#")) else wrapped(part) for part in parts) + "\n"
    )


def goals(all_goals: Sequence[Goal]) -> str:
    """Return the table of the goals and whether this run met them."""
    lines = ["| goal | at most | this run | |", "|---|--:|--:|---|"]
    for goal in all_goals:
        measurement = "" if goal.measured is None else f"{goal.measured:.2f}{goal.unit}"
        lines.append(
            f"| {goal.text} | {goal.limit:.2f}{goal.unit} | {measurement} | {goal.verdict} |"
        )
    return "\n".join(lines)


def table(rows: Sequence[Row], base: Row | None) -> str:
    """Return the rows as a table, each measurement with its multiple of `base`."""
    lines = [
        "| | wall | half of the runs | ratio | CPU | peak memory | ratio | requests |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        if not row.samples:
            lines.append(f"| {row.title.name} | not run: {row.not_run} | | | | | | |")
            continue
        first, third = row.spread
        cells = (
            row.title.name,
            seconds(row.wall),
            f"{seconds(first)} to {seconds(third)}",
            multiple(ratio(row, base, lambda each: each.wall)),
            seconds(row.cpu),
            f"{row.peak / 1e6:.0f} MB",
            multiple(ratio(row, base, lambda each: each.peak)),
            counted(row.requests),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def notes(rows: Sequence[Row]) -> str:
    """Return what each row does, as a list; rows that do the same share an item."""
    names: dict[str, list[str]] = {}
    for row in rows:
        names.setdefault(row.title.about, []).append(f"**{row.title.name}**")
    return "\n".join(f"- {'; '.join(shared)}: {about}" for about, shared in names.items())


def seconds(value: float) -> str:
    """Write a time: in milliseconds below ten seconds, so that digits line up."""
    return f"{value * 1000:,.0f} ms" if value < 10 else f"{value:.1f} s"


def multiple(value: float | None) -> str:
    """Write a ratio, if there is one."""
    return "" if value is None else f"{value:.2f}"


def counted(requests: tuple[int, int]) -> str:
    """Write how many requests there were, or between how many."""
    least, most = requests
    return str(least) if least == most else f"{least} to {most}"


def wrapped(part: str) -> str:
    """Wrap a paragraph, or each item of a list."""
    items = re.split(r"\n(?=- )", part)
    return "\n".join(
        textwrap.fill(
            item,
            width=100,
            subsequent_indent="  " if item.startswith("- ") else "",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for item in items
    )
