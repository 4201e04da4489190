"""JSON that every reader reads alike, from an input.

Python's own parser takes NaN, numbers beyond any double, a key twice and halves of
characters; other parsers do not, or differ.
"""

import json
from typing import Any, Final, NoReturn

from dora_deployments.actions.text import shown

_LONGEST: Final = 65_536
DEEPEST: Final = 32  # what reads and writes it later must not reach Python's own limit


class JsonError(ValueError):
    """What is wrong with a text as JSON, and how to fix it, in words that follow its name."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(f"{what}; {fix}")
        self.what = what


def loads(text: str, *, longest: int = _LONGEST, deepest: int = DEEPEST) -> Any:
    """Return the value of `text`; `JsonError` says what is wrong, where, and what to write.

    No word of the text is quoted but keys and numbers, since it may hold a secret.
    """
    if len(text) > longest:
        raise JsonError(f"is longer than {longest} characters", "write less")
    if text.startswith("\ufeff"):
        raise JsonError("starts with a byte order mark", "save it as UTF-8 without one")
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_float=_float,
            parse_int=_int,
        )
        json.dumps(value, ensure_ascii=False).encode()
        too_deep = _depth(value) > deepest
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise JsonError(f"is not JSON ({error.msg})", f"correct it at {place}") from None
    except UnicodeEncodeError:
        what = "has half of a surrogate pair in a string"
        raise JsonError(what, "write whole characters") from None
    except RecursionError:
        too_deep = True
    if too_deep:
        raise JsonError(f"is nested more than {deepest} levels deep", "write it flatter")
    return value


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(map(_depth, inner), default=0) if isinstance(value, (dict, list)) else 0


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise JsonError(f"has the key {shown(key)} twice in one object", "write it once")
        found[key] = value
    return found


def _constant(name: str) -> NoReturn:
    raise JsonError(f"has {name}, which JSON does not know", "write a number, a string or null")


def _float(digits: str) -> float:
    value = float(digits)
    if value in {float("inf"), float("-inf")}:
        raise JsonError(f"has the number {shown(digits)}, which is too large", "write it as text")
    return value


def _int(digits: str) -> int:
    if len(digits) > 100:  # Python itself refuses to read thousands of digits
        raise JsonError(f"has the number {shown(digits)}, which is too large", "write it as text")
    return int(digits)
