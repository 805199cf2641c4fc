"""People who wait for an answer go before whatever follows the answers that were given."""

from contextlib import AbstractContextManager

from bot.under_way import UnderWay

ANSWERS_FIRST = 1.0
"""Seconds for which a request that is answered steps back behind those that are not."""


class AnswersFirst:
    def __init__(self) -> None:
        self._unanswered = UnderWay()

    def answering(self) -> AbstractContextManager[None]:
        """Somebody waits for an answer inside the block."""
        return self._unanswered.one()

    async def all_answered(self) -> None:
        """Nobody waits any more, or somebody keeps waiting for too long."""
        await self._unanswered.over(ANSWERS_FIRST)
