"""A case of bad or odd input, and the message that a person would see of it."""

import io
import json
import re
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

from dora_deployments import __version__
from dora_deployments.main import main
from tests.builders import payload_file
from tests.end_to_end.loopback import Local
from tests.end_to_end.runner import environment
from tests.report import runner

API_KEY = "0123456789abcdef0123456789abcdef"
DX_TOKEN = "dxT0k3nF0rTheMessages"
GITHUB_TOKEN = "ghs_F0rTheMessages4l0ne"
USUAL = {"dry-run": "true", "service": "shop"}
DATADOG = {**USUAL, "datadog-api-key": API_KEY}
DX = {**USUAL, "dx-token": DX_TOKEN, "dx-instance": "acme"}
ABSENT = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One run of the action, kept under the first of the `rows` of the fault matrix it proves.

    `given` says in words what is bad or odd. An input or variable that is empty is as good as
    none. `prepare` makes files in the run's own folder and returns more variables. `servers`
    are on for the run, each as the value of a variable. `before` are the inputs, where they
    differ, of an earlier run against the same servers. `hidden` must never be shown.
    """

    rows: tuple[int, ...]
    name: str
    given: str
    event: str = "pull_request"
    content: bytes = field(default=b"", repr=False)
    inputs: Mapping[str, str]
    variables: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[Path], Mapping[str, str]] = lambda _: {}
    servers: Mapping[str, Callable[[], Local]] = field(default_factory=dict)
    before: Mapping[str, str] | None = None
    encoding: str = "utf-8"
    hidden: tuple[str, ...] = (API_KEY, DX_TOKEN, GITHUB_TOKEN)

    @property
    def file(self) -> str:
        """The name of the file that keeps the message."""
        return f"{self.rows[0]:03}-{self.name}.txt"


def payload(name: str, changes: Mapping[str, object] | None = None) -> bytes:
    """Return tests/payloads/NAME.json with other values, or none, at dotted paths."""
    content = payload_file(name)
    for path, value in (changes or {}).items():
        *way, key = path.split(".")
        place = content
        for step in way:
            place = place[step]
        place[key] = value
        if value is ABSENT:
            del place[key]
    return json.dumps(content).encode()


def message(case: Case) -> str:
    """Run the action in this process; return what was given, how it ended, and the whole log.

    What differs from run to run stands as a word in capitals.
    """
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        environ = environment(folder, case.event, case.content, case.inputs)
        environ |= {**case.variables, **case.prepare(folder)}
        places = {
            name: "FOLDER",
            f"dora-deployments {__version__}": "dora-deployments VERSION",
            "\0": "NUL",
        }
        for variable, start in case.servers.items():
            environ[variable] = stack.enter_context(start()).url
            places[environ[variable]] = "http://127.0.0.1:PORT"
        if case.before is not None:
            earlier = {f"INPUT_{key.upper()}": value for key, value in case.before.items()}
            _run({**environ, **earlier, "GITHUB_OUTPUT": ""}, case.encoding)
        began = datetime.now(timezone.utc).replace(microsecond=0)
        exit_code, log = _run(environ, case.encoding)
        seconds = int((datetime.now(timezone.utc) - began).total_seconds())
        for moment in (began + timedelta(seconds=second) for second in range(seconds + 1)):
            places[f"{moment:%Y-%m-%dT%H:%M:%SZ}"] = "NOW"
            places[f"{int(moment.timestamp())}000000000"] = "NOW"
        output = folder / "output"
        found = runner.outputs(output.read_text("utf-8")) if output.exists() else {}
    for place, word in places.items():
        log = log.replace(place, word)
    log = re.sub(", [0-9a-z ]+ before this deployment", ", TIME before this deployment", log)
    ending = f"exit code {exit_code}"
    for key in ("status", "reason"):
        ending += f", {key} {found[key]}" if found.get(key) else f", no {key}"
    return f"Given: {case.given}\nThe end: {ending}\n\n{log}"


def _run(environ: Mapping[str, str], encoding: str) -> tuple[int, str]:
    """Return the exit code, and what a console of that encoding shows."""
    raw = io.BytesIO()
    console = io.TextIOWrapper(raw, encoding, newline="", write_through=True)
    with redirect_stdout(console):
        exit_code = main(environ)
    return exit_code, raw.getvalue().decode(encoding)
