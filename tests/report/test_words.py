"""How the report counts and lists."""

import pytest

from dora_deployments.report.words import count, listed


@pytest.mark.parametrize(
    ("number", "shown"), [(0, "0 files"), (1, "1 file"), (2, "2 files"), (5_000, "5000 files")]
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
