"""What a backfill is given."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from dora_deployments.actions.inputs import Inputs
from dora_deployments.actions.run import Run
from dora_deployments.backends import Backend
from dora_deployments.budget import Budget
from dora_deployments.catalogue import SECRET_IN_EVENT, Note
from dora_deployments.delivery.retry import Pace
from dora_deployments.errors import EventError


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a backfill is given, and whom it tells how it goes.

    `plan` is a digest of the inputs. `file` is the configuration file of the workspace, if it
    counts. `told` are the backends; `holds` says whether a secret stands in texts that are to
    be kept, written or sent, `words` takes any out of what a server says. `clock` tells seconds.
    """

    inputs: Inputs
    run: Run
    plan: str
    now: datetime
    budget: Budget
    file: bytes | None
    told: tuple[Backend, ...]
    pace: Pace | None
    provide: Callable[[], None]
    holds: Callable[[Iterable[bytes]], bool]
    words: Callable[[str], str]
    say: Callable[[str], None]
    warn: Callable[[Iterable[Note]], None]
    clock: Callable[[], float] = time.monotonic

    def check(self, text: bytes) -> None:
        """Raise `EventError` for a secret in what GitHub says."""
        if self.holds([text]):
            raise EventError(
                "what GitHub remembers holds the secret of an input, which a backend would be told;"
                " change that secret, since whoever sees it there knows it",
                topic=SECRET_IN_EVENT,
            )
