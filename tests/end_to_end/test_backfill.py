"""A backfill as a step runs it: its files, and what it makes of faults and sudden ends."""

import json
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest

from dora_deployments.delivery.retry import Pace
from tests.end_to_end.audit import forms
from tests.end_to_end.diary import diary, left_in, rows_of, run_main
from tests.end_to_end.receivers import (
    Datadog,
    Faulty,
    answer,
    drip,
    reset,
)
from tests.end_to_end.runner import ROOT
from tests.end_to_end.stories import DX_TOKEN, TOKEN
from tests.report import markdown, runner

COUNT = 8
SEND = {"dry-run": "false"}
DATADOG_KEY = "9c41f7a2e05b8d63a94c1e7f20d85b3e"
HASTY = Pace(attempts=3, base=0.001, cap=0.002, connect_timeout=1, read_timeout=1)
OK = answer(200, {"ok": True})
STATE = "state.sqlite3"


@pytest.fixture
def written(tmp_path):
    """A diary of `COUNT` deployments, each with a pull request but the first, which has none."""
    with diary(tmp_path / "git", {"service": "shop"}) as begun:
        begun.history.commit()
        begun.deployed(begun.history.branches["main"])
        for n in range(1, COUNT):
            begun.story.landed(("squash", "merge", "rebase")[n % 3])
            begun.deployed(begun.history.branches["main"])
        yield begun


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "run"
    made.mkdir()
    return made


@pytest.fixture
def undisturbed(written):
    """What a run without faults writes."""
    found = written.backfilled()
    written.story.github.asked.clear()
    return found


def started(folder, environ):
    """Start the action as a process."""
    for name in ("output", "summary.md"):
        (folder / name).write_bytes(b"")
    with (folder / "log").open("wb") as log, (folder / "errors").open("wb") as errors:
        return subprocess.Popen(
            [sys.executable, "-I", "-X", "utf8", "-u", str(ROOT / "entrypoint.py")],
            env=environ,
            cwd=folder,
            stdout=log,
            stderr=errors,
        )


def ended(folder, process):
    """Wait for the end of a process, and return what it left."""
    exit_code = process.wait(60)
    log, errors = ((folder / name).read_text("utf-8") for name in ("log", "errors"))
    return left_in(folder, exit_code, log, errors)


def finished(folder, environ):
    return ended(folder, started(folder, environ))


def sent(dx):
    """Return the reference ids that a faulty DX was sent, in the order of their arrival."""
    return [json.loads(each.partition(b"\r\n\r\n")[2])["reference_id"] for each in dx.requests]


# --- the files


def test_the_csv_file_holds_what_dx_is_sent_and_each_line_of_json_is_of_a_row(written, folder):
    written.history.deploy(written.history.branches["main"], states=("failure",), log_url="")

    left = run_main(folder, written.environ(folder, **SEND))

    assert (left.finished.exit_code, left.finished.errors) == (0, "")
    assert left.finished.outputs["status"] == "delivered"
    assert [each.json for each in written.story.dx.received] == rows_of(left.csv)
    assert [each.status for each in written.story.dx.received] == [200] * (COUNT + 1)
    rows = [row.get("success", True) for row in rows_of(left.csv)]
    assert rows == [json.loads(line)["success"] for line in left.json_lines.splitlines()]
    assert rows == [True] * COUNT + [False]
    # Only what failed says so, as in the bodies.
    assert [line.endswith(",false") for line in left.csv.splitlines()[1:]] == [
        not good for good in rows
    ]


