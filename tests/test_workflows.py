"""The project's own workflows: few permissions, every action by its commit, no text in scripts."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PATHS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TEXTS = {path.stem: path.read_text("utf-8") for path in PATHS}
# `on` is a word of its own, which YAML 1.1 would read as true.
WORKFLOWS = {name: yaml.load(text, yaml.BaseLoader) for name, text in TEXTS.items()}
JOBS = [
    pytest.param(job, id=f"{name}-{key}")
    for name, workflow in WORKFLOWS.items()
    for key, job in workflow["jobs"].items()
]
each_job = pytest.mark.parametrize("job", JOBS)
each_workflow = pytest.mark.parametrize("name", list(WORKFLOWS))


def steps(name):
    return [step for job in WORKFLOWS[name]["jobs"].values() for step in job["steps"]]


@pytest.mark.threat(10, 15)
def test_nothing_that_a_stranger_can_cause_runs_with_secrets_or_rights():
    assert {name: list(workflow["on"]) for name, workflow in WORKFLOWS.items()} == {
        "audit": ["schedule", "workflow_dispatch"],
        "ci": ["push", "pull_request"],
        "release": ["workflow_dispatch"],
        "selftest": ["push", "pull_request", "workflow_dispatch"],
    }
    assert [name for name, text in TEXTS.items() if re.search(r"\bsecrets\b", text)] == []


@pytest.mark.threat(21)
@each_job
def test_a_job_names_its_permissions_and_ends_in_time(job):
    assert job["permissions"]
    assert set(job["permissions"].values()) <= {"read", "write"}
    assert 0 < int(job["timeout-minutes"]) <= 60


@pytest.mark.threat(21)
@each_workflow
def test_a_workflow_has_no_permission_but_those_of_its_jobs(name):
    assert WORKFLOWS[name]["permissions"] == {}


@each_workflow
def test_no_workflow_cancels_another_or_waits_for_it(name):
    assert WORKFLOWS[name]["concurrency"]["group"].startswith(name.replace("selftest", "self-test"))


@pytest.mark.threat(15, 21)
def test_only_two_jobs_may_write_and_only_after_somebody_has_agreed():
    writing = {
        (name, key): {right for right, access in job["permissions"].items() if access == "write"}
        for name, workflow in WORKFLOWS.items()
        for key, job in workflow["jobs"].items()
    }
    assert {job: rights for job, rights in writing.items() if rights} == {
        ("release", "image"): {"attestations", "id-token", "packages"},
        ("release", "publish"): {"contents"},
    }
    with_environment = [
        key for key, job in WORKFLOWS["release"]["jobs"].items() if "environment" in job
    ]
    assert with_environment == ["image", "publish"]


@pytest.mark.threat(15, 16)
@each_workflow
def test_an_action_is_named_by_its_commit_with_the_version_beside_it(name):
    found = re.findall(r"\buses: ([^\n]+)", TEXTS[name])
    assert [
        line
        for line in found
        if not re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+|\./(docker)?", line)
    ] == []


@pytest.mark.threat(15, 16)
def test_one_action_is_one_commit_in_all_workflows_and_examples():
    texts = [*TEXTS.values(), *(path.read_text("utf-8") for path in ROOT.glob("examples/*.yml"))]
    found = {line for text in texts for line in re.findall(r"\buses: (\S+@[0-9a-f]{40} .*)", text)}
    names = sorted(line.partition("@")[0] for line in found)
    assert names == sorted(set(names))


@pytest.mark.threat(5)
@each_workflow
def test_no_expression_stands_in_a_script(name):
    scripts = [step["run"] for step in steps(name) if "run" in step]
    assert [script for script in scripts if "${{" in script] == []


@each_workflow
def test_a_checkout_leaves_no_token_behind(name):
    checkouts = [step for step in steps(name) if "actions/checkout@" in step.get("uses", "")]
    assert checkouts
    assert [step for step in checkouts if step["with"] != {"persist-credentials": "false"}] == []


@pytest.mark.threat(16)
def test_a_release_takes_nothing_from_a_cache():
    text = TEXTS["release"]
    assert re.findall(r"\bcache-\S+: (\S+)", text) == ["false", "false"]
    assert re.findall(r"\bno-cache: (\S+)", text) == ["true"]


@pytest.mark.threat(17)
def test_what_is_released_is_verified_before_it_gets_a_tag():
    jobs = WORKFLOWS["release"]["jobs"]
    assert list(jobs) == ["plan", "image", "verify", "publish"]
    assert jobs["publish"]["needs"] == ["plan", "image", "verify"]
    verify = "".join(step.get("run", "") for step in jobs["verify"]["steps"])
    assert "cosign verify" in verify
    assert "gh attestation verify" in verify


def test_the_self_test_uses_the_action_on_every_system_that_it_is_for():
    jobs = WORKFLOWS["selftest"]["jobs"]
    systems = {row["system"] for row in jobs["composite"]["strategy"]["matrix"]["include"]}
    assert systems == {
        "macos-latest",
        "ubuntu-24.04-arm",
        "ubuntu-latest",
        "ubuntu-slim",
        "windows-latest",
    }
    assert jobs["docker"]["strategy"]["matrix"]["system"] == ["ubuntu-latest", "ubuntu-24.04-arm"]


def test_every_python_that_the_package_is_for_runs_the_tests_and_the_ends_the_self_test():
    pythons = WORKFLOWS["ci"]["jobs"]["tests"]["strategy"]["matrix"]["python"]
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    (oldest,) = re.findall(r'^requires-python = ">=3\.(\d+)"$', project, re.MULTILINE)
    assert pythons == [f"3.{int(oldest) + number}" for number in range(len(pythons))]
    rows = WORKFLOWS["selftest"]["jobs"]["composite"]["strategy"]["matrix"]["include"]
    named = {row["python-version"] for row in rows if "python-version" in row}
    assert named == {pythons[0], pythons[-1]}
