"""Measure the backfill at scale, and check what it finds: `python -m bench.backfill`.

Writes its part of docs/benchmarks.md. Ends with 1 if anything differs from the live path, is lost,
or is sent twice.
"""

from __future__ import annotations

import contextlib
import math
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from bench.backfill import checks, graph, live, runs
from bench.backfill.live import Finish
from bench.backfill.made import History, made
from bench.backfill.page import Row, Shown, kinds, section, table, without
from bench.backfill.runs import ALL_OF_IT, DX_TOKEN, Ran
from bench.backfill.served import Served, Ways, serving
from bench.contenders import FailedError
from bench.machine import machine, versions
from tests.end_to_end.receivers import Dx
from tests.end_to_end.runner import ROOT

WORK: Final = ROOT / "build/bench-backfill"
PAGE: Final = ROOT / "docs/benchmarks.md"
SIZES: Final = ((1_000, 5_000), (10_000, 50_000), (20_000, 100_000))
SLOW: Final = (10_000, 50_000)
INTERRUPTED: Final = (1_000, 5_000)
_SAMPLE: Final = 300
_SENT: Final = 300
_SLOWLY: Final = 0.1
_DRY: Final = {"dry-run": "true"}


def main() -> int:
    """Measure and check, write the part, and return the exit status."""
    where = machine()  # with the load before our own
    shutil.rmtree(WORK, ignore_errors=True)
    rows: list[Row] = []
    findings: list[str] = []
    complaints: list[str] = []
    for size in SIZES:
        with _year(*size) as year:
            rows += year.measured(complaints)
            if size == SLOW:
                findings.append(year.compared(complaints))
            if size == INTERRUPTED:
                findings.append(year.by_path(complaints))
                findings.append(year.interrupted(complaints))
                findings.append(year.limited(complaints))
    shown = Shown(
        date=datetime.now(timezone.utc).date().isoformat(),
        machine=where,
        version=versions({}).removeprefix("this action "),
        rows=rows,
        findings=findings,
    )
    print(f"\n{table(rows)}\n", *findings, sep="\n")
    PAGE.write_text(f"{without(PAGE.read_text('utf-8'))}\n{section(shown)}", "utf-8")
    print(f"\nWrote {PAGE.relative_to(ROOT)}")
    if complaints:
        print("\nWrong:", *complaints, sep="\n")
    return 1 if complaints else 0


@contextlib.contextmanager
def _year(deployments: int, commits: int) -> Iterator[Year]:
    with serving(deployments, commits) as served:
        yield Year(deployments, commits, served)


