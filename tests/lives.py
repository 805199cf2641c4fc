"""One life of the bot as a process of its own, with failpoints, on any platform's path and any dialect."""

import asyncio
import contextlib
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from adapters.chat.discord.compose import Extras, kept_in, listen, open_chat, open_desk, open_room, reporting
from adapters.chat.slack.client import SlackHouse, open_slack
from adapters.chat.web.delivery import RoomChat
from adapters.chat.web.sessions import ROOM, Visitor
from adapters.chat.web.speaking import Speaker
from adapters.images.frames import Answer, Blobs
from adapters.images.sandbox import WORK as PICTURE_WORK
from adapters.images.sandbox import Sandbox
from adapters.sealing import Sealer
from bot import steps
from bot.errors import StoreBusy, StoreError
from bot.judging import OPERATORS, Judge, PictureChecks
from bot.model import Drawing, Drawn, JobState, Person, Place, Settled
from bot.moderation.starter import hard_set
from bot.moderators import Moderators
from bot.ports import Chat, Report
from bot.ports_moderation import ReviewRoom
from bot.settings import Secret, SlackSettings
from bot.studio import Studio
from bot.worker import Worker
from tests import story
from tests.contract.stores import open_engine
from tests.discord_house import outlet
from tests.failpoints import Aim, PointedBackend, PointedChat, PointedPictures, PointedRoom, PointedStore, Points
from tests.fakes import FakeBackend, FakeChat, Recorder
from tests.house import TestHouse

DEADLINE = 300.0  # seconds
QUIET_SECONDS = 3.0
"""After a fault on the way in, nothing more may come."""

LATEST_SECONDS = 120.0
"""Without one, what people ask comes, however slow the machine is."""

hard_set()  # compiled once, before lives are forked off


@dataclass(frozen=True, slots=True)
class Life:
    """What a process is told. ``where`` is what the platform's path needs to know of the stand-in."""

    folder: str
    path: str
    dialect: str
    aim: Aim | None = None
    asks: tuple[story.Wish, ...] = ()  #: in this life
    where: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Way:
    """A platform's path through the house."""

    people: Mapping[str, Person]
    moderator: Person
    place: Place
    chats: Mapping[str, Chat]
    rooms: Mapping[str, ReviewRoom]
    ask: Callable[[], Awaitable[None]]  #: returns once everybody who could ask has asked
    arrived: Any = None


class Inside(Sandbox):
    """The work of the image processes, done here: they hold nothing that a crash could lose."""

    async def run(self, work: str, values: Mapping[str, Any], blobs: Blobs) -> Answer:
        return PICTURE_WORK[work]({**values, "max_pixels": self._max_pixels}, blobs)


class Drawer(FakeBackend):
    def __init__(self, fates: story.Fates) -> None:
        super().__init__()
        self._fates = fates

    async def generate(self, request: Drawing, resume: str, report: Report) -> Drawn:
        return self._fates.drawn(request, await super().generate(request, resume, report))


def process(life: Life) -> None:
    """Ends by itself when the day is over; what was passed is then in a file."""
    asyncio.run(_live(life))


async def _live(life: Life) -> None:
    folder, points, fates = Path(life.folder), Points(life.aim, postgres=life.dialect == "postgres"), story.Fates()
    async with AsyncExitStack() as stack:
        house = await stack.enter_async_context(_house(life, folder, points, fates))
        way = await stack.enter_async_context(WAYS[life.path](life, house))
        await _day(life, house, way, points, fates)
    (folder / "passed.json").write_text(json.dumps(points.passed))


@asynccontextmanager
async def _house(life: Life, folder: Path, points: Points, fates: story.Fates) -> AsyncIterator[TestHouse]:
    store = PointedStore(await open_engine(life.dialect, folder), points)
    pictures = PointedPictures(folder / "images", sandbox=Inside())
    pictures.points = points
    place, moderator = Place(life.where["tenant"], "staff"), _moderator(life)
    checks = PictureChecks(check=story.Odd(), thresholds=story.ODD)
    recorder = Recorder()
    backend = PointedBackend(Drawer(fates), points, fates.draw)
    settings = story.settings(place, moderator, life.where.get("staff", ""))
    core = steps.Core(
        store=store,
        backends={backend.name: backend},
        order=(backend.name,),
        clock=store.clock,
        observer=recorder,
        health=steps.Health(store),
        quota=replace(story.QUOTA, guilds={place.tenant: 500}),
        judge=Judge(store, settings, store.clock, recorder, checks),
    )
    await core.health.load()
    studio = Studio(core, pictures)
    house = TestHouse(core, store, pictures, studio, Moderators(core), FakeChat(), recorder, folder)
    try:
        yield house
    finally:
        await pictures.close()
        await store.close()


def _moderator(life: Life) -> Person:
    groups = {"web": (OPERATORS,), "discord": ("discord:role:9",), "slack": ("slack:group:S9",)}
    return Person(f"{life.path}:user:mod", "mod", groups[life.path])


