"""What tests answer in GitHub's place."""

from dataclasses import dataclass, field

from dora_deployments.attribution.look_ups import LookUpError


@dataclass(kw_only=True)
class Answers:
    """Gives the answers it was made with, fails on other questions, and remembers all of them."""

    answers: dict[tuple[str, str, object], str] = field(default_factory=dict)
    why: str = "GitHub's API answered 500"
    asked: list[tuple[str, str, object]] = field(default_factory=list)

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

    def _answer(self, *question):
        self.asked.append(question)
        if question not in self.answers:
            raise LookUpError(self.why)
        return self.answers[question]
