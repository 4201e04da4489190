"""What Datadog is sent, and how its answers are read."""

import json
from datetime import datetime, timedelta, timezone

import pytest

from dora_deployments import catalogue
from dora_deployments.backends import datadog, replies
from dora_deployments.backends.datadog import Datadog
from dora_deployments.catalogue import Note
from dora_deployments.deployment import Credential, Reply, Request, Service, Verdict
from dora_deployments.errors import InputError
from tests.backends.shapes import SHAPES, sent
from tests.builders import deployment, inputs, topic
from tests.end_to_end import receivers

KEY = "fedcba9876543210fedcba9876543210"
BACKEND = Datadog(url="https://api.datadoghq.com", api_key=KEY)
RECORDED = {"data": {"id": "4242fcdd31586083", "type": "dora_deployment"}}


def reply(status, body=b""):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status=status, body=raw)


def attributes(**changes):
    return datadog.deployment_body(deployment(**changes))["data"]["attributes"]


# --- what is sent


def test_the_body_of_a_bare_deployment_has_just_what_datadog_needs():
    assert datadog.deployment_body(deployment()) == {
        "data": {
            "attributes": {
                "id": "dora-0123456789abcdef0123456789abcdef01234567",
                "service": "shop",
                "env": "production",
                "started_at": 1_778_491_812_000_000_000,
                "finished_at": 1_778_492_080_000_000_000,
                "git": {
                    "commit_sha": "7fd0709f3ed45ac797fbcf901f219c36cfe2b36a",
                    "repository_url": "https://github.com/acme/shop",
                },
            }
        }
    }


def test_the_body_of_a_full_deployment_has_version_team_and_tags_as_well():
    full = deployment(
        service=Service(identifier="cart", name="The cart"),
        environment="staging",
        version="v1.12.07",
        team="payments",
        tags=("language:java", "department:engineering"),
        integration_branch="develop",
        metadata={"colour": "blue"},
    )

    assert datadog.deployment_body(full) == {
        "data": {
            "attributes": {
                "id": "dora-0123456789abcdef0123456789abcdef01234567",
                "service": "cart",
                "env": "staging",
                "started_at": 1_778_491_812_000_000_000,
                "finished_at": 1_778_492_080_000_000_000,
                "git": {
                    "commit_sha": "7fd0709f3ed45ac797fbcf901f219c36cfe2b36a",
                    "repository_url": "https://github.com/acme/shop",
                },
                "version": "v1.12.07",
                "team": "payments",
                "custom_tags": ["language:java", "department:engineering"],
            }
        }
    }


def test_times_are_nanoseconds_to_the_last_microsecond():
    started = datetime(2026, 5, 11, 9, 30, 12, 123_456, tzinfo=timezone.utc)
    finished = datetime(2026, 5, 11, 9, 30, 12, 999_999, tzinfo=timezone.utc)

    times = attributes(started_at=started, finished_at=finished)

    assert times["started_at"] == 1_778_491_812_123_456_000
    assert times["finished_at"] == 1_778_491_812_999_999_000


def test_times_of_other_zones_are_the_same_moments():
    started = datetime(2026, 5, 11, 11, 30, 12, tzinfo=timezone(timedelta(hours=2)))

    assert attributes(started_at=started)["started_at"] == 1_778_491_812_000_000_000


def test_the_request_has_the_key_in_its_own_header_and_the_body_as_plain_ascii():
    (request,) = BACKEND.requests(deployment(service=Service(identifier="caf\u00e9 \u5e97")))

    body = datadog.deployment_body(deployment(service=Service(identifier="caf\u00e9 \u5e97")))
    assert request == Request(
        method="deployment",
        url="https://api.datadoghq.com/api/v2/dora/deployment",
        body=json.dumps(body).encode("ascii"),
        credential=Credential(input="datadog-api-key", header="DD-API-KEY", value=KEY),
    )


def test_the_bytes_of_a_deployment_are_the_same_each_time():
    assert BACKEND.requests(deployment()) == BACKEND.requests(deployment())


def test_a_deployment_that_breaks_a_rule_of_datadog_becomes_no_request():
    with pytest.raises(InputError) as caught:
        BACKEND.requests(deployment(id="too-short"))

    assert caught.value.problems == (
        (
            "the body for datadog.deployment is wrong at $.data.attributes.id; it takes 16 to 128"
            " letters, digits, hyphens, underscores, periods and colons"
        ),
    )


