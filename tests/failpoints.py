"""Named failpoints at every step of a job, put round the ports where the house is composed.

`method:statement`   before a statement that writes, inside the transaction of the store's method
`method:commit`      before that transaction's commit
`method:whole`       before a transaction that is one statement, as PostgreSQL has them
`method:done`        after it, before the caller hears of it
`port:begin`, `port:end`   before and after the effect of a call of a backend, chat, review room or picture store

A point is passed any number of times in a life; the one that is aimed at kills the process or raises.
"""

import os
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from adapters.images.files import FilePictures
from adapters.store import sql
from adapters.store.engine import Engine, Row, T, Transaction, Unsure, Wakeup, Whole, Work
from adapters.store.postgres import PostgresEngine
from adapters.store.store import SqlStore
from bot.conduct import Case, Notice
from bot.errors import ChatBusy, Down, StoreBusy, StoreFull
from bot.model import Capabilities, Drawing, Drawn, Job, Picture, Progress, Settled
from bot.ports import Backend, Chat, Clock, Remember, Report, Topic
from bot.ports_moderation import ReviewRoom

QUERIES = sql.load("sqlite")
WRITES = re.compile(r"(?:\s*--.*\n)*\s*(INSERT|UPDATE|DELETE)")
BEATS = frozenset({"heartbeat"})
"""What only a timer calls and what changes no job: a fault there is the same as one at its neighbours."""

_method: ContextVar[str] = ContextVar("_method", default="")


def writes(statement: str) -> bool:
    return bool(WRITES.match(QUERIES[statement]))


class Fault(StrEnum):
    KILL = "kill"  #: the process is gone, as by kill -9
    ERROR = "error"  #: the call raises what its port may raise


@dataclass(frozen=True, slots=True)
class Aim:
    """At the ``number``-th passing of the point ``name``, from 1."""

    name: str
    number: int
    fault: Fault

    def __str__(self) -> str:
        return f"{self.name}#{self.number}:{self.fault}"


@dataclass
class Points:
    aim: Aim | None = None
    postgres: bool = False
    passed: Counter[str] = field(default_factory=Counter)

    @property
    def met(self) -> bool:
        """Whether the point that was aimed at has been passed."""
        return self.aim is not None and self.passed[self.aim.name] >= self.aim.number

    def at(self, name: str, error: Callable[[], Exception]) -> None:
        if name.partition(":")[0] in BEATS:
            return
        self.passed[name] += 1
        aim = self.aim
        if aim is None or aim.name != name or aim.number != self.passed[name]:
            return
        if aim.fault is Fault.KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        raise error()

    def at_store(self, name: str) -> None:
        self.at(name, lambda: StoreBusy(f"failpoint {name}"))

    def after_commit(self, method: str) -> None:
        """The answer is lost: PostgreSQL's engine knows that it does not know; SQLite's fails at its checkpoint."""
        lost = Unsure if self.postgres else StoreBusy
        self.at(f"{method}:done", lambda: lost(f"failpoint {method}:done"))


@dataclass
class PointedTransaction:
    inner: Transaction
    method: str
    points: Points
    wrote: bool = False

    async def run(self, name: str, /, **values: object) -> Sequence[Row]:
        if self.method and writes(name):
            self.points.at_store(f"{self.method}:{name}")
            self.wrote = True
        return await self.inner.run(name, **values)

    def signal(self, topic: Topic, *, everywhere: bool = True) -> None:
        self.inner.signal(topic, everywhere=everywhere)

    def before_commit(self) -> None:
        if self.wrote:
            self.points.at_store(f"{self.method}:commit")

    def after_commit(self) -> None:
        if self.wrote:
            self.points.after_commit(self.method)


