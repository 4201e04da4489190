"""The files to hand over: a CSV file in DX's fields, and a line of JSON for each deployment."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from dora_deployments.actions import moments
from dora_deployments.attribution.resolve import Resolved
from dora_deployments.attribution.services import ServiceChanges
from dora_deployments.backfill.metrics import Record
from dora_deployments.deployment import Deployment

# The arguments of `deployments.create`, in the order of DX's page: its section "Backfilling
# historical deployments" asks for a CSV file with these fields.
COLUMNS: Final = (
    "reference_id",
    "deployed_at",
    "service",
    "environment",
    "repository",
    "commit_sha",
    "merge_commit_shas",
    "integration_branch",
    "source_url",
    "source_name",
    "metadata",
    "success",
)


def header() -> str:
    """Return the first line of the CSV file."""
    return _row(COLUMNS)


def row(body: Mapping[str, object]) -> str:
    """Return the line of one deployment, given the arguments of `deployments.create`.

    Text stands as it is; arrays, objects and booleans are JSON; what is absent is empty.
    """
    return _row(_cell(body.get(column)) for column in COLUMNS)


def line(
    deployment: Deployment,
    carried: ServiceChanges,
    resolved: Resolved,
    first_commit_at: datetime | None,
) -> str:
    """Return one deployment as a line of JSON, with the pull requests that it carries.

    `first_commit_at` is that of the pull request whose merge it is, if it is one.
    """
    shipped = resolved.shipped
    previous = shipped.previous
    pulls = [
        {
            "number": pull.number,
            "merge_commit_sha": pull.merge_commit_sha,
            "merged_at": _iso(pull.merged_at),
            "first_commit_at": _iso(pull.first_commit_at or first_commit_at),
        }
        for pull in carried.pulls
    ]
    fields = {
        "id": deployment.id,
        "repository": deployment.repository,
        "environment": deployment.environment,
        "service": deployment.service.identifier,
        "service_name": deployment.service.name,
        "team": deployment.team,
        "version": deployment.version,
        "commit_sha": deployment.commit_sha,
        "previous_sha": previous.value if previous is not None else None,
        "started_at": _iso(deployment.started_at),
        "finished_at": _iso(deployment.finished_at),
        "success": deployment.success,
        "rollback": deployment.is_rollback,
        "attribution": deployment.attribution,
        "merge_commit_shas": list(deployment.merge_commit_shas),
        "pull_requests": pulls,
        "commits": shipped.range.commits if shipped.range is not None else None,
        "source_url": deployment.source_url,
    }
    return json.dumps(fields) + "\n"


def records(lines: Iterable[str]) -> Iterator[Record]:
    """Yield what the metrics are made of, from the lines of JSON.

    Raises `ValueError` for what is no such line.
    """
    for text in lines:
        fields: dict[str, Any] = json.loads(text)
        finished_at = moments.iso(fields["finished_at"])
        if finished_at is None:
            raise ValueError("a deployment has no time")
        yield Record(
            environment=fields["environment"],
            service=fields["service"],
            finished_at=finished_at,
            success=fields["success"],
            merged_at=_moments(fields["pull_requests"], "merged_at"),
            first_commit_at=_moments(fields["pull_requests"], "first_commit_at"),
        )


def _moments(pulls: Iterable[Mapping[str, object]], key: str) -> tuple[datetime, ...]:
    known = (moments.iso(pull[key]) for pull in pulls)
    return tuple(moment for moment in known if moment is not None)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _row(cells: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
