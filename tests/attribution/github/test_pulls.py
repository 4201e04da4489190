import re
from dataclasses import replace

import pytest

from dora_deployments.actions import moments
from dora_deployments.attribution.answers import PullsByCommit
from dora_deployments.attribution.github.pulls import landings
from dora_deployments.deployment import PullRequest
from tests.attribution.github.answers import (
    MALFORMED,
    NO_TIME,
    SLUG,
    always,
    drip,
    hang,
    on,
    reset,
    said,
)

NUMBERED = re.compile(r'c(\d+): object\(oid: "([0-9a-f]+)"\)')
GAVE_UP = "GitHub gave up on the query"
REFUSED = "GitHub refused the query for pull requests"
BUSY = said({}, 502)


ROOT = f"/repos/{SLUG}"


def sha(number):
    return f"{number:040x}"


def shas(count, start=1):
    return [sha(number) for number in range(start, start + count)]


def sizes(github):
    """Return how many commits each of the queries asked for, in their order."""
    return [len(NUMBERED.findall(asked.operation)) for asked in github.asked if asked.operation]


def rest(github):
    return [asked.path for asked in github.asked if asked.operation is None]


def node(number, /, **changes):
    return {
        "number": number,
        "title": f"Change {number}",
        "merged": True,
        "mergedAt": "2026-06-01T08:00:00Z",
        "baseRefName": "main",
        "mergeCommit": {"oid": sha(number)},
        "baseRepository": {"nameWithOwner": SLUG},
        **changes,
    }


def item(number, /, **changes):
    return {
        "number": number,
        "title": f"Change {number}",
        "merged_at": "2026-06-01T08:00:00Z",
        "merge_commit_sha": sha(number),
        "base": {"ref": "main", "repo": {"full_name": SLUG}},
        **changes,
    }


def landed(number, **changes):
    known = {
        "base": "main",
        "title": f"Change {number}",
        "merged_at": moments.iso("2026-06-01T08:00:00Z"),
        **changes,
    }
    return PullRequest(number=number, merge_commit_sha=sha(number), **known)


def connection(*nodes, more=False):
    return {"pageInfo": {"hasNextPage": more}, "nodes": [*nodes]}


def answered(operation, of=lambda number: [node(number)], **more):
    """Answer a query as GitHub does; `of` tells the nodes of the commit of that number."""
    found = {
        f"c{index}": {"associatedPullRequests": connection(*of(int(oid, 16)))}
        for index, oid in NUMBERED.findall(operation)
    }
    return said({"data": {"repository": {"nameWithOwner": SLUG, **found, **more}}})


def up_to(most, *, otherwise=BUSY):
    """Return a fault that answers queries for as many commits, and no larger ones."""
    return lambda asked: (
        answered(asked.operation)
        if asked.operation and len(NUMBERED.findall(asked.operation)) <= most
        else otherwise
    )


# --- what there is


def merged(history, branch, method="merge", base="main", commits=1):
    """Merge a branch with some commits of its own; return the pull request as it should be."""
    history.branch(branch, base)
    for number in range(commits):
        history.commit(branch, {branch: f"{number}"})
    number = history.open_pull(branch, base)
    commit = history.merge_pull(number, method)
    return PullRequest(
        number=number,
        merge_commit_sha=commit,
        base=base,
        title=f"Change {number}",
        merged_at=history.commits[commit].committed,
    )


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_commits_tell_the_pull_requests_by_which_they_landed(serve, history, method):
    start = history.commit()
    one = merged(history, "one", method, commits=2)
    direct = history.commit()
    two = merged(history, "two", method)
    commits = history.between(start, two.merge_commit_sha)
    github, api = serve()
    found = landings(api, SLUG, commits)
    assert found.problem is None
    assert list(found.by_commit) == list(commits)
    assert found.by_commit[direct] == ()
    assert found.by_commit[one.merge_commit_sha] == (one,)
    assert found.by_commit[two.merge_commit_sha] == (two,)
    assert set(found.by_commit.values()) == {(), (one,), (two,)}
    assert sizes(github) == [len(commits)]
    assert rest(github) == []


