from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from dora_deployments.attribution.answers import Mark, Past, PastQuestion
from dora_deployments.attribution.github import graphql
from dora_deployments.attribution.github.past import past
from dora_deployments.attribution.timeline import DeploymentRecord
from tests.attribution.github.answers import (
    MALFORMED,
    NO_TIME,
    SLUG,
    always,
    failure,
    hang,
    on,
    said,
    why,
)
from tests.end_to_end.github.history import START

COMMIT = "5" * 40
MINUTE = timedelta(minutes=1)
LATER = "2026-06-01T08:01:00Z"
LOG = "https://github.com/acme/shop/actions/runs/77/job/1"
SITE = "https://shop.example"
MAY_NOT = (
    "`github-token` may not read this (403); add `deployments: read` to the job's `permissions:`"
)
ODD = "GitHub's list of deployments could not be read"
NOT_JSON = "GitHub's answer could not be read (JSONDecodeError)"
BUSY = said({}, 502)


def ask(api, marks=None, commit=COMMIT, environments=("production",), task="deploy", **more):
    question = PastQuestion(
        environments=environments, task=task, commit_sha=commit, marks=marks, **more
    )
    return past(api, SLUG, question)


def rest(github):
    return [f"{asked.path}?{asked.query}" for asked in github.asked if asked.operation is None]


def answered(**repository):
    return said({"data": {"repository": repository}})


def page(*nodes, **info):
    """Return a connection that has these nodes, and no more unless `info` says so."""
    return {"nodes": [*nodes], "pageInfo": {"hasNextPage": False, "endCursor": None, **info}}


# --- deployments


def made(history):
    """Make three deployments; return what is to be known of the first and the last."""
    sha = history.commit()
    first = history.deploy(sha, states=["in_progress", "success", "inactive"], log_url=LOG)
    history.deploy(sha, "staging")
    last = history.deploy(
        sha,
        task="migrate",
        states=["failure"],
        environment_url=SITE,
        creator="vercel[bot]",
        payload={"service": "Web"},
    )
    known = history.deployments
    return sha, [
        DeploymentRecord(
            id=str(last),
            environment="production",
            commit_sha=sha,
            task="migrate",
            created_at=known[last].created_at,
            gave_up_at=known[last].statuses[0].created_at,
            creator="vercel[bot]",
            services=frozenset({"web"}),
        ),
        DeploymentRecord(
            id=str(first),
            environment="production",
            commit_sha=sha,
            task="deploy",
            created_at=known[first].created_at,
            succeeded_at=known[first].statuses[1].created_at,
            run_ids=frozenset({"77"}),
            creator="github-actions[bot]",
        ),
    ]


def test_one_query_tells_the_deployments_of_an_environment_the_newest_first(serve, history):
    sha, expected = made(history)
    github, api = serve()
    found = ask(api, commit=sha)
    assert [each.id[:3] for each in found.deployments] == ["DE_", "DE_"]
    assert found == Past(
        deployments=tuple(
            replace(each, id=listed.id)
            for each, listed in zip(expected, found.deployments, strict=True)
        ),
        committed_at=START,
    )
    (asked,) = github.asked
    assert asked.variables == {
        "owner": "acme",
        "name": "shop",
        "environments": ["production"],
        "after": None,
        "commit": sha,
        "runCommit": sha,
        "deployments": True,
        "names": False,
        "releases": False,
        "tags": False,
    }


def test_nothing_may_be_known(serve, history):
    sha = history.commit()
    _, api = serve()
    assert ask(api, commit=sha) == Past(committed_at=START)
    assert ask(api) == Past()


# --- page after page


def test_a_page_has_a_hundred_deployments_and_says_where_the_next_begins(serve, history):
    sha = history.commit()
    made = [history.deploy(sha) for _ in range(101)]
    github, api = serve()
    first = ask(api, commit=sha)
    assert (len(first.deployments), first.is_cut) == (100, False)
    second = ask(api, commit=sha, after=first.after)
    assert (len(second.deployments), second.after) == (1, None)
    moments = [each.created_at for each in (*first.deployments, *second.deployments)]
    assert moments == sorted(moments, reverse=True)
    assert len(set(moments)) == len(made)
    assert [asked.variables["after"] for asked in github.asked] == [None, first.after]


def test_a_later_page_has_no_names_again(serve, history):
    sha = history.commit()
    for _ in range(101):
        history.deploy(sha)
    github, api = serve()
    after = ask(api, commit=sha, run_commit=sha).after
    ask(api, commit=sha, run_commit=sha, after=after)
    assert [asked.variables["names"] for asked in github.asked] == [True, False]


