"""Who makes deployments: workflows and tools, with the records that GitHub keeps of them.

A `Maker` is one workflow, or one tool; what it deploys are `Record`s. A record whose run is not
`registered` has a log of a run of which GitHub tells nothing.
"""

from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from tests.end_to_end.github.history import Run
from tests.end_to_end.github.hosted import iso
from tests.end_to_end.stories import SLUG, Happened, Report, Story

Means = Literal["deployment_status", "push", "workflow_run", "workflow_dispatch"]
MEANS: tuple[Means, ...] = ("deployment_status", "push", "workflow_run")
SOON = timedelta(seconds=20)
# Of runs that nobody registered; no registered one has such an id.
_FIRST_FORGOTTEN_RUN = 8_400_000_001


@dataclass(slots=True, kw_only=True)
class Maker:
    """A workflow by the name of its file, or a tool if it has none, that makes deployments."""

    story: Story
    file: str | None = "deploy.yml"
    creator: str = "github-actions[bot]"
    environment: str = "production"
    payload: Any = None
    registered: bool = True
    workflow: int = field(init=False, default=0)
    runs: dict[int, Run] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        if self.file is not None:
            path = f".github/workflows/{self.file}"
            self.workflow = self.story.history.workflow(path, self.file.partition(".")[0])

    def begin(
        self,
        sha: str,
        *states: str,
        event: str = "push",
        run: int | None = None,
        environment: str | None = None,
        created_at: datetime | None = None,
    ) -> "Record":
        """Make a record with these statuses, in a run of its own unless one is given."""
        history = self.story.history
        if self.file is not None and run is None:
            run = self._run(sha, event)
        # Each job has a page of its own, in whichever attempt.
        number = 23_000_000_000 + len(history.deployments)
        url = f"https://github.com/{SLUG}/actions/runs/{run}/job/{number}"
        record = history.deploy(
            sha,
            environment or self.environment,
            created_at=created_at,
            states=states,
            times=[history.tick() for _ in states],
            log_url="" if run is None else url,
            creator=self.creator,
            payload=self.payload,
        )
        return Record(maker=self, id=record, sha=sha, run=run, url=url if run else "")

    def deploy(self, sha: str, **how: Any) -> "Record":
        """Make a record that succeeds at once."""
        record = self.begin(sha, "in_progress", **how)
        record.end()
        return record

    def rerun(self, run: int) -> int:
        """Start another attempt of a run; return the attempt's number."""
        runs = self.story.history.runs
        runs[run] = self.runs[run]
        attempt = self.story.history.rerun(run)
        self.runs[run] = runs[run]
        if not self.registered:
            del runs[run]
        return attempt

    def _run(self, sha: str, event: str) -> int:
        history = self.story.history
        number = None if self.registered else _FIRST_FORGOTTEN_RUN + len(history.deployments)
        run = history.run(self.workflow, sha, event=event, id=number)
        self.runs[run] = history.runs[run]
        if not self.registered:
            del history.runs[run]
        return run


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One of GitHub's records of deployments; `run` is the workflow run that made it, if one did.

    `attempt` is the one of the run's attempts that made it.
    """

    maker: Maker
    id: int
    sha: str
    run: int | None
    url: str
    attempt: int = 1

    @property
    def story(self) -> Story:
        """Where it happens."""
        return self.maker.story

    def end(self, state: str = "success", at: datetime | None = None) -> None:
        """Set a final status. A success makes the ones before it inactive, as GitHub does."""
        history = self.story.history
        moment = at or history.tick()
        own = history.deployments[self.id]
        history.set_status(self.id, state, moment, log_url=self.url)
        if state != "success":
            return
        for other in list(history.deployments.values()):
            if (
                other.id != self.id
                and other.environment == own.environment
                and other.statuses
                and other.statuses[-1].state == "success"
            ):
                history.set_status(other.id, "inactive", moment)

    def rerun(self, *, deploys: bool = True) -> "Record":
        """Run all jobs again, or those that do not deploy; return what the attempt has made."""
        assert self.run is not None
        attempt = self.maker.rerun(self.run)
        if not deploys:
            return replace(self, attempt=attempt)
        again = self.maker.deploy(self.sha, run=self.run)
        return replace(again, attempt=attempt)

    def event(self, means: Means = "deployment_status") -> Happened:
        """Return the event that reports it now.

        By a push or by hand a job of the run reports it, and by workflow_run another run does.
        """
        story, history = self.story, self.story.history
        if means == "deployment_status":
            state = next(
                each.state
                for each in reversed(history.deployments[self.id].statuses)
                if each.state != "inactive"
            )
            return self._at_its_own_time(story.status(self.id, self.url, state))
        assert self.run is not None
        run = self.maker.runs[self.run]
        if means == "workflow_dispatch":
            return story.dispatch(self.sha).within(self.run, self.attempt)
        if means == "push":
            (before,) = history.commits[self.sha].parents or ("0" * 40,)
            pushed = story.push(self.sha, before, pushed_at=run.created_at)
            ref = f"{SLUG}/.github/workflows/{self.maker.file}@refs/heads/main"
            return pushed.within(self.run, self.attempt, workflow_ref=ref)
        workflow = history.workflows[run.workflow]
        ended = story.workflow_run(self.sha, self.run)
        ended.payload["workflow_run"] |= {
            "name": workflow.name,
            "path": workflow.path,
            "workflow_id": workflow.id,
            "event": run.event,
            "run_attempt": self.attempt,
            "run_number": run.number,
            "created_at": iso(run.created_at),
            "run_started_at": iso(run.attempts[self.attempt - 1]),
            "updated_at": iso(history.now),
        }
        return ended

    def _at_its_own_time(self, event: Happened) -> Happened:
        """Date the event by the status that it reports, and not by a later one."""
        statuses = self.story.history.deployments[self.id].statuses
        final = [each for each in statuses if each.state in {"success", "failure", "error"}]
        event.payload["deployment_status"]["created_at"] = iso(final[-1].created_at)
        if self.run is not None:  # GitHub tells it along with the status, even if it forgets it
            run = self.maker.runs[self.run]
            event.payload["workflow_run"] = {
                "id": run.id,
                "workflow_id": run.workflow,
                "run_attempt": self.attempt,
                "run_started_at": iso(run.attempts[self.attempt - 1]),
            }
        return event

    def told(self, means: Means = "deployment_status", **given: Any) -> Report:
        """Report it now."""
        return told(self.story, self.event(means), **given)


def told(story: Story, event: Happened, **given: Any) -> Report:
    """Report an event now, by the story's own clock."""
    return story.told(event, **{"now": story.history.now + SOON, **given})


