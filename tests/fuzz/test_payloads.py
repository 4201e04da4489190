"""Whatever a payload holds, a run ends as it is documented, and nothing in it speaks for us."""

import contextlib
import io
import json
import re
import unicodedata

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from dora_deployments.actions.inputs import masks
from dora_deployments.main import main
from tests.attribution.test_any_payload import FIXTURES, NAMES, READ, REPORTED
from tests.end_to_end.runner import ROOT, environment
from tests.fuzz import mutate
from tests.report import markdown, runner
from tests.report.hostile import TEXT
from tests.report.runner import Command

SECRET = "dx-token-of-the-fuzzing-0123456789"
OUTPUTS = [*yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))["outputs"]]
# Design, section 3.
SKIPPED = {
    *("pull-request-not-merged", "not-a-merge-event", "branch-not-deployed", "state-not-final"),
    *("transient-environment", "environment-ignored", "ref-deleted", "prerelease"),
    *("event-not-a-deployment", "run-not-successful", "foreign-repository", "job-cancelled"),
    *("no-credentials-on-fork", "no-service-touched", "job-skipped", "outcome-not-supported"),
    "nothing-to-replay",
}
REFUSED = {"bad-input", "bad-configuration", "bad-event"}
TITLES = re.compile(
    r"Bad (input|configuration|event)|Nothing to report \([a-z-]+\)|Deployment report"
    r"|(Datadog|DX): .*"
)
GROUPS = re.compile(
    r"What was (deployed|merged), by the event .*|Shipped changes|Request for (Datadog|DX), .*"
)
SAFE = re.compile(r"[A-Za-z0-9 _./:@+-]*")

CONFIG = """\
services:
  checkout: {paths: ["services/checkout/**"], name: Checkout}
  cart: {paths: ["*"], team: payments}
environments:
  production: ["prod*", live]
  "": ["pr-*"]
"""
GIVEN = (
    {},
    {"commit-sha": "5a47c3f0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f6"},
    {"commit-sha": "5a47c3f"},
    {"environment": "live", "branches": "**", "success": "true", "fail-on": "never"},
    {"environment-map": "pr*=\nprod*=live\npreview*=", "attribution": "pull-requests"},
    {"repository": "acme/other", "service": "cart, checkout=::error::", "version": "##[error]"},
    {"deployment-id": "rollout-2026-05-21", "tags": "a:</code>\nb:`", "team": "$(id)"},
    {"started-at": "2026-05-14T08:00:00Z", "success": "failure", "metadata": '{"a": "##[group]"}'},
    {"mode": "pull-services", "previous-sha": "b" * 40, "fail-on": "any"},
    {"dx-token": SECRET, "dx-instance": "acme", "attribution": "repository"},
    {"config-file": "dora.yml", "service": "checkout"},
)
VARIABLES = (
    *("GITHUB_EVENT_NAME", "GITHUB_REF", "GITHUB_SHA", "GITHUB_REPOSITORY", "GITHUB_RUN_ID"),
    *("GITHUB_REPOSITORY_ID", "GITHUB_RUN_ATTEMPT", "GITHUB_SERVER_URL", "GITHUB_ACTOR"),
    *("GITHUB_WORKSPACE", "INPUT_ENVIRONMENT", "INPUT_SERVICE", "INPUT_BRANCHES"),
)
PLACES = {
    case: [tuple(path.split(".")) for path in READ] * 5 + mutate.places(payload)
    for case, payload in FIXTURES.items()
}


ENDS = st.sampled_from(["whole"] * 12 + ["cut", "mark", "marks", "bytes", "utf-16"])


@st.composite
def events(draw):
    """Draw an event: its name, a real payload's, what is changed in it and in its bytes."""
    case = draw(st.sampled_from(REPORTED) | st.sampled_from([*FIXTURES]))
    name = draw(st.sampled_from([case.partition(".")[0]] * 5 + [*NAMES]))
    return name, case, draw(mutate.changes(PLACES[case])), draw(ENDS), draw(st.integers(0, 9_999))


def content(case, changes, end, at):
    """Return the bytes of the event's file."""
    raw = mutate.text(mutate.changed(FIXTURES[case], changes)).encode()
    at %= len(raw)
    spoilt = {
        "whole": raw,
        "cut": raw[:at],
        "mark": b"\xef\xbb\xbf" + raw,
        "marks": b"\xef\xbb\xbf" * 2 + raw,
        "bytes": raw[:at] + b"\xff\xc0\x80" + raw[at:],
        "utf-16": raw.decode().encode("utf-16"),
    }
    return spoilt[end]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder for a run's files, beside one with a configuration for a workspace."""
    top = tmp_path_factory.mktemp("runs")
    for path in ("workspace/.github", "run"):
        (top / path).mkdir(parents=True)
    for path in ("workspace/.github/dora.yml", "workspace/dora.yml"):
        (top / path).write_text(CONFIG, "utf-8")
    return top / "run"


def variable(text):
    """Return `text` as a process is given it: without NUL, and any byte that is no UTF-8."""
    return text.replace("\0", "").encode(errors="surrogatepass").decode(errors="surrogateescape")


def run(folder, event, inputs, variables):
    """Run the action in this process; return exit code, log, outputs' file and summary."""
    files = [folder / "output", folder / "summary.md"]
    for file in files:
        file.write_bytes(b"")
    name, *of = event
    environ = environment(folder, name, content(*of), inputs)
    environ |= {name: variable(text) for name, text in variables.items()}
    printed, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(errors):
        exit_code = main(environ)
    assert errors.getvalue() == ""
    return exit_code, printed.getvalue(), *(file.read_bytes().decode() for file in files)


