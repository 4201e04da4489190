"""Whatever is logged, the runner obeys none but our own commands."""

import contextlib
import io
import json
import os
import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dora_deployments.actions.run import DOCS
from dora_deployments.report.log import Log
from dora_deployments.report.text import Scrubber, neutral, pretty_json
from tests.report import runner
from tests.report.hostile import TEXT
from tests.report.runner import Command

KEY = "fedcba9876543210fedcba9876543210"
LIMIT = 2_000


def printed(write, *secrets, debug=False):
    stream = io.StringIO(newline="")
    write(Log(stream, Scrubber(secrets), debug=debug))
    return stream.getvalue()


# --- lines


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain words", "plain words"),
        ("", ""),
        ("::error::x", "| ::error::x"),
        ("  ::error::x", "|   ::error::x"),
        ("\u3000::error::x", "| \u3000::error::x"),
        ("\u2028::error::x", "\\u2028::error::x"),
        ("a ::error::x", "a ::error::x"),
        ("a ##[error]x ##[b]", "a ## [error]x ## [b]"),
        ("a\r\nb\tc\x1b[31m", "a\\r\\nb\\tc\\x1b[31m"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("half \ud800", "half \\ud800"),
        ("\U0001f469\u200d\U0001f680 \u5e97", "\U0001f469\u200d\U0001f680 \u5e97"),
        ("x" * LIMIT, "x" * LIMIT),
        ("x" * (LIMIT + 1), "x" * (LIMIT - 1) + "\u2026"),
    ],
)
def test_a_line_is_shown_as_text_on_one_line(text, line):
    assert printed(lambda log: log.line(text)) == f"{line}\n"


@pytest.mark.threat(6, 20)
@settings(deadline=None)
@given(TEXT)
def test_no_line_is_a_command_or_more_than_one_line(text):
    out = printed(lambda log: log.line(text))

    assert runner.commands(out) == []
    assert len(runner.shown(out)) == 1
    kinds = {unicodedata.category(character) for character in out[:-1].replace("\u200d", "")}
    assert kinds.isdisjoint({"Cc", "Cf", "Cs", "Zl", "Zp"})


@pytest.mark.threat(6)
@settings(deadline=None)
@given(TEXT, st.lists(TEXT, max_size=4))
def test_a_group_is_its_own_two_commands_and_between_them_one_line_for_each(title, texts):
    out = printed(lambda log: log.group(title, iter(texts)))

    assert runner.commands(out) == [Command("group", neutral(title)), Command("endgroup")]
    assert len(runner.lines(out)) == len(texts) + 2
    assert runner.command(runner.lines(out)[0]) is not None
    assert runner.command(runner.lines(out)[-1]) is not None


def test_a_group_is_printed_whole():
    out = printed(lambda log: log.group("A: b", ["one", "::two::", KEY]), KEY)

    assert out == "::group::A: b\none\n| ::two::\n***\n::endgroup::\n"


@pytest.mark.threat(6)
@settings(deadline=None)
@given(st.sampled_from(["error", "warning", "notice"]), TEXT, TEXT)
def test_an_annotation_is_one_command_with_title_and_text(level, title, text):
    title = f"<{title}>"

    out = printed(lambda log: log.annotate(level, title, text))

    assert runner.lines(out) == [out[:-1]]
    assert runner.commands(out) == [Command(level, neutral(text), {"title": neutral(title)})]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb, c: 50%", "a\\nb, c: 50%25"),
        (f"it said {KEY}", "it said ***"),
        ("x" * (LIMIT + 1), "x" * (LIMIT - 1) + "\u2026"),
    ],
)
def test_an_annotation_is_printed_whole(text, shown):
    out = printed(lambda log: log.annotate("error", f"DX: {KEY}, 50%", text), KEY)

    assert out == f"::error title=DX%3A ***%2C 50%25::{shown}\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("", ""), ("a", "a"), ("x" * (LIMIT + 1), "x" * (LIMIT - 1) + "\u2026")],
)
def test_where_to_read_more_follows_an_annotation_and_is_never_cut_off(text, shown):
    out = printed(lambda log: log.annotate("notice", "DX", text, "b.md#c"), KEY)

    assert out == f"::notice title=DX::{shown}. Read more: {DOCS}/b.md#c\n"


@pytest.mark.threat(6)
@settings(deadline=None)
@given(TEXT)
def test_a_line_for_debugging_is_one_command_and_only_where_debugging_is_on(text):
    assert printed(lambda log: log.debug(text)) == ""

    out = printed(lambda log: log.debug(text), debug=True)

    assert runner.lines(out) == [out[:-1]]
    assert runner.commands(out) == [Command("debug", neutral(text))]


def test_debugging_is_off_unless_it_is_asked_for():
    stream = io.StringIO()

    Log(stream, Scrubber(())).debug("x")

    assert stream.getvalue() == ""


def test_a_line_for_debugging_is_scrubbed_and_cut():
    out = printed(lambda log: log.debug(f"{KEY}{'x' * LIMIT}"), KEY, debug=True)

    assert out == f"::debug::***{'x' * (LIMIT - 4)}\u2026\n"


# --- secrets


