import threading
import time

import pytest

from dora_deployments.budget import Budget, side_by_side

LONG = 60.0


def test_a_budget_ends_so_many_seconds_from_now():
    before = time.monotonic()
    budget = Budget.of(LONG)
    after = time.monotonic()
    assert before + LONG <= budget.deadline <= after + LONG
    assert LONG - 5 < budget.left() <= LONG


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
    assert 0.2 <= time.monotonic() - started < 5
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
    started = time.monotonic()
    side_by_side(Budget.of(LONG), [lambda: None] * 3, 2)
    assert time.monotonic() - started < 5
