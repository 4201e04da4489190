"""What came before a deployment is what was known when it was made."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from dora_deployments.actions.event import DeploymentEvent, RunAttempt
from dora_deployments.actions.payload import Payload
from dora_deployments.attribution.answers import Mark
from dora_deployments.attribution.timeline import DeploymentRecord
from dora_deployments.backfill.neighbours import Neighbours, of_deployment, of_event
from dora_deployments.backfill.past import PastEvent
from dora_deployments.deployment import Fact

START = datetime(2026, 6, 1, 8, tzinfo=timezone.utc)


def at(minute):
    return START + timedelta(minutes=minute)


def text(minute):
    return at(minute).strftime("%Y-%m-%dT%H:%M:%SZ")


def sha(number):
    return f"{number:040x}"


def known(minute, *, task="deploy", succeeded=True, took=0, **more):
    """Return a deployment that was begun at a minute, and succeeded after `took` of them."""
    return DeploymentRecord(
        **{
            "id": str(minute),
            "environment": "production",
            "commit_sha": sha(minute),
            "task": task,
            "created_at": at(minute),
            "succeeded_at": at(minute + took) if succeeded else None,
            **more,
        }
    )


def neighbours_of(*deployments):
    found = Neighbours()
    for each in deployments:
        found.add(each.environment, each)
    return found


# --- deployments


def test_of_two_of_one_moment_the_first_that_github_lists_is_the_last():
    newer, older = replace(known(1), id="newer"), replace(known(1), id="older")
    found = neighbours_of(newer, older)
    assert [*found.older("production", at(2))] == [newer, older]
    assert found.page("production", at(2), 0) == ((newer, older), True)


def test_older_ones_come_newest_first_whatever_became_of_them():
    failed, other = known(5, succeeded=False), known(4, task="migrate")
    found = neighbours_of(known(7), known(1), failed, known(2), other)
    assert [*found.older("production", at(6))] == [failed, other, known(2), known(1)]
    assert [*found.older("production", at(1))] == []
    assert [*found.older("staging", at(6))] == []


def test_what_was_begun_since_is_of_one_task():
    failed, other = known(5, succeeded=False), known(4, task="migrate")
    found = neighbours_of(known(7), known(1), failed, known(2), other)
    assert [*found.since("production", at(2), "deploy")] == [known(2), failed, known(7)]
    assert [*found.since("production", at(2), "migrate")] == [other]
    assert [*found.since("staging", at(2), "deploy")] == []


def test_the_runs_of_all_environments_are_known():
    found = neighbours_of(
        known(1, run_ids=frozenset({"11"})),
        known(2, run_ids=frozenset({"11"})),
        known(3, run_ids=frozenset({"12"}), environment="staging"),
        known(4),
    )
    assert sorted(found.run_ids()) == ["11", "11", "12"]


def test_one_that_succeeded_later_had_not_succeeded_yet():
    slow = known(3, took=2)
    found = neighbours_of(slow)
    assert found.page("production", at(4), 0) == ((replace(slow, succeeded_at=None),), True)
    assert found.page("production", at(5), 0) == ((slow,), True)


def test_one_that_failed_later_was_still_under_way():
    slow = replace(known(3, succeeded=False), gave_up_at=at(5))
    found = neighbours_of(slow)
    assert found.page("production", at(4), 0) == ((replace(slow, gave_up_at=None),), True)
    assert found.page("production", at(5), 0) == ((slow,), True)


def test_deployments_of_that_day_come_newest_first_with_all_tasks_and_failures():
    failed, other = known(2, succeeded=False), known(4, task="migrate")
    found = neighbours_of(known(5), other, failed, known(6))
    assert found.page("production", at(5), 0) == ((known(5), other, failed), True)
    assert found.page("staging", at(5), 0) == ((), True)


@pytest.mark.parametrize(
    ("skip", "first", "last", "is_last"),
    [(0, 250, 151, False), (100, 150, 51, False), (200, 50, 0, True), (251, None, None, True)],
)
def test_a_page_has_as_many_as_github_tells_at_a_time(skip, first, last, is_last):
    found = neighbours_of(*(known(minute) for minute in range(252)))
    minutes = () if first is None else range(first, last - 1, -1)
    expected = tuple(known(minute) for minute in minutes)
    assert found.page("production", at(250), skip) == (expected, is_last)


def test_a_page_that_ends_with_the_first_of_all_is_the_last():
    found = neighbours_of(*(known(minute) for minute in range(100)))
    assert found.page("production", at(100), 0)[1] is True


# --- releases


def released(*tags):
    """Return the releases of these tags, by the minute."""
    found = Neighbours()
    for minute, tag in tags:
        found.add_release(at(minute), Mark(tag=tag, commit_sha=sha(minute)))
    return found


def release(minute, tag):
    return known(minute, id=f"release {tag}", environment="live")


def test_the_release_before_is_of_the_next_lower_version():
    found = released((3, "v1.1"), (1, "v1.0"), (2, "v2.0"), (4, "v1.2"))
    assert found.release_before("v1.2", sha(4), "live", at(4)) == (release(3, "v1.1"),)
    assert found.release_before("v1.0", sha(1), "live", at(4)) == ()


def test_a_release_of_later_is_not_known_yet():
    found = released((1, "v1.0"), (2, "v1.2"), (3, "v1.1"))
    assert found.release_before("v1.2", sha(2), "live", at(2)) == (release(1, "v1.0"),)
    assert found.release_before("v1.2", sha(2), "live", at(3)) == (release(3, "v1.1"),)


def test_names_that_differ_by_a_commit_alone_are_in_order_of_time():
    found = released((2, "live-5a47c3f"), (1, "live-abc1234"), (3, "live-0a1b2c3"))
    before = found.release_before("live-0a1b2c3", sha(3), "live", at(9))
    assert before == (release(2, "live-5a47c3f"),)


def test_releases_of_one_second_are_all_known():
    found = released((1, "v1.0"), (1, "v1.1"))
    assert found.release_before("v1.2", sha(2), "live", at(2)) == (release(1, "v1.1"),)


def test_a_hundred_releases_are_known():
    found = released(*((minute, f"v1.{minute}") for minute in range(1, 102)), (200, "v1.200"))
    assert found.release_before("v1.2", sha(300), "live", at(150)) == ()
    assert found.release_before("v1.3", sha(300), "live", at(150)) == (release(2, "v1.2"),)
    assert found.release_before("v1.2", sha(300), "live", at(101)) == ()


# --- what they are made of


def item(*statuses, **changes):
    deployment = {
        "id": 7,
        "node_id": "DE_7",
        "sha": sha(1).upper(),
        "task": "migrate",
        "environment": "production",
        "created_at": text(0),
        **changes,
    }
    return {"deployment": deployment, "statuses": [*statuses], "is_tag": False}


def status(state, minute, log_url="", environment_url=None):
    return {
        "state": state,
        "created_at": text(minute),
        "log_url": log_url,
        "environment_url": environment_url,
    }


def test_a_deployment_is_known_by_its_runs_and_its_first_success():
    page = "https://github.com/acme/shop/actions/runs/12/job/3"
    found = of_deployment(
        item(
            status("in_progress", 1, page),
            status("success", 2, page, "https://github.com/acme/shop/actions/runs/11"),
            status("inactive", 3, "https://ci.example/actions/runs/none"),
            status("success", 4),
            creator={"login": "vercel[bot]"},
            payload={"services": ["web"]},
        )
    )
    assert found == DeploymentRecord(
        id="DE_7",
        environment="production",
        commit_sha=sha(1),
        task="migrate",
        created_at=at(0),
        succeeded_at=at(2),
        run_ids=frozenset({"11", "12"}),
        creator="vercel[bot]",
        services=frozenset({"web"}),
    )


def test_a_deployment_that_never_succeeded_says_so():
    found = of_deployment(item(status("failure", 1), node_id=None, task=None))
    assert found == DeploymentRecord(
        id="7",
        environment="production",
        commit_sha=sha(1),
        task="deploy",
        created_at=at(0),
        gave_up_at=at(1),
    )


@pytest.mark.parametrize("changes", [{"sha": "main"}, {"created_at": None}])
def test_a_deployment_that_lacks_what_the_next_ones_need_is_left_out(changes):
    assert of_deployment(item(status("success", 1), **changes)) is None


@pytest.mark.parametrize("success", [True, False])
def test_an_event_that_deployed_is_known_by_all_of_its_runs(success):
    deployment_event = DeploymentEvent(
        event="workflow_run",
        repository=Fact(value="acme/shop", source="the payload"),
        repository_id="1",
        commit_sha=Fact(value=sha(1), source="the payload"),
        identity="workflow-run:12",
        task="migrate",
        success=Fact(value=success, source="the payload"),
        runs=(RunAttempt(run_id="12", attempt=None), RunAttempt(run_id="11")),
    )
    past = PastEvent(name="workflow_run", payload=Payload({}), stands_at=at(3), finished_at=at(4))
    assert of_event(deployment_event, sha(2), "staging", past) == DeploymentRecord(
        id="workflow-run:12",
        environment="staging",
        commit_sha=sha(2),
        task="migrate",
        created_at=at(3),
        succeeded_at=at(4) if success else None,
        run_ids=frozenset({"11", "12"}),
    )
