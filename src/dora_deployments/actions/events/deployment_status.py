"""The final status of a GitHub deployment."""

from dataclasses import replace
from typing import Final

from dora_deployments.actions import parse
from dora_deployments.actions.event import Event, Happening, Unresolved, missing, name_of
from dora_deployments.actions.run import RUN_URL
from dora_deployments.actions.text import has_controls, shown
from dora_deployments.deployment import Fact
from dora_deployments.errors import EventError, Skip

_ENVIRONMENTS: Final = (
    "deployment_status.environment",
    "deployment.environment",
    "deployment.original_environment",
)

_LOG_URLS: Final = ("deployment_status.log_url", "deployment_status.target_url")


def read(event: Event) -> Happening:
    """Return what was deployed, if the status is a final one of a lasting environment.

    A failure is a deployment too, with `success` false. The finish is the status's own time.
    """
    payload = event.payload
    state = event.required("deployment_status.state")
    if state not in {"success", "failure", "error"}:
        raise Skip(
            "state-not-final", f"the deployment's state is {shown(state)}, which is not final"
        )
    if payload.flag("deployment.transient_environment"):
        raise Skip(
            "transient-environment",
            "deployment.transient_environment is true: a preview that will be taken down",
        )
    deployment_id = payload.id("deployment.id")
    commit = event.sha("deployment.sha") or Unresolved(
        why=missing("deployment.sha", "a commit SHA")
    )
    happening = event.happening(commit, f"deployment:{deployment_id}" if deployment_id else None)
    node_id = payload.text("deployment.node_id")
    return replace(
        happening,
        environment=_environment(event),
        started_at=event.moment("deployment.created_at"),
        # Not updated_at, which moves when the deployment becomes inactive.
        finished_at=event.moment("deployment_status.created_at"),
        success=Fact(value=state == "success", source=f"deployment_status.state, which is {state}"),
        version=_deployed_tag(event),
        deployment_ids=frozenset(str(known) for known in (deployment_id, node_id) if known),
        task=payload.text("deployment.task") or "deploy",
        run_ids=happening.run_ids | _runs(event),
        source_url=_log_url(event),
    )


def _environment(event: Event) -> Fact[str] | None:
    """Return the first environment that is named; an odd name only matters if no input is."""
    for path in _ENVIRONMENTS:
        name = event.payload.text(path)
        if name is None:
            continue
        if has_controls(name) and event.inputs.environment is not None:
            return None
        if has_controls(name):
            raise EventError(
                f"{path} has a line break or another control character; set `environment`"
            )
        return Fact(value=name, source=path)
    return None


def _deployed_tag(event: Event) -> Fact[str] | None:
    """Return the tag that was deployed; a ref alone does not tell a tag from a branch."""
    ref = event.payload.text("deployment.ref")
    if ref is None or has_controls(ref):
        return None
    if tag := name_of(ref, "refs/tags/"):
        return Fact(value=tag, source="deployment.ref, a tag")
    if event.run.ref == f"refs/tags/{ref}":
        return Fact(value=ref, source="deployment.ref, which GITHUB_REF says is a tag")
    return None


def _runs(event: Event) -> frozenset[str]:
    """Return the workflow run that deployed: its other jobs may have deployed as well."""
    urls = (event.payload.text(path) or "" for path in _LOG_URLS)
    return frozenset(found[1] for url in urls if (found := RUN_URL.search(url)))


def _log_url(event: Event) -> str | None:
    for path in _LOG_URLS:
        url = event.payload.text(path)
        if url and parse.is_web_url(url):
            return url
    return None