@pytest.mark.parametrize(
    "info", [None, {}, {"hasNextPage": None, "endCursor": "x"}, {"hasNextPage": True}]
)
def test_a_page_that_says_nothing_of_the_next_makes_all_be_asked_again(serve, info):
    github, api = serve()
    github.fault = lambda asked: (
        answered(deployments={"nodes": [deployment()], "pageInfo": info})
        if asked.operation
        else said([])
    )
    assert ask(api) == Past()
    assert len(rest(github)) == 1


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (BUSY, "GitHub gave up on the query"),
        (said({"errors": [{"type": "FORBIDDEN"}], "data": {"repository": None}}),
         "`github-token` may not read all that was asked for"),
        (said({"data": {"repository": {"deployments": {"nodes": []}}}, "errors": [{"type": "X"}]}),
         ODD),
        (said({"data": {"repository": {"deployments": {"nodes": [None]}}}}), ODD),
        (said({"data": {"repository": {"deployments": None}}}), ODD),
    ],
)  # fmt: skip
def test_a_later_page_that_cannot_be_read_is_not_asked_for_by_the_other_interface(
    serve, answer, problem
):
    github, api = serve()
    github.fault = always(answer)
    assert why(failure(partial(ask, api, after="Y3Vyc29y"))) == (problem, False, False)
    assert len(github.asked) == 1


# --- by which name GitHub knows the environment


def test_the_records_on_the_runs_commit_and_the_newest_names_tell_the_environment(serve, history):
    run_sha, sha = history.commit(), history.commit()
    own = history.deploy(run_sha, "prod-eu", states=["success"], log_url=LOG)
    history.deploy(sha, "staging")
    history.deploy(sha, "prod-eu")
    _, api = serve()
    made = history.deployments[own]
    found = ask(api, commit=sha, run_commit=run_sha)
    expected = DeploymentRecord(
        id=found.run_records[0].id,
        environment="prod-eu",
        commit_sha=run_sha,
        task="deploy",
        created_at=made.created_at,
        succeeded_at=made.statuses[0].created_at,
        run_ids=frozenset({"77"}),
        creator="github-actions[bot]",
    )
    assert found == Past(
        run_records=(expected,),
        environment_names=("prod-eu", "staging"),
        committed_at=history.commits[sha].committed,
    )


def test_of_the_names_only_those_of_a_hundred_records_are_known(serve, history):
    sha = history.commit()
    for number in range(101):
        history.deploy(sha, "first" if number == 0 else "staging")
    _, api = serve()
    found = ask(api, commit=sha, run_commit=COMMIT)
    assert (found.environment_names, found.are_names_cut) == (("staging",), True)
    assert (found.deployments, found.run_records) == ((), ())
    assert ask(api, commit=sha, names_after=found.names_after) == Past(environment_names=("first",))
    assert ask(api, commit=sha, names_after="") == Past(
        environment_names=("staging",), are_names_cut=True, names_after=found.names_after
    )


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (answered(newest=None), "GitHub's answer to a query has no deployments"),
        (answered(newest={"nodes": None}), "GitHub's answer to a query has no deployments"),
        (answered(newest={"nodes": []}), ODD),
        (said({"data": {"repository": {"newest": page()}}, "errors": [{"type": "X"}]}), ODD),
    ],
)
def test_older_names_that_cannot_be_read_are_no_names(serve, answer, problem):
    github, api = serve()
    github.fault = always(answer)
    assert why(failure(partial(ask, api, names_after="x"))) == (problem, False, False)


@pytest.mark.parametrize(
    "newest",
    [None, [], {"nodes": []}, {**page(), "nodes": None}, page(None), page({"environment": None})],
)
def test_names_that_are_not_told_make_all_be_asked_again(serve, newest):
    github, api = serve()
    github.fault = lambda asked: (
        answered(deployments=page(), newest=newest) if asked.operation else said([])
    )
    assert ask(api, run_commit=COMMIT) == Past()
    assert len(rest(github)) == 1


def test_several_names_may_be_asked_for_at_once(serve, history):
    sha = history.commit()
    for name in ("production", "staging", "prod-eu"):
        history.deploy(sha, name)
    _, api = serve()
    found = ask(api, commit=sha, environments=("prod-eu", "production"))
    assert [each.environment for each in found.deployments] == ["prod-eu", "production"]


@pytest.mark.parametrize("of_run", [None, {}, {"deployments": {"nodes": []}}])
def test_the_runs_commit_may_have_no_records_or_be_unknown(serve, of_run):
    github, api = serve()
    newest = page({"environment": "qa"}, {"environment": ""}, {"environment": "qa"})
    github.fault = always(answered(deployments=page(), ofRun=of_run, newest=newest))
    assert ask(api, run_commit=COMMIT) == Past(environment_names=("qa",))


