from dataclasses import replace
from datetime import datetime, timezone

import pytest

from dora_deployments.actions import moments, parse
from dora_deployments.actions.event import DeploymentEvent, RunAttempt, Unresolved
from dora_deployments.actions.events import EVENTS, interpret_event
from dora_deployments.deployment import Fact
from dora_deployments.errors import EventError, Skip
from tests.actions.refusals import refusal
from tests.builders import GITHUB_SHA, NOW, event, payload_file, run

SHA = "5a47c3f0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f6"
OTHER = "b1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f60718293a"
MERGED = "pull_request.closed.merged"
LOOK = "look at the file of GITHUB_EVENT_PATH, which only GitHub should write"
EVENT_NAMES = (
    "pull_request, pull_request_target, push, release, deployment_status, workflow_run,"
    " workflow_dispatch, repository_dispatch"
)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def changed(case, **members):
    """The payload of that case with the members at the paths (`a__b` is a.b) replaced."""
    content = payload_file(case)
    for path, value in members.items():
        *parents, last = path.split("__")
        place = content
        for parent in parents:
            place = place[parent]
        place[last] = value
    return content


def told(name, content, **given):
    content = payload_file(content) if isinstance(content, str) else content
    return interpret_event(event(name, content, **given))


def skipped(name, content, **given):
    with pytest.raises(Skip) as raised:
        told(name, content, **given)
    assert raised.value.warn is False
    return raised.value.reason, raised.value.explanation


def refused(name, content, **given):
    with pytest.raises(EventError) as raised:
        told(name, content, **given)
    (problem,) = raised.value.problems
    return problem


def without_payload(name, why="GITHUB_EVENT_PATH is not set", **given):
    return interpret_event(replace(event(name, {}, **given), broken=why))


THIS_RUN = (RunAttempt(run_id="8412399001"),)
BEFORE = Fact(
    value="82424c9a27cee3ea58a36836903f49730e0a2203", source="before; GITHUB_SHA was 109cf4c"
)


# --- what every event tells


def test_the_run_in_which_this_step_runs_is_known_by_its_id_if_it_has_one():
    again = run(run_id="17", run_attempt="2")
    assert told("push", "push.branch", of=again).runs == (RunAttempt(run_id="17", attempt=2),)
    assert told("push", "push.branch", of=run(run_id="")).runs == ()


def test_a_job_that_was_cancelled_or_skipped_deployed_nothing_whatever_the_event():
    assert skipped("push", "push.branch", success="cancelled") == (
        "job-cancelled",
        "`success` says that the deploying job was cancelled",
    )
    assert skipped("pull_request", "pull_request.opened", success="skipped") == (
        "job-skipped",
        "`success` says that the deploying job was skipped",
    )


def test_the_payload_names_the_repository_before_github_does():
    content = changed("push.branch", repository__full_name="acme/renamed")
    deployment_event = told("push", content, of=run(repository="acme/shop", repository_id="7"))
    assert deployment_event.repository == Fact(value="acme/renamed", source="repository.full_name")
    assert deployment_event.repository_id == "186853261"


def test_a_payload_without_a_repository_leaves_it_to_github():
    content = changed("push.branch", repository=None)
    deployment_event = told("push", content, of=run(repository="Acme/Shop", repository_id="7"))
    assert deployment_event.repository == Fact(
        value="Acme/Shop", source="GITHUB_REPOSITORY, since the payload names none"
    )
    assert deployment_event.repository_id == "7"


@pytest.mark.parametrize("id_", [None, "186853261", 0, True])
def test_a_repository_without_an_id_is_known_by_the_id_that_github_gives(id_):
    content = changed("push.branch", repository__id=id_)
    assert told("push", content, of=run(repository_id="7")).repository_id == "7"


@pytest.mark.parametrize("repository", [None, {"full_name": "Acme/Shop"}])
def test_a_repository_without_any_id_is_known_by_its_name_in_lower_case(repository):
    content = changed("push.branch", repository=repository)
    deployment_event = told("push", content, of=run(repository="Acme/Shop", repository_id=""))
    assert deployment_event.repository_id == "acme/shop"


@pytest.mark.parametrize("name", [None, "shop", "acme/shop/x", "https://github.com/acme/shop"])
def test_an_event_of_no_repository_is_refused(name):
    content = changed("push.branch", repository__full_name=name)
    assert refused("push", content, of=run(repository="")) == (
        "neither the payload (repository.full_name) nor GITHUB_REPOSITORY names a repository;"
        " set the input `repository`"
    )


def test_the_older_name_of_the_default_branch_will_do():
    content = changed("push.branch", repository__default_branch=None)
    content["repository"]["master_branch"] = "trunk"
    assert told("push", content).default_branch == "trunk"


def test_a_payload_may_not_tell_the_default_branch():
    content = changed(
        "push.branch", repository__default_branch=None, repository__master_branch=None
    )
    assert told("push", content).default_branch is None


# --- pull_request, pull_request_target


def test_a_merged_pull_request_was_deployed_by_its_merge_commit():
    assert told("pull_request", MERGED) == DeploymentEvent(
        event="pull_request",
        repository=Fact(value="acme/shop", source="pull_request.base.repo.full_name"),
        repository_id="186853261",
        commit_sha=Fact(
            value="7fd0709f3ed45ac797fbcf901f219c36cfe2b36a",
            source=(
                "pull_request.merge_commit_sha, since the pull request was merged;"
                " GITHUB_SHA was 109cf4c"
            ),
        ),
        identity="pull-request:3498120117",
        environment=None,
        started_at=Fact(value=at("2026-05-11T09:30:12"), source="pull_request.merged_at"),
        finished_at=None,
        success=Fact(value=True, source="the event, which reports no failure"),
        branch=Fact(value="main", source="pull_request.base.ref"),
        default_branch="main",
        version=None,
        pull_id=3498120117,
        pull_number=117,
        pull_title="Keep the cart of signed-out shoppers",
        deployment_ids=frozenset(),
        task="deploy",
        runs=THIS_RUN,
        before=None,
        marks=None,
        source_url=None,
        from_fork=False,
        warnings=(),
    )


def test_github_sha_is_only_mentioned_where_it_is_another_commit():
    merge_commit = "7fd0709f3ed45ac797fbcf901f219c36cfe2b36a"
    for sha in (merge_commit, ""):
        deployment_event = told("pull_request", MERGED, of=run(sha=sha))
        assert deployment_event.commit_sha == Fact(
            value=merge_commit,
            source="pull_request.merge_commit_sha, since the pull request was merged",
        )


@pytest.mark.parametrize("title", [None, "", 7, " "])
def test_a_pull_request_may_have_no_title(title):
    content = changed(MERGED, pull_request__title=title)
    assert told("pull_request", content).pull_title == ""


def test_the_title_of_a_pull_request_is_told_as_it_is_whatever_it_holds():
    title = "<b>@grace</b>\n::error::`x`"
    content = changed(MERGED, pull_request__title=title)
    assert told("pull_request", content).pull_title == title


def test_pull_request_target_tells_the_same():
    ours = told("pull_request", MERGED)
    assert told("pull_request_target", MERGED) == replace(ours, event="pull_request_target")


@pytest.mark.parametrize("name", ["pull_request", "pull_request_target"])
def test_a_pull_request_closed_without_a_merge_is_no_deployment(name):
    assert skipped(name, "pull_request.closed.unmerged") == (
        "pull-request-not-merged",
        "the pull request was closed without being merged",
    )


@pytest.mark.parametrize(
    ("members", "why"),
    [
        (
            {"pull_request__state": "open"},
            "the payload says that the pull request was closed, and also that it is still open",
        ),
        (
            {"pull_request__merged_at": "2026-05-11T09:30:12Z"},
            "the payload says that the pull request was not merged, and also when it was merged",
        ),
    ],
)
def test_whether_a_pull_request_was_merged_must_be_asked_for_if_its_payload_contradicts_itself(
    members, why
):
    content = changed("pull_request.closed.unmerged", **members)
    number = content["number"]
    asked = Unresolved(why=why, pull_request=number, is_merge_uncertain=True)
    for given in ({}, {"commit_sha": SHA}):
        assert told("pull_request", content, **given).commit_sha == asked
    merged = changed(MERGED, **members)
    assert isinstance(told("pull_request", merged).commit_sha, Fact)


@pytest.mark.parametrize("name", ["pull_request", "pull_request_target"])
def test_a_pull_request_that_was_not_closed_is_no_deployment(name):
    assert skipped(name, "pull_request.opened") == (
        "not-a-merge-event",
        (
            "the pull request was 'opened', and only one that is closed can be merged; run this"
            " step on `types: [closed]`"
        ),
    )


def test_a_merged_pull_request_that_is_edited_later_is_not_merged_again():
    content = changed(MERGED, action="labeled")
    assert skipped("pull_request", content)[0] == "not-a-merge-event"


