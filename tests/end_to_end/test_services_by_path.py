"""Which services a deployment is of, by the files that were changed in a real git history."""

import json
from dataclasses import replace

import pytest

from dora_deployments.errors import ConfigurationError, HeldBackError, Skip
from tests.builders import MORE
from tests.end_to_end import stories
from tests.end_to_end.receivers import Datadog, Dx
from tests.end_to_end.stories import DX_TOKEN, Report

CONFIG = """\
services:
  checkout:
    name: Checkout
    team: payments
    paths: ["services/checkout/**", "libs/cart/**"]
  search:
    paths: ["services/search/**"]
  docs:
    paths: ["*.md"]
environments:
  production: ["prod-*", "live"]
  "": ["pr-*", "preview/*"]
"""
FILE = ".github/dora.yml"
TOO_MANY = "the changed files are too many to be listed; so they count as those of every service"
CHECKOUT = {"identifier": "checkout", "name": "Checkout"}
SEARCH = {"identifier": "search"}
DOCS = {"identifier": "docs"}
SET_PULL_SERVICES = "/api/deployments.setPullServices"
CREATE = "/api/deployments.create"


@pytest.fixture
def base(history):
    """Return a deployed commit with the configuration file and a file of each service."""
    sha = history.commit(
        "main",
        {
            FILE: CONFIG,
            "services/checkout/cart.py": "cart = 1\n" * 20,
            "services/search/index.py": "index = 1\n" * 20,
            "README.md": "# Shop\n",
        },
    )
    history.deploy(sha)
    return sha


def told(story, event, **given):
    """Report without the input `service`."""
    return story.told(event, **{"service": "", **given})


def report(story, numbers, *bodies, since="", rollback=False, warnings=()):
    """Return what is told if these pull requests are shipped, and DX gets these bodies."""
    services = [body["service"]["identifier"] for body in bodies if "service" in body]
    return Report(
        pull_requests=list(numbers),
        merge_commit_shas=[story.merge_commit(number) for number in numbers],
        previous_sha=since,
        rollback=rollback,
        to_dx=sorted(
            bodies, key=lambda body: body["service"]["identifier"] if "service" in body else ""
        ),
        services=tuple(services),
        warnings=warnings,
    )


def every_service(story, head, **of_body):
    """Return the bodies of all services, each told by the commit."""
    return [
        story.body(head, by="commit", service=service, **of_body)
        for service in (CHECKOUT, SEARCH, DOCS)
    ]


# --- a range


def test_each_service_carries_the_pull_requests_that_touch_it(story, history, base):
    story.landed("squash", "services/checkout/a.py")
    story.landed("merge", "libs/cart/b.py", "services/search/b.py")
    story.landed("rebase", "services/search/c.py", "elsewhere/c.py")
    story.landed("squash", "elsewhere/d.py")
    head = history.branches["main"]

    assert told(story, story.push(head)) == report(
        story,
        [1, 2, 3],
        story.body(head, 1, 2, service=CHECKOUT),
        story.body(head, 2, 3, service=SEARCH),
        since=base,
    )


def test_a_service_that_only_direct_pushes_touch_is_told_by_the_commit(story, history, base):
    story.landed("squash", "services/checkout/a.py")
    history.commit("main", {"services/search/b.py": "1"})
    head = history.commit("main", {"elsewhere/c.py": "1"})

    assert told(story, story.push(head)) == report(
        story,
        [1],
        story.body(head, 1, service=CHECKOUT),
        story.body(head, by="commit", service=SEARCH),
        since=base,
    )


def test_a_file_that_is_removed_touches_its_service(story, history, base):
    history.branch("change-1")
    history.commit("change-1", {"services/search/index.py": None})
    history.open_pull("change-1")
    head = history.merge_pull(1, "squash")

    assert told(story, story.push(head)) == report(
        story, [1], story.body(head, 1, service=SEARCH), since=base
    )


