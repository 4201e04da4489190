"""What every mode is given."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dora_deployments.actions.inputs import Inputs
from dora_deployments.actions.run import Run
from dora_deployments.budget import Budget
from dora_deployments.catalogue import Note
from dora_deployments.delivery.retry import Pace
from dora_deployments.packages import Provide
from dora_deployments.report import ending
from dora_deployments.report.account import Account
from dora_deployments.report.log import Log


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a mode works with, and the account of the run, which it fills in.

    `environ` is the step's environment, `now` is when the step began, and `budget` is what
    `timeout` leaves to the mode. `provide` makes the packages of a lock importable.
    """

    environ: Mapping[str, str] = field(repr=False)
    inputs: Inputs
    run: Run
    now: datetime
    budget: Budget
    provide: Provide
    pace: Pace | None
    account: Account
    log: Log

    def ensure_packages(self, lock: str, budget: Budget | None = None) -> None:
        """Make the packages of a lock importable. Raises `PackagesError`."""
        self.provide(lock, budget or self.budget, self.log.line)

    def add_warnings(self, warnings: Iterable[Note]) -> None:
        """Add warnings to a run that goes on."""
        ending.add_warnings(self.account, self.log, warnings)
