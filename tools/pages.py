"""Read Markdown pages as GitHub shows them: their headings, links and blocks of code.

`python -m tools.pages FOLDER` writes every workflow that a page shows into a file of its own, so
that the linters see what people copy.
"""

import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
_NOT_OURS = frozenset({"build", "node_modules"})
_FENCE = re.compile(
    r"^(?P<indent> *)(?P<fence>`{3,}|~{3,}) *(?P<language>[\w-]*)[^\n`]*\n"
    r"(?P<text>.*?)^ *(?P=fence)[`~]* *$",
    re.DOTALL | re.MULTILINE,
)
_HTML_CODE = re.compile(r"<code>.*?</code>", re.DOTALL)
_CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_HEADING = re.compile(r"^#{1,6} +(.+?)(?: +#+)? *$", re.MULTILINE)
_ID = re.compile(r"<a +(?:id|name)=\"([^\"]+)\"")
_LINKS = (
    re.compile(r"\]\(<?([^)\s>]+)>?(?: +\"[^\"]*\")?\)"),
    re.compile(r"^\[[^\]]+\]: +<?([^\s>]+)", re.MULTILINE),
    re.compile(r"\b(?:href|src)=\"([^\"]+)\""),
    re.compile(r"<(https?://[^>\s]+)>|(?<![(\"<])\b(https?://[^\s)>\]\"'|]*[\w/])"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block of code, and the line of the page that it starts on."""

    language: str
    text: str
    line: int

    @property
    def is_workflow(self) -> bool:
        """Return whether it is a workflow: YAML with jobs."""
        if self.language != "yaml":
            return False
        content = yaml.load(self.text, yaml.BaseLoader)  # noqa: S506 - makes nothing but texts
        return isinstance(content, dict) and "jobs" in content


def main(folder: Path) -> None:
    """Write the workflows of every page, each into a file named after page and line."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.yml"):
        old.unlink()
    for page in pages(ROOT):
        name = "-".join(page.relative_to(ROOT).with_suffix("").parts)
        for block in blocks(page.read_text("utf-8")):
            if block.is_workflow:
                (folder / f"{name}-{block.line}.yml").write_text(block.text, "utf-8")


def pages(folder: Path) -> Iterator[Path]:
    """Yield the Markdown pages below a folder, in order; none of what was installed or built."""
    for path in sorted(folder.iterdir()):
        is_hidden = path.name.startswith(".") and path.name != ".github"
        if path.is_dir() and not path.is_symlink() and path.name not in _NOT_OURS and not is_hidden:
            yield from pages(path)
        elif path.suffix == ".md":
            yield path


def blocks(page: str) -> tuple[Block, ...]:
    """Return the fenced blocks of a page, less what they are indented by in a list."""
    return tuple(
        Block(
            language=found["language"],
            text=textwrap.dedent(found["text"]),
            line=page.count("\n", 0, found.start()) + 1,
        )
        for found in _FENCE.finditer(page)
    )


def code(page: str) -> tuple[str, ...]:
    """Return the words that stand as code within the sentences of a page."""
    return tuple(found[2] for found in _CODE.finditer(_prose(page)))


def links(page: str) -> tuple[str, ...]:
    """Return what a page links to, in text, images, references and HTML."""
    prose = _HTML_CODE.sub("", _CODE.sub("", _prose(page)))
    return tuple(
        next(target for target in found.groups() if target)
        for pattern in _LINKS
        for found in pattern.finditer(prose)
    )


def anchors(page: str) -> frozenset[str]:
    """Return what can follow the # of a link to the page."""
    found: dict[str, int] = {}
    for heading in _HEADING.findall(_prose(page)):
        name = slug(heading)
        found[name] = found.get(name, -1) + 1
        if found[name]:
            found[f"{name}-{found[name]}"] = 0
    return frozenset(found) | frozenset(_ID.findall(page))


def slug(heading: str) -> str:
    """Return GitHub's name for a heading, given in Markdown.

    That is its text in lower case, without marks other than hyphens and underscores, and with
    a hyphen for each space.
    """
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    text = re.sub(r"</?[a-zA-Z][^>]*>", "", text)
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


def _prose(page: str) -> str:
    return _COMMENT.sub("", _FENCE.sub("", page))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
