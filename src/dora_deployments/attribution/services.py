"""Which services are deployed, and which of the pull requests each of them carries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from dora_deployments.actions.inputs import Inputs
from dora_deployments.actions.problems import dotted
from dora_deployments.actions.text import shown
from dora_deployments.attribution.look_ups import LookUpError, LookUps
from dora_deployments.attribution.shipped import Shipped
from dora_deployments.catalogue import NO_SERVICE_TO_TELL
from dora_deployments.deployment import Fact, PullRequest, Service, TouchedServices
from dora_deployments.errors import ConfigurationError, Skip

if TYPE_CHECKING:
    from dora_deployments.actions.config import Config, MappedService
    from dora_deployments.attribution.answers import PullDetail
    from dora_deployments.attribution.shipped import Range


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceChanges:
    """A service, and the pull requests that its deployment carries.

    `is_exact` says that these are all of them. `by_path` says that paths map files to the
    service, and `is_touched` whether any changed file is its own, None if that is unknown;
    a service without paths is touched by all of them.
    """

    service: Service
    pulls: tuple[PullRequest, ...]
    is_exact: bool
    by_path: bool = False
    is_touched: bool | None = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """The files that a deployment changes.

    `by_pull` has those of pull requests, by their numbers, None if any are not known; `direct`
    has at least all others. `unknown` says why it is not known which services are touched, and
    `all_count` that files which are not known count as those of every service.
    """

    by_pull: Mapping[int, frozenset[str]] | None = None
    direct: frozenset[str] = frozenset()
    unknown: str = ""
    all_count: bool = False
    warnings: tuple[str, ...] = ()


_NO_TIME: Final = (
    "the time for look-ups was over before all changed files were matched with `paths`; so it is"
    " not known which services they belong to"
)
_TOO_LATE: Final = Files(
    unknown="all of them, since there was no time to find out which", warnings=(_NO_TIME,)
)
_DIRECT: Final = 0  # no pull request's number


def deployed(
    inputs: Inputs,
    config: "Config | None",
    repository: str,
    shipped: Shipped,
    look_ups: LookUps,
    environment: Fact[str] | None = None,
) -> tuple[Fact[tuple[ServiceChanges, ...]], tuple[str, ...]]:
    """Return the services, and warnings about the way they were found.

    `environment` is the raw name of what was deployed to. Services that are named are always
    deployed; if none is, the one that the environment belongs to. Raises `Skip` if it belongs
    to none and no changed file belongs to a service of the configuration file.
    """
    services_of_file = config.services if config else ()
    mapped = {each.service.identifier: each for each in services_of_file if each.paths}
    if inputs.mode == "pull-services" and not inputs.service and not mapped:
        raise ConfigurationError(
            "`mode` is pull-services, but no service is known to report; name `service`, or map"
            " services to paths in `config-file`",
            topic=NO_SERVICE_TO_TELL,
        )
    owner = _owner(inputs, config, environment)
    services, source = _candidates(inputs, config, owner, environment, repository)
    if config is None and inputs.config_file is not None:
        # It could not be read, and may say which pull requests are not of these services.
        unknown = (
            ServiceChanges(service=service, pulls=(), is_exact=False, by_path=True, is_touched=None)
            for service in services
        )
        return Fact(value=tuple(unknown), source=source), ()
    if not any(service.identifier in mapped for service in services):
        pulls = _begun(shipped, _details(repository, shipped, look_ups))
        carried = tuple(
            ServiceChanges(service=service, pulls=pulls, is_exact=shipped.is_exact)
            for service in services
        )
        return Fact(value=carried, source=source), ()
    files, details = _files(repository, shipped, look_ups)
    chosen = [mapped[each.identifier] for each in services if each.identifier in mapped]
    touching = _touching(chosen, files, look_ups)
    if touching is None:
        files = _TOO_LATE
    pulls = _begun(shipped, details)
    carried = tuple(
        _carried(service, shipped, pulls, files, touching or {})
        if service.identifier in mapped
        else ServiceChanges(service=service, pulls=pulls, is_exact=shipped.is_exact)
        for service in services
    )
    if owner or (inputs.service and inputs.mode == "deployment"):
        return Fact(value=carried, source=source), files.warnings
    if files.unknown:
        return Fact(value=carried, source=f"{source}, {files.unknown}"), files.warnings
    touched = tuple(each for each in carried if each.is_touched)
    if not touched:
        raise Skip(
            "no-service-touched",
            f"no changed file is of a service of {source}",
        )
    return Fact(value=touched, source=f"{source}, by the files that were changed"), ()


def are_told_by_files(
    inputs: Inputs, config: "Config | None", repository: str, environment: Fact[str] | None
) -> bool:
    """Return whether the changed files tell which services are deployed, or what they carry.

    Raises `Skip` as `deployed` does.
    """
    mapped = {each.service.identifier for each in config.services if each.paths} if config else ()
    owner = _owner(inputs, config, environment)
    services, _ = _candidates(inputs, config, owner, environment, repository)
    return any(service.identifier in mapped for service in services)


def are_certain(
    inputs: Inputs,
    config: "Config | None",
    environment: Fact[str] | None,
    carried: tuple[ServiceChanges, ...],
) -> bool:
    """Return whether these services were deployed for sure.

    Where it is not known which files were changed, they are all that the file maps to paths.
    """
    return (
        bool(inputs.service)
        or _owner(inputs, config, environment) is not None
        or all(each.is_touched is not None for each in carried)
    )


def touched(
    inputs: Inputs, pull_id: int | None, shipped: Shipped, carried: tuple[ServiceChanges, ...]
) -> TouchedServices | None:
    """Return which services the merged pull request touches, if that is to be told.

    Without paths there is nothing to tell along with a deployment, which names its service
    itself; nor if the files are not those of this pull request alone.
    """
    if pull_id is None or shipped.range is not None:
        return None
    services = tuple(
        each.service
        for each in carried
        if each.is_touched and (each.by_path or inputs.mode == "pull-services")
    )
    return TouchedServices(pull_id=pull_id, services=services) if services else None


def _owner(
    inputs: Inputs, config: "Config | None", environment: Fact[str] | None
) -> "Fact[MappedService] | None":
    """Return the service that a deployment to the environment belongs to by the file."""
    if config is None or environment is None or inputs.mode != "deployment":
        return None
    owner = config.service_of(environment.value)
    if owner is None:
        return None
    globs = dotted(("services", owner.service.identifier, "environments"))
    matched = f"{shown(environment.value)} ({environment.source})"
    return Fact(value=owner, source=f"{config.source}, whose {globs} match {matched}")


def _candidates(
    inputs: Inputs,
    config: "Config | None",
    owner: "Fact[MappedService] | None",
    environment: Fact[str] | None,
    repository: str,
) -> tuple[tuple[Service, ...], str]:
    """Return the services that may be deployed; what an input says of one wins."""
    if inputs.service:
        known = {each.service.identifier: each for each in config.services} if config else {}
        named = (_filled(service, known.get(service.identifier)) for service in inputs.service)
        return tuple(named), "the input `service`"
    if config is None or not config.services:
        return (Service(identifier=repository.rpartition("/")[2]),), "the repository's name"
    if owner is not None:
        return (owner.value.service,), owner.source
    by_path = tuple(each.service for each in config.services if each.paths)
    if not by_path:
        told = "the event names no environment"
        if environment is not None:
            told = f"no service has the environment {shown(environment.value)}"
        raise Skip("no-service-touched", f"{told}, and none has paths in {config.source}")
    return by_path, config.source


def _filled(service: Service, mapped: "MappedService | None") -> Service:
    if mapped is None:
        return service
    return replace(mapped.service, name=service.name or mapped.service.name)


def _carried(
    service: Service,
    shipped: Shipped,
    pulls: tuple[PullRequest, ...],
    files: Files,
    touching: Mapping[str, set[int]],
) -> ServiceChanges:
    """Return what a service with paths carries."""
    if files.by_pull is None:
        return ServiceChanges(
            service=service,
            pulls=(),
            is_exact=False,
            by_path=True,
            is_touched=True if files.all_count else None,
        )
    numbers = touching.get(service.identifier, set())
    return ServiceChanges(
        service=service,
        pulls=tuple(pull for pull in pulls if pull.number in numbers),
        is_exact=shipped.range is None or shipped.is_exact,
        by_path=True,
        is_touched=bool(numbers) or files.all_count,
    )


def _touching(
    mapped: "Sequence[MappedService]", files: Files, look_ups: LookUps
) -> dict[str, set[int]] | None:
    """Return which pull requests touch each service, by its identifier.

    `_DIRECT` stands among them for what came by none. None means that there was no time left.
    """
    from dora_deployments.actions.config import owners

    owned = owners(mapped)
    touching: dict[str, set[int]] = {}
    for number, names in ((_DIRECT, files.direct), *(files.by_pull or {}).items()):
        for name in names:
            if not look_ups.has_time():
                return None
            for index in owned.of(name):
                touching.setdefault(mapped[index].service.identifier, set()).add(number)
    return touching


def pulls_of(carried: tuple[ServiceChanges, ...], shipped: Shipped) -> tuple[PullRequest, ...]:
    """Return the shipped pull requests of the services; all, where it is not known whose they are.

    Those of other services are left out.
    """
    if not carried or any(not (each.pulls or each.is_exact) for each in carried):
        return shipped.pulls
    return carried_pulls(carried, shipped)


def carried_pulls(carried: tuple[ServiceChanges, ...], shipped: Shipped) -> tuple[PullRequest, ...]:
    """Return the shipped pull requests that are known to be of the services, each once."""
    numbers = {pull.number for each in carried for pull in each.pulls}
    return tuple(pull for pull in shipped.pulls if pull.number in numbers)


def _details(repository: str, shipped: Shipped, look_ups: LookUps) -> "Mapping[int, PullDetail]":
    """Return what tells when the shipped pull requests were begun, where that is not known."""
    if shipped.details is not None:
        return shipped.details
    numbers = [pull.number for pull in shipped.pulls if pull.first_commit_at is None]
    if not numbers or not shipped.is_exact:  # DX gets all of them, or none
        return {}
    return look_ups.pull_details(repository, numbers, files=False).by_number


def _begun(shipped: Shipped, details: "Mapping[int, PullDetail]") -> tuple[PullRequest, ...]:
    """Return the shipped pull requests with the times of their first commits, where known."""
    return tuple(
        replace(pull, first_commit_at=details[pull.number].first_commit_at)
        if shipped.range is not None and pull.first_commit_at is None and pull.number in details
        else pull
        for pull in shipped.pulls
    )


def _files(
    repository: str, shipped: Shipped, look_ups: LookUps
) -> "tuple[Files, Mapping[int, PullDetail]]":
    """Return the files that the deployment changes, and what is known of its pull requests."""
    if shipped.is_redeployment:
        return Files(unknown="all of them, since the same commit is deployed again"), {}
    try:
        landed = _landed(repository, shipped, look_ups)
        if landed is None:
            return Files(unknown="all of them, since it is not known what they had before"), {}
        pulls, direct, commits = landed
        others = look_ups.commit_files(repository, commits) if commits else None
        details = dict(shipped.details or {})
        if unknown := [number for number in pulls if number not in details]:
            details |= look_ups.pull_details(repository, unknown, files=True).by_number
    except LookUpError as error:
        warning = (
            f"the changed files could not be looked up: {error}; so it is not known which"
            " services they belong to"
        )
        return Files(unknown="all of them, since no file is known", warnings=(warning,)), {}
    by_pull = {number: each.files for number, each in details.items() if each.files is not None}
    if len(by_pull) < len(pulls) or (others is not None and others.cut):
        warning = (
            "the changed files are too many to be listed; so they count as those of every service"
        )
        files = Files(
            # What came by no pull request does not change which of these belong to a service.
            by_pull=None if len(by_pull) < len(pulls) else by_pull,
            unknown="all of them, since not every changed file is known",
            all_count=True,
            warnings=(warning,),
        )
        return files, details
    of_commits = others.by_commit.values() if others is not None else ()
    return Files(by_pull=by_pull, direct=direct.union(*of_commits)), details


def _landed(
    repository: str, shipped: Shipped, look_ups: LookUps
) -> tuple[list[int], frozenset[str], Sequence[str]] | None:
    """Return the pull requests whose files differ, and what differs by other commits.

    That is the files of the whole range, or the commits where these are not known. A commit
    that does not build on the one before takes away what only that one had. None means unknown.
    """
    found = shipped.range
    if found is None:
        return None if shipped.merged is None else ([shipped.merged.number], frozenset(), ())
    if not shipped.was_deployed and shipped.uncertainty is None:
        return None
    ranges = _ranges(repository, found, look_ups)
    if not all(each.is_read for each in ranges):
        return None
    numbers = dict.fromkeys(pull.number for each in ranges for pull in each.landed)
    mixed = [each for each in ranges if each.direct]
    return (
        list(numbers),
        frozenset[str]().union(*(each.files for each in mixed if each.files is not None)),
        [sha for each in mixed if each.files is None for sha in each.direct],
    )


def _ranges(repository: str, found: "Range", look_ups: LookUps) -> "list[Range]":
    if found.relation not in {"behind", "diverged"}:
        return [found]
    from dora_deployments.attribution.since import between

    return [found, between(look_ups, repository, found.head, found.base)]
