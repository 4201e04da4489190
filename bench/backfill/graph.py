"""Which commits one has that another has not, in the plainest way: the oracle of the bench.

It shares nothing with the graph of the action. A parent's number is lower than its child's, so
that whoever comes first by number has all of its children behind it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.backfill.made import Commit

_HEAD, _BASE = 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What `head` has and `base` has not, the oldest first, how many the other way round."""

    ahead: tuple[int, ...]
    behind: int
    merge_base: int | None

    @property
    def relation(self) -> str:
        """Return GitHub's word for it."""
        if self.ahead:
            return "diverged" if self.behind else "ahead"
        return "behind" if self.behind else "identical"


def compared(commits: Sequence[Commit], base: int, head: int) -> Compared:
    """Compare two commits; both are painted, and their colours flow down to their parents."""
    colours: dict[int, int] = {}
    waiting: list[int] = []

    def paint(number: int, colour: int) -> None:
        if number not in colours:
            heapq.heappush(waiting, -number)
        colours[number] = colours.get(number, 0) | colour

    paint(head, _HEAD)
    paint(base, _BASE)
    ahead: set[int] = set()
    behind, merge_base = 0, None
    one_colour = 2 if base != head else 0  # of those that wait
    while one_colour > 0:
        number = -heapq.heappop(waiting)
        colour = colours.pop(number)
        if colour == _HEAD | _BASE:
            merge_base = number if merge_base is None else merge_base
        elif colour == _HEAD:
            ahead.add(number)
        else:
            behind += 1
        for parent in commits[number].parents:
            paint(parent, colour)
        one_colour = sum(colours[-each] != _HEAD | _BASE for each in waiting)
    if merge_base is None and waiting:
        merge_base = -waiting[0]
    return Compared(
        ahead=tuple(log(commits, head, ahead.__contains__))[::-1],
        behind=behind,
        merge_base=merge_base,
    )


def log(
    commits: Sequence[Commit], head: int, wanted: Callable[[int], bool] = lambda _: True
) -> Iterator[int]:
    """Walk from `head` through all that are wanted, in git's order: the latest known one first."""
    waiting: list[tuple[int, int, int]] = []
    seen: set[int] = set()

    def meet(number: int) -> None:
        if number not in seen and wanted(number):
            seen.add(number)
            # The older of two that came at the same time is the one that was met first.
            heapq.heappush(waiting, (-commits[number].committed, len(seen), number))

    meet(head)
    while waiting:
        number = heapq.heappop(waiting)[2]
        yield number
        for parent in commits[number].parents:
            meet(parent)
