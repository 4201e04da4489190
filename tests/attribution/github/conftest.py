from contextlib import ExitStack

import github  # noqa: F401 - it takes longer than some budgets here, which begin before it
import pytest

from dora_deployments.attribution.github.api import Api
from dora_deployments.budget import Budget
from tests.attribution.github.answers import TOKEN
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
