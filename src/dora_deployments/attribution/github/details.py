"""What pull requests are made of: their commits and files, a hundred pull requests at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from dora_deployments.actions import moments
from dora_deployments.actions.payload import Payload
from dora_deployments.attribution.answers import PullCommit, PullDetail, PullDetails
from dora_deployments.attribution.github import graphql
from dora_deployments.attribution.github.api import Api
from dora_deployments.attribution.github.batches import ask_in_batches
from dora_deployments.attribution.github.files import pull_files

if TYPE_CHECKING:
    from dora_deployments.attribution.github.client import Client

_NEEDS: Final = "pull-requests: read"


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
        number: _detail(Payload(node)) if isinstance(node, dict) else PullDetail()
        for number, node in nodes.items()
    }


def _detail(node: Payload) -> PullDetail:
    commits = tuple(_commits(node.get("commits")))
    count = node.get("commits.totalCount")
    return PullDetail(
        head=node.text("headRefName"),
        commit_count=count if isinstance(count, int) else 0,
        commits=commits,
        first_commit_at=commits[0].authored_at if commits else None,
        files=_files(node.get("files")),
    )


def _commits(connection: object) -> Iterator[PullCommit]:
    for node in map(Payload, graphql.nodes(connection)):
        if sha := node.sha("commit.oid"):
            yield PullCommit(
                sha=sha,
                authored_at=moments.iso(node.get("commit.authoredDate")),
                headline=node.text("commit.messageHeadline") or "",
            )


def _files(connection: object) -> frozenset[str] | None:
    """Return the files if the list is complete, and none of them had another name before."""
    nodes = list(map(Payload, graphql.nodes(connection)))
    is_whole = Payload(connection).flag("pageInfo.hasNextPage") is False and all(
        node.text("path") and node.text("changeType") != "RENAMED" for node in nodes
    )
    return frozenset(str(node.get("path")) for node in nodes) if is_whole else None
