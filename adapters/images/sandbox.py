"""Decoding and encoding in child processes, off the event loop and away from the bot's memory and secrets (S16, F70).

A child is a bare Python with Pillow: a limit on its address space, no writing of files, no environment, and an answer
that is JSON and bytes, never a pickle, so that a decoder that was taken over can only return a wrong picture. Children
start when they are first needed and end at the end of their input, so also when the bot is killed. Not
`multiprocessing`, whose children would first import the bot's main module. The sketch's own pictures go the same way:
one path, and encoding wants another core anyway.
"""

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from subprocess import DEVNULL, PIPE
from typing import IO, Any, BinaryIO

from adapters.images import pixels
from adapters.images.frames import DIED, LENGTH, MAX_ANSWER, MAX_HEADER, Answer, Blobs, heard
from bot.errors import DeliveryError, Down

WORKERS = 2
MEMORY_BYTES = 1 << 30  # address space of a child: a picture of MAX_PIXELS, its copies and an encoder
SECONDS = 30.0  # for one piece of work
CLOSING_SECONDS = 2.0
KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME")  # without which some Pythons do not start

class Sandbox:
    """At most ``workers`` pieces of work at once; the rest wait, so memory stays bounded.

    A thread a child does the talking: megabytes are neither copied nor waited for on the event loop.
    """

    def __init__(
        self,
        workers: int = WORKERS,
        memory_bytes: int = MEMORY_BYTES,
        seconds: float = SECONDS,
        max_pixels: int = pixels.MAX_PIXELS,
    ) -> None:
        self._slots = asyncio.Semaphore(workers)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="pictures")
        self._memory_bytes = memory_bytes
        self._seconds = seconds
        self._max_pixels = max_pixels
        self._idle: list[Child] = []
        self._busy: set[Child] = set()

    async def run(self, work: str, values: Mapping[str, Any], blobs: Blobs) -> Answer:
        """``work`` is a key of WORK. Raises Down and DeliveryError as the function there does.

        A child that dies is replaced once: it may have been killed for memory that others took. The second death is
        blamed on the picture.
        """
        head = _head({"work": work, "values": {**values, "max_pixels": self._max_pixels}}, blobs)
        async with self._slots:
            for _ in range(2):
                with suppress(*DIED):
                    return _checked(await self._exchange([head, *blobs]))
        detail = f"two image processes died over it ({work}, {sum(map(len, blobs))} bytes)"
        raise Down(detail, maybe_charged=True)

    async def _exchange(self, message: Blobs) -> Answer:
        child = self._idle.pop() if self._idle else Child(self._memory_bytes)
        self._busy.add(child)
        try:
            answer = await self._answer(child, message)
        finally:
            self._busy.discard(child)
        self._idle.append(child)
        return answer

    async def _answer(self, child: "Child", message: Blobs) -> Answer:
        asked = asyncio.get_running_loop().run_in_executor(self._threads, child.ask, message)
        try:
            async with asyncio.timeout(self._seconds):
                return await asyncio.shield(asked)
        except TimeoutError:
            await _ended(child, asked)
            detail = f"the image process gave no answer within {self._seconds:g} s"
            raise Down(detail, maybe_charged=True) from None
        except BaseException:
            await _ended(child, asked)
            raise

    async def close(self) -> None:
        """What is under way comes to its end first; nobody may be there any more to take its child back."""
        busy = set(self._busy)
        await asyncio.to_thread(self._threads.shutdown)
        children, self._idle = {*busy, *self._idle}, []
        await asyncio.gather(*(asyncio.to_thread(child.close) for child in children))


async def _ended(child: "Child", asked: "asyncio.Future[Answer]") -> None:
    """Its thread sees the end of the output at once, and reaps it."""
    child.kill()
    await asyncio.wait([asked])


class Child:
    """One process, started when it is first asked. Blocking, but for `kill`, which may come from another thread."""

    def __init__(self, memory_bytes: int) -> None:
        self._memory_bytes = memory_bytes
        self._process: subprocess.Popen[bytes] | None = None
        self._starting = threading.Lock()
        self._killed = False

    def ask(self, message: Blobs) -> Answer:
        """Raises one of DIED, and then the process is gone."""
        try:
            process = self._process or self._started()
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.writelines(message)
            process.stdin.flush()
            return _read(process.stdout)
        except BaseException:
            self.kill()
            self.close()
            raise

    def _started(self) -> "subprocess.Popen[bytes]":
        code = f"import sys; sys.path[:] = {sys.path!r}; from adapters.images.sandbox import serve; serve()"
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        command = [sys.executable, "-P", "-c", code, str(self._memory_bytes)]
        with self._starting:
            if self._killed:
                raise EOFError
            self._process = subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=kept)  # noqa: S603 - our own code
        return self._process

    def kill(self) -> None:
        with self._starting:
            self._killed = True
            if self._process is not None:
                self._process.kill()

    def close(self) -> None:
        """Lets it come to its end, but not for long."""
        if self._process is None:
            return
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # what was not written yet has nobody to read it
                pipe.close()  # type: ignore[union-attr] # both were asked for
        try:
            self._process.wait(CLOSING_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _read(pipe: IO[bytes]) -> Answer:
    size = LENGTH.unpack(_exactly(pipe, LENGTH.size))[0]
    if size > MAX_HEADER:
        raise EOFError
    values = json.loads(_exactly(pipe, size))
    sizes = [int(blob) for blob in values.pop("blobs")]
    if sum(sizes) > MAX_ANSWER:
        raise EOFError
    return Answer(values, [_exactly(pipe, blob) for blob in sizes])


def _exactly(pipe: IO[bytes], size: int) -> bytes:
    data = pipe.read(size)
    if len(data) < size:
        raise EOFError
    return data


def _head(values: Mapping[str, Any], blobs: Blobs) -> bytes:
    header = json.dumps({**values, "blobs": [len(blob) for blob in blobs]}).encode()
    return LENGTH.pack(len(header)) + header


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
    while (asked := heard(sys.stdin.buffer)) is not None:
        _send(sys.stdout.buffer, _worked(asked.values, asked.blobs))


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
    out.writelines([_head(answer.values, answer.blobs), *answer.blobs])
    out.flush()