@pytest.mark.parametrize("of_run", [None, [], {"nodes": [None]}, {"nodes": None}])
def test_records_of_the_run_that_are_not_told_whole_make_all_be_asked_again(serve, of_run):
    github, api = serve()
    github.fault = lambda asked: (
        answered(deployments=page(), ofRun={"deployments": of_run}) if asked.operation else said([])
    )
    assert ask(api, run_commit=COMMIT) == Past()
    assert len(rest(github)) == 1


# --- one by one


ROOT = "/repos/acme/shop/deployments"


def test_one_by_one_twenty_are_read_at_a_time_to_the_end(serve, history):
    sha = history.commit()
    made = [history.deploy(sha) for _ in range(45)]
    github, api = serve()
    github.fault = on("/graphql", BUSY)
    pages = [ask(api, commit=sha)]
    while pages[-1].after:
        pages.append(ask(api, commit=sha, after=pages[-1].after))
    assert [len(page.deployments) for page in pages] == [20, 20, 5]
    assert [each.id for page in pages for each in page.deployments] == [
        str(number) for number in reversed(made)
    ]
    assert not any(page.is_cut for page in pages)
    # The query is not tried again.
    assert sum(asked.operation is not None for asked in github.asked) == 1
    assert len(rest(github)) == 45 + 3


def test_one_by_one_no_more_than_a_hundred_and_twenty_are_read(serve, history):
    sha = history.commit()
    for _ in range(121):
        history.deploy(sha)
    github, api = serve()
    github.fault = on("/graphql", BUSY)
    pages = [ask(api, commit=sha)]
    while pages[-1].after:
        pages.append(ask(api, commit=sha, after=pages[-1].after))
    assert [(len(page.deployments), page.is_cut) for page in pages] == [
        *[(20, False)] * 5,
        (20, True),
    ]
    lists = [each for each in rest(github) if each.startswith(f"{ROOT}?")]
    assert lists == [
        *[f"{ROOT}?environment=production&page=1&per_page=100&task=deploy"] * 5,
        f"{ROOT}?environment=production&page=2&per_page=100&task=deploy",
    ]


def test_one_by_one_a_list_of_a_hundred_and_twenty_is_not_cut(serve, history):
    sha = history.commit()
    for _ in range(120):
        history.deploy(sha)
    github, api = serve()
    github.fault = on("/graphql", BUSY)
    last = ask(api, commit=sha, after="skip:100")
    assert (len(last.deployments), last.after, last.is_cut) == (20, None, False)


def test_one_by_one_those_of_other_environments_are_passed_over(serve, history):
    run_sha, sha = history.commit(), history.commit()
    wanted = [history.deploy(sha, name) for name in ("production", "prod-eu")]
    own = history.deploy(run_sha, "live", log_url=LOG)
    for _ in range(3):
        history.deploy(sha, "staging")
    github, api = serve()
    github.fault = on("/graphql", BUSY)
    found = ask(api, commit=sha, environments=("production", "prod-eu"), run_commit=run_sha)
    assert [each.id for each in found.deployments] == [str(number) for number in reversed(wanted)]
    assert [(each.id, each.environment) for each in found.run_records] == [(str(own), "live")]
    assert (found.environment_names, found.are_names_cut) == (
        ("staging", "live", "prod-eu", "production"),
        False,
    )
    assert sorted(rest(github)) == [
        *sorted(f"{ROOT}/{number}/statuses?page=1&per_page=100" for number in (*wanted, own)),
        f"{ROOT}?page=1&per_page=100&task=deploy",
    ]


def test_one_by_one_too_the_names_may_be_those_of_the_newest_alone(serve, history):
    sha = history.commit()
    for number in range(101):
        history.deploy(sha, "first" if number == 0 else "staging")
    github, api = serve()
    github.fault = on("/graphql", BUSY)
    found = ask(api, commit=sha, run_commit=COMMIT)
    assert (found.environment_names, found.are_names_cut) == (("staging",), True)
    assert (found.deployments, found.after) == ((), "skip-of-all:20")


@pytest.mark.parametrize(
    "fault", [BUSY, said({}, 404), said({"errors": [{"type": "TIMEOUT"}]}), said([])], ids=str
)
@pytest.mark.parametrize(("task", "place"), [("migrate", 0), ("deploy", 1)])
def test_where_no_query_does_those_of_the_task_are_read_one_by_one(
    serve, history, fault, task, place
):
    sha, both = made(history)
    expected = both[place]
    github, api = serve()
    github.fault = on("/graphql", fault)
    assert ask(api, commit=sha, task=task) == Past(
        deployments=(expected,), environment_names=("production",)
    )
    root = "/repos/acme/shop/deployments"
    assert rest(github) == [
        f"{root}?environment=production&page=1&per_page=100&task={task}",
        f"{root}/{expected.id}/statuses?page=1&per_page=100",
    ]