def test_the_repository_of_a_pull_request_is_its_bases_even_where_its_head_has_the_same_branch():
    deployment_event = told("pull_request", "pull_request.closed.merged.fork")
    assert deployment_event.repository.value == "acme/shop"
    assert deployment_event.repository_id == "186853261"
    assert deployment_event.default_branch == "main"


def test_the_base_tells_repository_and_default_branch_before_the_event_does():
    content = changed(
        MERGED, repository={"full_name": "acme/other", "id": 1, "default_branch": "other"}
    )
    deployment_event = told("pull_request", content)
    assert deployment_event.repository.value == "acme/shop"
    assert deployment_event.repository_id == "186853261"
    assert deployment_event.default_branch == "main"
    assert deployment_event.from_fork is False


def test_the_branch_of_a_pull_request_is_its_base_and_not_its_head():
    deployment_event = told("pull_request", "pull_request.closed.merged.into_release_branch")
    assert deployment_event.branch == Fact(value="release/2026.05", source="pull_request.base.ref")


@pytest.mark.parametrize("sha", [None, "", "main", "7fd0709", "0" * 40, 7])
def test_a_merge_commit_that_is_not_told_must_be_asked_for_and_is_never_the_head(sha):
    content = changed(MERGED, pull_request__merge_commit_sha=sha)
    assert told("pull_request", content).commit_sha == Unresolved(
        why="the payload's pull_request.merge_commit_sha is not a commit SHA", pull_request=117
    )


def test_a_merge_commit_that_github_is_still_computing_must_be_asked_for():
    deployment_event = told("pull_request", "pull_request.closed.merged.no_merge_commit")
    assert deployment_event.commit_sha == Unresolved(
        why="the payload's pull_request.merge_commit_sha is not a commit SHA",
        tag=None,
        tag_object=None,
        pull_request=127,
        abbreviated=None,
        fallback=None,
    )


def test_the_number_of_a_pull_request_is_also_told_beside_it():
    content = changed(MERGED, number=118)
    assert told("pull_request", content).pull_number == 117
    content["pull_request"]["number"] = None
    assert told("pull_request", content).pull_number == 118


def test_a_pull_request_without_id_is_told_apart_by_ref_commit_and_run():
    content = changed(MERGED, pull_request__id=None)
    deployment_event = told("pull_request", content)
    assert deployment_event.pull_id is None
    assert deployment_event.identity == (
        "run:refs/heads/main:7fd0709f3ed45ac797fbcf901f219c36cfe2b36a:8412399001"
    )


@pytest.mark.parametrize("case", ["fork", "fork_deleted", "dependabot"])
def test_a_pull_request_of_a_fork_or_of_dependabot_is_given_no_secrets(case):
    assert told("pull_request", f"{MERGED}.{case}").from_fork is True


@pytest.mark.parametrize("case", ["fork", "fork_deleted", "dependabot"])
def test_pull_request_target_always_has_secrets(case):
    assert told("pull_request_target", f"{MERGED}.{case}").from_fork is False


def test_a_pull_request_that_dependabot_merges_is_given_no_secrets():
    assert told("pull_request", MERGED, of=run(actor="dependabot[bot]")).from_fork is True


DEPENDABOTS = run(actor="dependabot[bot]")


@pytest.mark.parametrize(
    ("name", "case", "given"),
    [
        ("push", "push.branch", {}),
        ("push", "push.tag.annotated", {}),
        ("deployment_status", "deployment_status.success", {}),
        ("create", "create", {"commit_sha": SHA}),
        ("deployment", "deployment.created", {"commit_sha": SHA}),
        ("pull_request_review", MERGED, {"commit_sha": SHA}),
    ],
)
def test_what_dependabot_starts_is_given_no_secrets(name, case, given):
    assert told(name, case, of=DEPENDABOTS, **given).from_fork is True
    content = {**payload_file(case), "sender": {"login": "dependabot[bot]"}}
    assert told(name, content, of=run(actor=""), **given).from_fork is True
    assert told(name, case, **given).from_fork is False


@pytest.mark.parametrize(
    ("name", "case", "given"),
    [
        ("pull_request_target", MERGED, {}),
        ("workflow_run", "workflow_run.success", {}),
        ("release", "release.published", {}),
        ("schedule", "schedule", {"commit_sha": SHA}),
    ],
)
def test_other_events_have_secrets_whoever_causes_them(name, case, given):
    assert told(name, case, of=DEPENDABOTS, **given).from_fork is False


def test_a_base_without_a_name_is_the_events_repository():
    content = changed(MERGED, pull_request__base__repo=None)
    assert told("pull_request", content).from_fork is False


def test_a_pull_request_between_unknown_repositories_counts_as_a_forks():
    content = changed(
        MERGED, pull_request__head__repo=None, pull_request__base__repo=None, repository=None
    )
    assert told("pull_request", content).from_fork is True


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("action", "a text"),
        ("pull_request.merged", "true or false"),
        ("pull_request.base.ref", "a text"),
    ],
)
@pytest.mark.parametrize("value", [None, 1, [], "  "])
def test_a_pull_request_that_lacks_what_decides_is_refused(path, kind, value):
    content = changed(MERGED, **{path.replace(".", "__"): value})
    assert refused("pull_request", content) == (
        f"the payload's {path} is not {kind}, so nothing tells whether this was a deployment;"
        f" {LOOK}"
    )


# --- push of a branch


def test_a_push_deploys_the_branchs_new_tip():
    assert told("push", "push.branch") == DeploymentEvent(
        event="push",
        repository=Fact(value="acme/shop", source="repository.full_name"),
        repository_id="186853261",
        commit_sha=Fact(
            value="53d5a576a77f71c0b37048fec0fc2f052e17712d",
            source="after; GITHUB_SHA was 109cf4c",
        ),
        identity="run:refs/heads/main:53d5a576a77f71c0b37048fec0fc2f052e17712d:8412399001",
        is_run_identity=True,
        started_at=Fact(value=at("2026-05-12T08:14:03"), source="repository.pushed_at"),
        branch=Fact(value="main", source="ref"),
        default_branch="main",
        runs=THIS_RUN,
        before=BEFORE,
        source_url=None,
    )


@pytest.mark.parametrize("before", ["0" * 40, None, "main", "53d5a57"])
def test_a_push_that_made_its_branch_has_nothing_before_it(before):
    assert told("push", "push.branch.created").before is None
    assert told("push", changed("push.branch", before=before)).before is None


@pytest.mark.parametrize(
    ("forced", "before"), [(True, None), (False, BEFORE), (None, BEFORE), ("true", BEFORE)]
)
def test_after_a_forced_push_what_was_before_may_be_on_no_branch_and_is_not_told(forced, before):
    assert told("push", "push.branch.forced").before is None
    assert told("push", changed("push.branch", forced=forced)).before == before


def test_a_pushs_time_may_be_text_as_well_as_a_number():
    content = changed("push.branch", repository__pushed_at="2026-05-12T10:14:03+02:00")
    assert told("push", content).started_at == Fact(
        value=at("2026-05-12T08:14:03"), source="repository.pushed_at"
    )


@pytest.mark.parametrize("pushed_at", [None, "yesterday", -1, 1, 10**10, 1.5, True])
def test_a_time_that_cannot_be_true_is_not_told(pushed_at):
    content = changed("push.branch", repository__pushed_at=pushed_at)
    assert told("push", content).started_at is None


@pytest.mark.parametrize(
    ("case", "branch", "sha"),
    [
        ("created", "release/2026.06", "2a7a4e4d6abdeb10071de571af2ae2a0bceac942"),
        ("forced", "main", "d6ff11665f7764d5edf2a950e4d1d126d2ffaaee"),
        ("feature", "feature/cart", "b74103399b06e8ea3e83b3e69593040f969cb110"),
    ],
)
def test_a_push_may_create_or_rewrite_a_branch_and_its_name_may_have_slashes(case, branch, sha):
    deployment_event = told("push", f"push.branch.{case}")
    assert deployment_event.branch == Fact(value=branch, source="ref")
    assert deployment_event.commit_sha == Fact(value=sha, source="after; GITHUB_SHA was 109cf4c")


@pytest.mark.parametrize(
    ("case", "ref"),
    [
        ("push.branch.deleted", "refs/heads/release/2026.04"),
        ("push.tag.deleted", "refs/tags/v1.12.0-rc.2"),
    ],
)
def test_a_push_that_deletes_deploys_nothing_not_even_what_was_there_before(case, ref):
    assert skipped("push", case) == ("ref-deleted", f"the push deleted '{ref}'")
    either = (changed(case, deleted=None), changed(case, after=None))
    for content in either:
        assert skipped("push", content) == ("ref-deleted", f"the push deleted '{ref}'")


