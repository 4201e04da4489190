"""Events and git: rows 71 to 108 of the fault matrix."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from dora_deployments.modes.deployment import LARGEST_EVENT
from tests.builders import payload_file
from tests.end_to_end.loopback import Local
from tests.end_to_end.receivers import Datadog, Dx, Faulty, answer
from tests.messages.case import (
    ABSENT,
    API_KEY,
    DATADOG,
    DX,
    DX_TOKEN,
    GITHUB_TOKEN,
    Case,
    payload,
)

BOTH: Final = {**DATADOG, **DX}
SHA: Final = "7fd0709f3ed45ac797fbcf901f219c36cfe2b36a"
LONG_SHA: Final = "7fd0709f3ed45ac797fbcf901f219c36cfe2b36a7fd0709f3ed45ac797fbcf90"


def _case(
    rows: int | tuple[int, ...],
    name: str,
    given: str,
    case: str | bytes,
    changes: Mapping[str, object] | None = None,
    /,
    **more: Any,
) -> Case:
    """Return the case of a payload of tests/payloads, or of a file's bytes and `event`."""
    content = case if isinstance(case, bytes) else payload(case, changes)
    more.setdefault("event", case.partition(".")[0] if isinstance(case, str) else "")
    more.setdefault("inputs", DATADOG)
    rows = (rows,) if isinstance(rows, int) else rows
    return Case(rows=rows, name=name, given=given, content=content, **more)


# --- the event's file


_no_file = partial(_case, 71, event="deployment_status")


def _large_file(folder: Path) -> Mapping[str, str]:
    large = folder / "large.json"
    with large.open("wb") as file:
        file.truncate(LARGEST_EVENT + 1)
    return {"GITHUB_EVENT_PATH": str(large)}


def _many_commits(folder: Path) -> Mapping[str, str]:
    content = payload_file("push.branch")
    commit = json.dumps({**content["commits"][0], "message": "x" * 700})
    before, after = json.dumps({**content, "commits": "here"}).split('"here"')
    whole = f"{before}[{', '.join([commit] * 20_000)}]{after}"
    (folder / "event.json").write_text(whole, "utf-8")
    return {}


FILES: Final = (
    _no_file(
        "event-path-unset",
        "a deployment_status without GITHUB_EVENT_PATH",
        b"",
        variables={"GITHUB_EVENT_PATH": ""},
    ),
    _no_file(
        "event-file-missing",
        "GITHUB_EVENT_PATH names a file that does not exist",
        b"",
        variables={"GITHUB_EVENT_PATH": "/nowhere/event.json"},
    ),
    _no_file("event-file-empty", "an empty event file", b""),
    _no_file(
        "event-file-a-folder",
        "GITHUB_EVENT_PATH names a folder",
        b"",
        prepare=lambda folder: {"GITHUB_EVENT_PATH": str(folder)},
    ),
    _no_file("event-file-no-json", "an event file that is cut off", b'{"deployment'),
    _no_file("event-file-no-object", "an event file that holds a JSON array", b"[]"),
    _no_file("event-file-not-utf-8", "an event file that is not UTF-8", b'{"\xff": 1}'),
    _no_file(
        "event-file-with-a-byte-order-mark",
        "an event file with a byte order mark, which is forgiven",
        b"\xef\xbb\xbf" + payload("deployment_status.success"),
    ),
    _no_file(
        "event-file-no-json-and-no-commit-sha",
        "a push whose event file is cut off, and no GITHUB_SHA",
        b"{",
        event="push",
        variables={"GITHUB_SHA": ""},
        inputs={**DATADOG, "branches": "main"},
    ),
    _no_file(
        "event-file-no-json-and-no-branches",
        "a push whose event file is cut off, and neither `branches` nor a token",
        b"{",
        event="push",
    ),
    _no_file(
        "event-file-no-json-but-a-push",
        "a push whose event file is cut off; the variables tell enough",
        b"{",
        event="push",
        inputs={**DATADOG, "branches": "main"},
    ),
    _no_file(
        "event-file-no-json-but-a-commit-sha",
        "a release whose event file is cut off, and `commit-sha`",
        b"{",
        event="release",
        inputs={**DATADOG, "commit-sha": SHA},
    ),
    _case(
        72,
        "event-of-20000-commits",
        "a push of 20,000 commits, 25 MB of JSON, and nothing of it is echoed",
        b"",
        event="push",
        prepare=_many_commits,
    ),
    _case(
        72,
        "event-file-too-large",
        "an event file larger than any event",
        b"",
        event="deployment_status",
        prepare=_large_file,
    ),
)

