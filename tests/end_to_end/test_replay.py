"""Whole runs: what one of them cannot deliver is saved, and another one sends it.

Those that are cancelled are processes, all others are run in this one.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from dora_deployments.backends.dx import Dx as DxBackend
from dora_deployments.delivery import deliver
from dora_deployments.delivery import saved as saved_reports
from dora_deployments.delivery.deliver import Origin
from dora_deployments.deployment import Outcome
from tests.builders import DOCS, MORE, deployment, payload_file
from tests.end_to_end.audit import KEY, SECRETS, TOKEN, forms, run_main
from tests.end_to_end.receivers import Datadog, Dx, Faulty, answer, drip, hang
from tests.end_to_end.runner import ROOT, environment
from tests.report import runner

FOLDER = "dora-undelivered"
# Nobody waits that long, so that a run ends after one attempt.
DOWN = answer(503, b"", [("Retry-After", "3000")])
REFUSED = answer(400, b"no")
ALL = sorted((backend, service) for backend in ("datadog", "dx") for service in ("cart", "shop"))
OF_THE_INPUT = f". Read more: {DOCS}/inputs.md#replay-path"
NOT_SIGNED = (
    "is not signed with `dx-token`: it was planted, changed, or saved under another key; if the"
    " key was replaced since, run the job that saved it again"
)
KEEP = (
    "Run this job again, or keep `dora-undelivered` as an artifact and send it by `mode: replay`;"
    " the ids stay the same"
)
pytestmark = pytest.mark.timeout(120)  # a run that never ends
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such thing")


@pytest.fixture
def workspace(tmp_path):
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def datadog():
    with Datadog(api_key=KEY) as server:
        yield server


@pytest.fixture
def dx():
    with Dx(token=TOKEN) as server:
        yield server


@pytest.fixture
def action(workspace, tmp_path, capfd):
    """Run the action in one workspace, on a deployment of two services to both backends."""

    def run(datadog, dx, variables=None, event="deployment_status.success", **given):
        inputs = {
            **to(datadog, dx),
            **{name.replace("_", "-"): value for name, value in given.items()},
        }
        folder = tmp_path / "run"
        folder.mkdir(exist_ok=True)
        content = json.dumps(payload_file(event)).encode()
        environ = environment(folder, event.partition(".")[0], content, inputs)
        environ |= {"GITHUB_WORKSPACE": str(workspace), **(variables or {})}
        finished = run_main(folder, capfd, environ)
        assert finished.errors == ""
        return finished

    return run


def to(datadog, dx):
    return {
        "service": "shop, cart",
        **({"datadog-api-key": KEY, "datadog-site": datadog.url} if datadog else {}),
        **({"dx-token": TOKEN, "dx-instance": dx.url} if dx else {}),
    }


@pytest.fixture
def lost(action):
    """Let both backends be down for a run, and return the bodies that were sent to them."""

    def run(script=DOWN, variables=None, **given):
        with Faulty(script) as datadog, Faulty(script) as dx:
            finished = action(datadog, dx, variables, **given)
            bodies = sent(datadog), sent(dx)
        assert finished.outputs["undelivered-path"] == FOLDER
        return finished, *bodies

    return run


def sent(server):
    """Return the bodies that a server was sent, refused ones included."""
    if isinstance(server, Faulty):
        return sorted(request.partition(b"\r\n\r\n")[2] for request in server.requests)
    return sorted(received.body for received in server.received)


def results(finished):
    return sorted(
        (each["backend"], each["service"], each["status"])
        for each in json.loads(finished.outputs["results"])
    )


def all_of(status):
    return [(*each, status) for each in ALL]


def ended(finished):
    outputs = finished.outputs
    return finished.exit_code, outputs["status"], outputs["reason"], outputs["undelivered-path"]


def errors(finished, level="error", more=f". {MORE}replay-refused"):
    """Return what is said of bad input, less where to read more if that is `more`."""
    start = f"::{level} title=Bad input::"
    return [
        line.removeprefix(start).removesuffix(more).replace("%25", "%")
        for line in finished.log.splitlines()
        if line.startswith(start)
    ]


def saved(workspace):
    return {path.name: path.read_bytes() for path in (workspace / FOLDER).glob("*.json")}


def names(bodies):
    """Return the names of the files that hold these bodies of both backends."""
    datadog, dx = bodies
    of_datadog = (json.loads(body)["data"]["attributes"]["id"] for body in datadog)
    of_dx = (json.loads(body)["reference_id"] for body in dx)
    return sorted(
        [f"{found}-datadog.json" for found in of_datadog] + [f"{found}-dx.json" for found in of_dx]
    )


def id_of(dx):
    return json.loads(sent(dx)[0])["reference_id"]


# --- sent again


@pytest.mark.fault(55)
@pytest.mark.parametrize(
    ("script", "status", "exit_code"),
    [(DOWN, "undelivered", 0), (REFUSED, "rejected", 1)],
    ids=["down", "refused"],
)
def test_what_was_not_delivered_is_replayed_byte_by_byte(
    action, lost, workspace, datadog, dx, script, status, exit_code
):
    first, *bodies = lost(script)
    assert results(first) == all_of(status)
    assert ended(first) == (exit_code, status, "", FOLDER)
    assert sorted(saved(workspace)) == names(bodies)

    again = action(datadog, dx, mode="replay")
    assert results(again) == all_of("delivered")
    assert ended(again) == (0, "delivered", "", "")
    assert [sent(datadog), sent(dx)] == bodies
    assert [path.name for path in (workspace / FOLDER).iterdir()] == [".gitignore"]
    assert again.log.splitlines()[-1] == "4 saved reports were sent again"


# --- attempts of a run, of which Datadog may not be told the earlier one after the later

FIRST, SECOND = {"GITHUB_RUN_ATTEMPT": "1"}, {"GITHUB_RUN_ATTEMPT": "2"}
EARLY, LATE = {"finished_at": "2026-05-11T10:00:00Z"}, {"finished_at": "2026-05-11T10:30:00Z"}


def test_of_two_attempts_of_a_run_a_replay_sends_the_last_one_and_removes_both(
    action, lost, workspace, datadog, dx
):
    _, *early = lost(variables=FIRST, **EARLY)
    files = sorted(saved(workspace))
    _, *late = lost(variables=SECOND, **LATE)
    assert (len(saved(workspace)), late == early) == (8, False)

    again = action(datadog, dx, mode="replay")

    assert [sent(datadog), sent(dx)] == late
    assert results(again) == all_of("delivered")
    assert ended(again) == (0, "delivered", "", "")
    assert saved(workspace) == {}
    assert [line for line in again.log.splitlines() if "earlier attempt" in line] == [
        f"{name!r} is of an earlier attempt of its run, or a copy: not sent" for name in files
    ]


def test_of_the_copies_of_a_file_a_replay_sends_one_and_removes_all(
    action, lost, workspace, datadog, dx
):
    _, *early = lost(variables=FIRST, **EARLY)
    _, *late = lost(variables=SECOND, **LATE)
    files = saved(workspace)
    for job in ("one", "two"):
        (workspace / FOLDER / job).mkdir()
        for name, text in files.items():
            (workspace / FOLDER / job / name).write_bytes(text)
    assert late != early

    again = action(datadog, dx, mode="replay")

    assert [sent(datadog), sent(dx)] == late
    assert ended(again) == (0, "delivered", "", "")
    assert [path.name for path in (workspace / FOLDER).rglob("*.json")] == []
    assert again.log.splitlines()[-1] == "4 saved reports were sent again"
    assert again.log.count("or a copy: not sent") == len(files) * 3 - 4


def test_the_files_of_both_attempts_stay_while_the_last_one_cannot_be_delivered(
    action, lost, workspace
):
    lost(variables=FIRST, **EARLY)
    _, *late = lost(variables=SECOND, **LATE)
    before = saved(workspace)
    with Faulty(DOWN) as datadog, Faulty(DOWN) as dx:
        again = action(datadog, dx, mode="replay")
        assert [sent(datadog), sent(dx)] == late
    assert ended(again) == (0, "undelivered", "", FOLDER)
    assert saved(workspace) == before


def test_attempts_of_different_runs_are_not_compared(action, lost, datadog):
    _, *one = lost(variables={**SECOND, "GITHUB_RUN_ID": "1"}, **EARLY)
    _, *other = lost(variables={**FIRST, "GITHUB_RUN_ID": "2"}, **LATE)
    action(datadog, None, mode="replay")
    assert sent(datadog) == sorted([*one[0], *other[0]])


def test_an_attempt_that_is_delivered_removes_what_an_earlier_one_saved_here(
    action, lost, workspace, datadog, dx
):
    lost(variables=FIRST, **EARLY)
    lost(variables={**SECOND, "GITHUB_RUN_ID": "1"}, **LATE)
    others = saved(workspace)
    lost(variables=FIRST, **EARLY)
    assert len(saved(workspace)) == 8
    (workspace / FOLDER / "planted.json").write_text("{}", "utf-8")
    for name in others:
        planted = name.replace(".json", "-planted.json")
        (workspace / FOLDER / planted).write_text("{}", "utf-8")

    finished = action(datadog, dx, SECOND, **LATE)

    assert results(finished) == all_of("delivered")
    assert ended(finished) == (0, "delivered", "", "")
    left = {name: content for name, content in saved(workspace).items() if content != b"{}"}
    assert {json.loads(content)["run_id"] for content in left.values()} == {"1"}
    assert len(left) == 4


def test_an_attempt_that_is_not_delivered_removes_nothing(lost, workspace):
    lost(variables=FIRST, **EARLY)
    before = saved(workspace)
    lost(variables=SECOND, **LATE)
    assert before.items() <= saved(workspace).items()


@pytest.mark.threat(19)
def test_no_saved_file_holds_a_key_in_any_form(lost, workspace):
    lost()
    texts = [content.decode() for content in saved(workspace).values()]
    assert len(texts) == 4
    leaks = [form for text in texts for secret in SECRETS for form in forms(secret) if form in text]
    assert leaks == []


def test_a_replay_while_the_backends_are_still_down_keeps_every_file(action, lost, workspace):
    _, *bodies = lost()
    before = saved(workspace)
    with Faulty(DOWN) as datadog, Faulty(REFUSED) as dx:
        again = action(datadog, dx, mode="replay")
        assert [sent(datadog), sent(dx)] == bodies
    assert ended(again) == (1, "rejected", "", FOLDER)
    assert saved(workspace) == before


@pytest.mark.fault(99)
def test_a_second_replay_has_nothing_to_send(action, lost, datadog, dx):
    lost()
    action(datadog, dx, mode="replay")
    again = action(datadog, dx, mode="replay")
    assert ended(again) == (0, "skipped", "nothing-to-replay", "")
    assert (len(datadog.received), len(dx.received)) == (2, 2)
    assert (
        "::notice title=Nothing to report (nothing-to-replay)::there is no saved report in"
        " 'dora-undelivered'; if there should be one, check `replay-path`."
        f" {MORE}nothing-to-replay\n" in again.log
    )


@pytest.mark.threat(13)
def test_more_files_than_one_run_sends_are_no_mistake_and_the_next_run_goes_on(
    action, workspace, dx
):
    backend = DxBackend(url=dx.url, token=TOKEN)
    origin = Origin(server_url="https://github.com", repository="acme/shop")
    outcome = Outcome(backend="DX", service="shop", id="", status="undelivered", message="because")
    (workspace / FOLDER).mkdir()
    for number in range(1_002):
        each = replace(deployment(), id=f"dora-{number:040}")
        (delivery,) = deliver.prepare([each], [backend])
        text = saved_reports.text(delivery, outcome, origin)
        (workspace / FOLDER / f"{number:04}.json").write_text(text, "utf-8")
    again = action(None, dx, mode="replay", timeout="120")
    assert ended(again) == (0, "partial", "", FOLDER)
    assert errors(again) == []
    assert (
        "::warning title=Deployment report::`replay-path` holds more than one run can send: 2"
        f" files are left; run the step again for the rest. {MORE}replay-left\n" in again.log
    )
    assert len(saved(workspace)) == 2
    again = action(None, dx, mode="replay")
    assert ended(again) == (0, "delivered", "", "")
    assert len(dx.received) == 1_002


@pytest.mark.fault(99)
def test_a_file_that_is_put_back_is_sent_again_without_harm(action, lost, workspace, datadog, dx):
    _, *bodies = lost()
    copy = workspace.parent / "copy"
    shutil.copytree(workspace / FOLDER, copy)
    for _ in range(2):
        shutil.copytree(copy, workspace / FOLDER, dirs_exist_ok=True)
        assert ended(action(datadog, dx, mode="replay")) == (0, "delivered", "", "")
    assert [sent(datadog), sent(dx)] == [sorted(each * 2) for each in bodies]
    assert sorted(dx.deployments) == sorted(json.loads(body)["reference_id"] for body in bodies[1])


@pytest.mark.fault(41, 99)
def test_what_dx_has_already_is_a_duplicate_and_forgotten(action, lost, workspace, dx):
    _, _, (body, _) = lost()
    known = json.loads(body)
    dx.deployments[known["reference_id"]] = {**known, "environment": "staging"}
    with Faulty(DOWN) as datadog:
        again = action(datadog, dx, mode="replay")
    service = known["service"]["identifier"]
    (other,) = {"shop", "cart"} - {service}
    assert [each for each in results(again) if each[0] == "dx"] == sorted(
        [("dx", service, "duplicate"), ("dx", other, "delivered")]
    )
    assert ended(again) == (0, "partial", "", FOLDER)
    assert {name.rpartition("-")[2] for name in saved(workspace)} == {"datadog.json"}


@pytest.mark.fault(54)
def test_only_what_is_for_the_backend_that_is_back_is_forgotten(
    action, lost, workspace, datadog, dx
):
    lost()
    with Faulty(DOWN) as dx_is_down:
        again = action(datadog, dx_is_down, mode="replay")
    assert ended(again) == (0, "partial", "", FOLDER)
    assert {name.rpartition("-")[2] for name in saved(workspace)} == {"dx.json"}
    assert ended(action(datadog, dx, mode="replay")) == (0, "delivered", "", "")
    assert (len(datadog.received), len(dx.received)) == (2, 2)


def test_what_is_for_a_backend_that_is_off_is_named_and_stays(action, lost, workspace, dx):
    lost()
    again = action(None, dx, mode="replay")
    assert ended(again) == (2, "rejected", "bad-input", FOLDER)
    assert errors(again) == [
        f"'{FOLDER}/{name}' is for Datadog, which is off; set `datadog-api-key` to replay it"
        for name in sorted(saved(workspace))
    ]
    assert results(again) == [("dx", "cart", "delivered"), ("dx", "shop", "delivered")]
    assert {name.rpartition("-")[2] for name in saved(workspace)} == {"datadog.json"}


@pytest.mark.fault(99)
def test_a_file_of_an_earlier_attempt_alone_is_replayed_since_nobody_knows_of_the_later_one(
    action, lost, workspace, datadog, dx
):
    _, *bodies = lost(variables=FIRST)
    (workspace / FOLDER).rename(workspace / "artifact")
    again = action(datadog, dx, SECOND)
    assert ended(again) == (0, "delivered", "", "")
    assert [sent(datadog), sent(dx)] == bodies
    again = action(datadog, dx, mode="replay", replay_path="artifact")
    assert ended(again) == (0, "delivered", "", "")
    assert [sent(datadog), sent(dx)] == [sorted(each * 2) for each in bodies]


def test_which_services_a_pull_request_touches_is_replayed(action, workspace, dx):
    event = "pull_request.closed.merged"
    with Faulty(DOWN) as dx_is_down:
        first = action(None, dx_is_down, event=event, mode="pull-services")
        bodies = sent(dx_is_down)
    pull_id = payload_file(event)["pull_request"]["id"]
    assert ended(first) == (0, "undelivered", "", FOLDER)
    assert list(saved(workspace)) == [f"pull-request~{pull_id}-dx.json"]
    again = action(None, dx, mode="replay")
    assert ended(again) == (0, "delivered", "", "")
    assert sent(dx) == bodies
    assert dx.pull_services == {pull_id: ["shop", "cart"]}
    assert saved(workspace) == {}


def test_a_dry_run_of_a_replay_shows_all_and_touches_nothing(action, lost, workspace, datadog, dx):
    _, *bodies = lost()
    before = saved(workspace)
    again = action(datadog, dx, mode="replay", dry_run="true")
    assert ended(again) == (0, "dry-run", "", "")
    assert (datadog.received, dx.received) == ([], [])
    assert saved(workspace) == before
    shown = again.log.count("\nPOST http://127.0.0.1:")
    assert shown == sum(map(len, bodies))


# --- where from


def test_downloaded_artifacts_are_replayed_from_their_folders(action, lost, workspace, datadog, dx):
    _, *bodies = lost()
    for name in ("job 1", "job 2"):
        shutil.copytree(workspace / FOLDER, workspace / "artifacts" / name)
    for path in (workspace / "artifacts" / "job 1").glob("*-dx.json"):
        path.unlink()
    shutil.rmtree(workspace / FOLDER)
    with Faulty(DOWN) as dx_is_down:
        again = action(datadog, dx_is_down, mode="replay", replay_path="artifacts")
    assert ended(again) == (0, "partial", "", "artifacts/job 2")
    again = action(datadog, dx, mode="replay", replay_path=again.outputs["undelivered-path"])
    assert ended(again) == (0, "delivered", "", "")
    assert [sent(datadog), sent(dx)] == bodies
    assert list((workspace / "artifacts").rglob("*.json")) == []


@pytest.mark.parametrize("top", [True, False], ids=["top", "folder"])
def test_one_file_is_replayed_by_its_path(action, lost, workspace, dx, top):
    lost()
    name = next(name for name in saved(workspace) if name.endswith("-dx.json"))
    path = "moved.json" if top else f"{FOLDER}/{name}"
    (workspace / FOLDER / name).rename(workspace / path)
    with Faulty(DOWN) as dx_is_down:
        again = action(None, dx_is_down, mode="replay", replay_path=path)
    assert ended(again) == (0, "undelivered", "", "moved.json" if top else FOLDER)
    again = action(None, dx, mode="replay", replay_path=path)
    assert ended(again) == (0, "delivered", "", "")
    assert not (workspace / path).exists()
    assert len(dx.received) == 1


@pytest.mark.threat(22)
def test_what_had_to_be_saved_elsewhere_is_replayed_by_the_output(
    action, workspace, tmp_path, datadog, dx
):
    temp = tmp_path / "temp"
    temp.mkdir()
    (workspace / FOLDER).touch()
    variables = {"RUNNER_TEMP": str(temp)}
    with Faulty(DOWN) as down:
        first = action(down, down, variables)
        bodies = sent(down)
    path = first.outputs["undelivered-path"]
    assert ended(first) == (0, "undelivered", "", (temp / FOLDER).as_posix())
    again = action(datadog, dx, variables, mode="replay", replay_path=path)
    assert ended(again) == (0, "delivered", "", "")
    assert sorted([*sent(datadog), *sent(dx)]) == bodies
    assert [each.name for each in (temp / FOLDER).iterdir()] == [".gitignore"]


@posix_only
@pytest.mark.threat(10)
def test_a_link_in_the_place_of_the_folder_is_not_followed(action, lost, workspace, dx):
    lost()
    (workspace / FOLDER).rename(workspace.parent / "outside")
    (workspace / FOLDER).symlink_to(workspace.parent / "outside")
    again = action(None, dx, mode="replay")
    assert ended(again) == (2, "rejected", "bad-input", "")
    assert errors(again, more=OF_THE_INPUT) == [
        (
            "`replay-path` is or goes through the link 'dora-undelivered'; write the path of the"
            " file itself"
        )
    ]
    assert dx.received == []
    assert len(saved(workspace)) == 4


@pytest.mark.threat(10)
@pytest.mark.parametrize("path", ["../workspace/dora-undelivered", ".", "/etc"])
def test_nothing_outside_the_workspace_is_replayed(action, lost, dx, path):
    lost()
    again = action(None, dx, mode="replay", replay_path=path)
    assert ended(again) == (2, "rejected", "bad-input", "")
    assert errors(again, more=OF_THE_INPUT) == [
        (
            f"`replay-path` is {path!r}, which is no plain path; write one that starts in the"
            " workspace, with forward slashes and without . or .. between them"
        )
    ]
    assert dx.received == []


# --- refused


@pytest.mark.parametrize(
    ("variables", "this"),
    [
        ({"GITHUB_REPOSITORY": "acme/cart"}, "acme/cart on https://github.com"),
        ({"GITHUB_SERVER_URL": "https://git.acme.test"}, "acme/shop on https://git.acme.test"),
    ],
    ids=["repository", "server"],
)
def test_what_another_repository_saved_is_refused(
    action, lost, workspace, datadog, dx, variables, this
):
    lost()
    before = saved(workspace)
    again = action(datadog, dx, variables, mode="replay")
    assert ended(again) == (2, "rejected", "bad-input", FOLDER)
    assert errors(again) == [
        f"'{FOLDER}/{name}' is of acme/shop on https://github.com, and this run is of {this};"
        " replay it there, or, if the repository was renamed, run the job that saved it again"
        for name in sorted(before)
    ]
    assert saved(workspace) == before
    assert (datadog.received, dx.received) == ([], [])


def test_the_input_repository_does_not_change_whose_files_they_are(
    action, lost, workspace, datadog, dx
):
    lost(repository="acme/cart", commit_sha="c" * 40)
    again = action(datadog, dx, mode="replay")
    assert ended(again) == (0, "delivered", "", "")
    assert {json.loads(body)["repository"] for body in sent(dx)} == {"acme/cart"}
    assert saved(workspace) == {}


@posix_only
@pytest.mark.threat(10, 13, 19)
@pytest.mark.parametrize(
    ("fail_on", "exit_code", "level"),
    [("config", 2, "error"), ("any", 2, "error"), ("never", 0, "warning")],
)
def test_what_does_not_fit_is_named_and_stays_while_the_rest_is_sent(
    action, lost, workspace, datadog, dx, fail_on, exit_code, level
):
    _, *bodies = lost()
    folder = workspace / FOLDER
    good = next(path for path in sorted(folder.iterdir()) if path.name.endswith("-dx.json"))
    text = good.read_text("utf-8")
    outside = workspace.parent / "outside.json"
    outside.write_text(text, "utf-8")
    (folder / "0-changed.json").write_text(text.replace("production", "staging"), "utf-8")
    (folder / "1-folder.json").mkdir()
    (folder / "2-link.json").symlink_to(outside)
    (folder / "3-link").symlink_to(workspace.parent)
    (folder / "4-large.json").write_text(text + " " * 262_144, "utf-8")
    (folder / "5-other.json").write_text("{}", "utf-8")
    os.mkfifo(folder / "6-pipe.json")
    (folder / "7-not-json.json").write_text("::error::no", "utf-8")
    (folder / "8-planted.json").write_text(
        json.dumps({**json.loads(text), "hmac_sha256": "0" * 64}), "utf-8"
    )
    (folder / "9-no-json.txt").write_text(text, "utf-8")
    planted = {path.name for path in folder.iterdir() if path.name[0].isdigit()}

    again = action(datadog, dx, mode="replay", fail_on=fail_on)
    assert ended(again) == (exit_code, "rejected", "bad-input", FOLDER)
    link = "is or goes through the link"
    assert errors(again, level) == [
        f"'{FOLDER}/{problem}"
        for problem in (
            f"0-changed.json' {NOT_SIGNED}",
            f"2-link.json' {link} '{FOLDER}/2-link.json'; write the path of the file itself",
            f"3-link' {link} '{FOLDER}/3-link'; write the path of the file itself",
            "4-large.json' is larger than 262144 bytes; shorten it, or take it away",
            "5-other.json' is no saved report; take it out of `replay-path`",
            "6-pipe.json' is a pipe, a socket or a device; write the path of a regular file",
            (
                "7-not-json.json' is not JSON (Expecting value), so it is not whole; fetch it"
                " again, or run the job that saved it again"
            ),
            f"8-planted.json' {NOT_SIGNED}",
        )
    ]
    assert again.log.splitlines()[-1] == "4 saved reports were sent again; 8 files not sent"
    assert results(again) == all_of("delivered")
    assert [sent(datadog), sent(dx)] == bodies
    assert {path.name for path in folder.iterdir()} == planted | {".gitignore"}
    assert outside.exists()


def test_what_is_refused_and_what_is_lost_again_are_told_apart(action, lost, workspace, dx):
    lost()
    (workspace / FOLDER / "0.json").write_text("{}", "utf-8")
    with Faulty(DOWN) as datadog_is_down:
        again = action(datadog_is_down, dx, mode="replay")
    assert ended(again) == (2, "rejected", "bad-input", FOLDER)
    services = " and ".join(service for backend, service in again.results() if backend == "datadog")
    headline = f"4 saved reports were sent again, but Datadog lacks {services}; 1 file not sent"
    assert again.log.splitlines()[-2:] == [headline, KEEP]
    assert again.summary.startswith(f"<h3>\u274c {headline}</h3>\n")
    assert len(saved(workspace)) == 3


@pytest.mark.threat(19)
def test_a_file_of_another_key_is_refused(action, lost, workspace, datadog, dx):
    lost()
    before = saved(workspace)
    again = action(datadog, dx, mode="replay", dx_token=f"{TOKEN}x", datadog_api_key="f" * 32)
    assert ended(again) == (2, "rejected", "bad-input", FOLDER)
    of_datadog = NOT_SIGNED.replace("dx-token", "datadog-api-key")
    assert errors(again) == [
        f"'{FOLDER}/{name}' {of_datadog if 'datadog' in name else NOT_SIGNED}"
        for name in sorted(before)
    ]
    assert saved(workspace) == before
    assert (datadog.received, dx.received) == ([], [])


# --- files of the runner that cannot be written


@pytest.mark.fault(101)
@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no /dev/full")
def test_what_is_saved_does_not_depend_on_outputs_and_summary(action, workspace, datadog, dx):
    full = {"GITHUB_OUTPUT": "/dev/full", "GITHUB_STEP_SUMMARY": "/dev/full"}
    with Faulty(DOWN) as down:
        first = action(down, down, full)
        bodies = sent(down)
    assert (first.exit_code, first.outputs, first.summary) == (0, {}, "")
    assert ended(action(datadog, dx, mode="replay")) == (0, "delivered", "", "")
    assert sorted([*sent(datadog), *sent(dx)]) == bodies
    assert saved(workspace) == {}


# --- cancelled


def started(folder, workspace, inputs, *before, variables=None):
    """Start the action, perhaps by another program; return the process."""
    content = json.dumps(payload_file("deployment_status.success")).encode()
    environ = environment(folder, "deployment_status", content, inputs)
    return subprocess.Popen(
        [*before, sys.executable, "-I", "-X", "utf8", "-u", str(ROOT / "entrypoint.py")],
        env={**environ, "GITHUB_WORKSPACE": str(workspace), **(variables or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def wait_until(condition):
    ready = threading.Event()
    while not condition():
        ready.wait(0.01)


HOLDS = {
    "in the wait for the next attempt": answer(503, b"", [("Retry-After", "30")]),
    "before the answer": hang(60),
    "within the headers": drip(b"HTTP/1.1 200 OK\r\nX: ", 0.05, [b"y"] * 1_200),
    "within the body": drip(
        b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n", 0.05, [b" "] * 1_200
    ),
}


def cancelled(process, folder, number, server):
    """Assert that a cancelled run left everything behind; return its log and what it sent."""
    log, complaints = process.communicate(timeout=30)
    assert complaints == b""
    assert process.returncode == 128 + number
    outputs = runner.outputs((folder / "output").read_text("utf-8"))
    assert outputs["status"] == "undelivered"
    assert outputs["undelivered-path"] == FOLDER
    told = json.loads(outputs["results"])
    assert sorted((each["backend"], each["service"]) for each in told) == ALL
    assert {each["status"] for each in told} == {"undelivered"}
    headline = f"The job was cancelled ({number.name}) before the report was done"
    assert log.decode().splitlines()[-1] == (
        f"::error title=Cancelled::{headline}. {KEEP}. {MORE}cancelled"
    )
    assert (folder / "summary.md").read_text("utf-8").startswith(f"<h3>\u274c {headline}</h3>\n\n<")
    return log.decode(), sent(server)


@posix_only
@pytest.mark.fault(100)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("hold", HOLDS)
def test_a_cancelled_job_saves_what_it_was_sending(
    action, tmp_path, workspace, datadog, dx, number, hold
):
    with Faulty(HOLDS[hold]) as server:
        process = started(tmp_path, workspace, to(server, server))
        wait_until(lambda: len(server.requests) == 4)
        process.send_signal(number)
        _, bodies = cancelled(process, tmp_path, number, server)
    assert len(saved(workspace)) == 4
    again = action(datadog, dx, mode="replay")
    assert ended(again) == (0, "delivered", "", "")
    assert sorted([*sent(datadog), *sent(dx)]) == bodies


@posix_only
@pytest.mark.fault(100)
@pytest.mark.threat(18)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_cancelled_job_saves_also_as_the_first_process_of_a_container(
    action, tmp_path, workspace, datadog, dx, number
):
    unshare = ["unshare", "--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child"]
    if not shutil.which("unshare"):
        pytest.skip("there is no unshare here")
    if subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no namespace may be made here")
    with Faulty(HOLDS["before the answer"]) as server:
        process = started(tmp_path, workspace, to(server, server), *unshare)
        wait_until(lambda: len(server.requests) == 4)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        os.kill(int(children.read_text("ascii")), number)
        _, bodies = cancelled(process, tmp_path, number, server)
    assert len(saved(workspace)) == 4
    assert ended(action(datadog, dx, mode="replay")) == (0, "delivered", "", "")
    assert sorted([*sent(datadog), *sent(dx)]) == bodies


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no pipe is opened by a process")
@pytest.mark.fault(100)
def test_a_job_that_is_killed_once_it_has_saved_loses_nothing(
    action, tmp_path, workspace, datadog, dx
):
    is_full = threading.Event()

    def answer_late(connection, request):
        assert is_full.wait(60)
        DOWN(connection, request)

    with Faulty(answer_late) as server:
        process = started(tmp_path, workspace, to(server, server))
        wait_until(lambda: len(server.requests) == 4)
        fill(f"/proc/{process.pid}/fd/1")  # a log without room, which the run waits for
        is_full.set()
        wait_until(lambda: len(saved(workspace)) == 4)
        process.kill()
        process.communicate(timeout=30)
        bodies = sent(server)
    assert process.returncode == -signal.SIGKILL
    assert ended(action(datadog, dx, mode="replay")) == (0, "delivered", "", "")
    assert sorted([*sent(datadog), *sent(dx)]) == bodies


def fill(pipe):
    with open(
        pipe, "wb", 0, opener=lambda path, flags: os.open(path, flags | os.O_NONBLOCK)
    ) as end:
        while end.write(b"x" * 4096):  # None, once not one more fits
            pass
        while end.write(b"x"):
            pass


@posix_only
@pytest.mark.fault(100)
def test_a_replay_that_is_cancelled_keeps_its_files(action, lost, tmp_path, workspace, datadog, dx):
    _, *bodies = lost()
    before = saved(workspace)
    with Faulty(HOLDS["within the headers"]) as server:
        process = started(tmp_path, workspace, {**to(server, server), "mode": "replay"})
        wait_until(lambda: len(server.requests) == 4)
        process.send_signal(signal.SIGTERM)
        cancelled(process, tmp_path, signal.SIGTERM, server)
    assert saved(workspace) == before
    assert ended(action(datadog, dx, mode="replay")) == (0, "delivered", "", "")
    assert [sent(datadog), sent(dx)] == bodies


@posix_only
@pytest.mark.fault(100)
@pytest.mark.threat(19)
def test_a_replay_that_is_cancelled_has_named_the_files_that_it_refuses(
    action, lost, tmp_path, workspace, datadog, dx
):
    _, *bodies = lost()
    planted = workspace / FOLDER / "0-planted.json"
    planted.write_text("{}", "utf-8")
    before = saved(workspace)
    with Faulty(HOLDS["before the answer"]) as server:
        process = started(tmp_path, workspace, {**to(server, server), "mode": "replay"})
        wait_until(lambda: len(server.requests) == 4)
        process.send_signal(signal.SIGTERM)
        log, _ = cancelled(process, tmp_path, signal.SIGTERM, server)
    problem = f"'{FOLDER}/0-planted.json' is no saved report; take it out of `replay-path`"
    assert [line for line in log.splitlines() if line.startswith("::error title=Bad input::")] == [
        f"::error title=Bad input::{problem}. {MORE}replay-refused"
    ]
    assert saved(workspace) == before
    again = action(datadog, dx, mode="replay")
    assert ended(again) == (2, "rejected", "bad-input", FOLDER)
    assert errors(again) == [problem]
    assert [sent(datadog), sent(dx)] == bodies
    assert list(saved(workspace)) == [planted.name]
