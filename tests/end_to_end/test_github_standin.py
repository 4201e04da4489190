"""The stand-in for GitHub is as strict as GitHub, or tests against it would say nothing."""

import base64
import json
import random
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import requests
from graphql import parse, validate
from urllib3.util import SKIP_HEADER

from tests.end_to_end.github.apart import serving
from tests.end_to_end.github.git import File
from tests.end_to_end.github.history import START, History
from tests.end_to_end.github.schema import schema
from tests.end_to_end.github.standin import GitHub, rounds

TOKEN = "token-of-the-tests"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
FORBIDDEN = "Resource not accessible by integration"


@pytest.fixture
def history(tmp_path):
    with History(tmp_path / "shop.git") as made:
        yield made


@pytest.fixture
def github(history):
    with GitHub(history, former="acme/store") as server:
        yield server


def fetch(github, path, headers=HEADERS, method="GET", **options):
    if path.startswith("/") and not path.startswith(("/repos", "/repositories", "/graphql")):
        path = f"/repos/acme/shop{path}"
    return requests.request(method, github.api_url + path, headers=headers, timeout=5, **options)


def get(github, path, **options):
    response = fetch(github, path, **options)
    return response.status_code, response.json()


def ask(github, query, **variables):
    response = requests.post(
        github.graphql_url,
        json={"query": query, "variables": variables},
        headers=HEADERS,
        timeout=5,
    )
    assert response.status_code == 200
    return response.json()


def repository(github, selection, **variables):
    answered = ask(
        github, f'{{repository(owner: "acme", name: "shop") {{{selection}}}}}', **variables
    )
    assert "errors" not in answered, answered
    return answered["data"]["repository"]


def refusal(github, selection):
    answered = ask(github, f'{{repository(owner: "acme", name: "shop") {{{selection}}}}}')
    (error,) = answered["errors"]
    return answered.get("data", "none"), error


def associated(github, sha):
    """Return the pull requests of a commit as REST and GraphQL agree on them."""
    selection = f'object(oid: "{sha}") {{... on Commit {{{PULLS}}}}}'
    nodes = repository(github, selection)["object"]["associatedPullRequests"]["nodes"]
    status, listed = get(github, f"/commits/{sha}/pulls")
    assert status == 200
    assert [each["number"] for each in listed] == [each["number"] for each in nodes]
    return [each["number"] for each in nodes]


PULLS = "associatedPullRequests(first: 10) {nodes {number}}"


def changed(history, branch, *files, base="main"):
    """Open a pull request with one commit for each file; return its number and the commits."""
    history.branch(branch, base)
    shas = [history.commit(branch, {file: f"{file}\n"}) for file in files]
    return history.open_pull(branch, base), shas


# --- the history is a real one


