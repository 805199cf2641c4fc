"""Trying failpoints one after the other: a life that meets one, a second life where need be, then the promise."""

import asyncio
import itertools
import json
import multiprocessing
import shutil
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from bot.model import JobState
from tests import invariants, lives, postgres, story
from tests.failpoints import Aim, Fault
from tests.lives import Life
from tests.standins.discord import Channel, DiscordStandIn, User
from tests.standins.slack import SlackStandIn
from tests.story import Wish

AT_ONCE = 8
"""Lives side by side: one works for a tenth of a second, and may wait for seconds until a lease runs out."""

EDGES = frozenset({"whole", "commit", "done", "begin", "end"})
ASKED_TIMES = 3
PATIENCE = 360.0
"""Seconds a life may take on a machine that is busy with others."""


@dataclass
class World:
    """What outlives the bot: its folder, and the stand-in of the platform with the people on it."""

    folder: Path
    path: str
    dialect: str
    where: dict[str, str] = field(default_factory=lambda: {"tenant": "web"})

    async def ask(self, wishes: tuple[Wish, ...], life: "asyncio.Task[int]") -> None:
        """The people's part, beside the bot's life."""

    def problems(self, results: Mapping[str, int]) -> list[str]:
        """What is wrong with what is to be seen; ``results`` is how many pictures each delivered request shows."""
        return []


@asynccontextmanager
async def world(folder: Path, path: str, dialect: str) -> AsyncIterator[World]:
    folder.mkdir(parents=True)
    if dialect == "postgres":
        (folder / "postgres.url").write_text(await postgres.database())
    try:
        async with WORLDS[path](folder, path, dialect) as made:
            yield made
    finally:
        if dialect == "postgres":
            await _drop((folder / "postgres.url").read_text())
        shutil.rmtree(folder, ignore_errors=True)


async def _drop(url: str) -> None:
    connection = await asyncpg.connect(postgres.shared().url())
    try:
        name = url.partition("@/")[2].partition("?")[0]
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()


@asynccontextmanager
async def _web(folder: Path, path: str, dialect: str) -> AsyncIterator[World]:
    yield World(folder, path, dialect)


@dataclass
class DiscordWorld(World):
    discord: DiscordStandIn = field(kw_only=True)
    users: dict[str, User] = field(kw_only=True)
    room: Channel = field(kw_only=True)

    async def ask(self, wishes: tuple[Wish, ...], life: "asyncio.Task[int]") -> None:
        await _or_over(self.discord.gateway.until("identified", self.discord.gateway.identified + 1, PATIENCE), life)
        for wish in wishes:
            if life.done():
                return
            asked = await self.discord.human.slash(self.users[wish.who], self.room, "imagine", prompt=wish.text)
            await _or_over(asked.reply(PATIENCE), life)

    def problems(self, results: Mapping[str, int]) -> list[str]:
        public = [room for room in self.discord.world.channels.values() if str(room.id) != self.where["staff"]]
        every = [each for room in public for each in room.messages.values()]
        seen = Counter(len(message.attachments) for message in every if message.attachments)
        return [*_seen(seen, results), *self.discord.problems]


@asynccontextmanager
async def _discord(folder: Path, path: str, dialect: str) -> AsyncIterator[World]:
    async with DiscordStandIn() as discord:
        guild = discord.world.guild()
        room, staff = discord.world.text_channel(guild), discord.world.text_channel(guild, "staff")
        users = {name: discord.world.user(name) for name in story.PEOPLE}
        for user in users.values():
            discord.world.join(guild, user)
        where = {
            "tenant": f"discord:{guild.id}", "staff": str(staff.id), "token": discord.token, "api": discord.api,
            "gateway": discord.gateway_url, **{name: str(user.id) for name, user in users.items()},
        }  # fmt: skip
        yield DiscordWorld(folder, path, dialect, where, discord=discord, users=users, room=room)


@dataclass
class SlackWorld(World):
    slack: SlackStandIn = field(kw_only=True)

    async def ask(self, wishes: tuple[Wish, ...], life: "asyncio.Task[int]") -> None:
        await _or_over(self.slack.sockets.connected(2), life)
        for wish in wishes:
            if life.done():
                return
            person = self.slack.human.other(self.where[wish.who], wish.who)
            await _or_over(person.slash("/imagine", wish.text), life)

    def problems(self, results: Mapping[str, int]) -> list[str]:
        public = [each for each in self.slack.workspace.with_files() if each.channel != self.where["staff"]]
        seen = Counter(len(message.files) for message in public)
        return [*_seen(seen, results), *self.slack.problems]


