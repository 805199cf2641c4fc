"""The way out for the web room and the API: the store is the wire, so showing is what the chat process does."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from bot.conduct import Case, Notice
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
    """The room, also as `bot.ports_moderation.ReviewRoom`.

    Why moderation refused a request is its author's business, so it is told to them alone.
    """

    store: Store
    clock: Clock

    async def deliver(self, settled: Settled, remember: Remember) -> None:  # noqa: ARG002 - as the port has it
        job = settled.job
        if job.state is not JobState.REJECTED or job.reason is None:
            return
        words = say("web_told_rejected", prompt=display(job.request.prompt), reason=problem(job.reason))
        decision = str(job.reason.values.get("decision", ""))
        await self._tell(job.origin.person.key, words, decision, f"{job.id}:rejected")

    async def announce(self, case: Case, channel: str, address: Mapping[str, str], remember: Remember) -> None:
        """The moderation page reads the queue itself."""

    async def revise(self, settled: Settled, address: Mapping[str, str], remember: Remember) -> None:
        """The room reads the pictures' rows itself."""

    async def notify(self, notice: Notice) -> None:
        digest = hashlib.sha256(notice.text.encode()).hexdigest()[:8]
        await self._tell(notice.person, notice.text, notice.decision, f"{notice.id}:{digest}")

    async def _tell(self, person: str, words: str, decision: str, key: str) -> None:
        told = Message(0, "", "", words, self.clock.now(), audience=person, decision=decision)
        await self.store.say(told, key)
