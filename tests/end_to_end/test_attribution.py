"""Which changes a deployment carries: real git histories, asked of GitHub's stand-in over HTTP."""

import json
import threading
from dataclasses import replace

import pytest

from tests.end_to_end import stories
from tests.end_to_end.stories import OTHER_RUN_URL, RUN_URL

UNKNOWN = "d" * 40
GONE = UNKNOWN[:7]
BY_HAND = "the input `previous-sha`"
NOT_FOUND = "GitHub knows no such thing, or `github-token` lacks `contents: read` (404)"
TOO_LONG = (
    "the range has 5001 commits, and no more than 5000 are read; so not all of the shipped pull"
    " requests are known"
)


# --- how changes land


@pytest.mark.fault(78)
def test_a_pull_request_is_shipped_by_whichever_method_it_was_merged(story, history):
    base = history.commit()
    for method in ("squash", "merge", "rebase", "squash", "rebase", "merge"):
        story.landed(method, f"{method}-1.txt", f"{method}-2.txt")
    head = history.branches["main"]
    history.deploy(base)

    assert story.told(story.push(head)) == story.shipped(head, 1, 2, 3, 4, 5, 6, since=base)


@pytest.mark.parametrize("inner", ["squash", "merge", "rebase"])
def test_a_nested_pull_request_is_shipped_along_with_the_merge_of_its_branch(story, history, inner):
    base = history.commit()
    history.deploy(base)
    history.branch("feature")
    history.commit("feature", {"outer.txt": "1"})
    story.landed(inner, "inner.txt", base="feature")
    history.open_pull("feature")
    head = history.merge_pull(2, "merge")

    assert story.told(story.push(head)) == story.shipped(head, 1, 2, since=base)


@pytest.mark.parametrize("outer", ["squash", "rebase"])
def test_a_nested_pull_request_is_shipped_by_copies_of_its_commits(story, history, outer):
    base = history.commit()
    history.deploy(base)
    history.branch("feature")
    history.commit("feature", {"outer.txt": "1"})
    story.landed("squash", "inner.txt", base="feature")
    history.open_pull("feature")
    head = history.merge_pull(2, outer)

    assert story.told(story.push(head)) == story.shipped(head, 1, 2, since=base)


def test_a_stable_branch_that_is_merged_by_hand_brings_its_pull_requests(story, history):
    base = history.commit()
    history.deploy(base)
    history.branch("stable")
    story.landed("squash", "fix.txt", base="stable")
    story.landed("merge", "other.txt", base="stable")
    story.landed("squash")
    head = history.merge("main", "stable")

    assert story.told(story.push(head)) == story.shipped(head, 1, 2, 3, since=base)


def test_a_release_branch_ships_what_was_merged_into_main_before(story, history):
    history.commit()
    history.branch("release")
    base = history.commit("release", {"VERSION": "1"})
    history.deploy(base)
    story.landed("squash")
    story.landed("rebase", "a.txt", "b.txt")
    head = history.merge("release", "main")
    story.landed("squash")  # too late for it

    told = story.told(story.push(head, branch="release"), branches="release")

    assert told == story.shipped(head, 1, 2, since=base)


def test_the_promotion_to_a_release_branch_is_a_pull_request_of_its_own(story, history):
    history.commit()
    base = history.branch("release")
    history.deploy(base)
    story.landed("squash")
    history.open_pull("main", "release")
    head = history.merge_pull(2, "merge")

    told = story.told(story.push(head, branch="release"), branches="release")

    assert told == story.shipped(head, 1, 2, since=base)


def test_direct_pushes_are_no_pull_requests(story, history):
    base = history.commit()
    history.deploy(base)
    history.commit()
    story.landed("squash")
    head = history.commit()

    assert story.told(story.push(head)) == story.shipped(head, 1, since=base)


def test_direct_pushes_alone_are_told_by_the_commit(story, history):
    base = history.commit()
    history.deploy(base)
    head = history.commit()

    assert story.told(story.push(head)) == story.shipped(head, since=base, by="commit")


def test_a_revert_is_shipped_beside_what_it_reverts(story, history):
    base = history.commit()
    history.deploy(base)
    story.landed("squash")
    history.branch("revert")
    history.revert("revert", story.merge_commit(1))
    history.open_pull("revert")
    head = history.merge_pull(2, "squash")

    assert story.told(story.push(head)) == story.shipped(head, 1, 2, since=base)


