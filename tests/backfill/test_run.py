"""A backfill from its inputs to its end, against strict stand-ins for GitHub, Datadog and DX."""

import errno
import itertools
import json
import os
import shutil
import sqlite3
import subprocess
import zlib
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from dora_deployments.backends.dx import Dx
from dora_deployments.backfill.database import FILE, StateError, StateUnwritableError
from dora_deployments.backfill.run import backfill
from dora_deployments.catalogue import (
    BACKFILL_LEFT_OUT,
    BACKFILL_STATE,
    BACKFILL_STOPPED,
    BACKFILL_TIME,
    BODY_REFUSED,
    OUTPUT_PATH,
    note,
)
from dora_deployments.deployment import Limits
from dora_deployments.errors import InputError
from tests.backfill.shop import ONCE, Shop, deployed_thrice, job_of, page
from tests.backfill.test_state import full_disk, posix_only
from tests.builders import NOW
from tests.end_to_end import receivers
from tests.end_to_end.github.history import START
from tests.end_to_end.github.hosted import iso
from tests.end_to_end.receivers import Datadog, Faulty
from tests.end_to_end.stories import DX_TOKEN, SLUG, story

API_KEY = "0123456789abcdef0123456789abcdef"
# Which is not kept, since nothing of it is in bulk.
CONTENTS = f"GET /repos/{SLUG}/contents/.github/dora.yml"
CONFIG = """
services:
  checkout:
    paths: ["checkout/**"]
  search:
    paths: ["search/**"]
"""


# --- deployments


def test_each_deployment_is_told_as_it_was_on_the_day(shop):
    ids = deployed_thrice(shop)
    assert shop.ended() == (0, "delivered", "")
    before = dict(shop.story.dx.deployments)
    for each in ids:
        number = ids.index(each) + 1
        state = "failure" if number == 3 else "success"
        event = shop.story.status(each, page(number), state)
        if state == "success":
            status = shop.history.deployments[each].statuses[1]
            event.payload["deployment_status"]["created_at"] = iso(status.created_at)
        assert shop.story.told(event).status == "delivered"  # the same body under the same id
    assert shop.story.dx.deployments == before
    assert len(before) == 4


def test_what_came_since_the_deployment_before_is_written_down(shop):
    deployed_thrice(shop)
    assert shop.ended() == (0, "delivered", "")
    first, second, third = (
        shop.history.deployments[each].sha for each in list(shop.history.deployments)[:3]
    )
    fields = ("commit_sha", "previous_sha", "success", "rollback", "attribution", "commits")
    assert shop.short(*fields) == [
        (first, None, True, False, "commit", None),
        (second, first, True, False, "pull-requests", 4),
        (third, second, False, False, "commit", 2),
        (first, second, True, True, "commit", 0),
    ]
    assert [[pull["number"] for pull in line["pull_requests"]] for line in shop.lines()] == [
        [],
        [1, 2],
        [],  # it failed, and so shipped nothing
        [],
    ]


def test_the_csv_file_has_what_dx_is_told(shop):
    deployed_thrice(shop)
    assert shop.ended() == (0, "delivered", "")
    rows = shop.rows()
    assert [
        {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in body.items()
        }
        for body in shop.told()
    ] == [{name: cell for name, cell in row.items() if cell} for row in rows]
    assert len(rows) == 4


def test_a_deployment_that_failed_and_then_succeeded_is_two(shop):
    shop.history.deploy(shop.history.commit(), states=("error", "success", "failure"))
    assert shop.ended() == (0, "delivered", "")
    assert shop.short("finished_at", "success") == [
        ("2026-06-01T08:02:00Z", False),
        ("2026-06-01T08:03:00Z", True),
    ]
    assert len({body["reference_id"] for body in shop.told()}) == 2


def test_the_period_counts_from_its_first_moment_to_before_its_last(shop):
    history = shop.history
    commits = [history.commit() for _ in range(4)]
    for commit, minute in zip(commits, (-1, 0, 59, 60), strict=True):
        finish = START + timedelta(hours=4, minutes=minute)
        history.deploy(commit, created_at=finish - timedelta(minutes=1), states=("success",))
    shop.ended(since="2026-06-01T12:00:00Z", until="2026-06-01T13:00:00Z")
    assert shop.short("commit_sha", "previous_sha") == [
        (commits[1], commits[0]),
        (commits[2], commits[1]),
    ]


def test_the_deployment_before_the_period_is_looked_for_however_old_it_is(shop):
    history = shop.history
    history.now -= timedelta(days=200)
    old = history.commit()
    history.deploy(old)
    history.now += timedelta(days=200)
    shop.story.landed()
    history.deploy(history.branches["main"])
    shop.ended()
    assert shop.short("previous_sha", "merge_commit_shas") == [(old, [shop.story.merge_commit(1)])]


def test_a_deployed_tag_is_its_version(shop):
    history = shop.history
    history.commit()
    history.tag("v1.0")
    history.deploy(history.branches["main"], ref="v1.0")
    history.deploy(history.branches["main"], ref="main")
    shop.ended()
    assert shop.short("version") == [("v1.0",), (None,)]


def test_a_commit_far_off_the_default_branch_is_cut_where_it_left(shop):
    history = shop.history
    first = history.commit()
    history.deploy(first)
    history.branch("release")
    for _ in range(30):
        history.commit("release")
    history.commit()
    far = history.branches["release"]
    history.deploy(far)
    shop.ended()
    assert shop.short("commit_sha", "previous_sha", "commits") == [
        (first, None, None),
        (far, first, 30),
    ]


def test_environments_and_tasks_go_their_own_ways(shop):
    history = shop.history
    one, two, three = (history.commit() for _ in range(3))
    history.deploy(one, "production")
    history.deploy(two, "staging")
    history.deploy(two, "production", "migrate")
    history.deploy(three, "production")
    assert shop.backfill()[1]["environment"] == ""
    assert shop.short("environment", "commit_sha", "previous_sha") == [
        ("production", one, None),
        ("staging", two, None),
        ("production", two, None),
        ("production", three, one),
    ]


def test_a_commit_that_no_branch_has_any_more_is_a_doubt(shop, capsys):
    history = shop.history
    first = history.commit()
    history.branch("gone")
    lost = history.commit("gone")
    history.deploy(lost, states=("success",))
    history.deploy(first, states=("success",))
    del history.commits[lost]
    history.force("gone", first)
    assert shop.ended() == (0, "delivered", "")
    assert shop.short("commit_sha", "previous_sha") == [(lost, None), (first, None)]
    log = capsys.readouterr().out
    assert f"\n2026-06-01 08:04 UTC, {first[:7]}: what came since {lost[:7]} (" in log
    assert "of 1 deployment it is not certain what they ship" in log


def test_the_log_names_twenty_doubts(shop, capsys):
    history = shop.history
    first = history.commit()
    for number in range(21):
        branch = f"gone-{number}"
        history.branch(branch, first)
        history.deploy(lost := history.commit(branch), states=("success",))
        history.deploy(first, states=("success",))
        del history.commits[lost]
        history.force(branch, first)
    assert shop.ended(dry_run="true") == (0, "dry-run", "")
    log = capsys.readouterr().out
    assert log.count(": what came since ") == 20
    assert "of 41 deployments it is not certain what they ship; the log names the first 20" in log


