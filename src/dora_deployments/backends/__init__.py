"""The DORA backends, each a pure translation to and from HTTP."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, Protocol, runtime_checkable

from dora_deployments.actions.inputs import Inputs
from dora_deployments.backends import datadog, dx
from dora_deployments.catalogue import NO_BACKEND, NO_ONE_TO_TELL, Note, Topic
from dora_deployments.deployment import (
    Credential,
    Deployment,
    Limits,
    Reply,
    Request,
    TouchedServices,
    Verdict,
)
from dora_deployments.errors import ConfigurationError, Skip


class Backend(Protocol):
    """Something that records deployments."""

    @property
    def name(self) -> str:
        """Return the name to show people; outputs have it in lower case."""

    @property
    def dora_environment(self) -> str | None:
        """Return the one environment that counts for DORA metrics, if there is but one."""

    @property
    def limits(self) -> Limits:
        """Return how fast it takes deployments."""

    @property
    def url(self) -> str:
        """Return where its methods are: what one address has, another has not."""

    @property
    def credential(self) -> Credential:
        """Return the key, which every request carries and every saved one is signed with."""

    def unsupported(self, deployment: Deployment) -> Topic | None:
        """Return why the backend does not take `deployment`, or None if it does."""

    def requests(self, deployment: Deployment) -> tuple[Request, ...]:
        """Return the requests that record `deployment`, in sending order."""

    def request(self, method: str, body: dict[str, object]) -> Request:
        """Return the request that calls one of the backend's methods: the same bytes each time.

        Raises `InputError` where the backend has no such method, or `body` breaks its rules.
        """

    def verdict(self, method: str, reply: Reply) -> Verdict:
        """Return how the backend took a request for that method."""

    def doubts(self, requests: Sequence[Request], now: datetime | None) -> Iterator[Note]:
        """Yield why requests may not count as they are meant to; `now` if they are sent."""

    def doubt_of_repeat(self, attempt: int) -> Note | None:
        """Return why it is doubtful to send an id again with a later finish, in that attempt."""

    def other_source(self, event: str, deployment: Deployment) -> str | None:
        """Return what else may tell the backend of `deployment`, which no program can see."""


@runtime_checkable
class RecordsPulls(Protocol):
    """A backend that also records which services a merged pull request touches."""

    def touched_requests(self, touched: TouchedServices) -> tuple[Request, ...]:
        """Return the requests that record it, in sending order."""


class BackendFactory(Protocol):
    """A module of a backend. `NOT_CONFIGURED` says, in a sentence, when a run has none of it."""

    NOT_CONFIGURED: str

    def configured(self, inputs: Inputs) -> Backend | None:
        """Return the backend if asked for; `ConfigurationError` if only half of it is."""

    def sample(self, inputs: Inputs) -> Backend:
        """Return the backend without its key, for a dry run."""


# To add one, in five steps: docs/architecture.md.
BACKENDS: Final[tuple[BackendFactory, ...]] = (datadog, dx)


def reported_to(inputs: Inputs, *, from_fork: bool) -> tuple[Backend, ...]:
    """Return the backends to report to; `Skip` or `ConfigurationError` if there are none.

    A dry run without any key has all of them, but for a replay, which only takes what is
    signed with a key. `from_fork` means that GitHub gives the event no secrets.
    """
    if inputs.dry_run and not inputs.has_key and inputs.mode != "replay":
        return samples(inputs)
    if from_fork and not inputs.has_key:
        raise Skip(
            "no-credentials-on-fork",
            "GitHub gives no secrets to pull requests from forks, nor to runs that Dependabot"
            " starts",
            "report such merges by a workflow on `push`, and where Dependabot merges by itself,"
            " store the keys as Dependabot secrets as well",
            warn=True,
        )
    found = configured(inputs)
    if not found:
        raise ConfigurationError(
            "no backend is configured; set `datadog-api-key` for Datadog, or `dx-token` and"
            " `dx-instance` for DX (a secret that does not exist here arrives empty)",
            topic=NO_BACKEND,
        )
    if inputs.mode == "pull-services" and not any(
        isinstance(backend, RecordsPulls) for backend in found
    ):
        raise ConfigurationError(
            "`mode` is pull-services, which only DX supports, and DX is off; set `dx-token` and"
            " `dx-instance`",
            topic=NO_ONE_TO_TELL,
        )
    return found


def configured(inputs: Inputs) -> tuple[Backend, ...]:
    """Return the backends that `inputs` holds credentials for.

    Raises `ConfigurationError` if one of them is only half configured.
    """
    found = (factory.configured(inputs) for factory in BACKENDS)
    return tuple(backend for backend in found if backend is not None)


def samples(inputs: Inputs) -> tuple[Backend, ...]:
    """Return every backend without its key, for a dry run that shows all of them."""
    return tuple(factory.sample(inputs) for factory in BACKENDS)


def off(inputs: Inputs) -> tuple[str, ...]:
    """Return a sentence for each backend that `inputs` holds no credentials for."""
    return tuple(
        factory.NOT_CONFIGURED for factory in BACKENDS if factory.configured(inputs) is None
    )
