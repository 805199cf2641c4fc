"""What the hosted backends add to a call, whether they hold up the event loop, and how much memory answers take.

The provider is another process. Run: python -m tests.bench.bench_backends.
"""

import asyncio
import json
import os
import statistics
import struct
import sys
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import astuple, dataclass
from itertools import count
from pathlib import Path

import httpx

from adapters.backends.hive import Hive
from adapters.backends.limits import MEMORY, ProcessLimiter
from adapters.backends.ovh import Ovh
from bot.model import Drawing, Size
from tests.bench.ticks import moment, ticking
from tests.contract.hosted import Told
from tests.standins.wire import Heard, Reply, Server, json_reply

ROUNDS = 100
TOGETHER = 64
MIB = 2**20
ADDED_MS = 15.0
STALL_MS = 50.0
DRAWING = Drawing("a red fox", Size(1024, 1024), 1)


def noise(size_bytes: int, side: int = 1024) -> bytes:
    """A PNG that hardly compresses, as a drawn picture does; one pixel row more or less changes nothing here."""
    rows = b"".join(b"\0" + os.urandom(side * 3) for _ in range(side))
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows, 1))]
    padding = size_bytes - sum(len(data) for _, data in chunks) - 100
    chunks += [(b"teXt", bytes(padding))] if padding > 0 else []
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in [*chunks, (b"IEND", b"")]
    )


async def serve() -> None:
    usual, large = Reply(200, noise(0)), Reply(200, noise(25 * MIB))

    async def answer(heard: Heard) -> Reply:
        if heard.path == "/hive":
            return json_reply({"output": [{"url": f"http://{heard.headers['host']}/picture"}]})
        return large if heard.path == "/large" else usual

    async with Server(answer) as server:
        sys.stdout.write(f"{server.port}\n")
        sys.stdout.flush()
        await asyncio.sleep(3600)


@asynccontextmanager
async def provider() -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.bench_backends", "serve", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    try:
        yield f"127.0.0.1:{int(await process.stdout.readline())}"
    finally:
        process.terminate()
        await process.wait()


class Unlimited(ProcessLimiter):
    async def take(self, account: str, interval: float, patience: float) -> float:
        return 0.0


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds of one call. ``own``: without waiting for a processor that other programs had."""

    clock: float
    own: float
    processor: float


async def cost(call: Callable[[], Awaitable[object]]) -> Cost:
    before = moment()
    await call()
    after = moment()
    clock = after.clock - before.clock
    return Cost(clock, clock - (after.waited - before.waited), after.processor - before.processor)


def typical(costs: Sequence[Cost]) -> Cost:
    return Cost(*(statistics.median(column) for column in zip(*map(astuple, costs), strict=True)))


async def added(host: str) -> bool:
    """The provider waits for processors too, which no figure of ours takes off; both ways of asking meet it alike."""
    worst = 0.0
    ovh = Ovh(name="ovh", key="key", url=f"http://{host}/ovh")
    hive = Hive(name="hive", key="key", url=f"http://{host}/hive", image_hosts=(host,), limiter=Unlimited())
    async with httpx.AsyncClient(trust_env=False) as bare:

        async def bare_hive() -> None:
            answer = await bare.post(f"http://{host}/hive", json={"input": {"prompt": "a red fox"}})
            (await bare.get(json.loads(answer.content)["output"][0]["url"])).read()

        pairs = {
            "ovh": (lambda: ovh.generate(DRAWING, "", Told()), lambda: bare.post(f"http://{host}/ovh", json={})),
            "hive": (lambda: hive.generate(DRAWING, "", Told()), bare_hive),
        }
        for name, (ours, theirs) in pairs.items():
            both = [(await cost(theirs), await cost(ours)) for _ in range(ROUNDS)]
            base, whole = (typical(column) for column in zip(*both, strict=True))
            worst = max(worst, whole.own - base.own)
            say(
                f"{name:5} a 1024x1024 PNG, ms at the median: bare httpx {base.clock:.2f}, backend {whole.clock:.2f}; "
                f"without waiting for a processor {base.own:.2f} and {whole.own:.2f}; "
                f"computing {base.processor:.2f} and {whole.processor:.2f}"
            )
    say(f"added at most {worst:.2f} ms, target {ADDED_MS} ms")
    await ovh.close()
    await hive.close()
    return worst <= ADDED_MS


async def stall(host: str) -> bool:
    backend = Hive(name="hive", key="key", url=f"http://{host}/hive", image_hosts=(host,), limiter=Unlimited())
    began = time.perf_counter()
    async with ticking() as ticks:
        drawn = await asyncio.gather(*(backend.generate(DRAWING, "", Told()) for _ in range(TOGETHER)))
    seconds = time.perf_counter() - began
    say(f"{len(drawn)} requests together: {seconds:.2f} s; {ticks.line()}; target {STALL_MS} ms")
    await backend.close()
    return max(ticks.own) <= STALL_MS


def resident() -> float:
    """MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MIB


async def memory(host: str) -> bool:
    """Every picture is worked on for a while, four at a time, as decoding and encoding would."""
    backend = Ovh(name="ovh", key="key", url=f"http://{host}/large")
    before, peak = resident(), 0.0
    workers = asyncio.Semaphore(4)

    async def one() -> None:
        drawn = await backend.generate(DRAWING, "", Told())
        async with workers:
            await asyncio.sleep(0.1)
        del drawn

    async def watch() -> None:
        nonlocal peak
        for _ in count():
            peak = max(peak, resident())
            await asyncio.sleep(0.01)

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(one() for _ in range(TOGETHER)))
    watching.cancel()
    whole = TOGETHER * 25
    say(
        f"{TOGETHER} answers of 25 MiB ({whole} MiB): {peak - before:.0f} MiB more at the peak, "
        f"allowed to be held {MEMORY.limit / MIB:.0f}, held at the end {MEMORY.used / MIB:.0f}"
    )
    await backend.close()
    return bool(peak - before <= 1.5 * MEMORY.limit / MIB and MEMORY.used == 0)


async def measure() -> int:
    say(f"load of this machine {os.getloadavg()[0]:.1f}, processors {os.cpu_count()}")
    async with provider() as host:
        return int(not all([await added(host), await stall(host), await memory(host)]))


def main() -> int:
    return asyncio.run(measure())


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        asyncio.run(serve())
    sys.exit(main())
