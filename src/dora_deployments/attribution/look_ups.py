"""What GitHub's API can be asked, for those who ask."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from dora_deployments.actions.event import RunAttempt
    from dora_deployments.attribution.answers import (
        BranchHistory,
        ChangedFiles,
        Comparison,
        Past,
        PastQuestion,
        Promotion,
        PullDetails,
        PullsByCommit,
    )
    from dora_deployments.attribution.timeline import WorkflowOfRun


class LookUps(Protocol):
    """What GitHub's API can be asked; every answer may be a `LookUpError` instead."""

    def has_time(self) -> bool:
        """Return whether there is time left for more, and for what is made of the answers."""

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

    def past(self, repository: str, question: "PastQuestion") -> "Past":
        """Return a page of the newest deployments, and releases or tags if asked for.

        Those of other tasks may be among them.
        """

    def workflows(
        self, repository: str, run_ids: Sequence[str]
    ) -> "Mapping[str, WorkflowOfRun | None]":
        """Return the workflow of each run, None where GitHub knows no such run any more."""

    def latest_attempt(self, repository: str, run_id: str) -> "RunAttempt":
        """Return the last attempt of a workflow run."""

    def attempt_started_at(self, repository: str, run_id: str, attempt: int) -> "datetime":
        """Return when an attempt of a workflow run began."""

    def comparison(self, repository: str, base: str, head: str) -> "Comparison":
        """Return what `head` has that `base` has not."""

    def landings(self, repository: str, commit_shas: Sequence[str]) -> "PullsByCommit":
        """Return the merged pull requests that each commit belongs to."""

    def pull_details(
        self, repository: str, numbers: Sequence[int], *, files: bool
    ) -> "PullDetails":
        """Return what pull requests are made of, and the files that they change if asked for.

        Without `files` it never fails: what could not be found out is missing.
        """

    def branch_histories(
        self, repository: str, promotions: "Sequence[Promotion]"
    ) -> "Sequence[BranchHistory]":
        """Return what was merged into the branch of each promotion."""

    def commit_files(self, repository: str, commit_shas: Sequence[str]) -> "ChangedFiles":
        """Return the files that single commits change."""


class LookUpError(Exception):
    """A question has no answer; the message says why, in our own words.

    `absent` means that GitHub knows no such thing, or does not show it to the token;
    `outage` that GitHub could not be asked at all, so that asking more would be in vain.
    `wait` is after how many seconds the same question may be answered: as many as a rate limit
    lasts, none after a mishap, and None where asking again is in vain.
    """

    def __init__(
        self,
        message: str,
        *,
        absent: bool = False,
        outage: bool = False,
        wait: float | None = None,
    ) -> None:
        super().__init__(message)
        self.absent = absent
        self.outage = outage
        self.wait = wait
