"""Jobs that are cancelled before anything is sent: a real process, a real signal, a real wait.

What was certain by then is saved, under the id of a run that nobody cancels; the rest is not.
"""

import json
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

import pytest

from dora_deployments.packages import CORE
from tests.builders import MORE
from tests.end_to_end import stories
from tests.end_to_end.composite import PATH, installed, launched
from tests.end_to_end.receivers import hang
from tests.end_to_end.runner import ROOT, Finished, environment, saved_in
from tests.end_to_end.stories import DX_TOKEN, RUN_ID
from tests.report import runner

pytestmark = [
    pytest.mark.fault(100),
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals"),
]
BOTH = (signal.SIGINT, signal.SIGTERM)
FOLDER = "dora-undelivered"
UNANSWERED = "the job was cancelled before GitHub had answered"
CONFIG = b"""\
services:
  checkout:
    paths: ["services/checkout/**"]
  search:
    paths: ["services/search/**"]
    environments: ["search-*"]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """What a cancelled run left behind, and how long it took from the first signal to its end."""

    finished: Finished
    seconds: float

    @property
    def log(self) -> list[str]:
        return self.finished.log.splitlines()

    @property
    def warnings(self) -> list[str]:
        prefix = "::warning title=Deployment report::"
        return [line.removeprefix(prefix) for line in self.log if line.startswith(prefix)]

    def saved(self) -> list[dict[str, Any]]:
        """Return the fields of the saved files, without signatures and in the order of names."""
        found = [json.loads(text) for _, text in sorted(self.finished.saved.items())]
        for fields in found:
            del fields["hmac_sha256"]
        return found


@pytest.fixture
def workspace(tmp_path):
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def cancel(story, workspace, tmp_path):
    """Run the action on an event, and cancel it once GitHub gets the request that hangs.

    `hangs` says of a request, and of how many came before it, whether it has no answer.
    """

    def run(happened, hangs, *numbers, **given):
        folder = tmp_path / "run"
        folder.mkdir(exist_ok=True)
        reached = threading.Event()
        before = len(story.github.asked)

        def fault(asked):
            place = len(story.github.asked) - before - 1
            if not hangs(asked, place):
                return None
            reached.set()
            return lambda connection: hang(60)(connection, b"")

        story.github.fault = fault
        process = subprocess.Popen(
            [sys.executable, "-I", "-X", "utf8", "-u", str(ROOT / "entrypoint.py")],
            env=environ_of(story, happened, folder, workspace, given),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert reached.wait(60)
        start = time.monotonic()
        for number in numbers or (signal.SIGTERM,):
            process.send_signal(number)
        log, errors = process.communicate(timeout=30)
        seconds = time.monotonic() - start
        story.github.fault = None
        finished = Finished(
            exit_code=process.returncode,
            log=log.decode(),
            errors=errors.decode(),
            outputs=runner.outputs((folder / "output").read_text("utf-8")),
            summary=(folder / "summary.md").read_text("utf-8"),
            saved=saved_in(workspace),
        )
        for file in ("output", "summary.md"):
            (folder / file).unlink()
        return Cancelled(finished=finished, seconds=seconds)

    return run


def environ_of(story, happened, folder, workspace, given):
    inputs = {
        "github_token": stories.TOKEN,
        "dx_token": DX_TOKEN,
        "dx_instance": f"{story.dx.url}/api",
        **given,
    }
    content = json.dumps(happened.payload).encode()
    named = {name.replace("_", "-"): value for name, value in inputs.items()}
    return {
        **environment(folder, happened.name, content, named),
        "GITHUB_WORKSPACE": str(workspace),
        "GITHUB_API_URL": story.github.api_url,
        "GITHUB_RUN_ID": RUN_ID,
        **{f"GITHUB_{name.upper()}": value for name, value in happened.variables.items()},
    }


def replayed(story, happened, workspace):
    """Return how a replay of what is saved ends."""
    _, report = story.run(happened, {"GITHUB_WORKSPACE": str(workspace)}, mode="replay", service="")
    return report.status


def is_of_commits(asked, _):
    return "/commits/" in asked.path


def is_of_file(asked, _):
    return "/contents/" in asked.path


def is_of_past(asked, _):
    return asked.operation is not None and "deployments" in asked.operation


def is_of_range(asked, _):
    return "/compare/" in asked.path


def any_request(*_):
    return True


@pytest.fixture
def pushed(story, history):
    """A push that ships two pull requests since a deployment."""
    base = history.commit("main", {"README.md": "# Shop\n"})
    history.deploy(base)
    story.landed("squash")
    story.landed("squash")
    return story.push(history.branches["main"], base)


# --- saved


@pytest.mark.parametrize("number", BOTH)
def test_a_job_that_is_cancelled_during_look_ups_saves_its_report_by_the_commit(
    story, pushed, cancel, workspace, number
):
    head = pushed.payload["after"]

    run = cancel(pushed, any_request, number, service="shop")

    (saved,) = run.saved()
    (request,) = saved.pop("requests")
    body = request["body"]
    finished_at, identifier = body.pop("deployed_at"), body.pop("reference_id")
    assert saved == {
        "about": "A deployment report that was not delivered. It holds no key; `mode: replay`"
        " sends it again.",
        "format": 1,
        "server": "https://github.com",
        "repository": "acme/shop",
        "run_id": RUN_ID,
        "attempt": 1,
        "backend": "DX",
        "services": ["shop"],
        "id": identifier,
        "name": identifier,
        "status": "undelivered",
        "message": "not sent before the step had to end",
    }
    assert request == {
        "method": "deployments.create",
        "body": {
            **story.body(head, by="commit", dated=False),
            "source_url": f"https://github.com/acme/shop/actions/runs/{RUN_ID}",
            "source_name": "GitHub Actions",
        },
    }
    assert finished_at.endswith("Z")
    assert (run.finished.exit_code, run.finished.errors) == (128 + number, "")
    assert run.seconds < 5
    results = json.loads(run.finished.outputs.pop("results"))
    assert results == [
        {
            "backend": "dx",
            "service": "shop",
            "status": "undelivered",
            "id": identifier,
            "http_status": None,
            "attempts": 0,
            "message": "not sent before the step had to end",
        }
    ]
    assert run.finished.outputs == {
        "status": "undelivered",
        "reason": "",
        "repository": "acme/shop",
        "commit-sha": head,
        "previous-sha": pushed.payload["before"],
        "environment": "production",
        "rollback": "false",
        "services": '["shop"]',
        "merge-commit-shas": "[]",
        "pull-requests": "[]",
        "deployment-ids": json.dumps({"shop": identifier}, separators=(",", ":")),
        "undelivered-path": FOLDER,
    }
    headline = f"The job was cancelled ({number.name}) before the report was done"
    assert run.log[-1] == (
        f"::error title=Cancelled::{headline}. Run this job again, or keep `{FOLDER}` as an"
        f" artifact and send it by `mode: replay`; the ids stay the same. {MORE}cancelled"
    )
    unread = "the deployment before this one, and so what this one ships, could not be looked up"
    assert run.warnings == [f"{unread}: {UNANSWERED}. {MORE}incomplete"]
    assert run.finished.summary.startswith(f"<h3>❌ {headline}</h3>\n")
    assert UNANSWERED in run.finished.summary

    assert replayed(story, pushed, workspace) == "delivered"
    assert saved_in(workspace) == {}
    _, live = story.run(pushed)
    assert (live.ids, live.status) == ((identifier,), "delivered")
    assert list(story.dx.deployments) == [identifier]


def requests_of(story, happened, **given):
    """Return how many requests a whole run makes of GitHub."""
    before = len(story.github.asked)
    story.run(happened, **{"dry_run": "true", **given})
    return len(story.github.asked) - before


@pytest.mark.parametrize("place", range(5))
def test_whichever_request_hangs_the_report_has_the_id_of_a_whole_run(
    story, pushed, cancel, workspace, place
):
    assert requests_of(story, pushed, service="") == 5

    run = cancel(pushed, lambda _, at: at >= place, service="")

    if place == 0:  # whether there is a file that says which services there are
        assert run.finished.saved == {}
    else:
        (saved,) = run.saved()
        assert saved["requests"][0]["body"]["commit_sha"] == pushed.payload["after"]
        assert "merge_commit_shas" not in saved["requests"][0]["body"]
        assert replayed(story, pushed, workspace) == "delivered"
        _, live = story.run(pushed, service="")
        assert live.ids == (saved["id"],)
        assert len(story.dx.deployments) == 1
    assert (run.finished.exit_code, run.seconds < 5) == (143, True)


def test_signals_that_keep_coming_neither_stop_the_saving_nor_the_outputs(
    story, pushed, cancel, workspace
):
    run = cancel(pushed, any_request, *BOTH * 2000, service="shop")

    assert run.finished.errors == ""
    assert run.finished.exit_code in {130, 143}
    assert run.log[-1].startswith("::error title=Cancelled::")
    assert run.finished.outputs["undelivered-path"] == FOLDER
    assert [each["services"] for each in run.saved()] == [["shop"]]
    assert replayed(story, pushed, workspace) == "delivered"


def test_a_second_signal_changes_nothing_where_the_first_has_saved_the_report(pushed, cancel):
    run = cancel(pushed, any_request, signal.SIGINT, signal.SIGTERM, service="shop")

    assert run.finished.exit_code in {130, 143}
    assert len(run.saved()) == 1
    assert run.finished.log.count("::error title=Cancelled::") == 1


def saved_by_the_commit(run, head, *services):
    """Assert that a report for each service is saved, each by the commit."""
    saved = sorted(run.saved(), key=lambda fields: fields["services"])
    assert [fields["services"] for fields in saved] == [[each] for each in services]
    for fields in saved:
        (request,) = fields["requests"]
        assert request["body"]["commit_sha"] == head
        assert "merge_commit_shas" not in request["body"]
    assert run.finished.exit_code == 143
    return [fields["id"] for fields in saved]


def delivered_once(story, happened, workspace, ids, **given):
    """Assert that a replay delivers what is saved, and that a whole run has the same ids."""
    assert replayed(story, happened, workspace) == "delivered"
    assert saved_in(workspace) == {}
    _, live = story.run(happened, **given)
    assert sorted(live.ids) == sorted(ids)
    assert sorted(story.dx.deployments) == sorted(ids)


def test_a_short_sha_that_github_has_expanded_is_saved_in_full(story, pushed, cancel, workspace):
    head = pushed.payload["after"]
    given = {"service": "shop", "commit_sha": head[:8]}

    run = cancel(pushed, lambda asked, at: not is_of_commits(asked, at), **given)

    ids = saved_by_the_commit(run, head, "shop")
    delivered_once(story, pushed, workspace, ids, **given)


def test_named_services_are_saved_though_nobody_knows_which_files_were_changed(
    story, pushed, cancel, workspace
):
    (workspace / ".github").mkdir()
    (workspace / ".github" / "dora.yml").write_bytes(CONFIG)
    given = {"service": "checkout,search"}

    run = cancel(pushed, is_of_range, **given)

    ids = saved_by_the_commit(run, pushed.payload["after"], "checkout", "search")
    delivered_once(story, pushed, workspace, ids, **given)


@pytest.fixture
def mapped(story, history):
    """A push to a repository whose file maps two services to paths."""
    base = history.commit(
        "main", {".github/dora.yml": CONFIG.decode(), "services/search/a.py": "1"}
    )
    history.deploy(base)
    story.landed("squash", "services/checkout/a.py")
    return story.push(history.branches["main"], base)


def test_the_service_of_the_environment_is_saved(story, mapped, cancel, workspace):
    head = mapped.payload["after"]
    deployment = story.history.deploy(head, "search-production")
    happened = story.status(deployment)
    given = {"service": ""}

    run = cancel(happened, lambda asked, at: not is_of_file(asked, at), **given)

    ids = saved_by_the_commit(run, head, "search")
    delivered_once(story, happened, workspace, ids, **given)


def test_a_first_deployment_is_saved_for_every_service(story, history, cancel, workspace):
    before = history.commit("main", {".github/dora.yml": CONFIG.decode()})
    story.landed("squash", "services/checkout/a.py")
    head = history.branches["main"]
    happened = story.push(head, before)

    run = cancel(happened, is_of_range, service="")

    ids = saved_by_the_commit(run, head, "checkout", "search")
    delivered_once(story, happened, workspace, ids, service="")


def test_a_deployment_of_a_repeated_run_is_saved_where_its_record_tells_which_it_is(
    story, history, cancel, workspace
):
    head = history.commit()
    happened = story.status(history.deploy(head)).within(int(RUN_ID), attempt=2)

    run = cancel(happened, any_request, service="shop")

    ids = saved_by_the_commit(run, head, "shop")
    delivered_once(story, happened, workspace, ids)


def test_a_repeated_run_is_saved_once_its_records_are_known(story, pushed, cancel, workspace):
    happened = story.push(pushed.payload["after"], pushed.payload["before"])
    happened = happened.within(int(RUN_ID), attempt=2)

    run = cancel(happened, is_of_range, service="shop")

    ids = saved_by_the_commit(run, pushed.payload["after"], "shop")
    delivered_once(story, happened, workspace, ids)


# --- not saved, since it would be a guess


def nothing_saved(run, why):
    """Assert that nothing is saved, and that the log and the summary say why."""
    headline = "The job was cancelled (SIGTERM) before anything was sent"
    assert (run.finished.exit_code, run.finished.errors, run.seconds < 5) == (143, "", True)
    assert run.finished.saved == {}
    assert f"nothing is saved: {why}. {MORE}cancelled" in run.warnings
    assert (
        run.log[-1] == f"::error title=Cancelled::{headline}. Run this job again. {MORE}cancelled"
    )
    assert run.finished.summary.startswith(f"<h3>❌ {headline}</h3>\n")
    assert "<li>Nothing is saved: " in run.finished.summary
    assert run.finished.outputs == {
        "status": "undelivered",
        "reason": "",
        "repository": "acme/shop",
        "commit-sha": "",
        "previous-sha": "",
        "environment": "",
        "rollback": "false",
        "services": "[]",
        "merge-commit-shas": "[]",
        "pull-requests": "[]",
        "deployment-ids": "{}",
        "results": "[]",
        "undelivered-path": "",
    }


def test_nothing_is_saved_while_the_file_may_name_other_services(pushed, cancel):
    run = cancel(pushed, is_of_file, service="")

    nothing_saved(
        run,
        f"`.github/dora.yml` of acme/shop at {pushed.payload['after'][:7]} could not be looked up:"
        f" {UNANSWERED}; if there is such a file, it says which services there are, and a report"
        " under another name would stay",
    )


def test_nothing_is_saved_while_a_short_sha_is_looked_up(pushed, cancel):
    short = pushed.payload["after"][:8]

    run = cancel(pushed, is_of_commits, service="shop", commit_sha=short)

    nothing_saved(
        run,
        f"`commit-sha` is the short SHA {short}, which could not be looked up: {UNANSWERED}; write"
        " all 40 digits",
    )


def test_nothing_is_saved_while_a_tag_object_stands_for_the_commit(story, history, cancel):
    head = history.commit()
    history.annotated_tag("v1.0.0", head)
    happened = story.tag_push("v1.0.0")
    happened.payload["head_commit"] = None

    run = cancel(happened, any_request, service="shop")

    nothing_saved(
        run,
        "the commit that was deployed (the payload's head_commit.id is not a commit SHA) is not"
        f" known, since {UNANSWERED}",
    )


@pytest.mark.parametrize("hangs", [is_of_past, is_of_range])
def test_nothing_is_saved_while_the_changed_files_tell_the_services(mapped, cancel, hangs):
    run = cancel(mapped, hangs, service="")

    nothing_saved(
        run,
        f"which of the services with `paths` were deployed is not known, since {UNANSWERED}",
    )


def test_nothing_is_saved_while_a_repeated_run_may_have_deployed_again(pushed, cancel):
    run = cancel(pushed.within(int(RUN_ID), attempt=2), any_request, service="shop")

    nothing_saved(
        run, f"whether this attempt of the run deployed again is not known, since {UNANSWERED}"
    )


def test_nothing_is_saved_while_a_branch_may_be_a_tag(story, history, cancel):
    head = history.commit()
    happened = story.workflow_run(head, 8412345678, branch="v1.0.0")

    run = cancel(happened, any_request, service="shop")

    nothing_saved(
        run,
        "workflow_run.head_branch is 'v1.0.0', not the default branch 'main' (it may be a tag:"
        f" {UNANSWERED}); set `branches` to report other branches",
    )


def test_a_dry_run_saves_nothing_and_says_nothing_of_it(pushed, cancel):
    run = cancel(pushed, any_request, service="shop", dry_run="true")

    assert (run.finished.exit_code, run.finished.saved, run.warnings) == (143, {}, [])


def test_a_secret_in_the_event_is_not_saved(story, pushed, cancel):
    deployment = story.history.deploy(pushed.payload["after"], f"for-{DX_TOKEN}")

    run = cancel(story.status(deployment), any_request, service="shop")

    assert (run.finished.exit_code, run.finished.saved) == (143, {})
    assert any("holds the secret of an input" in warning for warning in run.warnings)
    assert run.finished.log.replace(f"::add-mask::{DX_TOKEN}", "").count(DX_TOKEN) == 0


# --- while packages are being installed


@pytest.fixture
def cancel_install(story, workspace, tmp_path):
    """Launch the composite with an installer that hangs, and cancel it; `there` is installed."""

    def run(happened, *there, number=signal.SIGTERM, uv="exec sleep 600", **given):
        folder, tools = tmp_path / "run", tmp_path / "tools"
        for each in (folder, tools):
            each.mkdir(exist_ok=True)
        if there and not (tmp_path / "cache").exists():
            installed(tmp_path / "cache", *there)
        reached = tmp_path / "reached"
        reached.unlink(missing_ok=True)
        (tools / "uv").write_text(
            f"#!/bin/sh\nPATH=/usr/bin:/bin\ntouch {reached}\n{uv}\n", "utf-8"
        )
        (tools / "uv").chmod(0o755)
        environ = environ_of(story, happened, folder, workspace, given) | {
            "PATH": f"{tools}:{PATH}",
            "RUNNER_TOOL_CACHE": str(tmp_path / "cache"),
            "PIP_NO_INDEX": "1",
        }
        spelt = {name.replace("-", "_"): value for name, value in environ.items()}
        process = launched(spelt)
        while number and not reached.exists():
            time.sleep(0.02)
        start = time.monotonic()
        if number:
            process.send_signal(number)
        log, errors = process.communicate(timeout=60)
        outputs, summary = folder / "output", folder / "summary.md"
        finished = Finished(
            exit_code=process.returncode,
            log=log,
            errors=errors,
            outputs=runner.outputs(outputs.read_text("utf-8")),
            summary=summary.read_text("utf-8"),
            saved=saved_in(workspace),
        )
        outputs.unlink()
        summary.unlink()
        return Cancelled(finished=finished, seconds=time.monotonic() - start)

    return run


@pytest.mark.parametrize("number", BOTH)
@pytest.mark.parametrize("there", [[], [CORE]])
def test_a_job_that_is_cancelled_during_an_installation_saves_what_a_failed_one_saves(
    story, pushed, cancel_install, workspace, number, there
):
    given = {"service": "shop", "finished_at": "2026-11-05T10:00:00Z"}

    run = cancel_install(pushed, *there, number=number, **given)

    assert (run.finished.exit_code, run.finished.errors) == (128 + number, "")
    assert run.seconds < 5
    assert run.finished.outputs["undelivered-path"] == FOLDER
    (saved,) = run.saved()
    for file in (workspace / FOLDER).glob("*.json"):
        file.unlink()
    if not there:
        (failed,) = cancel_install(pushed, number=None, uv="exit 1", **given).saved()
        assert {**saved, "message": failed["message"]} == failed
    again = cancel_install(pushed, *there, number=number, **given)
    assert again.saved() == [saved]
    delivered_once(story, pushed, workspace, [saved["id"]], **given)


def test_nothing_is_saved_while_what_reads_the_configuration_file_is_not_installed(
    pushed, cancel_install, workspace
):
    (workspace / ".github").mkdir()
    (workspace / ".github" / "dora.yml").write_bytes(CONFIG)

    run = cancel_install(pushed, service="")

    nothing_saved(run, "the packages that read the configuration file were not installed yet")


def test_a_replay_that_is_cancelled_during_an_installation_names_the_files_that_it_leaves(
    story, pushed, cancel, cancel_install, workspace
):
    before = cancel(pushed, any_request, service="shop").finished.saved

    run = cancel_install(pushed, mode="replay", service="")

    assert (run.finished.exit_code, run.finished.saved) == (143, before)
    assert run.finished.outputs["undelivered-path"] == FOLDER
    assert replayed(story, pushed, workspace) == "delivered"


# --- pull requests that are merged


@pytest.fixture
def merged(story, mapped):
    del mapped  # by which the pull request was merged
    return story.merge(1)


def is_of_files(asked, _):
    return asked.operation is not None and "files" in asked.operation


def test_a_merge_is_not_saved_while_its_files_tell_the_services(merged, cancel):
    run = cancel(merged, is_of_files, service="")

    nothing_saved(
        run, f"which of the services with `paths` were deployed is not known, since {UNANSWERED}"
    )


def test_a_merge_is_not_said_to_touch_a_service_while_its_files_are_unknown(merged, cancel):
    run = cancel(merged, is_of_files, service="", mode="pull-services")

    assert (run.finished.exit_code, run.finished.saved) == (143, {})
    results = json.loads(run.finished.outputs["results"])
    assert [(each["service"], each["status"], each["message"]) for each in results] == [
        (
            service,
            "undelivered",
            "not told, since it could not be looked up which files were changed",
        )
        for service in ("checkout", "search")
    ]


def test_the_merge_of_a_named_service_is_saved_without_an_answer(story, merged, cancel, workspace):
    given = {"service": "checkout", "config_file": ".github/dora.yml"}

    run = cancel(merged, any_request, **given)

    ids = saved_by_the_commit(run, merged.payload["pull_request"]["merge_commit_sha"], "checkout")
    delivered_once(story, merged, workspace, ids, **given)
