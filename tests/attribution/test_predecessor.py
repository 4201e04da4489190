from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from dora_deployments.actions.config import Config, MappedService
from dora_deployments.actions.event import DeploymentEvent, RunAttempt
from dora_deployments.attribution.answers import Mark, Past, PastQuestion
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.attribution.predecessor import MOST_PAGES, Predecessor, find_predecessor
from dora_deployments.attribution.subject import Subject
from dora_deployments.attribution.timeline import (
    DeploymentRecord,
    PreviousDeployment,
    Uncertainty,
    WorkflowOfRun,
)
from dora_deployments.deployment import Fact, Service
from tests.attribution.known import LINE, SLUG, Known, sha
from tests.builders import inputs

NOON = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
DEPLOY, SMOKE = WorkflowOfRun(workflow_id=1), WorkflowOfRun(workflow_id=2)
ERROR = LookUpError("GitHub says no")
OUTAGE = LookUpError("GitHub is down", outage=True)
QUESTION = PastQuestion(
    environments=("production", "Production", "PRODUCTION"),
    task=None,
    commit_sha=sha(4),
    run_commit=sha(4),
)
REST = replace(QUESTION, run_commit=None)
# What the event of a deployment asks, by its own name of the environment.
OF_RECORD = replace(REST, environments=("prod-eu", "Prod-eu", "PROD-EU", "Prod-Eu"), task="deploy")


def at(minute):
    return NOON + timedelta(minutes=minute)


def fact(value):
    return Fact(value=value, source="x")


def record(number, began, ended=None, *, environment="production", run=None, **more):
    """Return a record of the commit of that number; it succeeded at `ended`, if it did."""
    return DeploymentRecord(
        **{
            "id": f"DE_{number}",
            "environment": environment,
            "commit_sha": sha(number),
            "task": "deploy",
            "created_at": at(began),
            "succeeded_at": None if ended is None else at(ended),
            "run_ids": frozenset([] if run is None else [run]),
            **more,
        }
    )


def subject(*, environment="production", name=None, config=None, own=True, given=None, **told):
    """Return the push of commit 4; `name` is what the event calls the environment."""
    usual = DeploymentEvent(
        event="push",
        repository=fact(SLUG),
        repository_id="186853261",
        commit_sha=fact(sha(4)),
        identity="x",
        environment=None if name is None else fact(name),
    )
    return Subject(
        deployment_event=replace(usual, **told),
        inputs=inputs(**(given or {})),
        repository=SLUG,
        own=own,
        commit_sha=fact(sha(4)),
        environment=environment,
        config=config,
        run_commit=sha(4),
    )


def known(*deployments, of="production, None", more=None, **answers):
    """Return what answers with these records on the first page; `more` is what else is on it."""
    past = Past(deployments=deployments, **(more or {}))
    return Known(parents=LINE, past_of={of: past}, **answers)


def found(of, *reached, known=True, own=False, nearest=None, **more):
    answer = PreviousDeployment(
        record=of,
        nearest=nearest or of,
        reached=frozenset(each.commit_sha for each in (of, *reached)),
        is_maker_known=known,
        has_own_record=own,
    )
    return Predecessor(answer=answer, **more)


def uncertain(why, nearest=None, *, own=False, **more):
    answer = PreviousDeployment(uncertainty=why, nearest=nearest, has_own_record=own)
    return Predecessor(answer=answer, **more)


# --- what is asked and answered


def test_one_question_finds_the_deployment_before():
    one = record(2, 1, 2)
    look_ups = known(one, more={"committed_at": NOON})
    assert find_predecessor(subject(), look_ups) == found(one, committed_at=NOON)
    assert look_ups.asked == [QUESTION]


def test_there_may_be_none():
    assert find_predecessor(subject(), known()) == Predecessor()


