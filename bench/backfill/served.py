"""Serve a made-up history on 127.0.0.1 from a process of its own, and count what is asked.

Below `/then/SECONDS` it answers as GitHub would have at that time, for the live path.
"""

from __future__ import annotations

import base64
import contextlib
import http.server
import itertools
import json
import multiprocessing
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from bench.backfill import made, queries, written
from bench.backfill.graph import compared
from bench.backfill.queries import Refused
from tests.end_to_end.loopback import Local

TOKEN: Final = "token-of-the-bench"  # noqa: S105 - what the stand-in takes
_PLENTY: Final = 1_000_000
_DOCUMENTATION: Final = "https://docs.github.com/rest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """How it answers: after `latency` seconds, and `budget` REST requests in each `window`.

    With `services`, the repository maps services to paths.
    """

    latency: float = 0.0
    services: bool = False
    budget: int | None = None
    window: float = 3600.0


class Served:
    """The stand-in as the bench sees it."""

    def __init__(self, pipe: Connection, api_url: str) -> None:
        self.api_url = api_url
        self._pipe = pipe

    def then(self, at: int) -> str:
        """Return the address under which it is that time."""
        return f"{self.api_url}/then/{at}"

    def asked(self) -> Counter[str]:
        """Return how many requests there were of each kind, the refused ones among them."""
        self._pipe.send("asked")
        counted: Counter[str] = self._pipe.recv()
        return counted

    def forget(self, ways: Ways = Ways()) -> None:
        """Count from the start, and answer in these ways from now on."""
        self._pipe.send(ways)
        self._pipe.recv()


@contextlib.contextmanager
def serving(deployments: int, commits: int, seed: int = 7) -> Iterator[Served]:
    """Let a new process make a history of that size and serve it."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(deployments, commits, seed, theirs), daemon=True)
    process.start()
    theirs.close()
    with ours:
        yield Served(ours, ours.recv())
    process.join(timeout=5)
    process.close()


