"""Workflow commands: the runner's line protocol on standard output."""


def command(name: str, message: str = "", **properties: str) -> str:
    """Return one escaped workflow command, such as `::error title=…::…`."""
    pairs = ",".join(f"{key}={_escaped(value, ':,')}" for key, value in properties.items())
    return f"::{name}{' ' + pairs if pairs else ''}::{_escaped(message)}"


def _escaped(text: str, extra: str = "") -> str:
    for character in "%\r\n" + extra:  # % first, or it would escape the escapes
        text = text.replace(character, f"%{ord(character):02X}")
    return text