def test_of_open_and_foreign_pull_requests_nothing_is_told(serve, history):
    history.commit()
    history.branch("side")
    sha = history.commit("side")
    history.open_pull("side")
    history.foreign_pull(sha)
    _, api = serve()
    assert landings(api, SLUG, [sha]) == PullsByCommit(by_commit={sha: ()})


def test_a_repository_that_was_renamed_keeps_its_pull_requests(serve, history):
    history.commit()
    one = merged(history, "one")
    _, api = serve(former="acme/store")
    found = landings(api, "acme/store", [one.merge_commit_sha])
    assert found.by_commit == {one.merge_commit_sha: (one,)}


def test_no_commits_are_not_asked_for(serve):
    github, api = serve()
    assert landings(api, SLUG, []) == PullsByCommit(by_commit={})
    assert github.asked == []


def test_a_commit_that_is_asked_for_twice_is_told_once(serve):
    github, api = serve()
    github.fault = up_to(100)
    assert landings(api, SLUG, [sha(7), sha(7)]).by_commit == {sha(7): (landed(7),)}
    assert len(github.asked) == 1


# --- in few requests


@pytest.mark.parametrize(
    ("count", "asked"), [(1, [1]), (100, [100]), (101, [1, 100]), (250, [50, 100, 100])]
)
def test_a_hundred_commits_are_asked_at_a_time(serve, count, asked):
    github, api = serve()
    github.fault = up_to(100)
    found = landings(api, SLUG, shas(count))
    assert found == PullsByCommit(by_commit={sha(n): (landed(n),) for n in range(1, count + 1)})
    assert sorted(sizes(github)) == asked


def test_hundreds_of_commits_are_asked_side_by_side(serve):
    github, api = serve(latency=0.25)
    github.fault = up_to(100)
    assert len(landings(api, SLUG, shas(450)).by_commit) == 450
    assert (github.rounds(), len(github.asked)) == (1, 5)


def test_twelve_hundred_commits_take_twelve_requests_ten_at_once(serve):
    github, api = serve(latency=0.03)
    github.fault = up_to(100)
    assert len(landings(api, SLUG, shas(1_200)).by_commit) == 1_200
    assert sizes(github) == [100] * 12
    assert 1 < github.most_at_once() <= 10


# --- too much for the server


@pytest.mark.parametrize(
    ("most", "asked"),
    [
        (100, [100, 100, 30]),
        (99, [100, 100, 30, 50, 50, 50, 50]),
        (29, [100, 100, 30, 50, *[25] * 9, 5]),
        (12, [100, 100, 30, 50, 25, *[12] * 19, 2]),
        (6, [100, 100, 30, 50, 25, 12, *[6] * 38, 2]),
    ],
)
def test_what_is_too_much_is_asked_in_halves_once_one_has_done(serve, most, asked):
    github, api = serve()
    github.fault = up_to(most)
    found = landings(api, SLUG, shas(230))
    assert found == PullsByCommit(by_commit={sha(n): (landed(n),) for n in range(1, 231)})
    assert sorted(sizes(github)) == sorted(asked)
    assert rest(github) == []


@pytest.mark.parametrize(
    "fault",
    [BUSY, said({}, 500), reset(), said({"errors": [{"message": "Something went wrong"}]})],
    ids=["502", "500", "reset", "no type"],
)
def test_where_nothing_does_the_requests_are_few(serve, fault):
    github, api = serve()
    github.fault = always(fault)
    assert landings(api, SLUG, shas(1_000)) == PullsByCommit(by_commit={}, problem=GAVE_UP)
    assert sizes(github) == [*[100] * 10, 50, 25, 12, 6]
    assert rest(github) == []


