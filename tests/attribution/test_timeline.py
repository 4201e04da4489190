from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from dora_deployments.attribution.timeline import (
    DeploymentRecord,
    DeploymentTimeline,
    PreviousDeployment,
    ThisDeployment,
    Uncertainty,
    WorkflowOfRun,
)
from tests.attribution.known import sha

NOON = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
DEPLOY, OTHER, BY_HAND = (
    WorkflowOfRun(workflow_id=1, event="push"),
    WorkflowOfRun(workflow_id=2, event="push"),
    WorkflowOfRun(workflow_id=2, event="workflow_dispatch"),
)


def at(minute):
    return NOON + timedelta(minutes=minute)


def record(number, began, ended=None, *, commit=None, run=None, by="", services="", **more):
    """Return a record; it succeeded at `ended`, if it did. Its commit has its own number."""
    usual = {"environment": "production", "task": "deploy"}
    return DeploymentRecord(
        id=f"DE_{number}",
        commit_sha=sha(number if commit is None else commit),
        created_at=at(began),
        succeeded_at=None if ended is None else at(ended),
        run_ids=frozenset([] if run is None else run.split()),
        creator=by,
        services=frozenset(services.split()),
        **{**usual, **more},
    )


def this_one(**told):
    """Return the deployment of commit 9; times are minutes, runs and services words."""
    for name in ("began_at", "ended_at", "event_ended_at", "attempt_began_at"):
        if name in told:
            told[name] = at(told[name])
    for name in ("record_ids", "reporting_run_ids", "services"):
        if name in told:
            told[name] = frozenset(told[name].split())
    if "runs" in told:
        told["run_ids"] = tuple(told.pop("runs").split())
    return ThisDeployment(commit_sha=sha(told.pop("commit", 9)), **told)


def previous(*records, workflows=None, is_complete=True, **told):
    timeline = DeploymentTimeline(
        records=records, workflows=workflows or {}, is_complete=is_complete
    )
    return timeline.previous(this_one(**told))


def found(of, *reached, nearest=None, known=True, own=False):
    """Return the answer that `of` came before; it and `reached` are all of its series."""
    return PreviousDeployment(
        record=of,
        nearest=nearest or of,
        reached=frozenset(each.commit_sha for each in (of, *reached)),
        is_maker_known=known,
        has_own_record=own,
    )


def uncertain(why, nearest=None, *, own=False):
    return PreviousDeployment(uncertainty=why, nearest=nearest, has_own_record=own)


# --- the last success before


def test_without_records_there_is_none_before():
    assert previous() == PreviousDeployment()


def test_the_last_one_that_ever_succeeded_came_before():
    one, two, failed = record(1, 1, 2), record(2, 3, 4), record(3, 5)
    assert previous(failed, two, one) == found(two, one)
    assert previous(failed) == PreviousDeployment()


def test_where_the_list_was_cut_there_may_be_one_before():
    assert previous(record(1, 1), is_complete=False) == uncertain(Uncertainty.LIST_CUT)
    assert previous(is_complete=False) == uncertain(Uncertainty.LIST_CUT)
    assert previous(record(1, 1, 2), is_complete=False) == found(record(1, 1, 2))


def test_the_order_is_that_of_the_ends():
    approved_late, quick = record(1, 1, 10), record(2, 5, 6)
    assert previous(quick, approved_late) == found(approved_late, quick)


def test_of_two_that_ended_in_one_second_the_one_that_began_later_is_the_last():
    long, short = record(1, 1, 6), record(2, 5, 6)
    assert previous(short, long) == found(short, long)
    assert previous(long, short) == found(short, long)


def test_of_two_that_began_and_ended_in_one_second_the_first_of_the_list_is_the_last():
    one, two = record(1, 1, 2), record(2, 1, 2)
    assert previous(two, one) == found(two, one)
    assert previous(one, two) == found(one, two)


