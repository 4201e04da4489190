"""As much of GraphQL as the action's queries need: aliases, fragments, arguments, `@include`.

An object is a mapping of the names of its fields to their values, or to functions of the field's
arguments. Who asks for a field that is not there is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_TOKEN: Final = re.compile(r'\.\.\.|[$@]?[A-Za-z_][A-Za-z_0-9]*|-?[0-9]+|"[^"\\]*"|[{}()\[\]:!=]')
_MOST_NODES: Final = 500_000
_NAMED: Final = {"true": True, "false": False, "null": None}


class Refused(Exception):  # noqa: N818 - an answer, in GitHub's words
    """A query that GitHub would refuse; `kind` is its type of error."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Variable:
    """Stands for a value that comes beside the query."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field that is asked for."""

    alias: str
    name: str
    arguments: Mapping[str, Any]
    include: Any
    fields: tuple[Selection, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """Fields that are asked for if the object is of this type."""

    on: str
    fields: tuple[Selection, ...]


@dataclass(frozen=True, slots=True)
class Spread:
    """Stands for a fragment by its name."""

    name: str


Selection = Field | Fragment | Spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A parsed document of one operation."""

    name: str
    fields: tuple[Selection, ...]
    fragments: Mapping[str, Fragment]
    variables: Mapping[str, Any]

    def answer(self, root: Mapping[str, Any]) -> dict[str, Any]:
        """Return the data; raises `Refused`."""
        return self._answered(self.fields, root)

    def cost(self) -> tuple[int, int]:
        """Return the points, and how many nodes there may be; raises `Refused` for too many.

        "GraphQL API: Rate limits and query limits": the requests that it would take to fulfil
        each connection, by its arguments, divided by a hundred; one at least.
        """
        requests, nodes = self._counted(self.fields, 1)
        if nodes > _MOST_NODES:
            raise Refused("MAX_NODE_LIMIT_EXCEEDED", f"the query asks for {nodes} nodes")
        return max(1, round(requests / 100)), nodes

    def _answered(self, fields: Sequence[Selection], source: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for each in self._flat(fields, source.get("__typename")):
            if each.name not in source:
                raise Refused("undefinedField", f"Field {each.name} does not exist")
            value = source[each.name]
            if callable(value):
                value = value(**self._filled(each.arguments))
            elif each.arguments:
                raise Refused("argumentNotAccepted", f"Field {each.name} takes no arguments")
            found[each.alias] = self._written(each, value)
        return found

    def _written(self, field: Field, value: Any) -> Any:
        if isinstance(value, Mapping):
            return self._answered(field.fields, value)
        if isinstance(value, list):
            return [self._written(field, each) for each in value]
        return value

    def _flat(self, fields: Sequence[Selection], typename: str | None) -> Iterator[Field]:
        for each in fields:
            if isinstance(each, Field):
                if self._filled(each.include):
                    yield each
                continue
            fragment = self._fragment(each)
            if typename in {None, fragment.on}:
                yield from self._flat(fragment.fields, typename)

    def _fragment(self, selection: Fragment | Spread) -> Fragment:
        if isinstance(selection, Fragment):
            return selection
        if selection.name not in self.fragments:
            raise Refused("parse", f"there is no fragment {selection.name}")
        return self.fragments[selection.name]

    def _filled(self, value: Any) -> Any:
        if isinstance(value, Variable):
            return self.variables.get(value.name)
        if isinstance(value, list):
            return [self._filled(each) for each in value]
        if isinstance(value, Mapping):
            return {name: self._filled(each) for name, each in value.items()}
        return value

    def _counted(self, fields: Sequence[Selection], times: int) -> tuple[int, int]:
        requests, nodes = 0, 0
        for each in fields:
            if not isinstance(each, Field):
                fragment = self._fragment(each)
                more = self._counted(fragment.fields, times)
            elif self._filled(each.include):
                arguments = self._filled(each.arguments)
                first = arguments.get("first") or len(arguments.get("ids", ()))
                more = self._counted(each.fields, times * (first or 1))
                if "first" in arguments:
                    more = more[0] + times, more[1] + times * first
            else:
                more = 0, 0
            requests, nodes = requests + more[0], nodes + more[1]
        return requests, nodes


def parsed(text: str, variables: Mapping[str, Any]) -> Query:
    """Return the query; raises `Refused`."""
    try:
        return _Parser(_TOKEN.findall(text)).document(variables)
    except (IndexError, KeyError, ValueError) as error:
        raise Refused("parse", f"the query could not be read: {error!r}") from None


class _Parser:
    def __init__(self, tokens: Sequence[str]) -> None:
        self.tokens = tokens
        self.at = 0

    @property
    def next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, wanted: str | None = None) -> str:
        found = self.tokens[self.at]
        if wanted not in {None, found}:
            raise ValueError(f"{found} stands where {wanted} should")
        self.at += 1
        return found

    def document(self, variables: Mapping[str, Any]) -> Query:
        name, fields, fragments = "", (), {}
        while self.next:
            kind = self.take() if self.next != "{" else "query"
            if kind == "fragment":
                called = self.take()
                self.take("on")
                fragments[called] = Fragment(on=self.take(), fields=self.fields())
                continue
            name = self.take() if self.next not in {"(", "{"} else ""
            while self.next != "{":  # what it says of its variables
                self.take()
            fields = self.fields()
        return Query(name=name, fields=fields, fragments=fragments, variables=variables)

    def fields(self) -> tuple[Selection, ...]:
        found: list[Selection] = []
        self.take("{")
        while self.next != "}":
            found.append(self.fragment() if self.next == "..." else self.field())
        self.take("}")
        return tuple(found)

    def fragment(self) -> Selection:
        self.take("...")
        name = self.take()
        return Fragment(on=self.take(), fields=self.fields()) if name == "on" else Spread(name)

    def field(self) -> Field:
        alias = name = self.take()
        if self.next == ":":
            self.take()
            name = self.take()
        arguments = self.arguments() if self.next == "(" else {}
        include: Any = True
        while self.next.startswith("@"):
            self.take("@include")
            include = self.arguments()["if"]
        fields = self.fields() if self.next == "{" else ()
        return Field(alias=alias, name=name, arguments=arguments, include=include, fields=fields)

    def arguments(self) -> dict[str, Any]:
        return self.members("(", ")")

    def members(self, opening: str, closing: str) -> dict[str, Any]:
        found = {}
        self.take(opening)
        while self.next != closing:
            name = self.take()
            self.take(":")
            found[name] = self.value()
        self.take(closing)
        return found

    def value(self) -> Any:
        if self.next == "{":
            return self.members("{", "}")
        text = self.take()
        if text == "[":
            found = []
            while self.next != "]":
                found.append(self.value())
            self.take("]")
            return found
        if text.startswith("$"):
            return Variable(text[1:])
        if text.startswith('"'):
            return text[1:-1]
        if text in _NAMED:
            return _NAMED[text]
        return int(text) if text.lstrip("-").isdigit() else text
