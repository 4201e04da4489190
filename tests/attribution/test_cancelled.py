from dataclasses import dataclass

import pytest

from dora_deployments.actions.event import RunAttempt, Unresolved
from dora_deployments.attribution.answers import PullDetails
from dora_deployments.attribution.cancelled import CancellableLookUps, resolve_cancelled
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.catalogue import CANCELLED
from dora_deployments.deployment import Fact
from dora_deployments.errors import HeldBackError, Skip
from tests.attribution.test_resolve import SHA, deployment_event, merge
from tests.builders import NOW, inputs, run

UNANSWERED = "the job was cancelled before GitHub had answered"
KEPT = {
    "default_branch": (),
    "commit": ("5a47c3f",),
    "tag_commit": ("v1",),
    "peeled": (SHA,),
    "merge_commit": (117,),
    "file": ("dora.yml", SHA, 1),
    "past": ("question",),
    "latest_attempt": ("1",),
    "attempt_started_at": ("1", 2),
}
OTHERS = {
    "workflows": (("1",), {}),
    "comparison": (("base", "head"), {}),
    "landings": (((SHA,),), {}),
    "pull_details": (((117,),), {"files": True}),
    "branch_histories": (((),), {}),
    "commit_files": (((SHA,),), {}),
}
CONFIG = b"services: {cart: {paths: [cart/**]}, shop: {paths: [shop/**], environments: [live]}}"


@dataclass
class Echo:
    """Answers every question with the question itself, or all of them with an error."""

    error: LookUpError | None = None

    def __getattr__(self, name):
        def answer(*arguments, **named):
            if self.error is not None:
                raise self.error
            return name, arguments, named

        return answer


def ask(look_ups, name, arguments, named=None):
    return getattr(look_ups, name)("acme/shop", *arguments, **(named or {}))


def why_not(look_ups, name, arguments, named=None):
    with pytest.raises(LookUpError) as raised:
        ask(look_ups, name, arguments, named)
    assert raised.value.outage
    return str(raised.value)


def test_as_long_as_github_can_be_asked_it_is():
    look_ups = CancellableLookUps()
    questions = {**{name: (arguments, {}) for name, arguments in KEPT.items()}, **OTHERS}
    with look_ups.answered_by(Echo()):
        for name, (arguments, named) in questions.items():
            expected = (name, ("acme/shop", *arguments), named)
            assert ask(look_ups, name, arguments, named) == expected
        assert look_ups.has_time()
    assert look_ups.unanswered == set()


@pytest.mark.parametrize("name", KEPT)
def test_what_tells_the_deployment_has_the_answer_that_it_had(name):
    look_ups = CancellableLookUps()
    with look_ups.answered_by(Echo()):
        before = ask(look_ups, name, KEPT[name])

    assert ask(look_ups, name, KEPT[name]) == before
    assert (look_ups.has_time(), look_ups.unanswered) == (False, set())
    other = CancellableLookUps()
    assert why_not(other, name, KEPT[name]) == UNANSWERED
    assert other.unanswered == {name}


@pytest.mark.parametrize("name", OTHERS)
def test_what_tells_the_shipped_changes_has_no_answer_any_more(name):
    look_ups = CancellableLookUps()
    with look_ups.answered_by(Echo()):
        ask(look_ups, name, *OTHERS[name])

    assert why_not(look_ups, name, *OTHERS[name]) == UNANSWERED
    assert look_ups.unanswered == {name}


def test_what_pull_requests_are_made_of_is_missing_rather_than_an_error():
    look_ups = CancellableLookUps()
    assert look_ups.pull_details("acme/shop", (117,), files=False) == PullDetails()
    assert look_ups.unanswered == set()


def test_an_error_is_an_answer_as_well():
    look_ups = CancellableLookUps()
    error = LookUpError("no such file", outage=True)
    with look_ups.answered_by(Echo(error)):
        assert why_not(look_ups, "file", KEPT["file"]) == "no such file"

    assert why_not(look_ups, "file", KEPT["file"]) == "no such file"
    assert look_ups.unanswered == set()