def test_that_it_is_not_known_which_services_are_deployed_is_a_doubt(shop, capsys):
    (shop.folder / ".github").mkdir()
    (shop.folder / ".github" / "dora.yml").write_text(CONFIG, "utf-8")
    history = shop.history
    history.deploy(history.commit())
    history.commit("main", {f"docs/{number}.txt": "1" for number in range(300)})
    for number in range(20):  # with the one before, one more than are asked for their files
        history.commit("main", {"search/a.txt": f"{number}\n"})
    history.deploy(history.branches["main"])
    assert shop.ended(dry_run="true", integration_branch="main")[:2] == (0, "dry-run")
    assert [service for service, _ in numbers(shop)] == ["checkout", "search"] * 2
    log = capsys.readouterr().out
    assert "of 2 deployments it is not certain what they ship" in log
    assert ": the changed files are too many to be listed" in log


# --- other sources


def test_releases_are_cut_between_versions(shop):
    history = shop.history
    history.commit()
    for number in (1, 2):
        shop.story.landed()
        history.tag(f"v1.{number}")
        history.release(f"v1.{number}")
    shop.story.landed()
    history.tag("v2.0-rc1")
    history.release("v2.0-rc1", prerelease=True)
    history.annotated_tag("v2.0")
    history.release("v2.0")
    assert shop.ended(backfill_source="releases") == (0, "delivered", "")
    assert shop.short("version", "previous_sha", "merge_commit_shas") == [
        ("v1.1", None, []),
        ("v1.2", shop.story.merge_commit(1), [shop.story.merge_commit(2)]),
        ("v2.0", shop.story.merge_commit(2), [shop.story.merge_commit(3)]),
    ]
    assert "Left out: 1 as <code>prerelease</code>" in shop.summary()


def test_prereleases_count_where_an_environment_is_given(shop):
    history = shop.history
    history.commit()
    history.tag("v2.0-rc1")
    history.release("v2.0-rc1", prerelease=True)
    assert shop.ended(backfill_source="releases", environment="staging")[1] == "delivered"
    assert shop.short("version", "environment") == [("v2.0-rc1", "staging")]


def test_a_release_is_told_under_the_id_of_the_day(shop):
    history = shop.history
    history.commit()
    history.tag("v1")
    release = history.release("v1")
    assert shop.ended(backfill_source="releases") == (0, "delivered", "")
    (body,) = shop.told()
    shop.story.told(shop.story.release(release))
    assert [each["reference_id"] for each in shop.told()] == [body["reference_id"]]


def test_workflow_runs_are_told_as_they_were_on_the_day(shop):
    history = shop.history
    workflow = history.workflow()
    other = history.workflow(".github/workflows/test.yml", "Test")
    runs = []
    history.commit()
    for _ in range(2):
        shop.story.landed()
        runs.append(history.run(workflow, history.branches["main"]))
        history.now += timedelta(minutes=10)
    history.run(other, history.branches["main"])
    history.run(workflow, history.branches["main"], conclusion="failure")
    history.run(workflow, history.branches["main"], conclusion=None)
    history.run(workflow, history.branches["main"], branch="change-1")
    history.run(workflow, history.branches["main"], event="pull_request")
    history.run(workflow, history.branches["main"], repository="mallory/shop")
    assert shop.ended(backfill_source="workflow-runs:Deploy") == (0, "delivered", "")
    assert shop.short("previous_sha", "merge_commit_shas", "source_url") == [
        (None, [], f"https://github.com/{SLUG}/actions/runs/{runs[0]}"),
        (
            shop.story.merge_commit(1),
            [shop.story.merge_commit(2)],
            f"https://github.com/{SLUG}/actions/runs/{runs[1]}",
        ),
    ]
    left = "1 as <code>foreign-repository</code>, 1 as <code>event-not-a-deployment</code>, 1 as"
    left += " <code>branch-not-deployed</code>, 1 as <code>run-not-successful</code>"
    assert f"Left out: {left}." in shop.summary()


def test_the_file_of_a_workflow_names_it_as_well(shop):
    history = shop.history
    history.run(history.workflow(), history.commit())
    assert shop.ended(backfill_source="workflow-runs:deploy.yml") == (0, "delivered", "")
    assert len(shop.lines()) == 1


def test_merged_pull_requests_carry_themselves_and_dx_is_given_their_commit(shop):
    shop.history.commit()
    for method in ("squash", "merge"):
        shop.story.landed(method)
    assert shop.ended(backfill_source="pull-requests") == (0, "delivered", "")
    one, two = shop.story.merge_commit(1), shop.story.merge_commit(2)
    assert shop.short("commit_sha", "attribution", "previous_sha", "commits") == [
        (one, "commit", None, None),
        (two, "commit", None, None),
    ]
    assert [line["pull_requests"] for line in shop.lines()] == [
        [
            {
                "number": number,
                "merge_commit_sha": sha,
                "merged_at": f"2026-06-01T08:0{merged}:00Z",
                "first_commit_at": f"2026-06-01T08:0{merged - 1}:00Z",
            }
        ]
        for number, sha, merged in ((1, one, 2), (2, two, 4))
    ]
    before = shop.told()
    for number in (1, 2):
        assert shop.story.told(shop.story.merge(number)).status == "delivered"
    ids = [body["reference_id"] for body in shop.told()]
    assert ids == [body["reference_id"] for body in before]


def test_pull_requests_into_other_branches_are_left_out(shop):
    shop.history.commit()
    shop.history.branch("next")
    shop.story.landed()
    shop.story.landed(base="next")
    assert shop.ended(backfill_source="pull-requests", branches="next")[1] == "delivered"
    assert shop.short("commit_sha") == [(shop.story.merge_commit(2),)]


def sources_tried(log):
    return [line for line in log.splitlines() if line.startswith("Reading the ")]


READING = [
    f"Reading the {noun} of {SLUG}"
    for noun in ("GitHub deployments", "releases", "merged pull requests")
]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_by_itself_it_takes_the_first_source_that_has_anything_to_report(shop, capsys, number):
    history = shop.history
    history.commit()
    shop.story.landed()
    if number < 3:
        history.tag("v1")
        history.release("v1")
    history.deploy(history.branches["main"], states=("success",) if number == 1 else ("queued",))
    assert shop.ended() == (0, "delivered", "")
    assert sources_tried(capsys.readouterr().out) == READING[:number]
    assert len(shop.lines()) == 1


@pytest.mark.parametrize("source", ["auto", "deployments"])
def test_what_went_elsewhere_is_not_looked_for_in_another_source(shop, capsys, source):
    history = shop.history
    history.commit()
    history.deploy(history.branches["main"], "pr-1")
    history.deploy(history.branches["main"], "staging")
    history.deploy(history.branches["main"], "staging", created_at=START - timedelta(days=30))
    history.tag("v1-rc")
    history.release("v1-rc", prerelease=True)
    only = {"environment_map": "pr-*=", "environment": "production"}
    skipped = (0, "skipped", "nothing-to-backfill")
    assert shop.ended(backfill_source=source, **only) == skipped
    log = capsys.readouterr().out
    assert sources_tried(log) == READING[:1]
    assert (
        f"Nothing to report (nothing-to-backfill)::from 2026-05-31 until 2026-06-03, {SLUG} has"
        " no GitHub deployments to report (left out: 1 as environment-ignored, 1 to 'staging');"
        " name one of these in `environment`, or map them to it by `environment-map`" in log
    )
    found = shop.ended(backfill_source="releases", **only)
    assert found == (0, "delivered", "")  # the prerelease, since an environment is given


