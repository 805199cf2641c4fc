"""The way in: what a platform may ask. It returns values or raises `Refused`, and never calls a platform back."""

import asyncio
import math
import random
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from bot import command, fairness, quota, routing, sizes, steps, tastes
from bot.conduct import Action, Dossier, Item, ItemKind, Point
from bot.errors import Conflict, Refused, StoreBusy, StoreFull
from bot.model import (
    CANCELLABLE_STATES,
    FINAL_STATES,
    AuditEvent,
    Capabilities,
    ImageRequest,
    Job,
    JobState,
    Limits,
    NewJob,
    Origin,
    Person,
    Picture,
    Place,
    Problem,
    Settled,
    Size,
    Ticket,
    Usage,
)
from bot.moderation.permissions import Act, Subject, may
from bot.options import Option
from bot.ports import Pictures

SLOWEST_COMMIT = 1.5
"""Seconds. A platform waits three for its acknowledgement, so a slower store means busy."""

STANDINGS_FRESH = 2.0
"""Seconds for which one pass over the line serves everybody's position."""

TRIES = 3  #: keys of one post, each for when the request under the one before was lost

PAST_SEARCHED = 500  #: a person's last requests that `/imagine-history` goes back through
KEPT_SEARCHED = 50  #: a person's last requests, for pictures that could not be posted
KEPT_SHOWN = 3  #: of those, as many are handed over at once

Arrived = Callable[[Job], Awaitable[Mapping[str, str] | None]]
"""The reply address of a request whose acknowledgement reached the person; None: it did not, as far as is known."""


@dataclass(frozen=True, slots=True)
class Status:
    """A person's requests and allowance. ``standings`` has the waiting ones that are in the counted line."""

    limits: Limits
    usage: Usage
    reset_hours: int
    active: tuple[Job, ...]
    standings: Mapping[str, fairness.Standing]


def is_withheld(job: Job) -> bool:
    """Its words and pictures are for moderators and its author only: nobody let it pass, or somebody refused it.

    A final one stays so: of those that were cancelled, what had not passed a moderator before.
    """
    if job.state in {JobState.REVIEW, JobState.HELD, JobState.REJECTED}:
        return True
    return (job.review and not job.queued_at) or (job.state is JobState.CANCELLED and job.drawn_at > 0)


