"""Check bodies against the JSON Schemas that were written from the vendors' pages."""

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

from dora_deployments.actions.text import shown
from dora_deployments.errors import InputError

SCHEMAS: Final = Path(__file__).parent / "schemas"
NAMES: Final = frozenset(
    {"datadog.deployment", "dx.deployments.create", "dx.deployments.setPullServices"}
)


def check(name: str, body: object) -> None:
    """Raise `InputError` with every place where `body` breaks the schema of that name.

    A schema's name is that of the backend and its method; there may be none of that name.
    Stricter than JSON Schema in one point: 1.0 is no integer here, since the vendors'
    parsers may not take it for one.
    """
    if name not in NAMES:
        raise InputError(f"the body is for {shown(name)}, which this version does not know")
    schema = _schema(name)
    if _fits(body, schema, schema["$defs"]):
        return
    # Not the library's messages, which quote the values; the schema says what to write.
    problems = [
        f"the body for {name} is wrong at {error.json_path}; it takes {error.schema['description']}"
        for error in _validator(name).iter_errors(body)
    ]
    if problems:
        raise InputError(*problems)


@cache
def _validator(name: str) -> Any:
    from jsonschema.validators import Draft202012Validator, extend

    checker = Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer)
    # The stubs leave `extend` untyped.
    validator = extend(Draft202012Validator, type_checker=checker)  # type: ignore[no-untyped-call]
    return validator(_schema(name))


@cache
def _schema(name: str) -> Any:
    return json.loads((SCHEMAS / f"{name}.json").read_text("utf-8"))


_WORDS: Final = frozenset({"$schema", "$comment", "$defs", "title", "description"})
_TYPES: Final = {"object": dict, "array": list, "string": str, "integer": int}
# The keywords that these schemas use, each with the type that it is about. To import jsonschema
# takes a fifth of a usual run, whose bodies are right; it only says what is wrong with others.
_KEYWORDS: Final[dict[str, tuple[type, Callable[..., bool]]]] = {
    "required": (dict, lambda value, names: value.keys() >= set(names)),
    "minProperties": (dict, lambda value, least: len(value) >= least),
    "dependentRequired": (
        dict,
        lambda value, needs: all(value.keys() >= {*needs[name]} for name in value.keys() & needs),
    ),
    "minItems": (list, lambda value, least: len(value) >= least),
    "maxItems": (list, lambda value, most: len(value) <= most),
    "uniqueItems": (
        list,
        lambda value, _: len({json.dumps(item, sort_keys=True) for item in value}) == len(value),
    ),
    "pattern": (str, lambda value, pattern: re.search(pattern, value) is not None),
    "minimum": (int, lambda value, least: value >= least),
    "maximum": (int, lambda value, most: value <= most),
    "const": (object, lambda value, only: type(value) is type(only) and value == only),
    "type": (object, lambda value, name: type(value) is _TYPES[name]),
}


def _fits(value: Any, schema: Any, definitions: Any) -> bool:
    """Return whether `value` keeps every rule of `schema`, one of this folder's.

    Raises `KeyError` at a keyword that is not known here.
    """

    def keeps(keyword: str, rule: Any) -> bool:
        if keyword == "$ref":
            return _fits(value, definitions[rule.removeprefix("#/$defs/")], definitions)
        if keyword == "not":
            return not _fits(value, rule, definitions)
        if keyword == "properties":
            return not isinstance(value, dict) or all(
                _fits(value[name], rule[name], definitions) for name in value.keys() & rule
            )
        if keyword == "additionalProperties":
            return not isinstance(value, dict) or value.keys() <= schema["properties"].keys()
        if keyword == "items":
            return not isinstance(value, list) or all(
                _fits(item, rule, definitions) for item in value
            )
        kind, keeps_it = _KEYWORDS[keyword]
        return not isinstance(value, kind) or keeps_it(value, rule)

    return all(keeps(keyword, schema[keyword]) for keyword in schema.keys() - _WORDS)


def _is_integer(checker: object, value: object) -> bool:
    del checker
    return isinstance(value, int) and not isinstance(value, bool)
