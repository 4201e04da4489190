"""Run the whole action in this process, and audit what became of every report and every key."""

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from dora_deployments.delivery.retry import Pace
from dora_deployments.main import main
from tests.builders import payload_file
from tests.end_to_end.runner import Finished, environment
from tests.report import runner

# Of every kind of character that a form of writing changes.
TOKEN = "dx_9f+Kq/T2~vb=Zr&8Lm%W0sHgYx4EuJp7NcQd"
KEY = "9c41f7a2e05b8d63a94c1e7f20d85b3e"
SECRETS = (TOKEN, KEY)
SERVICES = ("shop", "cart")
HASTY = Pace(base=0.001, cap=0.002, connect_timeout=0.25, read_timeout=0.25)
_OURS = {"add-mask", "group", "endgroup", "notice", "warning", "error", "debug"}


def run(
    folder: Path,
    capfd: pytest.CaptureFixture[str],
    inputs: Mapping[str, str],
    variables: Mapping[str, str] | None = None,
    content: bytes | None = None,
    pace: Pace = HASTY,
) -> Finished:
    """Run the action on a successful deployment of two services; its workspace stays."""
    workspace = folder / "workspace"
    workspace.mkdir(exist_ok=True)
    event = json.dumps(payload_file("deployment_status.success")).encode()
    given = {
        "service": ", ".join(SERVICES),
        "datadog-api-key": KEY,
        "dx-token": TOKEN,
        **inputs,
    }
    environ = environment(folder, "deployment_status", content or event, given)
    environ |= {"GITHUB_WORKSPACE": str(workspace), **(variables or {})}
    return run_main(folder, capfd, environ, pace)


def run_main(
    folder: Path,
    capfd: pytest.CaptureFixture[str],
    environ: Mapping[str, str],
    pace: Pace | None = None,
) -> Finished:
    """Run the action in an environment whose files are in `folder`."""
    for name in ("output", "summary.md"):
        (folder / name).write_bytes(b"")
    capfd.readouterr()
    exit_code = main(environ, pace)
    log, errors = capfd.readouterr()
    return Finished(
        exit_code=exit_code,
        log=log,
        errors=errors,
        outputs=runner.outputs((folder / "output").read_text("utf-8")),
        summary=(folder / "summary.md").read_text("utf-8"),
        saved={
            path.name: path.read_text("utf-8")
            for path in Path(environ["GITHUB_WORKSPACE"]).rglob("*.json")
            if path.is_file()
        },
    )


def leaks(finished: Finished) -> list[str]:
    """Return where a secret shows, in any form or by half; what masks it aside."""
    commands = runner.commands(finished.log)
    assert {command.name for command in commands} <= _OURS
    texts = {
        "log": "\n".join(runner.shown(finished.log)),
        "commands": repr([each for each in commands if each.name != "add-mask"]),
        "errors": finished.errors,
        "outputs": repr(finished.outputs),
        "summary": finished.summary,
        **finished.saved,
    }
    return [
        f"{place}: {form}"
        for place, text in texts.items()
        for secret in SECRETS
        for form in forms(secret)
        if form in text
    ]


def forms(secret: str) -> Iterator[str]:
    """Yield a secret raw, in hex, in base64, as in a URL and in JSON, and both halves of each."""
    raw = secret.encode()
    whole = [
        secret,
        raw.hex(),
        raw.hex().upper(),
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        # The last letters of base64 depend on what follows.
        base64.b64encode(raw).decode()[: len(raw) // 3 * 4],
        base64.urlsafe_b64encode(raw).decode()[: len(raw) // 3 * 4],
        base64.b64encode(b":" + raw).decode()[4 : len(raw) // 3 * 4],
        base64.b64encode(b"::" + raw).decode()[4 : len(raw) // 3 * 4],
    ]
    for form in whole:
        yield from (form, form[: -(-len(form) // 2)], form[len(form) // 2 :])


def bodies(finished: Finished) -> dict[str, Any]:
    """Return the bodies of what was saved, by the file's name."""
    return {name: json.loads(text)["requests"][0]["body"] for name, text in finished.saved.items()}
