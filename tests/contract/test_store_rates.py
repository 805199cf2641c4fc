"""Turns of the providers' keys: several processes that share one never exceed its rate (row F20)."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import pytest

from adapters.backends.hive import REQUESTS_PER_SECOND
from adapters.backends.limits import TurnsUnknown, account_of
from adapters.limiter import SharedLimiter
from adapters.store import postgres
from adapters.store.store import SqlStore
from bot import failover, steps
from bot.errors import Busy, Down
from bot.model import Drawn
from tests import callers
from tests import postgres as servers
from tests.contract.hosted import CANARY, outcome, rigged
from tests.contract.stores import DIALECTS, database_of, open_store
from tests.standins.stopwatch import Stopwatch
from tests.standins.wire import Reply

ACCOUNT = account_of("hive", CANARY)


@pytest.fixture(params=DIALECTS)
async def stores(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[list[SqlStore]]:
    """What three processes have open."""
    async with AsyncExitStack() as stack:
        count = 3 if request.param == "postgres" else 1
        opened = [await stack.enter_async_context(open_store(request.param, tmp_path)) for _ in range(count)]
        yield [opened[number % count] for number in range(3)]


# -- one store


async def test_f20_turns_are_an_interval_apart_and_each_key_has_its_own(store: SqlStore) -> None:
    first = await store.take_turn("a", 50.0, 60.0)
    second = await store.take_turn("a", 50.0, 60.0)
    assert first <= 0
    assert 30 < second <= 50
    assert await store.take_turn("b", 50.0, 60.0) <= 0


async def test_a_turn_beyond_ones_patience_is_not_taken(store: SqlStore) -> None:
    await store.take_turn("a", 30.0, 0.0)
    for _ in range(3):
        assert 10 < await store.take_turn("a", 30.0, 5.0) <= 30
    assert 10 < await store.take_turn("a", 30.0, 60.0) <= 30
    assert 40 < await store.take_turn("a", 30.0, 60.0) <= 60


async def test_no_caller_takes_a_refused_turn_for_a_taken_one(store: SqlStore) -> None:
    """Time goes by between deciding and telling, and whoever is very patient is not believed."""
    for _ in range(2):
        assert await store.take_turn("a", 55.0, 1000.0) <= 55
    assert await store.take_turn("a", 55.0, 1000.0) > 1000


async def test_f20_a_pause_holds_a_key_and_is_never_shortened(store: SqlStore) -> None:
    await store.pause_turns("a", 50.0)
    await store.pause_turns("a", 1.0)
    assert 30 < await store.take_turn("a", 0.0, 0.0) <= 50
    assert 30 < await store.take_turn("a", 1.0, 60.0) <= 50
    assert await store.take_turn("b", 0.0, 0.0) <= 0


async def test_a_key_without_a_rate_leaves_no_row(store: SqlStore) -> None:
    for _ in range(5):
        assert await store.take_turn("a", 0.0, 0.0) <= 0
    async with store._engine.read() as tx:
        assert list(await tx.run("rate", account="a", now=0.0)) == []


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_f20_a_pause_and_the_turns_taken_outlive_a_restart(dialect: str, tmp_path: Path) -> None:
    async with open_store(dialect, tmp_path) as before:
        await before.pause_turns("paused", 50.0)
        await before.take_turn("used", 40.0, 0.0)
    async with open_store(dialect, tmp_path) as after:
        assert 20 < await after.take_turn("paused", 0.0, 0.0) <= 50
        assert 10 < await after.take_turn("used", 40.0, 0.0) <= 40


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_f21_f26_a_closed_backend_is_still_closed_after_a_restart(dialect: str, tmp_path: Path) -> None:
    now = 1000.0
    async with open_store(dialect, tmp_path) as store:
        health = steps.Health(store)
        for error in (Down("405: paused", until_fixed=True), Down("503: sorry")):
            name = "paid" if error.until_fixed else "tired"
            for _ in range(failover.FAILURES_TO_CLOSE):
                await health.keep(failover.breaker_after(health.breaker(name), error, now, 1.0))
    async with open_store(dialect, tmp_path) as store:
        health = steps.Health(store)
        assert not health.is_closed("paid", now)
        await health.load()
        assert health.is_closed("paid", 1e12)
        assert health.breaker("paid").reason == "405: paused"
        assert health.is_closed("tired", now + 14.0)
        assert not health.is_closed("tired", now + 16.0)


# -- several of them


async def test_f20_turns_taken_at_once_by_several_processes_are_all_an_interval_apart(stores: list[SqlStore]) -> None:
    async def take(store: SqlStore) -> float:
        wait = await store.take_turn("a", 4.0, 60.0)
        return time.monotonic() + wait

    at = sorted(await asyncio.gather(*(take(stores[number % 3]) for number in range(15))))
    # A database's answer is read a moment after it was given, so a turn seems to come that much later.
    assert all(abs(at[number] - at[0] - 4.0 * number) < 2 for number in range(15))


async def test_f20_one_process_is_told_to_wait_and_the_others_wait_too(stores: list[SqlStore]) -> None:
    async with rigged("hive") as rig:
        backends = [rig.backend(limiter=SharedLimiter(store)) for store in stores]
        rig.api.script(Reply(429, b"", {"Retry-After": "600"}))
        for backend in backends:
            error = await outcome(backend, rig.drawing())
            assert isinstance(error, Busy)
            assert error.retry_after is not None
            assert 500 < error.retry_after <= 600
        assert len(rig.api.heard) == 1


@pytest.mark.parametrize(("dialect", "processes"), [("sqlite", 1), ("postgres", 4)])
async def test_f20_processes_that_share_a_key_never_exceed_its_rate_in_any_second(
    dialect: str, processes: int, tmp_path: Path
) -> None:
    """Real processes, a provider that counts by the kernel's clock, and everybody stands still now and then."""
    place = await database_of(tmp_path) if dialect == "postgres" else str(tmp_path / "imagine.db")
    each = 28 // processes
    with Stopwatch() as provider:
        url = f"http://127.0.0.1:{provider.port}/api"
        started = [callers.start(place, url, each) for _ in range(processes)]
        try:
            for process in started:
                _, said = await asyncio.to_thread(process.communicate, timeout=100)
                assert process.returncode == 0, said
        finally:
            for process in started:
                process.kill()
        assert len(provider.arrivals) == each * processes
        assert provider.most_within(1.0) <= REQUESTS_PER_SECOND


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_s19_the_store_knows_no_key(dialect: str, tmp_path: Path) -> None:
    async with open_store(dialect, tmp_path) as store, rigged("hive") as rig:
        backend = rig.backend(limiter=SharedLimiter(store))
        assert isinstance(await outcome(backend, rig.drawing()), Drawn)
        async with store._engine.read() as tx:
            assert len(list(await tx.run("rate", account=ACCOUNT, now=0.0))) == 1
    if dialect == "sqlite":
        assert CANARY.encode() not in b"".join(file.read_bytes() for file in tmp_path.glob("imagine.db*"))
    else:
        dumped = servers.shared().pg("pg_dump", "--data-only", "--table=rates", await database_of(tmp_path)).stdout
        assert ACCOUNT in dumped
        assert CANARY not in dumped


