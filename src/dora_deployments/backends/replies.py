"""What every reply can be asked, whichever vendor sent it."""

import json
from typing import Final

from dora_deployments.deployment import Reply

# Longer than any answer that the vendors document.
MAX_BODY: Final = 65_536


def json_object(reply: Reply) -> dict[str, object]:
    """Return the JSON object in the reply's body, or an empty one if there is none."""
    if len(reply.body) > MAX_BODY:
        return {}
    try:
        # From text: given bytes, `json` would take UTF-16 and UTF-32 too.
        value = json.loads(reply.body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def kind(reply: Reply) -> str:
    """Return what a body seems to be that is not the expected JSON, in our own words."""
    if not reply.body:
        return "the answer is empty or broke off"
    if len(reply.body) > MAX_BODY:
        return "the answer is too long"
    if is_page(reply):
        return "the answer is a web page, as of a proxy or a log-in"
    return "the answer is not the documented JSON"


def is_page(reply: Reply) -> bool:
    """Return whether a body seems to be HTML or XML, which no vendor answers."""
    return reply.body.lstrip()[:1] == b"<"


def is_blocked(reply: Reply) -> bool:
    """Return whether somebody on the way refused a request: the vendors refuse keys by JSON."""
    return reply.status in {401, 403} and is_page(reply)


def excerpt(reply: Reply) -> str:
    """Return the words of a body that is not the documented JSON: foreign text, on one line.

    Not cut here, since a cut could leave half of a key that no scrubber knows; nor does one
    know a key in UTF-16, so a body with NUL has no words.
    """
    if len(reply.body) > MAX_BODY or b"\0" in reply.body:
        return ""
    return " ".join(reply.body.decode("utf-8", "replace").split())
