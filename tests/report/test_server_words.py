"""A server's words are quoted, unless any part of a key stands in them in any way of writing."""

import base64
import textwrap
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dora_deployments.report.text import Scrubber
from tests.end_to_end.audit import KEY, SECRETS, TOKEN

SCRUB = Scrubber(SECRETS)
HIDDEN = "(not shown, since a part of a key is in it)"
WAYS = {
    "as it is": lambda key: key,
    "its middle": lambda key: key[len(key) // 4 : -len(key) // 4],
    "three quarters of it": lambda key: key[: len(key) * 3 // 4],
    "its last digits": lambda key: key[-11:],
    "in lines": lambda key: "\n".join(textwrap.wrap(key, 4)),
    "in capitals": str.upper,
    "in a URL": lambda key: quote(key, safe=""),
    "in a URL, twice": lambda key: quote(quote(key, safe=""), safe=""),
    "in lower-case percents": lambda key: "".join(f"%{byte:02x}" for byte in key.encode()),
    "in entities": lambda key: "".join(f"&#{ord(character)};" for character in key),
    "in hexadecimal entities": lambda key: "".join(f"&#x{ord(each):X};" for each in key),
    "in escapes": lambda key: "".join(f"\\u{ord(character):04X}" for character in key),
    "in escaped escapes": lambda key: "".join(f"\\\\u{ord(each):04x}" for each in key),
    "in short escapes": lambda key: "".join(f"\\x{ord(character):02x}" for character in key),
    "in hex": lambda key: key.encode().hex(),
    "in spaced hex": lambda key: key.encode().hex(" ").upper(),
    "in base64": lambda key: base64.b64encode(key.encode()).decode(),
    "in base64 behind a user": lambda key: base64.b64encode(b"u:" + key.encode()).decode(),
    "in base64 behind more": lambda key: base64.b64encode(b"us:" + key.encode()).decode(),
    "in base64 for URLs": lambda key: base64.urlsafe_b64encode(key.encode()).decode(),
    "in wide letters": lambda key: "".join(
        chr(ord(each) + 0xFEE0) if each.isalnum() else each for each in key
    ),
    "with nothing between": "\u200b".join,
    "with dashes": "-".join,
}


@pytest.mark.fault(53)
@pytest.mark.threat(4)
@pytest.mark.parametrize("secret", [KEY, TOKEN], ids=["key", "token"])
@pytest.mark.parametrize("way", WAYS)
def test_a_part_of_a_key_hides_the_words_that_it_stands_in(secret, way):
    assert SCRUB.words(f"Your key {WAYS[way](secret)} is not known.") == HIDDEN


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("It is\r\n not   known.\t", "It is not known."),
        (f"ends in {KEY[-7:]}", f"ends in {KEY[-7:]}"),
        ("100%25 of deployments.create &lt;", "100%25 of deployments.create &lt;"),
    ],
)
def test_other_words_are_quoted_on_one_line(text, shown):
    assert SCRUB.words(text) == shown


@given(st.text())
def test_words_without_any_key_to_hide_are_quoted_whatever_they_are(text):
    assert Scrubber(()).words(text) == " ".join(text.split())


def test_a_short_secret_is_starred_and_hides_no_words():
    assert Scrubber(("shop",)).words("the shop is closed") == "the *** is closed"