# -- the store is away


@contextmanager
def locked(path: Path) -> Iterator[None]:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        connection.close()


async def test_f66_while_sqlite_is_locked_no_call_goes_out(tmp_path: Path) -> None:
    async with open_store("sqlite", tmp_path) as store, rigged("hive") as rig:
        backend = rig.backend(limiter=SharedLimiter(store), timeout_seconds=60.0)
        with locked(tmp_path / "imagine.db"):
            error = await outcome(backend, rig.drawing())
            assert isinstance(error, TurnsUnknown)
            assert error.retry_after
            assert not error.maybe_charged
            assert "does not answer" in error.detail
            assert "was not asked" in await backend.probe()
        assert rig.api.heard == []
        assert isinstance(await outcome(backend, rig.drawing()), Drawn)


@pytest.mark.parametrize("kind", ["ovh", "hive"])
async def test_while_postgresql_is_down_no_call_goes_out_and_afterwards_they_do(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With a known rate and without one: a pause that another process was told of may be in the store."""
    server = servers.start()
    store = SqlStore(await postgres.connect(await servers.database(server)))
    try:
        async with rigged(kind) as rig:
            backend = rig.backend(limiter=SharedLimiter(store), timeout_seconds=60.0)
            server.pg("pg_ctl", "-w", "-m", "immediate", "-D", str(server.server.pgdata), "stop")
            error = await outcome(backend, rig.drawing())
            assert isinstance(error, TurnsUnknown)
            assert CANARY not in error.detail
            assert rig.api.heard == []
            server.restart()
            assert isinstance(await outcome(backend, rig.drawing()), Drawn)
    finally:
        await store.close()
        server.stop()
    assert CANARY not in caplog.text


async def test_f20_a_pause_that_the_store_did_not_take_holds_in_the_process_that_was_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with open_store("sqlite", tmp_path) as store, rigged("hive") as rig:
        backend = rig.backend(limiter=SharedLimiter(store), timeout_seconds=60.0)

        async def lock_then_refuse(writer: asyncio.StreamWriter) -> None:
            with locked(tmp_path / "imagine.db"):
                writer.write(b"HTTP/1.1 429 Too Many\r\nRetry-After: 600\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
                while not caplog.records:
                    await asyncio.sleep(0.01)

        rig.api.script(lock_then_refuse)
        assert isinstance(await outcome(backend, rig.drawing()), Busy)
        assert "known here only" in caplog.text
        error = await outcome(backend, rig.drawing())
        assert isinstance(error, Busy)
        assert error.retry_after is not None
        assert error.retry_after > 500
        assert len(rig.api.heard) == 1
        assert await store.take_turn(ACCOUNT, 0.0, 0.0) <= 0


async def test_before_the_store_is_open_nothing_is_called() -> None:
    async with rigged("hive") as rig:
        error = await outcome(rig.backend(limiter=SharedLimiter()), rig.drawing())
        assert isinstance(error, TurnsUnknown)
        assert not isinstance(error, Down)
        assert rig.api.heard == []
