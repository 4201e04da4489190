"""Read one source: which of its events are to be reported, and what came before them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from dora_deployments.actions import moments
from dora_deployments.actions.event import DeploymentEvent
from dora_deployments.actions.payload import full_sha
from dora_deployments.attribution.answers import Mark
from dora_deployments.attribution.look_ups import LookUpError, LookUps
from dora_deployments.attribution.timeline import DeploymentRecord
from dora_deployments.backfill import neighbours
from dora_deployments.backfill.meaning import Terms
from dora_deployments.backfill.neighbours import Neighbours
from dora_deployments.backfill.past import Item, PastEvent
from dora_deployments.backfill.progress import Tell
from dora_deployments.backfill.workflows import Workflows
from dora_deployments.deployment import Fact
from dora_deployments.errors import ActionError, EventError, Skip

if TYPE_CHECKING:
    from dora_deployments.attribution.github.history import GitHubHistory
    from dora_deployments.attribution.github.pages import Pages

# A job waits thirty days at most for its approval, and a run lasts five more (GitHub, "Actions
# limits"): so long ago may have begun what ended in the period.
_LONGEST: Final = timedelta(days=35)
_CHUNK: Final = 100
_TOLD: Final = 20  # problems


class Items:
    """The items of a source, kept on disk: there may be more than memory should hold."""

    def __init__(self, pages: "Pages", name: str) -> None:
        self._pages = pages
        self._name = name
        self._last: list[Item] = []
        self._count = 0
        self._chunk = lru_cache(maxsize=8)(self._read)

    def add(self, item: Item) -> int:
        """Keep an item; return its number."""
        self._last.append(item)
        if len(self._last) == _CHUNK:
            self._pages.put(self._place(self._count // _CHUNK), self._last)
            self._last = []
        self._count += 1
        return self._count - 1

    def __getitem__(self, number: int) -> Item:
        """Return an item by its number, once all are there."""
        chunk: list[Item] = self._chunk(number // _CHUNK)
        return chunk[number % _CHUNK]

    def _read(self, chunk: int) -> Any:
        whole = self._count // _CHUNK
        return self._last if chunk == whole else self._pages.get(self._place(chunk))

    def _place(self, chunk: int) -> str:
        return f"items:{self._name}:{chunk}"


@dataclass(slots=True, kw_only=True)
class Found:
    """What a source shows of a period.

    `events` are those to report, in order of time: when each ended, and by which numbers it
    is found again. `left_out` counts the others by the reasons that the live path would have;
    of what went wrong, `problems` tells the first. `elsewhere` counts the deployments of
    environments that were not asked for. `tags` has the commits of tags. `commits` are those
    that were deployed, and `oldest` is when the first of them was, or the one before it.
    """

    terms: Terms
    items: Items
    neighbours: Neighbours = field(default_factory=Neighbours)
    events: list[tuple[datetime, int, int]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    elsewhere: Counter[str] = field(default_factory=Counter)
    tags: dict[str, str] = field(default_factory=dict)
    commits: set[str] = field(default_factory=set)
    oldest: datetime | None = None

    def past(self, number: int, which: int) -> PastEvent:
        """Return the event of those numbers."""
        terms = self.terms
        return [*terms.source.events(self.items[number], terms.repository)][which]

    def leave_out(self, finished_at: datetime, why: Skip | ActionError) -> None:
        """Count an event that is not reported."""
        self.left_out[why.reason] += 1
        if isinstance(why, ActionError) and len(self.problems) < _TOLD:
            self.problems.append(f"{finished_at:%Y-%m-%d %H:%M} UTC: {why}")


def read(
    terms: Terms,
    history: "GitHubHistory",
    pages: "Pages",
    look_ups: LookUps,
    workflows: Workflows,
    period: tuple[datetime, datetime],
    tell: Tell,
) -> Found:
    """Return what one source shows of the time from the first of `period` to before the second.

    `tell` is given when the last of them was begun, if they come in order. Raises `LookUpError`.
    """
    reading = _Reading(terms, pages, look_ups, workflows, *period)
    for count, item in enumerate(terms.source.items(history, period[0]), 1):
        begun_at = reading.begun_at(item)
        if reading.is_enough(begun_at):
            break
        reading.take(item)
        tell(count, begun_at)
    reading.close()
    return reading.found


class _OnceAsked:
    """Asks for each tag once: many runs are of one branch, which might be a tag.

    `failed` is why GitHub could not be asked, where another time it can.
    """

    def __init__(self, look_ups: LookUps) -> None:
        self._look_ups = look_ups
        self._answers: dict[str, str | LookUpError] = {}
        self.failed: LookUpError | None = None

    def default_branch(self, repository: str) -> str:
        """Return the name of the repository's default branch."""
        return self._look_ups.default_branch(repository)

    def tag_commit(self, repository: str, tag: str) -> str:
        """Return the SHA of the commit that a tag of the one repository points to."""
        if tag not in self._answers:
            try:
                self._answers[tag] = self._look_ups.tag_commit(repository, tag)
            except LookUpError as error:
                self._answers[tag] = error
                self.failed = None if error.wait is None else error
        answer = self._answers[tag]
        if isinstance(answer, LookUpError):
            raise answer
        return answer


