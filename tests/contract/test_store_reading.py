"""Readings that come at once share their way to the database, and nothing else."""

import asyncio

from adapters.store.store import SqlStore
from bot.errors import StoreError


async def test_a_hundred_readings_at_once_each_get_their_own_answer(store: SqlStore) -> None:
    for number in range(10):
        await store.set_meta(f"name{number}", f"value{number}")
    found = await asyncio.gather(*(store.meta(f"name{number % 10}") for number in range(100)))
    assert found == [f"value{number % 10}" for number in range(100)]


async def test_whoever_stops_waiting_disturbs_nobody(store: SqlStore) -> None:
    await store.set_meta("name", "value")
    readings = [asyncio.create_task(store.meta("name")) for _ in range(20)]
    await asyncio.sleep(0)
    for each in readings[::2]:
        each.cancel()
    found = await asyncio.gather(*readings, return_exceptions=True)
    assert found[1::2] == ["value"] * 10
    assert all(isinstance(each, asyncio.CancelledError) for each in found[::2])
    assert await store.meta("name") == "value"


async def test_a_reading_that_fails_fails_alone(store: SqlStore) -> None:
    """No database stores a number as large as that."""
    await store.set_meta("name", "value")
    wrong, right = await asyncio.gather(
        store.jobs_of("web:user:ann", 2**70), store.meta("name"), return_exceptions=True
    )
    assert isinstance(wrong, StoreError | OverflowError)
    assert right == "value"


async def test_what_was_written_is_read_at_once(store: SqlStore) -> None:
    for number in range(20):
        await store.set_meta("name", str(number))
        assert await store.meta("name") == str(number)

