"""The Store port over named queries, once for every dialect. `engine` says what a dialect brings."""

from collections.abc import Collection, Mapping

from adapters.store import people, rows
from adapters.store.community import Communities
from adapters.store.installations import Installations
from adapters.store.jobs import Jobs
from adapters.store.memory import Memory
from adapters.store.programs import Programs
from adapters.store.rates import Rates
from adapters.store.review import Review
from adapters.store.room import Room
from bot.model import AuditEvent, Job, Picture, Turn, Usage
from bot.ports import Clock, Topic, Wakeup


class SqlStore(Jobs, Memory, Rates, Room, Communities, Review, Programs, Installations):
    # -- reading

    async def job(self, job_id: str) -> Job | None:
        async with self._engine.read() as tx:
            found = await tx.run("job", job=job_id)
            return rows.job(found[0]) if found else None

    async def jobs_of(self, person: str, limit: int, *, active_only: bool = False) -> list[Job]:
        query = "active_jobs_of" if active_only else "jobs_of"
        async with self._engine.read() as tx:
            return [rows.job(row) for row in await tx.run(query, person=person, limit=limit)]

    async def pictures_of(self, job_id: str) -> list[Picture]:
        async with self._engine.read() as tx:
            return [rows.picture(row) for row in await tx.run("pictures_of", job=job_id)]

    async def line(self, limit: int) -> list[Turn]:
        async with self._engine.read() as tx:
            return [Turn(row["id"], row["cost"], row["tag"]) for row in await tx.run("line", limit=limit)]

    async def usage(self, person: str, day: int) -> Usage:
        async with self._engine.read() as tx:
            found = await tx.run("usage", person=person, day=day)
            return Usage(found[0]["images"], found[0]["waiting"], found[0]["running"]) if found else Usage()

    async def depths(self) -> Mapping[str, int]:
        async with self._engine.read() as tx:
            return {row["state"]: row["jobs"] for row in await tx.run("depths")}

    async def deliveries_stuck(self) -> int:
        async with self._engine.read() as tx:
            return int((await tx.run("deliveries_stuck"))[0]["jobs"])

    # -- people's data

    async def delete_pictures(self, job_id: str, event: AuditEvent | None = None) -> list[str]:
        async with self._engine.write() as tx:
            return await people.delete_pictures(tx, job_id, event)

    async def forget(self, person: str, day: int, now: float) -> list[str]:
        async with self._engine.write() as tx:
            return await people.forget(tx, person, day, now)

    async def active_in(self, tenant: str) -> list[str]:
        async with self._engine.read() as tx:
            return [row["id"] for row in await tx.run("active_jobs_in", tenant=tenant)]

    async def forget_community(self, tenant: str, now: float) -> list[str]:
        async with self._engine.write() as tx:
            return await people.forget_community(tx, tenant, now)

    async def forget_ended(self) -> list[str]:
        async with self._engine.read() as tx:
            if not await tx.run("forgotten"):
                return []
        async with self._engine.write() as tx:
            return await people.forget_ended(tx)

    async def drop_tokens(self, since: float, until: float) -> int:
        """Those of Discord's interactions that ended in between, and how many: Discord takes one for 15 minutes."""
        async with self._engine.write() as tx:
            return len(await tx.run("drop_tokens", since=since, until=until))

    async def sweep(self, before: float, limit: int, day: int) -> list[str] | None:
        async with self._engine.write() as tx:
            return await people.sweep(tx, before, limit, day)

    async def drop_served(self, now: float, before: float) -> None:
        """Strikes and sanctions that are over: see `people.drop_served`."""
        async with self._engine.write() as tx:
            await people.drop_served(tx, now, before)

    async def known_pictures(self, names: Collection[str]) -> set[str]:
        """Those of the file names that a job still shows."""
        async with self._engine.read() as tx:
            return {row["sha256"] for row in await tx.run("known_pictures", names=rows.text(sorted(names)))}

    # -- all of it

    @property
    def clock(self) -> Clock:
        return self._engine.clock

    async def own(self, name: str, *, shared: bool = False) -> bool:
        """Until this process ends no other on this store owns ``name``, or none but those who share it."""
        return await self._engine.own(name, shared=shared)

    async def disowned(self) -> None:
        """Returns when another process took over what this one owned."""
        await self._engine.disowned()

    def subscribe(self, topic: Topic) -> Wakeup:
        return self._engine.subscribe(topic)

    async def close(self) -> None:
        await self._engine.close()