# --- more statuses than a page has


@pytest.mark.parametrize(
    ("states", "is_known"),
    [
        (["success", *["inactive"] * 100], True),
        (["queued", "success", *["inactive"] * 198], True),
        (["success", *["success"] * 300], True),
        (["queued", "success", *["inactive"] * 300], True),
    ],
)
def test_the_first_success_is_found_among_the_oldest_of_many_statuses(
    serve, history, states, is_known
):
    sha = history.commit()
    of_run = {"run_commit": sha}
    long = history.deploy(sha, states=states, log_url=LOG)
    history.deploy(sha)
    github, api = serve()
    found = ask(api, commit=sha, **of_run)
    made = history.deployments[long]
    first = next(each for each in made.statuses if each.state == "success")
    assert found.run_records == found.deployments
    record = found.deployments[1]
    assert (record.succeeded_at, record.run_ids) == (first.created_at, frozenset({"77"}))
    assert record.is_end_known is is_known
    # One query tells the statuses of all such records, each once.
    assert [asked.operation for asked in github.asked] == [graphql.PAST, graphql.OTHER_STATUSES]
    assert len(github.asked[1].variables["ids"]) == 1


@pytest.mark.parametrize("is_success_between", [True, False])
def test_what_lies_between_the_newest_and_the_oldest_statuses_is_not_known(
    serve, history, is_success_between
):
    between = "success" if is_success_between else "queued"
    states = [*["queued"] * 150, between, *["inactive"] * 150]
    history.deploy(history.commit(), states=states)
    _, api = serve()
    (found,) = ask(api).deployments
    assert (found.succeeded_at, found.is_end_known) == (None, False)
    assert found.gave_up_at is not None


@pytest.mark.parametrize(
    "other",
    [
        None,
        {},
        {"statuses": None},
        {"statuses": {"totalCount": 101, "nodes": None}},
        {"statuses": {"totalCount": 101, "nodes": []}},
        {"statuses": {"totalCount": None, "nodes": [{"state": "SUCCESS", "createdAt": LATER}]}},
        {"statuses": {"totalCount": 101, "nodes": [{"state": "SUCCESS"}]}},
    ],
)
def test_other_statuses_that_are_not_told_make_all_be_asked_again(serve, other):
    node = deployment(**statuses({"state": "INACTIVE", "createdAt": LATER}, more=True))
    github, api = serve()
    github.fault = lambda asked: (
        said({"data": {"nodes": [other]}})
        if asked.operation == graphql.OTHER_STATUSES
        else answered(deployments=page(node))
        if asked.operation
        else said([])
    )
    assert ask(api) == Past()
    assert len(rest(github)) == 1


def test_an_outage_while_other_statuses_are_asked_for_is_one_of_all(serve):
    node = deployment(**statuses({"state": "INACTIVE", "createdAt": LATER}, more=True))
    github, api = serve()
    github.fault = lambda asked: (
        said({}, 429)
        if asked.operation == graphql.OTHER_STATUSES
        else answered(deployments=page(node))
    )
    problem = "the rate limit of `github-token` is used up (429)"
    assert why(failure(ask, api)) == (problem, False, True)
    assert len(github.asked) == 2


@pytest.mark.parametrize(("count", "pages", "is_known"), [(101, 2, True), (301, 3, False)])
def test_one_by_one_no_more_than_three_hundred_statuses_are_read(
    serve, history, count, pages, is_known
):
    first = history.deploy(history.commit(), states=["success", *["inactive"] * (count - 1)])
    github, api = serve()
    github.fault = on("/graphql", BUSY)
    (found,) = ask(api).deployments
    succeeded_at = history.deployments[first].statuses[0].created_at
    assert (found.succeeded_at, found.is_end_known) == (
        succeeded_at if is_known else None,
        is_known,
    )
    assert len(rest(github)) == 1 + pages


def test_one_by_one_all_of_a_hundred_statuses_count(serve, history):
    sha = history.commit()
    first = history.deploy(sha, states=["success", *["inactive"] * 99])
    github, api = serve()
    github.fault = on("/graphql", BUSY)
    (found,) = ask(api).deployments
    made = history.deployments[first]
    assert (found.id, found.succeeded_at) == (str(first), made.statuses[0].created_at)


