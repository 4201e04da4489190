"""Send every delivery, side by side, and tell how each one ended."""

import math
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from dora_deployments.actions.moments import UTC
from dora_deployments.backends import Backend, replies
from dora_deployments.budget import Budget, in_thread
from dora_deployments.catalogue import INTERNAL_ERROR, STEP_ENDED, Topic
from dora_deployments.delivery import retry
from dora_deployments.delivery.deliver import Delivery
from dora_deployments.delivery.retry import Pace
from dora_deployments.deployment import Outcome, Reply, Request, Status

Post = Callable[[Request, tuple[float, float], threading.Event], Reply]
_SHORTEST_TIMEOUT: Final = 0.1
# Threads for each backend, so that one that hangs takes none of another's.
_WIDTH: Final = 100
# After so many seconds a delivery that holds its thread is replaced by another one that waits.
_PATIENCE: Final = 2.0
_MAY_HAVE_ARRIVED: Final = "so the event may have arrived all the same"
_EARLIER: Final = f"; an earlier attempt had no answer, {_MAY_HAVE_ARRIVED}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SendResult:
    """How a delivery ended, for each of its services.

    `skew` is how far the clock here was ahead of the backend's, as far as it told.
    """

    delivery: Delivery
    outcomes: tuple[Outcome, ...]
    skew: timedelta = timedelta()

    @property
    def outcome(self) -> Outcome:
        """Return how it ended for the first of its services, which is how for all."""
        return self.outcomes[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Deliveries on their way, once it was started; their endings can be asked for any time."""

    tasks: tuple["SendTask", ...]
    pace: Pace

    @classmethod
    def of(cls, deliveries: Iterable[Delivery], pace: Pace | None = None) -> "Sender":
        """Return a sender of all `deliveries`; none is sent yet."""
        tasks = tuple(SendTask(delivery) for delivery in deliveries)
        return cls(tasks=tasks, pace=pace or Pace())

    def start(self, budget: Budget) -> None:
        """Start to send all at once, in threads.

        One's slowness or failure touches no other. The threads are daemons: neither the one
        that waits nor the end of the process depends on a server that drips byte by byte.
        What goes first is waited for by the others of its backend, for a quarter of the
        budget.
        """
        quarter = budget.capped(budget.left() / 4)
        tasks: dict[Backend, list[SendTask]] = {}
        for task in self.tasks:
            tasks.setdefault(task.delivery.backend, []).append(task)
        for of_backend in tasks.values():
            _start(of_backend, budget, quarter, self.pace)

    def give_up(self, why: str, topic: Topic) -> None:
        """End without sending anything; `why` is the message of every outcome."""
        for task in self.tasks:
            task.give_up(why, topic)

    def wait(self, budget: Budget) -> None:
        """Return once every delivery has ended, what went first aside, or the budget has."""
        for task in self.tasks:
            if not task.delivery.goes_first:
                budget.wait(task.done)

    def ended(self) -> tuple[SendResult, ...]:
        """Return how each delivery ended; one that has not is `undelivered`."""
        return tuple(task.ended() for task in self.tasks)


def unsupported(deliveries: Iterable[Delivery]) -> tuple[Outcome, ...]:
    """Return the outcomes of those deliveries for which there is nothing to send."""
    return tuple(
        outcome
        for delivery in deliveries
        if delivery.unsupported is not None
        for outcome in SendTask(delivery).ended().outcomes
    )


def _start(tasks: list["SendTask"], budget: Budget, quarter: Budget, pace: Pace) -> None:
    """Start to send what one backend is sent, in the order of `tasks`.

    So many at the same time, but those that stall keep no other from being tried.
    """
    first = [task for task in tasks if task.delivery.goes_first]
    pending = deque(tasks)
    all_begun = threading.Event()

    def work() -> None:
        while budget.left():  # what is not sent by then is saved, and so must not go out
            try:
                task = pending.popleft()
            except IndexError:  # another thread may have had the last one
                all_begun.set()
                return
            task.run(budget, pace, first, quarter)

    # If the system has no more threads, those that there are do the work.
    threads = sum(in_thread(work) for _ in range(min(_WIDTH, len(tasks))))
    if len(tasks) > threads > 0:
        in_thread(partial(_relieve, tasks, all_begun, budget, work))
    if not threads:
        for task in tasks:
            task.give_up("not sent, since the system had no thread left to do it", STEP_ENDED)


def _relieve(
    tasks: Collection["SendTask"],
    all_begun: threading.Event,
    budget: Budget,
    work: Callable[[], None],
) -> None:
    """Start a thread for each of `tasks` that stalls, until all of them have begun.

    It looks when the next one that is on its way stalls; one that begins later stalls later.
    """
    more = 0
    until_next = _PATIENCE
    while not all_begun.wait(min(until_next, budget.left())) and budget.left():
        waits = [seconds for task in tasks if (seconds := task.stalls_in()) is not None]
        for _ in range(sum(not seconds for seconds in waits) - more):
            more += in_thread(work)
        until_next = min(filter(None, waits), default=_PATIENCE)


@dataclass(slots=True)
class SendTask:
    """A delivery on its way: written by its thread alone, read by the one that waits.

    `sleep` waits between two attempts. `post` makes each of them; by default they have nothing
    in common, so that none is lost on a connection that the server is about to close.
    `begun` is when, by the monotonic clock, it was on its way. `connecting` is set while an
    attempt makes its connection; `ambiguous` says that an earlier one of the same request may
    have arrived, which every ending but a recorded one says too.
    """

    delivery: Delivery
    sleep: Callable[[float], object] = time.sleep
    post: Post | None = None
    begun: float | None = None
    attempts: int = 0
    http_status: int | None = None
    # How the last attempt ended, while the next one is waited for.
    last: Outcome | None = None
    outcome: Outcome | None = None
    skew: timedelta = timedelta()
    connecting: threading.Event = field(default_factory=threading.Event)
    ambiguous: bool = False
    done: threading.Event = field(default_factory=threading.Event)

    def run(self, budget: Budget, pace: Pace, first: Iterable["SendTask"], quarter: Budget) -> None:
        """Deliver: at once if this goes first, else when those that do have ended."""
        self.begun = time.monotonic()
        try:
            if self.delivery.goes_first:
                budget = quarter
            else:
                for task in first:
                    quarter.wait(task.done)
            self.outcome = self._deliver(budget, pace)
        except Exception as error:
            bug = f"a bug of this action stopped the delivery: {type(error).__name__}"
            self.give_up(f"{bug}{self._earlier_doubt()}", INTERNAL_ERROR)
        self.done.set()

    def stalls_in(self) -> float | None:
        """Return the seconds until this has been on its way for long; None unless it is."""
        if self.begun is None or self.done.is_set():
            return None
        return max(0.0, self.begun + _PATIENCE - time.monotonic())

    def give_up(self, why: str, topic: Topic) -> None:
        """End without an answer, if there is anything to send at all."""
        if self.delivery.unsupported is None:
            self.outcome = self._ended("undelivered", why, topic)
        self.done.set()

    def ended(self) -> SendResult:
        """Return how it ended, also if it was not waited for any longer."""
        outcome = self.outcome or self._unfinished()
        services = self.delivery.services
        return SendResult(
            delivery=self.delivery,
            outcomes=tuple(replace(outcome, service=service) for service in services),
            skew=self.skew,
        )

    def _unfinished(self) -> Outcome:
        unsupported = self.delivery.unsupported
        if unsupported is not None:
            return self._ended("skipped", unsupported.sentence, unsupported)
        if not self.attempts:
            return self._ended("undelivered", "not sent before the step had to end", STEP_ENDED)
        last = self.last
        if last is not None:
            return replace(
                last, message=f"{last.message}; not tried again before the step had to end"
            )
        if self.connecting.is_set() and not self.ambiguous:
            why = "no connection could be made before the step had to end"
        else:
            why = f"no answer before the step had to end, {_MAY_HAVE_ARRIVED}"
        return self._ended("undelivered", why, STEP_ENDED)

    def _deliver(self, budget: Budget, pace: Pace) -> Outcome:
        outcome = self._unfinished()
        for request in self.delivery.requests:
            outcome = self._send(request, budget, pace)
            if not outcome.is_recorded:
                break
        return outcome

    def _send(self, request: Request, budget: Budget, pace: Pace) -> Outcome:
        """Send one request until it is answered for good, or no attempt or time is left."""
        attempt = 0
        self.ambiguous = False
        while True:
            attempt += 1
            self.attempts += 1
            self.last = None
            outcome, headers = self._attempt(request, budget, pace)
            if outcome.status != "undelivered" or attempt == pace.attempts:
                return outcome
            uniform = random.SystemRandom().uniform
            seconds = retry.wait(pace, attempt, self.http_status, headers, uniform)
            if seconds >= budget.left():
                return replace(
                    outcome,
                    message=f"{outcome.message}; not tried again, since the wait of"
                    f" {math.ceil(seconds)} s would outlast `timeout`",
                )
            self.last = outcome
            self.sleep(seconds)

    def _attempt(
        self, request: Request, budget: Budget, pace: Pace
    ) -> tuple[Outcome, Mapping[str, str]]:
        """Send one request once; return how it ended and the headers of the answer."""
        from dora_deployments.delivery import session

        self.http_status = None
        self.connecting = threading.Event()  # a late thread may still have that of the last attempt
        left = max(budget.left(), _SHORTEST_TIMEOUT)
        timeout = (min(pace.connect_timeout, left), min(pace.read_timeout, left))
        try:
            reply = (self.post or session.post_alone)(request, timeout, self.connecting)
        except session.TransportError as error:
            doubt = f", {_MAY_HAVE_ARRIVED}" if error.ambiguous else self._earlier_doubt()
            self.ambiguous = self.ambiguous or error.ambiguous
            status: Status = "rejected" if error.permanent else "undelivered"
            message = f"{self.delivery.backend.name}: {error}{doubt}"
            return self._ended(status, message, error.topic), {}
        self.http_status = reply.status
        self.skew = retry.clock_skew(reply.headers, datetime.now(UTC))
        outcome = self._judged(request, reply)
        if outcome.is_missing:
            outcome = replace(outcome, message=f"{outcome.message}{self._earlier_doubt()}")
        return outcome, reply.headers

    def _earlier_doubt(self) -> str:
        """Return the words for an earlier attempt that may have arrived, if there was one."""
        return _EARLIER if self.ambiguous else ""

    def _judged(self, request: Request, reply: Reply) -> Outcome:
        backend = self.delivery.backend
        if retry.is_transient(reply.status):
            topic = retry.topic(reply.status)
            message = f"{backend.name} answered {reply.status}: {topic.means}"
            return self._ended("undelivered", message, topic, replies.excerpt(reply))
        verdict = backend.verdict(request.method, reply)
        status: Status = "undelivered" if verdict.status == "malformed" else verdict.status
        outcome = self._ended(status, verdict.message, verdict.topic, verdict.detail)
        if outcome.is_missing and not verdict.detail:
            return replace(outcome, detail=replies.excerpt(reply))
        return outcome

    def _ended(
        self, status: Status, message: str, topic: Topic | None, detail: str = ""
    ) -> Outcome:
        return Outcome(
            backend=self.delivery.backend.name,
            service=self.delivery.services[0],
            id=self.delivery.id,
            status=status,
            message=message,
            topic=topic,
            detail=detail,
            http_status=self.http_status,
            attempts=self.attempts,
        )
