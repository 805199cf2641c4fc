"""A whole SQLite store into an empty PostgreSQL one, in one transaction, compared row by row before it is committed."""

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import asyncpg

from adapters.store import sql
from adapters.store.pgerrors import DRIVER_ERRORS, store_error
from bot.errors import StoreBroken
from bot.replies import say

BATCH = 5_000

Tell = Callable[[str, int], None]


async def move(source: Path, target: str, tell: Tell) -> int:
    """The number of rows. Raises StoreError, and then nothing was moved."""
    queries = dict(sql.load("move"))
    connection = None
    old = sqlite3.connect(f"file:{source}?mode=ro", uri=True)
    try:
        connection = await asyncpg.connect(target)
        async with connection.transaction():
            await connection.execute(queries.pop("without_triggers"))
            with_triggers, numbers = queries.pop("with_triggers"), queries.pop("go_on_counting")
            rows = 0
            for table, statement in queries.items():
                rows += await _table(old, connection, table, statement, tell)
            await connection.execute(numbers)
            await connection.execute(with_triggers)
            return rows
    except (sqlite3.Error, *DRIVER_ERRORS) as error:
        raise (StoreBroken(f"SQLite: {error}") if isinstance(error, sqlite3.Error) else store_error(error)) from error
    finally:
        old.close()
        if connection is not None:
            await connection.close()


async def _table(old: sqlite3.Connection, new: Any, table: str, statement: str, tell: Tell) -> int:
    if await new.fetchrow(statement) is not None:
        raise StoreBroken(say("move_not_empty", table=table, count="some"))
    reading = old.execute(statement)
    columns = [column[0] for column in reading.description]
    before: Counter[bytes] = Counter()
    for batch in _batches(reading):
        before.update(map(_print, batch))
        await new.copy_records_to_table(table, records=batch, columns=columns)
    after: Counter[bytes] = Counter()
    async for row in new.cursor(statement, prefetch=BATCH):
        after[_print([row[column] for column in columns])] += 1
    if before != after:
        raise StoreBroken(say("move_differs", table=table))
    tell(table, before.total())
    return before.total()


def _batches(reading: sqlite3.Cursor) -> Iterator[Sequence[Sequence[Any]]]:
    while batch := reading.fetchmany(BATCH):
        yield batch


def _print(row: Sequence[object]) -> bytes:
    """A row's fingerprint. 1 and 1.0 are one number: SQLite keeps whole ones of a REAL column as it likes."""
    plain = [float(value) if isinstance(value, int) and abs(value) < 2**53 else value for value in row]
    return hashlib.sha256(repr(plain).encode()).digest()
