"""Tell what happened to one repository: commits, pull requests, tags, releases, deployments.

The commits are a real git repository's; the rest is what GitHub keeps beside it.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from tests.end_to_end.github.git import ChangedFile, File, Git

if TYPE_CHECKING:
    from typing_extensions import Self

Method = Literal["merge", "squash", "rebase"]

START: Final = datetime(2026, 6, 1, 8, tzinfo=timezone.utc)
_MINUTE: Final = timedelta(minutes=1)
# GitHub's ids left 32 bits' positive half behind: in 2024 for pull requests, later for deployments.
_FIRST_PULL_ID: Final = 2_400_000_001
_FIRST_DEPLOYMENT_ID: Final = 3_100_000_001
_FIRST_STATUS_ID: Final = 5_200_000_001
_FIRST_RELEASE_ID: Final = 210_000_001
_FIRST_WORKFLOW_ID: Final = 160_000_001
_FIRST_RUN_ID: Final = 19_400_000_001


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One commit, with all of its files by path."""

    sha: str
    parents: tuple[str, ...]
    message: str
    authored: datetime
    committed: datetime
    files: Mapping[str, File]
    ancestry: int
    """A set of commits as bits, itself among them: bit n stands for the nth that was made."""

    @property
    def headline(self) -> str:
        """The first line of the message."""
        return self.message.partition("\n")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """A pull request as it is, or as it was when it was merged.

    `merge_commit_sha` of an open one is the SHA of a trial merge, which is on no branch. `landed`
    are the commits that its merge put on the base branch, as they are there. `commits` and `landed`
    have the oldest first. `fork_branch` is the name of the head in a fork that it comes from.
    """

    id: int
    number: int
    title: str
    repository: str | None
    """The slug of its base repository if that is another one's, such as a fork's; else None."""
    base: str
    base_sha: str
    head: str
    head_sha: str
    commits: tuple[str, ...]
    created_at: datetime
    merged_at: datetime | None = None
    merge_commit_sha: str
    landed: tuple[str, ...] = ()
    merge_base: str | None
    fork_branch: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """One status of a deployment, in REST's words for `state`."""

    id: int
    state: str
    created_at: datetime
    log_url: str
    environment_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A deployment; its statuses have the oldest first.

    `creator` is a login in REST's words, where an app's ends with `[bot]`. `payload` is what the
    creator handed over, as JSON; None if that was nothing.
    """

    id: int
    sha: str
    ref: str
    task: str
    environment: str
    created_at: datetime
    statuses: tuple[Status, ...]
    creator: str
    payload: Any = None
    transient: bool = False

    @property
    def updated_at(self) -> datetime:
        """When its last status was set."""
        return self.statuses[-1].created_at if self.statuses else self.created_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release of a tag."""

    id: int
    tag: str
    name: str
    draft: bool
    prerelease: bool
    created_at: datetime
    """When the tag's commit was committed: GitHub says so in as many words."""
    published_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """A workflow, by its file."""

    id: int
    path: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run of a workflow; `repository` is the slug of its head if that is another one's.

    `number` counts the workflow's runs. `attempts` are the times at which each attempt started.
    """

    id: int
    number: int
    workflow: int
    sha: str
    branch: str
    event: str
    conclusion: str | None
    repository: str | None
    attempts: tuple[datetime, ...]

    @property
    def created_at(self) -> datetime:
        """When its first attempt started, whichever is the latest."""
        return self.attempts[0]

    @property
    def updated_at(self) -> datetime:
        """When its latest attempt ended: each takes five minutes."""
        return self.attempts[-1] + 5 * _MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """An annotated tag's object."""

    sha: str
    name: str
    message: str
    target: str
    tagged: datetime


