"""The commit graph, read as far down as ranges need it, and never twice."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from dora_deployments.actions import moments
from dora_deployments.attribution.answers import Comparison
from dora_deployments.attribution.graph import Graph
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.backfill.progress import Tell

if TYPE_CHECKING:
    from dora_deployments.attribution.github.history import GitHubHistory

# How far off the default branch a deployed commit mostly is.
_NEAR: Final = 10


class Commits:
    """The history of the default branch in pages, and of other commits as they are needed."""

    def __init__(self, history: "GitHubHistory", tip: str) -> None:
        self._history = history
        self._pages: Iterator[Sequence[Any]] = history.commits(tip)
        self._graph = Graph()
        # Parents on the default branch that a later page will have.
        self._ahead: set[str] = {tip}
        # Why they cannot be read, nor what came before them.
        self._gone: dict[str, str] = {}

    def read_since(self, moment: datetime, tell: Tell) -> None:
        """Read the default branch, down to what was committed before `moment`.

        `tell` is given when the last of them was made.
        """
        count = 0
        while self._ahead:
            page, last = self._next_page()
            count += page
            tell(count, last)
            if last is not None and last < moment:
                break

    def read(self, shas: Iterable[str]) -> None:
        """Read those of `shas` that are still unknown, and a few of the commits before each."""
        self._read_apart([sha for sha in shas if sha not in self._graph], _NEAR)

    def committed_at(self, sha: str) -> datetime | None:
        """Return when a commit was made, if it was read."""
        return self._graph.committed_at(sha)

    def plain(self, since: datetime) -> tuple[str, ...]:
        """Return the commits of `since` or later that were read and merge nothing."""
        return self._graph.plain(since)

    def compare(self, base: str, head: str) -> Comparison:
        """Return what `head` has that `base` has not; `LookUpError` if that cannot be known."""
        while True:
            found = self._graph.compare(base, head)
            if isinstance(found, Comparison):
                return found
            self._read(found)

    def _read(self, shas: Sequence[str]) -> None:
        """Read some of `shas` at least."""
        why = next((self._gone[sha] for sha in shas if sha in self._gone), None)
        if why is not None:
            raise LookUpError(why, absent=True)
        if self._ahead.intersection(shas):
            self._next_page()
        else:
            self._read_apart(shas)

    def _next_page(self) -> tuple[int, datetime | None]:
        """Read a page of the default branch; return how long it is, and when its last was made."""
        page = next(self._pages, None)
        if page is None:  # what is missing still, the list does not have
            self._ahead.clear()
            return 0, None
        return len(page), self._add(page, self._ahead)

    def _read_apart(self, shas: Sequence[str], deep: int = 100) -> None:
        for sha, page in self._history.ancestors(shas, deep).items():
            self._add(page or (), None)
            if page is None:
                self._gone[sha] = "GitHub knows no such commit any more"
            elif sha not in self._graph:
                self._gone[sha] = "what GitHub says about a commit could not be read"

    def _add(self, page: Sequence[Any], ahead: set[str] | None) -> datetime | None:
        last: datetime | None = None
        for sha, committed_at, parents in page:
            last = moments.iso(committed_at)
            if last is None:
                raise LookUpError("GitHub's list of commits could not be read")
            self._graph.add(sha, last, parents)
            if ahead is not None:
                ahead.discard(sha)
                ahead.update(parent for parent in parents if parent not in self._graph)
        return last
