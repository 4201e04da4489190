"""What was read of a repository, and what GitHub still has to be asked for, each thing once."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from dora_deployments.actions import config as config_file
from dora_deployments.actions import moments
from dora_deployments.actions.event import RunAttempt
from dora_deployments.attribution.answers import (
    MOST_ALONE,
    BranchHistory,
    ChangedFiles,
    Promotion,
    PullDetail,
    PullDetails,
    PullsByCommit,
)
from dora_deployments.attribution.github.trimmed import made_of
from dora_deployments.attribution.look_ups import LookUpError, LookUps
from dora_deployments.backfill.past import Item
from dora_deployments.deployment import PullRequest

if TYPE_CHECKING:
    from dora_deployments.actions.config import Config
    from dora_deployments.attribution.github.pages import Pages

_AT_ONCE: Final = 1_000  # commits, whose pull requests are asked for
_PULLS_AT_ONCE: Final = 100


class Asked(LookUps, Protocol):
    """What is asked for the rest."""

    def compared_files(self, repository: str, base: str, head: str) -> frozenset[str] | None:
        """Return the files of a comparison, or None where GitHub does not list all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """What a pull request is made of; the SHAs of its commits are in one text, to save memory."""

    head: str | None
    commit_count: int
    commit_shas: str
    names_others: bool
    oldest_commit_at: datetime | None
    first_commit_at: datetime | None

    def detail(self) -> PullDetail:
        """Return it as GitHub tells it."""
        return PullDetail(
            head=self.head,
            commit_count=self.commit_count,
            commit_shas=tuple(self.commit_shas.split()),
            names_others=self.names_others,
            oldest_commit_at=self.oldest_commit_at,
            first_commit_at=self.first_commit_at,
        )


