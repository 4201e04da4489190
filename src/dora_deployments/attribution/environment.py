"""The environment, by the name that the backends are told."""

from typing import TYPE_CHECKING

from dora_deployments.actions.event import Happening
from dora_deployments.actions.inputs import Inputs, given
from dora_deployments.actions.parse import environment as normalised
from dora_deployments.actions.text import shown
from dora_deployments.deployment import Fact
from dora_deployments.errors import Skip

if TYPE_CHECKING:
    from dora_deployments.actions.config import Config


def reported(happening: Happening, inputs: Inputs, config: "Config | None") -> Fact[str]:
    """Return the environment's name; `Skip` if its deployments are not to be reported.

    The lines of the input come before those of the configuration file.
    """
    if explicit := given(inputs.environment, "environment"):
        return explicit
    told = happening.environment
    if told is None:
        return Fact(value="production", source="the default, since the event names none")
    rules = [
        (rule, "`environment-map`", f"line {rule.glob}={rule.name}")
        for rule in inputs.environment_map
    ]
    if config is not None:
        rules += [(rule, config.source, f"glob {rule.glob}") for rule in config.environments]
    for rule, source, line in rules:
        if not rule.matches(told.value):
            continue
        if not rule.name:
            raise Skip(
                "environment-ignored",
                f"the environment is {shown(told.value)}, which {source} leaves out by its {line}",
            )
        return Fact(
            value=rule.name,
            source=f"{source}, whose {line} matches {shown(told.value)} ({told.source})",
        )
    return Fact(value=normalised(told.value), source=told.source)
