from dataclasses import replace

import pytest

from dora_deployments.actions.config import Config
from dora_deployments.actions.event import DeploymentEvent
from dora_deployments.actions.patterns import EnvironmentRule
from dora_deployments.attribution.environment import (
    has_unlisted_names,
    is_reported_as,
    likely_names,
    reported,
)
from dora_deployments.deployment import Fact
from dora_deployments.errors import Skip
from tests.builders import inputs

CONFIG = Config(
    services=(),
    environments=(
        EnvironmentRule(glob="prod-*", name="live"),
        EnvironmentRule(glob="pr-*", name=""),
        EnvironmentRule(glob="*-1", name="one"),
    ),
    source="`.github/dora.yml` of the workspace",
)


def deployment_event(environment):
    told = None if environment is None else Fact(value=environment, source="deployment.environment")
    return DeploymentEvent(
        event="deployment_status",
        repository=Fact(value="acme/shop", source="repository.full_name"),
        repository_id="186853261",
        commit_sha=Fact(value="5" * 40, source="deployment.sha"),
        identity="x",
        environment=told,
    )


@pytest.mark.parametrize(
    ("told", "config", "given", "value", "source"),
    [
        (None, None, {}, "production", "the default, since the event names none"),
        (None, CONFIG, {"environment_map": "*=x"}, "production",
         "the default, since the event names none"),
        ("staging", CONFIG, {}, "staging", "deployment.environment"),
        ("Production", None, {}, "production", "deployment.environment"),
        ("prod-eu", None, {}, "prod-eu", "deployment.environment"),
        ("prod-eu", CONFIG, {"environment": "mine"}, "mine", "the input `environment`"),
        (None, None, {"environment": "mine"}, "mine", "the input `environment`"),
        ("prod-eu", CONFIG, {}, "live",
         ("`.github/dora.yml` of the workspace, whose glob prod-* matches 'prod-eu'"
         " (deployment.environment)")),
        ("prod-1", CONFIG, {}, "live",
         ("`.github/dora.yml` of the workspace, whose glob prod-* matches 'prod-1'"
         " (deployment.environment)")),
        ("prod-eu", CONFIG, {"environment_map": "a=b\nprod-*=production"}, "production",
         ("`environment-map`, whose line prod-*=production matches 'prod-eu'"
         " (deployment.environment)")),
    ],
)  # fmt: skip
def test_the_environment_is_named_by_the_first_that_knows(told, config, given, value, source):
    found = reported(deployment_event(told), inputs(**given), config)
    assert found == Fact(value=value, source=source)


@pytest.mark.parametrize(
    ("told", "given", "explanation"),
    [
        ("pr-7", {}, ("the environment is 'pr-7', which `.github/dora.yml` of the workspace leaves"
         " out by its glob pr-*")),
        ("pr-1", {}, ("the environment is 'pr-1', which `.github/dora.yml` of the workspace leaves"
         " out by its glob pr-*")),
        ("prod-eu", {"environment_map": "*-eu="},
         "the environment is 'prod-eu', which `environment-map` leaves out by its line *-eu="),
    ],
)  # fmt: skip
def test_an_environment_may_be_left_out(told, given, explanation):
    with pytest.raises(Skip) as raised:
        reported(deployment_event(told), inputs(**given), CONFIG)
    assert (raised.value.reason, raised.value.explanation) == ("environment-ignored", explanation)


@pytest.mark.parametrize(
    ("name", "glob"),
    [("PROD-EU", "prod-*"), ("prod-eu", "Prod-[E]u"), ("Preview \u2013 Web", "preview*web")],
)
def test_globs_ignore_case(name, glob):
    found = reported(deployment_event(name), inputs(environment_map=f"{glob}=mine"), None)
    assert found.value == "mine"


