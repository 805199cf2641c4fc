"""The bot on each platform as a process of its own, with a real store and core, and a backend that costs nothing."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from adapters.chat.discord.compose import Extras, kept_in, listen, open_chat, open_desk, reporting
from adapters.chat.slack.client import SlackHouse, open_slack
from adapters.main import cancelling
from adapters.observe import Observe
from adapters.sealing import Sealer
from adapters.several import drop_abandoned
from bot.errors import Down
from bot.model import Drawing, Drawn
from bot.ports import Chat, Report
from bot.settings import Secret, SlackSettings
from bot.studio import Arrived, Studio
from bot.worker import Worker
from tests.discord_house import outlet
from tests.fakes import CAPABILITIES, png
from tests.house import TestHouse, open_house
from tests.moving import Ahead
from tests.web import Site

JUMP_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Pace:
    """``seconds`` a request, ``at_once`` side by side; ``down``: the first of two backends is never reached."""

    seconds: float = 0.02
    at_once: int = 8
    down: bool = False


class Brush:
    """A backend that keeps nothing, so that the memory that grows is the bot's."""

    def __init__(self, name: str, pace: Pace, *, down: bool = False) -> None:
        self.name, self._pace, self._down = name, pace, down
        self.capabilities = replace(CAPABILITIES, at_once=pace.at_once)
        self._picture = png()

    async def generate(self, request: Drawing, resume: str, report: Report) -> Drawn:
        if self._down:
            raise Down("connection refused")
        await report.progress(1, 2)
        await asyncio.sleep(self._pace.seconds)
        seeds = tuple((request.seed or 0) + index for index in range(request.count))
        return Drawn((self._picture,) * request.count, seeds)

    async def probe(self) -> str:
        return ""

    async def close(self) -> None:
        pass


def discord_bot(folder: str, pace: Pace, token: str, api: str, gateway: str) -> None:
    asyncio.run(_on_discord(Path(folder), pace, token, api, gateway))


def slack_bot(folder: str, pace: Pace, token: str, app_token: str, api: str) -> None:
    settings = SlackSettings(api, bot_token=Secret(token), app_token=Secret(app_token))
    asyncio.run(_on_slack(Path(folder), pace, settings))


def web_bot(folder: str, pace: Pace, port: str) -> None:
    asyncio.run(_on_the_web(Path(folder), pace, int(port)))


@asynccontextmanager
async def _house(folder: Path, pace: Pace) -> AsyncIterator[tuple[TestHouse, asyncio.Event]]:
    """SIGTERM sets the event; SIGUSR1 sets the clock an hour ahead, and the next one back."""
    _write_to(folder / "log")
    stop, clock, loop = asyncio.Event(), Ahead(), asyncio.get_running_loop()

    def jump() -> None:
        clock.ahead = JUMP_SECONDS - clock.ahead

    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGUSR1, jump)
    backends = [Brush("first", pace, down=True)] if pace.down else []
    backends.append(Brush("second", pace))
    async with open_house(folder, backends, clock=clock) as house:
        house.core = replace(house.core, observer=Observe([each.name for each in backends]))
        house.studio = Studio(house.core, house.pictures)
        yield house, stop


@asynccontextmanager
async def _sweeping(house: TestHouse, arrived: Arrived | None = None) -> AsyncIterator[None]:
    """As the program does: what a crash or a refusal left half taken, at the start and for as long as it runs."""
    await house.studio.drop_unacknowledged(arrived=arrived)
    assert isinstance(house.core.observer, Observe)
    with cancelling(asyncio.create_task(drop_abandoned(house.core.observer, house.studio, arrived))):
        yield


def _write_to(log: Path) -> None:
    with log.open("ab") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)


async def _working(house: TestHouse, chats: dict[str, Chat], stop: asyncio.Event) -> None:
    await Worker(house.core, house.pictures, chats, "w1", alone=True).run(stop)


async def _on_discord(folder: Path, pace: Pace, token: str, api: str, gateway: str) -> None:
    async with _house(folder, pace) as (house, stop):
        made = outlet(house, token, api, gateway)
        chat = open_chat(made)
        desk, sent = open_desk(made, chat, house.studio), kept_in(folder / "commands")
        heard = listen(made, desk, reporting(house.moderators), sent, stop, Extras())
        async with _sweeping(house, chat.arrived):
            await asyncio.gather(_working(house, {"discord": chat}, stop), heard)
        with contextlib.suppress(Exception):
            await chat.rest.close()


async def _on_slack(folder: Path, pace: Pace, settings: SlackSettings) -> None:
    async with _house(folder, pace) as (house, stop), _sweeping(house):
        given = SlackHouse(
            settings,
            house.studio,
            house.moderators,
            house.pictures,
            house.core.clock,
            house.core.observer,
            Sealer(b"secret", "slack"),
        )
        async with open_slack(given, receives=True) as slack:
            await _working(house, {"slack": slack.chat}, stop)


async def _on_the_web(folder: Path, pace: Pace, port: int) -> None:
    async with _house(folder, pace) as (house, stop), _sweeping(house):
        site = Site(house, port)
        await site.start()
        await site.worker().run(stop)
        await site.end()
