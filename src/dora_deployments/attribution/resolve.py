"""From what the event says and what the inputs want to the deployments to report.

An explicit input wins over the payload, and the payload over `GITHUB_*`. Each decision is
kept as a `Fact`, with where it comes from.
"""

from dataclasses import dataclass
from datetime import datetime

from dora_deployments.actions.event import Happening
from dora_deployments.actions.inputs import Inputs, given
from dora_deployments.actions.parse import environment as normalised
from dora_deployments.actions.run import Run
from dora_deployments.actions.text import shown
from dora_deployments.attribution import branch, changes, commit, identity, times
from dora_deployments.attribution.look_ups import LookUps
from dora_deployments.deployment import Attribution, Deployment, Fact, PullRequest, Service
from dora_deployments.errors import Skip


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
    own = _is_own(happening, inputs)
    branch.check(happening, inputs, look_ups)
    commit_sha, commit_warnings = commit.deployed(happening, inputs, repository.value, look_ups)
    started_at, finished_at = times.started_and_finished(happening, inputs, now)
    success = _success(happening, inputs)
    services = _services(inputs, repository.value)
    version = given(inputs.version, "version") or happening.version
    pulls = changes.pull_requests(happening, inputs, commit_sha, own=own)
    merge_commit_shas = inputs.merge_commit_shas or tuple(pull.merge_commit_sha for pull in pulls)
    attribution = changes.attribution(inputs, merge_commit_shas)
    run_url = run.url(run.repository or happening.repository.value)

    def id_of(service: str) -> str:
        if inputs.deployment_id is None:
            return identity.deployment_id(
                server_url=run.server_url,
                repository_id=happening.repository_id if own else repository.value.lower(),
                environment=environment.value,
                service=service,
                success=success.value,
                identity=_identity(happening, commit_sha),
            )
        if len(services.value) == 1:
            return inputs.deployment_id
        return identity.id_of_one_service(
            inputs.deployment_id, environment=environment.value, service=service
        )

    def deployment(service: Service) -> Deployment:
        return Deployment(
            id=id_of(service.identifier),
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
            *_foreign(happening, inputs, run, commit_sha),
            *changes.unsent(inputs, attribution),
        ),
    )


def _identity(happening: Happening, commit_sha: Fact[str]) -> str:
    """Return the event's identity, or one of its own for a commit that the event did not name.

    One event may start several deployments, each of a commit that an input names.
    """
    told = happening.commit_sha
    if isinstance(told, Fact) and told.value != commit_sha.value:
        return f"{happening.identity}:{commit_sha.value}"
    return happening.identity


def _environment(happening: Happening, inputs: Inputs) -> Fact[str]:
    if explicit := given(inputs.environment, "environment"):
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
    return given(inputs.repository, "repository") or happening.repository


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


def _success(happening: Happening, inputs: Inputs) -> Fact[bool]:
    if inputs.success == "auto":
        return happening.success
    return Fact(value=inputs.success in {"true", "success"}, source="the input `success`")


def _services(inputs: Inputs, repository: str) -> Fact[tuple[Service, ...]]:
    if inputs.service:
        return Fact(value=inputs.service, source="the input `service`")
    name = repository.rpartition("/")[2]
    return Fact(value=(Service(identifier=name),), source="the repository's name")
