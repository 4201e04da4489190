"""Which backends there are, and which of them a run has."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dora_deployments import backends, catalogue
from dora_deployments.backends import RecordsPulls, datadog, dx
from dora_deployments.backends.datadog import Datadog
from dora_deployments.backends.dx import Dx
from dora_deployments.deployment import Credential, Reply, Service, TouchedServices
from dora_deployments.errors import ConfigurationError, InputError, Skip
from tests.builders import deployment, inputs

DATADOG = {"datadog_api_key": "0123456789abcdef0123456789abcdef"}
DX = {"dx_token": "dx-token-for-tests", "dx_instance": "acme"}
OF_DATADOG = Datadog(url="https://api.datadoghq.com", api_key="0123456789abcdef0123456789abcdef")
OF_DX = Dx(url="https://acme.getdx.net/api", token="dx-token-for-tests")
METHODS = (
    (OF_DATADOG, "deployment"),
    (OF_DX, "deployments.create"),
    (OF_DX, "deployments.setPullServices"),
)


@pytest.mark.parametrize(
    ("given", "configured"),
    [
        ({}, ()),
        (DATADOG, (OF_DATADOG,)),
        (DX, (OF_DX,)),
        ({**DX, **DATADOG}, (OF_DATADOG, OF_DX)),
    ],
)
def test_a_run_has_every_backend_that_it_has_credentials_for(given, configured):
    assert backends.configured(inputs(**given)) == configured


def test_only_datadog_leaves_open_what_it_does_with_an_id_that_it_has():
    assert OF_DX.doubt_of_repeat(2) is None
    assert OF_DATADOG.doubt_of_repeat(2) == catalogue.note(
        "this is attempt 2 of the run, so Datadog is sent the same id with a later finish:"
        f" {catalogue.RERUN.sentence}",
        catalogue.RERUN,
    )


def test_half_of_one_backend_stops_the_other_as_well():
    with pytest.raises(ConfigurationError):
        backends.configured(inputs(**DATADOG, dx_token="dx-token-for-tests"))


def test_a_dry_run_without_credentials_has_a_sample_of_every_backend_in_the_same_order():
    assert backends.samples(inputs()) == (
        Datadog(url="https://api.datadoghq.com", api_key=""),
        Dx(url="https://your-instance.getdx.net/api", token=""),
    )


@pytest.mark.parametrize(
    ("given", "off"),
    [
        ({}, (datadog.NOT_CONFIGURED, dx.NOT_CONFIGURED)),
        (DATADOG, ("DX is off, since `dx-token` and `dx-instance` are empty",)),
        (DX, ("Datadog is off, since `datadog-api-key` is empty",)),
        ({**DX, **DATADOG}, ()),
    ],
)
def test_a_backend_without_credentials_is_named_as_off(given, off):
    assert backends.off(inputs(**given)) == off


def test_dx_alone_records_which_services_a_pull_request_touches():
    assert isinstance(OF_DX, RecordsPulls)
    assert not isinstance(OF_DATADOG, RecordsPulls)


# --- which of them a run reports to


@pytest.mark.parametrize("from_fork", [True, False])
@pytest.mark.parametrize(
    ("given", "told"),
    [
        (DATADOG, (OF_DATADOG,)),
        (DX, (OF_DX,)),
        ({**DX, **DATADOG}, (OF_DATADOG, OF_DX)),
        ({**DX, "mode": "pull-services"}, (OF_DX,)),
        ({**DX, **DATADOG, "mode": "pull-services"}, (OF_DATADOG, OF_DX)),
        ({**DX, "dry_run": "true"}, (OF_DX,)),
    ],
)
def test_a_run_reports_to_every_backend_that_it_has_a_key_for_also_from_a_fork(
    given, told, from_fork
):
    assert backends.reported_to(inputs(**given), from_fork=from_fork) == told


@pytest.mark.parametrize("from_fork", [True, False])
@pytest.mark.parametrize("mode", ["deployment", "pull-services"])
def test_a_dry_run_without_any_key_shows_all_backends(mode, from_fork):
    given = inputs(mode=mode, dry_run="true", dx_instance="acme")
    assert backends.reported_to(given, from_fork=from_fork) == (
        Datadog(url="https://api.datadoghq.com", api_key=""),
        Dx(url="https://acme.getdx.net/api", token=""),
    )


@pytest.mark.fault(56, 80)
@pytest.mark.parametrize("given", [{}, {"dx_instance": "acme"}])
def test_without_any_key_a_run_of_a_fork_is_skipped_with_a_warning(given):
    with pytest.raises(Skip) as caught:
        backends.reported_to(inputs(**given), from_fork=True)
    assert (caught.value.reason, caught.value.warn) == ("no-credentials-on-fork", True)
    assert caught.value.explanation == (
        "GitHub gives no secrets to pull requests from forks, nor to runs that Dependabot starts;"
        " report such merges by a workflow on `push`, and where Dependabot merges by itself, store"
        " the keys as Dependabot secrets as well"
    )


@pytest.mark.fault(56)
@pytest.mark.parametrize(
    ("given", "problem", "topic"),
    [
        (
            {},
            (
                "no backend is configured; set `datadog-api-key` for Datadog, or `dx-token` and"
                " `dx-instance` for DX (a secret that does not exist here arrives empty)"
            ),
            catalogue.NO_BACKEND,
        ),
        (
            {**DATADOG, "mode": "pull-services"},
            (
                "`mode` is pull-services, which only DX supports, and DX is off; set `dx-token`"
                " and `dx-instance`"
            ),
            catalogue.NO_ONE_TO_TELL,
        ),
    ],
)
def test_without_a_backend_for_it_a_run_is_badly_configured(given, problem, topic):
    with pytest.raises(ConfigurationError) as caught:
        backends.reported_to(inputs(**given), from_fork=False)
    assert (caught.value.problems, caught.value.topic) == ((problem,), topic)


# --- their methods


def requests():
    touched = TouchedServices(pull_id=7, services=(Service(identifier="cart"),))
    shapes = [
        deployment(),
        deployment(metadata={"z": 1, "a": [2.5, {"b": "\u5e97"}]}, success=False),
    ]
    for shape in shapes:
        for backend in (OF_DATADOG, OF_DX):
            yield from ((backend, request) for request in backend.requests(shape))
    yield from ((OF_DX, request) for request in OF_DX.touched_requests(touched))


def test_a_body_that_was_read_back_makes_the_same_request_again():
    found = list(requests())
    assert {(backend, request.method) for backend, request in found} == set(METHODS)
    for backend, request in found:
        assert backend.request(request.method, json.loads(request.body)) == request
        assert request.credential == backend.credential


@pytest.mark.parametrize(
    ("backend", "method", "shown"),
    [
        (OF_DATADOG, "deployments.create", "'datadog.deployments.create'"),
        (OF_DX, "deployment", "'dx.deployment'"),
        (OF_DX, "../datadog.deployment", "'dx.../datadog.deployment'"),
        (OF_DX, "", "'dx.'"),
    ],
)
def test_a_method_that_a_backend_does_not_have_is_called_by_nobody(backend, method, shown):
    with pytest.raises(InputError) as caught:
        backend.request(method, {})
    assert caught.value.problems == (f"the body is for {shown}, which this version does not know",)


def test_the_credential_names_its_input_and_the_header():
    assert (OF_DATADOG.credential, OF_DX.credential) == (
        Credential(input="datadog-api-key", header="DD-API-KEY", value=DATADOG["datadog_api_key"]),
        Credential(input="dx-token", header="Authorization", value="Bearer dx-token-for-tests"),
    )


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.floats()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(
                st.text(),
                st.sampled_from(["ok", "error", "errors", "message", "data", "id", "source"]),
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(
    st.integers(0, 9_999),
    st.one_of(st.binary(), JSON.map(lambda value: json.dumps(value).encode())),
)
def test_no_answer_however_odd_is_an_error_or_brings_foreign_text_into_a_message(status, body):
    for backend, method in METHODS:
        verdict = backend.verdict(method, Reply(status=status, body=body))

        assert verdict.status in {"delivered", "duplicate", "rejected", "malformed"}
        assert (verdict.status in {"delivered", "malformed"}) <= (200 <= status < 300)
        assert re.fullmatch(r"[A-Za-z0-9 `,;:._'-]+", verdict.message)
        assert (verdict.topic is None) == (verdict.message == "recorded")


def test_a_replay_needs_keys_even_to_show_what_it_would_send():
    with pytest.raises(ConfigurationError, match="no backend is configured"):
        backends.reported_to(inputs(mode="replay", dry_run="true"), from_fork=False)