@pytest.mark.parametrize("is_production", [False, None])
@pytest.mark.parametrize("given", ["production", "prod", "live-eu"])
@pytest.mark.parametrize(
    "name",
    [
        *("Preview", "Preview \u2013 web", "pr-117", "PR #3", "Review apps", "pull-7"),
        *("PullRequest", "ReviewApp", "mr-7"),
        *("Preview \u2013 production", "Preview \u2013 prod-site", "deploy-preview-prod"),
        *("shop-prod PR #42", "shop-production-pr-42", "live_pull_request_7"),
    ],
)
def test_a_preview_is_never_reported_as_the_production_that_is_given(name, given, is_production):
    told = replace(deployment_event(name), is_production=is_production)
    with pytest.raises(Skip) as raised:
        reported(told, inputs(environment=given), None)
    assert (raised.value.reason, raised.value.explanation) == (
        "transient-environment",
        (
            f"the deployment was to {name!r} (deployment.environment), a preview, but"
            f" `environment` is {given!r}; to report it all the same, map it with"
            " `environment-map` instead"
        ),
    )
    by_map = inputs(environment_map=f"{name}={given}")
    assert reported(told, by_map, None).value == given


@pytest.mark.parametrize(
    ("name", "is_production", "given"),
    [
        ("Preview", True, "production"),
        ("Preview", False, "preview"),
        ("Preview", False, "staging"),
        ("Production \u2013 preview", False, "production"),
        ("prod-review-eu", False, "production"),
        ("previewing", False, "production"),
        ("staging", False, "production"),
        ("blue", False, "production"),
        (None, False, "production"),
    ],
)
def test_an_environment_that_is_given_holds_for_what_does_not_say_the_opposite(
    name, is_production, given
):
    told = replace(deployment_event(name), is_production=is_production)
    assert reported(told, inputs(environment=given), None) == Fact(
        value=given, source="the input `environment`"
    )


# --- the names by which GitHub may know what is reported


@pytest.mark.parametrize(
    ("name", "environment", "config", "given", "is_it"),
    [
        ("production", "production", None, {}, True),
        ("Production", "production", None, {}, True),
        ("STAGING", "staging", None, {}, True),
        ("prod-eu", "production", None, {}, False),
        ("prod-eu", "production", None, {"environment_map": "prod-*=production"}, True),
        ("prod-eu", "Production", None, {"environment_map": "prod-*=production"}, True),
        ("prod-eu", "prod-eu", None, {"environment_map": "prod-*=production"}, False),
        ("prod-eu", "live", CONFIG, {}, True),
        ("prod-eu", "live", CONFIG, {"environment_map": "prod-eu=production"}, False),
        ("pr-7", "pr-7", CONFIG, {}, False),
    ],
)
def test_a_name_is_reported_by_what_the_rules_and_capitals_make_of_it(
    name, environment, config, given, is_it
):
    assert is_reported_as(name, environment, inputs(**given), config) is is_it


@pytest.mark.parametrize(
    ("environment", "config", "given", "names"),
    [
        ("production", None, {}, ("production", "Production", "PRODUCTION")),
        ("Staging", None, {}, ("Staging", "staging", "STAGING")),
        ("live", CONFIG, {}, ("live", "Live", "LIVE")),
        ("QA-EU", None, {}, ("QA-EU", "qa-eu", "Qa-eu", "Qa-Eu")),
        ("qa-eu", None, {"environment_map": "QA-EU=old"}, ("qa-eu",)),
        ("one", CONFIG, {"environment_map": "eu=one\nprod-[12]=one\nEU=one\nprod-?=one\nx=two"},
         ("one", "eu", "EU", "One", "ONE")),
    ],
)  # fmt: skip
def test_names_without_wildcards_are_likely(environment, config, given, names):
    assert likely_names(environment, inputs(**given), config) == names


@pytest.mark.parametrize(
    ("environment", "config", "given", "has_them"),
    [
        ("production", None, {}, False),
        ("production", None, {"environment_map": "live=production"}, False),
        ("production", None, {"environment_map": "prod-*=production"}, True),
        ("Production", None, {"environment_map": "prod-*=production"}, True),
        ("staging", None, {"environment_map": "prod-*=production"}, False),
        ("live", CONFIG, {}, True),
    ],
)
def test_only_wildcards_leave_open_what_an_environment_is_called(
    environment, config, given, has_them
):
    assert has_unlisted_names(environment, inputs(**given), config) is has_them
