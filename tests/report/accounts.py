"""Accounts of runs, in a few words."""

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from dora_deployments.attribution.resolve import Resolved
from dora_deployments.deployment import Deployment, Fact, Outcome, PullRequest, Service
from tests.builders import deployment

ID = "dora-0123456789abcdef0123456789abcdef01234567"
SHA = "7fd0709f3ed45ac797fbcf901f219c36cfe2b36a"


def fact(value: Any, source: str = "the event") -> Fact[Any]:
    return Fact(value=value, source=source)


def resolved(*deployments: Deployment, **changes: Any) -> Resolved:
    """Return what a run decided; `changes` replace single fields."""
    deployments = deployments or (deployment(),)
    usual = Resolved(
        deployments=deployments,
        repository=fact("acme/shop", "repository.full_name"),
        commit_sha=fact(SHA, "deployment.sha"),
        environment=fact("production", "deployment.environment"),
        services=fact(tuple(each.service for each in deployments), "the repository's name"),
        started_at=fact(
            datetime(2026, 5, 11, 9, 30, 12, tzinfo=timezone.utc), "deployment.created_at"
        ),
        finished_at=fact(
            datetime(2026, 5, 11, 9, 34, 40, tzinfo=timezone.utc), "deployment_status.created_at"
        ),
        success=fact(True, "deployment_status.state"),
        version=None,
        attribution=fact("commit", "the default"),
        pull_requests=(),
        merge_commit_shas=(),
        finished_by_clock=False,
        warnings=(),
    )
    return replace(usual, **changes)


def pull_request(number: int) -> PullRequest:
    return PullRequest(id=number + 1_000, number=number, merge_commit_sha=f"{number:040x}")


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
