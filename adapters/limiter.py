"""The hosted backends' `Limiter` over the store, so that all processes that share a key take turns."""

import asyncio
import logging
from typing import Protocol

from adapters.backends.limits import ProcessLimiter, TurnsUnknown
from adapters.control import ControlError, NobodyThere
from bot import pacing
from bot.errors import StoreError

AGAIN_SECONDS = 5.0
"""Until a backend is tried again whose turns could not be asked for."""

UNREACHABLE = (StoreError, ControlError, NobodyThere, OSError)

logger = logging.getLogger(__name__)


class Rates(Protocol):
    """The store's part, or that of the running bot behind its socket."""

    async def take_turn(self, account: str, interval: float, patience: float) -> float: ...

    async def pause_turns(self, account: str, seconds: float) -> None: ...


class SharedLimiter:
    """Implements `adapters.backends.limits.Limiter`. Without the store's answer no call goes out."""

    def __init__(self, rates: Rates | None = None) -> None:
        self._rates = rates
        self._told_here = ProcessLimiter()  #: pauses, which hold here whether or not the store took them

    def open(self, rates: Rates) -> None:
        """For whoever needs the backends before the store."""
        self._rates = rates

    async def take(self, account: str, interval: float, patience: float) -> float:
        """Raises TurnsUnknown."""
        if self._rates is None:
            raise TurnsUnknown("the store is not open", retry_after=AGAIN_SECONDS)
        pause = await self._told_here.take(account, 0.0, patience)
        if pause > patience:
            return pause
        if pause > 0:  # a turn of the store's may lie within it
            await asyncio.sleep(pause)
        left = patience - max(0.0, pause)
        try:
            wait = await self._rates.take_turn(account, interval, left)
        except UNREACHABLE as error:
            detail = f"the store, which keeps its key's rate, does not answer: {error}"
            raise TurnsUnknown(detail, retry_after=AGAIN_SECONDS) from error
        return pacing.told(wait, patience, taken=wait <= left)

    async def pause(self, account: str, seconds: float) -> None:
        await self._told_here.pause(account, seconds)
        try:
            if self._rates is not None:
                await self._rates.pause_turns(account, seconds)
        except UNREACHABLE as error:
            logger.warning("a provider's Retry-After of %.0f s is known here only: %s", seconds, error)
