"""One POST over `requests`, with everything that could leak or hang taken away."""

import http.client
import ssl
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies_environment

import requests
import urllib3
from requests.auth import AuthBase

from dora_deployments import __version__
from dora_deployments.actions.hosts import LOOPBACK
from dora_deployments.backends.replies import MAX_BODY
from dora_deployments.budget import Budget, NoThreadError, side_by_side
from dora_deployments.catalogue import (
    BROKE_OFF,
    CA_FILE,
    CERTIFICATE,
    NO_CONNECTION,
    PROXY,
    UNKNOWN_HOST,
    Topic,
)
from dora_deployments.deployment import Credential, Reply, Request
from dora_deployments.http_response import FinalAdapter, FinalConnection

_LONGEST: Final = 60.0
USER_AGENT: Final = f"dora-deployments/{__version__}"
# OpenSSL's X509_V_ERR_* and what they mean for people; any other is about trust.
_CERTIFICATE_ERRORS: Final = {
    9: "is not valid yet, or the clock of the runner is slow",
    10: "has expired, or the clock of the runner is fast",
    62: "is for another host",
    64: "is for another host",
}

# The parts of OpenSSL that read certificates from a file, before any server is spoken to.
_FILE_LIBRARIES: Final = frozenset({"X509", "PEM"})


class TransportError(Exception):
    """No answer came; the message says why, in our own words, and `topic` tells more.

    `permanent` means that trying again cannot help. `ambiguous` means that the request may
    have arrived all the same.
    """

    def __init__(
        self, message: str, topic: Topic, *, permanent: bool = False, ambiguous: bool = False
    ) -> None:
        super().__init__(message)
        self.topic = topic
        self.permanent = permanent
        self.ambiguous = ambiguous


class _Connection(FinalConnection):
    """A connection that says while it is made: nothing of the request has left until then."""

    session: "Session"

    def connect(self) -> None:
        """Connect, with the tunnel through a proxy and TLS."""
        connecting = self.session.connecting
        connecting.set()
        super().connect()
        connecting.clear()


class _Adapter(FinalAdapter):
    def __init__(self, session: "Session") -> None:
        self._session = session
        super().__init__()

    def connection_class(self, known: type) -> type:
        """Return the class of connections that tell the session while they are made."""
        return type("_Connection", (_Connection, known), {"session": self._session})


