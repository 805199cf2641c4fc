"""Where picture files lie: named bytes in places ("ab", "thumbs/ab", "previews"), whoever keeps them."""

import asyncio
from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import Protocol

from adapters.images import disk


class Shelf(Protocol):
    """Every method raises StoreError for what the storage itself says, sorted by what to do next."""

    async def write(self, place: str, name: str, data: bytes, *, synced: bool = False) -> None:
        """Replaces it at once or not at all. ``synced``: it survives a crash of whatever keeps it."""

    async def read(self, place: str, name: str) -> bytes:
        """Raises FileNotFoundError."""

    async def remove(self, place: str, names: Sequence[str], before: float = inf) -> None:
        """What was written since ``before`` (seconds since 1970) stays, as does what is missing."""

    async def places(self) -> list[str]: ...

    async def stale(self, place: str, before: float) -> list[str]:
        """The names in ``place`` last written before ``before``, seconds since 1970."""

    async def free_bytes(self) -> int: ...

    async def close(self) -> None: ...


class DiskShelf:
    """A folder, on threads of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def write(self, place: str, name: str, data: bytes, *, synced: bool = False) -> None:
        await asyncio.to_thread(disk.write, self.folder, place, name, data, synced=synced)

    async def read(self, place: str, name: str) -> bytes:
        return await asyncio.to_thread(disk.read, self.folder, place, name)

    async def remove(self, place: str, names: Sequence[str], before: float = inf) -> None:
        await asyncio.to_thread(disk.remove, self.folder, place, names, before)

    async def places(self) -> list[str]:
        return await asyncio.to_thread(disk.places, self.folder)

    async def stale(self, place: str, before: float) -> list[str]:
        return await asyncio.to_thread(disk.stale, self.folder, place, before)

    async def free_bytes(self) -> int:
        return await asyncio.to_thread(disk.free_bytes, self.folder)

    async def close(self) -> None:
        """Nothing is held open between two calls."""
