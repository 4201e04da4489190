"""What GitHub's API can be asked, for those who ask, and the values that it answers with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Protocol

from dora_deployments.actions.event import Marks
from dora_deployments.deployment import PullRequest

LARGEST_RANGE: Final = 5_000
Relation = Literal["identical", "ahead", "behind", "diverged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDeployment:
    """A deployment that GitHub remembers.

    `id` is the node id, or the database id in digits. `succeeded` means that it ever reached
    `success`, whatever it is now. `urls` are those of its statuses.
    """

    id: str
    commit_sha: str
    task: str
    created_at: datetime
    succeeded: bool
    urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A tag, or a published release, and the commit that it names."""

    tag: str
    commit_sha: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What GitHub remembers of an environment, newest first, and of the deployed commit.

    `problem` says why the deployments are not known, where they are not, and `outage` that
    it would be in vain to ask GitHub more.
    """

    deployments: tuple[PastDeployment, ...] = ()
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
    committer date, where the answer holds it.
    """

    relation: Relation
    base: str
    merge_base: str
    total: int
    commits: tuple[Commit, ...] = ()
    committed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Landings:
    """The merged pull requests that commits belong to, by commit.

    A commit that is not among the keys could not be looked up; `problem` then says why.
    """

    by_commit: Mapping[str, tuple[PullRequest, ...]]
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedFiles:
    """The paths that pull requests and commits change, the old ones of renames included.

    `by_pull` has them by the pull request's number, `by_commits` those of all commits
    together. `cut` means that GitHub does not list all of them.
    """

    by_pull: Mapping[int, frozenset[str]]
    by_commits: frozenset[str] = frozenset()
    cut: bool = False


class LookUps(Protocol):
    """What GitHub's API can be asked; every answer may be a `LookUpError` instead."""

    def default_branch(self, repository: str) -> str:
        """Return the name of the repository's default branch."""

    def commit(self, repository: str, abbreviated: str) -> str:
        """Return the full SHA that a short one stands for."""

    def tag_commit(self, repository: str, tag: str) -> str:
        """Return the SHA of the commit that a tag points to."""

    def peeled(self, repository: str, sha: str) -> str:
        """Return the SHA of the commit behind a tag object, or of a commit itself."""

    def merge_commit(self, repository: str, number: int) -> str:
        """Return the SHA by which a pull request landed."""

    def file(self, repository: str, path: str, commit_sha: str, largest: int) -> bytes | None:
        """Return a file of the repository at a commit, or None if there is none."""

    def past(
        self,
        repository: str,
        environment: str,
        task: str,
        commit_sha: str,
        marks: Marks | None,
    ) -> Past:
        """Return the newest deployments of an environment, and releases or tags if asked for.

        Those of other tasks may be among them.
        """

    def comparison(self, repository: str, base: str, head: str) -> Comparison:
        """Return what `head` has that `base` has not."""

    def landings(self, repository: str, commit_shas: Sequence[str]) -> Landings:
        """Return the merged pull requests that each commit belongs to."""

    def changed_files(
        self, repository: str, pulls: Sequence[int], commit_shas: Sequence[str]
    ) -> ChangedFiles:
        """Return the files that pull requests and single commits change."""


class LookUpError(Exception):
    """A question has no answer; the message says why, in our own words.

    `absent` means that GitHub knows no such thing, or does not show it to the token;
    `outage` that GitHub could not be asked at all, so that asking more would be in vain.
    """

    def __init__(self, message: str, *, absent: bool = False, outage: bool = False) -> None:
        super().__init__(message)
        self.absent = absent
        self.outage = outage
