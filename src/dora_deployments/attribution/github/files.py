"""The files that pull requests and commits change, in pages, where no query tells them."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from dora_deployments.attribution.answers import MOST_ALONE, ChangedFiles
from dora_deployments.attribution.github.api import Api, get_page
from dora_deployments.attribution.look_ups import LookUpError

if TYPE_CHECKING:
    from dora_deployments.attribution.github.client import Client

_NEEDS: Final = "pull-requests: read"
# GitHub lists no more of one pull request or commit (REST documentation, "List pull requests
# files" and "Get a commit").
_MOST_FILES: Final = 3_000
# As many as two that are nearly too long, or as several for each of `MOST_ALONE`.
_MOST_PAGES: Final = 60


def commit_files(api: Api, repository: str, commit_shas: Sequence[str]) -> ChangedFiles:
    """Return the files of single commits, with a request or more for each of a few of them."""
    paged = _by_pages(api, [f"/repos/{repository}/commits/{sha}" for sha in commit_shas])
    if paged is None:
        return ChangedFiles(cut=True)
    return ChangedFiles(
        by_commit=dict(zip(commit_shas, map(names, paged), strict=True)),
        cut=any(len(listed) >= _MOST_FILES for listed in paged),
    )


def pull_files(
    api: Api, repository: str, numbers: Sequence[int]
) -> dict[int, frozenset[str] | None]:
    """Return the files of pull requests in the same way; None for those that are too many."""
    addresses = [f"/repos/{repository}/pulls/{number}/files" for number in numbers]
    paged = _by_pages(api, addresses)
    if paged is None:
        return dict.fromkeys(numbers)
    return {
        number: names(listed) if len(listed) < _MOST_FILES else None
        for number, listed in zip(numbers, paged, strict=True)
    }


def _by_pages(api: Api, addresses: Sequence[str]) -> list[list[Any]] | None:
    """Return the files that are listed at each address, in its pages side by side.

    None stands for more lists, or more pages, than are asked for.
    """

    def ask(address: str, page: int, client: "Client") -> tuple[list[Any], int]:
        answer, last = get_page(client, address, per_page=100, page=page)
        listed = answer.get("files") if isinstance(answer, dict) else answer
        if not isinstance(listed, list):
            raise LookUpError("GitHub's list of changed files could not be read")
        return listed, last

    if len(addresses) > MOST_ALONE:
        return None
    firsts = _all(api.ask_all(_NEEDS, [partial(ask, address, 1) for address in addresses]))
    rest = [(index, page) for index, (_, last) in enumerate(firsts) for page in range(2, last + 1)]
    if len(firsts) + len(rest) > _MOST_PAGES:
        return None
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


def names(listed: Sequence[Any]) -> frozenset[str]:
    """Return the paths of files as REST lists them, the old ones of renames included."""
    return frozenset(_paths(listed))


def _paths(listed: Sequence[Any]) -> Iterator[str]:
    """Yield the path of each file, and the one it had before it was renamed."""
    for item in listed:
        for key in ("filename", "previous_filename"):
            if isinstance(item, dict) and isinstance(item.get(key), str):
                yield item[key]
