"""The look-ups over real HTTP, to a server as strict as GitHub is with addresses and tokens."""

import subprocess
import sys
import time
import traceback
from contextlib import ExitStack
from pathlib import Path

import pytest

from dora_deployments.attribution.github import LOOK_UP_SECONDS, GitHub
from dora_deployments.attribution.github.api import Api
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.budget import Budget
from tests.end_to_end import receivers
from tests.end_to_end.github_api import GitHubApi, Repository
from tests.end_to_end.receivers import Faulty

SOURCE = Path(__file__).parent.parent.parent / "src"
TOKEN = "ghs_0123456789abcdefghijklmnopqrstuvwxyz"
SLUG = "acme/shop"
COMMIT = "5a47c3f0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f6"
TWIN = "5a47c3f1" + "0" * 32
TREE = "3" * 40
BLOB = "4" * 40
TAG_OBJECTS = [f"{number:040x}" for number in range(1, 6)]

ODD_TAGS = {
    "v1.12.0": "v1.12.0",
    "services/checkout@1.2.3": "services/checkout%401.2.3",
    "v1#2": "v1%232",
    "v1+build.7": "v1%2Bbuild.7",
    "50%": "50%25",
    "a%2Fb": "a%252Fb",
    "grüße-🚀": "gr%C3%BC%C3%9Fe-%F0%9F%9A%80",
    "a&b=c;d": "a%26b%3Dc%3Bd",
    "it's(1)!": "it%27s%281%29%21",
    "heads/main": "heads/main",
}
REPOSITORY = Repository(
    branches={"main": COMMIT, "abc1234": COMMIT},
    tags={
        **dict.fromkeys(ODD_TAGS, COMMIT),
        **{f"annotated-{n}": sha for n, sha in enumerate(TAG_OBJECTS, start=1)},
        "of-a-tree": TREE,
        "of-a-blob": BLOB,
    },
    objects={
        COMMIT: "commit",
        TWIN: "commit",
        TREE: "tree",
        BLOB: "blob",
        **{
            sha: f"tag:{target}"
            for sha, target in zip(TAG_OBJECTS, [COMMIT, *TAG_OBJECTS], strict=False)
        },
    },
    pulls={117: COMMIT, 118: None},
)


@pytest.fixture
def api():
    with GitHubApi(REPOSITORY, token=TOKEN, former="acme/store") as server:
        yield server


@pytest.fixture
def github():
    with ExitStack() as clients:

        def make(api, *, token=TOKEN, seconds=LOOK_UP_SECONDS):
            api_url = api.api_url if isinstance(api, GitHubApi) else api.url
            client = GitHub(Api(api_url=api_url, token=token, budget=Budget.of(seconds)))
            return clients.enter_context(client)

        yield make


def failure(look_up, *arguments):
    """Return why a look-up failed, once sure that nothing of it can show the token."""
    with pytest.raises(LookUpError) as raised:
        look_up(*arguments)
    assert TOKEN not in "".join(traceback.format_exception(raised.value))
    return str(raised.value)


# --- tags


@pytest.mark.parametrize(("tag", "quoted"), ODD_TAGS.items())
def test_a_tag_is_asked_for_by_its_name_whatever_that_holds(api, tag, quoted, github):
    assert github(api).tag_commit(SLUG, tag) == COMMIT
    assert api.asked == [f"GET /repos/acme/shop/git/ref/tags/{quoted}"]


def test_an_annotated_tag_is_peeled_to_its_commit(api, github):
    assert github(api).tag_commit(SLUG, "annotated-1") == COMMIT
    assert api.asked == [
        "GET /repos/acme/shop/git/ref/tags/annotated-1",
        f"GET /repos/acme/shop/git/tags/{TAG_OBJECTS[0]}",
    ]


def test_a_tag_of_a_tag_is_peeled_down_to_the_commit(api, github):
    assert github(api).tag_commit(SLUG, "annotated-2") == COMMIT
    assert api.asked == [
        "GET /repos/acme/shop/git/ref/tags/annotated-2",
        f"GET /repos/acme/shop/git/tags/{TAG_OBJECTS[1]}",
        f"GET /repos/acme/shop/git/tags/{TAG_OBJECTS[0]}",
    ]


def test_tags_of_tags_are_followed_only_so_far(api, github):
    assert github(api).tag_commit(SLUG, "annotated-4") == COMMIT
    del api.requests[:]
    assert failure(github(api).tag_commit, SLUG, "annotated-5") == (
        "the tag does not point to a commit"
    )
    assert len(api.asked) == 6


@pytest.mark.parametrize("tag", ["of-a-tree", "of-a-blob"])
def test_a_tag_may_point_to_what_cannot_be_deployed(api, tag, github):
    assert failure(github(api).tag_commit, SLUG, tag) == "the tag does not point to a commit"
    assert len(api.asked) == 1


