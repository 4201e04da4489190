"""What was deployed before: many makers, records and runs, of which one is the right one.

Each test tells what happened, and then what is true of it, whatever GitHub's records look like.
Where they cannot tell, a report may say that it is not certain; it may never give a wrong list, or
a rollback that was none.
"""

import json
import re
from dataclasses import dataclass, replace

import pytest

from tests.end_to_end import stories
from tests.end_to_end.github.hosted import READS
from tests.end_to_end.makers import (
    MEANS,
    Maker,
    assert_not_certain,
    assert_right,
    assert_right_or_not_certain,
    is_first,
    is_not_certain,
    is_right,
    land,
    right,
    told,
)
from tests.end_to_end.receivers import Datadog
from tests.end_to_end.stories import RUN_ID, Report, Story

FILE = ".github/dora.yml"
SERVICES = "abcd"
FOLDERS = tuple(f"services/{name}" for name in SERVICES)
BY_PATH = "services:\n" + "".join(
    f'  {name}: {{paths: ["services/{name}/**"]}}\n' for name in SERVICES
)
ENVIRONMENTS = 'environments:\n  production: ["prod-*", "Production"]\n'
TOO_LONG = b'{"message": "Server Error: Sorry, this diff is taking too long to generate."}'

by_every_means = pytest.mark.parametrize("means", MEANS)
by_a_run = pytest.mark.parametrize("means", ["push", "workflow_run"])


@pytest.fixture
def deploy(story):
    """Return the workflow that deploys, the only one unless a test adds others."""
    return Maker(story=story)


