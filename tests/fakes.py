"""Hand-written fakes of a backend and a chat. They remember, and are asked about state. There is no fake store."""

import asyncio
import io
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from PIL import Image

from bot.errors import BackendError, DeliveryError
from bot.model import Capabilities, Drawing, Drawn, Job, Progress, Range, Settled, Size
from bot.ports import Remember, Report

CAPABILITIES = Capabilities(
    default_size=Size(64, 64), steps=Range(1, 100), guidance=Range(1, 20), seed=Range(0, 2**31 - 1), at_once=4
)


def png(colour: str = "red", side: int = 64) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(out, "PNG")
    return out.getvalue()


@dataclass
class FakeBackend:
    """Draws at once, or as slowly and as wrongly as told. ``plan`` has what the next calls raise or return."""

    name: str = "sketch"
    capabilities: Capabilities = CAPABILITIES
    seconds: float = 0.0
    plan: list[BackendError | Drawn] = field(default_factory=list)
    drawn: list[Drawing] = field(default_factory=list)
    resumed: list[str] = field(default_factory=list)
    running: int = 0
    most_running: int = 0
    trouble: str = ""  #: what a probe finds

    async def generate(self, request: Drawing, resume: str, report: Report) -> Drawn:
        self.drawn.append(request)
        self.resumed.append(resume)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            for step in range(4):
                await report.progress(step + 1, 4)
                await asyncio.sleep(self.seconds / 4)
            await report.remember(f"task-{len(self.drawn)}")
        finally:
            self.running -= 1
        answer = self.plan.pop(0) if self.plan else None
        if isinstance(answer, Drawn):
            return answer
        if answer is not None:
            raise answer
        seeds = tuple((request.seed or 0) + index for index in range(request.count))
        return Drawn(tuple(png(f"#{(seed * 4099) % 0xFFFFFF:06x}") for seed in seeds), seeds)

    async def probe(self) -> str:
        return self.trouble

    async def close(self) -> None:
        pass


@dataclass
class Notes:
    """A report that remembers, of a backend that has no task to come back to."""

    steps: list[tuple[int, int]] = field(default_factory=list)
    previews: list[tuple[int, bytes]] = field(default_factory=list)
    moved: asyncio.Event = field(default_factory=asyncio.Event)  #: the first step is done

    async def progress(self, step: int, steps: int) -> None:
        self.steps.append((step, steps))
        if step:
            self.moved.set()

    async def preview(self, index: int, image: bytes) -> None:
        self.previews.append((index, image))

    async def remember(self, task: str) -> None:
        raise AssertionError("there is no task to remember")


@dataclass
class FakeChat:
    """A platform whose messages are edited by id: showing a job's result twice is still one message."""

    platform: str = "web"
    shown: list[Settled] = field(default_factory=list)
    messages: dict[str, Settled] = field(default_factory=dict)
    plan: list[DeliveryError] = field(default_factory=list)
    seen: list[Progress | int | None] = field(default_factory=list)
    on_deliver: Callable[[Job], None] = lambda _: None

    async def progress(
        self, job: Job, position: int | None, eta_seconds: float | None, progress: Progress | None
    ) -> None:
        self.seen.append(progress or position)

    async def deliver(self, settled: Settled, remember: Remember) -> None:
        self.on_deliver(settled.job)
        if self.plan:
            raise self.plan.pop(0)
        await remember({"posted": "1"}) if settled.pictures else None
        self.shown.append(settled)
        self.messages[settled.job.id] = settled


@dataclass
class Recorder:
    """An Observer that keeps everything."""

    events: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def event(self, name: str, **values: object) -> None:
        self.events.append((name, values))

    def about(self, job_id: str) -> AbstractContextManager[None]:
        return nullcontext()

    def named(self, name: str) -> list[dict[str, object]]:
        return [values for event, values in self.events if event == name]
