"""Discord put together for the composition root: the way out for every role, the way in for the role `chat`."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from adapters.chat.discord.asking import Desk
from adapters.chat.discord.buttons import Handler, Report
from adapters.chat.discord.client import Setup, serve
from adapters.chat.discord.commands import AnyCommand, Load, Save
from adapters.chat.discord.delivery import DiscordChat
from adapters.chat.discord.marks import Marks
from adapters.chat.discord.mod import moderation_command
from adapters.chat.discord.parcels import Fit
from adapters.chat.discord.rest import Rest
from adapters.chat.discord.review import Reviews
from adapters.chat.discord.room import DiscordReviewRoom
from adapters.sealing import Sealer
from bot.command import OPTIONS, Option
from bot.model import Person, Place
from bot.moderators import Moderators
from bot.ports import Clock, Observer, Pictures
from bot.settings import DiscordSettings
from bot.studio import Studio


@dataclass(frozen=True, slots=True)
class Outlet:
    """What both halves need. ``secret`` signs buttons and seals tokens; it is the same on every machine."""

    settings: DiscordSettings
    secret: bytes
    pictures: Pictures
    fit: Fit
    clock: Clock
    observer: Observer

    @property
    def token(self) -> str:
        assert self.settings.token
        return self.settings.token.reveal()

    @property
    def marks(self) -> Marks:
        return Marks(self.secret)

    @property
    def sealer(self) -> Sealer:
        return Sealer(self.secret, "discord tokens")


@dataclass(frozen=True, slots=True)
class Extras:
    """What other parts add: buttons and forms by their action, and commands."""

    buttons: Mapping[str, Handler] = field(default_factory=dict)
    forms: Mapping[str, Handler] = field(default_factory=dict)
    commands: Sequence[AnyCommand] = ()
    options: Sequence[Option] = OPTIONS


def moderation(desk: Desk, moderators: Moderators, options: Sequence[Option] = OPTIONS) -> Extras:
    reviews = Reviews(desk, moderators)
    return Extras(reviews.buttons, reviews.forms, (moderation_command(desk, moderators),), options)


def reporting(moderators: Moderators) -> Report:
    """What the button `Report` does: about every picture of the result."""

    async def report(person: Person, place: Place, job_id: str, reason: str) -> bool:
        return await moderators.report(person, place, job_id, None, reason)

    return report


def open_chat(outlet: Outlet) -> DiscordChat:
    """The way out. Close its ``rest`` at the end."""
    settings = outlet.settings
    rest = Rest(outlet.token, outlet.observer, api=settings.api, gateway=settings.gateway)
    return DiscordChat(
        rest, outlet.pictures, outlet.fit, outlet.marks, outlet.sealer.open, outlet.clock, outlet.observer
    )


def open_room(outlet: Outlet, chat: DiscordChat) -> DiscordReviewRoom:
    """Moderation's way out, over the same session."""
    return DiscordReviewRoom(chat, outlet.marks)


def open_desk(outlet: Outlet, chat: DiscordChat, studio: Studio) -> Desk:
    threads = outlet.settings.reply == "thread"
    return Desk(studio, chat, outlet.marks, outlet.sealer.seal, outlet.observer, threads=threads)


async def listen(
    outlet: Outlet, desk: Desk, report: Report, sent: tuple[Load, Save], stop: asyncio.Event, extras: Extras
) -> None:
    """The way in, until ``stop`` is set. ``sent`` loads and saves the hash of the commands that were sent last."""
    setup = Setup(
        token=outlet.token,
        load=sent[0],
        save=sent[1],
        report=report,
        guilds=outlet.settings.guilds,
        shards=outlet.settings.shards,
        options=extras.options,
        more_commands=extras.commands,
        more_buttons=extras.buttons,
        more_forms=extras.forms,
    )
    await serve(desk, setup, stop)


def kept_in(path: Path) -> tuple[Load, Save]:
    """The hash of the commands in a file; one that is gone or cannot be written costs one sync a start."""

    async def load() -> str:
        try:
            return await asyncio.to_thread(path.read_text, encoding="ascii")
        except (OSError, ValueError):
            return ""

    async def save(digest: str) -> None:
        with contextlib.suppress(OSError):
            await asyncio.to_thread(path.write_text, digest, encoding="ascii")

    return load, save
