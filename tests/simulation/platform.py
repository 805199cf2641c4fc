"""What outlives the bot in a history: the platform with what people saw on it, providers, and the world's clock."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from bot.conduct import Case, Notice
from bot.errors import Broken, Busy, ChatBusy, ChatGone, Down, Rejected
from bot.model import FINAL_STATES, Capabilities, Drawing, Drawn, Job, Progress, Settled, Stage
from bot.ports import Remember, Report
from bot.ports_moderation import Remember as RememberPost
from tests.fakes import CAPABILITIES, png
from tests.simulation.chance import Chance
from tests.simulation.virtual import Process

PICTURES = tuple(png(f"#{number * 40503 % 0xFFFFFF:06x}", 8) for number in range(24))

UPLOAD_SECONDS = (0.05, 1.0)


@dataclass
class World:
    """``now`` is the wall clock: virtual time and how far somebody turned it."""

    chance: Chance
    posted: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)  #: by job: the pictures of each showing
    told: dict[str, set[str]] = field(default_factory=dict)  #: by job: the ends its person read
    acked: dict[str, str] = field(default_factory=dict)  #: requests whose person read the acknowledgement
    forbidden: dict[tuple[str, str], float] = field(default_factory=dict)  #: tenant and word: since when, by the clock
    turned: bool = False  #: the clock was, so that moments cannot be compared
    at_work: dict[str, int] = field(default_factory=dict)  #: drawings and deliveries under way in this life
    stalls: int = 0  #: writes that stood still, with their worker
    wrongly: list[str] = field(default_factory=list)
    forgotten: bool = False  #: somebody was, so that requests may be gone
    ahead: float = 0.0
    behind: float = 0.0  #: how far it was set back in all: what was due then waits so much longer

    @contextmanager
    def alone(self, what: str) -> Iterator[None]:
        """A lease is there so that nobody else does the same meanwhile, unless the time itself jumped over its end."""
        self.at_work[what] = self.at_work.get(what, 0) + 1
        if self.at_work[what] > 1 and not self.turned:
            self.wrongly.append(f"{what} is done {self.at_work[what]} times at once")
        try:
            yield
        finally:
            self.at_work[what] -= 1


@dataclass
class SimClock:
    process: Process
    world: World

    def now(self) -> float:
        return 1_790_000_000.0 + self.process.loop.time() + self.world.ahead

    def monotonic(self) -> float:
        return self.process.loop.time()


@dataclass
class SimBackend:
    name: str
    process: Process
    world: World
    charges: bool = False

    @property
    def chance(self) -> Chance:
        return self.world.chance

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            default_size=CAPABILITIES.default_size, steps=CAPABILITIES.steps, seed=CAPABILITIES.seed, at_once=2,
            charges=self.charges, price_per_image=0.01 if self.charges else 0.0, timeout_seconds=20.0,
        )  # fmt: skip

    async def generate(self, request: Drawing, resume: str, report: Report) -> Drawn:
        with self.world.alone(f"drawing {request.seed}"):
            return await self._drawn(request, resume, report)

    async def _drawn(self, request: Drawing, resume: str, report: Report) -> Drawn:
        place = f"backend:{self.name}"
        self.chance.note(f"{place} begins {request.seed} {resume}")
        await self._pause(0.05)
        self._fail_before(place)
        if not resume:
            await report.remember(f"task-{request.seed}")
        await report.progress(1, 2)
        if self.chance.fires(f"{place}:hang"):
            await asyncio.sleep(3600)
        await self._pause(self.chance.rng.uniform(0.05, 3.0))
        if self.chance.fires(f"{place}:lost"):
            raise Down("no answer", maybe_charged=self.charges)
        return self._answer(request, place)

    async def _pause(self, seconds: float) -> None:
        await self.process.outside("thread", lambda: None)
        await asyncio.sleep(seconds)

    def _fail_before(self, place: str) -> None:
        if self.chance.fires(f"{place}:busy"):
            raise Busy("429", retry_after=self.chance.rng.choice([None, 0.5, 5.0]))
        if self.chance.fires(f"{place}:down"):
            raise Down("refused")
        if self.chance.fires(f"{place}:rejected"):
            raise Rejected("451", stage=Stage.PROMPT)
        if self.chance.fires(f"{place}:broken"):
            raise Broken("400")
        if self.chance.fires(f"{place}:bug"):
            raise RuntimeError("a bug of the adapter")

    def _answer(self, request: Drawing, place: str) -> Drawn:
        seeds = tuple((request.seed or 0) + index for index in range(request.count))
        images = [PICTURES[seed % len(PICTURES)] for seed in seeds]
        if self.chance.fires(f"{place}:few") and request.count > 1:
            return Drawn(tuple(images[:-1]), seeds[:-1], missing=1)
        if self.chance.fires(f"{place}:garbage"):
            images[0] = b"<html>no</html>"
        return Drawn(tuple(images), seeds)

    async def probe(self) -> str:
        return ""

    async def close(self) -> None: ...


@dataclass
class SimChat:
    """A platform whose messages are edited by the job's id: showing the same twice is one message."""

    process: Process
    world: World
    platform: str = "discord"

    async def progress(
        self, job: Job, position: int | None, eta_seconds: float | None, progress: Progress | None
    ) -> None: ...

    async def deliver(self, settled: Settled, remember: Remember) -> None:
        with self.world.alone(f"delivering {settled.job.id}"):
            await self._delivered(settled, remember)

    async def _delivered(self, settled: Settled, remember: Remember) -> None:
        chance = self.world.chance
        self._fail("before")
        await asyncio.sleep(chance.rng.uniform(*UPLOAD_SECONDS))
        await self.process.outside("thread", lambda: self._shown(settled))
        if settled.pictures and chance.rng.random() < 0.5:
            await remember({"posted": "1"})
        self._fail("after")

    def _fail(self, when: str) -> None:
        chance = self.world.chance
        if chance.fires(f"chat:{when}:busy"):
            raise ChatBusy("503", retry_after=chance.rng.choice([None, 1.0, 8.0]))
        if when == "before" and chance.fires("chat:gone"):
            raise ChatGone("deleted")
        if chance.fires(f"chat:{when}:bug"):
            raise RuntimeError("a bug of the adapter")

    def _shown(self, settled: Settled) -> None:
        world, job = self.world, settled.job
        if settled.pictures:
            world.posted.setdefault(job.id, []).append(tuple(picture.sha256 for picture in settled.pictures))
            self._judge(job)
        elif job.state in FINAL_STATES:
            world.told.setdefault(job.id, set()).add(job.state)
        world.chance.note(f"{self.process.loop.time():.3f} shown {job.id} {len(settled.pictures)} {job.state}")

    def _judge(self, job: Job) -> None:
        """I4: it was judged again after it was drawn, by rules that were in force before that."""
        if self.world.turned:
            return
        for (tenant, word), since in self.world.forbidden.items():
            if tenant == job.origin.place.tenant and word in job.request.prompt.split() and since < job.drawn_at:
                late = job.drawn_at - since
                self.world.wrongly.append(f"I4 {job.request.prompt!r} was drawn {late:.1f} s after it was forbidden")


@dataclass
class SimRoom:
    process: Process
    world: World
    shown: dict[str, Case] = field(default_factory=dict)

    async def announce(self, case: Case, channel: str, address: Mapping[str, str], remember: RememberPost) -> None:
        await self._reach("announce")
        if not address:
            await remember({"message": "1"})

    async def revise(self, settled: Settled, address: Mapping[str, str], remember: RememberPost) -> None:
        await self._reach("revise")

    async def notify(self, notice: Notice) -> None:
        await self._reach("notify")

    async def _reach(self, what: str) -> None:
        chance = self.world.chance
        if chance.fires(f"chat:{what}:busy"):
            raise ChatBusy("503")
        await self.process.outside("thread", lambda: None)
        if chance.fires(f"chat:{what}:lost"):
            raise ChatBusy("no answer")
        if chance.fires(f"chat:{what}:gone"):
            raise ChatGone("deleted")
