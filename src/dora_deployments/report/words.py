"""How the report counts and lists."""

from collections.abc import Sequence
from typing import Final

from dora_deployments.catalogue import Topic

_NAMED: Final = 3


def listed(names: Sequence[str]) -> str:
    """Return one or more names as a sentence has them: `a, b and c`, or `a, b, c and 4 more`."""
    more = len(names) - _NAMED
    *others, last = (*names[:_NAMED], f"{more} more") if more > 0 else names
    return f"{', '.join(others)} and {last}" if others else last


def capital(text: str) -> str:
    """Return `text` with a capital in front, unless it begins with a name such as `a_b.c`."""
    first = text.partition(" ")[0].rstrip(".,:;")
    return text if "_" in first or "." in first else text[:1].upper() + text[1:]


def with_fix(message: str, topic: Topic | None) -> str:
    """Return a message with what to change, if it does not say that itself."""
    if topic is None or topic.change in message:
        return message
    return f"{message}; {topic.change}"
