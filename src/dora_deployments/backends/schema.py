"""Check bodies against the JSON Schemas that were written from the vendors' pages.

Bodies are right as a rule, and to import jsonschema takes a fifth of a usual run. So `fits` knows
the few keywords of these schemas itself, and the library says what is wrong with the others.
"""

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

from dora_deployments.actions.text import shown
from dora_deployments.catalogue import BODY_REFUSED
from dora_deployments.errors import InputError

SCHEMAS: Final = Path(__file__).parent / "schemas"
NAMES: Final = frozenset(
    {"datadog.deployment", "dx.deployments.create", "dx.deployments.setPullServices"}
)
_WORDS: Final = frozenset({"$schema", "$comment", "$defs", "title", "description"})
_TYPES: Final = {"object": dict, "array": list, "string": str, "integer": int}


def check(name: str, body: object) -> None:
    """Raise `InputError` with every place where `body` breaks the schema of that name.

    A schema's name is that of the backend and its method; there may be none of that name.
    Stricter than JSON Schema in one point: 1.0 is no integer here, since the vendors'
    parsers may not take it for one.
    """
    if name not in NAMES:
        raise InputError(f"the body is for {shown(name)}, which this version does not know")
    if not fits(name, body):
        raise InputError(*problems(name, body), topic=BODY_REFUSED)


def fits(name: str, body: object) -> bool:
    """Return whether `body` keeps every rule of the schema of that name."""
    schema = _schema(name)
    return _keeps(body, schema, schema["$defs"])


def problems(name: str, body: object) -> list[str]:
    """Return a sentence for every place where `body` breaks the schema of that name."""
    # Not the library's messages, which quote the values; the schema says what to write.
    return [
        f"the body for {name} is wrong at {error.json_path}; it takes {error.schema['description']}"
        for error in _validator(name).iter_errors(body)
    ]


@cache
def _schema(name: str) -> Any:
    return json.loads((SCHEMAS / f"{name}.json").read_text("utf-8"))


def _keeps(value: Any, schema: Any, definitions: Any) -> bool:
    return all(
        keeps(value, schema[keyword], schema, definitions)
        for keyword in schema.keys() - _WORDS
        for kind, keeps in [_KEYWORDS[keyword]]
        if isinstance(value, kind)
    )


# Each keyword with the type that it is about, and whether a value of that type keeps its rule.
_KEYWORDS: Final[dict[str, tuple[type, Callable[[Any, Any, Any, Any], bool]]]] = {
    "$ref": (
        object,
        lambda value, ref, _, known: _keeps(value, known[ref.rpartition("/")[2]], known),
    ),
    "not": (object, lambda value, rule, _, known: not _keeps(value, rule, known)),
    "type": (object, lambda value, name, *_: type(value) is _TYPES[name]),
    "const": (object, lambda value, only, *_: type(value) is type(only) and value == only),
    "properties": (
        dict,
        lambda value, rules, _, known: all(
            _keeps(value[name], rules[name], known) for name in value.keys() & rules
        ),
    ),
    "additionalProperties": (
        dict,
        lambda value, _, schema, __: value.keys() <= schema["properties"].keys(),
    ),
    "required": (dict, lambda value, names, *_: value.keys() >= set(names)),
    "dependentRequired": (
        dict,
        lambda value, needs, *_: all(
            value.keys() >= set(needs[name]) for name in value.keys() & needs
        ),
    ),
    "minProperties": (dict, lambda value, least, *_: len(value) >= least),
    "items": (
        list,
        lambda value, rule, _, known: all(_keeps(item, rule, known) for item in value),
    ),
    "minItems": (list, lambda value, least, *_: len(value) >= least),
    "maxItems": (list, lambda value, most, *_: len(value) <= most),
    "uniqueItems": (
        list,
        lambda value, *_: len({json.dumps(item, sort_keys=True) for item in value}) == len(value),
    ),
    "pattern": (str, lambda value, pattern, *_: re.search(pattern, value) is not None),
    "minimum": (int, lambda value, least, *_: value >= least),
    "maximum": (int, lambda value, most, *_: value <= most),
}


@cache
def _validator(name: str) -> Any:
    from jsonschema.validators import Draft202012Validator, extend

    checker = Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer)
    # The stubs leave `extend` untyped.
    validator = extend(Draft202012Validator, type_checker=checker)  # type: ignore[no-untyped-call]
    return validator(_schema(name))


def _is_integer(checker: object, value: object) -> bool:
    del checker
    return isinstance(value, int) and not isinstance(value, bool)
