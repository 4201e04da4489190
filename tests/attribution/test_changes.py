from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from dora_deployments.attribution import changes
from dora_deployments.attribution.services import ServiceChanges
from dora_deployments.attribution.shipped import Range, Shipped
from dora_deployments.attribution.timeline import Uncertainty
from dora_deployments.deployment import Fact, Service
from tests.attribution.known import pull, sha
from tests.builders import inputs

NOON = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
RANGE = Range(base=sha(1), head=sha(3), relation="ahead", merge_base=sha(1), commits=2)
WHOLE = Shipped(previous=Fact(value=sha(1), source="x"), was_deployed=True, range=RANGE)
POINTED_TO = replace(WHOLE, was_deployed=False)
CUT = replace(WHOLE, range=replace(RANGE, missing="too much"))
ROLLBACK = replace(WHOLE, range=replace(RANGE, relation="behind"))
AGAIN = replace(WHOLE, range=replace(RANGE, relation="identical"))
UNCERTAIN = replace(WHOLE, was_deployed=False, uncertainty=Uncertainty.SEVERAL_MAKERS)
TWO = (pull(12, 2), pull(13, 3))
SHAS = (sha(2), sha(3))


def carried(*pulls, exact=True, by_path=False):
    return ServiceChanges(
        service=Service(identifier="shop"), pulls=pulls, is_exact=exact, by_path=by_path
    )


def attribution(shipped, each, *, success=True, **given):
    fact, merge_commit_shas = changes.attribution(inputs(**given), shipped, each, success=success)
    return fact.value, fact.source, merge_commit_shas


INPUT = "the input `attribution`"
NONE_ITS_OWN = "the default, since none of the pull requests that were merged meanwhile is its own"
GAPS = "the default, by which DX fills gaps itself"
FAILED = "the default, since a failed deployment ships nothing"
NOT_CERTAIN = "the default, since it is not certain which deployment came before"


# --- by what DX finds the changes


@pytest.mark.parametrize(
    ("shipped", "each", "given", "expected"),
    [
        # what is known exactly
        (WHOLE, carried(*TWO), {},
         ("pull-requests", "the commits since the previous deployment", SHAS)),
        (WHOLE, carried(*TWO, by_path=True), {}, ("pull-requests", "the changed files", SHAS)),
        (WHOLE, carried(*TWO), {"attribution": "auto"},
         ("pull-requests", "the commits since the previous deployment", SHAS)),
        # what is not
        (POINTED_TO, carried(*TWO, exact=False), {}, ("commit", GAPS, ())),
        (CUT, carried(*TWO, exact=False), {}, ("commit", GAPS, ())),
        (Shipped(), carried(exact=False), {}, ("commit", GAPS, ())),
        (Shipped(merged=TWO[0]), carried(TWO[0], exact=False), {}, ("commit", GAPS, ())),
        # what has none
        (WHOLE, carried(), {},
         ("commit", NONE_ITS_OWN, ())),
        (ROLLBACK, carried(), {},
         ("commit", "the default, since a rollback ships no pull request", ())),
        (AGAIN, carried(), {},
         ("commit", "the default, since a redeployment ships no pull request", ())),
        (AGAIN, carried(exact=False, by_path=True), {},
         ("commit", "the default, since a redeployment ships no pull request", ())),
        # what the input wants
        (WHOLE, carried(*TWO), {"attribution": "commit"}, ("commit", INPUT, ())),
        (WHOLE, carried(*TWO), {"attribution": "repository"}, ("repository", INPUT, ())),
        (WHOLE, carried(*TWO), {"attribution": "pull-requests"}, ("pull-requests", INPUT, SHAS)),
        (POINTED_TO, carried(*TWO, exact=False), {"attribution": "pull-requests"},
         ("pull-requests", INPUT, SHAS)),
        (Shipped(), carried(TWO[0], exact=False), {"attribution": "pull-requests"},
         ("pull-requests", INPUT, SHAS[:1])),
        (CUT, carried(*TWO, exact=False), {"attribution": "pull-requests"}, ("commit", GAPS, ())),
        (Shipped(), carried(exact=False), {"attribution": "pull-requests"}, ("commit", GAPS, ())),
        # what is not certain
        (UNCERTAIN, carried(exact=False), {}, ("commit", NOT_CERTAIN, ())),
        (UNCERTAIN, carried(TWO[0], exact=False), {}, ("commit", NOT_CERTAIN, ())),
        (UNCERTAIN, carried(*TWO, exact=False), {"attribution": "pull-requests"},
         ("commit", NOT_CERTAIN, ())),
        # what failed
        (WHOLE, carried(*TWO), {"success": False}, ("commit", FAILED, ())),
        (WHOLE, carried(*TWO), {"success": False, "attribution": "pull-requests"},
         ("commit", FAILED, ())),
        (WHOLE, carried(*TWO), {"success": False, "merge_commit_shas": sha(7)},
         ("commit", FAILED, ())),
        (WHOLE, carried(*TWO), {"success": False, "attribution": "commit"}, ("commit", INPUT, ())),
        (WHOLE, carried(*TWO), {"success": False, "attribution": "repository"},
         ("repository", INPUT, ())),
        # what is given by hand
        (UNCERTAIN, carried(exact=False), {"merge_commit_shas": sha(7)},
         ("pull-requests", "the input `merge-commit-shas`", (sha(7),))),
        (Shipped(), carried(exact=False), {"merge_commit_shas": sha(7)},
         ("pull-requests", "the input `merge-commit-shas`", (sha(7),))),
        (WHOLE, carried(*TWO), {"merge_commit_shas": sha(7), "attribution": "pull-requests"},
         ("pull-requests", "the input `merge-commit-shas`", (sha(7),))),
        (WHOLE, carried(*TWO), {"merge_commit_shas": sha(7), "attribution": "commit"},
         ("commit", INPUT, ())),
        (WHOLE, carried(*TWO), {"merge_commit_shas": sha(7), "attribution": "repository"},
         ("repository", INPUT, ())),
    ],
)  # fmt: skip
def test_dx_is_told_of_pull_requests_only_where_they_are_known(shipped, each, given, expected):
    assert attribution(shipped, each, **given) == expected


