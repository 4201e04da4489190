"""The `config-file`: which files and environments a service has, and what these are called.

It is read as `strict_yaml` takes it; a JSON Schema says most of what it may hold.
"""

import pathlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dora_deployments.actions import parse as inputs
from dora_deployments.actions import paths, shape, strict_yaml
from dora_deployments.actions.parse import LARGEST_CONFIG_FILE
from dora_deployments.actions.patterns import EnvironmentRule, matches_glob
from dora_deployments.actions.problems import Path, Problem, dotted
from dora_deployments.deployment import Service
from dora_deployments.errors import ConfigurationError

SCHEMA: Final = pathlib.Path(__file__).parent / "schemas" / "config.json"

_MOST_PROBLEMS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedService:
    """A service, the gitignore patterns of its files and the globs of its environments.

    At least one of the two is not empty.
    """

    service: Service
    paths: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What the file says, in its order; `source` names the file in messages."""

    services: tuple[MappedService, ...]
    environments: tuple[EnvironmentRule, ...]
    source: str

    def service_of(self, environment: str) -> MappedService | None:
        """Return the first service that lists `environment`, by its raw name on GitHub."""
        for service in self.services:
            if any(matches_glob(environment, glob) for glob in service.environments):
                return service
        return None


def owners(services: Iterable[MappedService]) -> paths.Owners:
    """Return which of the services, by their indexes, own which files."""
    return paths.owners(tuple(service.paths for service in services))


def parse(content: bytes, where: str) -> Config:
    """Return what the file says, or raise `ConfigurationError` with every problem.

    `where` names the file. The messages quote keys and never values.
    """
    document = strict_yaml.read(content, where, largest=LARGEST_CONFIG_FILE)
    value, lines, problems = document.value, document.lines, document.problems
    if not problems:
        problems = [*shape.problems(SCHEMA, value, lines, most=_MOST_PROBLEMS + 1)]
        bad = {problem.path for problem in problems}
        problems += _content_problems(value, lines, bad)
    if problems:
        problems = sorted(dict.fromkeys(problems), key=lambda problem: problem.line)
        sentences = [f"{where}, {problem}" for problem in problems[:_MOST_PROBLEMS]]
        if len(problems) > _MOST_PROBLEMS:
            sentences.append(f"{where} has more problems than these; correct them first")
        raise ConfigurationError(*sentences)
    return Config(
        services=tuple(
            MappedService(
                service=Service(
                    identifier=identifier, name=service.get("name"), team=service.get("team")
                ),
                paths=tuple(service.get("paths", ())),
                environments=tuple(service.get("environments", ())),
            )
            for identifier, service in value.get("services", {}).items()
        ),
        environments=tuple(
            EnvironmentRule(glob=glob, name=inputs.environment(name))
            for name, globs in value.get("environments", {}).items()
            for glob in globs
        ),
        source=where,
    )


# --- what the schema cannot say


def _content_problems(
    value: object, lines: Mapping[Path, int], bad: set[Path]
) -> Iterator[Problem]:
    """Return what is wrong with the texts and lists whose paths are not in `bad` already."""
    environments: dict[str, Path] = {}
    globs: dict[str, Path] = {}
    for path, inner in _walk(value):
        if path in bad:
            continue
        try:
            # The types again, since what is below a bad path may be of any.
            match path, inner:
                case ("services", str(identifier)), _:
                    _check_identifier(identifier)
                case ("services", _, "name" | "team"), str(text):
                    _check_line(text)
                case ("services", _, "paths"), list(patterns):
                    _check_patterns(patterns)
                case ("services", _, "paths", int()), str(pattern):
                    _check_line(pattern)
                    paths.check(pattern)
                case ("environments", str(name)), _:
                    _check_environment(name, path, environments)
                case ("environments", _, int()) | ("services", _, "environments", int()), str(glob):
                    _check_glob(glob, path, globs)
        except ValueError as error:
            yield Problem(line=lines[path], path=path, words=str(error))


def _walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    yield path, value
    entries: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        entries = value.items()
    elif isinstance(value, list):
        entries = enumerate(value)
    for key, inner in entries:
        yield from _walk(inner, (*path, key))


def _check_line(text: str) -> None:
    if inputs.line(text) != text.strip():
        raise ValueError("has white space around it; write it without")


def _check_identifier(identifier: str) -> None:
    _check_line(identifier)
    if "," in identifier or "=" in identifier:
        raise ValueError("has a comma or an equals sign, which `service` cannot name; leave it out")


def _check_environment(name: str, path: Path, seen: dict[str, Path]) -> None:
    _check_line(name)
    first = seen.setdefault(inputs.environment(name), path)
    if first != path:
        raise ValueError(f"is the same environment as {dotted(first)}; write it once")


def _check_glob(glob: str, path: Path, of_services: dict[str, Path]) -> None:
    _check_line(glob)
    if path[0] != "services":
        return
    first = of_services.setdefault(glob.lower(), path)  # as they match
    if first != path:
        raise ValueError(
            f"is the same glob as {dotted(first)}, and an environment belongs to one service only;"
            " write it once"
        )


def _check_patterns(patterns: list[Any]) -> None:
    if all(isinstance(pattern, str) and pattern.startswith("!") for pattern in patterns):
        raise ValueError("only takes files away; write a pattern without ! before them")
