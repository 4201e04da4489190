"""The demonstration: two real-shaped events, two strict receivers, no account anywhere.

The receivers stand in for Datadog and DX on this machine and refuse what the vendors'
documents refuse. The action runs as a process of its own, as in a workflow.
"""

import json
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.end_to_end.receivers import Datadog, Dx, Received  # noqa: E402 - needs the path
from tests.end_to_end.runner import GITHUB_SHA, run_action  # noqa: E402 - needs the path

API_KEY = "0123456789abcdef0123456789abcdef"
TOKEN = "a-made-up-dx-token"  # noqa: S105 - a token for the receiver in this very process
EVENTS = (
    ("pull_request", "pull_request.closed.merged", "A pull request was merged"),
    ("deployment_status", "deployment_status.success", "A deployment succeeded"),
)


def main() -> int:
    """Run the action on each event and show what came of it; return 1 if anything failed."""
    good = True
    with (
        Datadog(api_key=API_KEY, status=200) as datadog,
        Dx(token=TOKEN, repositories=("acme/shop",)) as dx,
    ):
        for event_name, file, title in EVENTS:
            content = (ROOT / "tests" / "payloads" / f"{file}.json").read_bytes()
            say(f"{title}: `{event_name}`, with GITHUB_SHA {GITHUB_SHA[:7]} to mislead us")
            finished = run_action(
                event_name,
                content,
                {
                    "SERVICE": "checkout=Checkout",
                    "DATADOG-API-KEY": API_KEY,
                    "DATADOG-SITE": datadog.url,
                    "DX-TOKEN": TOKEN,
                    "DX-INSTANCE": dx.url,
                },
            )
            show("The log of the step", finished.log + finished.errors)
            for name, received in (("Datadog", datadog.received), ("DX", dx.received)):
                show(f"What {name} received", request(received[-1]))
            outputs = (f"{key}: {value}" for key, value in finished.outputs.items())
            show(f"Outputs (exit code {finished.exit_code})", "\n".join(outputs))
            show("The job summary, as Markdown", finished.summary)
            good &= finished.exit_code == 0 and finished.outputs["status"] == "delivered"
        refused = [r for r in (*datadog.received, *dx.received) if not 200 <= r.status < 300]
    good &= not refused
    say("Both deployments reached both receivers" if good else "Something went wrong, see above")
    return 0 if good else 1


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
    sys.exit(main())
