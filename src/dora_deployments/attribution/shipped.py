"""What a deployment ships: the changes since the deployment before it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from dora_deployments.actions.event import Happening, Unresolved
from dora_deployments.actions.inputs import Inputs
from dora_deployments.attribution.look_ups import LookUps
from dora_deployments.deployment import Fact, PullRequest

if TYPE_CHECKING:
    from dora_deployments.actions.config import Config, MappedService
    from dora_deployments.attribution.answers import PullDetail
    from dora_deployments.attribution.ranges import Range
    from dora_deployments.attribution.timeline import Uncertainty


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whose changes are asked for: a commit in an environment.

    `own` says whether the repository that is reported is the event's own. `environment` is the
    name that is reported. `run_commit` is the commit of the run that deployed, None if there is
    no run.
    """

    happening: Happening
    inputs: Inputs
    repository: str
    own: bool
    commit_sha: Fact[str]
    environment: str
    success: bool = True
    config: "Config | None" = None
    run_commit: str | None = None

    @property
    def is_events(self) -> bool:
        """Whether the commit is the event's own, so that what the event says of it holds."""
        return self.own and self.inputs.commit_sha is None

    @property
    def environment_owner(self) -> "MappedService | None":
        """The service that the configuration gives the event's environment to, if it does."""
        if self.config is None or self.happening.environment is None:
            return None
        return self.config.service_of(self.happening.environment.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """What is known of a deployment's changes.

    `previous` is the commit before it; `was_deployed` says that it was deployed here, and
    not merely pointed to by a branch, tag or release. `range` is what came since then.
    `is_first` means that GitHub was asked and shows no earlier deployment, and `uncertainty`
    why nobody can be certain which it was. `attempt` is the attempt of the run that deployed
    again, 1 if none did. `merged` is the pull request whose merge is the event. `pulls` are the
    shipped ones; `details` is what those of the range are made of, None if nobody asked.
    """

    previous: Fact[str] | None = None
    was_deployed: bool = False
    is_first: bool = False
    uncertainty: "Uncertainty | None" = None
    attempt: int = 1
    range: "Range | None" = None
    merged: PullRequest | None = None
    pulls: tuple[PullRequest, ...] = ()
    details: "Mapping[int, PullDetail] | None" = None
    committed_at: datetime | None = None
    warnings: tuple[str, ...] = ()

    @property
    def is_rollback(self) -> bool:
        """Whether an ancestor of the commit deployed before is deployed again."""
        return self.was_deployed and self.range is not None and self.range.relation == "behind"

    @property
    def is_redeployment(self) -> bool:
        """Whether the very commit deployed before is deployed again."""
        return self.was_deployed and self.range is not None and self.range.relation == "identical"

    @property
    def is_exact(self) -> bool:
        """Whether the range is from one deployment to the next, and nothing in it unknown."""
        return self.was_deployed and self.range is not None and self.range.missing is None


def shipped(subject: Subject, look_ups: LookUps) -> Shipped:
    """Return what is shipped, as far as it is known.

    The merge of a pull request ships that pull request, and nothing is looked up for it
    unless `previous-sha` says since when.
    """
    merged = _merged(subject)
    is_asked = subject.inputs.previous_sha is not None and subject.inputs.mode == "deployment"
    if subject.happening.pull_number is not None and not is_asked:
        return Shipped(merged=merged, pulls=counted(subject, () if merged is None else (merged,)))
    from dora_deployments.attribution.since import since_the_last

    return since_the_last(subject, merged, look_ups)


def _merged(subject: Subject) -> PullRequest | None:
    """Return the pull request whose merge is the event, if its merge commit is known."""
    happening, landed = subject.happening, subject.happening.commit_sha
    if happening.pull_number is None or not subject.own:
        return None
    if isinstance(landed, Unresolved):
        if subject.inputs.commit_sha is not None:
            return None
        landed = subject.commit_sha
    return PullRequest(
        number=happening.pull_number,
        merge_commit_sha=landed.value,
        base=happening.branch.value if happening.branch else None,
        title=happening.pull_title,
        merged_at=happening.started_at.value if happening.started_at else None,
    )


def counted(subject: Subject, landed: tuple[PullRequest, ...]) -> tuple[PullRequest, ...]:
    """Return the pull requests that count as shipped under the inputs.

    A deployment that failed ships none: its changes belong to the next one that succeeds.
    """
    if not subject.success:
        return ()
    branch, by_hand = subject.inputs.integration_branch, subject.inputs.merge_commit_shas
    return tuple(
        pull
        for pull in landed
        if (branch is None or pull.base == branch)
        and (not by_hand or pull.merge_commit_sha.startswith(by_hand))
    )
