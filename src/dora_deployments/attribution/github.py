"""The few questions that only GitHub's API can answer, asked within a budget.

The only module that speaks to GitHub. PyGithub takes longer to import than most runs
take in all, so it is imported when the first question is asked.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dora_deployments.actions.payload import full_sha
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.budget import Budget, within

if TYPE_CHECKING:
    from github import Github
    from github.GitRef import GitRef
    from github.GitTag import GitTag
    from github.Repository import Repository

LOOK_UP_SECONDS: Final = 20.0
_MAX_TAGS_OF_TAGS: Final = 5
_REFUSALS: Final = {
    401: "GitHub refused `github-token` (401)",
    403: (
        "`github-token` lacks `contents: read` or `pull-requests: read`, or its rate limit is used"
        " up (403)"
    ),
    404: "GitHub knows no such thing, or `github-token` may not see it (404)",
    422: "GitHub knows no such commit, or more than one (422)",
    429: "the rate limit of `github-token` is used up (429)",
}


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
            name: object = repo.default_branch
            if not isinstance(name, str):  # PyGithub takes a web page for an empty object
                raise LookUpError("GitHub's answer names no default branch")
            return name

        return self._ask(repository, ask)

    def commit(self, repository: str, abbreviated: str) -> str:
        """Return the full SHA of the one commit that `abbreviated`, a short SHA, names."""
        return self._ask(repository, lambda repo: _commit(repo, abbreviated))

    def tag_commit(self, repository: str, tag: str) -> str:
        """Return the SHA of the commit that the tag of that name points to."""
        return self._ask(repository, lambda repo: _peeled(repo, repo.get_git_ref(f"tags/{tag}")))

    def peeled(self, repository: str, sha: str) -> str:
        """Return the SHA of the commit behind `sha`, a tag object's or a commit's own."""

        def ask(repo: "Repository") -> str:
            from github import UnknownObjectException

            try:
                tag = repo.get_git_tag(sha)
            except UnknownObjectException:
                # A lightweight tag's commit, or else a repository that we may not see.
                return _commit(repo, sha)
            return _peeled(repo, tag)

        return self._ask(repository, ask)

    def merge_commit(self, repository: str, number: int) -> str:
        """Return the SHA by which the pull request of that number landed."""

        def ask(repo: "Repository") -> str:
            pull = repo.get_pull(number)
            if pull.merged is not True:  # until then, GitHub names a commit of a trial merge
                raise LookUpError("GitHub does not say yet that the pull request is merged")
            return _sha(pull.merge_commit_sha)

        return self._ask(repository, ask)

    def _ask(self, repository: str, question: "Callable[[Repository], str]") -> str:
        def work() -> str:
            with self._client() as client:
                return question(client.get_repo(repository))

        if self.token is None:
            raise LookUpError("`github-token` is empty")
        try:
            return within(self.budget, work)
        except LookUpError:
            raise
        except TimeoutError:
            raise LookUpError("GitHub's API did not answer in time") from None
        except Exception as error:
            raise LookUpError(_reason(error)) from None

    def _client(self) -> "Github":
        from github import Auth, Github, GithubRetry, set_log_level

        # PyGithub prints addresses to stderr, redirects and refusals for example.
        set_log_level(logging.CRITICAL)
        # By default PyGithub repeats a server error ten times at once, and sleeps up to an
        # hour on a rate limit. Limits name waits of a minute and more, for which there is no
        # time here.
        retry = GithubRetry(
            total=2,
            backoff_factor=0.5,
            status_forcelist=[500, 502, 503, 504],
            raise_on_status=False,
            max_rate_limit_wait=5,
            respect_retry_after_header=False,
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


def _commit(repo: "Repository", sha: str) -> str:
    """Return the full SHA of the commit that `sha` is, or is the start of."""
    # PyGithub would take `.sha` from the address that was asked, so read the answer itself.
    found = _sha(repo.get_commit(sha, commit_files_per_page=1).raw_data.get("sha"))
    # The same address resolves branches and tags.
    if not found.startswith(sha):
        raise LookUpError(f"GitHub knows no commit {sha}")
    return found


def _peeled(repo: "Repository", tag: "GitRef | GitTag") -> str:
    """Follow a tag, and tags of tags, down to the commit."""
    for _ in range(_MAX_TAGS_OF_TAGS):
        target = tag.object
        if target.type == "commit":
            return _sha(target.sha)
        if target.type != "tag":
            break
        tag = repo.get_git_tag(target.sha)
    raise LookUpError("the tag does not point to a commit")


def _sha(value: object) -> str:
    sha = full_sha(value)
    if sha is None:
        raise LookUpError("GitHub's answer holds no commit SHA")
    return sha


def _reason(error: Exception) -> str:
    """Return why a look-up failed; never the exception's text, which may quote anything."""
    status = getattr(error, "status", None)
    if isinstance(status, int):
        return _REFUSALS.get(status, f"GitHub's API answered {status}")
    name = type(error).__name__
    if isinstance(error, OSError):  # all of requests' own errors are
        return f"the connection to GitHub's API failed ({name})"
    return f"GitHub's answer could not be read ({name})"
