"""Stand in for Datadog and DX on 127.0.0.1, as strict as their own pages.

`Datadog` and `Dx` read every request as their vendor documents it and refuse the rest; `Faulty`
misbehaves on purpose. All three are context managers with a `url`, need nothing beyond the standard
library, and are silent.

The rules are written out by hand from the vendors' pages and share nothing with the JSON Schemas
that the action ships: a mistake in a schema would otherwise excuse itself here. Where this action
promises more than a vendor asks for, the receivers hold it to its promise, and the comment beside
the rule says so.
"""

from __future__ import annotations

import abc
import http.client
import http.server
import itertools
import json
import re
import select
import socket
import socketserver
import struct
import sys
import threading
import time
import uuid
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, TypeGuard

from tests.end_to_end.loopback import Local

if TYPE_CHECKING:
    from email.message import Message


Script = Callable[[socket.socket, bytes], None]
"""What `Faulty` does with a connection and the request that came over it."""

_Answer = tuple[int, dict[str, Any]]
_Path = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """Hold one request as it arrived and the answer that it got.

    `headers` has lower-cased names. `json` is the parsed body, None if that was not strict JSON.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    json: Any
    status: int
    answer: dict[str, Any]


# --- HTTP, shared by Datadog and DX


@dataclass(frozen=True, slots=True, kw_only=True)
class _HeaderProblem:
    """Say what is wrong with a header, and the HTTP status that tells the client."""

    status: int
    header: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """Hold what a receiver judges; `not_json` says why there is no `json`."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    json: Any
    not_json: str | None
    misframed: _HeaderProblem | None


class _Receiver(Local):
    """Record every request together with the answer that `_judge` gives it."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        # One request is judged at a time, so that `received` and what a receiver remembers agree.
        self._lock = threading.Lock()

    def _handle(self, connection: socket.socket) -> None:
        _Conversation(connection, self._server, self._receive)

    def _receive(self, request: _Request) -> Received:
        with self._lock:
            status, reply = self._judge(request)
            received = Received(
                method=request.method,
                path=request.path,
                headers=request.headers,
                body=request.body,
                json=request.json,
                status=status,
                answer=reply,
            )
            self.received.append(received)
        return received

    @abc.abstractmethod
    def _judge(self, request: _Request) -> _Answer:
        """Decide the status and the JSON body of the answer."""


class _Conversation(http.server.BaseHTTPRequestHandler):
    """Read the requests of one kept-alive connection and answer each in JSON."""

    protocol_version = "HTTP/1.1"
    # Head and body leave in two writes, and Nagle's algorithm would hold the second for 40 ms.
    disable_nagle_algorithm = True

    def __init__(
        self,
        connection: socket.socket,
        server: socketserver.BaseServer,
        receive: Callable[[_Request], Received],
    ) -> None:
        self._receive = receive
        super().__init__(connection, connection.getpeername(), server)

    def do_POST(self) -> None:
        """Take one request; http.server looks this method up by its name."""
        self._take()

    def do_GET(self) -> None:
        """Take what a client makes of a POST when it follows a redirect.

        Any other method gets the 501 of http.server.
        """
        self._take()

    def _take(self) -> None:
        misframed = _framing_problem(self.command, self.headers)
        length = 0 if misframed else int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(length)
        if len(body) < length:  # the client left in the middle: nobody is there to answer
            self.close_connection = True
            return
        document, not_json = _parsed(body)
        received = self._receive(
            _Request(
                method=self.command,
                path=self.path,
                headers={name.lower(): value for name, value in self.headers.items()},
                body=body,
                json=document,
                not_json=not_json,
                misframed=misframed,
            )
        )
        self._reply(received, last=misframed is not None)

    def _reply(self, received: Received, *, last: bool) -> None:
        text = json.dumps(received.answer).encode()
        self.send_response(received.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        if last:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(text)
        if last:
            _drain(self.connection)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


def _drain(connection: socket.socket) -> None:
    """Read on until the client hangs up.

    To close on unread bytes would reset the connection, and the client might never see our answer.
    """
    connection.shutdown(socket.SHUT_WR)
    connection.settimeout(1)
    while connection.recv(65536):
        pass


def _framing_problem(method: str, headers: Message) -> _HeaderProblem | None:
    """Find why the body's end is unknown, or which headers contradict each other."""
    names = [name.lower() for name in headers]
    for name in names:
        if names.count(name) > 1:
            return _HeaderProblem(status=400, header=name, detail="must not be sent twice")
    if "transfer-encoding" in names:
        # A frozen body has a known length; chunks would mean that it is made while it is sent.
        return _HeaderProblem(
            status=411, header="Content-Length", detail="must be sent instead of chunks"
        )
    length = headers.get("Content-Length")
    if length is None and method == "POST":
        return _HeaderProblem(status=411, header="Content-Length", detail="must be sent")
    if length is not None and not re.fullmatch("[0-9]{1,8}", length):
        return _HeaderProblem(
            status=400, header="Content-Length", detail="must be a plain number of bytes"
        )
    return None


