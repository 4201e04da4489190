"""Tables and text in Markdown."""

import re
from collections.abc import Iterable


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return the table; a cell may hold Markdown, but no line break."""
    lines = (f"| {' | '.join(map(_cell, cells))} |" for cells in (head, *rows))
    first, *others = (line.replace("|  |", "| |") for line in lines)
    return "\n".join((first, "|" + "---|" * len(head), *others))


def _cell(text: str) -> str:
    return text.strip().replace("|", "\\|")


def plain(text: str) -> str:
    """Return `text` so that it is shown as it is, but for code in backticks."""
    spans = re.split(r"(`[^`]+`)", text)
    return "".join(
        span if span.startswith("`") else re.sub(r"([\\*<\[\]])", r"\\\1", span) for span in spans
    )


def codes(texts: Iterable[str]) -> str:
    """Return `texts` as code, in a list by comma."""
    return ", ".join(f"`{text}`" for text in texts)
