"""Make up a year of a repository: commits, pull requests, deployments; the same for a seed.

Commits have numbers, and a parent's is always lower than its child's. Times are in Unix seconds.
"""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Final

SLUG: Final = "acme/shop"
REPOSITORY_ID: Final = 186853261
TRUNK: Final = "main"
TAGS: Final = "refs/tags/"
START: Final = int(datetime(2025, 10, 1, tzinfo=timezone.utc).timestamp())
_YEAR: Final = 365 * 24 * 3600
_HOUR: Final = 3600
# GitHub's ids left 32 bits' positive half behind.
_FIRST_DEPLOYMENT_ID: Final = 3_100_000_001
_FIRST_PULL_ID: Final = 2_400_000_001
_FIRST_RUN: Final = 9_100_000_001


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One commit; `parents` are numbers of commits."""

    sha: str
    parents: tuple[int, ...]
    authored: int
    committed: int


@dataclass(slots=True, kw_only=True)
class Pull:
    """A merged pull request; `landed` is the number of its merge commit."""

    id: int
    number: int
    base: str
    landed: int
    merged_at: int
    updated_at: int
    first_commit_at: int


@dataclass(slots=True, kw_only=True)
class Status:
    """One status of a deployment, in REST's words."""

    state: str
    at: int
    environment: str
    log_url: str