@pytest.mark.parametrize(("task", "place"), [("deploy", 0), ("migrate", 1), ("other", None)])
def test_only_records_of_the_same_task_count(task, place):
    both = (record(1, 1, 2), record(2, 3, 4, task="migrate"))
    expected = PreviousDeployment() if place is None else found(both[place])
    assert previous(*reversed(both), task=task, record_ids="DE_9") == expected


def test_a_success_of_another_task_may_be_of_this_one_unless_its_own_is_known():
    one = record(1, 1, 2, task="migrate", run="71")
    assert previous(one) == uncertain(Uncertainty.NEVER_BY_THIS_MAKER)
    assert previous(one, record_ids="DE_9") == PreviousDeployment()
    for of_own in ({"runs": "71"}, {"reporting_run_ids": "71"}):
        assert previous(one, **of_own) == PreviousDeployment()


@pytest.mark.parametrize("bound", ["ended_at", "event_ended_at"])
@pytest.mark.parametrize(("end", "place"), [(9, 1), (4, 1), (3.5, 0), (2, 0), (1, None)])
def test_what_succeeded_when_this_one_had_ended_is_not_before_it(bound, end, place):
    one, two = record(1, 1, 2), record(2, 3, 4)
    expected = [found(one), found(two, one)]
    assert previous(two, one, **{bound: end}) == (
        PreviousDeployment() if place is None else expected[place]
    )


def test_the_end_that_an_input_sets_wins_over_the_events():
    one, two = record(1, 1, 2), record(2, 3, 4)
    assert previous(two, one, ended_at=3, event_ended_at=5) == found(one)


def test_what_began_after_the_event_is_not_before_it():
    one = record(1, 1, 2)
    assert previous(one, began_at=1) == found(one)
    assert previous(record(2, 3, 4), one, began_at=2) == uncertain(
        Uncertainty.NEWER_THAN_EVENT, one
    )
    assert previous(record(2, 3, 4), one, began_at=2, event_ended_at=3) == found(one)
    assert previous(record(2, 3), one, began_at=2) == found(one)


# --- this deployment's own record


def test_its_own_record_is_known_by_its_id_and_ends_the_search():
    one, own, newer = record(1, 1, 2), record(9, 3, 4), record(3, 3, 5)
    assert previous(newer, own, one, record_ids="DE_9 9", event_ended_at=20) == found(one, own=True)
    assert previous(newer, own, one, record_ids="DE_7") == found(newer, own, one)


def test_a_newer_one_that_overtook_it_came_before_it():
    own, overtaking = record(9, 1, 10), record(2, 5, 6)
    assert previous(overtaking, own, record_ids="DE_9") == found(overtaking, own=True)


def test_where_its_record_has_not_succeeded_the_event_says_when_it_ended():
    one, own, newer = record(1, 1, 2), record(9, 3), record(3, 3, 5)
    everything = (newer, own, one)
    assert previous(*everything, record_ids="DE_9") == found(newer, one, own=True)
    assert previous(*everything, record_ids="DE_9", event_ended_at=4) == found(one, own=True)


def test_the_end_that_an_input_sets_wins_over_its_own_records():
    one, own, newer = record(1, 1, 2), record(9, 3, 4), record(3, 3, 6)
    everything = (newer, own, one)
    assert previous(*everything, record_ids="DE_9", ended_at=6) == found(newer, one, own=True)


def test_what_was_deployed_after_this_one_had_failed_is_not_before_it():
    one, newer = record(1, 1, 2), record(3, 6, 7)
    failed = [record(n, 3, commit=9, run="77", gave_up_at=at(n)) for n in (4, 5)]
    assert previous(newer, *failed, one, runs="77") == found(one, known=False, own=True)


def test_a_second_attempt_that_succeeded_ends_the_search_though_the_first_had_failed():
    one, newer = record(1, 1, 2), record(3, 6, 7)
    again = record(5, 4, 5, commit=9, run="77")
    failed = record(4, 3, commit=9, run="77", gave_up_at=at(3))
    assert previous(newer, again, failed, one, runs="77") == found(one, known=False, own=True)