LACKING: Final = (
    _case(
        73,
        "deployment-status-without-anything",
        "a deployment_status whose payload is {}",
        b"{}",
        event="deployment_status",
    ),
    _case(
        73,
        "deployment-status-null",
        "a deployment_status whose own object is null",
        "deployment_status.success",
        {"deployment_status": None},
    ),
    _case(
        73,
        "deployment-status-without-a-commit",
        "a deployment whose sha is null",
        "deployment_status.success",
        {"deployment.sha": None},
    ),
    _case(
        73,
        "pull-request-null",
        "a closed pull_request whose own object is null",
        "pull_request.closed.merged",
        {"pull_request": None},
    ),
    _case(
        73,
        "pull-request-without-a-base",
        "a merged pull request whose base is null",
        "pull_request.closed.merged",
        {"pull_request.base": None},
    ),
    _case(
        73,
        "push-without-anything",
        "a push whose payload is {}, and no GITHUB_REF",
        b"{}",
        event="push",
        variables={"GITHUB_REF": ""},
    ),
    _case(
        73,
        "push-without-a-default-branch",
        "a push that does not tell the default branch",
        "push.branch",
        {"repository.default_branch": ABSENT, "repository.master_branch": ABSENT},
    ),
    _case(
        73,
        "push-of-no-repository",
        "a push that does not name the repository",
        "push.branch",
        {"repository": None},
        variables={"GITHUB_REPOSITORY": ""},
    ),
    _case(
        73,
        "release-without-a-tag",
        "a release whose tag_name is a number",
        "release.published",
        {"release.tag_name": 12},
    ),
    _case(
        73,
        "workflow-run-null",
        "a workflow_run whose own object is null",
        "workflow_run.success",
        {"workflow_run": None},
    ),
    _case(
        73,
        "workflow-run-without-a-commit",
        "a workflow run whose head_sha is missing",
        "workflow_run.success",
        {"workflow_run.head_sha": ABSENT},
    ),
    _case(74, "schedule", "a schedule, without `commit-sha`", "schedule"),
    _case(74, "issues", "an event that has nothing to do with deployments", "issues.opened"),
    _case(
        74, "event-of-the-future", "an event that nobody knows yet", b"{}", event="unicorn_groomed"
    ),
    _case(74, "no-event-name", "no GITHUB_EVENT_NAME", b"{}", event=""),
    _case(
        74,
        "event-of-the-future-and-a-commit-sha",
        "an event that nobody knows yet, and `commit-sha`",
        b"{}",
        event="unicorn_groomed",
        inputs={**DATADOG, "commit-sha": SHA},
    ),
    _case(
        74,
        "repository-dispatch-bare",
        "a repository_dispatch without a word of what was deployed: the tip is not it",
        "repository_dispatch.bare",
    ),
    _case(
        74,
        "repository-dispatch-of-a-failure",
        "a repository_dispatch whose client_payload.success is false, and both backends",
        "repository_dispatch",
        {"client_payload.success": False},
        inputs=BOTH,
    ),
    _case(
        74,
        "repository-dispatch-of-an-unknown-state",
        "a repository_dispatch whose state is a word of no list",
        "repository_dispatch",
        {"client_payload.state": "purple"},
    ),
    _case(
        74,
        "repository-dispatch-of-a-branch",
        "a repository_dispatch whose sha is a branch",
        "repository_dispatch",
        {"client_payload.sha": "main"},
    ),
    _case(
        74,
        "repository-dispatch-of-another-type",
        "a repository_dispatch whose sha is a list",
        "repository_dispatch",
        {"client_payload.sha": [SHA]},
    ),
)

