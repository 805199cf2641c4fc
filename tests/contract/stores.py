"""The stores that every store test runs over."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from adapters.store import sqlite
from adapters.store.store import SqlStore

DIALECTS = ("sqlite",)


@asynccontextmanager
async def open_store(dialect: str, folder: Path) -> AsyncIterator[SqlStore]:
    assert dialect == "sqlite"
    store = SqlStore(await sqlite.connect(folder / "imagine.db"))
    try:
        yield store
    finally:
        await store.close()
