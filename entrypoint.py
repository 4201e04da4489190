"""Run the action: `python -I -X utf8 -u entrypoint.py [docker|composite [SECONDS]]`.

`SECONDS` are those that the step took before.
"""

import signal

# A job that is cancelled during the imports is told so by `main`. Windows has no masks.
if hasattr(signal, "pthread_sigmask"):
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})

import gc
import os
import sys
from pathlib import Path

# The process lives for a moment: looking for garbage would only slow down its imports.
gc.disable()
# With -I neither the working directory nor PYTHONPATH is searched, so name our own source.
sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from dora_deployments.actions.inputs import spelt_for  # noqa: E402 - the path must be set first
from dora_deployments.main import main  # noqa: E402 - the path must be set first

if __name__ == "__main__":
    # An argument says which, since a step before this one could plant a variable.
    environ = spelt_for(sys.argv[1], os.environ) if len(sys.argv) > 1 else os.environ
    elapsed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    # Not sys.exit: that takes the interpreter apart, which costs a fifth of a usual run, while
    # a thread may still wait for a server that drips. The log is flushed line by line.
    os._exit(main(environ, elapsed=elapsed))
