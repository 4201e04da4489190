"""Serve a history from a process of its own, so that what is measured has Python to itself."""

from __future__ import annotations

import contextlib
import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.end_to_end.github.history import History
from tests.end_to_end.github.schema import schema
from tests.end_to_end.github.standin import Asked, GitHub


class Apart:
    """A stand-in that runs in another process."""

    def __init__(self, pipe: Connection, api_url: str) -> None:
        self.api_url = api_url
        self.graphql_url = f"{api_url}/graphql"
        self._pipe = pipe

    def asked(self) -> list[Asked]:
        """Return the requests so far. Their times are comparable among each other."""
        self._pipe.send("asked")
        asked: list[Asked] = self._pipe.recv()
        return asked


@contextlib.contextmanager
def serving(make: Callable[[Path], History], folder: Path, **options: Any) -> Iterator[Apart]:
    """Let a new process make a history in `folder` and serve it as `GitHub` with these options.

    `make` is a function of a module, since it is called over there.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(make, folder, options, theirs), daemon=True)
    process.start()
    theirs.close()
    with ours:
        yield Apart(ours, ours.recv())
    process.join(timeout=60)  # it may have a large folder to close
    process.close()


def _serve(
    make: Callable[[Path], History], folder: Path, options: dict[str, Any], pipe: Connection
) -> None:
    schema()  # before anybody measures
    with make(folder) as history, GitHub(history, **options) as github, pipe:
        pipe.send(github.api_url)
        with contextlib.suppress(EOFError):  # the other side is done
            while pipe.recv() == "asked":
                pipe.send(github.asked)