def test_a_revert_after_a_deployment_does_not_ship_what_it_reverts(story, history):
    history.commit()
    story.landed("squash")
    base = history.branches["main"]
    history.deploy(base)
    history.branch("revert")
    history.revert("revert", base)
    history.open_pull("revert")
    head = history.merge_pull(2, "merge")

    assert story.told(story.push(head)) == story.shipped(head, 2, since=base)


def test_a_backport_is_shipped_as_itself_and_not_as_its_original(story, history):
    history.commit()
    base = history.branch("stable")
    history.deploy(base)
    story.landed("squash", "fix.txt")
    history.branch("backport", "stable")
    history.cherry_pick("backport", story.merge_commit(1))
    history.open_pull("backport", "stable")
    head = history.merge_pull(2, "squash")

    told = story.told(story.push(head, branch="stable"), branches="stable")

    assert told == story.shipped(head, 2, since=base)


def test_a_cherry_pick_that_is_pushed_directly_ships_no_pull_request(story, history):
    history.commit()
    base = history.branch("stable")
    history.deploy(base)
    story.landed("squash", "fix.txt")
    head = history.cherry_pick("stable", story.merge_commit(1))

    told = story.told(story.push(head, branch="stable"), branches="stable")

    assert told == story.shipped(head, since=base, by="commit")


@pytest.mark.fault(78)
def test_a_merge_queue_ships_what_lands_and_not_what_it_tried(story, history):
    base = history.commit()
    history.deploy(base)
    for number in (1, 2):
        history.branch(f"change-{number}", base)
        history.commit(f"change-{number}", {f"{number}.txt": "1"})
        history.open_pull(f"change-{number}")
    history.branch("gh-readonly-queue/main/pr-2")
    history.squash("gh-readonly-queue/main/pr-2", "change-1", "Change 1 (#1)")
    history.squash("gh-readonly-queue/main/pr-2", "change-2", "Change 2 (#2)")
    history.merge_pull(1, "squash")
    head = history.merge_pull(2, "squash")

    assert story.told(story.push(head)) == story.shipped(head, 1, 2, since=base)


def test_pull_requests_of_a_fork_that_list_our_commits_are_not_ours(story, history):
    base = history.commit()
    history.deploy(base)
    story.landed("squash")
    head = history.commit()
    history.foreign_pull(story.merge_commit(1), number=1, title="The same number as ours")
    history.foreign_pull(head, number=7)

    assert story.told(story.push(head)) == story.shipped(head, 1, since=base)


def test_a_commit_of_more_pull_requests_than_a_query_brings_has_all_of_them(story, history):
    base = history.commit()
    history.deploy(base)
    history.branch("change-1")
    shared = history.commit("change-1")
    # GitHub lists pull requests by their age, and those of forks may be older.
    for number in range(1, 13):
        history.foreign_pull(shared, number=number)
    history.open_pull("change-1")
    head = history.merge_pull(1, "merge")

    assert story.told(story.push(head)) == story.shipped(head, 1, since=base)


def test_an_open_pull_request_is_not_shipped_by_its_own_commits(story, history):
    base = history.commit()
    history.deploy(base)
    history.branch("feature")
    head = history.commit("feature")
    history.open_pull("feature")

    told = story.told(story.push(head, branch="feature"), branches="feature")

    assert told == story.shipped(head, since=base, by="commit")


def test_a_repository_is_found_under_the_name_it_had_before(tmp_path):
    with stories.story(tmp_path, former="acme/store") as story:
        base = story.history.commit()
        story.history.deploy(base)
        story.landed("squash")
        story.landed("merge")
        head = story.history.branches["main"]
        event = story.push(head)
        event.payload["repository"]["full_name"] = "acme/store"

        told = story.told(event)

        assert told == story.shipped(head, 1, 2, since=base, repository="acme/store")


def test_a_renamed_repository_is_its_own_where_queries_are_refused_too(tmp_path):
    with stories.story(tmp_path, former="acme/store") as story:
        base = story.history.commit()
        story.history.deploy(base)
        story.landed("squash")
        head = story.history.branches["main"]
        event = story.push(head)
        event.payload["repository"]["full_name"] = "acme/store"
        story.github.fault = refuse_queries

        told = story.told(event)

        assert told == story.shipped(head, 1, since=base, repository="acme/store", begun=False)


