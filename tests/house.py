"""The core composed for tests: real store, real picture files, fake backends and chats."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from adapters.images.files import FilePictures, KeptPictures
from adapters.store.store import SqlStore
from bot import steps
from bot.judging import Judge, PictureChecks
from bot.model import FINAL_STATES, Job, QuotaSettings, Ticket
from bot.moderators import Moderators
from bot.ports import Backend, Clock
from bot.ports_moderation import ReviewRoom
from bot.settings import ModerationSettings
from bot.studio import Studio
from bot.worker import Worker
from tests import factories
from tests.contract.stores import open_store
from tests.fakes import FakeBackend, FakeChat, Recorder

NO_RULES = ModerationSettings()
UNLIMITED = QuotaSettings(images_per_day=0, running=0, waiting=0)
LIVES = itertools.count(7)
"""Each house is lucky in another way: one that is opened again on the same store must not draw the same ids."""


@dataclass
class TestHouse:
    __test__ = False

    core: steps.Core
    store: SqlStore
    pictures: KeptPictures
    studio: Studio
    moderators: Moderators
    chat: FakeChat
    recorder: Recorder
    folder: Path
    rooms: Mapping[str, ReviewRoom] = field(default_factory=dict)

    def worker(self, name: str = "w1", *, alone: bool = True) -> Worker:
        chats = {self.chat.platform: self.chat}
        return Worker(
            self.core, self.pictures, chats, name, alone=alone, rng=random.Random(1), rooms=self.rooms
        )

    @asynccontextmanager
    async def working(self, *workers: Worker) -> AsyncIterator[None]:
        """The workers run inside the block and are stopped, as by SIGTERM, at its end."""
        stop = asyncio.Event()
        tasks = [asyncio.create_task(worker.run(stop)) for worker in workers or (self.worker(),)]
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*tasks)

    async def ask(self, text: str = "a red fox", name: str = "ann", key: str = "") -> Ticket:
        made = factories.job()
        ticket = await self.studio.submit(factories.origin(name), text, key or made.key)
        return await self.studio.acknowledged(ticket.job.id, {})

    async def settled(self, job_id: str, seconds: float = 60) -> Job:
        """The job once it is final and told."""
        async with asyncio.timeout(seconds):
            while True:
                job = await self.store.job(job_id)
                assert job is not None
                if job.state in FINAL_STATES and job.told:
                    return job
                await asyncio.sleep(0.01)


@asynccontextmanager
async def open_house(
    folder: Path,
    backends: Sequence[Backend] = (),
    quota: QuotaSettings = UNLIMITED,
    dialect: str = "sqlite",
    *,
    moderation: ModerationSettings = NO_RULES,
    pictures_checked: PictureChecks | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[TestHouse]:
    async with (
        open_store(dialect, folder) as store,
        house_on(
            store, folder, backends, quota, moderation=moderation, pictures_checked=pictures_checked, clock=clock
        ) as house,
    ):
        yield house


@asynccontextmanager
async def house_on(
    store: SqlStore,
    folder: Path,
    backends: Sequence[Backend] = (),
    quota: QuotaSettings = UNLIMITED,
    *,
    moderation: ModerationSettings = NO_RULES,
    pictures_checked: PictureChecks | None = None,
    clock: Clock | None = None,
    pictures: KeptPictures | None = None,
) -> AsyncIterator[TestHouse]:
    """Composed on a store that the caller opened and closes."""
    made: Sequence[Backend] = list(backends) or [FakeBackend()]
    recorder = Recorder()
    clock = clock or store.clock
    pictures = pictures or FilePictures(folder / "images")
    core = steps.Core(
        store=store,
        backends={backend.name: backend for backend in made},
        order=tuple(backend.name for backend in made),
        clock=clock,
        observer=recorder,
        health=steps.Health(store),
        quota=quota,
        judge=Judge(store, moderation, clock, recorder, pictures_checked),
    )
    await core.health.load()
    await core.judge.prepare()
    try:
        studio = Studio(core, pictures, random.Random(next(LIVES)))
        yield TestHouse(core, store, pictures, studio, Moderators(core), FakeChat(), recorder, folder)
    finally:
        await pictures.close()


