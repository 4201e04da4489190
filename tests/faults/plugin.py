"""Gathers which tests prove which rows, and what the runs came to, into docs/faults.md.

`--faults=write` writes the page; `--faults=check` fails if it is out of date or if a row has
no proof. A row counts as proven if its tests pass or are skipped with a reason. Tests add to
the tally by `record_property("tally", {...})`.
"""

import re
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

from tests.faults.rows import FAULTS, THREATS

PAGE: Final = Path(__file__).parent.parent.parent / "docs" / "faults.md"
TALLY: Final = ("tried", "delivered", "saved", "refused", "lost", "leaked", "doubled")
_ROWS: Final = {"fault": FAULTS, "threat": THREATS}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--faults", choices=["write", "check"], help="write or check docs/faults.md at the end"
    )


def pytest_configure(config: pytest.Config) -> None:
    is_worker = hasattr(config, "workerinput")  # of pytest-xdist, which reports to the first
    if config.getoption("--faults") and not is_worker:
        config.pluginmanager.register(_Gatherer(write=config.getoption("--faults") == "write"))


def pytest_itemcollected(item: pytest.Item) -> None:
    for name, rows in _ROWS.items():
        for marker in item.iter_markers(name):
            for row in marker.args:
                if row not in rows:
                    raise pytest.UsageError(f"{item.nodeid}: there is no {name} {row}")
                item.user_properties.append((name, row))


class _Gatherer:
    def __init__(self, *, write: bool) -> None:
        self._write = write
        self._results: dict[tuple[str, int], dict[str, Counter[str]]] = {}
        self._tally: Counter[str] = Counter()
        self._problems: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and not (report.when == "setup" and report.skipped):
            return
        test = re.sub(r"\[.*", "", report.nodeid, flags=re.DOTALL)
        for name, value in report.user_properties:
            if name in _ROWS:
                row: Any = value
                tests = self._results.setdefault((name, row), {})
                tests.setdefault(test, Counter())[report.outcome] += 1
            elif name == "tally" and isinstance(value, dict):
                self._tally.update(value)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        for name, rows in _ROWS.items():
            for row in rows:
                outcomes = self._outcomes(name, row)
                if not outcomes["passed"] + outcomes["skipped"] or outcomes["failed"]:
                    self._problems.append(f"{name} {row} has no test that passes")
        page = _page(self._results, self._tally)
        if self._write:
            PAGE.parent.mkdir(exist_ok=True)
            PAGE.write_text(page, "utf-8")
        elif not PAGE.exists() or _tests(PAGE.read_text("utf-8")) != _tests(page):
            self._problems.append("docs/faults.md is out of date; run `make faults`")
        if self._problems and not session.exitstatus:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for problem in self._problems:
            terminalreporter.write_line(f"faults: {problem}", red=True)
        terminalreporter.write_line(f"faults: {_sum(self._tally)}")

    def _outcomes(self, name: str, row: int) -> Counter[str]:
        return sum(self._results.get((name, row), {}).values(), Counter())


def _page(results: dict[tuple[str, int], dict[str, Counter[str]]], tally: Counter[str]) -> str:
    parts = [
        "# Faults, bad input and threats\n\n",
        "Every row, what happens then, the tests that prove it, and how they ended.\n",
        "Written by `make faults`.\n\n",
        f"Whole runs of the action, with a fault in each: {_sum(tally)}.\n",
    ]
    for title, name in (("Faults and bad input", "fault"), ("Threats", "threat")):
        parts.append(f"\n## {title}\n\n| # | what | what happens | tests | result |\n")
        parts.append("|---|---|---|---|---|\n")
        for row, (what, then) in _ROWS[name].items():
            tests = results.get((name, row), {})
            links = "<br>".join(map(_link, sorted(tests)))
            total: Counter[str] = sum(tests.values(), Counter())
            result = ", ".join(f"{total[outcome]} {outcome}" for outcome in sorted(total))
            parts.append(f"| {row} | {what} | {then} | {links} | {result} |\n")
    return "".join(parts)


def _link(test: str) -> str:
    path, _, name = test.partition("::")
    words = name.removeprefix("test_").replace("_", " ")
    return f"[{words}](../{path})"


def _sum(tally: Counter[str]) -> str:
    tried, *reports = TALLY
    counts = ", ".join(f"{tally[name]:,} {name}" for name in reports)
    return f"{tally[tried]:,} faults {tried}; of the reports {counts}"


def _tests(page: str) -> str:
    """Return the page without the counts, which differ where a system cannot do something."""
    return re.sub(r"\| [^|]* \|$|^Whole runs.*$", "", page, flags=re.MULTILINE)
