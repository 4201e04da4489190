"""What GitHub tells: the payloads of events, each a file."""

import json
from pathlib import Path
from typing import Any

PAYLOADS = Path(__file__).parent


def payload_file(name: str) -> dict[str, Any]:
    """Return the JSON of tests/payloads/NAME.json, to read from or to change."""
    value: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text("utf-8"))
    return value
