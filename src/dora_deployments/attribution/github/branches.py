"""What was merged into branches, and when these were merged into others, by a few queries."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from dora_deployments.actions import moments
from dora_deployments.actions.payload import Payload
from dora_deployments.attribution.answers import BranchHistory, Promotion
from dora_deployments.attribution.github import graphql
from dora_deployments.attribution.github.api import Api
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.deployment import PullRequest

if TYPE_CHECKING:
    from dora_deployments.attribution.github.client import Client

_NEEDS: Final = "pull-requests: read"
# More at once than any deployment should ask about; a query of theirs costs a point.
_AT_ONCE: Final = 25


def branch_histories(
    api: Api, repository: str, promotions: Sequence[Promotion]
) -> list[BranchHistory]:
    """Return the last hundred pull requests into and out of the branch of each promotion."""
    branches = list(dict.fromkeys((each.head, each.base) for each in promotions))
    batches = [branches[start : start + _AT_ONCE] for start in range(0, len(branches), _AT_ONCE)]
    found: dict[tuple[str, str], BranchHistory] = {}
    for answer in api.ask_all(_NEEDS, [partial(_query, repository, batch) for batch in batches]):
        if isinstance(answer, LookUpError):
            raise answer
        found.update(answer)
    return [found[each.head, each.base] for each in promotions]


def _query(
    repository: str, branches: Sequence[tuple[str, str]], client: "Client"
) -> dict[tuple[str, str], BranchHistory]:
    variables = {
        f"{side}{index}": name
        for index, (head, base) in enumerate(branches)
        for side, name in (("head", head), ("base", base))
    }
    query = graphql.branches(len(branches))
    answer, errors = graphql.ask(client, query, repository, **variables)
    if errors:
        raise LookUpError("GitHub refused the query for merged branches")
    return {
        branch: _history(answer.get(f"into{index}"), answer.get(f"onward{index}"))
        for index, branch in enumerate(branches)
    }


def _history(into: object, onward: object) -> BranchHistory:
    found = Payload(into)
    merged = list(map(Payload, graphql.nodes(into, "pull requests into a branch")))
    onward_pulls = map(Payload, graphql.nodes(onward, "pull requests out of a branch"))
    updated = [_moment(each, "updatedAt") for each in merged]
    return BranchHistory(
        merged=tuple(map(_pull, merged)),
        # They come by their last update, which no merge is later than.
        listed_since=updated[-1] if _flag(found, "pageInfo.hasNextPage") else None,
        promoted_at=tuple(
            _moment(each, "mergedAt")
            for each in onward_pulls
            if not _flag(each, "isCrossRepository")
        ),
    )


def _pull(node: Payload) -> PullRequest:
    number = node.id("number")
    if number is None:
        raise _unreadable()
    return PullRequest(
        number=number,
        merge_commit_sha=node.sha("mergeCommit.oid") or "",
        base=node.text("baseRefName"),
        title=node.text("title") or "",
        merged_at=_moment(node, "mergedAt"),
    )


def _moment(node: Payload, path: str) -> datetime:
    found = moments.iso(node.get(path))
    if found is None:
        raise _unreadable()
    return found


def _flag(node: Payload, path: str) -> bool:
    found = node.flag(path)
    if found is None:
        raise _unreadable()
    return found


def _unreadable() -> LookUpError:
    return LookUpError("GitHub's answer to the query for merged branches could not be read")
