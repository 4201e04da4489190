import re

import pytest

from dora_deployments.attribution.identity import deployment_id, id_of_one_service

USUAL = {
    "server_url": "https://github.com",
    "repository_id": "186853261",
    "environment": "production",
    "service": "shop",
    "success": True,
    "identity": "deployment:3512048801",
}


def test_an_id_never_changes_from_one_version_of_the_action_to_the_next():
    # Were it to, a deployment that is sent again after an update would count twice.
    assert deployment_id(**USUAL) == "dora-b900fbecca745687f37f583f123de1fd793b3efe"
    assert deployment_id(**{**USUAL, "success": False}) == (
        "dora-731283364d6fd2069393013545e91a6d19679648"
    )
    assert id_of_one_service("rollout-2026-05-21", environment="production", service="shop") == (
        "dora-e8b15759318761c07dd351f8c415824fc026d176"
    )


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("server_url", "https://github.acme.example"),
        ("server_url", "https://github.com:8443"),
        ("repository_id", "186853262"),
        ("environment", "staging"),
        ("service", "cart"),
        ("success", False),
        ("identity", "deployment:3512048802"),
    ],
)
def test_every_part_tells_deployments_apart(part, other):
    assert deployment_id(**{**USUAL, part: other}) != deployment_id(**USUAL)


def test_the_scheme_and_path_of_the_server_are_no_part_of_the_id():
    assert deployment_id(**{**USUAL, "server_url": "http://github.com/"}) == deployment_id(**USUAL)


def test_parts_do_not_run_into_each_other():
    one = deployment_id(**{**USUAL, "environment": "a", "service": "bc"})
    other = deployment_id(**{**USUAL, "environment": "ab", "service": "c"})
    quoted = deployment_id(**{**USUAL, "environment": 'a", "b', "service": "c"})
    assert len({one, other, quoted}) == 3


@pytest.mark.parametrize("service", ["shop", "", "ünï-🚀", "\ud800", "x" * 10_000])
def test_an_id_fits_datadog_and_dx_whatever_it_is_made_of(service):
    for id_ in (
        deployment_id(**{**USUAL, "service": service}),
        id_of_one_service("rollout-2026-05-21", environment="production", service=service),
    ):
        # Datadog: 16 to 128 of these.
        assert re.fullmatch(r"[A-Za-z0-9_.:-]{16,128}", id_)


def test_services_that_share_an_id_are_told_apart_by_id_environment_and_service():
    ids = {
        id_of_one_service(id_, environment=environment, service=service)
        for id_ in ("rollout-2026-05-21", "rollout-2026-05-22")
        for environment in ("production", "staging")
        for service in ("shop", "cart")
    }
    assert len(ids) == 8
