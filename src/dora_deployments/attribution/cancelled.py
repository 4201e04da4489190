"""What is known of a deployment when the job is cancelled while GitHub is asked about it.

Only what is certain by then is reported: a commit, a service or an id that GitHub had yet to
confirm would be a guess, and a wrong report stays.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeVar, cast

from dora_deployments.actions.event import DeploymentEvent, RunAttempt, Unresolved
from dora_deployments.actions.inputs import Inputs
from dora_deployments.actions.run import Run
from dora_deployments.attribution.look_ups import LookUpError, LookUps
from dora_deployments.attribution.resolve import Resolved, resolve
from dora_deployments.catalogue import CANCELLED
from dora_deployments.errors import HeldBackError, Skip

if TYPE_CHECKING:
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

T = TypeVar("T")

_UNANSWERED: Final = "the job was cancelled before GitHub had answered"
_NO_TOKEN: Final = "`github-token` is empty"  # noqa: S105 - what the look-ups say without one
_OF_COMMIT: Final = frozenset({"peeled", "tag_commit"})
_OF_ATTEMPT: Final = frozenset({"past", "latest_attempt", "attempt_started_at"})


class CancellableLookUps:
    """The look-ups of a run, and of what is left of it once the job is cancelled.

    As long as they are `answered_by` others, those are asked. Afterwards what says which
    deployment it is has the answers that it had, and nothing else has one: half a
    list of shipped pull requests is no list. `unanswered` then names what was asked in
    vain; without a token, everything would have been.
    """

    def __init__(self, *, has_token: bool = True) -> None:
        self._look_ups: LookUps | None = None
        self.unanswered: set[str] = set()
        self._has_token = has_token
        self._answers: dict[tuple[Hashable, ...], object] = {}

    @contextmanager
    def answered_by(self, look_ups: LookUps) -> Iterator[None]:
        """Let `look_ups` be asked for as long as the context lasts."""
        self._look_ups = look_ups
        try:
            yield
        finally:
            self._look_ups = None

    def has_time(self) -> bool:
        """Return whether there is time left for more."""
        return self._look_ups is not None and self._look_ups.has_time()

    def default_branch(self, repository: str) -> str:
        """Return the name of the repository's default branch."""
        question = ("default_branch", repository)
        return self._kept(question, lambda look_ups: look_ups.default_branch(repository))

    def commit(self, repository: str, abbreviated: str) -> str:
        """Return the full SHA that a short one stands for."""
        question = ("commit", repository, abbreviated)
        return self._kept(question, lambda look_ups: look_ups.commit(repository, abbreviated))

    def tag_commit(self, repository: str, tag: str) -> str:
        """Return the SHA of the commit that a tag points to."""
        question = ("tag_commit", repository, tag)
        return self._kept(question, lambda look_ups: look_ups.tag_commit(repository, tag))

    def peeled(self, repository: str, sha: str) -> str:
        """Return the SHA of the commit behind a tag object, or of a commit itself."""
        question = ("peeled", repository, sha)
        return self._kept(question, lambda look_ups: look_ups.peeled(repository, sha))

    def merge_commit(self, repository: str, number: int) -> str:
        """Return the SHA by which a pull request landed."""
        question = ("merge_commit", repository, number)
        return self._kept(question, lambda look_ups: look_ups.merge_commit(repository, number))

    def file(self, repository: str, path: str, commit_sha: str, largest: int) -> bytes | None:
        """Return a file of the repository at a commit, or None if there is none."""
        question = ("file", repository, path, commit_sha)
        return self._kept(
            question, lambda look_ups: look_ups.file(repository, path, commit_sha, largest)
        )

    def past(self, repository: str, question: "PastQuestion") -> "Past":
        """Return a page of the newest deployments, and releases or tags if asked for."""
        return self._kept(
            ("past", repository, question), lambda look_ups: look_ups.past(repository, question)
        )

    def latest_attempt(self, repository: str, run_id: str) -> RunAttempt:
        """Return the last attempt of a workflow run."""
        question = ("latest_attempt", repository, run_id)
        return self._kept(question, lambda look_ups: look_ups.latest_attempt(repository, run_id))

    def attempt_started_at(self, repository: str, run_id: str, attempt: int) -> datetime:
        """Return when an attempt of a workflow run began."""
        question = ("attempt_started_at", repository, run_id, attempt)
        return self._kept(
            question, lambda look_ups: look_ups.attempt_started_at(repository, run_id, attempt)
        )

    def workflows(
        self, repository: str, run_ids: Sequence[str]
    ) -> "Mapping[str, WorkflowOfRun | None]":
        """Return the workflow of each run, None where GitHub knows no such run any more."""
        return self._asked("workflows").workflows(repository, run_ids)

    def comparison(self, repository: str, base: str, head: str) -> "Comparison":
        """Return what `head` has that `base` has not."""
        return self._asked("comparison").comparison(repository, base, head)

    def landings(self, repository: str, commit_shas: Sequence[str]) -> "PullsByCommit":
        """Return the merged pull requests that each commit belongs to."""
        return self._asked("landings").landings(repository, commit_shas)

    def pull_details(
        self, repository: str, numbers: Sequence[int], *, files: bool
    ) -> "PullDetails":
        """Return what pull requests are made of, and the files that they change if asked for."""
        if self._look_ups is None and not files:  # which never fails
            from dora_deployments.attribution.answers import PullDetails

            return PullDetails()
        return self._asked("pull_details").pull_details(repository, numbers, files=files)

    def branch_histories(
        self, repository: str, promotions: "Sequence[Promotion]"
    ) -> "Sequence[BranchHistory]":
        """Return what was merged into the branch of each promotion."""
        return self._asked("branch_histories").branch_histories(repository, promotions)

    def commit_files(self, repository: str, commit_shas: Sequence[str]) -> "ChangedFiles":
        """Return the files that single commits change."""
        return self._asked("commit_files").commit_files(repository, commit_shas)

    def _kept(self, question: tuple[Hashable, ...], ask: Callable[[LookUps], T]) -> T:
        """Return the answer that there was, else ask; an error is an answer like any other."""
        if self._look_ups is None and question in self._answers:
            answer = self._answers[question]
            if isinstance(answer, LookUpError):
                raise answer
            return cast(T, answer)
        try:
            found = ask(self._asked(str(question[0])))
        except LookUpError as error:
            self._answers[question] = error
            raise
        self._answers[question] = found
        return found

    def _asked(self, name: str) -> LookUps:
        if self._look_ups is not None:
            return self._look_ups
        if not self._has_token:
            raise LookUpError(_NO_TOKEN, outage=True)
        self.unanswered.add(name)
        raise LookUpError(_UNANSWERED, outage=True)


