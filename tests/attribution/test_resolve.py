from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from dora_deployments.actions.event import DeploymentEvent, RunAttempt, Unresolved
from dora_deployments.actions.events import interpret_event
from dora_deployments.attribution.answers import Past, PastQuestion
from dora_deployments.attribution.identity import deployment_id, id_of_one_service
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.attribution.resolve import Resolved, resolve
from dora_deployments.attribution.services import ServiceChanges
from dora_deployments.attribution.shipped import Shipped
from dora_deployments.attribution.timeline import DeploymentRecord
from dora_deployments.catalogue import BRANCH_UNKNOWN, COMMIT_UNKNOWN
from dora_deployments.deployment import (
    Deployment,
    Fact,
    PullRequest,
    Service,
    TouchedServices,
)
from dora_deployments.errors import EventError, InputError, Skip
from tests.attribution.known import LINE, Known, pull, sha
from tests.attribution.look_ups import Answers
from tests.builders import GITHUB_SHA, NOW, event, inputs, payload_file, run

SHA = "5a47c3f0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f6"
OTHER_SHA = "b1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f60718293a"
CLOCK = Fact(
    value=datetime(2026, 6, 15, 12, 0, 30, tzinfo=timezone.utc),
    source="the clock, since this step runs when the deployment is done",
)
STARTED = Fact(value=CLOCK.value - timedelta(minutes=7), source="deployment.created_at")
FINISHED = Fact(value=CLOCK.value - timedelta(minutes=2), source="deployment_status.created_at")


def deployment_event(**changes):
    """Return what an event told; `changes` replace single fields."""
    usual = DeploymentEvent(
        event="deployment_status",
        repository=Fact(value="acme/shop", source="repository.full_name"),
        repository_id="186853261",
        commit_sha=Fact(value=SHA, source="deployment.sha"),
        identity="deployment:3512048801",
        default_branch="main",
    )
    return replace(usual, **changes)


def merge(**changes):
    """Return the merge of pull request 117."""
    commit = Fact(value=SHA, source="pull_request.merge_commit_sha")
    usual = deployment_event(
        event="pull_request", commit_sha=commit, pull_id=3498120117, pull_number=117
    )
    return replace(usual, **changes)


def resolved(of=None, /, *, in_run=None, look_ups=None, **given):
    return resolve(
        of or deployment_event(), inputs(**given), in_run or run(), look_ups or Answers(), NOW
    )


def of_event(name, case, **given):
    told = interpret_event(event(name, payload_file(case), **given))
    return resolve(told, inputs(**given), run(), Answers(), NOW)


def skipped(of, **given):
    with pytest.raises(Skip) as raised:
        resolved(of, **given)
    assert raised.value.warn is False
    return raised.value.reason, raised.value.explanation


def refused(kind, of=None, /, topic=None, **given):
    """Return the problem; `topic` is where to read more of it, if not where the kind has it."""
    with pytest.raises(kind) as raised:
        resolved(of, **given)
    assert raised.value.topic == (topic or kind.topic)
    (problem,) = raised.value.problems
    return problem


FILE = ("file", "acme/shop", ".github/dora.yml", SHA, 262_144)
QUESTION = PastQuestion(
    environments=("production", "Production", "PRODUCTION"),
    task=None,
    commit_sha=SHA,
    run_commit=GITHUB_SHA,
)
PAST = ("past", "acme/shop", QUESTION)
NO_FILE = (
    "`.github/dora.yml` of acme/shop at 5a47c3f could not be looked up: GitHub's API answered 500;"
    " the service is named after the repository"
)
NO_PAST = (
    "the deployment before this one, and so what this one ships, could not be looked up: GitHub's"
    " API answered 500"
)
NOT_SHIPPED = (
    "`merge-commit-shas` are not sent, since the deployment failed and so shipped none of them"
)


# --- whole events


def test_a_deployment_with_every_fact_of_its_own():
    commit = "31c49334e066b8cc72f3bacdcbe7c76ff9b5284f"
    started = datetime(2026, 5, 12, 8, 20, 15, tzinfo=timezone.utc)
    finished = datetime(2026, 5, 12, 8, 24, 40, tzinfo=timezone.utc)
    shop = Service(identifier="shop")
    assert of_event("deployment_status", "deployment_status.success") == Resolved(
        deployments=(
            Deployment(
                id=deployment_id(
                    server_url="https://github.com",
                    repository_id="186853261",
                    environment="production",
                    service="shop",
                    success=True,
                    identity="deployment:3512048801",
                ),
                service=shop,
                environment="production",
                repository="acme/shop",
                repository_url="https://github.com/acme/shop",
                commit_sha=commit,
                started_at=started,
                finished_at=finished,
                success=True,
                attribution="commit",
                merge_commit_shas=(),
                integration_branch=None,
                version=None,
                team=None,
                tags=(),
                metadata={},
                is_rollback=False,
                committed_at=None,
                first_commit_at=None,
                source_url="https://github.com/acme/shop/actions/runs/8412345601/job/23078451234",
                source_name="GitHub Actions",
            ),
        ),
        repository=Fact(value="acme/shop", source="repository.full_name"),
        commit_sha=Fact(value=commit, source="deployment.sha; GITHUB_SHA was 109cf4c"),
        environment=Fact(value="production", source="deployment_status.environment"),
        repository_url="https://github.com/acme/shop",
        services=Fact(
            value=(ServiceChanges(service=shop, pulls=(), is_exact=False),),
            source="the repository's name",
        ),
        started_at=Fact(value=started, source="deployment.created_at"),
        finished_at=Fact(value=finished, source="deployment_status.created_at"),
        success=Fact(value=True, source="deployment_status.state, which is success"),
        version=None,
        attributions=(Fact(value="commit", source="the default, by which DX fills gaps itself"),),
        shipped=Shipped(is_first=True),
        touched=None,
        pulls=(),
        merge_commit_shas=(),
        finished_by_clock=False,
        warnings=(),
    )


def test_a_merged_pull_request_is_a_deployment_that_carries_itself():
    merge_commit = "7fd0709f3ed45ac797fbcf901f219c36cfe2b36a"
    found = of_event("pull_request", "pull_request.closed.merged")
    assert found.environment == Fact(
        value="production", source="the default, since the event names none"
    )
    assert found.finished_at == CLOCK
    assert found.finished_by_clock is True
    assert found.merge_commit_shas == (merge_commit,)
    itself = PullRequest(
        number=117,
        merge_commit_sha=merge_commit,
        base="main",
        title="Keep the cart of signed-out shoppers",
        merged_at=datetime(2026, 5, 11, 9, 30, 12, tzinfo=timezone.utc),
        first_commit_at=None,
    )
    assert found.shipped == Shipped(merged=itself, pulls=(itself,))
    assert found.services.value == (
        ServiceChanges(service=Service(identifier="shop"), pulls=(itself,), is_exact=False),
    )
    (deployment,) = found.deployments
    assert deployment.commit_sha == merge_commit
    assert deployment.merge_commit_shas == ()
    assert deployment.attribution == "commit"
    assert deployment.source_url == "https://github.com/acme/shop/actions/runs/8412399001"


def test_a_merged_pull_request_whose_service_is_given_is_resolved_without_any_look_up():
    look_ups = Answers()
    told = merge(branch=Fact(value="main", source="pull_request.base.ref"))
    resolved(told, look_ups=look_ups, service="shop")
    assert look_ups.asked == []


