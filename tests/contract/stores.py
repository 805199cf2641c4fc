"""The stores that every store test runs over."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from adapters.store import postgres, sqlite
from adapters.store.store import SqlStore
from tests import postgres as servers

DIALECTS = ("sqlite", "postgres")


@asynccontextmanager
async def open_store(dialect: str, folder: Path) -> AsyncIterator[SqlStore]:
    """On PostgreSQL one folder is one database, so that a test can open it again."""
    store = SqlStore(await open_engine(dialect, folder))
    try:
        yield store
    finally:
        await store.close()


async def open_engine(dialect: str, folder: Path) -> sqlite.SqliteEngine | postgres.PostgresEngine:
    if dialect == "sqlite":
        return await sqlite.connect(folder / "imagine.db")
    return await postgres.connect(await database_of(folder))


async def database_of(folder: Path) -> str:
    note = folder / "postgres.url"
    if not note.exists():
        note.write_text(await servers.database())
    return note.read_text()
