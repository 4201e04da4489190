"""YAML as editors read it (version 1.2, core schema) less what can surprise.

There are no anchors, aliases, merge keys, tags, duplicate keys or second documents.
"""

import re
from typing import Any, Final, NoReturn

from dora_deployments.actions.problems import Path, Problem
from dora_deployments.actions.text import is_control, shown
from dora_deployments.errors import ConfigurationError

KINDS: Final[dict[type, str]] = {
    type(None): "empty",
    bool: "a boolean",
    int: "a number",
    str: "text",
    list: "a list",
    dict: "a mapping",
}

_DEEPEST: Final = 16
_MOST_EVENTS: Final = 20_000  # read in half a second, and no honest file has as many

# YAML 1.2, "10.3.2. Tag Resolution". Our keys take no number, so its own value does not matter.
_PLAIN: Final[tuple[tuple[re.Pattern[str], object], ...]] = (
    (re.compile("null|Null|NULL|~|"), None),
    (re.compile("true|True|TRUE|false|False|FALSE"), True),
    (re.compile("[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"), 0),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), 0),
    (re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"), 0),
)


def read(content: bytes, where: str, *, largest: int) -> "Document":
    """Return the document in `content`, or raise `ConfigurationError` if it cannot be read.

    `where` names the file in messages, which quote keys and never values. What can be read
    and is not to be written is among the document's `problems`.
    """
    return Document(_text(content, where, largest), where)


def _text(content: bytes, where: str, largest: int) -> str:
    """Return the text, in which nothing is left that could end a line for some and not others."""
    if len(content) > largest:
        raise ConfigurationError(f"{where} is larger than {largest} bytes; write less into it")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{where}, line {line}, is not UTF-8; save it as UTF-8") from None
    foreign = {character for character in set(text) - {"\r", "\n"} if _is_foreign(character)}
    for number, line_of_text in enumerate(re.split("\r\n|\r|\n", text) if foreign else (), 1):
        if not foreign.isdisjoint(line_of_text):
            raise ConfigurationError(
                f"{where}, line {number}, has a control character; take it out, or write it as an"
                ' escape in "double quotes"'
            )
    return text


def _is_foreign(character: str) -> bool:
    # YAML 1.2, "5.1. Character Set", less C1 controls and Unicode's own line ends.
    return character in "\ufeff\ufffe\uffff" or (character != "\t" and is_control(character))


class Document:
    """The one YAML document of a text: its value, the line of every path, its problems.

    `value` is made of None, booleans, numbers that are all zero, texts, lists and mappings
    with texts for keys; with `problems` it is only as good as they leave it. It is made from
    PyYAML's events, one by one, so that nothing is ever expanded and what goes too deep or
    on for too long ends at once.
    """

    def __init__(self, text: str, where: str) -> None:
        import yaml

        self._yaml = yaml
        self._loader = yaml.SafeLoader(text)
        self._where = where
        self._events = 0
        self.lines: dict[Path, int] = {(): 1}
        self.problems: list[Problem] = []
        self._next()
        event = self._next()
        self.value: Any = None
        if isinstance(event, yaml.DocumentStartEvent):
            self.value = self._value(self._next(), ())
            self._next()
            event = self._next()
            if not isinstance(event, yaml.StreamEndEvent):
                self._end(_line(event), "starts a second document; write only one")
        if self.value is None and not self.problems:
            raise ConfigurationError(
                f"{where} is empty; write services, environments or both, or delete it"
            )

    def _next(self) -> Any:
        self._events += 1
        try:
            event = self._loader.get_event()  # type: ignore[no-untyped-call]  # the stubs' gap
        except self._yaml.MarkedYAMLError as error:
            self._refuse(error)
        except (ValueError, OverflowError):  # an escape beyond Unicode, a version of many digits
            self._end(
                self._loader.line + 1, "has a number or an escape beyond all bounds; correct it"
            )
        if self._events > _MOST_EVENTS:
            self._end(_line(event), f"goes on after {_MOST_EVENTS} entries; write less")
        return event

    def _refuse(self, error: Any) -> NoReturn:
        """End at a syntax error, in our own words, since PyYAML's quote the file."""
        mark = error.problem_mark
        if self._loader.peek() == "\t":
            words = "has a tab; indent with spaces"
        elif error.context == "while scanning an alias":
            words = "has a * that YAML takes for an alias; put quotes around the pattern"
        else:
            words = (
                "is not YAML; check the indentation, the quotes and the brackets there, and put"
                " quotes around text that has : or starts with another sign"
            )
        self._end(mark.line + 1, words, f", column {mark.column + 1}")

    def _end(self, line: int, words: str, column: str = "") -> NoReturn:
        raise ConfigurationError(f"{self._where}, line {line}{column}, {words}")

    def _problem(self, event: Any, path: Path, words: str) -> None:
        self.problems.append(Problem(line=_line(event), path=path, words=words))

    def _value(self, event: Any, path: Path) -> Any:
        """Return the value that starts with `event`, and read to its end."""
        if len(path) > _DEEPEST:
            self._end(
                _line(event),
                f"is nested more than {_DEEPEST} levels deep; write it flatter",
            )
        self.lines.setdefault(path, _line(event))
        if isinstance(event, self._yaml.AliasEvent):
            self._problem(
                event,
                path,
                "is an alias; write the value itself, or put quotes around a pattern that starts"
                " with *",
            )
            return None
        if event.anchor is not None:
            self._problem(
                event, path, "has an anchor; write the value without &, or put quotes around it"
            )
        if event.tag is not None:
            self._problem(
                event,
                path,
                "has a tag; leave it out, or put quotes around a pattern that starts with !",
            )
        if isinstance(event, self._yaml.ScalarEvent):
            return _scalar(event)
        if isinstance(event, self._yaml.SequenceStartEvent):
            return self._list(path)
        return self._mapping(path)

    def _list(self, path: Path) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := self._next(), self._yaml.SequenceEndEvent):
            found.append(self._value(event, (*path, len(found))))
        return found

    def _mapping(self, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := self._next(), self._yaml.MappingEndEvent):
            if not isinstance(event, self._yaml.ScalarEvent):
                self._problem(event, path, "has a key that is no text; write text")
                self._value(event, (*path, ""))
                self._value(self._next(), (*path, ""))
                continue
            key = event.value
            inner = (*path, key)
            first = self.lines.setdefault(inner, _line(event))
            self._check_key(event, path)
            if key in found:
                self._problem(event, inner, f"is there twice, first on line {first}; write it once")
            found.setdefault(key, self._value(self._next(), inner))
        return found

    def _check_key(self, event: Any, path: Path) -> None:
        key = event.value
        if event.anchor is not None or event.tag is not None:
            self._problem(
                event, path, f"has the key {shown(key)} with an anchor or a tag; leave that out"
            )
        elif event.implicit[0] and key == "<<":
            self._problem(event, path, "has the merge key <<; write the keys themselves")
        elif not isinstance(plain := _scalar(event), str):
            self._problem(
                event,
                path,
                f"has the key {shown(key)}, which YAML takes for"
                f" {'nothing' if plain is None else KINDS[type(plain)]}; put quotes around it",
            )


def _line(event: Any) -> int:
    line: int = event.start_mark.line
    return line + 1


def _scalar(event: Any) -> Any:
    """Return the value of a scalar; only one without quotes can be other than text."""
    if event.implicit[0]:
        for form, value in _PLAIN:
            if form.fullmatch(event.value):
                return value
    return event.value
