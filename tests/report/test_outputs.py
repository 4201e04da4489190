"""The outputs are safe in any later step, and the runner reads them as they are."""

import ast
import inspect
import json
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dora_deployments.backends.datadog import Datadog
from dora_deployments.backends.dx import Dx
from dora_deployments.delivery import dispatch, retry, session
from dora_deployments.delivery.deliver import SavedReports
from dora_deployments.deployment import Fact, Reply
from dora_deployments.report.account import Account
from dora_deployments.report.outputs import file_text, outputs
from dora_deployments.report.text import Scrubber, words_for_output
from tests.builders import deployment
from tests.delivery.wire import PACE, closed_port, dx
from tests.delivery.wire import outcome as sent
from tests.end_to_end.receivers import Faulty, answer, hang
from tests.report import runner
from tests.report.accounts import (
    BASE,
    ID,
    SHA,
    carried,
    fact,
    outcome,
    pull_request,
    resolved,
    services,
    shipped,
)
from tests.report.hostile import TEXT

SCRUB = Scrubber(())
EMPTY = {
    "status": "undelivered",
    "reason": "",
    "repository": "",
    "commit-sha": "",
    "previous-sha": "",
    "environment": "",
    "rollback": "false",
    "services": "[]",
    "merge-commit-shas": "[]",
    "pull-requests": "[]",
    "deployment-ids": "{}",
    "results": "[]",
    "undelivered-path": "",
}


def test_every_output_is_there_when_nothing_is_known():
    assert outputs(Account(), SCRUB) == EMPTY


def test_the_outputs_are_in_the_order_of_their_documentation():
    assert list(outputs(Account(), SCRUB)) == list(EMPTY)


def test_what_was_known_before_a_run_ended_early_is_there():
    account = Account(
        status="skipped", reason="ref-deleted", repository="acme/shop", previous_sha="a" * 40
    )

    assert outputs(account, SCRUB) == {
        **EMPTY,
        "status": "skipped",
        "reason": "ref-deleted",
        "repository": "acme/shop",
        "previous-sha": "a" * 40,
    }


def test_a_whole_run_is_in_its_outputs():
    shop, cart = services("shop", "cart")
    account = Account(
        status="partial",
        repository="somebody/else",
        resolved=resolved(
            shop,
            cart,
            environment=fact("staging eu"),
            merge_commit_shas=(SHA, "b" * 40),
            shipped=shipped(pull_request(7)),
        ),
        outcomes=(
            outcome(service="shop", id=shop.id),
            outcome(
                "rejected",
                backend="DX",
                service="cart",
                id=cart.id,
                message="DX answered 403: the token may not do this; check the scopes of"
                " `dx-token`",
                detail="forbidden",
                http_status=403,
                attempts=2,
            ),
            outcome("undelivered", message="no answer", http_status=None, attempts=0),
        ),
    )

    assert outputs(account, SCRUB) == {
        **EMPTY,
        "status": "partial",
        "repository": "acme/shop",
        "commit-sha": SHA,
        "previous-sha": BASE,
        "environment": "staging eu",
        "services": '["shop","cart"]',
        "merge-commit-shas": f'["{SHA}","{"b" * 40}"]',
        "pull-requests": "[7]",
        "deployment-ids": '{"shop":"id-0000000000000000","cart":"id-0000000000000001"}',
        "results": '[{"backend":"datadog","service":"shop","status":"delivered",'
        '"id":"id-0000000000000000","http_status":200,"attempts":1,"message":"recorded"},'
        '{"backend":"dx","service":"cart","status":"rejected","id":"id-0000000000000001",'
        '"http_status":403,"attempts":2,"message":"DX answered 403: the token may not do this,'
        ' check the scopes of dx-token"},'
        '{"backend":"datadog","service":"shop","status":"undelivered",'
        f'"id":"{ID}","http_status":null,"attempts":0,"message":"no answer"}}]',
    }


@pytest.mark.parametrize(
    ("known", "rollback"),
    [
        (shipped(relation="ahead"), "false"),
        (shipped(relation="identical"), "false"),
        (shipped(relation="diverged"), "false"),
        (shipped(relation="behind"), "true"),
        # Only what was deployed can be rolled back.
        (shipped(relation="behind", was_deployed=False), "false"),
        (shipped(range=None), "false"),
    ],
)
def test_only_an_earlier_commit_of_the_one_deployed_before_is_a_rollback(known, rollback):
    found = outputs(Account(resolved=resolved(shipped=known)), SCRUB)
    assert (found["rollback"], found["previous-sha"]) == (rollback, BASE)


def test_a_rollback_that_failed_is_none():
    failure = Fact(value=False, source="deployment_status.state")
    failed = resolved(shipped=shipped(relation="behind"), success=failure)
    assert outputs(Account(resolved=failed), SCRUB)["rollback"] == "false"


