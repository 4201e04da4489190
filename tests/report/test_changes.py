"""The shipped changes are told one by one, with how long each of them waited."""

from datetime import timedelta

import pytest

from dora_deployments.report import changes
from tests.report.accounts import FINISHED, carried, fact, pull_request, resolved, shipped


def test_each_shipped_pull_request_has_a_line():
    pulls = (
        pull_request(3, title="Round prices"),
        pull_request(26, title="::error::\n@grace"),
        pull_request(7, merged_at=None),
    )
    assert list(changes.lines(resolved(pulls=pulls))) == [
        "#3 Round prices (merged by 0000000, 3 h 0 min before this deployment)",
        "#26 ::error::\n@grace (merged by 0000000, 1 d 2 h before this deployment)",
        "#7 Change 7 (merged by 0000000)",
    ]


def test_without_pull_requests_there_is_no_line():
    assert list(changes.lines(resolved())) == []


@pytest.mark.parametrize(
    ("merged_at", "lead"),
    [
        (FINISHED - timedelta(hours=2, seconds=5), timedelta(hours=2, seconds=5)),
        (FINISHED, timedelta()),
        (FINISHED + timedelta(seconds=90), timedelta()),
        (None, None),
    ],
)
def test_the_lead_time_is_from_the_merge_to_the_finish_and_never_below_zero(merged_at, lead):
    assert changes.lead_time(pull_request(1, merged_at=merged_at), FINISHED) == lead


@pytest.mark.parametrize(
    ("hours", "median"),
    [
        ([], None),
        ([None, None], None),
        ([5], 5),
        ([1, 9], 5),
        ([9, None, 1, 2], 2),
        ([-3, 2, 4], 2),
        ([-3, -2], 0),
    ],
)
def test_the_median_lead_time_is_over_those_whose_merge_is_known(hours, median):
    pulls = tuple(
        pull_request(number, merged_at=None if each is None else FINISHED - timedelta(hours=each))
        for number, each in enumerate(hours, start=1)
    )
    found = changes.median_lead_time(pulls, FINISHED)
    assert found == (None if median is None else timedelta(hours=median))


@pytest.mark.parametrize(
    ("hours", "shown"),
    [
        ([], ""),
        ([None], ""),
        ([4], ", lead time 4 h 0 min"),
        ([4, None], ", median lead time 4 h 0 min"),
        ([2, 4, 30], ", median lead time 4 h 0 min"),
    ],
)
def test_the_lead_time_of_one_change_is_no_median(hours, shown):
    pulls = tuple(
        pull_request(1, merged_at=None if each is None else FINISHED - timedelta(hours=each))
        for each in hours
    )
    assert changes.lead_time_of(pulls, FINISHED) == shown


def test_a_service_that_is_mapped_by_paths_carries_the_changes_that_touch_it():
    one, two, three = (pull_request(number) for number in (1, 2, 3))
    known = resolved(
        services=fact(
            (*carried("cart", pulls=(three, one)).value, *carried("mail", pulls=(one,)).value)
        ),
        shipped=shipped(one, two, three),
    )
    assert changes.carried(known) == (one, three)
    assert changes.carried(resolved(shipped=shipped(one, two))) == (one, two)
    assert changes.carried(resolved(services=carried("cart"), shipped=shipped(one))) == ()


@pytest.mark.parametrize(
    ("time", "shown"),
    [
        ({}, "under 1 min"),
        ({"seconds": 59, "microseconds": 999_999}, "under 1 min"),
        ({"seconds": 60}, "1 min"),
        ({"minutes": 59, "seconds": 59}, "59 min"),
        ({"hours": 1}, "1 h 0 min"),
        ({"hours": 4, "minutes": 12, "seconds": 59}, "4 h 12 min"),
        ({"hours": 23, "minutes": 59}, "23 h 59 min"),
        ({"hours": 24}, "1 d 0 h"),
        ({"days": 400, "hours": 23, "minutes": 59}, "400 d 23 h"),
    ],
)
def test_a_length_of_time_is_told_by_its_two_largest_units(time, shown):
    assert changes.span(timedelta(**time)) == shown
