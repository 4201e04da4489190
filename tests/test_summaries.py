"""What a person sees of a run of each kind, as kept in tests/summaries."""

from pathlib import Path

import pytest

from tests.report import markdown
from tests.summaries.case import name_of, summary_of
from tests.summaries.cases import CASES, FOLDER

KEPT = {path.name: path.read_text("utf-8") for path in sorted(FOLDER.glob("*.md"))}
PICTURE = Path(__file__).parent.parent / "docs" / "pictures" / "summary.png"


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_a_person_sees_the_summary_that_is_kept(case):
    assert summary_of(case) == KEPT.get(name_of(case), ""), "run `make messages` and read it"


def test_there_is_a_file_for_each_case_and_no_other():
    assert sorted(KEPT) == sorted(map(name_of, CASES))


@pytest.mark.parametrize("name", sorted(KEPT))
def test_every_summary_is_markdown_that_github_reads_as_it_is_meant(name):
    text, _ = markdown.read(KEPT[name])
    assert "A bug in this action" not in text


def test_the_picture_in_the_readme_is_small_enough_to_be_read_with_it():
    assert PICTURE.read_bytes().startswith(b"\x89PNG")
    assert PICTURE.stat().st_size <= 150 * 1024