def _serve(deployments: int, commits: int, seed: int, pipe: Connection) -> None:
    with GitHub(made.made(deployments, commits, seed)) as github, pipe:
        pipe.send(github.url)
        with contextlib.suppress(EOFError):  # the other side is done
            while message := pipe.recv():
                if isinstance(message, Ways):
                    github.forget(message)
                pipe.send(github.asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reply:
    kind: str
    body: bytes
    status: int = 200
    link: str = ""


class GitHub(Local):
    """Answer for a history; `asked` counts by kind."""

    def __init__(self, history: made.History) -> None:
        self.asked: Counter[str] = Counter()
        self._history = history
        self._objects = written.Objects(history)
        self._lists = written.Lists(history)
        self._lock = threading.Lock()
        self.forget(Ways())

    def forget(self, ways: Ways) -> None:
        """Count from the start, and answer in these ways."""
        self._ways = ways
        self.asked = Counter()
        self._renewed()

    def _renewed(self) -> None:
        self._left = _PLENTY if self._ways.budget is None else self._ways.budget
        self._reset = time.time() + self._ways.window

    def _handle(self, connection: socket.socket) -> None:
        _Conversation(connection, self)

    def answer(self, target: str, headers: Any, body: bytes) -> tuple[_Reply, dict[str, str]]:
        """Return the answer to a request, and the headers about the rate limit."""
        started = time.monotonic()
        is_query = urlsplit(target).path.endswith("/graphql")
        with self._lock:
            if time.time() >= self._reset:
                self._renewed()
            is_refused = not is_query and self._left <= 0
            self._left -= not is_query and not is_refused
            left, reset = self._left, int(self._reset) + 1
        if headers.get("authorization") not in {f"token {TOKEN}", f"Bearer {TOKEN}"}:
            reply = _problem("refused", 401, "Bad credentials")
        elif is_refused:
            reply = _problem("rate limit", 403, "API rate limit exceeded for installation ID 1.")
        else:
            reply = self._query(target, body) if is_query else self._rest(target)
        with self._lock:
            self.asked[reply.kind] += 1
        if (wait := started + self._ways.latency - time.monotonic()) > 0:
            time.sleep(wait)
        if is_query:
            return reply, {}
        limit = {"limit": self._ways.budget or _PLENTY, "remaining": left, "reset": reset}
        return reply, {f"X-RateLimit-{name}": str(value) for name, value in limit.items()}

    def _rest(self, target: str) -> _Reply:
        url = urlsplit(target)
        path = re.sub(r"^/then/[0-9]+", "", url.path)
        given = dict(parse_qsl(url.query))
        for pattern, kind, allowed, route in _ROUTES:
            if found := re.fullmatch(pattern, path):
                if not given.keys() <= allowed:
                    return _problem("refused", 422, f"{target} has a parameter that is not here")
                return route(self, kind, [unquote(each) for each in found.groups()], given)
        return _problem("refused", 404, f"{target} is not here")

    def repository(self, kind: str, _names: list[str], _given: dict[str, str]) -> _Reply:
        """Answer with the repository."""
        return _Reply(kind=kind, body=json.dumps(written.repository()).encode())

    def commit(self, kind: str, names: list[str], _given: dict[str, str]) -> _Reply:
        """Answer with the commit of a branch, or of a SHA."""
        number = self._lists.number(names[0])
        if number is None:
            return _problem(kind, 422, f"No commit found for SHA: {names[0]}")
        body = written.commit(self._history, number)
        sha = body["sha"]
        if names[0] == sha:
            kind = "commit"
            body["files"] = [{"filename": path} for path in written.files(sha)]
        return _Reply(kind=kind, body=json.dumps(body).encode())

    def commits(self, kind: str, _names: list[str], given: dict[str, str]) -> _Reply:
        """Answer with a page of the commits of a branch."""
        found = self._lists.commits(given.get("sha", made.TRUNK))
        return _problem(kind, 404, "Not Found") if found is None else _page(kind, given, *found)

    def deployments(self, kind: str, _names: list[str], given: dict[str, str]) -> _Reply:
        """Answer with a page of the deployments."""
        return _page(kind, given, *self._lists.deployments())

    def compare(self, kind: str, names: list[str], given: dict[str, str]) -> _Reply:
        """Answer with a page of what the one has that the other has not."""
        base, head = (self._lists.number(name) for name in names)
        if base is None or head is None:
            return _problem(kind, 404, "Not Found")
        found = compared(self._history.commits, base, head)
        if found.merge_base is None:
            return _problem(kind, 404, "No common ancestor")
        page, size = int(given.get("page", "1")), int(given["per_page"])
        shown = found.ahead[(page - 1) * size : page * size]
        body = {
            "base_commit": written.commit(self._history, base),
            "merge_base_commit": written.commit(self._history, found.merge_base),
            "status": found.relation,
            "ahead_by": len(found.ahead),
            "behind_by": found.behind,
            "total_commits": len(found.ahead),
            "commits": [written.commit(self._history, number) for number in shown],
        }
        if page == 1:
            shas = [written.commit(self._history, number)["sha"] for number in found.ahead]
            paths = sorted({path for sha in shas for path in written.files(sha)})
            body["files"] = [{"filename": path} for path in paths[:300]]
        return _Reply(kind=kind, body=json.dumps(body).encode())

    def contents(self, kind: str, _names: list[str], _given: dict[str, str]) -> _Reply:
        """Answer with the configuration file, if there is one."""
        if not self._ways.services:
            return _problem(kind, 404, "Not Found")
        content = base64.b64encode(written.CONFIG).decode()
        body = {"type": "file", "encoding": "base64", "size": len(written.CONFIG)}
        return _Reply(kind=kind, body=json.dumps({**body, "content": content}).encode())

    def _query(self, target: str, body: bytes) -> _Reply:
        then = re.match(r"^/then/([0-9]+)", target)
        document = json.loads(body)
        kind = "GraphQL"
        try:
            query = queries.parsed(document["query"], document.get("variables") or {})
            kind = f"GraphQL {query.name}"
            points, nodes = query.cost()
            root = self._objects.root(int(then[1])) if then else self._objects.root()
            root["rateLimit"] = {"cost": points, "nodeCount": nodes}
            answer: dict[str, Any] = {"data": query.answer(root)}
        except Refused as refused:
            kind = f"refused: {refused}"
            answer = {"data": None, "errors": [{"type": refused.kind, "message": str(refused)}]}
        else:
            with self._lock:
                self.asked["points"] += points
        return _Reply(kind=kind, body=json.dumps(answer).encode())


_Route = Callable[[GitHub, str, list[str], dict[str, str]], _Reply]
_PAGES: Final = frozenset({"page", "per_page"})
_ROOT: Final = f"/repos/{made.SLUG}"
_ROUTES: Final[tuple[tuple[str, str, frozenset[str], _Route], ...]] = (
    (_ROOT, "repository", frozenset(), GitHub.repository),
    (rf"{_ROOT}/(?:commits|branches)/(.+)", "tip", _PAGES, GitHub.commit),
    (rf"{_ROOT}/commits", "commits", _PAGES | {"sha"}, GitHub.commits),
    (rf"{_ROOT}/deployments", "deployments", _PAGES, GitHub.deployments),
    (rf"{_ROOT}/compare/(\w+)\.\.\.(\w+)", "compare", _PAGES, GitHub.compare),
    (rf"{_ROOT}/contents/(.+)", "contents", frozenset({"ref"}), GitHub.contents),
)


def _page(
    kind: str, given: dict[str, str], total: int, write: Callable[[int], dict[str, Any]]
) -> _Reply:
    """Answer with a page of a list, and with the links to the others."""
    page, size = int(given.get("page", "1")), int(given.get("per_page", "30"))
    shown = range((page - 1) * size, min(page * size, total))
    last = max(1, -(-total // size))
    rest = "".join(f"&{name}={each}" for name, each in given.items() if name != "page")
    links = {"next": page + 1, "last": last} if page < last else {}
    link = ", ".join(
        f'<https://api.github.com{_ROOT}/{kind}?page={number}{rest}>; rel="{rel}"'
        for rel, number in links.items()
    )
    return _Reply(kind=kind, body=written.text(map(write, shown)), link=link)


def _problem(kind: str, status: int, message: str) -> _Reply:
    body = {"message": message, "documentation_url": _DOCUMENTATION, "status": str(status)}
    return _Reply(
        kind=f"refused: {message}" if kind == "refused" else kind,
        body=json.dumps(body).encode(),
        status=status,
    )


class _Conversation(http.server.BaseHTTPRequestHandler):
    """Read the requests of one kept-alive connection, and answer each."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    _ids = itertools.count(1)

    def __init__(self, connection: socket.socket, github: GitHub) -> None:
        self._github = github
        super().__init__(connection, connection.getpeername(), None)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Answer; http.server looks this method up by its name."""
        length = int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(length)
        if len(body) < length:  # whoever asked was killed
            self.close_connection = True
            return
        reply, limits = self._github.answer(self.path, self.headers, body)
        self.send_response_only(reply.status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(reply.body)))
        for name, value in limits.items():
            self.send_header(name, value)
        if reply.link:
            self.send_header("Link", reply.link)
        self.end_headers()
        self.wfile.write(reply.body)

    def do_POST(self) -> None:
        """Answer a query."""
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Stay silent."""
