"""A repository of a few commits that really answers, and one that must not be asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dora_deployments.actions.event import RunAttempt
from dora_deployments.attribution.answers import (
    LARGEST_RANGE,
    ChangedFiles,
    Commit,
    Comparison,
    Past,
    PastQuestion,
    PullDetail,
    PullDetails,
    PullsByCommit,
)
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.attribution.timeline import WorkflowOfRun
from dora_deployments.deployment import PullRequest

SLUG = "acme/shop"


def sha(number: int) -> str:
    """Return a commit's SHA that ends with a number."""
    return f"{number:040x}"


def pull(number: int, merge_commit: int, **more: Any) -> PullRequest:
    """Return a pull request that landed by the commit of that number."""
    return PullRequest(number=number, merge_commit_sha=sha(merge_commit), **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Answers about commits by their parents; parents come before their children.

    `landed` has the pull requests that commits belong to, by commit. `changes` has the files
    of pull requests, by their numbers, and of commits, by their SHAs; `begun` when pull
    requests were; `compared` the files of comparisons, unless they are not known. `past_of` has
    the first page by the first environment that is asked for and the marks, and `pages` the later
    ones by where they begin; `names` has the names of environments in the same way. `workflows_of`
    has the workflow of each run, `attempts` the times at which its attempts began. `fails` has an
    error for each look-up that fails; `unknown` are commits whose pull requests could not be looked
    up. `asked` lists what was asked of deployments.
    """

    parents: Mapping[int, Sequence[int]] = field(default_factory=dict)
    landed: Mapping[int, Sequence[PullRequest]] = field(default_factory=dict)
    changes: Mapping[int | str, Sequence[str]] = field(default_factory=dict)
    begun: Mapping[int, datetime] = field(default_factory=dict)
    compared: Mapping[tuple[int, int], Sequence[str]] = field(default_factory=dict)
    past_of: Mapping[str, Past] = field(default_factory=dict)
    pages: Mapping[str, Past] = field(default_factory=dict)
    names: Mapping[str, Past] = field(default_factory=dict)
    workflows_of: Mapping[str, WorkflowOfRun | None] = field(default_factory=dict)
    attempts: Mapping[str, Sequence[datetime]] = field(default_factory=dict)
    asked: list[Any] = field(default_factory=list)
    files: Mapping[str, bytes] = field(default_factory=dict)
    fails: Mapping[str, LookUpError] = field(default_factory=dict)
    unknown: Sequence[int] = ()
    cut: bool = False
    total: int | None = None

    def has_time(self) -> bool:
        return True

    def default_branch(self, repository: str) -> str:
        self._check("default_branch", repository)
        return "main"

    def commit(self, repository: str, abbreviated: str) -> str:
        raise NotImplementedError

    def tag_commit(self, repository: str, tag: str) -> str:
        raise NotImplementedError

    def peeled(self, repository: str, sha: str) -> str:
        raise NotImplementedError

    def merge_commit(self, repository: str, number: int) -> str:
        raise NotImplementedError

    def file(self, repository: str, path: str, commit_sha: str, largest: int) -> bytes | None:
        self._check("file", repository)
        content = self.files.get(f"{path} at {int(commit_sha, 16)}")
        if content is not None and len(content) > largest:
            raise LookUpError("it is larger there")
        return content

    def past(self, repository: str, question: PastQuestion) -> Past:
        self.asked.append(question)
        if question.names_after is not None:
            self._check("names", repository)
            return self.names.get(question.names_after) or Past()
        self._check("past" if question.after is None else "page", repository)
        if question.after is not None:
            return self.pages[question.after]
        known = self.past_of.get(f"{question.environments[0]}, {question.marks}") or Past()
        is_known = int(question.commit_sha, 16) in self.parents
        return known if is_known else Past(problem="no such commit")

    def workflows(
        self, repository: str, run_ids: Sequence[str]
    ) -> Mapping[str, WorkflowOfRun | None]:
        self.asked.append(("workflows", *run_ids))
        self._check("workflows", repository)
        return {run_id: self.workflows_of.get(run_id) for run_id in run_ids}

    def latest_attempt(self, repository: str, run_id: str) -> RunAttempt:
        self.asked.append(("latest_attempt", run_id))
        self._check("latest_attempt", repository)
        began = self.attempts[run_id]
        return RunAttempt(run_id=run_id, attempt=len(began), began_at=began[-1])

    def attempt_started_at(self, repository: str, run_id: str, attempt: int) -> datetime:
        self.asked.append(("attempt_started_at", run_id, attempt))
        self._check("attempt_started_at", repository)
        return self.attempts[run_id][attempt - 1]

    def comparison(self, repository: str, base: str, head: str) -> Comparison:
        self._check("comparison", repository)
        base = base.rjust(40, "0")  # a short one
        ours, theirs = self._reachable(int(base, 16)), self._reachable(int(head, 16))
        ahead = sorted(theirs - ours)
        relations = {
            (False, False): "identical",
            (True, False): "ahead",
            (False, True): "behind",
            (True, True): "diverged",
        }
        total = len(ahead) if self.total is None else self.total
        files = self.compared.get((int(base, 16), int(head, 16)))
        return Comparison(
            relation=relations[bool(ahead), bool(ours - theirs)],
            base=base,
            merge_base=sha(max(ours & theirs)),
            total=total,
            commits=tuple(
                Commit(sha=sha(number), is_merge=len(self.parents[number]) > 1)
                for number in ahead
                if total <= LARGEST_RANGE
            ),
            files=None if files is None else frozenset(files),
        )

    def landings(self, repository: str, commit_shas: Sequence[str]) -> PullsByCommit:
        self._check("landings", repository)
        numbers = [int(commit, 16) for commit in commit_shas]
        return PullsByCommit(
            by_commit={
                sha(number): tuple(self.landed.get(number, ()))
                for number in numbers
                if number not in self.unknown
            },
            problem="GitHub gave up" if self.unknown else None,
        )

    def pull_details(self, repository: str, numbers: Sequence[int], *, files: bool) -> PullDetails:
        if not files:
            return PullDetails(
                by_number={
                    number: PullDetail(first_commit_at=self.begun[number])
                    for number in numbers
                    if number in self.begun
                }
            )
        self._check("pull_details", repository)
        return PullDetails(
            by_number={
                number: PullDetail(
                    first_commit_at=self.begun.get(number),
                    files=None if self.cut else frozenset(self.changes[number]),
                )
                for number in numbers
            }
        )

    def commit_files(self, repository: str, commit_shas: Sequence[str]) -> ChangedFiles:
        self._check("commit_files", repository)
        return ChangedFiles(
            by_commit={sha: frozenset(self.changes[sha]) for sha in commit_shas}, cut=self.cut
        )

    def _check(self, question: str, repository: str) -> None:
        if repository != SLUG:
            raise AssertionError(f"asked for {repository}")
        if question in self.fails:
            raise self.fails[question]

    def _reachable(self, number: int) -> frozenset[int]:
        if number not in self.parents:
            raise LookUpError("GitHub knows no such thing (404)", absent=True)
        return frozenset({number}).union(*map(self._reachable, self.parents[number]))


class Nobody:
    """Must not be asked anything."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was looked up")


LINE: Mapping[int, Sequence[int]] = {1: (), 2: (1,), 3: (2,), 4: (3,), 5: (4,)}
"""Five commits in a line."""
