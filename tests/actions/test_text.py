import pytest

from dora_deployments.actions import text

CONTROLS = {
    "NUL": "\x00",
    "tab": "\t",
    "line feed": "\n",
    "carriage return": "\r",
    "escape": "\x1b",
    "delete": "\x7f",
    "next line": "\x85",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    "first half of a surrogate pair": "\ud83d",
    "second half of a surrogate pair": "\udc00",
}
PLAIN = {
    "letter": "a",
    "space": " ",
    "no-break space": "\xa0",
    "tilde, the last of ASCII": "~",
    "letter with an accent": "\xe9",
    "emoji": "\U0001f680",
    "zero-width joiner, which emoji need": "\u200d",
    "right-to-left override": "\u202e",
    "byte order mark": "\ufeff",
    "private use": "\ue000",
}


@pytest.mark.parametrize("character", CONTROLS.values(), ids=CONTROLS)
def test_what_can_end_a_line_or_break_an_encoding_is_a_control(character):
    assert text.is_control(character) is True
    assert text.has_controls(f"before{character}after") is True


@pytest.mark.parametrize("character", PLAIN.values(), ids=PLAIN)
def test_what_can_be_part_of_a_name_is_no_control(character):
    assert text.is_control(character) is False
    assert text.has_controls(f"before{character}after") is False


def test_an_empty_text_has_no_controls():
    assert text.has_controls("") is False


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("", "''"),
        ("shop", "'shop'"),
        ("it's", '"it\'s"'),
        ("a\nb\x1b", "'a\\nb\\x1b'"),
        ("caf\xe9 \U0001f680", "'caf\xe9 \U0001f680'"),
        ("\ud83d", "'\\ud83d'"),
        ("a\u2028b\u202ec", "'a\\u2028b\\u202ec'"),
        ("x" * 200, f"'{'x' * 200}'"),
        ("x" * 201, "'\u2026' (201 characters)"),
        ("x" * 100_000, "'\u2026' (100000 characters)"),
    ],
    ids=[
        "empty",
        "plain",
        "quote",
        "controls",
        "outside ASCII",
        "half a pair",
        "hidden",
        "just short enough",
        "just too long",
        "huge",
    ],
)
def test_a_text_is_shown_in_quotes_on_one_line_whole_or_not_at_all(given, shown):
    assert text.shown(given) == shown


def test_a_text_beyond_the_limit_that_is_asked_for_is_not_shown():
    assert text.shown("abcdef", 6) == "'abcdef'"
    assert text.shown("abcdefg", 6) == "'\u2026' (7 characters)"
