"""The stages together, in this process: how runs end, and what they leave behind."""

import contextlib
import io
import json
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone

import pytest

from dora_deployments import packages
from dora_deployments.catalogue import INCOMPLETE, PACKAGES
from dora_deployments.delivery.retry import Pace
from dora_deployments.errors import PackagesError
from dora_deployments.main import main
from dora_deployments.modes.deployment import LARGEST_EVENT
from tests.builders import DOCS, MORE, payload_file
from tests.end_to_end import receivers, stories
from tests.end_to_end.receivers import Datadog, Dx, Faulty
from tests.end_to_end.runner import environment, saved_in
from tests.report import runner

API_KEY = "0123456789abcdef0123456789abcdef"
TOKEN = "dx-token-of-the-tests"


@pytest.fixture
def environ_of(tmp_path):
    def make(event_name, case, variables=None, /, **inputs):
        content = case if isinstance(case, bytes) else json.dumps(payload_file(case)).encode()
        named = {name.replace("_", "-"): value for name, value in inputs.items()}
        return {**environment(tmp_path, event_name, content, named), **(variables or {})}

    return make


@pytest.fixture
def outputs(tmp_path):
    return lambda: runner.outputs((tmp_path / "output").read_text("utf-8"))


@pytest.fixture
def summary(tmp_path):
    return lambda: (tmp_path / "summary.md").read_text("utf-8")


OLD = (
    "::warning title=Deployment report::the deployment ended more than an hour ago: Datadog used"
    " to refuse or ignore old deployments, and documents no limit now;"
    f" report right after the deployment, and check in Datadog that this one appears. {MORE}"
    "old-event"
)


def warnings_in(log):
    return [line for line in log.splitlines() if line.startswith("::warning ")]


@pytest.mark.threat(21)
def test_a_delivered_deployment_ends_with_exit_code_0(environ_of, outputs, capsys):
    with Datadog(api_key=API_KEY) as datadog, Dx(token=TOKEN) as dx:
        environ = environ_of(
            "deployment_status",
            "deployment_status.success",
            datadog_api_key=API_KEY,
            datadog_site=datadog.url,
            dx_token=TOKEN,
            dx_instance=dx.url,
        )
        assert main(environ) == 0
    assert outputs()["status"] == "delivered"
    log = capsys.readouterr().out
    assert log.splitlines()[:3] == [
        f"::add-mask::{API_KEY}",
        f"::add-mask::{TOKEN}",
        "dora-deployments 1.0.0",
    ]
    assert log.splitlines()[-1] == (
        "Commit 31c4933 of shop reached production, its changes unknown"
    )


def test_a_skipped_event_ends_with_exit_code_0_and_its_reason(environ_of, outputs, capsys):
    assert main(environ_of("pull_request", "pull_request.closed.unmerged")) == 0
    found = outputs()
    assert (found["status"], found["reason"]) == ("skipped", "pull-request-not-merged")
    assert found["repository"] == "acme/shop"
    assert capsys.readouterr().out.splitlines()[-1] == (
        "::notice title=Nothing to report (pull-request-not-merged)::the pull request was closed"
        f" without being merged. {MORE}pull-request-not-merged"
    )


