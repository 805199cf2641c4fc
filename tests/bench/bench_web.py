"""The web chat with 50 people watching one room: what a person in front of a real browser waits for.

    python -m tests.bench.bench_web
"""

import asyncio
import re
import statistics
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from playwright.async_api import CDPSession, Page, async_playwright

from tests import browser
from tests.bench.table import Row, show
from tests.web import free_port

WATCHERS, OPEN_PAGES = 50, 200
REQUESTS = 120
CONFIGURATION = """
[store]
url = "sqlite:///{folder}/imagine.db"
images = "{folder}/images"
[web]
port = {port}
public_url = "http://127.0.0.1:{port}"
[backends.sketch]
kind = "sketch"
[routing]
order = ["sketch"]
[quota]
images_per_day = 0
running = 1
waiting = 0
"""

WATCH = """() => {
  window.seen = {};
  const note = (id, what) => { (window.seen[id] ??= {})[what] ??= Date.now(); };
  new MutationObserver(() => {
    for (const article of document.querySelectorAll("article")) {
      const image = article.querySelector("figure img");
      if (article.querySelector(".command")) note(article.id, "ticket");
      if (image && !image.watched) {
        image.watched = true;
        image.decode().then(() => note(article.id, "shown"), () => {});
      }
    }
  }).observe(document.querySelector("#log"), { childList: true, subtree: true });
}"""


@asynccontextmanager
async def bot(folder: Path, port: int) -> AsyncIterator[Process]:
    """The whole bot as a process of its own."""
    configuration = folder / "imagine.toml"
    configuration.write_text(CONFIGURATION.format(folder=folder.as_posix(), port=port))
    command = "from adapters.cli import main; main()"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", command, "run", "-c", str(configuration), stdout=PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert process.stdout
    async with asyncio.timeout(60):
        while b"http" not in (line := await process.stdout.readline()):
            assert line, "the bot did not start"
    draining = asyncio.create_task(process.stdout.read())
    try:
        yield process
    finally:
        process.terminate()
        await process.wait()
        draining.cancel()


def resident_megabytes(process: Process) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    match = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert match
    return int(match[1]) / 1024


async def watch(url: str) -> None:
    """One more open page, as far as the server can tell."""
    async with httpx.AsyncClient(base_url=url, timeout=None) as http:
        page = await http.get("/")
        cursor = re.search(r'data-cursor="([\d.]+)"', page.text)
        assert cursor
        async with http.stream("GET", "/room/events", params={"since": cursor[1]}) as stream:
            async for _ in stream.aiter_raw():
                pass


@asynccontextmanager
async def watching(url: str, people: int) -> AsyncIterator[None]:
    tasks = []
    for _ in range(people):
        tasks.append(asyncio.create_task(watch(url)))
        await asyncio.sleep(0.02)
    await asyncio.sleep(1.0)
    assert not any(task.done() for task in tasks)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def first_load(page: Page, session: CDPSession, url: str) -> tuple[int, int]:
    """Requests and bytes on the wire, headers included."""
    sizes: list[int] = []
    session.on("Network.loadingFinished", lambda event: sizes.append(int(event["encodedDataLength"])))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await session.send("Network.enable")
    await page.goto(url)
    await page.wait_for_timeout(500)
    return len(asked), sum(sizes)


async def one_request(page: Page, number: int, log: list[dict[str, float]]) -> None:
    await page.locator("#message").fill(f"/imagine a fox number {number} --size 256x256 --steps 4")
    await page.evaluate("() => { window.sent = Date.now(); document.querySelector('#composer .main').click(); }")
    handle = await page.wait_for_function(
        """words => {
          const article = [...document.querySelectorAll("article")].find((each) => each.textContent.includes(words));
          const seen = article && window.seen[article.id];
          return seen?.shown ? { ...seen, sent: window.sent, job: article.querySelector(".thread").dataset.job } : null;
        }""",
        arg=f"number {number} ",
    )
    log.append(await handle.json_value())


async def drawn_times(folder: Path, jobs: Sequence[str]) -> dict[str, float]:
    from adapters.store import sqlite
    from adapters.store.store import SqlStore

    store = SqlStore(await sqlite.connect(folder / "imagine.db"))
    try:
        return {each.job.id: each.job.drawn_at for each in await store.settled(jobs)}
    finally:
        await store.close()


def milliseconds(name: str, values: Sequence[float]) -> list[Row]:
    ordered = sorted(values)
    p99 = ordered[min(len(ordered) - 1, round(len(ordered) * 0.99))]
    return [
        Row(f"{name}, median", f"{statistics.median(ordered):.0f} ms"),
        Row(f"{name}, p99 of {len(ordered)}", f"{p99:.0f} ms"),
    ]


async def measure(folder: Path) -> list[Row]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    log: list[dict[str, float]] = []
    async with bot(folder, port) as process, async_playwright() as playwright:
        path = browser.find()
        launched = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = await launched.new_page()
        session = await page.context.new_cdp_session(page)
        requests, size = await first_load(page, session, url)
        await session.send("Network.disable")
        empty = resident_megabytes(process)
        async with watching(url, OPEN_PAGES):
            full = resident_megabytes(process)
        async with watching(url, WATCHERS - 1):
            await page.evaluate(WATCH)
            for number in range(REQUESTS):
                await one_request(page, number, log)
        await launched.close()
        began = time.perf_counter()
    stopped = time.perf_counter() - began
    drawn = await drawn_times(folder, [str(each["job"]) for each in log])
    return [
        *milliseconds("Send to ticket on the page", [each["ticket"] - each["sent"] for each in log]),
        *milliseconds("drawn to decoded on the page", [each["shown"] - drawn[str(each["job"])] * 1000 for each in log]),
        Row("first load, requests", str(requests)),
        Row("first load, on the wire", f"{size / 1024:.1f} KiB"),
        Row("memory of the bot, no page open", f"{empty:.0f} MiB"),
        Row(f"memory of the bot, {OPEN_PAGES} pages open", f"{full:.0f} MiB"),
        Row("a page's share", f"{(full - empty) * 1024 / OPEN_PAGES:.0f} KiB"),
        Row("SIGTERM to exit", f"{stopped:.1f} s"),
    ]


def main() -> None:
    if browser.find() is None:
        print("The web chat: no Chromium here, so nothing was measured.")
        return
    with tempfile.TemporaryDirectory() as folder:
        rows = asyncio.run(measure(Path(folder)))
    show(f"The web chat, {WATCHERS} people watching one room", rows)


if __name__ == "__main__":
    main()
