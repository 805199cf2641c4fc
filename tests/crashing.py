"""A bot process that kills itself, as kill -9 would, at the Nth thing it does: before or after any call of a port.

The platform is a folder on disk where showing a message replaces a file named after the job, as editing a stored
message does; every showing is also appended to a log, so that a test can see what a crash repeated.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bot.model import FINAL_STATES, Job, Progress, Settled
from bot.ports import Remember
from tests import factories
from tests.fakes import FakeBackend
from tests.house import TestHouse, open_house

REQUESTS = (("ann", "a red fox --count 2 --seed 5"), ("bob", "a blue cat"), ("ann", "a hill"))
DEADLINE = 30.0  # seconds


class Fuse:
    """Counts moments; at the Nth the process is gone."""

    def __init__(self, at: int) -> None:
        self.left = at

    def burn(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class Fused:
    """Any port, with a moment before and one after each of its calls."""

    def __init__(self, inner: Any, fuse: Fuse, skip: tuple[str, ...] = ()) -> None:
        self._inner = inner
        self._fuse = fuse
        self._skip = skip

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if not asyncio.iscoroutinefunction(value) or name in self._skip:
            return value
        return self._fused(value)

    def _fused(self, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def fused(*arguments: Any, **named: Any) -> Any:
            self._fuse.burn()
            result = await call(*arguments, **named)
            self._fuse.burn()
            return result

        return fused


@dataclass
class FolderChat:
    folder: Path
    fuse: Fuse
    platform: str = "web"
    seen: list[Job] = field(default_factory=list)

    async def progress(
        self, job: Job, position: int | None, eta_seconds: float | None, progress: Progress | None
    ) -> None:
        pass

    async def deliver(self, settled: Settled, remember: Remember) -> None:
        self.fuse.burn()
        text = " ".join(picture.sha256 for picture in settled.pictures) or settled.job.state
        (self.folder / f"{settled.job.id}.message").write_text(text)
        with (self.folder / "log").open("a") as log:
            log.write(f"{settled.job.id} {text}\n")
        self.fuse.burn()
        if settled.pictures:
            await remember({"posted": "1"})
        self.fuse.burn()


QUIET = ("heartbeat", "expired", "line", "depths", "job", "save_progress", "speeds", "breakers", "jobs_of")
"""Calls that change nothing or are made by a timer: a kill there is the same as one at their neighbours."""


def process(folder: str, kill_at: int, *, submit: bool) -> None:
    """One life of the bot; ``kill_at`` 0: it ends by itself when every request is final and told."""
    asyncio.run(_live(Path(folder), Fuse(kill_at), submit=submit))


async def _live(folder: Path, fuse: Fuse, *, submit: bool) -> None:
    platform = folder / "platform"
    platform.mkdir(exist_ok=True)
    async with open_house(folder, [FakeBackend()]) as house:
        await house.studio.drop_unacknowledged()
        fused = replace(house.core, store=Fused(house.store, fuse, QUIET))
        house.core = fused
        house.chat = FolderChat(platform, fuse)  # type: ignore[assignment] # a chat of this test's own
        house.pictures = Fused(house.pictures, fuse, ("preview",))  # type: ignore[assignment] # with moments
        if submit:
            await _submit(house, platform, fuse)
        async with asyncio.timeout(DEADLINE), house.working():
            while not await _all_final(house):
                await asyncio.sleep(0.01)


async def _submit(house: TestHouse, platform: Path, fuse: Fuse) -> None:
    """As a chat adapter does: stored, acknowledged to the person, then queued. The file is what the person saw."""
    studio = type(house.studio)(house.core, house.pictures)
    for number, (name, text) in enumerate(REQUESTS):
        ticket = await studio.submit(factories.origin(name), text, f"interaction-{number}")
        fuse.burn()
        (platform / f"{ticket.job.id}.acked").touch()
        fuse.burn()
        await studio.acknowledged(ticket.job.id, {"message": str(number)})


async def _all_final(house: TestHouse) -> bool:
    jobs = [job for name in ("ann", "bob") for job in await house.store.jobs_of(f"web:user:{name}", 10)]
    return all(job.state in FINAL_STATES and job.told for job in jobs)
