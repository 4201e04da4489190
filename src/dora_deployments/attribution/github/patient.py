"""GitHub's API for long work: what a rate limit or a mishap refuses is asked again in time."""

import random
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar

from dora_deployments.attribution.github.api import Api
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.budget import Budget

if TYPE_CHECKING:
    from dora_deployments.attribution.github.client import Client

T = TypeVar("T")

# How often a question is asked while GitHub is out of order, and the longest wait between.
_ATTEMPTS: Final = 5
_LONGEST_PAUSE: Final = 30.0
# Who goes on asking while limited may be banned, so that a limit which stays is asked for at
# ever longer intervals, whatever the headers say ("Best practices for using the REST API").
_LONGEST_INTERVAL: Final = 600.0


class Patient(Api):
    """GitHub's API, asked until it answers, as far as `budget` has time for it.

    A rate limit, which may be our own reserve, is waited for until it ends; a server that is
    out of order gets five attempts. What waiting does not help, a bad token for example, is
    never asked twice. `say` is called for every wait for a limit, and once for an outage. `sleep`
    and `jitter` are there for the tests.
    """

    _longest_request: ClassVar[int] = 30  # a page of a hundred commits may be megabytes
    _repeats: ClassVar[int] = 0  # whatever is repeated is repeated here

    def __init__(
        self,
        *,
        api_url: str,
        token: str | None,
        budget: Budget,
        say: Callable[[str], None],
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        super().__init__(api_url=api_url, token=token, budget=budget)
        self.say = say
        self._sleep = sleep
        self._jitter = jitter
        self._clients: list[Client] = []
        self._limit: LookUpError | None = None

    @property
    def asked(self) -> int:
        """How many requests there were, each attempt counted."""
        return sum(client.asked for client in self._clients)

    def ask_all(
        self, needs: str, questions: "Sequence[Callable[[Client], T]]"
    ) -> "list[T | LookUpError]":
        """Return the answers to questions asked side by side, in their order, if need be late."""
        self._limit = None
        answers = super().ask_all(needs, questions)
        limits = outages = 0
        while again := [
            index
            for index, answer in enumerate(answers)
            if isinstance(answer, LookUpError) and answer.wait is not None
        ]:
            longest = max(_wait(answers[index]) for index in again)
            if longest:
                limits += 1
                pause = max(longest, min(2.0**limits, _LONGEST_INTERVAL))
            else:
                outages += 1
                pause = self._jitter(0.0, min(2.0**outages, _LONGEST_PAUSE))
            if outages == _ATTEMPTS:
                break
            if pause + 1 > self._budget.left():
                for index in again:
                    answers[index] = _in_vain(answers[index])
                break
            if longest:
                self._say_limit(pause)
            elif outages == 1:
                self.say(f"{answers[again[0]]}; asking again, up to {_ATTEMPTS} times in all")
            self._sleep(pause)
            self._forget()
            found = super().ask_all(needs, [questions[index] for index in again])
            if any(not isinstance(answer, LookUpError) for answer in found):
                limits = 0
            for index, answer in zip(again, found, strict=True):
                answers[index] = answer
        return answers

    def _answer(self, needs: str, question: "Callable[[Client], T]") -> "T | LookUpError":
        if self._limit is not None:  # the others would be refused as well, and held against us
            return self._limit
        answer = super()._answer(needs, question)
        if isinstance(answer, LookUpError) and answer.wait:
            self._limit = answer
        return answer

    def _client(self) -> "Client":
        client = super()._client()
        self._clients.append(client)
        return client

    def _forget(self) -> None:
        """Hold on to no limit that was waited for."""
        self._limit = None
        self._limits.forget()

    def _say_limit(self, pause: float) -> None:
        self.say(
            f"GitHub's rate limit is used up; waiting {_span(pause)}, until {_clock(pause)}"
            f" ({_span(self._budget.left())} of `timeout` left)"
        )


def _wait(answer: object) -> float:
    return answer.wait or 0.0 if isinstance(answer, LookUpError) else 0.0


def _in_vain(answer: "T | LookUpError") -> "T | LookUpError":
    """Return a failure that is not waited for any more; of a rate limit, say until when."""
    if not isinstance(answer, LookUpError) or not answer.wait:
        return answer
    return LookUpError(
        f"{answer}; it lasts until {_clock(answer.wait)}, for which `timeout` has no time left",
        outage=answer.outage,
        wait=answer.wait,
    )


def _clock(seconds: float) -> str:
    return f"{datetime.now(timezone.utc) + timedelta(seconds=seconds):%H:%M} UTC"


def _span(seconds: float) -> str:
    """Return a length of time in round words, such as `45 s`, `12 min` or `1 h 5 min`."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
