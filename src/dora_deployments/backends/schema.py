"""Check bodies against the JSON Schemas that were written from the vendors' pages."""

import json
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
    return validator(json.loads((SCHEMAS / f"{name}.json").read_text("utf-8")))


def _is_integer(checker: object, value: object) -> bool:
    del checker
    return isinstance(value, int) and not isinstance(value, bool)
