"""The environment, by the name that the backends are told."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from dora_deployments.actions.event import DeploymentEvent
from dora_deployments.actions.inputs import Inputs, input_fact
from dora_deployments.actions.parse import environment as normalised
from dora_deployments.actions.text import shown
from dora_deployments.deployment import Fact
from dora_deployments.errors import Skip

if TYPE_CHECKING:
    from dora_deployments.actions.config import Config
    from dora_deployments.actions.patterns import EnvironmentRule

_PRODUCTION: Final = frozenset({"prod", "prd", "production", "live"})
_PREVIEW: Final = frozenset(
    {
        *("pr", "mr", "pull", "pullrequest", "preview", "previews", "ephemeral"),
        *("review", "reviews", "reviewapp", "reviewapps"),
    }
)
# How previews are named after what they are previews of, which may be called production itself:
# `Preview \u2013 PROJECT` (Vercel), `SERVICE PR #7` (Render), `APP-pr-7` (Heroku's review apps).
_PREVIEW_OF: Final = re.compile(
    r"(?:deploy[ _-])?previews?(?![a-z]).*"
    r"|.*(?<![a-z])(?:pr|mr|pull[ _-]?requests?|pull)[^a-z0-9]*[0-9]+"
)
# What such a name may have as well, and then is hardly production.
_BEFORE_IT: Final = _PREVIEW | {
    *("no", "non", "not", "pre", "like", "old"),
    *("dev", "development", "ci", "int", "qa", "uat", "sandbox"),
    *("test", "tests", "testing", "perf", "stage", "staging", "canary", "beta", "demo"),
}


def reported(
    deployment_event: DeploymentEvent, inputs: Inputs, config: "Config | None"
) -> Fact[str]:
    """Return the environment's name; `Skip` if its deployments are not to be reported.

    The lines of the input come before those of the configuration file. The input `environment`
    wins over both, except that a preview is never reported as production because of it.
    """
    told = deployment_event.environment
    if explicit := input_fact(inputs.environment, "environment"):
        if told is not None and not deployment_event.is_production:
            _check_preview(told, explicit.value)
        return explicit
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


def may_be_mapped_by_file(deployment_event: DeploymentEvent, inputs: Inputs) -> bool:
    """Return whether only the configuration file may say what the environment is called."""
    told = deployment_event.environment
    return inputs.environment is None and told is not None and not _rule(told.value, inputs, None)


def seems_production(name: str) -> bool:
    """Return whether a name other than `production` is likely to mean it."""
    words = words_of(name)
    return name != "production" and bool(words & _PRODUCTION) and not words & _BEFORE_IT


def seems_before_production(name: str) -> bool:
    """Return whether a name is likely to mean what comes before production, such as `staging`."""
    words = words_of(name)
    return bool(words & _BEFORE_IT) and not words & _PRODUCTION


def words_of(name: str) -> set[str]:
    """Return the words of a name, in lower case and without digits."""
    return {*"".join(mark if mark.isalpha() else " " for mark in name.lower()).split()}


def _check_preview(told: Fact[str], explicit: str) -> None:
    """Raise `Skip` if a deployment to a preview would be reported as production."""
    if not _is_preview(told.value):
        return
    if explicit == "production" or seems_production(explicit):
        raise Skip(
            "transient-environment",
            f"the deployment was to {shown(told.value)} ({told.source}), a preview, but"
            f" `environment` is {shown(explicit)}",
            "to report it all the same, map it with `environment-map` instead",
        )


def _is_preview(name: str) -> bool:
    """Return whether a name is that of a preview, and not of production as well."""
    words = words_of(name)
    if words & _PREVIEW and not words & _PRODUCTION:
        return True
    return _PREVIEW_OF.fullmatch(name.lower()) is not None


def is_reported_as(name: str, reported: str, inputs: Inputs, config: "Config | None") -> bool:
    """Return whether deployments to what GitHub calls `name` are `reported` by that name.

    GitHub ignores case in the names of environments ("Managing environments for deployment").
    """
    found = _rule(name, inputs, config)
    mapped = normalised(name) if found is None else found[0].name
    return mapped.lower() == reported.lower()


def likely_names(reported: str, inputs: Inputs, config: "Config | None") -> tuple[str, ...]:
    """Return the names by which GitHub may know the environment, without asking."""
    rules = [rule for rule, _, _ in _rules(inputs, config)]
    literal = [rule.glob for rule in rules if rule.name == reported and not _is_glob(rule)]
    spelled = [
        name for name in spellings([reported]) if is_reported_as(name, reported, inputs, config)
    ]
    return tuple(dict.fromkeys((reported, *literal, *spelled)))


def has_unlisted_names(reported: str, inputs: Inputs, config: "Config | None") -> bool:
    """Return whether names that nobody has listed are reported as `reported`."""
    return any(
        rule.name.lower() == reported.lower() and _is_glob(rule)
        for rule, _, _ in _rules(inputs, config)
    )


def spellings(names: Iterable[str]) -> tuple[str, ...]:
    """Return names as they are, and then as they may have been written before.

    An environment keeps its records when a workflow writes it with other capitals.
    """
    known = tuple(names)
    others = (
        other
        for name in known
        for other in (
            name[:1].upper() + name[1:],
            name.lower(),
            name.capitalize(),
            name.upper(),
            name.title(),
        )
    )
    return tuple(dict.fromkeys((*known, *others)))


def _is_glob(rule: "EnvironmentRule") -> bool:
    return bool(set(rule.glob) & set("*?["))


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
