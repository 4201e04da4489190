"""What a GitHub deployment says of who made it, in webhooks and in the API alike."""

import json
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from typing import Final, NamedTuple

from dora_deployments.actions.run import RUN_URL

_GIVEN_UP: Final = frozenset({"failure", "error", "inactive"})


def run_ids(urls: Iterable[str | None]) -> frozenset[str]:
    """Return the workflow runs that addresses lead to."""
    return frozenset(found[1] for url in urls if url and (found := RUN_URL.search(url)))


def named_services(payload: object) -> frozenset[str]:
    """Return what `service` and `services` of a deployment's payload name, in lower case.

    The payload is JSON, or the text of some, whatever the deploying program wrote. A query has the
    text of either.
    """
    for _ in range(2):
        if isinstance(payload, str):
            with suppress(ValueError, RecursionError):
                payload = json.loads(payload)
    if not isinstance(payload, dict):
        return frozenset()
    services = payload.get("services")
    names = [payload.get("service"), *(services if isinstance(services, list) else [services])]
    texts = (name.strip().lower() for name in names if isinstance(name, str))
    return frozenset(text for text in texts if text)


class Ends(NamedTuple):
    """When a deployment first succeeded, or when it ended otherwise; neither while under way."""

    succeeded_at: datetime | None = None
    gave_up_at: datetime | None = None


def read_ends(statuses: Iterable[tuple[str, datetime]]) -> Ends:
    """Return how a deployment ended, by its statuses, the newest first.

    Each is a state in REST's words and its time.
    """
    known = list(statuses)
    successes = [moment for state, moment in known if state == "success"]
    if successes:
        return Ends(succeeded_at=min(successes))
    state, moment = max(known, key=lambda status: status[1], default=("", None))
    return Ends(gave_up_at=moment if state in _GIVEN_UP else None)