def test_every_output_is_written_when_the_inputs_are_bad(environ_of, outputs, summary):
    assert main(environ_of("push", "push.branch", timeout="soon")) == 2
    assert outputs() == {
        "status": "rejected",
        "reason": "bad-input",
        "repository": "",
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
    assert "<code>timeout</code>" in summary()


@pytest.mark.fault(100)
def test_a_cancelled_job_keeps_what_was_delivered_before(environ_of, outputs, tmp_path, capsys):
    with Faulty(receivers.hang(30)) as hanging, Dx(token=TOKEN) as dx:
        environ = environ_of(
            "push",
            "push.branch",
            {"GITHUB_WORKSPACE": str(tmp_path)},
            datadog_api_key=API_KEY,
            datadog_site=hanging.url,
            dx_token=TOKEN,
            dx_instance=dx.url,
        )

        def cancel():
            pause = threading.Event()
            while not (hanging.requests and dx.deployments):
                pause.wait(0.01)
            pause.wait(0.2)
            os.kill(os.getpid(), signal.SIGTERM)

        canceller = threading.Thread(target=cancel)
        canceller.start()
        assert main(environ, Pace(attempts=1)) == 143
        canceller.join()
    assert outputs()["status"] == "partial"
    assert [result["status"] for result in json.loads(outputs()["results"])] == [
        "undelivered",
        "delivered",
    ]
    assert outputs()["undelivered-path"] == "dora-undelivered"
    (deployment_id,) = json.loads(outputs()["deployment-ids"]).values()
    assert list(saved_in(tmp_path)) == [f"{deployment_id}-datadog.json"]
    assert capsys.readouterr().out.splitlines()[-1] == (
        "::error title=Cancelled::The job was cancelled (SIGTERM) before the report was done. Run"
        " this job again, or keep `dora-undelivered` as an artifact and send it by `mode: replay`;"
        f" the ids stay the same. {MORE}cancelled"
    )


class Tripwire(io.StringIO):
    """A log that has the process cancelled as soon as it shows a text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def write(self, line: str) -> int:
        if self.text in line:
            signal.raise_signal(signal.SIGTERM)
        return super().write(line)


@pytest.mark.fault(100)
@pytest.mark.parametrize("mode", ["deployment", "pull-services"])
@pytest.mark.parametrize(
    "line", ["::group::What was ", "Datadog is off", "::group::Request for DX"]
)
def test_a_job_that_is_cancelled_before_anything_is_sent_saves_all_of_it(
    line, mode, environ_of, outputs, tmp_path
):
    with Dx(token=TOKEN) as dx:
        environ = environ_of(
            "pull_request",
            "pull_request.closed.merged",
            {"GITHUB_WORKSPACE": str(tmp_path)},
            mode=mode,
            service="shop",
            dx_token=TOKEN,
            dx_instance=dx.url,
        )
        with contextlib.redirect_stdout(Tripwire(line)) as log:
            assert main(environ) == 143
        assert dx.received == []

    (result,) = json.loads(outputs()["results"])
    assert (outputs()["status"], result["status"], result["attempts"], result["message"]) == (
        "undelivered",
        "undelivered",
        0,
        "not sent before the step had to end",
    )
    assert outputs()["undelivered-path"] == "dora-undelivered"
    (text,) = saved_in(tmp_path).values()
    assert json.loads(text)["id"] == result["id"]
    assert (
        "undelivered::not sent before the step had to end; run this job again: the ids stay the"
        f" same. {MORE}cancelled\n" in log.getvalue()
    )
    assert log.getvalue().splitlines()[-1] == (
        "::error title=Cancelled::The job was cancelled (SIGTERM) before the report was done. Run"
        " this job again, or keep `dora-undelivered` as an artifact and send it by `mode: replay`;"
        f" the ids stay the same. {MORE}cancelled"
    )


@pytest.mark.fault(100)
def test_a_dry_run_that_is_cancelled_saves_nothing(environ_of, outputs, tmp_path):
    environ = environ_of("push", "push.branch", dry_run="true")
    with contextlib.redirect_stdout(Tripwire("::group::Request for DX")) as log:
        assert main(environ) == 143

    assert (outputs()["results"], outputs()["undelivered-path"]) == ("[]", "")
    assert not (tmp_path / "dora-undelivered").exists()
    assert log.getvalue().splitlines()[-1] == (
        "::error title=Cancelled::The job was cancelled (SIGTERM) before anything was sent. Run"
        f" this job again. {MORE}cancelled"
    )


def cancelling(*_):
    """Have the process cancelled while it waits for its packages."""
    signal.raise_signal(signal.SIGTERM)


NOTHING_SAVED = "::warning title=Deployment report::nothing is saved: {why}. " + f"{MORE}cancelled"


@pytest.mark.fault(100)
def test_a_job_that_is_cancelled_before_its_packages_are_there_saves_by_the_commit(
    environ_of, outputs, tmp_path
):
    variables = {"GITHUB_WORKSPACE": str(tmp_path)}
    given = {"dx_token": TOKEN, "dx_instance": "acme", "service": "shop"}
    environ = environ_of("push", "push.branch", variables, **given)
    assert main(environ, provide=cancelling) == 143

    (text,) = saved_in(tmp_path).values()
    (body,) = (request["body"] for request in json.loads(text)["requests"])
    assert body["commit_sha"] == outputs()["commit-sha"]
    assert outputs()["undelivered-path"] == "dora-undelivered"


@pytest.mark.fault(100)
def test_a_dry_run_that_is_cancelled_before_its_packages_are_there_saves_nothing(
    environ_of, outputs, tmp_path
):
    environ = environ_of("push", "push.branch", dry_run="true", service="shop")
    assert main(environ, provide=cancelling) == 143

    assert (outputs()["commit-sha"], outputs()["results"]) == ("", "[]")
    assert saved_in(tmp_path) == {}


@pytest.mark.fault(100)
def test_a_job_that_is_cancelled_before_its_file_can_be_read_saves_nothing(
    environ_of, outputs, tmp_path, capsys
):
    (tmp_path / "dora.yml").write_bytes(CONFIG)
    variables = {"GITHUB_WORKSPACE": str(tmp_path)}
    given = {"dx_token": TOKEN, "dx_instance": "acme", "config_file": "dora.yml"}
    environ = environ_of("push", "push.branch", variables, **given)
    assert main(environ, provide=cancelling) == 143

    assert (outputs()["undelivered-path"], saved_in(tmp_path)) == ("", {})
    why = "the packages that read the configuration file were not installed yet"
    assert NOTHING_SAVED.format(why=why) in capsys.readouterr().out.splitlines()


@pytest.mark.fault(100)
def test_a_job_that_is_cancelled_on_a_branch_that_does_not_deploy_saves_nothing(
    environ_of, tmp_path, capsys
):
    given = {"dx_token": TOKEN, "dx_instance": "acme", "branches": "release"}
    assert main(environ_of("push", "push.branch", **given), provide=cancelling) == 143

    assert saved_in(tmp_path) == {}
    why = "ref is 'main', and `branches` is release"
    assert NOTHING_SAVED.format(why=why) in capsys.readouterr().out.splitlines()


class Broken(Tripwire):
    """A log that has the process cancelled at a text, and cannot show it the next time."""

    is_broken = False

    def write(self, line: str) -> int:
        if self.text in line and self.is_broken:
            raise RuntimeError
        self.is_broken = self.is_broken or self.text in line
        return super().write(line)


@pytest.mark.fault(100)
def test_a_bug_that_keeps_a_cancelled_job_from_saving_is_named(environ_of, tmp_path):
    environ = environ_of("push", "push.branch", dx_token=TOKEN, dx_instance="acme")
    with contextlib.redirect_stdout(Broken("::group::What was ")) as log:
        assert main(environ) == 143

    assert saved_in(tmp_path) == {}
    why = "a bug in this action stopped it: RuntimeError"
    assert NOTHING_SAVED.format(why=why) in log.getvalue().splitlines()


def test_of_two_attempts_that_were_saved_the_last_one_is_replayed_and_the_other_is_named(
    environ_of, tmp_path, capsys
):
    def environ(url, attempt, **inputs):
        return environ_of(
            "deployment_status",
            "deployment_status.success",
            {"GITHUB_WORKSPACE": str(tmp_path), "GITHUB_RUN_ATTEMPT": attempt},
            dx_token=TOKEN,
            dx_instance=url,
            finished_at=f"2026-05-11T10:0{attempt}:00Z",
            **inputs,
        )

    with Faulty(receivers.answer(503)) as down:
        assert main(environ(down.url, "1"), Pace(attempts=1)) == 0
        (early,) = saved_in(tmp_path)
        assert main(environ(down.url, "2"), Pace(attempts=1)) == 0
    assert len(saved_in(tmp_path)) == 2
    capsys.readouterr()
    replayed = environ(down.url, "1") | {"INPUT_MODE": "replay"}
    replayed.pop("INPUT_FINISHED-AT", None)
    with Dx(token=TOKEN) as dx:
        assert main({**replayed, "INPUT_DX-INSTANCE": dx.url}) == 0
        (body,) = dx.deployments.values()
    assert body["deployed_at"] == "2026-05-11T10:02:00Z"
    assert f"{early!r} is of an earlier attempt of its run, or a copy: not sent\n" in (
        capsys.readouterr().out
    )
    assert saved_in(tmp_path) == {}


def test_what_is_recorded_after_all_stays_saved_until_it_is_replayed(environ_of, outputs, tmp_path):
    def environ(url):
        return environ_of(
            "deployment_status",
            "deployment_status.success",
            {"GITHUB_WORKSPACE": str(tmp_path)},
            dx_token=TOKEN,
            dx_instance=url,
        )

    with Faulty(receivers.answer(503)) as down:
        assert main(environ(down.url), Pace(base=0.01)) == 0
        assert len(down.requests) == 4
    before = saved_in(tmp_path)
    assert len(before) == 1
    (tmp_path / "output").unlink()
    with Dx(token=TOKEN) as dx:
        assert main(environ(dx.url)) == 0
        assert (outputs()["status"], outputs()["undelivered-path"]) == ("delivered", "")
        assert saved_in(tmp_path) == before
        assert main({**environ(dx.url), "INPUT_MODE": "replay"}) == 0
        assert len(dx.deployments) == 1

    assert saved_in(tmp_path) == {}


def test_more_saved_files_than_one_run_sends_are_told_and_left(
    environ_of, outputs, tmp_path, capsys
):
    variables = {"GITHUB_WORKSPACE": str(tmp_path)}
    with Faulty(receivers.answer(503)) as down:
        known = {"dx_token": TOKEN, "dx_instance": down.url}
        assert main(environ_of("push", "push.branch", variables, **known), Pace(attempts=1)) == 0
    folder = tmp_path / "dora-undelivered"
    (saved,) = folder.glob("*.json")
    content = saved.read_bytes()
    for number in range(1_000):
        (folder / f"{number:04}.json").write_bytes(content)
    environ = environ_of("push", "push.branch", variables, mode="replay", dry_run="true", **known)

    assert main(environ) == 0
    assert outputs()["status"] == "dry-run"
    assert len(list(folder.glob("*.json"))) == 1_001
    assert (
        "::warning title=Deployment report::`replay-path` holds more than one run can send: one"
        f" file is left; run the step again for the rest. {MORE}replay-left\n"
    ) in capsys.readouterr().out


def test_a_folder_that_no_output_can_name_is_named_in_log_and_summary(
    environ_of, outputs, summary, tmp_path, capsys
):
    temp = tmp_path / "J\xf6rg"
    temp.mkdir()
    (tmp_path / "dora-undelivered").write_text("in the way", "utf-8")
    variables = {"GITHUB_WORKSPACE": str(tmp_path), "RUNNER_TEMP": str(temp)}
    with Faulty(receivers.answer(503)) as down:
        environ = environ_of("push", "push.branch", variables, dx_token=TOKEN, dx_instance=down.url)
        assert main(environ, Pace(attempts=1)) == 0
    where = "J\xf6rg/dora-undelivered"
    told = (
        f"what was not delivered is in `{where}`, which the output does not name; write the"
        " folder's name into the workflow by hand, or rename it to plain letters and digits."
        f" {MORE}path-not-told\n"
    )

    assert outputs()["undelivered-path"] == ""
    assert len(saved_in(temp)) == 1
    assert f"::warning title=Deployment report::{told}" in capsys.readouterr().out
    assert where in summary()
    with Dx(token=TOKEN) as dx:
        known = {"dx_token": TOKEN, "dx_instance": dx.url, "replay_path": where}
        assert main(environ_of("push", "push.branch", variables, mode="replay", **known)) == 0
        assert len(dx.deployments) == 1
    assert saved_in(temp) == {}


def test_what_cannot_be_saved_is_a_warning(environ_of, outputs, tmp_path, capsys):
    workspace, temp = tmp_path / "workspace", tmp_path / "temp"
    for folder in (workspace, temp):
        folder.mkdir()
    (workspace / "dora-undelivered").write_text("in the way", "utf-8")
    variables = {"GITHUB_WORKSPACE": str(workspace), "RUNNER_TEMP": str(temp)}
    with Faulty(receivers.answer(503)) as down:
        environ = environ_of("push", "push.branch", variables, dx_token=TOKEN, dx_instance=down.url)
        assert main(environ, Pace(attempts=1)) == 0

    assert outputs()["undelivered-path"] == (temp / "dora-undelivered").as_posix()
    assert len(saved_in(temp)) == 1
    assert (
        "::warning title=Deployment report::what was not delivered cannot be saved in"
        f" {workspace / 'dora-undelivered'}: it is a link, or no folder; remove it."
        f" {MORE}not-saved\n" in capsys.readouterr().out
    )


def test_signals_are_handled_as_before_once_the_run_has_ended(environ_of):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    main(environ_of("schedule", "schedule"))
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


class Failing(Mapping[str, str]):
    """An environment that holds a bug: it breaks when the event's name is asked for."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def __getitem__(self, name: str) -> str:
        if name == "GITHUB_EVENT_NAME":
            raise RuntimeError("with a secret in it")
        return self._environ[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._environ)

    def __len__(self) -> int:
        return len(self._environ)


@pytest.mark.parametrize(
    ("fail_on", "exit_code", "level"),
    [("never", 0, "warning"), ("config", 0, "warning"), ("any", 1, "error")],
)
def test_a_bug_of_ours_is_one_line_and_counts_as_an_outage(
    fail_on, exit_code, level, environ_of, outputs, capsys
):
    environ = environ_of("push", "push.branch", fail_on=fail_on)
    assert main(Failing(environ)) == exit_code
    found = outputs()
    assert (found["status"], found["reason"]) == ("undelivered", "internal-error")
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith(
        f"::{level} title=Internal error::A bug in this action stopped the report: RuntimeError at"
        " test_main.py:"
    )
    assert "secret" not in last


@pytest.mark.threat(4)
def test_the_trace_of_a_bug_is_shown_where_debug_logging_is_on(environ_of, capsys):
    main(Failing(environ_of("push", "push.branch", {"RUNNER_DEBUG": "1"})))
    lines = capsys.readouterr().out.splitlines()
    assert "::debug::Traceback (most recent call last):" in lines


@pytest.mark.threat(4)
def test_debug_lines_tell_of_each_request_and_hold_no_key(environ_of, capsys):
    with Dx(token=TOKEN) as dx:
        main(
            environ_of(
                "push",
                "push.branch",
                {"RUNNER_DEBUG": "1"},
                dx_token=TOKEN,
                dx_instance=dx.url,
            )
        )
    log = capsys.readouterr().out
    assert (
        f"::debug::DX: {len(dx.received[0].body)} bytes for {dx.url}/api/deployments.create\n"
        in log
    )
    assert TOKEN not in log.replace(f"::add-mask::{TOKEN}", "")


def test_a_second_attempt_warns_that_datadog_gets_the_same_id_with_a_later_finish(
    environ_of, capsys
):
    with Datadog(api_key=API_KEY) as datadog:
        environ = environ_of(
            "push",
            "push.branch",
            {"GITHUB_RUN_ATTEMPT": "2"},
            datadog_api_key=API_KEY,
            datadog_site=datadog.url,
        )
        assert main(environ) == 0
    assert (
        "::warning title=Deployment report::this is attempt 2 of the run, so Datadog is sent the"
        " same id with a later finish: Datadog does not document what it does with a repeated id,"
        " and an old commit that is sent late can look like a rollback; set `finished-at` so that"
        f" all attempts report the same time. {MORE}rerun\n" in capsys.readouterr().out
    )


def test_a_second_attempt_with_a_finish_of_its_own_warns_of_nothing(environ_of, capsys):
    with Datadog(api_key=API_KEY) as datadog:
        environ = environ_of(
            "pull_request",
            "pull_request.closed.merged",
            {"GITHUB_RUN_ATTEMPT": "2"},
            datadog_api_key=API_KEY,
            datadog_site=datadog.url,
            service="shop",
            finished_at="2026-05-12T09:00:00Z",
        )
        assert main(environ) == 0
    assert warnings_in(capsys.readouterr().out) == [OLD]


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"GITHUB_EVENT_PATH": ""}, "GITHUB_EVENT_PATH is not set"),
        (
            {"GITHUB_EVENT_PATH": "/nowhere/event.json"},
            "the file of GITHUB_EVENT_PATH is missing or no regular file",
        ),
        (
            {"GITHUB_EVENT_PATH": "/dev/zero"},
            "the file of GITHUB_EVENT_PATH is missing or no regular file",
        ),
        (
            {"GITHUB_EVENT_PATH": "x" * 300},
            "the file of GITHUB_EVENT_PATH cannot be read (File name too long)",
        ),
    ],
    ids=["unset", "missing", "a device", "no path"],
)
def test_an_event_that_cannot_be_read_is_a_bad_event(variables, problem, environ_of, capsys):
    assert main(environ_of("release", "release.published", variables)) == 2
    assert f"::error title=Bad event::{problem}, so " in capsys.readouterr().out


