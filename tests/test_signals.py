"""The signals that cancel a job: held back, an exception once, and ignored from then on."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dora_deployments import signals
from dora_deployments.errors import Interrupted

SOURCE = Path(__file__).parent.parent / "src"
NUMBERS = (signal.SIGINT, signal.SIGTERM)
pytestmark = [
    pytest.mark.fault(100),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals"),
]


@pytest.fixture(autouse=True)
def _all_as_before():
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with signals.restored():
        yield
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_interrupts_once_and_is_ignored_from_then_on(number):
    def be_cancelled_again():
        for again in NUMBERS:
            signal.raise_signal(again)

    def run():
        with signals.interruptible():
            try:
                signal.raise_signal(number)
            finally:
                be_cancelled_again()

    with pytest.raises(Interrupted) as caught:
        run()
    be_cancelled_again()

    assert caught.value.signal_number == number


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_that_comes_after_the_run_is_ignored(number):
    with signals.interruptible():
        pass

    signal.raise_signal(number)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_that_was_held_back_interrupts_before_anything_is_done(number):
    done = []
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
    signal.raise_signal(number)

    with pytest.raises(Interrupted) as caught, signals.interruptible():
        done.append("something")

    assert caught.value.signal_number == number
    assert done == []
    signal.raise_signal(number)


def test_of_two_signals_that_were_held_back_one_interrupts():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
    for number in NUMBERS:
        signal.raise_signal(number)

    with pytest.raises(Interrupted) as caught, signals.interruptible():
        pass

    assert caught.value.signal_number in NUMBERS


def test_what_is_raised_within_goes_through():
    with pytest.raises(KeyError), signals.interruptible():
        raise KeyError

    signal.raise_signal(signal.SIGTERM)


@pytest.mark.parametrize("error", [None, KeyError])
def test_the_handling_is_restored_however_the_run_ends(error):
    before = [signal.getsignal(number) for number in NUMBERS]
    try:
        with signals.restored(), signals.interruptible():
            if error is not None:
                raise error
    except KeyError:
        pass

    assert [signal.getsignal(number) for number in NUMBERS] == before


def said(*lines):
    """Return what a process of its own prints and how it ends."""
    finished = subprocess.run(
        [sys.executable, "-c", "\n".join(["import os, signal", *lines])],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return finished.stdout, finished.stderr, finished.returncode


RUN = (
    "from dora_deployments import errors, signals",
    "try:",
    "    with signals.interruptible():",
    "        print('in', flush=True)",
    "        os.kill(os.getpid(), number)",
    "        print('not reached')",
    "except errors.Interrupted as interrupt:",
    "    print(interrupt.signal_number == number)",
)


def test_a_system_that_cannot_hold_signals_back_is_interrupted_all_the_same():
    without_mask = ("del signal.pthread_sigmask", "number = signal.SIGTERM")

    assert said(*without_mask, *RUN) == ("in\nTrue\n", "", 0)


def test_a_system_with_a_signal_of_its_own_for_it_is_interrupted_by_that_as_well():
    with_another = ("number = signal.SIGBREAK = signal.SIGUSR1",)

    assert said(*with_another, *RUN) == ("in\nTrue\n", "", 0)
