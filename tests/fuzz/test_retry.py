"""No header makes a wait that is not a number of seconds, and a plain one is waited for."""

import math
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dora_deployments.delivery import retry
from dora_deployments.delivery.retry import Pace
from tests.report.hostile import TEXT

MOMENTS = st.integers(0, 7_000_000_000).map(
    lambda seconds: datetime.fromtimestamp(seconds, timezone.utc)
)
DATES = MOMENTS.map(lambda moment: format_datetime(moment, usegmt=True))
ODD = st.sampled_from(
    [
        *("", "0", "-0", "+1", "1.5", "1e3", "0x10", "1_0", " 7 ", "9" * 10, "9" * 11, "9" * 400),
        *("\u0663", "\xb2", "inf", "nan", "-inf", "1, 2", "3600", "3601", "1767225600", "abc"),
        *("Fri, 31 Dec 9999 23:59:59 -2359", "Mon, 01 Jan 0001 00:00:00 +2359", "Mon, 1 Jan 26"),
        *("Thu, 21 May 2026 09:00:00", "Thu, 21 May 2026 09:00:00 -0000", "31 Feb 2026 09:00 GMT"),
        *("Sun, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Thu, 21 May 2026 24:60:61 Z"),
    ]
)
VALUES = ODD | DATES | TEXT | st.integers().map(str)
HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "date", "x-ratelimit-reset", "x-ratelimit-remaining"]), VALUES
)
STATUSES = st.none() | st.sampled_from([200, 408, 425, 429, 500, 502, 503, 504])
PACES = st.builds(Pace, base=st.floats(0, 60), cap=st.floats(0, 300))


def none_by_chance(low, high):
    del high
    return low


def most_by_chance(low, high):
    del low
    return high


@pytest.mark.fault(44, 47, 48, 49)
@given(headers=HEADERS, pace=PACES, attempt=st.integers(1, 40), status=STATUSES)
def test_any_headers_make_a_finite_wait_of_no_less_than_nothing(headers, pace, attempt, status):
    least = retry.wait(pace, attempt, status, headers, none_by_chance)
    most = retry.wait(pace, attempt, status, headers, most_by_chance)

    assert math.isfinite(least)
    assert math.isfinite(most)
    assert least >= 0
    # By the clock of this machine, which goes on in between, unless the reply has a date.
    assert most >= least - 60
    assert most <= max(least + 60, pace.cap)


@pytest.mark.fault(45)
@given(
    headers=HEADERS,
    seconds=st.integers(0, 10**10 - 1),
    space=st.sampled_from(["", " ", "\t"]),
    attempt=st.integers(1, 40),
    status=STATUSES,
)
def test_whole_seconds_are_waited_for_whatever_else_is_said(
    headers, seconds, space, attempt, status
):
    headers["retry-after"] = f"{space}{seconds}{space}"

    assert retry.wait(Pace(), attempt, status, headers, none_by_chance) == seconds
    assert retry.wait(Pace(), attempt, status, headers, most_by_chance) >= seconds


@pytest.mark.fault(46)
@given(headers=HEADERS, now=MOMENTS, ahead=st.integers(-(10**6), 10**6), status=STATUSES)
def test_a_date_is_waited_for_by_the_clock_of_the_server(headers, now, ahead, status):
    until = format_datetime(now + timedelta(seconds=ahead), usegmt=True)
    dates = {"retry-after": until, "date": format_datetime(now, usegmt=True)}

    assert retry.wait(Pace(), 1, status, {**headers, **dates}, none_by_chance) == max(0, ahead)


@pytest.mark.fault(49)
@given(
    after=st.sampled_from(["", "-1", "1.", "abc", "\u0663", "9" * 11]) | st.none(),
    reset=VALUES,
    remaining=st.sampled_from(["0", " 0", "1", "299", "", "-1", "abc"]) | st.none(),
    status=STATUSES,
)
def test_a_reset_counts_only_as_seconds_up_to_an_hour_when_nothing_remains(
    after, reset, remaining, status
):
    plain = reset.strip()
    fits = plain.isascii() and plain.isdigit() and len(plain) <= 10 and int(plain) <= 3_600
    counts = status == 429 or (remaining is not None and remaining.strip() == "0")
    told = {"retry-after": after, "x-ratelimit-remaining": remaining, "x-ratelimit-reset": reset}
    headers = {name: value for name, value in told.items() if value is not None}

    waited = retry.wait(Pace(), 1, status, headers, none_by_chance)

    assert waited == (int(plain) if fits and counts else 0)
