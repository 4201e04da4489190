"""What DX is sent, and how its answers are read."""

import json
import tracemalloc
from datetime import datetime, timedelta, timezone

import pytest

from dora_deployments import catalogue
from dora_deployments.backends import dx, replies
from dora_deployments.backends.dx import Dx
from dora_deployments.delivery import session
from dora_deployments.deployment import (
    Credential,
    Reply,
    Request,
    Service,
    TouchedServices,
    Verdict,
)
from dora_deployments.errors import ConfigurationError, InputError
from tests.backends.shapes import SHAPES, sent
from tests.builders import deployment, inputs
from tests.end_to_end import receivers

TOKEN = "dx-token-for-tests"
CREATE = "deployments.create"
SET_PULL_SERVICES = "deployments.setPullServices"
SHA = "7fd0709f3ed45ac797fbcf901f219c36cfe2b36a"
OTHER_SHA = "109cf4c2b7a94a9c8a1f1f6f0d0b3b2a5c6d7e8f"
SHA_256 = "a" * 64
BACKEND = Dx(url="https://acme.getdx.net/api", token=TOKEN)
BARE = {
    "reference_id": "dora-0123456789abcdef0123456789abcdef01234567",
    "deployed_at": "2026-05-11T09:34:40Z",
    "service": {"identifier": "shop"},
    "environment": "production",
    "repository": "acme/shop",
    "commit_sha": SHA,
    "source_url": "https://github.com/acme/shop/actions/runs/8412399001",
    "source_name": "GitHub Actions",
}
# In whole seconds it is 2026-05-11T07:34:56Z.
COMMITTED_AT = datetime(2026, 5, 11, 9, 34, 56, 999_999, tzinfo=timezone(timedelta(hours=2)))


def reply(status, body=b""):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status=status, body=raw)


def without(*names):
    return {name: value for name, value in BARE.items() if name not in names}


# --- what is sent


@pytest.mark.parametrize(
    ("changes", "body"),
    [
        ({}, BARE),
        ({"source_url": None}, without("source_url")),
        ({"source_name": None}, without("source_name")),
        (
            {"service": Service(identifier="shop", name="The shop")},
            {**BARE, "service": {"identifier": "shop", "name": "The shop"}},
        ),
        ({"environment": "staging"}, {**BARE, "environment": "staging"}),
        ({"integration_branch": "develop"}, {**BARE, "integration_branch": "develop"}),
        (
            {"attribution": "commit", "merge_commit_shas": (OTHER_SHA,)},
            BARE,
        ),
        (
            {
                "attribution": "pull-requests",
                "merge_commit_shas": (SHA, OTHER_SHA),
                "integration_branch": "develop",
            },
            {**without("commit_sha"), "merge_commit_shas": [SHA, OTHER_SHA]},
        ),
        (
            {
                "attribution": "repository",
                "merge_commit_shas": (OTHER_SHA,),
                "integration_branch": "develop",
            },
            without("commit_sha"),
        ),
        ({"success": False}, {**BARE, "success": False}),
        ({"version": "v1.2"}, {**BARE, "metadata": {"version": "v1.2"}}),
        ({"metadata": {"colour": "blue"}}, {**BARE, "metadata": {"colour": "blue"}}),
        (
            {"version": "v1.2", "metadata": {"colour": "blue"}},
            {**BARE, "metadata": {"colour": "blue", "version": "v1.2"}},
        ),
        (
            {"version": "v1.2", "metadata": {"version": "by hand"}},
            {**BARE, "metadata": {"version": "by hand"}},
        ),
        ({"team": "payments", "tags": ("a:b",)}, BARE),
        (
            {"service": Service(identifier="shop", team="payments")},
            BARE,
        ),
        ({"is_rollback": True}, {**BARE, "metadata": {"rollback": True}}),
        (
            {"committed_at": COMMITTED_AT},
            {**BARE, "metadata": {"commit_timestamp": 1_778_484_896}},
        ),
        (
            {"first_commit_at": COMMITTED_AT},
            {**BARE, "metadata": {"first_commit_timestamp": 1_778_484_896}},
        ),
        (
            {
                "version": "v1.2",
                "committed_at": COMMITTED_AT,
                "first_commit_at": COMMITTED_AT - timedelta(days=2),
                "is_rollback": True,
                "metadata": {"colour": "blue"},
            },
            {
                **BARE,
                "metadata": {
                    "version": "v1.2",
                    "commit_timestamp": 1_778_484_896,
                    "first_commit_timestamp": 1_778_484_896 - 172_800,
                    "rollback": True,
                    "colour": "blue",
                },
            },
        ),
        (
            {
                "committed_at": COMMITTED_AT,
                "first_commit_at": COMMITTED_AT,
                "is_rollback": True,
                "metadata": {
                    "commit_timestamp": None,
                    "first_commit_timestamp": "by hand",
                    "rollback": False,
                },
            },
            {
                **BARE,
                "metadata": {
                    "commit_timestamp": None,
                    "first_commit_timestamp": "by hand",
                    "rollback": False,
                },
            },
        ),
    ],
)
def test_the_body_has_what_the_deployment_says_and_nothing_else(changes, body):
    assert dx.deployment_body(deployment(**changes)) == body


