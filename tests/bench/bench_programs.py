"""The API beside the web chat's own path, the gallery at 10,000 pictures, and thumbnails beside the event loop.

    python -m tests.bench.bench_programs
"""

import asyncio
import io
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
from PIL import Image

from adapters.store import rows
from bot.model import JobState
from tests import factories
from tests.bench.table import Row, show
from tests.house import TestHouse, open_house
from tests.programs import ask, new_key, plain
from tests.web import Client, Site, client, open_site

JOBS, EACH = 2500, 4
ASKED = 150
LOOKS = 200


def quantiles(seconds: Sequence[float]) -> str:
    cut = statistics.quantiles(seconds, n=100)
    return f"p50 {cut[49] * 1000:.1f} ms, p99 {cut[98] * 1000:.1f} ms, most {max(seconds) * 1000:.1f} ms"


# -- the API on an idle system


async def through_the_api(site: Site, http: httpx.AsyncClient, number: int) -> float:
    began = time.perf_counter()
    answer = await ask(http, {"prompt": f"a fox {number}"})
    assert answer.status_code == 200
    assert answer.json()["data"][0]["b64_json"]
    return time.perf_counter() - began


class Watcher:
    """A page's event stream; ``shown`` is told of every job whose pictures it shows."""

    def __init__(self) -> None:
        self.shown = asyncio.Event()

    async def run(self, person: Client) -> None:
        async with person.http.stream("GET", f"/room/events?since={person.cursor}") as events:
            async for line in events.aiter_lines():
                if line.startswith("data:") and 'data-state=\\"delivered\\"' in line:
                    self.shown.set()


async def through_the_room(watcher: Watcher, person: Client, number: int) -> float:
    """From the post to the message with the pictures' addresses; a browser still has to load them."""
    watcher.shown.clear()
    began = time.perf_counter()
    await person.say(f"/imagine a fox {number}")
    await watcher.shown.wait()
    return time.perf_counter() - began


async def bench_api(folder: Path) -> None:
    async with AsyncExitStack() as stack:
        house = await stack.enter_async_context(open_house(folder))
        site = await stack.enter_async_context(open_site(house))
        http = await stack.enter_async_context(plain(site, await new_key(house)))
        person = await stack.enter_async_context(client(site))
        watcher = Watcher()
        watching = asyncio.create_task(watcher.run(person))
        await asyncio.sleep(0.5)
        room, api = [], []
        for number in range(ASKED):
            room.append(await through_the_room(watcher, person, number))
            api.append(await through_the_api(site, http, number))
        models = await timed(ASKED, lambda: http.get("/v1/models"))
        watching.cancel()
    show(
        "A request on an idle system, with a backend that draws 64x64 at once",
        [
            Row("web chat: from the post to the message with the pictures", quantiles(room)),
            Row("API: from the request to the pictures themselves", quantiles(api)),
            Row("API over web chat, median", f"{(statistics.median(api) - statistics.median(room)) * 1000:+.1f} ms"),
            Row("API: GET /v1/models, the key looked up", quantiles(models)),
        ],
    )


async def timed(times: int, call: Callable[[], Awaitable[object]]) -> list[float]:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        await call()
        taken.append(time.perf_counter() - began)
    return taken


# -- the gallery


async def fill(house: TestHouse, owner: str, names: Sequence[str]) -> None:
    """10,000 pictures of one person, all shared, in a few large transactions."""
    engine = house.store._engine
    for start in range(0, JOBS, 500):
        async with engine.write() as tx:
            made_now = []
            for number in range(start, start + 500):
                made = factories.job(prompt=f"picture {number} of a {'fox' if number % 97 else 'walrus'} in the snow")
                person = replace(made.origin, person=replace(made.origin.person, key=owner))
                job = replace(made, origin=person, created_at=1_790_000_000.0 + number)
                made_now.append((job.id, job.created_at))
                await tx.run("insert_job", **rows.job_values(job, 20_000))
                for index in range(EACH):
                    picture = rows_of(job.id, index, names[(number * EACH + index) % len(names)])
                    await tx.run("insert_picture", **picture)
                    await tx.run("share_picture", job=job.id, position=index)
            await tx._connection.execute_fetchall(  # type: ignore[attr-defined] # a bench's short cut
                "UPDATE jobs SET state = 'delivered', backend = 'sketch', finished_at = created_at WHERE state = ?",
                [JobState.RECEIVED],
            )
            for job_id, at in made_now:
                for index in range(EACH):
                    await tx.run("hang_picture", job=job_id, position=index, at=at)


