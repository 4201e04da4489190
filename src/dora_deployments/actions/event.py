"""Read what GitHub says happened: whether it was a deployment, of what, and when.

One function an event, and one table of them. Each takes the payload and tells what it
says, with the place it was read at; whatever only GitHub's API can tell is left open as
`Unresolved`. Nothing here looks anything up.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final, TypeVar

from dora_deployments.actions import moments, parse
from dora_deployments.actions.inputs import Inputs
from dora_deployments.actions.payload import Payload
from dora_deployments.actions.run import Run
from dora_deployments.actions.text import has_controls, shown
from dora_deployments.deployment import Fact
from dora_deployments.errors import EventError, Skip

T = TypeVar("T")

FULL_SHA: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Unresolved:
    """A commit that the payload does not hold, and what GitHub's API could be asked for it.

    `why` says what the payload lacks. At most one of `tag` (its name), `tag_object` (its
    SHA), `pull_request` (its number) and `abbreviated` (a short SHA) is set; none means
    that the API has no answer either. `fallback` is `GITHUB_SHA`, if that is better than
    nothing.
    """

    why: str
    tag: str | None = None
    tag_object: str | None = None
    pull_request: int | None = None
    abbreviated: str | None = None
    fallback: Fact[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What an event says was deployed; None where it does not say.

    `identity` tells this deployment from any other of the repository and stays the same
    however often the run is repeated. `branch` is what the input `branches` speaks of.
    `pull_id` and `pull_number` are those of the pull request whose merge is the event.
    `from_fork` means that GitHub keeps secrets from this run.
    """

    event: str
    repository: Fact[str]
    repository_id: str
    commit_sha: Fact[str] | Unresolved
    identity: str
    environment: Fact[str] | None = None
    started_at: Fact[datetime] | None = None
    finished_at: Fact[datetime] | None = None
    success: Fact[bool] = field(
        default_factory=lambda: Fact(value=True, source="the event, which tells of no failure")
    )
    branch: Fact[str] | None = None
    default_branch: str | None = None
    version: Fact[str] | None = None
    pull_id: int | None = None
    pull_number: int | None = None
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

    def moment(self, path: str) -> Fact[datetime] | None:
        """Return the time at `path`, if there is one that can be true."""
        found = moments.from_payload(self.payload.get(path), self.now)
        return None if found is None else Fact(value=found, source=path)

    def happening(self, commit_sha: Fact[str] | Unresolved, identity: str | None) -> Happening:
        """Return what every event tells, by its own `identity` or else by the run's.

        Raises `EventError` if neither payload nor run name the repository.
        """
        repository, repository_id = self._repository()
        return Happening(
            event=self.name,
            repository=repository,
            repository_id=repository_id,
            commit_sha=commit_sha,
            identity=identity or self._run_identity(commit_sha),
            default_branch=self._default_branch(),
        )

    def _repository(self) -> tuple[Fact[str], str]:
        for path in ("pull_request.base.repo.full_name", "repository.full_name"):
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
        return (
            self.payload.text("pull_request.base.repo.default_branch")
            or self.payload.text("repository.default_branch")
            or self.payload.text("repository.master_branch")
        )

    def _run_identity(self, commit_sha: Fact[str] | Unresolved) -> str:
        sha = commit_sha.value if isinstance(commit_sha, Fact) else ""
        return f"run:{self.run.ref or ''}:{self.inputs.commit_sha or sha}:{self.run.run_id or ''}"


def what_happened(event: Event) -> Happening:
    """Return what `event` says was deployed.

    Raises `Skip` if it tells of no deployment, and `EventError` if it lacks what only it
    can tell.
    """
    if event.inputs.success in {"cancelled", "skipped"}:
        raise Skip(
            f"job-{event.inputs.success}",
            f"`success` says that the deploying job was {event.inputs.success}",
        )
    if event.broken is None:
        return EVENTS.get(event.name, _other)(event)
    return _without_payload(event, event.broken)


