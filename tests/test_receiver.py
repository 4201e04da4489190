"""The self-test's receivers outlive the step that starts them, and tell what they got."""

import json
import os
import subprocess
import sys

import pytest

from tests.end_to_end.runner import GITHUB_SHA, ROOT, run_action
from tests.report import runner
from tools.receiver import ENVIRONMENT, SERVICE, WORDS

VARIABLES = {
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "acme/shop",
    "GITHUB_RUN_ID": "8412399001",
    "GITHUB_SHA": GITHUB_SHA,
}
INPUTS = {
    "SERVICE": SERVICE,
    "ENVIRONMENT": ENVIRONMENT,
    "COMMIT-SHA": GITHUB_SHA,
    "STARTED-AT": "2026-05-12T08:20:15Z",
    "FINISHED-AT": "2026-05-12T08:24:40Z",
    "DEPLOYMENT-ID": "self-test-of-run.8412399001",
    "METADATA": json.dumps({"words": WORDS}),
}


def receiver(folder, command, *numbers):
    return subprocess.run(
        [sys.executable, "-X", "utf8", "-m", "tools.receiver", command, folder, *numbers],
        cwd=ROOT,
        env={**os.environ, **VARIABLES, "GITHUB_OUTPUT": str(folder.parent / "output")},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


@pytest.fixture
def reported(tmp_path):
    """Report once to receivers that another process started, and return their folder."""
    folder = tmp_path / "receiver"
    assert receiver(folder, "start").returncode == 0
    given = runner.outputs((tmp_path / "output").read_text("utf-8"))
    assert set(given) == {"datadog-site", "datadog-api-key", "dx-instance", "dx-token"}
    keys = {name.upper(): value for name, value in given.items()}
    finished = run_action("schedule", {}, {**INPUTS, **keys})
    assert finished.outputs["status"] == "delivered", finished.log
    return folder


def test_what_was_reported_is_what_the_self_test_wants(reported):
    checked = receiver(reported, "check", "1", "1")
    assert checked.returncode == 0, checked.stdout
    assert checked.stderr == ""


@pytest.mark.parametrize("numbers", [("0", "0"), ("1", "0"), ("2", "1")])
def test_a_report_too_many_or_too_few_is_seen(reported, numbers):
    checked = receiver(reported, "check", *numbers)
    assert checked.returncode == 1
    assert "::error title=Self-test::not received as wanted" in checked.stdout
