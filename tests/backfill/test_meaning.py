"""What happened in the past means what today's inputs make of it."""

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from dora_deployments.actions import config
from dora_deployments.actions.payload import Payload
from dora_deployments.backfill.meaning import Terms
from dora_deployments.backfill.past import PastEvent, named
from dora_deployments.errors import EventError, Skip
from tests.attribution.look_ups import Answers
from tests.backfill.terms import REPOSITORY, terms_of
from tests.builders import NOW, inputs, run

SHA = "7fd0709f3ed45ac797fbcf901f219c36cfe2b36a"
THEN = datetime(2026, 6, 1, 8, tzinfo=timezone.utc)
MOMENT = "2026-06-01T08:00:00Z"
CONFIG = config.parse(b'environments: {live: ["eu-*"]}', "the file")
DEPLOYMENTS, RELEASES = named("deployments"), named("releases")
RUNS = named("workflow-runs:Deploy")


def event(name, *, ref=None, **content):
    return PastEvent(
        name=name,
        payload=Payload({**content, "repository": REPOSITORY}),
        stands_at=THEN,
        finished_at=THEN,
        ref=ref,
    )


def deployment_status(environment="eu-1", ref=None, **changes):
    deployment = {"id": 7, "sha": SHA, "environment": environment, "created_at": MOMENT}
    return event(
        "deployment_status",
        ref=ref,
        action="created",
        deployment={**deployment, "ref": "v1", **changes},
        deployment_status={"state": "success", "created_at": MOMENT, "environment": environment},
    )


def release(tag="v1", **changes):
    release = {"id": 8, "tag_name": tag, "prerelease": False, "draft": False}
    return event("release", action="published", release={**release, **changes})


def workflow_run(branch):
    return event(
        "workflow_run",
        action="completed",
        workflow_run={
            "id": 9,
            "head_sha": SHA,
            "head_branch": branch,
            "conclusion": "success",
            "event": "push",
            "updated_at": MOMENT,
            "head_repository": {"full_name": "acme/shop"},
        },
    )


def test_nothing_of_this_run_is_of_the_ones_that_deployed():
    given = {"service": "shop", "mode": "backfill", "repository": "acme/former-name"}
    of_run = run(run_attempt="3")
    terms = Terms.of(RELEASES, inputs(**given), of_run, CONFIG, REPOSITORY, NOW)
    assert terms == Terms(
        source=RELEASES,
        inputs=replace(inputs(service="shop"), mode="deployment", repository=None),
        run=replace(of_run, run_id=None, sha=None, ref=None, attempt=1, actor=None),
        config=CONFIG,
        repository=REPOSITORY,
        only=None,
        now=NOW,
    )


def test_a_given_environment_is_the_one_to_look_for_among_deployments():
    terms = terms_of(DEPLOYMENTS, environment="staging")
    assert (terms.only, terms.inputs.environment) == ("staging", None)


@pytest.mark.parametrize("source", [RELEASES, RUNS, named("pull-requests")])
def test_a_given_environment_is_where_all_others_went(source):
    terms = terms_of(source, environment="staging")
    assert (terms.only, terms.inputs.environment) == (None, "staging")


def test_what_happened_comes_with_the_environment_that_is_reported():
    deployment_event, reported = terms_of(DEPLOYMENTS, CONFIG).deployment_event(
        deployment_status(), Answers()
    )
    assert reported == "live"
    assert deployment_event.environment.value == "eu-1"
    assert (deployment_event.commit_sha.value, deployment_event.runs) == (SHA, ())
    assert deployment_event.deployment_ids >= {"7"}
    assert deployment_event.version is None


def test_a_tag_is_the_version_of_its_deployment():
    past = deployment_status(ref="refs/tags/v1")
    deployment_event, _ = terms_of(DEPLOYMENTS).deployment_event(past, Answers())
    assert deployment_event.version.value == "v1"


def test_releases_go_where_the_inputs_say():
    deployment_event, reported = terms_of(RELEASES, environment="test").deployment_event(
        release(), Answers()
    )
    assert (reported, deployment_event.environment) == ("test", None)
    assert terms_of(RELEASES).deployment_event(release(), Answers())[1] == "production"


@pytest.mark.parametrize(
    ("given", "branch"), [({}, "main"), ({"branches": "next"}, "next"), ({"branches": "*"}, "any")]
)
def test_branches_are_those_of_the_inputs_or_the_default_one(given, branch):
    deployment_event, _ = terms_of(RUNS, **given).deployment_event(workflow_run(branch), Answers())
    assert deployment_event.branch.value == branch


@pytest.mark.parametrize(
    ("terms", "past", "reason"),
    [
        (terms_of(RUNS), workflow_run("next"), "branch-not-deployed"),
        (terms_of(RUNS, branches="next"), workflow_run("main"), "branch-not-deployed"),
        (terms_of(RELEASES), release(prerelease=True), "prerelease"),
        (
            terms_of(DEPLOYMENTS, CONFIG, environment_map="eu-*="),
            deployment_status(),
            "environment-ignored",
        ),
    ],
)
def test_what_the_live_path_skips_is_skipped(terms, past, reason):
    with pytest.raises(Skip) as caught:
        terms.deployment_event(past, Answers())
    assert caught.value.reason == reason


def test_what_the_live_path_cannot_read_is_a_bad_event():
    with pytest.raises(EventError):
        terms_of(DEPLOYMENTS).deployment_event(
            event("deployment_status", action="created"), Answers()
        )