def test_a_merged_pull_request_is_resolved_without_any_look_up_but_that_of_the_config_file():
    look_ups = Answers()
    told = merge(branch=Fact(value="main", source="pull_request.base.ref"))
    resolved(told, look_ups=look_ups)
    assert look_ups.asked == [FILE]


def test_any_other_event_looks_up_what_was_deployed_before():
    look_ups = Answers()
    found = resolved(look_ups=look_ups)
    assert look_ups.asked == [FILE, PAST]
    assert found.shipped == Shipped(is_first=True)
    assert found.warnings == ()


def test_services_of_pull_requests_need_a_pull_request():
    look_ups = Answers()
    reason, explanation = skipped(deployment_event(), look_ups=look_ups, mode="pull-services")
    assert reason == "event-not-a-deployment"
    assert explanation == (
        "`mode` is pull-services, and the event 'deployment_status' is no merged pull request;"
        " run this step on pull_request with `types: [closed]`"
    )
    assert (
        refused(EventError, merge(pull_id=None), look_ups=look_ups, mode="pull-services")
        == "the payload's pull_request.id is not a number, by which alone DX knows pull requests"
    )
    assert look_ups.asked == []


def test_what_was_deployed_before_is_asked_for_by_the_events_own_task():
    told = deployment_event(task="migrate", deployment_ids=frozenset({"3512048801"}))
    assert asked_of_the_past(told).task == "migrate"
    assert asked_of_the_past(replace(told, deployment_ids=frozenset())).task is None


def test_look_ups_that_fail_are_warned_about_and_stop_nothing():
    look_ups = Answers(fails=True)
    found = resolved(look_ups=look_ups)
    assert found.warnings == (NO_FILE, NO_PAST)
    assert replace(found, shipped=Shipped(), warnings=()) == replace(
        resolved(), shipped=Shipped(), warnings=()
    )
    found = resolved(look_ups=look_ups, service="shop")
    assert found.warnings == (NO_PAST,)


@pytest.mark.parametrize(
    ("success", "attribution", "sent", "warnings"),
    [
        ("true", "pull-requests", (SHA, OTHER_SHA), ()),
        ("false", "commit", (), (NOT_SHIPPED,)),
    ],
)
def test_every_input_about_the_deployment_reaches_every_service(
    success, attribution, sent, warnings
):
    found = resolved(
        service="checkout=Checkout, cart",
        environment="live",
        repository="acme/other",
        commit_sha=OTHER_SHA,
        merge_commit_shas=f"{SHA},{OTHER_SHA}",
        version="v2",
        team="payments",
        tags="region:eu\ntier:1",
        metadata='{"change": "CHG-1"}',
        started_at="2026-06-15T11:00:00Z",
        finished_at="2026-06-15T11:10:00Z",
        success=success,
        source_url="https://ci.acme.example/7",
        source_name="Rollout",
    )
    first, second = found.deployments
    assert replace(second, id=first.id, service=first.service) == first
    assert first == Deployment(
        id=first.id,
        service=Service(identifier="checkout", name="Checkout"),
        environment="live",
        repository="acme/other",
        repository_url="https://github.com/acme/other",
        commit_sha=OTHER_SHA,
        started_at=datetime(2026, 6, 15, 11, 0, tzinfo=timezone.utc),
        finished_at=datetime(2026, 6, 15, 11, 10, tzinfo=timezone.utc),
        success=success == "true",
        attribution=attribution,
        merge_commit_shas=sent,
        version="v2",
        team="payments",
        tags=("region:eu", "tier:1"),
        metadata={"change": "CHG-1"},
        source_url="https://ci.acme.example/7",
        source_name="Rollout",
    )
    assert second.service == Service(identifier="cart")
    assert found.services == Fact(
        value=tuple(
            ServiceChanges(service=service, pulls=(), is_exact=False)
            for service in (first.service, second.service)
        ),
        source="the input `service`",
    )
    assert found.repository_url == "https://github.com/acme/other"
    assert found.repository == Fact(value="acme/other", source="the input `repository`")
    assert found.commit_sha == Fact(value=OTHER_SHA, source="the input `commit-sha`")
    assert found.environment == Fact(value="live", source="the input `environment`")
    assert found.version == Fact(value="v2", source="the input `version`")
    assert found.started_at == Fact(value=first.started_at, source="the input `started-at`")
    assert found.finished_at == Fact(value=first.finished_at, source="the input `finished-at`")
    assert found.success == Fact(value=success == "true", source="the input `success`")
    assert found.merge_commit_shas == sent
    assert found.warnings == warnings


def test_an_integration_branch_is_passed_on():
    (deployment,) = resolved(integration_branch="develop").deployments
    assert deployment.integration_branch == "develop"


# --- environment


@pytest.mark.parametrize(
    "name", ["production", "Production", "PRODUCTION", "staging", "Staging", "preview/pr-117"]
)
def test_only_production_has_one_spelling(name):
    told = deployment_event(environment=Fact(value=name, source="deployment_status.environment"))
    expected = "production" if name.lower() == "production" else name
    assert resolved(told).environment == Fact(
        value=expected, source="deployment_status.environment"
    )
    assert resolved(environment=name).environment.value == expected


def test_the_first_line_of_the_map_that_matches_the_raw_name_names_the_environment():
    told = deployment_event(
        environment=Fact(value="Prod/EU", source="deployment_status.environment")
    )
    found = resolved(told, environment_map="prod-*=wrong\nprod*=Production\nProd/EU=late")
    assert found.environment == Fact(
        value="production",
        source=(
            "`environment-map`, whose line prod*=production matches 'Prod/EU'"
            " (deployment_status.environment)"
        ),
    )
    assert found.deployments[0].environment == "production"


def test_an_environment_that_no_line_of_the_map_matches_keeps_its_name():
    told = deployment_event(environment=Fact(value="qa", source="deployment_status.environment"))
    assert resolved(told, environment_map="prod*=production").environment == told.environment


def test_an_environment_that_the_map_leaves_out_is_not_reported():
    told = deployment_event(environment=Fact(value="pr-12", source="deployment_status.environment"))
    assert skipped(told, environment_map="pr-*=\npr-12=preview") == (
        "environment-ignored",
        "the environment is 'pr-12', which `environment-map` leaves out by its line pr-*=",
    )


def test_neither_an_explicit_environment_nor_the_default_is_ever_mapped():
    told = deployment_event(environment=Fact(value="live", source="deployment_status.environment"))
    rules = "live=production\nproduction=wrong\n*="
    assert resolved(told, environment_map=rules, environment="live").environment == Fact(
        value="live", source="the input `environment`"
    )
    assert resolved(environment_map=rules).environment == Fact(
        value="production", source="the default, since the event names none"
    )


# --- branch


def on(branch, **changes):
    return deployment_event(branch=Fact(value=branch, source="pull_request.base.ref"), **changes)


def test_without_branches_only_the_default_branch_deploys():
    assert resolved(on("main")).commit_sha.value == SHA
    assert skipped(on("release/1")) == (
        "branch-not-deployed",
        (
            "pull_request.base.ref is 'release/1', not the default branch 'main'; set `branches` to"
            " report other branches"
        ),
    )


