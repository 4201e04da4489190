"""`mode: backfill`: report past deployments."""

from datetime import datetime
from functools import partial

from dora_deployments import signals
from dora_deployments.actions import workspace
from dora_deployments.actions.inputs import Inputs, plan
from dora_deployments.actions.moments import UTC
from dora_deployments.actions.run import Run
from dora_deployments.context import Context
from dora_deployments.modes import sending
from dora_deployments.packages import CORE, LOOK_UPS
from dora_deployments.report import doubts


def report(context: Context) -> None:
    """Report past deployments, or go on where an earlier run stopped."""
    with signals.interruptible():
        context.ensure_packages(CORE)
        _backfill(context)


def _backfill(context: Context) -> None:
    from dora_deployments.backfill import run as backfill
    from dora_deployments.backfill.job import Job
    from dora_deployments.backfill.result import Backfilled
    from dora_deployments.report import past

    inputs, run, account, log = context.inputs, context.run, context.account, context.log
    account.backfilled = result = Backfilled(
        repository=account.repository,
        since=inputs.since,
        until=inputs.until,
        folder=inputs.output_path,
    )
    job = Job(
        inputs=inputs,
        run=run,
        plan=plan(context.environ),
        now=datetime.now(UTC),
        budget=context.budget,
        file=_own_file(inputs, run),
        told=sending.choose_backends(context, from_fork=False),
        pace=context.pace,
        provide=partial(context.ensure_packages, LOOK_UPS),
        holds=log.scrub.holds,
        words=log.scrub.words,
        say=log.line,
        warn=context.add_warnings,
    )
    try:
        backfill.backfill(job, result)
    finally:
        account.outcomes = past.outcomes(result)
    context.add_warnings(doubts.of_names(result.environments, job.told))
    if result.metrics is not None:
        log.group("Historical deployments", past.lines(result))
    if result.unfinished is not None:
        context.add_warnings([result.unfinished])


def _own_file(inputs: Inputs, run: Run) -> bytes | None:
    """Return the configuration file of the workspace, unless it is of another repository."""
    own = (run.repository or "").lower()
    is_own = inputs.repository is None or inputs.repository.lower() == own
    if run.event_name in workspace.STRANGE or not (is_own or inputs.config_file):
        return None
    return sending.workspace_file(run, inputs)