def resolve_cancelled(
    deployment_event: DeploymentEvent,
    inputs: Inputs,
    run: Run,
    look_ups: CancellableLookUps,
    now: datetime,
    workspace_file: bytes | None,
) -> Resolved:
    """Return what `resolve` does from what is certain: each deployment under the id of a full run.

    Raises `HeldBackError` where a whole run could have said otherwise which commit, services or
    attempt it is, or that it is to be reported, and what else `resolve` raises.
    """
    try:
        resolved = resolve(deployment_event, inputs, run, look_ups, now, workspace_file)
    except Skip as skip:
        if look_ups.unanswered:
            raise HeldBackError(skip.explanation, topic=CANCELLED) from None
        raise
    if unknown := _unknown(deployment_event, inputs, resolved, look_ups.unanswered):
        raise HeldBackError(f"{unknown} is not known, since {_UNANSWERED}", topic=CANCELLED)
    return resolved


def _unknown(
    deployment_event: DeploymentEvent, inputs: Inputs, resolved: Resolved, unanswered: set[str]
) -> str:
    """Return what of the deployments is a guess, in words that a verb follows, if anything is."""
    told = deployment_event.commit_sha
    if (
        isinstance(told, Unresolved)
        and told.fallback == resolved.commit_sha
        and unanswered & _OF_COMMIT
    ):
        return f"the commit that was deployed ({told.why})"
    if not resolved.deployments:
        return ""
    if unanswered and not resolved.are_services_certain:
        return "which of the services with `paths` were deployed"
    may_be_repeated = any(each.attempt != 1 for each in deployment_event.runs)
    if (
        may_be_repeated
        and not deployment_event.deployment_ids
        and inputs.deployment_id is None
        and unanswered & _OF_ATTEMPT
    ):
        return "whether this attempt of the run deployed again"
    return ""
