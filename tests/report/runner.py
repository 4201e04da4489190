"""How GitHub's runner reads what a step prints and writes, after its own source.

Lines: ProcessInvoker.cs, by `StreamReader.ReadLine`. Commands: ActionCommand.cs, `TryParseV2`
and then `TryParse`, by ActionCommandManager.cs. Files: FileCommandManager.cs. Where C#
compares by culture or by ordinal does not matter here: what a culture may skip is no part
of the name of a command.
"""

import re
from dataclasses import dataclass, field

# ActionCommandManager.cs and its extensions.
COMMANDS = frozenset(
    {
        "add-mask",
        "add-matcher",
        "add-path",
        "debug",
        "echo",
        "endgroup",
        "error",
        "group",
        "internal-set-repo-path",
        "notice",
        "remove-matcher",
        "save-state",
        "set-env",
        "set-output",
        "stop-commands",
        "warning",
    }
)
# `char.IsWhiteSpace`: Zs, Zl, Zp, U+0009 to U+000D, U+0085 and U+00A0, which is a Zs.
WHITE_SPACE = "\t\n\v\f\r\x85\u2028\u2029 \xa0\u1680\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
_DATA = (("\r", "%0D"), ("\n", "%0A"), ("%", "%25"))
_PROPERTY = (("\r", "%0D"), ("\n", "%0A"), (":", "%3A"), (",", "%2C"), ("%", "%25"))
_FIRST_VERSION = ((";", "%3B"), ("\r", "%0D"), ("\n", "%0A"), ("]", "%5D"), ("%", "%25"))


@dataclass(frozen=True, slots=True)
class Command:
    name: str
    data: str = ""
    properties: dict[str, str] = field(default_factory=dict)


class FileError(Exception):
    """The step fails, since a file is not as it must be."""


def lines(text: str) -> list[str]:
    """Return the lines of a stream: each ends at LF, at CR or at both."""
    found = re.split(r"\r\n|\n|\r", text)
    return found[:-1] if found[-1] == "" else found


def commands(text: str) -> list[Command]:
    """Return the commands that the runner obeys in what a step prints."""
    return [found for line in lines(text) if (found := command(line)) is not None]


def shown(text: str) -> list[str]:
    """Return the lines that the runner shows as they are."""
    return [line for line in lines(text) if command(line) is None]


def command(line: str) -> Command | None:
    """Return the command that a line is, if it is one."""
    return _second_version(line) or _first_version(line)


def _second_version(line: str) -> Command | None:
    line = line.lstrip(WHITE_SPACE)
    if not line.startswith("::"):
        return None
    end = line.find("::", 2)
    if end < 0:
        return None
    name, _, properties = line[2:end].partition(" ")
    if name not in COMMANDS:
        return None
    return Command(
        name, _unescaped(line[end + 2 :], _DATA), _properties(properties, ",", _PROPERTY)
    )


def _first_version(line: str) -> Command | None:
    start = line.find("##[")
    end = line.find("]", start)
    if start < 0 or end < 0:
        return None
    name, _, properties = line[start + 3 : end].partition(" ")
    if name not in COMMANDS:
        return None
    return Command(
        name,
        _unescaped(line[end + 1 :], _FIRST_VERSION),
        _properties(properties, ";", _FIRST_VERSION),
    )


def _properties(text: str, separator: str, escapes: tuple[tuple[str, str], ...]) -> dict[str, str]:
    pairs = (pair.split("=", 1) for pair in text.strip(WHITE_SPACE).split(separator) if pair)
    return {pair[0]: _unescaped(pair[1], escapes) for pair in pairs if len(pair) == 2}


def _unescaped(text: str, escapes: tuple[tuple[str, str], ...]) -> str:
    for character, escape in escapes:
        text = text.replace(escape, character)
    return text


def outputs(text: str, *, windows: bool = False) -> dict[str, str]:
    """Return the outputs that a file of `GITHUB_OUTPUT` sets; `FileError` if it is bad."""
    found: dict[str, str] = {}
    reader = _Reader(text, windows=windows)
    while (line := reader.line()) is not None:
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            name, _, value = line.partition("=")
            if not name:
                raise FileError(f"Invalid format {line!r}. Name must not be empty")
        elif heredoc >= 0:
            name, _, delimiter = line.partition("<<")
            if not name or not delimiter:
                raise FileError(f"Invalid format {line!r}. Name and delimiter must not be empty")
            value = reader.until(delimiter)
        else:
            raise FileError(f"Invalid format {line!r}")
        found[name] = value
    return found


class _Reader:
    """Reads lines that end at LF, on Windows at CR and LF too."""

    def __init__(self, text: str, *, windows: bool) -> None:
        self._text = text
        self._ends = r"\r\n|\n" if windows else r"\n"
        self._at = 0

    def line(self) -> str | None:
        if self._at >= len(self._text):
            return None
        line, _ = self._next()
        return line

    def until(self, delimiter: str) -> str:
        start = end = self._at
        while True:
            if self._at >= len(self._text):
                raise FileError(f"Invalid value. Matching delimiter not found {delimiter!r}")
            line, newline = self._next()
            if line == delimiter:
                return self._text[start:end]
            end = self._at - len(newline)

    def _next(self) -> tuple[str, str]:
        found = re.compile(self._ends).search(self._text, self._at)
        start = self._at
        self._at = found.end() if found else len(self._text)
        newline = found[0] if found else ""
        return self._text[start : self._at - len(newline)], newline
