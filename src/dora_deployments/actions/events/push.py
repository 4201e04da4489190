"""A push of a branch or of a tag."""

from dataclasses import replace

from dora_deployments.actions.event import (
    Event,
    Happening,
    Unresolved,
    missing,
    name_of,
    unreadable,
)
from dora_deployments.actions.text import shown
from dora_deployments.deployment import Fact
from dora_deployments.errors import Skip


def read(event: Event) -> Happening:
    """Return what was deployed, if the push did not delete anything.

    For an annotated tag `after` is the tag object, and the commit is `head_commit`.
    """
    payload = event.payload
    source = "ref" if payload.text("ref") else "GITHUB_REF"
    ref = payload.text("ref") or event.run.ref or ""
    after = payload.get("after")
    if payload.flag("deleted") or (isinstance(after, str) and after and not after.strip("0")):
        raise Skip("ref-deleted", f"the push deleted {shown(ref)}")
    started = event.moment("repository.pushed_at")
    if branch := name_of(ref, "refs/heads/"):
        return replace(
            event.happening(event.sha("after") or event.github_sha("after"), None),
            branch=Fact(value=branch, source=source),
            started_at=started,
            # After a forced push, what was there before may be on no branch any more.
            before=None if payload.flag("forced") else event.sha("before"),
        )
    if tag := name_of(ref, "refs/tags/"):
        return replace(
            event.happening(_tag_commit(event, tag), None),
            version=Fact(value=tag, source=f"{source}, a tag"),
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
    if sha := event.payload.sha("head_commit.id"):
        after = event.payload.sha("after")
        note = f"; after was {after[:7]}, the tag object" if after and after != sha else ""
        return Fact(value=sha, source=f"head_commit.id, the commit that {tag} names{note}")
    commit = event.github_sha("head_commit.id")
    return Unresolved(
        why=missing("head_commit.id", "a commit SHA"),
        tag=None if event.payload.sha("after") else tag,
        tag_object=event.payload.sha("after"),
        fallback=commit if isinstance(commit, Fact) else None,
    )
