"""Why it is not certain which deployment came before, in words that people read."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from dora_deployments.attribution.timeline import Uncertainty

_OWN_ENVIRONMENT: Final = (
    "set `previous-sha`, or give each service an environment of its own; a job that only needs the"
    " environment's secrets can use `environment: {name: …, deployment: false}`"
)
_PREVIOUS_SHA: Final = "set `previous-sha` if you know it"
_ACTIONS_READ: Final = "add `actions: read` to the job's `permissions:`, or set `previous-sha`"
# What happened, in words that may name the environment, and what to do.
_WHY_UNCERTAIN: Final[Mapping[Uncertainty, tuple[str, str]]] = MappingProxyType(
    {
        Uncertainty.LIST_CUT: (
            (
                "none of the newest deployments to {environment} that were read has succeeded, and"
                " there are more"
            ),
            _PREVIOUS_SHA,
        ),
        Uncertainty.STATUSES_CUT: (
            (
                "a deployment to {environment} has more statuses than are read, so it is not known"
                " when it succeeded"
            ),
            _PREVIOUS_SHA,
        ),
        Uncertainty.SEVERAL_MAKERS: (
            (
                "several workflows, apps or people deploy to {environment}, and nothing says which"
                " of them deploys this service"
            ),
            _OWN_ENVIRONMENT,
        ),
        Uncertainty.MAKERS_UNREAD: (
            (
                "more than one workflow seems to deploy to {environment}, and GitHub does not say"
                " which of them each run belongs to"
            ),
            _ACTIONS_READ,
        ),
        Uncertainty.PUSHED_WITHOUT_RECORD: (
            (
                "GitHub has no record of this deployment to {environment}, so what was pushed just"
                " before may have been deployed without one too"
            ),
            "report in the job that deploys, give that job the environment, or set `previous-sha`",
        ),
        Uncertainty.NEVER_BY_THIS_MAKER: (
            "only others are known to have deployed to {environment} before",
            _OWN_ENVIRONMENT,
        ),
        Uncertainty.NEWER_THAN_EVENT: (
            "something was deployed to {environment} between this event and its report",
            "report in the job that deploys, or set `previous-sha`",
        ),
        Uncertainty.ROLLED_BACK_BY_OTHER: (
            (
                "another workflow, started by hand, has since deployed to {environment} what was"
                " deployed there before"
            ),
            _OWN_ENVIRONMENT,
        ),
        Uncertainty.SERVICES_DIFFER: (
            "the services of this report were last deployed at different commits",
            "report each service in a step of its own",
        ),
        Uncertainty.ATTEMPT_UNREAD: (
            (
                "this run was repeated, and GitHub does not say when the attempt that deployed"
                " again began"
            ),
            _ACTIONS_READ,
        ),
        Uncertainty.ENVIRONMENT_UNKNOWN: (
            "nothing says by which name GitHub knows {environment}",
            "map that name to it by `environment-map`, or set `previous-sha`",
        ),
        Uncertainty.MAY_BE_THIS_ONE: (
            (
                "GitHub has a record of this very commit in {environment} that names no workflow"
                " run, so it may be of this deployment or of one before"
            ),
            (
                "give the job that deploys the environment, let the record's status have the run's"
                " page as `log_url`, or set `previous-sha`"
            ),
        ),
        Uncertainty.NEVER_DEPLOYED_BEFORE: (
            (
                "the commit is older than what was deployed to {environment} last and was never"
                " deployed there before, so the newer one may be of another workflow or service"
            ),
            (
                "add `actions: read` to the job's `permissions:`, let the tool name the `service`"
                " in the payload of its deployments, or set `previous-sha`"
            ),
        ),
    }
)


def explain(why: Uncertainty, environment: str) -> str:
    """Return what happened and what to do; `environment` is quoted already."""
    happened, fix = _WHY_UNCERTAIN[why]
    return (
        "it is not certain which deployment came before this one, so only the commit is reported:"
        f" {happened.format(environment=environment)}; {fix}"
    )
