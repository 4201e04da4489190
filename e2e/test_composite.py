"""The composite action in workflows as people write them, from the event to the backends."""

import json
import re
import sys
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

import pytest
import yaml

from dora_deployments.actions.events import EVENTS
from e2e import composite
from e2e.action import ROOT
from e2e.conftest import not_run
from tests.builders import payload_file
from tests.end_to_end import stories
from tests.end_to_end.audit import KEY
from tests.end_to_end.github.hosted import iso
from tests.end_to_end.receivers import Datadog, Faulty, answer
from tests.end_to_end.stories import DX_TOKEN, RUN_ID, TOKEN, Happened, Story

EXAMPLES = ROOT / "examples"
RUN_URL = f"https://github.com/acme/shop/actions/runs/{RUN_ID}"
UPLOAD = "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f"
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
        FOLDER: ${{ inputs.path }}
      run: mkdir "$KEPT/$NAME" && cp "$FOLDER"/*.json "$KEPT/$NAME"
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
        """Run a workflow; no run may show a secret.

        `GITHUB_SHA` is what the event says, else a commit that nothing was done to.
        """
        commit = happened.variables.get("sha") or deployed_before(self.story)
        checkout = self.checkouts / commit
        if not checkout.exists():
            composite.checkout(checkout, self.story.history.git, commit)
        standing_in = {"datadoghq.com": self.datadog.url, "acme": f"{self.story.dx.url}/api"}
        ran = self.runner.run(text, happened, {**standing_in, **hosts}, checkout)
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
    for name in ("story", "runs", "tools", "kept", "upload", "checkouts"):
        (tmp_path / name).mkdir()
    (tmp_path / "upload" / "action.yml").write_text(UPLOAD_ACTION, "utf-8")
    for name, text in (("gh", GH), ("unzip", UNZIP)):
        (tmp_path / "tools" / name).write_text(f"#!{sys.executable}\n{text}", "utf-8")
        (tmp_path / "tools" / name).chmod(0o755)
    with stories.story(tmp_path / "story") as story, Datadog(api_key=KEY, status=200) as datadog:
        story.history.deploy(story.history.commit())
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
                secrets={"DATADOG_API_KEY": KEY, "DX_TOKEN": DX_TOKEN, "GITHUB_TOKEN": TOKEN},
                others={UPLOAD: tmp_path / "upload"},
                tools=tmp_path / "tools",
                variables={
                    "GITHUB_API_URL": story.github.api_url,
                    "KEPT": str(tmp_path / "kept"),
                },
            ),
        )


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
    """What a run is to tell; without `ended` it ends when the step runs, and without `began` too.

    `ships` are the pull requests that the outputs list, and `by` how DX is told of them.
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
    service: str = "checkout"


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
                "env": "production",
                "started_at": began[1],
                "finished_at": ended[1],
                "git": {
                    "commit_sha": report.commit,
                    "repository_url": "https://github.com/acme/shop",
                },
                **({"version": report.version} if report.version else {}),
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
        service={"identifier": report.service},
        reference_id=deployment_id,
        deployed_at=ended[0],
        source_url=report.source_url,
        source_name="GitHub Actions",
        **({} if report.success else {"success": False}),
    )
    return ([to_datadog] if report.success else []), [to_dx]


def outputs(story, report, deployment_id):
    """Return what the step's outputs are to be."""
    recorded = {"status": "delivered", "http_status": 200, "attempts": 1, "message": "recorded"}
    to_datadog = recorded
    if not report.success:
        message = "Datadog counts successful deployments only, and this one failed"
        to_datadog = {"status": "skipped", "http_status": None, "attempts": 0, "message": message}
    of_each = {"service": report.service, "id": deployment_id}
    return {
        "status": "delivered",
        "reason": "",
        "repository": "acme/shop",
        "commit-sha": report.commit,
        "previous-sha": report.since,
        "environment": "production",
        "rollback": "false",
        "services": [report.service],
        "merge-commit-shas": [story.merge_commit(number) for number in report.ships],
        "pull-requests": list(report.ships),
        "deployment-ids": {report.service: deployment_id},
        "results": [
            {"backend": "datadog", **of_each, **to_datadog},
            {"backend": "dx", **of_each, **recorded},
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


def deployed(story, state="success"):
    head = story.history.branches["main"]
    since = deployed_before(story)
    own = story.history.deploy(head, states=("in_progress", state))
    deployment = story.history.deployments[own]
    report = Report(
        commit=head,
        since=since,
        began=deployment.created_at,
        ended=deployment.updated_at,
        success=state == "success",
        source_url=stories.OTHER_RUN_URL,
    )
    return story.status(own, state=state), report


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


def told_of_by_a_tool(story):
    head = story.history.branches["main"]
    began, ended = story.history.tick(), story.history.tick()
    content = payload_file("repository_dispatch")
    content["client_payload"] |= {
        "sha": head,
        "started_at": iso(began),
        "finished_at": iso(ended),
    }
    report = Report(commit=head, since=deployed_before(story), began=began, ended=ended)
    return Happened(name="repository_dispatch", payload=content), report


def deployed_before(story):
    return next(iter(story.history.deployments.values())).sha


def moment_of(text):
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z")


# The events that each example reports or skips.
OF_EXAMPLES = {
    "deployment-status": [deployed, not_deployed, superseded, previewed],
    "merged-pull-request": [merged],
    "replay": [pushed],
}
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
    assert set(OF_EXAMPLES) == {path.stem for path in EXAMPLES.glob("*.yml")}


@pytest.mark.parametrize(
    ("example", "event"),
    [pytest.param(*case, id=f"{case[0] or 'any'}-{case[1].__name__}") for case in CASES],
)
def test_an_event_is_reported_by_whole_bodies_and_outputs(shop, example, event):
    happened, report = event(shop.story)
    assert example or event in OF_ANY[happened.name]
    text = workflow(STEP, SHOW, on=happened.name)
    if example:
        text = (EXAMPLES / f"{example}.yml").read_text("utf-8")

    now = During()
    ran = shop.run(text, happened)

    assert ran.jobs == {"report": "success"}
    written = next(iter(ran.outputs.values()))
    if not example:
        assert json.loads(ran.logs["shown"]) == written
    if isinstance(report, str):
        assert shop.told() == ([], [])
        assert {**read(written), **NOTHING, "reason": report} == read(written)
        return
    (deployment_id,) = json.loads(written["deployment-ids"]).values()
    assert re.fullmatch("dora-[0-9a-f]{40}", deployment_id)
    assert shop.told() == bodies(shop.story, report, now, deployment_id)
    assert read(written) == outputs(shop.story, report, deployment_id)


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
    assert read(ran.outputs["report"]) == outputs(shop.story, report, deployment_id)


def test_the_readmes_job_for_merges_is_skipped_if_there_was_none(shop):
    happened, _ = unmerged(shop.story)
    ran = shop.run((EXAMPLES / "merged-pull-request.yml").read_text("utf-8"), happened)
    assert (ran.jobs, ran.inputs, shop.told()) == ({}, [], ([], []))


def test_services_are_those_of_the_readmes_file_whose_files_were_changed(shop):
    readme = (ROOT / "README.md").read_text("utf-8")
    (config,) = re.findall(r"```yaml\n(# .github/dora.yml\n.*?)```", readme, re.DOTALL)
    story = shop.story
    story.history.commit("main", {".github/dora.yml": config})
    story.landed("squash", "services/checkout/cart.py")
    step = STEP.replace("          service: checkout\n", "")

    now = During()
    ran = shop.run(workflow(step, on="pull_request"), story.merge(3))

    pull = story.history.pull(3)
    report = Report(commit=pull.merge_commit_sha, began=pull.merged_at, ships=(3,), dated=False)
    (deployment_id,) = read(ran.outputs["report"])["deployment-ids"].values()
    (to_datadog,), (to_dx,) = bodies(story, report, now, deployment_id)
    to_datadog["data"]["attributes"]["team"] = "payments"
    to_dx["service"] = {"identifier": "checkout", "name": "Checkout"}
    touched = {"github_pull_id": pull.id, "services": [to_dx["service"]]}
    assert shop.told() == ([to_datadog], [touched, to_dx])


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

    missing = set(outputs(shop.story, report, "")) - set(json.loads(ran.logs["shown"]))
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
    told = replace(report, success=result == "success")
    assert shop.told() == bodies(shop.story, told, now, deployment_id)


# --- the example that keeps and replays, with stand-ins for what is GitHub's


def test_what_an_outage_keeps_back_is_replayed_by_the_hour_and_then_deleted(shop, tmp_path):
    text = (EXAMPLES / "replay.yml").read_text("utf-8")
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
