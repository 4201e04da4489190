from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dora_deployments.actions import moments
from tests.actions.refusals import refusal
from tests.builders import NOW

UTC = timezone.utc
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

MOMENTS = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001 - Hypothesis adds the zone itself
    max_value=datetime(2026, 6, 16),  # noqa: DTZ001 - as above
    timezones=st.just(UTC),
)
OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(
    lambda minutes: timezone(timedelta(minutes=minutes))
)


def utc(*fields):
    return datetime(*fields, tzinfo=UTC)


def parse(text):
    return moments.parse(text, NOW)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31T12:05:09Z", utc(2026, 1, 31, 12, 5, 9)),
        ("2026-01-31t12:05:09z", utc(2026, 1, 31, 12, 5, 9)),
        ("2026-01-31 12:05:09Z", utc(2026, 1, 31, 12, 5, 9)),
        ("2026-01-31T12:05:09+00:00", utc(2026, 1, 31, 12, 5, 9)),
        ("2026-01-31T12:05:09-00:00", utc(2026, 1, 31, 12, 5, 9)),
        ("2026-01-31T12:05:09+05:45", utc(2026, 1, 31, 6, 20, 9)),
        ("2026-01-31T12:05:09+0545", utc(2026, 1, 31, 6, 20, 9)),
        ("2026-01-31T22:05:09-03:30", utc(2026, 2, 1, 1, 35, 9)),
        ("2026-01-31T12:05:09+23:59", utc(2026, 1, 30, 12, 6, 9)),
        ("2026-01-31T12:05:09.5Z", utc(2026, 1, 31, 12, 5, 9, 500_000)),
        ("2026-01-31T12:05:09,25Z", utc(2026, 1, 31, 12, 5, 9, 250_000)),
        ("2026-01-31T12:05:09.000001Z", utc(2026, 1, 31, 12, 5, 9, 1)),
        ("2026-01-31T12:05:09.123456789Z", utc(2026, 1, 31, 12, 5, 9, 123_456)),
        ("2026-01-31T12:05:09.999999999Z", utc(2026, 1, 31, 12, 5, 9, 999_999)),
        ("2024-02-29T00:00:00Z", utc(2024, 2, 29)),
        ("2025-12-31T23:59:59Z", utc(2025, 12, 31, 23, 59, 59)),
        ("2000-01-01T00:00:00Z", utc(2000, 1, 1)),
        ("1999-12-31T23:00:00-01:00", utc(2000, 1, 1)),
        ("2026-06-16T12:00:30.250Z", NOW + timedelta(days=1)),
    ],
)
def test_iso_8601_with_a_zone_is_a_moment_in_utc(text, moment):
    assert parse(text) == moment
    assert parse(text).tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("946684800", utc(2000, 1, 1)),
        ("1769861109", utc(2026, 1, 31, 12, 5, 9)),
        ("01769861109", utc(2026, 1, 31, 12, 5, 9)),
        ("1769861109001", utc(2026, 1, 31, 12, 5, 9, 1_000)),
        ("1769861109000001", utc(2026, 1, 31, 12, 5, 9, 1)),
        ("1769861109000001000", utc(2026, 1, 31, 12, 5, 9, 1)),
        ("1769861109123456789", utc(2026, 1, 31, 12, 5, 9, 123_456)),
        ("1769861109999999999", utc(2026, 1, 31, 12, 5, 9, 999_999)),
        ("01769861109123456789", utc(2026, 1, 31, 12, 5, 9, 123_456)),
    ],
)
def test_a_unix_time_tells_its_unit_by_its_size(text, moment):
    assert parse(text) == moment
    assert parse(text).tzinfo is UTC


