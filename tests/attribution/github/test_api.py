import threading
import time
from functools import partial

import pytest

from dora_deployments.attribution.github import graphql
from dora_deployments.attribution.github.api import WIDTH, Api, get, get_page
from dora_deployments.attribution.github.limits import Limits
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.budget import Budget
from tests.attribution.github.answers import (
    HTML,
    MALFORMED,
    NO_TIME,
    SLUG,
    TOKEN,
    always,
    drip,
    failure,
    hang,
    reset,
    said,
    script,
    why,
)
from tests.end_to_end import receivers

NEEDS = "contents: read"
ROOT = f"/repos/{SLUG}"
GOOD = said({"default_branch": "main"})
USED_UP = "the rate limit of `github-token` is used up"


def ask(api, path=ROOT, **parameters):
    return api.ask(NEEDS, lambda client: get(client, path, **parameters))


def in_turn(*answers):
    """Return a fault that gives each of the answers once, and the last one from then on."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


# --- questions side by side


def test_an_answer_is_the_json_that_github_sent(serve, history):
    history.commit()
    github, api = serve()
    assert ask(api)["full_name"] == SLUG
    (asked,) = github.asked
    assert str(asked) == "GET /repos/acme/shop"
    assert asked.headers["authorization"] == f"token {TOKEN}"


def test_parameters_are_quoted(serve):
    github, api = serve()
    github.fault = always(GOOD)
    ask(api, f"{ROOT}/deployments", environment="a b&c=d", per_page=20)
    assert github.asked[0].query == "environment=a+b%26c%3Dd&per_page=20"


def test_without_a_token_nothing_is_asked(serve):
    github, api = serve(token=None)
    found = api.ask_all(NEEDS, [id, id])
    assert [why(each) for each in found] == [("`github-token` is empty", False, True)] * 2
    assert why(failure(ask, api)) == ("`github-token` is empty", False, True)
    assert github.asked == []


def test_no_question_has_no_answer(serve):
    _, api = serve()
    assert api.ask_all(NEEDS, []) == []


def test_answers_come_in_the_order_of_the_questions_each_with_its_own_failure(serve):
    github, api = serve(latency=0.02)
    github.fault = lambda asked: said({}, 404) if asked.path.endswith("3") else said(asked.path)
    paths = [f"{ROOT}/{number}" for number in range(12)]
    found = api.ask_all(NEEDS, [partial(get, path=path) for path in paths])
    assert why(found[3]) == (
        "GitHub knows no such thing, or `github-token` lacks `contents: read` (404)",
        True,
        False,
    )
    assert [*found[:3], *found[4:]] == [path for path in paths if path[-1] != "3"]


def test_no_more_than_ten_are_asked_at_once_and_no_client_by_two(serve):
    github, api = serve(latency=0.03)
    github.fault = always(GOOD)
    busy, clients, shared = set(), set(), []
    lock = threading.Lock()

    def question(client):
        with lock:
            if id(client) in busy:
                shared.append(client)
            busy.add(id(client))
            clients.add(id(client))
        answer = get(client, ROOT)
        with lock:
            busy.remove(id(client))
        return answer

    api.ask_all(NEEDS, [question] * 35)
    api.ask_all(NEEDS, [question] * 15)
    assert shared == []
    assert 1 < github.most_at_once() <= WIDTH == 10
    assert len(clients) <= WIDTH
    assert len(github.asked) == 50


def test_a_question_that_follows_uses_the_same_client(serve):
    github, api = serve()
    github.fault = always(GOOD)
    clients = {api.ask(NEEDS, id) for _ in range(5)}
    assert len(clients) == 1


# --- connections


class Watched:
    """Answers once on each connection, and then waits for the client to close it."""

    def __init__(self, count):
        self._left = threading.Semaphore(0)
        self._count = count

    def __call__(self, connection):
        connection.settimeout(5)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        if connection.recv(1) == b"":
            self._left.release()

    def all_closed(self, timeout):
        return all(self._left.acquire(timeout=timeout) for _ in range(self._count))


def test_connections_are_kept_until_the_api_is_closed(serve):
    github, api = serve(latency=0.02)
    watched = Watched(3)
    github.fault = always(watched)
    api.ask_all(NEEDS, [partial(get, path=ROOT)] * 3)
    assert watched.all_closed(0.05) is False
    api.close()
    assert watched.all_closed(3) is True


def test_a_client_that_is_still_in_use_is_closed_when_it_is_done(serve):
    github, api = serve(seconds=0.15)
    watched, go_on = Watched(1), threading.Event()
    github.fault = always(watched)

    def question(client):
        get(client, ROOT)
        go_on.wait(5)

    assert str(failure(api.ask, NEEDS, question)) == NO_TIME
    api.close()
    assert watched.all_closed(0.05) is False
    go_on.set()
    assert watched.all_closed(3) is True


# --- what GitHub refuses


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            said({}, 401),
            ("GitHub refused `github-token` (401); leave it out for the job's own", False, True),
        ),
        (said({}, 403),
         (("`github-token` may not read this (403); add `contents: read` to the job's"
          " `permissions:`"), False, False)),
        (said({}, 404),
         ("GitHub knows no such thing, or `github-token` lacks `contents: read` (404)",
          True, False)),
        (said({}, 409), ("GitHub says that the repository is empty (409)", True, False)),
        (said({}, 422), ("GitHub knows no such commit, or more than one (422)", True, False)),
        (said({}, 400), ("GitHub's API answered 400", False, False)),
        (said({}, 408), ("GitHub's API answered 408", False, True)),
        (said({}, 425), ("GitHub's API answered 425", False, True)),
        (said({}, 451), ("GitHub's API answered 451", False, False)),
        (said({}, 501), ("GitHub's API answered 501", False, False)),
        # limits
        (said({}, 429), (f"{USED_UP} (429)", False, True)),
        (said({}, 429, x_ratelimit_reset="1781524800"),
         (f"{USED_UP} until 12:00 UTC (429)", False, True)),
        (said({}, 429, x_ratelimit_reset="17815248000"), (f"{USED_UP} (429)", False, True)),
        (said({}, 403, x_ratelimit_remaining="0", x_ratelimit_limit="1000",
              x_ratelimit_reset="1781524800"),
         (f"{USED_UP} until 12:00 UTC (403)", False, True)),
        (said({"message": "You have exceeded a secondary rate limit. Please wait"}, 403),
         (f"{USED_UP} (403)", False, True)),
        (said({"message": "API rate limit exceeded"}, 404),
         ("GitHub knows no such thing, or `github-token` lacks `contents: read` (404)",
          True, False)),
    ],
    ids=lambda value: str(value[0]),
)  # fmt: skip
def test_a_refusal_says_what_is_wrong_and_whether_more_questions_are_in_vain(
    serve, answer, expected
):
    github, api = serve(seconds=8)
    github.fault = always(answer)
    assert why(failure(ask, api)) == expected


@pytest.mark.parametrize(
    ("answer", "wait"),
    [
        (said({}, 401), None),
        (said({}, 403), None),
        (said({}, 404), None),
        (said({}, 451), None),
        (MALFORMED["truncated"], 0),
        (MALFORMED["a web page"], 0),
        (MALFORMED["nothing"], 0),
        (said({}, 408), 0),
        (said({}, 502), 0),
        (reset(), 0),
        (said({}, 429), 60),
        (said({}, 403, retry_after="7"), 7),
        (said({}, 403, retry_after="0"), 1),
        (said({}, 403, retry_after="1.5"), 1.5),
        (said({}, 429, retry_after="0.2"), 1),
        (said({}, 403, retry_after="90000"), 3_600),
        (said({}, 429, retry_after="Mon, 01 Jan 2001 00:00:00 GMT"), 1),
        (said({}, 429, retry_after="Mon, 01 Jan 2135 00:00:00 GMT"), 3_600),
        (said({}, 403, retry_after="soon"), 60),
        (said({}, 429, x_ratelimit_reset="9999999999"), 60),
        (said({}, 429, x_ratelimit_remaining="0", x_ratelimit_limit="60",
              x_ratelimit_reset="9999999999"), 3_600),
        (said({}, 429, x_ratelimit_remaining="0", x_ratelimit_limit="60",
              x_ratelimit_reset="1000"), 1),
    ],
)  # fmt: skip
def test_a_failure_says_after_how_many_seconds_to_ask_again(serve, answer, wait):
    github, api = serve(seconds=8)
    github.fault = always(answer)
    assert failure(ask, api).wait == wait


@pytest.mark.parametrize(
    "answer",
    [
        said({}, 404),
        said({}, 429),
        said({}, 429, retry_after="1"),
        said({}, 403),
        said({}, 403, x_ratelimit_remaining="0", x_ratelimit_limit="1000"),
    ],
    ids=str,
)
def test_a_refusal_is_taken_at_its_word_at_once(serve, answer):
    github, api = serve()
    github.fault = always(answer)
    failure(ask, api)
    assert len(github.asked) == 1


def test_what_may_pass_is_tried_three_times_and_then_an_outage(serve):
    answers = {
        "500": (500, HTML, b"<html>"),
        "502": said({}, 502),
        "503": said({}, 503),
        "504": said({}, 504),
        "reset": reset(),
    }
    github, api = serve()
    at_once = threading.Barrier(len(answers))

    def fault(asked):
        at_once.wait(30)
        return answers[asked.path.rpartition("/")[2]]

    github.fault = fault
    started = time.monotonic()
    found = api.ask_all(NEEDS, [partial(get, path=f"{ROOT}/{name}") for name in answers])
    assert [why(each) for each in found] == [
        ("GitHub's API answered 500", False, True),
        ("GitHub's API answered 502", False, True),
        ("GitHub's API answered 503", False, True),
        ("GitHub's API answered 504", False, True),
        ("the connection to GitHub's API failed (ConnectionError)", False, True),
    ]
    assert sorted(asked.path for asked in github.asked) == sorted(
        f"{ROOT}/{name}" for name in answers for _ in range(3)
    )
    assert time.monotonic() - started > 0.9


def test_the_second_attempt_counts(serve):
    github, api = serve()
    github.fault = in_turn(said({}, 502), GOOD)
    assert ask(api)["default_branch"] == "main"
    assert len(github.asked) == 2


# --- the rate limit


@pytest.mark.parametrize(("remaining", "answered"), [(23, 4), (21, 2), (20, 1), (2, 1), (1, 1)])
def test_the_last_twenty_requests_are_left_to_others(serve, history, remaining, answered):
    history.commit()
    github, api = serve(remaining=remaining)
    for _ in range(answered):
        ask(api)
    left = remaining - answered
    assert why(failure(ask, api)) == (
        f"the rate limit of `github-token` leaves {left} requests, which are left to others",
        False,
        True,
    )
    assert len(github.asked) == answered


POINTS = "the rate limit of `github-token` leaves {} points for queries, which are left to others"


def query(api, count=1):
    question = partial(graphql.ask, query=graphql.details([1], files=False), repository=SLUG)
    return api.ask_all(NEEDS, [question] * count)


@pytest.mark.parametrize(("remaining", "answered"), [(23, 4), (20, 1), (1, 1)])
def test_the_last_twenty_points_are_left_to_others_as_well(serve, history, remaining, answered):
    history.commit()
    github, api = serve(remaining=remaining)
    for _ in range(answered):
        assert not isinstance(query(api)[0], LookUpError)
    (error,) = query(api)
    assert why(error) == (POINTS.format(remaining - answered), False, False)
    assert 0 < error.wait <= 3_600
    assert len(github.asked) == answered
    # Requests are limited apart.
    assert ask(api)["default_branch"] == "main"


@pytest.mark.parametrize("queries", [True, False])
def test_all_that_are_asked_side_by_side_keep_to_the_reserve(serve, history, queries):
    history.commit()
    github, api = serve(remaining=40, latency=0.05)

    def ask_many(count):
        if queries:
            return query(api, count)
        return api.ask_all(NEEDS, [lambda client: get(client, ROOT)] * count)

    ask_many(1)
    answers = ask_many(60)
    assert sum(isinstance(answer, LookUpError) for answer in answers) == 40
    assert len(github.asked) == 21
    assert github.most_at_once() > 1


def limits_of(*told):
    """Return the limits that answers with what is left, and until when, told."""
    limits = Limits()
    for left, until in told:
        limits.note("requests", {"x-ratelimit-remaining": left, "x-ratelimit-reset": until})
    return limits


@pytest.mark.parametrize(
    ("told", "left"),
    [
        ([("19", "100"), ("900", "100")], 19),
        ([("900", "100"), ("19", "100")], 19),
        ([("19", "100"), ("900", "200")], None),
        ([("900", "200"), ("19", "100")], None),
        ([("19", "")], None),
        ([("", "100")], None),
        ([("-1", "100")], None),
        ([("19", "12345678901")], None),
    ],
)
def test_the_least_that_an_answer_of_the_newest_hour_tells_counts(told, left):
    limits = limits_of(*told)
    if left is None:
        limits.take("requests")
    else:
        with pytest.raises(LookUpError, match=f"leaves {left} requests"):
            limits.take("requests")
    limits.forget()
    limits.take("requests")


def test_a_limit_that_is_used_up_is_seen_with_the_first_request(serve, history):
    history.commit()
    github, api = serve(remaining=0)
    assert str(failure(ask, api)).startswith(f"{USED_UP} until ")
    assert len(github.asked) == 1


# --- pages


@pytest.mark.parametrize(
    ("link", "last"),
    [
        ("", 1),
        (('<https://api.github.com/x?page=2>; rel="next", <https://api.github.com/x?page=5>;'
         ' rel="last"'), 5),
        (('<https://api.github.com/x?page=5>; rel="last", <https://api.github.com/x?page=2>;'
         ' rel="next"'), 5),
        ('<https://api.github.com/x?per_page=100&page=12>; rel="last"', 12),
        ('<https://api.github.com/x?page=12&per_page=100>;rel="last"', 12),
        ('<https://api.github.com/x?per_page=100>; rel="last"', 1),
        ('<https://api.github.com/x?page=1>; rel="first"', 1),
        ('<https://api.github.com/x?page=x>; rel="last"', 1),
    ],
)  # fmt: skip
def test_a_page_tells_the_number_of_the_last_one(serve, link, last):
    github, api = serve()
    github.fault = always(said([1], link=link))
    assert api.ask(NEEDS, lambda client: get_page(client, f"{ROOT}/tags")) == ([1], last)


# --- answers that are none


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (MALFORMED["truncated"], "GitHub's answer could not be read (JSONDecodeError)"),
        (MALFORMED["a web page"], "GitHub's answer could not be read (JSONDecodeError)"),
        (MALFORMED["nothing"], "GitHub's answer could not be read (JSONDecodeError)"),
        (said({}, x_ratelimit_remaining="many", x_ratelimit_limit="1"),
         "GitHub's answer could not be read (ValueError)"),
        (script(receivers.short_body()),
         "the connection to GitHub's API failed (ChunkedEncodingError)"),
        (script(receivers.bad_gzip()),
         "the connection to GitHub's API failed (ContentDecodingError)"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named_without_being_quoted(serve, answer, expected):
    github, api = serve()
    github.fault = always(answer)
    error = failure(ask, api)
    assert (str(error), error.absent) == (expected, False)


@pytest.mark.parametrize(("answer", "value"), [(said(None), None), (said([]), []), (said(5), 5)])
def test_json_of_any_type_is_handed_on(serve, answer, value):
    github, api = serve()
    github.fault = always(answer)
    assert ask(api) == value


def test_a_mistake_of_ours_in_a_question_is_told_by_its_type_alone(serve):
    _, api = serve()
    error = failure(api.ask, NEEDS, lambda _: {}[TOKEN])
    assert why(error) == ("GitHub's answer could not be read (KeyError)", False, False)


def test_a_failure_that_a_question_names_itself_is_handed_on(serve):
    _, api = serve()
    own = LookUpError("no such branch", absent=True)

    def question(_):
        raise own

    assert failure(api.ask, NEEDS, question) is own


# --- time


@pytest.mark.timeout(60)  # which a question without a budget would outlast
@pytest.mark.parametrize("fault", [hang(), drip(), said({}, 202)], ids=["hang", "drip", "202"])
def test_no_question_outlasts_the_budget(serve, fault):
    github, api = serve(seconds=0.15)
    github.fault = always(fault)
    started = time.monotonic()
    found = api.ask_all(NEEDS, [partial(get, path=ROOT)] * 12)
    assert [why(each) for each in found] == [(NO_TIME, False, True)] * 12
    assert time.monotonic() - started >= 0.1


def test_what_was_answered_in_time_counts_though_another_hangs(serve):
    github, api = serve(seconds=0.3)
    github.fault = lambda asked: hang() if asked.path.endswith("/1") else said(asked.path)
    found = api.ask_all(NEEDS, [partial(get, path=f"{ROOT}/{n}") for n in range(3)])
    assert (found[0], str(found[1]), found[2]) == (f"{ROOT}/0", NO_TIME, f"{ROOT}/2")


@pytest.mark.parametrize(
    ("seconds", "timeout"), [(0, 1), (2, 1), (5.9, 1), (6.5, 2), (20, 6), (29.5, 9), (300, 10)]
)
def test_a_request_that_hangs_leaves_time_for_two_more(seconds, timeout):
    api = Api(api_url="http://127.0.0.1:9", token=TOKEN, budget=Budget.of(seconds))
    found = []
    api._budget = Budget.of(5)
    api.ask(NEEDS, lambda client: found.append(client._Requester__timeout))
    assert found == [timeout]


def test_questions_are_not_held_back(serve):
    _, api = serve()
    # By default PyGithub leaves a quarter of a second between two, and a second after a write.
    waits = api.ask(
        NEEDS,
        lambda client: (
            client._Requester__seconds_between_requests,
            client._Requester__seconds_between_writes,
        ),
    )
    assert waits == (None, None)
