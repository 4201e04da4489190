"""Pages of answers, read side by side, kept, and not asked again."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from dora_deployments.attribution.github.api import WIDTH, get_links, last_page
from dora_deployments.attribution.github.patient import Patient
from dora_deployments.attribution.look_ups import LookUpError

if TYPE_CHECKING:
    from dora_deployments.attribution.github.client import Client

PAGE: Final = 100
# Pages to read beyond the count that the first one gave: new items move the others on.
_ROOM: Final = 100


class Pages(Protocol):
    """Where answers are kept from one run to the next, each under its name."""

    def get(self, name: str) -> Any | None:
        """Return what was kept, or None."""

    def put(self, name: str, value: Any) -> None:
        """Keep a value that JSON can hold."""


class Reader:
    """Asks for what is not kept. Whatever fails raises `LookUpError`; the rest is kept."""

    def __init__(self, api: Patient, pages: Pages) -> None:
        self.odd: dict[str, int] = {}
        """How many items could not be read, by the names of answers."""
        self._api = api
        self._pages = pages

    def one(self, needs: str, name: str, question: "Callable[[Client], Any]") -> Any:
        """Return the answer to one question."""
        return good(self.all(needs, {name: question})[0])

    def all(self, needs: str, questions: "Mapping[str, Callable[[Client], Any]]") -> list[Any]:
        """Return the answers to questions by name, with a `LookUpError` for each that has none."""
        found = {name: self._pages.get(name) for name in questions}
        missing = [name for name, kept in found.items() if kept is None]
        if missing:
            answers = self._api.ask_all(needs, [questions[name] for name in missing])
            for name, answer in zip(missing, answers, strict=True):
                if not isinstance(answer, LookUpError):
                    self._pages.put(name, answer)
                found[name] = answer
        for name, answer in found.items():
            self.count(name, answer)
        return list(found.values())

    def count(self, name: str, answer: Any) -> None:
        """Remember how many items an answer has that could not be read, if it says so."""
        if isinstance(answer, dict) and answer.get("odd"):
            self.odd[name] = answer["odd"]

    def batches(
        self,
        needs: str,
        name: str,
        path: str,
        read: Callable[[Any], dict[str, Any]],
        **parameters: str,
    ) -> Iterator[tuple[int, list[dict[str, Any]]]]:
        """Yield the number of a page of REST, and the pages from there on: 1, then 2, 4, 8, 10.

        `read` makes a page of an answer, with its `items`. The links of each page tell which is
        the last one; without them, some are asked for that are not there.
        """

        def ask(number: int, client: "Client") -> dict[str, Any]:
            answer, links = get_links(client, path, **parameters, per_page=PAGE, page=number)
            page = read(answer)
            more = (page["items"] or page["odd"]) and 'rel="next"' in links
            return {**page, "last": last_page(links) if more else number}

        number, width = 1, 1
        last: int | None = None
        most: int | None = None
        loops = Loops()
        while last is None or number <= last:
            numbers = range(
                number, number + width if last is None else min(number + width, last + 1)
            )
            answers = self.all(needs, {f"{name}:{n}": partial(ask, n) for n in numbers})
            batch: list[dict[str, Any]] = []
            for number, answer in zip(numbers, answers, strict=True):
                batch.append(good(answer))
                loops.look(answer["items"])
                last = answer["last"]
                most = most or (last and 2 * last + _ROOM)
                if most and number > most:
                    raise endless()
                if last == number:
                    break
            yield numbers[0], batch
            number, width = number + 1, min(2 * width, WIDTH)

    def cursors(
        self, needs: str, name: str, ask: "Callable[[str | None, Client], dict[str, Any]]"
    ) -> Iterator[list[dict[str, Any]]]:
        """Yield the `items` of a query's pages; each page gives the cursor of the next."""
        number, after, more = 1, None, True
        seen, loops = set[str | None](), Loops()
        while more:
            page = self.one(needs, f"{name}:{number}", partial(ask, after))
            loops.look(page["items"])
            yield page["items"]
            number, after = number + 1, page["after"]
            more = after is not None
            if after in seen:
                raise endless()
            seen.add(after)


class Loops:
    """Notices that pages come again and again, if they do."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._again = 0

    def look(self, items: object) -> None:
        """Look at the items of one more page; `LookUpError` if too many were there before."""
        told = hash(json.dumps(items))
        self._again += told in self._seen
        self._seen.add(told)
        if self._again > _ROOM:
            raise endless()


def endless() -> LookUpError:
    """Return the failure of a list that has no end."""
    return LookUpError("GitHub's pages lead to themselves")


def good(answer: Any) -> Any:
    """Return an answer, or raise the failure that stands in its place."""
    if isinstance(answer, LookUpError):
        raise answer
    return answer