@pytest.mark.fault(105)
def test_the_end_of_32_bit_time_is_a_second_like_any_other():
    now = utc(2038, 1, 19, 12)
    assert moments.parse("2147483647", now) == utc(2038, 1, 19, 3, 14, 7)
    assert moments.parse("2147483648", now) == utc(2038, 1, 19, 3, 14, 8)
    assert moments.parse("2147483648000", now) == utc(2038, 1, 19, 3, 14, 8)
    assert moments.parse("2038-01-19T03:14:08Z", now) == utc(2038, 1, 19, 3, 14, 8)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T12:05:09",
        "2026-01-31 12:05",
        "2026-01-31T12:05Z",
        "2026-01-31",
        "2026-01-31Z",
        "2026-W05-6",
        "2026-W05-6T12:05:09Z",
        "2026-031T12:05:09Z",
        "20260131T120509Z",
        "2026-1-31T12:05:09Z",
        "26-01-31T12:05:09Z",
        "12026-01-31T12:05:09Z",
        "31/01/2026 12:05:09Z",
        "Sat, 31 Jan 2026 12:05:09 GMT",
        "2026-01-31T12:05:09 UTC",
        "2026-01-31T12:05:09 Z",
        "2026-01-31T12:05:09UTC",
        "2026-01-31T12:05:09+01",
        "2026-01-31T12:05:09+1:00",
        "2026-01-31T12:05:09+01:60",
        "2026-01-31T12:05:09+01:00:00",
        "2026-01-31T12:05:09\u221201:00",
        "2026-01-31T12:05:09.Z",
        "2026-01-31T12:05:09.1234567890Z",
        "2026-01-31T12:05:09Z\n",
        "2026-01-31T12:05:09Z 1",
        "1 2026-01-31T12:05:09Z",
        "2026-01-31T12:05:0\u0669Z",
        "\u0661\u0667\u0666\u0669\u0668\u0666\u0661\u0661\u0660\u0669",
        "1769861109.5",
        "1769861109s",
        "1.769861109e9",
        "+1769861109",
        "-1769861109",
        "1_769_861_109",
        "1769861109\n",
        "now",
        "",
    ],
)
def test_what_is_no_time_with_a_zone_is_refused(text):
    assert refusal(parse, text) == (
        f"is {text!r}, which is not a time with a zone; write ISO-8601, such as"
        " 2026-01-31T12:05:00Z, or Unix seconds"
    )


def test_a_number_of_thirty_digits_is_refused_and_a_longer_one_not_shown():
    message = (
        "which is not a time with a zone; write ISO-8601, such as 2026-01-31T12:05:00Z, or Unix"
        " seconds"
    )
    assert refusal(parse, "1" * 21) == f"is '{'1' * 21}', {message}"
    assert refusal(parse, "1" * 30) == f"is '{'1' * 30}', {message}"
    assert refusal(parse, "1" * 100_000) == f"is '\u2026' (100000 characters), {message}"


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T12:05:60Z",
        "2026-06-30T23:59:60Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T12:60:00Z",
        "2026-02-29T12:05:09Z",
        "2026-13-01T12:05:09Z",
        "2026-00-31T12:05:09Z",
        "2026-01-00T12:05:09Z",
        "0000-01-31T12:05:09Z",
        "2026-01-31T12:05:09+24:00",
        "2026-01-31T12:05:09-99:59",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
    ],
)
def test_a_time_that_never_comes_is_refused(text):
    assert refusal(parse, text) == (
        f"is {text!r}, which no calendar and clock show; write a real date and time"
    )