@pytest.mark.threat(13)
def test_an_event_file_beyond_any_event_is_not_read(environ_of, tmp_path, capsys):
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(LARGEST_EVENT + 1)
    environ = environ_of("release", "release.published", {"GITHUB_EVENT_PATH": str(large)})
    assert main(environ) == 2
    assert "the file of GITHUB_EVENT_PATH is too large, so " in capsys.readouterr().out


def test_an_event_that_cannot_be_read_is_reported_by_the_commit_that_is_given(
    environ_of, outputs, capsys
):
    with Dx(token=TOKEN) as dx:
        environ = environ_of(
            "release", b"{", commit_sha="a" * 40, dx_token=TOKEN, dx_instance=dx.url
        )
        assert main(environ) == 0
    assert (outputs()["status"], outputs()["commit-sha"]) == ("delivered", "a" * 40)
    assert (
        "::warning title=Deployment report::the file of GITHUB_EVENT_PATH is not JSON; only inputs"
        f" and GITHUB_* variables were read. {MORE}doubtful-event\n" in capsys.readouterr().out
    )


def test_a_dry_run_without_credentials_shows_every_backend_and_sends_nothing(
    environ_of, outputs, summary
):
    environ = environ_of("push", "push.branch", dry_run="true", service="a,b,c,d,e")
    assert main(environ) == 0
    assert (outputs()["status"], outputs()["results"]) == ("dry-run", "[]")
    assert summary().startswith(
        "<h3>🔍 The deployment of commit 53d5a57 of a, b, c and 2 more to production would be"
        " reported; nothing was sent</h3>\n"
    )
    assert summary().count("<details>") == 10


