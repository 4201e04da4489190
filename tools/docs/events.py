"""docs/events.md: what each event means, from the table that the code reads payloads by.

Written by hand are the remarks on each event, and what is taken where no payload says it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

import yaml

from dora_deployments.actions.event import DEFAULT_BRANCHES, REPOSITORIES, Event, Places
from dora_deployments.actions.events import EVENTS, what_happened
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

# What the table of the code cannot say: where else the commit is looked for.
COMMIT_ELSE: Final[Mapping[str, str]] = {
    "a merged pull request": "GitHub's API, by the pull request's number",
    "a pushed branch": "`GITHUB_SHA`",
    "a pushed tag": "GitHub's API, by the tag; else `GITHUB_SHA`, with a warning",
    "a published release": (
        "`GITHUB_SHA` if `GITHUB_REF` is the tag; else GitHub's API, by the tag"
    ),
    "the status of a GitHub deployment": "",
    "a workflow run that has ended": "",
    "a run that somebody started": "`GITHUB_SHA`, the tip of the ref that it was started on",
    "a run that a program started": "",
}
# Not every value at these places is a version.
VERSIONS: Final[Mapping[str, str]] = {
    "ref": "`ref`, without its `refs/tags/`",
    "deployment.ref": "`deployment.ref`, if that or `GITHUB_REF` says that it is a tag",
}
# What is taken where no payload says it.
ELSE: Final = (
    ("repository", "`GITHUB_REPOSITORY`"),
    ("default branch", "GitHub's API; else refused"),
    ("environment", "`production`"),
    ("start", "the finish"),
    ("finish", "the clock: this step runs when the deployment is done"),
    ("page about it", "the page of this run"),
    ("told from others by", "ref, commit and run"),
)
LABELS: Final[Mapping[str, str]] = {
    "commit": "commit",
    "environment": "environment",
    "branch": "branch",
    "version": "version",
    "outcome": "outcome",
    "started_at": "start",
    "finished_at": "finish",
    "source_url": "page about it",
    "identity": "told from others by",
}

REMARKS: Final[Mapping[str, str]] = {
    "pull_request": """\
Only `pull_request.merged` tells a merge: one that was closed without has a `merge_commit_sha` as
well. Where the payload contradicts itself, closed and still open, GitHub's API is asked.
`GITHUB_SHA` and `pull_request.head.sha` are other commits. "Merged" is reported as "deployed",
which is right where a merge deploys.

GitHub gives no secrets to `pull_request` from a fork or of Dependabot: report such merges on
`push`. `pull_request_target` has secrets: never check out or run what the pull request brings.""",
    "push": """\
A push that deletes deploys nothing. For an annotated tag `after` is the tag object, and not a
commit. What a branch pointed to before (`before`, unless the push was forced) is compared with
where no deployment is known. Without a `ref` in the payload `GITHUB_REF` is read.

GitHub gives no secrets to pushes by Dependabot itself, as where it merges: store the keys as
Dependabot secrets as well.""",
    "release": """\
`target_commitish` is often no more than a branch, and is not read. `published` and `released` are
one deployment. A prerelease is reported if [`environment`](inputs.md#environment) is given.""",
    "deployment_status": """\
`failure` and `error` are deployments without success: DX is told, Datadog cannot be. A transient
environment is a preview, and is skipped. So is one that is named as a preview where
[`environment`](inputs.md#environment) would report it as production, unless
`deployment.production_environment` is true. The finish is the status's own time, and not
`updated_at`, which moves later.

GitHub starts no workflow for statuses that another workflow sets with its `GITHUB_TOKEN`: set them
with the token of an app, or report at the end of the job that deploys.""",
    "workflow_run": """\
`GITHUB_SHA` is the default branch's tip, and not what ran. Only the conclusion `success` deploys,
unless [`success`](inputs.md#success) is given. Runs for commits of other repositories are skipped.
The page about the deployment is that of the run that deployed.

A run for a tag has the tag where others have their branch; GitHub's API is asked which it is,
unless that is the default branch. A tag is the version, and is reported unless
[`branches`](inputs.md#branches) is given and does not match it. A run for a deployment that was
made of a SHA has no branch, and is reported if `branches` is `**`.

A run's commit is what it deployed only if it was started by `push`, `schedule`,
`workflow_dispatch`, `release`, `deployment`, `deployment_status` or `create`. For all others, such
as `workflow_run`, `issue_comment` or `repository_dispatch`, GitHub gives the default branch's tip,
whatever the run built, and for a pull request a commit that was not merged: they are skipped unless
[`commit-sha`](inputs.md#commit-sha) is given.""",
    "workflow_dispatch": """\
An input of the workflow that is named `sha` is read. A short one is looked up by GitHub's API, or
refused, and so is one that is no SHA, unless [`commit-sha`](inputs.md#commit-sha) is given. A tag
that the run was started on is the version, if its own commit was deployed. An input that is named
`environment` is not read, and warned about.""",
    "repository_dispatch": """\
These keys of `client_payload` are read, and no others. What is there and is not what it should be
is refused. A short `sha` is looked up by GitHub's API, or refused. Without a commit there the event
is refused, unless [`commit-sha`](inputs.md#commit-sha) is given: `GITHUB_SHA` is the default
branch's tip, whatever was deployed.

Of the outcomes one failure is enough. One that has not ended, or was cancelled, skipped or ignored,
is skipped. A word that may mean either, such as `completed`, is refused unless
[`success`](inputs.md#success) is given; in `conclusion`, `result` and `outcome` it is passed over,
since anything may be there. What Vercel sends is understood: its commit is in `git.sha`, and its
types (`vercel.deployment.failed`) are read as outcomes too.""",
}

