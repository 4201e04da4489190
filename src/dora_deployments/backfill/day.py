"""GitHub's answers as they were on the day of a past event."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import NoReturn, TypeVar

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
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.attribution.promotions import is_listed
from dora_deployments.attribution.since import direct_commits, landed_pulls
from dora_deployments.attribution.timeline import DeploymentRecord, WorkflowOfRun
from dora_deployments.backfill.archive import Archive
from dora_deployments.backfill.commits import Commits
from dora_deployments.backfill.neighbours import PAGE
from dora_deployments.backfill.past import PastEvent
from dora_deployments.backfill.reading import Found
from dora_deployments.backfill.workflows import Workflows

T = TypeVar("T")


class UnavailableError(Exception):
    """GitHub could not be asked now, so that nobody knows yet what it would have said then."""

    def __init__(self, error: LookUpError) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The look-ups of one event, answered from what was read of its repository since.

    `pulls_since` is when the oldest of the archive's pull requests may have been merged.
    """

    archive: Archive
    commits: Commits
    found: Found
    past_event: PastEvent
    workflows_of_runs: Workflows
    pulls_since: datetime

    def has_time(self) -> bool:
        """Return True: the past waits."""
        return True

    def default_branch(self, repository: str) -> str:
        """Return the name of the repository's default branch, which payloads have."""
        self._unknown(repository)

    def commit(self, repository: str, abbreviated: str) -> str:
        """Raise `LookUpError`: GitHub writes no short SHAs."""
        self._unknown(repository, abbreviated)

    def tag_commit(self, repository: str, tag: str) -> str:
        """Return the SHA of the commit that a release's tag points to."""
        if tag not in self.found.tags:
            self._unknown(repository, tag)
        return self.found.tags[tag]

    def peeled(self, repository: str, sha: str) -> str:
        """Raise `LookUpError`: no past event names a tag's object."""
        self._unknown(repository, sha)

    def merge_commit(self, repository: str, number: int) -> str:
        """Raise `LookUpError`: pull requests without their merge commit are not read."""
        self._unknown(repository, number)

    def file(self, repository: str, path: str, commit_sha: str, largest: int) -> bytes | None:
        """Return None: what there is was read before."""
        del repository, path, commit_sha, largest
        return None

    def past(self, repository: str, question: PastQuestion) -> Past:
        """Return the deployments that GitHub knew of on that day.

        Of releases, the one before counts as deployed: here each of them is a deployment.
        """
        del repository
        if question.names_after is not None:
            return Past()  # GitHub's list of all deployments has been read, by their own names
        neighbours, until = self.found.neighbours, self.past_event.finished_at
        skip = int(question.after or 0)
        records: tuple[DeploymentRecord, ...] = ()
        is_last = True
        for name in question.environments:
            page, ends = neighbours.page(name, until, skip)
            records, is_last = (*records, *page), is_last and ends
        if question.marks == "releases":
            tag = self.past_event.payload.text("release.tag_name") or ""
            environment = question.environments[0]
            records += neighbours.release_before(tag, question.commit_sha, environment, until)
        return Past(
            deployments=records,
            after=None if is_last else str(skip + PAGE),
            committed_at=self.commits.committed_at(question.commit_sha),
        )

    def workflows(
        self, repository: str, run_ids: Sequence[str]
    ) -> Mapping[str, WorkflowOfRun | None]:
        """Return the workflow of each run; the runs of one workflow need not be asked for."""
        del repository
        if self.found.terms.source.name != "deployments":
            return dict.fromkeys(run_ids, WorkflowOfRun(workflow_id=0))
        return _asked(partial(self.workflows_of_runs.of, run_ids))

    def latest_attempt(self, repository: str, run_id: str) -> RunAttempt:
        """Return the last attempt of a run that there is by now."""
        del repository
        return _asked(partial(self.archive.latest_attempt, run_id))

    def attempt_started_at(self, repository: str, run_id: str, attempt: int) -> datetime:
        """Return when an attempt of a run began."""
        del repository
        return _asked(partial(self.archive.attempt_started_at, run_id, attempt))

    def comparison(self, repository: str, base: str, head: str) -> Comparison:
        """Return what `head` has that `base` has not.

        GitHub is asked for the files if services have paths and commits came by no pull request.
        """
        found = _asked(partial(self.commits.compare, base, head))
        if not found.commits or not self.archive.has_services:
            return found
        landings = self.landings(repository, [commit.sha for commit in found.commits])
        landed = landed_pulls(found.commits, landings)
        if not direct_commits(found.commits, landings, landed):
            return found
        return replace(found, files=_asked(partial(self.archive.compared_files, base, head)))

    def landings(self, repository: str, commit_shas: Sequence[str]) -> PullsByCommit:
        """Return the pull requests that each commit belongs to, if they were merged by then.

        A push may merge one by a commit that was deployed long before.
        """
        del repository
        made = {sha: self.commits.committed_at(sha) for sha in commit_shas}
        old = [sha for sha, moment in made.items() if moment and moment < self.pulls_since]
        found = _asked(partial(self.archive.landings, commit_shas, old))
        until = self.past_event.finished_at
        return PullsByCommit(
            by_commit={
                sha: tuple(pull for pull in pulls if not pull.merged_at or pull.merged_at <= until)
                for sha, pulls in found.by_commit.items()
            }
        )

    def pull_details(self, repository: str, numbers: Sequence[int], *, files: bool) -> PullDetails:
        """Return what pull requests are made of, and the files that they change if asked for."""
        del repository
        return _asked(partial(self.archive.pull_details, numbers, files=files))

    def branch_histories(
        self, repository: str, promotions: Sequence[Promotion]
    ) -> list[BranchHistory]:
        """Return what was merged into the branch of each promotion by then.

        GitHub is asked where that may have been before all that was read.
        """
        del repository
        return [self._branch_history(each) for each in promotions]

    def _branch_history(self, promotion: Promotion) -> BranchHistory:
        found = self.archive.branch_history(promotion, self.pulls_since)
        if not is_listed(promotion, found):
            found = _asked(partial(self.archive.older_branch_history, promotion))
        until = self.past_event.finished_at
        return replace(
            found,
            merged=tuple(
                each for each in found.merged if each.merged_at and each.merged_at <= until
            ),
            promoted_at=tuple(moment for moment in found.promoted_at if moment <= until),
        )

    def commit_files(self, repository: str, commit_shas: Sequence[str]) -> ChangedFiles:
        """Return the files that single commits change."""
        del repository
        return _asked(partial(self.archive.commit_files, commit_shas))

    def _unknown(self, *about: object) -> NoReturn:
        del about
        raise LookUpError("GitHub no longer tells what it was", absent=True)


def _asked(ask: Callable[[], T]) -> T:
    """Return an answer; what is not there any more is one as well, but no answer at all is not."""
    try:
        return ask()
    except LookUpError as error:
        if error.absent:
            raise
        raise UnavailableError(error) from None