def test_the_metadata_of_the_deployment_stay_as_they_are():
    given = {"colour": "blue"}

    dx.deployment_body(deployment(version="v1", metadata=given))

    assert given == {"colour": "blue"}


def test_the_time_is_the_finish_in_utc_and_whole_seconds():
    finish = datetime(2026, 5, 11, 11, 34, 40, 999_999, tzinfo=timezone(timedelta(hours=2)))

    assert dx.deployment_body(deployment(finished_at=finish))["deployed_at"] == (
        "2026-05-11T09:34:40Z"
    )


def test_the_request_has_the_token_as_bearer_and_the_body_as_plain_ascii():
    (request,) = BACKEND.requests(deployment(environment="caf\u00e9 \u5e97"))

    assert request == Request(
        method=CREATE,
        url="https://acme.getdx.net/api/deployments.create",
        body=json.dumps({**BARE, "environment": "caf\u00e9 \u5e97"}).encode("ascii"),
        credential=Credential(input="dx-token", header="Authorization", value=f"Bearer {TOKEN}"),
    )


def test_the_bytes_of_a_deployment_are_the_same_each_time():
    assert BACKEND.requests(deployment()) == BACKEND.requests(deployment())


def test_a_deployment_that_breaks_a_rule_of_dx_becomes_no_request():
    with pytest.raises(InputError) as caught:
        BACKEND.requests(deployment(attribution="pull-requests", merge_commit_shas=()))

    assert caught.value.problems == (
        (
            "the body for dx.deployments.create is wrong at $.merge_commit_shas; it takes the merge"
            " commit SHAs, at least one, each once"
        ),
    )


def test_dx_takes_deployments_of_every_shape_as_often_as_they_are_sent():
    with receivers.Dx(token=TOKEN) as receiver:
        backend = Dx(url=f"{receiver.url}/api", token=TOKEN)
        for shape in (*SHAPES, *SHAPES):
            answer = sent(backend, shape)
            assert (shape, answer.status) == (shape, 200)
            assert backend.verdict(CREATE, answer) == Verdict(
                status="delivered", message="recorded"
            )

    assert receiver.deployments == {shape.id: dx.deployment_body(shape) for shape in SHAPES}
    assert len(SHAPES) == 48


def test_dx_is_told_the_environment_of_every_shape():
    assert {dx.deployment_body(shape)["environment"] for shape in SHAPES} == {
        "production",
        "staging/eu-1",
    }


def test_a_re_run_with_another_finish_is_a_duplicate_to_dx():
    with receivers.Dx(token=TOKEN) as receiver:
        backend = Dx(url=f"{receiver.url}/api", token=TOKEN)
        first = deployment()
        later = deployment(finished_at=first.finished_at + timedelta(hours=1))
        sent(backend, first)

        assert backend.verdict(CREATE, sent(backend, later)) == Verdict(
            status="duplicate",
            message="already recorded under this id, by an earlier attempt or another job; no"
            " action is needed, since DX keeps it as it is",
            detail="unprocessable_entity; reference_id has already been used with other values",
            topic=catalogue.DX_DUPLICATE,
        )


