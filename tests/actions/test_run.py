from dataclasses import replace

import pytest

from dora_deployments.actions.run import Run, docs_url
from dora_deployments.errors import EventError

SHA = "109cf4c2b7a94a9c8a1f1f6f0d0b3b2a5c6d7e8f"

NOTHING = Run(
    event_name=None,
    event_path=None,
    repository=None,
    repository_id=None,
    sha=None,
    ref=None,
    server_url="https://github.com",
    api_url="https://api.github.com",
    run_id=None,
    attempt=1,
    actor=None,
    workspace=None,
    temp=None,
)


def test_every_variable_is_read():
    environ = {
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_EVENT_PATH": "/home/runner/work/_temp/event.json",
        "GITHUB_REPOSITORY": "acme/shop",
        "GITHUB_REPOSITORY_ID": "186853261",
        "GITHUB_SHA": SHA.upper(),
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_SERVER_URL": "https://github.acme.example",
        "GITHUB_API_URL": "https://github.acme.example/api/v3",
        "GITHUB_RUN_ID": "8412399001",
        "GITHUB_RUN_ATTEMPT": "2",
        "GITHUB_ACTOR": "dependabot[bot]",
        "GITHUB_WORKSPACE": "/home/runner/work/shop/shop",
        "RUNNER_TEMP": "/home/runner/work/_temp",
    }
    assert Run.from_environ(environ) == Run(
        event_name="push",
        event_path="/home/runner/work/_temp/event.json",
        repository="acme/shop",
        repository_id="186853261",
        sha=SHA,
        ref="refs/heads/main",
        server_url="https://github.acme.example",
        api_url="https://github.acme.example/api/v3",
        run_id="8412399001",
        attempt=2,
        actor="dependabot[bot]",
        workspace="/home/runner/work/shop/shop",
        temp="/home/runner/work/_temp",
    )


def test_without_variables_the_run_is_on_github_com_for_the_first_time():
    assert Run.from_environ({}) == NOTHING


def test_blank_variables_are_absent():
    names = (
        "EVENT_NAME EVENT_PATH REPOSITORY REPOSITORY_ID SHA REF SERVER_URL API_URL RUN_ID"
        " RUN_ATTEMPT ACTOR"
    )
    environ = {f"GITHUB_{name}": " \n" for name in names.split()}
    assert Run.from_environ(environ) == NOTHING


def test_white_space_around_a_variable_is_cut():
    environ = {"GITHUB_REF": " refs/heads/main\r\n", "GITHUB_RUN_ATTEMPT": "\t2 "}
    assert Run.from_environ(environ) == replace(NOTHING, ref="refs/heads/main", attempt=2)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REPOSITORY", "acme"),
        ("REPOSITORY", "acme/../.."),
        ("REPOSITORY_ID", "186853261x"),
        ("REPOSITORY_ID", "-1"),
        ("REPOSITORY_ID", "1" * 20),
        ("SHA", "main"),
        ("SHA", "0" * 40),
        ("RUN_ID", "../8412399001"),
        ("RUN_ID", "\u0668"),
        ("RUN_ATTEMPT", "two"),
        ("RUN_ATTEMPT", "1.5"),
    ],
)
def test_a_variable_that_cannot_be_true_is_absent(name, value):
    assert Run.from_environ({f"GITHUB_{name}": value}) == NOTHING


def test_the_longest_ids_are_read_as_they_are():
    run = Run.from_environ({"GITHUB_RUN_ID": "9" * 19, "GITHUB_REPOSITORY_ID": "0"})
    assert (run.run_id, run.repository_id) == ("9" * 19, "0")


def test_the_pages_address_is_the_same_for_every_attempt():
    environ = {"GITHUB_SERVER_URL": "https://github.acme.example/", "GITHUB_RUN_ID": "8412399001"}
    first = Run.from_environ({**environ, "GITHUB_RUN_ATTEMPT": "1"})
    second = Run.from_environ({**environ, "GITHUB_RUN_ATTEMPT": "2"})
    assert first.url("acme/shop") == (
        "https://github.acme.example/acme/shop/actions/runs/8412399001"
    )
    assert second.url("acme/shop") == first.url("acme/shop")