@pytest.mark.parametrize("after", [None, "", "53d5a57", 7])
def test_a_push_that_does_not_tell_the_tip_leaves_it_to_github_sha(after):
    deployment_event = told("push", changed("push.branch", after=after))
    assert deployment_event.commit_sha == Fact(
        value=GITHUB_SHA, source="GITHUB_SHA, since the payload has no SHA at after"
    )
    assert deployment_event.identity == f"run:refs/heads/main:{GITHUB_SHA}:8412399001"


def test_a_push_of_which_nothing_tells_the_tip_is_left_open():
    deployment_event = told("push", changed("push.branch", after=None), of=run(sha=""))
    assert deployment_event.commit_sha == Unresolved(
        why="neither the payload's after nor GITHUB_SHA is a commit SHA"
    )


def test_a_push_that_names_no_ref_is_of_the_ref_that_github_names():
    deployment_event = told(
        "push", changed("push.branch", ref=None), of=run(ref="refs/heads/release")
    )
    assert deployment_event.branch == Fact(value="release", source="GITHUB_REF")


def test_a_push_to_no_ref_is_refused():
    assert refused("push", changed("push.branch", ref=""), of=run(ref="")) == (
        "the payload's ref is not a branch or tag, so nothing tells whether this was a"
        f" deployment; {LOOK}"
    )


@pytest.mark.parametrize(
    ("ref", "shown"),
    [
        ("refs/notes/commits", "'refs/notes/commits'"),
        ("refs/heads/", "'refs/heads/'"),
        ("main", "'main'"),
        ("refs/heads/a\nb", r"'refs/heads/a\nb'"),
        ("refs/tags/v1\x1b[2J", r"'refs/tags/v1\x1b[2J'"),
    ],
)
def test_a_push_to_neither_branch_nor_tag_is_no_deployment(ref, shown):
    assert skipped("push", changed("push.branch", ref=ref)) == (
        "event-not-a-deployment",
        f"the push was to {shown}, which is no branch and no tag",
    )


def test_the_ref_the_commit_and_the_run_tell_pushes_apart_and_the_attempt_does_not():
    def identity(**variables):
        return told("push", "push.branch", of=run(**variables)).identity

    assert identity() == identity(run_attempt="2")
    assert len({identity(), identity(ref="refs/heads/x"), identity(run_id="1")}) == 3
    assert identity(ref="", run_id="") == "run::53d5a576a77f71c0b37048fec0fc2f052e17712d:"


def test_an_explicit_commit_tells_runs_apart_instead_of_the_events():
    assert told("push", "push.branch", commit_sha=SHA).identity == (
        f"run:refs/heads/main:{SHA}:8412399001"
    )


# --- push of a tag


def test_a_pushed_annotated_tag_deploys_its_commit_and_not_the_tag_object():
    assert told("push", "push.tag.annotated", of=run(ref="refs/tags/v1.12.0")) == DeploymentEvent(
        event="push",
        repository=Fact(value="acme/shop", source="repository.full_name"),
        repository_id="186853261",
        commit_sha=Fact(
            value="96f8ae0591bddf176c4d32a71fdf04ed26445f00",
            source=(
                "head_commit.id, the commit that v1.12.0 names; after was 84fc656, the tag object"
            ),
        ),
        identity="run:refs/tags/v1.12.0:96f8ae0591bddf176c4d32a71fdf04ed26445f00:8412399001",
        is_run_identity=True,
        started_at=Fact(value=at("2026-05-20T12:58:31"), source="repository.pushed_at"),
        branch=None,
        default_branch="main",
        runs=THIS_RUN,
        before=None,
        marks="tags",
        version=Fact(value="v1.12.0", source="ref, a tag"),
    )


def test_a_pushed_lightweight_tag_deploys_its_commit():
    deployment_event = told("push", "push.tag.lightweight")
    assert deployment_event.commit_sha == Fact(
        value="edc5c69dcb1b5b97f6e15e20a338ceb0fcf1590b",
        source="head_commit.id, the commit that v1.11.3 names",
    )
    assert deployment_event.version == Fact(value="v1.11.3", source="ref, a tag")


def test_a_pushed_tag_needs_nothing_but_the_commit_that_it_names():
    deployment_event = told("push", changed("push.tag.annotated", after=None))
    assert deployment_event.commit_sha == Fact(
        value="96f8ae0591bddf176c4d32a71fdf04ed26445f00",
        source="head_commit.id, the commit that v1.12.0 names",
    )


def test_a_tag_that_the_payload_does_not_peel_must_be_asked_for():
    deployment_event = told("push", "push.tag.annotated.no_head_commit")
    assert deployment_event.commit_sha == Unresolved(
        why="the payload's head_commit.id is not a commit SHA",
        tag=None,
        tag_object="84fc656ff3eec51140b5bf5fed90f8ff2e00a87e",
        pull_request=None,
        fallback=Fact(
            value=GITHUB_SHA, source="GITHUB_SHA, since the payload has no SHA at head_commit.id"
        ),
    )
    assert deployment_event.identity == "run:refs/heads/main::8412399001"


def test_what_may_be_a_tag_object_is_never_taken_for_the_commit():
    tag_object = "84fc656ff3eec51140b5bf5fed90f8ff2e00a87e"
    deployment_event = told("push", "push.tag.annotated.no_head_commit", of=run(sha=tag_object))
    assert deployment_event.commit_sha == Unresolved(
        why="the payload's head_commit.id is not a commit SHA", tag_object=tag_object
    )


def test_a_tag_of_which_the_payload_tells_no_sha_is_asked_for_by_name():
    content = changed("push.tag.annotated.no_head_commit", after=None)
    assert told("push", content, of=run(sha="")).commit_sha == Unresolved(
        why="the payload's head_commit.id is not a commit SHA", tag="v1.12.0"
    )


def test_a_tag_may_have_slashes():
    deployment_event = told("push", changed("push.tag.lightweight", ref="refs/tags/checkout/v1"))
    assert deployment_event.version == Fact(value="checkout/v1", source="ref, a tag")


# --- release


@pytest.mark.parametrize("case", ["release.published", "release.released"])
def test_a_published_release_deploys_the_commit_of_its_tag(case):
    assert told("release", case, of=run(ref="refs/tags/v1.12.0", sha=SHA)) == DeploymentEvent(
        event="release",
        repository=Fact(value="acme/shop", source="repository.full_name"),
        repository_id="186853261",
        commit_sha=Fact(value=SHA, source="GITHUB_SHA, since GITHUB_REF is the tag v1.12.0"),
        identity="release:298120112",
        started_at=Fact(value=at("2026-05-20T13:02:47"), source="release.published_at"),
        branch=None,
        default_branch="main",
        runs=THIS_RUN,
        marks="releases",
        version=Fact(value="v1.12.0", source="release.tag_name"),
    )


@pytest.mark.parametrize(
    ("variables", "why"),
    [
        ({"ref": "refs/heads/main"}, "GITHUB_REF is not the release's tag 'v1.12.0'"),
        ({"ref": "refs/tags/v1"}, "GITHUB_REF is not the release's tag 'v1.12.0'"),
        ({"ref": "refs/tags/v1.12.0", "sha": ""}, "GITHUB_SHA is not set"),
    ],
)
def test_a_release_whose_tag_is_not_the_runs_ref_must_be_asked_for(variables, why):
    deployment_event = told("release", "release.published", of=run(**variables))
    assert deployment_event.commit_sha == Unresolved(why=why, tag="v1.12.0")


def test_a_release_without_id_is_told_apart_by_ref_and_run():
    deployment_event = told("release", changed("release.published", release__id=None))
    assert deployment_event.identity == "run:refs/heads/main::8412399001"


def test_a_release_that_was_only_edited_is_no_deployment():
    assert skipped("release", "release.edited") == (
        "event-not-a-deployment",
        "the release was 'edited'; only a published one is a deployment",
    )


@pytest.mark.parametrize("action", ["created", "deleted", "unpublished", "some\nday"])
def test_a_release_that_was_not_published_is_no_deployment(action):
    content = changed("release.published", action=action)
    assert skipped("release", content) == (
        "event-not-a-deployment",
        f"the release was {action!r}; only a published one is a deployment",
    )


def test_a_draft_is_no_deployment():
    assert skipped("release", "release.draft")[0] == "event-not-a-deployment"
    assert skipped("release", changed("release.draft", action="published")) == (
        "event-not-a-deployment",
        "the release is still a draft",
    )


@pytest.mark.parametrize(
    "content",
    [
        payload_file("release.prereleased"),
        changed("release.prereleased", action="prereleased"),
        changed("release.prereleased", action="prereleased", release__prerelease=None),
    ],
)
def test_a_prerelease_is_a_deployment_only_if_its_environment_is_given(content):
    assert skipped("release", content) == (
        "prerelease",
        "the release is a prerelease; set `environment` to report those as well",
    )
    deployment_event = told("release", content, environment="staging")
    assert deployment_event.identity == "release:299004518"
    assert deployment_event.version == Fact(value="v1.13.0-rc.1", source="release.tag_name")


