"""Run the action in `mode: backfill` against the stand-in, and read what it leaves behind."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

from bench.backfill import made
from bench.backfill.served import TOKEN, Served
from bench.contenders import FailedError, spawned
from tests.end_to_end.runner import ROOT, environment
from tests.report import runner

COMMAND: Final = (sys.executable, "-I", "-X", "utf8", "-u", str(ROOT / "entrypoint.py"))
DX_TOKEN: Final = "a-made-up-dx-token"  # noqa: S105 - a token for a receiver in this very process
OUTPUT: Final = "dora-backfill"
_JSON: Final = ("service", "merge_commit_shas", "metadata", "success")
# A day more than the year that the history takes.
ALL_OF_IT: Final = ("2025-09-01", "2026-11-01")
# What the live path is given instead.
LIVE: Final = {"mode": "", "since": "", "until": "", "backfill-source": "", "timeout": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A run that is over: what it took, what it asked for, its outputs and its folder."""

    exit_code: int
    wall: float
    cpu: float
    peak: int
    asked: Counter[str]
    said: str
    outputs: Mapping[str, str]
    output: Path

    @property
    def requests(self) -> int:
        """How many requests there were; points are none."""
        return sum(count for kind, count in self.asked.items() if kind != "points")

    @property
    def csv(self) -> bytes:
        """Return the CSV file."""
        return (self.output / "deployments.csv").read_bytes()


def some_days(deployments: int, wanted: int) -> tuple[str, str]:
    """Return a period in the middle of the year in which about `wanted` deployments finish."""
    start = datetime.fromtimestamp(made.START, timezone.utc) + timedelta(days=150)
    end = start + timedelta(days=-(-wanted * 365 // deployments))
    return start.date().isoformat(), end.date().isoformat()


def environ(
    folder: Path, served: Served, period: tuple[str, str], given: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of the step, whose workspace is the folder."""
    since, until = period
    inputs = {
        "mode": "backfill",
        "github-token": TOKEN,
        "since": since,
        "until": until,
        "backfill-source": "deployments",
        "timeout": "21600",
        "fail-on": "any",
        **given,
    }
    made_here = environment(folder, "workflow_dispatch", b"{}", inputs)
    for name in ("output", "summary.md"):
        (folder / name).write_bytes(b"")
    return {**made_here, "GITHUB_API_URL": served.api_url, "GITHUB_WORKSPACE": str(folder)}


def to_dx(url: str) -> dict[str, str]:
    """Return the inputs that turn DX on."""
    return {"dx-token": DX_TOKEN, "dx-instance": url}


def run(folder: Path, served: Served, period: tuple[str, str], given: Mapping[str, str]) -> Ran:
    """Run it to its end; raises `FailedError` if it does not end as it should."""
    folder.mkdir(parents=True, exist_ok=True)
    before = served.asked()
    exit_code, wall, cpu, peak, said = spawned(
        COMMAND, environ(folder, served, period, given), folder
    )
    ended = Ran(
        exit_code=exit_code,
        wall=wall,
        cpu=cpu,
        peak=peak,
        asked=served.asked() - before,
        said=said,
        outputs=runner.outputs((folder / "output").read_text("utf-8")),
        output=folder / OUTPUT,
    )
    if exit_code:
        raise FailedError(f"it ended with exit code {exit_code}", said)
    if refused := [kind for kind in ended.asked if kind.startswith("refused")]:
        raise FailedError(f"the stand-in {refused[0]}, and {len(refused) - 1} more", said)
    return ended


def killed(
    folder: Path,
    served: Served,
    period: tuple[str, str],
    given: Mapping[str, str],
    is_time: Callable[[], bool],
) -> None:
    """Run it, and kill it as soon as it is time; raises `FailedError` if it ended before."""
    folder.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(  # noqa: S603 - our own action
        COMMAND,
        env=environ(folder, served, period, given),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        while not is_time():
            if process.poll() is not None:
                said = b"" if process.stdout is None else process.stdout.read()
                raise FailedError("it ended before it was killed", said.decode())
    finally:
        process.kill()
        process.communicate()


def rows(content: bytes) -> dict[str, dict[str, Any]]:
    """Return the rows of a CSV file by their ids, each as the body that DX would be sent."""
    found: dict[str, dict[str, Any]] = {}
    for row in csv.DictReader(io.StringIO(content.decode())):
        body = {
            name: json.loads(text) if name in _JSON else text for name, text in row.items() if text
        }
        if body["reference_id"] in found:
            raise FailedError(f"{body['reference_id']} is in the CSV file twice")
        found[body["reference_id"]] = body
    return found


def iso(at: int) -> str:
    """Write a time as the lines of JSON do."""
    return datetime.fromtimestamp(at, timezone.utc).isoformat().replace("+00:00", "Z")


def lines(output: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of JSON."""
    with (output / "deployments.jsonl").open(encoding="utf-8") as file:
        yield from map(json.loads, file)
