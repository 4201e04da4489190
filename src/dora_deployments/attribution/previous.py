"""Which release or tag came before this one; all from values, nothing is asked."""

import re
from collections.abc import Sequence
from typing import Final

from dora_deployments.attribution.answers import Mark

# `v1.2.3`, `checkout-v1.2.3-rc.1`, `services/checkout@1.2`: what stands before the version
# is a product's name, and only versions of the same one can be compared.
_VERSION: Final = re.compile(
    r"(?P<product>(?:.*?[^0-9.])??)(?P<numbers>\d{1,18}(?:\.\d{1,18})+)"
    r"(?P<pre>-[0-9A-Za-z.-]+)?(?:\+.*)?",
    re.ASCII,
)
_Order = tuple[tuple[int, ...], bool, tuple[tuple[bool, int, str], ...]]


def mark(tag: str, commit_sha: str, known: Sequence[Mark]) -> Mark | None:
    """Return the release or tag before `tag`: the next lower version, else the next older one.

    `known` has the newest first. Versions of other products, prereleases (unless `tag` is
    one) and other names of the same commit are passed over.
    """
    others = [other for other in known if other.commit_sha != commit_sha]
    own = _VERSION.fullmatch(tag)
    if own is None:
        tags = [other.tag for other in known]
        older = known[tags.index(tag) + 1 :] if tag in tags else ()
        return next((other for other in older if other in others), None)
    lower = [
        (_order(version), other)
        for other in others
        if (version := _VERSION.fullmatch(other.tag))
        and version["product"] == own["product"]
        and (own["pre"] or not version["pre"])
        and _order(version) < _order(own)
    ]
    return max(lower, key=lambda item: item[0])[1] if lower else None


def _order(version: re.Match[str]) -> _Order:
    """Return what versions are sorted by; words count more than numbers (semver.org, 11)."""
    numbers = [int(number) for number in version["numbers"].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    pre = version["pre"] or ""
    # Not the parts between dots alone, since many write `rc10` without one.
    parts = tuple(
        (not part.isdigit(), int(part) if part.isdigit() else 0, part)
        for part in re.findall(r"[0-9]{1,18}|[A-Za-z]+", pre)
    )
    return tuple(numbers), not pre, parts
