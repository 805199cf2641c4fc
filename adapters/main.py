"""The composition root: the only place that knows every name. Opens the house and keeps it running."""

import asyncio
import contextlib
import os
import secrets
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from adapters import control, several
from adapters.disk import DiskWatch
from adapters.factory import build_backend, build_shelf
from adapters.images import disk as disks
from adapters.images.classifier import Classifier
from adapters.images.files import KeptPictures
from adapters.images.likeness import likeness
from adapters.limiter import SharedLimiter
from adapters.login import link
from adapters.observe import Observe, loop_lag_watchdog, store_watchdog
from adapters.platforms import Platforms, open_platforms
from adapters.small import handlers_of, open_store
from adapters.store.store import SqlStore
from adapters.tokens import new_token
from bot import steps
from bot.errors import ImagineError, StoreBusy, StoreError
from bot.judging import Judge, PictureChecks, thresholds
from bot.moderators import Moderators
from bot.replies import say
from bot.settings import Role, Secret, Settings
from bot.studio import Studio
from bot.worker import Worker

if TYPE_CHECKING:
    from adapters.chat.web.server import WebHouse
    from adapters.demo import Demo

Work = Coroutine[Any, Any, None]
Serving = Callable[[asyncio.Event, Callable[[str], None]], Work]
"""Until the event is set; what is called is told the address."""

SWEEP_SECONDS = 3600.0
ORPHAN_AGE = 3600.0
"""A file that no row knows after an hour was written by a worker that died before it could say so."""

SWEEP_BATCH = 200
EXPIRY_SECONDS = 60.0
DISCORD_TOKEN_SECONDS = 900.0
"""Discord takes the token of an interaction for so long."""

DEMO_LINK_SECONDS = 86_400.0


@runtime_checkable
class Preloads(Protocol):
    """A backend that has something to load."""

    async def preload(self) -> None: ...


@dataclass(frozen=True, slots=True)
class House:
    """Everything that is open."""

    settings: Settings
    core: steps.Core
    store: SqlStore
    pictures: KeptPictures
    studio: Studio
    moderators: Moderators
    observe: Observe
    secret: bytes


def signing_secret(settings: Settings) -> bytes:
    """IMAGINE_SECRET, or one made at the first start beside the database, readable by its owner only."""
    if settings.signing is not None:
        return settings.signing.reveal().encode()
    path = Path(settings.store.sqlite_path).with_name("imagine.secret")
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "w") as handle:
            handle.write(secrets.token_urlsafe(48))
    return path.read_bytes()


def picture_checks(stack: AsyncExitStack, settings: Settings, pictures: KeptPictures) -> PictureChecks:
    said = settings.moderation
    checks = PictureChecks(likeness=likeness, read=pictures.read)
    if not said.picture_check:
        return checks
    classifier = Classifier(Path(said.picture_check))
    stack.push_async_callback(classifier.close)
    return replace(checks, check=classifier, thresholds=thresholds(said))


@asynccontextmanager
async def open_house(settings: Settings, observe: Observe) -> AsyncIterator[House]:
    """Raises AlreadyRunning, StoreError. Closes in the reverse order."""
    async with AsyncExitStack() as stack:
        opening = open_store(settings, lambda step: observe.event("migrating", step=step))
        store = await stack.enter_async_context(opening)
        pictures = KeptPictures(build_shelf(settings.store), metadata=settings.store.metadata)
        stack.push_async_callback(pictures.close)
        limiter = SharedLimiter(store)
        backends = {}
        for name in settings.backends:
            backends[name] = build_backend(settings.backends[name], limiter)
            stack.push_async_callback(backends[name].close)
        health = steps.Health(store)
        await health.load()
        disk = DiskWatch(lambda: free_bytes(settings, pictures), observe)
        await disk.look()
        stack.enter_context(cancelling(asyncio.create_task(disk.run())))
        core = steps.Core(
            store=store,
            backends=backends,
            order=settings.routing.order,
            clock=store.clock,
            observer=observe,
            health=health,
            quota=settings.quota,
            styles=settings.styles,
            budgets={name: backend.daily_budget_usd for name, backend in settings.backends.items()},
            judge=Judge(store, settings.moderation, store.clock, observe, picture_checks(stack, settings, pictures)),
            has_room=disk.has_room,
        )
        await core.judge.prepare()
        secret = signing_secret(settings)
        observe.redactor.learn(Secret(secret.decode()))
        yield House(settings, core, store, pictures, Studio(core, pictures), Moderators(core), observe, secret)