def check_log(log, secrets):
    """Hold a log to the few commands that are ours, each as we write it; masks come first."""
    masks = [Command("add-mask", secret) for secret in secrets]
    commands = runner.commands(log)
    assert commands[: len(masks)] == masks
    is_open = False
    for command in commands[len(masks) :]:
        match command.name:
            case "group":
                assert not is_open
                assert GROUPS.fullmatch(command.data)
                assert command.properties == {}
                is_open = True
            case "endgroup":
                assert is_open
                assert command == Command("endgroup")
                is_open = False
            case "error" | "warning" | "notice":
                assert [*command.properties] == ["title"]
                assert TITLES.fullmatch(command.properties["title"])
                assert not is_open
            case other:
                raise AssertionError(other)
    assert not is_open
    for line in runner.shown(log):
        kinds = {unicodedata.category(character) for character in line if character != "\u200d"}
        assert not kinds & {"Cc", "Cf", "Cs", "Zl", "Zp"}


def check_outputs(found):
    """Hold the outputs to what they may be, whatever a run came to."""
    assert [*found] == OUTPUTS
    for name in ("repository", "environment", "status", "reason", "undelivered-path"):
        assert SAFE.fullmatch(found[name])
    for name in ("commit-sha", "previous-sha"):
        assert re.fullmatch("([0-9a-f]{7,40}|[0-9a-f]{64})?", found[name])
    assert found["rollback"] in {"true", "false"}
    services = json.loads(found["services"])
    assert len(services) == len({*services})
    assert all(SAFE.fullmatch(service) for service in services)
    shas = json.loads(found["merge-commit-shas"])
    assert all(re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", sha) for sha in shas)
    numbers = json.loads(found["pull-requests"])
    assert all(isinstance(number, int) and number > 0 for number in numbers)
    ids = json.loads(found["deployment-ids"])
    assert {*ids} <= {*services}
    assert all(re.fullmatch("[A-Za-z0-9_.:-]{16,128}", each) for each in ids.values())
    for result in json.loads(found["results"]):
        assert result["status"] == "skipped"


@pytest.mark.fault(71, 73, 74, 84, 88)
@pytest.mark.threat(6, 7, 8, 12, 20)
@given(
    event=events(),
    given_inputs=st.sampled_from(GIVEN),
    has_config=st.booleans(),
    variables=st.dictionaries(st.sampled_from(VARIABLES), TEXT, max_size=1),
)
def test_any_payload_ends_a_dry_run_in_a_documented_way_and_says_nothing_of_its_own(
    folder, event, given_inputs, has_config, variables
):
    inputs = {**given_inputs, "dry-run": "true"}
    if has_config:
        variables = {"GITHUB_WORKSPACE": str(folder.parent / "workspace"), **variables}

    exit_code, log, output, summary = run(folder, event, inputs, variables)

    secrets = [SECRET] if "dx-token" in inputs else []
    check_log(log, secrets)
    found = runner.outputs(output)
    check_outputs(found)
    endings = {
        "skipped": ({0}, SKIPPED),
        "rejected": ({0} if inputs.get("fail-on") == "never" else {2}, REFUSED),
        "dry-run": ({0}, {""}),
    }
    exit_codes, reasons = endings[found["status"]]
    assert exit_code in exit_codes
    assert found["reason"] in reasons
    assert found["status"] != "dry-run" or (found["commit-sha"] and found["services"] != "[]")

    words, _ = markdown.read(summary)
    assert words
    assert not any(secret in text for secret in secrets for text in (output, summary))


# Each begins with what nothing of ours has in it by chance.
SECRETS = st.builds(
    "{}k3Y~{}".format,
    st.sampled_from(["", "", "Bearer ", '"', "a\n"]),
    st.text(st.characters(codec="ascii", exclude_categories=["C", "Z"]), min_size=4) | TEXT,
)


@pytest.mark.fault(53, 57, 58)
@pytest.mark.threat(4, 19)
@given(
    name=st.sampled_from(["datadog-api-key", "dx-token"]),
    secret=SECRETS,
    case=st.sampled_from(REPORTED),
    at=st.lists(st.sampled_from(PLACES[REPORTED[0]][: len(READ)]), max_size=3),
    end=st.sampled_from(["", "!", "::error::", "`", "</code>"]),
)
@example("dx-token", "k3Y~\udce9", REPORTED[0], [], "")
def test_a_secret_that_stands_in_a_payload_is_masked_first_and_told_nowhere(
    folder, name, secret, case, at, end
):
    secret = variable(secret)
    changes = [(path, "replace", secret + end) for path in at]
    inputs = {name: secret, "dx-instance": "acme", "dry-run": "true"}
    forms = masks({f"INPUT_{name.upper()}": secret})

    event = (case.partition(".")[0], case, changes, "whole", 0)
    exit_code, log, output, summary = run(folder, event, inputs, {})

    assert exit_code in {0, 2}
    # What a console cannot show is written as an escape.
    shown = [form.encode("utf-8", "backslashreplace").decode() for form in forms]
    assert runner.commands(log)[: len(shown)] == [Command("add-mask", form) for form in shown]
    told = "".join(runner.lines(log)[len(shown) :])
    for form in {*forms, *shown}:
        assert len(form) < 8 or not any(form in text for text in (told, output, summary))
