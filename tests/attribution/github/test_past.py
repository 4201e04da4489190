from dataclasses import replace
from datetime import timedelta

import pytest

from dora_deployments.attribution.answers import Mark, Past, PastDeployment
from dora_deployments.attribution.github import graphql
from dora_deployments.attribution.github.past import past
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
LOG = "https://github.com/acme/shop/actions/runs/77/job/1"
SITE = "https://shop.example"
FORBIDDEN = (
    "`github-token` may not read deployments; add `deployments: read` to the job's `permissions:`"
)
ODD = "GitHub's list of deployments could not be read"
NOT_JSON = "GitHub's answer could not be read (JSONDecodeError)"
BUSY = said({}, 502)


def ask(api, marks=None, commit=COMMIT, environment="production", task="deploy"):
    return past(api, SLUG, environment, task, commit, marks)


def rest(github):
    return [f"{asked.path}?{asked.query}" for asked in github.asked if asked.operation is None]


def answered(**repository):
    return said({"data": {"repository": repository}})


# --- deployments


def made(history):
    """Make three deployments; return what is to be known of the first and the last."""
    sha = history.commit()
    first = history.deploy(sha, states=["in_progress", "success", "inactive"], log_url=LOG)
    history.deploy(sha, "staging")
    last = history.deploy(sha, task="migrate", states=["failure"], environment_url=SITE)
    known = history.deployments
    return sha, [
        PastDeployment(
            id=str(last),
            commit_sha=sha,
            task="migrate",
            created_at=known[last].created_at,
            succeeded=False,
            urls=(SITE,),
        ),
        PastDeployment(
            id=str(first),
            commit_sha=sha,
            task="deploy",
            created_at=known[first].created_at,
            succeeded=True,
            urls=(LOG,) * 3,
        ),
    ]


def test_one_query_tells_the_deployments_of_an_environment_the_newest_first(serve, history):
    sha, expected = made(history)
    github, api = serve()
    found = ask(api, commit=sha)
    assert [each.id[:3] for each in found.deployments] == ["DE_", "DE_"]
    assert [
        (each.commit_sha, each.task, each.created_at, each.succeeded, each.urls)
        for each in found.deployments
    ] == [
        (each.commit_sha, each.task, each.created_at, each.succeeded, each.urls)
        for each in expected
    ]
    assert found.committed_at == START
    assert (found.marks, found.problem) == ((), None)
    (asked,) = github.asked
    assert asked.variables == {
        "owner": "acme",
        "name": "shop",
        "environment": "production",
        "commit": sha,
        "deployments": True,
        "releases": False,
        "tags": False,
    }


def test_nothing_may_be_known(serve, history):
    sha = history.commit()
    _, api = serve()
    assert ask(api, commit=sha) == Past(committed_at=START)
    assert ask(api) == Past()


def test_a_hundred_deployments_are_known(serve, history):
    sha = history.commit()
    for _ in range(101):
        history.deploy(sha)
    github, api = serve()
    assert len(ask(api).deployments) == 100
    assert len(github.asked) == 1


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
    urls = [(SITE,), (LOG, LOG) * 3][place]
    assert ask(api, commit=sha, task=task) == Past(deployments=(replace(expected, urls=urls),))
    root = "/repos/acme/shop/deployments"
    assert rest(github) == [
        f"{root}?environment=production&per_page=100&task={task}",
        f"{root}/{expected.id}/statuses?per_page=100",
    ]


def test_one_by_one_all_of_a_hundred_statuses_count(serve, history):
    sha = history.commit()
    first = history.deploy(sha, states=["success", *["inactive"] * 99])
    github, api = serve()
    github.fault = on("/graphql", BUSY)
    (found,) = ask(api).deployments
    assert (found.id, found.succeeded) == (str(first), True)


def test_one_by_one_no_more_than_twenty_are_read(serve, history):
    sha = history.commit()
    for _ in range(21):
        history.deploy(sha)
    github, api = serve()
    github.fault = on("/graphql", BUSY)
    assert len(ask(api).deployments) == 20
    assert len(rest(github)) == 21
    assert github.most_at_once() <= 10


def test_the_statuses_are_asked_side_by_side(serve):
    items = [{"id": n, "sha": COMMIT, "created_at": "2026-06-01T08:00:00Z"} for n in range(1, 6)]
    github, api = serve(latency=0.25)
    github.fault = lambda asked: (
        BUSY if asked.operation else said([]) if asked.path.endswith("statuses") else said(items)
    )
    assert len(ask(api).deployments) == 5
    assert (github.rounds(), len(github.asked)) == (3, 7)


def test_a_list_that_is_longer_than_was_asked_for_is_cut(serve):
    item = {"id": 7, "sha": COMMIT, "created_at": "2026-06-01T08:00:00Z"}
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


MAY_NOT = (
    "`github-token` may not read this (403); add `deployments: read` to the job's `permissions:`"
)


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
        "/repos/acme/shop/deployments?environment=production&per_page=100&task=deploy"
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
        "environment": "production",
        "commit": sha,
        "deployments": True,
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
    assert found == Past(deployments=(replace(expected, urls=(LOG, LOG) * 3),))


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
        "deployments": {"nodes": [deployment()]},
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
    assert ask(api, commit=sha) == Past(deployments=(replace(expected, urls=(LOG, LOG) * 3),))
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
    item = {"id": 7, "sha": COMMIT, "created_at": "2026-06-01T08:00:00Z"}
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
        "statuses": {"nodes": [{"state": "SUCCESS", "logUrl": LOG, "environmentUrl": None}]},
        **changes,
    }


