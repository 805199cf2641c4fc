"""A process in virtual time: an event loop that jumps over idle time, with threads and SQLite run inline.

Everything the process asks of the outside goes through `Process.outside`: it takes a seeded while, keeps the order of
its queue, and once the process is dead nothing of it happens any more, as after kill -9.
"""

import asyncio
import functools
import selectors
import sqlite3
from collections.abc import Callable, Generator
from typing import Any

import aiosqlite

from tests.simulation.chance import Chance

STEP = 1e-6  # seconds between two things of one queue


class Deadlock(Exception):
    """Nothing will ever happen again."""


class Idle(selectors.SelectSelector):
    """Never waits: virtual time passes instead."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Deadlock
        self.loop.passed(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self, begin: float) -> None:
        self._now = begin
        self.process: Process | None = None
        selector = Idle()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self._now

    def passed(self, seconds: float) -> None:
        """Idle time; where it is too short to count, on to the next thing that is due."""
        later = self._now + seconds
        due: list[Any] = self._scheduled  # type: ignore[attr-defined] # asyncio's heap of what is to come
        self._now = max(later, due[0].when()) if seconds > 0 and due and due[0].when() - later < STEP else later

    def run_in_executor(  # type: ignore[override] # a future, as the real one
        self, executor: object, function: Callable[..., Any], *arguments: Any
    ) -> "asyncio.Future[Any]":
        assert self.process
        return self.process.outside("thread", functools.partial(function, *arguments))


class Dead(BaseException):
    """The process was killed where this is raised; nobody may catch it."""


class Process:
    """One life of the bot, from its start to its end or its death."""

    def __init__(self, loop: VirtualLoop, chance: Chance) -> None:
        self.loop, self.chance = loop, chance
        self.dead = False
        self._last: dict[str, float] = {}
        self.connections: list[sqlite3.Connection] = []
        loop.process = self

    def die(self) -> None:
        self.dead = True
        self.loop.stop()

    def outside(self, queue: str, function: Callable[[], Any]) -> "asyncio.Future[Any]":
        """``function`` is run after a while, behind what is in its ``queue`` ("thread": none)."""
        future = self.loop.create_future()
        if self.dead:
            return future
        due = self.loop.time() + self.chance.delay(queue)
        if queue != "thread":
            due = max(due, self._last.get(queue, 0.0) + STEP)
            self._last[queue] = due
        self.loop.call_at(due, self._do, future, queue, function)
        return future

    def _do(self, future: "asyncio.Future[Any]", queue: str, function: Callable[[], Any]) -> None:
        if self.dead:
            return
        try:
            result = function()
        except Dead:
            return
        except BaseException as error:  # noqa: BLE001 - its caller gets it
            if not self.dead and not future.done():
                future.set_exception(error)
            return
        if self.chance.crashes(f"outside:{queue}"):
            self.die()
        elif not self.dead and not future.done():
            future.set_result(result)

    def bury(self) -> None:
        """What the system does with a dead process: its open transactions are undone."""
        for connection in self.connections:
            connection.close()


class InlineConnection(aiosqlite.Connection):
    """aiosqlite's connection without its thread."""

    def __init__(self, process: Process, name: str, connector: Callable[[], sqlite3.Connection]) -> None:
        self._process, self._name = process, name
        self._connector = connector
        self._connection: sqlite3.Connection | None = None
        self._running = True
        self._iter_chunk_size = 64

    async def _execute(self, fn: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        if not self._running or not self._connection:
            raise ValueError("Connection closed")
        return await self._process.outside(self._name, functools.partial(fn, *arguments, **named))

    async def _connect(self) -> "InlineConnection":
        if self._connection is None:
            self._connection = self._connector()
            self._process.connections.append(self._connection)
        return self

    def __await__(self) -> Generator[Any, None, "InlineConnection"]:
        return self._connect().__await__()

    async def close(self) -> None:
        if self._connection is not None:
            await self._execute(self._connection.close)
            self._connection = None
            self._running = False

    def stop(self) -> None:
        self._running = False

    def __del__(self) -> None:
        """Nothing: the process buries what it leaves."""


def connector(process: Process) -> Callable[..., InlineConnection]:
    """Stands where `aiosqlite.connect` does."""

    def connect(path: object, **options: Any) -> InlineConnection:
        name = f"sqlite-{len(process.connections)}"
        return InlineConnection(process, name, functools.partial(sqlite3.connect, str(path), **options))

    return connect


GRAVE: list[object] = []
"""What killed lives left. Were it collected, their coroutines would run their last lines, as after no kill -9."""


def forget(loop: VirtualLoop) -> None:
    """Ends a loop without running anything of what was under way on it."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task._log_destroy_pending = False  # type: ignore[attr-defined] # it was killed
    GRAVE.append((loop, left, list(loop._ready), list(loop._scheduled)))  # type: ignore[attr-defined] # asyncio's own
    loop.close()
