"""GitHub's API, through PyGithub: the only package that speaks to GitHub."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from dora_deployments.attribution.github.api import Api

if TYPE_CHECKING:
    from datetime import datetime

    from typing_extensions import Self

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

LOOK_UP_SECONDS: Final = 20.0


class GitHub:
    """The look-ups, each by questions to `api`, which is closed with this context.

    `server_url` is where GitHub's pages are, by whose addresses it knows workflow runs. Each
    method raises `LookUpError`, whatever goes wrong.
    """

    def __init__(self, api: Api, server_url: str = "https://github.com") -> None:
        self._api = api
        self._server_url = server_url

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *_: object) -> None:
        self._api.close()

    def has_time(self) -> bool:
        """Return whether the budget of the look-ups is not over yet."""
        return self._api.seconds_left() > 0

    def default_branch(self, repository: str) -> str:
        """Return the name of the repository's default branch."""
        from dora_deployments.attribution.github import commits

        return commits.default_branch(self._api, repository)

    def commit(self, repository: str, abbreviated: str) -> str:
        """Return the full SHA of the one commit that `abbreviated`, a short SHA, names."""
        from dora_deployments.attribution.github import commits

        return commits.commit(self._api, repository, abbreviated)

    def tag_commit(self, repository: str, tag: str) -> str:
        """Return the SHA of the commit that the tag of that name points to."""
        from dora_deployments.attribution.github import commits

        return commits.tag_commit(self._api, repository, tag)

    def peeled(self, repository: str, sha: str) -> str:
        """Return the SHA of the commit behind `sha`, a tag object's or a commit's own."""
        from dora_deployments.attribution.github import commits

        return commits.peeled(self._api, repository, sha)

    def merge_commit(self, repository: str, number: int) -> str:
        """Return the SHA by which the pull request of that number landed."""
        from dora_deployments.attribution.github import commits

        return commits.merge_commit(self._api, repository, number)

    def file(self, repository: str, path: str, commit_sha: str, largest: int) -> bytes | None:
        """Return the file at `path` as the commit has it, or None if it has none there."""
        from dora_deployments.attribution.github import commits

        return commits.file(self._api, repository, path, commit_sha, largest)

    def past(self, repository: str, question: "PastQuestion") -> "Past":
        """Return a page of the newest deployments, and releases or tags if asked for."""
        from dora_deployments.attribution.github.past import past

        return past(self._api, repository, question)

    def workflows(
        self, repository: str, run_ids: Sequence[str]
    ) -> "Mapping[str, WorkflowOfRun | None]":
        """Return the workflow of each run, None where GitHub knows no such run any more."""
        from dora_deployments.attribution.github.runs import workflows

        return workflows(self._api, self._server_url, repository, run_ids)

    def latest_attempt(self, repository: str, run_id: str) -> "RunAttempt":
        """Return the last attempt of a workflow run."""
        from dora_deployments.attribution.github.runs import latest_attempt

        return latest_attempt(self._api, repository, run_id)

    def attempt_started_at(self, repository: str, run_id: str, attempt: int) -> "datetime":
        """Return when an attempt of a workflow run began."""
        from dora_deployments.attribution.github.runs import attempt_started_at

        return attempt_started_at(self._api, repository, run_id, attempt)

    def comparison(self, repository: str, base: str, head: str) -> "Comparison":
        """Return what `head` has that `base` has not."""
        from dora_deployments.attribution.github.comparison import comparison

        return comparison(self._api, repository, base, head)

    def compared_files(self, repository: str, base: str, head: str) -> frozenset[str] | None:
        """Return the files that differ between `head` and what it has in common with `base`.

        None stands for more than GitHub lists. Where there is a `comparison`, it has them as well.
        """
        from dora_deployments.attribution.github.comparison import compared_files

        return compared_files(self._api, repository, base, head)

    def landings(self, repository: str, commit_shas: Sequence[str]) -> "PullsByCommit":
        """Return the merged pull requests that each commit belongs to."""
        from dora_deployments.attribution.github.pulls import landings

        return landings(self._api, repository, commit_shas)

    def pull_details(
        self, repository: str, numbers: Sequence[int], *, files: bool
    ) -> "PullDetails":
        """Return what pull requests are made of, and the files that they change if asked for."""
        from dora_deployments.attribution.github.details import pull_details

        return pull_details(self._api, repository, numbers, files=files)

    def branch_histories(
        self, repository: str, promotions: "Sequence[Promotion]"
    ) -> "Sequence[BranchHistory]":
        """Return what was merged into the branch of each promotion."""
        from dora_deployments.attribution.github.branches import branch_histories

        return branch_histories(self._api, repository, promotions)

    def commit_files(self, repository: str, commit_shas: Sequence[str]) -> "ChangedFiles":
        """Return the files that single commits change."""
        from dora_deployments.attribution.github.files import commit_files

        return commit_files(self._api, repository, commit_shas)
