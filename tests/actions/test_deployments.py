import json

import pytest

from dora_deployments.actions.deployments import named_services, run_ids

RUNS = "https://github.com/acme/shop/actions/runs"


@pytest.mark.parametrize(
    ("url", "run_id"),
    [
        (f"{RUNS}/8412399001", "8412399001"),
        (f"{RUNS}/8412399001/", "8412399001"),
        (f"{RUNS}/8412399001/job/23078451234", "8412399001"),
        (f"{RUNS}/8412399001/attempts/2", "8412399001"),
        (f"{RUNS}/8412399001?pr=1", "8412399001"),
        (f"{RUNS}/8412399001#summary", "8412399001"),
        (f"{RUNS}/84123990010", "84123990010"),
        (f"{RUNS}/8412399001{'0' * 30}", None),
        (f"{RUNS}/job/8412399001", None),
        ("https://github.com/acme/shop/runs/8412399001", None),
        ("https://shop.example/8412399001", None),
        ("", None),
        (None, None),
    ],
)
def test_a_run_is_known_by_the_address_of_its_log(url, run_id):
    assert run_ids(["https://shop.example", url]) == ({run_id} if run_id else set())


def test_several_addresses_may_lead_to_several_runs():
    assert run_ids([f"{RUNS}/1/job/2", f"{RUNS}/1", None, f"{RUNS}/3"]) == {"1", "3"}
    assert run_ids([]) == frozenset()


@pytest.mark.parametrize(
    ("payload", "names"),
    [
        ({"service": "Web"}, {"web"}),
        ({"services": ["web", " API "]}, {"web", "api"}),
        ({"services": "web"}, {"web"}),
        ({"service": "web", "services": ["api", "web"]}, {"web", "api"}),
        ({"service": 7, "services": [None, {}, "", " ", "api"]}, {"api"}),
        ({"service": ["web"]}, set()),
        ({"services": {"web": 1}}, set()),
        ({}, set()),
        (None, set()),
        (7, set()),
        (["web"], set()),
        ("web", set()),
        ("", set()),
        ("7", set()),
        ("{", set()),
        ("[" * 100_000, set()),
    ],
)
def test_a_payload_may_name_services(payload, names):
    assert named_services(payload) == names


def test_a_payload_may_be_a_text_of_json_and_that_in_a_text_again():
    payload = {"service": "web"}
    once = json.dumps(payload)
    assert named_services(once) == named_services(json.dumps(once)) == {"web"}
    assert named_services(json.dumps(json.dumps(once))) == frozenset()
