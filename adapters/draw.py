"""`imagine-bot draw`: one request straight through syntax, rules and routing, without queue and quota."""

import asyncio
import json
import random
import shlex
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from adapters.backends.limits import TurnsUnknown
from adapters.factory import build_backend
from adapters.images.files import FilePictures
from adapters.limiter import SharedLimiter
from adapters.small import Desk, open_desk
from bot import command, quota, routing
from bot.drawing import picture_settings
from bot.errors import BackendError, Broken, Busy, Down, Refused, Rejected
from bot.model import Drawing, Drawn, ImageRequest, Picture, Problem
from bot.ports import Backend
from bot.replies import problem, say, sentences, typed
from bot.settings import Role, Settings, missing_secrets

PAUSE_AFTER_ERROR = 1.0  # seconds; short, somebody sits before the terminal


@dataclass(frozen=True, slots=True)
class Result:
    backend: str
    drawing: Drawing
    pictures: tuple[Picture, ...]
    paths: tuple[Path, ...]
    notes: tuple[Problem, ...]
    missing: int


async def draw(settings: Settings, text: str, backend: str, out: Path, *, as_json: bool) -> int:
    """The exit code: 0 drawn, 1 it failed, 2 a request or configuration that cannot be."""
    wanted = {backend} if backend else set(settings.backends)
    limiter = SharedLimiter()
    backends = {name: build_backend(each, limiter) for name, each in settings.backends.items() if name in wanted}
    try:
        request = _asked(settings, text, backend, backends)
        capabilities = {name: each.capabilities for name, each in backends.items()}
        candidates = routing.candidates(request, capabilities, settings.routing.order, settings.styles)
        missing = missing_secrets(settings, Role.DRAW, candidates)
        if missing:
            return _say(2, *(problem(each) for each in missing))
        async with open_desk(settings) as desk:
            limiter.open(desk)
            result = await _first_that_can(settings, desk, [backends[name] for name in candidates], request, out)
    except Refused as refused:
        return _say(2, *sentences(refused, typed), *_instead(refused))
    except BackendError as error:
        return _say(1, _why(error))
    finally:
        for each in backends.values():
            await each.close()
    _print(result, as_json=as_json)
    return 0


def _instead(refused: Refused) -> list[str]:
    """The corrected request as one would type it in a shell."""
    if not refused.corrected:
        return []
    return [say("draw_instead", request=shlex.quote(refused.corrected.removeprefix("/imagine ")))]


def _asked(settings: Settings, text: str, backend: str, backends: dict[str, Backend]) -> ImageRequest:
    capabilities = {name: each.capabilities for name, each in backends.items()}

    def further(asked: ImageRequest) -> Sequence[Problem]:
        named = replace(asked, backend=asked.backend or backend or None)
        return routing.objections(named, capabilities, settings.routing.order, settings.styles)

    request = command.parse(text, command.options_for(capabilities), further)
    return replace(request, backend=request.backend or backend or None)


async def _first_that_can(
    settings: Settings, desk: Desk, backends: Sequence[Backend], request: ImageRequest, out: Path
) -> Result:
    """The first backend's pictures; the others are fail-over. Ends within twice its `timeout_seconds`."""
    deadline = time.monotonic() + 2 * max(each.capabilities.timeout_seconds for each in backends)
    last: BackendError = Down("no backend")
    seed = random.SystemRandom().randrange(routing.SEEDS)
    for backend in backends:
        try:
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + deadline - time.monotonic()):
                return await _draw_on(settings, desk, backend, request, seed, out)
        except (Rejected, Broken):
            raise
        except BackendError as error:
            last = error
        except TimeoutError:
            raise Down("no pictures in time") from None
    raise last


async def _draw_on(
    settings: Settings, desk: Desk, backend: Backend, request: ImageRequest, seed: int, out: Path
) -> Result:
    style = settings.styles.get(request.style) if request.style else None
    drawing, notes = routing.drawing(request, style, backend.capabilities, seed)
    await desk.allow(request, drawing)
    price = backend.capabilities.price_per_image * drawing.count
    cap = settings.backends[backend.name].daily_budget_usd
    if price and not await desk.spend(backend.name, quota.day_of(time.time()), price, cap):
        raise Down(say("over_budget", backend=backend.name, cap=cap))
    with _bar() as bar:
        report = BarReport(bar, bar.add_task(backend.name, total=None), backend.name)
        drawn = await _with_retry(backend, drawing, report)
    async with _checked_pictures(settings) as pictures:
        saved = await pictures.save(drawn.pictures, picture_settings(drawing, drawn, backend.name))
        paths = [await _write(out, request, picture, await pictures.read(picture.sha256)) for picture in saved]
    return Result(backend.name, drawing, tuple(saved), tuple(paths), notes, drawing.count - len(saved))


