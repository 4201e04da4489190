"""Run in a process of its own: sends deliveries under an environment of their own.

Reads a JSON list of `{"backend", "url", "seconds", "hasty", "environment"}`, sends one
deployment for each, one after the other, and prints the JSON list of the outcomes.
"""

import json
import os
import sys
from dataclasses import asdict

from tests.delivery import wire


def main() -> None:
    taken = []
    usual = dict(os.environ)
    for case in json.load(sys.stdin):
        os.environ.clear()
        os.environ.update({**usual, **case["environment"]})
        backend = getattr(wire, case["backend"])(case["url"])
        pace = wire.HASTY if case["hasty"] else wire.PACE
        taken.append(asdict(wire.outcome(backend, seconds=case["seconds"], pace=pace)))
    sys.stdout.write(json.dumps(taken))


if __name__ == "__main__":
    main()
