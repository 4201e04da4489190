"""The stages as calls: from the environment to the exit code."""

import signal
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Final

from dora_deployments import __version__
from dora_deployments.actions import inputs as inputs_module
from dora_deployments.actions import payload
from dora_deployments.actions.event import Event, Happening, what_happened
from dora_deployments.actions.inputs import Inputs
from dora_deployments.actions.moments import UTC
from dora_deployments.actions.payload import Payload
from dora_deployments.actions.run import Run
from dora_deployments.attribution.github import LOOK_UP_SECONDS, GitHub
from dora_deployments.attribution.resolve import Resolved, resolve
from dora_deployments.backends import SAMPLES, Backend, configured
from dora_deployments.budget import Budget
from dora_deployments.delivery import deliver
from dora_deployments.errors import ActionError, ConfigurationError, Interrupted, Skip
from dora_deployments.report.account import Account, counts, exit_code_of, status_of
from dora_deployments.report.facts import facts
from dora_deployments.report.log import Log
from dora_deployments.report.outputs import file_text, outputs
from dora_deployments.report.summary import summary
from dora_deployments.report.text import Scrubber, pretty_json

# Kept back from `timeout` for outputs and summary.
_REPORT_SECONDS: Final = 0.5
_LARGEST_EVENT: Final = 64 * 1024 * 1024
_HEADLINES: Final[Mapping[str, str]] = {
    "delivered": "Every backend has the deployment",
    "partial": "Only some backends have the deployment",
    "rejected": "The deployment was rejected",
    "undelivered": "The deployment could not be delivered",
    "skipped": "Nothing to report: no backend counts this deployment",
}
_ISSUES: Final = "the issues page of this action's repository"
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def main(environ: Mapping[str, str]) -> int:
    """Report the deployment to every backend; return the exit code of the step.

    Outputs and summary are written however the run ends, a bug of ours and a cancelled
    job included.
    """
    started = time.monotonic()
    scrub = Scrubber(inputs_module.masks(environ))
    log = Log(sys.stdout, scrub, debug=environ.get("RUNNER_DEBUG") == "1")
    account = Account(fail_on=inputs_module.fail_on(environ))
    try:
        with _interruptible():
            log.mask()
            _run(environ, account, log, started)
    except Skip as skip:
        _skipped(account, skip, log)
    except ActionError as error:
        _refused(account, error, log)
    except Interrupted as interrupt:
        _interrupted(account, interrupt, log)
    except Exception as error:
        _broken(account, error, log)
    _write(environ, account, scrub, log)
    return account.exit_code


def _run(environ: Mapping[str, str], account: Account, log: Log, started: float) -> None:
    """Go through the stages, one after the other."""
    now = datetime.now(UTC)
    log.line(f"dora-deployments {__version__}")
    inputs = Inputs.from_environ(environ, now)
    _warn(account, log, *inputs.warnings)
    account.previous_sha = inputs.previous_sha or ""
    budget = Budget(deadline=started + inputs.timeout - _REPORT_SECONDS)

    run = Run.from_environ(environ)
    account.repository = inputs.repository or run.repository or ""
    account.event = run.event_name or ""
    content, broken = _payload(run)
    event = Event(
        name=account.event, payload=content, run=run, inputs=inputs, now=now, broken=broken
    )
    happening = what_happened(event)
    github = GitHub(
        api_url=run.api_url, token=inputs.github_token, budget=budget.capped(LOOK_UP_SECONDS)
    )
    account.resolved = resolved = resolve(happening, inputs, run, github, now)
    log.group(
        f"What was deployed, by the event {event.name}",
        (f"{label}: {value}, from {source}" for label, value, source in facts(resolved)),
    )
    _warn(account, log, *resolved.warnings)

    backends = _backends(inputs, happening)
    account.deliveries = deliver.prepare(resolved.deployments, backends)
    _show_requests(account, log)
    if inputs.dry_run:
        account.status = "dry-run"
        account.headline = "Dry run: nothing was sent"
        log.line(account.headline)
        return
    _warn_of_rerun(account, log, resolved, run, backends)
    dispatch = deliver.dispatch(account.deliveries, budget)
    try:
        dispatch.wait(budget)
    finally:
        account.outcomes = dispatch.outcomes()
    _judge(account, log)


def _payload(run: Run) -> tuple[Payload, str | None]:
    """Return the event's payload, or an empty one and why it cannot be read."""
    nothing = Payload({})
    if run.event_path is None:
        return nothing, "GITHUB_EVENT_PATH is not set"
    path = Path(run.event_path)
    try:
        if not path.is_file():
            return nothing, "the file of GITHUB_EVENT_PATH is missing or no regular file"
        if path.stat().st_size > _LARGEST_EVENT:
            return nothing, "the file of GITHUB_EVENT_PATH is too large"
        return payload.parse(path.read_bytes()), None
    except OSError as error:
        return nothing, f"the file of GITHUB_EVENT_PATH cannot be read ({error.strerror})"
    except ValueError as error:
        return nothing, f"the file of GITHUB_EVENT_PATH {error}"


def _backends(inputs: Inputs, happening: Happening) -> tuple[Backend, ...]:
    """Return the backends to report to; `Skip` or `ConfigurationError` if there are none."""
    no_secrets = inputs.datadog_api_key is None and inputs.dx_token is None
    if inputs.dry_run and no_secrets:
        return tuple(make(inputs) for make in SAMPLES)
    if no_secrets and happening.from_fork:
        raise Skip(
            "no-credentials-on-fork",
            "GitHub gives no secrets to pull requests from forks or of Dependabot; report such"
            " merges by a workflow on `push` instead",
            warn=True,
        )
    backends = configured(inputs)
    if not backends:
        raise ConfigurationError(
            "no backend is configured; set `datadog-api-key` for Datadog, or `dx-token` and"
            " `dx-instance` for DX (a secret that does not exist here arrives empty)"
        )
    return backends