TOO_LONG = catalogue.DX_LONG_SHA


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, None),
        ({"success": False}, None),
        ({"commit_sha": SHA_256}, TOO_LONG),
        ({"commit_sha": "a" * 41}, TOO_LONG),
        ({"commit_sha": SHA_256, "attribution": "repository"}, None),
        (
            {
                "commit_sha": SHA_256,
                "attribution": "repository",
                "merge_commit_shas": (SHA_256,),
            },
            None,
        ),
        (
            {
                "commit_sha": SHA_256,
                "attribution": "pull-requests",
                "merge_commit_shas": (SHA,),
            },
            None,
        ),
        ({"attribution": "pull-requests", "merge_commit_shas": (SHA, SHA_256)}, TOO_LONG),
        ({"attribution": "commit", "merge_commit_shas": (SHA_256,)}, None),
    ],
)
def test_only_a_sha_that_would_be_sent_and_is_too_long_cannot_be_told_to_dx(changes, why):
    assert BACKEND.unsupported(deployment(**changes)) == why


# --- which services a pull request touches


SHOP = Service(identifier="shop", name="The shop", team="payments")
CART = Service(identifier="cart")


def touched(*services, pull_id=3_498_120_117):
    return TouchedServices(pull_id=pull_id, services=services)


def test_the_services_of_a_pull_request_are_told_by_its_database_id():
    assert dx.touched_body(touched(SHOP, CART)) == {
        "github_pull_id": 3_498_120_117,
        "services": [{"identifier": "shop", "name": "The shop"}, {"identifier": "cart"}],
    }


def test_the_request_for_a_pull_request_has_an_address_of_its_own():
    assert BACKEND.touched_requests(touched(CART)) == (
        Request(
            method=SET_PULL_SERVICES,
            url="https://acme.getdx.net/api/deployments.setPullServices",
            body=b'{"github_pull_id": 3498120117, "services": [{"identifier": "cart"}]}',
            credential=Credential(
                input="dx-token", header="Authorization", value=f"Bearer {TOKEN}"
            ),
        ),
    )


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (
            touched(),
            "$.services; it takes the services that the pull request touches, at least one",
        ),
        (touched(CART, CART), "$.services; it takes the services that the pull request touches"),
        (
            touched(CART, pull_id=0),
            "$.github_pull_id; it takes the database id of the pull request, a positive",
        ),
        (
            touched(Service(identifier="a\nb")),
            "$.services[0].identifier; it takes text on one line that is not blank",
        ),
    ],
)
def test_what_a_pull_request_touches_becomes_no_request_if_it_breaks_a_rule(wrong, problem):
    with pytest.raises(InputError) as caught:
        BACKEND.touched_requests(wrong)

    (found,) = caught.value.problems
    assert found.startswith(f"the body for dx.deployments.setPullServices is wrong at {problem}")


def test_dx_takes_the_services_of_a_pull_request_as_often_as_they_are_sent():
    with receivers.Dx(token=TOKEN) as receiver:
        backend = Dx(url=f"{receiver.url}/api", token=TOKEN)
        for of in (touched(SHOP), touched(CART, SHOP), touched(SHOP)):
            (request,) = backend.touched_requests(of)
            with session.Session() as http:
                answer = session.post(http, request, (5, 5))
            assert backend.verdict(SET_PULL_SERVICES, answer) == Verdict(
                status="delivered", message="recorded"
            )

    assert receiver.pull_services == {3_498_120_117: ["shop", "cart"]}


@pytest.mark.parametrize(
    "body", [b"", b"{}", {"error": "unheard_of"}, {"message": "reference_id was used"}]
)
def test_a_422_to_what_has_no_id_is_a_refusal_and_no_duplicate(body):
    verdict = BACKEND.verdict(SET_PULL_SERVICES, reply(422, body))

    assert (verdict.status, verdict.message) == (
        "rejected",
        "DX answered 422: DX refuses a value; correct what it names",
    )
    assert verdict.topic == catalogue.DX_422


ANSWERS = (b"", b"<html>", {"ok": True}, {"ok": False}, {"ok": False, "error": "not_authed"})


@pytest.mark.parametrize("answer", ANSWERS)
def test_all_other_answers_mean_the_same_as_those_to_a_deployment(answer):
    for status in {*range(200, 500)} - {422}:
        got = reply(status, answer)
        assert BACKEND.verdict(SET_PULL_SERVICES, got) == BACKEND.verdict(CREATE, got)


# --- how it is configured


def test_dx_is_on_with_token_and_instance():
    assert dx.configured(inputs(dx_token=TOKEN, dx_instance="acme")) == BACKEND


