import re
from dataclasses import FrozenInstanceError, fields, replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dora_deployments.actions import inputs as inputs_module
from dora_deployments.actions.inputs import Inputs
from dora_deployments.actions.patterns import BranchFilter, EnvironmentRule
from dora_deployments.actions.text import has_controls
from dora_deployments.catalogue import DOUBTFUL_INPUT, Note, about_input
from dora_deployments.deployment import Fact, Service
from dora_deployments.errors import InputError
from tests.builders import NOW

NAMES = tuple(field.name.replace("_", "-") for field in fields(Inputs) if field.name != "warnings")
SHA = "7fd0709f3ed45ac797fbcf901f219c36cfe2b36a"
API_KEY = "0123456789abcdef0123456789ABCDEF"
DX_TOKEN = "dx_Ym9ndXMtdG9rZW4tb2YtYS10ZXN0"
GITHUB_TOKEN = "ghs_16C7e42F292c6912E7710c838347Ae178B4a"

DEFAULTS = Inputs(
    mode="deployment",
    service=(),
    environment=None,
    environment_map=(),
    branches=None,
    repository=None,
    commit_sha=None,
    previous_sha=None,
    merge_commit_shas=(),
    attribution="auto",
    integration_branch=None,
    version=None,
    team=None,
    tags=(),
    metadata={},
    started_at=None,
    finished_at=None,
    success="auto",
    deployment_id=None,
    source_url=None,
    source_name="GitHub Actions",
    config_file=None,
    github_token=None,
    datadog_api_key=None,
    datadog_site="https://api.datadoghq.com",
    dx_token=None,
    dx_instance=None,
    fail_on="config",
    timeout=60,
    dry_run=False,
    replay_path="dora-undelivered",
    since=NOW - timedelta(days=90),
    until=NOW,
    backfill_source="auto",
    output_path="dora-backfill",
    warnings=(),
)


def utc(*numbers):
    return datetime(*numbers, tzinfo=timezone.utc)


def environ(given):
    return {f"INPUT_{name.upper()}": text for name, text in given.items()}


def read(**given):
    """Return the inputs; `commit_sha` is `commit-sha`."""
    names = {name.replace("_", "-"): text for name, text in given.items()}
    return Inputs.from_environ(environ(names), NOW)


def problems(given):
    with pytest.raises(InputError) as raised:
        Inputs.from_environ(environ(given), NOW)
    return raised.value.problems


GOOD = [
    ("mode", "deployment", "deployment"),
    ("mode", "Deployment", "deployment"),
    ("mode", "Pull-Services", "pull-services"),
    ("mode", "Replay", "replay"),
    ("mode", "Backfill", "backfill"),
    (
        "service",
        "shop,cart=The cart",
        (Service(identifier="shop"), Service(identifier="cart", name="The cart")),
    ),
    ("environment", "Staging EU", "Staging EU"),
    ("environment", "PRODUCTION", "production"),
    (
        "environment-map",
        "live-*=production\npr-*=",
        (EnvironmentRule(glob="live-*", name="production"), EnvironmentRule(glob="pr-*", name="")),
    ),
    ("branches", "main,!release/*,release/1", BranchFilter(("main", "!release/*", "release/1"))),
    ("repository", "acme/shop", "acme/shop"),
    ("repository", "https://github.com/acme/shop.git", "acme/shop"),
    ("commit-sha", SHA.upper(), SHA),
    ("commit-sha", SHA[:7], SHA[:7]),
    ("previous-sha", SHA, SHA),
    ("previous-sha", "0" * 40, None),
    ("merge-commit-shas", f"{SHA},{'a' * 40}", (SHA, "a" * 40)),
    ("merge-commit-shas", f'["{SHA}"]', (SHA,)),
    ("attribution", "auto", "auto"),
    ("attribution", "pull-requests", "pull-requests"),
    ("attribution", "commit", "commit"),
    ("attribution", "Repository", "repository"),
    ("integration-branch", "develop", "develop"),
    ("version", "v1.2.3 (blue)", "v1.2.3 (blue)"),
    ("team", "Payments", "Payments"),
    ("tags", "a:1\nb:2", ("a:1", "b:2")),
    ("metadata", '{"region": "eu-west-1"}', {"region": "eu-west-1"}),
    ("started-at", "2026-06-15T11:00:00+02:00", utc(2026, 6, 15, 9)),
    ("started-at", "1769861109001", utc(2026, 1, 31, 12, 5, 9, 1_000)),
    ("finished-at", "1769861109", utc(2026, 1, 31, 12, 5, 9)),
    ("finished-at", "2026-06-16T12:00:30.25Z", NOW + timedelta(days=1)),
    ("success", "auto", "auto"),
    ("success", "true", "true"),
    ("success", "False", "false"),
    ("success", "success", "success"),
    ("success", "failure", "failure"),
    ("success", "cancelled", "cancelled"),
    ("success", "skipped", "skipped"),
    ("deployment-id", "deploy-1234567890", "deploy-1234567890"),
    (
        "source-url",
        "https://ci.example.com/runs/1?tab=log#end",
        "https://ci.example.com/runs/1?tab=log#end",
    ),
    ("source-name", "Deployer \U0001f680", "Deployer \U0001f680"),
    ("config-file", ".github/dora.yml", ".github/dora.yml"),
    ("config-file", " deploy/Dora 1.yaml ", "deploy/Dora 1.yaml"),
    ("config-file", "d/" * 126 + "abc", "d/" * 126 + "abc"),
    ("github-token", GITHUB_TOKEN, GITHUB_TOKEN),
    ("datadog-api-key", API_KEY, API_KEY),
    ("datadog-site", "EU", "https://api.datadoghq.eu"),
    ("datadog-site", "http://127.0.0.1:9001", "http://127.0.0.1:9001"),
    ("dx-token", DX_TOKEN, DX_TOKEN),
    ("dx-instance", "acme", "https://acme.getdx.net/api"),
    ("dx-instance", "api.getdx.com", "https://api.getdx.com"),
    ("fail-on", "never", "never"),
    ("fail-on", "Config", "config"),
    ("fail-on", "any", "any"),
    ("timeout", "5", 5),
    ("timeout", "300", 300),
    ("dry-run", "True", True),
    ("dry-run", "false", False),
    ("replay-path", "saved/2026", "saved/2026"),
    ("since", "2026-01-31", utc(2026, 1, 31)),
    ("since", "2026-01-31T12:05:09+01:00", utc(2026, 1, 31, 11, 5, 9)),
    ("since", "1769861109", utc(2026, 1, 31, 12, 5, 9)),
    ("since", "30d", NOW - timedelta(days=30)),
    ("since", "30", NOW - timedelta(days=30)),
    ("since", "0d", NOW),
    ("since", "9999", NOW - timedelta(days=9999)),
    ("until", "2026-06-16", utc(2026, 6, 16)),
    ("until", "1d", NOW - timedelta(days=1)),
    ("backfill-source", "auto", "auto"),
    ("backfill-source", "deployments", "deployments"),
    ("backfill-source", "releases", "releases"),
    ("backfill-source", "pull-requests", "pull-requests"),
    ("backfill-source", "workflow-runs:Deploy to EU", "workflow-runs:Deploy to EU"),
    ("output-path", "out", "out"),
]

