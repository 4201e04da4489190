"""How DX finds the changes that a deployment carries."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from dora_deployments.actions.inputs import Inputs
from dora_deployments.attribution.services import ServiceChanges
from dora_deployments.attribution.shipped import Shipped
from dora_deployments.deployment import Attribution, Fact

_UNSENT_OF_FAILED: Final = (
    "`merge-commit-shas` are not sent, since the deployment failed and so shipped none of them"
)


def attribution(
    inputs: Inputs, shipped: Shipped, carried: ServiceChanges, *, success: bool
) -> tuple[Fact[Attribution], tuple[str, ...]]:
    """Return how DX finds the changes of one service, and their merge commits.

    There are merge commits if and only if DX is to find the changes by them. It fills gaps
    itself when it is given a commit. A failed deployment ships nothing, whatever is known.
    """
    choice = inputs.attribution
    if choice in {"repository", "commit"}:
        value: Attribution = "repository" if choice == "repository" else "commit"
        return Fact(value=value, source="the input `attribution`"), ()
    if not success:
        source = "the default, since a failed deployment ships nothing"
        return Fact(value="commit", source=source), ()
    if inputs.merge_commit_shas:
        source = "the input `merge-commit-shas`"
        return Fact(value="pull-requests", source=source), inputs.merge_commit_shas
    # A push may merge several by the same commit.
    merge_commit_shas = tuple(dict.fromkeys(pull.merge_commit_sha for pull in carried.pulls))
    is_whole = shipped.range is None or shipped.range.missing is None
    is_whole = is_whole and shipped.uncertainty is None
    if merge_commit_shas and choice == "pull-requests" and is_whole:
        return Fact(value="pull-requests", source="the input `attribution`"), merge_commit_shas
    if merge_commit_shas and carried.is_exact:
        source = (
            "the changed files" if carried.by_path else "the commits since the previous deployment"
        )
        return Fact(value="pull-requests", source=source), merge_commit_shas
    return Fact(value="commit", source=f"the default, {_why(shipped, carried)}"), ()


def first_commit_at(carried: ServiceChanges) -> datetime | None:
    """Return when the first of a service's changes was begun, if all of them are known."""
    times = [pull.first_commit_at for pull in carried.pulls if carried.is_exact]
    known = [time for time in times if time is not None]
    return min(known) if known and len(known) == len(times) else None


def _why(shipped: Shipped, carried: ServiceChanges) -> str:
    """Return why DX is given the commit, in words that follow a comma."""
    if shipped.is_rollback:
        return "since a rollback ships no pull request"
    if shipped.is_redeployment:
        return "since a redeployment ships no pull request"
    if carried.is_exact:
        return "since none of the pull requests that were merged meanwhile is its own"
    if shipped.uncertainty is not None:
        return "since it is not certain which deployment came before"
    return "by which DX fills gaps itself"


def unsent(
    inputs: Inputs, shipped: Shipped, decided: Collection[Attribution], *, success: bool
) -> tuple[str, ...]:
    """Return warnings about inputs that the attribution of some service has no place for."""
    if not success:
        return (_UNSENT_OF_FAILED,) if inputs.merge_commit_shas else ()
    warnings = []
    again = shipped.is_rollback or shipped.is_redeployment
    if inputs.attribution == "pull-requests" and "commit" in decided and not again:
        warnings.append(
            "`attribution` is pull-requests, but no merged pull request is known to be shipped, so"
            " DX is given the commit; set `merge-commit-shas`, or leave `attribution` out"
        )
    if inputs.merge_commit_shas and "pull-requests" not in decided:
        warnings.append(
            f"`merge-commit-shas` are not sent, since `attribution` is {inputs.attribution}"
        )
    if inputs.integration_branch and (
        inputs.attribution == "repository" or (inputs.merge_commit_shas and "commit" not in decided)
    ):
        warnings.append(
            "`integration-branch` is not sent: DX takes it only together with one commit"
        )
    return tuple(warnings)