def test_marks_are_asked_for_once_and_only_of_the_events_own_commit():
    marks = (Mark(tag="v1", commit_sha=sha(1)),)
    told = subject(environment="prod", marks="tags")
    look_ups = known(of="prod, tags", more={"marks": marks, "environment_names": ("pROD",)})
    assert find_predecessor(told, look_ups) == Predecessor(marks=marks)
    first = replace(QUESTION, environments=("prod", "Prod", "PROD"), marks="tags")
    assert look_ups.asked == [
        first,
        replace(first, environments=("prod", "Prod", "PROD", "pROD"), run_commit=None, marks=None),
    ]
    look_ups = known()
    find_predecessor(subject(marks="tags", own=False), look_ups)
    assert look_ups.asked == [QUESTION]


def test_an_event_with_a_record_of_its_own_tells_the_environments_name():
    one, own = record(2, 1, 2, environment="prod-eu"), record(4, 3, environment="prod-eu")
    told = subject(environment="live", name="prod-eu", deployment_ids=frozenset({"DE_4"}))
    look_ups = known(own, one, of="prod-eu, None")
    assert find_predecessor(told, look_ups) == found(one, own=True)
    assert look_ups.asked == [OF_RECORD]


def test_a_problem_with_the_records_leaves_what_is_known_besides():
    marks = (Mark(tag="v1", commit_sha=sha(1)),)
    more = {"marks": marks, "committed_at": NOON, "problem": "no", "outage": True}
    assert find_predecessor(subject(), known(record(2, 1, 2), more=more)) == Predecessor(
        marks=marks, committed_at=NOON, problem="no", outage=True
    )


@pytest.mark.parametrize("error", [ERROR, OUTAGE])
def test_a_question_that_fails_is_a_problem(error):
    look_ups = known(fails={"past": error})
    assert find_predecessor(subject(), look_ups) == Predecessor(
        problem=str(error), outage=error.outage
    )


# --- which deployment this is


OF_WEB = Config(
    services=(MappedService(service=Service(identifier="Web"), environments=("production",)),),
    environments=(),
    source="the file",
)


def of_services(*names, **more):
    return record(2, 1, 2, services=frozenset(names), **more)


@pytest.mark.parametrize(
    ("given", "told", "config"),
    [
        ({"service": "WEB"}, {}, None),
        ({}, {"named_services": frozenset({"web"})}, None),
        ({"service": "api"}, {"named_services": frozenset({"web"})}, None),
        ({}, {}, OF_WEB),
        ({"service": "web"}, {}, OF_WEB),
    ],
)
def test_its_services_are_those_of_its_record_else_of_the_inputs_else_of_the_environment(
    given, told, config
):
    web, api = of_services("web"), record(3, 3, 4, services=frozenset({"api"}))
    of = subject(name="production", given=given, config=config, **told)
    assert find_predecessor(of, known(api, web)) == found(web)


def test_an_environment_of_nobody_leaves_the_service_open():
    config = replace(OF_WEB, services=())
    api = of_services("api")
    for of in (subject(name="production", config=config), subject(config=OF_WEB)):
        assert find_predecessor(of, known(api)) == found(api)


def test_in_an_environment_of_one_service_other_makers_leave_it_open():
    one, other = record(2, 1, 2, creator="argo[bot]"), record(3, 3, 4, creator="vercel[bot]")
    own = record(4, 5, 6, creator="argo[bot]")
    of = subject(name="production", config=OF_WEB, deployment_ids=frozenset({"DE_4"}))
    look_ups = known(own, other, one)
    assert find_predecessor(of, look_ups) == uncertain(Uncertainty.SEVERAL_MAKERS, other, own=True)
    assert find_predecessor(replace(of, config=None), look_ups) == found(
        one, own=True, nearest=other
    )


def test_the_times_of_the_event_and_of_the_input_bound_the_search():
    one, two = record(1, 1, 2), record(2, 3, 4)
    look_ups = known(two, one)
    ended = {"finished_at": fact(at(3))}
    assert find_predecessor(subject(**ended), look_ups) == found(one)
    given = {"finished_at": at(5).isoformat()}
    assert find_predecessor(subject(given=given, **ended), look_ups) == found(two, one)
    assert find_predecessor(subject(started_at=fact(at(2))), look_ups) == uncertain(
        Uncertainty.NEWER_THAN_EVENT, one
    )