@pytest.mark.parametrize("by_pull", [True, False])
def test_a_file_that_moves_out_of_a_service_touches_it(story, history, base, by_pull):
    branch = "change-1" if by_pull else "main"
    history.branch(branch)
    moved = history.commits[base].files["services/checkout/cart.py"]
    head = history.commit(
        branch, {"services/checkout/cart.py": None, "elsewhere/cart.py": moved.text}
    )
    if by_pull:
        history.open_pull(branch)
        head = history.merge_pull(1, "squash")
    numbers, by = ([1], "pull-requests") if by_pull else ([], "commit")

    assert told(story, story.push(head)) == report(
        story, numbers, story.body(head, *numbers, by=by, service=CHECKOUT), since=base
    )


@pytest.mark.parametrize("by_pull", [True, False])
def test_every_page_of_the_changed_files_is_read(story, history, base, by_pull):
    branch = "change-1" if by_pull else "main"
    history.branch(branch)
    files = {f"elsewhere/{number:03}.py": "1" for number in range(350)}
    head = history.commit(branch, {**files, "services/search/last.py": "1"})
    if by_pull:
        history.open_pull(branch)
        head = history.merge_pull(1, "squash")
    numbers, by = ([1], "pull-requests") if by_pull else ([], "commit")

    assert told(story, story.push(head)) == report(
        story, numbers, story.body(head, *numbers, by=by, service=SEARCH), since=base
    )


def test_more_files_than_github_lists_deploy_every_service(story, history, base):
    history.branch("change-1")
    history.commit("change-1", {f"elsewhere/{number:04}.py": "1" for number in range(3000)})
    history.open_pull("change-1")
    head = history.merge_pull(1, "squash")

    assert told(story, story.push(head)) == report(
        story,
        [1],
        *every_service(story, head),
        since=base,
        warnings=(TOO_MANY,),
    )


@pytest.mark.parametrize("count", [1, 150])
def test_many_direct_pushes_deploy_the_services_that_the_comparison_shows(
    story, history, base, count
):
    story.landed("squash", "services/search/a.py")
    for number in range(count):
        head = history.commit("main", {f"services/checkout/{number}.py": "1"})

    assert told(story, story.push(head)) == report(
        story,
        [1],
        story.body(head, by="commit", service=CHECKOUT),
        story.body(head, 1, service=SEARCH),
        since=base,
    )
    assert not any("/commits/" in asked.path for asked in story.github.asked)


@pytest.mark.parametrize("count", [20, 21])
def test_where_the_comparison_lists_too_many_files_a_few_direct_pushes_are_asked_for(
    story, history, base, count
):
    story.landed("squash", *(f"elsewhere/{number}.py" for number in range(90)))
    for number in range(count):
        files = {f"elsewhere/{number}-{n}.py": "1" for n in range(12)}
        head = history.commit("main", {**files, "services/checkout/a.py": f"{number}"})

    if count == 20:
        expected = [story.body(head, by="commit", service=CHECKOUT)], ()
    else:
        expected = every_service(story, head), (TOO_MANY,)
    assert told(story, story.push(head)) == report(
        story, [], *expected[0], since=base, warnings=expected[1]
    )


def test_what_a_direct_push_changed_and_another_took_back_deploys_nothing(story, history, base):
    history.commit("main", {"services/search/a.py": "1"})
    history.commit("main", {"services/search/a.py": None})
    head = history.commit("main", {"services/checkout/a.py": "1"})

    assert told(story, story.push(head)) == report(
        story, [], story.body(head, by="commit", service=CHECKOUT), since=base
    )


def test_a_pull_request_that_was_nested_counts_by_its_own_files(story, history, base):
    history.branch("feature")
    history.commit("feature", {"services/search/outer.py": "1"})
    story.landed("squash", "services/checkout/inner.py", base="feature")
    history.open_pull("feature")
    head = history.merge_pull(2, "merge")

    assert told(story, story.push(head)) == report(
        story,
        [1, 2],
        story.body(head, 1, 2, service=CHECKOUT),
        story.body(head, 2, service=SEARCH),
        since=base,
    )


