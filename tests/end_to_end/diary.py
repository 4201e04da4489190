"""A story that is reported as it happens, and told once more afterwards, by a backfill.

`Diary` writes down what the live path reports of each event at the moment of that event, while
GitHub's stand-in knows nothing of what comes later. A backfill at the end should say the same.
"""

import contextlib
import csv
import io
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from dora_deployments import backends
from dora_deployments.actions import payload as event_payload
from dora_deployments.actions.event import Event
from dora_deployments.actions.events import interpret_event
from dora_deployments.actions.inputs import Inputs
from dora_deployments.actions.run import Run
from dora_deployments.attribution import github as look_ups
from dora_deployments.attribution.github.api import Api
from dora_deployments.attribution.resolve import Resolved, resolve
from dora_deployments.budget import Budget
from dora_deployments.delivery.retry import Pace
from dora_deployments.errors import EventError, Skip
from dora_deployments.main import main
from tests.end_to_end import stories
from tests.end_to_end.github import rest
from tests.end_to_end.github.history import History, Status
from tests.end_to_end.github.hosted import READS, Hosted
from tests.end_to_end.runner import Finished, environment
from tests.end_to_end.stories import DX_TOKEN, SLUG, TOKEN, Happened, Story
from tests.payloads import payload_file
from tests.report import runner

# Far enough back for every clock that runs these tests.
BEGAN = datetime(2024, 3, 4, 8, tzinfo=timezone.utc)
FINAL = ("success", "failure", "error")
SOON = timedelta(seconds=20)
DEPLOY = ".github/workflows/deploy.yml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is reported of one deployment of one service."""

    body: dict[str, Any]
    previous_sha: str
    is_rollback: bool
    pulls: tuple[int, ...]
    attribution: str


