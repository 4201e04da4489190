"""The long run counts what was really run, and does not take too little for success."""

import os
import subprocess
import sys
from collections import Counter

import pytest

from tests.end_to_end.runner import ROOT
from tests.fuzz.long import Tally

SUITE = """\
from hypothesis import given, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule


@settings(max_examples=1, derandomize=True)
@given(st.integers())
def test_property(number):
    assert isinstance(number, int)


class Machine(RuleBasedStateMachine):
    @rule()
    def step(self):
        pass


TestMachine = Machine.TestCase


def test_plain():
    raise AssertionError("is no property")
"""


def test_properties_and_machines_alone_are_run_with_as_many_examples_as_are_asked(tmp_path):
    (tmp_path / "test_small.py").write_text(SUITE, "utf-8")

    finished = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "--quiet", "--numprocesses", "0"),
            *("-p", "tests.fuzz.long", "--examples", "10", "--least", "11", "test_small.py"),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    last = finished.stdout.splitlines()[-1]
    assert last.startswith("fuzz: 2 properties, "), finished.stdout
    assert last.endswith(" examples, 0 failures")
    assert finished.returncode == 0


@pytest.mark.parametrize(
    ("examples", "exhausted", "told"),
    [
        ({"a::b": 600, "a::c[1]": 400}, set(), []),
        (
            {"a::b": 999},
            set(),
            ["fuzz: fewer than 1,000 examples; set FUZZ_EXAMPLES higher"],
        ),
        (
            {"a::b": 1_000, "a::c": 39},
            set(),
            ["fuzz: a::c ran 39 of 400 examples; make more of them valid"],
        ),
        ({"a::b": 1_000, "a::c": 2}, {"a::c"}, []),
    ],
    ids=["enough", "too few in all", "one too few", "there are no more"],
)
def test_a_run_of_too_few_examples_says_so(examples, exhausted, told):
    tally = Tally(asked=400, least=1_000, examples=Counter(examples), exhausted=exhausted)

    assert tally.shortcomings() == told


def test_cases_of_one_property_count_as_one():
    tally = Tally(
        asked=400, least=1_000, examples=Counter({"a::b[1]": 600, "a::b[2]": 634}), failures=2
    )

    assert str(tally) == "fuzz: 1 properties, 1,234 examples, 2 failures"
