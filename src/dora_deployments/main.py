"""The whole run: from the environment to the exit code."""

import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from dora_deployments import __version__, signals
from dora_deployments.actions import inputs as inputs_module
from dora_deployments.actions.inputs import Inputs
from dora_deployments.actions.moments import UTC
from dora_deployments.actions.run import Run, docs_url
from dora_deployments.budget import Budget
from dora_deployments.context import Context
from dora_deployments.delivery.retry import Pace
from dora_deployments.errors import (
    ActionError,
    HeldBackError,
    InputError,
    Interrupted,
    PackagesError,
    Skip,
)
from dora_deployments.modes import backfill, deployment, replay, sending
from dora_deployments.packages import Provide, all_there
from dora_deployments.report import ending, files
from dora_deployments.report.account import Account
from dora_deployments.report.log import Log
from dora_deployments.report.text import Scrubber

# Kept back from `timeout` for outputs and summary.
_REPORT_SECONDS: Final = 0.5
_MODES: Final[Mapping[str, Callable[[Context], None]]] = {
    "deployment": deployment.report,
    "pull-services": deployment.report,
    "replay": replay.report,
    "backfill": backfill.report,
}


def main(
    environ: Mapping[str, str],
    pace: Pace | None = None,
    provide: Provide = all_there,
    seconds_gone: float = 0.0,
) -> int:
    """Report the deployment to every backend; return the exit code of the step.

    What was not delivered is saved, and outputs and summary are written, however the run
    ends, a bug of ours and a cancelled job included. `pace` is that of the attempts, `provide`
    is called for the packages of a lock before they are needed, and `seconds_gone` of `timeout`
    have passed already.
    """
    scrub = Scrubber(inputs_module.masks(environ))
    docs = docs_url(environ)
    log = Log(sys.stdout, scrub, docs=docs, debug=environ.get("RUNNER_DEBUG") == "1")
    account = Account(fail_on=inputs_module.fail_on(environ), docs=docs)
    with signals.restored():
        try:
            try:
                log.mask()
                context = _context(environ, provide, pace, account, log, seconds_gone)
                _MODES[context.inputs.mode](context)
            except Interrupted:
                account.is_cancelled = True
                raise
            finally:
                # From here on no signal interrupts.
                sending.save_undelivered(account, log)
            ending.finish(account, log)
        except Skip as skip:
            ending.finish_skipped(account, skip, log)
        except ActionError as error:
            ending.finish_refused(account, error, log)
        except HeldBackError as error:
            ending.finish_held_back(account, error, log)
        except PackagesError as error:
            ending.finish_without_packages(account, error, log)
        except Interrupted as interrupt:
            ending.finish_cancelled(account, interrupt, log)
        except Exception as error:
            ending.finish_crashed(account, error, log)
        finally:
            files.write(environ, account, scrub, log)
    return account.exit_code


def _context(
    environ: Mapping[str, str],
    provide: Provide,
    pace: Pace | None,
    account: Account,
    log: Log,
    seconds_gone: float,
) -> Context:
    """Read the inputs and the run; raise `InputError` for what is wrong with them."""
    now = datetime.now(UTC)
    log.line(f"dora-deployments {__version__}")
    inputs = Inputs.from_environ(environ, now)
    ending.add_warnings(account, log, inputs.warnings)
    budget = Budget.of(inputs.timeout - _REPORT_SECONDS - seconds_gone)
    account.is_dry_run = inputs.dry_run
    account.previous_sha = inputs.previous_sha or ""

    account.run = run = Run.from_environ(environ)
    account.repository = inputs.repository or run.repository or ""
    log.debug(f"Python {sys.version.split()[0]}, GITHUB_REF {run.ref}, GITHUB_SHA {run.sha}")
    if inputs.mode != "backfill" and (problems := inputs_module.of_backfill(environ)):
        raise InputError(*problems)
    return Context(
        environ=environ,
        inputs=inputs,
        run=run,
        now=now,
        budget=budget,
        provide=provide,
        pace=pace,
        account=account,
        log=log,
    )
