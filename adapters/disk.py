"""The low-water mark: requests are refused while there is still room to finish those that were taken (F65)."""

import asyncio
from collections.abc import Awaitable, Callable

from bot.errors import StoreError
from bot.ports import Observer

LOW_WATER = 500 * 1024 * 1024  # bytes
LOOK_SECONDS = 5.0


class DiskWatch:
    def __init__(self, free: Callable[[], Awaitable[int]], observer: Observer, low_water: int = LOW_WATER) -> None:
        """``free`` gives the bytes left where the pictures and the database are."""
        self._free = free
        self._observer = observer
        self._low_water = low_water
        self._enough = True

    def has_room(self) -> bool:
        return self._enough

    async def look(self) -> None:
        """The operator hears of every change, once."""
        before, self._enough = self._enough, await self._free() >= self._low_water
        if before and not self._enough:
            self._observer.event("alert", text="disk_low")
        elif self._enough and not before:
            self._observer.event("disk_has_room_again")

    async def run(self, every: float = LOOK_SECONDS) -> None:
        """Until it is cancelled. While the disk does not answer, what was known of it holds, and the operator hears."""
        answers = True
        while True:
            try:
                await self.look()
                answers = True
            except (OSError, StoreError) as error:
                if answers:
                    self._observer.event("alert", text="disk_unknown", detail=repr(error))
                answers = False
            await asyncio.sleep(every)
