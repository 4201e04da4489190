"""What was read of pull requests answers for GitHub, which is asked for the rest, and once."""

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from dora_deployments.actions import config
from dora_deployments.actions.event import RunAttempt
from dora_deployments.attribution.answers import (
    BranchHistory,
    ChangedFiles,
    Promotion,
    PullDetail,
    PullDetails,
    PullsByCommit,
)
from dora_deployments.attribution.github.trimmed import made_of
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.backfill.archive import Archive
from dora_deployments.deployment import PullRequest
from tests.attribution.github.conftest import Kept
from tests.attribution.look_ups import Answers

SLUG = "acme/shop"
MERGED = datetime(2026, 6, 1, 9, tzinfo=timezone.utc)
BEGUN = datetime(2026, 6, 1, 8, tzinfo=timezone.utc)
CONFIG = config.parse(
    b"""
services:
  checkout:
    paths: ["checkout/**"]
  search:
    paths: ["search/**"]
""",
    "the file",
)


def sha(number):
    return f"{number:040x}"


def item(number):
    return {
        "number": number,
        "merge_commit_sha": sha(number),
        "base": "main",
        "merged_at": "2026-06-01T09:00:00Z",
        "first_commit_at": "2026-06-01T08:00:00Z" if number % 2 else None,
        "made_of": made_of(PullDetail()),
    }


def pull(number):
    return PullRequest(
        number=number,
        merge_commit_sha=sha(number),
        base="main",
        merged_at=MERGED,
        first_commit_at=BEGUN if number % 2 else None,
    )


def details_asked(*numbers, files=True):
    return ("pull_details", SLUG, numbers, files)


def files_asked(*commits):
    return ("commit_files", SLUG, commits)


def landings_asked(*commits):
    return ("landings", SLUG, commits)


def archive_of(answers=(), *numbers, mapped=CONFIG, pages=None):
    """Return an archive with the pull requests of `numbers`, and who is asked for the rest."""
    github = Answers(answers=dict(answers))
    archive = Archive(github, SLUG, Kept() if pages is None else pages, mapped)
    archive.add_pulls(item(number) for number in numbers)
    return archive, github


def details(by_number, *, paged=(), **more):
    return PullDetails(
        by_number={
            number: PullDetail(
                files=None if files is None else frozenset(files),
                is_paged=number in paged,
                **more,
            )
            for number, files in by_number.items()
        }
    )


def changed(by_commit=None, *, cut=False):
    return ChangedFiles(
        by_commit={sha: frozenset(files) for sha, files in (by_commit or {}).items()}, cut=cut
    )


def shown(archive, *numbers):
    """Return the files of pull requests that an archive shows."""
    found = archive.pull_details(numbers, files=True).by_number
    return {
        number: each.files if each.files is None else sorted(each.files)
        for number, each in found.items()
    }


# --- pull requests by commit


def test_a_commit_belongs_to_the_pull_request_whose_merge_it_is():
    archive, github = archive_of({}, 1, 2)
    assert archive.landings([sha(2), sha(3), sha(1)], []) == PullsByCommit(
        by_commit={sha(2): (pull(2),), sha(3): (), sha(1): (pull(1),)}
    )
    assert github.asked == []


def test_one_commit_may_merge_several_pull_requests():
    archive, github = archive_of()
    both = [{**item(number), "merge_commit_sha": sha(1)} for number in (3, 1, 2)]
    archive.add_pulls(both)
    assert archive.landings([sha(1)], [sha(1)]).by_commit == {
        sha(1): tuple(replace(pull(number), merge_commit_sha=sha(1)) for number in (1, 2, 3))
    }
    assert github.asked == []


BEGUN_NINE = PullDetails(by_number={9: PullDetail(first_commit_at=BEGUN)})
BARE_NINE = replace(pull(9), first_commit_at=None)