def test_dx_is_off_without_either():
    assert dx.configured(inputs()) is None


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (
            {"dx_token": TOKEN},
            (
                "`dx-token` is set and `dx-instance` is empty; DX needs both, so set `dx-instance`"
                " as well, or leave both out"
            ),
        ),
        (
            {"dx_instance": "acme"},
            (
                "`dx-instance` is set and `dx-token` is empty; DX needs both, so set `dx-token` as"
                " well, or leave both out (a secret that does not exist here arrives empty)"
            ),
        ),
    ],
)
def test_half_of_dx_is_a_mistake_that_names_the_other_half(given, problem):
    with pytest.raises(ConfigurationError) as caught:
        dx.configured(inputs(**given))

    assert caught.value.problems == (problem,)
    assert caught.value.topic == catalogue.HALF_OF_DX


def test_a_sample_has_the_address_and_no_token():
    assert dx.sample(inputs(dx_instance="api.getdx.com")) == Dx(
        url="https://api.getdx.com", token=""
    )


def test_a_sample_without_an_instance_has_an_address_that_shows_what_to_fill_in():
    assert dx.sample(inputs()) == Dx(url="https://your-instance.getdx.net/api", token="")


def test_the_name_is_written_as_people_write_it():
    assert BACKEND.name == "DX"


def test_the_token_is_in_no_repr():
    everything = (BACKEND, BACKEND.requests(deployment()))

    assert TOKEN not in repr(everything)


# --- how answers are read


@pytest.mark.parametrize("status", [200, 201, 202, 204, 207, 299])
def test_any_success_that_says_ok_means_recorded(status):
    assert BACKEND.verdict(
        CREATE, reply(status, {"ok": True, "error": "repo_not_found"})
    ) == Verdict(status="delivered", message="recorded")


BROKEN_OFF = "the answer is empty or broke off"
OTHER = "the answer is not the documented JSON"
PAGE = "the answer is a web page, as of a proxy or a log-in"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", BROKEN_OFF),
        ({}, OTHER),
        ({"ok": "true"}, OTHER),
        ({"ok": "false"}, OTHER),
        ({"ok": 1}, OTHER),
        ({"ok": 0}, OTHER),
        ({"ok": 1.0}, OTHER),
        ({"ok": None}, OTHER),
        ({"ok": []}, OTHER),
        ({"OK": True}, OTHER),
        ({"deployment": {"ok": True}}, OTHER),
        ([{"ok": True}], OTHER),
        (True, OTHER),
        (7, OTHER),
        (None, OTHER),
        ("ok", OTHER),
        (b'{"ok": true', OTHER),
        (b'{"ok": true}}', OTHER),
        (b"'ok': true", OTHER),
        ('{"ok": true}'.encode("utf-16"), OTHER),
        ('{"ok": true}'.encode("utf-16-le"), OTHER),
        ('{"ok": true}'.encode("utf-32"), OTHER),
        (b'{"ok": true, "x": "\xff"}', OTHER),
        (b'{"ok": true, "x": ' + b"9" * 5_000 + b"}", OTHER),
        (b'{"ok": true, "x": ' + b"[" * 60_000, OTHER),
        (b'{"ok":' * 10_000, OTHER),
        (b"<html>ok</html>", PAGE),
        (b"\n <!doctype html>", PAGE),
        (b'{"ok": true}'.ljust(replies.MAX_BODY + 1), "the answer is too long"),
    ],
)
def test_a_success_that_does_not_say_ok_as_a_boolean_is_malformed(body, kind):
    assert BACKEND.verdict(CREATE, reply(200, body)) == Verdict(
        status="malformed",
        message=f"DX answered 200 without saying ok: {kind}",
        topic=catalogue.DX_MALFORMED,
    )


@pytest.mark.parametrize(
    "body", [b'{"ok": true}'.ljust(replies.MAX_BODY), b'\xef\xbb\xbf{"ok": true}']
)
def test_an_answer_just_as_long_as_the_limit_or_with_a_byte_order_mark_is_read(body):
    assert BACKEND.verdict(CREATE, reply(200, body)).status == "delivered"


