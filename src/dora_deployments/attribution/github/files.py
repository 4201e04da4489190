"""The files that pull requests and commits change, in as few requests as can be."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from dora_deployments.actions.payload import Payload
from dora_deployments.attribution.answers import ChangedFiles
from dora_deployments.attribution.github import graphql
from dora_deployments.attribution.github.api import Api, get_page
from dora_deployments.attribution.look_ups import LookUpError

if TYPE_CHECKING:
    from dora_deployments.attribution.github.client import Client

_NEEDS: Final = "pull-requests: read"
_BATCH: Final = 50
# GitHub lists no more of one pull request or commit (REST documentation, "List pull requests
# files" and "Get a commit").
_MOST_FILES: Final = 3_000
# Each pull request and commit that no query tells takes a request of its own.
_MOST_BY_REST: Final = 100


def changed_files(
    api: Api, repository: str, pulls: Sequence[int], commit_shas: Sequence[str]
) -> ChangedFiles:
    """Return the files of pull requests and of single commits.

    Queries tell the first hundred files of each pull request, and no old names; whichever
    has more, or a renamed one, is read by pages, as commits are.
    """
    if len(commit_shas) > _MOST_BY_REST:
        return ChangedFiles(by_pull={}, cut=True)
    by_pull = _by_queries(api, repository, pulls)
    long = [number for number in pulls if number not in by_pull]
    if len(long) + len(commit_shas) > _MOST_BY_REST:
        return ChangedFiles(by_pull={}, cut=True)
    addresses = [
        *(f"/repos/{repository}/pulls/{number}/files" for number in long),
        *(f"/repos/{repository}/commits/{sha}" for sha in commit_shas),
    ]
    paged = _by_pages(api, addresses)
    by_pull.update(zip(long, map(_names, paged), strict=False))
    return ChangedFiles(
        by_pull=by_pull,
        by_commit=dict(zip(commit_shas, map(_names, paged[len(long) :]), strict=True)),
        cut=any(len(listed) >= _MOST_FILES for listed in paged),
    )


def _by_queries(api: Api, repository: str, pulls: Sequence[int]) -> dict[int, frozenset[str]]:
    """Return the files of those pull requests for which a query tells all of them."""

    def ask(batch: Sequence[int], client: "Client") -> dict[int, frozenset[str]]:
        answer, _ = graphql.ask(client, graphql.files(batch), repository)
        return {
            number: frozenset(file["path"] for file in graphql.nodes(answer.get(f"p{index}.files")))
            for index, number in enumerate(batch)
            if _is_whole(answer.get(f"p{index}.files"))
        }

    batches = [pulls[start : start + _BATCH] for start in range(0, len(pulls), _BATCH)]
    found: dict[int, frozenset[str]] = {}
    for answer in api.ask_all(_NEEDS, [partial(ask, batch) for batch in batches]):
        if not isinstance(answer, LookUpError):
            found.update(answer)
        elif answer.outage:
            raise answer
    return found


def _is_whole(connection: object) -> bool:
    """Return whether a list of files is complete, and none of them had another name before."""
    files = list(map(Payload, graphql.nodes(connection)))
    return Payload(connection).flag("pageInfo.hasNextPage") is False and all(
        file.text("path") and file.text("changeType") != "RENAMED" for file in files
    )


def _by_pages(api: Api, addresses: Sequence[str]) -> list[list[Any]]:
    """Return the files that are listed at each address, in its pages side by side."""

    def ask(address: str, page: int, client: "Client") -> tuple[list[Any], int]:
        answer, last = get_page(client, address, per_page=100, page=page)
        listed = answer.get("files") if isinstance(answer, dict) else answer
        if not isinstance(listed, list):
            raise LookUpError("GitHub's list of changed files could not be read")
        return listed, last

    firsts = _all(api.ask_all(_NEEDS, [partial(ask, address, 1) for address in addresses]))
    rest = [(index, page) for index, (_, last) in enumerate(firsts) for page in range(2, last + 1)]
    others = _all(api.ask_all(_NEEDS, [partial(ask, addresses[i], page) for i, page in rest]))
    found = [list(listed) for listed, _ in firsts]
    for (index, _), (listed, _) in zip(rest, others, strict=True):
        found[index].extend(listed)
    return found


def _all(answers: "list[tuple[list[Any], int] | LookUpError]") -> list[tuple[list[Any], int]]:
    good = []
    for answer in answers:
        if isinstance(answer, LookUpError):
            raise answer
        good.append(answer)
    return good


def _names(listed: Sequence[Any]) -> frozenset[str]:
    return frozenset(_paths(listed))


def _paths(listed: Sequence[Any]) -> Iterator[str]:
    """Yield the path of each file, and the one it had before it was renamed."""
    for item in listed:
        for key in ("filename", "previous_filename"):
            if isinstance(item, dict) and isinstance(item.get(key), str):
                yield item[key]