# --- pull requests


def _github(*scripts: Any) -> Mapping[str, Callable[[], Local]]:
    """Return the servers of a case whose look-ups are answered by these scripts."""
    return {"GITHUB_API_URL": partial(Faulty, *scripts)}


MERGED: Final = "pull_request.closed.merged"
WITH_TOKEN: Final = {**DATADOG, "github-token": GITHUB_TOKEN}

PULL_REQUESTS: Final = (
    _case(
        75,
        "pull-request-closed-unmerged",
        "a pull request closed without a merge",
        "pull_request.closed.unmerged",
    ),
    _case(
        75,
        "pull-request-closed-and-open",
        "a pull request that was closed and is still open, by its payload, and no token",
        "pull_request.closed.unmerged",
        {"pull_request.state": "open"},
    ),
    _case(
        75,
        "pull-request-closed-and-open-but-merged",
        "a pull request that was closed and is still open by its payload, and merged by the API",
        "pull_request.closed.unmerged",
        {"pull_request.state": "open"},
        inputs=WITH_TOKEN,
        servers=_github(answer(200, {"merged": True, "merge_commit_sha": SHA})),
    ),
    _case(76, "pull-request-opened", "a pull request that was opened", "pull_request.opened"),
    _case(
        76,
        "pull-request-synchronized",
        "a pull request to which a commit was pushed",
        "pull_request.opened",
        {"action": "synchronize"},
    ),
    _case(
        77,
        "merge-commit-null",
        "a merged pull request whose merge commit is null, and no token",
        f"{MERGED}.no_merge_commit",
    ),
    _case(
        77,
        "merge-commit-null-for-the-api-too",
        "a merged pull request whose merge commit GitHub's API does not know either",
        f"{MERGED}.no_merge_commit",
        inputs=WITH_TOKEN,
        servers=_github(answer(200, {"merged": True, "merge_commit_sha": None})),
    ),
    _case(
        77,
        "merge-commit-from-the-api",
        "a merged pull request whose merge commit only GitHub's API knows",
        f"{MERGED}.no_merge_commit",
        inputs=WITH_TOKEN,
        servers=_github(answer(200, {"merged": True, "merge_commit_sha": SHA})),
    ),
    _case(
        78,
        "pull-request-merged",
        "a squashed pull request: its merge commit, and neither head nor GITHUB_SHA",
        MERGED,
    ),
    _case(
        79,
        "head-repository-null",
        "a merged pull request whose fork is gone, and no secrets",
        f"{MERGED}.fork_deleted",
        inputs={},
    ),
    _case(
        80,
        "pull-request-of-a-fork",
        "a fork's merged pull request, and no secrets",
        f"{MERGED}.fork",
        inputs={"dx-instance": "acme"},
    ),
    _case(
        80,
        "pull-request-of-a-fork-with-secrets",
        "a fork's merged pull request on pull_request_target",
        f"{MERGED}.fork",
        event="pull_request_target",
    ),
)

# --- pushes, releases and other events


def _of_branch(name: str, given: str, branch: str) -> Case:
    return _case(84, name, given, "push.branch", {"ref": f"refs/heads/{branch}"})


