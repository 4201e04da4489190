"""Of an answer that is not as GitHub writes it, nothing is kept."""

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
    "commits": {"nodes": []},
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


def in_list(read):
    return lambda item: read([item])


def under(key, read):
    return lambda item: read({key: [item]})


READERS = {
    "repository": (trimmed.repository, NAMED, ["full_name", "id", "default_branch"]),
    "tip": (trimmed.tip, {"sha": SHA}, ["sha"]),
    "deployments": (in_list(trimmed.deployments), DEPLOYMENT, [*DEPLOYMENT]),
    "statuses": (in_list(trimmed.statuses), STATUS, [*STATUS]),
    "queried statuses": (
        under("nodes", trimmed.queried_statuses),
        {"state": "SUCCESS", "createdAt": TIME},
        ["state", "createdAt"],
    ),
    "release": (release, RELEASE, [*RELEASE]),
    "pull": (pull, PULL, [*PULL]),
    "runs": (under("workflow_runs", trimmed.runs), RUN, [*RUN]),
    "workflows": (under("workflows", trimmed.workflows), WORKFLOW, [*WORKFLOW]),
    "commits": (in_list(trimmed.commits), COMMIT, [*COMMIT]),
    "history": (under("nodes", trimmed.history), NODE, [*NODE]),
}
BROKEN = [
    (name, key, value)
    for name, (_, _, keys) in READERS.items()
    for key in keys
    for value in (None, [], {}, "", -1, True)
]


@pytest.mark.parametrize("name", READERS)
def test_a_good_answer_is_read(name):
    read, good, _ = READERS[name]
    assert read(good)


@pytest.mark.parametrize(("name", "key", "value"), BROKEN)
def test_what_counts_must_be_there(name, key, value):
    read, good, _ = READERS[name]
    if name == "commits" and key == "parents" and value == []:
        return  # the first commit of all
    with pytest.raises(LookUpError, match=r"\Awhat GitHub tells of [a-z ]+ could not be read\Z"):
        read({**good, key: value})


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("value", [5, "x", [1], True])
def test_an_item_must_be_an_object(name, value):
    with pytest.raises(LookUpError):
        READERS[name][0](value)


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
            }
        ]
    }
    assert trimmed.statuses([STATUS]) == [
        {**STATUS, "environment": None, "log_url": None, "environment_url": None}
    ]
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
    assert read({"nodes": [None], "pageInfo": info}) == {"items": [], "after": after}


def test_a_time_must_be_one():
    with pytest.raises(LookUpError):
        trimmed.moment("soon")
