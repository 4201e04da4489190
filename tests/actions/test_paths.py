import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec

from dora_deployments.actions.paths import Owners, check, owners
from tests.actions.refusals import refusal

SLASHES = "has nothing before or between slashes; write the names of folders"
BRACKETS = "has brackets that make no set; write sets as [a-z], and \\[ for the sign"
BACKSLASH = "has a backslash that parts folders; write / instead"
WILDCARDS = (
    "has more than 4 wildcards * and **, which can take for ever to match; write several simpler"
    " patterns"
)
DOTS = (
    "has . or .. as a folder; write the path from the top of the repository, such as"
    " services/checkout/**"
)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("#x", "is a comment in gitignore; write \\# to mean the sign itself"),
        ("services\\checkout", BACKSLASH),
        ("services\\", BACKSLASH),
        ("a\\\\b", BACKSLASH),
        ("./x", DOTS),
        ("../x", DOTS),
        ("!a/../x", DOTS),
        ("/", SLASHES),
        ("!", SLASHES),
        ("a//b", SLASHES),
        ("*a*b*c*d*", WILDCARDS),
        ("**/a/**/b/**/c/**/d/**/e", WILDCARDS),
        ("[", BRACKETS),
        ("[z-a]", BRACKETS),
        ("[[:alpha:]]", BRACKETS),
    ],
)
def test_a_pattern_that_would_not_do_what_it_seems_to_is_refused(pattern, words):
    assert refusal(check, pattern) == words


@pytest.mark.parametrize(
    "pattern",
    ["**", "*", "/**", "a/**", "**/a/**", "**/src/**/test/**/*.snap", "\\#x", "\\*\\*\\*\\*\\*x",
     "!#x", "[!a-z]x", "[]]", "a b", "caf\xe9", "a***b", "x" * 500],
)  # fmt: skip
def test_a_pattern_of_gitignore_is_taken(pattern):
    check(pattern)


@pytest.mark.parametrize(
    ("paths", "file", "touched"),
    [
        (["libs/cart/"], "libs/cart/a/b.py", True),
        (["libs/cart/"], "libs/cart", False),
        (["libs/cart/"], "libs/cart.py", False),
        (["libs/cart/"], "old/libs/cart/a.py", False),
        (["libs/cart"], "libs/cart", True),
        (["libs/cart"], "libs/cart/a.py", True),
        (["cart/"], "libs/cart/a.py", True),
        (["*.md"], "README.md", True),
        (["*.md"], "docs/a/b.md", True),
        (["*.md"], "docs/a.mdx", False),
        (["/Makefile"], "Makefile", True),
        (["/Makefile"], "docs/Makefile", False),
        (["/*.md"], "docs/a.md", False),
        (["docs/*"], "docs/a.md", True),
        (["docs/*.md"], "docs/a/b.md", False),
        (["docs/**"], "docs/a/b.md", True),
        (["docs/**"], "docs", False),
        (["**/test/**"], "test/a.py", True),
        (["**/test/**"], "a/b/test/c/d.py", True),
        (["**/test/**"], "a/tests/b.py", False),
        (["a/**/z"], "a/z", True),
        (["a/**/z"], "a/b/c/z", True),
        (["docs/**", "!*.md"], "docs/a.md", False),
        (["docs/**", "!*.md"], "docs/a.py", True),
        (["!*.md", "docs/**"], "docs/a.md", True),
        (["docs/**", "!*.md", "docs/keep.md"], "docs/keep.md", True),
        (["my docs/**"], "my docs/a b.txt", True),
        (["my docs/**"], "my/docs/a", False),
        (["caf\xe9/*"], "caf\xe9/\U0001f680.py", True),
        (["caf\xe9/*"], "cafe/a.py", False),
        (["Docs/"], "docs/a.py", False),
        (["docs/"], "Docs/a.py", False),
        (["\\#a"], "#a", True),
        (["a?c"], "abc", True),
        (["a[0-9]"], "a7", True),
        (["a[!0-9]"], "a7", False),
        (["**"], ".github/workflows/ci.yml", True),
        (["a/b"], "a\\b", False),
    ],
)
def test_patterns_mean_what_they_mean_in_gitignore(paths, file, touched):
    assert Owners([tuple(paths)]).of(file) == ((0,) if touched else ())


def test_a_file_may_have_several_owners_or_none():
    owners = Owners([("a/**",), ("b/", "!b/x"), ("*.md",), ("/a/b/c",), ("**/c", "!a/**")])
    assert owners.of("a/b/c") == (0, 1, 3)
    assert owners.of("b/x.md") == (1, 2)
    assert owners.of("b/x") == ()
    assert owners.of("a/b/c") == (0, 1, 3)


def test_the_same_lists_are_read_once():
    assert owners((("a/**",),)) is owners((("a/**",),))
    assert owners((("a/**",),)) is not owners((("b/**",),))


# --- the same as pathspec, by which each list is asked about each file

NAMES = st.sampled_from(
    ["a", "b", "ab", "a b", " a", "a ", ".a", "caf\xe9", "a\\b", "[a]", "*", "#a", "!a", "A", ""]
)
PARTS = NAMES | st.sampled_from(
    ["*", "**", "*.a", "a*", "?", "[ab]", "[!a]", "\\#a", "\\!a", "\\*", "a\\ ", "a**"]
)
PATTERNS = st.builds(
    lambda negated, start, parts, end: "!" * negated + "/" * start + "/".join(parts) + "/" * end,
    st.sampled_from([False, False, True]),
    st.booleans(),
    st.lists(PARTS, min_size=1, max_size=4),
    st.booleans(),
)
LISTS = st.lists(st.lists(PATTERNS, max_size=4).map(tuple), max_size=5)
FILES = st.lists(
    st.lists(NAMES, min_size=1, max_size=5).map("/".join).filter(lambda file: file[:1] != "/"),
    max_size=8,
)


def is_pattern(pattern):
    try:
        check(pattern)
    except ValueError:
        return False
    return True


@settings(deadline=None, max_examples=200)
@given(lists=LISTS, files=FILES)
def test_a_file_is_owned_as_if_each_list_were_asked(lists, files):
    # The configuration takes no others, and none with white space around.
    lists = [
        tuple(each for each in patterns if is_pattern(each) and each == each.strip())
        for patterns in lists
    ]
    specs = [GitIgnoreSpec.from_lines(patterns, backend="simple") for patterns in lists]
    owners = Owners(lists)
    for file in files:
        expected = (i for i, spec in enumerate(specs) if spec.match_file(file, separators=()))
        assert owners.of(file) == tuple(expected)
