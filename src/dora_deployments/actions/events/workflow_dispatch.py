"""A run that a person or program started by `workflow_dispatch`."""

from dataclasses import replace
from typing import Final

from dora_deployments.actions import parse
from dora_deployments.actions.event import DeploymentEvent, Event, Places, Unresolved
from dora_deployments.actions.text import shown
from dora_deployments.deployment import Fact

PLACES: Final = Places(what="a run that somebody started", commit=("inputs.sha",))


def read(event: Event) -> DeploymentEvent:
    """Return what was deployed: the tip of the ref, unless the run's input `sha` names it.

    A tag that the run is of is the version of its own commit alone.
    """
    commit = event.github_sha(*PLACES.commit)
    version = event.run_tag()
    warnings = []
    sha = event.text(*PLACES.commit)
    if sha is not None and event.inputs.commit_sha is None:
        commit, version = _written(event, sha), None
    environment = event.payload.text("inputs.environment") or "production"
    if environment.lower() != "production" and event.inputs.environment is None:
        # It may mean anything, but mostly it means what it says.
        warnings.append(
            f"the run was started with the input environment {shown(environment)}, which was not"
            " read; set `environment` to where it was deployed"
        )
    return replace(
        event.deployment_event(commit, None),
        version=version,
        is_told_afterwards=sha is not None,
        warnings=tuple(warnings),
    )


def _written(event: Event, sha: Fact[str]) -> Fact[str] | Unresolved:
    """Return the commit that somebody wrote; what is no SHA names one that nobody knows here."""
    try:
        return event.written_sha(parse.commit_sha(sha.value), sha.source)
    except ValueError:
        return Unresolved(
            why=f"the run was started with the input sha {shown(sha.value)}, which is no commit SHA"
        )
