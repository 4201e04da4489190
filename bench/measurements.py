"""What was measured and what follows from it: medians, ratios, goals. Nothing here runs anything.

Times are in seconds, memory is in bytes.
"""

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What one run took. `peak` is of its largest process, `requests` what servers counted."""

    wall: float
    cpu: float
    peak: int
    requests: int


@dataclass(frozen=True, slots=True)
class Title:
    """Head a row: `key` is for programs, `name` and `about`, what it does, for people."""

    key: str
    name: str
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Hold the samples of one contender, or why there are none.

    `failed` tells one that ran, and did not do its work, from one that could not even start.
    """

    title: Title
    samples: tuple[Sample, ...] = ()
    not_run: str = ""
    failed: bool = False

    @property
    def wall(self) -> float:
        """The median of the wall time."""
        return statistics.median(each.wall for each in self.samples)

    @property
    def cpu(self) -> float:
        """The median of the processor time."""
        return statistics.median(each.cpu for each in self.samples)

    @property
    def peak(self) -> float:
        """The median of the peak memory."""
        return statistics.median(each.peak for each in self.samples)

    @property
    def spread(self) -> tuple[float, float]:
        """The quartiles of the wall time, between which half of the runs lie."""
        walls = [each.wall for each in self.samples]
        if len(walls) < 2:
            return walls[0], walls[0]
        first, _, third = statistics.quantiles(walls, n=4, method="inclusive")
        return first, third

    @property
    def requests(self) -> tuple[int, int]:
        """The fewest and the most requests of a run."""
        counts = [each.requests for each in self.samples]
        return min(counts), max(counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What was aimed at: `measured`, None if that could not be, is to be `limit` at most."""

    text: str
    limit: float
    unit: str
    measured: float | None

    @property
    def verdict(self) -> str:
        """Say whether this run met it."""
        if self.measured is None:
            return "not measured"
        return "met" if self.measured <= self.limit else "**missed**"


def faster(rows: Iterable[Row]) -> Row | None:
    """Return the row with the least wall time of those that ran."""
    return min((row for row in rows if row.samples), key=lambda row: row.wall, default=None)


def ratio(row: Row, base: Row | None, measurement: Callable[[Row], float]) -> float | None:
    """Return a measurement of a row as a multiple of that of another, None where one is missing."""
    if base is None or not row.samples or not base.samples:
        return None
    return measurement(row) / measurement(base)
