"""Each past event is asked about as if it were its day."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from dora_deployments.actions.event import RunAttempt
from dora_deployments.actions.payload import Payload
from dora_deployments.attribution.answers import (
    BranchHistory,
    ChangedFiles,
    Commit,
    Comparison,
    Mark,
    Past,
    PastQuestion,
    Promotion,
    PullDetails,
    PullsByCommit,
)
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.attribution.timeline import DeploymentRecord, WorkflowOfRun
from dora_deployments.backfill.day import Day, UnavailableError
from dora_deployments.backfill.past import PastEvent, named
from dora_deployments.backfill.reading import Found, Items
from dora_deployments.deployment import PullRequest
from tests.backfill.terms import terms_of

SLUG = "acme/shop"
START = datetime(2026, 6, 1, 8, tzinfo=timezone.utc)


def at(minute):
    return START + timedelta(minutes=minute)


def sha(number):
    return f"{number:040x}"


def known(minute):
    return DeploymentRecord(
        id=str(minute),
        environment="production",
        commit_sha=sha(minute),
        task="deploy",
        created_at=at(minute),
        succeeded_at=at(minute),
    )


def question(*environments, commit=5, **more):
    return PastQuestion(environments=environments, task="deploy", commit_sha=sha(commit), **more)


PROMOTION = Promotion(number=9, head="develop", base="main", merged_at=at(5))


class Asked:
    """Stands for commits, archive and workflows: commit n was made at minute n, up to the tenth."""

    def __init__(self, error=None, *, commits=(), has_services=False):
        self.error = error
        self.commits = commits
        self.has_services = has_services
        self.pulls = ()
        self.history = BranchHistory(listed_since=at(3))
        self.asked = []

    def committed_at(self, commit):
        number = int(commit, 16)
        return at(number) if number <= 10 else None

    def compare(self, base, head):
        found = Comparison(
            relation="ahead",
            base=base,
            merge_base=base,
            total=len(self.commits),
            commits=self.commits,
        )
        return self._answer(found, base, head)

    def compared_files(self, base, head):
        return self._answer(frozenset({"a"}), "files", base, head)

    def of(self, run_ids):
        found = dict.fromkeys(run_ids, WorkflowOfRun(workflow_id=7))
        return self._answer(found, *run_ids)

    def latest_attempt(self, run_id):
        return self._answer(RunAttempt(run_id=run_id, attempt=2, began_at=at(3)), run_id)

    def attempt_started_at(self, run_id, attempt):
        return self._answer(at(3), run_id, attempt)

    def landings(self, commit_shas, old):
        found = dict.fromkeys(commit_shas, self.pulls)
        return self._answer(PullsByCommit(by_commit=found), tuple(commit_shas), tuple(old))

    def pull_details(self, numbers, *, files):
        return self._answer(PullDetails(), tuple(numbers), files)

    def branch_history(self, promotion, since):
        self.asked.append(("branch", promotion.head, since))
        return self.history

    def older_branch_history(self, promotion):
        return self._answer(replace(self.history, listed_since=None), "older", promotion.head)

    def commit_files(self, commit_shas):
        return self._answer(ChangedFiles(), tuple(commit_shas))

    def _answer(self, answer, *about):
        self.asked.append(about)
        if self.error is not None:
            raise self.error
        return answer


def day_of(asked=None, *, minute=5, tag=None, pulls_since=3, source="releases"):
    """Return the day of an event of that minute, and what it is answered from."""
    found = Found(terms=terms_of(named(source)), items=Items({}, source))
    for each in (1, 4, 5, 6):
        found.neighbours.add("production", known(each))
    for each in (1, 4, 5):
        found.neighbours.add_release(at(each), Mark(tag=f"v1.{each}", commit_sha=sha(each)))
    found.tags["v1.5"] = sha(5)
    asked = asked or Asked()
    past_event = PastEvent(
        name="release",
        payload=Payload({"release": {"tag_name": tag}}),
        stands_at=at(minute),
        finished_at=at(minute),
    )
    return Day(
        archive=asked,
        commits=asked,
        found=found,
        past_event=past_event,
        workflows_of_runs=asked,
        pulls_since=at(pulls_since),
    )


@pytest.mark.parametrize(
    ("question", "about"),
    [
        ("default_branch", ()),
        ("commit", ("abc1234",)),
        ("tag_commit", ("v9",)),
        ("peeled", (sha(1),)),
        ("merge_commit", (1,)),
    ],
)
def test_what_was_not_read_is_not_known_any_more(question, about):
    with pytest.raises(LookUpError, match=r"^GitHub no longer tells what it was$") as caught:
        getattr(day_of(), question)(SLUG, *about)
    assert (caught.value.absent, caught.value.outage) == (True, False)


def test_the_commit_of_a_releases_tag_was_read():
    assert day_of().tag_commit(SLUG, "v1.5") == sha(5)


def test_the_past_has_time():
    assert day_of().has_time() is True


def test_no_file_is_looked_for_again():
    assert day_of().file(SLUG, "dora.yml", sha(1), 9) is None


def test_the_past_ends_with_that_day():
    assert day_of().past(SLUG, question("production")) == Past(
        deployments=(known(5), known(4), known(1)), committed_at=at(5)
    )
    assert day_of(minute=4).past(SLUG, question("staging", commit=11, marks="tags")) == Past()


def test_the_past_of_several_environments_comes_together():
    day = day_of()
    staging = replace(known(2), environment="staging")
    day.found.neighbours.add("staging", staging)
    assert day.past(SLUG, question("staging", "test", "production")) == Past(
        deployments=(staging, known(5), known(4), known(1)), committed_at=at(5)
    )


def test_the_past_comes_in_pages():
    day = day_of(minute=500)
    for minute in range(200, 350):
        day.found.neighbours.add("production", known(minute))
    first = day.past(SLUG, question("production"))
    assert [each.id for each in first.deployments] == [*map(str, range(349, 249, -1))]
    second = day.past(SLUG, question("production", after=first.after))
    assert [each.id for each in second.deployments] == [
        *map(str, range(249, 199, -1)),
        "6",
        "5",
        "4",
        "1",
    ]
    assert second.after is None


def test_no_page_of_several_environments_leaves_any_out():
    day = day_of(minute=500)
    for minute in range(200, 350):
        for name in ("production", "staging") if minute < 220 else ("production",):
            day.found.neighbours.add(name, replace(known(minute), environment=name))
    first = day.past(SLUG, question("production", "staging"))
    second = day.past(SLUG, question("production", "staging", after=first.after))
    assert (len(first.deployments), len(second.deployments)) == (120, 54)
    assert second.after is None


def test_the_release_before_counts_as_a_deployment():
    before = replace(known(4), id="release v1.4", environment="staging")
    day = day_of(tag="v1.5")
    found = day.past(SLUG, question("staging", marks="releases"))
    assert found == Past(deployments=(before,), committed_at=at(5))
    both = day.past(SLUG, question("production", marks="releases"))
    before = replace(before, environment="production")
    assert both.deployments == (known(5), known(4), known(1), before)
    assert day.past(SLUG, question("staging", marks="tags")).deployments == ()


def test_without_a_tag_there_is_no_release_before():
    assert day_of().past(SLUG, question("staging", marks="releases")) == Past(committed_at=at(5))


def test_the_workflows_of_deployments_were_read_and_the_runs_of_one_workflow_have_it_in_common():
    asked = Asked()
    assert day_of(asked, source="deployments").workflows(SLUG, ["77"]) == {
        "77": WorkflowOfRun(workflow_id=7)
    }
    assert asked.asked == [("77",)]
    of_one = day_of(asked, source="workflow-runs:Deploy").workflows(SLUG, ["77", "78"])
    assert of_one["77"] == of_one["78"] is not None
    assert asked.asked == [("77",)]


def test_attempts_are_told_by_the_archive():
    asked = Asked()
    again = RunAttempt(run_id="77", attempt=2, began_at=at(3))
    assert day_of(asked).latest_attempt(SLUG, "77") == again
    assert day_of(asked).attempt_started_at(SLUG, "77", 2) == at(3)
    assert asked.asked == [("77",), ("77", 2)]


def test_ranges_are_cut_from_what_was_read():
    asked = Asked()
    found = day_of(asked).comparison(SLUG, sha(1), sha(5))
    assert found == Comparison(relation="ahead", base=sha(1), merge_base=sha(1), total=0)
    assert asked.asked == [(sha(1), sha(5))]


@pytest.mark.parametrize(
    ("commits", "pulls", "files"),
    [
        ((), (), None),
        ((Commit(sha=sha(4)),), (), frozenset({"a"})),
        ((Commit(sha=sha(4), is_merge=True),), (), None),
        ((Commit(sha=sha(4)),), (4,), None),
        ((Commit(sha=sha(4)),), (9,), frozenset({"a"})),
    ],
)
def test_with_services_the_files_are_asked_for_where_commits_came_by_no_pull_request(
    commits, pulls, files
):
    asked = Asked(commits=commits, has_services=True)
    asked.pulls = tuple(
        PullRequest(number=number, merge_commit_sha=sha(number), merged_at=at(number))
        for number in pulls
    )
    assert day_of(asked).comparison(SLUG, sha(1), sha(5)).files == files
    assert (("files", sha(1), sha(5)) in asked.asked) is (files is not None)
    without = Asked(commits=commits)
    assert day_of(without).comparison(SLUG, sha(1), sha(5)).files is None
    assert without.asked == [(sha(1), sha(5))]


def test_commits_from_before_the_pull_requests_are_the_old_ones():
    asked = Asked()
    commits = [sha(number) for number in (2, 3, 4, 11)]
    found = day_of(asked).landings(SLUG, commits)
    assert found == PullsByCommit(by_commit=dict.fromkeys(commits, ()))
    assert asked.asked == [(tuple(commits), (sha(2),))]


def test_pull_requests_that_were_merged_later_are_not_known_yet():
    asked = Asked()
    asked.pulls = tuple(
        PullRequest(number=number, merge_commit_sha=sha(4), merged_at=merged_at)
        for number, merged_at in ((1, at(4)), (2, at(5)), (3, at(6)), (4, None))
    )
    found = day_of(asked).landings(SLUG, [sha(4)]).by_commit[sha(4)]
    assert [pull.number for pull in found] == [1, 2, 4]


def test_files_are_told_by_the_archive():
    asked = Asked()
    assert day_of(asked).pull_details(SLUG, [1], files=True) == PullDetails()
    assert day_of(asked).commit_files(SLUG, [sha(4)]) == ChangedFiles()
    assert asked.asked == [((1,), True), ((sha(4),),)]


QUESTIONS = [
    ("latest_attempt", ("77",), {}),
    ("attempt_started_at", ("77", 2), {}),
    ("comparison", (sha(1), sha(2)), {}),
    ("landings", ([sha(1)],), {}),
    ("pull_details", ([1],), {"files": True}),
    ("commit_files", ([sha(1)],), {}),
    ("branch_histories", ([PROMOTION],), {}),
]


@pytest.mark.parametrize(
    ("since", "asked"),
    [
        (None, [("branch", "develop", at(3))]),
        (at(5), [("branch", "develop", at(3)), ("older", "develop")]),
    ],
)
def test_what_was_merged_into_a_branch_is_told_as_of_the_day(since, asked):
    early, late, open_one = (
        PullRequest(number=n, merge_commit_sha=sha(n), merged_at=merged_at)
        for n, merged_at in ((1, at(5)), (2, at(6)), (3, None))
    )
    answers = Asked()
    answers.history = BranchHistory(
        merged=(early, late, open_one), listed_since=since, promoted_at=(at(4), at(6))
    )
    assert day_of(answers).branch_histories(SLUG, [PROMOTION]) == [
        BranchHistory(merged=(early,), promoted_at=(at(4),))
    ]
    assert answers.asked == asked


@pytest.mark.parametrize(("question", "about", "more"), QUESTIONS)
def test_what_github_knows_no_more_is_an_answer(question, about, more):
    error = LookUpError("gone", absent=True)
    with pytest.raises(LookUpError) as caught:
        getattr(day_of(Asked(error)), question)(SLUG, *about, **more)
    assert caught.value is error


@pytest.mark.parametrize(("question", "about", "more"), QUESTIONS)
def test_no_answer_is_none_and_ends_the_work(question, about, more):
    error = LookUpError("GitHub is down", outage=True, wait=0.0)
    with pytest.raises(UnavailableError, match=r"^GitHub is down$") as caught:
        getattr(day_of(Asked(error)), question)(SLUG, *about, **more)
    assert caught.value.error is error
