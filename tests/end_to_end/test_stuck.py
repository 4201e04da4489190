"""What is around the step may be stuck: the log's reader, the runner's files, Python itself."""

import contextlib
import json
import os
import subprocess
import sys

import pytest

from tests.builders import MORE, payload_file
from tests.end_to_end.receivers import Datadog
from tests.end_to_end.runner import ROOT, environment
from tests.report import runner

KEY = "0123456789abcdef0123456789abcdef"
COMMAND = [sys.executable, "-I", "-X", "utf8", "-u", str(ROOT / "entrypoint.py")]

pytestmark = [
    pytest.mark.threat(13),
    pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no such pipes"),
]


@pytest.fixture
def environ(tmp_path):
    with Datadog(api_key=KEY) as datadog:
        content = json.dumps(payload_file("deployment_status.success")).encode()
        inputs = {"DATADOG-API-KEY": KEY, "DATADOG-SITE": datadog.url}
        yield environment(tmp_path, "deployment_status", content, inputs)
        assert [received.status for received in datadog.received] == [202]


@pytest.mark.fault(101)
def test_files_of_the_runner_that_are_pipes_which_nobody_reads_hold_nothing_up(environ):
    for variable in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        os.mkfifo(environ[variable])
    finished = subprocess.run(
        COMMAND, env=environ, capture_output=True, text=True, check=False, timeout=60
    )
    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout.splitlines()[-2:] == [
        f"::warning title=Deployment report::the file of {variable} cannot be written"
        f" (No such device or address). {MORE}not-written"
        for variable in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")
    ]


@pytest.mark.fault(108)
def test_a_log_that_nobody_reads_holds_nothing_up(environ, tmp_path):
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):  # then it is full
        while True:
            os.write(writer, b"x" * 4096)
    os.set_blocking(writer, True)
    try:
        finished = subprocess.run(
            COMMAND, env=environ, stdout=writer, stderr=subprocess.PIPE, check=False, timeout=60
        )
    finally:
        os.close(reader)
        os.close(writer)
    assert (finished.returncode, finished.stderr) == (0, b"")
    assert runner.outputs((tmp_path / "output").read_text("utf-8"))["status"] == "delivered"
