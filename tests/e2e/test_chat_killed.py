"""kill -9 of the chat process, with PostgreSQL and a worker living on: what was asked ends once, and its page shows it.

A page whose post was not answered posts again with the same key, as the page's script does.
"""

import asyncio
import contextlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests import chat_process, machines, web
from tests.contract.stores import database_of

MOST_MOMENTS = 20
SECONDS = 60.0


@contextmanager
def living(child: BaseProcess) -> Iterator[BaseProcess]:
    try:
        yield child
    finally:
        child.kill()
        child.join()


async def up(page: web.Client, child: BaseProcess) -> None:
    async with asyncio.timeout(SECONDS):
        while child.is_alive():
            with contextlib.suppress(httpx.HTTPError):
                if (await page.http.get("/healthz")).status_code == httpx.codes.OK:
                    return
            await asyncio.sleep(0.05)
    raise AssertionError("the chat process ended before anybody asked")


async def posted(page: web.Client, text: str, key: str) -> bool:
    """False: no answer came."""
    try:
        answer = await page.say(text, key)
    except httpx.HTTPError:
        return False
    assert answer.status_code == httpx.codes.OK, answer.text
    return True


async def one_life(folder: Path, port: int, page: web.Client, prompt: str, kill_at: int) -> bool:
    """Asks a chat process that dies at that moment, then the next one. False: the first one lived through it."""
    key = f"a-post-number-{kill_at:04}"
    with living(chat_process.start_chat(folder, port, kill_at)) as first:
        await up(page, first)
        if not page.token:
            await page.arrive()
        if await posted(page, f"/imagine {prompt}", key):
            return False
        first.join(SECONDS)
        assert first.exitcode == -9
    with living(chat_process.start_chat(folder, port)) as second:
        await up(page, second)
        assert await posted(page, f"/imagine {prompt}", key)
        await shown(page, prompt)
    return True


async def shown(page: web.Client, prompt: str) -> None:
    """The page has the request once, with its picture."""
    async with asyncio.timeout(SECONDS):
        while "<img" not in (found := articles(await page.page(), prompt))[-1]:
            await asyncio.sleep(0.05)
    assert len(found) == 1
    assert found[0].count("<img") == 1


def articles(html: str, words: str) -> list[str]:
    return [each for each in re.findall(r"<article.*?</article>", html, re.DOTALL) if words in each] or [""]


async def check(folder: Path, requests: int) -> None:
    connection = await asyncpg.connect(await database_of(folder))
    async with asyncio.timeout(SECONDS):
        while await connection.fetchval("SELECT count(*) FROM jobs WHERE finished_at = 0"):
            await asyncio.sleep(0.05)
    ended = await connection.fetch("SELECT request, count(*) AS n FROM jobs WHERE state = 'delivered' GROUP BY request")
    assert [row["n"] for row in ended] == [1] * requests
    assert await connection.fetchval("SELECT count(*) FROM jobs WHERE state NOT IN ('delivered', 'cancelled')") == 0
    assert await connection.fetchval("SELECT count(*) FROM messages WHERE job <> ''") == requests
    await machines.check_counts(connection)
    await connection.close()


async def test_f01_f02_f03_f05_a_chat_process_killed_at_any_moment_of_a_request_leaves_one_picture(
    tmp_path: Path,
) -> None:
    port = web.free_port()
    await database_of(tmp_path)
    with living(chat_process.start_worker(tmp_path)):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=SECONDS) as http:
            page = web.Client(http)
            for kill_at in range(1, MOST_MOMENTS):
                if not await one_life(tmp_path, port, page, f"a hill of kind {kill_at}.", kill_at):
                    break
            else:
                pytest.fail("more moments than were tried")
            assert kill_at > 2 * len(("submit", "say", "acknowledge"))
        await check(tmp_path, kill_at)


async def test_f05_f06_a_chat_process_killed_while_its_request_is_drawn_is_not_missed(tmp_path: Path) -> None:
    """The worker draws and delivers; the next chat process shows what the store has."""
    port = web.free_port()
    await database_of(tmp_path)
    with living(chat_process.start_worker(tmp_path, seconds=2.0)):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=SECONDS) as http:
            page = web.Client(http)
            with living(chat_process.start_chat(tmp_path, port)) as first:
                await up(page, first)
                await page.arrive()
                assert await posted(page, "/imagine a slow hill", "a-post-number-0001")
            await check(tmp_path, 1)
            with living(chat_process.start_chat(tmp_path, port)) as second:
                await up(page, second)
                await shown(page, "a slow hill")
