from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from dora_deployments.actions.config import Config, MappedService
from dora_deployments.actions.event import DeploymentEvent, Unresolved
from dora_deployments.attribution.answers import Mark, Past
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.attribution.resolve import find_shipped as shipped
from dora_deployments.attribution.shipped import Range, Shipped
from dora_deployments.attribution.subject import Subject
from dora_deployments.attribution.timeline import DeploymentRecord, Uncertainty
from dora_deployments.attribution.uncertainty import explain
from dora_deployments.deployment import Fact, Service
from tests.attribution.known import LINE, SLUG, Known, Nobody, pull, sha
from tests.builders import inputs

NOON = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
BEFORE_ELEVEN = datetime(2026, 6, 15, 10, 59, 59, tzinfo=timezone.utc)
PULLS = {2: [pull(12, 2)], 3: [pull(13, 3, base="develop")], 4: [pull(14, 4)], 5: [pull(15, 5)]}
DEPLOYED = "the last successful deployment to 'production' before, of 2026-06-15 10:00 UTC"
NO_PAST = "the deployment before this one, and so what this one ships, could not be looked up"
PUSHED = "before, where the branch was until this push, since no deployment is known"


def deployment_event(commit=4, **told):
    usual = DeploymentEvent(
        event="push",
        repository=Fact(value=SLUG, source="repository.full_name"),
        repository_id="186853261",
        commit_sha=Fact(value=sha(commit), source="after"),
        identity="x",
    )
    return replace(usual, **told)


def subject(told, *, commit=None, own=True, environment="production", **given):
    """Return the subject of an event; `commit` is one that an input names."""
    chosen = told.commit_sha
    if commit is not None:
        chosen = Fact(value=sha(commit), source="the input `commit-sha`")
        given["commit_sha"] = sha(commit)
    return Subject(
        deployment_event=told,
        inputs=inputs(**given),
        repository=SLUG,
        own=own,
        commit_sha=chosen,
        environment=environment,
    )


def deployed(commit, hour=10, **more):
    return DeploymentRecord(
        id=f"DE_{commit}",
        environment="production",
        commit_sha=sha(commit),
        task="deploy",
        created_at=NOON.replace(hour=hour) - timedelta(minutes=1),
        succeeded_at=NOON.replace(hour=hour),
        **more,
    )


def known(*deployments, marks=(), wanted=None, committed_at=None, parents=LINE, **more):
    past = Past(deployments=deployments, marks=marks, committed_at=committed_at)
    return Known(parents=parents, landed=PULLS, past_of={f"production, {wanted}": past}, **more)


def ahead(base, head):
    return Range(
        base=sha(base),
        head=sha(head),
        relation="ahead",
        merge_base=sha(base),
        commits=head - base,
        landed=tuple(pull for number in range(base + 1, head + 1) for pull in PULLS[number]),
        commit_times={sha(number): None for number in range(base + 1, head + 1)},
    )


# --- the deployment before


def test_what_came_since_the_deployment_before_is_shipped():
    assert shipped(subject(deployment_event()), known(deployed(2))) == Shipped(
        previous=Fact(value=sha(2), source=DEPLOYED),
        was_deployed=True,
        range=ahead(2, 4),
        pulls=(*PULLS[3], *PULLS[4]),
    )


def test_the_time_of_the_commit_is_that_of_the_past_or_else_of_the_comparison():
    assert (
        shipped(subject(deployment_event()), known(deployed(2), committed_at=NOON)).committed_at
        == NOON
    )
    assert shipped(subject(deployment_event()), known(committed_at=NOON)).committed_at == NOON

    class Timed(Known):
        def comparison(self, *question):
            return replace(Known.comparison(self, *question), committed_at=NOON)

    timed = Timed(parents=LINE, past_of={"production, None": Past(deployments=(deployed(2),))})
    assert shipped(subject(deployment_event()), timed).committed_at == NOON