PUSHES: Final = (
    _case(81, "branch-deleted", "a push that deleted a branch", "push.branch.deleted"),
    _case(81, "tag-deleted", "a push that deleted a tag", "push.tag.deleted"),
    _case(
        82,
        "annotated-tag",
        "a pushed annotated tag: the commit, not the tag object",
        "push.tag.annotated",
    ),
    _case(
        82,
        "annotated-tag-without-a-head-commit",
        "a pushed annotated tag that nothing peels, and no token",
        "push.tag.annotated.no_head_commit",
    ),
    _case(
        83,
        "branch-created",
        "a push that made a branch, without a commit of its own",
        "push.branch.created",
        inputs={**DATADOG, "branches": "release/*"},
    ),
    _case(83, "branch-forced", "a forced push", "push.branch.forced"),
    _case(
        83,
        "branch-not-deployed",
        "a push to another branch than the default one",
        "push.branch.feature",
    ),
    _of_branch(
        "branch-named-like-a-command", "a push to the branch $(touch pwned)", "$(touch pwned)"
    ),
    _of_branch(
        "branch-named-like-the-end-of-a-string", 'a push to the branch "; rm -rf', '"; rm -rf'
    ),
    _of_branch(
        "branch-named-like-a-workflow-command",
        "a push to the branch ::set-output name=status::delivered",
        "::set-output name=status::delivered",
    ),
    _of_branch(
        "branch-named-like-an-older-command",
        "a push to the branch ##[set-output name=status;]delivered",
        "##[set-output name=status;]delivered",
    ),
    _of_branch("branch-in-unicode", "a push to the branch größe/店", "größe/店"),
    _of_branch("branch-of-250-characters", "a push to a branch of 250 letters", "b" * 250),
    _of_branch(
        "branch-that-turns-the-writing",
        "a push to a branch with a right-to-left override",
        "main\u202egnp.exe",
    ),
    _of_branch(
        "branch-with-a-line-break",
        "a push to a branch with a line break, which git does not allow",
        "main\n::error::pwned",
    ),
    _case(85, "release-draft", "a draft of a release", "release.draft"),
    _case(85, "release-prereleased", "a prerelease", "release.prereleased"),
    _case(
        85,
        "release-prereleased-on-purpose",
        "a prerelease, and `environment`",
        "release.prereleased",
        inputs={**DATADOG, "environment": "staging"},
        variables={"GITHUB_REF": "refs/tags/v1.13.0-rc.1"},
    ),
    _case(85, "release-edited", "a release that was edited", "release.edited"),
    _case(
        85, "release-deleted", "a release that was deleted", "release.edited", {"action": "deleted"}
    ),
    _case(
        86,
        "release-published",
        "a release whose target_commitish is a branch, on the run of its tag",
        "release.published",
        variables={"GITHUB_REF": "refs/tags/v1.12.0"},
    ),
    _case(
        86,
        "release-on-the-run-of-a-branch",
        "a release whose target_commitish is a branch, on the run of a branch, and no token",
        "release.published",
    ),
)

