"""What the modes have in common: whom to report to, and how to send and save reports."""

from collections.abc import Sequence
from dataclasses import replace

from dora_deployments import backends
from dora_deployments.actions import workspace
from dora_deployments.actions.inputs import Inputs
from dora_deployments.actions.parse import DEFAULT_CONFIG_FILE, LARGEST_CONFIG_FILE
from dora_deployments.actions.run import Run
from dora_deployments.backends import Backend
from dora_deployments.catalogue import (
    CANCELLED,
    NOT_SAVED,
    PATH_NOT_TOLD,
    SECRET_IN_EVENT,
    STEP_ENDED,
    note,
    notes,
)
from dora_deployments.context import Context
from dora_deployments.delivery import dispatch
from dora_deployments.delivery.deliver import Delivery, Origin
from dora_deployments.delivery.dispatch import Sender
from dora_deployments.deployment import Outcome
from dora_deployments.errors import ConfigurationError, EventError, PackagesError
from dora_deployments.report import doubts, ending, requests
from dora_deployments.report.account import Account
from dora_deployments.report.log import Log
from dora_deployments.report.outputs import path_for_output


def choose_backends(context: Context, *, from_fork: bool) -> tuple[Backend, ...]:
    """Return the backends to report to, and say which ones are off."""
    chosen = backends.reported_to(context.inputs, from_fork=from_fork)
    if not context.inputs.dry_run:
        context.account.off = backends.off(context.inputs)
    for sentence in context.account.off:
        context.log.line(sentence)
    return chosen


def workspace_file(run: Run, inputs: Inputs) -> bytes | None:
    """Return the configuration file of the workspace, if there is one."""
    path = inputs.config_file or DEFAULT_CONFIG_FILE
    try:
        return workspace.read(run.workspace, path, LARGEST_CONFIG_FILE)
    except ValueError as error:
        raise ConfigurationError(f"`{path}` of the workspace {error}") from None


def refuse_secrets(context: Context, deliveries: Sequence[Delivery]) -> None:
    """Raise `EventError` if a backend, or a saved file, would get the secret of an input."""
    if context.log.scrub.holds(request.body for each in deliveries for request in each.requests):
        context.account.deliveries = ()
        raise EventError(
            "what the event names holds the secret of an input, which a backend would be told;"
            " change that secret, since whoever sees the event knows it",
            topic=SECRET_IN_EVENT,
        )


def send(context: Context, lacking: PackagesError | None = None) -> None:
    """Send the deliveries until each is answered or time is up; a dry run shows them alone.

    `lacking` says why there are no packages to send them with.
    """
    account, inputs, budget = context.account, context.inputs, context.budget
    sent_at = None if inputs.dry_run else context.now
    context.add_warnings(doubts.of_requests(account.deliveries, sent_at))
    requests.show(account.deliveries, context.log.scrub, context.log)
    if inputs.dry_run:
        account.outcomes = dispatch.unsupported(account.deliveries)
        return
    account.dispatch = Sender.of(account.deliveries, context.pace)
    if lacking is not None:
        account.dispatch.give_up(f"not sent, since {lacking}", lacking.topic)
    else:
        account.dispatch.start(budget)
        account.dispatch.wait(budget)
    context.log.debug(f"{budget.left():.1f} s were left")


def origin(run: Run, repository: str) -> Origin:
    """Return where saved reports are from; `repository` is for a run that GitHub did not start."""
    return Origin(
        server_url=run.server_url,
        repository=run.repository or repository,
        run_id=run.run_id or "",
        attempt=run.attempt,
    )


def save_undelivered(account: Account, log: Log) -> None:
    """Collect how the deliveries ended, and save what the backends do not have."""
    run = account.run
    if (
        run is None
        or account.is_dry_run
        or not (account.deliveries or account.refused or account.left)
    ):
        return
    sent = account.dispatch or Sender.of(account.deliveries)
    ended = sent.ended()
    of_first = (each for each in ended if each.delivery.goes_first)
    of_others = (each for each in ended if not each.delivery.goes_first)
    account.outcomes = (
        *(_by_cause(outcome, account) for each in of_others for outcome in each.outcomes),
        *account.outcomes,
    )
    stay = (*account.refused, *account.left)
    is_kept = any(each.outcome.is_missing or each.delivery.saved for each in ended)
    if stay or is_kept or run.attempt > 1:
        from dora_deployments.delivery import undelivered

        account.kept = undelivered.settle(ended, origin(run, account.repository), run, stay)
    if account.resolved is not None and account.resolved.finished_by_clock:
        ending.add_warnings(account, log, doubts.of_clocks(ended))
    ending.report_touched_services(
        account, (outcome for each in of_first for outcome in each.outcomes), log
    )
    ending.add_warnings(account, log, notes(account.kept.problems, NOT_SAVED))
    path = account.kept.path
    if path and not path_for_output(path, log.scrub):
        where = f"what was not delivered is in `{path}`, which the output does not name"
        ending.add_warnings(account, log, [note(f"{where}; {PATH_NOT_TOLD.change}", PATH_NOT_TOLD)])


def _by_cause(outcome: Outcome, account: Account) -> Outcome:
    """Return `outcome` with what to do where the job was cancelled: no `timeout` was too short."""
    if account.is_cancelled and outcome.topic is STEP_ENDED:
        return replace(outcome, topic=CANCELLED)
    return outcome
