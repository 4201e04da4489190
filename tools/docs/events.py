"""Write docs/events.md: what each event means, from the table that the code reads payloads with.

The remarks on each event and the values used when a payload lacks one are written by hand, here.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

import yaml

from dora_deployments.actions.event import DEFAULT_BRANCHES, REPOSITORIES, Event, Places
from dora_deployments.actions.events import EVENTS, interpret_event
from dora_deployments.actions.inputs import Inputs
from dora_deployments.actions.payload import Payload
from dora_deployments.actions.run import Run
from dora_deployments.attribution import branch
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.errors import Skip
from tests.messages.case import payload
from tests.payloads import PAYLOADS, payload_file
from tools.docs.markdown import codes, plain, table

ROOT: Final = Path(__file__).parent.parent.parent
NOW: Final = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)

# Where else the code looks for the commit; its table lists only paths in the payload.
COMMIT_ELSE: Final[Mapping[str, str]] = {
    "a merged pull request": "GitHub's API, by pull request number",
    "a pushed branch": "`GITHUB_SHA`",
    "a pushed tag": "GitHub's API, by tag; otherwise `GITHUB_SHA`, with a warning",
    "a published release": (
        "`GITHUB_SHA` if `GITHUB_REF` is the tag; otherwise GitHub's API, by tag"
    ),
    "the status of a GitHub deployment": "",
    "a workflow run that has ended": "",
    "a run that somebody started": "`GITHUB_SHA`, the tip of the ref that the run was started on",
    "a run that a program started": "",
}
# Not every value at these paths is a version.
VERSIONS: Final[Mapping[str, str]] = {
    "ref": "`ref`, without `refs/tags/`",
    "deployment.ref": "`deployment.ref`, if it or `GITHUB_REF` shows that it is a tag",
}
# What is used if the payload does not have it.
ELSE: Final = (
    ("repository", "`GITHUB_REPOSITORY`"),
    ("default branch", "GitHub's API; if that fails, the deployment is refused"),
    ("environment", "`production`"),
    ("start", "the finish time"),
    ("finish", "the current time: this step runs when the deployment is done"),
    ("link", "the page of this run"),
    ("identity", "ref, commit and run"),
)
LABELS: Final[Mapping[str, str]] = {
    "commit": "commit",
    "environment": "environment",
    "branch": "branch",
    "version": "version",
    "outcome": "outcome",
    "started_at": "start",
    "finished_at": "finish",
    "source_url": "link",
    "identity": "identity",
}

REMARKS: Final[Mapping[str, str]] = {
    "pull_request": """\
Only `pull_request.merged` shows that a pull request was merged: one that was closed without a merge
has a `merge_commit_sha` too. If the payload contradicts itself (closed and still open), the action
asks GitHub's API. `GITHUB_SHA` and `pull_request.head.sha` are other commits. A merge is reported
as a deployment, which is correct if your merges deploy.

GitHub does not pass secrets to `pull_request` workflows for forks or Dependabot: report those
merges on `push`. `pull_request_target` gets secrets: never check out or run the code of the pull
request in it.""",
    "push": """\
A push that deletes a branch or tag is skipped. For an annotated tag, `after` is the tag object, not
a commit. If no earlier deployment is known, the commit is compared with the branch's previous
commit (`before`), unless the push was forced. If the payload has no `ref`, the action reads
`GITHUB_REF`.

GitHub does not pass secrets to pushes made by Dependabot, for example when it merges: store the
keys as Dependabot secrets too.""",
    "release": """\
