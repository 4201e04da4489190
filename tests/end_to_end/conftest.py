import pytest

from tests.end_to_end import stories


@pytest.fixture
def story(tmp_path):
    with stories.story(tmp_path) as begun:
        yield begun


@pytest.fixture
def history(story):
    return story.history
