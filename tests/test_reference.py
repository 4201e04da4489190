"""The pages of inputs, events and the configuration file say what the action does."""

import json
import re
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest
import yaml
from jsonschema import Draft202012Validator

from dora_deployments import catalogue
from dora_deployments.actions import config, strict_yaml
from dora_deployments.actions.event import Places, Unresolved
from dora_deployments.actions.events import EVENTS, interpret_event
from dora_deployments.actions.inputs import Inputs
from dora_deployments.attribution import commit
from dora_deployments.attribution.github.api import WIDTH
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.backends import schema
from dora_deployments.backfill import csv_file
from dora_deployments.deployment import Status
from dora_deployments.errors import ActionError, ConfigurationError, EventError, InputError
from dora_deployments.report.account import RunStatus
from tests.builders import GITHUB_SHA, NOW, event, payload_file, run
from tools import docs, pages
from tools.docs import events, inputs, parts, past

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "dora_deployments"
ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
SCHEMA = json.loads(config.SCHEMA.read_text("utf-8"))
MODELINE = f"# yaml-language-server: $schema={SCHEMA['$id']}"
KINDS = [(name, places) for name, kind in EVENTS.items() for places in kind.places]
SHOWN = {
    f"{path.relative_to(ROOT)}:{block.line}": block.text
    for path in pages.pages(ROOT)
    for block in pages.blocks(path.read_text("utf-8"))
    if block.text.startswith("# .github/dora.yml\n")
}
FILES = {path.name: path.read_text("utf-8") for path in (ROOT / "examples").glob("*dora*.yml")}


def page(name):
    return (ROOT / "docs" / name).read_text("utf-8")


# --- generated parts


def test_a_page_that_lacks_a_part_that_it_must_have_cannot_be_written():
    with pytest.raises(SystemExit, match=re.escape("SECURITY.md has 0 parts named threats")):
        docs.renewed("SECURITY.md", "# Security\n")


def test_a_page_may_have_any_example_between_two_comments():
    text = "<!-- begin {0} -->\n<!-- end {0} -->\n<!-- begin push -->\n<!-- end push -->\n"
    example = (ROOT / "examples" / "push.yml").read_text("utf-8")
    renewed = docs.renewed("README.md", text.format("merged-pull-request"))
    assert f"```yaml\n# .github/workflows/push.yml\n{example}```\n<!-- end push -->" in renewed


@pytest.mark.parametrize("name", docs.WHOLE)
def test_a_page_that_is_written_whole_says_so(name):
    assert "\n<!-- Written by `make docs` from " in (ROOT / name).read_text("utf-8")


# --- inputs


def test_every_input_has_a_section_of_its_own_to_link_to():
    assert set(ACTION["inputs"]) <= pages.anchors(page("inputs.md"))
    assert list(inputs.EXAMPLES) == list(ACTION["inputs"])


@pytest.mark.parametrize("name", ACTION["inputs"])
def test_what_may_be_written_for_an_input_is_taken_without_a_doubt(name):
    section = page("inputs.md").partition(f"\n### `{name}`\n")[2].partition("\n### ")[0]
    for example in inputs.EXAMPLES[name]:
        assert example in section
        (given,) = yaml.load(example, yaml.BaseLoader).items()
        assert given[0] == name
        value = given[1]
        for expression, meant in EXPRESSIONS.items():
            value = value.replace(f"${{{{ {expression} }}}}", meant)
        assert "${{" not in value
        environ = {"INPUT_DATADOG-API-KEY": "0123456789abcdef0123456789abcdef"}
        environ[f"INPUT_{name.upper()}"] = value
        assert Inputs.from_environ(environ, NOW).warnings == ()


EXPRESSIONS = {
    "github.sha": GITHUB_SHA,
    "github.event.before": "0" * 40,
    "github.ref_name": "v1.12.0",
    "needs.deploy.outputs.started-at": "2026-05-11T09:30:00Z",
    "needs.deploy.result": "success",
    "job.status": "cancelled",
    "secrets.READ_TOKEN": "ghs_F0rTheExamples4l0ne",
    "secrets.DATADOG_API_KEY": "0123456789abcdef0123456789abcdef",
    "secrets.DX_TOKEN": "dxT0k3nF0rTheExamples",
}