ONE_PLAIN_LINE = "has a line break or another control character; write one plain line"
NO_SHA = (
    "which is not a commit SHA; write all 40 hex digits, as ${{ github.sha }} gives them, not a"
    " branch, a tag or HEAD"
)
NO_TIME = (
    "which is not a time with a zone; write ISO-8601, such as 2026-01-31T12:05:00Z, or Unix seconds"
)
NO_DAY = (
    "write a past date from the year 2000 on, such as 2026-01-31, or a number of days, such as 90d"
)
NO_KEY = (
    "has a space, a line break or another character that no key has; store the key alone in the"
    " secret"
)
QUOTED = "starts or ends with a quote; store it in the secret without quotes"
UNEVALUATED = (
    "holds an expression that was not evaluated; write ${{ secrets.NAME }} in the workflow's own"
    " file, without quotes or escapes around it"
)
NO_SITE = (
    "which is not a Datadog site; write one of datadoghq.com, us3.datadoghq.com,"
    " us5.datadoghq.com, datadoghq.eu, ap1.datadoghq.com, ap2.datadoghq.com, uk1.datadoghq.com,"
    " ddog-gov.com, us2.ddog-gov.com, or a proxy's https:// URL"
)
NO_URL = (
    "is not a plain web address; write an https:// URL of at most 2048 characters, without user"
    " info or spaces"
)
NO_INSTANCE = (
    "which is not a DX instance; write its name, such as acme for acme.getdx.net, or its https://"
    " URL"
)
NO_SOURCE = "write auto, deployments, releases, pull-requests or workflow-runs:NAME"
NO_SECONDS = "write a whole number from 5 to 300, or to 21600 with `mode: backfill`, without a unit"
OF_ONE = "is of one deployment, and `mode: backfill` reports many; leave it out"
NO_PATH = (
    "which is no plain path of at most 255 characters with forward slashes; write a path inside the"
    " repository, such as .github/dora.yml"
)

