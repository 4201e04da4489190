"""A backfill reports what the live path reported when it happened, story by story."""

import json
from dataclasses import replace

import pytest

from tests.end_to_end.diary import diary
from tests.end_to_end.github.hosted import iso

CONFIG = b"""\
services:
  checkout: {paths: ["checkout/**"], name: Checkout, team: payments}
  cart: {paths: ["cart/**"]}
environments:
  production: ["prod-*"]
  "": ["pr-*"]
"""

BY_ENVIRONMENT = b"""\
services:
  web: {environments: ["web-*"]}
  api: {environments: ["api-*"], paths: ["api/**"]}
  cart: {paths: ["cart/**"]}
environments:
  "": ["*-pr-*"]
  production: ["*-prod"]
"""


@pytest.fixture
def inputs():
    return {"service": "shop"}


@pytest.fixture
def variables():
    return {}


@pytest.fixture
def written(tmp_path, inputs, variables):
    with diary(tmp_path / "git", inputs, variables) as begun:
        begun.history.commit()
        yield begun


@pytest.fixture
def history(written):
    return written.history


def assert_agrees(written, count, **given):
    """Assert that so many deployments are reported, and by a backfill just the same ones."""
    backfilled = written.backfilled(**given)

    assert backfilled.finished.exit_code == 0, backfilled.finished.log
    assert backfilled.entries == written.reported
    assert len(written.reported) == count
    return backfilled


def without(entries, *names):
    """Return the entries without these fields of the bodies."""
    return {
        id_: replace(
            entry, body={name: each for name, each in entry.body.items() if name not in names}
        )
        for id_, entry in entries.items()
    }


def tip(written, branch="main"):
    return written.history.branches[branch]


# --- how changes land


@pytest.mark.parametrize("method", ["squash", "merge", "rebase"])
def test_pull_requests_of_every_method(written, method):
    written.deployed(tip(written))
    for _ in range(3):
        written.story.landed(method, "a.txt", "b.txt")
    written.deployed(tip(written))
    written.story.landed(method)
    written.deployed(tip(written))

    assert_agrees(written, 3)
    assert [each.pulls for each in written.reported.values()] == [(), (1, 2, 3), (4,)]


def test_a_branch_with_a_hotfix_is_deployed_and_merged_later(written, history):
    written.deployed(tip(written))
    history.branch("hotfix")
    history.commit("hotfix", {"fix.txt": "1"})
    number = history.open_pull("hotfix")
    written.deployed(tip(written, "hotfix"), ref="hotfix")
    written.story.landed("squash")
    history.merge_pull(number, "merge")
    written.deployed(tip(written))

    assert_agrees(written, 3)
    assert [each.pulls for each in written.reported.values()] == [(), (), (2, 1)]


def test_release_branches_with_merges_back(written, history):
    history.branch("release/1")
    written.deployed(tip(written, "release/1"))
    written.story.landed("squash")
    written.story.landed("merge", "x.txt", base="release/1")
    written.deployed(tip(written, "release/1"))
    history.merge("main", "release/1")
    written.deployed(tip(written), "staging")
    history.branch("release/2")
    written.story.landed("rebase", "p.txt", "q.txt", base="release/2")
    written.deployed(tip(written, "release/2"))
    history.merge("main", "release/2")
    written.deployed(tip(written), "staging")

    assert_agrees(written, 5)


@pytest.mark.parametrize("inputs", [{"service": "shop"}, {}])
def test_what_was_merged_long_before_the_period_and_ships_in_it(written, history):
    written.file = CONFIG
    history.branch("release")
    written.story.landed("squash", "cart/old.txt", base="release")
    history.commit("release", {"checkout/old.txt": "1"})
    written.later(days=90)
    history.commit()
    written.deployed(tip(written))
    written.later(days=2)
    since = history.now
    written.reported.clear()
    history.merge("main", "release")
    written.story.landed("merge", "cart/new.txt")
    written.deployed(tip(written))

    assert_agrees(written, len(written.reported), since=iso(since))
    assert {each.pulls for each in written.reported.values()} <= {(1, 2), ()}


def test_what_is_reverted_and_picked(written, history):
    written.deployed(tip(written))
    number = written.story.landed("squash")
    written.deployed(tip(written))
    history.branch("undo")
    history.revert("undo", written.story.merge_commit(number))
    history.open_pull("undo")
    history.merge_pull(2, "squash")
    written.deployed(tip(written))
    history.branch("fix", history.pull(1).head_sha)
    history.cherry_pick("fix", tip(written))
    written.deployed(tip(written, "fix"))

    assert_agrees(written, 4)


