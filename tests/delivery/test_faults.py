"""Every fault of the wire and every odd answer, each on a real socket, all side by side."""

import contextlib
import gzip
import json
import socket
import struct
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from dora_deployments import catalogue
from dora_deployments.backends.replies import MAX_BODY
from tests.delivery.wire import (
    HASTY,
    ID,
    PACE,
    TOKEN,
    UNCERTAIN,
    black_hole,
    closed_port,
    datadog,
    dx,
    of_datadog,
    of_dx,
    outcomes,
)
from tests.end_to_end.receivers import (
    Faulty,
    answer,
    bad_gzip,
    gzip_bomb,
    hang,
    raw,
    reset,
    short_body,
)

OK = {"ok": True}
RECORDED = {"data": {"id": "4242fcdd31586083", "type": "dora_deployment"}}
GOOD = b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"ok": true}'
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
PAGE = b"<html><title>Log in</title></html>"

BROKEN_OFF = "the answer is empty or broke off"
OTHER = "the answer is not the documented JSON"
WEB_PAGE = "the answer is a web page, as of a proxy or a log-in"
# What is said of an answer, and where to read more of it.
TROUBLE = ("the backend itself has a problem", catalogue.SERVER_ERROR)
LATER = ("it could not take the request now", catalogue.NOT_NOW)
TOO_MANY = ("too many requests", catalogue.TOO_MANY_REQUESTS)
REDIRECT = (
    "a redirect, which is never followed with a key; check `dx-instance`",
    catalogue.DX_REDIRECT,
)
REFUSED = (
    "the request was refused; read the answer in the log, if there is one",
    catalogue.DX_REFUSED,
)
BAD_TOKEN = (
    "the token is not valid; check `dx-token`, and that `dx-instance` is where it was made",
    catalogue.DX_401,
)
NOT_ALLOWED = ("the token may not do this; check the scopes of `dx-token`", catalogue.DX_403)
NO_METHOD = ("there is no such method here; check `dx-instance`", catalogue.DX_404)
TOO_LARGE = ("the body is too large; shorten `metadata`", catalogue.DX_413)
BAD_VALUE = ("DX refuses a value; correct what it names", catalogue.DX_422)
DUPLICATE = (
    (
        "already recorded under this id, by an earlier attempt or another job; no action is"
        " needed, since DX keeps it as it is"
    ),
    catalogue.DX_DUPLICATE,
)
BAD_BODY = (
    "the body is not what Datadog expects; correct what it names",
    catalogue.DATADOG_400,
)
DELAYED = (
    "accepted, to be recorded later because of an incident at Datadog",
    catalogue.DATADOG_LATER,
)


def reset_within(head):
    """Send the start of an answer, then abort the connection."""

    def script(connection, _request):
        connection.sendall(head)
        at_once = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        connection.close()

    return script


def delivered(*, attempts=1, http_status=200):
    return of_dx("delivered", "recorded", http_status=http_status, attempts=attempts)


def unanswered(said, *, attempts=4):
    message, topic = said
    return of_dx("undelivered", f"DX: {message}", topic, attempts=attempts)


def malformed(kind, detail="", *, http_status=200, attempts=4, after=""):
    return of_dx(
        "undelivered",
        f"DX answered {http_status} without saying ok: {kind}{after}",
        catalogue.DX_MALFORMED,
        detail=detail,
        http_status=http_status,
        attempts=attempts,
    )


def transient(http_status, said, detail="", *, attempts=4, after=""):
    message, topic = said
    return of_dx(
        "undelivered",
        f"DX answered {http_status}: {message}{after}",
        topic,
        detail=detail,
        http_status=http_status,
        attempts=attempts,
    )


def rejected(http_status, said, detail="", *, code=""):
    message, topic = said
    return of_dx(
        "rejected",
        f"DX answered {http_status}{code}: {message}",
        topic,
        detail=detail,
        http_status=http_status,
        attempts=1,
    )


def rejected_by_datadog(http_status, said, detail=""):
    message, topic = said
    return of_datadog(
        "rejected",
        f"Datadog answered {http_status}: {message}",
        topic,
        detail=detail,
        http_status=http_status,
        attempts=1,
    )


def malformed_of_datadog(http_status, kind, detail=""):
    return of_datadog(
        "undelivered",
        f"Datadog answered {http_status} without the id of an event: {kind}",
        catalogue.DATADOG_MALFORMED,
        detail=detail,
        http_status=http_status,
        attempts=4,
    )


