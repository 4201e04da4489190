"""One POST over `requests`, with everything that could leak or hang taken away."""

import ssl
from collections.abc import Callable, Iterator
from typing import Final

import requests
import urllib3
from requests.auth import AuthBase

from dora_deployments import __version__
from dora_deployments.backends.replies import MAX_BODY
from dora_deployments.deployment import Credential, Reply, Request

USER_AGENT: Final = f"dora-deployments/{__version__}"


class TransportError(Exception):
    """No answer came; the message says why, in our own words.

    `permanent` means that trying again cannot help. `ambiguous` means that the request may
    have arrived all the same.
    """

    def __init__(self, message: str, *, permanent: bool = False, ambiguous: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.ambiguous = ambiguous


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
            timeout=timeout,
            allow_redirects=False,
            stream=True,
        )
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise _transport_error(error) from None
    with response:
        return Reply(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=_body(response),
        )


def _body(response: requests.Response) -> bytes:
    try:
        return response.raw.read(MAX_BODY + 1, decode_content=True) or b""
    except (urllib3.exceptions.HTTPError, OSError):
        return b""


def _transport_error(error: Exception) -> TransportError:
    """Return what went wrong in our own words; the library's may quote the key."""
    for kind, make in _KINDS:
        if isinstance(error, kind):
            return make(error)
    # requests raises a bare OSError where REQUESTS_CA_BUNDLE names no file.
    return TransportError(
        "a file with certificates cannot be read; check REQUESTS_CA_BUNDLE", permanent=True
    )


def _saying(
    message: str, *, permanent: bool = False, ambiguous: bool = False
) -> Callable[[Exception], TransportError]:
    return lambda _: TransportError(message, permanent=permanent, ambiguous=ambiguous)


def _tls_error(error: Exception) -> TransportError:
    causes = tuple(_causes(error))
    if any(isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError)) for cause in causes):
        return TransportError("the connection broke off")
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return TransportError(
            "the server's certificate is not trusted; if a proxy of your own signs it, set"
            " REQUESTS_CA_BUNDLE to its CA",
            permanent=True,
        )
    return TransportError("no TLS connection is possible with this server", permanent=True)


def _connection_error(error: Exception) -> TransportError:
    causes = tuple(_causes(error))
    if any(isinstance(cause, urllib3.exceptions.NameResolutionError) for cause in causes):
        return TransportError("the host name does not resolve; check its spelling")
    if any(isinstance(cause, urllib3.exceptions.NewConnectionError) for cause in causes):
        return TransportError("the connection was refused")
    return TransportError("the connection broke off before an answer", ambiguous=True)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and every exception it was made from, by any of the ways in use."""
    pending: list[object] = [error]
    seen: set[int] = set()
    while pending:
        cause = pending.pop()
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        pending += [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]


# In this order: proxy, TLS and connect time-out are connection errors to requests.
_KINDS: Final[tuple[tuple[type[Exception], Callable[[Exception], TransportError]], ...]] = (
    (requests.exceptions.ProxyError, _saying("the proxy refused, or cannot be reached")),
    (requests.exceptions.SSLError, _tls_error),
    (requests.exceptions.ConnectTimeout, _saying("no connection could be made in time")),
    (requests.exceptions.Timeout, _saying("no answer came in time", ambiguous=True)),
    (requests.exceptions.ConnectionError, _connection_error),
    (requests.exceptions.InvalidURL, _saying("its URL, or a proxy's, is unusable", permanent=True)),
    (requests.exceptions.InvalidSchema, _saying("the proxy's kind is not known", permanent=True)),
    (requests.RequestException, _saying("the answer could not be read", ambiguous=True)),
    (urllib3.exceptions.HTTPError, _saying("the answer could not be read", ambiguous=True)),
)
