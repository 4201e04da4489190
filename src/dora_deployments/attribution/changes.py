"""Which changes a deployment carries, and by what DX is told of them."""

from dora_deployments.actions.event import Happening, Unresolved
from dora_deployments.actions.inputs import Inputs
from dora_deployments.deployment import Attribution, Fact, PullRequest


def pull_requests(
    happening: Happening, inputs: Inputs, commit_sha: Fact[str], *, own: bool
) -> tuple[PullRequest, ...]:
    """Return the pull request whose merge is the event, if its merge commit is known.

    `own` says whether the repository that is reported is the event's own.
    """
    number, landed = happening.pull_number, happening.commit_sha
    if number is None or not own:
        return ()
    if isinstance(landed, Unresolved):
        if inputs.commit_sha is not None:
            return ()
        landed = commit_sha
    return (PullRequest(id=happening.pull_id, number=number, merge_commit_sha=landed.value),)


def attribution(inputs: Inputs, merge_commit_shas: tuple[str, ...]) -> Fact[Attribution]:
    """Return by what DX shall find the changes; it fills gaps itself when given a commit."""
    choice = inputs.attribution
    if choice == "repository":
        return Fact(value="repository", source="the input `attribution`")
    if choice == "commit":
        return Fact(value="commit", source="the input `attribution`")
    if inputs.merge_commit_shas:
        return Fact(value="pull-requests", source="the input `merge-commit-shas`")
    if choice == "pull-requests" and merge_commit_shas:
        return Fact(value="pull-requests", source="the input `attribution`")
    if choice == "pull-requests":
        return Fact(value="commit", source="the default, since no merged pull request is known")
    return Fact(value="commit", source="the default, by which DX fills gaps itself")


def unsent(inputs: Inputs, decided: Fact[Attribution]) -> tuple[str, ...]:
    """Return warnings about inputs that the attribution leaves no place for."""
    warnings = []
    if inputs.attribution == "pull-requests" and decided.value == "commit":
        warnings.append(
            "`attribution` is pull-requests, but no merged pull request is known, so DX is given"
            " the commit; set `merge-commit-shas`, or leave `attribution` out"
        )
    if inputs.merge_commit_shas and decided.value != "pull-requests":
        warnings.append(f"`merge-commit-shas` are not sent, since `attribution` is {decided.value}")
    if inputs.integration_branch and decided.value != "commit":
        warnings.append(
            "`integration-branch` is not sent: DX takes it only together with one commit"
        )
    return tuple(warnings)
