"""Lives of a bot process that is killed and started again, whatever platform it serves."""

import asyncio
import multiprocessing
import os
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from bot.model import FINAL_STATES, Drawing, Drawn
from bot.moderators import Moderators
from bot.ports import Report
from bot.settings import ModerationSettings
from bot.studio import Studio
from tests.fakes import CAPABILITIES, FakeBackend
from tests.house import NO_RULES, TestHouse, open_house

DEADLINE = 180.0
DRAWING = "drawing"  #: as the moment of a kill: while the backend draws
POISON = "poison"  #: a prompt with this word kills the process that draws it


@dataclass(frozen=True)
class Life:
    """What is special about one life. ``kill``: ``drawing``, or a call of the store: ``drawn:before``."""

    finish: str = ""  #: it takes nothing in, and ends once every request of this person is final and told
    kill: str = ""
    seconds: float = 0.05  #: that a drawing takes
    at_once: int = 4
    charges: bool = False
    moderation: ModerationSettings = NO_RULES


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Doomed:
    """A store that kills the process before or after one of its calls."""

    def __init__(self, inner: Any, moment: str) -> None:
        self._inner = inner
        self._call, _, self._when = moment.partition(":")

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        return self._deadly(value) if name == self._call else value

    def _deadly(self, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def deadly(*arguments: Any, **named: Any) -> Any:
            if self._when == "before":
                kill()
            result = await call(*arguments, **named)
            kill()
            return result

        return deadly


class Painter(FakeBackend):
    """Writes down what it draws, so that a later life's test can count it."""

    def __init__(self, life: Life, log: Path) -> None:
        capabilities = replace(CAPABILITIES, at_once=life.at_once, charges=life.charges)
        super().__init__(seconds=life.seconds, capabilities=capabilities)
        self._life, self._log = life, log

    async def generate(self, request: Drawing, resume: str, report: Report) -> Drawn:
        with self._log.open("a") as log:
            log.write(f"{request.prompt}\n")
        if self._life.kill == DRAWING or POISON in request.prompt:
            kill()
        return await super().generate(request, resume, report)


@asynccontextmanager
async def house_of(folder: Path, life: Life) -> AsyncIterator[TestHouse]:
    async with open_house(folder, [Painter(life, folder / "drawings")], moderation=life.moderation) as house:
        if ":" in life.kill:
            store: Any = Doomed(house.store, life.kill)
            house.core = replace(house.core, store=store)
            house.core.judge.store = store
            house.moderators = Moderators(house.core)
        house.studio = Studio(house.core, house.pictures)
        yield house


async def until_finished(house: TestHouse, person: str) -> None:
    began = time.monotonic()
    while time.monotonic() - began < DEADLINE:
        jobs = await house.store.jobs_of(person, 100)
        if all(job.state in FINAL_STATES and job.told for job in jobs):
            return
        await asyncio.sleep(0.02)
    raise TimeoutError


# -- seen from outside


def start(target: Callable[..., None], folder: Path, *arguments: str, life: Life) -> ForkServerProcess:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.discord_process", "tests.slack_process"])
    child = context.Process(target=target, args=(str(folder), *arguments), kwargs={"life": life})
    child.start()
    return child


async def ended(child: ForkServerProcess, seconds: float = DEADLINE) -> int:
    """Its exit status."""
    async with asyncio.timeout(seconds):
        while child.is_alive():
            await asyncio.sleep(0.02)
    child.join()
    assert child.exitcode is not None
    return child.exitcode


class Fuse:
    """Kills ``victim`` at the Nth moment that fits; a stand-in's ``watch`` is called with each."""

    def __init__(self, fits: Callable[..., bool], at: int = 1) -> None:
        self._fits, self._left = fits, at
        self.victim: int | None = None
        self.blown = False

    def __call__(self, *moment: Any) -> None:
        if self.victim is None or self.blown or not self._fits(*moment):
            return
        self._left -= 1
        if self._left == 0:
            self.blown = True
            os.kill(self.victim, signal.SIGKILL)


def rows(folder: Path, statement: str) -> list[tuple[Any, ...]]:
    """Of the database that a process uses, or has left."""
    if not (folder / "imagine.db").exists():
        return []
    with sqlite3.connect(folder / "imagine.db") as connection:
        found = connection.execute(statement).fetchall()
    connection.close()
    return found


def states(folder: Path) -> list[str]:
    """Of all requests, oldest first."""
    return [str(state) for [state] in rows(folder, "SELECT state FROM jobs ORDER BY created_at, id")]


def charged(folder: Path) -> tuple[int, int]:
    """Images reserved and spent."""
    found = rows(folder, "SELECT coalesce(sum(reserved), 0), coalesce(sum(spent), 0) FROM allowances")
    return found[0] if found else (0, 0)


def drawings(folder: Path) -> list[str]:
    """The prompts that were sent to the backend, as often as they were."""
    log = folder / "drawings"
    return log.read_text().splitlines() if log.exists() else []
