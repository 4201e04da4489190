"""The examples: complete, with few permissions, and with inputs that the action takes."""

import json
import re
from pathlib import Path

import pytest
import yaml

from dora_deployments.actions import config
from dora_deployments.actions.inputs import Inputs
from tests.builders import NOW

ROOT = Path(__file__).parent.parent
OURS = ("acme/dora-deployments@v1", "acme/dora-deployments/docker@v1")
DORA = (ROOT / "examples" / "dora.yml").read_text("utf-8")
PATHS = [path for path in sorted((ROOT / "examples").glob("*.yml")) if path.stem != "dora"]
TEXTS = {path.stem: path.read_text("utf-8") for path in PATHS}
# `on` is a word of its own, which YAML 1.1 would read as true.
WORKFLOWS = {name: yaml.load(text, yaml.BaseLoader) for name, text in TEXTS.items()}
JOBS = [
    pytest.param(job, id=f"{name}-{key}")
    for name, workflow in WORKFLOWS.items()
    for key, job in workflow["jobs"].items()
]
# What an expression may stand for, by the input that it is given to.
VALUES = {
    "datadog-api-key": "0123456789abcdef0123456789abcdef",
    "datadog-site": "datadoghq.eu",
    "dry-run": "true",
    "dx-instance": "acme",
    "dx-token": "0123456789abcdef0123456789abcdef",
    "environment": "staging",
    "github-token": "ghs_F0rTheExamples4l0ne",
    "finished-at": str(int(NOW.timestamp())),
    "repository": "acme/shop",
    "service": "checkout",
    "since": "2026-01-01",
    "started-at": str(int(NOW.timestamp())),
    "success": "failure",
    "until": "2026-04-01",
}
# They run no step of their own: each calls the workflow of the organisation.
CALLERS = ["organisation-caller", "organisation-merges"]
each_example = pytest.mark.parametrize("name", list(WORKFLOWS))
each_job = pytest.mark.parametrize("job", JOBS)


def steps(name):
    return [step for job in WORKFLOWS[name]["jobs"].values() for step in job.get("steps", ())]


def given(job):
    """Return the inputs of each step of a job that is this action."""
    return [step["with"] for step in job.get("steps", ()) if step.get("uses") in OURS]


@each_example
def test_an_example_gives_inputs_that_the_action_has_and_takes(name):
    action = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
    found = [inputs for job in WORKFLOWS[name]["jobs"].values() for inputs in given(job)]
    assert found or name in CALLERS
    for inputs in found:
        assert set(inputs) <= set(action["inputs"])
        environ = {
            f"INPUT_{key.upper()}": VALUES[key] if "${{" in value else value
            for key, value in inputs.items()
        }
        Inputs.from_environ(environ, NOW)


@pytest.mark.threat(21)
@each_example
def test_the_job_that_reports_may_only_read(name):
    workflow = WORKFLOWS[name]
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        if [inputs for inputs in given(job) if inputs.get("mode") != "replay"]:
            assert set(job["permissions"].values()) <= {"read"}


@pytest.mark.threat(21)
@each_job
def test_a_job_names_its_permissions_and_ends_in_time(job):
    assert set(job["permissions"].values()) <= {"read", "write"}
    is_for_the_past = any(inputs.get("mode") == "backfill" for inputs in given(job))
    longest = 360 if is_for_the_past else 30
    assert 0 < int(job.get("timeout-minutes", 0)) <= longest or job["uses"].startswith(
        "acme/workflows/"
    )


@each_job
def test_a_job_lasts_longer_than_its_step_may_take(job):
    for inputs in given(job):
        left = int(job["timeout-minutes"]) * 60 - int(inputs.get("timeout", "60"))
        assert left >= 240  # seconds, to install packages before and to keep files behind


@each_example
def test_a_reason_stands_beside_every_permission(name):
    lines = re.findall(r"^ +[a-z-]+: (?:read|write)\b.*", TEXTS[name], re.MULTILINE)
    assert len(lines) == sum(len(job["permissions"]) for job in WORKFLOWS[name]["jobs"].values())
    assert [line for line in lines if not re.search(" # to .", line)] == []


@pytest.mark.threat(15, 16)
@each_example
def test_a_foreign_action_is_named_by_its_commit_with_the_version_beside_it(name):
    found = re.findall(r"\buses: ([^\n]+)", TEXTS[name])
    assert [
        line
        for line in found
        if line.partition("/")[0] != "acme"
        and not re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)
    ] == []


@pytest.mark.threat(5)
@each_example
def test_no_expression_stands_in_a_script(name):
    assert [step for step in steps(name) if "${{" in step.get("run", "")] == []


@each_example
def test_a_checkout_leaves_no_token_behind(name):
    checkouts = [step for step in steps(name) if "actions/checkout@" in step.get("uses", "")]
    assert [step for step in checkouts if step["with"] != {"persist-credentials": "false"}] == []


@pytest.mark.threat(10)
def test_the_example_whose_event_has_secrets_for_all_runs_nothing_but_the_action():
    dangerous = {"pull_request_target", "workflow_run"}
    found = [name for name, workflow in WORKFLOWS.items() if {*workflow["on"]} & dangerous]
    assert found == ["workflow-run"]
    assert [step["uses"] for step in steps("workflow-run")] == ["acme/dora-deployments@v1"]


@pytest.mark.parametrize("name", CALLERS)
def test_whoever_calls_the_workflow_of_an_organisation_gives_it_what_it_takes(name):
    called = WORKFLOWS["organisation"]
    (caller,) = (job for job in WORKFLOWS[name]["jobs"].values() if "uses" in job)
    takes = called["on"]["workflow_call"]
    required = {key for key, declared in takes["inputs"].items() if declared["required"] == "true"}
    assert required <= set(caller.get("with", {})) <= set(takes["inputs"])
    assert set(caller["secrets"]) == set(takes["secrets"])
    # With fewer GitHub would refuse to start it.
    assert caller["permissions"] == called["jobs"]["report"]["permissions"]


def test_the_configuration_file_is_one_and_names_the_schema_that_it_is_checked_by():
    schema = json.loads(config.SCHEMA.read_text("utf-8"))
    first, second, _ = DORA.split("\n", 2)
    assert first == "# .github/dora.yml"
    assert second == f"# yaml-language-server: $schema={schema['$id']}"
    found = config.parse(DORA.encode(), "the example")
    assert [each.service.identifier for each in found.services] == ["checkout", "search"]


@pytest.mark.parametrize("name", ["backfill", "backfill-organisation"])
def test_a_csv_file_is_handed_over_only_by_a_run_that_wrote_it(name):
    content = WORKFLOWS[name]
    steps = content["jobs"]["backfill"]["steps"]
    (past,) = (step for step in steps if step.get("id") == "past")
    (step,) = (step for step in steps if step["name"] == "Keep the CSV file")
    assert past["with"]["mode"] == "backfill"
    assert step["if"] == (
        "${{ !cancelled() && steps.past.outputs.status != '' && steps.past.outputs.reason == '' }}"
    )
