"""The role `chat` of the web room, and a worker beside it, as processes of their own on one PostgreSQL."""

import asyncio
import multiprocessing
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path

from adapters.chat.web.delivery import RoomChat
from adapters.store.store import SqlStore
from bot.studio import Studio
from tests.crashing import Fuse, Fused
from tests.fakes import FakeBackend
from tests.house import open_house
from tests.web import Site

MOMENTS = ("submit", "say", "acknowledge", "cancel")
"""The calls of the way in that change something: a kill at another one is the same as at its neighbour."""

SKIPPED = tuple(name for name in dir(SqlStore) if name not in MOMENTS)


def chat(folder: str, port: int, kill_at: int) -> None:
    """Until it kills itself before or after the Nth of `MOMENTS`, or is killed."""
    asyncio.run(_chat(Path(folder), port, kill_at))


async def _chat(folder: Path, port: int, kill_at: int) -> None:
    async with open_house(folder, dialect="postgres") as house:
        store = Fused(house.store, Fuse(kill_at), SKIPPED)
        house.core = replace(house.core, store=store)
        house.store = store  # type: ignore[assignment] # the same, with moments
        house.studio = Studio(house.core, house.pictures)
        site = Site(house, port)
        await site.start()
        await asyncio.Event().wait()


def worker(folder: str, seconds: float) -> None:
    """Until it is killed."""
    asyncio.run(_worker(Path(folder), seconds))


async def _worker(folder: Path, seconds: float) -> None:
    async with open_house(folder, [FakeBackend(seconds=seconds)], dialect="postgres") as house:
        made = house.worker("w1", alone=False)
        made.chats = {"web": RoomChat("web", house.store, house.core.clock)}
        async with house.working(made):
            await asyncio.Event().wait()


def start_chat(folder: Path, port: int, kill_at: int = 0) -> BaseProcess:
    return _started(chat, str(folder), port, kill_at)


def start_worker(folder: Path, seconds: float = 0.1) -> BaseProcess:
    return _started(worker, str(folder), seconds)


def _started(target: object, *arguments: object) -> BaseProcess:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.chat_process"])
    child = context.Process(target=target, args=arguments, daemon=True)  # type: ignore[arg-type] # a function
    child.start()
    return child
