"""The providers' rates: whoever uses a key, in whatever process, takes turns here, by the database's clock."""

from adapters.store.engine import Row
from adapters.store.shelf import Shelf
from bot import pacing
from bot.pacing import Pace

LOOKS = 5
SURE_SECONDS = 0.02
"""A look at the clock that took longer is repeated: this process may have stood still between answer and reading."""


class Rates(Shelf):
    async def take_turn(self, account: str, interval: float, patience: float) -> float:
        """Seconds until the turn, negative where it has passed meanwhile. Beyond ``patience`` none was taken.

        ``interval``: seconds between two turns; 0: only pauses count, and nothing is written.
        """
        if not interval:
            return await self._pause_left(account)
        async with self._engine.write() as tx:
            found = await tx.run("held_rate", account=account, now=self._engine.clock.now())
            at, after = pacing.turn(_pace(found[0]), found[0]["now"], interval, patience)
            await tx.run("save_rate", account=account, next_at=after.next_at, paused_until=after.paused_until)
        return pacing.told(await self._seconds_until(at), patience, taken=after.next_at > at)

    async def pause_turns(self, account: str, seconds: float) -> None:
        """No turn of this account comes for so long."""
        async with self._engine.write() as tx:
            found = await tx.run("held_rate", account=account, now=self._engine.clock.now())
            after = pacing.paused(_pace(found[0]), found[0]["now"], seconds)
            await tx.run("save_rate", account=account, next_at=after.next_at, paused_until=after.paused_until)

    async def _pause_left(self, account: str) -> float:
        async with self._engine.read() as tx:
            found = await tx.run("rate", account=account, now=self._engine.clock.now())
        return pacing.turn(_pace(found[0]), found[0]["now"], 0.0, 0.0)[0] - found[0]["now"] if found else 0.0

    async def _seconds_until(self, at: float) -> float:
        """Never too few: the database looked at its clock somewhere between question and answer."""
        monotonic = self._engine.clock.monotonic
        best, heard, now = float("inf"), 0.0, 0.0
        for _ in range(LOOKS):
            asked = monotonic()
            async with self._engine.read() as tx:
                told = (await tx.run("database_now", now=self._engine.clock.now()))[0]["now"]
            answered = monotonic()
            if answered - asked < best:
                best, heard, now = answered - asked, answered, told
            if best <= SURE_SECONDS:
                break
        return at - now - (monotonic() - heard)


def _pace(row: Row) -> Pace:
    return Pace(row["next_at"], row["paused_until"])
