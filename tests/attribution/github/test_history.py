"""What is read in bulk is what the history holds, in few requests, each of which is made once."""

import json
import re
from datetime import datetime, timedelta, timezone
from itertools import islice

import pytest

from dora_deployments.attribution.github import graphql
from dora_deployments.attribution.look_ups import LookUpError
from tests.attribution.github.answers import MALFORMED, SLUG, always, failure, on, said, why
from tests.end_to_end.github.history import START
from tests.end_to_end.github.hosted import iso

LONG_AGO = datetime(2020, 1, 1, tzinfo=timezone.utc)
ENDLESS = "GitHub's pages lead to themselves"
SIZES = [(0, 1), (1, 1), (100, 1), (101, 2), (250, 3)]
BUSY = said({}, 502)
MINUTE = timedelta(minutes=1)


def pages(path, count, more=""):
    return [f"GET {ROOT}{path}?page={n}&per_page=100{more}" for n in range(1, count + 1)]


ROOT = f"/repos/{SLUG}"
QUERY = "POST /graphql"
NAMED = f"GET {ROOT}"


def asked(github):
    """Return the requests in the order of their text."""
    return sorted(map(str, github.asked))


def again(it, read):
    """Return what is read with the answers that are kept, once sure that nothing is asked."""
    it.github.asked.clear()
    found = read(it.past())
    assert it.github.asked == []
    return found


# --- single answers


def test_a_repository_is_known_by_its_name_of_today(serve_long, history):
    history.commit()
    it = serve_long(former="acme/store")
    past = it.past("acme/store")
    expected = {"full_name": "acme/shop", "id": 186853261, "default_branch": "main"}
    assert past.repository() == expected
    assert asked(it.github) == [
        "GET /repos/acme/store",
        "GET /repositories/186853261",
    ]
    assert again(it, lambda past: past.repository()) == expected


def test_pages_are_those_of_the_new_name(serve_long, history):
    sha = history.commit()
    for _ in range(101):
        history.deploy(sha, states=())
    it = serve_long(former="acme/store")
    assert len([*it.past("acme/store").deployments()]) == 101


def test_a_tip_is_where_a_branch_was_when_it_was_first_asked(serve_long, history):
    history.commit()
    sha = history.commit("release/1&x")
    it = serve_long()
    assert it.past().tip("release/1&x") == sha
    assert asked(it.github)[1] == f"GET {ROOT}/commits/release%2F1%26x?per_page=1"
    history.commit("release/1&x")
    assert again(it, lambda past: past.tip("release/1&x")) == sha


def test_a_branch_that_is_not_there_is_absent(serve_long, history):
    history.commit()
    it = serve_long()
    assert failure(it.past().tip, "nowhere").absent is True


def test_a_repository_without_commits_has_no_tip(serve_long):
    error = failure(serve_long().past().tip, "main")
    assert why(error) == ("GitHub says that the repository is empty (409)", True, False)


# --- deployments


@pytest.mark.parametrize(("count", "requests"), SIZES)
def test_deployments_take_two_requests_for_a_hundred(serve_long, history, count, requests):
    sha = history.commit()
    ids = [history.deploy(sha) for _ in range(count)]
    it = serve_long()
    found = [*it.past().deployments()]
    assert [each["deployment"]["id"] for each in found] == ids[::-1]
    assert {len(each["statuses"]) for each in found} == ({3} if count else set())
    assert asked(it.github) == sorted(
        [NAMED, *pages("/deployments", requests), *[QUERY] * (requests if count else 0)]
    )
    assert again(it, lambda past: [*past.deployments()]) == found


def test_a_deployment_is_told_as_rest_does_with_its_statuses_in_order(serve_long, history):
    sha = history.commit()
    history.tag("v1")
    number = history.deploy(
        sha,
        " qa ",
        "migrate",
        START,
        states=("queued", "in_progress", "failure"),
        log_url="https://ci.example/1",
        environment_url="https://qa.example",
        ref="v1",
        transient=True,
        creator="vercel[bot]",
        payload={"service": "Web", "secret": "x"},
    )
    it = serve_long()
    (found,) = it.past().deployments()
    assert re.fullmatch("DE_[A-Za-z0-9_-]{16}", found["deployment"].pop("node_id"))
    assert found == {
        "deployment": {
            "id": number,
            "sha": sha,
            "ref": "v1",
            "task": "migrate",
            "environment": " qa ",
            "original_environment": " qa ",
            "created_at": iso(START),
            "transient_environment": True,
            "creator": {"login": "vercel[bot]"},
            "payload": {"services": ["web"]},
        },
        "is_tag": True,
        "statuses": [
            {
                "state": state,
                "created_at": iso(START + n * MINUTE),
                "environment": " qa ",
                "log_url": "https://ci.example/1",
                "environment_url": "https://qa.example",
            }
            for n, state in enumerate(("queued", "in_progress", "failure"), 1)
        ],
    }


def test_who_has_enough_asks_for_no_more_pages(serve_long, history):
    sha = history.commit()
    for _ in range(1_001):
        history.deploy(sha, states=())
    it = serve_long(limit=5_000)
    found = it.past().deployments()
    lengths = []
    for count in (1, 100, 200, 400, 300):
        assert len([*islice(found, count)]) == count
        lengths.append(len(it.github.asked))
    assert lengths == [3, 7, 15, 23, 23]


