"""Every rule of the schemas has a body that breaks this rule alone."""

import contextlib
import copy
import itertools
import json
import re
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema.validators import Draft202012Validator, extend

from dora_deployments.backends import datadog, dx, schema
from dora_deployments.catalogue import BODY_REFUSED
from dora_deployments.delivery import session
from dora_deployments.deployment import Credential, Request, Service, TouchedServices
from dora_deployments.errors import InputError
from tests.builders import deployment
from tests.end_to_end import receivers

KEY = "0123456789abcdef0123456789abcdef"
SHA = "7fd0709f3ed45ac797fbcf901f219c36cfe2b36a"
DATADOG = "datadog.deployment"
DX = "dx.deployments.create"
TOUCHED = "dx.deployments.setPullServices"
LEFT_OUT = object()

# --- a body with every field

EVERYTHING = deployment(
    service=Service(identifier="shop", name="The shop"),
    version="v1.12.07",
    team="payments",
    tags=("language:java",),
    integration_branch="develop",
    metadata={"colour": "blue"},
    success=False,
)
BODIES = {
    DATADOG: datadog.deployment_body(EVERYTHING),
    DX: dx.deployment_body(EVERYTHING),
    TOUCHED: dx.touched_body(
        TouchedServices(
            pull_id=3_498_120_117,
            services=(
                Service(identifier="shop", name="The shop"),
                Service(identifier="cart", team="payments"),
            ),
        )
    ),
}

# --- what each place takes

ID = "16 to 128 letters, digits, hyphens, underscores, periods and colons"
LINE = "text on one line that is not blank"
NANOSECONDS = "a whole number of nanoseconds since 1970, after the year 2000"
FULL_SHA = "a full commit SHA in lower case, 40 or 64 hex digits"
URL = "an https URL with a path, without user info or query, not ending in .git"
TAG = "a tag in the form key:value"
TAGS = "at most 100 tags"
GIT = "an object with repository_url and commit_sha alone"
ATTRIBUTES = (
    "id, service, env, started_at, finished_at and git, besides them version, team and"
    " custom_tags, and no other key"
)
SHA_OF_DX = "a commit SHA of 7 to 40 hex digits"
SHAS = "the merge commit SHAs, at least one, each once"
TIME = "a full ISO-8601 time in UTC, such as 2025-01-01T12:05:00Z"
SLUG = "a repository slug, owner/name"
WEB = "an http or https URL"
SERVICE = "an object with the identifier and, if need be, the name of the service"
METADATA = "an object with at least one key"
SUCCESS = "false, for a failed deployment; left out for any other"
WHOLE = (
    "reference_id, deployed_at, service, environment and repository, besides them what"
    " deployments.create documents and no other key, never both commit_sha and"
    " merge_commit_shas, and integration_branch only with commit_sha"
)
PULL_ID = "the database id of the pull request, a positive whole number"
SERVICES = "the services that the pull request touches, at least one, each once"
TOUCHED_WHOLE = "github_pull_id and services, and no other key"


def at_every(place, takes, *values):
    return [(place, value, place, takes) for value in values]


def lines(*places):
    """Return what a name cannot be: another type, blank, or more than one line."""
    values = (7, None, ["shop"], "", " ", "\t", "shop\n", "shop\r", "sh\nop", "\nshop", "a\r\n")
    return [case for place in places for case in at_every(place, LINE, *values)]


