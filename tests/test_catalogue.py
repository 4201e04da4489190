"""What is said of every kind of trouble: each has its place, its form and its use."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from dora_deployments import catalogue
from dora_deployments.catalogue import (
    BAD_INPUT,
    DOUBTFUL_INPUT,
    NOT_PRODUCTION,
    Note,
    Topic,
    about_input,
    note,
    notes,
)
from tools import pages
from tools.docs.troubleshooting import SECTIONS

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "dora_deployments"
TREES = {
    path: ast.parse(path.read_text("utf-8"))
    for path in sorted(SOURCE.rglob("*.py"))
    if path.name != "catalogue.py"
}
TOPICS = {name: each for name, each in vars(catalogue).items() if isinstance(each, Topic)}
INPUTS = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))["inputs"].keys()
# As the design publishes them, but for those of exit code 2.
REASONS = {
    "pull-request-not-merged",
    "not-a-merge-event",
    "branch-not-deployed",
    "state-not-final",
    "transient-environment",
    "environment-ignored",
    "ref-deleted",
    "prerelease",
    "event-not-a-deployment",
    "run-not-successful",
    "foreign-repository",
    "no-credentials-on-fork",
    "no-service-touched",
    "job-cancelled",
    "job-skipped",
    "outcome-not-supported",
    "nothing-to-replay",
    "nothing-to-backfill",
}
# What else the topics quote, which is no input.
QUOTED = {
    *("contents: read", "deployments: read", "pull-requests: read", "actions: read"),
    *("types: [closed]", "push", "pull_request", "workflow_dispatch", "repository_dispatch"),
    *("auto", "pull_request_target", "workflow_run", "undelivered-path"),
    "partial",
    *("failure", "error", "inactive", "transient_environment", "production", "client_payload"),
    *("python3", "python", "py -3", "python3.10", "python3-minimal", "python-version"),
    *("if:", "live-demo=live-demo"),
    *("GITHUB_TOKEN", "GITHUB_EVENT_PATH", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"),
    *("NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"),
    "uses: actions/setup-python@v7",
    *("dora-backfill/", ".github/dora.yml", "glob=", '""', "release/**", "github-actions[bot]"),
    *("app.datadoghq.eu", "datadoghq.eu", "/api/v2/dora/deployment", "http", "https"),
    *("_", "-", ".", "/", ":", "if: github.event.pull_request.merged"),
}
CONCLUSION = ("success", "${{ github.event.workflow_run.conclusion == 'success' }}")
BAD = Topic(slug="a", happened="A", means="it is b", change="c")


def texts(topic: Topic) -> Iterator[str]:
    yield from (topic.happened, topic.means, topic.change, topic.more)


def starts_low(text):
    """Return whether it can go on a sentence: with a small letter, a name or what is quoted."""
    return re.match(r"[a-z`]|(GitHub|Datadog|DX|DORA)\b", text) is not None


# --- their places


def test_every_topic_stands_in_exactly_one_section():
    placed = [each for _, section in SECTIONS for each in section]

    assert sorted(each.slug for each in placed) == sorted(each.slug for each in TOPICS.values())
    assert {each.slug: each for each in placed} == {each.slug: each for each in TOPICS.values()}
    assert [title for title, _ in SECTIONS] == [
        "Nothing was reported",
        "Something must be changed first",
        "What Datadog answered",
        "What DX answered",
        "No answer that counts",
        "Historical deployments",
        "The action itself",
        "Warnings",
    ]


def test_every_slug_is_that_of_one_topic_and_of_its_own_heading():
    slugs = [each.slug for each in TOPICS.values()]

    assert len(set(slugs)) == len(slugs)
    assert {pages.slug(slug) for slug in slugs} == set(slugs)
    assert [slug for slug in slugs if not re.fullmatch("[a-z0-9_-]+", slug)] == []


def test_a_topic_is_read_where_its_slug_is():
    assert BAD.page == "troubleshooting.md#a"


# --- their form


@pytest.mark.parametrize("name", TOPICS)
def test_a_topic_is_told_in_parts_of_sentences_that_fit_together(name):
    topic = TOPICS[name]

    assert re.match("[A-Z`]", topic.happened)
    assert starts_low(topic.means)
    assert starts_low(topic.change)
    for part in (topic.happened, topic.means, topic.change):
        assert part == part.strip()
        assert part[-1] not in ".,;:!?"
    assert topic.more == "" or topic.more.endswith(".")
    for text in texts(topic):
        assert text.count("`") % 2 == 0
        assert "  " not in text
        assert "\n" not in text
        assert text.isascii()
    assert topic.sentence == f"{topic.means}; {topic.change}"


def test_a_topic_need_not_have_more_to_tell():
    assert BAD.more == ""
    assert BAD.sentence == "it is b; c"


def test_what_a_topic_quotes_is_an_input_or_known_to_be_none():
    quoted = {
        name for topic in TOPICS.values() for text in texts(topic) for name in text.split("`")[1::2]
    }
    inputs = {name for name in quoted if name.partition(":")[0] in INPUTS}

    assert quoted - inputs == QUOTED


def test_the_values_that_a_topic_has_for_an_input_are_taken():
    values = {
        name.partition(": ")[::2]
        for topic in TOPICS.values()
        for text in texts(topic)
        for name in text.split("`")[1::2]
        if name.partition(": ")[0] in INPUTS and ": " in name
    }

    assert values == {
        ("dry-run", "true"),
        ("fail-on", "any"),
        ("success", "false"),
        CONCLUSION,
        ("mode", "backfill"),
        ("backfill-source", "workflow-runs:NAME"),
    }


def test_the_pages_and_examples_that_a_topic_names_are_there():
    named = {
        name
        for topic in TOPICS.values()
        for text in texts(topic)
        for name in re.findall(r"\b(?:docs|examples)/[a-z-]+\.(?:md|yml)", text)
    }

    assert {"docs/inputs.md", "examples/report-on-push.yml"} <= named
    assert {name for name in named if not (ROOT / name).is_file()} == set()


# --- their use


def used_in(tree):
    """Yield the names of the catalogue that a module uses."""
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "dora_deployments.catalogue"
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in imported:
            yield node.id
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", None) == "catalogue":
            yield node.attr


def test_the_use_of_a_topic_is_seen_however_it_is_imported():
    source = """
