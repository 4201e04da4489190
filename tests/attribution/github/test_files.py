import re

import pytest

from dora_deployments.attribution.answers import ChangedFiles, PullDetail, PullDetails
from dora_deployments.attribution.github.details import pull_details
from dora_deployments.attribution.github.files import commit_files
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

ALIAS = re.compile(r"p(\d+): pullRequest\(number: (\d+)\)")
UNREADABLE = "GitHub's list of changed files could not be read"
BUSY = said({}, 502)


def rest(github):
    """Return the addresses and pages that were asked for besides queries."""
    pages = [
        (asked.path.removeprefix(f"/repos/{SLUG}"), asked.query)
        for asked in github.asked
        if asked.operation is None
    ]
    return sorted(f"{path}?{re.search('page=[0-9]+', query)[0]}" for path, query in pages)


def queries(github):
    return [len(ALIAS.findall(asked.operation)) for asked in github.asked if asked.operation]


def files(*paths):
    return frozenset(paths)


def changed(history, number, *paths, removed=(), base="main"):
    """Open and merge a pull request that writes some files."""
    branch = f"branch-{number}"
    history.branch(branch, base)
    written = {path: f"{path}\n" * 3 for path in paths}
    history.commit(branch, {**written, **dict.fromkeys(removed)})
    opened = history.open_pull(branch, base)
    assert opened == number
    return history.merge_pull(opened)


def answered(operation, of):
    """Answer a query; `of` tells the nodes of a pull request and whether there are more."""
    found = {}
    for index, number in ALIAS.findall(operation):
        nodes, more = of(int(number))
        found[f"p{index}"] = {"files": {"pageInfo": {"hasNextPage": more}, "nodes": nodes}}
    return said({"data": {"repository": found}})


def listed(count, last=None, **links):
    """Return a page of files, `last` being the number of the last page."""
    link = f'<https://api.github.com/x?page={last}>; rel="last"' if last else ""
    names = [{"filename": f"{index}"} for index in range(count)]
    return said(names, link=link, **links)


def look_up(api, pulls, commits):
    """Return the files of pull requests and of commits, as one."""
    by_pull = pull_details(api, SLUG, pulls, files=True).by_number
    by_commit = commit_files(api, SLUG, commits)
    return {number: each.files for number, each in by_pull.items()}, by_commit


def files_of(api, pulls):
    return look_up(api, pulls, [])[0]


# --- what there is


def test_a_query_tells_the_files_of_pull_requests(serve, history):
    history.commit("main", {"a": "x", "gone": "x"})
    changed(history, 1, "cart/a b.py", "caf\xe9")
    changed(history, 2, "b", removed=["gone"])
    github, api = serve()
    assert files_of(api, [2, 1]) == {2: files("b", "gone"), 1: files("cart/a b.py", "caf\xe9")}
    assert (queries(github), rest(github)) == ([2], [])


def test_a_commits_files_are_read_one_commit_a_request(serve, history):
    history.commit("main", {"a": "x\n" * 9})
    one = history.commit("main", {"b": "x"})
    two = history.commit("main", {"c": "x\n" * 9, "a": None})
    github, api = serve()
    assert commit_files(api, SLUG, [one, two]) == ChangedFiles(
        by_commit={one: files("b"), two: files("a", "c")}
    )
    assert queries(github) == []
    assert rest(github) == sorted([f"/commits/{one}?page=1", f"/commits/{two}?page=1"])


def test_nothing_is_asked_for_nothing(serve):
    github, api = serve()
    assert look_up(api, [], []) == ({}, ChangedFiles())
    assert pull_details(api, SLUG, [], files=False) == PullDetails()
    assert github.asked == []