class _Reading:
    """What is known so far; the newest came first where a source has an order."""

    def __init__(
        self,
        terms: Terms,
        pages: "Pages",
        look_ups: LookUps,
        workflows: Workflows,
        since: datetime,
        until: datetime,
    ) -> None:
        self.found = Found(terms=terms, items=Items(pages, terms.source.name))
        self._look_ups = _OnceAsked(look_ups)
        self._workflows = workflows
        self._since = since
        self._until = until
        # Where the first of the period stands, by environment and task.
        self._firsts: dict[tuple[str, str], datetime] = {}
        # Those whose previous deployments may not be known yet.
        self._open: dict[tuple[str, str], None] = {}
        self._taken = 0
        self._next_look = 0

    def begun_at(self, item: Item) -> datetime | None:
        """Return when an item was begun, if its source has them in that order."""
        begun = self.found.terms.source.begun
        return moments.iso(begun(item)) if begun is not None else None

    def is_enough(self, begun_at: datetime | None) -> bool:
        """Return whether what was begun by then, or before, changes nothing."""
        if begun_at is None or begun_at >= self._since - _LONGEST:
            return False
        if self._taken < self._next_look:
            return False
        self._next_look = self._taken + _CHUNK  # each look costs time
        while self._open:  # there may be thousands, and the first that is not is enough
            key = next(iter(self._open))
            if self._is_missing_any(*key):
                return False
            del self._open[key]
        return True

    def _is_missing_any(self, environment: str, task: str) -> bool:
        """Return whether who deployed in the period may have deployed before what was read."""
        first, known = self._firsts[environment, task], self.found.neighbours
        makers = {self._maker(each) for each in known.since(environment, first, task)}
        older = [*islice(known.older(environment, first), neighbours.MOST_RECORDS)]
        return len(older) < neighbours.MOST_RECORDS and not makers <= {
            self._maker(each) for each in older if each.succeeded_at and each.task == task
        }

    def _maker(self, record: DeploymentRecord) -> tuple[object, ...]:
        runs = self._workflows.of(record.run_ids) if record.run_ids else {}
        ids = {each.workflow_id for each in runs.values() if each is not None}
        return (frozenset(ids), not runs, record.creator, record.services)

    def close(self) -> None:
        """Put the events in order, and the deployments before them among what matters."""
        found = self.found
        found.events.sort()
        before = [
            each
            for (environment, task), first in self._firsts.items()
            for each in islice(self._last_of_each_maker(environment, task, first), _CHUNK)
        ]
        found.commits.update(each.commit_sha for each in before)
        begun = [each.created_at for each in before]
        found.oldest = min([*begun, *self._firsts.values()], default=None)

    def _last_of_each_maker(
        self, environment: str, task: str, moment: datetime
    ) -> Iterator[DeploymentRecord]:
        """Yield the last success before `moment` of everyone who deploys there."""
        seen = set[tuple[object, ...]]()
        older = self.found.neighbours.older(environment, moment)
        for each in islice(older, neighbours.MOST_RECORDS):
            if each.succeeded_at and each.task == task and self._maker(each) not in seen:
                seen.add(self._maker(each))
                yield each

    def take(self, item: Item) -> None:
        """Take in an item: what it says is deployed, and what its neighbours are."""
        self._taken += 1
        found, terms = self.found, self.found.terms
        self._remember(item)
        number: int | None = None
        for which, past in enumerate(terms.source.events(item, terms.repository)):
            in_period = self._since <= past.finished_at < self._until
            try:
                deployment_event, reported = terms.deployment_event(past, self._look_ups)
            except (Skip, EventError) as left:
                if self._look_ups.failed is not None:
                    raise self._look_ups.failed from None
                if in_period:
                    found.leave_out(past.finished_at, left)
                continue
            if terms.only not in {None, reported}:
                if in_period:
                    found.elsewhere[reported] += 1
                continue
            environment = (
                deployment_event.environment.value if deployment_event.environment else reported
            )
            self._remember_event(environment, past, deployment_event)
            if in_period:
                number = found.items.add(item) if number is None else number
                found.events.append((past.finished_at, number, which))
                key = (environment, deployment_event.task)
                self._firsts[key] = min(past.stands_at, self._firsts.get(key, past.stands_at))
                self._open[key] = None
                commit = deployment_event.commit_sha
                sha = commit.value if isinstance(commit, Fact) else found.tags.get(commit.tag or "")
                found.commits |= {sha} if sha else set()

    def _remember(self, item: Item) -> None:
        """Keep a deployment or release for those that came after it, whatever became of it."""
        if "deployment" in item:
            neighbour = neighbours.of_deployment(item)
            if neighbour is not None:
                self.found.neighbours.add(item["deployment"]["environment"], neighbour)
        elif "release" in item:
            release, commit = item["release"], full_sha(item["commit"])
            published_at, tag = moments.iso(release["published_at"]), release["tag_name"]
            if commit is None or published_at is None or not isinstance(tag, str):
                return
            self.found.tags[tag] = commit
            if not release["draft"] and not release["prerelease"]:
                self.found.neighbours.add_release(published_at, Mark(tag=tag, commit_sha=commit))

    def _remember_event(
        self, environment: str, past: PastEvent, deployment_event: DeploymentEvent
    ) -> None:
        """Keep a workflow run, which only deployed if it is one to report."""
        commit = deployment_event.commit_sha
        if past.name == "workflow_run" and isinstance(commit, Fact):
            if deployment_event.version is not None:
                self.found.tags[deployment_event.version.value] = commit.value
            neighbour = neighbours.of_event(deployment_event, commit.value, environment, past)
            self.found.neighbours.add(environment, neighbour)