@pytest.mark.parametrize("path", ["action", "release.tag_name"])
def test_a_release_that_lacks_what_decides_is_refused(path):
    content = changed("release.published", **{path.replace(".", "__"): None})
    assert refused("release", content) == (
        f"the payload's {path} is not a text, so nothing tells whether this was a deployment;"
        f" {LOOK}"
    )


def test_a_tag_with_control_characters_is_refused():
    assert refused("release", changed("release.published", release__tag_name="v1\r::x::")) == (
        "release.tag_name has a control character; rename the tag"
    )


# --- deployment_status


def test_a_deployment_that_succeeded_has_commit_environment_and_times_of_its_own():
    assert told("deployment_status", "deployment_status.success") == DeploymentEvent(
        event="deployment_status",
        repository=Fact(value="acme/shop", source="repository.full_name"),
        repository_id="186853261",
        commit_sha=Fact(
            value="31c49334e066b8cc72f3bacdcbe7c76ff9b5284f",
            source="deployment.sha; GITHUB_SHA was 109cf4c",
        ),
        identity="deployment:3512048801",
        environment=Fact(value="production", source="deployment_status.environment"),
        is_production=True,
        started_at=Fact(value=at("2026-05-12T08:20:15"), source="deployment.created_at"),
        finished_at=Fact(value=at("2026-05-12T08:24:40"), source="deployment_status.created_at"),
        success=Fact(value=True, source="deployment_status.state, which is success"),
        branch=None,
        default_branch="main",
        version=None,
        pull_id=None,
        pull_number=None,
        pull_title="",
        deployment_ids=frozenset({"3512048801", "DE_kwDOCyMnjc7RVZyh"}),
        task="deploy",
        runs=(RunAttempt(run_id="8412345601", attempt=1, began_at=at("2026-05-12T08:19:58")),),
        reporting_run_ids=frozenset({"8412399001"}),
        creator="github-actions[bot]",
        before=None,
        marks=None,
        source_url="https://github.com/acme/shop/actions/runs/8412345601/job/23078451234",
        from_fork=False,
        warnings=(),
    )


@pytest.mark.parametrize(
    ("state", "identity"),
    [("failure", "deployment:3512051777"), ("error", "deployment:3512052130")],
)
def test_a_deployment_that_failed_is_one_without_success(state, identity):
    deployment_event = told("deployment_status", f"deployment_status.{state}")
    assert deployment_event.success == Fact(
        value=False, source=f"deployment_status.state, which is {state}"
    )
    assert deployment_event.identity == identity


@pytest.mark.parametrize("state", ["pending", "in_progress", "inactive", "queued", "waiting"])
def test_a_deployment_in_any_other_state_is_not_done(state):
    content = changed("deployment_status.success", deployment_status__state=state)
    assert skipped("deployment_status", content) == (
        "state-not-final",
        f"the deployment's state is '{state}', which is not final",
    )


@pytest.mark.parametrize("state", ["pending", "in_progress", "inactive"])
def test_a_payload_of_a_deployment_that_is_not_done_is_skipped(state):
    reason, _ = skipped("deployment_status", f"deployment_status.{state}")
    assert reason == "state-not-final"


def test_a_preview_that_will_be_taken_down_is_no_deployment():
    assert skipped("deployment_status", "deployment_status.transient") == (
        "transient-environment",
        "deployment.transient_environment is true: a preview that will be taken down",
    )
    assert skipped(
        "deployment_status", "deployment_status.transient", environment="production"
    ) == (
        "transient-environment",
        (
            "deployment.transient_environment is true: a preview that will be taken down, although"
            " `environment` is 'production'"
        ),
    )


@pytest.mark.parametrize("case", ["staging", "capitalised"])
def test_the_environment_is_told_as_it_is_written(case):
    deployment_event = told("deployment_status", f"deployment_status.{case}")
    assert deployment_event.environment == Fact(
        value={"staging": "staging", "capitalised": "Production"}[case],
        source="deployment_status.environment",
    )


def test_the_statuss_environment_goes_before_the_deployments_present_and_first_one():
    content = changed(
        "deployment_status.success",
        deployment_status__environment="one",
        deployment__environment="two",
        deployment__original_environment="three",
    )

    def environment():
        return told("deployment_status", content).environment

    assert environment() == Fact(value="one", source="deployment_status.environment")
    content["deployment_status"]["environment"] = ""
    assert environment() == Fact(value="two", source="deployment.environment")
    content["deployment"]["environment"] = None
    assert environment() == Fact(value="three", source="deployment.original_environment")
    content["deployment"]["original_environment"] = 3
    assert environment() is None


def test_the_environment_that_github_knows_is_told_also_where_one_is_given():
    deployment_event = told("deployment_status", "deployment_status.success", environment="live")
    assert deployment_event.environment == Fact(
        value="production", source="deployment_status.environment"
    )


def test_a_deployment_is_known_by_either_of_its_ids():
    content = changed("deployment_status.success", deployment__node_id=None)
    assert told("deployment_status", content).deployment_ids == frozenset({"3512048801"})
    content["deployment"].update(id=None, node_id="DE_kwDO")
    assert told("deployment_status", content).deployment_ids == frozenset({"DE_kwDO"})
    content["deployment"]["node_id"] = 7
    assert told("deployment_status", content).deployment_ids == frozenset()


@pytest.mark.parametrize(
    ("task", "known"), [("deploy:migrations", "deploy:migrations"), (None, "deploy"), (7, "deploy")]
)
def test_a_deployments_task_is_told_and_is_deploy_unless_it_says_another(task, known):
    content = changed("deployment_status.success", deployment__task=task)
    assert told("deployment_status", content).task == known


@pytest.mark.parametrize(
    ("log_url", "target_url", "runs"),
    [
        ("https://github.com/acme/shop/actions/runs/17/job/4", None, ["17"]),
        (None, "https://github.com/acme/shop/actions/runs/18", ["18"]),
        (
            "https://github.com/acme/shop/actions/runs/17/job/4",
            "https://github.com/acme/shop/actions/runs/18/attempts/2",
            ["17", "18"],
        ),
        ("https://ci.acme.example/builds/17", "https://ci.acme.example/actions/runs/", []),
        ("/actions/runs/7", "/actions/runs/" + "9" * 19, ["7", "9" * 19]),
        ("/actions/runs/\u0661\u0667", None, []),
        ("https://github.com/acme/shop/actions/runs/" + "9" * 20, 17, []),
    ],
)
def test_the_runs_that_deployed_are_known_by_the_addresses_of_their_logs(log_url, target_url, runs):
    content = changed(
        "deployment_status.success",
        deployment_status__log_url=log_url,
        deployment_status__target_url=target_url,
    )
    deployment_event = told("deployment_status", content)
    assert deployment_event.runs == tuple(
        RunAttempt(run_id=run_id, attempt=None) for run_id in runs
    )
    assert deployment_event.reporting_run_ids == {"8412399001"}


def test_a_run_that_reports_its_own_deployment_is_the_one_that_deployed():
    content = changed(
        "deployment_status.success",
        deployment_status__log_url="https://github.com/acme/shop/actions/runs/8412399001/job/1",
        deployment_status__target_url=None,
    )
    deployment_event = told("deployment_status", content)
    assert deployment_event.runs == (RunAttempt(run_id="8412399001", attempt=None),)
    assert deployment_event.reporting_run_ids == frozenset()


@pytest.mark.parametrize(
    ("creator", "payload", "login", "services"),
    [
        ({"login": "vercel[bot]"}, {"service": "Web"}, "vercel[bot]", {"web"}),
        ({"login": "ada"}, '{"services": ["web", "API"]}', "ada", {"web", "api"}),
        (None, None, "", set()),
        ("ada", "web", "", set()),
    ],
)
def test_a_deployment_says_who_made_it_and_of_what(creator, payload, login, services):
    content = changed(
        "deployment_status.success", deployment__creator=creator, deployment__payload=payload
    )
    deployment_event = told("deployment_status", content)
    assert (deployment_event.creator, deployment_event.named_services) == (login, services)


@pytest.mark.parametrize("name", ["a\nb", "prod\x1b[31m", "a\u2028b", "\ud800"])
def test_an_environment_with_control_characters_is_refused_unless_one_is_given(name):
    content = changed("deployment_status.success", deployment_status__environment=name)
    assert refused("deployment_status", content) == (
        "deployment_status.environment has a line break or another control character; set"
        " `environment`"
    )
    assert told("deployment_status", content, environment="production").environment is None


