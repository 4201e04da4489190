"""A pytest plugin that runs the properties of the suite alone, each with many examples.

`pytest -p tests.fuzz.long --examples 3000 --least 100000`. It counts the examples that were
valid, and fails a run of too few, whatever the tests say: a filter that lets nothing pass, or
a property that is not found any more, looks like success.
"""

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, Phase, is_hypothesis_test, settings
from hypothesis.database import DirectoryBasedExampleDatabase
from hypothesis.statistics import collector

# A property that was given fewer of the examples that it was to have ran next to nothing.
FEWEST = 0.1
EXHAUSTED = "nothing left to do"


@dataclass(slots=True, kw_only=True)
class Tally:
    """What the properties of a run came to; `examples` by the names of tests, cases apart."""

    asked: int
    least: int
    examples: Counter[str] = field(default_factory=Counter)
    exhausted: set[str] = field(default_factory=set)
    failures: int = 0

    def shortcomings(self) -> list[str]:
        """Return why the run says too little, in one sentence each."""
        found = [
            f"fuzz: {name} ran {count:,} of {self.asked:,} examples; make more of them valid"
            for name, count in sorted(self.examples.items())
            if count < self.asked * FEWEST and name not in self.exhausted
        ]
        if self.examples.total() < self.least:
            found.append(f"fuzz: fewer than {self.least:,} examples; set FUZZ_EXAMPLES higher")
        return found

    def __str__(self) -> str:
        properties = {name.partition("[")[0] for name in self.examples}
        return (
            f"fuzz: {len(properties)} properties, {self.examples.total():,} examples,"
            f" {self.failures} failures"
        )


def pytest_addoption(parser):
    group = parser.getgroup("fuzz")
    group.addoption("--examples", type=int, default=3_000, help="examples of each property")
    group.addoption("--least", type=int, default=100_000, help="examples of all that must be run")


def pytest_configure(config):
    tally = Tally(asked=config.getoption("examples"), least=config.getoption("least"))
    config.pluginmanager.register(_Long(config, tally))


class _Long:
    def __init__(self, config, tally):
        self._tally = tally
        # Tests run in the processes of xdist, if there are some, and are judged in the first.
        self._judges = not hasattr(config, "workerinput")

    def pytest_collection_modifyitems(self, config, items):
        properties = [item for item in items if is_hypothesis_test(getattr(item, "obj", None))]
        config.hook.pytest_deselected(items=[item for item in items if item not in properties])
        items[:] = properties
        for item in properties:
            self._lengthen(item)

    def _lengthen(self, item):
        # What a test asks for itself is meant for short runs: it must not win, as it would over
        # a profile. Hypothesis has no public way to say so.
        machine = getattr(item.obj, "_hypothesis_state_machine_class", None)
        owner, name = item.obj, "_hypothesis_internal_use_settings"
        if machine is not None:
            owner, name = item.cls, "settings"
        own = getattr(owner, name)
        long = settings(
            parent=own,
            max_examples=self._tally.asked,
            derandomize=False,
            deadline=None,
            print_blob=True,
            phases=tuple(Phase),
            database=DirectoryBasedExampleDatabase(".hypothesis/examples"),
            suppress_health_check={*own.suppress_health_check, HealthCheck.too_slow},
        )
        setattr(owner, name, long)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item):
        outer = collector.value
        valid, ends = 0, []

        def note(statistics):
            nonlocal valid
            ends.append(statistics.get("stopped-because"))
            for phase in Phase:
                cases = statistics.get(f"{phase.name}-phase", {}).get("test-cases", ())
                valid += sum(case["status"] == "valid" for case in cases)
            if outer is not None:
                outer(statistics)

        try:
            with collector.with_value(note):
                return (yield)
        finally:
            item.user_properties.append(("examples", valid))
            item.user_properties.append(("exhausted", ends == [EXHAUSTED]))

    def pytest_runtest_logreport(self, report):
        name = report.nodeid
        if report.failed:
            self._tally.failures += 1
        if report.when == "call":
            noted = dict(report.user_properties)
            self._tally.examples[name] += noted["examples"]
            if noted["exhausted"]:
                self._tally.exhausted.add(name)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session):
        if self._judges and self._tally.shortcomings() and not session.exitstatus:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_unconfigure(self):
        if self._judges:
            # After pytest's own last line, so that this one is the last.
            print(*self._tally.shortcomings(), self._tally, sep="\n")  # noqa: T201
