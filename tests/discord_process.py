"""The bot on Discord as a process of its own, so that it can be killed: core, worker and gateway client."""

import asyncio
import contextlib
import signal
import time
from pathlib import Path

from adapters.chat.discord.compose import Extras, kept_in, listen, open_chat, open_desk, reporting
from bot.model import FINAL_STATES
from bot.studio import Studio
from bot.worker import Worker
from tests.discord_house import outlet
from tests.fakes import FakeBackend
from tests.house import TestHouse, open_house

DEADLINE = 40.0


def process(folder: str, token: str, api: str, gateway: str, *, finish: str = "") -> None:
    """Runs until SIGTERM, or until every request of the person ``finish`` is final and told."""
    asyncio.run(_live(Path(folder), token, api, gateway, finish))


async def _live(folder: Path, token: str, api: str, gateway: str, finish: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with open_house(folder, [FakeBackend(seconds=0.05)]) as house:
        house.studio = Studio(house.core, house.pictures)
        made = outlet(house, token, api, gateway)
        chat = open_chat(made)
        await house.studio.drop_unacknowledged(arrived=chat.arrived)
        worker = Worker(house.core, house.pictures, {"discord": chat}, "w1", alone=True)
        tasks = [asyncio.create_task(worker.run(stop))]
        if finish:
            tasks.append(asyncio.create_task(_until_finished(house, finish, stop)))
        else:
            desk, sent = open_desk(made, chat, house.studio), kept_in(folder / "commands")
            tasks.append(asyncio.create_task(listen(made, desk, reporting(house.moderators), sent, stop, Extras())))
        await asyncio.gather(*tasks)
        with contextlib.suppress(Exception):
            await chat.rest.close()


async def _until_finished(house: TestHouse, person: str, stop: asyncio.Event) -> None:
    began = time.monotonic()
    while time.monotonic() - began < DEADLINE:
        jobs = await house.store.jobs_of(person, 10)
        if all(job.state in FINAL_STATES and job.told for job in jobs):
            stop.set()
            return
        await asyncio.sleep(0.02)
    raise TimeoutError
