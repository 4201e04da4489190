import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from dora_deployments.budget import Budget, NoThreadError, side_by_side

LONG = 60.0


def test_a_budget_ends_so_many_seconds_from_now():
    before = time.monotonic()
    budget = Budget.of(LONG)
    after = time.monotonic()
    assert before + LONG <= budget.deadline <= after + LONG
    before = time.monotonic()
    left = budget.left()
    assert budget.deadline - time.monotonic() <= left <= budget.deadline - before


def test_nothing_is_left_of_a_budget_that_has_ended():
    assert Budget.of(0).left() == 0.0
    assert Budget.of(-LONG).left() == 0.0


def test_a_capped_budget_ends_with_its_cap_if_that_is_sooner():
    budget = Budget.of(LONG)
    assert budget.capped(LONG + 1) == budget
    before = time.monotonic()
    capped = budget.capped(1)
    assert before + 1 <= capped.deadline <= time.monotonic() + 1


def test_a_budget_that_has_ended_is_not_brought_back_by_a_cap():
    ended = Budget.of(-LONG)
    assert ended.capped(1) == ended


@pytest.mark.parametrize("value", ["done", None, False])
def test_work_that_is_done_in_time_returns_what_it_returns(value):
    (result,) = side_by_side(Budget.of(LONG), [lambda: value], 1)
    assert result is value


def test_there_may_be_no_work():
    assert side_by_side(Budget.of(LONG), [], 10) == []


@pytest.mark.parametrize("error", [ValueError("broken"), TimeoutError("its own")])
def test_what_work_raises_in_time_is_returned_and_stops_no_other(error):
    def work():
        raise error

    first, second, third = side_by_side(Budget.of(LONG), [lambda: 1, work, lambda: 3], 1)
    assert (first, third) == (1, 3)
    assert second is error


def test_results_are_in_the_order_of_the_works_whichever_is_done_first():
    last_is_done = threading.Event()

    def first():
        assert last_is_done.wait(LONG)
        return "first"

    def last():
        last_is_done.set()
        return "last"

    assert side_by_side(Budget.of(LONG), [first, lambda: "middle", last], 3) == [
        "first",
        "middle",
        "last",
    ]


@pytest.mark.parametrize(("works", "width"), [(1, 1), (7, 1), (7, 3), (7, 7), (3, 10)])
def test_as_many_works_run_at_a_time_as_the_width_says_and_no_more(works, width):
    together = threading.Barrier(min(works, width))
    lock = threading.Lock()
    now, most = 0, 0

    def work():
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
            is_of_the_first = len(met) < together.parties
            met.append(now)
        if is_of_the_first:
            together.wait(LONG)
        with lock:
            now -= 1

    met = []
    assert side_by_side(Budget.of(LONG), [work] * works, width) == [None] * works
    assert most == min(works, width)
    assert len(met) == works


def test_work_that_outlasts_the_budget_is_left_behind_in_a_thread_that_stops_nobody():
    go_on = threading.Event()
    workers = []

    def work():
        workers.append(threading.current_thread())
        go_on.wait(LONG)

    started = time.monotonic()
    late, good = side_by_side(Budget.of(0.2), [work, lambda: "good"], 2)
    assert time.monotonic() - started >= 0.2
    assert (type(late), good) == (TimeoutError, "good")
    (worker,) = workers
    assert worker.daemon
    go_on.set()
    worker.join(LONG)
    assert not worker.is_alive()


def test_what_comes_too_late_changes_no_result():
    go_on = threading.Event()
    workers = []

    def work():
        workers.append(threading.current_thread())
        go_on.wait(LONG)
        return "late"

    results = side_by_side(Budget.of(0.3), [work], 1)
    go_on.set()
    workers[0].join(LONG)
    assert [type(result) for result in results] == [TimeoutError]


def test_nothing_is_started_once_the_budget_has_ended():
    go_on = threading.Event()
    began = []

    def work():
        began.append(threading.current_thread())
        go_on.wait(LONG)

    results = side_by_side(Budget.of(0.3), [work] * 5, 2)
    go_on.set()
    for worker in began:
        worker.join(LONG)
    assert [type(result) for result in results] == [TimeoutError] * 5
    assert len(began) == 2


def test_a_budget_without_time_starts_nothing_at_all():
    began = []
    results = side_by_side(Budget.of(0), [lambda: began.append(1)] * 3, 2)
    assert [type(result) for result in results] == [TimeoutError] * 3
    assert began == []


def test_the_wait_is_over_as_soon_as_the_work_is():
    budget = Budget.of(LONG)
    side_by_side(budget, [lambda: None] * 3, 2)
    assert budget.left()


# --- waits that a signal ends, and threads that cannot be had


def test_a_wait_is_over_as_soon_as_the_event_is_set():
    event = threading.Event()
    threading.Timer(0.1, event.set).start()
    budget = Budget.of(LONG)
    assert budget.wait(event) is True
    assert budget.left()


def test_a_wait_ends_with_the_budget():
    started = time.monotonic()
    assert Budget.of(0.7).wait(threading.Event()) is False
    assert time.monotonic() - started >= 0.7


@pytest.mark.parametrize("is_set", [True, False])
def test_without_time_a_wait_still_tells_whether_the_event_is_set(is_set):
    event = threading.Event()
    if is_set:
        event.set()
    assert Budget.of(0).wait(event) is is_set


@pytest.mark.fault(100)
def test_no_wait_for_a_lock_is_longer_than_half_a_second():
    class Recorder(threading.Event):
        def wait(self, timeout=None):
            waits.append(timeout)
            return len(waits) == 4

    waits = []
    assert Budget.of(LONG).wait(Recorder()) is True
    assert waits == [0.5] * 4


def test_without_any_thread_every_work_fails_and_none_is_waited_for():
    before = threading.stack_size(2**46)  # more than any system has
    try:
        results = side_by_side(Budget.of(LONG), [lambda: 1, lambda: 2], 2)
    finally:
        threading.stack_size(before)
    assert [type(result) for result in results] == [NoThreadError] * 2


_TWO_THREADS = """
import resource, threading
from dora_deployments.budget import Budget, side_by_side
size = 2 ** 29
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 5 * size // 2, -1))
threading.stack_size(size)
names, go_on = set(), threading.Event()
def work():
    names.add(threading.current_thread().name)
    go_on.wait(0.2)
    return 1
print(side_by_side(Budget.of(60), [work] * 8, 8), 1 <= len(names) <= 2)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit of the address space")
def test_the_threads_that_could_be_started_do_the_work_of_the_others():
    process = subprocess.run(
        [sys.executable, "-c", _TWO_THREADS],
        env={"PYTHONPATH": "src"},
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (process.stdout, process.stderr) == (f"{[1] * 8} True\n", "")