def test_of_old_commits_github_is_asked_once_and_when_their_pull_requests_were_begun():
    answers = {
        landings_asked(sha(3)): PullsByCommit(
            by_commit={sha(3): (BARE_NINE, replace(pull(1), first_commit_at=None))}
        ),
        details_asked(9, files=False): BEGUN_NINE,
    }
    archive, github = archive_of(answers, 1)
    for _ in range(2):
        found = archive.landings([sha(1), sha(3)], [sha(1), sha(3)])
        assert found == PullsByCommit(by_commit={sha(1): (pull(1),), sha(3): (pull(9), pull(1))})
    assert github.asked == list(answers)
    assert archive.pull_details([9, 1, 8], files=False).by_number == {
        9: PullDetail(first_commit_at=BEGUN),
        1: PullDetail(first_commit_at=BEGUN),
    }


def test_when_a_pull_request_was_begun_may_stay_unknown():
    answers = {
        landings_asked(sha(3)): PullsByCommit(by_commit={sha(3): (BARE_NINE,)}),
        details_asked(9, files=False): PullDetails(),
    }
    archive, _ = archive_of(answers)
    assert archive.landings([sha(3)], [sha(3)]) == PullsByCommit(by_commit={sha(3): (BARE_NINE,)})


def test_what_an_earlier_run_asked_is_not_asked_again():
    pages = Kept()
    answers = {
        landings_asked(sha(3)): PullsByCommit(by_commit={sha(3): (BARE_NINE, pull(2))}),
        details_asked(2, 9, files=False): BEGUN_NINE,
    }
    archive_of(answers, pages=pages)[0].landings([sha(3)], [sha(3)])
    archive, github = archive_of({}, pages=pages)
    assert archive.landings([sha(3)], [sha(3)]) == PullsByCommit(
        by_commit={sha(3): (pull(9), pull(2))}
    )
    assert github.asked == []


def test_commits_that_cannot_be_looked_up_now_are_an_outage_and_not_kept():
    pages = Kept()
    broken = {
        landings_asked(sha(3)): PullsByCommit(by_commit={}, problem="GitHub's API answered 502")
    }
    archive, _ = archive_of(broken, pages=pages)
    with pytest.raises(LookUpError, match=r"^GitHub's API answered 502$") as caught:
        archive.landings([sha(3)], [sha(3)])
    assert (caught.value.outage, caught.value.absent, caught.value.wait) == (True, False, 0.0)
    assert pages == {}


# --- branches

MADE = PullDetail(
    head="develop",
    commit_count=3,
    commit_shas=(sha(5), sha(6)),
    names_others=True,
    oldest_commit_at=BEGUN,
)
PROMOTION = Promotion(number=1, head="develop", base="main", merged_at=MERGED)


def test_what_pull_requests_are_made_of_is_known_with_all_of_them():
    archive, github = archive_of()
    archive.add_pulls([{**item(1), "made_of": made_of(MADE)}])
    assert archive.pull_details([1], files=False).by_number == {
        1: replace(MADE, first_commit_at=BEGUN)
    }
    assert github.asked == []


def test_branches_are_known_by_what_was_merged_into_them_and_when_they_were_merged():
    archive, github = archive_of()
    into = {**item(2), "base": "develop"}
    lost = {**item(3), "base": "develop", "merge_commit_sha": None}
    other = {**item(4), "base": None}
    archive.add_pulls([{**item(1), "made_of": made_of(MADE)}, into, lost, other])
    assert archive.branch_history(PROMOTION, BEGUN) == BranchHistory(
        merged=(
            replace(pull(2), base="develop"),
            replace(pull(3), base="develop", merge_commit_sha=""),
        ),
        listed_since=BEGUN,
        promoted_at=(MERGED,),
    )
    nowhere = replace(PROMOTION, head="x")
    assert archive.branch_history(nowhere, BEGUN) == BranchHistory(listed_since=BEGUN)
    assert github.asked == []


@pytest.mark.parametrize("since", [None, BEGUN])
def test_of_older_merges_github_is_asked_once(since):
    found = BranchHistory(merged=(BARE_NINE,), listed_since=since, promoted_at=(BEGUN, MERGED))
    answers = {
        ("branch_histories", SLUG, (PROMOTION,)): [found],
        details_asked(9, files=False): PullDetails(by_number={9: MADE}),
    }
    pages = Kept()
    archive, github = archive_of(answers, pages=pages)
    for each in (archive, archive_of({}, pages=pages)[0]):
        assert each.older_branch_history(PROMOTION) == found
        assert each.pull_details([9], files=False).by_number == {9: MADE}
    assert github.asked == list(answers)