def test_no_more_than_ten_statuses_are_asked_at_once(serve, history):
    sha = history.commit()
    for _ in range(21):
        history.deploy(sha)
    github, api = serve()
    github.fault = on("/graphql", BUSY)
    ask(api)
    assert len(rest(github)) == 21
    assert github.most_at_once() <= 10


def test_the_statuses_are_asked_side_by_side(serve):
    items = [listed(id=number) for number in range(1, 6)]
    github, api = serve(latency=0.25)
    github.fault = lambda asked: (
        BUSY if asked.operation else said([]) if asked.path.endswith("statuses") else said(items)
    )
    assert len(ask(api).deployments) == 5
    assert (github.rounds(), len(github.asked)) == (3, 7)


def test_a_list_that_is_longer_than_was_asked_for_is_cut(serve):
    item = listed()
    github, api = serve()
    github.fault = lambda asked: (
        BUSY
        if asked.operation
        else said([])
        if asked.path.endswith("statuses")
        else said([item] * 30)
    )
    assert len(ask(api).deployments) == 20
    assert len(rest(github)) == 21


# --- permissions and limits


def test_a_server_may_tell_all_but_the_deployments(serve):
    github, api = serve()
    repository = {
        "object": {"committedDate": "2026-06-01T08:00:00Z"},
        "deployments": None,
        "refs": {"nodes": [{"name": "v1", "target": {"oid": COMMIT}}]},
    }
    github.fault = lambda asked: (
        said({"data": {"repository": repository}, "errors": [{"type": "FORBIDDEN"}]})
        if asked.operation
        else said({}, 403)
    )
    assert ask(api, "tags") == Past(
        marks=(Mark(tag="v1", commit_sha=COMMIT),), committed_at=START, problem=MAY_NOT
    )
    assert rest(github) == [
        "/repos/acme/shop/deployments?environment=production&page=1&per_page=100&task=deploy"
    ]
    assert len(github.asked) == 2


def test_without_the_permission_all_else_is_known(serve, history):
    sha = history.commit()
    history.tag("v1")
    history.deploy(sha)
    github, api = serve(permissions={"contents"})
    assert ask(api, "tags", sha) == Past(
        marks=(Mark(tag="v1", commit_sha=sha),), committed_at=START, problem=MAY_NOT
    )
    first, second, third = github.asked
    assert (first.operation, second.operation, third.operation) == (graphql.PAST,) * 2 + (None,)
    assert first.variables == {
        "owner": "acme",
        "name": "shop",
        "environments": ["production"],
        "after": None,
        "commit": sha,
        "runCommit": sha,
        "deployments": True,
        "names": False,
        "releases": False,
        "tags": True,
    }
    assert second.variables == {**first.variables, "deployments": False}


def test_without_any_permission_nothing_is_known(serve, history):
    history.commit()
    github, api = serve(permissions={"pull-requests"})
    assert ask(api, "releases") == Past(problem=MAY_NOT)
    assert [asked.operation for asked in github.asked] == [graphql.PAST, graphql.PAST, None]


def test_the_permission_for_deployments_alone_is_enough_for_them(serve, history):
    sha, (_, expected) = made(history)
    _, api = serve(permissions={"deployments"})
    found = ask(api, "releases", sha)
    assert found == Past(deployments=(expected,), environment_names=("production",))


def test_what_is_asked_again_without_deployments_may_fail_too(serve):
    refused = said({"errors": [{"type": "FORBIDDEN"}], "data": {"repository": None}})
    answers = iter([refused, BUSY, said([])])
    github, api = serve()
    github.fault = lambda _: next(answers)
    assert ask(api) == Past()
    assert len(github.asked) == 3


@pytest.mark.parametrize("kind", ["INTERNAL", "FORBIDDEN", "SERVICE_UNAVAILABLE"])
def test_an_error_beside_an_answer_makes_the_deployments_be_asked_again(serve, kind):
    github, api = serve()
    repository = {
        "object": {"committedDate": "2026-06-01T08:00:00Z"},
        "deployments": page(deployment()),
        "refs": {"nodes": [{"name": "v1", "target": {"oid": COMMIT}}]},
    }
    github.fault = lambda asked: (
        said({"data": {"repository": repository}, "errors": [{"type": kind}]})
        if asked.operation
        else said([])
    )
    assert ask(api, "tags") == Past(marks=(Mark(tag="v1", commit_sha=COMMIT),), committed_at=START)
    assert len(rest(github)) == 1


