"""A small HTTP/1.1 server whose answers can be anything down to single bytes, which is what faults are made of."""

import asyncio
import json
import socket
import ssl
import struct
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Self


@dataclass(frozen=True, slots=True)
class Heard:
    method: str
    path: str
    headers: Mapping[str, str]  #: names in lower case
    body: bytes
    at: float  #: monotonic seconds

    def json(self) -> object:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0  #: seconds before the answer


#: Writes whatever it likes; the connection is closed after it.
Raw = Callable[[asyncio.StreamWriter], Awaitable[None]]
Handler = Callable[[Heard], Awaitable[Reply | Raw]]


def json_reply(value: object, status: int = 200, **headers: str) -> Reply:
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json", **headers})


class Server:
    """Asks ``handler``, or while there are any, takes the scripted answers of `script` instead."""

    def __init__(self, handler: Handler, tls: ssl.SSLContext | None = None) -> None:
        self._handler = handler
        self._tls = tls
        self._scripted: deque[Reply | Raw] = deque()
        self._always: Reply | Raw | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.heard: list[Heard] = []
        self._news = asyncio.Event()
        self.names: list[str | None] = []  #: that TLS clients asked for
        self.port = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def script(self, *answers: Reply | Raw) -> None:
        self._scripted.extend(answers)

    def always(self, answer: Reply | Raw | None) -> None:
        """Every unscripted request gets this; None: the handler again."""
        self._always = answer

    async def has_heard(self, count: int) -> None:
        """Returns once so many requests have arrived."""
        while len(self.heard) < count:
            self._news.clear()
            await self._news.wait()

    async def __aenter__(self) -> Self:
        if self._tls:
            self._tls.sni_callback = lambda _socket, name, _context: self.names.append(name)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in list(self._open):
            writer.transport.abort()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._open.add(writer)
        try:
            while await self._answer_one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, TimeoutError):
            pass
        finally:
            self._tasks.discard(task)
            self._open.discard(writer)
            writer.close()
            with suppress(OSError, ssl.SSLError):
                await writer.wait_closed()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        heard = await read_request(reader)
        if heard is None:
            return False
        self.heard.append(heard)
        self._news.set()
        if self._scripted:
            answer: Reply | Raw = self._scripted.popleft()
        else:
            answer = self._always if self._always is not None else await self._handler(heard)
        if not isinstance(answer, Reply):
            await answer(writer)
            return False
        if answer.delay:
            await asyncio.sleep(answer.delay)
        writer.write(encode(answer))
        await writer.drain()
        return True


async def read_request(reader: asyncio.StreamReader) -> Heard | None:
    head = await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""
    if not head:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _version = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Heard(method, path, headers, body, time.monotonic())


def encode(reply: Reply) -> bytes:
    headers = {"Content-Length": str(len(reply.body)), **reply.headers}
    return head(reply.status, headers) + reply.body


def head(status: int, headers: Mapping[str, str]) -> bytes:
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Unknown"
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


# -- faults


async def reset(writer: asyncio.StreamWriter) -> None:
    """The connection is torn down (RST) with the request already read."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def hang(_writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


def drip(body: bytes, status: int = 200, *, pause: float = 0.05, headers: bool = False) -> Raw:
    """One byte at a time; with ``headers`` these too."""

    async def write(writer: asyncio.StreamWriter) -> None:
        start = head(status, {"Content-Length": str(len(body))})
        writer.write(b"" if headers else start)
        for byte in (start if headers else b"") + body:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(pause)

    return write


def cut_off(body: bytes, at: int) -> Raw:
    """Announces the whole body and closes after ``at`` bytes of it."""

    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(head(200, {"Content-Length": str(len(body))}) + body[:at])
        await writer.drain()

    return write


def endless(start: bytes, *, announced: int | None = None) -> Raw:
    """``start``, then zeros until the other side has enough."""

    async def write(writer: asyncio.StreamWriter) -> None:
        length = {} if announced is None else {"Content-Length": str(announced)}
        writer.write(head(200, {**length, "Connection": "close"}) + start)
        while not writer.is_closing():
            writer.write(bytes(2**20))
            await writer.drain()

    return write


def say(chunks: Iterable[bytes]) -> Raw:
    async def write(writer: asyncio.StreamWriter) -> None:
        for chunk in chunks:
            writer.write(chunk)
        await writer.drain()

    return write
