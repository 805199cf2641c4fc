"""One replica's work: it has a local engine, and answers each request with frames as they come. Knows no ray."""

import asyncio
import contextlib
import hmac
import json
import os
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from adapters.backends.diffusers import wire as frames
from adapters.backends.ray import wire
from bot.errors import BackendError, Broken
from bot.model import Drawing, Drawn
from bot.ports import Backend

MOST_BODY = 1 << 20  #: bytes
MOST_WAITING = 64  #: frames for a bot that is slow to read; progress and previews beyond that are dropped


class Outbox:
    """A `Report` whose frames somebody takes out at the other end."""

    def __init__(self) -> None:
        self._frames: asyncio.Queue[bytes] = asyncio.Queue(MOST_WAITING)

    async def progress(self, step: int, steps: int) -> None:
        self._offer(frames.pack({"what": "progress", "step": step, "steps": steps}))

    async def preview(self, index: int, image: bytes) -> None:
        self._offer(frames.pack({"what": "preview", "index": index}, [image]))

    async def remember(self, task: str) -> None:
        """A local engine has no task to come back to."""

    def _offer(self, frame: bytes) -> None:
        with contextlib.suppress(asyncio.QueueFull):
            self._frames.put_nowait(frame)

    def waiting(self) -> list[bytes]:
        return [self._frames.get_nowait() for _ in range(self._frames.qsize())]

    async def next(self) -> bytes:
        return await self._frames.get()


class Replica:
    """What a replica answers. ``replicas`` is how many there may be at most: a bot fills that many engines."""

    def __init__(self, backend: Backend, *, replicas: int = 1, token: str = "") -> None:
        self._backend, self._replicas, self._token = backend, replicas, token
        self._counts = {"drawing": 0, "ended": 0, "cancelled": 0}

    async def answer(self, request: Request) -> Response:
        if self._token and not hmac.compare_digest(
            request.headers.get("authorization", "").encode(), f"Bearer {self._token}".encode()
        ):
            return PlainTextResponse("the token is missing or wrong\n", 401)
        if request.url.path.rstrip("/").endswith("/draw"):
            return await self._draw(request) if request.method == "POST" else PlainTextResponse("POST only\n", 405)
        return JSONResponse(self.introduction())

    def introduction(self) -> Mapping[str, Any]:
        mine = self._backend.capabilities
        return {
            "version": wire.VERSION,
            "capabilities": wire.to_plain(replace(mine, at_once=mine.at_once * self._replicas)),
            "process": os.getpid(),
            "requests": dict(self._counts),
        }

    async def _draw(self, request: Request) -> Response:
        try:
            drawing = wire.drawing_of(json.loads(await _body(request))["drawing"])
        except (ValueError, KeyError, TypeError) as error:
            return PlainTextResponse(f"no drawing: {error!r}\n", 400)
        return _Stream(self.frames(drawing))

    async def frames(self, drawing: Drawing) -> AsyncGenerator[bytes, None]:
        """Closing this, or cancelling whoever waits for its next frame, takes the drawing out of the engine."""
        outbox, how = Outbox(), "cancelled"
        self._counts["drawing"] += 1
        drawing_task = asyncio.create_task(self._backend.generate(drawing, "", outbox))
        try:
            yield frames.pack({"what": "begun", "process": os.getpid()})
            async with contextlib.aclosing(_until(drawing_task, outbox)) as telling:
                async for frame in telling:
                    yield frame
            last, how = _last(drawing_task), "ended"
            yield last
        finally:
            drawing_task.cancel()  # and not waited for: what is cancelled here may be cancelled again and again
            drawing_task.add_done_callback(_end)
            self._counts["drawing"] -= 1
            self._counts[how] += 1


class _Stream(StreamingResponse):
    """Ends its frames when it ends, and not when somebody collects the garbage: a cancelled drawing stops at once."""

    def __init__(self, frames: AsyncGenerator[bytes, None]) -> None:
        super().__init__(frames, media_type="application/octet-stream")
        self._frames = frames

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with contextlib.aclosing(self._frames):
            await super().__call__(scope, receive, send)


def _end(task: "asyncio.Task[Drawn]") -> None:
    """Asks how it ended, so that nobody has to."""
    if not task.cancelled():
        task.exception()


async def _until(task: "asyncio.Task[Drawn]", outbox: Outbox) -> AsyncGenerator[bytes, None]:
    """What is told while ``task`` runs, and a sign of life where nothing is."""
    while not task.done():
        coming = asyncio.create_task(outbox.next())
        try:
            await asyncio.wait([task, coming], timeout=wire.ALIVE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if coming.done():
                yield coming.result()
            elif not task.done():
                yield frames.pack({"what": "alive"})
        finally:
            coming.cancel()
    for frame in outbox.waiting():
        yield frame


def _last(task: "asyncio.Task[Drawn]") -> bytes:
    try:
        drawn = task.result()
    except BackendError as error:
        return frames.pack({"what": "failed", **wire.failure(error)})
    except Exception as error:  # noqa: BLE001 - a bug here ends one request, in words, not the replica
        return frames.pack({"what": "failed", **wire.failure(Broken(f"unexpected: {error!r}"))})
    return frames.pack({"what": "drawn", "seeds": list(drawn.seeds), "missing": drawn.missing}, drawn.pictures)


async def _body(request: Request) -> bytes:
    """Raises ValueError for one that no drawing can need."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BODY:
            raise ValueError("the body is too large")
    return bytes(body)