def test_a_few_commits_are_asked_one_by_one_where_no_query_does(serve):
    github, api = serve()
    github.fault = lambda asked: (
        BUSY
        if asked.operation
        else said({"full_name": SLUG})
        if asked.path == ROOT
        else said([item(int(asked.path.split("/")[5], 16))])
    )
    found = landings(api, SLUG, shas(20))
    assert found == PullsByCommit(by_commit={sha(n): (landed(n),) for n in range(1, 21)})
    assert sizes(github) == [20, 12, 6]
    assert rest(github)[0] == ROOT
    assert sorted(rest(github)[1:]) == [f"{ROOT}/commits/{each}/pulls" for each in shas(20)]
    assert github.most_at_once() <= 10


def test_more_than_a_few_commits_are_not_asked_one_by_one(serve):
    github, api = serve()
    github.fault = always(BUSY)
    assert landings(api, SLUG, shas(21)) == PullsByCommit(by_commit={}, problem=GAVE_UP)
    assert rest(github) == []


def test_a_commit_that_is_too_much_itself_is_asked_with_as_few_others_as_can_be(serve):
    github, api = serve()
    github.fault = lambda asked: (
        said([item(7)])
        if asked.operation is None
        else BUSY
        if sha(7) in asked.operation
        else answered(asked.operation)
    )
    found = landings(api, SLUG, shas(300))
    assert found.problem is None
    assert len(found.by_commit) == 300
    # 100 are left of the first 300, then 50, 25, 12 and 6 of those around the seventh.
    assert sorted(sizes(github))[:4] == [1, 6, 6, 12] or min(sizes(github)) <= 6
    assert rest(github)[0] == ROOT
    assert 1 <= len(rest(github)[1:]) <= 6


# --- what is refused


def test_a_refusal_is_not_asked_in_halves(serve):
    github, api = serve()
    refused = said({"data": {"repository": {}}, "errors": [{"type": "FORBIDDEN"}]})
    github.fault = lambda asked: refused if asked.operation else said([])
    assert landings(api, SLUG, shas(21)) == PullsByCommit(by_commit={}, problem=REFUSED)
    assert sizes(github) == [21]
    assert rest(github) == []
    assert landings(api, SLUG, shas(3)) == PullsByCommit(by_commit=dict.fromkeys(shas(3), ()))
    assert rest(github)[0] == ROOT
    assert sorted(rest(github)[1:]) == [f"{ROOT}/commits/{each}/pulls" for each in shas(3)]


def test_without_the_permission_it_is_named(serve, history):
    commit = history.commit()
    github, api = serve(permissions={"contents"})
    assert landings(api, SLUG, [commit]) == PullsByCommit(
        by_commit={},
        problem="`github-token` may not read this (403); add `pull-requests: read` to the job's"
        " `permissions:`",
    )
    assert rest(github) == [ROOT, f"{ROOT}/commits/{commit}/pulls"]
    assert sizes(github) == [1]


@pytest.mark.parametrize("kind", ["RATE_LIMITED", "RATE_LIMIT"])
def test_the_limit_of_queries_leaves_the_other_interface(serve, history, kind):
    history.commit()
    one = merged(history, "one")
    github, api = serve()
    github.fault = on("/graphql", said({"errors": [{"type": kind}]}))
    assert landings(api, SLUG, [one.merge_commit_sha]) == PullsByCommit(
        by_commit={one.merge_commit_sha: (one,)}
    )
    assert sizes(github) == [1]


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (said({}, 429), "the rate limit of `github-token` is used up (429)"),
        (said({}, 401), "GitHub refused `github-token` (401); leave it out for the job's own"),
    ],
    ids=str,
)  # fmt: skip
def test_where_more_questions_are_in_vain_none_follow(serve, fault, problem):
    github, api = serve()
    github.fault = always(fault)
    assert landings(api, SLUG, shas(30)) == PullsByCommit(by_commit={}, problem=problem)
    assert len(github.asked) == 1


def test_an_outage_among_answers_leaves_what_was_answered(serve):
    github, api = serve()
    github.fault = lambda asked: (
        said({}, 429) if sha(150) in asked.operation else answered(asked.operation)
    )
    found = landings(api, SLUG, shas(250))
    assert found.problem == "the rate limit of `github-token` is used up (429)"
    assert list(found.by_commit) == [*shas(100), *shas(50, 201)]
    assert len(github.asked) == 3