@pytest.mark.parametrize("sha", [None, "main", "0" * 40])
def test_a_deployment_without_a_commit_is_left_open_and_never_github_sha(sha):
    content = changed("deployment_status.success", deployment__sha=sha)
    assert told("deployment_status", content).commit_sha == Unresolved(
        why="the payload's deployment.sha is not a commit SHA"
    )


def test_a_commit_of_a_sha_256_repository_is_told_in_full():
    content = changed("deployment_status.success", deployment__sha="AB" * 32)
    assert told("deployment_status", content, of=run(sha="")).commit_sha == Fact(
        value="ab" * 32, source="deployment.sha"
    )


def test_a_deployment_without_id_is_told_apart_by_ref_commit_and_run():
    content = changed("deployment_status.success", deployment__id=None)
    assert told("deployment_status", content).identity == (
        "run:refs/heads/main:31c49334e066b8cc72f3bacdcbe7c76ff9b5284f:8412399001"
    )


def test_a_deployed_tag_is_the_version_where_the_run_says_that_it_is_a_tag():
    content = payload_file("deployment_status.from_tag")
    as_tag = told("deployment_status", content, of=run(ref="refs/tags/v1.12.0"))
    assert as_tag.version == Fact(
        value="v1.12.0", source="deployment.ref, which GITHUB_REF says is a tag"
    )
    assert as_tag.branch is None
    assert told("deployment_status", content, of=run(ref="v1.12.0")).version is None
    assert told("deployment_status", content, of=run(ref="refs/heads/v1.12.0")).version is None


def test_a_deployed_ref_may_say_itself_that_it_is_a_tag():
    content = changed("deployment_status.from_tag", deployment__ref="refs/tags/v1.12.0")
    assert told("deployment_status", content).version == Fact(
        value="v1.12.0", source="deployment.ref, a tag"
    )


@pytest.mark.parametrize(
    ("ref", "in_run"),
    [
        ("", run(ref="refs/tags/")),
        (None, run(ref="refs/tags/None")),
        ("refs/tags/", run()),
        ("refs/tags/v\x1b1", run()),
        ("v\x1b1", run(ref="refs/tags/v\x1b1")),
    ],
)
def test_a_deployed_ref_that_is_no_name_is_no_version(ref, in_run):
    content = changed("deployment_status.from_tag", deployment__ref=ref)
    assert told("deployment_status", content, of=in_run).version is None


def test_the_address_of_the_log_may_be_missing_or_under_its_older_name():
    assert told("deployment_status", "deployment_status.no_log_url").source_url is None
    content = changed(
        "deployment_status.success",
        deployment_status__log_url="",
        deployment_status__target_url="http://ci.acme.example/1",
    )
    assert told("deployment_status", content).source_url == "http://ci.acme.example/1"


def test_the_address_of_the_log_goes_before_its_older_name():
    content = changed(
        "deployment_status.success",
        deployment_status__log_url="https://ci.acme.example/new",
        deployment_status__target_url="https://ci.acme.example/old",
    )
    assert told("deployment_status", content).source_url == "https://ci.acme.example/new"


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "ftp://ci.acme.example/1", "https://u:p@ci.acme.example", 7]
)
def test_an_address_that_is_no_plain_web_address_is_not_passed_on(url):
    content = changed(
        "deployment_status.success",
        deployment_status__log_url=url,
        deployment_status__target_url=url,
    )
    assert told("deployment_status", content).source_url is None


def test_a_deployment_without_a_state_is_refused():
    content = changed("deployment_status.success", deployment_status__state=None)
    assert refused("deployment_status", content) == (
        "the payload's deployment_status.state is not a text, so nothing tells whether this was a"
        f" deployment; {LOOK}"
    )


# --- workflow_run


def test_a_workflow_run_that_succeeded_deploys_its_own_commit_at_its_own_times():
    assert told("workflow_run", "workflow_run.success") == DeploymentEvent(
        event="workflow_run",
        repository=Fact(value="acme/shop", source="repository.full_name"),
        repository_id="186853261",
        commit_sha=Fact(
            value="ad8dc1f7c92194785f7615de970f0b6b2fd94557",
            source="workflow_run.head_sha; GITHUB_SHA was 109cf4c",
        ),
        identity="workflow-run:8412345678",
        started_at=Fact(value=at("2026-05-13T11:02:20"), source="workflow_run.run_started_at"),
        finished_at=Fact(value=at("2026-05-13T11:09:47"), source="workflow_run.updated_at"),
        success=Fact(value=True, source="workflow_run.conclusion, which is 'success'"),
        branch=Fact(value="main", source="workflow_run.head_branch"),
        branch_kind="unknown",
        default_branch="main",
        runs=(
            RunAttempt(run_id="8412345678", attempt=1, began_at=at("2026-05-13T11:02:20")),
            *THIS_RUN,
        ),
        source_url="https://github.com/acme/shop/actions/runs/8412345678",
    )


def test_a_workflow_run_without_a_start_started_when_it_was_made():
    content = changed("workflow_run.success", workflow_run__run_started_at=None)
    assert told("workflow_run", content).started_at == Fact(
        value=at("2026-05-13T11:02:18"), source="workflow_run.created_at"
    )


@pytest.mark.parametrize(
    "content",
    [
        payload_file("workflow_run.no_conclusion"),
        changed("workflow_run.success", workflow_run__conclusion=None),
        changed("workflow_run.success", action="requested"),
    ],
)
def test_a_workflow_run_that_has_not_ended_is_no_deployment_even_if_success_is_given(content):
    for given in ({}, {"success": "true"}):
        assert skipped("workflow_run", content, **given) == (
            "state-not-final",
            "the workflow run has not ended yet; run this step on `types: [completed]`",
        )


def test_a_workflow_run_that_failed_is_a_deployment_only_if_success_is_given():
    assert skipped("workflow_run", "workflow_run.failure") == (
        "run-not-successful",
        "the workflow run ended as 'failure'; set `success` to report such runs",
    )
    deployment_event = told("workflow_run", "workflow_run.failure", success="failure")
    assert deployment_event.success == Fact(
        value=False, source="workflow_run.conclusion, which is 'failure'"
    )
    assert deployment_event.identity == "workflow-run:8412346102"


@pytest.mark.parametrize("conclusion", ["cancelled", "skipped", "neutral", "timed_out", "stale"])
def test_only_success_deploys(conclusion):
    content = changed("workflow_run.success", workflow_run__conclusion=conclusion)
    assert skipped("workflow_run", content)[0] == "run-not-successful"


@pytest.mark.parametrize(
    "trigger", ["pull_request", "pull_request_target", "pull_request_review", "merge_group"]
)
def test_a_workflow_run_for_a_pull_request_has_no_commit_that_was_merged(trigger):
    content = changed("workflow_run.pull_request", workflow_run__event=trigger)
    for given in ({}, {"success": "true"}):
        assert skipped("workflow_run", content, **given) == (
            "event-not-a-deployment",
            (
                f"the workflow run was for '{trigger}', whose commit is not one that was merged;"
                " set `commit-sha` to report it"
            ),
        )


@pytest.mark.parametrize(
    "trigger",
    [
        *("workflow_run", "issue_comment", "check_run", "check_suite", "status"),
        *("repository_dispatch", "issues", "delete", "dynamic", "unicorn_groomed", "Push"),
    ],
)
def test_a_workflow_run_whose_trigger_runs_the_default_branch_may_have_built_anything(trigger):
    content = changed("workflow_run.success", workflow_run__event=trigger)
    for given in ({}, {"success": "true"}):
        assert skipped("workflow_run", content, **given) == (
            "event-not-a-deployment",
            (
                f"the workflow run was started by '{trigger}', for which GitHub gives the default"
                " branch's tip, whatever the run deployed; set `commit-sha` to report it"
            ),
        )


@pytest.mark.parametrize("trigger", [None, "", 7])
def test_a_workflow_run_of_an_unknown_trigger_may_have_built_anything(trigger):
    content = changed("workflow_run.success", workflow_run__event=trigger)
    assert skipped("workflow_run", content) == (
        "event-not-a-deployment",
        (
            "the payload does not say what started the workflow run, so its commit may be any;"
            " set `commit-sha` to report it"
        ),
    )


@pytest.mark.parametrize("trigger", ["workflow_run", "issue_comment", "pull_request", None])
def test_a_workflow_run_of_any_trigger_is_a_deployment_if_its_commit_is_given(trigger):
    content = changed("workflow_run.success", workflow_run__event=trigger)
    assert told("workflow_run", content, commit_sha=SHA) == told(
        "workflow_run", "workflow_run.success", commit_sha=SHA
    )


@pytest.mark.parametrize(
    "trigger",
    [
        *("push", "schedule", "workflow_dispatch", "release", "deployment"),
        *("deployment_status", "create"),
    ],
)
def test_a_workflow_run_whose_trigger_tells_its_commit_deploys_that(trigger):
    content = changed("workflow_run.success", workflow_run__event=trigger)
    assert told("workflow_run", content).commit_sha == Fact(
        value="ad8dc1f7c92194785f7615de970f0b6b2fd94557",
        source="workflow_run.head_sha; GITHUB_SHA was 109cf4c",
    )