def _without_payload(event: Event, why: str) -> Happening:
    """Return what happened by the inputs and variables alone, where those are enough."""
    if event.inputs.commit_sha is not None:
        happening = _other(event)
    elif event.name in {"push", "workflow_dispatch"}:
        happening = EVENTS[event.name](event)
    elif event.name in EVENTS:
        raise EventError(
            f"{why}, so nothing tells what was deployed; set `commit-sha`, or run the job again"
        )
    else:
        happening = _other(event)
    return replace(happening, warnings=(f"{why}; only inputs and GITHUB_* variables were read",))


def _pull_request(event: Event) -> Happening:
    payload = event.payload
    action = _required(payload.text("action"), "action")
    if action != "closed":
        raise Skip(
            "not-a-merge-event",
            f"the pull request was {shown(action)}, and only one that is closed can be merged;"
            " run this step on `types: [closed]`",
        )
    merged = payload.flag("pull_request.merged")
    if merged is None:
        raise _unreadable("pull_request.merged", "true or false")
    if not merged:
        raise Skip("pull-request-not-merged", "the pull request was closed without being merged")
    number = payload.id("pull_request.number") or payload.id("number")
    sha = payload.sha("pull_request.merge_commit_sha")
    commit: Fact[str] | Unresolved
    if sha is None:
        commit = Unresolved(
            why=_missing("pull_request.merge_commit_sha", "a commit SHA"), pull_request=number
        )
    else:
        commit = Fact(
            value=sha,
            source="pull_request.merge_commit_sha, since the pull request was merged"
            + _instead_of(event.run.sha, sha),
        )
    base = _required(payload.text("pull_request.base.ref"), "pull_request.base.ref")
    pull_id = payload.id("pull_request.id")
    return replace(
        event.happening(commit, f"pull-request:{pull_id}" if pull_id else None),
        branch=Fact(value=base, source="pull_request.base.ref"),
        started_at=event.moment("pull_request.merged_at"),
        pull_id=pull_id,
        pull_number=number,
        from_fork=event.name == "pull_request" and _is_without_secrets(event),
    )


def _is_without_secrets(event: Event) -> bool:
    """Return whether GitHub ran this without secrets, as for forks and Dependabot.

    A deleted fork leaves `head.repo` null, so null is a fork too.
    """
    head, base = "pull_request.head.repo", "pull_request.base.repo"
    head_name = event.payload.slug(f"{head}.full_name")
    base_name = event.payload.slug(f"{base}.full_name") or event.payload.slug(
        "repository.full_name"
    )
    if head_name is None or head_name != base_name:
        return True
    return "dependabot[bot]" in {event.run.actor, event.payload.text("pull_request.user.login")}


def _push(event: Event) -> Happening:
    payload = event.payload
    source = "ref" if payload.text("ref") else "GITHUB_REF"
    ref = payload.text("ref") or event.run.ref or ""
    after = payload.get("after")
    if payload.flag("deleted") or (isinstance(after, str) and after and not after.strip("0")):
        raise Skip("ref-deleted", f"the push deleted {shown(ref)}")
    started = event.moment("repository.pushed_at")
    if branch := _suffix(ref, "refs/heads/"):
        return replace(
            event.happening(_sha_at(event, "after") or _github_sha(event, "after"), None),
            branch=Fact(value=branch, source=source),
            started_at=started,
        )
    if tag := _suffix(ref, "refs/tags/"):
        return replace(
            event.happening(_tag_commit(event, tag), None),
            version=Fact(value=tag, source=f"{source}, a tag"),
            started_at=started,
        )
    if not ref:
        raise _unreadable("ref", "a branch or tag")
    raise Skip(
        "event-not-a-deployment", f"the push was to {shown(ref)}, which is no branch and no tag"
    )


