"""SimCord, somebody else's simulated Discord, runs the same client: a second opinion on what Discord takes.

It enforces the three seconds, one answer only, synced commands, permissions, thread rules and limits by its own reading
of the documentation; it has no sockets, nonces or upload limits, which the stand-in has.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adapters.chat.discord.client import Client
from adapters.chat.discord.compose import open_chat, open_desk
from adapters.chat.discord.delivery import DiscordChat
from bot.model import FINAL_STATES, Job, JobState
from bot.worker import Worker
from tests.discord_house import Note, outlet, setup_of
from tests.house import TestHouse, open_house

simcord = pytest.importorskip("simcord")


@dataclass
class Simulated:
    house: TestHouse
    chat: DiscordChat
    env: Any
    channel: Any
    ada: Any

    async def settled(self) -> list[Job]:
        """Works off what was asked."""
        stop = asyncio.Event()
        worker = Worker(self.house.core, self.house.pictures, {"discord": self.chat}, "w1", alone=True)
        running = asyncio.create_task(worker.run(stop))
        async with asyncio.timeout(20):
            while True:
                jobs = await self.house.store.jobs_of(f"discord:user:{self.ada.id}", 10)
                if jobs and all(job.state in FINAL_STATES and job.told for job in jobs):
                    break
                await asyncio.sleep(0.02)
        stop.set()
        await running
        return jobs


@asynccontextmanager
async def open_simulated(folder: Path) -> AsyncIterator[Simulated]:
    async with open_house(folder) as house:
        made = outlet(house, "token", "https://discord.com/api/v10", "wss://gateway.discord.gg/")
        chat = open_chat(made)
        note = Note()
        desk = open_desk(made, chat, house.studio)
        client = Client(desk, setup_of(made, desk, house, note))
        chat.rest._client = client  # one simulated session for both halves
        async with simcord.run(client, shard_count=1) as env:
            channel = env.create_guild().create_text_channel("pictures")
            ada = env.guild.add_member(env.create_user("ada"))
            yield Simulated(house, chat, env, channel, ada)
            assert env.errors == []


async def test_a_request_is_acknowledged_threaded_and_delivered(tmp_path: Path) -> None:
    async with open_simulated(tmp_path) as simulated:
        asked = await simulated.ada.slash(simulated.channel, "imagine", prompt="a red fox", count=2)
        assert not asked.ephemeral
        assert "a red fox" in asked.response.content
        [job] = await simulated.settled()
        assert job.state is JobState.DELIVERED
        methods = [each.method for each in simulated.env.http_requests]
        assert methods[-4:] == ["POST", "POST", "POST", "PATCH"]


@pytest.mark.parametrize(
    ("command", "options"),
    [("imagine", {"prompt": "a fox --stesp 3"}), ("imagine-status", {}), ("imagine-history", {})],
)
async def test_mistakes_and_private_commands_are_answered_privately(
    tmp_path: Path, command: str, options: dict[str, str]
) -> None:
    async with open_simulated(tmp_path) as simulated:
        asked = await simulated.ada.slash(simulated.channel, command, **options)
        assert asked.ephemeral
        assert asked.response.content
