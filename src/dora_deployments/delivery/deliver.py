"""Send every deployment to every backend, side by side, and tell how each one ended."""

import math
import random
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from dora_deployments.backends import Backend, replies
from dora_deployments.budget import Budget
from dora_deployments.delivery import retry, session
from dora_deployments.delivery.retry import Pace
from dora_deployments.deployment import Deployment, Outcome, Request, Status

_SHORTEST_TIMEOUT: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One service's deployment for one backend: what to send, or why there is nothing to.

    `requests` are in sending order, their bytes fixed.
    """

    backend: Backend
    deployment: Deployment
    requests: tuple[Request, ...] = ()
    unsupported: str | None = None


def prepare(deployments: Iterable[Deployment], backends: Iterable[Backend]) -> tuple[Delivery, ...]:
    """Return a delivery for each deployment and backend, every body built and checked.

    Raises `InputError` if one body breaks its vendor's rules: then none is sent.
    """
    backends = tuple(backends)
    return tuple(
        _prepared(deployment, backend) for deployment in deployments for backend in backends
    )


def unsupported(deliveries: Iterable[Delivery]) -> tuple[Outcome, ...]:
    """Return the outcomes of those deliveries for which there is nothing to send."""
    return tuple(
        _Errand(delivery).unsupported(delivery.unsupported)
        for delivery in deliveries
        if delivery.unsupported is not None
    )


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Deliveries on their way."""

    errands: tuple["_Errand", ...]

    def wait(self, budget: Budget) -> None:
        """Return once every delivery has ended or the budget has."""
        for errand in self.errands:
            errand.done.wait(budget.left())

    def outcomes(self) -> tuple[Outcome, ...]:
        """Return how each delivery ended; one that has not is `undelivered`."""
        return tuple(errand.outcome or errand.cut_off() for errand in self.errands)


def dispatch(deliveries: Iterable[Delivery], budget: Budget, pace: Pace | None = None) -> Dispatch:
    """Start to send all of `deliveries` at once, each in a thread of its own.

    One's slowness or failure touches no other. The threads are daemons: neither the one
    that waits nor the end of the process depends on a server that drips byte by byte.
    """
    errands = tuple(_Errand(delivery) for delivery in deliveries)
    for errand in errands:
        threading.Thread(target=errand.run, args=(budget, pace or Pace()), daemon=True).start()
    return Dispatch(errands)


def _prepared(deployment: Deployment, backend: Backend) -> Delivery:
    unsupported = backend.unsupported(deployment)
    if unsupported is not None:
        return Delivery(backend=backend, deployment=deployment, unsupported=unsupported)
    return Delivery(backend=backend, deployment=deployment, requests=backend.requests(deployment))


@dataclass(slots=True)
class _Errand:
    """A delivery on its way: written by its thread alone, read by the one that waits."""

    delivery: Delivery
    attempts: int = 0
    http_status: int | None = None
    outcome: Outcome | None = None
    done: threading.Event = field(default_factory=threading.Event)

    def run(self, budget: Budget, pace: Pace) -> None:
        try:
            self.outcome = self._deliver(budget, pace)
        except Exception as error:
            self.outcome = self._ended(
                "undelivered",
                f"a bug of this action stopped the delivery: {type(error).__name__}",
            )
        self.done.set()

    def unsupported(self, why: str) -> Outcome:
        """Return the outcome of a delivery that its backend has no place for."""
        return self._ended("skipped", why)

    def cut_off(self) -> Outcome:
        """Return the outcome of a delivery that was not waited for any longer."""
        return self._ended(
            "undelivered",
            "no answer before the step had to end, so the event may have arrived all the same",
        )

    def _deliver(self, budget: Budget, pace: Pace) -> Outcome:
        if self.delivery.unsupported is not None:
            return self.unsupported(self.delivery.unsupported)
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
        verdict = self.delivery.backend.verdict(reply)
        if verdict.status in {"delivered", "duplicate"}:
            return self._ended(verdict.status, verdict.message, verdict.detail), {}
        status = "rejected" if verdict.status == "rejected" else "undelivered"
        detail = verdict.detail or replies.excerpt(reply)
        return self._ended(status, verdict.message, detail), reply.headers

    def _ended(self, status: Status, message: str, detail: str = "") -> Outcome:
        deployment = self.delivery.deployment
        return Outcome(
            backend=self.delivery.backend.name,
            service=deployment.service.identifier,
            id=deployment.id,
            status=status,
            message=message,
            detail=detail,
            http_status=self.http_status,
            attempts=self.attempts,
        )
