"""The demonstration: real-shaped events, strict stand-ins, no account anywhere.

The receivers stand in for Datadog and DX on this machine and refuse what the vendors'
documents refuse; another server stands in for GitHub's API, over a git history that is made
on the spot. The action runs as a process of its own, as in a workflow.
"""

import json
import shutil
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.end_to_end.github.history import History  # noqa: E402 - needs the path
from tests.end_to_end.github.hosted import iso  # noqa: E402 - needs the path
from tests.end_to_end.github.standin import GitHub  # noqa: E402 - needs the path
from tests.end_to_end.receivers import (  # noqa: E402 - needs the path
    Datadog,
    Dx,
    Faulty,
    Received,
    answer,
)
from tests.end_to_end.runner import GITHUB_SHA, run_action  # noqa: E402 - needs the path
from tests.payloads import payload_file  # noqa: E402 - needs the path

API_KEY = "0123456789abcdef0123456789abcdef"
TOKEN = "a-made-up-dx-token"  # noqa: S105 - a token for the receiver in this very process
LOOK_UPS = "token-of-the-demo"
CONFIG = """\
services:
  checkout:
    name: Checkout
    paths: ["services/checkout/**", "libs/cart/**"]
  search:
    paths: ["services/search/**"]
"""


def main() -> int:
    """Run the action on each event and show what came of it; return 1 if anything failed."""
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory() as workspace,
        History(Path(folder)) as history,
        Datadog(api_key=API_KEY, status=200) as datadog,
        Dx(token=TOKEN, repositories=("acme/shop",)) as dx,
        Faulty(answer(503)) as down,
    ):
        deployed = deployment(history)
        pushed = payload_file("push.branch")
        with GitHub(history, token=LOOK_UPS) as github:
            servers = (datadog, dx, github)
            statuses = [
                report(
                    f"A pull request was merged, with GITHUB_SHA {GITHUB_SHA[:7]} to mislead us",
                    "pull_request",
                    payload_file("pull_request.closed.merged"),
                    {"SERVICE": "checkout=Checkout"},
                    servers,
                    workspace,
                ),
                report(
                    "A deployment succeeded, with three pull requests since the one before",
                    "deployment_status",
                    deployed,
                    {},
                    servers,
                    workspace,
                ),
                report(
                    "A commit was pushed, while DX is down",
                    "push",
                    pushed,
                    {"SERVICE": "checkout", "GITHUB-TOKEN": "", "DX-INSTANCE": down.url},
                    servers,
                    workspace,
                ),
                report(
                    "DX is back, and what was saved is replayed",
                    "push",
                    pushed,
                    {"MODE": "replay"},
                    servers,
                    workspace,
                ),
            ]
        refused = [r for r in (*datadog.received, *dx.received) if not 200 <= r.status < 300]
    delivered = statuses == ["delivered", "delivered", "partial", "delivered"] and not refused
    say("Every deployment reached both receivers" if delivered else "Something went wrong")
    return 0 if delivered else 1


def report(
    title: str,
    event_name: str,
    content: dict[str, Any],
    inputs: dict[str, str],
    servers: tuple[Datadog, Dx, GitHub],
    workspace: str,
) -> str:
    """Run the action on one event, show all that it told, and return its output `status`."""
    datadog, dx, github = servers
    say(f"{title}: `{event_name}`")
    before = {name: len(server.received) for name, server in (("Datadog", datadog), ("DX", dx))}
    asked = len(github.asked)
    finished = run_action(
        event_name,
        content,
        {
            "DATADOG-API-KEY": API_KEY,
            "DATADOG-SITE": datadog.url,
            "DX-TOKEN": TOKEN,
            "DX-INSTANCE": dx.url,
            "GITHUB-TOKEN": LOOK_UPS,
            **inputs,
        },
        {"GITHUB_API_URL": github.api_url, "GITHUB_WORKSPACE": workspace},
    )
    show("The log of the step", finished.log + finished.errors)
    if github.asked[asked:]:
        show("What GitHub was asked", "\n".join(map(str, github.asked[asked:])))
    for name, server in (("Datadog", datadog), ("DX", dx)):
        for received in server.received[before[name] :]:
            show(f"What {name} received", request(received))
    for path in sorted(Path(workspace).rglob("*.json")):
        show(f"What is saved in {path.parent.name}/{path.name}", path.read_text("utf-8"))
    outputs = (f"{key}: {value}" for key, value in finished.outputs.items())
    show(f"Outputs (exit code {finished.exit_code})", "\n".join(outputs))
    show("The job summary, as Markdown", finished.summary)
    return finished.outputs["status"]


def deployment(history: History) -> dict[str, Any]:
    """Make a history of two deployments and return the event of the second one."""
    history.deploy(history.commit(files={".github/dora.yml": CONFIG}))
    for index, (path, method) in enumerate(
        (
            ("services/checkout/pay.py", "squash"),
            ("libs/cart/sum.py", "merge"),
            ("services/search/find.py", "rebase"),
        )
    ):
        branch = f"change-{index}"
        history.branch(branch)
        history.commit(branch, {path: "better"})
        history.merge_pull(history.open_pull(branch, title=f"Change {path}"), method)
    content = payload_file("deployment_status.success")
    sha = history.branches["main"]
    number = history.deploy(sha, content["deployment"]["environment"], states=("success",))
    created_at = iso(history.deployments[number].created_at)
    content["deployment"].update(id=number, sha=sha, created_at=created_at)
    content["deployment_status"].update(created_at=created_at)
    return content


def request(received: Received) -> str:
    """Return a request and its answer as text."""
    body = json.dumps(received.json, indent=2)
    answer = json.dumps(received.answer)
    return f"{received.method} {received.path}\n{body}\nanswered {received.status}: {answer}"


def say(text: str) -> None:
    """Print a headline."""
    print(f"\n=== {text} ===", flush=True)


def show(title: str, text: str) -> None:
    """Print a text under its title."""
    print(f"\n--- {title}\n{textwrap.indent(text.rstrip(), '    ')}", flush=True)


if __name__ == "__main__":
    sys.exit(main() if shutil.which("git") else "this needs git")
