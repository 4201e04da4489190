"""The commit graph against sets of ancestors, which are slow and plainly right."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dora_deployments.actions.moments import EPOCH
from dora_deployments.attribution.answers import LARGEST_RANGE, Commit, Comparison
from dora_deployments.attribution.graph import Graph
from dora_deployments.attribution.look_ups import LookUpError


def sha(number):
    return f"{number:040x}"


def at(seconds):
    return EPOCH + timedelta(seconds=seconds)


def graph_of(parents, dates=None):
    """Return the graph of commits by number, each made at its number's second, unless told."""
    graph = Graph()
    for number, of in parents.items():
        graph.add(sha(number), at((dates or {}).get(number, number)), [sha(each) for each in of])
    return graph


def commit(number, *, is_merge=False):
    return Commit(sha=sha(number), is_merge=is_merge, committed_at=at(number))


LINE = {0: [], 1: [0], 2: [1], 3: [2]}
FORK = {0: [], 1: [0], 2: [1], 3: [1], 4: [2], 5: [3]}


# --- what is read


def test_a_commit_that_is_only_named_as_a_parent_is_not_read():
    graph = graph_of({1: [0]})
    assert sha(1) in graph
    assert sha(0) not in graph
    assert sha(2) not in graph
    assert [graph.committed_at(sha(number)) for number in (0, 1, 2)] == [None, at(1), None]


def test_the_same_commit_again_changes_nothing():
    graph = graph_of(LINE)
    graph.add(sha(3), at(99), [])
    assert graph.committed_at(sha(3)) == at(3)
    assert graph.compare(sha(0), sha(3)).total == 3


def test_commits_are_found_that_come_after_a_comparison():
    graph = graph_of({1: [0], 0: []})
    assert graph.compare(sha(0), sha(1)).total == 1
    graph.add(sha(2), at(2), [sha(1)])
    graph.add(sha(3), at(3), [sha(2)])
    assert graph.compare(sha(0), sha(3)).total == 3


def test_a_fraction_of_a_second_is_left_out_as_in_git():
    graph = Graph()
    graph.add(sha(1), at(1.75), [])
    assert graph.committed_at(sha(1)) == at(1)


def test_plain_commits_are_those_of_the_period_that_merge_nothing():
    graph = graph_of({5: [4, 3], 4: [2], 3: [2], 2: [1, 0, 9]})
    assert graph.plain(at(4)) == (sha(4),)
    assert graph.plain(at(3)) == (sha(4), sha(3))
    assert graph.plain(at(0)) == (sha(4), sha(3))


def test_a_root_is_plain():
    assert graph_of(LINE).plain(at(0)) == (sha(0), sha(1), sha(2), sha(3))


# --- relations


def test_a_commit_is_identical_with_itself():
    assert graph_of(LINE).compare(sha(2), sha(2)) == Comparison(
        relation="identical",
        base=sha(2),
        merge_base=sha(2),
        total=0,
        committed_at=at(2),
    )


def test_ahead_lists_the_oldest_first():
    assert graph_of(LINE).compare(sha(1), sha(3)) == Comparison(
        relation="ahead",
        base=sha(1),
        merge_base=sha(1),
        total=2,
        commits=(commit(2), commit(3)),
        committed_at=at(3),
    )


def test_behind_has_nothing_of_its_own():
    assert graph_of(LINE).compare(sha(3), sha(1)) == Comparison(
        relation="behind",
        base=sha(3),
        merge_base=sha(1),
        total=0,
        committed_at=at(1),
    )


def test_diverged_has_what_only_the_head_reaches():
    assert graph_of(FORK).compare(sha(4), sha(5)) == Comparison(
        relation="diverged",
        base=sha(4),
        merge_base=sha(1),
        total=2,
        commits=(commit(3), commit(5)),
        committed_at=at(5),
    )


def test_a_merge_brings_the_commits_of_its_branch():
    graph = graph_of({0: [], 1: [0], 2: [0], 3: [1, 2]})
    assert graph.compare(sha(1), sha(3)) == Comparison(
        relation="ahead",
        base=sha(1),
        merge_base=sha(1),
        total=2,
        commits=(commit(2), commit(3, is_merge=True)),
        committed_at=at(3),
    )


def test_of_a_criss_cross_merge_the_newest_common_commit_is_the_merge_base():
    # 3 and 4 each merge 1 and 2; both of these are common, and neither is before the other.
    graph = graph_of({0: [], 1: [0], 2: [0], 3: [1, 2], 4: [2, 1], 5: [3], 6: [4]})
    assert graph.compare(sha(5), sha(6)) == Comparison(
        relation="diverged",
        base=sha(5),
        merge_base=sha(2),
        total=2,
        commits=(commit(4, is_merge=True), commit(6)),
        committed_at=at(6),
    )