@pytest.fixture
def base(history):
    return history.commit("main", {FILE: BY_PATH})


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A story, and whether GitHub tells which workflow each run is of."""

    story: Story
    knows_runs: bool
    registers: bool = True

    def maker(self, file: str) -> Maker:
        return Maker(story=self.story, file=file, registered=self.registers)

    def check(self, report: Report, expected: Report, head: str) -> None:
        if self.knows_runs:
            assert_right(report, expected)
        else:
            assert_right_or_not_certain(report, expected, self.story, head)


@pytest.fixture(params=["known runs", "forgotten runs", "runs that may not be read"])
def world(request, tmp_path):
    reads = READS - {"actions"} if request.param == "runs that may not be read" else READS
    with stories.story(tmp_path, permissions=reads) as begun:
        yield World(
            story=begun,
            knows_runs=request.param == "known runs",
            registers=request.param != "forgotten runs",
        )


def refuse_queries(asked):
    if asked.operation is None:
        return None
    return 403, {}, b'{"message": "Resource not accessible by integration"}'


def refuse_comparisons(asked):
    if "/compare/" not in asked.path:
        return None
    return 500, {"Content-Type": "application/json"}, TOO_LONG


def by_commit(story, head, **of_body):
    """Return the bodies of a report of which DX finds the changes itself."""
    return [story.body(head, by="commit", **of_body)]


# --- several workflows in one environment


def overlap(world):
    """Land 40 pull requests; deploy `a` with the 4th and 40th, all other services in between.

    Every workflow runs if its service was changed. Return the commit of the 4th and the last
    deployment of `a`.
    """
    makers = {name: world.maker(f"deploy-{name}.yml") for name in SERVICES}
    shas = [world.story.history.commit("main", {FILE: BY_PATH})]
    for maker in makers.values():
        maker.deploy(shas[0])
    for number in range(1, 41):
        shas += land(world.story, 1, *FOLDERS)
        name = SERVICES[number % 4]
        if name != "a" or number == 4:
            makers[name].deploy(shas[-1])
    return shas[4], makers["a"].deploy(shas[-1])


@by_every_means
def test_the_workflow_of_another_service_does_not_deploy_this_one(world, means):
    since, last = overlap(world)

    report = last.told(means, service="a")

    expected = right(world.story, last.sha, *range(5, 41), since=since, service="a")
    world.check(report, expected, last.sha)


@by_every_means
def test_a_service_with_paths_ships_what_touches_it_since_its_own_workflow_ran(world, means):
    since, last = overlap(world)

    report = last.told(means, service="a", config_file=FILE)

    service = {"identifier": "a"}
    exact = [world.story.body(last.sha, *range(8, 41, 4), service=service)]
    if world.knows_runs or not is_not_certain(report, world.story, last.sha):
        assert (report.to_dx, report.previous_sha, report.rollback) == (exact, since, False)


@by_every_means
@pytest.mark.parametrize("queued", [False, True])
def test_a_faster_pipeline_of_another_service_makes_no_rollback(world, means, queued):
    story = world.story
    slow, fast = world.maker("slow.yml"), world.maker("fast.yml")
    base = story.history.commit()
    slow.deploy(base)
    fast.deploy(base)
    first, second, third = land(story, 3)
    fast.deploy(first)
    slow.deploy(first)
    # GitHub makes the record when the job begins, which may be after the other pipeline's end.
    own = slow.begin(second, "queued", "in_progress") if queued else None
    fast.deploy(second)
    fast.deploy(third)
    own = own or slow.begin(second, "in_progress")
    own.end()

    world.check(own.told(means), right(story, second, 2, since=first), second)


@by_every_means
def test_a_nightly_smoke_test_between_two_deployments_deploys_nothing(story, deploy, base, means):
    smoke = Maker(story=story, file="smoke.yml")
    deploy.deploy(base)
    shas = land(story, 18)
    smoke.deploy(shas[7], event="schedule")
    smoke.deploy(shas[15], event="schedule")
    own = deploy.deploy(shas[17])

    assert_right(own.told(means), right(story, shas[17], *range(1, 19), since=base))


@by_every_means
@pytest.mark.parametrize("hidden", ["forgotten", "forbidden"])
def test_a_smoke_test_that_nothing_tells_from_a_deployment_counts_as_one(tmp_path, means, hidden):
    reads = READS - {"actions"} if hidden == "forbidden" else READS
    with stories.story(tmp_path, permissions=reads) as story:
        deploy, smoke = (
            Maker(story=story, file=file, registered=hidden == "forbidden")
            for file in ("deploy.yml", "smoke.yml")
        )
        base = story.history.commit()
        deploy.deploy(base)
        shas = land(story, 4)
        smoke.deploy(shas[1], event="schedule")
        own = deploy.deploy(shas[3])

        assert_right(own.told(means), right(story, own.sha, 3, 4, since=shas[1]))


@by_every_means
@pytest.mark.parametrize("status", [429, 502])
def test_a_smoke_test_does_not_count_as_a_deployment_while_github_is_busy(
    story, deploy, base, means, status
):
    def busy(asked):
        is_about_runs = asked.operation is not None and "query Workflows" in asked.operation
        return (status, {}, b"{}") if is_about_runs else None

    smoke = Maker(story=story, file="smoke.yml")
    deploy.deploy(base)
    shas = land(story, 4)
    smoke.deploy(shas[1], event="schedule")
    own = deploy.deploy(shas[3])
    story.github.fault = busy

    assert_not_certain(own.told(means), story, own.sha)


@by_every_means
@pytest.mark.parametrize("waits_already", [False, True])
def test_a_smoke_test_on_the_tip_makes_no_rollback_of_a_gated_deployment(
    world, means, waits_already
):
    story = world.story
    deploy, smoke = world.maker("deploy.yml"), world.maker("smoke.yml")
    base = story.history.commit()
    deploy.deploy(base)
    _, second, third = land(story, 3)
    own = deploy.begin(second, "waiting") if waits_already else None
    smoke.deploy(third, event="schedule")
    own = own or deploy.begin(second, "waiting")
    own.end()

    world.check(own.told(means), right(story, second, 1, 2, since=base), second)


@pytest.mark.parametrize("reported_late", [False, True])
def test_the_reporting_jobs_own_environment_makes_no_rollback(world, reported_late):
    story = world.story
    deploy, reporter = world.maker("deploy.yml"), world.maker("report.yml")
    base = story.history.commit()
    deploy.deploy(base)
    _, second, third = land(story, 3)
    # GitHub runs what follows a run on the tip of the default branch.
    reporter.deploy(third if reported_late else base, event="workflow_run")
    own = deploy.deploy(second)
    reporting = reporter.begin(third, "in_progress", event="workflow_run")
    event = own.event("workflow_run").within(reporting.run)

    world.check(told(story, event), right(story, second, 1, 2, since=base), second)


def test_the_reporting_job_before_did_not_deploy_the_tip(world):
    story = world.story
    deploy, reporter = world.maker("deploy.yml"), world.maker("report.yml")
    base = story.history.commit()
    deploy.deploy(base)
    _, second, third = land(story, 3)
    deploy.deploy(second)
    reporter.deploy(third, event="workflow_run")
    own = deploy.deploy(third)
    reporting = reporter.begin(third, "in_progress", event="workflow_run")
    event = own.event("workflow_run").within(reporting.run)

    world.check(told(story, event), right(story, third, 3, since=second), third)


def test_a_reporting_job_in_the_deploying_run_adds_a_record_and_no_deployment(story, deploy, base):
    for sha in (base, *land(story, 2)):
        own = deploy.deploy(sha)
        deploy.begin(sha, "in_progress", run=own.run)

    assert_right(own.told("push"), right(story, own.sha, 2, since=story.merge_commit(1)))


@by_every_means
def test_the_first_deployment_of_a_new_service_ships_nothing_of_the_others(world, means):
    story = world.story
    old, new = world.maker("old.yml"), world.maker("new.yml")
    old.deploy(story.history.commit())
    first, _, third = land(story, 3)
    old.deploy(first)
    own = new.deploy(third)

    report = own.told(means, service="new")

    if not world.knows_runs:  # nothing tells it from the old one
        assert_right(report, right(story, third, 2, 3, since=first, service="new"))
        return
    assert report.to_dx == by_commit(story, third, service={"identifier": "new"})
    assert not report.rollback


@by_every_means
def test_a_workflow_under_a_new_name_goes_on_or_leaves_it_open(story, base, means):
    old, new = (Maker(story=story, file=file) for file in ("deploy.yml", "release.yml"))
    old.deploy(base)
    first, _, third = land(story, 3)
    old.deploy(first)
    own = new.deploy(third)

    expected = right(story, third, 2, 3, since=first)
    assert_right_or_not_certain(own.told(means), expected, story, third)


# --- what tells makers apart where runs do not


def test_an_app_and_a_workflow_are_two_makers_even_if_runs_are_forgotten(story, base):
    web = Maker(story=story, file=None, creator="vercel[bot]")
    api = Maker(story=story, registered=False)
    for maker in (web, api):
        maker.deploy(base)
    first, second, third = land(story, 3)
    api.deploy(first)
    web.deploy(second)
    of_api = api.deploy(third)
    report_of_api = of_api.told(service="api")
    report_of_web = web.deploy(third).told(service="web")

    expected = right(story, third, 2, 3, since=first, service="api")
    assert_right_or_not_certain(report_of_api, expected, story, third)
    expected = right(story, third, 3, since=second, service="web")
    assert_right_or_not_certain(report_of_web, expected, story, third)


@by_every_means
def test_whoever_starts_the_runs_of_a_workflow_it_is_one_maker(world, means):
    story, deploy = world.story, world.maker("deploy.yml")
    deploy.creator = "renovate[bot]"
    deploy.deploy(story.history.commit())
    first, second, third = land(story, 3)
    for sha, creator in ((first, "ada"), (second, "mergify[bot]"), (third, "renovate[bot]")):
        deploy.creator = creator
        own = deploy.deploy(sha)

    assert_right(own.told(means), right(story, third, 3, since=second))


@by_every_means
def test_an_app_and_a_workflow_are_two_makers_whoever_starts_its_runs(world, means):
    story, deploy = world.story, world.maker("deploy.yml")
    deploy.creator = "ada"
    base = story.history.commit()
    deploy.deploy(base)
    vercel = Maker(story=story, file=None, creator="vercel[bot]")
    first, second = land(story, 2)
    vercel.deploy(first)
    own = deploy.deploy(second)

    world.check(own.told(means), right(story, second, 1, 2, since=base), second)


def test_two_apps_are_two_makers(story, base):
    web, api = (
        Maker(story=story, file=None, creator=creator) for creator in ("vercel[bot]", "argo[bot]")
    )
    for maker in (web, api):
        maker.deploy(base)
    first, second, third = land(story, 3)
    api.deploy(first)
    web.deploy(second)

    report = api.deploy(third).told(service="api")

    expected = right(story, third, 2, 3, since=first, service="api")
    assert_right_or_not_certain(report, expected, story, third)


@pytest.mark.parametrize("as_text", [False, True])
def test_the_service_in_the_payload_tells_one_tools_deployments_apart(story, base, as_text):
    def argo(payload):
        written = json.dumps(payload) if as_text else payload
        return Maker(story=story, file=None, creator="argo[bot]", payload=written)

    cart, mail, both = (
        argo({"service": "cart"}),
        argo({"service": "mail"}),
        argo({"services": ["cart", "mail"]}),
    )
    both.deploy(base)
    first, second, third, fourth = land(story, 4)
    of_first = cart.deploy(first).told(service="cart")
    of_second = mail.deploy(second).told(service="mail")
    of_third = cart.deploy(third).told(service="cart")
    of_fourth = mail.deploy(fourth).told(service="mail")

    for report, head, since, numbers, service in (
        (of_first, first, base, [1], "cart"),
        (of_second, second, base, [1, 2], "mail"),
        (of_third, third, first, [2, 3], "cart"),
        (of_fourth, fourth, second, [3, 4], "mail"),
    ):
        expected = right(story, head, *numbers, since=since, service=service)
        if as_text:
            assert_right_or_not_certain(report, expected, story, head)
        else:
            assert_right(report, expected)


# --- many records since the last success


@by_every_means
def test_a_payload_may_name_the_service_otherwise_than_the_report(world, means):
    deploy = world.maker("deploy.yml")
    deploy.payload = {"service": "shop-api"}
    base = world.story.history.commit()
    deploy.deploy(base)
    (head,) = land(world.story, 1)
    own = deploy.deploy(head)

    assert_right(own.told(means), right(world.story, head, 1, since=base))


@pytest.mark.parametrize("named", ["task", "payload"])
@pytest.mark.parametrize("way", ["repository_dispatch", "workflow_dispatch", "schedule"])
def test_what_a_tool_calls_otherwise_is_not_the_first_deployment(story, history, base, named, way):
    told_by = {"task": {"task": "deploy:all"}, "payload": {"payload": {"service": "shop-api"}}}
    history.deploy(base, creator="argo[bot]", **told_by[named])
    (head,) = land(story, 1)
    event, given = sent_by(story, way, head)

    assert_not_certain(told(story, event, **given), story, head)


@pytest.mark.parametrize("waiting", [99, 100, 150, 350])
@by_every_means
def test_approvals_that_nobody_gave_hide_no_success(story, deploy, base, means, waiting):
    deploy.deploy(base)
    first, second = land(story, 2)
    for _ in range(waiting):
        deploy.begin(first, "waiting")
    own = deploy.deploy(second)

    assert_right(own.told(means), right(story, second, 1, 2, since=base))


@pytest.mark.parametrize("waiting", [20, 99, 150])
@by_every_means
def test_without_queries_many_records_make_no_first_deployment(story, deploy, base, means, waiting):
    deploy.deploy(base)
    first, second = land(story, 2)
    for _ in range(waiting):
        deploy.begin(first, "waiting")
    own = deploy.deploy(second)
    story.github.fault = refuse_queries

    report = own.told(means)

    if waiting == 150:
        assert_not_certain(report, story, second, dated=means == "push")
    else:
        assert_right(report, right(story, second, 1, 2, since=base, begun=False))


@by_every_means
def test_without_queries_the_deployment_before_is_found_among_few(story, deploy, base, means):
    deploy.deploy(base)
    first, second = land(story, 2)
    deploy.begin(first, "waiting")
    own = deploy.deploy(second)
    story.github.fault = refuse_queries

    expected = right(story, second, 1, 2, since=base, begun=False)
    assert_right_or_not_certain(own.told(means), expected, story, second)


@by_every_means
def test_without_queries_previews_hide_no_deployment(story, deploy, base, means):
    deploy.deploy(base)
    *earlier, last = land(story, 25)
    for sha in earlier:
        deploy.deploy(sha)
    for number in range(19):
        story.history.deploy(earlier[-1], f"preview-{number}")
    own = deploy.deploy(last)
    story.github.fault = refuse_queries

    assert_right(own.told(means), right(story, last, 25, since=earlier[-1], begun=False))


@pytest.mark.parametrize("queries", [True, False])
def test_many_records_do_not_deploy_every_service(story, deploy, base, queries):
    deploy.deploy(base)
    land(story, 2, "services/b")
    head = story.merge_commit(2)
    for _ in range(120):
        deploy.begin(head, "waiting")
    own = deploy.deploy(head)
    story.github.fault = None if queries else refuse_queries

    report = own.told("push", service="")

    assert report.services == ("b",)


def test_a_hundred_commits_cost_four_points_and_five_requests(story, deploy, base):
    deploy.deploy(base)
    shas = land(story, 100)
    own = deploy.deploy(shas[-1])

    report = own.told("push")

    assert_right(report, right(story, shas[-1], *range(1, 101), since=base))
    assert story.github.spent("graphql") == 4  # two of them for the records and their workflows
    assert len(story.github.asked) == 5


# --- failures


def test_a_failed_deployment_ships_nothing_and_the_next_success_ships_it_all(story, deploy, base):
    deploy.deploy(base)
    since, pending, reported = base, [], []
    for number in range(9):
        shas = land(story, 3)
        pending += range(3 * number + 1, 3 * number + 4)
        own = deploy.begin(shas[-1], "in_progress")
        if number in {2, 3, 6}:
            own.end("failure" if number == 2 else "error")
            failed = own.told()
            expected = right(story, own.sha, by="commit", success=False)
            assert_right(replace(failed, previous_sha=""), expected)
        else:
            own.end()
            report = own.told()
            assert_right(report, right(story, own.sha, *pending, since=since))
            reported += report.pull_requests
            since, pending = own.sha, []
    assert reported == [*range(1, 28)]


@by_a_run
def test_a_failed_run_that_is_reported_ships_nothing(story, deploy, base, means):
    deploy.deploy(base)
    (first,) = land(story, 1)
    own = deploy.begin(first, "in_progress")
    own.end("failure")

    report = own.told(means, success="false")

    expected = right(story, first, by="commit", success=False)
    assert_right(replace(report, previous_sha="", pull_requests=[], merge_commit_shas=[]), expected)


@by_every_means
def test_what_was_superseded_before_it_succeeded_shipped_nothing(story, deploy, base, means):
    deploy.deploy(base)
    first, second = land(story, 2)
    deploy.begin(first, "queued", "in_progress", "inactive")
    own = deploy.deploy(second)

    assert_right(own.told(means), right(story, second, 1, 2, since=base))


@by_every_means
def test_a_second_attempt_ships_what_the_failed_first_did_not(story, deploy, base, means):
    deploy.deploy(base)
    (first,) = land(story, 1)
    own = deploy.begin(first, "in_progress")
    own.end("failure")

    assert_right(own.rerun().told(means), right(story, first, 1, since=base))


# --- runs that run again


@by_every_means
def test_rerunning_all_jobs_of_an_older_run_is_a_rollback_of_its_own(story, deploy, base, means):
    deploy.deploy(base)
    first, second, third = land(story, 3)
    older = deploy.deploy(first)
    of_first = older.told(means)
    of_second = deploy.deploy(second).told(means)
    again = older.rerun()
    of_rollback = again.told(means)
    of_third = deploy.deploy(third).told(means)

    assert_right(of_first, right(story, first, 1, since=base))
    assert_right(of_second, right(story, second, 2, since=first))
    assert_right(of_rollback, right(story, first, since=second, by="commit", rollback=True))
    assert_right(of_third, right(story, third, 2, 3, since=first))
    assert len({*of_first.ids, *of_second.ids, *of_rollback.ids, *of_third.ids}) == 4


@by_every_means
def test_rerunning_all_jobs_on_the_same_commit_is_a_redeployment(story, deploy, base, means):
    deploy.deploy(base)
    first, second = land(story, 2)
    own = deploy.deploy(first)
    of_first = own.told(means)
    of_second = own.rerun().told(means)
    of_third = own.rerun().told(means)
    of_fourth = deploy.deploy(second).told(means)

    assert_right(of_first, right(story, first, 1, since=base))
    for report in (of_second, of_third):
        assert_right(report, right(story, first, since=first, by="commit"))
    assert_right(of_fourth, right(story, second, 2, since=first))
    assert len({*of_first.ids, *of_second.ids, *of_third.ids}) == 3


@pytest.mark.parametrize("deploys", [True, False])
def test_only_an_attempt_that_reports_the_same_again_warns_of_it(story, deploy, base, deploys):
    deploy.deploy(base)
    own = deploy.deploy(*land(story, 1))
    event = own.event("push").within(own.run, own.rerun(deploys=deploys).attempt)
    key = "0123456789abcdef0123456789abcdef"

    with Datadog(api_key=key) as datadog:
        finished, _ = story.run(event, datadog_api_key=key, datadog_site=datadog.url)

    warns = "this is attempt 2 of the run, so Datadog is sent the same id" in finished.log
    assert (finished.exit_code, warns) == (0, not deploys)


@by_every_means
@pytest.mark.parametrize("overtaken", [False, True])
def test_rerunning_the_reporting_job_alone_reports_the_same_again(
    story, deploy, base, means, overtaken
):
    deploy.deploy(base)
    first, second = land(story, 2)
    own = deploy.deploy(first)
    event = own.event(means)
    once = told(story, event)
    if overtaken:
        deploy.deploy(second)
    if means == "push":  # the reporting job is one of the run that deploys
        attempt = own.rerun(deploys=False).attempt
        event = event.within(own.run, attempt)
    else:
        event = event.within(int(RUN_ID), 2)
    twice = told(story, event)

    assert_right(once, right(story, first, 1, since=base))
    assert_right(twice, once)
    assert twice.ids == once.ids


@by_every_means
def test_a_rollback_by_the_same_workflow_is_one(story, deploy, base, means):
    deploy.deploy(base)
    first, second, third = land(story, 3)
    deploy.deploy(first)
    deploy.deploy(second)
    of_rollback = deploy.deploy(first, event="workflow_dispatch").told(means)
    of_third = deploy.deploy(third).told(means)

    assert_right(of_rollback, right(story, first, since=second, by="commit", rollback=True))
    assert_right(of_third, right(story, third, 2, 3, since=first))


# --- the order is that of the ends


@by_every_means
def test_a_run_that_was_approved_late_takes_back_what_overtook_it(story, deploy, base, means):
    deploy.deploy(base)
    first, second, third = land(story, 3)
    waiting = deploy.begin(first, "waiting")
    of_second = deploy.deploy(second).told(means)
    waiting.end()
    of_first = waiting.told(means)
    of_third = deploy.deploy(third).told(means)

    assert_right(of_second, right(story, second, 1, 2, since=base))
    assert_right(of_first, right(story, first, since=second, by="commit", rollback=True))
    assert_right(of_third, right(story, third, 2, 3, since=first))


@pytest.mark.parametrize("is_newer_first", [False, True])
def test_of_two_that_end_in_the_same_second_the_later_record_is_the_last(
    story, deploy, base, is_newer_first
):
    deploy.deploy(base)
    first, second, third = land(story, 3)
    commits = (second, first) if is_newer_first else (first, second)
    records = [deploy.begin(sha, "in_progress") for sha in commits]
    moment = story.history.tick()
    for record in reversed(records):
        record.end(at=moment)
    own = deploy.deploy(third)

    numbers = (2, 3) if is_newer_first else (3,)
    assert_right(own.told(), right(story, third, *numbers, since=commits[-1]))


@by_every_means
def test_what_is_inactive_by_now_has_succeeded_when_it_did(story, deploy, base, means):
    deploy.deploy(base)
    first, second, third = land(story, 3)
    deploy.deploy(first)
    deploy.deploy(second).end("failure")  # after its success, which counts
    own = deploy.deploy(third)

    assert_right(own.told(means), right(story, third, 3, since=second))


# --- a tool that makes its record and then reports it


def sent_by(story, way, sha):
    """Return the event by which a tool tells what it has deployed, and the inputs for it."""
    tip = story.history.branches["main"]
    if way == "repository_dispatch":
        return story.repository_dispatch(tip, sha=sha, environment="production"), {}
    if way == "workflow_dispatch":
        return story.dispatch(tip, sha=sha), {}
    return story.scheduled(tip), {"commit_sha": sha}


by_every_way = pytest.mark.parametrize(
    "way", ["repository_dispatch", "workflow_dispatch", "schedule"]
)


@pytest.fixture
def argo(story):
    return Maker(story=story, file=None, creator="argo[bot]")


@by_every_way
def test_the_record_that_a_tool_made_of_this_very_deployment_is_not_the_one_before(
    story, argo, base, way
):
    argo.deploy(base)
    head = land(story, 3)[-1]
    argo.deploy(head)
    event, given = sent_by(story, way, head)

    assert_right(told(story, event, **given), right(story, head, 1, 2, 3, since=base))


@by_every_way
def test_a_tool_that_deploys_the_same_commit_twice_redeploys_it(story, argo, base, way):
    argo.deploy(base)
    head = land(story, 2)[-1]
    argo.deploy(head)
    event, given = sent_by(story, way, head)
    first = told(story, event, **given)
    argo.deploy(head)
    event, given = sent_by(story, way, head)
    second = told(story, event.within(8_412_399_002), **given)

    assert_right(first, right(story, head, 1, 2, since=base))
    redeployed = right(story, head, since=head, by="commit")
    assert_right_or_not_certain(second, redeployed, story, head)


@by_every_way
def test_a_tool_that_tells_late_takes_nothing_back(story, argo, base, way):
    argo.deploy(base)
    _, second, third = land(story, 3)
    argo.deploy(second)
    event, given = sent_by(story, way, second)
    argo.deploy(third)

    expected = right(story, second, 1, 2, since=base)
    assert_right_or_not_certain(told(story, event, **given), expected, story, second)


@by_every_way
def test_a_tool_that_takes_back_a_commit_rolls_back(story, argo, base, way):
    argo.deploy(base)
    first, second = land(story, 2)
    argo.deploy(first)
    argo.deploy(second)
    argo.deploy(first)
    event, given = sent_by(story, way, first)

    expected = right(story, first, since=second, by="commit", rollback=True)
    assert_right_or_not_certain(told(story, event, **given), expected, story, first)


def test_what_a_tool_deploys_for_another_service_makes_no_rollback(story, argo, base):
    argo.deploy(base)
    _, second, third = land(story, 3)
    argo.deploy(third)
    slow = argo.deploy(second)  # of another service, which nothing says

    assert_not_certain(slow.told(), story, second)


# --- the environment by GitHub's name


@by_every_means
@pytest.mark.parametrize("raw", ["prod-eu", "Production"])
@pytest.mark.parametrize("by", ["input", "map", "file"])
def test_the_environment_is_looked_for_by_githubs_own_name(story, history, means, raw, by):
    written = ENVIRONMENTS if by == "file" else BY_PATH
    base = history.commit("main", {FILE: written})
    deploy = Maker(story=story, environment=raw)
    deploy.deploy(base)
    deploy.deploy(base, environment="staging")
    first, _, third = land(story, 3)
    deploy.deploy(first, environment="prod-us")
    deploy.deploy(first, environment="staging")
    own = deploy.deploy(third)
    given = {
        "input": {"environment": "production"},
        "map": {"environment_map": "prod-*=production"},
        "file": {"config_file": FILE},
    }[by]

    expected = right(story, third, 1, 2, 3, since=base)
    if by == "input" and raw == "prod-eu" and means != "deployment_status":
        # The run may as well have deployed to production without a record, and to `prod-eu`.
        assert_not_certain(own.told(means, **given), story, third)
    else:
        assert_right(own.told(means, **given), expected)


@pytest.mark.parametrize("given", [{}, {"environment": "production"}])
def test_a_job_that_reports_is_in_its_own_environment_whatever_that_is_called(story, base, given):
    deploy = Maker(story=story, environment="prod-eu")
    deploy.deploy(base)
    (head,) = land(story, 1)
    own = deploy.begin(head, "in_progress")

    assert_right(own.told("push", **given), right(story, head, 1, since=base))


@by_every_means
@pytest.mark.parametrize(
    ("before", "after"),
    [("Production", "production"), ("staging", "Staging"), ("QA-EU", "qa-eu"), ("qa-EU", "QA-EU")],
)
def test_an_environment_in_other_capitals_is_the_same_one(
    story, deploy, base, means, before, after
):
    deploy.deploy(base, environment=before)
    (head,) = land(story, 1)
    own = deploy.deploy(head, environment=after)

    report = own.told(means, environment=after)

    assert_right(report, right(story, head, 1, since=base, environment=after))


def test_a_name_that_maps_to_the_reported_one_is_looked_at_without_a_record_of_this_run(world):
    story = world.story
    base = story.history.commit()
    tool = Maker(story=story, file=None, creator="argo[bot]", environment="Production")
    tool.deploy(base)
    head = land(story, 2)[-1]
    event = story.push(head, story.merge_commit(1), pushed_at=story.history.now)

    expected = right(story, head, 1, 2, since=base)
    assert_right_or_not_certain(told(story, event), expected, story, head)


@by_every_means
def test_githubs_own_name_of_an_environment_is_not_guessed_where_little_may_be_read(world, means):
    story = world.story
    base = story.history.commit()
    deploy = Maker(story=story, environment="prod-eu", registered=world.registers)
    deploy.deploy(base)
    first, second = land(story, 2)
    deploy.deploy(first, environment="prod-us")
    own = deploy.deploy(second)

    report = own.told(means, environment_map="prod-*=production")

    world.check(report, right(story, second, 1, 2, since=base), second)


# --- reports that come late, and records that do


@by_every_means
def test_a_late_report_is_of_what_was_there_when_its_own_run_deployed(story, deploy, base, means):
    deploy.deploy(base)
    first, second = land(story, 2)
    own = deploy.deploy(first)
    event = own.event(means)
    deploy.deploy(second)

    assert_right(told(story, event), right(story, first, 1, since=base))


def test_a_late_report_on_push_without_a_record_of_its_own_is_no_rollback(
    story, history, argo, base
):
    argo.deploy(base)
    first, second = land(story, 2)
    event = story.push(first, base, pushed_at=history.now)
    argo.deploy(first)
    argo.deploy(second)

    expected = right(story, first, 1, since=base)
    assert_right_or_not_certain(told(story, event), expected, story, first)


def test_a_late_report_on_push_without_any_record_of_its_commit_is_no_rollback(
    story, history, argo, base
):
    argo.deploy(base)
    first, second = land(story, 2)
    event = story.push(first, base, pushed_at=history.now)
    argo.deploy(second)

    expected = right(story, first, 1, since=base)
    assert_right_or_not_certain(told(story, event), expected, story, first)


def test_two_pushes_within_minutes_ship_each_pull_request_once(story, history, argo, base):
    argo.deploy(base)
    first, second = land(story, 2)
    event = story.push(first, base, pushed_at=history.tick())
    next_event = story.push(second, first, pushed_at=history.tick())
    of_first, of_second = told(story, event), told(story, next_event)

    expected = right(story, first, 1, since=base)
    assert_right_or_not_certain(of_first, expected, story, first)
    expected = right(story, second, 2, since=first)
    assert_right_or_not_certain(of_second, expected, story, second)


def test_two_pushes_whose_runs_overlap_ship_each_pull_request_once(story, deploy, base):
    deploy.deploy(base)
    first, second = land(story, 2)
    one = deploy.begin(first, "in_progress")
    two = deploy.begin(second, "in_progress")
    one.end()
    of_first = one.told("push")
    two.end()
    of_second = two.told("push")

    assert_right(of_first, right(story, first, 1, since=base))
    assert_right(of_second, right(story, second, 2, since=first))


def test_pushes_without_any_record_are_told_by_the_commit(story, base):
    first, second = land(story, 2)
    of_first = told(story, story.push(first, base))
    of_second = told(story, story.push(second, first))

    as_commit = {"by": "commit", "begun": False}
    assert_right(of_first, right(story, first, 1, since=base, **as_commit))
    assert_right(of_second, right(story, second, 2, since=first, **as_commit))


# --- one run, several records; no record before


@by_a_run
def test_a_matrix_of_records_in_one_run_is_one_deployment(story, deploy, base, means):
    def deployed(sha):
        first = deploy.deploy(sha)
        return [first, *(deploy.deploy(sha, run=first.run) for _ in range(2))]

    deployed(base)
    first, second = land(story, 2)
    of_first = deployed(first)[0].told(means)
    of_second = deployed(second)[2].told(means)

    assert_right(of_first, right(story, first, 1, since=base))
    assert_right(of_second, right(story, second, 2, since=first))


def test_each_record_of_a_matrix_ships_the_same_or_nothing(story, deploy, base):
    deploy.deploy(base)
    (head,) = land(story, 1)
    own = deploy.deploy(head)
    reports = [own.told(), *(deploy.deploy(head, run=own.run).told() for _ in range(2))]

    shipping = right(story, head, 1, since=base)
    assert_right(reports[0], shipping)
    redeploying = right(story, head, since=head, by="commit")
    for report in reports[1:]:
        is_open = is_not_certain(report, story, head)
        assert is_open or is_right(report, shipping) or is_right(report, redeploying), report


@pytest.mark.parametrize("means", ["deployment_status", "workflow_run"])
def test_the_first_deployment_ever_is_said_to_be_the_first(story, deploy, base, means):
    (head,) = land(story, 1)
    deploy.deploy(base, environment="staging")
    deploy.begin(base, "waiting")
    report = deploy.deploy(head).told(means)

    assert_right(report, right(story, head, by="commit"))
    assert is_first(report)


# --- what else is unknown in a range


def test_a_pull_request_whose_merge_commit_github_does_not_give_is_counted_or_the_list_open(
    story, deploy, base
):
    deploy.deploy(base)
    head = land(story, 3)[-1]
    story.history.hide_merge_commit(2)
    report = deploy.deploy(head).told()

    expected = right(story, head, 1, 2, 3, since=base)
    if not is_right(report, expected):
        assert report.to_dx == by_commit(story, head, begun=False)
        assert report.warnings


@by_every_means
def test_a_comparison_that_github_cannot_make_is_replaced_by_the_list_of_commits(
    story, deploy, base, means
):
    deploy.deploy(base)
    head = land(story, 3)[-1]
    own = deploy.deploy(head)
    story.github.fault = refuse_comparisons

    assert_right(own.told(means), right(story, head, 1, 2, 3, since=base))


def test_a_comparison_that_github_cannot_make_hides_no_rollback_and_invents_none(
    story, deploy, base
):
    deploy.deploy(base)
    first, second = land(story, 2)
    deploy.deploy(first)
    deploy.deploy(second)
    own = deploy.deploy(first)
    story.github.fault = refuse_comparisons

    expected = right(story, first, since=second, by="commit", rollback=True)
    assert_right_or_not_certain(own.told(), expected, story, first)


def test_many_direct_commits_deploy_the_services_that_they_touch(story, deploy, base):
    deploy.deploy(base)
    for number in range(150):
        head = story.history.commit("main", {"services/b/number.txt": f"{number}\n"})
    own = deploy.deploy(head)

    report = own.told("push", service="")

    service = {"identifier": "b"}
    expected = right(story, head, since=base, by="commit")
    expected = replace(expected, services=("b",), to_dx=by_commit(story, head, service=service))
    assert_right(report, expected)


def test_a_previous_sha_by_hand_makes_everything_certain_again(story, base):
    deploy, smoke = (
        Maker(story=story, file=file, registered=False) for file in ("deploy.yml", "smoke.yml")
    )
    deploy.deploy(base)
    _, second, third = land(story, 3)
    own = deploy.begin(second, "waiting")
    smoke.deploy(third)
    own.end()

    assert_right(own.told(previous_sha=base), right(story, second, 1, 2, since=base))


@pytest.mark.usefixtures("base")
def test_a_list_that_cannot_be_read_to_its_end_is_not_certain(story, deploy):
    first, second = land(story, 2)
    for _ in range(150):
        deploy.begin(first, "waiting")
    own = deploy.deploy(second)
    pages = []

    def fail_later_pages(asked):
        if "deployments" not in (asked.operation or asked.path):
            return None
        pages.append(asked)
        return None if len(pages) == 1 else (502, {}, b"<html>Bad gateway</html>")

    story.github.fault = fail_later_pages

    assert_not_certain(own.told(), story, second)


# --- environments that name a service

DASH = "\N{EN DASH}"  # Vercel's own
OF_SERVICES = f"""\
services:
  web:
    paths: ["web/**"]
    environments: ["Production {DASH} web", "web-*"]
  api:
    paths: ["api/**"]
    environments: ["Production {DASH} api"]
