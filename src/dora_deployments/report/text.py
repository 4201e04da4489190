"""Foreign text made harmless, once for each place that it is shown in.

Foreign is whatever we did not write: inputs, payloads, answers of servers.
"""

import json
import re
import unicodedata
from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus, unquote

from dora_deployments.actions.inputs import LONG_SECRET
from dora_deployments.actions.text import is_control, parts, without_shas

_ENTITIES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"}  # as `html` has them
)
_ZERO_WIDTH_JOINER = "\u200d"
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
# What GitHub's renderer turns into a mention or a link, up to where it is broken.
_LINKABLE = re.compile(r"@|://|www(?=\.)", re.IGNORECASE)
_ESCAPE = re.compile(r"\\+u([0-9a-f]{4})|\\+x([0-9a-f]{2})", re.IGNORECASE)
_TIMES = 3  # that a text may be escaped, one over the other
# Shorter ones could be part of any text by chance.
_SHORTEST_PART = 8


class Scrubber:
    """Takes known secrets out of any text: also encoded, and also one half of them alone."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self.secrets = tuple(secrets)
        forms = {form for secret in self.secrets for form in _forms(secret)}
        forms |= {form.lower() for form in forms}  # as a name may be written elsewhere
        # The longest first, or what is left of a secret would not be known any more.
        self._forms = sorted(forms, key=lambda form: (-len(form), form))

    def __call__(self, text: str) -> str:
        """Return `text` with every secret replaced by asterisks."""
        for form in self._forms:
            text = text.replace(form, "***")
        return text

    def holds(self, bodies: Iterable[bytes]) -> bool:
        """Return whether a long secret stands in any of the JSON `bodies`.

        A short one, made up for a test, may well be part of a name by chance.
        """
        long = [json.dumps(secret)[1:-1] for secret in self.secrets if len(secret) >= LONG_SECRET]
        texts = [without_shas(body.decode()) for body in bodies]
        return any(secret in text for text in texts for secret in long)

    def words(self, text: str) -> str:
        """Return a server's own words on one line, or that they hold a part of a secret.

        A server may echo a key in any way of writing, and any part of it.
        """
        plain = _plain(text)
        for secret in self.secrets:
            for form in _alphabets(secret):
                if any(part in plain for part in parts(form, _SHORTEST_PART)):
                    return "(not shown, since a part of a key is in it)"
        return " ".join(self(text).split())


def neutral(text: str, limit: int | None = None) -> str:
    """Return `text` on one line that the runner can take for nothing but text.

    The runner ends a line at a carriage return too, and obeys `##[command]` anywhere in it.
    Controls and characters that turn the direction of writing are shown by their escapes.
    """
    if limit is not None and len(text) > limit:
        text = f"{text[: limit - 1]}…"
    if not (text.isascii() and text.isprintable()):  # few are not, and looking takes its time
        text = "".join(
            character.encode("unicode_escape").decode() if _is_hidden(character) else character
            for character in text
        )
    return text.replace("##[", "## [")


def for_html(text: str, limit: int | None = None) -> str:
    """Return `text` for the inside of an HTML `code` element in the job summary."""
    return neutral(text, limit).translate(_ENTITIES)


def for_html_prose(text: str, limit: int | None = None) -> str:
    """Return `text` for any HTML element: GitHub makes no link or mention of it either."""
    return _LINKABLE.sub(lambda found: f"{found[0]}\u200b", for_html(text, limit))


def for_output(text: str, also: str = "") -> str:
    """Return `text` such that it is safe wherever a workflow puts an output.

    What a shell or an expression reads becomes `_`; `also` are harmless marks to leave.
    """
    return re.sub(f"[^A-Za-z0-9 _./:@+{re.escape(also)}-]", "_", text)


def words_for_output(text: str) -> str:
    """Return our own words for an output: without the marks that a shell reads."""
    return for_output(text.replace("`", "").replace(";", ","), also=",")


def pretty_json(body: bytes, scrub: Scrubber) -> list[str]:
    """Return the lines of a JSON body, indented, for the log and for a Markdown fence.

    It is the same JSON but for secrets, yet no string in it can end a fence, begin a tag or
    be a command. Secrets go before anything is escaped, since nobody would know them after.
    """
    shown = json.dumps(_scrubbed(json.loads(body), scrub), indent=2)
    return _STRING.sub(_escaped, shown).splitlines()


def _plain(text: str) -> str:
    """Return the letters and digits of `text`, however they are escaped."""
    import html

    for _ in range(_TIMES):
        text = html.unescape(unquote(_ESCAPE.sub(_character, text)))
    return _letters(text)


def _character(escape: re.Match[str]) -> str:
    return chr(int(escape[1] or escape[2], 16))


def _letters(text: str) -> str:
    shown = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in shown if character.isalnum())


def _alphabets(secret: str) -> Iterator[str]:
    """Yield the letters and digits of `secret`, and of what it is in hex and base64."""
    raw = secret.encode(errors="replace")
    yield from map(_letters, (secret, raw.hex(), *_in_base64(raw)))


def _in_base64(raw: bytes) -> Iterator[str]:
    """Yield what is `raw` in base64: what stands before it in the same text shifts the letters."""
    for before in range(3):
        # Letters that also hold a part of what stands before or after it are left out.
        whole = slice(-(-before * 4 // 3), (before + len(raw)) * 4 // 3)
        yield b64encode(b" " * before + raw).decode()[whole]


def _forms(secret: str) -> Iterator[str]:
    """Yield `secret` as it is, as servers and libraries may write it, and the halves of that."""
    raw = secret.encode(errors="replace")  # one that is not UTF-8 is refused, but masked
    in_json = json.dumps(secret)[1:-1]
    encoded = {raw.hex(), raw.hex().upper(), quote(raw, safe=""), quote_plus(raw)}
    for letters in _in_base64(raw):
        encoded |= {letters, letters.replace("+", "-").replace("/", "_")}
    yield from (secret, in_json, in_json.replace("/", "\\/"))
    for form in encoded:
        if len(form) >= _SHORTEST_PART:
            yield form
    if " " in secret:  # as in an expression: half of it may be a word of ours
        return
    for form in (secret, *encoded):
        middle = len(form) // 2
        if middle >= _SHORTEST_PART:
            yield from (form[:middle], form[middle:])


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
