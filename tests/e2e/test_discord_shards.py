"""A large bot in parts: each process identifies its own shards, and each guild's events arrive once."""

import asyncio
from dataclasses import replace
from pathlib import Path

from adapters.chat.discord.client import serve
from bot.settings import Shards
from tests.discord_house import open_discord_house


async def test_two_processes_serve_the_shards_they_are_given(tmp_path: Path) -> None:
    async with open_discord_house(tmp_path) as house:
        stop = asyncio.Event()
        parts = [replace(house.setup, shards=shards) for shards in (Shards(0, 1, 4), Shards(2, 3, 4))]
        tasks = [asyncio.create_task(serve(house.desk, part, stop)) for part in parts]
        await house.discord.gateway.until("identified", 4)
        sessions = house.discord.gateway.sessions.values()
        assert sorted(session.shard for session in sessions) == [0, 1, 2, 3]
        assert {session.shards for session in sessions} == {4}
        async with house.working():
            await house.imagine()
            await house.settled()
        assert len(await house.jobs()) == 1
        stop.set()
        await asyncio.gather(*tasks)