`target_commitish` is not read, because it is often just a branch. `published` and `released` count
as one deployment. A prerelease is reported only if [`environment`](inputs.md#environment) is
set.""",
    "deployment_status": """\
`failure` and `error` are failed deployments: they are sent to DX, but Datadog cannot record them. A
transient environment is a preview and is skipped. An environment with a preview's name is skipped
too if [`environment`](inputs.md#environment) would report it as production, unless
`deployment.production_environment` is true. The finish is the time when the status was created,
not `updated_at`, which changes later.

GitHub starts no workflow for a status that another workflow sets with its `GITHUB_TOKEN`: set it
with the token of an app, or report at the end of the job that deploys.""",
    "workflow_run": """\
`GITHUB_SHA` is the tip of the default branch, not the commit that ran. Only runs with the
conclusion `success` are reported, unless [`success`](inputs.md#success) is set. Runs for commits of
other repositories are skipped. The link leads to the run that deployed.

A run for a tag has the tag in `head_branch`. Unless `head_branch` is the default branch, the action
asks GitHub's API whether it is a branch or a tag. A tag becomes the version. It is reported unless
[`branches`](inputs.md#branches) is set and does not match it. A run for a deployment of a SHA has
no branch; it is reported if `branches` is `**`.

The run's commit is the deployed one only if the run was started by `push`, `schedule`,
`workflow_dispatch`, `release`, `deployment`, `deployment_status` or `create`. For a pull request,
GitHub gives a commit that was not merged. For any other event, such as `workflow_run`,
`issue_comment` or `repository_dispatch`, it gives the tip of the default branch, whatever the run
built. These runs are skipped unless [`commit-sha`](inputs.md#commit-sha) is set.""",
    "workflow_dispatch": """\
If your workflow has an input named `sha`, it is read. A short SHA is looked up with GitHub's API;
if that fails, or if the value is not a SHA, the deployment is refused unless
[`commit-sha`](inputs.md#commit-sha) is set. If the run was started on a tag and deployed the tag's
own commit, the tag is the version. A workflow input named `environment` is not read; it causes a
warning if it names anything but production.""",
    "repository_dispatch": """\
Only these keys of `client_payload` are read. An invalid value is refused. A short `sha` is looked
up with GitHub's API; if that fails, it is refused. An event without a commit is refused unless
[`commit-sha`](inputs.md#commit-sha) is set, because `GITHUB_SHA` is the tip of the default branch,
whatever was deployed.

If any of the outcome keys reports a failure, the deployment failed. A deployment that has not
finished, or was cancelled, skipped or ignored, is skipped. A word that does not say whether it
succeeded, such as `completed`, is refused unless [`success`](inputs.md#success) is set; in
`conclusion`, `result` and `outcome` it is ignored, because they may hold anything. Vercel's
events are understood: the commit is in `git.sha`, and the event type, such as
`vercel.deployment.failed`, counts as an outcome too.""",
}

# More skipped events, each a test payload with one changed value: payload, path, value.
ODD: Final = (
    ("push.branch", "ref", "refs/notes/commits"),
    ("workflow_run.success", "workflow_run.event", "workflow_run"),
    ("repository_dispatch", "client_payload.state", "in_progress"),
    ("repository_dispatch", "client_payload.state", "canceled"),
)

_PAGE: Final = """\
# Events

<!-- Written by `make docs` from the table that the code reads payloads with, by running it, and
from tools/docs/events.py, which has the remarks. -->

This page lists the events that are reported as deployments, and where in the payload each value is
read. An [input](inputs.md) overrides the payload, and the payload overrides `GITHUB_*` variables.
The log and the job summary say where each value comes from. A deployment whose commit cannot be
found is refused, with exit code 2. [Historical deployments](backfill.md) are read as these events
too.

{overview}

## For every event

{common}

{otherwise}

The identity distinguishes deployments from each other; it is part of
[the deployment's id](attribution.md#one-deployment-one-id).

[`branches`](inputs.md#branches) selects the branches that are reported; by default, only the
default branch. It does not apply to tags, releases, deployments, and runs that a person or a
program started.

Some deployments are skipped whatever the event:

- [`success`](inputs.md#success) says that the job was cancelled or skipped.
- [`environment-map`](inputs.md#environment-map) or the [configuration file](configuration.md)
  excludes the environment.
- The configuration file maps services, and the deployment touches none of them.
- The deployment failed, and only Datadog is on.

See [all reasons](inputs.md#why-nothing-was-sent).

{events}

## Any other event

`schedule`, `merge_group`, `issues` and all other events are skipped as `event-not-a-deployment`,
unless [`commit-sha`](inputs.md#commit-sha) says what was deployed. So is `deployment`, which only
requests a deployment. A reusable workflow (`workflow_call`) gets the event of its caller.

## Without a payload

If the file at `GITHUB_EVENT_PATH` cannot be read, the action uses the `GITHUB_*` variables for
`push` and `workflow_dispatch`, and `commit-sha` for any event. Otherwise the event is refused.
"""


def page() -> str:
    """Return the page."""
    kinds: dict[Any, list[str]] = {}
    for name, kind in EVENTS.items():
        kinds.setdefault(kind, []).append(name)
    skips = {name: tuple(skipped(name)) for name in EVENTS}
    return _PAGE.format(
        overview=table(
            ("event", "is a deployment", "commit"),
            (
                (
                    ", ".join(f"[`{name}`](#{'-'.join(names)})" for name in names),
                    f"{places.what}{_when(places)}",
                    _read(places.commit, COMMIT_ELSE[places.what]),
                )
                for kind, names in kinds.items()
                for places in kind.places
            ),
        ),
        common=table(
            ("what", "read from, in this order"),
            (("repository", codes(REPOSITORIES)), ("default branch", codes(DEFAULT_BRANCHES))),
        ),
        otherwise=table(("what", "if the payload does not have it"), ELSE),
        events="\n\n".join(
            _section(names, kind.places, skips[names[0]]) for kind, names in kinds.items()
        ),
    )


def skipped(event: str) -> Iterator[tuple[str, str, str]]:
    """Yield reason, message and payload name for each way in which an event is skipped."""
    cases = [(path.stem, payload_file(path.stem)) for path in sorted(PAYLOADS.glob(f"{event}.*"))]
    cases += [
        (name, json.loads(payload(name, {path: value})))
        for name, path, value in ODD
        if name.partition(".")[0] == event
    ]
    seen = set()
    for name, content in cases:
        skip = _skip(event, content)
        form = skip and re.sub(r"'\S*'", "", skip.explanation)
        if skip and form not in seen:
            seen.add(form)
            yield skip.reason, skip.explanation, name


def _skip(event: str, content: dict[str, Any]) -> Skip | None:
    """Return why the event is skipped, if it is."""
    try:
        deployment_event = interpret_event(_event(event, content))
        branch.check(deployment_event, _INPUTS, _NO_TAGS)
    except Skip as skip:
        return skip
    return None


_INPUTS: Final = Inputs.from_environ({}, NOW)


class _NoTags:
    """GitHub's API for a repository without tags; everything else is in the payloads."""

    def default_branch(self, repository: str) -> str:
        raise NotImplementedError

    def tag_commit(self, repository: str, tag: str) -> str:
        raise LookUpError(f"{repository} has no tag {tag}", absent=True)


_NO_TAGS: Final = _NoTags()


def _event(name: str, content: dict[str, Any]) -> Event:
    run = Run.from_environ({"GITHUB_REPOSITORY": "acme/shop"})
    return Event(name=name, payload=Payload(content), run=run, inputs=_INPUTS, now=NOW)


def _section(
    names: list[str], kinds: tuple[Places, ...], skips: tuple[tuple[str, str, str], ...]
) -> str:
    """Return the section of one kind of event."""
    tables = (
        f"{places.what[:1].upper()}{places.what[1:]}{_when(places)}:\n\n{_fields(places)}"
        for places in kinds
    )
    examples = ", ".join(f"[{name}](../examples/{name}.yml)" for name in _examples(names))
    rows = ((f"`{reason}`", plain(message)) for reason, message, _ in skips)
    parts = [
        f"## {' '.join(f'`{name}`' for name in names)}",
        *tables,
        REMARKS[names[0]],
        *([table(("skipped as", "what the log says"), rows)] if skips else []),
        *([f"Examples: {examples}."] if examples else []),
    ]
    return "\n\n".join(parts)


def _when(places: Places) -> str:
    if not places.state:
        return ""
    words = codes(places.final[:-1])
    return f", if `{places.state}` is {words}{' or ' if words else ''}`{places.final[-1]}`"


def _fields(places: Places) -> str:
    found = {field: codes(getattr(places, field)) for field in LABELS}
    found["commit"] = _read(places.commit, COMMIT_ELSE[places.what])
    found["version"] = ", ".join(VERSIONS.get(path, f"`{path}`") for path in places.version)
    rows = ((label, found[field]) for field, label in LABELS.items() if found[field])
    return table(("what", "read from, in this order"), rows)


def _read(paths: tuple[str, ...], otherwise: str) -> str:
    return "; otherwise ".join(filter(None, (codes(paths), otherwise)))


def _examples(names: list[str]) -> Iterator[str]:
    """Yield the examples that one of the events starts and that report its deployment."""
    for path in sorted((ROOT / "examples").glob("*.yml")):
        workflow = yaml.load(path.read_text("utf-8"), yaml.BaseLoader)  # noqa: S506 - `on` is a key
        modes = {
            step.get("with", {}).get("mode")
            for job in workflow.get("jobs", {}).values()
            for step in job.get("steps", ())
        }
        if set(workflow.get("on", ())) & set(names) and not modes & {"backfill", "replay"}:
            yield path.stem
