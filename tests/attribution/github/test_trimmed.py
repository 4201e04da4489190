"""Of what is not as GitHub writes it, nothing is kept, and the rest beside it is."""

from functools import partial

import pytest

from dora_deployments.actions.payload import Payload
from dora_deployments.attribution.github import trimmed
from dora_deployments.attribution.look_ups import LookUpError

SHA = "5" * 40
TIME = "2026-06-01T08:00:00Z"
DEPLOYMENT = {
    "id": 1,
    "node_id": "DE_1",
    "sha": SHA,
    "environment": "production",
    "created_at": TIME,
}
STATUS = {"state": "success", "created_at": TIME}
RELEASE = {"databaseId": 1, "tagName": "v1"}
PULL = {
    "fullDatabaseId": "1",
    "number": 1,
    "mergedAt": TIME,
    "updatedAt": TIME,
}
RUN = {"id": 1, "head_sha": SHA, "created_at": TIME, "updated_at": TIME}
WORKFLOW = {"id": 1, "name": "Deploy", "path": "deploy.yml"}
COMMIT = {"sha": SHA, "commit": {"committer": {"date": TIME}}, "parents": [{"sha": SHA}]}
NODE = {"oid": SHA, "committedDate": TIME, "parents": {"nodes": [{"oid": SHA}]}}
NAMED = {"full_name": "acme/shop", "id": 1, "default_branch": "main"}


def release(item):
    return trimmed.release(Payload(item))


def pull(item):
    return trimmed.pull(Payload(item))


def under(key, read):
    return lambda items: read({key: items})


def page_of(read):
    info = {"hasNextPage": False}
    return lambda items: trimmed.page({"nodes": items, "pageInfo": info}, read)


def history(items):
    found = trimmed.history({"nodes": items})
    return {"items": found, "odd": len(items) - len(found)}


ALONE = {
    "repository": (trimmed.repository, NAMED),
    "tip": (trimmed.tip, {"sha": SHA}),
    "release": (release, RELEASE),
    "pull": (pull, PULL),
}
PAGES = {
    "deployments": (trimmed.deployments, DEPLOYMENT),
    "releases": (page_of(trimmed.release), RELEASE),
    "pulls": (page_of(trimmed.pull), PULL),
    "runs": (under("workflow_runs", trimmed.runs), RUN),
    "workflows": (under("workflows", trimmed.workflows), WORKFLOW),
    "commits": (trimmed.commits, COMMIT),
}
# Of these there may be few, so that all may be odd.
PARTS = {
    "statuses": (trimmed.statuses, STATUS),
    "queried statuses": (
        under("nodes", trimmed.queried_statuses),
        {"state": "SUCCESS", "createdAt": TIME},
    ),
    "history": (history, NODE),
}
LISTS = {**PAGES, **PARTS}
ODD = (None, [], {}, "", -1, True)
NO_TIMES = ("soon", "0001-01-01T00:00:00+14:00", "2026-06-30T23:59:60Z", "10000-01-01T00:00:00Z")


def broken(readers):
    return [
        (name, key, value)
        for name, (_, good) in readers.items()
        for key in good
        for value in (ODD + NO_TIMES if good[key] == TIME else ODD)
        if (key, value) != ("parents", [])  # the first commit of all
    ]


@pytest.mark.parametrize("name", {**ALONE, **LISTS})
def test_a_good_answer_is_read(name):
    read, good = {**ALONE, **LISTS}[name]
    found = read([good] if name in LISTS else good)
    assert found
    if name in LISTS:
        assert (len(found["items"]), found["odd"]) == (1, 0)


@pytest.mark.parametrize(("name", "key", "value"), broken(ALONE))
def test_what_counts_must_be_there(name, key, value):
    read, good = ALONE[name]
    with pytest.raises(LookUpError, match=r"\Awhat GitHub says about [a-z ]+ could not be read\Z"):
        read({**good, key: value})


@pytest.mark.parametrize(("name", "key", "value"), broken(LISTS))
def test_an_odd_item_is_left_out_and_counted(name, key, value):
    read, good = LISTS[name]
    whole = read([good, good])
    assert read([good, {**good, key: value}, good]) == {**whole, "odd": 1}
    assert read([{**good, key: value}])["odd"] == 1