@asynccontextmanager
async def _slack(folder: Path, path: str, dialect: str) -> AsyncIterator[World]:
    async with SlackStandIn() as slack:
        slack.workspace.add_channel("C9", "moderators")
        where = {
            "tenant": "slack:T1", "staff": "C9", "token": slack.workspace.token, "app_token": slack.app_token,
            "api": slack.api, **{name: f"U{name.upper()}" for name in story.PEOPLE},
        }  # fmt: skip
        yield SlackWorld(folder, path, dialect, where, slack=slack)
        await slack.settled_down()


async def _or_over(work: Coroutine[Any, Any, object], life: "asyncio.Task[int]") -> None:
    """What a person waits for, which may never come once the bot was killed."""
    waiting = asyncio.create_task(work)
    await asyncio.wait({waiting, life}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


def _seen(seen: Counter[int], results: Mapping[str, int]) -> list[str]:
    """I2: each result is one message with all of its pictures."""
    due = Counter(count for count in results.values() if count)
    return [] if seen == due else [f"I2 messages with so many pictures: {dict(seen)} instead of {dict(due)}"]


WORLDS: Mapping[str, Callable[[Path, str, str], AbstractAsyncContextManager[World]]] = {
    "web": _web,
    "discord": _discord,
    "slack": _slack,
}


# -- lives


async def live(at: World, aim: Aim | None, asks: tuple[Wish, ...]) -> int:
    """The exit status of one life."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.lives"])
    life = Life(str(at.folder), at.path, at.dialect, aim, asks, at.where)
    (at.folder / "passed.json").unlink(missing_ok=True)
    child = context.Process(target=lives.process, args=(life,))
    child.start()
    ended = asyncio.create_task(_ended(child))
    try:
        if asks:
            await at.ask(asks, ended)
        async with asyncio.timeout(PATIENCE):
            return await ended
    finally:
        if child.is_alive():
            child.kill()
        child.join()
        child.close()


async def _ended(child: "multiprocessing.process.BaseProcess") -> int:
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(child.sentinel, over.set)
    try:
        await over.wait()
    finally:
        loop.remove_reader(child.sentinel)
    child.join()
    assert child.exitcode is not None
    return child.exitcode


def passed(at: World) -> Counter[str]:
    """How often each point was passed in the life that ended."""
    return Counter(json.loads((at.folder / "passed.json").read_text()))


async def survey(folder: Path, path: str, dialect: str, wishes: tuple[Wish, ...]) -> Counter[str]:
    """The points that a life without faults passes. It keeps the promise too."""
    async with world(folder, path, dialect) as at:
        assert await live(at, None, wishes) == 0, "a life without a fault failed"
        wrong = await broken(at, wishes, strict=True)
        assert wrong == [], wrong
        return passed(at)


async def killed(at: World, aim: Aim, wishes: tuple[Wish, ...]) -> None:
    """A life that ends there. On a slow machine people may be told that the bot is busy; then they ask once more."""
    for _ in range(ASKED_TIMES):
        ended = await live(at, aim, wishes)
        if ended == -signal.SIGKILL:
            return
        assert ended == 0, f"the life before {aim} ended with {ended}"
    raise AssertionError(f"{aim} was not passed")


async def trial(
    folder: Path, path: str, dialect: str, wishes: tuple[Wish, ...], aim: Aim, before: Aim | None = None
) -> list[str] | None:
    """What does not hold after that fault; None: the point was not passed so often.

    ``before``: where an earlier life was killed; then the fault hits the life after it, which takes up what it left.
    """
    async with world(folder, path, dialect) as at:
        if before is not None:
            await killed(at, before, wishes)
        met = await live(at, aim, () if before else wishes)
        if aim.fault is Fault.KILL and met == -signal.SIGKILL:
            again = await live(at, None, ())
            return [f"the life after it ended with {again}"] if again else await broken(at, wishes, twice=bool(before))
        if met:
            return [f"the life ended with {met}"]
        return await broken(at, wishes, twice=bool(before)) if passed(at)[aim.name] >= aim.number else None


async def recovery(folder: Path, path: str, dialect: str, wish: Wish, before: Aim) -> Counter[str]:
    """The points that the life after a kill passes."""
    async with world(folder, path, dialect) as at:
        await killed(at, before, (wish,))
        assert await live(at, None, ()) == 0
        return passed(at)


# -- the promise


async def broken(at: World, wishes: tuple[Wish, ...], *, strict: bool = False, twice: bool = False) -> list[str]:
    """``strict``: nothing went wrong, so nothing may have been lost either.

    ``twice``: two lives met a fault, so that a request may have been given up as one that kills its worker.
    """
    if at.dialect == "sqlite":
        tables = invariants.of_file(at.folder / "imagine.db")
    else:
        tables = await invariants.of_postgres((at.folder / "postgres.url").read_text())
    beside = invariants.Beside(at.folder / "images", swept=True, canary=at.where.get("token", ""), longest=3600.0)
    found = invariants.broken(tables, beside, at_rest=True)
    results: dict[str, int] = {}
    for row in tables["jobs"]:
        wish = story.BY_WORD[story.word_of(json.loads(row["request"])["prompt"])]
        given_up = twice and "failed_crash" in str(row["reason"])
        if row["state"] != wish.end and (strict or not _was_lost(row)) and not given_up:
            found.append(f"{wish.text!r} ended {row['state']} ({row['reason']})")
        if row["state"] == JobState.DELIVERED:
            pictures = [picture for picture in tables["pictures"] if picture["job"] == row["id"]]
            results[row["id"]] = sum(not picture["deleted"] for picture in pictures)
    asked = sorted(story.word_of(json.loads(row["request"])["prompt"]) for row in tables["jobs"])
    if strict and asked != sorted(wish.word for wish in wishes):
        found.append(f"only {asked} were asked")
    return [*found, *_repeats(at.folder / "shown"), *at.problems(results)]


def _was_lost(job: Mapping[str, object]) -> bool:
    """It was never acknowledged: the person saw an error, or hears it now."""
    return job["state"] == JobState.CANCELLED and "never_acknowledged" in str(job["reason"]) and not job["acked_at"]


def _repeats(log: Path) -> list[str]:
    """A delivery that is repeated shows the same, and never pictures for a request that ended without."""
    shown: dict[str, set[str]] = {}
    for line in log.read_text().splitlines() if log.exists() else ():
        job, _, what = line.partition(" ")
        shown.setdefault(job, set()).add(what)
    return [f"I2 job {job} was shown {sorted(what)}" for job, what in shown.items() if len(what) > 1]


# -- what to try


@dataclass(frozen=True, slots=True)
class Report:
    tried: int
    broken: tuple[str, ...]


def tries(points: Mapping[str, int], calls: Collection[str], *, edges: bool = False) -> list[str]:
    """``edges``: of a transaction only its commit; what is raised or ends inside is undone like that before it."""
    found = [name for name in points if name.partition(":")[0] in calls]
    return sorted(name for name in found if not edges or name.partition(":")[2] in EDGES)


async def try_all(
    folder: Path,
    path: str,
    dialect: str,
    wish: Wish,
    fault: Fault,
    *,
    names: Sequence[str] = (),
    edges: bool = False,
    before: Aim | None = None,
) -> Report:
    """Every point of the wish's calls, each at its first passing, its second, and so on until there is no further."""
    wishes = (wish,)
    chosen = names or tries(await survey(folder / "survey", path, dialect, wishes), wish.tries, edges=edges)
    slots, tried = asyncio.Semaphore(AT_ONCE), 0
    wrong: list[str] = []

    async def one(name: str) -> None:
        nonlocal tried
        for number in itertools.count(1):
            aim = Aim(name, number, fault)
            async with slots:
                place = folder / f"{name.replace(':', '-')}-{number}"
                found = await trial(place, path, dialect, wishes, aim, before)
            if found is None:
                return
            tried += 1
            wrong.extend(f"{aim}: {each}" for each in found)

    await asyncio.gather(*(one(name) for name in chosen))
    return Report(tried, tuple(wrong))
