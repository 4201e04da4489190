"""What can be changed in a module, one bit at a time."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any, Final

Function = ast.FunctionDef | ast.AsyncFunctionDef
Change = tuple[ast.AST, str, Any]  # of this node, this field, to this

_COMPARISONS: Final[Mapping[type[ast.cmpop], tuple[type[ast.cmpop], ...]]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: Final[Mapping[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_OPPOSITES: Final = (
    ("all", "any"),
    ("max", "min"),
    ("lstrip", "rstrip"),
    ("partition", "rpartition"),
    ("removeprefix", "removesuffix"),
    ("startswith", "endswith"),
    ("fullmatch", "match"),
)
_OTHER_NAMES: Final = {**dict(_OPPOSITES), **{right: left for left, right in _OPPOSITES}}
_WRAPPERS: Final = frozenset({"bool", "reversed", "set", "shown", "sorted"})
_CONSTANT: Final = re.compile(r"_?[A-Z][A-Z0-9_]+")  # and no name of a type
_TRIMMERS: Final = frozenset(
    {"casefold", "lower", "lstrip", "removeprefix", "removesuffix", "rstrip", "strip", "upper"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """A change of a function, a method or a constant, of that `name`.

    `lines` are those of the changed statement; `code` defines it anew.
    """

    name: str
    lines: range
    before: str
    after: str
    is_constant: bool
    code: CodeType


def mutations(tree: ast.Module, filename: str) -> Iterator[Mutation]:
    """Make one change after the other in `tree`, and take each back before the next.

    What could not be compiled is left out.
    """
    for top in tree.body:
        for name, statement, (node, field, new) in _changes(top):
            before, old = _head(statement), getattr(node, field)
            setattr(node, field, new)
            try:
                code = compiled(top, filename)
                shown = _shortened(before, _head(_instead(statement, old, new)))
            except (SyntaxError, ValueError):
                continue
            finally:
                setattr(node, field, old)
            yield Mutation(
                name=name,
                lines=_lines(statement),
                before=shown[0],
                after=shown[1],
                is_constant=isinstance(top, ast.Assign | ast.AnnAssign),
                code=code,
            )


def compiled(top: ast.stmt, filename: str) -> CodeType:
    """Return the code that defines one function, class or constant of a module."""
    module = ast.fix_missing_locations(ast.Module(body=[top], type_ignores=[]))
    return compile(module, filename, "exec")


def _changes(top: ast.stmt) -> Iterator[tuple[str, ast.stmt, Change]]:
    """Yield the changes of a function, of a class's methods or of a constant."""
    if isinstance(top, Function):
        yield from _changes_in(top.name, top.body, top)
    elif isinstance(top, ast.ClassDef):
        for method in top.body:
            if isinstance(method, Function):
                yield from _changes_in(f"{top.name}.{method.name}", method.body, method)
    elif isinstance(top, ast.Assign | ast.AnnAssign) and top.value is not None:
        target = top.targets[0] if isinstance(top, ast.Assign) else top.target
        if isinstance(target, ast.Name) and _CONSTANT.fullmatch(target.id):
            for change in _of_field(top, "value", top.value):
                yield target.id, top, change


def _changes_in(
    name: str, body: list[ast.stmt], owner: ast.AST
) -> Iterator[tuple[str, ast.stmt, Change]]:
    for index, statement in enumerate(body):
        if _is_docstring(statement):
            continue
        for other in _instead_of_statement(statement):
            changed = [*body[:index], ast.copy_location(other, statement), *body[index + 1 :]]
            yield name, statement, (owner, _field_of(owner, body), changed)
        for field, value in ast.iter_fields(statement):
            if field in {"annotation", "returns", "args", "decorator_list", "target", "targets"}:
                continue
            inner = value if isinstance(value, list) else []
            if inner and isinstance(inner[0], ast.stmt):
                yield from _changes_in(name, inner, statement)
            elif inner and isinstance(inner[0], ast.match_case | ast.ExceptHandler):
                yield from _of_branches(name, statement, field, inner)
            else:
                for change in _of_field(statement, field, value):
                    yield name, statement, change


