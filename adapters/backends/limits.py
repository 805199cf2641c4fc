"""Limits of one process over all backends: uses of a key, bytes of pictures held, work in one round of the event loop.

The rate is GCRA with one time stamp a key and no burst: calls are spaced, so no window of a second ever holds more than
the provider allows. The bytes are counted until the pictures themselves are gone, wherever they were handed to.
"""

import asyncio
import hashlib
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

#: Calls are spaced this much wider than the rate asks for, so that a jitter on the way squeezes none together.
RATE_MARGIN = 1.1
#: Of encoded pictures in memory at once, where requests are for one picture each.
BYTES_HELD = 256 * 2**20


def account_of(kind: str, key: str) -> str:
    """A name for one key of one provider that does not tell the key."""
    return f"{kind}:{hashlib.sha256(f'{kind} {key}'.encode()).hexdigest()[:16]}"


def gcra(next_at: float, now: float, interval: float) -> tuple[float, float]:
    """Seconds to wait, and the key's new time stamp. All in seconds; ``next_at`` is the stamp so far."""
    at = max(next_at, now)
    return at - now, at + interval


class Limiter(Protocol):
    """Where the keys' time stamps are. One in the store serves several worker processes."""

    async def take(self, account: str, interval: float, patience: float) -> float:
        """Seconds to wait before the call may go out. Beyond ``patience`` nothing is taken."""

    async def pause(self, account: str, seconds: float) -> None:
        """No call of this key goes out for so long: the provider said so."""


class ProcessLimiter:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next_at: dict[str, float] = {}

    async def take(self, account: str, interval: float, patience: float) -> float:
        wait, next_at = gcra(self._next_at.get(account, 0.0), self._clock(), interval)
        if wait <= patience:
            self._next_at[account] = next_at
        return wait

    async def pause(self, account: str, seconds: float) -> None:
        self._next_at[account] = max(self._next_at.get(account, 0.0), self._clock() + seconds)


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