class Studio:
    def __init__(self, core: steps.Core, pictures: Pictures, rng: random.Random | None = None) -> None:
        self._core = core
        self._pictures = pictures
        self._rng = rng or random.SystemRandom()
        self._standings: tuple[float, Mapping[str, fairness.Standing]] = (float("-inf"), {})

    # -- asking

    async def submit(
        self, origin: Origin, request: ImageRequest | str, key: str, *, waits_for_backends: bool = True
    ) -> Ticket:
        """Stores the request as `received` with its quota reserved; ``key`` makes a second call a no-op.

        While every backend for it is closed it waits and says so (F30), or is refused where it cannot wait.
        Raises Refused, StoreError.
        """
        known = await self._dossier(origin)
        if known.paused:
            raise Refused(Problem("intake_paused"))
        written = steps.asked(self._core, request)
        asked = tastes.applied(self._core, written, origin.person, origin.place, known.defaults)
        chance = self._rng.getrandbits(192)  # one call for the id and the seed: each asks the kernel
        seed = asked.seed if asked.seed is not None else (chance >> 128) % routing.SEEDS
        plan = steps.plan(self._core, asked, seed)
        if plan.closed and not waits_for_backends:
            raise Refused(plan.closed)
        limits = quota.limits_of(origin.person, origin.place, self._core.quota)
        job = Job(
            id=uuid.UUID(int=chance % 2**128, version=4).hex,
            key=key,
            origin=origin,
            request=asked,
            state=JobState.RECEIVED,
            created_at=self._core.clock.now(),
            candidates=plan.candidates,
            cost=plan.cost,
            weight=limits.weight,
            seed=seed,
            notes=(*plan.notes, plan.closed) if plan.closed else plan.notes,
        )
        item = await self._judged(job, known)
        new = NewJob(replace(job, review=True) if item else job, limits, self._core.day())
        stored, fresh = await self._stored(new, item)
        if fresh:
            self._core.observer.event("job_received", job=job.id, platform=job.platform)
        return await self._ticket(stored, fresh=fresh)

    async def submit_anew(
        self, origin: Origin, request: ImageRequest | str, keys: Sequence[str], *, waits_for_backends: bool = True
    ) -> tuple[Ticket, str]:
        """As `submit`, under the first of one post's ``keys`` whose request was not lost, and that key."""
        for key in keys:
            ticket = await self.submit(origin, request, key, waits_for_backends=waits_for_backends)
            if ticket.fresh or not steps.was_lost(ticket.job):
                break
        return ticket, key

    async def _dossier(self, origin: Origin) -> Dossier:
        try:
            place = origin.place
            return await self._core.judge.store.dossier(place.tenant, origin.person.key, tastes.channel(place))
        except StoreBusy:
            raise Refused(Problem("store_busy")) from None

    async def _judged(self, job: Job, known: Dossier) -> Item | None:
        """The item for the moderators where they have to look first. Raises Refused."""
        judge, origin = self._core.judge, job.origin
        try:
            texts = steps.texts(self._core, job.request)
            verdict = await judge.judge(origin.person, origin.place, texts, Point.SUBMIT, known)
            if verdict.action >= Action.BLOCK:
                raise await judge.refuse(job, verdict)
        except StoreBusy:
            raise Refused(Problem("store_busy")) from None
        return judge.item(job, verdict, ItemKind.REQUEST) if verdict.action is Action.HOLD else None

    def read(self, text: str, values: Mapping[str, object]) -> ImageRequest:
        """A prompt with inline options, and typed options beside it by ImageRequest field. Raises Refused."""
        return command.merge(text, values, self.options(), partial(steps.objections, self._core))

    async def _stored(self, new: NewJob, item: Item | None) -> tuple[Job, bool]:
        if not self._core.has_room():
            raise Refused(Problem("store_full"))
        began = self._core.clock.monotonic()
        try:
            stored, fresh = await self._core.store.submit(new, item)
        except StoreBusy:
            raise Refused(Problem("store_busy")) from None
        except StoreFull:
            self._core.observer.event("alert", text="store_full")
            raise Refused(Problem("store_full")) from None
        if fresh and self._core.clock.monotonic() - began > SLOWEST_COMMIT:
            await self.unacknowledged(stored.id)
            raise Refused(Problem("store_busy"))
        return stored, fresh

    async def acknowledged(self, job_id: str, address: Mapping[str, str]) -> Ticket:
        """The platform took the acknowledgement: the job queues, or waits for a moderator. Again: nothing changes."""
        job = await self._known(job_id)
        if job.state is JobState.RECEIVED:
            try:
                clock = steps.clock_backend(self._core, job)
                now = self._core.clock.now()
                job = await self._core.store.acknowledge(job_id, address, clock, now, review=job.review)
                seconds = max(0.0, now - job.created_at)
                self._core.observer.event("job_acked", job=job_id, platform=job.platform, seconds=seconds)
                if not job.review:
                    self._core.observer.event("job_queued", job=job_id, platform=job.platform)
            except Conflict:
                job = await self._known(job_id)
        return await self._ticket(job)

    async def unacknowledged(self, job_id: str, reason: Problem | None = None) -> None:
        """The acknowledgement failed or came too late: the person saw an error and will ask again.

        ``reason``: why it cannot be answered where it was asked. One that was acknowledged meanwhile goes on.
        """
        reason = reason or Problem("never_acknowledged")
        await self._core.store.cancel(job_id, reason, self._core.clock.now(), unacknowledged=True)

    async def drop_unacknowledged(self, age: float = 0.0, arrived: Arrived | None = None) -> int:
        """At the start: requests that a crash caught between storing and acknowledging.

        Where ``arrived`` finds that the person has read the acknowledgement, the request goes on (row F03).
        """
        lost = await self._core.store.unacknowledged(self._core.clock.now() - age)
        await asyncio.gather(*(self._drop_or_go_on(job_id, arrived) for job_id in lost))
        return len(lost)

    async def _drop_or_go_on(self, job_id: str, arrived: Arrived | None) -> None:
        job = await self._core.store.job(job_id)
        address = await arrived(job) if job and arrived else None
        if address is None:
            await self.unacknowledged(job_id)
        else:
            await self.acknowledged(job_id, address)

    async def again(self, origin: Origin, job_id: str, key: str) -> Ticket:
        """The same request once more, by whoever pressed the button, with a new seed."""
        request = await self.request_of(origin.place, job_id, origin.person)
        return await self.submit(origin, replace(request, seed=None), key)

    async def request_of(self, place: Place, job_id: str, person: Person | None = None) -> ImageRequest:
        """As ``person`` may read it: the words of a held or rejected request are its author's alone."""
        job = await self._visible(place, job_id, person)
        if is_withheld(job) and (person is None or person.key != job.origin.person.key):
            raise Refused(Problem("unknown_request"))
        return job.request

    # -- changing one's mind

    async def cancel(self, actor: Person, place: Place, job_id: str) -> Job:
        job = await self._owned(actor, place, job_id)
        if job.state not in CANCELLABLE_STATES and job.state is not JobState.HELD:
            raise Refused(Problem("too_late_to_cancel"))
        event = self._moderated(actor, job, "request_cancelled")
        by = "cancelled_by_moderator" if event else "cancelled_by_you"
        after = await self._core.store.cancel(job_id, Problem(by), self._core.clock.now(), event)
        if after.state in FINAL_STATES:
            self._core.observer.event("job_finished", job=job_id, state=after.state, platform=job.platform)
        return after

    async def withdraw(self, job_id: str) -> Job:
        """A held request of somebody who cannot wait for a moderator: a program. Raises StoreError."""
        return await self._core.store.cancel(job_id, Problem("held_for_review"), self._core.clock.now())

    async def delete(self, actor: Person, place: Place, job_id: str) -> Job:
        """The pictures go for good, from the disk too where nothing else shows them."""
        job = await self._owned(actor, place, job_id)
        event = self._moderated(actor, job, "pictures_deleted")
        for name in await self._core.store.delete_pictures(job_id, event):
            await self._pictures.delete(name)
        return job

    def _moderated(self, actor: Person, job: Job, action: str) -> AuditEvent | None:
        """For the audit log, where somebody does this to another one's request."""
        author = job.origin.person.key
        if actor.key == author:
            return None
        subject = f"job:{job.id} {author}"
        return AuditEvent(job.origin.place.tenant, actor.key, action, subject, at=self._core.clock.now())

    async def forget(self, person: Person) -> None:
        """Cancels what waits and deletes what is stored of a person; the audit trail keeps its pseudonym."""
        for job in await self._core.store.jobs_of(person.key, 1000, active_only=True):
            await self._core.store.cancel(job.id, Problem("cancelled_by_you"), self._core.clock.now())
        for name in await self._core.store.forget(person.key, self._core.day(), self._core.clock.now()):
            await self._pictures.delete(name)

    async def leave(self, tenant: str) -> None:
        """The bot was removed from a community: what waits there is cancelled, what is stored of it deleted."""
        for job_id in await self._core.store.active_in(tenant):
            await self._core.store.cancel(job_id, Problem("community_left"), self._core.clock.now())
        for name in await self._core.store.forget_community(tenant, self._core.clock.now()):
            await self._pictures.delete(name)

    # -- looking

    async def status(self, person: Person, place: Place) -> Status:
        now = self._core.clock.now()
        active = await self._core.store.jobs_of(person.key, 50, active_only=True)
        standings = await self.standings()
        return Status(
            limits=quota.limits_of(person, place, self._core.quota),
            usage=await self._core.store.usage(person.key, quota.day_of(now)),
            reset_hours=quota.reset_hours(now),
            active=tuple(active),
            standings={job.id: standings[job.id] for job in active if job.id in standings},
        )

    async def history(self, person: Person, limit: int) -> list[Settled]:
        """Newest first; pictures that were deleted are left out."""
        jobs = await self._core.store.jobs_of(person.key, limit)
        return [await self.settled(job) for job in jobs]

    async def past(self, person: Person, limit: int, before: float = math.inf) -> list[Settled]:
        """Newest first, those asked for ``before``: with the pictures that may be shown, and without the requests
        that had some and have none any more.
        """
        found: list[Settled] = []
        for job in await self._core.store.jobs_of(person.key, PAST_SEARCHED):
            settled = await self.settled(job) if job.created_at < before else None
            if settled is None:
                continue
            shown = tuple(picture for picture in settled.pictures if not picture.hidden)
            if shown or job.state is not JobState.DELIVERED:
                found.append(replace(settled, pictures=shown))
            if len(found) == limit:
                break
        return found

    async def kept(self, person: Person) -> list[Settled]:
        """The newest pictures that could not be posted: `/imagine-status` hands them over."""
        jobs = await self._core.store.jobs_of(person.key, KEPT_SEARCHED)
        lost = [await self.settled(job) for job in jobs if job.state is JobState.UNDELIVERABLE]
        return [each for each in lost if each.pictures][:KEPT_SHOWN]

    async def settled(self, job: Job) -> Settled:
        pictures = [] if is_withheld(job) else await self._core.store.pictures_of(job.id)
        return Settled(job, tuple(picture for picture in pictures if not picture.deleted))

    async def standings(self) -> Mapping[str, fairness.Standing]:
        """Position and ETA of everybody in the counted line; one pass serves all for two seconds."""
        made, found = self._standings
        now = self._core.clock.monotonic()
        if now - made > STANDINGS_FRESH:
            found = await steps.standings(self._core)
            self._standings = (now, found)
        return found

    def check(self, request: ImageRequest | str) -> ImageRequest:
        """As `submit` would read it. Raises Refused."""
        return steps.asked(self._core, request)

    def typed(self, prompt: str, values: Mapping[str, object]) -> ImageRequest:
        """A request from a form or a program; see `command.typed`. Raises Refused."""
        return command.typed(prompt, values, self.options(), partial(steps.objections, self._core))

    async def style(self, person: Person, place: Place, text: str) -> str:
        """`/imagine-style`: see `tastes.answer`. Raises Refused, StoreError."""
        return await tastes.answer(self._core, person, place, text)

    def options(self) -> tuple[Option, ...]:
        """What can be said beside the prompt, with the ranges that some backend takes."""
        return command.options_for(self._core.capabilities())

    def capabilities(self) -> Mapping[str, Capabilities]:
        return self._core.capabilities()

    def backends(self) -> tuple[str, ...]:
        return self._core.order

    def sizes(self, backend: str = "") -> tuple[Size, ...]:
        """To choose from, of this backend; of them all where there is none of that name."""
        known = self._core.capabilities()
        return sizes.offered([known[backend]] if backend in known else known.values())

    def styles(self) -> tuple[str, ...]:
        return tuple(self._core.styles)

    # -- inside

    async def _ticket(self, job: Job, *, fresh: bool = True) -> Ticket:
        if job.state is not JobState.QUEUED:
            return Ticket(job, None, None, job.notes, fresh)
        if job.id not in await self.standings():
            self._standings = (float("-inf"), {})
        standing = (await self.standings()).get(job.id)
        return Ticket(
            job, standing.position if standing else None, standing.eta_seconds if standing else None, job.notes, fresh
        )

    async def _known(self, job_id: str) -> Job:
        job = await self._core.store.job(job_id)
        if job is None:
            raise Refused(Problem("unknown_request"))
        return job

    async def _visible(self, place: Place, job_id: str, person: Person | None = None) -> Job:
        """Nothing crosses guilds or workspaces: a foreign id is an unknown one, but to its owner in a direct message,
        where a result goes that cannot be posted.
        """
        job = await self._known(job_id)
        own = person is not None and person.key == job.origin.person.key
        if job.origin.place.tenant != place.tenant and not (own and place.private):
            raise Refused(Problem("unknown_request"))
        return job

    async def _owned(self, actor: Person, place: Place, job_id: str) -> Job:
        job = await self._visible(place, job_id, actor)
        if actor.key != job.origin.person.key:
            known = await self._core.judge.actor(actor, place)
            if not may(known, Act.CANCEL, Subject(place.tenant, job.origin.person.key)):
                raise Refused(Problem("not_yours"))
        return job

    async def picture(self, place: Place, job_id: str, index: int) -> tuple[Job, Picture]:
        """One picture that may be shown. Raises Refused where it is deleted, hidden or elsewhere."""
        job = await self._visible(place, job_id)
        if is_withheld(job):
            raise Refused(Problem("unknown_request"))
        for picture in await self._core.store.pictures_of(job_id):
            if picture.index == index and not picture.deleted and not picture.hidden:
                return job, picture
        raise Refused(Problem("unknown_request"))
