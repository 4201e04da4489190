"""Everything in the outbox is sent once, in order, and not faster than a backend takes it."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from dora_deployments import signals
from dora_deployments.backends.datadog import Datadog
from dora_deployments.backends.dx import Dx
from dora_deployments.backfill.database import StateError
from dora_deployments.backfill.sending import PACE, Clock, Rhythm, send
from dora_deployments.backfill.state import State
from dora_deployments.budget import Budget
from dora_deployments.catalogue import DX_DUPLICATE
from dora_deployments.delivery.retry import Pace
from dora_deployments.deployment import Limits
from dora_deployments.errors import Interrupted
from tests.backfill.test_state import add, fine, full_disk, id_of, pending, posix_only, request_for
from tests.delivery import tls, wire
from tests.end_to_end import receivers
from tests.end_to_end.receivers import Faulty, answer, hang

OK = {"ok": True}
ONCE = Pace(attempts=1, connect_timeout=20, read_timeout=20)
ROOT = Path(__file__).parents[2]


class Virtual:
    """A clock that goes on only while somebody waits."""

    def __init__(self):
        self.seconds = 1_000.0
        self.waits = []

    def now(self):
        return self.seconds

    def wait(self, event, seconds):
        self.waits.append(round(seconds, 3))
        self.seconds += seconds
        return event.is_set()

    @property
    def clock(self):
        return Clock(now=self.now, wait=self.wait)


def dx(url, **limits):
    return replace(wire.dx(url), limits=Limits(**limits))


def datadog(url, **limits):
    return replace(wire.datadog(url), limits=Limits(**limits))


def opened(folder):
    keys = {"DX": wire.TOKEN.encode(), "Datadog": wire.KEY.encode()}
    return State.opened(folder, plan="plan", keys=keys, check=fine, words=str)


@pytest.fixture
def state(tmp_path):
    with opened(tmp_path) as state:
        yield state


def sent(state, *backends, pace=wire.PACE, seconds=60, clock=None):
    """Send what is in the outbox; return what was said."""
    said = []
    more = () if clock is None else (clock,)
    send(state, backends, Budget.of(seconds), pace, said.append, *more)
    return said


def endings(state):
    """Return how many ended how: status, message, HTTP status, attempts."""
    return [
        (each.status, each.message, each.http_status, each.attempts, each.count)
        for each in state.tallies()
    ]


def recorded(number, attempts=None):
    return ("delivered", "recorded", 200, attempts or number, number)


def waits(number):
    return ("undelivered", "not sent before the step had to end", None, 0, number)


def ids(server):
    return [each.json["reference_id"] for each in server.received]


# --- what is sent


def test_every_backend_gets_all_of_its_reports_in_their_order(state):
    with (
        receivers.Dx(token=wire.TOKEN) as of_dx,
        receivers.Datadog(api_key=wire.KEY, status=200) as of_datadog,
    ):
        backends = (dx(of_dx.url), datadog(of_datadog.url))
        add(state, *reversed(range(30)), backend=backends[0])
        add(state, *range(5), backend=backends[1])
        assert sent(state, *backends) == []
        assert sent(state, *backends) == []
    assert ids(of_dx) == [id_of(number) for number in range(30)]
    assert [each.json["data"]["attributes"]["id"] for each in of_datadog.received] == [
        id_of(number) for number in range(5)
    ]
    assert endings(state) == [recorded(5), recorded(30)]
    assert state.waiting() == 0


def test_a_backend_that_answers_nothing_holds_up_no_other(state):
    with Faulty(hang(60)) as mute, receivers.Dx(token=wire.TOKEN) as of_dx:
        backends = (datadog(mute.url), dx(of_dx.url))
        for backend in backends:
            add(state, *range(3), backend=backend)
        pace = Pace(attempts=1, connect_timeout=20, read_timeout=0.2)
        (said,) = sent(state, *backends, pace=pace)
    why = "Datadog: no answer came in time, so the event may have arrived all the same"
    assert said == (f"Datadog: stopped, since it did not take this: {why}; 3 wait for the next run")
    assert endings(state) == [waits(2), ("undelivered", why, None, 1, 1), recorded(3)]


def test_a_connection_that_was_closed_meanwhile_loses_nothing(state):
    """The server ends each connection after one answer, and does not say so before."""
    bodies = []

    def once(connection):
        with connection.makefile("rb") as stream:
            head = b"".join(iter(stream.readline, b"\r\n"))
            length = int(head.lower().partition(b"content-length:")[2].split()[0])
            bodies.append(stream.read(length))
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"ok": true}')

    with tls.Server(once) as server:
        backend = dx(f"http://127.0.0.1:{server.port}")
        add(state, *range(20), backend=backend)
        assert sent(state, backend) == []
    assert set(bodies) == {request_for(number).body for number in range(20)}
    ((status, *_, number),) = endings(state)
    assert (status, number) == ("delivered", 20)


KILLED = """
import sys
from pathlib import Path
from tests.backfill.test_sending import add, dx, opened, sent