# --- the deployment before


@pytest.fixture
def three(story):
    """Return a story with three commits, each a pull request's, and the commit before them."""
    base = story.history.commit()
    for _ in range(3):
        story.landed("squash")
    return story, base


def test_a_deployment_that_is_inactive_by_now_was_the_one_before(three):
    story, base = three
    story.history.deploy(base, states=("queued", "in_progress", "success", "inactive"))
    head = story.merge_commit(3)

    assert story.told(story.push(head, base)) == story.shipped(head, 1, 2, 3, since=base)


def test_only_a_success_of_the_same_environment_and_task_counts(three):
    story, base = three
    first, second, head = (story.merge_commit(number) for number in (1, 2, 3))
    deploy = story.history.deploy
    deploy(base)
    deploy(first)
    deploy(second, states=("in_progress", "failure"))
    deploy(second, states=("in_progress", "error"))
    deploy(second, states=("in_progress",))
    deploy(second, states=("queued",))
    deploy(second, states=())
    deploy(second, "staging")
    deploy(second, task="migrate")
    own = deploy(head, states=("in_progress", "success"))
    deploy(base)  # a newer one

    told = story.told(story.status(own))

    assert told == story.shipped(head, 2, 3, since=first)


def test_a_deployment_that_failed_ships_nothing_and_the_next_one_ships_it_all(three):
    story, base = three
    failing, head = story.merge_commit(2), story.merge_commit(3)
    story.history.deploy(base)
    failed = story.history.deploy(failing, states=("in_progress", "failure"))
    own = story.history.deploy(head, states=("in_progress", "success"))

    told = story.told(story.status(failed, state="failure"))

    assert told == story.shipped(failing, since=base, by="commit", success=False)
    assert story.told(story.status(own)) == story.shipped(head, 1, 2, 3, since=base)


def test_the_task_of_the_event_is_the_one_to_look_for(three):
    story, base = three
    head = story.merge_commit(3)
    story.history.deploy(base, task="migrate")
    story.history.deploy(story.merge_commit(2))
    own = story.history.deploy(head, task="migrate", states=("success",))

    assert story.told(story.status(own)) == story.shipped(head, 1, 2, 3, since=base)


def test_a_deployment_that_succeeds_late_is_newer_than_one_that_was_made_after_it(three):
    story, base = three
    first, head = story.merge_commit(1), story.merge_commit(3)
    story.history.deploy(first)
    story.history.deploy(base)
    late = story.history.deploy(first, states=("queued",) * 30 + ("success",))
    own = story.history.deploy(head, states=("success",))

    assert story.told(story.status(own)) == story.shipped(head, 1, 2, 3, since=base)
    assert story.told(story.status(late)) == story.shipped(
        first, since=head, by="commit", rollback=True
    )


def test_the_deployment_of_the_jobs_own_environment_is_not_the_one_before(three):
    story, base = three
    head = story.merge_commit(3)
    story.history.deploy(base)
    story.history.deploy(head, states=("in_progress", "success"), log_url=RUN_URL)

    assert story.told(story.dispatch(head)) == story.shipped(head, 1, 2, 3, since=base)


def test_the_deployment_of_an_earlier_attempt_of_this_run_is_not_the_one_before(three):
    story, base = three
    head = story.merge_commit(3)
    story.history.deploy(base)
    url = RUN_URL.replace("/job/", "/attempts/1/job/")
    story.history.deploy(head, states=("success",), log_url=url)
    story.history.deploy(head, states=("in_progress",), log_url=RUN_URL)

    assert story.told(story.dispatch(head)) == story.shipped(head, 1, 2, 3, since=base)


def test_what_was_deployed_while_this_job_waited_is_the_one_before(three):
    story, base = three
    head, newer = story.merge_commit(2), story.merge_commit(3)
    deploy, workflow = story.history.deploy, story.history.workflow()
    for number, commit in ((int(stories.RUN_ID), head), (8400000001, newer)):
        story.history.run(workflow, commit, id=number)
    deploy(base)
    event = story.push(head)
    deploy(head, states=("queued", "in_progress"), log_url=RUN_URL)
    deploy(newer, log_url=OTHER_RUN_URL)

    assert story.told(event) == story.shipped(head, since=newer, by="commit", rollback=True)


