"""What many people do at once, and what goes wrong meanwhile; each returns its rows.

Nothing lost: every request that was taken is delivered, or waits still. Nothing doubled: no
two messages show the pictures of one request.
"""

import asyncio
import os
import signal
import sqlite3
import statistics
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.bench.load.bots import Pace
from tests.bench.load.ways import WAYS, House
from tests.bench.table import Row

DRAIN_SECONDS = float(os.environ.get("DRAIN_SECONDS", "600"))
SLACK_DRAIN_SECONDS = 60.0
"""Slack lets one workspace have some 50 updates a minute, and the bot keeps to it: the rest goes on waiting."""
UNFINISHED = ("received", "queued", "running", "drawn", "delivering", "review", "held")
LOCK_SECONDS = 8.0
FULL_SECONDS = 6
TMPFS_MEGABYTES = 24


@asynccontextmanager
async def opened(platform: str, pace: Pace, *, folder: Path | None = None) -> AsyncIterator[House]:
    with tempfile.TemporaryDirectory() as made:
        async with WAYS[platform](folder or Path(made)) as house:
            await house.start(pace)
            yield house


def p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98] if len(seconds) > 1 else 0.0


async def outcome(house: House, name: str, drain: float = DRAIN_SECONDS) -> list[Row]:
    """Waits for the last one, and counts."""
    began = time.monotonic()
    await house.until_delivered(drain)
    states = await asyncio.to_thread(house.states)
    delivered, shown = states.get("delivered", 0), Counter(house.way.results())
    waiting = sum(states.get(state, 0) for state in UNFINISHED)
    counts = {
        "taken": house.taken,
        "refused": house.refused,
        "delivered": delivered,
        "still waiting": waiting,
        "lost": max(0, house.taken - delivered - waiting),
        "doubled": shown.total() - len(shown),
    }
    became = ", ".join(f"{number} {what}" for what, number in counts.items())
    return [
        Row(f"{name}: what became of them", became, "0 lost, 0 doubled"),
        Row(f"{name}: ack median, p99", _milliseconds(house.seconds), "p99 1000 ms"),
        Row(f"{name}: until the last one", f"{time.monotonic() - began:.0f} s"),
    ]


def _milliseconds(seconds: list[float]) -> str:
    return f"{statistics.median(seconds or [0]) * 1000:.0f} ms, {p99(seconds) * 1000:.0f} ms"


async def burst(platform: str, count: int, seconds: float) -> list[Row]:
    async with opened(platform, Pace()) as house:
        await house.burst(count, seconds)
        drain = SLACK_DRAIN_SECONDS if platform == "Slack" else DRAIN_SECONDS
        return await outcome(house, f"{platform}, {count} in {seconds:.0f} s", drain)


async def sustained(platform: str, rate: float, seconds: float) -> list[Row]:
    """Memory is compared after the first tenth, when caches are warm."""
    async with opened(platform, Pace()) as house:
        asking = asyncio.create_task(house.burst(int(rate * seconds), seconds))
        await asyncio.sleep(seconds / 10)
        before = house.memory()
        await asking
        after = house.memory()
        name = f"{platform}, {rate:.0f}/s for {seconds / 60:.0f} min"
        grown = Row(f"{name}: memory", f"{before:.0f} to {after:.0f} MiB, {after - before:+.0f}", "under +50")
        return [*await outcome(house, name), grown]


async def restart(platform: str, count: int) -> list[Row]:
    """Killed with all of them waiting, and started again."""
    async with opened(platform, Pace(seconds=3600, at_once=1)) as house:
        await house.burst(count, count / 80)
        await house.end(signal.SIGKILL)
        before = house.states()
        began = time.monotonic()
        await house.start(Pace(at_once=8))
        while not house.states().get("delivered"):
            await asyncio.sleep(0.05)
        first = time.monotonic() - began
        name = f"{platform}, kill -9 with {sum(before.get(state, 0) for state in UNFINISHED)} waiting"
        return [Row(f"{name}: start to first delivery", f"{first:.1f} s", "5 s"), *await outcome(house, name)]


async def provider(platform: str, name: str, pace: Pace, count: int) -> list[Row]:
    async with opened(platform, pace) as house:
        await house.burst(count, count / 20)
        return await outcome(house, f"{platform}, {name}")


Trouble = Callable[[House], Coroutine[Any, Any, None]]


async def troubled(platform: str, count: int, name: str, trouble: Trouble, folder: Path | None = None) -> list[Row]:
    """What goes wrong while ``count`` requests come within 20 s."""
    async with opened(platform, Pace(), folder=folder) as house:
        going_wrong = asyncio.create_task(trouble(house))
        await house.burst(count, 20)
        await going_wrong
        return await outcome(house, f"{platform}, {name}")


async def locked(platform: str, count: int) -> list[Row]:
    """Another process holds the database for eight seconds in the middle."""

    async def hold(house: House) -> None:
        await asyncio.sleep(2)
        other = sqlite3.connect(house.folder / "imagine.db", isolation_level=None, timeout=30, check_same_thread=False)
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
        await asyncio.sleep(LOCK_SECONDS)
        other.execute("ROLLBACK")
        other.close()

    return await troubled(platform, count, f"database locked for {LOCK_SECONDS:.0f} s", hold)


async def clock_jump(platform: str, count: int) -> list[Row]:
    """An hour ahead, and back, while requests come and are drawn."""

    async def jump(house: House) -> None:
        for _ in range(4):
            await asyncio.sleep(3)
            house.signal(signal.SIGUSR1)

    return await troubled(platform, count, "the clock jumps an hour, four times", jump)


async def full_disk(platform: str, count: int) -> list[Row]:
    """On a disk of 24 MB that somebody else fills, and frees again."""

    async def fill(house: House) -> None:
        await asyncio.sleep(3)
        ballast = house.folder / "ballast"
        with ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 65536)
            except OSError:
                pass
        await asyncio.sleep(FULL_SECONDS)
        ballast.unlink()

    with tempfile.TemporaryDirectory() as made:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={TMPFS_MEGABYTES}m", "tmpfs", made]
        if await asyncio.to_thread(subprocess.call, mount, stderr=subprocess.DEVNULL):
            return [Row(f"{platform}, full disk", "not measured: no right to mount a small disk here")]
        try:
            return await troubled(platform, count, f"disk full for {FULL_SECONDS} s", fill, Path(made))
        finally:
            await asyncio.to_thread(subprocess.call, ["umount", "-l", made])
