"""Sends real deliveries, over real sockets and at a fast pace."""

import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from dora_deployments.backends import Backend
from dora_deployments.backends.datadog import Datadog
from dora_deployments.backends.dx import Dx
from dora_deployments.budget import Budget
from dora_deployments.catalogue import Topic
from dora_deployments.delivery import deliver
from dora_deployments.delivery.deliver import Delivery
from dora_deployments.delivery.dispatch import Sender
from dora_deployments.delivery.retry import Pace
from dora_deployments.deployment import Outcome, Service, TouchedServices
from tests.builders import deployment

KEY = "fedcba9876543210fedcba9876543210"
TOKEN = "dx-token-for-tests"
ID = "dora-0123456789abcdef0123456789abcdef01234567"
# The time-outs are beyond what a busy machine takes for an answer.
PACE = Pace(base=0.01, cap=0.02, connect_timeout=20, read_timeout=20)
HASTY = Pace(base=0.01, cap=0.02, connect_timeout=0.3, read_timeout=0.3)
UNCERTAIN = ", so the event may have arrived all the same"
EARLIER = f"; an earlier attempt had no answer{UNCERTAIN}"
TOUCHED = TouchedServices(
    pull_id=3_498_120_117, services=(Service(identifier="shop"), Service(identifier="cart"))
)


def datadog(url: str) -> Datadog:
    return Datadog(url=url, api_key=KEY)


def dx(url: str) -> Dx:
    return Dx(url=f"{url}/api", token=TOKEN)


def started(deliveries: Iterable[Delivery], budget: Budget, pace: Pace | None = PACE) -> Sender:
    """Start to send `deliveries`; wait for none."""
    dispatch = Sender.of(deliveries, pace)
    dispatch.start(budget)
    return dispatch


def dispatched(deliveries: Iterable[Delivery], *, seconds: float = 30, pace: Pace = PACE) -> Sender:
    """Send `deliveries`, and wait for them as long as the budget lasts."""
    budget = Budget.of(seconds)
    dispatch = started(deliveries, budget, pace)
    dispatch.wait(budget)
    return dispatch


def endings(dispatch: Sender, *, first: bool = False) -> tuple[Outcome, ...]:
    """Return how those deliveries ended that went first, or how the others did."""
    return tuple(
        outcome
        for ended in dispatch.ended()
        if ended.delivery.goes_first is first
        for outcome in ended.outcomes
    )


def outcomes(
    backends: Iterable[Backend], *, seconds: float = 30, pace: Pace = PACE
) -> tuple[Outcome, ...]:
    """Send one deployment to all backends at once; return how each one took it."""
    prepared = deliver.prepare([deployment()], backends)
    return endings(dispatched(prepared, seconds=seconds, pace=pace))


def outcome(backend: Backend, *, seconds: float = 30, pace: Pace = PACE) -> Outcome:
    """Send one deployment to one backend."""
    (only,) = outcomes([backend], seconds=seconds, pace=pace)
    return only


def of_datadog(status: str, message: str, topic: Topic | None = None, **known: object) -> Outcome:
    return _outcome("Datadog", status, message, topic, **known)


def of_dx(status: str, message: str, topic: Topic | None = None, **known: object) -> Outcome:
    return _outcome("DX", status, message, topic, **known)


def _outcome(
    backend: str, status: str, message: str, topic: Topic | None, **known: object
) -> Outcome:
    return Outcome(
        backend=backend,
        service="shop",
        id=ID,
        status=status,
        message=message,
        topic=topic,
        **known,
    )


@contextmanager
def closed_port() -> Iterator[str]:
    """Give an address where nothing listens, and where nothing else can begin to."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{nobody.getsockname()[1]}"


@contextmanager
def dying() -> Iterator[str]:
    """Give an address that takes one request whole, never answers, and refuses all others."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)

        def take() -> None:
            connection, _ = listener.accept()
            with connection:
                while not connection.recv(65_536).endswith(b"}"):
                    pass
                # From here on nothing listens; a socket that is bound keeps others away.
                listener.shutdown(socket.SHUT_RDWR)
                connection.recv(1)  # until the client leaves

        thread = threading.Thread(target=take)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


@contextmanager
def black_hole() -> Iterator[str]:
    """Give an address that answers no attempt to connect, since its queue is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(8)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            for client in waiting:
                client.close()