@pytest.mark.parametrize("case", ["fork", "head_repository_null"])
def test_a_workflow_run_of_another_repository_is_foreign(case):
    assert skipped("workflow_run", f"workflow_run.{case}", success="true") == (
        "foreign-repository",
        "the workflow run's commit is from another repository, a fork or a deleted one",
    )


def test_a_workflow_run_is_foreign_where_nothing_tells_which_repository_is_ours():
    content = changed("workflow_run.success", repository=None)
    reason, _ = skipped("workflow_run", content, of=run(repository=""))
    assert reason == "foreign-repository"


def test_the_payload_tells_which_repository_is_ours_before_github_does():
    deployment_event = told("workflow_run", "workflow_run.success", of=run(repository="acme/old"))
    assert deployment_event.source_url == "https://github.com/acme/shop/actions/runs/8412345678"


@pytest.mark.parametrize(("own", "head"), [("ACME/Shop", "acme/shop"), ("acme/shop", "ACME/Shop")])
def test_the_names_of_repositories_have_no_case(own, head):
    content = changed(
        "workflow_run.success", repository=None, workflow_run__head_repository={"full_name": head}
    )
    deployment_event = told("workflow_run", content, of=run(repository=own))
    assert deployment_event.source_url == f"https://github.com/{own}/actions/runs/8412345678"


def test_a_workflow_run_without_id_is_told_apart_by_ref_commit_and_run():
    deployment_event = told("workflow_run", changed("workflow_run.success", workflow_run__id=None))
    assert deployment_event.identity == (
        "run:refs/heads/main:ad8dc1f7c92194785f7615de970f0b6b2fd94557:8412399001"
    )
    assert deployment_event.source_url is None


def test_a_workflow_run_may_not_say_which_attempt_it_was():
    content = changed(
        "workflow_run.success", workflow_run__run_attempt=None, workflow_run__run_started_at=None
    )
    assert told("workflow_run", content).runs == (
        RunAttempt(run_id="8412345678", attempt=None, began_at=None),
        *THIS_RUN,
    )


def test_a_workflow_run_without_id_is_known_by_this_run_alone():
    content = changed("workflow_run.success", workflow_run__id=None)
    assert told("workflow_run", content).runs == THIS_RUN


def test_a_workflow_run_without_a_commit_is_left_open_and_never_github_sha():
    deployment_event = told(
        "workflow_run", changed("workflow_run.success", workflow_run__head_sha=None)
    )
    assert deployment_event.commit_sha == Unresolved(
        why="the payload's workflow_run.head_sha is not a commit SHA"
    )


@pytest.mark.parametrize(
    ("path", "kind"),
    [("workflow_run", "an object"), ("action", "a text")],
)
def test_a_workflow_run_that_lacks_what_decides_is_refused(path, kind):
    content = changed("workflow_run.success", **{path.replace(".", "__"): None})
    assert refused("workflow_run", content) == (
        f"the payload's {path} is not {kind}, so nothing tells whether this was a deployment;"
        f" {LOOK}"
    )


def test_a_workflow_run_for_a_release_has_its_tag_for_a_branch():
    content = changed(
        "workflow_run.success", workflow_run__event="release", workflow_run__head_branch="v1.2.3"
    )
    deployment_event = told("workflow_run", content)
    assert deployment_event.branch == Fact(value="v1.2.3", source="workflow_run.head_branch")
    assert deployment_event.branch_kind == "tag"


@pytest.mark.parametrize("branch", [None, "", 7])
def test_a_workflow_run_may_name_no_branch(branch):
    content = changed(
        "workflow_run.success", workflow_run__event="deployment", workflow_run__head_branch=branch
    )
    assert told("workflow_run", content).branch == Fact(value="", source="workflow_run.head_branch")


# --- workflow_dispatch


@pytest.mark.parametrize("case", ["workflow_dispatch", "workflow_dispatch.no_inputs"])
def test_a_run_by_hand_deploys_the_tip_of_its_ref(case):
    assert told("workflow_dispatch", case) == DeploymentEvent(
        event="workflow_dispatch",
        repository=Fact(value="acme/shop", source="repository.full_name"),
        repository_id="186853261",
        commit_sha=Fact(
            value=GITHUB_SHA, source="GITHUB_SHA, since the payload has no SHA at inputs.sha"
        ),
        identity=f"run:refs/heads/main:{GITHUB_SHA}:8412399001",
        is_run_identity=True,
        default_branch="main",
        runs=THIS_RUN,
    )


def test_a_run_by_hand_deploys_the_commit_that_it_was_started_with():
    content = changed("workflow_dispatch", inputs={"sha": f" {SHA.upper()} "})
    deployment_event = told("workflow_dispatch", content)
    assert deployment_event.commit_sha == Fact(
        value=SHA, source="inputs.sha; GITHUB_SHA was 109cf4c"
    )
    assert deployment_event.is_told_afterwards


def test_a_short_sha_that_the_run_was_started_with_must_be_asked_for():
    content = changed("workflow_dispatch", inputs={"sha": "5A47C3F"})
    deployment_event = told("workflow_dispatch", content)
    assert deployment_event.commit_sha == Unresolved(
        why="inputs.sha is a short SHA", abbreviated="5a47c3f"
    )


@pytest.mark.parametrize("sha", ["v1.2", "HEAD", "sha256:abc", "0" * 40])
def test_an_input_of_that_name_that_is_no_sha_is_never_the_tip_of_the_ref(sha):
    content = changed("workflow_dispatch", inputs={"sha": sha})
    assert told("workflow_dispatch", content).commit_sha == Unresolved(
        why=f"the run was started with the input sha '{sha}', which is no commit SHA"
    )
    assert told("workflow_dispatch", content, commit_sha=SHA).warnings == ()


def test_a_run_by_hand_on_a_tag_has_it_for_its_version():
    on_a_tag = run(ref="refs/tags/v1.2.3")
    version = Fact(value="v1.2.3", source="GITHUB_REF, a tag")
    assert told("workflow_dispatch", "workflow_dispatch", of=on_a_tag).version == version
    for own in (GITHUB_SHA, GITHUB_SHA[:7]):
        deployment_event = told(
            "workflow_dispatch", "workflow_dispatch", of=on_a_tag, commit_sha=own
        )
        assert deployment_event.version == version


def test_a_tag_is_no_version_of_another_commit_than_its_own():
    on_a_tag = run(ref="refs/tags/v1.2.3")
    content = changed("workflow_dispatch", inputs={"sha": SHA})
    assert told("workflow_dispatch", content, of=on_a_tag).version is None
    deployment_event = told("workflow_dispatch", "workflow_dispatch", of=on_a_tag, commit_sha=SHA)
    assert deployment_event.version is None


@pytest.mark.parametrize("ref", ["refs/heads/v1.2.3", "refs/tags/", "refs/tags/a\tb", ""])
def test_a_run_by_hand_on_a_branch_has_no_version(ref):
    assert told("workflow_dispatch", "workflow_dispatch", of=run(ref=ref)).version is None


def test_an_input_of_the_name_of_an_environment_is_not_read_but_warned_about():
    content = changed("workflow_dispatch", inputs={"environment": "staging"})
    deployment_event = told("workflow_dispatch", content)
    assert deployment_event.environment is None
    assert deployment_event.warnings == (
        (
            "the run was started with the input environment 'staging', which was not read; set"
            " `environment` to where it was deployed"
        ),
    )
    assert told("workflow_dispatch", content, environment="staging").warnings == ()


@pytest.mark.parametrize("environment", ["Production", "", None])
def test_an_input_that_agrees_with_the_default_is_nothing_to_warn_about(environment):
    content = changed("workflow_dispatch", inputs={"environment": environment})
    assert told("workflow_dispatch", content).warnings == ()


# --- repository_dispatch


def test_a_dispatch_tells_commit_environment_id_version_outcome_and_times_and_nothing_else():
    assert told("repository_dispatch", "repository_dispatch") == DeploymentEvent(
        event="repository_dispatch",
        repository=Fact(value="acme/shop", source="repository.full_name"),
        repository_id="186853261",
        commit_sha=Fact(
            value="ed79929ea123ff1a72ec3b8ca69899e56165bb6c",
            source="client_payload.sha; GITHUB_SHA was 109cf4c",
        ),
        identity="dispatch:rollout-20260521-7",
        environment=Fact(value="production", source="client_payload.environment"),
        started_at=Fact(value=at("2026-05-21T06:40:00"), source="client_payload.started_at"),
        finished_at=Fact(value=at("2026-05-21T06:47:31"), source="client_payload.finished_at"),
        success=Fact(value=True, source="client_payload.success is 'true'"),
        default_branch="main",
        runs=THIS_RUN,
        is_told_afterwards=True,
        version=Fact(value="9.9.9", source="client_payload.version"),
    )