@pytest.mark.parametrize("kind", ["RATE_LIMITED", "RATE_LIMIT"])
def test_the_limit_of_queries_leaves_the_other_interface(serve, history, kind):
    sha, (_, expected) = made(history)
    github, api = serve()
    github.fault = on("/graphql", said({"errors": [{"type": kind}]}))
    assert ask(api, commit=sha) == Past(deployments=(expected,), environment_names=("production",))
    assert [asked.operation for asked in github.asked] == [graphql.PAST, None, None]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (said({}, 429), "the rate limit of `github-token` is used up (429)"),
        (said({}, 401), "GitHub refused `github-token` (401); leave it out for the job's own"),
    ],
    ids=str,
)
def test_where_more_questions_are_in_vain_none_follow(serve, answer, problem):
    github, api = serve()
    github.fault = always(answer)
    assert why(failure(ask, api)) == (problem, False, True)
    assert len(github.asked) == 1


@pytest.mark.parametrize("place", [1, 2])
def test_an_outage_of_the_other_interface_is_one_of_all(serve, place):
    item = listed()
    answers = [BUSY, said([item]), said([])]
    answers[place] = said({}, 429)
    left = iter(answers)
    github, api = serve()
    github.fault = lambda _: next(left)
    assert ask(api) == Past(
        problem="the rate limit of `github-token` is used up (429)", outage=True
    )


def test_a_permission_that_lacks_on_the_way_is_named(serve, history):
    history.deploy(history.commit())
    github, api = serve(permissions={"contents"})
    github.fault = on("/graphql", BUSY)
    assert ask(api) == Past(problem=MAY_NOT)


def test_one_status_that_is_not_told_leaves_no_deployment_known(serve, history):
    sha = history.commit()
    ids = [history.deploy(sha) for _ in range(3)]
    github, api = serve()
    github.fault = lambda asked: (
        BUSY if asked.operation else said({}, 404) if str(ids[1]) in asked.path else None
    )
    assert ask(api) == Past(
        problem="GitHub knows no such thing, or `github-token` lacks `deployments: read` (404)"
    )


def test_the_budget_bounds_all_of_it(serve):
    github, api = serve(seconds=0.15)
    github.fault = always(hang())
    assert why(failure(ask, api)) == (NO_TIME, False, True)
    assert len(github.asked) == 1


# --- releases and tags


def test_releases_are_those_that_are_deployments_the_newest_first(serve, history):
    shas = []
    for tag, more in (
        ("v1", {}),
        ("v2", {"prerelease": True}),
        ("v3", {"draft": True}),
        ("v4", {}),
    ):
        shas.append(history.commit())
        history.tag(tag)
        history.release(tag, **more)
    _, api = serve()
    assert ask(api, "releases").marks == (
        Mark(tag="v4", commit_sha=shas[3]),
        Mark(tag="v1", commit_sha=shas[0]),
    )
    assert ask(api, "tags").marks[0].tag == "v4"


def test_tags_are_told_with_their_commits_the_newest_first(serve, history):
    one, two = history.commit(), history.commit()
    history.tag("services/cart@1.0", one)
    history.annotated_tag("v2", two)
    github, api = serve()
    assert ask(api, "tags").marks == (
        Mark(tag="v2", commit_sha=two),
        Mark(tag="services/cart@1.0", commit_sha=one),
    )
    assert ask(api, "releases").marks == ()
    assert [(asked.variables["releases"], asked.variables["tags"]) for asked in github.asked] == [
        (False, True),
        (True, False),
    ]


# --- what the answers hold


def deployment(**changes):
    return {
        "id": "DE_7",
        "commitOid": COMMIT,
        "createdAt": "2026-06-01T08:00:00Z",
        "task": "deploy",
        "environment": "production",
        "payload": None,
        "creator": {"login": "ada"},
        "statuses": statuses(
            {"state": "SUCCESS", "createdAt": LATER, "logUrl": LOG, "environmentUrl": None}
        )["statuses"],
        **changes,
    }


def known(**changes):
    usual = {
        "id": "DE_7",
        "commit_sha": COMMIT,
        "environment": "production",
        "task": "deploy",
        "created_at": START,
        "succeeded_at": START + MINUTE,
        "run_ids": frozenset({"77"}),
        "creator": "ada",
    }
    return DeploymentRecord(**{**usual, **changes})


def listed(**changes):
    """Return a deployment as REST lists it."""
    usual = {
        "id": 7,
        "sha": COMMIT,
        "created_at": "2026-06-01T08:00:00Z",
        "task": "deploy",
        "environment": "production",
    }
    return {**usual, **changes}


def by_rest(**changes):
    return known(id="7", **{"creator": "", **changes})


