"""Foreign text is harmless wherever it is shown."""

import base64
import html
import json
import re
import unicodedata
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dora_deployments.report.text import (
    Scrubber,
    for_html,
    for_html_prose,
    for_output,
    neutral,
    pretty_json,
    words_for_output,
)
from tests.report.hostile import TEXT

# --- secrets


@pytest.mark.threat(4)
@pytest.mark.parametrize(
    ("secrets", "text", "scrubbed"),
    [
        ((), "s3cret", "s3cret"),
        (("s3cret",), "", ""),
        (("s3cret",), "a s3cret and s3cret", "a *** and ***"),
        (("s3cret-long", "s3cret"), "s3cret-long s3cret", "*** ***"),
        (("s3cret",), "S3CRET", "S3CRET"),
        (("a.c*",), "a.c* abc", "*** abc"),
        (("a/b/c",), r"a\/b\/c a/b/c", "*** ***"),
        (('a"b\\c',), r"a\"b\\c", "***"),
    ],
)
def test_every_secret_is_replaced_by_asterisks(secrets, text, scrubbed):
    assert Scrubber(secrets)(text) == scrubbed


# Its base64 has both letters in which the two alphabets differ.
SECRET = 'k~~?>>-fedcba\\98765"43210/+ =&'
ENCODERS = {
    "base64": lambda raw: base64.b64encode(raw).decode(),
    "base64 for addresses": lambda raw: base64.urlsafe_b64encode(raw).decode(),
    "hexadecimal": lambda raw: raw.hex(),
    "hexadecimal in capitals": lambda raw: raw.hex().upper(),
    "an address": lambda raw: quote(raw, safe=""),
    "a form": quote_plus,
    "JSON": lambda raw: json.dumps(raw.decode()),
    "itself": lambda raw: raw.decode(),
}


@pytest.mark.fault(53)
@pytest.mark.threat(4)
@pytest.mark.parametrize("encode", ENCODERS.values(), ids=ENCODERS)
@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "user:"])
@pytest.mark.parametrize("after", ["", "y", "yz", "xyz"])
def test_no_part_of_an_encoded_secret_is_left_whatever_stands_around_it(encode, before, after):
    whole = encode(f"{before}{SECRET}{after}".encode())

    head, between, tail = Scrubber((SECRET,))(f"{whole}\n{whole}").split("***")

    # Of what stands around it, and of padding, a letter or two may be left, or be gone.
    assert between == f"{tail}\n{head}"
    assert len(head) <= len(encode(before.encode()))
    assert len(tail) <= len(encode(after.encode())) + 4


@pytest.mark.fault(53)
@pytest.mark.threat(4)
@pytest.mark.parametrize("encode", ENCODERS.values(), ids=ENCODERS)
def test_one_half_of_a_secret_alone_is_not_shown_either(encode):
    secret = "abcdefg~ijklmn/pqrstuvwx+z0123456"
    whole = encode(secret.encode()).strip('"')
    scrub = Scrubber((secret,))

    middle = len(whole) // 2
    assert scrub(whole[:middle]) == "***"
    assert scrub(f"<{whole[middle:]}>") == "<***>"


@pytest.mark.parametrize(
    ("secret", "text", "scrubbed"),
    [
        ("abcdefghijklmnop", "abcdefgh ijklmnop", "*** ***"),
        ("abcdefghijklmnop", "abcdefg jklmnop", "abcdefg jklmnop"),
        # Halves of 7 could be anybody's.
        ("abcdefghijklmno", "abcdefg hijklmno", "abcdefg hijklmno"),
        # As in an expression: its half may be a word of ours.
        ("secrets.DX_TOKEN || vars.TOKEN", "secrets.DX_TOKEN", "secrets.DX_TOKEN"),
        ("abc", "616263 YWJj abc", "616263 YWJj ***"),
        ("abcd", "61626364 YWJjZA abcd", "*** YWJjZA ***"),
    ],
)
def test_what_is_so_short_that_it_could_be_there_by_chance_stays(secret, text, scrubbed):
    assert Scrubber((secret,))(text) == scrubbed


