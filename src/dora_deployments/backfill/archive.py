"""What was read of a repository, and what GitHub still has to be asked for, each thing once."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from dora_deployments.actions import moments
from dora_deployments.attribution.answers import ChangedFiles, Landings
from dora_deployments.attribution.look_ups import LookUpError, LookUps
from dora_deployments.backfill.past import Item
from dora_deployments.deployment import PullRequest

if TYPE_CHECKING:
    from dora_deployments.actions.config import Config
    from dora_deployments.attribution.github.pages import Pages

_AT_ONCE: Final = 1_000  # commits, whose pull requests are asked for
_FILES_AT_ONCE: Final = 100  # pull requests: more could have more renames than are read
# As on the day, when each takes a request of its own.
_MOST_ALONE: Final = 100


class Archive:
    """The merged pull requests of a repository, and the files that they and commits change.

    Of the files only those are kept by which a service of `config` is told: one for each.
    """

    def __init__(
        self, github: LookUps, repository: str, pages: "Pages", config: "Config | None"
    ) -> None:
        self._github = github
        self._repository = repository
        self._pages = pages
        self._services = config.services if config is not None else ()
        # By merge commits, of which a push to several branches makes one for several.
        self._pulls: dict[str, tuple[PullRequest, ...]] = {}
        self._landings: dict[str, tuple[PullRequest, ...]] = {}
        # None where GitHub does not list all of them.
        self._files: dict[int | str, frozenset[str] | None] = {}

    def add_pulls(self, items: Iterable[Item]) -> None:
        """Add merged pull requests."""
        for item in items:
            pull = _read(item)
            known = self._pulls.get(pull.merge_commit_sha, ())
            both = sorted((*known, pull), key=lambda each: each.number)
            self._pulls[pull.merge_commit_sha] = tuple(both)

    def look_up(self, commits: Iterable[str]) -> None:
        """Ask which files the pull requests change, and which of them other commits belong to.

        Without services there is no need to know.
        """
        if not self._services:
            return
        numbers = [pull.number for pulls in self._pulls.values() for pull in pulls]
        for batch in _batches(numbers, _FILES_AT_ONCE):
            self._look_up_files(batch, [])
        others = [sha for sha in commits if sha not in self._pulls]
        for shas in _batches(others, _AT_ONCE):
            self._ask_landings(shas)

    def landings(self, commit_shas: Sequence[str], old: Iterable[str]) -> Landings:
        """Return the pull requests that landed by each commit; GitHub is asked for `old` ones."""
        asked = [sha for sha in old if sha not in self._pulls and sha not in self._landings]
        if asked:
            self._ask_landings(asked)
        return Landings(
            by_commit={
                sha: self._pulls.get(sha) or self._landings.get(sha, ()) for sha in commit_shas
            }
        )

    def changed_files(self, pulls: Sequence[int], commit_shas: Sequence[str]) -> ChangedFiles:
        """Return the files that tell which services pull requests and commits touch."""
        if len(commit_shas) > _MOST_ALONE:
            return ChangedFiles(by_pull={}, cut=True)
        self._look_up_files([number for number in pulls if number not in self._files], [])
        self._look_up_files([], [sha for sha in commit_shas if sha not in self._files])
        keys: tuple[int | str, ...] = (*pulls, *commit_shas)
        whole = {key: files for key in keys if (files := self._files.get(key)) is not None}
        return ChangedFiles(
            by_pull={number: whole[number] for number in pulls if number in whole},
            by_commit={sha: whole[sha] for sha in commit_shas if sha in whole},
            cut=any(key not in whole for key in keys),
        )

    def _look_up_files(self, numbers: Sequence[int], commit_shas: Sequence[str]) -> None:
        """Add the files of pull requests and commits; None where GitHub cannot list them all."""
        asked: list[int | str] = [*numbers, *commit_shas]
        if not asked:
            return

        def ask() -> dict[str, Any]:
            found = self._github.changed_files(self._repository, numbers, commit_shas)
            files = [*found.by_pull.items(), *found.by_commit.items()]
            return {"files": [[key, self._telling(its)] for key, its in files], "cut": found.cut}

        told = self._once(ask, "files", *map(str, asked))
        if not told["cut"]:
            self._files.update((key, frozenset(files)) for key, files in told["files"])
        elif len(asked) == 1:
            self._files[asked[0]] = None
        else:  # nobody says of which of them
            for number in numbers:
                self._look_up_files([number], [])
            for sha in commit_shas:
                self._look_up_files([], [sha])

    def _telling(self, files: frozenset[str]) -> list[str]:
        """Return a file of each service that any of `files` is of."""
        first = (
            next((file for file in sorted(files) if service.touched_by([file])), None)
            for service in self._services
        )
        return sorted({file for file in first if file is not None})

    def _ask_landings(self, shas: Sequence[str]) -> None:
        """Add the pull requests that single commits belong to."""

        def ask() -> list[Any]:
            found = self._github.landings(self._repository, shas)
            if found.problem is not None:
                raise LookUpError(found.problem, outage=True, wait=0.0)
            return [[sha, [*map(_written, pulls)]] for sha, pulls in found.by_commit.items()]

        for sha, pulls in self._once(ask, "landings", *shas):
            self._landings[sha] = tuple(map(_read, pulls))

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
        merge_commit_sha=item["merge_commit_sha"],
        base=item["base"],
        merged_at=moments.iso(item["merged_at"]),
        first_commit_at=moments.iso(item["first_commit_at"]),
    )
