"""How GitHub takes a job summary apart: HTML blocks, fences of JSON, a chart, and nothing else."""

import re
from html.parser import HTMLParser

# CommonMark, "HTML blocks", kind 6: such a line opens a block, and a blank line ends it.
_OPENING = re.compile(r"</?(?:details|h3|h4|p|table|ul)[ >]")
_LINK = re.compile(
    r"https://github\.com/("
    r"[\w.-]+/[\w.-]+(/pull/\d+|/commit/[0-9a-f]{40,64}|/compare/[0-9a-f]{40}\.\.\.[0-9a-f]{40})?"
    r"|acme/dora-deployments/blob/v1/docs/[a-z]+\.md#[a-z0-9_-]+)",
    re.ASCII,
)
_TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d"
_CHART = re.compile(
    r"gantt\ntitle From merge to deployment, in UTC\ndateFormat YYYY-MM-DD HH:mm\n"
    r"axisFormat (%m-%d %H:%M|%Y-%m-%d)\ntickInterval \d{1,2}(minute|hour|day|week|month)\n"
    r"todayMarker off\n"
    rf"(#35;\d+, (\d+ d \d+ h|\d+ h \d+ min|\d+ min|under 1 min) :{_TIME}, {_TIME}\n)+"
    rf"deploy(ed|ment failed) :milestone, {_TIME}, 0m",
    re.ASCII,
)
_NUMBERS = r"\[-?\d+(\.\d+)?(, -?\d+(\.\d+)?)*\]"
_WEEK = r'"(\d{4}-\d\d-\d\d|[\u200b\u200c]+)"'
_BY_WEEK = re.compile(
    r"---\nconfig:\n  xyChart:\n    width: 900\n    height: 300\n  themeVariables:\n    xyChart:\n"
    r'      plotColorPalette: "#[0-9a-f]{6}(, #[0-9a-f]{6})?"\n---\nxychart-beta\n'
    r'title "(Deployments|Median lead time) by week(, in (days|hours|minutes))?"\n'
    rf"x-axis \[{_WEEK}(, {_WEEK})*\]\n"
    rf'y-axis 0 --> \d+(\nbar ("succeeded" |"failed" )?{_NUMBERS})+',
    re.ASCII,
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
    """Return the text of a summary's HTML, tags taken out, and the contents of its JSON fences.

    Raises `AssertionError` where a line stands outside of a block that shields it from
    Markdown, a tag is unknown, has attributes or is not closed, a fence does not end, or a
    chart is not made of numbers, times and our own words.
    """
    parser = _Parser()
    fences: list[str] = []
    lines = iter(summary.split("\n"))
    inside = False
    for line in lines:
        assert line.splitlines() in ([], [line]), line
        if line == "```json" and not inside:
            fences.append("\n".join(_until_fence_ends(lines)))
        elif line == "```mermaid" and not inside:
            chart = "\n".join(_until_fence_ends(lines))
            assert is_chart(chart), chart
        elif line.strip() == "":
            inside = False
        else:
            assert inside or _OPENING.match(line), line
            inside = True
            parser.feed(f"{line}\n")
    parser.close()
    assert parser.open == []
    return "".join(parser.texts), fences


def is_chart(text: str) -> bool:
    """Return whether `text` is a chart in Mermaid's words that no foreign text can be part of."""
    return any(chart.fullmatch(text) for chart in (_CHART, _BY_WEEK))


def _until_fence_ends(lines):
    for line in lines:
        if re.fullmatch(r" {0,3}`{3,}\s*", line):
            return
        yield line
    raise AssertionError("the fence has no end")
