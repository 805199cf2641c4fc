"""The command line on PostgreSQL: migrating, moving over, a chat process with workers, each a process of its own."""

import asyncio
import json
import signal
import sqlite3
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import asyncpg
import pytest

from adapters.store import postgres, sqlite
from adapters.store.store import SqlStore
from bot.model import JobState, Limits, Message, Problem
from tests import factories, program
from tests import postgres as servers
from tests.contract.test_store_intake import queue
from tests.contract.test_store_turns import take
from tests.factories import NOW

CONFIG = """
[store]
url = "{url}"
images = "images"
[web]
port = {port}
[backends.sketch]
kind = "sketch"
"""
SECRET = {"IMAGINE_SECRET": "a secret that all machines share"}


def configured(folder: Path, url: str, more: str = "") -> int:
    port = program.free_port()
    (folder / "imagine.toml").write_text(CONFIG.format(url=url, port=port) + more)
    return port


def fresh(*, empty: bool = False) -> str:
    return asyncio.run(servers.database(empty=empty))


@contextmanager
def worker(folder: Path) -> Iterator[program.Program]:
    port = program.free_port()
    log = f"worker-{port}"
    (folder / log).mkdir()
    with program.running(
        folder, "run", "--role", "worker", port=port, env={**SECRET, "IMAGINE_WORKER_PORT": str(port)}
    ) as running:
        yield running


def test_an_empty_database_is_refused_until_it_is_migrated(tmp_path: Path) -> None:
    configured(tmp_path, fresh(empty=True))
    refused = program.call("run", cwd=tmp_path, env=SECRET)
    assert refused.returncode == 1
    assert "run imagine-bot migrate" in refused.stderr
    assert refused.stderr.count("\n") == 1
    migrated = program.call("migrate", cwd=tmp_path, env=SECRET)
    assert (migrated.returncode, migrated.stderr) == (0, "")
    assert program.call("migrate", cwd=tmp_path, env=SECRET).returncode == 0
    checked = program.call("check", cwd=tmp_path, env=SECRET)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://nobody@127.0.0.1:1/imagine",
        "postgresql://postgres@/nothing?host={socket}",
    ],
)
def test_a_database_that_cannot_be_reached_is_one_line(tmp_path: Path, url: str) -> None:
    configured(tmp_path, url.format(socket=servers.shared().socket_folder))
    done = program.call("run", cwd=tmp_path, env=SECRET)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr


def test_without_the_driver_one_line_names_the_extra(tmp_path: Path) -> None:
    configured(tmp_path, "postgresql://me@127.0.0.1/imagine")
    script = "import sys; sys.modules['asyncpg'] = None; from adapters.cli import main; main()"
    import subprocess

    done = subprocess.run(
        [sys.executable, "-c", script, "run"],
        cwd=tmp_path,
        env=program.environment(SECRET),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "imagine-bot[postgres]" in done.stderr
    assert done.stderr.count("\n") == 1


def ask(port: int, key: str, prompt: str, idempotency: str = "") -> dict[str, object]:
    once = {"idempotency-key": idempotency} if idempotency else {}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/images/generations",
        json.dumps({"prompt": prompt, "size": "64x64", "n": 1, "response_format": "b64_json"}).encode(),
        {"authorization": f"Bearer {key}", "content-type": "application/json", **once},
    )
    with urllib.request.urlopen(request, timeout=40) as answer:
        return json.loads(answer.read())  # type: ignore[no-any-return] # an object, by the API


def test_a_chat_process_and_two_workers_draw_together_and_one_may_be_killed(tmp_path: Path) -> None:
    port = configured(tmp_path, fresh())
    made = program.call("api-key", "create", "tests", cwd=tmp_path, env=SECRET)
    key = made.stdout.split()[-1]
    with ExitStack() as stack:
        chat = stack.enter_context(program.running(tmp_path, "run", "--role", "chat", port=port, env=SECRET))
        workers = [stack.enter_context(worker(tmp_path)) for _ in range(2)]
        for number in range(4):
            assert ask(port, key, f"a hill {number}")["data"]
        workers[0].process.send_signal(signal.SIGKILL)
        for number in range(4):
            assert ask(port, key, f"a fox {number}")["data"]
        assert "imagine_queue_jobs" in workers[1].get("/metrics")[1]
        pages = ("/", "/moderation", "/moderation/operations", "/v1/models", "/openapi.json")
        assert {workers[1].get(path)[0] for path in pages} == {404}
        for running in (workers[1], chat):
            code, seconds = running.stop()
            assert code == 0
            assert seconds < 20


def test_f05_f06_the_chat_process_killed_with_requests_under_way_answers_them_when_it_is_back(tmp_path: Path) -> None:
    """To programs that ask again with the same Idempotency-Key."""
    url = fresh()
    port = configured(tmp_path, url)
    key = program.call("api-key", "create", "tests", cwd=tmp_path, env=SECRET).stdout.split()[-1]

    def ask_until_answered(number: int) -> dict[str, object]:
        deadline = time.monotonic() + 60
        while True:
            try:
                return ask(port, key, f"a hill {number}", f"once-{number}")
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.2)

    with ExitStack() as stack:
        chat = stack.enter_context(program.running(tmp_path, "run", "--role", "chat", port=port, env=SECRET))
        asking = stack.enter_context(ThreadPoolExecutor(4))
        answers = [asking.submit(ask_until_answered, number) for number in range(4)]
        asyncio.run(until(url, "SELECT count(*) = 4 FROM jobs WHERE state = 'queued'"))
        chat.process.send_signal(signal.SIGKILL)
        chat.process.wait()
        stack.enter_context(worker(tmp_path))
        stack.enter_context(program.running(tmp_path, "run", "--role", "chat", port=port, env=SECRET))
        assert all(answer.result(80)["data"] for answer in answers)
    asyncio.run(until(url, "SELECT count(*) = 4 FROM jobs WHERE state = 'delivered'"))
    asyncio.run(until(url, "SELECT count(*) = 4 FROM jobs"))


