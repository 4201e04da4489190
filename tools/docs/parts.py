"""The generated parts of pages that people write: examples, and tables of threats and of keys."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from dora_deployments.actions.config import SCHEMA
from tools.docs import past
from tools.docs.markdown import codes, plain, table

ROOT: Final = Path(__file__).parent.parent.parent
_TESTS: Final = 3  # of a threat, that are named


def part(name: str) -> str:
    """Return the part of that name: a table, or the example examples/NAME.yml."""
    return _TABLES[name]() if name in _TABLES else _example(name)


def _example(name: str) -> str:
    text = (ROOT / "examples" / f"{name}.yml").read_text("utf-8")
    if name != "dora":  # which names itself
        text = f"# .github/workflows/{name}.yml\n{text}"
    return f"```yaml\n{text}```"


def _threats() -> str:
    """Return the threats as docs/faults.md has them, each with a few of its tests."""
    page = (ROOT / "docs" / "faults.md").read_text("utf-8").partition("## Threats\n")[2]
    page = page.replace("](../", "](")
    rows = [
        f"| {threat} | {_some(tests.split('<br>'))} |"
        for threat, tests in re.findall(r"^\| (\d.*?) \| ([^|]*) \| [^|]*\|$", page, re.MULTILINE)
    ]
    heads = ("| # | threat | what stands against it | tests |", "|---|---|---|---|")
    return "\n".join([*heads, *rows])


def _some(tests: list[str]) -> str:
    more = [f"and {len(tests) - _TESTS} more"] if len(tests) > _TESTS else []
    return "<br>".join([*tests[:_TESTS], *more])


def _keys() -> str:
    """Return the keys of .github/dora.yml, in the order of its schema."""
    schema = json.loads(SCHEMA.read_text("utf-8"))
    rows = (
        (
            key,
            plain(part["description"]),
            plain(part["errorMessage"].removeprefix("write ")),
            codes([json.dumps(part["examples"][0], ensure_ascii=False)]),
        )
        for key, part in _described(schema)
    )
    return table(("key", "meaning", "write", "example"), rows)


def _described(
    schema: Mapping[str, Any], path: str = ""
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Return each part of the schema below the top, with its path as people write it."""
    for key, inner in schema.get("properties", {}).items():
        yield from _with_below(inner, f"{path}.{key}".lstrip("."))
    if names := schema.get("propertyNames"):
        name = f"{path}.<{names['title']}>"
        yield f"`{name}`, the key", names
        yield from _with_below(schema["additionalProperties"], name)
    if items := schema.get("items"):
        yield f"`{path}[]`", items


def _with_below(inner: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield f"`{path}`", inner
    yield from _described(inner, path)


_TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "threats": _threats,
    "keys": _keys,
    "columns": past.columns,
    "one-repository": past.one,
    "requests": past.requests,
    "time": past.time,
}