def dispatch(**members):
    return changed("repository_dispatch", client_payload=members)


@pytest.mark.parametrize(
    "content",
    [
        payload_file("repository_dispatch.bare"),
        changed("repository_dispatch", client_payload=None),
        dispatch(
            sha=" ", environment="", id=None, started_at="", finished_at=None, git={}, state=" "
        ),
        dispatch(commit_sha=SHA, ref=SHA, head_sha=SHA, git={"ref": "main", "shortSha": "5a47c3f"}),
    ],
)
def test_a_dispatch_without_a_commit_is_never_the_default_branchs_tip(content):
    assert told("repository_dispatch", content) == DeploymentEvent(
        event="repository_dispatch",
        repository=Fact(value="acme/shop", source="repository.full_name"),
        repository_id="186853261",
        commit_sha=Unresolved(
            why="client_payload has a commit neither at sha nor at git.sha, and GITHUB_SHA is only"
            " the default branch's tip"
        ),
        identity="run:refs/heads/main::8412399001",
        is_run_identity=True,
        default_branch="main",
        runs=THIS_RUN,
        is_told_afterwards=True,
    )
    deployment_event = told("repository_dispatch", content, commit_sha=SHA)
    assert deployment_event.identity == f"run:refs/heads/main:{SHA}:8412399001"


def test_a_dispatch_may_send_a_short_sha_and_numbers():
    deployment_event = told(
        "repository_dispatch",
        dispatch(sha="5a47c3f", id=17, started_at=1779345600, finished_at=1779345660000),
    )
    assert deployment_event.commit_sha == Unresolved(
        why="client_payload.sha is a short SHA", abbreviated="5a47c3f"
    )
    assert deployment_event.identity == "dispatch:17"
    assert deployment_event.started_at == Fact(
        value=at("2026-05-21T06:40:00"), source="client_payload.started_at"
    )
    assert deployment_event.finished_at == Fact(
        value=at("2026-05-21T06:41:00"), source="client_payload.finished_at"
    )
    assert deployment_event.warnings == ()


@pytest.mark.parametrize(
    "key", ["sha", "environment", "id", "version", "started_at", "finished_at"]
)
@pytest.mark.parametrize("value", [{"a": 1}, ["a"], True, False, 1.5])
def test_a_value_of_another_type_in_a_dispatch_is_refused_and_never_left_to_a_default(key, value):
    assert refused("repository_dispatch", dispatch(**{key: value})) == (
        f"client_payload.{key} is neither a string nor a whole number; send one of them"
    )


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("sha", "HEAD", refusal(parse.commit_sha, "HEAD")),
        ("environment", "a\nb", refusal(parse.line, "a\nb")),
        ("version", "a\nb", refusal(parse.line, "a\nb")),
        ("started_at", "noon", refusal(lambda text: moments.parse(text, NOW), "noon")),
        ("finished_at", "9", refusal(lambda text: moments.parse(text, NOW), "9")),
    ],
)
def test_a_bad_value_in_a_dispatch_is_refused_unless_an_input_says_it(key, value, problem):
    content = dispatch(**{"sha": SHA, key: value})
    assert refused("repository_dispatch", content) == f"client_payload.{key} {problem}"
    given = {
        "sha": {"commit_sha": SHA},
        "environment": {"environment": "production"},
        "version": {"version": "v1"},
        "started_at": {"started_at": "2026-05-21T06:40:00Z"},
        "finished_at": {"finished_at": "2026-05-21T06:47:31Z"},
    }
    assert told("repository_dispatch", content, **given[key]).warnings == ()


def test_the_environment_of_a_dispatch_is_known_also_where_one_is_given():
    deployment_event = told("repository_dispatch", dispatch(sha=SHA, environment="preview"))
    given = {"environment": "production"}
    assert deployment_event.environment == Fact(
        value="preview", source="client_payload.environment"
    )
    content = dispatch(sha=SHA, environment="preview")
    assert told("repository_dispatch", content, **given) == deployment_event
    for odd in ("a\nb", {"a": 1}, None, ""):
        content = dispatch(sha=SHA, environment=odd)
        assert told("repository_dispatch", content, **given).environment is None


def test_an_id_is_not_asked_of_a_dispatch_whose_deployment_id_is_given():
    content = dispatch(sha=SHA, id={"no": "id"})
    deployment_event = told("repository_dispatch", content, deployment_id="rollout-2026-05-21")
    assert deployment_event.identity == f"run:refs/heads/main:{SHA}:8412399001"


def test_a_dispatch_that_ends_before_it_begins_is_refused():
    content = dispatch(started_at="2026-05-21T06:45:01Z", finished_at="2026-05-21T06:40:00Z")
    assert refused("repository_dispatch", content) == (
        "client_payload.started_at is later than client_payload.finished_at; send them in order"
    )


def test_a_dispatch_may_end_in_the_moment_in_which_it_begins():
    moment = "2026-05-21T06:40:00Z"
    deployment_event = told("repository_dispatch", dispatch(started_at=moment, finished_at=moment))
    assert deployment_event.started_at == replace(
        deployment_event.finished_at, source="client_payload.started_at"
    )


def vercel(type_, state, **more):
    """What Vercel sends of a deployment, by the type of the event and of the state."""
    git = {"ref": "main", "sha": SHA, "shortSha": SHA[:7]}
    sent = {"environment": "production", "git": git, "id": "dpl_1", "project": {"name": "web"}}
    content = dispatch(**sent, **({} if state is None else {"state": {"type": state}}), **more)
    return {**content, "action": f"vercel.deployment.{type_}"}


@pytest.mark.parametrize(
    ("type_", "state", "success"),
    [
        ("success", "success", "client_payload.state.type is 'success'"),
        ("promoted", "promoted", "client_payload.state.type is 'promoted'"),
        ("ready", None, "action is 'ready'"),
    ],
)
def test_what_vercel_dispatches_has_its_commit_and_state_in_places_of_their_own(
    type_, state, success
):
    assert told("repository_dispatch", vercel(type_, state)) == DeploymentEvent(
        event="repository_dispatch",
        repository=Fact(value="acme/shop", source="repository.full_name"),
        repository_id="186853261",
        commit_sha=Fact(value=SHA, source="client_payload.git.sha; GITHUB_SHA was 109cf4c"),
        identity="dispatch:dpl_1",
        environment=Fact(value="production", source="client_payload.environment"),
        success=Fact(value=True, source=success),
        default_branch="main",
        runs=THIS_RUN,
        is_told_afterwards=True,
    )


@pytest.mark.parametrize(("type_", "state"), [("failed", "failed"), ("error", None)])
def test_what_vercel_could_not_deploy_is_a_failure(type_, state):
    assert told("repository_dispatch", vercel(type_, state)).success.value is False


@pytest.mark.parametrize("type_", ["canceled", "skipped", "ignored"])
def test_what_vercel_left_out_is_no_deployment(type_):
    for state in (type_, None):
        reason, explanation = skipped("repository_dispatch", vercel(type_, state))
        assert reason == "event-not-a-deployment"
        assert explanation.endswith(f" is '{type_}': nothing was deployed")


def test_a_sha_at_the_top_goes_before_vercels():
    deployment_event = told("repository_dispatch", dispatch(sha=OTHER, git={"sha": SHA}))
    assert deployment_event.commit_sha.value == OTHER
    deployment_event = told("repository_dispatch", dispatch(sha=" ", git={"sha": "5a47c3f"}))
    assert deployment_event.commit_sha == Unresolved(
        why="client_payload.git.sha is a short SHA", abbreviated="5a47c3f"
    )


OUTCOMES = ("success", "state", "phase", "status")


@pytest.mark.parametrize("key", OUTCOMES)
@pytest.mark.parametrize("word", [False, "false", "FAILURE", "Failed", "error", "timed_out"])
def test_a_dispatch_of_a_failure_is_never_a_success(key, word):
    spelt = "false" if word is False else word
    others = {other: "success" for other in OUTCOMES if other != key}
    for sent in ({key: word}, {**others, key: word}):
        assert told("repository_dispatch", dispatch(sha=SHA, **sent)).success == Fact(
            value=False, source=f"client_payload.{key} is '{spelt}'"
        )


@pytest.mark.parametrize("key", OUTCOMES)
@pytest.mark.parametrize("word", [True, "True", " success ", "Succeeded", "deployed"])
def test_a_dispatch_of_a_success_says_where_it_is_told(key, word):
    spelt = "true" if word is True else word.strip()
    for sent in ({key: word}, {key: word, "status": word if key == "status" else "completed"}):
        assert told("repository_dispatch", dispatch(sha=SHA, **sent)).success == Fact(
            value=True, source=f"client_payload.{key} is '{spelt}'"
        )


