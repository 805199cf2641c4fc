"""The core, the real slack-bolt app and a stand-in of Slack, composed for tests."""

import asyncio
import random
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from adapters.chat.slack.client import OpenSlack, SlackHouse, open_slack
from adapters.sealing import Sealer
from bot.model import Job, QuotaSettings
from bot.ports import Backend
from bot.settings import ModerationSettings, Secret, SlackSettings
from bot.worker import Worker
from tests.house import NO_RULES, UNLIMITED, TestHouse, open_house
from tests.standins.slack import HttpWay, Human, SlackStandIn, Workspace

SECRET = "signing-secret"


def settings_for(
    slack: SlackStandIn, mode: Literal["socket", "http"] = "socket", *, installable: bool = False
) -> SlackSettings:
    return SlackSettings(
        api=slack.api,
        mode=mode,
        host="127.0.0.1",
        port=0,
        bot_token=None if installable else Secret(slack.workspace.token),
        client_id=Secret("1.2") if installable else None,
        client_secret=Secret("secret") if installable else None,
        app_token=Secret(slack.app_token),
        signing_secret=Secret(SECRET),
    )


@dataclass
class SlackTest:
    slack: SlackStandIn
    house: TestHouse
    opened: OpenSlack
    given: SlackHouse

    @property
    def human(self) -> Human:
        return self.slack.human

    @property
    def workspace(self) -> Workspace:
        return self.slack.workspace

    def worker(self, name: str = "w1") -> Worker:
        chats = {"slack": self.opened.chat}
        rooms = {"slack": self.opened.room}
        return Worker(
            self.house.core, self.house.pictures, chats, name, alone=True, rng=random.Random(1), rooms=rooms
        )

    async def jobs(self, user: str = "slack:user:U1") -> list[Job]:
        return await self.house.store.jobs_of(user, 100)

    async def job(self, user: str = "slack:user:U1", seconds: float = 60) -> Job:
        """The person's newest job once it is final and told."""
        async with asyncio.timeout(seconds):
            while not (found := await self.jobs(user)):
                await asyncio.sleep(0.01)
        return await self.house.settled(found[0].id, seconds)

    async def all_settled(self, count: int, user: str = "slack:user:U1", seconds: float = 60) -> list[Job]:
        async with asyncio.timeout(seconds):
            while len(found := await self.jobs(user)) < count:
                await asyncio.sleep(0.01)
        return [await self.house.settled(job.id, seconds) for job in found]


    @asynccontextmanager
    async def second_bot(self) -> AsyncIterator[OpenSlack]:
        """Another one on the same app and store, as a second machine would be."""
        async with open_slack(self.given, receives=True) as opened:
            yield opened


@asynccontextmanager
async def open_test(
    folder: Path,
    slack: SlackStandIn,
    *,
    mode: Literal["socket", "http"] = "socket",
    backends: Sequence[Backend] = (),
    quota: QuotaSettings = UNLIMITED,
    groups: Collection[str] = (),
    moderation: ModerationSettings = NO_RULES,
    working: bool = True,
    installable: bool = False,
) -> AsyncIterator[SlackTest]:
    async with AsyncExitStack() as stack:
        house = await stack.enter_async_context(open_house(folder, backends, quota, moderation=moderation))
        given = SlackHouse(
            settings=settings_for(slack, mode, installable=installable),
            studio=house.studio,
            moderators=house.moderators,
            pictures=house.pictures,
            clock=house.core.clock,
            observer=house.recorder,
            seal=Sealer(b"secret", "slack"),
            groups=groups,
            rows=house.store,
        )
        opened = await stack.enter_async_context(open_slack(given, receives=True))
        test = SlackTest(slack, house, opened, given)
        if mode == "http":
            slack.human.way = HttpWay(f"http://127.0.0.1:{opened.port}/slack/events", SECRET)
        else:
            await slack.sockets.connected(2)
        if working:
            await stack.enter_async_context(house.working(test.worker()))
        yield test