def test_a_tag_that_is_not_there_is_not_found(api, github):
    assert failure(github(api).tag_commit, SLUG, "v1") == (
        "GitHub knows no such thing, or `github-token` lacks `contents: read` (404)"
    )


def test_a_tag_object_is_peeled_to_its_commit(api, github):
    assert github(api).peeled(SLUG, TAG_OBJECTS[1]) == COMMIT
    assert api.asked == [
        f"GET /repos/acme/shop/git/tags/{TAG_OBJECTS[1]}",
        f"GET /repos/acme/shop/git/tags/{TAG_OBJECTS[0]}",
    ]


def test_what_is_no_tag_object_is_a_commit_only_if_github_knows_it_as_one(api, github):
    assert github(api).peeled(SLUG, COMMIT) == COMMIT
    assert api.asked == [
        f"GET /repos/acme/shop/git/tags/{COMMIT}",
        f"GET /repos/acme/shop/commits/{COMMIT}?page=1&per_page=1",
    ]
    assert failure(github(api).peeled, SLUG, TREE) == (
        "GitHub knows no such commit, or more than one (422)"
    )


def test_a_tag_object_that_the_token_may_not_see_is_not_taken_for_a_commit(api, github):
    # GitHub answers 404 for a private repository to a token without access.
    assert failure(github(api).peeled, "acme/secret", TAG_OBJECTS[0]) == (
        "GitHub knows no such thing, or `github-token` lacks `contents: read` (404)"
    )


# --- commits


def test_a_short_sha_is_expanded(api, github):
    assert github(api).commit(SLUG, "5a47c3f0") == COMMIT
    assert api.asked == ["GET /repos/acme/shop/commits/5a47c3f0?page=1&per_page=1"]


def test_a_branch_that_is_named_like_a_short_sha_is_refused(api, github):
    assert failure(github(api).commit, SLUG, "abc1234") == "GitHub knows no commit abc1234"


@pytest.mark.parametrize("short", ["5a47c3f", "fffffff"])
def test_a_short_sha_of_several_commits_or_of_none_is_refused(api, short, github):
    assert failure(github(api).commit, SLUG, short) == (
        "GitHub knows no such commit, or more than one (422)"
    )


# --- pull requests and the default branch


def test_a_pull_request_tells_its_merge_commit(api, github):
    assert github(api).merge_commit(SLUG, 117) == COMMIT
    assert api.asked == ["GET /repos/acme/shop/pulls/117"]


def test_the_trial_merge_of_an_open_pull_request_is_not_its_merge_commit(api, github):
    assert failure(github(api).merge_commit, SLUG, 118) == (
        "GitHub does not say yet that the pull request is merged"
    )


@pytest.mark.fault(77)
def test_a_merge_commit_that_github_is_still_computing_is_not_known(api, github):
    api.fault = receivers.answer(200, {"merged": True, "merge_commit_sha": None})
    assert failure(github(api).merge_commit, SLUG, 117) == "GitHub's answer holds no commit SHA"


def test_a_repository_tells_its_default_branch(api, github):
    assert github(api).default_branch(SLUG) == "main"
    assert api.asked == ["GET /repos/acme/shop"]


# --- servers and repositories


@pytest.mark.fault(97)
def test_a_renamed_repository_is_found_under_its_new_address(api, github):
    assert github(api).default_branch("acme/store") == "main"
    assert github(api).tag_commit("acme/store", "v1#2") == COMMIT
    assert github(api).commit("acme/store", "5a47c3f0") == COMMIT
    assert api.asked == [
        "GET /repos/acme/store",
        "GET /repositories/186853261",
        "GET /repos/acme/store/git/ref/tags/v1%232",
        "GET /repositories/186853261/git/ref/tags/v1%232",
        "GET /repos/acme/store/commits/5a47c3f0?page=1&per_page=1",
        "GET /repositories/186853261/commits/5a47c3f0",
    ]


def test_the_token_is_not_taken_to_another_host(github):
    with Faulty(receivers.answer(200, {"default_branch": "evil"})) as other:
        elsewhere = other.url.replace("127.0.0.1", "localhost")
        for status in (301, 302, 307, 308):
            with Faulty(receivers.answer(status, {}, [("Location", elsewhere)])) as server:
                assert "GitHub's answer" in failure(github(server).default_branch, SLUG)
                assert len(server.requests) == 1
        assert other.requests == []