def test_every_kind_of_name_stays_what_it_is_and_nothing_of_it_runs(tmp_path, folder):
    names = [
        'a,b;"c"',
        '=HYPERLINK("https://example.com","x")',
        "::error title=x::y",
        "%0A::error::z",
        "##[error]w",
        "😀 é \u202e\u2066",
        "+1-1@SUM(A1)|$(id)`id`",
        "<img src=x onerror=alert(1)>",
        "</summary>](javascript:x)",
        "||spoiler|| ```mermaid",
        "a\\nb\\r",
        "'",
    ]
    service = '@cmd|"/c calc"!A1;::error::s <b>'
    with diary(tmp_path / "git", {"service": service}) as written:
        sha = written.history.commit()
        for name in (*names, "line\nbreak", "\x1b[31mred", "\r\n::error::q"):
            written.deployed(sha, name)
        names.append("::error::q")  # white space around a name is no part of it
        assert written.skipped == ["bad-event"] * 2

        left = finished(folder, written.environ(folder, **SEND))

        assert left.finished.exit_code == 0, left.finished.log
        assert left.entries == written.reported
        assert [row["environment"] for row in rows_of(left.csv)] == names
        assert [each.json["environment"] for each in written.story.dx.received] == names
        assert {each.json["service"]["identifier"] for each in written.story.dx.received} == {
            service
        }
    assert [each.name for each in runner.commands(left.finished.log)] == [
        *("add-mask", "add-mask", "warning", "group", "endgroup")
    ]
    assert "\x1b" not in left.finished.log
    _, fenced = markdown.read(left.finished.summary)  # which lets nothing pass but our own
    assert fenced == []
    for name in ("environment", "services"):
        assert not set(left.finished.outputs[name]) & set("<>=|`$\\;'!")


def test_no_key_is_in_anything_that_is_left_behind(written, folder):
    with Datadog(api_key=DATADOG_KEY) as datadog:
        given = {**SEND, "datadog-api-key": DATADOG_KEY, "datadog-site": datadog.url}
        environ = written.environ(
            folder, **given, since="2024-03-04", until="2024-03-04T08:10:00Z", timeout="60"
        )
        process = started(folder, {**environ, "RUNNER_DEBUG": "1"})
        while not written.story.dx.received and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait(60)
        kept = left_bytes(folder)
        left = finished(folder, {**environ, "RUNNER_DEBUG": "1"})

    assert left.finished.exit_code == 0, left.finished.log
    masks = b"".join(b"::add-mask::%s\n" % each.encode() for each in (DX_TOKEN, DATADOG_KEY, TOKEN))
    for content in (*kept, *left_bytes(folder)):
        text = b"\n".join(
            line for line in content.split(b"\n") if line + b"\n" not in masks or not line
        )
        for secret in (DX_TOKEN, DATADOG_KEY, TOKEN):
            assert not [form for form in forms(secret) if form.encode() in text]


def left_bytes(folder):
    return [file.read_bytes() for file in folder.rglob("*") if file.is_file()]


# --- GitHub's faults


def once(reply, which):
    """Return a fault that hits every third kind of request once, from number `which` on."""
    seen = []

    def fault(asked):
        kind = asked.path, (asked.operation or "")[:60]
        if kind in seen:
            return None
        seen.append(kind)
        return reply if len(seen) % 3 == which else None

    return fault


def of_socket(script):
    return lambda connection: script(connection, b"")


