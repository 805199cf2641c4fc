"""The whole store (quota, ledger, fair turns) against the bare durable transaction of the same disk and driver.

    python -m tests.bench.bench_store
"""

import asyncio
import resource
import statistics
import tempfile
import time
from collections.abc import Awaitable, Sequence
from pathlib import Path

import aiosqlite

from adapters.store import sqlite
from adapters.store.store import SqlStore
from bot.model import Job
from tests import factories
from tests.bench.table import Row, show
from tests.factories import NOW

CYCLES, ROUNDS = 400, 20
COMMITS_OF_A_CYCLE = 5  # submit, acknowledge, claim, drawn, delivered
BACKLOG, PEOPLE = 100_000, 1_000
SAMPLES = 200


async def bare_transactions(path: Path, count: int) -> float:
    """Seconds of ``count`` single-row durable transactions, through the same driver with the same pragmas."""
    async with aiosqlite.connect(path, isolation_level=None) as connection:
        for statement in sqlite.WRITER:
            await connection.execute_fetchall(statement)
        await connection.execute_fetchall("CREATE TABLE IF NOT EXISTS t (a INTEGER PRIMARY KEY, b TEXT)")
        began = time.perf_counter()
        for number in range(count):
            await connection.execute_fetchall("BEGIN IMMEDIATE")
            await connection.execute_fetchall("INSERT INTO t (b) VALUES (:b)", {"b": f"row {number}"})
            await connection.execute_fetchall("COMMIT")
        return time.perf_counter() - began


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
    await store.delivered(await store.drawn(job, [factories.picture()], 0, [], NOW), NOW)


async def rates(folder: Path) -> tuple[float, float]:
    """Bare transactions and whole cycles a second, in turn, so that a noisy disk is as noisy for both."""
    store = SqlStore(await sqlite.connect(folder / "cycles.db"))
    bare = cycles = 0.0
    for chunk in range(ROUNDS):
        bare += await bare_transactions(folder / "bare.db", CYCLES * COMMITS_OF_A_CYCLE // ROUNDS)
        began = time.perf_counter()
        for number in range(CYCLES // ROUNDS):
            await cycle(store, f"p{(chunk + number) % 50}")
        cycles += time.perf_counter() - began
    await store.close()
    return CYCLES * COMMITS_OF_A_CYCLE / bare, CYCLES / cycles


async def timed_ms(work: Awaitable[object]) -> float:
    began = time.perf_counter()
    await work
    return (time.perf_counter() - began) * 1000


async def at_depths(stores: Sequence[SqlStore]) -> list[tuple[float, ...]]:
    """For each store the median milliseconds of enqueue, claim and position, measured in turn."""
    taken: list[tuple[list[float], ...]] = [([], [], []) for _ in stores]
    for number in range(200):
        for store in stores:
            await enqueue(store, factories.job(f"line{number}"))
    for number in range(SAMPLES):
        for store, (queueing, claiming, position) in zip(stores, taken, strict=True):
            queueing.append(await timed_ms(enqueue(store, factories.job(f"fresh{number % 50}"))))
            position.append(await timed_ms(store.line(200)))
            began = time.perf_counter()
            job = await claim(store)
            claiming.append((time.perf_counter() - began) * 1000)
            await store.delivered(await store.drawn(job, [], 0, [], NOW), NOW)
    return [tuple(statistics.median(each) for each in figures) for figures in taken]


async def fill(path: Path, people: int, each: int) -> None:
    """A backlog as `submit` and `acknowledge` would have left it, written in one transaction."""
    store = SqlStore(await sqlite.connect(path))
    for number in range(people):
        await enqueue(store, factories.job(f"p{number}"))
    await store.close()
    async with aiosqlite.connect(path, isolation_level=None) as connection:
        await connection.execute_fetchall("BEGIN")
        columns = [row[1] for row in await connection.execute_fetchall("PRAGMA table_info(jobs)")]
        chosen = ", ".join(
            {"id": "id || '-' || n", "key": "key || '-' || n", "tag": "tag + n"}.get(name, name) for name in columns
        )
        await connection.execute_fetchall(
            f"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {each - 1}) "
            f"INSERT INTO jobs ({', '.join(columns)}) SELECT {chosen} FROM jobs, c"
        )
        await connection.execute_fetchall(f"UPDATE people SET waiting = {each}")
        await connection.execute_fetchall(f"UPDATE turns SET finish = {each}")
        await connection.execute_fetchall("COMMIT")


async def first_claim_seconds(path: Path) -> float:
    began = time.perf_counter()
    store = SqlStore(await sqlite.connect(path))
    await store.expired(NOW, all_workers=True)
    await claim(store)
    taken = time.perf_counter() - began
    await store.close()
    return taken


async def newcomer_services(path: Path) -> int:
    """Services before another's first job, behind one person's 10,000, nothing running."""
    store = SqlStore(await sqlite.connect(path))
    await enqueue(store, factories.job("light", cost=30.0))
    services = 0
    while (job := await claim(store)).origin.person.name != "light":
        services += 1
        await store.delivered(await store.drawn(job, [], 0, [], NOW), NOW)
    await store.close()
    return services


async def bench() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bare, cycles = await rates(folder)
        await fill(folder / "full.db", PEOPLE, BACKLOG // PEOPLE)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = await first_claim_seconds(folder / "full.db")
        stores = [SqlStore(await sqlite.connect(folder / f"{name}.db")) for name in ("empty", "full")]
        small, large = await at_depths(stores)
        for store in stores:
            await store.close()
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        await fill(folder / "convoy.db", 1, 10_000)
        convoy = await newcomer_services(folder / "convoy.db")
    rows = [
        Row("bare durable transactions", f"{bare:.0f}/s"),
        Row("enqueue + claim + complete, whole store", f"{cycles:.0f}/s"),
        Row("of the bare rate by commits", f"{cycles * COMMITS_OF_A_CYCLE / bare:.2f}", "at least 0.40"),
        Row("start to first claim at 100,000 waiting", f"{start:.2f} s", "below 5 s"),
        Row("memory grown by working at 100,000 waiting", f"{grown:.0f} MiB"),
        Row("services before a newcomer behind 10,000 jobs", str(convoy), "those running"),
    ]
    for what, few, many in zip(("enqueue", "claim", "position"), small, large, strict=True):
        figure = f"{few:.2f} ms, {many:.2f} ms ({many / few:.2f}x)"
        rows.append(Row(f"{what}: empty, 100,000 waiting", figure, "at most 2x"))
    return rows


if __name__ == "__main__":
    show("Store", asyncio.run(bench()))