def test_a_refusal_counts_more_than_what_was_too_large(serve):
    github, api = serve()
    github.fault = lambda asked: (
        BUSY
        if sha(1) in asked.operation or sha(201) in asked.operation
        else said({}, 429)
        if sha(101) in asked.operation
        else answered(asked.operation)
    )
    found = landings(api, SLUG, shas(400))
    assert found.problem == "the rate limit of `github-token` is used up (429)"
    assert list(found.by_commit) == shas(100, 301)
    assert len(github.asked) == 4


@pytest.mark.parametrize("fault", [hang(), drip()], ids=["hang", "drip"])
def test_the_budget_bounds_all_of_it(serve, fault):
    github, api = serve(seconds=0.15)
    github.fault = always(fault)
    assert landings(api, SLUG, shas(150)) == PullsByCommit(by_commit={}, problem=NO_TIME)
    assert len(github.asked) == 2


# --- commits of many pull requests


def crowd(history, count, at):
    return [history.foreign_pull(at, number=n, repository=SLUG) for n in range(1, count + 1)]


@pytest.mark.parametrize(("count", "asked"), [(10, [2]), (11, [2, 1]), (100, [2, 1])])
def test_a_commit_of_many_pull_requests_is_asked_again(serve, history, count, asked):
    one, other = history.commit(), history.commit()
    crowd(history, count, other)
    github, api = serve()
    found = landings(api, SLUG, [one, other])
    assert [pull.number for pull in found.by_commit[other]] == [*range(1, count + 1)]
    assert (found.by_commit[one], found.problem) == ((), None)
    assert sizes(github) == asked


def test_of_more_than_a_hundred_pull_requests_the_first_count(serve, history):
    commit = history.commit()
    crowd(history, 101, commit)
    github, api = serve()
    found = landings(api, SLUG, [commit])
    assert len(found.by_commit[commit]) == 100
    assert sizes(github) == [1, 1]


def crowded(operation):
    """Answer as if each commit had eleven pull requests."""
    first = int(re.search(r"associatedPullRequests\(first: (\d+)\)", operation)[1])
    found = {
        f"c{index}": {
            "associatedPullRequests": connection(
                *(node(int(oid, 16) * 100 + n) for n in range(min(11, first))), more=first < 11
            )
        }
        for index, oid in NUMBERED.findall(operation)
    }
    return said({"data": {"repository": {"nameWithOwner": SLUG, **found}}})


@pytest.mark.parametrize(
    ("count", "asked"), [(7, [7, 7]), (100, [100, 100]), (150, [50, 50, 100, 100])]
)
def test_all_crowded_commits_are_asked_again_together(serve, count, asked):
    github, api = serve()
    github.fault = lambda asked: crowded(asked.operation)
    found = landings(api, SLUG, shas(count))
    assert {len(pulls) for pulls in found.by_commit.values()} == {11}
    assert (len(found.by_commit), found.problem) == (count, None)
    assert sorted(sizes(github)) == asked


def test_a_crowded_commit_that_is_asked_for_twice_is_told_once(serve):
    github, api = serve()
    github.fault = lambda asked: crowded(asked.operation)
    assert len(landings(api, SLUG, [sha(1), sha(1)]).by_commit[sha(1)]) == 11
    assert sizes(github) == [2, 1]


def test_crowded_commits_that_are_too_much_are_asked_in_halves(serve):
    github, api = serve()
    github.fault = lambda asked: (
        BUSY
        if "(first: 100)" in asked.operation and len(NUMBERED.findall(asked.operation)) > 50
        else crowded(asked.operation)
    )
    found = landings(api, SLUG, shas(100))
    assert {len(pulls) for pulls in found.by_commit.values()} == {11}
    assert sizes(github) == [100, 100, 50, 50]


