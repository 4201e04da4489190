"""How a run ends: decided once, kept in the account and told in the log."""

import signal
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from dora_deployments.deployment import Outcome
from dora_deployments.errors import ActionError, InputError, Interrupted, Skip
from dora_deployments.report.account import (
    Account,
    RunStatus,
    counts,
    exit_code_of,
    status_of,
)
from dora_deployments.report.log import Log

_HEADLINES: Final[dict[RunStatus, str]] = {
    "delivered": "Recorded",
    "partial": "Recorded in part only",
    "rejected": "Rejected",
    "undelivered": "Not delivered",
    "skipped": "Nothing to report, as no backend counts it",
    "dry-run": "Dry run, nothing was sent",
}
_NAMED_SERVICES: Final = 3


def done(account: Account, log: Log) -> None:
    """End a run that went through all stages; its outcomes may be good or bad.

    A dry run has none but skipped ones. Saved deployments that are refused make the run a
    bad one, whatever became of the others.
    """
    account.status = "dry-run" if account.is_dry_run else status_of(account.outcomes)
    account.exit_code = exit_code_of(account.outcomes, account.fail_on)
    if account.status == "skipped":
        account.reason = "outcome-not-supported"
    for outcome in account.outcomes:
        _tell(outcome, account, log)
    headline = f"{_HEADLINES[account.status]}: {_subject(account)}{_missing(account)}"
    if account.problems:
        _reject(account, InputError(*account.problems), log)
        headline += f"; {_count(len(account.problems), 'file')} refused"
    account.headline = headline
    log.line(headline)


def skipped(account: Account, skip: Skip, log: Log) -> None:
    """End a run that has nothing to report."""
    account.status = "skipped"
    account.reason = skip.reason
    account.headline = f"Nothing to report: {skip.explanation}"
    level = "warning" if skip.warn else "notice"
    log.annotate(level, f"Nothing to report ({skip.reason})", skip.explanation)


def refused(account: Account, error: ActionError, log: Log) -> None:
    """End a run that the workflow's author must mend; nothing was sent."""
    _reject(account, error, log)
    account.headline = f"{error.title}: nothing was sent"
    log.line(f"{account.headline} ({error.reason})")


def interrupted(account: Account, interrupt: Interrupted, log: Log) -> None:
    """End a run that the runner cancels."""
    name = signal.Signals(interrupt.signal_number).name
    account.status = _status_so_far(account)
    account.exit_code = 128 + interrupt.signal_number
    for outcome in account.outcomes:
        _tell(outcome, account, log)
    account.headline = f"Cancelled by {name} before the report was done"
    account.headline += _missing(account) if account.outcomes else "; nothing was sent"
    log.annotate("error", "Cancelled", account.headline)


def broken(account: Account, error: Exception, log: Log) -> None:
    """End a run at a bug of ours: one line, and the trace where debug logging is on."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    account.status = _status_so_far(account)
    account.reason = "internal-error"
    account.exit_code = 1 if account.fail_on == "any" else 0
    where = f"{Path(place.filename).name}:{place.lineno}"
    account.headline = f"A bug in this action stopped the report: {type(error).__name__} at {where}"
    log.annotate(
        "error" if account.exit_code else "warning",
        "Internal error",
        f"{account.headline}; please report it on the issues page of this action's repository",
    )
    for lines in traceback.format_exception(error):
        for line in lines.splitlines():
            log.debug(line)


def touched(account: Account, outcomes: Iterable[Outcome], log: Log) -> None:
    """Tell how it went to say first which services the pull request touches; nothing more."""
    for outcome in {outcome.backend: outcome for outcome in outcomes}.values():
        said = f". It said: {log.quoted(outcome.detail)}" if outcome.detail else ""
        if outcome.status == "delivered":
            log.line(f"{outcome.backend}: recorded which services the pull request touches")
            continue
        warned(
            account,
            log,
            f"{outcome.backend} was not told which services the pull request touches:"
            f" {outcome.message}{said}",
        )


def warned(account: Account, log: Log, *warnings: str) -> None:
    """Add warnings to a run that goes on."""
    account.warnings += warnings
    for warning in warnings:
        log.annotate("warning", "Deployment report", warning)


def _status_so_far(account: Account) -> RunStatus:
    return status_of(account.outcomes) if account.outcomes else "undelivered"


def _reject(account: Account, error: ActionError, log: Log) -> None:
    account.status = "rejected"
    account.reason = error.reason
    account.problems = error.problems
    account.exit_code = 0 if account.fail_on == "never" else error.exit_code
    for problem in error.problems:
        log.annotate("error" if account.exit_code else "warning", error.title, problem)


def _missing(account: Account) -> str:
    """Return what to do about that which no backend has, in words that follow a headline."""
    if account.kept.path:
        return (
            f"; what is missing is saved in {account.kept.path}: send it by `mode: replay`, or run"
            " the job again, which sends it under the same id"
        )
    if any(outcome.status == "undelivered" for outcome in account.outcomes):
        return "; run the job again to send what is missing"
    return ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _subject(account: Account) -> str:
    resolved = account.resolved
    if resolved is None:
        return _count(len(account.deliveries), "saved report")
    services = resolved.services.value
    names = ", ".join(each.service.identifier for each in services[:_NAMED_SERVICES])
    if len(services) > _NAMED_SERVICES:
        names += f" and {len(services) - _NAMED_SERVICES} more"
    kind = "deployment"
    if resolved.shipped.is_rollback:
        kind = "rollback"
    elif resolved.shipped.is_redeployment:
        kind = "redeployment"
    if not resolved.success.value:
        kind = f"failed {kind}"
    merged = resolved.shipped.merged
    if not resolved.deployments and merged is not None:
        if any(each.is_touched is None for each in services):
            return f"which services pull request #{merged.number} touches"
        return f"that pull request #{merged.number} touches {names}"
    environment = resolved.environment.value
    return f"the {kind} of {names} to {environment} at {resolved.commit_sha.value[:7]}"


def _tell(outcome: Outcome, account: Account, log: Log) -> None:
    about = f"{outcome.backend}: {outcome.service} {outcome.status}"
    http = f"HTTP {outcome.http_status}, " if outcome.http_status else ""
    identity = f", id {outcome.id}" if outcome.id else ""
    log.line(f"{about} ({http}{_count(outcome.attempts, 'attempt')}{identity}): {outcome.message}")
    said = f". It said: {log.quoted(outcome.detail)}" if outcome.detail else ""
    if outcome.status in {"rejected", "undelivered"}:
        level = "error" if counts(outcome, account.fail_on) else "warning"
        log.annotate(level, about, f"{outcome.message}{said}")
    elif outcome.status in {"skipped", "duplicate"} or outcome.http_status == 202:
        log.annotate("notice", about, f"{outcome.message}{said}")
