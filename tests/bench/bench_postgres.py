"""The whole store on PostgreSQL (quota, ledger, fair turns) by 1, 2 and 4 worker processes, against the same server's
bare single-row transactions, and against Procrastinate where PROCRASTINATE_PYTHON names an interpreter that has it.

    python -m tests.bench.bench_postgres
"""

import asyncio
import multiprocessing
import multiprocessing.process
import os
import statistics
import subprocess
import time
from pathlib import Path

import asyncpg

from adapters.store import postgres
from adapters.store.store import SqlStore
from bot.model import Job, Limits
from bot.ports import Topic
from tests import factories
from tests import postgres as servers
from tests.bench.table import Row, show

JOBS = 600
PEOPLE = 50
AT_ONCE = 4
"""Jobs in hand of each worker process, and requests on their way in at once."""

WORKERS = (1, 2, 4)
ROUNDS = 3
LOOK_SECONDS = 0.05
"""Between two looks whether all is done."""

COMMITS_OF_A_CYCLE = 5
UNLIMITED = Limits(images_per_day=0, running=0, waiting=0)
WAKES = 200


async def bare_rate(url: str, at_once: int) -> float:
    """Durable single-row transactions a second over ``at_once`` connections."""
    pool = await asyncpg.create_pool(url, min_size=at_once, max_size=at_once)
    await pool.execute("CREATE TABLE IF NOT EXISTS bare (a BIGSERIAL PRIMARY KEY, b TEXT)")

    async def insert(number: int) -> None:
        async with pool.acquire() as connection:
            for _ in range(number):
                await connection.execute("INSERT INTO bare (b) VALUES ($1)", "row")

    await insert(50)
    began = time.perf_counter()
    await asyncio.gather(*(insert(800 // at_once) for _ in range(at_once)))
    rate = 800 / (time.perf_counter() - began)
    await pool.close()
    return rate


async def enqueue_all(store: SqlStore, jobs: int) -> None:
    numbers = iter(range(jobs))

    async def enqueue() -> None:
        for number in numbers:
            job = factories.job(f"p{number % PEOPLE}", cost=1.0 + number % 7 / 3)
            await store.submit(factories.new(job, UNLIMITED))
            await store.acknowledge(job.id, {}, "sketch", store.clock.now(), review=False)

    await asyncio.gather(*(enqueue() for _ in range(AT_ONCE)))


def work(url: str, name: str) -> None:
    asyncio.run(_work(url, name))


async def _work(url: str, name: str) -> None:
    """Claims as a worker does, one after the other, and completes without drawing, until it is killed."""
    store = SqlStore(await postgres.connect(url))
    wakeup = store.subscribe(Topic.WORK)
    hands = asyncio.Semaphore(AT_ONCE)
    tasks: set[asyncio.Task[None]] = set()

    async def complete(job: Job) -> None:
        drawn = await store.drawn(job, [factories.picture()], 0, [], store.clock.now())
        await store.delivered(drawn, store.clock.now())
        hands.release()

    while True:
        await hands.acquire()
        now = store.clock.now()
        while (job := await store.claim(name, lambda candidates: candidates[0], now + 8, now)) is None:
            await wakeup.wait(0.5)
        task = asyncio.create_task(complete(job))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


async def cycles_rate(url: str, workers: int) -> float:
    """Requests enqueued, claimed and completed a second, while ``workers`` processes and one that enqueues run."""
    context = multiprocessing.get_context("forkserver")
    children = [context.Process(target=work, args=(url, f"w{number}"), daemon=True) for number in range(workers)]
    for child in children:
        child.start()
    store = SqlStore(await postgres.connect(url))
    await warm(store, workers * AT_ONCE * 2)
    began = time.perf_counter()
    await enqueue_all(store, JOBS)
    await drained(store)
    rate = JOBS / (time.perf_counter() - began)
    for child in children:
        child.kill()
        child.join()
    await store.close()
    return rate


async def warm(store: SqlStore, jobs: int) -> None:
    await asyncio.sleep(2.0)
    await enqueue_all(store, jobs)
    await drained(store)


async def drained(store: SqlStore) -> None:
    while await store.depths():
        await asyncio.sleep(LOOK_SECONDS)


async def wake_latency_ms(url: str) -> float:
    """Median from a commit in one process's store to the wake-up in another's; both in this interpreter."""
    here, there = SqlStore(await postgres.connect(url)), SqlStore(await postgres.connect(url))
    wakeup = there.subscribe(Topic.WORK)
    await asyncio.sleep(0.5)
    taken = []
    for _ in range(WAKES):
        job, _ = await here.submit(factories.new(None, UNLIMITED))
        await asyncio.sleep(0.005)
        await wakeup.wait(0.001)
        waiting = asyncio.create_task(wakeup.wait(5.0))
        await asyncio.sleep(0)
        await here.acknowledge(job.id, {}, "sketch", here.clock.now(), review=False)
        began = time.perf_counter()
        await waiting
        taken.append((time.perf_counter() - began) * 1000)
    await here.close()
    await there.close()
    return statistics.median(taken)


def procrastinate_rate(url: str, workers: int) -> float:
    """Its jobs deferred and done a second, by the same number of processes; 0 where it is not installed."""
    python = os.environ.get("PROCRASTINATE_PYTHON", "")
    if not python:
        return 0.0
    script = Path(__file__).with_name("procrastinate_rate.py")
    arguments = [url, str(JOBS), str(AT_ONCE), str(workers)]
    done = subprocess.run([python, str(script), *arguments], capture_output=True, text=True, check=True)
    return float(done.stdout)


async def compared(server: servers.Server, workers: int) -> tuple[float, float]:
    """Medians of ours and theirs, measured in turns: a machine is not equally fast for minutes."""
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(await cycles_rate(await servers.database(server), workers))
        empty = await servers.database(server, empty=True)
        theirs.append(await asyncio.to_thread(procrastinate_rate, empty, workers))
    return statistics.median(ours), statistics.median(theirs)


async def bench(server: servers.Server) -> list[Row]:
    bare_one = await bare_rate(await servers.database(server), 1)
    bare_many = await bare_rate(await servers.database(server), AT_ONCE)
    rows = [
        Row("bare durable transactions, one connection", f"{bare_one:.0f}/s"),
        Row(f"bare durable transactions, {AT_ONCE} connections", f"{bare_many:.0f}/s"),
    ]
    for workers in WORKERS:
        ours, theirs = await compared(server, workers)
        ratio = ours * COMMITS_OF_A_CYCLE / bare_many
        what = f"enqueue + claim + complete, {workers} worker processes"
        rows.append(Row(what, f"{ours:.0f}/s ({ratio:.2f} of bare commits)"))
        if theirs:
            what = f"Procrastinate, {workers} worker processes"
            rows.append(Row(what, f"{theirs:.0f}/s (ours: {ours / theirs:.2f})", "at least 0.7"))
    wake = await wake_latency_ms(await servers.database(server))
    rows.append(Row("wake-up of another process, median", f"{wake:.1f} ms"))
    return rows


def main() -> None:
    server = servers.start(durable=True)
    try:
        show("PostgreSQL", asyncio.run(bench(server)))
    finally:
        server.stop()


if __name__ == "__main__":
    main()