def test_a_pull_request_from_a_fork_without_secrets_is_skipped(environ_of, outputs):
    assert main(environ_of("pull_request", "pull_request.closed.merged.fork")) == 0
    assert (outputs()["status"], outputs()["reason"]) == ("skipped", "no-credentials-on-fork")


def test_a_pull_request_from_a_fork_is_reported_where_there_are_secrets(environ_of, outputs):
    with Dx(token=TOKEN) as dx:
        environ = environ_of(
            "pull_request",
            "pull_request.closed.merged.fork",
            dx_token=TOKEN,
            dx_instance=dx.url,
        )
        assert main(environ) == 0
    assert outputs()["status"] == "delivered"


@pytest.mark.fault(90)
@pytest.mark.threat(11)
def test_a_workflow_run_of_a_fork_reports_nothing_although_there_are_secrets(environ_of, outputs):
    with Dx(token=TOKEN) as dx:
        environ = environ_of(
            "workflow_run", "workflow_run.fork", dx_token=TOKEN, dx_instance=dx.url
        )
        assert main(environ) == 0
    assert dx.received == []
    assert (outputs()["status"], outputs()["reason"]) == ("skipped", "foreign-repository")


def test_a_run_without_any_backend_names_the_inputs_to_set(environ_of, outputs, capsys):
    assert main(environ_of("push", "push.branch")) == 2
    assert outputs()["reason"] == "bad-configuration"
    assert capsys.readouterr().out.splitlines()[-2] == (
        "::error title=Bad configuration::no backend is configured; set `datadog-api-key` for"
        " Datadog, or `dx-token` and `dx-instance` for DX (a secret that does not exist here"
        f" arrives empty). {MORE}no-backend"
    )


def test_a_failure_that_no_backend_counts_is_skipped(environ_of, outputs, summary):
    with Datadog(api_key=API_KEY) as datadog:
        environ = environ_of(
            "deployment_status",
            "deployment_status.failure",
            datadog_api_key=API_KEY,
            datadog_site=datadog.url,
        )
        assert main(environ) == 0
    assert datadog.received == []
    assert (outputs()["status"], outputs()["reason"]) == ("skipped", "outcome-not-supported")
    assert summary().startswith(
        "<h3>⏭️ The deployment of commit 766f9a7 of shop to production failed; no backend"
        " takes it</h3>\n"
    )


def test_a_dry_run_tells_which_backend_would_be_told_nothing(environ_of, outputs):
    environ = environ_of(
        "deployment_status",
        "deployment_status.failure",
        datadog_api_key=API_KEY,
        dry_run="true",
    )
    assert main(environ) == 0
    (result,) = json.loads(outputs()["results"])
    assert (result["backend"], result["status"]) == ("datadog", "skipped")
    assert outputs()["status"] == "dry-run"


def test_a_backend_without_a_key_is_named_as_off(environ_of, summary, capsys):
    with Dx(token=TOKEN) as dx:
        assert main(environ_of("push", "push.branch", dx_token=TOKEN, dx_instance=dx.url)) == 0
    assert "Datadog is off, since `datadog-api-key` is empty\n" in capsys.readouterr().out
    assert "<p>Datadog is off, since <code>datadog-api-key</code> is empty.</p>" in summary()


def test_a_slow_look_up_leaves_the_backends_their_time(environ_of, outputs):
    with Dx(token=TOKEN) as dx, Faulty(receivers.hang(30)) as github:
        environ = environ_of(
            "push",
            "push.tag.annotated.no_head_commit",
            {"GITHUB_API_URL": github.url},
            dx_token=TOKEN,
            dx_instance=dx.url,
            service="shop",
            github_token="made-up",
            timeout="5",
        )
        assert main(environ) == 0
    assert outputs()["status"] == "delivered"


@pytest.mark.fault(101)
def test_files_that_cannot_be_written_are_told_of_and_stop_nothing(environ_of, capsys):
    environ = environ_of(
        "pull_request",
        "pull_request.closed.unmerged",
        {"GITHUB_OUTPUT": "", "GITHUB_STEP_SUMMARY": "/nowhere/summary.md"},
    )
    assert main(environ) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "GITHUB_OUTPUT is not set, so nothing is written there",
        (
            "::warning title=Deployment report::the file of GITHUB_STEP_SUMMARY cannot be written"
            f" (No such file or directory). {MORE}not-written"
        ),
    ]


def test_a_path_that_no_system_takes_is_told_of_and_stops_nothing(environ_of, outputs, capsys):
    variables = {"GITHUB_STEP_SUMMARY": "\0"}
    assert main(environ_of("pull_request", "pull_request.closed.unmerged", variables)) == 0
    assert outputs()["status"] == "skipped"
    assert capsys.readouterr().out.splitlines()[-1] == (
        "::warning title=Deployment report::the file of GITHUB_STEP_SUMMARY cannot be written (a"
        f" bug in this action: ValueError). {MORE}not-written"
    )


class Cancelling(dict[str, str]):
    """An environment that has the process cancelled when the file of the summary is looked up."""

    def get(self, name: str, default: str | None = None) -> str | None:
        if name == "GITHUB_STEP_SUMMARY":
            signal.raise_signal(signal.SIGTERM)
        return super().get(name, default)


@pytest.mark.fault(100)
def test_a_signal_that_comes_while_the_files_are_written_stops_nothing(
    environ_of, outputs, summary
):
    environ = environ_of("pull_request", "pull_request.closed.unmerged")
    # `main` leaves this as it was, so that a signal that comes too late ends nothing.
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        assert main(Cancelling(environ)) == 0
    finally:
        signal.signal(signal.SIGTERM, before)
    assert outputs()["status"] == "skipped"
    assert "Nothing to report" in summary()


# --- which services a pull request touches, and the configuration file

CONFIG = b"""\
services:
  checkout:
    name: Checkout
    paths: ["services/checkout/**"]
  search:
    paths: ["services/search/**"]
"""
FILES_UNKNOWN = (
    "::warning title=Deployment report::the changed files could not be looked up: `github-token` is"
    f" empty; so it is not known which services they belong to. {MORE}incomplete\n"
)


@pytest.fixture
def workspace(tmp_path):
    folder = tmp_path / "checkout"
    (folder / ".github").mkdir(parents=True)
    (folder / ".github" / "dora.yml").write_bytes(CONFIG)
    return folder


