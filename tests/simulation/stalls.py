"""A worker that stands still in the middle of a write, as a paused process does, and then goes on.

Meanwhile nothing of it reaches the store, its heartbeat neither, so that its leases run out and others take its jobs
up. What it had begun to write arrives afterwards, even where its caller has given up waiting: a late write, which only
the store's fence can refuse.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from bot.model import Job
from bot.worker import LEASE_SECONDS
from tests.failpoints import PointedStore, store_methods
from tests.simulation.platform import World

CALLS = frozenset(store_methods())
SILENT = {"let_go"}
"""It says nothing where the job is another's; nor does it do anything."""

SECONDS = (0.6 * LEASE_SECONDS, 1.5 * LEASE_SECONDS)
"""About when the others notice, which is up to a heartbeat sooner and a look later."""


@dataclass
class Stalling:
    """One worker's view of the store."""

    inner: PointedStore
    world: World
    late: set["asyncio.Task[Any]"] = field(default_factory=set)
    until: float = 0.0  #: by the loop's time

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.inner, name)
        return self._stalled(name, value) if name in CALLS else value

    def _stalled(self, name: str, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def stalled(*arguments: Any, **named: Any) -> Any:
            now, chance = asyncio.get_running_loop().time(), self.world.chance
            fenced = bool(arguments) and isinstance(arguments[0], Job)
            if fenced and now >= self.until and chance.fires("stall"):
                self.until = now + chance.rng.uniform(*SECONDS)
                chance.note(f"{name} stands still until {self.until:.3f}")
            if now >= self.until:
                return await call(*arguments, **named)
            task = asyncio.create_task(self._later(name, self.until - now, call, *arguments, **named))
            self.late.add(task)
            task.add_done_callback(self._arrived)
            return await asyncio.shield(task)

        return stalled

    async def _later(
        self, name: str, seconds: float, call: Callable[..., Awaitable[Any]], *arguments: Any, **named: Any
    ) -> Any:
        await asyncio.sleep(seconds)
        lost = name not in SILENT and bool(arguments) and await self._is_lost(arguments[0])
        result = await call(*arguments, **named)
        if lost:
            self.world.wrongly.append(f"a late {name} was taken though the job had gone to another")
        return result

    async def _is_lost(self, given: object) -> bool:
        """The first argument of every fenced call is the job as its worker knew it."""
        if not isinstance(given, Job):
            return False
        job = await self.inner.job(given.id)
        return job is None or job.attempt != given.attempt

    def _arrived(self, task: "asyncio.Task[Any]") -> None:
        self.late.discard(task)
        if not task.cancelled():
            task.exception()  # its caller may be gone

    async def settled(self) -> None:
        """Once nothing more will arrive."""
        while self.late:
            await asyncio.wait(set(self.late))
