"""Send every deployment to every backend, side by side, and tell how each one ended."""

import math
import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from dora_deployments.backends import Backend, RecordsPulls, replies
from dora_deployments.budget import Budget
from dora_deployments.delivery import retry, session
from dora_deployments.delivery.retry import Pace
from dora_deployments.deployment import (
    Deployment,
    Outcome,
    Reply,
    Request,
    Status,
    TouchedServices,
    Verdict,
)

_SHORTEST_TIMEOUT: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What to send to one backend, or why there is nothing to.

    That is the deployment of one of `services`, under its `id`, or else, without an id, a
    pull request's touching of all of them. `requests` are in sending order, their bytes
    fixed; `verdict` judges the answers. One that `goes_first` is sent before the others of
    its backend, which do not depend on how it ends.
    """

    backend: Backend
    services: tuple[str, ...]
    id: str
    verdict: Callable[[Reply], Verdict]
    requests: tuple[Request, ...] = ()
    unsupported: str | None = None
    goes_first: bool = False


def prepare(deployments: Iterable[Deployment], backends: Iterable[Backend]) -> tuple[Delivery, ...]:
    """Return a delivery for each deployment and backend, every body built and checked.

    Raises `InputError` if one body breaks its vendor's rules: then none is sent.
    """
    backends = tuple(backends)
    return tuple(
        _prepared(deployment, backend) for deployment in deployments for backend in backends
    )


def prepare_touched(
    touched: TouchedServices, backends: Iterable[Backend], *, goes_first: bool
) -> tuple[Delivery, ...]:
    """Return a delivery for each backend that records which services a pull request touches."""
    return tuple(
        Delivery(
            backend=backend,
            services=tuple(service.identifier for service in touched.services),
            id="",
            verdict=backend.touched_verdict,
            requests=backend.touched_requests(touched),
            goes_first=goes_first,
        )
        for backend in backends
        if isinstance(backend, RecordsPulls)
    )


def unsupported(deliveries: Iterable[Delivery]) -> tuple[Outcome, ...]:
    """Return the outcomes of those deliveries for which there is nothing to send."""
    return tuple(
        outcome
        for delivery in deliveries
        if delivery.unsupported is not None
        for outcome in _Errand(delivery).outcomes()
    )


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Deliveries on their way."""

    errands: tuple["_Errand", ...]

    def wait(self, budget: Budget) -> None:
        """Return once every delivery has ended, what went first aside, or the budget has."""
        for errand in self.errands:
            if not errand.delivery.goes_first:
                errand.done.wait(budget.left())

    def outcomes(self, *, of_first: bool = False) -> tuple[Outcome, ...]:
        """Return how each delivery ended, or only each that went first.

        One that has not ended is `undelivered`.
        """
        return tuple(
            outcome
            for errand in self.errands
            if errand.delivery.goes_first is of_first
            for outcome in errand.outcomes()
        )


def dispatch(deliveries: Iterable[Delivery], budget: Budget, pace: Pace | None = None) -> Dispatch:
    """Start to send all of `deliveries` at once, each in a thread of its own.

    One's slowness or failure touches no other. The threads are daemons: neither the one
    that waits nor the end of the process depends on a server that drips byte by byte. What
    goes first is waited for by the others of its backend, for a quarter of the budget.
    """
    quarter = budget.capped(budget.left() / 4)
    errands = tuple(_Errand(delivery) for delivery in deliveries)
    for errand in errands:
        arguments = (quarter if errand.delivery.goes_first else budget, pace or Pace())
        before = [other for other in errands if errand.follows(other)]
        threading.Thread(target=errand.run, args=(*arguments, before, quarter), daemon=True).start()
    return Dispatch(errands)


def _prepared(deployment: Deployment, backend: Backend) -> Delivery:
    unsupported = backend.unsupported(deployment)
    return Delivery(
        backend=backend,
        services=(deployment.service.identifier,),
        id=deployment.id,
        verdict=backend.verdict,
        requests=() if unsupported else backend.requests(deployment),
        unsupported=unsupported,
    )


