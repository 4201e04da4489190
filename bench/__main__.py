"""Measure everything and write docs/benchmarks.md: `python -m bench`.

Ends with 77 if something could not be run, such as a rival that cannot be installed, and with 1 if
something that ran did not do its work. `BENCH_ROUNDS` and `BENCH_COLD_ROUNDS` set how often.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from operator import attrgetter
from pathlib import Path

from bench import backfill, line_up
from bench.contenders import Contender, interleaved
from bench.line_up import lacking
from bench.machine import machine, versions
from bench.measurements import Goal, Row, faster, ratio
from bench.ours import Ours
from bench.page import Measured, goals, page, table
from bench.rivals import PROGRAM, Rivals, checkout, install_datadog_ci, install_uv
from bench.stands import API_KEY, DX_TOKEN, SecureDatadog, github
from e2e.action import ROOT, fetched, why_not
from tests.end_to_end.receivers import Datadog, Dx, Faulty, answer

WORK = ROOT / "build/bench"
RIVALS = WORK / "rivals"
UV = WORK / "uv"
PAGE = ROOT / "docs/benchmarks.md"
LOOK_UPS = ((100, 0), (100, 50), (1000, 0), (1000, 50))
NOT_RUN = 77


def main() -> int:
    """Measure, write the page, print its tables, and return the exit status."""
    rounds = int(os.environ.get("BENCH_ROUNDS", "15"))
    cold_rounds = int(os.environ.get("BENCH_COLD_ROUNDS", "5"))
    where = machine()  # with the load before our own
    runs = WORK / "runs"
    shutil.rmtree(runs, ignore_errors=True)
    say("Installing the rivals")
    no_datadog_ci = lacking(lambda: install_datadog_ci(RIVALS), say)
    no_uv = lacking(lambda: install_uv(UV), say)
    with _servers(runs) as (ours, rivals):
        warm = _warm(ours, rivals, no_datadog_ci, rounds)
        say("From empty caches")
        entries = line_up.from_nothing(ours, runs, UV / "bin", no_uv)
        cold = _run(entries, cold_rounds, warm_up=False)
    historical = backfill.section(backfill.measure(runs, say))
    shutil.rmtree(runs)
    rows = {row.title.key: row for row in (*warm, *cold)}
    base = faster([rows[line_up.DRY_RUN], rows[line_up.DRY_RUN_BY_GIT]])
    measured = Measured(
        date=datetime.now(timezone.utc).date().isoformat(),
        machine=where,
        versions=versions(_programs()),
        rounds=rounds,
        cold_rounds=cold_rounds,
        warm=warm,
        cold=cold,
        base=base,
        cold_base=rows[line_up.COLD_NPM],
        goals=_goals(rows, base),
    )
    PAGE.write_text(f"{page(measured)}\n{historical}", "utf-8")
    tables = (table(warm, base), table(cold, measured.cold_base), goals(measured.goals))
    for part in (*tables, historical):
        print(f"\n{part}")
    print(f"\nWrote {PAGE.relative_to(ROOT)}")
    if any(row.failed for row in rows.values()):
        return 1
    return 0 if all(row.samples for row in rows.values()) else NOT_RUN


@contextlib.contextmanager
def _servers(runs: Path) -> Iterator[tuple[Ours, Rivals]]:
    runs.mkdir(parents=True)
    with (
        Datadog(api_key=API_KEY) as datadog,
        SecureDatadog(runs) as secure,
        Dx(token=DX_TOKEN) as dx,
        Faulty(answer(200, {"ok": True})) as lenient,
    ):
        yield (
            Ours(
                action=fetched(runs / "action"),
                work=runs,
                tools=runs / "tools",
                datadog=datadog,
                dx=dx,
            ),
            Rivals(
                work=runs,
                installed=RIVALS,
                repository=checkout(runs / "checkout"),
                datadog=secure,
                dx=lenient,
            ),
        )


def _warm(ours: Ours, rivals: Rivals, no_datadog_ci: str, rounds: int) -> list[Row]:
    """Run those that find everything installed."""
    with contextlib.ExitStack() as stack:
        served = {
            (commits, latency): stack.enter_context(
                github(ours.work / f"github-{commits}-{latency}", commits, latency / 1000)
            )
            for commits, latency in LOOK_UPS
        }
        say("Making the environment of the action")
        no_packages = lacking(lambda: ours.first_step(served[LOOK_UPS[0]]), say)
        return _run(line_up.warm(ours, rivals, served, no_packages, no_datadog_ci), rounds)


def _run(entries: Sequence[Contender | Row], rounds: int, *, warm_up: bool = True) -> list[Row]:
    """Run those that can be, and return all rows in their order."""
    contenders = [entry for entry in entries if isinstance(entry, Contender)]
    ran = interleaved(contenders, rounds, say, warm_up=warm_up)
    by_key = {row.title.key: row for row in ran}
    return [entry if isinstance(entry, Row) else by_key[entry.title.key] for entry in entries]


def _goals(rows: dict[str, Row], base: Row | None) -> list[Goal]:
    step, alone = rows[line_up.STEP], rows[line_up.ALONE]
    cold_uv, cold_npm = rows[line_up.COLD_UV], rows[line_up.COLD_NPM]
    wall, peak = attrgetter("wall"), attrgetter("peak")
    of_step = "wall time of the step to Datadog, relative to `datadog-ci`'s dry run"
    of_cold = "wall time from empty caches with uv, relative to installing and running `datadog-ci`"
    aims = (
        (of_step, 0.40, "", ratio(step, base, wall)),
        ("peak memory of that step, likewise", 0.35, "", ratio(step, base, peak)),
        ("wall time of the program alone, likewise", 0.40, "", ratio(alone, base, wall)),
        ("peak memory of the program alone, likewise", 0.35, "", ratio(alone, base, peak)),
        (of_cold, 1.0, "", ratio(cold_uv, cold_npm, wall)),
        ("wall time of a second step in a job", 1.0, " s", step.wall if step.samples else None),
    )
    return [
        Goal(text=text, limit=limit, unit=unit, measured=measured)
        for text, limit, unit, measured in aims
    ]


def _programs() -> dict[str, tuple[str, ...]]:
    return {
        "datadog-ci": (str(RIVALS / PROGRAM), "version"),
        "Python": (sys.executable, "--version"),
        "requests": (sys.executable, "-c", "import requests; print(requests.__version__)"),
        "pip": ("python3", "-I", "-m", "pip", "--version"),
        "uv": (str(UV / "bin/uv"), "--version"),
        "Node": ("node", "--version"),
        "npm": ("npm", "--version"),
        "bash": ("bash", "--version"),
        "curl": ("curl", "--version"),
        "jq": ("jq", "--version"),
    }


def say(text: str) -> None:
    """Tell how far it is."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(why_not() or main())