def test_deployments_made_meanwhile_move_the_others_and_are_told_by_none_or_once(
    serve_long, history
):
    sha = history.commit()
    ids = [history.deploy(sha, states=()) for _ in range(150)]
    it = serve_long()

    def another(request):
        if "page=2" in request.query:
            history.deploy(sha, states=())

    it.github.fault = another
    found = [each["deployment"]["id"] for each in it.past().deployments()]
    assert found == ids[::-1]


def test_a_deployment_that_is_deleted_meanwhile_is_left_out(serve_long, history):
    sha = history.commit()
    gone, kept = history.deploy(sha), history.deploy(sha)
    it = serve_long()

    def delete(request):
        if request.path == "/graphql":
            del history.deployments[gone]

    it.github.fault = delete
    assert [each["deployment"]["id"] for each in it.past().deployments()] == [kept]
    assert it.told == []


def test_more_than_a_hundred_statuses_are_read_by_pages(serve_long, history):
    sha = history.commit()
    states = ["in_progress"] * 203 + ["success"]
    many, few = history.deploy(sha, states=states), history.deploy(sha)
    it = serve_long()
    found = {each["deployment"]["id"]: each["statuses"] for each in it.past().deployments()}
    assert [status["state"] for status in found[many]] == states
    assert len(found[few]) == 3
    assert asked(it.github) == sorted(
        [
            NAMED,
            *pages("/deployments", 1),
            QUERY,
            *pages(f"/deployments/{many}/statuses", 3),
        ]
    )


def test_statuses_of_one_second_keep_their_order():
    from dora_deployments.attribution.github.trimmed import oldest_first

    newest_first = [
        {"state": "inactive", "created_at": "2026-06-01T08:00:01Z"},
        {"state": "success", "created_at": "2026-06-01T08:00:00Z"},
        {"state": "in_progress", "created_at": "2026-06-01T08:00:00Z"},
    ]
    assert oldest_first(newest_first) == newest_first[::-1]


def test_statuses_are_put_in_the_order_of_their_times():
    from dora_deployments.attribution.github.trimmed import oldest_first

    one, two, three = ({"created_at": f"2026-06-01T0{hour}:00:00Z"} for hour in (7, 8, 9))
    assert oldest_first([two, three, one]) == [one, two, three]


@pytest.mark.parametrize(
    "refusal",
    [
        said({"data": None, "errors": [{"message": "no", "type": "FORBIDDEN"}]}),
        said({"errors": [{"message": "no", "extensions": {"code": "undefinedField"}}]}),
        said({"data": {"nodes": []}}),
        said({"data": {"nodes": [{"statuses": None}, {}]}}),
        said({}, 404),
    ],
    ids=str,
)
def test_where_no_query_is_answered_the_statuses_of_each_are_asked_for(
    serve_long, history, refusal
):
    sha = history.commit()
    ids = [history.deploy(sha) for _ in range(101)]
    it = serve_long()
    expected = [*it.past().deployments()]
    it.pages.clear()
    it.github.asked.clear()
    it.github.fault = on("/graphql", refusal)
    found = [*it.past().deployments()]
    assert found == expected
    (told,) = it.told
    assert told.endswith("; so the statuses of each deployment are read alone")
    assert asked(it.github) == sorted(
        [
            NAMED,
            *pages("/deployments", 2),
            QUERY,
            *(each for n in ids for each in pages(f"/deployments/{n}/statuses", 1)),
        ]
    )
    assert again(it, lambda past: [*past.deployments()]) == found


def odd_ones(it, past):
    """Return the numbers of the deployments, and what is said about the odd ones, twice."""
    found = [[each["deployment"]["id"] for each in past.deployments()] for _ in range(2)]
    assert found[0] == found[1]
    assert it.past().cut == []
    return found[0], past.cut


def test_odd_deployments_are_left_out_and_told_of(serve_long):
    it = serve_long()
    good = {
        "id": 1,
        "node_id": "DE_1",
        "sha": "5" * 40,
        "environment": "production",
        "created_at": iso(START),
    }
    odd = {**good, "environment": None}
    listed = [odd, {**good, "id": 2, "node_id": "DE_2"}, {**odd, "id": -3}, good]
    repository = {"full_name": SLUG, "id": 1, "default_branch": "main"}
    nodes = [{"statuses": {"pageInfo": {"hasNextPage": False}, "nodes": []}}] * 2
    it.github.fault = lambda request: (
        said({"data": {"nodes": nodes}})
        if request.operation
        else said(listed if request.path.endswith("/deployments") else repository)
    )
    told = ["2 of the GitHub deployments could not be read and are left out"]
    assert odd_ones(it, it.past()) == ([2, 1], told)
    it.github.asked.clear()
    assert odd_ones(it, it.past()) == ([2, 1], told)
    assert it.github.asked == []


def test_a_page_of_which_all_is_odd_leads_to_the_next(serve_long):
    it = serve_long()
    commit = {"sha": "5" * 40, "commit": {"committer": {"date": iso(START)}}, "parents": []}
    answers = {
        "1": said([{}], link='<https://api.github.com/x?page=2>; rel="next"'),
        "2": said([commit]),
    }
    it.pages.put("repository", {"full_name": SLUG})
    it.github.fault = lambda request: answers[re.search(r"\bpage=(\d+)", request.query)[1]]
    past = it.past()
    assert [*past.commits("5" * 40)] == [[], [["5" * 40, iso(START), []]]]
    assert past.cut == ["1 of the commits could not be read and is left out"]


