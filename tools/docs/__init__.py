"""Write the generated pages, and the generated parts of others, anew: `python -m tools.docs`.

A page of `WHOLE` is written by its module alone. In any other, each generated part stands between
two comments that name it. A test fails when one is out of step.
"""

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

ROOT: Final = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "src"))

from tools.docs import events, inputs, parts, troubleshooting  # noqa: E402 - needs the path

WHOLE: Final[Mapping[str, Callable[[], str]]] = MappingProxyType(
    {
        "docs/inputs.md": inputs.page,
        "docs/events.md": events.page,
        "docs/troubleshooting.md": lambda: troubleshooting.page(troubleshooting.kept_logs()),
    }
)
# Each with the parts that it must have; it may have others.
IN_PARTS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "README.md": ("merged-pull-request",),
        "SECURITY.md": ("threats",),
        "docs/backfill.md": ("columns", "one-repository", "requests", "time"),
        "docs/configuration.md": ("dora", "keys"),
    }
)
PAGES: Final = (*WHOLE, *IN_PARTS)


def main() -> None:
    """Write the pages anew."""
    for name in PAGES:
        page = ROOT / name
        text = page.read_text("utf-8") if name in IN_PARTS else ""
        page.write_text(renewed(name, text), "utf-8", newline="")


def renewed(page: str, text: str) -> str:
    """Return the text of a page with all that is generated in it made anew."""
    if page in WHOLE:
        return WHOLE[page]()
    found = re.findall("^<!-- begin (.+) -->$", text, re.MULTILINE)
    for name in dict.fromkeys((*IN_PARTS[page], *found)):
        begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
        pattern = re.compile(f"{re.escape(begin)}\n.*?{re.escape(end)}", re.DOTALL)
        new = f"{begin}\n{parts.part(name)}\n{end}"
        text, count = pattern.subn(lambda _, new=new: new, text)
        if count != 1:
            raise SystemExit(f"{page} has {count} parts named {name}, not one")
    return text
