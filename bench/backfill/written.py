"""The history in GitHub's words: what REST lists, about as long as there, and GraphQL's objects."""

from __future__ import annotations

import base64
import json
import zlib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from itertools import islice
from operator import attrgetter
from typing import Any, Final

from bench.backfill.graph import log
from bench.backfill.made import REPOSITORY_ID, SLUG, TRUNK, Deployment, History, Pull
from bench.backfill.queries import Refused

_API: Final = f"https://api.github.com/repos/{SLUG}"
_NEVER: Final = 2**62

_WHO: Final = {"name": "Grace Hopper", "email": "grace@acme.example"}
_LOGIN: Final = "grace"
_USER_PAGES: Final = (
    "followers_url following_url gists_url starred_url subscriptions_url organizations_url"
    " repos_url events_url received_events_url"
)
# About as long as they are: the time to read an answer is that of its text.
_USER: Final = {
    "login": _LOGIN,
    "id": 41898282,
    "node_id": "MDM6Qm90NDE4OTgyODI=",
    "avatar_url": "https://avatars.githubusercontent.com/u/41898282?v=4",
    "gravatar_id": "",
    "url": f"https://api.github.com/users/{_LOGIN}",
    "html_url": f"https://github.com/{_LOGIN}",
    **{name: f"https://api.github.com/users/{_LOGIN}/{name[:-4]}" for name in _USER_PAGES.split()},
    "type": "User",
    "user_view_type": "public",
    "site_admin": False,
}
_SIGNATURE: Final = "-----BEGIN PGP SIGNATURE-----\n" + ("x" * 64 + "\n") * 12

# What a repository of three services has at `.github/dora.yml`.
CONFIG: Final = b"""\
services:
  checkout:
    paths: ["services/checkout/**", "libs/**"]
  cart:
    name: The cart
    paths: ["services/cart/**", "libs/**"]
  search:
    team: search
    paths: ["services/search/**"]
"""
_FILES: Final = (
    ("services/checkout/pay.py",),
    ("services/cart/add.py", "services/cart/tests/add.py"),
    ("services/search/index.py", "docs/search.md"),
    ("libs/money.py",),
    ("docs/index.md",),
    ("README.md", "services/cart/README.md", "services/search/README.md"),
)


def files(of: str) -> tuple[str, ...]:
    """Return the files that a pull request or commit changes, some of one service or another."""
    return _FILES[zlib.crc32(of.encode()) % len(_FILES)]


def iso(at: int) -> str:
    """Write a time as GitHub does."""
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def node_id(deployment: Deployment) -> str:
    """Return a deployment's node id: MessagePack of both ids, in base 64."""
    packed = b"\x93\x00\xce" + REPOSITORY_ID.to_bytes(4, "big") + b"\xce"
    packed += deployment.id.to_bytes(4, "big")
    return f"DE_{base64.urlsafe_b64encode(packed).decode().rstrip('=')}"


def commit(history: History, number: int) -> dict[str, Any]:
    """Return a commit as REST lists it."""
    one = history.commits[number]
    url = f"{_API}/commits/{one.sha}"
    return {
        "sha": one.sha,
        "node_id": f"C_kwDOCyMeLdoAKD{one.sha}",
        "commit": {
            "author": {**_WHO, "date": iso(one.authored)},
            "committer": {**_WHO, "date": iso(one.committed)},
            "message": f"Change {number}\n\nWith a few words about what it does, and why.",
            "tree": {"sha": one.sha[::-1], "url": f"{_API}/git/trees/{one.sha[::-1]}"},
            "url": f"{_API}/git/commits/{one.sha}",
            "comment_count": 0,
            "verification": {
                "verified": True,
                "reason": "valid",
                "signature": _SIGNATURE,
                "payload": f"tree {one.sha[::-1]}\nparent {one.sha}\nauthor Grace Hopper\n",
                "verified_at": iso(one.committed),
            },
        },
        "url": url,
        "html_url": f"https://github.com/{SLUG}/commit/{one.sha}",
        "comments_url": f"{url}/comments",
        "author": _USER,
        "committer": _USER,
        "parents": [
            {
                "sha": history.commits[parent].sha,
                "url": f"{_API}/commits/{history.commits[parent].sha}",
                "html_url": f"https://github.com/{SLUG}/commit/{history.commits[parent].sha}",
            }
            for parent in one.parents
        ],
    }


