"""What GitHub remembers: deployments, releases and tags."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Final

from dora_deployments.actions import moments
from dora_deployments.actions.event import Marks
from dora_deployments.actions.payload import Payload
from dora_deployments.attribution.answers import Mark, Past, PastDeployment
from dora_deployments.attribution.github import graphql
from dora_deployments.attribution.github.api import Api, get
from dora_deployments.attribution.look_ups import LookUpError

if TYPE_CHECKING:
    from dora_deployments.attribution.github.client import Client

_NEEDS: Final = "deployments: read"
# Each of them takes a request for its statuses.
_MOST_BY_REST: Final = 20


def past(
    api: Api, repository: str, environment: str, task: str, commit_sha: str, marks: Marks | None
) -> Past:
    """Return what GitHub remembers, by one query; deployments by REST where that tells none."""

    def query(client: "Client", *, deployments: bool) -> tuple[Payload, frozenset[str]]:
        return graphql.ask(
            client,
            graphql.PAST,
            repository,
            environment=environment,
            commit=commit_sha,
            deployments=deployments,
            releases=marks == "releases",
            tags=marks == "tags",
        )

    known: list[PastDeployment] | None = None
    problem: LookUpError | None = None
    try:
        found, errors = api.ask("contents: read", partial(query, deployments=True))
        known = None if errors else _queried(found.get("deployments"))
    except graphql.ForbiddenError:
        # One part that may not be read leaves nothing of the answer.
        found = _besides(api, partial(query, deployments=False))
    except LookUpError as error:
        if error.outage:
            raise
        found = Payload({})
    if known is None:
        try:
            known = _by_rest(api, repository, environment, task)
        except LookUpError as error:
            problem = error
    return Past(
        deployments=tuple(known or ()),
        marks=(*_releases(found), *_tags(found)),
        committed_at=moments.iso(found.get("object.committedDate")),
        problem=str(problem) if problem else None,
        outage=problem is not None and problem.outage,
    )


def _besides(api: Api, query: "Callable[[Client], tuple[Payload, frozenset[str]]]") -> Payload:
    """Return what is known besides the deployments, which is good to know and no more."""
    try:
        return api.ask("contents: read", query)[0]
    except LookUpError:
        return Payload({})


def _queried(connection: object) -> list[PastDeployment] | None:
    """Return the deployments that a query found, or None if it does not tell all of each."""
    if not isinstance(connection, dict):
        return None
    deployments = []
    for node in map(Payload, graphql.nodes(connection)):
        sha, created_at = node.sha("commitOid"), moments.iso(node.get("createdAt"))
        if sha is None or created_at is None or not isinstance(node.get("statuses"), dict):
            return None
        statuses = [Payload(status) for status in graphql.nodes(node.get("statuses"))]
        deployments.append(
            PastDeployment(
                id=node.text("id") or "",
                commit_sha=sha,
                task=node.text("task") or "deploy",
                created_at=created_at,
                succeeded=any(status.text("state") == "SUCCESS" for status in statuses),
                urls=_urls(statuses, "logUrl", "environmentUrl"),
            )
        )
    return deployments


def _by_rest(api: Api, repository: str, environment: str, task: str) -> list[PastDeployment]:
    """Return the newest deployments as the REST API tells of them."""
    root = f"/repos/{repository}/deployments"

    def ask(path: str, client: "Client", **parameters: object) -> list[Payload]:
        answer = get(client, path, per_page=100, **parameters)
        if not isinstance(answer, list):
            raise LookUpError("GitHub's list of deployments could not be read")
        return [Payload(item) for item in answer]

    listed = api.ask(_NEEDS, partial(ask, root, environment=environment, task=task))
    listed = listed[:_MOST_BY_REST]
    answers = api.ask_all(
        _NEEDS, [partial(ask, f"{root}/{each.id('id')}/statuses") for each in listed]
    )
    deployments = []
    for each, statuses in zip(listed, answers, strict=True):
        if isinstance(statuses, LookUpError):
            raise statuses
        sha, created_at = each.sha("sha"), moments.iso(each.get("created_at"))
        if sha is None or created_at is None:
            raise LookUpError("GitHub's list of deployments could not be read")
        deployments.append(
            PastDeployment(
                id=str(each.id("id")),
                commit_sha=sha,
                task=each.text("task") or "deploy",
                created_at=created_at,
                succeeded=any(status.text("state") == "success" for status in statuses),
                urls=_urls(statuses, "log_url", "target_url", "environment_url"),
            )
        )
    return deployments


def _releases(found: Payload) -> Iterator[Mark]:
    """Yield the releases that are deployments: neither drafts nor prereleases."""
    for node in map(Payload, graphql.nodes(found.get("releases"))):
        tag, sha = node.text("tagName"), node.sha("tagCommit.oid")
        if tag and sha and not node.flag("isDraft") and not node.flag("isPrerelease"):
            yield Mark(tag=tag, commit_sha=sha)


def _tags(found: Payload) -> Iterator[Mark]:
    """Yield the tags; an annotated one names its commit through an object of its own."""
    for node in map(Payload, graphql.nodes(found.get("refs"))):
        tag, sha = node.text("name"), node.sha("target.target.oid") or node.sha("target.oid")
        if tag and sha:
            yield Mark(tag=tag, commit_sha=sha)


def _urls(statuses: list[Payload], *keys: str) -> tuple[str, ...]:
    found = (status.text(key) for status in statuses for key in keys)
    return tuple(url for url in found if url)
