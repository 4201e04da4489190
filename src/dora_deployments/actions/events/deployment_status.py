"""The final status of a GitHub deployment."""

from dataclasses import replace
from typing import Final

from dora_deployments.actions import parse
from dora_deployments.actions.deployments import named_services, run_ids
from dora_deployments.actions.event import (
    DeploymentEvent,
    Event,
    Places,
    Unresolved,
    missing,
    name_of,
)
from dora_deployments.actions.text import has_controls, shown
from dora_deployments.deployment import Fact
from dora_deployments.errors import EventError, Skip

_LOG_URLS: Final = ("deployment_status.log_url", "deployment_status.target_url")

PLACES: Final = Places(
    what="the status of a GitHub deployment",
    state="deployment_status.state",
    final=("success", "failure", "error"),
    commit=("deployment.sha",),
    identity=("deployment.id",),
    environment=(
        "deployment_status.environment",
        "deployment.environment",
        "deployment.original_environment",
    ),
    version=("deployment.ref",),
    started_at=("deployment.created_at",),
    # Not updated_at, which moves when the deployment becomes inactive.
    finished_at=("deployment_status.created_at",),
    source_url=_LOG_URLS,
)


def read(event: Event) -> DeploymentEvent:
    """Return what was deployed, if the status is a final one of a lasting environment.

    A failure is a deployment too, with `success` false. The finish is the status's own time.
    """
    payload = event.payload
    state = event.required(PLACES.state).value
    if state not in PLACES.final:
        raise Skip(
            "state-not-final", f"the deployment's state is {shown(state)}, which is not final"
        )
    if payload.flag("deployment.transient_environment"):
        given = event.inputs.environment
        besides = "" if given is None else f", although `environment` is {shown(given)}"
        raise Skip(
            "transient-environment",
            f"deployment.transient_environment is true: a preview that will be taken down{besides}",
        )
    deployment_id = event.id(*PLACES.identity)
    commit = event.sha(*PLACES.commit) or Unresolved(why=missing(PLACES.commit[0], "a commit SHA"))
    deployment_event = event.deployment_event(
        commit, f"deployment:{deployment_id}" if deployment_id else None
    )
    node_id = payload.text("deployment.node_id")
    deploying = run_ids(payload.text(path) for path in _LOG_URLS)
    return replace(
        deployment_event,
        environment=_environment(event),
        is_production=payload.flag("deployment.production_environment"),
        started_at=event.moment(*PLACES.started_at),
        finished_at=event.moment(*PLACES.finished_at),
        success=Fact(value=state == "success", source=f"{PLACES.state}, which is {state}"),
        version=_deployed_tag(event),
        deployment_ids=frozenset(str(known) for known in (deployment_id, node_id) if known),
        task=payload.text("deployment.task") or "deploy",
        # The other jobs of the run may have deployed as well; the run of this step only reports.
        runs=tuple(map(event.run_attempt, sorted(deploying))),
        reporting_run_ids=frozenset(each.run_id for each in deployment_event.runs) - deploying,
        creator=payload.text("deployment.creator.login") or "",
        named_services=named_services(payload.get("deployment.payload")),
        source_url=_log_url(event),
    )


def _environment(event: Event) -> Fact[str] | None:
    """Return the first environment that is named; an odd name only matters if no input is."""
    name = event.text(*PLACES.environment)
    if name is None or not has_controls(name.value):
        return name
    if event.inputs.environment is not None:
        return None
    raise EventError(
        f"{name.source} has a line break or another control character; set `environment`"
    )


def _deployed_tag(event: Event) -> Fact[str] | None:
    """Return the tag that was deployed; a ref alone does not tell a tag from a branch."""
    ref = event.text(*PLACES.version)
    if ref is None or has_controls(ref.value):
        return None
    if tag := name_of(ref.value, "refs/tags/"):
        return Fact(value=tag, source=f"{ref.source}, a tag")
    if event.run.ref == f"refs/tags/{ref.value}":
        return replace(ref, source=f"{ref.source}, which GITHUB_REF says is a tag")
    return None


def _log_url(event: Event) -> str | None:
    for path in _LOG_URLS:
        url = event.payload.text(path)
        if url and parse.is_web_url(url):
            return url
    return None