def known(**changes):
    usual = {
        "id": "DE_7",
        "commit_sha": COMMIT,
        "task": "deploy",
        "created_at": START,
        "succeeded": True,
        "urls": (LOG,),
    }
    return PastDeployment(**{**usual, **changes})


def statuses(*nodes):
    return {"statuses": {"nodes": [*nodes]}}


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (deployment(), known()),
        (deployment(id=None), known(id="")),
        (deployment(task=None), known(task="deploy")),
        (deployment(task="migrate"), known(task="migrate")),
        (deployment(createdAt="2026-06-01T09:00:00Z"),
         known(created_at=START + timedelta(hours=1))),
        (deployment(**statuses(None, "x", {})), known(succeeded=False, urls=())),
        (deployment(**statuses({"state": "success"})), known(succeeded=False, urls=())),
        (deployment(**statuses({"state": "INACTIVE", "logUrl": "", "environmentUrl": SITE},
                               {"state": "SUCCESS", "logUrl": LOG})), known(urls=(SITE, LOG))),
        (deployment(**statuses({"state": "FAILURE", "logUrl": 5})),
         known(succeeded=False, urls=())),
    ],
)  # fmt: skip
def test_a_deployment_is_told_as_far_as_it_is_known(serve, node, expected):
    github, api = serve()
    github.fault = always(answered(deployments={"nodes": [node]}))
    assert ask(api) == Past(deployments=(expected,))
    assert rest(github) == []


@pytest.mark.parametrize(
    "node",
    [
        deployment(statuses=None),
        deployment(statuses=[]),
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
    item = {"id": 7, "sha": COMMIT, "created_at": "2026-06-01T08:00:00Z"}
    github.fault = lambda asked: (
        answered(deployments={"nodes": [deployment(), node]})
        if asked.operation
        else said([{"state": "success", "log_url": LOG}])
        if asked.path.endswith("/deployments/7/statuses")
        else said([item])
    )
    assert ask(api) == Past(deployments=(known(id="7"),))
    assert len(rest(github)) == 2


@pytest.mark.parametrize("connection", [None, [], "x"])
def test_without_a_list_of_deployments_they_are_asked_again(serve, connection):
    github, api = serve()
    github.fault = lambda asked: answered(deployments=connection) if asked.operation else said([])
    assert ask(api) == Past()
    assert len(rest(github)) == 1


@pytest.mark.parametrize(
    ("item", "status", "expected"),
    [
        ({}, {"state": "success", "log_url": LOG, "target_url": SITE, "environment_url": ""},
         known(id="7", urls=(LOG, SITE))),
        ({"task": None}, {"state": "inactive"}, known(id="7", succeeded=False, urls=())),
        ({}, {"state": "SUCCESS"}, known(id="7", succeeded=False, urls=())),
        ({}, None, known(id="7", succeeded=False, urls=())),
        ({}, {"state": "success", "log_url": 5, "environment_url": SITE},
         known(id="7", urls=(SITE,))),
        ({"task": "migrate"}, {}, known(id="7", task="migrate", succeeded=False, urls=())),
        ({"sha": None}, {}, None),
        ({"sha": "main"}, {}, None),
        ({"created_at": None}, {}, None),
        ({"created_at": "soon"}, {}, None),
    ],
)  # fmt: skip
def test_a_deployment_counts_by_the_other_interface_too(serve, item, status, expected):
    usual = {"id": 7, "sha": COMMIT, "created_at": "2026-06-01T08:00:00Z", "task": "deploy"}
    github, api = serve()
    github.fault = lambda asked: (
        BUSY
        if asked.operation
        else said([status])
        if asked.path.endswith("/deployments/7/statuses")
        else said([{**usual, **item}])
    )
    assert ask(api) == (Past(problem=ODD) if expected is None else Past(deployments=(expected,)))


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
    github.fault = always(answered(deployments={"nodes": []}, **marks))
    assert ask(api) == Past(marks=tuple(Mark(tag=tag, commit_sha=COMMIT) for tag in nodes))


@pytest.mark.parametrize("date", [None, "soon", 5, {}])
def test_the_time_of_the_commit_may_not_be_known(serve, date):
    github, api = serve()
    github.fault = always(answered(deployments={}, object={"committedDate": date}))
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
    item = {"id": 7, "sha": COMMIT, "created_at": "2026-06-01T08:00:00Z"}
    github, api = serve()
    github.fault = lambda asked: (
        BUSY
        if asked.operation
        else MALFORMED[name]
        if asked.path.endswith("/deployments/7/statuses")
        else said([item])
    )
    if name in {"a list", "a list of nulls"}:
        expected = Past(deployments=(known(id="7", succeeded=False, urls=()),))
    else:
        expected = Past(problem=PROBLEMS[name])
    assert ask(api) == expected
