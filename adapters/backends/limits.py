"""Limits over all backends: uses of a key, bytes of pictures held, work in one round of the event loop.

The bytes are counted until the pictures themselves are gone, wherever they were handed to.
"""

import asyncio
import hashlib
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from bot import pacing
from bot.errors import Busy
from bot.pacing import Pace

#: Calls are spaced this much wider than the rate asks for, so that a jitter on the way squeezes none together: of the
#: 0.2 s that a window of a second has to spare, a call may be late by half, and the network has the other half.
RATE_MARGIN = 1.2
LATE_SECONDS = 0.1
#: Of encoded pictures in memory at once, where requests are for one picture each.
BYTES_HELD = 256 * 2**20


def account_of(kind: str, key: str) -> str:
    """A name for one key of one provider that does not tell the key."""
    return f"{kind}:{hashlib.sha256(f'{kind} {key}'.encode()).hexdigest()[:16]}"


class TurnsUnknown(Busy):
    """Nobody can say when the key may be used, so it is not used."""


class Limiter(Protocol):
    """Where turns of the keys are taken. One in the store serves several worker processes."""

    async def take(self, account: str, interval: float, patience: float) -> float:
        """Seconds until the call may go out, negative where its turn has passed. Beyond ``patience`` none is taken.

        ``interval`` 0: only asks how long a pause lasts. Raises TurnsUnknown.
        """

    async def pause(self, account: str, seconds: float) -> None:
        """No call of this key goes out for so long: the provider said so. Never raises."""


class ProcessLimiter:
    """Serves one process, and forgets when it ends."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._paces: dict[str, Pace] = {}

    async def take(self, account: str, interval: float, patience: float) -> float:
        now = self._clock()
        at, after = pacing.turn(self._paces.get(account, Pace()), now, interval, patience)
        self._paces[account] = after
        return pacing.told(at - now, patience, taken=not interval or after.next_at > at)

    async def pause(self, account: str, seconds: float) -> None:
        self._paces[account] = pacing.paused(self._paces.get(account, Pace()), self._clock(), seconds)


class Budget:
    """Bytes that may be held at once. `give` may be called from any thread, the rest from one event loop."""

    def __init__(self, limit: int = BYTES_HELD) -> None:
        self.limit = limit
        self._used = 0
        self._given: deque[int] = deque()
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()

    @property
    def used(self) -> int:
        while self._given:
            self._used -= self._given.popleft()
        return self._used

    async def take(self, size: int) -> None:
        """Waits, first come first served, until ``size`` bytes fit. Alone, any size fits."""
        if not self._waiting and self._fits(size):
            self._used += size
            return
        place = (asyncio.get_running_loop().create_future(), size)
        self._waiting.append(place)
        self._wake()
        try:
            await place[0]
        except asyncio.CancelledError:
            if place in self._waiting:
                self._waiting.remove(place)
            else:
                self.give(size)
            self._wake()
            raise

    def take_anyway(self, size: int) -> None:
        self._used += size

    def give(self, size: int) -> None:
        self._given.append(size)
        with suppress(IndexError, RuntimeError):  # nobody waits, or their loop is closed
            self._waiting[0][0].get_loop().call_soon_threadsafe(self._wake)

    def _fits(self, size: int) -> bool:
        used = self.used
        return used <= 0 or used + size <= self.limit

    def _wake(self) -> None:
        while self._waiting and self._fits(self._waiting[0][1]):
            future, size = self._waiting.popleft()
            self._used += size
            if not future.done():
                future.set_result(None)


class Room:
    """One request's share. Only its first picture waits: two half-done requests would wait for each other for ever."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self._admitted = False
        self._door = asyncio.Lock()

    async def take(self, size: int) -> None:
        async with self._door:
            if self._admitted:
                self.budget.take_anyway(size)
            else:
                await self.budget.take(size)
                self._admitted = True


class HeldBytes(bytes):
    """Bytes that give their share of the budget back once nothing refers to them any more."""

    budget: Budget | None = None

    def __reduce__(self) -> tuple[type[bytes], tuple[bytes]]:
        """In another process they are plain bytes."""
        return bytes, (bytes(self),)

    def __del__(self) -> None:
        if self.budget is not None:
            self.budget.give(len(self))


def held(data: bytes | bytearray, budget: Budget) -> HeldBytes:
    """``data``, whose length was taken from ``budget`` before, and comes back to it by itself."""
    kept = HeldBytes(data)
    kept.budget = budget
    return kept


class Turnstile:
    """Lets a few through in each round of the event loop, in order, so that many answers at once do not stall it."""

    def __init__(self, per_round: int = 8) -> None:
        self._per_round = per_round
        self._left = per_round
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def turn(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:  # none is under way, or it was under way in a loop that ended
            self._loop = loop
            self._waiting.clear()
            self._left = self._per_round
            loop.call_soon(self._next_round)
        if self._left:
            self._left -= 1
        else:
            place = loop.create_future()
            self._waiting.append(place)
            await place

    def _next_round(self) -> None:
        if self._left == self._per_round or self._loop is None:
            self._loop = None
            return
        self._left = self._per_round
        while self._waiting and self._left:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                self._left -= 1
        self._loop.call_soon(self._next_round)


#: Every backend of a process shares these, unless it is handed others.
KEYS = ProcessLimiter()
MEMORY = Budget()
TURNS = Turnstile()
