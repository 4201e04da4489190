"""Single questions: which commit a name stands for, and what a file holds there."""

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import quote

from dora_deployments.actions.payload import Payload, full_sha
from dora_deployments.attribution.github.api import Api, get
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.errors import ConfigurationError

if TYPE_CHECKING:
    from github.GitRef import GitRef
    from github.GitTag import GitTag
    from github.Repository import Repository

    from dora_deployments.attribution.github.client import Client

T = TypeVar("T")

_MAX_TAGS_OF_TAGS: Final = 5
_CONTENTS: Final = "contents: read"
_PULLS: Final = "pull-requests: read"


def default_branch(api: Api, repository: str) -> str:
    """Return the name of the repository's default branch."""

    def ask(repo: "Repository") -> str:
        name: object = repo.default_branch
        if not isinstance(name, str):  # PyGithub takes a web page for an empty object
            raise LookUpError("GitHub's answer names no default branch")
        return name

    return _ask(api, repository, _CONTENTS, ask)


def commit(api: Api, repository: str, abbreviated: str) -> str:
    """Return the full SHA of the one commit that `abbreviated`, a short SHA, names."""
    return _ask(api, repository, _CONTENTS, lambda repo: _commit(repo, abbreviated))


def tag_commit(api: Api, repository: str, tag: str) -> str:
    """Return the SHA of the commit that the tag of that name points to."""
    return _ask(
        api, repository, _CONTENTS, lambda repo: _peeled(repo, repo.get_git_ref(f"tags/{tag}"))
    )


def peeled(api: Api, repository: str, sha: str) -> str:
    """Return the SHA of the commit behind `sha`, a tag object's or a commit's own."""

    def ask(repo: "Repository") -> str:
        from github import UnknownObjectException

        try:
            tag = repo.get_git_tag(sha)
        except UnknownObjectException:
            # A lightweight tag's commit, or else a repository that we may not see.
            return _commit(repo, sha)
        return _peeled(repo, tag)

    return _ask(api, repository, _CONTENTS, ask)


def merge_commit(api: Api, repository: str, number: int) -> str:
    """Return the SHA by which the pull request of that number landed."""

    def ask(repo: "Repository") -> str:
        pull = repo.get_pull(number)
        if pull.merged is not True:  # until then, GitHub names a commit of a trial merge
            raise LookUpError("GitHub does not say yet that the pull request is merged")
        return _sha(pull.merge_commit_sha)

    return _ask(api, repository, _PULLS, ask)


def file(api: Api, repository: str, path: str, commit_sha: str, largest: int) -> bytes | None:
    """Return the file at `path` as the commit has it, or None if it has none there.

    Raises `ConfigurationError` for what is no regular file, or larger than `largest` bytes.
    """

    def ask(client: "Client") -> object:
        return get(client, f"/repos/{repository}/contents/{quote(path)}", ref=commit_sha)

    try:
        answer = api.ask(_CONTENTS, ask)
    except LookUpError as error:
        if error.absent:
            return None
        raise
    where = f"`{path}` of {repository} at {commit_sha[:7]}"
    found = Payload(answer)
    size, encoded = found.get("size"), found.get("content")
    is_folder = isinstance(answer, list) and any(isinstance(entry, dict) for entry in answer)
    if is_folder or found.text("type") in {"symlink", "submodule"}:
        raise ConfigurationError(f"{where} is no regular file; write the path of one")
    is_told = found.text("type") == "file" and found.text("encoding") == "base64"
    content = _decoded(encoded) if is_told else None
    if (isinstance(size, int) and size > largest) or len(content or b"") > largest:
        raise ConfigurationError(f"{where} is larger than {largest} bytes; write less into it")
    if content is None:
        raise LookUpError("GitHub's answer could not be read")
    return content


def _decoded(encoded: object) -> bytes | None:
    try:
        return (
            base64.b64decode(encoded.replace("\n", ""), validate=True)
            if isinstance(encoded, str)
            else None
        )
    except ValueError:
        return None


def _ask(api: Api, repository: str, needs: str, question: "Callable[[Repository], T]") -> T:
    def ask(client: "Client") -> T:
        from github.Repository import Repository

        return question(Repository(client, url=f"/repos/{repository}"))

    return api.ask(needs, ask)


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
