"""Whole runs under every fault of the wire: nothing lost, nothing leaked, nothing doubled.

Each run reports two services to two backends that misbehave; what it saves is then replayed
to backends that do not.
"""

import base64
import gzip
import json
import re
from urllib.parse import quote

import pytest

from tests.delivery import tls
from tests.delivery.wire import PACE, black_hole, closed_port
from tests.end_to_end import audit
from tests.end_to_end.audit import KEY, SERVICES, TOKEN, leaks
from tests.end_to_end.receivers import (
    Datadog,
    Dx,
    Faulty,
    answer,
    bad_gzip,
    drip,
    gzip_bomb,
    hang,
    raw,
    reset,
    short_body,
)

PAGE = b"<html><script>alert(1)</script>::error::no ##[error]no</html>"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ALL = [(backend, service) for backend in ("datadog", "dx") for service in SERVICES]

_KEY = re.compile(rb"\r\n(?:dd-api-key: |authorization: bearer )(\S+)", re.IGNORECASE)


def elsewhere(status, place):
    return answer(status, b"moved", [("Location", place)])


def echo(status, write):
    """Answer with the key that came, written down in some way, in the body and in a header."""

    def script(connection, request):
        found = _KEY.search(request)
        assert found
        text = write(found[1])
        body = b'{"errors": ["' + text + b'"], "message": "' + text + b'"}'
        header = ("X-Echo", text.decode("latin-1").replace("\n", " "))
        answer(status, body, [header])(connection, request)

    return script


