"""All cases, and the rows that show nobody anything."""

from pathlib import Path
from typing import Final

from tests.messages import events, inputs

FOLDER: Final = Path(__file__).parent
CASES: Final = (*inputs.CASES, *events.CASES)
WITHOUT_MESSAGE: Final = {
    70: (
        "No single input may be longer than 128 KiB, or the system does not start the step, and"
        " nothing of ours runs. No input needs as much: `metadata` ends at 65,536 characters."
    ),
    100: "A cancelled run is one of a process, in tests/end_to_end/test_action.py.",
    102: "A summary that is too long is cut, and says so itself; the log has all of it.",
    103: "What an earlier step planted is not read, so there is nothing to tell.",
    104: "What lies in the workspace is not imported, so there is nothing to tell.",
}
