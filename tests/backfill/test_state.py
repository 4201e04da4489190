"""What a run has done is known to the next one, and what a stranger wrote to none."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dora_deployments.backfill.database import FILE, StateError
from dora_deployments.backfill.state import Report, State, Tally
from dora_deployments.catalogue import BODY_REFUSED, DX_422, OUTCOME_NOT_SUPPORTED, STEP_ENDED
from dora_deployments.deployment import Outcome, Request
from dora_deployments.errors import EventError
from tests.builders import deployment
from tests.delivery import wire

DATADOG = wire.datadog("http://127.0.0.1:1")
DX = wire.dx("http://127.0.0.1:1")
KEYS = {each.name: each.credential.value.encode() for each in (DATADOG, DX)}
ANOTHER = 1001
ROOT = Path(__file__).parents[2]
REMOVE = "remove it to start anew"
NOT_OURS = f"holds {FILE}, which is damaged, or of another version; {REMOVE}"
DAMAGED = f"holds {FILE}, which is damaged, or no state file; {REMOVE}"
NOT_WRITTEN = f"holds {FILE}, which this action did not write; {REMOVE}"
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
root_only = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="root alone gives files away"
)


def fine(_text):
    """Find nothing that must not be kept."""


def opened(folder, plan="plan", keys=KEYS, *, check=fine, words=str):
    return State.opened(folder, plan=plan, keys=keys, check=check, words=words)


def refusal(folder):
    with pytest.raises(StateError) as caught:
        opened(folder)
    return str(caught.value)


def id_of(number):
    return f"dora-{number:040d}"


def request_for(number, backend=DX):
    return backend.requests(deployment(id=id_of(number)))[0]


def add(state, *numbers, backend=DX, service="shop"):
    for number in numbers:
        state.add(number, backend, service, id_of(number), request_for(number, backend))
    state.commit()


def report(number, backend=DX):
    return Report(
        order=number, service="shop", id=id_of(number), request=request_for(number, backend)
    )


def outcome(status="delivered", message="recorded", **known):
    known = {"http_status": 200, "attempts": 1, **known}
    return Outcome(backend="DX", service="shop", id="", status=status, message=message, **known)


def pending(state, backend=DX):
    return [each.order for each in state.pending(backend)]


def settle(state, number, status="delivered", **known):
    state.settle(report(number), DX, outcome(status, **known))


def tallied(state):
    return {(each.backend, each.status): each.count for each in state.tallies()}


def edited(folder, *statements):
    """Let a stranger change the file."""
    with closing(sqlite3.connect(folder / FILE)) as connection:
        for statement in statements:
            connection.execute(*statement)
        connection.commit()


def run(program, folder):
    """Run a program in a process of its own; return what it prints."""
    return subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


# --- what is kept


def test_a_page_is_any_json_and_a_note_a_text(tmp_path):
    page = [{"sha": "a" * 40, "number": 1.5}, None, True, "caf\xe9 \ud800", ["\0"]]
    with opened(tmp_path) as state:
        assert (state.get("page"), state.note("note")) == (None, None)
        state.put("page", page)
        state.keep("note", "caf\xe9")
        state.put("note", {})
        assert (state.get("page"), state.note("note"), state.get("note")) == (page, "caf\xe9", {})
        state.put("page", [])
        assert state.get("page") == []


def test_a_run_that_did_not_finish_is_gone_on_with(tmp_path):
    with opened(tmp_path) as state:
        assert state.resumed is False
        state.put("page", [1])
        state.keep("plan", "of the user")
        add(state, 1, 2)
        settle(state, 1)
    for _ in range(2):
        with opened(tmp_path) as state:
            assert (state.resumed, state.foreign) == (True, 0)
            assert (state.get("page"), state.note("plan")) == ([1], "of the user")
            assert pending(state) == [2]
            assert tallied(state) == {("DX", "delivered"): 1, ("DX", "undelivered"): 1}


@pytest.mark.parametrize(("finished", "plan"), [(True, "plan"), (False, "new"), (True, "new")])
def test_else_a_run_starts_anew_and_knows_only_what_was_delivered(tmp_path, finished, plan):
    with opened(tmp_path) as state:
        state.put("page", [1])
        state.keep("note", "text")
        add(state, *range(6))
        for number, status in enumerate(
            ["delivered", "duplicate", "rejected", "undelivered", "skipped"]
        ):
            settle(state, number, status)
        if finished:
            state.finish()
    with opened(tmp_path, plan) as state:
        assert (state.resumed, state.foreign) == (False, 0)
        assert (state.get("page"), state.note("note")) == (None, None)
        assert (pending(state), state.tallies(), state.waiting()) == ([], (), 0)
        add(state, *range(6))
        assert pending(state) == [2, 3, 4, 5]
        assert tallied(state) == {
            ("DX", "delivered"): 1,
            ("DX", "duplicate"): 1,
            ("DX", "undelivered"): 4,
        }
    with opened(tmp_path, plan) as state:
        assert state.resumed is True


def test_no_key_and_no_body_of_what_was_delivered_is_in_the_file(tmp_path):
    with opened(tmp_path) as state:
        add(state, 1, 2)
        settle(state, 1)
        state.finish()
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        bodies = connection.execute("SELECT place, body FROM outbox ORDER BY place").fetchall()
    assert bodies == [(1, b""), (2, request_for(2).body)]
    content = (tmp_path / FILE).read_bytes()
    assert not any(key in content for key in KEYS.values())


def test_the_file_can_be_read_by_later_steps_and_stands_alone(tmp_path):
    with opened(tmp_path) as state:
        add(state, 1)
    assert [each.name for each in tmp_path.iterdir()] == [FILE]
    assert sys.platform == "win32" or (tmp_path / FILE).stat().st_mode & 0o777 == 0o644


@root_only
def test_the_file_is_given_to_the_owner_of_the_folder(tmp_path):
    os.chown(tmp_path, ANOTHER, ANOTHER)
    with opened(tmp_path) as state:
        state.put("page", [1])
        assert {each.stat().st_uid for each in tmp_path.iterdir()} == {ANOTHER}
    with opened(tmp_path) as state:
        assert state.get("page") == [1]


KILLED = """
import os, sys
from pathlib import Path
from tests.backfill.test_state import add, opened, settle