environments:
  production: ["Production {DASH} *", "web-*"]
"""


@pytest.fixture
def vercel(story):
    """Return the app's deployments of two projects, each with an environment of its own."""
    story.history.commit("main", {FILE: OF_SERVICES})
    return {
        name: Maker(
            story=story,
            file=None,
            creator="vercel[bot]",
            environment=f"Production {DASH} {name}",
        )
        for name in ("web", "api")
    }


def test_one_push_to_the_environments_of_two_services_is_a_deployment_of_each(story, vercel):
    base = story.history.branches["main"]
    for maker in vercel.values():
        maker.deploy(base)
    head = land(story, 3, "api", "web")[-1]
    of_web = vercel["web"].deploy(head).told(service="")
    of_api = vercel["api"].deploy(head).told(service="")

    for report, name, numbers in ((of_web, "web", (1, 3)), (of_api, "api", (2,))):
        service = {"identifier": name}
        assert report.services == (name,)
        assert report.to_dx == [story.body(head, *numbers, service=service)]
        assert (report.previous_sha, report.rollback) == (base, False)


def test_the_environment_of_one_service_is_not_deployed_to_by_another(story, vercel):
    base = story.history.branches["main"]
    for maker in vercel.values():
        maker.deploy(base)
    first, second = land(story, 2, "web")
    vercel["web"].deploy(first)
    vercel["api"].deploy(second)
    report = vercel["web"].deploy(second).told(service="")

    assert report.services == ("web",)
    assert report.to_dx == [story.body(second, 2, service={"identifier": "web"})]
    assert (report.previous_sha, report.rollback) == (first, False)