def test_the_environment_is_asked_for_by_the_name_that_github_knows():
    found = shipped(subject(deployment_event(), environment="prod-eu"), known(deployed(2)))
    assert found == Shipped(is_first=True)


def test_a_given_commit_is_the_one_whose_deployments_are_compared():
    found = shipped(subject(deployment_event(5), commit=3), known(deployed(2)))
    assert found.range == ahead(2, 3)
    assert found.pulls == tuple(PULLS[3])


@pytest.mark.parametrize(
    ("told", "given", "base"),
    [
        ({}, {}, 3),
        ({"finished_at": Fact(value=NOON.replace(hour=11), source="x")}, {}, 3),
        ({"finished_at": Fact(value=BEFORE_ELEVEN, source="x")}, {}, 2),
        ({}, {"finished_at": "2026-06-15T11:00:00Z"}, 3),
        ({}, {"finished_at": "2026-06-15T10:59:59Z"}, 2),
        (
            {"finished_at": Fact(value=NOON.replace(hour=13), source="x")},
            {"finished_at": "2026-06-15T10:59:59Z"},
            2,
        ),
    ],
)
def test_deployments_that_succeeded_after_the_finish_are_newer(told, given, base):
    past = known(deployed(3, hour=11), deployed(2))
    assert shipped(subject(deployment_event(**told), **given), past).previous.value == sha(base)


def test_own_records_are_passed_over():
    started = Fact(value=NOON.replace(hour=10, minute=59), source="pushed_at")
    past = known(deployed(4, hour=11), deployed(2))
    assert shipped(subject(deployment_event(started_at=started)), past).previous.value == sha(2)


@pytest.mark.parametrize("deployment_ids", [frozenset(), frozenset({"DE_9"})])
def test_the_same_commit_deployed_again_is_a_redeployment(deployment_ids):
    told = deployment_event(deployment_ids=deployment_ids)
    found = shipped(subject(told), known(deployed(4, run_ids=frozenset({"70"}))))
    assert found == Shipped(
        previous=Fact(value=sha(4), source=DEPLOYED),
        was_deployed=True,
        range=Range(base=sha(4), head=sha(4), relation="identical", merge_base=sha(4), commits=0),
    )
    assert (found.is_redeployment, found.is_rollback, found.is_exact) == (True, False, True)


def test_an_ancestor_deployed_again_is_a_rollback():
    runs = [frozenset({"71"}), frozenset({"70"})]
    past = known(deployed(4, hour=11, run_ids=runs[0]), deployed(2, run_ids=runs[1]))
    found = shipped(subject(deployment_event(2)), past)
    assert found.pulls == ()
    assert (found.is_redeployment, found.is_rollback, found.is_exact) == (False, True, True)


def test_a_commit_that_does_not_build_on_the_one_before_is_warned_about():
    past = known(deployed(4), parents={**LINE, 5: (3,)})
    found = shipped(subject(deployment_event(5)), past)
    assert found.pulls == tuple(PULLS[5])
    assert (found.is_redeployment, found.is_rollback, found.is_exact) == (False, False, True)
    assert found.warnings == (
        (
            f"the deployed commit does not build on {sha(4)[:7]} ({DEPLOYED}); the changes since"
            f" {sha(3)[:7]} are counted, which both build on, and what only the former has is no"
            " longer deployed"
        ),
    )


def test_an_incomplete_range_is_not_exact_and_warned_about():
    found = shipped(subject(deployment_event()), known(deployed(2), unknown=[3]))
    assert found.pulls == tuple(PULLS[4])
    assert found.is_exact is False
    assert found.warnings == (
        (
            "the pull requests of 1 of 2 commits could not be looked up: GitHub gave up; so"
            " not all of the shipped pull requests are known"
        ),
    )


# --- `previous-sha`