ERRORS = {
    "not_authed": (
        (
            "no token arrived, or something that is not one; check that the secret in `dx-token`"
            " is set"
        ),
        catalogue.DX_NOT_AUTHED,
    ),
    "invalid_auth": (
        (
            "the token is expired or unknown; create a new token with the scope for deployments"
            " and store it in `dx-token`"
        ),
        catalogue.DX_INVALID_AUTH,
    ),
    "account_inactive": (
        (
            "the account of the token is deactivated or suspended; set `dx-token` to a token of"
            " another account"
        ),
        catalogue.DX_ACCOUNT_INACTIVE,
    ),
    "invalid_json": (
        "DX could not read the body; please report this as a bug of the action",
        catalogue.DX_INVALID_JSON,
    ),
    "required_params_missing": (
        "a parameter is missing; read the answer in the log",
        catalogue.DX_REQUIRED_PARAMS_MISSING,
    ),
    "repo_not_found": (
        (
            "DX does not know the repository; check that it is connected in DX, under the same"
            " owner and name as `repository`"
        ),
        catalogue.DX_REPO_NOT_FOUND,
    ),
}


@pytest.mark.parametrize("status", [200, 201, 302, 400, 401, 403, 404, 422])
@pytest.mark.parametrize("code", ERRORS)
def test_a_documented_error_is_a_refusal_that_says_what_mends_it(status, code):
    words, topic = ERRORS[code]
    body = {"ok": False, "error": code, "message": "In other words"}

    assert BACKEND.verdict(CREATE, reply(status, body)) == Verdict(
        status="rejected",
        message=f"DX answered {status} {code}: {words}",
        detail=f"{code}; In other words",
        topic=topic,
    )


REDIRECT = (
    "a redirect, which is never followed with a key; check `dx-instance`",
    catalogue.DX_REDIRECT,
)
REFUSED = (
    "the request was refused; read the answer in the log, if there is one",
    catalogue.DX_REFUSED,
)
REFUSALS = {
    200: REFUSED,
    299: REFUSED,
    300: REDIRECT,
    301: REDIRECT,
    302: REDIRECT,
    303: REDIRECT,
    304: REDIRECT,
    307: REDIRECT,
    308: REDIRECT,
    399: REDIRECT,
    400: REFUSED,
    401: (
        "the token is not valid; check `dx-token`, and that `dx-instance` is where it was made",
        catalogue.DX_401,
    ),
    403: ("the token may not do this; check the scopes of `dx-token`", catalogue.DX_403),
    404: ("there is no such method here; check `dx-instance`", catalogue.DX_404),
    405: REFUSED,
    409: REFUSED,
    410: REFUSED,
    413: ("the body is too large; shorten `metadata`", catalogue.DX_413),
    415: REFUSED,
    418: REFUSED,
}


@pytest.mark.parametrize("status", REFUSALS)
@pytest.mark.parametrize(
    ("error", "detail"),
    [
        ("unheard_of", "unheard_of"),
        (None, ""),
        (["invalid_auth"], ""),
        ({"invalid_auth": 1}, ""),
        (7, ""),
        ("INVALID_AUTH", "INVALID_AUTH"),
    ],
)
def test_an_error_that_is_not_documented_is_read_by_its_status(status, error, detail):
    words, topic = REFUSALS[status]

    assert BACKEND.verdict(CREATE, reply(status, {"ok": False, "error": error})) == Verdict(
        status="rejected",
        message=f"DX answered {status}: {words}",
        detail=detail,
        topic=topic,
    )


@pytest.mark.parametrize("status", [300, 302, 400])
def test_only_a_success_can_mean_recorded(status):
    assert BACKEND.verdict(CREATE, reply(status, {"ok": True})).status == "rejected"


@pytest.mark.parametrize("body", [b"", b"[]", {"ok": True}, {"message": 7}])
def test_a_refusal_needs_no_body_and_ok_does_not_undo_it(body):
    assert BACKEND.verdict(CREATE, reply(403, body)) == Verdict(
        status="rejected",
        message="DX answered 403: the token may not do this; check the scopes of `dx-token`",
        topic=catalogue.DX_403,
    )


FIELDS = (
    "deployed_at",
    "service",
    "environment",
    "repository",
    "commit_sha",
    "merge_commit_shas",
    "integration_branch",
    "source_url",
    "source_name",
    "metadata",
    "success",
)