A = "$.data.attributes"
# Where the body is changed, to what, where that is wrong, and what is taken there.
RULES = {
    DATADOG: [
        *at_every("$", "an object with data alone", [], "data", None, {}),
        ("$.type", "dora", "$", "an object with data alone"),
        *at_every("$.data", "an object with attributes alone", [], "x", None, {}),
        ("$.data.type", "dora_deployment", "$.data", "an object with attributes alone"),
        *at_every(A, ATTRIBUTES, [], "x", None),
        (f"{A}.unknown", 1, A, ATTRIBUTES),
        (f"{A}.id", LEFT_OUT, A, ATTRIBUTES),
        (f"{A}.service", LEFT_OUT, A, ATTRIBUTES),
        (f"{A}.env", LEFT_OUT, A, ATTRIBUTES),
        (f"{A}.started_at", LEFT_OUT, A, ATTRIBUTES),
        (f"{A}.finished_at", LEFT_OUT, A, ATTRIBUTES),
        (f"{A}.git", LEFT_OUT, A, ATTRIBUTES),
        *at_every(f"{A}.id", ID, 1, None, "a" * 15, "a" * 129, "a" * 16 + "\n", "a" * 16 + "/"),
        *at_every(f"{A}.id", ID, "/" + "a" * 16, "a" * 8 + " " + "a" * 8, "\u0661" * 16, "é" * 16),
        *lines(f"{A}.service", f"{A}.env", f"{A}.team", f"{A}.version"),
        *(
            case
            for name in ("started_at", "finished_at")
            for case in at_every(
                f"{A}.{name}",
                NANOSECONDS,
                1_767_225_600_000_000_000.0,
                True,
                False,
                None,
                "1767225600000000000",
                946_684_799_999_999_999,
                1_767_225_600,
                1_767_225_600_000,
                2**63,
                -1,
            )
        ),
        *at_every(f"{A}.custom_tags", TAGS, "a:b", None, {"a": "b"}, ["a:b"] * 101),
        *at_every(f"{A}.custom_tags[0]", TAG, 1, None, "", "tag", "a:", ":b", "a: ", " a:b"),
        *at_every(f"{A}.custom_tags[0]", TAG, "a:b\n", "a:b\nc:d", "a:\rb", "a\n:b", "\na:b", "::"),
        *at_every(f"{A}.git", GIT, [], "x", None),
        (f"{A}.git.branch", "main", f"{A}.git", GIT),
        (f"{A}.git.commit_sha", LEFT_OUT, f"{A}.git", GIT),
        (f"{A}.git.repository_url", LEFT_OUT, f"{A}.git", GIT),
        *at_every(f"{A}.git.commit_sha", FULL_SHA, 7, None, "", SHA[:39], SHA + "0", SHA + "\n"),
        *at_every(f"{A}.git.commit_sha", FULL_SHA, "a" * 63, "a" * 64 + "\n", "a" * 65, "g" * 40),
        *at_every(f"{A}.git.commit_sha", FULL_SHA, SHA.upper(), " " + SHA, "x" + SHA, "a" * 41),
        *at_every(
            f"{A}.git.repository_url",
            URL,
            7,
            None,
            "",
            "http://github.com/acme/shop",
            "git@github.com:acme/shop",
            "x https://github.com/acme/shop",
            "https://github.com",
            "https://github.com/",
            "https:///acme/shop",
            "https://github.com/acme/shop/",
            "https://github.com/acme//shop",
            "https://github.com/acme/shop.git",
            "https://github.com/acme/shop\n",
            "https://github.com/acme/shop x",
            "https://user@github.com/acme/shop",
            "https://user:key@github.com/acme/shop",
            "https://github.com/acme/shop?token=key",
            "https://github.com/acme/shop#readme",
            "https://github.com:x/acme/shop",
        ),
    ],
    DX: [
        *at_every("$", WHOLE, [], "x", None),
        ("$.unknown", 1, "$", WHOLE),
        ("$.token", KEY, "$", WHOLE),
        ("$.reference_id", LEFT_OUT, "$", WHOLE),
        ("$.deployed_at", LEFT_OUT, "$", WHOLE),
        ("$.service", LEFT_OUT, "$", WHOLE),
        ("$.environment", LEFT_OUT, "$", WHOLE),
        ("$.repository", LEFT_OUT, "$", WHOLE),
        ("$.commit_sha", LEFT_OUT, "$", WHOLE),  # integration_branch is still there
        ("$.merge_commit_shas", [SHA], "$", WHOLE),  # and so is commit_sha
        *at_every("$.reference_id", ID, 1, None, "", "a" * 15, "a" * 129, "a" * 16 + "\n"),
        *at_every("$.reference_id", ID, "/" + "a" * 16, "a" * 16 + "/", "\u0661" * 16),
        *at_every(
            "$.deployed_at",
            TIME,
            1_735_733_100,
            None,
            "",
            "1735733100",
            "2025-01-01",
            "2025-01-01T12:05:00",
            "2025-01-01T12:05Z",
            "2025-01-01 12:05:00Z",
            "2025-01-01T12:05:00+00:00",
            "2025-01-01T12:05:00.250Z",
            "2025-01-01T12:05:00Z\n",
            "x2025-01-01T12:05:00Z",
            "2025-01-01T12:05:00Zx",
            "\u0662\u0660\u0662\u0665-01-01T12:05:00Z",
            "2025-\u0660\u0661-01T12:05:00Z",
            "2025-01-\u0660\u0661T12:05:00Z",
            "2025-01-01T\u0661\u0662:05:00Z",
            "2025-01-01T12:\u0660\u0665:00Z",
            "2025-01-01T12:05:\u0660\u0660Z",
        ),
        *at_every("$.service", SERVICE, "shop", [], None, {"name": "The shop"}),
        ("$.service.team", "payments", "$.service", SERVICE),
        *lines("$.service.identifier", "$.service.name"),
        *lines("$.environment", "$.integration_branch", "$.source_name"),
        *at_every("$.repository", SLUG, 7, None, "", "shop", "acme/", "/shop", "acme/shop/x"),
        *at_every("$.repository", SLUG, "acme/shop\n", "acme /shop", "a cme/shop", "acme/sh op"),
        *at_every("$.repository", SLUG, "https://github.com/acme/shop", "acmé/shop", "acme/shöp"),
        *at_every("$.commit_sha", SHA_OF_DX, 7, None, "", "a" * 6, "a" * 41, "a" * 64),
        *at_every("$.commit_sha", SHA_OF_DX, SHA + "\n", SHA.upper(), "x" + SHA, "refs/heads"),
        *at_every("$.source_url", WEB, 7, None, "", "ftp://x", "javascript:x", "x http://y"),
        *at_every("$.source_url", WEB, "http://", "https:///x", "https://x y", "https://x\n"),
        *at_every("$.source_url", WEB, "https://é", "https://xé", "httpss://x"),
        *at_every("$.metadata", METADATA, {}, [], [1], "x", None),
        *at_every("$.success", SUCCESS, True, "true", "false", 0, 0.0, 1, None, ""),
    ],
    TOUCHED: [
        *at_every("$", TOUCHED_WHOLE, [], "x", None),
        ("$.repository", "acme/shop", "$", TOUCHED_WHOLE),
        ("$.pull_number", 117, "$", TOUCHED_WHOLE),
        ("$.replace", True, "$", TOUCHED_WHOLE),
        ("$.github_pull_id", LEFT_OUT, "$", TOUCHED_WHOLE),
        ("$.services", LEFT_OUT, "$", TOUCHED_WHOLE),
        *at_every("$.github_pull_id", PULL_ID, 0, -1, 1.0, True, "3498120117", None, [1]),
        *at_every("$.services", SERVICES, [], {}, {"identifier": "shop"}, "shop", None),
        *at_every("$.services", SERVICES, [{"identifier": "shop"}, {"identifier": "shop"}]),
        *at_every("$.services[0]", SERVICE, "shop", [], None, {"name": "The shop"}),
        ("$.services[1].team", "payments", "$.services[1]", SERVICE),
        *lines("$.services[1].identifier", "$.services[0].name"),
    ],
}
# `$.merge_commit_shas` excludes `$.commit_sha`, so its rules are broken in a body of its own.
PULL_REQUESTS = dx.deployment_body(
    deployment(attribution="pull-requests", merge_commit_shas=(SHA, "a" * 7))
)
PULL_REQUEST_RULES = [
    *at_every("$.merge_commit_shas", SHAS, [], [SHA, SHA], SHA, {SHA: SHA}, None),
    *at_every("$.merge_commit_shas[1]", SHA_OF_DX, 7, None, "a" * 6, "a" * 41, "a" * 64),
    *at_every("$.merge_commit_shas[1]", SHA_OF_DX, "a" * 7 + "\n", "A" * 7, "x" + "a" * 7),
]
CASES = [
    *((DATADOG, BODIES[DATADOG], *rule) for rule in RULES[DATADOG]),
    *((DX, BODIES[DX], *rule) for rule in RULES[DX]),
    *((DX, PULL_REQUESTS, *rule) for rule in PULL_REQUEST_RULES),
    *((TOUCHED, BODIES[TOUCHED], *rule) for rule in RULES[TOUCHED]),
]