class History:
    """Make a repository's history, step by step. Every SHA that is returned has 40 digits.

    `folder` becomes a bare git repository, which may be read with git at any time (see `git.run`).
    A clock runs one minute for each commit, tag, deployment and release that is given no time of
    its own. `default_branch` exists with the first commit.
    """

    def __init__(self, folder: Path, default_branch: str = "main") -> None:
        self.git = Git(folder)
        self.default_branch = default_branch
        self.now = START
        self.branches: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self.tag_objects: dict[str, Tag] = {}
        self.deployments: dict[int, Deployment] = {}
        self.releases: dict[int, Release] = {}
        self.workflows: dict[int, Workflow] = {}
        self.runs: dict[int, Run] = {}
        self.commits: dict[str, Commit] = {}
        self._made: list[str] = []
        self._pulls: dict[int, PullRequest] = {}
        self._foreign: list[PullRequest] = []
        self._introduced: dict[str, list[PullRequest]] = {}
        self._open: dict[tuple[int, str, str], PullRequest] = {}
        # A server's threads may look at an open pull request at the same time.
        self._lock = threading.RLock()
        self._statuses = 0
        self._touched: dict[int, datetime] = {}
        self._without_merge_commit: set[int] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.git.__exit__()

    # --- commits and branches

    def commit(
        self,
        branch: str = "main",
        files: Mapping[str, str | File | None] | None = None,
        message: str = "A change",
        *,
        authored: datetime | None = None,
        committed: datetime | None = None,
    ) -> str:
        """Push one commit to a branch; return its SHA.

        A branch that is not there is made, from nothing: see `branch` for one that is of another.
        None removes a file. Without `files` the branch's own counter file is counted up.
        """
        parent = self.branches.get(branch)
        before = self.commits[parent].files if parent else {}
        if files is None:
            counter = f"counters/{branch}.txt"
            count = int(before[counter].text) if counter in before else 0
            files = {counter: f"{count + 1}\n"}
        changes = {
            path: File(file) if isinstance(file, str) else file for path, file in files.items()
        }
        parents = (parent,) if parent else ()
        sha = self._commit(parents, changes, message, authored=authored, committed=committed)
        return self.force(branch, sha)

    def branch(self, name: str, at: str = "main") -> str:
        """Make a branch at a commit, a branch or a tag; return the commit's SHA."""
        return self.force(name, self.resolve(at))

    def force(self, branch: str, sha: str) -> str:
        """Let the branch point to a commit, whatever it pointed to before; return the SHA."""
        self.branches[branch] = sha
        self.git.point(f"refs/heads/{branch}", sha)
        return sha

    def merge(self, into: str, other: str, message: str | None = None) -> str:
        """Merge a branch or commit by hand: two parents, no pull request. Return the SHA.

        Files that both sides changed become the other side's.
        """
        theirs = self.resolve(other)
        return self.force(
            into, self._merged(self.branches[into], theirs, message or f"Merge {other}")
        )

    def squash(self, into: str, other: str, message: str | None = None) -> str:
        """Put what a branch or commit has more on `into` as one commit, as a merge queue may."""
        return self.force(
            into, self._squashed(into, self.resolve(other), message or f"Squash {other}")
        )

    def revert(self, branch: str, sha: str) -> str:
        """Take back what a commit changed since its first parent; return the new commit's SHA."""
        reverted = self.commits[sha]
        changes = _differences(reverted.files, self._before(reverted))
        message = f'Revert "{reverted.headline}"\n\nThis reverts commit {sha}.'
        return self.force(branch, self._commit((self.branches[branch],), changes, message))

    def cherry_pick(self, branch: str, sha: str) -> str:
        """Repeat what a commit changed on a branch; return the new commit's SHA."""
        return self.force(branch, self._picked(self.branches[branch], sha))

    def tag(self, name: str, at: str = "main") -> str:
        """Tag a commit (or what a branch or another tag points to); return the commit's SHA."""
        sha = self.resolve(at)
        self.tags[name] = sha
        self.git.point(f"refs/tags/{name}", sha)
        return sha

    def annotated_tag(self, name: str, at: str = "main", message: str = "A version") -> str:
        """Tag with a tag object of its own; return that object's SHA.

        `at` may be another tag object's SHA, which the new one then points to.
        """
        target = at if at in self.tag_objects else self.resolve(at)
        tagged = self.tick()
        sha = self.git.tag(name, target, message, tagged)
        self.tags[name] = sha
        self.tag_objects[sha] = Tag(
            sha=sha, name=name, message=message, target=target, tagged=tagged
        )
        return sha

    def tick(self) -> datetime:
        """Return the time and let the clock run one minute."""
        moment, self.now = self.now, self.now + _MINUTE
        return moment

    # --- pull requests

    def open_pull(
        self,
        head: str,
        base: str = "main",
        title: str | None = None,
        *,
        fork_branch: str | None = None,
    ) -> int:
        """Open a pull request from one branch into another; return its number.

        If it comes from a fork, that calls the branch `fork_branch`.
        """
        number = len(self._pulls) + 1
        self._pulls[number] = PullRequest(
            id=_FIRST_PULL_ID + 7 * number,
            number=number,
            title=title or f"Change {number}",
            repository=None,
            base=base,
            base_sha=self.branches[base],
            head=head,
            head_sha=self.branches[head],
            commits=(),
            created_at=self.now,
            merge_commit_sha="",
            merge_base=None,
            fork_branch=fork_branch,
        )
        self.git.point(f"refs/pull/{number}/head", self.branches[head])
        return number

    def merge_pull(self, number: int, method: Method = "merge") -> str:
        """Merge an open pull request; return the SHA of its merge commit.

        That is the two-parent commit, the one of the squash, or the last of those rebased.
        """
        pull = self._opened(number)
        if method == "rebase":
            landed: tuple[str, ...] = tuple(self._rebased(pull))
        elif method == "squash":
            message = f"{pull.title} (#{number})"
            landed = (self._squashed(pull.base, pull.head_sha, message),)
        else:
            message = f"Merge pull request #{number} from acme/{pull.head}\n\n{pull.title}"
            landed = (*pull.commits, self._merged(pull.base_sha, pull.head_sha, message))
        sha = self.force(pull.base, landed[-1])
        self.git.point(f"refs/pull/{number}/head", pull.head_sha)
        merged = replace(
            pull, merged_at=self.commits[sha].committed, merge_commit_sha=sha, landed=landed
        )
        self._pulls[number] = merged
        self._introduce(merged)
        return sha

    def touch_pull(self, number: int, at: datetime | None = None) -> None:
        """Update a pull request, by a comment for example."""
        self._touched[number] = at or self.tick()

    def hide_merge_commit(self, number: int) -> None:
        """Let GitHub's answers have no merge commit for a merged pull request."""
        self._without_merge_commit.add(number)

    def shows_merge_commit(self, pull: PullRequest) -> bool:
        """Return whether GitHub's answers have the merge commit of this pull request."""
        return pull.repository is not None or pull.number not in self._without_merge_commit

    def updated(self, pull: PullRequest) -> datetime:
        """Return when a pull request was last updated; its merging is an update."""
        known = None if pull.repository else self._touched.get(pull.number)
        return max(each for each in (known, pull.merged_at, pull.created_at) if each)

    def foreign_pull(
        self,
        sha: str,
        *,
        number: int = 1,
        title: str = "Mine now",
        merged_at: datetime | None = None,
        repository: str = "mallory/shop",
    ) -> PullRequest:
        """Let another repository of the fork network have merged a pull request with our commit.

        GitHub lists it for the commit, since forks share what they are made of.
        """
        pull = PullRequest(
            id=_FIRST_PULL_ID + 1_000_000 + len(self._foreign),
            number=number,
            title=title,
            repository=repository,
            base="main",
            base_sha=sha,
            head="theirs",
            head_sha=sha,
            commits=(sha,),
            created_at=self.commits[sha].committed,
            merged_at=merged_at or self.commits[sha].committed,
            merge_commit_sha=sha,
            landed=(sha,),
            merge_base=next(iter(self.commits[sha].parents), None),
        )
        self._foreign.append(pull)
        self._introduce(pull)
        return pull

    def pull(self, number: int) -> PullRequest | None:
        """Return a pull request as it is now; None if there is none of the number."""
        pull = self._pulls.get(number)
        return self._opened(number) if pull and pull.merged_at is None else pull

    def pulls(self) -> list[PullRequest]:
        """Return this repository's pull requests as they are now, by number."""
        return [pull for number in self._pulls if (pull := self.pull(number))]

    def associated_pulls(self, sha: str) -> list[PullRequest]:
        """Return the pull requests that GitHub lists for a commit, in the order of creation.

        They are those merged with it in any repository of the fork network; and the open ones if
        the commit is not on the default branch.
        """
        found = list(self._introduced.get(sha, ()))
        tip = self.branches.get(self.default_branch)
        if tip is None or not self.is_ancestor(sha, tip):
            unmerged = [n for n, pull in self._pulls.items() if pull.merged_at is None]
            found += [pull for n in unmerged if sha in (pull := self._opened(n)).commits]
        return sorted(found, key=lambda pull: pull.id)

    def pull_files(self, pull: PullRequest) -> tuple[ChangedFile, ...]:
        """Return what its head changed since it left the base: GitHub's three-dot comparison."""
        return self.git.changes(pull.merge_base, pull.head_sha)

    # --- deployments and releases

    def deploy(
        self,
        sha: str,
        environment: str = "production",
        task: str = "deploy",
        created_at: datetime | None = None,
        *,
        states: Sequence[str] = ("in_progress", "success", "inactive"),
        times: Sequence[datetime] = (),
        log_url: str = "",
        environment_url: str = "",
        ref: str = "main",
        transient: bool = False,
        creator: str | None = None,
        payload: Any = None,
    ) -> int:
        """Deploy a commit; return the deployment's id.

        Its statuses come a minute apart, unless `times` has one for each. `creator` is an app or a
        user by login; without it, it is Actions' own app.
        """
        created = created_at or self.tick()
        deployment = Deployment(
            id=_FIRST_DEPLOYMENT_ID + 11 * len(self.deployments),
            sha=sha,
            ref=ref,
            task=task,
            environment=environment,
            created_at=created,
            statuses=(),
            transient=transient,
            creator=creator or "github-actions[bot]",
            payload=payload,
        )
        self.deployments[deployment.id] = deployment
        moments = times or [created + n * _MINUTE for n in range(1, len(states) + 1)]
        for state, moment in zip(states, moments, strict=True):
            self.set_status(
                deployment.id, state, moment, log_url=log_url, environment_url=environment_url
            )
        return deployment.id

    def set_status(
        self,
        deployment_id: int,
        state: str,
        created_at: datetime | None = None,
        *,
        log_url: str | None = None,
        environment_url: str | None = None,
    ) -> None:
        """Add a status to a deployment; its URLs are those of the status before, unless given."""
        deployment = self.deployments[deployment_id]
        before = deployment.statuses[-1] if deployment.statuses else None
        self._statuses += 1
        status = Status(
            id=_FIRST_STATUS_ID + self._statuses,
            state=state,
            created_at=created_at or self.tick(),
            log_url=log_url if log_url is not None else before.log_url if before else "",
            environment_url=environment_url
            if environment_url is not None
            else before.environment_url
            if before
            else "",
        )
        self.deployments[deployment_id] = replace(
            deployment, statuses=(*deployment.statuses, status)
        )

    def workflow(self, path: str = ".github/workflows/deploy.yml", name: str = "Deploy") -> int:
        """Add a workflow; return its id."""
        workflow = Workflow(id=_FIRST_WORKFLOW_ID + len(self.workflows), path=path, name=name)
        self.workflows[workflow.id] = workflow
        return workflow.id

    def run(
        self,
        workflow: int,
        sha: str,
        *,
        branch: str = "main",
        event: str = "push",
        conclusion: str | None = "success",
        repository: str | None = None,
        created_at: datetime | None = None,
        id: int | None = None,  # noqa: A002 - as GitHub calls it
        attempts: Sequence[datetime] = (),
    ) -> int:
        """Run a workflow on a commit; return the run's id. It goes on if it has no conclusion.

        `attempts` are the times at which its attempts started; without them there was one, at
        `created_at`.
        """
        run = Run(
            id=id or _FIRST_RUN_ID + 13 * len(self.runs),
            number=1 + sum(each.workflow == workflow for each in self.runs.values()),
            workflow=workflow,
            sha=sha,
            branch=branch,
            event=event,
            conclusion=conclusion,
            repository=repository,
            attempts=tuple(attempts) or (created_at or self.tick(),),
        )
        self.runs[run.id] = run
        return run.id

    def rerun(self, run_id: int, started_at: datetime | None = None) -> int:
        """Start another attempt of a run; return the attempt's number."""
        run = self.runs[run_id]
        attempts = (*run.attempts, started_at or self.tick())
        self.runs[run_id] = replace(run, attempts=attempts)
        return len(attempts)

    def release(
        self,
        tag: str,
        published_at: datetime | None = None,
        *,
        prerelease: bool = False,
        draft: bool = False,
        name: str | None = None,
    ) -> int:
        """Release a tag that exists; return the release's id. A draft is published at no time."""
        release = Release(
            id=_FIRST_RELEASE_ID + len(self.releases),
            tag=tag,
            name=name or tag,
            draft=draft,
            prerelease=prerelease,
            created_at=self.commits[self.peeled(self.tags[tag])].committed,
            published_at=None if draft else published_at or self.tick(),
        )
        self.releases[release.id] = release
        return release.id

    # --- reading

    def resolve(self, name: str) -> str:
        """Return the SHA of the commit that a name means. Raises KeyError if there is none."""
        sha = self.find(name)
        if sha is None:
            raise KeyError(name)
        return self.peeled(sha)

    def find(self, name: str) -> str | None:
        """Find a commit or tag object by branch, tag, full ref, or the start of exactly one SHA."""
        for known, prefixes in ((self.branches, _HEADS), (self.tags, _TAGS)):
            for prefix in prefixes:
                if name.startswith(prefix) and name[len(prefix) :] in known:
                    return known[name[len(prefix) :]]
        if name == "HEAD":
            return self.branches.get(self.default_branch)
        if name in self.commits or name in self.tag_objects:
            return name
        if not 4 <= len(name) < 40:
            return None
        found = [sha for sha in (*self.commits, *self.tag_objects) if sha.startswith(name.lower())]
        return found[0] if len(found) == 1 else None

    def peeled(self, sha: str) -> str:
        """Return the commit behind a tag object, or the commit itself."""
        while sha in self.tag_objects:
            sha = self.tag_objects[sha].target
        return sha

    def is_ancestor(self, sha: str, of: str) -> bool:
        """Tell whether a commit is another, or before it."""
        ancestry = self.commits[sha].ancestry
        return self.commits[of].ancestry & ancestry == ancestry

    def merge_base(self, one: str, other: str) -> str | None:
        """Return the best common ancestor; None if the histories have nothing in common."""
        common = self.commits[one].ancestry & self.commits[other].ancestry
        # Nothing is made before its parents, so no common ancestor is behind the last one.
        return self._made[common.bit_length() - 1] if common else None

    def log(self, head: str, without: str | None = None) -> Iterator[str]:
        """Walk from `head` in git's order, the latest first; skip the ancestors of `without`."""
        hidden = self.commits[without].ancestry if without else 0
        queue: list[tuple[float, int, str]] = []
        seen: set[str] = set()

        def meet(shas: Iterable[str]) -> None:
            for sha in shas:
                commit = self.commits[sha]
                if sha not in seen and commit.ancestry | hidden != hidden:
                    seen.add(sha)
                    # The older of two that came at the same time is the one that was met first.
                    heapq.heappush(queue, (-commit.committed.timestamp(), len(seen), sha))

        meet([head])
        while queue:
            _, _, sha = heapq.heappop(queue)
            yield sha
            meet(self.commits[sha].parents)

    def between(self, base: str, head: str) -> tuple[str, ...]:
        """Return the commits of `head` that `base` has not, the oldest first."""
        return tuple(self.log(head, base))[::-1]

    def commit_files(self, sha: str) -> tuple[ChangedFile, ...]:
        """Return what a commit changed since its first parent."""
        return self.git.changes(next(iter(self.commits[sha].parents), None), sha)

    # --- how it is made

    def _commit(
        self,
        parents: tuple[str, ...],
        changes: Mapping[str, File | None],
        message: str,
        *,
        authored: datetime | None = None,
        committed: datetime | None = None,
    ) -> str:
        committed = committed or self.tick()
        authored = authored or committed
        sha = self.git.commit(parents, changes, message, authored, committed)
        if sha in self.commits:  # the same parents, files, words and times
            return sha
        before = self.commits[parents[0]].files if parents else {}
        files = {path: file for path, file in {**before, **changes}.items() if file is not None}
        ancestry = 1 << len(self._made)
        for parent in parents:
            ancestry |= self.commits[parent].ancestry
        self._made.append(sha)
        self.commits[sha] = Commit(
            sha=sha,
            parents=parents,
            message=message,
            authored=authored,
            committed=committed,
            files=files,
            ancestry=ancestry,
        )
        return sha

    def _before(self, commit: Commit) -> Mapping[str, File]:
        return self.commits[commit.parents[0]].files if commit.parents else {}

    def _brought(self, ours: str, theirs: str) -> dict[str, File | None]:
        """Return what `theirs` changed since it left `ours`, to be done to our files."""
        base = self.merge_base(ours, theirs)
        return _differences(self.commits[base].files if base else {}, self.commits[theirs].files)

    def _merged(
        self, ours: str, theirs: str, message: str, *, committed: datetime | None = None
    ) -> str:
        changes = self._brought(ours, theirs)
        return self._commit((ours, theirs), changes, message, committed=committed)

    def _squashed(self, into: str, theirs: str, message: str) -> str:
        ours = self.branches[into]
        return self._commit((ours,), self._brought(ours, theirs), message)

    def _picked(self, onto: str, sha: str) -> str:
        picked = self.commits[sha]
        changes = _differences(self._before(picked), picked.files)
        return self._commit((onto,), changes, picked.message, authored=picked.authored)

    def _rebased(self, pull: PullRequest) -> Iterator[str]:
        onto = pull.base_sha
        for sha in pull.commits:
            if len(self.commits[sha].parents) < 2:  # a rebase leaves merges out
                onto = self._picked(onto, sha)
                yield onto

    def _opened(self, number: int) -> PullRequest:
        """Return an open pull request with its branches as they are now."""
        pull = self._pulls[number]
        if pull.merged_at is not None:
            raise ValueError(f"pull request {number} is merged")
        base, head = self.branches[pull.base], self.branches[pull.head]
        with self._lock:
            opened = self._open.get((number, base, head))
            if opened is None:
                trial = self._merged(base, head, f"Merge {head} into {base}", committed=self.now)
                self.git.point(f"refs/pull/{number}/merge", trial)
                opened = self._open[number, base, head] = replace(
                    pull,
                    base_sha=base,
                    head_sha=head,
                    commits=self.between(base, head),
                    merge_commit_sha=trial,
                    merge_base=self.merge_base(base, head),
                )
        return opened

    def _introduce(self, pull: PullRequest) -> None:
        # A dict for a set that keeps its order: a merge commit is often among those that landed.
        for sha in dict.fromkeys((*pull.commits, *pull.landed, pull.merge_commit_sha)):
            self._introduced.setdefault(sha, []).append(pull)


_HEADS: Final = ("refs/heads/", "heads/", "")
_TAGS: Final = ("refs/tags/", "tags/", "")


def _differences(before: Mapping[str, File], after: Mapping[str, File]) -> dict[str, File | None]:
    """Return what has to be done to `before` to get `after`; None removes."""
    if before is after:
        return {}
    changed: dict[str, File | None] = {
        path: file for path, file in after.items() if before.get(path) != file
    }
    return changed | {path: None for path in before if path not in after}