BAD = [
    ("mode", "deploy", "is 'deploy'; write deployment, pull-services, replay or backfill"),
    ("service", "=Cart", "has '=Cart', which has no identifier; write identifier=Name"),
    ("service", ",", "names no service; write at least one identifier"),
    ("environment", "blue\ngreen", ONE_PLAIN_LINE),
    ("environment-map", "live", "has the line 'live'; write glob=name, or glob= to skip"),
    ("branches", "!main", "only takes branches away; write a pattern without ! before them"),
    ("repository", "shop", "is 'shop'; write owner/name"),
    ("commit-sha", "v1.2", f"is 'v1.2', {NO_SHA}"),
    ("previous-sha", "HEAD^", f"is 'HEAD^', {NO_SHA}"),
    ("merge-commit-shas", "main", f"has an entry that is 'main', {NO_SHA}"),
    ("attribution", "pulls", "is 'pulls'; write auto, pull-requests, commit or repository"),
    ("integration-branch", "a\nb", ONE_PLAIN_LINE),
    ("version", "v1\x1b[31m", ONE_PLAIN_LINE),
    ("team", "a\tb", ONE_PLAIN_LINE),
    ("tags", "payments", "has 'payments'; write key:value, one on each line"),
    ("metadata", "[]", 'is not a JSON object; write one, such as {"region": "eu-west-1"}'),
    ("started-at", "2026-01-31T12:05:09", f"is '2026-01-31T12:05:09', {NO_TIME}"),
    (
        "finished-at",
        "2147483648",
        "is 2038-01-19T03:14:08Z, which is in the future; write the time of this deployment",
    ),
    (
        "success",
        "succeeded",
        "is 'succeeded'; write auto, true, false, success, failure, cancelled or skipped",
    ),
    (
        "deployment-id",
        "1234",
        "is '1234'; write 16 to 128 characters of A-Z a-z 0-9 - _ . : and no other",
    ),
    (
        "source-url",
        "ci.example.com",
        NO_URL,
    ),
    ("source-name", "a\rb", ONE_PLAIN_LINE),
    (
        "config-file",
        "../dora.yml",
        f"is '../dora.yml', {NO_PATH}",
    ),
    ("github-token", "ghs_0123 4567", NO_KEY),
    ("datadog-api-key", f'"{API_KEY}"', QUOTED),
    ("datadog-site", "datadoghq.de", f"is 'datadoghq.de', {NO_SITE}"),
    ("dx-token", "${{ secrets.DX_TOKEN }}", UNEVALUATED),
    (
        "dx-instance",
        "evil.com",
        f"is 'evil.com', {NO_INSTANCE}",
    ),
    ("fail-on", "error", "is 'error'; write never, config or any"),
    ("timeout", "4", f"is '4'; {NO_SECONDS}"),
    ("timeout", "301", f"is '301'; {NO_SECONDS}"),
    ("dry-run", "yes", "is 'yes'; write true or false"),
    ("replay-path", "a\nb", ONE_PLAIN_LINE),
    ("since", "yesterday", f"is 'yesterday'; {NO_DAY}"),
    ("since", "1999-12-31", f"is '1999-12-31'; {NO_DAY}"),
    ("since", "2026-02-30", f"is '2026-02-30'; {NO_DAY}"),
    ("since", "2026-W05-6", f"is '2026-W05-6'; {NO_DAY}"),
    ("since", "10000", f"is '10000'; {NO_DAY}"),
    ("since", "\u0663\u0660d", f"is '\u0663\u0660d'; {NO_DAY}"),
    ("since", "2026-01-3\u0661", f"is '2026-01-3\u0661'; {NO_DAY}"),
    ("since", "-1", f"is '-1'; {NO_DAY}"),
    ("since", "d", f"is 'd'; {NO_DAY}"),
    ("until", "2026-06-17", f"is '2026-06-17'; {NO_DAY}"),
    ("until", "2026-01-31T12:05:09", f"is '2026-01-31T12:05:09'; {NO_DAY}"),
    ("backfill-source", "tags", f"is 'tags'; {NO_SOURCE}"),
    ("backfill-source", "workflow-runs:", f"is 'workflow-runs:'; {NO_SOURCE}"),
    ("backfill-source", "deployments,releases", f"is 'deployments,releases'; {NO_SOURCE}"),
    ("backfill-source", "workflow-runs:a\rb", ONE_PLAIN_LINE),
    ("output-path", "a\x00b", ONE_PLAIN_LINE),
]


def having(name, value):
    """Return the inputs of which only that one is given."""
    return replace(DEFAULTS, **{name.replace("-", "_"): value})


FIRST_GOOD = {name: (text, value) for name, text, value in reversed(GOOD) if text is not None}
FIRST_BAD = {name: (text, message) for name, text, message in reversed(BAD)}


def test_every_input_has_a_default_and_good_and_bad_values_here():
    assert len(NAMES) == 35
    assert tuple(dict.fromkeys(name for name, *_ in GOOD)) == NAMES
    assert tuple(dict.fromkeys(name for name, *_ in BAD)) == NAMES


def test_without_inputs_all_have_their_defaults():
    assert Inputs.from_environ({}, NOW) == DEFAULTS
    assert Inputs.from_environ({"PATH": "/bin", "INPUT_": "x", "MODE": "replay"}, NOW) == DEFAULTS


@pytest.mark.parametrize("blank", ["", " ", "\n", "\r\n\t ", "\xa0\u2003"], ids=ascii)
def test_empty_and_blank_inputs_are_absent(blank):
    assert Inputs.from_environ(environ(dict.fromkeys(NAMES, blank)), NOW) == DEFAULTS


@pytest.mark.parametrize(("name", "text", "value"), [case for case in GOOD if case[1] is not None])
def test_a_good_value_is_read_and_changes_nothing_else(name, text, value):
    assert Inputs.from_environ(environ({name: text}), NOW) == having(name, value)


@pytest.mark.parametrize(("name", "text", "message"), BAD)
def test_a_bad_value_is_refused_with_the_inputs_name_and_what_to_write(name, text, message):
    assert problems({name: text}) == (f"`{name}` {message}",)


@pytest.mark.parametrize("name", [name for name in FIRST_GOOD if name not in inputs_module.SECRETS])
def test_white_space_around_a_value_is_cut(name):
    text, value = FIRST_GOOD[name]
    given = {name: f"\r\n {text}\t\n"}
    assert Inputs.from_environ(environ(given), NOW) == having(name, value)