def test_branches_replaces_the_default_branch():
    assert resolved(on("release/1"), branches="release/*").commit_sha.value == SHA
    assert skipped(on("main"), branches="release/*, !release/0") == (
        "branch-not-deployed",
        "pull_request.base.ref is 'main', and `branches` is release/*, !release/0",
    )


def test_an_event_of_no_branch_is_not_filtered():
    assert resolved(branches="nothing").commit_sha.value == SHA


def ended(branch="v1.2.3", kind="unknown", **changes):
    """Return the end of a workflow run, of what may be a branch or a tag."""
    head = Fact(value=branch, source="workflow_run.head_branch")
    return deployment_event(event="workflow_run", branch=head, branch_kind=kind, **changes)


TAG = ("tag_commit", "acme/shop", "v1.2.3")
VERSION = Fact(value="v1.2.3", source="workflow_run.head_branch, a tag by GitHub's API")
NO_TAG = LookUpError("GitHub knows no such tag", absent=True)


@pytest.mark.parametrize("given", [{}, {"branches": "v*"}])
def test_a_run_of_a_tag_is_reported_with_the_tag_for_its_version(given):
    look_ups = Answers(answers={TAG: SHA})
    found = resolved(ended(), look_ups=look_ups, **given)
    assert (found.version, found.warnings) == (VERSION, ())
    assert look_ups.asked[0] == TAG
    assert [question for question, *_ in look_ups.asked] == ["tag_commit", "file", "past"]


@pytest.mark.parametrize("given", [{}, {"branches": "v*"}])
def test_a_run_of_a_release_is_of_a_tag_without_asking(given):
    look_ups = Answers()
    found = resolved(ended(kind="tag"), look_ups=look_ups, **given)
    assert found.version == Fact(value="v1.2.3", source="workflow_run.head_branch, a tag")
    assert [question for question, *_ in look_ups.asked] == ["file", "past"]


def test_branches_takes_away_tags_as_well():
    look_ups = Answers()
    for kind in ("unknown", "tag"):
        assert skipped(ended(kind=kind), look_ups=look_ups, branches="main") == (
            "branch-not-deployed",
            "workflow_run.head_branch is 'v1.2.3', and `branches` is main",
        )
    assert look_ups.asked == []


@pytest.mark.parametrize(
    ("answer", "because"),
    [
        (NO_TAG, ""),
        (
            OTHER_SHA,
            " (it may be a tag: there is a tag of that name, which is of another commit)",
        ),
        (LookUpError("no token"), " (it may be a tag: no token)"),
    ],
)
def test_what_is_not_known_to_be_a_tag_is_a_branch(answer, because):
    look_ups = Answers(answers={TAG: answer})
    assert skipped(ended(), look_ups=look_ups) == (
        "branch-not-deployed",
        (
            f"workflow_run.head_branch is 'v1.2.3', not the default branch 'main'{because}; set"
            " `branches` to report other branches"
        ),
    )


@pytest.mark.parametrize(
    ("answer", "given", "warn"),
    [
        (NO_TAG, {"github_token": "t"}, False),
        (OTHER_SHA, {"github_token": "t"}, True),
        (LookUpError("GitHub answered with 502"), {"github_token": "t"}, True),
        (LookUpError("`github-token` is empty"), {}, False),
    ],
)
def test_a_run_that_may_be_of_a_tag_is_not_skipped_in_silence(answer, given, warn):
    with pytest.raises(Skip) as raised:
        resolved(ended(), look_ups=Answers(answers={TAG: answer}), **given)
    assert (raised.value.reason, raised.value.warn) == ("branch-not-deployed", warn)


@pytest.mark.parametrize(
    ("answer", "doubt"),
    [
        (NO_TAG, ""),
        (OTHER_SHA, "there is a tag of that name, which is of another commit"),
        (LookUpError("no token"), "no token"),
    ],
)
def test_a_branch_that_deploys_and_may_be_a_tag_has_no_version(answer, doubt):
    found = resolved(ended(), look_ups=Answers(answers={TAG: answer}), branches="**")
    warning = f"no version is sent, since the branch may be a tag ({doubt}); set `version`"
    assert (found.version, found.warnings) == (None, (warning,) if doubt else ())


def test_no_tag_is_asked_for_where_it_does_not_matter():
    look_ups = Answers()
    resolved(ended("main"), look_ups=look_ups)
    resolved(ended("main"), look_ups=look_ups, branches="**")
    resolved(ended(), look_ups=look_ups, branches="**", version="v2")
    skipped(ended("a\tb"), look_ups=look_ups)
    assert [question for question, *_ in look_ups.asked] == ["file", "past"] * 3


def test_a_tag_whose_run_deployed_another_commit_is_not_its_version():
    look_ups = Answers(answers={TAG: SHA})
    assert resolved(ended(), look_ups=look_ups, commit_sha=OTHER_SHA).version is None
    assert resolved(ended(), look_ups=look_ups, commit_sha=SHA).version == VERSION
    told = ended(kind="tag", commit_sha=Unresolved(why="no commit"))
    assert resolved(told, commit_sha=OTHER_SHA).version is None
    told = ended(commit_sha=Unresolved(why="no commit"))
    assert skipped(told, look_ups=look_ups, commit_sha=SHA)[0] == "branch-not-deployed"


@pytest.mark.parametrize("given", [{}, {"commit_sha": OTHER_SHA}])
def test_a_run_of_no_branch_is_reported_if_branches_takes_any(given):
    assert resolved(ended(""), branches="**", **given).warnings == ()
    assert skipped(ended(""), branches="main", **given) == (
        "branch-not-deployed",
        "workflow_run.head_branch names no branch, and `branches` is main",
    )
    assert skipped(ended(""), **given) == (
        "branch-not-deployed",
        (
            "workflow_run.head_branch names no branch, as of a deployment that was made of a SHA;"
            " set `branches` to '**' to report those as well"
        ),
    )


def test_a_default_branch_that_the_payload_does_not_tell_is_asked_for():
    look_ups = Answers(answers={("default_branch", "acme/shop", None): "trunk"})
    told = on("trunk", default_branch=None)
    assert resolved(told, look_ups=look_ups).commit_sha.value == SHA
    reason, explanation = skipped(on("main", default_branch=None), look_ups=look_ups)
    assert reason == "branch-not-deployed"
    assert "not the default branch 'trunk'" in explanation


def test_the_default_branch_that_counts_is_that_of_the_events_own_repository():
    look_ups = Answers(answers={("default_branch", "acme/shop", None): "trunk"})
    told = on("trunk", default_branch=None)
    found = resolved(told, look_ups=look_ups, repository="acme/other", commit_sha=SHA)
    assert found.repository.value == "acme/other"


def test_a_default_branch_that_cannot_be_asked_for_makes_a_bad_event():
    told = on("main", default_branch=None)
    assert refused(EventError, told, topic=BRANCH_UNKNOWN) == (
        "the payload does not name the default branch (repository.default_branch), and GitHub's"
        " API answered 500; set `branches` to the branches that you deploy from"
    )


def test_the_default_branch_is_not_asked_for_where_branches_is_given():
    look_ups = Answers()
    resolved(on("main", default_branch=None), look_ups=look_ups, branches="main")
    assert look_ups.asked == [FILE, PAST]


