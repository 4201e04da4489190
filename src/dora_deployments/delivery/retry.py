"""When to send again, and after how long: rules over values, nothing slept or sent here."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dora_deployments import catalogue
from dora_deployments.catalogue import Topic
from dora_deployments.http_headers import http_date, retry_after

_TRANSIENT: Final = frozenset({408, 425, 429})
# X-RateLimit-Reset is a number of seconds to wait (Datadog, "Rate Limits"). Elsewhere it
# is a moment, and the two can only be told apart by size. Datadog sends it with every answer:
# it is the end of the current period, and no request to wait while requests remain.
_LONGEST_RESET: Final = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often and how fast to try. All but `attempts` are seconds."""

    attempts: int = 4
    base: float = 1.0
    cap: float = 8.0
    connect_timeout: float = 5.0
    read_timeout: float = 20.0


def is_transient(status: int) -> bool:
    """Return whether an HTTP status says nothing of the request itself, but of the moment."""
    return status in _TRANSIENT or status >= 500 or status < 200


def topic(status: int) -> Topic:
    """Return what a transient status says, for people."""
    if status == 429:
        return catalogue.TOO_MANY_REQUESTS
    return catalogue.SERVER_ERROR if status >= 500 else catalogue.NOT_NOW


def wait(
    pace: Pace,
    attempt: int,
    status: int | None,
    headers: Mapping[str, str],
    uniform: Callable[[float, float], float],
) -> float:
    """Return the seconds to wait after the `attempt`th try, counted from 1.

    Full jitter, which is anything from nothing to a limit that doubles with each attempt, so
    that many clients do not come back as one; longer, if the server asks for it. Without an
    answer `status` is None.
    """
    jitter = uniform(0.0, min(pace.cap, pace.base * 2 ** (attempt - 1)))
    return max(jitter, asked_wait(status, headers))


def asked_wait(status: int | None, headers: Mapping[str, str]) -> float:
    """Return the seconds that a reply asks to wait; none, if it says nothing usable."""
    after = retry_after(headers)
    if after is not None:
        return after
    if status != 429 and headers.get("x-ratelimit-remaining", "").strip() != "0":
        return 0.0
    reset = headers.get("x-ratelimit-reset", "").strip()
    if re.fullmatch(r"\d{1,10}", reset, re.ASCII) and int(reset) <= _LONGEST_RESET:
        return float(reset)
    return 0.0


def clock_skew(headers: Mapping[str, str], now: datetime) -> timedelta:
    """Return how far `now` is ahead of the server's clock; nothing, if it does not tell."""
    told = http_date(headers.get("date", ""))
    return timedelta() if told is None else now - told