def test_a_service_that_is_named_wins_over_that_of_the_environment(story, vercel):
    base = story.history.branches["main"]
    vercel["web"].deploy(base)
    (head,) = land(story, 1, "web")

    report = vercel["web"].deploy(head).told(service="shop", config_file=FILE)

    assert_right(report, right(story, head, 1, since=base))


# --- promotions that copy commits


def queries(story):
    """Return the names of the queries that GitHub was asked."""
    asked = (re.search(r"query (\w+)", each.operation or "") for each in story.github.asked)
    return [found[1] for found in asked if found]


@pytest.mark.parametrize("method", ["squash", "rebase"])
def test_a_promotion_ships_the_pull_requests_behind_it_or_leaves_them_open(story, history, method):
    history.commit()
    base = history.branch("release")
    deploy = Maker(story=story)
    deploy.deploy(base)
    land(story, 2)
    history.open_pull("main", "release")
    head = history.merge_pull(3, method)
    report = deploy.deploy(head).told()

    assert_right(report, right(story, head, 1, 2, 3, since=base))


@by_every_means
@pytest.mark.parametrize("method", ["squash", "rebase"])
def test_a_promotion_to_the_default_branch_ships_what_came_since_the_last_one(
    story, history, deploy, base, means, method
):
    deploy.deploy(base)
    history.branch("develop", base)
    for file in ("a.txt", "b.txt"):
        story.landed("squash", file, base="develop")
    history.open_pull("develop")
    first = deploy.deploy(history.merge_pull(3, method))
    report_of_first = first.told(means)
    story.landed("merge", "c.txt", base="develop")
    history.open_pull("develop")
    second = deploy.deploy(history.merge_pull(5, method))
    story.github.asked.clear()
    report_of_second = second.told(means)

    assert_right(report_of_first, right(story, first.sha, 1, 2, 3, since=base))
    assert_right(report_of_second, right(story, second.sha, 4, 5, since=first.sha))
    assert queries(story)[-3:] == ["Details", "Branches", "Details"]


