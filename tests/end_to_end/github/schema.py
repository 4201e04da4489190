"""GitHub's public GraphQL schema, as tools/graphql_schema.py wrote it (MIT licence; see there)."""

import functools
import gc
import gzip
from pathlib import Path

from graphql import GraphQLSchema, build_ast_schema, parse

FILE = Path(__file__).with_name("schema.graphql.gz")


@functools.cache
def schema() -> GraphQLSchema:
    """Build the schema, once a process. It is shared: give resolvers to `execute`, not to it."""
    text = gzip.decompress(FILE.read_bytes()).decode()
    # All of these objects stay, so there is nothing to collect between them: twice as fast.
    collects = gc.isenabled()
    gc.disable()
    try:
        document = parse(text, no_location=True)
        built = build_ast_schema(document, assume_valid=True, assume_valid_sdl=True)
        # Nor later: every full collection in the middle of a query would go through them all.
        gc.freeze()
        return built
    finally:
        if collects:
            gc.enable()