class Session(requests.Session):
    """A session that leaves redirects alone, and takes no cookies from one request to the next.

    Even when told not to follow one, requests works out where it would lead: it reads the
    whole body first, however long, and fails on an odd `Location`. `connecting` is set while a
    connection is made, and stays so if that fails.
    """

    def __init__(self) -> None:
        super().__init__()
        self.connecting = threading.Event()
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        for scheme in ("https://", "http://"):
            self.mount(scheme, _Adapter(self))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None: no reply leads anywhere."""
        del resp


class Line:
    """A session for many requests, one after the other, over one connection where it holds.

    After an attempt that had no answer the next one begins with a new connection. None takes
    more than `longest` seconds, for the time-out of `post` bounds single reads, and a server
    that drips byte by byte outlasts it.
    """

    def __init__(self, longest: float = _LONGEST) -> None:
        self._session = Session()
        self._longest = longest

    def post(
        self, request: Request, timeout: tuple[float, float], connecting: threading.Event
    ) -> Reply:
        """Send `request` once, as the function does."""
        self._session.connecting = connecting
        try:
            return self._in_time(partial(post, self._session, request, timeout), connecting)
        except TransportError:
            self.close()
            self._session = Session()  # a thread may still be at work with the other
            raise

    def _in_time(self, send: Callable[[], Reply], connecting: threading.Event) -> Reply:
        (answer,) = side_by_side(Budget.of(self._longest), [send], 1)
        if isinstance(answer, NoThreadError):
            return send()
        if isinstance(answer, TimeoutError):
            raise (_UNCONNECTED if connecting.is_set() else _LATE)(answer, "")
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        """Close the connection, if there is one."""
        self._session.close()


class _Key(AuthBase):
    """Sets the header with the key.

    An auth object, not a header: else requests would look for the host in `.netrc`, which
    an earlier step may have planted, and replace or add credentials.
    """

    def __init__(self, credential: Credential) -> None:
        self._credential = credential

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers[self._credential.header] = self._credential.value
        return request


def post(session: requests.Session, request: Request, timeout: tuple[float, float]) -> Reply:
    """Send `request` once and return the answer; `timeout` is to connect and to read, in s.

    Redirects are not followed: requests would send the key on to any host. The body is
    read up to its limit and one byte. Raises `TransportError` if no status line came; a
    body that breaks off leaves the reply without one.
    """
    try:
        response = session.post(
            request.url,
            data=request.body,
            headers={
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "Content-Type": "application/json",
                "User-Agent": USER_AGENT,
            },
            auth=_Key(request.credential),
            proxies=_proxies(request.url),
            timeout=timeout,
            allow_redirects=False,
            stream=True,
        )
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise _transport_error(session, error, _proxy_variable(request.url)) from None
    with response:
        body = _body(response)
        return Reply(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=body or b"",
            whole=body is not None,
        )


def post_alone(
    request: Request, timeout: tuple[float, float], connecting: threading.Event
) -> Reply:
    """Send `request` once, over a connection of its own; `connecting` is as in `Session`."""
    with Session() as session:
        session.connecting = connecting
        return post(session, request, timeout)


def _proxies(url: str) -> dict[str, str] | None:
    """Return None, for the proxies of the environment, except for a host on this machine.

    What is meant for this machine may go over http, and no proxy may read it.
    """
    host = urlsplit(url).hostname or ""
    return {"no_proxy": host} if host in LOOPBACK else None


def _proxy_variable(url: str) -> str:
    """Return the variable that names the proxy for `url`, as requests chooses it."""
    scheme = url.partition(":")[0]
    known = getproxies_environment()
    return "ALL_PROXY" if "all" in known and scheme not in known else f"{scheme.upper()}_PROXY"


def _body(response: requests.Response) -> bytes | None:
    """Return the body up to its limit and one byte, or None if it broke off."""
    try:
        return response.raw.read(MAX_BODY + 1, decode_content=True)
    except (urllib3.exceptions.HTTPError, OSError):
        return None


def _transport_error(session: requests.Session, error: Exception, proxy: str) -> TransportError:
    """Return what went wrong in our own words; the library's may quote the key.

    `proxy` is the variable to blame where the proxy is at fault.
    """
    for kind, make in _KINDS:
        if isinstance(error, kind):
            if make is _tls_error and not _is_connecting(session):
                return _BROKEN(error, proxy)  # the request may have left before
            failure = make(error, proxy)
            if failure.ambiguous and _is_connecting(session):
                return (_UNCONNECTED if make is _LATE else _CUT)(error, proxy)
            return failure
    # requests raises a bare OSError where REQUESTS_CA_BUNDLE names no file.
    return TransportError(
        "a file with certificates cannot be read",
        CA_FILE,
        permanent=True,
    )


def _is_connecting(session: requests.Session) -> bool:
    return isinstance(session, Session) and session.connecting.is_set()


# Makes our words of an error, and of the variable that names the proxy.
_Make = Callable[[Exception, str], TransportError]


def _saying(
    message: str, topic: Topic, *, permanent: bool = False, ambiguous: bool = False
) -> _Make:
    return lambda _error, _proxy: TransportError(
        message, topic, permanent=permanent, ambiguous=ambiguous
    )


def _about_proxy(before: str, after: str, *, permanent: bool = False) -> _Make:
    """Return what names the variable of the proxy between `before` and `after`."""
    return lambda _, proxy: TransportError(f"{before} {proxy}{after}", PROXY, permanent=permanent)


def _tls_error(error: Exception, _proxy: str) -> TransportError:
    for cause in _causes(error):
        if isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
            return TransportError("the connection broke off before it was secure", NO_CONNECTION)
        if isinstance(cause, ssl.SSLCertVerificationError):
            wrong = _CERTIFICATE_ERRORS.get(cause.verify_code, "is of an unknown authority")
            message = f"the certificate of the server {wrong}"
            return TransportError(message, CERTIFICATE, permanent=True)
        if isinstance(cause, ssl.SSLError) and cause.library in _FILE_LIBRARIES:
            message = "a file with certificates holds none, or is damaged"
            return TransportError(message, CA_FILE, permanent=True)
    return TransportError(
        "no TLS connection is possible with this server",
        CERTIFICATE,
        permanent=True,
    )


def _connection_error(error: Exception, proxy: str) -> TransportError:
    for cause in _causes(error):
        if isinstance(cause, urllib3.exceptions.NameResolutionError):
            message = "the host name does not resolve"
            return TransportError(message, UNKNOWN_HOST)
        if isinstance(cause, urllib3.exceptions.NewConnectionError):
            message = "the connection was refused, or no way leads to the host"
            return TransportError(message, NO_CONNECTION)
        if isinstance(cause, http.client.HTTPException) and not isinstance(cause, OSError):
            message = "what answered is not HTTP as it should be"
            return TransportError(message, BROKE_OFF, ambiguous=True)
    return _BROKEN(error, proxy)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and, one after the other, the exceptions that it was raised for."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


_BROKEN: Final = _saying("the connection broke off before an answer", BROKE_OFF, ambiguous=True)
_LATE: Final = _saying("no answer came in time", BROKE_OFF, ambiguous=True)
_UNCONNECTED: Final = _saying("no connection could be made in time", NO_CONNECTION)
_CUT: Final = _saying("the connection broke off while it was made", NO_CONNECTION)
_UNREADABLE: Final = _saying("the answer could not be read", BROKE_OFF, ambiguous=True)
_UNUSABLE: Final = _about_proxy("its URL, or that of the proxy in", ", is unusable", permanent=True)
# In this order: proxy, TLS and connect time-out are connection errors to requests, and most
# of its exceptions are value errors. A bare one is about an odd host, user or port.
_KINDS: Final[tuple[tuple[type[Exception], _Make], ...]] = (
    (
        requests.exceptions.ProxyError,
        _about_proxy("the proxy in", " refused, or cannot be reached"),
    ),
    (requests.exceptions.SSLError, _tls_error),
    (requests.exceptions.ConnectTimeout, _UNCONNECTED),
    (requests.exceptions.Timeout, _LATE),
    (requests.exceptions.ConnectionError, _connection_error),
    (requests.exceptions.InvalidURL, _UNUSABLE),
    (
        requests.exceptions.InvalidSchema,
        _about_proxy("the proxy in", " is of a kind that is not known", permanent=True),
    ),
    (requests.RequestException, _UNREADABLE),
    (ValueError, _UNUSABLE),
    (urllib3.exceptions.HTTPError, _UNREADABLE),
)
