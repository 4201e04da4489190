"""A delivery counts only where the vendor's own words say so, in a body read independently."""

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dora_deployments.backends.datadog import Datadog
from dora_deployments.backends.dx import Dx
from dora_deployments.deployment import Reply, Verdict
from tests.fuzz import mutate
from tests.report.hostile import TEXT

DATADOG = Datadog(url="https://api.datadoghq.com", api_key="0123456789abcdef0123456789abcdef")
DX = Dx(url="https://acme.getdx.net/api", token="dx-token-for-tests")
METHODS = {"deployment": DATADOG, "deployments.create": DX, "deployments.setPullServices": DX}
LIMIT = 65_536

REAL = (
    {"data": {"id": "4242fcdd31586083", "type": "dora_deployment"}},
    {"errors": [{"title": "Bad", "detail": "missing", "source": {"pointer": "/data"}}]},
    {"errors": ["Forbidden"]},
    {"ok": True, "deployment": {"id": "MzUxOA", "success": True}},
    {"ok": False, "error": "invalid_auth"},
    {"ok": False, "error": "invalid", "message": "reference_id is already taken"},
    {"error": "deployed_at", "message": "changed", "errors": {"commit_sha": ["changed"]}},
)
PATHS = [
    *(("data",), ("data", "id"), ("ok",), ("error",), ("errors",), ("message",), ("x",)),
    *(("errors", "source"), ("deployment", "success"), ("reference_id",)),
]
OBJECTS = st.builds(mutate.changed, st.sampled_from(REAL), mutate.changes(PATHS)).map(
    lambda value: mutate.text(value).encode()
)
WRAPPERS = (
    *("{}", "{}", "{}", "{}", "{}", "[{}]", "\ufeff{}", "\ufeff\ufeff{}", " \r\n{}\t", "{}{}"),
    *("<html>{}", "{}</html>", "for(;;);{}", "//\n{}", "'{}'", '"{}"', "{}\x00", "\x00{}"),
)
BODIES = st.one_of(
    OBJECTS,
    OBJECTS,
    st.builds(
        lambda wrapper, body: wrapper.encode().replace(b"{}", body),
        st.sampled_from(WRAPPERS),
        OBJECTS,
    ),
    st.builds(lambda body, cut: body[:cut], OBJECTS, st.integers(0, 80)),
    OBJECTS.map(lambda body: body.decode().encode("utf-16")),
    # At the limit, and one byte beyond it.
    st.builds(lambda body, size: body.rstrip().ljust(size), OBJECTS, st.integers(65_535, 65_537)),
    st.binary(),
    mutate.VALUES.map(lambda value: mutate.text(value).encode()),
)
STATUSES = st.sampled_from(
    [200, 200, 200, 201, 202, 204, 206, 299, 300, 301, 308, 400, 401, 403, 404, 409, 413, 422, 422]
) | st.integers(0, 999)
HEADERS = st.dictionaries(
    st.sampled_from(["content-type", "location", "retry-after", "date", "content-length"]) | TEXT,
    st.sampled_from(["application/json", "text/html", "https://evil.test/"]) | TEXT,
)


def fields_of(body):
    """Return the members of the one JSON object that `body` is, none if it is anything else."""
    if len(body) > LIMIT:
        return {}
    try:
        text = body.decode("utf-8").removeprefix("\ufeff").strip(" \t\r\n")
        value, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return {}
    return value if end == len(text) and isinstance(value, dict) else {}


def says_so(method, status, body):
    """Return whether the vendor documents this answer as one to a recorded event."""
    found = fields_of(body)
    if METHODS[method] is DX:
        return 200 <= status <= 299 and found.get("ok") is True
    data = found.get("data")
    identity = data.get("id") if isinstance(data, dict) else None
    return status in {200, 201, 202} and isinstance(identity, str) and identity != ""


@pytest.mark.fault(21, 22, 24, 25, 26, 27, 28, 29, 30, 33, 34, 41, 52)
@given(method=st.sampled_from([*METHODS]), status=STATUSES, headers=HEADERS, body=BODIES)
@example(method="deployments.create", status=200, headers={}, body=b'{"ok": true}')
@example(method="deployments.setPullServices", status=422, headers={}, body=b"{}")
def test_any_answer_is_judged_and_delivered_is_only_what_its_body_says(
    method, status, headers, body
):
    backend = METHODS[method]

    verdict = backend.verdict(method, Reply(status=status, headers=headers, body=body))

    assert isinstance(verdict, Verdict)
    assert (verdict.status == "delivered") == says_so(method, status, body)
    assert verdict.status in {"delivered", "malformed", "rejected", "duplicate"}
    if verdict.status == "duplicate":
        assert (method, status) == ("deployments.create", 422)
        said = json.dumps(fields_of(body)).lower()
        assert re.search("reference[_ -]?id|already[_ ]exists|deployment", said)
    if verdict.status == "malformed":
        assert 200 <= status <= 299
    # Our own words alone: an output has them.
    assert re.fullmatch(r"[A-Za-z0-9 `,;:._'-]+", verdict.message)
    assert verdict == backend.verdict(method, Reply(status=status, body=body))
