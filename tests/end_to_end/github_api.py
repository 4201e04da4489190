"""Stand in for GitHub's REST API on 127.0.0.1, as far as the action asks it.

Strict about what GitHub is strict about: the address, how it is quoted, and the token. It is a
context manager with a `url`, and silent. `asked` lists the requests; `fault` replaces the answer
by any script of `receivers`.

Source: GitHub REST API documentation, "Repositories", "Commits", "Git database" and "Pulls".
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from tests.end_to_end.receivers import Faulty, Script, answer

_Answer = tuple[int, dict[str, Any]]
_DOCUMENTATION: Final = "https://docs.github.com/rest"
_QUERIES: Final = frozenset({"", "page=1&per_page=1"})
# What an address may hold besides percent signs with two digits (RFC 3986, `pchar`, and slashes).
_QUOTED: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-F]{2})*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """What GitHub keeps of one repository.

    `branches` and `tags` map names to SHAs; `objects` maps SHAs to what they are: `commit`, `tree`
    or `blob`, or `tag:SHA` for a tag object that points to another one. `pulls` maps numbers to
    the merge commits of merged pull requests, None for those that are not merged.
    """

    id: int = 186853261
    full_name: str = "acme/shop"
    default_branch: str | None = "main"
    branches: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    objects: Mapping[str, str] = field(default_factory=dict)
    pulls: Mapping[int, str | None] = field(default_factory=dict)


class GitHubApi(Faulty):
    """Answer for one repository, under its present and its `former` name."""

    def __init__(
        self,
        repository: Repository | None = None,
        *,
        token: str = "token-of-the-tests",
        former: str | None = None,
        prefix: str = "",
    ) -> None:
        super().__init__(self._serve)
        self.fault: Script | None = None
        self._repository = repository or Repository()
        self._token = token
        self._former = former
        self._prefix = prefix

    @property
    def api_url(self) -> str:
        """What `GITHUB_API_URL` would be."""
        return self.url + self._prefix

    @property
    def asked(self) -> list[str]:
        """The requests so far, each as its method and target."""
        return [request.partition(b" HTTP/1.1\r\n")[0].decode("ascii") for request in self.requests]

    def _serve(self, connection: socket.socket, request: bytes) -> None:
        if self.fault is not None:
            self.fault(connection, request)
            return
        head, *lines = request.decode("ascii").split("\r\n")
        method, target, _ = head.split(" ")
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
        }
        status, body = self._judged(method, target, headers)
        moved = [("Location", body["url"])] if status == 301 else []
        answer(status, body, moved)(connection, request)

    def _judged(self, method: str, target: str, headers: Mapping[str, str]) -> _Answer:
        authorizations = {f"token {self._token}", f"Bearer {self._token}"}
        if headers.get("authorization") not in authorizations:
            return _problem(401, "Bad credentials")
        if not headers.get("user-agent"):
            return _problem(403, "Request forbidden by administrative rules.")
        url = urlsplit(target)
        path = url.path.removeprefix(self._prefix)
        if method != "GET" or url.query not in _QUERIES or not _QUOTED.fullmatch(url.path):
            return _problem(400, "Problems parsing the request")
        repository = self._repository
        if self._former and (rest := _under(path, f"/repos/{self._former}")) is not None:
            url_now = f"{self.api_url}/repositories/{repository.id}{rest}"
            return 301, {**_problem(301, "Moved Permanently")[1], "url": url_now}
        for root in (f"/repos/{repository.full_name}", f"/repositories/{repository.id}"):
            if (rest := _under(path, root)) is not None:
                return _looked_up(repository, rest)
        return _problem(404, "Not Found")


def _looked_up(repository: Repository, path: str) -> _Answer:
    """Answer the address below the repository's own."""
    routes = {
        r"": _of_repository,
        r"/commits/(?P<name>[^/]+)": _commit,
        r"/git/ref/(?P<name>.+)": _ref,
        r"/git/tags/(?P<name>[^/]+)": _tag,
        r"/pulls/(?P<name>[0-9]+)": _pull,
    }
    for pattern, route in routes.items():
        if found := re.fullmatch(pattern, path):
            return route(repository, unquote(found.groupdict().get("name", ""), errors="strict"))
    return _problem(404, "Not Found")


def _of_repository(repository: Repository, _name: str) -> _Answer:
    return 200, {
        "id": repository.id,
        "full_name": repository.full_name,
        "default_branch": repository.default_branch,
    }


def _commit(repository: Repository, name: str) -> _Answer:
    """Resolve a branch first, then a SHA or the start of exactly one."""
    found = [
        sha
        for sha, kind in repository.objects.items()
        if kind == "commit" and len(name) >= 4 and sha.startswith(name)
    ]
    if name in repository.branches:
        found = [repository.branches[name]]
    if len(found) != 1:
        return _problem(422, f"No commit found for SHA: {name}")
    return 200, {"sha": found[0], "commit": {"message": "a change"}, "files": []}


def _ref(repository: Repository, name: str) -> _Answer:
    """Find the one ref of exactly this name."""
    kind, _, rest = name.partition("/")
    known = {"heads": repository.branches, "tags": repository.tags}.get(kind, {})
    if rest not in known:
        return _problem(404, "Not Found")
    return 200, {"ref": f"refs/{name}", "object": _target(repository, known[rest])}


def _tag(repository: Repository, name: str) -> _Answer:
    """Find a tag object; the SHA of anything else is none."""
    kind, _, target = repository.objects.get(name, "").partition(":")
    if kind != "tag":
        return _problem(404, "Not Found")
    return 200, {
        "sha": name,
        "tag": "a-tag",
        "message": "a tag",
        "object": _target(repository, target),
    }


def _pull(repository: Repository, name: str) -> _Answer:
    number = int(name)
    if number not in repository.pulls:
        return _problem(404, "Not Found")
    sha = repository.pulls[number]
    # An open one has the commit of a trial merge, which is on no branch.
    trial = "e" * 40
    return 200, {"number": number, "merged": sha is not None, "merge_commit_sha": sha or trial}


def _target(repository: Repository, sha: str) -> dict[str, str]:
    return {"sha": sha, "type": repository.objects[sha].partition(":")[0]}


def _under(path: str, root: str) -> str | None:
    """Return what follows `root` in `path`; names of repositories have no case."""
    if path.lower() == root.lower() or path.lower().startswith(f"{root.lower()}/"):
        return path[len(root) :]
    return None


def _problem(status: int, message: str) -> _Answer:
    return status, {"message": message, "documentation_url": _DOCUMENTATION, "status": str(status)}
