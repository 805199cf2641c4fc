"""Wake-ups between processes (LISTEN/NOTIFY) and the database's time, over one connection of their own."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from typing import Any

from adapters.store.engine import Signals
from adapters.store.pgerrors import DRIVER_ERRORS, store_error
from bot.errors import StoreError
from bot.ports import Topic

CHANNEL = "imagine"
LOOK_SECONDS = 5.0
"""Between two looks at the database's clock, which also find out that the connection is dead."""

AGAIN_SECONDS = 0.5
NOTICED_SECONDS = 15.0
PAUSE_SECONDS = 0.01
"""Between two notices: the first one of a quiet time goes at once, and under load one tells of many commits."""

SLOW_SECONDS = 0.5
"""A slower answer says too little about the time."""


class DatabaseClock:
    """Implements `bot.ports.Clock` by the database's clock, so that machines with wrong clocks agree about leases.

    Between two looks this machine's monotonic clock carries it on: setting the machine's time changes nothing.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._ahead: float | None = None  #: of the monotonic clock, seconds

    def now(self) -> float:
        return self._monotonic() + (self._ahead if self._ahead is not None else 0.0)

    def monotonic(self) -> float:
        return self._monotonic()

    async def measure(self, connection: Any) -> None:
        """Raises StoreError."""
        asked = self._monotonic()
        try:
            told = float(await connection.fetchval("SELECT database_time()"))
        except DRIVER_ERRORS as error:
            raise store_error(error) from error
        answered = self._monotonic()
        if self._ahead is None or answered - asked < SLOW_SECONDS:
            self._ahead = told - (asked + answered) / 2


class Notices:
    """What one process tells the others and hears from them. A notice may be lost: behind each there is a slow poll.

    Sent after the commit and many at a time, because a transaction that notifies keeps all others from committing.
    """

    def __init__(
        self, connect: Callable[[], Coroutine[Any, Any, Any]], signals: Signals, clock: DatabaseClock
    ) -> None:
        self._connect = connect
        self._signals = signals
        self._clock = clock
        self._unsent: set[Topic] = set()
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._connection: Any = None
        self._using = asyncio.Lock()  #: one statement at a time
        self._owned: dict[int, bool] = {}
        self.disowned = asyncio.Event()
        """Set when another process took over what this one owned, while it could not reach the database."""

    async def own(self, number: int, *, shared: bool) -> bool:
        """Until this process ends nobody else owns ``number``. False: somebody does."""
        async with self._using:
            if self._connection is None or not await _try_lock(self._connection, number, shared=shared):
                return False
        self._owned[number] = shared
        return True

    def start(self) -> None:
        self._task = asyncio.create_task(self._forever())

    def send(self, topics: set[Topic]) -> None:
        if topics:
            self._unsent |= topics
            self._news.set()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _forever(self) -> None:
        while True:
            with contextlib.suppress(StoreError, *DRIVER_ERRORS):
                await self._connected(await self._connect())
            await asyncio.sleep(AGAIN_SECONDS)

    async def _connected(self, connection: Any) -> None:
        """Until the connection is lost. What was missed meanwhile is looked for once."""
        try:
            connection.add_termination_listener(lambda _: self._news.set())
            await connection.add_listener(CHANNEL, self._heard)
            await self._own_again(connection)
            for topic in Topic:
                self._signals.wake(topic)
            while not connection.is_closed():
                async with self._using:
                    await self._send(connection)
                await asyncio.sleep(PAUSE_SECONDS)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._news.wait()
        finally:
            self._connection = None
            connection.terminate()

    async def _own_again(self, connection: Any) -> None:
        """A lock belongs to a connection; a new one takes it once the database has noticed the old one's end."""
        for number, shared in self._owned.items():
            deadline = time.monotonic() + NOTICED_SECONDS
            while not await _try_lock(connection, number, shared=shared):
                if time.monotonic() > deadline:
                    self.disowned.set()
                    break
                await asyncio.sleep(AGAIN_SECONDS)
        self._connection = connection

    async def _send(self, connection: Any) -> None:
        """One statement for all that was signalled; without any, a look at the clock."""
        self._news.clear()
        topics, self._unsent = self._unsent, set()
        if topics:
            await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, " ".join(sorted(topics)))
        else:
            await self._clock.measure(connection)

    def _heard(self, connection: Any, pid: int, _channel: str, payload: object) -> None:
        if pid == connection.get_server_pid():
            return
        for topic in Topic:
            if topic in str(payload).split():
                self._signals.wake(topic)


async def _try_lock(connection: Any, number: int, *, shared: bool) -> bool:
    lock = "SELECT pg_try_advisory_lock_shared($1)" if shared else "SELECT pg_try_advisory_lock($1)"
    try:
        return bool(await connection.fetchval(lock, number))
    except DRIVER_ERRORS as error:
        raise store_error(error) from error
