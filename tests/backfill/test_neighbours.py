"""What came before a deployment is what was known when it was made."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from dora_deployments.actions.event import Happening
from dora_deployments.actions.payload import Payload
from dora_deployments.attribution.answers import Mark, PastDeployment
from dora_deployments.backfill.neighbours import Neighbour, Neighbours, of_deployment, of_event
from dora_deployments.backfill.past import PastEvent
from dora_deployments.deployment import Fact

START = datetime(2026, 6, 1, 8, tzinfo=timezone.utc)


def at(minute):
    return START + timedelta(minutes=minute)


def text(minute):
    return at(minute).strftime("%Y-%m-%dT%H:%M:%SZ")


def sha(number):
    return f"{number:040x}"


def known(minute, *, task="deploy", succeeded=True):
    return PastDeployment(
        id=str(minute),
        commit_sha=sha(minute),
        task=task,
        created_at=at(minute),
        succeeded=succeeded,
    )


def neighbours_of(*deployments, environment="production", took=0):
    """Return the deployments of an environment, each of which succeeded after `took` minutes."""
    found = Neighbours()
    for each in deployments:
        succeeded_at = each.created_at + timedelta(minutes=took) if each.succeeded else None
        found.add(environment, Neighbour(deployment=each, succeeded_at=succeeded_at))
    return found


# --- deployments


def test_of_two_of_one_moment_the_first_that_github_lists_is_the_last():
    newer, older = replace(known(1), id="newer"), replace(known(1), id="older")
    found = neighbours_of(newer, older)
    assert found.before("production", "deploy", at(2)) == newer
    assert found.deployments("production", at(2)) == (newer, older)


def test_the_one_before_is_the_last_that_succeeded_of_the_same_task():
    found = neighbours_of(
        known(7), known(1), known(5, succeeded=False), known(2), known(4, task="migrate")
    )
    assert found.before("production", "deploy", at(6)) == known(2)
    assert found.before("production", "migrate", at(6)) == known(4, task="migrate")
    assert found.before("production", "deploy", at(1)) is None
    assert found.before("staging", "deploy", at(6)) is None


def test_none_is_before_itself():
    found = neighbours_of(known(3), known(3))
    assert found.before("production", "deploy", at(3)) is None


def test_one_that_succeeded_later_had_not_succeeded_before():
    found = neighbours_of(known(3), took=2)
    assert found.before("production", "deploy", at(4)) is None
    assert found.before("production", "deploy", at(5)) == known(3)
    assert found.deployments("production", at(4)) == (replace(known(3), succeeded=False),)
    assert found.deployments("production", at(5)) == (known(3),)


def test_deployments_of_that_day_come_newest_first_with_all_tasks_and_failures():
    failed, other = known(2, succeeded=False), known(4, task="migrate")
    found = neighbours_of(known(5), other, failed, known(6))
    assert found.deployments("production", at(5)) == (known(5), other, failed)
    assert found.deployments("staging", at(5)) == ()


def test_as_many_are_known_as_github_tells_on_the_day():
    found = neighbours_of(*(known(minute) for minute in range(102)))
    assert found.deployments("production", at(100)) == tuple(
        known(minute) for minute in range(100, 0, -1)
    )


# --- releases


def released(*tags):
    """Return the releases of these tags, by the minute."""
    found = Neighbours()
    for minute, tag in tags:
        found.add_release(at(minute), Mark(tag=tag, commit_sha=sha(minute)))
    return found


def release(minute, tag):
    return PastDeployment(
        id=f"release {tag}",
        commit_sha=sha(minute),
        task="deploy",
        created_at=at(minute),
        succeeded=True,
    )


def test_the_release_before_is_of_the_next_lower_version():
    found = released((3, "v1.1"), (1, "v1.0"), (2, "v2.0"), (4, "v1.2"))
    assert found.release_before("v1.2", sha(4), at(4)) == (release(3, "v1.1"),)
    assert found.release_before("v1.0", sha(1), at(4)) == ()


def test_a_release_of_later_is_not_known_yet():
    found = released((1, "v1.0"), (2, "v1.2"), (3, "v1.1"))
    assert found.release_before("v1.2", sha(2), at(2)) == (release(1, "v1.0"),)
    assert found.release_before("v1.2", sha(2), at(3)) == (release(3, "v1.1"),)


def test_names_without_versions_are_in_order_of_time():
    found = released((2, "beta"), (1, "alpha"), (3, "gamma"))
    assert found.release_before("gamma", sha(3), at(9)) == (release(2, "beta"),)


def test_releases_of_one_second_are_all_known():
    found = released((1, "v1.0"), (1, "v1.1"))
    assert found.release_before("v1.2", sha(2), at(2)) == (release(1, "v1.1"),)


def test_a_hundred_releases_are_known():
    found = released(*((minute, f"v1.{minute}") for minute in range(1, 102)), (200, "v1.200"))
    assert found.release_before("v1.2", sha(300), at(150)) == ()
    assert found.release_before("v1.3", sha(300), at(150)) == (release(2, "v1.2"),)
    assert found.release_before("v1.2", sha(300), at(101)) == ()


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
        )
    )
    assert found == Neighbour(
        deployment=PastDeployment(
            id="DE_7",
            commit_sha=sha(1),
            task="migrate",
            created_at=at(0),
            succeeded=True,
            urls=("/actions/runs/11", "/actions/runs/12"),
        ),
        succeeded_at=at(2),
    )


def test_a_deployment_that_never_succeeded_says_so():
    found = of_deployment(item(status("failure", 1), node_id=None, task=None))
    assert found == Neighbour(
        deployment=PastDeployment(
            id="7", commit_sha=sha(1), task="deploy", created_at=at(0), succeeded=False
        ),
        succeeded_at=None,
    )


@pytest.mark.parametrize("changes", [{"sha": "main"}, {"created_at": None}])
def test_a_deployment_that_lacks_what_the_next_ones_need_is_left_out(changes):
    assert of_deployment(item(status("success", 1), **changes)) is None


@pytest.mark.parametrize("success", [True, False])
def test_an_event_that_deployed_is_known_by_all_of_its_runs(success):
    happening = Happening(
        event="workflow_run",
        repository=Fact(value="acme/shop", source="the payload"),
        repository_id="1",
        commit_sha=Fact(value=sha(1), source="the payload"),
        identity="workflow-run:12",
        task="migrate",
        success=Fact(value=success, source="the payload"),
        run_ids=frozenset({"12", "11"}),
    )
    past = PastEvent(name="workflow_run", payload=Payload({}), stands_at=at(3), finished_at=at(4))
    assert of_event(happening, sha(2), past) == Neighbour(
        deployment=PastDeployment(
            id="workflow-run:12",
            commit_sha=sha(2),
            task="migrate",
            created_at=at(3),
            succeeded=success,
            urls=("/actions/runs/11", "/actions/runs/12"),
        ),
        succeeded_at=at(4),
    )
