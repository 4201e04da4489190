"""Accounts of runs, in a few words."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from dora_deployments.attribution.resolve import Resolved
from dora_deployments.attribution.services import ServiceChanges
from dora_deployments.attribution.shipped import Range, Shipped
from dora_deployments.backfill.state import Tally
from dora_deployments.deployment import Deployment, Fact, Outcome, PullRequest, Service
from tests.builders import deployment

ID = "dora-0123456789abcdef0123456789abcdef01234567"
SHA = "7fd0709f3ed45ac797fbcf901f219c36cfe2b36a"


BASE = "31c49334e066b8cc72f3bacdcbe7c76ff9b5284f"
FINISHED = datetime(2026, 5, 11, 9, 34, 40, tzinfo=timezone.utc)


def fact(value: Any, source: str = "the event") -> Fact[Any]:
    return Fact(value=value, source=source)


def resolved(
    *deployments: Deployment, pulls: tuple[PullRequest, ...] = (), **changes: Any
) -> Resolved:
    """Return what a run decided; `changes` replace single fields.

    Every service carries what is shipped, which are `pulls` if nothing else is said of that.
    """
    deployments = deployments or (deployment(),)
    pulls = changes["shipped"].pulls if "shipped" in changes else pulls
    carried = [
        ServiceChanges(service=each.service, pulls=pulls, is_exact=False) for each in deployments
    ]
    usual = Resolved(
        deployments=deployments,
        repository=fact("acme/shop", "repository.full_name"),
        commit_sha=fact(SHA, "deployment.sha"),
        environment=fact("production", "deployment.environment"),
        repository_url="https://github.com/acme/shop",
        services=fact(tuple(carried), "the repository's name"),
        started_at=fact(
            datetime(2026, 5, 11, 9, 30, 12, tzinfo=timezone.utc), "deployment.created_at"
        ),
        finished_at=fact(FINISHED, "deployment_status.created_at"),
        success=fact(True, "deployment_status.state"),
        version=None,
        attributions=tuple(fact("commit", "the default") for _ in deployments),
        shipped=Shipped(pulls=pulls),
        touched=None,
        pulls=pulls,
        merge_commit_shas=(),
        finished_by_clock=False,
        warnings=(),
    )
    return replace(usual, **changes)


def pull_request(number: int, **changes: Any) -> PullRequest:
    usual = PullRequest(
        number=number,
        merge_commit_sha=f"{number:040x}",
        base="main",
        title=f"Change {number}",
        merged_at=FINISHED - timedelta(hours=number),
    )
    return replace(usual, **changes)


def shipped(
    *pulls: PullRequest, relation: str = "ahead", since: Any = None, **changes: Any
) -> Shipped:
    """Return what came since a deployment; `since` replaces single fields of the range."""
    usual = Range(
        base=BASE,
        head=SHA,
        relation=relation,
        merge_base=BASE,
        commits=3,
        landed=pulls,
        direct=(),
    )
    known = Shipped(
        previous=fact(BASE, "the last successful deployment to 'production' before"),
        was_deployed=True,
        range=replace(usual, **(since or {})),
        pulls=pulls,
    )
    return replace(known, **changes)


def carried(*names: str, pulls: tuple[PullRequest, ...] = (), **changes: Any) -> Fact[Any]:
    """Return services that are mapped by paths, each with these pull requests."""
    usual = [
        ServiceChanges(service=Service(identifier=name), pulls=pulls, is_exact=True, by_path=True)
        for name in names
    ]
    return fact(tuple(replace(each, **changes) for each in usual), "`.github/dora.yml`")


def services(*names: str) -> tuple[Deployment, ...]:
    """Return one deployment for each service of these names."""
    return tuple(
        deployment(service=Service(identifier=name), id=f"id-{number:016}")
        for number, name in enumerate(names)
    )


def outcome(status: str = "delivered", **changes: Any) -> Outcome:
    usual = Outcome(
        backend="Datadog",
        service="shop",
        id=ID,
        status=status,
        message="recorded",
        http_status=200,
        attempts=1,
    )
    return replace(usual, **changes)


def tally(status: str = "delivered", count: int = 12, backend: str = "DX", **changes: Any) -> Tally:
    """Return how many reports of a backfill ended alike; `changes` replace single fields."""
    return Tally(
        **{
            "backend": backend,
            "service": "checkout",
            "status": status,
            "message": "recorded",
            "topic": None,
            "count": count,
            "attempts": count,
            "http_status": 200,
            "detail": "",
            "id": "dora-1",
            **changes,
        }
    )