with opened(Path(sys.argv[1])) as state:
    backend = dx(sys.argv[2])
    add(state, *range(500), backend=backend)
    sent(state, backend)
"""


@pytest.mark.parametrize("after", [1, 150])
def test_a_run_that_was_killed_is_gone_on_with_and_nothing_is_lost_or_doubled(tmp_path, after):
    enough = threading.Event()

    class Watched(receivers.Dx):
        def _receive(self, request):
            if len(self.received) >= after:
                enough.set()
            return super()._receive(request)

    environ = {name: text for name, text in os.environ.items() if not name.startswith("COVERAGE_")}
    environ["PYTHONPATH"] = f"{ROOT / 'src'}{os.pathsep}{ROOT}"
    with Watched(token=wire.TOKEN) as server:
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path), server.url], cwd=ROOT, env=environ
        ) as process:
            assert enough.wait(60)
            process.kill()
        with opened(tmp_path) as state:
            assert state.resumed is True
            assert 0 < state.waiting() < 500
            assert sent(state, dx(server.url)) == []
            assert sum(each.count for each in state.tallies() if each.status == "delivered") == 500
    times = Counter(ids(server))
    assert times.keys() == {id_of(number) for number in range(500)}
    # The one that was on its way at the kill may have come twice: DX took both for the same.
    assert sum(times.values()) in {500, 501}
    assert {each.status for each in server.received} == {200}
    assert Counter(each.body for each in server.received).most_common(1)[0][1] <= 2


# --- how fast


def rhythm(limits, *services, seconds=0.0):
    """Return when each is sent, if each takes so many seconds."""
    now, moments, kept = 100.0, [], Rhythm(limits)
    for service in services:
        now += kept.wait(service, now)
        moments.append(round(now - 100, 3))
        now += seconds
    return moments


@pytest.mark.parametrize(
    ("limits", "seconds", "moments"),
    [
        (Limits(), 0, [0, 0, 0, 0, 0]),
        (Limits(requests_per_minute=60), 0, [0, 1, 2, 3, 4]),
        (Limits(requests_per_minute=60), 0.9, [0, 1, 2, 3, 4]),
        (Limits(requests_per_minute=60), 1.5, [0, 1.5, 3, 4.5, 6]),
        (Limits(min_spacing_seconds=1), 0, [0, 0, 1, 1, 2]),
        (Limits(min_spacing_seconds=1), 0.4, [0, 0.4, 1, 1.4, 2]),
        (Limits(min_spacing_seconds=3, requests_per_minute=60), 0, [0, 1, 3, 4, 6]),
    ],
)
def test_the_limits_are_kept_evenly(limits, seconds, moments):
    assert rhythm(limits, "a", "b", "a", "b", "a", seconds=seconds) == moments


def test_after_a_long_answer_there_is_no_burst():
    kept = Rhythm(Limits(requests_per_minute=60))
    assert [kept.wait("a", now) for now in (0, 60, 60.5, 61.5)] == [0, 0, 0.5, 0.5]


def test_dx_has_less_than_its_1000_requests_a_minute_and_datadog_a_service_a_second():
    assert Dx(url="", token="").limits == Limits(requests_per_minute=900, min_spacing_seconds=0.0)
    assert Datadog(url="", api_key="").limits == Limits(
        requests_per_minute=None, min_spacing_seconds=1.0
    )


def test_reports_go_at_the_pace_of_their_backend_and_it_is_said_how_long_it_takes(state):
    virtual = Virtual()
    with receivers.Dx(token=wire.TOKEN) as server:
        backend = dx(server.url, requests_per_minute=12)
        add(state, *range(6), backend=backend)
        assert sent(state, backend, clock=virtual.clock) == [
            "DX: sent 3 of 6, 18.0 a minute, about 10 s left",
            "DX: sent 5 of 6, 15.0 a minute, about 4 s left",
        ]
    assert virtual.waits == [0, 5, 5, 5, 5, 5]


@pytest.mark.parametrize("header", ["Retry-After", "X-RateLimit-Reset"])
def test_a_backend_that_asks_to_wait_is_waited_for(state, header):
    virtual = Virtual()
    busy = answer(429, OK, [(header, "45")])
    with Faulty(busy, busy, answer(200, OK)) as server:
        add(state, 1, 2)
        assert sent(state, dx(server.url), clock=virtual.clock) == [
            "DX: sent 1 of 2, 40.0 an hour, about 1 min 30 s left"
        ]
    assert virtual.waits == [0, 45, 45, 0]
    assert endings(state) == [recorded(2, attempts=4)]


def test_a_502_with_the_reset_of_a_limit_that_is_not_reached_stops_nothing(state):
    down = answer(502, OK, [("X-RateLimit-Remaining", "299"), ("X-RateLimit-Reset", "2900")])
    with Faulty(down, answer(200, OK)) as server:
        add(state, 1, 2)
        assert sent(state, dx(server.url)) == []
    assert endings(state) == [recorded(2, attempts=3)]


def test_a_wait_that_outlasts_the_time_is_not_begun(state):
    busy = answer(429, OK, [("Retry-After", "4000")])
    with Faulty(answer(200, OK), busy) as server:
        add(state, *range(9))
        assert sent(state, dx(server.url), clock=Virtual().clock) == []
    why = (
        "DX answered 429: too many requests; not tried again, since the wait of 4000 s would"
        " outlast `timeout`"
    )
    assert endings(state) == [waits(7), recorded(1), ("undelivered", why, 429, 1, 1)]


def test_a_backfill_tries_more_often_than_a_usual_run():
    assert Pace(attempts=20, cap=60.0) == PACE


def test_what_comes_after_an_outage_of_some_minutes_is_in_order(state):
    outage = [answer(503)] * 15
    with Faulty(answer(200, OK), *outage, answer(200, OK)) as server:
        add(state, *range(4))
        virtual = Virtual()
        send(state, [dx(server.url)], Budget.of(3_600), PACE, list, virtual.clock)
        bodies = [json.loads(each.partition(b"\r\n\r\n")[2]) for each in server.requests]
    told = [body["reference_id"] for body in bodies]
    assert told == [id_of(0), *[id_of(1)] * 16, id_of(2), id_of(3)]
    assert endings(state) == [recorded(4, attempts=19)]


# --- a backend that takes nothing


@pytest.mark.parametrize("status", [301, 307, 401, 403, 404])
def test_what_would_be_answered_to_every_other_stops_the_backend_at_once(state, status):
    with Faulty(answer(status, {"ok": False})) as server:
        add(state, *range(2_000))
        (said,) = sent(state, dx(server.url))
    assert said.startswith(f"DX: stopped, since it did not take this: DX answered {status}")
    assert said.endswith("; 1,999 wait for the next run")
    assert len(server.requests) == 1
    assert pending(state) == list(range(2_000))


def test_a_certificate_that_is_not_trusted_stops_the_backend_at_once(state):
    with tls.Https(tls.of_a_stranger()) as server:
        add(state, *range(5))
        (said,) = sent(state, dx(f"https://localhost:{server.port}"))
    assert said == (
        "DX: stopped, since it did not take this: DX: the certificate of the server is of an"
        " unknown authority; 4 wait for the next run"
    )


def answering(status, *numbers):
    """Return a server that answers these so, and the ids of all that it is told."""
    bad, told = {id_of(number) for number in numbers}, []

    def script(connection, request):
        told.append(json.loads(request.partition(b"\r\n\r\n")[2])["reference_id"])
        said = (status, {"error": "commit_sha"}) if told[-1] in bad else (200, OK)
        answer(*said)(connection, request)

    return Faulty(script), told


def test_what_was_refused_before_comes_last_and_stops_no_later_run(state):
    server, told = answering(422, *range(60), 70)
    with server:
        add(state, *range(80))
        backend = dx(server.url)
        (said,) = sent(state, backend)
        assert said.endswith("; 30 wait for the next run")
        told.clear()
        (said,) = sent(state, backend)
        assert told == [id_of(number) for number in (*range(50, 80), *range(50))]
        assert said.endswith("; 0 wait for the next run")
    assert (state.waiting(), pending(state)) == (0, [*range(60), 70])


def test_a_422_about_something_else_loses_no_body_and_is_sent_again(state):
    suspended = answer(422, {"ok": False, "error": "account_suspended"})
    known = answer(422, {"ok": False, "error": "reference_id has already been used"})
    refusal = "DX answered 422: DX refuses a value; correct what it names"
    with Faulty(suspended, answer(422, {}), known, answer(200, OK), answer(200, OK)) as server:
        add(state, *range(3))
        assert sent(state, dx(server.url)) == []
        assert [each[:2] for each in endings(state)] == [
            ("duplicate", DX_DUPLICATE.sentence),
            ("rejected", refusal),
        ]
        assert sent(state, dx(server.url)) == []
    assert server.requests[3:] == server.requests[:2]
    assert pending(state) == []


@pytest.mark.parametrize("status", [400, 413, 422])
def test_fifty_in_a_row_that_are_refused_stop_the_backend(state, status):
    bad, good = answer(status, {"error": "commit_sha"}), answer(200, OK)
    with Faulty(*[bad] * 49, good, *[bad] * 50) as server:
        add(state, *range(200))
        (said,) = sent(state, dx(server.url))
    assert said.startswith(f"DX: stopped, since it did not take 50 in a row: DX answered {status}")
    assert said.endswith("; 100 wait for the next run")
    assert len(server.requests) == 100


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_what_has_no_answer_is_sent_before_the_next_ones(state, status):
    good, bad = answer(200, OK), answer(status)
    with Faulty(good, bad, bad, good) as server:
        add(state, *range(4))
        backend, pace = dx(server.url), replace(ONCE, attempts=2, base=0.01)
        (said,) = sent(state, backend, pace=pace)
        assert said.startswith(f"DX: stopped, since it did not take this: DX answered {status}")
        assert sent(state, backend, pace=pace) == []
    assert server.requests[1] == server.requests[2] == server.requests[3]
    assert (len(server.requests), state.waiting()) == (6, 0)


def test_what_never_has_an_answer_keeps_no_others_from_being_sent(state):
    server, told = answering(500, 1, 3)
    with server:
        add(state, *range(6))
        for tried in ([0, 1], [1, 2, 3], [1, 3, 4, 5]):
            told.clear()
            sent(state, dx(server.url), pace=ONCE)
            assert told == [id_of(number) for number in tried]
    assert pending(state) == [1, 3]


def test_what_is_refused_does_not_count_as_sent(state):
    bad, good = answer(422, {"error": "commit_sha"}), answer(200, OK)
    with Faulty(bad, good, bad, good) as server:
        add(state, *range(5))
        said = sent(state, dx(server.url, requests_per_minute=6), clock=Virtual().clock)
    assert said == [
        "DX: sent 1 of 5, 6.0 a minute, about 40 s left",
        "DX: sent 1 of 5, 3.0 a minute, about 1 min 20 s left",
        "DX: sent 2 of 5, 4.0 a minute, about 45 s left",
        "DX: sent 3 of 5, 4.5 a minute, about 27 s left",
    ]


def test_it_is_known_for_which_backends_the_time_was_enough(state):
    with Faulty(hang(60)) as mute, Faulty(answer(401)) as closed:
        backends = (datadog(mute.url), dx(closed.url))
        for backend in backends:
            add(state, *range(3), backend=backend)
        pace, said = Pace(attempts=2, connect_timeout=20, read_timeout=20), []
        assert send(state, backends, Budget.of(1), pace, said.append) == ("DX",)
    with receivers.Dx(token=wire.TOKEN) as server:
        assert send(state, [dx(server.url)], Budget.of(60), pace, said.append) == ("DX",)


# --- the end


def test_what_is_on_its_way_when_the_time_is_up_is_recorded_and_the_rest_waits(state):
    with Faulty(hang(60)) as server:
        add(state, *range(4))
        assert sent(state, dx(server.url), seconds=1) == []
    why = (
        "DX: no answer came in time, so the event may have arrived all the same; not tried again,"
        " since the wait of 1 s would outlast `timeout`"
    )
    assert endings(state) == [waits(3), ("undelivered", why, None, 1, 1)]


def test_without_any_time_nothing_is_sent(state):
    with receivers.Dx(token=wire.TOKEN) as server:
        add(state, 1)
        assert sent(state, dx(server.url), seconds=0) == []
    assert (server.received, pending(state)) == ([], [1])


def cancelling(then):
    """Cancel this very process, and then go on as `then` does."""

    def script(connection, request):
        os.kill(os.getpid(), signal.SIGTERM)
        then(connection, request)

    return script


def interrupted(state, backend, **more):
    with signals.restored(), pytest.raises(Interrupted), signals.interruptible():
        sent(state, backend, **more)


@posix_only
def test_an_answer_to_what_was_on_its_way_when_the_run_was_cancelled_is_recorded(state):
    def late(connection, request):
        threading.Event().wait(0.2)
        answer(200, OK)(connection, request)

    with Faulty(answer(200, OK), cancelling(late), answer(200, OK)) as server:
        add(state, *range(5))
        interrupted(state, dx(server.url, requests_per_minute=60_000))
    assert len(server.requests) == 2
    assert endings(state) == [waits(3), recorded(2)]


@posix_only
def test_without_an_answer_it_is_recorded_that_it_may_have_arrived(state):
    with Faulty(answer(200, OK), cancelling(hang(60))) as server:
        add(state, *range(5))
        interrupted(state, dx(server.url))
        why = "no answer before the step had to end, so the event may have arrived all the same"
        assert endings(state) == [waits(3), recorded(1), ("undelivered", why, None, 1, 1)]
    assert pending(state) == [1, 2, 3, 4]


@posix_only
def test_a_wait_between_two_attempts_ends_when_the_run_is_cancelled(state):
    busy = answer(503, OK, [("Retry-After", "50")])
    with Faulty(answer(200, OK), cancelling(busy)) as server:
        add(state, *range(5))
        interrupted(state, dx(server.url))
    why = (
        "DX answered 503: the backend itself has a problem; not tried again before the step had to"
        " end"
    )
    assert endings(state) == [waits(3), recorded(1), ("undelivered", why, 503, 1, 1)]


@posix_only
def test_where_nothing_can_be_recorded_nothing_more_is_sent_and_it_is_said(state):
    numbers = count()

    def filling(connection, request):
        if next(numbers) == 3:
            limit.__enter__()
        answer(200, OK)(connection, request)

    limit = full_disk(after=0)
    with Faulty(filling) as server:
        add(state, *range(10))
        try:
            with pytest.raises(StateError, match=r"cannot be written: disk I/O error"):
                sent(state, dx(server.url))
        finally:
            limit.__exit__(None, None, None)
    assert len(server.requests) == 4


def test_where_no_thread_can_be_had_the_one_there_is_sends(state):
    before = threading.stack_size(2**46)  # more than any system has
    try:
        with wire.closed_port() as url:
            add(state, *range(4))
            (said,) = sent(state, dx(url), pace=ONCE)
    finally:
        threading.stack_size(before)
    assert said == (
        "DX: stopped, since it did not take this: DX: the connection was refused, or no way"
        " leads to the host; 4 wait for the next run"
    )


def test_a_bug_in_a_thread_is_not_swallowed(state):
    def broken(_text):
        raise NotImplementedError

    with Faulty(answer(401, OK)) as server:
        add(state, 1)
        with pytest.raises(NotImplementedError):
            send(state, [dx(server.url)], Budget.of(60), wire.PACE, broken)
