"""The pull requests behind one that was merged as a copy: by squash or by rebase.

What was merged into a branch is not in the history of another branch that has copies of its commits
alone. Such a promotion, or the last merge of a stack, ships it all the same, unless it was shipped
before: by an earlier promotion of the same branch, or by a deployment of that branch itself.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from dora_deployments.attribution.answers import BranchHistory, Promotion, PullDetail
from dora_deployments.attribution.look_ups import LookUpError, LookUps
from dora_deployments.attribution.shipped import Range, Shipped, count_as_shipped
from dora_deployments.attribution.subject import Subject
from dora_deployments.deployment import PullRequest

# Promotions of promotions: from a branch to the next one, and so on.
_MOST_ROUNDS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What is `behind` pull requests, by their numbers, and why that is `open` of others.

    `details` are those of all pull requests that were looked at.
    """

    behind: Mapping[int, tuple[PullRequest, ...]]
    open: Mapping[int, str]
    details: Mapping[int, PullDetail]


def with_pulls_behind(
    subject: Subject, shipped: Shipped, look_ups: LookUps, *, files: bool
) -> Shipped:
    """Return what is shipped with the pull requests behind copies, each before its promotion.

    It has the details of them all, with their `files` if asked for. Where GitHub does not settle
    what is behind one, the range is no longer exact. Of a list that is not exact anyway, and of a
    deployment that failed, nothing is looked up.
    """
    since = shipped.range
    if since is None or not since.landed or not shipped.is_exact or not subject.success:
        return shipped
    numbers = [pull.number for pull in since.landed]
    try:
        details = look_ups.pull_details(subject.repository, numbers, files=files).by_number
    except LookUpError:  # whoever needs the files asks again, and says why there are none
        return shipped
    found = _found(subject, since, details, look_ups, files=files)
    landed = tuple(_in_order(since.landed, found.behind))
    missing = None
    warnings = shipped.warnings
    if found.open and not subject.inputs.merge_commit_shas:
        missing = _missing(found.open)
        warnings += (f"{missing}; so not all of the shipped pull requests are known",)
    return replace(
        shipped,
        range=replace(since, landed=landed, missing=missing),
        pulls=count_as_shipped(subject, landed),
        details=found.details,
        warnings=warnings,
    )


def is_copy(pull: PullRequest, detail: PullDetail, since: Range) -> bool:
    """Return whether a pull request landed by other commits than its own."""
    return (
        pull.merge_commit_sha not in since.merges
        and pull.merge_commit_sha not in detail.commit_shas
        and not any(sha in since.commit_times for sha in detail.commit_shas[-1:])
    )


def is_listed(promotion: Promotion, history: BranchHistory) -> bool:
    """Return whether all that may be behind a promotion is listed in the history of its branch."""
    if history.listed_since is None:
        return True
    floors = [*_earlier(promotion, history)]
    if promotion.oldest_commit_at is not None:  # the merge commits are among its commits
        floors.append(promotion.oldest_commit_at)
    return bool(floors) and max(floors) > history.listed_since


def pulls_behind(
    promotion: Promotion, detail: PullDetail, history: BranchHistory
) -> tuple[PullRequest, ...] | None:
    """Return the pull requests that a promotion ships, the first merged first.

    Those are the ones whose merge commits it copies, but for those that an earlier promotion
    shipped: GitHub goes on listing their commits until the copies are merged back. None means
    that nobody can tell.
    """
    if not is_listed(promotion, history):
        return None
    earlier = max(_earlier(promotion, history), default=None)
    candidates = [
        (pull.merged_at, pull.number, pull)
        for pull in history.merged
        if pull.merged_at is not None
        and pull.merged_at <= promotion.merged_at
        and (earlier is None or pull.merged_at > earlier)
    ]
    pulls = [pull for _, _, pull in sorted(candidates, key=lambda each: each[:2])]
    is_whole = detail.commit_count <= len(detail.commit_shas)
    own = frozenset(detail.commit_shas)
    if any(
        not pull.merge_commit_sha or (not is_whole and pull.merge_commit_sha not in own)
        for pull in pulls
    ):
        return None
    return tuple(pull for pull in pulls if pull.merge_commit_sha in own)


def _earlier(promotion: Promotion, history: BranchHistory) -> Iterator[datetime]:
    return (moment for moment in history.promoted_at if moment < promotion.merged_at)


