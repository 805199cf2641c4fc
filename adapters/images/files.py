"""Pictures as content-addressed files, and a running job's previews, in a folder or in a bucket.

    images/ab/<sha256>.png              synced to disk; what the store's rows point to
    images/thumbs/ab/<sha256>-256.webp  made when first asked for
    images/previews/<job>-<index>.img   overwritten while a job is drawn; neither synced nor kept

Names come from hashes and checked job ids only (S32).
"""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from math import inf
from pathlib import Path
from weakref import WeakValueDictionary

from adapters.images import disk, pixels
from adapters.images.sandbox import Sandbox
from adapters.images.shelf import DiskShelf, Shelf
from bot.errors import Down, StoreBusy, StoreFull
from bot.model import Picture

THUMB_SIDES = (128, 256, 512, 1024)  # pixels
MAX_PREVIEW = 512 * 1024  # bytes
SHA256 = re.compile(r"[0-9a-f]{64}")
OF_A_PICTURE = re.compile(r"([0-9a-f]{64})(?:\.png|-\d+\.webp)")
JOB_ID = re.compile(r"[0-9a-f]{32}")

Known = Callable[[Sequence[str]], Awaitable[Collection[str]]]
"""Which of these names the store still has a row for."""


class KeptPictures:
    """Implements `bot.ports.Pictures`. ``metadata`` is `[store] metadata`."""

    def __init__(self, shelf: Shelf, *, metadata: bool = False, sandbox: Sandbox | None = None) -> None:
        self._shelf = shelf
        self._metadata = metadata
        self._sandbox = sandbox or Sandbox()
        self._thumbs: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def close(self) -> None:
        await self._sandbox.close()
        await self._shelf.close()

    # -- pictures

    async def save(self, images: Sequence[bytes], settings: Sequence[Mapping[str, str]]) -> list[Picture]:
        """`Picture.index` is the place in ``images``; what is no picture is left out (F24).

        Raises Down where none is left, StoreFull and StoreBroken. ``settings`` are those of `pixels.parameters`.
        """
        work = [self._save(index, *pair) for index, pair in enumerate(zip(images, settings, strict=True))]
        results = await asyncio.gather(*work, return_exceptions=True)
        bad = [result for result in results if isinstance(result, BaseException)]
        saved = [result for result in results if isinstance(result, Picture)]
        for error in bad:
            if not saved or not isinstance(error, Down):
                raise error
        return saved

    async def _save(self, index: int, image: bytes, settings: Mapping[str, str]) -> Picture:
        written = dict(settings) if self._metadata else None
        answer = await self._sandbox.run("clean", {"settings": written}, [image])
        data = answer.blobs[0]
        sha256 = await asyncio.to_thread(_hash, data)
        await self._shelf.write(sha256[:2], f"{sha256}.png", data, synced=True)
        return Picture(
            sha256=sha256,
            width=int(answer.values["width"]),
            height=int(answer.values["height"]),
            media_type=pixels.media_type(data),
            size_bytes=len(data),
            seed=int(settings["seed"]) if settings.get("seed") else None,
            index=index,
        )

    async def read(self, sha256: str) -> bytes:
        name = _checked(sha256)
        data = await self._shelf.read(name[:2], f"{name}.png")
        if await asyncio.to_thread(_hash, data) != name:
            raise FileNotFoundError(f"the file {name} does not have the content its name says")
        return data

    async def delete(self, sha256: str) -> None:
        await self._delete(_checked(sha256), inf)

    async def _delete(self, name: str, before: float) -> None:
        await self._shelf.remove(name[:2], [f"{name}.png"], before)
        thumbs = [f"{name}-{side}.webp" for side in THUMB_SIDES]
        await self._shelf.remove(f"thumbs/{name[:2]}", thumbs)

    async def thumb(self, sha256: str, side: int) -> bytes:
        """WebP, its longer side the smallest of THUMB_SIDES that is not below ``side``. Made once.

        Raises FileNotFoundError as `read` does.
        """
        name = _checked(sha256)
        longer = next((one for one in THUMB_SIDES if one >= side), THUMB_SIDES[-1])
        file = f"{name}-{longer}.webp"
        async with self._thumbs.setdefault(file, asyncio.Lock()):
            with suppress(FileNotFoundError):
                made = await self._shelf.read(f"thumbs/{name[:2]}", file)
                if pixels.sniff(made) == "WEBP":
                    return made
            answer = await self._sandbox.run("thumbnail", {"side": longer}, [await self.read(name)])
            with suppress(StoreFull, StoreBusy):
                await self._shelf.write(f"thumbs/{name[:2]}", file, answer.blobs[0])
            return answer.blobs[0]

    async def fit(self, data: bytes, limit: int) -> tuple[bytes, str, bool]:
        """See `pixels.fit`."""
        if len(data) <= limit:
            return data, pixels.media_type(data), False
        answer = await self._sandbox.run("fit", {"limit": limit}, [data])
        return answer.blobs[0], str(answer.values["media_type"]), bool(answer.values["changed"])

    async def contact_sheet(self, names: Sequence[str]) -> bytes:
        """A WebP of the pictures of these hashes. Raises FileNotFoundError as `read` does."""
        answer = await self._sandbox.run("sheet", {}, [await self.read(name) for name in names])
        return answer.blobs[0]

    # -- previews

    async def preview(self, job_id: str, index: int, image: bytes) -> None:
        """Best effort: what is no small picture, or finds no space, is dropped."""
        name = _preview_name(job_id, index)
        if pixels.sniff(image) and len(image) <= MAX_PREVIEW:
            with suppress(StoreFull, StoreBusy):
                await self._shelf.write("previews", name, image)

    async def read_preview(self, job_id: str, index: int) -> tuple[bytes, str]:
        """Bytes and media type. Raises FileNotFoundError."""
        data = await self._shelf.read("previews", _preview_name(job_id, index))
        return data, pixels.media_type(data)

    async def drop_previews(self, job_id: str) -> None:
        names = [_preview_name(job_id, index) for index in range(16)]
        await self._shelf.remove("previews", names)

    # -- housekeeping

    async def sweep_orphans(self, known: Known, before: float) -> int:
        """Removes what was written before ``before`` and no row knows: pictures (F07), thumbnails, half-written files,
        previews.

        ``before`` (seconds since 1970) must leave a save the time to commit its row; an hour is ample. Returns how many
        pictures went.
        """
        gone = 0
        for place in await self._shelf.places():
            stale = await self._shelf.stale(place, before)
            hashes = {name: found[1] for name in stale if (found := OF_A_PICTURE.fullmatch(name))}
            kept = frozenset(await known(sorted(set(hashes.values())))) if hashes else frozenset()
            orphans = [name for name, sha256 in hashes.items() if sha256 not in kept]
            for name in orphans:
                if name.endswith(".png"):
                    await self._delete(hashes[name], before)  # unless it was saved again while the store was asked
                    gone += 1
            thumbs = [name for name in orphans if name.endswith(".webp")]
            others = [name for name in stale if name.startswith(disk.HALF_WRITTEN) or place == "previews"]
            await self._shelf.remove(place, [*thumbs, *others])
        return gone

    async def free_bytes(self) -> int:
        """What is left for the pictures on their disk, for the low-water mark (F65)."""
        return await self._shelf.free_bytes()


class FilePictures(KeptPictures):
    """In a folder. Every file is opened relative to it, and no link is followed."""

    def __init__(self, folder: Path, *, metadata: bool = False, sandbox: Sandbox | None = None) -> None:
        self._folder = folder
        super().__init__(DiskShelf(folder), metadata=metadata, sandbox=sandbox)


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _checked(sha256: str) -> str:
    if not SHA256.fullmatch(sha256):
        raise FileNotFoundError("no such picture")
    return sha256


def _preview_name(job_id: str, index: int) -> str:
    if not JOB_ID.fullmatch(job_id) or not 0 <= index < 100:
        raise FileNotFoundError("no such preview")
    return f"{job_id}-{index:d}.img"


