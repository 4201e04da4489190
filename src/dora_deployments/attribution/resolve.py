"""From what the event says and what the inputs want to the deployments to report.

An explicit input wins over the payload, and the payload over `GITHUB_*`. Each decision is
kept as a `Fact`, with where it comes from.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from dora_deployments.actions.event import FULL_SHA, Happening, Unresolved
from dora_deployments.actions.inputs import Inputs
from dora_deployments.actions.moments import whole_seconds
from dora_deployments.actions.parse import environment as normalised
from dora_deployments.actions.run import Run
from dora_deployments.actions.text import shown
from dora_deployments.attribution import identity
from dora_deployments.attribution.github import LookUpError
from dora_deployments.deployment import Attribution, Deployment, Fact, PullRequest, Service
from dora_deployments.errors import EventError, InputError, Skip

T = TypeVar("T")


class LookUps(Protocol):
    """What GitHub's API can be asked; every answer may be a `LookUpError` instead."""

    def default_branch(self, repository: str) -> str:
        """Return the name of the repository's default branch."""

    def commit(self, repository: str, abbreviated: str) -> str:
        """Return the full SHA that a short one stands for."""

    def tag_commit(self, repository: str, tag: str) -> str:
        """Return the SHA of the commit that a tag points to."""

    def peeled(self, repository: str, sha: str) -> str:
        """Return the SHA of the commit behind a tag object, or of a commit itself."""

    def merge_commit(self, repository: str, number: int) -> str:
        """Return the SHA by which a pull request landed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """What was deployed, decided in full: one deployment for each service.

    `merge_commit_shas` and `pull_requests` are what is known to have been shipped.
    `finished_by_clock` means that the event tells no finish, so a re-run has a later one.
    """

    deployments: tuple[Deployment, ...]
    repository: Fact[str]
    commit_sha: Fact[str]
    environment: Fact[str]
    services: Fact[tuple[Service, ...]]
    started_at: Fact[datetime]
    finished_at: Fact[datetime]
    success: Fact[bool]
    version: Fact[str] | None
    attribution: Fact[Attribution]
    pull_requests: tuple[PullRequest, ...]
    merge_commit_shas: tuple[str, ...]
    finished_by_clock: bool
    warnings: tuple[str, ...]


def resolve(
    happening: Happening, inputs: Inputs, run: Run, look_ups: LookUps, now: datetime
) -> Resolved:
    """Return the deployments that `happening` amounts to.

    Raises `Skip` for a branch or environment that is not reported, `EventError` where
    neither payload nor API tell what only they can, and `InputError` where an input
    contradicts the event.
    """
    environment = _environment(happening, inputs)
    repository = _repository(happening, inputs)
    _check_branch(happening, inputs, look_ups)
    commit_sha, commit_warnings = _commit_sha(happening, inputs, repository.value, look_ups)
    foreign = _foreign(happening, inputs, run, commit_sha)
    started_at, finished_at = _times(happening, inputs, now)
    success = _success(happening, inputs)
    services = _services(inputs, repository.value)
    version = _given(inputs.version, "version") or happening.version
    pulls = _pull_requests(happening, inputs, commit_sha)
    merge_commit_shas = inputs.merge_commit_shas or tuple(pull.merge_commit_sha for pull in pulls)
    attribution = _attribution(inputs, merge_commit_shas)
    run_url = run.url(run.repository or happening.repository.value)

    def deployment(service: Service) -> Deployment:
        return Deployment(
            id=_id(happening, inputs, run, repository, environment, service, success, services),
            service=service,
            environment=environment.value,
            repository=repository.value,
            repository_url=f"https://{run.server_url.partition('://')[2]}/{repository.value}",
            commit_sha=commit_sha.value,
            started_at=started_at.value,
            finished_at=finished_at.value,
            success=success.value,
            attribution=attribution.value,
            merge_commit_shas=merge_commit_shas,
            integration_branch=inputs.integration_branch,
            version=None if version is None else version.value,
            team=inputs.team,
            tags=inputs.tags,
            metadata=inputs.metadata,
            source_url=inputs.source_url or happening.source_url or run_url,
            source_name=inputs.source_name,
        )

    return Resolved(
        deployments=tuple(map(deployment, services.value)),
        repository=repository,
        commit_sha=commit_sha,
        environment=environment,
        services=services,
        started_at=started_at,
        finished_at=finished_at,
        success=success,
        version=version,
        attribution=attribution,
        pull_requests=pulls,
        merge_commit_shas=merge_commit_shas,
        finished_by_clock=not (inputs.finished_at or happening.finished_at),
        warnings=(
            *happening.warnings,
            *commit_warnings,
            *foreign,
            *_unsent(inputs, attribution),
        ),
    )


def _given(value: T | None, name: str) -> Fact[T] | None:
    return None if value is None else Fact(value=value, source=f"the input `{name}`")


def _environment(happening: Happening, inputs: Inputs) -> Fact[str]:
    if explicit := _given(inputs.environment, "environment"):
        return explicit
    told = happening.environment
    if told is None:
        return Fact(value="production", source="the default, since the event names none")
    for rule in inputs.environment_map:
        if rule.matches(told.value):
            line = f"{rule.glob}={rule.name}"
            if not rule.name:
                raise Skip(
                    "environment-ignored",
                    f"the environment is {shown(told.value)}, which `environment-map` leaves out"
                    f" by its line {line}",
                )
            return Fact(
                value=rule.name,
                source=f"`environment-map`, whose line {line} matches {shown(told.value)}"
                f" ({told.source})",
            )
    return Fact(value=normalised(told.value), source=told.source)


def _repository(happening: Happening, inputs: Inputs) -> Fact[str]:
    return _given(inputs.repository, "repository") or happening.repository


def _check_branch(happening: Happening, inputs: Inputs, look_ups: LookUps) -> None:
    """Let only branches pass whose deployments are to be reported."""
    branch = happening.branch
    if branch is None:
        return
    if inputs.branches is not None:
        if not inputs.branches.matches(branch.value):
            raise Skip(
                "branch-not-deployed",
                f"{branch.source} is {shown(branch.value)}, and `branches` is {inputs.branches}",
            )
        return
    default = happening.default_branch
    if default is None:
        try:
            default = look_ups.default_branch(happening.repository.value)
        except LookUpError as error:
            raise EventError(
                "the payload does not name the default branch (repository.default_branch), and"
                f" {error}; set `branches` to the branches that you deploy from"
            ) from None
    if branch.value != default:
        raise Skip(
            "branch-not-deployed",
            f"{branch.source} is {shown(branch.value)}, not the default branch {shown(default)};"
            " set `branches` to report other branches",
        )


def _commit_sha(
    happening: Happening, inputs: Inputs, repository: str, look_ups: LookUps
) -> tuple[Fact[str], tuple[str, ...]]:
    """Return the deployed commit, and warnings about the way it was found."""
    if explicit := _given(inputs.commit_sha, "commit-sha"):
        if len(explicit.value) >= FULL_SHA:
            return explicit, ()
        try:
            full = look_ups.commit(repository, explicit.value)
        except LookUpError as error:
            raise InputError(
                f"`commit-sha` is the short SHA {explicit.value}, which could not be looked up:"
                f" {error}; write all 40 digits"
            ) from None
        return Fact(value=full, source=f"the input `commit-sha`, {explicit.value} in full"), ()
    commit = happening.commit_sha
    if isinstance(commit, Fact):
        return commit, ()
    problem = commit.why
    try:
        found = _looked_up(commit, happening.repository.value, repository, look_ups)
    except LookUpError as error:
        found, problem = None, f"{commit.why}, and {error}"
    if found is not None:
        return Fact(value=found, source=f"GitHub's API, since {commit.why}"), ()
    if commit.fallback is None:
        raise EventError(f"{problem}; set `commit-sha` to the commit that was deployed")
    warning = (
        f"{problem}; GITHUB_SHA was taken, which for an annotated tag may be the tag object, so"
        " set `commit-sha` to be sure"
    )
    return commit.fallback, (warning,)


def _looked_up(
    commit: Unresolved, own_repository: str, repository: str, look_ups: LookUps
) -> str | None:
    """Return what GitHub's API says of a commit that the payload does not hold.

    Tags and pull requests are the event's own; a SHA that somebody wrote is one of the
    repository that is reported.
    """
    if commit.abbreviated is not None:
        return look_ups.commit(repository, commit.abbreviated)
    if commit.pull_request is not None:
        return look_ups.merge_commit(own_repository, commit.pull_request)
    if commit.tag_object is not None:
        return look_ups.peeled(own_repository, commit.tag_object)
    if commit.tag is not None:
        return look_ups.tag_commit(own_repository, commit.tag)
    return None


def _is_own(happening: Happening, inputs: Inputs) -> bool:
    """Return whether the repository that is reported is the event's own."""
    own = happening.repository.value.lower()
    return inputs.repository is None or inputs.repository.lower() == own