@pytest.mark.parametrize("inputs", [{"service": "shop"}, {}])
@pytest.mark.parametrize("method", ["squash", "merge", "rebase"])
def test_where_a_merge_commit_is_not_named_the_range_is_not_exact(written, history, method):
    written.file = CONFIG
    written.deployed(tip(written))
    written.story.landed("squash", "cart/1.txt")
    written.deployed(tip(written))
    written.story.landed("squash", "cart/2.txt")
    history.hide_merge_commit(written.story.landed(method, "checkout/3.txt", "cart/3.txt"))
    written.deployed(tip(written))

    assert_agrees(written, len(written.reported))
    assert "commit_sha" in list(written.reported.values())[-1].body


def test_what_is_pushed_to_several_bases_is_merged_by_the_same_commit(written, history):
    history.branch("release")
    history.branch("fix")
    history.commit("fix", {"fix.txt": "1"})
    written.deployed(tip(written))
    written.pushed(history.open_pull("fix", "release"), history.open_pull("fix", "main"))
    written.deployed(tip(written))

    assert_agrees(written, 2)
    assert [each.pulls for each in written.reported.values()] == [(), (1, 2)]


@pytest.mark.parametrize("inputs", [{"service": "shop"}, {}])
def test_what_was_deployed_before_its_pull_request_was_merged_was_no_change_yet(written, history):
    written.file = CONFIG
    written.deployed(tip(written))
    history.branch("fix")
    history.commit("fix", {"cart/fix.txt": "1"})
    number = history.open_pull("fix")
    written.deployed(tip(written, "fix"))
    written.pushed(number)
    written.story.landed("squash", "cart/other.txt")
    written.deployed(tip(written))

    assert_agrees(written, len(written.reported))
    assert [each.pulls for each in written.reported.values()][-2:] == [(), (2,)]


# --- copies of branches


def promoted(written, method, *files, head="develop", base="main", back=False):
    """Merge a pull request for each file into `head`, promote it to `base`, and deploy that."""
    for file in files:
        written.story.landed("squash", file, base=head)
    number = written.history.open_pull(head, base)
    written.history.merge_pull(number, method)
    if back:
        written.history.merge(head, base)
    written.deployed(tip(written, base))


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("method", ["squash", "rebase", "merge"])
def test_promotions_ship_what_is_behind_them_once(written, history, method, back):
    written.deployed(tip(written))
    history.branch("develop")
    promoted(written, method, "a.txt", "b.txt", back=back)
    promoted(written, method, "c.txt", back=back)
    promoted(written, method, "d.txt", "e.txt", back=back)

    assert_agrees(written, 4)
    assert [each.pulls for each in written.reported.values()] == [(), (1, 2, 3), (4, 5), (6, 7, 8)]
    assert all("commit_sha" not in each.body for each in [*written.reported.values()][1:])


def test_two_promotions_between_two_deployments_ship_what_is_behind_each(written, history):
    written.deployed(tip(written))
    history.branch("develop")
    promoted(written, "squash", "a.txt")
    for file in ("b.txt", "c.txt"):
        written.story.landed("squash", file, base="develop")
        history.merge_pull(history.open_pull("develop"), "squash")
    written.deployed(tip(written))

    assert_agrees(written, 3)
    assert [each.pulls for each in written.reported.values()] == [(), (1, 2), (3, 4, 5, 6)]


@pytest.mark.parametrize("method", ["squash", "rebase"])
def test_promotions_through_several_branches(written, history, method):
    written.deployed(tip(written))
    for branch in ("develop", "staging"):
        history.branch(branch)
    for file in ("a.txt", "b.txt"):
        written.story.landed("squash", file, base="develop")
        history.merge_pull(history.open_pull("develop", "staging"), method)
        history.merge_pull(history.open_pull("staging"), method)
        written.deployed(tip(written))

    assert_agrees(written, 3)
    assert [each.pulls for each in written.reported.values()] == [(), (1, 2, 3), (4, 5, 6)]


@pytest.mark.parametrize("method", ["squash", "rebase"])
def test_stacks_of_pull_requests(written, history, method):
    written.deployed(tip(written))
    for top, below in (("one", "main"), ("two", "one"), ("three", "two")):
        history.branch(top, below)
        history.commit(top, {f"{top}.txt": "1"})
    for top, below in (("three", "two"), ("two", "one"), ("one", "main")):
        history.merge_pull(history.open_pull(top, below), method if below == "main" else "squash")
    written.deployed(tip(written))

    assert_agrees(written, 2)
    assert [each.pulls for each in written.reported.values()] == [(), (1, 2, 3)]


