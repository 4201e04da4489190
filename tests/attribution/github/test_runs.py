import pytest

from dora_deployments.actions.event import RunAttempt
from dora_deployments.attribution.github.runs import attempt_started_at, latest_attempt, workflows
from dora_deployments.attribution.timeline import WorkflowOfRun
from tests.attribution.github.answers import MALFORMED, SLUG, always, failure, on, said, why
from tests.end_to_end.github.history import START

SERVER = "https://github.com"
NO_START = "GitHub's answer does not say when the attempt began"
MAY_NOT = "`github-token` may not read this (403); add `actions: read` to the job's `permissions:`"
ABSENT = "GitHub knows no such thing, or `github-token` lacks `actions: read` (404)"


# --- workflows


def test_one_query_tells_the_workflows_of_a_hundred_runs(serve, history):
    sha = history.commit()
    deploy, smoke = history.workflow(), history.workflow(".github/workflows/smoke.yml", "Smoke")
    runs = [
        str(history.run(deploy, sha)),
        str(history.run(smoke, sha, event="workflow_dispatch")),
        str(history.run(deploy, sha, event="schedule")),
    ]
    github, api = serve()
    assert workflows(api, SERVER, SLUG, [*runs, "17"]) == {
        runs[0]: WorkflowOfRun(workflow_id=deploy, event="push"),
        runs[1]: WorkflowOfRun(workflow_id=smoke, event="workflow_dispatch"),
        runs[2]: WorkflowOfRun(workflow_id=deploy, event="schedule"),
        "17": None,
    }
    assert len(github.asked) == 1


def test_more_than_a_hundred_runs_take_more_queries(serve, history):
    sha, workflow = history.commit(), history.workflow()
    runs = [str(history.run(workflow, sha)) for _ in range(101)]
    github, api = serve()
    found = workflows(api, SERVER, SLUG, runs)
    assert found == dict.fromkeys(runs, WorkflowOfRun(workflow_id=workflow, event="push"))
    assert len(github.asked) == 2
    assert workflows(api, SERVER, SLUG, []) == {}
    assert len(github.asked) == 2


def test_a_run_is_known_by_its_page_on_the_server(serve):
    github, api = serve()
    github.fault = always(said({"data": {"r0": None}}))
    assert workflows(api, "https://github.acme.example", SLUG, ["77"]) == {"77": None}
    (asked,) = github.asked
    assert '"https://github.acme.example/acme/shop/actions/runs/77"' in asked.operation


def test_without_the_permission_a_run_is_as_good_as_unknown(serve, history):
    run = str(history.run(history.workflow(), history.commit()))
    _, api = serve(permissions={"deployments"})
    assert workflows(api, SERVER, SLUG, [run]) == {run: None}


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ({"event": "push", "workflow": {"databaseId": 7}},
         WorkflowOfRun(workflow_id=7, event="push")),
        ({"workflow": {"databaseId": 7}}, WorkflowOfRun(workflow_id=7)),
        ({"event": 5, "workflow": {"databaseId": 7}}, WorkflowOfRun(workflow_id=7)),
        ({"event": "push", "workflow": {"databaseId": "x"}}, None),
        ({"event": "push", "workflow": None}, None),
        ({}, None),
        ("x", None),
    ],
)  # fmt: skip
def test_a_workflow_is_told_as_far_as_it_is_known(serve, run, expected):
    github, api = serve()
    github.fault = always(said({"data": {"r0": run}}))
    assert workflows(api, SERVER, SLUG, ["77"]) == {"77": expected}


def test_an_error_beside_an_answer_leaves_the_other_runs_known(serve):
    github, api = serve()
    github.fault = always(
        said(
            {
                "data": {"r0": None, "r1": {"workflow": {"databaseId": 7}}},
                "errors": [{"type": "FORBIDDEN", "path": ["r0"]}],
            }
        )
    )
    assert workflows(api, SERVER, SLUG, ["76", "77"]) == {
        "76": None,
        "77": WorkflowOfRun(workflow_id=7),
    }


