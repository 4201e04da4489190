"""The runner's files: what a run leaves behind for later steps and for people."""

import os
from collections.abc import Callable, Mapping

from dora_deployments.catalogue import NOT_WRITTEN
from dora_deployments.report.account import Account
from dora_deployments.report.log import Log
from dora_deployments.report.outputs import file_text, outputs
from dora_deployments.report.summary import summary
from dora_deployments.report.text import Scrubber


def _opened(path: str, flags: int) -> int:
    # A pipe that nobody reads would hold the step up for ever. Windows has neither.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o666)


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
            # Bytes as they are: on Windows text mode would write other line ends.
            with open(name, "ab", opener=_opened) as file:
                file.write(text.encode())
        except Exception as error:
            why = (
                getattr(error, "strerror", None) or f"a bug in this action: {type(error).__name__}"
            )
            problem = f"the file of {variable} cannot be written ({why})"
            log.annotate("warning", "Deployment report", problem, NOT_WRITTEN.page)
