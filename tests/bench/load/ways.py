"""How people reach each bot: the stand-in of its platform, and a process that can be killed and started again."""

import asyncio
import multiprocessing
import os
import re
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Protocol

import httpx

from tests.bench.load import bots
from tests.bench.load.bots import Pace
from tests.standins.discord import DiscordStandIn
from tests.standins.slack import SlackStandIn
from tests.web import Client, free_port

PEOPLE = 100
START_SECONDS = 60.0
Bot = Callable[..., None]


class NotTakenError(Exception):
    """The person was told that the request was not taken."""


class Way(Protocol):
    async def ask(self, number: int) -> float:
        """Seconds until it was acknowledged. Raises NotTakenError, TimeoutError."""

    async def connected(self, times: int) -> None:
        """Returns once the bot is there, for the n-th time."""

    def results(self) -> list[str]:
        """The words of each message with pictures that people see: they name the seed, which no two requests share."""


@dataclass
class House:
    """A bot that runs, the way to it, and what it stored."""

    way: Way
    folder: Path
    bot: Bot
    arguments: tuple[str, ...]
    starts: int = 0
    child: ForkServerProcess | None = None
    taken: int = 0
    seconds: list[float] = field(default_factory=list)
    refused: int = 0

    async def start(self, pace: Pace) -> float:
        """Seconds until it is there."""
        began = time.monotonic()
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.bench.load.bots"])
        self.child = context.Process(target=self.bot, args=(str(self.folder), pace, *self.arguments))
        self.child.start()
        self.starts += 1
        await self.way.connected(self.starts)
        return time.monotonic() - began

    async def end(self, number: int = signal.SIGTERM) -> None:
        if self.child is not None and self.child.pid is not None and self.child.is_alive():
            os.kill(self.child.pid, number)
        if self.child is not None:
            await asyncio.to_thread(self.child.join, 60)

    def signal(self, number: int) -> None:
        assert self.child is not None
        assert self.child.pid is not None
        os.kill(self.child.pid, number)

    def memory(self) -> float:
        """MiB that are resident."""
        assert self.child is not None
        status = Path(f"/proc/{self.child.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found
        return int(found[1]) / 1024

    async def ask(self, number: int) -> None:
        try:
            self.seconds.append(await self.way.ask(number))
            self.taken += 1
        except (NotTakenError, TimeoutError, httpx.HTTPError):
            self.refused += 1

    async def burst(self, count: int, seconds: float) -> None:
        """So many requests, evenly spread."""
        began, asked = time.monotonic(), []
        for number in range(count):
            await asyncio.sleep(max(0.0, began + number * seconds / count - time.monotonic()))
            asked.append(asyncio.create_task(self.ask(number)))
        await asyncio.gather(*asked)

    def states(self) -> dict[str, int]:
        connection = sqlite3.connect(f"file:{self.folder / 'imagine.db'}?mode=ro", uri=True, timeout=60)
        try:
            return dict(connection.execute("SELECT state, count(*) FROM jobs GROUP BY state").fetchall())
        finally:
            connection.close()

    async def until_delivered(self, seconds: float) -> None:
        """Everything that was taken, or the seconds are over."""
        deadline = time.monotonic() + seconds
        while (await asyncio.to_thread(self.states)).get("delivered", 0) < self.taken and time.monotonic() < deadline:
            await asyncio.sleep(0.5)


# ---------------------------------------------------------------- the platforms


class OnDiscord:
    def __init__(self, standin: DiscordStandIn) -> None:
        self.standin = standin
        guild = standin.world.guild()
        self.rooms = [standin.world.text_channel(guild, f"room{number}") for number in range(20)]
        self.people = [standin.world.user(f"user{number}") for number in range(PEOPLE)]
        for person in self.people:
            standin.world.join(guild, person)

    async def connected(self, times: int) -> None:
        await self.standin.gateway.until("identified", times, START_SECONDS)

    async def ask(self, number: int) -> float:
        person, room = self.people[number % PEOPLE], self.rooms[number % len(self.rooms)]
        asked = await self.standin.human.slash(person, room, "imagine", prompt=f"a red fox, number {number}")
        await asked.reply(30)
        if asked.private:
            raise NotTakenError(asked.text)
        return asked.latency

    def results(self) -> list[str]:
        messages = (message for room in self.standin.world.channels.values() for message in room.messages.values())
        return [message.content for message in messages if message.attachments]


class OnSlack:
    def __init__(self, standin: SlackStandIn) -> None:
        self.standin = standin
        self._people = [standin.human.other(f"U{number}", f"user{number}") for number in range(1, PEOPLE + 1)]

    async def connected(self, times: int) -> None:
        async with asyncio.timeout(START_SECONDS):
            await self.standin.sockets.connected(2)

    async def ask(self, number: int) -> float:
        answer = await self._people[number % PEOPLE].slash("/imagine", f"a red fox, number {number}")
        if not answer.acknowledged or "busy" in answer.text:
            raise NotTakenError(answer.text)
        return answer.seconds

    def results(self) -> list[str]:
        return [message.shown() for message in self.standin.workspace.with_files()]


class OnTheWeb:
    def __init__(self, people: list[Client]) -> None:
        self._people = people
        self._shown: set[str] = set()

    async def connected(self, times: int) -> None:
        async with asyncio.timeout(START_SECONDS):
            while True:
                try:
                    await self._people[0].http.get("/healthz")
                    break
                except httpx.HTTPError:
                    await asyncio.sleep(0.05)
        if times == 1:
            for person in self._people:
                await person.arrive()

    async def ask(self, number: int) -> float:
        began = time.monotonic()
        person = self._people[number % len(self._people)]
        said = await person.say(f"/imagine a red fox, number {number}", f"load-{number:08}")
        if said.status_code != httpx.codes.OK or said.json()["refused"]:
            raise NotTakenError(said.text)
        return time.monotonic() - began

    def results(self) -> list[str]:
        """A result on the page is its job: one cannot be there twice."""
        return []


# ---------------------------------------------------------------- composed


@asynccontextmanager
async def discord(folder: Path) -> AsyncIterator[House]:
    async with DiscordStandIn() as standin:
        arguments = (standin.token, standin.api, standin.gateway_url)
        async with _ending(House(OnDiscord(standin), folder, bots.discord_bot, arguments)) as house:
            yield house


@asynccontextmanager
async def slack(folder: Path) -> AsyncIterator[House]:
    async with SlackStandIn() as standin:
        arguments = (standin.workspace.token, standin.app_token, standin.api)
        async with _ending(House(OnSlack(standin), folder, bots.slack_bot, arguments)) as house:
            yield house


@asynccontextmanager
async def web(folder: Path) -> AsyncIterator[House]:
    port = free_port()
    async with AsyncExitStack() as stack:
        url = f"http://127.0.0.1:{port}"
        clients = [await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=30)) for _ in range(PEOPLE)]
        way = OnTheWeb([Client(http) for http in clients])
        async with _ending(House(way, folder, bots.web_bot, (str(port),))) as house:
            yield house


@asynccontextmanager
async def _ending(house: House) -> AsyncIterator[House]:
    try:
        yield house
    finally:
        await house.end(signal.SIGKILL)


WAYS = {"web": web, "Discord": discord, "Slack": slack}