@pytest.mark.threat(2)
@pytest.mark.parametrize("name", [name for name in FIRST_GOOD if "-" in name])
def test_each_entry_point_has_one_spelling_and_the_other_one_is_no_input(name):
    text, value = FIRST_GOOD[name]
    planted, _ = FIRST_BAD[name]
    hyphens = f"INPUT_{name.upper()}"
    underscores = hyphens.replace("-", "_")
    good = having(name, value)
    for docker, composite, expected in (
        ({hyphens: text}, {underscores: text}, good),
        ({hyphens: text, underscores: planted}, {underscores: text, hyphens: planted}, good),
        ({hyphens: "", underscores: planted}, {underscores: "", hyphens: planted}, DEFAULTS),
        ({underscores: planted}, {hyphens: planted}, DEFAULTS),
        ({hyphens.lower(): planted}, {underscores.lower(): planted}, DEFAULTS),
    ):
        for entry, environ in (("docker", docker), ("composite", composite)):
            own = inputs_module.spelt_for(entry, environ)
            assert Inputs.from_environ(own, NOW) == expected


@pytest.mark.parametrize("name", NAMES)
def test_whoever_does_not_say_which_entry_point_it_is_may_use_either_spelling(name):
    text, value = FIRST_GOOD[name]
    good = having(name, value)
    for spelling in (name.upper(), name.upper().replace("-", "_")):
        assert Inputs.from_environ({f"INPUT_{spelling}": text}, NOW) == good


@pytest.mark.parametrize(
    ("entry", "own"),
    [("docker", {"INPUT_A-B-C": "1"}), ("composite", {"INPUT_A_B_C": "2"})],
)
def test_variables_that_are_no_input_of_another_spelling_stay_as_they_are(entry, own):
    others = {"PATH": "/bin", "INPUT_": "x", "INPUT_D": "3", "GITHUB_RUN_ID": "1", "a-b_c": "y"}
    both = {"INPUT_A-B-C": "1", "INPUT_A_B_C": "2"}
    assert inputs_module.spelt_for(entry, {**others, **both}) == {**others, **own}


def test_all_problems_are_reported_together_in_the_order_of_the_inputs():
    given = {name: FIRST_BAD[name][0] for name in reversed(NAMES)}
    expected = tuple(f"`{name}` {FIRST_BAD[name][1]}" for name in NAMES)
    assert problems(given) == expected


def test_the_error_tells_all_problems_and_how_the_run_ends():
    with pytest.raises(InputError) as raised:
        read(timeout="4", dry_run="yes")
    assert str(raised.value) == (
        f"`timeout` is '4'; {NO_SECONDS}; `dry-run` is 'yes'; write true or false"
    )
    assert (raised.value.reason, raised.value.exit_code) == ("bad-input", 2)


@pytest.mark.parametrize("name", FIRST_GOOD)
def test_bytes_that_are_not_utf_8_are_refused(name):
    assert problems({name: "a\udce9b"}) == (f"`{name}` is not valid UTF-8 text; type it again",)


def test_a_start_later_than_the_finish_is_refused():
    given = {"started-at": "2026-06-15T12:05:01Z", "finished-at": "2026-06-15T14:00:00+02:00"}
    assert problems(given) == (
        (
            "`started-at` (2026-06-15T12:05:01+00:00) is later than `finished-at`"
            " (2026-06-15T12:00:00+00:00); swap or correct them"
        ),
    )


def test_a_start_that_is_later_by_what_clocks_may_differ_is_taken():
    given = read(started_at="2026-06-15T12:05:00Z", finished_at="2026-06-15T12:00:00Z")
    assert (given.started_at, given.finished_at) == (utc(2026, 6, 15, 12, 5), utc(2026, 6, 15, 12))


def test_a_start_that_is_the_finish_is_taken():
    moment = utc(2026, 6, 15, 12)
    given = read(started_at="2026-06-15T12:00:00Z", finished_at="2026-06-15T12:00:00Z")
    assert given == replace(DEFAULTS, started_at=moment, finished_at=moment)


def test_since_later_than_until_is_refused():
    assert problems({"since": "2026-06-01", "until": "2026-05-01"}) == (
        (
            "`since` (2026-06-01T00:00:00+00:00) is later than `until` (2026-05-01T00:00:00+00:00);"
            " write an earlier `since` or a later `until`"
        ),
    )
    assert problems({"until": "2026-01-31"}) == (
        (
            "`since` (2026-03-17T12:00:30+00:00) is later than `until`"
            " (2026-01-31T00:00:00+00:00); write an earlier `since` or a later `until`"
        ),
    )


@pytest.mark.parametrize("given", [{"since": "soon"}, {"since": "2026-06-01", "until": "x"}])
def test_times_that_cannot_be_read_are_not_compared(given):
    assert [problem.split("`")[1] for problem in problems({"until": "2026-01-31"} | given)] == [
        "until" if "x" in given.values() else "since"
    ]


@pytest.mark.parametrize(
    "given", [{"since": "90d", "backfill-source": "auto"}, {"until": " "}, {"output-path": "out"}]
)
def test_defaults_of_a_backfill_harm_no_other_mode(given):
    assert inputs_module.of_backfill(environ(given)) == ()


@pytest.mark.parametrize(
    ("name", "text"), [("since", "30d"), ("until", "2026-06-01"), ("backfill-source", "releases")]
)
def test_what_to_fill_in_is_of_no_other_mode(name, text):
    (problem,) = inputs_module.of_backfill(environ({name: text}))
    words = "is of `mode: backfill`, and `mode` is another one; set `mode: backfill`, or leave"
    assert problem == about_input(name, f"{words} `{name}` out")


