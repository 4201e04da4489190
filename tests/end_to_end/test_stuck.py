"""What is around the step may be stuck: the log's reader, the runner's files, Python itself."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from tests.builders import payload_file
from tests.end_to_end.receivers import Datadog
from tests.end_to_end.runner import ROOT, environment
from tests.report import runner

KEY = "0123456789abcdef0123456789abcdef"
SLOW_PYTHON = """\
#!/bin/sh
case "$*" in
  *venv*) exec sleep 600 ;;
  *hashlib*) echo 0123456789abcdef ;;
esac
"""
WAITING_PYTHON = """\
#!/bin/sh
case "$*" in
  *hashlib*) echo 0123456789abcdef ;;
  *{during}*) touch {reached}; exec sleep 1 ;;
esac
"""
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
        " (No such device or address)"
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


def launched(folder, python, timeout):
    """Start the composite's script with a stand-in for Python."""
    tools = folder / "tools"
    tools.mkdir()
    (tools / "python3").write_text(python, "utf-8")
    (tools / "python3").chmod(0o755)
    return subprocess.Popen(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(ROOT / "launch.sh")],
        env={
            "PATH": f"{tools}:/usr/bin:/bin",
            "GITHUB_OUTPUT": str(folder / "output"),
            "RUNNER_TEMP": str(folder),
            "INPUT_TIMEOUT": timeout,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("timeout", ["1", "001"])
def test_a_python_that_makes_no_environment_in_time_is_given_up(tmp_path, timeout):
    process = launched(tmp_path, SLOW_PYTHON, timeout)
    log, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert log == (
        "::warning title=Deployment report::No Python environment could be made within 1 s; is"
        " python3-venv installed?; the deployment was not reported\n"
    )
    assert runner.outputs((tmp_path / "output").read_text("utf-8"))["status"] == "undelivered"


@pytest.mark.fault(100)
@pytest.mark.parametrize("during", ["version_info", "venv"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_job_that_is_cancelled_while_python_is_prepared_has_its_outputs(
    tmp_path, during, number, code
):
    python = WAITING_PYTHON.format(during=during, reached=tmp_path / "reached")
    process = launched(tmp_path, python, "60")
    pause = threading.Event()
    while not (tmp_path / "reached").exists():
        pause.wait(0.02)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (code, "")
    assert runner.outputs((tmp_path / "output").read_text("utf-8"))["status"] == "undelivered"
