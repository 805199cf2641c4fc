"""What a program's request becomes: a job of the person that its key is, and that job's outcome."""

import asyncio
import math
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from adapters.chat.web.api import answers, errors, stream
from adapters.chat.web.api.body import Appeal, Asked
from adapters.chat.web.api.errors import ApiError, Finding
from adapters.chat.web.api.outcomes import Outcomes, Stopping, is_over, is_under_way
from adapters.chat.web.sessions import Seals
from adapters.tokens import digest
from bot.conduct import Item
from bot.errors import Refused, StoreError
from bot.model import FINAL_STATES, Job, JobState, Origin, Person, Picture, Place, Problem
from bot.options import without_forbidden
from bot.ports import Store
from bot.replies import say
from bot.steps import was_lost
from bot.studio import TRIES

if TYPE_CHECKING:
    from adapters.chat.web.server import WebHouse

TENANT = "api"
PLACE = Place(TENANT, "v1")
DAY = 86_400
FINGERPRINT = "body"
"""Under this name the address of a job keeps what its body was."""

ONCE = "/once/"
"""In the keys of jobs that nobody can come back for."""

Events = asyncio.Queue[bytes | None]
Tell = Callable[[Events], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Caller:
    """A key, which is a person."""

    name: str

    @property
    def person(self) -> Person:
        return Person(f"api:key:{self.name}", self.name)


class Work:
    def __init__(self, house: "WebHouse") -> None:
        self._house = house
        self._seals = Seals(house.secret)
        self._streams: set[asyncio.Task[None]] = set()
        self.outcomes = Outcomes(house.store, house.observer)

    def day_left(self) -> int:
        return math.ceil(DAY - self._house.clock.now() % DAY)

    # -- the way in

    async def submitted(self, caller: Caller, asked: Asked, once: str) -> Job:
        """Stored and acknowledged, or the job that this idempotency key was used for. Raises ApiError, Refused."""
        job = await self._asked_before(caller, asked, once) if once else None
        if job is None:
            job = await self._stored(caller, asked, once)
        if job.state is not JobState.RECEIVED:
            return job
        try:
            return (await self._house.studio.acknowledged(job.id, {})).job
        except StoreError:
            await self._house.studio.unacknowledged(job.id)
            raise

    async def _asked_before(self, caller: Caller, asked: Asked, once: str) -> Job | None:
        """What is known already is answered whatever the house is like now: paused, full, or without a backend."""
        for key in _job_keys(caller, once):
            job = await self._house.store.job_of_key(key)
            if job is None:
                return None
            _same(job, asked)
            if not was_lost(job):
                return job
        return None

    async def _stored(self, caller: Caller, asked: Asked, once: str) -> Job:
        studio = self._house.studio
        request = studio.typed(asked.prompt, asked.values)
        origin = Origin(caller.person, PLACE, {FINGERPRINT: asked.fingerprint})
        ticket, _ = await studio.submit_anew(origin, request, _job_keys(caller, once), waits_for_backends=False)
        _same(ticket.job, asked)
        return ticket.job

    async def cancel(self, caller: Caller, job_id: str) -> None:
        try:
            await self._house.studio.cancel(caller.person, PLACE, job_id)
        except (Refused, StoreError):
            return

    async def appeal(self, caller: Caller, asked: Appeal) -> Item:
        """Raises Refused, StoreError."""
        reason = without_forbidden(asked.reason)
        return await self._house.moderators.appeal(caller.person, PLACE, asked.decision, reason)

    # -- the outcome

    async def outcome(self, job_id: str) -> Job:
        """The ended job. One that a moderator would have to look at is cancelled. Raises ApiError."""
        try:
            job = await self.outcomes.until(job_id, is_over)
        except Stopping:
            raise errors.unavailable("api_stopping", 5) from None
        if job is None:
            raise _gone()
        if job.state not in FINAL_STATES:
            job = await self._house.studio.withdraw(job_id)
        return job

    async def pictures(self, job: Job) -> list[Picture]:
        """Raises ApiError where there are none to give."""
        if job.state is not JobState.DELIVERED:
            raise errors.of_job(job)
        found = [each for each in await self._house.store.pictures_of(job.id) if not each.deleted and not each.hidden]
        if not found:
            raise _gone()
        return found

    # -- links

    def link(self, job: Job, picture: Picture) -> str:
        """Signed, expiring, and bound to the key that asked (S38)."""
        path = f"/v1/images/{job.id}/{picture.index}"
        signed = self._seals.link(job.origin.person.key, path, self._house.clock.now())
        return self._house.settings.public_url.rstrip("/") + signed

    async def linked(self, job_id: str, index: int, path: str, until: str, seal: str) -> Picture:
        """Raises ApiError for a link that is not ours, has expired, or whose key was revoked."""
        job = await self._house.store.job(job_id)
        owner = job.origin.person if job and job.origin.place.tenant == TENANT else None
        if owner is None or not self._seals.is_link(owner.key, path, until, seal, self._house.clock.now()):
            raise errors.missing()
        if not await self._house.store.is_api_key_in_use(owner.name):
            raise errors.missing()
        for picture in await self._house.store.pictures_of(job_id):
            if picture.index == index and not picture.deleted and not picture.hidden:
                return picture
        raise errors.missing()

    # -- streams

    def streamed(self, caller: Caller, job: Job, asked: Asked, *, kept: bool) -> stream.EventStream:
        tell = partial(self._tell_all, job, asked.partials)
        return self._stream(job, tell, None if kept else caller)

    def replayed(self, job: Job, pictures: list[Picture]) -> stream.EventStream:
        """The finished pictures alone, of a job that had ended before."""
        return self._stream(job, partial(self._tell_finished, job, pictures))

    def _stream(self, job: Job, tell: Tell, only_for: Caller | None = None) -> stream.EventStream:
        """``only_for``: who cancels by hanging up."""
        events: Events = asyncio.Queue()
        telling = asyncio.create_task(self._told(job, tell, events))
        self._streams.add(telling)
        telling.add_done_callback(self._streams.discard)

        async def gone() -> None:
            telling.cancel()
            if only_for:
                await self.cancel(only_for, job.id)

        return stream.EventStream(events, gone)

    async def _told(self, job: Job, tell: Tell, events: Events) -> None:
        """However it goes, the stream ends."""
        try:
            await tell(events)
        except ApiError as error:
            events.put_nowait(answers.event("error", error.body()))
        except Exception as error:  # noqa: BLE001 - the stream ends with a word, and the operator hears of it
            self._house.observer.event("alert", text="api_stream_failed", job=job.id, detail=repr(error))
            broken = ApiError(500, (Finding(say("api_broken"), "internal_error"),), "server_error")
            events.put_nowait(answers.event("error", broken.body()))
        finally:
            events.put_nowait(None)

    async def _tell_all(self, job: Job, partials: int, events: Events) -> None:
        """Everything that happens to the job, to its end."""
        previewing = asyncio.create_task(self._preview(job, partials, events))
        try:
            ended = await self.outcome(job.id)
        finally:
            previewing.cancel()
            await asyncio.gather(previewing, return_exceptions=True)
        await self._tell_finished(ended, await self.pictures(ended), events)

    async def _tell_finished(self, job: Job, pictures: list[Picture], events: Events) -> None:
        async for each in stream.finished_events(job, pictures, self._house.picture):
            events.put_nowait(each)

    async def _preview(self, job: Job, partials: int, events: Events) -> None:
        await self.outcomes.until(job.id, is_under_way)
        async for each in stream.partial_events(self._house.store, self._house.preview, job, partials):
            events.put_nowait(each)


async def drop_lost(store: Store, now: float) -> int:
    """At the start of the only process: requests without an idempotency key lost their clients with the last one."""
    dropped = 0
    for job_id in await store.active_in(TENANT):
        job = await store.job(job_id)
        if job is not None and ONCE in job.key and not job.drawn_at:
            await store.cancel(job_id, Problem("client_lost"), now)
            dropped += 1
    return dropped


def _job_keys(caller: Caller, once: str) -> list[str]:
    if not once:
        return [f"{caller.person.key}{ONCE}{secrets.token_hex(16)}"]
    key = f"{caller.person.key}/kept/{digest(once)}"
    return [key, *(f"{key}/{number}" for number in range(1, TRIES))]


def _same(job: Job, asked: Asked) -> None:
    """Raises ApiError where the key was used for something else."""
    if job.origin.address.get(FINGERPRINT) != asked.fingerprint:
        reused = Finding(say("api_idempotency_body"), "idempotency_key_reused", "Idempotency-Key")
        raise ApiError(422, (reused,))


def _gone() -> ApiError:
    return ApiError(410, (Finding(say("api_gone"), "gone"),))
