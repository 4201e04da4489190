import hmac
import json
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dora_deployments.delivery import deliver, saved
from dora_deployments.delivery.deliver import Delivery, Origin
from dora_deployments.deployment import Outcome, Request, Service, TouchedServices
from tests.actions.refusals import refusal
from tests.backends.shapes import SHAPES
from tests.builders import deployment
from tests.delivery import wire
from tests.end_to_end.audit import forms

ORIGIN = Origin(server_url="https://github.com", repository="acme/shop")
NOWHERE = "http://127.0.0.1:1"
DATADOG = wire.datadog(NOWHERE)
DX = wire.dx(NOWHERE)
BOTH = (DATADOG, DX)
FIELDS = (
    "about",
    "format",
    "server",
    "repository",
    "run_id",
    "attempt",
    "backend",
    "services",
    "id",
    "name",
    "status",
    "message",
    "requests",
    "hmac_sha256",
)
UNKNOWN = {"run_id", "attempt"}
TEXT = """\
{
"about": "A deployment report that was not delivered. It holds no key; `mode: replay` sends it \
again.",
"format": 1,
"server": "https://github.com",
"repository": "acme/shop",
"run_id": "8412399001",
"attempt": 2,
"backend": "DX",
"services": ["caf\\u00e9"],
"id": "dora-0123456789abcdef0123456789abcdef01234567",
"name": "dora-0123456789abcdef0123456789abcdef01234567",
"status": "undelivered",
"message": "DX answered 503: it is in trouble itself",
"requests": [{"method": "deployments.create", "body": \
{"reference_id": "dora-0123456789abcdef0123456789abcdef01234567", \
"deployed_at": "2026-05-11T09:34:40Z", "service": {"identifier": "caf\\u00e9"}, \
"environment": "production", "repository": "acme/shop", \
"commit_sha": "7fd0709f3ed45ac797fbcf901f219c36cfe2b36a", \
"source_url": "https://github.com/acme/shop/actions/runs/8412399001", \
"source_name": "GitHub Actions"}}],
"hmac_sha256": "f704945eb26ecc724336b85b6404e3ec51974ce667f3c0fb5b2edc234254d7cc"
}
"""
NOT_SIGNED = (
    "is not signed with `dx-token`: it was planted, changed, or saved under another key; if the"
    " key was replaced since, run the job that saved it again"
)
NO_REPORT = "is no saved report; take it out of `replay-path`"
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**98), 10**98)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def prepared(backend, of):
    (delivery,) = deliver.prepare([of], [backend])
    return delivery


def lost(delivery, **changes):
    known = {"status": "undelivered", "message": f"{delivery.backend.name} did not answer"}
    return Outcome(
        backend=delivery.backend.name,
        service=delivery.services[0],
        id=delivery.id,
        **{**known, **changes},
    )


def written(delivery, origin=ORIGIN):
    return saved.text(delivery, lost(delivery), origin)


def read(text, origin=ORIGIN, backends=BOTH, off=()):
    content = text if isinstance(text, bytes) else text.encode()
    return saved.read(content, origin, backends, off)


def refused(text, *given):
    return refusal(lambda content: read(content, *given), text)


def changed(**changes):
    return json.dumps({**json.loads(GOOD), **changes})


def without(name):
    return json.dumps({key: value for key, value in json.loads(GOOD).items() if key != name})


def not_whole(what):
    return f"{what}, so it is not whole; fetch it again, or run the job that saved it again"


GOOD = written(prepared(DX, deployment()))


def test_the_whole_text_is_a_line_for_each_field_in_plain_ascii():
    of_cafe = deployment(service=Service(identifier="caf\u00e9"))
    delivery = prepared(DX, of_cafe)
    outcome = lost(
        delivery,
        message="DX answered 503: it is in trouble itself",
        detail="words of the server",
        http_status=503,
        attempts=4,
    )
    origin = replace(ORIGIN, run_id="8412399001", attempt=2)
    assert saved.text(delivery, outcome, origin) == TEXT
    assert read(TEXT) == replace(delivery, run_id="8412399001", attempt=2)


def test_a_file_of_an_earlier_version_does_not_say_of_which_attempt_it_is():
    fields = {name: value for name, value in json.loads(GOOD).items() if name not in UNKNOWN}
    del fields["hmac_sha256"]
    signed = hmac.new(DX.credential.value.encode(), json.dumps(fields).encode(), "sha256")
    text = json.dumps({**fields, "hmac_sha256": signed.hexdigest()})
    assert read(text) == prepared(DX, deployment())


# --- taken back


def test_a_deployment_of_any_shape_is_taken_back_as_it_was():
    deliveries = [
        delivery for delivery in deliver.prepare(SHAPES, BOTH) if delivery.unsupported is None
    ]
    assert [read(written(delivery)) for delivery in deliveries] == deliveries


@given(metadata=st.dictionaries(st.text(), JSON, min_size=1))
def test_metadata_of_any_value_is_sent_again_byte_by_byte(metadata):
    delivery = prepared(DX, deployment(metadata=metadata))
    assert read(written(delivery)) == delivery