class Year:
    """One history, and the stand-in that serves it."""

    def __init__(self, deployments: int, commits: int, served: Served) -> None:
        self.size = deployments, commits
        self.history: History = made(deployments, commits)
        walked = graph.log(self.history.commits, self.history.tip)
        self.committed = [self.history.commits[number].committed for number in walked]
        self.served = served
        self.work = WORK / f"{deployments}"
        self.name = f"{deployments:,} deployments over {commits:,} commits"

    def measured(self, complaints: list[str]) -> Iterator[Row]:
        """Yield a dry run of all, another one of slow answers, and one that sends some."""
        say(f"{self.name}: dry run")
        ran = runs.run(self.work / "dry", self.served, ALL_OF_IT, _DRY)
        complaints += self.wrong(ran, ALL_OF_IT)
        yield self.row(ran, ALL_OF_IT)
        if self.size == SLOW:
            say("the same, with slow answers")
            self.served.forget(Ways(latency=_SLOWLY))
            slow = runs.run(self.work / "slow", self.served, ALL_OF_IT, _DRY)
            self.served.forget()
            complaints += _same(ran, slow, "slow answers")
            yield self.row(slow, ALL_OF_IT, latency=_SLOWLY)
        period = runs.some_days(self.size[0], _SENT)
        say(f"from {period[0]} until {period[1]}, delivered to DX")
        with Dx(token=DX_TOKEN) as dx:
            sent = runs.run(self.work / "sent", self.served, period, runs.to_dx(dx.url))
            complaints += self.wrong(sent, period)
            found = checks.arrived(dx, sent.csv)
            complaints += [*found.complaints, *["some arrived twice"][: found.again]]
            yield self.row(sent, period, sent=found.reports)

    def finishes(self, period: tuple[str, str]) -> list[Finish]:
        """Return what is to be reported of a period."""
        since, until = (
            int(datetime.fromisoformat(day).replace(tzinfo=timezone.utc).timestamp())
            for day in period
        )
        return live.finishes(self.history, since, until)

    def wrong(self, ran: Ran, period: tuple[str, str]) -> list[str]:
        """Return what is wrong with the files of a run."""
        complaints = checks.of_all(ran, self.finishes(period))
        return [f"{self.name}, {period}: {complaint}" for complaint in complaints]

    def row(
        self, ran: Ran, period: tuple[str, str], *, sent: int | None = None, latency: float = 0.0
    ) -> Row:
        """Return a run's row, with the sizes of what it has to read."""
        since = int(datetime.fromisoformat(period[0]).replace(tzinfo=timezone.utc).timestamp())
        deployments = sum(each.created_at >= since for each in self.history.deployments)
        commits = sum(at >= since for at in self.committed)
        pulls = sum(each.updated_at >= since for each in self.history.pulls)
        return Row(
            deployments=deployments,
            commits=commits,
            pulls=pulls,
            reported=len(runs.rows(ran.csv)),
            sent=sent,
            latency=latency,
            asked=ran.asked,
            formula=3 * _pages(deployments) + _pages(commits) + _pages(pulls),
            wall=ran.wall,
            cpu=ran.cpu,
            peak=ran.peak,
        )

    def compared(self, complaints: list[str]) -> str:
        """Ask the live path about a sample, and return what came of it."""
        say(f"{self.name}: a sample of {_SAMPLE} by the live path")
        found, _, asked = self.beside_live(complaints)
        each = ", ".join(f"{kind} {count}" for kind, count in found.kinds.most_common())
        return (
            f"Against the live path: of {self.name}, {found.kinds.total()} were reported once more,"
            " each by the code of the live path as of its own time, with its own questions to"
            f" GitHub ({asked:,} requests). Compared were the body for DX, the pull requests"
            f" ({found.pulls:,}), the SHA before, rollback and attribution: {_found(found)}."
            f" By kind: {each}."
        )

    def by_path(self, complaints: list[str]) -> str:
        """Do so with services that are mapped to paths, and return what came of it."""
        say(f"{self.name}: the same with services by path")
        found, ran, _ = self.beside_live(complaints, services=True)
        return (
            f"With three services mapped to paths, which takes the files of each pull request and"
            f" of each direct commit: {self.name} are {len(runs.rows(ran.csv)):,} deployments of"
            f" services and take {ran.requests:,} requests ({kinds(ran.asked)}). Of"
            f" {found.kinds.total()} by the live path, with {found.pulls:,} pull requests:"
            f" {_found(found)}."
        )

    def beside_live(
        self, complaints: list[str], *, services: bool = False
    ) -> tuple[checks.Compared, Ran, int]:
        """Return a sample beside the live path, the backfill, and what the live path asked."""
        ways = Ways(services=services)
        self.served.forget(ways)
        folder = self.work / f"beside-live-{services}"
        ran = runs.run(folder, self.served, ALL_OF_IT, _DRY)
        self.served.forget(ways)
        environ = runs.environ(folder, self.served, ALL_OF_IT, runs.LIVE)
        chosen = live.sample(self.finishes(ALL_OF_IT), _SAMPLE)
        if services:  # the file is read once, and not as of commits of which nothing is left
            chosen = [each for each in chosen if each.kind != "gone"]
        found = checks.compared(ran, list(live.reported(self.served, environ, chosen)))
        complaints += found.differences
        asked = self.asked()
        self.served.forget()
        return found, ran, asked

    def interrupted(self, complaints: list[str]) -> str:
        """Kill it while it reads and while it sends, let it go on, and return what came of it."""
        say(f"{self.name}: killed and resumed")
        period = runs.some_days(self.size[0], _SENT)
        folder = self.work / "killed"
        whole = runs.run(self.work / "whole", self.served, period, _DRY)
        self.served.forget(Ways(latency=0.05))
        with Dx(token=DX_TOKEN) as dx:
            given = runs.to_dx(dx.url)
            reads = [whole.requests // 3, 2 * whole.requests // 3]
            reports = len(runs.rows(whole.csv))
            sends = [reports // 4, reports // 2]
            for count in reads:
                self.kill(folder, period, given, lambda count=count: self.asked() >= count)
            for count in sends:
                self.kill(folder, period, given, lambda count=count: len(dx.received) >= count)
            last = runs.run(folder, self.served, period, given)
            asked = self.asked()
            found = checks.arrived(dx, last.csv)
            again = len(dx.received)
            runs.run(folder, self.served, period, given)
            if len(dx.received) > again:
                complaints.append(f"{len(dx.received) - again} were sent again by a later run")
        self.served.forget()
        complaints += [*found.complaints, *_same(whole, last, "kills")]
        if found.again > len(sends):
            complaints.append(f"{found.again} arrived twice after {len(sends)} kills")
        return (
            f"Killed (`kill -9`) {len(reads)} times while it read and {len(sends)} times while it"
            f" sent, and started again each time: {found.reports} of {reports} deployments arrived"
            f" at DX, {found.again or 'none'} of them twice, with the same bytes; the CSV file is"
            f" that of an undisturbed run, byte for byte. In all it asked GitHub {asked} times,"
            f" undisturbed {whole.requests} times. A further run sent nothing."
        )

    def limited(self, complaints: list[str]) -> str:
        """Let the rate limit run out again and again, and return what came of it."""
        say(f"{self.name}: with a rate limit")
        whole = runs.run(self.work / "unlimited", self.served, ALL_OF_IT, _DRY)
        ways = Ways(budget=50, window=8)
        self.served.forget(ways)
        ran = runs.run(self.work / "limited", self.served, ALL_OF_IT, _DRY)
        self.served.forget()
        complaints += _same(whole, ran, "a rate limit")
        refused = ran.asked["rate limit"]
        return (
            f"With a rate limit of {ways.budget} REST requests in {ways.window:.0f} seconds, of"
            f" which it leaves 20 to others, {self.name} took {ran.wall:.1f} s in place of"
            f" {whole.wall:.1f} s, and {ran.requests} requests in place of {whole.requests},"
            f" {refused or 'none'} of them refused; the CSV file is the same."
        )

    def kill(
        self,
        folder: Path,
        period: tuple[str, str],
        given: dict[str, str],
        is_time: Callable[[], bool],
    ) -> None:
        """Start it, and kill it when it is time."""

        def looks() -> bool:
            time.sleep(0.005)
            return is_time()

        runs.killed(folder, self.served, period, given, looks)

    def asked(self) -> int:
        """Return how many requests there were since the stand-in forgot the last ones."""
        asked = self.served.asked()
        return asked.total() - asked["points"]


def _found(compared: checks.Compared) -> str:
    """Return how many differences there are, in words that follow a colon."""
    aside = (
        f", the order of {compared.ordered} lists of merge commits aside, which wrong clocks leave"
        " open"
    )
    return f"{len(compared.differences) or 'no'} differences{aside if compared.ordered else ''}"


def _pages(count: int) -> int:
    return math.ceil(count / 100)


def _same(one: Ran, other: Ran, why: str) -> list[str]:
    return [] if one.csv == other.csv else [f"the CSV file is another one with {why}"]


def say(text: str) -> None:
    """Tell how far it is."""
    print(text, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except FailedError as error:
        sys.exit(f"{error}\n{error.said}")
