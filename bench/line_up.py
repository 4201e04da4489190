"""Who takes part, and in what order. What the page says of each is in rows.yml."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from bench import cold
from bench.contenders import Contender, FailedError
from bench.figures import Row, Title
from bench.ours import Ours
from bench.rivals import COMMIT, Rivals
from bench.stands import SecureDatadog
from tests.end_to_end.github.apart import Apart

_WORDS = Path(__file__).with_name("rows.yml")
STEP, ALONE = "step", "alone"
DRY_RUN, DRY_RUN_BY_GIT = "datadog-ci-dry", "datadog-ci-dry-git"
COLD_UV, COLD_PIP, COLD_NPM = "cold-uv", "cold-pip", "cold-npm"

Make = Callable[[Title], Contender]
"""Makes the contender of a row, or raises `FailedError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was looked for before the start: a folder or program, or why there is none."""

    path: Path | None = None
    why: str = ""

    def there(self) -> Path:
        """Return it, or raise `FailedError`."""
        if self.path is None:
            raise FailedError(self.why)
        return self.path


def found(look_for: Callable[[], Path], say: Callable[[str], None]) -> Found:
    """Keep what `look_for` returns, or why it raised `FailedError`, of which it says more."""
    try:
        return Found(path=look_for())
    except FailedError as error:
        say(f"{error}\n{error.said}")
        return Found(why=str(error))


def entry(row: str, make: Make, **filled_in: str) -> Contender | Row:
    """Make the contender of a row of rows.yml, or where it cannot take part a row that says why."""
    words = yaml.safe_load(_WORDS.read_text("utf-8"))[row]
    title = Title(
        key="-".join((row, *filled_in.values())),
        name=words["name"].format_map(filled_in),
        about=words["about"],
    )
    try:
        return make(title)
    except FailedError as error:
        return Row(title=title, not_run=str(error))


def warm(
    ours: Ours,
    rivals: Rivals,
    secure: SecureDatadog,
    served: dict[tuple[int, int], tuple[Apart, dict[str, Any]]],
    tools: Found,
    datadog_ci: Found,
) -> list[Contender | Row]:
    """Line up those that find everything installed: `tools` by our first step, datadog-ci by npm.

    `served` has the stand-ins for GitHub by commits and milliseconds of latency.
    """

    def ready(make: Make) -> Make:
        def make_if(title: Title) -> Contender:
            tools.there()
            return make(title)

        return make_if

    def step(**given: str) -> Make:
        return ready(partial(ours.direct, given=given))

    def rival(*arguments: str) -> Make:
        def make(title: Title) -> Contender:
            return rivals.datadog_ci(title, datadog_ci.there(), arguments)

        return make

    return [
        entry(STEP, step(**ours.to_datadog)),
        entry("both", step(**ours.to_datadog, **ours.to_dx)),
        entry("secure", ready(partial(ours.secure, to=secure))),
        entry("dry-run", step(**ours.to_datadog, dry_run="true")),
        entry(ALONE, ours.alone),
        entry(DRY_RUN, rival(*COMMIT, "--dry-run")),
        entry(DRY_RUN_BY_GIT, rival("--dry-run")),
        entry("datadog-ci", rival(*COMMIT)),
        entry("dx-workflow", rivals.dx_workflow),
        entry("bare-requests", rivals.bare_requests),
        *(
            entry(
                "look-ups",
                ready(partial(ours.looking_up, served=github, pulls=commits)),
                commits=f"{commits:,}",
                latency=str(latency),
            )
            for (commits, latency), github in served.items()
        ),
    ]


def from_nothing(ours: Ours, work: Path, uv: Found) -> list[Contender | Row]:
    """Line up those that begin with empty caches; `uv` is the folder of that program."""
    start = partial(cold.composite, work=work, datadog=ours.datadog)

    def with_uv(title: Title) -> Contender:
        return start(title, path=cold.path_with(uv.there()))

    return [
        entry(COLD_UV, with_uv),
        entry(COLD_PIP, partial(start, path=cold.path_without_uv(work))),
        entry(COLD_NPM, partial(cold.datadog_ci, work=work)),
    ]