def test_all_sources_that_were_tried_are_named(shop, capsys):
    shop.history.commit()
    assert shop.ended() == (0, "skipped", "nothing-to-backfill")
    log = capsys.readouterr().out
    assert sources_tried(log) == READING
    assert (
        f"{SLUG} has no GitHub deployments to report, no releases to report, no merged pull"
        " requests to report" in log
    )


def test_after_nothing_was_found_the_next_run_looks_again(shop):
    history = shop.history
    history.commit()
    assert shop.ended() == (0, "skipped", "nothing-to-backfill")
    history.deploy(history.branches["main"])
    assert shop.ended() == (0, "delivered", "")


def written(shop):
    """Return which of the files for people there are."""
    return {each.name for each in (shop.folder / "dora-backfill").iterdir()} & {*FILES}


def test_the_files_of_another_period_do_not_stay_where_nothing_is_found(shop):
    shop.history.deploy(shop.history.commit())
    assert shop.ended() == (0, "delivered", "")
    assert written(shop) == {*FILES}
    later = {"since": "2026-06-03", "until": "2026-06-04"}
    assert shop.ended(**later) == (0, "skipped", "nothing-to-backfill")
    assert written(shop) == set()


@pytest.mark.parametrize("dry_run", ["true", "false"])
def test_the_files_of_another_period_do_not_stay_where_reading_ends_early(shop, dry_run):
    deployed_thrice(shop)
    assert shop.ended(dry_run=dry_run)[0] == 0
    assert written(shop) == {*FILES}
    shop.story.github.refill(remaining=22)  # the last twenty are not for us
    code, outputs = shop.backfill(since="2026-05-30", dry_run=dry_run)
    assert (code, outputs["results"]) == (0, "[]")
    assert written(shop) == set()


def test_the_files_of_another_period_do_not_stay_where_it_cannot_be_read(shop):
    deployed_thrice(shop)
    assert shop.ended() == (0, "delivered", "")
    shop.story.github.fault = lambda _: (401, {}, b'{"message": "Bad credentials"}')
    assert shop.ended(since="2026-05-30") == (2, "rejected", "bad-configuration")
    assert written(shop) == set()


# --- environments and services


def test_a_given_environment_picks_its_deployments(shop):
    history = shop.history
    one, two = history.commit(), history.commit()
    for commit in (one, two):
        history.deploy(commit, "eu-live")
        history.deploy(commit, "staging")
    _, outputs = shop.backfill(environment="Production", environment_map="*-live=production")
    assert (outputs["status"], outputs["environment"]) == ("delivered", "production")
    assert shop.short("environment", "commit_sha", "previous_sha") == [
        ("production", one, None),
        ("production", two, one),
    ]


def test_environments_are_mapped_and_left_out(shop):
    history = shop.history
    for environment_name in ("eu-live", "pr-7", "PRODUCTION"):
        history.deploy(history.commit(), environment_name)
    shop.ended(environment_map="*-live=live\npr-*=")
    assert shop.short("environment") == [("live",), ("production",)]
    assert "Left out: 1 as <code>environment-ignored</code>." in shop.summary()


def test_transient_environments_are_left_out(shop):
    history = shop.history
    history.deploy(history.commit(), "preview", transient=True)
    history.deploy(history.commit())
    shop.ended()
    assert shop.short("environment") == [("production",)]
    assert "Left out: 1 as <code>transient-environment</code>." in shop.summary()


@pytest.fixture
def mapped(shop):
    """A shop of two services: which of them is deployed, the changed files say."""
    history = shop.history
    history.commit()
    history.deploy(history.branches["main"])
    shop.story.landed("squash", "checkout/a.txt")
    shop.story.landed("squash", "search/a.txt")
    history.deploy(history.branches["main"])
    shop.story.landed("squash", "search/b.txt")
    history.commit("main", {"checkout/direct.txt": "pushed\n"})
    history.deploy(history.branches["main"])
    shop.story.landed("squash", "docs/a.txt")
    history.deploy(history.branches["main"])
    return shop


MAPPED = [
    ("checkout", []),
    ("search", []),
    ("checkout", [1]),
    ("search", [2]),
    ("checkout", []),
    ("search", [3]),
]


def numbers(shop):
    return [
        (line["service"], [pull["number"] for pull in line["pull_requests"]])
        for line in shop.lines()
    ]


def test_services_are_deployed_by_their_paths_as_the_file_of_the_workspace_says(mapped):
    (mapped.folder / ".github").mkdir()
    (mapped.folder / ".github" / "dora.yml").write_text(CONFIG, "utf-8")
    code, outputs = mapped.backfill()
    assert (code, outputs["status"]) == (0, "delivered")
    assert outputs["services"] == '["checkout","search"]'
    assert numbers(mapped) == MAPPED
    assert "Left out: 1 as <code>no-service-touched</code>." in mapped.summary()
    assert not [each for each in mapped.asked() if "contents" in each]


def test_services_are_deployed_by_their_paths_as_the_file_of_the_default_branch_says(mapped):
    mapped.history.commit("main", {".github/dora.yml": CONFIG})
    assert mapped.ended() == (0, "delivered", "")
    assert numbers(mapped) == MAPPED
    assert len([each for each in mapped.asked() if "contents" in each]) == 1


def test_the_workspace_of_another_repository_maps_nothing(mapped):
    (mapped.folder / ".github").mkdir()
    (mapped.folder / ".github" / "dora.yml").write_text(CONFIG, "utf-8")
    variables = {"GITHUB_REPOSITORY": "acme/deployments"}
    assert mapped.ended(variables, repository=SLUG) == (0, "delivered", "")
    assert {service for service, _ in numbers(mapped)} == {"shop"}


def test_a_file_that_is_named_is_of_the_workspace_whatever_the_repository(mapped):
    (mapped.folder / "services.yml").write_text(CONFIG, "utf-8")
    variables = {"GITHUB_REPOSITORY": "acme/deployments"}
    given = {"repository": SLUG, "config_file": "services.yml"}
    assert mapped.ended(variables, **given) == (0, "delivered", "")
    assert numbers(mapped) == MAPPED


@pytest.mark.parametrize("event", ["pull_request_target", "workflow_run"])
def test_where_the_workspace_may_be_a_strangers_its_file_is_not_read(mapped, event):
    (mapped.folder / ".github").mkdir()
    (mapped.folder / ".github" / "dora.yml").write_text(CONFIG, "utf-8")
    assert mapped.ended({"GITHUB_EVENT_NAME": event}) == (0, "delivered", "")
    assert {service for service, _ in numbers(mapped)} == {"shop"}


# --- backends


