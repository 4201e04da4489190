"""PyGithub, asked within a budget and side by side; every failure is a `LookUpError`.

PyGithub takes longer to import than most runs take in all, so it is imported when the first
question is asked. It is not thread-safe: no two threads share a client at the same time.
"""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from dora_deployments.attribution.github.limits import Limits, is_number, until_reset
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.budget import Budget, NoThreadError, side_by_side
from dora_deployments.errors import PackagesError
from dora_deployments.http_headers import retry_after

if TYPE_CHECKING:
    from dora_deployments.attribution.github.client import Client

T = TypeVar("T")

# GitHub takes up to a hundred at once, and bans those who are not modest ("Best practices
# for using the REST API").
WIDTH: Final = 10
_LAST_PAGE: Final = re.compile(r'[?&]page=(\d{1,4})[^>]*>; *rel="last"', re.ASCII)
_OUTAGES: Final = frozenset({408, 425, 500, 502, 503, 504})
# "If the `retry-after` response header is present, [...]. Otherwise, wait for at least one
# minute" ("Rate limits for the REST API"); every limit is one of an hour at most.
_SECONDARY: Final = 60.0
_LONGEST_LIMIT: Final = 3_600.0


class Api:
    """GitHub's API as far as `token` lets us see it. No question outlasts `budget`."""

    _longest_request: ClassVar[int] = 10
    _repeats: ClassVar[int] = 2

    def __init__(
        self,
        *,
        api_url: str,
        token: str | None,
        budget: Budget,
        provide: Callable[[], None] | None = None,
    ) -> None:
        self._provide = provide
        self._api_url = api_url
        self._token = token
        self._budget = budget
        # Time for a request that hangs, and for two more after it.
        self._timeout = max(1, min(self._longest_request, int(budget.left() / 3)))
        self._limits = Limits()
        self._idle: list[Client] = []
        self._closed = False

    def close(self) -> None:
        """Close the connections that are not in use; the others follow when they are done."""
        self._closed = True
        with suppress(IndexError):  # a thread that has just ended may close some of them
            while True:
                self._idle.pop().close()

    def seconds_left(self) -> float:
        """Return the seconds that are left of the budget."""
        return self._budget.left()

    def has_time(self) -> bool:
        """Return whether one request may hang without spoiling another way to the answer."""
        return self._budget.left() > 2 * self._timeout

    def ask(self, needs: str, question: "Callable[[Client], T]") -> T:
        """Return the answer to one question; `needs` is the permission that it takes."""
        answer = self.ask_all(needs, [question])[0]
        if isinstance(answer, LookUpError):
            raise answer
        return answer

    def ask_all(
        self, needs: str, questions: "Sequence[Callable[[Client], T]]"
    ) -> "list[T | LookUpError]":
        """Return the answers to questions asked side by side, in their order."""
        if self._token is None:
            return [LookUpError("`github-token` is empty", outage=True) for _ in questions]
        if self._provide is not None:
            try:
                self._provide()
            except PackagesError as error:
                return [LookUpError(str(error), outage=True) for _ in questions]
            self._provide = None
        works = [partial(self._answer, needs, question) for question in questions]
        return [
            translated(answer, needs) if isinstance(answer, Exception) else answer
            for answer in side_by_side(self._budget, works, WIDTH)
        ]

    def _answer(self, needs: str, question: "Callable[[Client], T]") -> "T | LookUpError":
        try:
            client = self._idle.pop()
        except IndexError:
            client = self._client()
        try:
            return question(client)
        except Exception as error:
            return translated(error, needs)
        finally:
            self._idle.append(client)
            if self._closed:
                self.close()

    def _client(self) -> "Client":
        from github import set_log_level

        from dora_deployments.attribution.github.client import Client, Repeats

        # PyGithub prints addresses to stderr, redirects and refusals for example.
        set_log_level(logging.CRITICAL)
        # By default PyGithub repeats a server error ten times at once, and sleeps up to an
        # hour on a rate limit, for which there is no time here: a limit ends the look-up.
        # Queries are POSTs; whoever asks one decides about the next attempt.
        retry = Repeats(
            total=self._repeats,
            backoff_factor=0.5,
            status_forcelist=[500, 502, 503, 504],
            allowed_methods={"GET"},
            raise_on_status=False,
            respect_retry_after_header=False,
        )
        return Client(
            api_url=self._api_url,
            token=self._token or "",
            timeout=self._timeout,
            retry=retry,
            limits=self._limits,
        )