def test_the_commit_before_is_the_one_that_was_found_and_else_the_one_that_was_given():
    given = "a" * 40
    found = resolved(shipped=shipped())
    assert outputs(Account(resolved=found, previous_sha=given), SCRUB)["previous-sha"] == BASE
    assert outputs(Account(resolved=resolved(), previous_sha=given), SCRUB)["previous-sha"] == given
    assert outputs(Account(resolved=resolved()), SCRUB)["previous-sha"] == ""


def test_all_pull_requests_are_listed_by_number_in_the_order_of_their_merges():
    pulls = [pull_request(number) for number in range(300, 0, -1)]
    found = outputs(Account(resolved=resolved(shipped=shipped(*pulls))), SCRUB)
    assert json.loads(found["pull-requests"]) == list(range(300, 0, -1))


def test_pull_requests_of_other_services_are_not_listed():
    known = replace(
        resolved(shipped=shipped(pull_request(7), pull_request(12))), pulls=(pull_request(7),)
    )
    assert outputs(Account(resolved=known), SCRUB)["pull-requests"] == "[7]"


def test_in_mode_pull_services_there_are_services_and_no_ids():
    known = replace(resolved(services=carried("shop", "cart")), deployments=(), attributions=())
    found = outputs(Account(resolved=known, outcomes=(outcome(service="cart", id=""),)), SCRUB)
    assert (found["services"], found["deployment-ids"]) == ('["shop","cart"]', "{}")
    assert json.loads(found["results"])[0]["id"] == ""


def test_the_folder_of_what_is_saved_is_named():
    found = outputs(Account(kept=SavedReports(path="dora-undelivered")), SCRUB)

    assert found == {**EMPTY, "undelivered-path": "dora-undelivered"}


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("dora-undelivered", True),
        ("saved reports/2026-11/shop+cart@1.json", True),
        ("D:/a/_temp/RUNNER~1/dora-undelivered", True),
        ("J\xf6rg/dora-undelivered", False),
        ("J\u006f\u0308rg/dora-undelivered", False),
        ("a$(id)", False),
        ("*.json", False),
        ("it's", False),
        ("a\nb", False),
        ("saved ", False),
        ("a/dx-token-for-tests/b", False),
    ],
)
def test_a_folder_whose_name_is_not_safe_is_not_named_at_all(path, told):
    found = outputs(Account(kept=SavedReports(path=path)), Scrubber(("dx-token-for-tests",)))

    assert found == {**EMPTY, "undelivered-path": path if told else ""}


@pytest.mark.threat(4)
def test_a_secret_that_an_event_repeats_is_in_no_output():
    key = "fedcba9876543210fedcba9876543210"
    (of_service,) = services(key)
    account = Account(
        resolved=resolved(
            of_service, repository=fact(f"acme/{key}"), environment=fact(f"{key}-{key}")
        ),
        outcomes=(outcome(service=key),),
    )

    found = outputs(account, Scrubber((key,)))

    assert (found["repository"], found["environment"]) == ("acme/___", "___-___")
    assert json.loads(found["services"]) == ["___"]
    assert json.loads(found["deployment-ids"]) == {"___": "id-0000000000000000"}
    assert key not in "".join(found.values())
    unresolved = outputs(Account(repository=key), Scrubber((key,)))
    assert unresolved == {**EMPTY, "repository": "___"}


# --- hostile text


def hostile_account(repository, environment, service, text):
    (of_service,) = services(service)
    return Account(
        status="rejected",
        reason="bad-input",
        repository=repository,
        headline=text,
        problems=(text,),
        warnings=(text,),
        resolved=resolved(
            of_service,
            repository=fact(repository, text),
            environment=fact(environment, text),
            version=fact(text, text),
            shipped=shipped(pull_request(1, title=text, base=text)),
        ),
        outcomes=(outcome("rejected", service=service, message=text, detail=text),),
    )


@pytest.mark.threat(7)
@settings(deadline=None)
@given(TEXT, TEXT, TEXT, TEXT)
def test_the_runner_reads_back_exactly_our_values_whatever_is_in_them(
    repository, environment, service, text
):
    account = hostile_account(repository, environment, service, text)
    for values in (outputs(account, SCRUB), outputs(Account(repository=repository), SCRUB)):
        written = file_text(values)

        assert runner.outputs(written) == values
        assert runner.outputs(written, windows=True) == values
        assert list(values) == list(EMPTY)
        assert re.fullmatch(r"[ -~\n]*", written)


