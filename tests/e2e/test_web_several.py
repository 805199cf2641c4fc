"""The room in several chat processes on one PostgreSQL: what one of them does, the open pages of the others show."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from tests.house import open_house
from tests.web import Client, Site, client, open_site


async def heard(page: Client, wanted: str, started: asyncio.Event) -> str:
    """The kind of the event in the page's stream that carries the data ``wanted``."""
    kind = ""
    async with page.http.stream("GET", f"/room/events?since={page.cursor}", timeout=60) as stream:
        async for line in stream.aiter_lines():
            if line == "event: here":
                started.set()
            if line == f"data: {wanted}":
                return kind
            kind = line.removeprefix("event: ")
    raise AssertionError("the stream ended")


async def test_what_a_person_has_deleted_leaves_the_open_pages_of_every_process(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        sites: list[Site] = []
        for _ in range(2):
            house = await stack.enter_async_context(open_house(tmp_path, dialect="postgres"))
            sites.append(await stack.enter_async_context(open_site(house, working=False)))
        ann, ben = [await stack.enter_async_context(client(site)) for site in sites]
        await ann.say("a word that a quokka takes back")
        await ben.arrive()
        started = asyncio.Event()
        listening = asyncio.create_task(heard(ben, f'{{"by":"{ann.me}"}}', started))
        async with asyncio.timeout(60):
            await started.wait()
            await ann.say("/imagine-forget")
            assert await listening == "gone"
        assert "quokka" not in await ben.page()