def test_a_long_title_hides_no_pull_request_of_a_stack(story, history, deploy, base):
    deploy.deploy(base)
    history.branch("feature", base)
    history.branch("inner", "feature")
    history.commit("inner", {"inner.txt": "1"})
    history.merge_pull(history.open_pull("inner", "feature", title="Long " * 20), "squash")
    history.open_pull("feature")
    head = history.merge_pull(2, "squash")
    report = deploy.deploy(head).told()

    assert_right(report, right(story, head, 1, 2, since=base))


@pytest.mark.parametrize("method", ["squash", "rebase", "merge"])
def test_pull_requests_of_the_usual_kind_cost_no_request_more(story, history, deploy, base, method):
    deploy.deploy(base)
    for number in range(1, 4):
        story.landed(method, f"{number}.txt", f"{number}.md")
    history.branch("fork", base)
    history.commit("fork", {"fork.txt": "1"})
    history.open_pull("fork", fork_branch="main")
    head = history.merge_pull(4, method)
    own = deploy.deploy(head)
    report = own.told()

    assert_right(report, right(story, head, 1, 2, 3, 4, since=base))
    assert queries(story) == ["Past", "Workflows", "PullsByCommit", "Details"]


@pytest.mark.parametrize("after", [0, 100])
def test_a_promotion_of_very_many_commits_says_that_others_may_be_behind_it(
    story, history, deploy, base, after
):
    deploy.deploy(base)
    history.branch("develop", base)
    for number in range(100 - after):
        history.commit("develop", {"file.txt": f"before {number}"})
    story.landed("squash", "a.txt", base="develop")
    for number in range(after):
        history.commit("develop", {"file.txt": f"after {number}"})
    history.open_pull("develop")
    head = history.merge_pull(2, "squash")
    report = deploy.deploy(head).told()

    if after:
        assert_right(report, right(story, head, 1, 2, since=base))
    else:
        assert_not_certain(report, story, head)
        (warning,) = report.warnings
        assert warning == (
            "#2 was merged by squash or rebase from a branch that other pull requests may have been"
            " merged into, and these could not be looked up: GitHub does not list all of them"
            " (merge such a branch with a merge commit, or list what is shipped in"
            " `merge-commit-shas`); so not all of the shipped pull requests are known"
        )