@dataclass(slots=True, kw_only=True)
class Diary:
    """What happened, by the story, and what was reported of it, by the ids of the deployments.

    `inputs` and `variables` are those of every run. Of deployments with the same id the first
    counts, as it does for DX. `file` is the configuration file of the workspace.
    """

    story: Story
    inputs: dict[str, str]
    variables: dict[str, str]
    reported: dict[str, Entry] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    statuses: int = 0
    file: bytes | None = None

    @property
    def history(self) -> History:
        """What happens in the repository."""
        return self.story.history

    # --- what happens

    def later(self, **time: float) -> None:
        """Let time go by."""
        self.history.now += timedelta(**time)

    def begin(
        self,
        sha: str,
        environment: str = "production",
        task: str = "deploy",
        *,
        ref: str = "main",
        transient: bool = False,
        creator: str = "github-actions[bot]",
        payload: Any = None,
    ) -> int:
        """Make a deployment, without a status so far; return its id."""
        return self.history.deploy(
            sha,
            environment,
            task,
            states=(),
            ref=ref,
            transient=transient,
            creator=creator,
            payload=payload,
        )

    def end(self, deployment_id: int, state: str, log_url: str | None = None) -> None:
        """Set a status, which is reported at once if it is a final one.

        Without a `log_url` each deployment has a run of its own, all of one workflow; "" stands for
        none.
        """
        self.statuses += 1
        own = f"https://github.com/{SLUG}/actions/runs/{deployment_id}/job/1"
        deployment = self.history.deployments[deployment_id]
        if log_url is None and deployment_id not in self.history.runs:
            self._run(deployment_id, deployment.sha)
        status = Status(
            id=5_200_100_001 + self.statuses,
            state=state,
            created_at=self.history.tick(),
            log_url=own if log_url is None else log_url,
            environment_url="",
        )
        deployment = replace(deployment, statuses=(*deployment.statuses, status))
        self.history.deployments[deployment_id] = deployment
        if state not in FINAL:
            return
        hosted = _hosted(self.history)
        content = payload_file("deployment_status.success")
        content["deployment"] |= rest._written_deployment(hosted, deployment)
        content["deployment_status"] |= rest._written_status(deployment, status)
        self.report(
            Happened(
                name="deployment_status",
                payload=content,
                variables={"sha": deployment.sha, "ref": self._ref(deployment.ref)},
            )
        )

    def deployed(self, sha: str, environment: str = "production", *states: str, **how: Any) -> int:
        """Deploy at once, with these statuses one after the other, or success; return the id."""
        log_url = how.pop("log_url", None)
        deployment_id = self.begin(sha, environment, **how)
        for state in states or ("in_progress", "success"):
            self.end(deployment_id, state, log_url)
        return deployment_id

    def pushed(self, *numbers: int) -> None:
        """Push what pull requests hold to their bases as it is: GitHub calls them merged then."""
        moment = self.history.tick()
        for number in numbers:
            pull = self.history.pull(number)
            merged = replace(
                pull, merged_at=moment, merge_commit_sha=pull.head_sha, landed=pull.commits
            )
            self.history._pulls[number] = merged
            self.history._introduce(merged)
            self.history.force(pull.base, pull.head_sha)

    # --- the live path

    def report(self, of: Happened, **given: str) -> None:
        """Write down what the live path reports of an event now."""
        now = self.history.now + SOON
        environ = {
            **self._variables(),
            **{f"GITHUB_{name.upper()}": value for name, value in of.variables.items()},
            **_inputs({**self.inputs, **given}),
        }
        inputs, run = Inputs.from_environ(environ, now), Run.from_environ(environ)
        event = Event(
            name=of.name,
            payload=event_payload.parse(json.dumps(of.payload).encode()),
            run=run,
            inputs=inputs,
            now=now,
        )
        api = Api(api_url=run.api_url, token=inputs.github_token, budget=Budget.of(60))
        with look_ups.GitHub(api) as asked:
            try:
                resolved = resolve(interpret_event(event), inputs, run, asked, now, self.file)
            except (Skip, EventError) as left:
                self.skipped.append(left.reason)
                return
        (dx,) = (each for each in backends.samples(inputs) if each.name == "DX")
        for entry in _entries(resolved, dx):
            self.reported.setdefault(entry.body["reference_id"], entry)

    # --- the backfill

    def environ(self, folder: Path, **given: str) -> dict[str, str]:
        """Return the environment of a backfill of all of the story, its files in `folder`."""
        inputs = {
            "mode": "backfill",
            "since": f"{BEGAN:%Y-%m-%d}",
            "until": f"{self.history.now + timedelta(days=1):%Y-%m-%d}",
            "dry-run": "true",
            **self.inputs,
            **given,
        }
        workspace = folder / "workspace"
        workspace.mkdir(exist_ok=True)
        if self.file is not None:
            (workspace / ".github").mkdir(exist_ok=True)
            (workspace / ".github" / "dora.yml").write_bytes(self.file)
        return {
            **environment(folder, "workflow_dispatch", b"{}", {}),
            **self._variables(),
            **_inputs(inputs),
            "GITHUB_WORKSPACE": str(workspace),
        }

    def backfilled(self, **given: str) -> "Backfill":
        """Return what a backfill within this process makes of the story."""
        with tempfile.TemporaryDirectory() as name:
            return run_main(Path(name), self.environ(Path(name), **given))

    def _run(self, run_id: int, sha: str) -> None:
        known = (each.id for each in self.history.workflows.values() if each.path == DEPLOY)
        workflow = next(known, None) or self.history.workflow(DEPLOY)
        self.history.run(workflow, sha, id=run_id, created_at=self.history.now)

    def _ref(self, name: str) -> str:
        kinds = (("heads", self.history.branches), ("tags", self.history.tags))
        return next((f"refs/{kind}/{name}" for kind, known in kinds if name in known), "")

    def _variables(self) -> dict[str, str]:
        return {
            "GITHUB_API_URL": self.story.github.api_url,
            "GITHUB_REPOSITORY": SLUG,
            "GITHUB_REPOSITORY_ID": "186853261",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_RUN_ID": stories.RUN_ID,
            "GITHUB_REF": "refs/heads/main",
            **self.variables,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """What a backfill left: its end, its files, and what they say of each deployment."""

    finished: Finished
    csv: str
    json_lines: str

    @property
    def entries(self) -> dict[str, Entry]:
        """What is reported, by id, in the order of the files. No id is there twice."""
        bodies = rows_of(self.csv)
        lines = [json.loads(line) for line in self.json_lines.splitlines()]
        assert [body["reference_id"] for body in bodies] == [line["id"] for line in lines]
        assert len({line["id"] for line in lines}) == len(lines)
        return {
            line["id"]: Entry(
                body=body,
                previous_sha=line["previous_sha"] or "",
                is_rollback=line["rollback"],
                pulls=tuple(pull["number"] for pull in line["pull_requests"]),
                attribution=line["attribution"],
            )
            for body, line in zip(bodies, lines, strict=True)
        }


def run_main(folder: Path, environ: Mapping[str, str], pace: Pace | None = None) -> Backfill:
    """Run the action within this process, its files in `folder`."""
    log = io.StringIO()
    with contextlib.redirect_stdout(log):
        exit_code = main(environ, pace)
    return left_in(folder, exit_code, log.getvalue(), "")


def left_in(folder: Path, exit_code: int, log: str, errors: str) -> Backfill:
    """Return what a run left in `folder`."""

    def text(*names: str) -> str:
        file = folder.joinpath(*names)
        return file.read_bytes().decode() if file.exists() else ""

    return Backfill(
        finished=Finished(
            exit_code=exit_code,
            log=log,
            errors=errors,
            outputs=runner.outputs(text("output")),
            summary=text("summary.md"),
            saved={},
        ),
        csv=text("workspace", "dora-backfill", "deployments.csv"),
        json_lines=text("workspace", "dora-backfill", "deployments.jsonl"),
    )


def rows_of(text: str) -> list[dict[str, Any]]:
    """Return the bodies that the lines of the CSV file stand for: empty cells are absent fields."""
    of_json = {"service", "merge_commit_shas", "metadata", "success"}
    return [
        {
            name: json.loads(cell) if name in of_json else cell
            for name, cell in row.items()
            if cell != ""
        }
        for row in csv.DictReader(io.StringIO(text, newline=""), strict=True)
    ]


@contextlib.contextmanager
def diary(
    folder: Path,
    inputs: Mapping[str, str] | None = None,
    variables: Mapping[str, str] | None = None,
    **options: Any,
) -> Iterator[Diary]:
    """Begin a diary in `folder`; `options` are those of the stand-in for GitHub."""
    with stories.story(folder, **{"limit": 1_000_000, **options}) as story:
        story.history.now = BEGAN
        own = {
            "github-token": TOKEN,
            "dx-token": DX_TOKEN,
            "dx-instance": f"{story.dx.url}/api",
        }
        yield Diary(story=story, inputs={**own, **(inputs or {})}, variables={**(variables or {})})


def _entries(resolved: Resolved, dx: backends.Backend) -> Iterator[Entry]:
    shipped = resolved.shipped
    for deployment, carried in zip(resolved.deployments, resolved.services.value, strict=True):
        (request,) = dx.requests(deployment)
        yield Entry(
            body=json.loads(request.body),
            previous_sha="" if shipped.previous is None else shipped.previous.value,
            is_rollback=deployment.is_rollback,
            pulls=tuple(pull.number for pull in carried.pulls),
            attribution=deployment.attribution,
        )


def _inputs(given: Mapping[str, str]) -> dict[str, str]:
    return {f"INPUT_{name.upper().replace('_', '-')}": value for name, value in given.items()}


def _hosted(history: History) -> Hosted:
    return Hosted(
        history=history, slug=SLUG, former=None, id=186853261, private=True, permissions=READS
    )
