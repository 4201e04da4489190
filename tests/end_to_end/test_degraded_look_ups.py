"""No look-up that fails stops a report: it goes out with what is known, and says what is not."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from tests.end_to_end import receivers, stories
from tests.end_to_end.github.hosted import READS, iso
from tests.end_to_end.receivers import Faulty
from tests.end_to_end.stories import DX_TOKEN, TOKEN

JSON = {"Content-Type": "application/json; charset=utf-8"}
HTML = {"Content-Type": "text/html"}
FAR = "4102444800"  # 2100-01-01 00:00 UTC
NO = b'{"message": "no"}'


def pushed(story, more=0):
    """Deploy a commit, push another, and push two pull requests and `more` commits on top."""
    base = story.history.commit()
    story.history.deploy(base)
    before = story.history.commit()
    story.landed("squash")
    story.landed("rebase", "a.txt", "b.txt")
    for _ in range(more):
        story.history.commit()
    head = story.history.branches["main"]
    return base, before, head, story.push(head, before)


def no_deployment(why):
    return (
        f"the deployment before this one, and so what this one ships, could not be looked up: {why}"
    )


def no_range(before, why):
    return (
        f"what came since {before[:7]} (before, where the branch was until this push, since no"
        f" deployment is known) could not be looked up: {why}"
    )


def no_range_since_deployment(story, base, why):
    (deployment,) = story.history.deployments.values()
    ended_at = next(each.created_at for each in deployment.statuses if each.state == "success")
    return (
        f"what came since {base[:7]} (the last successful deployment to 'production' before, of"
        f" {ended_at:%Y-%m-%d %H:%M} UTC) could not be looked up: {why}"
    )


def no_pulls(unknown, commits, why):
    return (
        f"the pull requests of {unknown} of {commits} commits could not be looked up: {why}; so not"
        " all of the shipped pull requests are known"
    )


def may_not(permission):
    return (
        f"`github-token` may not read this (403); add `{permission}: read` to the job's"
        " `permissions:`"
    )


# --- faults


def answers(status, body=NO, headers=JSON, when=lambda _: True):
    """Answer so, whatever is asked, or only `when` that is true of it."""
    return lambda asked: (status, headers, body) if when(asked) else None


def does(script, when=lambda _: True):
    """Do with the connection what a script of `receivers` does."""
    return lambda asked: (lambda connection: script(connection, b"")) if when(asked) else None


def is_query(asked):
    return asked.operation is not None


def is_past(asked):
    return is_query(asked) and "query Past" in asked.operation


def is_landings(asked):
    return is_query(asked) and "query PullsByCommit" in asked.operation


def is_details(asked):
    return is_query(asked) and "query Details" in asked.operation


def commits_of(asked):
    """Return how many commits a query for pull requests asks for: all fields but the name."""
    return asked.objects - 1


# --- nothing can be looked up


LIMITED = "the rate limit of `github-token` is used up"
ODD_LIST = "GitHub's list of deployments could not be read"
ODD_RANGE = "GitHub's comparison of two commits could not be read"
CUT = "the connection to GitHub's API failed (ChunkedEncodingError)"
NOT_JSON = "GitHub's answer could not be read (JSONDecodeError)"
NOT_GZIP = "the connection to GitHub's API failed (ContentDecodingError)"
SPENT = {**JSON, "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": FAR}


@pytest.mark.parametrize(
    ("fault", "without_deployment", "without_range"),
    [
        pytest.param(
            answers(401),
            "GitHub refused `github-token` (401); leave it out for the job's own",
            None,
            id="401",
        ),
        pytest.param(
            answers(403),
            may_not("deployments"),
            may_not("contents"),
            id="403",
        ),
        pytest.param(answers(429), f"{LIMITED} (429)", None, id="429"),
        pytest.param(
            answers(429, headers={**JSON, "Retry-After": "3600"}),
            f"{LIMITED} (429)",
            None,
            id="429 for an hour",
        ),
        pytest.param(
            answers(403, headers=SPENT),
            f"{LIMITED} until 00:00 UTC (403)",
            None,
            id="rate limit",
        ),
        pytest.param(answers(503), "GitHub's API answered 503", None, id="503"),
        pytest.param(answers(200, b"<html>Hi</html>", HTML), NOT_JSON, NOT_JSON, id="HTML"),
        pytest.param(
            answers(200, b"<html>Hi</html>"), NOT_JSON, NOT_JSON, id="HTML that says it is JSON"
        ),
        pytest.param(answers(200, b'{"data": {"repos'), NOT_JSON, NOT_JSON, id="truncated JSON"),
        pytest.param(does(receivers.short_body()), CUT, None, id="cut off"),
        pytest.param(answers(200, b""), NOT_JSON, NOT_JSON, id="empty"),
        pytest.param(answers(200, b"null"), ODD_LIST, ODD_RANGE, id="null"),
        pytest.param(does(receivers.bad_gzip()), NOT_GZIP, None, id="bad gzip"),
    ],
)
@pytest.mark.fault(106)
def test_a_server_that_answers_nothing_useful_leaves_what_the_event_tells(
    story, fault, without_deployment, without_range
):
    _, before, head, event = pushed(story)
    story.github.fault = fault

    told = story.told(event)

    assert told == story.shipped(
        head,
        since=before,
        by="commit",
        dated=False,
        warnings=(
            no_deployment(without_deployment),
            # Where GitHub cannot be asked at all, it is asked no more.
            *([no_range(before, without_range)] if without_range else []),
        ),
    )
    assert len(story.github.asked) <= 4


def test_a_server_that_knows_nothing_knows_no_commit_before_either(story):
    _, before, head, event = pushed(story)
    story.github.fault = answers(404)
    nothing = "GitHub knows no such thing, or `github-token` lacks `{}: read` (404)"

    assert story.told(event) == story.shipped(
        head,
        by="commit",
        dated=False,
        warnings=(
            no_deployment(nothing.format("deployments")),
            no_range(before, nothing.format("contents")),
        ),
    )


def test_a_rate_limit_that_is_used_up_is_noticed_at_once(tmp_path):
    with stories.story(tmp_path, remaining=0) as story:
        _, before, head, event = pushed(story)

        told = story.told(event)

        (warning,) = told.warnings
        assert re.sub("[0-9]{2}:[0-9]{2}", "00:00", warning) == no_deployment(
            f"{LIMITED} until 00:00 UTC (403)"
        )
        assert replace(told, warnings=()) == story.shipped(
            head, since=before, by="commit", dated=False
        )
        assert [each.method for each in story.github.asked] == ["POST", "GET"]


def test_a_limit_of_queries_alone_leaves_the_rest_api(story):
    base, _, head, event = pushed(story)
    limit = b'{"errors": [{"type": "RATE_LIMIT", "code": "graphql_rate_limit"}]}'
    story.github.fault = answers(200, limit, {**JSON, "X-RateLimit-Remaining": "0"}, is_query)

    assert story.told(event) == story.shipped(head, 1, 2, since=base, begun=False)


def test_without_a_token_nothing_is_asked(story):
    _, before, head, event = pushed(story)

    finished, told = story.run(event, github_token="")

    assert told == story.shipped(
        head,
        since=before,
        by="commit",
        dated=False,
        warnings=(no_deployment("`github-token` is empty"),),
    )
    assert finished.exit_code == 0
    assert story.github.asked == []


# --- one permission is missing


def test_without_the_permission_for_contents_there_is_no_range(tmp_path):
    with stories.story(tmp_path, permissions=READS - {"contents"}) as story:
        base, _, head, event = pushed(story)

        assert story.told(event) == story.shipped(
            head,
            since=base,
            by="commit",
            dated=False,
            warnings=(no_range_since_deployment(story, base, may_not("contents")),),
        )


def test_without_the_permission_for_deployments_the_push_tells_where_it_began(tmp_path):
    with stories.story(tmp_path, permissions=READS - {"deployments"}) as story:
        _, before, head, event = pushed(story)

        assert story.told(event) == story.shipped(
            head,
            1,
            2,
            since=before,
            by="commit",
            begun=False,
            warnings=(
                no_deployment(
                    "`github-token` may not read this (403); add `deployments: read` to the job's"
                    " `permissions:`"
                ),
            ),
        )


def test_without_the_permission_for_pull_requests_there_are_commits_alone(tmp_path):
    with stories.story(tmp_path, permissions=READS - {"pull-requests"}) as story:
        base, _, head, event = pushed(story)

        assert story.told(event) == story.shipped(
            head,
            since=base,
            by="commit",
            warnings=(no_pulls(4, 4, may_not("pull-requests")),),
        )


def test_a_public_repository_needs_no_permission(tmp_path):
    with stories.story(tmp_path, private=False, permissions=()) as story:
        base, _, head, event = pushed(story)

        assert story.told(event) == story.shipped(head, 1, 2, since=base)


# --- queries fail


@pytest.mark.parametrize("status", [400, 403, 404, 410, 502])
def test_the_rest_api_tells_the_same_where_queries_are_refused(story, status):
    base, _, head, event = pushed(story)
    story.github.fault = answers(status, when=is_query)

    assert story.told(event) == story.shipped(head, 1, 2, since=base, begun=False)


def test_the_rest_api_knows_the_deployment_before_just_as_well(story):
    deploy = story.history.deploy
    base = story.history.commit()
    for _ in range(3):
        story.landed("squash")
    first, second, head = (story.merge_commit(number) for number in (1, 2, 3))
    deploy(base)
    deploy(first)
    deploy(second, states=("in_progress", "failure"))
    deploy(second, states=("queued",))
    deploy(second, "staging")
    deploy(second, task="migrate")
    deploy(head, states=("success",), log_url=stories.OTHER_RUN_URL)  # a sibling job's
    own = deploy(head, states=("in_progress", "success"))
    deploy(base)
    story.github.fault = answers(403, when=is_query)

    told = story.told(story.status(own))

    assert told == story.shipped(head, 2, 3, since=first, begun=False)


def test_the_rest_api_finds_a_success_behind_many_later_statuses(story):
    base = story.history.commit()
    story.landed("squash")
    story.landed("squash")
    first, head = story.merge_commit(1), story.merge_commit(2)
    story.history.deploy(base)
    story.history.deploy(first, states=("success",) + ("inactive",) * 30)
    story.github.fault = answers(403, when=is_query)

    assert story.told(story.push(head)) == story.shipped(head, 2, since=first, begun=False)


def test_the_rest_api_finds_a_deployment_behind_many_later_ones_of_another_task(story):
    base, _, head, event = pushed(story)
    for _ in range(20):
        story.history.deploy(base, task="migrate")
    story.github.fault = answers(403, when=is_query)

    assert story.told(event) == story.shipped(head, 1, 2, since=base, begun=False)


def test_the_rest_api_leaves_out_open_and_foreign_pull_requests_too(story):
    base = story.history.commit()
    story.history.deploy(base)
    story.landed("squash")
    story.history.foreign_pull(story.merge_commit(1), number=9)
    story.history.branch("feature")
    head = story.history.commit("feature")
    story.history.open_pull("feature")
    story.github.fault = answers(403, when=is_query)

    told = story.told(story.push(head, branch="feature"), branches="feature")

    assert told == story.shipped(head, 1, since=base, begun=False)


def test_queries_that_are_too_large_are_asked_in_halves(story):
    base, _, head, event = pushed(story, more=60)
    story.github.fault = answers(502, when=lambda asked: is_landings(asked) and asked.objects > 26)

    assert story.told(event) == story.shipped(head, 1, 2, since=base)
    assert sorted(map(commits_of, filter(is_landings, story.github.asked))) == [14, 25, 25, 50, 64]


def test_a_long_range_is_asked_in_halves_side_by_side(story):
    base, _, head, event = pushed(story, more=246)
    story.github.fault = answers(502, when=lambda asked: is_landings(asked) and asked.objects > 26)

    assert story.told(event) == story.shipped(head, 1, 2, since=base)
    assert sorted(map(commits_of, filter(is_landings, story.github.asked))) == [
        *[25] * 10,
        *[50] * 2,
        *[100] * 2,
    ]


def test_queries_that_always_fail_end_in_single_requests_for_a_few_commits(story):
    base, _, head, event = pushed(story, more=16)
    story.github.fault = answers(502, when=is_landings)

    assert story.told(event) == story.shipped(head, 1, 2, since=base)
    assert len(list(filter(is_landings, story.github.asked))) <= 6
    assert sum(each.path.endswith("/pulls") for each in story.github.asked) == 20


def test_queries_that_always_fail_end_there_for_more_than_a_few_commits(story):
    base, _, head, event = pushed(story, more=17)
    story.github.fault = answers(502, when=is_landings)

    assert story.told(event) == story.shipped(
        head,
        since=base,
        by="commit",
        warnings=(no_pulls(21, 21, "GitHub gave up on the query"),),
    )
    assert len(list(filter(is_landings, story.github.asked))) <= 7
    assert not any(each.path.endswith("/pulls") for each in story.github.asked)


# --- a comparison that takes too long


@pytest.mark.parametrize("more", [0, 120])
def test_a_comparison_that_github_cannot_make_is_made_of_the_commits(story, more):
    base, _, head, event = pushed(story, more=more)
    too_long = b'{"message": "Server Error: Sorry, this diff is taking too long to generate."}'
    story.github.fault = answers(500, too_long, when=lambda asked: "/compare/" in asked.path)

    assert story.told(event) == story.shipped(head, 1, 2, since=base)
    assert sum("/compare/" in asked.path for asked in story.github.asked) == 1


# --- errors beside data


@pytest.mark.parametrize("kind", ["FORBIDDEN", "SERVICE_UNAVAILABLE", None])
def test_pull_requests_with_errors_beside_them_are_asked_one_by_one(story, kind):
    base, _, head, event = pushed(story)
    error = {"message": "no", "path": ["repository", "c1"], **({"type": kind} if kind else {})}

    def partial(asked):
        if not is_landings(asked):
            return None
        whole = {"pageInfo": {"hasNextPage": False}, "nodes": []}
        found = {
            f"c{number}": {"associatedPullRequests": whole} if number != 1 else None
            for number in range(commits_of(asked))
        }
        found["nameWithOwner"] = "acme/shop"
        return 200, JSON, json.dumps({"data": {"repository": found}, "errors": [error]}).encode()

    story.github.fault = partial

    assert story.told(event) == story.shipped(head, 1, 2, since=base)


@pytest.mark.parametrize("status", [400, 403, 502])
def test_details_that_are_not_told_are_no_warning(story, status):
    base, _, head, event = pushed(story)
    story.github.fault = answers(status, when=is_details)

    assert story.told(event) == story.shipped(head, 1, 2, since=base, begun=False)
    assert len(list(filter(is_details, story.github.asked))) == 1


def past(story, statuses_of, **more):
    """Return what a query for the past is answered, with these statuses of each deployment."""
    nodes = [
        {
            "id": f"DE_{each.id}",
            "commitOid": each.sha,
            "createdAt": iso(each.created_at),
            "task": each.task,
            "statuses": statuses_of(each),
        }
        for each in sorted(story.history.deployments.values(), key=lambda each: -each.id)
    ]
    found = {"object": None, "deployments": {"nodes": nodes}}
    return json.dumps({"data": {"repository": found}, **more}).encode()


@pytest.mark.parametrize("kind", ["FORBIDDEN", "SERVICE_UNAVAILABLE"])
def test_a_deployment_whose_statuses_are_missing_is_not_passed_over(story, kind):
    base = story.history.commit()
    story.landed("squash")
    story.landed("squash")
    first, head = story.merge_commit(1), story.merge_commit(2)
    story.history.deploy(base)
    newest = story.history.deploy(first)
    good = {"nodes": [{"state": "SUCCESS", "logUrl": None, "environmentUrl": None}]}
    path = ["repository", "deployments", "nodes", 0, "statuses"]
    error = {"message": "no", "type": kind, "path": path}
    body = past(story, lambda each: None if each.id == newest else good, errors=[error])
    story.github.fault = answers(200, body, when=is_past)

    assert story.told(story.push(head)) == story.shipped(head, 2, since=first)


def test_one_commit_without_an_answer_leaves_what_is_known_to_the_outputs(story):
    base, _, head, event = pushed(story)
    lost = story.merge_commit(1)

    def refused(asked):
        if is_query(asked) or asked.path.endswith(f"/{lost}/pulls"):
            return 403, JSON, NO
        return None

    story.github.fault = refused

    assert story.told(event) == story.shipped(
        head,
        2,
        since=base,
        by="commit",
        begun=False,
        warnings=(no_pulls(1, 4, may_not("pull-requests")),),
    )


@pytest.mark.parametrize("page", [1, 2])
def test_a_range_of_which_a_page_is_missing_is_none(story, page):
    base, _, head, event = pushed(story, more=97)
    story.github.fault = answers(
        410, when=lambda asked: "/compare/" in asked.path and f"page={page}&" in asked.query
    )

    assert story.told(event) == story.shipped(
        head,
        since=base,
        by="commit",
        warnings=(no_range_since_deployment(story, base, "GitHub's API answered 410"),),
    )


def test_a_range_with_fewer_commits_than_it_says_is_none(story):
    base, _, head, event = pushed(story)
    commit = {"sha": base, "parents": [], "commit": {"committer": {"date": None}}}
    found = {
        "status": "ahead",
        "base_commit": commit,
        "merge_base_commit": commit,
        "total_commits": 4,
        "commits": [{**commit, "sha": head}],
    }
    story.github.fault = answers(
        200, json.dumps(found).encode(), when=lambda asked: "/compare/" in asked.path
    )

    assert story.told(event) == story.shipped(
        head,
        since=base,
        by="commit",
        warnings=(no_range_since_deployment(story, base, "GitHub listed 1 of 4 commits only"),),
    )


# --- a server that takes its time


@pytest.mark.fault(106)
def test_a_slow_server_leaves_the_backends_their_time(tmp_path):
    head_of_drip = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n"
    )
    faults = {
        "drip": does(receivers.drip(head_of_drip, 0.2, [b" "] * 900)),
        "hang": does(receivers.hang(180)),
        "hang on queries": does(receivers.hang(180), when=is_landings),
    }

    def slow(name):
        with stories.story(tmp_path / name) as story:
            base, before, head, event = pushed(story)
            story.github.fault = faults[name]
            # A run that waits for such a server does not end in the time that a run is given here.
            finished, told = story.run(event, timeout="5")
            late = "GitHub's API did not answer in time"
            expected = story.shipped(
                head,
                since=before,
                by="commit",
                dated=False,
                warnings=(no_deployment(late),),
            )
            if name == "hang on queries":
                # The other way had time left.
                expected = story.shipped(head, 1, 2, since=base)
            return finished, told, expected

    with ThreadPoolExecutor() as pool:
        ran = list(pool.map(slow, faults))

    assert [told for _, told, _ in ran] == [expected for _, _, expected in ran]
    assert [finished.exit_code for finished, _, _ in ran] == [0, 0, 0]


# --- keys stay here


def test_no_output_holds_a_key_that_a_server_repeats(story):
    _, before, head, event = pushed(story)

    def repeats(asked):
        words = f"{asked.headers['authorization']} and {DX_TOKEN}"
        return 403, {**JSON, "X-Said": words}, json.dumps({"message": words}).encode()

    story.github.fault = repeats
    finished, told = story.run(event, {"RUNNER_DEBUG": "1"})

    assert told == story.shipped(
        head,
        since=before,
        by="commit",
        dated=False,
        warnings=(no_deployment(may_not("deployments")), no_range(before, may_not("contents"))),
    )
    assert finished.exit_code == 0
    written = [
        *(line for line in finished.log.splitlines() if not line.startswith("::add-mask::")),
        finished.errors,
        finished.summary,
        *finished.outputs.values(),
    ]
    assert [text for text in written if TOKEN in text or DX_TOKEN in text] == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_the_token_is_not_sent_along_a_redirect_to_another_server(story, status):
    _, before, head, event = pushed(story)

    with Faulty(receivers.answer(200, {})) as elsewhere:
        url = elsewhere.url.replace("127.0.0.1", "localhost") + "/elsewhere"
        story.github.fault = answers(
            status, json.dumps({"message": "Moved", "url": url}).encode(), {**JSON, "Location": url}
        )
        told = story.told(event)

        assert replace(told, warnings=()) == story.shipped(
            head, since=before, by="commit", dated=False
        )
        assert len(told.warnings) == 2
        assert elsewhere.requests == []