@pytest.mark.parametrize("depth", [1, 31])
def test_what_an_input_may_be_nested_is_taken_back(depth):
    value = json.loads("[" * depth + "]" * depth)
    delivery = prepared(DX, deployment(metadata={"value": value}))
    assert read(written(delivery)) == delivery


def test_the_services_that_a_pull_request_touches_are_taken_back_as_an_own_delivery():
    touched = TouchedServices(pull_id=7, services=(Service(identifier="shop", name="Shop"),))
    (first,) = deliver.prepare_touched(touched, BOTH, goes_first=True)
    (alone,) = deliver.prepare_touched(touched, BOTH, goes_first=False)
    assert read(written(first)) == alone


def test_target_and_key_come_from_the_inputs_alone():
    elsewhere = wire.dx("http://127.0.0.1:2")
    taken = read(GOOD, ORIGIN, (elsewhere,))
    assert taken == prepared(elsewhere, deployment())
    assert {request.url for request in taken.requests} == {
        "http://127.0.0.1:2/api/deployments.create"
    }


@pytest.mark.parametrize(
    "origin",
    [
        Origin(server_url="https://GitHub.com", repository="acme/shop"),
        Origin(server_url="https://github.com", repository="Acme/SHOP"),
    ],
    ids=["server", "repository"],
)
def test_capitals_make_no_other_server_or_repository(origin):
    delivery = prepared(DX, deployment())
    assert read(GOOD, origin) == delivery
    assert read(written(delivery, origin)) == delivery


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(json.loads(GOOD), indent=4),
        json.dumps(json.loads(GOOD), separators=(",", ":")),
        json.dumps({"hmac_sha256": json.loads(GOOD)["hmac_sha256"], **json.loads(GOOD)}),
        GOOD.replace("\n", "\r\n"),
        f"\n\t{GOOD} ",
    ],
    ids=["indented", "dense", "signature first", "CRLF", "spaces around"],
)
def test_a_file_that_was_only_laid_out_anew_is_taken(text):
    assert read(text) == prepared(DX, deployment())


# --- refused


def test_the_fields_are_those_that_the_tests_change():
    assert tuple(json.loads(GOOD)) == FIELDS


@pytest.mark.threat(19)
@pytest.mark.parametrize("name", [name for name in FIELDS if name not in {"format", "backend"}])
def test_a_field_that_was_changed_or_taken_out_is_not_signed(name):
    value = json.loads(GOOD)[name]
    other = [] if isinstance(value, list) else f"{value}x"
    assert refused(changed(**{name: other})) == NOT_SIGNED
    assert refused(changed(**{name: None})) == NOT_SIGNED
    assert refused(without(name)) == NOT_SIGNED


@pytest.mark.threat(19)
@pytest.mark.parametrize("pair", [*pairwise(FIELDS[:-1])], ids="-".join)
def test_fields_in_another_order_are_not_signed(pair):
    fields = json.loads(GOOD)
    first, second = pair
    swapped = {first: second, second: first}
    order = [swapped.get(name, name) for name in fields]
    assert refused(json.dumps({name: fields[name] for name in order})) == NOT_SIGNED


@pytest.mark.parametrize("more", [{"url": "https://mallory.test"}, {"": 0}, {"Format": 1}])
def test_a_field_more_is_not_signed(more):
    assert refused(changed(**more)) == NOT_SIGNED


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"format": 2},
            (
                "is of the format 2, which this version does not know; replay it by the version of"
                " this action that saved it"
            ),
        ),
        ({"format": True}, NOT_SIGNED),
        ({"format": 1.0}, NO_REPORT),
        ({"format": "1"}, NO_REPORT),
        ({"backend": "Datadog"}, NOT_SIGNED.replace("dx-token", "datadog-api-key")),
        (
            {"backend": "Sleuth"},
            "is for the backend 'Sleuth', which this version does not know",
        ),
        ({"backend": ["DX"]}, "is for the backend \"['DX']\", which this version does not know"),
        (
            {"backend": "\x1b[2J::"},
            "is for the backend '\\x1b[2J::', which this version does not know",
        ),
    ],
    ids=ascii,
)
def test_another_format_or_backend_is_refused(change, message):
    assert refused(changed(**change)) == message


def test_a_file_without_format_or_backend_is_refused():
    assert refused(without("format")) == NO_REPORT
    assert refused(without("backend")) == (
        "is for the backend 'None', which this version does not know"
    )


@pytest.mark.parametrize("signature", ["", "\u00e9", "0" * 64, None, 0, [], {}, True], ids=ascii)
def test_another_signature_is_none(signature):
    assert refused(changed(hmac_sha256=signature)) == NOT_SIGNED


def test_a_file_of_another_key_is_refused():
    other = wire.Dx(url=DX.url, token=f"{DX.token}x")
    assert refused(GOOD, ORIGIN, (other,)) == NOT_SIGNED


def test_a_file_of_a_backend_that_is_off_is_refused():
    assert refused(GOOD, ORIGIN, (DATADOG,), BOTH) == (
        "is for DX, which is off; set `dx-token` to replay it"
    )
    of_datadog = written(prepared(DATADOG, deployment()))
    assert refused(of_datadog, ORIGIN, (DX,), BOTH) == (
        "is for Datadog, which is off; set `datadog-api-key` to replay it"
    )