def test_what_is_behind_promotions_counts_by_its_own_files(written, history):
    del written.inputs["service"]
    written.file = CONFIG
    written.deployed(tip(written), "prod-eu")
    history.branch("develop")
    for file in ("cart/a.txt", "checkout/b.txt", "README.md"):
        written.story.landed("squash", file, base="develop")
    history.merge_pull(history.open_pull("develop"), "squash")
    written.deployed(tip(written), "prod-eu")

    assert_agrees(written, 4)
    assert [
        (each.body["service"]["identifier"], each.pulls)
        for each in [*written.reported.values()][2:]
    ] == [("checkout", (2, 4)), ("cart", (1, 4))]


@pytest.mark.parametrize("branch", ["develop", "main"])
def test_only_what_was_merged_into_the_integration_branch_counts(written, history, branch):
    written.inputs["integration-branch"] = branch
    written.deployed(tip(written))
    history.branch("develop")
    promoted(written, "squash", "a.txt", "b.txt")

    assert_agrees(written, 2)
    counted = (1, 2) if branch == "develop" else (3,)
    assert [each.pulls for each in written.reported.values()] == [(), counted]


@pytest.mark.parametrize("back", [False, True])
def test_what_is_behind_a_promotion_may_be_older_than_all_that_is_read(written, history, back):
    history.branch("develop")
    history.commit("develop")
    promoted(written, "squash", "a.txt", back=back)
    written.story.landed("squash", "b.txt", base="develop")
    written.later(days=60)
    history.commit("main", {"direct.txt": "1"})
    written.deployed(tip(written))
    written.later(days=60)
    since = history.now
    written.reported.clear()
    promoted(written, "squash", "c.txt", back=back)

    assert_agrees(written, 1, since=iso(since))
    assert [each.pulls for each in written.reported.values()] == [(3, 4, 5)]


# --- what is deployed


def test_a_rollback_and_the_way_forward(written):
    first = tip(written)
    written.deployed(first)
    written.story.landed("squash")
    written.deployed(tip(written))
    written.deployed(first)
    written.story.landed("merge")
    written.deployed(tip(written))
    written.deployed(tip(written))

    assert_agrees(written, 5)
    assert [each.is_rollback for each in written.reported.values()] == [
        *(False, False, True, False, False)
    ]


def test_a_forced_push_that_loses_what_was_deployed(written, history):
    first = tip(written)
    written.story.landed("squash")
    written.deployed(tip(written))
    history.force("main", first)
    written.story.landed("squash", "other.txt")
    written.deployed(tip(written))

    assert_agrees(written, 2)


def test_a_base_that_github_has_forgotten(written):
    written.deployed("d" * 40)
    written.story.landed("squash")
    written.deployed(tip(written))
    written.deployed("d" * 40)

    assert_agrees(written, 3)


def test_failures_before_and_after_success(written):
    written.deployed(tip(written), "production", "queued", "in_progress", "failure", "success")
    written.story.landed("squash")
    written.deployed(tip(written), "production", "error")
    written.story.landed("squash")
    written.deployed(tip(written), "production", "success", "failure", "success", "error")
    written.story.landed("squash")
    written.deployed(tip(written), "production", "success", "inactive")
    written.deployed(tip(written), "production", "queued", "in_progress")

    assert_agrees(written, 6)


def test_one_that_waits_for_days_for_its_approval_and_is_overtaken(written):
    written.deployed(tip(written))
    written.story.landed("squash")
    waiting = written.begin(tip(written))
    written.end(waiting, "waiting")
    written.later(days=3)
    written.story.landed("squash")
    overtaking = written.begin(tip(written))
    written.end(overtaking, "success")
    written.later(days=25)
    written.end(waiting, "success")
    written.story.landed("squash")
    written.deployed(tip(written))

    assert_agrees(written, 4)
    assert [(each.pulls, each.is_rollback) for each in written.reported.values()] == [
        ((), False),
        ((1, 2), False),
        ((), True),
        ((2, 3), False),
    ]


