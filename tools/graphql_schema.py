"""Write GitHub's GraphQL schema for the tests: `python -m tools.graphql_schema PACKAGE`.

PACKAGE is the npm package `@octokit/graphql-schema`, unpacked. The file in the tests was made from
version 15.26.1 of it (MIT licence, Gregor Martynus and contributors), which is GitHub's public
schema as https://docs.github.com/graphql publishes it. What validates a query stays: types,
arguments, deprecations. The descriptions, two thirds of the text, go. The same package gives the
same bytes on every machine.
"""

import dataclasses
import gzip
import sys
from pathlib import Path
from typing import Any

from graphql import Node, parse, print_ast

from tests.end_to_end.github.schema import FILE


def main(package: str) -> int:
    """Write the file and return the exit code."""
    text = (Path(package) / "schema.graphql").read_text("utf-8")
    bare = print_ast(_without_descriptions(parse(text, no_location=True)))
    # Without a time in its header, or the file would differ from one minute to the next.
    FILE.write_bytes(gzip.compress(f"{bare}\n".encode(), compresslevel=9, mtime=0))
    print(f"{FILE.name}: {FILE.stat().st_size:,} bytes")
    return 0


def _without_descriptions(value: Any) -> Any:
    """Copy a node, or whatever a node holds: since graphql-core 3.3 nodes cannot be changed."""
    if isinstance(value, tuple):
        return tuple(_without_descriptions(each) for each in value)
    if not isinstance(value, Node):
        return value
    kept = (name for name in value.keys if name not in {"description", "loc"})
    changed = {name: _without_descriptions(getattr(value, name)) for name in kept}
    if "description" in value.keys:
        changed["description"] = None
    return dataclasses.replace(value, **changed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