def test_statuses_that_may_not_be_all_are_read_alone(serve_long, history):
    sha = history.commit()
    deployed = history.deploy(sha)
    it = serve_long()
    told = said({"data": {"nodes": [{"statuses": {"pageInfo": None, "nodes": []}}]}})
    it.github.fault = lambda request: told if request.operation else None
    (found,) = it.past().deployments()
    states = [each.state for each in history.deployments[deployed].statuses]
    assert [each["state"] for each in found["statuses"]] == states
    assert it.github.asked[-1].path.endswith(f"/deployments/{deployed}/statuses")


@pytest.mark.parametrize("refused", [False, True])
def test_odd_statuses_are_left_out_and_told_of(serve_long, history, refused):
    sha = history.commit()
    ids = [history.deploy(sha) for _ in range(2)]
    it = serve_long()
    odd = {"state": None, "createdAt": iso(START)}
    good = {"state": "SUCCESS", "createdAt": iso(START)}
    connection = {"pageInfo": {"hasNextPage": False}, "nodes": [odd, good]}
    by_query = said({"data": {"nodes": [{"statuses": connection}] * 2}})
    by_rest = said([{**odd, "created_at": odd["createdAt"]}, {**good, "created_at": iso(START)}])
    it.github.fault = lambda request: (
        (said({}, 404) if refused else by_query)
        if request.operation
        else by_rest
        if request.path.endswith("/statuses")
        else None
    )
    for past in (it.past(), it.past()):
        found = [*past.deployments()]
        assert [each["deployment"]["id"] for each in found] == ids[::-1]
        assert [[status["state"] for status in each["statuses"]] for each in found] == [
            ["success"]
        ] * 2
        assert past.cut == [
            "2 of the statuses of GitHub deployments could not be read and are left out"
        ]


def test_statuses_without_end_are_not_read_for_ever(serve_long, history):
    number = history.deploy(history.commit())
    it = serve_long()
    past = it.past()
    past._one_by_one = True
    status = {"state": "success", "created_at": iso(START)}
    it.github.fault = on(
        f".*/deployments/{number}/statuses.*",
        said([status], link='<https://api.github.com/x?page=2>; rel="next"'),
    )
    assert str(failure(list, past.deployments())) == ENDLESS
    assert len(it.github.asked) == 2 + 102


def test_one_by_one_too_what_is_deleted_is_left_out_and_what_is_kept_not_asked(serve_long, history):
    sha = history.commit()
    gone, *ids = [history.deploy(sha) for _ in range(101)]
    it = serve_long()
    past = it.past()
    past._one_by_one = True
    it.github.fault = on(f".*/deployments/{gone}/statuses.*", said({}, 500))
    assert why(failure(list, past.deployments())) == ("GitHub's API answered 500", False, True)
    it.github.fault = on(f".*/deployments/{gone}/statuses.*", said({}, 404))
    it.github.asked.clear()
    found = [each["deployment"]["id"] for each in past.deployments()]
    assert found == ids[::-1]
    assert asked(it.github) == pages(f"/deployments/{gone}/statuses", 1)


def test_a_page_of_statuses_that_is_too_large_is_asked_in_parts(serve_long, history):
    sha = history.commit()
    ids = [history.deploy(sha) for _ in range(100)]
    it = serve_long()
    sizes = []

    def fault(request):
        if request.operation is None:
            return None
        sizes.append(len(request.variables["ids"]))
        return BUSY if sizes[-1] > 25 else None

    it.github.fault = fault
    assert [each["deployment"]["id"] for each in it.past().deployments()] == ids[::-1]
    assert sizes == [100, 50, 25, 25, 25, 25]
    assert it.told == []


# --- releases


@pytest.mark.parametrize(("count", "requests"), SIZES)
def test_releases_take_a_query_for_a_hundred(serve_long, history, count, requests):
    ids = []
    for n in range(count):
        history.commit()
        history.tag(f"v{n}")
        ids.append(history.release(f"v{n}"))
    it = serve_long()
    found = [*it.past().releases()]
    assert [each["release"]["id"] for each in found] == ids[::-1]
    assert asked(it.github) == [NAMED, *[QUERY] * requests]
    assert again(it, lambda past: [*past.releases()]) == found


def test_a_release_has_the_commit_behind_its_tag(serve_long, history):
    sha = history.commit()
    history.annotated_tag("v1")
    number = history.release("v1", START, prerelease=True)
    it = serve_long()
    assert [*it.past().releases()] == [
        {
            "release": {
                "id": number,
                "tag_name": "v1",
                "draft": False,
                "prerelease": True,
                "published_at": iso(START),
            },
            "commit": sha,
        }
    ]


def release(number, **changes):
    return {
        "databaseId": number,
        "tagName": f"v{number}",
        "isDraft": False,
        "isPrerelease": False,
        "publishedAt": iso(START),
        "tagCommit": None,
        **changes,
    }


def connection(nodes, after=None, name="releases"):
    info = {"hasNextPage": after is not None, "endCursor": after}
    return said({"data": {"repository": {name: {"nodes": nodes, "pageInfo": info}}}})