# --- commit


@pytest.mark.parametrize("sha", [OTHER_SHA, "ab" * 32])
def test_a_full_sha_given_is_taken_as_it_is(sha):
    look_ups = Answers()
    found = resolved(merge(), look_ups=look_ups, commit_sha=sha.upper(), service="shop")
    assert found.commit_sha == Fact(value=sha, source="the input `commit-sha`")
    assert look_ups.asked == []


@pytest.mark.fault(95)
def test_a_short_sha_given_is_expanded():
    look_ups = Answers(answers={("commit", "acme/shop", "b1d2e3f"): OTHER_SHA})
    assert resolved(look_ups=look_ups, commit_sha="b1d2e3f").commit_sha == Fact(
        value=OTHER_SHA, source="the input `commit-sha`, b1d2e3f in full"
    )


def test_a_short_sha_is_one_of_the_repository_that_is_given():
    look_ups = Answers(answers={("commit", "acme/other", OTHER_SHA[:39]): OTHER_SHA})
    found = resolved(look_ups=look_ups, commit_sha=OTHER_SHA[:39], repository="acme/other")
    assert found.commit_sha.value == OTHER_SHA


def test_a_short_sha_that_cannot_be_expanded_is_a_bad_input():
    assert refused(InputError, commit_sha="b1d2e3f") == (
        "`commit-sha` is the short SHA b1d2e3f, which could not be looked up: GitHub's API"
        " answered 500; write all 40 digits"
    )


LOOKED_UP = [
    ({"abbreviated": "b1d2e3f"}, ("commit", "acme/shop", "b1d2e3f")),
    ({"pull_request": 117}, ("merge_commit", "acme/shop", 117)),
    ({"tag_object": SHA}, ("peeled", "acme/shop", SHA)),
    ({"tag": "checkout/v1"}, ("tag_commit", "acme/shop", "checkout/v1")),
]


@pytest.mark.parametrize(("unresolved", "question"), LOOKED_UP)
def test_what_the_payload_leaves_open_is_asked_for_with_one_question(unresolved, question):
    look_ups = Answers(answers={question: OTHER_SHA})
    told = deployment_event(commit_sha=Unresolved(why="the payload tells no commit", **unresolved))
    assert resolved(told, look_ups=look_ups).commit_sha == Fact(
        value=OTHER_SHA, source="GitHub's API, since the payload tells no commit"
    )
    about_the_commit = ("acme/shop", ".github/dora.yml", OTHER_SHA, 262_144)
    assert look_ups.asked == [
        question,
        ("file", *about_the_commit),
        ("past", "acme/shop", replace(QUESTION, commit_sha=OTHER_SHA)),
    ]


@pytest.mark.parametrize(("unresolved", "question"), LOOKED_UP)
def test_what_nobody_tells_makes_a_bad_event(unresolved, question):
    look_ups = Answers()
    told = deployment_event(commit_sha=Unresolved(why="the payload tells no commit", **unresolved))
    assert refused(EventError, told, topic=COMMIT_UNKNOWN, look_ups=look_ups) == (
        "the payload tells no commit, and GitHub's API answered 500; set `commit-sha` to the"
        " commit that was deployed"
    )
    assert look_ups.asked == [question]


def test_what_no_question_would_tell_makes_a_bad_event_at_once():
    look_ups = Answers()
    told = deployment_event(commit_sha=Unresolved(why="the payload tells no commit"))
    assert refused(EventError, told, topic=COMMIT_UNKNOWN, look_ups=look_ups) == (
        "the payload tells no commit; set `commit-sha` to the commit that was deployed"
    )
    assert look_ups.asked == []


def test_a_fallback_is_taken_with_a_warning_where_the_api_does_not_answer():
    fallback = Fact(
        value=GITHUB_SHA, source="GITHUB_SHA, since the payload has no SHA at head_commit.id"
    )
    told = deployment_event(
        commit_sha=Unresolved(
            why="the payload's head_commit.id is not a commit SHA",
            tag_object=SHA,
            fallback=fallback,
        ),
    )
    found = resolved(told)
    assert found.commit_sha == fallback
    assert found.warnings == (
        (
            "the payload's head_commit.id is not a commit SHA, and GitHub's API answered 500;"
            " GITHUB_SHA was taken, which for an annotated tag may be the tag object, so set"
            " `commit-sha` to be sure"
        ),
    )


def test_a_fallback_is_not_needed_where_the_api_answers():
    fallback = Fact(value=GITHUB_SHA, source="GITHUB_SHA")
    told = deployment_event(commit_sha=Unresolved(why="no commit", tag="v1", fallback=fallback))
    look_ups = Answers(answers={("tag_commit", "acme/shop", "v1"): OTHER_SHA})
    found = resolved(told, look_ups=look_ups)
    assert found.commit_sha.value == OTHER_SHA
    assert found.warnings == ()


def test_an_explicit_commit_needs_no_answer():
    look_ups = Answers()
    told = deployment_event(commit_sha=Unresolved(why="the payload tells no commit", tag="v1"))
    assert resolved(told, look_ups=look_ups, commit_sha=SHA).commit_sha.value == SHA
    assert look_ups.asked == [FILE, PAST]


STALE = Unresolved(why="it is open", pull_request=117, is_merge_uncertain=True)
ASKED = ("merge_commit", "acme/shop", 117)


def test_a_merge_that_the_payload_contradicts_is_confirmed_by_the_api():
    look_ups = Answers(answers={ASKED: SHA})
    found = resolved(merge(commit_sha=STALE), look_ups=look_ups)
    assert found.commit_sha == Fact(value=SHA, source="GitHub's API, since it is open")
    assert found.merge_commit_shas == (SHA,)
    found = resolved(merge(commit_sha=STALE), look_ups=look_ups, commit_sha=OTHER_SHA)
    assert found.commit_sha == Fact(value=OTHER_SHA, source="the input `commit-sha`")


@pytest.mark.parametrize("given", [{}, {"commit_sha": OTHER_SHA}])
@pytest.mark.parametrize(
    ("number", "problem"), [(117, "it is not merged"), (None, "it does not tell which one")]
)
def test_a_merge_that_nothing_confirms_is_not_reported_and_that_is_said(number, problem, given):
    look_ups = Answers(answers={ASKED: LookUpError("it is not merged")})
    stale = replace(STALE, pull_request=number)
    with pytest.raises(Skip) as raised:
        resolved(merge(commit_sha=stale), look_ups=look_ups, **given)
    assert (raised.value.reason, raised.value.warn) == ("pull-request-not-merged", True)
    assert raised.value.explanation == (
        f"it is not known whether the pull request was merged: it is open, and {problem}; if it"
        " was, run this job again once that can be looked up"
    )


# --- repository


OF_ANOTHER = (
    "`repository` is acme/other, and the event happened in acme/shop, whose commits are others;"
    " set `commit-sha` to the commit of acme/other that was deployed, or leave `repository` out"
)


def test_another_repository_given_without_its_commit_is_a_bad_input_before_anything_is_asked():
    look_ups = Answers()
    assert refused(InputError, look_ups=look_ups, repository="acme/other") == OF_ANOTHER
    told = on("topic", default_branch=None)
    assert refused(InputError, told, look_ups=look_ups, repository="acme/other") == OF_ANOTHER
    given = {"repository": "acme/other", "previous_sha": SHA, "merge_commit_shas": SHA}
    assert refused(InputError, look_ups=look_ups, **given) == OF_ANOTHER
    assert look_ups.asked == []


