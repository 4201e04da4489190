"""Which service a deployment is of, where each service has environments of its own."""

import pytest

from tests.builders import MORE
from tests.end_to_end import stories
from tests.end_to_end.stories import Report

FILE = ".github/dora.yml"
CONFIG = """\
services:
  web:
    name: Web
    environments: ["Production \\u2013 web", "Preview \\u2013 web"]
  api:
    paths: ["api/**"]
    environments: ["Production \\u2013 api"]
environments:
  production: ["Production \\u2013 *"]
"""
# As Vercel calls them where several projects deploy one repository: workflows filter by such names,
# as `environment == 'Production \u2013 kitbook'` in the documentation of jacob-8/kitbook.
WEB_PRODUCTION = "Production \u2013 web"
API_PRODUCTION = "Production \u2013 api"
WEB = {"identifier": "web", "name": "Web"}
API = {"identifier": "api"}


@pytest.fixture
def story(tmp_path):
    with stories.story(tmp_path) as begun:
        begun.history.commit("main", {FILE: CONFIG})
        yield begun


def told(story, deployment, **given):
    """Report the success of a deployment without the input `service`."""
    return story.told(story.status(deployment), **{"service": "", **given})


def report(story, body, *numbers, since, services):
    return Report(
        pull_requests=list(numbers),
        merge_commit_shas=[story.merge_commit(number) for number in numbers],
        previous_sha=since,
        rollback=False,
        to_dx=[body],
        services=services,
    )


def test_a_push_that_deploys_two_services_gives_each_its_own_report(story):
    history = story.history
    story.landed("squash", "api/a.py")
    of_web = history.branches["main"]
    history.deploy(of_web, WEB_PRODUCTION)
    story.landed("squash", "web/b.py")
    of_api = history.branches["main"]
    history.deploy(of_api, API_PRODUCTION)
    story.landed("squash", "api/c.py", "web/c.py")
    story.landed("squash", "web/d.py")
    head = history.branches["main"]
    web, api = (history.deploy(head, name) for name in (WEB_PRODUCTION, API_PRODUCTION))

    assert told(story, web) == report(
        story, story.body(head, 2, 3, 4, service=WEB), 2, 3, 4, since=of_web, services=("web",)
    )
    assert told(story, api) == report(
        story, story.body(head, 3, service=API), 3, since=of_api, services=("api",)
    )


def test_a_service_is_deployed_to_its_environment_though_none_of_its_files_was_changed(story):
    history = story.history
    before = history.branches["main"]
    history.deploy(before, API_PRODUCTION)
    story.landed("squash", "web/a.py")
    head = history.branches["main"]

    assert told(story, history.deploy(head, API_PRODUCTION)) == report(
        story, story.body(head, by="commit", service=API), since=before, services=("api",)
    )


def test_the_input_wins(story):
    history = story.history
    before = history.branches["main"]
    history.deploy(before, WEB_PRODUCTION)
    story.landed("squash", "web/a.py")
    head = history.branches["main"]
    web = history.deploy(head, WEB_PRODUCTION)

    assert told(story, web, service="shop", config_file=FILE) == report(
        story, story.body(head, 1), 1, since=before, services=("shop",)
    )


def test_the_log_says_by_which_environment(story):
    head = story.history.branches["main"]

    finished, ran = story.run(story.status(story.history.deploy(head, WEB_PRODUCTION)), service="")

    assert finished.exit_code == 0
    assert ran.services == ("web",)
    assert (
        f"`{FILE}` of acme/shop at {head[:7]}, whose services.web.environments match"
        f" '{WEB_PRODUCTION}' (deployment_status.environment)"
    ) in finished.log


def test_an_environment_of_no_service_is_skipped_where_no_service_has_paths(story):
    content = '{"services": {"web": {"environments": ["web-*"]}}}'
    head = story.history.commit("main", {FILE: content})

    finished, ran = story.run(story.status(story.history.deploy(head, "storybook")), service="")

    assert (finished.exit_code, finished.outputs["status"], finished.outputs["reason"]) == (
        0,
        "skipped",
        "no-service-touched",
    )
    assert (
        "::notice title=Nothing to report (no-service-touched)::no service has the environment"
        f" 'storybook', and none has paths in `{FILE}` of acme/shop at {head[:7]}."
        f" {MORE}no-service-touched\n" in finished.log
    )
    assert (ran.services, story.dx.received) == ((), [])
