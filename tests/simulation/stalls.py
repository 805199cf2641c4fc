"""A worker that stands still in the middle of a write, as a paused process does, and then goes on.

Meanwhile nothing of it reaches the store, its heartbeat neither, so that its leases run out and others take its jobs
up. What it had begun to write arrives afterwards, even where its caller has given up waiting: a late write, which only
the store's fence can refuse.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from adapters.store.store import SqlStore
from bot.model import Job
from bot.worker import LEASE_SECONDS
from tests.failpoints import PointedStore, store_methods
from tests.simulation.platform import World

CALLS = frozenset(store_methods())
SILENT = {"let_go"}
"""It says nothing where the job is another's; nor does it do anything."""

SECONDS = (0.6 * LEASE_SECONDS, 1.5 * LEASE_SECONDS)
"""About when the others notice, which is up to a heartbeat sooner and a look later."""

LONGEST = 3 * LEASE_SECONDS
A_LOOK, AFTER = 0.5, 2.0
"""One time in two it goes on when it does most harm: within ``AFTER`` seconds of another one's taking the job up."""

OFTEN, MOST = 0.5, 3
"""How often the call that stands still in a history does, and how many times in all: also when the faults are over."""


def fenced() -> list[str]:
    """The calls that only the worker may make that has the job."""
    return sorted(name for name in CALLS if "job" in list(inspect.signature(getattr(SqlStore, name)).parameters)[1:2])


@dataclass
class Stalling:
    """One worker's view of the store."""

    inner: PointedStore
    world: World
    victim: str  #: the call that stands still
    late: set["asyncio.Task[Any]"] = field(default_factory=set)
    standing: "asyncio.Task[None] | None" = None

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.inner, name)
        return self._stalled(name, value) if name in CALLS else value

    def _stalled(self, name: str, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def stalled(*arguments: Any, **named: Any) -> Any:
            given = arguments[0] if arguments else None
            if isinstance(given, Job) and name == self.victim and self._stalls():
                self.world.chance.note(f"{name} of {given.id} stands still")
                self.standing = self._kept(self._stand_still(given))
            if self.standing is None:
                return await call(*arguments, **named)
            return await asyncio.shield(self._kept(self._later(name, self.standing, call, *arguments, **named)))

        return stalled

    def _stalls(self) -> bool:
        if self.standing is not None or self.world.stalls == MOST or self.world.chance.rng.random() >= OFTEN:
            return False
        self.world.stalls += 1
        return True

    def _kept(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        task = asyncio.create_task(work)
        self.late.add(task)
        task.add_done_callback(self._arrived)
        return task

    async def _stand_still(self, given: Job) -> None:
        chance = self.world.chance
        try:
            if chance.rng.random() < 0.5:
                await asyncio.sleep(chance.rng.uniform(*SECONDS))
                return
            looks = int(LONGEST / A_LOOK)
            while looks and not await self._is_lost(given):
                looks -= 1
                await asyncio.sleep(A_LOOK)
            await asyncio.sleep(chance.rng.uniform(0.0, AFTER))
        finally:
            self.standing = None

    async def _later(
        self,
        name: str,
        standing: "asyncio.Task[None]",
        call: Callable[..., Awaitable[Any]],
        *arguments: Any,
        **named: Any,
    ) -> Any:
        await asyncio.shield(standing)
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
