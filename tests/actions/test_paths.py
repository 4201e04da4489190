import pytest

from dora_deployments.actions.paths import any_match, check
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
    assert any_match(tuple(paths), [file]) is touched


def test_one_file_is_enough_and_none_is_not():
    assert any_match(("a/**",), iter(["b/1", "a/1", "c/1"])) is True
    assert any_match(("a/**",), ["b/1", "c/1"]) is False
    assert any_match(("a/**",), []) is False
