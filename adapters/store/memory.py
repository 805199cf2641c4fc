"""What the house remembers beside jobs: breakers, speeds, money, small values."""

from dataclasses import asdict

from adapters.store import chain, rows
from adapters.store.shelf import Shelf
from bot.model import AuditEvent, Breaker, Speed, Spending


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

    # -- what adapters remember

    async def meta(self, name: str) -> str:
        """"" where nothing was remembered."""
        async with self._engine.read() as tx:
            found = await tx.run("meta", name=name)
            return str(found[0]["value"]) if found else ""

    async def set_meta(self, name: str, value: str, event: AuditEvent | None = None) -> None:
        async with self._engine.write() as tx:
            await tx.run("set_meta", name=name, value=value)
            if event:
                await chain.append(tx, event)
