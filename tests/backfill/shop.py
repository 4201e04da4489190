"""A shop with a past, and the step that reports it, in this process."""

import csv
import io
import json
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from dora_deployments import backends
from dora_deployments.actions.inputs import Inputs, plan
from dora_deployments.actions.run import Run
from dora_deployments.backfill.job import Job
from dora_deployments.backfill.result import Backfilled
from dora_deployments.budget import Budget
from dora_deployments.delivery.retry import Pace
from dora_deployments.main import main
from tests.builders import NOW
from tests.end_to_end.runner import environment
from tests.end_to_end.stories import DX_TOKEN, SLUG, TOKEN, Story
from tests.report import runner

ONCE = Pace(attempts=1)


def page(number):
    return f"https://github.com/{SLUG}/actions/runs/{number}/job/1"


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A story, and the folder in which its past is told."""

    story: Story
    folder: Path

    @property
    def history(self):
        return self.story.history

    def environ(self, **inputs):
        """Return the environment of a step that reports June to DX, but for `inputs`."""
        usual = {
            "mode": "backfill",
            "since": "2026-05-31",
            "until": "2026-06-03",
            "github-token": TOKEN,
            "dx-token": DX_TOKEN,
            "dx-instance": f"{self.story.dx.url}/api",
        }
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        found = environment(self.folder, "workflow_dispatch", b"{}", {**usual, **given})
        found["GITHUB_API_URL"] = self.story.github.api_url
        found["GITHUB_WORKSPACE"] = str(self.folder)
        return found

    def backfill(self, variables=None, /, *, pace=None, **inputs):
        """Run the step; return its exit code and outputs."""
        for name in ("output", "summary.md"):
            (self.folder / name).write_text("", "utf-8")
        code = main({**self.environ(**inputs), **(variables or {})}, pace)
        return code, runner.outputs((self.folder / "output").read_text("utf-8"))

    def ended(self, variables=None, /, **given):
        """Run the step; return its exit code, status and reason."""
        code, outputs = self.backfill(variables, **given)
        return code, outputs["status"], outputs["reason"]

    def asked(self):
        """Return what GitHub was asked since the last time, queries by the word after `query`."""
        asked = [str(each).split("?")[0] for each in self.story.github.asked]
        self.story.github.asked.clear()
        return asked

    def told(self):
        """Return what DX was told since the last time, without the ids."""
        bodies = [received.json for received in self.story.dx.received]
        self.story.dx.received.clear()
        return bodies

    def lines(self):
        """Return what stands in the file of JSON Lines."""
        text = (self.folder / "dora-backfill" / "deployments.jsonl").read_text("utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def short(self, *names):
        """Return these fields of each line."""
        return [tuple(line[name] for name in names) for line in self.lines()]

    def rows(self):
        """Return the rows of the CSV file by the names of their columns."""
        text = (self.folder / "dora-backfill" / "deployments.csv").read_text("utf-8")
        return [*csv.DictReader(io.StringIO(text))]

    def summary(self):
        return (self.folder / "summary.md").read_text("utf-8")


def deployed_thrice(shop):
    """Deploy, land two pull requests, deploy, fail to deploy a third, and go back."""
    history = shop.history
    workflow = history.workflow()

    def run(number):
        history.run(workflow, history.branches["main"], id=number, created_at=history.now)
        return page(number)

    first = history.commit()
    one = history.deploy(first, log_url=run(1))
    shop.story.landed()
    shop.story.landed("merge", "a", "b")
    two = history.deploy(history.branches["main"], log_url=run(2))
    shop.story.landed("rebase", "c", "d")
    history.tick()
    failed = history.deploy(history.branches["main"], states=("failure",), log_url=run(3))
    back = history.deploy(first, log_url=run(4))
    return one, two, failed, back


class Alarm(Budget):
    """A minute, which is over as soon as the alarm rings."""

    def __init__(self):
        object.__setattr__(self, "rung", threading.Event())

    @property
    def deadline(self):
        return 0.0 if self.rung.is_set() else time.monotonic() + 60


def never(_text):
    return False


def job_of(shop, rings=never, *, heard=None, **inputs):
    """Return the job that `main` would start, and its result.

    Its time is up when `rings` says so of a line of the log, or of what is to be written;
    `heard` gets all of the lines.
    """
    environ = shop.environ(**inputs)
    given = Inputs.from_environ(environ, NOW)
    alarm = Alarm()

    def look(text):
        if rings(text):
            alarm.rung.set()

    def say(text):
        look(text)
        if heard is not None:
            heard.append(text)

    def holds(texts):
        for text in texts:
            look(text.decode())
        return False

    job = Job(
        inputs=given,
        run=Run.from_environ(environ),
        plan=plan(environ),
        now=NOW,
        budget=alarm,
        file=None,
        told=backends.configured(given),
        pace=ONCE,
        provide=lambda: None,
        holds=holds,
        words=str,
        say=say,
        warn=list,
    )
    result = Backfilled(
        repository=SLUG, since=given.since, until=given.until, folder=given.output_path
    )
    return job, result
