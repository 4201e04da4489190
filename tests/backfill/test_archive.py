"""What was read of pull requests answers for GitHub, which is asked for the rest, and once."""

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from dora_deployments.actions import config
from dora_deployments.attribution.answers import ChangedFiles, Landings
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
    }


def pull(number):
    return PullRequest(
        number=number,
        merge_commit_sha=sha(number),
        base="main",
        merged_at=MERGED,
        first_commit_at=BEGUN if number % 2 else None,
    )


def files_asked(numbers, commits=()):
    return ("changed_files", SLUG, tuple(numbers), tuple(commits))


def landings_asked(*commits):
    return ("landings", SLUG, commits)


def archive_of(answers=(), *numbers, mapped=True, pages=None):
    """Return an archive with the pull requests of `numbers`, and who is asked for the rest."""
    github = Answers(answers=dict(answers))
    archive = Archive(github, SLUG, Kept() if pages is None else pages, CONFIG if mapped else None)
    archive.add_pulls(item(number) for number in numbers)
    return archive, github


def changed(by_pull, by_commit=None, *, cut=False):
    return ChangedFiles(
        by_pull={number: frozenset(files) for number, files in by_pull.items()},
        by_commit={sha: frozenset(files) for sha, files in (by_commit or {}).items()},
        cut=cut,
    )


# --- pull requests by commit