async def _with_retry(backend: Backend, drawing: Drawing, report: "BarReport") -> Drawn:
    """Waits out one short `Retry-After`; everything else is raised."""
    limit = backend.capabilities.timeout_seconds
    began = time.monotonic()
    while True:
        try:
            async with asyncio.timeout(limit):
                return await backend.generate(drawing, "", report)
        except TimeoutError:
            raise Down(f"no pictures within {limit:g} s", maybe_charged=backend.capabilities.charges) from None
        except TurnsUnknown:
            raise
        except Busy as busy:
            pause = busy.retry_after if busy.retry_after is not None else PAUSE_AFTER_ERROR
            if time.monotonic() - began + pause > limit:
                raise
            await asyncio.sleep(pause)


class BarReport:
    """A `Report` that moves a progress bar on a terminal."""

    def __init__(self, bar: Progress, task: TaskID, backend: str) -> None:
        self._bar, self._task, self._backend = bar, task, backend

    async def progress(self, step: int, steps: int) -> None:
        words = self._backend if steps else say("draw_loading", backend=self._backend)
        self._bar.update(self._task, description=words, completed=step, total=steps or None)

    async def preview(self, index: int, image: bytes) -> None:
        """A terminal shows none."""

    async def remember(self, task: str) -> None:
        """Nobody resumes a command that was ended."""


def _bar() -> Progress:
    console = Console(stderr=True)
    percent = TextColumn("{task.percentage:>3.0f}%")
    columns = (TextColumn("{task.description}"), BarColumn(), percent, TimeElapsedColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal, transient=True)


@asynccontextmanager
async def _checked_pictures(settings: Settings) -> AsyncIterator[FilePictures]:
    """The same check and re-encoding as everywhere, in a folder that goes afterwards."""
    with tempfile.TemporaryDirectory(prefix="imagine-") as folder:
        pictures = FilePictures(Path(folder), metadata=settings.store.metadata)
        try:
            yield pictures
        finally:
            await pictures.close()


async def _write(out: Path, request: ImageRequest, picture: Picture, data: bytes) -> Path:
    """Under a name that says what it is; an existing file is never overwritten."""
    words = "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in request.prompt).lower().split())
    stem = words[:40].strip("-") or "picture"
    seed = "" if picture.seed is None else f"-{picture.seed}"

    def write() -> Path:
        out.mkdir(parents=True, exist_ok=True)
        number = 1
        while True:
            path = out / f"{stem}{seed}{'' if number == 1 else f'-{number}'}.png"
            try:
                with path.open("xb") as file:
                    file.write(data)
            except FileExistsError:
                number += 1
            else:
                return path

    return await asyncio.to_thread(write)


def _why(error: BackendError) -> str:
    if isinstance(error, Rejected):
        return say("draw_rejected")
    if isinstance(error, Busy) and not isinstance(error, TurnsUnknown):
        return say("draw_busy", seconds=round(error.retry_after or 0))
    return say("draw_failed", detail=error.detail)


def _print(result: Result, *, as_json: bool) -> None:
    if as_json:
        drawn = result.drawing
        print(
            json.dumps(
                {
                    "backend": result.backend,
                    "prompt": drawn.prompt,
                    "negative_prompt": drawn.negative_prompt,
                    "size": str(drawn.size),
                    "steps": drawn.steps,
                    "guidance": drawn.guidance,
                    "images": [
                        {"path": str(path), "seed": picture.seed, "width": picture.width, "height": picture.height}
                        for path, picture in zip(result.paths, result.pictures, strict=True)
                    ],
                    "missing": result.missing,
                }
            )
        )
    else:
        for path in result.paths:
            print(path)
    for note in result.notes:
        print(problem(note), file=sys.stderr)
    if result.missing:
        print(say("some_missing", missing=result.missing, count=result.drawing.count), file=sys.stderr)


def _say(code: int, *lines: str) -> int:
    for line in lines:
        print(line, file=sys.stderr)
    return code
