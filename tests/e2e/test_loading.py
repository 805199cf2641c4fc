"""Loading a model is said wherever somebody waits: the room, the operators' page, Slack, Discord, a terminal."""

import asyncio
import io
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress as Bar

from adapters.draw import BarReport
from bot.model import Drawing, Drawn
from bot.ports import Report
from tests.discord_house import open_discord_house
from tests.e2e.test_operators_page import operator
from tests.fakes import FakeBackend
from tests.house import open_house
from tests.slack_house import open_test
from tests.standins.slack import SlackStandIn
from tests.waiting import until
from tests.web import client, open_site

LOADING = "Loading the model"


@dataclass
class LoadingBackend(FakeBackend):
    """Says that it loads, as the local engine does, until it is told to draw."""

    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def generate(self, request: Drawing, resume: str, report: Report) -> Drawn:
        while not self.go.is_set():
            await report.progress(0, 0)
            await asyncio.sleep(0.02)
        return await super().generate(request, resume, report)


async def test_the_room_and_the_operators_read_that_the_model_is_loading(tmp_path: Path) -> None:
    backend = LoadingBackend()
    async with open_house(tmp_path, [backend]) as house, open_site(house) as site, client(site) as ann:
        await ann.say("/imagine a fox")
        async with asyncio.timeout(30):
            while LOADING not in (page := await ann.page()):
                await asyncio.sleep(0.05)
        assert 'class="eta" data-eta' not in page
        async with operator(site) as http:
            assert "loading the model" in (await http.get("/moderation/operations/live")).text
        backend.go.set()
        async with asyncio.timeout(30):
            while LOADING in await ann.page():
                await asyncio.sleep(0.05)


async def test_an_open_page_hears_it_live(tmp_path: Path) -> None:
    backend = LoadingBackend()
    async with open_house(tmp_path, [backend]) as house, open_site(house) as site, client(site) as ann:
        await ann.say("/imagine a fox")
        async with (
            asyncio.timeout(30),
            ann.http.stream("GET", f"/room/events?since={ann.cursor}", timeout=None) as events,
        ):
            async for line in events.aiter_lines():
                if LOADING in line:
                    break
        backend.go.set()


async def test_slack_says_it_in_the_requests_message(tmp_path: Path, slack: SlackStandIn) -> None:
    backend = LoadingBackend()
    async with open_test(tmp_path, slack, backends=[backend]) as test:
        await test.human.slash("/imagine", "a fox")
        await until(lambda: LOADING in "".join(message.shown() for message in test.workspace.by_bot()))
        backend.go.set()
        await test.job()
        assert "Done" in test.workspace.by_bot()[0].shown()


async def test_discord_says_it_in_the_status_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.chat.discord.delivery.JUST_POSTED", 0.0)
    backend = LoadingBackend()
    async with open_discord_house(tmp_path, [backend]) as house, house.working(), house.connected():
        await house.imagine()
        status = await house.status()
        await house.eventually(lambda: LOADING in status.content)
        backend.go.set()
        await house.settled()
        assert status.attachments


async def test_draw_says_it_on_its_bar() -> None:
    out = io.StringIO()
    with Bar(console=Console(file=out, width=80), auto_refresh=False) as bar:
        report = BarReport(bar, bar.add_task("local", total=None), "local")
        await report.progress(0, 0)
        loading = (bar.tasks[0].description, bar.tasks[0].total)
        await report.progress(1, 4)
        drawing = (bar.tasks[0].description, bar.tasks[0].total)
    assert (loading, drawing) == (("local, loading the model", None), ("local", 4))
