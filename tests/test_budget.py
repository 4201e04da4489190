import threading
import time

import pytest

from dora_deployments.budget import Budget, within

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
    assert within(Budget.of(LONG), lambda: value) is value


@pytest.mark.parametrize("error", [ValueError("broken"), TimeoutError("its own"), SystemExit(3)])
def test_work_that_fails_in_time_raises_what_it_raises(error):
    def work():
        raise error

    with pytest.raises(type(error)) as raised:
        within(Budget.of(LONG), work)
    assert raised.value is error


def test_work_that_outlasts_the_budget_is_left_behind_in_a_thread_that_stops_nobody():
    go_on = threading.Event()
    workers = []

    def work():
        workers.append(threading.current_thread())
        go_on.wait(LONG)

    started = time.monotonic()
    with pytest.raises(TimeoutError):
        within(Budget.of(0.05), work)
    assert 0.05 <= time.monotonic() - started < 5
    (worker,) = workers
    assert worker.daemon
    go_on.set()
    worker.join(LONG)
    assert not worker.is_alive()


def test_the_wait_is_over_as_soon_as_the_work_is():
    started = time.monotonic()
    within(Budget.of(LONG), lambda: None)
    assert time.monotonic() - started < 5
