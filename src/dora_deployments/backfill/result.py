"""What a backfill has come to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dora_deployments.backfill.metrics import Metrics
from dora_deployments.backfill.state import Tally
from dora_deployments.catalogue import Note, Topic


@dataclass(slots=True, kw_only=True)
class Backfilled:
    """A backfill as far as it got, filled in as it goes.

    `source` is what was read. `deployments` counts the lines of the files in `folder`, a path
    that starts in the workspace or is absolute. `left_out` counts by reason what was not to be
    reported, `elsewhere` by environment what was not asked for. `unfinished` says why there is
    something left to do, in a sentence, if there is; `stopped` why not all reports were sent.
    """

    repository: str
    since: datetime
    until: datetime
    folder: str
    source: str = ""
    resumed: bool = False
    deployments: int = 0
    environments: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    elsewhere: Mapping[str, int] = field(default_factory=dict)
    metrics: Metrics | None = None
    tallies: tuple[Tally, ...] = ()
    requests: int = 0
    unfinished: Note | None = None
    stopped: Topic | None = None
