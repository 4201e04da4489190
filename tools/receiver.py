"""Receive what steps of a workflow report, and compare: `python -m tools.receiver COMMAND FOLDER`.

`start` starts strict receivers for Datadog and DX on 127.0.0.1, which outlive the step, and tells
the workflow where they are and which keys they take. `check DATADOG DX` ends them and compares
all that came with what a report of this run must say, as often as the two numbers say. `serve`
is what `start` runs in the background. Needs nothing but the standard library.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.end_to_end.receivers import Datadog, Dx, Received

API_KEY = "0123456789abcdef0123456789abcdef"
TOKEN = "a-made-up-dx-token"  # noqa: S105 - a token for the receiver on this very machine
SERVICE = "self-test"
ENVIRONMENT = "self-test-environment"
WORDS = "ü $(exit 1) `exit 1` %PATH% 'exit'"  # as the workflow writes them
_LONGEST = 30 * 60  # seconds, for a job that never checks
_PATIENCE = 30  # seconds, for a process to start or to end


def main(command: str, folder: Path, *numbers: str) -> int:
    """Carry out a command and return its exit code."""
    if command == "start":
        return _start(folder)
    if command == "serve":
        return _serve(folder)
    _write(folder / "end", "")
    received = json.loads(_read(folder / "received.json"))
    wanted = expected(os.environ, *map(int, numbers))
    for name in wanted:
        print(f"{name}: {len(received[name])} received, {len(wanted[name])} wanted")
        for found in received[name]:
            print(json.dumps(found))
    if received != wanted:
        print("::error title=Self-test::not received as wanted, which is:", json.dumps(wanted))
        return 1
    return 0


def expected(environ: Mapping[str, str], datadog: int, dx: int) -> dict[str, list[Any]]:
    """Return what the receivers must have got and answered, each so many times."""
    server, slug = environ["GITHUB_SERVER_URL"], environ["GITHUB_REPOSITORY"]
    deployment_id = f"self-test-of-run.{environ['GITHUB_RUN_ID']}"
    to_datadog = {
        "data": {
            "attributes": {
                "service": SERVICE,
                "env": ENVIRONMENT,
                "started_at": 1778574015000000000,
                "finished_at": 1778574280000000000,
                "git": {
                    "commit_sha": environ["GITHUB_SHA"],
                    "repository_url": f"{server}/{slug}",
                },
                "id": deployment_id,
            }
        }
    }
    to_dx = {
        "reference_id": deployment_id,
        "deployed_at": "2026-05-12T08:24:40Z",
        "service": {"identifier": SERVICE},
        "environment": ENVIRONMENT,
        "repository": slug,
        "commit_sha": environ["GITHUB_SHA"],
        "source_url": f"{server}/{slug}/actions/runs/{environ['GITHUB_RUN_ID']}",
        "source_name": "GitHub Actions",
        "metadata": {"words": WORDS},
    }
    return {
        "datadog": [{"status": 200, "body": to_datadog}] * datadog,
        "dx": [{"status": 200, "body": to_dx}] * dx,
    }


def _start(folder: Path) -> int:
    folder.mkdir()
    # A step ends with what it started, unless that is a session or a group of its own.
    apart: dict[str, Any] = (
        {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS}
        if sys.platform == "win32"
        else {"start_new_session": True}
    )
    with (folder / "log").open("wb") as log:
        subprocess.Popen(  # noqa: S603 - this very program
            [sys.executable, "-m", "tools.receiver", "serve", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            **apart,
        )
    found = _read(folder / "outputs")
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8", newline="\n") as outputs:
        outputs.write(found)
    print(found)
    return 0


def _serve(folder: Path) -> int:
    with Datadog(api_key=API_KEY, status=200) as datadog, Dx(token=TOKEN) as dx:
        _write(
            folder / "outputs",
            f"datadog-site={datadog.url}\ndatadog-api-key={API_KEY}\n"
            f"dx-instance={dx.url}\ndx-token={TOKEN}\n",
        )
        _wait(folder / "end", _LONGEST)
        received = {"datadog": _told(datadog.received), "dx": _told(dx.received)}
    _write(folder / "received.json", json.dumps(received))
    return 0


def _told(received: list[Received]) -> list[dict[str, Any]]:
    return [{"status": each.status, "body": each.json} for each in received]


def _read(path: Path) -> str:
    if not _wait(path, _PATIENCE):
        log = path.parent / "log"
        raise SystemExit(f"no {path.name} yet; {log.read_text('utf-8') if log.exists() else ''}")
    return path.read_text("utf-8")


def _wait(path: Path, seconds: float) -> bool:
    """Wait for a file; return False if there is none in time."""
    deadline = time.monotonic() + seconds
    while not (there := path.exists()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return there


def _write(path: Path, text: str) -> None:
    """Write a file that others wait for: it is there whole or not at all."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.write_text(text, "utf-8")
    unfinished.replace(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:]))
