"""What waiting people hear of their place in the line: from one worker, or each of them would edit each message."""

from collections.abc import Mapping

from bot import steps
from bot.model import JobState
from bot.ports import Chat

TRUSTED_SECONDS = 15.0
"""From one round that a worker told until another worker may tell one."""

TELLER = "line:teller"


class Telling:
    def __init__(self, core: steps.Core, chats: Mapping[str, Chat], name: str, *, alone: bool) -> None:
        self._core, self._chats, self._name, self._alone = core, chats, name, alone

    async def look(self) -> None:
        """One round. Raises StoreError."""
        standings = await steps.standings(self._core)
        if not standings or not await self._is_mine():
            return
        for job_id, standing in standings.items():
            job = await self._core.store.job(job_id)
            chat = self._chats.get(job.platform) if job else None
            if job and chat and job.state is JobState.QUEUED:
                await chat.progress(job, standing.position, standing.eta_seconds, None)

    async def _is_mine(self) -> bool:
        """Two may begin at once; from the next round on it is one of them."""
        if self._alone:
            return True
        now = self._core.clock.now()
        until, _, name = (await self._core.store.meta(TELLER)).partition(" ")
        if name not in {"", self._name} and now < float(until) <= now + TRUSTED_SECONDS:
            return False
        await self._core.store.set_meta(TELLER, f"{now + TRUSTED_SECONDS} {self._name}")
        return True