def test_environments_and_tasks_apart_and_previews_not_at_all(written):
    for n in range(3):
        written.story.landed("squash")
        written.deployed(tip(written), "staging")
        written.deployed(tip(written), "Production" if n == 1 else "production")
        written.deployed(tip(written), "production", task="deploy:migrations")
        written.deployed(tip(written), f"pr-{n}", transient=True)

    assert_agrees(written, 9)
    assert written.skipped == ["transient-environment"] * 3


def test_two_deployments_of_one_run(written):
    urls = [f"https://github.com/acme/shop/actions/runs/{n}/job/1" for n in (71, 72)]
    for url in urls:
        written.story.landed("squash")
        for _ in range(2):
            written.deployed(tip(written), log_url=url)

    assert_agrees(written, 4)


def test_tags_and_branches(written, history):
    history.branch("release")
    for ref in ("v1.0.0", "refs/tags/v1.0.1", "release", tip(written), "v1.0.2"):
        written.story.landed("squash")
        if "v1" in ref:
            history.tag(ref.removeprefix("refs/tags/"))
        written.deployed(tip(written), ref=ref)

    assert_agrees(written, 5)
    assert [each.body["metadata"].get("version") for each in written.reported.values()] == [
        *("v1.0.0", "v1.0.1", None, None, "v1.0.2")
    ]


@pytest.mark.parametrize("between", [98, 99, 100, 250])
def test_many_deployments_back_that_never_succeeded(written, history, between):
    written.deployed(tip(written))
    for _ in range(between):
        history.deploy(tip(written), states=("queued",))
    written.story.landed("squash")
    written.deployed(tip(written))

    assert_agrees(written, 2)
    assert list(written.reported.values())[-1].pulls == (1,)


def test_of_two_that_began_in_the_same_second_the_later_one_counts(written, history):
    numbers = [written.story.landed("squash") for _ in range(2)]
    moment = history.now
    for number in numbers:
        history.now = moment
        written.deployed(written.story.merge_commit(number))
    written.story.landed("squash")
    written.deployed(tip(written))

    assert_agrees(written, 3)
    assert [each.pulls for each in written.reported.values()] == [(), (2,), (3,)]


def test_several_that_end_in_the_same_second(written, history):
    written.deployed(tip(written))
    moment = history.now
    for environment in ("production", "staging", "live"):
        written.story.landed("squash")
        history.now = moment
        written.deployed(tip(written), environment, "success")

    assert_agrees(written, 4)


# --- what the inputs want


@pytest.mark.parametrize("choice", ["auto", "pull-requests", "commit", "repository"])
@pytest.mark.parametrize("branch", ["", "release"])
def test_every_attribution_with_and_without_an_integration_branch(written, choice, branch):
    written.inputs |= {"attribution": choice} | ({"integration-branch": branch} if branch else {})
    written.deployed(tip(written))
    written.history.branch("release")
    written.story.landed("squash", base="release")
    written.story.landed("squash", "own.txt")
    written.history.merge("main", "release")
    written.deployed(tip(written))
    written.deployed(tip(written))

    assert_agrees(written, 3)


def test_environments_by_the_map(written):
    written.inputs["environment-map"] = "prod-*=production\nqa*=\nstag*=staging"
    for environment in ("prod-eu", "prod-us", "qa-1", "stag", "prod-eu", "other"):
        written.story.landed("squash")
        written.deployed(tip(written), environment)

    assert_agrees(written, 5)
    assert written.skipped == ["environment-ignored"]


def test_services_by_path_with_direct_commits_and_renames(written, history):
    del written.inputs["service"]
    written.file = CONFIG
    history.commit("main", {"cart/a.txt": "1\n2\n3\n4\n", "README.md": "1"})
    written.deployed(tip(written), "prod-eu")
    history.commit("main", {"checkout/direct.txt": "1"})
    written.story.landed("squash", "cart/b.txt", "README.md")
    written.deployed(tip(written), "prod-eu")
    history.commit("main", {"cart/a.txt": None, "checkout/a.txt": "1\n2\n3\n4\n"})
    written.deployed(tip(written), "prod-eu")
    written.story.landed("merge", "README.md")
    written.deployed(tip(written), "prod-eu")
    written.story.landed("rebase", "checkout/c.txt", "README.md", "cart/d.txt")
    written.deployed(tip(written), "prod-eu", "failure", "success")
    written.deployed(tip(written), "prod-eu")
    written.deployed(history.commits[tip(written)].parents[0], "prod-eu")
    written.deployed(tip(written), "pr-1")

    backfilled = assert_agrees(written, 14)

    assert written.skipped == ["no-service-touched", "environment-ignored"]
    assert "pull_requests" in json.loads(backfilled.json_lines.splitlines()[0])


