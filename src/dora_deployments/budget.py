"""The step's wall clock: nothing may take longer than what is left of it."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A moment on the monotonic clock, in seconds, by which work must have ended."""

    deadline: float

    @classmethod
    def of(cls, seconds: float) -> "Budget":
        """Return a budget that ends `seconds` from now."""
        return cls(deadline=time.monotonic() + seconds)

    def left(self) -> float:
        """Return the seconds that are left, never below zero."""
        return max(0.0, self.deadline - time.monotonic())

    def capped(self, seconds: float) -> "Budget":
        """Return a budget that ends with this one, or `seconds` from now if that is sooner."""
        return Budget(deadline=min(self.deadline, time.monotonic() + seconds))


def within(budget: Budget, work: Callable[[], T]) -> T:
    """Return what `work` returns or raise what it raises; `TimeoutError` once time is up.

    Socket time-outs bound single reads, so a server that drips bytes outlasts them. The
    work therefore runs in a daemon thread, which the end of the process does not wait for.
    """
    result: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            result.append(work())
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(budget.left())
    if failure:
        raise failure[0]
    if not result:
        raise TimeoutError
    return result[0]