def _header_problem(request: _Request, *, foreign: Sequence[str]) -> _HeaderProblem | None:
    """Find a header meant for someone else, or a body announced as anything but plain JSON."""
    for name in foreign:
        if name.lower() in request.headers:
            return _HeaderProblem(status=400, header=name, detail="must not be sent here")
    if "content-encoding" in request.headers:
        return _HeaderProblem(status=400, header="Content-Encoding", detail="must not be sent")
    media_type = request.headers.get("content-type", "")
    if not re.fullmatch(r"application/json(;\s*charset=utf-8)?", media_type, re.IGNORECASE):
        return _HeaderProblem(status=400, header="Content-Type", detail="must be application/json")
    return None


# --- strict JSON


class _NotJsonError(ValueError):
    """Say why a body is not the JSON that two parsers would read alike."""


def _parsed(body: bytes) -> tuple[Any, str | None]:
    """Parse the body; return the document and None, or None and what is wrong."""
    try:
        return _strict_json(body), None
    except _NotJsonError as error:
        return None, str(error)


def _strict_json(body: bytes) -> object:
    """Parse JSON without what `json` lets pass: repeated keys, NaN, infinities, half surrogates."""
    try:
        document: object = json.loads(
            body.decode(), object_pairs_hook=_unique, parse_constant=_no_constant
        )
        # Numbers too big for a double and half surrogates only show when it is written again.
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    except _NotJsonError:
        raise
    except (ValueError, RecursionError):
        # The interpreter's own words differ from one Python to the next.
        raise _NotJsonError("the body is not well-formed JSON in UTF-8") from None
    return document


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    unique: dict[str, Any] = {}
    for name, value in members:
        if name in unique:
            raise _NotJsonError(f"the body has the key {name!r} twice in one object")
        unique[name] = value
    return unique


def _no_constant(name: str) -> object:
    raise _NotJsonError(f"the body holds {name}, which is not JSON")


# --- checks by hand


@dataclass(frozen=True, slots=True)
class _Problem:
    """Name the place in the body and what it must be."""

    path: _Path
    detail: str


_Check = Callable[[object, _Path], Iterator[_Problem]]


def _must(be: str, test: Callable[[object], bool]) -> _Check:
    """Make a check of a single value."""

    def check(value: object, path: _Path) -> Iterator[_Problem]:
        if not test(value):
            yield _Problem(path, f"must be {be}")

    return check


def _must_match(be: str, pattern: str) -> _Check:
    """Make a check of a text that matches the pattern from end to end."""
    return _must(
        be, lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None
    )


def _array(item: _Check, *, least: int = 0, most: int | None = None) -> _Check:
    """Make a check of an array and of everything in it."""

    def check(value: object, path: _Path) -> Iterator[_Problem]:
        if not isinstance(value, list):
            yield _Problem(path, "must be an array")
            return
        if len(value) < least:
            yield _Problem(path, f"must hold at least {least}")
        if most is not None and len(value) > most:
            yield _Problem(path, f"must hold at most {most}")
        for index, member in enumerate(value):
            yield from item(member, (*path, str(index)))

    return check


def _object(*, required: Mapping[str, _Check], optional: Mapping[str, _Check]) -> _Check:
    """Make a check of an object with these members and no others."""
    checks = {**required, **optional}

    def check(value: object, path: _Path) -> Iterator[_Problem]:
        if not isinstance(value, dict):
            yield _Problem(path, "must be an object")
            return
        for name in required:
            if name not in value:
                yield _Problem((*path, name), "is required")
        for name, member in value.items():
            if name in checks:
                yield from checks[name](member, (*path, name))
            else:
                yield _Problem((*path, name), "is not a documented field")

    return check


def _is_whole_number(value: object) -> TypeGuard[int]:
    """Tell an integer; True is an `int` to Python, 1.0 is not one to int64."""
    return isinstance(value, int) and not isinstance(value, bool)


