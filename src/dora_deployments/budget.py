"""The step's wall clock: nothing may take longer than what is left of it."""

import threading
import time
from collections.abc import Callable, Sequence
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


def side_by_side(
    budget: Budget, works: Sequence[Callable[[], T]], width: int
) -> list[T | Exception]:
    """Return what each of `works` returns or raises, in their order; `TimeoutError` if late.

    Socket time-outs bound single reads, so a server that drips bytes outlasts them. The
    works therefore run in daemon threads, `width` at most, which the end of the process does
    not wait for.
    """
    results: list[T | Exception] = [TimeoutError() for _ in works]
    pending = iter(enumerate(works))
    turn = threading.Lock()

    def run() -> None:
        while budget.left() > 0:
            with turn:
                index, work = next(pending, (-1, None))
            if work is None:
                return
            try:
                results[index] = work()
            except Exception as error:
                results[index] = error

    threads = [threading.Thread(target=run, daemon=True) for _ in range(min(width, len(works)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(budget.left())
    return list(results)
