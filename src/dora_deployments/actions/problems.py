"""What is wrong with a file's value, and where."""

import re
from dataclasses import dataclass

from dora_deployments.actions.text import shown

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong at `path`, the keys from the top, in words that follow the path."""

    line: int
    path: Path
    words: str

    def __str__(self) -> str:
        return f"line {self.line}: {dotted(self.path)} {self.words}"


def dotted(path: Path) -> str:
    """Return `path` as in `services.checkout.paths[0]`, with odd keys in quotes."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            text += f".{key if re.fullmatch('[A-Za-z0-9_-]{1,60}', key) else shown(key)}"
    return text.removeprefix(".") or "the file"
