"""The bot on Slack as a process of its own, so that it can be killed: core, worker and Socket Mode."""

import asyncio
import signal
import time
from pathlib import Path

from adapters.chat.slack.client import SlackHouse, open_slack
from adapters.sealing import Sealer
from bot.model import FINAL_STATES
from bot.settings import Secret, SlackSettings
from bot.studio import Studio
from bot.worker import Worker
from tests.fakes import FakeBackend
from tests.house import TestHouse, open_house

DEADLINE = 40.0


def process(folder: str, token: str, app_token: str, api: str, *, finish: str = "") -> None:
    """Runs until SIGTERM, or until every request of the person ``finish`` is final and told."""
    asyncio.run(_live(Path(folder), SlackSettings(api, bot_token=Secret(token), app_token=Secret(app_token)), finish))


async def _live(folder: Path, settings: SlackSettings, finish: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with open_house(folder, [FakeBackend(seconds=0.05)]) as house:
        house.studio = Studio(house.core, house.pictures)
        await house.studio.drop_unacknowledged()
        seal = Sealer(b"secret", "slack")
        given = SlackHouse(
            settings, house.studio, house.moderators, house.pictures, house.core.clock, house.recorder, seal
        )
        async with open_slack(given, receives=not finish) as slack:
            worker = Worker(house.core, house.pictures, {"slack": slack.chat}, "w1", alone=True)
            working = asyncio.create_task(worker.run(stop))
            if finish:
                await _until_finished(house, finish)
                stop.set()
            await working


async def _until_finished(house: TestHouse, person: str) -> None:
    began = time.monotonic()
    while time.monotonic() - began < DEADLINE:
        jobs = await house.store.jobs_of(person, 10)
        if all(job.state in FINAL_STATES and job.told for job in jobs):
            return
        await asyncio.sleep(0.02)
    raise TimeoutError