def test_a_file_that_was_renamed_counts_by_both_of_its_names(serve, history):
    history.commit("main", {"old": "old\n" * 20, "other": "x"})
    history.branch("side")
    history.commit("side", {"old": None, "new": "old\n" * 20})
    history.merge_pull(history.open_pull("side"))
    changed(history, 2, "b")
    github, api = serve()
    details = pull_details(api, SLUG, [1, 2], files=True).by_number
    assert {number: (each.files, each.is_paged) for number, each in details.items()} == {
        1: (files("old", "new"), True),
        2: (files("b"), False),
    }
    assert rest(github) == ["/pulls/1/files?page=1"]


@pytest.mark.parametrize(
    ("count", "pages"), [(99, []), (100, []), (101, [1, 2]), (200, [1, 2]), (201, [1, 2, 3])]
)
@pytest.mark.fault(107)
def test_more_than_a_hundred_files_are_read_by_pages(serve, history, count, pages):
    history.commit()
    paths = [f"{number}.py" for number in range(count)]
    changed(history, 1, *paths)
    github, api = serve()
    assert files_of(api, [1]) == {1: files(*paths)}
    assert rest(github) == [f"/pulls/1/files?page={page}" for page in pages]


def test_the_files_of_a_large_commit_are_read_by_pages(serve, history):
    history.commit()
    paths = [f"{number}.py" for number in range(250)]
    sha = history.commit("main", dict.fromkeys(paths, "x"))
    github, api = serve()
    assert commit_files(api, SLUG, [sha]).by_commit == {sha: files(*paths)}
    assert rest(github) == [f"/commits/{sha}?page={page}" for page in (1, 2, 3)]


def test_pages_and_lists_are_asked_side_by_side(serve):
    github, api = serve(latency=0.25)
    github.fault = lambda asked: BUSY if asked.operation else listed(100, last=4)
    files_of(api, [*range(1, 4)])
    assert (len(github.asked), github.most_at_once()) == (13, 9)


def test_without_the_permission_that_is_named(serve, history):
    sha = history.commit()
    changed(history, 1, "a")
    _, api = serve(permissions={"deployments"})
    for pulls, commits in (([1], []), ([], [sha])):
        assert why(failure(look_up, api, pulls, commits)) == (
            (
                "`github-token` may not read this (403); add `pull-requests: read` to the job's"
                " `permissions:`"
            ),
            False,
            False,
        )


# --- in few requests


@pytest.mark.parametrize(
    ("count", "asked"), [(1, [1]), (100, [100]), (101, [1, 100]), (250, [50, 100, 100])]
)
def test_a_hundred_pull_requests_are_asked_at_a_time(serve, count, asked):
    github, api = serve()
    github.fault = lambda asked: answered(
        asked.operation, lambda n: ([{"path": f"{n}", "changeType": "ADDED"}], False)
    )
    found = files_of(api, [*range(1, count + 1)])
    assert found == {n: files(f"{n}") for n in range(1, count + 1)}
    assert sorted(queries(github)) == asked


def test_pull_requests_that_are_too_many_for_the_server_are_asked_in_halves(serve):
    github, api = serve()
    github.fault = lambda asked: (
        BUSY
        if len(ALIAS.findall(asked.operation)) > 25
        else answered(asked.operation, lambda n: ([{"path": f"{n}", "changeType": "ADDED"}], False))
    )
    numbers = [*range(1, 101)]
    assert files_of(api, numbers) == {n: files(f"{n}") for n in numbers}
    assert queries(github) == [100, 50, 25, 25, 25, 25]
    del github.asked[:]
    assert len(pull_details(api, SLUG, numbers, files=False).by_number) == 100
    assert queries(github) == [100, 50, 25, 25, 25, 25]


@pytest.mark.parametrize(("count", "cut"), [(20, False), (21, True)])
def test_the_files_of_more_than_a_few_commits_are_too_many(serve, count, cut):
    github, api = serve()
    github.fault = always(said({"files": [{"filename": "a"}]}))
    shas = [f"{n:040x}" for n in range(1, count + 1)]
    by_commit = {} if cut else dict.fromkeys(shas, files("a"))
    assert commit_files(api, SLUG, shas) == ChangedFiles(by_commit=by_commit, cut=cut)
    assert len(github.asked) == (0 if cut else 20)
    assert github.most_at_once() <= 10


@pytest.mark.parametrize(
    ("of", "count", "cut"),
    [("pull", 2_999, False), ("pull", 3_000, True), ("commit", 3_001, True)],
)
@pytest.mark.fault(107)
def test_github_lists_three_thousand_files_and_tells_no_more(serve, history, of, count, cut):
    history.commit()
    names = [f"{number}" for number in range(count)]
    github, api = serve()
    if of == "pull":
        changed(history, 1, *names)
        assert files_of(api, [1]) == {1: None if cut else files(*names)}
    else:
        sha = history.commit("main", dict.fromkeys(names, "x"))
        found = commit_files(api, SLUG, [sha])
        assert (len(found.by_commit[sha]), found.cut) == (min(count, 3_000), cut)
    assert len(rest(github)) == 30
    assert github.most_at_once() <= 10


@pytest.mark.parametrize(("last", "asked"), [(29, 58), (30, 60), (31, 2)])
def test_more_than_sixty_pages_are_not_read(serve, last, asked):
    github, api = serve()
    github.fault = lambda asked: listed(1, last=last) if asked.operation is None else BUSY
    found = files_of(api, [1, 2])
    assert found == dict.fromkeys((1, 2), None if last > 30 else files("0"))
    assert len(rest(github)) == asked
    del github.asked[:]
    github.fault = always(said({"files": []}, link=f'<x?page={last}>; rel="last"'))
    assert commit_files(api, SLUG, ["5" * 40, "6" * 40]).cut is (last > 30)


# --- what goes wrong


@pytest.mark.parametrize(
    "fault",
    [
        BUSY,
        said({}, 404),
        said({"errors": [{"type": "FORBIDDEN"}]}),
        said({"errors": [{"type": "RATE_LIMITED"}]}),
        said({"errors": [{"type": "RATE_LIMIT"}]}),
    ],
    ids=str,
)
def test_where_no_query_does_each_pull_request_is_asked(serve, history, fault):
    history.commit()
    changed(history, 1, "a")
    changed(history, 2, "b")
    github, api = serve()
    github.fault = on("/graphql", fault)
    assert files_of(api, [1, 2]) == {1: files("a"), 2: files("b")}
    assert rest(github) == ["/pulls/1/files?page=1", "/pulls/2/files?page=1"]
    assert queries(github) == [2]


@pytest.mark.parametrize("count", [20, 21])
def test_where_no_query_does_no_more_than_a_few_are_asked(serve, count):
    github, api = serve()
    github.fault = lambda asked: BUSY if asked.operation else listed(1)
    numbers = [*range(1, count + 1)]
    assert files_of(api, numbers) == dict.fromkeys(numbers, files("0") if count == 20 else None)
    assert len(rest(github)) == (20 if count == 20 else 0)


def test_what_queries_tell_does_not_count_to_the_few(serve):
    github, api = serve()
    github.fault = lambda asked: (
        answered(asked.operation, lambda n: ([{"path": f"{n}", "changeType": "ADDED"}], n > 120))
        if asked.operation
        else listed(1)
    )
    found = files_of(api, [*range(1, 141)])
    assert found == {n: files("0" if n > 120 else f"{n}") for n in range(1, 141)}
    assert len(rest(github)) == 20


def test_too_many_long_lists_leave_the_others_known(serve):
    github, api = serve()
    github.fault = lambda asked: answered(
        asked.operation, lambda n: ([{"path": f"{n}", "changeType": "ADDED"}], n > 1)
    )
    assert files_of(api, [*range(1, 23)]) == {1: files("1"), **dict.fromkeys(range(2, 23))}
    assert rest(github) == []


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (said({}, 429), "the rate limit of `github-token` is used up (429)"),
        (said({}, 401), "GitHub refused `github-token` (401); leave it out for the job's own"),
    ],
    ids=str,
)  # fmt: skip
def test_where_more_questions_are_in_vain_none_follow(serve, answer, problem):
    github, api = serve()
    github.fault = always(answer)
    assert why(failure(look_up, api, [1], ["5" * 40])) == (problem, False, True)
    assert len(github.asked) == 1


@pytest.mark.parametrize(
    ("nodes", "more"),
    [
        ([{"path": "a", "changeType": "ADDED"}, None], False),
        ([{"path": "a", "changeType": "ADDED"}, "x"], False),
        ([{"path": None, "changeType": "ADDED"}], False),
        ([{"path": 5, "changeType": "ADDED"}], False),
        ([{"path": " ", "changeType": "ADDED"}], False),
        ([{"changeType": "ADDED"}], False),
        ([{"path": "a", "changeType": "RENAMED"}], False),
        ([{"path": "a", "changeType": "ADDED"}], True),
        ([{"path": "a", "changeType": "ADDED"}], None),
        ([{"path": "a", "changeType": "ADDED"}], "false"),
    ],
)
def test_a_list_that_may_not_be_whole_is_read_by_pages(serve, nodes, more):
    github, api = serve()
    github.fault = lambda asked: (
        answered(asked.operation, lambda _: (nodes, more))
        if asked.operation
        else said([{"filename": " "}, {"filename": "b"}])
    )
    assert files_of(api, [7]) == {7: files(" ", "b")}


@pytest.mark.parametrize("pull", [None, [], "x", {}, {"files": None}, {"files": {"nodes": []}}])
def test_a_pull_request_that_the_answer_lacks_is_read_by_pages(serve, pull):
    github, api = serve()
    github.fault = lambda asked: (
        said({"data": {"repository": {"p0": pull}}})
        if asked.operation
        else said([{"filename": "b"}])
    )
    assert files_of(api, [7]) == {7: files("b")}


def test_a_file_may_lack_its_name(serve):
    github, api = serve()
    listed_files = [None, "x", {}, {"filename": None}, {"filename": 5, "previous_filename": "a"}]
    github.fault = lambda asked: BUSY if asked.operation else said(listed_files)
    assert files_of(api, [7]) == {7: files("a")}


