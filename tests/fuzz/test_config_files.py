"""Any configuration file is read as YAML means it, or refused without a word of its values."""

import json
import re

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from dora_deployments.actions import config
from dora_deployments.actions.text import has_controls
from dora_deployments.errors import ConfigurationError
from tests.fuzz import mutate
from tests.report.hostile import TEXT

WHERE = "`.github/dora.yml` of the workspace"
# What no message may show, wherever it stands as a value.
CANARY = re.compile("C4nary[0-9]")
GOOD = """\
# yaml-language-server: $schema=https://C4nary0.test
services:
  checkout: # C4nary1
    name: C4nary2
    team: "C4nary3 \\u00e9"
    paths: ["C4nary4/**", '!C4nary4/*.md']
  'on':
    paths:
      - >-
        C4nary5/
      - C4nary6
  web: {environments: ["C4nary7 \\u2013 web", 'C4nary8-*']}
environments:
  production: [C4nary7, "C4nary8*"]
  C4nary9: [live]
  "": ["pr-*"]
"""
VALUE = {
    "services": {
        "checkout": {"paths": ["C4nary0/**", "!C4nary1"], "name": "C4nary2", "team": "C4nary3"},
        "cart": {"paths": ["C4nary4"]},
        "web": {"environments": ["C4nary9", "C4nary5-*"]},
    },
    "environments": {"production": ["C4nary5", "C4nary6-*"], "": ["C4nary7"], "C4nary8": ["x"]},
}
# fmt: off
PIECES = (
    "\n", "\r", "\r\n", "\n  ", "\n    ", "\n      - ", "\t", " ", "  ", ":", ": ", "- ", "? ", "-",
    "[", "]", "{", "}", ",", "'", '"', "|\n", ">-\n", "|2\n", "#", " # ", "%", "@", "`", "\\", "!",
    "&C4nary0 ", "*C4nary1", "!C4nary2 ", "!!binary ", "!<C4nary3> ", "<<: ", "<<: *C4nary4",
    "---\n", "...\n", "%YAML 1.2\n---\n", "%YAML 9.9\n---\n", "%TAG ! C4nary5\n---\n", "=",
    "\\u12", "\\xZZ", "\\U7fffffff", "\\UC4nary6", "null", "~", "true", "0x1f", "1e999", ".nan",
    "1_0", "~", "..",
    "2026-01-31", "services:", "environments:", "services", "paths", "name: ", "team: ", "paths: ",
    "C4nary7", "C4nary8: ", "C4nary9", "? [C4nary0]\n: x\n", "? {C4nary1: C4nary2}\n: x\n", "/../",
    "C:/", "[" * 40, "{a: " * 40, "- " * 40, "\ufeff", "\x00", "\x85", "\u2028", "\x1b", "\u202e",
)
# fmt: on
# Where a value or a key begins, and anywhere.
STARTS = [found.start() for found in re.finditer("C4nary|[\\[\"'](?=C4)|live|'on'|prod", GOOD)]
EDITS = st.lists(
    st.tuples(
        st.sampled_from(STARTS) | st.integers(0, len(GOOD)),
        st.sampled_from([0, 0, 1]) | st.integers(0, 30),
        st.sampled_from(PIECES),
    ),
    max_size=4,
)
CHANGES = mutate.changes([*mutate.places(VALUE), ("name",), ("services", "x"), ("environments",)])
CONTENTS = st.one_of(
    EDITS.map(lambda edits: edited(GOOD, edits).encode(errors="surrogatepass")),
    # One sign alone: among several, most files are no YAML any more.
    st.builds(
        lambda at, piece: edited(GOOD, [(at, 0, piece)]).encode(),
        st.sampled_from(STARTS),
        st.sampled_from([piece for piece in PIECES if CANARY.search(piece)]),
    ),
    CHANGES.map(lambda changes: mutate.text(mutate.changed(VALUE, changes)).encode()),
    CHANGES.map(lambda changes: dumped(mutate.changed(VALUE, changes))),
    st.lists(st.sampled_from(PIECES) | TEXT, max_size=12).map(
        lambda pieces: "".join(pieces).encode(errors="surrogatepass")
    ),
    st.builds(
        lambda at, inside: GOOD.encode()[:at] + inside + GOOD.encode()[at:],
        st.integers(0, len(GOOD)),
        st.binary(max_size=4),
    ),
)


def edited(text, edits):
    """Return `text` with pieces cut out and put in."""
    for at, cut, piece in edits:
        text = text[:at] + piece + text[at + cut :]
    return text


def dumped(value):
    """Return `value` as a block of YAML, or as JSON where YAML has no such value."""
    try:
        return yaml.safe_dump(value, allow_unicode=True).encode()
    except (yaml.YAMLError, UnicodeEncodeError, ValueError):
        return json.dumps(value).encode()


def keys(text):
    """Return every key in the YAML `text`, as PyYAML takes it apart; none if it cannot."""
    found, inside, is_key = set(), [], False
    try:
        for event in yaml.parse(text):
            if isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                inside.pop()
                continue
            if inside and inside[-1] != "list":
                is_key = inside[-1] == "key"
                inside[-1] = "value" if is_key else "key"
                if is_key and isinstance(event, yaml.ScalarEvent):
                    found.add(event.value)
            if isinstance(event, yaml.SequenceStartEvent):
                inside.append("list")
            elif isinstance(event, yaml.MappingStartEvent):
                inside.append("key")
    except (yaml.YAMLError, ValueError, OverflowError):
        return set()
    return found


def check_refusal(problems, content):
    assert problems
    for problem in problems:
        assert problem.startswith(WHERE)
        assert not has_controls(problem)
    if told := {*CANARY.findall(" ".join(problems))}:
        assert told <= {*CANARY.findall(" ".join(keys(content.decode("utf-8-sig"))))}


@pytest.mark.threat(13)
@given(content=CONTENTS)
@example(content=GOOD.encode())
@example(content=json.dumps(VALUE).encode())
def test_any_file_is_what_yaml_means_or_refused_without_a_word_of_its_values(content):
    try:
        found = config.parse(content, WHERE)
    except ConfigurationError as error:
        check_refusal(error.problems, content)
        return
    meant = yaml.load(content.decode("utf-8-sig"), Loader=yaml.BaseLoader)
    assert [
        (each.service.identifier, each.paths, each.environments) for each in found.services
    ] == [
        (identifier, tuple(service.get("paths", ())), tuple(service.get("environments", ())))
        for identifier, service in meant.get("services", {}).items()
    ]
    assert [(each.service.name, each.service.team) for each in found.services] == [
        (service.get("name"), service.get("team")) for service in meant.get("services", {}).values()
    ]
    assert [(rule.glob, rule.name) for rule in found.environments] == [
        (glob, "production" if name.lower() == "production" else name)
        for name, globs in meant.get("environments", {}).items()
        for glob in globs
    ]
