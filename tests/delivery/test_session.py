"""One POST: what is really sent, and what is made of the answer."""

import gzip
import json
import threading
from contextlib import closing
from dataclasses import replace
from threading import Event

import pytest
import requests
import responses

from dora_deployments import __version__
from dora_deployments.backends.replies import MAX_BODY
from dora_deployments.delivery import session
from dora_deployments.delivery.session import TransportError
from dora_deployments.deployment import Credential, Reply, Request
from tests.delivery import tls, wire
from tests.end_to_end.receivers import Faulty, answer, drip

URL = "https://api.datadoghq.com/api/v2/dora/deployment"
KEY = "fedcba9876543210fedcba9876543210"
BODY = b'{"data": "caf\\u00e9"}'
REQUEST = Request(
    method="deployment",
    url=URL,
    body=BODY,
    credential=Credential(input="datadog-api-key", header="DD-API-KEY", value=KEY),
)


@pytest.fixture
def internet():
    with responses.RequestsMock() as mock:
        yield mock


def sent(internet):
    # A delivery that another test cut off may still be trying elsewhere.
    return [call.request for call in internet.calls if call.request.url == URL]


def only(internet):
    (request,) = sent(internet)
    return request


def post(request=REQUEST, timeout=(1.5, 2.5)):
    with session.Session() as http:
        return session.post(http, request, timeout)


def failure(request=REQUEST):
    with pytest.raises(TransportError) as caught:
        post(request)
    return str(caught.value), caught.value.permanent, caught.value.ambiguous


# --- what is sent


def test_the_headers_are_these_and_no_others(internet):
    internet.post(URL, json={})

    post()

    assert dict(only(internet).headers) == {
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Connection": "keep-alive",
        "Content-Length": str(len(BODY)),
        "Content-Type": "application/json",
        "DD-API-KEY": KEY,
        "User-Agent": f"dora-deployments/{__version__}",
    }


def test_the_key_goes_into_the_header_that_the_backend_names(internet):
    internet.post(URL, json={})

    token = Credential(input="dx-token", header="Authorization", value=f"Bearer {KEY}")
    post(replace(REQUEST, credential=token))

    headers = only(internet).headers
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert "DD-API-KEY" not in headers


def test_the_body_is_sent_byte_for_byte_to_the_url_as_it_is(internet):
    internet.post(URL, json={})

    post()

    request = only(internet)
    assert (request.method, request.url, request.body) == ("POST", URL, BODY)


def test_the_timeouts_are_those_given_and_the_answer_is_not_read_by_itself(internet):
    internet.post(URL, json={})

    post(timeout=(0.25, 0.75))

    given = only(internet).req_kwargs
    assert (given["timeout"], given["stream"]) == ((0.25, 0.75), True)


@pytest.mark.threat(14)
def test_certificates_are_verified(internet):
    internet.post(URL, json={})

    post()

    assert only(internet).req_kwargs["verify"] not in {False, None}


@pytest.mark.fault(32)
@pytest.mark.threat(1)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("make", [session.Session, requests.Session])
def test_no_redirect_is_followed_in_any_session(internet, status, make):
    internet.post(URL, status=status, headers={"Location": "https://elsewhere.test/"})

    with make() as http:
        assert session.post(http, REQUEST, (1, 1)).status == status
    assert only(internet).url == URL


def test_nothing_of_one_answer_is_left_in_the_next_request_of_its_session(internet):
    internet.post(URL, json={}, headers={"Set-Cookie": "a=b"})
    with session.Session() as http:
        session.post(http, REQUEST, (1, 1))
        session.post(http, REQUEST, (1, 1))

    first, second = (dict(request.headers) for request in sent(internet))
    assert second == first


def test_a_line_keeps_its_connection_until_an_attempt_has_no_answer():
    connections = []

    def converse(connection):
        """Answer twice, and hang up on the third request."""
        connections.append(connection.fileno())
        with connection.makefile("rb") as stream:
            for _ in range(2):
                head = list(iter(stream.readline, b"\r\n"))
                assert stream.read(len(BODY)) == BODY, head
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            list(iter(stream.readline, b"\r\n"))

    def ending():
        try:
            return line.post(request, (5, 5), Event()).status
        except TransportError as error:
            return str(error)

    with tls.Server(converse) as server:
        line = session.Line()
        request = replace(REQUEST, url=f"http://127.0.0.1:{server.port}/")
        endings = [ending() for _ in range(5)]
        line.close()

    assert endings == [200, 200, "the connection broke off before an answer", 200, 200]
    assert len(connections) == 2


@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.1 200 OK\r\nX-Y: ", b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n"],
    ids=["headers", "body"],
)
def test_an_answer_that_drips_holds_up_a_line_no_longer_than_it_may(head):
    with Faulty(drip(head, 0.05, [b"X"] * 12_000), answer(200, {"ok": True})) as server:
        request = replace(REQUEST, url=server.url)
        line = session.Line(0.5)
        with pytest.raises(TransportError, match=r"^no answer came in time$") as caught:
            line.post(request, (20, 20), Event())
        line.close()
        with closing(session.Line()) as line:
            reply = line.post(request, (20, 20), Event())
    assert (caught.value.permanent, caught.value.ambiguous) == (False, True)
    assert (reply.status, reply.body) == (200, b'{"ok": true}')