def test_every_input_is_said_to_be_refused_in_the_words_of_the_action():
    refused = inputs.refusals()
    assert set(refused) == set(ACTION["inputs"])
    assert refused["timeout"] == (
        (
            "`timeout` is 'soon'; write a whole number from 5 to 300, or to 21600 with"
            " `mode: backfill`, without a unit"
        ),
    )
    assert [text for texts in refused.values() for text in texts if "Read more" in text] == []


def test_an_input_is_refused_in_one_message_of_each_form():
    assert inputs.refusals()["dry-run"] == ("`dry-run` is '\"on\"'; write true or false",)


def test_what_is_no_bad_input_cannot_be_shown_as_one():
    with pytest.raises(SystemExit, match=r"\{'timeout': '60'\} are no bad inputs"):
        inputs._problems({"timeout": "60"})


def test_since_is_shown_with_what_is_wrong_with_it_beside_until_and_in_another_mode():
    _, later, other_mode = inputs.refusals()["since"]
    assert later.startswith("`since` (2026-02-01T00:00:00+00:00) is later than `until` (2026-01-")
    assert other_mode.startswith("`since` is of `mode: backfill`, and `mode` is another one; ")


def test_doubts_about_an_input_stand_in_its_section():
    assert inputs.doubts()["dx-token"] == (
        "`dx-token` has white space around it, which was cut; store it without",
        "`dx-token` starts with Bearer; store the token alone",
    )


def test_every_status_is_explained():
    assert [status for status, _ in inputs.STATUSES] == list(get_args(RunStatus))
    assert [status for status, _ in inputs.OUTCOMES] == list(get_args(Status))


def test_every_reason_is_explained():
    code = "".join(path.read_text("utf-8") for path in sorted(SOURCE.rglob("*.py")))
    named = set(re.findall(r'(?:Skip\(\s*|\breason = )f?"([a-z-]+?)(?:\{|")', code)) - {"job-"}
    errors = {kind.reason for kind in (InputError, ConfigurationError, EventError)}
    table = page("inputs.md").partition("## Why nothing was sent\n")[2].partition("\n## ")[0]
    explained = re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE)
    assert explained == [*catalogue.SKIPPED, *inputs.BAD, "internal-error"]
    assert named <= set(explained)
    assert set(inputs.BAD) == errors == {kind.reason for kind in ActionError.__subclasses__()}


# --- past deployments


def test_every_column_of_the_csv_file_is_explained_by_a_body_that_dx_takes():
    assert sorted([*past.BODY, *past.ELSE]) == sorted(csv_file.COLUMNS)
    assert schema.problems("dx.deployments.create", dict(past.BODY)) == []


def test_the_requests_for_one_large_repository_are_those_of_the_formula():
    # Deployments, how they ended and whose they are, commits, pull requests, and a few.
    assert past.LARGE.requests == 100 + 100 + 100 + 500 + 120 + 6
    # GITHUB_TOKEN has a thousand an hour for a repository.
    assert past.LARGE.requests < 1_000
    assert "| requests to read them | about 930 |" in page("backfill.md")
    assert "| 2 h 47 min |" in page("backfill.md")


def test_the_requests_for_an_organisation_are_summed_up():
    (quiet, usual, busy) = past.ORGANISATION
    each = (
        1 + 1 + 1 + 1 + 1 + 6,
        2 + 2 + 2 + 8 + 3 + 6,
        25 + 25 + 25 + 80 + 25 + 6,
    )
    assert (quiet.requests, usual.requests, busy.requests) == each
    total = 2_000 * each[0] + 800 * each[1] + 200 * each[2]
    assert f"| requests in all | {total:,}: " in page("backfill.md")
    assert sum(kind.repositories for kind in past.ORGANISATION) == 3_000
    assert "| runs, one for each shard | 12 |" in page("backfill.md")


def test_the_jobs_of_an_organisation_ask_for_no_more_at_once_than_github_allows():
    # GitHub, "Rate limits for the REST API": 100 concurrent requests.
    assert past.side_by_side() * WIDTH <= 100


