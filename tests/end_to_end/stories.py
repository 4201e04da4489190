"""Stories of one repository: what happened there, its event, and the report.

Look-ups go to GitHub's stand-in and deliveries to DX's over HTTP. `Story.told` runs the stages
within this process, `Story.run` all of the action as a process.
"""

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from dora_deployments import backends
from dora_deployments.actions import payload
from dora_deployments.actions.event import Event
from dora_deployments.actions.events import interpret_event
from dora_deployments.attribution import github as look_ups
from dora_deployments.attribution.github.api import Api
from dora_deployments.attribution.resolve import resolve
from dora_deployments.budget import Budget
from dora_deployments.delivery import deliver
from dora_deployments.report.account import Account, status_of
from dora_deployments.report.headline import headline
from dora_deployments.report.outputs import outputs
from dora_deployments.report.text import Scrubber
from tests.builders import MORE, NOW, inputs, payload_file, run
from tests.delivery.wire import dispatched, endings
from tests.end_to_end.github import rest
from tests.end_to_end.github.history import History
from tests.end_to_end.github.hosted import READS, Hosted, iso
from tests.end_to_end.github.standin import GitHub
from tests.end_to_end.receivers import Dx
from tests.end_to_end.runner import Finished, run_action

SLUG = "acme/shop"
TOKEN = "token-of-the-tests"
DX_TOKEN = "dx-token-0123456789abcdef"
RUN_ID = "8412399001"
RUN_URL = f"https://github.com/{SLUG}/actions/runs/{RUN_ID}/job/23078451234"
OTHER_RUN_URL = f"https://github.com/{SLUG}/actions/runs/8400000001/job/23000000001"
# They depend on the clock and the run, and have tests of their own.
_NOT_ATTRIBUTION = frozenset({"reference_id", "deployed_at", "source_url", "source_name"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """An event as GitHub hands it to a step: its name, payload and `GITHUB_*` variables."""

    name: str
    payload: dict[str, Any]
    variables: Mapping[str, str] = field(default_factory=dict)

    def within(self, run_id: int, attempt: int = 1, **variables: str) -> "Happened":
        """Return the same event, handed to a step of this attempt of this run."""
        of_run = {"run_id": str(run_id), "run_attempt": str(attempt)}
        return replace(self, variables={**self.variables, **of_run, **variables})


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a run told: outputs, DX's bodies without what depends on the run, and warnings.

    `ids` are the bodies' `reference_id`s, and `headline` is the summary's. Both are left out when
    reports are compared.
    """

    pull_requests: list[int]
    merge_commit_shas: list[str]
    previous_sha: str
    rollback: bool
    to_dx: list[dict[str, Any]]
    warnings: tuple[str, ...] = ()
    services: tuple[str, ...] = ("shop",)
    status: str = "delivered"
    ids: tuple[str, ...] = field(default=(), compare=False)
    headline: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A history, and those who are asked and told about it."""

    history: History
    github: GitHub
    dx: Dx

    # --- the report

    def told(
        self,
        of: Happened,
        /,
        *,
        now: datetime = NOW,
        seconds: float = 20.0,
        workspace_file: bytes | None = None,
        **given: str,
    ) -> Report:
        """Report what happened within this process, as `main` would."""
        written = inputs(**{"github_token": TOKEN, "service": "shop", **self._dx_inputs(), **given})
        of_run = run(**{"run_id": RUN_ID, **of.variables})
        event = Event(
            name=of.name,
            payload=payload.parse(json.dumps(of.payload).encode()),
            run=of_run,
            inputs=written,
            now=now,
        )
        api = Api(
            api_url=self.github.api_url, token=written.github_token, budget=Budget.of(seconds)
        )
        with look_ups.GitHub(api) as asked:
            resolved = resolve(interpret_event(event), written, of_run, asked, now, workspace_file)
        found = backends.configured(written)
        deliveries = deliver.prepare(resolved.deployments, found)
        if resolved.touched is not None:
            first = written.mode == "deployment"
            touched = deliver.prepare_touched(resolved.touched, found, goes_first=first)
            deliveries = (*touched, *deliveries)
        before = len(self.dx.received)
        outcomes = endings(dispatched(deliveries, seconds=5))
        account = Account(resolved=resolved, outcomes=outcomes, status=status_of(outcomes))
        return _report(
            outputs(account, Scrubber(())),
            [received.json for received in self.dx.received[before:]],
            resolved.warnings,
            headline(account),
        )

    def run(
        self,
        of: Happened,
        variables: Mapping[str, str] | None = None,
        /,
        **given: str,
    ) -> tuple[Finished, Report]:
        """Report what happened by a process, and return what it left behind as well."""
        written = {"github_token": TOKEN, "service": "shop", **self._dx_inputs(), **given}
        before = len(self.dx.received)
        finished = run_action(
            of.name,
            of.payload,
            {name.replace("_", "-"): value for name, value in written.items()},
            {
                "GITHUB_API_URL": self.github.api_url,
                "GITHUB_RUN_ID": RUN_ID,
                **{f"GITHUB_{name.upper()}": value for name, value in of.variables.items()},
                **(variables or {}),
            },
        )
        more = f". {MORE}incomplete"  # all that a look-up can lack is told there
        warnings = tuple(
            line.removeprefix("::warning title=Deployment report::")
            .removesuffix(more)
            .replace("%25", "%")
            for line in finished.log.splitlines()
            if line.startswith("::warning title=Deployment report::")
        )
        bodies = [received.json for received in self.dx.received[before:]]
        return finished, _report(finished.outputs, bodies, warnings)

    def _dx_inputs(self) -> dict[str, str]:
        return {"dx_token": DX_TOKEN, "dx_instance": f"{self.dx.url}/api"}

    # --- what a report should be

    def shipped(
        self,
        head: str,
        *numbers: int,
        since: str = "",
        rollback: bool = False,
        warnings: tuple[str, ...] = (),
        **of_body: Any,
    ) -> Report:
        """Return the report that `head`, a commit, ships exactly the pull requests of `numbers`.

        For `of_body` see there.
        """
        return Report(
            pull_requests=list(numbers),
            merge_commit_shas=[self.merge_commit(number) for number in numbers],
            previous_sha=since,
            rollback=rollback,
            to_dx=[self.body(head, *numbers, rollback=rollback, **of_body)],
            warnings=warnings,
        )

    def body(
        self,
        head: str,
        *numbers: int,
        by: str = "pull-requests",
        begun: bool = True,
        dated: bool = True,
        rollback: bool = False,
        metadata: Mapping[str, object] | None = None,
        **more: object,
    ) -> dict[str, Any]:
        """Return what DX is to be sent about the deployment of `head` with these pull requests.

        `by` is how. `dated` says that GitHub told the time of the commit, and `begun` that it told
        when the pull requests were begun, and that these are all. `more` changes single fields.
        """
        pulls = [self.history.pull(number) for number in numbers]
        known: dict[str, object] = {}
        if dated:
            known["commit_timestamp"] = _seconds(self.history.commits[head].committed)
        if pulls and begun:
            firsts = [self.history.commits[pull.commits[0]].authored for pull in pulls]
            known["first_commit_timestamp"] = _seconds(min(firsts))
        if rollback:
            known["rollback"] = True
        known.update(metadata or {})
        shas = [pull.merge_commit_sha for pull in pulls]
        return {
            "service": {"identifier": "shop"},
            "environment": "production",
            "repository": SLUG,
            **({"merge_commit_shas": shas} if by == "pull-requests" else {}),
            **({"commit_sha": head} if by == "commit" else {}),
            **({"metadata": known} if known else {}),
            **more,
        }

    # --- what happens

    def landed(self, method: str = "squash", *files: str, base: str = "main") -> int:
        """Open a pull request with a commit for each file, and merge it; return its number."""
        number = len(self.history.pulls()) + 1
        branch = f"change-{number}"
        self.history.branch(branch, base)
        for file in files or (f"src/{number}.txt",):
            self.history.commit(branch, {file: f"{number}\n"})
        self.history.open_pull(branch, base)
        self.history.merge_pull(number, method)
        return number

    def merge_commit(self, number: int) -> str:
        """Return the merge commit of a merged pull request."""
        return self.history.pull(number).merge_commit_sha

    # --- its events

    def push(
        self,
        after: str,
        before: str = "0" * 40,
        branch: str = "main",
        *,
        forced: bool = False,
        pushed_at: datetime | None = None,
    ) -> Happened:
        """Push a branch, now unless it was at another time."""
        content = payload_file("push.branch")
        content |= {"ref": f"refs/heads/{branch}", "before": before, "after": after}
        content["forced"] = forced
        content["created"] = before == "0" * 40
        content["head_commit"]["id"] = after
        content["repository"]["pushed_at"] = _seconds(pushed_at or self.history.tick())
        return Happened(
            name="push",
            payload=content,
            variables={"sha": after, "ref": f"refs/heads/{branch}"},
        )

    def tag_push(self, tag: str) -> Happened:
        """Push a tag, whose object `after` is."""
        target = self.history.tags[tag]
        commit = self.history.peeled(target)
        content = payload_file("push.tag.lightweight")
        content |= {"ref": f"refs/tags/{tag}", "after": target}
        content["head_commit"]["id"] = commit
        content["repository"]["pushed_at"] = _seconds(self.history.tick())
        return Happened(
            name="push", payload=content, variables={"sha": commit, "ref": f"refs/tags/{tag}"}
        )

    def release(self, release_id: int) -> Happened:
        """Publish a release."""
        release = self.history.releases[release_id]
        content = payload_file("release.published")
        content["release"] |= {
            "id": release.id,
            "tag_name": release.tag,
            "prerelease": release.prerelease,
            "published_at": iso(release.published_at or self.history.now),
        }
        commit = self.history.peeled(self.history.tags[release.tag])
        ref = f"refs/tags/{release.tag}"
        return Happened(name="release", payload=content, variables={"sha": commit, "ref": ref})

    def status(
        self, deployment_id: int, log_url: str = OTHER_RUN_URL, state: str = "success"
    ) -> Happened:
        """Set the final status of a deployment."""
        deployment = self.history.deployments[deployment_id]
        content = payload_file("deployment_status.success")
        content["deployment"] |= {
            "id": deployment.id,
            "node_id": _hosted(self.history).node_id("DE", deployment.id),
            "sha": deployment.sha,
            "ref": deployment.ref,
            "task": deployment.task,
            "environment": deployment.environment,
            "original_environment": deployment.environment,
            "created_at": iso(deployment.created_at),
            "creator": {"login": deployment.creator},
            "payload": {} if deployment.payload is None else deployment.payload,
        }
        run, workflow = self._run(log_url)
        if run is None and (found := re.search("/actions/runs/([0-9]+)", log_url)):
            run, workflow = content["workflow_run"] | {"id": int(found[1])}, content["workflow"]
        content["workflow_run"], content["workflow"] = run, workflow
        content["deployment_status"] |= {
            "state": state,
            "environment": deployment.environment,
            "created_at": iso(deployment.updated_at),
            "log_url": log_url,
            "target_url": log_url,
        }
        return Happened(
            name="deployment_status", payload=content, variables={"sha": deployment.sha}
        )

    def workflow_run(self, sha: str, run_id: int, branch: str = "main") -> Happened:
        """End a workflow run that another workflow waited for."""
        content = payload_file("workflow_run.success")
        started = self.history.tick()
        content["workflow_run"] |= {
            "id": run_id,
            "head_sha": sha,
            "head_branch": branch,
            "created_at": iso(started),
            "run_started_at": iso(started),
            "updated_at": iso(self.history.now),
        }
        return Happened(name="workflow_run", payload=content)

    def _run(self, log_url: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """Return the run of a log, and its workflow, as GitHub tells them along with a status."""
        found = re.search("/actions/runs/([0-9]+)", log_url)
        run = self.history.runs.get(int(found[1])) if found else None
        if run is None:
            return None, None
        workflow = self.history.workflows[run.workflow]
        written = rest._written_run(_hosted(self.history), run)
        return written, rest._written_workflow(workflow)

    def dispatch(self, sha: str, /, **inputs: str) -> Happened:
        """Start a workflow by hand, at the tip of a branch."""
        content = payload_file("workflow_dispatch.no_inputs")
        if inputs:
            content["inputs"] = inputs
        return Happened(name="workflow_dispatch", payload=content, variables={"sha": sha})

    def repository_dispatch(self, tip: str, /, **client_payload: object) -> Happened:
        """Start a workflow on the default branch's tip by a program, with a payload of its own."""
        content = payload_file("repository_dispatch.bare")
        content["client_payload"] = client_payload
        return Happened(name="repository_dispatch", payload=content, variables={"sha": tip})

    def scheduled(self, tip: str) -> Happened:
        """Start a workflow by the clock, on the default branch's tip."""
        content = payload_file("schedule")
        return Happened(name="schedule", payload=content, variables={"sha": tip})

    def merge(self, number: int, name: str = "pull_request") -> Happened:
        """Close a pull request by its merge."""
        pull = self.history.pull(number)
        content = payload_file("pull_request.closed.merged")
        content["number"] = number
        content["pull_request"] |= {
            "id": pull.id,
            "number": number,
            "title": pull.title,
            "merge_commit_sha": pull.merge_commit_sha,
            "merged_at": iso(pull.merged_at),
            "closed_at": iso(pull.merged_at),
        }
        content["pull_request"]["base"] |= {"ref": pull.base}
        content["pull_request"]["head"] |= {"ref": pull.head, "sha": pull.head_sha}
        return Happened(name=name, payload=content)


@contextlib.contextmanager
def story(folder: Path, **options: Any) -> Iterator[Story]:
    """Begin a story in `folder`; `options` are those of the stand-in for GitHub."""
    with (
        History(folder / "shop.git") as history,
        GitHub(history, token=TOKEN, **options) as github,
        Dx(token=DX_TOKEN) as dx,
    ):
        yield Story(history=history, github=github, dx=dx)


def _report(
    written: Mapping[str, str],
    bodies: list[dict[str, Any]],
    warnings: tuple[str, ...],
    told: str = "",
) -> Report:
    bodies = sorted(
        # They are sent side by side, so the order of their arrival says nothing.
        bodies,
        key=lambda body: body["service"]["identifier"] if "service" in body else "",
    )
    return Report(
        pull_requests=json.loads(written["pull-requests"]),
        merge_commit_shas=json.loads(written["merge-commit-shas"]),
        previous_sha=written["previous-sha"],
        rollback={"true": True, "false": False}[written["rollback"]],
        to_dx=[
            {key: value for key, value in body.items() if key not in _NOT_ATTRIBUTION}
            for body in bodies
        ],
        warnings=warnings,
        services=tuple(json.loads(written["services"])),
        status=written["status"],
        ids=tuple(body["reference_id"] for body in bodies if "reference_id" in body),
        headline=told,
    )


def _hosted(history: History) -> Hosted:
    return Hosted(
        history=history, slug=SLUG, former=None, id=186853261, private=True, permissions=READS
    )


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
