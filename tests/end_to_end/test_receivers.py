"""The receivers refuse what the vendors refuse, take what they take, and fail as they are told."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.end_to_end import receivers
from tests.end_to_end.receivers import Datadog, Dx, Faulty, Received, Script

KEY = "0123456789abcdef0123456789abcdef"
TOKEN = "dx-token-for-tests"
SHA = "5a47c3f0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f6"
ID = "checkout:production:1"

DATADOG_PATH = "/api/v2/dora/deployment"
CREATE = "/api/deployments.create"
SET_PULL_SERVICES = "/api/deployments.setPullServices"
JSON = {"Content-Type": "application/json"}
DATADOG_HEADERS = {**JSON, "DD-API-KEY": KEY}
DX_HEADERS = {**JSON, "Authorization": f"Bearer {TOKEN}"}

Body = dict[str, Any]
Answered = tuple[int, Any]


@pytest.fixture
def datadog() -> Iterator[Datadog]:
    with Datadog(api_key=KEY) as receiver:
        yield receiver


@pytest.fixture
def dx() -> Iterator[Dx]:
    with Dx(token=TOKEN, repositories=("acme/shop", "acme/cart")) as receiver:
        yield receiver


def connected(url: str) -> contextlib.closing[http.client.HTTPConnection]:
    return contextlib.closing(
        http.client.HTTPConnection(url.removeprefix("http://").rstrip("/"), timeout=5)
    )


def answered(connection: http.client.HTTPConnection) -> Answered:
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def send(
    url: str,
    body: bytes | Iterator[bytes],
    headers: Mapping[str, str],
    method: str = "POST",
) -> Answered:
    """Send bytes to a URL with a path, over a connection of their own."""
    base, _, path = url.removeprefix("http://").partition("/")
    with connected(base) as connection:
        connection.request(method, f"/{path}", body, headers)
        return answered(connection)


def send_head(base: str, path: str, *headers: tuple[str, str]) -> Answered:
    """Send a POST with exactly these headers and no body."""
    with connected(base) as connection:
        connection.putrequest("POST", path, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders()
        return answered(connection)


def to_datadog(receiver: Datadog, body: object) -> Answered:
    return send(receiver.url + DATADOG_PATH, json.dumps(body).encode(), DATADOG_HEADERS)


def to_dx(receiver: Dx, body: object, path: str = CREATE) -> Answered:
    return send(receiver.url + path, json.dumps(body).encode(), DX_HEADERS)


# --- Datadog


def datadog_body(**changes: object) -> Body:
    """Return a body of the fields that are always sent, changed; `...` leaves a field out."""
    attributes: dict[str, object] = {
        "service": "checkout",
        "started_at": 1_767_225_600_000_000_000,
        "finished_at": 1_767_225_660_000_000_000,
        "git": {"commit_sha": SHA, "repository_url": "https://github.com/acme/shop"},
    }
    kept = {name: value for name, value in {**attributes, **changes}.items() if value is not ...}
    return {"data": {"attributes": kept}}


def bad_request(*problems: tuple[str, str], kind: str = "pointer", status: int = 400) -> Answered:
    title = {400: "Bad Request", 411: "Length Required"}[status]
    return status, {
        "errors": [
            {"detail": detail, "status": str(status), "title": title, "source": {kind: place}}
            for place, detail in problems
        ]
    }


def test_datadog_takes_a_deployment_with_every_documented_field(datadog: Datadog) -> None:
    body = datadog_body(
        id=ID,
        env="production",
        team="payments",
        version="v1.2.3",
        custom_tags=["language:python", "link:https://example.com"],
    )

    assert to_datadog(datadog, body) == (202, {"data": {"id": ID, "type": "dora_deployment"}})

    host = datadog.url.removeprefix("http://")
    sent = json.dumps(body).encode()
    assert datadog.received == [
        Received(
            method="POST",
            path=DATADOG_PATH,
            headers={
                "host": host,
                "accept-encoding": "identity",
                "content-length": str(len(sent)),
                "content-type": "application/json",
                "dd-api-key": KEY,
            },
            body=sent,
            json=body,
            status=202,
            answer={"data": {"id": ID, "type": "dora_deployment"}},
        )
    ]


def test_datadog_makes_an_id_for_each_deployment_that_brings_none(datadog: Datadog) -> None:
    first = to_datadog(datadog, datadog_body())
    second = to_datadog(datadog, datadog_body())

    assert first == (202, {"data": {"id": "0000000000000001", "type": "dora_deployment"}})
    assert second == (202, {"data": {"id": "0000000000000002", "type": "dora_deployment"}})


@pytest.mark.parametrize("status", [200, 201, 202])
def test_datadog_answers_with_the_success_that_it_was_given(status: int) -> None:
    with Datadog(api_key=KEY, status=status) as receiver:
        assert to_datadog(receiver, datadog_body(id=ID)) == (
            status,
            {"data": {"id": ID, "type": "dora_deployment"}},
        )


def test_datadog_knows_no_other_success() -> None:
    with pytest.raises(ValueError, match=r"^Datadog takes .* 200, 201 or 202, not 204$"):
        Datadog(api_key=KEY, status=204)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"started_at": 1_767_225_600, "finished_at": 1_767_225_660}, id="seconds"),
        pytest.param(
            {"started_at": 1_767_225_600_000, "finished_at": 1_767_225_660_000}, id="milliseconds"
        ),
        pytest.param({"started_at": 1_767_225_660_000_000_000}, id="no time between the two"),
        pytest.param({"started_at": 1_767_225_600}, id="one unit each"),
        pytest.param({"started_at": 10**9}, id="first second of ten digits"),
        pytest.param({"started_at": 10**12}, id="first millisecond of thirteen digits"),
        pytest.param({"started_at": 10**18}, id="first nanosecond of nineteen digits"),
        pytest.param(
            {"git": {"commit_sha": "f" * 64, "repository_url": "https://github.com/acme/shop"}},
            id="SHA-256",
        ),
        pytest.param(
            {"git": {"commit_sha": SHA, "repository_url": "https://git.acme.example:8443/a/b.c"}},
            id="server of one's own",
        ),
        pytest.param({"id": "a" * 16}, id="shortest id"),
        pytest.param({"id": "-_.:" * 32}, id="longest id"),
        pytest.param(
            {"custom_tags": [f"tag:{n}" for n in range(100)]}, id="as many tags as can be"
        ),
        pytest.param({"custom_tags": []}, id="no tags"),
        pytest.param({"service": "caf\u00e9 \U0001f600"}, id="any script"),
    ],
)
def test_datadog_takes_what_the_page_allows(datadog: Datadog, changes: Body) -> None:
    body = datadog_body(**{"id": ID, **changes})

    assert to_datadog(datadog, body) == (
        202,
        {"data": {"id": body["data"]["attributes"]["id"], "type": "dora_deployment"}},
    )


TEXT = "must be a text that is not blank"
TIME = "must be an integer of Unix seconds, milliseconds or nanoseconds"
URL = "must be an https URL without user info and without .git"
HEX = "must be 40 or 64 lower-case hex digits"
TAG = "must be a tag of the form key:value"
EVENT_ID = "must be 16 to 128 of A-Z a-z 0-9 - _ . :"


@pytest.mark.parametrize(
    ("changes", "pointer", "detail"),
    [
        ({"service": ...}, "/service", "is required"),
        ({"service": ""}, "/service", TEXT),
        ({"service": " \n"}, "/service", TEXT),
        ({"service": None}, "/service", TEXT),
        ({"service": ["checkout"]}, "/service", TEXT),
        ({"started_at": ...}, "/started_at", "is required"),
        ({"started_at": True}, "/started_at", TIME),
        ({"started_at": "1767225600"}, "/started_at", TIME),
        ({"started_at": 1_767_225_600.0}, "/started_at", TIME),
        ({"started_at": -1_767_225_600}, "/started_at", TIME),
        ({"started_at": 0}, "/started_at", TIME),
        ({"started_at": 10**9 - 1}, "/started_at", TIME),
        ({"started_at": 10**10}, "/started_at", TIME),
        ({"started_at": 10**13}, "/started_at", TIME),
        ({"started_at": 1_767_225_600_000_000}, "/started_at", TIME),  # microseconds
        ({"finished_at": ...}, "/finished_at", "is required"),
        ({"finished_at": 2**63}, "/finished_at", TIME),
        (
            {"finished_at": 1_767_225_599_999},
            "/finished_at",
            "must not be earlier than started_at",
        ),
        ({"git": ...}, "/git", "is required"),
        ({"git": "https://github.com/acme/shop"}, "/git", "must be an object"),
        ({"env": ""}, "/env", TEXT),
        ({"team": None}, "/team", TEXT),
        ({"version": 1.2}, "/version", TEXT),
        ({"id": "a" * 15}, "/id", EVENT_ID),
        ({"id": "a" * 129}, "/id", EVENT_ID),
        ({"id": "checkout/production/1"}, "/id", EVENT_ID),
        ({"id": "checkout:production:1\n"}, "/id", EVENT_ID),
        ({"id": 1234567890123456}, "/id", EVENT_ID),
        ({"custom_tags": "a:b"}, "/custom_tags", "must be an array"),
        ({"custom_tags": ["a:b"] * 101}, "/custom_tags", "must hold at most 100"),
        ({"custom_tags": ["a:b", "plain"]}, "/custom_tags/1", TAG),
        ({"custom_tags": [":b"]}, "/custom_tags/0", TAG),
        ({"custom_tags": ["a: "]}, "/custom_tags/0", TAG),
        ({"custom_tags": [{"a": "b"}]}, "/custom_tags/0", TAG),
        ({"success": False}, "/success", "is not a documented field"),
        ({"a/b~c": 1}, "/a~1b~0c", "is not a documented field"),
    ],
)
def test_datadog_points_at_an_attribute_that_is_against_the_page(
    datadog: Datadog, changes: Body, pointer: str, detail: str
) -> None:
    assert to_datadog(datadog, datadog_body(**changes)) == bad_request(
        (f"/data/attributes{pointer}", detail)
    )


@pytest.mark.parametrize(
    ("name", "value", "detail"),
    [
        ("commit_sha", SHA[:7], HEX),
        ("commit_sha", SHA.upper(), HEX),
        ("commit_sha", f"{SHA}\n", HEX),
        ("commit_sha", None, HEX),
        ("repository_url", "http://github.com/acme/shop", URL),
        ("repository_url", "git@github.com:acme/shop", URL),
        ("repository_url", "https://x:secret@github.com/acme/shop", URL),
        ("repository_url", "https://github.com/acme/shop.git", URL),
        ("repository_url", "https://github.com/acme/shop/", URL),
        ("repository_url", "https://github.com/acme/shop?ref=main", URL),
        ("repository_url", "https://github.com", URL),
        ("repository_url", None, URL),
        ("branch", "main", "is not a documented field"),
    ],
)
def test_datadog_points_at_a_git_field_that_is_against_the_page(
    datadog: Datadog, name: str, value: object, detail: str
) -> None:
    git = {"commit_sha": SHA, "repository_url": "https://github.com/acme/shop", name: value}

    assert to_datadog(datadog, datadog_body(git=git)) == bad_request(
        (f"/data/attributes/git/{name}", detail)
    )


@pytest.mark.parametrize(
    ("body", "pointer", "detail"),
    [
        ([], "", "must be an object"),
        (None, "", "must be an object"),
        ({}, "/data", "is required"),
        ({"data": []}, "/data", "must be an object"),
        ({"data": {}}, "/data/attributes", "is required"),
        ({**datadog_body(), "meta": {}}, "/meta", "is not a documented field"),
        (
            {"data": {**datadog_body()["data"], "type": "dora_deployment"}},
            "/data/type",
            "is not a documented field",
        ),
    ],
)
def test_datadog_wants_the_attributes_in_their_envelope_and_nothing_else(
    datadog: Datadog, body: object, pointer: str, detail: str
) -> None:
    assert to_datadog(datadog, body) == bad_request((pointer, detail))


def test_datadog_lists_every_problem(datadog: Datadog) -> None:
    body = datadog_body(service=..., finished_at=1.5, git={"branch": "main"})

    assert to_datadog(datadog, body) == bad_request(
        ("/data/attributes/service", "is required"),
        ("/data/attributes/finished_at", TIME),
        ("/data/attributes/git/commit_sha", "is required"),
        ("/data/attributes/git/repository_url", "is required"),
        ("/data/attributes/git/branch", "is not a documented field"),
    )


MALFORMED = "the body is not well-formed JSON in UTF-8"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", MALFORMED),
        (b'{"data": ', MALFORMED),
        (b"{'data': 1}", MALFORMED),
        (b'{"data": 1} {}', MALFORMED),
        (b'\xef\xbb\xbf{"data": 1}', MALFORMED),
        (b'{"data": "\xe9"}', MALFORMED),
        ('{"data": 1}'.encode("utf-16"), MALFORMED),
        (b'{"data": "\\ud83d"}', MALFORMED),
        (b'{"data": 1e999}', MALFORMED),
        (b"[" * 200_000, MALFORMED),
        (b'{"data": NaN}', "the body holds NaN, which is not JSON"),
        (b'{"data": -Infinity}', "the body holds -Infinity, which is not JSON"),
        (b'{"data": 1, "data": 1}', "the body has the key 'data' twice in one object"),
    ],
)
def test_both_refuse_a_body_that_parsers_could_read_differently(
    datadog: Datadog, dx: Dx, body: bytes, detail: str
) -> None:
    by_datadog = send(datadog.url + DATADOG_PATH, body, DATADOG_HEADERS)
    by_dx = send(dx.url + CREATE, body, DX_HEADERS)

    assert by_datadog == bad_request(("", detail))
    assert by_dx == (400, {"ok": False, "error": "invalid_json", "message": detail})
    assert [each.json for each in datadog.received + dx.received] == [None, None]


@pytest.mark.parametrize("key", [None, "", "wrong", KEY.upper()])
def test_datadog_forbids_any_key_but_its_own(datadog: Datadog, key: str | None) -> None:
    headers = JSON if key is None else {**JSON, "DD-API-KEY": key}

    assert send(datadog.url + DATADOG_PATH, b"not even JSON", headers) == (
        403,
        {"errors": ["Forbidden"]},
    )


@pytest.mark.parametrize(
    ("path", "method", "expected"),
    [
        ("/api/v1/dora/deployment", "POST", (404, {"errors": ["Not Found"]})),
        (f"{DATADOG_PATH}/", "POST", (404, {"errors": ["Not Found"]})),
        (f"{DATADOG_PATH}?api_key={KEY}", "POST", (404, {"errors": ["Not Found"]})),
        (DATADOG_PATH, "GET", (405, {"errors": ["Method Not Allowed"]})),
    ],
)
def test_datadog_answers_at_one_address_only(
    datadog: Datadog, path: str, method: str, expected: Answered
) -> None:
    body = json.dumps(datadog_body()).encode()

    assert send(datadog.url + path, body, DATADOG_HEADERS, method) == expected


BAD_HEADERS = [
    ("Content-Type", "text/plain", "must be application/json"),
    ("Content-Type", "application/json; charset=latin-1", "must be application/json"),
    ("Content-Encoding", "gzip", "must not be sent"),
    ("DD-APPLICATION-KEY", "b" * 40, "must not be sent here"),
]


@pytest.mark.parametrize(
    ("name", "value", "detail"),
    [*BAD_HEADERS, ("Authorization", f"Bearer {TOKEN}", "must not be sent here")],
)
def test_datadog_refuses_headers_that_have_no_business_there(
    datadog: Datadog, name: str, value: str, detail: str
) -> None:
    body = json.dumps(datadog_body()).encode()

    assert send(datadog.url + DATADOG_PATH, body, {**DATADOG_HEADERS, name: value}) == bad_request(
        (name, detail), kind="header"
    )


@pytest.mark.parametrize(
    ("name", "value", "detail"), [*BAD_HEADERS, ("DD-API-KEY", KEY, "must not be sent here")]
)
def test_dx_refuses_headers_that_have_no_business_there(
    dx: Dx, name: str, value: str, detail: str
) -> None:
    body = json.dumps(dx_body()).encode()

    assert send(dx.url + CREATE, body, {**DX_HEADERS, name: value}) == (
        400,
        {"ok": False, "error": "invalid_params", "message": f"{name}: {detail}"},
    )


def test_both_take_json_that_names_its_charset(datadog: Datadog, dx: Dx) -> None:
    utf8 = {"Content-Type": "application/json; charset=UTF-8"}
    body = json.dumps(datadog_body(id=ID)).encode()
    other = json.dumps(dx_body()).encode()

    assert send(datadog.url + DATADOG_PATH, body, DATADOG_HEADERS | utf8)[0] == 202
    assert send(dx.url + CREATE, other, DX_HEADERS | utf8)[0] == 200


@pytest.mark.parametrize(
    ("headers", "status", "problem"),
    [
        ([], 411, ("Content-Length", "must be sent")),
        (
            [("Transfer-Encoding", "chunked")],
            411,
            ("Content-Length", "must be sent instead of chunks"),
        ),
        ([("Content-Length", "-1")], 400, ("Content-Length", "must be a plain number of bytes")),
        ([("Content-Length", "2, 2")], 400, ("Content-Length", "must be a plain number of bytes")),
        (
            [("Content-Length", "2"), ("content-length", "2")],
            400,
            ("content-length", "must not be sent twice"),
        ),
    ],
)
def test_both_refuse_a_body_whose_end_is_not_announced(
    datadog: Datadog,
    dx: Dx,
    headers: list[tuple[str, str]],
    status: int,
    problem: tuple[str, str],
) -> None:
    by_datadog = send_head(datadog.url, DATADOG_PATH, *DATADOG_HEADERS.items(), *headers)
    by_dx = send_head(dx.url, CREATE, *DX_HEADERS.items(), *headers)

    assert by_datadog == bad_request(problem, kind="header", status=status)
    assert by_dx == (
        status,
        {"ok": False, "error": "invalid_params", "message": ": ".join(problem)},
    )


def test_chunks_that_nobody_reads_do_not_cost_the_client_its_answer(datadog: Datadog) -> None:
    chunks = iter([b"x" * 65536] * 8)

    assert send(datadog.url + DATADOG_PATH, chunks, DATADOG_HEADERS) == bad_request(
        ("Content-Length", "must be sent instead of chunks"), kind="header", status=411
    )


# --- DX


def dx_body(**changes: object) -> Body:
    """Return a body attributed by commit, changed; `...` leaves a field out."""
    fields: dict[str, object] = {
        "reference_id": ID,
        "deployed_at": "2026-01-31T12:05:00Z",
        "service": {"identifier": "checkout"},
        "environment": "production",
        "repository": "acme/shop",
        "commit_sha": SHA,
    }
    return {name: value for name, value in {**fields, **changes}.items() if value is not ...}


def stored(reference_id: str = ID) -> Answered:
    return 200, {"ok": True, "deployment": {"reference_id": reference_id}}


def refused(message: str, error: str = "invalid_params") -> Answered:
    return 400, {"ok": False, "error": error, "message": message}


def test_dx_takes_a_deployment_with_every_documented_field(dx: Dx) -> None:
    body = dx_body(
        service={"identifier": "checkout", "name": "Checkout"},
        source_url="https://github.com/acme/shop/actions/runs/1",
        source_name="GitHub Actions",
        metadata={"version": "v1.2.3", "commit_timestamp": 1767225600},
        integration_branch="develop",
        success=False,
    )

    assert to_dx(dx, body) == stored()

    sent = json.dumps(body).encode()
    assert dx.deployments == {ID: body}
    assert dx.received == [
        Received(
            method="POST",
            path=CREATE,
            headers={
                "host": dx.url.removeprefix("http://"),
                "accept-encoding": "identity",
                "content-length": str(len(sent)),
                "content-type": "application/json",
                "authorization": f"Bearer {TOKEN}",
            },
            body=sent,
            json=body,
            status=200,
            answer={"ok": True, "deployment": {"reference_id": ID}},
        )
    ]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="commit in a repository"),
        pytest.param({"commit_sha": ...}, id="repository alone"),
        pytest.param(
            {"commit_sha": ..., "repository": ..., "merge_commit_shas": [SHA, "abc1234"]},
            id="merge commits",
        ),
        pytest.param(
            {"commit_sha": ..., "merge_commit_shas": [SHA]}, id="merge commits in a repository"
        ),
        pytest.param({"integration_branch": "develop"}, id="integration branch"),
        pytest.param({"commit_sha": "ABCDEF0"}, id="short SHA"),
        pytest.param({"deployed_at": "2026-01-31T12:05:00.123456Z"}, id="parts of a second"),
        pytest.param({"success": True}, id="success"),
        pytest.param({"metadata": {}}, id="empty metadata"),
        pytest.param({"environment": "staging"}, id="staging"),
    ],
)
def test_dx_takes_what_the_page_allows(dx: Dx, changes: Body) -> None:
    body = dx_body(**changes)

    assert to_dx(dx, body) == stored()
    assert dx.deployments == {ID: body}


def test_dx_makes_a_reference_id_for_each_deployment_that_brings_none(dx: Dx) -> None:
    body = dx_body(reference_id=...)

    answers = [to_dx(dx, body), to_dx(dx, body)]

    assert dx.deployments == dict.fromkeys(dx.deployments, body)
    assert answers == [stored(made) for made in dx.deployments]
    assert len(dx.deployments) == 2


SHORT_SHA = "must be a commit SHA of 7 to 40 hex digits"
UTC = "must be a full ISO-8601 time in UTC that ends in Z"
SLUG = "must be a repository as owner/name"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"environment": ...}, "environment: is required"),
        ({"environment": ""}, f"environment: {TEXT}"),
        ({"deployed_at": 1767225600}, f"deployed_at: {UTC}"),
        ({"deployed_at": "2026-01-31"}, f"deployed_at: {UTC}"),
        ({"deployed_at": "2026-01-31T12:05:00"}, f"deployed_at: {UTC}"),
        ({"deployed_at": "2026-01-31T12:05:00+00:00"}, f"deployed_at: {UTC}"),
        ({"deployed_at": "2026-02-31T12:05:00Z"}, f"deployed_at: {UTC}"),
        ({"service": "checkout"}, "service: must be an object"),
        ({"service": {}}, "service.identifier: is required"),
        ({"service": {"identifier": " "}}, f"service.identifier: {TEXT}"),
        ({"service": {"identifier": "a", "name": None}}, f"service.name: {TEXT}"),
        (
            {"service": {"identifier": "a", "team": "b"}},
            "service.team: is not a documented field",
        ),
        ({"repository": "shop"}, f"repository: {SLUG}"),
        ({"repository": "https://github.com/acme/shop"}, f"repository: {SLUG}"),
        ({"commit_sha": SHA[:6]}, f"commit_sha: {SHORT_SHA}"),
        ({"commit_sha": "f" * 64}, f"commit_sha: {SHORT_SHA}"),
        ({"commit_sha": "v1.2.3-rc"}, f"commit_sha: {SHORT_SHA}"),
        ({"repository": ...}, "commit_sha: must be sent together with repository"),
        (
            {"repository": ..., "commit_sha": ...},
            "repository: must be sent unless merge_commit_shas is",
        ),
        (
            {"merge_commit_shas": [SHA]},
            "merge_commit_shas: must not be sent together with commit_sha",
        ),
        (
            {"commit_sha": ..., "merge_commit_shas": []},
            "merge_commit_shas: must hold at least 1",
        ),
        ({"commit_sha": ..., "merge_commit_shas": SHA}, "merge_commit_shas: must be an array"),
        (
            {"commit_sha": ..., "merge_commit_shas": [SHA, "abc"]},
            f"merge_commit_shas.1: {SHORT_SHA}",
        ),
        (
            {"commit_sha": ..., "integration_branch": "develop"},
            "integration_branch: must be sent together with commit_sha and repository",
        ),
        ({"success": "true"}, "success: must be a JSON boolean"),
        ({"success": 1}, "success: must be a JSON boolean"),
        ({"metadata": '{"version": "v1"}'}, "metadata: must be an object"),
        ({"metadata": []}, "metadata: must be an object"),
        ({"reference_id": 1680723287}, f"reference_id: {TEXT}"),
        ({"source_url": "javascript:alert(1)"}, "source_url: must be an http or https URL"),
        ({"source_name": None}, f"source_name: {TEXT}"),
        ({"token": TOKEN}, "token: is not a documented field"),
        (
            {"environment": ..., "success": "no"},
            "environment: is required; success: must be a JSON boolean",
        ),
    ],
)
def test_dx_names_a_field_that_is_against_the_page(dx: Dx, changes: Body, message: str) -> None:
    assert to_dx(dx, dx_body(**changes)) == refused(message)
    assert dx.deployments == {}


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        (CREATE, {}, "deployed_at, service: must be given"),
        (CREATE, dx_body(deployed_at=...), "deployed_at: must be given"),
        (CREATE, dx_body(service=...), "service: must be given"),
        (SET_PULL_SERVICES, {}, "github_pull_id, services: must be given"),
        (SET_PULL_SERVICES, {"github_pull_id": 1497468863}, "services: must be given"),
        (
            SET_PULL_SERVICES,
            {"services": [{"identifier": "checkout"}]},
            "github_pull_id: must be given",
        ),
    ],
)
def test_dx_misses_its_required_params_first(dx: Dx, path: str, body: Body, message: str) -> None:
    assert to_dx(dx, body, path) == refused(message, "required_params_missing")


@pytest.mark.parametrize("path", [CREATE, SET_PULL_SERVICES])
def test_dx_wants_an_object(dx: Dx, path: str) -> None:
    assert to_dx(dx, [dx_body()], path) == refused("body: must be an object")


def test_dx_does_not_find_a_repository_that_it_does_not_import(dx: Dx) -> None:
    not_found = (200, {"ok": False, "error": "repo_not_found"})
    pull = {"repository": "acme/till", "pull_number": 7, "services": [{"identifier": "till"}]}

    assert to_dx(dx, dx_body(repository="acme/till")) == not_found
    assert to_dx(dx, pull, SET_PULL_SERVICES) == not_found
    assert dx.deployments == {}


def test_dx_finds_any_repository_unless_told_which() -> None:
    with Dx(token=TOKEN) as dx:
        assert to_dx(dx, dx_body(repository="acme/till")) == stored()


def test_dx_takes_the_same_values_again_in_whatever_order(dx: Dx) -> None:
    body = dx_body(metadata={"a": 1, "b": 2})
    reordered = dict(reversed(list((body | {"metadata": {"b": 2, "a": 1}}).items())))

    assert [to_dx(dx, body), to_dx(dx, body), to_dx(dx, reordered)] == [stored()] * 3
    assert dx.deployments == {ID: body}


@pytest.mark.parametrize(
    "changes",
    [
        {"deployed_at": "2026-01-31T12:05:01Z"},
        {"source_name": "GitHub Actions"},
        {"metadata": {"count": True}},
        {"metadata": ...},
    ],
)
def test_dx_refuses_other_values_under_a_reference_id_that_it_knows(dx: Dx, changes: Body) -> None:
    first = dx_body(metadata={"count": 1})
    second = dx_body(**{"metadata": {"count": 1}, **changes})
    to_dx(dx, first)

    assert to_dx(dx, second) == (
        422,
        {
            "ok": False,
            "error": "unprocessable_entity",
            "message": "reference_id has already been used with other values",
        },
    )
    assert dx.deployments == {ID: first}


@pytest.mark.parametrize(
    "body",
    [
        {
            "github_pull_id": 1497468863,
            "services": [{"identifier": "checkout", "name": "Checkout"}, {"identifier": "cart"}],
        },
        {
            "repository": "acme/shop",
            "pull_number": 7,
            "services": [{"identifier": "checkout"}],
            "replace": True,
        },
    ],
)
def test_dx_takes_the_services_of_a_pull_request(dx: Dx, body: Body) -> None:
    assert to_dx(dx, body, SET_PULL_SERVICES) == (200, {"ok": True})
    assert [each.json for each in dx.received] == [body]
    assert dx.deployments == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"github_pull_id": "1497468863"}, "github_pull_id: must be a positive integer"),
        ({"github_pull_id": True}, "github_pull_id: must be a positive integer"),
        ({"github_pull_id": 0}, "github_pull_id: must be a positive integer"),
        (
            {"repository": "acme/shop", "pull_number": 7},
            "github_pull_id: must not be sent together with repository and pull_number",
        ),
        (
            {"github_pull_id": ..., "repository": "acme/shop"},
            "pull_number: must be sent together with repository",
        ),
        (
            {"github_pull_id": ..., "pull_number": 7},
            "pull_number: must be sent together with repository",
        ),
        (
            {"github_pull_id": ..., "repository": "acme/shop", "pull_number": 7.0},
            "pull_number: must be a positive integer",
        ),
        ({"services": []}, "services: must hold at least 1"),
        ({"services": {"identifier": "checkout"}}, "services: must be an array"),
        ({"services": ["checkout"]}, "services.0: must be an object"),
        ({"services": [{"name": "Checkout"}]}, "services.0.identifier: is required"),
        ({"replace": "false"}, "replace: must be a JSON boolean"),
        ({"service": {"identifier": "a"}}, "service: is not a documented field"),
    ],
)
def test_dx_names_a_field_of_a_pull_request_that_is_against_the_page(
    dx: Dx, changes: Body, message: str
) -> None:
    fields = {"github_pull_id": 1497468863, "services": [{"identifier": "checkout"}], **changes}
    body = {name: value for name, value in fields.items() if value is not ...}

    assert to_dx(dx, body, SET_PULL_SERVICES) == refused(message)


def test_dx_adds_services_to_those_that_a_pull_request_is_known_to_touch(dx: Dx) -> None:
    def touch(pull_id: int, *names: str, **more: Any) -> None:
        services = [{"identifier": name} for name in names]
        body = {"github_pull_id": pull_id, "services": services, **more}
        assert to_dx(dx, body, SET_PULL_SERVICES) == (200, {"ok": True})

    touch(1, "cart", "shop")
    touch(2, "search")
    touch(1, "shop", "docs")
    assert dx.pull_services == {1: ["cart", "shop", "docs"], 2: ["search"]}
    touch(1, "shop", replace=True)
    assert dx.pull_services == {1: ["shop"], 2: ["search"]}
    assert dx.deployments == {}


@pytest.mark.parametrize(
    ("authorization", "error"),
    [
        (None, "not_authed"),
        ("", "not_authed"),
        ("Bearer", "not_authed"),
        (TOKEN, "not_authed"),
        (f"Basic {TOKEN}", "not_authed"),
        ("Bearer wrong", "invalid_auth"),
        (f"Bearer Bearer {TOKEN}", "invalid_auth"),
    ],
)
def test_dx_authorises_its_own_bearer_token_only(
    dx: Dx, authorization: str | None, error: str
) -> None:
    headers = JSON if authorization is None else {**JSON, "Authorization": authorization}

    assert send(dx.url + CREATE, b"not even JSON", headers) == (
        401,
        {"ok": False, "error": error},
    )


@pytest.mark.parametrize(
    ("path", "method", "expected"),
    [
        ("/api/deployments.upsert", "POST", (404, {"ok": False, "error": "unknown_method"})),
        (f"{CREATE}?x=1", "POST", (404, {"ok": False, "error": "unknown_method"})),
        (CREATE, "GET", (405, {"ok": False, "error": "method_not_allowed"})),
    ],
)
def test_dx_answers_at_its_two_addresses_only(
    dx: Dx, path: str, method: str, expected: Answered
) -> None:
    assert send(dx.url + path, json.dumps(dx_body()).encode(), DX_HEADERS, method) == expected


# --- the wire


def test_a_connection_is_kept_for_the_next_request(dx: Dx) -> None:
    with connected(dx.url) as connection:
        connection.request("POST", CREATE, b"{}", DX_HEADERS)
        first, used = answered(connection), connection.sock
        connection.request("POST", CREATE, json.dumps(dx_body()).encode(), DX_HEADERS)

        assert (first[0], answered(connection)) == (400, stored())
        assert connection.sock is used


def test_requests_that_come_at_once_are_all_recorded(datadog: Datadog) -> None:
    ids = [f"checkout:production:{n}" for n in range(40)]

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda each: to_datadog(datadog, datadog_body(id=each)), ids))

    assert answers == [(202, {"data": {"id": each, "type": "dora_deployment"}}) for each in ids]
    assert sorted(each.answer["data"]["id"] for each in datadog.received) == sorted(ids)


def test_a_request_that_breaks_off_is_not_recorded(
    datadog: Datadog, capfd: pytest.CaptureFixture[str]
) -> None:
    with connected(datadog.url) as connection:
        connection.putrequest("POST", DATADOG_PATH)
        connection.putheader("Content-Length", "100")
        connection.endheaders(b"{")
        connection.sock.shutdown(socket.SHUT_WR)

        assert connection.sock.recv(1) == b""
    assert datadog.received == []
    assert capfd.readouterr() == ("", "")


def test_nothing_is_printed_about_good_or_bad_requests(
    dx: Dx, capfd: pytest.CaptureFixture[str]
) -> None:
    to_dx(dx, dx_body())
    to_dx(dx, {})

    assert capfd.readouterr() == ("", "")


def test_nobody_listens_once_the_context_is_left() -> None:
    with Datadog(api_key=KEY) as datadog:
        to_datadog(datadog, datadog_body())

    with pytest.raises(ConnectionRefusedError):
        to_datadog(datadog, datadog_body())


def test_an_idle_connection_ends_with_the_context() -> None:
    before = threading.enumerate()

    with contextlib.ExitStack() as after:
        with Dx(token=TOKEN) as dx:
            connection = after.enter_context(connected(dx.url))
            connection.request("POST", CREATE, b"{}", DX_HEADERS)
            answered(connection)

        assert connection.sock.recv(1) == b""
        assert threading.enumerate() == before


# --- faults


def ask(url: str, read_timeout: float = 5) -> requests.Response:
    """Post an empty object as the action would: no proxies, no redirects."""
    with requests.Session() as session:
        session.trust_env = False
        return session.post(url, json={}, timeout=(5, read_timeout), allow_redirects=False)


def test_each_request_meets_its_script_and_the_last_repeats() -> None:
    busy, done = receivers.answer(503, b"busy"), receivers.answer(200, {"ok": True})

    with Faulty(busy, done) as faulty:
        bodies = [ask(faulty.url).content for _ in range(3)]

    assert bodies == [b"busy", b'{"ok": true}', b'{"ok": true}']


def test_a_faulty_server_needs_a_script() -> None:
    with pytest.raises(ValueError, match=r"^Faulty needs at least one script$"):
        Faulty()


def test_the_bytes_of_each_request_are_kept_whole() -> None:
    body = b'{"big": "' + b"x" * 200_000 + b'"}'

    with Faulty(receivers.answer(200)) as faulty:
        host = faulty.url.removeprefix("http://")
        with connected(faulty.url) as connection:
            connection.request("POST", "/a?b", body, {"X-Test": "1"})
            connection.getresponse().read()
        with connected(faulty.url) as connection:
            connection.request("GET", "/")
            connection.getresponse().read()

    head = f"Host: {host}\r\nAccept-Encoding: identity\r\n"
    assert faulty.requests == [
        f"POST /a?b HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\nX-Test: 1\r\n\r\n".encode()
        + body,
        f"GET / HTTP/1.1\r\n{head}\r\n".encode(),
    ]


@pytest.mark.parametrize(
    ("status", "body", "headers", "expected"),
    [
        (
            429,
            {"errors": ["Too many requests"]},
            [("Retry-After", "3")],
            {
                "Connection": "close",
                "Content-Type": "application/json",
                "Content-Length": "33",
                "Retry-After": "3",
            },
        ),
        (
            200,
            b"<html>",
            [("content-type", "text/html")],
            {"Connection": "close", "Content-Length": "6", "content-type": "text/html"},
        ),
        (204, b"", [], {"Connection": "close", "Content-Type": "application/json"}),
        (
            307,
            b"",
            [("Location", "http://127.0.0.1:9/")],
            {
                "Connection": "close",
                "Content-Type": "application/json",
                "Content-Length": "0",
                "Location": "http://127.0.0.1:9/",
            },
        ),
        (
            999,
            b"{}",
            [],
            {"Connection": "close", "Content-Type": "application/json", "Content-Length": "2"},
        ),
    ],
)
def test_an_answer_is_well_formed_http(
    status: int,
    body: bytes | Body,
    headers: list[tuple[str, str]],
    expected: dict[str, str],
) -> None:
    with Faulty(receivers.answer(status, body, headers)) as faulty:
        response = ask(faulty.url)

    assert response.status_code == status
    assert response.content == (json.dumps(body).encode() if isinstance(body, dict) else body)
    assert dict(response.headers) == expected


def test_raw_bytes_go_out_as_they_are() -> None:
    reply = b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + b"HTTP/1.1 200 OK\r\n\r\nto the end"

    with Faulty(receivers.raw(reply)) as faulty:
        assert ask(faulty.url).content == b"to the end"


def test_dripped_bytes_come_one_after_the_other() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"

    with Faulty(receivers.drip(head, 0.02, [b"a", b"b", b"c"])) as faulty:
        started = time.monotonic()

        assert ask(faulty.url).content == b"abc"
        assert time.monotonic() - started >= 0.05


def test_a_gzip_bomb_is_small_on_the_wire_and_valid_json_within() -> None:
    with Faulty(receivers.gzip_bomb(10_000_000)) as faulty, connected(faulty.url) as connection:
        connection.request("POST", "/", b"{}")
        packed = connection.getresponse().read()

    unpacked = gzip.decompress(packed)
    assert len(packed) < 20_000
    assert unpacked == b" " * 10_000_000 + b'{"ok": true}'


@pytest.mark.parametrize(
    ("script", "error"),
    [
        pytest.param(receivers.reset(), requests.exceptions.ConnectionError, id="reset"),
        pytest.param(receivers.raw(b""), requests.exceptions.ConnectionError, id="no reply"),
        pytest.param(
            receivers.raw(b"SSH-2.0-OpenSSH_9.6\r\n"),
            requests.exceptions.ConnectionError,
            id="not HTTP",
        ),
        pytest.param(receivers.hang(0.01), requests.exceptions.ConnectionError, id="short hang"),
        pytest.param(receivers.hang(30), requests.exceptions.ReadTimeout, id="long hang"),
        pytest.param(
            receivers.short_body(missing=5), requests.exceptions.ChunkedEncodingError, id="short"
        ),
        pytest.param(receivers.bad_gzip(), requests.exceptions.ContentDecodingError, id="bad gzip"),
    ],
)
def test_a_fault_is_the_error_that_its_name_promises(
    script: Script, error: type[Exception]
) -> None:
    with Faulty(script) as faulty:
        with pytest.raises(error) as raised:
            ask(faulty.url, read_timeout=0.1)

        assert type(raised.value) is error
        assert len(faulty.requests) == 1


def test_a_reset_is_not_a_mere_close() -> None:
    with Faulty(receivers.reset()) as faulty, connected(faulty.url) as connection:
        connection.request("POST", "/", b"{}")

        with pytest.raises(ConnectionResetError) as raised:
            connection.getresponse()

    # A close without a reply is `RemoteDisconnected`, which is made from the same class.
    assert type(raised.value) is ConnectionResetError


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(receivers.hang(30), id="hang"),
        pytest.param(receivers.drip(b"HTTP/1.1 200 OK\r\n", 30, [b"\r\n"]), id="drip"),
        pytest.param(receivers.raw(b" " * 20_000_000), id="more than the client reads"),
    ],
)
def test_a_script_ends_with_its_context(script: Script, capfd: pytest.CaptureFixture[str]) -> None:
    before = threading.enumerate()

    with contextlib.ExitStack() as after:
        with Faulty(script) as faulty:
            connection = after.enter_context(connected(faulty.url))
            connection.request("POST", "/", b"{}")
            while not faulty.requests:
                time.sleep(0.001)

        assert threading.enumerate() == before
    assert capfd.readouterr() == ("", "")


def test_a_client_that_leaves_early_uses_up_no_script(capfd: pytest.CaptureFixture[str]) -> None:
    with Faulty(receivers.answer(200, b"first"), receivers.answer(200, b"second")) as faulty:
        with connected(faulty.url) as connection:
            connection.connect()
        with connected(faulty.url) as connection:
            connection.putrequest("POST", "/")
            connection.putheader("Content-Length", "100")
            connection.endheaders(b"{")

        assert ask(faulty.url).content == b"first"
        assert len(faulty.requests) == 1
    assert capfd.readouterr() == ("", "")


def test_a_script_that_is_wrong_shows_where(capfd: pytest.CaptureFixture[str]) -> None:
    def broken(_connection: socket.socket, _request: bytes) -> None:
        raise LookupError("the script's own mistake")

    with Faulty(broken) as faulty, pytest.raises(requests.exceptions.ConnectionError):
        ask(faulty.url)

    shown = capfd.readouterr().err
    assert "LookupError: the script's own mistake" in shown
