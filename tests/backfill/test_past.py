"""What GitHub remembers becomes the events that told of it."""

from datetime import datetime, timezone

import pytest

from dora_deployments.backfill import past

REPOSITORY = {"full_name": "acme/shop", "id": 186853261, "default_branch": "main"}
SINCE = datetime(2026, 6, 1, tzinfo=timezone.utc)
SHA = "7fd0709f3ed45ac797fbcf901f219c36cfe2b36a"


def at(minute):
    return datetime(2026, 6, 1, 8, minute, tzinfo=timezone.utc)


def status(state, minute):
    return {"state": state, "created_at": f"2026-06-01T08:{minute:02}:00Z"}


def deployment(*statuses, created_at="2026-06-01T08:00:00Z", is_tag=False):
    return {
        "deployment": {"id": 7, "ref": "v1", "created_at": created_at},
        "statuses": [*statuses],
        "is_tag": is_tag,
    }


def events(make, item):
    """Return the events of an item: name, payload, place among its neighbours, and finish."""
    return [
        (
            event.name,
            {key: event.payload.get(key) for key in KEYS[event.name]},
            event.stands_at,
            event.finished_at,
        )
        for event in make(item, REPOSITORY)
    ]


KEYS = {
    "deployment_status": ("action", "deployment", "deployment_status", "repository"),
    "release": ("action", "release", "repository"),
    "workflow_run": ("action", "workflow_run", "repository"),
    "pull_request": ("action", "pull_request", "repository"),
}


def told(item, of):
    payload = {
        "action": "created",
        "deployment": item["deployment"],
        "deployment_status": of,
        "repository": REPOSITORY,
    }
    return ("deployment_status", payload, at(0), at(int(of["created_at"][14:16])))


# --- deployments


@pytest.mark.parametrize("state", ["success", "failure", "error"])
def test_a_final_status_tells_how_a_deployment_ended(state):
    item = deployment(status("in_progress", 1), status(state, 2))
    assert events(past.of_deployment, item) == [told(item, status(state, 2))]


@pytest.mark.parametrize(("is_tag", "ref"), [(True, "refs/tags/v1.2"), (False, None)])
def test_a_tag_that_was_deployed_is_what_github_ref_was(is_tag, ref):
    item = deployment(status("success", 2))
    item["deployment"]["ref"] = "v1.2"
    (event,) = past.of_deployment({**item, "is_tag": is_tag}, REPOSITORY)
    assert event.ref == ref


@pytest.mark.parametrize("state", ["pending", "queued", "in_progress", "inactive", "waiting"])
def test_no_other_status_does(state):
    assert events(past.of_deployment, deployment(status(state, 1))) == []


def test_of_many_that_say_the_same_the_first_counts():
    item = deployment(
        status("error", 1), status("success", 2), status("failure", 3), status("success", 4)
    )
    assert events(past.of_deployment, item) == [
        told(item, status("error", 1)),
        told(item, status("success", 2)),
    ]


def test_a_status_without_its_time_does_not_hide_the_next_one():
    item = deployment({"state": "success", "created_at": None}, status("success", 2))
    assert events(past.of_deployment, item) == [told(item, status("success", 2))]


def test_a_deployment_without_its_time_is_none():
    assert events(past.of_deployment, deployment(status("success", 1), created_at="")) == []


@pytest.mark.parametrize(("is_tag", "ref"), [(True, "refs/tags/v1"), (False, None)])
def test_the_ref_of_a_deployment_is_told_where_it_is_a_tag(is_tag, ref):
    (event,) = past.of_deployment(deployment(status("success", 1), is_tag=is_tag), REPOSITORY)
    assert event.ref == ref


# --- releases, runs and pull requests


def test_a_release_is_told_by_its_publishing():
    release = {"tag_name": "v1", "published_at": "2026-06-01T08:05:00Z"}
    payload = {"action": "published", "release": release, "repository": REPOSITORY}
    assert events(past.of_release, {"release": release, "commit": SHA}) == [
        ("release", payload, at(5), at(5))
    ]


def test_a_draft_that_was_never_published_is_told_by_nothing():
    item = {"release": {"tag_name": "v1", "published_at": None}, "commit": SHA}
    assert events(past.of_release, item) == []


def run(**changes):
    return {"id": 3, "status": "completed", "updated_at": "2026-06-01T08:07:00Z", **changes}


def test_a_run_is_told_by_its_end():
    payload = {"action": "completed", "workflow_run": run(), "repository": REPOSITORY}
    assert events(past.of_run, run()) == [("workflow_run", payload, at(7), at(7))]


@pytest.mark.parametrize("changes", [{"status": "in_progress"}, {"updated_at": None}])
def test_a_run_that_has_not_ended_is_told_by_nothing(changes):
    assert events(past.of_run, run(**changes)) == []


def pull(**changes):
    return {
        "id": 24_000_000_001,
        "number": 12,
        "base": "main",
        "merge_commit_sha": SHA,
        "merged_at": "2026-06-01T08:09:00Z",
        "first_commit_at": "2026-06-01T08:01:00Z",
        "updated_at": "2026-06-02T08:00:00Z",
        **changes,
    }


def test_a_pull_request_is_told_by_its_merge():
    payload = {
        "action": "closed",
        "pull_request": {
            "id": 24_000_000_001,
            "number": 12,
            "merged": True,
            "merged_at": "2026-06-01T08:09:00Z",
            "merge_commit_sha": SHA,
            "first_commit_at": "2026-06-01T08:01:00Z",
            "base": {"ref": "main", "repo": REPOSITORY},
        },
        "repository": REPOSITORY,
    }
    assert events(past.of_pull, pull()) == [("pull_request", payload, at(9), at(9))]


@pytest.mark.parametrize("field", ["merged_at", "merge_commit_sha"])
def test_a_pull_request_without_the_time_or_commit_of_its_merge_is_told_by_nothing(field):
    assert events(past.of_pull, pull(**{field: None})) == []


# --- sources


class Asked:
    """A history that says only what it is asked for."""

    def __getattr__(self, name):
        return lambda *about: (name, *about)


@pytest.mark.parametrize(
    ("name", "noun", "asked", "make", "begun"),
    [
        ("deployments", "GitHub deployments", ("deployments",), past.of_deployment, "d"),
        ("releases", "releases", ("releases",), past.of_release, None),
        ("pull-requests", "merged pull requests", ("merged_pulls", SINCE), past.of_pull, None),
        ("workflow-runs:Deploy: EU", "workflow runs", ("runs", "Deploy: EU"), past.of_run, "r"),
    ],
)
def test_each_source_reads_its_own_items(name, noun, asked, make, begun):
    source = past.named(name)
    assert (source.name, source.noun, source.events) == (name, noun, make)
    assert source.items(Asked(), SINCE) == asked
    item = {"created_at": "r", "deployment": {"created_at": "d"}}
    assert (source.begun and source.begun(item)) == begun


def test_by_itself_deployments_come_before_releases_and_these_before_pull_requests():
    assert past.AUTO == ("deployments", "releases", "pull-requests")