def test_a_given_commit_before_counts_as_deployed_and_no_past_is_asked_for():
    past = known(deployed(1), fails={"past": AssertionError("asked")})
    assert shipped(subject(deployment_event(), previous_sha=sha(2)), past) == Shipped(
        previous=Fact(value=sha(2), source="the input `previous-sha`"),
        was_deployed=True,
        range=ahead(2, 4),
        pulls=(*PULLS[3], *PULLS[4]),
    )


def test_a_short_commit_before_is_written_in_full():
    short = "0000002"
    found = shipped(subject(deployment_event(), previous_sha=short), known())
    assert found.previous == Fact(value=short.rjust(40, "0"), source="the input `previous-sha`")


@pytest.mark.parametrize("absent", [True, False])
def test_a_given_commit_before_that_cannot_be_compared_stays(absent):
    error = LookUpError("GitHub's API answered 500", absent=absent)
    found = shipped(
        subject(deployment_event(), previous_sha=sha(2)), known(fails={"comparison": error})
    )
    assert found == Shipped(
        previous=Fact(value=sha(2), source="the input `previous-sha`"),
        was_deployed=True,
        warnings=(
            (
                "what came since 0000000 (the input `previous-sha`) could not be looked up:"
                " GitHub's API answered 500"
            ),
        ),
    )
    assert (found.is_redeployment, found.is_rollback, found.is_exact) == (False, False, False)


# --- what the branch, tag or release stood for


def test_without_a_deployment_the_push_says_what_was_before():
    told = deployment_event(before=Fact(value=sha(2), source="before"))
    found = shipped(subject(told), known())
    assert found == Shipped(
        is_first=True,
        previous=Fact(value=sha(2), source=PUSHED),
        range=ahead(2, 4),
        pulls=(*PULLS[3], *PULLS[4]),
    )
    assert found.is_exact is False


def test_what_was_only_pointed_to_was_not_rolled_back_from():
    told = deployment_event(2, before=Fact(value=sha(4), source="before"))
    found = shipped(subject(told), known())
    assert found.range.relation == "behind"
    assert (found.is_redeployment, found.is_rollback, found.is_exact) == (False, False, False)
    again = shipped(
        subject(deployment_event(4, before=Fact(value=sha(4), source="before"))), known()
    )
    assert again.range.relation == "identical"
    assert (again.is_redeployment, again.is_rollback, again.is_exact) == (False, False, False)


def test_a_deployment_counts_more_than_the_push():
    told = deployment_event(before=Fact(value=sha(3), source="before"))
    assert shipped(subject(told), known(deployed(2))).previous.source == DEPLOYED


@pytest.mark.parametrize(("marks", "kind"), [("releases", "release"), ("tags", "tag")])
def test_without_a_deployment_the_tag_before_counts(marks, kind):
    told = deployment_event(marks=marks, version=Fact(value="v2.0", source="the tag"))
    listed = (Mark(tag="v2.0", commit_sha=sha(4)), Mark(tag="v1.0", commit_sha=sha(2)))
    found = shipped(subject(told), known(marks=listed, wanted=marks))
    assert found == Shipped(
        is_first=True,
        previous=Fact(
            value=sha(2), source=f"the {kind} before, 'v1.0', since no deployment is known"
        ),
        range=ahead(2, 4),
        pulls=(*PULLS[3], *PULLS[4]),
    )


@pytest.mark.parametrize(
    "told",
    [
        {"marks": "tags", "version": Fact(value="v1.0", source="the tag")},
        {"marks": "tags"},
        {"version": Fact(value="v2.0", source="the tag")},
        {},
    ],
    ids=["the lowest version", "no version", "no marks", "neither"],
)
def test_where_nothing_was_before_nothing_is_known(told):
    marks = (Mark(tag="v1.5", commit_sha=sha(2)),)
    past = known(marks=marks, wanted=told.get("marks"))
    assert shipped(subject(deployment_event(**told)), past) == Shipped(is_first=True)


