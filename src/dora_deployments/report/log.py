"""The log of the step: everything that is printed, and the only module that prints."""

import select
from collections.abc import Iterable
from typing import TextIO

from dora_deployments.actions.run import DOCS
from dora_deployments.report.commands import command
from dora_deployments.report.text import Scrubber, neutral

_LONGEST_LINE = 2_000
_PIECE = 1_000  # characters, of at most 4 bytes: what a pipe takes at once if it takes any
_PATIENCE = 2  # seconds


class Log:
    """Prints lines and workflow commands; foreign text in them is neutralised here.

    A stream that is closed or full stops nobody: the deployment matters more than its log.
    `docs` is the address of docs/, which the places to read more are relative to.
    """

    def __init__(
        self, stream: TextIO | None, scrub: Scrubber, *, docs: str = DOCS, debug: bool = False
    ) -> None:
        self._stream = stream
        self.scrub = scrub
        self._docs = docs
        self._debug = debug

    def mask(self) -> None:
        """Tell the runner every secret, so that it hides them in all later output."""
        for secret in self.scrub.secrets:
            self._print(command("add-mask", secret))

    def line(self, text: str) -> None:
        """Print one line of our own words, which may quote foreign text."""
        shown = neutral(self.scrub(text), _LONGEST_LINE)
        # The runner looks behind leading white space for a command.
        self._print(f"| {shown}" if shown.lstrip().startswith("::") else shown)

    def group(self, title: str, lines: Iterable[str]) -> None:
        """Print lines that the log shows folded under a title."""
        self._print(command("group", neutral(self.scrub(title))))
        for text in lines:
            self.line(text)
        self._print(command("endgroup"))

    def hint(self, text: str, page: str) -> None:
        """Print what a person should check once, and the place in docs/ to read more."""
        self.line(f"Check once: {text}. Read more: {self._docs}/{page}")

    def annotate(self, level: str, title: str, text: str, page: str = "") -> None:
        """Print an annotation; `level` is `error`, `warning` or `notice`.

        `page` is the place in docs/ to read more, whose link is never cut off.
        """
        shown = neutral(self.scrub(text), _LONGEST_LINE)
        if page:
            shown = f"{shown.removesuffix('.')}. Read more: {self._docs}/{page}"
        self._print(command(level, shown, title=neutral(self.scrub(title))))

    def debug(self, text: str) -> None:
        """Print a line that the runner shows only where debug logging is on."""
        if self._debug:
            self._print(command("debug", neutral(self.scrub(text), _LONGEST_LINE)))

    def quoted(self, text: str, limit: int = 200) -> str:
        """Return the start of a server's words on one line; scrubbed first, then cut."""
        return self.scrub.words(text)[:limit]

    def _print(self, line: str) -> None:
        if self._stream is None:  # Python's word for an output that was closed from the start
            return
        # A console may know fewer characters than UTF-8.
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        shown = line.encode(encoding, "backslashreplace").decode(encoding) + "\n"
        try:
            for start in range(0, len(shown), _PIECE):
                if not _is_read(self._stream):
                    self._stream = None
                    return
                self._stream.write(shown[start : start + _PIECE])
                self._stream.flush()
        except (OSError, ValueError):
            pass


def _is_read(stream: TextIO) -> bool:
    """Return whether whoever reads `stream` makes room in it: else a write would never end."""
    try:
        return bool(select.select([], [stream], [], _PATIENCE)[1])
    except (OSError, ValueError):  # no pipe, or a system that cannot tell
        return True
