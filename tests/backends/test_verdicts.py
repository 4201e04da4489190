"""However a backend answers, what is said of it comes with where to read more."""

import json

import pytest

from dora_deployments import catalogue
from dora_deployments.backends.datadog import Datadog
from dora_deployments.backends.dx import Dx
from dora_deployments.deployment import Reply, Verdict

DATADOG = Datadog(url="https://a.test", api_key="fedcba9876543210fedcba9876543210")
DX = Dx(url="https://b.test/api", token="dx-token-for-tests")
BODIES = (
    b"",
    b"<html>",
    b"[]",
    *(
        json.dumps(body).encode()
        for body in (
            {},
            {"data": {"id": "x"}},
            {"errors": ["no"]},
            {"ok": True},
            {"ok": False},
            {"ok": False, "error": "invalid_auth"},
            {"ok": False, "error": "unheard_of"},
            {"ok": False, "error": "unprocessable_entity", "message": "reference_id is taken"},
            {"ok": False, "error": "unprocessable_entity", "message": "deployed_at is odd"},
        )
    ),
)


@pytest.mark.parametrize(
    ("backend", "method"),
    [(DATADOG, "deployment"), (DX, "deployments.create"), (DX, "deployments.setPullServices")],
    ids=["Datadog", "DX", "DX first"],
)
def test_whatever_is_not_simply_recorded_has_a_topic(backend, method):
    told = {
        (verdict.status, verdict.message, verdict.topic is None)
        for status in range(200, 600)
        for body in BODIES
        for verdict in [
            backend.verdict(method, Reply(status=status, headers={}, body=body, whole=True))
        ]
    }

    assert [each for each in told if each[2]] == [("delivered", "recorded", True)]
    assert {status for status, *_ in told} >= {"delivered", "malformed", "rejected"}


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    ("backend", "method"),
    [(DATADOG, "deployment"), (DX, "deployments.create"), (DX, "deployments.setPullServices")],
)
def test_a_web_page_that_refuses_blames_no_key(backend, method, status):
    page = Reply(status=status, body=b"\n<!DOCTYPE html><title>Blocked</title>")

    assert backend.verdict(method, page) == Verdict(
        status="rejected",
        message=f"{backend.name} answered {status}: a web page answered, for example from a proxy"
        " or a filter on the way, not the backend; allow the runner to reach the hosts listed in"
        " docs/security.md over https",
        topic=catalogue.BLOCKED,
    )
    for body in (b"", b'{"error": "<b>"}', b"no"):
        verdict = backend.verdict(method, Reply(status=status, body=body))
        assert verdict.topic is not catalogue.BLOCKED
