import pytest

from dora_deployments.attribution.github import graphql
from dora_deployments.attribution.look_ups import LookUpError
from tests.attribution.github.answers import (
    EMPTY,
    MALFORMED,
    NO_TIME,
    PAGE,
    SLUG,
    TOKEN,
    TRUNCATED,
    always,
    failure,
    hang,
    reset,
    said,
    why,
)

QUERY = graphql.details([1], files=True)
GOOD = {"data": {"repository": {"p0": None}}}
GAVE_UP = ("GitHub gave up on the query", False, False)
NO_JSON = ("GitHub's answer could not be read (JSONDecodeError)", False, False)
UNREADABLE = ("GitHub's answer to a query could not be read", False, False)
NO_QUERIES = ("the rate limit of `github-token` for queries is used up", False, False)
FORBIDDEN = ("`github-token` may not read all that was asked for", False, False)
TOO_OLD = ("GitHub refused the query; its version may be too old for it", False, False)
UNKNOWN = ("GitHub knows no such repository, or `github-token` may not see it", False, False)


def ask(api, **variables):
    found = api.ask("x: read", lambda client: graphql.ask(client, QUERY, SLUG, **variables))
    return found[0].get("p0"), found[1]


def errors(*found, **data):
    return said({"errors": list(found), **data})


def test_a_query_is_posted_with_the_repository_and_its_other_variables(serve):
    github, api = serve()
    github.fault = always(said(GOOD))
    assert ask(api, environment="a") == (None, frozenset())
    (asked,) = github.asked
    assert (str(asked), asked.operation) == ("POST /graphql", QUERY)
    assert asked.variables == {"owner": "acme", "name": "shop", "environment": "a"}
    assert asked.headers["authorization"] == f"token {TOKEN}"


def test_errors_beside_an_answer_are_told_by_their_types(serve):
    github, api = serve()
    found = {"type": "FORBIDDEN"}, {"extensions": {"code": "undefinedField"}}, {"type": "FORBIDDEN"}
    github.fault = always(errors(*found, **GOOD))
    assert ask(api) == (None, frozenset({"FORBIDDEN", "undefinedField"}))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        # too much for the server
        (said({}, 408), GAVE_UP),
        (said({}, 500), GAVE_UP),
        (said({}, 502), GAVE_UP),
        (said({}, 503), GAVE_UP),
        (said({}, 504), GAVE_UP),
        (reset(), GAVE_UP),
        (errors({"message": "Something went wrong while executing your query."}), GAVE_UP),
        (errors({"type": "TIMEOUT"}, **GOOD), GAVE_UP),
        (errors({"type": "MAX_NODE_LIMIT_EXCEEDED"}), GAVE_UP),
        (errors({"type": "RESOURCE_LIMITS_EXCEEDED"}), GAVE_UP),
        (errors({"type": "FORBIDDEN"}, {"type": "TIMEOUT"}), GAVE_UP),
        (errors(None, **GOOD), GAVE_UP),
        (errors({"type": 5}), GAVE_UP),
        # limits
        (errors({"type": "RATE_LIMITED"}), NO_QUERIES),
        (errors({"type": "TIMEOUT"}, {"type": "RATE_LIMITED"}, **GOOD), NO_QUERIES),
        # https://github.com/yanyongyu/githubkit/issues/271
        (errors({"type": "RATE_LIMIT", "code": "graphql_rate_limit"}), NO_QUERIES),
        (errors({"type": "FORBIDDEN"}, {"type": "RATE_LIMIT"}, data=None), NO_QUERIES),
        (said({}, 429), ("the rate limit of `github-token` is used up (429)", False, True)),
        (said({}, 403, x_ratelimit_remaining="0", x_ratelimit_limit="1"),
         ("the rate limit of `github-token` is used up (403)", False, True)),
        # refusals
        (
            said({}, 401),
            ("GitHub refused `github-token` (401); leave it out for the job's own", False, True),
        ),
        (said({}, 403),
         ("`github-token` may not read this (403); add `x: read` to the job's `permissions:`",
          False, False)),
        (said({}, 404),
         ("GitHub knows no such thing, or `github-token` lacks `x: read` (404)", True, False)),
        (said({}, 400), ("GitHub's API answered 400", False, False)),
        (errors({"type": "NOT_FOUND"}, data={"repository": None}), UNKNOWN),
        (errors({"extensions": {"code": "undefinedField"}}), TOO_OLD),
        (errors({"type": "FORBIDDEN"}), FORBIDDEN),
        (errors({"type": "FORBIDDEN"}, data=None), FORBIDDEN),
        (errors({"type": "NOT_FOUND"}, {"type": "FORBIDDEN"}, data={"repository": None}),
         FORBIDDEN),
        # what is no answer
        (TRUNCATED, NO_JSON),
        (PAGE, NO_JSON),
        (EMPTY, NO_JSON),
        (said(None), UNREADABLE),
        (said([]), UNREADABLE),
        (said([GOOD]), UNREADABLE),
        (said({}), UNREADABLE),
        (said({"data": None}), UNREADABLE),
        (said({"data": []}), UNREADABLE),
        (said({"errors": []}), UNREADABLE),
        (said({"errors": {"type": "TIMEOUT"}}), UNREADABLE),
        (said({"data": {}}), UNKNOWN),
        (said({"data": {"repository": []}}), UNKNOWN),
        (said({"data": {"repository": "x"}}), UNKNOWN),
    ],
)  # fmt: skip
def test_what_is_no_whole_answer_says_why_and_is_asked_once(serve, answer, expected):
    github, api = serve()
    github.fault = always(answer)
    assert why(failure(ask, api)) == expected
    assert len(github.asked) == 1


