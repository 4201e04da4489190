"""The range between two commits, read in pages side by side."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from dora_deployments.actions import moments
from dora_deployments.actions.payload import Payload
from dora_deployments.attribution.answers import LARGEST_RANGE, Commit, Comparison, Relation
from dora_deployments.attribution.github.api import Api, get
from dora_deployments.attribution.look_ups import LookUpError

if TYPE_CHECKING:
    from dora_deployments.attribution.github.client import Client

_NEEDS: Final = "contents: read"
_PAGE: Final = 100
_RELATIONS: Final = ("identical", "ahead", "behind", "diverged")


def comparison(api: Api, repository: str, base: str, head: str) -> Comparison:
    """Return what `head`, a full SHA, has that `base` has not.

    The first page tells how many more there are. Raises `LookUpError` where the pages do
    not hold what they say.
    """

    def page(number: int, client: "Client") -> Payload:
        path = f"/repos/{repository}/compare/{base}...{head}"
        return Payload(get(client, path, per_page=_PAGE, page=number))

    first = api.ask(_NEEDS, partial(page, 1))
    relation, total = first.text("status"), _count(first.get("total_commits"))
    full_base, merge_base = first.sha("base_commit.sha"), first.sha("merge_base_commit.sha")
    if relation not in _RELATIONS or total is None or not full_base or not merge_base:
        raise LookUpError("GitHub's comparison of two commits could not be read")
    commits: dict[str, Commit] = {}
    if total <= LARGEST_RANGE:
        numbers = range(2, -(-total // _PAGE) + 1)
        others = api.ask_all(_NEEDS, [partial(page, number) for number in numbers])
        for answer in (first, *others):
            if isinstance(answer, LookUpError):
                raise answer
            commits.update((commit.sha, commit) for commit in _commits(answer.get("commits")))
        if len(commits) != total:
            raise LookUpError(f"GitHub listed {len(commits)} of {total} commits only")
    ends = _commits([first.get("base_commit"), first.get("merge_base_commit")])
    known = {**commits, **{commit.sha: commit for commit in ends}}
    return Comparison(
        relation=cast("Relation", relation),
        base=full_base,
        merge_base=merge_base,
        total=total,
        commits=tuple(commits.values()),
        committed_at=known[head].committed_at if head in known else None,
    )


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and 0 <= value < 10**9 else None


def _commits(found: object) -> Iterator[Commit]:
    for item in map(Payload, found if isinstance(found, list) else ()):
        parents = item.get("parents")
        if sha := item.sha("sha"):
            yield Commit(
                sha=sha,
                is_merge=isinstance(parents, list) and len(parents) > 1,
                committed_at=moments.iso(item.get("commit.committer.date")),
            )
