"""Whether a value has the shape that a JSON Schema says, in our own words."""

import json
import pathlib
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any, Final

from dora_deployments.actions.problems import Path, Problem
from dora_deployments.actions.strict_yaml import KINDS
from dora_deployments.actions.text import shown

_LONGEST_KEY: Final = 255  # that a similar one is looked for


def problems(
    schema: pathlib.Path, value: object, lines: Mapping[Path, int], *, most: int
) -> Iterator[Problem]:
    """Return where `value` breaks the schema in the file `schema`.

    `lines` has the line of every path; of unknown keys, no more than `most` are told. The
    schema's `errorMessage` says what to write; where other keys are forbidden or one of
    several is required, these are named, too.
    """
    from difflib import get_close_matches

    # Not the library's messages, which quote the values; the schema says what to write.
    for error in _validator(schema).iter_errors(value):
        path = tuple(error.path)
        write = error.schema["errorMessage"]
        if error.validator == "additionalProperties":
            known = [*error.schema["properties"]]
            unknown = (key for key in error.instance if key not in known)
            for key in islice(unknown, most):
                inner = (*path, key)
                near = get_close_matches(key[:_LONGEST_KEY], known, n=1)
                words = f"has the unknown key {shown(key)}; {f'write {near[0]}' if near else write}"
                yield Problem(line=lines[inner], path=path, words=words)
            continue
        if "propertyNames" in error.schema_path:
            path = (*path, error.instance)
        words = f"{_shortcoming(error)}; {write}"
        if error.validator == "anyOf":  # of keys; one must be there
            keys = " nor ".join(key for each in error.validator_value for key in each["required"])
            words = f"has neither {keys}; {write}"
        yield Problem(line=lines[path], path=path, words=words)


def _shortcoming(error: Any) -> str:
    value, limit = error.instance, error.validator_value
    if error.validator == "type":
        return f"is {KINDS[type(value)]}"
    if error.validator in {"maxItems", "maxProperties"}:
        return f"has {len(value)} entries"
    if error.validator == "maxLength":
        return f"is longer than {limit} characters"
    return "is empty" if not value else "is blank"


@cache
def _validator(schema: pathlib.Path) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(schema.read_text("utf-8")))
