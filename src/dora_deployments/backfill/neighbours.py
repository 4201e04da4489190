"""Which deployments were known when one of them was made: the ones before it."""

from bisect import bisect_right, insort, insort_left
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from dora_deployments.actions import moments
from dora_deployments.actions.deployments import named_services, read_ends, run_ids
from dora_deployments.actions.event import DeploymentEvent
from dora_deployments.actions.payload import Payload
from dora_deployments.attribution import previous
from dora_deployments.attribution.answers import Mark
from dora_deployments.attribution.predecessor import MOST_PAGES
from dora_deployments.attribution.timeline import DeploymentRecord
from dora_deployments.backfill.past import Item, PastEvent

# As many as GitHub is asked for at a time, and in all, on the day.
PAGE: Final = 100
MOST_RECORDS: Final = MOST_PAGES * PAGE


class Neighbours:
    """The deployments of each environment, and the releases, in order of time."""

    def __init__(self) -> None:
        self._records: dict[str, list[DeploymentRecord]] = {}
        self._releases: list[tuple[datetime, Mark]] = []

    def add(self, environment: str, record: DeploymentRecord) -> None:
        """Add a deployment to an environment, by the name that GitHub knows.

        Of those that began at the same time the first to be added counts as the last.
        """
        insort_left(self._records.setdefault(environment, []), record, key=_began)

    def add_release(self, published_at: datetime, mark: Mark) -> None:
        """Add a release that is a deployment."""
        insort(self._releases, (published_at, mark), key=lambda each: each[0])

    def older(self, environment: str, moment: datetime) -> Iterator[DeploymentRecord]:
        """Yield what was begun before `moment`, the newest first."""
        known = self._records.get(environment, [])
        return (each for each in reversed(known) if each.created_at < moment)

    def since(self, environment: str, moment: datetime, task: str) -> Iterator[DeploymentRecord]:
        """Yield what of a task was begun at `moment` or later."""
        known = self._records.get(environment, [])
        return (each for each in known if each.created_at >= moment and each.task == task)

    def run_ids(self) -> Iterator[str]:
        """Yield the runs that deployed, again and again those that did so several times."""
        return (run for known in self._records.values() for each in known for run in each.run_ids)

    def page(
        self, environment: str, until: datetime, skip: int
    ) -> tuple[tuple[DeploymentRecord, ...], bool]:
        """Return a page of the newest deployments as they were then, and whether it is the last."""
        known = self._records.get(environment, [])
        end = bisect_right(known, until, key=_began) - skip
        start = max(0, end - PAGE)
        return tuple(_then(each, until) for each in reversed(known[start:end])), start == 0

    def release_before(
        self, tag: str, commit_sha: str, environment: str, until: datetime
    ) -> tuple[DeploymentRecord, ...]:
        """Return the release before that of `tag`, as it was then, as a deployment."""
        end = bisect_right(self._releases, until, key=lambda each: each[0])
        known = self._releases[max(0, end - PAGE) : end]
        mark = previous.mark(tag, commit_sha, [each for _, each in reversed(known)])
        return tuple(
            DeploymentRecord(
                id=f"release {each.tag}",
                environment=environment,
                commit_sha=each.commit_sha,
                task="deploy",
                created_at=published_at,
                succeeded_at=published_at,
            )
            for published_at, each in known
            if mark is not None and each == mark
        )


def of_deployment(item: Item) -> DeploymentRecord | None:
    """Return a deployment as the ones after it know it; None if it lacks what they need."""
    deployment = Payload(item["deployment"])
    sha, created_at = deployment.sha("sha"), moments.iso(deployment.get("created_at"))
    if sha is None or created_at is None:
        return None
    statuses = item["statuses"]
    ends = read_ends(
        (status["state"], moments.iso(status["created_at"]) or created_at)
        for status in reversed(statuses)
    )
    urls = (status[key] for status in statuses for key in ("log_url", "environment_url"))
    return DeploymentRecord(
        id=deployment.text("node_id") or str(deployment.id("id")),
        environment=item["deployment"]["environment"],
        commit_sha=sha,
        task=deployment.text("task") or "deploy",
        created_at=created_at,
        succeeded_at=ends.succeeded_at,
        gave_up_at=ends.gave_up_at,
        run_ids=run_ids(urls),
        creator=deployment.text("creator.login") or "",
        services=named_services(deployment.get("payload")),
    )


def of_event(
    deployment_event: DeploymentEvent, commit_sha: str, environment: str, past: PastEvent
) -> DeploymentRecord:
    """Return an event that deployed, as the ones after it know it."""
    return DeploymentRecord(
        id=deployment_event.identity,
        environment=environment,
        commit_sha=commit_sha,
        task=deployment_event.task,
        created_at=past.stands_at,
        succeeded_at=past.finished_at if deployment_event.success.value else None,
        run_ids=frozenset(each.run_id for each in deployment_event.runs),
    )


def _then(record: DeploymentRecord, moment: datetime) -> DeploymentRecord:
    """Return the deployment as it was known at that moment."""
    if record.succeeded_at is not None and record.succeeded_at > moment:
        return replace(record, succeeded_at=None)
    if record.gave_up_at is not None and record.gave_up_at > moment:
        return replace(record, gave_up_at=None)
    return record


def _began(record: DeploymentRecord) -> datetime:
    return record.created_at
