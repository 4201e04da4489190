"""The range between two commits, read in pages side by side."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from dora_deployments.actions import moments
from dora_deployments.actions.payload import Payload
from dora_deployments.attribution.answers import LARGEST_RANGE, Commit, Comparison, Relation
from dora_deployments.attribution.github import trimmed
from dora_deployments.attribution.github.api import WIDTH, Api, get, get_links, last_page
from dora_deployments.attribution.github.files import names
from dora_deployments.attribution.look_ups import LookUpError

if TYPE_CHECKING:
    from dora_deployments.attribution.github.client import Client

_NEEDS: Final = "contents: read"
_PAGE: Final = 100
# "The response [...] includes up to 300 changed files for the entire comparison", all of them on
# the first page (REST documentation, "Compare two commits").
_MOST_FILES: Final = 300
# After ten seconds: "Server Error: Sorry, this diff is taking too long to generate."
_CANNOT: Final = 500
_RELATIONS: Final = ("identical", "ahead", "behind", "diverged")


class _GaveUpError(LookUpError):
    """GitHub has no time to compare the files of two commits; it may still list the commits."""

    def __init__(self) -> None:
        super().__init__("GitHub gave up on the comparison of two commits")


def comparison(api: Api, repository: str, base: str, head: str) -> Comparison:
    """Return what `head`, a full SHA, has that `base` has not.

    Where GitHub cannot compare them, the commits before each of the two tell. Raises
    `LookUpError` where the pages do not hold what they say.
    """
    try:
        return _compared(api, repository, base, head)
    except _GaveUpError:
        return _by_commits(api, repository, base, head)


def _compared(api: Api, repository: str, base: str, head: str) -> Comparison:
    """Return GitHub's own comparison. The first page tells how many more there are."""
    page = partial(_page, f"/repos/{repository}/compare/{base}...{head}")
    first = api.ask(_NEEDS, partial(page, 1))
    relation, total = first.text("status"), _count(first.get("total_commits"))
    full_base, merge_base = first.sha("base_commit.sha"), first.sha("merge_base_commit.sha")
    if relation not in _RELATIONS or total is None or not full_base or not merge_base:
        raise LookUpError("GitHub's comparison of two commits could not be read")
    commits: dict[str, Commit] = {}
    if total <= LARGEST_RANGE:
        numbers = range(2, -(-total // _PAGE) + 1)
        others = api.ask_all(_NEEDS, [partial(page, number) for number in numbers])
        for answer in (first, *others):
            if isinstance(answer, LookUpError):
                raise answer
            commits.update((commit.sha, commit) for commit in _commits(answer.get("commits")))
        if len(commits) != total:
            raise LookUpError(f"GitHub listed {len(commits)} of {total} commits only")
    ends = _commits([first.get("base_commit"), first.get("merge_base_commit")])
    known = {**commits, **{commit.sha: commit for commit in ends}}
    return Comparison(
        relation=cast("Relation", relation),
        base=full_base,
        merge_base=merge_base,
        total=total,
        commits=tuple(commits.values()),
        committed_at=known[head].committed_at if head in known else None,
        files=_files(first.get("files")),
    )


def compared_files(api: Api, repository: str, base: str, head: str) -> frozenset[str] | None:
    """Return the `files` of the comparison alone, by one request."""
    page = partial(_page, f"/repos/{repository}/compare/{base}...{head}", 1, size=1)
    try:
        return _files(api.ask(_NEEDS, page).get("files"))
    except _GaveUpError:
        return None


def _page(path: str, number: int, client: "Client", size: int = _PAGE) -> Payload:
    from github import GithubException
    from requests import ReadTimeout

    try:
        return Payload(get(client, path, per_page=size, page=number))
    except GithubException as error:
        if error.status == _CANNOT:
            raise _GaveUpError from None
        raise
    except ReadTimeout:
        raise _GaveUpError from None


def _by_commits(api: Api, repository: str, base: str, head: str) -> Comparison:
    """Return the same by the commits before each of the two, read as far down as need be.

    Raises `LookUpError` where more than `LARGEST_RANGE` of one of them would have to be read.
    """
    from dora_deployments.attribution.graph import Graph

    graph = Graph()
    ours, theirs = _History(head), _History(base)
    full_base = ""
    reading = [ours, theirs]
    while wanted := [(each, number) for each in reading for number in each.next()]:
        questions = [partial(_listed, repository, each.sha, number) for each, number in wanted]
        for (each, number), answer in zip(wanted, api.ask_all(_NEEDS, questions), strict=True):
            if isinstance(answer, LookUpError):
                raise answer
            items, links = answer
            for commit, committed_at, parents in items:
                moment = trimmed.moment(committed_at)
                graph.add(commit, moment, parents)
                each.commits[commit] = moment
            each.last = min(each.last, last_page(links) or number)
        full_base = full_base or next(iter(theirs.commits))
        found = graph.compare(full_base, head)
        if isinstance(found, Comparison):
            return found
        # Newer ones come first, so the base may still be among those before the head.
        is_later = min(ours.commits.values()) > theirs.commits[full_base] and ours.has_more
        reading = [ours] if is_later else [ours, theirs]
    raise LookUpError(
        "GitHub gave up on the comparison of two commits, and more than"
        f" {LARGEST_RANGE} of the commits before one of them would have to be read instead"
    )


class _History:
    """The commits that a commit is made of, itself first, as far as they were read."""

    def __init__(self, sha: str) -> None:
        self.sha = sha
        self.commits: dict[str, datetime] = {}
        self.last = LARGEST_RANGE // _PAGE
        self._pages = range(1, 1)

    @property
    def has_more(self) -> bool:
        """Whether there are pages to read, as far as is known."""
        return self._pages.stop <= self.last

    def next(self) -> range:
        """Return the numbers of the pages to read next: 1, then 2 and 3, then more at a time."""
        start, width = self._pages.stop, min(max(1, 2 * len(self._pages)), WIDTH)
        self._pages = range(start, min(start + width, self.last + 1))
        return self._pages


def _listed(
    repository: str, sha: str, number: int, client: "Client"
) -> tuple[list[list[Any]], str]:
    """Return a page of what a commit is made of, and the links to others."""
    path = f"/repos/{repository}/commits"
    answer, links = get_links(client, path, sha=sha, per_page=_PAGE, page=number)
    page = trimmed.commits(answer)
    if page["odd"] or not page["items"]:
        raise trimmed.unreadable("the commits")
    # The same parameter takes branches.
    if number == 1 and not page["items"][0][0].startswith(sha):
        raise LookUpError(f"GitHub knows no commit {sha}", absent=True)
    return page["items"], links


def _files(listed: object) -> frozenset[str] | None:
    """Return the paths of the files, the old ones of renames included, if these are all."""
    files = listed if isinstance(listed, list) else [None] * _MOST_FILES
    if len(files) >= _MOST_FILES or not all(Payload(file).text("filename") for file in files):
        return None
    return names(files)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and 0 <= value < 10**9 else None


def _commits(found: object) -> Iterator[Commit]:
    for item in map(Payload, found if isinstance(found, list) else ()):
        parents = item.get("parents")
        if sha := item.sha("sha"):
            yield Commit(
                sha=sha,
                is_merge=isinstance(parents, list) and len(parents) > 1,
                committed_at=moments.iso(item.get("commit.committer.date")),
            )
