"""Answer GraphQL queries as GitHub does: validated against its schema, within its limits.

Sources: GitHub GraphQL API documentation, "Rate limits and query limits", "Using pagination" and
"Forming calls"; the types of errors are those that its answers are known to have.
"""

from __future__ import annotations

import base64
import binascii
import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLNamedType,
    GraphQLResolveInfo,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    execute_sync,
    get_named_type,
    parse,
    validate,
)

from tests.end_to_end.github.hosted import Hosted
from tests.end_to_end.github.nodes import Node, Query, RateLimit, Refused
from tests.end_to_end.github.schema import schema

NODE_LIMIT: Final = 500_000
_PAGE_LIMIT: Final = 100
_BY_THE_TIME: Final = (
    "By the time this query traverses to the {} connection, it is requesting up to"
)
_MISSING: Final = object()
_Fragments = Mapping[str, FragmentDefinitionNode]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a query may bring at most, and what it costs of the rate limit."""

    nodes: int
    requests: int

    @property
    def points(self) -> int:
        """A hundredth of the requests that its connections stand for, but one at least."""
        return max(1, (self.requests + 50) // 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A query's text, read and validated; without a document if it could not be read."""

    document: DocumentNode | None
    errors: tuple[GraphQLError, ...] = ()
    fragments: _Fragments = field(default_factory=dict)

    def operation(self, name: str | None) -> OperationDefinitionNode | None:
        """Return the operation of that name, or the only one."""
        operations = [
            each
            for each in (self.document.definitions if self.document else ())
            if isinstance(each, OperationDefinitionNode)
            and (name is None or (each.name is not None and each.name.value == name))
        ]
        return operations[0] if len(operations) == 1 else None

    def objects(self, name: str | None) -> int:
        """Count the fields just below the root's, such as a repository's aliased commits."""
        operation = self.operation(name)
        return sum(
            sum(1 for _ in self.fields(top.selection_set))
            for top in (self.fields(operation.selection_set) if operation else ())
        )

    def fields(self, selections: SelectionSetNode | None) -> Iterator[FieldNode]:
        """Walk the fields of a selection and of the fragments in it."""
        for each in selections.selections if selections else ():
            if isinstance(each, FieldNode):
                yield each
            elif isinstance(each, InlineFragmentNode):
                yield from self.fields(each.selection_set)
            elif isinstance(each, FragmentSpreadNode) and each.name.value in self.fragments:
                yield from self.fields(self.fragments[each.name.value].selection_set)


@functools.lru_cache(maxsize=1024)
def prepared(text: str) -> Prepared:
    """Read and validate a query, once for each text."""
    try:
        document = parse(text)
    except GraphQLError as error:
        return Prepared(document=None, errors=(error,))
    errors = tuple(validate(schema(), document))
    fragments = {
        each.name.value: each
        for each in document.definitions
        if isinstance(each, FragmentDefinitionNode)
    }
    # Fragments of a query that is not valid may go round in circles.
    return Prepared(document=document, errors=errors, fragments={} if errors else fragments)