def test_another_repository_with_its_commit_is_reported_without_the_events_version():
    told = deployment_event(version=Fact(value="v7", source="ref, a tag"))
    found = resolved(told, repository="acme/other", commit_sha=OTHER_SHA)
    assert found.repository == Fact(value="acme/other", source="the input `repository`")
    assert found.commit_sha == Fact(value=OTHER_SHA, source="the input `commit-sha`")
    assert found.version is None
    assert found.warnings == ()
    assert resolved(told).version == Fact(value="v7", source="ref, a tag")


def test_a_repository_that_was_renamed_is_the_events_own_by_either_name():
    renamed = run(repository="acme/new-shop")
    found = resolved(in_run=renamed, repository="Acme/New-Shop")
    assert found.commit_sha.value == SHA
    assert found.deployments[0].id != resolved(in_run=renamed).deployments[0].id  # its service
    by_either = (
        resolved(in_run=renamed, service="shop", **given).deployments[0].id
        for given in ({}, {"repository": "acme/new-shop"})
    )
    assert len({*by_either}) == 1


@pytest.mark.parametrize("variables", [{"repository_id": "7"}, {"repository": ""}])
def test_a_repository_of_the_run_is_not_the_events_if_its_id_is_another(variables):
    in_run = run(**{"repository": "acme/other", **variables})
    assert refused(InputError, in_run=in_run, repository="acme/other") == OF_ANOTHER


@pytest.mark.parametrize("given", [{}, {"repository": "acme/shop"}, {"repository": "ACME/Shop"}])
@pytest.mark.parametrize("own", ["acme/shop", "Acme/Shop"])
def test_the_events_own_repository_given_is_nothing_to_warn_about(own, given):
    told = deployment_event(repository=Fact(value=own, source="repository.full_name"))
    found = resolved(told, **given)
    assert found.warnings == ()
    assert found.repository.value == own  # as GitHub writes it
    (deployment,) = found.deployments
    assert (deployment.repository, deployment.service.identifier) == (own, own.rpartition("/")[2])


@pytest.mark.parametrize("name", ["workflow_dispatch", "repository_dispatch"])
def test_a_commit_that_somebody_sent_may_be_of_another_repository(name):
    sent = Fact(value=SHA, source="client_payload.sha")
    found = resolved(deployment_event(event=name, commit_sha=sent), repository="acme/other")
    assert found.commit_sha == sent
    tip = Fact(value=GITHUB_SHA, source="GITHUB_SHA")
    told = deployment_event(event=name, commit_sha=tip)
    assert refused(InputError, told, repository="acme/other") == OF_ANOTHER


@pytest.mark.parametrize("unresolved", [{"tag": "v1"}, {"tag_object": SHA}, {"pull_request": 117}])
def test_tags_and_pull_requests_are_the_events(unresolved):
    look_ups = Answers()
    told = deployment_event(commit_sha=Unresolved(why="no commit", **unresolved))
    refused(EventError, told, topic=COMMIT_UNKNOWN, look_ups=look_ups)
    assert [asked[1] for asked in look_ups.asked] == ["acme/shop"]
    assert refused(InputError, told, repository="acme/other") == OF_ANOTHER


def test_a_short_sha_that_somebody_sent_is_the_reported_repositorys():
    look_ups = Answers()
    short = Unresolved(why="no commit", abbreviated="b1d2e3f")
    told = deployment_event(event="repository_dispatch", commit_sha=short)
    refused(EventError, told, topic=COMMIT_UNKNOWN, look_ups=look_ups, repository="acme/other")
    assert [asked[1] for asked in look_ups.asked] == ["acme/other"]
    told = deployment_event(event="push", commit_sha=short)
    assert refused(InputError, told, repository="acme/other") == OF_ANOTHER


def test_the_address_of_a_repository_is_https_on_the_server_of_the_run():
    variables = {"server_url": "http://github.acme.example:8080"}
    (deployment,) = resolved(in_run=run(**variables)).deployments
    assert deployment.repository_url == "https://github.acme.example:8080/acme/shop"


def test_the_service_is_the_given_repositorys_name():
    found = resolved(repository="acme/cart.js", commit_sha=SHA)
    assert found.services == Fact(
        value=(ServiceChanges(service=Service(identifier="cart.js"), pulls=(), is_exact=False),),
        source="the repository's name",
    )


# --- times


def test_both_times_are_the_events():
    found = resolved(deployment_event(started_at=STARTED, finished_at=FINISHED))
    assert (found.started_at, found.finished_at) == (STARTED, FINISHED)
    assert found.finished_by_clock is False


def test_without_a_finish_it_is_now_in_whole_seconds():
    found = resolved(deployment_event(started_at=STARTED))
    assert (found.started_at, found.finished_at) == (STARTED, CLOCK)
    assert found.finished_by_clock is True


def test_without_a_start_it_is_the_finish():
    start = "the finish, since no start is known"
    assert resolved().started_at == Fact(value=CLOCK.value, source=start)
    found = resolved(deployment_event(finished_at=FINISHED))
    assert found.started_at == Fact(value=FINISHED.value, source=start)


def test_times_given_win_over_the_events():
    told = deployment_event(started_at=STARTED, finished_at=FINISHED)
    found = resolved(told, started_at="2026-06-15T11:00:00Z", finished_at="2026-06-15T11:10:00Z")
    assert found.started_at.source == "the input `started-at`"
    assert found.finished_at.source == "the input `finished-at`"
    assert found.finished_by_clock is False


def test_a_finish_given_is_not_the_clocks():
    found = resolved(finished_at="2026-06-15T11:10:00Z")
    assert found.finished_at.value == datetime(2026, 6, 15, 11, 10, tzinfo=timezone.utc)
    assert found.finished_by_clock is False


def test_a_start_in_the_moment_of_the_finish_is_fine():
    told = deployment_event(started_at=replace(FINISHED, source="deployment.created_at"))
    found = resolved(replace(told, finished_at=FINISHED))
    assert found.started_at == told.started_at


@pytest.mark.parametrize("finish", [FINISHED, None])
@pytest.mark.fault(105)
def test_a_start_of_the_event_after_the_finish_is_cut_back_to_it(finish):
    late = Fact(value=CLOCK.value + timedelta(seconds=90), source="deployment.created_at")
    found = resolved(deployment_event(started_at=late, finished_at=finish))
    assert found.finished_at == (finish or CLOCK)
    assert found.started_at == Fact(
        value=found.finished_at.value, source="deployment.created_at, cut back to the finish"
    )


def test_a_start_of_the_event_after_a_finish_given_is_cut_back_to_it():
    found = resolved(deployment_event(started_at=STARTED), finished_at="2026-06-15T11:00:00Z")
    assert found.started_at.value == datetime(2026, 6, 15, 11, 0, tzinfo=timezone.utc)


def test_a_start_given_that_is_after_the_events_finish_is_a_bad_input():
    assert refused(
        InputError, deployment_event(finished_at=FINISHED), started_at="2026-06-15T12:03:31Z"
    ) == (
        "`started-at` (2026-06-15T12:03:31+00:00) is later than the finish"
        " (2026-06-15T11:58:30+00:00, from deployment_status.created_at); correct it, or set"
        " `finished-at`"
    )