def test_all_records_of_its_run_are_its_own_and_the_last_of_them_ends_the_search():
    parts = record(4, 3, 4, commit=9, run="77"), record(5, 5, 8, commit=9, run="77")
    one, between, newer = record(1, 1, 2), record(2, 6, 7), record(3, 7, 9)
    assert previous(newer, between, *reversed(parts), one, runs="78 77") == found(
        between, one, known=False, own=True
    )


def test_the_likeliest_run_that_has_records_is_the_one_that_deployed():
    one, other = record(1, 1, 2, run="77"), record(2, 3, 4, run="78")
    timeline = DeploymentTimeline(records=(other, one, record(3, 0, 1)))
    assert timeline.run_records(this_one(runs="79 78 77")) == (other,)
    assert timeline.run_records(this_one(runs="77 78")) == (one,)
    assert timeline.run_records(this_one(runs="79")) == ()
    assert timeline.run_records(this_one(runs="78", task="migrate")) == ()


def test_another_job_of_its_run_is_a_part_of_it_and_not_before_it():
    one, part, own = record(1, 1, 2), record(4, 3, 4, run="77"), record(9, 3, 5, run="77")
    assert previous(own, part, one, record_ids="DE_9", runs="77") == found(
        one, known=False, own=True
    )


def test_an_earlier_attempt_that_had_succeeded_came_before():
    first = record(8, 1, 2, commit=9, run="77")
    again = record(9, 6, 7, run="77")
    newer = record(3, 3, 4, run="78")
    known = {"77": DEPLOY, "78": DEPLOY}
    assert previous(again, first, workflows=known, runs="77", attempt_began_at=5) == found(
        first, own=True
    )
    assert previous(again, newer, first, workflows=known, runs="77", attempt_began_at=5) == found(
        newer, first, own=True
    )
    assert previous(again, first, workflows=known, runs="77") == PreviousDeployment(
        has_own_record=True
    )


def test_what_an_earlier_attempt_did_after_this_one_began_is_a_part_of_it():
    slow = record(8, 1, 6, commit=9, run="77")
    own = record(9, 6, 7, run="77")
    assert previous(own, slow, runs="77", attempt_began_at=5) == PreviousDeployment(
        has_own_record=True
    )


def test_the_records_of_the_run_that_reports_do_not_count():
    one, reporting = record(1, 1, 2), record(2, 3, 4, run="66")
    assert previous(reporting, one, reporting_run_ids="66") == found(one)


# --- a record that is known by its commit


@pytest.mark.parametrize(("began", "is_own"), [(3, True), (2, True), (4, False)])
def test_what_a_tool_deployed_of_this_commit_after_the_event_is_this_one(began, is_own):
    one, by_tool = record(1, 0, 1), record(9, 3, 5)
    expected = found(one, own=True) if is_own else found(by_tool, one)
    assert previous(by_tool, one, began_at=began) == expected


def test_another_run_of_this_workflow_on_the_commit_is_another_deployment():
    one, again = record(1, 0, 1, run="76"), record(9, 3, 5, run="77")
    known = {"76": DEPLOY, "77": DEPLOY, "78": DEPLOY}
    assert previous(again, one, workflows=known, runs="78", began_at=2, ended_at=6) == found(
        again, one
    )
    known["77"] = OTHER
    assert previous(again, one, workflows=known, runs="78", began_at=2, ended_at=6) == uncertain(
        Uncertainty.NEVER_BY_THIS_MAKER, one, own=True
    )


def test_what_is_told_afterwards_is_the_latest_success_on_the_commit():
    one, first, again = record(1, 1, 2), record(8, 3, 4, commit=9), record(9, 5, 6)
    assert previous(again, first, one, is_told_afterwards=True) == found(first, one, own=True)
    assert previous(record(7, 7, commit=9), again, one, is_told_afterwards=True) == found(
        one, own=True
    )
    assert previous(one, is_told_afterwards=True) == found(one)


