"""What PostgreSQL does in one call is what the steps do one after the other."""

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from adapters.store import postgres
from adapters.store.engine import Contended, Unsure, Whole, Work
from adapters.store.store import SqlStore
from bot.errors import Conflict, Refused, StoreBusy
from bot.model import Job, JobState, Limits, Problem
from tests import factories
from tests import postgres as servers
from tests.contract.stores import database_of
from tests.contract.test_store_intake import queue
from tests.contract.test_store_turns import claim, take
from tests.factories import DAY, NOW

TABLES = ("jobs", "people", "allowances", "turns", "lanes", "ledger", "pictures", "progress")
CLOCKS = "SELECT backend, max(tag) AS tag FROM clocks GROUP BY backend ORDER BY backend"


class BySteps:
    """An engine that has no whole statement."""

    def __init__(self, engine: postgres.PostgresEngine) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    async def together(self, work: Work[Any], whole: Whole[Any] | None = None) -> Any:
        return await self._engine.together(work)


async def rows_of(url: str) -> dict[str, list[dict[str, Any]]]:
    connection = await asyncpg.connect(url)
    found = {table: await connection.fetch(f"SELECT * FROM {table} AS t ORDER BY t::text") for table in TABLES}
    found["clocks"] = await connection.fetch(CLOCKS)
    found["feed"] = await connection.fetch("SELECT seq, job FROM feed ORDER BY seq")
    await connection.close()
    return {table: [dict(row) for row in rows] for table, rows in found.items()}


async def ask(store: SqlStore, job: Job, limits: Limits, day: int = DAY) -> str:
    """What became of it, as its person is told."""
    try:
        stored, fresh = await store.submit(factories.new(job, limits, day))
        if fresh:
            await store.acknowledge(stored.id, {"m": job.id}, stored.candidates[0], NOW + 1, review=False)
    except (Refused, Conflict) as error:
        return repr(error)
    return f"{stored.id} {fresh}"


async def some_days(store: SqlStore) -> list[object]:
    """What the hot transactions can meet: limits, lanes, other days, refusals, keys used twice, late writes."""
    said: list[object] = []
    tight = Limits(images_per_day=5, tenant_images_per_day=9, running=1, waiting=3, weight=2.0)
    wide = Limits(images_per_day=0, running=0, waiting=0)
    for number in range(16):
        name, limits = (("ann", tight), ("bob", wide), ("eve", tight))[number % 3]
        lane = (("sketch",), ("hive", "sketch"))[number % 2]
        job = factories.job(
            name, id=f"{number:032x}", key=f"k{number % 14}", count=1 + number % 3, cost=1 + number % 5, candidates=lane
        )
        said.append(await ask(store, job, limits, DAY - number // 12))
        if number % 4 == 3:
            said += await draw(store, number)
    with pytest.raises(Conflict):
        await store.acknowledge(f"{0:032x}", {}, "sketch", NOW, review=False)
    while len(done := await draw(store, 1)) > 1:
        said += done
    return said


async def draw(store: SqlStore, number: int) -> list[object]:
    said: list[object] = []
    for _ in range(2):
        job = await claim(store, f"w{number % 3}")
        if job is None:
            return said
        missing = job.request.count // 2
        pictures = [factories.picture(index) for index in range(job.request.count - missing)]
        drawn = await store.drawn(job, pictures, missing, [Problem("some_missing", {"n": missing})], NOW + number)
        with pytest.raises(Conflict):
            await store.drawn(job, pictures, 0, [], NOW)
        said += [drawn, await store.delivered(drawn, NOW + number)]
        with pytest.raises(Conflict):
            await store.delivered(drawn, NOW)
    return said


async def test_one_call_leaves_the_same_rows_as_its_steps(tmp_path: Path) -> None:
    told, left = [], []
    for by_steps in (False, True):
        url = await servers.database()
        engine = await postgres.connect(url)
        store = SqlStore(BySteps(engine) if by_steps else engine)
        told.append(await some_days(store))
        left.append(await rows_of(url))
        await store.close()
    assert told[0] == told[1]
    for table, rows in left[0].items():
        assert rows == left[1][table], table
    assert len(left[0]["pictures"]) > 10


async def cut_whoever_waits(other: asyncpg.Connection) -> None:
    """For a lock that ``other`` has: its connection is gone in the middle of its statement."""
    waiting = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with asyncio.timeout(20):
        while not (pid := await other.fetchval(waiting)):
            await asyncio.sleep(0.02)
    await other.execute("SELECT pg_terminate_backend($1)", pid)


async def test_a_request_whose_storing_lost_its_connection_can_be_asked_again(tmp_path: Path) -> None:
    """It was not stored, and the person is told that the bot is busy."""
    url = await database_of(tmp_path)
    store = SqlStore(await postgres.connect(url))
    other = await asyncpg.connect(url)
    await other.execute("BEGIN; LOCK TABLE ledger")
    submitting = asyncio.create_task(store.submit(factories.new()))
    await cut_whoever_waits(other)
    with pytest.raises(StoreBusy) as raised:
        await submitting
    assert not isinstance(raised.value, Contended), "the way in would store it twice"
    await other.execute("ROLLBACK")
    assert (await store.submit(factories.new()))[1] is True
    await other.close()
    await store.close()


class Deaf:
    """An engine that runs the whole statement and then loses the answer."""

    def __init__(self, engine: postgres.PostgresEngine) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    async def together(self, work: Work[Any], whole: Whole[Any] | None = None) -> Any:
        await self._engine.together(work, whole)
        raise Unsure("the answer is lost")


async def test_a_request_and_a_claim_whose_answers_were_lost_are_found_again(tmp_path: Path) -> None:
    engine = await postgres.connect(await database_of(tmp_path))
    store, deaf = SqlStore(engine), SqlStore(Deaf(engine))
    new = factories.new()
    stored, fresh = await deaf.submit(new)
    assert (stored.id, fresh) == (new.job.id, True)
    again, fresh = await deaf.submit(factories.new(factories.job(key=new.job.key)))
    assert (again.id, fresh) == (new.job.id, False)
    await store.acknowledge(stored.id, {}, "sketch", NOW, review=False)
    claimed = await claim(deaf)
    assert claimed is not None
    assert (claimed.id, claimed.state, claimed.attempt) == (stored.id, JobState.RUNNING, 1)
    assert await claim(store, "w2") is None
    await store.close()


async def test_a_picture_whose_storing_lost_its_connection_is_stored_once(tmp_path: Path) -> None:
    url = await database_of(tmp_path)
    store = SqlStore(await postgres.connect(url))
    await queue(store, factories.job())
    job = await take(store)
    other = await asyncpg.connect(url)
    await other.execute("BEGIN; LOCK TABLE pictures")
    storing = asyncio.create_task(store.drawn(job, [factories.picture()], 0, [], NOW))
    await cut_whoever_waits(other)
    await other.execute("ROLLBACK")
    assert (await storing).state is JobState.DRAWN
    assert len(await store.pictures_of(job.id)) == 1
    await other.close()
    await store.close()