def test_since_that_is_until_is_taken():
    day = utc(2026, 6, 1)
    assert read(since="2026-06-01", until="2026-06-01") == replace(DEFAULTS, since=day, until=day)


def test_contradictions_come_after_what_is_bad_by_itself():
    given = {
        "started-at": "2026-06-02T00:00:00Z",
        "finished-at": "2026-06-01T00:00:00Z",
        "timeout": "1",
        "since": "1d",
        "until": "2d",
    }
    assert problems(given) == (
        f"`timeout` is '1'; {NO_SECONDS}",
        (
            "`started-at` (2026-06-02T00:00:00+00:00) is later than `finished-at`"
            " (2026-06-01T00:00:00+00:00); swap or correct them"
        ),
        (
            "`since` (2026-06-14T12:00:30+00:00) is later than `until`"
            " (2026-06-13T12:00:30+00:00); write an earlier `since` or a later `until`"
        ),
    )


@pytest.mark.parametrize("seconds", [301, 21_600])
def test_deployments_of_the_past_may_take_six_hours_and_nothing_else(seconds):
    patient = replace(DEFAULTS, mode="backfill", timeout=seconds)
    assert read(mode="Backfill", timeout=str(seconds)) == patient
    for mode in ("deployment", "pull-services", "replay"):
        given = {"mode": mode, "timeout": str(seconds)}
        assert problems(given) == (f"`timeout` is '{seconds}'; {NO_SECONDS}",)
    assert problems({"mode": "backfill", "timeout": "21601"}) == (
        f"`timeout` is '21601'; {NO_SECONDS}",
    )


OF_ONE_DEPLOYMENT = (
    "commit-sha",
    "previous-sha",
    "merge-commit-shas",
    "version",
    "started-at",
    "finished-at",
    "success",
    "deployment-id",
    "source-url",
)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "mode"])
def test_what_is_of_one_deployment_is_refused_for_those_of_the_past(name):
    given = {"mode": "backfill", name: FIRST_GOOD[name][0]}
    if name == "success":
        assert read(**given) == replace(DEFAULTS, mode="backfill")
        given["success"] = "true"
    if name in OF_ONE_DEPLOYMENT:
        assert problems(given) == (f"`{name}` {OF_ONE}",)
    else:
        assert read(**given) == replace(having(name, FIRST_GOOD[name][1]), mode="backfill")


def test_all_that_is_of_one_deployment_is_refused_together():
    given = {name: FIRST_GOOD[name][0] for name in OF_ONE_DEPLOYMENT}
    later = {"mode": "backfill", "success": "skipped", "version": "auto"}
    times = {"started-at": "2026-06-02T00:00:00Z", "finished-at": "2026-06-01T00:00:00Z"}
    assert problems({**given, **later, **times}) == tuple(
        f"`{name}` {OF_ONE}" for name in OF_ONE_DEPLOYMENT
    )


def test_an_absent_commit_is_of_no_deployment():
    given = read(mode="backfill", previous_sha="0" * 40, merge_commit_shas="[]")
    assert given == replace(DEFAULTS, mode="backfill")


PLAN = inputs_module.plan({})


@pytest.mark.parametrize("name", NAMES)
def test_a_run_has_the_plan_of_another_if_all_that_it_is_to_do_is_the_same(name):
    first, second = FIRST_GOOD[name][0], FIRST_BAD[name][0]
    plans = [inputs_module.plan(environ({name: text})) for text in (first, f" {first}\n", second)]
    if name in {*inputs_module.SECRETS, "timeout", "dry-run", "fail-on", "output-path"}:
        assert plans == [PLAN] * 3
    else:
        assert plans[0] == plans[1]
        assert len({PLAN, *plans}) == 3


def test_a_plan_is_a_digest_that_is_the_same_everywhere():
    given = {name: FIRST_GOOD[name][0] for name in NAMES}
    plan = inputs_module.plan(environ(given))
    underscores = {name.replace("-", "_"): text for name, text in reversed(given.items())}
    assert inputs_module.plan({**environ(underscores), "PATH": "/bin"}) == plan
    assert re.fullmatch("[0-9a-f]{64}", plan)
    assert inputs_module.plan(environ({"version": "\udce9"})) != PLAN


def test_an_input_that_was_given_is_a_fact_that_names_it():
    assert inputs_module.input_fact("v1", "version") == Fact(
        value="v1", source="the input `version`"
    )
    assert inputs_module.input_fact(None, "version") is None


@pytest.mark.parametrize("name", NAMES)
def test_every_secret_but_that_of_github_is_the_key_of_a_backend(name):
    given = Inputs.from_environ(environ({name: FIRST_GOOD[name][0]}), NOW)
    assert given.has_key == (name in {*inputs_module.SECRETS} - {"github-token"})


def test_inputs_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        DEFAULTS.mode = "replay"


def doubt(name, words):
    """Return the warning about an input, in words that follow its name."""
    return Note(text=f"`{name}` {words}", topic=DOUBTFUL_INPUT, input=name)


SPACES = "has white space around it, which was cut; store it without"
BEARER = "starts with Bearer; store the token alone"
NO_HEX = doubt(
    "datadog-api-key",
    "is not 32 hex digits, as Datadog's API keys are; an application key or a token of another"
    " vendor will be refused",
)
SAME_SECRET = doubt("datadog-api-key", "and `dx-token` hold the same secret; one must be wrong")
GOVERNMENT = doubt(
    "datadog-site",
    "is a government site, for which Datadog's documentation says that DORA Metrics are not"
    " available; leave `datadog-api-key` out",
)


