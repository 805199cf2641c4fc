"""People who wait for an answer go before whatever follows the answers that were given."""

import asyncio
import contextlib
from collections.abc import Iterator

ANSWERS_FIRST = 1.0
"""Seconds for which a request that is answered steps back behind those that are not."""


class AnswersFirst:
    def __init__(self) -> None:
        self._unanswered = 0
        self._all_answered = asyncio.Event()
        self._all_answered.set()

    @contextlib.contextmanager
    def answering(self) -> Iterator[None]:
        """Somebody waits for an answer inside the block."""
        self._unanswered += 1
        self._all_answered.clear()
        try:
            yield
        finally:
            self._unanswered -= 1
            if not self._unanswered:
                self._all_answered.set()

    async def all_answered(self) -> None:
        """Nobody waits any more, or somebody keeps waiting for too long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWERS_FIRST):
                await self._all_answered.wait()
