import base64

import pytest

from dora_deployments.attribution.github import commits
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.errors import ConfigurationError
from tests.attribution.github.answers import (
    MALFORMED,
    NO_TIME,
    SLUG,
    always,
    failure,
    hang,
    said,
    why,
)
from tests.end_to_end.github.git import File

PATH = ".github/dora.yml"
LARGEST = 1024
UNREADABLE = ("GitHub's answer could not be read", False, False)
WHERE = "`.github/dora.yml` of acme/shop at"
NO_FILE = "is no regular file; write the path of one"
TOO_LARGE = "is larger than 1024 bytes; write less into it"


def ask(api, path=PATH, sha="5" * 40, largest=LARGEST):
    return commits.file(api, SLUG, path, sha, largest)


def written(of=b"x", /, **changes):
    return {
        "type": "file",
        "encoding": "base64",
        "size": len(of),
        "content": base64.encodebytes(of).decode(),
        **changes,
    }


def refusal(api, sha="5" * 40):
    with pytest.raises(ConfigurationError) as raised:
        ask(api, sha=sha)
    (problem,) = raised.value.problems
    return problem


@pytest.mark.parametrize(
    ("path", "quoted"),
    [
        (PATH, ".github/dora.yml"),
        ("a b/c#d?e%f.yml", "a%20b/c%23d%3Fe%25f.yml"),
        ("caf\xe9/\U0001f680.yml", "caf%C3%A9/%F0%9F%9A%80.yml"),
    ],
)
def test_a_file_is_the_deployed_commits_whatever_its_name(serve, history, path, quoted):
    old = history.commit("main", {path: "old \xfc\n"})
    history.commit("main", {path: "new\n"})
    github, api = serve()
    assert ask(api, path, old) == "old \xfc\n".encode()
    assert str(github.asked[0]) == f"GET /repos/acme/shop/contents/{quoted}?ref={old}"


def test_a_file_that_is_not_there_is_none(serve, history):
    sha = history.commit("main", {"a": "x"})
    _, api = serve()
    assert ask(api, sha=sha) is None
    assert ask(api, sha="1" * 40) is None


def test_a_file_may_be_empty(serve, history):
    sha = history.commit("main", {PATH: ""})
    _, api = serve()
    assert ask(api, sha=sha) == b""


def test_a_file_may_be_of_any_bytes_and_have_many_lines(serve):
    content = bytes(range(256)) * 4
    github, api = serve()
    github.fault = always(said(written(content)))
    assert ask(api) == content


@pytest.mark.parametrize(("size", "is_read"), [(LARGEST, True), (LARGEST + 1, False)])
def test_a_file_may_be_as_large_as_is_said(serve, history, size, is_read):
    sha = history.commit("main", {PATH: "x" * size})
    _, api = serve()
    if is_read:
        assert ask(api, sha=sha) == b"x" * size
    else:
        assert refusal(api, sha) == f"{WHERE} {sha[:7]} {TOO_LARGE}"


def test_a_folder_is_no_file(serve, history):
    sha = history.commit("main", {f"{PATH}/a": "x"})
    _, api = serve()
    assert refusal(api, sha) == f"{WHERE} {sha[:7]} {NO_FILE}"


def test_a_link_that_leads_out_of_the_repository_is_no_file(serve, history):
    sha = history.commit("main", {PATH: File("/etc/passwd", mode="120000")})
    _, api = serve()
    assert refusal(api, sha) == f"{WHERE} {sha[:7]} {NO_FILE}"


def test_without_the_permission_a_file_is_no_file_that_is_missing(serve, history):
    sha = history.commit("main", {PATH: "x"})
    _, api = serve(permissions={"pull-requests"})
    assert why(failure(ask, api, PATH, sha)) == (
        "`github-token` may not read this (403); add `contents: read` to the job's `permissions:`",
        False,
        False,
    )


@pytest.mark.parametrize("answer", [written(type="symlink"), written(type="submodule"), [{}]])
def test_what_is_no_regular_file_is_refused(serve, answer):
    github, api = serve()
    github.fault = always(said(answer))
    assert refusal(api) == f"{WHERE} 5555555 {NO_FILE}"