state = opened(Path(sys.argv[1]))
state.put("page", ["x" * 100_000])
add(state, *range(300))
settle(state, 0)
os._exit(9)
"""


def test_what_was_kept_outlasts_a_kill(tmp_path):
    # It kills itself, and so the file is left as it stands.
    with pytest.raises(subprocess.CalledProcessError):
        run(KILLED, tmp_path)
    with opened(tmp_path) as state:
        assert (state.resumed, state.foreign) == (True, 0)
        assert state.get("page") == ["x" * 100_000]
        assert pending(state) == list(range(1, 300))


@pytest.mark.parametrize("bytes_left", [0, 1, 4096])
def test_a_file_that_was_only_begun_is_as_good_as_none(tmp_path, bytes_left):
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    os.truncate(tmp_path / FILE, bytes_left)
    with opened(tmp_path) as state:
        state.put("page", [1])
        assert (state.resumed, state.get("page")) == (False, [1])


def test_a_journal_without_its_file_brings_nothing_back(tmp_path):
    with pytest.raises(subprocess.CalledProcessError):
        run(KILLED, tmp_path)
    assert (tmp_path / f"{FILE}-wal").stat().st_size > 100_000
    (tmp_path / FILE).unlink()
    with opened(tmp_path) as state:
        assert (state.resumed, state.foreign, state.get("page")) == (False, 0, None)
        assert state.tallies() == ()


# --- the outbox


def test_reports_are_sent_in_their_order_and_each_once_with_the_same_bytes(tmp_path):
    with opened(tmp_path) as state:
        add(state, *reversed(range(250)))
        add(state, 1, 2, backend=DATADOG)
        assert [state.waiting(), state.waiting(DX), state.waiting(DATADOG)] == [252, 250, 2]
        seen = []
        for each in state.pending(DX):
            seen.append(each)
            settle(state, each.order, "delivered" if each.order % 2 else "undelivered")
        assert seen == [report(number) for number in range(250)]
        assert list(state.pending(DATADOG)) == [report(1, DATADOG), report(2, DATADOG)]
        assert pending(state) == list(range(0, 250, 2))
        assert state.waiting() == 127


def test_what_was_refused_is_tried_again_but_nothing_to_wait_for(tmp_path):
    with opened(tmp_path) as state:
        add(state, *range(6))
        for number, status in enumerate(
            ["delivered", "duplicate", "rejected", "undelivered", "skipped"]
        ):
            settle(state, number, status, http_status=422)
        assert pending(state) == [3, 5, 2]
        assert (state.waiting(), state.waiting(refused=True)) == (2, 3)


def test_what_was_added_is_there_before_it_is_committed_and_after_the_end(tmp_path):
    with opened(tmp_path) as state:
        state.add(1, DX, "shop", id_of(1), request_for(1))
        assert pending(state) == [1]
    with opened(tmp_path) as state:
        assert pending(state) == [1]


@pytest.mark.parametrize(
    ("status", "body"),
    [(None, "first"), ("undelivered", "first"), ("rejected", "second"), ("delivered", None)],
)
def test_a_request_keeps_its_bytes_until_it_is_refused(tmp_path, status, body):
    first, second = (
        DX.requests(deployment(id=id_of(1), source_name=name))[0] for name in ("first", "second")
    )
    with opened(tmp_path) as state:
        state.add(1, DX, "shop", id_of(1), first)
        if status:
            state.settle(replace(report(1), request=first), DX, outcome(status, attempts=2))
        state.add(5, DX, "shop", id_of(1), second)
        found = [(each.order, json.loads(each.request.body)) for each in state.pending(DX)]
        assert [(order, each["source_name"]) for order, each in found] == (
            [(5, body)] if body else []
        )
        (tally,) = state.tallies()
        assert tally.attempts == (2 if status in {"undelivered", "delivered"} else 0)


def test_what_a_backend_cannot_be_told_is_counted_with_the_reason(tmp_path):
    with opened(tmp_path) as state:
        about = (DATADOG, "shop", id_of(1))
        state.leave_out(1, *about, "skipped", OUTCOME_NOT_SUPPORTED)
        state.commit()
        assert (pending(state, DATADOG), state.waiting()) == ([], 0)
        assert state.tallies() == (
            Tally(
                backend="Datadog",
                service="shop",
                status="skipped",
                message=OUTCOME_NOT_SUPPORTED.sentence,
                topic=OUTCOME_NOT_SUPPORTED,
                count=1,
                attempts=0,
                http_status=None,
                detail="",
                id=id_of(1),
            ),
        )


def test_what_a_backend_would_refuse_has_no_request_to_try_again(tmp_path):
    with opened(tmp_path) as state:
        state.leave_out(1, DX, "shop", id_of(1), "rejected", BODY_REFUSED)
        assert (pending(state), state.waiting(refused=True)) == ([], 0)
        assert tallied(state) == {("DX", "rejected"): 1}


@pytest.mark.parametrize("status", ["delivered", "duplicate"])
def test_a_backend_keeps_what_it_has_though_it_could_not_be_told_now(tmp_path, status):
    with opened(tmp_path) as state:
        add(state, 1)
        settle(state, 1, status)
        state.leave_out(1, DX, "shop", id_of(1), "skipped", OUTCOME_NOT_SUPPORTED)
        assert tallied(state) == {("DX", status): 1}


def test_an_outbox_that_is_filled_anew_has_nothing_of_the_one_before(tmp_path):
    endings = ["delivered", "duplicate", "rejected", "undelivered", "skipped"]
    with opened(tmp_path) as state:
        add(state, *range(8))
        for number, status in enumerate(endings):
            settle(state, number, status)
        state.put("page", [1])
        state.renew()
        assert (pending(state), state.waiting(refused=True), state.tallies()) == ([], 0, ())
        # What was never sent may be told otherwise, and of the rest it is known how it ended.
        new = DX.requests(deployment(id=id_of(6), source_name="new"))[0]
        state.add(6, DX, "shop", id_of(6), new)
        add(state, 0, 2, 3)
    with opened(tmp_path) as state:
        assert (state.resumed, state.foreign, state.get("page")) == (True, 0, [1])
        assert [each.request for each in state.pending(DX)] == [
            request_for(2),
            request_for(3),
            new,
        ]
        assert (state.waiting(), tallied(state)["DX", "delivered"]) == (3, 1)


def test_what_was_refused_before_comes_last(tmp_path):
    with opened(tmp_path) as state:
        add(state, 1, 2, 3)
        settle(state, 1, "rejected", http_status=422)
        settle(state, 2, "undelivered")
        seen = []
        for each in state.pending(DX):
            seen.append((each.order, each.tried))
            settle(state, each.order, "rejected", http_status=422)
        assert seen == [(2, True), (3, False), (1, True)]


@pytest.mark.parametrize("http_status", [None, 302, 401, 403, 404])
def test_what_was_refused_for_all_keeps_its_place(tmp_path, http_status):
    with opened(tmp_path) as state:
        add(state, 1, 2)
        settle(state, 1, "rejected", http_status=http_status)
        assert pending(state) == [1, 2]


def test_a_page_that_must_not_be_kept_is_not(tmp_path):
    def check(text):
        if b"secret" in text:
            raise EventError("no")

    with opened(tmp_path, check=check) as state:
        with pytest.raises(EventError):
            state.put("page", {"environment": "a secret"})
        state.put("other", {"environment": "production"})
        assert (state.get("page"), state.get("other")) == (None, {"environment": "production"})


def test_no_key_that_a_backend_echoes_is_kept(tmp_path):
    def words(text):
        return text.replace("Bearer", "***")

    with opened(tmp_path, words=words) as state:
        add(state, 1)
        settle(state, 1, "rejected", detail="not for Bearer")
        assert [each.detail for each in state.tallies()] == ["not for ***"]


def test_a_backend_keeps_what_it_has_however_later_attempts_end(tmp_path):
    with opened(tmp_path) as state:
        add(state, 1, 2)
        settle(state, 1, "delivered")
        settle(state, 1, "undelivered")
        settle(state, 2, "undelivered")
        settle(state, 2, "duplicate")
        assert tallied(state) == {("DX", "delivered"): 1, ("DX", "duplicate"): 1}


def test_endings_are_counted_by_backend_and_service_and_what_was_said(tmp_path):
    with opened(tmp_path) as state:
        add(state, 1, 2, 3, 4)
        add(state, 5, service="cart")
        refused = {"topic": DX_422, "http_status": 422, "message": "no"}
        settle(state, 1, "rejected", **refused, detail="first")
        settle(state, 2, "rejected", **refused, detail="last \ud800", attempts=3)
        settle(state, 3, "rejected", message="no", topic=None)
        usual = Tally(
            backend="DX",
            service="shop",
            status="rejected",
            message="no",
            topic=DX_422,
            count=2,
            attempts=4,
            http_status=422,
            detail="last ?",
            id=id_of(2),
        )
        waits = replace(
            usual,
            status="undelivered",
            message="not sent before the step had to end",
            topic=STEP_ENDED,
            count=1,
            attempts=0,
            http_status=None,
            detail="",
        )
        assert state.tallies() == (
            replace(waits, service="cart", id=id_of(5)),
            replace(waits, id=id_of(4)),
            replace(
                usual, topic=None, count=1, attempts=1, http_status=200, detail="", id=id_of(3)
            ),
            usual,
        )


def test_what_this_version_would_not_send_is_refused_and_the_others_are_sent(tmp_path):
    wrong = Request(method="deployments.old", url="", body=b"{}", credential=DX.credential)
    with opened(tmp_path) as state:
        state.add(1, DX, "shop", id_of(1), wrong)
        add(state, 2)
        assert pending(state) == [2]
        assert [(each.status, each.message, each.topic) for each in state.tallies()] == [
            ("undelivered", "not sent before the step had to end", STEP_ENDED),
            (
                "rejected",
                "the body is for 'dx.deployments.old', which this version does not know",
                BODY_REFUSED,
            ),
        ]


def test_a_service_may_have_any_name(tmp_path):
    with opened(tmp_path) as state:
        state.add(1, DX, "caf\xe9 \udc80", id_of(1), request_for(1))
        state.leave_out(2, DX, "\udc80", id_of(2), "skipped", OUTCOME_NOT_SUPPORTED)
        assert [each.service for each in state.tallies()] == ["?", "caf\xe9 ?"]


def test_several_threads_may_use_it_at_once(tmp_path):
    with opened(tmp_path) as state:
        add(state, *range(200))
        errors = []

        def work(start):
            try:
                for number in range(start, 200, 4):
                    settle(state, number)
                    state.put(f"page {number}", [number])
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=work, args=(start,)) for start in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert tallied(state) == {("DX", "delivered"): 200}
        assert [state.get(f"page {number}") for number in range(200)] == [
            [number] for number in range(200)
        ]


# --- planted files


@pytest.fixture
def used(tmp_path):
    """Give a folder with the state of a run that was interrupted."""
    with opened(tmp_path) as state:
        state.put("page", [1])
        state.keep("note", "text")
        add(state, 1, 2)
        settle(state, 1)
    return tmp_path


@pytest.mark.parametrize(
    "content", [b"no database at all " * 100, b"SQLite format 3\0" + b"\1" * 5000]
)
def test_a_file_of_something_else_is_refused(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    assert refusal(tmp_path) == DAMAGED
    assert (tmp_path / FILE).read_bytes() == content


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER INSERT ON facts BEGIN DELETE FROM outbox; END",
        "CREATE VIEW v AS SELECT * FROM facts",
        "CREATE INDEX i ON facts (value)",
        "CREATE TABLE t (x)",
        "ALTER TABLE facts ADD COLUMN x",
        "DROP INDEX places",
        "DROP TABLE outbox",
    ],
)
def test_another_schema_is_refused(used, statement):
    edited(used, (statement,))
    assert refusal(used) == NOT_OURS


def test_an_index_that_hides_rows_is_refused(used):
    with closing(sqlite3.connect(used / FILE)) as connection:
        (index,) = connection.execute("SELECT * FROM sqlite_master WHERE name = 'places'")
    edited(
        used, ("PRAGMA writable_schema = ON",), ("DELETE FROM sqlite_master WHERE name = 'places'",)
    )
    edited(
        used,
        ("UPDATE outbox SET place = 3 WHERE place = 2",),
        ("PRAGMA writable_schema = ON",),
        ("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", index),
    )
    assert refusal(used) == NOT_OURS


def test_a_file_that_is_damaged_within_is_refused(used):
    with opened(used) as state:
        for number in range(50):
            state.put(str(number), os.urandom(3_000).hex())
    content = (used / FILE).read_bytes()
    half = len(content) // 2 // 4096 * 4096
    (used / FILE).write_bytes(content[:half] + b"\xff" * 4096 + content[half + 4096 :])
    assert refusal(used) in {NOT_OURS, DAMAGED}
    (used / FILE).write_bytes(content[:half])
    assert refusal(used) in {NOT_OURS, DAMAGED}


def test_words_of_a_schema_that_are_no_text_are_not_quoted(used):
    """SQLite quotes them in its messages, byte for byte."""
    content = (used / FILE).read_bytes()
    (used / FILE).write_bytes(content.replace(b"TABLE outbox", b"TABL\xff outbox"))
    assert refusal(used) == DAMAGED


@cache
def usual():
    """Return what is in the file of a run that was interrupted."""
    with TemporaryDirectory() as folder:
        with opened(Path(folder)) as state:
            for number in range(10):
                state.put(f"page {number}", [number] * 200)
            state.keep("note", "text")
            add(state, *range(20))
            settle(state, 1)
        return (Path(folder) / FILE).read_bytes()


# More often at the beginnings of SQLite's pages, where there is more to break.
PLACES = st.one_of(st.integers(0, 120), st.integers(0, 4095))


@given(
    st.lists(st.tuples(st.integers(0, 30), PLACES, st.integers(0, 255)), min_size=1, max_size=20)
)
def test_whatever_is_changed_in_the_file_it_is_refused_or_the_rest_is_good(changes):
    content = bytearray(usual())
    for page, place, byte in changes:
        content[(page * 4096 + place) % len(content)] = byte
    with TemporaryDirectory() as folder, suppress(StateError):
        (Path(folder) / FILE).write_bytes(content)
        with opened(Path(folder)) as state:
            for number in range(10):
                assert state.get(f"page {number}") in (None, [number] * 200)
            assert state.note("note") in {None, "text"}
            assert [each for each in state.pending(DX) if each != report(each.order)] == []
            assert 1 not in pending(state)
            state.put("page", [])
            settle(state, 2)


@posix_only
@pytest.mark.parametrize("name", [FILE, f"{FILE}-wal", f"{FILE}-shm", f"{FILE}-journal"])
@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_what_is_no_regular_file_is_refused_and_nothing_is_written_through_it(tmp_path, name, kind):
    folder = tmp_path / "folder"
    folder.mkdir()
    if kind == "link":
        (tmp_path / "elsewhere").touch()
        (folder / name).symlink_to(tmp_path / "elsewhere")
    elif kind == "folder":
        (folder / name).mkdir()
    else:
        os.mkfifo(folder / name)
    assert refusal(folder) == NOT_WRITTEN.replace(FILE, name)
    assert kind != "link" or (tmp_path / "elsewhere").read_bytes() == b""


def test_a_journal_that_could_remove_other_files_is_refused(used):
    (used / f"{FILE}-journal").write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7")
    assert refusal(used) == NOT_WRITTEN.replace(FILE, f"{FILE}-journal")


@root_only
@pytest.mark.parametrize("name", [FILE, f"{FILE}-wal"])
def test_the_file_of_another_user_is_refused(used, name):
    (used / name).touch()
    os.chown(used / name, ANOTHER, ANOTHER)
    assert refusal(used) == f"holds {name}, which belongs to another user; {REMOVE}"


SECOND = """
import sys
from pathlib import Path
from tests.backfill.test_state import refusal

