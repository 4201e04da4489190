"""A push of a branch or of a tag."""

from dataclasses import replace
from typing import Final

from dora_deployments.actions.event import (
    DeploymentEvent,
    Event,
    Places,
    Unresolved,
    missing,
    name_of,
    unreadable,
)
from dora_deployments.actions.text import shown
from dora_deployments.deployment import Fact
from dora_deployments.errors import Skip

_REF: Final = ("ref",)
_STARTED_AT: Final = ("repository.pushed_at",)

BRANCH: Final = Places(
    what="a pushed branch", commit=("after",), branch=_REF, started_at=_STARTED_AT
)
TAG: Final = Places(
    what="a pushed tag", commit=("head_commit.id",), version=_REF, started_at=_STARTED_AT
)


def read(event: Event) -> DeploymentEvent:
    """Return what was deployed, if the push did not delete anything.

    For an annotated tag `after` is the tag object, and the commit is `head_commit`.
    """
    payload = event.payload
    told = event.text(*_REF) or Fact(value=event.run.ref or "", source="GITHUB_REF")
    ref = told.value
    after = payload.get("after")
    if payload.flag("deleted") or (isinstance(after, str) and after and not after.strip("0")):
        raise Skip("ref-deleted", f"the push deleted {shown(ref)}")
    started = event.moment(*_STARTED_AT)
    if branch := name_of(ref, "refs/heads/"):
        return replace(
            event.deployment_event(
                event.sha(*BRANCH.commit) or event.github_sha(*BRANCH.commit), None
            ),
            branch=replace(told, value=branch),
            started_at=started,
            # After a forced push, what was there before may be on no branch any more.
            before=None if payload.flag("forced") else event.sha("before"),
        )
    if tag := name_of(ref, "refs/tags/"):
        return replace(
            event.deployment_event(_tag_commit(event, tag), None),
            version=Fact(value=tag, source=f"{told.source}, a tag"),
            started_at=started,
            marks="tags",
        )
    if not ref:
        raise unreadable("ref", "a branch or tag")
    raise Skip(
        "event-not-a-deployment", f"the push was to {shown(ref)}, which is no branch and no tag"
    )


def _tag_commit(event: Event, tag: str) -> Fact[str] | Unresolved:
    """Return the commit of a pushed tag: for an annotated one, `after` is the tag object."""
    (path,) = TAG.commit
    after = event.payload.sha("after")
    if sha := event.payload.sha(path):
        note = f"; after was {after[:7]}, the tag object" if after and after != sha else ""
        return Fact(value=sha, source=f"{path}, the commit that {tag} names{note}")
    commit = event.github_sha(path)
    return Unresolved(
        why=missing(path, "a commit SHA"),
        tag=None if after else tag,
        tag_object=after,
        # What is the same as `after` may be the tag object.
        fallback=commit if isinstance(commit, Fact) and commit.value != after else None,
    )
