"""What pull requests are made of: their commits and files, a hundred pull requests at a time."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from dora_deployments.actions import moments
from dora_deployments.actions.payload import Payload
from dora_deployments.attribution.answers import PullDetail, PullDetails
from dora_deployments.attribution.github import graphql
from dora_deployments.attribution.github.api import Api
from dora_deployments.attribution.github.batches import ask_in_batches
from dora_deployments.attribution.github.files import pull_files

if TYPE_CHECKING:
    from dora_deployments.attribution.github.client import Client

_NEEDS: Final = "pull-requests: read"
# The headlines that GitHub writes by default for a squash and for a merge ("About merge methods on
# GitHub"). A repository may choose others.
# A headline of more than 72 characters is cut, and its end is the beginning of the body then.
_CUT: Final = "\N{HORIZONTAL ELLIPSIS}"
_NUMBER: Final = "#([1-9][0-9]{0,8})"
_NAMED: Final = re.compile(rf"Merge pull request {_NUMBER} from .*|.*\({_NUMBER}\)")


def pull_details(api: Api, repository: str, numbers: Sequence[int], *, files: bool) -> PullDetails:
    """Return details of pull requests, and the files that they change if asked for.

    Queries tell the first hundred files of each pull request, and no old names; whichever
    has more, or a renamed one, is read by pages. Raises `LookUpError` where files cannot be
    looked up; all else that cannot is left out.
    """
    found: dict[int, PullDetail] = {}
    query = partial(_query, repository, files=files)
    problem = ask_in_batches(api, _NEEDS, numbers, query, found)
    if not files:
        return PullDetails(by_number=found)
    if problem is not None and problem.outage:
        raise problem
    known = {number: found.get(number, PullDetail()) for number in numbers}
    paged = pull_files(
        api, repository, [number for number, each in known.items() if each.files is None]
    )
    for number, its in paged.items():
        known[number] = replace(known[number], files=its, is_paged=True)
    return PullDetails(by_number=known)


def _query(
    repository: str, numbers: Sequence[int], client: "Client", *, files: bool
) -> dict[int, PullDetail]:
    """Return the details of those pull requests that the answer has."""
    answer, _ = graphql.ask(client, graphql.details(numbers, files=files), repository)
    nodes = {number: answer.get(f"p{index}") for index, number in enumerate(numbers)}
    return {
        number: _detail(Payload(node), number) if isinstance(node, dict) else PullDetail()
        for number, node in nodes.items()
    }


def _detail(node: Payload, number: int) -> PullDetail:
    return replace(commits_of(node, number), files=_files(node.get("files")))


def commits_of(node: Payload, number: int) -> PullDetail:
    """Return what any query says of a pull request's branch and commits."""
    listed = node.get("commits.nodes")
    found = map(Payload, listed if isinstance(listed, list) else [])
    commits = {sha: commit for commit in found if (sha := commit.sha("commit.oid"))}
    times = [moments.iso(commit.get("commit.authoredDate")) for commit in commits.values()]
    count = node.get("commits.totalCount")
    return PullDetail(
        head=None if node.flag("isCrossRepository") else node.text("headRefName"),
        # Without a count, there may be more than are listed.
        commit_count=count if isinstance(count, int) else len(commits) + 1,
        commit_shas=tuple(commits),
        names_others=any(_may_merge_other(commit, number) for commit in commits.values()),
        oldest_commit_at=min((time for time in times if time is not None), default=None),
        first_commit_at=times[0] if times else None,
    )


def _may_merge_other(commit: Payload, number: int) -> bool:
    """Return whether a commit may be the merge of a pull request of another number."""
    headline = commit.text("commit.messageHeadline") or ""
    if named := _NAMED.fullmatch(headline):
        return int(named[1] or named[2]) != number
    return headline.endswith(_CUT) and commit.flag("commit.committedViaWeb") is True


def _files(connection: object) -> frozenset[str] | None:
    """Return the files if the list is complete, and none of them had another name before."""
    found = Payload(connection)
    listed = found.get("nodes")
    if not isinstance(listed, list) or found.flag("pageInfo.hasNextPage") is not False:
        return None
    nodes = list(map(Payload, listed))
    if not all(node.text("path") and node.text("changeType") != "RENAMED" for node in nodes):
        return None
    return frozenset(str(node.get("path")) for node in nodes)