@pytest.mark.fault(98)
def test_an_enterprise_servers_addresses_are_below_its_own(github):
    with GitHubApi(REPOSITORY, token=TOKEN, prefix="/api/v3", former="acme/store") as api:
        assert github(api).tag_commit(SLUG, "annotated-1") == COMMIT
        assert github(api).merge_commit("acme/store", 117) == COMMIT
        assert api.asked == [
            "GET /api/v3/repos/acme/shop/git/ref/tags/annotated-1",
            f"GET /api/v3/repos/acme/shop/git/tags/{TAG_OBJECTS[0]}",
            "GET /api/v3/repos/acme/store/pulls/117",
            "GET /api/v3/repositories/186853261/pulls/117",
        ]


# --- whatever goes wrong


def test_without_a_token_nothing_is_asked(api, github):
    assert failure(github(api, token=None).default_branch, SLUG) == "`github-token` is empty"
    assert api.requests == []


def test_a_token_that_github_does_not_know_is_named(api, github):
    other = github(api, token=TOKEN[::-1])
    assert (
        failure(other.default_branch, SLUG)
        == "GitHub refused `github-token` (401); leave it out for the job's own"
    )
    assert len(api.requests) == 1


def test_the_token_shows_in_no_repr(api, github):
    assert TOKEN not in repr(github(api))


HTML = [("Content-Type", "text/html")]
FORBIDDEN = (
    "`github-token` may not read this (403); add `contents: read` to the job's `permissions:`"
)
USED_UP = "the rate limit of `github-token` is used up (403)"
USED_UP_UNTIL = "the rate limit of `github-token` is used up until 13:37 UTC (403)"
LIMITED = {"message": "API rate limit exceeded for installation ID 1."}
SECONDARY = {
    "message": (
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
    )
}


def reset_at(seconds):
    return [("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", str(seconds))]


def tomorrow():
    """Return the headers of a limit that ends at 13:37 UTC, after all that tests wait for."""
    midnight = int(time.time()) // 86_400 * 86_400
    return reset_at(midnight + 86_400 + 13 * 3_600 + 37 * 60)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (
            receivers.answer(401, {"message": f"{TOKEN}?"}),
            "GitHub refused `github-token` (401); leave it out for the job's own",
        ),
        (receivers.answer(403, {"message": "Resource not accessible"}), FORBIDDEN),
        (receivers.answer(403, b"<html>", HTML), FORBIDDEN),
        (receivers.answer(403, LIMITED, tomorrow()), USED_UP_UNTIL),
        (receivers.answer(403, {}, tomorrow()), USED_UP_UNTIL),
        (receivers.answer(403, {}, [("X-RateLimit-Remaining", "1")]), FORBIDDEN),
        (receivers.answer(403, SECONDARY), USED_UP),
        (receivers.answer(403, SECONDARY, [("Retry-After", "3600")]), USED_UP),
        (receivers.answer(429, LIMITED), "the rate limit of `github-token` is used up (429)"),
        (
            receivers.answer(429, SECONDARY, [("Retry-After", "3600")]),
            "the rate limit of `github-token` is used up (429)",
        ),
        (receivers.answer(410, {"message": TOKEN}), "GitHub's API answered 410"),
        (receivers.answer(501, b""), "GitHub's API answered 501"),
        (
            receivers.answer(404, b"<html>", HTML),
            "GitHub knows no such thing, or `github-token` lacks `contents: read` (404)",
        ),
        (
            receivers.answer(200, b"<html>", HTML),
            "GitHub's answer could not be read (JSONDecodeError)",
        ),
        (receivers.answer(200, {}), "GitHub's answer names no default branch"),
        (
            receivers.answer(200, {"default_branch": None}),
            "GitHub's answer names no default branch",
        ),
        (
            receivers.answer(200, {"default_branch": [TOKEN]}),
            "GitHub's answer could not be read (BadAttributeException)",
        ),
        (receivers.answer(200, b"[1]"), "GitHub's answer names no default branch"),
        (receivers.answer(200, b"null"), "GitHub's answer could not be read (TypeError)"),
        (receivers.answer(200, b""), "GitHub's answer could not be read (JSONDecodeError)"),
        (
            receivers.answer(200, b'{"default_branch": "m'),
            "GitHub's answer could not be read (JSONDecodeError)",
        ),
        (
            receivers.short_body(),
            "the connection to GitHub's API failed (ChunkedEncodingError)",
        ),
        (receivers.bad_gzip(), "the connection to GitHub's API failed (ContentDecodingError)"),
    ],
)
def test_a_refusal_or_a_broken_answer_is_a_reason_in_our_own_words_after_one_request(
    api, fault, reason, github
):
    api.fault = fault
    assert failure(github(api).default_branch, SLUG) == reason
    assert len(api.requests) == 1


