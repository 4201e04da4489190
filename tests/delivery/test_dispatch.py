"""Every delivery goes out side by side with the others and alone, and has an outcome."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
import responses

from dora_deployments.budget import Budget
from dora_deployments.catalogue import (
    BROKE_OFF,
    DATADOG_LATER,
    DX_401,
    DX_403,
    DX_422,
    DX_DUPLICATE,
    DX_LONG_SHA,
    DX_MALFORMED,
    INTERNAL_ERROR,
    NO_CONNECTION,
    OUTCOME_NOT_SUPPORTED,
    PACKAGES,
    PROXY,
    SERVER_ERROR,
    STEP_ENDED,
    TOO_MANY_REQUESTS,
)
from dora_deployments.delivery import deliver
from dora_deployments.delivery.dispatch import Sender, SendResult, SendTask, unsupported
from dora_deployments.delivery.retry import Pace
from dora_deployments.delivery.session import TransportError
from dora_deployments.deployment import (
    Credential,
    Outcome,
    Request,
    Service,
    Verdict,
)
from tests.builders import deployment
from tests.delivery.wire import (
    EARLIER,
    HASTY,
    ID,
    KEY,
    PACE,
    TOKEN,
    TOUCHED,
    UNCERTAIN,
    black_hole,
    datadog,
    dispatched,
    dx,
    dying,
    endings,
    of_datadog,
    of_dx,
    outcome,
    outcomes,
    started,
)
from tests.end_to_end import receivers
from tests.end_to_end.receivers import Faulty, answer, dated, drip, hang, raw, reset

OK = {"ok": True}
RECORDED = {"data": {"id": "x"}}
NOT_SENT = "not sent before the step had to end"
UNCONNECTED = "no connection could be made before the step had to end"
TIMED_OUT = "DX: no connection could be made in time; not tried again, since the wait of"
CUT_OFF = "no answer before the step had to end, so the event may have arrived all the same"
FAILED = (
    "Datadog counts successful deployments only, and this one failed; DX counts failed ones as well"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scripted:
    """A backend that sends what a test wants and makes of the answers what it wants."""

    urls: tuple[str, ...] = ()
    verdicts: tuple[Verdict | Exception, ...] = ()
    name: str = "Scripted"

    def unsupported(self, _deployment):
        return None

    def requests(self, _deployment):
        credential = Credential(input="x-key", header="X-Key", value=KEY)
        return tuple(
            Request(method=str(place), url=url, body=b"{}", credential=credential)
            for place, url in enumerate(self.urls)
        )

    def verdict(self, method, reply):
        assert int(method) < len(self.urls)
        found = self.verdicts[int(reply.body)]
        if isinstance(found, Exception):
            raise found
        return found


def wait_until(condition):
    pause = threading.Event()
    while not condition():
        pause.wait(0.01)


def scripted(status, message, topic=None, **known):
    return Outcome(
        backend="Scripted",
        service="shop",
        id=ID,
        status=status,
        message=message,
        topic=topic,
        **known,
    )


# --- how deliveries go


def test_what_backends_cannot_be_told_is_known_before_anything_is_sent():
    shapes = [deployment(), deployment(success=False), deployment(commit_sha="a" * 64)]
    prepared = deliver.prepare(shapes, [datadog("https://a.test"), dx("https://b.test")])

    assert unsupported(prepared) == (
        of_datadog("skipped", FAILED, OUTCOME_NOT_SUPPORTED),
        of_dx(
            "skipped",
            "DX takes commit SHAs of 7 to 40 digits, and this repository has longer ones; set"
            " `attribution` to repository to report without them",
            DX_LONG_SHA,
        ),
    )


def test_both_backends_have_the_deployment():
    with receivers.Datadog(api_key=KEY) as one, receivers.Dx(token=TOKEN) as other:
        taken = outcomes([datadog(one.url), dx(other.url)])

    assert taken == (
        of_datadog(
            "delivered",
            "accepted, to be recorded later because of an incident at Datadog",
            DATADOG_LATER,
            http_status=202,
            attempts=1,
        ),
        of_dx("delivered", "recorded", http_status=200, attempts=1),
    )
    assert [received.json["data"]["attributes"]["id"] for received in one.received] == [ID]
    assert list(other.deployments) == [ID]


def test_what_a_backend_cannot_be_told_is_skipped_and_never_sent():
    with Faulty(answer(202, RECORDED)) as server:
        dispatch = dispatched(
            deliver.prepare([deployment(success=False)], [datadog(server.url)]), seconds=10
        )

    assert endings(dispatch) == (of_datadog("skipped", FAILED, OUTCOME_NOT_SUPPORTED),)
    assert server.requests == []


def test_outcomes_are_in_the_order_of_the_deliveries_and_name_their_services():
    services = [Service(identifier=name) for name in ("a", "b", "c")]
    deployments = [
        deployment(service=service, id=f"{service.identifier * 16}") for service in services
    ]
    with Faulty(hang(0.2), answer(200, OK)) as server:
        dispatch = dispatched(
            deliver.prepare(deployments, [dx(server.url)]),
            seconds=10,
            pace=Pace(base=0.01, attempts=9),
        )

    found = [(each.service, each.id, each.status) for each in endings(dispatch)]
    assert found == [
        ("a", "a" * 16, "delivered"),
        ("b", "b" * 16, "delivered"),
        ("c", "c" * 16, "delivered"),
    ]


def test_all_deliveries_are_on_their_way_at_the_same_time():
    together = threading.Barrier(6)

    def meet(connection, request):
        together.wait(timeout=20)
        answer(200, {**OK, **RECORDED})(connection, request)

    deployments = [
        deployment(service=Service(identifier=f"s{number}"), id=f"id-{number:016}")
        for number in range(3)
    ]
    with Faulty(meet) as server:
        dispatch = dispatched(
            deliver.prepare(deployments, [datadog(server.url), dx(server.url)]), seconds=20
        )

    assert [each.status for each in endings(dispatch)] == ["delivered"] * 6


@pytest.mark.fault(54)
def test_one_backend_is_done_while_the_other_still_waits_for_its_answer():
    done = threading.Event()

    def answer_late(connection, request):
        assert done.wait(timeout=20)
        answer(200, OK)(connection, request)

    with Faulty(answer_late) as slow, receivers.Datadog(api_key=KEY, status=200) as quick:
        budget = Budget.of(20)
        dispatch = started(
            deliver.prepare([deployment()], [dx(slow.url), datadog(quick.url)]), budget, PACE
        )
        # The slow one answers only once the quick one is seen to be done.
        wait_until(lambda: endings(dispatch)[1].status == "delivered")
        before = endings(dispatch)
        done.set()
        dispatch.wait(budget)

    assert before == (
        of_dx("undelivered", CUT_OFF, STEP_ENDED, attempts=1),
        of_datadog("delivered", "recorded", http_status=200, attempts=1),
    )
    assert endings(dispatch)[0] == of_dx("delivered", "recorded", http_status=200, attempts=1)


@pytest.mark.fault(54)
def test_one_backend_that_is_down_takes_nothing_from_the_other():
    with Faulty(reset()) as down, receivers.Dx(token=TOKEN) as up:
        taken = outcomes([datadog(down.url), dx(up.url)])

    assert taken == (
        of_datadog(
            "undelivered",
            f"Datadog: the connection broke off before an answer{UNCERTAIN}",
            BROKE_OFF,
            attempts=4,
        ),
        of_dx("delivered", "recorded", http_status=200, attempts=1),
    )


def test_what_trying_again_cannot_mend_is_rejected_at_once():
    assert outcome(dx("https://acme..test")) == of_dx(
        "rejected",
        "DX: its URL, or that of the proxy in HTTPS_PROXY, is unusable",
        PROXY,
        attempts=1,
    )


def test_there_may_be_nothing_to_deliver():
    dispatch = started([], Budget.of(10))
    dispatch.wait(Budget.of(10))

    assert endings(dispatch) == ()


# --- what goes first


CREATE = b"POST /api/deployments.create HTTP/1.1"
TOUCH = b"POST /api/deployments.setPullServices HTTP/1.1"


def both_kinds(*backends, services=("shop",)):
    """Return what a pull request touches, to be sent first, and a deployment of each service."""
    deployments = [deployment(service=Service(identifier=name)) for name in services]
    touched = deliver.prepare_touched(TOUCHED, backends, goes_first=True)
    return (*touched, *deliver.prepare(deployments, backends))


def kinds(server):
    return [request.partition(b"\r\n")[0] for request in server.requests]


def of_first(status, message, topic=None, **known):
    return tuple(
        replace(of_dx(status, message, topic, **known), service=name, id="")
        for name in ("shop", "cart")
    )


def test_what_goes_first_is_answered_before_the_others_of_its_backend_are_sent():
    answered = []

    def answer_late(connection, request):
        time.sleep(0.2)
        answered.append(time.monotonic())
        answer(200, OK)(connection, request)

    def note(connection, request):
        answered.append(time.monotonic())
        answer(200, OK)(connection, request)

    with Faulty(answer_late, note) as server:
        dispatch = dispatched(both_kinds(dx(server.url), services=("a", "b", "c")))
        sent = kinds(server)

    assert sent == [TOUCH, CREATE, CREATE, CREATE]
    assert answered[0] == min(answered)
    assert endings(dispatch, first=True) == of_first(
        "delivered", "recorded", http_status=200, attempts=1
    )
    assert [(each.service, each.status) for each in endings(dispatch)] == [
        ("a", "delivered"),
        ("b", "delivered"),
        ("c", "delivered"),
    ]


def test_what_goes_first_to_one_backend_holds_up_no_other():
    go_on = threading.Event()

    def answer_late(connection, request):
        assert go_on.wait(timeout=20)
        answer(200, OK)(connection, request)

    with (
        Faulty(answer_late, answer(200, OK)) as slow,
        receivers.Dx(token=TOKEN) as quick,
        receivers.Datadog(api_key=KEY, status=200) as other,
    ):
        budget = Budget.of(60)
        dispatch = started(
            both_kinds(dx(slow.url), dx(quick.url), datadog(other.url)), budget, PACE
        )
        # The slow one answers only once the others are seen to be done.
        wait_until(lambda: [each.status for each in endings(dispatch)[1:]] == ["delivered"] * 2)
        before = (endings(dispatch, first=True)[:2], endings(dispatch)[0], kinds(slow))
        go_on.set()
        dispatch.wait(budget)
        sent = kinds(slow)

    assert before == (
        of_first("undelivered", CUT_OFF, STEP_ENDED, attempts=1),
        of_dx("undelivered", NOT_SENT, STEP_ENDED),
        [TOUCH],
    )
    assert sent == [TOUCH, CREATE]
    assert endings(dispatch)[0] == of_dx("delivered", "recorded", http_status=200, attempts=1)
    assert endings(dispatch, first=True) == 2 * of_first(
        "delivered", "recorded", http_status=200, attempts=1
    )


@pytest.mark.parametrize(
    ("fault", "first"),
    [
        (
            answer(403, {"ok": False, "error": "forbidden"}),
            of_first(
                "rejected",
                "DX answered 403: the token may not do this; check the scopes of `dx-token`",
                DX_403,
                detail="forbidden",
                http_status=403,
                attempts=1,
            ),
        ),
        (
            answer(422, {"ok": False}),
            of_first(
                "rejected",
                "DX answered 422: DX refuses a value; correct what it names",
                DX_422,
                detail='{"ok": false}',
                http_status=422,
                attempts=1,
            ),
        ),
    ],
)
def test_what_goes_first_in_vain_does_not_stop_the_others(fault, first):
    with Faulty(fault, answer(200, OK)) as server:
        dispatch = dispatched(both_kinds(dx(server.url)))
        sent = kinds(server)

    assert sent == [TOUCH, CREATE]
    assert endings(dispatch, first=True) == first
    assert endings(dispatch) == (of_dx("delivered", "recorded", http_status=200, attempts=1),)


def test_what_goes_first_is_tried_again_and_the_others_wait_for_the_end_of_that():
    faults = [answer(503), reset(), answer(503), answer(500), answer(200, OK)]
    with Faulty(*faults) as server:
        dispatch = dispatched(both_kinds(dx(server.url)))
        sent = kinds(server)

    assert sent == [TOUCH, TOUCH, TOUCH, TOUCH, CREATE]
    assert endings(dispatch, first=True) == of_first(
        "undelivered",
        f"DX answered 500: the backend itself has a problem{EARLIER}",
        SERVER_ERROR,
        http_status=500,
        attempts=4,
    )
    assert endings(dispatch) == (of_dx("delivered", "recorded", http_status=200, attempts=1),)


@pytest.mark.fault(9, 10)
@pytest.mark.parametrize(
    "fault",
    [hang(60), drip(b"HTTP/1.1 200 OK\r\nX-Y: ", 0.05, [b"X"] * 1_000)],
    ids=["hang", "drip"],
)
def test_what_goes_first_and_hangs_is_waited_for_a_quarter_of_the_budget(fault):
    arrivals = []

    def note(connection, request):
        arrivals.append(time.monotonic())
        answer(200, OK)(connection, request)

    with Faulty(fault, note) as server:
        began = time.monotonic()
        dispatch = dispatched(both_kinds(dx(server.url)), seconds=4)
        first, others = endings(dispatch, first=True), endings(dispatch)
        sent = kinds(server)

    assert sent == [TOUCH, CREATE]
    assert arrivals[0] - began >= 1
    assert others == (of_dx("delivered", "recorded", http_status=200, attempts=1),)
    assert [(each.service, each.status, each.http_status, each.attempts) for each in first] == [
        ("shop", "undelivered", None, 1),
        ("cart", "undelivered", None, 1),
    ]


def test_what_goes_first_is_given_a_quarter_of_the_time_that_the_others_have():
    with responses.RequestsMock() as internet:
        for method in ("setPullServices", "create"):
            internet.post(f"https://dx.test/api/deployments.{method}", json=OK)
        pace = Pace(connect_timeout=999, read_timeout=999)
        dispatched(both_kinds(dx("https://dx.test")), seconds=60, pace=pace)
        (_, first), (_, other) = timeouts(internet)

    assert 0 < first <= 15 < other <= 60


def test_the_step_waits_for_all_but_what_goes_first():
    dispatch = Sender.of(both_kinds(dx("https://dx.test"), services=("a", "b")))
    noted = []

    class Noting(Budget):
        def wait(self, event):
            noted.append(event)
            return False

    dispatch.wait(Noting(deadline=0))

    first, *others = dispatch.tasks
    assert first.delivery.goes_first
    assert noted == [task.done for task in others]


def test_what_goes_first_has_no_second_attempt_after_its_quarter():
    later = answer(503, b"", [("Retry-After", "2")])
    with Faulty(later, answer(200, OK)) as server:
        dispatch = dispatched(both_kinds(dx(server.url)), seconds=6)
        sent = kinds(server)

    assert sent == [TOUCH, CREATE]
    (message,) = {each.message for each in endings(dispatch, first=True)}
    assert message.startswith(
        "DX answered 503: the backend itself has a problem; not tried again, since the wait of"
    )
    assert endings(dispatch) == (of_dx("delivered", "recorded", http_status=200, attempts=1),)


def test_a_mistake_of_ours_in_what_goes_first_does_not_stop_the_others():
    (first, *others) = both_kinds(dx("https://dx.test"))
    broken = replace(first, requests=(None,))
    with Faulty(answer(200, OK)) as server:
        (good,) = deliver.prepare([deployment()], [dx(server.url)])
        others = (replace(good, backend=first.backend),)
        dispatch = dispatched((broken, *others))

    assert endings(dispatch, first=True) == of_first(
        "undelivered",
        "a bug of this action stopped the delivery: AttributeError",
        INTERNAL_ERROR,
        attempts=1,
    )
    assert endings(dispatch) == (of_dx("delivered", "recorded", http_status=200, attempts=1),)


def test_what_a_pull_request_touches_has_an_outcome_for_each_service_where_it_is_all_there_is():
    with receivers.Dx(token=TOKEN) as server:
        touched = deliver.prepare_touched(TOUCHED, [dx(server.url)], goes_first=False)
        dispatch = dispatched(touched)

    assert endings(dispatch) == of_first("delivered", "recorded", http_status=200, attempts=1)
    assert endings(dispatch, first=True) == ()
    assert server.pull_services == {3_498_120_117: ["shop", "cart"]}


# --- more than one request


GOOD = Verdict(status="delivered", message="well")
KNOWN = Verdict(status="duplicate", message="known", detail="in their words", topic=DX_DUPLICATE)
BAD = Verdict(status="rejected", message="no", detail="in their words", topic=DX_403)
ODD = Verdict(status="malformed", message="odd", topic=DX_MALFORMED)


@pytest.mark.parametrize(
    ("answers", "requests", "expected"),
    [
        ([0], 0, scripted("undelivered", NOT_SENT, STEP_ENDED)),
        ([0, 0], 2, scripted("delivered", "well", http_status=200, attempts=2)),
        ([1, 0], 2, scripted("delivered", "well", http_status=200, attempts=2)),
        (
            [0, 1],
            2,
            scripted(
                "duplicate",
                "known",
                DX_DUPLICATE,
                detail="in their words",
                http_status=200,
                attempts=2,
            ),
        ),
        (
            [2, 0],
            2,
            scripted(
                "rejected", "no", DX_403, detail="in their words", http_status=200, attempts=1
            ),
        ),
        (
            [0, 3],
            2,
            scripted("undelivered", "odd", DX_MALFORMED, detail="3", http_status=200, attempts=5),
        ),
        (
            [3, 3, 3, 3, 0],
            2,
            scripted("undelivered", "odd", DX_MALFORMED, detail="3", http_status=200, attempts=4),
        ),
        (
            [3, 3, 3, 0, 3, 3, 3, 1],
            2,
            scripted(
                "duplicate",
                "known",
                DX_DUPLICATE,
                detail="in their words",
                http_status=200,
                attempts=8,
            ),
        ),
    ],
)
def test_requests_go_one_after_the_other_until_one_fails(answers, requests, expected):
    with Faulty(*(answer(200, str(number).encode()) for number in answers)) as server:
        backend = Scripted(urls=(server.url,) * requests, verdicts=(GOOD, KNOWN, BAD, ODD))

        assert outcome(backend) == expected
        assert len(server.requests) == expected.attempts


def test_every_attempt_is_made_on_a_connection_of_its_own_and_without_cookies():
    length = b"Content-Length: 0\r\nSet-Cookie: a=b\r\n\r\n"

    def answer_and_stay(connection, _request):
        # Kept open, so that a second request could come, and would have no answer.
        connection.sendall(b"HTTP/1.1 503 Service Unavailable\r\n" + length)
        connection.recv(1)

    with Faulty(answer_and_stay, answer_and_stay, answer(200, OK)) as server:
        taken = outcome(dx(server.url))

    assert taken == of_dx("delivered", "recorded", http_status=200, attempts=3)
    assert server.requests == [server.requests[0]] * 3
    assert b"cookie" not in server.requests[0].lower()


def test_a_mistake_of_ours_in_one_delivery_stops_neither_it_without_a_word_nor_the_others():
    with Faulty(answer(200, b"0")) as server, receivers.Dx(token=TOKEN) as receiver:
        broken = Scripted(urls=(server.url,), verdicts=(KeyError(KEY),))
        taken = outcomes([broken, dx(receiver.url)])

    assert taken == (
        scripted(
            "undelivered",
            "a bug of this action stopped the delivery: KeyError",
            INTERNAL_ERROR,
            http_status=200,
            attempts=1,
        ),
        of_dx("delivered", "recorded", http_status=200, attempts=1),
    )


# --- doubt

REFUSAL = (
    "DX answered 401: the token is not valid; check `dx-token`, and that `dx-instance` is where it"
    " was made"
)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        pytest.param(
            [hang(60), answer(401, b"no")],
            of_dx(
                "rejected",
                f"{REFUSAL}{EARLIER}",
                DX_401,
                detail="no",
                http_status=401,
                attempts=2,
            ),
            id="hang, 401",
        ),
        pytest.param(
            [reset(), answer(503, b"no", [("Retry-After", "60")])],
            of_dx(
                "undelivered",
                f"DX answered 503: the backend itself has a problem{EARLIER}; not tried again,"
                " since the wait of 60 s would outlast `timeout`",
                SERVER_ERROR,
                detail="no",
                http_status=503,
                attempts=2,
            ),
            id="reset, 503 with a long wait",
        ),
        pytest.param(
            [reset(), answer(200, b"?")],
            of_dx(
                "undelivered",
                "DX answered 200 without saying ok: the answer is not the documented"
                f" JSON{EARLIER}",
                DX_MALFORMED,
                detail="?",
                http_status=200,
                attempts=4,
            ),
            id="reset, odd answers",
        ),
        pytest.param(
            [answer(503, b"no"), reset()],
            of_dx(
                "undelivered",
                f"DX: the connection broke off before an answer{UNCERTAIN}",
                BROKE_OFF,
                attempts=4,
            ),
            id="the last one says so itself",
        ),
        pytest.param(
            [reset(), answer(200, OK)],
            of_dx("delivered", "recorded", http_status=200, attempts=2),
            id="recorded after all",
        ),
    ],
)
def test_that_an_earlier_attempt_may_have_arrived_is_said_until_it_is_known(answers, expected):
    with Faulty(*answers) as server:
        taken = outcome(dx(server.url), pace=HASTY)

    assert taken == expected
    assert server.requests == [server.requests[0]] * expected.attempts


def test_that_an_earlier_attempt_may_have_arrived_is_said_where_the_server_is_gone_since():
    with dying() as url:
        taken = outcome(datadog(url), pace=HASTY)

    assert taken == of_datadog(
        "undelivered",
        f"Datadog: the connection was refused, or no way leads to the host{EARLIER}",
        NO_CONNECTION,
        attempts=4,
    )


def test_a_mistake_of_ours_after_an_attempt_that_may_have_arrived_says_that_too():
    with Faulty(reset(), answer(200, b"0")) as server:
        broken = Scripted(urls=(server.url,), verdicts=(KeyError(KEY),))
        (taken,) = outcomes([broken])

    assert taken == scripted(
        "undelivered",
        f"a bug of this action stopped the delivery: KeyError{EARLIER}",
        INTERNAL_ERROR,
        http_status=200,
        attempts=2,
    )


def test_the_doubt_about_a_request_ends_with_its_record_and_is_not_that_of_the_next():
    with Faulty(reset(), answer(200, b"0"), answer(200, b"2")) as server:
        backend = Scripted(urls=(server.url,) * 2, verdicts=(GOOD, KNOWN, BAD, ODD))
        (taken,) = outcomes([backend])

    assert taken == scripted(
        "rejected", "no", DX_403, detail="in their words", http_status=200, attempts=3
    )


# --- time


@pytest.mark.fault(45)
def test_as_long_as_the_server_asks_is_waited_before_the_next_attempt():
    arrivals = []

    def note(script):
        def noted(connection, request):
            arrivals.append(time.monotonic())
            script(connection, request)

        return noted

    with Faulty(note(answer(503, b"", [("Retry-After", "1")])), note(answer(200, OK))) as server:
        taken = outcome(dx(server.url))

    assert taken == of_dx("delivered", "recorded", http_status=200, attempts=2)
    assert arrivals[1] - arrivals[0] >= 1


@pytest.mark.fault(9, 10, 11, 54)
@pytest.mark.threat(13)
def test_what_hangs_or_drips_is_cut_off_by_the_budget_and_holds_up_nobody():
    byte_by_byte = [b"X"] * 1_000
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"
    with (
        Faulty(drip(b"HTTP/1.1 200 OK\r\nX-Y: ", 0.05, byte_by_byte)) as headers,
        Faulty(drip(head, 0.05, byte_by_byte)) as body,
        Faulty(drip(b"", 0.05, [b"HTTP/1.1 100 Continue\r\n\r\n"] * 1_000)) as interim,
        Faulty(answer(503), drip(b"", 0.05, byte_by_byte)) as second_time,
        Faulty(hang(60)) as silence,
        receivers.Datadog(api_key=KEY, status=200) as receiver,
    ):
        servers = (headers, body, interim, second_time, silence)
        *slow, silent, good = outcomes(
            [*(dx(each.url) for each in servers), datadog(receiver.url)], seconds=1
        )
        sent = [len(each.requests) for each in servers]

    assert slow == [
        *[of_dx("undelivered", CUT_OFF, STEP_ENDED, attempts=1)] * 3,
        # No answer came to the last attempt, so the status of an earlier one says nothing.
        of_dx("undelivered", CUT_OFF, STEP_ENDED, attempts=2),
    ]
    # The time-out of its socket ends together with the budget: either may be first.
    assert (silent.status, silent.http_status, silent.attempts) == ("undelivered", None, 1)
    assert silent.message == CUT_OFF or silent.message.startswith(
        f"DX: no answer came in time{UNCERTAIN}; not tried again, since the wait of"
    )
    assert good == of_datadog("delivered", "recorded", http_status=200, attempts=1)
    assert sent == [1, 1, 1, 2, 1]


@pytest.mark.fault(3, 9)
def test_a_step_that_ends_while_it_connects_says_that_nothing_arrived():
    pace = Pace(connect_timeout=60, read_timeout=60)
    with black_hole() as hole:
        taken = outcome(dx(hole), seconds=0.5, pace=pace)

    # The time-out of its socket ends together with the budget: either may be first.
    assert (taken.status, taken.attempts) == ("undelivered", 1)
    assert taken.message == UNCONNECTED or taken.message.startswith(TIMED_OUT)
    assert taken.topic in {STEP_ENDED, NO_CONNECTION}


def test_a_step_that_ends_while_it_connects_again_says_that_the_first_attempt_may_have_arrived():
    (delivery,) = deliver.prepare([deployment()], [dx("https://dx.test")])
    again = threading.Event()

    def post(_request, _timeout, connecting):
        if not again.is_set():
            again.set()
            raise TransportError("lost", BROKE_OFF, ambiguous=True)
        connecting.set()
        raise KeyboardInterrupt

    task = SendTask(delivery, sleep=str, post=post)
    with pytest.raises(KeyboardInterrupt):
        task.run(Budget.of(60), replace(PACE, base=0), (), Budget.of(60))

    assert task.ended().outcome == of_dx("undelivered", CUT_OFF, STEP_ENDED, attempts=2)


@pytest.mark.fault(11)
def test_an_answer_that_drips_but_ends_within_the_budget_is_an_answer():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n"
    with Faulty(drip(head, 0.02, [b'{"ok"', b": tr", b"ue}"])) as server:
        assert outcome(dx(server.url)) == of_dx(
            "delivered", "recorded", http_status=200, attempts=1
        )


def test_waiting_ends_with_the_budget_that_it_is_given():
    with Faulty(hang(60)) as server:
        dispatch = started(
            deliver.prepare([deployment()], [dx(server.url)] * 5), Budget.of(60), PACE
        )
        began = time.monotonic()
        dispatch.wait(Budget.of(0.2))
        took = time.monotonic() - began

    assert took >= 0.2
    assert [each.status for each in endings(dispatch)] == ["undelivered"] * 5


@pytest.mark.threat(13)
def test_no_thread_holds_up_the_end_of_the_process():
    before = set(threading.enumerate())
    with Faulty(hang(60)) as server:
        started(deliver.prepare([deployment()], [dx(server.url)]), Budget.of(60))
        wait_until(lambda: server.requests)
        senders = [
            thread
            for thread in set(threading.enumerate()) - before
            if thread.name.endswith("(work)")
        ]

    assert [thread.daemon for thread in senders] == [True]


def timeouts(internet):
    # A delivery that another test cut off may still be trying elsewhere.
    ours = [call.request for call in internet.calls if call.request.url.startswith("https://dx.")]
    return [request.req_kwargs["timeout"] for request in ours]


@pytest.mark.parametrize(
    ("seconds", "pace", "timeout"),
    [
        (60, Pace(), (5.0, 20.0)),
        (60, None, (5.0, 20.0)),
        (60, Pace(connect_timeout=1, read_timeout=2), (1, 2)),
    ],
)
def test_an_attempt_has_the_time_of_its_pace_but_no_more_than_is_left(seconds, pace, timeout):
    with responses.RequestsMock() as internet:
        internet.post("https://dx.test/api/deployments.create", json=OK)
        dispatch = started(
            deliver.prepare([deployment()], [dx("https://dx.test")]), Budget.of(seconds), pace
        )
        dispatch.wait(Budget.of(10))
        given = timeouts(internet)

    assert given == [timeout]
    assert endings(dispatch) == (of_dx("delivered", "recorded", http_status=200, attempts=1),)


def test_an_attempt_near_the_end_has_what_is_left():
    with responses.RequestsMock() as internet:
        internet.post("https://dx.test/api/deployments.create", json=OK)
        outcome(dx("https://dx.test"), seconds=3, pace=Pace(connect_timeout=60, read_timeout=60))
        ((connect, read),) = timeouts(internet)

    assert connect == read
    assert 0.1 < read <= 3


@pytest.mark.parametrize("seconds", [0, -5])
def test_nothing_is_sent_once_the_budget_is_used_up(seconds):
    with responses.RequestsMock() as internet:
        dispatch = started(
            deliver.prepare([deployment()], [dx("https://dx.test")]), Budget.of(seconds), Pace()
        )
        dispatch.wait(Budget.of(0.3))
        sent = timeouts(internet)

    assert endings(dispatch) == (of_dx("undelivered", NOT_SENT, STEP_ENDED),)
    assert sent == []


def test_a_wait_is_told_in_whole_seconds_rounded_up():
    with Faulty(answer(503)) as server:
        dispatch = started(
            deliver.prepare([deployment()], [dx(server.url)]),
            Budget.of(0.2),
            Pace(base=0.4, cap=0.4, attempts=99),
        )
        dispatch.wait(Budget.of(10))

    assert endings(dispatch)[0].message == (
        "DX answered 503: the backend itself has a problem; not tried again, since the wait of 1 s"
        " would outlast `timeout`"
    )


@pytest.mark.fault(44)
def test_waits_are_random():
    with Faulty(answer(503)) as server:
        dispatch = dispatched(
            many(20, dx(server.url)), seconds=5, pace=replace(PACE, base=9_000, cap=9_000)
        )

    waits = {re.search("the wait of ([0-9]+) s", each.message)[1] for each in endings(dispatch)}
    assert len(waits) > 10
    assert all(1 <= int(wait) <= 9_000 for wait in waits)


# --- how far the clocks are apart


HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.mark.fault(105)
@pytest.mark.parametrize(
    ("scripts", "skew"),
    [
        ([dated(timedelta(), 200, OK)], timedelta()),
        ([dated(HOUR, 200, OK)], -HOUR),
        ([dated(-HOUR, 200, OK)], HOUR),
        ([dated(HOUR, 403)], -HOUR),
        # The last answer counts, and one that was not given takes nothing back.
        ([dated(HOUR, 503), dated(-HOUR, 200, OK)], HOUR),
        ([dated(HOUR, 503), reset()], -HOUR),
        ([reset()], timedelta()),
    ],
)
def test_an_answer_tells_how_far_ahead_the_clock_here_is(scripts, skew):
    with Faulty(*scripts) as server:
        dispatch = dispatched(deliver.prepare([deployment()], [dx(server.url)]))
    (ended,) = dispatch.ended()

    assert skew - MINUTE < ended.skew < skew + MINUTE


@pytest.mark.parametrize("headers", [[], [("Date", "yesterday")], [("Date", "")]])
def test_an_answer_without_a_usable_date_tells_nothing_of_the_clock(headers):
    with Faulty(answer(200, OK, headers)) as server:
        dispatch = dispatched(deliver.prepare([deployment()], [dx(server.url)]))

    assert [ended.skew for ended in dispatch.ended()] == [timedelta()]


# --- what is known of deliveries that have not ended


@pytest.mark.fault(100)
def test_what_was_never_started_was_not_sent():
    shapes = [deployment(), deployment(success=False)]
    deliveries = deliver.prepare(shapes, [datadog("https://a.test")])

    assert endings(Sender.of(iter(deliveries))) == (
        of_datadog("undelivered", NOT_SENT, STEP_ENDED),
        of_datadog("skipped", FAILED, OUTCOME_NOT_SUPPORTED),
    )


@pytest.mark.fault(100)
@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (
            [answer(503, b"no", [("Retry-After", "25")])],
            of_dx(
                "undelivered",
                "DX answered 503: the backend itself has a problem; not tried again before the"
                " step had to end",
                SERVER_ERROR,
                detail="no",
                http_status=503,
                attempts=1,
            ),
        ),
        (
            [reset(), answer(429, b"", [("X-RateLimit-Reset", "25")])],
            of_dx(
                "undelivered",
                f"DX answered 429: too many requests{EARLIER}; not tried again before the step had"
                " to end",
                TOO_MANY_REQUESTS,
                http_status=429,
                attempts=2,
            ),
        ),
    ],
)
def test_what_waits_for_its_next_attempt_keeps_the_answer_to_the_last_one(answers, expected):
    with Faulty(*answers) as server:
        dispatch = started(
            deliver.prepare([deployment()], [dx(server.url)]),
            Budget.of(60),
            replace(PACE, attempts=expected.attempts + 1),
        )
        wait_until(lambda: endings(dispatch)[0].http_status == expected.http_status)
        wait_until(lambda: endings(dispatch)[0].message != CUT_OFF)
        dispatch.wait(Budget.of(0.1))

    assert endings(dispatch) == (expected,)


def test_what_is_given_up_is_undelivered_for_that_reason_if_it_could_be_told_at_all():
    shapes = [deployment(), deployment(success=False)]
    dispatch = Sender.of(deliver.prepare(shapes, [datadog("https://a.test")]))

    dispatch.give_up("not sent, since it rains", PACKAGES)
    dispatch.wait(Budget.of(60))

    assert endings(dispatch) == (
        of_datadog("undelivered", "not sent, since it rains", PACKAGES),
        of_datadog("skipped", FAILED, OUTCOME_NOT_SUPPORTED),
    )


@pytest.mark.parametrize(
    ("status", "is_recorded", "is_missing"),
    [
        ("delivered", True, False),
        ("duplicate", True, False),
        ("rejected", False, True),
        ("undelivered", False, True),
        ("skipped", False, False),
    ],
)
def test_what_a_backend_has_is_recorded_and_what_it_could_have_is_missing(
    status, is_recorded, is_missing
):
    (delivery,) = deliver.prepare([deployment()], [dx("https://b.test")])
    first = of_dx(status, "so it went")
    ended = SendResult(delivery=delivery, outcomes=(first, replace(first, service="cart")))

    assert ended.outcome == first
    assert (first.is_recorded, first.is_missing) == (is_recorded, is_missing)


# --- many at once, and too few threads


def many(count, *backends):
    """Return deliveries of `count` services to each of the backends."""
    return deliver.prepare(
        [
            deployment(service=Service(identifier=f"s{number}"), id=f"id-{number:016}")
            for number in range(count)
        ],
        backends,
    )


@pytest.mark.fault(54)
@pytest.mark.threat(13)
def test_a_backend_that_hangs_with_many_deliveries_takes_no_thread_of_another():
    with Faulty(hang(60)) as hanging, Faulty(answer(200, RECORDED)) as quick:
        dispatch = started(
            (*many(150, dx(hanging.url)), *many(150, datadog(quick.url))), Budget.of(60)
        )
        # Those of the quick one were begun last, and end all the same.
        wait_until(lambda: {each.status for each in endings(dispatch)[150:]} == {"delivered"})
        wait_until(lambda: len(hanging.requests) == 150)
        taken = Counter(
            (each.backend, each.status, each.message, each.attempts) for each in endings(dispatch)
        )
        sent = (len(hanging.requests), len(quick.requests))

    assert taken == {
        ("DX", "undelivered", CUT_OFF, 1): 150,
        ("Datadog", "delivered", "recorded", 1): 150,
    }
    assert sent == (150, 150)


@pytest.mark.threat(13)
def test_a_hundred_services_that_stall_keep_no_others_of_their_backend_from_being_sent():
    stalling = {f"s{number}" for number in range(100)}

    def script(connection, request):
        body = json.loads(request.partition(b"\r\n\r\n")[2])
        held = body["service"]["identifier"] in stalling
        (hang(60) if held else answer(200, OK))(connection, request)

    with Faulty(script) as server:
        dispatch = started(many(250, dx(server.url)), Budget.of(60))
        wait_until(lambda: {each.status for each in endings(dispatch)[100:]} == {"delivered"})
        taken = [(each.status, each.attempts) for each in endings(dispatch)]

    assert taken == [("undelivered", 1)] * 100 + [("delivered", 1)] * 150


def test_a_hundred_deliveries_to_one_backend_are_on_their_way_at_the_same_time():
    together = threading.Barrier(100)

    def meet(connection, request):
        together.wait(timeout=50)
        answer(200, OK)(connection, request)

    with Faulty(*[meet] * 100, answer(200, OK)) as server:
        dispatch = dispatched(many(250, dx(server.url)), seconds=60)

    assert {each.status for each in endings(dispatch)} == {"delivered"}
    assert [each.service for each in endings(dispatch)] == [f"s{n}" for n in range(250)]
    assert len({request.partition(b"\r\n\r\n")[2] for request in server.requests}) == 250


@pytest.mark.threat(13)
def test_where_no_thread_can_be_had_every_delivery_is_given_up_at_once():
    backends = (dx("https://a.test"), datadog("https://b.test"))
    deliveries = both_kinds(*backends)
    before = threading.stack_size(2**46)  # more than any system has
    try:
        dispatch = started(deliveries, Budget.of(60))
    finally:
        threading.stack_size(before)
    dispatch.wait(Budget.of(60))

    no_thread = "not sent, since the system had no thread left to do it"
    assert endings(dispatch, first=True) == of_first("undelivered", no_thread, STEP_ENDED)
    assert endings(dispatch) == (
        of_dx("undelivered", no_thread, STEP_ENDED),
        of_datadog("undelivered", no_thread, STEP_ENDED),
    )


FEW_THREADS = """
import resource, sys, threading
from tests.delivery import test_dispatch, wire
deliveries = test_dispatch.many(8, wire.dx(sys.argv[1]))
size = 2 ** 29
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 5 * size // 2, -1))
threading.stack_size(size)
dispatch = wire.dispatched(deliveries)
print([each.status for each in wire.endings(dispatch)] == ["delivered"] * 8)
"""


@pytest.mark.threat(13)
@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit of the address space")
def test_the_threads_that_can_be_had_send_what_the_others_would_have_sent():
    # At most two threads: were there a third, the server would see three at once.
    lock, now, most = threading.Lock(), 0, 0

    def count(connection, request):
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.1)
        with lock:
            now -= 1
        answer(200, OK)(connection, request)

    root = Path(__file__).parent.parent.parent
    with Faulty(count) as server:
        process = subprocess.run(
            [sys.executable, "-c", FEW_THREADS, server.url],
            env={"PYTHONPATH": os.pathsep.join([str(root / "src"), str(root)])},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        sent = len(server.requests)

    assert (process.stdout, process.stderr) == ("True\n", "")
    assert (sent, 1 <= most <= 2) == (8, True)


# --- secrets


@pytest.mark.threat(4)
def test_no_repr_of_anything_on_its_way_shows_a_key():
    with Faulty(raw(b"")) as server:
        backends = (datadog(server.url), dx(server.url))
        budget = Budget.of(10)
        deliveries = deliver.prepare([deployment()], backends)
        dispatch = started(deliveries, budget, PACE)
        dispatch.wait(budget)

    assert isinstance(dispatch, Sender)
    shown = repr((deliveries, dispatch, dispatch.tasks, endings(dispatch)))
    assert KEY not in shown
    assert TOKEN not in shown