def _show_requests(account: Account, log: Log) -> None:
    for delivery in account.deliveries:
        service = delivery.deployment.service.identifier
        for request in delivery.requests:
            log.group(
                f"Request for {delivery.backend.name}, {service}",
                (
                    f"POST {request.url}",
                    f"{request.credential.header}: ***",
                    *pretty_json(request.body),
                ),
            )


def _warn_of_rerun(
    account: Account, log: Log, resolved: Resolved, run: Run, backends: tuple[Backend, ...]
) -> None:
    """Warn where a re-run tells Datadog of the same deployment with a later finish."""
    to_datadog = any(backend.name == "Datadog" for backend in backends)
    if run.attempt > 1 and resolved.finished_by_clock and to_datadog:
        _warn(
            account,
            log,
            f"this is attempt {run.attempt} of the run, so Datadog is sent the same id with a"
            " later finish; Datadog does not document what it does with a repeated id, and an old"
            " commit sent late can look like a rollback. Set `finished-at` to make re-runs equal",
        )


def _judge(account: Account, log: Log) -> None:
    """Decide and print what the outcomes amount to."""
    account.status = status_of(account.outcomes)
    account.exit_code = exit_code_of(account.outcomes, account.fail_on)
    if account.status == "skipped":
        account.reason = "outcome-not-supported"
    account.headline = _HEADLINES[account.status]
    for outcome in account.outcomes:
        about = f"{outcome.backend}: {outcome.service} {outcome.status}"
        http = f"HTTP {outcome.http_status}, " if outcome.http_status else ""
        times = f"{outcome.attempts} attempt{'' if outcome.attempts == 1 else 's'}"
        log.line(f"{about} ({http}{times}, id {outcome.id}): {outcome.message}")
        said = f" It said: {log.quoted(outcome.detail)}" if outcome.detail else ""
        if outcome.status in {"rejected", "undelivered"}:
            level = "error" if counts(outcome, account.fail_on) else "warning"
            log.annotate(level, about, f"{outcome.message}.{said}")
        elif outcome.status == "skipped" or outcome.http_status == 202:
            log.annotate("notice", about, f"{outcome.message}.{said}")
    log.line(account.headline)


def _warn(account: Account, log: Log, *warnings: str) -> None:
    account.warnings += warnings
    for warning in warnings:
        log.annotate("warning", "Deployment report", warning)


def _skipped(account: Account, skip: Skip, log: Log) -> None:
    account.status = "skipped"
    account.reason = skip.reason
    account.headline = f"Nothing to report: {skip.explanation}"
    level = "warning" if skip.warn else "notice"
    log.annotate(level, f"Nothing to report ({skip.reason})", skip.explanation)


def _refused(account: Account, error: ActionError, log: Log) -> None:
    account.status = "rejected"
    account.reason = error.reason
    account.headline = f"{error.title}: nothing was sent"
    account.problems = error.problems
    account.exit_code = 0 if account.fail_on == "never" else error.exit_code
    for problem in error.problems:
        log.annotate("error" if account.exit_code else "warning", error.title, problem)
    log.line(f"{account.headline} ({error.reason})")


def _interrupted(account: Account, interrupt: Interrupted, log: Log) -> None:
    name = signal.Signals(interrupt.signal_number).name
    account.status = status_of(account.outcomes) if account.outcomes else "undelivered"
    account.headline = f"The job was cancelled ({name}) before the report was done"
    account.exit_code = 128 + interrupt.signal_number
    log.annotate("error", "Cancelled", account.headline)


def _broken(account: Account, error: Exception, log: Log) -> None:
    """Tell of a bug of ours: in one line, and with its trace where debugging is on."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    account.status = status_of(account.outcomes) if account.outcomes else "undelivered"
    account.reason = "internal-error"
    account.exit_code = 1 if account.fail_on == "any" else 0
    where = f"{Path(place.filename).name}:{place.lineno}"
    account.headline = f"A bug in this action stopped the report: {type(error).__name__} at {where}"
    level = "error" if account.exit_code else "warning"
    log.annotate(level, "Internal error", f"{account.headline}; please report it on {_ISSUES}")
    for line in traceback.format_exception(error):
        for part in line.splitlines():
            log.debug(part)


def _write(environ: Mapping[str, str], account: Account, scrub: Scrubber, log: Log) -> None:
    """Append outputs and summary to the runner's files; without them the run still counts."""
    files = {
        "GITHUB_OUTPUT": file_text(outputs(account)),
        "GITHUB_STEP_SUMMARY": summary(account, scrub),
    }
    for variable, text in files.items():
        name = environ.get(variable)
        if not name:
            log.line(f"{variable} is not set, so nothing is written there")
            continue
        try:
            with Path(name).open("a", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except OSError as error:
            log.annotate(
                "warning", "Report", f"the file of {variable} cannot be written ({error.strerror})"
            )


@contextmanager
def _interruptible() -> Iterator[None]:
    """Turn SIGINT and SIGTERM into `Interrupted`, once; as PID 1 Python ignores SIGTERM."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        del frame
        for other in _SIGNALS:
            signal.signal(other, signal.SIG_IGN)
        raise Interrupted(number)

    previous = {number: signal.signal(number, interrupt) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
