"""Outputs and summary are left where the runner looks for them, or the log says why not."""

import io
import sys
from contextlib import contextmanager

import pytest

from dora_deployments.report import files
from dora_deployments.report.account import Account
from dora_deployments.report.log import Log
from dora_deployments.report.outputs import outputs
from dora_deployments.report.summary import summary
from dora_deployments.report.text import Scrubber
from tests.builders import MORE
from tests.report import runner

KEY = "fedcba9876543210fedcba9876543210"
ACCOUNT = Account(status="skipped", reason="ref-deleted", headline=f"Nothing: \u5e97 {KEY}")
SCRUB = Scrubber((KEY,))


def written(environ, account=ACCOUNT):
    """Write the files; return what the log says about it."""
    stream = io.StringIO()
    files.write(environ, account, SCRUB, Log(stream, SCRUB))
    return stream.getvalue()


@pytest.fixture
def environ(tmp_path):
    return {
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
    }


def test_both_files_are_written_and_nothing_is_said(environ, tmp_path):
    assert written(environ) == ""

    text = (tmp_path / "output").read_bytes().decode()
    assert runner.outputs(text) == outputs(ACCOUNT, SCRUB)
    assert (tmp_path / "summary").read_bytes().decode() == summary(ACCOUNT, SCRUB)
    assert KEY not in (tmp_path / "summary").read_text("utf-8")


def test_what_is_in_the_files_already_stays(environ, tmp_path):
    (tmp_path / "output").write_bytes(b"earlier=value\n")
    (tmp_path / "summary").write_bytes(b"# Earlier\n\n")

    written(environ)

    text = (tmp_path / "output").read_bytes().decode()
    assert runner.outputs(text) == {"earlier": "value", **outputs(ACCOUNT, SCRUB)}
    assert (tmp_path / "summary").read_bytes().startswith(b"# Earlier\n\n<h3>")


def test_no_line_ends_as_on_windows(environ, tmp_path):
    written(environ)

    for name in ("output", "summary"):
        assert b"\r" not in (tmp_path / name).read_bytes()


@pytest.mark.fault(101)
@pytest.mark.parametrize("absent", [{}, {"GITHUB_OUTPUT": "", "GITHUB_STEP_SUMMARY": ""}])
def test_a_file_that_is_not_named_is_said_to_be_missing(absent):
    assert written(absent) == (
        "GITHUB_OUTPUT is not set, so nothing is written there\n"
        "GITHUB_STEP_SUMMARY is not set, so nothing is written there\n"
    )


@pytest.mark.fault(101)
def test_a_file_that_cannot_be_written_keeps_nothing_else_from_being_written(environ, tmp_path):
    (tmp_path / "output").mkdir()

    line = written(environ)

    assert line == (
        "::warning title=Deployment report::the file of GITHUB_OUTPUT cannot be written (Is a"
        f" directory). {MORE}not-written\n"
    )
    assert (tmp_path / "summary").read_bytes().decode() == summary(ACCOUNT, SCRUB)


def test_a_bug_of_ours_in_one_file_keeps_the_other_from_nothing(environ, tmp_path):
    broken = Account(status="unheard of", headline="x")

    assert written(environ, broken) == (
        "::warning title=Deployment report::the file of GITHUB_STEP_SUMMARY cannot be written (a"
        f" bug in this action: KeyError). {MORE}not-written\n"
    )
    text = (tmp_path / "output").read_bytes().decode()
    assert runner.outputs(text) == outputs(broken, SCRUB)


@contextmanager
def full_disk(*, after):
    """Let no file become longer than so many bytes."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (after, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.fault(101)
@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
def test_a_disk_that_fills_up_leaves_no_half_of_an_output_on_which_the_runner_would_fail(
    environ, tmp_path
):
    (tmp_path / "output").write_bytes(b"earlier=value\n")
    (tmp_path / "summary").write_bytes(b"# Earlier\n\n")

    with full_disk(after=20):
        lines = written(environ)

    assert lines == "".join(
        f"::warning title=Deployment report::the file of {name} cannot be written (File too"
        f" large). {MORE}not-written\n"
        for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")
    )
    assert (tmp_path / "output").read_bytes() == b"earlier=value\n"
    assert (tmp_path / "summary").read_bytes() == b"# Earlier\n\n"


@pytest.mark.fault(101)
@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no /dev/full")
def test_a_device_that_is_full_is_said():
    assert written({"GITHUB_OUTPUT": "/dev/full", "GITHUB_STEP_SUMMARY": "/dev/null"}) == (
        "::warning title=Deployment report::the file of GITHUB_OUTPUT cannot be written (No space"
        f" left on device). {MORE}not-written\n"
    )
