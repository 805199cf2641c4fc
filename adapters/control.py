"""The running bot's local socket: small commands hand their work to the process that has the store.

One JSON line each way. The socket lies beside the database with mode 0600, so the file system says who may.
"""

import asyncio
import contextlib
import json
import os
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

LONGEST_LINE = 64 * 1024 * 1024
ANSWER_SECONDS = 30.0
LONGEST_ADDRESS = 100  #: bytes; the kernel's own limit is 108 on Linux, 104 elsewhere

Handler = Callable[[Mapping[str, Any]], Awaitable[Any]]
"""Takes a command's arguments, returns what JSON can hold. Raises ControlError for what the person should read."""


class ControlError(Exception):
    """The one line that the small command prints."""


class NobodyThere(Exception):
    """No process listens: the store is free."""


def socket_path(database: Path) -> Path:
    return database.with_name(database.name + ".sock")


@contextlib.contextmanager
def _reachable(path: Path) -> Iterator[str]:
    """A socket's address has room for some 100 characters; a longer path goes by its folder's descriptor."""
    if len(os.fsencode(path)) < LONGEST_ADDRESS or not Path("/proc/self/fd").exists():
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


@asynccontextmanager
async def serve(path: Path, handlers: Mapping[str, Handler]) -> AsyncIterator[None]:
    path.unlink(missing_ok=True)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.LimitOverrunError, ValueError):
            line = await reader.readline()
            writer.write(json.dumps(await _result(handlers, line)).encode() + b"\n")
            await writer.drain()
        writer.close()

    before = os.umask(0o177)
    try:
        with _reachable(path) as address:
            server = await asyncio.start_unix_server(answer, address, limit=LONGEST_LINE)
    finally:
        os.umask(before)
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)


async def _result(handlers: Mapping[str, Handler], line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line)
        handler = handlers[message["command"]]
    except (ValueError, KeyError, TypeError):
        return {"error": "unknown command"}
    try:
        return {"result": await handler(message.get("arguments", {}))}
    except ControlError as error:
        return {"error": str(error)}


async def ask(path: Path, command: str, arguments: Mapping[str, Any]) -> Any:
    """Raises NobodyThere, ControlError."""
    try:
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise NobodyThere
        with _reachable(path) as address:
            reader, writer = await asyncio.open_unix_connection(address, limit=LONGEST_LINE)
    except (FileNotFoundError, ConnectionError):
        raise NobodyThere from None
    try:
        writer.write(json.dumps({"command": command, "arguments": dict(arguments)}).encode() + b"\n")
        async with asyncio.timeout(ANSWER_SECONDS):
            line = await reader.readline()
    except (TimeoutError, ConnectionError):
        raise ControlError("the running bot did not answer; is it stuck?") from None
    finally:
        writer.close()
    if not line:
        raise ControlError("the running bot closed the connection; see its log")
    answer = json.loads(line)
    if "error" in answer:
        raise ControlError(answer["error"])
    return answer["result"]
