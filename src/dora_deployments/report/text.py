"""Foreign text made harmless, once for each place that it is shown in.

Foreign is whatever we did not write: inputs, payloads, answers of servers.
"""

import html
import json
import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any

from dora_deployments.actions.text import is_control

_ZERO_WIDTH_JOINER = "\u200d"
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
# What GitHub's renderer turns into a mention or a link, up to where it is broken.
_LINKABLE = re.compile(r"@|://|www(?=\.)", re.IGNORECASE)
_UNSAFE = re.compile(r"[^A-Za-z0-9 _./:@+-]")
_UNSAFE_IN_WORDS = re.compile(r"[^A-Za-z0-9 _./:@+,-]")


@dataclass(frozen=True, slots=True)
class Scrubber:
    """Takes known secrets out of any text, longest first, as they are and as JSON has them."""

    secrets: tuple[str, ...] = field(repr=False)

    def __call__(self, text: str) -> str:
        """Return `text` with every secret replaced by asterisks."""
        for secret in self.secrets:
            in_json = json.dumps(secret)[1:-1]
            for form in (secret, in_json, in_json.replace("/", "\\/")):
                text = text.replace(form, "***")
        return text


def neutral(text: str, limit: int | None = None) -> str:
    """Return `text` on one line that the runner can take for nothing but text.

    The runner ends a line at a carriage return too, and obeys `##[command]` anywhere in it.
    Controls and characters that turn the direction of writing are shown by their escapes.
    """
    if limit is not None and len(text) > limit:
        text = f"{text[: limit - 1]}…"
    escaped = "".join(
        character.encode("unicode_escape").decode() if _is_hidden(character) else character
        for character in text
    )
    return escaped.replace("##[", "## [")


def for_html(text: str, limit: int | None = None) -> str:
    """Return `text` for the inside of an HTML `code` element in the job summary."""
    return html.escape(neutral(text, limit))


def for_html_prose(text: str, limit: int | None = None) -> str:
    """Return `text` for any HTML element: GitHub makes no link or mention of it either."""
    return _LINKABLE.sub(lambda found: f"{found[0]}\u200b", for_html(text, limit))


def for_output(text: str) -> str:
    """Return `text` such that it is safe wherever a workflow puts an output."""
    return _UNSAFE.sub("_", text)


def words_for_output(text: str) -> str:
    """Return our own words for an output: without the marks that a shell reads."""
    return _UNSAFE_IN_WORDS.sub("_", text.replace("`", "").replace(";", ","))


def pretty_json(body: bytes, scrub: Scrubber) -> list[str]:
    """Return the lines of a JSON body, indented, for the log and for a Markdown fence.

    It is the same JSON but for secrets, yet no string in it can end a fence, begin a tag or
    be a command. Secrets go before anything is escaped, since nobody would know them after.
    """
    shown = json.dumps(_scrubbed(json.loads(body), scrub), indent=2)
    return _STRING.sub(_escaped, shown).splitlines()


def _scrubbed(value: Any, scrub: Scrubber) -> Any:
    if isinstance(value, dict):
        return {scrub(key): _scrubbed(item, scrub) for key, item in value.items()}
    if isinstance(value, list):
        return [_scrubbed(item, scrub) for item in value]
    return scrub(value) if isinstance(value, str) else value


def _escaped(string: re.Match[str]) -> str:
    text = string[0].replace("##[", "##\\u005b")
    return re.sub(r"[<>&`\]\x7f]", lambda found: f"\\u{ord(found[0]):04x}", text)


def _is_hidden(character: str) -> bool:
    if is_control(character):
        return True
    return unicodedata.category(character) == "Cf" and character != _ZERO_WIDTH_JOINER
