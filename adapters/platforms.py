"""The composition root's part that opens the chat platforms: a platform's library is imported only where it is on."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.model import Job
from bot.ports import Chat
from bot.ports_moderation import ReviewRoom
from bot.settings import Role
from bot.studio import Arrived

if TYPE_CHECKING:
    from adapters.main import House

Listen = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""A platform's way in, until the event is set."""


@dataclass(slots=True)
class Platforms:
    """The ways out and the review rooms by platform, for the worker; the ways in."""

    chats: dict[str, Chat] = field(default_factory=dict)
    rooms: dict[str, ReviewRoom] = field(default_factory=dict)
    listening: dict[str, Listen] = field(default_factory=dict)
    acknowledged: dict[str, Arrived] = field(default_factory=dict)

    async def arrived(self, job: Job) -> Mapping[str, str] | None:
        """See `bot.studio.Arrived`."""
        look = self.acknowledged.get(job.platform)
        return await look(job) if look else None


async def open_platforms(stack: AsyncExitStack, house: "House", role: Role) -> Platforms:
    """What is configured. ``stack`` closes it."""
    from adapters.chat.web.delivery import RoomChat, WebChat

    room = RoomChat("web", house.store, house.core.clock)
    found = Platforms(chats={"web": room, "api": WebChat("api")}, rooms={"web": room})
    if house.settings.discord is not None:
        _open_discord(stack, house, role, found)
    if house.settings.slack is not None:
        await _open_slack(stack, house, role, found)
    return found


async def _open_slack(stack: AsyncExitStack, house: "House", role: Role, found: Platforms) -> None:
    from adapters.chat.slack import SlackHouse, open_slack
    from adapters.sealing import Sealer

    settings = house.settings
    assert settings.slack
    given = SlackHouse(
        settings=settings.slack,
        studio=house.studio,
        moderators=house.moderators,
        pictures=house.pictures,
        clock=house.core.clock,
        observer=house.observe,
        seal=Sealer(house.secret, "slack"),
        rows=house.store,
        groups=(
            *settings.moderation.moderators,
            *settings.moderation.trusted,
            *(key for tier in settings.quota.tiers for key in tier.members),
        ),
    )
    opened = await stack.enter_async_context(open_slack(given, receives=role is not Role.WORKER))
    found.chats["slack"] = opened.chat
    found.rooms["slack"] = opened.room


def _open_discord(stack: AsyncExitStack, house: "House", role: Role, found: Platforms) -> None:
    from adapters.chat.discord import compose

    assert house.settings.discord
    outlet = compose.Outlet(
        house.settings.discord, house.secret, house.pictures, house.pictures.fit, house.core.clock, house.observe
    )
    chat = compose.open_chat(outlet)
    stack.push_async_callback(chat.rest.close)
    found.chats["discord"] = chat
    found.acknowledged["discord"] = chat.arrived
    found.rooms["discord"] = compose.open_room(outlet, chat)
    if role is Role.WORKER:
        return
    desk = compose.open_desk(outlet, chat, house.studio)
    extras = compose.moderation(desk, house.moderators, house.studio.options())
    sent = compose.kept_in(Path(house.settings.store.folder) / "discord-commands")
    report = compose.reporting(house.moderators)

    async def listen(stop: asyncio.Event) -> None:
        await compose.listen(outlet, desk, report, sent, stop, extras)

    found.listening["discord"] = listen