def test_services_by_environment_with_and_without_paths(written, history):
    del written.inputs["service"]
    written.file = BY_ENVIRONMENT
    for environment in ("web-prod", "api-prod"):
        written.deployed(tip(written), environment)
    written.story.landed("squash", "web/a.txt")
    written.story.landed("squash", "api/b.txt", "cart/b.txt")
    for environment in ("web-prod", "api-prod", "staging", "web-pr-1"):
        written.deployed(tip(written), environment)
    history.commit("main", {"web/c.txt": "1"})
    for environment in ("web-prod", "api-prod", "staging"):
        written.deployed(tip(written), environment)

    assert_agrees(written, 8)

    assert [
        (each.body["service"]["identifier"], each.body["environment"], each.pulls)
        for each in written.reported.values()
    ] == [
        ("web", "production", ()),
        ("api", "production", ()),
        ("web", "production", (1, 2)),
        ("api", "production", (2,)),
        ("api", "staging", ()),
        ("cart", "staging", ()),
        ("web", "production", ()),
        ("api", "production", ()),
    ]
    assert written.skipped == ["environment-ignored", "no-service-touched"]


def test_services_by_path_with_many_direct_commits_and_files(written, history):
    del written.inputs["service"]
    written.file = CONFIG
    written.deployed(tip(written), "prod-eu")
    for number in range(30):
        history.commit("main", {f"checkout/{number}.txt": "1"})
    written.deployed(tip(written), "prod-eu")
    for number in range(21):
        history.commit("main", {f"other/{number}/{n}.txt": "1" for n in range(15)})
    written.deployed(tip(written), "prod-eu")
    history.commit("main", {f"cart/{number}.txt": "1" for number in range(310)})
    written.story.landed("squash", "README.md")
    written.deployed(tip(written), "prod-eu")
    history.commit("main", {"checkout/0.txt": None})
    written.deployed(tip(written), "prod-eu")
    history.revert("main", tip(written))
    history.commit("main", {"cart/0.txt": "2"})
    written.deployed(tip(written), "prod-eu")
    written.deployed(history.commits[tip(written)].parents[0], "prod-eu")

    assert_agrees(written, 10)


@pytest.mark.parametrize(
    "variables",
    [{"GITHUB_SERVER_URL": "https://github.acme.com", "GITHUB_REPOSITORY_ID": "186853261"}],
)
def test_an_enterprise_server(written):
    written.deployed(tip(written))
    written.story.landed("squash")
    written.deployed(tip(written))

    assert_agrees(written, 2)


@pytest.mark.parametrize("variables", [{"GITHUB_REPOSITORY": "acme/shop"}])
def test_a_repository_that_is_asked_for_by_its_former_name(tmp_path, inputs, variables):
    with diary(tmp_path, inputs, variables, former="acme/store") as written:
        written.history.commit()
        written.deployed(tip(written))
        written.story.landed("squash")
        written.deployed(tip(written))
        written.variables["GITHUB_REPOSITORY"] = "acme/store"

        assert_agrees(written, 2)


# --- other sources: the time is that of the event, not of the clock of the step that reported


def test_merged_pull_requests(written, history):
    for method in ("squash", "merge", "rebase"):
        written.report(written.story.merge(written.story.landed(method)))
    history.branch("release")
    written.report(written.story.merge(written.story.landed("squash", base="release")))

    entries = written.backfilled(**{"backfill-source": "pull-requests"}).entries

    clock = ("deployed_at", "source_url")
    assert without(entries, *clock) == without(written.reported, *clock)
    assert [each.body["deployed_at"] for each in entries.values()] == [
        iso(pull.merged_at) for pull in history.pulls() if pull.base == "main"
    ]
    assert written.skipped == ["branch-not-deployed"]


def test_merged_pull_requests_of_services(written):
    del written.inputs["service"]
    written.file = CONFIG
    for files in (["cart/a.txt"], ["README.md"], ["cart/b.txt", "checkout/c.txt"]):
        written.report(written.story.merge(written.story.landed("squash", *files)))

    entries = written.backfilled(**{"backfill-source": "pull-requests"}).entries

    clock = ("deployed_at", "source_url")
    assert without(entries, *clock) == without(written.reported, *clock)
    assert written.skipped == ["no-service-touched"]


