"""Print charts of odd numbers and times as JSON, for Mermaid to draw: `python -m tools.charts`."""

import json
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))

from dora_deployments.backfill.metrics import Week
from dora_deployments.deployment import PullRequest
from dora_deployments.report.metrics import deployments, lead_times
from dora_deployments.report.timeline import chart, drawn

ENDS = (
    datetime(2000, 1, 1, tzinfo=timezone.utc),
    datetime(2024, 2, 29, 23, 59, 59, tzinfo=timezone.utc),
    datetime(2026, 3, 29, 2, 30, tzinfo=timezone.utc),  # an hour that Berlin's clocks leave out
    datetime(2026, 10, 25, 2, 30, tzinfo=timezone.utc),  # and one that they have twice
    datetime(9999, 12, 31, 23, 59, tzinfo=timezone.utc),
)
LEADS = tuple(
    timedelta(minutes=minutes)
    for minutes in (1, 9, 59, 600, 1_439, 1_440, 4_320, 20_160, 86_400, 525_600, 10_000_000)
)
NUMBERS = (1, 2**31, 10**30)
WEEKS = (1, 2, 9, 10, 13, 26, 53)
COUNTS = (0, 1, 7, 8, 9, 1_000, 10**6)  # of deployments in a week


def main() -> None:
    """Print charts of changes and of weeks."""
    print(json.dumps([*_of_changes(), *_of_weeks()]))


def _of_changes() -> Iterator[str]:
    """Yield a chart for each end and longest wait, with changes that waited less as well."""
    for end, longest, number in product(ENDS, LEADS, NUMBERS):
        waits = (longest, longest / 2, longest / 100, timedelta(), -longest)
        pulls = [
            PullRequest(number=number + at, merge_commit_sha="", merged_at=_before(end, wait))
            for at, wait in enumerate(waits)
        ]
        yield "\n".join(chart(drawn(pulls, end), end, "deployed"))


def _of_weeks() -> Iterator[str]:
    """Yield charts of few weeks and many, in which much, little or nothing was deployed."""
    for number, count, lead in product(WEEKS, COUNTS, LEADS):
        weeks = [
            Week(
                monday=ENDS[2].date() + timedelta(weeks=at - 1, days=1),
                succeeded=count >> at,
                failed=(count >> at) // 2,
                lead_time=None if at % 3 == 1 else lead / (at + 1),
            )
            for at in range(number)
        ]
        yield "\n".join(lead_times(weeks))
        if lead == LEADS[0]:
            yield "\n".join(deployments(weeks))


def _before(end: datetime, wait: timedelta) -> datetime:
    """Return the time of a merge; none is after all time."""
    return end if wait < timedelta() and end.year == ENDS[-1].year else end - wait


if __name__ == "__main__":
    main()