def test_a_scrubber_knows_its_secrets_in_their_order():
    assert Scrubber(iter(["b", "a"])).secrets == ("b", "a")


def test_a_scrubber_shows_no_secret():
    assert "s3cret" not in repr(Scrubber(("s3cret",)))


# --- one line


@pytest.mark.threat(6)
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("plain", "plain"),
        ("a\nb\r\nc\td\0", "a\\nb\\r\\nc\\td\\x00"),
        ("\x1b[31m\x7f\x9b\x85", "\\x1b[31m\\x7f\\x9b\\x85"),
        ("\u2028\u2029\u202e\u2066\u200b\ufeff", "\\u2028\\u2029\\u202e\\u2066\\u200b\\ufeff"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
        ("\u00ad", "\\xad"),
        ("a\u200db", "a\u200db"),
        ("\u5e97 \U0001f6d2 e\u0301 \u00a0", "\u5e97 \U0001f6d2 e\u0301 \u00a0"),
        ("##[error]x", "## [error]x"),
        ("###[error]##[", "### [error]## ["),
        ("##\n[error]", "##\\n[error]"),
        ("\\n", "\\n"),
    ],
)
def test_controls_are_shown_by_their_escapes_and_commands_are_broken(text, line):
    assert neutral(text) == line


@pytest.mark.parametrize(
    ("text", "limit", "line"),
    [
        ("abc", None, "abc"),
        ("abc", 3, "abc"),
        ("abcd", 3, "ab\u2026"),
        ("a" * 5_000, None, "a" * 5_000),
        ("\n\n\n", 3, "\\n\\n\\n"),
        ("\n\n\n\n", 3, "\\n\\n\u2026"),
        ("##[", 3, "## ["),
    ],
)
def test_a_line_is_cut_before_it_is_escaped(text, limit, line):
    assert neutral(text, limit) == line


@pytest.mark.threat(6)
@settings(deadline=None)
@given(TEXT)
def test_neutral_text_has_nothing_that_ends_a_line_hides_or_commands(text):
    line = neutral(text)

    kinds = {unicodedata.category(character) for character in line.replace("\u200d", "")}
    assert kinds.isdisjoint({"Cc", "Cf", "Cs", "Zl", "Zp"})
    assert line.splitlines() in ([], [line])
    assert "##[" not in line
    line.encode()
    assert neutral(line) == line


# --- HTML


@pytest.mark.threat(9)
@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("<b>&\"'</b>", None, "&lt;b&gt;&amp;&quot;&#x27;&lt;/b&gt;"),
        ("a\n\n# b", None, "a\\n\\n# b"),
        ("<<<<", 3, "&lt;&lt;\u2026"),
        ("@grace https://x.test", None, "@grace https://x.test"),
    ],
)
def test_text_in_code_is_escaped(text, limit, shown):
    assert for_html(text, limit) == shown


@pytest.mark.threat(9)
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("thanks @grace", "thanks @\u200bgrace"),
        ("see https://x.test", "see https://\u200bx.test"),
        ("see HTTPS://x.test", "see HTTPS://\u200bx.test"),
        ("see www.x.test", "see www\u200b.x.test"),
        ("see WwW.x.test", "see WwW\u200b.x.test"),
        ("www and awww", "www and awww"),
        ("grace@x.test", "grace@\u200bx.test"),
        ("<@>", "&lt;@\u200b&gt;"),
        ("a: //b", "a: //b"),
    ],
)
def test_prose_has_no_mentions_and_no_links(text, shown):
    assert for_html_prose(text) == shown


@pytest.mark.threat(9)
@settings(deadline=None)
@given(TEXT)
def test_escaped_text_is_text_and_nothing_else(text):
    for shown in (for_html(text), for_html_prose(text)):
        assert re.search(r"[<>\"']|&(?!lt;|gt;|amp;|quot;|#x27;)", shown) is None
        assert html.unescape(shown).replace("\u200b", "") == neutral(text)