def test_in_mode_pull_services_dx_alone_is_told_and_of_nothing_else(environ_of, outputs, capsys):
    with Datadog(api_key=API_KEY) as datadog, Dx(token=TOKEN) as dx:
        environ = environ_of(
            "pull_request",
            "pull_request.closed.merged",
            mode="pull-services",
            service="checkout=Checkout, search",
            datadog_api_key=API_KEY,
            datadog_site=datadog.url,
            dx_token=TOKEN,
            dx_instance=dx.url,
        )
        assert main(environ) == 0
    assert datadog.received == []
    assert [(received.path, received.json) for received in dx.received] == [
        (
            "/api/deployments.setPullServices",
            {
                "github_pull_id": 3498120117,
                "services": [
                    {"identifier": "checkout", "name": "Checkout"},
                    {"identifier": "search"},
                ],
            },
        )
    ]
    found = outputs()
    assert (found["status"], found["services"]) == ("delivered", '["checkout","search"]')
    assert (found["deployment-ids"], found["pull-requests"]) == ("{}", "[117]")
    assert [
        (result["backend"], result["service"], result["status"], result["id"])
        for result in json.loads(found["results"])
    ] == [("dx", "checkout", "delivered", ""), ("dx", "search", "delivered", "")]
    assert capsys.readouterr().out.splitlines()[-1] == (
        "Pull request #117 touches checkout and search"
    )


def test_in_mode_pull_services_a_run_without_dx_is_a_bad_configuration(environ_of, capsys):
    with Datadog(api_key=API_KEY) as datadog:
        environ = environ_of(
            "pull_request",
            "pull_request.closed.merged",
            mode="pull-services",
            service="checkout",
            datadog_api_key=API_KEY,
            datadog_site=datadog.url,
        )
        assert main(environ) == 2
    assert datadog.received == []
    assert capsys.readouterr().out.splitlines()[-2] == (
        "::error title=Bad configuration::`mode` is pull-services, which only DX supports, and DX"
        f" is off; set `dx-token` and `dx-instance`. {MORE}pull-services-without-dx"
    )


def test_in_mode_pull_services_what_nobody_knows_is_undelivered_and_never_guessed(
    environ_of, outputs, workspace, capsys
):
    with Dx(token=TOKEN) as dx:
        environ = environ_of(
            "pull_request",
            "pull_request.closed.merged",
            {"GITHUB_WORKSPACE": str(workspace)},
            mode="pull-services",
            dx_token=TOKEN,
            dx_instance=dx.url,
        )
        assert main(environ) == 0
    assert dx.received == []
    assert outputs()["status"] == "undelivered"
    assert [
        (result["service"], result["status"], result["message"])
        for result in json.loads(outputs()["results"])
    ] == [
        (
            name,
            "undelivered",
            "not told, since it could not be looked up which files were changed",
        )
        for name in ("checkout", "search")
    ]
    assert (
        "::warning title=DX%3A search undelivered::not told, since it could not be looked up which"
        f" files were changed; {INCOMPLETE.change}. {MORE}incomplete\n" in capsys.readouterr().out
    )


def test_services_are_those_of_the_workspaces_file_and_all_of_them_if_no_file_is_known(
    environ_of, outputs, workspace, capsys
):
    with Dx(token=TOKEN) as dx:
        environ = environ_of(
            "pull_request",
            "pull_request.closed.merged",
            {"GITHUB_WORKSPACE": str(workspace)},
            dx_token=TOKEN,
            dx_instance=dx.url,
        )
        assert main(environ) == 0
    assert sorted(received.json["service"]["identifier"] for received in dx.received) == [
        "checkout",
        "search",
    ]
    assert {received.path for received in dx.received} == {"/api/deployments.create"}
    assert (outputs()["status"], outputs()["services"]) == ("delivered", '["checkout","search"]')
    assert FILES_UNKNOWN in capsys.readouterr().out


@pytest.mark.parametrize("name", ["pull_request_target", "workflow_run"])
def test_a_workspace_that_may_hold_what_a_stranger_wrote_is_never_read(
    name, environ_of, outputs, workspace
):
    case = "workflow_run.success" if name == "workflow_run" else "pull_request.closed.merged"
    with Dx(token=TOKEN) as dx:
        environ = environ_of(
            name,
            case,
            {"GITHUB_WORKSPACE": str(workspace)},
            dx_token=TOKEN,
            dx_instance=dx.url,
        )
        assert main(environ) == 0
    assert outputs()["services"] == '["shop"]'


def test_a_file_that_is_a_link_is_a_bad_configuration_and_not_read(environ_of, workspace, capsys):
    file = workspace / ".github" / "dora.yml"
    file.rename(workspace / "elsewhere.yml")
    file.symlink_to(workspace / "elsewhere.yml")
    variables = {"GITHUB_WORKSPACE": str(workspace)}
    assert main(environ_of("push", "push.branch", variables, dry_run="true")) == 2
    assert capsys.readouterr().out.splitlines()[-2] == (
        "::error title=Bad configuration::`.github/dora.yml` of the workspace is or goes through"
        f" the link '.github/dora.yml'; write the path of the file itself. {MORE}config-file"
    )


def test_the_file_that_an_input_names_is_read_instead_of_the_usual_one(
    environ_of, outputs, workspace
):
    (workspace / "deploy.yml").write_text("services: {docs: {paths: [docs/**]}}\n", "utf-8")
    variables = {"GITHUB_WORKSPACE": str(workspace)}
    environ = environ_of("push", "push.branch", variables, dry_run="true", config_file="deploy.yml")
    assert main(environ) == 0
    assert outputs()["services"] == '["docs"]'


def test_the_shipped_changes_have_a_group_of_their_own_in_the_log(environ_of, capsys):
    assert main(environ_of("pull_request", "pull_request.closed.merged", dry_run="true")) == 0
    lines = capsys.readouterr().out.splitlines()
    start = lines.index("::group::Shipped changes")
    assert lines[start + 1].startswith(
        "#117 Keep the cart of signed-out shoppers (merged by 7fd0709, "
    )
    assert lines[start + 2] == "::endgroup::"


@pytest.mark.threat(4, 19)
@pytest.mark.parametrize("secret", [API_KEY, TOKEN])
def test_an_event_that_names_a_secret_is_told_to_nobody(
    environ_of, outputs, summary, capsys, secret
):
    content = payload_file("deployment_status.success")
    for part in ("deployment", "deployment_status"):
        content[part]["environment"] = f"for {secret}"
    with Datadog(api_key=API_KEY) as datadog, Dx(token=TOKEN) as dx:
        environ = environ_of(
            "deployment_status",
            json.dumps(content).encode(),
            datadog_api_key=API_KEY,
            datadog_site=datadog.url,
            dx_token=TOKEN,
            dx_instance=dx.url,
        )
        assert main(environ) == 2
        assert datadog.received + dx.received == []
    found = outputs()
    assert (found["status"], found["reason"]) == ("rejected", "bad-event")
    assert (found["results"], found["undelivered-path"]) == ("[]", "")
    log = capsys.readouterr().out
    assert log.splitlines()[-2] == (
        "::error title=Bad event::what the event names holds the secret of an input, which a"
        " backend would be told; change that secret, since whoever sees the event knows it."
        f" {MORE}secret-in-event"
    )
    for text in (log.replace(f"::add-mask::{secret}\n", ""), summary(), str(found)):
        assert secret not in text


def lacking(*locks):
    """Return a supply that has no packages of `locks`, and the locks that it was asked for."""
    asked = []

    def provide(lock, budget, tell):
        asked.append(lock)
        assert 0 < budget.left() <= 60
        tell(f"| about {lock}: ##[add-mask]x")
        if lock in locks:
            raise PackagesError("the packages are missing")

    return provide, asked


