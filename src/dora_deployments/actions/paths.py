"""Patterns of paths, as gitignore means them."""

import re
import warnings
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_MOST_WILDCARDS: Final = 4  # each of them multiplies the time that a match may take


def any_match(patterns: tuple[str, ...], files: Iterable[str]) -> bool:
    """Return whether the patterns, the later ones before the earlier, take any of `files`.

    Files are named by their paths in the repository, as git writes them; a backslash in one
    is a character as any other.
    """
    spec = _spec(patterns)
    return any(spec.match_file(file, separators=()) for file in files)


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


@cache
def _spec(patterns: tuple[str, ...]) -> "GitIgnoreSpec":
    from pathspec import GitIgnoreSpec

    # By name, or else it would be whatever is installed beside it.
    return GitIgnoreSpec.from_lines(patterns, backend="simple")