@pytest.mark.parametrize("answer", [said({}, 502), reset(), errors({"type": "TIMEOUT"})])
def test_what_a_smaller_query_may_mend_has_a_type_of_its_own(serve, answer):
    github, api = serve()
    github.fault = always(answer)
    assert type(failure(ask, api)) is graphql.TooLargeError


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (said({}, 403), LookUpError),
        (errors({"type": "RATE_LIMIT"}), LookUpError),
        (errors({"type": "NOT_FOUND"}), LookUpError),
        (errors({"type": "FORBIDDEN"}), graphql.ForbiddenError),
        (PAGE, LookUpError),
    ],
    ids=str,
)
def test_what_no_smaller_query_would_mend_has_not(serve, answer, kind):
    github, api = serve()
    github.fault = always(answer)
    assert type(failure(ask, api)) is kind


def test_the_limit_of_queries_is_not_that_of_other_requests(serve, history):
    history.commit()
    github, api = serve()
    github.fault = lambda asked: (
        said(GOOD, x_ratelimit_remaining="0", x_ratelimit_limit="1000")
        if asked.path == "/graphql"
        else None
    )
    ask(api)
    found = api.ask("x", lambda client: client.requestJsonAndCheck("GET", "/repos/acme/shop"))
    assert found[1]["full_name"] == SLUG


def test_a_query_that_hangs_ends_with_the_budget(serve):
    github, api = serve(seconds=0.15)
    github.fault = always(hang())
    assert why(failure(ask, api)) == (NO_TIME, False, True)


def test_a_query_that_hangs_for_a_third_of_the_budget_is_too_large(serve):
    github, api = serve(seconds=3.5)
    github.fault = always(hang())
    assert type(failure(ask, api)) is graphql.TooLargeError
    assert len(github.asked) == 1


def test_a_connection_has_a_list_of_nodes():
    assert graphql.nodes({"nodes": [1, None]}, "pets") == [1, None]
    assert graphql.nodes({"nodes": []}, "pets") == []


@pytest.mark.parametrize(
    "connection", [{"nodes": None}, {"nodes": {}}, {"nodes": "ab"}, {}, [1], None]
)
def test_a_connection_without_a_list_is_not_an_empty_one(connection):
    with pytest.raises(LookUpError, match=r"GitHub's answer to a query has no pets"):
        graphql.nodes(connection, "pets")


@pytest.mark.parametrize("answer", MALFORMED.values(), ids=MALFORMED)
def test_no_answer_of_another_kind_breaks_out(serve, answer):
    github, api = serve()
    github.fault = always(answer)
    assert failure(ask, api).outage is False