def test_a_start_given_that_is_after_now_is_a_bad_input():
    assert refused(InputError, started_at="2026-06-15T12:05:31Z") == (
        "`started-at` (2026-06-15T12:05:31+00:00) is later than the finish"
        " (2026-06-15T12:00:30+00:00, from the clock, since this step runs when the deployment is"
        " done); correct it, or set `finished-at`"
    )


@pytest.mark.parametrize("start", ["12:00:30.200Z", "12:00:33Z", "12:05:30Z"])
@pytest.mark.fault(105)
def test_a_start_given_that_is_ahead_as_clocks_may_be_is_the_finish(start):
    found = resolved(started_at=f"2026-06-15T{start}")
    assert found.started_at == Fact(
        value=CLOCK.value, source="the input `started-at`, cut back to the finish"
    )


@pytest.mark.parametrize("start", ["11:58:30.200Z", "11:58:33Z", "12:03:30Z"])
def test_a_start_given_that_is_ahead_of_githubs_clock_is_the_finish(start):
    found = resolved(deployment_event(finished_at=FINISHED), started_at=f"2026-06-15T{start}")
    assert found.started_at == Fact(
        value=FINISHED.value, source="the input `started-at`, cut back to the finish"
    )


def test_a_start_and_a_finish_given_by_two_clocks_are_one_time():
    found = resolved(started_at="2026-06-15T11:00:05Z", finished_at="2026-06-15T11:00:00Z")
    assert found.started_at.value == found.finished_at.value


# --- outcome


@pytest.mark.parametrize(
    ("given", "success"),
    [("true", True), ("success", True), ("false", False), ("failure", False), ("True", True)],
)
def test_success_given_wins_over_the_events_outcome(given, success):
    told = deployment_event(success=Fact(value=not success, source="deployment_status.state"))
    found = resolved(told, success=given)
    assert found.success == Fact(value=success, source="the input `success`")
    assert found.deployments[0].success is success


@pytest.mark.parametrize("success", [True, False])
def test_without_success_the_event_tells_the_outcome(success):
    told = deployment_event(success=Fact(value=success, source="deployment_status.state"))
    assert resolved(told).success == told.success
    assert resolved(told, success="auto").success == told.success


# --- version, source


def test_a_version_given_wins_over_the_events():
    told = deployment_event(version=Fact(value="v1", source="release.tag_name"))
    assert resolved(told).version == Fact(value="v1", source="release.tag_name")
    assert resolved(told).deployments[0].version == "v1"
    assert resolved(told, version="v2").version == Fact(value="v2", source="the input `version`")


def test_the_source_is_the_input_else_the_events_log_else_this_run():
    told = deployment_event(source_url="https://ci.acme.example/log")
    (deployment,) = resolved(told, source_url="https://ci.acme.example/given").deployments
    assert deployment.source_url == "https://ci.acme.example/given"
    assert resolved(told).deployments[0].source_url == "https://ci.acme.example/log"
    run_url = "https://github.com/acme/shop/actions/runs/8412399001"
    assert resolved().deployments[0].source_url == run_url
    assert resolved(in_run=run(run_id="")).deployments[0].source_url is None


def test_the_run_is_one_of_its_own_repository_whichever_one_is_reported():
    run_url = "https://github.com/acme/shop/actions/runs/8412399001"
    for in_run in (run(), run(repository="")):
        found = resolved(in_run=in_run, repository="acme/other", commit_sha=SHA)
        assert found.deployments[0].source_url == run_url
    in_run = run(repository="acme/deploy")
    assert resolved(in_run=in_run).deployments[0].source_url == (
        "https://github.com/acme/deploy/actions/runs/8412399001"
    )


# --- pull requests and attribution


def test_a_merge_is_not_one_of_another_repository():
    found = resolved(merge(), repository="acme/other", commit_sha=SHA)
    assert found.shipped == Shipped()
    assert found.merge_commit_shas == ()


def test_a_merge_keeps_its_own_commit_where_another_was_deployed():
    found = resolved(merge(), commit_sha=OTHER_SHA, repository="ACME/shop")
    assert found.commit_sha.value == OTHER_SHA
    itself = PullRequest(number=117, merge_commit_sha=SHA)
    assert found.shipped == Shipped(merged=itself, pulls=(itself,))
    assert found.merge_commit_shas == (SHA,)


UNKNOWN_MERGE = Unresolved(why="no merge commit", pull_request=117)


def test_a_merge_whose_commit_was_asked_for_carries_itself():
    look_ups = Answers(answers={("merge_commit", "acme/shop", 117): OTHER_SHA})
    found = resolved(merge(commit_sha=UNKNOWN_MERGE, pull_id=None), look_ups=look_ups)
    itself = PullRequest(number=117, merge_commit_sha=OTHER_SHA)
    assert found.shipped == Shipped(merged=itself, pulls=(itself,))


def test_a_merge_whose_commit_nobody_knows_is_not_said_to_be_the_deployed_one():
    found = resolved(merge(commit_sha=UNKNOWN_MERGE), commit_sha=OTHER_SHA)
    assert found.commit_sha.value == OTHER_SHA
    assert found.shipped == Shipped()
    assert found.merge_commit_shas == ()


BY_HAND = {"merge_commit_shas": OTHER_SHA}
BY_COMMIT = "the default, by which DX fills gaps itself"
NOTHING_KNOWN = (
    "`attribution` is pull-requests, but no merged pull request is known to be shipped, so DX is"
    " given the commit; set `merge-commit-shas`, or leave `attribution` out"
)


@pytest.mark.parametrize(
    ("of", "given", "attribution", "source", "shas", "warnings"),
    [
        (deployment_event(), {}, "commit", BY_COMMIT, (), ()),
        (merge(), {}, "commit", BY_COMMIT, (SHA,), ()),
        (merge(), {"attribution": "auto"}, "commit", BY_COMMIT, (SHA,), ()),
        (
            merge(),
            BY_HAND,
            "pull-requests",
            "the input `merge-commit-shas`",
            (OTHER_SHA,),
            (),
        ),
        (
            deployment_event(),
            {"attribution": "pull-requests", **BY_HAND},
            "pull-requests",
            "the input `merge-commit-shas`",
            (OTHER_SHA,),
            (),
        ),
        (
            merge(),
            {"attribution": "pull-requests"},
            "pull-requests",
            "the input `attribution`",
            (SHA,),
            (),
        ),
        (
            deployment_event(),
            {"attribution": "pull-requests"},
            "commit",
            BY_COMMIT,
            (),
            (NOTHING_KNOWN,),
        ),
        (merge(), {"attribution": "commit"}, "commit", "the input `attribution`", (SHA,), ()),
        (
            deployment_event(),
            {"attribution": "commit", **BY_HAND},
            "commit",
            "the input `attribution`",
            (OTHER_SHA,),
            ("`merge-commit-shas` are not sent, since `attribution` is commit",),
        ),
        (
            merge(),
            {"attribution": "repository"},
            "repository",
            "the input `attribution`",
            (SHA,),
            (),
        ),
        (
            deployment_event(),
            {"attribution": "repository", **BY_HAND},
            "repository",
            "the input `attribution`",
            (OTHER_SHA,),
            ("`merge-commit-shas` are not sent, since `attribution` is repository",),
        ),
    ],
)
def test_what_dx_is_given(of, given, attribution, source, shas, warnings):
    found = resolved(of, **given)
    assert found.attributions == (Fact(value=attribution, source=source),)
    assert found.merge_commit_shas == shas
    assert found.warnings == warnings
    (deployment,) = found.deployments
    assert deployment.attribution == attribution
    assert deployment.merge_commit_shas == (shas if attribution == "pull-requests" else ())


