"""The self-test's receivers outlive the step that starts them, and tell what they got."""

import os
import re
import subprocess
import sys

import pytest
import yaml

from tests.builders import payload_file
from tests.end_to_end.runner import ROOT, run_action
from tests.report import runner

PUSHED = payload_file("push.branch")
VARIABLES = {
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "acme/shop",
    "GITHUB_RUN_ID": "8412399001",
    "GITHUB_SHA": PUSHED["after"],
}
JOBS = yaml.safe_load((ROOT / ".github/workflows/selftest.yml").read_text("utf-8"))["jobs"]


def inputs(job, step, **outputs):
    """Return what the workflow writes in a step's `with:`, each expression by its value."""
    (written,) = (each["with"] for each in JOBS[job]["steps"] if each.get("id") == step)
    values = {f"steps.receiver.outputs.{name}": value for name, value in outputs.items()}
    values["github.run_id"] = VARIABLES["GITHUB_RUN_ID"]
    return {
        name: re.sub(r"\$\{\{ (\S+) \}\}", lambda found: values[found[1]], str(value))
        for name, value in written.items()
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


@pytest.fixture(params=[("composite", "delivered"), ("docker", "kept")], ids=lambda step: step[0])
def reported(request, tmp_path):
    """Report once to receivers that another process started, and return their folder."""
    folder = tmp_path / "receiver"
    assert receiver(folder, "start").returncode == 0
    given = runner.outputs((tmp_path / "output").read_text("utf-8"))
    finished = run_action("push", PUSHED, inputs(*request.param, **given))
    assert finished.outputs["status"] == "delivered", finished.log
    return folder


def test_what_was_reported_is_what_the_self_test_wants(reported):
    checked = receiver(reported, "check", "1", "1")
    assert checked.returncode == 0, checked.stdout
    assert checked.stderr == ""


@pytest.mark.parametrize("reported", [("composite", "delivered")], indirect=True)
@pytest.mark.parametrize("numbers", [("0", "0"), ("1", "0"), ("2", "1")])
def test_a_report_too_many_or_too_few_is_seen(reported, numbers):
    checked = receiver(reported, "check", *numbers)
    assert checked.returncode == 1
    assert "::error title=Self-test::not received as wanted" in checked.stdout