@pytest.mark.parametrize("change", [{"own": False}, {"commit": 3}])
def test_what_the_event_says_of_before_is_not_that_of_another_commit(change):
    told = deployment_event(
        before=Fact(value=sha(2), source="before"),
        marks="tags",
        version=Fact(value="v2.0", source="the tag"),
    )
    marks = (Mark(tag="v1.0", commit_sha=sha(2)),)
    without, with_tags = Past(committed_at=NOON), Past(marks=marks)
    past = Known(parents=LINE, past_of={"production, None": without, "production, tags": with_tags})
    assert shipped(subject(told, **change), past) == Shipped(is_first=True, committed_at=NOON)


# --- what is not certain


NOT_CERTAIN = (
    "it is not certain which deployment came before this one, so only the commit is reported:"
)
OWN_ENVIRONMENT = (
    "set `previous-sha`, or give each service an environment of its own; a job that only needs the"
    " environment's secrets can use `environment: {name: …, deployment: false}`"
)
SEVERAL = (
    f"{NOT_CERTAIN} several workflows, apps or people deploy to 'production', and nothing says"
    f" which of them deploys this service; {OWN_ENVIRONMENT}"
)
BY_ARGO, BY_VERCEL = deployed(2, creator="argo[bot]"), deployed(3, hour=11, creator="vercel[bot]")
AT_ELEVEN = "the last successful deployment to 'production' before, of 2026-06-15 11:00 UTC"


def test_where_several_deploy_the_nearest_is_for_people_only_and_nothing_is_shipped():
    found = shipped(subject(deployment_event()), known(BY_VERCEL, BY_ARGO))
    assert found == Shipped(
        previous=Fact(value=sha(3), source=AT_ELEVEN),
        uncertainty=Uncertainty.SEVERAL_MAKERS,
        range=ahead(3, 4),
        warnings=(SEVERAL,),
    )
    assert (found.is_redeployment, found.is_rollback, found.is_exact) == (False, False, False)


def test_the_environment_is_called_as_github_does():
    told = deployment_event(
        environment=Fact(value="Live", source="x"), deployment_ids=frozenset({"DE_9"})
    )
    past = Known(parents=LINE, past_of={"Live, None": Past(is_cut=True)})
    found = shipped(subject(told, environment="live"), past)
    assert found == Shipped(
        uncertainty=Uncertainty.LIST_CUT,
        warnings=(
            (
                f"{NOT_CERTAIN} none of the newest deployments to 'Live' that were read has"
                " succeeded, and there are more; set `previous-sha` if you know it"
            ),
        ),
    )


def test_an_ancestor_is_no_rollback_where_it_is_not_certain_what_came_before():
    found = shipped(subject(deployment_event(1)), known(BY_VERCEL, BY_ARGO))
    assert found.range.relation == "behind"
    assert (found.is_redeployment, found.is_rollback, found.is_exact) == (False, False, False)


def test_without_any_success_before_the_push_is_the_nearest_point_and_ships_nothing():
    told = deployment_event(before=Fact(value=sha(2), source="before"))
    past = Known(parents=LINE, landed=PULLS, past_of={"production, None": Past(is_cut=True)})
    found = shipped(subject(told), past)
    assert (found.previous, found.uncertainty) == (
        Fact(value=sha(2), source=PUSHED),
        Uncertainty.LIST_CUT,
    )
    assert found.pulls == ()
    assert (found.was_deployed, found.is_exact, found.is_first) == (False, False, False)


def test_what_was_pushed_since_may_have_been_deployed_without_a_record():
    told = deployment_event(before=Fact(value=sha(3), source="before"))
    found = shipped(subject(told), known(deployed(2)))
    assert (found.uncertainty, found.range) == (Uncertainty.PUSHED_WITHOUT_RECORD, ahead(2, 4))
    assert (found.is_redeployment, found.is_rollback, found.is_exact) == (False, False, False)
    assert found.warnings == (
        (
            f"{NOT_CERTAIN} GitHub has no record of this deployment to 'production', so what was"
            " pushed just before may have been deployed without one too; report in the job that"
            " deploys, give that job the environment, or set `previous-sha`"
        ),
    )


