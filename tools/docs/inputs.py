"""Write docs/inputs.md: every input and output, from action.yml and the action's own messages.

The examples and the texts about statuses and exit codes are written by hand, here.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

import yaml

from dora_deployments import catalogue
from dora_deployments.actions.inputs import Inputs, of_backfill
from dora_deployments.errors import ConfigurationError, EventError, InputError
from tools.docs.markdown import codes, plain, table

ROOT: Final = Path(__file__).parent.parent.parent
NOW: Final = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)

# Valid values of each input, as written in a workflow.
EXAMPLES: Final[Mapping[str, tuple[str, ...]]] = {
    "mode": ("mode: replay", "mode: backfill"),
    "service": (
        "service: checkout",
        "service: checkout, search",
        "service: |\n  checkout=Checkout\n  search=Product search\n",
    ),
    "environment": ("environment: production", "environment: eu-staging"),
    "environment-map": ("environment-map: |\n  prod-*=production\n  preview/*=\n",),
    "branches": ("branches: main, release/**", 'branches: "**, !dependabot/**"'),
    "repository": ("repository: acme/shop",),
    "commit-sha": (
        "commit-sha: ${{ github.sha }}",
        "commit-sha: 5a47c3f0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f6",
    ),
    "previous-sha": ("previous-sha: ${{ github.event.before }}",),
    "merge-commit-shas": (
        "merge-commit-shas: 5a47c3f0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f6",
        "merge-commit-shas: '[\"5a47c3f0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f6\"]'",
    ),
    "attribution": ("attribution: commit",),
    "integration-branch": ("integration-branch: develop",),
    "version": ("version: v1.12.0", "version: ${{ github.ref_name }}"),
    "team": ("team: payments",),
    "tags": ("tags: |\n  region:eu-west-1\n  tier:1\n",),
    "metadata": ('metadata: \'{"region": "eu-west-1"}\'',),
    "started-at": (
        "started-at: ${{ needs.deploy.outputs.started-at }}",
        'started-at: "2026-05-11T09:30:00Z"',
        'started-at: "1778491800"',
    ),
    "finished-at": ('finished-at: "2026-05-11T11:42:00+02:00"',),
    "success": ("success: ${{ needs.deploy.result }}", "success: ${{ job.status }}"),
    "deployment-id": ("deployment-id: checkout-2026-05-11.1",),
    "source-url": ("source-url: https://deploy.example.com/runs/17",),
    "source-name": ("source-name: Argo CD",),
    "config-file": ("config-file: deploy/dora.yml",),
    "github-token": ("github-token: ${{ secrets.READ_TOKEN }}",),
    "datadog-api-key": ("datadog-api-key: ${{ secrets.DATADOG_API_KEY }}",),
    "datadog-site": (
        "datadog-site: datadoghq.eu",
        "datadog-site: us3",
        "datadog-site: https://proxy.example.com/datadog",
    ),
    "dx-token": ("dx-token: ${{ secrets.DX_TOKEN }}",),
    "dx-instance": ("dx-instance: acme", "dx-instance: api.getdx.com"),
    "fail-on": ("fail-on: never", "fail-on: any"),
    "timeout": ("timeout: 120",),
    "dry-run": ("dry-run: true",),
    "replay-path": ("replay-path: dora-undelivered",),
    "since": ("since: 30d", 'since: "2026-01-31"'),
    "until": ('until: "2026-04-30"',),
    "backfill-source": ("backfill-source: releases", "backfill-source: workflow-runs:Deploy"),
    "output-path": ("output-path: dora-backfill",),
}

# Bad values for inputs that no file in tests/messages refuses.
REFUSED: Final[Mapping[str, str]] = {
    "mode": "deploy",
    "environment": "production\nstaging",
    "previous-sha": "main",
    "attribution": "commits",
    "integration-branch": "develop\nmain",
    "version": "v1\nv2",
    "team": "payments\nsearch",
    "deployment-id": "17",
    "source-name": "Argo\nCD",
    "config-file": "../dora.yml",
    "github-token": "'ghs_0123456789abcdef'",
    "replay-path": "one\ntwo",
    "since": "last week",
    "until": "tomorrow",
    "backfill-source": "tags",
    "output-path": "one\ntwo",
}
# Inputs that are refused only in combination, and inputs that another mode does not take.
_TOGETHER: Final = ({"since": "2026-02-01", "until": "2026-01-31"},)
_OTHER_MODE: Final = {"since": "30d", "until": "2026-04-30", "backfill-source": "releases"}

_PAGE: Final = """\
# Inputs and outputs

