"""The merged pull requests that commits belong to, a hundred commits at a time."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from dora_deployments.actions import moments
from dora_deployments.actions.payload import Payload
from dora_deployments.attribution.answers import MOST_ALONE, PullsByCommit
from dora_deployments.attribution.github import graphql
from dora_deployments.attribution.github.api import Api, get
from dora_deployments.attribution.github.batches import ask_in_batches
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.deployment import PullRequest

if TYPE_CHECKING:
    from dora_deployments.attribution.github.client import Client

_NEEDS: Final = "pull-requests: read"
# A commit belongs to one pull request or two; where there are more, they are asked again.
_PULLS: Final = 10
_MOST_PULLS: Final = 100

_UNREADABLE: Final = "GitHub's list of pull requests could not be read"

_Found = dict[str, tuple[PullRequest, ...]]


def landings(api: Api, repository: str, commit_shas: Sequence[str]) -> PullsByCommit:
    """Return the merged pull requests of each commit: by queries, else a few one by one."""
    found: _Found = {}
    problem = _by_queries(api, repository, commit_shas, found)
    missing = [sha for sha in commit_shas if sha not in found]
    if problem is not None and not problem.outage and len(missing) <= MOST_ALONE:
        problem = _by_rest(api, repository, missing, found)
    return PullsByCommit(by_commit=found, problem=str(problem) if problem else None)


def _by_queries(
    api: Api, repository: str, commit_shas: Sequence[str], found: _Found
) -> LookUpError | None:
    """Add what queries tell to `found`; return why something is missing, if it is."""
    more: list[str] = []
    query = partial(_query, repository, _PULLS, more)
    problem = ask_in_batches(api, _NEEDS, commit_shas, query, found)
    crowded = list(dict.fromkeys(more))
    for sha in crowded:
        del found[sha]
    again: _Found = {}
    query = partial(_query, repository, _MOST_PULLS, more)
    worse = ask_in_batches(api, _NEEDS, crowded, query, again)
    found.update(again)
    return worse or problem


def _query(
    repository: str, first: int, more: list[str], commit_shas: Sequence[str], client: "Client"
) -> _Found:
    """Return the `first` pull requests of each commit; add commits that have more to `more`."""
    answer, errors = graphql.ask(client, graphql.landings(commit_shas, first), repository)
    if errors:
        raise LookUpError("GitHub refused the query for pull requests")
    own = answer.text("nameWithOwner") or repository  # it may have been renamed since
    found: _Found = {}
    crowded: list[str] = []
    for index, sha in enumerate(commit_shas):
        connection = answer.get(f"c{index}.associatedPullRequests")
        nodes = map(Payload, graphql.nodes(connection, "pull requests of a commit"))
        has_more = Payload(connection).flag("pageInfo.hasNextPage")
        if has_more is None:
            raise LookUpError(_UNREADABLE)
        if has_more:
            crowded.append(sha)
        found[sha] = tuple(pull for node in nodes if (pull := _from_query(node, own)) is not None)
    more.extend(crowded)
    return found


def _by_rest(
    api: Api, repository: str, commit_shas: Sequence[str], found: _Found
) -> LookUpError | None:
    """Add what the REST API says about each commit, one request for each."""

    def name(client: "Client") -> str:
        return Payload(get(client, f"/repos/{repository}")).text("full_name") or repository

    def ask(sha: str, client: "Client") -> tuple[PullRequest, ...]:
        listed = get(client, f"/repos/{repository}/commits/{sha}/pulls", per_page=_MOST_PULLS)
        if not isinstance(listed, list):
            raise LookUpError(_UNREADABLE)
        pulls = (_from_rest(Payload(item), own) for item in listed)
        return tuple(pull for pull in pulls if pull is not None)

    try:
        own = api.ask(_NEEDS, name)  # it may have been renamed since
    except LookUpError as error:
        return error
    problem: LookUpError | None = None
    answers = api.ask_all(_NEEDS, [partial(ask, sha) for sha in commit_shas])
    for sha, answer in zip(commit_shas, answers, strict=True):
        if isinstance(answer, LookUpError):
            problem = answer
        else:
            found[sha] = answer
    return problem


def _from_query(node: Payload, repository: str) -> PullRequest | None:
    """Return a merged pull request of this repository; its forks share their commits with it."""
    number, is_merged = node.id("number"), node.flag("merged")
    base = node.text("baseRepository.nameWithOwner") or repository
    if number is None or is_merged is None:
        raise LookUpError(_UNREADABLE)
    if not is_merged or not _same(base, repository):
        return None
    return PullRequest(
        number=number,
        merge_commit_sha=node.sha("mergeCommit.oid") or "",
        base=node.text("baseRefName"),
        title=node.text("title") or "",
        merged_at=moments.iso(node.get("mergedAt")),
    )


def _from_rest(item: Payload, repository: str) -> PullRequest | None:
    """Return a merged pull request of this repository; an open one has no time of merging."""
    number = item.id("number")
    merged_at = moments.iso(item.get("merged_at"))
    base = item.text("base.repo.full_name") or repository
    if number is None or (merged_at is None and item.get("merged_at") is not None):
        raise LookUpError(_UNREADABLE)
    if merged_at is None or not _same(base, repository):
        return None
    return PullRequest(
        number=number,
        merge_commit_sha=item.sha("merge_commit_sha") or "",
        base=item.text("base.ref"),
        title=item.text("title") or "",
        merged_at=merged_at,
    )


def _same(one: str, other: str) -> bool:
    return one.lower() == other.lower()
