"""GitHub's event payload, read by path, with nothing taken for granted."""

import json
import re
from typing import Final

_SHA: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SLUG: Final = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")


class Payload:
    """A JSON object whose members may be missing, null or of another type.

    Every reader takes a dotted path, such as `pull_request.base.ref`, and returns None
    where the payload holds nothing of that type there.
    """

    def __init__(self, value: object) -> None:
        self._value = value

    def get(self, path: str) -> object:
        """Return whatever stands at `path`."""
        value = self._value
        for key in path.split("."):
            if not isinstance(value, dict):
                return None
            value = value.get(key)
        return value

    def text(self, path: str) -> str | None:
        """Return the text at `path`, trimmed, unless it is empty."""
        value = self.get(path)
        return value.strip() or None if isinstance(value, str) else None

    def flag(self, path: str) -> bool | None:
        """Return the JSON boolean at `path`."""
        value = self.get(path)
        return value if isinstance(value, bool) else None

    def id(self, path: str) -> int | None:
        """Return the positive whole number at `path`: a database id or a number."""
        value = self.get(path)
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63:
            return value
        return None

    def sha(self, path: str) -> str | None:
        """Return the full commit SHA at `path`, in lower case; not one of zeros alone."""
        return full_sha(self.get(path))

    def slug(self, path: str) -> str | None:
        """Return the repository slug, `owner/name`, at `path`."""
        return slug(self.get(path))


def parse(content: bytes) -> Payload:
    """Return the payload in `content`; `ValueError` says why there is none.

    GitHub writes UTF-8; a byte order mark is forgiven. Python's own parser raises
    `RecursionError` on a deep nest, which is as broken as any other.
    """
    try:
        value = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text") from None
    except (ValueError, RecursionError):
        raise ValueError("is not JSON") from None
    if not isinstance(value, dict):
        raise ValueError("is not a JSON object")
    return Payload(value)


def full_sha(value: object) -> str | None:
    """Return `value` as a full commit SHA (40 or 64 hex, lower case), or None."""
    if isinstance(value, str) and _SHA.fullmatch(value.lower()) and value.strip("0"):
        return value.lower()
    return None


def slug(value: object) -> str | None:
    """Return `value` as a repository slug, or None."""
    if isinstance(value, str) and _SLUG.fullmatch(value):
        owner, name = value.split("/")
        if not {owner, name} & {".", ".."}:
            return value
    return None