@pytest.mark.parametrize(("fail_on", "exit_code"), [("config", 0), ("never", 0), ("any", 1)])
def test_a_report_whose_packages_are_missing_is_saved(
    fail_on, exit_code, environ_of, outputs, tmp_path, capsys
):
    provide, asked = lacking(packages.CORE)
    with Faulty(receivers.answer(401)) as github:
        environ = environ_of(
            "push",
            "push.branch",
            {"GITHUB_WORKSPACE": str(tmp_path), "GITHUB_API_URL": github.url},
            service="shop",
            github_token="token",
            dx_token=TOKEN,
            dx_instance="acme",
            fail_on=fail_on,
        )
        assert main(environ, provide=provide) == exit_code
    found = outputs()
    assert (found["status"], found["reason"]) == ("undelivered", "")
    (result,) = json.loads(found["results"])
    assert result["message"] == "not sent, since the packages are missing"
    assert found["undelivered-path"] == "dora-undelivered"
    assert len(saved_in(tmp_path)) == 1
    assert asked == [packages.CORE, packages.LOOK_UPS]
    log = capsys.readouterr().out
    assert "\n| about requirements.txt: ## [add-mask]x\n" in log
    level = "error" if exit_code else "warning"
    assert (
        f"::{level} title=DX%3A shop undelivered::not sent, since the packages are missing;"
        f" {PACKAGES.change}. {MORE}packages\n" in log
    )
    assert log.splitlines()[-1].startswith("Run this job again, or keep `dora-undelivered`")


def test_what_was_saved_without_packages_is_replayed_with_them(environ_of, outputs, tmp_path):
    provide, _ = lacking(packages.CORE)
    with Dx(token=TOKEN, repositories=("acme/shop",)) as dx:
        variables = {"GITHUB_WORKSPACE": str(tmp_path)}
        given = {"dx_token": TOKEN, "dx_instance": dx.url}
        main(environ_of("push", "push.branch", variables, **given), provide=provide)
        assert dx.received == []
        main(environ_of("push", "push.branch", variables, **given, mode="replay"))
        assert len(dx.deployments) == 1
    assert outputs()["status"] == "delivered"


def test_a_failed_deployment_is_still_none_for_datadog_without_packages(environ_of, outputs):
    provide, _ = lacking(packages.CORE)
    environ = environ_of(
        "push", "push.branch", datadog_api_key=API_KEY, dx_token=TOKEN, dx_instance="acme",
        success="false",
    )  # fmt: skip
    assert main(environ, provide=provide) == 0
    statuses = {each["backend"]: each["status"] for each in json.loads(outputs()["results"])}
    assert statuses == {"datadog": "skipped", "dx": "undelivered"}


@pytest.mark.parametrize(("fail_on", "exit_code"), [("config", 0), ("never", 0), ("any", 1)])
def test_without_the_packages_that_read_its_configuration_nothing_can_be_reported(
    fail_on, exit_code, environ_of, outputs, summary, tmp_path, capsys
):
    provide, _ = lacking(packages.CORE)
    (tmp_path / ".github").mkdir()
    (tmp_path / ".github" / "dora.yml").write_text("services: {shop: {paths: [/**]}}\n", "utf-8")
    environ = environ_of(
        "push",
        "push.branch",
        {"GITHUB_WORKSPACE": str(tmp_path)},
        dx_token=TOKEN,
        dx_instance="acme",
        fail_on=fail_on,
    )
    assert main(environ, provide=provide) == exit_code
    found = outputs()
    assert (found["status"], found["reason"]) == ("undelivered", "internal-error")
    level = "error" if exit_code else "warning"
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"::{level} title=Not reported::the packages are missing. Run this job again."
        f" {MORE}packages"
    )
    assert "Not reported: the packages are missing" in summary()


def test_what_was_installed_is_told(environ_of, outputs, capsys):
    with Dx(token=TOKEN, repositories=("acme/shop",)) as dx:
        environ = environ_of("push", "push.branch", dx_token=TOKEN, dx_instance=dx.url)
        assert main(environ, provide=lambda lock, _, tell: tell(f"Installed {lock}")) == 0
    assert outputs()["status"] == "delivered"
    assert f"\nInstalled {packages.CORE}\n" in capsys.readouterr().out


def test_without_what_github_is_asked_with_the_report_goes_out(environ_of, outputs, capsys):
    provide, asked = lacking(packages.LOOK_UPS)
    with Dx(token=TOKEN, repositories=("acme/shop",)) as dx:
        given = {"service": "shop", "dx_token": TOKEN, "dx_instance": dx.url}
        environ = environ_of("push", "push.branch", github_token="token", **given)
        assert main(environ, provide=provide) == 0
    assert [*dict.fromkeys(asked)] == [packages.CORE, packages.LOOK_UPS]
    assert outputs()["status"] == "delivered"
    warning = (
        "::warning title=Deployment report::the deployment before this one, and so what this one"
        f" ships, could not be looked up: the packages are missing. {MORE}incomplete\n"
    )
    assert capsys.readouterr().out.count(warning) == 1


UNREAD = (
    "`.github/dora.yml` of acme/shop at 53d5a57 could not be looked up: {why}; if there is such a"
    " file, it says which services there are, and a report under another name would stay. Run this"
    " job again, or set `service`"
)


@pytest.mark.parametrize("mode", ["deployment", "pull-services"])
@pytest.mark.parametrize(("fail_on", "exit_code"), [("config", 0), ("never", 0), ("any", 1)])
def test_a_report_whose_service_may_stand_in_a_file_that_cannot_be_read_is_held_back(
    fail_on, exit_code, mode, environ_of, outputs, tmp_path, capsys
):
    name, case = ("push", "push.branch")
    if mode == "pull-services":
        name, case = ("pull_request", "pull_request.closed.merged")
    with (
        Dx(token=TOKEN, repositories=("acme/shop",)) as dx,
        Faulty(receivers.answer(503)) as github,
    ):
        environ = environ_of(
            name,
            case,
            {"GITHUB_WORKSPACE": str(tmp_path), "GITHUB_API_URL": github.url},
            github_token="token",
            dx_token=TOKEN,
            dx_instance=dx.url,
            fail_on=fail_on,
            mode=mode,
        )
        assert main(environ) == exit_code
    assert dx.received == []
    assert saved_in(tmp_path) == {}
    found = outputs()
    told = {key: found[key] for key in ("status", "reason", "services", "results")}
    assert told == {"status": "undelivered", "reason": "", "services": "[]", "results": "[]"}
    log = capsys.readouterr().out
    level = "error" if exit_code else "warning"
    assert f"::{level} title=Not reported::`.github/dora.yml` of acme/shop at " in log
    assert "could not be looked up: GitHub's API answered 503;" in log


def test_a_report_without_the_packages_to_read_its_services_with_is_held_back(
    environ_of, outputs, tmp_path, capsys
):
    def provide(lock, *_):
        raise PackagesError(f"{lock} is missing")

    variables = {"GITHUB_WORKSPACE": str(tmp_path)}
    given = {"github_token": "token", "dx_token": TOKEN, "dx_instance": "acme"}
    assert main(environ_of("push", "push.branch", variables, **given), provide=provide) == 0
    assert outputs()["status"] == "undelivered"
    assert saved_in(tmp_path) == {}
    told = UNREAD.format(why=f"{packages.LOOK_UPS} is missing")
    assert f"::warning title=Not reported::{told}. {MORE}config-file-unread\n" in (
        capsys.readouterr().out
    )