def test_what_is_told_afterwards_began_no_later_than_the_record_ended():
    one, by_tool = record(1, 1, 2), record(9, 3, 4)
    told = {"is_told_afterwards": True}
    assert previous(by_tool, one, began_at=4, **told) == found(one, own=True)
    assert previous(by_tool, one, began_at=5, ended_at=6, **told) == found(by_tool, one)


def test_what_is_told_afterwards_is_not_older_than_what_its_maker_deployed_since():
    by_tool, newer = record(9, 1, 2, by="argo[bot]"), record(2, 3, 4, by="argo[bot]")
    assert previous(newer, by_tool, is_told_afterwards=True) == uncertain(
        Uncertainty.NEWER_THAN_EVENT, newer
    )
    assert previous(newer, by_tool, is_told_afterwards=True, ended_at=5) == found(newer, by_tool)
    by_other = record(2, 3, 4, by="flux[bot]")
    assert previous(by_other, by_tool, is_told_afterwards=True) == PreviousDeployment(
        has_own_record=True
    )


def test_without_a_time_and_a_record_everything_came_before():
    one, same = record(1, 1, 2), record(9, 3, 4, run="71")
    assert previous(same, one) == found(same, one, known=False)


def test_without_a_time_a_record_of_the_commit_without_a_run_may_be_its_own():
    one, same, later = record(1, 1, 2), record(9, 3, 4), record(3, 5, 6)
    assert previous(same, one) == uncertain(Uncertainty.MAY_BE_THIS_ONE, same)
    assert previous(later, same, one) == uncertain(Uncertainty.MAY_BE_THIS_ONE, later)
    assert previous(same, one, began_at=5) == found(same, one)
    assert previous(same, one, record_ids="DE_7") == found(same, one)
    of_web = replace(same, services=frozenset({"web"}))
    assert previous(of_web, one, services="shop") == found(one)


def test_where_it_is_not_known_when_one_of_the_series_succeeded_nothing_is_certain():
    one, two, own = record(1, 1, 2), record(2, 3, 4), record(9, 5, 6)
    unknown = uncertain(Uncertainty.STATUSES_CUT, two, own=True)
    for number in range(3):
        cut = [replace(each, is_end_known=False) for each in (own, two, one)]
        records = [*(own, two, one)]
        records[number] = cut[number]
        answer = previous(*records, record_ids="DE_9")
        assert replace(answer, nearest=two) == unknown
    never = replace(record(3, 1), is_end_known=False)
    assert previous(own, two, never, record_ids="DE_9") == unknown
    of_other = replace(never, services=frozenset({"web"}))
    assert previous(own, two, of_other, record_ids="DE_9", services="shop") == found(two, own=True)
    by_other = replace(never, creator="vercel[bot]")
    by_argo = [replace(each, creator="argo[bot]") for each in (own, two)]
    assert previous(*by_argo, by_other, record_ids="DE_9") == found(by_argo[1], own=True)


@pytest.mark.parametrize(
    ("change", "may_lack"),
    [
        ({}, True),
        ({"is_complete": True}, False),
        ({"record_ids": "DE_3"}, False),
        ({"task": "migrate"}, False),
    ],
)
def test_a_success_that_is_not_listed_may_be_later_while_others_wait(change, may_lack):
    waiting, one = record(3, 2), record(1, 1, 2)
    told = {name: value for name, value in change.items() if name != "is_complete"}
    timeline = DeploymentTimeline(
        records=(waiting, one), is_complete=change.get("is_complete", False)
    )
    answer = found(one)
    assert timeline.may_lack_later_success(this_one(**told), answer) is may_lack
    assert not timeline.may_lack_later_success(this_one(**told), PreviousDeployment())


# --- who made it


def test_only_records_of_the_same_workflow_count():
    one, smoke = record(1, 1, 2, run="71"), record(2, 3, 4, run="72")
    own = record(9, 5, 6, run="73")
    known = {"71": DEPLOY, "72": OTHER, "73": DEPLOY}
    assert previous(own, smoke, one, workflows=known, runs="73") == found(
        one, nearest=smoke, own=True
    )
    assert previous(smoke, one, workflows=known, runs="73", began_at=8) == found(one, nearest=smoke)


