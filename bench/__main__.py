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
from pathlib import Path

from bench import line_up
from bench.contenders import Contender, interleaved
from bench.figures import Goal, Row, faster, ratio
from bench.line_up import Found, found
from bench.machine import machine, versions
from bench.ours import Ours, copied
from bench.page import Measured, goals, page, table
from bench.rivals import Rivals, checkout, installed_datadog_ci, installed_uv
from bench.stands import API_KEY, DX_TOKEN, ROOT, SecureDatadog, github
from tests.end_to_end.receivers import Datadog, Dx, Faulty, answer

WORK = ROOT / "build/bench"
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
    datadog_ci = found(lambda: installed_datadog_ci(WORK / "rivals"), say)
    uv = found(lambda: installed_uv(WORK / "uv"), say)
    with _servers(runs) as (ours, rivals):
        warm, cold = _measured(ours, rivals, runs, datadog_ci, uv, (rounds, cold_rounds))
    shutil.rmtree(runs)
    rows = {row.title.key: row for row in (*warm, *cold)}
    base = faster([rows[line_up.DRY_RUN], rows[line_up.DRY_RUN_BY_GIT]])
    measured = Measured(
        date=datetime.now(timezone.utc).date().isoformat(),
        machine=where,
        versions=versions(_programs(datadog_ci, uv)),
        rounds=rounds,
        cold_rounds=cold_rounds,
        warm=warm,
        cold=cold,
        base=base,
        cold_base=rows[line_up.COLD_NPM],
        goals=_goals(rows, base),
    )
    PAGE.write_text(page(measured), "utf-8")
    for part in (table(warm, base), table(cold, measured.cold_base), goals(measured.goals)):
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
                action=copied(runs / "action"),
                work=runs,
                tools=runs / "tools",
                datadog=datadog,
                dx=dx,
            ),
            Rivals(work=runs, repository=checkout(runs / "checkout"), datadog=secure, dx=lenient),
        )


def _measured(
    ours: Ours, rivals: Rivals, runs: Path, datadog_ci: Found, uv: Found, rounds: tuple[int, int]
) -> tuple[list[Row], list[Row]]:
    """Run all contenders; return the rows of both tables."""
    with contextlib.ExitStack() as stack:
        served = {
            (commits, latency): stack.enter_context(
                github(runs / f"github-{commits}-{latency}", commits, latency / 1000)
            )
            for commits, latency in LOOK_UPS
        }
        say("Making the environment of the action")
        tools = found(lambda: ours.first_step(served[LOOK_UPS[0]]), say)
        entries = line_up.warm(ours, rivals, rivals.datadog, served, tools, datadog_ci)
        warm = _run(entries, rounds[0])
    say("From empty caches")
    cold = _run(line_up.from_nothing(ours, runs, uv), rounds[1], warm_up=False)
    return warm, cold


def _run(entries: Sequence[Contender | Row], rounds: int, *, warm_up: bool = True) -> list[Row]:
    """Run those that can be, and return all rows in their order."""
    contenders = [entry for entry in entries if isinstance(entry, Contender)]
    ran = interleaved(contenders, rounds, say, warm_up=warm_up)
    by_key = {row.title.key: row for row in ran}
    return [entry if isinstance(entry, Row) else by_key[entry.title.key] for entry in entries]


def _goals(rows: dict[str, Row], base: Row | None) -> list[Goal]:
    step, alone = rows[line_up.STEP], rows[line_up.ALONE]
    return [
        Goal(
            text="wall time of the step to Datadog, to that of `datadog-ci`'s dry run",
            limit=0.40,
            unit="",
            measured=ratio(step, base, lambda row: row.wall),
        ),
        Goal(
            text="peak memory of that step, likewise",
            limit=0.35,
            unit="",
            measured=ratio(step, base, lambda row: row.peak),
        ),
        Goal(
            text="wall time of the program alone, likewise",
            limit=0.40,
            unit="",
            measured=ratio(alone, base, lambda row: row.wall),
        ),
        Goal(
            text="peak memory of the program alone, likewise",
            limit=0.35,
            unit="",
            measured=ratio(alone, base, lambda row: row.peak),
        ),
        Goal(
            text="wall time from empty caches with uv, to installing and running `datadog-ci`",
            limit=1.0,
            unit="",
            measured=ratio(rows[line_up.COLD_UV], rows[line_up.COLD_NPM], lambda row: row.wall),
        ),
        Goal(
            text="wall time of a second step in a job",
            limit=1.0,
            unit=" s",
            measured=step.wall if step.samples else None,
        ),
    ]


def _programs(datadog_ci: Found, uv: Found) -> dict[str, tuple[str, ...]]:
    return {
        "datadog-ci": (str(datadog_ci.path or "datadog-ci"), "version"),
        "Python": (sys.executable, "--version"),
        "requests": (sys.executable, "-c", "import requests; print(requests.__version__)"),
        "pip": ("python3", "-I", "-m", "pip", "--version"),
        "uv": (str(uv.path / "uv") if uv.path else "uv", "--version"),
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
    sys.exit(main())
