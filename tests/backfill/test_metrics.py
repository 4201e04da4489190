"""The four metrics are what their definitions say, counted in one pass."""

import statistics
import weakref
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from itertools import groupby, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dora_deployments.backfill.metrics import (
    Metrics,
    Record,
    Row,
    Spans,
    Week,
    metrics,
    percentile,
)
from tests.backfill.worked import CHANGES, RECORDS, SINCE, UNTIL, at, record

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text("utf-8")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def hours(number, median, ninetieth):
    return Spans(number=number, median=median * HOUR, ninetieth=ninetieth * HOUR)


def table(first):
    """Return the cells of the page's table whose head begins so, row by row."""
    lines = PAGE[PAGE.index(f"| {first} |") :].partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def rows(*records, since=SINCE, until=UNTIL):
    """Return what each row counts: where, which service, how many succeeded and failed."""
    found = metrics(iter(records), since, until)
    return [(row.environment, row.service, row.succeeded, row.failed) for row in found.rows]


def test_the_example_is_counted_as_one_does_it_by_hand():
    assert metrics(iter(RECORDS), SINCE, UNTIL) == Metrics(
        since=SINCE,
        until=UNTIL,
        environment="production",
        rows=(
            Row(
                environment="production",
                service="checkout",
                succeeded=8,  # all but the 3rd, the 4th, the 10th and the 12th
                failed=4,
                days=6,  # March 2nd, 3rd, 5th, 6th, 9th, 11th; what failed on the 13th is none
                a_week=4.0,  # 8 in 2 weeks
                # In order: 1 (#2), 1 (#7), 2 (#1), 3 (#4), 4 (#3), 10 (#5), 60 (#6), 76 (#5 again).
                # (3 + 4) / 2 = 3.5, and 0.9 * 7 = 6.3 is 60 + 0.3 * (76 - 60) = 64.8.
                lead_time=hours(8, 3.5, 64.8),
                # In order: 6 (#2), 18 (#4), 24 (#1, #5), 48 (#3), 72 (#6), 90 (#5 again).
                # The fourth is 24, and 0.9 * 6 = 5.4 is 72 + 0.4 * (90 - 72) = 79.2.
                from_first_commit=hours(7, 24, 79.2),
                failure_rate=4 / 12,
                # 120 minutes from the 3rd to the 5th, 20 from the 10th to the 11th.
                # (20 + 120) / 2 = 70, and 0.9 * 1 is 20 + 0.9 * (120 - 20) = 110.
                recovery=hours(2, 70 / 60, 110 / 60),
                unrecovered=1,  # the 12th
            ),
        ),
        weeks=(
            # 1, 2, 3, 4 and 10 hours
            Week(monday=date(2026, 3, 2), succeeded=6, failed=2, lead_time=3 * HOUR),
            # 1, 60 and 76 hours
            Week(monday=date(2026, 3, 9), succeeded=2, failed=2, lead_time=60 * HOUR),
        ),
    )


def test_the_page_has_the_same_example():
    changes = {
        number: (None if first == "not known" else at(first), at(merged))
        for number, first, merged in table("change")
    }
    deployments = tuple(
        record(finished_at, outcome, *(ships.split(", ") if ships else ()))
        for _, finished_at, outcome, ships in table("deployment")
    )
    assert (changes, deployments) == (CHANGES, RECORDS)


def test_where_nothing_was_deployed_there_are_weeks_without_anything():
    assert metrics(iter(()), SINCE, UNTIL) == Metrics(
        since=SINCE,
        until=UNTIL,
        rows=(),
        environment="",
        weeks=(Week(monday=date(2026, 3, 2)), Week(monday=date(2026, 3, 9))),
    )


def test_what_only_failed_ships_nothing_and_does_not_recover():
    failed = [replace(each, success=False, merged_at=RECORDS[0].merged_at) for each in RECORDS[:5]]
    found = metrics(iter(failed), SINCE, UNTIL)
    assert found.rows == (
        Row(
            environment="production",
            service="checkout",
            succeeded=0,
            failed=5,
            days=0,
            a_week=0.0,
            lead_time=None,
            from_first_commit=None,
            failure_rate=1.0,
            recovery=None,
            unrecovered=1,
        ),
    )
    assert found.weeks[0] == Week(monday=date(2026, 3, 2), failed=5)


def test_where_nothing_failed_the_rate_is_zero_and_there_is_no_recovery():
    (row,) = metrics(iter(RECORDS[:2]), SINCE, UNTIL).rows
    assert (row.failure_rate, row.recovery, row.unrecovered) == (0.0, None, 0)


def test_the_period_begins_with_since_and_ends_before_until():
    moments = (SINCE - datetime.resolution, SINCE, UNTIL - datetime.resolution, UNTIL)
    records = [replace(RECORDS[0], finished_at=moment) for moment in moments]
    assert rows(*records) == [("production", "checkout", 2, 0)]