_text = _must(
    "a text that is not blank", lambda value: isinstance(value, str) and value.strip() != ""
)
_boolean = _must("a JSON boolean", lambda value: isinstance(value, bool))
_positive = _must("a positive integer", lambda value: _is_whole_number(value) and value > 0)


# --- Datadog


def _nanoseconds(value: object) -> int | None:
    """Read Unix seconds, milliseconds or nanoseconds from 2001 to 2262; None for anything else.

    Datadog API reference, "Send a deployment event": int64 in one of these three units. The size
    tells the unit, so that microseconds, which the page does not name, and a unit that was
    multiplied twice are both found out.
    """
    if not _is_whole_number(value):
        return None
    if 10**9 <= value < 10**10:
        return value * 10**9
    if 10**12 <= value < 10**13:
        return value * 10**6
    return value if 10**18 <= value < 2**63 else None


def _is_repository_url(value: object) -> bool:
    """Tell the form that this action sends: https, a path, no user info, no query, no `.git`."""
    pattern = r"https://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~-]+)+"
    return (
        isinstance(value, str)
        and re.fullmatch(pattern, value) is not None
        and not value.endswith(".git")
    )


def _is_tag(value: object) -> bool:
    """Tell key:value with something on both sides; a colon more belongs to the value."""
    if not isinstance(value, str):
        return False
    key, _, rest = value.partition(":")
    return key.strip() != "" and rest.strip() != ""


_unix_time = _must(
    "an integer of Unix seconds, milliseconds or nanoseconds",
    lambda value: _nanoseconds(value) is not None,
)

_datadog_attributes = _object(
    required={
        "service": _text,
        "started_at": _unix_time,
        "finished_at": _unix_time,
        # Optional to Datadog, but lead time needs it, and this action promises it in every request.
        "git": _object(
            required={
                "commit_sha": _must_match(
                    "40 or 64 lower-case hex digits", "[0-9a-f]{40}|[0-9a-f]{64}"
                ),
                "repository_url": _must(
                    "an https URL without user info and without .git", _is_repository_url
                ),
            },
            optional={},
        ),
    },
    optional={
        "custom_tags": _array(_must("a tag of the form key:value", _is_tag), most=100),
        "env": _text,
        "id": _must_match("16 to 128 of A-Z a-z 0-9 - _ . :", "[A-Za-z0-9_.:-]{16,128}"),
        "team": _text,
        "version": _text,
    },
)

# The page's table knows neither `data.type` nor any other member beside `attributes`.
_datadog_data = _object(required={"attributes": _datadog_attributes}, optional={})
_datadog_body = _object(required={"data": _datadog_data}, optional={})


def _datadog_order_problems(attributes: Mapping[str, object]) -> list[_Problem]:
    """Check that the deployment, whose fields are good, did not finish before it started."""
    started = _nanoseconds(attributes["started_at"])
    finished = _nanoseconds(attributes["finished_at"])
    if started is None or finished is None or started <= finished:
        return []
    return [_Problem(("data", "attributes", "finished_at"), "must not be earlier than started_at")]


def _pointer(path: _Path) -> str:
    """Write a path as a JSON pointer (RFC 6901)."""
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in path)


def _datadog_refusal(status: int, *problems: tuple[str, str, str]) -> _Answer:
    """Answer with one JSON:API error per problem: the kind of place, the place, what is wrong."""
    title = http.client.responses[status]
    errors = [
        {"detail": detail, "status": str(status), "title": title, "source": {kind: place}}
        for kind, place, detail in problems
    ]
    return status, {"errors": errors}