CUT = (f"the connection broke off before an answer{UNCERTAIN}", catalogue.BROKE_OFF)
NOT_HTTP = (f"what answered is not HTTP as it should be{UNCERTAIN}", catalogue.BROKE_OFF)
UNREADABLE = (f"the answer could not be read{UNCERTAIN}", catalogue.BROKE_OFF)
NO_ANSWER = (f"no answer came in time{UNCERTAIN}", catalogue.BROKE_OFF)

TRANSPORT = {
    "reset before an answer": ([reset()], unanswered(CUT), 7),
    "closed before an answer": ([raw(b"")], unanswered(CUT), 7),
    "reset within the headers": (
        [reset_within(b"HTTP/1.1 200 OK\r\nContent-Le")],
        unanswered(CUT),
        7,
    ),
    "reset within the body": (
        [reset_within(b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"ok"')],
        malformed(BROKEN_OFF),
        8,
    ),
    "the greeting of another protocol": (
        [raw(b"SSH-2.0-OpenSSH_9.9\r\n")],
        unanswered(NOT_HTTP),
        12,
    ),
    "a status line of letters": ([raw(b"HTTP/1.1 OK 200\r\n\r\n")], unanswered(NOT_HTTP), 12),
    "a status of four digits": ([raw(b"HTTP/1.1 2000 OK\r\n\r\n")], unanswered(NOT_HTTP), 12),
    "150 headers": (
        [raw(b"HTTP/1.1 200 OK\r\n" + b"X-Y: z\r\n" * 150 + b"\r\n")],
        unanswered(NOT_HTTP),
        13,
    ),
    "a header of 70 kB": (
        [raw(b"HTTP/1.1 200 OK\r\nX-Y: " + b"z" * 70_000 + b"\r\n\r\n")],
        unanswered(NOT_HTTP),
        13,
    ),
    "two lengths": (
        [raw(GOOD.replace(b"\r\n\r\n", b"\r\nContent-Length: 13\r\n\r\n"))],
        unanswered(UNREADABLE),
        14,
    ),
    "a body that is too short": ([short_body()], malformed(BROKEN_OFF), 14),
    "a good body that is too short": (
        [short_body(body=b'{"ok": true}')],
        malformed(BROKEN_OFF),
        14,
    ),
    "a bad size of a chunk": ([raw(CHUNKS + b"zz\r\n{}")], malformed(BROKEN_OFF), 15),
    "chunks without an end": ([raw(CHUNKS + b'c\r\n{"ok": true}\r\n')], malformed(BROKEN_OFF), 15),
    "chunks": ([raw(CHUNKS + b'c\r\n{"ok": true}\r\n0\r\n\r\n')], delivered(), 15),
    "no length": ([raw(b'HTTP/1.1 200 OK\r\n\r\n{"ok": true}')], delivered(), 14),
    "bad gzip": ([bad_gzip()], malformed(BROKEN_OFF), 16),
    "gzip that was not asked for": (
        [answer(200, gzip.compress(b'{"ok": true}'), [("Content-Encoding", "gzip")])],
        delivered(),
        16,
    ),
    "a gzip bomb": ([gzip_bomb(50_000_000)], malformed("the answer is too long"), 17),
    "a gzip bomb in a redirect": (
        [
            answer(
                302,
                gzip.compress(b" " * 50_000_000, 1),
                [("Content-Encoding", "gzip"), ("Location", "http://127.0.0.1:1/")],
            )
        ],
        rejected(302, REDIRECT),
        17,
    ),
    "a body of 2 MB": ([answer(200, b" " * 2_000_000)], malformed("the answer is too long"), 17),
    "a body just as long as the limit": (
        [answer(200, b'{"ok": true}'.ljust(MAX_BODY))],
        delivered(),
        17,
    ),
    "500 times 100": ([raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 500 + GOOD)], delivered(), 18),
    **{
        name: ([raw(head + GOOD)], delivered(), 18)
        for name, head in {
            "103 before the answer": HINTS,
            "102, 100 and 103 before the answer": (
                b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + HINTS
            ),
            "103 of HTTP/1.0 before the answer": HINTS.replace(b"1.1", b"1.0", 1),
            "500 times 103": HINTS * 500,
        }.items()
    },
    "103 before a refusal": (
        [raw(HINTS + b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")],
        rejected(400, REFUSED),
        18,
    ),
    "103 and nothing else": ([raw(HINTS)], unanswered(CUT), 7),
    "103 and garbage": ([raw(HINTS + b"SSH-2.0\r\n")], unanswered(NOT_HTTP), 12),
    "101": ([raw(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")], transient(101, LATER), 19),
    "999": ([answer(999, OK)], transient(999, TROUBLE, '{"ok": true}'), 19),
    "cut off once, then well": ([reset(), answer(200, OK)], delivered(attempts=2), 7),
}

ANSWERS = {
    "a page": ([answer(200, PAGE)], malformed(WEB_PAGE, PAGE.decode()), 21),
    "nothing": ([answer(200)], malformed(BROKEN_OFF), 22),
    "204": ([answer(204)], malformed(BROKEN_OFF, http_status=204), 22),
    "ok as text": ([answer(200, {"ok": "true"})], malformed(OTHER, '{"ok": "true"}'), 24),
    "no ok": ([answer(200, {})], malformed(OTHER, "{}"), 24),
    "an array": ([answer(200, b"[true]")], malformed(OTHER, "[true]"), 27),
    "a number": ([answer(200, b"7")], malformed(OTHER, "7"), 27),
    "null": ([answer(200, b"null")], malformed(OTHER, "null"), 27),
    "deep nesting": ([answer(200, b"[" * 60_000)], malformed(OTHER, "[" * 60_000), 28),
    "UTF-16": ([answer(200, '{"ok": true}'.encode("utf-16-le"))], malformed(OTHER, ""), 29),
    "not UTF-8": ([answer(200, b"{\xff}")], malformed(OTHER, "{\ufffd}"), 29),
    "truncated JSON": ([answer(200, b'{"ok": tr')], malformed(OTHER, '{"ok": tr'), 30),
    "malformed once, then well": ([answer(200, PAGE), answer(200, OK)], delivered(attempts=2), 21),
    "201": ([answer(201, OK)], delivered(http_status=201), 24),
    "a refusal with 200": (
        [answer(200, {"ok": False, "error": "invalid_auth"})],
        rejected(
            200,
            (
                (
                    "the token is expired or unknown; create a new token with the scope for"
                    " deployments and store it in `dx-token`"
                ),
                catalogue.DX_INVALID_AUTH,
            ),
            "invalid_auth",
            code=" invalid_auth",
        ),
        23,
    ),
    "an unknown refusal with 200": (
        [answer(200, {"ok": False, "error": "no_idea"})],
        rejected(200, REFUSED, "no_idea"),
        23,
    ),
    "an unknown repository": (
        [answer(400, {"ok": False, "error": "repo_not_found"})],
        rejected(
            400,
            (
                (
                    "DX does not know the repository; check that it is connected in DX, under the"
                    " same owner and name as `repository`"
                ),
                catalogue.DX_REPO_NOT_FOUND,
            ),
            "repo_not_found",
            code=" repo_not_found",
        ),
        43,
    ),
    **{
        f"{status} to itself": (
            [answer(status, b"moved", [("Location", "/api/deployments.create")])],
            rejected(status, REDIRECT, "moved"),
            31,
        )
        for status in (301, 302, 303, 307, 308)
    },
    **{
        f"302 to {place!r}": (
            [answer(302, OK, [("Location", place)])],
            rejected(302, REDIRECT, '{"ok": true}'),
            32,
        )
        for place in ("file:///etc/passwd", "http://[::1", "\xff\xfe", "//", "", "http://a..b/")
    },
    "304": ([answer(304)], rejected(304, REDIRECT), 31),
    "400": ([answer(400, {"message": "No."})], rejected(400, REFUSED, "No."), 34),
    "400 as a page": ([answer(400, PAGE)], rejected(400, REFUSED, PAGE.decode()), 34),
    "400 that breaks off": ([short_body(400, b'{"message": "No."}')], rejected(400, REFUSED), 34),
    "400 that is too long": ([answer(400, b"x" * 70_000)], rejected(400, REFUSED), 34),
    "401": (
        [answer(401)],
        rejected(401, BAD_TOKEN),
        35,
    ),
    "403": (
        [answer(403)],
        rejected(403, NOT_ALLOWED),
        35,
    ),
    "404": ([answer(404)], rejected(404, NO_METHOD), 37),
    **{
        str(status): ([answer(status)], rejected(status, REFUSED), 38)
        for status in (405, 409, 410, 415)
    },
    "413": ([answer(413)], rejected(413, TOO_LARGE), 40),
    # Whatever a refusal asks for, it is one.
    **{
        f"{status} with a wait": (
            [answer(status, b"", [("Retry-After", "0"), ("X-RateLimit-Reset", "0")])],
            rejected(status, said),
            40,
        )
        for status, said in {
            302: REDIRECT,
            307: REDIRECT,
            400: REFUSED,
            401: BAD_TOKEN,
            403: NOT_ALLOWED,
            404: NO_METHOD,
            409: REFUSED,
            413: TOO_LARGE,
        }.items()
    },
    "422 that names the id": (
        [answer(422, {"ok": False, "error": "reference_id_taken"})],
        of_dx("duplicate", *DUPLICATE, detail="reference_id_taken", http_status=422, attempts=1),
        42,
    ),
    "422 that names nothing": (
        [answer(422)],
        rejected(422, BAD_VALUE),
        42,
    ),
    "422 that is an empty object": ([answer(422, {})], rejected(422, BAD_VALUE, "{}"), 42),
    "422 that quotes the id": (
        [answer(422, {"error": "account_suspended", "reference_id": ID})],
        rejected(422, BAD_VALUE, "account_suspended"),
        42,
    ),
    "422 that breaks off": (
        [short_body(422, b'{"message": "commit_sha is unk')],
        rejected(422, BAD_VALUE),
        42,
    ),
    "422 that is too long": (
        [answer(422, {"message": "x" * MAX_BODY})],
        rejected(422, BAD_VALUE),
        42,
    ),
    "422 that names another field": (
        [answer(422, {"ok": False, "errors": {"deployed_at": ["is in the future"]}})],
        rejected(
            422,
            BAD_VALUE,
            '{"ok": false, "errors": {"deployed_at": ["is in the future"]}}',
        ),
        42,
    ),
    "lost once, then known": (
        [reset(), answer(422, {"ok": False, "error": "reference_id_taken"})],
        of_dx("duplicate", *DUPLICATE, detail="reference_id_taken", http_status=422, attempts=2),
        41,
    ),
    **{str(status): ([answer(status)], transient(status, LATER), 39) for status in (408, 425)},
    **{
        str(status): ([answer(status)], transient(status, TROUBLE), 50)
        for status in (500, 502, 503, 504, *range(520, 528))
    },
    "500 as a page with a script": (
        [answer(500, b"<script>alert(1)</script>\n  <p>" + TOKEN.encode())],
        transient(500, TROUBLE, f"<script>alert(1)</script> <p>{TOKEN}"),
        52,
    ),
    "500 that says ok": ([answer(500, OK)], transient(500, TROUBLE, '{"ok": true}'), 50),
    "503 once, then well": ([answer(503), answer(200, OK)], delivered(attempts=2), 51),
    "503 thrice, then well": (
        [answer(503), answer(500), answer(429), answer(200, OK)],
        delivered(attempts=4),
        51,
    ),
    "503 four times": (
        [answer(503), answer(503), answer(503), answer(503), answer(200, OK)],
        transient(503, TROUBLE),
        50,
    ),
    "503 once, then refused": (
        [answer(503), answer(400)],
        replace(rejected(400, REFUSED), attempts=2),
        51,
    ),
    "429": ([answer(429)], transient(429, TOO_MANY), 44),
    **{
        f"429 with a wait of {wait!r}": (
            [answer(429, b"", [("Retry-After", wait)])],
            transient(429, TOO_MANY),
            row,
        )
        for wait, row in {
            "0": 45,
            "Wed, 21 Oct 2015 07:28:00 GMT": 46,
            "0.02": 45,
            **dict.fromkeys(("abc", "-5", "1,5", ""), 48),
        }.items()
    },
    **{
        f"429 with a wait of {wait} s": (
            [answer(429, b"", [("Retry-After", wait)])],
            transient(
                429,
                TOO_MANY,
                attempts=1,
                after=f"; not tried again, since the wait of {wait} s would outlast `timeout`",
            ),
            47,
        )
        for wait in ("600", "86400", "9999999999")
    },
    "503 with a wait of 600.5 s": (
        [answer(503, b"", [("Retry-After", "600.5")])],
        transient(
            503,
            TROUBLE,
            attempts=1,
            after="; not tried again, since the wait of 601 s would outlast `timeout`",
        ),
        47,
    ),
    "429 with a date far off": (
        [
            answer(
                429,
                b"",
                [
                    ("Date", "Mon, 15 Jun 2026 12:00:00 GMT"),
                    ("Retry-After", "Mon, 15 Jun 2026 13:00:00 GMT"),
                ],
            )
        ],
        transient(
            429,
            TOO_MANY,
            attempts=1,
            after="; not tried again, since the wait of 3600 s would outlast `timeout`",
        ),
        46,
    ),
    "429 with a reset in 1700 s": (
        [answer(429, b"", [("X-RateLimit-Reset", "1700")])],
        transient(
            429,
            TOO_MANY,
            attempts=1,
            after="; not tried again, since the wait of 1700 s would outlast `timeout`",
        ),
        49,
    ),
    "502 with the reset of a limit that is not reached": (
        [answer(502, b"", [("X-RateLimit-Remaining", "299"), ("X-RateLimit-Reset", "2900")])],
        transient(502, TROUBLE),
        50,
    ),
    "502 where no request remains": (
        [answer(502, b"", [("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "2900")])],
        transient(
            502,
            TROUBLE,
            attempts=1,
            after="; not tried again, since the wait of 2900 s would outlast `timeout`",
        ),
        49,
    ),
    "malformed with the reset of a limit": (
        [answer(200, b"", [("X-RateLimit-Reset", "2900")]), answer(200, OK)],
        delivered(attempts=2),
        49,
    ),
    "429 with a reset at a moment": (
        [answer(429, b"", [("X-RateLimit-Reset", "1781524830")])],
        transient(429, TOO_MANY),
        49,
    ),
    "malformed with a wait": (
        [answer(200, b"", [("Retry-After", "600")])],
        malformed(
            BROKEN_OFF,
            attempts=1,
            after="; not tried again, since the wait of 600 s would outlast `timeout`",
        ),
        47,
    ),
}

OF_DATADOG = {
    "200": (
        [answer(200, RECORDED)],
        of_datadog("delivered", "recorded", http_status=200, attempts=1),
        25,
    ),
    "201": (
        [answer(201, RECORDED)],
        of_datadog("delivered", "recorded", http_status=201, attempts=1),
        25,
    ),
    "202": (
        [answer(202, RECORDED)],
        of_datadog("delivered", *DELAYED, http_status=202, attempts=1),
        26,
    ),
    "204": ([answer(204)], malformed_of_datadog(204, BROKEN_OFF), 22),
    "200 and a page": ([answer(200, PAGE)], malformed_of_datadog(200, WEB_PAGE, PAGE.decode()), 21),
    "202 without an id": (
        [answer(202, {"data": {}})],
        malformed_of_datadog(202, OTHER, '{"data": {}}'),
        26,
    ),
    "400 with objects": (
        [
            answer(
                400,
                {
                    "errors": [
                        {
                            "title": "Bad Request",
                            "detail": "must be given",
                            "source": {"pointer": "/data/attributes/service"},
                        }
                    ]
                },
            )
        ],
        rejected_by_datadog(
            400,
            BAD_BODY,
            "Bad Request: must be given: /data/attributes/service",
        ),
        33,
    ),
    "400 with texts": (
        [answer(400, {"errors": ["Bad Request"]})],
        rejected_by_datadog(400, BAD_BODY, "Bad Request"),
        34,
    ),
    "400 as a page": (
        [answer(400, PAGE)],
        rejected_by_datadog(400, BAD_BODY, PAGE.decode()),
        34,
    ),
    "403": (
        [answer(403, {"errors": ["Forbidden"]})],
        rejected_by_datadog(
            403,
            (
                (
                    "the key is not valid on this site, usually because it belongs to another"
                    " site; check `datadog-site` first, then `datadog-api-key`"
                ),
                catalogue.DATADOG_403,
            ),
            "Forbidden",
        ),
        36,
    ),
    "429 once, then well": (
        [answer(429, {"errors": ["Too many requests"]}), answer(202, RECORDED)],
        of_datadog("delivered", *DELAYED, http_status=202, attempts=2),
        44,
    ),
    "429": (
        [answer(429, {"errors": ["Too many requests"]})],
        of_datadog(
            "undelivered",
            "Datadog answered 429: too many requests",
            catalogue.TOO_MANY_REQUESTS,
            detail=json.dumps({"errors": ["Too many requests"]}),
            http_status=429,
            attempts=4,
        ),
        44,
    ),
    "reset": (
        [reset()],
        of_datadog(
            "undelivered",
            f"Datadog: the connection broke off before an answer{UNCERTAIN}",
            catalogue.BROKE_OFF,
            attempts=4,
        ),
        7,
    ),
}

# Only these need short time-outs; under them a busy machine could fail the others.
SILENCE = {
    "silence": (dx, [hang(30)], unanswered(NO_ANSWER), 9),
    "503 once, then silence": (
        dx,
        [answer(503), hang(30)],
        unanswered(NO_ANSWER),
        9,
    ),
}

FAULTS = {
    **{f"DX {name}": (dx, *case) for name, case in {**TRANSPORT, **ANSWERS}.items()},
    **{f"Datadog {name}": (datadog, *case) for name, case in OF_DATADOG.items()},
}


def of_rows(faults):
    """Return the names, each marked with the row of the table of faults that it proves."""
    threats = {9: (13,), 17: (13,), 28: (13,), 31: (1,), 32: (1,)}
    return [
        pytest.param(
            name,
            marks=[
                pytest.mark.fault(row),
                *(pytest.mark.threat(threat) for threat in threats.get(row, ())),
            ],
        )
        for name, (*_, row) in faults.items()
    ]


def sent(faults, pace):
    """Send to all faulty servers at once; return outcome and requests of each."""
    with contextlib.ExitStack() as stack:
        servers = {
            name: stack.enter_context(Faulty(*scripts)) for name, (_, scripts, *_) in faults.items()
        }
        backends = [make(servers[name].url) for name, (make, *_) in faults.items()]
        taken = outcomes(backends, pace=pace)
        return {
            name: (outcome, servers[name].requests)
            for name, outcome in zip(faults, taken, strict=True)
        }


def sent_nowhere():
    with black_hole() as hole, closed_port() as closed:
        return outcomes(
            # The interface of this scope does not exist, which no name server is asked about.
            [dx("http://[fe80::1%25nowhere]:1"), dx(closed), dx(hole), datadog(hole)],
            pace=HASTY,
        )


@pytest.fixture(scope="module")
def pool():
    """Do at the same time what is mostly waiting."""
    with ThreadPoolExecutor() as executor:
        yield {
            "faults": executor.submit(sent, FAULTS, PACE),
            "silence": executor.submit(sent, SILENCE, HASTY),
            "nowhere": executor.submit(sent_nowhere),
        }


@pytest.mark.parametrize("name", of_rows(FAULTS))
def test_a_fault_has_its_outcome_and_every_attempt_sends_the_same_bytes(pool, name):
    _, _, expected, _ = FAULTS[name]
    outcome, requests = pool["faults"].result()[name]

    assert outcome == expected
    assert requests == [requests[0]] * expected.attempts


@pytest.mark.parametrize("name", of_rows(SILENCE))
def test_a_server_that_says_nothing_is_given_up_after_each_attempt_had_its_time(pool, name):
    _, _, expected, _ = SILENCE[name]
    outcome, requests = pool["silence"].result()[name]

    assert outcome == expected
    assert requests == [requests[0]] * 4


@pytest.mark.fault(1, 2, 3)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows knocks at a closed port for seconds")
def test_a_host_that_does_not_resolve_a_closed_port_and_a_black_hole_are_outages(pool):
    assert pool["nowhere"].result() == (
        unanswered(("the host name does not resolve", catalogue.UNKNOWN_HOST)),
        unanswered(
            (
                "the connection was refused, or no way leads to the host",
                catalogue.NO_CONNECTION,
            )
        ),
        unanswered(("no connection could be made in time", catalogue.NO_CONNECTION)),
        of_datadog(
            "undelivered",
            "Datadog: no connection could be made in time",
            catalogue.NO_CONNECTION,
            attempts=4,
        ),
    )


def test_a_delivery_ends_after_the_attempts_of_its_pace_whatever_that_is():
    with Faulty(answer(503)) as server:
        (outcome,) = outcomes([dx(server.url)], pace=replace(PACE, attempts=2))

    assert outcome == transient(503, TROUBLE, attempts=2)
    assert len(server.requests) == 2


# --- redirects to other hosts


@pytest.mark.fault(32)
@pytest.mark.threat(1)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_brings_it_nothing(status):
    with Faulty(answer(200, OK)) as other:
        elsewhere = other.url.replace("127.0.0.1", "localhost")
        with (
            Faulty(answer(status, b"", [("Location", f"{other.url}/api")])) as first,
            Faulty(answer(status, b"", [("Location", f"{elsewhere}/api")])) as second,
        ):
            taken = outcomes([dx(first.url), datadog(second.url)])

    assert taken == (
        rejected(status, REDIRECT),
        rejected_by_datadog(
            status,
            (
                "a redirect, which is never followed with a key; check `datadog-site`",
                catalogue.DATADOG_REDIRECT,
            ),
        ),
    )
    assert other.requests == []