def test_only_records_of_the_same_app_count():
    one, other = record(1, 1, 2, by="argo[bot]"), record(2, 3, 4, by="vercel[bot]")
    own = record(9, 5, 6, by="argo[bot]")
    assert previous(own, other, one, record_ids="DE_9") == found(one, nearest=other, own=True)
    assert previous(other, one, record_ids="DE_9", creator="argo[bot]") == found(one, nearest=other)


def test_several_people_may_deploy_one_service_or_several():
    one, other = record(1, 1, 2, by="ada"), record(2, 3, 4, by="grace")
    assert previous(one, record_ids="DE_9", creator="ada") == found(one)
    assert previous(one, record_ids="DE_9", creator="grace") == found(one, known=False)
    own = record(9, 5, 6, by="ada")
    assert previous(own, other, one, record_ids="DE_9") == uncertain(
        Uncertainty.SEVERAL_MAKERS, other, own=True
    )
    same = record(2, 3, 4, by="grace", commit=1)
    assert previous(own, same, one, record_ids="DE_9") == found(same, own=True)
    known = {"71": DEPLOY, "72": DEPLOY}
    by_runs = record(1, 1, 2, run="71", by="ada"), record(9, 5, 6, run="72", by="grace")
    assert previous(*reversed(by_runs), workflows=known, runs="72") == found(by_runs[0], own=True)


def test_a_person_and_an_app_may_deploy_one_service():
    one = record(1, 1, 2, by="vercel[bot]")
    assert previous(one, record_ids="DE_9", creator="ada") == found(one, known=False)


@pytest.mark.parametrize("other", ["grace", "renovate[bot]", "argo[bot]"])
def test_who_started_a_run_does_not_tell_its_workflow(other):
    by_ada, by_other = record(1, 1, 2, run="71", by="ada"), record(2, 3, 4, run="72", by=other)
    by_app, own = record(3, 5, 6, run="73", by="argo[bot]"), record(9, 7, 8, run="74", by="ada")
    records = (own, by_app, by_other, by_ada)
    assert previous(*records, runs="74") == found(by_app, by_other, by_ada, known=False, own=True)


def test_an_app_with_records_of_its_own_is_not_the_workflow_that_somebody_runs():
    by_run, by_app = record(1, 1, 2, run="71", by="ada"), record(2, 3, 4, by="vercel[bot]")
    own = record(9, 5, 6, run="72", by="ada")
    known = {"workflows": {"71": DEPLOY, "72": DEPLOY}, "runs": "72"}
    assert previous(own, by_app, by_run, **known) == found(by_run, nearest=by_app, own=True)
    by_person = record(2, 3, 4, by="grace")
    assert previous(own, by_person, by_run, **known) == uncertain(
        Uncertainty.SEVERAL_MAKERS, by_person, own=True
    )


def test_an_app_and_a_run_of_the_same_name_may_be_one():
    one = record(1, 1, 2, run="71", by="argo[bot]")
    assert previous(one, record_ids="DE_9", creator="argo[bot]") == found(one, known=False)
    unnamed = record(2, 1, 2)
    assert previous(unnamed, record_ids="DE_9", runs="77", creator="argo[bot]") == found(
        unnamed, known=False
    )


def test_where_only_others_deployed_before_it_is_not_certain_that_there_was_none():
    other, own = record(1, 1, 2, run="71"), record(9, 5, 6, run="73")
    known = {"71": OTHER, "73": DEPLOY}
    assert previous(own, other, workflows=known, runs="73") == uncertain(
        Uncertainty.NEVER_BY_THIS_MAKER, other, own=True
    )


def test_what_another_workflow_rolled_back_by_hand_is_not_certain():
    one, two = record(1, 1, 2, run="71"), record(2, 3, 4, run="72")
    back = record(3, 5, 6, commit=1, run="73")
    own = record(9, 7, 8, run="74")
    known = {"71": DEPLOY, "72": DEPLOY, "73": BY_HAND, "74": DEPLOY}
    records = (own, back, two, one)
    assert previous(*records, workflows=known, runs="74") == uncertain(
        Uncertainty.ROLLED_BACK_BY_OTHER, back, own=True
    )
    known["73"] = OTHER
    assert previous(*records, workflows=known, runs="74") == found(two, one, nearest=back, own=True)


