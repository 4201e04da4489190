"""The stages as calls: from the environment to the exit code."""

import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Final

from dora_deployments import __version__, backends
from dora_deployments.actions import inputs as inputs_module
from dora_deployments.actions import payload
from dora_deployments.actions.event import Event, Happening
from dora_deployments.actions.events import what_happened
from dora_deployments.actions.inputs import Inputs
from dora_deployments.actions.moments import UTC
from dora_deployments.actions.payload import Payload
from dora_deployments.actions.run import Run
from dora_deployments.attribution.github import LOOK_UP_SECONDS, GitHub
from dora_deployments.attribution.resolve import Resolved, resolve
from dora_deployments.backends import Backend
from dora_deployments.budget import Budget
from dora_deployments.delivery import deliver
from dora_deployments.errors import ActionError, ConfigurationError, Interrupted, Skip
from dora_deployments.report import ending, files
from dora_deployments.report.account import Account
from dora_deployments.report.facts import facts
from dora_deployments.report.log import Log
from dora_deployments.report.text import Scrubber, pretty_json

# Kept back from `timeout` for outputs and summary.
_REPORT_SECONDS: Final = 0.5
LARGEST_EVENT: Final = 64 * 1024 * 1024
Handler = Callable[[int, FrameType | None], object] | signal.Handlers | int | None
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def main(environ: Mapping[str, str]) -> int:
    """Report the deployment to every backend; return the exit code of the step.

    Outputs and summary are written however the run ends, a bug of ours and a cancelled
    job included.
    """
    scrub = Scrubber(inputs_module.masks(environ))
    log = Log(sys.stdout, scrub, debug=environ.get("RUNNER_DEBUG") == "1")
    account = Account(fail_on=inputs_module.fail_on(environ))
    with _signals_restored():
        try:
            with _interruptible():
                log.mask()
                _run(environ, account, scrub, log)
        except Skip as skip:
            ending.skipped(account, skip, log)
        except ActionError as error:
            ending.refused(account, error, log)
        except Interrupted as interrupt:
            ending.interrupted(account, interrupt, log)
        except Exception as error:
            ending.broken(account, error, log)
        finally:
            files.write(environ, account, scrub, log)
    return account.exit_code


def _run(environ: Mapping[str, str], account: Account, scrub: Scrubber, log: Log) -> None:
    """Go through the stages, one after the other."""
    now = datetime.now(UTC)
    log.line(f"dora-deployments {__version__}")
    inputs = Inputs.from_environ(environ, now)
    ending.warned(account, log, *inputs.warnings)
    account.previous_sha = inputs.previous_sha or ""
    budget = Budget.of(inputs.timeout - _REPORT_SECONDS)

    run = Run.from_environ(environ)
    account.repository = inputs.repository or run.repository or ""
    account.event = run.event_name or ""
    content, broken = _payload(run)
    log.debug(f"Python {sys.version.split()[0]}, GITHUB_REF {run.ref}, GITHUB_SHA {run.sha}")
    event = Event(
        name=account.event, payload=content, run=run, inputs=inputs, now=now, broken=broken
    )
    happening = what_happened(event)
    # Slow look-ups must leave the backends their time.
    look_up_seconds = min(LOOK_UP_SECONDS, inputs.timeout / 2)
    github = GitHub(
        api_url=run.api_url, token=inputs.github_token, budget=budget.capped(look_up_seconds)
    )
    account.resolved = resolved = resolve(happening, inputs, run, github, now)
    log.group(
        f"What was deployed, by the event {event.name}",
        (f"{label}: {value}, from {source}" for label, value, source in facts(resolved)),
    )
    ending.warned(account, log, *resolved.warnings)

    told = _backends(inputs, happening)
    if not inputs.dry_run:
        account.off = backends.off(inputs)
    for sentence in account.off:
        log.line(sentence)
    account.deliveries = deliver.prepare(resolved.deployments, told)
    _show_requests(account, scrub, log)
    if inputs.dry_run:
        account.outcomes = deliver.unsupported(account.deliveries)
        ending.dry_run(account, resolved, log)
        return
    _warn_of_rerun(account, log, resolved, run, told)
    dispatch = deliver.dispatch(account.deliveries, budget)
    try:
        dispatch.wait(budget)
    finally:
        account.outcomes = dispatch.outcomes()
        log.debug(f"{budget.left():.1f} s were left")
    ending.delivered(account, resolved, log)


def _payload(run: Run) -> tuple[Payload, str | None]:
    """Return the event's payload, or an empty one and why it cannot be read."""
    nothing = Payload({})
    if run.event_path is None:
        return nothing, "GITHUB_EVENT_PATH is not set"
    path = Path(run.event_path)
    try:
        if not path.is_file():
            return nothing, "the file of GITHUB_EVENT_PATH is missing or no regular file"
        if path.stat().st_size > LARGEST_EVENT:
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
        return backends.samples(inputs)
    if no_secrets and happening.from_fork:
        raise Skip(
            "no-credentials-on-fork",
            "GitHub gives no secrets to pull requests from forks or of Dependabot; report such"
            " merges by a workflow on `push` instead",
            warn=True,
        )
    found = backends.configured(inputs)
    if not found:
        raise ConfigurationError(
            "no backend is configured; set `datadog-api-key` for Datadog, or `dx-token` and"
            " `dx-instance` for DX (a secret that does not exist here arrives empty)"
        )
    return found


def _show_requests(account: Account, scrub: Scrubber, log: Log) -> None:
    for delivery in account.deliveries:
        service = delivery.deployment.service.identifier
        for request in delivery.requests:
            log.debug(f"{delivery.backend.name}: {len(request.body)} bytes for {request.url}")
            log.group(
                f"Request for {delivery.backend.name}, {service}",
                (
                    f"POST {request.url}",
                    f"{request.credential.header}: ***",
                    *pretty_json(request.body, scrub),
                ),
            )


def _warn_of_rerun(
    account: Account, log: Log, resolved: Resolved, run: Run, told: tuple[Backend, ...]
) -> None:
    """Warn where a re-run tells Datadog of the same deployment with a later finish."""
    to_datadog = any(backend.name == "Datadog" for backend in told)
    if run.attempt > 1 and resolved.finished_by_clock and to_datadog:
        ending.warned(
            account,
            log,
            f"this is attempt {run.attempt} of the run, so Datadog is sent the same id with a"
            " later finish. Datadog does not document what it does with a repeated id, and an old"
            " commit sent late can look like a rollback; set `finished-at` to make attempts equal",
        )


@contextmanager
def _interruptible() -> Iterator[None]:
    """Turn SIGINT and SIGTERM into `Interrupted`, which as PID 1 Python would not even do.

    They are ignored from the first one on, and in the end, so that a run that is ending
    anyway can write its outputs.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        del frame
        _set(signal.SIG_IGN)
        raise Interrupted(number)

    def _set(handler: Handler) -> None:
        for number in _SIGNALS:
            signal.signal(number, handler)

    _set(interrupt)
    try:
        yield
    finally:
        _set(signal.SIG_IGN)


@contextmanager
def _signals_restored() -> Iterator[None]:
    """Leave the handling of signals as it was."""
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