@pytest.mark.parametrize("name", LISTS)
def test_where_none_of_several_can_be_read_the_answer_is_of_another_kind(name):
    read, _ = LISTS[name]
    if name in PAGES:
        with pytest.raises(LookUpError, match=r"\Awhat GitHub says about"):
            read([{}, {}])
    else:
        assert read([{}, {}]) == {"items": [], "odd": 2}


@pytest.mark.parametrize("name", {**ALONE, **LISTS})
@pytest.mark.parametrize("value", [5, "x", [1], True])
def test_an_item_must_be_an_object(name, value):
    with pytest.raises(LookUpError):
        {**ALONE, **LISTS}[name][0]([value] if name in LISTS else value)


@pytest.mark.parametrize(
    ("read", "good", "key"),
    [
        (trimmed.deployments, DEPLOYMENT, "created_at"),
        (trimmed.statuses, STATUS, "created_at"),
        (under("workflow_runs", trimmed.runs), RUN, "updated_at"),
        (page_of(trimmed.release), RELEASE, "publishedAt"),
        (page_of(trimmed.pull), PULL, "mergedAt"),
    ],
)
def test_nothing_happened_on_github_before_this_century(read, good, key):
    assert read([{**good, key: "1999-12-31T23:59:59Z"}])["odd"] == 1
    assert read([{**good, key: "2000-01-01T00:00:00Z"}])["odd"] == 0


def test_a_commit_may_be_of_any_time():
    long_ago = "0001-01-01T00:00:00Z"
    commit = {**COMMIT, "commit": {"committer": {"date": long_ago}}}
    assert trimmed.commits([commit]) == {"items": [[SHA, long_ago, [SHA]]], "odd": 0}


@pytest.mark.parametrize("commits", [None, [], {"nodes": None}, {"nodes": []}, {"nodes": [None]}])
def test_a_pull_request_may_have_no_first_commit(commits):
    assert pull({**PULL, "commits": commits})["first_commit_at"] is None


@pytest.mark.parametrize(
    "number", ["0", "x", "1.0", "-1", "٣", 1.5, 10**19, False, "10000000000000000000"]
)
def test_the_id_of_a_pull_request_is_a_number_or_its_digits(number):
    with pytest.raises(LookUpError):
        pull({**PULL, "fullDatabaseId": number})


def test_what_may_be_missing_is_none():
    assert trimmed.deployments([DEPLOYMENT]) == {
        "items": [
            {
                **DEPLOYMENT,
                "ref": None,
                "task": None,
                "original_environment": None,
                "transient_environment": False,
                "creator": {"login": None},
                "payload": {"services": []},
            }
        ],
        "odd": 0,
    }
    assert trimmed.statuses([STATUS]) == {
        "items": [{**STATUS, "environment": None, "log_url": None, "environment_url": None}],
        "odd": 0,
    }
    assert release(RELEASE) == {
        "release": {
            "id": 1,
            "tag_name": "v1",
            "draft": False,
            "prerelease": False,
            "published_at": None,
        },
        "commit": None,
    }
    assert trimmed.runs({"workflow_runs": [RUN]}) == {
        "items": [
            {
                **RUN,
                "event": None,
                "head_branch": None,
                "conclusion": None,
                "status": None,
                "run_started_at": None,
                "head_repository": {"full_name": None},
            }
        ],
        "odd": 0,
        "total": 0,
    }


@pytest.mark.parametrize(
    "info",
    [
        None,
        [],
        {},
        {"hasNextPage": 1},
        {"hasNextPage": True},
        {"hasNextPage": True, "endCursor": ""},
        {"hasNextPage": True, "endCursor": 5},
    ],
)
def test_a_page_says_whether_there_is_another_and_where(info):
    with pytest.raises(LookUpError, match="a query's results"):
        trimmed.page({"nodes": [], "pageInfo": info}, release)


@pytest.mark.parametrize(
    ("info", "after"),
    [
        ({"hasNextPage": False, "endCursor": "x"}, None),
        ({"hasNextPage": False}, None),
        ({"hasNextPage": True, "endCursor": "x"}, "x"),
    ],
)
def test_a_page_tells_where_the_next_one_begins(info, after):
    read = partial(trimmed.page, read=trimmed.release)
    assert read({"nodes": [None], "pageInfo": info}) == {
        "items": [],
        "odd": 0,
        "after": after,
    }


def test_a_time_must_be_one():
    with pytest.raises(LookUpError):
        trimmed.moment("soon")