def test_an_octopus_brings_all_of_its_arms():
    graph = graph_of({0: [], 1: [0], 2: [0], 3: [0], 4: [1, 2, 3]})
    assert graph.compare(sha(2), sha(4)) == Comparison(
        relation="ahead",
        base=sha(2),
        merge_base=sha(2),
        total=3,
        commits=(commit(1), commit(3), commit(4, is_merge=True)),
        committed_at=at(4),
    )


def test_commits_without_common_history_cannot_be_compared():
    graph = graph_of({0: [], 1: [0], 2: [], 3: [2]})
    with pytest.raises(LookUpError, match=r"^the two commits have no history in common$") as error:
        graph.compare(sha(1), sha(3))
    assert (error.value.absent, error.value.outage, error.value.wait) == (True, False, None)


def test_dates_that_go_backwards_change_no_range():
    graph = graph_of(FORK, dates={0: 900, 1: 50, 2: 7, 3: 800, 4: 1_000, 5: 3})
    found = graph.compare(sha(4), sha(5))
    assert (found.relation, found.merge_base) == ("diverged", sha(1))
    assert [each.sha for each in found.commits] == [sha(3), sha(5)]


@pytest.mark.parametrize(("total", "listed"), [(LARGEST_RANGE, LARGEST_RANGE), (5_001, 0)])
def test_more_commits_than_the_largest_range_are_only_counted(total, listed):
    graph = graph_of({number: [number - 1] if number else [] for number in range(total + 1)})
    found = graph.compare(sha(0), sha(total))
    assert (found.total, len(found.commits), found.relation) == (total, listed, "ahead")


CIRCLES = [{2: [2]}, {2: [3], 3: [2]}, {1: [4]}]


@pytest.mark.parametrize("circle", CIRCLES)
@pytest.mark.parametrize(("base", "head"), [(1, 4), (4, 1), (2, 4)])
def test_a_history_that_leads_to_itself_cannot_be_compared(circle, base, head):
    graph = graph_of({1: [], 2: [1], 3: [2], 4: [3], **circle})
    why = r"^GitHub lists a commit among its own ancestors$"
    with pytest.raises(LookUpError, match=why) as error:
        graph.compare(sha(base), sha(head))
    assert (error.value.absent, error.value.outage) == (True, False)


@pytest.mark.parametrize("circle", CIRCLES[:2])
def test_what_comes_after_a_circle_can_be(circle):
    graph = graph_of({1: [], 2: [1], 3: [2], 4: [3], 5: [4], **circle})
    assert graph.compare(sha(4), sha(5)).total == 1


# --- what is not read


def test_the_commits_that_are_compared_have_to_be_read_first():
    graph = graph_of({1: [0]})
    assert graph.compare(sha(7), sha(8)) == (sha(7), sha(8))
    assert graph.compare(sha(1), sha(0)) == (sha(0),)
    assert graph.compare(sha(0), sha(1)) == (sha(0),)


def test_unread_commits_on_the_way_are_asked_for():
    assert graph_of({5: [4], 3: [2], 2: []}).compare(sha(3), sha(5)) == (sha(4),)


def test_an_unread_commit_that_both_reach_may_lead_to_what_one_seems_to_reach_alone():
    graph = graph_of({5: [4], 4: [3, 1], 3: [1], 2: []})
    assert graph.compare(sha(3), sha(5)) == (sha(1),)
    graph.add(sha(1), at(1), [sha(0)])
    found = graph.compare(sha(3), sha(5))
    assert (found.relation, found.merge_base, found.total) == ("ahead", sha(3), 2)


def test_an_unread_commit_that_both_reach_is_asked_for_whatever_its_date():
    # 1 and 2 are old commits of other branches, after which 7 and the unread 0 stand in order.
    graph = graph_of({9: [5, 7], 7: [], 5: [0], 2: [7], 1: [0]})
    assert graph.compare(sha(5), sha(9)) == (sha(0),)


def test_of_unread_commits_those_come_first_whose_children_are_the_newest():
    # Whatever 7 leads to is later than what 2 leads to, and may show that 2 does not matter.
    graph = graph_of({8: [7], 5: [4], 4: [3], 3: [2]})
    assert graph.compare(sha(5), sha(8)) == (sha(7),)
    graph.add(sha(7), at(7), [sha(5)])
    assert graph.compare(sha(5), sha(8)).total == 2


