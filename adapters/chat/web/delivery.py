"""The way out for the web room and the API: the store is the wire, so showing is what the chat process does."""

from dataclasses import dataclass

from bot.model import Job, Progress, Settled
from bot.ports import Remember


@dataclass(frozen=True, slots=True)
class WebChat:
    """Implements `bot.ports.Chat`. A page shows whatever the job's row says; `delivered` is said by settling it."""

    platform: str

    async def progress(
        self, job: Job, position: int | None, eta_seconds: float | None, progress: Progress | None
    ) -> None:
        """Pages read the progress row and count the line themselves."""

    async def deliver(self, settled: Settled, remember: Remember) -> None:
        """Nothing to send; the row that follows is the message."""