@dataclass(slots=True)
class _Errand:
    """A delivery on its way: written by its thread alone, read by the one that waits."""

    delivery: Delivery
    attempts: int = 0
    http_status: int | None = None
    outcome: Outcome | None = None
    done: threading.Event = field(default_factory=threading.Event)

    def follows(self, other: "_Errand") -> bool:
        """Return whether `other` is to be sent before this one."""
        is_same = other.delivery.backend is self.delivery.backend
        return is_same and other.delivery.goes_first and not self.delivery.goes_first

    def run(
        self, budget: Budget, pace: Pace, before: Iterable["_Errand"], patience: Budget
    ) -> None:
        """Deliver, once those `before` have ended or `patience` has."""
        try:
            for errand in before:
                errand.done.wait(patience.left())
            self.outcome = self._deliver(budget, pace)
        except Exception as error:
            self.outcome = self._ended(
                "undelivered",
                f"a bug of this action stopped the delivery: {type(error).__name__}",
            )
        self.done.set()

    def outcomes(self) -> tuple[Outcome, ...]:
        """Return the outcome for each service, also if it was not waited for any longer."""
        outcome = self.outcome
        if self.delivery.unsupported is not None:
            outcome = self._ended("skipped", self.delivery.unsupported)
        if outcome is None:
            outcome = self._ended(
                "undelivered",
                "no answer before the step had to end, so the event may have arrived all the same",
            )
        return tuple(replace(outcome, service=service) for service in self.delivery.services)

    def _deliver(self, budget: Budget, pace: Pace) -> Outcome:
        outcome = self._ended("skipped", "there is nothing to send")
        for request in self.delivery.requests:
            outcome = self._send(request, budget, pace)
            if outcome.status not in {"delivered", "duplicate"}:
                break
        return outcome

    def _send(self, request: Request, budget: Budget, pace: Pace) -> Outcome:
        """Send one request until it is answered for good, or no attempt or time is left."""
        attempt = 0
        while True:
            attempt += 1
            self.attempts += 1
            outcome, headers = self._attempt(request, budget, pace)
            if outcome.status != "undelivered" or attempt == pace.attempts:
                return outcome
            seconds = retry.wait(pace, attempt, headers, random.uniform)
            if seconds >= budget.left():
                return replace(
                    outcome,
                    message=f"{outcome.message}; not tried again, since the wait of"
                    f" {math.ceil(seconds)} s would outlast `timeout`",
                )
            time.sleep(seconds)

    def _attempt(
        self, request: Request, budget: Budget, pace: Pace
    ) -> tuple[Outcome, Mapping[str, str]]:
        """Send one request once; return how it ended and the headers of the answer."""
        self.http_status = None
        left = max(budget.left(), _SHORTEST_TIMEOUT)
        timeout = (min(pace.connect_timeout, left), min(pace.read_timeout, left))
        name = self.delivery.backend.name
        try:
            # A session for each attempt: no attempt is lost on a connection that the server
            # is about to close, and none carries the cookies of another.
            with session.Session() as http:
                reply = session.post(http, request, timeout)
        except session.TransportError as error:
            doubt = ", so the event may have arrived all the same" if error.ambiguous else ""
            status: Status = "rejected" if error.permanent else "undelivered"
            return self._ended(status, f"{name}: {error}{doubt}"), {}
        self.http_status = reply.status
        if retry.is_transient(reply.status):
            message = f"{name} answered {reply.status}: {retry.meaning(reply.status)}"
            outcome = self._ended("undelivered", message, replies.excerpt(reply))
            return outcome, reply.headers
        verdict = self.delivery.verdict(reply)
        if verdict.status in {"delivered", "duplicate"}:
            return self._ended(verdict.status, verdict.message, verdict.detail), {}
        status = "rejected" if verdict.status == "rejected" else "undelivered"
        detail = verdict.detail or replies.excerpt(reply)
        return self._ended(status, verdict.message, detail), reply.headers

    def _ended(self, status: Status, message: str, detail: str = "") -> Outcome:
        return Outcome(
            backend=self.delivery.backend.name,
            service=self.delivery.services[0],
            id=self.delivery.id,
            status=status,
            message=message,
            detail=detail,
            http_status=self.http_status,
            attempts=self.attempts,
        )
