"""`imagine-bot check` and `migrate`: what an operator runs before and after."""

import asyncio
import io
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from adapters.control import ControlError
from adapters.factory import build_backend, build_shelf
from adapters.images.classifier import CheckFailed, Classifier
from adapters.limiter import SharedLimiter
from adapters.small import AlreadyRunning, open_desk, open_store, postgres_driver
from adapters.store import sql, sqlite
from bot.errors import StoreError
from bot.replies import problem, say
from bot.settings import BackendSettings, ModerationSettings, Role, Settings, missing_secrets

PROBE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. ``fix`` is part of ``text`` where it failed."""

    what: str
    text: str
    ok: bool


async def check(settings: Settings, config: Path) -> int:
    """One line a finding; 1 if any failed."""
    failed = False
    async for finding in findings(settings, config):
        print(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.what}: {finding.text}")
        failed = failed or not finding.ok
    return int(failed)


async def findings(settings: Settings, config: Path) -> AsyncIterator[Finding]:
    yield Finding("configuration", say("check_configuration", path=config), ok=True)
    for missing in missing_secrets(settings, Role.ALL):
        yield Finding(str(missing.values["where"]), problem(missing), ok=False)
    yield await _store(settings)
    yield await (_bucket(settings) if settings.store.bucket[0] else asyncio.to_thread(_images, settings.store.images))
    if settings.moderation.picture_check:
        yield await _picture_check(settings.moderation)
    for finding in await _backends(settings):
        yield finding
    async for finding in _discord(settings):
        yield finding
    async for finding in _slack(settings):
        yield finding


async def _store(settings: Settings) -> Finding:
    try:
        async with open_desk(settings) as desk:
            await desk.do("ping")
    except (StoreError, ControlError, OSError) as error:
        return Finding("store", say("store_unusable", detail=error), ok=False)
    path = settings.store.sqlite_path or settings.store.url
    newest = sql.migrations("postgres" if settings.store.postgres else "sqlite")[-1][0]
    return Finding("store", say("check_store", path=path, version=newest), ok=True)


async def _bucket(settings: Settings) -> Finding:
    """Whether everything that is ever done there can be done."""
    shelf, name = build_shelf(settings.store), f".check-{os.getpid()}"
    path = settings.store.images
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            await shelf.write("checks", name, b"x")
            await shelf.read("checks", name)
            await shelf.stale("checks", 0.0)
            await shelf.remove("checks", [name])
    except (StoreError, TimeoutError, FileNotFoundError) as error:
        return Finding("images", say("check_bucket_failed", path=path, detail=str(error) or "no answer"), ok=False)
    finally:
        await shelf.close()
    return Finding("images", say("check_bucket", path=path), ok=True)


def _images(path: str) -> Finding:
    folder = Path(path)
    probe = folder / f".check-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        return Finding("images", say("check_images_failed", path=folder, detail=error.strerror), ok=False)
    return Finding("images", say("check_images", path=folder), ok=True)


async def _picture_check(said: ModerationSettings) -> Finding:
    """Loads it and shows it a picture; a limit for a label that the model does not know would never act."""
    classifier = Classifier(Path(said.picture_check))
    drawn = io.BytesIO()
    Image.new("RGB", (64, 64), "white").save(drawn, "PNG")
    try:
        labels = set(await classifier.classify(drawn.getvalue()))
    except CheckFailed as error:
        return Finding("picture check", say("check_pictures_failed", path=said.picture_check, detail=error), ok=False)
    finally:
        await classifier.close()
    known = ", ".join(sorted(labels))
    unknown = sorted({*said.picture_holds, *said.picture_blocks} - labels)
    if unknown:
        return Finding("picture check", say("check_pictures_labels", unknown=", ".join(unknown), known=known), ok=False)
    return Finding("picture check", say("check_pictures", path=said.picture_check, known=known), ok=True)


async def _backends(settings: Settings) -> list[Finding]:
    """One call each, in its turn where the store knows whose turn it is."""
    async with AsyncExitStack() as stack:
        limiter = None
        with suppress(StoreError, ControlError, OSError):  # said before
            limiter = SharedLimiter(await stack.enter_async_context(open_desk(settings)))
        return [await _backend(each, limiter) for each in settings.backends.values()]


async def _backend(settings: BackendSettings, limiter: SharedLimiter | None) -> Finding:
    what = f"backend {settings.name}"
    if settings.kind not in {"sketch", "diffusers", "ray"} and settings.key is None:
        return Finding(what, say("check_no_key", variable=settings.key_env), ok=False)
    backend = build_backend(settings, limiter)
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            trouble = await backend.probe()
    except TimeoutError:
        trouble = say("check_backend_slow", seconds=round(PROBE_SECONDS))
    finally:
        await backend.close()
    unpriced = backend.capabilities.charges and not backend.capabilities.price_per_image
    answers = say("check_backend_no_price" if unpriced else "check_backend", kind=settings.kind)
    return Finding(what, trouble or answers, ok=not trouble)


async def _slack(settings: Settings) -> AsyncIterator[Finding]:
    if settings.slack is None or settings.slack.bot_token is None:
        return
    from adapters.chat.slack import check_slack

    for found in await check_slack(settings.slack, settings.moderation.review_channels):
        yield Finding(found.what, problem(found.problem), found.ok)


async def _discord(settings: Settings) -> AsyncIterator[Finding]:
    """A missing token was said before."""
    said = settings.discord
    if said is None or said.token is None:
        return
    from adapters.chat.discord import doctor

    channels = settings.moderation.review_channels
    async for each in doctor.findings(said.token.reveal(), said.api, said.gateway, said.guilds, channels):
        yield Finding(each.what, each.text, each.ok)


async def migrate(settings: Settings) -> int:
    """Says what it came to. Opening a SQLite file migrates it."""
    if settings.store.postgres:
        url = settings.store.url
        before, after = await postgres_driver().migrate(url, lambda step: print(say("migrating", path=url, step=step)))
        print(_migrated(settings.store.url, before, after))
        return 0

    def tell(step: str) -> None:
        print(say("migrating", path=path, step=step), flush=True)

    path = Path(settings.store.sqlite_path)
    before = await sqlite.version_of(path)
    try:
        async with open_store(settings, tell):
            newest = sql.migrations("sqlite")[-1][0]
    except AlreadyRunning:
        raise StoreError(say("already_running", path=path)) from None
    print(_migrated(path, before, newest))
    return 0


async def move(source: str, target: str) -> int:
    """`migrate --from sqlite:///… --to postgresql://…`: everything, compared row by row before it counts."""
    path = Path(source.removeprefix("sqlite:///"))
    if not source.startswith("sqlite:///") or not target.startswith(("postgresql://", "postgres://")):
        raise StoreError(say("move_wrong_urls"))
    if not path.is_file():
        raise StoreError(say("move_nothing_there", path=path))
    driver = postgres_driver()
    from adapters.store import move as moving

    lock = sqlite.ProcessLock(path)
    if not lock.take():
        raise StoreError(say("move_running", path=path))
    try:
        await (await sqlite.connect(path)).close()
        await driver.migrate(target)
        rows = await moving.move(path, target, lambda table, count: print(say("moving", table=table, count=count)))
    finally:
        lock.drop()
    print(say("moved", count=rows, source=path))
    return 0


def _migrated(where: object, before: int, after: int) -> str:
    code = "migrated_already" if before == after else "migrated"
    return say(code, path=where, before=before, after=after)
