"""No page, message or source file uses a word that readers stumble over."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
READ = (
    *("src", "docs", "examples", "tests/messages", "tests/summaries", "docker/action.yml"),
    *("README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"),
    *("action.yml", "launch.sh", "entrypoint.py"),
)
# It is generated from the names of tests.
NOT_READ = {"docs/faults.md"}
# Each word to avoid, as a message names it, and each of its forms as they are written.
FORMS = {
    "mend": ("mend", "mends", "mended", "mending"),
    "tell of": ("tell of", "tells of", "told of", "telling of"),
    "shall": ("shall",),
    "none that": ("none that",),
    "such as are": ("such as are",),
    "by what": ("by what",),
    "of which": ("of which",),
    "be they, be it": ("be they", "be it"),
    "for want of": ("for want of",),
    "sheet (CSV file)": ("sheet", "sheets"),
    "figures (metrics)": ("figure", "figures"),
    "of the past (historical)": ("of the past",),
    "parts list (SBOM)": ("parts list", "parts lists"),
}
# The title of a page of GitHub's documentation.
ALLOWED = re.compile("cheat sheet", re.IGNORECASE)
# Between two words of a form: a line may end there, in a comment or in a string that goes on.
_GAP = r"""(?:[\s"'#*>]|f(?="))+"""
_WORDS = {
    word: re.compile(
        "|".join(rf"\b{_GAP.join(map(re.escape, form.split()))}\b" for form in forms),
        re.IGNORECASE,
    )
    for word, forms in FORMS.items()
}


def found_in(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line number and the name of each word to avoid in `text`."""
    allowed = [match.span() for match in ALLOWED.finditer(text)]
    for word, pattern in _WORDS.items():
        for match in pattern.finditer(text):
            if not any(start <= match.start() < end for start, end in allowed):
                yield text.count("\n", 0, match.start()) + 1, word


def tracked() -> list[str]:
    """Return the tracked text files that people read, relative to the repository."""
    listed = subprocess.run(
        ("git", "ls-files", "-z", "--", *READ), cwd=ROOT, check=True, capture_output=True
    )
    return [
        name
        for name in listed.stdout.decode("utf-8").split("\0")
        if name and name not in NOT_READ and b"\0" not in (ROOT / name).read_bytes()
    ]


def test_no_word_to_avoid_is_left():
    found = [
        f"{name}:{line}: {word}"
        for name in tracked()
        for line, word in sorted(found_in((ROOT / name).read_text("utf-8")))
    ]

    assert found == []


def test_every_place_is_read():
    names = tracked()

    for place in READ:
        assert any(name == place or name.startswith(f"{place}/") for name in names), place
    assert NOT_READ.isdisjoint(names)


@pytest.mark.parametrize(
    ("word", "form"), [(word, form) for word, forms in FORMS.items() for form in forms]
)
def test_each_form_of_a_word_to_avoid_is_found(word, form):
    assert list(found_in(f"One line.\nHere {form} stands.\n")) == [(2, word)]
    assert list(found_in(f"{form.capitalize()}, it says")) == [(1, word)]
    for gap in ("\n", "\n    # ", '"\n        " ', '"\n        f" ', "\n> "):
        assert list(found_in(f"a\nb {form.replace(' ', gap)}\nc")) == [(2, word)]


@pytest.mark.parametrize(
    "text",
    [
        "GitHub's cheat sheet",
        "a spreadsheet",
        "amend the commit",
        "recommended",
        "tell offline runners apart",
        "marshalling",
        "none, that is",
        "configure it",
        "of whichever",
    ],
)
def test_a_word_that_only_looks_like_one_is_not_found(text):
    assert list(found_in(text)) == []


def test_every_word_of_a_text_is_found_with_its_line():
    assert sorted(found_in("The sheet\nof which I told\nof it shall mend.\nA cheat sheet\n")) == [
        (1, "sheet (CSV file)"),
        (2, "of which"),
        (2, "tell of"),
        (3, "mend"),
        (3, "shall"),
    ]
