from dataclasses import replace

import pytest

from dora_deployments.attribution.answers import LARGEST_RANGE, Commit, Comparison
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.attribution.shipped import Range
from dora_deployments.attribution.since import between
from tests.attribution.known import LINE, SLUG, Known, Nobody, pull, sha

# 1 - 2 ------- 5 (merge of 3, 4 by pull request 7) - 6 (direct) - 7 (squash of 8)
#      \- 3 - 4 /
GRAPH = {1: (), 2: (1,), 3: (2,), 4: (3,), 5: (2, 4), 6: (5,), 7: (6,), 8: (2,), 9: (8, 4)}
MERGED, SQUASHED = pull(7, 5), pull(8, 7)
LANDED = {3: [MERGED], 4: [MERGED], 5: [MERGED], 7: [SQUASHED]}
KNOWN = Known(parents=GRAPH, landed=LANDED)


def found(base, head, known=KNOWN):
    return between(known, SLUG, sha(base), sha(head))


def test_a_commit_has_nothing_that_it_has_not_itself_and_nobody_is_asked():
    assert between(Nobody(), SLUG, sha(5), sha(5)) == Range(
        base=sha(5), head=sha(5), relation="identical", merge_base=sha(5), commits=0
    )


def test_pull_requests_land_by_their_merge_commits_and_other_commits_are_direct():
    assert found(2, 7) == Range(
        base=sha(2),
        head=sha(7),
        relation="ahead",
        merge_base=sha(2),
        commits=5,
        landed=(MERGED, SQUASHED),
        direct=(sha(6),),
    )


def test_a_pull_request_whose_merge_commit_is_outside_has_not_landed_and_its_commits_are_direct():
    assert found(2, 4) == Range(
        base=sha(2),
        head=sha(4),
        relation="ahead",
        merge_base=sha(2),
        commits=2,
        direct=(sha(3), sha(4)),
    )


def test_a_commit_of_a_pull_request_inside_and_one_outside_is_not_direct():
    inside, outside = pull(1, 3), pull(2, 5)
    known = Known(parents=LINE, landed={2: [outside, inside], 3: [inside]})
    assert found(1, 3, known).direct == ()
    assert found(1, 3, known).landed == (inside,)


def test_a_merge_by_hand_is_no_change_of_its_own():
    assert found(2, 9) == Range(
        base=sha(2),
        head=sha(9),
        relation="ahead",
        merge_base=sha(2),
        commits=4,
        direct=(sha(3), sha(4), sha(8)),
    )


def test_a_merge_of_a_pull_request_that_is_not_in_the_range_is_no_change_of_its_own_either():
    known = Known(parents=GRAPH, landed={9: [pull(3, 1)]})
    assert sha(9) not in found(8, 9, known).direct


def test_pull_requests_come_in_the_order_of_their_merges_each_once():
    pulls = [pull(30, 2), pull(20, 4), pull(10, 5)]
    landed = {2: [pulls[2], pulls[0]], 4: [pulls[1], pulls[0]], 5: [pulls[2], pulls[1]]}
    assert found(1, 5, Known(parents=LINE, landed=landed)).landed == tuple(pulls)


def test_two_pull_requests_may_land_by_the_same_commit():
    pulls = (pull(1, 3), pull(2, 3))
    assert found(1, 3, Known(parents=LINE, landed={3: pulls})).landed == pulls


def test_what_is_behind_has_nothing_new():
    assert found(7, 2) == Range(
        base=sha(7), head=sha(2), relation="behind", merge_base=sha(2), commits=0
    )


def test_for_a_range_without_commits_no_pull_request_is_looked_up():
    known = Known(parents=GRAPH, fails={"landings": LookUpError("asked")})
    assert found(7, 2, known).missing is None


def test_of_what_diverged_only_the_heads_own_counts():
    assert found(7, 9) == Range(
        base=sha(7),
        head=sha(9),
        relation="diverged",
        merge_base=sha(4),
        commits=2,
        direct=(sha(8),),
    )


def test_the_base_is_as_github_writes_it_in_full():
    assert between(KNOWN, SLUG, "2", sha(4)).base == sha(2)


def test_the_time_of_the_head_and_the_files_are_handed_on():
    class Told(Known):
        def comparison(self, _repository, base, _head):
            return Comparison(
                relation="behind",
                base=base,
                merge_base=base,
                total=0,
                committed_at="then",
                files=frozenset({"a"}),
            )

    told = found(7, 2, Told())
    assert (told.committed_at, told.files) == ("then", {"a"})


@pytest.mark.parametrize(("total", "is_read"), [(LARGEST_RANGE, True), (LARGEST_RANGE + 1, False)])
def test_no_more_than_so_many_commits_are_read(total, is_read):
    known = Known(parents=GRAPH, landed=LANDED, total=total)
    read = found(2, 7, known)
    assert read.commits == total
    assert read.landed == ((MERGED, SQUASHED) if is_read else ())
    assert read.direct == ((sha(6),) if is_read else ())
    assert read.is_read is is_read
    assert read.missing == (
        None if is_read else "the range has 5001 commits, and no more than 5000 are read"
    )


def test_too_large_a_range_counts_as_such_even_if_its_commits_are_listed():
    class Generous(Known):
        def comparison(self, _repository, base, head):
            commits = (Commit(sha=head),)
            return Comparison(
                relation="ahead", base=base, merge_base=base, total=5_001, commits=commits
            )

        def landings(self, *_):
            raise AssertionError("asked for so many")

    assert found(2, 7, Generous()).landed == ()


def test_what_could_not_be_looked_up_is_missing_and_the_rest_is_known():
    known = Known(parents=GRAPH, landed=LANDED, unknown=(3, 7))
    assert found(2, 7, known) == Range(
        base=sha(2),
        head=sha(7),
        relation="ahead",
        merge_base=sha(2),
        commits=5,
        landed=(MERGED,),
        direct=(sha(3), sha(6), sha(7)),
        missing="the pull requests of 2 of 5 commits could not be looked up: GitHub gave up",
        is_read=False,
    )


UNPLACED = (
    "GitHub does not name the merge commit{0} of the merged pull request{0} {1} (list the merge"
    " commits of what is shipped in `merge-commit-shas`)"
)


def test_a_pull_request_whose_merge_commit_is_not_named_leaves_the_range_inexact():
    lost = replace(pull(9, 3), merge_commit_sha="")
    known = Known(parents=LINE, landed={2: [pull(8, 2)], 3: [lost], 4: [lost]})
    assert found(1, 5, known) == Range(
        base=sha(1),
        head=sha(5),
        relation="ahead",
        merge_base=sha(1),
        commits=4,
        landed=(pull(8, 2),),
        direct=(sha(3), sha(4), sha(5)),
        missing=UNPLACED.format("", "#9"),
    )
    assert found(1, 2, known).missing is None


def test_all_that_is_missing_is_named():
    lost = [replace(pull(number, 3), merge_commit_sha="") for number in (10, 9)]
    known = Known(parents=LINE, landed={3: lost}, unknown=(4,))
    read = found(1, 5, known)
    assert read.missing == (
        "the pull requests of 1 of 4 commits could not be looked up: GitHub gave up; and"
        f" {UNPLACED.format('s', '#9, #10')}"
    )
    assert read.is_read is False


@pytest.mark.parametrize("look_up", ["comparison", "landings"])
def test_a_range_of_which_nothing_is_known_is_none(look_up):
    error = LookUpError("GitHub's API answered 500")
    with pytest.raises(LookUpError) as raised:
        found(2, 7, Known(parents=GRAPH, landed=LANDED, fails={look_up: error}))
    assert raised.value is error
