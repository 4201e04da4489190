"""The DORA backends, each a pure translation to and from HTTP."""

from collections.abc import Callable
from typing import Final, Protocol

from dora_deployments.actions.inputs import Inputs
from dora_deployments.backends import datadog, dx
from dora_deployments.deployment import Deployment, Reply, Request, Verdict


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


# To add one: its module, its schema, its inputs (in `Inputs` and both action.yml), and a
# line in each of these two.
BACKENDS: Final[tuple[Callable[[Inputs], Backend | None], ...]] = (
    datadog.configured,
    dx.configured,
)
SAMPLES: Final[tuple[Callable[[Inputs], Backend], ...]] = (datadog.sample, dx.sample)


def configured(inputs: Inputs) -> tuple[Backend, ...]:
    """Return the backends that `inputs` holds credentials for.

    Raises `ConfigurationError` if one of them is only half configured.
    """
    return tuple(backend for make in BACKENDS if (backend := make(inputs)) is not None)