def test_what_lies_before_the_merge_base_need_not_be_read():
    found = graph_of({3: [2], 2: [1], 1: [0]}).compare(sha(1), sha(3))
    assert (found.relation, found.total) == ("ahead", 2)


def test_commits_of_one_second_wait_for_what_lies_between_them():
    # 1, 2 and 3 were rebased at once; 5 is a branch off 1, which 6 merges.
    graph = graph_of({0: [], 1: [0], 6: [4, 5], 4: [3], 5: [1], 3: [2]}, dict.fromkeys(range(7), 7))
    assert graph.compare(sha(3), sha(6)) == (sha(2),)
    graph.add(sha(2), at(7), [sha(1)])
    found = graph.compare(sha(3), sha(6))
    assert (found.relation, found.merge_base, found.total) == ("ahead", sha(3), 3)


# --- any graph


@st.composite
def histories(draw, *, in_order):
    """Draw parents by number, and dates: those of a commit not before its parents', or any."""
    size = draw(st.integers(1, 14))
    parents = {
        number: draw(st.lists(st.integers(0, number - 1), unique=True, max_size=3))
        if number
        else []
        for number in range(size)
    }
    dates = {}
    for number in range(size):
        first = max((dates[each] for each in parents[number]), default=0) if in_order else 0
        dates[number] = first + draw(st.integers(0, 3))
    names = draw(st.permutations(range(size)))
    return parents, dates, names


def reached(parents, of):
    found, pending = set(), [of]
    while pending:
        number = pending.pop()
        if number not in found:
            found.add(number)
            pending.extend(parents[number])
    return found


def told(graph, base, head):
    """Return relation, merge base and commits; None if there are none in common; or the unread."""
    try:
        found = graph.compare(base, head)
    except LookUpError:
        return None, ()
    if not isinstance(found, Comparison):
        return None, found
    assert found.base == base
    assert found.total == len(found.commits)
    assert found.committed_at == graph.committed_at(head)
    return (found.relation, found.merge_base, [each.sha for each in found.commits]), ()


def assert_right(found, parents, names, base, head):
    """Compare what is found with the sets of ancestors; return the merge base's number."""
    own = reached(parents, head) - reached(parents, base)
    others = reached(parents, base) - reached(parents, head)
    common = reached(parents, base) & reached(parents, head)
    if not common:
        assert found is None
        return None
    relation, merge_base, commits = found
    assert relation == (
        "diverged" if own and others else "ahead" if own else "behind" if others else "identical"
    )
    numbers = {sha(name): number for number, name in enumerate(names)}
    listed = [numbers[each] for each in commits]
    assert sorted(listed) == sorted(own)
    for place, number in enumerate(listed):
        assert not set(listed[place + 1 :]) & reached(parents, number)
    assert numbers[merge_base] in common
    return numbers[merge_base]


def is_before_another(number, parents, base, head):
    """Return whether a common commit is an ancestor of another common one."""
    common = reached(parents, base) & reached(parents, head)
    return any(number in reached(parents, each) for each in common - {number})


@given(history=histories(in_order=False), data=st.data())
def test_any_two_commits_compare_as_their_sets_of_ancestors_do(history, data):
    parents, dates, names = history
    graph = Graph()
    for number in data.draw(st.permutations(range(len(parents)))):
        graph.add(sha(names[number]), at(dates[number]), [sha(names[n]) for n in parents[number]])
    base, head = (data.draw(st.integers(0, len(parents) - 1)) for _ in range(2))
    found, _ = told(graph, sha(names[base]), sha(names[head]))
    merge_base = assert_right(found, parents, names, base, head)
    assert merge_base is None or not is_before_another(merge_base, parents, base, head)


@given(history=histories(in_order=True), data=st.data())
def test_what_is_read_bit_by_bit_compares_as_if_all_had_been_read(history, data):
    parents, dates, names = history
    numbers = {sha(name): number for number, name in enumerate(names)}
    graph = Graph()

    def read(number):
        graph.add(sha(names[number]), at(dates[number]), [sha(names[n]) for n in parents[number]])

    for number in data.draw(st.lists(st.integers(0, len(parents) - 1), unique=True)):
        read(number)
    base, head = (data.draw(st.integers(0, len(parents) - 1)) for _ in range(2))
    found, missing = told(graph, sha(names[base]), sha(names[head]))
    while missing:
        assert not any(each in graph for each in missing)
        read(numbers[data.draw(st.sampled_from(missing))])
        found, missing = told(graph, sha(names[base]), sha(names[head]))
    assert_right(found, parents, names, base, head)
