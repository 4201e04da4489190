"""Whether deployments from a branch are reported."""

from dataclasses import replace
from typing import Protocol

from dora_deployments.actions.event import DeploymentEvent
from dora_deployments.actions.inputs import Inputs
from dora_deployments.actions.text import has_controls, shown
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.catalogue import BRANCH_UNKNOWN
from dora_deployments.deployment import Fact
from dora_deployments.errors import EventError, Skip


class RefLookUps(Protocol):
    """What GitHub's API is asked about branches and tags; every answer may be a `LookUpError`."""

    def default_branch(self, repository: str) -> str:
        """Return the name of the repository's default branch."""

    def tag_commit(self, repository: str, tag: str) -> str:
        """Return the SHA of the commit that a tag points to."""


def check(
    deployment_event: DeploymentEvent, inputs: Inputs, look_ups: RefLookUps
) -> tuple[DeploymentEvent, tuple[str, ...]]:
    """Raise `Skip` for a branch whose deployments are not to be reported.

    Returns `deployment_event`, whose branch may turn out to be a tag and so the version, with
    warnings. A tag is reported unless `branches` says otherwise. Raises `EventError` if the default
    branch is unknown and no input names another.
    """
    branch = deployment_event.branch
    if branch is None:
        return deployment_event, ()
    if inputs.branches is not None:
        if not inputs.branches.matches(branch.value):
            raise Skip(
                "branch-not-deployed", f"{_said(branch)}, and `branches` is {inputs.branches}"
            )
        if not branch.value:
            return replace(deployment_event, branch=None), ()
        if inputs.version is not None or branch.value == deployment_event.default_branch:
            return deployment_event, ()
        tag, doubt = _tag(deployment_event, branch, look_ups)
        return _of_tag(deployment_event, inputs, tag), _warnings(doubt)
    if not branch.value:
        raise Skip(
            "branch-not-deployed",
            f"{_said(branch)}, as of a deployment that was made of a SHA",
            "set `branches` to '**' to report those as well",
        )
    default = _default_branch(deployment_event, look_ups)
    if branch.value == default:
        return deployment_event, ()
    tag, doubt = _tag(deployment_event, branch, look_ups)
    if tag is None:
        because = f" (it may be a tag: {doubt})" if doubt else ""
        raise Skip(
            "branch-not-deployed",
            f"{_said(branch)}, not the default branch {shown(default)}{because}",
            "set `branches` to report other branches",
            # A due report may be lost here. An empty token means that look-ups are not wanted.
            warn=bool(doubt) and inputs.github_token is not None,
        )
    return _of_tag(deployment_event, inputs, tag), ()


def _said(branch: Fact[str]) -> str:
    named = f"is {shown(branch.value)}" if branch.value else "names no branch"
    return f"{branch.source} {named}"


def _default_branch(deployment_event: DeploymentEvent, look_ups: RefLookUps) -> str:
    if deployment_event.default_branch is not None:
        return deployment_event.default_branch
    try:
        return look_ups.default_branch(deployment_event.repository.value)
    except LookUpError as error:
        raise EventError(
            "the payload does not name the default branch (repository.default_branch), and"
            f" {error}; set `branches` to the branches that you deploy from",
            topic=BRANCH_UNKNOWN,
        ) from None


def _tag(
    deployment_event: DeploymentEvent, branch: Fact[str], look_ups: RefLookUps
) -> tuple[Fact[str] | None, str]:
    """Return the tag that is named where branches are, or why it is not known whether it is one.

    It is one if the tag of that name is of the event's commit: a branch may have the same name.
    """
    if deployment_event.branch_kind == "branch" or has_controls(branch.value):
        return None, ""
    if deployment_event.branch_kind == "tag":
        return Fact(value=branch.value, source=f"{branch.source}, a tag"), ""
    try:
        commit = look_ups.tag_commit(deployment_event.repository.value, branch.value)
    except LookUpError as error:
        return None, "" if error.absent else str(error)
    told = deployment_event.commit_sha
    if not isinstance(told, Fact) or told.value != commit:
        return None, "there is a tag of that name, which is of another commit"
    return Fact(value=branch.value, source=f"{branch.source}, a tag by GitHub's API"), ""


def _of_tag(
    deployment_event: DeploymentEvent, inputs: Inputs, tag: Fact[str] | None
) -> DeploymentEvent:
    """Return what was deployed of a tag, which is the version of its own commit alone."""
    if tag is None:
        return deployment_event
    told = deployment_event.commit_sha
    is_its_commit = inputs.deploys(told.value if isinstance(told, Fact) else None)
    return replace(deployment_event, branch=None, version=tag if is_its_commit else None)


def _warnings(doubt: str) -> tuple[str, ...]:
    if not doubt:
        return ()
    return (f"no version is sent, since the branch may be a tag ({doubt}); set `version`",)
