"""A review queue of 5,000 open items: how long a decision and a look at the queue take, all that follows included."""

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path

from bot.model import Origin
from tests import factories
from tests.bench.table import Row, show
from tests.community import ANN, HERE, MOD, settings
from tests.house import TestHouse, open_house

OPEN = 5000
DECISIONS = 300


async def fill(house: TestHouse) -> None:
    """One held request as the studio stores it, and copies of its rows in one transaction."""
    ticket = await house.studio.submit(Origin(ANN, HERE), "a castle", factories.job().key)
    await house.studio.acknowledged(ticket.job.id, {})
    columns = {
        table: [row["name"] for row in await _all(house, f"SELECT name FROM pragma_table_info('{table}')")]
        for table in ("jobs", "items", "ledger")
    }
    await _all(house, "BEGIN IMMEDIATE")
    numbers = json.dumps([f"{number:032x}" for number in range(1, OPEN)])
    for table, own in (("jobs", {"id", "key"}), ("items", {"id", "job"}), ("ledger", {"job"})):
        names = ", ".join(columns[table])
        values = ", ".join("n.value" if name in own else f"t.{name}" for name in columns[table])
        await _all(
            house,
            f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} AS t, json_each(:numbers) AS n",
            numbers=numbers,
        )
    await _all(house, "UPDATE people SET waiting = :n", n=OPEN)
    await _all(house, "UPDATE allowances SET reserved = :n", n=OPEN)
    await _all(house, "COMMIT")


async def _all(house: TestHouse, statement: str, **values: object) -> list[dict[str, str]]:
    writer = house.store._engine._writer  # type: ignore[attr-defined] # the SQLite engine's own connection
    return list(await writer.execute_fetchall(statement, values))


async def timed(work: Awaitable[object]) -> float:
    began = time.perf_counter()
    await work
    return (time.perf_counter() - began) * 1000


async def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        async with open_house(Path(folder), moderation=settings(held=("castle",))) as house:
            await fill(house)
            assert await house.moderators.count(MOD, HERE) == OPEN
            cases = await house.moderators.cases(MOD, HERE, 2 * DECISIONS)
            approvals = [await timed(house.moderators.approve(MOD, HERE, case.item.id)) for case in cases[:DECISIONS]]
            rejections = [
                await timed(house.moderators.reject(MOD, HERE, case.item.id, "no")) for case in cases[DECISIONS:]
            ]
            looks = [await timed(house.moderators.cases(MOD, HERE, 50)) for _ in range(50)]
    return [row(name, times) for name, times in (("approve", approvals), ("reject", rejections), ("queue", looks))]


def row(name: str, times: list[float]) -> Row:
    p99 = statistics.quantiles(times, n=100)[98]
    return Row(name, f"median {statistics.median(times):.1f} ms, p99 {p99:.1f} ms", "p99 < 1000 ms")


def main() -> None:
    show(f"Review with {OPEN} open items", asyncio.run(measure()))


if __name__ == "__main__":
    main()
