"""What GitHub remembers: deployments, releases and tags."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from dora_deployments.actions import moments
from dora_deployments.actions.deployments import Ends, named_services, read_ends, run_ids
from dora_deployments.actions.payload import Payload
from dora_deployments.attribution.answers import Mark, Past, PastQuestion
from dora_deployments.attribution.github import graphql
from dora_deployments.attribution.github.api import Api, get_links
from dora_deployments.attribution.github.pages import good
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
# As many statuses of one deployment as are read, in pages of a hundred.
_MOST_STATUS_PAGES: Final = 3
# A query's cursor says nothing about itself; ours for REST is the number of records to skip, of one
# environment or of all.
_SKIP: Final = "skip:"
_SKIP_OF_ALL: Final = "skip-of-all:"
# What a query calls the states that matter.
_IN_REST: Final = {state.upper(): state for state in ("success", "failure", "error", "inactive")}
_UNREADABLE: Final = "GitHub's list of deployments could not be read"


def past(api: Api, repository: str, question: PastQuestion) -> Past:
    """Return what GitHub remembers, by one query; deployments by REST where that tells none."""
    if question.names_after is not None:
        return _older_names(api, repository, question.names_after)
    if question.after is not None and question.after.startswith((_SKIP, _SKIP_OF_ALL)):
        return _by_rest(api, repository, question)

    has_names = question.run_commit is not None and question.after is None

    def query(client: "Client", *, deployments: bool) -> tuple[Payload, frozenset[str]]:
        return graphql.ask(
            client,
            graphql.PAST,
            repository,
            environments=list(question.environments),
            after=question.after,
            commit=question.commit_sha,
            runCommit=question.run_commit or question.commit_sha,
            deployments=deployments,
            names=deployments and has_names,
            releases=question.marks == "releases",
            tags=question.marks == "tags",
        )

    known: Past | None = None
    try:
        found, errors = api.ask("contents: read", partial(query, deployments=True))
        known = None if errors else _queried_if_whole(api, found, has_names=has_names)
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


def _queried_if_whole(api: Api, found: Payload, *, has_names: bool) -> Past | None:
    """Return the deployments that a query found, or None if it does not tell all of each."""
    try:
        return _queried(api, found, has_names=has_names)
    except LookUpError as error:
        if error.outage:
            raise
        return None


def _queried(api: Api, found: Payload, *, has_names: bool) -> Past:
    """Return the deployments that a query found; `LookUpError` if something is missing there.

    `has_names` says that it asked for names as well. The run's commit may be unknown to GitHub.
    """
    listed, of_run = _listed_records(found.get("deployments")), list[_Listed]()
    if has_names and found.get("ofRun"):
        of_run = _listed_records(found.get("ofRun.deployments"))
    has_more, cursor = _more(found, "deployments")
    known = _with_other_statuses(api, [*listed, *of_run])
    return replace(
        _names(found) if has_names else Past(),
        deployments=tuple(known[: len(listed)]),
        after=cursor if has_more else None,
        run_records=tuple(known[len(listed) :]),
    )


def _older_names(api: Api, repository: str, after: str) -> Past:
    """Return the names of the environments of older deployments, and no more."""

    def query(client: "Client") -> Past:
        found, errors = graphql.ask(client, graphql.NAMES, repository, after=after or None)
        if errors:
            raise LookUpError(_UNREADABLE)
        return _names(found)

    return api.ask(_NEEDS, query)


def _names(found: Payload) -> Past:
    nodes = map(Payload, graphql.nodes(found.get("newest"), "deployments"))
    names = [each.get("environment") for each in nodes]
    is_cut, cursor = _more(found, "newest")
    if not all(isinstance(name, str) for name in names):
        raise LookUpError(_UNREADABLE)
    return Past(
        environment_names=_distinct(names),
        are_names_cut=is_cut,
        names_after=cursor if is_cut else None,
    )


def _more(found: Payload, connection: str) -> tuple[bool, str | None]:
    """Return whether a connection has another page, and where it begins."""
    has_more = found.flag(f"{connection}.pageInfo.hasNextPage")
    cursor = found.text(f"{connection}.pageInfo.endCursor")
    if has_more is None or (has_more and cursor is None):
        raise LookUpError(_UNREADABLE)
    return has_more, cursor


class _Listed(NamedTuple):
    """A record by the statuses that a query has, and whether there are more of them."""

    record: DeploymentRecord
    statuses: list[Payload]
    has_more: bool


def _listed_records(connection: object) -> list[_Listed]:
    """Return the records of a connection; `LookUpError` if one of them could not be read.

    GitHub leaves out none but the task and the creator.
    """
    records = []
    for node in map(Payload, graphql.nodes(connection, "deployments")):
        record_id, sha = node.text("id"), node.sha("commitOid")
        created_at, environment = moments.iso(node.get("createdAt")), node.get("environment")
        if not record_id or not sha or created_at is None or not isinstance(environment, str):
            raise LookUpError(_UNREADABLE)
        record = DeploymentRecord(
            id=record_id,
            environment=environment,
            commit_sha=sha,
            task=node.text("task") or "deploy",
            created_at=created_at,
            creator=_login(node),
            services=named_services(node.get("payload")),
        )
        has_more = node.flag("statuses.pageInfo.hasNextPage")
        if has_more is None:
            raise LookUpError(_UNREADABLE)
        records.append(_Listed(record, _queried_statuses(node), has_more))
    return records


def _queried_statuses(node: Payload) -> list[Payload]:
    found = graphql.nodes(node.get("statuses"), "statuses of a deployment")
    return [_checked_status(Payload(each), "createdAt") for each in found]


def _with_other_statuses(api: Api, listed: Sequence[_Listed]) -> list[DeploymentRecord]:
    """Return the records with their ends; one query reads the other end of long lists of statuses.

    What lies in between is read of none: a success there may be the first, unless there is one
    among the oldest.
    """
    ids = list(dict.fromkeys(each.record.id for each in listed if each.has_more))
    batches = [ids[start : start + _PAGE] for start in range(0, len(ids), _PAGE)]
    found: dict[str, Payload | None] = {}
    for batch in batches:
        ask = partial(_ask_other_statuses, batch)
        found.update(zip(batch, api.ask(_NEEDS, ask), strict=True))
    return [_ended(each, found.get(each.record.id)) for each in listed]


def _ask_other_statuses(ids: Sequence[str], client: "Client") -> list[Payload | None]:
    return graphql.ask_nodes(client, graphql.OTHER_STATUSES, ids)


def _ended(listed: _Listed, other: Payload | None) -> DeploymentRecord:
    """Return a record with its end, by its first statuses and, if there are more, by its last."""
    statuses, is_known = listed.statuses, True
    if listed.has_more:
        last = [] if other is None else _queried_statuses(other)
        count = other and other.get("statuses.totalCount")
        if not statuses or not last or not isinstance(count, int):
            raise LookUpError(_UNREADABLE)
        oldest = min(statuses, last, key=_began_at)
        is_known = count <= 2 * _PAGE or any(each.text("state") == "SUCCESS" for each in oldest)
        statuses = [*statuses, *last]
    ends = _ends(statuses, "createdAt", _IN_REST)
    return replace(
        listed.record,
        succeeded_at=ends.succeeded_at,
        gave_up_at=ends.gave_up_at,
        is_end_known=is_known,
        run_ids=run_ids(_texts(statuses, "logUrl", "environmentUrl")),
    )


def _began_at(statuses: Sequence[Payload]) -> datetime:
    return min(filter(None, (moments.iso(each.get("createdAt")) for each in statuses)))


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
    filters = {} if question.task is None else {"task": question.task}
    if cursor == _SKIP:
        filters["environment"] = question.environments[0]
    page, start = divmod(skip, _PAGE)
    listed, has_next = api.ask(_NEEDS, partial(_list, root, page + 1, filters))
    if not all(isinstance(each.get("environment"), str) for each in listed):
        raise LookUpError(_UNREADABLE)
    batch = listed[start : start + _REST_BATCH]
    wanted = [
        each
        for each in batch
        if each.get("environment") in question.environments
        or each.sha("sha") == question.run_commit
    ]
    questions = [partial(_all_statuses, f"{root}/{each.id('id')}/statuses") for each in wanted]
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


def _all_statuses(path: str, client: "Client") -> tuple[list[Payload], bool]:
    """Return the statuses of a deployment, the newest first, and whether there are more."""
    found: list[Payload] = []
    for number in range(1, _MOST_STATUS_PAGES + 1):
        page, has_next = _list(path, number, {}, client)
        found += page
        if not has_next:
            return found, False
    return found, True


def _record(item: Payload, answer: "tuple[list[Payload], bool] | LookUpError") -> DeploymentRecord:
    listed, has_more = good(answer)
    statuses = [_checked_status(each, "created_at") for each in listed]
    record_id, sha = item.id("id"), item.sha("sha")
    created_at = moments.iso(item.get("created_at"))
    if not record_id or not sha or created_at is None:
        raise LookUpError(_UNREADABLE)
    ends = _ends(statuses, "created_at", {})
    return DeploymentRecord(
        id=str(record_id),
        environment=str(item.get("environment")),
        commit_sha=sha,
        task=item.text("task") or "deploy",
        created_at=created_at,
        succeeded_at=ends.succeeded_at,
        gave_up_at=ends.gave_up_at,
        is_end_known=not has_more,
        run_ids=run_ids(_texts(statuses, "log_url", "target_url", "environment_url")),
        creator=item.text("creator.login") or "",
        services=named_services(item.get("payload")),
    )


# --- what both ways share


def _checked_status(status: Payload, key: str) -> Payload:
    """Return a status; `LookUpError` if it lacks its state or, under `key`, its time."""
    if status.text("state") is None or moments.iso(status.get(key)) is None:
        raise LookUpError(_UNREADABLE)
    return status


def _ends(statuses: Iterable[Payload], key: str, in_rest: Mapping[str, str]) -> Ends:
    """Return how a deployment ended, by its statuses, the newest first."""
    known = [(status.text("state") or "", moments.iso(status.get(key))) for status in statuses]
    return read_ends(
        (in_rest.get(state, "") if in_rest else state, moment)
        for state, moment in known
        if moment is not None
    )


def _texts(statuses: Sequence[Payload], *keys: str) -> Iterator[str | None]:
    return (status.text(key) for status in statuses for key in keys)


def _login(node: Payload) -> str:
    """Return who made a deployment as REST has it: a query leaves out how an app's login ends."""
    login = node.text("creator.login") or ""
    return f"{login}{APP}" if login and node.text("creator.__typename") == "Bot" else login


def _distinct(names: Iterable[object]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str) and name))


# --- releases and tags


def _releases(found: Payload) -> Iterator[Mark]:
    """Yield the releases that are deployments: neither drafts nor prereleases."""
    for node in map(Payload, _nodes_if_asked(found, "releases")):
        tag, sha = node.text("tagName"), node.sha("tagCommit.oid")
        if tag and sha and not node.flag("isDraft") and not node.flag("isPrerelease"):
            yield Mark(tag=tag, commit_sha=sha)


def _tags(found: Payload) -> Iterator[Mark]:
    """Yield the tags; an annotated one names its commit through an object of its own."""
    for node in map(Payload, _nodes_if_asked(found, "refs")):
        tag, sha = node.text("name"), node.sha("target.target.oid") or node.sha("target.oid")
        if tag and sha:
            yield Mark(tag=tag, commit_sha=sha)


def _nodes_if_asked(found: Payload, connection: str) -> list[Any]:
    """Return the nodes of what is good to know and no more; none if GitHub does not tell them."""
    listed = found.get(f"{connection}.nodes")
    return listed if isinstance(listed, list) else []
