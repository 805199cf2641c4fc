"""What the bot itself adds to one request, and what it keeps in memory.

    python -m tests.bench.bench_overhead

The backend answers at once, so everything between asking and the settled row is the bot's own: syntax, rules, quota,
five durable transactions, checking and writing the picture, delivery.
"""

import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path

from tests.bench.bench_store import BACKLOG, PEOPLE, fill
from tests.bench.table import Row, show
from tests.fakes import FakeBackend
from tests.house import open_house

REQUESTS = 200


def resident_mib() -> float:
    """Of this process now, unlike the peak that `resource` gives."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def overheads(folder: Path) -> list[float]:
    """Milliseconds from asking to settled, minus the backend's own, one request at a time."""
    taken = []
    async with open_house(folder, [FakeBackend()]) as house, house.working():
        for number in range(REQUESTS):
            began = time.perf_counter()
            ticket = await house.ask(name=f"p{number % 20}")
            while not house.chat.messages.get(ticket.job.id):
                await asyncio.sleep(0.0005)
            taken.append((time.perf_counter() - began) * 1000)
    return taken


async def memory(folder: Path) -> tuple[float, float]:
    """Resident MiB with the house open and idle: empty, and at 100,000 waiting."""
    figures = []
    for backlog in (False, True):
        place = folder / ("full" if backlog else "empty")
        place.mkdir()
        if backlog:
            await fill(place / "imagine.db", PEOPLE, BACKLOG // PEOPLE)
        async with open_house(place, [FakeBackend(seconds=3600)]) as house, house.working():
            await asyncio.sleep(3)
            figures.append(resident_mib())
    return figures[0], figures[1]


async def bench() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        idle, full = await memory(folder)
        (folder / "overhead").mkdir()
        taken = sorted(await overheads(folder / "overhead"))
    return [
        Row("own overhead of a request, median", f"{statistics.median(taken):.1f} ms"),
        Row("own overhead of a request, p99", f"{taken[int(len(taken) * 0.99) - 1]:.1f} ms"),
        Row("resident memory, idle", f"{idle:.0f} MiB"),
        Row("resident memory, 100,000 waiting", f"{full:.0f} MiB", "independent of the backlog"),
    ]


if __name__ == "__main__":
    show("Overhead", asyncio.run(bench()))