def test_clocks_that_disagree_make_no_time_below_zero():
    early = replace(
        RECORDS[0],
        merged_at=(at("03-02 11:00"), at("03-02 09:00")),
        first_commit_at=(at("03-02 10:01"),),
    )
    (row,) = metrics(iter([early]), SINCE, UNTIL).rows
    assert (row.lead_time, row.from_first_commit) == (hours(2, 0.5, 0.9), hours(1, 0, 0))


def in_turn(*names):
    """Return a deployment for each name, such as `production/shop`; one with a ! has failed."""
    return [
        Record(
            environment=name.strip("!").partition("/")[0],
            service=name.strip("!").partition("/")[2],
            finished_at=SINCE + index * HOUR,
            success=not name.startswith("!"),
        )
        for index, name in enumerate(names)
    ]


def test_production_comes_first_and_then_what_has_most_deployments():
    staging, test = ["staging/shop"] * 2, ["test/shop", "!test/shop", "test/mail"]
    assert rows(*in_turn(*staging, *test, "production/shop")) == [
        ("production", "shop", 1, 0),
        ("test", "shop", 1, 1),
        ("test", "mail", 1, 0),
        ("staging", "shop", 2, 0),
    ]


def test_those_that_are_alike_come_by_their_names():
    assert rows(*in_turn("b/2", "b/1", "a/2", "a/1", "production/0")) == [
        ("production", "0", 1, 0),
        ("a", "1", 1, 0),
        ("a", "2", 1, 0),
        ("b", "1", 1, 0),
        ("b", "2", 1, 0),
    ]


@pytest.mark.parametrize(
    ("names", "main"),
    [
        (["live/a", "live/a", "production/a"], "production"),
        (["live/a", "live/a", "test/a"], "live"),
        (["live/a", "!test/a", "!test/a"], "test"),
        (["b/a", "a/a"], "a"),
    ],
)
def test_the_weeks_are_those_of_production_or_where_most_was_deployed(names, main):
    found = metrics(iter(in_turn(*names)), SINCE, UNTIL)
    deployed = [name for name in names if name.strip("!").startswith(f"{main}/")]
    assert found.environment == main
    assert found.weeks[0].succeeded + found.weeks[0].failed == len(deployed)


def test_several_services_of_the_main_environment_are_also_counted_together():
    mail = [replace(each, service="mail", finished_at=each.finished_at + HOUR) for each in RECORDS]
    other = in_turn("test/mail", "test/shop")
    both = sorted((*RECORDS, *mail, *other), key=lambda each: each.finished_at)
    all_services, *alone = metrics(iter(both), SINCE, UNTIL).rows

    assert [(row.environment, row.service) for row in alone] == [
        ("production", "checkout"),
        ("production", "mail"),
        ("test", "mail"),
        ("test", "shop"),
    ]
    assert all_services == Row(
        environment="production",
        service=None,
        succeeded=16,
        failed=8,
        days=6,  # the same for both
        a_week=8.0,
        # In order: 1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 10, 11, 60, 61, 76, 77.
        # 4 and 4, and 0.9 * 15 = 13.5 is between 61 and 76.
        lead_time=hours(16, 4, 68.5),
        # In order: 6, 7, 18, 19, 24, 24, 25, 25, 48, 49, 72, 73, 90, 91.
        # 25 and 25, and 0.9 * 13 = 11.7 is 73 + 0.7 * (90 - 73).
        from_first_commit=hours(14, 25, 84.9),
        failure_rate=8 / 24,
        recovery=hours(4, 70 / 60, 2),  # 20, 20, 120 and 120 minutes
        unrecovered=2,
    )


@pytest.mark.parametrize(
    ("since", "until", "mondays"),
    [
        ("2026-03-02T00:00", "2026-03-09T00:00", ["2026-03-02"]),
        ("2026-03-02T00:00", "2026-03-09T00:01", ["2026-03-02", "2026-03-09"]),
        ("2026-03-01T23:59", "2026-03-02T00:01", ["2026-02-23", "2026-03-02"]),
        ("2026-03-04T10:00", "2026-03-04T11:00", ["2026-03-02"]),
        ("2024-12-31T00:00", "2025-01-08T00:00", ["2024-12-30", "2025-01-06"]),
        ("9999-12-27T00:00", "9999-12-31T23:59", ["9999-12-27"]),
    ],
)
def test_there_is_a_week_for_each_part_of_the_period(since, until, mondays):
    first, last = (datetime.fromisoformat(f"{text}+00:00") for text in (since, until))
    found = metrics(iter(()), first, last)
    assert [str(week.monday) for week in found.weeks] == mondays


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [
        ([7], 0.9, 7),
        ([1, 3], 0.5, 2),
        ([1, 2, 3], 0.5, 2),
        ([1, 2, 3, 4], 0.25, 1.75),
        ([0, 10], 0.9, 9),
        ([*range(11)], 0.9, 9),
        ([1, 2], 1, 2),
        ([1, 2], 0, 1),
    ],
)
def test_a_percentile_lies_between_two_values_in_proportion(values, share, found):
    assert percentile(values, share) == pytest.approx(found)


class Seen(Record):
    """A record whose end one can see: it has no slots."""