def _foreign(
    happening: Happening, inputs: Inputs, run: Run, commit_sha: Fact[str]
) -> tuple[str, ...]:
    """Return a warning if the commit is of another repository than the one reported."""
    written = happening.event.endswith("_dispatch") and commit_sha.value != run.sha
    if _is_own(happening, inputs) or inputs.commit_sha is not None or written:
        return ()
    warning = (
        f"`repository` is {inputs.repository}, but the commit is of"
        f" {happening.repository.value}, where the event happened; set `commit-sha` as well"
    )
    return (warning,)


def _times(
    happening: Happening, inputs: Inputs, now: datetime
) -> tuple[Fact[datetime], Fact[datetime]]:
    """Return start and finish; a start that was not given is never later than the finish."""
    finished = _given(inputs.finished_at, "finished-at") or happening.finished_at
    clock = finished is None
    if finished is None:
        finished = Fact(
            value=whole_seconds(now),
            source="the clock, since this step runs when the deployment is done",
        )
    started = _given(inputs.started_at, "started-at") or happening.started_at
    if started is None:
        return Fact(value=finished.value, source="the finish, since no start is known"), finished
    if started.value <= finished.value:
        return started, finished
    within_the_second = clock and whole_seconds(started.value) <= finished.value
    if inputs.started_at is not None and not within_the_second:
        raise InputError(
            f"`started-at` ({started.value.isoformat()}) is later than the finish"
            f" ({finished.value.isoformat()}, from {finished.source}); correct it, or set"
            " `finished-at`"
        )
    source = f"{started.source}, cut back to the finish"
    return Fact(value=finished.value, source=source), finished


