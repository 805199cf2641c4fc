"""The bot on Slack as a process of its own, so that it can be killed: core, worker and Socket Mode."""

import asyncio
import signal
from pathlib import Path

from adapters.chat.slack.client import SlackHouse, open_slack
from adapters.sealing import Sealer
from bot.settings import Secret, SlackSettings
from bot.worker import Worker
from tests.killed import Life, house_of, until_finished


def process(folder: str, token: str, app_token: str, api: str, *, life: Life = Life()) -> None:  # noqa: B008 - frozen
    """Runs until SIGTERM, or until what ``life`` says is finished."""
    asyncio.run(_live(Path(folder), SlackSettings(api, bot_token=Secret(token), app_token=Secret(app_token)), life))


async def _live(folder: Path, settings: SlackSettings, life: Life) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with house_of(folder, life) as house:
        await house.studio.drop_unacknowledged()
        seal = Sealer(b"secret", "slack")
        given = SlackHouse(
            settings, house.studio, house.moderators, house.pictures, house.core.clock, house.recorder, seal
        )
        async with open_slack(given, receives=not life.finish) as slack:
            rooms = {"slack": slack.room}
            worker = Worker(house.core, house.pictures, {"slack": slack.chat}, "w1", alone=True, rooms=rooms)
            working = asyncio.create_task(worker.run(stop))
            if life.finish:
                await until_finished(house, life.finish)
                stop.set()
            await working