def test_a_named_file_that_cannot_be_read_is_a_bad_configuration(environ_of, outputs):
    with Faulty(receivers.answer(503)) as github:
        environ = environ_of(
            "push",
            "push.branch",
            {"GITHUB_API_URL": github.url},
            github_token="token",
            dx_token=TOKEN,
            dx_instance="acme",
            config_file="dora.yml",
        )
        assert main(environ) == 2
    found = outputs()
    assert (found["status"], found["reason"]) == ("rejected", "bad-configuration")


def test_a_replay_without_its_packages_names_the_files_that_it_leaves(
    environ_of, outputs, tmp_path
):
    def provide(lock, *_):
        raise PackagesError(f"{lock} is missing")

    environ = environ_of(
        "push",
        "push.branch",
        {"GITHUB_WORKSPACE": str(tmp_path)},
        mode="replay",
        dx_token=TOKEN,
        dx_instance="acme",
    )
    folder = tmp_path / "dora-undelivered"
    folder.mkdir()
    (folder / "saved.json").write_text("{}", "utf-8")
    assert main(environ, provide=provide) == 0
    found = outputs()
    assert (found["status"], found["reason"]) == ("undelivered", "internal-error")
    assert found["undelivered-path"] == "dora-undelivered"
    assert [file.name for file in folder.iterdir()] == ["saved.json"]


def test_a_replay_of_nothing_needs_no_packages(environ_of, outputs):
    def provide(lock, *_):
        raise PackagesError(f"{lock} is missing")

    environ = environ_of("push", "push.branch", mode="replay", dx_token=TOKEN, dx_instance="acme")
    assert main(environ, provide=provide) == 0
    assert (outputs()["status"], outputs()["reason"]) == ("skipped", "nothing-to-replay")


def test_a_replay_of_what_is_no_saved_report_is_a_bad_input(environ_of, outputs, tmp_path):
    (tmp_path / "saved.json").write_text("{}", "utf-8")
    environ = environ_of(
        "push",
        "push.branch",
        {"GITHUB_WORKSPACE": str(tmp_path)},
        mode="replay",
        replay_path="saved.json",
        dx_token=TOKEN,
        dx_instance="acme",
    )
    assert main(environ) == 2
    found = outputs()
    assert (found["status"], found["reason"], found["results"]) == ("rejected", "bad-input", "[]")


# --- what a person should know of a report that goes out


def warning(text, slug):
    return f"::warning title=Deployment report::{text}. {MORE}{slug}"


def to_check(log):
    return [line for line in log.splitlines() if line.startswith("Check once: ")]


@pytest.mark.fault(105)
def test_what_ended_long_ago_is_doubted_where_datadog_is_told_and_in_a_replay_as_well(
    environ_of, tmp_path, capsys
):
    def environ(url, **given):
        return environ_of(
            "pull_request",
            "pull_request.closed.merged",
            {"GITHUB_WORKSPACE": str(tmp_path)},
            service="shop",
            datadog_api_key=API_KEY,
            datadog_site=url,
            **given,
        )

    with Faulty(receivers.answer(503)) as down:
        main(environ(down.url, finished_at="2026-05-12T09:00:00Z"), Pace(attempts=1))
    assert OLD in capsys.readouterr().out.splitlines()
    with Datadog(api_key=API_KEY) as datadog:
        assert main(environ(datadog.url, mode="replay")) == 0
        assert len(datadog.received) == 1
        assert warnings_in(capsys.readouterr().out) == [OLD]
        assert main(environ(datadog.url)) == 0
    assert warnings_in(capsys.readouterr().out) == []


def test_what_is_only_shown_may_have_ended_long_ago(environ_of, capsys):
    environ = environ_of(
        "pull_request",
        "pull_request.closed.merged",
        service="shop",
        finished_at="2026-05-12T09:00:00Z",
        dry_run="true",
    )
    assert main(environ) == 0
    assert warnings_in(capsys.readouterr().out) == []


def test_what_dx_is_told_may_have_ended_long_ago(environ_of, capsys):
    with Dx(token=TOKEN) as dx:
        environ = environ_of(
            "pull_request",
            "pull_request.closed.merged",
            service="shop",
            finished_at="2026-05-12T09:00:00Z",
            dx_token=TOKEN,
            dx_instance=dx.url,
        )
        assert main(environ) == 0
    assert warnings_in(capsys.readouterr().out) == []


def test_names_that_hardly_fit_are_doubted_with_the_line_to_change(environ_of, summary, capsys):
    environ = environ_of(
        "pull_request",
        "pull_request.closed.merged",
        service="Check Out, shop",
        environment="live",
        datadog_site="us1-fed",
        datadog_api_key=API_KEY,
        dx_token=TOKEN,
        dx_instance="acme",
        dry_run="true",
    )
    assert main(environ) == 0
    log = capsys.readouterr().out
    assert warnings_in(log) == [
        (
            "::warning title=Deployment report::`datadog-site` is a government site, for which"
            " Datadog's documentation says that DORA Metrics are not available; leave"
            " `datadog-api-key` out. Read more:"
            f" {DOCS}/inputs.md#datadog-site"
        ),
        warning(
            "the environment is 'live', and DX counts `production` alone for DORA metrics; if it is"
            " the same, write `environment: production`",
            "environment-not-production",
        ),
        warning(
            "Datadog's catalogue would write 'Check Out' as `check_out`; if that is meant, write it"
            " so where the service is named",
            "service-name",
        ),
    ]
    assert to_check(log) == []
    for name in ("inputs.md#datadog-site", "troubleshooting.md#service-name"):
        assert f'<a href="{DOCS}/{name}">' in summary()


def test_an_environment_by_another_name_is_doubted_with_the_line_that_maps_it(environ_of, capsys):
    content = payload_file("deployment_status.success")
    for part in ("deployment", "deployment_status"):
        content[part]["environment"] = "prod-eu"
    given = {"service": "shop", "previous_sha": "a" * 40, "dry_run": "true"}

    def doubted(**more):
        payload = json.dumps(content).encode()
        assert main(environ_of("deployment_status", payload, **given, **more)) == 0
        return [line for line in warnings_in(capsys.readouterr().out) if "environment" in line]

    assert doubted() == [
        warning(
            "the environment is 'prod-eu', and DX counts `production` alone for DORA metrics; if it"
            " is the same, write `environment-map: prod-eu=production`",
            "environment-not-production",
        )
    ]
    assert doubted(environment_map="prod-eu=production") == []
    assert doubted(datadog_api_key=API_KEY) == []


@pytest.mark.fault(105)
@pytest.mark.parametrize(
    ("ahead", "text"),
    [
        (timedelta(minutes=-5, seconds=-30), "5 min ahead of"),
        (timedelta(minutes=5, seconds=30), "5 min behind"),
        (timedelta(minutes=-2, seconds=-5), "2 min ahead of"),
        (timedelta(minutes=2, seconds=5), "2 min behind"),
        (timedelta(minutes=1), None),
        (timedelta(minutes=-1), None),
        (timedelta(), None),
    ],
)
def test_a_clock_that_differs_from_the_backends_is_told_of(ahead, text, environ_of, capsys):
    with Faulty(receivers.dated(ahead, 200, {"ok": True})) as dx:
        environ = environ_of(
            "pull_request",
            "pull_request.closed.merged",
            service="shop, cart",
            dx_token=TOKEN,
            dx_instance=dx.url,
        )
        assert main(environ) == 0
    doubt = warning(
        f"the runner's clock is {text} DX's, and all times from the runner's clock are wrong by"
        " that much; synchronise the runner's clock with NTP, or take `finished-at` from another"
        " clock",
        "clock-skew",
    )
    assert warnings_in(capsys.readouterr().out) == ([doubt] if text else [])