def test_a_crowded_commit_that_is_not_answered_again_is_asked_one_by_one(serve, history):
    commits = [history.commit() for _ in range(3)]
    crowd(history, 11, commits[1])
    github, api = serve()
    github.fault = lambda asked: (
        said({}, 404) if asked.operation and "first: 100)" in asked.operation else None
    )
    found = landings(api, SLUG, commits)
    assert found.problem is None
    assert len(found.by_commit[commits[1]]) == 11
    assert rest(github) == [ROOT, f"{ROOT}/commits/{commits[1]}/pulls"]


# --- what the answers hold


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (node(7), landed(7)),
        (node(7, title=None), landed(7, title="")),
        (node(7, title=5), landed(7, title="")),
        (node(7, baseRefName=None), landed(7, base=None)),
        (node(7, mergedAt=None), landed(7, merged_at=None)),
        (node(7, mergedAt="soon"), landed(7, merged_at=None)),
        (node(7, baseRepository={"nameWithOwner": "ACME/Shop"}), landed(7)),
        (node(7, baseRepository=None), landed(7)),
        (node(7, baseRepository={"nameWithOwner": "mallory/shop"}), None),
        (node(7, merged=False), None),
        (node(7, mergeCommit=None), replace(landed(7), merge_commit_sha="")),
        (node(7, mergeCommit={"oid": "main"}), replace(landed(7), merge_commit_sha="")),
    ],
)
def test_a_pull_request_counts_if_it_was_merged_here(serve, told, expected):
    github, api = serve()
    github.fault = lambda asked: answered(asked.operation, lambda _: [told])
    found = landings(api, SLUG, [sha(7)])
    assert found == PullsByCommit(by_commit={sha(7): () if expected is None else (expected,)})


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (item(7), landed(7)),
        (item(7, title=None), landed(7, title="")),
        (item(7, base={"ref": "main"}), landed(7)),
        (item(7, base=None), landed(7, base=None)),
        (item(7, base={"ref": "main", "repo": {"full_name": "Acme/SHOP"}}),
         landed(7)),
        (item(7, base={"ref": "main", "repo": {"full_name": "mallory/shop"}}), None),
        (item(7, merged_at=None), None),
        (item(7, merge_commit_sha=None), replace(landed(7), merge_commit_sha="")),
    ],
)  # fmt: skip
def test_a_pull_request_counts_by_the_other_interface_too(serve, told, expected):
    github, api = serve()
    github.fault = lambda asked: said({}, 400) if asked.operation else said([told])
    found = landings(api, SLUG, [sha(7)])
    assert found == PullsByCommit(by_commit={sha(7): () if expected is None else (expected,)})


@pytest.mark.parametrize("told", [item(7, number=None), item(7, merged_at="soon"), None, "x"])
def test_a_pull_request_that_the_other_interface_does_not_tell_is_a_problem(serve, told):
    github, api = serve()
    github.fault = lambda asked: said({}, 400) if asked.operation else said([item(8), told])
    assert landings(api, SLUG, [sha(7)]) == PullsByCommit(
        by_commit={}, problem="GitHub's list of pull requests could not be read"
    )


@pytest.mark.parametrize(
    "commit", [None, [], "x", {}, {"associatedPullRequests": None}, {"associatedPullRequests": []}]
)
def test_a_commit_that_the_answer_lacks_is_asked_for_alone(serve, commit):
    github, api = serve()
    github.fault = lambda asked: (
        answered(asked.operation, c1=commit) if asked.operation else said([])
    )
    found = landings(api, SLUG, shas(3))
    assert found == PullsByCommit(by_commit=dict.fromkeys(shas(3), ()))
    assert rest(github)[0] == ROOT
    assert sorted(rest(github)[1:]) == [f"{ROOT}/commits/{each}/pulls" for each in shas(3)]