def test_a_dispatch_that_tells_no_outcome_reports_no_failure():
    assert told("repository_dispatch", dispatch(sha=SHA, state=None, status="")).success == Fact(
        value=True, source="the event, which reports no failure"
    )


@pytest.mark.parametrize("key", ["conclusion", "result", "outcome"])
@pytest.mark.parametrize("word", [False, "failure", "FAILED"])
def test_a_failure_in_githubs_own_words_is_never_a_success(key, word):
    spelt = "false" if word is False else word
    for sent in ({key: word}, {key: word, "success": True}, {key: word, "status": "completed"}):
        assert told("repository_dispatch", dispatch(sha=SHA, **sent)).success == Fact(
            value=False, source=f"client_payload.{key} is '{spelt}'"
        )


def test_a_run_that_completed_as_a_success_is_one():
    content = dispatch(sha=SHA, status="completed", conclusion="success")
    assert told("repository_dispatch", content).success == Fact(
        value=True, source="client_payload.conclusion is 'success'"
    )


@pytest.mark.parametrize("key", ["conclusion", "result", "outcome"])
@pytest.mark.parametrize("value", ["https://shop.example", "completed", " ", 7, ["failure"], {}])
def test_anything_else_there_says_nothing(key, value):
    assert told("repository_dispatch", dispatch(sha=SHA, **{key: value})).success == Fact(
        value=True, source="the event, which reports no failure"
    )


def test_a_cancelled_run_deployed_nothing():
    assert skipped("repository_dispatch", dispatch(sha=SHA, conclusion="cancelled")) == (
        "event-not-a-deployment",
        "client_payload.conclusion is 'cancelled': nothing was deployed",
    )


@pytest.mark.parametrize("key", OUTCOMES)
@pytest.mark.parametrize("word", ["pending", "in_progress", "In-Progress", "Running"])
def test_a_dispatch_of_what_has_not_ended_is_no_deployment_yet(key, word):
    assert skipped("repository_dispatch", dispatch(sha=SHA, **{key: word})) == (
        "state-not-final",
        f"client_payload.{key} is '{word}': the deployment has not ended yet",
    )


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        (
            {"state": "purple", "success": True},
            "client_payload.state is 'purple', which may be a success or a failure",
        ),
        (
            {"status": "completed"},
            "client_payload.status is 'completed', which does not say whether it succeeded",
        ),
        (
            {"state": {"type": "purple"}},
            "client_payload.state.type is 'purple', which may be a success or a failure",
        ),
    ],
)
def test_a_word_that_may_mean_either_is_refused_unless_success_is_given(sent, problem):
    content = dispatch(sha=SHA, **sent)
    assert refused("repository_dispatch", content) == (
        f"{problem}; send client_payload.success as true or false, or set `success`"
    )
    assert told("repository_dispatch", content, success="false").warnings == ()


@pytest.mark.parametrize(
    ("key", "value"),
    [("success", 1), ("state", ["success"]), ("phase", {"a": 1}), ("status", 0)],
)
def test_an_outcome_of_another_type_is_refused_unless_success_is_given(key, value):
    content = dispatch(sha=SHA, **{key: value})
    assert refused("repository_dispatch", content) == (
        f"client_payload.{key} is neither a string nor true or false; send one of them"
    )
    assert told("repository_dispatch", content, success="true").warnings == ()


# --- any other event


@pytest.mark.parametrize(
    ("name", "case"),
    [
        ("deployment", "deployment.created"),
        ("schedule", "schedule"),
        ("merge_group", "merge_group"),
        ("create", "create"),
        ("delete", "delete"),
        ("issues", "issues.opened"),
        ("pull_request_review", MERGED),
    ],
)
def test_any_other_event_is_a_deployment_only_if_its_commit_is_given(name, case):
    assert skipped(name, case) == (
        "event-not-a-deployment",
        (
            f"the event '{name}' does not say what was deployed; run this step on one of"
            f" {EVENT_NAMES}, or set `commit-sha`"
        ),
    )
    path = "pull_request.base.repo" if case == MERGED else "repository"
    assert told(name, case, commit_sha=SHA) == DeploymentEvent(
        event=name,
        repository=Fact(value="acme/shop", source=f"{path}.full_name"),
        repository_id="186853261",
        commit_sha=Unresolved(why="the event names no commit"),
        identity=f"run:refs/heads/main:{SHA}:8412399001",
        is_run_identity=True,
        default_branch="main",
        runs=THIS_RUN,
    )


def test_any_other_event_on_a_tag_whose_commit_is_given_has_it_for_its_version():
    on_a_tag = run(ref="refs/tags/v1.2.3")
    assert told("create", "create", of=on_a_tag, commit_sha=GITHUB_SHA).version == Fact(
        value="v1.2.3", source="GITHUB_REF, a tag"
    )
    assert told("create", "create", of=on_a_tag, commit_sha=SHA).version is None
    no_sha = run(ref="refs/tags/v1.2.3", sha="")
    assert told("create", "create", of=no_sha, commit_sha=SHA).version is None


def test_every_event_that_is_named_as_supported_is():
    assert ", ".join(EVENTS) == EVENT_NAMES


# --- no payload


def test_without_a_payload_a_push_is_what_github_says_it_is():
    assert without_payload("push") == DeploymentEvent(
        event="push",
        repository=Fact(
            value="acme/shop", source="GITHUB_REPOSITORY, since the payload names none"
        ),
        repository_id="186853261",
        commit_sha=Fact(
            value=GITHUB_SHA, source="GITHUB_SHA, since the payload has no SHA at after"
        ),
        identity=f"run:refs/heads/main:{GITHUB_SHA}:8412399001",
        is_run_identity=True,
        branch=Fact(value="main", source="GITHUB_REF"),
        runs=THIS_RUN,
        warnings=("GITHUB_EVENT_PATH is not set; only inputs and GITHUB_* variables were read",),
    )


def test_without_a_payload_a_pushed_tag_must_be_asked_for_by_name():
    deployment_event = without_payload("push", of=run(ref="refs/tags/v1"))
    assert deployment_event.version == Fact(value="v1", source="GITHUB_REF, a tag")
    assert deployment_event.commit_sha == Unresolved(
        why="the payload's head_commit.id is not a commit SHA",
        tag="v1",
        fallback=Fact(
            value=GITHUB_SHA, source="GITHUB_SHA, since the payload has no SHA at head_commit.id"
        ),
    )


def test_without_a_payload_a_run_by_hand_is_what_github_says_it_is():
    deployment_event = without_payload(
        "workflow_dispatch", "the file of GITHUB_EVENT_PATH is not JSON"
    )
    assert deployment_event.commit_sha.value == GITHUB_SHA
    assert deployment_event.warnings == (
        "the file of GITHUB_EVENT_PATH is not JSON; only inputs and GITHUB_* variables were read",
    )


@pytest.mark.parametrize(
    "name",
    [
        "pull_request",
        "pull_request_target",
        "release",
        "deployment_status",
        "workflow_run",
        "repository_dispatch",
    ],
)
def test_without_a_payload_other_events_are_deployments_only_if_their_commit_is_given(name):
    with pytest.raises(EventError) as raised:
        without_payload(name)
    assert raised.value.problems == (
        (
            "GITHUB_EVENT_PATH is not set, so nothing tells what was deployed; set `commit-sha`, or"
            " run the job again"
        ),
    )
    deployment_event = without_payload(name, commit_sha=SHA)
    assert deployment_event.commit_sha == Unresolved(why="the event names no commit")
    assert deployment_event.warnings == (
        "GITHUB_EVENT_PATH is not set; only inputs and GITHUB_* variables were read",
    )


def test_without_a_payload_an_event_that_tells_of_no_deployment_still_does_not():
    with pytest.raises(Skip) as raised:
        without_payload("schedule")
    assert raised.value.reason == "event-not-a-deployment"


def test_a_push_whose_commit_is_given_needs_no_payload_and_no_ref():
    deployment_event = without_payload("push", commit_sha=SHA, of=run(ref="", sha=""))
    assert deployment_event.branch is None
    assert deployment_event.identity == f"run::{SHA}:8412399001"


def test_a_run_without_an_event_name_is_none_of_a_workflow():
    with pytest.raises(EventError) as raised:
        interpret_event(event("", {}))
    assert str(raised.value) == (
        "GITHUB_EVENT_NAME is not set, which GitHub does for every step; run this in a workflow,"
        " or set `commit-sha`"
    )


def test_a_run_without_an_event_name_needs_nothing_but_its_commit():
    deployment_event = interpret_event(event("", {}, commit_sha=SHA))
    assert deployment_event.identity == f"run:refs/heads/main:{SHA}:8412399001"