def test_a_tag_that_is_gone_has_no_commit_and_no_release_is_told_twice(serve_long, history):
    history.commit()
    it = serve_long()
    answers = [connection([release(2), None, release(1)], "x"), connection([release(1)])]
    it.github.fault = lambda request: answers.pop(0) if request.operation else None
    found = [(each["release"]["id"], each["commit"]) for each in it.past().releases()]
    assert found == [(2, None), (1, None)]


def test_pages_that_lead_to_themselves_are_not_followed(serve_long, history):
    history.commit()
    it = serve_long()
    it.github.fault = on("/graphql", connection([release(1)], "x"))
    error = failure(list, it.past().releases())
    assert why(error) == (ENDLESS, False, False)
    assert len(it.github.asked) == 3


def test_pages_that_lead_round_in_a_circle_are_not_followed(serve_long, history):
    history.commit()
    it = serve_long()
    following = {None: "a", "a": "b", "b": "c", "c": "a"}

    def fault(request):
        if request.operation is None:
            return None
        after = request.variables["after"]
        return connection([release(ord(after) if after else 1)], following[after])

    it.github.fault = fault
    assert str(failure(list, it.past().releases())) == ENDLESS
    assert len(it.github.asked) == 1 + 4


def test_pages_that_tell_the_same_again_and_again_end(serve_long, history):
    history.commit()
    it = serve_long()
    it.github.fault = lambda request: (
        connection([release(1)], f"after {len(it.github.asked)}") if request.operation else None
    )
    assert str(failure(list, it.past().releases())) == ENDLESS
    assert len(it.github.asked) == 1 + 102


# --- workflow runs


@pytest.mark.parametrize(("count", "requests"), SIZES)
@pytest.mark.parametrize("name", ["deploy.yml", ".github/workflows/deploy.yml", "Ship it"])
def test_runs_take_a_request_for_a_hundred(serve_long, history, name, count, requests):
    sha = history.commit()
    history.run(history.workflow(".github/workflows/test.yaml", "Test"), sha)
    workflow = history.workflow(name="Ship it")
    ids = [history.run(workflow, sha) for _ in range(count)]
    it = serve_long()
    past = it.past()
    found = [*past.runs(name)]
    assert [each["id"] for each in found] == ids[::-1]
    by_name = name == "Ship it"
    place = workflow if by_name else "deploy.yml"
    assert asked(it.github) == sorted(
        [
            NAMED,
            *(pages("/actions/workflows", 1) if by_name else []),
            *pages(f"/actions/workflows/{place}/runs", requests),
        ]
    )
    assert past.cut == []
    assert again(it, lambda past: [*past.runs(name)]) == found


def test_a_run_is_told_as_rest_does(serve_long, history):
    sha = history.commit()
    workflow = history.workflow()
    number = history.run(
        workflow,
        sha,
        branch="topic",
        event="pull_request",
        conclusion=None,
        repository="mallory/shop",
        created_at=START,
    )
    it = serve_long()
    assert [*it.past().runs("Deploy")] == [
        {
            "id": number,
            "event": "pull_request",
            "head_sha": sha,
            "head_branch": "topic",
            "conclusion": None,
            "status": "in_progress",
            "run_started_at": iso(START),
            "created_at": iso(START),
            "updated_at": iso(START + 5 * MINUTE),
            "head_repository": {"full_name": "mallory/shop"},
        }
    ]


def test_a_workflow_that_is_not_there_is_absent_and_the_others_are_named(serve_long, history):
    history.commit()
    history.workflow(".github/workflows/a.yml", "Build")
    history.workflow(".github/workflows/b.yml", "Build")
    it = serve_long()
    there = (
        "the repository has '.github/workflows/a.yml' ('Build'),"
        " '.github/workflows/b.yml' ('Build')"
    )
    assert [why(failure(list, it.past().runs(name))) for name in ("Ship", "c.yml", "Build")] == [
        (f"no workflow is named 'Ship'; {there}", True, False),
        (f"no workflow is named 'c.yml'; {there}", True, False),
        (f"2 workflows are named 'Build'; write the file of one; {there}", True, False),
    ]


def test_a_repository_without_workflows_says_so(serve_long, history):
    history.commit()
    it = serve_long()
    error = failure(list, it.past().runs("Ship"))
    assert str(error) == "no workflow is named 'Ship'; the repository has none"


def test_of_many_workflows_twenty_are_named(serve_long, history):
    history.commit()
    for n in range(101):
        history.workflow(f".github/workflows/{n}.yml", f"W{n}")
    it = serve_long()
    error = failure(list, it.past().runs("Ship"))
    assert str(error).endswith("'.github/workflows/19.yml' ('W19') and others")
    assert [*it.past().runs("W100")] == []


def test_a_refusal_to_list_runs_is_no_missing_workflow(serve_long, history):
    history.commit()
    it = serve_long(permissions={"contents"})
    error = failure(list, it.past().runs("deploy.yml"))
    assert str(error).endswith("add `actions: read` to the job's `permissions:`")


def test_a_workflow_whose_id_is_gone_is_a_failure_as_it_stands(serve_long, history):
    history.commit()
    workflow = history.workflow()
    it = serve_long()
    it.github.fault = on(f".*/workflows/{workflow}/runs.*", said({}, 404))
    assert str(failure(list, it.past().runs("Deploy"))) == (
        "GitHub knows no such thing, or `github-token` lacks `actions: read` (404)"
    )


