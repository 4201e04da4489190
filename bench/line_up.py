"""Who takes part, and in what order. What the page says of each is in rows.yml."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from bench import cold
from bench.contenders import Contender, FailedError
from bench.measurements import Row, Title
from bench.ours import Ours
from bench.rivals import COMMIT, Rivals
from tests.end_to_end.github.apart import Apart

_WORDS = Path(__file__).with_name("rows.yml")
STEP, ALONE = "step", "alone"
DRY_RUN, DRY_RUN_BY_GIT = "datadog-ci-dry", "datadog-ci-dry-git"
COLD_UV, COLD_PIP, COLD_NPM = "cold-uv", "cold-pip", "cold-npm"

Make = Callable[..., Contender]
"""Makes the contender of a row out of its title and what else it takes, or raises `FailedError`."""


def lacking(provide: Callable[[], None], say: Callable[[str], None]) -> str:
    """Provide what contenders need; return why that is impossible, or nothing."""
    try:
        provide()
    except FailedError as error:
        say(f"{error}\n{error.said}")
        return str(error)
    return ""


def entry(row: str, make: Make, *given: Any, lacks: str = "", **filled_in: str) -> Contender | Row:
    """Make the contender of a row of rows.yml, or where it cannot take part a row that says why."""
    words = yaml.safe_load(_WORDS.read_text("utf-8"))[row]
    title = Title(
        key="-".join((row, *filled_in.values())),
        name=words["name"].format_map(filled_in),
        about=words["about"],
    )
    try:
        return Row(title=title, not_run=lacks) if lacks else make(title, *given)
    except FailedError as error:
        return Row(title=title, not_run=str(error))


def warm(
    ours: Ours,
    rivals: Rivals,
    served: dict[tuple[int, int], tuple[Apart, dict[str, Any]]],
    no_packages: str,
    no_datadog_ci: str,
) -> list[Contender | Row]:
    """Line up those that find everything installed; the last two say why something is not.

    `served` has the stand-ins for GitHub by commits and milliseconds of latency.
    """
    step = partial(entry, lacks=no_packages)
    rival = partial(entry, lacks=no_datadog_ci)
    return [
        step(STEP, ours.direct, ours.to_datadog),
        step("both", ours.direct, {**ours.to_datadog, **ours.to_dx}),
        step("secure", ours.secure, rivals.datadog),
        step("dry-run", ours.direct, {**ours.to_datadog, "dry_run": "true"}),
        entry(ALONE, ours.alone),
        rival(DRY_RUN, rivals.datadog_ci, *COMMIT, "--dry-run"),
        rival(DRY_RUN_BY_GIT, rivals.datadog_ci, "--dry-run"),
        rival("datadog-ci", rivals.datadog_ci, *COMMIT),
        entry("dx-workflow", rivals.dx_workflow),
        entry("bare-requests", rivals.bare_requests),
        *(
            step(
                *("look-ups", ours.looking_up, github, commits),
                commits=f"{commits:,}",
                latency=str(latency),
            )
            for (commits, latency), github in served.items()
        ),
    ]


def from_nothing(ours: Ours, work: Path, uv: Path, no_uv: str) -> list[Contender | Row]:
    """Line up those that begin with empty caches; `no_uv` says why there is none in `uv`."""
    start = partial(cold.composite, work=work, datadog=ours.datadog)
    return [
        entry(COLD_UV, partial(start, path=cold.path_with(uv)), lacks=no_uv),
        entry(COLD_PIP, partial(start, path=cold.path_without_uv(work))),
        entry(COLD_NPM, partial(cold.datadog_ci, work=work)),
    ]
