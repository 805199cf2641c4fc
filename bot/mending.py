"""What somebody else has to mend: a closed backend is asked, now and then, whether that was done (row F26).

Nobody mends a backend that was taken out of imagine.toml: a request that only such ones could draw ends.
"""

import asyncio
import contextlib
import math

from bot import failover, steps
from bot.errors import Conflict
from bot.model import JobState, Problem
from bot.ports import Backend

ROUND_SECONDS = 15.0
PROBE_SECONDS = 30.0

STRANDED_SECONDS = 600.0
"""While processes are replaced one by one, an old one does not know what a new one is to draw with."""

STRANDED_AT_ONCE = 100  #: in one round


class Mending:
    """What is closed at the start is asked at once: whoever starts the bot anew may just have put the key right."""

    def __init__(self, core: steps.Core) -> None:
        self._core = core
        self._probes: dict[str, int] = {}
        self._due = {name: -math.inf for name in core.backends if self._is_broken(name)}

    async def look(self) -> None:
        """Raises StoreError."""
        await self._end_stranded()
        for name, backend in self._core.backends.items():
            if not self._is_broken(name):
                self._due.pop(name, None)
                self._probes.pop(name, None)
            elif self._core.clock.monotonic() >= self._due.setdefault(name, self._next(name)):
                self._probes[name] = self._probes.get(name, 0) + 1
                self._due[name] = self._next(name)
                if await self._answers(backend):
                    await self._core.health.keep(failover.mended(self._core.health.breaker(name)))
                    self._core.observer.event("backend_opened", backend=name)

    async def _end_stranded(self) -> None:
        before = self._core.clock.now() - STRANDED_SECONDS
        for job in await self._core.store.stranded(self._core.backends.keys(), before, STRANDED_AT_ONCE):
            with contextlib.suppress(Conflict):  # cancelled meanwhile
                await steps.finish(self._core, job, JobState.FAILED, Problem("failed_no_backend"))

    def _is_broken(self, name: str) -> bool:
        return math.isinf(self._core.health.breaker(name).closed_until)

    def _next(self, name: str) -> float:
        pause = failover.probe_pause(self._core.health.breaker(name), self._probes.get(name, 0))
        return self._core.clock.monotonic() + pause

    async def _answers(self, backend: Backend) -> bool:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                return not await backend.probe()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is not mended
            self._core.observer.event("backend_error", backend=backend.name, kind="down", detail=repr(error))
            return False