@pytest.mark.parametrize(
    "change",
    [
        {"before": Fact(value=sha(2), source="before")},
        {"before": Fact(value=sha(1), source="before")},
        {"deployment_ids": frozenset({"DE_4"})},
    ],
    ids=["deployed before", "deployed long before", "with a record"],
)
def test_a_push_on_what_was_deployed_or_with_a_record_leaves_no_doubt(change):
    told = deployment_event(before=Fact(value=sha(3), source="before"))
    past = (
        known(deployed(4, hour=11), deployed(2))
        if "deployment_ids" in change
        else known(deployed(2))
    )
    told = replace(told, environment=Fact(value="production", source="x"), **change)
    found = shipped(subject(told), past)
    assert (found.uncertainty, found.is_exact, found.range) == (None, True, ahead(2, 4))


def test_a_push_that_brought_all_of_the_pull_requests_leaves_no_doubt():
    told = deployment_event(before=Fact(value=sha(3), source="before"))
    past = replace(known(deployed(2)), landed={4: [pull(14, 4)]})
    found = shipped(subject(told), past)
    assert (found.uncertainty, found.pulls) == (None, (pull(14, 4),))


@pytest.mark.parametrize(("minutes", "why"), [(9, Uncertainty.PUSHED_WITHOUT_RECORD), (10, None)])
def test_what_was_pushed_long_before_would_have_a_record_by_now(minutes, why):
    class Timed(Known):
        def comparison(self, *question):
            found = Known.comparison(self, *question)
            times = (replace(commit, committed_at=NOON) for commit in found.commits)
            return replace(found, commits=tuple(times))

    told = deployment_event(
        before=Fact(value=sha(3), source="before"),
        started_at=Fact(value=NOON + timedelta(minutes=minutes), source="pushed_at"),
    )
    past = Past(deployments=(deployed(2),))
    timed = Timed(parents=LINE, landed=PULLS, past_of={"production, None": past})
    found = shipped(subject(told), timed)
    assert (found.uncertainty, found.is_exact) == (why, why is None)


@pytest.mark.parametrize("runs", [frozenset({"71"}), frozenset()], ids=["of a run", "of a tool"])
def test_an_older_commit_that_was_never_deployed_here_is_no_certain_rollback(runs):
    unread = deployed(4, run_ids=runs)
    found = shipped(subject(deployment_event(2)), known(unread))
    assert found == Shipped(
        previous=Fact(value=sha(4), source=DEPLOYED),
        uncertainty=Uncertainty.NEVER_DEPLOYED_BEFORE,
        range=Range(base=sha(4), head=sha(2), relation="behind", merge_base=sha(2), commits=0),
        warnings=(
            (
                f"{NOT_CERTAIN} the commit is older than what was deployed to 'production' last and"
                " was never deployed there before, so the newer one may be of another workflow or"
                " service; add `actions: read` to the job's `permissions:`, let the tool name the"
                " `service` in the payload of its deployments, or set `previous-sha`"
            ),
        ),
    )


@pytest.mark.parametrize("by", ["payload", "environment"])
def test_where_the_service_of_a_tools_deployment_is_known_an_older_commit_is_a_rollback(by):
    named = frozenset({"shop"}) if by == "payload" else frozenset[str]()
    shop = MappedService(service=Service(identifier="shop"), environments=("production",))
    told = deployment_event(
        2, environment=Fact(value="production", source="x"), named_services=named
    )
    config = Config(source="x", services=(shop,), environments=()) if by == "environment" else None
    found = shipped(replace(subject(told), config=config), known(deployed(4, services=named)))
    assert (found.is_rollback, found.uncertainty) == (True, None)


