"""What is kept of each answer in bulk; `LookUpError` for one that is not as GitHub writes it.

Where only some items of a list are not, these are left out, and `odd` counts them: nobody who
runs this can fix them. Texts stay as they are: an environment's name may begin with a space.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, Final

from dora_deployments.actions import moments
from dora_deployments.actions.deployments import named_services
from dora_deployments.actions.payload import Payload, full_sha
from dora_deployments.attribution.answers import PullDetail
from dora_deployments.attribution.github.details import commits_of
from dora_deployments.attribution.look_ups import LookUpError

_NUMBER: Final = re.compile(r"[1-9][0-9]{0,18}")


def repository(answer: Any) -> dict[str, Any]:
    """Return the repository's `full_name`, `id` and `default_branch`."""
    found = Payload(answer)
    name, branch = found.slug("full_name"), _text(found, "default_branch")
    if not name or not branch:
        raise unreadable("the repository")
    return {"full_name": name, "id": _id(found, "id", "the repository"), "default_branch": branch}


def tip(answer: Any) -> str:
    """Return the SHA of a branch's last commit."""
    return _sha(Payload(answer), "sha", "a branch")


def deployments(answer: Any) -> dict[str, Any]:
    """Return a page of deployments."""
    what = "the deployments"

    def read(item: Payload) -> dict[str, Any]:
        return {
            "id": _id(item, "id", what),
            "node_id": _required(item, "node_id", what),
            "sha": _sha(item, "sha", what),
            "ref": _text(item, "ref"),
            "task": _text(item, "task"),
            "environment": _required(item, "environment", what),
            "original_environment": _text(item, "original_environment"),
            "created_at": _time(item, "created_at", what),
            "transient_environment": item.flag("transient_environment") or False,
            "creator": {"login": _text(item, "creator.login")},
            "payload": {"services": sorted(named_services(item.get("payload")))},
        }

    return _page(_items(answer, what), read, what)


def statuses(answer: Any) -> dict[str, Any]:
    """Return a page of a deployment's statuses, the newest first as they come."""
    read = partial(
        _status, created_at="created_at", log_url="log_url", environment_url="environment_url"
    )
    return _readable(_items(answer, "the statuses of a deployment"), read)


def queried_statuses(connection: object) -> dict[str, Any]:
    """Return the same of a query's answer."""
    read = partial(
        _status, created_at="createdAt", log_url="logUrl", environment_url="environmentUrl"
    )
    return _readable(_nodes(connection, "the statuses of a deployment"), read)


