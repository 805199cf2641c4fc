"""How tests wait for what comes in its own time: patiently, for on a slow machine everything comes later."""

import asyncio
from collections.abc import Callable

PATIENCE = 60.0  #: seconds


async def until(true: Callable[[], object], seconds: float = PATIENCE) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)
