"""kill -9 before and after the effect of every REST call of a request's way over Discord.

The call itself reaches Discord each time; whether its answer is heard makes no difference.
"""

import asyncio
import multiprocessing
import os
import signal
import sqlite3
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from tests import discord_process
from tests.standins.discord import Channel, DiscordStandIn, Message, User, When
from tests.standins.discord.wire import Call

CALLS = 6
"""Of one request: the callback, the REST session's two of its login, the thread, its message, the result."""


class Fuse:
    """Kills a process at the Nth call after it was armed."""

    def __init__(self, at: int, when: When) -> None:
        self.left, self.when = at, when
        self.victim: int | None = None
        self.killed_at = ""

    def __call__(self, call: Call, when: When) -> None:
        if when is not self.when or self.victim is None:
            return
        self.left -= 1
        if self.left == 0:
            self.killed_at = f"{call.method} {call.path}"
            os.kill(self.victim, signal.SIGKILL)


def start(standin: DiscordStandIn, folder: Path, finish: str = "") -> ForkServerProcess:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.discord_process"])
    arguments = (str(folder), standin.token, standin.api, standin.gateway_url)
    child = context.Process(target=discord_process.process, args=arguments, kwargs={"finish": finish})
    child.start()
    return child


async def ended(child: ForkServerProcess, seconds: float = 60) -> int:
    async with asyncio.timeout(seconds):
        while child.is_alive():
            await asyncio.sleep(0.02)
    child.join()
    assert child.exitcode is not None
    return child.exitcode


def job_of(folder: Path) -> tuple[str, int]:
    with sqlite3.connect(folder / "imagine.db") as connection:
        statement = "SELECT state, coalesce((SELECT sum(reserved) FROM allowances), 0) FROM jobs"
        [row] = connection.execute(statement).fetchall()
    connection.close()
    state, reserved = row
    return str(state), int(reserved)


async def one_life(standin: DiscordStandIn, folder: Path, fuse: Fuse, ada: User, room: Channel) -> None:
    child = start(standin, folder)
    await standin.gateway.until("identified", 1, 30)
    fuse.victim = child.pid
    await standin.human.slash(ada, room, "imagine", prompt="a red fox")
    async with asyncio.timeout(20):
        while child.is_alive() and not any(each.attachments for each in every_message(standin)):
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.2)
    if child.is_alive():
        child.kill()
    await ended(child)


def every_message(standin: DiscordStandIn) -> list[Message]:
    return [message for channel in standin.world.channels.values() for message in channel.messages.values()]


@pytest.mark.parametrize("when", list(When))
@pytest.mark.parametrize("at", range(1, CALLS + 1))
async def test_f02_f03_f08_f09_kill_9_between_any_two_calls_posts_once_and_tells(
    tmp_path: Path, at: int, when: When
) -> None:
    async with DiscordStandIn() as standin:
        guild = standin.world.guild()
        room, ada = standin.world.text_channel(guild), standin.world.user("ada")
        standin.world.join(guild, ada)
        fuse = Fuse(at, when)
        standin.rest.watch = fuse
        await one_life(standin, tmp_path, fuse, ada, room)
        assert fuse.killed_at
        fuse.victim = None
        assert await ended(start(standin, tmp_path, finish=f"discord:user:{ada.id}")) == 0
        state, reserved = job_of(tmp_path)
        results = [message for message in every_message(standin) if message.attachments]
        assert state == "delivered"
        assert reserved == 0
        assert [len(message.attachments) for message in results] == [1]
        placeholder, *_ = room.shown()
        assert [each.id for each in room.shown()] == [placeholder.id]
        assert "a red fox" in placeholder.content
        assert standin.problems == []


async def test_f12_sigterm_closes_the_gateway_and_ends_with_0_within_seven_seconds(tmp_path: Path) -> None:
    async with DiscordStandIn() as standin:
        standin.world.guild()
        child = start(standin, tmp_path)
        await standin.gateway.until("identified", 1, 30)
        assert child.pid
        os.kill(child.pid, signal.SIGTERM)
        assert await ended(child, 7) == 0
        assert standin.gateway.close_codes == [1000]