def test_a_commit_that_an_input_names_is_told_afterwards_unless_the_event_has_a_time():
    one, by_tool = record(2, 1, 2), record(4, 3, 4)
    look_ups = known(by_tool, one)
    given = {"commit_sha": sha(4)}
    assert find_predecessor(subject(given=given), look_ups) == found(one, own=True)
    assert find_predecessor(subject(is_told_afterwards=True), look_ups) == found(one, own=True)
    assert find_predecessor(subject(), look_ups) == uncertain(Uncertainty.MAY_BE_THIS_ONE, by_tool)
    assert find_predecessor(
        subject(given=given, started_at=fact(at(4)), finished_at=fact(at(5))), look_ups
    ) == found(by_tool, one)


def test_what_the_event_says_of_maker_and_runs_tells_makers_apart():
    one, other = record(2, 1, 2, creator="argo[bot]"), record(3, 3, 4, creator="vercel[bot]")
    reporting = record(5, 5, 6, run="66")
    of = subject(
        name="production",
        deployment_ids=frozenset({"DE_9"}),
        creator="argo[bot]",
        reporting_run_ids=frozenset({"66"}),
    )
    assert find_predecessor(of, known(reporting, other, one)) == found(one, nearest=other)


# --- by which name GitHub knows the environment


MAP = {"environment_map": "prod-*=production\nlive=production"}


def named(*names, **more):
    return {"environment_names": names, **more}


def test_the_records_of_the_run_say_the_name():
    own = record(4, 3, 4, environment="prod-eu", run="77")
    one = record(2, 1, 2, environment="prod-eu")
    other = record(5, 1, 3, environment="production")
    look_ups = Known(
        parents=LINE,
        past_of={
            "production, None": Past(deployments=(other,), run_records=(own,)),
            "prod-eu, None": Past(deployments=(own, one)),
        },
    )
    of = subject(given=MAP, runs=(RunAttempt(run_id="77"),))
    first = replace(QUESTION, environments=("production", "live", "Production", "PRODUCTION"))
    assert find_predecessor(of, look_ups) == found(one, known=False, own=True)
    assert look_ups.asked[:2] == [first, replace(OF_RECORD, task=None)]


def test_where_the_named_environment_cannot_be_read_nothing_is_known_of_before():
    own = record(4, 3, environment="blue", run="77")
    lost = Past(problem="GitHub gave up", outage=True)
    look_ups = Known(
        parents=LINE,
        past_of={"production, None": Past(run_records=(own,)), "blue, None": lost},
    )
    of = subject(runs=(RunAttempt(run_id="77"),))
    assert find_predecessor(of, look_ups) == Predecessor(problem="GitHub gave up", outage=True)


@pytest.mark.parametrize(
    ("ended", "more", "is_known"),
    [
        ({}, {}, True),
        ({"succeeded_at": at(4)}, {}, False),
        ({"gave_up_at": at(4)}, {}, False),
        ({}, {"reporting_run_ids": frozenset({"66"})}, False),
    ],
)
def test_another_environment_counts_if_a_job_is_in_it_while_its_own_run_reports(
    ended, more, is_known
):
    own = record(4, 3, environment="blue", run="77", **ended)
    one = record(2, 1, 2, environment="blue")
    look_ups = Known(
        parents=LINE,
        past_of={
            "production, None": Past(run_records=(own,)),
            "blue, None": Past(deployments=(own, one)),
        },
    )
    of = subject(runs=(RunAttempt(run_id="77"),), **more)
    right = found(one, known=False, own=True)
    unknown = uncertain(Uncertainty.ENVIRONMENT_UNKNOWN)
    assert find_predecessor(of, look_ups) == (right if is_known else unknown)


def test_where_the_run_has_several_environments_the_reported_ones_count():
    own = record(4, 3, 4, run="77")
    staging = record(4, 1, 2, environment="staging", run="77")
    migration = record(4, 1, 2, environment="db", run="77", task="migrate")
    of_other_run = record(4, 1, 2, environment="Production", run="78")
    one = record(2, 1, 2)
    records = (own, staging, migration, of_other_run)
    look_ups = known(own, one, more={"run_records": records})
    of = subject(runs=(RunAttempt(run_id="77"),))
    assert find_predecessor(of, look_ups) == found(one, known=False, own=True)
    look_ups = known(one, more={"run_records": (staging, replace(staging, environment="qa"))})
    assert find_predecessor(of, look_ups) == uncertain(Uncertainty.ENVIRONMENT_UNKNOWN)