def cost(query: Prepared, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> Cost:
    """Add up what the connections may bring. Raises Refused beyond GitHub's limit.

    Every connection brings its `first` or `last` for each node of the connection around it.
    """
    nodes = requests = 0

    def visit(selections: SelectionSetNode | None, kind: GraphQLNamedType, times: int) -> None:
        nonlocal nodes, requests
        for each in selections.selections if selections else ():
            if isinstance(each, FieldNode):
                known = getattr(kind, "fields", {}).get(each.name.value)
                if known is None or each.selection_set is None:
                    continue
                below = get_named_type(known.type)
                if below.name.endswith("Connection"):
                    requests += times
                    brought = times * _asked_for(each, variables)
                    _limit(brought, _BY_THE_TIME.format(each.name.value))
                    nodes += brought
                    visit(each.selection_set, below, brought)
                else:
                    visit(each.selection_set, below, times)
            elif isinstance(each, InlineFragmentNode):
                on = each.type_condition
                visit(each.selection_set, _type(on.name.value) if on else kind, times)
            elif isinstance(each, FragmentSpreadNode):
                fragment = query.fragments[each.name.value]
                visit(fragment.selection_set, _type(fragment.type_condition.name.value), times)

    visit(operation.selection_set, _type("Query"), 1)
    _limit(nodes, "This query requests up to")
    return Cost(nodes=nodes, requests=requests)


def answer(
    hosted: Hosted,
    query: Prepared,
    name: str | None,
    variables: Mapping[str, Any],
    spend: Callable[[Cost], RateLimit],
) -> dict[str, Any]:
    """Execute a query and return the JSON of the answer, with `data` only if it was executed.

    `spend` takes what it costs from the rate limit and tells what is left.
    """
    if query.errors or query.document is None:
        return {"errors": [_error(each) for each in query.errors]}
    operation = query.operation(name)
    if operation is None:
        return {"errors": [{"message": "An operation name is required"}]}
    try:
        root = Query(hosted, spend(cost(query, operation, variables)))
    except Refused as refused:
        return {"errors": [_error(refused)]}
    result = execute_sync(
        schema(),
        query.document,
        root_value=root,
        variable_values=dict(variables),
        operation_name=name,
        field_resolver=_resolve,
        type_resolver=lambda value, *_: type(value).__name__,
    )
    answered: dict[str, Any] = {"data": result.data}
    if result.errors:
        answered["errors"] = [_error(each) for each in result.errors]
    return answered


class Connection:
    """One page of nodes."""

    def __init__(self, nodes: Sequence[Any], start: int, stop: int) -> None:
        self.total_count = len(nodes)
        self.nodes = nodes[start:stop]
        self._start = start
        self._stop = stop

    def edges(self) -> Sequence[Any]:
        return [
            {"cursor": _cursor(place), "node": node}
            for place, node in enumerate(self.nodes, self._start + 1)
        ]

    def page_info(self) -> Mapping[str, Any]:
        return {
            "has_next_page": self._stop < self.total_count,
            "has_previous_page": self._start > 0,
            "start_cursor": _cursor(self._start + 1) if self.nodes else None,
            "end_cursor": _cursor(self._start + len(self.nodes)) if self.nodes else None,
        }


def _resolve(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
    """Answer a field by the member of its name, and a connection's by one page of it."""
    name = _snake(info.field_name)
    given = {_snake(each): value for each, value in arguments.items()}
    if isinstance(source, dict):
        return source[name]
    member = getattr(source, name, _MISSING)
    if member is _MISSING:
        raise GraphQLError(
            f"{info.parent_type.name}.{info.field_name} is not modelled by this stand-in"
        )
    if isinstance(source, Node):
        source.permit(name)
    if not callable(member):
        return member
    if not get_named_type(info.return_type).name.endswith("Connection"):
        return member(**given)
    pages = {each: given.pop(each, None) for each in ("first", "last", "after", "before")}
    _check_bounds(info.field_name, pages["first"], pages["last"])
    return _page(member(**given), **pages)


def _check_bounds(name: str, first: int | None, last: int | None) -> None:
    if first is None and last is None:
        raise Refused(
            "MISSING_PAGINATION_BOUNDARIES",
            "You must provide a `first` or `last` value to properly paginate "
            f"the `{name}` connection.",
        )
    if first is not None and last is not None:
        raise GraphQLError(
            f"Passing both `first` and `last` to paginate the `{name}` connection is not supported."
        )
    bound, records = ("first", first) if first is not None else ("last", last)
    if records > _PAGE_LIMIT:  # type: ignore[operator]
        raise Refused(
            "EXCESSIVE_PAGINATION",
            f"Requesting {records} records on the `{name}` connection exceeds the `{bound}` limit "
            f"of {_PAGE_LIMIT} records.",
        )
    if records < 1:  # type: ignore[operator]
        # What GitHub says to this is on no page; that it must be 1 at least is.
        raise GraphQLError(f"`{bound}` on the `{name}` connection must be within 1-100.")


def _page(
    nodes: Sequence[Any], first: int | None, last: int | None, after: str | None, before: str | None
) -> Connection:
    start = _place(after) if after is not None else 0
    stop = _place(before) - 1 if before is not None else len(nodes)
    stop = min(stop, len(nodes))
    if first is not None:
        stop = min(stop, start + first)
    elif last is not None:
        start = max(start, stop - last)
    return Connection(nodes, start, max(start, stop))


def _cursor(place: int) -> str:
    return base64.b64encode(f"cursor:v2:{place}".encode()).decode()


def _place(cursor: str) -> int:
    try:
        text = base64.b64decode(cursor, validate=True).decode()
        return int(re.fullmatch("cursor:v2:([0-9]+)", text)[1])  # type: ignore[index]
    except (binascii.Error, UnicodeDecodeError, TypeError):
        raise Refused(
            "INVALID_CURSOR_ARGUMENTS", f"`{cursor}` does not appear to be a valid cursor."
        ) from None


def _asked_for(connection: FieldNode, variables: Mapping[str, Any]) -> int:
    """Return `first` or `last`; what is missing or too much is refused when it is executed."""
    for argument in connection.arguments or ():
        if argument.name.value in {"first", "last"}:
            value = argument.value
            if isinstance(value, IntValueNode):
                return int(value.value)
            if isinstance(value, VariableNode):
                number = variables.get(value.name.value)
                return number if isinstance(number, int) else 0
    return 0


def _limit(nodes: int, beginning: str) -> None:
    if nodes > NODE_LIMIT:
        raise Refused(
            "MAX_NODE_LIMIT_EXCEEDED",
            f"{beginning} {nodes:,} possible nodes which exceeds the maximum limit of "
            f"{NODE_LIMIT:,}.",
        )


def _type(name: str) -> GraphQLNamedType:
    return schema().type_map[name]


def _error(error: GraphQLError) -> dict[str, Any]:
    """Write an error with its type beside the message, where GitHub has it."""
    written: dict[str, Any] = dict(error.formatted)
    kind = (written.pop("extensions", None) or {}).get("type")
    return ({"type": kind} if kind else {}) | written


@functools.cache
def _snake(name: str) -> str:
    return re.sub("(?=[A-Z])", "_", name).lower()
