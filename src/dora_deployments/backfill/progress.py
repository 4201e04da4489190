"""How far a long work has come, in a line of the log now and then."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

# Called with how many were read so far, and when the last of them was made, if that is known.
Tell = Callable[[int, datetime | None], None]
_EVERY: Final = 10.0  # seconds


class Progress:
    """Says of some `doing`, such as "DX: sent", how much is done and how long the rest takes.

    `now` is the clock, in seconds.
    """

    def __init__(self, doing: str, now: Callable[[], float] = time.monotonic) -> None:
        self._doing = doing
        self._now = now
        self._start = self._last = now()

    def line(self, done: int, total: int | None = None, remark: str = "") -> str | None:
        """Return what to say, if it is time to say something: every ten seconds.

        `done` counts from the start of this run on, and so does `total`, if it is known.
        """
        now = self._now()
        if now - self._last < _EVERY:
            return None
        self._last = now
        return sentence(self._doing, done, total, remark, now - self._start)


def sentence(doing: str, done: int, total: int | None, remark: str, seconds: float) -> str:
    """Return how far a work has come in so many seconds, which are more than none.

    For example "DX: sent 1,200 of 10,000, 14.9 a second, about 9 min 50 s left".
    """
    of_all = "" if total is None else f" of {total:,}"
    words = f"{doing} {done:,}{of_all}{remark and f' {remark}'}"
    if not done:
        return words
    words += f", {_rate(done / seconds)}"
    if total is not None:
        words += f", about {span(seconds * (total - done) / done)} left"
    return words


def span(seconds: float) -> str:
    """Return a length of time by its two largest units, such as `9 min 50 s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _rate(a_second: float) -> str:
    if a_second >= 0.95:
        return f"{a_second:,.1f} a second"
    a_minute = a_second * 60
    return f"{a_minute:.1f} a minute" if a_minute >= 0.95 else f"{a_minute * 60:.1f} an hour"