def test_releases_and_runs_have_the_ids_and_commits_of_the_day_and_exact_ranges(written, history):
    workflow = history.workflow()
    for n in range(3):
        written.story.landed("squash")
        history.tag(f"v1.{n}")
        written.report(written.story.release(history.release(f"v1.{n}")))
    releases = dict(written.reported)
    written.reported.clear()
    for _ in range(2):
        written.story.landed("squash")
        run = history.runs[history.run(workflow, tip(written))]
        event = written.story.workflow_run(tip(written), run.id)
        event.payload["workflow_run"] |= {
            "created_at": iso(run.created_at),
            "run_started_at": iso(run.created_at),
            "updated_at": iso(run.updated_at),
        }
        written.report(event)

    by_release = written.backfilled(**{"backfill-source": "releases"}).entries
    by_run = written.backfilled(**{"backfill-source": "workflow-runs:Deploy"}).entries

    assert list(by_release) == list(releases)
    assert [each.pulls for each in by_release.values()] == [(), (2,), (3,)]
    assert list(by_run) == list(written.reported)
    assert [each.pulls for each in by_run.values()] == [(), (5,)]


def test_runs_of_tags_have_the_versions_of_the_day_and_those_of_branches_are_left_out(
    written, history
):
    workflow = history.workflow()
    for branch, is_tag in (("v1.0", True), ("topic", False), ("v1.1", True)):
        written.story.landed("squash")
        if is_tag:
            history.tag(branch)
        run = history.runs[history.run(workflow, tip(written), branch=branch)]
        event = written.story.workflow_run(tip(written), run.id, branch)
        event.payload["workflow_run"] |= {
            "created_at": iso(run.created_at),
            "run_started_at": iso(run.created_at),
            "updated_at": iso(run.updated_at),
        }
        written.report(event)

    by_run = written.backfilled(**{"backfill-source": "workflow-runs:Deploy"}).entries

    assert list(by_run) == list(written.reported)
    versions = [each.body["metadata"]["version"] for each in written.reported.values()]
    assert versions == ["v1.0", "v1.1"]
    assert [each.body["metadata"]["version"] for each in by_run.values()] == versions
    assert written.skipped == ["branch-not-deployed"]


# --- what cannot agree, since only the day knew it


def test_the_page_of_the_run_that_reported_is_not_known_later(written):
    written.deployed(tip(written), log_url="")

    (entry,) = written.reported.values()
    assert entry.body["source_url"] == "https://github.com/acme/shop/actions/runs/8412399001"
    assert written.backfilled().entries == without(written.reported, "source_url")


def test_of_a_commit_that_is_gone_meanwhile_nothing_more_is_known(written, history):
    first = tip(written)
    history.branch("side")
    history.commit("side")
    gone = history.commit("side")
    written.deployed(first)
    written.deployed(gone)
    history.force("side", first)
    del history.commits[gone]

    before, after = written.reported.values()
    body = {name: value for name, value in after.body.items() if name != "metadata"}
    assert list(written.backfilled().entries.values()) == [
        before,
        replace(after, body=body, previous_sha=""),
    ]


def test_the_one_before_a_period_is_found_however_long_ago_it_was(written, history):
    written.deployed(tip(written))
    for _ in range(3):
        written.later(days=60)
        written.story.landed("squash")
        written.deployed(tip(written), "production", "failure")
    written.later(days=60)
    since = history.now
    written.reported.clear()
    written.story.landed("squash")
    written.deployed(tip(written))

    assert_agrees(written, 1, since=iso(since))
    assert [each.pulls for each in written.reported.values()] == [(1, 2, 3, 4)]


def test_one_that_began_before_a_period_and_ended_in_it_is_found(written, history):
    written.deployed(tip(written))
    waiting = written.begin(tip(written))
    written.later(days=1)
    written.deployed(tip(written))
    written.later(days=30)
    since = history.now
    written.reported.clear()
    written.deployed(tip(written))
    written.end(waiting, "success")

    assert_agrees(written, 2, since=iso(since))


def test_a_period_has_its_beginning_and_not_its_end(written, history):
    written.deployed(tip(written))
    written.story.landed("squash")
    id_ = written.deployed(tip(written), "production", "success")
    moment = history.deployments[id_].statuses[0].created_at
    written.later(hours=1)
    written.story.landed("squash")
    written.deployed(tip(written))

    first, second, third = written.reported.items()
    assert written.backfilled(until=iso(moment)).entries == dict([first])
    assert written.backfilled(since=iso(moment)).entries == dict([second, third])
