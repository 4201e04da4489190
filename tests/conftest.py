"""How the tests run: few examples of each property, and coverage of the tests that need it."""

import sys
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = ["tests.faults.plugin"]

settings.register_profile("short", max_examples=40, deadline=None)
settings.load_profile("short")

WHOLE_RUNS = Path(__file__).parent / "end_to_end"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Measure no coverage of properties and of whole runs.

    What chance or a race reaches proves nothing of the tests that are there for it; and to
    measure doubles the time.
    """
    measured = sys.modules["coverage"].Coverage.current() if "coverage" in sys.modules else None
    if measured is None or not ("hypothesis" in item.keywords or WHOLE_RUNS in item.path.parents):
        return (yield)
    measured.stop()
    try:
        return (yield)
    finally:
        measured.start()
