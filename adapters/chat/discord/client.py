"""The gateway client: it hears interactions and nothing else. Kept alive whatever Discord sends; closed in order."""

import asyncio
import contextlib
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import discord

from adapters.chat.discord import commands
from adapters.chat.discord.asking import Desk
from adapters.chat.discord.buttons import Buttons, Handler, Report, custom_id, shown_ids
from adapters.chat.discord.marks import PATTERN
from adapters.chat.discord.reading import Interaction
from adapters.chat.discord.rest import INTENTS, NO_MENTIONS, WAITED_FOR_LIMIT, connect_through
from adapters.chat.discord.rows import JobButton
from bot.command import OPTIONS, Option
from bot.settings import Shards

LONGEST_PAUSE = 60.0
STEADY = 120.0
"""Seconds of life after which the next restart counts as the first one again."""

DRAIN_SECONDS = 3.0
ZOMBIE_SECONDS = 60.0
"""A connection that says nothing for so long is dead, and is resumed."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What the composition root decides. ``load`` and ``save`` keep the hash of the commands that were sent last."""

    token: str
    load: commands.Load
    save: commands.Save
    report: Report
    guilds: tuple[int, ...] = ()
    shards: Shards | None = None
    options: Sequence[Option] = OPTIONS
    more_commands: Sequence[commands.AnyCommand] = ()
    more_buttons: Mapping[str, Handler] = field(default_factory=dict)
    more_forms: Mapping[str, Handler] = field(default_factory=dict)


class Client(discord.AutoShardedClient):
    def __init__(self, desk: Desk, setup: Setup) -> None:
        super().__init__(
            **_part(setup.shards),
            intents=INTENTS,
            allowed_mentions=NO_MENTIONS,
            max_ratelimit_timeout=WAITED_FOR_LIMIT,
            guild_ready_timeout=0.5,
            heartbeat_timeout=ZOMBIE_SECONDS,
            member_cache_flags=discord.MemberCacheFlags.none(),
            max_messages=None,
        )
        connect_through(self)
        self._desk, self._setup = desk, setup
        self._buttons = Buttons(desk, setup.report, setup.more_buttons, setup.more_forms)
        self.tree = commands.plant(self, desk, self._buttons, setup.options, setup.more_commands)

    async def setup_hook(self) -> None:
        self.add_dynamic_items(JobButton)
        try:
            setup = self._setup
            if await commands.sync(self.tree, setup.guilds, setup.load, setup.save, self._desk.observer):
                self._desk.observer.event("discord_commands_synced")
        except discord.HTTPException as error:
            self._desk.observer.event("alert", text="discord_sync_failed", detail=str(error))

    async def on_ready(self) -> None:
        self._desk.observer.event("discord_ready", guilds=len(self.guilds))

    async def pressed(self, interaction: Interaction) -> None:
        await self._buttons.pressed(interaction)

    async def on_interaction(self, interaction: Interaction) -> None:
        """Forms, and the clicks that the library drops: of unknown ids, and of buttons a message no longer has."""
        if interaction.type is discord.InteractionType.modal_submit:
            await self._buttons.submitted(interaction)
        elif interaction.type is discord.InteractionType.component:
            pressed = custom_id(interaction)
            if not re.fullmatch(PATTERN, pressed) or pressed not in shown_ids(interaction.message):
                await self._buttons.pressed(interaction)

    async def on_thread_create(self, thread: discord.Thread) -> None:
        """Nothing needs the thread: interactions bring theirs. The library would keep it until it is archived."""
        thread.guild._remove_thread(thread)  # noqa: SLF001 - it has no setting for that

    on_thread_join = on_thread_create

    async def on_error(self, event_method: str, /, *_: Any, **__: Any) -> None:
        self._desk.observer.event("alert", text="discord_event_failed", detail=event_method)


def _part(shards: Shards | None) -> dict[str, Any]:
    """Without them the library asks Discord how many there are, and serves all."""
    return {"shard_ids": list(range(shards.first, shards.last + 1)), "shard_count": shards.count} if shards else {}


async def serve(desk: Desk, setup: Setup, stop: asyncio.Event) -> None:
    """Until ``stop`` is set. A client that dies of a malformed event is replaced by a new one."""
    pause = 0.0
    while not stop.is_set():
        began = time.monotonic()
        error = await _one_life(Client(desk, setup), desk, setup.token, stop)
        if error is None:
            continue
        pause = 0.0 if time.monotonic() - began > STEADY else min(LONGEST_PAUSE, pause * 2 + 0.2)
        hopeless = isinstance(error, discord.LoginFailure | discord.PrivilegedIntentsRequired) or _is_refused(error)
        code = "discord_token_refused" if hopeless else "discord_client_died"
        desk.observer.event("alert", text=code, detail=repr(error))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if hopeless else pause):
                await stop.wait()


def _is_refused(error: BaseException) -> bool:
    """Closing codes after which Discord wants no further try (topics/opcodes-and-status-codes)."""
    return isinstance(error, discord.ConnectionClosed) and error.code in {4004, 4010, 4011, 4012, 4013, 4014}


async def _one_life(client: Client, desk: Desk, token: str, stop: asyncio.Event) -> BaseException | None:
    """None: it was told to stop."""
    running = asyncio.create_task(client.start(token))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            await desk.drain(DRAIN_SECONDS)
        elif not running.cancelled():
            return running.exception() or ConnectionError("the gateway connection ended")
    finally:
        stopping.cancel()
        await client.close()
        running.cancel()
        await asyncio.gather(running, stopping, return_exceptions=True)
    return None
