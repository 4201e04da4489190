import re
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dora_deployments.actions.patterns import BranchFilter, EnvironmentRule
from tests.actions.refusals import refusal


def parse_one(pattern):
    return BranchFilter.parse([pattern])


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("main", ["main"], ["Main", "mai", "main2", "xmain", "main\n", "feature/main", ""]),
        ("*", ["main", "release-1.2", ""], ["feature/x", "a/b/c"]),
        ("**", ["main", "feature/x", "a/b/c", "line\nbreak"], []),
        ("*/*", ["a/b", "/"], ["a", "a/b/c"]),
        ("feature/*", ["feature/x", "feature/"], ["feature", "feature/x/y", "xfeature/x"]),
        ("feature/**", ["feature/x", "feature/x/y", "feature/"], ["feature", "features/x"]),
        ("**/main", ["main", "a/main", "a/b/main"], ["amain", "a/b", "a/main2"]),
        ("release/**/end", ["release/end", "release/a/end", "release/a/b/end"], ["releaseend"]),
        ("release**", ["release", "release/1", "release-1"], ["a-release"]),
        ("**-release", ["a-release", "a/b-release"], ["release", "a-release/b"]),
        ("v*.*", ["v1.2", "v1.2.3", "v."], ["v1", "v1/.2", "v1x2/"]),
        ("colou?r", ["color", "colour"], ["colouur", "colou?r", "colo"]),
        ("v+", ["v", "vvv"], ["", "v+"]),
        ("v[12]+", ["v1", "v2121"], ["v", "v3", "v[12]+"]),
        ("v[12].[0-9]+.[0-9]+", ["v1.10.1", "v2.0.0"], ["v3.0.0", "v1x10x1", "v1.0"]),
        ("[CB]at", ["Cat", "Bat"], ["cat", "at", "CBat", "Xat"]),
        ("[a-cx-z0]", ["a", "b", "c", "x", "y", "z", "0"], ["d", "w", "1", "-", "ab"]),
        ("[-a]", ["-", "a"], ["b"]),
        ("[a-]", ["-", "a"], ["b"]),
        ("[^a]", ["^", "a"], ["b"]),
        ("[!a]", ["!", "a"], ["b"]),
        ("[*?+]", ["*", "?", "+"], ["a", ""]),
        ("[a&&b~~c||d]", ["a", "&", "b", "~", "c", "|", "d"], ["e"]),
        ("[1-10]", ["0", "1"], ["10", "2", "-"]),
        ("\\*", ["*"], ["a", "\\*"]),
        ("c\\+\\+", ["c++"], ["c", "ccc"]),
        ("c\\++", ["c+", "c++"], ["c", "cc"]),
        ("a\\?", ["a?"], ["a", ""]),
        ("\\[x\\]", ["[x]"], ["x"]),
        ("\\\\", ["\\"], ["\\\\"]),
        ("\\!x", ["!x"], ["x", "\\!x"]),
        ("\\\n[\n]", ["\n\n"], ["\n", "nn"]),
        ("a!b", ["a!b"], ["a"]),
        ("a.b", ["a.b"], ["axb"]),
        ("a|b", ["a|b"], ["a", "b"]),
        ("(a)", ["(a)"], ["a"]),
        ("a{2}", ["a{2}"], ["aa"]),
        ("^a$", ["^a$"], ["a"]),
        ("\\d", ["d"], ["1", "\\d"]),
        ("#a b", ["#a b"], ["a"]),
        ("caf\xe9-*", ["caf\xe9-1"], ["cafe-1"]),
    ],
)
def test_a_pattern_matches_as_github_says(pattern, matching, others):
    branches = parse_one(pattern)
    assert [name for name in matching + others if branches.matches(name)] == matching


