# ruff: noqa: E501 - a table reads best with a problem on a line
import pytest

from dora_deployments.actions.strict_yaml import read
from dora_deployments.errors import ConfigurationError

WHERE = "`.github/dora.yml` of the workspace"
GOOD = "services:\n  a:\n    paths: [x]\n"
EMPTY = "is empty; write services, environments or both, or delete it"
NO_YAML = (
    "is not YAML; check the indentation, the quotes and the brackets there, and put quotes around"
    " text that has : or starts with another sign"
)
STAR = "has a * that YAML takes for an alias; put quotes around the pattern"
TAG = "has a tag; leave it out, or put quotes around a pattern that starts with !"
ANCHOR = "has an anchor; write the value without &, or put quotes around it"
ALIAS = "is an alias; write the value itself, or put quotes around a pattern that starts with *"
CONTROL = 'has a control character; take it out, or write it as an escape in "double quotes"'
BOUNDS = "has a number or an escape beyond all bounds; correct it"
DEEP = "is nested more than 16 levels deep; write it flatter"


def problems(content):
    """Return the problems of a document, or the one because of which it is none."""
    content = content if isinstance(content, bytes) else content.encode()
    try:
        document = read(content, WHERE, largest=10_000)
    except ConfigurationError as error:
        (problem,) = error.problems
        assert problem.startswith(WHERE)
        return [problem.removeprefix(WHERE)]
    return [f", {problem}" for problem in document.problems]


def test_a_document_has_a_value_and_the_line_of_every_path_in_it():
    document = read(b"a:\n  b: [x, 1, null,\n    yes]\nc: {d: true}\n", WHERE, largest=100)
    assert document.value == {"a": {"b": ["x", 0, None, "yes"]}, "c": {"d": True}}
    assert document.problems == []
    assert document.lines == {
        (): 1,
        ("a",): 1,
        ("a", "b"): 2,
        ("a", "b", 0): 2,
        ("a", "b", 1): 2,
        ("a", "b", 2): 2,
        ("a", "b", 3): 3,
        ("c",): 4,
        ("c", "d"): 4,
    }


def test_a_file_may_be_as_large_as_its_reader_says_and_no_larger():
    assert read(b"a: bcd", WHERE, largest=6).value == {"a": "bcd"}
    with pytest.raises(ConfigurationError) as raised:
        read(b"a: bcde", WHERE, largest=6)
    assert raised.value.problems == (f"{WHERE} is larger than 6 bytes; write less into it",)


@pytest.mark.parametrize(
    "content", ["", "\ufeff", "# nothing\n", "---\n", "---\n...\n", "~", "null"]
)
def test_an_empty_file_is_refused(content):
    assert problems(content) == [f" {EMPTY}"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"a: \xff\n", ", line 1, is not UTF-8; save it as UTF-8"),
        (b"a:\n  b: \xc3\n", ", line 2, is not UTF-8; save it as UTF-8"),
        (b"a: \xed\xa0\x80", ", line 1, is not UTF-8; save it as UTF-8"),
        (GOOD.encode("utf-16"), ", line 1, is not UTF-8; save it as UTF-8"),
        ("a:\n  b: \0", f", line 2, {CONTROL}"),
        ("a: \x1b[31m", f", line 1, {CONTROL}"),
        ("a: \x85b", f", line 1, {CONTROL}"),
        ("a: \u2028b", f", line 1, {CONTROL}"),
        ("a\r\nb\rc\nd\x7f", f", line 4, {CONTROL}"),
        ("a: \ufeffb", f", line 1, {CONTROL}"),
        ("a: \uffff", f", line 1, {CONTROL}"),
        ("services:\n\ta: x", ", line 2, column 1, has a tab; indent with spaces"),
        ("services: a: b", f", line 1, column 12, {NO_YAML}"),
        ("services: [", f", line 1, column 12, {NO_YAML}"),
        ("services: 'a", f", line 1, column 13, {NO_YAML}"),
        ("@a: b", f", line 1, column 1, {NO_YAML}"),
        ("%YAML 2.0\n---\na: b", f", line 1, column 1, {NO_YAML}"),
        ("services:\n  a:\n    paths: [*.md]", f", line 3, column 14, {STAR}"),
        ("services:\n  a:\n    paths:\n    - **/x", f", line 4, column 8, {STAR}"),
        (f"%YAML 1.{'9' * 5000}\n---\na: b", f", line 1, {BOUNDS}"),
        ('a:\n  "\\UFFFFFFFF"', f", line 2, {BOUNDS}"),
        ('a: "\\U00110000"', f", line 1, {BOUNDS}"),
        (f"{GOOD}---\n{GOOD}", ", line 4, starts a second document; write only one"),
        (f"a: {'[' * 17}", f", line 1, {DEEP}"),
    ],
    ids=ascii,
)
def test_what_cannot_be_read_is_refused_with_its_place(content, problem):
    assert problems(content) == [problem]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("services: &a x\nb: *a", [f", line 1: services {ANCHOR}", f", line 2: b {ALIAS}"]),
        (
            "&a services: x",
            [", line 1: the file has the key 'services' with an anchor or a tag; leave that out"],
        ),
        (
            "!!str services: x",
            [", line 1: the file has the key 'services' with an anchor or a tag; leave that out"],
        ),
        (
            "a: &a b\n*a : c",
            [
                f", line 1: a {ANCHOR}",
                ", line 2: the file has a key that is no text; write text",
                f", line 2: '' {ALIAS}",
            ],
        ),
        (
            "services:\n  a:\n    paths:\n    - !x\n    - *y\n    - !!str z",
            [
                f", line 4: services.a.paths[0] {TAG}",
                f", line 5: services.a.paths[1] {ALIAS}",
                f", line 6: services.a.paths[2] {TAG}",
            ],
        ),
        ("!!map {services: x}", [f", line 1: the file {TAG}"]),
        (
            "services:\n  <<: {a: b}",
            [", line 2: services has the merge key <<; write the keys themselves"],
        ),
        (
            "services:\n  8080: x\n  null: x\n  true: x",
            [
                ", line 2: services has the key '8080', which YAML takes for a number; put quotes around it",
                ", line 3: services has the key 'null', which YAML takes for nothing; put quotes around it",
                ", line 4: services has the key 'true', which YAML takes for a boolean; put quotes around it",
            ],
        ),
        ("? [a, b]\n: {c: d}", [", line 1: the file has a key that is no text; write text"]),
        (
            f"{GOOD}{GOOD}",
            [", line 4: services is there twice, first on line 1; write it once"],
        ),
        (
            "services:\n  my shop: {paths: [x], paths: [y]}",
            [", line 2: services.'my shop'.paths is there twice, first on line 2; write it once"],
        ),
    ],
)
def test_yaml_that_surprises_is_refused_with_every_place(content, found):
    assert problems(content) == found