<!-- Written by `make docs` from action.yml, the catalogue of messages, tests/messages, and
tools/docs/inputs.py, which has the examples and the texts about statuses and exit codes. -->

An empty input counts as not set. White space around a value is removed. All bad inputs are
reported together, before anything is sent. An input overrides the event, and the event overrides
`GITHUB_*` variables.

## All inputs

{inputs}

GitHub passes a secret that does not exist as an empty value, so a backend whose key is empty is
off. Setting only one of `dx-token` and `dx-instance` is an error.

## All outputs

Every run sets all outputs, even if it crashes. They are safe to use in later steps: they contain no
titles, no branch names and no text from a vendor.

{outputs}

## How a run ends

{statuses}

Each entry of the output `results` has its own status:

{outcomes}

## Exit codes

{exit_codes}

## Why nothing was sent

The output `reason` is one of these words, or empty.

{reasons}

## Each input

What each input accepts, and the messages that the log shows for values it refuses.

{each}
"""

STATUSES: Final = (
    ("delivered", "every backend recorded every deployment"),
    ("partial", "something was recorded, but not every deployment by every backend"),
    (
        "rejected",
        "nothing was recorded and a backend refused; or the inputs, configuration or event are bad",
    ),
    ("undelivered", "nothing was recorded because of an outage; no backend refused"),
    ("skipped", "there was nothing to report; `reason` says why"),
    ("dry-run", "everything was built, checked and shown; nothing was sent"),
)
OUTCOMES: Final = (
    ("delivered", "the backend recorded it"),
    ("duplicate", "the backend already had it, from an earlier attempt or run"),
    ("rejected", "the backend refused it"),
    ("undelivered", "the backend could not be reached, or did not answer in time"),
    ("skipped", "the backend cannot record it, such as a failed deployment in Datadog"),
)
EXIT_CODES: Final = (
    ("0", "delivered, skipped, a dry run, or a failure that `fail-on` ignores"),
    ("1", "a refusal with `fail-on: config`; a refusal or an outage with `fail-on: any`"),
    ("2", "bad inputs, bad configuration or a bad event, unless `fail-on` is `never`"),
    ("130, 143", "the job was cancelled"),
)
# For each reason that is an error, its topics.
BAD: Final = {
    InputError.reason: (catalogue.BAD_INPUT,),
    ConfigurationError.reason: (
        catalogue.CONFIG_FILE,
        catalogue.NO_BACKEND,
        catalogue.HALF_OF_DX,
    ),
    EventError.reason: (catalogue.BAD_EVENT,),
}


def page() -> str:
    """Return the page."""
    action = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
    refused, doubtful = refusals(), doubts()
    return _PAGE.format(
        inputs=table(
            ("input", "meaning", "default"),
            (
                (f"[`{name}`](#{name})", declared["description"], _default(declared))
                for name, declared in action["inputs"].items()
            ),
        ),
        outputs=table(
            ("output", "meaning"),
            ((f"`{name}`", output["description"]) for name, output in action["outputs"].items()),
        ),
        statuses=_words("status", STATUSES),
        outcomes=_words("status of a result", OUTCOMES),
        exit_codes=table(("exit code", "when"), EXIT_CODES),
        reasons=table(("reason", "when"), _reasons()),
        each="\n\n".join(
            _input(name, declared, refused[name], doubtful.get(name, ()))
            for name, declared in action["inputs"].items()
        ),
    )


def refusals() -> Mapping[str, tuple[str, ...]]:
    """Return, by input name, the messages that refuse a bad value: one of each form."""
    provoked = [problem for name, value in REFUSED.items() for problem in _problems({name: value})]
    provoked += [problem for given in _TOGETHER for problem in _problems(given)]
    other_mode = {f"INPUT_{name.upper()}": each for name, each in _OTHER_MODE.items()}
    provoked += [problem.text for problem in of_backfill(other_mode)]
    return _by_input(*_kept("error title=Bad input"), *provoked)


def doubts() -> Mapping[str, tuple[str, ...]]:
    """Return, by input name, the warnings about values that are accepted."""
    return _by_input(*_kept("warning title=Deployment report"))


def _by_input(*messages: str) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, dict[str, str]] = {}
    for message in messages:
        name = message.split("`")[1]
        # Messages that differ only in the bad value have the same form.
        form = re.sub(r"'\S*'|\d+", "", message)
        found.setdefault(name, {}).setdefault(form, message)
    return {name: tuple(forms.values()) for name, forms in found.items()}


def _kept(command: str) -> Iterator[str]:
    """Yield the messages about inputs in the workflow commands of that kind in tests/messages."""
    for path in sorted((ROOT / "tests" / "messages").glob("*.txt")):
        text = path.read_text("utf-8")
        for line in re.findall(f"^::{command}::(`.*)$", text, re.MULTILINE):
            yield line.partition(". Read more: ")[0].replace("%25", "%")  # as GitHub shows it


def _problems(given: Mapping[str, str]) -> tuple[str, ...]:
    try:
        Inputs.from_environ({f"INPUT_{name.upper()}": value for name, value in given.items()}, NOW)
    except InputError as error:
        return error.problems
    raise SystemExit(f"{given} are no bad inputs")


def _input(
    name: str, declared: Mapping[str, Any], refused: tuple[str, ...], doubtful: tuple[str, ...]
) -> str:
    """Return the section of one input."""
    default = _default(declared)
    short = [example for example in EXAMPLES[name] if "\n" not in example]
    parts = [
        f"### `{name}`",
        f"{declared['description'].strip()}{f' Default: {default}.' if default else ''}",
        *([f"For example {' or '.join(f'`{example}`' for example in short)}."] if short else []),
        *(f"```yaml\n{example}```" for example in EXAMPLES[name] if example not in short),
        f"Refused:\n\n{_said(refused)}",
        *([f"Accepted with a warning:\n\n{_said(doubtful)}"] if doubtful else []),
    ]
    return "\n\n".join(parts)


def _said(messages: tuple[str, ...]) -> str:
    return "```text\n" + "\n".join(messages) + "\n```"


def _reasons() -> Iterator[tuple[str, str]]:
    for reason, topic in catalogue.SKIPPED.items():
        link = f"[{_lower(topic.happened)}](troubleshooting.md#{topic.slug})"
        yield f"`{reason}`", f"skipped: {link}"
    for reason, topics in BAD.items():
        links = "; or ".join(
            f"[{_lower(topic.happened)}](troubleshooting.md#{topic.slug})" for topic in topics
        )
        yield f"`{reason}`", f"exit code 2: {links}"
    topic = catalogue.INTERNAL_ERROR
    yield "`internal-error`", f"[{_lower(topic.happened)}](troubleshooting.md#{topic.slug})"


def _lower(text: str) -> str:
    return plain(text[:1].lower() + text[1:])


def _words(head: str, rows: tuple[tuple[str, str], ...]) -> str:
    return table((head, "meaning"), ((f"`{word}`", meaning) for word, meaning in rows))


def _default(declared: Mapping[str, Any]) -> str:
    return codes([declared["default"]]) if "default" in declared else ""