print(refusal(Path(sys.argv[1])))
"""


def test_a_second_run_at_the_same_time_is_refused(used):
    why = (
        f"holds {FILE}, which another run is using; let it end, or give each its own `output-path`"
    )
    with opened(used):
        assert refusal(used) == why
        assert run(SECOND, used) == f"{why}\n"
    with opened(used) as state:
        assert state.resumed is True


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    assert refusal(tmp_path / "none") == (
        "cannot be written: No such file or directory; let the step's user write there"
    )


@pytest.mark.parametrize(
    ("statement", "foreign", "known"),
    [
        # (page, note, left to send, delivered)
        ("UPDATE facts SET value = x'00' WHERE kind = 'page'", 1, (None, "text", [2], 1)),
        ("UPDATE facts SET value = 'x' WHERE name = 'note'", 1, ([1], None, [2], 1)),
        ("UPDATE facts SET mac = NULL WHERE name = 'note'", 1, ([1], None, [2], 1)),
        ("UPDATE facts SET mac = 'text' WHERE name = 'note'", 1, ([1], None, [2], 1)),
        ("UPDATE facts SET name = 'other' WHERE name = 'note'", 1, ([1], None, [2], 1)),
        ("UPDATE facts SET kind = 'page', name = 'x' WHERE name = 'note'", 1, ([1], None, [2], 1)),
        ("INSERT INTO facts VALUES ('page', 'x', x'00', x'00')", 1, ([1], "text", [2], 1)),
        ("INSERT INTO facts VALUES (NULL, NULL, NULL, NULL)", 1, ([1], "text", [2], 1)),
        ("INSERT INTO facts VALUES ('run', 'finished', 'yes', x'00')", 1, ([1], "text", [2], 1)),
        ("UPDATE outbox SET body = x'7b7d' WHERE place = 2", 1, ([1], "text", [], 1)),
        ("UPDATE outbox SET status = 'delivered' WHERE place = 2", 1, ([1], "text", [], 1)),
        ("UPDATE outbox SET place = '2' WHERE place = 2", 1, ([1], "text", [], 1)),
        ("UPDATE outbox SET place = 2.0 WHERE place = 2", 1, ([1], "text", [], 1)),
        ("UPDATE outbox SET message = 'x' WHERE place = 1", 1, ([1], "text", [2], 0)),
        ("UPDATE outbox SET backend = 'Datadog'", 2, ([1], "text", [], 0)),
        # Rows of a backend that this run has no key for are nobody's yet, and count nowhere.
        ("UPDATE outbox SET backend = 'Other'", 0, ([1], "text", [], 0)),
        ("UPDATE outbox SET backend = NULL", 0, ([1], "text", [], 0)),
        # Without its plan nothing of the run is known, but for what was delivered.
        ("UPDATE facts SET value = 'x' WHERE name = 'plan'", 4, (None, None, [], 0)),
        ("DELETE FROM facts WHERE name = 'plan'", 3, (None, None, [], 0)),
        ("UPDATE facts SET value = 'x' WHERE kind = 'run' AND name = 'name'", 1, (None,) * 2),
    ],
)
def test_a_row_that_somebody_else_wrote_is_as_good_as_none(used, statement, foreign, known):
    edited(used, (statement,))
    with opened(used) as state:
        assert state.foreign == foreign
        assert bool(state.lost) <= bool(state.foreign)
        delivered = tallied(state).get(("DX", "delivered"), 0)
        found = (state.get("page"), state.note("note"), pending(state), delivered)
        assert found[: len(known)] == known
    with opened(used) as state:
        assert state.foreign == 0


def test_a_stranger_cannot_mark_reports_as_sent_nor_have_any_sent(tmp_path):
    """The stranger's file is a whole one, under keys of the stranger's own."""
    with opened(tmp_path, keys={"DX": b"guess", "Datadog": b"guess"}) as state:
        state.put("page", ["planted"])
        add(state, 1, 2, 3)
        settle(state, 1)
    with opened(tmp_path) as state:
        assert (state.resumed, state.foreign, state.lost) == (False, 6, ("DX",))
        assert (state.get("page"), state.tallies()) == (None, ())
        add(state, 1)
        assert pending(state) == [1]


def test_one_key_does_not_sign_for_another_backend(tmp_path):
    with opened(tmp_path, keys={"Datadog": KEYS["DX"], "DX": KEYS["Datadog"]}) as state:
        add(state, 1)
        add(state, 1, backend=DATADOG)
    with opened(tmp_path) as state:
        assert (state.resumed, state.foreign, state.waiting()) == (False, 4, 0)
        assert {*state.lost} == {"DX", "Datadog"}


def test_what_one_backend_has_is_known_although_the_key_of_the_other_is_new(tmp_path):
    with opened(tmp_path) as state:
        add(state, 1, 2)
        settle(state, 1)
    with opened(tmp_path, keys={**KEYS, "Datadog": b"new"}) as state:
        assert (state.resumed, state.foreign, state.lost) == (False, 2, ())
        add(state, 1, 2)
        assert pending(state) == [2]


def test_what_a_backend_has_is_known_after_a_run_that_did_not_tell_it(tmp_path):
    with opened(tmp_path) as state:
        add(state, 1, 2)
        settle(state, 1)
        state.finish()
    with opened(tmp_path, keys={"Datadog": KEYS["Datadog"]}) as state:
        assert (state.resumed, state.tallies(), state.waiting()) == (False, (), 0)
        state.finish()
    with opened(tmp_path) as state:
        add(state, 1, 2)
        assert pending(state) == [2]


def test_a_dry_run_has_no_keys_and_a_state_all_the_same(tmp_path):
    keys = {"DX": b"", "Datadog": b""}
    with opened(tmp_path, keys=keys) as state:
        state.put("page", [1])
    with opened(tmp_path, keys=keys) as state:
        assert (state.resumed, state.foreign, state.get("page")) == (True, 0, [1])
    with opened(tmp_path) as state:
        assert (state.resumed, state.get("page")) == (False, None)


# --- when the file fails


@contextmanager
def full_disk(*, after):
    """Let no file become longer than so many bytes."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (after, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@posix_only