@pytest.mark.parametrize(
    "key", [API_KEY[:31], f"{API_KEY}0", f"{API_KEY[:31]}g", "x", DX_TOKEN], ids=len
)
def test_a_key_that_does_not_look_like_datadogs_is_taken_with_a_warning(key):
    assert read(datadog_api_key=key) == replace(DEFAULTS, datadog_api_key=key, warnings=(NO_HEX,))


def test_the_same_secret_for_both_backends_is_taken_with_a_warning():
    assert read(datadog_api_key=API_KEY, dx_token=API_KEY).warnings == (SAME_SECRET,)
    assert read(github_token=API_KEY, dx_token=API_KEY).warnings == ()


@pytest.mark.parametrize("site", ["US1-FED", "us2.ddog-gov.com", "https://app.ddog-gov.com/x"])
def test_a_government_site_is_taken_with_a_warning(site):
    assert read(datadog_api_key=API_KEY, datadog_site=site).warnings == (GOVERNMENT,)
    assert read(datadog_site=site).warnings == ()


@pytest.mark.parametrize("site", ["us5", "EU", "https://proxy.example.com"])
def test_other_sites_are_taken_without_a_warning(site):
    assert read(datadog_api_key=API_KEY, datadog_site=site).warnings == ()


@pytest.mark.parametrize("name", inputs_module.SECRETS)
@pytest.mark.parametrize("around", ["{}\n", " {}", "{}\r\n", " \n{}", "\t{}\xa0"], ids=ascii)
def test_white_space_around_a_secret_is_cut_with_a_warning(name, around):
    secret = FIRST_GOOD[name][0]
    assert Inputs.from_environ(environ({name: around.format(secret)}), NOW) == replace(
        DEFAULTS,
        **{name.replace("-", "_"): secret},
        warnings=(doubt(name, SPACES),),
    )


@pytest.mark.parametrize("name", inputs_module.SECRETS)
@pytest.mark.parametrize("prefix", ["Bearer ", "bearer ", "BEARER \t"], ids=ascii)
def test_bearer_before_a_secret_is_cut_with_a_warning(name, prefix):
    secret = FIRST_GOOD[name][0]
    assert Inputs.from_environ(environ({name: prefix + secret}), NOW) == replace(
        DEFAULTS,
        **{name.replace("-", "_"): secret},
        warnings=(doubt(name, BEARER),),
    )


def test_warnings_come_in_the_order_of_the_inputs_and_doubts_last():
    given = read(
        github_token=f" {GITHUB_TOKEN}",
        datadog_api_key=f"Bearer {DX_TOKEN}\n",
        dx_token=f"Bearer {DX_TOKEN}",
        datadog_site="us1-fed",
    )
    assert given.warnings == (
        doubt("github-token", SPACES),
        doubt("datadog-api-key", SPACES),
        doubt("datadog-api-key", BEARER),
        doubt("dx-token", BEARER),
        NO_HEX,
        SAME_SECRET,
        GOVERNMENT,
    )


BAD_SECRETS = {
    "line break within": (f"{DX_TOKEN}\n{DX_TOKEN}", NO_KEY),
    "carriage return within": (f"{DX_TOKEN}\r{DX_TOKEN}", NO_KEY),
    "NUL": (f"{DX_TOKEN}\x00", NO_KEY),
    "space within": (f"{DX_TOKEN} {DX_TOKEN}", NO_KEY),
    "non-ASCII": (f"{DX_TOKEN}\xe9", NO_KEY),
    "byte order mark": (f"\ufeff{DX_TOKEN}", NO_KEY),
    "typographic quotes": (f"\u201c{DX_TOKEN}\u201d", NO_KEY),
    "quotes": (f'"{DX_TOKEN}"', QUOTED),
    "single quotes": (f"'{DX_TOKEN}'", QUOTED),
    "quotes behind Bearer": (f"Bearer '{DX_TOKEN}'", QUOTED),
    "Bearer twice": (f"Bearer Bearer {DX_TOKEN}", NO_KEY),
    "DD-API-KEY: before it": (
        f"DD-API-KEY: {DX_TOKEN}",
        "starts with the header's name DD-API-KEY; store the key alone in the secret",
    ),
    "an expression": ("${{ secrets.SHOP_TOKEN }}", UNEVALUATED),
    "Bearer and an expression": ("Bearer ${{ secrets.SHOP_TOKEN }}", UNEVALUATED),
    "asterisks": (
        "***",
        (
            "holds only asterisks, as a masked value copied from a log does; store the key itself"
            " in the secret"
        ),
    ),
    "half a pair": (f"{DX_TOKEN}\ud83d", "is not valid UTF-8 text; type it again"),
}


@pytest.mark.parametrize("name", inputs_module.SECRETS)
@pytest.mark.parametrize(("text", "message"), BAD_SECRETS.values(), ids=BAD_SECRETS)
def test_a_bad_secret_is_refused_and_never_shown(name, text, message):
    (problem,) = problems({name: text})
    assert problem == f"`{name}` {message}"
    assert DX_TOKEN not in problem
    assert "SHOP_TOKEN" not in problem