@pytest.mark.parametrize(
    ("patterns", "matching", "others"),
    [
        (["main", "release/*"], ["main", "release/1"], ["develop"]),
        (["**", "!dependabot/**"], ["main", "a/b"], ["dependabot/pip/x"]),
        (["release/**", "!release/**-alpha"], ["release/1"], ["release/1-alpha", "main"]),
        (["a*", "!ab*", "abc"], ["a", "abc"], ["ab", "abcd"]),
        (["!a", "a"], ["a"], ["b", "!a"]),
        (["a", "!b"], ["a"], ["b", "c", "!b"]),
    ],
)
def test_the_last_pattern_that_matches_decides(patterns, matching, others):
    branches = BranchFilter.parse(patterns)
    assert [name for name in matching + others if branches.matches(name)] == matching


def test_filters_and_rules_are_values():
    branches, rule = parse_one("main"), EnvironmentRule(glob="live", name="production")
    assert {branches, parse_one("main")} == {branches}
    assert {rule, EnvironmentRule(glob="live", name="production")} == {rule}
    with pytest.raises(FrozenInstanceError):
        branches.patterns = ()
    with pytest.raises(FrozenInstanceError):
        rule.name = ""


def test_patterns_are_kept_in_order_and_shown_as_a_list():
    branches = BranchFilter.parse(iter(["main", "!release/*-rc", "release/*"]))
    assert branches == BranchFilter(("main", "!release/*-rc", "release/*"))
    assert str(branches) == "main, !release/*-rc, release/*"


@pytest.mark.parametrize(
    "pattern", ["v[12", "v12]", "v[]", "v[[a]]", "v[a/b]", "v\\", "[a-z", "a\\\\\\"]
)
def test_a_bracket_or_backslash_alone_is_refused(pattern):
    message = (
        f"has the pattern {pattern!r} with a [, ] or \\ that stands alone; put a \\ before it to"
        " mean the character itself"
    )
    assert refusal(BranchFilter.parse, ["main", pattern]) == message
    assert refusal(BranchFilter.parse, ["main", f"!{pattern}"]) == message


@pytest.mark.parametrize(
    ("pattern", "repeat"),
    [
        ("c++", "+"),
        ("?", "?"),
        ("+", "+"),
        ("a?+", "+"),
        ("v*?", "?"),
        ("v**+", "+"),
        ("**/?", "?"),
    ],
)
def test_a_sign_of_repetition_with_nothing_to_repeat_is_refused(pattern, repeat):
    assert refusal(BranchFilter.parse, ["!main", pattern]) == (
        f"has the pattern {pattern!r} with nothing before {repeat} to repeat; put a \\ before it to"
        " mean the character itself"
    )


@pytest.mark.parametrize(
    ("pattern", "range_", "mended"),
    [("v[9-0]", "9-0", "0-9"), ("[a-zA-Zz-a]", "z-a", "a-z")],
)
def test_a_range_that_runs_backwards_is_refused(pattern, range_, mended):
    assert refusal(BranchFilter.parse, [pattern]) == (
        f"has the pattern {pattern!r} with the range {range_}, which runs backwards; write {mended}"
    )


def test_a_long_pattern_is_not_shown_in_the_message():
    assert refusal(parse_one, "[" + "x" * 100_000) == (
        "has the pattern '\u2026' (100001 characters) with a [, ] or \\ that stands alone; put a \\"
        " before it to mean the character itself"
    )


@pytest.mark.parametrize("patterns", [["!main"], ["!a", "!b"]])
def test_patterns_that_only_take_away_are_refused(patterns):
    assert refusal(BranchFilter.parse, patterns) == (
        "only takes branches away; write a pattern without ! before them"
    )


@pytest.mark.parametrize("patterns", [["!"], ["main", "!"], [""]])
def test_an_empty_pattern_is_refused(patterns):
    assert refusal(BranchFilter.parse, patterns) == (
        "has a ! with no pattern behind it; write a branch's name or a pattern"
    )