def oldest_first(newest_first: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return statuses in order; of several in one second, the last to come is the oldest."""
    turned = list(reversed(newest_first))
    turned.sort(key=lambda status: moment(status["created_at"]))
    return turned


def release(node: Payload) -> dict[str, Any]:
    """Return a release, in the words of REST, and the commit of its tag."""
    return {
        "release": {
            "id": _id(node, "databaseId", "the releases"),
            "tag_name": _required(node, "tagName", "the releases"),
            "draft": node.flag("isDraft") or False,
            "prerelease": node.flag("isPrerelease") or False,
            "published_at": None  # of a draft
            if node.get("publishedAt") is None
            else _time(node, "publishedAt", "the releases"),
        },
        "commit": node.sha("tagCommit.oid"),
    }


def pull(node: Payload) -> dict[str, Any]:
    """Return a merged pull request."""
    what = "the pull requests"
    number = str(node.get("fullDatabaseId"))  # a text, since it may be too large for a number
    if not _NUMBER.fullmatch(number):
        raise unreadable(what)
    commits = node.get("commits.nodes")
    first = Payload(commits[0] if isinstance(commits, list) and commits else None)
    return {
        "id": int(number),
        "number": _id(node, "number", what),
        "base": _text(node, "baseRefName"),
        "merge_commit_sha": node.sha("mergeCommit.oid"),
        "merged_at": _time(node, "mergedAt", what),
        "first_commit_at": _text(first, "commit.authoredDate"),
        "made_of": made_of(commits_of(node, _id(node, "number", what))),
        "updated_at": _time(node, "updatedAt", what),
    }


def made_of(pull: PullDetail) -> dict[str, Any]:
    """Return what a pull request is made of, but for its files and its beginning."""
    return {
        "head": pull.head,
        "commit_count": pull.commit_count,
        "commit_shas": " ".join(pull.commit_shas),
        "names_others": pull.names_others,
        "oldest_commit_at": pull.oldest_commit_at and pull.oldest_commit_at.isoformat(),
    }


def runs(answer: Any) -> dict[str, Any]:
    """Return a page of a workflow's runs, and how many there are in all."""
    what = "the workflow runs"
    found = Payload(answer)
    total = found.get("total_count")

    def read(item: Payload) -> dict[str, Any]:
        return {
            "id": _id(item, "id", what),
            "event": _text(item, "event"),
            "head_sha": _sha(item, "head_sha", what),
            "head_branch": _text(item, "head_branch"),
            "conclusion": _text(item, "conclusion"),
            "status": _text(item, "status"),
            "run_started_at": _text(item, "run_started_at"),
            "created_at": _time(item, "created_at", what),
            "updated_at": _time(item, "updated_at", what),
            "head_repository": {"full_name": _text(item, "head_repository.full_name")},
        }

    return {
        **_page(_items(found.get("workflow_runs"), what), read, what),
        "total": total if isinstance(total, int) else 0,
    }


def workflows(answer: Any) -> dict[str, Any]:
    """Return a page of workflows."""
    what = "the workflows"

    def read(item: Payload) -> dict[str, Any]:
        return {
            "id": _id(item, "id", what),
            "name": _required(item, "name", what),
            "path": _required(item, "path", what),
        }

    return _page(_items(Payload(answer).get("workflows"), what), read, what)


def commits(answer: Any) -> dict[str, Any]:
    """Return a page of commits, each with its date and its parents."""
    what = "the commits"

    def read(item: Payload) -> list[Any]:
        return [
            _sha(item, "sha", what),
            _date(item, "commit.committer.date", what),
            [_sha(parent, "sha", what) for parent in _items(item.get("parents"), what)],
        ]

    return _page(_items(answer, what), read, what)


def history(connection: object) -> list[list[Any]]:
    """Return the same of a query's answer."""
    what = "the commits"

    def read(node: Payload) -> list[Any]:
        return [
            _sha(node, "oid", what),
            _date(node, "committedDate", what),
            [_sha(parent, "oid", what) for parent in _nodes(node.get("parents"), what)],
        ]

    found: list[list[Any]] = _readable(_nodes(connection, what), read)["items"]
    return found


def page(connection: object, read: Callable[[Payload], dict[str, Any]]) -> dict[str, Any]:
    """Return a page of a query, and after what the next one begins, unless it is the last."""
    what = "a query's results"
    found = Payload(connection)
    after, more = _text(found, "pageInfo.endCursor"), found.flag("pageInfo.hasNextPage")
    if more is None or (more and after is None):
        raise unreadable(what)
    return {**_page(_nodes(connection, what), read, what), "after": after if more else None}


def moment(text: str) -> datetime:
    """Return the moment that a text of GitHub's names."""
    found = moments.iso(text)
    if found is None:
        raise unreadable("the times")
    return found


def unreadable(what: str) -> LookUpError:
    """Return the failure for an answer of another kind."""
    return LookUpError(f"what GitHub says about {what} could not be read")


def _status(item: Payload, created_at: str, log_url: str, environment_url: str) -> dict[str, Any]:
    what = "the statuses of a deployment"
    return {
        "state": _required(item, "state", what).lower(),
        "created_at": _time(item, created_at, what),
        "environment": _text(item, "environment"),
        "log_url": _text(item, log_url),
        "environment_url": _text(item, environment_url),
    }


def _page(items: Sequence[Payload], read: Callable[[Payload], Any], what: str) -> dict[str, Any]:
    """Return the items that can be read; `LookUpError` if there are several, and none can."""
    found = _readable(items, read)
    if found["odd"] > 1 and not found["items"]:
        raise unreadable(what)
    return found


def _readable(items: Sequence[Payload], read: Callable[[Payload], Any]) -> dict[str, Any]:
    found: list[Any] = []
    for item in items:
        with suppress(LookUpError):
            found.append(read(item))
    return {"items": found, "odd": len(items) - len(found)}


def _items(answer: object, what: str) -> list[Payload]:
    if not isinstance(answer, list) or not all(isinstance(item, dict) for item in answer):
        raise unreadable(what)
    return [Payload(item) for item in answer]


def _nodes(connection: object, what: str) -> list[Payload]:
    """Return the nodes of a connection; GitHub leaves some of them empty."""
    found = connection.get("nodes") if isinstance(connection, dict) else None
    if not isinstance(found, list):
        raise unreadable(what)
    return _items([node for node in found if node is not None], what)


def _text(item: Payload, path: str) -> str | None:
    value = item.get(path)
    return value if isinstance(value, str) and value else None


def _required(item: Payload, path: str, what: str) -> str:
    text = _text(item, path)
    if text is None:
        raise unreadable(what)
    return text


def _time(item: Payload, path: str, what: str) -> str:
    """Return when something happened on GitHub, which is no older than this century."""
    value = _date(item, path, what)
    if moment(value) < moments.EARLIEST:
        raise unreadable(what)
    return value


def _date(item: Payload, path: str, what: str) -> str:
    """Return a date of git's, which a clock that was wrong may have told."""
    value = item.get(path)
    if moments.iso(value) is None:
        raise unreadable(what)
    return str(value)


def _sha(item: Payload, path: str, what: str) -> str:
    sha = full_sha(item.get(path))
    if sha is None:
        raise unreadable(what)
    return sha


def _id(item: Payload, path: str, what: str) -> int:
    number = item.id(path)
    if number is None:
        raise unreadable(what)
    return number
