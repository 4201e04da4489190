"""Serve a history on 127.0.0.1 as GitHub's REST and GraphQL APIs would.

`GitHub` is a context manager with an `api_url`, and silent. It refuses what GitHub refuses, counts
what GitHub counts, and records every request with its times, so that a test can tell how often and
in how many rounds it was asked. `fault` replaces single answers by any other.

Sources: GitHub REST API documentation, "Getting started", "Authenticating", "Rate limits",
"Troubleshooting"; GitHub GraphQL API documentation, "Forming calls" and "Rate limits".
"""

from __future__ import annotations

import http.server
import itertools
import json
import re
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import parse_qsl, urlsplit

from tests.end_to_end.github import queries, rest
from tests.end_to_end.github.history import History
from tests.end_to_end.github.hosted import READS, Hosted, iso
from tests.end_to_end.github.nodes import RateLimit, Refused
from tests.end_to_end.github.rest import Reply, problem
from tests.end_to_end.loopback import Local

if TYPE_CHECKING:
    pass

Answer = tuple[int, Mapping[str, str], bytes]
"""A whole answer: status, headers, body. `Content-Length` is added unless it is given."""

Script = Callable[[socket.socket], None]
"""What to do with the connection instead of an answer; it is closed afterwards."""

_HOST: Final = "127.0.0.1"
_TOO_FAST: Final = "API rate limit exceeded for installation ID 48201937."
_TOO_MANY: Final = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
)
# What an address may hold besides percent signs with two digits (RFC 3986, `pchar`, and slashes).
_QUOTED: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*")


@dataclass(slots=True, kw_only=True)
class Asked:
    """One request. `started` and `ended` are seconds of `time.monotonic`.

    `operation` is the text of a GraphQL query, else None, and `operation_name` the one of its
    operations that is meant. `ended` and `status` are of the answer: None and 0 while there is
    none, and 0 for a script.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    operation: str | None
    variables: Mapping[str, Any] = field(default_factory=dict)
    operation_name: str | None = None
    started: float
    ended: float | None = None
    status: int = 0

    @property
    def objects(self) -> int:
        """How many fields a query has just below its root's: a repository's aliased commits."""
        if self.operation is None:
            return 0
        return queries.prepared(self.operation).objects(self.operation_name)

    def __str__(self) -> str:
        """The request's method and target."""
        return f"{self.method} {self.path}{'?' if self.query else ''}{self.query}"


def rounds(asked: Iterable[Asked]) -> int:
    """Return how many of the requests, one after the other, there were at least: the round trips.

    It is the length of the longest chain in which each starts after the one before has ended.
    Without a `latency`, requests that a client sends at once may be over one after the other.
    """
    length, ended = 0, float("-inf")
    # Of all that may come next, take what ends first: it leaves the most room for others.
    for start, end in sorted(_times(asked), key=lambda times: times[1]):
        if start > ended:
            length, ended = length + 1, end
    return length


def most_at_once(asked: Iterable[Asked]) -> int:
    """Return how many of the requests were under way at the same time, at most."""
    steps = sorted(step for start, end in _times(asked) for step in ((start, 1), (end, -1)))
    return max(itertools.accumulate(step for _, step in steps), default=0)


def _times(asked: Iterable[Asked]) -> list[tuple[float, float]]:
    return [
        (each.started, float("inf") if each.ended is None else each.ended) for each in tuple(asked)
    ]


