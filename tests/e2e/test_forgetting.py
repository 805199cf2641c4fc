"""After `/imagine-forget` nothing of a person is left but what README "Security" says."""

import asyncio
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from adapters.observe import Observe, Redactor
from bot.model import JobState, Person
from bot.studio import Studio
from bot.worker import Worker
from tests import factories
from tests.contract.stores import DIALECTS, database_of
from tests.fakes import FakeBackend
from tests.house import TestHouse, open_house
from tests.unit.logging_taken_over import taken_over

NAME = "zebrafinch"
WORDS = "quokka"
STAYS = {"audit", "allowances"}
"""The audit trail's pseudonym, and how many images it had today; without words and without a name."""


async def traces(folder: Path, dialect: str, *wanted: str) -> dict[str, set[str]]:
    """By what is looked for: the tables in which it is found."""
    rows = await (_rows_of_postgres(folder) if dialect == "postgres" else asyncio.to_thread(_rows_of_sqlite, folder))
    return {text: {table for table, row in rows if text in row} for text in wanted}


def _rows_of_sqlite(folder: Path) -> list[tuple[str, str]]:
    connection = sqlite3.connect(f"file:{folder / 'imagine.db'}?mode=ro", uri=True)
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    found = [(name, repr(row)) for (name,) in tables for row in connection.execute(f"SELECT * FROM {name}")]
    connection.close()
    return found


async def _rows_of_postgres(folder: Path) -> list[tuple[str, str]]:
    connection = await asyncpg.connect(await database_of(folder))
    tables = await connection.fetch("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
    found = [
        (name, row["text"])
        for (name,) in tables
        for row in await connection.fetch(f'SELECT t::text AS text FROM "{name}" AS t')
    ]
    await connection.close()
    return found


async def gone(folder: Path, dialect: str) -> None:
    """Returns once only what may stay is left."""
    deadline = time.monotonic() + 30
    while True:
        found = await traces(folder, dialect, NAME, WORDS)
        if found[NAME] <= STAYS and not found[WORDS]:
            return
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.05)


def person() -> Person:
    return factories.person(NAME)


async def running(house: TestHouse, job_id: str) -> None:
    async with asyncio.timeout(30):
        while True:
            job = await house.store.job(job_id)
            if job is not None and job.state is JobState.RUNNING:
                return
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_nothing_is_left_of_somebody_who_asks_while_a_request_is_drawn_and_another_waits(
    tmp_path: Path, dialect: str
) -> None:
    with taken_over(Redactor(), console=False) as stream:
        backend = FakeBackend()
        async with open_house(tmp_path, [backend], dialect=dialect) as house:
            house.core = replace(house.core, observer=Observe(["sketch"]))
            house.studio = Studio(house.core, house.pictures)
            async with house.working(Worker(house.core, house.pictures, {"web": house.chat}, "w1", alone=True)):
                done = await house.settled((await house.ask(f"a {WORDS} in snow", NAME)).job.id, 30)
                backend.seconds = 3.0
                drawn = (await house.ask(f"a {WORDS} at sea", NAME)).job.id
                await running(house, drawn)
                waiting = (await house.ask(f"a {WORDS} at home", NAME)).job.id
                await house.moderators.report(factories.person("bob"), factories.origin().place, done.id, 0, WORDS)
                assert (await traces(tmp_path, dialect, WORDS))[WORDS]
                await house.studio.forget(person())
                await gone(tmp_path, dialect)
            assert [await house.store.job(each) for each in (done.id, drawn, waiting)] == [None] * 3
            assert {settled.job.id for settled in house.chat.shown} == {done.id, drawn, waiting}
            await house.ask("a fox", NAME)
            assert [job.request.prompt for job in await house.store.jobs_of(person().key, 10)] == ["a fox"]
    assert [file for file in (tmp_path / "images").rglob("*") if file.is_file()] == []
    if dialect == "sqlite":
        assert [file for file in tmp_path.glob("imagine.db*") if WORDS.encode() in file.read_bytes()] == []
    lines = stream.getvalue()
    assert "job_delivered" in lines
    assert [line for line in lines.splitlines() if NAME in line or WORDS in line] == []
