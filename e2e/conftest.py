"""What all end-to-end tests share: one that cannot run says so, and is never taken for passed.

What a test measures it hands to `record_property`, and it is printed at the end.
"""

from typing import NoReturn

import pytest

NOT_RUN = 77
"""The exit status if nothing failed and something was not run, as Automake's tests have it."""


def not_run(why: str) -> NoReturn:
    """End the test without a verdict; `why` is in words, for the last line of the run."""
    pytest.skip(why)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session, exitstatus):
    """Let the run end with 0 only if there were tests and each of them passed."""
    skipped = _reports(session.config, "skipped")
    if skipped and exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
        session.exitstatus = NOT_RUN


def pytest_terminal_summary(terminalreporter, config):
    """Print what was measured, and the one line that counts."""
    for report in _reports(config, "passed"):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{name}: {value}")
    skipped = _reports(config, "skipped")
    failed = len(_reports(config, "failed")) + len(_reports(config, "error"))
    # A skip's report has the file, the line and the reason.
    reasons = dict.fromkeys(each.longrepr[2].removeprefix("Skipped: ") for each in skipped)
    why = f" ({'; '.join(reasons)})" if reasons else ""
    terminalreporter.write_line(
        f"end to end: {len(_reports(config, 'passed'))} passed, {failed} failed,"
        f" {len(skipped)} NOT RUN{why}"
    )


def _reports(config, outcome):
    return config.pluginmanager.get_plugin("terminalreporter").stats.get(outcome, [])