from dora_deployments import catalogue
from dora_deployments.catalogue import A, B, C as D
from elsewhere import F
f(A, catalogue.E, D, F, other.G)
"""
    assert {*used_in(ast.parse(source))} == {"A", "D", "E"}


def test_every_topic_but_the_reasons_of_skipped_runs_is_used():
    used = {name for tree in TREES.values() for name in used_in(tree)}

    assert {
        name
        for name, each in TOPICS.items()
        if name not in used and each.slug not in catalogue.SKIPPED
    } == {"NO_PYTHON"}


def test_where_there_is_no_python_the_link_is_that_of_the_topic():
    assert f"/docs/{catalogue.NO_PYTHON.page}\n" in (ROOT / "launch.sh").read_text("utf-8")


def reasons_in(tree):
    """Yield the source of the reason of every `Skip` that a module raises."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "Skip":
            yield ast.unparse(node.args[0])


def test_every_reason_of_a_skipped_run_has_its_topic_and_every_such_topic_its_reason():
    raised = {reason for tree in TREES.values() for reason in reasons_in(tree)}
    one_of_two = "f'job-{event.inputs.success}'"

    assert catalogue.SKIPPED.keys() == REASONS
    assert {each.slug: each for each in catalogue.SKIPPED.values()} == catalogue.SKIPPED
    assert one_of_two in raised
    known = {ast.literal_eval(reason) for reason in raised - {one_of_two}}
    # How a run ends that sent nothing, since no backend counts what it had to tell.
    assert known | {"job-cancelled", "job-skipped", "outcome-not-supported"} == REASONS


def sentences(tree):
    """Yield all texts of a module, those of f-strings with a question mark for each value."""
    within = {
        part
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part is not node
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                part.value if isinstance(part, ast.Constant) else "?" for part in node.values
            )
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in within:
            yield node.value


def test_every_name_with_a_hyphen_that_a_message_quotes_is_an_input_or_a_mode():
    quoted = {
        name
        for tree in TREES.values()
        for text in sentences(tree)
        for name in re.findall(r"`([a-z]+(?:-[a-z]+)+)(?:: [^`]*)?`", text)
    }

    assert {"commit-sha", "datadog-site", "github-token", "environment-map"} <= quoted
    assert quoted - INPUTS == {"pull-services"}


# --- notes


@pytest.mark.parametrize("topic", [BAD_INPUT, DOUBTFUL_INPUT])
def test_what_is_wrong_with_an_input_is_read_at_that_input(topic):
    anchors = pages.anchors((ROOT / "docs" / "inputs.md").read_text("utf-8"))

    assert anchors >= INPUTS
    for name in INPUTS:
        found = about_input(name, "is odd, and so is `mode`", topic)
        assert found == Note(text=f"`{name}` is odd, and so is `mode`", topic=topic, input=name)
        assert found.page == f"inputs.md#{name}"


@pytest.mark.parametrize("name", sorted(TOPICS))
@pytest.mark.parametrize("text", ["", "mode is odd", "`mode` is odd"])
def test_a_note_is_read_at_its_topic_whatever_its_words(name, text):
    found = note(text, TOPICS[name])

    assert found == Note(text=text, topic=TOPICS[name])
    assert found.page == f"troubleshooting.md#{TOPICS[name].slug}"


def test_there_is_a_note_for_each_text():
    assert notes(iter(["`mode` is odd", "b"]), BAD_INPUT) == (
        Note(text="`mode` is odd", topic=BAD_INPUT),
        Note(text="b", topic=BAD_INPUT),
    )
    assert notes([], NOT_PRODUCTION) == ()