def test_a_full_disk_is_said_and_what_was_kept_before_is_there(tmp_path):
    with opened(tmp_path) as state:
        state.put("small", [1])

        def fill():
            for number in range(100):
                state.put(str(number), os.urandom(10_000).hex())

        with full_disk(after=100_000), pytest.raises(StateError) as caught:
            fill()
    assert str(caught.value) == (
        f"holds {FILE}, which cannot be written: disk I/O error; make room on that disk, or look"
        " after it"
    )
    with opened(tmp_path) as state:
        assert (state.resumed, state.foreign) == (True, 0)
        assert (state.get("small"), len(state.get("0"))) == ([1], 20_000)


def test_a_file_that_breaks_while_it_is_used_is_said(used):
    """It is larger than what SQLite keeps in memory."""
    with opened(used) as state:
        for number in range(100):
            state.put(str(number), os.urandom(30_000).hex())
    with opened(used) as state:
        with (used / FILE).open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * ((used / FILE).stat().st_size - 4096))

        def read_on():
            for number in range(100):
                state.get(str(number))

        with pytest.raises(StateError) as caught:
            read_on()
    assert str(caught.value) == DAMAGED


def test_only_what_this_run_signed_or_a_backend_has_is_recorded(tmp_path):
    ids = {report(number).id for number in range(5)}
    with opened(tmp_path) as state:
        add(state, 0, 1, 2)
        settle(state, 0)
        settle(state, 1, "rejected")
        assert state.unrecorded(DX, ids) == {report(3).id, report(4).id}
        state.renew()
        assert state.unrecorded(DX, ids) == {report(number).id for number in range(1, 5)}
        add(state, *range(5))
        assert state.unrecorded(DX, ids) == set()