@pytest.mark.parametrize("attribution", ["repository", "pull-requests"])
def test_an_integration_branch_without_a_commit_is_warned_about(attribution):
    told = merge(branch=Fact(value="develop", source="pull_request.base.ref"))
    given = {"integration_branch": "develop", "branches": "develop"}
    found = resolved(told, attribution=attribution, merge_commit_shas=SHA, **given)
    sent = ("`merge-commit-shas` are not sent, since `attribution` is repository",)
    assert found.warnings == (
        *(sent if attribution == "repository" else ()),
        "`integration-branch` is not sent: DX takes it only together with one commit",
    )
    assert resolved(told, **given).warnings == ()


def test_an_integration_branch_that_chose_the_pull_requests_need_not_be_sent():
    told = merge(branch=Fact(value="develop", source="pull_request.base.ref"))
    given = {"integration_branch": "develop", "branches": "develop"}
    found = resolved(told, attribution="pull-requests", **given)
    assert found.merge_commit_shas == found.deployments[0].merge_commit_shas == (SHA,)
    assert found.warnings == ()


def test_a_merge_into_the_integration_branch_is_shipped_by_itself():
    told = merge(branch=Fact(value="develop", source="pull_request.base.ref"))
    found = resolved(told, integration_branch="develop", branches="develop")
    itself = PullRequest(number=117, merge_commit_sha=SHA, base="develop")
    assert found.shipped == Shipped(merged=itself, pulls=(itself,))


def test_a_merge_into_another_branch_than_the_integration_branch_ships_nothing_of_its_own():
    told = merge(branch=Fact(value="main", source="pull_request.base.ref"))
    found = resolved(told, integration_branch="develop", attribution="pull-requests")
    itself = PullRequest(number=117, merge_commit_sha=SHA, base="main")
    assert found.shipped == Shipped(merged=itself, pulls=())
    assert found.merge_commit_shas == ()
    assert found.attributions == (Fact(value="commit", source=BY_COMMIT),)
    assert found.warnings == (NOTHING_KNOWN,)


# --- identity


def the_id(of=None, /, **given):
    (deployment,) = resolved(of, **given).deployments
    return deployment.id


def test_the_id_is_made_of_what_is_reported_and_of_the_events_identity():
    told = deployment_event(environment=Fact(value="prod", source="deployment_status.environment"))
    variables = {"server_url": "https://github.acme.example"}
    assert the_id(
        told,
        in_run=run(**variables),
        environment_map="prod=live",
        service="checkout=Checkout",
        success="false",
    ) == deployment_id(
        server_url="https://github.acme.example",
        repository_id="186853261",
        environment="live",
        service="checkout",
        success=False,
        identity="deployment:3512048801",
    )


@pytest.mark.parametrize(
    "given",
    [
        {"in_run": run(run_attempt="2", run_id="1", sha="", actor="ada")},
        {"finished_at": "2026-06-15T11:10:00Z"},
        {"service": "shop=The shop"},
        {"repository": "ACME/shop"},
        {"version": "v2", "team": "payments", "metadata": '{"a": 1}', "tags": "a:b"},
        {"environment": "Production"},
        {"success": "success"},
    ],
)
def test_the_id_does_not_depend_on_the_attempt_the_clock_or_how_things_are_shown(given):
    assert the_id(**given) == the_id()


def test_a_failed_first_attempt_has_another_id_than_the_good_second():
    assert the_id(success="false") != the_id()


def test_another_repository_is_known_by_its_name_in_lower_case():
    assert the_id(repository="ACME/Other", commit_sha=SHA) == deployment_id(
        server_url="https://github.com",
        repository_id="acme/other",
        environment="production",
        service="Other",
        success=True,
        identity="deployment:3512048801",
    )


def test_an_id_given_is_taken_as_it_is_for_one_service():
    assert the_id(deployment_id="rollout-2026-05-21") == "rollout-2026-05-21"


def test_an_id_given_is_hashed_with_environment_and_service_for_several():
    found = resolved(deployment_id="rollout-2026-05-21", service="cart,checkout")
    assert [deployment.id for deployment in found.deployments] == [
        id_of_one_service("rollout-2026-05-21", environment="production", service="cart"),
        id_of_one_service("rollout-2026-05-21", environment="production", service="checkout"),
    ]


def test_one_event_may_start_deployments_of_several_commits_that_an_input_names():
    def id_of(**given):
        happened = event("pull_request", payload_file("pull_request.closed.merged"), **given)
        resolved = resolve(interpret_event(happened), happened.inputs, happened.run, Answers(), NOW)
        return resolved.deployments[0].id

    merged = payload_file("pull_request.closed.merged")["pull_request"]["merge_commit_sha"]
    ids = {id_of(), id_of(commit_sha="a" * 40), id_of(commit_sha="b" * 40)}
    assert len(ids) == 3
    assert id_of(commit_sha=merged) == id_of()


def id_in(name, payload, look_ups, **given):
    """Return the id of what an event deploys, given GitHub's answers."""
    happened = event(name, payload, **given)
    found = resolve(interpret_event(happened), happened.inputs, happened.run, look_ups, NOW)
    return found.deployments[0].id


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("push", lambda commit: {"commit_sha": commit}),
        ("workflow_dispatch", lambda commit: {"commit_sha": commit}),
        ("repository_dispatch", lambda commit: {"payload": {"sha": commit}}),
    ],
)
def test_a_short_commit_is_the_same_deployment_as_the_full_one(name, given):
    case = "push.branch" if name == "push" else name
    answers = Answers(answers={("commit", "acme/shop", SHA[:7]): SHA})

    def id_of(commit):
        inputs = given(commit)
        payload = payload_file(case)
        payload.update(client_payload=inputs.pop("payload", {}))
        return id_in(name, payload, answers, **inputs)

    assert id_of(SHA[:7]) == id_of(SHA)
    assert id_of(SHA) != id_of(OTHER_SHA)


def test_a_release_that_is_published_again_on_another_commit_is_another_deployment():
    release = payload_file("release.published")
    question = ("tag_commit", "acme/shop", release["release"]["tag_name"])

    def id_of(name, commit):
        payload = {**release, "action": name}
        return id_in("release", payload, Answers(answers={question: commit}))

    assert id_of("published", SHA) == id_of("released", SHA)
    assert id_of("published", SHA) != id_of("published", OTHER_SHA)