# --- when the first change was begun


def begun(number, minutes):
    time = None if minutes is None else NOON + timedelta(minutes=minutes)
    return pull(number, number, first_commit_at=time)


@pytest.mark.parametrize(
    ("minutes", "exact", "expected"),
    [
        ([5], True, 5),
        ([5, 3, 4], True, 3),
        ([5, 3], False, None),
        ([5, None, 3], True, None),
        ([None], True, None),
        ([], True, None),
    ],
)
def test_the_first_change_was_begun_when_all_are_known(minutes, exact, expected):
    each = carried(*(begun(*item) for item in enumerate(minutes, 1)), exact=exact)
    found = changes.first_commit_at(each)
    assert found == (None if expected is None else NOON + timedelta(minutes=expected))


# --- inputs that have no place

NO_PULLS = (
    "`attribution` is pull-requests, but no merged pull request is known to be shipped, so DX is"
    " given the commit; set `merge-commit-shas`, or leave `attribution` out"
)
NO_SHAS = "`merge-commit-shas` are not sent, since `attribution` is commit"
NO_SHAS_BUT_REPOSITORY = "`merge-commit-shas` are not sent, since `attribution` is repository"
NO_BRANCH = "`integration-branch` is not sent: DX takes it only together with one commit"
PULLS, COMMIT, REPOSITORY = {"pull-requests"}, {"commit"}, {"repository"}


@pytest.mark.parametrize(
    ("shipped", "decided", "given", "warnings"),
    [
        (WHOLE, PULLS, {}, ()),
        (WHOLE, COMMIT, {}, ()),
        (WHOLE, PULLS, {"attribution": "pull-requests"}, ()),
        (WHOLE, COMMIT, {"attribution": "pull-requests"}, (NO_PULLS,)),
        (WHOLE, PULLS | COMMIT, {"attribution": "pull-requests"}, (NO_PULLS,)),
        (ROLLBACK, COMMIT, {"attribution": "pull-requests"}, ()),
        (AGAIN, COMMIT, {"attribution": "pull-requests"}, ()),
        (WHOLE, COMMIT, {"merge_commit_shas": sha(7), "attribution": "commit"}, (NO_SHAS,)),
        (WHOLE, REPOSITORY, {"merge_commit_shas": sha(7), "attribution": "repository"},
         (NO_SHAS_BUT_REPOSITORY,)),
        (WHOLE, PULLS, {"merge_commit_shas": sha(7)}, ()),
        (WHOLE, COMMIT, {"integration_branch": "develop"}, ()),
        (WHOLE, PULLS, {"integration_branch": "develop"}, ()),
        (WHOLE, REPOSITORY, {"integration_branch": "develop", "attribution": "repository"},
         (NO_BRANCH,)),
        (WHOLE, PULLS, {"integration_branch": "develop", "merge_commit_shas": sha(7)},
         (NO_BRANCH,)),
        (WHOLE, COMMIT,
         {"integration_branch": "develop", "merge_commit_shas": sha(7), "attribution": "commit"},
         (NO_SHAS,)),
        (WHOLE, REPOSITORY,
         {"integration_branch": "develop", "merge_commit_shas": sha(7),
          "attribution": "repository"},
         (NO_SHAS_BUT_REPOSITORY, NO_BRANCH)),
    ],
)  # fmt: skip
def test_inputs_without_a_place_are_warned_about(shipped, decided, given, warnings):
    assert changes.unsent(inputs(**given), shipped, decided, success=True) == warnings


def test_a_failed_deployment_has_no_place_for_merge_commits():
    given = {"attribution": "pull-requests", "integration_branch": "develop"}
    assert changes.unsent(inputs(**given), WHOLE, COMMIT, success=False) == ()
    given["merge_commit_shas"] = sha(7)
    assert changes.unsent(inputs(**given), WHOLE, COMMIT, success=False) == (
        "`merge-commit-shas` are not sent, since the deployment failed and so shipped none of them",
    )
