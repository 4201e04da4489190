"""The four DORA metrics of a period: what GitHub alone can say of how a team ships.

docs/metrics.md says in words how each of them is counted, with an example by hand.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

_MAIN: Final = "production"
_WEEK: Final = timedelta(weeks=1)
_DAYS: Final = 7  # of a week


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A deployment of one service, as far as the metrics need it; its times are in UTC.

    `merged_at` and `first_commit_at` are those of the changes that it ships, where known.
    """

    environment: str
    service: str
    finished_at: datetime
    success: bool
    merged_at: tuple[datetime, ...] = ()
    first_commit_at: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans:
    """Lengths of time in short: how many there are, their median and 90th percentile."""

    number: int
    median: timedelta
    ninetieth: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The metrics of one service in one environment, or of `None`: all its services together.

    `days` are those with a deployment that succeeded. `unrecovered` counts the services whose
    last deployment failed. What there is nothing to count of is None.
    """

    environment: str
    service: str | None
    succeeded: int
    failed: int
    days: int
    a_week: float
    lead_time: Spans | None
    from_first_commit: Spans | None
    failure_rate: float
    recovery: Spans | None
    unrecovered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """What was deployed in the week that begins on `monday`; `lead_time` is the median."""

    monday: date
    succeeded: int = 0
    failed: int = 0
    lead_time: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """The metrics of the deployments that finished from `since` on and before `until`.

    `weeks` are those of `environment`, the main one, and have all weeks of the period.
    """

    since: datetime
    until: datetime
    rows: tuple[Row, ...]
    environment: str
    weeks: tuple[Week, ...]


def metrics(records: Iterable[Record], since: datetime, until: datetime) -> Metrics:
    """Return the metrics of `records`, which come in order of time and are not kept.

    Those outside of the period are left out.
    """
    environments: dict[str, _Environment] = {}
    for record in records:
        if since <= record.finished_at < until:
            environment = environments.setdefault(record.environment, _Environment())
            environment.add(record)
    ordered = sorted(
        environments.items(), key=lambda each: (each[0] != _MAIN, -each[1].number, each[0])
    )
    main, weeks = next(((name, found.weeks) for name, found in ordered), ("", {}))
    rows = []
    for name, found in ordered:
        services = sorted(found.services.items(), key=lambda each: (-each[1].number, each[0]))
        if name == main and len(services) > 1:
            tallies = [tally for _, tally in services]
            rows.append(_row(name, None, tallies, found.days.number, until - since))
        rows += (
            _row(name, service, [tally], tally.days.number, until - since)
            for service, tally in services
        )
    return Metrics(
        since=since,
        until=until,
        rows=tuple(rows),
        environment=main,
        weeks=tuple(_week(monday, weeks.get(monday, _Week())) for monday in _mondays(since, until)),
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which that share of them lies, between two in proportion.

    It is what spreadsheets call PERCENTILE.INC. There is at least one value, and the least
    comes first.
    """
    below, part = divmod(share * (len(ordered) - 1), 1)
    low = ordered[int(below)]
    return low + part * (ordered[min(int(below) + 1, len(ordered) - 1)] - low)


def _seconds() -> "array[float]":
    return array("d")


@dataclass(slots=True)
class _Days:
    """How many days there were, of times that come in order."""

    number: int = 0
    last: date = date.min

    def add(self, moment: datetime) -> None:
        day = moment.date()
        self.number += day != self.last
        self.last = day


@dataclass(slots=True)
class _Week:
    succeeded: int = 0
    failed: int = 0
    lead_times: "array[float]" = field(default_factory=_seconds)

    def add(self, record: Record) -> None:
        if record.success:
            self.succeeded += 1
            self.lead_times.extend(_since(record.merged_at, record.finished_at))
        else:
            self.failed += 1


@dataclass(slots=True)
class _Tally:
    """What is known of one service in one environment; lengths of time are in seconds."""

    succeeded: int = 0
    failed: int = 0
    days: _Days = field(default_factory=_Days)
    lead_times: "array[float]" = field(default_factory=_seconds)
    from_first_commit: "array[float]" = field(default_factory=_seconds)
    recoveries: "array[float]" = field(default_factory=_seconds)
    failed_at: datetime | None = None  # the first time since it last succeeded

    @property
    def number(self) -> int:
        return self.succeeded + self.failed

    def add(self, record: Record) -> None:
        if not record.success:
            self.failed += 1
            self.failed_at = self.failed_at or record.finished_at
            return
        self.succeeded += 1
        self.days.add(record.finished_at)
        self.lead_times.extend(_since(record.merged_at, record.finished_at))
        self.from_first_commit.extend(_since(record.first_commit_at, record.finished_at))
        if self.failed_at is not None:
            self.recoveries.extend(_since((self.failed_at,), record.finished_at))
            self.failed_at = None


@dataclass(slots=True)
class _Environment:
    days: _Days = field(default_factory=_Days)
    services: dict[str, _Tally] = field(default_factory=dict)
    weeks: dict[date, _Week] = field(default_factory=dict)

    @property
    def number(self) -> int:
        return sum(tally.number for tally in self.services.values())

    def add(self, record: Record) -> None:
        self.services.setdefault(record.service, _Tally()).add(record)
        self.weeks.setdefault(_monday(record.finished_at), _Week()).add(record)
        if record.success:
            self.days.add(record.finished_at)


def _since(moments: Iterable[datetime], end: datetime) -> Iterator[float]:
    """Yield the seconds since each moment; clocks that disagree make it zero."""
    return (max((end - moment).total_seconds(), 0.0) for moment in moments)


def _row(
    environment: str, service: str | None, tallies: Sequence[_Tally], days: int, period: timedelta
) -> Row:
    succeeded = sum(tally.succeeded for tally in tallies)
    failed = sum(tally.failed for tally in tallies)
    return Row(
        environment=environment,
        service=service,
        succeeded=succeeded,
        failed=failed,
        days=days,
        a_week=succeeded / (period / _WEEK),
        lead_time=_spans(tally.lead_times for tally in tallies),
        from_first_commit=_spans(tally.from_first_commit for tally in tallies),
        failure_rate=failed / (failed + succeeded),
        recovery=_spans(tally.recoveries for tally in tallies),
        unrecovered=sum(tally.failed_at is not None for tally in tallies),
    )


def _spans(parts: "Iterable[array[float]]") -> Spans | None:
    ordered = sorted(seconds for part in parts for seconds in part)
    if not ordered:
        return None
    return Spans(
        number=len(ordered),
        median=timedelta(seconds=percentile(ordered, 0.5)),
        ninetieth=timedelta(seconds=percentile(ordered, 0.9)),
    )


def _week(monday: date, week: _Week) -> Week:
    lead_time = _spans([week.lead_times])
    return Week(
        monday=monday,
        succeeded=week.succeeded,
        failed=week.failed,
        lead_time=None if lead_time is None else lead_time.median,
    )


def _monday(moment: datetime) -> date:
    day = moment.date()
    return day - timedelta(days=day.weekday())


def _mondays(since: datetime, until: datetime) -> Iterator[date]:
    """Yield the Mondays of the weeks from the first moment of the period to its last."""
    first, last = _monday(since), _monday(until - datetime.resolution)
    return map(date.fromordinal, range(first.toordinal(), last.toordinal() + 1, _DAYS))
