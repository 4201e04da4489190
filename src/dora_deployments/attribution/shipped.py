"""What a deployment ships, as a value, and what the merge of a pull request ships."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from dora_deployments.actions.event import Unresolved
from dora_deployments.attribution.subject import Subject
from dora_deployments.deployment import Fact, PullRequest

if TYPE_CHECKING:
    from dora_deployments.attribution.answers import PullDetail, Relation
    from dora_deployments.attribution.timeline import Uncertainty


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What `head` has that `base` has not: reachable from the one and not from the other.

    `landed` are the pull requests whose merge commits are in the range, the first merged
    first; `direct` the commits of no such pull request that merge nothing. `missing` says
    what of these could not be found out, and why; without it, they are exact. `is_read` says
    that the pull requests of all commits were looked up, even if not all could be placed.
    `commit_times` has all commits and when they were committed, unless there are too many.
    `merges` are the commits that merge others. `files` are as in `Comparison`.
    """

    base: str
    head: str
    relation: "Relation"
    merge_base: str
    commits: int
    landed: tuple[PullRequest, ...] = ()
    direct: tuple[str, ...] = ()
    committed_at: datetime | None = None
    missing: str | None = None
    is_read: bool = True
    commit_times: Mapping[str, datetime | None] = field(default_factory=dict, compare=False)
    merges: frozenset[str] = field(default=frozenset(), compare=False)
    files: frozenset[str] | None = None


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
    range: Range | None = None
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


def shipped_by_merge(subject: Subject) -> Shipped | None:
    """Return what the merge of a pull request ships: that pull request.

    None means that what came since the deployment before has to be looked up: the event is no
    merge, or `previous-sha` says since when.
    """
    is_asked = subject.inputs.previous_sha is not None and subject.inputs.mode == "deployment"
    if subject.deployment_event.pull_number is None or is_asked:
        return None
    merged = merged_pull(subject)
    return Shipped(
        merged=merged, pulls=count_as_shipped(subject, () if merged is None else (merged,))
    )


def merged_pull(subject: Subject) -> PullRequest | None:
    """Return the pull request whose merge is the event, if its merge commit is known."""
    deployment_event, landed = subject.deployment_event, subject.deployment_event.commit_sha
    if deployment_event.pull_number is None or not subject.own:
        return None
    if isinstance(landed, Unresolved):
        if subject.inputs.commit_sha is not None:
            return None
        landed = subject.commit_sha
    return PullRequest(
        number=deployment_event.pull_number,
        merge_commit_sha=landed.value,
        base=deployment_event.branch.value if deployment_event.branch else None,
        title=deployment_event.pull_title,
        merged_at=deployment_event.started_at.value if deployment_event.started_at else None,
    )


def count_as_shipped(subject: Subject, landed: tuple[PullRequest, ...]) -> tuple[PullRequest, ...]:
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