class Datadog(_Receiver):
    """Take deployments as Datadog's `POST /api/v2/dora/deployment` documents it.

    `received` lists the requests in the order of their arrival, refused ones included. A good one
    is answered with `status`: 200, 201, or 202, which stands for an event that an incident delays.

    Source: Datadog API reference, "Send a deployment event".
    """

    def __init__(self, *, api_key: str, status: int = 202) -> None:
        if status not in {200, 201, 202}:
            raise ValueError(f"Datadog takes a deployment with 200, 201 or 202, not {status}")
        super().__init__()
        self._api_key = api_key
        self._status = status
        self._made_ids = itertools.count(1)

    def _judge(self, request: _Request) -> _Answer:
        return (
            self._unauthorised(request)
            or self._unreadable(request)
            or self._judge_body(request.json)
        )

    def _unauthorised(self, request: _Request) -> _Answer | None:
        if request.path != "/api/v2/dora/deployment":
            return 404, {"errors": ["Not Found"]}
        if request.method != "POST":
            return 405, {"errors": ["Method Not Allowed"]}
        if request.headers.get("dd-api-key") != self._api_key:
            return 403, {"errors": ["Forbidden"]}
        return None

    def _unreadable(self, request: _Request) -> _Answer | None:
        # The API key is all that this endpoint wants: an application key or a bearer token was
        # meant for someone else.
        header = request.misframed or _header_problem(
            request, foreign=("Authorization", "DD-APPLICATION-KEY")
        )
        if header is not None:
            return _datadog_refusal(header.status, ("header", header.header, header.detail))
        if request.not_json is not None:
            return _datadog_refusal(400, ("pointer", "", request.not_json))
        return None

    def _judge_body(self, body: Any) -> _Answer:
        problems = list(_datadog_body(body, ()))
        if not problems:
            problems = _datadog_order_problems(body["data"]["attributes"])
        if problems:
            return _datadog_refusal(
                400, *(("pointer", _pointer(each.path), each.detail) for each in problems)
            )
        event_id = body["data"]["attributes"].get("id") or f"{next(self._made_ids):016x}"
        return self._status, {"data": {"id": event_id, "type": "dora_deployment"}}


# --- DX

_DX_CREATE = "/api/deployments.create"
_DX_SET_PULL_SERVICES = "/api/deployments.setPullServices"


def _is_utc_time(value: object) -> bool:
    """Tell a full ISO-8601 time in UTC that ends in Z, of the forms DX takes the one sent here."""
    pattern = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z"
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        return False
    try:
        datetime.fromisoformat(value[:19])
    except ValueError:
        return False
    return True


