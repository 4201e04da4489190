"""The merged pull requests that commits belong to, a hundred commits at a time."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from dora_deployments.actions import moments
from dora_deployments.actions.payload import Payload
from dora_deployments.attribution.answers import Landings
from dora_deployments.attribution.github import graphql
from dora_deployments.attribution.github.api import Api, get
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.deployment import PullRequest

if TYPE_CHECKING:
    from dora_deployments.attribution.github.client import Client

_NEEDS: Final = "pull-requests: read"
# How many commits one query asks for, and to how few it is cut where that is too many.
_SIZES: Final = (100, 50, 25, 12, 6)
# A commit belongs to one pull request or two; where there are more, they are asked again.
_PULLS: Final = 10
_MOST_PULLS: Final = 100
_MOST_BY_REST: Final = 100

_Found = dict[str, tuple[PullRequest, ...]]


def landings(api: Api, repository: str, commit_shas: Sequence[str]) -> Landings:
    """Return the merged pull requests of each commit: by queries, else one by one."""
    found: _Found = {}
    problem = _by_queries(api, repository, commit_shas, found)
    missing = [sha for sha in commit_shas if sha not in found]
    if problem is not None and not problem.outage and len(missing) <= _MOST_BY_REST:
        problem = _by_rest(api, repository, missing, found)
    return Landings(by_commit=found, problem=str(problem) if problem else None)


def _by_queries(
    api: Api, repository: str, commit_shas: Sequence[str], found: _Found
) -> LookUpError | None:
    """Add what queries tell to `found`; return why something is missing, if it is.

    What is too much for the server is asked in halves. As long as it has answered nothing,
    the first half goes alone, to see whether its size will do.
    """
    problem: LookUpError | None = None
    for size in _SIZES:
        missing = [sha for sha in commit_shas if sha not in found]
        if problem and (len(missing) <= size or not api.has_time()):
            continue  # nothing would get smaller, or the other way needs the time
        batches = _batches(missing, size)
        probes = 1 if problem and not found else len(batches)
        for group in (batches[:probes], batches[probes:]):
            problem = _asked(api, repository, group, found) or problem
            if problem and not found:
                break
        if len(found) == len(set(commit_shas)):
            return None
        if not isinstance(problem, graphql.TooLargeError):
            break
    return problem


def _asked(
    api: Api, repository: str, batches: Sequence[Sequence[str]], found: _Found
) -> LookUpError | None:
    """Add the answers for all of `batches` to `found`; return the worst problem, if any."""
    problem: LookUpError | None = None
    questions = [partial(_query, repository, batch, _PULLS) for batch in batches]
    crowded: list[str] = []
    for answer in api.ask_all(_NEEDS, questions):
        if not isinstance(answer, LookUpError):
            pulls, more = answer
            found.update(pulls)
            crowded.extend(more)
        elif problem is None or isinstance(problem, graphql.TooLargeError):
            problem = answer
    if not crowded:
        return problem
    alone = [partial(_query, repository, [sha], _MOST_PULLS) for sha in crowded]
    for answer in api.ask_all(_NEEDS, alone):
        if isinstance(answer, LookUpError):
            return answer
        found.update(answer[0])
    return problem


def _batches(commit_shas: Sequence[str], size: int) -> list[Sequence[str]]:
    return [commit_shas[start : start + size] for start in range(0, len(commit_shas), size)]


def _query(
    repository: str, commit_shas: Sequence[str], first: int, client: "Client"
) -> tuple[_Found, list[str]]:
    """Return the pull requests of each commit, and the commits that have more than `first`."""
    text = graphql.landings(commit_shas, first)
    answer, errors = graphql.ask(client, text, repository)
    if errors:
        raise LookUpError("GitHub refused the query for pull requests")
    own = answer.text("nameWithOwner") or repository  # it may have been renamed since
    found: _Found = {}
    crowded: list[str] = []
    for index, sha in enumerate(commit_shas):
        connection = answer.get(f"c{index}.associatedPullRequests")
        if not isinstance(connection, dict):
            raise LookUpError("GitHub's answer to the query for pull requests lacks a commit")
        if first < _MOST_PULLS and Payload(connection).flag("pageInfo.hasNextPage"):
            crowded.append(sha)
        else:
            nodes = map(Payload, graphql.nodes(connection))
            found[sha] = tuple(
                pull for node in nodes if (pull := _from_query(node, own)) is not None
            )
    return found, crowded


def _by_rest(
    api: Api, repository: str, commit_shas: Sequence[str], found: _Found
) -> LookUpError | None:
    """Add what the REST API tells of each commit, one request for each."""

    def name(client: "Client") -> str:
        return Payload(get(client, f"/repos/{repository}")).text("full_name") or repository

    def ask(sha: str, client: "Client") -> tuple[PullRequest, ...]:
        listed = get(client, f"/repos/{repository}/commits/{sha}/pulls", per_page=_MOST_PULLS)
        if not isinstance(listed, list):
            raise LookUpError("GitHub's list of pull requests could not be read")
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
    number, sha = node.id("number"), node.sha("mergeCommit.oid")
    base = node.text("baseRepository.nameWithOwner") or repository
    if not number or not sha or not node.flag("merged") or not _same(base, repository):
        return None
    first = next(map(Payload, graphql.nodes(node.get("commits"))), Payload({}))
    return PullRequest(
        number=number,
        merge_commit_sha=sha,
        base=node.text("baseRefName"),
        title=node.text("title") or "",
        merged_at=moments.iso(node.get("mergedAt")),
        first_commit_at=moments.iso(first.get("commit.authoredDate")),
    )


def _from_rest(item: Payload, repository: str) -> PullRequest | None:
    """Return a merged pull request of this repository; an open one has no time of merging."""
    number, sha = item.id("number"), item.sha("merge_commit_sha")
    merged_at = moments.iso(item.get("merged_at"))
    base = item.text("base.repo.full_name") or repository
    if not number or not sha or merged_at is None or not _same(base, repository):
        return None
    return PullRequest(
        number=number,
        merge_commit_sha=sha,
        base=item.text("base.ref"),
        title=item.text("title") or "",
        merged_at=merged_at,
    )


def _same(one: str, other: str) -> bool:
    return one.lower() == other.lower()
