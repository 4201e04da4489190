"""How a run ends: decided once, kept in the account and told in the log."""

import signal
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from dora_deployments.actions.inputs import DEFAULT_REPLAY_PATH
from dora_deployments.actions.text import count
from dora_deployments.catalogue import (
    CANCELLED,
    INTERNAL_ERROR,
    PACKAGES_UNAVAILABLE,
    SERVICES_NOT_TOLD,
    SKIPPED,
    Note,
    Topic,
    note,
)
from dora_deployments.deployment import Outcome
from dora_deployments.errors import (
    ActionError,
    HeldBackError,
    InputError,
    Interrupted,
    PackagesError,
    Skip,
)
from dora_deployments.report.account import (
    Account,
    RunStatus,
    counts,
    exit_code_of,
    status_of,
)
from dora_deployments.report.headline import headline
from dora_deployments.report.log import Log
from dora_deployments.report.words import capital, with_fix

# What a run that leaves saved reports for the next one ends as.
_LEFT: Final[dict[RunStatus, RunStatus]] = {"delivered": "partial", "skipped": "undelivered"}


def finish(account: Account, log: Log) -> None:
    """End a run that went through all stages; its outcomes may be good or bad.

    A dry run has none but skipped ones. Saved reports that are refused make the run a
    bad one, whatever became of the others.
    """
    account.status = "dry-run" if account.is_dry_run else status_of(account.outcomes)
    account.exit_code = exit_code_of(account.outcomes, account.fail_on)
    if account.backfilled is not None and account.backfilled.metrics is None:
        account.status = "undelivered"  # not even read
        account.exit_code = int(account.fail_on == "any")
    if account.left and not account.is_dry_run:  # not all is sent, though nothing went wrong
        account.status = _LEFT.get(account.status, account.status)
        account.exit_code = max(account.exit_code, int(account.fail_on == "any"))
    if account.status == "skipped":
        account.reason = "outcome-not-supported"
    for outcome in account.outcomes:
        _tell(outcome, account, log)
    account.headline = headline(account)
    account.advice = _advice(account)
    if account.problems:
        _reject(account, InputError)
    log.line(account.headline)
    if account.advice:
        log.line(account.advice)


def finish_skipped(account: Account, skip: Skip, log: Log) -> None:
    """End a run that has nothing to report."""
    account.status = "skipped"
    account.reason = skip.reason
    account.topic = SKIPPED[skip.reason]
    level, what = ("warning", "Not reported") if skip.warn else ("notice", "Nothing to report")
    account.headline = f"{what}: {skip.what}"
    log.annotate(level, f"{what} ({skip.reason})", skip.explanation, account.topic.page)


def finish_refused(account: Account, error: ActionError, log: Log) -> None:
    """End a run that the workflow's author must fix; what was sent before is told."""
    account.topic = error.topic
    account.problems = error.notes
    _reject(account, type(error))
    for outcome in account.outcomes:
        _tell(outcome, account, log)
    log_problems(account, log, error.title)
    sent = any(outcome.is_recorded for outcome in account.outcomes)
    account.headline = f"{error.title}: {'not all' if sent else 'nothing'} was sent"
    log.line(f"{account.headline} ({error.reason})")


def finish_cancelled(account: Account, interrupt: Interrupted, log: Log) -> None:
    """End a run that the runner cancels."""
    name = signal.Signals(interrupt.signal_number).name
    account.status = _status_so_far(account)
    account.exit_code = 128 + interrupt.signal_number
    for outcome in account.outcomes:
        _tell(outcome, account, log)
    done = "the report was done" if account.outcomes else "anything was sent"
    account.headline = f"The job was cancelled ({name}) before {done}"
    account.advice = _advice(account) or "Run this job again"
    account.topic = CANCELLED
    log.annotate("error", "Cancelled", f"{account.headline}. {account.advice}", CANCELLED.page)


def finish_without_packages(account: Account, error: PackagesError, log: Log) -> None:
    """End a run that lacks the packages to read what to report, as an outage ends it."""
    account.status = "undelivered"
    account.reason = "internal-error"
    account.exit_code = 1 if account.fail_on == "any" else 0
    account.headline = f"Not reported: {error}"
    account.advice = capital(_again(error.topic))
    account.topic = error.topic
    level = "error" if account.exit_code else "warning"
    log.annotate(level, "Not reported", f"{error}. {account.advice}", error.topic.page)


def finish_held_back(account: Account, error: HeldBackError, log: Log) -> None:
    """End a run whose report would be a guess now: nothing is sent, and nothing saved."""
    account.status = "undelivered"
    account.exit_code = 1 if account.fail_on == "any" else 0
    account.headline = f"Not reported: {error}"
    account.advice = capital(error.topic.change)
    account.topic = error.topic
    level = "error" if account.exit_code else "warning"
    told = f"{error}. {account.advice}"
    log.annotate(level, "Not reported", told, error.topic.page)