async def until(url: str, question: str) -> None:
    connection = await asyncpg.connect(url)
    async with asyncio.timeout(30):
        while not await connection.fetchval(question):
            await asyncio.sleep(0.05)
    await connection.close()


def test_f14_a_second_chat_process_on_one_discord_token_is_refused(tmp_path: Path) -> None:
    url = fresh()

    async def held() -> postgres.PostgresEngine:
        engine = await postgres.connect(url)
        assert await engine.own("discord:a.discord.token", 5.0)
        return engine

    with asyncio.Runner() as runner:
        engine = runner.run(held())
        configured(tmp_path, url, "[discord]\n")
        tokens = {**SECRET, "DISCORD_TOKEN": "a.discord.token"}
        done = program.call("run", "--role", "chat", cwd=tmp_path, env=tokens)
        assert done.returncode == 1
        assert "Discord token" in done.stderr
        assert done.stderr.count("\n") == 1
        runner.run(engine.close())


async def fill(path: Path) -> None:
    """A community under way: delivered, running and waiting requests, messages, a report, an audit trail."""
    store = SqlStore(await sqlite.connect(path))
    limits = Limits(images_per_day=50, running=1, waiting=0)
    for number in range(30):
        await queue(store, factories.job(f"p{number % 4}", count=1 + number % 3, cost=0.1 * number), limits)
        await store.say(Message(0, "web:user:ann", "Ann", f"line {number} – “ünï” \N{FOX FACE}", NOW))
    for _ in range(12):
        job = await take(store)
        await store.delivered(await store.drawn(job, [factories.picture()], 0, [Problem("some_missing", {})], NOW), NOW)
    await take(store)
    await store.set_meta("synced", "1")
    await store.spend("hive", 20_000, 0.1 + 0.2, 0)
    await store.close()


def test_moving_over_takes_every_row_and_the_bot_goes_on_where_it_was(tmp_path: Path) -> None:
    source = tmp_path / "imagine.db"
    url = fresh(empty=True)
    asyncio.run(fill(source))
    done = program.call("migrate", "--from", f"sqlite:///{source}", "--to", url, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "jobs: 30 rows" in done.stdout
    asyncio.run(compare(source, url))
    again = program.call("migrate", "--from", f"sqlite:///{source}", "--to", url, cwd=tmp_path)
    assert again.returncode == 1
    assert again.stderr.count("\n") == 1


async def compare(source: Path, url: str) -> None:
    store = SqlStore(await postgres.connect(url))
    old = SqlStore(await sqlite.connect(source))
    for person in range(4):
        name = f"web:user:p{person}"
        assert await store.jobs_of(name, 100) == await old.jobs_of(name, 100)
        assert await store.usage(name, 20_000) == await old.usage(name, 20_000)
    assert await store.line(100) == await old.line(100)
    assert await store.newest() == await old.newest()
    said = await store.say(Message(0, "web:user:ann", "Ann", "after the move", NOW))
    assert said.seq == (await old.newest())[0] + 1
    before = (await store.newest())[1]
    await queue(store, factories.job("new"))
    assert (await store.newest())[1] == before + 2
    [lost] = await store.expired(NOW + 9)
    released = await store.release(await store.crashed(lost, "w2", NOW + 20), lost.candidates, NOW)
    assert released.state is JobState.QUEUED
    await old.close()
    await store.close()


def test_a_move_of_a_running_bots_store_or_of_nothing_is_refused(tmp_path: Path) -> None:
    url = fresh(empty=True)
    missing = program.call("migrate", "--from", f"sqlite:///{tmp_path}/no.db", "--to", url, cwd=tmp_path)
    assert (missing.returncode, missing.stderr.count("\n")) == (1, 1)
    lock = sqlite.ProcessLock(tmp_path / "imagine.db")
    sqlite3.connect(tmp_path / "imagine.db").close()
    assert lock.take()
    (tmp_path / "imagine.db").touch()
    busy = program.call("migrate", "--from", f"sqlite:///{tmp_path}/imagine.db", "--to", url, cwd=tmp_path)
    lock.drop()
    assert (busy.returncode, busy.stderr.count("\n")) == (1, 1)
    assert "runs on" in busy.stderr


async def test_a_move_that_fails_keeps_nothing(tmp_path: Path) -> None:
    source = tmp_path / "imagine.db"
    await fill(source)
    connection = sqlite3.connect(source)
    connection.execute("UPDATE messages SET text = 'a' || char(0) || 'b' WHERE seq = 3")
    connection.commit()
    connection.close()
    url = await servers.database(empty=True)
    done = await asyncio.to_thread(
        program.call, "migrate", "--from", f"sqlite:///{source}", "--to", url, cwd=tmp_path
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    opened = await asyncpg.connect(url)
    assert await opened.fetchval("SELECT count(*) FROM jobs") == 0
    await opened.close()
