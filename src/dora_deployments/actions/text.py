"""What counts as a name: text on one line that any backend and any file can hold."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

_SHA: Final = re.compile(r"(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{40})(?![0-9a-f])", re.IGNORECASE)
# Controls, line and paragraph separators, and halves of surrogate pairs. Format characters
# stay: emoji are joined by them.
_CONTROLS: Final = frozenset({"Cc", "Zl", "Zp", "Cs"})


def is_control(character: str) -> bool:
    """Return whether `character` can end a line, move a cursor or break an encoding."""
    return unicodedata.category(character) in _CONTROLS


def has_controls(text: str) -> bool:
    """Return whether any character of `text` is a control character or its like."""
    return any(map(is_control, text))


def parts(text: str, length: int) -> Iterator[str]:
    """Yield every part of `text` that is just so long."""
    for start in range(len(text) - length + 1):
        yield text[start : start + length]


def without_shas(text: str) -> str:
    """Return `text` without full commit SHAs and their like, which are no secrets.

    A hex key made up for a test may well be a part of one.
    """
    return _SHA.sub("", text)


def shown(text: str, limit: int = 200) -> str:
    """Return `text` in quotes for use in a message, or only its length if that is above `limit`.

    It is never cut: it may hold a secret, and nobody would know half of one.
    """
    return repr(text) if len(text) <= limit else f"'…' ({len(text)} characters)"


def count(number: int, noun: str) -> str:
    """Return how many there are, such as `1,200 files`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