def test_without_a_record_of_the_run_every_name_that_is_reported_so_is_asked_for():
    one, other = record(2, 1, 2), record(3, 3, 4, environment="prod-eu")
    first = replace(QUESTION, environments=("production", "live", "Production", "PRODUCTION"))
    look_ups = known(other, one, more=named("prod-eu", "staging", "PRODuction"))
    assert find_predecessor(subject(given=MAP), look_ups) == uncertain(
        Uncertainty.SEVERAL_MAKERS, other
    )
    assert look_ups.asked == [
        first,
        replace(
            first, environments=(*first.environments, "prod-eu", "PRODuction"), run_commit=None
        ),
    ]


def test_records_of_other_environments_on_the_page_do_not_count():
    one = record(2, 1, 2)
    other = record(3, 3, 4, environment="staging")
    assert find_predecessor(subject(), known(other, one)) == found(one)


def test_where_the_names_are_cut_and_none_fits_the_name_is_not_known():
    cut = named("staging", are_names_cut=True)
    assert find_predecessor(subject(), known(more=cut)) == uncertain(
        Uncertainty.ENVIRONMENT_UNKNOWN
    )
    one = record(2, 1, 2)
    assert find_predecessor(subject(), known(one, more=cut)) == found(one)
    fitting = named("Production", are_names_cut=True)
    assert find_predecessor(subject(), known(more=fitting)) == Predecessor()
    assert find_predecessor(subject(), known(more=named("staging"))) == Predecessor()


def test_older_names_are_asked_for_where_a_wildcard_may_match_them():
    one, other = record(2, 1, 2), record(3, 3, 4, environment="prod-eu")
    first = Past(
        deployments=(one, other), environment_names=("x",), are_names_cut=True, names_after="1"
    )
    look_ups = Known(
        parents=LINE,
        past_of={"production, None": first},
        names={
            "1": Past(environment_names=("y",), are_names_cut=True, names_after="2"),
            "2": Past(environment_names=("x", "prod-eu")),
        },
    )
    of = subject(given={"environment_map": "prod-*=production"})
    assert find_predecessor(of, look_ups) == uncertain(Uncertainty.SEVERAL_MAKERS, other)
    asked = replace(QUESTION, names_after="1")
    assert look_ups.asked == [
        QUESTION,
        asked,
        replace(asked, names_after="2"),
        replace(REST, environments=(*REST.environments, "prod-eu")),
    ]


@pytest.mark.parametrize("after", [None, "x"])
def test_where_not_all_names_can_be_read_a_wildcard_leaves_the_name_open(after):
    cut = Past(deployments=(record(2, 1, 2),), are_names_cut=True, names_after=after)
    look_ups = Known(parents=LINE, past_of={"production, None": cut}, names={"x": cut})
    of = subject(given={"environment_map": "prod-*=production"})
    assert find_predecessor(of, look_ups) == uncertain(Uncertainty.ENVIRONMENT_UNKNOWN)
    assert len(look_ups.asked) == (1 if after is None else 1 + MOST_PAGES)


def test_before_anything_is_the_first_deployment_other_spellings_are_looked_for():
    one, own = record(2, 1, 2, environment="pROD-eu"), record(4, 3, environment="prod-eu")
    of = subject(environment="live", name="prod-eu", deployment_ids=frozenset({"DE_4"}))
    look_ups = Known(
        parents=LINE,
        past_of={"prod-eu, None": Past(deployments=(own,))},
        names={"": Past(environment_names=("staging", "prod-eu"))},
    )
    assert find_predecessor(of, look_ups) == Predecessor(
        answer=PreviousDeployment(has_own_record=True)
    )
    assert look_ups.asked == [OF_RECORD, replace(OF_RECORD, names_after="")]

    class Spelled(Known):
        def past(self, repository, question):
            found = Known.past(self, repository, question)
            is_asked = "pROD-eu" in question.environments
            return replace(found, deployments=(own, one)) if is_asked else found

    look_ups = Spelled(
        parents=LINE,
        past_of={"prod-eu, None": Past(deployments=(own,))},
        names={"": Past(environment_names=("pROD-eu",))},
    )
    assert find_predecessor(of, look_ups) == found(one, own=True)