def test_a_history_is_what_git_says_it_is(history):
    some = random.Random(7)
    history.commit()
    for n in range(60):
        branches = sorted(history.branches)
        branch = some.choice(branches)
        if some.random() < 0.3:
            history.branch(f"b{n}", branch)
        elif some.random() < 0.3 and len(branches) > 1:
            history.merge(branch, some.choice([each for each in branches if each != branch]))
        else:
            # Several at the same time, so that the order among them counts.
            history.commit(branch, committed=START + timedelta(hours=n // 4))
    tips = some.sample(sorted(set(history.branches.values())), 8)
    for one in tips[:4]:
        for other in tips[4:]:
            listed = history.git.run("rev-list", "--reverse", other, f"^{one}").split()
            assert history.between(one, other) == tuple(listed)
            best = history.git.run("merge-base", "--all", one, other).split()
            assert history.merge_base(one, other) in best
    assert history.git.run("fsck", "--strict", "--no-dangling", "--no-progress") == ""


def test_a_commit_holds_its_files_and_both_of_its_times(history):
    history.commit("main", {"a/b.txt": "one\n", "c ü.txt": "x"})
    sha = history.commit(
        "main", {"c ü.txt": None}, "Less\n\nOf it.", authored=START - timedelta(days=3)
    )
    assert history.git.run("show", "-s", "--format=%at %ct", sha).split() == [
        "1780041600",
        "1780300860",
    ]
    assert history.git.run("ls-tree", "-r", "--name-only", sha) == "a/b.txt\n"
    assert history.git.run("cat-file", "blob", f"{sha}:a/b.txt") == "one\n"
    assert history.git.run("rev-parse", "main").strip() == sha


def test_a_revert_and_a_cherry_pick_do_what_they_say(history):
    history.commit("main", {"a": "1\n"})
    history.branch("old")
    fix = history.commit("main", {"a": "2\n", "b": "1\n"})
    picked = history.cherry_pick("old", fix)
    history.revert("main", fix)
    assert {path: file.text for path, file in history.commits[picked].files.items()} == {
        "a": "2\n",
        "b": "1\n",
    }
    assert history.git.run("ls-tree", "-r", "--name-only", "main") == "a\n"
    assert history.commits[picked].authored == history.commits[fix].authored


def test_a_thousand_commits_are_there_at_once(history):
    shas = [history.commit() for _ in range(1000)]
    assert len(set(shas)) == 1000
    assert history.git.run("rev-list", "--count", "main").strip() == "1000"


# --- who may come in


@pytest.mark.parametrize("authorization", [None, "", TOKEN, "Bearer other", f"Basic {TOKEN}"])
@pytest.mark.parametrize("path", ["/repos/acme/shop", "/graphql"])
def test_only_the_token_opens_it(github, authorization, path):
    headers = {} if authorization is None else {"Authorization": authorization}
    status, body = get(github, path, headers=headers)
    assert (status, body["message"]) == (401, "Bad credentials")


def test_who_does_not_say_its_name_is_forbidden(github):
    headers = {**HEADERS, "User-Agent": SKIP_HEADER}  # or urllib3 would give its own name
    assert get(github, "/repos/acme/shop", headers=headers)[0] == 403


@pytest.mark.parametrize(
    "path",
    ["/repos/acme/other", "/repos/acme", "/repositories/1", "/nothing", "/pulls/1", "/git/tags/x"],
)
def test_what_there_is_not_is_not_found(github, history, path):
    history.commit()
    assert get(github, path)[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD"])
def test_it_is_only_read(github, method):
    assert fetch(github, "/repos/acme/shop", method=method).status_code == 404


def test_the_name_of_a_repository_has_no_case(github):
    assert get(github, "/repos/ACME/Shop")[1]["full_name"] == "acme/shop"
    answered = ask(github, '{repository(owner: "ACME", name: "Shop") {nameWithOwner databaseId}}')
    assert answered["data"]["repository"] == {
        "nameWithOwner": "acme/shop",
        "databaseId": 186853261,
    }


def test_a_former_name_leads_to_the_id(github):
    moved = fetch(github, "/repos/acme/Store/tags?per_page=1", allow_redirects=False)
    location = f"{github.api_url}/repositories/186853261/tags?per_page=1"
    assert (moved.status_code, moved.headers["Location"]) == (301, location)
    assert get(github, "/repos/acme/store")[1]["full_name"] == "acme/shop"
    query = '{repository(owner: "acme", name: "store"%s) {nameWithOwner}}'
    assert ask(github, query % "")["data"]["repository"]["nameWithOwner"] == "acme/shop"
    assert ask(github, query % ", followRenames: false")["errors"][0]["type"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("permission", "paths", "selection", "answered"),
    [
        (
            "contents",
            ["/commits/main", "/compare/main...main", "/releases", "/tags", "/contents/x"],
            'object(expression: "main") {oid}',
            {"repository": {"object": None}},
        ),
        (
            "pull-requests",
            ["/commits/main/pulls", "/pulls/1", "/pulls/1/files"],
            "pullRequest(number: 1) {title}",
            {"repository": {"pullRequest": None}},
        ),
        (
            "deployments",
            ["/deployments", "/deployments/1/statuses"],
            "deployments(first: 1) {totalCount}",
            {"repository": None},  # a field that may not be null takes its object along
        ),
    ],
)
def test_a_private_repository_wants_every_permission(
    history, permission, paths, selection, answered
):
    history.commit()
    rest = {"contents", "pull-requests", "deployments"} - {permission}
    with GitHub(history, permissions=rest) as github:
        for path in paths:
            status, body = get(github, path)
            assert (status, body["message"]) == (403, FORBIDDEN)
        data, error = refusal(github, selection)
        assert (data, error["type"], error["message"]) == (answered, "FORBIDDEN", FORBIDDEN)
        assert error["path"][0] == "repository"


def test_workflows_want_a_permission_of_their_own(history):
    history.workflow()
    with GitHub(history, permissions={"contents", "pull-requests", "deployments"}) as github:
        for path in ("/actions/workflows", "/actions/workflows/deploy.yml/runs"):
            status, body = get(github, path)
            assert (status, body["message"]) == (403, FORBIDDEN)


def test_nodes_want_the_permission_of_what_they_are(history):
    history.deploy(history.commit())
    with GitHub(history, permissions={"contents"}) as github:
        answered = ask(github, '{nodes(ids: ["DE_1"]) {id}}')
        assert answered["data"] == {"nodes": [None]}
        assert [error["type"] for error in answered["errors"]] == ["FORBIDDEN"]


def test_a_public_repository_wants_none(history):
    sha = history.commit()
    with GitHub(history, permissions=(), private=False) as github:
        assert get(github, "/commits/main")[1]["sha"] == sha
        assert associated(github, sha) == []
        assert get(github, "/deployments") == (200, [])


# --- rate limits


def test_every_answer_counts_the_rate_limit_down(history):
    with GitHub(history, remaining=2) as github:
        responses = [fetch(github, "/tags") for _ in range(3)]
        assert [each.status_code for each in responses] == [200, 200, 403]
        assert [each.headers["X-RateLimit-Remaining"] for each in responses] == ["1", "0", "0"]
        assert "rate limit exceeded" in responses[2].json()["message"]
        assert responses[2].headers["X-RateLimit-Limit"] == "1000"
        assert responses[2].headers["X-RateLimit-Resource"] == "core"
        assert int(responses[2].headers["X-RateLimit-Reset"]) > 1_700_000_000


def test_graphql_has_a_rate_limit_of_its_own_and_stays_200_beyond_it(history):
    history.commit()
    with GitHub(history, remaining=1) as github:
        assert repository(github, "id")
        answered = ask(github, '{repository(owner: "acme", name: "shop") {id}}')
        assert answered["errors"][0]["type"] == "RATE_LIMITED"
        assert "data" not in answered
        assert get(github, "/tags")[0] == 200


def test_a_limit_begins_anew_when_it_is_reset(history):
    history.commit()
    with GitHub(history, remaining=1) as github:
        assert [get(github, "/tags")[0] for _ in range(2)] == [200, 403]
        github.reset = 1_000
        found = fetch(github, "/tags")
        assert (found.status_code, found.headers["X-RateLimit-Remaining"]) == (200, "999")
        assert int(found.headers["X-RateLimit-Reset"]) > 1_700_000_000
        github.refill(remaining=1)
        assert [get(github, "/tags")[0] for _ in range(2)] == [200, 403]
        assert "errors" not in ask(github, "{rateLimit {remaining}}")


def test_a_secondary_limit_refuses_so_many_and_costs_nothing(history):
    history.commit()
    with GitHub(history) as github:
        github.slow_down(1)
        github.slow_down(1, retry_after=7)
        first, second, third = (fetch(github, "/tags") for _ in range(3))
        assert [each.status_code for each in (first, second, third)] == [403, 403, 200]
        assert first.json()["message"].startswith("You have exceeded a secondary rate limit.")
        assert [each.headers.get("Retry-After") for each in (first, second)] == [None, "7"]
        assert third.headers["X-RateLimit-Remaining"] == "999"


def test_a_query_costs_a_hundredth_of_its_connections(github, history):
    history.commit()
    outer = 'object(expression: "main") {... on Commit {history(first: 100) {nodes {%s}}}}'
    selection = (
        outer % "parents(first: 2) {totalCount} associatedPullRequests(first: 5) {totalCount}"
    )
    query = (
        f'{{repository(owner: "acme", name: "shop") {{{selection}}} rateLimit {{cost nodeCount}}}}'
    )
    assert ask(github, query)["data"]["rateLimit"] == {"cost": 2, "nodeCount": 100 + 200 + 500}


# --- comparisons and commits


def test_a_comparison_tells_how_two_commits_stand(github, history):
    old = history.commit("main", {"a": "1\n2\n3\n4\n5\n"})
    history.branch("side")
    left = history.commit("main", {"a": None, "b": "1\n2\n3\n4\n5\n"})
    right = history.commit("side", {"c": "1\n"})

    def compared(base, head):
        status, body = get(github, f"/compare/{base}...{head}")
        assert status == 200
        assert body["merge_base_commit"]["sha"] == old
        return body["status"], body["ahead_by"], body["behind_by"]

    assert compared(old, old) == ("identical", 0, 0)
    assert compared(old, "main") == ("ahead", 1, 0)
    assert compared("main", old[:7]) == ("behind", 0, 1)
    assert compared(left, right) == ("diverged", 1, 1)
    body = get(github, f"/compare/{right}...{left}")[1]
    assert [(each["filename"], each["status"]) for each in body["files"]] == [("b", "renamed")]
    assert body["files"][0]["previous_filename"] == "a"


def test_a_comparison_without_pages_has_the_latest_250_commits(github, history):
    shas = [history.commit() for _ in range(262)]
    body = get(github, f"/compare/{shas[0]}...{shas[-1]}")[1]
    assert body["total_commits"] == body["ahead_by"] == 261
    assert [each["sha"] for each in body["commits"]] == shas[12:]


def test_a_comparison_with_pages_has_all_commits_and_files_on_the_first_alone(github, history):
    shas = [history.commit() for _ in range(112)]
    url = f"/compare/{shas[0]}...{shas[-1]}?per_page=250"
    first = fetch(github, url)
    assert [each["sha"] for each in first.json()["commits"]] == shas[1:101]
    assert len(first.json()["files"]) == 1
    assert set(first.links) == {"next", "last"}
    second = requests.get(first.links["next"]["url"], headers=HEADERS, timeout=5)
    assert [each["sha"] for each in second.json()["commits"]] == shas[101:]
    assert "files" not in second.json()
    assert set(second.links) == {"prev", "first"}


def test_a_comparison_has_300_files_at_most(github, history):
    first = history.commit()
    history.commit("main", {f"{n}.txt": "x\n" for n in range(310)})
    assert len(get(github, f"/compare/{first}...main")[1]["files"]) == 300


def test_a_comparison_needs_two_commits_of_one_history(github, history):
    sha = history.commit()
    other = history.commit("pages")
    assert get(github, f"/compare/{sha}...{'0' * 40}")[1]["message"] == "Not Found"
    status, body = get(github, f"/compare/{sha}...{other}")
    assert (status, body["message"]) == (404, f"No common ancestor between {sha} and {other}.")


def test_a_commit_is_found_by_every_name_and_shows_its_files_in_pages(github, history):
    sha = history.commit("main", {f"{n:03}.txt": "x\n" for n in range(310)})
    history.branch("release/1")
    history.annotated_tag("v1")
    for name in (sha, sha[:7], "main", "release/1", "v1", "refs/tags/v1"):
        assert get(github, f"/commits/{name}")[1]["sha"] == sha
    first = fetch(github, f"/commits/{sha}")
    assert len(first.json()["files"]) == 300
    rest = requests.get(first.links["next"]["url"], headers=HEADERS, timeout=5).json()
    assert [each["filename"] for each in rest["files"]] == [f"{n}.txt" for n in range(300, 310)]
    assert get(github, "/commits/nope")[0] == 422


def test_commits_are_listed_as_git_log_does(github, history):
    assert get(github, "/commits") == (
        409,
        {
            "message": "Git Repository is empty.",
            "documentation_url": "https://docs.github.com/rest",
            "status": "409",
        },
    )
    history.commit()
    history.branch("topic")
    history.commit("topic")
    history.commit()
    tip = history.merge("main", "topic")
    logged = history.git.run("log", "--format=%H %cI %P", "main").splitlines()
    status, listed = get(github, f"/commits?sha={tip}")
    assert status == 200
    assert [
        " ".join(
            [
                each["sha"],
                each["commit"]["committer"]["date"].replace("Z", "+00:00"),
                *(parent["sha"] for parent in each["parents"]),
            ]
        ).rstrip()
        for each in listed
    ] == [line.replace("Z ", "+00:00 ").rstrip() for line in logged]
    assert get(github, "/commits?sha=nowhere")[0] == 404
    found = fetch(github, f"/commits?sha={tip}&per_page=3&page=1")
    assert (len(found.json()), 'page=2>; rel="last"' in found.headers["Link"]) == (3, True)


@pytest.mark.parametrize(
    "path",
    [
        "/commits?branch=main",
        "/actions/workflows?name=Deploy",
        "/actions/workflows/deploy.yml/runs?workflow=1",
        "/actions/workflows/deploy.yml/runs?status=success",
    ],
)
def test_a_parameter_that_there_is_not_is_no_good(github, history, path):
    history.commit()
    history.workflow()
    assert get(github, path)[0] == 400


# --- pull requests


def test_pull_requests_are_listed_by_when_they_were_updated(github, history):
    history.commit()
    for name in ("a", "b", "c"):
        number, _ = changed(history, name, name)
        if name != "b":
            history.merge_pull(number)
    history.touch_pull(1)
    order = "orderBy: {field: UPDATED_AT, direction: %s}"
    listed = repository(
        github,
        f"merged: pullRequests(first: 9, states: [MERGED], {order % 'DESC'})"
        " {nodes {number updatedAt mergedAt}}"
        f" all: pullRequests(first: 9, {order % 'ASC'}) {{nodes {{number}}}}"
        " made: pullRequests(first: 9) {nodes {number}}",
    )
    merged = listed["merged"]["nodes"]
    assert [each["number"] for each in merged] == [1, 3]
    assert merged[0]["updatedAt"] > merged[0]["mergedAt"]
    assert merged[1]["updatedAt"] == merged[1]["mergedAt"]
    assert [each["number"] for each in listed["all"]["nodes"]] == [2, 3, 1]
    assert [each["number"] for each in listed["made"]["nodes"]] == [1, 2, 3]


def test_a_merge_belongs_to_its_pull_request_with_all_of_its_commits(github, history):
    first = history.commit()
    number, shas = changed(history, "topic", "a", "b")
    merge = history.merge_pull(number)
    assert [associated(github, sha) for sha in (first, *shas, merge)] == [[], [1], [1], [1]]
    status, pull = get(github, "/pulls/1")
    assert (status, pull["merged"], pull["merge_commit_sha"]) == (200, True, merge)
    assert (pull["commits"], pull["changed_files"]) == (2, 2)
    assert history.commits[merge].parents == (first, shas[-1])


def test_a_squash_is_one_commit_of_one_parent(github, history):
    first = history.commit()
    number, shas = changed(history, "topic", "a", "b")
    squash = history.merge_pull(number, "squash")
    assert history.commits[squash].parents == (first,)
    assert [associated(github, sha) for sha in (*shas, squash)] == [[1], [1], [1]]
    assert get(github, "/pulls/1")[1]["merge_commit_sha"] == squash


def test_a_rebase_lands_new_commits_that_belong_to_the_pull_request(github, history):
    history.commit()
    number, shas = changed(history, "topic", "a", "b")
    between = history.commit()
    last = history.merge_pull(number, "rebase")
    landed = history.between(between, last)
    assert len(landed) == 2
    assert not set(landed) & set(shas)
    assert [associated(github, sha) for sha in (*landed, *shas, between)] == [[1]] * 4 + [[]]
    assert get(github, "/pulls/1")[1]["merge_commit_sha"] == last


def test_nested_pull_requests_are_all_listed(github, history):
    history.commit()
    history.branch("develop")
    inner, (sha,) = changed(history, "topic", "a", base="develop")
    landed = history.merge_pull(inner, "squash")
    outer = history.open_pull("develop")
    merge = history.merge_pull(outer)
    assert associated(github, sha) == [inner]
    assert associated(github, landed) == [inner, outer]
    assert associated(github, merge) == [outer]


def test_an_open_pull_request_is_listed_until_the_commit_is_on_the_default_branch(github, history):
    history.commit()
    number, (sha,) = changed(history, "topic", "a")
    assert associated(github, sha) == [number]
    pull = get(github, f"/pulls/{number}")[1]
    assert (pull["merged"], pull["merged_at"], pull["state"]) == (False, None, "open")
    assert len(history.commits[pull["merge_commit_sha"]].parents) == 2
    again = history.commit("topic")
    assert associated(github, again) == [number]
    assert get(github, f"/pulls/{number}")[1]["merge_commit_sha"] != pull["merge_commit_sha"]
    assert pull["merge_commit_sha"] not in history.log(history.branches["main"])
    history.merge("main", "topic")
    assert associated(github, sha) == []


def test_the_pull_requests_of_forks_are_listed_as_well(github, history):
    sha = history.commit()
    history.foreign_pull(sha, number=66)
    assert associated(github, sha) == [66]
    listed = get(github, f"/commits/{sha}/pulls")[1]
    assert listed[0]["base"]["repo"]["full_name"] == "mallory/shop"
    assert listed[0]["merge_commit_sha"] == sha
    selection = "associatedPullRequests(first: 1) {nodes {baseRepository {nameWithOwner} url}}"
    nodes = repository(github, f'object(oid: "{sha}") {{... on Commit {{{selection}}}}}')
    assert nodes["object"]["associatedPullRequests"]["nodes"] == [
        {
            "baseRepository": {"nameWithOwner": "mallory/shop"},
            "url": "https://github.com/mallory/shop/pull/66",
        }
    ]


def test_the_files_of_a_pull_request_are_those_since_it_left_its_base(github, history):
    history.commit("main", {"old": "1\n2\n3\n4\n", "gone": "x\n"})
    history.branch("topic")
    history.commit("topic", {"old": None, "new": "1\n2\n3\n4\n", "gone": None, "more": "y\n"})
    number = history.open_pull("topic")
    history.commit("main", {"elsewhere": "z\n"})
    history.merge_pull(number, "squash")
    files = get(github, f"/pulls/{number}/files")[1]
    assert [
        (each["filename"], each["status"], each.get("previous_filename")) for each in files
    ] == [
        ("gone", "removed", None),
        ("more", "added", None),
        ("new", "renamed", "old"),
    ]
    selection = "changedFiles files(first: 5) {nodes {path changeType additions deletions}}"
    pull = repository(github, f"pullRequest(number: {number}) {{{selection}}}")["pullRequest"]
    assert pull["changedFiles"] == 3
    assert [(each["path"], each["changeType"]) for each in pull["files"]["nodes"]] == [
        ("gone", "DELETED"),
        ("more", "ADDED"),
        ("new", "RENAMED"),
    ]


def test_a_pull_request_has_3000_files_at_most(github, history):
    history.commit()
    history.branch("topic")
    history.commit("topic", {f"{n}": "x\n" for n in range(3010)})
    number = history.open_pull("topic")
    last = fetch(github, f"/pulls/{number}/files?per_page=100").links["last"]["url"]
    assert last.endswith("page=30")
    assert get(github, f"/pulls/{number}/files?per_page=100&page=31") == (200, [])


# --- deployments, releases, tags, contents


def test_deployments_come_newest_first_and_are_filtered(github, history):
    one, two = history.commit(), history.commit()
    first = history.deploy(one, log_url="https://ci.example/1")
    history.deploy(two, "staging")
    third = history.deploy(two, states=("in_progress", "success"), ref="v2")
    deployments = get(github, "/deployments?environment=production")[1]
    assert [each["id"] for each in deployments] == [third, first]
    assert deployments[0]["node_id"].startswith("DE_kwDO")
    assert [each["id"] for each in get(github, "/deployments?ref=v2")[1]] == [third]
    assert len(get(github, "/deployments?per_page=2&page=2")[1]) == 1
    statuses = get(github, f"/deployments/{first}/statuses")[1]
    assert [each["state"] for each in statuses] == ["inactive", "success", "in_progress"]
    assert statuses[0]["log_url"] == statuses[0]["target_url"] == "https://ci.example/1"
    selection = 'deployments(environments: ["production"], first: 5) {nodes {commitOid state}}'
    assert repository(github, selection)["deployments"]["nodes"] == [
        {"commitOid": one, "state": "INACTIVE"},
        {"commitOid": two, "state": "ACTIVE"},
    ]


def test_deployments_are_nodes_and_what_there_is_not_is_null(github, history):
    sha = history.commit()
    history.deploy(sha, transient=True)
    history.deploy(sha)
    listed = get(github, "/deployments")[1]
    assert [each["transient_environment"] for each in listed] == [False, True]
    ids = [each["node_id"] for each in listed]
    query = "query($ids: [ID!]!) {nodes(ids: $ids) {__typename ... on Deployment {createdAt}}}"
    answered = ask(github, query, ids=[ids[1], "DE_none", ids[0]])
    assert answered["data"]["nodes"] == [
        {"__typename": "Deployment", "createdAt": listed[1]["created_at"]},
        None,
        {"__typename": "Deployment", "createdAt": listed[0]["created_at"]},
    ]
    (error,) = answered["errors"]
    assert (error["type"], error["path"]) == ("NOT_FOUND", ["nodes", 1])
    answered = ask(github, query, ids=ids * 51)
    assert answered["data"] is None
    assert answered["errors"][0]["type"] == "ARGUMENT_LIMIT"


def test_runs_are_those_of_a_workflow_by_its_id_or_file(github, history):
    sha = history.commit()
    deploy = history.workflow(".github/workflows/ship.yml", "Ship")
    test = history.workflow(".github/workflows/test.yml", "Test")
    ids = [history.run(deploy, sha) for _ in range(3)]
    history.run(test, sha, conclusion=None, repository="mallory/shop")
    assert get(github, "/actions/workflows")[1] == {
        "total_count": 2,
        "workflows": [
            {"id": deploy, "name": "Ship", "path": ".github/workflows/ship.yml", "state": "active"},
            {"id": test, "name": "Test", "path": ".github/workflows/test.yml", "state": "active"},
        ],
    }
    for name in (deploy, "ship.yml"):
        status, found = get(github, f"/actions/workflows/{name}/runs?per_page=2")
        assert (status, found["total_count"]) == (200, 3)
        assert [run["id"] for run in found["workflow_runs"]] == ids[:0:-1]
    (run,) = get(github, "/actions/workflows/test.yml/runs")[1]["workflow_runs"]
    assert (run["status"], run["conclusion"]) == ("in_progress", None)
    assert run["head_repository"]["full_name"] == "mallory/shop"
    assert get(github, "/actions/workflows/Ship/runs")[0] == 404


def run_query(*urls):
    fields = "url event createdAt updatedAt runNumber workflow {databaseId name resourcePath}"
    return " ".join(
        f'r{n}: resource(url: "{url}") {{... on WorkflowRun {{{fields}}}}}'
        for n, url in enumerate(urls)
    )


def test_a_run_is_a_resource_by_the_address_of_its_page(github, history):
    sha = history.commit()
    deploy = history.workflow(".github/workflows/ship.yml", "Ship")
    history.run(deploy, sha)
    run = history.run(deploy, sha, event="schedule", created_at=START, id=8_400_000_001)
    history.rerun(run, START + timedelta(hours=2))
    url = f"https://github.com/acme/shop/actions/runs/{run}"
    assert ask(github, f"{{{run_query(url)} rateLimit {{cost}}}}") == {
        "data": {
            "r0": {
                "url": url,
                "event": "schedule",
                "createdAt": "2026-06-01T08:00:00Z",
                "updatedAt": "2026-06-01T10:05:00Z",
                "runNumber": 2,
                "workflow": {
                    "databaseId": deploy,
                    "name": "Ship",
                    "resourcePath": "/acme/shop/actions/workflows/ship.yml",
                },
            },
            "rateLimit": {"cost": 1},
        }
    }


def test_the_id_of_a_run_does_not_fit_into_an_int_either(github, history):
    run = history.run(history.workflow(), history.commit())
    url = f"https://github.com/acme/shop/actions/runs/{run}"
    answered = ask(github, f'{{resource(url: "{url}") {{... on WorkflowRun {{databaseId}}}}}}')
    assert answered["data"] == {"resource": {"databaseId": None}}
    message = f"Int cannot represent non 32-bit signed integer value: {run}"
    assert [error["message"] for error in answered["errors"]] == [message]


def test_many_runs_are_one_query_of_one_point_and_unknown_ones_are_null(github, history):
    sha, deploy = history.commit(), history.workflow()
    runs = [history.run(deploy, sha) for _ in range(99)]
    root = "https://github.com/acme/shop/actions/runs"
    urls = [*(f"{root}/{run}" for run in runs), f"{root}/7", f"{root}/{runs[0]}/job/1"]
    answered = ask(github, f"{{{run_query(*urls)} rateLimit {{cost}}}}")
    data = answered["data"]
    assert data.pop("rateLimit") == {"cost": 1}
    assert [each and each["url"] for each in data.values()] == [*urls[:99], None, None]
    assert [(error["type"], error["path"]) for error in answered["errors"]] == [
        ("NOT_FOUND", ["r99"])
    ]


def test_runs_want_the_permission_to_read_actions(history):
    run = history.run(history.workflow(), history.commit())
    url = f"https://github.com/acme/shop/actions/runs/{run}"
    with GitHub(history, permissions={"contents", "pull-requests", "deployments"}) as github:
        answered = ask(github, f"{{{run_query(url)}}}")
        assert answered["data"] == {"r0": None}
        assert [error["type"] for error in answered["errors"]] == ["FORBIDDEN"]
        for path in (f"/actions/runs/{run}", f"/actions/runs/{run}/attempts/1"):
            assert get(github, path)[0] == 403
    with GitHub(history, permissions=(), private=False) as github:
        assert ask(github, f"{{{run_query(url)}}}")["data"]["r0"]["url"] == url


def test_other_resources_are_not_modelled(github):
    answered = ask(github, '{resource(url: "https://github.com/acme/shop/pull/1") {url}}')
    assert "is not modelled by this stand-in" in answered["errors"][0]["message"]


def test_a_run_has_its_attempts_by_number(github, history):
    workflow, later = history.workflow(), START + timedelta(days=1)
    run = history.run(workflow, history.commit(), attempts=[START, later])
    first, second = "2026-06-01T08:00:00Z", "2026-06-02T08:00:00Z"
    times = {
        path: (status, body.get("run_attempt"), body.get("run_started_at"), body.get("created_at"))
        for path in ("", "/attempts/1", "/attempts/2", "/attempts/3")
        for status, body in [get(github, f"/actions/runs/{run}{path}")]
    }
    assert times == {
        "": (200, 2, second, first),
        "/attempts/1": (200, 1, first, first),
        "/attempts/2": (200, 2, second, first),
        "/attempts/3": (404, None, None, None),
    }
    assert get(github, f"/actions/runs/{run}")[1]["workflow_id"] == workflow
    assert get(github, "/actions/runs/7")[0] == 404


@pytest.mark.parametrize(
    ("given", "rest", "graphql"),
    [
        ({}, ("github-actions[bot]", {}), ("Bot", "github-actions", None)),
        (
            {"creator": "vercel[bot]", "payload": {"service": "web"}},
            ("vercel[bot]", {"service": "web"}),
            ("Bot", "vercel", '{"service": "web"}'),
        ),
        (
            {"creator": "grace", "payload": "v1"},
            ("grace", "v1"),
            ("User", "grace", '"v1"'),
        ),
    ],
)
def test_a_deployment_has_a_creator_and_a_payload(github, history, given, rest, graphql):
    history.deploy(history.commit(), **given)
    (listed,) = get(github, "/deployments")[1]
    assert (listed["creator"]["login"], listed["payload"]) == rest
    fields = "creator {__typename login} payload originalEnvironment latestEnvironment"
    selection = f"deployments(first: 5) {{nodes {{{fields}}}}}"
    (node,) = repository(github, selection)["deployments"]["nodes"]
    kind, login, payload = graphql
    assert node == {
        "creator": {"__typename": kind, "login": login},
        "payload": payload,
        "originalEnvironment": "production",
        "latestEnvironment": "production",
    }


def test_statuses_have_times_of_their_own_and_may_come_late(github, history):
    later = START + timedelta(days=3)
    url = "https://ci.example/1"
    made = history.deploy(
        history.commit(), states=("waiting", "queued"), times=(START, later), log_url=url
    )
    history.set_status(made, "success", later + timedelta(hours=1))
    statuses = get(github, f"/deployments/{made}/statuses")[1]
    assert [(each["state"], each["created_at"], each["log_url"]) for each in statuses] == [
        ("success", "2026-06-04T09:00:00Z", url),
        ("queued", "2026-06-04T08:00:00Z", url),
        ("waiting", "2026-06-01T08:00:00Z", url),
    ]


def test_environments_are_those_that_were_ever_deployed_to(github, history):
    for environment in ("staging", "production", "Production", "staging"):
        history.deploy(history.commit(), environment, states=())
    pages = "pageInfo {hasNextPage}"
    selection = f"environments(first: 2) {{nodes {{name}} {pages}}}"
    assert repository(github, selection)["environments"] == {
        "nodes": [{"name": "Production"}, {"name": "production"}],
        "pageInfo": {"hasNextPage": True},
    }
    selection = 'environments(first: 9, names: ["staging", "none"]) {nodes {name}}'
    assert repository(github, selection)["environments"]["nodes"] == [{"name": "staging"}]


def test_environments_want_the_permission_to_read_actions(history):
    with GitHub(history, permissions={"contents", "pull-requests", "deployments"}) as github:
        data, error = refusal(github, "environments(first: 1) {totalCount}")
        assert (data, error["type"]) == ({"repository": None}, "FORBIDDEN")


def test_a_commit_has_its_deployments_oldest_first(github, history):
    one, two = history.commit(), history.commit()
    for sha, environment in ((one, "production"), (two, "production"), (one, "staging")):
        history.deploy(sha, environment)
    history.deploy(one)
    deployments = (
        'deployments(environments: ["production"], first: 5) {nodes {commitOid createdAt}}'
    )
    selection = f'object(oid: "{one}") {{... on Commit {{{deployments}}}}}'
    assert repository(github, selection)["object"]["deployments"]["nodes"] == [
        {"commitOid": one, "createdAt": "2026-06-01T08:02:00Z"},
        {"commitOid": one, "createdAt": "2026-06-01T08:05:00Z"},
    ]


def test_the_merge_commit_of_a_pull_request_can_be_missing_everywhere(github, history):
    history.commit()
    number, _ = changed(history, "topic", "a")
    sha = history.merge_pull(number, "squash")
    history.hide_merge_commit(number)
    assert get(github, f"/pulls/{number}")[1]["merge_commit_sha"] is None
    (listed,) = get(github, f"/commits/{sha}/pulls")[1]
    assert (listed["number"], listed["merge_commit_sha"]) == (number, None)
    selection = f"pullRequest(number: {number}) {{merged mergeCommit {{oid}}}}"
    assert repository(github, selection)["pullRequest"] == {"merged": True, "mergeCommit": None}
    assert associated(github, sha) == [number]


def test_a_pull_request_has_its_head_and_its_commits(github, history):
    history.commit()
    number, (first, second) = changed(history, "topic", "a", "b")
    history.merge_pull(number, "squash")
    commits = "commits(first: 1) {totalCount nodes {commit {oid authoredDate messageHeadline}}}"
    selection = f"pullRequest(number: {number}) {{headRefName headRefOid {commits}}}"
    assert repository(github, selection)["pullRequest"] == {
        "headRefName": "topic",
        "headRefOid": second,
        "commits": {
            "totalCount": 2,
            "nodes": [
                {
                    "commit": {
                        "oid": first,
                        "authoredDate": "2026-06-01T08:01:00Z",
                        "messageHeadline": "A change",
                    }
                }
            ],
        },
    }


def test_a_comparison_that_takes_too_long_can_be_told_as_a_fault(github, history):
    history.commit()
    too_long = {"message": "Server Error: Sorry, this diff is taking too long to generate."}
    github.fault = lambda asked: (
        (500, {"Content-Type": "application/json"}, json.dumps(too_long).encode())
        if "/compare/" in asked.path
        else None
    )
    assert get(github, "/compare/main...main") == (500, too_long)


def test_drafts_are_not_shown_and_the_latest_release_is_a_full_one(github, history):
    for version, options in (("v1", {}), ("v2", {"prerelease": True}), ("v3", {"draft": True})):
        history.commit()
        history.tag(version)
        history.release(version, **options)
    assert [each["tag_name"] for each in get(github, "/releases")[1]] == ["v2", "v1"]
    assert get(github, "/releases/latest")[1]["tag_name"] == "v1"
    selection = "latestRelease {tagName} releases(first: 5) {nodes {tagName isPrerelease}}"
    found = repository(github, selection)
    assert found["latestRelease"] == {"tagName": "v1"}
    assert [each["tagName"] for each in found["releases"]["nodes"]] == ["v2", "v1"]


def test_an_annotated_tag_leads_to_its_commit_in_two_steps(github, history):
    sha = history.commit()
    tag = history.annotated_tag("v1")
    history.tag("light")
    ref = get(github, "/git/ref/tags/v1")[1]
    assert ref["object"] == {"sha": tag, "type": "tag"}
    assert get(github, f"/git/tags/{tag}")[1]["object"] == {"sha": sha, "type": "commit"}
    assert get(github, "/git/ref/tags/light")[1]["object"] == {"sha": sha, "type": "commit"}
    assert get(github, "/git/ref/tags/v")[0] == 404
    for name in ("refs/heads/main", "main"):
        selection = f'ref(qualifiedName: "{name}") {{prefix name target {{oid}}}}'
        found = {"prefix": "refs/heads/", "name": "main", "target": {"oid": sha}}
        assert repository(github, selection) == {"ref": found}
    selection = (
        'refs(refPrefix: "refs/tags/", first: 5) '
        "{nodes {name target {__typename oid ... on Tag {target {oid}}}}}"
    )
    assert repository(github, selection)["refs"]["nodes"] == [
        {"name": "light", "target": {"__typename": "Commit", "oid": sha}},
        {"name": "v1", "target": {"__typename": "Tag", "oid": tag, "target": {"oid": sha}}},
    ]


def test_contents_are_base64_or_raw_or_too_large_for_json(github, history):
    big = "x" * (1024 * 1024 + 1)
    first = history.commit("main", {"a/b.txt": "one\n"})
    history.commit("main", {"a/b.txt": "two\n", "big": big, "a/link": File("b.txt", "120000")})
    history.commit("main", {"dead": File("../nowhere", "120000")})
    content = get(github, "/contents/a/b.txt")[1]
    assert base64.b64decode(content["content"]) == b"two\n"
    assert (content["type"], content["encoding"], content["size"]) == ("file", "base64", 4)
    raw = fetch(
        github,
        f"/contents/a/b.txt?ref={first}",
        headers={**HEADERS, "Accept": "application/vnd.github.raw"},
    )
    assert raw.content == b"one\n"
    large = get(github, "/contents/big")[1]
    assert (large["encoding"], large["content"], large["size"]) == ("none", "", len(big))
    assert get(github, "/contents/a/link")[1]["type"] == "file"
    assert get(github, "/contents/dead")[1]["type"] == "symlink"
    assert [each["name"] for each in get(github, "/contents/a")[1]] == ["b.txt", "link"]
    assert get(github, "/contents/nope")[0] == 404
    assert get(github, "/contents/big?ref=nope")[1]["message"] == "No commit found for the ref nope"
    found = repository(
        github,
        f'text: object(expression: "{first}:a/b.txt") {{... on Blob {{text byteSize oid}}}} '
        'folder: object(expression: "main:a") {__typename oid} '
        'nope: object(expression: "main:nope") {oid}',
    )
    assert found == {
        "text": {
            "text": "one\n",
            "byteSize": 4,
            "oid": history.git.run("rev-parse", f"{first}:a/b.txt").strip(),
        },
        "folder": {
            "__typename": "Tree",
            "oid": history.git.run("rev-parse", "main:a").strip(),
        },
        "nope": None,
    }


# --- GraphQL


def test_the_schema_is_githubs_and_can_tell_what_is_deprecated():
    fields = schema().type_map["PullRequest"].fields
    assert "fullDatabaseId" in (fields["databaseId"].deprecation_reason or "")
    assert not validate(schema(), parse('{repository(owner: "a", name: "b") {url}}'))


@pytest.mark.parametrize(
    "query",
    ["{", "{nope}", '{repository(owner: "acme") {id}}', "{repository {id}}", "query A {viewer}"],
)
def test_a_query_that_is_not_valid_brings_errors_alone(github, query):
    answered = ask(github, query)
    assert list(answered) == ["errors"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"query": 1}', b'{"variables": {}}'])
def test_a_body_without_a_query_is_a_bad_request(github, body):
    assert fetch(github, "/graphql", method="POST", data=body).status_code == 400


def test_what_is_not_modelled_says_so(github, history):
    history.commit()
    _, error = refusal(github, "forkCount")
    assert error["message"] == "Repository.forkCount is not modelled by this stand-in"


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (
            "",
            "MISSING_PAGINATION_BOUNDARIES",
            "You must provide a `first` or `last` value to properly paginate the {}.",
        ),
        (
            "(first: 101)",
            "EXCESSIVE_PAGINATION",
            "Requesting 101 records on the {} exceeds the `first` limit of 100 records.",
        ),
        (
            "(last: 200)",
            "EXCESSIVE_PAGINATION",
            "Requesting 200 records on the {} exceeds the `last` limit of 100 records.",
        ),
        (
            '(first: 1, after: "7")',
            "INVALID_CURSOR_ARGUMENTS",
            "`7` does not appear to be a valid cursor.",
        ),
        ("(first: 0)", None, "`first` on the {} must be within 1-100."),
    ],
)
def test_a_connection_wants_1_to_100(github, history, arguments, kind, message):
    history.commit()
    data, error = refusal(github, f"deployments{arguments} {{totalCount}}")
    assert (error.get("type"), error["message"]) == (
        kind,
        message.format("`deployments` connection"),
    )
    assert (data, error["path"]) == ({"repository": None}, ["repository", "deployments"])


def nested(outer, inner):
    parents = f"parents(first: {inner}) {{nodes {{parents(first: {inner}) {{totalCount}}}}}}"
    return f"... on Commit {{history(first: {outer}) {{nodes {{{parents}}}}}}}"


def test_a_query_may_ask_for_500_000_nodes_and_not_for_one_more(github, history):
    history.commit()
    # 70 + 70 x 84 + 70 x 84 x 84 = 499,870, and 100 + 30 = 130 more
    allowed = f'a: object(expression: "main") {{{nested(70, 84)}}}'
    more = 'b: object(expression: "main") {... on Commit {history(first: %d) {totalCount}}}'
    assert repository(github, f"{allowed} {more % 50} c: deployments(first: 80) {{totalCount}}")
    data, error = refusal(github, f"{allowed} {more % 51} c: deployments(first: 80) {{totalCount}}")
    assert data == "none"
    assert error == {
        "type": "MAX_NODE_LIMIT_EXCEEDED",
        "message": "This query requests up to 500,001 possible nodes which exceeds the maximum "
        "limit of 500,000.",
    }
    data, error = refusal(github, f'object(expression: "main") {{{nested(100, 100)}}}')
    assert (
        "traverses to the parents connection, it is requesting up to 1,000,000" in error["message"]
    )


def test_variables_count_as_nodes_too(github, history):
    history.commit()
    selection = f'object(expression: "main") {{{nested("$n", "$n")}}}'
    query = f'query($n: Int!) {{repository(owner: "acme", name: "shop") {{{selection}}}}}'
    answered = ask(github, query, n=100)
    assert answered["errors"][0]["type"] == "MAX_NODE_LIMIT_EXCEEDED"


def test_todays_ids_do_not_fit_into_an_int(github, history):
    sha = history.commit()
    number, _ = changed(history, "topic", "a")
    history.merge_pull(number)
    identifier = get(github, f"/pulls/{number}")[1]["id"]
    deployment = history.deploy(sha)
    assert min(identifier, deployment) > 2**31
    data, error = refusal(github, f"pullRequest(number: {number}) {{databaseId fullDatabaseId}}")
    assert data["repository"]["pullRequest"] == {
        "databaseId": None,
        "fullDatabaseId": str(identifier),
    }
    overflow = "Int cannot represent non 32-bit signed integer value: "
    assert error["message"] == f"{overflow}{identifier}"
    assert error["path"] == ["repository", "pullRequest", "databaseId"]
    _, error = refusal(github, "deployments(first: 1) {nodes {databaseId}}")
    assert error["message"] == f"{overflow}{deployment}"


def test_what_there_is_not_has_a_type_of_error(github):
    data, error = refusal(github, "pullRequest(number: 9) {id}")
    assert error["message"] == "Could not resolve to a PullRequest with the number of 9."
    assert (data, error["type"]) == ({"repository": {"pullRequest": None}}, "NOT_FOUND")
    answered = ask(github, '{repository(owner: "acme", name: "nope") {id}}')
    assert answered["data"] == {"repository": None}
    assert answered["errors"][0]["type"] == "NOT_FOUND"


def test_pages_follow_their_cursors_both_ways(github, history):
    shas = [history.commit() for _ in range(5)][::-1]
    selection = (
        'object(expression: "main") {... on Commit {history(%s) {totalCount edges {cursor} '
        "nodes {oid} pageInfo {hasNextPage hasPreviousPage endCursor startCursor}}}}"
    )

    def page(arguments):
        found = repository(github, selection % arguments)["object"]["history"]
        assert found["totalCount"] == 5
        return [each["oid"] for each in found["nodes"]], found["pageInfo"]

    nodes, info = page("first: 2")
    assert (nodes, info["hasNextPage"], info["hasPreviousPage"]) == (shas[:2], True, False)
    nodes, info = page(f'first: 3, after: "{info["endCursor"]}"')
    assert (nodes, info["hasNextPage"], info["hasPreviousPage"]) == (shas[2:], False, True)
    assert page(f'last: 1, before: "{info["startCursor"]}"')[0] == shas[1:2]
    assert page("last: 2")[0] == shas[3:]


def test_a_hundred_aliased_commits_are_one_request(github, history):
    shas = [history.commit() for _ in range(100)]
    aliased = " ".join(f'c{n}: object(oid: "{sha}") {{...commit}}' for n, sha in enumerate(shas))
    fragment = f"fragment commit on Commit {{oid committedDate {PULLS}}}"
    query = f'{{repository(owner: "acme", name: "shop") {{{aliased}}}}} {fragment}'
    found = ask(github, query)["data"]["repository"]
    assert [found[f"c{n}"]["oid"] for n in range(100)] == shas
    assert [(each.objects, each.operation) for each in github.asked] == [(100, query)]


# --- what tests do with it


def test_requests_are_recorded_with_their_rounds(history):
    history.commit()
    with GitHub(history, latency=0.25) as github:
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda _: fetch(github, "/tags"), range(3)))
        fetch(github, "/releases?page=1")
        assert (github.rounds(), github.most_at_once()) == (2, 3)
        assert str(github.asked[-1]) == "GET /repos/acme/shop/releases?page=1"
        assert github.asked[-1].status == 200
        assert github.asked[-1].ended - github.asked[-1].started >= 0.1


