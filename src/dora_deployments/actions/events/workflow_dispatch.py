"""A run that a person or program started by `workflow_dispatch`."""

from dataclasses import replace
from typing import Final

from dora_deployments.actions import parse
from dora_deployments.actions.event import Event, Happening, Places
from dora_deployments.actions.text import shown

PLACES: Final = Places(what="a run that somebody started", commit=("inputs.sha",))


def read(event: Event) -> Happening:
    """Return what was deployed: the tip of the ref, unless the run's input `sha` names it."""
    commit = event.github_sha(*PLACES.commit)
    warnings = []
    sha = event.text(*PLACES.commit)
    if sha is not None and event.inputs.commit_sha is None:
        try:
            commit = event.written_sha(parse.commit_sha(sha.value), sha.source)
        except ValueError:
            warnings.append(
                f"the run was started with the input sha {shown(sha.value)}, which is no commit SHA"
                " and was not read; set `commit-sha` to the commit that was deployed"
            )
    environment = event.payload.text("inputs.environment") or "production"
    if environment.lower() != "production" and event.inputs.environment is None:
        # It may mean anything, but mostly it means what it says.
        warnings.append(
            f"the run was started with the input environment {shown(environment)}, which was not"
            " read; set `environment` to where it was deployed"
        )
    return replace(
        event.happening(commit, None),
        is_told_afterwards=sha is not None,
        warnings=tuple(warnings),
    )
