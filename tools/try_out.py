"""Dry-run the action on a saved payload: `make try EVENT=payload.json WITH="service=shop"`.

The action itself runs, as a process of its own, with the variables that GitHub would set for
the event. It has no key and no token, so that it asks and tells nobody anything. Only the
standard library need be there: the action brings its packages, as it does on a runner.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Final

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "src"))

from dora_deployments.actions import payload  # noqa: E402 - needs the path
from dora_deployments.actions.inputs import SECRETS, Inputs  # noqa: E402 - needs the path
from dora_deployments.actions.payload import Payload  # noqa: E402 - needs the path

INPUTS: Final = tuple(
    field.name.replace("_", "-") for field in fields(Inputs) if field.name != "warnings"
)
# The first event whose keys a payload has is the one that it is of.
SHAPES: Final = {
    "deployment_status": ("deployment_status",),
    "workflow_job": ("workflow_job",),
    "deployment": ("deployment",),
    "workflow_run": ("workflow_run", "workflow"),
    "pull_request": ("pull_request", "number"),
    "pull_request_review": ("pull_request", "review"),
    "pull_request_review_comment": ("pull_request", "comment"),
    "release": ("release",),
    "repository_dispatch": ("client_payload",),
    "schedule": ("schedule",),
    "workflow_dispatch": ("workflow", "ref"),
    "push": ("before", "after", "pusher"),
    "create": ("ref_type", "master_branch"),
    "delete": ("ref_type",),
    "check_run": ("check_run",),
    "check_suite": ("check_suite",),
    "issue_comment": ("issue", "comment"),
    "issues": ("issue",),
    "merge_group": ("merge_group",),
    "ping": ("zen",),
}
# Where what wraps a payload has it: a delivery from GitHub's API, the context `github` of a
# workflow, and the requests that queues and functions hand on.
_WRAPPED: Final = ("request.payload", "payload", "event", "body")
# Events whose payloads leave the commit to GITHUB_SHA, always or at times.
_NEED_SHA: Final = {"push", "release", "repository_dispatch", "workflow_dispatch"}
# What a shell has of these, the action would take for GitHub's word.
_OF_RUNNERS: Final = ("ACTIONS_", "GITHUB_", "INPUT_", "RUNNER_")
_COMMAND: Final = re.compile(r"::([a-z-]+)(?: title=([^:]*))?::(.*)")
_OUTPUT: Final = re.compile(r"^(.+)<<(dora_\w+)\n(.+)\n\2$", re.MULTILINE)
_NOTHING: Final = {"[]", "{}", "false"}


class UnusableError(Exception):
    """What `make try` was given cannot be tried; the message says what to write."""


def main(environ: Mapping[str, str], build: Path) -> int:
    """Try what `environ` has as EVENT, NAME, WITH and REPOSITORY; return the exit code.

    That is the action's own, or 2 where there is nothing to start it with. The summary goes to
    the folder `try` of `build`, and the packages of the action are kept in `packages`.
    """
    try:
        path, content = _payload(environ.get("EVENT", ""))
        name = environ.get("NAME") or _name(path, content)
        inputs, notes = with_inputs(environ.get("WITH", ""))
        workspace = _workspace(environ.get("REPOSITORY", ""))
    except UnusableError as error:
        print(f"make try: {error}")
        return 2
    print(f"A dry run of {name}, as {path} has it. Nothing is sent", *notes, "", sep="\n")
    outputs, summary = build / "try" / "outputs", build / "try" / "summary.md"
    outputs.parent.mkdir(parents=True, exist_ok=True)
    for file in (outputs, summary):
        file.write_bytes(b"")
    known = variables(name, content)
    exit_code = _run(
        {
            **{key: value for key, value in environ.items() if not key.startswith(_OF_RUNNERS)},
            **known,
            **workspace,
            "GITHUB_EVENT_PATH": str(path.absolute()),
            "GITHUB_OUTPUT": str(outputs.absolute()),
            "GITHUB_STEP_SUMMARY": str(summary.absolute()),
            "RUNNER_TOOL_CACHE": str((build / "packages").absolute()),
            **{f"INPUT_{key.upper().replace('-', '_')}": value for key, value in inputs.items()},
        }
    )
    found = {each[1]: each[3] for each in _OUTPUT.finditer(outputs.read_text("utf-8"))}
    if found.get("reason") == "bad-event" and name in _NEED_SHA and "GITHUB_SHA" not in known:
        print(
            "A run on GitHub has GITHUB_SHA as well, which the payload does not hold; here, add"
            " commit-sha= and the deployed commit to WITH"
        )
    told = (f"    {key}: {value}" for key, value in found.items() if value not in _NOTHING)
    print("\nOutputs, but for empty ones", *told, f"\nThe job summary is in {summary}", sep="\n")
    return exit_code


def shape_of(content: Payload) -> str | None:
    """Return the name of the event by what its payload has, if that tells.

    A `pull_request_target` looks like a `pull_request`.
    """
    named = (
        name for name, keys in SHAPES.items() if all(content.get(key) is not None for key in keys)
    )
    return next(named, None)


def with_inputs(text: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the inputs that WITH gives, and a sentence on each that is not taken over.

    They are words as a shell has them, `name=value`. Whether a value is a good one is for the
    action to say. Raises `UnusableError` if there is no input of a name.
    """
    if "${{" in text:
        raise UnusableError(
            "WITH holds an expression, which only GitHub can work out; write its value, and leave"
            " out the keys"
        )
    try:
        words = shlex.split(text)
    except ValueError:
        raise UnusableError("WITH has a quote that does not end; end it, or escape it") from None
    given: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        name = name.lower()
        if not equals:
            raise UnusableError(
                f"WITH has {word!r}, which is no input; write name=value, and quotes around a"
                " value with spaces"
            )
        if name not in INPUTS:
            raise UnusableError(f"the action has no input {name!r}{_near(name)}")
        if name in given:
            raise UnusableError(f"WITH has `{name}` twice; write all of it once, in quotes")
        given[name] = value
    notes = tuple(
        f"`{name}` is left out: nothing is looked up or sent here"
        for name in SECRETS
        if name in given
    )
    if (mode := given.get("mode")) in {"replay", "backfill"}:
        raise UnusableError(f"`mode` is {mode}, which reads no event; leave it out")
    used = {name: value for name, value in given.items() if name not in SECRETS}
    return {**used, "dry-run": "true"}, notes


