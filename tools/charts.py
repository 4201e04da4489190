"""Print charts of odd numbers and times as JSON, for Mermaid to draw: `python -m tools.charts`."""

import json
import sys
from datetime import datetime, timedelta, timezone
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))

from dora_deployments.deployment import PullRequest
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


def main() -> None:
    """Print a chart for each end and longest wait, with changes that waited less as well."""
    charts = []
    for end, longest, number in product(ENDS, LEADS, NUMBERS):
        waits = (longest, longest / 2, longest / 100, timedelta(), -longest)
        pulls = [
            PullRequest(number=number + at, merge_commit_sha="", merged_at=_before(end, wait))
            for at, wait in enumerate(waits)
        ]
        charts.append("\n".join(chart(drawn(pulls, end), end, "deployed")))
    print(json.dumps(charts))


def _before(end: datetime, wait: timedelta) -> datetime:
    """Return the time of a merge; none is after all time."""
    return end if wait < timedelta() and end.year == ENDS[-1].year else end - wait


if __name__ == "__main__":
    main()