# Skipped as well, though no payload of the tests is like it: a path and a value there.
ODD: Final = (
    ("push.branch", "ref", "refs/notes/commits"),
    ("workflow_run.success", "workflow_run.event", "workflow_run"),
    ("repository_dispatch", "client_payload.state", "in_progress"),
    ("repository_dispatch", "client_payload.state", "canceled"),
)

_PAGE: Final = """\
# Events

<!-- Written by `make docs` from the table that the code reads payloads by, by running it, and from
tools/docs/events.py, which has the remarks. -->

What each event means for a deployment, and where its payload is read. An [input](inputs.md) wins
over the payload, and the payload over `GITHUB_*` variables. The log and the job summary say where
each value comes from. A deployment whose commit cannot be found is refused, with exit code 2.
What GitHub remembers is [read as these events](backfill.md) as well.

{overview}

## For every event

{common}

{otherwise}

[`branches`](inputs.md#branches) judges the branch, and left out it is the default branch. Tags,
releases, deployments and runs that were started by hand or by a program are of no branch.

Skipped whatever the event: what [`success`](inputs.md#success) says was cancelled or skipped, what
[`environment-map`](inputs.md#environment-map) or the [configuration file](configuration.md) leaves
out, and what touches none of the services that the file maps. Where only Datadog is on, failed
deployments are skipped too. [All reasons](inputs.md#why-nothing-was-sent).

{events}

## Any other event

`schedule`, `merge_group`, `issues` and all others are skipped as `event-not-a-deployment`, unless
[`commit-sha`](inputs.md#commit-sha) says what was deployed. So is `deployment`, which asks for a
deployment and tells of none. A workflow that others call (`workflow_call`) is given the event of
its caller.

## Without a payload

Where the file of `GITHUB_EVENT_PATH` cannot be read, `push` and `workflow_dispatch` are taken by
their `GITHUB_*` variables, any event by `commit-sha`, and others are refused.
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
        otherwise=table(("what", "where the payload does not say it"), ELSE),
        events="\n\n".join(
            _section(names, kind.places, skips[names[0]]) for kind, names in kinds.items()
        ),
    )


def skipped(event: str) -> Iterator[tuple[str, str, str]]:
    """Return reason, message and payload of what is skipped of an event: one of each form."""
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
        happening = what_happened(_event(event, content))
        branch.check(happening, _INPUTS, _NO_TAGS)
    except Skip as skip:
        return skip
    return None


_INPUTS: Final = Inputs.from_environ({}, NOW)


class _NoTags:
    """GitHub's API of a repository that has no tags, of which the payloads say all else."""

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
    return "; else ".join(filter(None, (codes(paths), otherwise)))


def _examples(names: list[str]) -> Iterator[str]:
    """Return the examples that one of the events starts, and that report what it tells of."""
    for path in sorted((ROOT / "examples").glob("*.yml")):
        workflow = yaml.load(path.read_text("utf-8"), yaml.BaseLoader)  # noqa: S506 - `on` is a key
        modes = {
            step.get("with", {}).get("mode")
            for job in workflow.get("jobs", {}).values()
            for step in job.get("steps", ())
        }
        if set(workflow.get("on", ())) & set(names) and not modes & {"backfill", "replay"}:
            yield path.stem