def steps(place):
    return [int(part) if part.isdigit() else part for part in re.findall(r"\w+", place)]


def changed(body, place, value):
    """Return a copy of `body` with another value at `place`, or with none there."""
    if not steps(place):
        return value
    body = copy.deepcopy(body)
    *way, last = steps(place)
    holder = body
    for step in way:
        holder = holder[step]
    if value is LEFT_OUT:
        del holder[last]
    else:
        holder[last] = value
    return body


@pytest.mark.parametrize(
    ("name", "body"),
    [*BODIES.items(), (DX, PULL_REQUESTS)],
    ids=["datadog", "commit", "touched", "pulls"],
)
def test_a_body_with_every_field_is_good(name, body):
    schema.check(name, body)


@pytest.mark.parametrize(
    ("name", "body", "place", "value", "wrong", "takes"),
    CASES,
    ids=[f"{name} {place} {number}" for number, (name, _, place, *_) in enumerate(CASES)],
)
def test_a_broken_rule_is_named_by_its_place_and_by_what_is_taken_there(
    name, body, place, value, wrong, takes
):
    with pytest.raises(InputError) as caught:
        schema.check(name, changed(body, place, value))

    assert caught.value.problems == (f"the body for {name} is wrong at {wrong}; it takes {takes}",)
    assert caught.value.topic == BODY_REFUSED


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        (DATADOG, f"{A}.id", "a" * 16),
        (DATADOG, f"{A}.id", "aZ09-_.:" * 16),
        (DATADOG, f"{A}.git.commit_sha", "0123456789abcdef" * 4),
        (DATADOG, f"{A}.git.repository_url", "https://git.acme.test:8443/a_b/c.d-e~f"),
        (DATADOG, f"{A}.custom_tags", [f"key:{number}" for number in range(100)]),
        (DATADOG, f"{A}.custom_tags[0]", "link:https://example.com/a b"),
        (DATADOG, f"{A}.custom_tags[0]", "a b:c"),
        (DATADOG, f"{A}.custom_tags[0]", "a:é"),
        (DATADOG, f"{A}.started_at", 946_684_800_000_000_000),
        (DATADOG, f"{A}.finished_at", 2**63 - 1),
        (DATADOG, f"{A}.service", " 店 🛒 "),
        (DATADOG, f"{A}.version", LEFT_OUT),
        (DATADOG, f"{A}.team", LEFT_OUT),
        (DATADOG, f"{A}.custom_tags", LEFT_OUT),
        (DX, "$.reference_id", "a" * 16),
        (DX, "$.reference_id", "aZ09-_.:" * 16),
        (DX, "$.repository", "A_c.m-e0/s.h_o-p9"),
        (DX, "$.commit_sha", "a" * 7),
        (DX, "$.commit_sha", "0123456789abcdef" * 2 + "01234567"),
        (DX, "$.source_url", "http://x"),
        (DX, "$.source_url", "https://argo.acme.test:8443/a/b?c=d#e~!"),
        (DX, "$.service.name", LEFT_OUT),
        (DX, "$.service.identifier", "店"),
        (DX, "$.integration_branch", LEFT_OUT),
        (DX, "$.metadata", {"": None}),
        (DX, "$.metadata", LEFT_OUT),
        (DX, "$.success", LEFT_OUT),
        (DX, "$.source_url", LEFT_OUT),
        (DX, "$.source_name", LEFT_OUT),
        (TOUCHED, "$.github_pull_id", 1),
        (TOUCHED, "$.github_pull_id", 2**63),
        (TOUCHED, "$.services", [{"identifier": " 店 🛒 "}]),
        (TOUCHED, "$.services", [{"identifier": f"service-{n}"} for n in range(250)]),
        (TOUCHED, "$.services[0].name", LEFT_OUT),
    ],
)
def test_what_lies_just_within_a_rule_is_good(name, place, value):
    body = changed(BODIES[name], place, value)
    assert (schema.fits(name, body), schema.problems(name, body)) == (True, [])


