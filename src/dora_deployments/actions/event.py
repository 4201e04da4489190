"""An event: what all of its kinds have in common, and what each of them may tell."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from dora_deployments.actions import moments
from dora_deployments.actions.inputs import Inputs
from dora_deployments.actions.payload import Payload
from dora_deployments.actions.run import Run
from dora_deployments.actions.text import has_controls
from dora_deployments.deployment import Fact
from dora_deployments.errors import EventError

FULL_SHA: Final = 40
DEPENDABOT: Final = "dependabot[bot]"
# What runs without secrets if Dependabot starts it (GitHub documentation, "Troubleshooting
# Dependabot on GitHub Actions", "Restrictions when Dependabot triggers events").
_WITHOUT_SECRETS: Final = frozenset(
    {
        *("pull_request", "pull_request_review", "pull_request_review_comment"),
        *("push", "create", "deployment", "deployment_status"),
    }
)
Marks = Literal["releases", "tags"]
# Whether the name of a branch may be that of a tag.
BranchKind = Literal["branch", "tag", "unknown"]

REPOSITORIES: Final = ("pull_request.base.repo.full_name", "repository.full_name")
DEFAULT_BRANCHES: Final = (
    "pull_request.base.repo.default_branch",
    "repository.default_branch",
    "repository.master_branch",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where a payload holds what a deployment consists of: paths, in the order of trying.

    `what` says in words for which payloads. It is a deployment only if `state` is one of
    `final`; by `identity` one deployment is known from another.
    """

    what: str
    state: str = ""
    final: tuple[str, ...] = ()
    commit: tuple[str, ...]
    identity: tuple[str, ...] = ()
    branch: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    version: tuple[str, ...] = ()
    outcome: tuple[str, ...] = ()
    started_at: tuple[str, ...] = ()
    finished_at: tuple[str, ...] = ()
    source_url: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unresolved:
    """A commit that the payload does not hold, and what GitHub's API could be asked for it.

    `why` says what the payload lacks. At most one of `tag` (its name), `tag_object` (its
    SHA), `pull_request` (its number) and `abbreviated` (a short SHA) is set; none means
    that the API has no answer either. `fallback` is `GITHUB_SHA`, if that is better than
    nothing. With `is_merge_uncertain` only the API knows whether the pull request was merged.
    """

    why: str
    tag: str | None = None
    tag_object: str | None = None
    pull_request: int | None = None
    abbreviated: str | None = None
    fallback: Fact[str] | None = None
    is_merge_uncertain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAttempt:
    """An attempt of a workflow run; `attempt` and `began_at` are None where the event has none."""

    run_id: str
    attempt: int | None = 1
    began_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentEvent:
    """What an event says was deployed; None where it does not say.

    `identity` tells this deployment from any other of the repository and stays the same
    however often the run is repeated; with `is_run_identity` it names the run and the commit.
    `branch` is what the input `branches` speaks of; it is empty where the event should name one
    and does not, and by `branch_kind` it may be a tag.
    `environment` is the name that GitHub knows, before any mapping, and `is_production` what was
    said of it, if anything. `from_fork` means that
    GitHub keeps secrets from this run, as it does from forks and from Dependabot.

    `pull_id`, `pull_number` and `pull_title` are those of the pull request whose merge is
    the event. By `deployment_ids`, `task` and `runs`, the likeliest first, GitHub's own record
    of this deployment is known among others; `reporting_run_ids` are runs that only report it.
    `creator` and `named_services` are what that record says, if it is in the payload. It may be
    older than the event where `is_told_afterwards`. `before` is what a pushed branch pointed to;
    `marks` says among what the one before this tag or release is to be looked for.
    """

    event: str
    repository: Fact[str]
    repository_id: str
    commit_sha: Fact[str] | Unresolved
    identity: str
    is_run_identity: bool = False
    environment: Fact[str] | None = None
    is_production: bool | None = None
    started_at: Fact[datetime] | None = None
    finished_at: Fact[datetime] | None = None
    success: Fact[bool] = field(
        default_factory=lambda: Fact(value=True, source="the event, which reports no failure")
    )
    branch: Fact[str] | None = None
    branch_kind: BranchKind = "branch"
    default_branch: str | None = None
    version: Fact[str] | None = None
    pull_id: int | None = None
    pull_number: int | None = None
    pull_title: str = ""
    deployment_ids: frozenset[str] = frozenset()
    task: str = "deploy"
    runs: tuple[RunAttempt, ...] = ()
    reporting_run_ids: frozenset[str] = frozenset()
    creator: str = ""
    named_services: frozenset[str] = frozenset()
    is_told_afterwards: bool = False
    before: Fact[str] | None = None
    marks: Marks | None = None
    source_url: str | None = None
    from_fork: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event, and all that its meaning may depend on. `now` is aware and in UTC.

    `broken` says why there is no payload, where there is none; `payload` is then empty.
    """

    name: str
    payload: Payload
    run: Run
    inputs: Inputs
    now: datetime
    broken: str | None = None

    def moment(self, *paths: str) -> Fact[datetime] | None:
        """Return the first time at one of `paths` that can be true."""
        for path in paths:
            if found := moments.from_payload(self.payload.get(path), self.now):
                return Fact(value=found, source=path)
        return None

    def sha(self, *paths: str) -> Fact[str] | None:
        """Return the first commit SHA at one of `paths`."""
        for path in paths:
            if sha := self.payload.sha(path):
                return self.commit(sha, path)
        return None

    def commit(self, sha: str, source: str) -> Fact[str]:
        """Return a commit and its source, beside which stands `GITHUB_SHA` if it differs."""
        ours = self.run.sha
        note = f"; GITHUB_SHA was {ours[:7]}" if ours and ours != sha else ""
        return Fact(value=sha, source=f"{source}{note}")

    def written_sha(self, sha: str, path: str) -> Fact[str] | Unresolved:
        """Return a SHA that a person or program wrote, which may be a short one."""
        if len(sha) < FULL_SHA:
            return Unresolved(why=f"{path} is a short SHA", abbreviated=sha)
        return self.commit(sha, path)

    def github_sha(self, path: str) -> Fact[str] | Unresolved:
        """Return `GITHUB_SHA`, since there is no commit at `path`."""
        if self.run.sha is None:
            return Unresolved(why=f"neither the payload's {path} nor GITHUB_SHA is a commit SHA")
        return Fact(
            value=self.run.sha, source=f"GITHUB_SHA, since the payload has no SHA at {path}"
        )

    def run_tag(self) -> Fact[str] | None:
        """Return the tag that this run is of, if the commit of the run was deployed."""
        tag = name_of(self.run.ref or "", "refs/tags/")
        if tag is None or not self.inputs.deploys(self.run.sha):
            return None
        return Fact(value=tag, source="GITHUB_REF, a tag")

    def id(self, *paths: str) -> int | None:
        """Return the first database id at one of `paths`."""
        return next((found for path in paths if (found := self.payload.id(path))), None)

    def text(self, *paths: str) -> Fact[str] | None:
        """Return the first text at one of `paths`."""
        for path in paths:
            if text := self.payload.text(path):
                return Fact(value=text, source=path)
        return None

    def required(self, *paths: str) -> Fact[str]:
        """Return the first text at one of `paths`, without which nobody can tell what happened."""
        found = self.text(*paths)
        if found is None:
            raise unreadable(paths[0], "a text")
        return found

    def deployment_event(
        self, commit_sha: Fact[str] | Unresolved, identity: str | None
    ) -> DeploymentEvent:
        """Return what every event tells, by its own `identity` or else by the run's.

        Raises `EventError` if neither payload nor run name the repository.
        """
        repository, repository_id = self._repository()
        sha = commit_sha.value if isinstance(commit_sha, Fact) else ""
        return DeploymentEvent(
            event=self.name,
            repository=repository,
            repository_id=repository_id,
            commit_sha=commit_sha,
            identity=identity or run_identity(self.run, self.inputs.commit_sha or sha),
            is_run_identity=not identity,
            default_branch=self._default_branch(),
            runs=self._own_run(),
            from_fork=self.name in _WITHOUT_SECRETS and self._is_dependabots(),
        )

    def _is_dependabots(self) -> bool:
        return DEPENDABOT in {self.run.actor, self.payload.text("sender.login")}

    def _own_run(self) -> tuple[RunAttempt, ...]:
        if self.run.run_id is None:
            return ()
        return (RunAttempt(run_id=self.run.run_id, attempt=self.run.attempt),)

    def run_attempt(self, run_id: str) -> RunAttempt:
        """Return the attempt of a run that `workflow_run` of the payload describes, if it does."""
        if str(self.id("workflow_run.id")) != run_id:
            return RunAttempt(run_id=run_id, attempt=None)
        began = self.moment("workflow_run.run_started_at")
        return RunAttempt(
            run_id=run_id,
            attempt=self.id("workflow_run.run_attempt"),
            began_at=None if began is None else began.value,
        )

    def _repository(self) -> tuple[Fact[str], str]:
        for path in REPOSITORIES:
            if name := self.payload.slug(path):
                number = self.payload.id(path.replace("full_name", "id"))
                repository_id = str(number) if number else self.run.repository_id
                return Fact(value=name, source=path), repository_id or name.lower()
        if name := self.run.repository:
            fact = Fact(value=name, source="GITHUB_REPOSITORY, since the payload names none")
            return fact, self.run.repository_id or name.lower()
        raise EventError(
            "neither the payload (repository.full_name) nor GITHUB_REPOSITORY names a"
            " repository; set the input `repository`"
        )

    def _default_branch(self) -> str | None:
        found = self.text(*DEFAULT_BRANCHES)
        return None if found is None else found.value


def run_identity(run: Run, commit_sha: str) -> str:
    """Return what tells a deployment from others where the event has no identity of its own."""
    return f"run:{run.ref or ''}:{commit_sha}:{run.run_id or ''}"


def missing(path: str, kind: str) -> str:
    """Return that the payload lacks what should stand at `path`."""
    return f"the payload's {path} is not {kind}"


def unreadable(path: str, kind: str) -> EventError:
    """Return the error of a payload that does not even tell whether it is a deployment's."""
    return EventError(
        f"{missing(path, kind)}, so nothing tells whether this was a deployment; look at the file"
        " of GITHUB_EVENT_PATH, which only GitHub should write"
    )


def name_of(ref: str, prefix: str) -> str | None:
    """Return the branch's or tag's name if `ref` starts with `prefix`, such as refs/tags/."""
    name = ref.removeprefix(prefix)
    return name if name != ref and name and not has_controls(name) else None
