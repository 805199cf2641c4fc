"""Where small commands find the store: opened here, or, where a bot runs on it, through that bot's local socket."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from adapters import control
from adapters.store import sqlite
from adapters.store.engine import Tell
from adapters.store.store import SqlStore
from bot.conduct import Texts
from bot.errors import Refused, StoreBroken
from bot.model import Drawing, ImageRequest, Problem
from bot.replies import say
from bot.settings import Settings


class AlreadyRunning(Exception):
    """Another process has the SQLite store."""


class Desk:
    """The commands by name, whoever carries them out."""

    def __init__(self, settings: Settings, store: SqlStore | None, socket: Path) -> None:
        self._handlers = handlers_of(store, settings) if store else {}
        self._socket = socket

    async def do(self, command: str, **arguments: object) -> Any:
        """Raises ControlError, StoreError."""
        if self._handlers:
            return await self._handlers[command](arguments)
        return await control.ask(self._socket, command, arguments)

    async def spend(self, backend: str, day: int, dollars: float, cap: float) -> bool:
        return bool(await self.do("spend", backend=backend, day=day, dollars=dollars, cap=cap))

    async def take_turn(self, account: str, interval: float, patience: float) -> float:
        return float(await self.do("take_turn", account=account, interval=interval, patience=patience))

    async def pause_turns(self, account: str, seconds: float) -> None:
        await self.do("pause_turns", account=account, seconds=seconds)

    async def allow(self, request: ImageRequest, drawing: Drawing) -> None:
        """The store's rules. Raises Refused."""
        prompts = list(dict.fromkeys((request.prompt, drawing.prompt)))
        negatives = [text for text in (request.negative_prompt, drawing.negative_prompt) if text]
        problems = await self.do("judge", prompts=prompts, negatives=list(dict.fromkeys(negatives)))
        if problems:
            raise Refused(*(Problem(each["code"], each["values"]) for each in problems))


def handlers_of(store: SqlStore, settings: Settings) -> dict[str, control.Handler]:
    """What small commands may ask of whoever has the store."""

    async def ping(_: Mapping[str, Any]) -> str:
        return "pong"

    async def spend(arguments: Mapping[str, Any]) -> bool:
        return await store.spend(**arguments)

    async def take_turn(arguments: Mapping[str, Any]) -> float:
        return await store.take_turn(**arguments)

    async def pause_turns(arguments: Mapping[str, Any]) -> None:
        await store.pause_turns(**arguments)

    rates = {"take_turn": take_turn, "pause_turns": pause_turns}
    return {"ping": ping, "spend": spend, **rates, **key_handlers(store), **moderation_handlers(store, settings)}


def moderation_handlers(store: SqlStore, settings: Settings) -> dict[str, control.Handler]:
    async def judge(arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        """By the rules of the house and of its own room; what would be held is refused, as nobody can approve it."""
        from adapters.verdict import verdict_for_draw

        texts = Texts(tuple(arguments["prompts"]), tuple(arguments["negatives"]))
        problems = await verdict_for_draw(store, settings.moderation, store.clock, texts)
        return [{"code": each.code, "values": _plain(each.values)} for each in problems]

    async def tenants(_: Mapping[str, Any]) -> list[str]:
        return await store.audited_tenants()

    async def audit_after(arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [asdict(event) for event in await store.audit_since(since=0.0, **arguments)]

    async def login_create(arguments: Mapping[str, Any]) -> None:
        now = store.clock.now()
        await store.add_login("link", arguments["digest"], arguments["name"], now + arguments["seconds"], now)

    return {"judge": judge, "audited_tenants": tenants, "audit_after": audit_after, "login_create": login_create}


def key_handlers(store: SqlStore) -> dict[str, control.Handler]:
    """`imagine-bot api-key`: names and hashes, never a key."""

    async def create(arguments: Mapping[str, Any]) -> bool:
        return await store.add_api_key(arguments["digest"], arguments["name"], store.clock.now())

    async def show(_: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [asdict(key) for key in await store.api_keys()]

    async def revoke(arguments: Mapping[str, Any]) -> bool:
        return await store.revoke_api_key(arguments["name"], store.clock.now())

    return {"api_key_create": create, "api_key_list": show, "api_key_revoke": revoke}


def _plain(values: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items()}


@asynccontextmanager
async def open_store(settings: Settings, tell: Tell = str) -> AsyncIterator[SqlStore]:
    """``tell`` hears of each step of bringing a SQLite file up to date. Raises AlreadyRunning, StoreError."""
    opening = _open_postgres(settings.store.url) if settings.store.postgres else _open_sqlite(settings, tell)
    async with opening as store:
        yield store


@asynccontextmanager
async def _open_postgres(url: str) -> AsyncIterator[SqlStore]:
    store = SqlStore(await postgres_driver().connect(url))
    try:
        yield store
    finally:
        await store.close()


def postgres_driver() -> Any:
    """The PostgreSQL engine, imported only where it is used. Raises StoreBroken where asyncpg is not installed."""
    try:
        from adapters.store import postgres
    except ModuleNotFoundError as error:
        raise StoreBroken(say("postgres_missing", module=error.name)) from error
    return postgres


@asynccontextmanager
async def _open_sqlite(settings: Settings, tell: Tell) -> AsyncIterator[SqlStore]:
    path = Path(settings.store.sqlite_path)
    lock = sqlite.ProcessLock(path)
    if not lock.take():
        raise AlreadyRunning
    try:
        store = SqlStore(await sqlite.connect(path, tell))
        try:
            yield store
        finally:
            await store.close()
    finally:
        lock.drop()


@asynccontextmanager
async def open_desk(settings: Settings) -> AsyncIterator[Desk]:
    """Raises ControlError where the store is taken by a process that does not answer, StoreError."""
    if settings.store.postgres:
        async with open_store(settings) as store:
            yield Desk(settings, store, Path())
        return
    socket = control.socket_path(Path(settings.store.sqlite_path))
    try:
        async with open_store(settings) as store:
            yield Desk(settings, store, socket)
    except AlreadyRunning:
        desk = Desk(settings, None, socket)
        await desk.do("ping")
        yield desk
