import pytest

from dora_deployments.actions import config, parse
from dora_deployments.actions.event import DeploymentEvent
from dora_deployments.attribution import config_file
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.catalogue import CONFIG_FILE_UNREAD
from dora_deployments.deployment import Fact
from dora_deployments.errors import ConfigurationError, HeldBackError, Skip
from tests.attribution.known import LINE, SLUG, Known, Nobody, sha
from tests.builders import inputs

HERE = b"services: {cart: {paths: [cart/**]}}"
THERE = b"services: {checkout: {paths: [checkout/**]}}"
BAD = b"services: 5"
COMMIT = sha(4)


def deployment_event(environment=None):
    return DeploymentEvent(
        event="deployment_status",
        repository=Fact(value=SLUG, source="repository.full_name"),
        repository_id="186853261",
        commit_sha=Fact(value=COMMIT, source="deployment.sha"),
        identity="x",
        environment=environment and Fact(value=environment, source="deployment.environment"),
    )


def found(look_ups, workspace_file=None, raw=None, **given):
    read = inputs(**{"github_token": "token", **given})
    return config_file.found(deployment_event(raw), read, workspace_file, SLUG, COMMIT, look_ups)


def known(path=".github/dora.yml", content=THERE, at=4, **more):
    return Known(parents=LINE, files={f"{path} at {at}": content}, **more)


@pytest.mark.parametrize("given", [{}, {"service": "cart"}])
def test_the_workspaces_file_is_read_and_nobody_is_asked(given):
    where = "`.github/dora.yml` of the workspace"
    assert found(Nobody(), HERE, **given) == (config.parse(HERE, where), ())


def test_the_workspaces_file_is_named_as_the_input_names_it():
    where = "`dora.yml` of the workspace"
    assert found(Nobody(), HERE, config_file="dora.yml") == (config.parse(HERE, where), ())


def test_an_empty_file_of_the_workspace_is_one_that_cannot_be_read():
    with pytest.raises(ConfigurationError) as raised:
        found(Nobody(), b"")
    assert raised.value.problems == (
        (
            "`.github/dora.yml` of the workspace is empty; write services, environments or both, or"
            " delete it"
        ),
    )


def test_without_a_workspace_the_file_is_the_deployed_commits():
    where = f"`.github/dora.yml` of acme/shop at {COMMIT[:7]}"
    assert found(known()) == (config.parse(THERE, where), ())
    assert found(known(at=3)) == (None, ())


def test_a_named_file_is_asked_for_even_where_the_services_are_named():
    where = f"`dora.yml` of acme/shop at {COMMIT[:7]}"
    given = {"service": "cart", "config_file": "dora.yml"}
    assert found(known("dora.yml"), **given) == (config.parse(THERE, where), ())


def test_where_the_services_are_named_an_unnamed_file_is_not_asked_for():
    assert found(Nobody(), service="cart") == (None, ())


FAILED = known(fails={"file": LookUpError("GitHub's API answered 500")})
WHY = f"of acme/shop at {COMMIT[:7]} could not be looked up: GitHub's API answered 500;"


@pytest.mark.parametrize("environment", [None, "prod-eu"])
def test_a_report_waits_for_the_file_that_may_name_its_services(environment):
    with pytest.raises(HeldBackError) as raised:
        found(FAILED, raw=environment)
    assert str(raised.value) == (
        f"`.github/dora.yml` {WHY} if there is such a file, it says which services there are, and a"
        " report under another name would stay"
    )
    assert raised.value.topic == CONFIG_FILE_UNREAD


@pytest.mark.parametrize(
    ("environment", "given", "wanted"),
    [
        (None, {}, "which services there are"),
        ("prod-eu", {"environment": "production"}, "which services there are"),
        ("prod-eu", {"environment-map": "prod-*=production"}, "which services there are"),
        ("prod-eu", {}, "which services there are and how the environment is called"),
        ("prod-eu", {"service": "shop"}, "how the environment is called"),
        (
            "prod-eu",
            {"service": "shop", "environment-map": "live=production"},
            "how the environment is called",
        ),
    ],
)
def test_a_named_file_that_decides_a_name_must_be_read(environment, given, wanted):
    with pytest.raises(ConfigurationError) as raised:
        found(FAILED, raw=environment, config_file="dora.yml", **given)
    assert raised.value.problems == (
        (
            f"`dora.yml` {WHY} only that file says {wanted}, so nothing was sent: run this job"
            " again, or check the repository out before this step"
        ),
    )


@pytest.mark.parametrize(
    ("environment", "given"),
    [
        (None, {}),
        ("prod-eu", {"environment": "production"}),
        ("prod-eu", {"environment-map": "prod-*=production"}),
    ],
)
def test_a_report_goes_without_the_file_that_decides_none_of_its_names(environment, given):
    given = {**given, "service": "shop", "config_file": "dora.yml"}
    assert found(FAILED, raw=environment, **given) == (
        None,
        (
            (
                f"`dora.yml` {WHY} the report goes without it, and without pull requests, which may"
                " be of others"
            ),
        ),
    )


def test_what_the_inputs_leave_out_waits_for_no_file():
    with pytest.raises(Skip) as raised:
        found(FAILED, raw="pr-7", **{"environment-map": "pr-*="})
    assert raised.value.reason == "environment-ignored"


def test_without_a_token_the_service_is_named_after_the_repository():
    assert found(FAILED, github_token="") == (
        None,
        (f"`.github/dora.yml` {WHY} the service is named after the repository",),
    )
    with pytest.raises(ConfigurationError):
        found(FAILED, github_token="", config_file="dora.yml")


def test_a_file_may_be_as_large_as_in_the_workspace():
    content = THERE.ljust(parse.LARGEST_CONFIG_FILE)
    assert found(known(content=content))[0] == config.parse(
        content, f"`.github/dora.yml` of acme/shop at {COMMIT[:7]}"
    )
    with pytest.raises(HeldBackError):
        found(known(content=content + b" "))


def test_a_named_file_that_does_not_exist_is_a_mistake():
    with pytest.raises(ConfigurationError) as raised:
        found(known(), config_file="dora.yml")
    assert raised.value.problems == (
        (
            "`config-file` is dora.yml, which neither the workspace has nor acme/shop at"
            f" {COMMIT[:7]}, as far as `github-token` may see (`contents: read`); "
            "correct it, or check the file in"
        ),
    )


def test_a_file_that_cannot_be_read_is_refused_with_its_place():
    with pytest.raises(ConfigurationError) as raised:
        found(known(content=BAD))
    assert raised.value.problems == (
        (
            f"`.github/dora.yml` of acme/shop at {COMMIT[:7]}, line 1: services is a number;"
            " write 1 to 1000 services, each an identifier with its paths or environments below it"
        ),
    )
