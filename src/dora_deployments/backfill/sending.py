"""Send what waits in the outbox: for each backend one report after the other, at its pace."""

import math
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dora_deployments.backends import Backend
from dora_deployments.backfill.database import StateError
from dora_deployments.backfill.progress import Progress
from dora_deployments.backfill.state import Report, State
from dora_deployments.budget import Budget, in_thread
from dora_deployments.delivery.deliver import Delivery
from dora_deployments.delivery.dispatch import SendTask
from dora_deployments.delivery.retry import Pace
from dora_deployments.deployment import Limits, Outcome

if TYPE_CHECKING:
    from dora_deployments.delivery import session

# An outage of some minutes is waited for, since what is sent after the next ones is out of order.
PACE: Final = Pace(attempts=20, cap=60.0)
LAST_SECONDS: Final = 2.0  # for the request that is on its way when the run is cancelled
_IN_A_ROW: Final = 50  # that are refused, each for itself
# What says of every other request as well that it will be refused.
_FOR_ALL: Final = frozenset({401, 403, 404})


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """What tells the seconds, and waits so many of them, or less if the event is set.

    `wait` returns whether it is.
    """

    now: Callable[[], float] = time.monotonic
    wait: Callable[[threading.Event, float], bool] = threading.Event.wait


_CLOCK: Final = Clock()


def send(
    state: State,
    backends: Sequence[Backend],
    budget: Budget,
    pace: Pace,
    say: Callable[[str], None],
    clock: Clock = _CLOCK,
) -> tuple[str, ...]:
    """Send all that is left in `state`, and record at once how each report ended.

    It returns when nothing is left that a backend may still take, or the budget is over: the
    names of the backends for which it was enough. On the way out, by a signal too, what is on
    its way has two seconds to end. Raises `StateError` if it could not be recorded.
    """
    turn = threading.Lock()

    def say_alone(text: str) -> None:
        with turn:
            say(text)

    senders = [_Sender(state, backend, budget, pace, say_alone, clock) for backend in backends]
    try:
        for sender in senders:
            if not in_thread(sender.work):  # the system has none left, but there is this one
                sender.work()
        for sender in senders:
            budget.wait(sender.done)
    finally:
        last = Budget.of(LAST_SECONDS)
        for sender in senders:
            sender.stopping.set()
        for sender in senders:
            if not last.wait(sender.done):
                sender.leave()
    for sender in senders:
        if sender.error is not None:
            raise sender.error
    return tuple(sender.name for sender in senders if sender.had_time)


class Rhythm:
    """When the next request may go; `limits` are kept evenly, without bursts."""

    def __init__(self, limits: Limits) -> None:
        self._between = 60 / limits.requests_per_minute if limits.requests_per_minute else 0.0
        self._apart = limits.min_spacing_seconds
        self._next = -math.inf
        self._next_of: dict[str, float] = {}

    def wait(self, service: str, now: float) -> float:
        """Return the seconds to wait before a deployment of `service` is sent, as it then is."""
        at = max(now, self._next, self._next_of.get(service, now))
        self._next = at + self._between
        self._next_of[service] = at + self._apart
        return at - now


class _Stopping(BaseException):
    """The run ends. A `BaseException`, since an task takes any other for a bug."""


class _Sender:
    """Sends what one backend is told.

    When it is `done`, `had_time` says that time is not what was lacking, and `error` is what
    broke.
    """

    def __init__(
        self,
        state: State,
        backend: Backend,
        budget: Budget,
        pace: Pace,
        say: Callable[[str], None],
        clock: Clock,
    ) -> None:
        self.done = threading.Event()
        self.stopping = threading.Event()
        self.error: Exception | None = None
        self.had_time = False
        self.name = backend.name
        self._state = state
        self._backend = backend
        self._budget = budget
        self._pace = pace
        self._say = say
        self._clock = clock
        self._on_its_way: tuple[Report, SendTask] | None = None

    def work(self) -> None:
        """Send one report after the other."""
        from dora_deployments.delivery import session

        line = session.Line()
        try:
            self._send(line)
            self.had_time = True
        except _Stopping:
            pass
        except Exception as error:
            self.error = error
        finally:
            self.leave()
            line.close()
            self.done.set()

    def leave(self) -> None:
        """Record how the report stands that was on its way, if it did not end."""
        on_its_way = self._on_its_way  # once, since two threads may leave
        if on_its_way is not None:
            report, task = on_its_way
            with suppress(StateError):  # then it waits as before
                self._state.settle(report, self._backend, task.ended().outcome)

    def _send(self, line: "session.Line") -> None:
        name, now = self.name, self._clock.now
        total = self._state.waiting(self._backend, refused=True)
        progress = Progress(f"{name}: sent", now)
        rhythm = Rhythm(self._backend.limits)
        recorded = in_a_row = 0
        for report in self._state.pending(self._backend):
            self._sleep(rhythm.wait(report.service, now()))
            outcome = self._delivered(report, line)
            recorded += outcome.is_recorded
            in_a_row = 0 if outcome.is_recorded else in_a_row + 1
            if in_a_row == _IN_A_ROW or _is_for_all(report, outcome):
                left = self._state.waiting(self._backend)
                many = f"{in_a_row} in a row" if in_a_row == _IN_A_ROW else "this"
                self._say(
                    f"{name}: stopped, since it did not take {many}: {outcome.message};"
                    f" {left:,} wait for the next run"
                )
                return
            if text := progress.line(recorded, total):
                self._say(text)

    def _delivered(self, report: Report, line: "session.Line") -> Outcome:
        """Send a report until it is answered for good, and record how it ended."""
        delivery = Delivery(
            backend=self._backend,
            services=(report.service,),
            id=report.id,
            name=report.id,
            requests=(report.request,),
        )
        task = SendTask(delivery, sleep=self._sleep, post=line.post)
        self._on_its_way = (report, task)
        task.run(self._budget, self._pace, (), self._budget)
        outcome = task.ended().outcome
        self._state.settle(report, self._backend, outcome)
        self._on_its_way = None
        if outcome.status == "undelivered" and outcome.attempts < self._pace.attempts:
            raise _Stopping  # there was no time to try again
        return outcome

    def _sleep(self, seconds: float) -> None:
        """Wait, unless the run ends before."""
        if seconds >= self._budget.left() or self._clock.wait(self.stopping, seconds):
            raise _Stopping


def _is_for_all(report: Report, outcome: Outcome) -> bool:
    """Return whether to stop trying: it would be refused as well, or too early.

    What has no answer is sent before the next ones, to keep the order of time, unless that was
    tried before: there may be one that a backend can never answer.
    """
    if outcome.status == "undelivered":
        return not report.tried
    status = outcome.http_status
    return outcome.status == "rejected" and (
        status is None or status in _FOR_ALL or 300 <= status < 400
    )
