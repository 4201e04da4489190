"""The few questions that only GitHub's API can answer, asked within a budget.

The only module that speaks to GitHub. PyGithub takes longer to import than most runs
take in all, so it is imported when the first question is asked.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from dora_deployments.actions.payload import full_sha
from dora_deployments.budget import Budget, within

if TYPE_CHECKING:
    from github import Github
    from github.Repository import Repository

T = TypeVar("T")

LOOK_UP_SECONDS = 20.0
_MAX_TAGS_OF_TAGS = 5


class LookUpError(Exception):
    """A question has no answer; the message says why, in our own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHub:
    """GitHub's REST API as far as `token` lets us see it.

    Every look-up raises `LookUpError`, whatever goes wrong, and none outlasts `budget`.
    """

    api_url: str
    token: str | None = field(repr=False)
    budget: Budget

    def default_branch(self, repository: str) -> str:
        """Return the name of the repository's default branch."""

        def ask(repo: "Repository") -> str:
            return repo.default_branch

        return self._ask(repository, ask)

    def commit(self, repository: str, abbreviated: str) -> str:
        """Return the full SHA of the one commit that `abbreviated`, a short SHA, names."""

        def ask(repo: "Repository") -> str:
            # The same address resolves branches, so the answer must be checked.
            sha = _sha(repo.get_commit(abbreviated).sha)
            if not sha.startswith(abbreviated):
                raise LookUpError(f"GitHub knows no commit {abbreviated}")
            return sha

        return self._ask(repository, ask)

    def tag_commit(self, repository: str, tag: str) -> str:
        """Return the SHA of the commit that the tag of that name points to."""

        def ask(repo: "Repository") -> str:
            target = repo.get_git_ref(f"tags/{quote(tag, safe='/')}").object
            return _peeled(repo, target.type, target.sha)

        return self._ask(repository, ask)

    def peeled(self, repository: str, sha: str) -> str:
        """Return the SHA of the commit behind `sha`, a tag object's or a commit's own."""

        def ask(repo: "Repository") -> str:
            from github import UnknownObjectException

            try:
                target = repo.get_git_tag(sha).object
            except UnknownObjectException:  # no tag object: a lightweight tag's commit
                return sha
            return _peeled(repo, target.type, target.sha)

        return self._ask(repository, ask)

    def merge_commit(self, repository: str, number: int) -> str:
        """Return the SHA by which the pull request of that number landed."""

        def ask(repo: "Repository") -> str:
            return _sha(repo.get_pull(number).merge_commit_sha)

        return self._ask(repository, ask)

    def _ask(self, repository: str, question: "Callable[[Repository], T]") -> T:
        if self.token is None:
            raise LookUpError("`github-token` is empty")
        try:
            return within(self.budget, lambda: question(self._client().get_repo(repository)))
        except LookUpError:
            raise
        except TimeoutError:
            raise LookUpError("GitHub's API did not answer in time") from None
        except Exception as error:
            raise LookUpError(_reason(error)) from None

    def _client(self) -> "Github":
        from github import Auth, Github, GithubRetry

        # By default PyGithub repeats a server error ten times at once, and sleeps up to an
        # hour on a rate limit.
        retry = GithubRetry(
            total=2,
            backoff_factor=0.5,
            status_forcelist=[500, 502, 503, 504],
            raise_on_status=False,
            max_rate_limit_wait=5,
            secondary_rate_wait=5,
            retry_after_max=5,
        )
        return Github(
            auth=Auth.Token(self.token or ""),
            base_url=self.api_url,
            timeout=10,
            per_page=100,
            retry=retry,
            seconds_between_requests=None,
            seconds_between_writes=None,
            lazy=True,
        )


def _peeled(repo: "Repository", kind: str, sha: str) -> str:
    """Follow a tag of a tag down to its commit."""
    for _ in range(_MAX_TAGS_OF_TAGS):
        if kind == "commit":
            return _sha(sha)
        if kind != "tag":
            break
        target = repo.get_git_tag(sha).object
        kind, sha = target.type, target.sha
    raise LookUpError("the tag does not point to a commit")


def _sha(value: object) -> str:
    sha = full_sha(value)
    if sha is None:  # PyGithub takes a web page for an object without values
        raise LookUpError("GitHub's answer holds no commit SHA")
    return sha


def _reason(error: Exception) -> str:
    """Return why a look-up failed; never the exception's text, which may quote anything."""
    status = getattr(error, "status", None)
    if status == 401:
        return "GitHub refused `github-token` (401)"
    if status in {403, 429}:
        return f"GitHub refused the look-up ({status}): a missing permission, or a rate limit"
    if status == 404:
        return "GitHub knows no such thing, or `github-token` may not see it (404)"
    if isinstance(status, int):
        return f"GitHub's API answered {status}"
    name = re.sub(r"[^A-Za-z0-9]", "", type(error).__name__)
    return f"GitHub's API could not be asked ({name})"