@pytest.mark.parametrize(
    ("origin", "this"),
    [
        (
            Origin(server_url="https://github.com", repository="acme/cart"),
            "acme/cart on https://github.com",
        ),
        (
            Origin(server_url="https://git.acme.test", repository="acme/shop"),
            "acme/shop on https://git.acme.test",
        ),
        (Origin(server_url="https://github.com", repository=""), " on https://github.com"),
    ],
    ids=["repository", "server", "none"],
)
def test_a_file_of_another_repository_or_server_is_refused(origin, this):
    assert refused(GOOD, origin) == (
        f"is of acme/shop on https://github.com, and this run is of {this}; replay it there, or, if"
        " the repository was renamed, run the job that saved it again"
    )


@pytest.mark.parametrize(
    ("method", "body", "message"),
    [
        (
            "deployments.delete",
            {},
            "the body is for 'dx.deployments.delete', which this version does not know",
        ),
        (
            "deployments.setPullServices",
            {"github_pull_id": 0, "services": [{"identifier": "shop"}]},
            (
                "the body for dx.deployments.setPullServices is wrong at $.github_pull_id; it takes"
                " the database id of the pull request, a positive whole number"
            ),
        ),
    ],
)
def test_a_signed_file_that_breaks_the_rules_of_its_backend_is_refused(method, body, message):
    delivery = Delivery(
        backend=DX,
        services=("shop",),
        id="",
        name="other",
        requests=(
            Request(
                method=method, url=DX.url, body=json.dumps(body).encode(), credential=DX.credential
            ),
        ),
    )
    assert refused(written(delivery)) == (
        f"is not what DX takes: {message}; replay it by the version of this action that saved it"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe{\x00}\x00", "is not UTF-8 text; take it out of `replay-path`"),
        (GOOD.encode("utf-16"), "is not UTF-8 text; take it out of `replay-path`"),
        (b"", not_whole("is not JSON (Expecting value)")),
        (GOOD.encode()[:-3], not_whole("is not JSON (Expecting ',' delimiter)")),
        (GOOD.encode("utf-8-sig"), not_whole("starts with a byte order mark")),
        (
            GOOD.replace('"format": 1', '"format": 1,\n"format": 1').encode(),
            not_whole("has the key 'format' twice in one object"),
        ),
        (b'{"a; b": 1, "a; b": 2}', not_whole("has the key 'a; b' twice in one object")),
        (
            GOOD.replace('"format": 1', '"format": NaN').encode(),
            not_whole("has NaN, which JSON does not know"),
        ),
        (
            GOOD.replace('"format": 1', '"format": 1e999').encode(),
            not_whole("has the number '1e999', which is too large"),
        ),
        (
            GOOD.replace('"DX"', '"\\ud800"').encode(),
            not_whole("has half of a surrogate pair in a string"),
        ),
        (b"[" * 41 + b"]" * 41, not_whole("is nested more than 40 levels deep")),
        (b"[" * 100_000 + b"]" * 100_000, not_whole("is nested more than 40 levels deep")),
        (b" " * 1_000_000, not_whole("is longer than 262144 characters")),
        (f"[{GOOD}]".encode(), NO_REPORT),
        (b"null", NO_REPORT),
        (b"{}", NO_REPORT),
        (b'"format"', NO_REPORT),
    ],
    ids=[
        "not UTF-8",
        "UTF-16",
        "empty",
        "cut off",
        "byte order mark",
        "key twice",
        "key with a semicolon twice",
        "NaN",
        "1e999",
        "half of a character",
        "41 levels",
        "100,000 levels",
        "1 MB",
        "array",
        "null",
        "empty object",
        "string",
    ],
)
@pytest.mark.threat(13)
def test_what_is_no_saved_report_is_refused(content, message):
    assert refused(content) == message


@pytest.mark.threat(13, 19)
@given(at=st.integers(0, len(GOOD) - 1), byte=st.integers(0, 255))
def test_any_byte_that_is_changed_makes_no_other_delivery(at, byte):
    content = bytearray(GOOD.encode())
    content[at] = byte
    try:
        taken = read(bytes(content))
    except ValueError as error:
        message = str(error)
        assert type(error) is ValueError  # noqa: PT017 - some changes are of layout alone
        assert message.isprintable()
        assert len(message) < 600
    else:
        assert taken == prepared(DX, deployment())


# --- no keys


@pytest.mark.threat(19)
@pytest.mark.parametrize("backend", BOTH, ids=["Datadog", "DX"])
def test_no_form_of_a_key_and_no_half_of_one_is_saved(backend):
    texts = [
        written(delivery)
        for delivery in deliver.prepare(SHAPES, [backend])
        if delivery.unsupported is None
    ]
    assert texts
    found = [
        form
        for secret in (wire.KEY, wire.TOKEN)
        for form in forms(secret)
        for text in texts
        if form in text
    ]
    assert found == []