def _of_branches(
    name: str, statement: ast.stmt, field: str, branches: list[Any]
) -> Iterator[tuple[str, ast.stmt, Change]]:
    for index, branch in enumerate(branches):
        if len(branches) > 1:
            yield name, statement, (statement, field, _without(branches, index))
        if isinstance(branch, ast.ExceptHandler) and isinstance(branch.type, ast.Tuple):
            for change in _of_field(branch, "type", branch.type):
                yield name, statement, change
        yield from _changes_in(name, branch.body, branch)


def _field_of(owner: ast.AST, body: list[ast.stmt]) -> str:
    return next(field for field, value in ast.iter_fields(owner) if value is body)


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _instead_of_statement(statement: ast.stmt) -> Iterator[ast.stmt]:
    match statement:
        case ast.Expr() | ast.Raise() | ast.Continue() | ast.Break() | ast.AugAssign():
            yield ast.Pass()
        case ast.Return(value=ast.expr() as value) if not _is_none(value):
            yield ast.Return(value=ast.Constant(None))


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _of_field(node: ast.AST, field: str, value: object) -> Iterator[Change]:
    """Yield the changes of an expression, or of a list of them, and of what is in it."""
    if isinstance(value, list):
        yield from _of_items(node, field, value)
    elif isinstance(value, ast.JoinedStr):  # its text is shown to people, so the tests hold it
        parts = [part for part in value.values if isinstance(part, ast.FormattedValue)]
        yield from _of_items(value, "values", parts)
    elif isinstance(value, ast.AST) and not isinstance(value, ast.arguments):
        for other in (*_truths(node, field), *_instead_of(value)):
            yield node, field, ast.copy_location(other, value)
        for inner_field, inner in ast.iter_fields(value):
            if not (inner_field == "args" and _trims(value)):  # of letters that never come
                yield from _of_field(value, inner_field, inner)


def _trims(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _TRIMMERS
    )


def _truths(node: ast.AST, field: str) -> Iterator[ast.expr]:
    if field == "test":
        yield ast.Constant(value=False)
        if not isinstance(node, ast.While):
            yield ast.Constant(value=True)


def _of_items(node: ast.AST, field: str, items: list[Any]) -> Iterator[Change]:
    for index, item in enumerate(items):
        for owner, inner_field, new in _of_field(node, field, item):
            if owner is node:  # the item itself is another one
                yield node, field, [*items[:index], new, *items[index + 1 :]]
            else:
                yield owner, inner_field, new
        if isinstance(node, ast.comprehension) and field == "ifs":
            yield node, field, _without(items, index)


def _instead_of(node: ast.AST) -> Iterator[ast.expr]:
    """Yield what could stand in the place of `node`."""
    match node:
        case ast.Constant():
            yield from map(ast.Constant, _other_constants(node.value))
        case ast.Compare():
            yield from _other_comparisons(node)
        case ast.BoolOp():
            yield from _other_choices(node)
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield node.operand
        case ast.BinOp() if type(node.op) in _ARITHMETIC:
            yield _with(node, op=_ARITHMETIC[type(node.op)]())
        case ast.Set() | ast.List() | ast.Tuple(ctx=ast.Load()) | ast.Dict():
            yield from _fewer_items(node)
        case ast.Subscript(slice=ast.Slice()):
            yield from _wider_slices(node, node.slice)
        case ast.Call():
            yield from _other_calls(node)


def _other_comparisons(node: ast.Compare) -> Iterator[ast.expr]:
    for index, op in enumerate(node.ops):
        for other in _COMPARISONS[type(op)]:
            yield _with(node, ops=[*node.ops[:index], other(), *node.ops[index + 1 :]])


def _other_choices(node: ast.BoolOp) -> Iterator[ast.expr]:
    yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    for index in range(len(node.values)):
        rest = _without(node.values, index)
        yield _with(node, values=rest) if len(rest) > 1 else rest[0]


def _wider_slices(node: ast.Subscript, part: ast.Slice) -> Iterator[ast.expr]:
    for bound in ("lower", "upper"):
        if getattr(part, bound) is not None:
            yield _with(node, slice=_with(part, **{bound: None}))


