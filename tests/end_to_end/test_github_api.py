"""The stand-in for GitHub is as strict as GitHub, or tests against it would say nothing."""

import pytest
import requests

from tests.end_to_end import receivers
from tests.end_to_end.github_api import GitHubApi, Repository

TOKEN = "token-of-the-tests"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
COMMIT = "5a47c3f0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f6"
REPOSITORY = Repository(
    branches={"main": COMMIT, "release/1": COMMIT},
    tags={"v1": COMMIT, "a/b": COMMIT},
    objects={COMMIT: "commit"},
    pulls={7: COMMIT},
)


@pytest.fixture
def api():
    with GitHubApi(REPOSITORY, token=TOKEN, former="acme/store") as server:
        yield server


def get(api, path, headers=HEADERS, **options):
    response = requests.get(api.api_url + path, headers=headers, timeout=5, **options)
    return response.status_code, response.json()


@pytest.mark.parametrize(
    "authorization", [None, "", TOKEN, "Bearer other", f"Basic {TOKEN}", f"bearer  {TOKEN}"]
)
def test_only_the_token_opens_it(api, authorization):
    headers = {} if authorization is None else {"Authorization": authorization}
    assert get(api, "/repos/acme/shop", headers)[0] == 401


@pytest.mark.parametrize("scheme", ["token", "Bearer"])
def test_both_spellings_of_the_token_will_do(api, scheme):
    assert get(api, "/repos/acme/shop", {"Authorization": f"{scheme} {TOKEN}"}) == (
        200,
        {"id": 186853261, "full_name": "acme/shop", "default_branch": "main"},
    )


def test_it_wants_to_know_who_asks(api):
    assert get(api, "/repos/acme/shop", {**HEADERS, "User-Agent": ""})[0] == 403


def test_it_takes_nothing_but_questions(api):
    response = requests.post(f"{api.url}/repos/acme/shop", headers=HEADERS, timeout=5)
    assert response.status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "/repos/acme",
        "/repos/acme/shopping",
        "/repos/acme/shop/",
        "/repos/acme/shop/git/refs/tags/v1",
        "/repos/acme/shop/git/ref/tags/v",
        "/repos/acme/shop/git/ref/tags/a%252Fb",
        "/repos/acme/shop/git/ref/v1",
        f"/repos/acme/shop/git/tags/{COMMIT}",
        "/repos/acme/shop/pulls/8",
        "/repos/acme/shop/pulls/7/files",
    ],
)
def test_it_finds_nothing_but_what_is_there(api, path):
    assert get(api, path)[0] == 404


@pytest.mark.parametrize(
    "path", ["/git/ref/tags/a/b", "/git/ref/tags/a%2Fb", "/commits/release%2F1"]
)
def test_it_reads_an_address_once_as_it_is_quoted(api, path):
    assert get(api, f"/repos/acme/shop{path}")[0] == 200


def test_it_finds_a_commit_by_the_start_of_its_sha(api):
    assert get(api, "/repos/acme/shop/commits/5a47")[1]["sha"] == COMMIT
    assert get(api, "/repos/acme/shop/commits/5a4")[0] == 422
    assert get(api, "/repos/acme/shop/commits/5a47?ref=main")[0] == 400


def test_it_sends_on_from_a_former_name(api):
    status, body = get(api, "/repos/acme/store/pulls/7", allow_redirects=False)
    assert (status, body["url"]) == (301, f"{api.url}/repositories/186853261/pulls/7")


def test_a_fault_replaces_every_answer(api):
    api.fault = receivers.answer(500, {"message": "broken"})
    assert get(api, "/repos/acme/shop", {}) == (500, {"message": "broken"})
    assert api.asked == ["GET /repos/acme/shop"]
