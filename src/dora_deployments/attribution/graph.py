"""The commits of a repository and their parents, from which any range is cut without asking."""

import heapq
import math
from array import array
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from dora_deployments.actions.moments import EPOCH
from dora_deployments.attribution.answers import LARGEST_RANGE, Commit, Comparison, Relation
from dora_deployments.attribution.look_ups import LookUpError

_HEAD: Final = 1
_BASE: Final = 2
_BOTH: Final = _HEAD | _BASE


class Graph:
    """As much of the history as was read. A commit that is only known as a parent is unread.

    Commits are numbered as they come; what is kept of each is its SHA, its date and the
    numbers of its parents, since there may be many.
    """

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}
        self._shas: list[bytes] = []
        self._parents: list[tuple[int, ...] | None] = []
        # Unix seconds; of an unread one those of its last child, since it may be as late.
        self._dates = array("q")
        # The place of each in an order in which children come before their parents.
        self._places = array("l")

    def __contains__(self, sha: str) -> bool:
        """Return whether the commit was read, and not just named as a parent."""
        number = self._numbers.get(bytes.fromhex(sha))
        return number is not None and self._parents[number] is not None

    def add(self, sha: str, committed_at: datetime, parents: Sequence[str]) -> None:
        """Add a commit; the same one again changes nothing."""
        number = self._number(sha)
        if self._parents[number] is None:
            self._parents[number] = numbers = tuple(self._number(parent) for parent in parents)
            self._dates[number] = date = (committed_at - EPOCH) // timedelta(seconds=1)
            self._places = array("l")
            for parent in numbers:
                if self._parents[parent] is None:
                    self._dates[parent] = max(self._dates[parent], date)

    def committed_at(self, sha: str) -> datetime | None:
        """Return when a commit was made, if it was read."""
        return self._date(self._numbers[bytes.fromhex(sha)]) if sha in self else None

    def plain(self, since: datetime) -> tuple[str, ...]:
        """Return the commits of `since` or later that merge nothing."""
        first = (since - EPOCH) // timedelta(seconds=1)
        return tuple(
            self._shas[number].hex()
            for number, parents in enumerate(self._parents)
            if parents is not None and len(parents) < 2 and self._dates[number] >= first
        )

    def compare(self, base: str, head: str) -> Comparison | tuple[str, ...]:
        """Return what `head` has that `base` has not, as GitHub's comparison would.

        Where that depends on commits that were not read, return their SHAs instead. Raises
        `LookUpError` where the two have nothing in common.
        """
        unread = tuple(sha for sha in (base, head) if sha not in self)
        if unread:
            return unread
        own, others, merge_base, ends = self._parted(self._number(base), self._number(head))
        if ends:
            return tuple(self._shas[number].hex() for number in ends)
        if merge_base is None:
            raise LookUpError("the two commits have no history in common", absent=True)
        relation: Relation = "diverged" if own and others else "ahead" if own else "behind"
        if base == head:
            relation = "identical"
        few = own if len(own) <= LARGEST_RANGE else []
        return Comparison(
            relation=relation,
            base=base,
            merge_base=self._shas[merge_base].hex(),
            total=len(own),
            commits=tuple(self._commit(number) for number in reversed(few)),
            committed_at=self.committed_at(head),
        )

    def _parted(self, base: int, head: int) -> tuple[list[int], int, int | None, list[int]]:
        """Return what only `head` reaches, how many only `base` does, and a newest that both do.

        The first has children before their parents. All of it may be wrong if there are unread
        ones on the way, which come last. Both histories are followed at once, in an
        order in which a commit comes when all of its children have, until only what both reach
        is left.
        """
        places = self._ordered()
        reached = {head: _HEAD}
        reached[base] = reached.get(base, 0) | _BASE
        pending = [(places[number], number) for number in reached]
        heapq.heapify(pending)
        alone = sum(by != _BOTH for by in reached.values())
        own: list[int] = []
        others, merge_base = 0, None
        unread: list[int] = []
        oldest = math.inf
        # Of one second, what both reach may come late, while what lies between is unread.
        while alone or (pending and self._dates[pending[0][1]] >= oldest):
            place, number = heapq.heappop(pending)
            if not place:
                raise LookUpError("GitHub lists a commit among its own ancestors", absent=True)
            by = reached[number]
            if by == _BOTH:
                merge_base = number if merge_base is None else merge_base
            else:
                alone -= 1
                if by == _HEAD:
                    own.append(number)
                else:
                    others += 1
            parents = self._parents[number]
            if parents is None:
                unread.append(number)  # first of all, since the others may not matter then
                break
            if by != _BOTH:
                oldest = min(oldest, self._dates[number])
            for parent in parents:
                before = reached.get(parent, 0)
                reached[parent] = now = before | by
                if not before:
                    heapq.heappush(pending, (places[parent], parent))
                alone += (now != _BOTH) - (before in {_HEAD, _BASE})
        # What both reach may lead to what seems to be reached by one of them.
        unread += [number for _, number in pending if self._parents[number] is None]
        if merge_base is None and pending:
            merge_base = pending[0][1]
        return own, others, merge_base, unread

    def _ordered(self) -> "array[int]":
        """Return the place of each commit, children before parents, the newest first.

        In a circle there is no such order: 0 stands for what is in one, or was before one.
        """
        if self._places:
            return self._places
        children = array("l", bytes(self._places.itemsize * len(self._shas)))
        for parents in self._parents:
            for parent in parents or ():
                children[parent] += 1
        ready = [(-self._dates[n], n) for n, count in enumerate(children) if not count]
        heapq.heapify(ready)
        places = array("l", bytes(self._places.itemsize * len(self._shas)))
        place = 0
        while ready:
            _, number = heapq.heappop(ready)
            places[number] = place = place + 1
            for parent in self._parents[number] or ():
                children[parent] -= 1
                if not children[parent]:
                    heapq.heappush(ready, (-self._dates[parent], parent))
        self._places = places
        return places

    def _number(self, sha: str) -> int:
        key = bytes.fromhex(sha)
        number = self._numbers.setdefault(key, len(self._shas))
        if number == len(self._shas):
            self._shas.append(key)
            self._parents.append(None)
            self._dates.append(0)
            self._places = array("l")
        return number

    def _commit(self, number: int) -> Commit:
        return Commit(
            sha=self._shas[number].hex(),
            is_merge=len(self._parents[number] or ()) > 1,
            committed_at=self._date(number),
        )

    def _date(self, number: int) -> datetime:
        return EPOCH + timedelta(seconds=self._dates[number])