@pytest.mark.parametrize("fault", [receivers.answer(200, b"<html>", HTML), receivers.answer(200)])
def test_no_look_up_takes_a_web_page_or_nothing_for_an_answer(api, fault, github):
    api.fault = fault
    client = github(api)
    for look_up, argument in [
        (client.commit, "5a47c3f"),
        (client.tag_commit, "v1.12.0"),
        (client.peeled, COMMIT),
        (client.merge_commit, 117),
    ]:
        why = failure(look_up, SLUG, argument)
        assert why == "GitHub's answer could not be read (JSONDecodeError)"


@pytest.mark.parametrize("sha", [None, "", "5a47c3f", "5a47c3f0", "main", "0" * 40, f"{COMMIT}0"])
def test_an_answer_without_a_full_sha_is_none(api, sha, github):
    client = github(api)
    for answer, look_up, argument in [
        ({"sha": sha}, client.commit, "5a47c3f"),
        ({"object": {"type": "commit", "sha": sha}}, client.tag_commit, "v1.12.0"),
        ({"object": {"type": "commit", "sha": sha}}, client.peeled, COMMIT),
        ({"merged": True, "merge_commit_sha": sha}, client.merge_commit, 117),
    ]:
        api.fault = receivers.answer(200, answer)
        assert failure(look_up, SLUG, argument) == "GitHub's answer holds no commit SHA"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (
            receivers.answer(503, {"message": TOKEN}, [("Retry-After", "3600")]),
            "GitHub's API answered 503",
        ),
        (receivers.reset(), "the connection to GitHub's API failed (ConnectionError)"),
    ],
)
def test_what_may_pass_is_tried_three_times_with_about_a_second_between(api, fault, reason, github):
    api.fault = fault
    started = time.monotonic()
    assert failure(github(api).default_branch, SLUG) == reason
    assert len(api.requests) == 3
    assert time.monotonic() - started > 0.9


def test_an_answer_that_comes_at_the_second_attempt_counts(github):
    good = receivers.answer(200, {"default_branch": "main"})
    for status in (500, 502, 503, 504):
        with Faulty(receivers.answer(status), good) as server:
            assert github(server).default_branch(SLUG) == "main"


@pytest.mark.timeout(60)  # which a look-up without a budget would outlast
@pytest.mark.parametrize(
    "fault",
    [
        receivers.hang(600),
        receivers.drip(b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n", 0.05, [b" "] * 12_000),
        receivers.answer(202, {}),  # PyGithub would ask again for ever
    ],
    ids=["hangs", "drips", "is never done"],
)
def test_a_server_that_does_not_answer_is_given_up_when_the_budget_ends(api, fault, github):
    api.fault = fault
    started = time.monotonic()
    assert failure(github(api, seconds=0.3).default_branch, SLUG) == (
        "GitHub's API did not answer in time"
    )
    assert time.monotonic() - started >= 0.3


@pytest.mark.timeout(60)
def test_a_look_up_that_has_no_time_left_fails_at_once(api, github):
    api.fault = receivers.hang(600)
    assert failure(github(api, seconds=0).default_branch, SLUG) == (
        "GitHub's API did not answer in time"
    )


# --- in a process of its own


def run_python(code, **environ):
    return subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(SOURCE)!r})\n{code}"],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_pygithub_is_not_imported_before_the_first_question():
    done = run_python(
        "from dora_deployments.attribution.github import GitHub\n"
        "from dora_deployments.attribution.github.api import Api\n"
        "from dora_deployments.budget import Budget\n"
        "api = Api(api_url='https://api.github.com', token='t', budget=Budget.of(20))\n"
        "with GitHub(api):\n"
        "    pass\n"
        "print({'github', 'requests', 'urllib3'} & set(sys.modules))"
    )
    assert (done.stdout, done.stderr) == ("set()\n", "")


def test_nothing_is_printed_and_no_planted_login_is_used(api, tmp_path):
    netrc = tmp_path / ".netrc"
    netrc.write_text("default login planted password planted\n", "utf-8")
    netrc.chmod(0o600)
    with Faulty(receivers.reset(), receivers.answer(403, LIMITED, tomorrow())) as faulty:
        done = run_python(
            "from dora_deployments.attribution.github import GitHub\n"
            "from dora_deployments.attribution.github.api import Api\n"
            "from dora_deployments.attribution.look_ups import LookUpError\n"
            "from dora_deployments.budget import Budget\n"
            f"for url in ({api.url!r}, {faulty.url!r}):\n"
            f"    api = Api(api_url=url, token={TOKEN!r}, budget=Budget.of(20))\n"
            "    with GitHub(api) as github:\n"
            "        try:\n"
            "            print(github.default_branch('acme/store'))\n"
            "        except LookUpError as error:\n"
            "            print(error)\n",
            HOME=str(tmp_path),
            NETRC=str(netrc),
        )
    assert done.stdout.splitlines() == ["main", USED_UP_UNTIL]
    assert done.stderr == ""
