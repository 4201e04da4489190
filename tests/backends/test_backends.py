"""Which backends there are, and which of them a run has."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dora_deployments import backends
from dora_deployments.backends import RecordsPulls, datadog, dx
from dora_deployments.backends.datadog import Datadog
from dora_deployments.backends.dx import Dx
from dora_deployments.deployment import Reply
from dora_deployments.errors import ConfigurationError
from tests.builders import inputs

DATADOG = {"datadog_api_key": "0123456789abcdef0123456789abcdef"}
DX = {"dx_token": "dx-token-for-tests", "dx_instance": "acme"}
OF_DATADOG = Datadog(url="https://api.datadoghq.com", api_key="0123456789abcdef0123456789abcdef")
OF_DX = Dx(url="https://acme.getdx.net/api", token="dx-token-for-tests")


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
        ({}, (datadog.OFF, dx.OFF)),
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
    for judge in (OF_DATADOG.verdict, OF_DX.verdict, OF_DX.touched_verdict):
        verdict = judge(Reply(status=status, body=body))

        assert verdict.status in {"delivered", "duplicate", "rejected", "malformed"}
        assert (verdict.status in {"delivered", "malformed"}) <= (200 <= status < 300)
        assert re.fullmatch(r"[A-Za-z0-9 `,;:._'-]+", verdict.message)