def _fewer_items(node: ast.Set | ast.List | ast.Tuple | ast.Dict) -> Iterator[ast.expr]:
    if isinstance(node, ast.Dict):
        for index in range(len(node.keys)):
            yield ast.Dict(keys=_without(node.keys, index), values=_without(node.values, index))
    elif len(node.elts) > 1:
        for index in range(len(node.elts)):
            yield _with(node, elts=_without(node.elts, index))


def _other_calls(call: ast.Call) -> Iterator[ast.expr]:
    for index in range(len(call.keywords)):
        yield _with(call, keywords=_without(call.keywords, index))
    for index in range(len(call.args) if len(call.args) > 1 else 0):
        yield _with(call, args=_without(call.args, index))
    match call.func:
        case ast.Attribute(attr=name, value=receiver):
            if name in _OTHER_NAMES:
                yield _with(call, func=_with(call.func, attr=_OTHER_NAMES[name]))
            if name in _TRIMMERS:
                yield receiver
        case ast.Name(id=name):
            if name in _OTHER_NAMES:
                yield _with(call, func=_with(call.func, id=_OTHER_NAMES[name]))
            if name in _WRAPPERS and call.args:
                yield call.args[0]


def _other_constants(value: object) -> Iterator[object]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield value + 1
        yield value - 1
    elif isinstance(value, bytes):
        yield value + b"X"
    elif isinstance(value, str) and " " not in value:  # else it is a message's
        yield f"{value}X"
        yield from _other_patterns(value)


def _other_patterns(text: str) -> Iterator[str]:
    """Yield a regular expression's text with another bound, or one item never or once."""
    if not re.search(r"[\\\[(]", text):
        return
    for found in re.finditer(r"(?<=[{,])\d+(?=[,}])", text):
        for number in (int(found[0]) + 1, int(found[0]) - 1):
            yield f"{text[: found.start()]}{number}{text[found.end() :]}"
    for found in re.finditer(r"(?<=[\])}\w])[?+*]", text):
        yield f"{text[: found.start()]}{text[found.end() :]}"


def _with(node: Any, **fields: object) -> Any:
    """Return a copy of `node` with other fields."""
    return type(node)(**{**dict(ast.iter_fields(node)), **fields})


def _without(items: Sequence[Any], index: int) -> list[Any]:
    return [*items[:index], *items[index + 1 :]]


def _lines(statement: ast.stmt) -> range:
    """Return the lines of the statement itself, without those of the blocks in it."""
    return range(statement.lineno, _end(statement) + 1)


def _end(statement: ast.stmt) -> int:
    for field in ("body", "cases", "handlers"):
        if inner := getattr(statement, field, None):
            first = getattr(inner[0], "lineno", None) or inner[0].pattern.lineno
            return max(statement.lineno, first - 1)
    return statement.end_lineno or statement.lineno


def _instead(statement: ast.stmt, old: object, new: object) -> ast.stmt:
    """Return what stands in the place of `statement` now, if its block was changed."""
    if isinstance(old, list) and isinstance(new, list) and statement in old:
        return new[old.index(statement)]
    return statement


def _head(statement: ast.stmt) -> str:
    """Return the statement on one line, a compound one without its blocks."""
    blocks = {"body": [ast.Pass()], "orelse": [], "finalbody": []}
    known = {name: blocks[name] for name in statement._fields if name in blocks}
    alone = ast.copy_location(_with(statement, **known), statement)
    return " ".join(ast.unparse(alone).removesuffix("\n    pass").split())


def _shortened(before: str, after: str, around: int = 48) -> tuple[str, str]:
    """Return what differs, and some of what stands around it."""
    shorter = min(len(before), len(after))
    start = next((at for at in range(shorter) if before[at] != after[at]), shorter)
    rest = range(shorter - start)
    end = next((at for at in rest if before[-1 - at] != after[-1 - at]), len(rest))
    first = max(0, start - around)
    return tuple(
        ("…" if first else "")
        + text[first : len(text) - end + around if end > around else len(text)]
        + ("…" if end > around else "")
        for text in (before, after)
    )