SUCCESS = {"state": "success", "created_at": LATER, "log_url": LOG}
QUEUED = {"state": "queued", "created_at": LATER}
UNDONE = {"succeeded_at": None, "run_ids": frozenset()}


def statuses(*nodes, more=False):
    return {"statuses": page(*nodes, hasNextPage=more)}


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (deployment(), known()),
        (deployment(task=None), known(task="deploy")),
        (deployment(task="migrate"), known(task="migrate")),
        (deployment(environment=" qa "), known(environment=" qa ")),
        (deployment(environment=""), known(environment="")),
        (deployment(creator=None), known(creator="")),
        (deployment(creator={"login": None, "__typename": "Bot"}), known(creator="")),
        (deployment(creator={"login": "ada", "__typename": "User"}), known()),
        (deployment(creator={"login": "vercel", "__typename": "Bot"}),
         known(creator="vercel[bot]")),
        (deployment(payload='{"service": "Web"}'), known(services=frozenset({"web"}))),
        (deployment(payload='"{\\"service\\": \\"Web\\"}"'), known(services=frozenset({"web"}))),
        (deployment(payload="{"), known()),
        (deployment(createdAt="2026-06-01T07:00:00Z"),
         known(created_at=START - timedelta(hours=1))),
        (deployment(**statuses()), known(succeeded_at=None, run_ids=frozenset())),
        (deployment(**statuses({"state": "success", "createdAt": LATER})),
         known(succeeded_at=None, run_ids=frozenset())),
        (deployment(**statuses({"state": "SUCCESS", "createdAt": "2026-06-01T08:05:00Z"},
                               {"state": "INACTIVE", "createdAt": LATER, "environmentUrl": LOG},
                               {"state": "SUCCESS", "createdAt": LATER, "logUrl": SITE})),
         known()),
        (deployment(**statuses({"state": "FAILURE", "createdAt": LATER, "logUrl": 5})),
         known(succeeded_at=None, gave_up_at=START + MINUTE, run_ids=frozenset())),
        (deployment(**statuses({"state": "IN_PROGRESS", "createdAt": LATER},
                               {"state": "ERROR", "createdAt": "2026-06-01T08:00:00Z"})),
         known(succeeded_at=None, run_ids=frozenset())),
    ],
)  # fmt: skip
def test_a_deployment_is_told_as_far_as_it_is_known(serve, node, expected):
    github, api = serve()
    github.fault = always(answered(deployments=page(node)))
    assert ask(api) == Past(deployments=(expected,))
    assert rest(github) == []


@pytest.mark.parametrize(
    "node",
    [
        deployment(statuses=None),
        deployment(statuses=[]),
        deployment(statuses={**page(), "nodes": None}),
        deployment(statuses={"nodes": []}),
        deployment(**statuses(None)),
        deployment(**statuses("x")),
        deployment(**statuses({"createdAt": LATER})),
        deployment(**statuses({"state": "SUCCESS"})),
        deployment(**statuses({"state": "SUCCESS", "createdAt": "soon"})),
        deployment(id=None),
        deployment(environment=None),
        deployment(commitOid=None),
        deployment(commitOid="main"),
        deployment(createdAt=None),
        deployment(createdAt="soon"),
        None,
        "x",
    ],
)
def test_a_deployment_that_is_not_told_whole_makes_all_be_asked_again(serve, node):
    github, api = serve()
    item = listed()
    github.fault = lambda asked: (
        answered(deployments=page(deployment(), node))
        if asked.operation
        else said([{"state": "success", "created_at": LATER, "log_url": LOG}])
        if asked.path.endswith("/deployments/7/statuses")
        else said([item])
    )
    assert ask(api) == Past(
        deployments=(known(id="7", creator=""),), environment_names=("production",)
    )
    assert len(rest(github)) == 2


@pytest.mark.parametrize("connection", [None, [], "x", {}, {**page(), "nodes": None}])
def test_without_a_list_of_deployments_they_are_asked_again(serve, connection):
    github, api = serve()
    github.fault = lambda asked: answered(deployments=connection) if asked.operation else said([])
    assert ask(api) == Past()
    assert len(rest(github)) == 1