def test_an_attempt_that_deployed_again_is_another_deployment():
    began = [CLOCK.value - timedelta(minutes=minutes) for minutes in (60, 30, 0)]

    def id_of(*successes):
        records = [
            DeploymentRecord(
                id=f"DE_{number}",
                environment="production",
                commit_sha=sha(3),
                task="deploy",
                created_at=began[number] + timedelta(minutes=1),
                succeeded_at=began[number] + timedelta(minutes=2) if succeeded else None,
                run_ids=frozenset({"8412399001"}),
            )
            for number, succeeded in enumerate(successes)
        ]
        look_ups = Known(
            parents=LINE,
            attempts={"8412399001": began},
            past_of={"production, None": Past(deployments=tuple(reversed(records)))},
        )
        told = deployment_event(
            event="push",
            identity="push:3",
            commit_sha=Fact(value=sha(3), source="after"),
            runs=(RunAttempt(run_id="8412399001", attempt=len(successes)),),
        )
        return the_id(told, look_ups=look_ups)

    def expected(identity):
        return deployment_id(
            server_url="https://github.com",
            repository_id="186853261",
            environment="production",
            service="shop",
            success=True,
            identity=identity,
        )

    assert id_of(True) == expected("push:3")
    assert id_of(True, True) == expected("push:3:attempt:2")
    assert id_of(True, False, True) == expected("push:3:attempt:3")
    assert id_of(False, True) == expected("push:3")


# --- what the changes and the configuration file tell


CONFIG = b"services:\n  shop:\n    team: payments\n    paths: ['**']\n"


def of_line(commit, *, content=None, look_ups=None, **given):
    """Resolve a deployment of a commit of `LINE`, where the third was deployed before."""
    then = CLOCK.value - timedelta(days=1)
    before = DeploymentRecord(
        id="1",
        environment="production",
        commit_sha=sha(3),
        task="deploy",
        created_at=then,
        succeeded_at=then,
    )
    known = look_ups or Known(
        parents=LINE,
        landed={4: [pull(14, 4, first_commit_at=STARTED.value)]},
        changes={14: ["a.py"], sha(5): ["b.py"]},
        past_of={"production, None": Past(deployments=(before,), committed_at=FINISHED.value)},
    )
    told = deployment_event(commit_sha=Fact(value=sha(commit), source="deployment.sha"))
    return resolve(told, inputs(**given), run(), known, NOW, content)


def test_the_times_of_the_changes_reach_the_deployment():
    (found,) = of_line(5).deployments
    assert (found.committed_at, found.first_commit_at) == (FINISHED.value, STARTED.value)
    assert found.is_rollback is False


@pytest.mark.parametrize("success", ["true", "false"])
def test_a_rollback_reaches_the_deployment_unless_it_failed(success):
    (found,) = of_line(2, success=success, previous_sha=sha(3)).deployments
    assert found.is_rollback is (success == "true")


@pytest.mark.parametrize(("given", "team"), [({}, "payments"), ({"team": "platform"}, "platform")])
def test_a_team_given_wins_over_that_of_the_configuration_file(given, team):
    (found,) = of_line(5, content=CONFIG, **given).deployments
    assert found.team == team


def test_files_that_cannot_be_looked_up_are_warned_about():
    known = Known(parents=LINE, fails={"commit_files": LookUpError("GitHub says no")})
    found = of_line(5, content=CONFIG, look_ups=known, service="shop", previous_sha=sha(3))
    assert found.warnings == (
        (
            "the changed files could not be looked up: GitHub says no; so it is not known which"
            " services they belong to"
        ),
    )


def asked_of_the_past(told, **given):
    """Return what is asked about earlier deployments."""
    look_ups = Answers()
    resolved(told, look_ups=look_ups, **given)
    questions = [asked[2] for asked in look_ups.asked if asked[0] == "past"]
    return next(question for question in questions if question.names_after is None)


def test_what_was_deployed_before_is_asked_for_by_the_raw_name_of_the_environment():
    told = deployment_event(
        environment=Fact(value="prod-eu", source="deployment.environment"),
        deployment_ids=frozenset({"3512048801"}),
    )
    assert asked_of_the_past(told, environment_map="prod-*=production") == replace(
        QUESTION,
        environments=("prod-eu", "Prod-eu", "PROD-EU", "Prod-Eu"),
        task="deploy",
        run_commit=None,
    )


def test_where_the_event_has_no_raw_name_the_likely_ones_and_the_runs_records_are_asked_for():
    told = deployment_event(event="push", environment=None)
    assert asked_of_the_past(told, environment_map="live=production\nprod-*=production") == replace(
        QUESTION, environments=("production", "live", "Production", "PRODUCTION")
    )
    ended = replace(told, event="workflow_run")
    assert asked_of_the_past(ended) == replace(QUESTION, run_commit=SHA)
    assert asked_of_the_past(ended, commit_sha=OTHER_SHA) == replace(
        QUESTION, commit_sha=OTHER_SHA, run_commit=SHA
    )
    assert asked_of_the_past(told, in_run=run(sha="")) == replace(QUESTION, run_commit=SHA)


def test_the_run_of_another_repository_says_nothing_of_the_environment():
    look_ups = Answers()
    resolved(repository="acme/other", commit_sha=OTHER_SHA, look_ups=look_ups)
    asked = replace(QUESTION, commit_sha=OTHER_SHA, run_commit=None)
    assert look_ups.asked[-2:] == [
        ("past", "acme/other", asked),
        ("past", "acme/other", replace(asked, names_after="")),
    ]


OF_ENVIRONMENTS = b"""\
services:
  web: {environments: [prod-web], name: Web, team: front}
  api: {environments: [prod-api, Live]}
environments:
  live: [prod-*]
"""


@pytest.mark.parametrize(
    ("environment", "given", "service", "source"),
    [
        ("prod-web", {}, "web", "prod-web' (deployment.environment)"),
        ("prod-api", {"environment": "prod-web"}, "api", "prod-api' (deployment.environment)"),
        (None, {"environment": "Live"}, "api", "Live' (the input `environment`)"),
    ],
)
def test_the_service_is_that_of_the_raw_name_of_the_environment(
    environment, given, service, source
):
    told = deployment_event(
        environment=environment and Fact(value=environment, source="deployment.environment")
    )
    found = resolve(told, inputs(**given), run(), Answers(), NOW, OF_ENVIRONMENTS)
    (deployment,) = found.deployments
    assert deployment.service.identifier == service
    assert deployment.environment == given.get("environment", "live")
    assert found.services.source == (
        f"`.github/dora.yml` of the workspace, whose services.{service}.environments match"
        f" '{source}"
    )


def test_a_service_found_by_its_environment_has_the_name_and_team_of_the_file():
    told = deployment_event(environment=Fact(value="prod-web", source="deployment.environment"))
    found = resolve(told, inputs(), run(), Answers(), NOW, OF_ENVIRONMENTS)
    (deployment,) = found.deployments
    assert deployment.service == Service(identifier="web", name="Web", team="front")
    assert deployment.team == "front"


def test_the_default_environment_belongs_to_no_service():
    content = b"services:\n  web: {environments: [production]}\n"
    with pytest.raises(Skip) as raised:
        resolve(deployment_event(), inputs(), run(), Answers(), NOW, content)
    assert raised.value.explanation == (
        "the event names no environment, and none has paths in `.github/dora.yml` of the workspace"
    )


def test_to_tell_of_services_is_no_deployment():
    found = resolved(merge(), mode="pull-services", service="shop")
    assert found.deployments == ()
    assert found.touched == TouchedServices(
        pull_id=3498120117, services=(Service(identifier="shop"),)
    )