def _success(happening: Happening, inputs: Inputs) -> Fact[bool]:
    if inputs.success == "auto":
        return happening.success
    return Fact(value=inputs.success in {"true", "success"}, source="the input `success`")


def _services(inputs: Inputs, repository: str) -> Fact[tuple[Service, ...]]:
    if inputs.service:
        return Fact(value=inputs.service, source="the input `service`")
    name = repository.rpartition("/")[2]
    return Fact(value=(Service(identifier=name),), source="the repository's name")


def _pull_requests(
    happening: Happening, inputs: Inputs, commit_sha: Fact[str]
) -> tuple[PullRequest, ...]:
    """Return the pull request whose merge is the event, if its merge commit is known."""
    number, landed = happening.pull_number, happening.commit_sha
    if number is None or not _is_own(happening, inputs):
        return ()
    if isinstance(landed, Unresolved):
        if inputs.commit_sha is not None:
            return ()
        landed = commit_sha
    return (PullRequest(id=happening.pull_id, number=number, merge_commit_sha=landed.value),)


def _attribution(inputs: Inputs, merge_commit_shas: tuple[str, ...]) -> Fact[Attribution]:
    """Return by what DX shall find the changes; it fills gaps itself when given a commit."""
    choice = inputs.attribution
    if choice == "repository":
        return Fact(value="repository", source="the input `attribution`")
    if choice == "commit":
        return Fact(value="commit", source="the input `attribution`")
    if inputs.merge_commit_shas:
        return Fact(value="pull-requests", source="the input `merge-commit-shas`")
    if choice == "pull-requests" and merge_commit_shas:
        return Fact(value="pull-requests", source="the input `attribution`")
    if choice == "pull-requests":
        return Fact(value="commit", source="the default, since no merged pull request is known")
    return Fact(value="commit", source="the default, by which DX fills gaps itself")


def _unsent(inputs: Inputs, attribution: Fact[Attribution]) -> tuple[str, ...]:
    """Return warnings about inputs that the attribution leaves no place for."""
    warnings = []
    if inputs.attribution == "pull-requests" and attribution.value == "commit":
        warnings.append(
            "`attribution` is pull-requests, but no merged pull request is known, so DX is given"
            " the commit; set `merge-commit-shas`, or leave `attribution` out"
        )
    if inputs.merge_commit_shas and attribution.value != "pull-requests":
        warnings.append(
            f"`merge-commit-shas` are not sent, since `attribution` is {attribution.value}"
        )
    if inputs.integration_branch and attribution.value != "commit":
        warnings.append(
            "`integration-branch` is not sent: DX takes it only together with one commit"
        )
    return tuple(warnings)


def _id(
    happening: Happening,
    inputs: Inputs,
    run: Run,
    repository: Fact[str],
    environment: Fact[str],
    service: Service,
    success: Fact[bool],
    services: Fact[tuple[Service, ...]],
) -> str:
    if inputs.deployment_id is not None:
        if len(services.value) == 1:
            return inputs.deployment_id
        return identity.id_of_one_service(
            inputs.deployment_id, environment=environment.value, service=service.identifier
        )
    own = _is_own(happening, inputs)
    return identity.deployment_id(
        server_url=run.server_url,
        repository_id=happening.repository_id if own else repository.value.lower(),
        environment=environment.value,
        service=service.identifier,
        success=success.value,
        identity=happening.identity,
    )
