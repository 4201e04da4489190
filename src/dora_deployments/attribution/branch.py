"""Whether deployments from a branch are reported."""

from dora_deployments.actions.event import Happening
from dora_deployments.actions.inputs import Inputs
from dora_deployments.actions.text import shown
from dora_deployments.attribution.look_ups import LookUpError, LookUps
from dora_deployments.catalogue import BRANCH_UNKNOWN
from dora_deployments.errors import EventError, Skip


def check(happening: Happening, inputs: Inputs, look_ups: LookUps) -> None:
    """Raise `Skip` for a branch whose deployments are not to be reported.

    Raises `EventError` where nothing tells the default branch and no input names another.
    """
    branch = happening.branch
    if branch is None:
        return
    if inputs.branches is not None:
        if not inputs.branches.matches(branch.value):
            raise Skip(
                "branch-not-deployed",
                f"{branch.source} is {shown(branch.value)}, and `branches` is {inputs.branches}",
            )
        return
    default = happening.default_branch
    if default is None:
        try:
            default = look_ups.default_branch(happening.repository.value)
        except LookUpError as error:
            raise EventError(
                "the payload does not name the default branch (repository.default_branch), and"
                f" {error}; set `branches` to the branches that you deploy from",
                topic=BRANCH_UNKNOWN,
            ) from None
    if branch.value != default:
        raise Skip(
            "branch-not-deployed",
            f"{branch.source} is {shown(branch.value)}, not the default branch {shown(default)};"
            " set `branches` to report other branches",
        )