class Archive:
    """The merged pull requests of a repository, and the files that they and commits change.

    Of the files only those are kept by which a service of `config` is told: one for each.
    """

    def __init__(
        self, github: Asked, repository: str, pages: "Pages", config: "Config | None"
    ) -> None:
        self._github = github
        self._repository = repository
        self._pages = pages
        services = config.services if config is not None else ()
        mapped = tuple(service for service in services if service.paths)
        self._owners = config_file.owners(mapped)
        self.has_services = bool(mapped)
        """Whether files tell which services are deployed."""
        # By merge commits: a push to several branches makes one for several pull requests.
        self._pulls: dict[str, tuple[PullRequest, ...]] = {}
        self._landings: dict[str, tuple[PullRequest, ...]] = {}
        self._is_whole = True
        # What was merged into each branch, and when each branch was merged into another one.
        self._into: dict[str, list[PullRequest]] = defaultdict(list)
        self._onward: dict[tuple[str, str], list[datetime]] = defaultdict(list)
        self._made: dict[int, _Made] = {}
        self._details: dict[int, PullDetail] = {}
        # None where GitHub does not list all of them.
        self._files: dict[str, frozenset[str] | None] = {}

    def add_pulls(self, items: Iterable[Item]) -> None:
        """Add merged pull requests; of some the merge commit is not known."""
        for item in items:
            pull = _read(item)
            made = self._made[pull.number] = _read_made(item["made_of"], pull.first_commit_at)
            if pull.base is not None and pull.merged_at is not None:
                self._into[pull.base].append(pull)
                if made.head is not None:
                    self._onward[made.head, pull.base].append(pull.merged_at)
            if not pull.merge_commit_sha:
                self._is_whole = False
                continue
            known = self._pulls.get(pull.merge_commit_sha, ())
            both = sorted((*known, pull), key=lambda each: each.number)
            self._pulls[pull.merge_commit_sha] = tuple(both)

    def look_up(self, commits: Iterable[str]) -> None:
        """Ask which files the pull requests change, and which of them other commits belong to.

        Without services there is no need to know the files, nor the pull requests of commits that
        merge none, unless there is one whose merge commit is not known.
        """
        if not self.has_services and self._is_whole:
            return
        if self.has_services:
            numbers = [pull.number for pulls in self._pulls.values() for pull in pulls]
            self._look_up_details(numbers)
        others = [sha for sha in commits if sha not in self._pulls]
        for shas in _batches(others, _AT_ONCE):
            self._ask_landings(shas)

    def landings(self, commit_shas: Sequence[str], old: Iterable[str]) -> PullsByCommit:
        """Return the pull requests that landed by each commit; GitHub is asked for `old` ones."""
        asked = [sha for sha in old if sha not in self._pulls and sha not in self._landings]
        if asked:
            self._ask_landings(asked)
        return PullsByCommit(
            by_commit={
                sha: self._pulls.get(sha) or self._landings.get(sha, ()) for sha in commit_shas
            }
        )

    def pull_details(self, numbers: Sequence[int], *, files: bool) -> PullDetails:
        """Return what pull requests are made of, and the files that tell which services they touch.

        Where GitHub would have had to be asked for too many lists of files on the day, there are
        none.
        """
        if not files:
            return PullDetails(
                by_number={
                    number: self._made[number].detail()
                    for number in numbers
                    if number in self._made
                }
            )
        self._look_up_details([number for number in numbers if number not in self._details])
        found = {
            number: replace(
                self._made[number].detail(),
                files=self._details[number].files,
                is_paged=self._details[number].is_paged,
            )
            for number in numbers
        }
        paged = [number for number, each in found.items() if each.is_paged]
        if len(paged) > MOST_ALONE:
            found.update((number, replace(found[number], files=None)) for number in paged)
        return PullDetails(by_number=found)

    def branch_history(self, promotion: Promotion, since: datetime) -> BranchHistory:
        """Return what was merged into a branch, and when that was merged onward, since a moment."""
        return BranchHistory(
            merged=tuple(self._into.get(promotion.head, ())),
            listed_since=since,
            promoted_at=tuple(self._onward.get((promotion.head, promotion.base), ())),
        )

    def older_branch_history(self, promotion: Promotion) -> BranchHistory:
        """Return the same from GitHub, which may know what was merged before."""

        def ask() -> dict[str, Any]:
            (found,) = self._github.branch_histories(self._repository, [promotion])
            return {
                "merged": [*map(_written, found.merged)],
                "listed_since": found.listed_since and found.listed_since.isoformat(),
                "promoted_at": [moment.isoformat() for moment in found.promoted_at],
            }

        told = self._once(ask, "branch", promotion.head, promotion.base)
        merged = tuple(map(_read, told["merged"]))
        self._look_up_made({pull.number for pull in merged})
        return BranchHistory(
            merged=merged,
            listed_since=moments.iso(told["listed_since"]),
            promoted_at=tuple(map(datetime.fromisoformat, told["promoted_at"])),
        )

    def compared_files(self, base: str, head: str) -> frozenset[str] | None:
        """Return the files of a comparison that tell which services it touches, if all are known.

        Of commits that GitHub cannot compare any more, they are not.
        """

        def ask() -> dict[str, Any]:
            try:
                found = self._github.compared_files(self._repository, base, head)
            except LookUpError as error:
                if not error.absent:
                    raise
                found = None
            return {"files": None if found is None else self._telling(found)}

        files = self._once(ask, "compared", base, head)["files"]
        return None if files is None else frozenset(files)

    def commit_files(self, commit_shas: Sequence[str]) -> ChangedFiles:
        """Return the files that tell which services commits touch."""
        if len(commit_shas) > MOST_ALONE:
            return ChangedFiles(cut=True)
        self._look_up_files([sha for sha in commit_shas if sha not in self._files])
        whole = {sha: files for sha in commit_shas if (files := self._files[sha]) is not None}
        return ChangedFiles(by_commit=whole, cut=len(whole) < len(commit_shas))

    def latest_attempt(self, run_id: str) -> RunAttempt:
        """Return the last attempt of a workflow run."""

        def ask() -> list[Any]:
            found = self._github.latest_attempt(self._repository, run_id)
            return [found.attempt, found.began_at and found.began_at.isoformat()]

        attempt, began_at = self._once(ask, "attempt", run_id)
        return RunAttempt(run_id=run_id, attempt=attempt, began_at=moments.iso(began_at))

    def attempt_started_at(self, run_id: str, attempt: int) -> datetime:
        """Return when an attempt of a workflow run began."""

        def ask() -> str:
            found = self._github.attempt_started_at(self._repository, run_id, attempt)
            return found.isoformat()

        return datetime.fromisoformat(self._once(ask, "attempt", run_id, str(attempt)))

    def _look_up_details(self, numbers: Sequence[int]) -> None:
        """Add the details of pull requests, with files; those with too many alone once more."""
        for batch in _batches(numbers, _PULLS_AT_ONCE):
            long = self._ask_details(batch)
            for number in long if len(batch) > 1 else ():
                self._ask_details([number])

    def _ask_details(self, numbers: Sequence[int]) -> list[int]:
        """Add the details of pull requests; return the numbers of those without files."""

        def ask() -> list[Any]:
            found = self._github.pull_details(self._repository, numbers, files=True).by_number
            return [
                [
                    number,
                    None if each.files is None else self._telling(each.files),
                    each.is_paged,
                    None if number in self._made else _written_made(each),
                ]
                for number, each in found.items()
            ]

        found = {}
        for number, files, is_paged, made in self._once(ask, "details", *map(str, numbers)):
            found[number] = PullDetail(
                files=None if files is None else frozenset(files), is_paged=is_paged
            )
            if made is not None:
                self._made[number] = _read_made(made, moments.iso(made["first_commit_at"]))
        self._details.update(found)
        return [number for number, each in found.items() if each.files is None]

    def _look_up_files(self, commit_shas: Sequence[str]) -> None:
        """Add the files of commits; None where GitHub cannot list them all."""
        if not commit_shas:
            return

        def ask() -> dict[str, Any]:
            found = self._github.commit_files(self._repository, commit_shas)
            files = [[sha, self._telling(its)] for sha, its in found.by_commit.items()]
            return {"files": files, "cut": found.cut}

        told = self._once(ask, "files", *commit_shas)
        if not told["cut"]:
            self._files.update((sha, frozenset(files)) for sha, files in told["files"])
        elif len(commit_shas) == 1:
            self._files[commit_shas[0]] = None
        else:  # nobody says which of them it is
            for sha in commit_shas:
                self._look_up_files([sha])

    def _telling(self, files: frozenset[str]) -> list[str]:
        """Return, for each service touched by `files`, its first matching file."""
        first: dict[int, str] = {}
        for file in sorted(files):
            for service in self._owners.of(file):
                first.setdefault(service, file)
        return sorted(set(first.values()))

    def _ask_landings(self, shas: Sequence[str]) -> None:
        """Add the pull requests that single commits belong to."""

        def ask() -> list[Any]:
            found = self._github.landings(self._repository, shas)
            if found.problem is not None:
                raise LookUpError(found.problem, outage=True, wait=0.0)
            return [[sha, [*map(_written, pulls)]] for sha, pulls in found.by_commit.items()]

        landed = {
            sha: tuple(map(_read, pulls)) for sha, pulls in self._once(ask, "landings", *shas)
        }
        self._look_up_made({pull.number for pulls in landed.values() for pull in pulls})
        for sha, pulls in landed.items():
            self._landings[sha] = tuple(
                replace(pull, first_commit_at=self._made[pull.number].first_commit_at)
                for pull in pulls
            )

    def _look_up_made(self, numbers: Iterable[int]) -> None:
        """Add what pull requests are made of, which is not told with the commits."""

        def ask(batch: Sequence[int]) -> list[Any]:
            found = self._github.pull_details(self._repository, batch, files=False).by_number
            return [[number, _written_made(found.get(number, PullDetail()))] for number in batch]

        unknown = sorted(number for number in numbers if number not in self._made)
        for batch in _batches(unknown, _PULLS_AT_ONCE):
            for number, made in self._once(partial(ask, batch), "made", *map(str, batch)):
                self._made[number] = _read_made(made, moments.iso(made["first_commit_at"]))

    def _once(self, ask: Callable[[], Any], kind: str, *about: str) -> Any:
        """Return the answer to a question, which is asked once in all runs."""
        name = f"{kind}:{hashlib.sha256(' '.join(about).encode()).hexdigest()}"
        known = self._pages.get(name)
        if known is None:
            known = ask()
            self._pages.put(name, known)
        return known