def test_records_are_not_kept():
    there = []

    def made():
        for hour in range(100):
            seen = Seen(
                environment="test",
                service="shop",
                finished_at=SINCE + hour * HOUR,
                success=hour % 3 > 0,
                merged_at=(SINCE,),
                first_commit_at=(SINCE,),
            )
            there.append(weakref.ref(seen))
            yield seen
            del seen
            assert [each() for each in there[:-1]] == [None] * hour

    assert metrics(made(), SINCE, UNTIL).rows[0].succeeded == 66


# --- by the definitions, one by one


MOMENTS = st.integers(0, int((UNTIL - SINCE) / timedelta(minutes=1)) - 1).map(
    lambda minutes: SINCE + timedelta(minutes=minutes)
)
TIMES = st.lists(
    st.integers(-(10**5), 10**7).map(lambda seconds: UNTIL - timedelta(seconds=seconds)),
    max_size=3,
).map(tuple)
ENVIRONMENTS = st.sampled_from(["production", "staging", "test"])
DEPLOYED = st.builds(
    Record,
    environment=ENVIRONMENTS,
    service=st.sampled_from(["cart", "mail", "shop"]),
    finished_at=MOMENTS,
    success=st.booleans(),
    merged_at=TIMES,
    first_commit_at=TIMES,
)


def in_order(records):
    return sorted(records, key=lambda each: each.finished_at)


def spans(lengths):
    """Return lengths of time in short, by the library's own percentiles."""
    seconds = [max(length.total_seconds(), 0) for length in lengths]
    if not seconds:
        return None
    tenths = statistics.quantiles(
        seconds * 2 if len(seconds) == 1 else seconds, n=10, method="inclusive"
    )
    return (len(seconds), statistics.median(seconds), pytest.approx(tenths[8], abs=1e-5))


def recoveries(records):
    """Return from when to when each row of failures was, None for an end that is to come."""
    outcomes = [(outcome, list(found)) for outcome, found in groupby(records, lambda r: r.success)]
    ends = [*(found[0].finished_at for _, found in outcomes[1:]), None]
    return [
        (found[0].finished_at, end)
        for (outcome, found), end in zip(outcomes, ends, strict=True)
        if not outcome
    ]


def by_definition(records):
    """Return the metrics of deployments of one environment, in order of time."""
    good = [each for each in records if each.success]
    failures = [
        row
        for service in {each.service for each in records}
        for row in recoveries([each for each in records if each.service == service])
    ]
    return {
        "succeeded": len(good),
        "failed": len(records) - len(good),
        "days": len({each.finished_at.date() for each in good}),
        "a_week": len(good) / 2,
        "lead_time": spans(each.finished_at - moment for each in good for moment in each.merged_at),
        "from_first_commit": spans(
            each.finished_at - moment for each in good for moment in each.first_commit_at
        ),
        "failure_rate": (len(records) - len(good)) / len(records),
        "recovery": spans(end - start for start, end in failures if end is not None),
        "unrecovered": sum(end is None for _, end in failures),
    }


def shown(value):
    if isinstance(value, Spans):
        return (value.number, value.median.total_seconds(), value.ninetieth.total_seconds())
    return value


@given(st.lists(DEPLOYED, max_size=40).map(in_order))
def test_every_row_is_what_the_definitions_say(records):
    found = metrics(iter(records), SINCE, UNTIL)

    places = {(each.environment, each.service) for each in records}
    several = (
        {(found.environment, None)} if sum(e == found.environment for e, _ in places) > 1 else set()
    )
    assert {(row.environment, row.service) for row in found.rows} == places | several
    assert len(found.rows) == len(places | several)
    for row in found.rows:
        of_row = [
            each
            for each in records
            if each.environment == row.environment and row.service in {None, each.service}
        ]
        counted = {name: shown(getattr(row, name)) for name in Row.__slots__[2:]}
        assert counted == by_definition(of_row)


@given(st.lists(DEPLOYED, min_size=1, max_size=40).map(in_order), MOMENTS, st.integers(1, 10**6))
def test_every_week_is_what_the_definitions_say(records, since, seconds):
    until = since + timedelta(seconds=seconds)
    found = metrics(iter(records), since, until)

    mondays = [week.monday for week in found.weeks]
    assert all(later - earlier == 7 * DAY for earlier, later in pairwise(mondays))
    for week in found.weeks:
        start = datetime.combine(week.monday, datetime.min.time(), timezone.utc)
        assert week.monday.isoweekday() == 1
        assert start < until
        assert start + 7 * DAY > since
        inside = [
            each
            for each in records
            if start <= each.finished_at < start + 7 * DAY
            and since <= each.finished_at < until
            and each.environment == found.environment
        ]
        good = [each for each in inside if each.success]
        lead = spans(each.finished_at - moment for each in good for moment in each.merged_at)
        assert (week.succeeded, week.failed) == (len(good), len(inside) - len(good))
        found_lead = None if week.lead_time is None else week.lead_time.total_seconds()
        assert found_lead == (None if lead is None else lead[1])
