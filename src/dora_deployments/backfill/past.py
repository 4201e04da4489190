"""What GitHub remembers, as the events that it sent when it happened.

The objects of GitHub's API are those of its webhooks, so past events go the way of
every event, and means the same.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from dora_deployments.actions import moments
from dora_deployments.actions.payload import Payload

if TYPE_CHECKING:
    from dora_deployments.attribution.github.history import GitHubHistory

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PastEvent:
    """A past event. By `stands_at` its place among its neighbours is known.

    `ref` is what GITHUB_REF was, as far as it matters.
    """

    name: str
    payload: Payload
    stands_at: datetime
    finished_at: datetime
    ref: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A list of GitHub's that shows deployments.

    `items` reads them, given since when. They come in the order of `begun`, the newest first,
    if that is known. `events` are those that an item was told by, given the repository as
    payloads have it. `noun` is what people call the items.
    """

    name: str
    noun: str
    items: "Callable[[GitHubHistory, datetime], Iterator[Item]]"
    events: Callable[[Item, Item], Iterator[PastEvent]]
    begun: Callable[[Item], object] | None = None


def named(name: str) -> Source:
    """Return the source of that name, as the input `backfill-source` has it."""
    kind, _, workflow = name.partition(":")
    if kind == "workflow-runs":
        return Source(
            name=name,
            noun="workflow runs",
            items=lambda history, _: history.runs(workflow),
            events=of_run,
            begun=lambda item: item["created_at"],
        )
    return _SOURCES[name]


def of_deployment(item: Item, repository: Item) -> Iterator[PastEvent]:
    """Yield how a deployment ended: the first time that it did well, and that it failed."""
    created_at = moments.iso(item["deployment"]["created_at"])
    told: set[bool] = set()
    for status in item["statuses"]:
        finished_at = moments.iso(status["created_at"])
        good = status["state"] == "success"
        if not (good or status["state"] in {"failure", "error"}) or good in told:
            continue
        if created_at is None or finished_at is None:
            continue
        told.add(good)
        yield PastEvent(
            name="deployment_status",
            payload=Payload(
                {
                    "action": "created",
                    "deployment": item["deployment"],
                    "deployment_status": status,
                    "repository": repository,
                }
            ),
            stands_at=created_at,
            finished_at=finished_at,
            ref=f"refs/tags/{item['deployment']['ref']}" if item.get("is_tag") else None,
        )


def of_release(item: Item, repository: Item) -> Iterator[PastEvent]:
    """Yield the publishing of a release, if it was published."""
    published_at = moments.iso(item["release"]["published_at"])
    if published_at is not None:
        yield PastEvent(
            name="release",
            payload=Payload(
                {"action": "published", "release": item["release"], "repository": repository}
            ),
            stands_at=published_at,
            finished_at=published_at,
        )


def of_run(item: Item, repository: Item) -> Iterator[PastEvent]:
    """Yield the end of a workflow run, if it has ended."""
    finished_at = moments.iso(item["updated_at"])
    if item["status"] == "completed" and finished_at is not None:
        yield PastEvent(
            name="workflow_run",
            payload=Payload(
                {"action": "completed", "workflow_run": item, "repository": repository}
            ),
            stands_at=finished_at,
            finished_at=finished_at,
        )


def of_pull(item: Item, repository: Item) -> Iterator[PastEvent]:
    """Yield the merge of a pull request, if it is known by which commit."""
    merged_at = moments.iso(item["merged_at"])
    if merged_at is not None and item["merge_commit_sha"] is not None:
        pull = {
            "id": item["id"],
            "number": item["number"],
            "merged": True,
            "merged_at": item["merged_at"],
            "merge_commit_sha": item["merge_commit_sha"],
            "first_commit_at": item["first_commit_at"],  # which no event tells
            "base": {"ref": item["base"], "repo": repository},
        }
        yield PastEvent(
            name="pull_request",
            payload=Payload({"action": "closed", "pull_request": pull, "repository": repository}),
            stands_at=merged_at,
            finished_at=merged_at,
        )


_SOURCES: Final = {
    source.name: source
    for source in (
        Source(
            name="deployments",
            noun="GitHub deployments",
            items=lambda history, _: history.deployments(),
            events=of_deployment,
            begun=lambda item: item["deployment"]["created_at"],
        ),
        Source(
            name="releases",
            noun="releases",
            items=lambda history, _: history.releases(),
            events=of_release,
        ),
        Source(
            name="pull-requests",
            noun="merged pull requests",
            items=lambda history, since: history.merged_pulls(since),
            events=of_pull,
        ),
    )
}
# In the order of trying, where none is named: a workflow cannot be guessed.
AUTO: Final = ("deployments", "releases", "pull-requests")
