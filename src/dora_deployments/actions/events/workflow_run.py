"""A workflow run that another workflow waited for."""

from dataclasses import replace
from typing import Final

from dora_deployments.actions.event import (
    DeploymentEvent,
    Event,
    Places,
    Unresolved,
    missing,
    unreadable,
)
from dora_deployments.actions.text import shown
from dora_deployments.deployment import Fact
from dora_deployments.errors import Skip

PLACES: Final = Places(
    what="a workflow run that has ended",
    state="action",
    final=("completed",),
    commit=("workflow_run.head_sha",),
    identity=("workflow_run.id",),
    branch=("workflow_run.head_branch",),
    started_at=("workflow_run.run_started_at", "workflow_run.created_at"),
    finished_at=("workflow_run.updated_at",),
)

# What starts a run on the commit that it is about. For every other event GitHub runs the default
# branch, whatever the workflow checks out and builds (GitHub documentation, "Events that trigger
# workflows", `GITHUB_SHA`; actions/runner#1628).
_TELLING_TRIGGERS: Final = frozenset(
    {
        "push",
        "schedule",
        "workflow_dispatch",
        "release",
        "deployment",
        "deployment_status",
        "create",
    }
)


def read(event: Event) -> DeploymentEvent:
    """Return what was deployed, if the run has ended well and was of this repository's own.

    The commit is the run's, as far as its trigger says what the run was for; `GITHUB_SHA` is
    the tip of the default branch.
    """
    payload = event.payload
    if not isinstance(payload.get("workflow_run"), dict):
        raise unreadable("workflow_run", "an object")
    action = event.required(PLACES.state).value
    conclusion = payload.text("workflow_run.conclusion")
    if action not in PLACES.final or conclusion is None:
        raise Skip(
            "state-not-final",
            "the workflow run has not ended yet",
            "run this step on `types: [completed]`",
        )
    trigger = payload.text("workflow_run.event")
    if trigger not in _TELLING_TRIGGERS and event.inputs.commit_sha is None:
        raise Skip("event-not-a-deployment", _untold(trigger), "set `commit-sha` to report it")
    head = payload.slug("workflow_run.head_repository.full_name")
    own = payload.slug("repository.full_name") or event.run.repository
    if head is None or own is None or head.lower() != own.lower():
        raise Skip(
            "foreign-repository",
            "the workflow run's commit is from another repository, a fork or a deleted one",
        )
    if conclusion != "success" and event.inputs.success == "auto":
        raise Skip(
            "run-not-successful",
            f"the workflow run ended as {shown(conclusion)}",
            "set `success` to report such runs",
        )
    (path,) = PLACES.branch
    # GitHub has none of a run for a deployment that was made of a SHA.
    branch = event.text(path) or Fact(value="", source=path)
    run_id = event.id(*PLACES.identity)
    commit = event.sha(*PLACES.commit) or Unresolved(why=missing(PLACES.commit[0], "a commit SHA"))
    ended = (event.run_attempt(str(run_id)),) if run_id else ()
    deployment_event = event.deployment_event(commit, f"workflow-run:{run_id}" if run_id else None)
    return replace(
        deployment_event,
        branch=branch,
        # Runs for a tag have its name there, and only a release is always of one.
        branch_kind="tag" if trigger == "release" else "unknown",
        started_at=event.moment(*PLACES.started_at),
        finished_at=event.moment(*PLACES.finished_at),
        success=Fact(
            value=conclusion == "success",
            source=f"workflow_run.conclusion, which is {shown(conclusion)}",
        ),
        runs=(*ended, *deployment_event.runs),
        source_url=f"{event.run.server_url}/{own}/actions/runs/{run_id}" if run_id else None,
    )


def _untold(trigger: str | None) -> str:
    """Return why the run's commit may not be what it deployed."""
    if trigger is None:
        return "the payload does not say what started the workflow run, so its commit may be any"
    if trigger.startswith("pull_request") or trigger == "merge_group":
        return f"the workflow run was for {shown(trigger)}, whose commit is not one that was merged"
    return (
        f"the workflow run was started by {shown(trigger)}, for which GitHub gives the default"
        " branch's tip, whatever the run deployed"
    )