def test_a_line_does_without_threads_where_none_can_be_had():
    before = threading.stack_size(2**46)  # more than any system has
    try:
        with (
            wire.closed_port() as url,
            closing(session.Line()) as line,
            pytest.raises(TransportError, match=r"^the connection was refused"),
        ):
            line.post(replace(REQUEST, url=url), (20, 20), Event())
    finally:
        threading.stack_size(before)


def test_a_line_that_never_connects_says_that_nothing_was_sent():
    with tls.Server(tls.say_nothing) as server, closing(session.Line(0.5)) as line:
        request = replace(REQUEST, url=f"https://localhost:{server.port}")
        with pytest.raises(
            TransportError, match=r"^no connection could be made in time$"
        ) as caught:
            line.post(request, (20, 20), Event())
    assert (caught.value.permanent, caught.value.ambiguous) == (False, False)


def test_a_bug_in_an_attempt_of_a_line_is_not_swallowed():
    with closing(session.Line()) as line, pytest.raises(AttributeError):
        line.post(None, (1, 1), Event())


# --- what comes back


def test_a_reply_has_status_headers_in_lower_case_and_the_bytes_of_the_body(internet):
    internet.post(
        URL,
        status=429,
        body=b"caf\xe9",
        headers={"Retry-After": "3", "X-RateLimit-Reset": "17"},
        content_type="text/plain",
    )

    assert post() == Reply(
        status=429,
        headers={"retry-after": "3", "x-ratelimit-reset": "17", "content-type": "text/plain"},
        body=b"caf\xe9",
    )


@pytest.mark.parametrize("size", [0, 1, MAX_BODY - 1, MAX_BODY, MAX_BODY + 1])
def test_a_body_is_read_as_it_is_up_to_the_limit_and_one_byte(internet, size):
    internet.post(URL, body=b"x" * size)

    assert post().body == b"x" * size


@pytest.mark.fault(17)
@pytest.mark.threat(13)
def test_of_a_longer_body_no_more_is_read(internet):
    internet.post(URL, body=b"x" * (MAX_BODY + 2))

    assert post().body == b"x" * (MAX_BODY + 1)


@pytest.mark.fault(17)
@pytest.mark.threat(13)
def test_a_compressed_body_is_unpacked_up_to_the_limit_and_one_byte(internet):
    internet.post(URL, body=gzip.compress(b"x" * 5_000_000), headers={"Content-Encoding": "gzip"})

    assert post().body == b"x" * (MAX_BODY + 1)


def test_a_compressed_body_within_the_limit_is_unpacked(internet):
    packed = gzip.compress(json.dumps({"ok": True}).encode())
    internet.post(URL, body=packed, headers={"Content-Encoding": "gzip"})

    assert post().body == b'{"ok": true}'


@pytest.mark.fault(16)
def test_a_body_that_cannot_be_unpacked_is_none(internet):
    internet.post(URL, status=400, body=b"\x1f\x8bno", headers={"Content-Encoding": "gzip"})

    reply = post()

    assert (reply.status, reply.body) == (400, b"")


# --- when nothing comes back


@pytest.mark.threat(4)
@pytest.mark.parametrize(
    ("error", "message", "permanent", "ambiguous"),
    [
        (
            requests.exceptions.ProxyError,
            "the proxy in HTTPS_PROXY refused, or cannot be reached",
            False,
            False,
        ),
        (
            requests.exceptions.SSLError,
            "the connection broke off before an answer",
            False,
            True,
        ),
        (
            requests.exceptions.ConnectTimeout,
            "no connection could be made in time",
            False,
            False,
        ),
        (requests.exceptions.ReadTimeout, "no answer came in time", False, True),
        (
            requests.exceptions.ConnectionError,
            "the connection broke off before an answer",
            False,
            True,
        ),
        (
            requests.exceptions.InvalidURL,
            "its URL, or that of the proxy in HTTPS_PROXY, is unusable",
            True,
            False,
        ),
        (
            requests.exceptions.InvalidProxyURL,
            "its URL, or that of the proxy in HTTPS_PROXY, is unusable",
            True,
            False,
        ),
        (
            requests.exceptions.InvalidSchema,
            "the proxy in HTTPS_PROXY is of a kind that is not known",
            True,
            False,
        ),
        (
            requests.exceptions.ChunkedEncodingError,
            "the answer could not be read",
            False,
            True,
        ),
        (requests.exceptions.RequestException, "the answer could not be read", False, True),
    ],
)
def test_an_error_of_requests_is_told_in_our_own_words(
    internet, error, message, permanent, ambiguous
):
    internet.post(URL, body=error(f"of all things, {KEY}"))

    assert failure() == (message, permanent, ambiguous)


