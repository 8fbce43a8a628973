"""A store in a folder of the test's own."""

import pytest

from tests.store.records import opened


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
async def store(home):
    async with opened(home) as store:
        yield store
