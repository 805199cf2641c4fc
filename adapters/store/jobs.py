"""Jobs on their way in and out. Every method is one transaction."""

import contextlib
from collections.abc import Collection, Mapping, Sequence

from adapters.store import chain, ledger, queue, rows, turns, whole
from adapters.store.endings import cancel, end, one, show
from adapters.store.engine import Transaction, Unsure
from adapters.store.shelf import Shelf
from bot.conduct import Item
from bot.errors import Conflict, Refused, StoreError
from bot.model import AuditEvent, Job, JobState, NewJob, Picture, Problem
from bot.ports import Choose, Topic


class Jobs(Shelf):
    _idle = False  #: the last claim found nothing
    _lanes: Sequence[str] = ()  #: as the last claim that looked found them

    # -- the way in

    async def submit(self, new: NewJob, item: Item | None = None) -> tuple[Job, bool]:
        async def work(tx: Transaction) -> tuple[Job, bool]:
            day = await ledger.admit(tx, new)
            one(await tx.run("insert_job", **rows.job_values(new.job, day)), new.job.key)
            await tx.run(
                "write_ledger", job=new.job.id, kind="reserve", images=new.job.request.count, at=new.job.created_at
            )
            if item:
                await queue.open_item(tx, item, ready=False)
            return new.job, True

        try:
            return await self._engine.together(work, None if item else whole.submit(new))
        except (Conflict, Refused, Unsure):
            # The same key may be stored already, and have taken the quota that is missing now; or this call stored it,
            # and the answer was lost.
            async with self._engine.read() as tx:
                known = await tx.run("job_by_key", key=new.job.key)
            if not known:
                raise
            return rows.job(known[0]), known[0]["id"] == new.job.id

    async def acknowledge(
        self, job_id: str, address: Mapping[str, str], clock: str, now: float, *, review: bool
    ) -> Job:
        state = JobState.REVIEW if review else JobState.QUEUED

        async def work(tx: Transaction) -> Job:
            changed = await tx.run("acknowledge", job=job_id, state=state, address=rows.text(dict(address)), now=now)
            job = one(changed, job_id)
            if review:
                await queue.present(tx, job_id, now)
            else:
                await turns.join(tx, job, clock)
            show(tx, job)
            return rows.job(job)

        usual = None if review else whole.acknowledge(job_id, address, clock, now)
        return await self._engine.together(work, usual)

    async def cancel(
        self,
        job_id: str,
        reason: Problem,
        now: float,
        event: AuditEvent | None = None,
        *,
        unacknowledged: bool = False,
    ) -> Job:
        async with self._engine.write() as tx:
            job = one(await tx.run("job", job=job_id), job_id)
            if unacknowledged and job["state"] != JobState.RECEIVED:
                return rows.job(job)
            if await cancel(tx, job, reason, now) and event:
                await chain.append(tx, event)
            return rows.job(one(await tx.run("job", job=job_id), job_id))

    async def unacknowledged(self, before: float) -> list[str]:
        async with self._engine.read() as tx:
            return [row["id"] for row in await tx.run("unacknowledged", before=before)]

    # -- the way out

    async def claim(self, worker: str, choose: Choose, lease_until: float, now: float) -> Job | None:
        async def work(tx: Transaction) -> Job | None:
            self._lanes = [row["lane"] for row in await tx.run("known_lanes")]
            turn = await turns.take(tx, self._lanes, choose)
            if turn is None:
                return None
            job_id, backend = turn
            claimed = await tx.run(
                "claim_job", job=job_id, worker=worker, backend=backend, lease_until=lease_until, now=now
            )
            job = one(claimed, job_id)
            await turns.leave(tx, job)
            await turns.advance(tx, job)
            show(tx, job)
            return rows.job(job)

        if self._idle and not await self._any("any_turn"):
            return None
        try:
            usual = whole.claim(self._lanes, choose, worker, lease_until, now)
            job = await self._engine.together(work, usual)
        except Unsure:
            async with self._engine.read() as tx:
                found = await tx.run("lost_claim", worker=worker, lease_until=lease_until, now=now)
            return rows.job(found[0]) if found else None
        self._idle = job is None
        return job

    async def _any(self, query: str, **values: object) -> bool:
        """A look without a transaction, which most wake-ups of an idle worker need no more than."""
        async with self._engine.read() as tx:
            return bool(await tx.run(query, **values))

    async def stranded(self, backends: Collection[str], before: float, limit: int) -> list[Job]:
        async with self._engine.read() as tx:
            lanes = [row["lane"] for row in await tx.run("known_lanes")]
            dead = [lane for lane in lanes if not set(rows.candidates(lane)) & set(backends)]
            if not dead:
                return []
            found = await tx.run("stranded", lanes=rows.text(dead), before=before, limit=limit)
            return [rows.job(row) for row in found]

    async def claim_delivery(self, worker: str, lease_until: float, now: float) -> Job | None:
        return await self._take("claim_delivery", worker=worker, lease_until=lease_until, now=now)

    async def claim_untold(self, worker: str, lease_until: float, now: float) -> Job | None:
        return await self._take("claim_untold", worker=worker, lease_until=lease_until, now=now)

    async def _take(self, query: str, **values: object) -> Job | None:
        if not await self._any(query.replace("claim", "any"), now=values["now"]):
            return None
        async with self._engine.write() as tx:
            found = await tx.run(query, **values)
            return rows.job(found[0]) if found else None

    async def heartbeat(
        self, worker: str, lease_until: float, held: Collection[str]
    ) -> Mapping[str, tuple[int, bool]]:
        async with self._engine.write() as tx:
            found = await tx.run(
                "extend_leases", worker=worker, lease_until=lease_until, jobs=rows.text(sorted(held))
            )
            return {row["id"]: (row["attempt"], bool(row["cancel_requested"])) for row in found}

    async def expired(self, now: float, *, all_workers: bool = False) -> list[Job]:
        async with self._engine.read() as tx:
            return [rows.job(row) for row in await tx.run("expired_leases", now=now, all_workers=int(all_workers))]

    async def crashed(self, job: Job, worker: str, lease_until: float) -> Job:
        return await self._fenced("count_crash", job, worker=worker, lease_until=lease_until, seen=job.lease_until)

    async def release(
        self, job: Job, candidates: Sequence[str], now: float, *, error: bool = False, paid: bool = False
    ) -> Job:
        async with self._engine.write() as tx:
            released = await tx.run(
                "release",
                **_fence(job),
                lane=rows.lane(candidates),
                error=int(error),
                paid=int(paid),
                now=now,
            )
            row = one(released, job.id)
            await turns.stop_running(tx, row, waiting=True)
            await turns.rejoin(tx, row)
            show(tx, row)
            return rows.job(row)

    async def let_go(self, job: Job, *, expired: bool = False) -> None:
        async with self._engine.write() as tx:
            await tx.run("drop_lease", **_fence(job), seen=job.lease_until if expired else -1.0)
            tx.signal(Topic.WORK)

    async def remember_task(self, job: Job, task: str) -> None:
        async with self._engine.write() as tx:
            one(await tx.run("remember_task", **_fence(job), task=task), job.id)

    async def remember_address(self, job: Job, address: Mapping[str, str]) -> None:
        async with self._engine.write() as tx:
            one(await tx.run("remember_address", **_fence(job), address=rows.text(dict(address))), job.id)

    async def drawn(
        self,
        job: Job,
        pictures: Sequence[Picture],
        missing: int,
        notes: Sequence[Problem],
        now: float,
        *,
        held: Item | None = None,
    ) -> Job:
        state = JobState.HELD if held else JobState.DRAWN

        async def work(tx: Transaction) -> Job:
            changed = await tx.run(
                "set_drawn", **_fence(job), state=state, missing=missing, notes=rows.problems_text(notes), now=now
            )
            row = one(changed, job.id)
            for picture in pictures:
                await tx.run("insert_picture", **_picture_values(job.id, picture))
            await turns.stop_running(tx, row, waiting=False)
            if held:
                await queue.open_item(tx, held, ready=True)
            show(tx, row)
            return rows.job(row)

        usual = None if held else whole.drawn(job, pictures, missing, notes, now)
        return await self._engine.together(work, usual)

    async def deliver_later(self, job: Job, due_at: float) -> None:
        async with self._engine.write() as tx:
            one(await tx.run("deliver_later", **_fence(job), due_at=due_at), job.id)

    async def delivered(self, job: Job, now: float, flag: Item | None = None) -> Job:
        async def work(tx: Transaction) -> tuple[Job, bool]:
            row = one(await tx.run("set_delivered", **_fence(job), now=now), job.id)
            await ledger.settle(tx, row, spent=row["images"] - row["missing"], now=now)
            if flag:
                await queue.open_item(tx, flag, ready=True)
            show(tx, row)
            return rows.job(row), False

        done, forgotten = await self._engine.together(work, None if flag else whole.delivered(job, now))
        if not forgotten:
            await self._forget_progress(job.id)
        return done

    async def finish(
        self, job: Job, state: JobState, reason: Problem, now: float, event: AuditEvent | None = None
    ) -> Job:
        async with self._engine.write() as tx:
            before = one(await tx.run("job", job=job.id), job.id)
            if before["attempt"] != job.attempt:
                raise Conflict(job.id)
            row = await end(tx, before, state, reason, now)
            if event:
                await chain.append(tx, event)
        await self._forget_progress(job.id)
        return rows.job(row)

    async def _forget_progress(self, job_id: str) -> None:
        with contextlib.suppress(StoreError):
            async with self._engine.live() as tx:
                await tx.run("delete_progress", job=job_id)

    async def told(self, job: Job) -> None:
        async with self._engine.write() as tx:
            row = one(await tx.run("set_told", **_fence(job)), job.id)
            show(tx, row)

    async def _fenced(self, query: str, job: Job, **values: object) -> Job:
        async with self._engine.write() as tx:
            return rows.job(one(await tx.run(query, **_fence(job), **values), job.id))


def _fence(job: Job) -> dict[str, object]:
    return {"job": job.id, "attempt": job.attempt}


def _picture_values(job_id: str, picture: Picture) -> dict[str, object]:
    return {
        "job": job_id,
        "position": picture.index,
        "sha256": picture.sha256,
        "width": picture.width,
        "height": picture.height,
        "media_type": picture.media_type,
        "size_bytes": picture.size_bytes,
        "seed": picture.seed,
    }