class GitHub(Local):
    """Answer for one repository, under its present and its `former` name.

    `permissions` are what the token may read, which counts for a private repository only.
    `remaining` is what is left of the rate limit: of REST's requests and, apart from them, of
    GraphQL's points; all of both is there again at `reset`, Unix seconds that a test may set, or
    with `refill`. `slow_down` lets a secondary limit refuse whatever comes next. `latency` is how
    many seconds every answer takes at least.

    `fault` is called with each request and may return another answer, or a script for the
    connection. `asked` lists the requests in the order of their arrival. Set `fault` and clear
    `asked` whenever no request is under way.
    """

    def __init__(
        self,
        history: History,
        *,
        token: str = "token-of-the-tests",
        slug: str = "acme/shop",
        former: str | None = None,
        repository_id: int = 186853261,
        private: bool = True,
        permissions: Collection[str] = READS,
        limit: int = 1000,
        remaining: int | None = None,
        latency: float = 0.0,
    ) -> None:
        if unknown := set(permissions) - READS:
            raise ValueError(f"no permission to read: {', '.join(sorted(unknown))}")
        self.asked: list[Asked] = []
        self.points: list[int] = []
        """What each query that was answered cost of GraphQL's limit."""
        self.fault: Callable[[Asked], Answer | Script | None] | None = None
        self._hosted = Hosted(
            history=history,
            slug=slug,
            former=former,
            id=repository_id,
            private=private,
            permissions=frozenset(permissions),
        )
        self._token = token
        self._limit = limit
        self._remaining = dict.fromkeys(
            ("core", "graphql"), limit if remaining is None else remaining
        )
        self.reset = int(time.time()) + 3600
        self._refusals: list[float | None] = []
        self._latency = latency
        self._lock = threading.Lock()

    @property
    def api_url(self) -> str:
        """What `GITHUB_API_URL` would be."""
        return self.url

    @property
    def graphql_url(self) -> str:
        """What `GITHUB_GRAPHQL_URL` would be."""
        return f"{self.api_url}/graphql"

    def rounds(self) -> int:
        """Return how many round trips there were; see `rounds`."""
        return rounds(self.asked)

    def most_at_once(self) -> int:
        """Return how many requests were under way at the same time, at most."""
        return most_at_once(self.asked)

    def spent(self, resource: Literal["core", "graphql"]) -> int:
        """Return what was taken from a limit since it began anew, if it was full then."""
        return self._limit - self._remaining[resource]

    def refill(self, *, remaining: int | None = None) -> None:
        """Let both limits begin anew, as they do every hour."""
        with self._lock:
            self._remaining = dict.fromkeys(
                self._remaining, self._limit if remaining is None else remaining
            )
            self.reset = int(time.time()) + 3600

    def slow_down(self, requests: int, retry_after: float | None = None) -> None:
        """Refuse that many requests by a secondary limit, which says how long it lasts or not."""
        self._refusals.extend([retry_after] * requests)

    # --- one request

    def _handle(self, connection: socket.socket) -> None:
        _Conversation(connection, self._server, self._take)

    def _take(self, conversation: _Conversation) -> tuple[Asked, Answer | Script]:
        started = time.monotonic()
        url = urlsplit(conversation.path)
        body = conversation.sent
        document = _json(body) if url.path == "/graphql" else None
        text, variables, name = _query(document)
        asked = Asked(
            method=conversation.command,
            path=url.path,
            query=url.query,
            headers={key.lower(): value for key, value in conversation.headers.items()},
            operation=text,
            variables=variables,
            operation_name=name,
            started=started,
        )
        with self._lock:
            self.asked.append(asked)
        other = self.fault(asked) if self.fault else None
        if other is None:
            other = self._written(self._judged(asked, body, name), asked)
        if (left := started + self._latency - time.monotonic()) > 0:
            time.sleep(left)
        return asked, other

    def _judged(self, asked: Asked, body: bytes, name: str | None) -> Reply:
        """Answer as GitHub does, in its order: who asks, whether that may go on, and then what."""
        if not asked.headers.get("user-agent"):
            return problem(
                403,
                "Request forbidden by administrative rules. Please make sure your request has a "
                "User-Agent header.",
            )
        if asked.headers.get("authorization") not in {
            f"{scheme} {self._token}" for scheme in ("token", "Bearer", "bearer")
        }:
            return problem(401, "Bad credentials")
        with self._lock:
            refused = [self._refusals.pop(0)] if self._refusals else []
        for after in refused:
            headers = {} if after is None else {"Retry-After": str(after)}
            return Reply(status=403, body=problem(403, _TOO_MANY).body, headers=headers)
        if asked.path == "/graphql":
            return self._graphql(asked, body, name)
        if not self._spent("core", 1):
            return problem(403, _TOO_FAST)
        if not _QUOTED.fullmatch(asked.path):
            return problem(400, "Problems parsing the request")
        return self._rest(asked)

    def _rest(self, asked: Asked) -> Reply:
        if asked.method != "GET":
            return problem(404, "Not Found")
        found = re.fullmatch(
            r"(?P<root>/repos/(?P<slug>[^/]+/[^/]+)|/repositories/(?P<id>[0-9]+))(?P<rest>/.*)?",
            asked.path,
        )
        if not found:
            return problem(404, "Not Found")
        hosted, slug, path = self._hosted, found["slug"], found["rest"] or ""
        canonical = f"{self.api_url}/repositories/{hosted.id}{path}"
        if slug is not None and hosted.was_named(slug):
            moved = canonical + (f"?{asked.query}" if asked.query else "")
            reply = problem(301, "Moved Permanently", url=moved)
            return Reply(status=301, body=reply.body, headers={"Location": moved})
        if not (hosted.is_named(slug) if slug is not None else int(found["id"]) == hosted.id):
            return problem(404, "Not Found")
        ask = rest.Ask(
            hosted=hosted,
            url=canonical,
            query=dict(parse_qsl(asked.query, keep_blank_values=True)),
            accept=asked.headers.get("accept", ""),
        )
        return rest.answer(ask, path)

    def _graphql(self, asked: Asked, body: bytes, name: str | None) -> Reply:
        if asked.method != "POST":
            return problem(404, "Not Found")
        if not isinstance(_json(body), dict):
            return problem(400, "Problems parsing JSON")
        if asked.operation is None:
            return problem(400, "A query attribute must be specified and must be a string.")
        query = queries.prepared(asked.operation)
        return Reply(
            body=queries.answer(self._hosted, query, name, asked.variables, self._points_spent)
        )

    def _points_spent(self, cost: queries.Cost) -> RateLimit:
        if not self._spent("graphql", cost.points):
            # "the response status will still be 200, but you will receive an error message"
            raise Refused("RATE_LIMITED", _TOO_FAST)
        self.points.append(cost.points)
        remaining = self._remaining["graphql"]
        return RateLimit(
            cost=cost.points,
            node_count=cost.nodes,
            limit=self._limit,
            remaining=remaining,
            used=self._limit - remaining,
            reset_at=iso(datetime.fromtimestamp(self.reset, timezone.utc)),
        )

    def _spent(self, resource: str, points: int) -> bool:
        if time.time() >= self.reset:
            self.refill()
        with self._lock:
            enough = self._remaining[resource] >= points
            self._remaining[resource] = max(0, self._remaining[resource] - points)
        return enough

    def _written(self, reply: Reply, asked: Asked) -> Answer:
        resource = "graphql" if asked.path == "/graphql" else "core"
        remaining = self._remaining[resource]
        headers = {
            "Content-Type": reply.media_type,
            "X-RateLimit-Limit": str(self._limit),
            "X-RateLimit-Remaining": str(remaining),
            "X-RateLimit-Used": str(self._limit - remaining),
            "X-RateLimit-Reset": str(self.reset),
            "X-RateLimit-Resource": resource,
            "X-GitHub-Request-Id": f"E2E0:{len(self.asked):04X}",
            **reply.headers,
        }
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        return reply.status, headers, body


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _query(document: Any) -> tuple[str | None, Mapping[str, Any], str | None]:
    """Return the text, the variables and the operation's name of a GraphQL request."""
    if not isinstance(document, dict) or not isinstance(document.get("query"), str):
        return None, {}, None
    variables = document.get("variables")
    name = document.get("operationName")
    return document["query"], variables if isinstance(variables, dict) else {}, name or None


