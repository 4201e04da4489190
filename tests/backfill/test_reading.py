"""Of what a source tells, the events of the period are found, and what came before them."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.attribution.timeline import DeploymentRecord, WorkflowOfRun
from dora_deployments.backfill.past import named
from dora_deployments.backfill.reading import Found, Items, read
from dora_deployments.backfill.workflows import Workflows
from dora_deployments.errors import EventError, InputError, Skip
from tests.attribution.github.conftest import Kept
from tests.attribution.look_ups import Answers
from tests.backfill.terms import terms_of

SINCE = datetime(2026, 6, 1, tzinfo=timezone.utc)
UNTIL = datetime(2026, 6, 2, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def text(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def sha(number):
    return f"{number:040x}"


def deployment(
    number,
    created_at,
    *states,
    environment="production",
    task="deploy",
    took=HOUR,
    run=None,
    **changes,
):
    """Return a deployment whose statuses come `took` apart, by a run if one is given."""
    return {
        "deployment": {
            "id": number,
            "node_id": f"DE_{number}",
            "sha": sha(number),
            "task": task,
            "environment": environment,
            "created_at": text(created_at),
            "transient_environment": False,
            **changes,
        },
        "is_tag": False,
        "statuses": [
            {
                "state": state,
                "created_at": text(created_at + count * took),
                "environment": environment,
                "log_url": run and f"https://github.com/acme/shop/actions/runs/{run}",
                "environment_url": None,
            }
            for count, state in enumerate(states or ("success",), 1)
        ],
    }


def release(number, published_at, **changes):
    return {
        "release": {
            "id": number,
            "tag_name": f"v1.{number}",
            "draft": False,
            "prerelease": False,
            "published_at": published_at and text(published_at),
            **changes,
        },
        "commit": sha(number),
    }


def workflow_run(number, ended_at, **changes):
    return {
        "id": number,
        "event": "push",
        "head_sha": sha(number),
        "head_branch": "main",
        "conclusion": "success",
        "status": "completed",
        "run_started_at": text(ended_at - HOUR),
        "created_at": text(ended_at - HOUR),
        "updated_at": text(ended_at),
        "head_repository": {"full_name": "acme/shop"},
        **changes,
    }


class Told:
    """A history that tells these items, whatever it is asked for."""

    def __init__(self, items):
        self.items = items
        self.read = 0

    def deployments(self):
        for each in self.items:
            self.read += 1
            yield each

    releases = deployments

    def merged_pulls(self, floor):
        assert floor == SINCE
        return self.deployments()

    def runs(self, name):
        assert name == "Deploy"
        yield from self.deployments()


class OfRuns:
    """Workflows by the first digit of a run; those of no run with a 9 are known."""

    def workflows(self, repository, run_ids):
        assert repository == "acme/shop"
        return {
            run: None if run.startswith("9") else WorkflowOfRun(workflow_id=int(run[0]))
            for run in run_ids
        }


def workflows():
    return Workflows(OfRuns(), "acme/shop", Kept())


def found_of(*items, source="deployments", **given):
    """Return what is found among items, which come newest first, and how many were read."""
    history = Told(items)
    found = read(
        terms_of(named(source), **given),
        history,
        Kept(),
        Answers(),
        workflows(),
        (SINCE, UNTIL),
        lambda _count, _begun_at: None,
    )
    return found, history.read


def ends(found):
    """Return the id of each event to report, and when it ended in hours of the period."""
    return [
        (found.items[number]["deployment"]["id"], (ended - SINCE) / HOUR)
        for ended, number, _ in found.events
    ]


# --- which events


def test_events_of_the_period_come_in_order_of_time():
    found, _ = found_of(
        deployment(3, UNTIL - HOUR),
        deployment(2, SINCE + 8 * HOUR),
        deployment(1, SINCE + 4 * HOUR, "failure", "success", took=3 * HOUR),
    )
    assert ends(found) == [(1, 7), (2, 9), (1, 10)]
    assert [number for _, number, _ in found.events] == [1, 0, 1]
    assert [found.past(number, which).finished_at for _, number, which in found.events] == [
        SINCE + 7 * HOUR,
        SINCE + 9 * HOUR,
        SINCE + 10 * HOUR,
    ]
    assert found.commits == {sha(1), sha(2)}
    assert found.oldest == SINCE + 4 * HOUR


def test_the_period_is_of_the_finish_from_its_first_moment_to_before_its_last():
    found, _ = found_of(
        deployment(4, UNTIL - HOUR),
        deployment(3, UNTIL - HOUR, took=timedelta(minutes=59)),
        deployment(2, SINCE - HOUR),
        deployment(1, SINCE - 2 * HOUR),
    )
    assert [number for number, _ in ends(found)] == [2, 3]


def test_it_is_told_how_many_were_read_and_when_the_last_was_begun():
    told = []
    items = (deployment(2, SINCE + 8 * HOUR), deployment(1, SINCE + 4 * HOUR))
    read(
        terms_of(named("deployments")),
        Told(items),
        Kept(),
        Answers(),
        workflows(),
        (SINCE, UNTIL),
        lambda *how_far: told.append(how_far),
    )
    assert told == [(1, SINCE + 8 * HOUR), (2, SINCE + 4 * HOUR)]
    told.clear()
    read(
        terms_of(named("releases")),
        Told([release(1, SINCE)]),
        Kept(),
        Answers(),
        workflows(),
        (SINCE, UNTIL),
        lambda *how_far: told.append(how_far),
    )
    assert told == [(1, None)]


def test_what_is_not_reported_is_counted_by_its_reason_if_it_is_of_the_period():
    found, _ = found_of(
        deployment(6, UNTIL, environment="pr-1"),
        deployment(5, SINCE, environment="pr-1"),
        deployment(4, SINCE, environment="pr-2"),
        deployment(3, SINCE, transient_environment=True),
        deployment(2, SINCE, sha="main"),
        deployment(1, SINCE - 9 * HOUR, environment="pr-3"),
        environment_map="pr-*=",
    )
    assert found.left_out == {"environment-ignored": 2, "transient-environment": 1}
    assert ends(found) == [(2, 1)]
    assert found.commits == set()


def test_of_another_environment_than_the_one_asked_for_they_are_counted_apart():
    found, _ = found_of(
        deployment(4, UNTIL, environment="test"),
        deployment(3, SINCE + HOUR, environment="test"),
        deployment(2, SINCE, environment="staging"),
        deployment(1, SINCE, environment="eu-live"),
        environment="Production",
        environment_map="*-live=production",
    )
    assert ends(found) == [(1, 1)]
    assert found.elsewhere == {"test": 1, "staging": 1}
    assert found.left_out == {}


def test_problems_are_told_the_first_of_many():
    found = Found(terms=terms_of(named("releases")), items=Items(Kept(), "releases"))
    for number in range(11):
        found.leave_out(SINCE + number * HOUR, EventError(f"bad {number}"))
        found.leave_out(SINCE + number * HOUR, InputError("worse"))
        found.leave_out(SINCE, Skip("ref-deleted", "it is gone"))
    assert found.left_out == Counter({"bad-event": 11, "bad-input": 11, "ref-deleted": 11})
    assert found.problems == [
        problem
        for number in range(10)
        for problem in (
            f"2026-06-01 {number:02}:00 UTC: bad {number}",
            f"2026-06-01 {number:02}:00 UTC: worse",
        )
    ]


def test_pull_requests_are_read_from_the_first_moment_on():
    pull = {
        "id": 7,
        "number": 1,
        "base": "main",
        "merge_commit_sha": sha(1),
        "merged_at": text(SINCE),
        "first_commit_at": None,
        "updated_at": text(SINCE),
    }
    found, _ = found_of(pull, source="pull-requests")
    assert (found.events, found.commits, found.oldest) == ([(SINCE, 0, 0)], {sha(1)}, SINCE)


# --- how far back


LOOK = 100
"""After so many deployments it is looked again whether enough are known."""


def long_before(moment):
    """Return twice as many deployments from before a moment."""
    return [deployment(100 + day, moment - day * DAY) for day in range(1, 2 * LOOK + 1)]


def test_what_began_long_before_the_period_may_end_in_it():
    limit, second = SINCE - 35 * DAY, timedelta(seconds=1)
    found, count = found_of(
        deployment(5, limit + 2 * second, took=35 * DAY),
        deployment(4, limit + second, took=second),
        deployment(3, limit, took=35 * DAY),
        deployment(2, limit - second, took=second),
        *long_before(limit),
        deployment(1, limit - 999 * DAY, took=1034 * DAY + 9 * second),
    )
    assert [number for number, _ in ends(found)] == [3, 5]
    assert count == 3 + LOOK + 1
    assert found.commits == {sha(5), sha(3), sha(2)}


def test_reading_goes_on_until_the_deployment_before_the_first_is_known():
    old = SINCE - 100 * DAY
    found, count = found_of(
        deployment(6, SINCE),
        deployment(5, old, "failure"),
        deployment(4, old - HOUR, task="migrate"),
        deployment(3, old - 2 * HOUR, environment="staging"),
        deployment(2, old - 3 * HOUR),
        deployment(1, old - 4 * HOUR),
    )
    assert (ends(found), count) == ([(6, 1)], 6)
    assert found.commits == {sha(6), sha(2)}
    assert found.oldest == old - 3 * HOUR


def test_what_came_before_went_to_the_same_environment_by_the_name_of_github():
    old = SINCE - 100 * DAY
    found, _ = found_of(
        deployment(3, SINCE, environment="eu-live"),
        deployment(2, old),
        deployment(1, old - HOUR, environment="eu-live"),
        environment_map="*-live=production",
    )
    assert found.commits == {sha(3), sha(1)}


def test_each_environment_and_task_has_a_deployment_before():
    old = SINCE - 100 * DAY
    found, count = found_of(
        deployment(6, SINCE + HOUR),
        deployment(5, SINCE, task="migrate"),
        deployment(4, old),
        deployment(3, old - HOUR, task="migrate"),
        deployment(2, old - 2 * HOUR),
        *long_before(old),
    )
    assert count == 2 + LOOK + 1
    assert found.commits == {sha(6), sha(5), sha(4), sha(3)}
    assert found.oldest == old - HOUR


def test_the_first_of_the_period_counts_and_not_the_last():
    old = SINCE - 100 * DAY
    found, _ = found_of(
        deployment(4, SINCE + 5 * HOUR),
        deployment(3, SINCE + 3 * HOUR),
        deployment(2, old),
        deployment(1, old - HOUR),
    )
    assert found.commits == {sha(4), sha(3), sha(2)}
    assert found.oldest == old


def test_where_nothing_came_before_all_is_read():
    old = SINCE - 100 * DAY
    found, count = found_of(deployment(2, SINCE), deployment(1, old, "failure"))
    assert (found.oldest, count) == (SINCE, 2)


def test_where_nothing_is_found_not_much_is_read():
    found, count = found_of(*(deployment(n, SINCE - n * DAY) for n in range(30, 50)))
    assert (found.events, found.oldest, count) == ([], None, 7)


def test_each_maker_has_a_deployment_before():
    old = SINCE - 100 * DAY
    found, count = found_of(
        deployment(9, SINCE + 2 * HOUR, run=11, environment="production"),
        deployment(8, SINCE + HOUR, run=21),
        deployment(7, SINCE, creator={"login": "vercel[bot]"}),
        deployment(6, old, run=12),
        deployment(5, old - HOUR, run=13),
        deployment(4, old - 2 * HOUR, "failure", run=22),
        deployment(3, old - 3 * HOUR, run=23),
        deployment(2, old - 4 * HOUR, creator={"login": "vercel[bot]"}),
        *long_before(old - 4 * HOUR),
    )
    assert count == 3 + LOOK + 1
    # What no one of the period made was deployed by somebody, too.
    assert found.commits == {sha(number) for number in (9, 8, 7, 6, 3, 2, 101)}
    assert found.oldest == old - 4 * HOUR - DAY


def test_a_maker_that_never_deployed_before_makes_a_thousand_be_read():
    old = SINCE - 100 * DAY
    others = [deployment(100 + n, old - n * HOUR, run=21) for n in range(1_300)]
    found, count = found_of(deployment(1, SINCE, run=11), *others)
    assert count == 1 + 10 * LOOK + 1
    assert found.commits == {sha(1), sha(100)}


def test_runs_whose_workflows_are_not_known_are_one_makers():
    old = SINCE - 100 * DAY
    found, _ = found_of(
        deployment(4, SINCE, run=91),
        deployment(3, old, run=92),
        deployment(2, old - HOUR, run=93),
        deployment(1, old - 2 * HOUR),
    )
    assert found.commits == {sha(4), sha(3), sha(1)}


# --- neighbours


def test_neighbours_are_those_of_all_environments_whatever_became_of_them():
    found, _ = found_of(
        deployment(3, SINCE, environment="pr-1"),
        deployment(2, SINCE, "failure"),
        deployment(1, SINCE, sha="main"),
        environment_map="pr-*=",
    )
    assert [
        [each.id for each in found.neighbours.page(name, UNTIL, 0)[0]]
        for name in ("production", "pr-1")
    ] == [["DE_2"], ["DE_3"]]


def test_releases_know_the_commits_of_their_tags_and_each_other():
    found, _ = found_of(
        release(5, None, draft=True),
        release(4, SINCE + 3 * HOUR, prerelease=True),
        release(3, SINCE + 2 * HOUR),
        {**release(2, SINCE + HOUR), "commit": None},
        release(1, SINCE),
        release(9, SINCE, tag_name=None),
        source="releases",
    )
    assert found.tags == {"v1.4": sha(4), "v1.3": sha(3), "v1.1": sha(1)}
    assert found.neighbours.release_before("v1.9", sha(9), "production", UNTIL)[
        0
    ].commit_sha == sha(3)
    assert found.neighbours.release_before("v1.3", sha(3), "production", UNTIL)[
        0
    ].commit_sha == sha(1)
    assert found.commits == {sha(3), sha(1)}
    assert found.left_out == {"prerelease": 1, "bad-event": 1}
    assert len(found.events) == 3


def test_drafts_that_were_published_are_no_neighbours():
    found, _ = found_of(release(1, SINCE, draft=True), source="releases")
    assert found.neighbours.release_before("v1.9", sha(9), "production", UNTIL) == ()
    assert found.tags == {"v1.1": sha(1)}


def test_a_workflow_run_is_a_neighbour_if_it_deployed():
    found, _ = found_of(
        workflow_run(4, SINCE + 3 * HOUR, conclusion="failure"),
        workflow_run(3, SINCE + 2 * HOUR),
        workflow_run(2, SINCE + HOUR, head_sha="main"),
        workflow_run(1, SINCE - HOUR),
        source="workflow-runs:Deploy",
        environment="staging",
    )
    expected = tuple(
        DeploymentRecord(
            id=f"workflow-run:{number}",
            environment="staging",
            commit_sha=sha(number),
            task="deploy",
            created_at=ended,
            succeeded_at=ended,
            run_ids=frozenset({str(number)}),
        )
        for number, ended in ((3, SINCE + 2 * HOUR), (1, SINCE - HOUR))
    )
    assert found.neighbours.page("staging", UNTIL, 0) == (expected, True)
    assert found.left_out == {"run-not-successful": 1}
    assert found.commits == {sha(3), sha(1)}
    assert found.oldest == SINCE - HOUR


RUNS_OF_V1 = (
    workflow_run(3, SINCE + 3 * HOUR, head_branch="v1"),
    workflow_run(2, SINCE + 2 * HOUR, head_branch="v1", head_sha=sha(3)),
    workflow_run(1, SINCE + HOUR),
)
V1 = ("tag_commit", "acme/shop", "v1")


def runs_found(*items, answers, **terms):
    """Return what is found among runs, and what was asked for."""
    look_ups, period = Answers(answers=answers), (SINCE, UNTIL)
    of_runs = replace(terms_of(named("workflow-runs:Deploy")), **terms)
    found = read(of_runs, Told(items), Kept(), look_ups, workflows(), period, lambda *_: None)
    return found, look_ups.asked


def test_a_run_of_a_tag_is_found_and_the_tag_is_asked_for_once():
    found, asked = runs_found(*RUNS_OF_V1, answers={V1: sha(3)})
    assert found.tags == {"v1": sha(3)}
    assert len(found.events) == 3
    assert asked == [V1]


def test_what_is_no_tag_is_left_out_and_asked_for_once():
    no_tag = LookUpError("no such tag", absent=True)
    found, asked = runs_found(*RUNS_OF_V1, answers={V1: no_tag})
    assert found.left_out == {"branch-not-deployed": 2}
    assert asked == [V1]


def test_a_tag_that_cannot_be_asked_for_now_is_no_reason_to_leave_its_runs_out():
    with pytest.raises(LookUpError, match="limit"):
        runs_found(*RUNS_OF_V1, answers={V1: LookUpError("limit", wait=60)})


def test_the_default_branch_is_asked_for_where_nothing_tells_it():
    nameless = {"full_name": "acme/shop"}
    question = ("default_branch", "acme/shop", None)
    found, asked = runs_found(RUNS_OF_V1[2], answers={question: "main"}, repository=nameless)
    assert len(found.events) == 1
    assert asked == [question]


def test_deployments_and_releases_are_no_neighbours_by_their_events():
    found, _ = found_of(release(1, SINCE), source="releases", environment="staging")
    assert found.neighbours.page("staging", UNTIL, 0) == ((), True)
    assert found.neighbours.release_before("v1.2", sha(2), "production", UNTIL) == (
        DeploymentRecord(
            id="release v1.1",
            environment="production",
            commit_sha=sha(1),
            task="deploy",
            created_at=SINCE,
            succeeded_at=SINCE,
        ),
    )


# --- items on disk


@pytest.mark.parametrize("count", [1, 99, 100, 101, 200, 250])
def test_items_are_kept_a_hundred_at_a_time_and_found_by_their_numbers(count):
    pages = Kept()
    items = Items(pages, "releases")
    assert [items.add({"n": number}) for number in range(count)] == list(range(count))
    assert [items[number]["n"] for number in range(count)] == list(range(count))
    assert list(pages) == [f"items:releases:{chunk}" for chunk in range(count // 100)]
