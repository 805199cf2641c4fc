"""The bot on Discord as a process of its own, so that it can be killed: core, worker and gateway client."""

import asyncio
import contextlib
import signal
from pathlib import Path

from adapters.chat.discord.compose import (
    kept_in,
    listen,
    moderation,
    open_chat,
    open_desk,
    open_room,
    reporting,
)
from bot.worker import Worker
from tests.discord_house import outlet
from tests.house import TestHouse
from tests.killed import Life, house_of, until_finished


def process(folder: str, token: str, api: str, gateway: str, *, life: Life = Life()) -> None:  # noqa: B008 - frozen
    """Runs until SIGTERM, or until what ``life`` says is finished."""
    asyncio.run(_live(Path(folder), token, api, gateway, life))


async def _live(folder: Path, token: str, api: str, gateway: str, life: Life) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with house_of(folder, life) as house:
        made = outlet(house, token, api, gateway)
        chat = open_chat(made)
        await house.studio.drop_unacknowledged(arrived=chat.arrived)
        rooms = {"discord": open_room(made, chat)}
        worker = Worker(house.core, house.pictures, {"discord": chat}, "w1", alone=True, rooms=rooms)
        tasks = [asyncio.create_task(worker.run(stop))]
        if life.finish:
            tasks.append(asyncio.create_task(_finish(house, life.finish, stop)))
        else:
            desk, sent = open_desk(made, chat, house.studio), kept_in(folder / "commands")
            extras = moderation(desk, house.moderators)
            tasks.append(asyncio.create_task(listen(made, desk, reporting(house.moderators), sent, stop, extras)))
        await asyncio.gather(*tasks)
        with contextlib.suppress(Exception):
            await chat.rest.close()


async def _finish(house: TestHouse, person: str, stop: asyncio.Event) -> None:
    await until_finished(house, person)
    stop.set()