def test_a_commit_of_a_pull_request_that_was_merged_elsewhere_touches_by_its_own_files(
    story, history, base
):
    history.branch("release", base)
    history.branch("change-1")
    picked = history.commit("change-1", {"services/checkout/a.py": "1"})
    history.open_pull("change-1")
    head = history.merge("release", picked)
    history.merge_pull(1, "squash")

    assert told(story, story.push(head, branch="release"), branches="release") == report(
        story, [], story.body(head, by="commit", service=CHECKOUT), since=base
    )


@pytest.mark.usefixtures("base")
def test_a_rollback_is_of_the_services_that_it_takes_changes_away_from(story, history):
    story.landed("squash", "services/checkout/a.py")
    head = history.branches["main"]
    history.deploy(head)
    story.landed("squash", "services/search/b.py")
    history.deploy(history.commit("main", {"README.md": "# The shop\n"}))

    assert told(story, story.push(head)) == report(
        story,
        [],
        story.body(head, by="commit", rollback=True, service=SEARCH),
        story.body(head, by="commit", rollback=True, service=DOCS),
        since=history.branches["main"],
        rollback=True,
    )


def test_a_redeployment_is_of_every_service(story, base):
    assert told(story, story.push(base)) == report(
        story, [], *every_service(story, base), since=base
    )


@pytest.mark.parametrize("known", [True, False])
def test_without_a_deployment_before_every_service_is_deployed(story, history, known):
    before = history.commit("main", {FILE: CONFIG})
    story.landed("squash", "services/checkout/a.py")
    head = history.branches["main"]
    event = story.push(head, before if known else "0" * 40)

    assert told(story, event) == report(
        story,
        [1] if known else [],
        *every_service(story, head),
        since=before if known else "",
    )


@pytest.mark.usefixtures("base")
def test_nothing_is_told_if_no_service_is_touched(story, history):
    story.landed("squash", "elsewhere/a.py")
    head = history.commit("main", {"elsewhere/b.py": "1"})

    finished, ran = story.run(story.push(head), service="")

    assert (finished.exit_code, finished.outputs["status"], finished.outputs["reason"]) == (
        0,
        "skipped",
        "no-service-touched",
    )
    assert story.dx.received == []
    assert (
        "::notice title=Nothing to report (no-service-touched)::no changed file is of a service"
        f" of `{FILE}` of acme/shop at {head[:7]}. {MORE}no-service-touched\n" in finished.log
    )
    assert ran.services == ()


# --- the merge of a pull request


def touched(number, story, *services):
    """Return what DX is sent about the services that a pull request touches."""
    return {"github_pull_id": story.history.pull(number).id, "services": list(services)}


@pytest.mark.usefixtures("base")
def test_a_merged_pull_request_deploys_the_services_that_it_touches(story):
    story.landed("squash", "services/checkout/a.py", "services/search/a.py")
    head = story.merge_commit(1)

    assert told(story, story.merge(1)) == report(
        story,
        [1],
        touched(1, story, CHECKOUT, SEARCH),
        story.body(head, 1, dated=False, begun=False, service=CHECKOUT),
        story.body(head, 1, dated=False, begun=False, service=SEARCH),
    )
    assert [received.path for received in story.dx.received] == [
        SET_PULL_SERVICES,
        CREATE,
        CREATE,
    ]


def test_a_refusal_to_be_told_of_touched_services_does_not_stop_the_deployment(tmp_path):
    with stories.story(tmp_path) as usual, Forgetful(token=DX_TOKEN) as dx:
        story = replace(usual, dx=dx)
        story.history.commit("main", {FILE: CONFIG})
        story.landed("squash", "services/search/a.py")
        head = story.merge_commit(1)

        finished, ran = story.run(story.merge(1), service="")

        assert ran == report(
            story,
            [1],
            touched(1, story, SEARCH),
            story.body(head, 1, dated=False, begun=False, service=SEARCH),
            warnings=(
                (
                    "DX was not told which services the pull request touches: DX answered 403: the"
                    " token may not do this; check the scopes of `dx-token`. It said:"
                    f" missing_scope. {MORE}dx-403"
                ),
            ),
        )
        assert finished.exit_code == 0


