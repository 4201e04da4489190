"""action.yml, docker/action.yml, the inputs' type and the outputs say the same."""

import dataclasses
import re
from pathlib import Path

import pytest
import yaml

from dora_deployments.actions.inputs import SECRETS, Inputs
from dora_deployments.report.account import Account
from dora_deployments.report.outputs import outputs
from dora_deployments.report.text import Scrubber
from tests.builders import inputs

ROOT = Path(__file__).parent.parent


def read(path):
    return yaml.safe_load((ROOT / path).read_text("utf-8"))


COMPOSITE = read("action.yml")
DOCKER = read("docker/action.yml")
STEP = COMPOSITE["runs"]["steps"][0]


def without_runs(action):
    plain = {key: value for key, value in action.items() if key not in {"runs", "outputs"}}
    descriptions = {name: output["description"] for name, output in action["outputs"].items()}
    return {**plain, "outputs": descriptions}


def test_both_actions_have_the_same_inputs_and_outputs_in_the_same_order():
    assert without_runs(COMPOSITE) == without_runs(DOCKER)
    assert list(COMPOSITE["inputs"]) == list(DOCKER["inputs"])
    assert list(COMPOSITE["outputs"]) == list(DOCKER["outputs"])


def test_the_inputs_are_the_fields_of_the_type_in_their_order():
    fields = [field.name.replace("_", "-") for field in dataclasses.fields(Inputs)]
    assert list(COMPOSITE["inputs"]) == [name for name in fields if name != "warnings"]


def test_the_outputs_are_those_that_the_program_writes_in_their_order():
    assert list(COMPOSITE["outputs"]) == list(outputs(Account(), Scrubber(())))


@pytest.mark.threat(5)
def test_the_composite_passes_on_every_input_and_where_it_is_from_and_nothing_else():
    assert STEP["env"] == {
        f"INPUT_{name.upper().replace('-', '_')}": f"${{{{ inputs.{name} }}}}"
        for name in COMPOSITE["inputs"]
    } | {
        "DORA_ACTION_REPOSITORY": "${{ github.action_repository }}",
        "DORA_ACTION_REF": "${{ github.action_ref }}",
    }


def test_the_composite_returns_every_output_of_its_step():
    assert {name: output["value"] for name, output in COMPOSITE["outputs"].items()} == {
        name: f"${{{{ steps.{STEP['id']}.outputs.{name} }}}}" for name in COMPOSITE["outputs"]
    }


def test_the_docker_action_is_built_from_this_very_commit():
    assert DOCKER["runs"] == {"using": "docker", "image": "../Dockerfile"}


@pytest.mark.threat(5)
@pytest.mark.parametrize("action", [COMPOSITE, DOCKER], ids=["composite", "docker"])
def test_expressions_stand_only_where_the_runner_evaluates_them(action):
    # Elsewhere, in a description for one, the runner refuses the whole file.
    described = [*action["inputs"].values(), *action["outputs"].values(), action]
    assert [text for text in described if "${{" in text["description"]] == []
    assert "${{" not in COMPOSITE["runs"]["steps"][0]["run"]


def test_no_default_differs_from_what_the_program_takes_for_an_absent_input():
    defaults = {
        name: declared["default"]
        for name, declared in COMPOSITE["inputs"].items()
        if "default" in declared and name != "github-token"
    }
    assert inputs(**{name.replace("-", "_"): text for name, text in defaults.items()}) == inputs()


def test_the_token_of_the_job_is_the_default_for_look_ups():
    assert COMPOSITE["inputs"]["github-token"]["default"] == "${{ github.token }}"


def test_no_input_is_declared_as_required_since_the_runner_does_not_enforce_it():
    assert {name for name, declared in COMPOSITE["inputs"].items() if declared["required"]} == set()


@pytest.mark.threat(4)
def test_every_input_that_holds_a_secret_is_one_that_is_masked():
    secret = {name for name in COMPOSITE["inputs"] if re.search(r"key|token", name)}
    assert secret == set(SECRETS)


def test_the_metadata_fits_the_marketplace():
    # GitHub Marketplace takes no description above 125 characters.
    assert len(COMPOSITE["description"]) <= 125
    assert COMPOSITE["name"] == "Report deployments to DORA backends"
    assert COMPOSITE["branding"] == {"icon": "activity", "color": "purple"}
