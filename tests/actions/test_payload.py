import json

import pytest

from dora_deployments.actions import payload
from dora_deployments.actions.payload import Payload
from tests.actions.refusals import refusal

SHA = "7fd0709f3ed45ac797fbcf901f219c36cfe2b36a"
SHA_256 = SHA + "0123456789abcdef01234567"

CONTENT = Payload(
    {
        "text": " main\n",
        "empty": "",
        "blank": " \n",
        "null": None,
        "true": True,
        "false": False,
        "one": 1,
        "zero": 0,
        "negative": -1,
        "largest": 2**63 - 1,
        "too_large": 2**63,
        "float": 1.0,
        "digits": "12",
        "list": ["a"],
        "object": {"inner": {"text": "deep"}, "null": None},
        "sha": SHA,
        "slug": "acme/shop",
    }
)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("text", " main\n"),
        ("object.inner.text", "deep"),
        ("object.inner", {"text": "deep"}),
        ("object.null", None),
        ("null", None),
        ("missing", None),
        ("missing.text", None),
        ("null.text", None),
        ("text.strip", None),
        ("list.0", None),
        ("object.missing.text", None),
        ("object.inner.text.more", None),
        ("", None),
    ],
)
def test_whatever_stands_at_a_path_is_returned_and_none_where_nothing_does(path, value):
    assert CONTENT.get(path) == value


@pytest.mark.parametrize("value", [None, [], "text", 1, True])
def test_what_is_no_object_holds_nothing(value):
    assert Payload(value).get("text") is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("text", "main"),
        ("object.inner.text", "deep"),
        ("digits", "12"),
        ("empty", None),
        ("blank", None),
        ("null", None),
        ("one", None),
        ("true", None),
        ("list", None),
        ("object", None),
        ("missing", None),
    ],
)
def test_a_text_is_trimmed_and_none_if_nothing_is_left_or_it_is_none(path, value):
    assert CONTENT.text(path) == value


@pytest.mark.parametrize(
    ("path", "value"),
    [("true", True), ("false", False), ("one", None), ("zero", None), ("text", None)],
)
def test_a_flag_is_a_json_boolean_and_nothing_else(path, value):
    assert CONTENT.flag(path) is value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("one", 1),
        ("largest", 2**63 - 1),
        ("too_large", None),
        ("zero", None),
        ("negative", None),
        ("true", None),
        ("float", None),
        ("digits", None),
        ("missing", None),
    ],
)
def test_an_id_is_a_positive_whole_number_of_64_bits(path, value):
    assert CONTENT.id(path) == value


def test_a_sha_and_a_slug_are_read_by_path():
    assert CONTENT.sha("sha") == SHA
    assert CONTENT.sha("text") is None
    assert CONTENT.slug("slug") == "acme/shop"
    assert CONTENT.slug("text") is None


@pytest.mark.parametrize(
    ("value", "sha"),
    [
        (SHA, SHA),
        (SHA.upper(), SHA),
        (SHA_256, SHA_256),
        (f"{'0' * 39}1", f"{'0' * 39}1"),
        ("0" * 40, None),
        ("0" * 64, None),
        (SHA[:39], None),
        (f"{SHA}0", None),
        (SHA_256[:63], None),
        (f"{SHA_256}0", None),
        (f"{SHA}\n", None),
        (f" {SHA}", None),
        (f"g{SHA[1:]}", None),
        (f"\u0663{SHA[1:]}", None),
        ("", None),
        (None, None),
        (int("1" * 40), None),
        ([SHA], None),
    ],
    ids=[
        "40 digits",
        "upper case",
        "64 digits",
        "nearly zeros",
        "40 zeros",
        "64 zeros",
        "39 digits",
        "41 digits",
        "63 digits",
        "65 digits",
        "line feed behind",
        "space before",
        "no hex digit",
        "Arabic digit",
        "empty",
        "null",
        "number",
        "list",
    ],
)
def test_a_full_sha_has_40_or_64_hex_digits_and_not_zeros_alone(value, sha):
    assert payload.full_sha(value) == sha


@pytest.mark.parametrize(
    "value",
    ["acme/shop", "A.c-m_e/S.h-o_p", "1/2", "acme/.github", "acme/...", ".../x"],
)
def test_a_slug_is_owner_and_name(value):
    assert payload.slug(value) == value


@pytest.mark.parametrize(
    "value",
    [
        "acme",
        "acme/",
        "/shop",
        "/",
        "acme/shop/tree",
        "acme//shop",
        "acme/..",
        "../shop",
        "acme/.",
        "./shop",
        "acme/shop\n",
        " acme/shop",
        "acme/sh op",
        "acme/shop?x",
        "acme/caf\xe9",
        "acme/shop\u0661",
        "",
        None,
        7,
        ["acme/shop"],
    ],
)
def test_what_could_lead_elsewhere_in_a_url_is_no_slug(value):
    assert payload.slug(value) is None


@pytest.mark.parametrize(
    "content",
    [
        b'{"a": {"b": "\xc3\xa9"}}',
        b'\xef\xbb\xbf{"a": {"b": "\\u00e9"}}',
        b' {"a":{"b":"\xc3\xa9"}}\n',
    ],
    ids=["UTF-8", "byte order mark", "white space around"],
)
def test_a_payload_is_a_json_object_in_utf_8(content):
    assert payload.parse(content).get("a.b") == "\xe9"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"{'a': 1}", "is not JSON"),
        (b"\xef\xbb\xbf\xef\xbb\xbf{}", "is not JSON"),
        (b'{"a":' * 100_000, "is not JSON"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "is not JSON"),
        (b"\xff\xfe{\x00}\x00", "is not UTF-8 text"),
        (b'{"a": "\xe9"}', "is not UTF-8 text"),
        (b"[]", "is not a JSON object"),
        (b"null", "is not a JSON object"),
        (b'"text"', "is not a JSON object"),
    ],
    ids=[
        "empty",
        "cut short",
        "Python",
        "two byte order marks",
        "deep and cut short",
        "deep",
        "UTF-16",
        "Latin-1",
        "list",
        "null",
        "text",
    ],
)
def test_what_is_no_payload_is_refused_with_the_reason(content, message):
    assert refusal(payload.parse, content) == message


def test_a_number_of_thousands_of_digits_breaks_nothing():
    content = b'{"id": ' + b"9" * 5_000 + b"}"
    try:
        value = payload.parse(content).id("id")
    except ValueError:  # by Python's own limit, which older versions lack
        value = None
    assert value is None


def test_numbers_that_are_not_json_are_no_ids():
    content = payload.parse(b'{"id": NaN, "number": Infinity}')
    assert content.id("id") is None
    assert content.id("number") is None


@pytest.mark.fault(72)
def test_a_huge_payload_is_read_in_a_moment():
    commits = [{"id": SHA, "message": "m" * 1_000} for _ in range(5_000)]
    content = json.dumps({"commits": commits, "after": SHA}).encode()
    assert payload.parse(content).sha("after") == SHA
