"""The DORA backends, each a pure translation to and from HTTP."""

from typing import Final, Protocol, runtime_checkable

from dora_deployments.actions.inputs import Inputs
from dora_deployments.backends import datadog, dx
from dora_deployments.deployment import Deployment, Reply, Request, TouchedServices, Verdict


class Backend(Protocol):
    """Something that records deployments."""

    @property
    def name(self) -> str:
        """Return the name to show people; outputs have it in lower case."""

    @property
    def url(self) -> str:
        """Return the base URL, which names the host that is given the key."""

    def unsupported(self, deployment: Deployment) -> str | None:
        """Return why the backend cannot be told of `deployment`, if it cannot."""

    def requests(self, deployment: Deployment) -> tuple[Request, ...]:
        """Return the requests that record `deployment`, in sending order."""

    def verdict(self, reply: Reply) -> Verdict:
        """Return how the backend took a request."""


@runtime_checkable
class RecordsPulls(Protocol):
    """A backend that also records which services a merged pull request touches."""

    def touched_requests(self, touched: TouchedServices) -> tuple[Request, ...]:
        """Return the requests that record it, in sending order."""

    def touched_verdict(self, reply: Reply) -> Verdict:
        """Return how the backend took such a request."""


class Maker(Protocol):
    """A module of a backend. `OFF` says, in a sentence, when a run has none of it."""

    OFF: str

    def configured(self, inputs: Inputs) -> Backend | None:
        """Return the backend if asked for; `ConfigurationError` if only half of it is."""

    def sample(self, inputs: Inputs) -> Backend:
        """Return the backend without its key, for a dry run."""


# To add one: its module, its schema, its inputs (in `Inputs` and both action.yml), and here.
BACKENDS: Final[tuple[Maker, ...]] = (datadog, dx)


def configured(inputs: Inputs) -> tuple[Backend, ...]:
    """Return the backends that `inputs` holds credentials for.

    Raises `ConfigurationError` if one of them is only half configured.
    """
    found = (maker.configured(inputs) for maker in BACKENDS)
    return tuple(backend for backend in found if backend is not None)


def samples(inputs: Inputs) -> tuple[Backend, ...]:
    """Return every backend without its key, for a dry run that shows all of them."""
    return tuple(maker.sample(inputs) for maker in BACKENDS)


def off(inputs: Inputs) -> tuple[str, ...]:
    """Return a sentence for each backend that `inputs` holds no credentials for."""
    return tuple(maker.OFF for maker in BACKENDS if maker.configured(inputs) is None)
