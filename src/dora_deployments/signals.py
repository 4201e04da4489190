"""The runner's cancelling, as an exception."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from dora_deployments.errors import Interrupted

_Handler = Callable[[int, FrameType | None], object] | signal.Handlers | int | None
# The runner ends a step by SIGINT and then SIGTERM; on Windows by Ctrl-C and Ctrl-Break.
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGBREAK", signal.SIGTERM))


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn SIGINT and SIGTERM into `Interrupted`, which as PID 1 Python would not even do.

    One that came before, and was held back, counts. They are ignored from the first one on,
    and in the end, so that a run that is ending anyway can write its outputs.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        del frame
        _set(_ignore)
        raise Interrupted(number)

    try:
        _set(interrupt)
        _let_through()
        yield
    finally:
        _set(_ignore)


@contextmanager
def restored() -> Iterator[None]:
    """Leave the handling of signals as it was."""
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _set(handler: _Handler) -> None:
    for number in _SIGNALS:
        signal.signal(number, handler)


def _ignore(number: int, frame: FrameType | None) -> None:
    """Do nothing. SIG_IGN would make Python warn when two signals arrive together."""
    del number, frame


def _let_through() -> None:
    if hasattr(signal, "pthread_sigmask"):  # Windows has no masks
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