@pytest.mark.parametrize("status", [200, 201, 202])
def test_datadog_takes_deployments_of_every_shape(status):
    shapes = [shape for shape in SHAPES if BACKEND.unsupported(shape) is None]
    with receivers.Datadog(api_key=KEY, status=status) as receiver:
        backend = Datadog(url=receiver.url, api_key=KEY)
        for shape in shapes:
            answer = sent(backend, shape)
            assert (shape, answer.status) == (shape, status)
            assert backend.verdict("deployment", answer).status == "delivered"

    assert [received.json for received in receiver.received] == [
        datadog.deployment_body(shape) for shape in shapes
    ]


def test_a_failed_deployment_cannot_be_told_to_datadog():
    assert BACKEND.unsupported(deployment(success=False)) == catalogue.OUTCOME_NOT_SUPPORTED


def test_a_successful_deployment_can_be_told_to_datadog():
    assert BACKEND.unsupported(deployment()) is None


# --- how it is configured


def test_datadog_is_on_with_a_key_alone():
    assert datadog.configured(inputs(datadog_api_key=KEY)) == BACKEND


def test_datadog_is_off_without_a_key():
    assert datadog.configured(inputs(datadog_site="EU")) is None


def test_the_site_decides_the_address():
    assert datadog.configured(inputs(datadog_api_key=KEY, datadog_site="EU")) == Datadog(
        url="https://api.datadoghq.eu", api_key=KEY
    )


def test_a_sample_has_the_address_and_no_key():
    assert datadog.sample(inputs(datadog_site="us3")) == Datadog(
        url="https://api.us3.datadoghq.com", api_key=""
    )


def test_the_name_is_written_as_people_write_it():
    assert BACKEND.name == "Datadog"


def test_the_key_is_in_no_repr():
    everything = (BACKEND, BACKEND.requests(deployment()))

    assert KEY not in repr(everything)


# --- how answers are read


@pytest.mark.parametrize("status", [200, 201])
def test_an_answer_with_an_id_means_recorded(status):
    assert BACKEND.verdict("deployment", reply(status, RECORDED)) == Verdict(
        status="delivered", message="recorded"
    )


def test_202_means_accepted_and_says_that_it_takes_longer():
    assert BACKEND.verdict("deployment", reply(202, RECORDED)) == Verdict(
        status="delivered",
        message="accepted, to be recorded later because of an incident at Datadog",
        topic=catalogue.DATADOG_LATER,
    )


def test_an_id_is_enough_whatever_else_there_is_or_is_not():
    assert (
        BACKEND.verdict("deployment", reply(200, {"data": {"id": "x"}, "meta": []})).status
        == "delivered"
    )


BROKEN_OFF = "the answer is empty or broke off"
OTHER = "the answer is not the documented JSON"
PAGE = "the answer is a web page, as of a proxy or a log-in"
MALFORMED = [
    (b"", BROKEN_OFF),
    ({}, OTHER),
    ([], OTHER),
    (7, OTHER),
    (None, OTHER),
    (b"null", OTHER),
    (True, OTHER),
    ("4242fcdd31586083", OTHER),
    ({"id": "4242fcdd31586083"}, OTHER),
    ({"data": None}, OTHER),
    ({"data": []}, OTHER),
    ({"data": "4242fcdd31586083"}, OTHER),
    ({"data": {}}, OTHER),
    ({"data": {"id": None}}, OTHER),
    ({"data": {"id": ""}}, OTHER),
    ({"data": {"id": 4242}}, OTHER),
    ({"data": {"id": True}}, OTHER),
    ({"data": {"id": ["x"]}}, OTHER),
    ([RECORDED], OTHER),
    (b'{"data": {"id": "4242fcdd31586083"', OTHER),
    (json.dumps(RECORDED).encode("utf-16"), OTHER),
    (json.dumps(RECORDED).encode("utf-32"), OTHER),
    (b'{"data": {"id": "\xff"}}', OTHER),
    (b"[" * 60_000, OTHER),
    (b'{"data":' * 8_000, OTHER),
    (b"<html>Log in</html>", PAGE),
    (b" \r\n\t<!DOCTYPE html>", PAGE),
    (b"OK", OTHER),
    (json.dumps(RECORDED).encode().ljust(replies.MAX_BODY + 1), "the answer is too long"),
]


