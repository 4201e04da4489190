"""The two pattern languages of the inputs: GitHub's branch filters and environment globs."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

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
            _compiled(pattern.removeprefix("!"))
        if all(pattern.startswith("!") for pattern in patterns):
            raise ValueError("only takes branches away; write a pattern without ! before them")
        return cls(patterns)

    def matches(self, branch: str) -> bool:
        """Return whether deployments from `branch` are to be reported."""
        verdict = False
        for pattern in self.patterns:
            if _compiled(pattern.removeprefix("!")).fullmatch(branch):
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
        return fnmatchcase(environment, self.glob)


_TOKEN = re.compile(
    r"(?P<globstar_slash>\*\*/)|(?P<globstar>\*\*)|(?P<star>\*)|(?P<repeat>[?+])"
    r"|(?P<set>\[[^\[\]/]+\])|\\(?P<escaped>.)|(?P<plain>[^\[\]\\])",
    re.DOTALL,
)


def _compiled(pattern: str) -> re.Pattern[str]:
    """Return `pattern` as a regular expression, every part of it in a group of its own."""
    parts: list[str] = []
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
            parts[-1] += found[0]
        elif kind == "globstar_slash":
            parts.append("(?:.*/)?")
        elif kind == "globstar":
            parts.append(".*")
        elif kind == "star":
            parts.append("[^/]*")
        elif kind == "set":
            parts.append(_set(pattern, found[0]))
        else:
            parts.append(re.escape(found["escaped"] or found[0]))
        repeatable = kind in {"set", "escaped", "plain"}
    if not parts:
        raise ValueError("has a ! with no pattern behind it; write a branch's name or a pattern")
    return re.compile("".join(parts), re.DOTALL)


def _set(pattern: str, characters: str) -> str:
    inside = ""
    for low, high, single in re.findall(r"(.)-(.)|(.)", characters[1:-1], re.DOTALL):
        if low > high:
            raise ValueError(
                f"has the pattern {shown(pattern)} with the range {low}-{high}, which runs"
                f" backwards; write {high}-{low}"
            )
        inside += re.escape(single) or f"{re.escape(low)}-{re.escape(high)}"
    return f"[{inside}]"