# --- page after page


def test_pages_are_read_until_one_has_the_answer():
    one = record(2, 1, 2)
    failed = [record(3, 10 - number, id=f"DE_f{number}") for number in range(3)]
    look_ups = known(
        failed[0],
        more={"after": "1"},
        pages={
            "1": Past(deployments=(failed[1],), after="2"),
            "2": Past(deployments=(one,), after="3"),
        },
    )
    assert find_predecessor(subject(), look_ups) == found(one)
    assert look_ups.asked == [QUESTION, replace(REST, after="1"), replace(REST, after="2")]


def test_pages_are_read_on_past_those_of_other_makers():
    own, smoke = record(4, 5, 6, run="77"), record(3, 3, 4, run="78")
    one = record(2, 1, 2, run="76")
    look_ups = known(
        own,
        smoke,
        more={"after": "1"},
        pages={"1": Past(deployments=(one,))},
        workflows_of={"76": DEPLOY, "77": DEPLOY, "78": SMOKE},
    )
    of = subject(runs=(RunAttempt(run_id="77"),))
    assert find_predecessor(of, look_ups) == found(one, own=True, nearest=smoke)
    assert look_ups.asked == [
        QUESTION,
        ("workflows", "77", "78"),
        replace(REST, after="1"),
        ("workflows", "76"),
    ]


def test_what_is_not_certain_for_another_reason_is_not_read_on():
    one, other = record(2, 1, 2, creator="argo[bot]"), record(3, 3, 4, creator="vercel[bot]")
    look_ups = known(other, one, more={"after": "1"})
    assert find_predecessor(subject(), look_ups) == uncertain(Uncertainty.SEVERAL_MAKERS, other)
    assert look_ups.asked == [QUESTION]


def test_no_more_than_ten_pages_are_read():
    page = Past(deployments=(record(3, 9),), after="x")
    look_ups = known(more={"after": "x"}, pages={"x": page})
    assert find_predecessor(subject(), look_ups) == uncertain(Uncertainty.LIST_CUT)
    assert len(look_ups.asked) == MOST_PAGES


def test_a_list_of_which_no_more_is_read_is_cut():
    look_ups = known(record(3, 9), more={"is_cut": True})
    assert find_predecessor(subject(), look_ups) == uncertain(Uncertainty.LIST_CUT)
    assert look_ups.asked == [QUESTION]


@pytest.mark.parametrize("error", [ERROR, OUTAGE])
def test_a_page_that_cannot_be_read_is_a_problem(error):
    look_ups = known(more={"after": "1", "committed_at": NOON}, fails={"page": error})
    assert find_predecessor(subject(), look_ups) == uncertain(
        Uncertainty.LIST_CUT, committed_at=NOON, problem=str(error), outage=error.outage
    )


@pytest.mark.parametrize(
    ("waiting", "asked"),
    [({}, 3), ({"gave_up_at": at(5)}, 1), ({"created_at": at(-60 * 24 * 36)}, 1)],
)
def test_while_deployments_wait_for_approval_a_few_pages_are_read_beyond_the_answer(waiting, asked):
    one, late = record(2, 1, 2), replace(record(3, 0, 3), id="DE_late")
    waits = replace(record(5, 1), **waiting)
    look_ups = known(
        waits,
        one,
        more={"after": "1"},
        pages={"1": Past(after="2"), "2": Past(deployments=(late,), after="3")},
    )
    answer = find_predecessor(subject(), look_ups)
    assert answer == (found(late, one) if asked == 3 else found(one))
    assert len(look_ups.asked) == asked


@pytest.mark.parametrize("error", [ERROR, OUTAGE])
def test_where_what_may_be_later_cannot_be_read_nothing_is_known_of_before(error):
    look_ups = known(record(5, 1), record(2, 1, 2), more={"after": "1"}, fails={"page": error})
    answer = find_predecessor(subject(), look_ups)
    assert (answer.answer.record, answer.problem, answer.outage) == (None, str(error), error.outage)