def test_every_broken_rule_of_a_body_is_named():
    attributes = changed(BODIES[DATADOG], f"{A}.id", "x")
    with pytest.raises(InputError) as caught:
        schema.check(DATADOG, changed(attributes, f"{A}.env", ""))

    assert set(caught.value.problems) == {
        f"the body for datadog.deployment is wrong at {A}.id; it takes {ID}",
        f"the body for datadog.deployment is wrong at {A}.env; it takes {LINE}",
    }


def test_a_broken_rule_never_quotes_the_value():
    with pytest.raises(InputError) as caught:
        schema.check(DX, {KEY: KEY})

    assert KEY not in str(caught.value)


# --- the schemas themselves


def document(name):
    return json.loads((schema.SCHEMAS / f"{name}.json").read_text("utf-8"))


def subschemas(node, *way):
    """Yield every schema within `node` and the way to it."""
    yield node, way
    for key in ("properties", "$defs"):
        for name, child in node.get(key, {}).items():
            yield from subschemas(child, *way, key, name)
    if "items" in node:
        yield from subschemas(node["items"], *way, "items")


def test_these_are_all_schemas_that_there_are():
    assert {path.name for path in schema.SCHEMAS.iterdir()} == {f"{name}.json" for name in BODIES}


@pytest.mark.parametrize("name", BODIES)
def test_a_schema_is_valid_against_the_metaschema_that_it_names(name):
    assert document(name)["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(document(name))


@pytest.mark.parametrize("name", BODIES)
def test_a_schema_says_of_every_place_what_is_taken_there(name):
    for node, way in subschemas(document(name)):
        assert ("$ref" in node) != ("description" in node), way


def weakenings(whole):
    """Yield the schema, each time with one rule less, and the name of that rule."""
    words = {"$schema", "$comment", "$defs", "title", "description", "properties", "items", "$ref"}
    for node, way in subschemas(whole):
        for keyword in sorted(node.keys() - words):
            yield f"{way} {keyword}", without(whole, way, lambda at, k=keyword: at.pop(k))
        for name in node.get("required", ()):
            yield (
                f"{way} required {name}",
                without(whole, way, lambda at, n=name: at["required"].remove(n)),
            )
        for part in ("^", r"(?!\n)", r"(?!\n)$", r"(?<!\.git)", r"(?=.*\S)"):
            if part in node.get("pattern", ""):
                head, _, tail = node["pattern"].partition(part)
                yield (
                    f"{way} pattern {part}",
                    without(whole, way, lambda at, p=head + tail: at.update(pattern=p)),
                )


def without(whole, way, weaken):
    whole = copy.deepcopy(whole)
    node = whole
    for step in way:
        node = node[step]
    weaken(node)
    return whole


def accepts(name, whole):
    """Return whether a schema lets any of the bodies above pass."""
    integer = Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )
    validator = extend(Draft202012Validator, type_checker=integer)(whole)
    return any(
        validator.is_valid(changed(body, place, value))
        for case, body, place, value, *_ in CASES
        if case == name
    )