def rows_of(job_id: str, index: int, name: str) -> dict[str, object]:
    fixed = {"width": 1024, "height": 1024, "media_type": "image/png", "size_bytes": 1_000_000, "seed": index}
    return {"job": job_id, "position": index, "sha256": name, **fixed}


async def bench_gallery(folder: Path) -> None:
    async with open_house(folder) as house, open_site(house, working=False) as site, client(site) as person:
        await fill(house, f"web:user:{person.cookie.partition('.')[0]}", ["a" * 64])
        found = []
        for what, path in (
            ("own pictures", "/gallery"),
            ("shared pictures", "/gallery?of=everybody"),
            ("a rare word", "/gallery?q=WALRUS"),
            ("a word that is nowhere", "/gallery?q=giraffe"),
            ("shared, a word that is nowhere", "/gallery?of=everybody&q=giraffe"),
            ("shared, the 200th page", f"/gallery?of=everybody&after=1790000700.0_{'f' * 32}_0"),
        ):
            async def look(path: str = path) -> None:
                assert (await person.http.get(path)).status_code == 200

            await look()
            found.append(Row(what, quantiles(await timed(LOOKS, look)), "p99 < 100 ms"))
    show(f"The gallery with {JOBS * EACH:,} pictures, server and transfer", found)


# -- thumbnails


@asynccontextmanager
async def lag(worst: list[float], busy: list[float]) -> AsyncIterator[None]:
    """How late the event loop wakes up, sampled every 2 ms, and its own processor time in between.

    On a machine that others use too the first is mostly the kernel's; the second is what this program does there.
    """

    async def watch() -> None:
        while True:
            planned, used = time.perf_counter() + 0.002, time.thread_time()
            await asyncio.sleep(0.002)
            worst.append(time.perf_counter() - planned)
            busy.append(time.thread_time() - used)

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()


def noisy(seed: int, side: int) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((side, side), 40 + seed).convert("RGB").save(out, "PNG", compress_level=1)
    return out.getvalue()


async def bench_thumbnails(folder: Path) -> None:
    async with open_house(folder) as house:
        drawn = [noisy(seed, 1024) for seed in range(36)]
        saved = await house.pictures.save(drawn, [{}] * len(drawn))
        worst: list[float] = []
        busy: list[float] = []
        await house.pictures.thumb(saved[0].sha256, 128)
        idle: list[float] = []
        async with lag(idle, []):
            await asyncio.sleep(2)
        async with lag(worst, busy):
            began = time.perf_counter()
            await asyncio.gather(*(house.pictures.thumb(each.sha256, 256) for each in saved))
            made = time.perf_counter() - began
            again = await timed(200, lambda: house.pictures.thumb(saved[0].sha256, 256))
    size = sum(each.size_bytes for each in saved) / len(saved) / 1e6
    show(
        f"Thumbnails of a gallery page: {len(saved)} pictures of 1024x1024, {size:.1f} MB each",
        [
            Row("all of them, made for the first time", f"{made:.2f} s"),
            Row("one that is there", quantiles(again)),
            Row("the event loop's own work meanwhile, longest turn", f"{max(busy) * 1000:.1f} ms", "never > 50 ms"),
            Row("its latest wake-up, the machine's other work included", f"{max(worst) * 1000:.1f} ms"),
            Row("the event loop with nothing to do, on this machine now", f"{max(idle) * 1000:.1f} ms"),
        ],
    )


async def main() -> None:
    for number, bench in enumerate((bench_api, bench_gallery, bench_thumbnails)):
        with tempfile.TemporaryDirectory() as folder:
            await bench(Path(folder) / str(number))


if __name__ == "__main__":
    asyncio.run(main())
