"""What a person sees of bad or odd input, as kept in tests/messages for every row about it."""

import errno
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from dora_deployments.actions.run import DOCS
from tests.messages.case import message
from tests.messages.catalogue import CASES, FOLDER, WITHOUT_MESSAGE

ROOT = Path(__file__).parent.parent
ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
KEPT = {path.name: path.read_text("utf-8") for path in sorted(FOLDER.glob("*.txt"))}
LONGEST_VARIABLE = 128 * 1024
SLICE = 8


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case.file, marks=pytest.mark.fault(*case.rows)) for case in CASES],
)
def test_a_person_sees_the_message_that_is_kept(case):
    assert message(case) == KEPT.get(case.file, ""), "run `make messages` and read what changed"


def test_there_is_a_file_for_each_case_and_no_other():
    assert sorted(KEPT) == sorted(case.file for case in CASES)


def test_every_row_about_input_has_a_case_or_a_reason_why_not():
    rows = {row for case in CASES for row in case.rows}
    assert rows | set(WITHOUT_MESSAGE) == set(range(56, 109))
    assert rows & set(WITHOUT_MESSAGE) == set()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.file)
def test_no_message_holds_a_part_of_a_secret(case):
    shown = "\n".join(lines_of(case.file, but="::add-mask::"))
    for secret in case.hidden:
        last = max(1, len(secret) - SLICE + 1)
        assert [part for i in range(last) if (part := secret[i : i + SLICE]) in shown] == []


def test_no_message_tells_of_a_bug_of_ours():
    assert [name for name, text in KEPT.items() if "internal-error" in text] == []


def test_every_bad_input_is_named_and_every_refusal_says_what_to_do():
    refusals = [
        found.groups()
        for name in KEPT
        for line in lines_of(name)
        if (found := re.fullmatch(r"::error title=Bad (input|configuration|event)::(.*)", line))
    ]
    assert len(refusals) > 100
    named = [text.split("`")[1] for kind, text in refusals if kind == "input"]
    assert set(named) <= set(ACTION["inputs"])
    assert [text for _, text in refusals if "; " not in text] == []


def test_every_annotation_says_where_to_read_more_and_there_is_such_a_place():
    annotations = [
        line
        for name in KEPT
        for line in lines_of(name)
        if re.match("::(error|warning|notice) ", line)
    ]
    links = {line.rpartition(f". Read more: {DOCS}/")[2] for line in annotations}
    assert len(links) > 30
    assert [link for link in sorted(links) if not is_a_place(*link.split("#"))] == []


def is_a_place(page, heading):
    text = (ROOT / "docs" / page).read_text("utf-8")
    return re.search(f"^### `?{re.escape(heading)}`?$", text, re.MULTILINE) is not None


@pytest.mark.fault(70)
@pytest.mark.skipif(sys.platform != "linux", reason="other systems take longer ones")
def test_the_system_starts_no_step_whose_input_is_too_long():
    environ = {"INPUT_METADATA": "x" * LONGEST_VARIABLE}
    with pytest.raises(OSError, match="Argument list too long") as raised:
        subprocess.run([sys.executable, "-c", ""], env=environ, check=True)
    assert raised.value.errno == errno.E2BIG


def lines_of(name, *, but=None):
    _, _, log = KEPT.get(name, "").partition("\n\n")
    return [line for line in log.splitlines() if but is None or not line.startswith(but)]
