"""One history: some lives of the bot on one database, faults and crashes by the seed, and the promise at its end."""

import asyncio
import contextlib
import shutil
import sqlite3
import tempfile
import traceback
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import aiosqlite

from adapters.store import sqlite
from bot import steps
from bot.errors import StoreError
from bot.judging import Judge
from bot.model import FINAL_STATES, QuotaSettings
from bot.moderators import Moderators
from bot.settings import ModerationSettings
from bot.studio import Studio
from bot.worker import Worker
from tests import invariants
from tests.failpoints import Aim, PointedPictures, PointedStore, Points
from tests.fakes import Recorder
from tests.lives import Inside
from tests.simulation.chance import Chance
from tests.simulation.people import BAN_SECONDS, PEOPLE, TENANTS, Crowd
from tests.simulation.planted import plant
from tests.simulation.platform import SimBackend, SimChat, SimClock, SimRoom, World
from tests.simulation.stalls import Stalling, fenced
from tests.simulation.virtual import Dead, Deadlock, Process, VirtualLoop, connector, forget

CHAOS = (3.0, 12.0)
"""Virtual seconds in which there are faults, by the seed; after them everything has to come to its end."""

PATIENCE = 1800.0
"""Virtual seconds that this may take: pauses between deliveries and closures of backends are minutes."""

FORBEARANCE = 20.0
NOT_THE_STORE = {"backend", "chat", "clock", "crash"}
"""Faults after which a worker can give every lease back."""

FENCED = fenced()
SETTINGS = ModerationSettings(
    held=("castle",), moderators=("discord:role:9",), report_threshold=1,
    review_channels=dict.fromkeys(TENANTS, "777"),
)  # fmt: skip
QUOTA = QuotaSettings(images_per_day=40, running=2, waiting=6, guilds={TENANTS[0]: 60})


@dataclass(frozen=True, slots=True)
class Outcome:
    seed: int
    digest: str
    broken: tuple[str, ...]
    jobs: int
    lives: int
    faults: tuple[str, ...]
    trace: tuple[str, ...] = ()


@dataclass
class SimPoints(Points):
    """The failpoints, each of them a place where chance may strike: with an error or with death."""

    process: Process = field(kw_only=True)
    chance: Chance = field(kw_only=True)
    aim: Aim | None = None

    def at(self, name: str, error: Callable[[], Exception]) -> None:
        self.chance.note(f"{self.process.loop.time():.4f} {name}")
        if self.chance.crashes(name):
            self.process.die()
            raise Dead
        if self.chance.fires(name):
            raise error()


class SimObserver(Recorder):
    """Notes everything that is observed in the trace."""

    def __init__(self, chance: Chance) -> None:
        super().__init__()
        self._chance = chance

    def event(self, name: str, **values: object) -> None:
        shown = {key: value for key, value in values.items() if key not in {"seconds", "until", "detail"}}
        self._chance.note(f"{name} {shown}")
        if name == "alert":
            self.events.append((name, values))


