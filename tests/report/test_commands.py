"""Commands come through the runner as they were meant."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dora_deployments.report.commands import command
from tests.report import runner
from tests.report.hostile import TEXT


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        (command("endgroup"), "::endgroup::"),
        (command("add-mask", "s3cret"), "::add-mask::s3cret"),
        (command("error", "50% of a,b:c\r\n"), "::error::50%25 of a,b:c%0D%0A"),
        (
            command("warning", "x", title="50% of a,b:c\r\n"),
            "::warning title=50%25 of a%2Cb%3Ac%0D%0A::x",
        ),
        (command("notice", "x", file="a", line="1"), "::notice file=a,line=1::x"),
        (command("notice", "x", title=""), "::notice title=::x"),
        (command("debug", "%0A"), "::debug::%250A"),
    ],
)
def test_a_command_is_one_line_with_its_own_marks_escaped(printed, expected):
    assert printed == expected


@pytest.mark.threat(6)
@settings(deadline=None)
@given(st.sampled_from(sorted(runner.COMMANDS)), TEXT, TEXT, TEXT)
def test_whatever_a_command_says_is_what_the_runner_reads(name, message, title, file):
    # The white space around all properties together is cut by the runner.
    title = f"<{title}>"
    file = f"<{file}>"

    printed = command(name, message, title=title, file=file)

    assert runner.commands(f"{printed}\n") == [
        runner.Command(name, message, {"title": title, "file": file})
    ]
