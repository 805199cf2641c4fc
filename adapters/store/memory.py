"""What the house remembers beside jobs: breakers, speeds, money, progress, the web room, small values."""

from collections.abc import Sequence
from dataclasses import asdict

from adapters.store import rows
from adapters.store.shelf import Shelf
from bot.model import Breaker, Message, Progress, Speed, Spending
from bot.ports import Topic


class Memory(Shelf):
    # -- the backends' memory

    async def breakers(self) -> list[Breaker]:
        async with self._engine.read() as tx:
            return [rows.breaker(row) for row in await tx.run("breakers")]

    async def save_breaker(self, breaker: Breaker) -> None:
        async with self._engine.write() as tx:
            await tx.run("save_breaker", **asdict(breaker))

    async def speeds(self) -> list[Speed]:
        async with self._engine.read() as tx:
            return [rows.speed(row) for row in await tx.run("speeds")]

    async def save_speed(self, speed: Speed) -> None:
        async with self._engine.write() as tx:
            await tx.run("save_speed", **asdict(speed))

    async def spend(self, backend: str, day: int, dollars: float, cap: float) -> bool:
        async with self._engine.write() as tx:
            return bool(await tx.run("spend", backend=backend, day=day, dollars=dollars, cap=cap))

    async def spending(self, day: int) -> list[Spending]:
        async with self._engine.read() as tx:
            return [Spending(row["backend"], row["day"], row["dollars"]) for row in await tx.run("spending", day=day)]

    # -- the web room

    async def say(self, message: Message) -> Message:
        fields = asdict(message)
        del fields["seq"]
        fields["job"] = fields.pop("job_id")
        async with self._engine.write() as tx:
            tx.signal(Topic.FEED)
            return rows.message((await tx.run("say", **fields))[0])

    async def messages(self, person: str, before: int, limit: int) -> list[Message]:
        async with self._engine.read() as tx:
            found = await tx.run("messages", person=person, before=before, limit=limit)
            return [rows.message(row) for row in found]

    async def changed_since(self, seq: int, limit: int) -> tuple[int, list[str]]:
        async with self._engine.read() as tx:
            changes = await tx.run("changed_since", seq=seq, limit=limit)
            return (changes[-1]["seq"] if changes else seq), list(dict.fromkeys(row["job"] for row in changes))

    async def newest_change(self) -> int:
        async with self._engine.read() as tx:
            return int((await tx.run("newest_change"))[0]["seq"])

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

    # -- what adapters remember

    async def meta(self, name: str) -> str:
        """"" where nothing was remembered."""
        async with self._engine.read() as tx:
            found = await tx.run("meta", name=name)
            return str(found[0]["value"]) if found else ""

    async def set_meta(self, name: str, value: str) -> None:
        async with self._engine.write() as tx:
            await tx.run("set_meta", name=name, value=value)