# --- events


def names_of(places):
    """The fields of a kind of event, and the paths that each is read from."""
    return [
        (field.name, getattr(places, field.name))
        for field in fields(Places)
        if isinstance(getattr(places, field.name), tuple) and field.name != "final"
    ]


PAYLOADS = {
    "a merged pull request": "pull_request.closed.merged",
    "a pushed branch": "push.branch",
    "a pushed tag": "push.tag.annotated",
    "a published release": "release.published",
    "the status of a GitHub deployment": "deployment_status.success",
    "a workflow run that has ended": "workflow_run.success",
    "a run that somebody started": "workflow_dispatch",
    "a run that a program started": "repository_dispatch",
}
# What is put at a path, and what is then told.
OTHER = {
    "commit": (
        "5A47C3F0C1D2E3F4A5B6C7D8E9F0A1B2C3D4E5F6",
        "5a47c3f0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f6",
    ),
    "identity": (17, "17"),
    "branch": ("release/7", "release/7"),
    "environment": ("elsewhere", "elsewhere"),
    "version": ("refs/tags/v7", "v7"),
    "outcome": ("failed", "False"),
    "started_at": ("2026-01-02T03:04:05Z", "2026-01-02 03:04:05+00:00"),
    "finished_at": ("2026-06-15T11:59:59Z", "2026-06-15 11:59:59+00:00"),
    "source_url": ("https://deploy.example.com/7", "https://deploy.example.com/7"),
}
CASES = [
    pytest.param(name, places, field, number, id=f"{name}-{places.what}-{field}-{number}")
    for name, places in KINDS
    for field, paths in names_of(places)
    for number in range(len(paths))
]


@pytest.mark.parametrize(("name", "places", "field", "number"), CASES)
def test_a_path_of_the_table_is_read_where_those_before_it_hold_nothing(
    name, places, field, number
):
    content = payload_file(PAYLOADS[places.what])
    for path in getattr(places, field)[:number]:
        put(content, path, None)
    value, then = OTHER[field]
    path = getattr(places, field)[number]
    put(content, path, f"refs/heads/{value}" if (field, path) == ("branch", "ref") else value)
    now = told(interpret_event(event(name, content)), field)
    assert now.rpartition(":" if field == "identity" else "refs/tags/")[2] == then


def put(content, path, value):
    *parents, last = path.split(".")
    for parent in parents:
        if not isinstance(content.get(parent), dict):
            content[parent] = {}
        content = content[parent]
    content[last] = value


def told(deployment_event, field):
    """What an event says of a field of the table, as a text."""
    commit = deployment_event.commit_sha
    found = {
        "commit": commit if isinstance(commit, Unresolved) else commit.value,
        "identity": deployment_event.identity,
        "source_url": deployment_event.source_url,
    }
    if field in found:
        return str(found[field])
    fact = getattr(deployment_event, {"outcome": "success"}.get(field, field))
    return fact and str(fact.value)


class Unreachable:
    """GitHub's API when it is down, which keeps what it was asked."""

    def __init__(self):
        self.asked = []

    def __getattr__(self, question):
        def ask(*about):
            self.asked.append((question, *about))
            raise LookUpError("GitHub cannot be reached")

        return ask


def sought(name, content, **variables):
    """Return whether the API is asked for a commit, and what is taken and warned of without it."""
    happened, look_ups = event(name, content, of=run(**variables)), Unreachable()
    deployment_event = interpret_event(happened)
    found, warnings = None, ()
    with suppress(EventError):
        found, warnings = commit.deployed(deployment_event, happened.inputs, "acme/shop", look_ups)
    return (
        look_ups.asked != [],
        found is not None and found.value == GITHUB_SHA,
        (*deployment_event.warnings, *warnings) != (),
    )


