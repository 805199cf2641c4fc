"""One id follows a request through the log, from the command to the delivered message."""

import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.observe import Observe, Redactor
from bot.model import Job
from bot.studio import Studio
from bot.worker import Worker
from tests.fakes import FakeChat
from tests.house import open_house
from tests.unit.logging_taken_over import taken_over


@pytest.mark.parametrize("console", [False, True])
async def test_every_line_about_a_request_carries_its_id(tmp_path: Path, console: bool) -> None:
    def posted(_: Job) -> None:
        logging.getLogger("discord").warning("a library's own line while it posts")

    with taken_over(Redactor(), console=console) as stream:
        async with open_house(tmp_path) as house:
            house.core = replace(house.core, observer=Observe(["sketch"]))
            house.studio = Studio(house.core, house.pictures)
            chat = FakeChat(on_deliver=posted)
            async with house.working(Worker(house.core, house.pictures, {"web": chat}, "w1", alone=True)):
                ids = [(await house.ask(text)).job.id for text in ("a fox", "a cat")]
                for job_id in ids:
                    await house.settled(job_id)
    lines = stream.getvalue().splitlines()
    for job_id in ids:
        mine = [line for line in lines if (job_id[:8] if console else job_id) in line]
        events = (*(f"job_{each}" for each in ("received", "acked", "queued", "claimed", "drawn", "delivered")), "own")
        assert [each for each in events if not any(each in line for line in mine)] == []
    if not console:
        assert {json.loads(line)["correlation"] for line in lines} == set(ids)
