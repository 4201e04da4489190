"""How the tests run: few examples of each property, and coverage of the tests that need it."""

import importlib
import os
import pkgutil
import sys
from pathlib import Path

import pytest
from hypothesis import settings

import dora_deployments

pytest_plugins = ["tests.faults.plugin"]

settings.register_profile("short", max_examples=40, deadline=None)
settings.load_profile("short")

WHOLE_RUNS = Path(__file__).parent / "end_to_end"
# To make and delete a thousand git repositories takes a disk ten times as long.
MEMORY = Path("/dev/shm")
ROOM = 2 << 30

# Here, where it is measured, and not by whichever test comes first.
for module in pkgutil.walk_packages(dora_deployments.__path__, "dora_deployments."):
    importlib.import_module(module.name)


def pytest_configure(config):
    """Measure none of the processes that a test starts, and keep the tests' folders in memory.

    Such processes prove nothing more of the code, and to measure them takes a fifth of the time.
    """
    if hasattr(config, "workerinput"):  # a worker of xdist, which is measured itself
        for name in [name for name in os.environ if name.startswith("COVERAGE_PROCESS_")]:
            del os.environ[name]
    elif is_roomy(MEMORY):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def is_roomy(folder):
    """Return whether the folders of tests fit into a file system, and may hold programs there."""
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        return False
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize >= ROOM and not found.f_flag & os.ST_NOEXEC


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