UNDELIVERED = {
    "reset": (7, [reset()]),
    "an empty answer": (7, [raw(b"")]),
    "a body cut off": (8, [short_body(missing=20)]),
    "no answer in time": (9, [hang(5)]),
    "another protocol": (12, [raw(b"SSH-2.0-OpenSSH_9.9\r\n")]),
    "150 headers": (13, [raw(b"HTTP/1.1 200 OK\r\n" + b"X-Y: z\r\n" * 150 + b"\r\n")]),
    "a header of 70 kB": (13, [raw(b"HTTP/1.1 200 OK\r\nX: " + b"z" * 70_000 + b"\r\n\r\n")]),
    "a body too short": (14, [short_body()]),
    "a bad chunk": (15, [raw(CHUNKED + b"zz\r\n{}")]),
    "bad gzip": (16, [bad_gzip()]),
    "a gzip bomb": (17, [gzip_bomb(20_000_000)]),
    "999": (19, [answer(999, b"{}")]),
    "101": (19, [raw(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")]),
    "a log-in page": (21, [answer(200, PAGE, [("Content-Type", "text/html")])]),
    "nothing": (22, [answer(200)]),
    "204": (22, [answer(204)]),
    "ok as text": (24, [answer(200, {"ok": "true", "data": {"id": 7}})]),
    "an array": (27, [answer(200, b"[]")]),
    "null": (27, [answer(200, b"null")]),
    "deep JSON": (28, [answer(200, b"[" * 60_000)]),
    "UTF-16": (29, [answer(200, '{"ok": true, "data": {"id": "x"}}'.encode("utf-16"))]),
    "JSON that breaks off": (30, [answer(200, b'{"ok": tru')]),
    "408": (39, [answer(408)]),
    "425": (39, [answer(425)]),
    "429": (44, [answer(429)]),
    "429 and too long a wait": (47, [answer(429, b"", [("Retry-After", "86400")])]),
    "429 and an absurd wait": (48, [answer(429, b"", [("Retry-After", "-5")])]),
    **{str(status): (50, [answer(status, PAGE)]) for status in (500, 502, 503, 504, 520, 527)},
}
REJECTED = {
    **{
        f"{status} to itself": (31, [elsewhere(status, "/")])
        for status in (301, 302, 303, 307, 308)
    },
    **{
        f"307 to {place}": (32, [elsewhere(307, place)])
        for place in ("http://127.0.0.1:1/", "https://mallory.test/", "file:///etc/passwd", "//x")
    },
    "400 with errors": (33, [answer(400, {"errors": [{"title": "Bad", "detail": "id"}]})]),
    "400 as a page": (34, [answer(400, PAGE)]),
    "401": (35, [answer(401, {"ok": False, "error": "not_authed"})]),
    "403": (36, [answer(403, {"errors": ["Forbidden"]})]),
    "404": (37, [answer(404)]),
    **{str(status): (38, [answer(status)]) for status in (405, 409, 410, 415)},
    "413": (40, [answer(413, b"", [("Retry-After", "1")])]),
}
WRITTEN = {
    "raw": lambda key: key,
    "base64": base64.b64encode,
    "base64 with a user": lambda key: base64.b64encode(b"user:" + key),
    "base64 for URLs": base64.urlsafe_b64encode,
    "hex": lambda key: key.hex().encode(),
    "HEX": lambda key: key.hex().upper().encode(),
    "a URL": lambda key: quote(key.decode(), safe="").encode(),
    "the first half": lambda key: key[: len(key) // 2],
    "the second half": lambda key: key[len(key) // 2 :],
    "within 400 characters": lambda key: b"x" * 180 + key + b"y" * 180,
    "half of its hex": lambda key: key.hex()[: len(key)].encode(),
}


@pytest.fixture
def under(tmp_path, capfd, record_property):
    """Run the action against two faulty backends, replay what it saved, and count."""

    def run(of_datadog, of_dx, status, **variables):
        inputs = {"datadog-site": of_datadog, "dx-instance": of_dx, "timeout": "5"}
        first = audit.run(tmp_path, capfd, inputs, variables)
        assert first.results() == dict.fromkeys(ALL, status)
        assert first.errors == ""
        assert first.exit_code == (1 if status == "rejected" else 0)
        assert len(first.saved) == len(ALL)
        leaked = leaks(first)

        with Datadog(api_key=KEY) as datadog, Dx(token=TOKEN) as dx:
            inputs = {"mode": "replay", "datadog-site": datadog.url, "dx-instance": dx.url}
            again = audit.run(tmp_path, capfd, inputs, pace=PACE)
        leaked += leaks(again)
        assert again.results() == dict.fromkeys(ALL, "delivered")
        assert again.saved == {}
        recorded = {json.dumps(each.json) for each in (*datadog.received, *dx.received)}
        assert recorded == {json.dumps(body) for body in audit.bodies(first).values()}
        arrived = len(datadog.received) + len(dx.received)
        tally = {
            "tried": 1,
            "delivered": len(again.results()),
            "saved": len(first.saved),
            "refused": list(first.results().values()).count("rejected"),
            "lost": len(ALL) - len(recorded),
            "leaked": len(leaked),
            "doubled": arrived - len(recorded),
        }
        record_property("tally", tally)
        assert leaked == []
        assert (tally["lost"], tally["doubled"]) == (0, 0)

    return run


def cases(table):
    return [
        pytest.param(scripts, id=name, marks=pytest.mark.fault(row))
        for name, (row, scripts) in table.items()
    ]


@pytest.mark.threat(4, 13, 19)
@pytest.mark.parametrize("scripts", cases(UNDELIVERED))
def test_what_a_fault_keeps_from_arriving_is_saved_and_replayed(under, scripts):
    with Faulty(*scripts) as datadog, Faulty(*scripts) as dx:
        under(datadog.url, dx.url, "undelivered")


@pytest.mark.threat(1, 4, 19)
@pytest.mark.parametrize("scripts", cases(REJECTED))
def test_what_is_refused_is_saved_and_replayed(under, scripts):
    with Faulty(*scripts) as datadog, Faulty(*scripts) as dx:
        under(datadog.url, dx.url, "rejected")


@pytest.mark.fault(53)
@pytest.mark.threat(4)
@pytest.mark.parametrize("status", [200, 400, 503])
@pytest.mark.parametrize(
    ("name", "debug"),
    # Where debugging is on, all is shown that is shown without, and more.
    [("raw", ""), *((name, "1") for name in WRITTEN)],
)
def test_a_key_that_a_server_echoes_shows_nowhere(under, name, status, debug):
    script = echo(status, WRITTEN[name])
    with Faulty(script) as datadog, Faulty(script) as dx:
        ended = "rejected" if status == 400 else "undelivered"
        under(datadog.url, dx.url, ended, RUNNER_DEBUG=debug)


@pytest.mark.fault(2, 55)
def test_backends_that_are_not_there_lose_nothing(under):
    with closed_port() as datadog, closed_port() as dx:
        under(datadog, dx, "undelivered")


@pytest.mark.fault(10, 11)
def test_backends_that_drip_headers_or_a_body_lose_nothing(under):
    body = b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"
    with (
        Faulty(drip(b"HTTP/1.1 200 OK\r\nX: ", 0.05, [b"y"] * 200)) as datadog,
        Faulty(drip(body, 0.05, [b" "] * 200)) as dx,
    ):
        under(datadog.url, dx.url, "undelivered")


@pytest.mark.fault(3)
def test_backends_that_answer_no_attempt_to_connect_lose_nothing(under):
    with black_hole() as datadog, black_hole() as dx:
        under(datadog, dx, "undelivered")


@pytest.mark.fault(4, 5)
@pytest.mark.threat(14)
def test_backends_without_tls_are_told_nothing(under):
    with tls.Server(tls.plain_http) as datadog, tls.Server(tls.plain_http) as dx:
        under(*(f"https://127.0.0.1:{server.port}" for server in (datadog, dx)), "rejected")


@pytest.mark.fault(51)
@pytest.mark.parametrize(
    "first",
    [reset(), answer(503), answer(429, b"", [("Retry-After", "0")]), answer(200, PAGE), bad_gzip()],
    ids=["reset", "503", "429", "page", "gzip"],
)
def test_a_fault_that_passes_costs_an_attempt_and_nothing_else(
    tmp_path, capfd, record_property, first
):
    good = answer(
        200, gzip.compress(b'{"ok": true, "data": {"id": "x"}}'), [("Content-Encoding", "gzip")]
    )
    scripts = [first, first, good]  # two services at once
    with Faulty(*scripts) as datadog, Faulty(*scripts) as dx:
        inputs = {"datadog-site": datadog.url, "dx-instance": dx.url}
        finished = audit.run(tmp_path, capfd, inputs, pace=PACE)
        sent = [
            {request.partition(b"\r\n\r\n")[2] for request in server.requests}
            for server in (datadog, dx)
        ]
    assert finished.results() == dict.fromkeys(ALL, "delivered")
    assert finished.saved == {}
    assert leaks(finished) == []
    assert [len(of_server) for of_server in sent] == [2, 2]  # the same bytes at every attempt
    record_property("tally", {"tried": 1, "delivered": len(ALL)})
