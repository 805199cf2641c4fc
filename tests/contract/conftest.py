from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import stamina

from adapters.store.store import SqlStore
from tests.contract.hosted import KINDS, WITH_URLS, Rig, rigged
from tests.contract.stores import DIALECTS, open_store


@pytest.fixture(params=DIALECTS)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqlStore]:
    async with open_store(request.param, tmp_path) as opened:
        yield opened


# -- hosted backends


@pytest.fixture(params=KINDS)
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    async with rigged(request.param) as made:
        yield made


@pytest.fixture(params=WITH_URLS)
async def url_rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    async with rigged(request.param) as made:
        yield made


@pytest.fixture
def quick() -> Iterator[None]:
    """Retries without their pauses."""
    with stamina.set_testing(True, attempts=3, cap=True):
        yield
