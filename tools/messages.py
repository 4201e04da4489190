"""Write the messages of tests/messages anew: `python -m tools.messages`.

Each file is what a run of the action shows of one case. A test fails when one is out of step.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "src"))

from tests.messages.case import message  # noqa: E402 - needs the path
from tests.messages.catalogue import CASES, FOLDER  # noqa: E402 - needs the path


def main() -> None:
    """Write a file for each case, and take away those of cases that are no more."""
    texts = {case.file: message(case) for case in CASES}
    for path in FOLDER.glob("*.txt"):
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        (FOLDER / name).write_text(text, "utf-8", newline="")


if __name__ == "__main__":
    main()
