"""PyGithub's requester, which reads no answer without end and speaks to one host alone.

Importing this module imports PyGithub.
"""

import json
from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace, TracebackType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from github import Auth
from github.Consts import DEFAULT_USER_AGENT
from github.Requester import (
    HTTPRequestsConnectionClass,
    HTTPSRequestsConnectionClass,
    Requester,
)
from requests import Response
from urllib3 import BaseHTTPResponse, Retry
from urllib3.exceptions import MaxRetryError, ReadTimeoutError

from dora_deployments.attribution.github.limits import Kind, Limits
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.http_response import FinalAdapter

if TYPE_CHECKING:
    from typing_extensions import Self

# GitHub's longest answers are a hundred files or commits with their patches and messages, and
# it cuts the patches of one comparison at a few megabytes ("Repository limits").
LARGEST_ANSWER: Final = 16 * 1024 * 1024
_REDIRECTS: Final = 300  # the first status that is none of success
_MOST_REDIRECTS: Final = 5  # of a repository that was renamed time and again
_CHUNK: Final = 64 * 1024
_CANNOT: Final = 500


class Repeats(Retry):
    """Repeats as it is told to, but for comparisons that GitHub cannot make in time.

    It answers them with 500 after ten seconds ("Server Error: Sorry, this diff is taking too long
    to generate."), the next time as well.
    """

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: Any = None,
        _stacktrace: TracebackType | None = None,
    ) -> "Self":
        """Return what is left to repeat, or raise what urllib3 does where nothing is."""
        if url is not None and "/compare/" in url:
            if isinstance(error, ReadTimeoutError):
                raise error
            if response is not None and response.status == _CANNOT:
                raise MaxRetryError(_pool, url, error)
        return super().increment(method, url, response, error, _pool, _stacktrace)


class Client(Requester):
    """A requester for `api_url`, as far as `token` lets it see that.

    `limits` are told what each answer says of them.
    """

    def __init__(
        self, *, api_url: str, token: str, timeout: int, retry: Retry, limits: Limits
    ) -> None:
        super().__init__(
            auth=Auth.Token(token),
            base_url=api_url,
            timeout=timeout,
            user_agent=DEFAULT_USER_AGENT,
            per_page=100,
            verify=True,
            retry=retry,
            pool_size=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
            lazy=True,
        )
        kind = (
            HTTPSRequestsConnectionClass if self.scheme == "https" else HTTPRequestsConnectionClass
        )
        self._own = kind(self.hostname, urlsplit(api_url).port, timeout=timeout, retry=retry)
        self._own.session.mount(f"{self.scheme}://", FinalAdapter(max_retries=retry))
        self._own.session.hooks["response"].append(self._read)
        self._redirects = 0
        self.limits = limits
        self.asked = 0
        """How many requests there were, not counting those to where another one led."""

    def requestJson(  # noqa: N802 - PyGithub's own method
        self,
        verb: str,
        url: str,
        parameters: dict[str, Any] | None = None,
        headers: dict[str, Any] | None = None,
        input: Any | None = None,  # noqa: A002
        cnx: HTTPRequestsConnectionClass | HTTPSRequestsConnectionClass | None = None,
        follow_302_redirect: bool = False,  # noqa: FBT001, FBT002
    ) -> tuple[int, dict[str, Any], str]:
        """Send a request by our own connection, whatever host an address names."""
        del cnx, follow_302_redirect
        self._redirects = 0
        self.asked += 1
        answer = super().requestJson(verb, url, parameters, headers, input, self._own)
        kind: Kind = "points for queries" if url == self.graphql_url else "requests"
        self.limits.note(kind, answer[1])
        if answer[0] < _REDIRECTS and not answer[2].startswith(("{", "[")):
            # A web page, or nothing at all, is a proxy's in trouble; PyGithub takes it for good.
            json.loads(answer[2])
        return answer

    def close(self) -> None:
        """Close the connection."""
        self._own.close()
        super().close()

    def _read(self, response: Response, **_: object) -> None:
        """Read an answer before requests would, which reads on for as long as there is more."""
        if response.is_redirect:  # PyGithub follows some, each with the ones before it in memory
            self._redirects += 1
            if self._redirects > _MOST_REDIRECTS:
                response.close()
                raise LookUpError("GitHub's API redirects again and again")
        response.encoding = "utf-8"  # or else it would be guessed, which takes its time
        raw = response.raw
        response.raw = SimpleNamespace(stream=partial(_chunks, raw))
        response.content  # noqa: B018 - the response keeps it
        response.raw = raw


def _chunks(raw: Any, _size: int, decode_content: bool) -> Iterator[bytes]:  # noqa: FBT001
    """Yield what was sent, unpacked, up to the limit."""
    length = 0
    for chunk in raw.stream(_CHUNK, decode_content=decode_content):
        length += len(chunk)
        if length > LARGEST_ANSWER:
            raw.close()
            raise LookUpError(
                f"GitHub's answer is longer than {LARGEST_ANSWER // 1024**2} MiB, which none of"
                " its own is"
            )
        yield chunk
