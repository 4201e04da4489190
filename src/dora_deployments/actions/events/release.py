"""A published release."""

from dataclasses import replace
from typing import Final

from dora_deployments.actions.event import DeploymentEvent, Event, Places, Unresolved
from dora_deployments.actions.text import has_controls, shown
from dora_deployments.deployment import Fact
from dora_deployments.errors import EventError, Skip

PLACES: Final = Places(
    what="a published release",
    state="action",
    final=("published", "released", "prereleased"),
    commit=(),  # none in the payload can be trusted
    identity=("release.id",),
    version=("release.tag_name",),
    started_at=("release.published_at",),
)


def read(event: Event) -> DeploymentEvent:
    """Return what was deployed, if the release is published.

    The commit is that of the tag; `target_commitish` is often no more than a branch.
    """
    payload = event.payload
    action = event.required(PLACES.state).value
    if action not in PLACES.final:
        raise Skip(
            "event-not-a-deployment",
            f"the release was {shown(action)}",
            "only a published one is a deployment",
        )
    if payload.flag("release.draft"):
        raise Skip("event-not-a-deployment", "the release is still a draft")
    prerelease = payload.flag("release.prerelease") or action == "prereleased"
    if prerelease and event.inputs.environment is None:
        raise Skip(
            "prerelease",
            "the release is a prerelease",
            "set `environment` to report those as well",
        )
    version = event.required(*PLACES.version)
    tag = version.value
    if has_controls(tag):
        raise EventError(f"{version.source} has a control character; rename the tag")
    commit: Fact[str] | Unresolved
    if event.run.ref != f"refs/tags/{tag}":
        commit = Unresolved(why=f"GITHUB_REF is not the release's tag {shown(tag)}", tag=tag)
    elif event.run.sha is None:
        commit = Unresolved(why="GITHUB_SHA is not set", tag=tag)
    else:
        commit = Fact(value=event.run.sha, source=f"GITHUB_SHA, since GITHUB_REF is the tag {tag}")
    release_id = event.id(*PLACES.identity)
    return replace(
        event.deployment_event(commit, f"release:{release_id}" if release_id else None),
        version=version,
        started_at=event.moment(*PLACES.started_at),
        marks="releases",
    )
