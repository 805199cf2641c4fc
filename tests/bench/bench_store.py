"""The whole store (quota, ledger, fair turns) against the bare durable transaction of the same disk and driver.

    python -m tests.bench.bench_store
"""

import asyncio
import resource
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiosqlite

from adapters.store import sqlite
from adapters.store.store import SqlStore
from bot.model import Job
from tests import factories
from tests.bench.table import Row, show
from tests.factories import NOW

CYCLES = 400
COMMITS_OF_A_CYCLE = 5  # submit, acknowledge, claim, drawn, delivered
BACKLOG, PEOPLE = 100_000, 1_000
SAMPLES = 200


async def bare_rate(folder: Path) -> float:
    """Single-row durable transactions a second, through the same driver with the same pragmas."""
    async with aiosqlite.connect(folder / "bare.db", isolation_level=None) as connection:
        for statement in sqlite.WRITER:
            await connection.execute_fetchall(statement)
        await connection.execute_fetchall("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")
        began = time.perf_counter()
        for number in range(CYCLES * 2):
            await connection.execute_fetchall("BEGIN IMMEDIATE")
            await connection.execute_fetchall("INSERT INTO t (b) VALUES (:b)", {"b": f"row {number}"})
            await connection.execute_fetchall("COMMIT")
        return CYCLES * 2 / (time.perf_counter() - began)


async def enqueue(store: SqlStore, job: Job) -> None:
    await store.submit(factories.new(job))
    await store.acknowledge(job.id, {}, "sketch", NOW, review=False)


async def claim(store: SqlStore) -> Job:
    job = await store.claim("w1", lambda candidates: candidates[0], NOW + 8, NOW)
    assert job is not None
    return job


async def cycle(store: SqlStore, name: str) -> None:
    await enqueue(store, factories.job(name))
    job = await claim(store)
    await store.delivered(await store.drawn(job, [factories.picture()], 0, [], NOW, held=False), NOW)


async def cycles_rate(store: SqlStore) -> float:
    began = time.perf_counter()
    for number in range(CYCLES):
        await cycle(store, f"p{number % 50}")
    return CYCLES / (time.perf_counter() - began)


async def median_ms(work: Callable[[], Awaitable[object]], times: int = SAMPLES) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        await work()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


async def at_depth(store: SqlStore) -> tuple[float, float, float]:
    """Median milliseconds of enqueue, claim and position, at whatever backlog the store has."""
    numbers = iter(range(10**9))
    queueing = await median_ms(lambda: enqueue(store, factories.job(f"fresh{next(numbers) % 50}")))
    claiming = []
    for _ in range(SAMPLES):
        began = time.perf_counter()
        job = await claim(store)
        claiming.append((time.perf_counter() - began) * 1000)
        await store.delivered(await store.drawn(job, [], 0, [], NOW, held=False), NOW)
    for _ in range(200):
        await enqueue(store, factories.job(f"fresh{next(numbers) % 50}"))
    position = await median_ms(lambda: store.line(200), 50)
    return queueing, statistics.median(claiming), position


async def fill(path: Path) -> None:
    """A backlog as `submit` and `acknowledge` would have left it, written in one transaction."""
    store = SqlStore(await sqlite.connect(path))
    for number in range(PEOPLE):
        await enqueue(store, factories.job(f"p{number}"))
    await store.close()
    async with aiosqlite.connect(path, isolation_level=None) as connection:
        await connection.execute_fetchall("BEGIN")
        columns = [row[1] for row in await connection.execute_fetchall("PRAGMA table_info(jobs)")]
        chosen = ", ".join(
            {"id": "id || '-' || n", "key": "key || '-' || n", "tag": "tag + n"}.get(name, name) for name in columns
        )
        await connection.execute_fetchall(
            f"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {BACKLOG // PEOPLE - 1}) "
            f"INSERT INTO jobs ({', '.join(columns)}) SELECT {chosen} FROM jobs, c"
        )
        await connection.execute_fetchall(f"UPDATE people SET waiting = {BACKLOG // PEOPLE}")
        await connection.execute_fetchall(f"UPDATE turns SET finish = {BACKLOG // PEOPLE}")
        await connection.execute_fetchall("COMMIT")


async def first_claim_seconds(path: Path) -> float:
    began = time.perf_counter()
    store = SqlStore(await sqlite.connect(path))
    await store.expired(NOW, all_workers=True)
    await claim(store)
    taken = time.perf_counter() - began
    await store.close()
    return taken


async def newcomer_services(folder: Path) -> int:
    """Services before another's first job, behind one person's 10,000, nothing running."""
    store = SqlStore(await sqlite.connect(folder / "convoy.db"))
    for number in range(10_000):
        await enqueue(store, factories.job("heavy", cost=1.0 + number % 3))
    await enqueue(store, factories.job("light"))
    services = 0
    while True:
        job = await claim(store)
        if job.origin.person.name == "light":
            await store.close()
            return services
        services += 1
        await store.delivered(await store.drawn(job, [], 0, [], NOW, held=False), NOW)


async def bench() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bare = await bare_rate(folder)
        store = SqlStore(await sqlite.connect(folder / "cycles.db"))
        cycles = await cycles_rate(store)
        await store.close()
        ratio = cycles / (bare / COMMITS_OF_A_CYCLE)
        empty = SqlStore(await sqlite.connect(folder / "empty.db"))
        small = await at_depth(empty)
        await empty.close()
        await fill(folder / "full.db")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = await first_claim_seconds(folder / "full.db")
        full = SqlStore(await sqlite.connect(folder / "full.db"))
        large = await at_depth(full)
        await full.close()
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        convoy = await newcomer_services(folder)
    rows = [
        Row("bare durable transactions", f"{bare:.0f}/s"),
        Row("enqueue + claim + complete, whole store", f"{cycles:.0f}/s"),
        Row("of the bare rate by commits", f"{ratio:.2f}", "at least 0.40"),
        Row("start to first claim at 100,000 waiting", f"{start:.2f} s", "below 5 s"),
        Row("memory grown by working at 100,000 waiting", f"{grown:.0f} MiB"),
        Row("services before a newcomer behind 10,000 jobs", str(convoy), "those running"),
    ]
    names = ("enqueue", "claim", "position")
    for what, few, many in zip(names, small, large, strict=True):
        ratio = many / few
        rows.append(Row(f"{what}: empty, 100,000 waiting", f"{few:.2f} ms, {many:.2f} ms ({ratio:.2f}x)", "at most 2x"))
    return rows


if __name__ == "__main__":
    show("Store", asyncio.run(bench()))
