"""The runner's files: what a run leaves behind for later steps and for people."""

import os
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress

from dora_deployments.catalogue import NOT_WRITTEN
from dora_deployments.report.account import Account
from dora_deployments.report.log import Log
from dora_deployments.report.outputs import file_text, outputs
from dora_deployments.report.summary import summary
from dora_deployments.report.text import Scrubber


def _opened(path: str, flags: int) -> int:
    # A pipe that nobody reads would hold the step up for ever. Windows has neither.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o666)


def _append(name: str, content: bytes) -> None:
    """Append all of `content`, bytes as they are, or nothing.

    The runner fails a step whose outputs end in the middle of a value, "Matching delimiter not
    found" (actions/runner, `FileCommandManager.cs`), so a disk that fills up would break a deploy.
    """
    size = None
    try:
        with open(name, "ab", buffering=0, opener=_opened) as file:
            status = os.fstat(file.fileno())
            size = status.st_size if stat.S_ISREG(status.st_mode) else None
            left = memoryview(content)
            while left:
                left = left[os.write(file.fileno(), left) :]
    except OSError:
        if size is not None:
            with suppress(OSError):
                os.truncate(name, size)
        raise


def write(environ: Mapping[str, str], account: Account, scrub: Scrubber, log: Log) -> None:
    """Append the outputs and the summary to the files that the runner named.

    A file that is not there or full stops nobody: the delivery decides the exit code. Nor
    does a bug in the one keep the other from being written.
    """
    makers: dict[str, Callable[[], str]] = {
        "GITHUB_OUTPUT": lambda: file_text(outputs(account, scrub)),
        "GITHUB_STEP_SUMMARY": lambda: summary(account, scrub),
    }
    for variable, make in makers.items():
        name = environ.get(variable)
        if not name:
            log.line(f"{variable} is not set, so nothing is written there")
            continue
        try:
            text = make()
            _append(name, text.encode())
        except Exception as error:
            why = (
                getattr(error, "strerror", None) or f"a bug in this action: {type(error).__name__}"
            )
            problem = f"the file of {variable} cannot be written ({why})"
            log.annotate("warning", "Deployment report", problem, NOT_WRITTEN.page)