class History:
    def __init__(self, seed: int, folder: Path, *, traced: bool = False, bug: str = "") -> None:
        self.folder, self.bug = folder, bug
        self.chance = Chance(seed, lines=[] if traced else None)
        self.world = World(self.chance)
        self.asked = [0]
        self.lives = 0
        self.now = 1000.0
        self.end_of_chaos = self.now + self.chance.rng.uniform(*CHAOS)
        self.alerts: list[str] = []

    def run(self) -> Outcome:
        broken: list[str] = []
        try:
            while not self._life():
                self.now += self.chance.rng.uniform(0.1, 3.0)
                self.chance.calm = self.now >= self.end_of_chaos
        except (Deadlock, TimeoutError) as error:
            broken.append(f"it hangs: {error!r}")
        broken += self._wrong()
        lines = tuple(self.chance.lines or ())
        faults = tuple(self.chance.fired)
        return Outcome(
            self.chance.seed, self.chance.digest(), tuple(broken), self.asked[0], self.lives, faults, lines
        )

    def _life(self) -> bool:
        """Whether it ended by itself."""
        self.lives += 1
        self.world.at_work.clear()
        self.chance.note(f"life {self.lives} at {self.now:.3f}")
        loop = VirtualLoop(self.now)
        process = Process(loop, self.chance)
        asyncio.set_event_loop(loop)
        loop.set_exception_handler(lambda _, context: None if process.dead else self._astray(context))
        task = loop.create_task(self._live(process))
        try:
            with inline(process):
                loop.run_until_complete(task)
        except RuntimeError:
            if not process.dead:
                raise
            return False
        except Dead:
            return False
        else:
            return True
        finally:
            self.now = loop.time()
            process.dead = True
            process.bury()
            forget(loop)

    def _astray(self, context: Mapping[str, Any]) -> None:
        error = context.get("exception")
        self.alerts.append("".join(traceback.format_exception(error)) if error else str(context["message"]))

    async def _live(self, process: Process) -> None:
        async with self._house(process) as (core, pictures):
            studio = Studio(core, pictures, self.chance.rng)
            moderators = Moderators(core)
            await _patiently(studio.drop_unacknowledged)
            crowd = Crowd(core, core_store(core), studio, moderators, self.world, self.chance, self.asked)
            stop = asyncio.Event()
            victim = self.chance.rng.choice(FENCED)
            stalling = [Stalling(core_store(core), self.world, victim) for _ in range(1 + self.chance.seed % 3)]
            made = self._workers(process, core, pictures, stalling)
            workers = [asyncio.create_task(each.run(stop)) for each in made]
            dropping = asyncio.create_task(_drop(studio))
            left = self.end_of_chaos - process.loop.time()
            ends_early = left > 0 and self.chance.rng.random() < 0.3  # by SIGTERM, and once more
            await crowd.live(self.chance.rng.uniform(0.5, left) if ends_early else max(0.0, left))
            self.chance.calm = True
            if not ends_early:
                await crowd.finish_what_they_do()
                async with asyncio.timeout(PATIENCE + self.world.behind):
                    await self._quiet(core, crowd)
            await crowd.leave()
            stop.set()
            await asyncio.gather(*workers)
            dropping.cancel()
            await asyncio.gather(dropping, *(each.settled() for each in stalling), return_exceptions=True)
            await self._check_leases(core)
            self.chance.calm = not ends_early
        if not self.chance.calm:
            await self._live(process)

    async def _check_leases(self, core: steps.Core) -> None:
        """F12: who is asked to stop gives back what it has, where the store lets it."""
        if self.world.stalls or not {fault.partition(":")[0] for fault in self.chance.fired} <= NOT_THE_STORE:
            return
        async with core_store(core)._engine.read() as tx:
            kept = await tx.run("jobs_at_work", limit=100)
        mine = [row for row in kept if row["worker"].endswith(f".{self.lives}")]
        self.world.wrongly += [f"F12 the lease of {row['id']} ({row['state']}) outlived its worker" for row in mine]

    def _workers(
        self, process: Process, core: steps.Core, pictures: Any, stores: Sequence[Stalling]
    ) -> list[Worker]:
        chats, rooms = {"discord": SimChat(process, self.world)}, {"discord": SimRoom(process, self.world)}
        return [
            Worker(
                replace(core, store=cast("Any", store)), pictures, chats, f"w{number}.{self.lives}",
                alone=len(stores) == 1, rng=self.chance.rng, rooms=rooms,
            )
            for number, store in enumerate(stores)
        ]  # fmt: skip

    @asynccontextmanager
    async def _house(self, process: Process) -> AsyncIterator[tuple[steps.Core, PointedPictures]]:
        chance = self.chance
        points = SimPoints(process=process, chance=chance)
        engine = await sqlite.connect(self.folder / "imagine.db")
        clock = SimClock(process, self.world)
        if self.bug:
            plant(engine, self.bug)
        engine.clock = clock  # type: ignore[assignment] # the house's time is the history's
        store = PointedStore(engine, points)
        pictures = PointedPictures(self.folder / "images", sandbox=Inside())
        pictures.points = points
        observer = SimObserver(chance)

        def new_id() -> str:
            return uuid.UUID(int=chance.rng.getrandbits(128), version=4).hex

        core = steps.Core(
            store=store,
            backends={name: SimBackend(name, process, self.world, charges=name == "paid") for name in ("paid", "own")},
            order=("paid", "own"),
            clock=clock,
            observer=observer,
            health=steps.Health(store),
            quota=QUOTA,
            judge=Judge(store, SETTINGS, clock, observer, ids=new_id),
        )
        await core.health.load()
        yield core, pictures
        self.alerts += [repr(values) for _, values in observer.events if not _is_ordered(values)]
        await store.close()

    async def _quiet(self, core: steps.Core, crowd: Crowd) -> None:
        """Until nothing is under way and nothing is left to be shown."""
        while True:
            await crowd.finish()
            found = [job for person in PEOPLE for job in await core.store.jobs_of(person.key, 1000)]
            if all(job.state in FINAL_STATES and job.told for job in found):
                async with core_store(core)._engine.read() as tx:
                    if not await tx.run("any_post", platforms='["discord"]', now=1e12):
                        return
            await asyncio.sleep(2.0)

    # -- the promise

    def _wrong(self) -> list[str]:
        connection = sqlite3.connect(self.folder / "imagine.db")
        try:
            tables = invariants.of_sqlite(connection)
        finally:
            connection.close()
        beside = invariants.Beside(self.folder / "images", longest=BAN_SECONDS, forgotten=self.world.forgotten)
        found = [*invariants.broken(tables, beside, at_rest=True), *self.world.wrongly, *self.alerts]
        states = {row["id"]: row["state"] for row in tables["jobs"]}
        if not self.world.forgotten:
            lost = [f"I1 {text!r} was acknowledged, and there is no {job}" for job, text in self.world.acked.items()]
            found += [line for job, line in zip(self.world.acked, lost, strict=True) if job not in states]
        for job, showings in self.world.posted.items():
            if len(set(showings)) > 1:
                found.append(f"I2 job {job} was shown as {showings}")
            if states.get(job, "delivered") not in {"delivered", "undeliverable", "rejected"}:
                found.append(f"I2 job {job} was shown and is {states[job]}")
        return found


