"""What tests start from: inputs, events and deployments in a few words."""

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from dora_deployments import catalogue
from dora_deployments.actions import payload
from dora_deployments.actions.event import Event
from dora_deployments.actions.inputs import Inputs
from dora_deployments.actions.run import Run
from dora_deployments.catalogue import Topic
from dora_deployments.deployment import Deployment, Service
from tests.payloads import PAYLOADS, payload_file  # noqa: F401 - tests take both from here

NOW = datetime(2026, 6, 15, 12, 0, 30, 250_000, tzinfo=timezone.utc)
GITHUB_SHA = "109cf4c2b7a94a9c8a1f1f6f0d0b3b2a5c6d7e8f"
DOCS = "https://github.com/acme/dora-deployments/blob/v1/docs"
# How a line of the log ends that is about a topic, but for the topic itself.
MORE = f"Read more: {DOCS}/troubleshooting.md#"


def topic(slug: str) -> Topic:
    """Return the topic of that slug."""
    topics = [each for each in vars(catalogue).values() if isinstance(each, Topic)]
    return next(each for each in topics if each.slug == slug)


def inputs(**given: str) -> Inputs:
    """Return the inputs that a workflow's `with:` gives; `commit_sha` is `commit-sha`."""
    environ = {f"INPUT_{name.upper().replace('_', '-')}": value for name, value in given.items()}
    return Inputs.from_environ(environ, NOW)


def run(**variables: str) -> Run:
    """Return the run of `GITHUB_*` variables, such as `ref`; absent ones are a usual run's."""
    usual = {
        "repository": "acme/shop",
        "repository_id": "186853261",
        "sha": GITHUB_SHA,
        "ref": "refs/heads/main",
        "server_url": "https://github.com",
        "api_url": "https://api.github.com",
        "run_id": "8412399001",
        "run_attempt": "1",
        "actor": "grace",
    }
    environ = {f"GITHUB_{name.upper()}": value for name, value in {**usual, **variables}.items()}
    return Run.from_environ(environ)


def event(name: str, content: dict[str, Any], *, of: Run | None = None, **given: str) -> Event:
    """Return the event of that name with `content` for its payload, and these inputs."""
    return Event(
        name=name,
        payload=payload.Payload(content),
        run=of or run(),
        inputs=inputs(**given),
        now=NOW,
    )


def deployment(**changes: Any) -> Deployment:
    """Return one service's deployment; `changes` replace single fields."""
    usual = Deployment(
        id="dora-0123456789abcdef0123456789abcdef01234567",
        service=Service(identifier="shop"),
        environment="production",
        repository="acme/shop",
        repository_url="https://github.com/acme/shop",
        commit_sha="7fd0709f3ed45ac797fbcf901f219c36cfe2b36a",
        started_at=datetime(2026, 5, 11, 9, 30, 12, tzinfo=timezone.utc),
        finished_at=datetime(2026, 5, 11, 9, 34, 40, tzinfo=timezone.utc),
        success=True,
        attribution="commit",
        source_url="https://github.com/acme/shop/actions/runs/8412399001",
        source_name="GitHub Actions",
    )
    return replace(usual, **changes)