def test_a_promotion_that_cannot_be_looked_into_is_told_by_the_commit(story, history, deploy, base):
    deploy.deploy(base)
    history.branch("develop", base)
    story.landed("squash", "a.txt", base="develop")
    history.open_pull("develop")
    head = history.merge_pull(2, "squash")
    own = deploy.deploy(head)

    def refuse(asked):
        is_asked = "query Branches" in (asked.operation or "")
        return (502, {}, b"<html>Bad gateway</html>") if is_asked else None

    story.github.fault = refuse

    assert_not_certain(own.told(), story, head)


def test_what_was_deployed_from_the_branch_itself_is_not_shipped_by_its_promotion(
    story, history, deploy, base
):
    deploy.deploy(base)
    history.branch("develop", base)
    story.landed("squash", "a.txt", base="develop")
    of_branch = deploy.deploy(history.branches["develop"])
    story.landed("squash", "b.txt", base="develop")
    history.open_pull("develop")
    head = history.merge_pull(3, "squash")
    report = deploy.deploy(head).told()

    assert_right(report, right(story, head, 2, 3, since=of_branch.sha))


def test_a_rollback_to_before_a_promotion_asks_nothing_about_it(story, history, deploy, base):
    deploy.deploy(base)
    history.branch("develop", base)
    story.landed("squash", "a.txt", base="develop")
    history.open_pull("develop")
    head = history.merge_pull(2, "squash")
    deploy.deploy(head)
    report = deploy.deploy(base).told()

    assert_right(report, right(story, base, since=head, by="commit", rollback=True))
    assert "Branches" not in queries(story)
    assert "Details" not in queries(story)


