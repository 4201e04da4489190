"""JSON that every reader reads alike, from an input.

Python's own parser takes NaN, numbers beyond any double, a key twice and halves of
characters; other parsers do not, or differ.
"""

import json
from typing import Any, Final, NoReturn

from dora_deployments.actions.text import shown

_LONGEST: Final = 65_536
DEEPEST: Final = 32  # what reads and writes it later must not reach Python's own limit


def loads(text: str, *, longest: int = _LONGEST, deepest: int = DEEPEST) -> Any:
    """Return the value of `text`; `ValueError` says what is wrong, where, and what to write.

    No word of the text is quoted but keys and numbers, since it may hold a secret.
    """
    if len(text) > longest:
        raise ValueError(f"is longer than {longest} characters; write less")
    if text.startswith("\ufeff"):
        raise ValueError("starts with a byte order mark; save it as UTF-8 without one")
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
        raise ValueError(
            f"is not JSON ({error.msg}); correct it at line {error.lineno}, column {error.colno}"
        ) from None
    except UnicodeEncodeError:
        raise ValueError(
            "has half of a surrogate pair in a string; write whole characters"
        ) from None
    except RecursionError:
        too_deep = True
    if too_deep:
        raise ValueError(f"is nested more than {deepest} levels deep; write it flatter")
    return value


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(map(_depth, inner), default=0) if isinstance(value, (dict, list)) else 0


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"has the key {shown(key)} twice in one object; write it once")
        found[key] = value
    return found


def _constant(name: str) -> NoReturn:
    raise ValueError(f"has {name}, which JSON does not know; write a number, a string or null")


def _float(digits: str) -> float:
    value = float(digits)
    if value in {float("inf"), float("-inf")}:
        raise ValueError(f"has the number {shown(digits)}, which is too large; write it as text")
    return value


def _int(digits: str) -> int:
    if len(digits) > 100:  # Python itself refuses to read thousands of digits
        raise ValueError(f"has the number {shown(digits)}, which is too large; write it as text")
    return int(digits)