def test_what_another_workflow_ran_by_hand_on_the_tip_or_on_an_own_commit_is_no_rollback():
    one, two = record(1, 1, 2, run="71"), record(2, 3, 4, run="72")
    same = record(3, 5, 6, commit=2, run="73")
    new = record(4, 5, 6, run="73")
    own = record(9, 7, 8, run="74")
    known = {"71": DEPLOY, "72": DEPLOY, "73": BY_HAND, "74": DEPLOY}
    for other in (same, new):
        assert previous(own, other, two, one, workflows=known, runs="74") == found(
            two, one, nearest=other, own=True
        )


def test_where_the_own_records_do_not_agree_on_their_maker_all_of_one_series_count():
    one = record(1, 1, 2)
    job, other_job = record(8, 3, 4, commit=9, run="77", by="argo[bot]"), record(9, 3, 5, run="77")
    assert previous(other_job, job, one, runs="77") == found(one, own=True)
    by_other = record(9, 3, 5, run="77", by="vercel[bot]")
    assert previous(by_other, job, one, runs="77") == found(one, own=True)


def test_without_its_maker_all_must_be_of_one_series_or_on_one_commit():
    one, other = record(1, 1, 2, by="argo[bot]"), record(2, 3, 4, by="vercel[bot]")
    assert previous(other, one) == uncertain(Uncertainty.SEVERAL_MAKERS, other)
    same = record(2, 3, 4, by="vercel[bot]", commit=1)
    assert previous(same, one) == found(same)
    back_and_forth = record(3, 5, 6, by="argo[bot]", commit=2)
    assert previous(back_and_forth, other, one) == found(back_and_forth, one)


@pytest.mark.parametrize(
    "more", [{"environment": "Production"}, {"services": "web"}, {"run": "72"}], ids=str
)
def test_series_differ_by_environment_service_and_workflow(more):
    one, other = record(1, 1, 2, run="71"), record(2, 3, 4, **{"run": "71", **more})
    known = {"71": DEPLOY, "72": OTHER}
    assert previous(other, one, workflows=known) == uncertain(Uncertainty.SEVERAL_MAKERS, other)


# --- where GitHub does not say which workflow a run belongs to


def test_records_of_unknown_workflows_count_as_one_makers():
    one, two = record(1, 1, 2, run="71"), record(2, 3, 4, run="72")
    own = record(9, 5, 6, run="73")
    assert previous(two, one) == found(two, one, known=False)
    assert previous(own, two, one, runs="73") == found(two, one, known=False, own=True)
    assert previous(own, two, one, workflows={"73": DEPLOY, "72": None}, runs="73") == found(
        two, one, known=False, own=True
    )


def test_what_is_known_of_an_older_one_on_the_same_commit_is_enough():
    one = record(1, 1, 2, run="71")
    again, own = record(2, 1, 4, commit=1), record(9, 5, 6, run="73")
    known = {"71": DEPLOY, "73": DEPLOY}
    assert previous(own, again, one, workflows=known, runs="73") == found(again, own=True)


def test_several_runs_on_one_commit_show_several_makers():
    one, two = record(1, 1, 2, run="71"), record(2, 3, 4, run="72", commit=1)
    own = record(9, 5, 6, run="73")
    assert previous(two, one) == uncertain(Uncertainty.MAKERS_UNREAD, two)
    assert previous(own, two, one, runs="73") == uncertain(Uncertainty.MAKERS_UNREAD, two, own=True)
    of_own_commit = record(2, 3, 4, run="72", commit=9)
    assert previous(own, of_own_commit, one, runs="73") == uncertain(
        Uncertainty.MAKERS_UNREAD, of_own_commit, own=True
    )