@pytest.mark.parametrize(
    "changes",
    [
        {"type": None},
        {"type": ["file"]},
        {"encoding": "none", "content": ""},
        {"encoding": "utf-8"},
        {"encoding": None},
        {"content": None},
        {"content": ["eA=="]},
        {"content": "eA==!"},
    ],
    ids=str,
)
def test_what_is_told_in_another_way_cannot_be_read(serve, changes):
    github, api = serve()
    github.fault = always(said(written(**changes)))
    assert why(failure(ask, api)) == UNREADABLE


@pytest.mark.parametrize("content", ["eA=", "x", "\xe4\xf6"])
def test_content_that_is_no_base64_cannot_be_read(serve, content):
    github, api = serve()
    github.fault = always(said(written(content=content)))
    assert why(failure(ask, api)) == UNREADABLE


def test_a_file_is_not_larger_than_is_said_whatever_its_answer_tells_of_its_size(serve):
    github, api = serve()
    github.fault = always(said(written(b"x" * 2_000, size=None)))
    assert refusal(api) == f"{WHERE} 5555555 {TOO_LARGE}"


@pytest.mark.parametrize("answer", MALFORMED.values(), ids=MALFORMED)
def test_an_answer_of_another_kind_is_no_file(serve, answer):
    github, api = serve()
    github.fault = always(answer)
    assert str(failure(ask, api)) in {
        "GitHub's answer could not be read",
        "GitHub's answer could not be read (JSONDecodeError)",
    }


def test_an_outage_is_no_file_that_is_missing(serve):
    github, api = serve(seconds=0.15)
    github.fault = always(hang())
    assert why(failure(ask, api)) == (NO_TIME, False, True)


# --- the other single questions, of which tests/attribution/test_github.py tells more


def test_names_stand_for_commits(serve, history):
    sha = history.commit()
    history.tag("v1")
    annotated = history.annotated_tag("v2")
    twice = history.annotated_tag("v3", annotated)
    number = history.open_pull(history.branch("side") and "side")
    history.commit("side")
    _, api = serve()
    assert commits.default_branch(api, SLUG) == "main"
    assert commits.commit(api, SLUG, sha[:8]) == sha
    assert [commits.tag_commit(api, SLUG, tag) for tag in ("v1", "v2", "v3")] == [sha] * 3
    assert [commits.peeled(api, SLUG, each) for each in (sha, annotated, twice)] == [sha] * 3
    assert why(failure(commits.merge_commit, api, SLUG, number))[0] == (
        "GitHub does not say yet that the pull request is merged"
    )
    merged = history.merge_pull(number)
    assert commits.merge_commit(api, SLUG, number) == merged
    assert why(failure(commits.commit, api, SLUG, "main"))[0] == "GitHub knows no commit main"


def test_tags_lead_to_commits_or_nowhere(serve):
    github, api = serve()
    for target in ({"type": "tree", "sha": "5" * 40}, {"type": "tag", "sha": "5" * 40}):
        github.fault = always(said({"ref": "refs/tags/v1", "object": target}))
        assert str(failure(commits.tag_commit, api, SLUG, "v1")) == (
            "the tag does not point to a commit"
        )


@pytest.mark.parametrize("answer", [{}, {"default_branch": None}, {"default_branch": 5}])
def test_an_answer_without_a_name_names_no_default_branch(serve, answer):
    github, api = serve()
    github.fault = always(said({"full_name": SLUG, **answer}))
    error = failure(commits.default_branch, api, SLUG)
    assert isinstance(error, LookUpError)


@pytest.mark.parametrize("sha", [None, "main", "0" * 40, 5])
def test_an_answer_without_a_sha_holds_no_commit(serve, sha):
    github, api = serve()
    github.fault = always(said({"merged": True, "merge_commit_sha": sha}))
    failure(commits.merge_commit, api, SLUG, 7)
