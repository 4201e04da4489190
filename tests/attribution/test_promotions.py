"""What is behind pull requests that were merged as copies, decided from values alone."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone

import pytest

from dora_deployments.actions.event import DeploymentEvent
from dora_deployments.attribution.answers import (
    BranchHistory,
    Commit,
    Comparison,
    Promotion,
    PullDetail,
    PullDetails,
)
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.attribution.promotions import (
    is_copy,
    is_listed,
    pulls_behind,
    with_pulls_behind,
)
from dora_deployments.attribution.shipped import Range, Shipped
from dora_deployments.attribution.subject import Subject
from dora_deployments.deployment import Fact
from tests.attribution.known import SLUG, Nobody, pull, sha
from tests.builders import inputs

NOON = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
UNSETTLED = (
    "#50 was merged by squash or rebase from a branch that other pull requests may have been merged"
    " into, and these could not be looked up: {} (merge such a branch with a merge commit, or list"
    " what is shipped in `merge-commit-shas`)"
)


def at(minute):
    return NOON + timedelta(minutes=minute)


def merged(number, base="develop", **more):
    """Return a pull request that was merged at the minute of its number."""
    return pull(number, number, base=base, **{"merged_at": at(number), **more})


FIFTY = merged(50, "main")
BEHIND = (merged(45), merged(46))
PROMOTION = Promotion(
    number=50, head="develop", base="main", merged_at=at(50), oldest_commit_at=at(45)
)


def detail(*commits, head="develop", count=None, names_others=True):
    """Return a pull request with these commits, named by numbers as `sha` does."""
    return PullDetail(
        head=head,
        commit_count=len(commits) if count is None else count,
        commit_shas=tuple(map(sha, commits)),
        names_others=names_others,
        oldest_commit_at=at(min(commits, default=0)),
    )


# --- what is behind one


def test_behind_a_promotion_is_what_it_copies_the_first_merged_first():
    history = BranchHistory(merged=(merged(47), merged(46), merged(45), merged(51)))
    assert pulls_behind(PROMOTION, detail(45, 46, 51), history) == BEHIND


def test_what_an_earlier_promotion_carried_was_shipped_with_that():
    history = BranchHistory(
        merged=(merged(48), merged(46), merged(45)), promoted_at=(at(60), at(50), at(47), at(40))
    )
    assert pulls_behind(PROMOTION, detail(45, 46, 48), history) == (merged(48),)


def test_a_pull_request_without_a_time_is_behind_none():
    history = BranchHistory(merged=(merged(45, merged_at=None),))
    assert pulls_behind(PROMOTION, detail(45), history) == ()


@pytest.mark.parametrize(
    ("commits", "count", "expected"),
    [((45, 46), 300, BEHIND), ((45,), 300, None), ((45,), 1, BEHIND[:1]), ((), 300, None)],
)
def test_of_commits_that_are_not_all_listed_all_candidates_must_be_seen(commits, count, expected):
    history = BranchHistory(merged=BEHIND)
    assert pulls_behind(PROMOTION, detail(*commits, count=count), history) == expected


def test_without_any_candidate_commits_need_not_be_listed():
    history = BranchHistory(merged=BEHIND, promoted_at=(at(49),))
    assert pulls_behind(PROMOTION, detail(count=300), history) == ()


def test_a_merge_commit_that_github_does_not_name_leaves_it_open():
    history = BranchHistory(merged=(merged(45), replace(merged(46), merge_commit_sha="")))
    assert pulls_behind(PROMOTION, detail(45, 46), history) is None


@pytest.mark.parametrize(
    ("since", "oldest", "promoted", "expected"),
    [
        (None, None, (), True),
        (44, 45, (), True),
        (45, 45, (), False),
        (45, None, (), False),
        (45, None, (40, 46), True),
        (45, 30, (46,), True),
        (45, None, (45, 60), False),
    ],
)
def test_a_list_reaches_far_enough_if_it_goes_back_to_the_promotion_or_commit_before(
    since, oldest, promoted, expected
):
    history = BranchHistory(
        merged=BEHIND,
        listed_since=None if since is None else at(since),
        promoted_at=tuple(map(at, promoted)),
    )
    promotion = replace(PROMOTION, oldest_commit_at=None if oldest is None else at(oldest))
    assert is_listed(promotion, history) is expected
    assert (pulls_behind(promotion, detail(45, 46), history) is not None) is expected


@pytest.mark.parametrize(
    ("commits", "in_range", "merges", "expected"),
    [
        ((45,), (50,), (), True),
        ((), (50,), (), True),
        ((45, 46), (45, 50), (), True),
        ((45, 46), (46, 50), (), False),
        ((45,), (50,), (50,), False),
        ((45, 50), (), (), False),
    ],
)
def test_a_copy_landed_by_other_commits_than_its_own(commits, in_range, merges, expected):
    since = ranged(commits=in_range, merges=merges)
    assert is_copy(FIFTY, detail(*commits), since) is expected


# --- which are asked about, and what comes of it


def ranged(*landed, commits=(50,), merges=(), relation="ahead"):
    return Range(
        base=sha(1),
        head=sha(90),
        relation=relation,
        merge_base=sha(1),
        commits=len(commits),
        landed=landed,
        commit_times=dict.fromkeys(map(sha, commits)),
        merges=frozenset(map(sha, merges)),
    )


def shipped_by(since, **more):
    return Shipped(
        previous=Fact(value=sha(1), source="x"),
        **{"was_deployed": True, "range": since, "pulls": since.landed, **more},
    )


def subject(*, success=True, own=True, branch=None, **given):
    return Subject(
        deployment_event=DeploymentEvent(
            event="push",
            repository=Fact(value=SLUG, source="x"),
            repository_id="1",
            commit_sha=Fact(value=sha(90), source="x"),
            identity="x",
            default_branch="main",
            branch=None if branch is None else Fact(value=branch, source="x"),
        ),
        inputs=inputs(**given),
        repository=SLUG,
        own=own,
        commit_sha=Fact(value=sha(90), source="x"),
        environment="production",
        success=success,
    )


@dataclass(kw_only=True)
class Told:
    """Answers from values, and remembers which branches were asked for; may fail."""

    details: dict
    branches: dict = field(default_factory=dict)
    lost: Comparison | None = None
    fails: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)

    def pull_details(self, repository, numbers, *, files):
        assert repository == SLUG
        self._check("files" if files else "details", *numbers)
        found = {number: self.details[number] for number in numbers if number in self.details}
        return PullDetails(by_number=found)

    def branch_histories(self, repository, promotions):
        assert repository == SLUG
        self._check("branches", *((each.head, each.base) for each in promotions))
        return [self.branches.get(each.head, BranchHistory()) for each in promotions]

    def comparison(self, repository, base, head):
        assert repository == SLUG
        self._check("comparison", base, head)
        return self.lost

    def _check(self, *question):
        self.asked.append(question)
        if question in self.fails:
            raise self.fails[question]


def numbers_of(found):
    return [each.number for each in found.pulls]


DEVELOP = BranchHistory(merged=(merged(46), merged(45)))
DETAILS = {50: detail(45, 46), 45: detail(145, head="a"), 46: detail(146, head="b")}
ASKED = ("branches", ("develop", "main"))


def test_those_behind_a_promotion_are_shipped_before_it_with_their_details():
    details = {number: replace(each, names_others=number == 50) for number, each in DETAILS.items()}
    known = Told(details=details, branches={"develop": DEVELOP})
    since = ranged(FIFTY)
    assert with_pulls_behind(subject(), shipped_by(since), known, files=False) == shipped_by(
        replace(since, landed=(*BEHIND, FIFTY)), pulls=(*BEHIND, FIFTY), details=details
    )
    assert known.asked == [("details", 50), ASKED, ("details", 45, 46)]


@pytest.mark.parametrize(
    ("since", "given"),
    [
        (ranged(FIFTY), {"success": False}),
        (ranged(), {}),
        (None, {}),
    ],
)
def test_a_failed_deployment_and_one_that_ships_nothing_ask_nothing(since, given):
    shipped = Shipped() if since is None else shipped_by(since)
    assert with_pulls_behind(subject(**given), shipped, Nobody(), files=True) == shipped


@pytest.mark.parametrize("was_deployed", [False, True])
def test_of_a_list_that_is_not_exact_anyway_nothing_is_asked(was_deployed):
    missing = "too many" if was_deployed else None
    shipped = shipped_by(replace(ranged(FIFTY), missing=missing), was_deployed=was_deployed)
    assert with_pulls_behind(subject(), shipped, Nobody(), files=True) == shipped


def test_whoever_needs_the_files_is_left_to_say_that_they_cannot_be_had():
    known = Told(details={}, fails={("files", 50): LookUpError("down")})
    shipped = shipped_by(ranged(FIFTY))
    assert with_pulls_behind(subject(), shipped, known, files=True) == shipped


@pytest.mark.parametrize(
    ("pulls", "details", "given", "expected"),
    [
        # By its headlines.
        ((FIFTY,), {50: detail(45, head="x")}, {}, ["x"]),
        ((FIFTY,), {50: detail(45, head="x", names_others=False)}, {}, []),
        # By a list of commits that is cut, which may hide some.
        ((FIFTY,), {50: detail(45, head="x", names_others=False, count=101)}, {}, ["x"]),
        # By its branch: the default one, that of the input, or that of another pull request.
        ((merged(50, "release"),), {50: detail(head="main", names_others=False)}, {}, ["main"]),
        ((merged(50, "release"),), {50: detail(head="main", names_others=False)},
         {"own": False}, []),
        ((FIFTY,), {50: detail(names_others=False)}, {"integration_branch": "develop"},
         ["develop"]),
        ((merged(40), FIFTY), {50: detail(names_others=False)}, {}, ["develop"]),
        # What deploys, or a later one landed on, brings only what it has shipped.
        ((merged(49), FIFTY), {49: detail(45, head="main")}, {}, []),
        ((merged(49),), {49: detail(45, head="main")}, {}, ["main"]),
        ((merged(49),), {49: detail(45, head="main")}, {"branch": "main"}, []),
        # A fork's branch, an unknown base, no time, no details, no copy.
        ((FIFTY,), {50: detail(45, head=None)}, {}, []),
        ((replace(FIFTY, base=None),), {50: detail(45)}, {}, []),
        ((replace(FIFTY, merged_at=None),), {50: detail(45)}, {}, []),
        ((FIFTY,), {}, {}, []),
        ((FIFTY,), {50: detail(50)}, {}, []),
    ],
)  # fmt: skip
def test_only_what_its_branch_or_commits_make_suspect_is_asked_about(
    pulls, details, given, expected
):
    known = Told(details=details)
    found = with_pulls_behind(subject(**given), shipped_by(ranged(*pulls)), known, files=False)
    branches = [head for question in known.asked[1:] for head, _ in question[1:]]
    assert branches == expected
    assert found.range == ranged(*pulls)


def test_promotions_of_promotions_are_followed_each_before_the_one_that_carries_it():
    staging = merged(47, "staging")
    known = Told(
        details={**DETAILS, 50: detail(47, head="staging"), 47: detail(45, 46)},
        branches={"staging": BranchHistory(merged=(staging,)), "develop": DEVELOP},
    )
    found = with_pulls_behind(subject(), shipped_by(ranged(FIFTY)), known, files=True)
    assert numbers_of(found) == [45, 46, 47, 50]
    assert found.range.missing is None


def test_a_branch_that_carries_its_base_back_is_not_followed():
    back = merged(47)
    known = Told(
        details={50: detail(47), 47: detail(30, head="main")},
        branches={
            "develop": BranchHistory(merged=(back,)),
            "main": BranchHistory(merged=(merged(30, "main"),)),
        },
    )
    found = with_pulls_behind(subject(), shipped_by(ranged(FIFTY)), known, files=False)
    assert numbers_of(found) == [47, 50]


def test_what_landed_itself_is_not_shipped_twice():
    known = Told(details=DETAILS, branches={"develop": DEVELOP})
    since = ranged(BEHIND[0], FIFTY, commits=(45, 50))
    found = with_pulls_behind(subject(), shipped_by(since), known, files=False)
    assert numbers_of(found) == [45, 46, 50]


def test_what_counts_is_what_the_inputs_want():
    known = Told(details=DETAILS, branches={"develop": DEVELOP})
    shipped = shipped_by(ranged(FIFTY), pulls=())
    found = with_pulls_behind(subject(integration_branch="develop"), shipped, known, files=False)
    assert numbers_of(found) == [45, 46]
    found = with_pulls_behind(
        subject(merge_commit_shas=sha(46)), shipped_by(ranged(FIFTY)), known, files=False
    )
    assert numbers_of(found) == [46]


def unsettled(why, since=None):
    missing = UNSETTLED.format(why)
    warning = f"{missing}; so not all of the shipped pull requests are known"
    return replace(since or ranged(FIFTY), missing=missing), (warning,)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"fails": {ASKED: LookUpError("GitHub gave up")}}, "GitHub gave up"),
        ({"branches": {"develop": BranchHistory(listed_since=at(48))}},
         "GitHub does not list all of them"),
    ],
)  # fmt: skip
def test_what_cannot_be_settled_makes_the_list_inexact(given, why):
    known = Told(details=DETAILS, **given)
    found = with_pulls_behind(subject(), shipped_by(ranged(FIFTY)), known, files=False)
    assert (found.range, found.warnings) == unsettled(why)
    assert (found.is_exact, numbers_of(found)) == (False, [50])
    by_hand = with_pulls_behind(
        subject(merge_commit_shas=sha(50)), shipped_by(ranged(FIFTY)), known, files=False
    )
    assert (by_hand.range, by_hand.warnings) == (ranged(FIFTY), ())


def test_details_that_cannot_be_had_leave_it_open_what_is_behind_those():
    known = Told(
        details=DETAILS,
        branches={"develop": DEVELOP},
        fails={("files", 45, 46): LookUpError("GitHub gave up")},
    )
    found = with_pulls_behind(subject(), shipped_by(ranged(FIFTY)), known, files=True)
    assert (found.range, found.warnings) == unsettled("GitHub gave up")


def test_without_details_nothing_more_is_followed():
    known = Told(details={50: DETAILS[50]}, branches={"develop": DEVELOP})
    found = with_pulls_behind(subject(), shipped_by(ranged(FIFTY)), known, files=False)
    assert (numbers_of(found), found.range.missing) == ([45, 46, 50], None)


def test_too_long_a_chain_is_left_open():
    chain = {number: detail(number - 1, head=f"b{number - 1}") for number in range(46, 51)}
    known = Told(
        details=chain,
        branches={
            f"b{number}": BranchHistory(merged=(merged(number, f"b{number}"),))
            for number in range(45, 50)
        },
    )
    found = with_pulls_behind(subject(), shipped_by(ranged(FIFTY)), known, files=False)
    assert numbers_of(found) == [47, 48, 49, 50]
    assert found.range.missing == UNSETTLED.format("they went through too many branches").replace(
        "#50", "#47"
    )


def test_several_that_are_open_are_named_together():
    other = merged(49, "main")
    known = Told(
        details={49: detail(40, head="other"), 50: detail(45)},
        fails={("branches", ("other", "main"), ("develop", "main")): LookUpError("gone")},
    )
    found = with_pulls_behind(subject(), shipped_by(ranged(other, FIFTY)), known, files=False)
    assert found.range.missing == UNSETTLED.format("gone").replace(
        "#50 was merged", "#49, #50 were each merged"
    )


LOST = Comparison(
    relation="diverged", base=sha(90), merge_base=sha(1), total=1, commits=(Commit(sha=sha(45)),)
)


def test_what_the_branch_itself_deployed_before_is_not_shipped_again():
    known = Told(details=DETAILS, branches={"develop": DEVELOP}, lost=LOST)
    since = ranged(FIFTY, relation="diverged")
    found = with_pulls_behind(subject(), shipped_by(since), known, files=False)
    assert numbers_of(found) == [46, 50]
    assert ("comparison", sha(90), sha(1)) in known.asked


def test_where_that_is_too_much_to_be_read_it_is_open():
    known = Told(details=DETAILS, branches={"develop": DEVELOP}, lost=replace(LOST, total=6_000))
    since = ranged(FIFTY, relation="diverged")
    found = with_pulls_behind(subject(), shipped_by(since), known, files=False)
    assert (found.range, found.warnings) == unsettled("6000 commits are too many to be read", since)