def get(client: "Client", path: str, **parameters: object) -> Any:
    """Return the JSON that GitHub answers to a GET of `path`, whatever it is."""
    return get_page(client, path, **parameters)[0]


def get_page(client: "Client", path: str, **parameters: object) -> tuple[Any, int]:
    """Return the JSON of one page, and the number of the last one."""
    answer, links = get_links(client, path, **parameters)
    return answer, last_page(links) or 1


def get_links(client: "Client", path: str, **parameters: object) -> tuple[Any, str]:
    """Return the JSON of one page, and the header with the links to others."""
    client.limits.take("requests")
    headers, answer = client.requestJsonAndCheck("GET", path, parameters=parameters)
    return answer, headers.get("link", "")


def last_page(links: str) -> int | None:
    """Return the number of the last page, as far as a page's links tell it."""
    last = _LAST_PAGE.search(links)
    return int(last[1]) if last else None


def rate_limited(headers: Mapping[str, str]) -> float:
    """Return for how many seconds a rate limit lasts, by the headers of the refusal.

    Source: GitHub REST API documentation, "Rate limits for the REST API", "Exceeding the rate
    limit".
    """
    after = retry_after(headers)
    if after is not None:
        return min(max(1.0, after), _LONGEST_LIMIT)
    reset = headers.get("x-ratelimit-reset", "")
    if headers.get("x-ratelimit-remaining") == "0" and is_number(reset):
        return until_reset(int(reset))
    return _SECONDARY


def translated(error: Exception, needs: str) -> LookUpError:
    """Return why a look-up failed; never the exception's text, which may quote anything."""
    if isinstance(error, LookUpError):
        return error
    if isinstance(error, TimeoutError):
        return LookUpError("GitHub's API did not answer in time", outage=True)
    if isinstance(error, NoThreadError):
        return LookUpError("the runner gives this step no thread", outage=True)
    status = getattr(error, "status", None)
    if isinstance(status, int):
        return _refusal(status, getattr(error, "headers", None) or {}, error, needs)
    name = type(error).__name__
    if isinstance(error, OSError):  # all of requests' own errors are
        return LookUpError(
            f"the connection to GitHub's API failed ({name})",
            outage=True,
            wait=None if name == "SSLError" else 0.0,
        )
    # An answer that was cut off, or is none of GitHub's, is a mishap.
    wait = 0.0 if name == "JSONDecodeError" else None
    return LookUpError(f"GitHub's answer could not be read ({name})", wait=wait)


def _refusal(status: int, headers: dict[str, str], error: Exception, needs: str) -> LookUpError:
    if status in {403, 429} and (status == 429 or _is_rate_limit(error, headers)):
        return LookUpError(
            f"the rate limit of `github-token` is used up{until(headers)} ({status})",
            outage=True,
            wait=rate_limited(headers),
        )
    words = {
        401: "GitHub refused `github-token` (401); leave it out for the job's own",
        403: f"`github-token` may not read this (403); add `{needs}` to the job's `permissions:`",
        404: f"GitHub knows no such thing, or `github-token` lacks `{needs}` (404)",
        409: "GitHub says that the repository is empty (409)",
        422: "GitHub knows no such commit, or more than one (422)",
    }
    return LookUpError(
        words.get(status, f"GitHub's API answered {status}"),
        absent=status in {404, 409, 422},
        outage=status in _OUTAGES or status == 401,
        wait=0.0 if status in _OUTAGES else None,
    )


def _is_rate_limit(error: Exception, headers: dict[str, str]) -> bool:
    from github import RateLimitExceededException

    return isinstance(error, RateLimitExceededException) or (
        headers.get("x-ratelimit-remaining") == "0" or "retry-after" in headers
    )


def until(headers: Mapping[str, str]) -> str:
    """Return the words for when a rate limit ends, or none if the headers do not tell."""
    reset = headers.get("x-ratelimit-reset", "")
    if not is_number(reset):
        return ""
    return f" until {datetime.fromtimestamp(int(reset), timezone.utc):%H:%M} UTC"
