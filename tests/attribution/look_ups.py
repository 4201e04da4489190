"""What tests answer in GitHub's place."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dora_deployments.attribution.answers import Past, PullDetails
from dora_deployments.attribution.look_ups import LookUpError


@dataclass(kw_only=True)
class Answers:
    """Gives the answers it was made with, and remembers all questions; answers may be errors.

    Of other questions, those that every event asks are answered with nothing, so that tests
    about something else need not speak of them: there is no past, and there is no file.
    Every other one fails, and so do these two if all `fails`.
    """

    answers: Mapping[tuple[Any, ...], Any] = field(default_factory=dict)
    why: str = "GitHub's API answered 500"
    fails: bool = False
    asked: list[tuple[Any, ...]] = field(default_factory=list)

    def has_time(self):
        return True

    def default_branch(self, repository):
        return self._answer("default_branch", repository, None)

    def commit(self, repository, abbreviated):
        return self._answer("commit", repository, abbreviated)

    def tag_commit(self, repository, tag):
        return self._answer("tag_commit", repository, tag)

    def peeled(self, repository, sha):
        return self._answer("peeled", repository, sha)

    def merge_commit(self, repository, number):
        return self._answer("merge_commit", repository, number)

    def file(self, repository, path, commit_sha, largest):
        return self._answer("file", repository, path, commit_sha, largest)

    def past(self, repository, question):
        return self._answer("past", repository, question)

    def workflows(self, repository, run_ids):
        return self._answer("workflows", repository, tuple(run_ids))

    def latest_attempt(self, repository, run_id):
        return self._answer("latest_attempt", repository, run_id)

    def attempt_started_at(self, repository, run_id, attempt):
        return self._answer("attempt_started_at", repository, run_id, attempt)

    def comparison(self, repository, base, head):
        return self._answer("comparison", repository, base, head)

    def compared_files(self, repository, base, head):
        return self._answer("compared_files", repository, base, head)

    def landings(self, repository, commit_shas):
        return self._answer("landings", repository, tuple(commit_shas))

    def pull_details(self, repository, numbers, *, files):
        if not files and self.fails:  # it never fails
            return PullDetails()
        return self._answer("pull_details", repository, tuple(numbers), files)

    def branch_histories(self, repository, promotions):
        return self._answer("branch_histories", repository, tuple(promotions))

    def commit_files(self, repository, commit_shas):
        return self._answer("commit_files", repository, tuple(commit_shas))

    def _answer(self, *question):
        self.asked.append(question)
        if question not in self.answers:
            if question[0] in _NOTHING and not self.fails:
                return _NOTHING[question[0]]
            raise LookUpError(self.why)
        answer = self.answers[question]
        if isinstance(answer, LookUpError):
            raise answer
        return answer


_NOTHING = {"past": Past(), "file": None}