def deployment(one: Deployment) -> dict[str, Any]:
    """Return a deployment as REST lists it."""
    url = f"{_API}/deployments/{one.id}"
    return {
        "url": url,
        "id": one.id,
        "node_id": node_id(one),
        "task": one.task,
        "original_environment": one.original_environment,
        "environment": one.environment,
        "description": None,
        "created_at": iso(one.created_at),
        "updated_at": iso(one.statuses[-1].at),
        "statuses_url": f"{url}/statuses",
        "repository_url": _API,
        "creator": _USER,
        "sha": one.sha,
        "ref": one.ref,
        "payload": {},
        "transient_environment": one.transient,
        "production_environment": one.environment == "production",
        "performed_via_github_app": None,
    }


def repository() -> dict[str, Any]:
    """Return the repository."""
    return {"id": REPOSITORY_ID, "full_name": SLUG, "default_branch": TRUNK, "private": True}


def event(one: Deployment, at: int) -> dict[str, Any]:
    """Return the event of the status that a deployment got at that time."""
    status = next(each for each in one.statuses if each.at == at and each.state != "inactive")
    return {
        "action": "created",
        "repository": repository(),
        "deployment": deployment(one),
        "deployment_status": {
            "state": status.state,
            "environment": status.environment,
            "created_at": iso(status.at),
            "updated_at": iso(status.at),
            "log_url": status.log_url,
            "target_url": status.log_url,
            "environment_url": "",
        },
    }


_WORKFLOW: Final = 7_100_001