def _batches(items: Sequence[Any], size: int) -> Iterable[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _written(pull: PullRequest) -> Item:
    """Return a pull request as the bulk of them is kept."""
    return {
        "number": pull.number,
        "merge_commit_sha": pull.merge_commit_sha,
        "base": pull.base,
        "merged_at": pull.merged_at and pull.merged_at.isoformat(),
        "first_commit_at": pull.first_commit_at and pull.first_commit_at.isoformat(),
    }


def _read(item: Item) -> PullRequest:
    return PullRequest(
        number=item["number"],
        merge_commit_sha=item["merge_commit_sha"] or "",
        base=item["base"],
        merged_at=moments.iso(item["merged_at"]),
        first_commit_at=moments.iso(item["first_commit_at"]),
    )


def _written_made(detail: PullDetail) -> Item:
    begun = detail.first_commit_at
    return {**made_of(detail), "first_commit_at": begun and begun.isoformat()}


def _read_made(item: Item, first_commit_at: datetime | None) -> _Made:
    return _Made(
        head=item["head"],
        commit_count=item["commit_count"],
        commit_shas=item["commit_shas"],
        names_others=item["names_others"],
        oldest_commit_at=moments.iso(item["oldest_commit_at"]),
        first_commit_at=first_commit_at,
    )