@pytest.mark.usefixtures("base")
def test_in_the_mode_pull_services_dx_is_told_of_nothing_else(story):
    story.landed("squash", "services/checkout/a.py", "README.md", "elsewhere/a.py")

    told_report = told(story, story.merge(1), mode="pull-services")

    assert told_report == replace(
        report(story, [1], touched(1, story, CHECKOUT, DOCS)), services=("checkout", "docs")
    )


@pytest.mark.usefixtures("base")
def test_in_the_mode_pull_services_a_named_service_without_paths_is_touched(story):
    story.landed("squash", "services/checkout/a.py")

    told_report = told(
        story,
        story.merge(1),
        mode="pull-services",
        service="checkout, search, web=The web",
        config_file=FILE,
    )

    assert told_report == replace(
        report(story, [1], touched(1, story, CHECKOUT, {"identifier": "web", "name": "The web"})),
        services=("checkout", "web"),
    )


@pytest.mark.usefixtures("base")
def test_in_the_mode_pull_services_a_pull_request_that_touches_none_is_skipped(story):
    story.landed("squash", "elsewhere/a.py")

    with pytest.raises(Skip) as raised:
        told(story, story.merge(1), mode="pull-services")

    assert raised.value.reason == "no-service-touched"
    assert story.dx.received == []


# --- services that are named


def test_named_services_are_always_deployed_and_carry_what_touches_them(story, history, base):
    story.landed("squash", "services/checkout/a.py")
    story.landed("squash", "elsewhere/b.py")
    head = history.branches["main"]

    told_report = told(
        story, story.push(head), service="search\ncheckout\nweb=The web", config_file=FILE
    )

    assert told_report == report(
        story,
        [1, 2],
        story.body(head, by="commit", service=SEARCH),
        story.body(head, 1, service=CHECKOUT),
        story.body(head, 1, 2, service={"identifier": "web", "name": "The web"}),
        since=base,
    )


def test_the_name_that_an_input_gives_wins(story, history, base):
    story.landed("squash", "services/checkout/a.py")
    head = history.branches["main"]

    told_report = told(story, story.push(head), service="checkout=Check-out", config_file=FILE)

    assert told_report == report(
        story,
        [1],
        story.body(head, 1, service={"identifier": "checkout", "name": "Check-out"}),
        since=base,
    )


def test_the_file_is_not_asked_for_if_the_services_are_named(story, history, base):
    story.landed("squash", "services/checkout/a.py")
    head = history.branches["main"]

    assert told(story, story.push(head), service="search") == report(
        story, [1], story.body(head, 1, service=SEARCH), since=base
    )
    assert [each for each in story.github.asked if "/contents/" in each.path] == []


# --- where the file is read


def test_the_file_of_the_deployed_commit_counts(story, history, base):
    history.commit("main", {FILE: CONFIG.replace("search:", "finder:")})
    story.landed("squash", "services/search/a.py")
    head = history.branches["main"]
    history.commit("main", {FILE: CONFIG.replace("search:", "too-late:")})

    assert told(story, story.push(head)) == report(
        story, [1], story.body(head, 1, service={"identifier": "finder"}), since=base
    )


def test_the_file_of_the_workspace_comes_first_and_its_team_goes_to_datadog(
    story, history, base, tmp_path
):
    story.landed("squash", "services/checkout/a.py")
    head = history.branches["main"]
    workspace = tmp_path / "workspace"
    (workspace / ".github").mkdir(parents=True)
    (workspace / FILE).write_text(CONFIG.replace("name: Checkout", "name: Till"), "utf-8")
    key = "0123456789abcdef0123456789abcdef"

    with Datadog(api_key=key) as datadog:
        finished, ran = story.run(
            story.push(head),
            {"GITHUB_WORKSPACE": str(workspace)},
            service="",
            datadog_api_key=key,
            datadog_site=datadog.url,
        )
        (to_datadog,) = [received.json["data"]["attributes"] for received in datadog.received]

    till = {"identifier": "checkout", "name": "Till"}
    assert ran == report(story, [1], story.body(head, 1, service=till), since=base)
    git = {"commit_sha": head, "repository_url": "https://github.com/acme/shop"}
    assert (to_datadog["service"], to_datadog["team"]) == ("checkout", "payments")
    assert to_datadog["git"] == git
    assert [each for each in story.github.asked if "/contents/" in each.path] == []
    assert "services: checkout, from `.github/dora.yml` of the workspace, by the files" in (
        finished.log
    )


