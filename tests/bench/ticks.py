"""Pauses of an event loop, and which part of them this process is to blame for.

Linux counts how long a thread that could run had to wait for a processor (schedstat). What is left of a pause once that
is taken off is our own: computing, or blocking. What a hypervisor takes away is not counted, and stays ours here.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

SCHEDSTAT = Path("/proc/thread-self/schedstat")
BEAT_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class Moment:
    """Milliseconds of this thread: by the clock, on a processor, waiting for one."""

    clock: float
    processor: float
    waited: float


def moment() -> Moment:
    waited = int(SCHEDSTAT.read_text().split()[1]) * 1e-6 if SCHEDSTAT.exists() else 0.0
    return Moment(time.perf_counter() * 1000, time.thread_time() * 1000, waited)


@dataclass
class Ticks:
    by_clock: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def add(self, before: Moment, after: Moment) -> None:
        gap = after.clock - before.clock
        self.by_clock.append(gap)
        self.own.append(gap - (after.waited - before.waited))
        self.processor.append(after.processor - before.processor)

    def line(self) -> str:
        return (
            f"longest pause of the loop {max(self.by_clock):.1f} ms by the clock; without waiting for a processor "
            f"{max(self.own):.1f} ms, computing {max(self.processor):.1f} ms"
        )


@asynccontextmanager
async def ticking() -> AsyncIterator[Ticks]:
    ticks = Ticks()

    async def tick() -> None:
        last = moment()
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            now = moment()
            ticks.add(last, now)
            last = now

    beating = asyncio.create_task(tick())
    try:
        yield ticks
    finally:
        beating.cancel()