# --- files


@pytest.mark.parametrize(
    "mapped", [None, config.parse(b"services:\n  web:\n    environments: [web-*]\n", "the file")]
)
def test_without_services_that_have_paths_no_files_are_asked_for(mapped):
    archive, github = archive_of({}, 1, mapped=mapped)
    archive.look_up([sha(8)])
    assert github.asked == []


def test_where_a_merge_commit_is_not_known_the_pull_requests_of_all_commits_are_asked_for():
    lost = replace(pull(9), merge_commit_sha="", first_commit_at=None)
    answers = {landings_asked(sha(8)): PullsByCommit(by_commit={sha(8): (lost,)})}
    archive, github = archive_of(answers, 1, mapped=None)
    archive.add_pulls([{**item(9), "merge_commit_sha": None}])
    archive.look_up([sha(1), sha(8)])
    assert archive.landings([sha(1), sha(8)], []) == PullsByCommit(
        by_commit={sha(1): (pull(1),), sha(8): (replace(lost, first_commit_at=BEGUN),)}
    )
    assert github.asked == list(answers)


def test_one_file_of_each_service_is_kept():
    files = {1: ["search/b", "README.md", "search/a", "checkout/z"], 2: ["README.md"]}
    answers = {
        details_asked(1, 2): details(files),
        landings_asked(sha(8)): PullsByCommit(by_commit={sha(8): (pull(1),)}),
    }
    archive, github = archive_of(answers, 1, 2)
    archive.look_up([sha(1), sha(8)])
    assert shown(archive, 2, 1) == {2: [], 1: ["checkout/z", "search/a"]}
    assert archive.landings([sha(8)], [sha(8)]) == PullsByCommit(by_commit={sha(8): (pull(1),)})
    assert github.asked == [details_asked(1, 2), landings_asked(sha(8))]


def test_files_are_asked_for_a_hundred_pull_requests_and_a_thousand_commits_at_a_time():
    numbers = range(1, 102)
    commits = [sha(number) for number in range(1_000, 2_001)]
    answers = {
        details_asked(*numbers[:100]): details({number: [] for number in numbers[:100]}),
        details_asked(101): details({101: []}),
        landings_asked(*commits[:1_000]): PullsByCommit(by_commit={}),
        landings_asked(commits[1_000]): PullsByCommit(by_commit={}),
    }
    archive, github = archive_of(answers, *numbers)
    archive.look_up(commits)
    assert github.asked == list(answers)


def test_details_of_other_pull_requests_are_asked_for_when_they_are_needed():
    answers = {details_asked(5): details({5: ["search/a"]}, first_commit_at=BEGUN)}
    archive, github = archive_of(answers)
    for _ in range(2):
        assert archive.pull_details([5], files=True).by_number == {
            5: PullDetail(first_commit_at=BEGUN, files=frozenset({"search/a"}))
        }
    assert archive.pull_details([5], files=False).by_number == {
        5: PullDetail(first_commit_at=BEGUN)
    }
    assert github.asked == [details_asked(5)]


def test_pull_requests_without_files_are_asked_for_alone():
    answers = {
        details_asked(1, 2, 3): details({1: None, 2: None, 3: []}),
        details_asked(1): details({1: ["search/a"]}, paged=[1]),
        details_asked(2): details({2: None}, paged=[2]),
    }
    archive, github = archive_of(answers, 1, 2, 3)
    archive.look_up([])
    assert github.asked == list(answers)
    assert shown(archive, 1, 2, 3) == {1: ["search/a"], 2: None, 3: []}
    assert github.asked == list(answers)


@pytest.mark.parametrize("count", [20, 21])
def test_more_than_a_few_long_lists_would_not_have_been_asked_for_on_the_day(count):
    numbers = [*range(1, count + 1)]
    answers = {
        details_asked(*numbers, 99): details(
            {number: ["search/a"] for number in (*numbers, 99)}, paged=numbers
        )
    }
    archive, _ = archive_of(answers, *numbers, 99)
    archive.look_up([])
    told = ["search/a"] if count == 20 else None
    assert shown(archive, *numbers, 99) == {**dict.fromkeys(numbers, told), 99: ["search/a"]}
    assert shown(archive, *numbers[:20]) == {number: ["search/a"] for number in numbers[:20]}