EVENTS: Final = (
    *(
        _case(
            87,
            f"deployment-{state.replace('_', '-')}",
            f"a deployment whose state is {state}",
            "deployment_status.success",
            {"deployment_status.state": state},
        )
        for state in ("pending", "in_progress", "queued", "inactive")
    ),
    _case(
        87,
        "deployment-failed-and-datadog-alone",
        "a deployment that failed, and Datadog is the only backend",
        "deployment_status.failure",
        inputs={"datadog-api-key": API_KEY},
    ),
    _case(
        87,
        "deployment-failed",
        "a deployment that ended in an error, and both backends",
        "deployment_status.error",
        inputs=BOTH,
    ),
    _case(
        87,
        "job-cancelled",
        "`success` from a job that was cancelled",
        "push.branch",
        inputs={**DATADOG, "success": "cancelled"},
    ),
    _case(
        88,
        "deployment-with-a-hostile-payload",
        "a deployment whose payload and environment are hostile",
        "deployment_status.success",
        {
            "deployment.payload": {"sha": "0" * 40, "x": "\n::error::pwned"},
            "deployment_status.environment": "<script>alert(1)</script> ##[error]",
        },
    ),
    _case(
        88,
        "deployment-to-an-environment-of-two-lines",
        "a deployment to an environment with a line break",
        "deployment_status.success",
        {"deployment_status.environment": "production\n::error::pwned"},
    ),
    _case(
        89,
        "deployment-without-a-ref",
        "a deployment whose ref is empty",
        "deployment_status.success",
        {"deployment.ref": ""},
    ),
    _case(
        89,
        "deployment-transient",
        "a deployment to a transient environment",
        "deployment_status.transient",
    ),
    _case(
        89,
        "deployment-to-a-preview-given-as-production",
        "a deployment to a preview, and `environment: production`",
        "deployment_status.staging",
        {"deployment_status.environment": "Preview", "deployment.environment": "Preview"},
        inputs={**DATADOG, "environment": "production"},
    ),
    _case(
        89,
        "deployment-to-staging-given-as-production",
        "a deployment to staging, and `environment: production`",
        "deployment_status.staging",
        inputs={**DATADOG, "datadog-api-key": API_KEY, "environment": "production"},
    ),
    _case(
        89,
        "deployment-to-production-by-another-name",
        "a deployment to `Production \u2013 web`, which nobody mapped, and Datadog alone",
        "deployment_status.staging",
        {"deployment_status.environment": "Production \u2013 web"},
        inputs={**DATADOG, "datadog-api-key": API_KEY},
    ),
    _case(
        89,
        "deployment-left-out",
        "a deployment to staging, which `environment-map` leaves out",
        "deployment_status.staging",
        inputs={**DATADOG, "environment-map": "stag*="},
    ),
    _case(90, "workflow-run-failed", "a workflow run that failed", "workflow_run.failure"),
    _case(
        90,
        "workflow-run-cancelled",
        "a workflow run that was cancelled",
        "workflow_run.success",
        {"workflow_run.conclusion": "cancelled"},
    ),
    _case(
        90,
        "workflow-run-not-ended",
        "a workflow run without a conclusion",
        "workflow_run.no_conclusion",
    ),
    _case(90, "workflow-run-of-a-fork", "a workflow run of a fork", "workflow_run.fork"),
    _case(
        90,
        "workflow-run-of-nobody",
        "a workflow run whose repository is gone",
        "workflow_run.head_repository_null",
    ),
    _case(
        90,
        "workflow-run-of-a-pull-request",
        "a workflow run for a pull request",
        "workflow_run.pull_request",
    ),
    _case(
        90,
        "workflow-run-of-a-release",
        "a workflow run of a release, which has the tag for its branch",
        "workflow_run.success",
        {"workflow_run.event": "release", "workflow_run.head_branch": "v1.2.3"},
    ),
    _case(
        90,
        "workflow-run-of-no-branch",
        "a workflow run for a deployment by its SHA, which has no branch",
        "workflow_run.success",
        {"workflow_run.event": "deployment", "workflow_run.head_branch": None},
    ),
    _case(
        90,
        "workflow-run-of-a-workflow-run",
        "a workflow run that another workflow run started, whatever that built",
        "workflow_run.success",
        {"workflow_run.event": "workflow_run"},
    ),
    _case(
        90,
        "workflow-run-that-succeeded",
        "a workflow run: its own commit, not GITHUB_SHA",
        "workflow_run.success",
    ),
    _case(91, "workflow-dispatch", "a run by hand, without inputs", "workflow_dispatch.no_inputs"),
    _case(
        91,
        "workflow-dispatch-of-a-branch",
        "a run by hand, whose input sha is a branch",
        "workflow_dispatch",
        {"inputs": {"sha": "main", "environment": "staging"}},
    ),
    _case(
        91,
        "workflow-dispatch-to-staging",
        "a run by hand, whose input environment is not read",
        "workflow_dispatch",
        {"inputs": {"environment": "staging"}},
    ),
    _case(
        91,
        "workflow-dispatch-of-a-tag",
        "a run by hand on a tag",
        "workflow_dispatch.no_inputs",
        variables={"GITHUB_REF": "refs/tags/v1.2.3"},
    ),
    _case(
        91,
        "schedule-with-a-commit-sha",
        "a schedule, and `commit-sha`",
        "schedule",
        inputs={**DATADOG, "commit-sha": SHA},
    ),
    _case(
        92,
        "called-workflow",
        "a push, in a workflow that another one calls: the event is the caller's",
        "push.branch",
        variables={"GITHUB_WORKFLOW_REF": "acme/ship/.github/workflows/ship.yml@refs/heads/main"},
    ),
    _case(93, "merge-group", "a merge queue's trial", "merge_group"),
)

# --- commits, repositories and servers


def _commit(name: str, given: str, sha: str, **more: Any) -> Case:
    inputs = {**DATADOG, "commit-sha": sha, **more}
    return _case(95, name, given, MERGED, inputs=inputs)


