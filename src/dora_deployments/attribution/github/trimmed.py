"""What is kept of each answer in bulk; `LookUpError` for one that is not as GitHub writes it.

Texts stay as they are: an environment's name may begin with a space.
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from dora_deployments.actions import moments
from dora_deployments.actions.payload import Payload, full_sha
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
    return {
        "items": [
            {
                "id": _id(item, "id", what),
                "node_id": _required(item, "node_id", what),
                "sha": _sha(item, "sha", what),
                "ref": _text(item, "ref"),
                "task": _text(item, "task"),
                "environment": _required(item, "environment", what),
                "original_environment": _text(item, "original_environment"),
                "created_at": _time(item, "created_at", what),
                "transient_environment": item.flag("transient_environment") or False,
            }
            for item in _items(answer, what)
        ]
    }


def statuses(answer: Any) -> list[dict[str, Any]]:
    """Return a page of a deployment's statuses, the newest first as they come."""
    return [
        _status(item, "created_at", "log_url", "environment_url")
        for item in _items(answer, "the statuses of a deployment")
    ]


def queried_statuses(connection: object) -> list[dict[str, Any]]:
    """Return the same of a query's answer."""
    return [
        _status(node, "createdAt", "logUrl", "environmentUrl")
        for node in _nodes(connection, "the statuses of a deployment")
    ]


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
            "published_at": _text(node, "publishedAt"),
        },
        "commit": node.sha("tagCommit.oid"),
    }


def pull(node: Payload) -> dict[str, Any]:
    """Return a merged pull request."""
    what = "the pull requests"
    number = str(node.get("fullDatabaseId"))  # a text, since it may be too large for a number
    if not _NUMBER.fullmatch(number):
        raise unreadable(what)
    firsts = _nodes(node.get("commits"), what)
    return {
        "id": int(number),
        "number": _id(node, "number", what),
        "base": _text(node, "baseRefName"),
        "merge_commit_sha": node.sha("mergeCommit.oid"),
        "merged_at": _time(node, "mergedAt", what),
        "first_commit_at": _text(firsts[0], "commit.authoredDate") if firsts else None,
        "updated_at": _time(node, "updatedAt", what),
    }


def runs(answer: Any) -> dict[str, Any]:
    """Return a page of a workflow's runs, and how many there are in all."""
    what = "the workflow runs"
    found = Payload(answer)
    total = found.get("total_count")
    return {
        "items": [
            {
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
            for item in _items(found.get("workflow_runs"), what)
        ],
        "total": total if isinstance(total, int) else 0,
    }


def workflows(answer: Any) -> dict[str, Any]:
    """Return a page of workflows."""
    what = "the workflows"
    return {
        "items": [
            {
                "id": _id(item, "id", what),
                "name": _required(item, "name", what),
                "path": _required(item, "path", what),
            }
            for item in _items(Payload(answer).get("workflows"), what)
        ]
    }


def commits(answer: Any) -> dict[str, Any]:
    """Return a page of commits, each with its date and its parents."""
    what = "the commits"
    return {
        "items": [
            [
                _sha(item, "sha", what),
                _time(item, "commit.committer.date", what),
                [_sha(parent, "sha", what) for parent in _items(item.get("parents"), what)],
            ]
            for item in _items(answer, what)
        ]
    }


def history(connection: object) -> list[list[Any]]:
    """Return the same of a query's answer."""
    what = "the commits"
    return [
        [
            _sha(node, "oid", what),
            _time(node, "committedDate", what),
            [_sha(parent, "oid", what) for parent in _nodes(node.get("parents"), what)],
        ]
        for node in _nodes(connection, what)
    ]


def page(connection: object, read: Callable[[Payload], dict[str, Any]]) -> dict[str, Any]:
    """Return a page of a query, and after what the next one begins, unless it is the last."""
    what = "a query's results"
    found = Payload(connection)
    after, more = _text(found, "pageInfo.endCursor"), found.flag("pageInfo.hasNextPage")
    if more is None or (more and after is None):
        raise unreadable(what)
    return {
        "items": [read(node) for node in _nodes(connection, what)],
        "after": after if more else None,
    }


def moment(text: str) -> datetime:
    """Return the moment that a text of GitHub's names."""
    found = moments.iso(text)
    if found is None:
        raise unreadable("the times")
    return found


def unreadable(what: str) -> LookUpError:
    """Return the failure for an answer of another kind."""
    return LookUpError(f"what GitHub tells of {what} could not be read")


def _status(item: Payload, created_at: str, log_url: str, environment_url: str) -> dict[str, Any]:
    what = "the statuses of a deployment"
    return {
        "state": _required(item, "state", what).lower(),
        "created_at": _time(item, created_at, what),
        "environment": _text(item, "environment"),
        "log_url": _text(item, log_url),
        "environment_url": _text(item, environment_url),
    }


def _items(answer: object, what: str) -> list[Payload]:
    if not isinstance(answer, list) or not all(isinstance(item, dict) for item in answer):
        raise unreadable(what)
    return [Payload(item) for item in answer]


def _nodes(connection: object, what: str) -> list[Payload]:
    """Return the nodes of a connection, of which GitHub leaves some empty."""
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
