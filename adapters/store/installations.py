"""Where the bot is installed: one sealed text for each, and who is renewing it."""

from adapters.store.shelf import Shelf


class Installations(Shelf):
    async def installation(self, key: str) -> tuple[str, float] | None:
        """The sealed text, and when what is in it ends; 0: never."""
        async with self._engine.read() as tx:
            found = await tx.run("installation", key=key)
            return (found[0]["sealed"], found[0]["expires_at"]) if found else None

    async def save_installation(self, key: str, sealed: str, expires_at: float) -> None:
        async with self._engine.write() as tx:
            await tx.run("save_installation", key=key, sealed=sealed, expires_at=expires_at)

    async def claim_installation(self, key: str, now: float, until: float) -> bool:
        """Only one process renews it at a time. False: another one does."""
        async with self._engine.write() as tx:
            return bool(await tx.run("claim_installation", key=key, now=now, until=until))

    async def delete_installation(self, key: str) -> None:
        async with self._engine.write() as tx:
            await tx.run("delete_installation", key=key)