@pytest.mark.parametrize(
    ("which", "fault"),
    [
        (0, (502, {}, b"<html>bad gateway</html>")),
        (0, (429, {"Retry-After": "1"}, b'{"message": "slow down"}')),
        (2, of_socket(reset())),
        (2, of_socket(drip(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", 0.01, [b"["] * 9))),
    ],
    ids=["502", "429", "cut", "drip"],
)
def test_faults_of_github_that_pass_change_nothing(written, folder, undisturbed, fault, which):
    written.story.github.fault = once(fault, which)

    left = run_main(folder, written.environ(folder, **SEND, timeout="300"))

    assert left.finished.exit_code == 0, left.finished.log
    assert (left.csv, left.json_lines) == (undisturbed.csv, undisturbed.json_lines)
    assert list(written.story.dx.deployments) == list(undisturbed.entries)


def test_a_rate_limit_in_the_middle_is_waited_for(written, folder, undisturbed):
    github = written.story.github
    github.refill(remaining=22)  # of which twenty are kept for others
    github.reset = int(time.time()) + 2

    left = run_main(folder, written.environ(folder, **SEND, timeout="300"))

    assert left.finished.exit_code == 0, left.finished.log
    assert "waiting" in left.finished.log
    assert (left.csv, left.json_lines) == (undisturbed.csv, undisturbed.json_lines)


@pytest.mark.parametrize("first", [1, 4])
def test_a_token_that_expires_in_the_middle_costs_nothing_that_was_read(
    written, folder, undisturbed, first
):
    github = written.story.github

    def expired(_):
        late = len(github.asked) > first
        return (401, {}, b'{"message": "Bad credentials"}') if late else None

    github.fault = expired
    left = run_main(folder, written.environ(folder, **SEND))

    assert (left.finished.exit_code, left.finished.outputs["reason"]) == (2, "bad-configuration")
    assert "github-token" in left.finished.log
    assert left.csv == ""
    answered = {str(each) + str(each.operation) for each in github.asked if each.status == 200}
    github.asked.clear()
    github.fault = None

    again = run_main(folder, written.environ(folder, **SEND))

    assert again.finished.exit_code == 0, again.finished.log
    assert not answered & {str(each) + str(each.operation) for each in github.asked}
    assert again.csv == undisturbed.csv


# --- DX's faults


@pytest.mark.parametrize(
    "fault",
    [
        answer(429, {"ok": False, "error": "ratelimited"}, [("Retry-After", "1")]),
        answer(200, b"<html>"),
        reset(),
        drip(b"HTTP/1.1 200 OK\r\nX: ", 0.1, [b"y"] * 5),
    ],
    ids=["429", "html", "cut", "drip"],
)
def test_faults_of_dx_that_pass_cost_an_attempt_and_nothing_else(
    written, folder, undisturbed, fault
):
    with Faulty(OK, OK, fault, OK, fault, fault, OK) as dx:
        left = run_main(
            folder, written.environ(folder, **SEND, **{"dx-instance": f"{dx.url}/api"}), HASTY
        )
        ids = list(undisturbed.entries)

        assert left.finished.outputs["status"] == "delivered", left.finished.log
        assert sent(dx) == [*ids[:2], ids[2], ids[2], ids[3], ids[3], ids[3], *ids[4:]]
        assert left.csv == undisturbed.csv


def test_what_dx_has_already_is_a_duplicate_and_the_rest_goes_on(written, folder, undisturbed):
    known = answer(422, {"ok": False, "error": "reference_id has already been used"})
    with Faulty(OK, known, known, known, known, OK) as dx:
        left = run_main(
            folder, written.environ(folder, **SEND, **{"dx-instance": f"{dx.url}/api"}), HASTY
        )

        assert left.finished.outputs["status"] == "delivered", left.finished.log
        assert left.finished.exit_code == 0
        assert sent(dx) == list(undisturbed.entries)


@pytest.mark.parametrize(
    ("faults", "attempts"),
    [([answer(401, {"ok": False, "error": "invalid_auth"})], 1), ([answer(502, b"")] * 3, 3)],
    ids=["401", "outage"],
)
def test_what_dx_stops_taking_waits_for_the_next_run(
    written, folder, undisturbed, faults, attempts
):
    ids = list(undisturbed.entries)
    with Faulty(OK, OK, OK, *faults, OK) as dx:
        environ = written.environ(folder, **SEND, **{"dx-instance": f"{dx.url}/api"})

        left = run_main(folder, environ, HASTY)

        assert left.finished.outputs["status"] == "partial", left.finished.log
        assert len(dx.requests) == 3 + attempts
        asked = len(written.story.github.asked)

        again = run_main(folder, environ, HASTY)

        assert again.finished.outputs["status"] == "delivered", again.finished.log
        assert sent(dx)[3 + attempts :] == ids[3:]
        assert len(written.story.github.asked) == asked
        assert again.csv == left.csv == undisturbed.csv

        # A run that is started once more finds that everything is there.
        run_main(folder, environ, HASTY)
        assert len(dx.requests) == 3 + attempts + len(ids[3:])


def test_a_run_of_another_period_sends_no_deployment_again(written, folder, undisturbed):
    ids = list(undisturbed.entries)
    middle = undisturbed.entries[ids[4]].body["deployed_at"]
    refused = answer(401, {"ok": False, "error": "invalid_auth"})
    with Faulty(OK, OK, refused, OK) as dx:
        given = {**SEND, "dx-instance": f"{dx.url}/api"}

        first = run_main(folder, written.environ(folder, **given, until=middle), HASTY)
        second = run_main(folder, written.environ(folder, **given), HASTY)

        assert list(first.entries) == ids[:4]
        assert list(second.entries) == ids
        assert sent(dx) == [*ids[:3], *ids[2:]]
        assert second.finished.outputs["status"] == "delivered"


def test_two_runs_at_once_do_not_share_a_folder(written, folder, undisturbed):
    environ = written.environ(folder, **SEND)
    process = started(folder, environ)
    while not written.story.dx.received and process.poll() is None:
        time.sleep(0.001)

    refused = run_main(folder, environ)

    assert refused.finished.exit_code == 2
    assert "another run is using" in refused.finished.log
    assert ended(folder, process).finished.exit_code == 0
    ids = [each.json["reference_id"] for each in written.story.dx.received]
    assert ids == list(undisturbed.entries)


def test_one_backend_that_is_away_holds_the_other_up_by_nothing(written, folder, undisturbed):
    with Faulty(reset()) as datadog:
        given = {**SEND, "datadog-api-key": DATADOG_KEY, "datadog-site": datadog.url}
        left = run_main(folder, written.environ(folder, **given), HASTY)

        assert left.finished.outputs["status"] == "partial", left.finished.log
        assert len(datadog.requests) == 3  # for the first one, before all others
    assert list(written.story.dx.deployments) == list(undisturbed.entries)


def test_datadog_is_told_of_what_succeeded_a_second_apart(tmp_path, folder):
    with diary(tmp_path / "git", {"service": "shop"}) as written:
        sha = written.history.commit()
        moment = written.history.now
        for state in ("success", "failure", "success", "success"):
            written.history.now = moment
            written.deployed(sha, f"to-{len(written.reported)}", state)
        with Datadog(api_key=DATADOG_KEY) as datadog:
            given = {**SEND, "datadog-api-key": DATADOG_KEY, "datadog-site": datadog.url}

            left = finished(folder, written.environ(folder, **given))

            told = [each.json["data"]["attributes"] for each in datadog.received]
    assert left.finished.exit_code == 0, left.finished.log
    first = int((moment + timedelta(minutes=1)).timestamp())
    ids = [id_ for id_, entry in left.entries.items() if "success" not in entry.body]
    assert [each["id"] for each in told] == ids
    assert [each["finished_at"] // 10**9 for each in told] == [first, first + 1, first + 2]
    assert [each.json["deployed_at"] for each in written.story.dx.received] == [
        f"{moment + timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"
    ] * 4


# --- sudden ends


def interrupted(folder, environ, is_time, how):
    """Start a run and end it when it is time; return whether it was still going on."""
    process = started(folder, environ)
    while process.poll() is None and not is_time():
        time.sleep(0.001)
    if process.poll() is None:
        process.send_signal(how)
    return ended(folder, process)


def asked(number):
    return lambda story: len(story.github.asked) >= number


def received(number):
    return lambda story: len(story.dx.received) >= number


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["term", "kill"])
@pytest.mark.parametrize(
    "moments",
    [
        [asked(1), asked(4), asked(6)],
        [asked(3), received(1), received(4), received(7)],
    ],
    ids=["reading", "all"],
)
def test_a_run_that_is_ended_again_and_again_gets_there(written, folder, undisturbed, how, moments):
    story = written.story
    environ = written.environ(folder, **SEND)
    for moment in moments:
        story.github.asked.clear()
        left = interrupted(folder, environ, lambda moment=moment: moment(story), how)
        assert left.finished.exit_code in {0, -how, 128 + how}, left.finished.log
        assert "Traceback" not in left.finished.errors
        assert left.csv in {"", undisturbed.csv}

    left = finished(folder, environ)

    assert left.finished.exit_code == 0, left.finished.log
    assert (left.csv, left.json_lines) == (undisturbed.csv, undisturbed.json_lines)
    ids = [each.json["reference_id"] for each in story.dx.received]
    assert list(dict.fromkeys(ids)) == list(undisturbed.entries)
    # Only what was on its way may have been sent twice, and then the same.
    assert len(ids) - len(set(ids)) <= (len(moments) if how is signal.SIGKILL else 0)
    assert {each.status for each in story.dx.received} == {200}