@pytest.mark.parametrize("name", ["pull_request_target", "workflow_run"])
def test_the_workspace_is_not_read_where_it_may_be_a_strangers(story, base, tmp_path, name):
    story.landed("squash", "services/search/a.py")
    head = story.merge_commit(1)
    workspace = tmp_path / "workspace"
    (workspace / ".github").mkdir(parents=True)
    (workspace / FILE).write_text("services: {planted: {paths: ['**']}}", "utf-8")
    happened = story.merge(1, name) if name.startswith("pull") else story.workflow_run(head, 7)
    of_range = name == "workflow_run"

    _, ran = story.run(happened, {"GITHUB_WORKSPACE": str(workspace)}, service="")

    bodies = [story.body(head, 1, dated=of_range, begun=of_range, service=SEARCH)]
    if not of_range:
        bodies.append(touched(1, story, SEARCH))
    assert ran == report(story, [1], *bodies, since=base if of_range else "")


def test_another_file_may_be_named(story, history, base):
    history.commit("main", {"deploy/dora.yaml": "services: {all: {paths: ['**']}}"})
    story.landed("squash", "elsewhere/a.py")
    head = history.branches["main"]

    assert told(story, story.push(head), config_file="deploy/dora.yaml") == report(
        story, [1], story.body(head, 1, service={"identifier": "all"}), since=base
    )


def test_without_a_file_the_repository_is_the_service(story, history):
    base = history.commit()
    history.deploy(base)
    story.landed("squash")
    head = history.branches["main"]

    assert told(story, story.push(head)) == story.shipped(head, 1, since=base)


def test_a_file_that_is_named_must_exist(story, history):
    head = history.commit()

    with pytest.raises(ConfigurationError) as raised:
        told(story, story.push(head), config_file="dora.yml")

    assert raised.value.problems == (
        (
            "`config-file` is dora.yml, which neither the workspace has nor acme/shop at"
            f" {head[:7]}, as far as `github-token` may see (`contents: read`); correct it, or"
            " check the file in"
        ),
    )


def test_a_file_with_mistakes_ends_the_run_before_anything_is_sent(story, history):
    head = history.commit("main", {FILE: "services:\n  checkout:\n    path: services/**\n"})

    finished, _ = story.run(story.push(head), service="")

    assert (finished.exit_code, finished.outputs["status"], finished.outputs["reason"]) == (
        2,
        "rejected",
        "bad-configuration",
    )
    assert story.dx.received == []
    errors = [line for line in finished.log.splitlines() if line.startswith("::error")]
    where = f"`{FILE}` of acme/shop at {head[:7]}"
    assert errors == [
        (
            f"::error title=Bad configuration::{where}, line 2: services.checkout has neither"
            " paths nor environments; write paths, environments or both, optionally name and"
            " team, and no other key."
            f" {MORE}config-file"
        ),
        (
            f"::error title=Bad configuration::{where}, line 3: services.checkout has the unknown"
            f" key 'path'; write paths. {MORE}config-file"
        ),
    ]


# --- the environments of the file


@pytest.mark.parametrize(
    ("name", "given", "reported"),
    [
        ("prod-eu", {}, "production"),
        ("live", {}, "production"),
        ("staging", {}, "staging"),
        ("prod-eu", {"environment_map": "prod-eu=europe"}, "europe"),
        ("pr-7", {"environment_map": "pr-*=preview"}, "preview"),
        ("pr-7", {"environment": "here"}, "here"),
    ],
)
def test_environments_are_renamed_by_the_file_and_before_it_by_the_input(
    story, history, base, name, given, reported
):
    history.deploy(base, name)
    story.landed("squash", "services/search/a.py")
    head = history.branches["main"]
    own = history.deploy(head, name, states=("success",))

    assert told(story, story.status(own), **given) == report(
        story, [1], story.body(head, 1, service=SEARCH, environment=reported), since=base
    )


