"""What is measured: a command, where it runs, and how its requests are counted."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measurements import Row, Sample, Title

_SPAWN = Path(__file__).with_name("spawn.py")
_LAST_LINES = 5


class FailedError(Exception):
    """Something could not be run or did not do its work; `said` is what it printed at last."""

    def __init__(self, message: str, said: str = "") -> None:
        super().__init__(message)
        self.said = said


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One row to be: its command, which runs in `folder` with `environ` and nothing else.

    `prepare` makes the ground ready before each run, `count` tells how many requests there were
    so far, and `complaint` what is wrong with the run just over, if anything; none is measured.
    `installs` tells one that cannot work without its packages' index.
    """

    title: Title
    command: Sequence[str]
    environ: Mapping[str, str]
    folder: Path
    prepare: Callable[[], None] = lambda: None
    count: Callable[[], int] = lambda: 0
    complaint: Callable[[], str] = lambda: ""
    installs: bool = False

    def run(self) -> Sample:
        """Run it once. Raises `FailedError` if it does not do its work."""
        self.prepare()
        before = self.count()
        exit_code, wall, cpu, peak, said = spawned(self.command, self.environ, self.folder)
        if exit_code:
            raise FailedError(f"it ended with exit code {exit_code}", said)
        if complaint := self.complaint():
            raise FailedError(complaint, said)
        return Sample(wall=wall, cpu=cpu, peak=peak, requests=self.count() - before)


def spawned(
    command: Sequence[str], environ: Mapping[str, str], folder: Path
) -> tuple[int, float, float, int, str]:
    """Run a command; return exit code, wall and processor seconds, peak bytes, its last lines."""
    path = shutil.which(command[0], path=environ["PATH"])
    if path is None:
        raise FailedError(f"there is no {command[0]}")
    with tempfile.TemporaryDirectory() as name:
        log = Path(name) / "log"
        wanted = {
            "command": [path, *command[1:]],
            "environ": dict(environ),
            "folder": str(folder),
            "log": str(log),
        }
        measured = subprocess.run(  # noqa: S603 - our own script
            [sys.executable, "-I", "-S", str(_SPAWN)],
            input=json.dumps(wanted).encode(),
            capture_output=True,
            check=True,
        )
        lines = log.read_text("utf-8", "replace").splitlines()
    took = json.loads(measured.stdout)
    said = "\n".join(lines[-_LAST_LINES:])
    return took["exit_code"], took["wall"], took["cpu"], took["peak"], said


def interleaved(
    contenders: Sequence[Contender], rounds: int, say: Callable[[str], None], *, warm_up: bool
) -> list[Row]:
    """Run them by turns, `rounds` times and once before to warm up; return their rows.

    By turns, since a machine that slows down for a while then does so for all of them, and in
    another order each time, or one would always follow the heaviest. Who fails has no further
    turn.
    """
    samples: dict[str, list[Sample]] = {each.title.key: [] for each in contenders}
    failures: dict[str, FailedError] = {}
    for number in range(0 if warm_up else 1, rounds + 1):
        say(f"round {number} of {rounds}" if number else "warm-up")
        for each in random.Random(number).sample(contenders, len(contenders)):
            key = each.title.key
            if key in failures:
                continue
            try:
                sample = each.run()
            except FailedError as error:
                failures[key] = error
                say(f"{each.title.name}: {error}\n{error.said}")
            else:
                if number:
                    samples[key].append(sample)
    return [
        _failed(each, failures[each.title.key])
        if each.title.key in failures
        else Row(title=each.title, samples=tuple(samples[each.title.key]))
        for each in contenders
    ]


def _failed(contender: Contender, error: FailedError) -> Row:
    """Return the row of one that failed, which is no fault where it may have been cut off."""
    if contender.installs:
        why = f"{error}; were its packages within reach?"
        return Row(title=contender.title, not_run=why)
    return Row(title=contender.title, not_run=str(error), failed=True)


def search_path() -> str:
    """Return the search path, on which `python3` is the Python below this process.

    It would be a launcher of launchers on some developers' machines, as on no runner.
    """
    base = Path(getattr(sys, "_base_executable", sys.executable)).parent
    return os.pathsep.join([str(base), os.environ["PATH"]])


def callers_environ() -> dict[str, str]:
    """Return the caller's environment, by which installers find their indexes, and no more.

    What would steer this action, datadog-ci, Python or Node otherwise is left out.
    """
    steering = (
        "GIT_",
        "GITHUB_",
        "INPUT_",
        "RUNNER_",
        "DD_",
        "DATADOG_",
        "PYTHON",
        "NODE_OPTIONS",
        "MAKE",
    )
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(steering)},
        "PATH": search_path(),
    }