def variables(name: str, content: Payload) -> dict[str, str]:
    """Return the variables that GitHub would set, as far as the payload tells.

    On a closed pull request and a workflow run, for example, GITHUB_SHA is a commit that the
    payload does not hold.
    """
    repository = content.text("repository.full_name") or ""
    page = content.text("repository.html_url") or ""
    found = {
        "GITHUB_EVENT_NAME": name,
        "GITHUB_ACTOR": content.text("sender.login"),
        "GITHUB_REPOSITORY": repository,
        "GITHUB_REPOSITORY_ID": str(content.id("repository.id") or ""),
        "GITHUB_SERVER_URL": page.removesuffix(f"/{repository}"),
        "GITHUB_API_URL": (content.text("repository.branches_url") or "").partition("/repos/")[0],
        "GITHUB_REF": _ref(name, content),
        "GITHUB_SHA": _sha(name, content),
    }
    # A variable cannot hold what no name of GitHub's has, such as half of a character.
    return {key: value for key, value in found.items() if value and value.isprintable()}


def readable(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a step's log as a terminal shows them, its commands in plain words."""
    margin = ""
    for line in lines:
        command = _COMMAND.match(line)
        if command is None:
            yield f"{margin}{line}"
            continue
        level, title, text = (_unescaped(part or "") for part in command.groups())
        if level == "group":
            margin = "    "
            yield text
        elif level == "endgroup":
            margin = ""
            yield ""
        else:
            yield ": ".join(filter(None, (level.capitalize(), title, text)))


def _payload(given: str) -> tuple[Path, Payload]:
    if not given:
        raise UnusableError(
            'write which payload: make try EVENT=payload.json WITH="service=shop"; there are some'
            " in tests/payloads"
        )
    path = Path(given).expanduser()
    try:
        content = payload.parse(path.read_bytes())
    except OSError as error:
        raise UnusableError(
            f"{path} cannot be read ({error.strerror}); write the path of a saved payload"
        ) from None
    except ValueError as error:
        raise UnusableError(
            f"{path} {error}; save the payload of one event, from its first {{ to its last }},"
            " without headers and as UTF-8"
        ) from None
    for where in _WRAPPED:
        if isinstance(content.get(where), (dict, str)):
            raise UnusableError(
                f"{path} has more than an event's payload; save what it has at `{where}` alone"
            )
    return path, content


def _name(path: Path, content: Payload) -> str:
    name = shape_of(content)
    if name is None:
        raise UnusableError(
            f"{path} does not look like an event that deploys; if it is one, add NAME= and the"
            " event's name, which a delivery has as X-GitHub-Event"
        )
    return name


def _workspace(given: str) -> dict[str, str]:
    if not given:
        return {}
    path = Path(given).expanduser()
    if not path.is_dir():
        raise UnusableError(
            f"{path} is no folder; write where your clone is as REPOSITORY, or leave it out"
        )
    return {"GITHUB_WORKSPACE": str(path.absolute())}


def _near(name: str) -> str:
    near = get_close_matches(name.replace("_", "-"), INPUTS, n=1)
    return f"; did you mean `{near[0]}`?" if near else "; docs/inputs.md lists those that it has"


def _ref(name: str, content: Payload) -> str | None:
    if name in {"push", "workflow_dispatch"}:
        return content.text("ref")
    if name == "release":
        tag = content.text("release.tag_name")
        return tag and f"refs/tags/{tag}"
    if name in {"repository_dispatch", "schedule", "workflow_run"}:
        branch = content.text("repository.default_branch")
        return branch and f"refs/heads/{branch}"
    return None


def _sha(name: str, content: Payload) -> str | None:
    if name == "push":
        # What `after` is of an annotated tag, no commit is.
        is_tag = (content.text("ref") or "").startswith("refs/tags/")
        return content.sha("head_commit.id" if is_tag else "after")
    return content.sha("deployment.sha") if name.startswith("deployment") else None


def _run(environ: Mapping[str, str]) -> int:
    """Run the action as a step of the composite would, show its log, and return its exit code."""
    command = [sys.executable, "-I", "-S", "-X", "utf8", "-u", str(ROOT / "entrypoint.py")]
    with subprocess.Popen(  # noqa: S603 - no shell, and every word is ours
        [*command, "composite"],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        for line in readable(line.rstrip("\n") for line in process.stdout or ()):
            print(line, flush=True)
    return process.returncode


def _unescaped(text: str) -> str:
    return re.sub(r"%(0A|0D|25|2C|3A)", lambda found: chr(int(found[1], 16)), text)


if __name__ == "__main__":
    # Ends as other commands do, without a trace: by Ctrl-C, and once nobody reads any more.
    for number in (signal.SIGINT, getattr(signal, "SIGPIPE", signal.SIGINT)):
        signal.signal(number, signal.SIG_DFL)
    sys.exit(main(os.environ, Path("build")))
