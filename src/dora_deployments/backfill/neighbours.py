"""Which deployments were known when one of them was made: the ones before it."""

from bisect import bisect_left, bisect_right, insort, insort_left
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from dora_deployments.actions import moments
from dora_deployments.actions.event import Happening
from dora_deployments.actions.payload import Payload
from dora_deployments.actions.run import RUN_URL
from dora_deployments.attribution import previous
from dora_deployments.attribution.answers import Mark, PastDeployment
from dora_deployments.backfill.past import Item, PastEvent

# As many as GitHub is asked for on the day.
_MOST: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A deployment, and when it succeeded, if it ever did."""

    deployment: PastDeployment
    succeeded_at: datetime | None

    def then(self, moment: datetime) -> PastDeployment:
        """Return the deployment as it was known at that moment."""
        if self.succeeded_at is None or self.succeeded_at <= moment:
            return self.deployment
        return replace(self.deployment, succeeded=False)


class Neighbours:
    """The deployments of each environment, and the releases, in order of time."""

    def __init__(self) -> None:
        self._deployments: dict[str, list[Neighbour]] = {}
        self._releases: list[tuple[datetime, Mark]] = []

    def add(self, environment: str, neighbour: "Neighbour") -> None:
        """Add a deployment to an environment, by the name that GitHub knows.

        Of those that began at the same time the first to be added counts as the last.
        """
        insort_left(self._deployments.setdefault(environment, []), neighbour, key=_began)

    def add_release(self, published_at: datetime, mark: Mark) -> None:
        """Add a release that is a deployment."""
        insort(self._releases, (published_at, mark), key=lambda each: each[0])

    def before(self, environment: str, task: str, moment: datetime) -> PastDeployment | None:
        """Return the last deployment that had succeeded before `moment`, if there is one."""
        known = self._deployments.get(environment, [])
        end = bisect_left(known, moment, key=_began)
        older = (known[place].then(moment) for place in range(end - 1, -1, -1))
        return next((each for each in older if each.succeeded and each.task == task), None)

    def deployments(self, environment: str, until: datetime) -> tuple[PastDeployment, ...]:
        """Return the newest deployments of an environment that were begun, as they were then."""
        known = self._deployments.get(environment, [])
        end = bisect_right(known, until, key=_began)
        return tuple(each.then(until) for each in reversed(known[max(0, end - _MOST) : end]))

    def release_before(
        self, tag: str, commit_sha: str, until: datetime
    ) -> tuple[PastDeployment, ...]:
        """Return the release before that of `tag`, as it was then, as a deployment."""
        end = bisect_right(self._releases, until, key=lambda each: each[0])
        known = self._releases[max(0, end - _MOST) : end]
        mark = previous.mark(tag, commit_sha, [each for _, each in reversed(known)])
        return tuple(
            PastDeployment(
                id=f"release {each.tag}",
                commit_sha=each.commit_sha,
                task="deploy",
                created_at=published_at,
                succeeded=True,
            )
            for published_at, each in known
            if mark is not None and each == mark
        )


def of_deployment(item: Item) -> Neighbour | None:
    """Return a deployment as the ones after it know it; None if it lacks what they need."""
    deployment = Payload(item["deployment"])
    sha, created_at = deployment.sha("sha"), moments.iso(deployment.get("created_at"))
    if sha is None or created_at is None:
        return None
    statuses = item["statuses"]
    good = [status["created_at"] for status in statuses if status["state"] == "success"]
    urls = (status[key] for status in statuses for key in ("log_url", "environment_url"))
    return Neighbour(
        deployment=PastDeployment(
            id=deployment.text("node_id") or str(deployment.id("id")),
            commit_sha=sha,
            task=deployment.text("task") or "deploy",
            created_at=created_at,
            succeeded=bool(good),
            urls=_runs(url for url in urls if url),
        ),
        succeeded_at=moments.iso(good[0]) if good else None,
    )


def of_event(happening: Happening, commit_sha: str, past: PastEvent) -> Neighbour:
    """Return an event that deployed, as the ones after it know it."""
    return Neighbour(
        deployment=PastDeployment(
            id=happening.identity,
            commit_sha=commit_sha,
            task=happening.task,
            created_at=past.stands_at,
            succeeded=happening.success.value,
            urls=tuple(f"/actions/runs/{run_id}" for run_id in sorted(happening.run_ids)),
        ),
        succeeded_at=past.finished_at,
    )


def _runs(urls: Iterable[str]) -> tuple[str, ...]:
    """Return by what the addresses name a workflow run, and no more, since there are many."""
    return tuple(sorted({found[0] for url in urls if (found := RUN_URL.search(url))}))


def _began(neighbour: Neighbour) -> datetime:
    return neighbour.deployment.created_at