def _repository(name: str, given: str, text: str, *hidden: str) -> Case:
    inputs = {**DATADOG, "repository": text, "commit-sha": SHA}
    return _case(96, name, given, MERGED, inputs=inputs, hidden=(API_KEY, *hidden))


NAMES: Final = (
    _case(
        94,
        "commit-sha-of-64-digits",
        "a commit of a SHA-256 repository, which Datadog takes and DX does not",
        MERGED,
        {"pull_request.merge_commit_sha": LONG_SHA},
        inputs=BOTH,
    ),
    _commit("short-sha-without-a-token", "`commit-sha` of 7 digits, and no token", SHA[:7]),
    _commit("sha-of-six-digits", "`commit-sha` of 6 digits", SHA[:6]),
    _commit(
        "sha-in-capitals-with-a-line-break",
        "`commit-sha` in capitals, with a line break behind it",
        f"{SHA.upper()}\n",
    ),
    _commit("sha-head", "`commit-sha: HEAD`", "HEAD"),
    _commit("sha-a-tag", "`commit-sha: v1.2`", "v1.2"),
    _commit("sha-of-zeros", "`commit-sha` of 40 zeros", "0" * 40),
    _case(
        95,
        "short-sha-of-nobody",
        "`commit-sha` of 7 digits that no commit has",
        MERGED,
        inputs={**WITH_TOKEN, "commit-sha": SHA[:7]},
        servers=_github(answer(422, {"message": "No commit found"})),
    ),
    _repository(
        "repository-with-dots-and-capitals", "`repository: Acme/My_Shop.js`", "Acme/My_Shop.js"
    ),
    _repository("repository-of-three-parts", "`repository: acme/shop/main`", "acme/shop/main"),
    _repository(
        "repository-by-its-clone-url",
        "`repository: https://github.com/acme/shop.git`",
        "https://github.com/acme/shop.git",
    ),
    _repository(
        "repository-with-a-login",
        "`repository` with a token before the host",
        "https://x:s3same-open@github.com/acme/shop",
        "s3same-open",
    ),
    _case(
        96,
        "repository-of-another-without-its-commit",
        "a push, and `repository: acme/other` without `commit-sha`",
        "push.branch",
        inputs={**DATADOG, "repository": "acme/other"},
    ),
    _case(
        97,
        "repository-renamed",
        "an event of acme/shop in a run that still knows acme/old-shop",
        MERGED,
        variables={"GITHUB_REPOSITORY": "acme/old-shop"},
    ),
    _case(
        98,
        "enterprise-server",
        "a push on an Enterprise Server",
        "push.branch",
        variables={
            "GITHUB_SERVER_URL": "https://ghe.example.com",
            "GITHUB_API_URL": "https://ghe.example.com/api/v3",
        },
    ),
    _case(
        98,
        "server-of-no-address",
        "GITHUB_SERVER_URL is no address",
        MERGED,
        variables={"GITHUB_SERVER_URL": "ghe.example.com"},
    ),
)

# --- the run itself


def _limit(status: int, *headers: tuple[str, str]) -> Any:
    return answer(status, {"message": "API rate limit exceeded"}, headers)


def _looked_up(name: str, given: str, *scripts: Any, rows: int = 106, **inputs: str) -> Case:
    """Return a case of a push whose look-ups are answered like this, whatever is asked."""
    more = {key.replace("_", "-"): value for key, value in inputs.items()}
    inputs = {**WITH_TOKEN, **more}
    return _case(rows, name, given, "push.branch", inputs=inputs, servers=_github(*scripts))


