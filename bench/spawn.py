"""Run one command and print what it took, as JSON. The request comes as JSON from the input.

It stands alone and stays small: Linux lets a new process begin with its parent's peak of memory,
so that a large parent would be measured in place of a small child.
"""

import json
import os
import sys
import time


def main() -> None:
    """Measure the command from just before its start until it was waited for."""
    wanted = json.load(sys.stdin)
    command = wanted["command"]
    os.chdir(wanted["folder"])
    log = os.open(wanted["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    files = [
        (os.POSIX_SPAWN_DUP2, there, here) for here, there in ((0, nothing), (1, log), (2, log))
    ]
    start = time.perf_counter()
    child = os.posix_spawn(command[0], command, wanted["environ"], file_actions=files)
    _, status, usage = os.wait4(child, 0)
    took = {
        "exit_code": os.waitstatus_to_exitcode(status),
        "wall": time.perf_counter() - start,
        "cpu": usage.ru_utime + usage.ru_stime,
        # macOS counts bytes, all others kibibytes.
        "peak": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    }
    print(json.dumps(took))


if __name__ == "__main__":
    main()