def test_what_was_deployed_meanwhile_by_somebody_leaves_it_open_what_came_before(three):
    story, base = three
    head, newer = story.merge_commit(2), story.merge_commit(3)
    story.history.deploy(base)
    event = story.push(head)
    story.history.deploy(head, states=("queued", "in_progress"), log_url=RUN_URL)
    story.history.deploy(newer)

    told = story.told(event)

    assert told == story.shipped(head, since=newer, by="commit", warnings=told.warnings)
    (warning,) = told.warnings
    assert "it is not certain which deployment came before this one" in warning


def test_a_run_whose_number_only_begins_alike_is_another_one(three):
    story, base = three
    head = story.merge_commit(3)
    story.history.deploy(base)
    story.history.deploy(head, log_url=RUN_URL.replace("/job/", "7/job/"))

    assert story.told(story.dispatch(head)) == story.shipped(head, since=head, by="commit")


def test_a_sibling_job_of_the_run_that_deployed_is_not_the_one_before(three):
    story, base = three
    head = story.merge_commit(3)
    story.history.deploy(base)
    url = f"{OTHER_RUN_URL}2"
    story.history.deploy(head, states=("success",), log_url=url)
    own = story.history.deploy(head, states=("success",), log_url=OTHER_RUN_URL)

    assert story.told(story.status(own)) == story.shipped(head, 1, 2, 3, since=base)


def test_the_commit_that_this_push_brought_may_be_deployed_by_somebody_else_already(three):
    story, base = three
    head = story.merge_commit(3)
    story.history.deploy(base)
    event = story.push(head, base)
    story.history.deploy(head, states=("success",))

    assert story.told(event) == story.shipped(head, 1, 2, 3, since=base)


def test_the_deployment_that_waited_for_this_workflow_run_is_its_own(three):
    story, base = three
    head = story.merge_commit(3)
    story.history.deploy(base)
    url = RUN_URL.replace(stories.RUN_ID, "8412345678")
    story.history.deploy(head, states=("success",), log_url=url)
    event = story.workflow_run(head, 8412345678)

    assert story.told(event) == story.shipped(head, 1, 2, 3, since=base)


def test_what_was_deployed_after_a_workflow_run_had_ended_is_not_before_it(three):
    story, base = three
    head = story.merge_commit(2)
    story.history.deploy(base)
    event = story.workflow_run(head, 8412345678)
    story.history.tick()
    story.history.deploy(story.merge_commit(3))

    assert story.told(event) == story.shipped(head, 1, 2, since=base)


def test_of_two_deployments_in_the_same_second_the_later_one_was_the_one_before(three):
    story, base = three
    first, second, head = (story.merge_commit(number) for number in (1, 2, 3))
    moment = story.history.tick()
    story.history.deploy(base)
    story.history.deploy(first, created_at=moment)
    story.history.deploy(second, created_at=moment)
    for sha, created_at in ((first, story.history.now), (second, story.history.now)):
        story.history.deploy(sha, created_at=created_at)

    assert story.told(story.push(head)) == story.shipped(head, 3, since=second)


def test_without_a_deployment_what_the_push_brought_is_told_by_outputs_alone(three):
    story, base = three
    head = story.merge_commit(3)
    story.history.deploy(base, "staging")

    assert story.told(story.push(head, base)) == story.shipped(
        head, 1, 2, 3, since=base, by="commit", begun=False
    )


@pytest.mark.parametrize("forced", [True, False])
def test_without_a_deployment_a_new_or_forced_branch_ships_nothing_known(three, forced):
    story, base = three
    head = story.merge_commit(3)

    told = story.told(story.push(head, base if forced else "0" * 40, forced=forced))

    assert told == story.shipped(head, by="commit")


@pytest.mark.parametrize("annotated", [True, False])
def test_without_a_deployment_a_tag_follows_the_next_lower_version_of_its_product(three, annotated):
    story, base = three
    history = story.history
    first, second, head = (story.merge_commit(number) for number in (1, 2, 3))
    tag = history.annotated_tag if annotated else history.tag
    tag("checkout-v1.9.0", base)
    tag("checkout-v1.10.0", first)
    tag("checkout-v1.10.1-rc.1", second)
    tag("search-v1.10.5", second)
    tag("v1.10.7", second)
    tag("nightly", second)
    tag("checkout-v2.0.0", head)
    tag("checkout-v1.11.0", head)

    told = story.told(story.tag_push("checkout-v1.11.0"))

    assert told == story.shipped(
        head, 2, 3, since=first, by="commit", begun=False, metadata={"version": "checkout-v1.11.0"}
    )


