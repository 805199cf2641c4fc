"""The web chat over a test house: the real server on a free port, and people with real browsers or plain clients."""

import asyncio
import io
import re
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from PIL import Image

from adapters.chat.web.delivery import RoomChat, WebChat
from adapters.chat.web.server import WebHouse, serve_web
from adapters.chat.web.sessions import COOKIE
from bot.model import Drawing, Drawn
from bot.ports import Report
from bot.programs import Trouble
from bot.settings import ModerationSettings, WebSettings
from bot.worker import Worker
from tests.fakes import FakeBackend, png
from tests.house import TestHouse, open_house

SECRET = b"a secret that only this test knows"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@dataclass
class PatientBackend(FakeBackend):
    """Draws when told to, with a preview before, and pictures of the size asked for."""

    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def generate(self, request: Drawing, resume: str, report: Report) -> Drawn:
        self.running += 1
        self.drawn.append(request)
        try:
            await report.progress(2, 8)
            await report.preview(0, png("blue", 32))
            await self.go.wait()
        finally:
            self.running -= 1
        if self.plan:
            answer = self.plan.pop(0)
            if isinstance(answer, Drawn):
                return answer
            raise answer
        seeds = tuple((request.seed or 0) + index for index in range(request.count))
        return Drawn(tuple(picture(request, seed) for seed in seeds), seeds)


def picture(request: Drawing, seed: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (request.size.width, request.size.height), f"#{seed * 4099 % 0xFFFFFF:06x}").save(out, "PNG")
    return out.getvalue()


@dataclass
class Site:
    """A running web chat."""

    house: TestHouse
    port: int
    secret: bytes = SECRET
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def web_house(self) -> WebHouse:
        pictures = self.house.pictures

        async def ready() -> str:
            return ""

        return WebHouse(
            settings=WebSettings(port=self.port, public_url=self.url),
            core=self.house.core,
            studio=self.house.studio,
            moderators=self.house.moderators,
            store=self.house.store,
            operators=self.house.store,
            secret=self.secret,
            picture=pictures.read,
            thumb=pictures.thumb,
            preview=pictures.read_preview,
            metrics=lambda: (b"", "text/plain"),
            not_ready=ready,
            recent=lambda: [Trouble(1.0, name, values) for name, values in self.house.recorder.events],
            clock=self.house.core.clock,
            observer=self.house.recorder,
        )

    async def start(self) -> None:
        self.stop = asyncio.Event()
        started = asyncio.Event()
        self.task = asyncio.create_task(serve_web(self.web_house(), self.stop, lambda _: started.set()))
        waiting = asyncio.create_task(started.wait())
        await asyncio.wait([self.task, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self.task.done():
            self.task.result()

    async def end(self) -> None:
        self.stop.set()
        if self.task:
            await self.task
            self.task = None

    def worker(self) -> Worker:
        house = self.house
        room = RoomChat("web", house.store, house.core.clock)
        chats = {"web": room, "api": WebChat("api")}
        return Worker(house.core, house.pictures, chats, "w1", alone=True, rooms={"web": room})


@asynccontextmanager
async def open_site(house: TestHouse, *, working: bool = True, secret: bytes = SECRET) -> AsyncIterator[Site]:
    site = Site(house, free_port(), secret)
    await site.start()
    try:
        if working:
            async with house.working(site.worker()):
                yield site
        else:
            yield site
    finally:
        await site.end()


@asynccontextmanager
async def open_moderated_site(folder: Path) -> AsyncIterator[Site]:
    """Pictures come at once, castles are held, and one report hides a picture."""
    backend = PatientBackend()
    backend.go.set()
    rules = ModerationSettings(held=("castle",), report_threshold=1)
    async with open_house(folder, [backend], moderation=rules) as house, open_site(house) as site:
        yield site



@dataclass
class Client:
    """A person without a browser, as a script or an attacker would be."""

    http: httpx.AsyncClient
    token: str = ""
    me: str = ""
    cursor: str = ""
    numbers: int = 0

    async def arrive(self) -> httpx.Response:
        page = await self.http.get("/")
        for name in ("token", "me", "cursor"):
            setattr(self, name, found(rf'data-{name}="([^"]*)"', page.text))
        return page

    async def post(
        self,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        key: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        self.numbers += 1
        sent = {"key": key or f"post-{self.numbers:08}", **(body or {})}
        return await self.http.post(path, json=sent, headers={"x-imagine-token": self.token, **(headers or {})})

    async def say(self, text: str, key: str = "") -> httpx.Response:
        return await self.post("/room/messages", {"text": text}, key=key)

    @property
    def cookie(self) -> str:
        """Of the session, under whatever name this bot keeps it."""
        return next(each.value or "" for each in self.http.cookies.jar if each.name.startswith(COOKIE))

    async def page(self) -> str:
        return (await self.http.get("/")).text


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match, pattern
    return match[1]


@asynccontextmanager
async def client(site: Site, *, arrived: bool = True) -> AsyncIterator[Client]:
    async with httpx.AsyncClient(base_url=site.url, timeout=60) as http:
        made = Client(http)
        if arrived:
            await made.arrive()
        yield made