@pytest.mark.parametrize("name", BODIES)
def test_a_schema_lets_none_of_the_bodies_above_pass(name):
    assert not accepts(name, document(name))


@pytest.mark.parametrize(
    ("name", "rule", "weaker"),
    [(name, *weaker) for name in BODIES for weaker in weakenings(document(name))],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_with_any_rule_less_a_schema_would_let_one_of_the_bodies_above_pass(name, rule, weaker):
    assert accepts(name, weaker), rule


# --- against the receivers, which share nothing with the schemas

NUMBERS = itertools.count()
VALUES = st.one_of(
    st.sampled_from([rule[1] for rules in (*RULES.values(), PULL_REQUEST_RULES) for rule in rules]),
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.integers(),
    st.from_regex(r"[a-f0-9]{5,66}\n?", fullmatch=True),
    st.from_regex(r"https?://[a-z.@:/]{1,12}(\.git)?", fullmatch=True),
    st.from_regex(r"[a-z ]{0,3}:[a-z: ]{0,3}", fullmatch=True),
)
PLACES = {
    DATADOG: sorted({rule[0] for rule in RULES[DATADOG] if rule[0] != "$"}),
    DX: sorted({rule[0] for rule in RULES[DX] if rule[0] != "$"}),
    TOUCHED: sorted({rule[0] for rule in RULES[TOUCHED] if rule[0] != "$"}),
}


@pytest.fixture(scope="module")
def vendors():
    with receivers.Datadog(api_key=KEY) as of_datadog, receivers.Dx(token=KEY) as of_dx:
        yield {
            DATADOG: (f"{of_datadog.url}/api/v2/dora/deployment", "DD-API-KEY", KEY),
            DX: (f"{of_dx.url}/api/deployments.create", "Authorization", f"Bearer {KEY}"),
            TOUCHED: (
                f"{of_dx.url}/api/deployments.setPullServices",
                "Authorization",
                f"Bearer {KEY}",
            ),
        }


def is_good(name, body):
    try:
        schema.check(name, body)
    except InputError:
        return False
    return True


@given(data=st.data())
@pytest.mark.parametrize("name", BODIES)
def test_what_fits_is_what_the_library_finds_no_problem_with(name, data):
    body = BODIES[name]
    for place in data.draw(st.lists(st.sampled_from(PLACES[name]), min_size=1, max_size=3)):
        with contextlib.suppress(KeyError, IndexError, TypeError):  # nothing is there any more
            body = changed(body, place, data.draw(VALUES))
    assert schema.fits(name, body) == (schema.problems(name, body) == [])


@settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
@pytest.mark.parametrize("name", BODIES)
def test_what_a_schema_lets_pass_the_vendor_takes(vendors, name, data):
    place = data.draw(st.sampled_from(PLACES[name]))
    try:
        body = changed(BODIES[name], place, data.draw(VALUES))
    except (KeyError, IndexError):  # there was nothing to leave out
        return
    if not is_good(name, body):
        return
    url, header, key = vendors[name]
    if name == DX:  # another deployment each time
        body = {**body, "reference_id": f"{next(NUMBERS):016}"}
    elif (
        name == DATADOG
        and body["data"]["attributes"]["started_at"] > body["data"]["attributes"]["finished_at"]
    ):
        return  # a rule between two fields, which a schema cannot have; the resolver keeps it
    with session.Session() as http:
        reply = session.post(
            http,
            Request(
                method="any",
                url=url,
                body=json.dumps(body).encode(),
                credential=Credential(input="any", header=header, value=key),
            ),
            (5, 5),
        )
    assert (reply.status, body) == (202 if name == DATADOG else 200, body), reply.body


def test_the_newest_and_the_oldest_time_fit_the_schema_of_datadog():
    start = EVERYTHING.started_at
    for moment in (start.replace(year=2000), start.replace(year=2262, month=1)):
        schema.check(
            DATADOG,
            datadog.deployment_body(
                deployment(started_at=moment, finished_at=moment + timedelta(microseconds=1))
            ),
        )
