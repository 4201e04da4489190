"""The page docs/troubleshooting.md, from the catalogue and from what runs really said."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from dora_deployments.catalogue import SECTIONS, Topic

ROOT = Path(__file__).parent.parent.parent
_EXAMPLES = 3  # of a topic, that are shown
_HEAD = """\
# Troubleshooting

<!-- Written by `make docs` from src/dora_deployments/catalogue.py; change it there. -->

Every refusal and every warning of the action ends with a link to its part of this page, or, if
an input is to blame, to [that input](inputs.md). You can also look for the words of your log here.

Outages and bugs of ours only warn, unless `fail-on` is `any`. Your own mistakes fail the step,
unless it is `never`.

**Reported, and yet not to be seen?** A backend that answers "recorded" has stored the event;
whether it counts is decided there: see [Datadog](datadog.md) and [DX](dx.md).
"""


def page(logs: Iterable[str]) -> str:
    """Return the page; `logs` are what runs printed, of which the words of each topic are taken."""
    said = _said(logs)
    parts = [_HEAD, _contents()]
    for title, topics in SECTIONS:
        parts.append(f"## {title}\n")
        parts += [_part(topic, said.get(topic.url, ())) for topic in topics]
    return "\n".join(parts)


def kept_logs() -> list[str]:
    """Return the logs that are kept in tests/messages."""
    return [path.read_text("utf-8") for path in sorted((ROOT / "tests/messages").glob("*.txt"))]


def _said(logs: Iterable[str]) -> Mapping[str, list[str]]:
    """Return the words of the annotations in `logs`, each once, by the link that they end with."""
    said: dict[str, list[str]] = {}
    for log in logs:
        for words, url in re.findall(r"^::\w+ [^:]*::(.*)\. Read more: (\S+)$", log, re.MULTILINE):
            plain = words.replace("%25", "%")
            if plain not in said.setdefault(url, []):
                said[url].append(plain)
    return said


def _contents() -> str:
    lines = []
    for title, topics in SECTIONS:
        links = " · ".join(f"[{topic.slug}](#{topic.slug})" for topic in topics)
        lines.append(f"- **{title}**: {links}")
    return "\n".join([*lines, ""])


def _part(topic: Topic, said: Iterable[str]) -> str:
    words = [
        f"### {topic.slug}\n",
        f"**{topic.happened}.** {_sentence(topic.means)}\n",
        f"What to do: {topic.change}.{' ' + _linked(topic.more) if topic.more else ''}\n",
    ]
    examples = list(said)[:_EXAMPLES]
    if examples:
        words.append("\n".join(["```text", *examples, "```", ""]))
    return "\n".join(words)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _linked(text: str) -> str:
    """Return `text` with the pages and examples that it names as links, seen from docs/."""
    text = re.sub(r"docs/([a-z-]+)\.md", r"[docs/\1.md](\1.md)", text)
    return re.sub(r"examples/([a-z-]+)\.yml", r"[examples/\1.yml](../examples/\1.yml)", text)