def test_a_run_and_a_tool_on_one_commit_do_not_show_several_makers():
    one, two = record(1, 1, 2, run="71"), record(2, 3, 4, commit=1)
    assert previous(two, one) == found(two, known=False)
    assert previous(one, two) == found(two, known=False)


@pytest.mark.parametrize(
    ("first", "second", "is_several"),
    [
        ((1, 4), (3, 6), True),
        ((1, 8), (3, 4), True),
        ((1, 3), (3, 4), False),
        ((1, 2), (3, 4), False),
    ],
)
def test_runs_that_overlap_show_several_makers(first, second, is_several):
    one, two = record(1, *first, run="71"), record(2, *second, run="72")
    last, before = sorted([one, two], key=lambda each: each.succeeded_at, reverse=True)
    expected = uncertain(Uncertainty.MAKERS_UNREAD, last)
    assert previous(two, one) == (expected if is_several else found(last, before, known=False))


def test_a_short_run_within_a_long_one_does_not_hide_that_the_next_overlaps_too():
    long, by_tool, next_one = record(1, 1, 9, run="71"), record(2, 2, 3), record(3, 5, 6, run="72")
    assert previous(next_one, by_tool, long) == uncertain(Uncertainty.MAKERS_UNREAD, long)


def test_a_tool_that_deployed_meanwhile_does_not_hide_that_this_very_run_is_under_way():
    own, by_tool, one = record(9, 0, run="73"), record(2, 1, 2), record(1, 3, 4, run="71")
    assert previous(one, by_tool, own, runs="73") == uncertain(
        Uncertainty.MAKERS_UNREAD, one, own=True
    )


def test_this_very_run_may_overlap_though_it_has_not_ended():
    one = record(1, 1, 4, run="71")
    own = record(9, 3, run="73")
    assert previous(own, one, runs="73") == uncertain(Uncertainty.MAKERS_UNREAD, one, own=True)
    earlier = record(9, 0, run="73")
    assert previous(one, earlier, runs="73") == uncertain(Uncertainty.MAKERS_UNREAD, one, own=True)
    ended_since = record(9, 2, 6, run="73")
    assert previous(ended_since, record(1, 1, 2, run="71"), runs="73") == found(
        record(1, 1, 2, run="71"), known=False, own=True
    )


def test_two_jobs_of_one_run_may_overlap():
    one, two = record(1, 1, 4, run="71"), record(2, 3, 6, run="71")
    assert previous(two, one) == found(two, one, known=False)


# --- services


def test_a_record_that_names_other_services_is_passed_over():
    web, api = record(1, 1, 2, services="web"), record(2, 3, 4, services="api")
    assert previous(api, web, services="web") == found(web)
    own = record(9, 5, 6, services="web", by="argo[bot]")
    assert previous(own, api, web, services="web", record_ids="DE_9") == found(web, own=True)


def test_who_names_no_service_as_the_report_does_may_mean_it_all_the_same():
    web, shop = record(1, 1, 2, services="web"), record(9, 5, 6, services="shop")
    assert previous(web, services="shop") == uncertain(Uncertainty.NEVER_BY_THIS_MAKER)
    own = PreviousDeployment(has_own_record=True)
    assert previous(shop, web, services="shop", record_ids="DE_9") == own
    assert previous(shop, web, services="store", record_ids="DE_9") == own
    again = record(9, 5, 6, services="web")
    assert previous(again, web, services="store", record_ids="DE_9") == found(web, own=True)


def test_a_record_that_names_the_service_counts_whoever_made_it():
    web = record(1, 1, 2, services="web", by="argo[bot]")
    assert previous(web, services="web", record_ids="DE_9", creator="vercel[bot]") == found(web)


def test_a_record_without_a_service_is_anybodys():
    web, unlabelled = record(1, 1, 2, services="web"), record(2, 3, 4)
    assert previous(unlabelled, web, services="web") == uncertain(
        Uncertainty.SEVERAL_MAKERS, unlabelled
    )
    same = record(2, 3, 4, commit=1)
    assert previous(same, web, services="web") == found(web, nearest=same)
    assert previous(web, record(3, 0, 1), services="web") == found(web)


