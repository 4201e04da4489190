"""Run the action: `python -I -X utf8 -u entrypoint.py`."""

import gc
import os
import signal
import sys
from pathlib import Path

# Until `main` handles them: a job that is cancelled during the imports ends without a trace.
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, _: os._exit(128 + number))
# The process lives for a moment: looking for garbage would only slow down its imports.
gc.disable()
# With -I neither the working directory nor PYTHONPATH is searched, so name our own source.
sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from dora_deployments.main import main  # noqa: E402 - the path must be set first

if __name__ == "__main__":
    # Not sys.exit: that takes the interpreter apart, which costs a fifth of a usual run, while
    # a thread may still wait for a server that drips. The log is flushed line by line.
    os._exit(main(os.environ))
