"""The account of a run: what is known of it so far, and what that amounts to."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dora_deployments.actions.inputs import FailOn
from dora_deployments.actions.run import DOCS, Run
from dora_deployments.attribution.resolve import Resolved
from dora_deployments.catalogue import Note, Topic
from dora_deployments.delivery.deliver import Delivery, SavedReports
from dora_deployments.delivery.dispatch import Sender
from dora_deployments.deployment import Outcome

if TYPE_CHECKING:
    from dora_deployments.backfill.result import Backfilled

RunStatus = Literal["delivered", "partial", "rejected", "undelivered", "skipped", "dry-run"]


@dataclass(slots=True, kw_only=True)
class Account:
    """What a run has come to, filled in as it goes and told at its end, however it ends.

    `headline` is our own sentence for people, `advice` what to do then; `off` are those about
    backends without a key, `problems` those of bad input, `warnings` those of a run that went
    on, `hints` what to check once. All of them may quote foreign text. `topic` tells more of
    what ended the run early. `refused` are saved files that were not sent, `left` those
    that another run has to send. `is_cancelled` says that the job was cancelled before all
    was sent. `resolved` is what was deployed just now, `backfilled` what was in the past.
    """

    fail_on: FailOn = "config"
    docs: str = DOCS
    event: str = ""
    repository: str = ""
    previous_sha: str = ""
    run: Run | None = None
    is_dry_run: bool = False
    is_cancelled: bool = False
    resolved: Resolved | None = None
    backfilled: "Backfilled | None" = None
    off: tuple[str, ...] = ()
    refused: tuple[Path, ...] = ()
    left: tuple[Path, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    dispatch: Sender | None = None
    outcomes: tuple[Outcome, ...] = ()
    kept: SavedReports = field(default_factory=SavedReports)
    status: RunStatus = "undelivered"
    reason: str = ""
    headline: str = ""
    advice: str = ""
    topic: Topic | None = None
    problems: tuple[Note, ...] = ()
    warnings: tuple[Note, ...] = ()
    hints: tuple[Note, ...] = ()
    exit_code: int = 0


def status_of(outcomes: tuple[Outcome, ...]) -> RunStatus:
    """Return what the outcomes amount to; skipped ones do not count."""
    told = [outcome for outcome in outcomes if outcome.status != "skipped"]
    if not told:
        return "skipped"
    if all(outcome.is_recorded for outcome in told):
        return "delivered"
    if any(outcome.is_recorded for outcome in told):
        return "partial"
    return "rejected" if any(outcome.status == "rejected" for outcome in told) else "undelivered"


def exit_code_of(outcomes: tuple[Outcome, ...], fail_on: FailOn) -> int:
    """Return 1 if a failure counts: under `config` refusals, under `any` outages as well."""
    return int(any(counts(outcome, fail_on) for outcome in outcomes))


def counts(outcome: Outcome, fail_on: FailOn) -> bool:
    """Return whether this outcome fails the step."""
    failures = {"never": set(), "config": {"rejected"}, "any": {"rejected", "undelivered"}}
    return outcome.status in failures[fail_on]
