"""Processes that use one Hive key over one store: `python -m tests.callers STORE PROVIDER_URL CALLS`."""

import asyncio
import os
import random
import subprocess
import sys
import time
from pathlib import Path

from adapters.backends.hive import Hive
from adapters.limiter import SharedLimiter
from adapters.store import postgres, sqlite
from adapters.store.store import SqlStore
from bot.errors import Broken
from bot.model import Drawing, Size
from tests.contract.hosted import Told

KEY = "canary/key-of-the-callers"
ROOT = Path(__file__).parents[1]
STILL_SECONDS = (0.15, 0.45)
"""For so long a process stands still now and then, as one does whose machine is busy."""


async def open_store(place: str) -> SqlStore:
    engine = await (postgres.connect(place) if place.startswith("postgresql:") else sqlite.connect(Path(place)))
    return SqlStore(engine)


async def call(place: str, url: str, calls: int) -> None:
    store = await open_store(place)
    backend = Hive(name="hive", key=KEY, url=url, timeout_seconds=240.0, limiter=SharedLimiter(store))
    asked = [asyncio.create_task(_one(backend)) for _ in range(calls)]
    standing = asyncio.create_task(_stand_still())
    await asyncio.gather(*asked)
    standing.cancel()
    await backend.close()
    await store.close()


async def _one(backend: Hive) -> None:
    try:
        await backend.generate(Drawing("a red fox", Size(1024, 1024), 1, seed=1), "", Told())
    except Broken:
        return  # the stand-in's answer
    raise AssertionError("that was no answer of the stand-in")


async def _stand_still() -> None:
    rng = random.Random(os.getpid())
    while True:
        await asyncio.sleep(rng.uniform(0.2, 1.0))
        time.sleep(rng.uniform(*STILL_SECONDS))  # noqa: ASYNC251 - that is the point


def start(place: str, url: str, calls: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.callers", place, url, str(calls)]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)


if __name__ == "__main__":
    asyncio.run(call(sys.argv[1], sys.argv[2], int(sys.argv[3])))
