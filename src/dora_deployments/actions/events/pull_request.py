"""A merged pull request, in `pull_request` and `pull_request_target`."""

from dataclasses import replace
from typing import Final

from dora_deployments.actions.event import (
    DEPENDABOT,
    DeploymentEvent,
    Event,
    Places,
    Unresolved,
    missing,
    unreadable,
)
from dora_deployments.actions.text import shown
from dora_deployments.deployment import Fact
from dora_deployments.errors import Skip

PLACES: Final = Places(
    what="a merged pull request",
    state="action",
    final=("closed",),
    commit=("pull_request.merge_commit_sha",),
    identity=("pull_request.id",),
    branch=("pull_request.base.ref",),
    started_at=("pull_request.merged_at",),
)


def read(event: Event) -> DeploymentEvent:
    """Return what was deployed, if the pull request was merged.

    A pull request closed unmerged has a `merge_commit_sha` as well, that of GitHub's test
    merge, so `merged` alone decides, unless the payload is from before the closing.
    """
    payload = event.payload
    action = event.required(PLACES.state).value
    if action not in PLACES.final:
        raise Skip(
            "not-a-merge-event",
            f"the pull request was {shown(action)}, and only one that is closed can be merged",
            "run this step on `types: [closed]`",
        )
    merged = payload.flag("pull_request.merged")
    if merged is None:
        raise unreadable("pull_request.merged", "true or false")
    contradiction = None if merged else _contradiction(event)
    if not merged and contradiction is None:
        raise Skip("pull-request-not-merged", "the pull request was closed without being merged")
    number = event.id("pull_request.number", "number")
    (path,) = PLACES.commit
    sha = payload.sha(path)
    commit: Fact[str] | Unresolved
    if contradiction is not None:
        commit = Unresolved(why=contradiction, pull_request=number, is_merge_uncertain=True)
    elif sha is None:
        commit = Unresolved(why=missing(path, "a commit SHA"), pull_request=number)
    else:
        commit = event.commit(sha, f"{path}, since the pull request was merged")
    base = event.required(*PLACES.branch)
    pull_id = event.id(*PLACES.identity)
    deployment_event = event.deployment_event(
        commit, f"pull-request:{pull_id}" if pull_id else None
    )
    return replace(
        deployment_event,
        branch=base,
        started_at=event.moment(*PLACES.started_at),
        pull_id=pull_id,
        pull_number=number,
        pull_title=payload.text("pull_request.title") or "",
        from_fork=deployment_event.from_fork
        or (event.name == "pull_request" and _is_without_secrets(event)),
    )


def _contradiction(event: Event) -> str | None:
    """Return how the payload contradicts that the pull request was closed without being merged."""
    if event.payload.text("pull_request.state") == "open":
        return "the payload says that the pull request was closed, and also that it is still open"
    if event.payload.text("pull_request.merged_at"):
        return "the payload says that the pull request was not merged, and also when it was merged"
    return None


def _is_without_secrets(event: Event) -> bool:
    """Return whether GitHub ran this without secrets, as for forks and Dependabot.

    A deleted fork leaves `head.repo` null, so null is a fork too.
    """
    head, base = "pull_request.head.repo", "pull_request.base.repo"
    head_name = event.payload.slug(f"{head}.full_name")
    base_name = event.payload.slug(f"{base}.full_name") or event.payload.slug(
        "repository.full_name"
    )
    if head_name is None or head_name != base_name:
        return True
    return event.payload.text("pull_request.user.login") == DEPENDABOT
