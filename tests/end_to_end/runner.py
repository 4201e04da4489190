"""Runs the action as GitHub's runner does: a process, an environment and three files."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.report import runner

ROOT = Path(__file__).parent.parent.parent
GITHUB_SHA = "109cf4c2b7a94a9c8a1f1f6f0d0b3b2a5c6d7e8f"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What a run of the action left behind; `saved` has the text of each file by its name."""

    exit_code: int
    log: str
    errors: str
    outputs: dict[str, str]
    summary: str
    saved: dict[str, str]

    def results(self) -> dict[tuple[str, str], str]:
        """Return the status of each backend and service."""
        found = json.loads(self.outputs["results"])
        return {(each["backend"], each["service"]): each["status"] for each in found}


def environment(
    folder: Path, event_name: str, content: bytes, inputs: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of a step of a Docker action, its files written to `folder`.

    Nothing is taken over from the caller's environment but the search path, so that neither
    proxies nor certificates of this machine have a say.
    """
    event_path = folder / "event.json"
    event_path.write_bytes(content)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_ACTOR": "grace",
        "GITHUB_API_URL": "https://api.github.com",
        "GITHUB_EVENT_NAME": event_name,
        "GITHUB_EVENT_PATH": str(event_path),
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_REPOSITORY": "acme/shop",
        "GITHUB_REPOSITORY_ID": "186853261",
        "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_RUN_ID": "8412399001",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_SHA": GITHUB_SHA,
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        "RUNNER_TEMP": str(folder),
        **{f"INPUT_{name.upper()}": value for name, value in inputs.items()},
    }


def run_action(
    event_name: str,
    content: object,
    inputs: Mapping[str, str],
    variables: Mapping[str, str] | None = None,
) -> Finished:
    """Run the action on an event; `content` is its payload as JSON, or bytes as they are.

    `variables` replace single ones of the environment; an empty one is as good as none.
    """
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environ = environment(folder, event_name, raw, inputs)
        environ.update(variables or {})
        for file in ("output", "summary.md"):
            (folder / file).touch()
        process = subprocess.run(
            [sys.executable, "-I", "-X", "utf8", "-u", str(ROOT / "entrypoint.py")],
            env=environ,
            cwd=folder,
            capture_output=True,
            timeout=60,
            check=False,
        )
        return Finished(
            exit_code=process.returncode,
            log=process.stdout.decode(),
            errors=process.stderr.decode(),
            outputs=runner.outputs((folder / "output").read_text("utf-8")),
            summary=(folder / "summary.md").read_text("utf-8"),
            saved=saved_in(folder),
        )


def saved_in(folder: Path) -> dict[str, str]:
    """Return the text of each file that was saved beneath `folder`, by its name."""
    files = (folder / "dora-undelivered").glob("*.json")
    return {file.name: file.read_text("utf-8") for file in files}