def test_datadog_is_not_told_of_failures_and_has_a_second_between_deployments(shop):
    history = shop.history
    commits = [history.commit() for _ in range(3)]
    for commit, state in zip(commits, ("success", "success", "failure"), strict=True):
        history.deploy(commit, created_at=START, states=(state,))
    with Datadog(api_key=API_KEY) as datadog:
        given = {"datadog_api_key": API_KEY, "datadog_site": datadog.url}
        code, outputs = shop.backfill(dx_token="", dx_instance="", **given)
        finishes = [
            received.json["data"]["attributes"]["finished_at"] for received in datadog.received
        ]
    assert (code, outputs["status"]) == (0, "delivered")
    assert finishes[1] - finishes[0] == 1_000_000_000
    assert [each["status"] for each in json.loads(outputs["results"])] == ["delivered", "skipped"]
    assert [line["finished_at"] for line in shop.lines()] == ["2026-06-01T08:01:00Z"] * 3


def test_where_no_backend_can_be_told_nothing_is_sent(shop):
    shop.history.deploy(shop.history.commit(), states=("failure",))
    given = {"datadog_api_key": API_KEY, "datadog_site": "http://127.0.0.1:1"}
    assert shop.ended(dx_token="", dx_instance="", **given) == (
        0,
        "skipped",
        "outcome-not-supported",
    )


def test_a_dry_run_writes_the_files_and_sends_nothing(shop):
    deployed_thrice(shop)
    code, outputs = shop.backfill(dry_run="true", dx_token="", dx_instance="")
    assert (code, outputs["status"], outputs["results"]) == (0, "dry-run", "[]")
    assert (len(shop.lines()), len(shop.rows())) == (4, 4)
    assert shop.told() == []


def test_a_real_run_after_a_dry_one_sends(shop):
    deployed_thrice(shop)
    assert shop.ended(dry_run="true") == (0, "dry-run", "")
    assert shop.ended() == (0, "delivered", "")
    assert len(shop.told()) == 4


def test_without_a_backend_it_is_a_bad_configuration(shop):
    shop.history.commit()
    assert shop.ended(dx_token="", dx_instance="") == (2, "rejected", "bad-configuration")
    assert shop.asked() == []


# --- going on


def test_a_finished_run_that_is_started_again_sends_only_what_is_new(shop):
    deployed_thrice(shop)
    assert shop.ended() == (0, "delivered", "")
    assert len(shop.told()) == 4
    shop.asked()
    new = shop.history.deploy(shop.history.branches["main"])
    assert shop.ended() == (0, "delivered", "")
    assert len(shop.lines()) == 5
    assert [body["deployed_at"] for body in shop.told()] == [
        iso(shop.history.deployments[new].statuses[1].created_at)
    ]
    assert shop.asked() != []


def test_what_was_sent_under_another_plan_is_not_sent_again(shop):
    deployed_thrice(shop)
    assert shop.ended(until="2026-06-02") == (0, "delivered", "")
    shop.told()
    assert shop.ended(until="2026-06-03") == (0, "delivered", "")
    assert shop.told() == []


def test_a_run_that_stopped_in_its_reading_goes_on_there(shop, capsys):
    deployed_thrice(shop)
    shop.story.github.refill(remaining=22)  # the last twenty are not for us
    code, outputs = shop.backfill()
    assert (code, outputs["status"], outputs["results"]) == (0, "undelivered", "[]")
    first = shop.asked()
    assert first
    log = capsys.readouterr().out
    assert "::warning title=Deployment report::not all history was read: " in log
    assert log.splitlines()[-1] == (
        "Run this again with the same inputs: it goes on where it stopped"
    )
    assert shop.told() == []
    shop.story.github.refill()
    assert shop.ended() == (0, "delivered", "")
    assert len(shop.told()) == 4
    assert not {*first} & {*shop.asked()} - {"POST /graphql", CONTENTS}
    assert (
        "\nGoing on with an earlier run, of the time from 2026-05-31 00:00 to 2026-06-03 00:00"
        " UTC\n" in capsys.readouterr().out
    )


def test_a_run_that_is_cut_short_fails_the_step_only_where_all_failures_do(shop):
    deployed_thrice(shop)
    shop.story.github.refill(remaining=22)
    assert shop.ended(fail_on="any") == (1, "undelivered", "")


def test_the_period_of_an_interrupted_run_is_kept(shop):
    history = shop.history
    history.deploy(history.commit())
    job, result = job_of(shop, lambda text: text.startswith("Reading the "), until="")
    backfill(job, result)
    assert (result.until, result.resumed, result.metrics) == (NOW, False, None)
    # A day later, what is meant by now and by so many days ago is another moment.
    history.deploy(history.commit(), created_at=NOW + timedelta(hours=1))
    job, result = job_of(shop, until="")
    since, until = job.inputs.since, NOW + timedelta(days=1)
    later = replace(job.inputs, since=since + timedelta(days=30), until=until)
    backfill(replace(job, inputs=later, now=until), result)
    assert (result.since, result.until, result.resumed) == (since, NOW, True)
    assert len(shop.lines()) == 1


def test_what_a_backend_did_not_take_is_sent_by_the_next_run_without_asking_github(shop, capsys):
    deployed_thrice(shop)
    with Faulty(receivers.answer(503)) as down:
        code, outputs = shop.backfill(pace=ONCE, dx_instance=down.url)
        sent = len(down.requests)
    results = [(each["status"], each["attempts"]) for each in json.loads(outputs["results"])]
    assert (code, outputs["status"]) == (0, "undelivered")
    assert results == [("undelivered", 0), ("undelivered", 1)]
    assert sent == 1  # after which it stops, to keep the order
    log = capsys.readouterr().out
    assert "::warning title=Deployment report::4 reports to DX left to send: " in log
    assert outputs["undelivered-path"] == ""
    assert not (shop.folder / "dora-undelivered").exists()
    shop.asked()
    assert shop.ended(pace=ONCE, dx_instance=down.url)[1] == "undelivered"
    assert shop.asked() == []
    assert "by an earlier run" in shop.summary()


def test_only_what_is_left_is_sent(shop):
    deployed_thrice(shop)
    one_by_one = iter([200, 503])

    def some(connection, request):
        status = next(one_by_one)
        body = {"ok": True} if status == 200 else b""
        receivers.answer(status, body)(connection, request)

    with Faulty(some) as down:
        assert shop.ended(pace=ONCE, dx_instance=down.url) == (0, "partial", "")
        shop.asked()
        (state,) = (shop.folder / "dora-backfill").glob(FILE)
        assert state.is_file()
        one_by_one = iter([200, 200, 200])
        assert shop.ended(pace=ONCE, dx_instance=down.url) == (0, "delivered", "")
        bodies = [json.loads(each.partition(b"\r\n\r\n")[2]) for each in down.requests]
    ids = [line["id"] for line in shop.lines()]
    assert [body["reference_id"] for body in bodies] == [*ids[:2], *ids[1:]]
    assert shop.asked() == []


def test_files_that_were_removed_are_written_again_from_what_was_read(shop):
    deployed_thrice(shop)
    with Faulty(receivers.answer(503)) as down:
        shop.ended(pace=ONCE, dx_instance=down.url)
        before = shop.lines()
        (shop.folder / "dora-backfill" / "deployments.csv").unlink()
        (shop.folder / "dora-backfill" / "deployments.jsonl").unlink()
        shop.asked()
        shop.ended(pace=ONCE, dx_instance=down.url)
    assert shop.lines() == before
    assert len(shop.rows()) == 4
    assert shop.asked() == [CONTENTS]


LOST = (
    "::warning title=Deployment report::how reports to DX ended does not count, since an earlier"
    " run that kept it had another key, site or instance (or somebody else wrote it): all are sent"
    " again, under the same ids"
)