def compared_asked(base, head):
    return ("compared_files", SLUG, sha(base), sha(head))


def test_comparisons_are_asked_for_their_files_once():
    pages = Kept()
    answers = {
        compared_asked(1, 2): frozenset({"search/b", "search/a", "docs/x"}),
        compared_asked(2, 1): None,
        compared_asked(1, 3): LookUpError("gone", absent=True),
    }
    archive, github = archive_of(answers, pages=pages)
    assert archive.has_services
    for each in (archive, archive_of({}, pages=pages)[0]):
        assert each.compared_files(sha(1), sha(2)) == {"search/a"}
        assert each.compared_files(sha(2), sha(1)) is None
        assert each.compared_files(sha(1), sha(3)) is None
    assert github.asked == list(answers)
    assert not archive_of({}, mapped=None)[0].has_services


def test_a_comparison_that_cannot_be_asked_for_now_is_not_kept():
    pages = Kept()
    archive, _ = archive_of({compared_asked(1, 2): LookUpError("down", wait=0.0)}, pages=pages)
    with pytest.raises(LookUpError, match=r"^down$"):
        archive.compared_files(sha(1), sha(2))
    assert pages == {}


def test_single_commits_are_asked_for_their_files_once():
    both = {sha(8): ["search/b", "search/a", "docs/x"], sha(9): ["docs/y"]}
    answers = {files_asked(sha(8), sha(9)): changed(both)}
    archive, github = archive_of(answers)
    shown = {sha(8): ["search/a"], sha(9): []}
    assert archive.commit_files([sha(8), sha(9)]) == changed(shown)
    assert archive.commit_files([sha(8)]) == changed({sha(8): ["search/a"]})
    assert github.asked == list(answers)


def test_where_lists_of_commits_are_cut_each_is_asked_for_alone():
    answers = {
        files_asked(sha(8), sha(9)): changed(cut=True),
        files_asked(sha(8)): changed({sha(8): ["search/a"]}),
        files_asked(sha(9)): changed(cut=True),
    }
    archive, github = archive_of(answers)
    shown = changed({sha(8): ["search/a"]}, cut=True)
    assert archive.commit_files([sha(8), sha(9)]) == shown
    assert github.asked == list(answers)


def test_too_many_single_commits_are_not_asked_for():
    many = [sha(number) for number in range(21)]
    files = {key: ["search/a"] for key in many[:20]}
    answers = {files_asked(*many[:20]): changed(files)}
    archive, github = archive_of(answers)
    assert archive.commit_files(many) == ChangedFiles(cut=True)
    assert archive.commit_files(many[:20]) == changed(files)
    assert github.asked == list(answers)


def test_each_question_has_an_answer_of_its_own():
    answers = {
        landings_asked(sha(8)): PullsByCommit(by_commit={sha(8): (pull(1),)}),
        files_asked(sha(8)): changed({sha(8): ["search/a"]}),
        files_asked(sha(9)): changed({sha(9): ["checkout/a"]}),
    }
    archive, github = archive_of(answers, 1)
    assert archive.landings([sha(8)], [sha(8)]).by_commit == {sha(8): (pull(1),)}
    assert archive.commit_files([sha(8)]) == changed({sha(8): ["search/a"]})
    assert archive.commit_files([sha(9)]) == changed({sha(9): ["checkout/a"]})
    assert github.asked == list(answers)


def test_attempts_of_runs_are_asked_for_once_and_kept():
    again = RunAttempt(run_id="77", attempt=2, began_at=MERGED)
    answers = {
        ("latest_attempt", SLUG, "77"): again,
        ("attempt_started_at", SLUG, "77", 1): BEGUN,
        ("attempt_started_at", SLUG, "77", 2): MERGED,
    }
    pages = Kept()
    archive, github = archive_of(answers, pages=pages)
    for known in (archive, archive_of(pages=pages)[0]):
        assert known.latest_attempt("77") == again
        assert known.attempt_started_at("77", 1) == BEGUN
        assert known.attempt_started_at("77", 2) == MERGED
    assert github.asked == list(answers)
