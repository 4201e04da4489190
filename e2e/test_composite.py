"""The composite action in workflows as people write them, from the event to the backends."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path

import pytest
import yaml

from dora_deployments.actions.events import EVENTS
from dora_deployments.backfill import csv_file
from dora_deployments.catalogue import OUTCOME_NOT_SUPPORTED
from e2e import composite
from e2e.action import ROOT
from e2e.conftest import not_run
from tests.builders import payload_file
from tests.end_to_end import stories
from tests.end_to_end.audit import KEY
from tests.end_to_end.github.git import File
from tests.end_to_end.github.hosted import iso
from tests.end_to_end.receivers import Datadog, Faulty, answer
from tests.end_to_end.stories import DX_TOKEN, RUN_ID, TOKEN, Happened, Story
from tools import pages

EXAMPLES = ROOT / "examples"
RUN_URL = f"https://github.com/acme/shop/actions/runs/{RUN_ID}"
CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"
UPLOAD = "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f"
DOWNLOAD = "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c"
CACHE = "actions/cache@27d5ce7f107fe9357f9df03efb73ab90386fccae"
HEAD = """\
on: {}
permissions: {{}}
jobs:
  report:
    runs-on: ubuntu-latest
    steps:
"""
STEP = """\
      - uses: acme/dora-deployments@v1
        id: report
        with:
          service: checkout
          datadog-api-key: ${{ secrets.DATADOG_API_KEY }}
          dx-token: ${{ secrets.DX_TOKEN }}
          dx-instance: acme
"""
SHOW = """\
      - id: shown
        if: always()
        env:
          OUTPUTS: ${{ toJSON(steps.report.outputs) }}
        run: printf '%s' "$OUTPUTS"
"""
CHECKOUT_ACTION = """\
name: Checkout
description: Takes the commit from where it is kept, as actions/checkout would.
inputs:
  persist-credentials: {description: whether to leave the token there, default: "true"}
runs:
  using: composite
  steps:
    - shell: bash
      run: git -C "$ORIGIN" archive "$GITHUB_SHA" | tar --extract
"""
UPLOAD_ACTION = """\
name: Upload
description: Keeps a folder, as actions/upload-artifact would.
inputs:
  name: {description: its name, required: true}
  path: {description: the folder, required: true}
