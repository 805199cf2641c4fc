"""The bot on Discord composed for tests: the real client and core, a real store, and the stand-in of Discord."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from adapters.chat.discord.asking import Desk
from adapters.chat.discord.client import Setup, serve
from adapters.chat.discord.compose import Outlet, open_chat, open_desk, open_room, reporting
from adapters.chat.discord.compose import moderation as compose_moderation
from adapters.chat.discord.delivery import DiscordChat
from adapters.chat.discord.room import DiscordReviewRoom
from bot.model import FINAL_STATES, Job, QuotaSettings
from bot.ports import Backend
from bot.settings import DiscordSettings, ModerationSettings
from bot.settings.secret import Secret
from bot.worker import Worker
from tests.house import NO_RULES, UNLIMITED, TestHouse, open_house
from tests.standins.discord import Channel, DiscordStandIn, Guild, Interaction, Message, User, town
from tests.waiting import until

SECRET = b"a secret of the tests"


@dataclass
class Note:
    """A text that outlives the client, as a row of the store would."""

    text: str = ""

    async def load(self) -> str:
        return self.text

    async def save(self, text: str) -> None:
        self.text = text


@dataclass
class DiscordHouse:
    core: TestHouse
    discord: DiscordStandIn
    chat: DiscordChat
    review_room: DiscordReviewRoom
    desk: Desk
    setup: Setup
    synced: Note
    guild: Guild
    room: Channel
    staff: Channel
    ada: User
    bob: User
    mod: User
    mod2: User

    @property
    def human(self) -> "DiscordStandIn":
        return self.discord

    def worker(self) -> Worker:
        core, chats, rooms = self.core.core, {"discord": self.chat}, {"discord": self.review_room}
        return Worker(core, self.core.pictures, chats, "w1", alone=True, rooms=rooms)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """A worker runs inside the block."""
        stop = asyncio.Event()
        task = asyncio.create_task(self.worker().run(stop))
        try:
            yield
        finally:
            stop.set()
            await task

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """The gateway client runs inside the block, and is stopped as by SIGTERM at its end."""
        stop = asyncio.Event()
        before = self.discord.gateway.identified
        task = asyncio.create_task(serve(self.desk, self.setup, stop))
        await self.discord.gateway.until("identified", before + 1)
        try:
            yield
        finally:
            stop.set()
            await task
            self.desk.stopping = False

    async def imagine(self, user: User | None = None, room: Channel | None = None, /, **options: object) -> Interaction:
        """Asks and waits for the answer."""
        options.setdefault("prompt", "a red fox")
        asked = await self.discord.human.slash(user or self.ada, room or self.room, "imagine", **options)
        await asked.reply()
        return asked

    async def jobs(self, user: User | None = None) -> list[Job]:
        return await self.core.store.jobs_of(f"discord:user:{(user or self.ada).id}", 100)

    async def settled(self, user: User | None = None, count: int = 1, seconds: float = 60) -> list[Job]:
        """The person's jobs, newest first, once so many are final and told."""
        async with asyncio.timeout(seconds):
            while True:
                jobs = await self.jobs(user)
                done = [job for job in jobs if job.state in FINAL_STATES and job.told]
                if len(done) >= count:
                    return jobs
                await asyncio.sleep(0.01)

    def shown(self, room: Channel | None = None) -> list[Message]:
        return (room or self.room).shown()

    def thread(self, message: Message) -> Channel:
        return self.discord.world.channels[message.id]

    async def status(self, index: int = 0) -> Message:
        """The message in the thread of the room's n-th placeholder, once it is there."""
        placeholder = self.shown()[index]

        def there() -> bool:
            thread = self.discord.world.channels.get(placeholder.id)
            return thread is not None and bool(thread.shown())

        await self.eventually(there)
        return self.thread(placeholder).shown()[0]

    def with_pictures(self) -> list[Message]:
        """Every message anywhere that has pictures."""
        every = [message for channel in self.discord.world.channels.values() for message in channel.messages.values()]
        return [message for message in every if message.attachments]

    async def eventually(self, what: object, seconds: float = 60) -> None:
        """Waits until the callable is true."""
        assert callable(what)
        await until(what, seconds)


def outlet(core: TestHouse, token: str, api: str, gateway: str, *, threads: bool = True) -> Outlet:
    settings = DiscordSettings(api, gateway, (), "thread" if threads else "channel", Secret(token))
    return Outlet(settings, SECRET, core.pictures, core.pictures.fit, core.core.clock, core.recorder)


@asynccontextmanager
async def open_discord_house(
    folder: Path,
    backends: Sequence[Backend] = (),
    *,
    threads: bool = True,
    quota: QuotaSettings = UNLIMITED,
    clean: bool = True,
    moderation: ModerationSettings = NO_RULES,
) -> AsyncIterator[DiscordHouse]:
    """``clean``: no request may have had a wrong body. ``moderation``: beside its moderators and review channel."""
    async with DiscordStandIn() as discord:
        there = town(discord.world)
        rules = replace(moderation, moderators=there.moderators, review_channels=there.review_channels)
        async with open_house(folder, backends, quota, moderation=rules) as core:
            made = outlet(core, discord.token, discord.api, discord.gateway_url, threads=threads)
            chat, synced = open_chat(made), Note()
            desk, review_room = open_desk(made, chat, core.studio), open_room(made, chat)
            setup = setup_of(made, desk, core, synced)
            people = there.ada, there.bob, there.mod, there.mod2
            rooms = there.guild, there.room, there.staff
            house = DiscordHouse(core, discord, chat, review_room, desk, setup, synced, *rooms, *people)
            try:
                yield house
            finally:
                with contextlib.suppress(Exception):
                    await chat.rest.close()
        if clean:
            assert discord.problems == []


def setup_of(made: Outlet, desk: Desk, core: TestHouse, synced: Note) -> Setup:
    extras = compose_moderation(desk, core.moderators)
    return Setup(
        made.token,
        synced.load,
        synced.save,
        reporting(core.moderators),
        more_commands=extras.commands,
        more_buttons=extras.buttons,
        more_forms=extras.forms,
    )