def run(number):
    return {
        "id": number,
        "head_sha": "5" * 40,
        "created_at": iso(START),
        "updated_at": iso(START),
        "head_repository": None,
    }


def test_runs_that_are_not_listed_are_told_of_and_none_twice(serve_long, history):
    history.commit()
    it = serve_long()
    answers = {
        "page=1&per_page=100": said(
            {"total_count": 1500, "workflow_runs": [run(2), run(1)]},
            link='<https://api.github.com/x?page=2>; rel="next"',
        ),
        "page=2&per_page=100": said({"total_count": 1500, "workflow_runs": [run(1)]}),
        "page=3&per_page=100": said({"total_count": 1500, "workflow_runs": []}),
    }
    it.github.fault = lambda request: answers.get(request.query)
    past = it.past()
    assert [each["id"] for each in past.runs("deploy.yml")] == [2, 1]
    assert past.cut == ["GitHub listed only 2 of the workflow's 1,500 runs"]


def test_runs_that_begin_meanwhile_are_not_missed(serve_long, history):
    sha = history.commit()
    workflow = history.workflow()
    ids = [history.run(workflow, sha) for _ in range(150)]
    it = serve_long()

    def another(request):
        if "page=2" in request.query:
            history.run(workflow, sha)

    it.github.fault = another
    past = it.past()
    assert [each["id"] for each in past.runs("deploy.yml")] == ids[::-1]
    assert past.cut == []


# --- merged pull requests


def merged(history, count):
    """Merge so many pull requests, of which each has one commit; return their numbers."""
    history.commit()
    for n in range(count):
        history.branch(f"b{n}")
        history.commit(f"b{n}")
        history.merge_pull(history.open_pull(f"b{n}"), "squash")
    return [*range(1, count + 1)]


@pytest.mark.parametrize(("count", "requests"), [(0, 1), (1, 1), (100, 1), (101, 3), (250, 4)])
def test_pull_requests_take_a_query_for_a_hundred_and_one_for_the_front(
    serve_long, history, count, requests
):
    numbers = merged(history, count)
    it = serve_long()
    found = [*it.past().merged_pulls(LONG_AGO)]
    assert [each["number"] for each in found] == numbers[::-1]
    assert asked(it.github) == [NAMED, *[QUERY] * requests]
    assert again(it, lambda past: [*past.merged_pulls(LONG_AGO)]) == found


def test_a_pull_request_is_told_with_all_that_counts(serve_long, history):
    history.commit()
    history.branch("topic")
    history.commit("topic", authored=START - 90 * MINUTE)
    history.commit("topic")
    number = history.open_pull("topic")
    sha = history.merge_pull(number)
    history.touch_pull(number, START + 900 * MINUTE)
    history.branch("open")
    history.commit("open")
    history.open_pull("open")
    it = serve_long()
    assert [*it.past().merged_pulls(LONG_AGO)] == [
        {
            "id": history.pull(number).id,
            "number": number,
            "base": "main",
            "merge_commit_sha": sha,
            "merged_at": iso(history.commits[sha].committed),
            "first_commit_at": iso(START - 90 * MINUTE),
            "made_of": {
                "head": "topic",
                "commit_count": 2,
                "commit_shas": " ".join(history.pull(number).commits),
                "names_others": False,
                "oldest_commit_at": (START - 90 * MINUTE).isoformat(),
            },
            "updated_at": iso(START + 900 * MINUTE),
        }
    ]


def test_pull_requests_are_read_down_to_a_moment(serve_long, history):
    numbers = merged(history, 130)
    floor = history.pull(20).merged_at
    it = serve_long()
    found = [each["number"] for each in it.past().merged_pulls(floor)]
    assert found == numbers[19:][::-1]
    it.pages.clear()
    it.github.asked.clear()
    found = [each["number"] for each in it.past().merged_pulls(history.pull(60).merged_at)]
    assert found == numbers[59:][::-1]
    assert asked(it.github) == [NAMED, QUERY]


def test_one_that_is_updated_meanwhile_is_found_at_the_front(serve_long, history):
    numbers = merged(history, 250)
    it = serve_long()
    turns = []

    def touch(request):
        if request.operation is not None:
            turns.append(request)
            if len(turns) == 2:
                history.touch_pull(3)
                history.touch_pull(180)

    it.github.fault = touch
    found = [each["number"] for each in it.past().merged_pulls(LONG_AGO)]
    assert sorted(found) == numbers
    assert found[-1] == 3
    assert len(turns) == 4


def test_one_that_is_updated_while_the_front_is_read_is_found_too(serve_long, history):
    numbers = merged(history, 250)
    it = serve_long()
    turns = []

    def touch(request):
        if request.operation is not None:
            turns.append(request)
            if len(turns) == 2:  # all but the oldest move to the front of what was read
                for number in range(2, 140):
                    history.touch_pull(number)
            if len(turns) == 5:
                history.touch_pull(1)

    it.github.fault = touch
    found = [each["number"] for each in it.past().merged_pulls(LONG_AGO)]
    assert sorted(found) == numbers
    assert found == [*dict.fromkeys(found)]