def test_a_finish_ahead_of_the_clock_is_told_of(environ_of, capsys):
    ahead = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(minutes=63, seconds=30)
    environ = environ_of(
        "pull_request",
        "pull_request.closed.merged",
        service="shop",
        dry_run="true",
        finished_at=ahead.isoformat(),
    )
    assert main(environ) == 0
    doubt = warning(
        f"the finish ({ahead.isoformat()}, from the input `finished-at`) is 1 h 3 min ahead of the"
        " runner's clock, and is sent as it is; check the time and its zone, or let the runner set"
        " its clock by NTP",
        "clock-skew",
    )
    assert doubt in warnings_in(capsys.readouterr().out)


def test_a_clock_that_gave_no_time_is_not_told_of(environ_of, capsys):
    with Faulty(receivers.dated(timedelta(hours=-5), 200, {"ok": True})) as dx:
        given = {"service": "shop", "dx_token": TOKEN, "dx_instance": dx.url}
        given["previous_sha"] = "a" * 40
        assert main(environ_of("deployment_status", "deployment_status.success", **given)) == 0
    assert "clock" not in capsys.readouterr().out


def by_bot(case):
    return json.dumps({**payload_file(case), "sender": {"login": "github-actions[bot]"}}).encode()


@pytest.mark.parametrize(("run_id", "is_doubted"), [("", True), ("8412399001", False)])
def test_who_tries_out_an_event_by_github_token_is_told_that_it_starts_nothing(
    run_id, is_doubted, environ_of, capsys
):
    environ = environ_of(
        "pull_request",
        by_bot("pull_request.closed.merged"),
        {"GITHUB_RUN_ID": run_id},
        service="shop",
        dry_run="true",
    )
    assert main(environ) == 0
    doubt = warning(
        "the event was caused by github-actions[bot]: what a workflow does with its `GITHUB_TOKEN`"
        " starts no other workflow; do it with the token of an app, or report at the end of the job"
        " that deploys",
        "github-token-starts-nothing",
    )
    assert warnings_in(capsys.readouterr().out) == ([doubt] if is_doubted else [])


def test_other_sources_of_the_same_deployments_are_to_be_checked_once(environ_of, capsys):
    def checks(event_name, case, **given):
        assert main(environ_of(event_name, case, service="a, b", dry_run="true", **given)) == 0
        return to_check(capsys.readouterr().out)

    ending = f"each deployment would count twice; keep one source for each service. {MORE}"
    by_dx = (
        "Check once: DX's GitHub Deployments connector reads the same deployments, where it is on;"
        f" {ending}duplicate-source"
    )
    by_datadog = (
        "Check once: Datadog's APM reports new versions as deployments, if it is chosen as a"
        f" source; {ending}duplicate-source"
    )
    event = ("deployment_status", "deployment_status.success")
    only_dx = {"dx_token": TOKEN, "dx_instance": "acme"}

    assert checks(*event) == [by_dx]
    assert checks(*event, version="v1.2") == [by_datadog, by_dx]
    assert checks(*event, version="v1.2", **only_dx) == [by_dx]
    assert checks(*event, datadog_api_key=API_KEY) == []
    assert checks("push", "push.branch", **only_dx) == []


# --- the past


def backfilling(environ_of, tmp_path, api_url="http://127.0.0.1:1", **inputs):
    """Return the environment of a step that reports the past to DX."""
    usual = {
        "mode": "backfill",
        "since": "2026-05-31",
        "until": "2026-06-03",
        "github_token": stories.TOKEN,
        "dx_token": TOKEN,
        "dx_instance": "acme",
    }
    variables = {"GITHUB_WORKSPACE": str(tmp_path), "GITHUB_API_URL": api_url}
    return environ_of("workflow_dispatch", b"{}", variables, **{**usual, **inputs})


@pytest.mark.parametrize("lock", [packages.CORE, packages.LOOK_UPS])
@pytest.mark.parametrize(("fail_on", "exit_code"), [("config", 0), ("any", 1)])
def test_a_backfill_whose_packages_are_missing_is_an_outage(
    lock, fail_on, exit_code, environ_of, outputs, tmp_path, capsys
):
    provide, asked = lacking(lock)
    environ = backfilling(environ_of, tmp_path, fail_on=fail_on)
    assert main(environ, provide=provide) == exit_code
    assert (outputs()["status"], outputs()["reason"]) == ("undelivered", "internal-error")
    assert asked == [packages.CORE, packages.LOOK_UPS][: 1 + (lock == packages.LOOK_UPS)]
    assert "Not reported::the packages are missing. " in capsys.readouterr().out


def test_a_backfill_that_is_cancelled_goes_on_the_next_time(environ_of, outputs, tmp_path, capsys):
    with stories.story(tmp_path) as told:
        told.history.deploy(told.history.commit())
        given = {"dx_token": stories.DX_TOKEN, "dx_instance": f"{told.dx.url}/api"}
        environ = backfilling(environ_of, tmp_path, told.github.api_url, **given)
        with contextlib.redirect_stdout(Tripwire("Reading the ")) as log:
            assert main(environ) == 143
        assert (outputs()["status"], outputs()["results"]) == ("undelivered", "[]")
        assert log.getvalue().splitlines()[-1] == (
            "::error title=Cancelled::The job was cancelled (SIGTERM) before anything was sent. Run"
            f" this job again. {MORE}cancelled"
        )
        (tmp_path / "output").unlink()
        assert main(environ) == 0
        assert outputs()["status"] == "delivered"
    assert "\nGoing on with an earlier run, " in capsys.readouterr().out


@pytest.mark.parametrize("repository", ["", "ACME/Shop"])
def test_a_backfill_cannot_use_a_configuration_file_that_is_none(
    repository, environ_of, outputs, tmp_path, capsys
):
    (tmp_path / ".github" / "dora.yml").mkdir(parents=True)
    assert main(backfilling(environ_of, tmp_path, repository=repository)) == 2
    assert outputs()["reason"] == "bad-configuration"
    assert "::error title=Bad configuration::`.github/dora.yml` of the workspace " in (
        capsys.readouterr().out
    )


def test_the_workspaces_configuration_file_is_none_of_another_repositorys(
    environ_of, outputs, tmp_path, capsys
):
    (tmp_path / ".github" / "dora.yml").mkdir(parents=True)
    assert main(backfilling(environ_of, tmp_path, repository="acme/other", github_token="")) == 2
    assert outputs()["reason"] == "bad-configuration"
    assert "::error title=Bad configuration::`github-token` is empty, " in capsys.readouterr().out


def test_what_to_fill_in_is_refused_where_the_mode_is_to_report_what_happens_now(
    environ_of, outputs, capsys
):
    case = "deployment_status.success"
    assert main(environ_of("deployment_status", case, since="2026-01-01", dry_run="true")) == 2
    assert (outputs()["status"], outputs()["reason"]) == ("rejected", "bad-input")
    assert "`since` is of `mode: backfill`" in capsys.readouterr().out