def test_an_environment_that_the_file_leaves_out_is_not_reported(story, history, base):
    own = history.deploy(base, "preview/7/main", states=("success",))

    with pytest.raises(Skip) as raised:
        told(story, story.status(own))

    assert (raised.value.reason, raised.value.explanation) == (
        "environment-ignored",
        (
            f"the environment is 'preview/7/main', which `{FILE}` of acme/shop at {base[:7]}"
            " leaves out by its glob preview/*"
        ),
    )


# --- what cannot be looked up


@pytest.mark.usefixtures("base")
def test_a_report_waits_for_a_file_that_cannot_be_looked_up(story):
    story.landed("squash", "services/search/a.py")
    head = story.merge_commit(1)
    story.github.fault = on_path("/contents/", 410)

    with pytest.raises(HeldBackError) as raised:
        told(story, story.push(head))
    assert str(raised.value) == (
        f"`{FILE}` of acme/shop at {head[:7]} could not be looked up: GitHub's API answered 410; if"
        " there is such a file, it says which services there are, and a report under another name"
        " would stay"
    )


def test_a_named_service_has_no_pull_requests_of_others_where_its_file_cannot_be_looked_up(
    story, base
):
    story.landed("squash", "services/checkout/a.py")
    story.landed("squash", "services/search/a.py")
    head = story.merge_commit(2)
    story.github.fault = on_path("/contents/", 410)

    found = told(story, story.push(head), service="checkout", config_file=FILE)
    assert found.to_dx == [story.body(head, by="commit", service={"identifier": "checkout"})]
    assert (found.services, found.previous_sha) == (("checkout",), base)
    assert found.warnings == (
        (
            f"`{FILE}` of acme/shop at {head[:7]} could not be looked up: GitHub's API answered"
            " 410; the report goes without it, and without pull requests, which may be of others"
        ),
    )


@pytest.mark.parametrize("paged", [True, False])
def test_changed_files_are_read_by_pages_where_queries_are_refused(story, base, paged):
    story.landed("squash", "services/search/a.py")
    head = story.merge_commit(1)

    def refused(asked):
        is_details = asked.operation is not None and "query Details" in asked.operation
        if is_details or (not paged and asked.path.endswith("/files")):
            return 403, {}, b'{"message": "Resource not accessible by integration"}'
        return None

    story.github.fault = refused
    warning = (
        "the changed files could not be looked up: `github-token` may not read this (403); add"
        " `pull-requests: read` to the job's `permissions:`; so it is not known which services they"
        " belong to"
    )

    if paged:
        assert told(story, story.push(head)) == report(
            story, [1], story.body(head, 1, service=SEARCH, begun=False), since=base
        )
    else:
        assert told(story, story.push(head)) == report(
            story, [1], *every_service(story, head), since=base, warnings=(warning,)
        )


@pytest.mark.usefixtures("base")
def test_in_the_mode_pull_services_unknown_files_are_not_told_as_touched(story):
    story.landed("squash", "services/search/a.py")
    story.github.fault = on_path("/files", 403, queries=True)

    finished, ran = story.run(story.merge(1), service="", mode="pull-services")

    assert ran.to_dx == []
    assert [
        (result["service"], result["status"]) for result in json.loads(finished.outputs["results"])
    ] == [("checkout", "undelivered"), ("search", "undelivered"), ("docs", "undelivered")]
    assert (finished.exit_code, finished.outputs["status"]) == (0, "undelivered")


# --- helpers


def on_path(part, status, *, queries=False):
    """Answer requests whose path has this part, and queries if wanted, with an error."""

    def fault(asked):
        if part in asked.path or (queries and asked.operation is not None):
            return status, {}, b'{"message": "no"}'
        return None

    return fault


class Forgetful(Dx):
    """Refuses to be told which services a pull request touches, and nothing else."""

    def _judge(self, request):
        if request.path == SET_PULL_SERVICES:
            return 403, {"ok": False, "error": "missing_scope"}
        return super()._judge(request)