# --- outputs


@pytest.mark.threat(8)
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Prod-1_a b/c.d:e@f+g", "Prod-1_a b/c.d:e@f+g"),
        ("$(id) `id` \"x\" 'y'", "__id_ _id_ _x_ _y_"),
        ("a\nb\r\n", "a_b__"),
        ("a,b;c|d&e", "a_b_c_d_e"),
        ("caf\u00e9 \u5e97 \u0661", "caf_ _ _"),
        ("", ""),
    ],
)
def test_an_output_has_only_characters_that_are_safe_everywhere(text, shown):
    assert for_output(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("check `dx-token`; then wait", "check dx-token, then wait"),
        ("a, b: c", "a, b: c"),
        ("don't (ever)", "don_t _ever_"),
    ],
)
def test_words_lose_the_marks_that_a_shell_reads(text, shown):
    assert words_for_output(text) == shown


@pytest.mark.threat(8)
@settings(deadline=None)
@given(TEXT)
def test_no_text_brings_another_character_into_an_output(text):
    assert re.fullmatch(r"[A-Za-z0-9 _./:@+-]*", for_output(text))
    assert re.fullmatch(r"[A-Za-z0-9 _./:@+,-]*", words_for_output(text))


# --- bodies

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=8,
)


def test_a_body_is_indented_and_its_odd_characters_are_escapes():
    body = json.dumps({"a": ["<b>&`]", "##[x]", "\\##[", 1.5, None], "]": "\x7f\u5e97\ud800"})

    assert pretty_json(body.encode(), Scrubber(())) == [
        "{",
        '  "a": [',
        r'    "\u003cb\u003e\u0026\u0060\u005d",',
        r'    "##\u005bx\u005d",',
        r'    "\\##\u005b",',
        "    1.5,",
        "    null",
        "  ],",
        r'  "\u005d": "\u007f\u5e97\ud800"',
        "}",
    ]


@pytest.mark.threat(6, 9)
@settings(deadline=None)
@given(JSON)
def test_a_body_is_the_same_json_without_any_mark_that_could_do_harm(value):
    lines = pretty_json(json.dumps(value).encode(), Scrubber(()))
    text = "\n".join(lines)

    assert json.loads(text) == json.loads(json.dumps(value))
    assert re.fullmatch(r"[ -~\n]*", text)
    assert set("<>&`").isdisjoint(text)
    assert "##[" not in text
    strings = re.findall(r'"(?:[^"\\]|\\.)*"', text)
    assert not any("]" in string for string in strings)
    assert not any(line.lstrip().startswith(("::", "```", "~~~")) for line in lines)


@pytest.mark.threat(4)
def test_a_secret_is_taken_out_of_a_body_before_its_marks_are_escaped():
    body = json.dumps({"a": ["b t<o&k]e`n", 1], "t<o&k]e`n": None}).encode()
    assert pretty_json(body, Scrubber(("t<o&k]e`n",))) == [
        "{",
        '  "a": [',
        '    "b ***",',
        "    1",
        "  ],",
        '  "***": null',
        "}",
    ]


@pytest.mark.threat(4, 19)
@pytest.mark.parametrize(
    ("body", "held"),
    [
        ({"env": "for 0123456789abcdef/\u5e97"}, True),
        ({"0123456789abcdef/\u5e97": 1}, True),
        ({"env": "0123456789abcdef"}, False),
        ({"env": "short"}, False),
        ({}, False),
    ],
)
def test_a_body_holds_a_secret_whole_or_not_at_all(body, held):
    scrub = Scrubber(("0123456789abcdef/\u5e97", "short"))
    assert scrub.holds([b"{}", json.dumps(body).encode()]) is held


def test_a_commit_is_no_secret_though_a_key_stands_in_it():
    body = json.dumps({"sha": "0123456789abcdef" * 2 + "01234567"}).encode()
    assert Scrubber(("0123456789abcdef",)).holds([body]) is False
