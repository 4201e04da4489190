"""A published release."""

from dataclasses import replace

from dora_deployments.actions.event import (
    Event,
    Happening,
    Unresolved,
)
from dora_deployments.actions.text import has_controls, shown
from dora_deployments.deployment import Fact
from dora_deployments.errors import EventError, Skip


def read(event: Event) -> Happening:
    """Return what was deployed, if the release is published.

    The commit is that of the tag; `target_commitish` is often no more than a branch.
    """
    payload = event.payload
    action = event.required("action")
    if action not in {"published", "released", "prereleased"}:
        raise Skip(
            "event-not-a-deployment",
            f"the release was {shown(action)}; only a published one is a deployment",
        )
    if payload.flag("release.draft"):
        raise Skip("event-not-a-deployment", "the release is still a draft")
    prerelease = payload.flag("release.prerelease") or action == "prereleased"
    if prerelease and event.inputs.environment is None:
        raise Skip(
            "prerelease",
            "the release is a prerelease; set `environment` to report those as well",
        )
    tag = event.required("release.tag_name")
    if has_controls(tag):
        raise EventError("release.tag_name has a control character; rename the tag")
    commit: Fact[str] | Unresolved
    if event.run.sha and event.run.ref == f"refs/tags/{tag}":
        commit = Fact(value=event.run.sha, source=f"GITHUB_SHA, since GITHUB_REF is the tag {tag}")
    else:
        commit = Unresolved(why=f"GITHUB_REF is not the release's tag {shown(tag)}", tag=tag)
    release_id = payload.id("release.id")
    return replace(
        event.happening(commit, f"release:{release_id}" if release_id else None),
        version=Fact(value=tag, source="release.tag_name"),
        started_at=event.moment("release.published_at"),
        marks="releases",
    )
