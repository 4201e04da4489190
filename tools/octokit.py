"""Run the action on every example of GitHub's events: `python -m tools.octokit FOLDER`.

FOLDER is the npm package `@octokit/webhooks-examples`, unpacked. Each example goes through
the real entry point, with strict receivers for backends. Prints how often each status and
reason came up; exits with 1 if a run ended in any way but the documented ones.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.end_to_end.receivers import Datadog, Dx
from tests.end_to_end.runner import Finished, run_action

API_KEY = "0123456789abcdef0123456789abcdef"
TOKEN = "a-made-up-dx-token"  # noqa: S105 - a token for the receiver in this very process


def main(folder: str) -> int:
    """Run every example in `folder`, print the counts and return the exit code."""
    counts: Counter[tuple[str, str]] = Counter()
    problems: list[str] = []
    with ThreadPoolExecutor() as pool:
        for name, finished, problem in pool.map(_run, examples(Path(folder))):
            outputs = finished.outputs
            reason = outputs.get("reason") or name
            counts[outputs.get("status", "none"), reason] += 1
            if problem:
                problems.append(problem)
    for (status, reason), count in sorted(counts.items()):
        print(f"{count:5}  {status:10} {reason}")
    print(f"{sum(counts.values())} examples, {len(problems)} problems", *problems, sep="\n")
    return 1 if problems or not counts else 0


def _run(case: tuple[str, str, Any]) -> tuple[str, Finished, str | None]:
    source, name, content = case
    with Datadog(api_key=API_KEY) as datadog, Dx(token=TOKEN) as dx:
        inputs = {
            "DATADOG-API-KEY": API_KEY,
            "DATADOG-SITE": datadog.url,
            "DX-TOKEN": TOKEN,
            "DX-INSTANCE": dx.url,
        }
        variables = {}
        if name == "release":  # as GitHub sets it for this event
            variables["GITHUB_REF"] = f"refs/tags/{content['release']['tag_name']}"
        finished = run_action(name, content, inputs, variables)
        problem = _problem(finished)
        for received in (*datadog.received, *dx.received):
            if not 200 <= received.status < 300:
                problem = f"refused with {received.answer}: {received.body!r}"
    return name, finished, problem and f"{source} {name}: {problem}"


def examples(folder: Path) -> Iterator[tuple[str, str, Any]]:
    """Yield source, event name and payload of every example, of every edition of GitHub."""
    for index in sorted(folder.glob("*/index.json")):
        for event in json.loads(index.read_text("utf-8")):
            for content in event["examples"]:
                yield index.parent.name, event["name"], content


def _problem(finished: Finished) -> str | None:
    """Return what is wrong with a run, whatever its payload was."""
    outputs = finished.outputs
    if finished.exit_code not in {0, 2}:
        return f"exit code {finished.exit_code}"
    if "Traceback" in finished.log or finished.errors:
        return f"a trace, or words on standard error: {finished.errors}"
    if outputs.get("reason") == "internal-error":
        return finished.log.splitlines()[-1]
    if outputs.get("status") not in {"delivered", "skipped", "rejected"}:
        return f"status {outputs.get('status')}"
    if outputs["status"] != "delivered" and not outputs["reason"]:
        return "no reason"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