@pytest.mark.parametrize("method", ["squash", "rebase"])
def test_a_stack_that_is_merged_as_copies_ships_what_was_merged_into_it(
    story, history, deploy, base, method
):
    deploy.deploy(base)
    history.branch("feature")
    history.commit("feature", {"outer.txt": "1"})
    story.landed("squash", "inner.txt", base="feature")
    history.open_pull("feature")
    head = history.merge_pull(2, method)
    report = deploy.deploy(head).told()

    assert_right(report, right(story, head, 1, 2, since=base))


# --- what makes two reports one


@pytest.mark.parametrize("by", ["input", "dispatch"])
def test_a_short_sha_names_the_same_deployment_as_the_full_one(story, argo, base, by):
    argo.deploy(base)
    (head,) = land(story, 1)
    argo.deploy(head)

    def ids(sha):
        if by == "input":
            return told(story, story.scheduled(head), commit_sha=sha).ids
        return told(story, story.dispatch(head, sha=sha)).ids

    assert ids(head[:10]) == ids(head)


@pytest.mark.usefixtures("base")
def test_a_release_that_is_published_again_on_another_commit_is_another_deployment(story, history):
    first, second = land(story, 2)
    history.tag("v1.0.0", first)
    release = history.release("v1.0.0")
    of_first = told(story, story.release(release))
    again = told(story, story.release(release))
    history.tag("v1.0.0", second)
    of_second = told(story, story.release(release))

    assert again.ids == of_first.ids
    assert of_second.ids != of_first.ids


