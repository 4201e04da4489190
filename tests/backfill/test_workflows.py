"""The workflows of the runs that deployed are asked for once."""

import pytest

from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.attribution.timeline import WorkflowOfRun
from dora_deployments.backfill.workflows import Workflows
from tests.attribution.github.conftest import Kept
from tests.attribution.look_ups import Answers

SLUG = "acme/shop"
DEPLOY = WorkflowOfRun(workflow_id=7, event="push")


def workflows_of(answers, pages=None):
    """Return the workflows of runs as GitHub answers for those words, and what it was asked."""
    look_ups = Answers(
        answers={
            ("workflows", SLUG, tuple(runs.split())): answer for runs, answer in answers.items()
        }
    )
    return Workflows(look_ups, SLUG, Kept() if pages is None else pages), look_ups.asked


def test_each_run_is_asked_for_once():
    found, asked = workflows_of({"1 2": {"1": DEPLOY, "2": None}, "3": {"3": DEPLOY}})
    assert found.of(["1", "2", "1"]) == {"1": DEPLOY, "2": None}
    assert found.of(["2", "3", "1"]) == {"2": None, "3": DEPLOY, "1": DEPLOY}
    assert found.of([]) == {}
    assert asked == [("workflows", SLUG, ("1", "2")), ("workflows", SLUG, ("3",))]


def test_a_hundred_are_asked_for_at_a_time():
    runs = [str(number) for number in range(101)]
    first, last = " ".join(runs[:100]), runs[100]
    found, asked = workflows_of({first: dict.fromkeys(runs[:100], DEPLOY), last: {last: DEPLOY}})
    assert found.of(runs) == dict.fromkeys(runs, DEPLOY)
    assert [len(run_ids) for _, _, run_ids in asked] == [100, 1]


def test_what_is_kept_is_not_asked_for_again():
    pages = Kept()
    found, _ = workflows_of({"1 2": {"1": DEPLOY, "2": None}}, pages)
    found.of(["1", "2"])
    again, asked = workflows_of({}, pages)
    assert again.of(["1", "2"]) == {"1": DEPLOY, "2": None}
    assert asked == []


def test_a_workflow_that_may_not_be_read_is_not_known_and_not_asked_for_again():
    pages = Kept()
    found, _ = workflows_of({"1 2": LookUpError("GitHub says no")}, pages)
    assert found.of(["1", "2"]) == {"1": None, "2": None}
    again, asked = workflows_of({}, pages)
    assert again.of(["1", "2"]) == {"1": None, "2": None}
    assert asked == []


@pytest.mark.parametrize(
    "error", [LookUpError("GitHub is down", outage=True), LookUpError("GitHub gave up", wait=0.0)]
)
def test_what_cannot_be_asked_now_is_not_kept(error):
    pages = Kept()
    found, _ = workflows_of({"1": error}, pages)
    with pytest.raises(LookUpError) as raised:
        found.of(["1"])
    assert raised.value is error
    assert pages == {}
