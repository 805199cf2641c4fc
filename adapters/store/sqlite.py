"""The SQLite engine: WAL, one writer connection, `query_only` readers, durable commits.

SQLite before 3.51.3 can corrupt a WAL database that two connections write or checkpoint at once, so there is one writer
in the house (the process holds a lock that dies with it) and only it checkpoints.
"""

import asyncio
import contextlib
import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiosqlite

from adapters.clock import SystemClock
from adapters.store import sql
from adapters.store.engine import Signals, T, Tell, Transaction, Wakeup, Whole, Work, finished
from adapters.store.reading import Reader
from adapters.store.together import Outcome, run_together
from bot.errors import StoreBroken, StoreBusy, StoreError, StoreFull
from bot.ports import Topic

BUSY_SECONDS = 3.0
"""A writer that waits longer tells the person that the bot is busy."""

CHECKPOINT_PAGES = 1000
"""From so many pages in the write-ahead log on (4 MB), each commit tries to empty it: it must not fill the disk."""

LARGEST_LOT = 64
"""Transactions that share one commit; the first of a lot waits for the last."""

WRITER = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}",
    "PRAGMA secure_delete = ON",  # what a person had deleted is overwritten, not only forgotten
)

LIVE_SCHEMA = """
CREATE TABLE progress (job TEXT PRIMARY KEY, step INTEGER, steps INTEGER, previews INTEGER, at REAL)
    STRICT, WITHOUT ROWID
"""


def store_error(error: sqlite3.Error) -> StoreError:
    """The one translation of the driver's errors. FULL and BUSY pass; everything that damages trust does not."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    detail = f"SQLite: {error}"
    if code in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}:
        return StoreFull(detail)
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return StoreBusy(detail)
    return StoreBroken(detail)


class SqliteTransaction:
    def __init__(self, connection: aiosqlite.Connection, queries: Mapping[str, str]) -> None:
        self._connection = connection
        self._queries = queries
        self.topics: set[Topic] = set()

    async def run(self, name: str, /, **values: object) -> Sequence[Mapping[str, Any]]:
        try:
            found = await self._connection.execute_fetchall(self._queries[name], values)
            return list(found)  # type: ignore[arg-type] # a Row answers by name
        except sqlite3.Error as error:
            raise store_error(error) from error

    def signal(self, topic: Topic, *, everywhere: bool = True) -> None:  # noqa: ARG002 - there is one process
        self.topics.add(topic)


class SqliteEngine:
    def __init__(
        self, writer: aiosqlite.Connection, reader: aiosqlite.Connection, live: aiosqlite.Connection
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._live = live
        self._queries = {**sql.load("sqlite"), **sql.load("live")}
        self._reading = Reader(reader, self._queries, store_error)
        self._lock = asyncio.Lock()
        self.clock = SystemClock()
        self._signals = Signals()
        self._arrived: list[tuple[Work[Any], asyncio.Future[Any]]] = []
        self._gathering: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        async with self._exclusive():
            transaction = SqliteTransaction(self._writer, self._queries)
            try:
                await finished(self._statement("BEGIN IMMEDIATE"))
                yield transaction
            except BaseException:
                await finished(self._rollback())
                raise
            await finished(self._commit())
        self._wake(transaction.topics)

    async def together(self, work: Work[T], whole: Whole[T] | None = None) -> T:  # noqa: ARG002 - steps cost no trips here
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._arrived.append((work, done))
        if self._gathering is None or self._gathering.done():
            self._gathering = asyncio.create_task(self._gather())
        return await done

    async def _gather(self) -> None:
        """While one lot is committed, the next one arrives."""
        while self._arrived:
            lot: list[tuple[Work[Any], asyncio.Future[Any]]] = []
            try:
                async with self._exclusive():
                    lot, self._arrived = self._arrived[:LARGEST_LOT], self._arrived[LARGEST_LOT:]
                    outcomes = await self._in_thread([work for work, _ in lot])
            except Exception as error:  # noqa: BLE001 - whoever waits for it gets it
                if not lot:
                    lot, self._arrived = self._arrived, []
                outcomes = [Outcome(error=error)] * len(lot)
            for (_, done), outcome in zip(lot, outcomes, strict=True):
                self._settle(done, outcome)

    async def _in_thread(self, works: Sequence[Work[Any]]) -> list[Outcome]:
        writer: Any = self._writer  # whose thread takes functions too, though the driver names no public way
        try:
            return list(await writer._execute(run_together, writer._conn, self._queries, store_error, works))  # noqa: SLF001
        except sqlite3.Error as error:
            raise store_error(error) from error

    def _settle(self, done: asyncio.Future[Any], outcome: Outcome) -> None:
        self._wake(set(outcome.topics))
        if done.cancelled():
            return
        if outcome.error is not None:
            done.set_exception(outcome.error)
        else:
            done.set_result(outcome.result)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        yield self._reading

    @asynccontextmanager
    async def live(self) -> AsyncIterator[Transaction]:
        transaction = SqliteTransaction(self._live, self._queries)
        yield transaction
        self._wake(transaction.topics)

    def _wake(self, topics: set[Topic]) -> None:
        for topic in topics:
            self._signals.wake(topic)

    def subscribe(self, topic: Topic) -> Wakeup:
        return self._signals.subscribe(topic)

    async def own(self, name: str, *, shared: bool = False) -> bool:  # noqa: ARG002 - the process lock lets only one have the store
        return True

    async def disowned(self) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        async with self._lock:
            with contextlib.suppress(sqlite3.Error):
                await self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            for connection in (self._writer, self._reader, self._live):
                await connection.close()

    @asynccontextmanager
    async def _exclusive(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(BUSY_SECONDS):
                await self._lock.acquire()
        except TimeoutError:
            raise StoreBusy(f"no turn to write within {BUSY_SECONDS:.0f} s") from None
        try:
            yield
        finally:
            self._lock.release()

    async def _statement(self, statement: str) -> None:
        try:
            await self._writer.execute_fetchall(statement)
        except sqlite3.Error as error:
            raise store_error(error) from error

    async def _commit(self) -> None:
        try:
            await self._statement("COMMIT")
        except StoreError:
            await self._rollback()
            raise

    async def _rollback(self) -> None:
        if self._writer.in_transaction:
            await self._statement("ROLLBACK")


async def connect(path: Path, tell: Tell = str) -> SqliteEngine:
    """Opens and migrates; ``tell`` hears of each step before it is taken.

    Raises StoreBroken for a file that is damaged, read-only or of a newer version.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        writer = await _open(path, *WRITER)
        try:
            await _sound(writer, path)
            await _teach(writer)
            await migrate(writer, path, tell)
        except BaseException:
            await writer.close()
            raise
        reader = await _open(path, "PRAGMA query_only = ON")
        await _teach(reader)
        live = await _open(":memory:", LIVE_SCHEMA)
    except sqlite3.Error as error:
        raise store_error(error) from error
    return SqliteEngine(writer, reader, live)


