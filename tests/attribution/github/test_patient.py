import re
import threading
from functools import partial

import pytest

from dora_deployments.attribution.github import graphql
from dora_deployments.attribution.github.api import get
from dora_deployments.attribution.github.patient import Patient, _span
from dora_deployments.budget import Budget
from dora_deployments.errors import Interrupted
from tests.attribution.github.answers import (
    MALFORMED,
    NO_TIME,
    SLUG,
    TOKEN,
    always,
    failure,
    hang,
    reset,
    said,
    why,
)

NEEDS = "contents: read"
ROOT = f"/repos/{SLUG}"
GOOD = said(["good"])
HOUR = 3_600.0
CLOCK = r"\d\d:\d\d UTC"
LIMIT = r"GitHub's rate limit is used up; waiting {}, until " + CLOCK + r" \({} of `timeout` left\)"
USED_UP = "the rate limit of `github-token` is used up"
RESERVED = "the rate limit of `github-token` leaves 19 requests, which are left to others"


def ask(api):
    return api.ask(NEEDS, lambda client: get(client, ROOT))


def query(api):
    return api.ask(NEEDS, lambda client: graphql.ask(client, graphql.PULLS, SLUG, first=1))


def in_turn(*answers):
    """Return a fault that gives each of the answers once, and the last one from then on."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def matches(pattern, text):
    return re.fullmatch(pattern, text) is not None


def refill(github):
    github.refill()


# --- rate limits


def test_a_limit_that_is_used_up_is_waited_for(serve_long, history):
    history.commit()
    it = serve_long(seconds=5_000, remaining=0, wake=refill)
    assert ask(it.api)["full_name"] == SLUG
    assert it.slept == [HOUR]
    (told,) = it.told
    assert matches(LIMIT.format("1 h 0 min", "1 h 23 min"), told)
    assert (it.api.asked, len(it.github.asked)) == (2, 2)


def test_a_limit_that_ends_soon_is_waited_for_no_longer_than_it_lasts(serve_long, history):
    history.commit()
    it = serve_long(seconds=5_000, remaining=0, wake=refill)
    it.github.reset -= 4_000
    ask(it.api)
    (pause,) = it.slept
    assert 590 < pause <= 601
    assert matches(LIMIT.format("10 min", "1 h 23 min"), it.told[0])


def test_our_own_reserve_is_waited_for_too(serve_long, history):
    history.commit()
    it = serve_long(seconds=5_000, remaining=20, wake=refill)
    ask(it.api)
    ask(it.api)
    assert it.slept == [HOUR]
    assert [asked.status for asked in it.github.asked] == [200, 200]


def test_a_limit_in_the_middle_repeats_only_what_it_refused(serve_long):
    it = serve_long(seconds=5_000, wake=lambda github: setattr(github, "fault", good))
    at_once = threading.Barrier(5)

    def good(asked):
        return said(asked.path)

    def limited(asked):
        at_once.wait(30)
        return said({}, 403, retry_after="60") if asked.path[-1] in "13" else good(asked)

    it.github.fault = limited
    paths = [f"{ROOT}/{n}" for n in range(5)]
    assert it.api.ask_all(NEEDS, [partial(get, path=path) for path in paths]) == paths
    assert sorted(asked.path for asked in it.github.asked[5:]) == [paths[1], paths[3]]
    assert it.slept == [60]


def test_while_it_is_limited_nothing_else_is_asked(serve_long):
    it = serve_long(latency=0.01)
    it.github.fault = always(said({}, 429, retry_after="100"))
    found = it.api.ask_all(NEEDS, [partial(get, path=ROOT)] * 40)
    assert {type(each).__name__ for each in found} == {"LookUpError"}
    assert len(it.github.asked) <= 10


def test_a_limit_for_queries_is_waited_for(serve_long, history):
    history.commit()
    it = serve_long(seconds=5_000, remaining=0, wake=refill)
    found, errors = query(it.api)
    assert (found.get("pullRequests.nodes"), errors) == ([], frozenset())
    assert it.slept == [HOUR]


@pytest.mark.parametrize(
    ("after", "pause", "words"),
    [(7, 7.0, "7 s"), (7.5, 7.5, "8 s"), (90, 90.0, "2 min"), (None, 60.0, "1 min")],
)
def test_a_secondary_limit_is_waited_for_as_long_as_it_says_else_a_minute(
    serve_long, history, after, pause, words
):
    history.commit()
    it = serve_long(seconds=299)
    it.github.slow_down(1, retry_after=after)
    assert ask(it.api)["full_name"] == SLUG
    assert it.slept == [pause]
    assert matches(LIMIT.format(words, "5 min"), it.told[0])


def test_a_limit_that_stays_is_asked_for_ever_less_often(serve_long, history):
    history.commit()
    it = serve_long(seconds=900)
    it.github.slow_down(12, retry_after=1)
    ask(it.api)
    assert it.slept == [2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600]


def test_a_limit_that_comes_and_goes_is_asked_for_as_often_as_it_says(serve_long):
    it = serve_long(seconds=900)
    limited = said({}, 429, retry_after="1")
    answers = iter([limited, limited, GOOD, limited, GOOD])
    lock = threading.Lock()

    def next_answer(_):
        with lock:
            return next(answers, GOOD)

    it.github.fault = next_answer
    first = it.api.ask_all(NEEDS, [partial(get, path=ROOT)])
    second = it.api.ask_all(NEEDS, [partial(get, path=ROOT)])
    assert [*first, *second] == [["good"]] * 2
    assert it.slept == [2, 4, 2]


def test_a_limit_that_lets_some_through_is_asked_for_as_often_as_it_says(serve_long):
    it = serve_long(seconds=900)
    at_once = threading.Barrier(2)
    limited = said({}, 429, retry_after="1")

    def fault(asked):
        if len(it.slept) < 2:
            at_once.wait(30)
        return GOOD if len(it.slept) > int(asked.path[-1]) else limited

    it.github.fault = fault
    found = it.api.ask_all(NEEDS, [partial(get, path=f"{ROOT}/{n}") for n in range(2)])
    assert found == [["good"]] * 2
    assert it.slept == [2, 2]


def test_a_limit_that_outlasts_the_budget_is_not_waited_for(serve_long, history):
    history.commit()
    it = serve_long(seconds=20, remaining=0)
    error = failure(ask, it.api)
    assert matches(
        f"{USED_UP} until {CLOCK} \\(403\\); it lasts until {CLOCK}, for which `timeout` has no"
        " time left",
        str(error),
    )
    assert (error.absent, error.outage, error.wait) == (False, True, HOUR)
    assert (it.slept, it.told, len(it.github.asked)) == ([], [], 1)


def test_a_reserve_that_outlasts_the_budget_says_until_when(serve_long, history):
    history.commit()
    it = serve_long(seconds=20, remaining=20)
    ask(it.api)
    assert matches(
        f"{RESERVED}; it lasts until {CLOCK}, for which `timeout` has no time left",
        str(failure(ask, it.api)),
    )


def test_what_was_refused_before_is_asked_anew(serve_long, history):
    history.commit()
    it = serve_long(seconds=20, remaining=0)
    failure(query, it.api)
    it.github.refill()
    assert ask(it.api)["full_name"] == SLUG


# --- mishaps


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (said({}, 502), "GitHub's API answered 502"),
        (said({}, 500), "GitHub's API answered 500"),
        (said({}, 408), "GitHub's API answered 408"),
        (reset(), "the connection to GitHub's API failed (ConnectionError)"),
    ],
)
def test_a_mishap_is_repeated_up_to_five_times_and_told_once(serve_long, answer, words):
    it = serve_long(seconds=90)
    it.github.fault = in_turn(answer, answer, answer, answer, GOOD)
    assert ask(it.api) == ["good"]
    assert it.slept == [2, 4, 8, 16]
    assert it.told == [f"{words}; asking again, up to 5 times in all"]
    assert it.api.asked == len(it.github.asked) == 5


def test_after_five_times_it_is_an_outage(serve_long):
    it = serve_long(seconds=90)
    it.github.fault = always(said({}, 503))
    assert why(failure(ask, it.api)) == ("GitHub's API answered 503", False, True)
    assert it.api.asked == len(it.github.asked) == 5


def test_a_query_that_is_too_large_is_repeated_too(serve_long):
    it = serve_long(seconds=90)
    it.github.fault = always(said({}, 502))
    assert type(failure(query, it.api)) is graphql.TooLargeError
    assert len(it.github.asked) == 5


def test_a_mishap_is_not_repeated_beyond_the_budget(serve_long):
    it = serve_long(seconds=8)
    it.github.fault = always(said({}, 503))
    assert why(failure(ask, it.api)) == ("GitHub's API answered 503", False, True)
    assert it.slept == [2, 4]


def test_a_mishap_beside_a_limit_is_repeated_after_the_limit(serve_long):
    it = serve_long(seconds=90, wake=lambda github: setattr(github, "fault", always(GOOD)))
    both = threading.Barrier(2)

    def fault(asked):
        both.wait(10)
        return said({}, 502) if asked.path[-1] == "1" else said({}, 429, retry_after="5")

    it.github.fault = fault
    found = it.api.ask_all(NEEDS, [partial(get, path=f"{ROOT}/{n}") for n in range(2)])
    assert found == [["good"]] * 2
    assert it.slept == [5]


# --- what is asked once


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 451])
def test_what_waiting_does_not_help_is_asked_once(serve_long, status):
    it = serve_long(seconds=5_000)
    it.github.fault = always(said({}, status))
    assert failure(ask, it.api).wait is None
    assert (len(it.github.asked), it.slept, it.told) == (1, [], [])


def test_a_certificate_that_is_none_is_met_once(serve_long):
    it = serve_long(seconds=60)
    api = Patient(
        api_url=it.github.api_url.replace("http:", "https:"),
        token=TOKEN,
        budget=Budget.of(60),
        say=it.told.append,
    )
    error = failure(ask, api)
    assert why(error) == ("the connection to GitHub's API failed (SSLError)", False, True)
    assert (error.wait, api.asked, it.told) == (None, 1, [])


@pytest.mark.parametrize("name", ["a web page", "truncated", "nothing"])
def test_an_answer_that_is_no_json_is_a_mishap(serve_long, name):
    it = serve_long(seconds=60)
    it.github.fault = always(MALFORMED[name])
    assert str(failure(ask, it.api)) == "GitHub's answer could not be read (JSONDecodeError)"
    assert len(it.github.asked) == 5
    assert it.told == [
        "GitHub's answer could not be read (JSONDecodeError); asking again, up to 5 times in all"
    ]


def test_an_answer_that_cannot_be_read_is_asked_for_once(serve_long):
    it = serve_long(seconds=60)
    it.github.fault = always(said({}, x_ratelimit_remaining="many", x_ratelimit_limit="1"))
    assert str(failure(ask, it.api)) == "GitHub's answer could not be read (ValueError)"
    assert len(it.github.asked) == 1


def test_no_question_outlasts_the_budget(serve_long):
    it = serve_long(seconds=0.15)
    it.github.fault = always(hang())
    assert why(failure(ask, it.api)) == (NO_TIME, False, True)
    assert it.slept == []


def test_without_a_token_nothing_is_asked():
    api = Patient(api_url="http://127.0.0.1:9", token=None, budget=Budget.of(60), say=print)
    assert why(failure(ask, api)) == ("`github-token` is empty", False, True)
    assert api.asked == 0


def test_a_signal_ends_a_wait(serve_long, history):
    history.commit()

    def wake(_):
        raise Interrupted(15)

    it = serve_long(seconds=5_000, remaining=0, wake=wake)
    with pytest.raises(Interrupted):
        ask(it.api)


# --- requests


@pytest.mark.parametrize(("seconds", "timeout"), [(2, 1), (20, 6), (60, 20), (300, 30)])
def test_a_page_may_take_half_a_minute(seconds, timeout):
    api = Patient(
        api_url="http://127.0.0.1:9", token=TOKEN, budget=Budget.of(seconds + 0.5), say=print
    )
    found = api.ask(NEEDS, lambda client: client._Requester__timeout)
    assert found == timeout


def test_the_requests_of_all_clients_are_counted(serve_long):
    it = serve_long(latency=0.01)
    it.github.fault = always(GOOD)
    it.api.ask_all(NEEDS, [partial(get, path=ROOT)] * 30)
    assert it.api.asked == len(it.github.asked) == 30


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 s"),
        (45.4, "45 s"),
        (59.6, "60 s"),
        (60, "1 min"),
        (3_569, "59 min"),
        (3_570, "1 h 0 min"),
        (3_900, "1 h 5 min"),
    ],
)
def test_lengths_of_time_are_round(seconds, words):
    assert _span(seconds) == words