def finish_crashed(account: Account, error: Exception, log: Log) -> None:
    """End a run at a bug of ours: one line, and the trace where debug logging is on."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    account.status = _status_so_far(account)
    account.reason = "internal-error"
    account.exit_code = 1 if account.fail_on == "any" else 0
    where = f"{Path(place.filename).name}:{place.lineno}"
    account.headline = f"A bug in this action stopped the report: {type(error).__name__} at {where}"
    account.advice = (
        f"{_advice(account) or 'Run this job again'}. Please report the bug on the issues page of"
        " this action's repository"
    )
    account.topic = INTERNAL_ERROR
    level = "error" if account.exit_code else "warning"
    told = f"{account.headline}. {account.advice}"
    log.annotate(level, "Internal error", told, INTERNAL_ERROR.page)
    for lines in traceback.format_exception(error):
        for line in lines.splitlines():
            log.debug(line)


def log_problems(account: Account, log: Log, title: str = InputError.title) -> None:
    """Tell the problems of bad input, which a run may have and go on."""
    level = "warning" if account.fail_on == "never" else "error"
    for problem in account.problems:
        log.annotate(level, title, problem.text, problem.page)


def report_touched_services(account: Account, outcomes: Iterable[Outcome], log: Log) -> None:
    """Tell how it went to say first which services the pull request touches; nothing more."""
    for outcome in {outcome.backend: outcome for outcome in outcomes}.values():
        said = f". It said: {log.quoted(outcome.detail)}" if outcome.detail else ""
        if outcome.status == "delivered":
            log.line(f"{outcome.backend}: recorded which services the pull request touches")
            continue
        told = (
            f"{outcome.backend} was not told which services the pull request touches:"
            f" {with_fix(outcome.message, outcome.topic)}{said}"
        )
        add_warnings(account, log, [note(told, outcome.topic or SERVICES_NOT_TOLD)])


def add_warnings(account: Account, log: Log, warnings: Iterable[Note]) -> None:
    """Add warnings to a run that goes on, each of them once."""
    for warning in warnings:
        if warning in account.warnings:
            continue
        account.warnings += (warning,)
        log.annotate("warning", "Deployment report", warning.text, warning.page)


def add_hints(account: Account, log: Log, hints: Iterable[Note]) -> None:
    """Add what a person should check once, but no run can know."""
    for hint in hints:
        if hint in account.hints:
            continue
        account.hints += (hint,)
        log.hint(hint.text, hint.page)


def _status_so_far(account: Account) -> RunStatus:
    return status_of(account.outcomes) if account.outcomes else "undelivered"


def _reject(account: Account, kind: type[ActionError]) -> None:
    account.status = "rejected"
    account.reason = kind.reason
    account.exit_code = 0 if account.fail_on == "never" else kind.exit_code


def _advice(account: Account) -> str:
    """Return what to do about that which a backend lacks, in a sentence, if there is any."""
    path = account.kept.path
    statuses = {outcome.status for outcome in account.outcomes}
    if account.backfilled is not None and account.backfilled.unfinished is not None:
        first = "Fix the problem above, then run" if "rejected" in statuses else "Run"
        return f"{first} this again with the same inputs: it goes on where it stopped"
    if "rejected" in statuses:
        kept = (
            f". The report is saved in `{path}`, and can be replayed only with the same key"
            if path
            else ""
        )
        return f"Fix the problem above, then run this job again{kept}"
    if "undelivered" not in statuses:
        return ""
    topics = {outcome.topic for outcome in account.outcomes}
    again = _again(PACKAGES_UNAVAILABLE if PACKAGES_UNAVAILABLE in topics else None)
    if not path:
        return capital(again)
    where = f" with `replay-path: {path}`" if path != DEFAULT_REPLAY_PATH else ""
    return (
        f"{capital(again)}, or keep `{path}` as an artifact and send it by `mode: replay`{where};"
        " the ids stay the same"
    )


def _again(topic: Topic | None) -> str:
    """Return that the job should run again: at once, or where that does not help, not before."""
    again = "run this job again"
    return f"fix the problem above, then {again}" if topic is PACKAGES_UNAVAILABLE else again


def _tell(outcome: Outcome, account: Account, log: Log) -> None:
    about = f"{outcome.backend}: {outcome.service} {outcome.status}"
    http = f"HTTP {outcome.http_status}, " if outcome.http_status else ""
    identity = f", id {outcome.id}" if outcome.id else ""
    line = f"{about} ({http}{count(outcome.attempts, 'attempt')}{identity})"
    if outcome.status == "delivered" and outcome.http_status != 202:
        log.line(f"{line}: {outcome.message}")
        return
    log.line(line)  # its message follows as an annotation
    said = f". It said: {log.quoted(outcome.detail)}" if outcome.detail else ""
    level = "notice"
    if outcome.is_missing:
        level = "error" if counts(outcome, account.fail_on) else "warning"
    more = outcome.topic.page if outcome.topic else ""
    log.annotate(level, about, f"{with_fix(outcome.message, outcome.topic)}{said}", more)