def test_a_fault_replaces_an_answer_and_leaves_the_others(github):
    answers = iter([(502, {"Content-Type": "text/html"}, b"<p>Unicorn!</p>"), None])
    github.fault = lambda _: next(answers)
    assert fetch(github, "/tags").status_code == 502
    assert fetch(github, "/tags").json() == []


def test_a_fault_may_end_in_the_middle_or_reset_the_connection(github):
    def short(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[{")

    def reset(connection):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    for script in (short, reset):
        github.fault = lambda _, script=script: script
        with pytest.raises(requests.RequestException):
            fetch(github, "/tags")
    github.fault = None
    assert fetch(github, "/tags").status_code == 200


def test_a_connection_is_kept_alive(github):
    with requests.Session() as session:
        session.headers.update(HEADERS)
        for _ in range(3):
            response = session.get(f"{github.api_url}/repos/acme/shop/tags", timeout=5)
            assert json.loads(response.content) == []
            assert response.headers.get("Connection") != "close"


def test_a_permission_that_there_is_not_is_a_mistake(history):
    with pytest.raises(ValueError, match="no permission to read: content"):
        GitHub(history, permissions={"content"})


def a_small_shop(folder):
    made = History(folder)
    made.commit()
    return made


def test_it_can_be_served_by_a_process_of_its_own(tmp_path):
    with serving(a_small_shop, tmp_path / "shop.git", latency=0.01) as github:
        assert get(github, "/commits/main")[0] == 200
        assert [str(each) for each in github.asked()] == ["GET /repos/acme/shop/commits/main"]
        assert rounds(github.asked()) == 1
