"""Every doubt in its whole words, and the nearest case without it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dora_deployments.actions.config import Config
from dora_deployments.actions.event import DeploymentEvent
from dora_deployments.actions.patterns import EnvironmentRule
from dora_deployments.attribution import environment
from dora_deployments.backends.datadog import Datadog
from dora_deployments.backends.dx import Dx
from dora_deployments.catalogue import Note
from dora_deployments.delivery import deliver
from dora_deployments.delivery.dispatch import SendResult
from dora_deployments.deployment import Fact, Service
from dora_deployments.report import doubts
from tests.builders import deployment, event, inputs, run, topic
from tests.delivery.wire import TOUCHED
from tests.report.accounts import FINISHED, outcome, resolved, services

DATADOG = Datadog(url="https://a.test", api_key="fedcba9876543210fedcba9876543210")
DX = Dx(url="https://b.test/api", token="dx-token-for-tests")
BOTH = (DATADOG, DX)
HOUR = timedelta(hours=1)


RAW = "deployment.environment"


def deployment_event(name):
    return DeploymentEvent(
        event="deployment_status",
        repository=Fact(value="acme/shop", source="repository.full_name"),
        repository_id="186853261",
        commit_sha=Fact(value="5" * 40, source="deployment.sha"),
        identity="x",
        environment=None if name is None else Fact(value=name, source=RAW),
    )


# --- events that start no run, or none with secrets

BOT = {"sender": {"login": "github-actions[bot]"}}
TRIED_OUT = run(run_id="")


def of_event(name, content, *, of=TRIED_OUT, from_fork=False, **given):
    happened = replace(deployment_event("staging"), from_fork=from_fork)
    return [*doubts.of_event(event(name, content, of=of, **given), happened)]


@pytest.mark.parametrize("dry_run", ["true", "false"])
@pytest.mark.parametrize("name", ["deployment_status", "release", "push", "pull_request", ""])
def test_who_tries_out_what_github_token_did_is_warned_that_it_starts_no_workflow(name, dry_run):
    assert of_event(name, BOT, dry_run=dry_run) == [
        Note(
            text="the event was caused by github-actions[bot]: what a workflow does with its"
            " `GITHUB_TOKEN` starts no other workflow; do it with the token of an app, or report"
            " at the end of the job that deploys",
            topic=topic("github-token-starts-nothing"),
        )
    ]


@pytest.mark.parametrize("name", ["workflow_dispatch", "repository_dispatch"])
def test_a_dispatch_by_github_token_starts_workflows(name):
    assert of_event(name, BOT) == []


def test_a_run_that_was_started_after_all_knows_better():
    assert of_event("deployment_status", BOT, of=run(), dry_run="true") == []


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"sender": None},
        {"sender": {"login": None}},
        {"sender": {"login": "grace"}},
        {"sender": {"login": "dependabot[bot]"}},
        {"sender": {"login": "github-actions"}},
        {"actor": {"login": "github-actions[bot]"}},
    ],
)
def test_what_somebody_else_did_starts_workflows(content):
    assert of_event("deployment_status", content) == []


NO_SECRETS = Note(
    text="such a run reports nothing, since GitHub gives such a run no secrets, and without a key"
    " no backend can be reached; report merges from a workflow on `push`; if Dependabot"
    " merges by itself, store the keys as Dependabot secrets too",
    topic=topic("no-credentials-on-fork"),
)


@pytest.mark.parametrize("of", [TRIED_OUT, run()], ids=["tried out", "started"])
def test_a_dry_run_for_a_fork_without_keys_warns_that_there_would_be_none(of):
    assert of_event("pull_request", {}, of=of, from_fork=True, dry_run="true") == [NO_SECRETS]


@pytest.mark.parametrize(
    ("from_fork", "given"),
    [
        (False, {"dry_run": "true"}),
        (True, {}),
        (True, {"dry_run": "true", "datadog_api_key": "0123456789abcdef0123456789abcdef"}),
        (True, {"dry_run": "true", "dx_token": "dx-token-for-tests", "dx_instance": "acme"}),
    ],
)
def test_a_run_that_reports_or_has_keys_or_is_for_no_fork_is_not_warned_of_that(from_fork, given):
    assert of_event("pull_request", {}, from_fork=from_fork, **given) == []


# --- environments that may be production


def of_environment(name, *, told=(DX,), config=None, of=None, is_production=None, **given):
    """Return the doubts of an environment of that name, which goes through the usual rules."""
    happened = replace(deployment_event(name), is_production=is_production)
    found = environment.reported(happened, inputs(**given), config)
    known = replace(of or resolved(), environment=found)
    return [*doubts.of_environment(happened, known, iter(told))]


def by_file(name):
    """Return a configuration file that gives the environment blue that name."""
    return Config(
        services=(),
        environments=(EnvironmentRule(glob="blue", name=name),),
        source="`.github/dora.yml` of the workspace",
    )


def not_production(name, line, backend="DX"):
    return Note(
        text=f"the environment is {name}, and {backend} counts `production` alone for DORA metrics;"
        f" if it is the same, write `{line}`",
        topic=topic("environment-not-production"),
    )


@pytest.mark.parametrize("told", [(DX,), BOTH], ids=["DX", "both"])
@pytest.mark.parametrize(
    "name",
    [
        "prod",
        "PRD",
        "Live",
        "prod-eu",
        "eu_prod",
        "eu/live",
        "prod2",
        "1prod",
        "production-eu",
        "eu.production",
        "PRODUCTION/eu",
        "prod: eu@2+x",
        "caf\u00e9 live",
    ],
)
def test_an_environment_that_seems_to_be_production_comes_with_the_line_that_maps_it(name, told):
    assert of_environment(name, told=told) == [
        not_production(repr(name), f"environment-map: {name}=production")
    ]


@pytest.mark.parametrize(
    ("name", "glob"),
    [
        ("prod*", "prod?"),
        ("[live]", "?live?"),
        ("live!", "live?"),
        ("`prod`", "?prod?"),
        ("prod,eu", "prod?eu"),
        ("a=prod", "a?prod"),
        ("Production \u2013 shop", "Production ? shop"),
    ],
)
def test_what_a_glob_would_not_mean_by_itself_stands_for_any_character(name, glob):
    assert of_environment(name) == [
        not_production(repr(name), f"environment-map: {glob}=production")
    ]


def test_datadog_alone_is_told_a_name_of_several_words_with_a_doubt():
    name = "Production \u2013 web"
    line = "environment-map: Production ? web=production"
    assert of_environment(name, told=(DATADOG,)) == [
        Note(
            text=f"the environment is {name!r}, which Datadog keeps apart from `production`; if it"
            f" is the same, write `{line}`",
            topic=topic("environment-not-production"),
        )
    ]
    assert of_environment(name, told=(DATADOG,), environment_map=f"{name}={name}") == []


@pytest.mark.parametrize(
    ("name", "environment", "is_production", "is_doubted"),
    [
        ("staging", "production", False, True),
        ("QA 2", "Production", None, True),
        ("staging", "production", True, False),
        ("staging", "staging", False, False),
        ("blue", "production", False, False),
        ("Production", "production", False, False),
    ],
)
def test_another_environment_that_is_reported_as_production_is_said(
    name, environment, is_production, is_doubted
):
    found = of_environment(name, is_production=is_production, environment=environment)
    assert found == is_doubted * [
        Note(
            text=f"the deployment was to {name!r} ({RAW}), and is reported"
            " as production, since `environment` says so; if it was not to production, leave"
            " `environment` out",
            topic=topic("environment-not-production"),
        )
    ]


@pytest.mark.parametrize("name", ["prod", "live", "prd2", "prod-eu", "web/production", "staging"])
def test_datadog_alone_may_know_production_by_a_short_name(name):
    assert of_environment(name, told=(DATADOG,)) == []
    assert of_environment(None, told=(DATADOG,), environment="prod-eu") == []


@pytest.mark.parametrize(
    "name",
    [
        *("prod", "PRD", "eu/live", "prod: eu@2+x", "caf\u00e9 live"),
        *("Production \u2013 web", "[live]", "a=prod"),
    ],
)
def test_the_line_that_is_named_does_it(name):
    (doubt,) = of_environment(name)
    line = doubt.text.partition("`environment-map: ")[2].removesuffix("`")
    mapped = environment.reported(deployment_event(name), inputs(environment_map=line), None)

    assert mapped.value == "production"
    assert of_environment(name, environment_map=line) == []


@pytest.mark.parametrize(
    "name",
    [
        None,
        "production",
        "Production",
        "PRODUCTION",
        "pre-prod",
        "non-prod",
        "no-prod",
        "not/live",
        "prod-test",
        "staging-live",
        "stage/prod",
        "dev-live",
        "review/live",
        "preview/live-chat",
        "pr-117-live-chat",
        "PRE_PROD",
        *(
            "prod-like",
            "prod-old",
            "prod-development",
            "ci-prod",
            "int/prod",
            "prod-qa",
            "uat-prod",
        ),
        *("prod-sandbox", "prod-tests", "prod-testing", "perf-prod", "prod-canary", "beta-live"),
        "live-demo",
        "preprod",
        "nonprod",
        "product",
        "products",
        "reproduction",
        "staging",
        "delivery",
        "alive",
        "lives",
        "main",
        "pr-117",
        "123",
    ],
)
def test_what_hardly_is_production_is_not_doubted(name):
    assert of_environment(name) == []


def test_an_environment_that_the_input_names_is_doubted_with_the_input_to_write():
    line = "environment: production"

    assert of_environment("staging", environment="live") == [not_production("'live'", line)]
    assert of_environment("prod", environment="prod") == [not_production("'prod'", line)]
    assert of_environment(None, environment="prod") == [not_production("'prod'", line)]
    assert of_environment("prod", environment="staging") == []
    assert of_environment("prod", environment="production") == []


@pytest.mark.parametrize("name", ["live", "prod", "eu/prod"])
def test_who_maps_an_environment_means_it(name):
    assert of_environment("blue", environment_map=f"blue={name}") == []
    assert of_environment("prod", environment_map=f"prod={name}") == []
    assert of_environment("blue", config=by_file(name)) == []


def test_a_line_for_another_environment_maps_nothing():
    doubted = [not_production("'prod'", "environment-map: prod=production")]

    assert of_environment("prod", environment_map="blue=production") == doubted
    assert of_environment("prod", config=by_file("production")) == doubted


def test_which_environment_counts_is_said_by_the_backend_whichever_it_is():
    third = replace(DX, name="Third")
    other = replace(third, dora_environment="live")

    assert of_environment("prod", told=(DATADOG, other, third)) == [
        not_production("'prod'", "environment-map: prod=production", backend="Third")
    ]
    assert of_environment("prod", told=(other,)) == []


@pytest.mark.parametrize("told", [(), (DATADOG,)], ids=["nobody", "Datadog"])
def test_without_dx_every_environment_counts_under_its_own_name(told):
    assert of_environment("prod", told=told) == []
    assert of_environment(None, told=told, environment="prod") == []


def test_where_nothing_is_deployed_no_environment_is_doubted():
    assert of_environment("prod", of=replace(resolved(), deployments=())) == []


# --- what the backends doubt


@pytest.mark.parametrize(
    ("names", "listed"),
    [
        (("live",), "'live'"),
        (("staging", "prod-eu", "Live", "qa-prod"), "'prod-eu' and 'Live'"),
    ],
)
def test_of_many_deployments_none_in_production_is_doubted_if_some_seem_to_be(names, listed):
    assert [*doubts.of_names(names, BOTH)] == [
        Note(
            text="DX counts `production` alone for DORA metrics, and no deployment went there; if"
            f" {listed} is the same, map it by `environment-map`",
            topic=topic("environment-not-production"),
        )
    ]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("production", "prod-eu"), BOTH),
        (("staging", "non-prod"), BOTH),
        ((), BOTH),
        (("live",), (DATADOG,)),
    ],
)
def test_of_many_deployments_production_is_enough_and_so_is_nothing_like_it(names, told):
    assert [*doubts.of_names(names, told)] == []


def of_requests(*deployments, told=BOTH, age=timedelta(), is_dry_run=False):
    deliveries = iter(deliver.prepare(deployments, told))
    return [*doubts.of_requests(deliveries, None if is_dry_run else FINISHED + age)]


OLD = Note(
    text="the deployment ended more than an hour ago: Datadog used to refuse or ignore old"
    " deployments, and documents no limit now; report right after the deployment, and check"
    " in Datadog that this one appears",
    topic=topic("old-event"),
)


UNUSUAL = Note(
    text="Datadog's catalogue would write 'Cart' as `cart`, 'Check Out' as `check_out`; if that is"
    " meant, write it so where the service is named",
    topic=topic("service-name"),
)


def test_each_doubt_of_many_requests_is_told_once():
    names = ("Cart", "shop", "Check Out")
    late = HOUR + timedelta(seconds=1)

    assert of_requests(*services(*names), age=late) == [OLD, UNUSUAL]
    # What is not sent can be as old as it likes.
    assert of_requests(*services(*names), age=late, is_dry_run=True) == [UNUSUAL]


def test_after_an_hour_to_the_second_nothing_is_too_old():
    assert of_requests(deployment(), age=HOUR) == []


def test_dx_doubts_nothing():
    named = deployment(service=Service(identifier="Check Out"))

    assert of_requests(named, told=(DX,), age=timedelta(days=999)) == []


def test_what_is_not_sent_is_not_doubted():
    failed = deployment(success=False, service=Service(identifier="Check Out"))

    assert of_requests(failed, told=(DATADOG,), age=timedelta(days=999)) == []


def test_what_a_pull_request_touches_has_no_age():
    touched = deliver.prepare_touched(TOUCHED, BOTH, goes_first=True)

    assert [*doubts.of_requests(touched, FINISHED + timedelta(days=999))] == []


# --- who else may report

BY_DX = Note(
    text="DX's GitHub Deployments connector reads the same deployments, where it is on; each"
    " deployment would count twice; keep one source for each service",
    topic=topic("duplicate-source"),
)
BY_DATADOG = Note(
    text="Datadog's APM reports new versions as deployments, if it is chosen as a source; each"
    " deployment would count twice; keep one source for each service",
    topic=topic("duplicate-source"),
)


@pytest.mark.parametrize(
    ("name", "told", "version", "found"),
    [
        ("deployment_status", BOTH, "v1.2", (BY_DATADOG, BY_DX)),
        ("deployment_status", BOTH, None, (BY_DX,)),
        ("deployment_status", (DX,), "v1.2", (BY_DX,)),
        ("deployment_status", (DATADOG,), None, ()),
        ("release", BOTH, "v1.2", (BY_DATADOG,)),
        ("release", (DX,), "v1.2", ()),
        ("push", BOTH, None, ()),
        ("deployment_status", (), "v1.2", ()),
    ],
)
def test_another_source_is_named_once_however_many_services_there_are(name, told, version, found):
    many = [replace(each, version=version) for each in services("a", "b", "c")]

    assert doubts.other_sources(name, resolved(*many), iter(told)) == found


def test_nobody_else_reports_where_nothing_is_deployed():
    nothing = replace(resolved(), deployments=())

    assert doubts.other_sources("deployment_status", nothing, BOTH) == ()


# --- clocks


def of_clocks(*skews):
    """Return the doubts after answers of those backends, each with the skew of the clock here."""
    ended = [
        SendResult(
            delivery=deliver.prepare([deployment()], [backend])[0],
            outcomes=(outcome(backend=backend.name),),
            skew=skew,
        )
        for backend, skew in skews
    ]
    return [*doubts.of_clocks(iter(ended))]


def differs(by, side, backend):
    return Note(
        text=f"the runner's clock is {by} {side} {backend}'s, and all times from the runner's"
        " clock are wrong by that much; synchronise the runner's clock with NTP, or take"
        " `finished-at` from another clock",
        topic=topic("clock-skew"),
    )


@pytest.mark.fault(105)
@pytest.mark.parametrize(
    ("skew", "by", "side"),
    [
        (timedelta(seconds=121), "2 min", "ahead of"),
        (timedelta(seconds=-121), "2 min", "behind"),
        (timedelta(minutes=2, microseconds=1), "2 min", "ahead of"),
        (timedelta(hours=4, minutes=12), "4 h 12 min", "ahead of"),
        (timedelta(days=-3650), "3650 d 0 h", "behind"),
    ],
)
def test_clocks_that_differ_are_told_with_the_side_that_ours_is_on(skew, by, side):
    assert of_clocks((DX, skew)) == [differs(by, side, "DX")]


@pytest.mark.parametrize("seconds", [0, 1, -1, 119, 120, -120])
def test_clocks_that_differ_by_two_minutes_harm_nobody(seconds):
    assert of_clocks((DATADOG, timedelta(seconds=seconds))) == []


def test_clocks_are_told_of_once_for_each_backend_by_the_largest_difference():
    assert of_clocks(
        (DATADOG, HOUR),
        (DX, timedelta()),
        (DX, -3 * HOUR),
        (DX, HOUR),
        (DATADOG, timedelta()),
    ) == [differs("1 h 0 min", "ahead of", "Datadog"), differs("3 h 0 min", "behind", "DX")]


def test_where_nothing_was_sent_no_clock_is_doubted():
    assert of_clocks() == []


# --- times that clocks or people got wrong


def of_times(now=FINISHED, told=None, **given):
    """Return the doubts about a deployment that ended at `FINISHED`, as GitHub says."""
    happened = deployment_event("production") if told is None else told
    return [*doubts.of_times(inputs(**given), happened, resolved(), now)]


def starts_later(source, start, by):
    return Note(
        text=f"{source} ({start}) is {by} later than the finish (2026-05-11T09:34:40+00:00, from"
        " deployment_status.created_at), so the deployment is reported as if it took no time; let"
        " the runners set their clocks by NTP, or correct the time",
        topic=topic("clock-skew"),
    )


@pytest.mark.fault(105)
@pytest.mark.parametrize(
    ("start", "by"),
    [("09:34:41", "under 1 min"), ("09:35:39", "under 1 min"), ("09:39:40", "5 min")],
)
def test_a_start_that_was_cut_back_to_the_finish_is_told(start, by):
    moment = f"2026-05-11T{start}+00:00"
    assert of_times(started_at=moment) == [starts_later("`started-at`", moment, by)]


def test_a_start_that_a_program_sent_is_told_where_it_was_cut_back():
    start = Fact(value=FINISHED + HOUR, source="client_payload.started_at")
    told = replace(deployment_event("production"), started_at=start, is_told_afterwards=True)
    expected = starts_later("client_payload.started_at", "2026-05-11T10:34:40+00:00", "1 h 0 min")
    assert of_times(told=told) == [expected]
    assert of_times(told=told, started_at="2026-05-11T09:30:00Z") == []


@pytest.mark.parametrize("given", [{}, {"started_at": "2026-05-11T09:34:40.900Z"}])
def test_starts_before_the_finish_or_within_its_second_are_not_told(given):
    late = Fact(value=FINISHED + HOUR, source="deployment.created_at")
    assert of_times(told=replace(deployment_event("production"), started_at=late), **given) == []


@pytest.mark.fault(105)
@pytest.mark.parametrize(("ahead", "by"), [(timedelta(seconds=121), "2 min"), (HOUR, "1 h 0 min")])
def test_a_finish_ahead_of_the_clock_is_told(ahead, by):
    assert of_times(FINISHED - ahead) == [
        Note(
            text="the finish (2026-05-11T09:34:40+00:00, from deployment_status.created_at) is"
            f" {by} ahead of the runner's clock, and is sent as it is; check the time and its zone,"
            " or let the runner set its clock by NTP",
            topic=topic("clock-skew"),
        )
    ]


@pytest.mark.parametrize("ahead", [timedelta(minutes=2), -HOUR])
def test_a_finish_that_is_hardly_ahead_of_the_clock_is_not_told(ahead):
    assert of_times(FINISHED - ahead) == []
