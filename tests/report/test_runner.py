"""The parsers that stand in for the runner's read what its documentation shows."""

import pytest

from tests.report import runner
from tests.report.runner import Command


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("::debug::Set variable", [Command("debug", "Set variable")]),
        ("::endgroup::", [Command("endgroup")]),
        (
            "::notice file=app.js,line=1::Missing%0Asemicolon",
            [Command("notice", "Missing\nsemicolon", {"file": "app.js", "line": "1"})],
        ),
        (
            "::error title=a%3Ab%2Cc=d%25::100%25 %250A",
            [Command("error", "100% %0A", {"title": "a:b,c=d%"})],
        ),
        (" \t\u00a0\u3000\u2028::warning::x", [Command("warning", "x")]),
        ("a\r::error::b\r\n::error::c\n", [Command("error", "b"), Command("error", "c")]),
        ("a ##[error]b", [Command("error", "b")]),
        (
            "##[set-output name=x;y=z%5D]v%3B",
            [Command("set-output", "v;", {"name": "x", "y": "z]"})],
        ),
        ("x::error::y", []),
        ("\u200b::error::y", []),
        (":: error::y", []),
        ("::error", []),
        ("::unheard-of::x", []),
        ("::Error::x", []),
        ("##[unheard-of]x", []),
        ("##[error", []),
        ("## [error]x", []),
        ("]##[error", []),
        ("", []),
    ],
)
def test_commands_are_found_as_the_runner_finds_them(text, found):
    assert runner.commands(text) == found


def test_lines_that_are_no_commands_are_shown():
    assert runner.shown("a\r\n::error::b\n\nc") == ["a", "", "c"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("a=b\n\nc=d", {"a": "b", "c": "d"}),
        ("a=b<<c\n", {"a": "b<<c"}),
        ("a<<E\nb\nc\nE\n", {"a": "b\nc"}),
        ("a<<E\nE\n", {"a": ""}),
        ("a<<E\n\nE", {"a": ""}),
        ("a<<E=x\nb\nE=x\n", {"a": "b"}),
        ("a<<E\nE \n E\nE\n", {"a": "E \n E"}),
        ("a=b\na=c\n", {"a": "c"}),
    ],
)
def test_outputs_are_read_as_the_runner_reads_them(text, found):
    assert runner.outputs(text) == found
    assert runner.outputs(text.replace("\n", "\r\n"), windows=True) == {
        name: value.replace("\n", "\r\n") for name, value in found.items()
    }


@pytest.mark.parametrize("text", ["x", "=x", "<<E\nE", "a<<", "a<<E\nb", "a<<E\nE\r\n", "a<<E"])
def test_a_bad_file_of_outputs_fails_the_step(text):
    with pytest.raises(runner.FileError):
        runner.outputs(text)