async def _open(path: Path | str, *statements: str) -> aiosqlite.Connection:
    connection = await aiosqlite.connect(path, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        await connection.execute_fetchall(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
        for statement in statements:
            await connection.execute_fetchall(statement)
    except BaseException:
        await connection.close()
        raise
    return connection


async def _teach(connection: aiosqlite.Connection) -> None:
    """``folded``: the same as PostgreSQL's lower(), for which SQLite knows the English letters only."""
    await connection.create_function("folded", 1, str.lower, deterministic=True)


async def _sound(writer: aiosqlite.Connection, path: Path) -> None:
    if not os.access(path, os.W_OK):
        raise StoreBroken(f"{path} is read-only")
    rows = list(await writer.execute_fetchall("PRAGMA quick_check(1)"))
    if rows[0][0] != "ok":
        raise StoreBroken(f"{path} is damaged: {rows[0][0]}")


async def version(connection: aiosqlite.Connection) -> int:
    rows = list(await connection.execute_fetchall("PRAGMA user_version"))
    return int(rows[0][0])


async def version_of(path: Path) -> int:
    """0 where there is no database yet."""
    if not path.exists():
        return 0
    connection = await aiosqlite.connect(path)
    try:
        return await version(connection)
    finally:
        await connection.close()


async def migrate(writer: aiosqlite.Connection, path: Path, tell: Tell) -> list[str]:
    """Runs what is missing, each migration in a transaction, with a backup first. Returns the names that ran."""
    have = await version(writer)
    steps = sql.migrations("sqlite")
    if have > steps[-1][0]:
        raise StoreBroken(f"{path} has schema {have}, this program knows {steps[-1][0]}: install a newer version")
    missing = [step for step in steps if step[0] > have]
    if missing and have:
        tell("backup")
        await _back_up(writer, path, have)
    for number, name, script in missing:
        if have:
            tell(name)
        await writer.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")
    return [name for _, name, _ in missing]


async def _back_up(writer: aiosqlite.Connection, path: Path, have: int) -> None:
    target = path.with_name(f"{path.name}.before-{have + 1:04}")
    target.unlink(missing_ok=True)
    await writer.execute_fetchall("VACUUM INTO :target", {"target": str(target)})


class ProcessLock:
    """Only one process has a SQLite store. The lock is the kernel's, so it dies with the process."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(path.name + ".lock")
        self._file: int | None = None

    def take(self) -> bool:
        """False: another process has it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        return True

    def drop(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