runs:
  using: composite
  steps:
    - shell: bash
      env:
        NAME: ${{ inputs.name }}
        FILES: ${{ inputs.path }}
      run: |
        mkdir -p "$KEPT/$NAME"
        for each in $FILES; do
          if [ -d "$each" ]; then cp "$each"/*.json "$KEPT/$NAME"; fi
          if [ -f "$each" ]; then cp "$each" "$KEPT/$NAME"; fi
        done
"""
DOWNLOAD_ACTION = """\
name: Download
description: Fetches what was kept, as actions/download-artifact would.
inputs:
  pattern: {description: which, required: true}
  path: {description: where to, required: true}
runs:
  using: composite
  steps:
    - shell: bash
      env:
        PATTERN: ${{ inputs.pattern }}
        FOLDER: ${{ inputs.path }}
      run: mkdir "$FOLDER" && find "$KEPT" -name "$PATTERN" -exec cp -r {} "$FOLDER" ';'
"""
RESTORE_ACTION = """\
name: Restore
description: Fetches a folder, as actions/cache/restore would.
inputs:
  key: {description: its name, required: true}
  restore-keys: {description: how other names begin, required: true}
  path: {description: where to, required: true}
runs:
  using: composite
  steps:
    - shell: bash
      env:
        BEGINNING: ${{ inputs.restore-keys }}
        FOLDER: ${{ inputs.path }}
      run: |
        for each in "$CACHED/$(tr / : <<< "$BEGINNING")"*; do
          if [ -d "$each" ]; then cp -r "$each" "$FOLDER"; fi
        done
"""
SAVE_ACTION = """\
name: Save
description: Keeps a folder, as actions/cache/save would.
inputs:
  key: {description: its name, required: true}
  path: {description: the folder, required: true}
runs:
  using: composite
  steps:
    - shell: bash
      env:
        KEY: ${{ inputs.key }}
        FOLDER: ${{ inputs.path }}
      run: |
        kept="$CACHED/$(tr / : <<< "$KEY")"
        rm -rf "$kept"
        if [ -d "$FOLDER" ]; then cp -r "$FOLDER" "$kept"; fi
"""
GH = """\
import io, os, pathlib, re, shutil, sys, zipfile
kept = sorted(pathlib.Path(os.environ["KEPT"]).iterdir())
path = sys.argv[-1]
number = re.search("artifacts/([0-9]+)", path)
if "--jq" in sys.argv:
    print(*range(len(kept)), sep="\\n")
elif "DELETE" in sys.argv:
    shutil.rmtree(kept[int(number[1])])
else:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        for file in kept[int(number[1])].iterdir():
            opened.write(file, file.name)
    sys.stdout.buffer.write(archive.getvalue())
"""
# The repositories of an organisation, of which the first and the fourth page have some.
CURL = """\
import json, os, sys
(url,) = [word for word in sys.argv[1:] if word.startswith("http")]
assert "Authorization: Bearer " + os.environ["TOKEN"] in sys.argv
asked, _, page = url.rpartition("&page=")
listing = "/orgs/acme/repos?sort=created&direction=asc&per_page=64"
assert asked == os.environ["GITHUB_API_URL"] + listing, url
usual = {"fork": False, "archived": False, "disabled": False, "pushed_at": "2026-06-02T08:00:00Z"}
pages = {
    "1": {"a-fork": {"fork": True}, "shop": {}, "old": {"archived": True}},
    "4": {
        "quiet": {"pushed_at": "2026-05-31T08:00:00Z"}, "empty": {"pushed_at": None},
        "blocked": {"disabled": True}, "gone": {},
    },
}
found = [{**usual, **other, "name": name} for name, other in pages.get(page, {}).items()]
print(json.dumps(found))
"""
UNZIP = """\
import sys, zipfile
folder, archive = sys.argv[-2:]
zipfile.ZipFile(archive).extractall(folder)
"""


def workflow(*steps, on="push"):
    """Return a workflow of one job with these steps."""
    return HEAD.format(on) + "".join(steps)


# --- a repository, its events and who is told


@pytest.fixture(scope="session")
def action(tmp_path_factory):
    if why := composite.why_not():
        not_run(why)
    return composite.copied(tmp_path_factory.mktemp("action"))


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """What outlives a run, so that only the first of all has to install anything."""
    return tmp_path_factory.mktemp("cache")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """The repository of a story, on GitHub, with its secrets."""

    story: Story
    datadog: Datadog
    runner: composite.Runner
    checkouts: Path

    def run(self, text, happened, **hosts):
        """Run a workflow that GitHub would start; no run may show a secret.

        `GITHUB_SHA` is what the event says, else a commit that nothing was done to.
        """
        assert is_started(text, happened)
        commit = happened.variables.get("sha") or deployed_before(self.story)
        checkout = self.checkouts / commit
        if not checkout.exists():
            composite.checkout(checkout, self.story.history.git, commit)
        standing_in = {"datadoghq.com": self.datadog.url, "acme": f"{self.story.dx.url}/api"}
        runner = self.runner
        if server := happened.variables.get("server_url"):
            variables = {**runner.variables, "GITHUB_SERVER_URL": server}
            runner = replace(runner, variables=variables)
        ran = runner.run(text, happened, {**standing_in, **hosts}, checkout)
        assert ran.leaks == []
        return ran

    def told(self):
        """Return the bodies that Datadog and DX took or refused."""
        return (
            [received.json for received in self.datadog.received],
            [received.json for received in self.story.dx.received],
        )


@pytest.fixture
def shop(tmp_path, action, cache):
    for name in ("story", "runs", "tools", "kept", "cached", "checkouts"):
        (tmp_path / name).mkdir()
    for name, text in (
        ("checkout", CHECKOUT_ACTION),
        ("upload", UPLOAD_ACTION),
        ("download", DOWNLOAD_ACTION),
        ("cache/restore", RESTORE_ACTION),
        ("cache/save", SAVE_ACTION),
    ):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "action.yml").write_text(text, "utf-8")
    called = tmp_path / "organisation" / ".github" / "workflows"
    called.mkdir(parents=True)
    shutil.copy(EXAMPLES / "organisation.yml", called)
    for name, text in (("gh", GH), ("unzip", UNZIP), ("curl", CURL)):
        (tmp_path / "tools" / name).write_text(f"#!{sys.executable}\n{text}", "utf-8")
        (tmp_path / "tools" / name).chmod(0o755)
    with stories.story(tmp_path / "story") as story, Datadog(api_key=KEY, status=200) as datadog:
        story.history.deploy(story.history.commit(files=deploying("true")))
        story.landed("squash")
        story.landed("merge")
        yield Shop(
            story=story,
            datadog=datadog,
            checkouts=tmp_path / "checkouts",
            runner=composite.Runner(
                folder=tmp_path / "runs",
                action=action,
                cache=cache,
                secrets={
                    "DATADOG_API_KEY": KEY,
                    "DX_TOKEN": DX_TOKEN,
                    "GITHUB_TOKEN": TOKEN,
                    "BACKFILL_TOKEN": TOKEN,
                },
                others={
                    CHECKOUT: tmp_path / "checkout",
                    UPLOAD: tmp_path / "upload",
                    DOWNLOAD: tmp_path / "download",
                    CACHE: tmp_path / "cache",
                    "acme/workflows@v1": tmp_path / "organisation",
                },
                tools=tmp_path / "tools",
                variables={
                    "GITHUB_API_URL": story.github.api_url,
                    "KEPT": str(tmp_path / "kept"),
                    "CACHED": str(tmp_path / "cached"),
                    "ORIGIN": str(story.history.git.folder),
                },
                settings={"DATADOG_SITE": "datadoghq.com", "DX_INSTANCE": "acme"},
            ),
        )


def deploying(command):
    """Return the files by which examples deploy: a script that runs this command."""
    return {"deploy.sh": File(f"#!/bin/sh\n{command}\n", "100755")}


def is_started(text, happened):
    """Tell whether GitHub starts a workflow by an event: act knows neither types nor branches."""
    on = yaml.load(text, yaml.BaseLoader)["on"]
    filters = on[happened.name] if isinstance(on, dict) else {}
    if not isinstance(filters, dict):
        return True
    content = happened.payload
    action = content.get("action")
    ref = content.get("workflow_run", {}).get("head_branch") or content.get("ref", "")
    branch = ref.removeprefix("refs/heads/")
    return action in filters.get("types", [action]) and branch in filters.get("branches", [branch])


class During:
    """Any time at which the run went on, as each backend writes it."""

    def __init__(self):
        self.began = datetime.now(timezone.utc).replace(microsecond=0)

    def __eq__(self, other):
        if isinstance(other, int):
            moment = datetime.fromtimestamp(other / 1e9, timezone.utc)
        else:
            moment = datetime.strptime(other, "%Y-%m-%dT%H:%M:%S%z")
        return self.began <= moment <= datetime.now(timezone.utc)

    __hash__ = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a step is to tell of a service; without `ended` it ends when the step runs, and so on.

    `ships` are the pull requests that the service carries, and `by` how DX is told of them.
    `to_datadog` and `to_dx` is what else either is told.
    """

    commit: str
    began: datetime | None = None
    ended: datetime | None = None
    ships: tuple[int, ...] = (1, 2)
    by: str = "pull-requests"
    since: str = ""
    dated: bool = True
    success: bool = True
    version: str = ""
    source_url: str = RUN_URL
    repository_url: str = "https://github.com/acme/shop"
    service: str = "checkout"
    environment: str = "production"
    to_datadog: Mapping[str, object] = field(default_factory=dict)
    to_dx: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """How each job of a workflow is to end, and what those that report are to tell."""

    jobs: Mapping[str, str]
    reports: Mapping[str, tuple[Report, ...]]


def bodies(story, report, now, deployment_id):
    """Return what Datadog and DX are to be told."""
    began, ended = (
        (iso(moment), int(moment.timestamp()) * 10**9) if moment else (now, now)
        for moment in (report.began, report.ended)
    )
    to_datadog = {
        "data": {
            "attributes": {
                "id": deployment_id,
                "service": report.service,
                "env": report.environment,
                "started_at": began[1],
                "finished_at": ended[1],
                "git": {"commit_sha": report.commit, "repository_url": report.repository_url},
                **({"version": report.version} if report.version else {}),
                **report.to_datadog,
            }
        }
    }
    to_dx = story.body(
        report.commit,
        *report.ships,
        by=report.by,
        dated=report.dated,
        begun=report.dated,
        metadata={"version": report.version} if report.version else {},
        environment=report.environment,
        reference_id=deployment_id,
        deployed_at=ended[0],
        source_url=report.source_url,
        source_name="GitHub Actions",
        **{"service": {"identifier": report.service}, **report.to_dx},
        **({} if report.success else {"success": False}),
    )
    return ([to_datadog] if report.success else []), [to_dx]


def outputs(story, reports, deployment_ids):
    """Return what the outputs of a step with these reports are to be."""
    first = reports[0]
    ships = sorted({number for report in reports for number in report.ships})
    recorded = {"status": "delivered", "http_status": 200, "attempts": 1, "message": "recorded"}
    message = OUTCOME_NOT_SUPPORTED.sentence.replace(";", ",")  # which outputs may not hold
    left_out = {"status": "skipped", "http_status": None, "attempts": 0, "message": message}
    return {
        "status": "delivered",
        "reason": "",
        "repository": "acme/shop",
        "commit-sha": first.commit,
        "previous-sha": first.since,
        "environment": first.environment,
        "rollback": "false",
        "services": [report.service for report in reports],
        "merge-commit-shas": [story.merge_commit(number) for number in ships],
        "pull-requests": ships,
        "deployment-ids": deployment_ids,
        "results": [
            {"backend": backend, "service": service, "id": deployment_id, **how}
            for service, deployment_id in deployment_ids.items()
            for backend, how in (
                ("datadog", recorded if first.success else left_out),
                ("dx", recorded),
            )
        ],
        "undelivered-path": "",
    }


NOTHING = {
    "status": "skipped",
    "services": [],
    "merge-commit-shas": [],
    "pull-requests": [],
    "deployment-ids": {},
    "results": [],
    "undelivered-path": "",
}


def read(written):
    """Return outputs with those that are JSON read."""
    return {
        name: json.loads(value) if value[:1] in {"[", "{"} else value
        for name, value in written.items()
    }


# --- the events


def merged(story, name="pull_request"):
    report = Report(
        commit=story.merge_commit(2),
        began=story.history.pull(2).merged_at,
        ships=(2,),
        by="commit",
        dated=False,
    )
    return story.merge(2, name), report


def merged_with_secrets(story):
    return merged(story, "pull_request_target")


def unmerged(_story):
    content = payload_file("pull_request.closed.unmerged")
    return Happened(name="pull_request", payload=content), "pull-request-not-merged"


def pushed(story):
    head = story.history.branches["main"]
    report = Report(commit=head, since=deployed_before(story), began=story.history.now)
    return story.push(head), report


def pushed_without_a_service(story):
    happened, report = pushed(story)
    return happened, replace(report, service="shop")


def tag_pushed(story):
    story.history.annotated_tag("v1.2.0")
    head = story.history.branches["main"]
    since = deployed_before(story)
    report = Report(commit=head, since=since, began=story.history.now, version="v1.2.0")
    return story.tag_push("v1.2.0"), report


def released(story):
    head = story.history.tag("v1.2.0")
    release = story.history.release("v1.2.0")
    report = Report(
        commit=head,
        since=deployed_before(story),
        began=story.history.releases[release].published_at,
        version="v1.2.0",
    )
    return story.release(release), report


def deployed(story, state="success", environment="production", reported="production"):
    """Deploy the head, to where so far everything has been deployed."""
    head = story.history.branches["main"]
    since = deployed_before(story)
    if environment != "production":
        story.history.deploy(since, environment)
    own = story.history.deploy(head, environment, states=("in_progress", state))
    deployment = story.history.deployments[own]
    report = Report(
        commit=head,
        since=since,
        began=deployment.created_at,
        ended=deployment.updated_at,
        source_url=stories.OTHER_RUN_URL,
        environment=reported,
    )
    report = report if state == "success" else failed(report)
    return story.status(own, state=state), report


def failed(report):
    """Return the report of a deployment that failed, and so ships nothing."""
    return replace(report, success=False, ships=(), by="commit")


def not_deployed(story):
    return deployed(story, "failure")


def superseded(story):
    happened, _ = deployed(story, "inactive")
    return happened, "state-not-final"


def previewed(story):
    own = story.history.deploy(story.history.branches["main"], "preview/7", states=("success",))
    return story.status(own), "environment-ignored"


def run_ended(story):
    head = story.history.branches["main"]
    happened = story.workflow_run(head, 8400000001)
    report = Report(
        commit=head,
        since=deployed_before(story),
        began=moment_of(happened.payload["workflow_run"]["run_started_at"]),
        ended=moment_of(happened.payload["workflow_run"]["updated_at"]),
        source_url="https://github.com/acme/shop/actions/runs/8400000001",
    )
    return happened, report


def dispatched(story):
    head = story.history.branches["main"]
    return story.dispatch(head), Report(commit=head, since=deployed_before(story))


def deployed_abroad(story):
    return deployed(story, environment="prod-eu", reported="production")


def deployed_to_staging(story):
    return deployed(story, environment="staging", reported="staging")


def told_of_by_a_tool(story):
    head = story.history.branches["main"]
    began, ended = story.history.tick(), story.history.tick()
    content = payload_file("repository_dispatch")
    content["client_payload"] |= {
        "sha": head,
        "started_at": iso(began),
        "finished_at": iso(ended),
    }
    content["client_payload"]["version"] = "v1.2.0"
    since = deployed_before(story)
    report = Report(commit=head, since=since, began=began, ended=ended, version="v1.2.0")
    return Happened(name="repository_dispatch", payload=content), report


# --- the events of the examples, in what they deploy, and in what has been merged


def by_jobs(story, *environments):
    """Push the head, and let GitHub keep what jobs of this very run deploy by `environment:`."""
    head = story.history.branches["main"]
    for environment in environments:
        log_url = f"{RUN_URL}/job/23078451234"
        story.history.deploy(head, environment, states=("in_progress",), log_url=log_url)
    return story.push(head), Report(commit=head, since=deployed_before(story))


def deployed_by_a_job(story):
    happened, report = by_jobs(story, "production")
    jobs = {"deploy": "success", "report": "success"}
    return happened, Told(jobs=jobs, reports={"report": (report,)})


def not_deployed_by_a_job(story):
    story.history.commit(files=deploying("exit 3"))
    happened, report = by_jobs(story, "production")
    jobs = {"deploy": "failure", "report": "success"}
    return happened, Told(jobs=jobs, reports={"report": (failed(report),)})


def deployed_by_the_job_that_reports(story):
    happened, report = by_jobs(story, "production")
    return happened, Told(jobs={"deploy": "success"}, reports={"deploy": (report,)})


def not_deployed_by_the_job_that_reports(story):
    story.history.commit(files=deploying("exit 3"))
    happened, report = by_jobs(story, "production")
    reports = {"deploy": (failed(report),)}
    return happened, Told(jobs={"deploy": "failure"}, reports=reports)


def deployed_here_and_there(story):
    before = story.history.branches["main"]
    story.history.deploy(before, "staging")
    story.landed("rebase")
    happened, report = by_jobs(story, "staging", "production")
    staged = replace(report, environment="staging", since=before, ships=(3,))
    told = {"staging": (staged,), "production": (replace(report, ships=(1, 2, 3)),)}
    return happened, Told(jobs=dict.fromkeys(told, "success"), reports=told)


def with_services(story):
    """Check in which files are whose, and deploy that; return the commit."""
    config = (EXAMPLES / "dora.yml").read_text("utf-8")
    commit = story.history.commit(files={".github/dora.yml": config})
    story.history.deploy(commit)
    return commit


CHECKOUT_SERVICE = {"identifier": "checkout", "name": "Checkout"}


def deployed_by_service(story):
    before = with_services(story)
    story.landed("squash", "services/checkout/cart.py")
    story.landed("merge", "libs/cart/price.py", "services/search/price.py")
    happened, report = by_jobs(story, "production")
    report = replace(report, since=before)
    reports = (
        replace(
            report,
            ships=(3, 4),
            to_datadog={"team": "payments"},
            to_dx={"service": CHECKOUT_SERVICE},
        ),
        replace(report, ships=(4,), service="search"),
    )
    jobs = {"deploy": "success", "report": "success"}
    return happened, Told(jobs=jobs, reports={"report": reports})


def merged_into_main(story):
    """Merge two pull requests into the branch that is then merged into main by a third one."""
    before = story.history.branches["main"]
    story.history.deploy(before)
    story.history.branch("develop")
    story.landed("squash", base="develop")
    story.landed("merge", base="develop")
    story.history.open_pull("develop", "main")
    story.history.merge_pull(5)
    happened, report = pushed(story)
    return happened, replace(report, since=before, ships=(3, 4))


def merged_into_main_for_the_first_time(story):
    happened, report = merged_into_main(story)
    story.history.deployments.clear()
    by_commit = {"integration_branch": "develop"}
    return happened, replace(report, since="", ships=(), by="commit", to_dx=by_commit)


def made_a_release(story):
    happened, report = released(story)
    happened.payload["action"] = "released"
    return happened, report


def deployed_from_an_enterprise_server(story):
    happened, report = deployed(story)
    server = "https://github.acme.example"
    variables = {**happened.variables, "server_url": server}
    return replace(happened, variables=variables), replace(
        report, repository_url=f"{server}/acme/shop"
    )


def run_ended_that_deployed(story):
    before = deployed_before(story)
    head = story.history.branches["main"]
    story.history.deploy(head, states=("in_progress", "success"), log_url=stories.OTHER_RUN_URL)
    happened, report = run_ended(story)
    return happened, replace(report, since=before)


def run_failed(story):
    happened, _ = run_ended(story)
    happened.payload["workflow_run"]["conclusion"] = "failure"
    return happened, None


def deployed_before(story):
    return next(iter(story.history.deployments.values())).sha


def moment_of(text):
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z")


# The events that each example reports or skips.
OF_EXAMPLES = {
    "deployment-status": [
        *(deployed, deployed_abroad, deployed_to_staging),
        *(not_deployed, superseded, previewed),
    ],
    "docker": [deployed],
    "environments": [deployed_here_and_there],
    "failed-deployments": [
        *(deployed_by_the_job_that_reports, not_deployed_by_the_job_that_reports),
    ],
    "ghes": [deployed_from_an_enterprise_server],
    "integration-branch": [merged_into_main, merged_into_main_for_the_first_time],
    "merged-pull-request": [merged],
    "monorepo": [deployed_by_service],
    "organisation-caller": [deployed_by_a_job, not_deployed_by_a_job],
    "organisation-merges": [pushed_without_a_service],
    "push": [deployed_by_a_job],
    "release": [made_a_release],
    "replay": [pushed],
    "report-on-push": [pushed],
    "workflow-run": [run_ended_that_deployed],
}
# What no event starts: one example reads it, others call it, and people start the last two.
OF_OTHERS = {"dora", "organisation", "backfill", "backfill-organisation"}
OF_ANY = {
    "deployment_status": [deployed, not_deployed, superseded],
    "pull_request": [merged, unmerged],
    "pull_request_target": [merged_with_secrets],
    "push": [pushed, tag_pushed],
    "release": [released],
    "repository_dispatch": [told_of_by_a_tool],
    "workflow_dispatch": [dispatched],
    "workflow_run": [run_ended],
}
CASES = [
    *((None, event) for events in OF_ANY.values() for event in events),
    *((example, event) for example, events in OF_EXAMPLES.items() for event in events),
]


def test_every_event_that_the_action_reads_and_every_example_has_a_case():
    assert set(OF_ANY) == set(EVENTS)
    assert set(OF_EXAMPLES) | OF_OTHERS == {path.stem for path in EXAMPLES.glob("*.yml")}


def text_of(example):
    """Return an example as it is, but for the image, for which the composite steps in."""
    text = (EXAMPLES / f"{example}.yml").read_text("utf-8")
    return text.replace("uses: acme/dora-deployments/docker@v1", f"uses: {composite.USES}")


@pytest.mark.parametrize(
    ("example", "event"),
    [pytest.param(*case, id=f"{case[0] or 'any'}-{case[1].__name__}") for case in CASES],
)
def test_an_event_is_reported_by_whole_bodies_and_outputs(shop, example, event):
    happened, told = event(shop.story)
    assert example or event in OF_ANY[happened.name]
    text = workflow(STEP, SHOW, on=happened.name)
    if example:
        text = text_of(example)

    now = During()
    ran = shop.run(text, happened)

    if not example:
        assert json.loads(ran.logs["shown"]) == ran.reports["report"]
    if isinstance(told, str):
        (written,) = map(read, ran.reports.values())
        assert (ran.jobs, shop.told()) == ({"report": "success"}, ([], []))
        assert {**written, **NOTHING, "reason": told} == written
        return
    if isinstance(told, Report):
        told = Told(jobs={"report": "success"}, reports={"report": (told,)})
    assert ran.jobs == told.jobs
    written = {job: read(each) for job, each in ran.reports.items()}
    ids = {job: each["deployment-ids"] for job, each in written.items()}
    assert all(
        re.fullmatch("dora-[0-9a-f]{40}", deployment_id)
        for of_job in ids.values()
        for deployment_id in of_job.values()
    )
    expected = [
        bodies(shop.story, report, now, ids[job][report.service])
        for job, reports in told.reports.items()
        for report in reports
    ]
    to_datadog, to_dx = shop.told()
    assert by_id(to_datadog) == by_id(body for bodies, _ in expected for body in bodies)
    assert by_id(to_dx) == by_id(body for _, bodies in expected for body in bodies)
    assert written == {
        job: outputs(shop.story, reports, ids[job]) for job, reports in told.reports.items()
    }


def by_id(told):
    """Return bodies in the order of their ids: they are sent side by side."""
    return sorted(
        told,
        key=lambda body: (
            body["data"]["attributes"]["id"] if "data" in body else body["reference_id"]
        ),
    )


def test_any_other_event_is_reported_by_the_commit_that_is_given(shop):
    head = shop.story.history.branches["main"]
    step = STEP + "          commit-sha: ${{ github.sha }}\n"
    content = payload_file("schedule")
    nightly = f"{{schedule: [{{cron: '{content['schedule']}'}}]}}"

    now = During()
    happened = Happened(name="schedule", payload=content, variables={"sha": head})
    ran = shop.run(workflow(step, on=nightly), happened)

    report = Report(commit=head, since=deployed_before(shop.story))
    (deployment_id,) = read(ran.outputs["report"])["deployment-ids"].values()
    assert shop.told() == bodies(shop.story, report, now, deployment_id)
    assert read(ran.outputs["report"]) == outputs(
        shop.story, (report,), {"checkout": deployment_id}
    )


@pytest.mark.parametrize(
    ("example", "event"),
    [("merged-pull-request", unmerged), ("monorepo", unmerged), ("workflow-run", run_failed)],
)
def test_an_example_starts_no_job_for_what_deploys_nothing(shop, example, event):
    happened, _ = event(shop.story)
    ran = shop.run(text_of(example), happened)
    assert (ran.jobs, ran.inputs, shop.told()) == ({}, [], ([], []))


def test_a_deploy_that_was_skipped_since_the_tests_failed_is_not_reported(shop):
    tests = "  tests:\n    runs-on: ubuntu-latest\n    steps:\n      - run: exit 1\n"
    deploy = "  deploy:\n    name: Deploy\n"
    # The outputs of a skipped job are empty on GitHub; act hands them over as they are written.
    started = "      started-at: ${{ needs.deploy.outputs.started-at }}\n"
    text = text_of("organisation-caller").replace(started, "")
    text = text.replace(deploy, f"{tests}{deploy}    needs: tests\n")
    happened, _ = pushed(shop.story)

    ran = shop.run(text, happened)

    assert ran.jobs == {"tests": "failure", "report": "success"}
    written = read(ran.reports["report"])
    assert {**written, **NOTHING, "reason": "job-skipped"} == written
    assert shop.told() == ([], [])


@pytest.mark.parametrize(
    ("secret", "setting", "told"),
    [
        ("DATADOG_API_KEY", "DATADOG_SITE", [("dx", "delivered")]),
        ("DX_TOKEN", "DX_INSTANCE", [("datadog", "delivered")]),
    ],
)
def test_an_organisation_has_on_what_it_has_secrets_for(shop, secret, setting, told):
    happened, _ = pushed(shop.story)
    kept = {
        "secrets": {name: each for name, each in shop.runner.secrets.items() if name != secret},
        "settings": {name: each for name, each in shop.runner.settings.items() if name != setting},
    }

    ran = replace(shop, runner=replace(shop.runner, **kept)).run(
        text_of("organisation-merges"), happened
    )

    results = read(ran.reports["report"])["results"]
    assert [(each["backend"], each["status"]) for each in results] == told
    assert [len(bodies) for bodies in shop.told()] == [
        int(backend == told[0][0]) for backend in ("datadog", "dx")
    ]


def test_an_organisation_has_one_switch_that_makes_every_report_a_dry_run(shop):
    happened, _ = pushed(shop.story)
    settings = {**shop.runner.settings, "DORA_DRY_RUN": "true"}
    runner = replace(shop.runner, settings=settings)

    ran = replace(shop, runner=runner).run(text_of("organisation-merges"), happened)

    assert (ran.jobs, shop.told()) == ({"report": "success"}, ([], []))
    written = read(ran.reports["report"])
    assert (written["status"], written["services"]) == ("dry-run", ["shop"])


def test_a_merge_into_the_monorepo_tells_dx_of_its_services_and_of_no_deployment(shop):
    with_services(shop.story)
    shop.story.landed("squash", "libs/cart/cart.py", "services/search/index.py")

    ran = shop.run(text_of("monorepo"), shop.story.merge(3))

    pull = shop.story.history.pull(3)
    services = [CHECKOUT_SERVICE, {"identifier": "search"}]
    assert shop.told() == ([], [{"github_pull_id": pull.id, "services": services}])
    assert ran.jobs == {"touched": "success"}
    written = read(ran.reports["touched"])
    assert (written["status"], written["deployment-ids"]) == ("delivered", {})


def test_a_merge_is_of_the_services_whose_files_were_changed(shop):
    with_services(shop.story)
    shop.story.landed("squash", "services/checkout/cart.py")
    step = STEP.replace("          service: checkout\n", "")

    now = During()
    ran = shop.run(workflow(step, on="pull_request"), shop.story.merge(3))

    pull = shop.story.history.pull(3)
    report = Report(
        commit=pull.merge_commit_sha,
        began=pull.merged_at,
        ships=(3,),
        dated=False,
        to_datadog={"team": "payments"},
        to_dx={"service": CHECKOUT_SERVICE},
    )
    (deployment_id,) = read(ran.outputs["report"])["deployment-ids"].values()
    to_datadog, to_dx = bodies(shop.story, report, now, deployment_id)
    touched = {"github_pull_id": pull.id, "services": [CHECKOUT_SERVICE]}
    assert shop.told() == (to_datadog, [touched, *to_dx])


def test_on_an_enterprise_server_the_mirror_is_asked_for_packages(shop, tmp_path):
    happened, _ = deployed_from_an_enterprise_server(shop.story)
    with Faulty(answer(404)) as mirror:
        settings = {"PYPI_MIRROR": f"{mirror.url}/simple"}
        runner = replace(shop.runner, cache=tmp_path / "empty", settings=settings)
        replace(shop, runner=runner).run(text_of("ghes"), happened)
        asked = {
            re.match(rb"GET /simple/([^/]+)/ ", request)[1].decode() for request in mirror.requests
        }
    locked = (ROOT / "requirements.txt").read_text("utf-8")
    assert asked
    assert asked <= {*re.findall("^([a-z0-9-]+)==", locked, re.MULTILINE)}


# --- past deployments


def started(**inputs):
    period = {"since": "2026-06-01", "until": "2026-07-01"}
    content = payload_file("workflow_dispatch") | {"inputs": {**period, **inputs}}
    return Happened(name="workflow_dispatch", payload=content)


def rows_in(folder):
    with (folder / "deployments.csv").open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def test_the_past_is_written_down_first_and_then_reported_once(shop, tmp_path):
    live, _ = deployed(shop.story)
    before = deployed_before(shop.story)
    head = shop.story.history.branches["main"]

    tried = shop.run(text_of("backfill"), started(**{"dry-run": "true"}))

    assert (tried.jobs, shop.told()) == ({"backfill": "success"}, ([], []))
    written = rows_in(tmp_path / "kept" / "historical-deployments")
    assert [(row["service"], row["commit_sha"]) for row in written] == [
        ('{"identifier": "checkout"}', before),
        ('{"identifier": "checkout"}', ""),
    ]
    merges = [shop.story.merge_commit(number) for number in (1, 2)]
    assert json.loads(written[1]["merge_commit_shas"]) == merges

    for _ in range(2):  # the second time there is nothing more to tell
        sent = shop.run(text_of("backfill"), started(**{"dry-run": "false"}))
        assert sent.jobs == {"backfill": "success"}
        assert read(sent.reports["backfill"])["status"] == "delivered"
    assert rows_in(tmp_path / "kept" / "historical-deployments") == written
    to_datadog, to_dx = shop.told()
    assert [each["reference_id"] for each in to_dx] == [row["reference_id"] for row in written]
    commits = [each["data"]["attributes"]["git"]["commit_sha"] for each in to_datadog]
    assert commits == [before, head]

    # What was reported on the day has the same id.
    on_the_day = shop.run(workflow(STEP, on="deployment_status"), live)
    (reported,) = read(on_the_day.outputs["report"])["deployment-ids"].values()
    assert reported == written[1]["reference_id"]


def test_an_organisation_is_one_csv_file_whatever_becomes_of_a_repository(shop, tmp_path):
    deployed(shop.story)
    text = text_of("backfill-organisation")
    kept = tmp_path / "kept"
    (kept / "deployments-of-cart").mkdir()  # by the first attempt
    other = (
        ",".join(csv_file.COLUMNS) + "\n" + ",".join(["of the cart"] * len(csv_file.COLUMNS)) + "\n"
    )
    (kept / "deployments-of-cart" / "deployments.csv").write_text(other, "utf-8")

    ran = shop.run(text, started(shard="1", **{"dry-run": "true"}))

    listed = json.loads(ran.outputs["list"]["repositories"])
    assert (listed, shop.told()) == (["shop", "gone"], ([], []))
    assert (ran.jobs["list"], ran.jobs["collect"]) == ("success", "success")
    of_cart, *of_shop = rows_in(kept / "shard-1")
    assert of_cart == dict.fromkeys(csv_file.COLUMNS, "of the cart")
    assert of_shop == rows_in(kept / "deployments-of-shop")
    assert [row["repository"] for row in of_shop] == ["acme/shop"] * 2
    cached = sorted(path.name for path in (tmp_path / "cached").iterdir())
    assert cached == [f"dora-backfill:{name}:{RUN_ID}:1" for name in ("gone", "shop")]


@pytest.mark.parametrize("wrong", [{"since": "90d"}, {"shard": "one"}])
def test_an_organisation_is_not_taken_for_empty_where_an_input_is_wrong(shop, wrong):
    given = {"shard": "1", "dry-run": "true", **wrong}
    ran = shop.run(text_of("backfill-organisation"), started(**given))
    assert ran.jobs == {"list": "failure"}


def test_a_shard_without_repositories_starts_no_job(shop):
    ran = shop.run(text_of("backfill-organisation"), started(shard="2", **{"dry-run": "true"}))
    assert ran.jobs == {"list": "success"}
    assert ran.outputs["list"]["repositories"] == "[]"


# --- the inputs

HOSTILE = """a'b"c`touch {0}`$(touch {0});touch {0}\n::error::no ${{{{ secrets.DX_TOKEN }}}} ü\\"""


def test_every_input_arrives_as_it_was_written_whatever_is_in_it(shop, tmp_path):
    names = list(yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))["inputs"])
    hostile = HOSTILE.format(tmp_path / "executed")
    values = {name: f"{name} {hostile}" for name in names}
    given = "".join(
        f"          {name}: ${{{{ github.event.client_payload.{name} }}}}\n" for name in names
    )
    text = workflow(STEP.partition("          service")[0] + given, on="repository_dispatch")
    content = {**payload_file("repository_dispatch"), "client_payload": values}
    hosts = {values["datadog-site"]: "", values["dx-instance"]: ""}

    ran = shop.run(text, Happened(name="repository_dispatch", payload=content), **hosts)

    assert ran.inputs == [
        {f"INPUT_{name.upper().replace('-', '_')}": value for name, value in values.items()}
    ]
    assert (ran.jobs, ran.outputs["report"]["reason"]) == ({"report": "failure"}, "bad-input")
    assert shop.told() == ([], [])
    assert not (tmp_path / "executed").exists()
    assert "\n::error::no" not in ran.logs["report"]


def test_an_input_that_the_composite_forgets_to_hand_over_does_not_arrive(shop, tmp_path):
    # act hands each input over by itself, under a name that is this one's if it has no hyphen.
    forgetful = composite.copied(tmp_path / "forgetful", without=("INPUT_SERVICE",))
    happened, _ = pushed(shop.story)
    runner = replace(shop.runner, action=forgetful)

    ran = replace(shop, runner=runner).run(workflow(STEP), happened)

    assert ["INPUT_SERVICE" in inputs for inputs in ran.inputs] == [False]
    assert read(ran.outputs["report"])["services"] == ["shop"]


def test_an_output_that_the_composite_forgets_to_return_does_not_arrive(shop, tmp_path):
    forgetful = composite.copied(tmp_path / "forgetful", without=("previous-sha",))
    happened, report = pushed(shop.story)
    runner = replace(shop.runner, action=forgetful)

    ran = replace(shop, runner=runner).run(workflow(STEP, SHOW), happened)

    missing = set(outputs(shop.story, (report,), {})) - set(json.loads(ran.logs["shown"]))
    assert missing == {"previous-sha"}


def test_hostile_text_is_reported_as_it_is(shop, tmp_path):
    hostile = HOSTILE.format(tmp_path / "executed").replace("\n", " ")
    happened, report = dispatched(shop.story)
    happened.payload["inputs"] = {"text": hostile}
    step = STEP + "".join(
        f"          {name}: ${{{{ github.event.inputs.text }}}}\n"
        for name in ("version", "team", "source-name")
    )

    now = During()
    ran = shop.run(workflow(step, on="workflow_dispatch"), happened)

    (deployment_id,) = read(ran.outputs["report"])["deployment-ids"].values()
    (to_datadog,), (to_dx,) = bodies(
        shop.story, replace(report, version=hostile), now, deployment_id
    )
    to_datadog["data"]["attributes"]["team"] = to_dx["source_name"] = hostile
    assert shop.told() == ([to_datadog], [to_dx])
    assert not (tmp_path / "executed").exists()


def test_a_secret_that_a_step_prints_is_noticed(shop):
    text = workflow('      - run: echo "${{ secrets.DX_TOKEN }}"\n')
    happened, _ = pushed(shop.story)
    with pytest.raises(AssertionError, match=f"DX_TOKEN: {DX_TOKEN}"):
        shop.run(text, happened)


# --- what else becomes of a job


def test_the_second_step_of_a_job_installs_nothing_again(shop, tmp_path, record_property):
    # No installer can fetch anything in the second step.
    offline = """\
        env:
          PIP_NO_INDEX: "1"
          PIP_FIND_LINKS: ""
          UV_OFFLINE: "1"
"""
    second = STEP.replace("checkout", "search").replace("id: report\n", "id: again\n" + offline)
    happened, _ = pushed(shop.story)
    runner = replace(shop.runner, cache=tmp_path / "empty")

    ran = replace(shop, runner=runner).run(workflow(STEP, second), happened)

    for number, step in (("first", "report"), ("second", "again")):
        record_property(f"seconds of the {number} step of a job", f"{ran.seconds[step]:.2f}")
    assert ran.jobs == {"report": "success"}
    assert {name: read(each)["status"] for name, each in ran.outputs.items()} == {
        "report": "delivered",
        "again": "delivered",
    }
    assert [body["service"]["identifier"] for body in shop.told()[1]] == ["checkout", "search"]


@pytest.mark.parametrize(("fail_on", "result"), [("config", "success"), ("any", "failure")])
def test_a_server_that_is_down_leaves_the_job_green_unless_any_failure_counts(
    shop, fail_on, result
):
    happened, _ = pushed(shop.story)
    step = STEP.replace("acme\n", f"acme\n          fail-on: {fail_on}\n")

    # The wait that it asks for is longer than the step may take, so there is no second attempt.
    with Faulty(answer(503, headers=[("Retry-After", "300")])) as down:
        ran = shop.run(workflow(step, SHOW), happened, acme=down.url)

    assert (ran.jobs, ran.steps["report"]) == ({"report": result}, result)
    written = read(json.loads(ran.logs["shown"]))
    assert (written["status"], [each["status"] for each in written["results"]]) == (
        "partial",
        ["delivered", "undelivered"],
    )
    assert written["undelivered-path"] == "dora-undelivered"
    assert [len(bodies) for bodies in shop.told()] == [1, 0]


def test_a_wrong_key_fails_the_job(shop):
    happened, _ = pushed(shop.story)
    wrong = {**shop.runner.secrets, "DATADOG_API_KEY": "f" * 16 + KEY[16:]}
    runner = replace(shop.runner, secrets=wrong)

    ran = replace(shop, runner=runner).run(workflow(STEP, SHOW), happened)

    assert (ran.jobs, ran.steps) == (
        {"report": "failure"},
        {"report": "failure", "shown": "success"},
    )
    results = read(json.loads(ran.logs["shown"]))["results"]
    assert [(each["backend"], each["status"], each["http_status"]) for each in results] == [
        ("datadog", "rejected", 403),
        ("dx", "delivered", 200),
    ]


def test_whoever_reads_more_reads_it_at_the_ref_that_the_workflow_names(shop):
    happened, _ = pushed(shop.story)
    fork = "octo-org/dora@v1.2.3"
    runner = replace(shop.runner, others={**shop.runner.others, fork: shop.runner.action})
    step = STEP.replace("acme/dora-deployments@v1", fork).replace(
        "service: checkout", "timeout: soon"
    )

    ran = replace(shop, runner=runner).run(workflow(step), happened)

    assert (
        "https://github.com/octo-org/dora/blob/v1.2.3/docs/inputs.md#timeout" in ran.logs["report"]
    )


def test_what_one_step_could_not_deliver_another_replays(shop):
    happened, report = pushed(shop.story)
    replay = STEP.replace("id: report", "id: replay").replace(
        "          service: checkout\n",
        "          mode: replay\n"
        "          replay-path: ${{ steps.report.outputs.undelivered-path }}\n",
    )
    first = STEP.replace("acme\n", "down\n          datadog-site: us3\n")

    now = During()
    with Faulty(answer(503, headers=[("Retry-After", "300")])) as down:
        ran = shop.run(workflow(first, replay), happened, down=down.url, us3=down.url)
        asked = [request.partition(b"\r\n\r\n")[2] for request in down.requests]

    assert ran.jobs == {"report": "success"}
    statuses = {name: each["status"] for name, each in ran.outputs.items()}
    assert statuses == {"report": "undelivered", "replay": "delivered"}
    (deployment_id,) = read(ran.outputs["report"])["deployment-ids"].values()
    assert shop.told() == bodies(shop.story, report, now, deployment_id)
    received = (*shop.datadog.received, *shop.story.dx.received)
    assert sorted(asked) == sorted(each.body for each in received)


@pytest.mark.parametrize(("command", "result"), [("true", "success"), ("exit 3", "failure")])
def test_a_job_reports_how_it_ended(shop, command, result):
    happened, report = pushed(shop.story)
    deploy = f"      - id: deploy\n        run: {command}\n"
    step = STEP.replace(
        "        with:\n",
        "        if: always()\n        with:\n          success: ${{ job.status }}\n",
    )

    now = During()
    ran = shop.run(workflow(deploy, step), happened)

    assert (ran.jobs, ran.steps["report"]) == ({"report": result}, "success")
    (deployment_id,) = read(ran.outputs["report"])["deployment-ids"].values()
    told = report if result == "success" else failed(report)
    assert shop.told() == bodies(shop.story, told, now, deployment_id)


# --- the example that keeps and replays, with stand-ins for what is GitHub's


def test_what_an_outage_keeps_back_is_replayed_by_the_hour_and_then_deleted(shop, tmp_path):
    text = text_of("replay")
    happened, report = pushed(shop.story)
    now = During()
    with Faulty(answer(503, headers=[("Retry-After", "300")])) as down:
        kept = shop.run(text, happened, acme=down.url)
    saved = list((tmp_path / "kept").glob("*/*.json"))

    replayed = shop.run(text, Happened(name="schedule", payload=payload_file("schedule")))

    assert (kept.jobs, replayed.jobs) == ({"report": "success"}, {"replay": "success"})
    assert [file.parent.name for file in saved] == [f"dora-undelivered-{RUN_ID}-1"]
    (deployment_id,) = read(kept.outputs["report"])["deployment-ids"].values()
    assert shop.told() == bodies(shop.story, report, now, deployment_id)
    assert list((tmp_path / "kept").iterdir()) == []