def _tag_commit(event: Event, tag: str) -> Fact[str] | Unresolved:
    """Return the commit of a pushed tag: for an annotated one, `after` is the tag object."""
    if sha := event.payload.sha("head_commit.id"):
        after = event.payload.sha("after")
        note = f"; after was {after[:7]}, the tag object" if after and after != sha else ""
        return Fact(value=sha, source=f"head_commit.id, the commit that {tag} names{note}")
    commit = _github_sha(event, "head_commit.id")
    return Unresolved(
        why=_missing("head_commit.id", "a commit SHA"),
        tag=None if event.payload.sha("after") else tag,
        tag_object=event.payload.sha("after"),
        fallback=commit if isinstance(commit, Fact) else None,
    )


def _release(event: Event) -> Happening:
    payload = event.payload
    action = _required(payload.text("action"), "action")
    if action not in {"published", "released", "prereleased"}:
        raise Skip(
            "event-not-a-deployment",
            f"the release was {shown(action)}; only a published one is a deployment",
        )
    if payload.flag("release.draft"):
        raise Skip("event-not-a-deployment", "the release is still a draft")
    prerelease = payload.flag("release.prerelease") or action == "prereleased"
    if prerelease and event.inputs.environment is None:
        raise Skip(
            "prerelease",
            "the release is a prerelease; set `environment` to report those as well",
        )
    tag = _required(payload.text("release.tag_name"), "release.tag_name")
    if has_controls(tag):
        raise EventError("release.tag_name has a control character; rename the tag")
    commit: Fact[str] | Unresolved
    if event.run.sha and event.run.ref == f"refs/tags/{tag}":
        commit = Fact(value=event.run.sha, source=f"GITHUB_SHA, since GITHUB_REF is the tag {tag}")
    else:
        commit = Unresolved(why=f"GITHUB_REF is not the release's tag {shown(tag)}", tag=tag)
    release_id = payload.id("release.id")
    return replace(
        event.happening(commit, f"release:{release_id}" if release_id else None),
        version=Fact(value=tag, source="release.tag_name"),
        started_at=event.moment("release.published_at"),
    )


def _deployment_status(event: Event) -> Happening:
    payload = event.payload
    state = _required(payload.text("deployment_status.state"), "deployment_status.state")
    if state not in {"success", "failure", "error"}:
        raise Skip(
            "state-not-final", f"the deployment's state is {shown(state)}, which is not final"
        )
    if payload.flag("deployment.transient_environment"):
        raise Skip(
            "transient-environment",
            "deployment.transient_environment is true: a preview that will be taken down",
        )
    deployment_id = payload.id("deployment.id")
    commit = _sha_at(event, "deployment.sha") or Unresolved(
        why=_missing("deployment.sha", "a commit SHA")
    )
    return replace(
        event.happening(commit, f"deployment:{deployment_id}" if deployment_id else None),
        environment=_environment(
            event,
            "deployment_status.environment",
            "deployment.environment",
            "deployment.original_environment",
        ),
        started_at=event.moment("deployment.created_at"),
        # Not updated_at, which moves when the deployment becomes inactive.
        finished_at=event.moment("deployment_status.created_at"),
        success=Fact(value=state == "success", source=f"deployment_status.state, which is {state}"),
        version=_deployed_tag(event),
        source_url=_log_url(event),
    )


def _deployed_tag(event: Event) -> Fact[str] | None:
    """Return the tag that was deployed; a ref alone does not tell a tag from a branch."""
    ref = event.payload.text("deployment.ref")
    if ref is None or has_controls(ref):
        return None
    if tag := _suffix(ref, "refs/tags/"):
        return Fact(value=tag, source="deployment.ref, a tag")
    if event.run.ref == f"refs/tags/{ref}":
        return Fact(value=ref, source="deployment.ref, which GITHUB_REF says is a tag")
    return None


def _log_url(event: Event) -> str | None:
    for path in ("deployment_status.log_url", "deployment_status.target_url"):
        url = event.payload.text(path)
        if url and parse.is_web_url(url):
            return url
    return None