async def free_bytes(settings: Settings, pictures: KeptPictures) -> int:
    """Where the pictures are, and where the database is if that is another disk of ours."""
    there = await pictures.free_bytes()
    if settings.store.postgres or not settings.store.bucket[0]:
        return there
    return min(there, await asyncio.to_thread(disks.free_bytes, Path(settings.store.sqlite_path).parent))


@contextlib.contextmanager
def cancelling(task: asyncio.Task[None]) -> Iterator[None]:
    try:
        yield
    finally:
        task.cancel()


async def run(
    settings: Settings,
    role: Role,
    observe: Observe,
    announce: Callable[[str], None],
    *,
    login: str = "imagine-bot login",
    demo: "Demo | None" = None,
) -> None:
    """Until SIGTERM or SIGINT. ``login``: the command for operators, announced after the address; of a ``demo`` also a
    link to moderate it.

    Raises AlreadyRunning, StoreError, OSError for a port that is taken.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with open_house(settings, observe) as house, AsyncExitStack() as stack:
        await take_place(stack, house, role)
        platforms = await open_platforms(stack, house, role)
        await take_up_unacknowledged(house, platforms)
        endless = [asyncio.create_task(each) for each in housekeeping(house, role, platforms)]
        tasks = [asyncio.create_task(each) for each in work_of(house, role, platforms, stop)]
        load = partial(preload, stack, house, role)
        serving = serving_of(house, role, login, demo)
        if serving is None:
            load()
        else:
            first = [demo.announcement, await login_link(house)] if demo else []
            further = [*first, say("run_login", command=login)]
            tasks.append(asyncio.create_task(serve(serving, stop, further, announce, load)))
        await until_stopped(stop, tasks, endless)


def housekeeping(house: House, role: Role, platforms: Platforms) -> list[Work]:
    """What never ends by itself."""
    return [
        loop_lag_watchdog(house.observe),
        store_watchdog(house.observe, house.store),
        sweep_loop(house),
        *among_others(house, role, platforms),
        expiry_loop(house),
    ]


def work_of(house: House, role: Role, platforms: Platforms, stop: asyncio.Event) -> list[Work]:
    """What ends once ``stop`` is set: the ways in, and the worker where this process is one."""
    listening = [listen(stop) for listen in platforms.listening.values()]
    if role is Role.CHAT:
        return listening
    name, alone = several.process_name(), not house.settings.store.postgres
    worker = Worker(house.core, house.pictures, platforms.chats, name, alone=alone, rooms=platforms.rooms)
    return [worker.run(stop), *listening]


async def serve(
    serving: Serving,
    stop: asyncio.Event,
    further: Sequence[str],
    announce: Callable[[str], None],
    then: Callable[[], None],
) -> None:
    """Once it listens its address is announced, and ``further``. Raises OSError."""

    def tell(address: str) -> None:
        for line in filter(None, (say("running", url=address), *further)):
            announce(line)
        then()

    await serving(stop, tell)


def preload(stack: AsyncExitStack, house: House, role: Role) -> None:
    """Models on this machine are loaded while the first people read the page."""
    if role is not Role.CHAT:
        for backend in house.core.backends.values():
            if isinstance(backend, Preloads):
                stack.enter_context(cancelling(asyncio.create_task(backend.preload())))


async def login_link(house: House) -> str:
    """For whoever started a demo, which is their own."""
    token, digest = new_token()
    now = house.core.clock.now()
    await house.store.add_login("link", digest, "operator", now + DEMO_LINK_SECONDS, now)
    return say("demo_login", link=link(house.settings.web.public_url, token))


async def take_place(stack: AsyncExitStack, house: House, role: Role) -> None:
    """SQLite: the one process there is, with its socket. PostgreSQL: one of several. Raises TokenTaken."""
    if house.settings.store.postgres:
        await several.own_token(house.settings, role, house.store)
        return
    path = control.socket_path(Path(house.settings.store.sqlite_path))
    await stack.enter_async_context(control.serve(path, handlers_of(house.store, house.settings)))


async def take_up_unacknowledged(house: House, platforms: Platforms) -> None:
    """Where this is the only process, whatever is found unacknowledged at the start was caught by a crash.

    A store that is busy just now does not end the start: `several.drop_abandoned` looks again.
    """
    if house.settings.store.postgres:
        return
    from adapters.chat.web.api.work import drop_lost

    try:
        lost = await house.studio.drop_unacknowledged(arrived=platforms.arrived)
        lost += await drop_lost(house.store, house.core.clock.now())
    except StoreBusy as error:
        house.observe.event("store_error", detail=str(error))
        return
    if lost:
        house.observe.event("recovered", state="received", n=lost)


def among_others(house: House, role: Role, platforms: Platforms) -> list[Work]:
    """What a process does beside its work, and, where others may be on the same store, for them."""
    postgres = bool(house.settings.store.postgres)
    work = [several.share_health(house.observe, house.core.health)] if postgres else []
    if role is not Role.WORKER:
        # also alone: a store that was busy when a request was to be acknowledged leaves it between two states
        work.append(several.drop_abandoned(house.observe, house.studio, platforms.arrived))
        work += [several.watch_token(house.store)] if postgres else []
    return work


def serving_of(house: House, role: Role, login: str, demo: "Demo | None" = None) -> Serving | None:
    """A worker alone serves health and metrics only, and only where IMAGINE_WORKER_PORT says at which port."""
    port = os.environ.get("IMAGINE_WORKER_PORT", "")
    if role is Role.WORKER and not port.isdigit():
        return None
    from adapters.chat.web.server import serve_health, serve_web

    web = replace(house_for_web(house), login=login)
    if role is Role.WORKER:
        return partial(serve_health, web, int(port))
    return partial(serve_web, replace(web, about=demo.about, examples=demo.examples) if demo else web)


def house_for_web(house: House) -> "WebHouse":
    """The part of the house that the web pages are given."""
    from adapters.chat.web.server import WebHouse

    return WebHouse(
        settings=house.settings.web,
        core=house.core,
        studio=house.studio,
        moderators=house.moderators,
        store=house.store,
        operators=house.store,
        secret=house.secret,
        picture=house.pictures.read,
        thumb=house.pictures.thumb,
        preview=house.pictures.read_preview,
        metrics=house.observe.exposition,
        not_ready=lambda: why_not_ready(house),
        recent=house.observe.recent,
        clock=house.core.clock,
        observer=house.observe,
    )


async def why_not_ready(house: House) -> str:
    """"" where the store answers and at least one backend is usable, for /readyz."""
    try:
        await house.store.depths()
    except StoreError as error:
        return f"store: {error}"
    now = house.core.clock.now()
    if all(house.core.health.is_closed(name, now) for name in house.core.backends):
        return "no backend is usable"
    return ""


async def until_stopped(
    stop: asyncio.Event, tasks: Sequence[asyncio.Task[None]], endless: Sequence[asyncio.Task[None]]
) -> None:
    """Waits for the signal, or for a task that fails: then everything stops and its error is raised.

    ``tasks`` end by themselves once ``stop`` is set.
    """
    waiter = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([waiter, *tasks, *endless], return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    if tasks:
        await asyncio.wait(tasks, timeout=5.0)
    for task in (waiter, *tasks, *endless):
        task.cancel()
    await asyncio.gather(waiter, *tasks, *endless, return_exceptions=True)
    for task in done - {waiter}:
        task.result()


async def sweep_loop(house: House) -> None:
    """Retention: images and prompts past their days go; what a crash left on the disk goes too."""
    while True:
        try:
            await sweep(house)
        except (ImagineError, OSError) as error:
            house.observe.event("store_error", detail=str(error))
        await asyncio.sleep(SWEEP_SECONDS)


async def expiry_loop(house: House) -> None:
    """Held requests that nobody decided about for a day end, and their people are told; old tokens go."""
    dropped = 0.0
    while True:
        now = house.core.clock.now()
        try:
            while await house.store.expire_items(now, SWEEP_BATCH):
                pass
            await house.store.drop_tokens(dropped, now - DISCORD_TOKEN_SECONDS)
            dropped = now - DISCORD_TOKEN_SECONDS
        except ImagineError as error:
            house.observe.event("store_error", detail=str(error))
        await asyncio.sleep(EXPIRY_SECONDS)


async def sweep(house: House) -> None:
    now = house.core.clock.now()
    before = now - house.settings.store.retention_days * 86_400
    removed = await sweep_house(house.store, house.pictures, before=before, now=now, day=house.core.day())
    if removed:
        house.observe.event("swept", n=removed)


async def sweep_house(store: SqlStore, pictures: KeptPictures, *, before: float, now: float, day: int) -> int:
    """One whole sweep, in small transactions; a crash in between leaves only files that the next one finds."""
    removed = 0
    while (files := await store.sweep(before, SWEEP_BATCH, day - 2)) is not None:
        for name in files:
            await pictures.delete(name)
        removed += len(files)
    await store.drop_served(now, before)
    return removed + await pictures.sweep_orphans(store.known_pictures, now - ORPHAN_AGE)
