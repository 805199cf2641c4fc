"""What people and moderators do in a history, seeded: they ask, change their minds, decide, report, ban, forbid."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from adapters.store.store import SqlStore
from bot.conduct import Rule
from bot.errors import Conflict, ImagineError, Refused, StoreError
from bot.model import Job, JobState, Origin, Person, Place
from bot.moderators import Moderators
from bot.steps import Core
from bot.studio import Studio
from tests.simulation.chance import Chance
from tests.simulation.platform import World

TENANTS = ("discord:42", "discord:43")
PEOPLE = tuple(Person(f"discord:user:{number}", f"p{number}") for number in range(1, 5))
MODS = tuple(Person(f"discord:user:{number}", f"m{number}", ("discord:role:9",)) for number in (9, 10))
WORDS = ("fox", "cat", "castle", "spoon", "spoon", "spoon")
"""castle is held, spoon is forbidden once a moderator says so."""

QUEUE_PAUSES = (0.2, 1.0, 5.0)
BAN_SECONDS = 600.0


@dataclass
class Crowd:
    """In one life of the bot; ``asked`` and what was banned live on in the world."""

    core: Core
    store: SqlStore
    studio: Studio
    moderators: Moderators
    world: World
    chance: Chance
    asked: list[int] = field(default_factory=lambda: [0])
    doing: dict[asyncio.Task[None], None] = field(default_factory=dict)

    async def live(self, seconds: float) -> None:
        """Somebody does something every now and then."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            act = self.chance.rng.choice(self._acts())
            task = asyncio.create_task(self._tried(act))
            self.doing[task] = None
            task.add_done_callback(self.doing.pop)
            await asyncio.sleep(self.chance.rng.expovariate(1.2))

    async def finish_what_they_do(self) -> None:
        await asyncio.gather(*self.doing)

    async def leave(self) -> None:
        """What they still wait for is broken off, as a platform's connection ends."""
        doing = list(self.doing)
        for task in doing:
            task.cancel()
        await asyncio.gather(*doing, return_exceptions=True)

    def _acts(self) -> list[Callable[[], Awaitable[Any]]]:
        return [
            *[self._ask] * 6, self._cancel, self._decide, self._decide, self._report, self._ban, self._lift,
            self._forbid, self._allow, self._delete, self._forget, self._expire, self._turn_the_clock,
        ]  # fmt: skip

    async def _tried(self, act: Callable[[], Awaitable[Any]]) -> None:
        try:
            await act()
        except (Refused, StoreError, Conflict) as error:
            self.chance.note(f"{getattr(act, '__name__', '')} {error}")
        except ImagineError as error:
            self.world.wrongly.append(f"{act} raised {error!r}")

    # -- people

    async def _ask(self) -> None:
        """As an adapter does: stored, acknowledged, queued; or refused, or too late for the platform."""
        rng = self.chance.rng
        person, tenant = rng.choice(PEOPLE), TENANTS[rng.random() < 0.2]
        self.asked[0] += 1
        key, text = f"interaction-{self.asked[0]}", f"a {rng.choice(WORDS)} --count {rng.choice([1, 1, 2, 3])}"
        origin = Origin(person, Place(tenant, "7"), {"message": key})
        ticket = await self.studio.submit(origin, text, key)
        self.chance.note(f"{key} is {ticket.job.id}")
        if rng.random() < 0.1:
            again = await self.studio.submit(origin, text, key)
            if again.job.id != ticket.job.id and await self.store.job(ticket.job.id):
                self.world.wrongly.append(f"F51 {key} was stored twice")
        if self.chance.fires("chat:ack:lost"):
            await self.studio.unacknowledged(ticket.job.id)
            return
        self.world.acked[ticket.job.id] = text
        await self._queued(ticket.job.id)

    async def _queued(self, job_id: str) -> None:
        for pause in QUEUE_PAUSES:
            try:
                await self.studio.acknowledged(job_id, {"status": "1"})
            except StoreError:
                await asyncio.sleep(pause)
            else:
                return

    async def _some_job(self, *states: JobState) -> Job | None:
        person = self.chance.rng.choice(PEOPLE)
        jobs = [job for job in await self.store.jobs_of(person.key, 20) if not states or job.state in states]
        return self.chance.rng.choice(jobs) if jobs else None

    async def _cancel(self) -> None:
        job = await self._some_job()
        if job:
            await self.studio.cancel(job.origin.person, job.origin.place, job.id)

    async def _delete(self) -> None:
        job = await self._some_job(JobState.DELIVERED)
        if job:
            await self.studio.delete(job.origin.person, job.origin.place, job.id)

    async def _forget(self) -> None:
        if self.chance.rng.random() < 0.2:
            self.world.forgotten = True
            await self.studio.forget(self.chance.rng.choice(PEOPLE))

    async def _report(self) -> None:
        job = await self._some_job(JobState.DELIVERED)
        if job:
            await self.moderators.report(self.chance.rng.choice(PEOPLE), job.origin.place, job.id, None, "rude")

    # -- moderators

    async def _decide(self) -> None:
        rng = self.chance.rng
        place, moderator = Place(rng.choice(TENANTS), "staff"), rng.choice(MODS)
        cases = await self.moderators.cases(moderator, place)
        if not cases:
            return
        case = rng.choice(cases)
        match rng.choice(["claim", "approve", "approve", "reject", "edit"]):
            case "claim":
                await self.moderators.claim(moderator, place, case.item.id)
            case "approve":
                await self.moderators.approve(moderator, place, case.item.id)
            case "reject":
                await self.moderators.reject(moderator, place, case.item.id, "no")
            case "edit":
                await self.moderators.edit(moderator, place, case.item.id, "a fox")

    async def _ban(self) -> None:
        rng = self.chance.rng
        if rng.random() < 0.3:
            place = Place(rng.choice(TENANTS), "staff")
            await self.moderators.ban(rng.choice(MODS), place, rng.choice(PEOPLE), "spam", BAN_SECONDS)

    async def _lift(self) -> None:
        rng = self.chance.rng
        await self.moderators.lift(rng.choice(MODS), Place(rng.choice(TENANTS), "staff"), rng.choice(PEOPLE), "sorry")

    async def _forbid(self) -> None:
        for tenant in TENANTS:
            saved = await self.moderators.add_rule(MODS[0], Place(tenant, "staff"), Rule("spoons", "", ("spoon",)))
            if not saved.dry_run:
                self.world.forbidden.setdefault((tenant, "spoon"), self.core.clock.now())

    async def _allow(self) -> None:
        for tenant in TENANTS:
            self.world.forbidden.pop((tenant, "spoon"), None)
            try:
                await self.moderators.remove_rule(MODS[0], Place(tenant, "staff"), "spoons")
            finally:  # also what was saved meanwhile; and a busy store may have removed it all the same
                self.world.forbidden.pop((tenant, "spoon"), None)

    async def _expire(self) -> None:
        later = 2 * 86_400.0 if self.chance.rng.random() < 0.1 else 0.0
        await self.store.expire_items(self.core.clock.now() + later, 100)

    async def _turn_the_clock(self) -> None:
        if self.chance.fires("clock"):
            turned = self.chance.rng.choice([-3600.0, 3600.0])
            self.world.ahead += turned
            self.world.turned = True
            self.world.behind += max(0.0, -turned)

    # -- at the end

    async def finish(self) -> None:
        """Moderators clear the queue, so that everything can come to its end."""
        for tenant in TENANTS:
            place = Place(tenant, "staff")
            for case in await self.moderators.cases(MODS[0], place, 500):
                await self._tried(partial(self.moderators.approve, MODS[0], place, case.item.id))
