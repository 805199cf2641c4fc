"""What a process owes the others on the same store: its name, shared health, abandoned requests, one chat a token."""

import asyncio
import os
import secrets
from collections.abc import Callable, Coroutine
from typing import Any

from adapters.observe import Observe
from adapters.store.store import SqlStore
from bot import steps
from bot.errors import ImagineError, StoreError
from bot.replies import say
from bot.settings import Role, Settings
from bot.studio import Arrived, Studio

HEALTH_SECONDS = 5.0
ABANDONED_SECONDS = 60.0
"""A platform waits three seconds for its acknowledgement: a request older than this was caught by a crash."""


class TokenTaken(StoreError):
    """Another process serves this Discord token."""


def process_name() -> str:
    """Of a worker: no other one has it, nor has the one before it, whose leases have to run out."""
    return f"{os.uname().nodename}-{os.getpid()}-{secrets.token_hex(4)}"


async def own_token(settings: Settings, role: Role, store: SqlStore) -> None:
    """Raises TokenTaken. The database knows the token by a hash only, which serves as the lock's number."""
    if role is Role.WORKER or settings.discord is None or settings.discord.token is None:
        return
    name, shards = f"discord:{settings.discord.token.reveal()}", settings.discord.shards
    mine = [f"{name}:{shard}/{shards.count}" for shard in range(shards.first, shards.last + 1)] if shards else []
    if not await store.own(name, shared=bool(shards)) or not all([await store.own(each) for each in mine]):
        raise TokenTaken(say("token_taken"))


async def watch_token(store: SqlStore) -> None:
    await store.disowned()
    raise TokenTaken(say("token_taken"))


async def share_health(observe: Observe, health: steps.Health) -> None:
    """What other processes learnt of the backends."""
    await _every(HEALTH_SECONDS, observe, health.load)


async def drop_abandoned(observe: Observe, studio: Studio, arrived: Arrived | None = None) -> None:
    async def drop() -> None:
        lost = await studio.drop_unacknowledged(ABANDONED_SECONDS, arrived)
        if lost:
            observe.event("recovered", state="received", n=lost)

    await _every(ABANDONED_SECONDS / 2, observe, drop)


async def _every(seconds: float, observe: Observe, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except ImagineError as error:
            observe.event("store_error", detail=str(error))