# --- the wire


class _Conversation(http.server.BaseHTTPRequestHandler):
    """Read the requests of one kept-alive connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(
        self,
        connection: socket.socket,
        server: socketserver.BaseServer,
        take: Callable[[_Conversation], tuple[Asked, Answer | Script]],
    ) -> None:
        self._take = take
        super().__init__(connection, connection.getpeername(), server)

    def reply(self) -> None:
        """Take one request, answer it, and write down when that was."""
        length = self.headers.get("Content-Length", "0")
        self.sent = self.rfile.read(int(length)) if re.fullmatch("[0-9]{1,9}", length) else b""
        asked, answer = self._take(self)
        if callable(answer):
            self.close_connection = True
            try:
                answer(self.connection)
            finally:
                asked.ended = time.monotonic()
            return
        status, headers, body = answer
        # Before the answer leaves, or the client's next request might begin before this one ends.
        asked.status, asked.ended = status, time.monotonic()
        self.send_response_only(status)
        self.send_header("Date", self.date_time_string())
        for name, value in headers.items():
            self.send_header(name, value)
        if not any(name.lower() == "content-length" for name in headers):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def __getattr__(self, name: str) -> Any:
        """Answer every method alike; http.server looks for a `do_GET`, a `do_POST`, and so on."""
        if name.startswith("do_"):
            return self.reply
        raise AttributeError(name)

    def log_message(self, *_: object) -> None:
        """Stay silent."""