def test_without_a_deployment_a_release_follows_the_next_lower_one_that_was_published(three):
    story, base = three
    history = story.history
    first, second, head = (story.merge_commit(number) for number in (1, 2, 3))
    history.tag("v1.9.0", base)
    history.annotated_tag("v1.10.0", first)
    history.tag("v1.10.1", second)
    history.tag("v1.10.2", second)
    history.tag("v1.10.3", second)  # a tag and no release
    history.tag("search-v1.10.9", second)
    history.tag("v1.11.0", head)
    history.release("v1.10.0")
    history.release("v1.9.0")  # published later, and yet the lower one
    history.release("v1.10.1", prerelease=True)
    history.release("v1.10.2", draft=True)
    history.release("search-v1.10.9")
    own = history.release("v1.11.0")

    told = story.told(story.release(own))

    assert told == story.shipped(
        head, 2, 3, since=first, by="commit", begun=False, metadata={"version": "v1.11.0"}
    )


def test_a_deployment_is_better_than_a_version(three):
    story, base = three
    head = story.merge_commit(3)
    story.history.tag("v1.0.0", story.merge_commit(2))
    story.history.tag("v1.1.0", head)
    story.history.deploy(base)

    told = story.told(story.tag_push("v1.1.0"))

    assert told == story.shipped(head, 1, 2, 3, since=base, metadata={"version": "v1.1.0"})


def test_without_a_deployment_a_tag_that_is_no_version_follows_the_next_older_one(three):
    story, base = three
    head = story.merge_commit(3)
    story.history.tag("build-7", base)
    story.history.tag("build-8", story.merge_commit(1))
    story.history.tag("build-9", head)

    told = story.told(story.tag_push("build-9"))

    assert told == story.shipped(
        head,
        2,
        3,
        since=story.merge_commit(1),
        by="commit",
        begun=False,
        metadata={"version": "build-9"},
    )


def test_a_first_version_follows_none(three):
    story, _ = three
    head = story.merge_commit(3)
    story.history.tag("v1.0.0", head)

    told = story.told(story.tag_push("v1.0.0"))

    assert told == story.shipped(head, by="commit", metadata={"version": "v1.0.0"})


@pytest.mark.parametrize("digits", [40, 7, 12])
def test_the_commit_before_may_be_given_by_hand(three, digits):
    story, base = three
    first, head = story.merge_commit(1), story.merge_commit(3)
    story.history.deploy(base)

    told = story.told(story.push(head), previous_sha=first[:digits])

    assert told == story.shipped(head, 2, 3, since=first)


def test_a_given_short_commit_before_may_be_the_very_commit(three):
    story, _ = three
    head = story.merge_commit(3)

    told = story.told(story.push(head), previous_sha=head[:7])

    assert told == story.shipped(head, since=head, by="commit")


def test_a_given_commit_before_also_counts_for_a_merged_pull_request(three):
    story, base = three
    head = story.merge_commit(3)

    told = story.told(story.merge(3), previous_sha=base)

    assert told == story.shipped(head, 1, 2, 3, since=base)


def test_a_given_commit_before_that_nobody_knows_is_a_warning(three):
    story, base = three
    head = story.merge_commit(3)
    story.history.deploy(base)

    told = story.told(story.push(head), previous_sha=UNKNOWN)

    assert told == story.shipped(
        head,
        since=UNKNOWN,
        by="commit",
        dated=False,
        warnings=(f"what came since {GONE} ({BY_HAND}) could not be looked up: {NOT_FOUND}",),
    )


def test_a_merged_pull_request_ships_itself_and_nothing_is_asked(three):
    story, base = three
    story.history.deploy(base)
    head = story.merge_commit(2)

    told = story.told(story.merge(2))

    assert told == story.shipped(head, 2, by="commit", begun=False, dated=False)
    assert story.github.asked == []


@pytest.mark.parametrize(
    "given", [{"environment_map": "prod-*=production"}, {"environment": "production"}]
)
def test_the_one_before_is_looked_for_under_the_name_that_github_knows(three, given):
    story, base = three
    first, head = story.merge_commit(1), story.merge_commit(3)
    story.history.deploy(base, "prod-eu")
    story.history.deploy(first, "production")
    own = story.history.deploy(head, "prod-eu", states=("success",))

    told = story.told(story.status(own), **given)

    assert told == story.shipped(head, 1, 2, 3, since=base)