def test_an_interrupted_reading_finds_what_changed_before_it_went_on(serve_long, history):
    numbers = merged(history, 250)
    it = serve_long()
    it.github.fault = lambda request: (
        said({}, 401) if (request.variables or {}).get("after") else None
    )
    failure(list, it.past().merged_pulls(LONG_AGO))
    history.touch_pull(7)
    it.github.fault = None
    found = [each["number"] for each in it.past().merged_pulls(LONG_AGO)]
    assert sorted(found) == numbers


def test_who_reads_further_down_later_reads_the_front_anew(serve_long, history):
    numbers = merged(history, 350)
    it = serve_long()
    past = it.past()
    list(past.merged_pulls(history.pull(220).merged_at))
    history.touch_pull(7)
    it.github.asked.clear()
    found = [each["number"] for each in past.merged_pulls(LONG_AGO)]
    assert sorted(found) == numbers
    assert asked(it.github) == [QUERY] * 3
    assert len(again(it, lambda past: [*past.merged_pulls(LONG_AGO)])) == 350


def pull(number, **changes):
    return {
        "fullDatabaseId": str(10**12 + number),
        "number": number,
        "baseRefName": "main",
        "mergedAt": iso(START),
        "updatedAt": iso(START),
        "mergeCommit": {"oid": f"{number:040x}"},
        "commits": {"nodes": []},
        **changes,
    }


def test_one_may_have_no_merge_commit(serve_long, history):
    history.commit()
    it = serve_long()
    nodes = [pull(1, mergeCommit=None), pull(2), pull(3, fullDatabaseId=7)]
    it.github.fault = on("/graphql", connection(nodes, name="pullRequests"))
    found = [*it.past().merged_pulls(LONG_AGO)]
    assert [(each["id"], each["merge_commit_sha"], each["first_commit_at"]) for each in found] == [
        (10**12 + 1, None, None),
        (10**12 + 2, f"{2:040x}", None),
        (7, f"{3:040x}", None),
    ]


def bulk(count, updated_at):
    """Return a fault by which so many pull requests were updated at one moment."""
    listed = [pull(number, updatedAt=updated_at) for number in range(count, 0, -1)]

    def answer(request):
        if request.operation is None:
            return None
        start, size = int(request.variables["after"] or 0), request.variables["first"]
        after = str(start + size) if start + size < count else None
        return connection(listed[start : start + size], after, "pullRequests")

    return answer


def test_many_that_were_updated_at_one_moment_are_read_twice_and_no_more(serve_long, history):
    history.commit()
    it = serve_long()
    it.github.fault = bulk(250, iso(START))
    found = [each["number"] for each in it.past().merged_pulls(LONG_AGO)]
    assert found == [*range(250, 0, -1)]
    assert len(it.github.asked) == 1 + 3 + 3
    assert len(again(it, lambda past: [*past.merged_pulls(LONG_AGO)])) == 250


def test_odd_pull_requests_are_left_out_and_told_of_once(serve_long, history):
    history.commit()
    it = serve_long()
    nodes = [pull(2, mergedAt="soon"), pull(1)]
    answers = [connection(nodes, "x", "pullRequests"), connection([], None, "pullRequests")]
    answers += [connection(nodes, None, "pullRequests")]
    it.github.fault = lambda request: answers.pop(0) if request.operation else None
    past = it.past()
    assert [each["number"] for each in past.merged_pulls(LONG_AGO)] == [1]
    assert past.cut == ["1 of the merged pull requests could not be read and is left out"]
    assert answers == []


def test_a_page_of_pull_requests_that_is_too_large_is_made_smaller(serve_long, history):
    numbers = merged(history, 60)
    it = serve_long(seconds=90)
    sizes = []

    def fault(request):
        if request.operation is None:
            return None
        sizes.append(request.variables["first"])
        return BUSY if sizes[-1] > 25 else None

    it.github.fault = fault
    found = [each["number"] for each in it.past().merged_pulls(LONG_AGO)]
    assert found == numbers[::-1]
    assert sizes == [100, 50, 25] * 4
    assert it.told == []


def test_a_server_that_has_time_for_no_query_is_out_of_order(serve_long, history):
    history.commit()
    it = serve_long(seconds=90)
    it.github.fault = on("/graphql", BUSY)
    error = failure(list, it.past().merged_pulls(LONG_AGO))
    assert type(error) is graphql.TooLargeError
    assert len(it.github.asked) == 1 + 3 * 5


# --- commits


@pytest.mark.parametrize(("count", "requests"), SIZES[1:])
def test_commits_take_a_request_for_a_hundred(serve_long, history, count, requests):
    for _ in range(count):
        history.commit()
    tip = history.branches["main"]
    it = serve_long()
    found = [*it.past().commits(tip)]
    assert [len(page) for page in found] == [min(100, count - 100 * n) for n in range(requests)]
    assert [commit for page in found for commit in page] == [
        [sha, iso(history.commits[sha].committed), [*history.commits[sha].parents]]
        for sha in history.log(tip)
    ]
    assert asked(it.github) == sorted([NAMED, *pages("/commits", requests, f"&sha={tip}")])
    history.commit()
    assert again(it, lambda past: [*past.commits(tip)]) == found