@pytest.mark.parametrize("status", [200, 201, 202])
@pytest.mark.parametrize(("body", "kind"), MALFORMED)
def test_a_success_without_a_text_id_is_malformed(status, body, kind):
    assert BACKEND.verdict("deployment", reply(status, body)) == Verdict(
        status="malformed",
        message=f"Datadog answered {status} without the id of an event: {kind}",
        topic=catalogue.DATADOG_MALFORMED,
    )


@pytest.mark.parametrize("status", [203, 204, 205, 206, 207, 226, 299])
def test_a_success_that_datadog_does_not_document_is_malformed_even_with_an_id(status):
    assert BACKEND.verdict("deployment", reply(status, RECORDED)) == Verdict(
        status="malformed",
        message=f"Datadog answered {status} without the id of an event: {OTHER}",
        topic=catalogue.DATADOG_MALFORMED,
    )


def test_an_answer_just_as_long_as_the_limit_is_read():
    body = json.dumps(RECORDED).encode().ljust(replies.MAX_BODY)

    assert BACKEND.verdict("deployment", reply(200, body)).status == "delivered"


REDIRECT = (
    "a redirect, which is never followed with a key; check `datadog-site`",
    catalogue.DATADOG_REDIRECT,
)
REFUSED = (
    "the request was refused; read the answer in the log, if there is one",
    catalogue.DATADOG_REFUSED,
)
REFUSALS = {
    300: REDIRECT,
    301: REDIRECT,
    302: REDIRECT,
    303: REDIRECT,
    304: REDIRECT,
    307: REDIRECT,
    308: REDIRECT,
    399: REDIRECT,
    400: (
        "the body is not what Datadog expects; correct what it names",
        catalogue.DATADOG_400,
    ),
    401: (
        "the key is not valid; check `datadog-api-key`, and that `datadog-site` is its site",
        catalogue.DATADOG_401,
    ),
    403: (
        (
            "the key is not valid on this site, usually because it belongs to another site; check"
            " `datadog-site` first, then `datadog-api-key`"
        ),
        catalogue.DATADOG_403,
    ),
    404: ("there is no DORA endpoint here; check `datadog-site`", catalogue.DATADOG_404),
    405: REFUSED,
    409: REFUSED,
    410: REFUSED,
    413: ("the body is too large; shorten `tags`", catalogue.DATADOG_413),
    415: REFUSED,
    418: REFUSED,
    422: REFUSED,
    451: REFUSED,
}


@pytest.mark.parametrize("status", REFUSALS)
def test_any_other_answer_is_a_refusal_that_says_what_to_check(status):
    words, topic = REFUSALS[status]

    assert BACKEND.verdict("deployment", reply(status)) == Verdict(
        status="rejected", message=f"Datadog answered {status}: {words}", topic=topic
    )


@pytest.mark.parametrize("status", [302, 400, 403])
def test_a_refusal_is_none_the_less_one_with_the_id_of_an_event(status):
    assert BACKEND.verdict("deployment", reply(status, RECORDED)).status == "rejected"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"errors": ["Forbidden"]}, "Forbidden"),
        ({"errors": ["Bad Request", "", "And more"]}, "Bad Request; And more"),
        (
            {
                "errors": [
                    {
                        "detail": "Missing required attribute in body",
                        "meta": {},
                        "source": {
                            "header": "Authorization",
                            "parameter": "limit",
                            "pointer": "/data/attributes/title",
                        },
                        "status": "400",
                        "title": "Bad Request",
                    }
                ]
            },
            "Bad Request: Missing required attribute in body: /data/attributes/title",
        ),
        (
            {"errors": [{"title": "One"}, "two", {"detail": "Three"}]},
            "One; two; Three",
        ),
        ({"errors": [{"source": {"pointer": "/data"}}]}, "/data"),
        ({"errors": [{"title": 1, "detail": None, "source": "x"}]}, ""),
        ({"errors": [{"title": "T", "source": {"pointer": 7}}]}, "T"),
        ({"errors": [{}, None, 7, ["x"], True]}, ""),
        ({"errors": "Forbidden"}, ""),
        ({"errors": {"title": "Forbidden"}}, ""),
        ({"errors": None}, ""),
        ({"error": "Forbidden"}, ""),
        ([{"title": "Forbidden"}], ""),
        (b"<html>Forbidden</html>", ""),
        (b"\xff", ""),
    ],
)
def test_the_words_of_a_refusal_are_read_from_both_shapes_of_errors(body, detail):
    assert BACKEND.verdict("deployment", reply(400, body)) == Verdict(
        status="rejected",
        message="Datadog answered 400: the body is not what Datadog expects; correct what it names",
        detail=detail,
        topic=catalogue.DATADOG_400,
    )


