"""The two pattern languages of the inputs: GitHub's branch filters and environment globs."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from dora_deployments.actions.text import shown


@dataclass(frozen=True, slots=True)
class BranchFilter:
    """Branch patterns in GitHub's filter syntax; the last one that matches decides.

    The syntax is that of `on.push.branches` (GitHub's workflow syntax, "Filter pattern
    cheat sheet"): `*` stops at `/`, `**` does not, `?` and `+` repeat what is before
    them, `[...]` is one of its characters, `!` in front takes branches away, and a
    backslash makes the next character plain.
    """

    patterns: tuple[str, ...]

    @classmethod
    def parse(cls, patterns: Iterable[str]) -> "BranchFilter":
        """Return the filter; `ValueError` says which pattern cannot be one and why."""
        patterns = tuple(patterns)
        for pattern in patterns:
            _steps(pattern.removeprefix("!"))
        if all(pattern.startswith("!") for pattern in patterns):
            raise ValueError("only takes branches away; write a pattern without ! before them")
        return cls(patterns)

    def matches(self, branch: str) -> bool:
        """Return whether deployments from `branch` are to be reported."""
        verdict = False
        for pattern in self.patterns:
            if _matches(pattern.removeprefix("!"), branch):
                verdict = not pattern.startswith("!")
        return verdict

    def __str__(self) -> str:
        return ", ".join(self.patterns)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentRule:
    """Environments matching `glob` (where `*` matches `/` too) are reported as `name`.

    An empty name means that such deployments are not reported at all.
    """

    glob: str
    name: str

    def matches(self, environment: str) -> bool:
        """Return whether this rule speaks of `environment`, by its raw name."""
        return matches_glob(environment, self.glob)


def matches_glob(environment: str, glob: str) -> bool:
    """Return whether `glob` matches the whole of `environment`, whatever its case.

    GitHub ignores case in the names of environments ("Managing environments for deployment").
    """
    return fnmatchcase(environment.lower(), glob.lower())


@dataclass(frozen=True, slots=True)
class _Step:
    """One step of a pattern: which characters it takes, and how often.

    `repeats` means any number of times after the first, `skips` how many steps may be left
    out from here on.
    """

    takes: Callable[[str], bool]
    repeats: bool = False
    skips: tuple[int, ...] = ()


_TOKEN: Final = re.compile(
    r"(?P<globstar_slash>\*\*/)|(?P<globstar>\*\*)|(?P<star>\*)|(?P<repeat>[?+])"
    r"|(?P<set>\[[^\[\]/]+\])|\\(?P<escaped>.)|(?P<plain>[^\[\]\\])",
    re.DOTALL,
)
_ANYTHING: Final = _Step(lambda _: True, repeats=True, skips=(1,))
_WITHIN_SLASHES: Final = _Step(lambda character: character != "/", repeats=True, skips=(1,))


def _steps(pattern: str) -> tuple[_Step, ...]:
    """Return what `pattern` asks for, step by step."""
    steps: list[_Step] = []
    repeatable = False
    position = 0
    while position < len(pattern):
        found = _TOKEN.match(pattern, position)
        if found is None:
            raise ValueError(
                f"has the pattern {shown(pattern)} with a [, ] or \\ that stands alone; put a \\"
                " before it to mean the character itself"
            )
        position = found.end()
        kind = found.lastgroup
        if kind == "repeat":
            if not repeatable:
                raise ValueError(
                    f"has the pattern {shown(pattern)} with nothing before {found[0]} to repeat;"
                    " put a \\ before it to mean the character itself"
                )
            optional = found[0] == "?"
            steps[-1] = _Step(steps[-1].takes, repeats=not optional, skips=(1,) * optional)
        elif kind == "globstar_slash":
            # Folders, or none of them: the first step takes nothing and only parts the ways.
            steps += (_Step(lambda _: False, skips=(1, 3)), _ANYTHING, _Step("/".__eq__))
        elif kind == "globstar":
            steps.append(_ANYTHING)
        elif kind == "star":
            steps.append(_WITHIN_SLASHES)
        elif kind == "set":
            steps.append(_Step(_set(pattern, found[0])))
        else:
            steps.append(_Step((found["escaped"] or found[0]).__eq__))
        repeatable = kind in {"set", "escaped", "plain"}
    if not steps:
        raise ValueError("has a ! with no pattern behind it; write a branch's name or a pattern")
    return tuple(steps)


def _matches(pattern: str, name: str) -> bool:
    """Return whether `pattern` takes the whole of `name`.

    All ways through the pattern are gone side by side, so that no pattern takes for ever, as
    one with many stars would as a regular expression.
    """
    steps = _steps(pattern)
    places = _reached(steps, {0})
    for character in name:
        taken = {place for place in places if place < len(steps) and steps[place].takes(character)}
        onward = {place + 1 for place in taken}
        places = _reached(steps, onward | {place for place in taken if steps[place].repeats})
    return len(steps) in places


def _reached(steps: tuple[_Step, ...], places: set[int]) -> set[int]:
    """Return `places`, to which those are added that skipping leads to from them."""
    for place in range(len(steps)):
        if place in places:
            places.update(place + skip for skip in steps[place].skips)
    return places


def _set(pattern: str, characters: str) -> Callable[[str], bool]:
    ranges = []
    for low, high, single in re.findall(r"(.)-(.)|(.)", characters[1:-1], re.DOTALL):
        if low > high:
            raise ValueError(
                f"has the pattern {shown(pattern)} with the range {low}-{high}, which runs"
                f" backwards; write {high}-{low}"
            )
        ranges.append((low or single, high or single))
    return lambda character: any(low <= character <= high for low, high in ranges)
