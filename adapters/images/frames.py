"""Frames between the bot and its children that handle pictures: JSON and bytes, never a pickle.

A frame is the length of its header, the header, which names the lengths of the byte strings, and those.
"""

import json
import struct
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

MAX_HEADER = 1 << 20
MAX_ANSWER = 1 << 29
LENGTH = struct.Struct(">I")
DIED = (OSError, EOFError, ValueError, LookupError, TypeError, struct.error)
"""No answer, or none that makes sense."""

Blobs = Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Answer:
    values: Mapping[str, Any]
    blobs: Blobs


async def ended(child: Process) -> None:
    """Reads to the end of the output, which also closes the pipes."""
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.close()
    with suppress(OSError):
        await child.stdin.wait_closed()
    while await child.stdout.read(1 << 16):
        pass
    await child.wait()


async def asked(child: Process, message: bytes) -> Answer:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(message)
    await child.stdin.drain()
    read = child.stdout.readexactly
    size = LENGTH.unpack(await read(LENGTH.size))[0]
    if size > MAX_HEADER:
        raise EOFError
    values = json.loads(await read(size))
    sizes = values.pop("blobs")
    if sum(sizes) > MAX_ANSWER:
        raise EOFError
    return Answer(values, [await read(int(blob)) for blob in sizes])


def packed(values: Mapping[str, Any], blobs: Blobs) -> bytes:
    header = json.dumps({**values, "blobs": [len(blob) for blob in blobs]}).encode()
    return b"".join([LENGTH.pack(len(header)), header, *blobs])


def heard(stream: BinaryIO) -> Answer | None:
    """A child's next frame; None at the end of its input."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    values = json.loads(stream.read(LENGTH.unpack(head)[0]))
    return Answer(values, [stream.read(size) for size in values.pop("blobs")])