def _workflow_run(event: Event) -> Happening:
    payload = event.payload
    if not isinstance(payload.get("workflow_run"), dict):
        raise _unreadable("workflow_run", "an object")
    action = _required(payload.text("action"), "action")
    conclusion = payload.text("workflow_run.conclusion")
    if action != "completed" or conclusion is None:
        raise Skip(
            "state-not-final",
            "the workflow run has not ended yet; run this step on `types: [completed]`",
        )
    trigger = payload.text("workflow_run.event") or ""
    if trigger.startswith("pull_request") or trigger == "merge_group":
        raise Skip(
            "event-not-a-deployment",
            f"the workflow run was for {shown(trigger)}, so its commit is not one that was merged",
        )
    head = payload.slug("workflow_run.head_repository.full_name")
    own = payload.slug("repository.full_name") or event.run.repository
    if head is None or own is None or head.lower() != own.lower():
        raise Skip(
            "foreign-repository",
            "the workflow run's commit is from another repository, a fork or a deleted one",
        )
    if conclusion != "success" and event.inputs.success == "auto":
        raise Skip(
            "run-not-successful",
            f"the workflow run ended as {shown(conclusion)}; set `success` to report such runs",
        )
    branch = payload.text("workflow_run.head_branch")
    run_id = payload.id("workflow_run.id")
    commit = _sha_at(event, "workflow_run.head_sha") or Unresolved(
        why=_missing("workflow_run.head_sha", "a commit SHA")
    )
    return replace(
        event.happening(commit, f"workflow-run:{run_id}" if run_id else None),
        branch=Fact(
            value=_required(branch, "workflow_run.head_branch"), source="workflow_run.head_branch"
        ),
        started_at=event.moment("workflow_run.run_started_at")
        or event.moment("workflow_run.created_at"),
        finished_at=event.moment("workflow_run.updated_at"),
        success=Fact(
            value=conclusion == "success",
            source=f"workflow_run.conclusion, which is {shown(conclusion)}",
        ),
        source_url=f"{event.run.server_url}/{own}/actions/runs/{run_id}" if run_id else None,
    )


def _workflow_dispatch(event: Event) -> Happening:
    commit = _github_sha(event, "inputs.sha")
    warnings = []
    sha = event.payload.text("inputs.sha")
    if sha is not None and event.inputs.commit_sha is None:
        try:
            commit = _written_sha(event, parse.commit_sha(sha), "inputs.sha")
        except ValueError:
            warnings.append(
                f"the run was started with the input sha {shown(sha)}, which is no commit SHA and"
                " was not read; set `commit-sha` to the commit that was deployed"
            )
    environment = event.payload.text("inputs.environment") or "production"
    if environment.lower() != "production" and event.inputs.environment is None:
        # It may mean anything, but mostly it means what it says.
        warnings.append(
            f"the run was started with the input environment {shown(environment)}, which was not"
            " read; set `environment` to where it was deployed"
        )
    return replace(event.happening(commit, None), warnings=tuple(warnings))


def _repository_dispatch(event: Event) -> Happening:
    """Read the five keys of `client_payload` that are documented, and no other."""

    def moment(text: str) -> datetime:
        return moments.parse(text, event.now)

    inputs = event.inputs
    sha = _client_value(event, "sha", parse.commit_sha, inputs.commit_sha)
    environment = _client_value(event, "environment", parse.line, inputs.environment)
    identity = _client_value(event, "id", str, inputs.deployment_id)
    started = _client_value(event, "started_at", moment, inputs.started_at)
    finished = _client_value(event, "finished_at", moment, inputs.finished_at)
    if started and finished and started.value > finished.value:
        raise EventError(
            "client_payload.started_at is later than client_payload.finished_at; send them in order"
        )
    warnings: tuple[str, ...] = ()
    if sha is None and inputs.commit_sha is None:
        warning = (
            "client_payload has no sha, so the default branch's tip is taken for the deployed"
            " commit; send client_payload.sha"
        )
        warnings = (warning,)
    return replace(
        event.happening(
            _written_sha(event, sha.value, sha.source)
            if sha
            else _github_sha(event, "client_payload.sha"),
            f"dispatch:{identity.value}" if identity else None,
        ),
        environment=environment,
        started_at=started,
        finished_at=finished,
        warnings=warnings,
    )