@dataclass(slots=True, kw_only=True)
class Deployment:
    """A deployment, its statuses in order of time; `kind` says what it stands for here.

    `commit` is None for a commit that GitHub does not have any more.
    """

    id: int
    kind: str
    sha: str
    commit: int | None
    ref: str
    task: str
    environment: str
    original_environment: str
    transient: bool
    created_at: int
    statuses: list[Status] = field(default_factory=list)

    @property
    def full_ref(self) -> str | None:
        """The tag or branch that was deployed, None if that is gone."""
        name = self.ref.removeprefix(TAGS)
        if name.startswith("v1."):
            return f"{TAGS}{name}"
        return f"refs/heads/{name}" if name in {TRUNK, "support/1"} else None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All of it; `pulls_of` tells the pull requests that each commit belongs to."""

    commits: Sequence[Commit]
    tip: int
    pulls: Sequence[Pull]
    pulls_of: dict[int, list[Pull]]
    deployments: Sequence[Deployment]


def made(deployments: int, commits: int, seed: int = 7) -> History:
    """Return a history of so many deployments over so many commits on the trunk."""
    maker = _Maker(deployments, commits, seed)
    while maker.on_trunk < commits or len(maker.deployments) < deployments:
        maker.go_on()
    return History(
        commits=maker.commits,
        tip=maker.trunk[-1],
        pulls=maker.pulls,
        pulls_of=maker.pulls_of,
        deployments=maker.deployments,
    )


class _Environment:
    """What was deployed there, the last one at the end, and which deployment is active."""

    def __init__(self) -> None:
        self.commits: list[int] = []
        self.active: Deployment | None = None


class _Maker:
    def __init__(self, deployments: int, commits: int, seed: int) -> None:
        self.random = random.Random(seed)
        self.seed = seed
        self.now = START
        # Much of it happens while something else does, so that this makes a year.
        self.pause = 1.7 * _YEAR / (commits + deployments)
        self.supported = commits // 6  # how much of the trunk one of these branches is for
        self.wanted = deployments
        self.ratio = deployments / commits
        self.commits: list[Commit] = []
        self.pulls: list[Pull] = []
        self.pulls_of: dict[int, list[Pull]] = defaultdict(list)
        self.deployments: list[Deployment] = []
        self.environments = {"production": _Environment(), "staging": _Environment()}
        self.number = 0
        first = self.commit(())
        self.trunk = [first]
        self.on_trunk = 1
        self.support = first  # a branch that never comes back, until there is another
        self.next = first  # one that comes back now and then
        self.next_own: list[int] = []

    # --- commits

    def go_on(self) -> None:
        """Let something land on the trunk, and deploy as much as is due."""
        before = self.on_trunk
        self.land()
        if self.on_trunk // self.supported > before // self.supported:
            self.support = self.trunk[-1]
        if self.random.random() < 0.01:
            self.support = self.on_branch(self.support, "support/1", 1 + self.random.randrange(3))
        if self.random.random() < 0.02:
            self.develop_next()
        due = round(self.on_trunk * self.ratio) if self.on_trunk > before else 0
        while len(self.deployments) < min(due, self.wanted):
            self.deploy()

    def land(self) -> None:
        ways = (self.squash, self.merge, self.rebase, self.direct)
        self.random.choices(ways, (50, 20, 12, 18))[0]()

    def tick(self) -> int:
        self.now += 1 + int(self.random.expovariate(1 / self.pause))
        return self.now

    def commit(
        self, parents: tuple[int, ...], *, authored: int | None = None, committed: int | None = None
    ) -> int:
        at = self.tick() if committed is None else committed
        sha = hashlib.sha1(f"{self.seed}:{len(self.commits)}".encode()).hexdigest()  # noqa: S324 - what git names commits by
        self.commits.append(Commit(sha=sha, parents=parents, authored=authored or at, committed=at))
        return len(self.commits) - 1

    def pull(self, base: str, landed: int, commits: Sequence[int], began: int) -> None:
        self.number += 1 + self.random.randrange(3)  # issues have numbers of the same row
        merged_at = self.commits[landed].committed
        later = self.random.randrange(20 * 24 * _HOUR) if self.random.random() < 0.1 else 0
        pull = Pull(
            id=_FIRST_PULL_ID + len(self.pulls),
            number=self.number,
            base=base,
            landed=landed,
            merged_at=merged_at,
            updated_at=merged_at + later,
            first_commit_at=began,
        )
        self.pulls.append(pull)
        for each in dict.fromkeys((*commits, landed)):
            self.pulls_of[each].append(pull)

    def grow(self, *added: int) -> None:
        self.on_trunk += len(added)
        self.trunk.append(added[-1])

    def squash(self) -> None:
        began = self.now - self.random.randrange(_HOUR, 100 * _HOUR)
        landed = self.commit((self.trunk[-1],))
        self.pull(TRUNK, landed, [landed], began)
        self.grow(landed)

    def merge(self) -> None:
        branch = self.branch(self.trunk[-1 - self.random.randrange(min(30, len(self.trunk)))])
        self.merge_into_trunk(branch)

    def branch(self, start: int) -> list[int]:
        """Make one to eight commits; the trunk may be merged into them, and clocks may be wrong."""
        count = self.random.randint(1, 8)
        # They were made while the trunk went on.
        at = max(self.now - 20 * int(self.pause), self.commits[start].committed + 1)
        made: list[int] = []
        for index in range(count):
            at = min(at + 1 + int(self.random.expovariate(1 / self.pause)), self.now)
            is_off = self.random.random() < 0.01
            parents = (made[-1] if made else start,)
            if index == count - 2 and index and self.random.random() < 0.3:
                parents = (*parents, self.trunk[-1])
                at = self.now
            wrong = self.random.randrange(-48 * _HOUR, 12 * _HOUR) if is_off else 0
            made.append(self.commit(parents, authored=at, committed=at + wrong))
        return made

    def merge_into_trunk(self, branch: Sequence[int]) -> None:
        landed = self.commit((self.trunk[-1], branch[-1]))
        self.pull(TRUNK, landed, branch, self.commits[branch[0]].authored)
        self.grow(*branch, landed)

    def rebase(self) -> None:
        began = self.now - self.random.randrange(_HOUR, 100 * _HOUR)
        made = [self.trunk[-1]]
        for index in range(self.random.randint(2, 5)):
            # A rebase writes all of them in a moment.
            at = None if index == 0 else self.now
            made.append(self.commit((made[-1],), authored=began + index, committed=at))
        self.pull(TRUNK, made[-1], made[1:], began)
        self.grow(*made[1:])

    def direct(self) -> None:
        self.grow(self.commit((self.trunk[-1],)))

    def on_branch(self, start: int, name: str, count: int) -> int:
        """Make commits on a branch that is not the trunk, some of them by pull requests into it."""
        tip = start
        for _ in range(count):
            tip = self.commit((tip,))
            if self.random.random() < 0.6:
                self.pull(name, tip, [tip], self.now - self.random.randrange(_HOUR, 50 * _HOUR))
        return tip

    def develop_next(self) -> None:
        """Go on with a long-lived branch, merge the trunk into it, or it into the trunk."""
        if not self.next_own:
            self.next = self.trunk[-1]
        before = len(self.commits)
        self.next = self.on_branch(self.next, "next", 1 + self.random.randrange(4))
        if self.random.random() < 0.2:
            self.next = self.commit((self.next, self.trunk[-1]))
        self.next_own += range(before, len(self.commits))
        if len(self.next_own) > 40:
            self.merge_into_trunk(self.next_own)
            self.next_own = []

    # --- deployments

    def deploy(self) -> None:
        self.tick()
        kinds = {
            "plain": 790,
            "preview": 45,
            "redeployment": 35,
            "rollback": 25,
            "failure": 45,
            "error": 10,
            "failure, then success": 5,
            "unfinished": 8,
            "gone": 4,
            "hotfix": 10,
            "support": 3,
            "other task": 5,
            "renamed": 5,
            "twins": 10,
        }
        kind = self.random.choices([*kinds], [*kinds.values()])[0]
        name = "production" if self.random.random() < 0.45 else "staging"
        if kind == "preview":
            branch = self.branch(self.trunk[-1])
            self.deployed(kind, f"pr-{self.number}", branch[-1], ref="a-branch")
        elif kind == "hotfix":
            self.hotfix()
        elif kind == "support":
            self.deployed(kind, "staging", self.support, ref="support/1")
        elif kind == "twins":
            self.deployed(kind, name, self.trunk[-1])
            if len(self.deployments) < self.wanted:
                self.now += self.random.randrange(2)
                self.deployed(kind, name, self.trunk[-1], run=len(self.deployments) - 1)
        else:
            self.deployed(kind, name, self.chosen(kind, name))

    def chosen(self, kind: str, name: str) -> int | None:
        here = self.environments[name].commits
        if kind == "gone":
            return None
        if kind == "redeployment" and here:
            return here[-1]
        if kind == "rollback" and len(here) > 5:
            return here[-2 - self.random.randrange(4)]
        tested = self.environments["staging"].commits
        if name == "production" and tested and self.random.random() < 0.7:
            return tested[-1]
        return self.trunk[-1]

    def hotfix(self) -> None:
        here = self.environments["production"].commits
        start, name = here[-1] if here else self.trunk[-1], f"hotfix/{len(self.deployments)}"
        before = len(self.commits)
        tip = self.on_branch(start, name, self.random.randint(1, 3))
        self.deployed("hotfix", "production", tip, ref=name)
        if self.random.random() < 0.5:
            self.merge_into_trunk(range(before, tip + 1))

    def deployed(
        self,
        kind: str,
        name: str,
        commit: int | None,
        *,
        ref: str = TRUNK,
        run: int | None = None,
    ) -> None:
        """Deploy a commit, in the workflow run of a deployment before if that is given."""
        index = len(self.deployments)
        sha = hashlib.sha1(f"gone:{index}".encode()).hexdigest()  # noqa: S324 - as above
        if commit is not None:
            sha = self.commits[commit].sha
        if ref == TRUNK and self.random.random() < 0.02:
            ref = f"{TAGS if index % 2 else ''}v1.{index}.0"
        made = Deployment(
            id=_FIRST_DEPLOYMENT_ID + index,
            kind=kind,
            sha=sha,
            commit=commit,
            ref=ref,
            task="deploy:migrations" if kind == "other task" else "deploy",
            environment=name,
            original_environment="an-old-name" if kind == "renamed" else name,
            transient=kind == "preview",
            created_at=self.now,
        )
        run = _FIRST_RUN + (index if run is None else run)
        log_url = f"https://github.com/{SLUG}/actions/runs/{run}/job/{2 * run}"
        if self.random.random() < 0.02:
            log_url = ""
        at = made.created_at
        for state in self.states(kind):
            at += self.random.randrange(1, 300)
            made.statuses.append(Status(state=state, at=at, environment=name, log_url=log_url))
        self.deployments.append(made)
        self.activated(made)

    def states(self, kind: str) -> list[str]:
        started = ["queued", "in_progress"]
        ends = {
            "failure": ["failure"],
            "error": ["error"],
            "failure, then success": ["failure", "in_progress", "success"],
            "unfinished": [],
        }
        return [*started, *ends.get(kind, ["success"])]

    def activated(self, made: Deployment) -> None:
        """Let the one before become inactive, as GitHub does once the next one has succeeded."""
        here = self.environments.get(made.environment)
        if here is None or made.statuses[-1].state != "success" or made.task != "deploy":
            return
        if (last := here.active) is not None:
            at = max(made.statuses[-1].at, last.statuses[-1].at)
            log_url = last.statuses[-1].log_url
            inactive = Status(
                state="inactive", at=at, environment=last.environment, log_url=log_url
            )
            last.statuses.append(inactive)
        here.active = made
        if made.commit is not None and made.kind != "support":
            here.commits.append(made.commit)