def test_the_fields_of_the_body_that_can_be_refused_are_all_but_the_id():
    everything = {
        name for shape in SHAPES for name in dx.deployment_body(shape) if name != "reference_id"
    }

    assert set(FIELDS) == everything


@pytest.mark.fault(42)
@pytest.mark.parametrize(
    "body",
    [
        {"ok": False, "error": "reference_id"},
        {"ok": False, "error": "unprocessable_entity", "message": "reference_id"},
        {"ok": False, "error": "already_exists"},
        {"ok": False, "error": "conflict", "message": "already exists"},
        {"ok": False, "error": "deployment_already_exists"},
        {"message": "Deployment already exists for service shop"},
        {"message": "This deployment has already been recorded"},
        {"error": "duplicate_deployment", "message": "service"},
        {"message": "reference_id was used with another deployed_at and service"},
        {"message": "reference_id has other values"},
        {"message": "Values changed for an existing reference_id"},
        {"error": "duplicate_reference_id", "message": "service"},
        {"error": "reference_id_taken", "message": "service"},
        {"error": "reference_id_in_use"},
        {"error": "referenceId", "message": "conflict"},
        {"error": "Reference ID has already been taken", "message": "service"},
        {"error": "invalid_params", "message": "reference_id is not unique"},
        {"error": "reference_id_exists"},
        {"errors": {"reference_id": ["has already been taken"], "service": ["x"]}},
        {"errors": [{"field": "reference_id"}]},
        {"errors": [{"field": "reference_id", "message": "is taken"}, {"field": "service"}]},
        {"errors": [[[{"source": {"pointer": "/reference_id"}}]]]},
    ],
)
def test_a_422_is_a_duplicate_where_the_id_is_taken_or_the_deployment_exists(body):
    verdict = BACKEND.verdict(CREATE, reply(422, body))

    assert (verdict.status, verdict.message) == (
        "duplicate",
        (
            "already recorded under this id, by an earlier attempt or another job; no action is"
            " needed, since DX keeps it as it is"
        ),
    )
    assert verdict.topic == catalogue.DX_DUPLICATE


@pytest.mark.fault(42)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"\n{}",
        {"ok": False},
        {"ok": False, "success": False, "status": 422},
        {"ok": False, "error": "unprocessable_entity"},
        {"ok": False, "error": "conflict"},
        {"ok": False, "error": "invalid_token"},
        {"ok": False, "error": "services_not_found"},
        {"ok": False, "error": "account_suspended"},
        {"ok": False, "error": "invalid_params"},
        {"ok": False, "error": "quota_exceeded"},
        {"ok": False, "error": "SHA must be 7-40 chars"},
        {"error": 7, "message": None, "errors": [1, None, True]},
        {"message": "The id has been used"},
        # The id is named, and is not known.
        {"ok": False, "error": "invalid_reference_id"},
        {"message": "reference_id is too long"},
        {"message": "reference_id must be a unique string"},
        {"message": "No such reference_id exists"},
        {"message": "reference_id must name an existing deployment"},
        {"errors": {"reference_id": ["is invalid"], "service": ["already exists"]}},
        {"errors": [{"field": "reference_id"}, {"field": "service"}]},
        # The id is quoted, as everything is that was sent.
        {"ok": False, "error": "account_suspended", "reference_id": "dora-0123456789abcdef"},
        {"ok": False, "error": "conflict", "params": {"reference_id": "dora-0123456789abcdef"}},
        # Something else exists.
        {"message": "The service already exists"},
        {"error": "already_exists", "field": "service"},
        {"errors": {"service": ["already exists"]}},
        # It is not there, or no longer.
        {"message": "No deployment already exists with this id"},
        {"message": "no deployment with reference_id exists already, and the service is unknown"},
        {"message": "reference_id is not taken into account without deployed_at"},
        {"message": "reference_id was already deleted"},
        {"error": "reference_id", "message": "not valid"},
        {"message": "The deployment already exists in deleted state"},
    ],
)
def test_every_other_422_is_a_refusal(body):
    verdict = BACKEND.verdict(CREATE, reply(422, body))

    assert (verdict.status, verdict.message, verdict.topic) == (
        "rejected",
        "DX answered 422: DX refuses a value; correct what it names",
        catalogue.DX_422,
    )


