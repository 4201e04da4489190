"""Patterns of paths, as gitignore means them."""

import itertools
import re
import warnings
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_SPECIAL: Final = frozenset("*?[\\")
_MOST_WILDCARDS: Final = 4  # each of them multiplies the time that a match may take


class Owners:
    """Which of several lists of patterns take a file, the later patterns before the earlier.

    Files are named by their paths in the repository, as git writes them; a backslash in one is
    a character as any other. Each is matched once, and only with lists that may take it: by the
    folders that a pattern begins with, or by the one name that it is.
    """

    def __init__(self, lists: Sequence[tuple[str, ...]]) -> None:
        self._lists = lists
        self._found: dict[str, tuple[int, ...]] = {}
        self._below: dict[str, set[int]] = {}
        self._named: dict[str, set[int]] = {}
        self._anywhere: set[int] = set()
        for index, patterns in enumerate(lists):
            for pattern in patterns:
                if not pattern.startswith("!"):  # these take files away only
                    self._add(pattern, index)

    def of(self, file: str) -> tuple[int, ...]:
        """Return the indexes of the lists that take the file, in their order."""
        found = self._found.get(file)
        if found is None:
            self._found[file] = found = tuple(
                index
                for index in sorted(self._candidates(file))
                if _spec(self._lists[index]).match_file(file, separators=())
            )
        return found

    def _add(self, pattern: str, index: int) -> None:
        names = pattern.strip("/").split("/")
        literal = list(itertools.takewhile(_is_literal, names))
        is_anchored = "/" in pattern.rstrip("/")
        if pattern != pattern.strip() or not literal:
            self._anywhere.add(index)
        elif is_anchored:
            self._below.setdefault("/".join(literal), set()).add(index)
        else:
            self._named.setdefault(literal[0], set()).add(index)

    def _candidates(self, file: str) -> set[int]:
        """Return the lists that may take a file: those that it is below, or that name a part."""
        names = file.split("/")
        found = self._anywhere.union(*(self._named.get(name, ()) for name in names))
        for folder in itertools.accumulate(names, "{}/{}".format):
            found |= self._below.get(folder, set())
        return found


@lru_cache(maxsize=4)
def owners(lists: tuple[tuple[str, ...], ...]) -> Owners:
    """Return who owns which files, the same for the same lists, with what it knows by now."""
    return Owners(lists)


def check(pattern: str) -> None:
    """Raise `ValueError` where `pattern` is no pattern, or would not do what it seems to."""
    if pattern.startswith("#"):
        raise ValueError("is a comment in gitignore; write \\# to mean the sign itself")
    if re.search(r"\\(?![\]\[#!*?])", pattern):
        raise ValueError("has a backslash that parts folders; write / instead")
    names = pattern.removeprefix("!").split("/")
    if {".", ".."} & set(names):
        raise ValueError(
            "has . or .. as a folder; write the path from the top of the repository, such as"
            " services/checkout/**"
        )
    if "" in names[1:-1] or not any(names):
        raise ValueError("has nothing before or between slashes; write the names of folders")
    wildcards = re.sub(r"\\.", "", pattern).removesuffix("/**").replace("**/", "*/").count("*")
    if wildcards > _MOST_WILDCARDS:
        raise ValueError(
            f"has more than {_MOST_WILDCARDS} wildcards * and **, which can take for ever to match;"
            " write several simpler patterns"
        )
    if not _is_usable(pattern):
        raise ValueError("has brackets that make no set; write sets as [a-z], and \\[ for the sign")


def _is_usable(pattern: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)  # of `re`, on sets within sets
            return all(part.include is not None for part in _spec((pattern,)).patterns)
    except (ValueError, re.error, FutureWarning):
        return False


def _is_literal(name: str) -> bool:
    """Return whether a part of a pattern stands for itself; an empty one would for anything."""
    return bool(name) and not set(name) & _SPECIAL


@cache
def _spec(patterns: tuple[str, ...]) -> "GitIgnoreSpec":
    from pathspec import GitIgnoreSpec

    # By name, or else it would be whatever is installed beside it.
    return GitIgnoreSpec.from_lines(patterns, backend="simple")
