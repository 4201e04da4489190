"""How the report counts and lists."""

import pytest

from dora_deployments.actions.text import count
from dora_deployments.catalogue import Topic
from dora_deployments.report.words import capital, listed, with_fix

TOPIC = Topic(slug="a", happened="A", means="it is b", change="do c")


@pytest.mark.parametrize(
    ("number", "shown"), [(0, "0 files"), (1, "1 file"), (2, "2 files"), (5_000, "5,000 files")]
)
def test_one_is_no_plural(number, shown):
    assert count(number, "file") == shown


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ("a", "a"),
        ("ab", "a and b"),
        ("abc", "a, b and c"),
        ("abcd", "a, b, c and 1 more"),
        ("abcdefg", "a, b, c and 4 more"),
    ],
)
def test_three_names_are_listed_and_the_others_counted(names, shown):
    assert listed(tuple(names)) == shown
    assert listed([*names]) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("the pull request", "The pull request"),
        ("a", "A"),
        ("At least", "At least"),
        ("3 changes", "3 changes"),
        ("`a` is odd", "`a` is odd"),
        # It begins with a word, though a mark of the sentence stands behind it.
        ("written, and read_it", "Written, and read_it"),
        ("done. Next", "Done. Next"),
        ("wrong: a.b", "Wrong: a.b"),
        # It begins with a name.
        ("merge_commit_sha is odd", "merge_commit_sha is odd"),
        ("deployment.sha is odd", "deployment.sha is odd"),
        ("release.tag_name: odd", "release.tag_name: odd"),
    ],
)
def test_a_sentence_begins_with_a_capital_but_a_name_stays_as_it_is(text, shown):
    assert capital(text) == shown


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("it is b", "it is b; do c"),
        ("refused", "refused; do c"),
        ("it is b; do c", "it is b; do c"),
        ("do c, since it is b", "do c, since it is b"),
    ],
)
def test_a_message_says_what_to_change_and_says_it_once(message, shown):
    assert with_fix(message, TOPIC) == shown


def test_a_message_of_no_topic_stays_as_it_is():
    assert with_fix("recorded", None) == "recorded"
