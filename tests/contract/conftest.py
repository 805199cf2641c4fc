from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.store.store import SqlStore
from tests.contract.stores import DIALECTS, open_store


@pytest.fixture(params=DIALECTS)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqlStore]:
    async with open_store(request.param, tmp_path) as opened:
        yield opened
