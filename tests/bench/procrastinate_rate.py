"""Run by bench_postgres with another interpreter: Procrastinate's rate on the same server, the same way.

    python procrastinate_rate.py URL JOBS AT_ONCE WORKERS...
"""

import asyncio
import multiprocessing
import sys
import time
from typing import Any


def make_app(url: str) -> Any:
    import procrastinate  # type: ignore[import-not-found] # of the other interpreter

    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))
    app.task(name="nothing")(nothing)
    return app


async def nothing(number: int) -> None:
    """What our workers do between claim and completion."""


def work(url: str, at_once: int) -> None:
    async def run() -> None:
        app = make_app(url)
        async with app.open_async():
            await app.run_worker_async(concurrency=at_once, install_signal_handlers=False)

    asyncio.run(run())


async def defer_all(app: Any, jobs: int, at_once: int) -> None:
    numbers = iter(range(jobs))

    async def defer() -> None:
        for number in numbers:
            await app.configure_task("nothing").defer_async(number=number)

    await asyncio.gather(*(defer() for _ in range(at_once)))


async def drained(app: Any) -> None:
    query = "SELECT count(*) AS left FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
    while (await app.connector.execute_query_one_async(query))["left"]:
        await asyncio.sleep(0.05)


async def rate(url: str, jobs: int, at_once: int, workers: int) -> float:
    children = [multiprocessing.Process(target=work, args=(url, at_once), daemon=True) for _ in range(workers)]
    for child in children:
        child.start()
    app = make_app(url)
    async with app.open_async():
        await asyncio.sleep(2.0)
        await defer_all(app, workers * at_once * 2, at_once)
        await drained(app)
        began = time.perf_counter()
        await defer_all(app, jobs, at_once)
        await drained(app)
        taken = time.perf_counter() - began
    for child in children:
        child.kill()
        child.join()
    return jobs / taken


async def main(url: str, jobs: int, at_once: int, workers: list[int]) -> None:
    app = make_app(url)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
    for count in workers:
        print(f"{await rate(url, jobs, at_once, count):.1f}", flush=True)


if __name__ == "__main__":
    multiprocessing.set_start_method("forkserver")
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), [int(each) for each in sys.argv[4:]]))
