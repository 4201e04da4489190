"""The README's tables and workflows are those of the project."""

import json
import re
from pathlib import Path

import pytest
import yaml

from dora_deployments.actions import config
from dora_deployments.actions.inputs import Inputs
from dora_deployments.deployment import Service
from tests.builders import NOW
from tools import docs

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
YAML = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
WORKFLOWS = [text for text in YAML if text.startswith("# .github/workflows/")]
(CONFIG,) = (text for text in YAML if text.startswith("# .github/dora.yml"))
EXAMPLES = sorted((ROOT / "examples").glob("*.yml"))


@pytest.mark.parametrize("page", docs.PAGES)
def test_the_generated_parts_are_up_to_date(page):
    text = (ROOT / page).read_text("utf-8")
    assert docs.renewed(page, text) == text, "run `make docs`"


def test_a_part_that_is_out_of_step_would_be_seen():
    assert docs.renewed("README.md", README.replace("| `mode` |", "| `made` |")) == README


def test_the_readme_shows_a_workflow_for_each_of_the_two_usual_events():
    assert [list(yaml.load(text, yaml.BaseLoader)["on"]) for text in WORKFLOWS] == [
        ["pull_request"],
        ["deployment_status"],
    ]


def test_the_configuration_file_that_the_readme_shows_is_one():
    found = config.parse(CONFIG.encode(), "the README's example")
    assert [each.service for each in found.services] == [
        Service(identifier="checkout", name="Checkout", team="payments"),
        Service(identifier="search"),
    ]
    assert [(rule.glob, rule.name) for rule in found.environments] == [
        ("prod-*", "production"),
        ("live", "production"),
        ("pr-*", ""),
        ("preview/*", ""),
    ]


def test_the_configuration_file_names_the_schema_that_it_is_checked_by():
    schema = json.loads(config.SCHEMA.read_text("utf-8"))
    assert f"# yaml-language-server: $schema={schema['$id']}\n" in CONFIG
    assert schema["$id"].endswith(config.SCHEMA.relative_to(ROOT).as_posix())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_gives_inputs_that_the_action_has_and_takes(path):
    jobs = yaml.safe_load(path.read_text("utf-8"))["jobs"].values()
    steps = [step for job in jobs for step in job["steps"]]
    given = [step["with"] for step in steps if step.get("uses") == "acme/dora-deployments@v1"]
    action = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
    assert given
    for inputs in given:
        assert set(inputs) <= set(action["inputs"])
        environ = {
            f"INPUT_{name.upper()}": "0123456789abcdef0123456789abcdef" if "${{" in value else value
            for name, value in inputs.items()
        }
        Inputs.from_environ(environ, NOW)


@pytest.mark.threat(21)
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_job_that_reports_may_only_read(path):
    workflow = yaml.safe_load(path.read_text("utf-8"))
    assert workflow["permissions"] == {}
    assert set(workflow["jobs"]["report"]["permissions"].values()) == {"read"}


def test_the_commands_that_the_readme_names_exist():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    named = set(re.findall(r"\bmake ([a-z0-9-]+)", README))
    assert {"demo", "test"} <= named
    assert named <= set(re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE))


def test_every_link_within_the_project_leads_somewhere():
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []
