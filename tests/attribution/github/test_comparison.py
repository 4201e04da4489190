import re
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs

import pytest

from dora_deployments.attribution.answers import Commit, Comparison
from dora_deployments.attribution.github.comparison import compared_files, comparison
from tests.attribution.github.answers import (
    MALFORMED,
    NO_TIME,
    SLUG,
    always,
    failure,
    hang,
    said,
    why,
)
from tests.end_to_end.github.history import START

UNREADABLE = "GitHub's comparison of two commits could not be read"
BASE, HEAD = "b" * 40, "d" * 40


def commit(history, sha):
    known = history.commits[sha]
    return Commit(sha=sha, is_merge=len(known.parents) > 1, committed_at=known.committed)


def changed(history, base, head):
    return frozenset(file.path for file in history.git.changes(base, head))


def pages(github):
    return sorted(
        int(parse_qs(asked.query)["page"][0]) for asked in github.asked if "compare" in asked.path
    )


def test_a_range_is_read_with_its_times_and_merges(serve, history):
    base = history.commit()
    history.branch("side")
    history.commit("side")
    history.commit()
    merge = history.merge("main", "side")
    github, api = serve()
    assert comparison(api, SLUG, base, merge) == Comparison(
        relation="ahead",
        base=base,
        merge_base=base,
        total=3,
        commits=tuple(commit(history, sha) for sha in history.between(base, merge)),
        committed_at=history.commits[merge].committed,
        files=changed(history, base, merge),
    )
    assert str(github.asked[0]) == (
        f"GET /repos/acme/shop/compare/{base}...{merge}?page=1&per_page=100"
    )
    assert len(github.asked) == 1


def test_a_range_may_be_empty_or_of_two_branches(serve, history):
    first = history.commit()
    history.branch("side")
    main, side = history.commit(), history.commit("side")
    _, api = serve()
    assert comparison(api, SLUG, first, first) == Comparison(
        relation="identical",
        base=first,
        merge_base=first,
        total=0,
        committed_at=START,
        files=frozenset(),
    )
    assert comparison(api, SLUG, main, first) == Comparison(
        relation="behind",
        base=main,
        merge_base=first,
        total=0,
        committed_at=START,
        files=frozenset(),
    )
    assert comparison(api, SLUG, main, side) == Comparison(
        relation="diverged",
        base=main,
        merge_base=first,
        total=1,
        commits=(commit(history, side),),
        committed_at=START + timedelta(minutes=2),
        files=changed(history, first, side),
    )


def test_a_short_base_is_written_in_full(serve, history):
    base, head = history.commit(), history.commit()
    _, api = serve()
    assert comparison(api, SLUG, base[:10], head).base == base


def test_a_commit_that_is_gone_is_absent(serve, history):
    head = history.commit()
    _, api = serve()
    assert why(failure(comparison, api, SLUG, "1" * 40, head)) == (
        "GitHub knows no such thing, or `github-token` lacks `contents: read` (404)",
        True,
        False,
    )


def test_without_the_permission_that_is_named(serve, history):
    base, head = history.commit(), history.commit()
    _, api = serve(permissions={"pull-requests"})
    assert why(failure(comparison, api, SLUG, base, head)) == (
        "`github-token` may not read this (403); add `contents: read` to the job's `permissions:`",
        False,
        False,
    )


@pytest.mark.parametrize(
    ("count", "asked"),
    [(99, [1]), (100, [1]), (101, [1, 2]), (200, [1, 2]), (201, [1, 2, 3]), (450, [1, 2, 3, 4, 5])],
)
@pytest.mark.fault(107)
def test_as_many_pages_are_asked_as_there_are(serve, history, count, asked):
    base = history.commit()
    shas = [history.commit() for _ in range(count)]
    github, api = serve()
    found = comparison(api, SLUG, base, shas[-1])
    assert [each.sha for each in found.commits] == shas
    assert found.total == count
    assert pages(github) == asked


def test_all_pages_but_the_first_are_asked_side_by_side(serve):
    github, api = serve(latency=0.25)
    github.fault = paged(1_100)
    assert comparison(api, SLUG, BASE, HEAD).total == 1_100
    assert (github.rounds(), len(github.asked)) == (2, 11)


def test_a_page_that_fails_fails_the_range(serve, history):
    base = history.commit()
    head = [history.commit() for _ in range(250)][-1]
    github, api = serve()
    github.fault = lambda asked: said({}, 404) if "page=3" in asked.query else None
    assert failure(comparison, api, SLUG, base, head).absent is True


# --- ranges of any size, made up


def page_of(total, *, listed=None, start=1, **changes):
    """Return what GitHub says of a range; `listed` commits from the `start`th on."""
    count = min(100, total) if listed is None else listed
    commits = [
        {"sha": f"{number:040x}", "parents": [], "commit": {"committer": {"date": None}}}
        for number in range(start, start + count)
    ]
    return {
        "status": "ahead",
        "total_commits": total,
        "base_commit": {"sha": BASE},
        "merge_base_commit": {"sha": BASE},
        "commits": commits,
        **changes,
    }


def paged(total):
    def answer(asked):
        number = int(re.search(r"(?<!per_)page=(\d+)", asked.query)[1])
        start = (number - 1) * 100 + 1
        return said(page_of(total, listed=max(0, min(100, total - start + 1)), start=start))

    return answer


@pytest.mark.parametrize(("total", "requests"), [(5_000, 50), (5_001, 1), (1_000_000, 1)])
@pytest.mark.fault(107)
def test_no_more_than_five_thousand_commits_are_read(serve, total, requests):
    github, api = serve()
    github.fault = paged(total)
    found = comparison(api, SLUG, BASE, HEAD)
    assert found.total == total
    assert len(found.commits) == (5_000 if requests > 1 else 0)
    assert len(github.asked) == requests
    assert github.most_at_once() <= 10


@pytest.mark.parametrize("answer", MALFORMED.values(), ids=MALFORMED)
def test_an_answer_of_another_kind_is_no_range(serve, answer):
    github, api = serve()
    github.fault = always(answer)
    assert str(failure(comparison, api, SLUG, BASE, HEAD)) in {
        UNREADABLE,
        "GitHub's answer could not be read (JSONDecodeError)",
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"status": None},
        {"status": "besides"},
        {"total_commits": None},
        {"total_commits": "2"},
        {"total_commits": 2.0},
        {"base_commit": None},
        {"base_commit": {"sha": "main"}},
        {"base_commit": []},
        {"merge_base_commit": {}},
        {"merge_base_commit": {"sha": None}},
    ],
    ids=str,
)
def test_a_range_without_what_makes_it_one_is_none(serve, changes):
    github, api = serve()
    github.fault = always(said(page_of(2, **changes)))
    assert why(failure(comparison, api, SLUG, BASE, HEAD)) == (UNREADABLE, False, False)


@pytest.mark.parametrize(
    ("changes", "listed"),
    [
        ({"commits": None}, 0),
        ({"commits": {}}, 0),
        ({"commits": [None, {"sha": "a" * 40}]}, 1),
        ({"commits": [{"sha": "A" * 40}, {"sha": "a" * 40}]}, 1),
        ({"commits": [{"sha": 5}, "x"]}, 0),
        ({"commits": [{"sha": f"{n:040x}"} for n in range(1, 4)]}, 3),
    ],
)
def test_a_range_that_does_not_hold_what_it_says_is_none(serve, changes, listed):
    github, api = serve()
    github.fault = always(said(page_of(2, **changes)))
    assert why(failure(comparison, api, SLUG, BASE, HEAD)) == (
        f"GitHub listed {listed} of 2 commits only",
        False,
        False,
    )


def test_a_second_page_that_repeats_the_first_is_seen(serve):
    github, api = serve()
    github.fault = always(said(page_of(150)))
    assert (
        str(failure(comparison, api, SLUG, BASE, HEAD)) == "GitHub listed 100 of 150 commits only"
    )


@pytest.mark.parametrize(
    ("parents", "date", "is_merge", "year"),
    [
        ([{}, {}], "2026-06-01T08:00:00Z", True, 2026),
        ([{}, {}, {}], None, True, None),
        ([{}], 5, False, None),
        (None, "yesterday", False, None),
        ({"a": 1, "b": 2}, "2026-99-01T08:00:00Z", False, None),
    ],
)
def test_a_commit_may_lack_all_but_its_sha(serve, parents, date, is_merge, year):
    github, api = serve()
    item = {"sha": HEAD, "parents": parents, "commit": {"committer": {"date": date}}}
    github.fault = always(said(page_of(1, commits=[item])))
    found = comparison(api, SLUG, BASE, HEAD)
    assert [(each.sha, each.is_merge) for each in found.commits] == [(HEAD, is_merge)]
    assert (found.committed_at and found.committed_at.year) == year


def test_a_comparison_that_hangs_ends_with_the_budget(serve):
    github, api = serve(seconds=0.15)
    github.fault = always(hang())
    assert why(failure(comparison, api, SLUG, BASE, HEAD)) == (NO_TIME, False, True)


# --- files


def test_the_files_are_those_since_the_merge_base_with_the_old_names_of_renames(serve, history):
    first = history.commit("main", {"old": "old\n" * 20, "gone": "x"})
    history.branch("side")
    base = history.commit("main", {"main": "x"})
    head = history.commit("side", {"old": None, "new": "old\n" * 20, "gone": None})
    github, api = serve()
    files = frozenset({"old", "new", "gone"})
    assert comparison(api, SLUG, base, head).files == files
    assert comparison(api, SLUG, head, first).files == frozenset()
    del github.asked[:]
    assert compared_files(api, SLUG, base, head) == files
    assert [str(asked) for asked in github.asked] == [
        f"GET /repos/acme/shop/compare/{base}...{head}?page=1&per_page=1"
    ]


@pytest.mark.parametrize(("count", "are_all"), [(299, True), (300, False), (301, False)])
def test_where_three_hundred_are_listed_there_may_be_more(serve, history, count, are_all):
    base = history.commit()
    paths = [f"{number}" for number in range(count)]
    head = history.commit("main", dict.fromkeys(paths, "x"))
    _, api = serve()
    files = frozenset(paths) if are_all else None
    assert comparison(api, SLUG, base, head).files == files
    assert compared_files(api, SLUG, base, head) == files


@pytest.mark.parametrize(
    "files", [None, {}, "ab", [None], ["a"], [{"filename": "a"}, {}], [{"filename": 5}]], ids=str
)
def test_files_that_cannot_be_read_are_not_known(serve, files):
    github, api = serve()
    github.fault = always(said(page_of(1, files=files)))
    assert comparison(api, SLUG, BASE, HEAD).files is None


# --- where GitHub cannot compare

TOO_LONG = said({"message": "Server Error: Sorry, this diff is taking too long to generate."}, 500)


def undiffable(asked):
    return TOO_LONG if "/compare/" in asked.path else None


def lists(github):
    """Return which page of the commits before which one was asked for."""
    found = [parse_qs(each.query) for each in github.asked if each.path.endswith("/commits")]
    return sorted((each["sha"][0], int(each["page"][0])) for each in found)


@pytest.mark.parametrize(
    ("count", "asked"), [(2, [1]), (99, [1]), (100, [1]), (101, [1, 2, 3]), (250, [1, 2, 3])]
)
@pytest.mark.fault(107)
def test_the_commits_tell_what_a_comparison_would(serve, history, count, asked):
    for _ in range(200):
        base = history.commit()
    history.branch("side")
    history.commit("side")
    for _ in range(count - 2):
        history.commit()
    head = history.merge("main", "side")
    github, api = serve()
    expected = comparison(api, SLUG, base, head)
    assert expected.total == count
    del github.asked[:]
    github.fault = undiffable
    assert comparison(api, SLUG, base[:9], head) == replace(expected, files=None)
    assert sum("/compare/" in each.path for each in github.asked) == 1
    assert lists(github) == sorted([(base[:9], 1), *((head, number) for number in asked)])


def test_commits_of_two_branches_and_older_ones_are_told_in_the_same_way(serve, history):
    first = history.commit()
    history.branch("side")
    main = [history.commit() for _ in range(230)][-1]
    side = [history.commit("side") for _ in range(120)][-1]
    github, api = serve()
    for base, head in ((main, side), (side, main), (main, first), (first, main)):
        github.fault = None
        expected = comparison(api, SLUG, base, head)
        github.fault = undiffable
        assert comparison(api, SLUG, base, head) == replace(expected, files=None)


def in_a_line(asked):
    """List commits in a line, one a minute, and compare none."""
    if "/compare/" in asked.path:
        return TOO_LONG
    query = parse_qs(asked.query)
    newest, page = int(query["sha"][0], 16), int(query["page"][0])
    start = newest - 100 * (page - 1)
    items = [
        {
            "sha": f"{number:040x}",
            "parents": [{"sha": f"{number - 1:040x}"}] if number > 1 else [],
            "commit": {"committer": {"date": (START + timedelta(minutes=number)).isoformat()}},
        }
        for number in range(start, max(0, start - 100), -1)
    ]
    last = -(-newest // 100)
    return said(items, link=f'<x?page={last}>; rel="last"' if page < last else "")


GIVEN_UP = (
    "GitHub gave up on the comparison of two commits, and more than 5000 of the commits before one"
    " of them would have to be read instead"
)


@pytest.mark.parametrize(
    ("total", "requests"), [(300, 1 + 1 + 3), (5_000, 1 + 1 + 50), (5_001, 1 + 1 + 50 + 49)]
)
@pytest.mark.fault(107)
def test_no_more_than_five_thousand_commits_are_listed(serve, total, requests):
    github, api = serve()
    github.fault = in_a_line
    base, head = f"{14_000 - total:040x}", f"{14_000:040x}"
    if total > 5_000:
        assert why(failure(comparison, api, SLUG, base, head)) == (GIVEN_UP, False, False)
    else:
        found = comparison(api, SLUG, base, head)
        assert (found.relation, found.total, len(found.commits)) == ("ahead", total, total)
    assert len(github.asked) == requests
    assert github.most_at_once() <= 10


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (said({}, 404),
         "GitHub knows no such thing, or `github-token` lacks `contents: read` (404)"),
        (TOO_LONG, "GitHub's API answered 500"),
        (said({}), "what GitHub says about the commits could not be read"),
        (said([]), "what GitHub says about the commits could not be read"),
        (said([{"sha": "main"}]), "what GitHub says about the commits could not be read"),
        (
            said([{"sha": "a" * 40, "parents": [],
                   "commit": {"committer": {"date": "2026-06-01T08:00:00Z"}}}]),
            f"GitHub knows no commit {HEAD}",
        ),
    ],
)  # fmt: skip
def test_where_the_commits_cannot_be_listed_either_there_is_no_range(serve, answer, problem):
    github, api = serve()
    github.fault = lambda asked: TOO_LONG if "/compare/" in asked.path else answer
    assert str(failure(comparison, api, SLUG, BASE, HEAD)) == problem


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_mishap_is_no_comparison_that_cannot_be_made_and_is_asked_again(serve, status):
    github, api = serve()
    github.fault = always(said({}, status))
    assert str(failure(comparison, api, SLUG, BASE, HEAD)) == f"GitHub's API answered {status}"
    assert len(github.asked) == 3


def test_the_files_of_what_cannot_be_compared_are_not_known(serve):
    github, api = serve()
    github.fault = undiffable
    assert compared_files(api, SLUG, BASE, HEAD) is None
    assert len(github.asked) == 1


def test_a_comparison_that_takes_too_long_is_not_waited_for_again(serve, history):
    base, head = history.commit(), history.commit()
    github, api = serve(seconds=4)
    github.fault = lambda asked: hang() if "/compare/" in asked.path else None
    assert comparison(api, SLUG, base, head).total == 1
    assert sum("/compare/" in asked.path for asked in github.asked) == 1