@pytest.mark.parametrize("answer", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize(("pulls", "commits"), [([7], []), ([], ["5" * 40])])
def test_an_answer_of_another_kind_is_no_list_of_files(serve, answer, pulls, commits):
    github, api = serve()
    github.fault = always(answer)
    if answer[2][:1] == b"[":
        by_pull, by_commit = look_up(api, pulls, commits)
        named = {*by_pull.values(), *by_commit.by_commit.values()}
        assert (named, by_commit.cut) == ({files()}, False)
    else:
        assert str(failure(look_up, api, pulls, commits)) in {
            UNREADABLE,
            "GitHub's answer could not be read (JSONDecodeError)",
        }


def test_a_later_page_that_fails_fails_the_list(serve):
    github, api = serve()
    github.fault = lambda asked: (
        BUSY
        if asked.operation
        else said({}, 404)
        if "page=2" in asked.query
        else listed(100, last=3)
    )
    assert failure(files_of, api, [7]).absent is True


def test_the_budget_bounds_all_of_it(serve):
    github, api = serve(seconds=0.15)
    github.fault = always(hang())
    assert why(failure(look_up, api, [7], ["5" * 40])) == (NO_TIME, False, True)
    assert len(github.asked) == 1


# --- what pull requests are made of


def test_the_branch_and_the_first_hundred_commits_are_told_and_when_the_first_was_made(
    serve, history
):
    history.commit()
    history.branch("side")
    shas = [history.commit("side", {"a": f"{n}"}, f"Commit {n}\n\nMore") for n in range(102)]
    number = history.open_pull("side")
    history.merge_pull(number)
    github, api = serve()
    assert pull_details(api, SLUG, [number], files=False) == PullDetails(
        by_number={
            number: PullDetail(
                head="side",
                commit_count=102,
                commit_shas=tuple(shas[:100]),
                oldest_commit_at=history.commits[shas[0]].authored,
                first_commit_at=history.commits[shas[0]].authored,
            )
        }
    )
    assert len(github.asked) == 1


@pytest.mark.parametrize(
    ("headline", "via_web", "expected"),
    [
        ("Change 3 (#3)", False, True),
        ("Merge pull request #12 from acme/fix-9", False, True),
        ("Merge branch 'main' into fix (#4)", False, True),
        ("Its own (#7)", True, False),
        ("Fix #3", True, False),
        ("Fix (#3) at last", True, False),
        ('Revert "Change 3 (#3)"', True, False),
        ("Fix (#0)", True, False),
        ("Fix (#99999999999)", True, False),
        ("I merge pull request #12 from acme/fix-9", True, False),
        ("A long one that was cut where the number may be\N{HORIZONTAL ELLIPSIS}", True, True),
        ("A long one that was pushed\N{HORIZONTAL ELLIPSIS}", False, False),
        ("A long one\N{HORIZONTAL ELLIPSIS}", None, False),
        (None, True, False),
    ],
)
def test_commits_that_may_merge_other_pull_requests_are_told_by_their_headlines(
    serve, headline, via_web, expected
):
    github, api = serve()
    commit = {"oid": "5" * 40, "messageHeadline": headline, "committedViaWeb": via_web}
    node = {"commits": {"totalCount": 1, "nodes": [{"commit": commit}]}}
    github.fault = always(said({"data": {"repository": {"p0": node}}}))
    assert pull_details(api, SLUG, [7], files=False).by_number[7].names_others is expected


def test_the_branch_of_a_fork_is_none_of_ours(serve, history):
    history.commit()
    history.branch("side")
    history.commit("side", {"a": "1"})
    number = history.open_pull("side", fork_branch="main")
    history.merge_pull(number)
    _, api = serve()
    assert pull_details(api, SLUG, [number], files=False).by_number[number].head is None


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (None, PullDetail()),
        ([], PullDetail()),
        ("x", PullDetail()),
        # Of the commits that are not told there is one at least.
        ({}, PullDetail(commit_count=1)),
        ({"headRefName": 5, "commits": None}, PullDetail(commit_count=1)),
        ({"commits": {"totalCount": "2", "nodes": [None, {"commit": {"oid": "main"}}]}},
         PullDetail(commit_count=1)),
        ({"commits": {"totalCount": None, "nodes": [{"commit": {"oid": "5" * 40}}]}},
         PullDetail(commit_count=2, commit_shas=("5" * 40,))),
        ({"commits": {"totalCount": 2, "nodes": None}}, PullDetail(commit_count=2)),
        ({"commits": {"totalCount": 2, "nodes": [{"commit": {"oid": "5" * 40}}]}},
         PullDetail(commit_count=2, commit_shas=("5" * 40,))),
    ],
)  # fmt: skip
def test_a_pull_request_may_lack_what_makes_it_one(serve, node, expected):
    github, api = serve()
    github.fault = always(said({"data": {"repository": {"p0": node}}}))
    assert pull_details(api, SLUG, [7], files=False) == PullDetails(by_number={7: expected})


@pytest.mark.parametrize("fault", [said({}, 429), said({}, 401), said({}, 404), BUSY], ids=str)
def test_without_files_nothing_fails_and_no_page_is_asked_for(serve, fault):
    github, api = serve()
    github.fault = always(fault)
    assert pull_details(api, SLUG, [7, 8], files=False) == PullDetails()
    assert queries(github) == [2]
    assert rest(github) == []