@pytest.mark.parametrize(
    ("glob", "matching", "others"),
    [
        ("production", ["production", "Production"], ["production-eu", "xproduction"]),
        ("prod-*", ["prod-", "prod-eu", "prod-eu/west", "Prod-eu"], ["prod"]),
        ("PROD-[a-c]", ["prod-a", "Prod-C"], ["prod-d"]),
        ("*", ["", "a", "a/b", "a\nb"], []),
        ("pr-?", ["pr-1", "pr-/"], ["pr-", "pr-12"]),
        ("pr-[0-9]", ["pr-1"], ["pr-x"]),
        ("pr-[!0-9]", ["pr-x"], ["pr-1"]),
        ("pr-[x", ["pr-[x"], ["pr-x"]),
    ],
)
def test_a_glob_speaks_of_environments_and_its_star_of_slashes_too(glob, matching, others):
    rule = EnvironmentRule(glob=glob, name="production")
    assert [name for name in matching + others if rule.matches(name)] == matching


def naive_match(pattern, branch):
    """Try every way, as the words of GitHub's cheat sheet say."""
    if not pattern:
        return not branch
    if pattern.startswith("**/"):
        rest = pattern[3:]
        starts = [i + 1 for i, character in enumerate(branch) if character == "/"]
        return any(naive_match(rest, branch[start:]) for start in [0, *starts])
    if pattern.startswith("**"):
        return any(naive_match(pattern[2:], branch[i:]) for i in range(len(branch) + 1))
    if pattern.startswith("*"):
        ends = range(len(branch.partition("/")[0]) + 1)
        return any(naive_match(pattern[1:], branch[end:]) for end in ends)
    after = {"?": [pattern[2:]], "+": [pattern, pattern[2:]]}.get(pattern[1:2], [pattern[1:]])
    left_out = pattern[1:2] == "?" and naive_match(pattern[2:], branch)
    begins = branch[:1] == pattern[0]
    return left_out or (begins and any(naive_match(rest, branch[1:]) for rest in after))


@settings(deadline=None, max_examples=100)
@given(
    pattern=st.lists(
        st.sampled_from(["a", "b", "/", "a?", "b?", "a+", "b+", "*", "**", "**/"]),
        min_size=1,
        max_size=7,
    ),
    branch=st.text("ab/", max_size=8),
)
def test_simple_patterns_match_what_a_naive_reading_matches(pattern, branch):
    text = "".join(pattern)
    assert parse_one(text).matches(branch) is naive_match(text, branch)


@settings(deadline=None)
@given(patterns=st.lists(st.text("ab/*", min_size=1, max_size=4), min_size=1, max_size=4))
def test_a_pattern_with_an_exclamation_mark_takes_away_what_it_matches(patterns):
    all_but = BranchFilter.parse(["**", *(f"!{pattern}" for pattern in patterns)])
    some = BranchFilter.parse(patterns)
    for branch in ("a", "b", "ab", "a/b", "a/b/a", "abab"):
        assert all_but.matches(branch) is not some.matches(branch)


@settings(deadline=None)
@given(branch=st.text(min_size=1), other=st.text())
def test_an_escaped_name_matches_itself_alone(branch, other):
    plain = parse_one(re.sub(r"([\\*?+!\[\]])", r"\\\1", branch))
    assert plain.matches(branch)
    assert plain.matches(other) is (other == branch)


@settings(deadline=None, max_examples=100)
@given(
    patterns=st.lists(st.text(max_size=12) | st.text("ab-/*?+[]!\\^.${}()|&~", max_size=12)),
    branch=st.text(max_size=12),
)
def test_any_texts_are_a_filter_or_refused(patterns, branch):
    try:
        branches = BranchFilter.parse(patterns)
    except ValueError as error:
        assert type(error) is ValueError  # noqa: PT017 - most texts raise nothing
        return
    assert branches.matches(branch) in {True, False}


def test_a_pattern_with_many_stars_is_matched_as_quickly_as_any():
    # As a regular expression with back-tracking this would not end within a lifetime.
    stars = BranchFilter.parse(["release" + "-*" * 40, "**/" * 20 + "x" + "**" * 20 + "y"])
    assert not stars.matches("release" + "-" * 200 + "/x")
    assert stars.matches("release" + "-" * 200)
    assert stars.matches("a/" * 50 + "xy")
