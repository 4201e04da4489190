"""What a GitHub that is out of order may answer, and what becomes of it."""

import json
import re
import traceback

import pytest

from dora_deployments.attribution.look_ups import LookUpError
from tests.end_to_end import receivers

SLUG = "acme/shop"
TOKEN = "ghs_0123456789abcdefghijklmnopqrstuvwxyz"
JSON = {"Content-Type": "application/json; charset=utf-8"}
HTML = {"Content-Type": "text/html"}

NO_TIME = "GitHub's API did not answer in time"


def said(value, status=200, **headers):
    """Return a whole answer with this JSON; `x_y` is the header `x-y`."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return status, {**JSON, **named}, json.dumps(value).encode()


PAGE = (200, HTML, b"<!DOCTYPE html><html></html>")
TRUNCATED = (200, JSON, b'{"data": {"repository": {')
EMPTY = (200, JSON, b"")

MALFORMED = {
    "a web page": PAGE,
    "truncated": TRUNCATED,
    "nothing": EMPTY,
    "null": said(None),
    "a text": said("x"),
    "a number": said(5),
    "a boolean": said(True),
    "a list": said([]),
    "a list of nulls": said([None]),
    "an object": said({}),
}


def script(of_receivers):
    """Return a script of the receivers as one for the stand-in."""
    return lambda connection: of_receivers(connection, b"")


def hang():
    return script(receivers.hang(600))


def drip():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n"
    return script(receivers.drip(head, 0.05, [b" "] * 12_000))


def reset():
    return script(receivers.reset())


def always(answer):
    """Return a fault that answers everything alike."""
    return lambda _: answer


def on(pattern, answer):
    """Return a fault for those addresses that the pattern matches whole, queries among them."""
    return lambda asked: (
        answer if re.fullmatch(pattern, f"{asked.path}?{asked.query}".removesuffix("?")) else None
    )


def failure(look_up, *arguments):
    """Return why a look-up failed, once sure that nothing of it can show the token."""
    with pytest.raises(LookUpError) as raised:
        look_up(*arguments)
    assert TOKEN not in "".join(traceback.format_exception(raised.value))
    return raised.value


def why(error):
    """Return all that an error tells: its words, `absent` and `outage`."""
    return str(error), error.absent, error.outage
