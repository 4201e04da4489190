"""Whatever an event's payload holds, the action reports, skips or refuses; it never breaks."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dora_deployments.actions.events import EVENTS, interpret_event
from dora_deployments.actions.text import has_controls
from dora_deployments.attribution.resolve import Resolved, resolve
from dora_deployments.errors import ActionError, Skip
from tests.attribution.look_ups import Answers
from tests.builders import NOW, PAYLOADS, event, run

SHA = "5a47c3f0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f6"
# Design, section 3: those that event and inputs alone decide.
REASONS = {
    "pull-request-not-merged",
    "not-a-merge-event",
    "branch-not-deployed",
    "state-not-final",
    "transient-environment",
    "environment-ignored",
    "ref-deleted",
    "prerelease",
    "event-not-a-deployment",
    "run-not-successful",
    "foreign-repository",
    "job-cancelled",
    "job-skipped",
}
NAMES = (*EVENTS, "deployment", "schedule", "merge_group", "create", "issues", "", "::error::\n")
FIXTURES = {path.stem: path.read_text("utf-8") for path in sorted(PAYLOADS.glob("*.json"))}
GIVEN = (
    {},
    {"commit_sha": SHA},
    {"commit_sha": "5a47c3f"},
    {"environment": "live", "branches": "**", "success": "true"},
    {"environment_map": "pr*=\nprod*=live\npreview*=", "attribution": "pull-requests"},
    {
        "repository": "acme/other",
        "service": "cart, checkout",
        "deployment_id": "rollout-2026-05-21",
    },
    {"started_at": "2026-05-14T08:00:00Z", "success": "failure"},
    {"mode": "pull-services", "previous_sha": "b" * 40},
)
RUNS = (run(), run(ref="refs/tags/v1.12.0"), run(ref="", sha="", repository="", run_id=""))
READ = [
    "action",
    "ref",
    "after",
    "before",
    "forced",
    "deleted",
    "number",
    "inputs",
    "inputs.sha",
    "head_commit",
    "head_commit.id",
    "repository",
    "repository.full_name",
    "repository.id",
    "repository.pushed_at",
    "repository.default_branch",
    "repository.master_branch",
    "pull_request",
    "pull_request.merged",
    "pull_request.state",
    "pull_request.merged_at",
    "pull_request.merge_commit_sha",
    "pull_request.id",
    "pull_request.number",
    "pull_request.title",
    "pull_request.user",
    "pull_request.user.login",
    "pull_request.base",
    "pull_request.base.ref",
    "pull_request.base.repo",
    "pull_request.base.repo.full_name",
    "pull_request.base.repo.default_branch",
    "pull_request.head",
    "pull_request.head.repo",
    "pull_request.head.repo.full_name",
    "release",
    "release.tag_name",
    "release.draft",
    "release.prerelease",
    "release.published_at",
    "release.id",
    "deployment",
    "deployment.id",
    "deployment.sha",
    "deployment.ref",
    "deployment.environment",
    "deployment.original_environment",
    "deployment.created_at",
    "deployment.node_id",
    "deployment.task",
    "deployment.transient_environment",
    "deployment_status",
    "deployment_status.state",
    "deployment_status.environment",
    "deployment_status.created_at",
    "deployment_status.log_url",
    "deployment_status.target_url",
    "workflow_run",
    "workflow_run.id",
    "workflow_run.event",
    "workflow_run.conclusion",
    "workflow_run.head_sha",
    "workflow_run.head_branch",
    "workflow_run.head_repository",
    "workflow_run.head_repository.full_name",
    "workflow_run.run_started_at",
    "workflow_run.created_at",
    "workflow_run.updated_at",
    "client_payload",
    "client_payload.sha",
    "client_payload.git",
    "client_payload.git.sha",
    "client_payload.version",
    "client_payload.success",
    "client_payload.state",
    "client_payload.state.type",
    "client_payload.phase",
    "client_payload.status",
    "client_payload.conclusion",
    "client_payload.result",
    "client_payload.outcome",
    "client_payload.environment",
    "client_payload.id",
    "client_payload.started_at",
    "client_payload.finished_at",
]
REPORTED = (
    "pull_request.closed.merged",
    "push.branch",
    "push.tag.annotated",
    "deployment_status.success",
    "workflow_run.success",
    "workflow_dispatch",
    "repository_dispatch",
)
GONE = object()

TEXTS = st.text(st.characters(), max_size=12)
LIKELY = st.sampled_from(
    [
        "",
        " ",
        "0" * 40,
        "A" * 40,
        "b" * 64,
        "abc1234",
        "main",
        "refs/heads/main",
        "refs/tags/v1",
        "closed",
        "published",
        "completed",
        "success",
        "failure",
        "pull_request",
        "acme/shop",
        "a/..",
        "2026-05-12T08:20:15Z",
        "9999-12-31T23:59:59-23:59",
        "a\nb",
        "::error::",
        "\ud800",
        "\u2028",
        "javascript:alert(1)",
        "https://[",
        0,
        -1,
        2**63,
        10**30,
        1778573643,
        1.5,
        float("inf"),
        True,
        False,
        None,
        [],
        {},
        GONE,
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def put(content, path, value):
    """Set or drop the member at `path`, in objects that are made where there are none."""
    *parents, last = path.split(".")
    for parent in parents:
        if not isinstance(content.get(parent), dict):
            content[parent] = {}
        content = content[parent]
    content[last] = value
    if value is GONE:
        del content[last]


@st.composite
def payloads(draw):
    """Draw a real payload, or none, with some of the members that are read made different."""
    content = json.loads(draw(st.sampled_from(["{}", *FIXTURES.values()])))
    for path in draw(st.lists(st.sampled_from(READ), max_size=4)):
        put(content, path, draw(LIKELY | JSON))
    return content


def ending(name, content, in_run, given_inputs):
    """Return what a payload amounts to: deployments, or why there are none."""
    of = event(name, content, of=in_run, **given_inputs)
    try:
        return resolve(interpret_event(of), of.inputs, in_run, Answers(fails=True), NOW)
    except (Skip, ActionError) as ended:
        return ended


def check(found, given_inputs):
    """Hold an ending to what the design promises of each of the three kinds."""
    if isinstance(found, Skip):
        assert found.reason in REASONS
        assert found.explanation
        return
    if isinstance(found, ActionError):
        assert found.problems
        assert all(found.problems)
        return
    assert given_inputs.get("commit_sha") in {None, found.commit_sha.value}
    for deployment in found.deployments:
        assert re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", deployment.commit_sha)
        assert deployment.commit_sha.strip("0")
        assert deployment.environment.strip()
        assert not has_controls(deployment.environment + (deployment.version or ""))
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", deployment.repository, re.ASCII)
        assert deployment.started_at <= deployment.finished_at
        assert deployment.source_url is None or re.match("https?://", deployment.source_url)
        assert deployment.attribution != "pull-requests" or deployment.merge_commit_shas
        for sha in deployment.merge_commit_shas:
            assert re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", sha)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.sampled_from(NAMES), payloads(), st.sampled_from(RUNS), st.sampled_from(GIVEN))
def test_a_real_payload_with_anything_in_it_is_reported_skipped_or_refused(
    name, content, in_run, given_inputs
):
    check(ending(name, content, in_run, given_inputs), given_inputs)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.sampled_from(NAMES), st.dictionaries(TEXTS, JSON), st.sampled_from(GIVEN))
def test_any_json_object_is_reported_skipped_or_refused(name, content, given_inputs):
    check(ending(name, content, run(), given_inputs), given_inputs)


@pytest.mark.parametrize("case", REPORTED)
def test_no_single_member_that_is_not_as_it_should_be_breaks_an_event(case):
    for path in READ:
        for value in (GONE, None, "", 7, True, [], {}, "x\ny", "0" * 40):
            content = json.loads(FIXTURES[case])
            put(content, path, value)
            check(ending(case.partition(".")[0], content, RUNS[0], {}), {})


@pytest.mark.parametrize("case", REPORTED)
def test_the_payloads_that_are_spoilt_here_are_reported_as_they_are(case):
    content = json.loads(FIXTURES[case])
    assert isinstance(ending(case.partition(".")[0], content, RUNS[0], {}), Resolved)