_slug = _must_match("a repository as owner/name", "[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
_short_sha = _must_match("a commit SHA of 7 to 40 hex digits", "[0-9A-Fa-f]{7,40}")
# DX takes a bare text as well; this action promises the object.
_service = _object(required={"identifier": _text}, optional={"name": _text})

# DX Web API reference, "deployments.create". `token` is in its table but travels as a header.
_dx_deployment = _object(
    required={
        "deployed_at": _must("a full ISO-8601 time in UTC that ends in Z", _is_utc_time),
        "service": _service,
        # Missing from the page's table, and production if left out: a staging deployment must
        # never rely on that.
        "environment": _text,
    },
    optional={
        "repository": _slug,
        "commit_sha": _short_sha,
        "merge_commit_shas": _array(_short_sha, least=1),
        "reference_id": _text,
        "source_url": _must_match("an http or https URL", r"https?://[^\s/]+(/\S*)?"),
        "source_name": _text,
        "metadata": _must("an object", lambda value: isinstance(value, dict)),
        "integration_branch": _text,
        "success": _boolean,
    },
)

# DX Web API reference, "deployments.setPullServices".
_dx_pull_services = _object(
    required={"services": _array(_service, least=1)},
    optional={
        "github_pull_id": _positive,
        "repository": _slug,
        "pull_number": _positive,
        "replace": _boolean,
    },
)


def _dx_deployment_problems(body: dict[str, Any]) -> Iterator[_Problem]:
    """Check every field, and that the body follows exactly one of the page's attribution paths."""
    yield from _dx_deployment(body, ())
    if "commit_sha" in body and "merge_commit_shas" in body:
        yield _Problem(("merge_commit_shas",), "must not be sent together with commit_sha")
    if "commit_sha" in body and "repository" not in body:
        yield _Problem(("commit_sha",), "must be sent together with repository")
    if "integration_branch" in body and not {"commit_sha", "repository"} <= body.keys():
        yield _Problem(
            ("integration_branch",), "must be sent together with commit_sha and repository"
        )
    if not {"repository", "commit_sha", "merge_commit_shas"} & body.keys():
        yield _Problem(("repository",), "must be sent unless merge_commit_shas is")


def _dx_pull_services_problems(body: dict[str, Any]) -> Iterator[_Problem]:
    """Check every field, and that one of the page's two ways names the pull request."""
    yield from _dx_pull_services(body, ())
    by_number = {"repository", "pull_number"} & body.keys()
    if "github_pull_id" in body and by_number:
        yield _Problem(
            ("github_pull_id",), "must not be sent together with repository and pull_number"
        )
    if len(by_number) == 1:
        yield _Problem(("pull_number",), "must be sent together with repository")


def _dx_missing(path: str, body: dict[str, Any]) -> list[str]:
    """List what DX itself cannot do without and the body does not have."""
    if path == _DX_CREATE:
        return [name for name in ("deployed_at", "service") if name not in body]
    pull_request = {"github_pull_id", "repository", "pull_number"} & body.keys()
    missing = [] if pull_request else ["github_pull_id"]
    return missing if "services" in body else [*missing, "services"]


def _dx_refusal(status: int, error: str, message: str | None = None) -> _Answer:
    """Answer with `ok: false`, DX's name for the error, and where one helps a message."""
    return status, {"ok": False, "error": error} | ({"message": message} if message else {})


def _same(one: object, other: object) -> bool:
    """Compare as JSON: the order of keys does not count, and unlike in Python true is not 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


class Dx(_Receiver):
    """Take deployments and pull requests' services as DX's Web API documents them.

    `received` lists the requests in the order of their arrival, refused ones included;
    `deployments` maps the reference id of every stored deployment to its body, `pull_services` the
    database id of a pull request to the services that it is known to touch. `repositories` are the
    slugs that DX knows, None for any.

    Sources: DX Web API reference, "deployments.create" and "deployments.setPullServices".
    """

    def __init__(self, *, token: str, repositories: Sequence[str] | None = None) -> None:
        super().__init__()
        self.deployments: dict[str, dict[str, Any]] = {}
        self.pull_services: dict[int, list[str]] = {}
        self._token = token
        self._repositories = repositories

    def _judge(self, request: _Request) -> _Answer:
        return (
            self._unauthorised(request)
            or self._unreadable(request)
            or self._judge_body(request.path, request.json)
        )

    def _unauthorised(self, request: _Request) -> _Answer | None:
        if request.path not in {_DX_CREATE, _DX_SET_PULL_SERVICES}:
            return _dx_refusal(404, "unknown_method")
        if request.method != "POST":
            return _dx_refusal(405, "method_not_allowed")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not token:
            return _dx_refusal(401, "not_authed")
        return None if token == self._token else _dx_refusal(401, "invalid_auth")

    def _unreadable(self, request: _Request) -> _Answer | None:
        header = request.misframed or _header_problem(
            request, foreign=("DD-API-KEY", "DD-APPLICATION-KEY")
        )
        if header is not None:
            return _dx_refusal(header.status, "invalid_params", f"{header.header}: {header.detail}")
        if request.not_json is not None:
            return _dx_refusal(400, "invalid_json", request.not_json)
        if not isinstance(request.json, dict):
            return _dx_refusal(400, "invalid_params", "body: must be an object")
        return None

    def _judge_body(self, path: str, body: dict[str, Any]) -> _Answer:
        if missing := _dx_missing(path, body):
            return _dx_refusal(
                400, "required_params_missing", f"{', '.join(missing)}: must be given"
            )
        creates = path == _DX_CREATE
        problems = _dx_deployment_problems(body) if creates else _dx_pull_services_problems(body)
        if message := "; ".join(f"{'.'.join(each.path)}: {each.detail}" for each in problems):
            return _dx_refusal(400, "invalid_params", message)
        if not self._knows(body.get("repository")):
            # An HTTP success that is none: DX asks its callers to look at `ok`, whatever the status
            # ("deployments.create", Errors).
            return _dx_refusal(200, "repo_not_found")
        return self._store(body) if creates else self._store_services(body)

    def _knows(self, repository: str | None) -> bool:
        return repository is None or self._repositories is None or repository in self._repositories

    def _store(self, body: dict[str, Any]) -> _Answer:
        reference_id = body.get("reference_id", str(uuid.uuid4()))
        if not _same(self.deployments.setdefault(reference_id, body), body):
            message = "reference_id has already been used with other values"
            return _dx_refusal(422, "unprocessable_entity", message)
        return 200, {"ok": True, "deployment": {"reference_id": reference_id}}

    def _store_services(self, body: dict[str, Any]) -> _Answer:
        """Add the services to those that are known, unless they are to replace them."""
        if "github_pull_id" in body:
            known = self.pull_services.setdefault(body["github_pull_id"], [])
            if body.get("replace"):
                known.clear()
            names = [service["identifier"] for service in body["services"]]
            known.extend(name for name in names if name not in known)
        return 200, {"ok": True}


# --- faults


class Faulty(Local):
    """Read one request per connection and let a script do what it likes with the connection.

    The nth script gets the nth request, the last one all that follow. `requests` lists the
    requests, each as its bytes: the head and as much of a body as `Content-Length` says. The
    connection is closed when its script returns. Leaving the context ends every script that waits.
    """

    def __init__(self, *scripts: Script) -> None:
        if not scripts:
            raise ValueError("Faulty needs at least one script")
        self.requests: list[bytes] = []
        self._scripts = scripts
        self._lock = threading.Lock()

    def _handle(self, connection: socket.socket) -> None:
        request = _read_request(connection)
        with self._lock:
            script = self._scripts[min(len(self.requests), len(self._scripts) - 1)]
            self.requests.append(request)
        script(connection, request)


def _read_request(connection: socket.socket) -> bytes:
    """Read one request whole. Raises ConnectionError if the client leaves before its end."""
    with connection.makefile("rb") as stream:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline()
            if not line:
                raise ConnectionAbortedError("the client left before the end of the headers")
            head += line
        length = re.search(rb"\r\ncontent-length:[ \t]*([0-9]+)[ \t]*\r\n", head, re.IGNORECASE)
        body = stream.read(int(length[1])) if length else b""
    if length and len(body) < int(length[1]):
        raise ConnectionAbortedError("the client left before the end of the body")
    return head + body


def _wait(connection: socket.socket, seconds: float) -> bool:
    """Wait; return False at once when either side ends the connection.

    It looks again every 50 ms, since not every system wakes a `select` when another thread shuts
    its socket down.
    """
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        readable, _, _ = select.select([connection], [], [], min(left, 0.05))
        if readable and not connection.recv(65536):
            return False
    return True


def _reply(
    status: int, body: bytes, headers: Sequence[tuple[str, str]], *, length: int | None = None
) -> bytes:
    """Write out a reply; `length` is the Content-Length if it is not to be the true one."""
    given = {name.lower() for name, _ in headers}
    lines = [
        f"HTTP/1.1 {status} {http.client.responses.get(status, 'Unassigned')}",
        "Connection: close",
    ]
    if "content-type" not in given:
        lines.append("Content-Type: application/json")
    if status not in {204, 304}:  # they end with their head: RFC 9110, 15.3.5 and 15.4.5
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def raw(data: bytes) -> Script:
    """Send these bytes, whatever they are."""

    def script(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(data)

    return script


def answer(
    status: int, body: bytes | dict[str, Any] = b"", headers: Sequence[tuple[str, str]] = ()
) -> Script:
    """Send a complete, well-formed reply; it is JSON unless `headers` has another Content-Type."""
    return raw(
        _reply(status, json.dumps(body).encode() if isinstance(body, dict) else body, headers)
    )


def dated(ahead: timedelta, status: int, body: bytes | dict[str, Any] = b"") -> Script:
    """Send a complete reply by a clock that is so far ahead of the one here."""

    def script(connection: socket.socket, request: bytes) -> None:
        date = format_datetime(datetime.now(timezone.utc) + ahead, usegmt=True)
        answer(status, body, [("Date", date)])(connection, request)

    return script


def reset() -> Script:
    """Abort the connection (TCP RST) without a reply."""
    # The structure is of two ints, on Windows of two shorts.
    at_once = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)

    def script(connection: socket.socket, _request: bytes) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        connection.close()

    return script


def hang(seconds: float) -> Script:
    """Send nothing for this long, then close."""

    def script(connection: socket.socket, _request: bytes) -> None:
        _wait(connection, seconds)

    return script


def drip(head: bytes, interval: float, chunks: Sequence[bytes]) -> Script:
    """Send the head at once, then chunk after chunk, each after `interval` seconds."""

    def script(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(head)
        for chunk in chunks:
            if not _wait(connection, interval):
                return
            connection.sendall(chunk)

    return script


def short_body(status: int = 200, body: bytes = b'{"ok": true', *, missing: int = 1) -> Script:
    """Announce `missing` bytes more than there are, and close after the last."""
    return raw(_reply(status, body, (), length=len(body) + missing))


def bad_gzip() -> Script:
    """Answer 200 with a body that begins like gzip and is none."""
    return answer(200, b"\x1f\x8b\x08" + b"not gzip after all", [("Content-Encoding", "gzip")])


def gzip_bomb(size: int) -> Script:
    """Answer 200 with a small gzip body that unfolds to `size` blanks and a valid JSON object."""
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)  # 16 asks for gzip's envelope
    block = b" " * 65536
    blocks = [packer.compress(block) for _ in range(size // len(block))]
    rest = packer.compress(b" " * (size % len(block)) + b'{"ok": true}') + packer.flush()
    return answer(200, b"".join(blocks) + rest, [("Content-Encoding", "gzip")])
