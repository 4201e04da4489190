"""Receive what steps of a workflow report: `python -m tools.receiver COMMAND FOLDER`.

Strict receivers stand in for Datadog and DX on 127.0.0.1. `show` prints each request with the
answer that it got, until Ctrl-C; what act needs to run a workflow against them is written to the
folder: a script for sed, the secrets, and a copy of the action without what is installed beside it.

In a workflow, `start` starts them, so that they outlive the step, and tells where they are and
which keys they take. `check FOLDER DATADOG DX` ends them and compares all that came with what a
report of this run must say, as often as the two numbers say. `serve` is what `start` runs in the
background. Needs nothing but the standard library, and git to `show`.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from e2e import action
from tests.end_to_end.receivers import Datadog, Dx, Received

API_KEY = "0123456789abcdef0123456789abcdef"
TOKEN = "a-made-up-dx-token"  # noqa: S105 - a token for the receiver on this very machine
SERVICE = "self-test"
ENVIRONMENT = "self-test-environment"
WORDS = "ü $(exit 1) `exit 1` %PATH% 'exit'"  # as the workflow writes them
# By this sed lets a copy of a workflow report to these. act is told of the action by its tag, so
# that has to stand there, however the workflow pins it.
HOSTS = r"""
s#acme/dora-deployments\(/docker\)\{{0,1\}}@.*#acme/dora-deployments@v1#
/^ *datadog-site:/d
s#^\( *\)datadog-api-key:.*#&\
\1datadog-site: {datadog}#
s#^\( *dx-instance:\).*#\1 {dx}#
"""
_PAUSE = 0.1  # seconds, between two looks at what came
_LONGEST = 30 * 60  # seconds, for a job that never checks
_PATIENCE = 30  # seconds, for a process to start or to end


def main(arguments: Sequence[str]) -> int:
    """Carry out a command and return its exit code; `SystemExit` says what cannot be done."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.receiver",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in ("show", "start", "serve", "check"):
        command = commands.add_parser(name)
        command.add_argument("folder", metavar="FOLDER", type=Path)
    for name in ("datadog", "dx"):
        command.add_argument(name, metavar=name.upper(), type=int)
    given = parser.parse_args(arguments)
    if given.command == "show":
        return _show(given.folder)
    if given.command == "start":
        return _start(given.folder)
    if given.command == "serve":
        return _serve(given.folder)
    return _check(given.folder, given.datadog, given.dx)


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


def _check(folder: Path, datadog: int, dx: int) -> int:
    try:
        wanted = expected(os.environ, datadog, dx)
    except KeyError as error:
        raise SystemExit(f"{error.args[0]} is not set; `check` is for a workflow") from None
    if not folder.is_dir():
        raise SystemExit(f"there is no {folder}, which `start` makes")
    _write(folder / "end", "")
    received = json.loads(_read(folder / "received.json"))
    for name in wanted:
        print(f"{name}: {len(received[name])} received, {len(wanted[name])} wanted")
        for found in received[name]:
            print(json.dumps(found))
    if received != wanted:
        print("::error title=Self-test::not received as wanted, which is:", json.dumps(wanted))
        return 1
    return 0


def _show(folder: Path) -> int:
    if why := action.why_not():
        raise SystemExit(why)
    action.fetched(folder / "action")
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with Datadog(api_key=API_KEY, status=200) as datadog, Dx(token=TOKEN) as dx:
        _write(folder / "hosts.sed", HOSTS.format(datadog=datadog.url, dx=dx.url))
        _write(folder / "secrets", f"DATADOG_API_KEY={API_KEY}\nDX_TOKEN={TOKEN}\n")
        print(
            f"datadog-site: {datadog.url}  datadog-api-key: {API_KEY}",
            f"dx-instance:  {dx.url}  dx-token: {TOKEN}",
            "Each request is shown here, until Ctrl-C. To send some by act: docs/try.md",
            sep="\n",
            flush=True,
        )
        shown = {"Datadog": 0, "DX": 0}
        is_last = False
        while not is_last:
            is_last = ended.wait(_PAUSE)
            for name, receiver in (("Datadog", datadog), ("DX", dx)):
                for each in receiver.received[shown[name] :]:
                    print(_in_words(name, each), flush=True)
                    shown[name] += 1
    return 0


def _in_words(name: str, received: Received) -> str:
    body = repr(received.body)
    if received.json is not None:
        body = json.dumps(received.json, indent=2, ensure_ascii=False)
    return (
        f"\n{name} was sent {received.method} {received.path}\n{body}\n"
        f"{name} answered {received.status} {json.dumps(received.answer)}"
    )


def _start(folder: Path) -> int:
    try:
        folder.mkdir()
    except FileExistsError:
        raise SystemExit(f"{folder} is there already; name a folder that is not") from None
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
    if path := os.environ.get("GITHUB_OUTPUT"):  # else nobody but the reader is to know
        with Path(path).open("a", encoding="utf-8", newline="\n") as outputs:
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
    sys.exit(main(sys.argv[1:]))
