"""What a release says, apart from the world: `python -m tools.release COMMAND ...`.

`plan VERSION BRANCH` reads a line for each tag (`COMMIT NAME`) and prints what is to be done, or
ends with words on what is in the way. `notes VERSION` prints the version's part of CHANGELOG.md.
`pin IMAGE` prints docker/action.yml with that image, which must be named by its digest. `image`
reads such a file and prints the image that it names. `base` prints what the Dockerfile builds on.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
_VERSION = re.compile(r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)")
_BUILT = re.compile(r"^ *#[^\n]*\n  image: \.\./Dockerfile\b[^\n]*\n", re.MULTILINE)
_IMAGE = re.compile(r"[a-z0-9.-]+(?:/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}")


class ReleaseError(Exception):
    """What is in the way of a release, and what to do about it."""


def plan(
    version: str, branch: str, tags: Mapping[str, str], *, source: str, links: str, changelog: str
) -> dict[str, str]:
    """Return the names of a release by what they are for.

    `tags` has the commit of each, `source` is the text that states `__version__`, `links` the one
    that states where docs/ is. `exists` is the
    commit of the version's tag if there is one: what an earlier run made is left as it is.
    """
    found = _VERSION.fullmatch(version)
    if not found:
        raise ReleaseError(f"{version!r} is no version; write three numbers, such as 1.2.3")
    if branch != "refs/heads/main":
        raise ReleaseError(f"{branch} is not main; releases are made from there")
    if version != (said := stated(source)):
        raise ReleaseError(
            f"__version__ is {said}, not {version}; change it on main by a pull request first"
        )
    if (linked := major_tag(links)) != f"v{found[1]}":
        raise ReleaseError(
            f"the pages and links name {linked}, not v{found[1]}; change them on main first"
        )
    notes(version, changelog)
    exists = tags.get(f"v{version}", "")
    released = sorted(map(_numbers, filter(_VERSION.fullmatch, (tag[1:] for tag in tags))))
    later = [each for each in released if each > _numbers(version)]
    if later and not exists:
        raise ReleaseError(f"{_written(later[-1])} is released already; choose a later version")
    newest_of_major = not any(each[0] == int(found[1]) for each in later)
    return {
        "tag": f"v{version}",
        "exists": exists,
        # Left alone by the repeated run of an older release, which would move it back.
        "major-tag": f"v{found[1]}" if newest_of_major else "",
    }


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _written(numbers: Sequence[int]) -> str:
    return ".".join(map(str, numbers))


def notes(version: str, changelog: str) -> str:
    """Return what the changelog says of a version, without the heading."""
    heading = rf"^## \[?{re.escape(version)}\]?(?: - [0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})?$"
    found = re.search(rf"{heading}\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    if not found or not found[1].strip():
        raise ReleaseError(f"CHANGELOG.md says nothing below `## {version}`; write what is new")
    return found[1].strip() + "\n"


def pin(image: str, action: str) -> str:
    """Return the text of docker/action.yml with an image in the place of the Dockerfile."""
    if not _IMAGE.fullmatch(image):
        raise ReleaseError(f"{image} names no image by its digest")
    text, count = _BUILT.subn(f"  image: docker://{image}\n", action)
    if count != 1:
        raise ReleaseError("docker/action.yml does not build ../Dockerfile, or not just once")
    return text


def pinned(action: str) -> str:
    """Return the image that a released docker/action.yml names."""
    images = re.findall(r"^  image: docker://(\S+)$", action, re.MULTILINE)
    if len(images) != 1 or not _IMAGE.fullmatch(images[0]):
        raise ReleaseError("docker/action.yml does not name one image by its digest")
    return images[0]


def stated(source: str) -> str:
    """Return the version that the package's source says it is."""
    (found,) = re.findall(r'^__version__ = "([^"]+)"$', source, re.MULTILINE)
    return found


def major_tag(source: str) -> str:
    """Return the tag that links lead to where it is not known which ref the action is from."""
    (found,) = re.findall(r'^DOCS: Final = ".*/blob/(v[0-9]+)/docs"$', source, re.MULTILINE)
    return found


def base(dockerfile: str) -> str:
    """Return the image that the Dockerfile builds on."""
    (found,) = re.findall(r"^ARG PYTHON_IMAGE=(\S+)$", dockerfile, re.MULTILINE)
    return found


def main(command: str, *given: str) -> str:
    """Return what to print. Raises `ReleaseError`."""
    if command == "plan":
        tags = {name: commit for commit, name in map(str.split, sys.stdin)}
        source = _read("src/dora_deployments/__init__.py")
        links = _read("src/dora_deployments/actions/run.py")
        found = plan(*given, tags, source=source, links=links, changelog=_read("CHANGELOG.md"))
        return "".join(f"{name}={value}\n" for name, value in found.items())
    if command == "notes":
        return notes(*given, _read("CHANGELOG.md"))
    if command == "pin":
        return pin(*given, _read("docker/action.yml"))
    if command == "image":
        return pinned(sys.stdin.read()) + "\n"
    if command == "base":
        return base(_read("Dockerfile")) + "\n"
    raise ReleaseError(f"there is no command {command}")


def _read(path: str) -> str:
    return (ROOT / path).read_text("utf-8")


if __name__ == "__main__":
    try:
        sys.stdout.write(main(*sys.argv[1:]))
    except ReleaseError as error:
        sys.exit(f"::error title=Release::{error}")
