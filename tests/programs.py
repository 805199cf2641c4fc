"""Programs that ask for pictures: keys, the official client, and plain HTTP where that client would not do it."""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import httpx
import openai

from bot.model import FINAL_STATES, Job, JobState, QuotaSettings
from bot.settings import ModerationSettings
from tests.fakes import FakeBackend
from tests.house import UNLIMITED, TestHouse, open_house
from tests.web import Site, open_site

Mode = Literal["open", "new-members", "review-all", "closed"]
BODY = {"prompt": "a red fox", "size": "64x64"}


@asynccontextmanager
async def served(
    folder: Path,
    *backends: FakeBackend,
    quota: QuotaSettings = UNLIMITED,
    working: bool = True,
    mode: Mode = "open",
) -> AsyncIterator[Site]:
    rules = ModerationSettings(mode=mode, blocked=("forbidden",), held=("castle",))
    opened = open_house(folder, backends, quota, moderation=rules)
    async with opened as house, open_site(house, working=working) as site:
        yield site


async def new_key(house: TestHouse, name: str = "ci") -> str:
    key = f"imagine_{secrets.token_urlsafe(32)}"
    assert await house.store.add_api_key(hashlib.sha256(key.encode()).hexdigest(), name, house.core.clock.now())
    return key


@asynccontextmanager
async def official(site: Site, key: str) -> AsyncIterator[Any]:
    """The official client, as Any: its types know neither this bot's extra fields nor its sizes."""
    async with openai.AsyncOpenAI(api_key=key, base_url=f"{site.url}/v1", max_retries=0, timeout=20) as client:
        yield client


@asynccontextmanager
async def plain(site: Site, key: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=site.url, headers=headers, timeout=20, trust_env=False) as client:
        yield client


async def ask(client: httpx.AsyncClient, body: Mapping[str, object] | None = None, once: str = "") -> httpx.Response:
    headers = {"idempotency-key": once} if once else {}
    return await client.post("/v1/images/generations", json=body or BODY, headers=headers)


async def jobs_of(house: TestHouse, name: str = "ci") -> list[Job]:
    return await house.store.jobs_of(f"api:key:{name}", 100)


async def job_in(house: TestHouse, *states: JobState, name: str = "ci") -> Job:
    """The key's only job, once it is in one of the states; without any named: once it is final."""
    async with asyncio.timeout(60):
        while True:
            for job in await jobs_of(house, name):
                if job.state in (states or FINAL_STATES):
                    return job
            await asyncio.sleep(0.01)
