"""How GitHub takes a job summary apart: HTML blocks, one kind of fence, and nothing else."""

import re
from html.parser import HTMLParser

# CommonMark, "HTML blocks", kind 6: such a line opens a block, and a blank line ends it.
_OPENING = re.compile(r"</?(?:details|h3|h4|p|table|ul)[ >]")
_LINK = re.compile(
    r"https://github\.com/acme/shop/(pull/\d+|compare/[0-9a-f]{40}\.\.\.[0-9a-f]{40})", re.ASCII
)
_TAGS = {
    *("a", "code", "details", "h3", "h4", "li", "p", "summary", "table", "td", "th", "tr", "ul"),
    "br",
}
_ATTRIBUTES = {"a": [["href"]], "td": [[], ["colspan"]]}


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag, attrs):
        assert tag in _TAGS, tag
        assert [name for name, _ in attrs] in _ATTRIBUTES.get(tag, [[]]), attrs
        assert tag != "a" or _LINK.fullmatch(attrs[0][1]), attrs
        if tag != "br":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        raise AssertionError((tag, attrs))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def handle_comment(self, data):
        raise AssertionError(data)

    def handle_decl(self, decl):
        raise AssertionError(decl)

    def handle_pi(self, data):
        raise AssertionError(data)

    def unknown_decl(self, data):
        raise AssertionError(data)


def read(summary: str) -> tuple[str, list[str]]:
    """Return the text of a summary's HTML, tags taken out, and the contents of its fences.

    Raises `AssertionError` where a line stands outside of a block that shields it from
    Markdown, a tag is unknown, has attributes or is not closed, or a fence does not end.
    """
    parser = _Parser()
    fences: list[str] = []
    lines = iter(summary.split("\n"))
    inside = False
    for line in lines:
        assert line.splitlines() in ([], [line]), line
        if line == "```json" and not inside:
            fences.append("\n".join(_until_fence_ends(lines)))
        elif line.strip() == "":
            inside = False
        else:
            assert inside or _OPENING.match(line), line
            inside = True
            parser.feed(f"{line}\n")
    parser.close()
    assert parser.open == []
    return "".join(parser.texts), fences


def _until_fence_ends(lines):
    for line in lines:
        if re.fullmatch(r" {0,3}`{3,}\s*", line):
            return
        yield line
    raise AssertionError("the fence has no end")