def land(story: Story, count: int, *folders: str) -> list[str]:
    """Merge pull requests, each with a file in the next of the folders; return the commits."""
    first = len(story.history.pulls()) + 1
    shas = []
    for number in range(first, first + count):
        files = [f"{folders[number % len(folders)]}/{number}.txt"] if folders else []
        shas.append(story.merge_commit(story.landed("squash", *files)))
    return shas


# --- what a report may say


def right(story: Story, head: str, *numbers: int, service: str = "shop", **how: Any) -> Report:
    """Return the report that a service ships exactly these pull requests; see `Story.shipped`."""
    report = story.shipped(head, *numbers, service={"identifier": service}, **how)
    return replace(report, services=(service,))


def is_right(report: Report, expected: Report) -> bool:
    """Return whether a report says this in full, whatever it warns of besides."""
    return not _wrong(report, expected)


def assert_right(report: Report, expected: Report) -> None:
    """Assert that a report says this in full, whatever it warns of besides."""
    assert not (wrong := _wrong(report, expected)), "\n".join(wrong)


def assert_not_certain(report: Report, story: Story, head: str, **of_body: Any) -> None:
    """Assert that a report leaves open what was shipped; see `is_not_certain`."""
    assert is_not_certain(report, story, head, **of_body), report


def assert_right_or_not_certain(report: Report, expected: Report, story: Story, head: str) -> None:
    """Assert that a report says this in full, or else leaves open what was shipped."""
    if not is_not_certain(report, story, head):
        assert_right(report, expected)


def is_not_certain(report: Report, story: Story, head: str, **of_body: Any) -> bool:
    """Return whether a report leaves open what was shipped: DX is sent the commit alone.

    There is no rollback and no "first deployment" then, and whoever reads the outputs is warned,
    unless they hold nothing.
    """
    by_commit = story.body(head, by="commit", **of_body)
    left_out = {"service"}
    return (
        report.status == "delivered"
        and not report.rollback
        and "first deployment" not in report.headline
        and bool(report.warnings or not (report.previous_sha or report.pull_requests))
        and len(report.to_dx) == len(report.services)
        and all(
            {name: value for name, value in body.items() if name not in left_out}
            == {name: value for name, value in by_commit.items() if name not in left_out}
            for body in report.to_dx
        )
    )


def is_first(report: Report) -> bool:
    """Return whether a report claims that nothing was deployed there before."""
    return "first deployment" in report.headline


def _wrong(report: Report, expected: Report) -> list[str]:
    """Return in which fields a report differs; warnings are left out."""
    return [
        f"{each.name} is {got}, and right is {wanted}"
        for each in fields(Report)
        if each.compare and each.name != "warnings"
        for got, wanted in [(getattr(report, each.name), getattr(expected, each.name))]
        if got != wanted
    ]
