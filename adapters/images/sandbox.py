"""Decoding and encoding in child processes, off the event loop and away from the bot's memory and secrets (S16, F70).

A child is a bare Python with Pillow: a limit on its address space, no writing of files, no environment, and an answer
that is JSON and bytes, never a pickle, so that a decoder that was taken over can only return a wrong picture. Children
start when they are first needed and end at the end of their input, so also when the bot is killed. Not
`multiprocessing`, whose children would first import the bot's main module. The sketch's own pictures go the same way:
one path, and encoding wants another core anyway.
"""

import asyncio
import os
import resource
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, BinaryIO

from adapters.images import pixels
from adapters.images.frames import DIED, Answer, Blobs, asked, ended, heard, packed
from bot.errors import DeliveryError, Down

WORKERS = 2
MEMORY_BYTES = 1 << 30  # address space of a child: a picture of MAX_PIXELS, its copies and an encoder
SECONDS = 30.0  # for one piece of work
CLOSING_SECONDS = 2.0
KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME")  # without which some Pythons do not start

class Sandbox:
    """At most ``workers`` pieces of work at once; the rest wait, so memory stays bounded."""

    def __init__(
        self,
        workers: int = WORKERS,
        memory_bytes: int = MEMORY_BYTES,
        seconds: float = SECONDS,
        max_pixels: int = pixels.MAX_PIXELS,
    ) -> None:
        self._slots = asyncio.Semaphore(workers)
        self._memory_bytes = memory_bytes
        self._seconds = seconds
        self._max_pixels = max_pixels
        self._idle: list[Process] = []
        self._all: set[Process] = set()

    async def run(self, work: str, values: Mapping[str, Any], blobs: Blobs) -> Answer:
        """``work`` is a key of WORK. Raises Down and DeliveryError as the function there does.

        A child that dies is replaced once: it may have been killed for memory that others took. The second death is
        blamed on the picture.
        """
        message = packed({"work": work, "values": {**values, "max_pixels": self._max_pixels}}, blobs)
        async with self._slots:
            for _ in range(2):
                with suppress(*DIED):
                    return _checked(await self._exchange(message))
        detail = f"two image processes died over it ({work}, {sum(map(len, blobs))} bytes)"
        raise Down(detail, maybe_charged=True)

    async def _exchange(self, message: bytes) -> Answer:
        child = self._idle.pop() if self._idle else await self._start()
        try:
            async with asyncio.timeout(self._seconds):
                answer = await asked(child, message)
        except TimeoutError:
            await self._end(child)
            detail = f"the image process gave no answer within {self._seconds:g} s"
            raise Down(detail, maybe_charged=True) from None
        except BaseException:
            await self._end(child)
            raise
        self._idle.append(child)
        return answer

    async def _start(self) -> Process:
        code = f"import sys; sys.path[:] = {sys.path!r}; from adapters.images.sandbox import serve; serve()"
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-c", code, str(self._memory_bytes),
            stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=kept,
        )  # fmt: skip
        self._all.add(child)
        return child

    async def _end(self, child: Process) -> None:
        self._all.discard(child)
        with suppress(ProcessLookupError):
            child.kill()
        await ended(child)

    async def close(self) -> None:
        children, self._all, self._idle = self._all, set(), []
        for child in children:
            try:
                async with asyncio.timeout(CLOSING_SECONDS):
                    await ended(child)
            except TimeoutError:
                await self._end(child)


def _checked(answer: Answer) -> Answer:
    if "down" in answer.values:
        raise Down(str(answer.values["down"]), maybe_charged=True)
    if "delivery" in answer.values:
        raise DeliveryError(str(answer.values["delivery"]))
    return answer


# -- from here on: inside the child


def _clean(values: Mapping[str, Any], blobs: Blobs) -> Answer:
    image = pixels.decode(blobs[0], values["max_pixels"])
    return Answer({"width": image.width, "height": image.height}, [pixels.reencode(image, values["settings"])])


def _thumbnail(values: Mapping[str, Any], blobs: Blobs) -> Answer:
    return Answer({}, [pixels.thumbnail(pixels.decode(blobs[0], values["max_pixels"]), values["side"])])


def _sheet(values: Mapping[str, Any], blobs: Blobs) -> Answer:
    small = []
    for blob in blobs:  # one in full size at a time
        image = pixels.decode(blob, values["max_pixels"])
        image.thumbnail((pixels.SHEET_CELL, pixels.SHEET_CELL))
        small.append(image)
    return Answer({}, [pixels.contact_sheet(small)])


def _fit(values: Mapping[str, Any], blobs: Blobs) -> Answer:
    data, media_type, changed = pixels.fit(blobs[0], values["limit"], values["max_pixels"])
    return Answer({"media_type": media_type, "changed": changed}, [data])


WORK: Mapping[str, Callable[[Mapping[str, Any], Blobs], Answer]] = {
    "clean": _clean,
    "thumbnail": _thumbnail,
    "sheet": _sheet,
    "fit": _fit,
}


def serve() -> None:
    """The child: works through its input until that ends."""
    for number in (signal.SIGINT, signal.SIGTERM):  # meant for the bot, which closes our input when it is ready
        signal.signal(number, signal.SIG_IGN)
    _confine(int(sys.argv[1]))
    while (asked_for := heard(sys.stdin.buffer)) is not None:
        _send(sys.stdout.buffer, _worked(asked_for.values, asked_for.blobs))


def _confine(memory_bytes: int) -> None:
    for what, limit in ((resource.RLIMIT_AS, memory_bytes), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        with suppress(OSError, ValueError):  # macOS takes no limit on the address space
            resource.setrlimit(what, (limit, limit))


def _worked(values: Mapping[str, Any], blobs: Blobs) -> Answer:
    try:
        return WORK[values["work"]](values["values"], blobs)
    except Down as error:
        return Answer({"down": error.detail}, [])
    except DeliveryError as error:
        return Answer({"delivery": error.detail}, [])


def _send(out: BinaryIO, answer: Answer) -> None:
    out.write(packed(answer.values, answer.blobs))
    out.flush()
