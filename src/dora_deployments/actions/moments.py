"""Points in time, as people and GitHub write them, to aware UTC datetimes."""

import re
from datetime import datetime, timedelta, timezone
from typing import Final

from dora_deployments.actions.text import shown

UTC: Final = timezone.utc
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
# A runner's clock and GitHub's may disagree; a day also covers a zone written wrongly.
AHEAD: Final = timedelta(days=1)
# By as much the clocks of two runners, or of one and GitHub, may differ and both be believed.
MOST_SKEW: Final = timedelta(minutes=5)

# `datetime.fromisoformat` is too strict on Python 3.10 (no Z) and too lax later on (week
# dates, dates alone, no zone), so the one form that is meant is spelt out.
_ISO: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?"
    r"(?:([Zz])|([+-])(\d\d):?([0-5]\d))",
    re.ASCII,
)
_UNIX: Final = re.compile(r"\d{1,20}", re.ASCII)
# Unix times of this century in each unit differ by their size alone.
_UNITS: Final = ((10**11, 1_000_000), (10**14, 1_000), (10**17, 1))


def parse(text: str, now: datetime) -> datetime:
    """Return the moment that `text` names, to the microsecond, in UTC.

    Takes ISO-8601 with a zone, or Unix seconds, milliseconds, microseconds or nanoseconds.
    Raises `ValueError` that says what is wrong and what to write, also for moments before
    the year 2000 or more than a day after `now`.
    """
    if _UNIX.fullmatch(text):
        moment = _from_unix(int(text))
    elif found := _ISO.fullmatch(text):
        moment = _from_iso(found)
    else:
        raise ValueError(
            f"is {shown(text)}, which is not a time with a zone; write ISO-8601, such as"
            " 2026-01-31T12:05:00Z, or Unix seconds"
        )
    if not EARLIEST <= moment <= now + AHEAD:
        raise ValueError(
            f"is {_plain(moment)}, which is "
            + ("before the year 2000" if moment < EARLIEST else "in the future")
            + "; write the time of this deployment"
        )
    return moment


def from_payload(value: object, now: datetime) -> datetime | None:
    """Return the moment in a payload's `value`, or None if it holds no plausible one.

    GitHub writes most times as ISO-8601 text, but a push's `pushed_at` as Unix seconds.
    """
    try:
        return parse(str(value), now)
    except ValueError:
        return None


def iso(value: object) -> datetime | None:
    """Return the moment that GitHub's API writes as ISO-8601, however long ago it was."""
    found = _ISO.fullmatch(value) if isinstance(value, str) else None
    try:
        return _from_iso(found) if found else None
    except ValueError:
        return None


def whole_seconds(moment: datetime) -> datetime:
    """Return `moment` without its fraction of a second."""
    return moment.replace(microsecond=0)


def _from_unix(number: int) -> datetime:
    for limit, microseconds in _UNITS:
        if number < limit:
            return EPOCH + timedelta(microseconds=number * microseconds)
    return EPOCH + timedelta(microseconds=number // 1_000)


def _from_iso(found: re.Match[str]) -> datetime:
    year, month, day, hour, minute, second = (int(found[group]) for group in range(1, 7))
    microsecond = int((found[7] or "").ljust(6, "0")[:6])
    offset = timedelta()
    if found[9]:
        offset = timedelta(hours=int(found[10]), minutes=int(found[11]))
    try:
        zone = timezone(-offset if found[9] == "-" else offset)
        return datetime(
            year, month, day, hour, minute, second, microsecond, tzinfo=zone
        ).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            f"is {shown(found[0])}, which no calendar and clock show; write a real date and time"
        ) from None


def _plain(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
