"""The deployed commit: from the input, else the event, else GitHub's API."""

from dataclasses import replace

from dora_deployments.actions.event import FULL_SHA, DeploymentEvent, Unresolved
from dora_deployments.actions.inputs import Inputs, input_fact
from dora_deployments.attribution.look_ups import LookUpError, LookUps
from dora_deployments.catalogue import COMMIT_UNKNOWN, about_input
from dora_deployments.deployment import Fact
from dora_deployments.errors import EventError, InputError, Skip


def deployed(
    deployment_event: DeploymentEvent, inputs: Inputs, repository: str, look_ups: LookUps
) -> tuple[Fact[str], tuple[str, ...]]:
    """Return the deployed commit, and warnings about the way it was found.

    `repository` is the one that is reported. Raises `InputError` for a short SHA that cannot
    be looked up, `EventError` where neither payload nor API know the commit, and `Skip` where
    nothing confirms that there was a merge.
    """
    if (
        isinstance(deployment_event.commit_sha, Unresolved)
        and deployment_event.commit_sha.is_merge_uncertain
    ):
        landed = _confirmed_merge(
            deployment_event.commit_sha, deployment_event.repository.value, look_ups
        )
        deployment_event = replace(deployment_event, commit_sha=landed)
    if explicit := input_fact(inputs.commit_sha, "commit-sha"):
        if len(explicit.value) >= FULL_SHA:
            return explicit, ()
        try:
            full = look_ups.commit(repository, explicit.value)
        except LookUpError as error:
            problem = (
                f"is the short SHA {explicit.value}, which could not be looked up: {error}; write"
                " all 40 digits"
            )
            raise InputError(about_input("commit-sha", problem)) from None
        return Fact(value=full, source=f"the input `commit-sha`, {explicit.value} in full"), ()
    commit = deployment_event.commit_sha
    if isinstance(commit, Fact):
        return commit, ()
    problem = commit.why
    try:
        found = _looked_up(commit, deployment_event.repository.value, repository, look_ups)
    except LookUpError as error:
        found, problem = None, f"{commit.why}, and {error}"
    if found is not None:
        return Fact(value=found, source=f"GitHub's API, since {commit.why}"), ()
    if commit.fallback is None:
        what_to_do = "set `commit-sha` to the commit that was deployed"
        raise EventError(f"{problem}; {what_to_do}", topic=COMMIT_UNKNOWN)
    warning = (
        f"{problem}; GITHUB_SHA was taken, which for an annotated tag may be the tag object, so"
        " set `commit-sha` to be sure"
    )
    return commit.fallback, (warning,)


def _confirmed_merge(commit: Unresolved, own_repository: str, look_ups: LookUps) -> Fact[str]:
    """Return the commit by which a pull request landed, if GitHub's API says that it did."""
    try:
        found = _looked_up(commit, own_repository, own_repository, look_ups)
        problem = "it does not tell which one"
    except LookUpError as error:
        found, problem = None, str(error)
    if found is None:
        raise Skip(
            "pull-request-not-merged",
            f"it is not known whether the pull request was merged: {commit.why}, and {problem}",
            "if it was, run this job again once that can be looked up",
            warn=True,
        )
    return Fact(value=found, source=f"GitHub's API, since {commit.why}")


def _looked_up(
    commit: Unresolved, own_repository: str, repository: str, look_ups: LookUps
) -> str | None:
    """Return what GitHub's API says of a commit that the payload does not hold.

    Tags and pull requests are the event's own; a SHA that somebody wrote is one of the
    repository that is reported.
    """
    if commit.abbreviated is not None:
        return look_ups.commit(repository, commit.abbreviated)
    if commit.pull_request is not None:
        return look_ups.merge_commit(own_repository, commit.pull_request)
    if commit.tag_object is not None:
        return look_ups.peeled(own_repository, commit.tag_object)
    if commit.tag is not None:
        return look_ups.tag_commit(own_repository, commit.tag)
    return None