def endless_commits(link):
    """Return a list of commits that has something new on each page, and never ends."""

    def answer(request):
        number = int(re.search(r"\bpage=(\d+)", request.query)[1])
        commit = {
            "sha": f"{number:040x}",
            "commit": {"committer": {"date": iso(START)}},
            "parents": [],
        }
        return said([commit], link=link.format(number + 1))

    return answer


def test_a_list_that_is_far_longer_than_it_said_is_not_read_for_ever(serve_long):
    it = serve_long(limit=5_000)
    it.pages.put("repository", {"full_name": SLUG})
    address = "<https://api.github.com/x?page={0}>"
    it.github.fault = endless_commits(f'{address}; rel="next", {address}; rel="last"')
    assert str(failure(list, it.past().commits("5" * 40))) == ENDLESS
    assert len(it.github.asked) < 130  # the first said that there are two


@pytest.mark.parametrize("last", ["", ', <https://api.github.com/x?page=9999>; rel="last"'])
def test_pages_of_which_each_is_the_same_are_not_read_for_ever(serve_long, last):
    it = serve_long(limit=5_000)
    it.pages.put("repository", {"full_name": SLUG})
    commit = {"sha": "5" * 40, "commit": {"committer": {"date": iso(START)}}, "parents": []}
    it.github.fault = always(
        said([commit], link=f'<https://api.github.com/x?page=2>; rel="next"{last}')
    )
    assert str(failure(list, it.past().commits("5" * 40))) == ENDLESS
    assert len(it.github.asked) < 130


def test_merge_commits_have_all_of_their_parents(serve_long, history):
    merged(history, 0)
    history.branch("topic")
    other = history.commit("topic")
    one = history.commit()
    tip = history.merge("main", "topic")
    it = serve_long()
    (page,) = it.past().commits(tip)
    assert page[0] == [tip, iso(history.commits[tip].committed), [one, other]]


def test_pages_after_a_broken_one_are_kept_and_the_broken_one_is_asked_again(serve_long, history):
    for _ in range(650):
        history.commit()
    tip = history.branches["main"]
    it = serve_long()
    it.github.fault = on(".*page=5&.*", said([], 403))
    read = []
    with pytest.raises(LookUpError):
        read.extend(it.past().commits(tip))
    assert [len(page) for page in read] == [100, 100, 100]
    it.github.fault = None
    it.github.asked.clear()
    read = [*it.past().commits(tip)]
    assert [len(page) for page in read] == [100] * 6 + [50]
    assert asked(it.github) == [f"GET {ROOT}/commits?page=5&per_page=100&sha={tip}"]


def test_a_limit_in_the_middle_is_waited_for(serve_long, history):
    for _ in range(650):
        history.commit()
    tip = history.branches["main"]
    it = serve_long(seconds=5_000, remaining=5, wake=lambda github: github.refill())
    read = [*it.past().commits(tip)]
    assert sum(map(len, read)) == 650
    assert it.slept


def test_a_limit_that_outlasts_the_budget_leaves_what_was_read(serve_long, history):
    for _ in range(650):
        history.commit()
    tip = history.branches["main"]
    it = serve_long(remaining=23)
    past = it.past()
    pages_read = []
    with pytest.raises(LookUpError) as raised:
        pages_read.extend(past.commits(tip))
    assert str(raised.value).endswith("for which `timeout` has no time left")
    assert len(pages_read) == 3
    it.github.refill()
    it.github.asked.clear()
    kept = sum(name.startswith("commits:") for name in it.pages)
    it.api._forget()
    assert sum(map(len, it.past().commits(tip))) == 650
    assert len(it.github.asked) == 7 - kept


# --- ancestors


def chain(nodes):
    """Return an answer to the query for ancestors, for each alias that it asks for."""
    return said({"data": {"repository": nodes}})


def test_ancestors_are_the_history_of_each_commit_itself_first(serve_long, history):
    merged(history, 3)
    shas = [*history.commits]
    it = serve_long()
    found = it.past().ancestors([*shas, "f" * 40], deep=2)
    assert found == {
        **{
            sha: [
                [each, iso(history.commits[each].committed), [*history.commits[each].parents]]
                for each in islice(history.log(sha), 2)
            ]
            for sha in shas
        },
        "f" * 40: None,
    }
    assert asked(it.github) == [NAMED, QUERY]
    assert again(it, lambda past: past.ancestors([*shas, "f" * 40], deep=2)) == found


def test_no_ancestors_take_no_query(serve_long, history):
    history.commit()
    it = serve_long()
    assert it.past().ancestors([]) == {}
    assert asked(it.github) == [NAMED]


@pytest.mark.parametrize(("deep", "sizes"), [(100, [10, 10, 5]), (10, [25]), (1, [25])])
def test_a_query_asks_for_a_thousand_commits_at_most(serve_long, history, deep, sizes):
    for _ in range(25):
        history.commit()
    shas = [*history.commits]
    it = serve_long()
    found = it.past().ancestors(shas, deep=deep)
    assert [len(found[sha]) for sha in shas] == [min(n, deep) for n in range(1, 26)]
    assert (
        sorted((each.objects for each in it.github.asked if each.operation), reverse=True) == sizes
    )


def test_ancestors_of_which_some_are_kept_are_asked_for_the_rest(serve_long, history):
    one, other = history.commit(), history.commit()
    it = serve_long()
    it.past().ancestors([one], deep=1)
    it.github.asked.clear()
    assert [*it.past().ancestors([other, one, other], deep=1)] == [other, one]
    assert [each.objects for each in it.github.asked] == [1]