# --- workflows


def runs(*numbers):
    """Return records of a run each, the newest first, each on a commit of its own."""
    return [
        record(2, 2 * number, 2 * number + 1, run=str(number), id=f"DE_{number}")
        for number in sorted(numbers, reverse=True)
    ]


def test_the_newest_runs_are_asked_for_first_and_then_as_many_as_it_takes():
    records = runs(*range(1, 151))
    look_ups = known(
        record(4, 400, 401, run="999", id="DE_own"),
        *records,
        workflows_of={"999": DEPLOY, "1": DEPLOY, **{str(n): SMOKE for n in range(2, 151)}},
    )
    of = subject(runs=(RunAttempt(run_id="999"),))
    assert find_predecessor(of, look_ups) == found(records[-1], own=True, nearest=records[0])
    asked = [run_ids for _, *run_ids in look_ups.asked[1:]]
    newest_first = ["999", *map(str, range(150, 0, -1))]
    assert asked == [
        newest_first[:25],
        newest_first[25:125],
        newest_first[125:],
    ]


def test_no_more_runs_are_asked_for_once_the_answer_is_known():
    records = runs(*range(1, 151))
    look_ups = known(*records, workflows_of={"999": DEPLOY, "150": SMOKE, "149": DEPLOY})
    of = subject(runs=(RunAttempt(run_id="999"),))
    answer = find_predecessor(of, look_ups).answer
    assert (answer.record, answer.is_maker_known) == (records[1], True)
    assert [question[0] for question in look_ups.asked[1:]] == ["workflows"]


def test_where_the_workflows_cannot_be_read_they_are_asked_for_once():
    records = runs(*range(1, 151))
    records = [replace(each, commit_sha=sha(3)) for each in records]
    look_ups = known(*records, fails={"workflows": ERROR})
    of = subject(runs=(RunAttempt(run_id="999"),))
    assert find_predecessor(of, look_ups) == uncertain(Uncertainty.MAKERS_UNREAD, records[0])
    assert len(look_ups.asked) == 2


@pytest.mark.parametrize("error", [OUTAGE, LookUpError("GitHub is busy", wait=60)])
def test_where_github_is_too_busy_to_tell_the_workflows_nothing_is_known_of_before(error):
    look_ups = known(record(2, 1, 2, run="1"), fails={"workflows": error})
    before = find_predecessor(subject(runs=(RunAttempt(run_id="999"),)), look_ups)
    assert (before.answer.record, before.problem, before.outage) == (
        None,
        str(error),
        error.outage,
    )


def test_no_workflow_is_asked_for_while_no_other_run_deployed():
    look_ups = known(record(4, 3, 4, run="77"), record(2, 1, 2))
    find_predecessor(subject(runs=(RunAttempt(run_id="77"),)), look_ups)
    assert look_ups.asked == [QUESTION]


# --- attempts


FIRST = record(4, 1, 2, run="77", id="DE_first")
AGAIN = record(4, 11, 12, run="77", id="DE_again")
BEGAN = {"77": (at(0), at(10))}
ALL_ONE = {"76": DEPLOY, "77": DEPLOY}


def run_77(attempt=None, began=None):
    return (RunAttempt(run_id="77", attempt=attempt, began_at=began and at(began)),)


def asked_of_attempts(look_ups):
    return [
        each
        for each in look_ups.asked
        if isinstance(each, tuple) and each[0] in {"latest_attempt", "attempt_started_at"}
    ]


def test_the_attempt_before_that_had_succeeded_is_the_deployment_before():
    look_ups = known(AGAIN, FIRST, attempts=BEGAN, workflows_of=ALL_ONE)
    assert find_predecessor(subject(runs=run_77(2)), look_ups) == found(FIRST, own=True, attempt=2)
    assert asked_of_attempts(look_ups) == [("attempt_started_at", "77", 2)]


def test_an_event_that_has_the_attempt_and_its_start_leaves_nothing_to_ask():
    look_ups = known(AGAIN, FIRST, workflows_of=ALL_ONE)
    of = subject(runs=run_77(2, 10))
    assert find_predecessor(of, look_ups) == found(FIRST, own=True, attempt=2)
    assert asked_of_attempts(look_ups) == []