def test_a_commit_belongs_to_the_pull_request_whose_merge_it_is():
    archive, github = archive_of({}, 1, 2)
    assert archive.landings([sha(2), sha(3), sha(1)], []) == Landings(
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


def test_of_old_commits_github_is_asked_once():
    other = pull(9)
    answers = {landings_asked(sha(3)): Landings(by_commit={sha(3): (other, pull(2))})}
    archive, github = archive_of(answers, 1)
    for _ in range(2):
        found = archive.landings([sha(1), sha(3)], [sha(1), sha(3)])
        assert found == Landings(by_commit={sha(1): (pull(1),), sha(3): (other, pull(2))})
    assert github.asked == [landings_asked(sha(3))]


def test_what_an_earlier_run_asked_is_not_asked_again():
    pages = Kept()
    answers = {landings_asked(sha(3)): Landings(by_commit={sha(3): (pull(1), pull(2))})}
    archive_of(answers, pages=pages)[0].landings([sha(3)], [sha(3)])
    archive, github = archive_of({}, pages=pages)
    assert archive.landings([sha(3)], [sha(3)]) == Landings(by_commit={sha(3): (pull(1), pull(2))})
    assert github.asked == []


def test_commits_that_cannot_be_looked_up_now_are_an_outage_and_not_kept():
    pages = Kept()
    broken = {landings_asked(sha(3)): Landings(by_commit={}, problem="GitHub's API answered 502")}
    archive, _ = archive_of(broken, pages=pages)
    with pytest.raises(LookUpError, match=r"^GitHub's API answered 502$") as caught:
        archive.landings([sha(3)], [sha(3)])
    assert (caught.value.outage, caught.value.absent, caught.value.wait) == (True, False, 0.0)
    assert pages == {}


# --- files


def test_without_services_no_files_are_asked_for():
    archive, github = archive_of({}, 1, mapped=False)
    archive.look_up([sha(8)])
    assert github.asked == []


def test_one_file_of_each_service_is_kept():
    files = {1: ["search/b", "README.md", "search/a", "checkout/z"], 2: ["README.md"]}
    answers = {
        files_asked([1, 2]): changed(files),
        landings_asked(sha(8)): Landings(by_commit={sha(8): (pull(7),)}),
    }
    archive, github = archive_of(answers, 1, 2)
    archive.look_up([sha(1), sha(8)])
    assert archive.changed_files([2, 1], []) == changed({2: [], 1: ["checkout/z", "search/a"]})
    assert archive.landings([sha(8)], [sha(8)]) == Landings(by_commit={sha(8): (pull(7),)})
    assert github.asked == [files_asked([1, 2]), landings_asked(sha(8))]


def test_files_are_asked_for_a_hundred_pull_requests_and_a_thousand_commits_at_a_time():
    numbers = range(1, 102)
    commits = [sha(number) for number in range(1_000, 2_001)]
    answers = {
        files_asked(numbers[:100]): changed({number: [] for number in numbers[:100]}),
        files_asked([101]): changed({101: []}),
        landings_asked(*commits[:1_000]): Landings(by_commit={}),
        landings_asked(commits[1_000]): Landings(by_commit={}),
    }
    archive, github = archive_of(answers, *numbers)
    archive.look_up(commits)
    assert github.asked == list(answers)


def test_files_of_other_pull_requests_are_asked_for_when_they_are_needed():
    answers = {files_asked([5]): changed({5: ["search/a"]})}
    archive, github = archive_of(answers)
    for _ in range(2):
        assert archive.changed_files([5], []) == changed({5: ["search/a"]})
    assert github.asked == [files_asked([5])]


def test_where_lists_are_cut_each_pull_request_is_asked_for_alone():
    answers = {
        files_asked([1, 2]): changed({1: ["search/a"], 2: []}, cut=True),
        files_asked([1]): changed({1: ["search/a"]}),
        files_asked([2]): changed({2: []}, cut=True),
    }
    archive, github = archive_of(answers, 1, 2)
    archive.look_up([])
    assert github.asked == list(answers)
    assert archive.changed_files([1], []) == changed({1: ["search/a"]})
    assert archive.changed_files([1, 2], []) == changed({1: ["search/a"]}, cut=True)
    assert github.asked == list(answers)


def test_single_commits_are_asked_for_their_files_once():
    both = {sha(8): ["search/b", "search/a", "docs/x"], sha(9): ["docs/y"]}
    answers = {
        files_asked([1]): changed({1: []}),
        files_asked([], [sha(8), sha(9)]): changed({}, both),
    }
    archive, github = archive_of(answers, 1)
    shown = {sha(8): ["search/a"], sha(9): []}
    assert archive.changed_files([1], [sha(8), sha(9)]) == changed({1: []}, shown)
    assert archive.changed_files([1], [sha(8)]) == changed({1: []}, {sha(8): ["search/a"]})
    assert github.asked == list(answers)


def test_where_lists_of_commits_are_cut_each_is_asked_for_alone():
    answers = {
        files_asked([], [sha(8), sha(9)]): changed({}, cut=True),
        files_asked([], [sha(8)]): changed({}, {sha(8): ["search/a"]}),
        files_asked([], [sha(9)]): changed({}, cut=True),
    }
    archive, github = archive_of(answers)
    shown = changed({}, {sha(8): ["search/a"]}, cut=True)
    assert archive.changed_files([], [sha(8), sha(9)]) == shown
    assert github.asked == list(answers)


def test_too_many_single_commits_are_not_asked_for():
    many = [sha(number) for number in range(101)]
    files = {key: ["search/a"] for key in many[:100]}
    answers = {files_asked([], many[:100]): changed({}, files)}
    archive, github = archive_of(answers)
    assert archive.changed_files([], many) == ChangedFiles(by_pull={}, cut=True)
    assert archive.changed_files([], many[:100]) == changed({}, files)
    assert github.asked == list(answers)


def test_each_question_has_an_answer_of_its_own():
    answers = {
        landings_asked(sha(8)): Landings(by_commit={sha(8): (pull(7),)}),
        files_asked([], [sha(8)]): changed({}, {sha(8): ["search/a"]}),
        files_asked([], [sha(9)]): changed({}, {sha(9): ["checkout/a"]}),
    }
    archive, github = archive_of(answers)
    assert archive.landings([sha(8)], [sha(8)]).by_commit == {sha(8): (pull(7),)}
    assert archive.changed_files([], [sha(8)]) == changed({}, {sha(8): ["search/a"]})
    assert archive.changed_files([], [sha(9)]) == changed({}, {sha(9): ["checkout/a"]})
    assert github.asked == list(answers)