# --- what is doubted of it


OLD = Note(
    text="the deployment ended more than an hour ago: Datadog used to refuse or ignore old"
    " deployments, and documents no limit now; report right after the deployment, and check"
    " in Datadog that this one appears",
    topic=topic("old-event"),
)


def doubts(now, *of):
    return [*BACKEND.doubts([request for each in of for request in BACKEND.requests(each)], now)]


@pytest.mark.fault(105)
@pytest.mark.parametrize(
    ("age", "found"),
    [
        (timedelta(), []),
        (timedelta(days=-2), []),
        (timedelta(hours=1), []),
        (timedelta(hours=1, microseconds=1), [OLD]),
        (timedelta(hours=1, seconds=1), [OLD]),
        (timedelta(days=2), [OLD]),
    ],
)
def test_only_what_ended_more_than_an_hour_ago_may_be_too_old_for_datadog(age, found):
    finish = datetime(2026, 5, 11, 9, 34, 40, 123_456, tzinfo=timezone.utc)

    assert doubts(finish + age, deployment(finished_at=finish)) == found


def unusual(*names):
    return Note(
        text=f"Datadog's catalogue would write {', '.join(names)}; if that is meant, write it so"
        " where the service is named",
        topic=topic("service-name"),
    )


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("checkout", []),
        ("a/b:c.d-e_f", []),
        ("7", []),
        ("stra\u00dfe", []),
        ("\u5e97", []),
        ("Checkout", [unusual("'Checkout' as `checkout`")]),
        ("check out", [unusual("'check out' as `check_out`")]),
        ("Check-Out/V2", [unusual("'Check-Out/V2' as `check-out/v2`")]),
        ("Stra\u00dfe", [unusual("'Stra\u00dfe' as `stra\u00dfe`")]),
        ("a@b+c,d", [unusual("'a@b+c,d' as `a_b_c_d`")]),
        ("it's `x`", [unusual('"it\'s `x`" as `it_s_x`')]),
        ("x*[y](z)", [unusual("'x*[y](z)' as `x_y_z`")]),
        ("a__b", [unusual("'a__b' as `a_b`")]),
        ("shop_", [unusual("'shop_' as `shop`")]),
        ("_shop", []),
        ("shop-", []),
        ("***", []),
    ],
)
def test_a_name_that_datadogs_catalogue_would_write_in_another_way_is_doubted(name, found):
    named = deployment(service=Service(identifier=name))

    assert doubts(named.finished_at, named) == found


def test_all_that_is_doubted_of_a_deployment_is_told():
    named = deployment(service=Service(identifier="Shop", name="The Shop"))

    assert doubts(named.finished_at + timedelta(days=1), named) == [
        OLD,
        unusual("'Shop' as `shop`"),
    ]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ("", []),
        ("ab", []),
        ("aBBb", [unusual("'B' as `b`")]),
        ("ABC", [unusual("'A' as `a`", "'B' as `b`", "'C' as `c`")]),
        ("DACBE", [unusual("'D' as `d`", "'A' as `a`", "'C' as `c`", "and 2 more alike")]),
    ],
)
def test_of_many_deployments_there_is_one_note_of_each_kind(names, found):
    many = [deployment(service=Service(identifier=name)) for name in names]
    now = deployment().finished_at + timedelta(days=1)

    assert doubts(now, *many) == ([OLD] if names else []) + found


def test_one_that_is_too_old_is_told_of_among_others_that_are_not():
    new = deployment()
    old = deployment(
        started_at=new.started_at - timedelta(days=1),
        finished_at=new.finished_at - timedelta(days=1),
    )

    assert doubts(new.finished_at, new, old) == [OLD]


def test_what_is_not_sent_has_no_age():
    named = deployment(service=Service(identifier="Shop"))

    assert doubts(None, named) == [unusual("'Shop' as `shop`")]


@pytest.mark.parametrize("event", ["deployment_status", "release", "push", ""])
@pytest.mark.parametrize(
    ("changes", "other"),
    [
        ({}, None),
        (
            {"version": "v1.2"},
            "Datadog's APM reports new versions as deployments, if it is chosen as a source",
        ),
    ],
)
def test_where_there_is_a_version_apm_may_tell_of_it_as_well(event, changes, other):
    assert BACKEND.other_source(event, deployment(**changes)) == other