@pytest.mark.fault(42)
def test_a_422_of_which_not_all_is_known_is_a_refusal():
    body = json.dumps({"message": "reference_id"}).encode()
    limit = replies.MAX_BODY
    statuses = [
        BACKEND.verdict(CREATE, Reply(status=422, body=content, whole=whole)).status
        for content, whole in (
            (body, True),
            (body, False),
            (b"", True),
            (b"", False),
            (body.ljust(limit), True),
            (body.ljust(limit + 1), True),
        )
    ]
    assert statuses == ["duplicate", *["rejected"] * 3, "duplicate", "rejected"]


def test_a_422_with_a_long_key_above_many_texts_is_read_in_little_memory():
    body = {"x" * 30_000: [""] * 8_000, "error": "reference_id_taken"}

    tracemalloc.start()
    verdict = BACKEND.verdict(CREATE, reply(422, body))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert verdict.status == "duplicate"
    assert most < 10_000_000


@pytest.mark.parametrize("body", [b"<html>Unprocessable entity</html>", b"blocked", b"[]"])
def test_a_422_that_is_not_dx_speaking_is_a_refusal(body):
    assert BACKEND.verdict(CREATE, reply(422, body)).status == "rejected"


@pytest.mark.parametrize("field", [*FIELDS, "identifier", "name", "timestamp"])
@pytest.mark.parametrize(
    "shape",
    [
        lambda field: {"error": field},
        lambda field: {"error": f"invalid_{field}"},
        lambda field: {"error": f"{field}_is_invalid"},
        lambda field: {"message": f"{field} is invalid"},
        lambda field: {"message": f"{field.replace('_', ' ').capitalize()} is invalid"},
        lambda field: {"message": f"The {field.replace('_', '')} is invalid"},
        lambda field: {"errors": {field: ["is invalid"]}},
        lambda field: {"errors": [{"source": {"pointer": f"/{field}/0"}}]},
        lambda field: {"errors": [{"detail": [f"{field}.x"]}]},
    ],
)
def test_a_422_that_names_another_field_is_a_refusal(field, shape):
    body = {"ok": False, "success": False, **shape(field)}

    verdict = BACKEND.verdict(CREATE, reply(422, body))

    assert (verdict.status, verdict.message) == (
        "rejected",
        "DX answered 422: DX refuses a value; correct what it names",
    )
    assert verdict.topic == catalogue.DX_422


def test_only_a_422_can_be_a_duplicate():
    body = {"ok": False, "error": "reference_id_taken"}

    statuses = {
        status: BACKEND.verdict(CREATE, reply(status, body)).status for status in range(200, 500)
    }

    assert {status for status, of in statuses.items() if of == "duplicate"} == {422}


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"error": "a", "message": "b"}, "a; b"),
        ({"message": "b", "error": "a"}, "a; b"),
        ({"error": "a"}, "a"),
        ({"message": "b"}, "b"),
        ({"error": "", "message": "b"}, "b"),
        ({"error": ["a"], "message": {"b": 1}}, ""),
        ({"errors": ["a"]}, ""),
        (b"a", ""),
    ],
)
def test_the_words_of_a_refusal_are_its_error_and_message(body, detail):
    assert BACKEND.verdict(CREATE, reply(400, body)) == Verdict(
        status="rejected",
        message="DX answered 400: the request was refused; read the answer in the log, if"
        " there is one",
        detail=detail,
        topic=catalogue.DX_REFUSED,
    )


# --- what is doubted of it


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"service": Service(identifier="Check Out")},
        {"environment": "live"},
        {"version": "v1.2"},
    ],
)
def test_dx_takes_deployments_of_any_age_under_any_name(changes):
    old = deployment(**changes)
    (request,) = BACKEND.requests(old)

    doubts = [*BACKEND.doubts([request], old.finished_at + timedelta(days=999))]

    assert doubts == []


@pytest.mark.parametrize("changes", [{}, {"version": "v1.2"}])
@pytest.mark.parametrize(
    ("event", "other"),
    [
        (
            "deployment_status",
            "DX's GitHub Deployments connector reads the same deployments, where it is on",
        ),
        ("deployment", None),
        ("release", None),
        ("pull_request", None),
        ("", None),
    ],
)
def test_what_github_calls_a_deployment_dx_may_read_itself(event, other, changes):
    assert BACKEND.other_source(event, deployment(**changes)) == other