def test_other_keys_make_the_state_of_no_use(shop, capsys):
    deployed_thrice(shop)
    with Faulty(receivers.answer(503)) as down:
        shop.ended(pace=ONCE, dx_instance=down.url)
        capsys.readouterr()
        shop.ended(pace=ONCE, dx_instance=down.url, dx_token="another-token-0123456789")
    assert LOST in capsys.readouterr().out


def test_another_backend_makes_only_what_was_read_of_no_use(shop, capsys):
    deployed_thrice(shop)
    assert shop.ended(dry_run="true", dx_token="", dx_instance="") == (0, "dry-run", "")
    assert shop.ended() == (0, "delivered", "")
    log = capsys.readouterr().out
    assert "\nWhat an earlier run read does not count: with other keys it is read again\n" in log
    assert " ended does not count, " not in log


def test_what_one_instance_has_another_has_not(shop, capsys):
    deployed_thrice(shop)
    assert shop.ended() == (0, "delivered", "")
    with receivers.Dx(token=DX_TOKEN) as other:
        assert shop.ended(dx_instance=f"{other.url}/api") == (0, "delivered", "")
        assert len(other.received) == 4
    assert LOST in capsys.readouterr().out


def test_with_another_file_of_the_workspace_nothing_is_sent_that_the_first_one_said(mapped):
    (mapped.folder / ".github").mkdir()
    file = mapped.folder / ".github" / "dora.yml"
    file.write_text(CONFIG, "utf-8")
    down, good = receivers.answer(503), receivers.answer(200, {"ok": True})
    with Faulty(down, down, down, good) as server:
        assert mapped.ended(pace=ONCE, dx_instance=server.url)[1] == "undelivered"
        file.write_text(CONFIG.replace("search:", "finder:"), "utf-8")
        assert mapped.ended(dx_instance=server.url) == (0, "delivered", "")
        bodies = [json.loads(each.partition(b"\r\n\r\n")[2]) for each in server.requests[3:]]
    assert {service for service, _ in numbers(mapped)} == {"checkout", "finder"}
    ids = [line["id"] for line in mapped.lines()]
    assert [body["reference_id"] for body in bodies] == ids
    assert len(ids) == 6


def test_a_dry_run_without_keys_takes_no_state_of_somebody_else(shop, capsys):
    """What is signed with no key at all, anybody may have written."""
    deployed_thrice(shop)
    given = {"dry_run": "true", "dx_token": "", "dx_instance": ""}
    assert shop.ended(**given, github_token="of-a-stranger") == (2, "rejected", "bad-configuration")
    capsys.readouterr()
    assert shop.ended(**given) == (0, "dry-run", "")
    log = capsys.readouterr().out
    assert "\nWhat an earlier run read does not count: with other keys it is read again\n" in log
    assert "Going on with an earlier run" not in log


def test_a_dry_run_without_any_key_is_refused(shop):
    given = {"dry_run": "true", "dx_token": "", "dx_instance": "", "github_token": ""}
    assert shop.ended(**given) == (2, "rejected", "bad-configuration")


def test_a_dry_run_without_keys_forgets_nothing_that_was_sent(shop):
    deployed_thrice(shop)
    assert shop.ended() == (0, "delivered", "")
    assert shop.ended(dry_run="true", dx_token="", dx_instance="") == (0, "dry-run", "")
    shop.told()
    assert shop.ended() == (0, "delivered", "")
    assert shop.told() == []


def test_a_dry_run_without_keys_goes_on_where_one_with_the_same_token_stopped(shop):
    deployed_thrice(shop)
    given = {"dry_run": "true", "dx_token": "", "dx_instance": ""}
    shop.story.github.refill(remaining=22)
    assert shop.ended(**given) == (0, "undelivered", "")
    first = shop.asked()
    shop.story.github.refill()
    assert shop.ended(**given) == (0, "dry-run", "")
    assert not {*first} & {*shop.asked()} - {"POST /graphql", CONTENTS}


FILES = ("deployments.csv", "deployments.jsonl")


def planted(file, kind):
    """Put something in the place of `file` that cannot be read to its end."""
    file.parent.mkdir(exist_ok=True)
    file.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(file)
    else:
        file.symlink_to("/dev/zero")


@posix_only
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", ["pipe", "endless"])
def test_files_that_somebody_planted_are_replaced_and_not_read(shop, name, kind):
    deployed_thrice(shop)
    file = shop.folder / "dora-backfill" / name
    planted(file, kind)
    with Faulty(receivers.answer(503)) as down:
        assert shop.ended(pace=ONCE, dx_instance=down.url) == (0, "undelivered", "")
        written = file.read_bytes()
        planted(file, kind)
        assert shop.ended(pace=ONCE, dx_instance=down.url) == (0, "undelivered", "")
    assert not file.is_symlink()
    assert file.read_bytes() == written


def test_a_dry_run_leaves_what_another_one_has_to_send(shop):
    deployed_thrice(shop)
    with Faulty(receivers.answer(503)) as down:
        shop.ended(pace=ONCE, dx_instance=down.url)
        code, outputs = shop.backfill(pace=ONCE, dx_instance=down.url, dry_run="true")
        assert (code, outputs["status"], outputs["results"]) == (0, "dry-run", "[]")
        code, outputs = shop.backfill(pace=ONCE, dx_instance=down.url)
    results = json.loads(outputs["results"])
    assert [(each["message"][:9], each["attempts"]) for each in results] == [
        ("2 reports", 0),
        ("2 reports", 2),
    ]


@posix_only
@pytest.mark.parametrize("after", range(0, 120_000, 10_000))
def test_a_disk_that_is_full_at_any_time_is_a_bad_input(shop, after):
    deployed_thrice(shop)
    job, result = job_of(shop)
    with full_disk(after=after), suppress(InputError):
        backfill(job, result)


# --- what has to be mended


def last_error(log):
    return [line for line in log.splitlines() if line.startswith("::error ")][-1]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"github_token": "wrong"}, "the past cannot be read: "),
        ({"repository": "acme/unknown"}, "the past cannot be read: "),
        ({"github_token": ""}, "`github-token` is empty, without which the past cannot be read; "),
        ({"backfill_source": "workflow-runs:Ship"}, "the past cannot be read: no workflow is "),
    ],
)
def test_what_the_workflows_author_must_mend_ends_the_run(shop, capsys, given, why):
    deployed_thrice(shop)
    assert shop.ended(**given) == (2, "rejected", "bad-configuration")
    assert f"::error title=Bad configuration::{why}" in last_error(capsys.readouterr().out)
    assert shop.told() == []


@pytest.mark.parametrize("missing", ["contents", "deployments"])
def test_a_missing_permission_is_named(tmp_path, capsys, missing):
    permissions = {"contents", "deployments", "pull-requests"} - {missing}
    with story(tmp_path, permissions=permissions) as told:
        shop = Shop(story=told, folder=tmp_path)
        deployed_thrice(shop)
        assert shop.ended() == (2, "rejected", "bad-configuration")
    assert f"`{missing}: read`" in last_error(capsys.readouterr().out)


