"""Every change is shipped by exactly one deployment of its service, or the report leaves it open.

Random series of deployments to one environment: services with workflows of their own, a tool, smoke
tests; failures, approvals that come late or never, overtakings, rollbacks, second attempts, and
reports that come late or twice. The series keeps the truth itself: the previous deployment is the
service's last one that had succeeded before this one did.

`pytest --hypothesis-show-statistics` counts how the reports were.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from tests.end_to_end import stories
from tests.end_to_end.github.history import START, Deployment
from tests.end_to_end.makers import (
    MEANS,
    Maker,
    Means,
    Record,
    is_not_certain,
    is_right,
    land,
    right,
    told,
)
from tests.end_to_end.stories import RUN_ID, Happened, Report, Story

PULLS = 40
LATER = START + timedelta(days=2)  # than all commits
FAILURES = ("failure", "error")
STEPS = (
    *("deploy", "deploy", "deploy", "start", "finish", "finish", "rollback", "fail"),
    *("rerun", "smoke", "wait", "tell again"),
)


class Step(NamedTuple):
    """What happens next, to one of the services; the numbers choose among what there is."""

    what: str
    service: int
    ahead: int
    choice: int
    is_late: bool


a_series = given(
    means=st.lists(st.sampled_from(MEANS), min_size=1, max_size=3),
    has_tool=st.booleans(),
    steps=st.lists(
        st.builds(
            Step,
            what=st.sampled_from(STEPS),
            service=st.integers(0, 3),
            ahead=st.integers(1, 3),
            choice=st.integers(0, 9),
            is_late=st.sampled_from((False, False, False, True)),
        ),
        min_size=8,
        max_size=24,
    ),
)
few = settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    # To shrink a series takes minutes; `make fuzz` does.
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class World:
    """A story of commits alone, to which deployments are added, and its commits."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.commits = [story.history.commit(), *land(story, PULLS)]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with stories.story(tmp_path_factory.mktemp("series"), limit=10**9) as story:
        yield World(story)


@dataclass(frozen=True, slots=True, kw_only=True)
class Success:
    """A deployment that succeeded: when, by which record, and of which commit by its number."""

    at: datetime
    record: int
    commit: int

    @property
    def order(self) -> tuple[datetime, int]:
        """By when it succeeded, and by its record where that is the same."""
        return self.at, self.record


@dataclass(slots=True, kw_only=True)
class Service:
    """A service and what is true of it. `furthest` is the newest commit that it ever began with."""

    name: str
    maker: Maker
    means: Means
    furthest: int = 0
    successes: list[Success] = field(default_factory=list)
    open: list[tuple[Record, int]] = field(default_factory=list)
    ended: list[tuple[Record, int, Happened]] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Series:
    """One series, as it is told; `late` are reports that are still to come."""

    story: Story
    commits: list[str]
    services: list[Service]
    smoke: Maker
    is_known: bool
    late: list[Callable[[], None]] = field(default_factory=list)

    def start(self, service: Service, commit: int, *states: str) -> tuple[Record, int]:
        """Begin a deployment; return its record and its commit's number."""
        # A push brings a new commit. What deploys an older one again is started by hand.
        event = "push" if commit > service.furthest else "workflow_dispatch"
        service.furthest = max(service.furthest, commit)
        begun = service.maker.begin(self.commits[commit], *states, event=event), commit
        service.open.append(begun)
        return begun

    def finish(
        self, service: Service, begun: tuple[Record, int], state: str, *, is_late: bool
    ) -> None:
        """End a deployment that is open, and report it now or later."""
        service.open.remove(begun)
        record, commit = begun
        record.end(state)
        self._ended(service, record, commit, state, is_late=is_late)

    def rerun(self, service: Service, index: int) -> None:
        """Run all jobs of a run again that has ended and was reported."""
        self.report_late_ones()
        record, commit, _ = service.ended[index % len(service.ended)]
        self._ended(service, record.rerun(), commit, "success", is_late=False)

    def tell_again(self, service: Service, index: int) -> None:
        """Run the reporting job alone once more, for the last that its run has deployed."""
        self.report_late_ones()
        runs = {record.run or record.id: place for place, (record, *_) in enumerate(service.ended)}
        record, commit, happened = service.ended[[*runs.values()][index % len(runs)]]
        state = self._state(record)
        if happened.name in {"push", "workflow_dispatch"}:
            happened = happened.within(record.run, record.rerun(deploys=False).attempt)
        else:
            happened = happened.within(int(RUN_ID), 2)
        self._report(service, record, commit, happened, state, at_once=False)

    def report_late_ones(self) -> None:
        """Send the reports that are still to come, the last one first."""
        while self.late:
            self.late.pop()()

    def _ended(
        self, service: Service, record: Record, commit: int, state: str, *, is_late: bool
    ) -> None:
        if state == "success":
            at = self._first_success(record)
            service.successes.append(Success(at=at, record=record.id, commit=commit))
        happened = self._happened(service, record)
        service.ended.append((record, commit, happened))

        def report() -> None:
            self._report(service, record, commit, happened, state, at_once=not is_late)

        if is_late:
            self.late.append(report)
        else:
            report()

    def _happened(self, service: Service, record: Record) -> Happened:
        if record.run is None:
            return record.event()
        run = service.maker.runs[record.run]
        return record.event(run.event if service.means == "push" else service.means)

    def _first_success(self, record: Record | Deployment) -> datetime:
        statuses = self.story.history.deployments[record.id].statuses
        return next(each.created_at for each in statuses if each.state == "success")

    def _state(self, record: Record) -> str:
        statuses = self.story.history.deployments[record.id].statuses
        return next(each.state for each in statuses if each.state in {"success", *FAILURES})

    def _report(
        self,
        service: Service,
        record: Record,
        commit: int,
        happened: Happened,
        state: str,
        *,
        at_once: bool,
    ) -> None:
        """Report a deployment, and hold the report against the truth.

        What is reported at once by a run that is known leaves no room for doubt.
        """
        success = "true" if state == "success" else "false"
        report = told(self.story, happened, service=service.name, success=success)
        head = self.commits[commit]
        if state != "success":
            as_failed = self.story.body(
                head, by="commit", success=False, service={"identifier": service.name}
            )
            assert (report.to_dx, report.rollback) == ([as_failed], False), self._tale()
            event("failed")
            return
        as_one = None if self.is_known else self._expected_of_one_maker(service, record)
        if as_one is not None and is_right(report, as_one):
            event("as of one maker")
            return
        own = next(each for each in service.successes if each.record == record.id)
        earlier = [each for each in service.successes if each.order < own.order]
        if not earlier:
            as_first = self.story.body(head, by="commit", service={"identifier": service.name})
            assert (report.to_dx, report.rollback) == ([as_first], False), self._tale()
            event("first")
            return
        before = max(earlier, key=lambda each: each.order).commit
        expected = self._expected(service, before, commit)
        if is_right(report, expected):
            event("exact")
            return
        must_be_exact = at_once and self.is_known and record.run is not None
        is_open = is_not_certain(report, self.story, head) and not must_be_exact
        assert is_open, f"{report}\nand right is {expected}\n{self._tale()}"
        event("not certain")

    def _expected_of_one_maker(self, service: Service, record: Record) -> Report | None:
        """Return what is right if all records of its app are of one service."""
        done = sorted(
            (self._first_success(each), each.id, self.commits.index(each.sha))
            for each in self.story.history.deployments.values()
            if each.creator == record.maker.creator
            and any(status.state == "success" for status in each.statuses)
        )
        place = next(n for n, (_, number, _) in enumerate(done) if number == record.id)
        if not place:
            return None
        return self._expected(service, done[place - 1][2], done[place][2])

    def _expected(self, service: Service, before: int, commit: int) -> Report:
        numbers = range(before + 1, commit + 1)  # the nth commit is that of the nth pull request
        how: dict[str, Any] = {"service": service.name, "since": self.commits[before]}
        if not numbers:
            how["by"] = "commit"
        return right(self.story, self.commits[commit], *numbers, rollback=commit < before, **how)

    def _tale(self) -> str:
        """Return all records, in the order in which they were made, for whoever looks at a bug."""
        return "\n".join(
            f"record {each.id} of commit {self.commits.index(each.sha)} by {each.creator},"
            f" {each.statuses[-1].log_url}:"
            f" {[f'{status.state} {status.created_at:%d %H:%M}' for status in each.statuses]}"
            for each in self.story.history.deployments.values()
        )


