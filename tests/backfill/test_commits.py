"""The history is read as far down as it is needed, and never twice."""

from datetime import timedelta

import pytest

from dora_deployments.actions.moments import EPOCH
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.backfill.commits import Commits


def sha(number):
    return f"{number:040x}"


def at(seconds):
    return EPOCH + timedelta(seconds=seconds)


def written(number, *parents):
    """Return a commit as GitHub's history shows it; it was made at its number's second."""
    return [sha(number), f"{at(number).isoformat()}", [sha(each) for each in parents]]


def nobody(_count, _last):
    """Is told how far the reading has come, and does not mind."""


class Told:
    """A history as `GitHubHistory` reads it, in pages of the default branch and apart from it."""

    def __init__(self, *pages, apart=()):
        self.pages = pages
        self.apart = {sha(number): page for number, page in dict(apart).items()}
        self.asked = []

    def commits(self, tip):
        for number, page in enumerate(self.pages, 1):
            self.asked.append(("page", number, tip))
            yield page

    def ancestors(self, commit_shas, deep):
        self.asked.append(("apart", tuple(commit_shas), deep))
        return {each: self.apart[each] for each in commit_shas}


FIRST, SECOND, THIRD = ("page", 1, sha(6)), ("page", 2, sha(6)), ("page", 3, sha(6))
PAGES = (
    [written(6, 5), written(5, 4)],
    [written(4, 3), written(3, 2)],
    [written(2, 1), written(1)],
)


def commits_of(*pages, tip=6, apart=()):
    history = Told(*pages, apart=apart)
    return Commits(history, sha(tip)), history


def test_the_default_branch_is_read_down_to_a_moment():
    commits, history = commits_of(*PAGES)
    commits.read_since(at(4), nobody)
    assert history.asked == [FIRST, SECOND]
    assert commits.plain(at(0)) == (sha(6), sha(5), sha(4), sha(3))
    assert commits.plain(at(5)) == (sha(6), sha(5))


def test_it_is_told_how_many_commits_were_read_and_when_the_last_was_made():
    commits, _ = commits_of(PAGES[0], [], PAGES[1][:1])
    told = []
    commits.read_since(at(0), lambda *how_far: told.append(how_far))
    assert told == [(2, at(5)), (2, None), (3, at(4)), (3, None)]


def test_a_page_that_ends_at_the_moment_is_not_enough():
    commits, history = commits_of(*PAGES)
    commits.read_since(at(5), nobody)
    assert history.asked == [FIRST, SECOND]


def test_an_empty_page_ends_nothing():
    commits, history = commits_of(PAGES[0], [], PAGES[1])
    commits.read_since(at(4), nobody)
    assert history.asked == [FIRST, SECOND, THIRD]


def test_the_default_branch_is_read_to_its_root_and_no_further():
    commits, history = commits_of(*PAGES, [written(0)])
    commits.read_since(at(-1), nobody)
    assert history.asked == [FIRST, SECOND, THIRD]
    commits.read_since(at(-1), nobody)
    assert history.asked == [FIRST, SECOND, THIRD]


def test_a_list_that_ends_early_is_not_read_for_ever():
    commits, history = commits_of(PAGES[0], apart={4: None})
    commits.read_since(at(0), nobody)
    assert history.asked == [FIRST]
    with pytest.raises(LookUpError) as caught:
        commits.compare(sha(4), sha(6))
    assert history.asked == [FIRST, ("apart", (sha(4),), 100)]
    assert caught.value.absent


def test_when_a_commit_was_made_is_known_once_it_is_read():
    commits, _ = commits_of(*PAGES)
    assert commits.committed_at(sha(5)) is None
    commits.read_since(at(5), nobody)
    assert commits.committed_at(sha(5)) == at(5)


def test_only_unknown_commits_are_read_apart_and_few_before_each():
    commits, history = commits_of(*PAGES, apart={8: [written(8, 7), written(7, 5)]})
    commits.read_since(at(5), nobody)
    commits.read([sha(6), sha(8)])
    assert history.asked[2:] == [("apart", (sha(8),), 10)]
    assert commits.committed_at(sha(7)) == at(7)


