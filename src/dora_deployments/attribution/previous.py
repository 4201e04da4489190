"""Which deployment, release or tag came before this one; all from values, nothing is asked."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from dora_deployments.actions.event import Happening
from dora_deployments.actions.run import RUN_URL
from dora_deployments.attribution.answers import Mark, PastDeployment

# `v1.2.3`, `checkout-v1.2.3-rc.1`, `services/checkout@1.2`: what stands before the version
# is a product's name, and only versions of the same one can be compared.
_VERSION: Final = re.compile(
    r"(?P<product>(?:.*?[^0-9.])??)(?P<numbers>\d{1,18}(?:\.\d{1,18})+)"
    r"(?P<pre>-[0-9A-Za-z.-]+)?(?:\+.*)?",
    re.ASCII,
)
_Order = tuple[tuple[int, ...], bool, tuple[tuple[bool, int, str], ...]]


def deployment(
    happening: Happening,
    commit_sha: str,
    known: Sequence[PastDeployment],
    *,
    ended_at: datetime | None,
) -> PastDeployment | None:
    """Return the last deployment before this one that ever reached success.

    `ended_at` is this one's finish, if that is not just the clock's time: what GitHub
    remembers from after it is newer.
    """
    own = [other for other in known if _is_own(other, happening, commit_sha)]
    end = max((other.created_at for other in own), default=ended_at)
    if happening.deployment_ids and happening.started_at is not None:
        end = happening.started_at.value
    candidates = (
        other
        for other in known
        if other.succeeded
        and other.task == happening.task
        and other not in own
        and (end is None or other.created_at < end)
    )
    return max(candidates, key=lambda other: other.created_at, default=None)


def _is_own(other: PastDeployment, happening: Happening, commit_sha: str) -> bool:
    """Return whether `other` is GitHub's own record of this deployment, or of a part of it.

    A job with `environment:` makes a deployment, whose log is a page of the job's run.
    """
    runs = {found[1] for url in other.urls if (found := RUN_URL.search(url))}
    if other.id in happening.deployment_ids or runs & happening.run_ids:
        return True
    began = happening.started_at
    is_later = began is not None and other.created_at >= began.value
    return is_later and other.commit_sha == commit_sha


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