def test_an_environment_that_is_given_for_a_push_is_the_name_to_look_for(three):
    story, base = three
    head = story.merge_commit(3)
    story.history.deploy(base, "staging")
    story.history.deploy(story.merge_commit(1))

    told = story.told(story.push(head), environment="staging")

    assert told == story.shipped(head, 1, 2, 3, since=base, environment="staging")


@pytest.mark.parametrize(
    ("name", "reported"),
    [("Production", "production"), ('prod/"eu" & <ü> #1', 'prod/"eu" & <ü> #1')],
)
def test_an_environment_with_an_odd_name_is_found_as_well(three, name, reported):
    story, base = three
    head = story.merge_commit(3)
    story.history.deploy(base, name)
    own = story.history.deploy(head, name, states=("success",))

    told = story.told(story.status(own))

    assert told == story.shipped(head, 1, 2, 3, since=base, environment=reported)


# --- how the two commits are related


def test_the_same_commit_again_is_a_redeployment_of_no_pull_request(three):
    story, _ = three
    head = story.merge_commit(3)
    story.history.deploy(head)

    assert story.told(story.push(head)) == story.shipped(head, since=head, by="commit")


def test_an_earlier_commit_again_is_a_rollback_of_no_pull_request(three):
    story, _ = three
    base, head = story.merge_commit(3), story.merge_commit(1)
    story.history.deploy(head)
    story.history.deploy(base)
    own = story.history.deploy(head, states=("success",))

    finished, told = story.run(story.status(own))

    assert told == story.shipped(head, since=base, by="commit", rollback=True)
    assert finished.log.splitlines()[-1] == (
        f"Commit {head[:7]} of shop is back in production, a rollback from {base[:7]}"
    )


def test_a_branch_that_pointed_further_before_is_no_rollback_without_a_deployment(three):
    story, _ = three
    head = story.merge_commit(1)

    told = story.told(story.push(head, story.merge_commit(3)))

    assert told == story.shipped(head, since=story.merge_commit(3), by="commit")


def test_a_hotfix_ships_its_own_pull_request_and_warns_of_what_it_leaves_out(three):
    story, _ = three
    first, base = story.merge_commit(1), story.merge_commit(3)
    history = story.history
    history.deploy(base)
    history.branch("hotfix", first)
    story.landed("squash", "fix.txt", base="hotfix")
    head = history.branches["hotfix"]

    told = story.told(story.push(head, first, "hotfix"), branches="hotfix")

    assert told == story.shipped(
        head,
        4,
        since=base,
        warnings=(parted(story, base, first),),
    )


def test_a_forced_push_over_what_was_deployed_ships_what_came_since_they_parted(three):
    story, _ = three
    first, base = story.merge_commit(1), story.merge_commit(3)
    story.history.deploy(base)
    story.history.force("main", first)
    story.landed("merge", "again.txt")
    head = story.history.branches["main"]

    told = story.told(story.push(head, base, forced=True))

    assert told == story.shipped(
        head,
        4,
        since=base,
        warnings=(parted(story, base, first),),
    )


def test_a_deployed_commit_that_is_gone_tells_as_little_as_none(three):
    story, base = three
    head = story.merge_commit(3)
    story.history.deploy(UNKNOWN)

    told = story.told(story.push(head, base))

    assert told == story.shipped(
        head,
        by="commit",
        warnings=(
            f"what came since {GONE} ({last_before(story)}) could not be looked up: {NOT_FOUND}",
        ),
    )


def test_a_range_of_more_than_five_thousand_commits_is_told_by_the_commit(three):
    story, base = three
    head = story.merge_commit(3)
    story.history.deploy(base)

    def enormous(asked):
        if "/compare/" not in asked.path:
            return None
        found = {
            "status": "ahead",
            "base_commit": {"sha": base},
            "merge_base_commit": {"sha": base},
            "total_commits": 5001,
            "commits": [],
        }
        return 200, {}, json.dumps(found).encode()

    story.github.fault = enormous
    told = story.told(story.push(head))

    assert told == story.shipped(
        head,
        since=base,
        by="commit",
        warnings=(TOO_LONG,),
    )
    assert len(story.github.asked) == 2


# --- by what DX is told


