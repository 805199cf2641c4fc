"""What the store needs of a database: named statements inside transactions, and wake-ups."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from bot.errors import StoreBusy
from bot.ports import Clock, Topic

Row = Mapping[str, Any]
Tell = Callable[[str], object]
"""Hears of a step of long work."""


class Contended(StoreBusy):
    """The transaction lost against another one, or its connection went away before the commit: nothing happened."""


class Unsure(StoreBusy):
    """The answer to a commit was lost: it may have happened."""


class Transaction(Protocol):
    async def run(self, name: str, /, **values: object) -> Sequence[Row]:
        """The rows of one named statement. Raises StoreError."""

    def signal(self, topic: Topic, *, everywhere: bool = True) -> None:
        """Wakes the topic's waiters once the transaction is committed; not ``everywhere``: only this process's."""


T = TypeVar("T")
Work = Callable[[Transaction], Coroutine[Any, Any, T]]


@dataclass(frozen=True, slots=True)
class Whole(Generic[T]):
    """The usual case of a transaction as one statement, for dialects that have it: one trip instead of ten.

    The statement returns no row, and changes nothing, where the case is another one; then the steps decide.
    """

    name: str
    values: Callable[[], Mapping[str, object]]  #: asked for by a dialect that has the statement
    read: Callable[[Transaction, Row], T]
    repeatable: bool = False  #: running it again does no harm where it is not known whether it was committed


class Engine(Protocol):
    @property
    def clock(self) -> Clock:
        """By which leases and due times go: the same for every process on this store."""

    def write(self) -> AbstractAsyncContextManager[Transaction]:
        """Committed at the end of the block, rolled back where it raises."""

    async def together(self, work: Work[T], whole: Whole[T] | None = None) -> T:
        """As `write`, for what every request goes through: the engine does it in the quickest way it has.

        Either in a transaction shared with what arrives meanwhile: ``work`` awaits its statements only, and what it
        raises undoes its own part alone. Or as ``whole``, where it has that statement. Raises StoreError.
        """

    def read(self) -> AbstractAsyncContextManager[Transaction]: ...

    def live(self) -> AbstractAsyncContextManager[Transaction]:
        """For what need not survive a crash: progress."""

    def subscribe(self, topic: Topic) -> "Wakeup": ...

    async def own(self, name: str, *, shared: bool = False) -> bool:
        """Until this process ends no other owns ``name``, or, ``shared``, none but those who share it.

        False: another one does.
        """

    async def disowned(self) -> None:
        """Returns when another process took over what this one owned, while it could not reach the database."""

    async def close(self) -> None: ...


class Wakeup:
    """One waiter of one topic. A signal between two waits is not lost."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def wake(self) -> None:
        self._event.set()

    async def wait(self, timeout: float) -> None:  # noqa: ASYNC109 - the slow poll behind the wake-up
        try:
            async with asyncio.timeout(timeout):
                await self._event.wait()
        except TimeoutError:
            pass
        self._event.clear()


class Signals:
    """The wake-ups of one process."""

    def __init__(self) -> None:
        self._waiters: dict[Topic, list[Wakeup]] = {}

    def subscribe(self, topic: Topic) -> Wakeup:
        wakeup = Wakeup()
        self._waiters.setdefault(topic, []).append(wakeup)
        return wakeup

    def wake(self, topic: Topic) -> None:
        for waiter in self._waiters.get(topic, ()):
            waiter.wake()


async def finished(work: Coroutine[Any, Any, None]) -> None:
    """Awaits ``work`` to its end even when the caller is cancelled meanwhile: a transaction is never left open."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        if not task.cancelled():
            task.exception()  # retrieved, or asyncio reports it: the caller learns of the cancellation instead
        raise cancelled
    task.result()