# --- what GitHub's records hide


@by_every_means
def test_more_than_a_hundred_statuses_hide_no_success(story, deploy, base, means):
    deploy.deploy(base)
    first, second = land(story, 2)
    before = deploy.deploy(first)
    for _ in range(101):
        story.history.set_status(before.id, "inactive", story.history.tick(), log_url=before.url)
    own = deploy.deploy(second)

    expected = right(story, second, 2, since=first)
    assert_right_or_not_certain(own.told(means), expected, story, second)


def test_a_success_that_is_told_again_and_again_is_no_later_one(story, argo, base):
    argo.deploy(base)
    first, second, third = land(story, 3)
    before = argo.deploy(first)
    argo.deploy(second)
    for _ in range(101):
        story.history.set_status(before.id, "success", story.history.tick())
    own = argo.deploy(third)

    expected = right(story, third, 3, since=second)
    assert_right_or_not_certain(own.told(), expected, story, third)


@by_a_run
@pytest.mark.parametrize("given", [{}, {"environment": "production"}])
def test_what_reached_staging_alone_was_not_in_production(story, base, means, given):
    staging = Maker(story=story, environment="staging")
    staging.deploy(base)
    first, second = land(story, 2)
    staging.deploy(first)  # its job for production, which names no environment, has failed
    own = staging.deploy(second)

    expected = right(story, second, 1, 2, since=base)
    assert_right_or_not_certain(own.told(means, **given), expected, story, second)


def test_previews_hide_no_name_that_maps_to_the_reported_one(story, argo, base):
    argo.deploy(base)
    first, second, third = land(story, 3)
    argo.deploy(first, environment="prod-eu")
    argo.deploy(second, environment="prod-eu")
    for number in range(101):
        argo.deploy(second, environment=f"preview-{number}")
    event = story.push(third, second)

    report = told(story, event, environment_map="prod-*=production")

    assert_right_or_not_certain(report, right(story, third, 3, since=second), story, third)


def test_a_run_by_hand_finds_the_record_that_a_step_of_it_made(story, base):
    step = Maker(story=story, file=None)
    step.deploy(base)
    (head,) = land(story, 1)
    step.deploy(head)

    report = told(story, story.dispatch(head))

    assert_right_or_not_certain(report, right(story, head, 1, since=base), story, head)


@by_every_means
def test_what_was_approved_after_a_hundred_others_had_begun_came_before(story, deploy, base, means):
    deploy.deploy(base)
    first, second, third = land(story, 3)
    late = deploy.begin(first, "waiting")
    for _ in range(101):
        deploy.begin(second, "waiting")
    deploy.deploy(second)
    late.end()
    own = deploy.deploy(third)

    assert_right(own.told(means), right(story, third, 2, 3, since=first))
