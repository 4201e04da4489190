"""The runner's cancelling, as an exception."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from dora_deployments.errors import Interrupted

_Handler = Callable[[int, FrameType | None], object] | signal.Handlers | int | None
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn SIGINT and SIGTERM into `Interrupted`, which as PID 1 Python would not even do.

    They are ignored from the first one on, and in the end, so that a run that is ending
    anyway can write its outputs.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        del frame
        _set(signal.SIG_IGN)
        raise Interrupted(number)

    def _set(handler: _Handler) -> None:
        for number in _SIGNALS:
            signal.signal(number, handler)

    _set(interrupt)
    try:
        yield
    finally:
        _set(signal.SIG_IGN)


@contextmanager
def restored() -> Iterator[None]:
    """Leave the handling of signals as it was."""
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