NOTHING_FOUND = (
    "`attribution` is pull-requests, but no merged pull request is known to be shipped, so DX is"
    " given the commit; set `merge-commit-shas`, or leave `attribution` out"
)


@pytest.mark.parametrize(
    ("choice", "by"),
    [
        ("auto", "pull-requests"),
        ("pull-requests", "pull-requests"),
        ("commit", "commit"),
        ("repository", "repository"),
    ],
)
def test_the_input_decides_by_what_dx_is_told_of_known_pull_requests(three, choice, by):
    story, base = three
    head = story.merge_commit(3)
    story.history.deploy(base)

    told = story.told(story.push(head), attribution=choice)

    assert told == story.shipped(head, 1, 2, 3, since=base, by=by)


@pytest.mark.parametrize(
    ("choice", "by", "warnings"),
    [
        ("auto", "commit", ()),
        ("pull-requests", "commit", (NOTHING_FOUND,)),
        ("commit", "commit", ()),
        ("repository", "repository", ()),
    ],
)
def test_dx_is_never_told_of_an_empty_list(story, choice, by, warnings):
    base = story.history.commit()
    story.history.deploy(base)
    head = story.history.commit()

    told = story.told(story.push(head), attribution=choice)

    assert told == story.shipped(head, since=base, by=by, warnings=warnings)


@pytest.mark.parametrize(
    ("choice", "by"),
    [
        ("auto", "commit"),
        ("pull-requests", "pull-requests"),
        ("commit", "commit"),
        ("repository", "repository"),
    ],
)
def test_pull_requests_since_the_push_are_told_to_dx_only_if_that_is_asked_for(three, choice, by):
    story, base = three
    head = story.merge_commit(3)

    told = story.told(story.push(head, base), attribution=choice)

    assert told == story.shipped(head, 1, 2, 3, since=base, by=by, begun=False)


@pytest.mark.parametrize(
    ("choice", "by", "warnings"),
    [
        ("auto", "pull-requests", ()),
        ("pull-requests", "pull-requests", ()),
        (
            "commit",
            "commit",
            ("`merge-commit-shas` are not sent, since `attribution` is commit",),
        ),
        (
            "repository",
            "repository",
            ("`merge-commit-shas` are not sent, since `attribution` is repository",),
        ),
    ],
)
def test_merge_commits_that_are_given_by_hand_win(three, choice, by, warnings):
    story, base = three
    first, head = story.merge_commit(1), story.merge_commit(3)
    story.history.deploy(base)

    told = story.told(
        story.push(head), attribution=choice, merge_commit_shas=json.dumps([head, first])
    )

    expected = story.shipped(head, 3, 1, since=base, by=by, warnings=warnings)
    expected.pull_requests.sort()
    assert told == expected


def test_merge_commits_that_are_given_for_an_unknown_range_are_sent_as_they_are(three):
    story, _ = three
    head = story.merge_commit(3)

    told = story.told(story.push(head), merge_commit_shas=f"{head[:10]}, {UNKNOWN}")

    expected = story.shipped(head, merge_commit_shas=[head[:10], UNKNOWN])
    expected.merge_commit_shas.extend((head[:10], UNKNOWN))
    assert told == expected


def test_only_what_was_merged_into_the_integration_branch_counts(story, history):
    history.commit()
    base = history.branch("release")
    history.deploy(base)
    story.landed("squash")
    story.landed("squash", base="release")
    history.open_pull("main", "release")
    head = history.merge_pull(3, "merge")
    event = story.push(head, branch="release")

    told = story.told(event, branches="release", integration_branch="main")

    assert told == story.shipped(head, 1, since=base)


@pytest.mark.parametrize(
    ("choice", "more", "warnings"),
    [
        ("commit", {"integration_branch": "main"}, ()),
        (
            "repository",
            {},
            ("`integration-branch` is not sent: DX takes it only together with one commit",),
        ),
    ],
)
def test_the_integration_branch_is_sent_along_with_a_commit(story, choice, more, warnings):
    base = story.history.commit()
    story.history.deploy(base)
    story.landed("squash")
    head = story.history.branches["main"]

    told = story.told(story.push(head), attribution=choice, integration_branch="main")

    assert told == story.shipped(head, 1, since=base, by=choice, warnings=warnings, **more)