async def _day(life: Life, house: TestHouse, way: Way, points: Points, fates: story.Fates) -> None:
    try:
        await house.studio.drop_unacknowledged(arrived=way.arrived)
    except StoreBusy:  # the bot starts all the same, and looks again
        await house.studio.drop_unacknowledged(arrived=way.arrived)
    cast = story.Cast(house, way.people, way.moderator, way.place, way.arrived)
    log = Path(life.folder) / "shown"

    def shown(settled: Settled) -> None:
        with log.open("a") as out:
            out.write(f"{settled.job.id} {[each.sha256 for each in settled.pictures] or settled.job.state}\n")

    chats = {name: PointedChat(chat, points, fates.deliver, shown) for name, chat in way.chats.items()}
    rooms = {name: PointedRoom(room, points) for name, room in way.rooms.items()}
    worker = Worker(house.core, house.pictures, chats, "w1", alone=True, rng=random.Random(1), rooms=rooms)
    if life.asks:
        await way.ask()
    await cast.early(await cast.jobs())
    stop = asyncio.Event()
    working = asyncio.create_task(worker.run(stop))
    try:
        async with asyncio.timeout(DEADLINE):
            await _first(working, cast.act())
    finally:
        stop.set()
        await working
    await house.pictures.sweep_orphans(house.store.known_pictures, house.core.clock.now() + 60)


async def _first(working: "asyncio.Task[None]", acting: Any) -> None:
    """The day, unless the worker ends before it."""
    task = asyncio.create_task(acting)
    done, _ = await asyncio.wait({working, task}, return_when=asyncio.FIRST_COMPLETED)
    if task not in done:
        task.cancel()
        working.result()
    task.result()


# -- the web


@asynccontextmanager
async def _web(life: Life, house: TestHouse) -> AsyncIterator[Way]:
    visitors = {name: Visitor(name.encode().hex().ljust(20, "0")) for name in story.PEOPLE}
    speaker = Speaker(house.store, house.studio, house.moderators, house.core.clock)
    chat = RoomChat("web", house.store, house.core.clock)

    async def ask() -> None:
        for number, wish in enumerate(life.asks):
            with contextlib.suppress(StoreError):
                await speaker.hear(visitors[wish.who], f"/imagine {wish.text}", f"post-{number}")

    people = {name: visitor.person for name, visitor in visitors.items()}
    yield Way(people, _moderator(life), ROOM, {"web": chat}, {"web": chat}, ask)


async def _all_asked(house: TestHouse, people: Mapping[str, Person], wishes: int) -> None:
    """Once so many requests are past their acknowledgement, or a fault was met and nothing has come for a while."""
    assert isinstance(house.store, PointedStore)
    before, quiet_since = -1, time.monotonic()
    while time.monotonic() - quiet_since < (QUIET_SECONDS if house.store.points.met else LATEST_SECONDS):
        jobs = [job for person in people.values() for job in await house.store.jobs_of(person.key, 100)]
        done = sum(job.state is not JobState.RECEIVED for job in jobs)
        if done >= wishes:
            return
        if done != before:
            before, quiet_since = done, time.monotonic()
        await asyncio.sleep(0.02)


# -- Discord


@asynccontextmanager
async def _discord(life: Life, house: TestHouse) -> AsyncIterator[Way]:
    made = outlet(house, life.where["token"], life.where["api"], life.where["gateway"])
    chat, stop = open_chat(made), asyncio.Event()
    people = {name: Person(f"discord:user:{life.where[name]}", name) for name in story.PEOPLE}
    desk, sent = open_desk(made, chat, house.studio), kept_in(Path(life.folder) / "commands")
    listening = [asyncio.create_task(listen(made, desk, reporting(house.moderators), sent, stop, Extras()))]

    async def ask() -> None:
        await _all_asked(house, people, len(life.asks))

    if not life.asks:
        listening.pop().cancel()
    place = Place(life.where["tenant"], life.where["staff"])
    rooms = {"discord": open_room(made, chat)}
    try:
        yield Way(people, _moderator(life), place, {"discord": chat}, rooms, ask, chat.arrived)
    finally:
        stop.set()
        await asyncio.gather(*listening)
        await chat.rest.close()


# -- Slack


@asynccontextmanager
async def _slack(life: Life, house: TestHouse) -> AsyncIterator[Way]:
    where = life.where
    settings = SlackSettings(where["api"], bot_token=Secret(where["token"]), app_token=Secret(where["app_token"]))
    seal, clock = Sealer(b"secret", "slack"), house.core.clock
    given = SlackHouse(settings, house.studio, house.moderators, house.pictures, clock, house.recorder, seal)
    people = {name: Person(f"slack:user:{where[name]}", name) for name in story.PEOPLE}

    async def ask() -> None:
        await _all_asked(house, people, len(life.asks))

    async with open_slack(given, receives=bool(life.asks)) as slack:
        place = Place(where["tenant"], where["staff"])
        yield Way(people, _moderator(life), place, {"slack": slack.chat}, {"slack": slack.room}, ask)


WAYS: dict[str, Callable[[Life, TestHouse], Any]] = {"web": _web, "discord": _discord, "slack": _slack}
