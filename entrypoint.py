"""Run the action: `python -I -X utf8 -u entrypoint.py [docker|composite [SECONDS]]`.

The argument says how the inputs are spelt, which differs between the kinds of action; without it,
both spellings are read. `composite` only needs the standard library. SECONDS of the input `timeout`
have already passed.
"""

import signal

# If the job is cancelled during the imports, `main` handles the signal. Windows has no masks.
if hasattr(signal, "pthread_sigmask"):
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})

import gc
import os
import sys
import warnings
from pathlib import Path

# The process lives for a moment: looking for garbage would only slow down its imports.
gc.disable()
# requests guesses the encoding of text by a package that the locks leave out: no text is guessed
# here, and to import it takes a quarter as long again as all of requests.
warnings.filterwarnings("ignore", "Unable to find acceptable character detection dependency")
# Python and urllib3 would write the keys of every connection to the file that it names, although
# -I stands for leaving the environment alone: whoever has that file can read what was sent.
os.environ.pop("SSLKEYLOGFILE", None)
ROOT = Path(__file__).resolve().parent
# With -I neither the working directory nor PYTHONPATH is searched, so name our own source.
sys.path.insert(0, str(ROOT / "src"))

from dora_deployments.actions.inputs import spelt_for  # noqa: E402 - the path must be set first
from dora_deployments.main import main  # noqa: E402 - the path must be set first
from dora_deployments.packages import Packages, all_there  # noqa: E402 - the path must be set first
from dora_deployments.packages.authorities import (  # noqa: E402 - the path must be set first
    trusting_ssl_cert_file,
)

if __name__ == "__main__":
    kind = sys.argv[1] if len(sys.argv) > 1 else ""
    # An argument says which, since a step before this one could plant a variable.
    environ = spelt_for(kind, os.environ) if kind else os.environ
    # `main` leaves signals as they were: one that comes once all is written must change nothing.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    installed = Packages(ROOT, os.environ).provide if kind == "composite" else all_there
    provide = trusting_ssl_cert_file(installed, os.environ)
    seconds_gone = float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
    # Not sys.exit: that takes the interpreter apart, which costs a fifth of a usual run, while
    # a thread may still wait for a server that drips. The log is flushed line by line.
    os._exit(main(environ, provide=provide, seconds_gone=seconds_gone))
