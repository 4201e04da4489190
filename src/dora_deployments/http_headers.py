"""Times in response headers, from GitHub and the backends alike: dates, and how long to wait."""

import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

from dora_deployments.actions.moments import UTC


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that `Retry-After` asks to wait, None if it says nothing usable.

    `headers` have names in lower case. A date is counted from the server's own clock, if the
    answer tells that. RFC 9110 knows whole seconds and dates; some servers send fractions.
    """
    after = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,10}(\.\d{1,10})?", after, re.ASCII):
        return float(after)
    until = http_date(after)
    if until is None:
        return None
    now = http_date(headers.get("date", "")) or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds())


def http_date(text: str) -> datetime | None:
    """Return the moment that a header tells, None if it tells none."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    # "-0000" gives a moment without a zone, which HTTP does not know.
    return moment if moment.tzinfo is not None else None
