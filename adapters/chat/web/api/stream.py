"""`stream=true`: the partial pictures while they are drawn, then the finished ones, as server-sent events."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from adapters.chat.web.api import answers
from bot.model import Job, Picture, Progress, Size
from bot.ports import Store

PROGRESS_SECONDS = 0.15
HEARTBEAT_SECONDS = 10.0


@dataclass(slots=True)
class Partials:
    """Of each picture up to ``most`` previews, spread over the drawing: the n-th once n / (most + 1) of it is done."""

    most: int
    sent: int = 0
    seen: int = field(default=0)

    def due(self, progress: Progress) -> bool:
        if self.sent >= self.most or progress.previews <= self.seen or not progress.steps:
            return False
        return progress.step * (self.most + 1) >= (self.sent + 1) * progress.steps

    def took(self, progress: Progress) -> None:
        self.sent += 1
        self.seen = progress.previews


async def partial_events(
    store: Store,
    preview: Callable[[str, int], Awaitable[tuple[bytes, str]]],
    job: Job,
    most: int,
) -> AsyncIterator[bytes]:
    """As long as it is awaited; whoever iterates stops when the job is over."""
    partials = Partials(most)
    while partials.sent < partials.most:
        for progress in await store.progress_of([job.id]):
            if partials.due(progress):
                index = partials.sent
                partials.took(progress)
                async for each in _previews(preview, job, index):
                    yield each
        await asyncio.sleep(PROGRESS_SECONDS)


async def _previews(
    preview: Callable[[str, int], Awaitable[tuple[bytes, str]]], job: Job, number: int
) -> AsyncIterator[bytes]:
    size = str(job.request.size) if isinstance(job.request.size, Size) else "auto"
    for index in range(job.request.count):
        try:
            image, media_type = await preview(job.id, index)
        except FileNotFoundError:
            continue
        yield await answers.image_event(
            "partial_image", job, image, media_type, size, partial_image_index=number, index=index
        )


async def finished_events(job: Job, pictures: list[Picture], read: answers.Read) -> AsyncIterator[bytes]:
    """Raises FileNotFoundError."""
    for picture in pictures:
        yield await answers.image_event(
            "completed",
            job,
            await read(picture.sha256),
            picture.media_type,
            f"{picture.width}x{picture.height}",
            index=picture.index,
            seed=picture.seed,
            usage=answers.NO_USAGE,
        )


class EventStream(Response):
    """A response whose events come from a queue, with a sign of life between them; None ends it.

    ``gone`` is called where the client hangs up before that.
    """

    media_type = "text/event-stream"

    def __init__(self, events: asyncio.Queue[bytes | None], gone: Callable[[], Awaitable[None]]) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._events = events
        self._gone = gone

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(_disconnected(receive))
        await asyncio.wait([sending, leaving], return_when=asyncio.FIRST_COMPLETED)
        ended = sending.done() and sending.exception() is None
        for task in (sending, leaving):
            task.cancel()
        await asyncio.gather(sending, leaving, return_exceptions=True)
        if not ended:
            await self._gone()

    async def _send(self, send: Send) -> None:
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    block = await self._events.get()
            except TimeoutError:
                block = b": \n\n"
            if block is None:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                return
            await send({"type": "http.response.body", "body": block, "more_body": True})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
