"""The web room: what is said there, what changed, how far running jobs are."""

from collections.abc import Sequence
from dataclasses import asdict

from adapters.store import rows
from adapters.store.engine import Row
from adapters.store.shelf import Shelf
from bot.model import Message, Picture, Progress, Settled
from bot.ports import Topic


class Room(Shelf):
    async def say(self, message: Message, key: str = "") -> Message:
        fields = asdict(message)
        del fields["seq"]
        fields["job"] = fields.pop("job_id")
        async with self._engine.write() as tx:
            known = await tx.run("message_by_key", key=key)
            if known:
                return rows.message(known[0])
            tx.signal(Topic.FEED)
            said = await tx.run("say", **fields, key=key) or await tx.run("message_by_key", key=key)
            return rows.message(said[0])

    async def messages(self, person: str, before: int, limit: int) -> list[Message]:
        async with self._engine.read() as tx:
            found = await tx.run("messages", person=person, before=before, limit=limit)
            return [rows.message(row) for row in found]

    async def messages_after(self, seq: int, limit: int) -> list[Message]:
        async with self._engine.read() as tx:
            return [rows.message(row) for row in await tx.run("messages_after", after=seq, limit=limit)]

    async def messages_of_jobs(self, job_ids: Sequence[str]) -> list[Message]:
        async with self._engine.read() as tx:
            return [rows.message(row) for row in await tx.run("messages_of_jobs", jobs=rows.text(list(job_ids)))]

    async def messages_about(self, decision: str, person: str) -> list[Message]:
        async with self._engine.read() as tx:
            return [rows.message(row) for row in await tx.run("messages_about", decision=decision, person=person)]

    async def settled(self, job_ids: Sequence[str]) -> list[Settled]:
        jobs = rows.text(list(job_ids))
        async with self._engine.read() as tx:
            found = [rows.job(row) for row in await tx.run("jobs_among", jobs=jobs)]
            pictures: dict[str, list[Picture]] = {}
            for row in await tx.run("pictures_among", jobs=jobs):
                pictures.setdefault(row["job"], []).append(rows.picture(row))
        return [Settled(job, tuple(pictures.get(job.id, ()))) for job in found]

    async def changed_since(self, seq: int, limit: int) -> tuple[int, list[str]]:
        async with self._engine.read() as tx:
            changes = await tx.run("changed_since", seq=seq, limit=limit)
            return _seen(seq, changes), list(dict.fromkeys(row["job"] for row in changes))

    async def newest(self) -> tuple[int, int]:
        async with self._engine.read() as tx:
            said, changed = await tx.run("newest_message"), await tx.run("newest_change")
            return int(said[0]["seq"]), int(changed[0]["seq"])

    async def save_progress(self, progress: Progress) -> None:
        async with self._engine.live() as tx:
            await tx.run(
                "save_progress",
                job=progress.job_id,
                step=progress.step,
                steps=progress.steps,
                previews=progress.previews,
                at=progress.at,
            )
            tx.signal(Topic.FEED)

    async def progress_of(self, job_ids: Sequence[str]) -> list[Progress]:
        async with self._engine.live() as tx:
            found = [await tx.run("progress", job=job_id) for job_id in job_ids]
            return [rows.progress(each[0]) for each in found if each]


def _seen(seq: int, changes: Sequence[Row]) -> int:
    """How far everything is seen: not past a number whose transaction may still be on its way to its commit."""
    for row in changes:
        if row["seq"] != seq + 1 and not row["settled"]:
            break
        seq = row["seq"]
    return seq