class Objects:
    """GraphQL's objects of a history."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.numbers = {each.sha: number for number, each in enumerate(history.commits)}
        self.deployments = {node_id(each): each for each in history.deployments}
        self.by_environment: dict[str, list[Deployment]] = defaultdict(list)
        for each in history.deployments:
            self.by_environment[each.environment].append(each)
        self.by_number = {each.number: each for each in history.pulls}
        self.updated = sorted(history.pulls, key=lambda each: (-each.updated_at, -each.id))

    def root(self, then: int = _NEVER) -> dict[str, Any]:
        """Return what a query starts from, as it was then."""
        return {
            "repository": lambda owner, name: self._repository(owner, name, then),
            "nodes": lambda ids: [self._node(each, then) for each in ids],
            "node": lambda id: self._node(id, then),  # noqa: A006 - GitHub's name
            "resource": _run,
        }

    def _repository(self, owner: str, name: str, then: int) -> dict[str, Any] | None:
        if f"{owner}/{name}" != SLUG:
            raise Refused("NOT_FOUND", "Could not resolve to a Repository with that name.")
        return {
            "nameWithOwner": SLUG,
            "databaseId": REPOSITORY_ID,
            "object": lambda oid: self._object(oid, then),
            "deployments": lambda **given: self._deployments(then, **given),
            "pullRequests": self._pulls,
            "pullRequest": self._details,
            "releases": lambda **given: connection([], **given),
            "refs": lambda **given: connection([], **given),
        }

    def _node(self, id_: str, then: int) -> dict[str, Any] | None:
        known = self.deployments.get(id_)
        return None if known is None else self._deployment(known, then)

    def _deployments(
        self, then: int, *, environments: Sequence[str], **given: Any
    ) -> dict[str, Any]:
        (environment,) = environments
        here = self.by_environment[environment]
        until = bisect_right(here, then, key=attrgetter("created_at"))
        newest = (self._deployment(each, then) for each in reversed(here[:until]))
        return connection(newest, **given)

    def _deployment(self, one: Deployment, then: int) -> dict[str, Any]:
        statuses = [
            {
                "__typename": "DeploymentStatus",
                "state": status.state.upper(),
                "createdAt": iso(status.at),
                "updatedAt": iso(status.at),
                "environment": status.environment,
                "logUrl": status.log_url or None,
                "environmentUrl": None,
            }
            for status in reversed(one.statuses)
            if status.at <= then
        ]
        root, kind, name = (one.full_ref or "//").split("/", 2)
        return {
            "__typename": "Deployment",
            "ref": {"name": name, "prefix": f"{root}/{kind}/"} if one.full_ref else None,
            "id": node_id(one),
            "databaseId": one.id,
            "commitOid": one.sha,
            "createdAt": iso(one.created_at),
            "environment": one.environment,
            "task": one.task,
            "payload": None,
            "creator": {"__typename": "User", "login": _USER["login"]},
            "statuses": lambda **given: connection(statuses, **given),
        }

    def _object(self, oid: str, then: int) -> dict[str, Any] | None:
        number = self.numbers.get(oid)
        return None if number is None else self._commit(number, then)

    def _commit(self, number: int, then: int) -> dict[str, Any]:
        one = self.history.commits[number]

        def walked(first: int) -> dict[str, Any]:
            walk = islice(log(self.history.commits, number), first + 1)
            return connection((self._commit(each, then) for each in walk), first)

        def parents(first: int) -> dict[str, Any]:
            return connection((self._commit(each, then) for each in one.parents), first)

        def pulls(first: int) -> dict[str, Any]:
            known = self.history.pulls_of.get(number, ())
            return connection((self._pull(each) for each in known if each.merged_at <= then), first)

        return {
            "__typename": "Commit",
            "oid": one.sha,
            "committedDate": iso(one.committed),
            "authoredDate": iso(one.authored),
            "parents": parents,
            "history": walked,
            "associatedPullRequests": pulls,
        }

    def _pulls(
        self,
        first: int,
        states: Sequence[str],
        orderBy: Mapping[str, str],  # noqa: N803 - GitHub's name
        after: str | None = None,
    ) -> dict[str, Any]:
        if states not in ("MERGED", ["MERGED"]) or orderBy != {
            "field": "UPDATED_AT",
            "direction": "DESC",
        }:
            raise Refused("argumentNotAccepted", "only merged ones by their update are here")
        return connection(self.updated, first, after, self._pull)

    def _details(self, number: int) -> dict[str, Any]:
        nodes = [{"path": path, "changeType": "MODIFIED"} for path in files(f"pull {number}")]
        return {
            **self._pull(self.by_number[number]),
            "files": lambda first: connection(nodes, first),
        }

    def _pull(self, pull: Pull) -> dict[str, Any]:
        landed = self.history.commits[pull.landed]
        first = {
            "commit": {
                "oid": landed.sha,
                "authoredDate": iso(pull.first_commit_at),
                "messageHeadline": f"Change {pull.number}",
                "committedViaWeb": False,
            }
        }
        return {
            "__typename": "PullRequest",
            "databaseId": pull.id,
            "fullDatabaseId": str(pull.id),
            "number": pull.number,
            "title": f"Change {pull.number}",
            "state": "MERGED",
            "merged": True,
            "mergedAt": iso(pull.merged_at),
            "updatedAt": iso(pull.updated_at),
            "baseRefName": pull.base,
            "headRefName": f"change-{pull.number}",
            "isCrossRepository": False,
            "mergeCommit": {"oid": landed.sha},
            "baseRepository": {"nameWithOwner": SLUG},
            "commits": lambda **given: connection([first], **given),
        }


def _run(url: str) -> dict[str, Any]:
    """Return a workflow run by its page: one workflow deploys all that there is."""
    if not url.startswith(f"https://github.com/{SLUG}/actions/runs/"):
        raise Refused("NOT_FOUND", f"Could not resolve to a resource with the URL of '{url}'.")
    workflow = {"__typename": "Workflow", "databaseId": _WORKFLOW}
    return {"__typename": "WorkflowRun", "event": "push", "workflow": workflow}


def connection(
    items: Iterable[Any],
    first: int,
    after: str | None = None,
    write: Callable[[Any], Any] = lambda item: item,
    **_: Any,
) -> dict[str, Any]:
    """Return a page of items, as GraphQL has it; a cursor is the number of those before."""
    start = int(after) if after else 0
    found = list(islice(items, start, start + first + 1))
    more, shown = len(found) > first, found[:first]
    return {
        "nodes": [write(each) for each in shown],
        "pageInfo": {"hasNextPage": more, "endCursor": str(start + len(shown)) if shown else None},
        "totalCount": len(items) if isinstance(items, Sequence) else len(found),
    }


class Lists:
    """REST's long lists: how long they are, and what writes each item."""

    def __init__(self, history: History) -> None:
        self.history = history
        self._logs: dict[str, list[int]] = {}
        self._numbers = {each.sha: number for number, each in enumerate(history.commits)}

    def number(self, name: str) -> int | None:
        """Return the commit of that branch or SHA."""
        return self.history.tip if name == TRUNK else self._numbers.get(name)

    def commits(self, name: str) -> tuple[int, Callable[[int], dict[str, Any]]] | None:
        """Return how many commits there are from there, and what writes the nth."""
        number = self.number(name)
        if number is None:
            return None
        if name not in self._logs:
            self._logs[name] = list(log(self.history.commits, number))
        walked = self._logs[name]
        return len(walked), lambda index: commit(self.history, walked[index])

    def deployments(self) -> tuple[int, Callable[[int], dict[str, Any]]]:
        """Return how many deployments there are, and what writes the nth, the newest first."""
        known = self.history.deployments
        return len(known), lambda index: deployment(known[-1 - index])


def text(items: Iterator[dict[str, Any]]) -> bytes:
    """Return them as the bytes of a JSON array."""
    return json.dumps(list(items), separators=(",", ":")).encode()