def test_a_query_that_is_too_large_is_asked_in_halves(serve, history):
    sha, workflow = history.commit(), history.workflow()
    runs = [str(history.run(workflow, sha)) for _ in range(100)]
    github, api = serve()
    github.fault = lambda asked: said({}, 502) if "r25:" in asked.operation else None
    found = workflows(api, SERVER, SLUG, runs)
    assert found == dict.fromkeys(runs, WorkflowOfRun(workflow_id=workflow, event="push"))
    assert len(github.asked) == 1 + 2 + 4


def test_halves_of_less_than_a_dozen_are_not_asked_for(serve):
    github, api = serve()
    github.fault = always(said({}, 502))
    failure(workflows, api, SERVER, SLUG, [str(number) for number in range(1, 101)])
    assert len(github.asked) == 4


def test_where_no_answer_comes_no_workflow_is_known(serve):
    github, api = serve()
    github.fault = on("/graphql", said({}, 502))
    assert why(failure(workflows, api, SERVER, SLUG, ["77"])) == (
        "GitHub gave up on the query",
        False,
        False,
    )


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        ("FORBIDDEN", "`github-token` may not read all that was asked for"),
        ("X", "GitHub refused the query; its version may be too old for it"),
    ],
)
def test_a_query_that_is_refused_as_a_whole_tells_no_workflow(serve, kind, problem):
    github, api = serve()
    github.fault = always(said({"data": None, "errors": [{"type": kind}]}))
    assert why(failure(workflows, api, SERVER, SLUG, ["77"])) == (problem, False, False)


@pytest.mark.parametrize("name", MALFORMED)
def test_answers_of_another_kind_tell_no_workflow(serve, name):
    github, api = serve()
    github.fault = always(MALFORMED[name])
    failure(workflows, api, SERVER, SLUG, ["77"])


# --- attempts


def test_a_run_tells_its_last_attempt_and_each_when_it_began(serve, history):
    run = history.run(history.workflow(), history.commit(), created_at=START)
    again = history.tick()
    history.rerun(run, again)
    github, api = serve()
    assert latest_attempt(api, SLUG, str(run)) == RunAttempt(
        run_id=str(run), attempt=2, began_at=again
    )
    assert attempt_started_at(api, SLUG, str(run), 1) == START
    assert attempt_started_at(api, SLUG, str(run), 2) == again
    assert [asked.path for asked in github.asked] == [
        f"/repos/acme/shop/actions/runs/{run}",
        f"/repos/acme/shop/actions/runs/{run}/attempts/1",
        f"/repos/acme/shop/actions/runs/{run}/attempts/2",
    ]


def test_a_run_that_does_not_say_its_attempt_has_one(serve):
    github, api = serve()
    github.fault = always(said({"id": 77, "run_started_at": "2026-06-01T08:00:00Z"}))
    assert latest_attempt(api, SLUG, "77") == RunAttempt(run_id="77", attempt=1, began_at=START)


def test_a_run_that_is_gone_or_may_not_be_read_tells_no_attempt(serve, history):
    run = history.run(history.workflow(), history.commit())
    _, api = serve()
    assert why(failure(latest_attempt, api, SLUG, "17")) == (ABSENT, True, False)
    assert why(failure(attempt_started_at, api, SLUG, str(run), 2)) == (ABSENT, True, False)
    _, api = serve(permissions={"deployments"})
    assert why(failure(latest_attempt, api, SLUG, str(run))) == (MAY_NOT, False, False)


@pytest.mark.parametrize("started_at", [None, "soon", 5])
def test_an_attempt_without_a_start_is_not_known(serve, started_at):
    github, api = serve()
    github.fault = always(said({"run_attempt": 2, "run_started_at": started_at}))
    assert why(failure(latest_attempt, api, SLUG, "77")) == (NO_START, False, False)
    assert why(failure(attempt_started_at, api, SLUG, "77", 2)) == (NO_START, False, False)


@pytest.mark.parametrize("name", MALFORMED)
def test_answers_of_another_kind_tell_no_attempt(serve, name):
    github, api = serve()
    github.fault = always(MALFORMED[name])
    failure(latest_attempt, api, SLUG, "77")