def test_an_older_commit_that_was_deployed_here_before_is_rolled_back_to():
    unread = deployed(4, hour=11, run_ids=frozenset({"71"}))
    first = deployed(2, run_ids=frozenset({"70"}))
    found = shipped(subject(deployment_event(2)), known(unread, first))
    assert (found.is_rollback, found.uncertainty) == (True, None)


@pytest.mark.parametrize("why", Uncertainty)
def test_every_uncertainty_has_its_words(why):
    words = explain(why, "'{}'")
    assert words.startswith(NOT_CERTAIN)
    assert words.count(";") >= 1


# --- what cannot be looked up


def test_without_a_past_the_push_still_says_what_was_before():
    told = deployment_event(before=Fact(value=sha(2), source="before"))
    past = known(deployed(1), fails={"past": LookUpError("GitHub's API answered 500")})
    assert shipped(subject(told), past) == Shipped(
        previous=Fact(value=sha(2), source=PUSHED),
        range=ahead(2, 4),
        pulls=(*PULLS[3], *PULLS[4]),
        warnings=(f"{NO_PAST}: GitHub's API answered 500",),
    )


def test_a_problem_with_the_past_is_told_beside_what_is_known():
    past = Known(parents={}, fails={})
    assert shipped(subject(deployment_event()), past) == Shipped(
        warnings=(f"{NO_PAST}: no such commit",)
    )


def test_every_look_up_that_fails_is_told():
    told = deployment_event(before=Fact(value=sha(2), source="before"))
    error = LookUpError("GitHub says no")
    found = shipped(subject(told), known(fails={"past": error, "comparison": error}))
    assert found.warnings == (
        f"{NO_PAST}: GitHub says no",
        f"what came since 0000000 ({PUSHED}) could not be looked up: GitHub says no",
    )


def test_an_outage_ends_the_look_ups_and_is_told_once():
    told = deployment_event(before=Fact(value=sha(2), source="before"))
    past = known(
        fails={
            "past": LookUpError("GitHub is down", outage=True),
            "comparison": AssertionError("asked"),
        }
    )
    assert shipped(subject(told), past) == Shipped(
        previous=Fact(value=sha(2), source=PUSHED), warnings=(f"{NO_PAST}: GitHub is down",)
    )


@pytest.mark.parametrize(
    ("absent", "expected"),
    [
        (True, Shipped()),
        (False, Shipped(previous=Fact(value=sha(2), source=DEPLOYED), was_deployed=True)),
    ],
)
def test_a_commit_before_that_is_gone_is_as_good_as_unknown_and_an_outage_is_not(absent, expected):
    error = LookUpError("GitHub says no", absent=absent)
    found = shipped(subject(deployment_event()), known(deployed(2), fails={"comparison": error}))
    assert found == replace(
        expected,
        warnings=(f"what came since 0000000 ({DEPLOYED}) could not be looked up: GitHub says no",),
    )


# --- merged pull requests


def merge(commit=4, **told):
    usual = deployment_event(
        event="pull_request",
        commit_sha=Fact(value=sha(commit), source="pull_request.merge_commit_sha"),
        pull_id=3498120117,
        pull_number=14,
        pull_title="Faster carts",
        branch=Fact(value="main", source="pull_request.base.ref"),
        started_at=Fact(value=NOON, source="pull_request.merged_at"),
    )
    return replace(usual, **told)


CARTS = pull(14, 4, base="main", title="Faster carts", merged_at=NOON)


def test_a_merged_pull_request_ships_itself_and_nobody_is_asked():
    assert shipped(subject(merge()), Nobody()) == Shipped(merged=CARTS, pulls=(CARTS,))


def test_a_merged_pull_request_may_tell_little_of_itself():
    bare = merge(pull_title="", branch=None, started_at=None)
    assert shipped(subject(bare), Nobody()).merged == pull(14, 4)


