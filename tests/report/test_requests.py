"""The log shows every request before it is sent, and no key."""

import io
import json

from dora_deployments.delivery import deliver
from dora_deployments.report import requests
from dora_deployments.report.log import Log
from dora_deployments.report.text import Scrubber
from tests.builders import deployment
from tests.delivery.wire import KEY, TOKEN, TOUCHED, datadog, dx


def shown(*deliveries, secrets=(KEY, TOKEN), debug=False):
    stream = io.StringIO()
    scrub = Scrubber(secrets)
    requests.show(iter(deliveries), scrub, Log(stream, scrub, debug=debug))
    return stream.getvalue().splitlines()


def pretty(request):
    return json.dumps(json.loads(request.body), indent=2).splitlines()


def test_every_request_is_a_group_with_its_address_its_header_and_its_body():
    backends = (datadog("https://a.test"), dx("https://b.test"))
    to_datadog, to_dx = deliver.prepare([deployment()], backends)
    (touched,) = deliver.prepare_touched(TOUCHED, backends, goes_first=True)

    assert shown(touched, to_datadog, to_dx) == [
        "::group::Request for DX, shop, cart",
        "POST https://b.test/api/deployments.setPullServices",
        "Authorization: ***",
        *pretty(touched.requests[0]),
        "::endgroup::",
        "::group::Request for Datadog, shop",
        "POST https://a.test/api/v2/dora/deployment",
        "DD-API-KEY: ***",
        *pretty(to_datadog.requests[0]),
        "::endgroup::",
        "::group::Request for DX, shop",
        "POST https://b.test/api/deployments.create",
        "Authorization: ***",
        *pretty(to_dx.requests[0]),
        "::endgroup::",
    ]


def test_what_a_backend_cannot_be_told_has_no_request_to_show():
    prepared = deliver.prepare([deployment(success=False)], [datadog("https://a.test")])

    assert shown(*prepared) == []


def test_where_debug_logging_is_on_the_length_of_each_body_is_shown():
    (delivery,) = deliver.prepare([deployment()], [datadog("https://a.test")])
    length = len(delivery.requests[0].body)

    first, second, *_ = shown(delivery, debug=True)

    assert first == (f"::debug::Datadog: {length} bytes for https://a.test/api/v2/dora/deployment")
    assert second == "::group::Request for Datadog, shop"


def test_a_secret_in_a_body_is_hidden_and_the_rest_is_shown():
    (delivery,) = deliver.prepare([deployment(version=f"v1-{KEY}")], [datadog("https://a.test")])

    lines = shown(delivery)

    assert '      "version": "v1-***"' in lines
    assert KEY not in "\n".join(lines)
