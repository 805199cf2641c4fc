"""What a worker serves at IMAGINE_WORKER_PORT: whether it lives, and what it measured. Nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from adapters.chat.web.server import serve_health
from tests.house import open_house
from tests.web import Site


@asynccontextmanager
async def worker_port(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the address that was announced."""
    async with open_house(folder) as house:
        stop, told = asyncio.Event(), asyncio.Queue[str]()
        serving = asyncio.create_task(serve_health(Site(house, 1).web_house(), 0, stop, told.put_nowait))
        async with httpx.AsyncClient(base_url=await told.get(), timeout=60) as http:
            yield http
        stop.set()
        await serving


async def test_a_worker_tells_whether_it_lives_at_the_address_that_it_announces(tmp_path: Path) -> None:
    async with worker_port(tmp_path) as http:
        assert {(await http.get(path)).status_code for path in ("/healthz", "/readyz", "/metrics")} == {200}


@pytest.mark.parametrize(
    "path", ["/", "/gallery", "/moderation", "/moderation/login", "/moderation/operations", "/v1/models"]
)
async def test_a_worker_has_no_page_and_no_api(tmp_path: Path, path: str) -> None:
    async with worker_port(tmp_path) as http:
        assert (await http.get(path)).status_code == 404
