"""What the live path reports of a deployment, asked as if it had just been finished."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from bench.backfill import written
from bench.backfill.made import Deployment, History
from bench.backfill.served import Served
from dora_deployments import backends
from dora_deployments.actions.event import Event
from dora_deployments.actions.events import what_happened
from dora_deployments.actions.inputs import Inputs
from dora_deployments.actions.payload import Payload
from dora_deployments.actions.run import Run
from dora_deployments.attribution.github import GitHub
from dora_deployments.attribution.github.api import Api
from dora_deployments.attribution.resolve import resolve
from dora_deployments.budget import Budget
from dora_deployments.delivery import deliver
from dora_deployments.errors import Skip

_FINAL: Final = ("success", "failure", "error")
_SECONDS: Final = 600.0  # so that no look-up is ever short of time


@dataclass(frozen=True, slots=True)
class Finish:
    """One of the ends of a deployment: a failure may be followed by a success.

    One that is `overtaking` ends before another that was begun earlier in its environment.
    """

    deployment: Deployment
    state: str
    at: int
    overtaking: bool = False

    @property
    def kind(self) -> str:
        """What it stands for."""
        return "overtaking" if self.overtaking else self.deployment.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What is reported of it: the body for DX, and what outputs tell besides."""

    body: Mapping[str, Any]
    previous_sha: str
    is_rollback: bool
    pulls: tuple[int, ...]
    attribution: str


def finishes(history: History, since: int, until: int) -> list[Finish]:
    """Return all that are to be reported: the first of each outcome, by lasting environments."""
    found = []
    succeeded_at: dict[str, int] = defaultdict(int)  # the last that was begun earlier
    for each in history.deployments:
        before = succeeded_at[each.environment]
        outcomes: set[bool] = set()
        for status in each.statuses:
            is_new = status.state in _FINAL and (status.state == "success") not in outcomes
            if is_new and not each.transient:
                outcomes.add(status.state == "success")
                if since <= status.at < until:
                    found.append(Finish(each, status.state, status.at, status.at < before))
                if status.state == "success":
                    succeeded_at[each.environment] = max(before, status.at)
    return found


def sample(all_finishes: Sequence[Finish], size: int, seed: int = 1) -> list[Finish]:
    """Return some of each kind, at least ten if there are so many, and more of the usual ones."""
    by_kind: dict[str, list[Finish]] = defaultdict(list)
    for each in all_finishes:
        by_kind[each.kind].append(each)
    chosen = random.Random(seed)
    found = [each for kind in by_kind.values() for each in chosen.sample(kind, min(len(kind), 10))]
    left = [each for each in all_finishes if each not in found]
    return [*found, *chosen.sample(left, max(0, min(len(left), size - len(found))))]


def reported(
    served: Served, environ: Mapping[str, str], wanted: Sequence[Finish]
) -> Iterator[tuple[Finish, Reported | str]]:
    """Yield what the live path reports of each finish and service, or why it reports nothing."""
    for finish in wanted:
        now = datetime.fromtimestamp(finish.at, timezone.utc) + timedelta(seconds=5)
        # A backfill cannot know the run that would have reported it, which is shown where a
        # deployment has no log.
        given = {
            **environ,
            "GITHUB_API_URL": served.then(finish.at),
            "GITHUB_REF": finish.deployment.full_ref or "",
            "GITHUB_RUN_ID": "",
        }
        run, inputs = Run.from_environ(given), Inputs.from_environ(given, now)
        payload = Payload(json.loads(json.dumps(written.event(finish.deployment, finish.at))))
        event = Event(name="deployment_status", payload=payload, run=run, inputs=inputs, now=now)
        api = Api(api_url=run.api_url, token=inputs.github_token, budget=Budget.of(_SECONDS))
        with GitHub(api) as look_ups:
            try:
                resolved = resolve(what_happened(event), inputs, run, look_ups, now)
            except Skip as skip:
                yield finish, skip.reason
                continue
        told = [each for each in backends.samples(inputs) if each.name == "DX"]
        shipped = resolved.shipped
        for one, carried in zip(resolved.deployments, resolved.services.value, strict=True):
            (delivery,) = deliver.prepare([one], told)
            (request,) = delivery.requests
            yield (
                finish,
                Reported(
                    body=json.loads(request.body),
                    previous_sha="" if shipped.previous is None else shipped.previous.value,
                    is_rollback=one.is_rollback,
                    pulls=tuple(each.number for each in carried.pulls),
                    attribution=one.attribution,
                ),
            )