@pytest.mark.threat(4)
def test_every_secret_is_masked_longest_first_and_nothing_else_is_printed():
    out = printed(lambda log: log.mask(), "a-longer-secret", "secret%\r\nx")

    assert out == "::add-mask::a-longer-secret\n::add-mask::secret%25%0D%0Ax\n"
    assert runner.commands(out) == [
        Command("add-mask", "a-longer-secret"),
        Command("add-mask", "secret%\r\nx"),
    ]


@pytest.mark.fault(53)
@pytest.mark.threat(4)
def test_a_secret_is_taken_out_before_a_line_is_cut():
    out = printed(lambda log: log.line("x" * (LIMIT - 10) + KEY), KEY)

    assert out == "x" * (LIMIT - 10) + "***\n"


@pytest.mark.threat(4)
def test_a_secret_is_taken_out_of_titles():
    assert printed(lambda log: log.group(KEY, []), KEY) == "::group::***\n::endgroup::\n"


HIDDEN = "(not shown, since a part of a key is in it)"


@pytest.mark.fault(52, 53)
@pytest.mark.threat(4)
@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("", ""),
        (" one\r\n\ttwo  three ", "one two three"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 200),
        ("x" * 190 + KEY + "y" * 50, HIDDEN),
        (f"a {KEY} b", HIDDEN),
    ],
)
def test_the_words_of_a_server_are_quoted_on_one_line_judged_whole_and_then_cut(text, quoted):
    assert Log(io.StringIO(), Scrubber((KEY,))).quoted(text) == quoted


def test_a_quotation_may_be_shorter():
    assert Log(io.StringIO(), Scrubber(())).quoted("x" * 9, 5) == "x" * 5


@pytest.mark.threat(4)
def test_the_secrets_are_in_no_repr():
    scrub = Scrubber((KEY,))

    assert KEY not in repr((scrub, Log(io.StringIO(), scrub)))


# --- bodies


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=8,
)


@pytest.mark.threat(6, 20)
@settings(deadline=None)
@given(JSON)
def test_a_body_in_the_log_is_the_same_json_and_no_command(value):
    body = json.dumps(value).encode()

    out = printed(lambda log: log.group("Request", pretty_json(body, Scrubber(()))))

    assert [found.name for found in runner.commands(out)] == ["group", "endgroup"]
    if all(len(line) <= LIMIT for line in pretty_json(body, Scrubber(()))):
        # Not `value` itself: JSON makes one character of two halves that fit.
        assert json.loads("".join(runner.shown(out))) == json.loads(body)


# --- streams


class Broken(io.StringIO):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def write(self, _text):
        raise self.error


@pytest.mark.parametrize(
    "error", [BrokenPipeError(), OSError(28, "No space left on device"), ValueError("closed")]
)
def test_a_stream_that_takes_nothing_stops_nobody(error):
    log = Log(Broken(error), Scrubber((KEY,)), debug=True)

    log.mask()
    log.line("x")
    log.group("x", ["y"])
    log.annotate("error", "x", "y")
    log.debug("x")


def test_a_closed_stream_stops_nobody():
    stream = io.StringIO()
    stream.close()

    Log(stream, Scrubber(())).line("x")


@pytest.mark.fault(108)
def test_a_pipe_that_nobody_reads_stops_nobody():
    reading, writing = os.pipe()
    os.close(reading)
    stream = io.TextIOWrapper(io.FileIO(writing, "w"), encoding="utf-8", write_through=True)

    Log(stream, Scrubber(())).line("x")

    with contextlib.suppress(BrokenPipeError):
        stream.close()


def test_each_line_leaves_at_once():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", newline="\n")

    Log(stream, Scrubber(())).line("x")

    assert raw.getvalue() == b"x\n"


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "caf\u00e9 \u5e97\n".encode()),
        ("cp1252", b"caf\xe9 \\u5e97\n"),
        ("ascii", b"caf\\xe9 \\u5e97\n"),
    ],
)
@pytest.mark.fault(108)
def test_a_console_of_fewer_characters_shows_the_others_by_their_escapes(encoding, shown):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, newline="\n")

    Log(stream, Scrubber(())).line("caf\u00e9 \u5e97")

    assert raw.getvalue() == shown


def test_a_stream_without_an_encoding_is_given_everything():
    assert printed(lambda log: log.line("caf\u00e9 \u5e97")) == "caf\u00e9 \u5e97\n"


def test_a_log_without_any_stream_says_nothing_and_stops_nothing():
    log = Log(None, Scrubber(("s3cret",)))
    log.mask()
    log.line("a line")
    log.group("a group", ["a line"])
    log.annotate("error", "a title", "a text")


@pytest.mark.fault(108)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot tell whether a pipe is read")
def test_a_log_that_nobody_reads_is_given_up():
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):  # then it is full
        while True:
            os.write(writer, b"x" * 4096)
    os.set_blocking(writer, True)
    with os.fdopen(reader, "rb") as pipe, os.fdopen(writer, "w", encoding="utf-8") as stream:
        log = Log(stream, Scrubber(()))
        log.line("this finds no room")
        pipe.read1(65_536)
        log.line("nor is this tried, since the first took its time")
        stream.close()
        assert set(pipe.read()) <= {ord("x")}
