import pytest

from dora_deployments.actions import config, parse
from dora_deployments.attribution import config_file
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.errors import ConfigurationError
from tests.attribution.known import LINE, SLUG, Known, Nobody, sha
from tests.builders import inputs

HERE = b"services: {cart: {paths: [cart/**]}}"
THERE = b"services: {checkout: {paths: [checkout/**]}}"
BAD = b"services: 5"
COMMIT = sha(4)


def found(look_ups, workspace_file=None, **given):
    return config_file.found(inputs(**given), workspace_file, SLUG, COMMIT, look_ups)


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


def test_a_file_that_could_not_be_looked_up_is_warned_about():
    look_ups = known(fails={"file": LookUpError("GitHub's API answered 500")})
    warning = f"of acme/shop at {COMMIT[:7]} could not be looked up: GitHub's API answered 500;"
    assert found(look_ups) == (
        None,
        (f"`.github/dora.yml` {warning} the service is named after the repository",),
    )
    assert found(look_ups, config_file="dora.yml", service="shop") == (
        None,
        (f"`dora.yml` {warning} the report goes without it",),
    )


def test_a_file_may_be_as_large_as_in_the_workspace():
    content = THERE.ljust(parse.LARGEST_CONFIG_FILE)
    assert found(known(content=content))[0] == config.parse(
        content, f"`.github/dora.yml` of acme/shop at {COMMIT[:7]}"
    )
    assert found(known(content=content + b" "))[0] is None


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