@pytest.mark.parametrize(
    "known",
    [
        None,
        {"pageInfo": {"hasNextPage": False}, "nodes": None},
        {"pageInfo": {"hasNextPage": False}, "nodes": "ab"},
        {"pageInfo": {"hasNextPage": None}, "nodes": []},
        {"nodes": []},
        connection(None),
        connection("x"),
        connection({}),
        connection(node(7), node(8, merged=None)),
        connection(node(7, merged="true")),
        connection(node(7, number=0)),
        connection(node(7, number=True)),
        connection(node(7, number="7")),
    ],
)
def test_a_commit_whose_pull_requests_are_not_told_is_asked_for_alone(serve, known):
    github, api = serve()
    github.fault = lambda asked: (
        answered(asked.operation, c0={"associatedPullRequests": known})
        if asked.operation
        else said([item(7)])
        if asked.path.endswith("/pulls")
        else said({"full_name": SLUG})
    )
    assert landings(api, SLUG, [sha(7)]) == PullsByCommit(by_commit={sha(7): (landed(7),)})


@pytest.mark.parametrize("answer", MALFORMED.values(), ids=MALFORMED)
def test_answers_of_another_kind_are_told_as_such(serve, answer):
    github, api = serve()
    github.fault = always(answer)
    found = landings(api, SLUG, [sha(7)])
    if isinstance(found.by_commit.get(sha(7)), tuple):  # a list without any pull request
        assert (found, answer[2][:1]) == (PullsByCommit(by_commit={sha(7): ()}), b"[")
    else:
        assert found.problem in {
            "GitHub's list of pull requests could not be read",
            "GitHub's answer could not be read (JSONDecodeError)",
        }


def test_one_by_one_what_is_known_stays_beside_what_is_not(serve):
    github, api = serve()
    github.fault = lambda asked: (
        said({}, 400)
        if asked.operation
        else said({}, 404)
        if sha(2) in asked.path
        else said([item(7)])
    )
    found = landings(api, SLUG, shas(3))
    assert list(found.by_commit) == [sha(1), sha(3)]
    assert found.problem == (
        "GitHub knows no such thing, or `github-token` lacks `pull-requests: read` (404)"
    )


def test_the_other_interface_is_asked_for_all_at_once(serve):
    github, api = serve()
    github.fault = on("/graphql", said({}, 400))
    landings(api, SLUG, [sha(7)])
    assert [(asked.path, asked.query) for asked in github.asked] == [
        ("/graphql", ""),
        (ROOT, ""),
        (f"{ROOT}/commits/{sha(7)}/pulls", "per_page=100"),
    ]


@pytest.mark.parametrize(
    ("told", "base", "counts"),
    [
        ({"full_name": SLUG}, SLUG, True),
        ({"full_name": SLUG}, "ACME/Shop", True),
        ({"full_name": SLUG}, "acme/store", False),
        ({"full_name": "acme/store"}, "acme/store", True),
        ({"full_name": "acme/store"}, SLUG, False),
        ({"full_name": None}, SLUG, True),
        ({}, "acme/store", False),
        ([], SLUG, True),
        (None, SLUG, True),
    ],
)
def test_the_other_interface_tells_the_present_name_first(serve, told, base, counts):
    pull = item(7, base={"ref": "main", "repo": {"full_name": base}})
    github, api = serve()
    github.fault = lambda asked: (
        said({}, 400) if asked.operation else said(told) if asked.path == ROOT else said([pull])
    )
    assert landings(api, SLUG, [sha(7)]) == PullsByCommit(
        by_commit={sha(7): (landed(7),) if counts else ()}
    )


def test_a_repository_that_was_renamed_keeps_its_pull_requests_where_no_query_does(serve, history):
    history.commit()
    one = merged(history, "one")
    github, api = serve(former="acme/store")
    github.fault = on("/graphql", BUSY)
    assert landings(api, "acme/store", [one.merge_commit_sha]) == PullsByCommit(
        by_commit={one.merge_commit_sha: (one,)}
    )


def test_without_the_present_name_no_commit_is_asked_for(serve):
    github, api = serve()
    github.fault = lambda asked: BUSY if asked.operation else said({}, 404)
    assert landings(api, SLUG, shas(3)) == PullsByCommit(
        by_commit={},
        problem="GitHub knows no such thing, or `github-token` lacks `pull-requests: read` (404)",
    )
    assert rest(github) == [ROOT]
