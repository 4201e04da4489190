"""The blocks that the summary is made of: HTML, in which foreign text is text and nothing else."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

from dora_deployments.catalogue import Note
from dora_deployments.report.text import Scrubber, for_html, for_html_prose
from dora_deployments.report.words import capital

T = TypeVar("T")

CELL: Final = 300  # characters
_ROWS: Final = 100
_ROOM: Final = 40_000  # bytes, for the rows of one table or list


def table(
    heads: tuple[str, ...],
    items: Sequence[T],
    row: Callable[[T], tuple[str, ...]],
    room: int = _ROOM,
) -> str:
    """Return a table with a `row` of cells in HTML for each item, the first of them if many."""
    shown = _fitting((_row("td", row(item)) for item in items), room)
    if len(shown) < len(items):
        more = f"and {len(items) - len(shown)} more"
        shown.append(f'<tr><td colspan="{len(heads)}">{more}</td></tr>')
    return "\n".join(["<table>", _row("th", heads), *shown, "</table>\n"])


def points(title: str, notes: Sequence[Note], scrub: Scrubber, docs: str, but: str = "") -> str:
    """Return sentences as a list, each with where to read more, unless that is `but`.

    `docs` is the address of docs/, where those places are.
    """
    shown = _fitting(
        f"<li>{sentence(scrub, capital(each.text))}."
        f"{read_more(docs, each.page) if each.page != but else ''}</li>"
        for each in notes
    )
    if len(shown) < len(notes):
        shown.append(f"<li>and {len(notes) - len(shown)} more</li>")
    return "\n".join([f"<h4>{title}</h4>", "<ul>", *shown, "</ul>\n"])


def read_more(docs: str, page: str) -> str:
    """Return a link to a place in docs/ that follows a sentence."""
    return f' <a href="{for_html(f"{docs}/{page}")}">Read more</a>'


def code(scrub: Scrubber, text: str, limit: int = CELL) -> str:
    """Return foreign text as code, cut where it is too long."""
    return f"<code>{for_html(scrub(text), limit)}</code>"


def sentence(scrub: Scrubber, text: str) -> str:
    """Return a sentence of ours, its `names` as code; foreign text in it stays text."""
    parts = scrub(text).split("`")
    if len(parts) % 2 == 0:  # a backtick of somebody else's
        return for_html_prose("`".join(parts))
    return "".join(
        f"<code>{for_html(part)}</code>" if index % 2 else for_html_prose(part)
        for index, part in enumerate(parts)
    )


def _fitting(rows: Iterable[str], room: int = _ROOM) -> list[str]:
    """Return as many of the first rows as one table or list may have, in bytes as well."""
    shown: list[str] = []
    left = room
    for row in rows:
        left -= len(row.encode())
        if left < 0 or len(shown) == _ROWS:
            break
        shown.append(row)
    return shown


def _row(tag: str, cells: tuple[str, ...]) -> str:
    return f"<tr>{''.join(f'<{tag}>{cell}</{tag}>' for cell in cells)}</tr>"
