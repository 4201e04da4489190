"""The environment, by the name that the backends are told."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dora_deployments.actions.event import Happening
from dora_deployments.actions.inputs import Inputs, given
from dora_deployments.actions.parse import environment as normalised
from dora_deployments.actions.text import shown
from dora_deployments.deployment import Fact
from dora_deployments.errors import Skip

if TYPE_CHECKING:
    from dora_deployments.actions.config import Config
    from dora_deployments.actions.patterns import EnvironmentRule


def reported(happening: Happening, inputs: Inputs, config: "Config | None") -> Fact[str]:
    """Return the environment's name; `Skip` if its deployments are not to be reported.

    The lines of the input come before those of the configuration file.
    """
    if explicit := given(inputs.environment, "environment"):
        return explicit
    told = happening.environment
    if told is None:
        return Fact(value="production", source="the default, since the event names none")
    found = _rule(told.value, inputs, config)
    if found is None:
        return Fact(value=normalised(told.value), source=told.source)
    rule, source, line = found
    if not rule.name:
        raise Skip(
            "environment-ignored",
            f"the environment is {shown(told.value)}, which {source} leaves out by its {line}",
        )
    return Fact(
        value=rule.name,
        source=f"{source}, whose {line} matches {shown(told.value)} ({told.source})",
    )


def may_be_mapped_by_file(happening: Happening, inputs: Inputs) -> bool:
    """Return whether only the configuration file may say what the environment is called."""
    told = happening.environment
    return inputs.environment is None and told is not None and not _rule(told.value, inputs, None)


def is_reported_as(name: str, reported: str, inputs: Inputs, config: "Config | None") -> bool:
    """Return whether deployments to what GitHub calls `name` are `reported` by that name.

    GitHub minds no capitals in the names of environments ("Managing environments for
    deployment").
    """
    found = _rule(name, inputs, config)
    mapped = normalised(name) if found is None else found[0].name
    return mapped.lower() == reported.lower()


def likely_names(reported: str, inputs: Inputs, config: "Config | None") -> tuple[str, ...]:
    """Return the names by which GitHub may know the environment, without asking."""
    rules = [rule for rule, _, _ in _rules(inputs, config)]
    literal = [
        rule.glob for rule in rules if rule.name == reported and not set(rule.glob) & set("*?[")
    ]
    return tuple(dict.fromkeys((reported, *literal, reported[:1].upper() + reported[1:])))


def spellings(names: Iterable[str]) -> tuple[str, ...]:
    """Return names as they are, and then as they may have been written before.

    An environment keeps its records when a workflow writes it with other capitals.
    """
    known = tuple(names)
    others = (other for name in known for other in (name.lower(), name[:1].upper() + name[1:]))
    return tuple(dict.fromkeys((*known, *others)))


def _rule(
    name: str, inputs: Inputs, config: "Config | None"
) -> "tuple[EnvironmentRule, str, str] | None":
    """Return the first rule for a name, with where it stands and how it is written."""
    return next((each for each in _rules(inputs, config) if each[0].matches(name)), None)


def _rules(inputs: Inputs, config: "Config | None") -> "list[tuple[EnvironmentRule, str, str]]":
    rules = [
        (rule, "`environment-map`", f"line {rule.glob}={rule.name}")
        for rule in inputs.environment_map
    ]
    if config is not None:
        rules += [(rule, config.source, f"glob {rule.glob}") for rule in config.environments]
    return rules