def test_a_merged_pull_request_of_another_repository_ships_nothing_here():
    assert shipped(subject(merge(), own=False), Nobody()) == Shipped()


def test_another_commit_does_not_change_by_what_a_pull_request_landed():
    assert shipped(subject(merge(), commit=3), Nobody()).merged == CARTS


def test_a_merge_commit_that_was_looked_up_counts_and_one_that_was_written_does_not():
    unresolved = merge(commit_sha=Unresolved(why="x", pull_request=14))
    looked_up = replace(
        subject(merge()),
        deployment_event=unresolved,
        commit_sha=Fact(value=sha(4), source="the API"),
    )
    assert shipped(looked_up, Nobody()) == Shipped(merged=CARTS, pulls=(CARTS,))
    assert shipped(subject(unresolved, commit=3), Nobody()) == Shipped()


def test_with_a_commit_before_a_merged_pull_request_ships_the_range():
    assert shipped(subject(merge(), previous_sha=sha(2)), known()) == Shipped(
        previous=Fact(value=sha(2), source="the input `previous-sha`"),
        was_deployed=True,
        range=ahead(2, 4),
        merged=CARTS,
        pulls=(*PULLS[3], *PULLS[4]),
    )


def test_a_pull_request_that_is_only_looked_at_for_its_services_ships_itself_alone():
    pull_services = subject(merge(), previous_sha=sha(2), mode="pull-services")
    assert shipped(pull_services, Nobody()) == Shipped(merged=CARTS, pulls=(CARTS,))


# --- which pull requests count


@pytest.mark.parametrize(
    ("given", "numbers"),
    [
        ({}, [12, 13, 14]),
        ({"integration_branch": "develop"}, [13]),
        ({"integration_branch": "dev"}, []),
        ({"merge_commit_shas": f"{sha(2)},{sha(4)}"}, [12, 14]),
        ({"merge_commit_shas": sha(3), "integration_branch": "develop"}, [13]),
        ({"merge_commit_shas": sha(2), "integration_branch": "develop"}, []),
        ({"merge_commit_shas": "abcdef0"}, []),
    ],
)
def test_the_inputs_say_which_pull_requests_count(given, numbers):
    found = shipped(subject(deployment_event(), **given), known(deployed(1)))
    assert [each.number for each in found.pulls] == numbers
    assert found.range.landed == (*PULLS[2], *PULLS[3], *PULLS[4])


def test_a_merge_commit_may_be_named_by_its_beginning():
    commit = int("abcdef0".ljust(40, "1"), 16)
    look_ups = Known(
        parents={1: (), 2: (1,), commit: (2,)},
        landed={2: [pull(12, 2)], commit: [pull(13, commit)]},
        past_of={"production, None": Past(deployments=(deployed(1),))},
    )
    found = shipped(subject(deployment_event(commit), merge_commit_shas="abcdef0"), look_ups)
    assert [each.number for each in found.pulls] == [13]


@pytest.mark.parametrize(
    ("given", "counts"),
    [
        ({"integration_branch": "main"}, True),
        ({"integration_branch": "develop"}, False),
        ({"merge_commit_shas": sha(4)}, True),
        ({"merge_commit_shas": sha(3)}, False),
    ],
)
def test_the_inputs_say_whether_a_merged_pull_request_counts(given, counts):
    assert shipped(subject(merge(), **given), Nobody()) == Shipped(
        merged=CARTS, pulls=(CARTS,) if counts else ()
    )


def test_a_branchs_own_past_is_no_deployment_even_where_it_cannot_be_compared():
    told = deployment_event(before=Fact(value=sha(2), source="before"))
    found = shipped(subject(told), known(fails={"comparison": LookUpError("GitHub says no")}))
    assert (found.previous, found.was_deployed) == (Fact(value=sha(2), source=PUSHED), False)