def test_a_repository_is_told_by_its_name_of_today(tmp_path):
    with story(tmp_path, former="acme/store") as told:
        shop = Shop(story=told, folder=tmp_path)
        deployed_thrice(shop)
        variables = {"GITHUB_REPOSITORY": "acme/deployments"}
        code, outputs = shop.backfill(variables, repository="acme/store")
        assert (code, outputs["status"]) == (0, "delivered")
        former = {body["reference_id"] for body in shop.told()}
        assert {repository for (repository,) in shop.short("repository")} == {SLUG}
        (shop.folder / "dora-backfill" / FILE).unlink()
        assert shop.ended() == (0, "delivered", "")
        assert {body["reference_id"] for body in shop.told()} == former


def test_a_repository_without_commits_has_nothing_to_report(shop, capsys):
    assert shop.ended() == (0, "skipped", "nothing-to-backfill")
    assert f"(nothing-to-backfill)::{SLUG} has no commits. " in capsys.readouterr().out


def test_without_any_repository_there_is_nothing_to_read(shop, capsys):
    assert shop.ended({"GITHUB_REPOSITORY": ""}) == (2, "rejected", "bad-configuration")
    assert last_error(capsys.readouterr().out).startswith(
        "::error title=Bad configuration::GITHUB_REPOSITORY names no repository; set `repository`."
    )


def test_a_secret_in_what_github_says_is_not_passed_on(shop, capsys):
    history = shop.history
    history.deploy(history.commit(), f"live-{DX_TOKEN}")
    assert shop.ended() == (2, "rejected", "bad-event")
    log = capsys.readouterr().out
    assert "::error title=Bad event::what GitHub remembers holds the secret of an input" in log
    assert DX_TOKEN not in log.replace(f"::add-mask::{DX_TOKEN}", "")
    assert shop.told() == []
    assert [each.name for each in (shop.folder / "dora-backfill").glob("deployments*")] == []


@pytest.mark.parametrize("path", ["../elsewhere", "taken"])
def test_an_output_path_that_cannot_be_used_is_a_bad_input(shop, capsys, path):
    (shop.folder / "taken").write_text("in the way", "utf-8")
    assert shop.ended(output_path=path) == (2, "rejected", "bad-input")
    assert "::error title=Bad input::`output-path` " in last_error(capsys.readouterr().out)
    assert shop.asked() == []


def test_a_state_that_is_none_is_a_bad_input(shop, capsys):
    (shop.folder / "dora-backfill").mkdir()
    (shop.folder / "dora-backfill" / FILE).write_bytes(b"no database at all" * 100)
    assert shop.ended() == (2, "rejected", "bad-input")
    assert f"::error title=Bad input::`output-path` holds {FILE}, which " in (
        last_error(capsys.readouterr().out)
    )


@pytest.mark.parametrize("event", ["pull_request_target", "workflow_run"])
def test_where_the_workspace_may_be_a_strangers_a_state_is_not_taken(shop, capsys, event):
    deployed_thrice(shop)
    assert shop.ended() == (0, "delivered", "")
    assert shop.ended({"GITHUB_EVENT_NAME": event}) == (2, "rejected", "bad-input")
    assert "::error title=Bad input::`output-path` has the state of an earlier run" in (
        last_error(capsys.readouterr().out)
    )


# --- when the time is up


def test_when_the_time_is_up_in_reading_all_that_was_read_is_kept(shop):
    deployed_thrice(shop)
    job, result = job_of(shop, lambda text: text.startswith("Reading the "))
    backfill(job, result)
    assert result.unfinished == note(
        f"not all history was read: {BACKFILL_TIME.sentence}", BACKFILL_TIME
    )
    assert (result.metrics, result.tallies, result.deployments) == (None, (), 0)
    first = shop.asked()
    assert len(first) == 3
    assert shop.ended() == (0, "delivered", "")
    assert not {*first} & {*shop.asked()} - {CONTENTS}


def test_a_run_whose_time_was_up_in_deriving_goes_on_there(shop):
    deployed_thrice(shop)
    job, result = job_of(shop, lambda text: text.startswith('{"id"'))
    backfill(job, result)
    assert result.unfinished == note(
        f"not all history was read: {BACKFILL_TIME.sentence}", BACKFILL_TIME
    )
    assert (result.metrics, result.repository) == (None, SLUG)
    assert not (shop.folder / "dora-backfill" / "deployments.csv").exists()
    assert shop.told() == []
    shop.asked()
    assert shop.ended() == (0, "delivered", "")
    assert len(shop.told()) == len(shop.lines()) == 4
    assert shop.asked() == [CONTENTS]


def test_when_the_time_is_up_in_sending_the_rest_waits(shop):
    deployed_thrice(shop)
    with Faulty(receivers.answer(503)) as down:
        shop.ended(pace=ONCE, dx_instance=down.url)
        job, result = job_of(shop, lambda text: text.startswith("Going on "), dx_instance=down.url)
        backfill(job, result)
    assert result.unfinished == note(
        f"4 reports to DX left to send: {BACKFILL_TIME.sentence}", BACKFILL_TIME
    )
    assert (result.resumed, result.deployments, result.requests) == (True, 4, 0)
    assert result.metrics is not None


def test_one_report_that_is_left_is_one(shop):
    shop.history.deploy(shop.history.commit())
    with Faulty(receivers.answer(503)) as down:
        job, result = job_of(shop, lambda _: False, dx_instance=down.url)
        backfill(job, result)
    assert result.unfinished == note(
        f"1 report to DX left to send: {BACKFILL_STOPPED.sentence}", BACKFILL_STOPPED
    )
    assert (result.environments, result.services) == (("production",), ("shop",))
    assert (result.source, result.left_out) == ("GitHub deployments", {})


def broken_by(error):
    def provide():
        raise error

    return provide


def refusal(job, result):
    with pytest.raises(InputError) as caught:
        backfill(job, result)
    return caught.value


def test_a_state_that_breaks_on_the_way_is_a_bad_input(shop):
    job, result = job_of(shop)
    error = refusal(replace(job, provide=broken_by(StateError("is damaged"))), result)
    assert (error.problems, error.topic) == (("`output-path` is damaged",), BACKFILL_STATE)
    assert result.tallies == ()


def test_files_that_cannot_be_written_on_the_way_are_a_bad_input(shop):
    shop.history.deploy(shop.history.commit())
    (shop.folder / "dora-backfill").mkdir()
    (shop.folder / "dora-backfill" / "deployments.csv").mkdir()
    error = refusal(*job_of(shop))
    (problem,) = error.problems
    assert problem.startswith("`output-path` cannot be written: ")
    assert error.topic == OUTPUT_PATH


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
            "cannot be written: No space left on device; make room on that disk",
        ),
        (
            OSError(errno.EROFS, os.strerror(errno.EROFS)),
            "cannot be written: Read-only file system; mount it so that the step can write there",
        ),
        (
            OSError(errno.EACCES, os.strerror(errno.EACCES)),
            "cannot be written: Permission denied; let the step's user write there",
        ),
        (StateUnwritableError("holds a state"), "holds a state"),
    ],
)
@posix_only
def test_a_disk_that_lets_nobody_write_leaves_the_rest_to_another_run(shop, error, words):
    job, result = job_of(shop)
    backfill(replace(job, provide=broken_by(error)), result)
    assert result.unfinished == note(f"`output-path` {words}", OUTPUT_PATH)
    assert (result.tallies, result.metrics, result.stopped) == ((), None, OUTPUT_PATH)