def test_no_secret_is_in_the_text_of_inputs():
    secrets = {"github-token": GITHUB_TOKEN, "datadog-api-key": API_KEY, "dx-token": DX_TOKEN}
    given = Inputs.from_environ(environ(secrets), NOW)
    assert repr(given) == str(given) == repr(DEFAULTS)
    for secret in secrets.values():
        assert secret not in repr(given)


def test_masks_are_every_form_of_every_secret_the_longest_first():
    secrets = {
        "github-token": f" {GITHUB_TOKEN}\n",
        "datadog-api-key": f"Bearer {API_KEY}",
        "dx-token": f"first line {DX_TOKEN}\r\n  and another\nxyz\n\n****\n",
        "team": "not-a-secret",
    }
    assert inputs_module.masks(environ(secrets)) == (
        f"first line {DX_TOKEN}\r\n  and another\nxyz\n\n****",
        f"first line {DX_TOKEN}",
        GITHUB_TOKEN,
        f"Bearer {API_KEY}",
        API_KEY,
        "and another",
    )


def test_masks_of_one_length_are_in_one_order():
    secrets = {"github-token": "token-c", "datadog-api-key": "token-a", "dx-token": "token-b"}
    assert inputs_module.masks(environ(secrets)) == ("token-a", "token-b", "token-c")


@pytest.mark.parametrize("spelling", ["INPUT_DX-TOKEN", "INPUT_DX_TOKEN"])
def test_masks_are_read_in_both_spellings(spelling):
    assert inputs_module.masks({spelling: DX_TOKEN}) == (DX_TOKEN,)


@pytest.mark.parametrize(
    ("secret", "masks"),
    [
        ("", ()),
        (" \n", ()),
        ("abc", ()),
        ("abcd", ("abcd",)),
        ("***", ()),
        ("********", ()),
        ("**** ****", ()),
        ("****x", ("****x",)),
        ("a\nb\nc", ("a\nb\nc",)),
        ("Bearer abc", ("Bearer abc",)),
        ("Bearer", ()),
        ("bearer Bearer", ("bearer Bearer",)),
        ("Bearer a\nbcdef", ("Bearer a\nbcdef", "Bearer a", "a\nbcdef", "bcdef")),
    ],
)
def test_what_would_wreck_the_log_is_not_masked(secret, masks):
    assert inputs_module.masks({"INPUT_DX-TOKEN": secret}) == masks


def test_nothing_to_mask_without_secrets():
    assert inputs_module.masks({}) == ()
    good = {name: text for name, (text, _) in FIRST_GOOD.items()}
    for name in inputs_module.SECRETS:
        del good[name]
    assert inputs_module.masks(environ(good)) == ()


@pytest.mark.parametrize("text", [text for text, _ in BAD_SECRETS.values()], ids=BAD_SECRETS)
def test_a_bad_secret_is_masked_as_well(text):
    masks = inputs_module.masks({"INPUT_DX-TOKEN": text})
    assert masks == () if text == "***" else masks[0] == text.strip()


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({}, "config"),
        ({"INPUT_FAIL-ON": "never"}, "never"),
        ({"INPUT_FAIL_ON": " Any\n"}, "any"),
        ({"INPUT_FAIL-ON": "config"}, "config"),
        ({"INPUT_FAIL-ON": "none"}, "config"),
        ({"INPUT_FAIL-ON": "never\udce9"}, "config"),
        ({"INPUT_FAIL-ON": "", "INPUT_FAIL_ON": "any"}, "any"),
        ({"INPUT_FAIL-ON": "never", "INPUT_FAIL_ON": "any"}, "never"),
        ({"INPUT_FAIL-ON": "never", "INPUT_TIMEOUT": "bad"}, "never"),
        ({"INPUT_FAIL-ON": DX_TOKEN, "INPUT_DX-TOKEN": DX_TOKEN}, "config"),
    ],
)
def test_fail_on_is_read_alone_and_its_default_where_it_is_bad(given, word):
    assert inputs_module.fail_on(given) == word


ANY_TEXT = st.text(st.characters(exclude_categories=()))
TEXTS = ANY_TEXT | st.sampled_from([text for _, text, _ in GOOD + BAD if text is not None])
SECRET_TEXTS = ANY_TEXT.filter(lambda text: len(text) >= 8) | st.sampled_from(
    [text for text, _ in BAD_SECRETS.values()]
)
VARIABLES = sorted(
    {key.replace("-", other) for key in environ(dict.fromkeys(NAMES)) for other in "-_"}
)
PUBLIC = [name for name in NAMES if name not in inputs_module.SECRETS]
ABOUT_SECRETS = {message for _, message in BAD_SECRETS.values()} | {
    "has white space around it, which was cut; store it without",
    "starts with Bearer; store the token alone",
}


@settings(deadline=None, max_examples=100)
@given(variables=st.dictionaries(st.sampled_from(VARIABLES), TEXTS, max_size=8))
def test_any_texts_are_inputs_or_one_input_error_in_short_plain_lines(variables):
    try:
        notes = Inputs.from_environ(variables, NOW).warnings
    except InputError as error:
        notes = error.notes
        assert notes
    for each in notes:
        assert each.input in NAMES
        assert each.text.startswith(f"`{each.input}` ")
        assert not has_controls(each.text)
        assert len(each.text) < 400


