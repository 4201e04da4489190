"""The rate limits of a token, as the answers to all clients tell them."""

import threading
import time
from collections.abc import Mapping
from typing import Final, Literal

from dora_deployments.attribution.look_ups import LookUpError

Kind = Literal["requests", "points for queries"]

# `GITHUB_TOKEN` has a thousand requests and, apart from them, a thousand points an hour for all
# jobs of a repository; the last ones are not for us.
_RESERVE: Final = 20
_LONGEST: Final = 3_600.0  # every limit is one of an hour at most


class Limits:
    """What is left of the requests, and of the points for queries, which are limited apart."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # How many, and until when: Unix seconds.
        self._left: dict[Kind, tuple[int, int]] = {}

    def take(self, kind: Kind) -> None:
        """Count one more request or query; raise `LookUpError` where the rest is for others."""
        with self._lock:
            left, reset = self._left.get(kind, (None, 0))
            if left is None:
                return
            if left >= _RESERVE:
                # Those on their way count before they are answered.
                self._left[kind] = left - 1, reset
                return
        raise LookUpError(
            f"the rate limit of `github-token` leaves {left} {kind}, which are left to others",
            outage=kind == "requests",
            wait=until_reset(reset),
        )

    def note(self, kind: Kind, headers: Mapping[str, str]) -> None:
        """Remember what an answer tells; answers may come in another order than they were made."""
        told = headers.get("x-ratelimit-remaining", ""), headers.get("x-ratelimit-reset", "")
        if not all(is_number(text) for text in told):
            return
        left, reset = map(int, told)
        with self._lock:
            known, until = self._left.get(kind, (left, reset))
            if reset >= until:
                self._left[kind] = (left if reset > until else min(left, known)), reset

    def forget(self) -> None:
        """Forget all limits, when they have been waited for."""
        with self._lock:
            self._left.clear()


def until_reset(moment: int) -> float:
    """Return the seconds until a reset and a little more; clocks may disagree, but not longer."""
    return min(max(0.0, moment - time.time()) + 1.0, _LONGEST)


def is_number(text: str) -> bool:
    """Return whether a header is a whole number that is not absurd."""
    return text.isascii() and text.isdigit() and len(text) <= 10