def _suspects(subject: Subject, since: Range, details: Mapping[int, PullDetail]) -> list[Promotion]:
    """Return those of the landed pull requests that may have others behind them.

    Those are copies whose headlines name others, or whose branch is one that others are merged
    into. A branch that deploys, or that a later one landed on, brings only what it has shipped.
    """
    deployment_event, inputs = subject.deployment_event, subject.inputs
    default = deployment_event.default_branch if subject.own else None
    merged_into = {default, inputs.integration_branch, *(pull.base for pull in since.landed)}
    shipping = {deployment_event.branch.value if deployment_event.branch and subject.own else None}
    found: list[Promotion] = []
    for pull in reversed(since.landed):
        shipping.add(pull.base)
        detail = details.get(pull.number)
        if detail is not None and is_copy(pull, detail, since):
            found.extend(_promotion(pull, detail, merged_into, shipping))
    return found[::-1]


def _promotion(
    pull: PullRequest,
    detail: PullDetail,
    merged_into: Collection[str | None],
    shipping: Collection[str | None],
) -> Iterator[Promotion]:
    """Yield the promotion that a pull request may be, if its branch or its commits say so."""
    head, base, merged_at = detail.head, pull.base, pull.merged_at
    if head is None or base is None or merged_at is None or head in shipping:
        return
    is_cut = detail.commit_count > len(detail.commit_shas)
    if is_cut or head in merged_into or detail.names_others:
        yield Promotion(
            number=pull.number,
            head=head,
            base=base,
            merged_at=merged_at,
            oldest_commit_at=None if is_cut else detail.oldest_commit_at,
        )


def _found(
    subject: Subject,
    since: Range,
    details: Mapping[int, PullDetail],
    look_ups: LookUps,
    *,
    files: bool,
) -> _Found:
    """Return what is behind the landed pull requests, and behind those."""
    known = dict(details)
    behind: dict[int, tuple[PullRequest, ...]] = {}
    still_open: dict[int, str] = {}
    seen = {pull.number for pull in since.landed}
    shipping = {pull.base for pull in since.landed}
    suspects = _suspects(subject, since, known)
    for _ in range(_MOST_ROUNDS):
        if not suspects:
            break
        try:
            new = _behind_each(subject, since, known, look_ups, suspects, still_open)
            numbers = [pull.number for pulls in new.values() for pull in pulls]
            numbers = [number for number in dict.fromkeys(numbers) if number not in seen]
            if numbers:
                known |= look_ups.pull_details(subject.repository, numbers, files=files).by_number
        except LookUpError as error:
            still_open |= {each.number: str(error) for each in suspects}
            suspects = []
            break
        suspects = []
        for number, pulls in new.items():
            behind[number] = tuple(pull for pull in pulls if pull.number not in seen)
            seen.update(pull.number for pull in pulls)
            merged_into = {subject.inputs.integration_branch, *(pull.base for pull in pulls)}
            for pull in behind[number]:
                if pull.number in known:
                    suspects += _promotion(pull, known[pull.number], merged_into, shipping)
            shipping |= {pull.base for pull in pulls}
    still_open |= {each.number: "they went through too many branches" for each in suspects}
    return _Found(behind=behind, open=still_open, details=known)


def _behind_each(
    subject: Subject,
    since: Range,
    details: Mapping[int, PullDetail],
    look_ups: LookUps,
    suspects: Sequence[Promotion],
    still_open: dict[int, str],
) -> dict[int, tuple[PullRequest, ...]]:
    """Return what is behind each of the suspects; add those where it cannot be known."""
    histories = look_ups.branch_histories(subject.repository, suspects)
    found: dict[int, tuple[PullRequest, ...]] = {}
    for promotion, history in zip(suspects, histories, strict=True):
        pulls = pulls_behind(promotion, details[promotion.number], history)
        if pulls is None:
            still_open[promotion.number] = "GitHub does not list all of them"
        elif pulls:
            found[promotion.number] = pulls
    if found and since.relation == "diverged":
        lost = look_ups.comparison(subject.repository, since.head, since.base)
        if lost.total > len(lost.commits):
            raise LookUpError(f"{lost.total} commits are too many to be read")
        before = {commit.sha for commit in lost.commits}
        return {
            number: tuple(pull for pull in pulls if pull.merge_commit_sha not in before)
            for number, pulls in found.items()
        }
    return found


def _in_order(
    pulls: Iterable[PullRequest], behind: Mapping[int, tuple[PullRequest, ...]]
) -> Iterator[PullRequest]:
    """Yield pull requests, each after those behind it."""
    for pull in pulls:
        yield from _in_order(behind.get(pull.number, ()), behind)
        yield pull


def _missing(still_open: Mapping[int, str]) -> str:
    """Return words on pull requests that carry others which are not known."""
    numbers = sorted(still_open)
    named = ", ".join(f"#{number}" for number in numbers)
    verb = "was" if len(numbers) == 1 else "were each"
    return (
        f"{named} {verb} merged by squash or rebase from a branch that other pull requests may have"
        f" been merged into, and these could not be looked up: {still_open[numbers[0]]} (merge such"
        " a branch with a merge commit, or list what is shipped in `merge-commit-shas`)"
    )