# --- the commands of docs/try.md, with act as it is


@pytest.mark.usefixtures("action")  # which tells whether anything can be run here
def test_a_workflow_of_somebody_reports_to_stand_ins_by_the_commands_of_the_page(tmp_path, cache):
    page = (ROOT / "docs" / "try.md").read_text("utf-8")
    (commands,) = (block.text for block in pages.blocks(page) if "/act " in block.text)
    clone, shop = tmp_path / "dora-deployments", tmp_path / "shop"
    (clone / ".venv").mkdir(parents=True)
    (clone / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    (clone / "tests").symlink_to(ROOT / "tests")
    (shop / ".github" / "workflows").mkdir(parents=True)
    shutil.copy(EXAMPLES / "merged-pull-request.yml", shop / ".github" / "workflows" / "report.yml")
    for command in ("init", "add .", "-c user.name=a -c user.email=a@b.example commit -m a"):
        subprocess.run(["git", *command.split()], cwd=shop, capture_output=True, check=True)
    # This suite may itself run in a workflow.
    outside = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
    (tmp_path / "caches").mkdir()
    (tmp_path / "caches" / "act").symlink_to(cache)  # which has the packages

    with subprocess.Popen(
        [sys.executable, "-m", "tools.receiver", "show", clone / "build" / "receivers"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as receivers:
        try:
            for _ in range(3):  # by then they are there
                receivers.stdout.readline()
            ran = subprocess.run(
                ["bash", "-euc", commands],
                cwd=clone,
                env={**outside, "XDG_CACHE_HOME": str(tmp_path / "caches")},
                capture_output=True,
                text=True,
                check=False,
                timeout=300,
            )
        finally:
            receivers.terminate()
        shown = receivers.stdout.read()

    assert ran.returncode == 0, ran.stdout
    assert sorted(re.findall(r"^\w+ answered \d+", shown, re.MULTILINE)) == [
        "DX answered 200",
        "Datadog answered 200",
    ]
    merged = payload_file("pull_request.closed.merged")["pull_request"]["merge_commit_sha"]
    assert re.findall(r'"commit_sha": "(\w+)"', shown) == [merged, merged]