@pytest.mark.parametrize(
    ("text", "plain", "side"),
    [
        ("1999-12-31T23:59:59.999999Z", "1999-12-31T23:59:59.999999Z", "before the year 2000"),
        ("2000-01-01T00:00:00+00:01", "1999-12-31T23:59:00Z", "before the year 2000"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "before the year 2000"),
        ("0", "1970-01-01T00:00:00Z", "before the year 2000"),
        ("946684799", "1999-12-31T23:59:59Z", "before the year 2000"),
        ("20260131", "1970-08-23T11:48:51Z", "before the year 2000"),
        ("99999999999", "5138-11-16T09:46:39Z", "in the future"),
        ("100000000000", "1973-03-03T09:46:40Z", "before the year 2000"),
        ("99999999999999", "5138-11-16T09:46:39.999000Z", "in the future"),
        ("100000000000000", "1973-03-03T09:46:40Z", "before the year 2000"),
        ("99999999999999999", "5138-11-16T09:46:39.999999Z", "in the future"),
        ("100000000000000000", "1973-03-03T09:46:40Z", "before the year 2000"),
        ("99999999999999999999", "5138-11-16T09:46:39.999999Z", "in the future"),
        ("2026-06-16T12:00:30.250001Z", "2026-06-16T12:00:30.250001Z", "in the future"),
        ("2147483648", "2038-01-19T03:14:08Z", "in the future"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z", "in the future"),
    ],
)
def test_a_moment_that_cannot_be_true_is_refused(text, plain, side):
    assert refusal(parse, text) == (
        f"is {plain}, which is {side}; write the time of this deployment"
    )


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-01-31T12:05:09Z", utc(2026, 1, 31, 12, 5, 9)),
        ("2026-01-31T12:05:09.000+01:00", utc(2026, 1, 31, 11, 5, 9)),
        (1_769_861_109, utc(2026, 1, 31, 12, 5, 9)),
        ("1769861109", utc(2026, 1, 31, 12, 5, 9)),
        (True, None),
        (1_769_861_109.0, None),
        (-1_769_861_109, None),
        (0, None),
        (10**5_000, None),
        ("2026-01-31", None),
        ("9999-12-31T23:59:59Z", None),
        ("", None),
        (None, None),
        (["2026-01-31T12:05:09Z"], None),
        ({}, None),
    ],
    ids=lambda value: f"{value}"[:30] if not isinstance(value, int) or value < 10**20 else "huge",
)
def test_a_payloads_time_is_text_or_unix_seconds_or_nothing(value, moment):
    assert moments.from_payload(value, NOW) == moment


def test_whole_seconds_are_cut_and_not_rounded():
    assert moments.whole_seconds(utc(2026, 6, 15, 12, 0, 30, 999_999)) == utc(
        2026, 6, 15, 12, 0, 30
    )


@settings(deadline=None)
@given(moment=MOMENTS, zone=OFFSETS)
def test_iso_8601_comes_back_as_it_was_from_any_zone(moment, zone):
    assert parse(moment.astimezone(zone).isoformat()) == moment


@settings(deadline=None)
@given(moment=MOMENTS)
def test_a_unix_time_comes_back_as_it_was_in_every_unit(moment):
    microseconds = (moment - EPOCH) // timedelta(microseconds=1)
    assert parse(str(microseconds)) == moment
    assert parse(str(microseconds * 1_000)) == moment
    assert parse(str(microseconds * 1_000 + 999)) == moment
    millisecond = moment - timedelta(microseconds=microseconds % 1_000)
    assert parse(str(microseconds // 1_000)) == millisecond
    assert parse(str(microseconds // 1_000_000)) == moments.whole_seconds(moment)


@settings(deadline=None)
@given(text=st.text() | st.text("0123456789-:TZ+. ,", min_size=8, max_size=36))
def test_any_text_is_a_moment_that_can_be_true_or_refused(text):
    try:
        moment = parse(text)
    except ValueError:
        return
    assert moments.EARLIEST <= moment <= NOW + moments.AHEAD
    assert moment.tzinfo is UTC


@settings(deadline=None)
@given(
    value=st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text())
)
def test_any_value_of_a_payload_is_a_moment_or_none(value):
    moment = moments.from_payload(value, NOW)
    assert moment is None or moment.tzinfo is UTC


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-05-12T08:20:15Z", utc(2026, 5, 12, 8, 20, 15)),
        ("2026-05-12T10:20:15.25+02:00", utc(2026, 5, 12, 8, 20, 15, 250_000)),
        # Commits were imported from elsewhere, and clocks may be wrong.
        ("1970-01-01T00:00:00Z", EPOCH),
        ("2999-12-31T23:59:59Z", utc(2999, 12, 31, 23, 59, 59)),
        ("2026-02-30T08:20:15Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("2026-05-12T08:20:15", None),
        ("2026-05-12T08:20:15Z ", None),
        ("2026-05-12", None),
        ("1778573643", None),
        ("", None),
        (1778573643, None),
        (None, None),
        (["2026-05-12T08:20:15Z"], None),
    ],
)
def test_a_time_of_githubs_api_is_iso_8601_and_may_be_any(value, moment):
    assert moments.iso(value) == moment