@posix_only
def test_a_folder_that_cannot_be_made_whole_leaves_all_to_another_run(shop):
    job, result = job_of(shop)
    with full_disk(after=0):
        backfill(job, result)
    assert result.unfinished == note(
        "`output-path` cannot be written: File too large; raise the limit of that user on the"
        " size of files",
        OUTPUT_PATH,
    )


@contextmanager
def tiny_disk(folder, options):
    """Mount a file system in memory at `folder`, where that is allowed."""
    mount = ["mount", "-t", "tmpfs", "-o", options, "none", folder]
    if not shutil.which("mount") or subprocess.run(mount, check=False).returncode:
        pytest.skip("nothing may be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


@posix_only
@pytest.mark.fault(101)
@pytest.mark.parametrize(
    ("options", "fail_on"),
    [
        ("ro", "config"),
        ("nr_inodes=1", "any"),
        ("nr_inodes=3", "config"),
        *((f"size={size}k", "any") for size in (4, 40, 100, 148, 172, 204, 220, 244, 252)),
    ],
)
def test_a_disk_that_is_full_is_no_mistake_of_the_user_and_loses_nothing(shop, options, fail_on):
    deployed_thrice(shop)
    folder = shop.folder / "dora-backfill"
    folder.mkdir()
    with tiny_disk(folder, options):
        code, outputs = shop.backfill(fail_on=fail_on)
        told = {each["reference_id"]: each for each in shop.told()}
    known = [each["status"] for each in json.loads(outputs["results"])]

    # Either all was sent, or it says that something was not.
    assert (outputs["reason"], set(known) - {"delivered", "undelivered"}) == ("", set())
    assert outputs["status"] in {"undelivered", "partial", "delivered"}
    assert code == int(fail_on == "any" and outputs["status"] != "delivered")
    assert len(told) == 4 or outputs["status"] != "delivered"
    assert "output-path" in shop.summary()

    assert shop.ended() == (0, "delivered", "")
    again = {each["reference_id"]: each for each in shop.told()}
    assert len({**told, **again}) == 4
    assert all(again[each] == told[each] for each in told if each in again)


@posix_only
@pytest.mark.fault(101)
def test_a_full_disk_leaves_no_files_of_another_period(shop):
    deployed_thrice(shop)
    folder = shop.folder / "dora-backfill"
    folder.mkdir()
    with tiny_disk(folder, "size=1m"):
        assert shop.ended() == (0, "delivered", "")
        assert len(shop.rows()) == 4
        with suppress(OSError), (folder / "full").open("wb", buffering=0) as full:
            while full.write(bytes(4096)):
                pass
        assert shop.ended(since="2026-06-01", until="2026-06-02") == (0, "undelivered", "")
        assert {file.name for file in folder.glob("deployments.*")} == set()


def test_what_github_cannot_be_asked_in_deriving_ends_it(mapped):
    (mapped.folder / ".github").mkdir()
    (mapped.folder / ".github" / "dora.yml").write_text(CONFIG, "utf-8")
    job, result = job_of(mapped)
    job = replace(job, file=CONFIG.encode())

    def fault(asked):
        if "/compare/" not in asked.path:
            return None
        job.budget.rung.set()
        return 502, {}, b""

    mapped.story.github.fault = fault
    backfill(job, result)
    assert result.unfinished == note(
        f"not all history was read: {BACKFILL_TIME.sentence}", BACKFILL_TIME
    )
    assert result.metrics is None


# --- what is told on the way


def seconds():
    """Return a clock that runs ten seconds between two looks at it."""
    return itertools.count(step=10).__next__


def test_the_log_says_now_and_then_how_far_it_has_come(shop):
    deployed_thrice(shop)
    heard = []
    # So that what is read is half as long ago as that down to which it is read.
    job, result = job_of(shop, heard=heard, since="2026-05-18T04:00:00Z")
    backfill(replace(job, clock=seconds()), result)
    assert heard == [
        f"Reading the GitHub deployments of {SLUG}",
        "Read GitHub deployments: 1 of 2 (estimated), 6.0 a minute, about 10 s left",
        "Read GitHub deployments: 2 of 4 (estimated), 6.0 a minute, about 20 s left",
        "Read GitHub deployments: 3 of 6 (estimated), 6.0 a minute, about 30 s left",
        "Read GitHub deployments: 4 of 8 (estimated), 6.0 a minute, about 40 s left",
        "Read commits: 7, 42.0 a minute",
        "Read merged pull requests: 1 of 1 (estimated), 6.0 a minute, about 0 s left",
        "Read merged pull requests: 2 of 2 (estimated), 6.0 a minute, about 0 s left",
        "Read merged pull requests: 3 of 3 (estimated), 6.0 a minute, about 0 s left",
        "Worked out 1 of 4, 6.0 a minute, about 30 s left",
        "Worked out 2 of 4, 6.0 a minute, about 20 s left",
        "Worked out 3 of 4, 6.0 a minute, about 10 s left",
        "Worked out 4 of 4, 6.0 a minute, about 0 s left",
    ]


@pytest.mark.parametrize(("bad", "told"), [(1, "1 deployment"), (2, "2 deployments")])
def test_what_could_not_be_reported_is_a_warning(shop, bad, told):
    history = shop.history
    for _ in range(bad):
        history.deploy(history.commit(), "bad\nname")
    history.deploy(history.commit())
    warned = []
    job, result = job_of(shop)
    backfill(replace(job, warn=warned.extend), result)
    minute = 3 if bad == 1 else 5  # the newest is read first
    why = "deployment_status.environment has a line break or another control character"
    assert warned == [
        note(
            f"{told} could not be reported, the first of 2026-06-01 08:0{minute} UTC: {why};"
            " set `environment`",
            BACKFILL_LEFT_OUT,
        )
    ]
    assert result.left_out == {"bad-event": bad}


def test_when_the_time_is_up_between_two_reports_no_backend_is_to_blame(shop):
    deployed_thrice(shop)
    job, result = job_of(shop)
    (backend,) = job.told
    slow = replace(backend, limits=Limits(requests_per_minute=1))  # and there is less than a minute
    backfill(replace(job, told=(slow,)), result)
    assert result.unfinished == note(
        f"3 reports to DX left to send: {BACKFILL_TIME.sentence}", BACKFILL_TIME
    )
    assert result.stopped == BACKFILL_TIME
    assert len(shop.told()) == 1


def test_no_key_is_in_the_folder_whoever_says_it(shop):
    history = shop.history
    history.deploy(history.commit())

    def echo(connection, request):
        receivers.answer(400, {"ok": False, "error": f"no {DX_TOKEN}"})(connection, request)

    with Faulty(echo) as server:
        assert shop.ended(dx_instance=server.url) == (1, "rejected", "")
    history.deploy(history.commit(), f"live-{DX_TOKEN}", states=("queued",))
    assert shop.ended() == (2, "rejected", "bad-event")
    for file in (shop.folder / "dora-backfill").iterdir():
        assert DX_TOKEN.encode() not in file.read_bytes()
        assert DX_TOKEN not in str(inflated(file))


def test_a_dry_run_warns_of_what_the_backends_doubt(shop):
    deployed_thrice(shop)
    warned = []
    given = {"datadog_api_key": API_KEY, "datadog_site": "http://127.0.0.1:1", "service": "a b"}
    job, result = job_of(shop, dx_token="", dx_instance="", dry_run="true", **given)
    backfill(replace(job, warn=warned.extend), result)
    assert [each.page.rpartition("#")[2] for each in warned] == ["old-past", "service-name"]
    assert (result.unfinished, result.tallies) == (None, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusing(Dx):
    """A DX whose rules every body breaks."""

    def requests(self, deployment):
        raise InputError(f"no {deployment.environment}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusingToo(Refusing):
    """Another one."""

    name: str = "DX too"


def inflated(file):
    """Return what a state keeps compressed."""
    if file.name != FILE:
        return []
    with closing(sqlite3.connect(file)) as connection:
        values = connection.execute("SELECT value FROM facts WHERE kind = 'page'").fetchall()
    return [zlib.decompress(value) for (value,) in values]


def test_what_a_backend_refuses_beforehand_is_rejected_and_a_warning(shop):
    deployed_thrice(shop)
    warned = []
    job, result = job_of(shop)
    told = tuple(kind(url="http://127.0.0.1:1", token=DX_TOKEN) for kind in (Refusing, RefusingToo))
    backfill(replace(job, told=told, warn=warned.extend), result)
    assert warned == [
        note(
            "4 deployments could not be reported, the first of 2026-06-01 08:03 UTC: no production",
            BACKFILL_LEFT_OUT,
        )
    ]
    assert [(each.status, each.count, each.topic) for each in result.tallies] == [
        ("rejected", 4, BODY_REFUSED)
    ] * 2
    assert (result.unfinished, result.deployments) == (None, 4)


def test_a_dry_run_warns_of_what_a_backend_would_refuse(shop):
    deployed_thrice(shop)
    warned = []
    job, result = job_of(shop, dry_run="true")
    told = (Refusing(url="http://127.0.0.1:1", token=DX_TOKEN),)
    backfill(replace(job, told=told, warn=warned.extend), result)
    assert [each.text.partition(",")[0] for each in warned] == [
        "4 deployments could not be reported"
    ]
    assert (result.tallies, result.unfinished) == ((), None)


def test_a_backends_doubts_are_told_once(shop):
    deployed_thrice(shop)
    warned = []
    with Datadog(api_key=API_KEY) as datadog:
        given = {"datadog_api_key": API_KEY, "datadog_site": datadog.url}
        job, result = job_of(shop, dx_token="", dx_instance="", service="a\nB", **given)
        backfill(replace(job, warn=warned.extend), result)
        told = [each.json["data"]["attributes"]["service"] for each in datadog.received]
    assert [each.page.rpartition("#")[2] for each in warned] == ["old-past", "service-name"]
    assert told == ["a", "B"] * 3


# --- a state that somebody changed


def edited(shop, statement):
    """Let somebody change the state that a run left."""
    with closing(sqlite3.connect(shop.folder / "dora-backfill" / FILE)) as connection:
        connection.execute(statement)
        connection.commit()


@pytest.mark.parametrize(
    ("statement", "missing"),
    [
        ("DELETE FROM outbox", 4),
        ("DELETE FROM outbox WHERE place = 2", 1),
        ("UPDATE outbox SET body = CAST(X'7A' || substr(body, 2) AS BLOB) WHERE place = 2", 1),
        ("UPDATE outbox SET status = 'delivered' WHERE place = 2", 1),
        ("UPDATE outbox SET status = 'skipped' WHERE place > 1", 2),
        ("UPDATE outbox SET run = 'another' WHERE place = 0", 1),
        ("UPDATE outbox SET backend = 'Datadog' WHERE place = 0", 1),
        ("UPDATE outbox SET id = 'another' WHERE place = 0", 1),
        ("UPDATE outbox SET method = '' WHERE place = 0", 1),
        ("UPDATE outbox SET mac = 'text' WHERE place = 0", 1),
    ],
)
def test_reports_that_are_missing_from_the_state_are_derived_and_sent_again(
    shop, capsys, statement, missing
):
    deployed_thrice(shop)
    with Faulty(receivers.answer(503)) as down:
        # The receiver has another address, and so other keys: it is stopped, not replaced.
        assert shop.ended(pace=ONCE, dx_instance=down.url) == (0, "undelivered", "")
        edited(shop, statement)
        capsys.readouterr()
        shop.asked()
        down.requests.clear()
        code, outputs = shop.backfill(pace=ONCE, dx_instance=down.url, fail_on="any")
    assert (code, outputs["status"]) == (1, "undelivered")
    assert sum(int(each["message"].split()[0]) for each in json.loads(outputs["results"])) == 4
    assert shop.asked() == [CONTENTS]
    reports = "1 report" if missing == 1 else f"{missing} reports"
    assert (
        f"::warning title=Deployment report::{reports} to DX missing from the state, which somebody"
        " changed or which is damaged, so what was read is worked out again. "
        in capsys.readouterr().out
    )


def test_a_run_is_green_only_once_what_was_missing_is_sent(shop):
    deployed_thrice(shop)
    statuses = iter([200, 200, 503])

    def some(connection, request):
        status = next(statuses, 200)
        receivers.answer(status, {"ok": True} if status == 200 else b"")(connection, request)

    with Faulty(some) as dx:
        assert shop.ended(pace=ONCE, dx_instance=dx.url, fail_on="any") == (1, "partial", "")
        edited(shop, "DELETE FROM outbox WHERE status NOT IN ('delivered', 'duplicate')")
        assert shop.ended(pace=ONCE, dx_instance=dx.url, fail_on="any") == (0, "delivered", "")
        bodies = [json.loads(each.partition(b"\r\n\r\n")[2]) for each in dx.requests]
    assert {each["reference_id"] for each in bodies} == {line["id"] for line in shop.lines()}


def test_a_report_of_one_backend_is_not_taken_for_that_of_another(shop):
    deployed_thrice(shop)
    with Faulty(receivers.answer(503)) as down:
        given = {"dx_instance": down.url, "datadog_api_key": "0" * 32, "datadog_site": down.url}
        assert shop.ended(pace=ONCE, **given) == (0, "undelivered", "")
        edited(shop, "DELETE FROM outbox WHERE backend = 'Datadog'")
        _, outputs = shop.backfill(pace=ONCE, **given)
    numbers = {}
    for each in json.loads(outputs["results"]):
        number = int(each["message"].split()[0])
        numbers[each["backend"]] = numbers.get(each["backend"], 0) + number
    assert numbers == {"datadog": 4, "dx": 4}


def test_files_that_change_while_reports_are_sent_make_no_green_run(shop, capsys):
    deployed_thrice(shop)
    file = shop.folder / "dora-backfill" / "deployments.jsonl"

    def changing(connection, request):
        with file.open("a", encoding="utf-8") as lines:
            lines.write("{}\n")
        receivers.answer(200, {"ok": True})(connection, request)

    with Faulty(changing) as dx:
        assert shop.ended(dx_instance=dx.url, fail_on="any") == (1, "partial", "")
        assert "reports to DX are missing from the state, which somebody changed or which is" in (
            capsys.readouterr().out
        )
    shop.asked()
    assert shop.ended(fail_on="any") == (0, "delivered", "")
    assert len(shop.lines()) == 4
