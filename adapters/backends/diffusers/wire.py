"""Frames between the bot and the drawing process: a JSON object and any number of byte strings, each with its length.

No pickle: what a model library leaves in memory cannot become code in the process that holds the tokens.
"""

import asyncio
import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

_HEAD = struct.Struct(">II")  #: bytes of JSON, number of byte strings
_LENGTH = struct.Struct(">I")
MOST = 1 << 28  #: bytes of one part; more is a broken stream

Message = dict[str, Any]


class Garbled(Exception):
    """The other side did not send a frame."""


def pack(message: Mapping[str, Any], blobs: Sequence[bytes] = ()) -> bytes:
    head = json.dumps(message).encode()
    parts = [_HEAD.pack(len(head), len(blobs)), head]
    for blob in blobs:
        parts += (_LENGTH.pack(len(blob)), blob)
    return b"".join(parts)


def _checked(size: int) -> int:
    if size > MOST:
        raise Garbled(f"a part of {size} bytes")
    return size


def _message(head: bytes) -> Message:
    try:
        found = json.loads(head)
    except ValueError as error:
        raise Garbled(str(error)) from error
    if not isinstance(found, dict):
        raise Garbled("not an object")
    return found


def read(stream: BinaryIO) -> tuple[Message, list[bytes]]:
    """Blocks for one frame. Raises EOFError at the end of the stream, Garbled."""
    size, count = _HEAD.unpack(_exactly(stream, _HEAD.size))
    message = _message(_exactly(stream, _checked(size)))
    return message, [
        _exactly(stream, _checked(_LENGTH.unpack(_exactly(stream, _LENGTH.size))[0])) for _ in range(count)
    ]


def _exactly(stream: BinaryIO, size: int) -> bytes:
    found = b""
    while len(found) < size:
        more = stream.read(size - len(found))
        if not more:
            raise EOFError
        found += more
    return found


async def receive(stream: asyncio.StreamReader) -> tuple[Message, list[bytes]]:
    """The same for an event loop. Raises EOFError (asyncio's IncompleteReadError is one), Garbled."""
    size, count = _HEAD.unpack(await stream.readexactly(_HEAD.size))
    message = _message(await stream.readexactly(_checked(size)))
    blobs = []
    for _ in range(count):
        (length,) = _LENGTH.unpack(await stream.readexactly(_LENGTH.size))
        blobs.append(await stream.readexactly(_checked(length)))
    return message, blobs
