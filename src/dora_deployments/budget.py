"""The step's wall clock: nothing may take longer than what is left of it."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

T = TypeVar("T")

# On Windows no signal ends a wait for a lock, so that one is handled between two of them.
_LONGEST_WAIT: Final = 0.5


class NoThreadError(RuntimeError):
    """The system gave no thread, so that a work never ran."""


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

    def wait(self, event: threading.Event) -> bool:
        """Return whether `event` is set, at once when it is, else when nothing is left.

        A signal is handled within half a second, on any system.
        """
        while not event.wait(min(_LONGEST_WAIT, self.left())):
            if not self.left():
                return event.is_set()
        return True


def side_by_side(
    budget: Budget, works: Sequence[Callable[[], T]], width: int
) -> list[T | Exception]:
    """Return what each of `works` returns or raises, in their order; `TimeoutError` if late.

    Socket time-outs bound single reads, so a server that drips bytes outlasts them. The
    works therefore run in daemon threads, `width` at most, which the end of the process does
    not wait for. Fewer threads do if the system gives no more; without any, every work has a
    `NoThreadError`.
    """
    results: list[T | Exception] = [TimeoutError() for _ in works]
    pending = iter(enumerate(works))
    turn = threading.Lock()

    def run(ended: threading.Event) -> None:
        while budget.left() > 0:
            with turn:
                index, work = next(pending, (-1, None))
            if work is None:
                break
            try:
                results[index] = work()
            except Exception as error:
                results[index] = error
        ended.set()

    running: list[threading.Event] = []
    for _ in range(min(width, len(works))):
        ended = threading.Event()
        if not in_thread(partial(run, ended)):
            break
        running.append(ended)
    for ended in running:
        budget.wait(ended)
    return list(results) if running else [NoThreadError() for _ in works]


def in_thread(work: Callable[[], None]) -> bool:
    """Return whether the system gave `work` a thread, which the end of the process ends."""
    try:
        threading.Thread(target=work, daemon=True).start()
    except RuntimeError:
        return False
    return True