def begin(world: World, means: Sequence[Means], *, has_tool: bool, registered: bool) -> Series:
    """Begin a series anew on the same commits."""
    story = world.story
    history, github, dx = story.history, story.github, story.dx
    for kept in (history.deployments, history.runs, history.workflows, dx.deployments):
        kept.clear()
    for received in (dx.received, github.asked):
        received.clear()
    history.now = LATER
    services = [
        Service(
            name=name,
            maker=Maker(story=story, file=f"{name}.yml", registered=registered),
            means=each,
        )
        for name, each in zip("abc", means, strict=False)
    ]
    if has_tool:
        tool = Maker(story=story, file=None, creator="argo[bot]")
        services.append(Service(name="tool", maker=tool, means="deployment_status"))
    smoke = Maker(story=story, file="smoke.yml", registered=registered)
    return Series(
        story=story, commits=world.commits, services=services, smoke=smoke, is_known=registered
    )


def go_on(series: Series, step: Step) -> None:
    """Let one step happen, if there is what it needs."""
    service = series.services[step.service % len(series.services)]
    newer = min(service.furthest + step.ahead, PULLS)
    what, choice, is_late = step.what, step.choice, step.is_late
    if what in {"deploy", "fail"}:
        begun = series.start(service, newer, "in_progress")
        state = FAILURES[choice % 2] if what == "fail" else "success"
        series.finish(service, begun, state, is_late=is_late)
    elif what == "start":
        series.start(service, newer, "queued", "in_progress")
    elif what == "wait":
        series.start(service, newer, "waiting")
    elif what == "finish" and service.open:
        begun = service.open[choice % len(service.open)]
        series.finish(service, begun, "success", is_late=is_late)
    elif what == "rollback" and service.successes:
        older = service.successes[choice % len(service.successes)].commit
        begun = series.start(service, older, "in_progress")
        series.finish(service, begun, "success", is_late=is_late)
    elif what == "smoke":
        tip = max(each.furthest for each in series.services)
        sha = series.commits[min(tip + step.ahead - 1, PULLS)]
        series.smoke.deploy(sha, event="schedule")
    elif what == "rerun" and service.ended and service.maker.file:
        series.rerun(service, choice)
    elif what == "tell again" and service.ended:
        series.tell_again(service, choice)


def run_series(series: Series, steps: Sequence[Step]) -> None:
    """Let a series happen, with each report held against the truth."""
    for step in steps:
        go_on(series, step)
    series.report_late_ones()


@few
@a_series
def test_every_change_is_shipped_once_where_runs_are_known(world, means, has_tool, steps):
    run_series(begin(world, means, has_tool=has_tool, registered=True), steps)


@few
@a_series
def test_where_runs_are_forgotten_records_count_as_one_makers_or_leave_it_open(
    world, means, has_tool, steps
):
    run_series(begin(world, means, has_tool=has_tool, registered=False), steps)