def test_a_comparison_reads_the_next_page_if_that_will_have_what_is_missing():
    commits, history = commits_of(*PAGES)
    commits.read_since(at(6), nobody)
    found = commits.compare(sha(4), sha(6))
    assert (found.relation, found.total) == ("ahead", 2)
    assert history.asked == [FIRST, SECOND]


def test_a_comparison_reads_apart_what_no_page_will_have():
    commits, history = commits_of(*PAGES, apart={8: [written(8, 7)], 7: [written(7, 5)]})
    commits.read_since(at(6), nobody)
    found = commits.compare(sha(5), sha(8))
    assert (found.relation, found.total) == ("ahead", 2)
    assert history.asked == [FIRST, ("apart", (sha(8),), 100), ("apart", (sha(7),), 100)]


def test_parents_of_commits_off_the_default_branch_are_not_waited_for_on_it():
    commits, history = commits_of(*PAGES, apart={8: [written(8, 7)], 7: [written(7)]})
    commits.read_since(at(6), nobody)
    commits.read([sha(8)])
    with pytest.raises(LookUpError, match=r"^the two commits have no history in common$"):
        commits.compare(sha(7), sha(6))
    assert ("apart", (sha(7),), 100) in history.asked


def test_a_commit_that_is_gone_is_asked_for_once():
    commits, history = commits_of(*PAGES, apart={9: None})
    commits.read_since(at(6), nobody)
    for _ in range(2):
        with pytest.raises(LookUpError, match=r"^GitHub knows no such commit any more$") as caught:
            commits.compare(sha(9), sha(6))
        assert (caught.value.absent, caught.value.outage) == (True, False)
    assert history.asked == [FIRST, ("apart", (sha(9),), 100)]


def test_one_commit_that_is_gone_does_not_hide_that_the_other_is_there():
    commits, history = commits_of(*PAGES, apart={8: [written(8, 6)], 9: None})
    commits.read_since(at(6), nobody)
    with pytest.raises(LookUpError, match=r"^GitHub knows no such commit any more$"):
        commits.compare(sha(8), sha(9))
    assert commits.committed_at(sha(8)) == at(8)
    assert history.asked == [FIRST, ("apart", (sha(8), sha(9)), 100)]


def test_a_date_that_is_none_ends_the_reading():
    commits, _ = commits_of([[sha(6), "yesterday", []]])
    with pytest.raises(LookUpError, match=r"^GitHub's list of commits could not be read$"):
        commits.read_since(at(0), nobody)


def test_a_commit_that_is_gone_ends_it_before_more_is_read():
    commits, history = commits_of(*PAGES, apart={8: [written(8, 6)], 9: None})
    commits.read_since(at(6), nobody)
    for other in (6, 8):
        with pytest.raises(LookUpError, match=r"^GitHub knows no such commit any more$"):
            commits.compare(sha(9), sha(other))
    assert history.asked == [FIRST, ("apart", (sha(9),), 100)]


def test_parents_that_were_listed_before_their_children_are_not_waited_for():
    pages = ([written(6, 5, 4), written(4, 3)], [written(5, 4), written(3)], [written(0)])
    commits, history = commits_of(*pages)
    commits.read_since(at(-1), nobody)
    assert history.asked == [FIRST, SECOND]


@pytest.mark.parametrize("told", [[], [written(7)]])
def test_a_commit_of_which_nothing_can_be_read_is_asked_for_once(told):
    commits, history = commits_of(*PAGES, apart={9: told})
    commits.read_since(at(6), nobody)
    why = r"^what GitHub says about a commit could not be read$"
    for _ in range(2):
        with pytest.raises(LookUpError, match=why) as caught:
            commits.compare(sha(6), sha(9))
        assert (caught.value.absent, caught.value.outage) == (True, False)
    assert history.asked == [FIRST, ("apart", (sha(9),), 100)]


def test_a_commit_that_the_list_leaves_out_is_read_apart():
    pages = ([written(6, 5)], [written(4, 3), written(3)])
    commits, history = commits_of(*pages, apart={5: [written(5, 4)]})
    commits.read_since(at(4), nobody)
    found = commits.compare(sha(4), sha(6))
    assert (found.relation, found.total) == ("ahead", 2)
    assert history.asked == [FIRST, SECOND, ("apart", (sha(5),), 100)]
