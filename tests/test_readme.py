"""The README is one screen, and its generated part is that of the project."""

import re
from pathlib import Path

import pytest
import yaml

from tools import docs, pages

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("page", docs.PAGES)
def test_the_generated_parts_are_up_to_date(page):
    text = (ROOT / page).read_text("utf-8")
    assert docs.renewed(page, text) == text, "run `make docs`"


def test_a_part_that_is_out_of_step_would_be_seen():
    assert docs.renewed("README.md", README.replace("timeout-minutes: 5", "")) == README


def test_the_readme_is_read_in_a_minute():
    assert len(README.splitlines()) <= 100


def test_the_readme_shows_one_workflow_and_it_reports_merged_pull_requests():
    (workflow,) = (block.text for block in pages.blocks(README) if block.is_workflow)
    assert yaml.load(workflow, yaml.BaseLoader)["on"] == {"pull_request": {"types": ["closed"]}}


def test_the_readme_names_the_commands_to_try_it():
    named = set(re.findall(r"\bmake ([a-z0-9-]+)", README))
    assert {"demo", "test", "try"} <= named