def test_without_a_token_no_question_is_open():
    look_ups = CancellableLookUps(has_token=False)

    assert why_not(look_ups, "past", KEPT["past"]) == "`github-token` is empty"
    assert look_ups.unanswered == set()


# --- what is certain


def certain(of=None, /, look_ups=None, file=None, **given):
    look_ups = look_ups or CancellableLookUps()
    written = inputs(**{"github_token": "token", **given})
    return resolve_cancelled(of or deployment_event(), written, run(), look_ups, NOW, file)


def held_back(*arguments, **given):
    with pytest.raises(HeldBackError) as raised:
        certain(*arguments, **given)
    assert raised.value.topic == CANCELLED
    return str(raised.value)


def test_what_the_event_tells_is_certain():
    (deployment,) = certain(service="shop").deployments
    assert (deployment.commit_sha, deployment.attribution) == (SHA, "commit")
    assert deployment.merge_commit_shas == ()


def test_the_services_are_certain_by_name_and_by_environment():
    live = deployment_event(environment=Fact(value="live", source="deployment.environment"))
    by_name = certain(file=CONFIG, service="cart")
    by_environment = certain(live, file=CONFIG)
    assert [each.service.identifier for each in by_name.deployments] == ["cart"]
    assert [each.service.identifier for each in by_environment.deployments] == ["shop"]
    assert held_back(file=CONFIG) == (
        f"which of the services with `paths` were deployed is not known, since {UNANSWERED}"
    )


def test_a_commit_that_github_might_have_corrected_is_not_certain():
    why = "the payload's head_commit.id is not a commit SHA"
    fallback = Fact(value=SHA, source="GITHUB_SHA")
    tagged = deployment_event(commit_sha=Unresolved(why=why, tag_object=SHA, fallback=fallback))
    assert held_back(tagged, service="shop") == (
        f"the commit that was deployed ({why}) is not known, since {UNANSWERED}"
    )
    (by_hand,) = certain(tagged, service="shop", commit_sha=SHA).deployments
    assert by_hand.commit_sha == SHA
    refused = CancellableLookUps()
    with (
        refused.answered_by(Echo(LookUpError("no such tag", absent=True))),
        pytest.raises(LookUpError),
    ):
        refused.peeled("acme/shop", SHA)
    (taken,) = certain(tagged, refused, service="shop").deployments
    assert taken.commit_sha == SHA


@pytest.mark.parametrize("attempt", [2, None])
def test_an_attempt_that_may_have_deployed_again_is_not_certain(attempt):
    again = deployment_event(runs=(RunAttempt(run_id="1", attempt=attempt),))
    assert held_back(again, service="shop") == (
        f"whether this attempt of the run deployed again is not known, since {UNANSWERED}"
    )
    assert certain(again, service="shop", deployment_id="shop-2026-11-05-1").deployments
    assert certain(again, CancellableLookUps(has_token=False), service="shop").deployments
    recorded = deployment_event(runs=again.runs, deployment_ids=frozenset({"3512048801"}))
    assert certain(recorded, service="shop").deployments


def test_a_merge_that_is_no_deployment_has_no_services_to_be_certain_of():
    told = certain(merge(), file=CONFIG, mode="pull-services")
    assert (told.deployments, told.touched) == ((), None)
    assert [each.is_touched for each in told.services.value] == [None, None]


def test_a_branch_that_may_be_a_tag_is_held_back_and_another_one_skipped():
    branch = Fact(value="v1.0.0", source="workflow_run.head_branch")
    unsure = deployment_event(branch=branch, branch_kind="unknown")
    assert held_back(unsure, service="shop") == (
        "workflow_run.head_branch is 'v1.0.0', not the default branch 'main' (it may be a tag:"
        f" {UNANSWERED}); set `branches` to report other branches"
    )
    with pytest.raises(Skip):
        certain(deployment_event(branch=branch), service="shop")