@settings(deadline=None, max_examples=100)
@given(
    public=st.dictionaries(st.sampled_from(PUBLIC), TEXTS, max_size=2),
    secrets=st.dictionaries(st.sampled_from(inputs_module.SECRETS), SECRET_TEXTS, min_size=1),
)
def test_whatever_a_secret_is_the_messages_about_it_are_of_a_fixed_list(public, secrets):
    fixed = {f"`{name}` {words}" for name in secrets for words in ABOUT_SECRETS}
    assume(
        not any(
            secret[start : start + 12] in text
            for secret in inputs_module.masks(environ(secrets))
            for start in range(max(1, len(secret) - 11))
            for text in public.values()
        )
    )
    fixed |= {each.text for each in (NO_HEX, SAME_SECRET, GOVERNMENT)}
    messages, text = all_that_is_said(public | secrets)
    messages_without, text_without = all_that_is_said(public)
    assert tuple(message for message in messages if message not in fixed) == messages_without
    assert text in {text_without, ""}


def all_that_is_said(public_and_secret):
    """Return problems or warnings, and the text of the inputs, if they are good."""
    try:
        inputs = Inputs.from_environ(environ(public_and_secret), NOW)
    except InputError as error:
        return error.problems, ""
    texts = tuple(each.text for each in inputs.warnings)
    return texts, repr(replace(inputs, warnings=()))


@pytest.mark.fault(56)
@pytest.mark.parametrize("name", inputs_module.SECRETS)
@pytest.mark.parametrize("text", ["Bearer", "Bearer ", " bearer\n", "BEARER Bearer"])
def test_the_word_bearer_before_an_empty_secret_is_no_secret(name, text):
    assert Inputs.from_environ(environ({name: text}), NOW) == DEFAULTS


@pytest.mark.threat(4)
@pytest.mark.parametrize("name", [name for name in NAMES if name not in inputs_module.SECRETS])
@pytest.mark.parametrize("start", range(0, 20, 6))
def test_a_part_of_a_secret_in_another_input_is_refused_and_not_shown(name, start):
    part = DX_TOKEN[start : start + 12]
    assert problems({"dx-token": DX_TOKEN, name: f"x{part}y"}) == (
        (
            f"`{name}` holds the secret of another input, or a part of it; take it out, and check"
            " that no two inputs are swapped"
        ),
    )


@pytest.mark.threat(4)
def test_twelve_characters_are_a_part_of_a_secret_and_eleven_may_be_chance():
    secret = "abcdefghijklmnopqrst"
    (problem,) = problems({"dx-token": secret, "environment": secret[-12:]})
    assert problem.startswith("`environment` holds the secret of another input, or a part of it")
    given = {"dx-token": secret, "environment": secret[-11:]}
    assert Inputs.from_environ(environ(given), NOW).environment == "jklmnopqrst"


@pytest.mark.threat(4)
def test_a_secret_that_is_not_known_to_be_one_is_shown_whole_or_not_at_all():
    for length in (20, 50, 100, 150, 180, 250, 1000):
        secret = ("s3cr3t-" * 200)[:length]
        for name in NAMES:
            if name not in inputs_module.SECRETS:
                for text in (
                    f"{secret}=,",
                    f"https://[{secret}",
                    f'{{"{secret}": 1, "{secret}": 1}}',
                ):
                    said = str(all_that_is_said({name: text})[0]).replace(secret, "")
                    assert "s3cr3t-s3cr3t" not in said


@pytest.mark.parametrize("name", ["dx-instance", "metadata", "service"])
def test_a_secret_in_another_input_is_refused_and_no_part_of_it_is_shown(name):
    secret = "dx-token-of-a-company-0123456789abcdef"
    with pytest.raises(InputError) as raised:
        Inputs.from_environ(environ({"dx-token": secret, name: f'{{"a": "{secret}"}}'}), NOW)
    assert raised.value.problems == (
        (
            f"`{name}` holds the secret of another input, or a part of it; take it out, and check"
            " that no two inputs are swapped"
        ),
    )


def test_a_short_secret_may_be_part_of_another_input_by_chance():
    given = {"dx-token": "production-shop", "service": "production-shop"}
    assert Inputs.from_environ(environ(given), NOW).service == (
        Service(identifier="production-shop"),
    )


def test_a_secret_of_sixteen_characters_is_in_no_other_input_by_chance():
    assert problems({"dx-token": "production-blues", "environment": "production-blues"}) == (
        (
            "`environment` holds the secret of another input, or a part of it; take it out, and"
            " check that no two inputs are swapped"
        ),
    )


@pytest.mark.parametrize("name", ["commit-sha", "previous-sha", "merge-commit-shas", "metadata"])
def test_a_commit_is_no_secret_though_a_made_up_key_stands_in_it(name):
    sha = f"{API_KEY}01234567".lower()
    text = f'{{"commit": "{sha}"}}' if name == "metadata" else sha
    found = Inputs.from_environ(environ({"datadog-api-key": API_KEY.lower(), name: text}), NOW)
    assert found.datadog_api_key == API_KEY.lower()
    assert sha in str(getattr(found, name.replace("-", "_")))


@pytest.mark.parametrize("text", ["{}", "{}0123456", "{}012345678", "a{}01234567"])
def test_what_is_not_just_as_long_as_a_commit_may_be_a_secret(text):
    given = {"datadog-api-key": API_KEY, "version": text.format(API_KEY)}
    assert [problem.split("`")[1] for problem in problems(given)] == ["version"]
