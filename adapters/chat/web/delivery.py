"""The way out for the web room and the API: the store is the wire, so showing is what the chat process does."""

from dataclasses import dataclass

from bot.model import Job, JobState, Message, Progress, Settled
from bot.ports import Clock, Remember, Store
from bot.replies import display, problem, say


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


@dataclass(frozen=True, slots=True)
class RoomChat(WebChat):
    """The room. Why moderation refused a request is its author's business, so it is told to them alone."""

    store: Store
    clock: Clock

    async def deliver(self, settled: Settled, remember: Remember) -> None:  # noqa: ARG002 - as the port has it
        job = settled.job
        if job.state is not JobState.REJECTED or job.reason is None:
            return
        words = say("web_told_rejected", prompt=display(job.request.prompt), reason=problem(job.reason))
        told = Message(0, "", "", words, self.clock.now(), audience=job.origin.person.key)
        await self.store.say(told, f"{job.id}:rejected")