@pytest.mark.parametrize(
    ("item", "status", "expected"),
    [
        ({}, {**SUCCESS, "target_url": SITE, "environment_url": ""}, by_rest()),
        ({}, {**SUCCESS, "log_url": None, "target_url": LOG}, by_rest()),
        ({}, {**SUCCESS, "created_at": None}, None),
        ({"creator": {"login": "vercel[bot]"}}, SUCCESS, by_rest(creator="vercel[bot]")),
        ({"creator": {"login": "ada"}, "payload": {"services": ["web"]}}, SUCCESS,
         by_rest(creator="ada", services=frozenset({"web"}))),
        ({"payload": '{"service": "web"}'}, SUCCESS, by_rest(services=frozenset({"web"}))),
        ({"task": None}, {**QUEUED, "state": "inactive"},
         by_rest(gave_up_at=START + MINUTE, **UNDONE)),
        ({}, {**QUEUED, "state": "SUCCESS"}, by_rest(**UNDONE)),
        ({}, None, None),
        ({}, {"created_at": LATER}, None),
        ({}, {**SUCCESS, "log_url": 5, "environment_url": LOG}, by_rest()),
        ({"task": "migrate"}, QUEUED, by_rest(task="migrate", **UNDONE)),
        ({"id": None}, QUEUED, None),
        ({"sha": None}, QUEUED, None),
        ({"sha": "main"}, QUEUED, None),
        ({"created_at": None}, QUEUED, None),
        ({"created_at": "soon"}, QUEUED, None),
    ],
)  # fmt: skip
def test_a_deployment_counts_by_the_other_interface_too(serve, item, status, expected):
    github, api = serve()
    github.fault = lambda asked: (
        BUSY
        if asked.operation
        else said([status])
        if asked.path.endswith("/statuses")
        else said([listed(**item)])
    )
    assert ask(api) == (
        Past(problem=ODD)
        if expected is None
        else Past(deployments=(expected,), environment_names=("production",))
    )


@pytest.mark.parametrize("item", [None, 3, "y", {}, listed(environment=None)])
def test_a_list_of_other_things_is_not_an_empty_one(serve, item):
    github, api = serve()
    github.fault = lambda asked: BUSY if asked.operation else said([item])
    assert ask(api) == Past(problem=ODD)
    assert len(rest(github)) == 1


@pytest.mark.parametrize(
    ("marks", "nodes"),
    [
        ({"releases": {"nodes": [{"tagName": "v1", "tagCommit": {"oid": COMMIT}}]}}, ["v1"]),
        ({"releases": {"nodes": [{"tagName": "", "tagCommit": {"oid": COMMIT}}]}}, []),
        ({"releases": {"nodes": [{"tagName": "v1", "tagCommit": None}]}}, []),
        ({"releases": {"nodes": [{"tagName": "v1", "tagCommit": {"oid": "x"}}]}}, []),
        ({"releases": {"nodes": [None, 5]}}, []),
        ({"releases": None}, []),
        ({"refs": {"nodes": [{"name": "v1", "target": {"oid": COMMIT}}]}}, ["v1"]),
        ({"refs": {"nodes": [{"name": "v1", "target": {"oid": "x", "target": {"oid": COMMIT}}}]}},
         ["v1"]),
        ({"refs": {"nodes": [{"name": None, "target": {"oid": COMMIT}}]}}, []),
        ({"refs": {"nodes": [{"name": "v1", "target": None}]}}, []),
        ({"refs": {"nodes": [None, "x"]}}, []),
        ({"refs": []}, []),
    ],
)  # fmt: skip
def test_a_mark_counts_if_it_has_a_name_and_a_commit(serve, marks, nodes):
    github, api = serve()
    github.fault = always(answered(deployments=page(), **marks))
    assert ask(api) == Past(marks=tuple(Mark(tag=tag, commit_sha=COMMIT) for tag in nodes))


@pytest.mark.parametrize("date", [None, "soon", 5, {}])
def test_the_time_of_the_commit_may_not_be_known(serve, date):
    github, api = serve()
    github.fault = always(answered(deployments=page(), object={"committedDate": date}))
    assert ask(api) == Past()


PROBLEMS = {
    **dict.fromkeys(MALFORMED, ODD),
    **dict.fromkeys(("a web page", "truncated", "nothing"), NOT_JSON),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_answers_of_another_kind_tell_nothing_but_a_problem(serve, name):
    github, api = serve()
    github.fault = always(MALFORMED[name])
    # A list without any deployment is one.
    assert ask(api) == (Past() if name == "a list" else Past(problem=PROBLEMS[name]))


@pytest.mark.parametrize("name", MALFORMED)
def test_statuses_of_another_kind_are_a_problem(serve, name):
    item = listed()
    github, api = serve()
    github.fault = lambda asked: (
        BUSY
        if asked.operation
        else MALFORMED[name]
        if asked.path.endswith("/deployments/7/statuses")
        else said([item])
    )
    if name == "a list":
        expected = Past(deployments=(by_rest(**UNDONE),), environment_names=("production",))
    else:
        expected = Past(problem=PROBLEMS[name])
    assert ask(api) == expected
