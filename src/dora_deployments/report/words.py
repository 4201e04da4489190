"""How the report counts and lists."""

from collections.abc import Sequence
from typing import Final

_NAMED: Final = 3


def count(number: int, noun: str) -> str:
    """Return how many there are, such as `2 files`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def listed(names: Sequence[str]) -> str:
    """Return one or more names as a sentence has them: `a, b and c`, or `a, b, c and 4 more`."""
    more = len(names) - _NAMED
    *others, last = (*names[:_NAMED], f"{more} more") if more > 0 else names
    return f"{', '.join(others)} and {last}" if others else last


def capital(text: str) -> str:
    """Return `text` with a capital in front."""
    return text[:1].upper() + text[1:]