def test_an_event_that_does_not_say_the_attempt_makes_the_last_be_asked_for():
    look_ups = known(AGAIN, FIRST, attempts=BEGAN, workflows_of=ALL_ONE)
    of = subject(runs=run_77())
    assert find_predecessor(of, look_ups) == found(FIRST, own=True, attempt=2)
    assert asked_of_attempts(look_ups) == [("latest_attempt", "77")]


def test_a_deployment_with_a_record_of_its_own_needs_no_attempt_for_its_identity():
    of = subject(name="production", runs=run_77(2), deployment_ids=frozenset({"DE_again"}))
    look_ups = known(AGAIN, FIRST, attempts=BEGAN, workflows_of=ALL_ONE)
    assert find_predecessor(of, look_ups) == found(FIRST, own=True)


def test_a_report_that_is_sent_again_is_of_the_attempt_that_deployed():
    # The third attempt only repeats the job that reports.
    began = {"77": (at(0), at(10), at(20))}
    look_ups = known(AGAIN, FIRST, attempts=began, workflows_of=ALL_ONE)
    assert find_predecessor(subject(runs=run_77(3)), look_ups) == found(FIRST, own=True, attempt=2)
    assert asked_of_attempts(look_ups) == [
        ("attempt_started_at", "77", 3),
        ("attempt_started_at", "77", 2),
    ]


@pytest.mark.parametrize(
    ("records", "attempt", "asked"),
    [
        ((FIRST,), 1, []),
        ((FIRST,), 2, []),
        ((AGAIN, replace(FIRST, succeeded_at=None)), 2, []),
        ((replace(FIRST, succeeded_at=None),), 2, []),
        ((AGAIN, replace(FIRST, succeeded_at=at(10.5))), 2, [("attempt_started_at", "77", 2)]),
        ((), 2, []),
    ],
    ids=["once", "reported again", "failed first", "never", "ended late", "no record"],
)
def test_a_run_that_deployed_but_once_has_the_identity_of_its_first_attempt(
    records, attempt, asked
):
    one = record(2, -2, -1, run="76")
    look_ups = known(*records, one, attempts=BEGAN, workflows_of=ALL_ONE)
    of = subject(runs=run_77(attempt))
    assert find_predecessor(of, look_ups) == found(one, own=bool(records))
    assert asked_of_attempts(look_ups) == asked


def test_two_jobs_that_deploy_in_one_attempt_are_one_deployment():
    one = record(2, -2, -1, run="76")
    parts = record(4, 3, 4, run="77", id="DE_late"), FIRST
    look_ups = known(*parts, one, attempts=BEGAN, workflows_of=ALL_ONE)
    assert find_predecessor(subject(runs=run_77(2)), look_ups) == found(one, own=True)
    assert asked_of_attempts(look_ups) == [("attempt_started_at", "77", 2)]


@pytest.mark.parametrize(("attempt", "last"), [(None, "latest_attempt"), (2, "attempt_started_at")])
def test_where_the_attempt_cannot_be_read_it_is_not_certain_what_came_before(attempt, last):
    one = record(2, -2, -1, run="76")
    look_ups = known(AGAIN, FIRST, one, fails={last: ERROR})
    of = subject(runs=run_77(attempt))
    answer = find_predecessor(of, look_ups).answer
    assert (answer.record, answer.uncertainty) == (None, Uncertainty.ATTEMPT_UNREAD)
    assert answer.nearest == one


def test_no_more_than_five_attempts_are_looked_at():
    began = {"77": (at(0), at(10), *(at(20 + number) for number in range(6)))}
    records = (AGAIN, FIRST)
    look_ups = known(*records, attempts=began, workflows_of=ALL_ONE)
    assert find_predecessor(subject(runs=run_77(6)), look_ups) == found(FIRST, own=True, attempt=2)
    assert find_predecessor(subject(runs=run_77(7)), look_ups) == Predecessor(
        answer=PreviousDeployment(uncertainty=Uncertainty.ATTEMPT_UNREAD, has_own_record=True)
    )