def test_a_run_without_an_id_has_no_page():
    assert NOTHING.url("acme/shop") is None


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("https://github.com/", "https://github.com"),
        ("https://GitHub.Acme.Example", "https://github.acme.example"),
        ("http://github.acme.example:8080//", "http://github.acme.example:8080"),
        ("https://user:password@github.acme.example/api/v3", "https://github.acme.example/api/v3"),
        ("https://github.acme.example/api/v3/?token=x#y", "https://github.acme.example/api/v3"),
        ("https://acme.ghe.com/a_b.c~d-E/1", "https://acme.ghe.com/a_b.c~d-E/1"),
        ("http://127.0.0.1:9001", "http://127.0.0.1:9001"),
        ("http://[::1]:9001/x", "http://[::1]:9001/x"),
        ("http://[::1]", "http://[::1]"),
    ],
)
def test_a_servers_address_is_read_without_user_info_query_or_slash_behind(given, read):
    run = Run.from_environ({"GITHUB_SERVER_URL": given, "GITHUB_API_URL": given})
    assert (run.server_url, run.api_url) == (read, read)


@pytest.mark.parametrize("name", ["GITHUB_SERVER_URL", "GITHUB_API_URL"])
@pytest.mark.parametrize(
    "value",
    [
        "github.com",
        "ftp://github.com",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://:443",
        "https://[::1",
        "https://github.com:port",
        "https://github.com:65536",
        "https://git hub.com",
        "https://git_hub.com",
        "https://g\xefthub.com",
        "https://github.com/a b",
        "https://github.com/%2e%2e",
        "https://github.com/<script>",
        "https://github.com/caf\xe9",
    ],
)
def test_an_address_that_is_none_of_a_server_ends_the_run(name, value):
    with pytest.raises(EventError) as raised:
        Run.from_environ({name: value})
    assert raised.value.problems == (
        f"{name} is not the address of a server; GitHub sets it, so do not set it yourself",
    )


# --- where the pages of the documentation are

FORK = {"DORA_ACTION_REPOSITORY": "octo-org/dora", "DORA_ACTION_REF": "v1.2.3"}


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        (FORK, "https://github.com/octo-org/dora/blob/v1.2.3/docs"),
        (
            {**FORK, "DORA_ACTION_REF": "feature/x_y"},
            "https://github.com/octo-org/dora/blob/feature/x_y/docs",
        ),
        (
            {**FORK, "DORA_ACTION_REF": "5" * 40, "GITHUB_SERVER_URL": "https://ghe.test:8443/"},
            f"https://ghe.test:8443/octo-org/dora/blob/{'5' * 40}/docs",
        ),
        (
            {"GITHUB_ACTION_REPOSITORY": "octo-org/dora", "GITHUB_ACTION_REF": "main"},
            "https://github.com/octo-org/dora/blob/main/docs",
        ),
    ],
)
def test_the_pages_are_those_of_the_ref_that_the_action_was_fetched_by(environ, url):
    assert docs_url(environ) == url


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {**FORK, "DORA_ACTION_REPOSITORY": ""},
        {**FORK, "DORA_ACTION_REF": ""},
        # In a composite action these are of whatever ran around it.
        {
            "DORA_ACTION_REPOSITORY": "",
            "DORA_ACTION_REF": "",
            "GITHUB_ACTION_REPOSITORY": "actions/checkout",
            "GITHUB_ACTION_REF": "v7",
        },
        {**FORK, "DORA_ACTION_REPOSITORY": "octo-org"},
        {**FORK, "DORA_ACTION_REPOSITORY": "../.."},
        {**FORK, "DORA_ACTION_REF": "a b"},
        {**FORK, "DORA_ACTION_REF": "v1\n::error::x"},
        {**FORK, "DORA_ACTION_REF": "x" * 256},
        {**FORK, "GITHUB_SERVER_URL": "javascript://x"},
    ],
)
def test_where_the_ref_is_not_known_the_pages_are_those_of_the_newest_release(environ):
    assert docs_url(environ) == "https://github.com/acme/dora-deployments/blob/v1/docs"
