"""What GitHub answers when it is asked: values that most runs do without."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from dora_deployments.actions.event import Marks
from dora_deployments.attribution.timeline import DeploymentRecord
from dora_deployments.deployment import PullRequest

LARGEST_RANGE: Final = 5_000
# How many commits or pull requests of a range are asked about with a request for each, where no
# answer covers many at once: `GITHUB_TOKEN` has 1,000 requests an hour for all jobs.
MOST_ALONE: Final = 20
Relation = Literal["identical", "ahead", "behind", "diverged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A tag, or a published release, and the commit that it names."""

    tag: str
    commit_sha: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PastQuestion:
    """Which deployments are asked for: those to `environments`, by GitHub's names.

    `task` is the one that counts, None if those of any other may be this one's as well.
    `commit_sha` is the deployed commit. `run_commit` is the commit of the run that deployed, whose
    records show by which name GitHub knows the environment; None if that is known. `marks` asks
    for releases or tags as well. `after` is where an earlier page ended.

    With `names_after`, where an earlier list of names ended, older names are asked for and
    nothing else; if it is empty, the newest.
    """

    environments: tuple[str, ...]
    task: str | None
    commit_sha: str
    run_commit: str | None = None
    marks: Marks | None = None
    after: str | None = None
    names_after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One page of what GitHub remembers of some environments, newest first.

    `after` is where the next page begins, None after the last one; `is_cut` says that there are
    more, but no more are read. `run_records` are those on the run's commit in any environment,
    `environment_names` the ones of the newest records, which are all there are unless
    `are_names_cut`; older ones are asked for by `names_after`, if they can be. `committed_at` is
    when the deployed commit was made.

    `problem` says why the deployments are not known, where they are not, and `outage` that it
    would be in vain to ask GitHub more.
    """

    deployments: tuple[DeploymentRecord, ...] = ()
    after: str | None = None
    is_cut: bool = False
    run_records: tuple[DeploymentRecord, ...] = ()
    environment_names: tuple[str, ...] = ()
    are_names_cut: bool = False
    names_after: str | None = None
    marks: tuple[Mark, ...] = ()
    committed_at: datetime | None = None
    problem: str | None = None
    outage: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit of a range."""

    sha: str
    is_merge: bool = False
    committed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How two commits are related: what the head has that the base has not.

    `base` is the base's full SHA. `total` counts the commits; `commits` lists them, the
    oldest first, unless there are more than `LARGEST_RANGE`. `committed_at` is the head's
    committer date, where the answer holds it. `files` are the paths that differ between the
    merge base and the head, the old ones of renames included; None where not all are known.
    """

    relation: Relation
    base: str
    merge_base: str
    total: int
    commits: tuple[Commit, ...] = ()
    committed_at: datetime | None = None
    files: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PullsByCommit:
    """The merged pull requests that commits belong to, by commit.

    A commit that is not among the keys could not be looked up; `problem` then says why. Where
    GitHub does not name the merge commit of a pull request, it has an empty `merge_commit_sha`.
    """

    by_commit: Mapping[str, tuple[PullRequest, ...]]
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PullDetail:
    """What a pull request is made of, as far as it is known.

    `head` is its branch, None for the branch of a fork. `commit_shas` are the first hundred of
    its `commit_count` commits as they were before the merge, and `oldest_commit_at` is when the
    oldest of them was written; `names_others` says that one may have merged another pull request,
    by its headline. `files` are
    the paths that it changes, the old ones of renames included; None if they were not asked for,
    or are too many to be listed. `is_paged` means that no query tells all of them, so that they
    take requests of their own.
    """

    head: str | None = None
    commit_count: int = 0
    commit_shas: tuple[str, ...] = ()
    names_others: bool = False
    oldest_commit_at: datetime | None = None
    first_commit_at: datetime | None = None
    files: frozenset[str] | None = None
    is_paged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PullDetails:
    """Details of pull requests by their numbers; of those missing nothing could be found out."""

    by_number: Mapping[int, PullDetail] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """A pull request that may have merged copies of a whole branch, `head`, into `base`.

    `oldest_commit_at` is when the oldest of its commits was written, None if they are not all
    known.
    """

    number: int
    head: str
    base: str
    merged_at: datetime
    oldest_commit_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchHistory:
    """What was merged into a branch, and when the branch was merged into another one.

    `merged` are pull requests into the branch; all that were merged after `listed_since` are
    among them, or all there are if it is None. `promoted_at` are the times at which the branch
    was merged into the other one by a pull request.
    """

    merged: tuple[PullRequest, ...] = ()
    listed_since: datetime | None = None
    promoted_at: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedFiles:
    """The paths that commits change, by their SHAs, the old ones of renames included.

    `cut` means that GitHub does not list all of them, or that they are too many to be asked for.
    """

    by_commit: Mapping[str, frozenset[str]] = field(default_factory=dict)
    cut: bool = False
