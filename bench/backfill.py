"""Measure dry runs of `mode: backfill` over made-up histories, and write their part of the page."""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.contenders import FailedError, spawned
from bench.page import seconds
from bench.stands import GITHUB_TOKEN
from tests.end_to_end.github.apart import serving
from tests.end_to_end.github.history import History
from tests.end_to_end.runner import ROOT, environment

SIZES: Final = (200, 1000)  # deployments
_PULLS: Final = ("squash", "merge", "rebase")  # of each deployment, beside a direct commit
_INPUTS: Final = {
    "mode": "backfill",
    "dry-run": "true",
    "fail-on": "any",
    "github-token": GITHUB_TOKEN,
    "service": "shop",
    "since": "2020-01-01",
    "timeout": "3600",
}
_INTRODUCTION: Final = """\
## Historical deployments

`mode: backfill` as a dry run over made-up histories: each deployment ships a squashed, a merged and
a rebased pull request and a direct commit. CPU time and memory are those of the action alone, since
how long it waits for GitHub depends on GitHub. `least` is what it takes to read every list once, a
hundred items a request: 2 x ceil(deployments / 100) + ceil(commits / 100) + ceil(pull requests /
100).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much there is of a history, and what it took to read it back."""

    deployments: int
    requests: int
    cpu: float
    peak: int

    @property
    def pulls(self) -> int:
        """How many pull requests were merged."""
        return self.deployments * len(_PULLS)

    @property
    def commits(self) -> int:
        """How many commits were made: a merge takes two."""
        return 1 + self.deployments * (len(_PULLS) + 2)

    @property
    def least(self) -> int:
        """How many requests read every list once."""
        return sum(math.ceil(n / 100) for n in (2 * self.deployments, self.commits, self.pulls))


def measure(folder: Path, say: Callable[[str], None]) -> list[Size]:
    """Return what backfills of all sizes took. Raises `FailedError` for one that fails."""
    found = []
    for count in SIZES:
        say(f"Reading {count:,} deployments back")
        found.append(_measured(folder / f"backfill-{count}", count))
    return found


def section(sizes: Sequence[Size]) -> str:
    """Return the part of the page."""
    lines = [
        "| deployments | commits | pull requests | requests | least | CPU | peak memory |",
        "|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for each in sizes:
        counts = (each.deployments, each.commits, each.pulls, each.requests, each.least)
        cells = (*(f"{n:,}" for n in counts), seconds(each.cpu), f"{each.peak / 1e6:.0f} MB")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join((_INTRODUCTION, *lines, ""))


def _measured(folder: Path, count: int) -> Size:
    folder.mkdir(parents=True)
    made = functools.partial(_history, deployments=count)
    with serving(made, folder / "shop.git", limit=1_000_000) as github:
        environ = environment(folder, "workflow_dispatch", b"{}", _INPUTS)
        variables = {"GITHUB_API_URL": github.api_url, "GITHUB_WORKSPACE": str(folder)}
        command = (sys.executable, "-I", "-X", "utf8", "-u", str(ROOT / "entrypoint.py"))
        code, _, cpu, peak, said = spawned(command, {**environ, **variables}, folder)
        asked = len(github.asked())
    rows = (folder / "dora-backfill" / "deployments.csv").read_text("utf-8").splitlines()
    if code or len(rows) != 1 + count:
        raise FailedError(f"it ended with {code} and {len(rows) - 1} of {count} deployments", said)
    return Size(deployments=count, requests=asked, cpu=cpu, peak=peak)


def _history(folder: Path, *, deployments: int) -> History:
    history = History(folder)
    history.commit()
    for number in range(deployments):
        for method in _PULLS:
            branch = f"{method}-{number}"
            history.branch(branch)
            history.commit(branch, {f"{method}.txt": f"{number}\n"})
            history.merge_pull(history.open_pull(branch), method)
        history.commit()
        history.deploy(history.branches["main"])
    return history


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        print(section(measure(Path(name), print)))
