"""Which services are deployed, and which of the pull requests each of them carries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dora_deployments.actions.inputs import Inputs
from dora_deployments.attribution.look_ups import LookUpError, LookUps
from dora_deployments.attribution.shipped import Shipped
from dora_deployments.catalogue import NO_SERVICE_TO_TELL
from dora_deployments.deployment import Fact, PullRequest, Service, TouchedServices
from dora_deployments.errors import ConfigurationError, Skip

if TYPE_CHECKING:
    from dora_deployments.actions.config import Config, MappedService
    from dora_deployments.attribution.answers import ChangedFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
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
    """The files that a deployment changes, or why it is not known which these are.

    `all_count` says that then every file counts as changed, as far as anybody can tell.
    """

    known: "ChangedFiles | None" = None
    unknown: str = ""
    all_count: bool = False
    warnings: tuple[str, ...] = ()


def deployed(
    inputs: Inputs, config: "Config | None", repository: str, shipped: Shipped, look_ups: LookUps
) -> tuple[Fact[tuple[Carried, ...]], tuple[str, ...]]:
    """Return the services, and warnings about the way they were found.

    Services that are named are always deployed. Raises `Skip` where none is named and no
    changed file belongs to any that the configuration file maps.
    """
    mapped = {each.service.identifier: each for each in config.services} if config else {}
    if inputs.mode == "pull-services" and not inputs.service and not mapped:
        raise ConfigurationError(
            "`mode` is pull-services, but no service is known to tell of; name `service`, or map"
            " services to paths in `config-file`",
            topic=NO_SERVICE_TO_TELL,
        )
    services, source = _candidates(inputs, config, mapped, repository)
    if not any(service.identifier in mapped for service in services):
        carried = tuple(
            Carried(service=service, pulls=shipped.pulls, is_exact=shipped.is_exact)
            for service in services
        )
        return Fact(value=carried, source=source), ()
    files = _files(repository, shipped, look_ups)
    carried = tuple(
        _carried(service, mapped.get(service.identifier), shipped, files) for service in services
    )
    if inputs.service and inputs.mode == "deployment":
        return Fact(value=carried, source=source), files.warnings
    if files.known is None:
        return Fact(value=carried, source=f"{source}, {files.unknown}"), files.warnings
    touched = tuple(each for each in carried if each.is_touched)
    if not touched:
        raise Skip(
            "no-service-touched",
            f"no changed file is of a service of {source}",
        )
    return Fact(value=touched, source=f"{source}, by the files that were changed"), ()


def touched(
    inputs: Inputs, pull_id: int | None, shipped: Shipped, carried: tuple[Carried, ...]
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


def _candidates(
    inputs: Inputs, config: "Config | None", mapped: Mapping[str, "MappedService"], repository: str
) -> tuple[tuple[Service, ...], str]:
    """Return the services that may be deployed; what an input says of one wins."""
    if inputs.service:
        named = (_filled(service, mapped.get(service.identifier)) for service in inputs.service)
        return tuple(named), "the input `service`"
    if config is not None and mapped:
        return tuple(each.service for each in config.services), config.source
    return (Service(identifier=repository.rpartition("/")[2]),), "the repository's name"


def _filled(service: Service, mapped: "MappedService | None") -> Service:
    if mapped is None:
        return service
    return replace(mapped.service, name=service.name or mapped.service.name)


def _carried(
    service: Service, mapped: "MappedService | None", shipped: Shipped, files: Files
) -> Carried:
    if mapped is None:
        return Carried(service=service, pulls=shipped.pulls, is_exact=shipped.is_exact)
    if files.known is None:
        return Carried(
            service=service,
            pulls=(),
            is_exact=False,
            by_path=True,
            is_touched=True if files.all_count else None,
        )
    by_pull = files.known.by_pull
    touching = {number for number, names in by_pull.items() if mapped.touched_by(names)}
    by_commit = files.known.by_commit.values()
    return Carried(
        service=service,
        pulls=tuple(pull for pull in shipped.pulls if pull.number in touching),
        is_exact=True,
        by_path=True,
        is_touched=bool(touching) or any(map(mapped.touched_by, by_commit)),
    )


def _files(repository: str, shipped: Shipped, look_ups: LookUps) -> Files:
    """Return the files of the pull requests and other commits that the deployment changes."""
    if shipped.is_redeployment:
        return Files(unknown="all of them, since the same commit is deployed again")
    try:
        landed = _landed(repository, shipped, look_ups)
        if landed is None:
            return Files(unknown="all of them, since it is not known what they had before")
        known = look_ups.changed_files(repository, *landed)
    except LookUpError as error:
        warning = (
            f"the changed files could not be looked up: {error}; so it is not known which"
            " services they belong to"
        )
        return Files(unknown="all of them, since no file is known", warnings=(warning,))
    if known.cut:
        warning = (
            "the changed files are too many to be listed; so they count as those of every service"
        )
        return Files(
            unknown="all of them, since not every changed file is known",
            all_count=True,
            warnings=(warning,),
        )
    return Files(known=known)


def _landed(
    repository: str, shipped: Shipped, look_ups: LookUps
) -> tuple[list[int], Sequence[str]] | None:
    """Return the pull requests and other commits whose files differ, or None if unknown.

    A commit that does not build on the one before takes away what only that one had.
    """
    found = shipped.range
    if found is None:
        return None if shipped.merged is None else ([shipped.merged.number], ())
    if not shipped.was_deployed:
        return None
    ranges = [found]
    if found.relation in {"behind", "diverged"}:
        from dora_deployments.attribution.ranges import between

        ranges.append(between(look_ups, repository, found.head, found.base))
    if any(each.missing is not None for each in ranges):
        return None
    return (
        [pull.number for each in ranges for pull in each.landed],
        [sha for each in ranges for sha in each.direct],
    )