def core_store(core: steps.Core) -> PointedStore:
    assert isinstance(core.store, PointedStore)
    return core.store


def _is_ordered(alert: Mapping[str, object]) -> bool:
    """An alert about a fault that chance brought, and that an operator has to hear of."""
    return "a bug of the adapter" in repr(alert) or alert["text"] in {"review_channel_gone", "store_full"}


async def _drop(studio: Studio) -> None:
    while True:
        await asyncio.sleep(FORBEARANCE / 2)
        with contextlib.suppress(StoreError):
            await studio.drop_unacknowledged(FORBEARANCE)


async def _patiently(work: Callable[[], Any]) -> None:
    """A start that a busy store prevents is tried again by whoever supervises the process."""
    while True:
        try:
            await work()
        except StoreError:
            await asyncio.sleep(0.5)
        else:
            return


@contextmanager
def inline(process: Process) -> Iterator[None]:
    before = aiosqlite.connect
    aiosqlite.connect = connector(process)
    try:
        yield
    finally:
        aiosqlite.connect = before


def in_memory() -> Path | None:
    """A folder in memory where there is one: nothing here has to last."""
    shared = Path("/dev/shm")
    return shared if shared.is_dir() else None


def template() -> bytes:
    """A fresh database of the current schema."""
    with tempfile.TemporaryDirectory(dir=in_memory()) as folder:
        path = Path(folder) / "imagine.db"

        async def make() -> None:
            await (await sqlite.connect(path)).close()

        asyncio.run(make())
        return path.read_bytes()


def play(seed: int, fresh: bytes, *, traced: bool = False, bug: str = "") -> Outcome:
    """``bug``: of `planted.BUGS`."""
    shared = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="imagine-sim-", dir=shared if shared.is_dir() else None))
    try:
        (folder / "imagine.db").write_bytes(fresh)
        return History(seed, folder, traced=traced, bug=bug).run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
