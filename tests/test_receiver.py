"""The receivers tell what they got; the self-test's outlive the step that starts them."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest
import yaml

from tests.builders import payload_file
from tests.end_to_end.runner import ROOT, run_action
from tests.report import runner
from tools.receiver import HOSTS, expected

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


COMMAND = [sys.executable, "-X", "utf8", "-m", "tools.receiver"]
# Some tests may themselves run in a workflow.
OUTSIDE = {name: each for name, each in os.environ.items() if not name.startswith("GITHUB_")}


def receiver(folder, command, *numbers):
    variables = {**VARIABLES, "GITHUB_OUTPUT": str(folder.parent / "output")}
    return run_with(variables, command, folder, *numbers)


def run_with(variables, *arguments):
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env={**OUTSIDE, **variables},
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


# --- by hand


def test_whoever_looks_sees_each_request_with_its_answer_until_it_is_enough(tmp_path):
    folder = tmp_path / "receivers"
    with subprocess.Popen(
        [*COMMAND, "show", folder], cwd=ROOT, env=OUTSIDE, stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        try:
            hello = [process.stdout.readline() for _ in range(3)]
            names = ("datadog-site", "datadog-api-key", "dx-instance", "dx-token")
            to = dict(zip(names, re.findall(r": +(\S+)", "".join(hello[:2])), strict=True))
            run_action("push", PUSHED, inputs("composite", "delivered", **to))
            run_action("push", PUSHED, inputs("docker", "kept", **{**to, "dx-token": "another"}))
        finally:
            process.send_signal(signal.SIGINT)
        shown = process.stdout.read()

    deployment_id = f"self-test-of-run.{VARIABLES['GITHUB_RUN_ID']}"
    taken = f'200 {{"data": {{"id": "{deployment_id}", "type": "dora_deployment"}}}}'
    recorded = f'200 {{"ok": true, "deployment": {{"reference_id": "{deployment_id}"}}}}'
    refused = '401 {"ok": false, "error": "invalid_auth"}'
    (datadog,), (dx,) = (
        [each["body"] for each in found] for found in expected(VARIABLES, 1, 1).values()
    )
    to_datadog = ("Datadog was sent POST /api/v2/dora/deployment", datadog)
    to_dx = ("DX was sent POST /api/deployments.create", dx)
    assert process.returncode == 0
    assert (
        hello[2] == "Each request is shown here, until Ctrl-C. To send some by act: docs/try.md\n"
    )
    assert sorted(map(parts, shown.split("\n\n")), key=lambda each: each[::2]) == [
        (*to_dx, f"DX answered {recorded}"),
        (*to_dx, f"DX answered {refused}"),
        (*to_datadog, f"Datadog answered {taken}"),
        (*to_datadog, f"Datadog answered {taken}"),
    ]
    secrets = (folder / "secrets").read_text("utf-8")
    assert secrets == f"DATADOG_API_KEY={to['datadog-api-key']}\nDX_TOKEN={to['dx-token']}\n"


def parts(shown):
    """Return how a request was made, what its body says, and how it was answered."""
    first, *body, last = shown.strip().splitlines()
    return first, json.loads("\n".join(body)), last


@pytest.mark.parametrize(
    "uses", ["acme/dora-deployments@v1", "acme/dora-deployments/docker@0a1b2c # v1.2.3"]
)
def test_a_workflow_is_made_to_report_to_the_receivers_whatever_its_hosts(uses):
    text = f"""\
      - uses: {uses}
        with:
          datadog-site: us3.datadoghq.com # ours
          service: shop
          datadog-api-key: ${{{{ secrets.DATADOG_API_KEY }}}}
          dx-token: ${{{{ secrets.DX_TOKEN }}}}
          dx-instance: acme
"""
    hosts = HOSTS.format(datadog="http://127.0.0.1:1", dx="http://127.0.0.1:2")
    sed = subprocess.run(["sed", hosts], input=text, capture_output=True, text=True, check=True)
    assert (
        sed.stdout
        == """\
      - uses: acme/dora-deployments@v1
        with:
          service: shop
          datadog-api-key: ${{ secrets.DATADOG_API_KEY }}
          datadog-site: http://127.0.0.1:1
          dx-token: ${{ secrets.DX_TOKEN }}
          dx-instance: http://127.0.0.1:2
"""
    )


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "the following arguments are required: COMMAND"),
        (("show",), "the following arguments are required: FOLDER"),
        (("start", "{here}"), "{here} is there already; name a folder that is not"),
        (("check", "{here}", "1"), "the following arguments are required: DX"),
        (("check", "{here}", "1", "1"), "GITHUB_SERVER_URL is not set; `check` is for a workflow"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(tmp_path, arguments, why):
    refused = run_with({}, *(each.format(here=tmp_path) for each in arguments))
    assert refused.returncode in {1, 2}
    assert refused.stderr.splitlines()[-1].endswith(why.format(here=tmp_path))
    assert "Traceback" not in refused.stderr


def test_nothing_is_checked_in_a_folder_that_was_never_started(tmp_path):
    refused = receiver(tmp_path / "none", "check", "1", "1")
    assert refused.returncode == 1
    assert refused.stderr == f"there is no {tmp_path / 'none'}, which `start` makes\n"


def test_receivers_that_no_workflow_starts_are_told_of_all_the_same(tmp_path):
    folder = tmp_path / "receiver"
    started = run_with({}, "start", folder)
    ended = receiver(folder, "check", "0", "0")
    assert (started.returncode, started.stderr) == (0, "")
    assert re.findall("^[a-z-]+", started.stdout, re.MULTILINE) == [
        *("datadog-site", "datadog-api-key", "dx-instance", "dx-token")
    ]
    assert ended.returncode == 0
