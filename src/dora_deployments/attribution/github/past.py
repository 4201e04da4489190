"""What GitHub remembers: deployments, releases and tags."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from dora_deployments.actions import moments
from dora_deployments.actions.deployments import Ends, named_services, read_ends, run_ids
from dora_deployments.actions.payload import Payload
from dora_deployments.attribution.answers import Mark, Past, PastQuestion
from dora_deployments.attribution.github import graphql
from dora_deployments.attribution.github.api import Api, get_links
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.attribution.timeline import APP, DeploymentRecord

if TYPE_CHECKING:
    from dora_deployments.attribution.github.client import Client

_NEEDS: Final = "deployments: read"
_PAGE: Final = 100
# By REST each deployment takes a request for its statuses: so many are read at a time, and so
# many in all.
_REST_BATCH: Final = 20
_MOST_BY_REST: Final = 120
# A query's cursor says nothing about itself; ours for REST is the number of records to skip, of one
# environment or of all.
_SKIP: Final = "skip:"
_SKIP_OF_ALL: Final = "skip-of-all:"
# What a query calls the states that matter.
_IN_REST: Final = {state.upper(): state for state in ("success", "failure", "error", "inactive")}
_UNREADABLE: Final = "GitHub's list of deployments could not be read"


def past(api: Api, repository: str, question: PastQuestion) -> Past:
    """Return what GitHub remembers, by one query; deployments by REST where that tells none."""
    if question.after is not None and question.after.startswith((_SKIP, _SKIP_OF_ALL)):
        return _by_rest(api, repository, question)

    def query(client: "Client", *, deployments: bool) -> tuple[Payload, frozenset[str]]:
        names = deployments and question.run_commit is not None and question.after is None
        return graphql.ask(
            client,
            graphql.PAST,
            repository,
            environments=list(question.environments),
            after=question.after,
            commit=question.commit_sha,
            runCommit=question.run_commit or question.commit_sha,
            deployments=deployments,
            names=names,
            releases=question.marks == "releases",
            tags=question.marks == "tags",
        )

    known: Past | None = None
    try:
        found, errors = api.ask("contents: read", partial(query, deployments=True))
        known = None if errors else _queried(found)
    except LookUpError as error:
        if error.outage or question.after is not None:
            raise
        found = Payload({})
        # One part that may not be read leaves nothing of the answer.
        if isinstance(error, graphql.ForbiddenError):
            found = _besides(api, partial(query, deployments=False))
    if known is None and question.after is not None:
        raise LookUpError(_UNREADABLE)  # REST has no such cursors
    if known is None:
        try:
            known = _by_rest(api, repository, question)
        except LookUpError as error:
            known = Past(problem=str(error), outage=error.outage)
    return replace(
        known,
        marks=(*_releases(found), *_tags(found)),
        committed_at=moments.iso(found.get("object.committedDate")),
    )


def _besides(api: Api, query: "Callable[[Client], tuple[Payload, frozenset[str]]]") -> Payload:
    """Return what is known besides the deployments, which is good to know and no more."""
    try:
        return api.ask("contents: read", query)[0]
    except LookUpError:
        return Payload({})


# --- by a query


def _queried(found: Payload) -> Past | None:
    """Return the deployments that a query found, or None if it does not tell all of each."""
    listed, of_run = _records(found.get("deployments")), _records(found.get("ofRun.deployments"))
    if listed is None or (of_run is None and found.get("ofRun.deployments") is not None):
        return None
    cursor = found.text("deployments.pageInfo.endCursor")
    newest = map(Payload, graphql.nodes(found.get("newest")))
    return Past(
        deployments=tuple(listed),
        after=cursor if found.flag("deployments.pageInfo.hasNextPage") else None,
        run_records=tuple(of_run or ()),
        environment_names=_distinct(node.get("environment") for node in newest),
        are_names_cut=found.flag("newest.pageInfo.hasNextPage") or False,
    )


def _records(connection: object) -> list[DeploymentRecord] | None:
    if not isinstance(connection, dict):
        return None
    records = []
    for node in map(Payload, graphql.nodes(connection)):
        sha, created_at = node.sha("commitOid"), moments.iso(node.get("createdAt"))
        if sha is None or created_at is None or not isinstance(node.get("statuses"), dict):
            return None
        statuses = [Payload(status) for status in graphql.nodes(node.get("statuses"))]
        ends = _ends(statuses, "createdAt", created_at, _IN_REST)
        records.append(
            DeploymentRecord(
                id=node.text("id") or "",
                environment=_name(node.get("environment")),
                commit_sha=sha,
                task=node.text("task") or "deploy",
                created_at=created_at,
                succeeded_at=ends.succeeded_at,
                gave_up_at=ends.gave_up_at,
                run_ids=run_ids(_texts(statuses, "logUrl", "environmentUrl")),
                creator=_login(node),
                services=named_services(node.get("payload")),
            )
        )
    return records


# --- by REST


def _by_rest(api: Api, repository: str, question: PastQuestion) -> Past:
    """Return a few of the newest deployments, as the REST API lists them.

    It takes one environment's name, or the first spelling of one. For several, all are
    listed, and those of other environments passed over, unless they are on the run's own commit.
    """
    is_one = question.run_commit is None and len(set(map(str.lower, question.environments))) == 1
    cursor = _SKIP if is_one else _SKIP_OF_ALL
    if question.after is not None:  # the number counts what the first page was of
        cursor = f"{question.after.partition(':')[0]}:"
    skip = int((question.after or f"{cursor}0").removeprefix(cursor))
    root = f"/repos/{repository}/deployments"
    filters = {"task": question.task}
    if cursor == _SKIP:
        filters["environment"] = question.environments[0]
    page, start = divmod(skip, _PAGE)
    listed, has_next = api.ask(_NEEDS, partial(_list, root, page + 1, filters))
    batch = listed[start : start + _REST_BATCH]
    wanted = [
        each
        for each in batch
        if _name(each.get("environment")) in question.environments
        or each.sha("sha") == question.run_commit
    ]
    questions = [partial(_list, f"{root}/{each.id('id')}/statuses", 1, {}) for each in wanted]
    records = [
        _record(each, answer)
        for each, answer in zip(wanted, api.ask_all(_NEEDS, questions), strict=True)
    ]
    end = skip + len(batch)
    has_more = has_next or start + len(batch) < len(listed)
    # What is not listed by one name may be by another.
    is_all = cursor == _SKIP_OF_ALL or len(question.environments) == 1
    is_cut = end >= _MOST_BY_REST if has_more else not is_all
    return Past(
        deployments=tuple(each for each in records if each.environment in question.environments),
        after=f"{cursor}{end}" if has_more and not is_cut else None,
        is_cut=is_cut,
        run_records=tuple(each for each in records if each.commit_sha == question.run_commit),
        environment_names=_distinct(each.get("environment") for each in listed),
        are_names_cut=has_next,
    )


def _list(
    path: str, number: int, filters: dict[str, str], client: "Client"
) -> tuple[list[Payload], bool]:
    answer, links = get_links(client, path, per_page=_PAGE, page=number, **filters)
    if not isinstance(answer, list):
        raise LookUpError(_UNREADABLE)
    return [Payload(item) for item in answer], 'rel="next"' in links


def _record(item: Payload, answer: "tuple[list[Payload], bool] | LookUpError") -> DeploymentRecord:
    if isinstance(answer, LookUpError):
        raise answer
    statuses, _ = answer
    sha, created_at = item.sha("sha"), moments.iso(item.get("created_at"))
    if sha is None or created_at is None:
        raise LookUpError(_UNREADABLE)
    ends = _ends(statuses, "created_at", created_at, {})
    return DeploymentRecord(
        id=str(item.id("id")),
        environment=_name(item.get("environment")),
        commit_sha=sha,
        task=item.text("task") or "deploy",
        created_at=created_at,
        succeeded_at=ends.succeeded_at,
        gave_up_at=ends.gave_up_at,
        run_ids=run_ids(_texts(statuses, "log_url", "target_url", "environment_url")),
        creator=item.text("creator.login") or "",
        services=named_services(item.get("payload")),
    )


# --- what both ways share


def _ends(
    statuses: Sequence[Payload], key: str, created_at: datetime, in_rest: Mapping[str, str]
) -> Ends:
    """Return how a deployment ended; a status without a time counts as one of its beginning."""
    states = (status.text("state") or "" for status in statuses)
    times = (moments.iso(status.get(key)) or created_at for status in statuses)
    return read_ends(
        (in_rest.get(state, "") if in_rest else state, moment)
        for state, moment in zip(states, times, strict=True)
    )


def _texts(statuses: Sequence[Payload], *keys: str) -> Iterator[str | None]:
    return (status.text(key) for status in statuses for key in keys)


def _login(node: Payload) -> str:
    """Return who made a deployment as REST has it: a query leaves out how an app's login ends."""
    login = node.text("creator.login") or ""
    return f"{login}{APP}" if login and node.text("creator.__typename") == "Bot" else login


def _name(environment: object) -> str:
    """Return an environment's name as it is: it may begin with a space."""
    return environment if isinstance(environment, str) else ""


def _distinct(names: Iterable[object]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str) and name))


# --- releases and tags


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
