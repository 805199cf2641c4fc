"""The operators' page: who gets in, what it says, and what its switches do."""

import asyncio
import hashlib
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import httpx

from bot.errors import Down
from bot.model import Breaker, JobState, QuotaSettings
from tests.fakes import FakeBackend
from tests.house import TestHouse
from tests.programs import served
from tests.web import PatientBackend, Site, client

ISOLATES = {0x2068: None, 0x2069: None}


async def new_link(house: TestHouse, token: str = "a-token", seconds: float = 60) -> str:
    now = house.core.clock.now()
    await house.store.add_login("link", hashlib.sha256(token.encode()).hexdigest(), "night", now + seconds, now)
    return token


@asynccontextmanager
async def browser(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=site.url, timeout=60, trust_env=False) as http:
        yield http


async def enter(http: httpx.AsyncClient, token: str) -> httpx.Response:
    return await http.get("/moderation/login", params={"token": token})


@asynccontextmanager
async def operator(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """Logged in, with its page's token as a header."""
    async with browser(site) as http:
        assert (await enter(http, await new_link(site.house))).status_code == 303
        page = (await http.get("/moderation/operations")).text
        http.headers["x-imagine-token"] = re.findall(r'data-token="([^"]+)"', page)[0]
        yield http


async def turn(http: httpx.AsyncClient, switch: str, *, on: bool) -> int:
    return (await http.post(f"/moderation/operations/switches/{switch}", json={"on": on})).status_code


async def test_s37_the_page_is_for_whoever_came_by_the_login_link(tmp_path: Path) -> None:
    async with served(tmp_path) as site, browser(site) as http:
        for path in ("/moderation/operations", "/moderation/operations/live"):
            assert (await http.get(path)).status_code == 401
        assert await turn(http, "paused", on=True) == 401
        http.cookies.set("imagine_moderation", "forged")
        assert (await http.get("/moderation/operations")).status_code == 401
    async with served(tmp_path) as site, operator(site) as http:
        assert "Backends" in (await http.get("/moderation/operations")).text


async def test_s36_a_switch_needs_the_pages_token(tmp_path: Path) -> None:
    async with served(tmp_path) as site, operator(site) as http:
        for headers in ({"x-imagine-token": "x"}, {"origin": "http://evil"}, {"sec-fetch-site": "cross-site"}):
            answer = await http.post("/moderation/operations/switches/paused", json={"on": True}, headers=headers)
            assert answer.status_code == 403
        for path, body in (("nothing", {"on": True}), ("paused", {"on": "yes"}), ("paused", {})):
            assert (await http.post(f"/moderation/operations/switches/{path}", json=body)).status_code == 400
        assert "Paused" not in (await http.get("/moderation/operations/live")).text


async def test_pause_refuses_what_is_new_in_a_sentence_and_is_in_the_audit_log(tmp_path: Path) -> None:
    async with served(tmp_path) as site, operator(site) as http, client(site) as ann:
        assert await turn(http, "paused", on=True) == 200
        await asyncio.sleep(1.1)  # other processes look once a second
        assert (await ann.say("/imagine a fox")).json() == {"refused": True}
        assert "its operator has paused it" in await ann.page()
        assert "Paused" in (await http.get("/moderation/operations")).text
        assert await turn(http, "paused", on=False) == 200
        await asyncio.sleep(1.1)
        assert (await ann.say("/imagine a fox")).json() == {"refused": False}
        told = [event.action for event in await site.house.store.audit_since("web", 0, 0, 10)]
        assert told[-2:] == ["paused_on", "paused_off"]


async def test_a_switch_whose_turn_cannot_be_written_down_is_not_turned(tmp_path: Path) -> None:
    async with served(tmp_path) as site, operator(site) as http:
        with closing(sqlite3.connect(tmp_path / "imagine.db")) as other:
            other.execute("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'full'); END")
        assert await turn(http, "paused", on=True) == 503
        assert await site.house.store.meta("switch:paused") == ""


async def test_draining_begins_nothing_and_finishes_what_runs(tmp_path: Path) -> None:
    backend = PatientBackend()
    quota = QuotaSettings(running=4)
    async with served(tmp_path, backend, quota=quota) as site, operator(site) as http:
        house = site.house
        first = (await house.ask()).job.id
        while backend.running != 1:
            await asyncio.sleep(0.01)
        assert await turn(http, "draining", on=True) == 200
        await asyncio.sleep(1.1)
        second = (await house.ask("a cat")).job.id
        shown = (await http.get("/moderation/operations/live")).text
        assert "Draining: nothing new is begun. 1 still being drawn." in shown
        backend.go.set()
        assert (await house.settled(first)).state is JobState.DELIVERED
        await asyncio.sleep(1.1)
        waiting = await house.store.job(second)
        assert waiting is not None
        assert waiting.state is JobState.QUEUED
        standing = (await house.studio.standings())[second]
        assert (standing.position, standing.eta_seconds) == (1, None), "nobody can say when"
        assert await turn(http, "draining", on=False) == 200
        assert (await house.settled(second)).state is JobState.DELIVERED


async def test_switches_outlive_a_restart(tmp_path: Path) -> None:
    async with served(tmp_path) as site, operator(site) as http:
        await turn(http, "draining", on=True)
    async with served(tmp_path) as site:
        job = (await site.house.ask()).job.id
        await asyncio.sleep(0.5)
        found = await site.house.store.job(job)
        assert found is not None
        assert found.state is JobState.QUEUED


async def test_the_page_says_who_waits_what_runs_and_what_went_wrong(tmp_path: Path) -> None:
    backend = PatientBackend(plan=[Down("no answer <b>within</b> 5 s", until_fixed=True)])
    quota = QuotaSettings(images_per_day=9, running=1)
    async with served(tmp_path, backend, FakeBackend("spare"), quota=quota) as site:
        house = site.house
        async with operator(site) as http:
            await house.ask("a <i>fox</i> --backend sketch", name="ann")
            while backend.running != 1:
                await asyncio.sleep(0.01)
            await house.ask("a cat --count 3", name="ann")
            shown = (await http.get("/moderation/operations/live")).text
            for words in ("a &lt;i&gt;fox", "step 2 of 8", "a cat", "4 of 9", "web:user:ann", "1 of 4"):
                assert words in shown
            backend.go.set()
            while not house.core.health.is_closed("sketch", house.core.clock.now()):
                await asyncio.sleep(0.01)
            shown = (await http.get("/moderation/operations/live")).text.translate(ISOLATES)
            assert "closed until you mend it" in shown
            assert "sketch failed (down): no answer &lt;b&gt;within" in shown


async def test_money_and_closed_backends_are_in_words(tmp_path: Path) -> None:
    async with served(tmp_path, FakeBackend("hosted")) as site, operator(site) as http:
        house = site.house
        house.core.budgets["hosted"] = 2.0  # type: ignore[index] # a plain dict here
        await house.store.spend("hosted", house.core.day(), 0.5, 0.0)
        await house.core.health.keep(Breaker("hosted", 3, house.core.clock.now() + 90, "429 from the provider"))
        shown = (await http.get("/moderation/operations/live")).text
        assert "$0.50 of $2.00" in shown
        assert re.search(r"closed for (90|89) s: 429 from the provider", shown.translate(ISOLATES))
