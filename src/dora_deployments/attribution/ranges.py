"""The commits between two deployed ones, and the pull requests by which they landed."""

from dataclasses import dataclass
from datetime import datetime

from dora_deployments.attribution.look_ups import LARGEST_RANGE, LookUps, Relation
from dora_deployments.deployment import PullRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What `head` has that `base` has not: reachable from the one and not from the other.

    `landed` are the pull requests whose merge commits are in the range, the first merged
    first; `direct` the commits of no such pull request that merge nothing. `missing` says
    what of these could not be found out, and why; without it, they are exact.
    """

    base: str
    head: str
    relation: Relation
    merge_base: str
    commits: int
    landed: tuple[PullRequest, ...] = ()
    direct: tuple[str, ...] = ()
    committed_at: datetime | None = None
    missing: str | None = None


def between(look_ups: LookUps, repository: str, base: str, head: str) -> Range:
    """Return the range, or raise `LookUpError` if nothing of it can be found out."""
    if base == head:
        return Range(base=base, head=head, relation="identical", merge_base=base, commits=0)
    found = look_ups.comparison(repository, base, head)
    landed: tuple[PullRequest, ...] = ()
    direct: tuple[str, ...] = ()
    missing: str | None = None
    if found.total > LARGEST_RANGE:
        missing = f"the range has {found.total} commits, and no more than {LARGEST_RANGE} are read"
    elif found.commits:
        shas = [commit.sha for commit in found.commits]
        landings = look_ups.landings(repository, shas)
        in_range = frozenset(shas)
        pulls = {
            pull.number: pull
            for known in landings.by_commit.values()
            for pull in known
            if pull.merge_commit_sha in in_range
        }
        order = {sha: index for index, sha in enumerate(shas)}
        landed = tuple(sorted(pulls.values(), key=lambda pull: order[pull.merge_commit_sha]))
        direct = tuple(
            commit.sha
            for commit in found.commits
            if not commit.is_merge
            and not any(pull.number in pulls for pull in landings.by_commit.get(commit.sha, ()))
        )
        if landings.problem is not None:
            unknown = len(shas) - len(landings.by_commit)
            missing = (
                f"the pull requests of {unknown} of {len(shas)} commits could not be looked up:"
                f" {landings.problem}"
            )
    return Range(
        base=found.base,
        head=head,
        relation=found.relation,
        merge_base=found.merge_base,
        commits=found.total,
        landed=landed,
        direct=direct,
        committed_at=found.committed_at,
        missing=missing,
    )
