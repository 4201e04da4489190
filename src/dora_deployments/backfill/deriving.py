"""From what GitHub remembers to the deployments that the live path would have reported."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dora_deployments.actions import moments
from dora_deployments.actions.inputs import Inputs
from dora_deployments.attribution import changes
from dora_deployments.attribution.resolve import Resolved, resolve
from dora_deployments.backends import Backend
from dora_deployments.backfill import csv_file
from dora_deployments.backfill.day import Day
from dora_deployments.backfill.gathering import Gathered
from dora_deployments.backfill.past import PastEvent
from dora_deployments.deployment import Deployment
from dora_deployments.errors import EventError, InputError, Skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """One deployment of one service: its line of JSON, and what each backend is sent about it.

    `row` is its line of the CSV file, None if DX does not take it.
    """

    deployment: Deployment
    line: str
    row: str | None
    doubts: tuple[str, ...]


def derived(known: Gathered, in_dx: Backend) -> Iterator[Derived]:
    """Yield the deployments of the period, in order of time.

    Those that cannot be reported are counted among those that were found and left out. `in_dx`
    is DX, from whose request the CSV file is made. Raises `UnavailableError` if GitHub cannot be
    asked for what is still missing.
    """
    found, terms = known.found, known.found.terms
    for _, number, which in found.events:
        past = found.past(number, which)
        day = Day(
            archive=known.archive,
            commits=known.commits,
            found=found,
            past_event=past,
            workflows_of_runs=known.workflows,
            pulls_since=known.pulls_since,
        )
        try:
            deployment_event, _ = terms.deployment_event(past, day)
            resolved = resolve(
                deployment_event,
                terms.inputs,
                terms.run,
                day,
                past.finished_at,
                config=terms.config,
            )
            yield from _each(resolved, past, in_dx, _doubts(resolved, terms.inputs))
        except (Skip, EventError, InputError) as left:
            found.leave_out(past.finished_at, left)


def _doubts(resolved: Resolved, inputs: Inputs) -> tuple[str, ...]:
    """Return the warnings of the day, but for those about inputs, which would come for each."""
    decided = {fact.value for fact in resolved.attributions}
    unsent = changes.unsent(inputs, resolved.shipped, decided, success=resolved.success.value)
    return tuple(warning for warning in resolved.warnings if warning not in unsent)


def _each(
    resolved: Resolved, past: PastEvent, in_dx: Backend, doubts: tuple[str, ...]
) -> list[Derived]:
    first_commit_at = moments.iso(past.payload.get("pull_request.first_commit_at"))
    return [
        Derived(
            deployment=deployment,
            line=csv_file.line(deployment, carried, resolved, first_commit_at),
            row=_row(deployment, in_dx),
            doubts=doubts,
        )
        for deployment, carried in zip(resolved.deployments, resolved.services.value, strict=True)
    ]


def _row(deployment: Deployment, in_dx: Backend) -> str | None:
    if in_dx.unsupported(deployment):
        return None
    try:
        (create,) = in_dx.requests(deployment)
    except InputError:  # which does not matter where DX is not told
        return None
    return csv_file.row(json.loads(create.body))


class Spacing:
    """Keeps the deployments of a service so far apart as a backend asks for, by their finish."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], datetime] = {}

    def spaced(self, deployment: Deployment, backend: Backend) -> Deployment:
        """Return `deployment`, put off if another one of its service is too close before it."""
        apart = timedelta(seconds=backend.limits.min_spacing_seconds)
        if not apart:
            return deployment
        key = (backend.name, deployment.service.identifier)
        finished_at = deployment.finished_at
        if key in self._last:
            finished_at = max(finished_at, moments.whole_seconds(self._last[key]) + apart)
        self._last[key] = finished_at
        return replace(deployment, finished_at=finished_at)
