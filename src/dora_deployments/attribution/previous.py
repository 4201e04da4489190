"""Which release or tag came before this one; all from values, nothing is asked."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dora_deployments.attribution.answers import Mark

_META: Final = r"(?:\+(?P<meta>.*))?"
# A suffix is a word, as in `1.2.3-rc.1`, `1.2.3.Final`, `1.2.3rc1` and `1.2.3-prod`, or begins
# with a digit, as in `1.2.3-42-g5a47c3f`. In `python3.11-v1.2.3` it is another version.
_SUFFIX: Final = (
    r"(?P<suffix>(?!.*[-_.]v\d)(?:[-._]?[A-Za-z][0-9A-Za-z._-]*|-[0-9A-Za-z][0-9A-Za-z._-]*))?"
)
# `20261105`, `2026-11-05`, `20261105-1430`, `20261105.2`, `2026-11-05T14-30-00Z`, and weeks; not
# the date in `v1.2.3-20261105`.
_DATE: Final = re.compile(
    r"(?!(?:.*[^0-9A-Za-z.])?[vV]?\d{1,5}\.\d)(?P<product>(?:.*?[^0-9.])??)"
    r"(?P<numbers>(?:19|20)\d\d(?:(?P<between>[-_]?)(?:0[1-9]|1[0-2])(?P=between)"
    r"(?:0[1-9]|[12]\d|3[01])|[-.]?[Ww](?:[0-4]\d|5[0-3])))"
    r"(?P<clock>\d{4}|\d{6})?(?P<more>(?:[-._T]\d{1,6}(?![0-9A-Fa-f]))*)Z?" + _SUFFIX + _META,
    re.ASCII,
)
_DOTTED: Final = re.compile(
    r"(?P<product>(?:.*?[^0-9.])??)"
    r"(?P<numbers>\d{1,18}(?:(?:\.\d{1,18})+|(?:_\d{1,18}){2,}))" + _SUFFIX + _META,
    re.ASCII,
)
# `42-prod`, `v12-rc.1`; what has a number at the very end comes next.
_NUMBER_AND_WORD: Final = re.compile(
    r"(?P<product>(?:.*[^0-9A-Za-z.])?[vV]?)(?P<numbers>\d{1,18})"
    r"(?P<suffix>[-._][A-Za-z]+(?:[-._]?\d{1,18})?)" + _META,
    re.ASCII,
)
_NUMBER: Final = re.compile(
    r"(?P<product>(?:.*[^0-9.])?)(?P<numbers>\d{1,18})(?P<suffix>)" + _META, re.ASCII
)
# `05112026`: a date; nobody knows whether the day or the month comes first.
_YEAR_LAST: Final = re.compile(r"(?:0[1-9]|[12]\d|3[01]){2}(?:19|20)\d\d", re.ASCII)
# As `git describe` names a commit: so many commits after that version.
_DESCRIBED: Final = re.compile(r"-(\d{1,9})-g[0-9a-f]{4,40}", re.ASCII)
_SHA: Final = re.compile(r"-(?:g|(?=[a-f]*\d)(?=\d*[a-f]))[0-9a-f]{7,40}", re.ASCII)
_BUILD: Final = re.compile(r"(?:[A-Za-z]+[.-]?)?(\d{1,18}(?:[.-]\d{1,18})*)", re.ASCII)
# `deploy-5a47c3f`
_PRODUCT_AND_SHA: Final = re.compile(
    r"(?P<product>(?:.*[^0-9A-Za-z.])?)g?(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{7,40}"
    r"(?P<suffix>)(?P<meta>)",
    re.ASCII,
)
_BEFORE_RELEASE: Final = frozenset(
    {
        *("a", "alpha", "b", "beta", "c", "canary", "cr", "dev", "ea", "eap", "m", "milestone"),
        *("next", "nightly", "pre", "preview", "prerelease", "rc", "snapshot", "test", "unstable"),
    }
)
_AFTER_RELEASE: Final = frozenset(
    {"bugfix", "fix", "hf", "hotfix", "p", "patch", "post", "rev", "security", "sp"}
)
_RELEASE: Final = frozenset({"final", "ga", "release", "stable"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Version:
    """A version, date or number of a product, which is all else in the tag.

    `stage` is below 0 for a prerelease and above it for a hotfix. `build` orders what is
    otherwise the same. Versions with the SHA of a commit in them have no order of their own.
    """

    product: tuple[str, str]
    is_number: bool
    numbers: tuple[int, ...]
    stage: int
    parts: tuple[tuple[bool, int, str], ...]
    build: tuple[int, ...]
    has_sha: bool

    @property
    def order(self) -> tuple[object, ...]:
        return self.numbers, self.stage, self.parts


def mark(tag: str, commit_sha: str, known: Sequence[Mark]) -> Mark | None:
    """Return the release or tag before `tag`: the next lower one of the same product.

    A product is what is left of a tag without its version, date, number or SHA. Prereleases
    (unless `tag` is one) and other names of the same commit are passed over. `known` has the
    newest first, which decides between names of one version, and where only SHAs differ.
    Returns None for a tag that has no order.
    """
    own = _version(tag)
    if own is None or (own.is_number and any(_is_sha_beside(tag, each.tag) for each in known)):
        return None
    tags = [each.tag for each in known]
    place = tags.index(tag) if tag in tags else len(tags)
    others = [
        (version, index, other)
        for index, other in enumerate(known)
        if other.commit_sha != commit_sha
        and (version := _version(other.tag)) is not None
        and (version.product, version.is_number) == (own.product, own.is_number)
        and (own.stage < 0 or version.stage >= 0)
    ]
    if own.has_sha and place == len(tags) and any(each.order == own.order for each, _, _ in others):
        return None
    lower = [
        ((version.order, version.build), other)
        for version, index, other in others
        if version.order < own.order
        or (
            version.order == own.order
            and (index > place if own.has_sha else () < version.build < own.build)
        )
    ]
    return max(lower, key=lambda item: item[0])[1] if lower else None


def _is_sha_beside(tag: str, other: str) -> bool:
    """Return whether the number at the end of `tag` is a SHA without letters, as `other` shows."""
    number = re.search(r"[0-9]*$", tag)
    start = number.start() if number else 0
    tail = other[start:]
    is_hex = re.fullmatch(r"(?=[0-9]*[a-f])[0-9a-f]{7,40}", tail, re.ASCII) is not None
    return len(other) == len(tag) and other[:start] == tag[:start] and is_hex


def _version(tag: str) -> _Version | None:
    if found := _DATE.fullmatch(tag):
        more = [found["clock"].ljust(6, "0")] if found["clock"] else []
        parts = [*re.findall(r"[0-9]+", found["more"])]
        numbers = _date(found["numbers"]) + tuple(map(int, (*more, *parts)))
        return _read(found, numbers)
    if found := _DOTTED.fullmatch(tag):
        return _read(found, tuple(int(number) for number in re.split(r"[._]", found["numbers"])))
    if found := _PRODUCT_AND_SHA.fullmatch(tag):
        return _read(found, (), has_sha=True)
    found = _NUMBER_AND_WORD.fullmatch(tag) or _NUMBER.fullmatch(tag)
    if found is None or _YEAR_LAST.fullmatch(found["numbers"]):
        return None
    return _read(found, (int(found["numbers"]),), is_number=True)


def _date(text: str) -> tuple[int, ...]:
    digits = re.sub(r"[^0-9]", "", text)
    return tuple(int(part) for part in (digits[:4], digits[4:6], digits[6:]) if part)


def _read(
    found: "re.Match[str]",
    numbers: tuple[int, ...],
    *,
    is_number: bool = False,
    has_sha: bool = False,
) -> _Version:
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers = numbers[:-1]
    suffix = found["suffix"] or ""
    build = _BUILD.fullmatch(found["meta"] or "")
    stage, label = 0, ""
    if described := _DESCRIBED.fullmatch(suffix):
        stage, suffix = 1, described[1]
    elif _SHA.fullmatch(suffix):
        has_sha, suffix = True, ""
    elif word := re.match(r"[-._]?([A-Za-z]+)", suffix):
        kind = word[1].lower()
        if kind in _BEFORE_RELEASE:
            stage = -1
        elif kind in _AFTER_RELEASE:
            stage = 1
        elif kind in _RELEASE:
            suffix = ""
        else:  # an environment, a service or a flavour
            label = "-".join(re.findall(r"[A-Za-z]+", suffix))
            suffix = re.sub(r"[A-Za-z]+", "", suffix)
    elif suffix:
        # The second of a day, or else a prerelease (semver.org, 9).
        stage = 1 if 1990 <= numbers[0] < 2100 else -1
    return _Version(
        product=(found["product"], label),
        is_number=is_number,
        numbers=numbers,
        stage=stage,
        # Words count more than numbers (semver.org, 11). Not the parts between dots alone, since
        # many write `rc10` without one.
        parts=tuple(
            (not part.isdigit(), int(part) if part.isdigit() else 0, part)
            for part in re.findall(r"[0-9]{1,18}|[A-Za-z]+", suffix)
        ),
        build=tuple(int(each) for each in re.split(r"[.-]", build[1])) if build else (),
        has_sha=has_sha,
    )
