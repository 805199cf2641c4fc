"""The PostgreSQL engine: a pool, row locks, LISTEN/NOTIFY. Several processes share one database."""

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from adapters.store import sql
from adapters.store.engine import Contended, Signals, T, Tell, Transaction, Unsure, Wakeup, Whole, Work, finished
from adapters.store.notices import DatabaseClock, Notices
from adapters.store.pgerrors import DRIVER_ERRORS, is_lost, store_error
from bot.errors import StoreBroken, StoreBusy
from bot.ports import Topic

BUSY_SECONDS = 3.0
"""A transaction that waits longer for a connection or a lock tells the person that the bot is busy."""

STATEMENT_SECONDS = 5.0
"""Above BUSY_SECONDS, so that the database answers first; an answer that is still missing then never comes."""

TIDY_SECONDS = 0.5
"""For a rollback, and for giving a connection back: a worker that is cut off has to stop before its lease ends."""

CONNECT_SECONDS = 3.0
RETRY_SECONDS = 0.1
CONNECTIONS = 10

SESSION = {
    "application_name": "imagine-bot",
    "lock_timeout": str(int(BUSY_SECONDS * 1000)),
    "idle_in_transaction_session_timeout": "5000",  # a process that was stopped in a transaction keeps no locks
    "tcp_keepalives_idle": "3",  # a machine that is gone loses its locks within ten seconds
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}

MIGRATING = 7301
"""The advisory lock of whoever migrates."""


class PostgresTransaction:
    def __init__(self, connection: Any, queries: Mapping[str, sql.Numbered], *, writing: bool) -> None:
        self._connection = connection
        self._queries = queries
        self._writing = writing
        self.topics: set[Topic] = set()
        self.topics_here: set[Topic] = set()

    async def run(self, name: str, /, **values: object) -> Sequence[Mapping[str, Any]]:
        query = (self._writing and self._queries.get(f"locked_{name}")) or self._queries[name]
        try:
            found = await self._connection.fetch(query.text, *(_plain(values[each]) for each in query.parameters))
        except DRIVER_ERRORS as error:
            raise store_error(error) from error
        return list(found)

    def signal(self, topic: Topic, *, everywhere: bool = True) -> None:
        (self.topics if everywhere else self.topics_here).add(topic)


def _plain(value: object) -> object:
    """PostgreSQL's text holds no NUL, and its flags are numbers as SQLite's are."""
    if isinstance(value, bool):
        return int(value)
    return value.replace("\x00", "\ufffd") if isinstance(value, str) else value


class PostgresEngine:
    def __init__(self, pool: Any, connect: Callable[[], Any], monotonic: Callable[[], float]) -> None:
        self._pool = pool
        self._idle: list[Any] = []  #: connections taken from the pool, whose last user had nothing to tidy up
        self._free = asyncio.Semaphore(CONNECTIONS)
        self._queries = sql.numbered_queries()
        self._signals = Signals()
        self.clock = DatabaseClock(monotonic)
        self._notices = Notices(connect, self._signals, self.clock)

    async def start(self) -> None:
        """Raises StoreError."""
        async with self._connection() as connection:
            await self.clock.measure(connection)
        self._notices.start()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        async with self._connection() as connection:
            block = connection.transaction()
            await _run(block.start())
            transaction = PostgresTransaction(connection, self._queries, writing=True)
            try:
                yield transaction
            except BaseException:
                await finished(_rolled_back(block, connection))
                raise
            await finished(_committed(block))
        self._wake(transaction)

    async def together(self, work: Work[T], whole: Whole[T] | None = None) -> T:
        if whole is not None:
            for result in await self._at_once(whole):
                return result
        async with self.write() as transaction:
            return await work(transaction)

    async def _at_once(self, whole: Whole[T]) -> list[T]:
        """A statement outside a transaction is one: where its answer is lost, it may have been committed."""
        async with self._connection() as connection:
            transaction = PostgresTransaction(connection, self._queries, writing=False)
            try:
                found = await transaction.run(whole.name, **whole.values())
            except Contended as error:
                if whole.repeatable or not is_lost(error.__cause__):
                    raise
                raise Unsure(str(error)) from error
        results = [whole.read(transaction, row) for row in found]
        self._wake(transaction)
        return results

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        async with self._connection() as connection:
            yield PostgresTransaction(connection, self._queries, writing=False)

    @asynccontextmanager
    async def live(self) -> AsyncIterator[Transaction]:
        async with self._connection(RETRY_SECONDS) as connection:
            transaction = PostgresTransaction(connection, self._queries, writing=False)
            yield transaction
        self._wake(transaction)

    def _wake(self, transaction: PostgresTransaction) -> None:
        for topic in transaction.topics | transaction.topics_here:
            self._signals.wake(topic)
        self._notices.send(transaction.topics)

    def subscribe(self, topic: Topic) -> Wakeup:
        return self._signals.subscribe(topic)

    async def own(self, name: str, seconds: float = BUSY_SECONDS, *, shared: bool = False) -> bool:
        """Until this process ends no other owns ``name``, or none but those who share it.

        False: another one does, still after ``seconds``.
        """
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
        deadline = asyncio.get_running_loop().time() + seconds
        while not await self._notices.own(number, shared=shared):
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(RETRY_SECONDS)
        return True

    async def disowned(self) -> None:
        """Returns when another process took over what this one owned."""
        await self._notices.disowned.wait()

    async def close(self) -> None:
        await self._notices.close()
        try:
            async with asyncio.timeout(1.0):
                while self._idle:
                    await self._pool.release(self._idle.pop())
                await self._pool.close()
        except DRIVER_ERRORS:
            self._pool.terminate()

    @asynccontextmanager
    async def _connection(self, seconds: float = BUSY_SECONDS) -> AsyncIterator[Any]:
        deadline = asyncio.get_running_loop().time() + seconds
        await self._turn(seconds)
        try:
            connection = await self._taken(deadline)
            try:
                yield connection
            except BaseException:
                await finished(_given_back(self._pool, connection))
                raise
            self._idle.append(connection)
        finally:
            self._free.release()

    async def _turn(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds if self._free.locked() else None):
                await self._free.acquire()
        except TimeoutError as error:
            raise StoreBusy("PostgreSQL: every connection is in use") from error

    async def _taken(self, deadline: float) -> Any:
        """A connection, also where PostgreSQL comes back before ``deadline``."""
        loop = asyncio.get_running_loop()
        while self._idle:
            connection = self._idle.pop()
            with contextlib.suppress(asyncpg.InterfaceError):  # one that was lost has left the pool and answers nothing
                if not connection.is_closed():
                    return connection
        while True:
            try:
                return await self._pool.acquire(timeout=max(RETRY_SECONDS, deadline - loop.time()))
            except DRIVER_ERRORS as error:
                if not is_lost(error) or loop.time() + RETRY_SECONDS > deadline:
                    raise StoreBusy(f"PostgreSQL: {error!r}") if is_lost(error) else store_error(error) from error
            await asyncio.sleep(RETRY_SECONDS)


