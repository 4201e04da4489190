"""The whole action: a process, a real event, real HTTP to receivers as strict as the vendors."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.builders import MORE, payload_file
from tests.end_to_end import receivers
from tests.end_to_end.receivers import Datadog, Dx, Faulty
from tests.end_to_end.runner import (
    ROOT,
    environment,
    run_action,
    saved_in,
)
from tests.report import runner

API_KEY = "0123456789abcdef0123456789abcdef"
TOKEN = "dx-token-of-the-tests"


@pytest.fixture
def datadog():
    with Datadog(api_key=API_KEY, status=200) as server:
        yield server


@pytest.fixture
def dx():
    with Dx(token=TOKEN, repositories=("acme/shop",)) as server:
        yield server


@pytest.fixture
def both(datadog, dx):
    return {
        "DATADOG-API-KEY": API_KEY,
        "DATADOG-SITE": datadog.url,
        "DX-TOKEN": TOKEN,
        "DX-INSTANCE": dx.url,
    }


def bodies(server):
    return [received.json for received in server.received]


def test_a_deployment_status_reaches_both_backends_with_its_own_times_and_commit(datadog, dx, both):
    finished = run_action("deployment_status", payload_file("deployment_status.success"), both)

    assert finished.errors == ""
    assert finished.exit_code == 0
    (reported,) = bodies(datadog)
    deployment_id = reported["data"]["attributes"]["id"]
    assert bodies(datadog) == [
        {
            "data": {
                "attributes": {
                    "id": deployment_id,
                    "service": "shop",
                    "env": "production",
                    "started_at": 1778574015000000000,
                    "finished_at": 1778574280000000000,
                    "git": {
                        "commit_sha": "31c49334e066b8cc72f3bacdcbe7c76ff9b5284f",
                        "repository_url": "https://github.com/acme/shop",
                    },
                }
            }
        }
    ]
    assert bodies(dx) == [
        {
            "reference_id": deployment_id,
            "deployed_at": "2026-05-12T08:24:40Z",
            "service": {"identifier": "shop"},
            "environment": "production",
            "repository": "acme/shop",
            "commit_sha": "31c49334e066b8cc72f3bacdcbe7c76ff9b5284f",
            "source_url": "https://github.com/acme/shop/actions/runs/8412345601/job/23078451234",
            "source_name": "GitHub Actions",
        }
    ]
    assert finished.outputs == {
        "status": "delivered",
        "reason": "",
        "repository": "acme/shop",
        "commit-sha": "31c49334e066b8cc72f3bacdcbe7c76ff9b5284f",
        "previous-sha": "",
        "environment": "production",
        "rollback": "false",
        "services": '["shop"]',
        "merge-commit-shas": "[]",
        "pull-requests": "[]",
        "deployment-ids": f'{{"shop":"{deployment_id}"}}',
        "results": (
            '[{"backend":"datadog","service":"shop","status":"delivered",'
            f'"id":"{deployment_id}","http_status":200,"attempts":1,"message":"recorded"}},'
            '{"backend":"dx","service":"shop","status":"delivered",'
            f'"id":"{deployment_id}","http_status":200,"attempts":1,"message":"recorded"}}]'
        ),
        "undelivered-path": "",
    }
    assert (
        "<h3>✅ Commit 31c4933 of shop reached production, its changes unknown</h3>"
        in finished.summary
    )


def test_a_merged_pull_request_is_reported_by_its_merge_commit(datadog, dx, both):
    finished = run_action("pull_request", payload_file("pull_request.closed.merged"), both)

    (to_datadog,) = bodies(datadog)
    (to_dx,) = bodies(dx)
    merge_commit = "7fd0709f3ed45ac797fbcf901f219c36cfe2b36a"
    assert to_datadog["data"]["attributes"]["git"]["commit_sha"] == merge_commit
    assert to_dx["commit_sha"] == merge_commit
    assert finished.outputs["merge-commit-shas"] == f'["{merge_commit}"]'
    assert finished.outputs["pull-requests"] == "[117]"
    assert (
        f"commit: {merge_commit}, from pull_request.merge_commit_sha, since the pull request was"
        " merged; GITHUB_SHA was 109cf4c" in finished.log
    )


@pytest.mark.fault(99)
def test_an_event_that_runs_twice_is_one_deployment_in_dx_and_one_id_in_datadog(datadog, dx, both):
    content = payload_file("pull_request.closed.merged")
    finished_at = ("2026-05-11T09:40:00Z", "2026-05-11T09:55:00Z")
    first = run_action("pull_request", content, {**both, "FINISHED-AT": finished_at[0]})
    again = run_action(
        "pull_request",
        content,
        {**both, "FINISHED-AT": finished_at[1]},
        {"GITHUB_RUN_ATTEMPT": "2"},
    )

    assert first.outputs["deployment-ids"] == again.outputs["deployment-ids"]
    assert len(dx.deployments) == 1
    assert len({body["data"]["attributes"]["id"] for body in bodies(datadog)}) == 1
    statuses = [result["status"] for result in json.loads(again.outputs["results"])]
    assert statuses == ["delivered", "duplicate"]
    assert (again.outputs["status"], again.exit_code) == ("delivered", 0)


def test_a_failed_deployment_is_told_to_dx_alone(datadog, dx, both):
    finished = run_action("deployment_status", payload_file("deployment_status.failure"), both)

    assert bodies(datadog) == []
    (to_dx,) = bodies(dx)
    assert to_dx["success"] is False
    to_datadog, _ = json.loads(finished.outputs["results"])
    assert to_datadog["status"] == "skipped"
    assert to_datadog["message"] == (
        "Datadog counts successful deployments only, and this one failed, DX counts failed ones"
        " as well"
    )
    assert (finished.outputs["status"], finished.exit_code) == ("delivered", 0)


def test_a_failed_deployment_is_skipped_where_datadog_is_the_only_backend(datadog):
    finished = run_action(
        "deployment_status",
        payload_file("deployment_status.failure"),
        {"DATADOG-API-KEY": API_KEY, "DATADOG-SITE": datadog.url},
    )
    assert bodies(datadog) == []
    assert (finished.outputs["status"], finished.outputs["reason"], finished.exit_code) == (
        "skipped",
        "outcome-not-supported",
        0,
    )


def test_several_services_are_told_to_every_backend_each_under_an_id_of_its_own(datadog, dx, both):
    finished = run_action(
        "push",
        payload_file("push.branch"),
        {**both, "SERVICE": "checkout=Checkout, cart\nsearch"},
    )
    services = [body["data"]["attributes"]["service"] for body in bodies(datadog)]
    assert sorted(services) == ["cart", "checkout", "search"]
    assert sorted(body["service"]["identifier"] for body in bodies(dx)) == sorted(services)
    ids = json.loads(finished.outputs["deployment-ids"])
    assert list(ids) == ["checkout", "cart", "search"]
    assert len(set(ids.values())) == 3
    assert finished.outputs["status"] == "delivered"


def test_staging_is_never_sent_without_its_environment(dx):
    run_action(
        "deployment_status",
        payload_file("deployment_status.staging"),
        {"DX-TOKEN": TOKEN, "DX-INSTANCE": dx.url},
    )
    (to_dx,) = bodies(dx)
    assert to_dx["environment"] == "staging"


@pytest.mark.fault(36)
def test_a_key_of_another_site_is_a_refusal_that_fails_the_step_and_not_the_other_backend(
    datadog, dx, both
):
    finished = run_action(
        "push", payload_file("push.branch"), {**both, "DATADOG-API-KEY": "f" * 32}
    )
    assert (finished.outputs["status"], finished.exit_code) == ("partial", 1)
    assert (
        "::error title=Datadog%3A shop rejected::Datadog answered 403: the key is not valid on"
        " this site, usually because it belongs to another site; check `datadog-site` first, then"
        f" `datadog-api-key`. It said: Forbidden. {MORE}datadog-403\n" in finished.log
    )
    assert len(dx.deployments) == 1
    assert len(datadog.received) == 1


@pytest.mark.fault(47)
@pytest.mark.parametrize(
    ("fail_on", "exit_code", "level"),
    [("never", 0, "warning"), ("config", 0, "warning"), ("any", 1, "error")],
)
def test_an_outage_fails_the_step_only_if_asked_to(fail_on, exit_code, level):
    # The wait that it asks for is longer than the step may take, so there is no second attempt.
    with Faulty(receivers.answer(503, headers=[("Retry-After", "60")])) as down:
        finished = run_action(
            "push",
            payload_file("push.branch"),
            {
                "DATADOG-API-KEY": API_KEY,
                "DATADOG-SITE": down.url,
                "FAIL-ON": fail_on,
                "TIMEOUT": "5",
            },
        )
    assert (finished.outputs["status"], finished.exit_code) == ("undelivered", exit_code)
    assert f"::{level} title=Datadog%3A shop undelivered::" in finished.log


def test_every_bad_input_is_named_in_one_run_and_nothing_is_sent(datadog, dx, both):
    finished = run_action(
        "push",
        payload_file("push.branch"),
        {**both, "COMMIT-SHA": "HEAD", "TIMEOUT": "soon", "TAGS": "team"},
    )
    assert (finished.exit_code, finished.outputs["status"], finished.outputs["reason"]) == (
        2,
        "rejected",
        "bad-input",
    )
    errors = [line for line in finished.log.splitlines() if line.startswith("::error")]
    assert [line.split("`")[1] for line in errors] == ["commit-sha", "tags", "timeout"]
    assert (datadog.received, dx.received) == ([], [])


def test_bad_inputs_do_not_fail_a_step_that_must_never_fail(both):
    finished = run_action(
        "push", payload_file("push.branch"), {**both, "TIMEOUT": "soon", "FAIL-ON": "never"}
    )
    assert (finished.exit_code, finished.outputs["status"]) == (0, "rejected")


def test_a_bad_fail_on_fails_the_step(both):
    finished = run_action("push", payload_file("push.branch"), {**both, "FAIL-ON": "sometimes"})
    assert (finished.exit_code, finished.outputs["reason"]) == (2, "bad-input")


def test_half_a_backend_is_a_bad_configuration_and_nothing_is_sent(datadog):
    finished = run_action(
        "push",
        payload_file("push.branch"),
        {"DATADOG-API-KEY": API_KEY, "DATADOG-SITE": datadog.url, "DX-TOKEN": TOKEN},
    )
    assert (finished.exit_code, finished.outputs["reason"]) == (2, "bad-configuration")
    assert (
        "::error title=Bad configuration::`dx-token` is set and `dx-instance` is empty; DX needs"
        f" both, so set `dx-instance` as well, or leave both out. {MORE}half-of-dx\n"
        in finished.log
    )
    assert datadog.received == []


def test_no_backend_at_all_is_a_bad_configuration():
    finished = run_action("push", payload_file("push.branch"), {})
    assert (finished.exit_code, finished.outputs["reason"]) == (2, "bad-configuration")


@pytest.mark.parametrize("case", ["fork", "fork_deleted", "dependabot"])
@pytest.mark.fault(56, 79, 80)
def test_a_pull_request_that_is_given_no_secrets_is_skipped_with_a_warning(case):
    finished = run_action(
        "pull_request",
        payload_file(f"pull_request.closed.merged.{case}"),
        {"DX-INSTANCE": "acme"},
    )
    assert (finished.exit_code, finished.outputs["status"], finished.outputs["reason"]) == (
        0,
        "skipped",
        "no-credentials-on-fork",
    )
    assert "::warning title=Not reported (no-credentials-on-fork)::" in finished.log


def test_a_fork_is_no_excuse_on_pull_request_target():
    finished = run_action(
        "pull_request_target", payload_file("pull_request.closed.merged.fork"), {}
    )
    assert (finished.exit_code, finished.outputs["reason"]) == (2, "bad-configuration")


def test_whether_there_is_a_deployment_is_asked_before_there_are_credentials():
    finished = run_action("pull_request", payload_file("pull_request.opened"), {"DX-TOKEN": TOKEN})
    assert (finished.exit_code, finished.outputs["reason"]) == (0, "not-a-merge-event")


def test_a_dry_run_shows_both_requests_without_any_credentials():
    finished = run_action("push", payload_file("push.branch"), {"DRY-RUN": "true"})
    assert (finished.exit_code, finished.outputs["status"]) == (0, "dry-run")
    assert "POST https://api.datadoghq.com/api/v2/dora/deployment\nDD-API-KEY: ***\n" in (
        finished.log
    )
    assert (
        "POST https://your-instance.getdx.net/api/deployments.create\nAuthorization: ***\n"
        in finished.log
    )
    assert finished.outputs["results"] == "[]"


def test_a_dry_run_with_credentials_sends_nothing(datadog, dx, both):
    finished = run_action("push", payload_file("push.branch"), {**both, "DRY-RUN": "TRUE"})
    assert finished.outputs["status"] == "dry-run"
    assert (datadog.received, dx.received) == ([], [])


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"null", b"{", b"\xff\xfe", b"[" * 100_000, b"9" * 5_000],
    ids=["empty", "array", "null", "cut", "not UTF-8", "deep", "long number"],
)
@pytest.mark.fault(71)
def test_a_broken_event_file_is_a_bad_event_and_no_traceback(content, both):
    finished = run_action("deployment_status", content, both)
    assert (finished.exit_code, finished.outputs["reason"]) == (2, "bad-event")
    assert "Traceback" not in finished.log + finished.errors


def test_a_broken_event_file_does_not_stop_a_push_whose_variables_tell_enough(dx, both):
    finished = run_action("push", b"{", {**both, "BRANCHES": "main"})
    assert finished.outputs["status"] == "delivered"
    (to_dx,) = bodies(dx)
    assert to_dx["commit_sha"] == "109cf4c2b7a94a9c8a1f1f6f0d0b3b2a5c6d7e8f"
    assert (
        "::warning title=Deployment report::the file of GITHUB_EVENT_PATH is not JSON;"
        in finished.log
    )


COMMAND = [sys.executable, "-I", "-X", "utf8", "-u", str(ROOT / "entrypoint.py")]
BY_SIGNAL = [signal.SIGINT, signal.SIGTERM]


def of_push(folder, *backends):
    """Return the environment of a run on a push that reports to these backends."""
    keys = {"DATADOG-SITE": ("DATADOG-API-KEY", API_KEY), "DX-INSTANCE": ("DX-TOKEN", TOKEN)}
    inputs = {name: url for name, url in zip(keys, backends, strict=False) if url}
    inputs |= dict(keys[name] for name in inputs)
    content = json.dumps(payload_file("push.branch")).encode()
    return environment(folder, "push", content, inputs)


def cancelled(environ, ready, *numbers, within=5):
    """Start the action, send it signals once it is `ready`; return exit code, log and errors.

    It must have ended `within` so many seconds.
    """
    process = subprocess.Popen(COMMAND, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(lambda: ready(process))
    for number in numbers:
        process.send_signal(number)
    log, errors = process.communicate(timeout=within)
    return process.returncode, log.decode(), errors.decode()


def holds_signals_back(process):
    """Return whether a process that has just been started holds SIGINT and SIGTERM back."""
    status = Path(f"/proc/{process.pid}/status").read_text("utf-8")
    (blocked,) = (line for line in status.splitlines() if line.startswith("SigBlk:"))
    mask = int(blocked.split()[1], 16)
    return all(mask >> (number - 1) & 1 for number in BY_SIGNAL)


def left_behind(folder):
    """Return outputs, results, summary and what is saved."""
    outputs = runner.outputs((folder / "output").read_text("utf-8"))
    summary = (folder / "summary.md").read_text("utf-8")
    return outputs, json.loads(outputs["results"]), summary, saved_in(folder)


@pytest.mark.threat(19)
@pytest.mark.fault(100)
@pytest.mark.parametrize("number", BY_SIGNAL)
def test_a_cancelled_job_ends_at_once_with_outputs_and_summary(number, tmp_path):
    with Faulty(receivers.hang(30)) as hanging:
        environ = of_push(tmp_path, hanging.url)
        exit_code, log, errors = cancelled(environ, lambda _: hanging.requests, number)

    assert (exit_code, errors) == (128 + number, "")
    outputs, (result,), summary, saved = left_behind(tmp_path)
    headline = f"The job was cancelled ({number.name}) before the report was done"
    path = f"{tmp_path.as_posix()}/dora-undelivered"
    assert log.splitlines()[-1] == (
        f"::error title=Cancelled::{headline}. Run this job again, or keep `{path}` as an artifact"
        f" and send it by `mode: replay` with `replay-path: {path}`; the ids stay the same."
        f" {MORE}cancelled"
    )
    assert outputs["status"] == "undelivered"
    assert outputs["undelivered-path"] == path
    assert (result["status"], result["attempts"], result["message"]) == (
        "undelivered",
        1,
        "no answer before the step had to end, so the event may have arrived all the same",
    )
    assert summary.startswith(f"<h3>❌ {headline}</h3>\n")
    assert list(saved) == [f"{result['id']}-datadog.json"]


@pytest.mark.fault(100)
@pytest.mark.parametrize("number", BY_SIGNAL)
def test_a_job_that_is_cancelled_between_two_attempts_keeps_the_answer_to_the_last(
    number, tmp_path
):
    answered = threading.Event()

    def answer_and_see_off(connection, request):
        receivers.answer(503, b"", [("Retry-After", "30")])(connection, request)
        connection.recv(1)  # nothing, once the client has read the answer and left
        answered.wait(0.5)
        answered.set()

    with Faulty(answer_and_see_off) as down:
        exit_code, _, errors = cancelled(
            of_push(tmp_path, down.url), lambda _: answered.is_set(), number
        )

    assert (exit_code, errors) == (128 + number, "")
    _, (result,), _, saved = left_behind(tmp_path)
    assert (result["http_status"], result["attempts"], result["message"]) == (
        503,
        1,
        (
            "Datadog answered 503: the backend itself has a problem, not tried again before the"
            " step had to end"
        ),
    )
    assert len(saved) == 1


@pytest.mark.fault(100)
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux")
@pytest.mark.parametrize("numbers", [*[(number,) for number in BY_SIGNAL], BY_SIGNAL])
def test_a_job_that_is_cancelled_while_it_starts_saves_its_report(numbers, tmp_path):
    with Faulty(receivers.hang(30)) as hanging:
        exit_code, log, errors = cancelled(
            of_push(tmp_path, hanging.url), holds_signals_back, *numbers, within=30
        )

    name = {128 + number: number.name for number in numbers}[exit_code]
    headline = f"The job was cancelled ({name}) before the report was done"
    path = f"{tmp_path.as_posix()}/dora-undelivered"
    assert log.splitlines()[-1] == (
        f"::error title=Cancelled::{headline}. Run this job again, or keep `{path}` as an artifact"
        f" and send it by `mode: replay` with `replay-path: {path}`; the ids stay the same."
        f" {MORE}cancelled"
    )
    assert (errors, hanging.requests) == ("", [])
    outputs, (result,), summary, saved = left_behind(tmp_path)
    assert (outputs["status"], outputs["undelivered-path"]) == ("undelivered", path)
    assert (result["status"], result["attempts"], result["message"]) == (
        "undelivered",
        0,
        "not sent before the step had to end",
    )
    assert list(saved) == [f"{result['id']}-datadog.json"]
    assert summary.startswith(f"<h3>❌ {headline}</h3>\n\n<p>Commit ")


@pytest.mark.fault(100)
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux")
def test_a_job_that_is_cancelled_while_it_starts_is_told_of_its_bad_inputs(tmp_path):
    environ = {**of_push(tmp_path), "INPUT_TIMEOUT": "soon"}

    exit_code, log, errors = cancelled(environ, holds_signals_back, signal.SIGTERM, within=30)

    assert (exit_code, errors) == (2, "")
    assert "::error title=Bad input::`timeout` is 'soon'" in log
    outputs, results, _, saved = left_behind(tmp_path)
    assert (outputs["status"], outputs["reason"]) == ("rejected", "bad-input")
    assert (results, saved) == ([], {})


@pytest.mark.fault(100)
def test_two_signals_at_once_cancel_a_job_once_and_without_a_word_of_python(tmp_path):
    with Faulty(receivers.hang(30)) as hanging:
        exit_code, log, errors = cancelled(
            of_push(tmp_path, hanging.url), lambda _: hanging.requests, *BY_SIGNAL, *BY_SIGNAL
        )

    assert exit_code in {128 + number for number in BY_SIGNAL}
    assert (log.count("::error title=Cancelled::"), errors) == (1, "")
    outputs, results, _, saved = left_behind(tmp_path)
    assert (outputs["status"], len(results), len(saved)) == ("undelivered", 1, 1)


# --- what no backend has


@pytest.mark.fault(54)
@pytest.mark.parametrize("is_down", ["datadog", "dx"])
def test_one_backend_that_is_down_is_saved_for_and_the_other_has_its_report(
    is_down, datadog, dx, both
):
    # The wait that it asks for is longer than the step may take, so there is no second attempt.
    with Faulty(receivers.answer(503, headers=[("Retry-After", "300")])) as down:
        address = {"datadog": "DATADOG-SITE", "dx": "DX-INSTANCE"}[is_down]
        finished = run_action("push", payload_file("push.branch"), {**both, address: down.url})

    statuses = {each["backend"]: each["status"] for each in json.loads(finished.outputs["results"])}
    assert statuses == {"datadog": "delivered", "dx": "delivered", is_down: "undelivered"}
    assert (finished.outputs["status"], finished.exit_code) == ("partial", 0)
    assert len(datadog.received) + len(dx.received) == 1
    (deployment_id,) = json.loads(finished.outputs["deployment-ids"]).values()
    assert list(finished.saved) == [f"{deployment_id}-{is_down}.json"]


@pytest.mark.threat(19)
@pytest.mark.fault(55)
def test_two_backends_that_are_down_are_both_saved_for():
    down = receivers.answer(503, headers=[("Retry-After", "300")])
    with Faulty(down) as datadog, Faulty(down) as dx:
        finished = run_action(
            "push",
            payload_file("push.branch"),
            {
                "DATADOG-API-KEY": API_KEY,
                "DATADOG-SITE": datadog.url,
                "DX-TOKEN": TOKEN,
                "DX-INSTANCE": dx.url,
            },
        )

    assert (finished.outputs["status"], finished.exit_code) == ("undelivered", 0)
    (deployment_id,) = json.loads(finished.outputs["deployment-ids"]).values()
    assert set(finished.saved) == {f"{deployment_id}-datadog.json", f"{deployment_id}-dx.json"}
    assert API_KEY not in "".join(finished.saved.values())
    assert TOKEN not in "".join(finished.saved.values())


def wait_until(condition):
    ready = threading.Event()
    while not condition():
        ready.wait(0.01)


@pytest.mark.threat(3, 10)
@pytest.mark.fault(103, 104)
def test_nothing_that_an_earlier_step_planted_is_imported_or_obeyed(tmp_path, dx, both):
    for name in ("requests.py", "json.py", "sitecustomize.py", "dora_deployments.py"):
        (tmp_path / name).write_text("raise SystemExit('planted')", "utf-8")
    netrc = tmp_path / ".netrc"
    netrc.write_text("default login planted password planted\n", "utf-8")
    netrc.chmod(0o600)
    finished = run_action(
        "push",
        payload_file("push.branch"),
        both,
        {
            "PYTHONPATH": str(tmp_path),
            "PYTHONSTARTUP": str(tmp_path / "sitecustomize.py"),
            "HOME": str(tmp_path),
            "NETRC": str(netrc),
        },
    )
    assert (finished.outputs["status"], finished.errors) == ("delivered", "")
    assert dx.received[-1].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.fault(108)
def test_a_log_that_nobody_reads_stops_nothing(tmp_path, dx, both):
    environ = environment(tmp_path, "push", json.dumps(payload_file("push.branch")).encode(), both)
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.run(
        COMMAND,
        env=environ,
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert (process.returncode, process.stderr) == (0, b"")
    assert len(dx.deployments) == 1


@pytest.mark.fault(108)
def test_a_log_that_is_closed_from_the_start_stops_nothing(tmp_path, dx, both):
    environ = environment(tmp_path, "push", json.dumps(payload_file("push.branch")).encode(), both)
    process = subprocess.run(
        [
            "/bin/bash",  # other shells drop variables with a hyphen in their names
            "-c",
            'exec "$0" -I -X utf8 -u "$1" >&-',
            sys.executable,
            str(ROOT / "entrypoint.py"),
        ],
        env=environ,
        stderr=subprocess.PIPE,
        check=False,
    )
    assert (process.returncode, process.stderr) == (0, b"")
    assert len(dx.deployments) == 1


@pytest.mark.fault(101)
def test_files_of_the_runner_that_are_missing_stop_nothing(dx, both):
    finished = run_action(
        "push",
        payload_file("push.branch"),
        both,
        {"GITHUB_OUTPUT": "", "GITHUB_STEP_SUMMARY": "/nowhere/summary.md"},
    )
    assert finished.exit_code == 0
    assert "GITHUB_OUTPUT is not set, so nothing is written there" in finished.log
    assert "the file of GITHUB_STEP_SUMMARY cannot be written (No such file" in finished.log
    assert len(dx.deployments) == 1


@pytest.mark.fault(11, 54)
@pytest.mark.threat(13)
def test_a_backend_that_drips_its_answer_does_not_hold_up_the_other_nor_the_step(both):
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    with Faulty(receivers.drip(head, 0.2, [b" "] * 1000)) as dripping:
        finished = run_action(
            "push",
            payload_file("push.branch"),
            {**both, "DATADOG-SITE": dripping.url, "TIMEOUT": "5"},
        )
    to_datadog, to_dx = json.loads(finished.outputs["results"])
    assert (to_datadog["status"], to_dx["status"]) == ("undelivered", "delivered")
    assert to_datadog["message"] == (
        "no answer before the step had to end, so the event may have arrived all the same"
    )
    assert (finished.outputs["status"], finished.exit_code) == ("partial", 0)


def test_what_is_meant_for_this_machine_is_read_by_no_proxy(dx):
    with Faulty(receivers.answer(200, {"ok": True})) as proxy:
        finished = run_action(
            "push",
            payload_file("push.branch"),
            {"DX-TOKEN": TOKEN, "DX-INSTANCE": dx.url},
            {"HTTP_PROXY": proxy.url, "http_proxy": proxy.url, "ALL_PROXY": proxy.url},
        )
    assert (finished.outputs["status"], proxy.requests) == ("delivered", [])
    assert len(dx.deployments) == 1