def test_an_integration_branch_without_pull_requests_leaves_the_commit(three):
    story, base = three
    head = story.merge_commit(3)
    story.history.deploy(base)

    told = story.told(story.push(head), integration_branch="develop")

    assert told == story.shipped(head, since=base, by="commit", integration_branch="develop")


@pytest.mark.parametrize("queries", [True, False])
def test_a_pull_request_whose_merge_commit_is_not_named_turns_the_pull_requests_off(three, queries):
    story, base = three
    head = story.merge_commit(3)
    story.history.deploy(base)
    story.history.hide_merge_commit(2)
    story.github.fault = None if queries else refuse_queries

    told = story.told(story.push(head))

    assert told == story.shipped(
        head,
        1,
        3,
        since=base,
        by="commit",
        begun=False,
        warnings=(
            (
                "GitHub does not name the merge commit of the merged pull request #2 (list the"
                " merge commits of what is shipped in `merge-commit-shas`); so not all of the"
                " shipped pull requests are known"
            ),
        ),
    )


# --- how much is asked


@pytest.mark.parametrize("commits", [0, 1, 100, 101, 250])
def test_a_range_takes_two_requests_for_a_hundred_commits_and_two_more(story, history, commits):
    base = head = history.commit()
    history.deploy(base)
    for _ in range(commits):
        head = history.commit()
    event = story.push(head)

    told = story.told(event)

    assert told == story.shipped(head, since=base, by="commit")
    assert len(story.github.asked) <= 2 + 2 * -(-commits // 100)
    assert {each.status for each in story.github.asked} == {200}


@pytest.mark.parametrize(("service", "points"), [("other", 1), ("shop", 2), ("", 2)])
def test_a_hundred_pull_requests_take_one_request_more_and_three_points(
    story, history, service, points
):
    base = history.commit()
    history.deploy(base)
    for _ in range(99):
        story.landed("squash")
    head = story.merge_commit(99)
    file = b'services: {shop: {paths: ["src/**"]}}'

    told = story.told(story.push(head), service=service, workspace_file=file)

    name = service or "shop"
    assert told == replace(
        story.shipped(head, *range(1, 100), since=base, service={"identifier": name}),
        services=(name,),
    )
    assert len(story.github.asked) == 4
    # The deployment before, then the pull requests of the commits, then what these are made of.
    assert story.github.points == [1, 1, points]


@pytest.mark.parametrize(("commits", "pages", "queries"), [(101, 2, 2), (500, 5, 5)])
def test_a_long_range_takes_as_many_round_trips_as_a_short_one(story, commits, pages, queries):
    base = story.history.commit()
    story.history.deploy(base)
    for _ in range(commits - 1):
        story.history.commit()
    story.landed("squash")
    head = story.history.branches["main"]
    # The first page says how many there are.
    story.github.fault = together(pages - 1, queries)

    assert story.told(story.push(head)) == story.shipped(head, 1, since=base)
    assert len(story.github.asked) == 1 + pages + queries + 1
    assert story.github.rounds() == 5
    assert story.github.most_at_once() == queries


# --- helpers


def last_before(story):
    """Return by what words the newest deployment is named as the one before."""
    newest = story.history.deployments[max(story.history.deployments)]
    ended_at = next(each.created_at for each in newest.statuses if each.state == "success")
    return (
        f"the last successful deployment to 'production' before, of {ended_at:%Y-%m-%d %H:%M} UTC"
    )


def parted(story, base, common):
    """Return the warning that the deployed commit does not build on the newest deployment's."""
    return (
        f"the deployed commit does not build on {base[:7]} ({last_before(story)}); the changes"
        f" since {common[:7]} are counted, which both build on, and what only the former has is no"
        " longer deployed"
    )


def refuse_queries(asked):
    """Refuse GraphQL as a server without it would; REST goes on."""
    if asked.operation is None:
        return None
    return 403, {}, b'{"message": "Resource not accessible by integration"}'


def together(pages, queries):
    """Answer none of the later pages before all have been asked for, and no query either.

    However slow the machine is, what is asked side by side is one round trip, and no other.
    """
    gate_of_pages, gate_of_queries = threading.Barrier(pages), threading.Barrier(queries)

    def fault(asked):
        if "/compare/" in asked.path and not asked.query.startswith("page=1&"):
            gate_of_pages.wait(timeout=10)
        elif asked.operation is not None and "query PullsByCommit" in asked.operation:
            gate_of_queries.wait(timeout=10)

    return fault
