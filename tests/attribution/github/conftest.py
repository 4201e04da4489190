import json
from contextlib import ExitStack
from types import SimpleNamespace

import github  # noqa: F401 - it takes longer than some budgets here, which begin before it
import pytest

from dora_deployments.attribution.github.api import Api
from dora_deployments.attribution.github.history import GitHubHistory
from dora_deployments.attribution.github.patient import Patient
from dora_deployments.budget import Budget
from tests.attribution.github.answers import SLUG, TOKEN
from tests.end_to_end.github.history import History
from tests.end_to_end.github.standin import GitHub


@pytest.fixture
def history(tmp_path):
    with History(tmp_path / "shop.git") as made:
        yield made


@pytest.fixture(scope="session")
def no_history(tmp_path_factory):
    with History(tmp_path_factory.mktemp("empty") / "shop.git") as made:
        yield made


@pytest.fixture
def serve(request, no_history):
    """Return a function that serves the history, and returns the server and its client.

    Tests without a history of their own make their answers up.
    """
    has_own = "history" in request.fixturenames
    served = request.getfixturevalue("history") if has_own else no_history
    with ExitStack() as stack:

        def start(*, seconds=20.0, token=TOKEN, **options):
            github = stack.enter_context(GitHub(served, token=TOKEN, **options))
            api = Api(api_url=github.api_url, token=token, budget=Budget.of(seconds))
            stack.callback(api.close)
            return github, api

        yield start


class Kept(dict):
    """Pages as a state file has them: what is got is what was put, by way of JSON."""

    def get(self, name):
        return json.loads(self[name]) if name in self else None

    def put(self, name, value):
        self[name] = json.dumps(value)


@pytest.fixture
def serve_long(request, serve):
    """Return a function that serves as `serve` does, to a patient client.

    `slept` has its waits, none of which takes time: `wake` is called instead. `past` makes a
    `GitHubHistory` that shares `pages` with those before it.
    """

    def start(*, seconds=60.0, wake=lambda _: None, **options):
        server, _ = serve(seconds=1, **options)
        server.reset += 1_000  # so that a wait for it is the longest there is, to the second
        told, slept, pages = [], [], Kept()

        def sleep(seconds):
            slept.append(seconds)
            wake(server)

        api = Patient(
            api_url=server.api_url,
            token=TOKEN,
            budget=Budget.of(seconds),
            say=told.append,
            sleep=sleep,
            jitter=lambda _, high: high,
        )
        request.addfinalizer(api.close)
        return SimpleNamespace(
            github=server,
            api=api,
            told=told,
            slept=slept,
            pages=pages,
            past=lambda slug=SLUG: GitHubHistory(api, slug, pages),
        )

    return start
