import pytest

from tests.backfill.shop import Shop
from tests.end_to_end.stories import story


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "work").mkdir()
    with story(tmp_path) as told:
        yield Shop(story=told, folder=tmp_path / "work")
