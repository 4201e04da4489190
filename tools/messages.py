"""Write the messages and summaries that people read anew: `python -m tools.messages`.

Each file of tests/messages and tests/summaries is what a run of the action shows of one case. A
test fails when one is out of step.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "src"))

from tests.messages import catalogue  # noqa: E402 - needs the path
from tests.messages.case import message  # noqa: E402 - needs the path
from tests.summaries import cases  # noqa: E402 - needs the path
from tests.summaries.case import name_of, summary_of  # noqa: E402 - needs the path


def main() -> None:
    """Write a file for each case, and take away those of cases that are no more."""
    messages = {case.file: message(case) for case in catalogue.CASES}
    summaries = {name_of(case): summary_of(case) for case in cases.CASES}
    _write(catalogue.FOLDER, "*.txt", messages)
    _write(cases.FOLDER, "*.md", summaries)


def _write(folder: Path, pattern: str, texts: dict[str, str]) -> None:
    for path in folder.glob(pattern):
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8", newline="")


if __name__ == "__main__":
    main()
