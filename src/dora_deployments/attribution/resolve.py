"""From what the event says and what the inputs want to the deployments to report.

An explicit input wins over the payload, and the payload over `GITHUB_*`. Each decision is
kept as a `Fact`, with where it comes from.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from dora_deployments.actions.event import DeploymentEvent, Unresolved, run_identity
from dora_deployments.actions.inputs import Inputs, input_fact
from dora_deployments.actions.run import Run
from dora_deployments.actions.text import shown
from dora_deployments.attribution import (
    branch,
    changes,
    commit,
    config_file,
    environment,
    identity,
    services,
    times,
)
from dora_deployments.attribution.look_ups import LookUps
from dora_deployments.attribution.services import ServiceChanges
from dora_deployments.attribution.shipped import Shipped, shipped_by_merge
from dora_deployments.attribution.subject import Subject
from dora_deployments.catalogue import about_input
from dora_deployments.deployment import Attribution, Deployment, Fact, PullRequest, TouchedServices
from dora_deployments.errors import EventError, InputError, Skip

if TYPE_CHECKING:
    from dora_deployments.actions.config import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """What was deployed, decided in full: one deployment for each service.

    In the mode `pull-services` there are no deployments. `attributions` are in the order of
    `services`. `touched` is what the merge of a pull request touches. `pulls` are the shipped
    pull requests of `services`, or all where it is not known whose they are;
    `merge_commit_shas` are theirs, or those that the inputs name. `finished_by_clock` means
    that the event tells no finish, so a re-run has a later one. Without `are_services_certain`
    the services are all that have paths, since it is not known which files were changed.
    """

    deployments: tuple[Deployment, ...]
    repository: Fact[str]
    repository_url: str
    commit_sha: Fact[str]
    environment: Fact[str]
    services: Fact[tuple[ServiceChanges, ...]]
    started_at: Fact[datetime]
    finished_at: Fact[datetime]
    success: Fact[bool]
    version: Fact[str] | None
    attributions: tuple[Fact[Attribution], ...]
    shipped: Shipped
    touched: TouchedServices | None
    pulls: tuple[PullRequest, ...]
    merge_commit_shas: tuple[str, ...]
    finished_by_clock: bool
    warnings: tuple[str, ...]
    are_services_certain: bool = True


def resolve(
    deployment_event: DeploymentEvent,
    inputs: Inputs,
    run: Run,
    look_ups: LookUps,
    now: datetime,
    workspace_file: bytes | None = None,
    config: "Config | None" = None,
) -> Resolved:
    """Return the deployments that `deployment_event` amounts to.

    `workspace_file` is the configuration file, if the workspace has it; `config` is what it
    says, if that is known already. Raises `Skip` for
    what is not to be reported, `EventError` where neither payload nor API tell what only
    they can, `InputError` where an input contradicts the event, as where it names another
    repository without a commit, `ConfigurationError` for a configuration file that cannot be
    used, and `HeldBackError` where the names to report may stand in one that cannot be read now.
    """
    if inputs.mode == "pull-services":
        _check_merge(deployment_event)
    repository = input_fact(inputs.repository, "repository") or deployment_event.repository
    if repository.value.lower() == deployment_event.repository.value.lower():
        # GitHub ignores case in names; a backend may not, so they stay as GitHub writes them.
        repository = replace(repository, value=deployment_event.repository.value)
    own = _is_own(repository.value, deployment_event, run)
    if not own:
        _check_commit_of_another(deployment_event, inputs, run)
    deployment_event, branch_warnings = branch.check(deployment_event, inputs, look_ups)
    commit_sha, commit_warnings = commit.deployed(
        deployment_event, inputs, repository.value, look_ups
    )
    config_warnings: tuple[str, ...] = ()
    if config is None:
        config, config_warnings = config_file.found(
            deployment_event, inputs, workspace_file, repository.value, commit_sha.value, look_ups
        )
    reported = environment.reported(deployment_event, inputs, config)
    started_at, finished_at = times.started_and_finished(deployment_event, inputs, now)
    success = _success(deployment_event, inputs)
    version = input_fact(inputs.version, "version") or (deployment_event.version if own else None)
    subject = Subject(
        deployment_event=deployment_event,
        inputs=inputs,
        repository=repository.value,
        own=own,
        commit_sha=commit_sha,
        environment=reported.value,
        success=success.value,
        config=config,
        run_commit=_run_commit(deployment_event, run, commit_sha) if own else None,
    )
    changed = find_shipped(subject, look_ups)
    raw_environment = deployment_event.environment or input_fact(inputs.environment, "environment")
    if changed.range is not None:
        from dora_deployments.attribution.promotions import with_pulls_behind

        by_files = services.are_told_by_files(inputs, config, repository.value, raw_environment)
        changed = with_pulls_behind(subject, changed, look_ups, files=by_files)
    carried, service_warnings = services.deployed(
        inputs, config, repository.value, changed, look_ups, raw_environment
    )
    attributed = [
        changes.attribution(inputs, changed, each, success=success.value) for each in carried.value
    ]
    run_url = run.url(run.repository or deployment_event.repository.value)

    def id_of(service: str) -> str:
        if inputs.deployment_id is None:
            return identity.deployment_id(
                server_url=run.server_url,
                repository_id=deployment_event.repository_id if own else repository.value.lower(),
                environment=reported.value,
                service=service,
                success=success.value,
                identity=_identity(deployment_event, inputs, run, commit_sha, changed.attempt),
            )
        if len(carried.value) == 1:
            return inputs.deployment_id
        return identity.id_of_one_service(
            inputs.deployment_id, environment=reported.value, service=service
        )

    def deployment(
        each: ServiceChanges, attribution: Attribution, merge_commit_shas: tuple[str, ...]
    ) -> Deployment:
        return Deployment(
            id=id_of(each.service.identifier),
            service=each.service,
            environment=reported.value,
            repository=repository.value,
            repository_url=f"https://{run.server_url.partition('://')[2]}/{repository.value}",
            commit_sha=commit_sha.value,
            started_at=started_at.value,
            finished_at=finished_at.value,
            success=success.value,
            attribution=attribution,
            merge_commit_shas=merge_commit_shas,
            integration_branch=inputs.integration_branch,
            version=None if version is None else version.value,
            team=inputs.team or each.service.team,
            tags=inputs.tags,
            metadata=inputs.metadata,
            is_rollback=changed.is_rollback and success.value,
            committed_at=changed.committed_at,
            first_commit_at=changes.first_commit_at(each),
            source_url=inputs.source_url or deployment_event.source_url or run_url,
            source_name=inputs.source_name,
        )

    pulls = services.pulls_of(carried.value, changed)
    return Resolved(
        deployments=tuple(
            deployment(each, fact.value, merge_commit_shas)
            for each, (fact, merge_commit_shas) in zip(carried.value, attributed, strict=True)
            if inputs.mode == "deployment"
        ),
        repository_url=f"{run.server_url}/{repository.value}",
        repository=repository,
        commit_sha=commit_sha,
        environment=reported,
        services=carried,
        started_at=started_at,
        finished_at=finished_at,
        success=success,
        version=version,
        attributions=tuple(fact for fact, _ in attributed),
        shipped=changed,
        touched=services.touched(inputs, deployment_event.pull_id, changed, carried.value),
        pulls=pulls,
        merge_commit_shas=(success.value and inputs.merge_commit_shas)
        or tuple(dict.fromkeys(pull.merge_commit_sha for pull in pulls)),
        finished_by_clock=not (inputs.finished_at or deployment_event.finished_at),
        warnings=(
            *branch_warnings,
            *commit_warnings,
            *config_warnings,
            *changed.warnings,
            *service_warnings,
            *changes.unsent(
                inputs,
                changed,
                {fact.value for fact, _ in attributed},
                success=success.value,
            ),
        ),
        are_services_certain=changed.is_first
        or services.are_certain(inputs, config, raw_environment, carried.value),
    )


def find_shipped(subject: Subject, look_ups: LookUps) -> Shipped:
    """Return what is shipped; only what has to be looked up imports how to look it up."""
    found = shipped_by_merge(subject)
    if found is not None:
        return found
    from dora_deployments.attribution.since import shipped_since_previous

    return shipped_since_previous(subject, look_ups)


def _check_merge(deployment_event: DeploymentEvent) -> None:
    """Raise `Skip` or `EventError` unless this is a merged pull request that DX can know."""
    if deployment_event.pull_number is None:
        raise Skip(
            "event-not-a-deployment",
            f"`mode` is pull-services, and the event {shown(deployment_event.event)} is no merged"
            " pull request",
            "run this step on pull_request with `types: [closed]`",
        )
    if deployment_event.pull_id is None:
        raise EventError(
            "the payload's pull_request.id is not a number, by which alone DX knows pull requests"
        )


def _identity(
    deployment_event: DeploymentEvent, inputs: Inputs, run: Run, commit_sha: Fact[str], attempt: int
) -> str:
    """Return what tells this deployment from all others of its environment and service.

    It is the event's identity, with the commit where one event may name several: by an input, or
    by publishing a release again. A short SHA counts as the full one. An `attempt` above 1
    deployed again.
    """
    told, identity = deployment_event.commit_sha, deployment_event.identity
    is_short = isinstance(told, Unresolved) and told.abbreviated is not None
    if deployment_event.is_run_identity and (inputs.commit_sha is not None or is_short):
        identity = run_identity(run, commit_sha.value)
    is_other = isinstance(told, Fact) and told.value != commit_sha.value
    if is_other or (deployment_event.event == "release" and not deployment_event.is_run_identity):
        identity = f"{identity}:{commit_sha.value}"
    return identity if attempt == 1 else f"{identity}:attempt:{attempt}"


def _run_commit(deployment_event: DeploymentEvent, run: Run, commit_sha: Fact[str]) -> str:
    """Return the commit of the run that deployed: on it are the records that its jobs made."""
    told = deployment_event.commit_sha
    if deployment_event.event == "workflow_run" and isinstance(told, Fact):
        return told.value
    return run.sha or commit_sha.value


def _is_own(repository: str, deployment_event: DeploymentEvent, run: Run) -> bool:
    """Return whether a repository is the event's own, also by the name that the run knows.

    A run that is repeated after its repository was renamed has the new name, and the event has
    the old one.
    """
    names = {deployment_event.repository.value.lower()}
    if run.repository and run.repository_id == deployment_event.repository_id:
        names.add(run.repository.lower())
    return repository.lower() in names


def _check_commit_of_another(deployment_event: DeploymentEvent, inputs: Inputs, run: Run) -> None:
    """Raise `InputError` if no one names the commit of a repository that is not the event's.

    A commit that is sent with a dispatch counts as named.
    """
    told = deployment_event.commit_sha
    sent = told.value != run.sha if isinstance(told, Fact) else told.abbreviated is not None
    if inputs.commit_sha is None and not (sent and deployment_event.event.endswith("_dispatch")):
        problem = (
            f"is {inputs.repository}, and the event happened in"
            f" {deployment_event.repository.value}, whose commits are others; set `commit-sha` to"
            f" the commit of {inputs.repository} that was deployed, or leave `repository` out"
        )
        raise InputError(about_input("repository", problem))


def _success(deployment_event: DeploymentEvent, inputs: Inputs) -> Fact[bool]:
    if inputs.success == "auto":
        return deployment_event.success
    return Fact(value=inputs.success in {"true", "success"}, source="the input `success`")