HTML: Final = [("Content-Type", "text/html")]
LONG_RANGE: Final = {
    "status": "ahead",
    "total_commits": 6_000,
    "base_commit": {"sha": SHA},
    "merge_base_commit": {"sha": SHA},
    "commits": [],
}
AN_HOUR: Final = ("Retry-After", "3600")
SPENT: Final = (("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "4102444800"))

RUNS: Final = (
    _case(
        99,
        "sent-twice",
        "a push that is reported to DX a second time, with a later finish",
        "push.branch",
        inputs={"dx-token": DX_TOKEN, "finished-at": "2026-05-12T09:00:00Z"},
        servers={"INPUT_DX-INSTANCE": partial(Dx, token=DX_TOKEN)},
        before={"finished-at": "2026-05-12T08:30:00Z"},
    ),
    _case(
        99,
        "second-attempt",
        "the second attempt of a run, and Datadog",
        "push.branch",
        inputs={"datadog-api-key": API_KEY},
        variables={"GITHUB_RUN_ATTEMPT": "2"},
        servers={"INPUT_DATADOG-SITE": partial(Datadog, api_key=API_KEY, status=200)},
    ),
    _case(
        101,
        "output-unset",
        "no GITHUB_OUTPUT",
        "pull_request.closed.unmerged",
        variables={"GITHUB_OUTPUT": ""},
    ),
    _case(
        101,
        "summary-nowhere",
        "GITHUB_STEP_SUMMARY is in a folder that does not exist",
        "pull_request.closed.unmerged",
        variables={"GITHUB_STEP_SUMMARY": "/nowhere/summary.md"},
    ),
    _case(
        101,
        "output-and-summary-on-a-full-disk",
        "outputs and summary on a full disk",
        "pull_request.closed.unmerged",
        variables={"GITHUB_OUTPUT": "/dev/full", "GITHUB_STEP_SUMMARY": "/dev/full"},
    ),
    _case(
        105,
        "start-after-the-finish-by-the-clock",
        "a deployment that started after its end, by GitHub's own clocks",
        "deployment_status.success",
        {"deployment.created_at": "2026-05-12T08:24:41Z"},
    ),
    _case(
        105,
        "merged-in-the-future",
        "a merge in the year 2100 by the payload",
        MERGED,
        {"pull_request.merged_at": "2100-01-01T00:00:00Z"},
    ),
    _case(
        105,
        "time-of-a-leap-second",
        "`started-at: 2016-12-31T23:59:60Z`",
        MERGED,
        inputs={**DATADOG, "started-at": "2016-12-31T23:59:60Z"},
    ),
    _case(
        105,
        "time-after-2038",
        "`finished-at: 2147483648`, a second beyond 32 bits",
        MERGED,
        inputs={**DATADOG, "finished-at": "2147483648"},
    ),
    _looked_up("api-401", "GitHub's API answers 401", answer(401, {"message": "Bad credentials"})),
    _looked_up(
        "api-403",
        "GitHub's API answers 403",
        answer(403, {"message": "Resource not accessible by integration"}),
    ),
    _looked_up(
        "api-404",
        "GitHub's API answers 404, as for a private repository",
        answer(404, {"message": "Not Found"}),
    ),
    _looked_up("api-429", "GitHub's API answers 429", _limit(429, AN_HOUR)),
    _looked_up("api-503", "GitHub's API answers 503", answer(503)),
    _looked_up(
        "services-file-api-503",
        "GitHub's API answers 503, and `service` is left out",
        answer(503),
        service="",
    ),
    _looked_up(
        "named-file-api-403",
        "GitHub's API answers 403, and `config-file` is set",
        answer(403, {"message": "Resource not accessible by integration"}),
        service="",
        config_file="deploy/dora.yml",
    ),
    _looked_up(
        "api-html", "GitHub's API answers 200 with a page", answer(200, b"<html>Hi</html>", HTML)
    ),
    _looked_up(
        "api-limit-until-the-next-century",
        "the rate limit of GitHub's API is used up for long",
        _limit(403, *SPENT),
    ),
    _looked_up(
        "range-of-6000-commits",
        "6,000 commits since `previous-sha`",
        answer(200, LONG_RANGE),
        rows=107,
        previous_sha=SHA,
    ),
    _case(
        108,
        "console-of-a-code-page",
        "a log on a console of code page 1252",
        MERGED,
        {"pull_request.title": "Größe 店 \U0001f6d2"},
        encoding="cp1252",
    ),
)

CASES: Final = (*FILES, *LACKING, *PULL_REQUESTS, *PUSHES, *EVENTS, *NAMES, *RUNS)
