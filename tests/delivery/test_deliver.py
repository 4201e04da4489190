"""What is sent to whom is prepared and checked before the first request goes out."""

import pytest

from dora_deployments.catalogue import OUTCOME_NOT_SUPPORTED
from dora_deployments.delivery import deliver
from dora_deployments.delivery.deliver import Delivery
from dora_deployments.deployment import Service, TouchedServices
from dora_deployments.errors import InputError
from tests.builders import deployment
from tests.delivery.wire import ID, TOUCHED, datadog, dx


def test_there_is_a_delivery_for_each_deployment_and_backend_in_their_order():
    shop, cart = deployment(), deployment(service=Service(identifier="cart"))
    backends = (datadog("https://a.test"), dx("https://b.test"))

    prepared = deliver.prepare(iter([shop, cart]), iter(backends))

    assert prepared == tuple(
        Delivery(
            backend=backend,
            services=(name,),
            id=ID,
            name=ID,
            requests=backend.requests(each),
            unsupported=None,
            goes_first=False,
        )
        for name, each in (("shop", shop), ("cart", cart))
        for backend in backends
    )


def test_what_a_backend_cannot_be_told_is_prepared_with_the_reason_and_no_request():
    failed = deployment(success=False)
    backends = (datadog("https://a.test"), dx("https://b.test"))

    assert deliver.prepare([failed], backends) == (
        Delivery(
            backend=backends[0],
            services=("shop",),
            id=ID,
            name=ID,
            requests=(),
            unsupported=OUTCOME_NOT_SUPPORTED,
        ),
        Delivery(
            backend=backends[1],
            services=("shop",),
            id=ID,
            name=ID,
            requests=backends[1].requests(failed),
        ),
    )


def test_one_bad_body_stops_all_before_anything_is_sent():
    with pytest.raises(InputError):
        deliver.prepare([deployment(), deployment(id="x")], [dx("https://b.test")])


@pytest.mark.parametrize("goes_first", [True, False])
def test_what_a_pull_request_touches_is_one_delivery_for_each_backend_that_records_it(goes_first):
    backends = (datadog("https://a.test"), dx("https://b.test"), dx("https://c.test"))

    assert deliver.prepare_touched(TOUCHED, iter(backends), goes_first=goes_first) == tuple(
        Delivery(
            backend=backend,
            services=("shop", "cart"),
            id="",
            name="pull-request~3498120117",
            requests=backend.touched_requests(TOUCHED),
            unsupported=None,
            goes_first=goes_first,
        )
        for backend in backends[1:]
    )


def test_what_a_pull_request_touches_is_checked_before_anything_is_sent():
    nothing = TouchedServices(pull_id=7, services=())
    with pytest.raises(InputError):
        deliver.prepare_touched(nothing, [dx("https://b.test")], goes_first=True)
