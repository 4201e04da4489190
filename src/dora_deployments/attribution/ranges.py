"""The commits between two deployed ones, and the pull requests by which they landed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from dora_deployments.attribution.answers import LARGEST_RANGE, Commit, Landings, Relation
from dora_deployments.attribution.look_ups import LookUps
from dora_deployments.deployment import PullRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What `head` has that `base` has not: reachable from the one and not from the other.

    `landed` are the pull requests whose merge commits are in the range, the first merged
    first; `direct` the commits of no such pull request that merge nothing. `missing` says
    what of these could not be found out, and why; without it, they are exact. `is_read` says
    that the pull requests of all commits were looked up, even if not all could be placed.
    `commit_times` has all commits and when they were committed, unless there are too many.
    `merges` are the commits that merge others. `files` are as in `Comparison`.
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
    is_read: bool = True
    commit_times: Mapping[str, datetime | None] = field(default_factory=dict, compare=False)
    merges: frozenset[str] = field(default=frozenset(), compare=False)
    files: frozenset[str] | None = None


def between(look_ups: LookUps, repository: str, base: str, head: str) -> Range:
    """Return the range, or raise `LookUpError` if nothing of it can be found out."""
    if base == head:
        return Range(base=base, head=head, relation="identical", merge_base=base, commits=0)
    found = look_ups.comparison(repository, base, head)
    landings = Landings(by_commit={})
    missing: str | None = None
    if found.total > LARGEST_RANGE:
        missing = f"the range has {found.total} commits, and no more than {LARGEST_RANGE} are read"
    elif found.commits:
        landings = look_ups.landings(repository, [commit.sha for commit in found.commits])
        if landings.problem is not None:
            unknown = len(found.commits) - len(landings.by_commit)
            missing = (
                f"the pull requests of {unknown} of {len(found.commits)} commits could not be"
                f" looked up: {landings.problem}"
            )
    landed = landed_pulls(found.commits, landings)
    is_read = missing is None
    if unplaced := _unplaced(landings):
        # Nobody can tell whether they are among what is shipped.
        missing = f"{missing}; and {unplaced}" if missing else unplaced
    return Range(
        base=found.base,
        head=head,
        relation=found.relation,
        merge_base=found.merge_base,
        commits=found.total,
        landed=landed,
        direct=direct_commits(found.commits, landings, landed),
        committed_at=found.committed_at,
        missing=missing,
        is_read=is_read,
        commit_times={commit.sha: commit.committed_at for commit in found.commits},
        merges=frozenset(commit.sha for commit in found.commits if commit.is_merge),
        files=found.files,
    )


def landed_pulls(commits: Sequence[Commit], landings: Landings) -> tuple[PullRequest, ...]:
    """Return the pull requests whose merge commits are among `commits`, each once."""
    order = {commit.sha: index for index, commit in enumerate(commits)}
    pulls = {
        pull.number: pull
        for known in landings.by_commit.values()
        for pull in known
        if pull.merge_commit_sha in order
    }
    return tuple(sorted(pulls.values(), key=lambda pull: order[pull.merge_commit_sha]))


def _unplaced(landings: Landings) -> str:
    """Return words about the pull requests whose merge commits GitHub does not name, if any."""
    known = (pull for pulls in landings.by_commit.values() for pull in pulls)
    numbers = sorted({pull.number for pull in known if not pull.merge_commit_sha})
    if not numbers:
        return ""
    named = ", ".join(f"#{number}" for number in numbers)
    plural = "s" * (len(numbers) > 1)
    return (
        f"GitHub does not name the merge commit{plural} of the merged pull request{plural} {named}"
        " (list the merge commits of what is shipped in `merge-commit-shas`)"
    )


def direct_commits(
    commits: Sequence[Commit], landings: Landings, landed: Iterable[PullRequest]
) -> tuple[str, ...]:
    """Return the commits that came by none of the pull requests `landed`, merges aside."""
    numbers = {pull.number for pull in landed}
    return tuple(
        commit.sha
        for commit in commits
        if not commit.is_merge
        and not any(pull.number in numbers for pull in landings.by_commit.get(commit.sha, ()))
    )