class PointedEngine:
    """Implements `engine.Engine` round one of either dialect."""

    def __init__(self, inner: Engine, points: Points) -> None:
        self.inner = inner
        self.points = points

    @property
    def clock(self) -> Clock:
        return self.inner.clock

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        async with self.inner.write() as transaction:
            pointed = PointedTransaction(transaction, _method.get(), self.points)
            yield pointed
            pointed.before_commit()
        pointed.after_commit()

    async def together(self, work: Work[T], whole: Whole[T] | None = None) -> T:
        """A transaction that is one statement has a point before it and one after it."""
        method = _method.get()
        made: list[PointedTransaction] = []

        async def pointed_work(transaction: Transaction) -> T:
            pointed = PointedTransaction(transaction, method, self.points)
            made.append(pointed)
            result = await work(pointed)
            pointed.before_commit()
            return result

        if whole is not None and isinstance(self.inner, PostgresEngine):
            self.points.at_store(f"{method}:whole")
        result = await self.inner.together(pointed_work, whole)
        if made:
            made[-1].after_commit()
        else:
            self.points.after_commit(method)
        return result

    def read(self) -> AbstractAsyncContextManager[Transaction]:
        return self.inner.read()

    def live(self) -> AbstractAsyncContextManager[Transaction]:
        return self.inner.live()

    def subscribe(self, topic: Topic) -> Wakeup:
        return self.inner.subscribe(topic)

    async def own(self, name: str, *, shared: bool = False) -> bool:
        return await self.inner.own(name, shared=shared)

    async def disowned(self) -> None:
        await self.inner.disowned()

    async def close(self) -> None:
        await self.inner.close()


class PointedStore(SqlStore):
    """The store, whose transactions know by which of its methods they were begun."""

    def __init__(self, engine: Engine, points: Points) -> None:
        super().__init__(PointedEngine(engine, points))
        self.points = points


def _named(name: str) -> Callable[..., Any]:
    inner: Callable[..., Any] = getattr(SqlStore, name)

    async def named(self: SqlStore, *arguments: Any, **more: Any) -> Any:
        token = _method.set(name)
        try:
            return await inner(self, *arguments, **more)
        finally:
            _method.reset(token)

    return named


def store_methods() -> list[str]:
    """Every public call of the store that can write."""
    found = (name for name in dir(SqlStore) if not name.startswith("_"))
    return [name for name in found if hasattr(getattr(SqlStore, name), "__wrapped__")]


for _each in store_methods():
    setattr(PointedStore, _each, _named(_each))


@dataclass
class PointedBackend:
    """``fate`` does what the backend would do with this very drawing: raise, hang, or let it be."""

    inner: Backend
    points: Points
    fate: Callable[[Drawing], Any]

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def capabilities(self) -> Capabilities:
        return self.inner.capabilities

    async def generate(self, request: Drawing, resume: str, report: Report) -> Drawn:
        self.points.at("generate:begin", lambda: Down("failpoint"))
        await self.fate(request)
        drawn = await self.inner.generate(request, resume, report)
        self.points.at("generate:end", lambda: Down("failpoint", maybe_charged=True))
        return drawn

    async def probe(self) -> str:
        return ""

    async def close(self) -> None:
        await self.inner.close()


class PointedPictures(FilePictures):
    points = Points()

    async def save(self, images: Sequence[bytes], settings: Sequence[Mapping[str, str]]) -> list[Picture]:
        self.points.at("save:begin", lambda: StoreFull("failpoint"))
        saved = await super().save(images, settings)
        self.points.at("save:end", lambda: StoreFull("failpoint"))
        return saved

    async def delete(self, sha256: str) -> None:
        self.points.at("delete:begin", lambda: StoreFull("failpoint"))
        await super().delete(sha256)
        self.points.at("delete:end", lambda: StoreFull("failpoint"))


@dataclass
class PointedChat:
    inner: Chat
    points: Points
    fate: Callable[[Settled], Any]
    shown: Callable[[Settled], None]

    @property
    def platform(self) -> str:
        return self.inner.platform

    async def progress(
        self, job: Job, position: int | None, eta_seconds: float | None, progress: Progress | None
    ) -> None:
        await self.inner.progress(job, position, eta_seconds, progress)

    async def deliver(self, settled: Settled, remember: Remember) -> None:
        self.points.at("deliver:begin", lambda: ChatBusy("failpoint"))
        await self.fate(settled)
        await self.inner.deliver(settled, remember)
        self.shown(settled)
        self.points.at("deliver:end", lambda: ChatBusy("failpoint"))


@dataclass
class PointedRoom:
    inner: ReviewRoom
    points: Points

    async def announce(self, case: Case, channel: str, address: Mapping[str, str], remember: Remember) -> None:
        self._at("announce:begin")
        await self.inner.announce(case, channel, address, remember)
        self._at("announce:end")

    async def revise(self, settled: Settled, address: Mapping[str, str], remember: Remember) -> None:
        self._at("revise:begin")
        await self.inner.revise(settled, address, remember)
        self._at("revise:end")

    async def notify(self, notice: Notice) -> None:
        self._at("notify:begin")
        await self.inner.notify(notice)
        self._at("notify:end")

    def _at(self, name: str) -> None:
        self.points.at(name, lambda: ChatBusy("failpoint"))