def _client_value(
    event: Event, key: str, parser: Callable[[str], T], explicit: object
) -> Fact[T] | None:
    """Return what the dispatching program sent, which matters only where no input says it."""
    path = f"client_payload.{key}"
    value = event.payload.get(path)
    if explicit is not None or value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise EventError(f"{path} is neither a string nor a whole number; send one of them")
    text = str(value).strip()
    try:
        return Fact(value=parser(text), source=path) if text else None
    except ValueError as error:
        raise EventError(f"{path} {error}") from None


def _other(event: Event) -> Happening:
    """Take any other event for a deployment if its commit is given, and only then."""
    if event.inputs.commit_sha is None:
        raise Skip(
            "event-not-a-deployment",
            f"the event {shown(event.name)} does not say what was deployed; run this step on one"
            f" of {', '.join(EVENTS)}, or set `commit-sha`",
        )
    return event.happening(Unresolved(why="the event names no commit"), None)


EVENTS: Final[Mapping[str, Callable[[Event], Happening]]] = MappingProxyType(
    {
        "pull_request": _pull_request,
        "pull_request_target": _pull_request,
        "push": _push,
        "release": _release,
        "deployment_status": _deployment_status,
        "workflow_run": _workflow_run,
        "workflow_dispatch": _workflow_dispatch,
        "repository_dispatch": _repository_dispatch,
    }
)


def _sha_at(event: Event, path: str) -> Fact[str] | None:
    sha = event.payload.sha(path)
    if sha is None:
        return None
    return Fact(value=sha, source=path + _instead_of(event.run.sha, sha))


def _written_sha(event: Event, sha: str, path: str) -> Fact[str] | Unresolved:
    """Return a SHA that a person or program wrote, which may be a short one."""
    if len(sha) < FULL_SHA:
        return Unresolved(why=f"{path} is a short SHA", abbreviated=sha)
    return Fact(value=sha, source=path + _instead_of(event.run.sha, sha))


def _github_sha(event: Event, path: str) -> Fact[str] | Unresolved:
    if event.run.sha is None:
        return Unresolved(why=f"neither the payload's {path} nor GITHUB_SHA is a commit SHA")
    return Fact(value=event.run.sha, source=f"GITHUB_SHA, since the payload has no {path}")


def _instead_of(github_sha: str | None, sha: str) -> str:
    return f"; GITHUB_SHA was {github_sha[:7]}" if github_sha and github_sha != sha else ""


def _environment(event: Event, *paths: str) -> Fact[str] | None:
    """Return the first environment that is named, where no input names one."""
    if event.inputs.environment is not None:
        return None
    for path in paths:
        name = event.payload.text(path)
        if name is None:
            continue
        if has_controls(name):
            raise EventError(
                f"{path} has a line break or another control character; set `environment`"
            )
        return Fact(value=name, source=path)
    return None


def _suffix(ref: str, prefix: str) -> str | None:
    name = ref.removeprefix(prefix)
    return name if name != ref and name and not has_controls(name) else None


def _missing(path: str, kind: str) -> str:
    return f"the payload's {path} is not {kind}"


def _required(value: str | None, path: str) -> str:
    if value is None:
        raise _unreadable(path, "a text")
    return value


def _unreadable(path: str, kind: str) -> EventError:
    return EventError(
        f"{_missing(path, kind)}, so nothing tells whether this was a deployment; look at the file"
        " of GITHUB_EVENT_PATH, which only GitHub should write"
    )