@pytest.mark.fault(58)
@pytest.mark.threat(4)
@pytest.mark.parametrize("odd", [f"{KEY}\n", f"{KEY}\r\nX: y", f"{KEY}\u5e97"])
def test_a_key_that_no_header_can_hold_is_neither_sent_nor_quoted(odd):
    credential = replace(REQUEST.credential, value=odd)
    with Faulty(answer(200)) as server:
        message, *_ = failure(replace(REQUEST, url=server.url, credential=credential))

    assert message == "its URL, or that of the proxy in HTTP_PROXY, is unusable"
    assert server.requests == []


@pytest.mark.parametrize(
    "url", ["https://acme..test/api", f"https://{'a' * 64}.test/api", "https://[::1/api"]
)
def test_a_url_that_cannot_be_one_is_a_mistake_that_trying_again_does_not_mend(url):
    assert failure(replace(REQUEST, url=url)) == (
        "its URL, or that of the proxy in HTTPS_PROXY, is unusable",
        True,
        False,
    )


CERTIFICATE = "the certificate of the server "
OTHER_HOST = "is for another host"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    path = tmp_path_factory.mktemp("certificates") / "ca.pem"
    tls.CA.cert_pem.write_to_path(path)
    return str(path)


def tls_failure(bundle, url):
    """Return how a POST fails where REQUESTS_CA_BUNDLE were `bundle`.

    In another process it really is, see `test_environment.py`.
    """
    with session.Session() as http:
        http.trust_env = False
        http.verify = bundle
        with pytest.raises(TransportError) as caught:
            session.post(http, replace(REQUEST, url=url), (2, 5))
    return str(caught.value), caught.value.permanent, caught.value.ambiguous


def test_a_missing_file_of_certificates_is_a_mistake():
    assert tls_failure("/nowhere/ca.pem", "https://localhost:1") == (
        "a file with certificates cannot be read",
        True,
        False,
    )


def test_a_file_without_certificates_is_a_mistake(tmp_path):
    (tmp_path / "empty.pem").touch()
    with tls.Https(tls.good()) as server:
        failed = tls_failure(str(tmp_path / "empty.pem"), f"https://localhost:{server.port}")

    assert failed == ("a file with certificates holds none, or is damaged", True, False)


@pytest.mark.fault(4)
@pytest.mark.threat(14)
@pytest.mark.parametrize(
    ("certificate", "host", "meaning"),
    [
        (
            tls.expired,
            "localhost",
            "has expired, or the clock of the runner is fast",
        ),
        (tls.not_yet_valid, "localhost", "is not valid yet, or the clock of the runner is slow"),
        (tls.of_another_host, "localhost", OTHER_HOST),
        (tls.of_another_host, "127.0.0.1", OTHER_HOST),
        (
            tls.of_a_stranger,
            "localhost",
            "is of an unknown authority",
        ),
    ],
)
def test_a_bad_certificate_is_refused_with_what_is_wrong(bundle, certificate, host, meaning):
    with tls.Https(certificate()) as server:
        failed = tls_failure(bundle, f"https://{host}:{server.port}")

    assert failed == (f"{CERTIFICATE}{meaning}", True, False)
    assert server.requests == []


@pytest.mark.fault(5)
@pytest.mark.parametrize(
    "records", [b"", b"HTTP/1.1 500 X\r\n\r\n", b"\x17\x03\x03\x00\x20" + b"a" * 32]
)
def test_tls_that_breaks_after_the_request_was_sent_is_no_refusal(bundle, records):
    with tls.Damaged(tls.good(), records) as server:
        failed = tls_failure(bundle, f"https://localhost:{server.port}")

    assert failed == ("the connection broke off before an answer", False, True)
    assert b"DD-API-KEY" in server.requests[0]


@pytest.mark.fault(5)
@pytest.mark.parametrize(
    ("handle", "message", "permanent", "ambiguous"),
    [
        (
            tls.plain_http,
            "no TLS connection is possible with this server",
            True,
            False,
        ),
        (tls.hang_up, "the connection broke off before it was secure", False, False),
        (tls.reset, "the connection broke off while it was made", False, False),
        (tls.say_nothing, "no connection could be made in time", False, False),
    ],
)
def test_a_handshake_that_fails_is_an_outage_only_if_it_broke_off(
    bundle, handle, message, permanent, ambiguous
):
    with tls.Server(handle) as server:
        failed = tls_failure(bundle, f"https://localhost:{server.port}")

    assert failed == (message, permanent, ambiguous)


@pytest.mark.threat(4)
def test_what_the_library_said_is_no_part_of_the_error(internet):
    internet.post(URL, body=requests.exceptions.ConnectionError(f"of all things, {KEY}"))

    with pytest.raises(TransportError) as caught:
        post()

    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert KEY not in repr(caught.value)


@pytest.mark.threat(4)
def test_no_repr_shows_the_key():
    assert KEY not in repr((REQUEST, REQUEST.credential))
    assert repr(REQUEST.credential) == ("Credential(input='datadog-api-key', header='DD-API-KEY')")
