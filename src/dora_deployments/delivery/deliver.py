"""What to send to whom: every body built and checked before the first is sent."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dora_deployments.backends import Backend, RecordsPulls
from dora_deployments.catalogue import Topic
from dora_deployments.deployment import Deployment, Request, TouchedServices


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What to send to one backend, or why there is nothing to.

    That is the deployment of one of `services`, under its `id`, or else, without an id, a
    pull request's touching of all of them. `requests` are in sending order, their bytes
    fixed. One that `goes_first` is sent before the others of its backend, which do not
    depend on how it ends. Undelivered, it is saved in a file of that `name`; `saved` is the
    file that it was read from, if an earlier run did so, in that `attempt` of the workflow run
    `run_id`; `superseded` are the files of its earlier attempts and its copies, which are not sent.
    """

    backend: Backend
    services: tuple[str, ...]
    id: str
    name: str
    requests: tuple[Request, ...] = ()
    unsupported: Topic | None = None
    goes_first: bool = False
    saved: Path | None = None
    run_id: str = ""
    attempt: int = 0
    superseded: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedReports:
    """The folder with what was not delivered, and what went wrong with it, in our own words.

    `path` starts in the workspace or is absolute, with forward slashes; it is empty if
    nothing is kept.
    """

    path: str = ""
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a run reports from: the address of GitHub's server, and the run's repository.

    `run_id` and `attempt` are those of the workflow run, as far as they are known.
    """

    server_url: str
    repository: str
    run_id: str = ""
    attempt: int = 0


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
            name=f"pull-request~{touched.pull_id}",  # no deployment has such an id
            requests=backend.touched_requests(touched),
            goes_first=goes_first,
        )
        for backend in backends
        if isinstance(backend, RecordsPulls)
    )


def _prepared(deployment: Deployment, backend: Backend) -> Delivery:
    unsupported = backend.unsupported(deployment)
    return Delivery(
        backend=backend,
        services=(deployment.service.identifier,),
        id=deployment.id,
        name=deployment.id,
        requests=() if unsupported else backend.requests(deployment),
        unsupported=unsupported,
    )