async def _run(work: Any) -> None:
    try:
        await work
    except DRIVER_ERRORS as error:
        raise store_error(error) from error


async def _rolled_back(block: Any, connection: Any) -> None:
    try:
        async with asyncio.timeout(TIDY_SECONDS):
            await block.rollback()
    except DRIVER_ERRORS:
        _cut(connection)


def _cut(connection: Any) -> None:
    """A connection that was lost has left the pool already."""
    with contextlib.suppress(asyncpg.InterfaceError):
        connection.terminate()


async def _committed(block: Any) -> None:
    """A commit whose answer is lost may have happened: that is no `Contended`, which would run it again."""
    try:
        await block.commit()
    except DRIVER_ERRORS as error:
        known = store_error(error)
        raise (Unsure(str(known)) if isinstance(known, Contended) else known) from error


async def _given_back(pool: Any, connection: Any) -> None:
    try:
        await pool.release(connection, timeout=TIDY_SECONDS)
    except DRIVER_ERRORS:
        _cut(connection)


async def connect(url: str, monotonic: Callable[[], float] = time.monotonic) -> PostgresEngine:
    """``monotonic`` is this machine's clock.

    Raises StoreBroken where the schema is not this program's, StoreBusy where nobody answers.
    """
    engine = await _opened(url, monotonic)
    try:
        async with engine._connection() as connection:  # noqa: SLF001 - its own maker
            _check_version(await version(connection), sql.migrations("postgres")[-1][0])
        await engine.start()
    except BaseException:
        await engine.close()
        raise
    return engine


def _check_version(have: int, needed: int) -> None:
    if have < needed:
        raise StoreBroken(f"the database has schema {have}, this program needs {needed}: run imagine-bot migrate")
    _check_not_newer(have, needed)


async def _opened(url: str, monotonic: Callable[[], float]) -> PostgresEngine:
    async def connect_one() -> Any:
        return await asyncpg.connect(
            url, timeout=CONNECT_SECONDS, command_timeout=STATEMENT_SECONDS, server_settings=SESSION
        )

    try:
        pool = await asyncpg.create_pool(
            url,
            min_size=0,
            max_size=CONNECTIONS,
            timeout=CONNECT_SECONDS,
            command_timeout=STATEMENT_SECONDS,
            server_settings=SESSION,
            statement_cache_size=1000,
            max_cached_statement_lifetime=0,
            reset=_as_it_is,
        )
    except (ValueError, *DRIVER_ERRORS) as error:
        raise store_error(error) from error
    return PostgresEngine(pool, connect_one, monotonic)


async def _as_it_is(_: Any) -> None:
    """A connection comes back outside any transaction, with nothing set: a reset would be a trip for nothing."""


async def version(connection: Any) -> int:
    """0 where there is no schema yet."""
    try:
        if await connection.fetchval("SELECT to_regclass('schema_version')") is None:
            return 0
        return int(await connection.fetchval("SELECT coalesce(max(version), 0) FROM schema_version"))
    except DRIVER_ERRORS as error:
        raise store_error(error) from error


def _check_not_newer(have: int, known: int) -> None:
    if have > known:
        raise StoreBroken(f"the database has schema {have}, this program knows {known}: install a newer version")


async def migrate(url: str, tell: Tell = str) -> tuple[int, int]:
    """Runs what is missing in one transaction, one process at a time. Returns the versions before and after."""
    try:
        connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS)
    except (ValueError, *DRIVER_ERRORS) as error:
        raise store_error(error) from error
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", MIGRATING)
            have = await version(connection)
            steps = sql.migrations("postgres")
            _check_not_newer(have, steps[-1][0])
            await connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY)")
            for number, name, script in steps:
                if number > have:
                    tell(name)
                    await connection.execute(script)
                    await connection.execute("INSERT INTO schema_version (version) VALUES ($1)", number)
            return have, steps[-1][0]
    except DRIVER_ERRORS as error:
        raise store_error(error) from error
    finally:
        await connection.close(timeout=CONNECT_SECONDS)