def test_services_that_were_last_deployed_together_have_one_before():
    both = record(1, 1, 2, services="api web")
    assert previous(both, services="web api") == found(both)


def test_services_that_were_last_deployed_apart_have_several_before():
    both, web = record(1, 1, 2, services="api web"), record(2, 3, 4, services="web")
    assert previous(web, both, services="web api") == PreviousDeployment(
        uncertainty=Uncertainty.SERVICES_DIFFER,
        nearest=both,
        reached=frozenset({both.commit_sha}),
    )
    assert previous(record(1, 1, 2), services="web api") == found(record(1, 1, 2))


def test_where_no_service_has_a_certain_one_before_the_first_says_why():
    web, other = record(1, 1, 2, services="web", by="argo[bot]"), record(2, 3, 4, by="vercel[bot]")
    told = {"record_ids": "DE_9", "creator": "argo[bot]", "owns_environment": True}
    of_api = uncertain(Uncertainty.NEVER_BY_THIS_MAKER, other)
    of_web = uncertain(Uncertainty.SEVERAL_MAKERS, other)
    assert previous(other, web, services="api", **told) == of_api
    assert previous(other, web, services="web", **told) == of_web
    assert previous(other, web, services="web api", **told) == of_api


def test_where_the_environment_is_the_services_own_another_maker_may_have_deployed_it():
    one, other = record(1, 1, 2, by="argo[bot]"), record(2, 3, 4, by="vercel[bot]")
    own = record(9, 5, 6, by="argo[bot]")
    given = {"record_ids": "DE_9", "owns_environment": True}
    assert previous(own, other, one, **given) == uncertain(
        Uncertainty.SEVERAL_MAKERS, other, own=True
    )
    same = record(2, 3, 4, by="vercel[bot]", commit=1)
    assert previous(own, same, one, **given) == found(one, nearest=same, own=True)
    assert previous(own, one, **given) == found(one, own=True)


# --- what was deployed between the event and its report


def test_what_is_told_afterwards_may_have_been_overtaken_on_its_own_commit():
    own, newer = record(9, 1, 2), record(2, 3, 4)
    told = {"is_told_afterwards": True}
    assert previous(newer, own, **told) == uncertain(Uncertainty.NEWER_THAN_EVENT, newer)
    assert previous(newer, own, began_at=3, **told) == uncertain(
        Uncertainty.NEWER_THAN_EVENT, newer
    )
    assert previous(newer, **told) == found(newer)
    assert previous(**told) == PreviousDeployment()


# --- which runs' workflows are asked for


def unread(*records, most=10, workflows=None, **told):
    timeline = DeploymentTimeline(records=records, workflows=workflows or {})
    return timeline.unread_runs(this_one(**told), most)


def test_no_workflow_matters_while_no_run_deployed_before():
    assert unread(record(2, 1, 2), runs="77") == ()
    assert unread(record(9, 1, 2, run="77"), runs="77") == ()
    assert unread(record(2, 1, run="76"), runs="77") == ()
    assert unread(record(2, 1, 2, run="76", services="web"), runs="77", services="web") == ()


def test_its_own_run_is_asked_for_first_and_then_those_that_deployed_last():
    records = record(3, 5, 6, run="73 72"), record(2, 3, 4, run="71"), record(1, 1, 2, run="71 70")
    assert unread(*records, runs="78 77") == ("78", "77", "72", "73", "71", "70")
    own = record(9, 7, 8, run="77")
    assert unread(own, *records, runs="78 77") == ("77", "72", "73", "71", "70")


def test_so_many_are_asked_for_at_a_time_and_none_twice():
    records = record(2, 3, 4, run="72"), record(1, 1, 2, run="71")
    assert unread(*records, runs="77", most=2) == ("77", "72")
    known = {"77": DEPLOY, "72": None}
    assert unread(*records, runs="77", most=2, workflows=known) == ("71",)
    assert unread(*records, runs="77", workflows={**known, "71": OTHER}) == ()