def test_too_many_ancestors_are_asked_for_one_by_one(serve_long, history):
    shas = [history.commit() for _ in range(3)]
    it = serve_long()
    it.github.fault = lambda request: BUSY if request.objects > 1 else None
    assert [*it.past().ancestors(shas)] == shas
    assert [each.objects for each in it.github.asked if each.operation] == [3, 1, 1, 1]


def test_one_that_is_too_much_is_asked_for_patiently(serve_long, history):
    sha = history.commit()
    it = serve_long(seconds=90, wake=lambda github: setattr(github, "fault", None))
    it.github.fault = on("/graphql", BUSY)
    assert [*it.past().ancestors([sha])] == [sha]
    assert len(it.github.asked) == 3


def test_one_that_is_too_much_alone_fails_and_the_others_are_kept(serve_long, history):
    shas = [history.commit() for _ in range(12)]
    it = serve_long(seconds=90)
    it.github.fault = lambda request: BUSY if shas[11] in (request.operation or "") else None
    assert type(failure(it.past().ancestors, shas)) is graphql.TooLargeError
    it.github.fault = None
    it.github.asked.clear()
    assert [*it.past().ancestors(shas)] == shas
    assert [each.objects for each in it.github.asked] == [2]


def test_a_commit_with_many_parents_is_asked_for_with_all_of_them(serve_long, history):
    root = history.commit()
    parents = [root]
    for n in range(30):
        history.branch(f"b{n}", root)
        parents.append(history.commit(f"b{n}"))
    tip = history._commit(tuple(parents), {}, "An octopus")
    it = serve_long()
    found = it.past().ancestors([tip, root], deep=1)
    assert found[tip][0][2] == parents
    assert found[root][0][2] == []
    assert [each.variables["parents"] for each in it.github.asked if each.operation] == [20, 100]


@pytest.mark.parametrize(
    "told",
    [
        {"c0": {"history": {"nodes": None}}},
        {"c0": {"history": []}},
        {"c0": {"history": {"nodes": [5]}}},
    ],
)
def test_ancestors_of_another_kind_are_none(serve_long, history, told):
    history.commit()
    it = serve_long()
    it.github.fault = on("/graphql", chain(told))
    error = failure(it.past().ancestors, ["5" * 40])
    assert str(error) == "what GitHub says about the commits could not be read"


@pytest.mark.parametrize(
    "told",
    [
        {"c0": {"history": {"nodes": [{"oid": "x"}]}}},
        {"c0": {"history": {"nodes": [{"oid": "5" * 40, "committedDate": "yesterday"}]}}},
        {
            "c0": {
                "history": {
                    "nodes": [
                        {"oid": "5" * 40, "committedDate": iso(START), "parents": {"nodes": [[]]}}
                    ]
                }
            }
        },
    ],
)
def test_odd_ancestors_are_left_out(serve_long, history, told):
    history.commit()
    it = serve_long()
    it.github.fault = on("/graphql", chain(told))
    assert it.past().ancestors(["5" * 40]) == {"5" * 40: []}


@pytest.mark.parametrize("told", [{"c0": None}, {"c0": {}}, {"c0": {"history": None}}, {}])
def test_what_is_no_commit_has_no_ancestors(serve_long, history, told):
    history.commit()
    it = serve_long()
    it.github.fault = on("/graphql", chain(told))
    assert it.past().ancestors(["5" * 40]) == {"5" * 40: None}


# --- answers of another kind

READS = {
    "repository": lambda past: past.repository(),
    "tip": lambda past: past.tip("main"),
    "deployments": lambda past: [*past.deployments()],
    "releases": lambda past: [*past.releases()],
    "runs": lambda past: [*past.runs("deploy.yml")],
    "runs by name": lambda past: [*past.runs("Deploy")],
    "pulls": lambda past: [*past.merged_pulls(LONG_AGO)],
    "commits": lambda past: [*past.commits("5" * 40)],
    "ancestors": lambda past: past.ancestors(["5" * 40]),
}


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("answer", MALFORMED)
def test_no_answer_of_another_kind_breaks_out(serve_long, name, answer):
    it = serve_long()
    if name != "repository":
        named = {"full_name": SLUG, "id": 1, "default_branch": "main"}
        it.pages["repository"] = json.dumps(named)
    it.github.fault = always(MALFORMED[answer])
    if answer == "a list" and name in {"deployments", "commits"}:
        assert not any(READS[name](it.past()))  # an empty page
    else:
        error = failure(READS[name], it.past())
        is_json = answer not in {"a web page", "truncated", "nothing"}
        assert (error.outage, error.wait) == (False, None if is_json else 0.0)
        assert set(it.pages) <= {"repository"}


@pytest.mark.parametrize("name", ["releases", "pulls", "ancestors"])
def test_a_query_that_is_answered_in_part_is_not(serve_long, history, name):
    history.commit()
    it = serve_long()
    answer = {
        "data": {"repository": {"releases": None, "pullRequests": None}},
        "errors": [{"message": "Something", "type": "INTERNAL"}],
    }
    it.github.fault = on("/graphql", said(answer))
    error = failure(READS[name], it.past())
    assert why(error) == ("GitHub refused a part of the query", False, False)
