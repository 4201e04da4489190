"""When to send again, and after how long."""

import math
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dora_deployments import catalogue
from dora_deployments.delivery import retry
from dora_deployments.delivery.retry import Pace

NOW = datetime(2026, 6, 15, 12, 0, 30, tzinfo=timezone.utc)


def http_date(moment):
    return format_datetime(moment, usegmt=True)


def test_the_usual_pace_is_four_attempts_within_seconds():
    assert Pace() == Pace(attempts=4, base=1.0, cap=8.0, connect_timeout=5.0, read_timeout=20.0)


@pytest.mark.fault(19, 39, 44, 50)
def test_only_what_says_nothing_of_the_request_is_sent_again():
    transient = {status for status in range(100, 1000) if retry.is_transient(status)}

    assert transient == {*range(100, 200), 408, 425, 429, *range(500, 1000)}


@pytest.mark.parametrize(
    ("status", "topic"),
    [
        *((status, catalogue.NOT_NOW) for status in (100, 101, 199, 408, 425)),
        (429, catalogue.TOO_MANY_REQUESTS),
        *((status, catalogue.SERVER_ERROR) for status in (500, 502, 503, 504, 520, 999)),
    ],
)
def test_a_transient_status_is_told_in_words(status, topic):
    assert retry.topic(status) == topic


# --- how long a server asks to wait


@pytest.mark.fault(45, 47, 48, 49)
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0.0),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": " 3 "}, 3.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "007"}, 7.0),
        ({"retry-after": "86400"}, 86_400.0),
        ({"retry-after": "9999999999"}, 9_999_999_999.0),
        # eleven digits are no seconds that anyone can mean
        ({"retry-after": "99999999999"}, 0.0),
        ({"retry-after": "9" * 5_000}, 0.0),
        ({"retry-after": ""}, 0.0),
        ({"retry-after": " "}, 0.0),
        ({"retry-after": "abc"}, 0.0),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after": "+5"}, 0.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "0.0"}, 0.0),
        ({"retry-after": "1.5.2"}, 0.0),
        ({"retry-after": "1."}, 0.0),
        ({"retry-after": ".5"}, 0.0),
        ({"retry-after": "1,5"}, 0.0),
        ({"retry-after": "-1.5"}, 0.0),
        ({"retry-after": "1e3"}, 0.0),
        ({"retry-after": "3, 3"}, 0.0),
        ({"retry-after": "3 s"}, 0.0),
        ({"retry-after": "\u0663"}, 0.0),
        ({"retry-after": "\u00b2"}, 0.0),
        ({"retry-after": "Mon, 99 Jun 2026 12:00:30 GMT"}, 0.0),
        ({"retry-after": "Mon, 15 Jun 2026"}, 0.0),
        ({"retry-after": "Mon, 15 Jun 99999 12:00:30 GMT"}, 0.0),
        ({"retry-after": "Mon, 15 Jun 2026 12:00:30 -0000"}, 0.0),
        ({"retry-after": "Mon, 15 Jun 2026 12:00:30 +9999999999"}, 0.0),
        ({"x-ratelimit-reset": "17"}, 17.0),
        ({"x-ratelimit-reset": " 17 "}, 17.0),
        ({"x-ratelimit-reset": "0"}, 0.0),
        ({"x-ratelimit-reset": "7"}, 7.0),
        ({"x-ratelimit-reset": "3600"}, 3_600.0),
        # from here on it is a moment, such as the Unix time that others send
        ({"x-ratelimit-reset": "3601"}, 0.0),
        ({"x-ratelimit-reset": "1781524830"}, 0.0),
        ({"x-ratelimit-reset": "99999999999"}, 0.0),
        ({"x-ratelimit-reset": "-1"}, 0.0),
        ({"x-ratelimit-reset": "17.5"}, 0.0),
        ({"x-ratelimit-reset": "soon"}, 0.0),
        ({"x-ratelimit-reset": "\u0661\u0667"}, 0.0),
        ({"x-ratelimit-reset": ""}, 0.0),
        ({"retry-after": "3", "x-ratelimit-reset": "17"}, 3.0),
        ({"retry-after": "0", "x-ratelimit-reset": "17"}, 0.0),
        ({"retry-after": "abc", "x-ratelimit-reset": "17"}, 17.0),
        ({"Retry-After": "3"}, 0.0),  # names are in lower case by contract
    ],
)
def test_what_is_asked_is_seconds_or_none_at_all(headers, seconds):
    assert retry.asked_wait(429, headers) == seconds


@pytest.mark.fault(49, 50)
@pytest.mark.parametrize(
    ("status", "remaining", "seconds"),
    [
        *((429, remaining, 17.0) for remaining in (None, "", "0", "41", "soon")),
        *((status, "0", 17.0) for status in (200, 408, 500, 502, 503, 504)),
        (503, " 0 ", 17.0),
        *(
            (status, remaining, 0.0)
            for status in (None, 200, 408, 425, 500, 502, 503, 504, 520)
            for remaining in (None, "", "1", "41", "-1", "0.5", "soon")
        ),
    ],
)
def test_a_reset_counts_only_after_too_many_requests_or_where_none_remains(
    status, remaining, seconds
):
    headers = {"x-ratelimit-reset": "17"}
    if remaining is not None:
        headers["x-ratelimit-remaining"] = remaining

    assert retry.asked_wait(status, headers) == seconds


