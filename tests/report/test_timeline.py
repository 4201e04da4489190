"""The chart shows when each change was merged, and is one that Mermaid can read."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dora_deployments.deployment import PullRequest
from dora_deployments.report.timeline import chart, drawn
from tests.report import markdown
from tests.report.accounts import FINISHED, pull_request


def waiting(*leads):
    """Return a pull request for each length of time that one waited, None for an unknown one."""
    return tuple(
        pull_request(number, merged_at=None if lead is None else FINISHED - lead)
        for number, lead in enumerate(leads, 1)
    )


def test_there_is_a_bar_for_each_change_and_a_mark_for_the_deployment():
    bars = drawn(
        waiting(timedelta(days=1, hours=2), None, timedelta(minutes=54), timedelta()), FINISHED
    )

    assert chart(bars, FINISHED, "deployed") == [
        "gantt",
        "title From merge to deployment, in UTC",
        "dateFormat YYYY-MM-DD HH:mm",
        "axisFormat %m-%d %H:%M",
        "tickInterval 6hour",
        "todayMarker off",
        "#35;1, 1 d 2 h :2026-05-10 07:34, 2026-05-11 09:34",
        "#35;3, 54 min :2026-05-11 08:40, 2026-05-11 09:34",
        "#35;4, under 1 min :2026-05-11 09:34, 2026-05-11 09:34",
        "deployed :milestone, 2026-05-11 09:34, 0m",
    ]


def test_a_failed_deployment_is_marked_as_such():
    bars = drawn(waiting(timedelta(hours=1)), FINISHED)
    *_, mark = chart(bars, FINISHED, "deployment failed")
    assert mark == "deployment failed :milestone, 2026-05-11 09:34, 0m"


@pytest.mark.parametrize(
    "leads",
    [
        (),
        (None, None),
        (timedelta(),),
        (timedelta(seconds=59), None),
        (timedelta(hours=-3),),  # clocks that disagree
    ],
)
def test_where_nothing_would_be_seen_nothing_is_drawn(leads):
    assert drawn(waiting(*leads), FINISHED) == []


def test_what_is_known_to_the_minute_is_drawn():
    one_minute = timedelta(minutes=1)
    assert drawn(waiting(one_minute), FINISHED) == [(1, one_minute)]


def test_of_many_changes_the_first_are_drawn():
    hour = timedelta(hours=1)
    bars = drawn(waiting(None, *(hour,) * 20), FINISHED)
    assert bars == [(number, hour) for number in range(2, 17)]


@pytest.mark.parametrize(
    ("longest", "step", "shown"),
    [
        (timedelta(minutes=8), "1minute", "%m-%d %H:%M"),
        (timedelta(minutes=9), "5minute", "%m-%d %H:%M"),
        (timedelta(hours=1), "15minute", "%m-%d %H:%M"),
        (timedelta(hours=8), "1hour", "%m-%d %H:%M"),
        (timedelta(days=1), "3hour", "%m-%d %H:%M"),
        (timedelta(days=2), "6hour", "%m-%d %H:%M"),
        (timedelta(days=4), "12hour", "%m-%d %H:%M"),
        (timedelta(days=8), "1day", "%Y-%m-%d"),
        (timedelta(days=9), "2day", "%Y-%m-%d"),
        (timedelta(weeks=8), "1week", "%Y-%m-%d"),
        (timedelta(days=240), "1month", "%Y-%m-%d"),
        (timedelta(days=728), "3month", "%Y-%m-%d"),
        (timedelta(days=729), "12month", "%Y-%m-%d"),
        (timedelta(days=9_000), "12month", "%Y-%m-%d"),
    ],
)
def test_the_axis_has_few_marks_and_those_of_days_no_time(longest, step, shown):
    lines = chart([(1, longest)], FINISHED, "deployed")
    assert lines[3:5] == [f"axisFormat {shown}", f"tickInterval {step}"]


MOMENTS = st.datetimes(datetime(2000, 1, 1), timezones=st.just(timezone.utc))  # noqa: DTZ001 - they get one
PULLS = st.builds(
    PullRequest,
    number=st.integers(min_value=1),
    merge_commit_sha=st.text(),
    title=st.text(),
    merged_at=st.none() | MOMENTS,
)


@pytest.mark.threat(9)
@given(MOMENTS, st.lists(PULLS, max_size=20))
def test_whatever_was_merged_when_the_chart_is_made_of_numbers_and_times(finished_at, pulls):
    bars = drawn(pulls, finished_at)

    assert len(bars) <= 15
    if bars:
        lines = chart(bars, finished_at, "deployed")
        assert markdown.is_chart("\n".join(lines)), lines
        times = [line.rpartition(" :")[2].split(", ") for line in lines[6:-1]]
        assert all(start <= end for start, end in times)
