"""Finished pictures and previews as OpenAI's clients read them."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence

from bot.model import Job, Picture
from bot.replies import problem

NO_USAGE = {
    "input_tokens": 0,
    "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
    "output_tokens": 0,
    "total_tokens": 0,
}
"""Nothing here is counted in tokens; the client's events require the field."""

Read = Callable[[str], Awaitable[bytes]]
Link = Callable[[Job, Picture], str]


async def with_bytes(job: Job, pictures: Sequence[Picture], read: Read) -> bytes:
    """The whole answer, pictures in base64. Raises FileNotFoundError.

    It is put together from pieces: a JSON encoder would hold up everybody else while it looks at megabytes.
    """
    head, tail = json.dumps(_common(job, pictures) | {"data": []}).encode().split(b'"data": []')
    pieces = [head, b'"data": [']
    for number, picture in enumerate(pictures):
        seed = json.dumps({"seed": picture.seed}).encode()[1:-1]
        image = await encoded(await read(picture.sha256))
        pieces += [b", {" if number else b"{", seed, b', "b64_json": "', image, b'"}']
    return b"".join([*pieces, b"]", tail])


def with_links(job: Job, pictures: Sequence[Picture], link: Link) -> bytes:
    data = [{"seed": picture.seed, "url": link(job, picture)} for picture in pictures]
    return json.dumps(_common(job, pictures) | {"data": data}).encode()


async def encoded(data: bytes) -> bytes:
    return await asyncio.to_thread(base64.b64encode, data)


def _common(job: Job, pictures: Sequence[Picture]) -> dict[str, object]:
    first = pictures[0]
    return {
        "created": int(job.created_at),
        "model": job.backend,
        "size": f"{first.width}x{first.height}",
        "output_format": format_of(first.media_type),
        "background": "opaque",
        "notes": [problem(note) for note in job.notes],
    }


def format_of(media_type: str) -> str:
    return media_type.rpartition("/")[2]


# -- events


def event(name: str, fields: Mapping[str, object]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(fields)}\n\n".encode()


async def image_event(
    kind: str, job: Job, image: bytes, media_type: str, size: str, **fields: object
) -> bytes:
    """One `image_generation.…` event; ``image`` goes in as `with_bytes` does it."""
    name = f"image_generation.{kind}"
    plain = {
        "type": name,
        "created_at": int(job.created_at),
        "size": size,
        "quality": "auto",
        "background": "opaque",
        "output_format": format_of(media_type),
        **fields,
    }
    head = json.dumps(plain).encode()[:-1]
    return b"".join([f"event: {name}\ndata: ".encode(), head, b', "b64_json": "', await encoded(image), b'"}\n\n'])
