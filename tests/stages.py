"""Discord and Slack as one test sees both: a person asks, the bot's process dies, and what people read is looked at."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Protocol

from bot.settings import ModerationSettings
from tests import discord_process, killed, slack_process
from tests.killed import Life
from tests.standins.discord import Channel, DiscordStandIn, User, town
from tests.standins.discord import Message as DiscordMessage
from tests.standins.slack import Message as SlackMessage
from tests.standins.slack import SlackStandIn


class Stage(Protocol):
    @property
    def folder(self) -> Path: ...

    @property
    def person(self) -> str:
        """Who asks, as the core names them."""

    @property
    def moderation(self) -> ModerationSettings:
        """With the moderator and the review channel of this place, and `castle` held."""

    async def start(self, life: Life = Life()) -> ForkServerProcess:  # noqa: B008 - frozen
        """A life of the bot, connected unless it takes nothing in."""

    async def ask(self, prompt: str) -> None:
        """Whatever the bot makes of it."""

    def results(self) -> list[int]:
        """How many pictures each message with pictures has, wherever it is."""

    def told(self) -> str:
        """Everything that the person who asks can read."""

    def cases(self) -> int:
        """Messages in the review channel."""

    async def approve(self) -> None:
        """A moderator presses the button of the only case, if it is still there."""

    @property
    def problems(self) -> list[str]: ...


@dataclass
class DiscordStage:
    folder: Path
    discord: DiscordStandIn
    room: Channel
    staff: Channel
    ada: User
    mod: User
    moderation: ModerationSettings

    @property
    def person(self) -> str:
        return f"discord:user:{self.ada.id}"

    async def start(self, life: Life = Life()) -> ForkServerProcess:  # noqa: B008 - frozen
        before = self.discord.gateway.identified
        way = (self.discord.token, self.discord.api, self.discord.gateway_url)
        child = killed.start(discord_process.process, self.folder, *way, life=life)
        if not life.finish:
            while self.discord.gateway.identified <= before and child.is_alive():  # a doomed life may end before it
                await asyncio.sleep(0.01)
        return child

    async def ask(self, prompt: str) -> None:
        await self.discord.human.slash(self.ada, self.room, "imagine", prompt=prompt)

    def _every(self) -> list[DiscordMessage]:
        return [each for channel in self.discord.world.channels.values() for each in channel.messages.values()]

    def results(self) -> list[int]:
        return [len(message.attachments) for message in self._every() if message.attachments]

    def told(self) -> str:
        return "\n".join(message.content for message in self._every() if message.channel != self.staff.id)

    def cases(self) -> int:
        return len(self.staff.shown())

    async def approve(self) -> None:
        [case] = self.staff.shown()
        await self.discord.human.click(self.mod, case, "Approve")

    @property
    def problems(self) -> list[str]:
        return self.discord.problems


@dataclass
class SlackStage:
    folder: Path
    slack: SlackStandIn
    moderation: ModerationSettings
    person: str = "slack:user:U1"

    async def start(self, life: Life = Life()) -> ForkServerProcess:  # noqa: B008 - frozen
        way = (self.slack.workspace.token, self.slack.app_token, self.slack.api)
        before = self.slack.sockets.opened  # those of a killed life may not have been missed yet
        child = killed.start(slack_process.process, self.folder, *way, life=life)
        if not life.finish:
            while self.slack.sockets.opened < before + 2 and child.is_alive():
                await asyncio.sleep(0.01)  # a doomed life may end before it is there
        return child

    async def ask(self, prompt: str) -> None:
        await self.slack.human.slash("/imagine", prompt)

    def results(self) -> list[int]:
        return [len(message.files) for message in self.slack.workspace.with_files()]

    def told(self) -> str:
        public = [message.shown() for message in self.slack.workspace.by_bot() if message.channel != "C9"]
        return "\n".join([*public, *(private.shown() for private in self.slack.human.private())])

    def _cases(self) -> list[SlackMessage]:
        return [each for each in self.slack.workspace.by_bot() if each.channel == "C9" and not each.thread_ts]

    def cases(self) -> int:
        return len(self._cases())

    async def approve(self) -> None:
        [case] = self._cases()
        await self.slack.human.other("U9", "mo").click(case, "Approve")

    @property
    def problems(self) -> list[str]:
        return self.slack.problems


@asynccontextmanager
async def open_discord(folder: Path) -> AsyncIterator[DiscordStage]:
    async with DiscordStandIn() as discord:
        there = town(discord.world)
        moderators, channels = there.moderators, there.review_channels
        moderation = ModerationSettings(held=("castle",), moderators=moderators, review_channels=channels)
        yield DiscordStage(folder, discord, there.room, there.staff, there.ada, there.mod, moderation)


@asynccontextmanager
async def open_slack(folder: Path) -> AsyncIterator[SlackStage]:
    async with SlackStandIn() as slack:
        slack.workspace.add_channel("C9", "moderators")
        moderators, channels = ("slack:user:U9",), {"slack:T1": "C9"}
        moderation = ModerationSettings(held=("castle",), moderators=moderators, review_channels=channels)
        yield SlackStage(folder, slack, moderation)
