"""What GitHub's answers may not do: grow without end, or go round in circles."""

import gzip
import json
import threading
import tracemalloc
from functools import partial

import pytest

from dora_deployments.attribution.github import graphql
from dora_deployments.attribution.github.api import get
from dora_deployments.attribution.github.client import LARGEST_ANSWER
from tests.attribution.github.answers import (
    JSON,
    SLUG,
    always,
    failure,
    on,
    said,
    script,
    why,
)

NEEDS = "contents: read"
ROOT = f"/repos/{SLUG}"
GOOD = said(["good"])
MEBIBYTE = 1024 * 1024
TOO_LONG = "GitHub's answer is longer than 16 MiB, which none of its own is"
# A gigabyte of spaces in a megabyte: a member of the file for each of its mebibytes.
BOMB = gzip.compress(b" " * MEBIBYTE) * 1024
PACKED = {**JSON, "Content-Encoding": "gzip"}


def ask(api, path=ROOT, **parameters):
    return api.ask(NEEDS, lambda client: get(client, path, **parameters))


def endless(head, block):
    """Return a script that sends the block again and again for as long as somebody listens."""

    def run(connection, _):
        connection.sendall(head)
        while True:
            connection.sendall(block)

    return script(run)


def peak(work):
    """Return how much memory `work` took at most, in bytes."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# --- the length of an answer


def test_an_answer_of_the_largest_size_is_read_whole(serve):
    github, api = serve()
    text = "x" * (LARGEST_ANSWER - 2)
    github.fault = always(said(text))
    assert ask(api) == text


@pytest.mark.fault(106)
@pytest.mark.threat(13)
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param((200, JSON, b" " * (LARGEST_ANSWER + 1)), id="one byte more"),
        pytest.param((200, PACKED, BOMB), id="a bomb"),
        pytest.param((404, PACKED, BOMB), id="a bomb with a refusal"),
        pytest.param((301, {**PACKED, "Location": "/"}, BOMB), id="a bomb with a redirect"),
        pytest.param(
            (503, JSON, b" " * (LARGEST_ANSWER + 1)), id="an error page, after two attempts more"
        ),
    ],
)
def test_an_answer_that_is_longer_ends_the_look_up(serve, answer):
    github, api = serve()
    github.fault = always(answer)
    assert why(failure(ask, api)) == (TOO_LONG, False, False)


@pytest.mark.threat(13)
@pytest.mark.parametrize(
    ("head", "block"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"[" * MEBIBYTE),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"%x\r\n%b\r\n" % (MEBIBYTE, b"[" * MEBIBYTE),
        ),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", b" " * MEBIBYTE),
    ],
    ids=["no length", "chunks", "a refusal"],
)
def test_an_answer_without_an_end_ends_the_look_up(serve, head, block):
    github, api = serve()
    github.fault = always(endless(head, block))
    assert why(failure(ask, api)) == (TOO_LONG, False, False)


@pytest.mark.threat(13)
def test_a_bomb_takes_no_more_memory_than_the_largest_answer_could(serve):
    github, api = serve()
    github.fault = always((200, PACKED, BOMB))
    assert peak(lambda: failure(ask, api)) < 2 * LARGEST_ANSWER


@pytest.mark.threat(13)
def test_a_query_is_answered_no_longer_than_that_either(serve):
    github, api = serve()
    github.fault = always((200, PACKED, BOMB))
    question = partial(graphql.ask, query=graphql.details([1], files=True), repository=SLUG)
    error = failure(api.ask, NEEDS, question)
    assert (type(error).__name__, str(error)) == ("LookUpError", TOO_LONG)


@pytest.mark.threat(13)
def test_brackets_without_end_are_no_answer(serve):
    github, api = serve()
    github.fault = always((200, JSON, b"[" * LARGEST_ANSWER))
    assert why(failure(ask, api)) == (
        "GitHub's answer could not be read (RecursionError)",
        False,
        False,
    )


@pytest.mark.threat(13)
def test_an_answer_of_no_stated_encoding_is_utf_8_and_not_guessed(serve):
    github, api = serve()
    github.fault = always((200, {}, json.dumps("ü", ensure_ascii=False).encode()))
    assert ask(api) == "ü"


def test_a_look_up_goes_on_after_an_answer_that_was_too_long(serve):
    github, api = serve()
    github.fault = on(ROOT, (200, PACKED, BOMB))
    failure(ask, api)
    github.fault = always(GOOD)
    assert ask(api) == ["good"]


# --- redirects, which PyGithub follows on the same host


@pytest.mark.threat(13)
def test_redirects_in_a_circle_end_the_look_up(serve):
    github, api = serve()
    github.fault = lambda asked: said({}, 301, Location=f"{github.api_url}{asked.path}x")
    assert why(failure(ask, api)) == ("GitHub's API redirects again and again", False, False)
    assert len(github.asked) == 6


def test_each_look_up_may_be_redirected_anew(serve):
    github, api = serve()

    def moved(asked):
        return (
            GOOD
            if len(asked.path) > len(ROOT) + 4
            else said({}, 301, Location=f"{github.api_url}{asked.path}x")
        )

    github.fault = moved
    assert [ask(api) for _ in range(3)] == [["good"]] * 3


# --- threads


@pytest.mark.threat(13)
def test_a_look_up_without_a_thread_is_an_outage_of_the_runner(serve):
    _, api = serve()
    before = threading.stack_size(2**46)  # more than any system has
    try:
        error = failure(ask, api)
    finally:
        threading.stack_size(before)
    assert why(error) == ("the runner gives this step no thread", False, True)


# --- answers before the answer

HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"


@pytest.mark.parametrize(
    "before",
    [HINTS, HINTS * 200, b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + HINTS],
    ids=["103", "200 times 103", "102, 100 and 103"],
)
@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"HTTP/1.1 200 OK", {"is": "good", "url": ROOT}),
        (
            b"HTTP/1.1 404 Not Found",
            (f"GitHub knows no such thing, or `github-token` lacks `{NEEDS}` (404)", True, False),
        ),
    ],
    ids=["a page", "a refusal"],
)
def test_an_answer_is_read_behind_those_that_only_announce_it(serve, before, head, expected):
    def run(connection, _):
        connection.sendall(before + head + b"\r\nContent-Length: 13\r\n\r\n" + b'{"is":"good"}')

    github, api = serve()
    github.fault = always(script(run))
    taken = ask(api) if isinstance(expected, dict) else why(failure(ask, api))

    assert (taken, len(github.asked)) == (expected, 1)


def test_a_query_is_answered_behind_those_as_well(serve):
    data = json.dumps({"data": {"repository": {"nameWithOwner": SLUG}}}).encode()

    def run(connection, _):
        connection.sendall(
            HINTS + b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data) + data
        )

    github, api = serve()
    github.fault = always(script(run))
    question = partial(graphql.ask, query="query { repository { nameWithOwner } }", repository=SLUG)

    found, errors = api.ask(NEEDS, question)
    assert (found.get("nameWithOwner"), errors) == (SLUG, frozenset())