@pytest.mark.threat(8)
@settings(deadline=None)
@given(TEXT, TEXT, TEXT, TEXT)
def test_no_text_brings_a_mark_into_an_output_that_a_shell_or_a_page_reads(
    repository, environment, service, text
):
    values = outputs(hostile_account(repository, environment, service, text), SCRUB)
    plain = r"[A-Za-z0-9 _./:@+-]*"

    for name in ("status", "reason", "repository", "commit-sha", "previous-sha", "environment"):
        assert re.fullmatch(plain, values[name])
    (shown,) = json.loads(values["services"])
    assert re.fullmatch(plain, shown)
    assert json.loads(values["deployment-ids"]) == {shown: "id-0000000000000000"}
    (result,) = json.loads(values["results"])
    assert re.fullmatch(plain, result["service"])
    assert re.fullmatch(r"[A-Za-z0-9 _./:@+,-]*", result["message"])
    for value in values.values():
        assert set("$`'\\;|&<>()*?!#~\n\r").isdisjoint(value)


@pytest.mark.threat(7)
@settings(deadline=None)
@given(st.dictionaries(st.from_regex(r"[a-z-]{1,9}", fullmatch=True), TEXT))
def test_a_file_holds_any_value_that_has_no_end_of_line_of_another_system(values):
    values = {name: value.replace("\r", "") for name, value in values.items()}

    assert runner.outputs(file_text(values)) == values
    assert runner.outputs(file_text(values), windows=True) == values


@pytest.mark.threat(7)
def test_no_two_delimiters_are_the_same_and_none_can_be_guessed():
    delimiters = re.findall("<<(.*)\n", file_text(EMPTY) + file_text(EMPTY))

    assert len(set(delimiters)) == 2 * len(EMPTY)
    assert all(re.fullmatch("dora_[0-9a-f]{32}", delimiter) for delimiter in delimiters)


def test_a_file_of_outputs_ends_its_last_line():
    assert re.fullmatch(r"a<<(dora_\w+)\nb\n\1\n", file_text({"a": "b"}))


# --- our own messages


def bodies():
    yield b""
    yield b"<html>"
    yield b"[]"
    yield b"x" * 70_000
    yield b'{"ok": true, "data": {"id": "x"}}'
    yield b'{"ok": false}'
    yield b'{"error": "reference_id"}'
    yield b'{"error": "deployed_at"}'
    for code in (
        "not_authed",
        "invalid_auth",
        "account_inactive",
        "invalid_json",
        "required_params_missing",
        "repo_not_found",
    ):
        yield json.dumps({"ok": False, "error": code}).encode()


def messages_of_verdicts():
    of_datadog, of_dx = Datadog(url="", api_key=""), Dx(url="", token="")
    for status in range(200, 500):
        for body in bodies():
            reply = Reply(status=status, body=body)
            yield of_datadog.verdict("deployment", reply).message
            yield of_dx.verdict("deployments.create", reply).message
            yield of_dx.verdict("deployments.setPullServices", reply).message


def messages_of_unsupported():
    yield Datadog(url="", api_key="").unsupported(deployment(success=False)).sentence
    yield Dx(url="", token="").unsupported(deployment(commit_sha="a" * 64)).sentence


def words_in_the_source(module):
    """Yield every text in a module that is no docstring: messages are put together of them."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value.value = ""
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def messages_of_errors():
    for words in words_in_the_source(session):
        yield words.replace("{proxy}", "HTTPS_PROXY")


def messages_of_outcomes():
    yield from words_in_the_source(dispatch)


def messages_of_deliveries():
    for status in (*range(100, 200), 408, 425, 429, *range(500, 1_000)):
        yield retry.topic(status).means
    with closed_port() as closed:
        yield sent(dx(closed)).message
    with Faulty(answer(503, b"", [("Retry-After", "86400")])) as server:
        yield sent(dx(server.url)).message
    with Faulty(hang(30)) as server:
        yield sent(dx(server.url), seconds=0.2, pace=PACE).message


@pytest.mark.threat(8)
@pytest.mark.parametrize(
    "messages",
    [
        messages_of_verdicts,
        messages_of_unsupported,
        messages_of_errors,
        messages_of_outcomes,
        messages_of_deliveries,
    ],
)
def test_no_message_of_ours_has_a_mark_that_an_output_would_have_to_replace(messages):
    found = set(messages())

    assert len(found) >= 2
    for message in found:
        assert words_for_output(message) == message.replace("`", "").replace(";", ",")


def test_services_whose_safe_names_are_the_same_are_told_apart():
    identifiers = ("a#", "a$", "a_2", "a_", "b")
    account = Account(
        resolved=resolved(*services(*identifiers)),
        outcomes=tuple(outcome(service=identifier) for identifier in identifiers),
    )

    found = outputs(account, SCRUB)

    names = ["a_", "a__2", "a_2", "a__3", "b"]
    assert json.loads(found["services"]) == names
    assert list(json.loads(found["deployment-ids"])) == names
    assert [result["service"] for result in json.loads(found["results"])] == names