@pytest.mark.parametrize(("name", "places"), KINDS)
def test_a_commit_that_a_payload_lacks_is_looked_for_where_the_page_says(name, places):
    content = payload_file(PAYLOADS[places.what])
    for path in places.commit:
        put(content, path, None)
    seen = [sought(name, content, ref=ref) for ref in ("refs/heads/main", "refs/tags/v1.12.0")]
    words = events.COMMIT_ELSE[places.what]
    said = tuple(word in words for word in ("GitHub's API", "`GITHUB_SHA`", "with a warning"))
    assert tuple(map(any, zip(*seen, strict=True))) == said
    # Where nothing of that is there, the deployment is refused.
    assert not sought(name, content, sha="")[1]


def test_every_kind_of_event_and_every_field_of_the_table_is_on_the_page():
    assert list(PAYLOADS) == list(dict.fromkeys(places.what for _, places in KINDS))
    text = page("events.md")
    for name, places in KINDS:
        assert f"## `{name}`" in text or f" `{name}`\n" in text
        for path in (places.state, *places.commit, *places.branch, *places.identity):
            assert f"`{path}`" in text or not path
    assert set(events.COMMIT_ELSE) == set(PAYLOADS)
    assert set(events.LABELS) == {field for field, _ in names_of(KINDS[0][1])}


# Of pull_request_target there are no payloads; it is read as pull_request is.
@pytest.mark.parametrize("name", [name for name in EVENTS if name != "pull_request_target"])
def test_every_reason_for_which_an_event_is_skipped_is_on_the_page(name):
    module = EVENTS[name].read.__module__.rpartition(".")[2]
    code = (SOURCE / "actions" / "events" / f"{module}.py").read_text("utf-8")
    reasons = set(re.findall(r'Skip\(\s*"([a-z-]+)"', code))
    if any(places.branch for places in EVENTS[name].places):
        reasons.add("branch-not-deployed")
    assert {reason for reason, _, _ in events.skipped(name)} == reasons


def test_an_event_is_shown_with_the_examples_that_report_it():
    assert "Examples: [release](../examples/release.yml)." in page("events.md")
    # They are started by hand, and report other deployments than that.
    assert {path.stem for path in (ROOT / "examples").glob("backfill*.yml")} == {
        "backfill",
        "backfill-organisation",
    }
    assert "](../examples/backfill" not in page("events.md")


# --- the configuration file


@pytest.mark.parametrize("where", sorted({**SHOWN, **FILES}))
def test_every_configuration_file_that_is_shown_is_one_and_names_its_schema(where):
    text = {**SHOWN, **FILES}[where]
    assert MODELINE in text.splitlines()
    document = strict_yaml.read(text.encode(), where, largest=len(text.encode()))
    assert list(Draft202012Validator(SCHEMA).iter_errors(document.value)) == []
    config.parse(text.encode(), where)


def test_the_page_of_the_configuration_file_shows_the_one_of_the_examples():
    assert f"```yaml\n{FILES['dora.yml']}```" in page("configuration.md")


@pytest.mark.parametrize("change", [("paths:", "path:"), ("[", "- ["), ("services:", "service:")])
def test_a_bad_configuration_file_would_be_seen(change):
    text = FILES["dora.yml"].replace(*change)
    with pytest.raises(ConfigurationError):
        config.parse(text.encode(), "the example")


def test_the_page_shows_a_message_as_the_action_writes_it():
    text = "services:\n  # without a list of its own\n  checkout: {path: [a], paths: [b]}\n"
    where = "`.github/dora.yml` of the workspace"
    with pytest.raises(ConfigurationError) as raised:
        config.parse(text.encode(), where)
    (message,) = raised.value.problems
    assert f"```text\n{message}\n```" in page("configuration.md")


def test_every_key_of_the_schema_is_in_the_table():
    rows = re.findall(r"^\| (`.*?) \| ", parts.part("keys"), re.MULTILINE)
    assert rows == [
        "`services`",
        "`services.<identifier>`, the key",
        "`services.<identifier>`",
        "`services.<identifier>.name`",
        "`services.<identifier>.team`",
        "`services.<identifier>.paths`",
        "`services.<identifier>.paths[]`",
        "`services.<identifier>.environments`",
        "`services.<identifier>.environments[]`",
        "`environments`",
        "`environments.<environment>`, the key",
        "`environments.<environment>`",
        "`environments.<environment>[]`",
    ]