@pytest.mark.fault(46, 105)
@pytest.mark.parametrize(
    ("ahead", "seconds"),
    [
        (timedelta(seconds=90), 90.0),
        (timedelta(days=1), 86_400.0),
        (timedelta(0), 0.0),
        (timedelta(seconds=-1), 0.0),
        (timedelta(days=-365), 0.0),
    ],
)
def test_a_date_counts_from_the_date_of_the_answer_since_our_clock_may_be_wrong(ahead, seconds):
    for server_now in (NOW, NOW + timedelta(days=300), NOW - timedelta(days=3_000)):
        headers = {"retry-after": http_date(server_now + ahead), "date": http_date(server_now)}

        assert retry.asked_wait(429, headers) == seconds


@pytest.mark.fault(46)
def test_a_date_may_be_of_any_zone():
    headers = {
        "retry-after": "Mon, 15 Jun 2026 14:01:30 +0200",
        "date": "Mon, 15 Jun 2026 12:00:30 GMT",
    }

    assert retry.asked_wait(429, headers) == 60.0


@pytest.mark.fault(46)
@pytest.mark.parametrize("date", [None, "", "yesterday", "Mon, 15 Jun 2026 12:00:30 -0000"])
def test_without_a_usable_date_of_the_answer_our_own_clock_counts(date):
    later = datetime.now(timezone.utc) + timedelta(hours=1)
    headers = {"retry-after": http_date(later)}
    if date is not None:
        headers["date"] = date

    seconds = retry.asked_wait(429, headers)

    assert 3_500 < seconds <= 3_600


@pytest.mark.fault(46, 49)
def test_a_date_goes_before_a_reset():
    headers = {
        "retry-after": http_date(NOW + timedelta(seconds=5)),
        "date": http_date(NOW),
        "x-ratelimit-reset": "17",
    }

    assert retry.asked_wait(429, headers) == 5.0


@pytest.mark.fault(48)
@settings(deadline=None)
@given(st.text(), st.text(), st.text())
def test_no_header_however_odd_is_an_error_or_a_negative_wait(after, date, reset):
    seconds = retry.asked_wait(
        429, {"retry-after": after, "date": date, "x-ratelimit-reset": reset}
    )

    assert math.isfinite(seconds)
    assert seconds >= 0


# --- how far the clocks are apart


@pytest.mark.parametrize(
    ("date", "skew"),
    [
        ("Mon, 15 Jun 2026 12:00:30 GMT", timedelta()),
        ("Mon, 15 Jun 2026 12:00:29 GMT", timedelta(seconds=1)),
        ("Mon, 15 Jun 2026 12:02:31 GMT", timedelta(seconds=-121)),
        ("Mon, 15 Jun 2026 14:00:30 +0200", timedelta()),
        ("Monday, 15-Jun-26 11:00:30 GMT", timedelta(hours=1)),
    ],
)
def test_a_clock_that_is_ahead_of_the_servers_is_so_by_the_date_of_the_answer(date, skew):
    assert retry.clock_skew({"date": date}, NOW) == skew


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Date": "Mon, 15 Jun 2020 12:00:30 GMT"},  # names are in lower case by contract
        *(
            {"date": date}
            for date in (
                "",
                "yesterday",
                "1781524830",
                "2020-06-15T12:00:30Z",
                "Mon, 15 Jun 2020 12:00:30 -0000",
                "Mon, 99 Jun 2020 12:00:30 GMT",
                "Mon, 15 Jun 99999 12:00:30 GMT",
                "Mon, 15 Jun 2020 12:00:30 +9999999999",
            )
        ),
    ],
)
def test_a_server_that_tells_no_time_has_the_same(headers):
    assert retry.clock_skew(headers, NOW) == timedelta()


@settings(deadline=None)
@given(st.text())
def test_no_date_however_odd_is_an_error(date):
    assert isinstance(retry.clock_skew({"date": date}, NOW), timedelta)


# --- how long to wait


@pytest.mark.fault(44, 48)
@pytest.mark.parametrize(
    ("attempt", "limit"), [(1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (5, 8.0), (30, 8.0)]
)
def test_without_being_asked_anything_up_to_a_doubling_limit_is_waited(attempt, limit):
    drawn = []

    def uniform(low, high):
        drawn.append((low, high))
        return 0.25

    for after in ("abc", "0"):
        assert retry.wait(Pace(), attempt, 503, {"retry-after": after}, uniform) == 0.25
    assert drawn == [(0.0, limit)] * 2


def test_base_and_cap_set_the_limits():
    pace = Pace(base=0.5, cap=1.5)

    limits = [
        retry.wait(pace, attempt, None, {}, lambda _low, high: high) for attempt in (1, 2, 3, 4)
    ]

    assert limits == [0.5, 1.0, 1.5, 1.5]


@pytest.mark.fault(45)
@pytest.mark.parametrize(("asked", "waited"), [("0", 0.75), ("1", 1.0), ("86400", 86_400.0)])
def test_the_longer_one_is_waited_of_what_the_server_asks_and_what_is_drawn(asked, waited):
    assert retry.wait(Pace(), 1, 503, {"retry-after": asked}, lambda _low, _high: 0.75) == waited
