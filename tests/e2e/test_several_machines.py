"""Several processes on one PostgreSQL, and what may happen to each of them: everything exactly once."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

from adapters.store import postgres
from adapters.store.store import SqlStore
from bot.errors import Refused, StoreError
from bot.model import JobState
from bot.ports import Topic
from bot.telling import TRUSTED_SECONDS, Telling
from bot.worker import BEAT_SECONDS, LEASE_SECONDS, POLL_SECONDS
from tests import factories, machines
from tests import postgres as servers
from tests.contract.stores import database_of
from tests.crashing import FolderChat, Fuse
from tests.fakes import FakeBackend, FakeChat
from tests.house import TestHouse, house_on, open_house
from tests.moving import Ahead


async def all_settled(house: TestHouse, job_ids: list[str], seconds: float = 60.0) -> None:
    for job_id in job_ids:
        await house.settled(job_id, seconds)


async def test_f06_workers_killed_among_several_lose_nothing_and_show_nothing_twice(tmp_path: Path) -> None:
    async with open_house(tmp_path, dialect="postgres") as house:
        workers = [machines.start_worker(tmp_path, f"w{number}", 0.3) for number in range(3)]
        asked = [(await house.ask(f"a hill --count {1 + n % 2}", name=f"p{n % 4}")).job.id for n in range(24)]
        await house.settled(asked[0], 30)
        for victim in workers[:2]:
            os.kill(victim.pid or 0, signal.SIGKILL)
            victim.join()
        killed_at = time.monotonic()
        await all_settled(house, asked)
        assert time.monotonic() - killed_at < 30
        jobs = [await house.store.job(job_id) for job_id in asked]
        assert {job.state for job in jobs if job} == {JobState.DELIVERED}
        os.kill(workers[2].pid or 0, signal.SIGKILL)
        workers[2].join()
    await machines.check_promises(tmp_path)


async def test_other_workers_take_a_dead_ones_job_over_within_ten_seconds(tmp_path: Path) -> None:
    async with open_house(tmp_path, dialect="postgres") as house:
        dead = machines.start_worker(tmp_path, "dead", 60.0)
        ticket = await house.ask()
        while (await house.store.job(ticket.job.id)).state is not JobState.RUNNING:  # type: ignore[union-attr] # it is
            await asyncio.sleep(0.02)
        os.kill(dead.pid or 0, signal.SIGKILL)
        dead.join()
        killed_at = time.monotonic()
        async with house.working(house.worker("w2", alone=False)):
            job = await house.settled(ticket.job.id, 20)
        assert (job.state, job.crashes) == (JobState.DELIVERED, 1)
        assert time.monotonic() - killed_at < 25
    assert LEASE_SECONDS + BEAT_SECONDS / 2 + POLL_SECONDS < 10, "what it takes where nothing is slow"


async def test_one_of_several_workers_tells_the_line_and_another_one_once_it_is_dead(tmp_path: Path) -> None:
    async with open_house(tmp_path, [FakeBackend(seconds=60.0)], dialect="postgres") as house:
        for _ in range(2):
            await house.ask()
        chats = [FakeChat(), FakeChat()]
        clock = Ahead()
        core = replace(house.core, clock=clock)
        tellers = [Telling(core, {"web": chat}, f"w{number}", alone=False) for number, chat in enumerate(chats)]
        for _ in range(3):
            for teller in tellers:
                await teller.look()
        assert [len(chat.seen) for chat in chats] == [6, 0]
        clock.ahead += TRUSTED_SECONDS
        for _ in range(3):
            await tellers[1].look()
        await tellers[0].look()
        assert [len(chat.seen) for chat in chats] == [6, 6]


async def test_f02_a_dead_chat_processs_requests_are_dropped_by_another_but_not_those_on_their_way(
    tmp_path: Path,
) -> None:
    async with open_house(tmp_path, dialect="postgres") as house:
        lost = await house.studio.submit(factories.origin(), "a fox --count 3", "interaction-1")
        await asyncio.sleep(0.6)
        under_way = await house.studio.submit(factories.origin("bob"), "a cat", "interaction-2")
        async with open_house(tmp_path, dialect="postgres") as other:
            assert await other.studio.drop_unacknowledged(0.5) == 1
        job = await house.store.job(lost.job.id)
        assert job is not None
        assert job.state is JobState.CANCELLED
        assert (await house.studio.acknowledged(under_way.job.id, {})).job.state is JobState.QUEUED
        usage = await house.store.usage("web:user:ann", house.core.day())
        assert (usage.images_today, usage.waiting) == (0, 0)


async def test_postgresql_restarted_under_load_loses_and_repeats_nothing(tmp_path: Path) -> None:
    server = servers.start(durable=True)
    url = await servers.database(server)
    (tmp_path / "postgres.url").write_text(url)
    (tmp_path / "platform").mkdir()
    acked: list[str] = []

    async def ask(house: TestHouse, number: int) -> None:
        """As a chat adapter does: a person who is told that the bot is busy asks again, with a new interaction."""
        for attempt in range(20):
            try:
                key = f"{number}-{attempt}"
                ticket = await house.studio.submit(factories.origin(f"p{number % 5}"), "a hill", key)
                await house.studio.acknowledged(ticket.job.id, {})
            except (Refused, StoreError):
                await asyncio.sleep(0.3)
                continue
            acked.append(ticket.job.id)
            return
        raise AssertionError("busy for too long")

    async def ask_all(house: TestHouse) -> None:
        for number in range(40):
            await ask(house, number)
            await asyncio.sleep(0.05)

    async with open_house(tmp_path, [FakeBackend(seconds=0.2)], dialect="postgres") as house:
        house.chat = FolderChat(tmp_path / "platform", Fuse(0))  # type: ignore[assignment] # a chat of the crash tests
        workers = [house.worker(f"w{number}", alone=False) for number in range(2)]
        async with house.working(*workers):
            asking = asyncio.create_task(ask_all(house))
            for _ in range(2):
                await asyncio.sleep(1.0)
                await asyncio.to_thread(server.restart)
            await asking
            await all_settled(house, acked, 40)
        ended = [job for job_id in acked if (job := await house.store.job(job_id))]
        assert [(job.state, job.reason) for job in ended if job.state is not JobState.DELIVERED] == []
        await house.studio.drop_unacknowledged()
        for name in range(5):
            for job in await house.store.jobs_of(f"web:user:p{name}", 100, active_only=True):
                await house.settled(job.id, 20)
        async with house.working():
            await asyncio.sleep(1.5)  # what was dropped is told
    await machines.check_promises(tmp_path)
    server.stop()


@asynccontextmanager
async def houses_on(
    tmp_path: Path, urls: list[str], backends: list[FakeBackend], monotonics: list[float] | None = None
) -> AsyncIterator[list[TestHouse]]:
    async with AsyncExitStack() as stack:
        houses = []
        for number, (url, backend) in enumerate(zip(urls, backends, strict=True)):
            wrong_by = monotonics[number] if monotonics else 0.0
            engine = await postgres.connect(url, lambda wrong_by=wrong_by: time.monotonic() + wrong_by)  # type: ignore[misc]
            store = SqlStore(engine)
            stack.push_async_callback(store.close)
            houses.append(await stack.enter_async_context(house_on(store, tmp_path, [backend])))
        for house in houses:
            house.chat = houses[0].chat
        yield houses


async def test_a_worker_cut_off_from_the_database_stops_before_another_draws_and_nothing_is_shown_twice(
    tmp_path: Path,
) -> None:
    url = await database_of(tmp_path)
    slow, quick = FakeBackend(seconds=30), FakeBackend()
    with machines.wire(machines.socket_of(servers.shared())) as wire:
        async with houses_on(tmp_path, [url, wire.url(url)], [quick, slow]) as (near, far):
            async with far.working(far.worker("far", alone=False)):
                ticket = await near.ask()
                while not slow.running:
                    await asyncio.sleep(0.02)
                wire.pull()
                pulled_at = time.monotonic()
                async with near.working(near.worker("near", alone=False)):
                    while not quick.drawn:
                        await asyncio.sleep(0.02)
                    assert slow.running == 0, "two draw one job"
                    job = await near.settled(ticket.job.id, 20)
                assert time.monotonic() - pulled_at < 30
                assert (job.state, len(near.chat.shown)) == (JobState.DELIVERED, 1)
                wire.plug()
                slow.seconds = 0
                again = await near.ask("another hill")
                assert (await near.settled(again.job.id, 20)).state is JobState.DELIVERED
            assert [settled.job.id for settled in near.chat.shown] == [ticket.job.id, again.job.id]
    assert near.chat is far.chat


async def test_f69_machines_with_wrong_clocks_keep_their_leases_and_take_dead_ones_over_in_time(
    tmp_path: Path,
) -> None:
    url = await database_of(tmp_path)
    backends = [FakeBackend(seconds=0.3), FakeBackend(seconds=0.3)]
    async with houses_on(tmp_path, [url, url], backends, [3600.0, -86_400.0]) as (ahead, behind):
        assert abs(ahead.store.clock.now() - behind.store.clock.now()) < 10
        assert abs(ahead.store.clock.now() - time.time()) < 10
        workers = [house.worker(name, alone=False) for house, name in ((ahead, "ahead"), (behind, "behind"))]
        async with ahead.working(workers[0]), behind.working(workers[1]):
            asked = [(await ahead.ask(name=f"p{number}")).job.id for number in range(12)]
            await all_settled(ahead, asked)
        for house in (ahead, behind):
            assert house.recorder.named("lease_lost") == house.recorder.named("recovered") == []
            assert house.recorder.named("job_delivered") != []
        assert len(ahead.chat.shown) == 12


async def test_what_was_signalled_while_a_process_was_cut_off_is_found_when_it_comes_back(tmp_path: Path) -> None:
    url = await database_of(tmp_path)
    with machines.wire(machines.socket_of(servers.shared())) as wire:
        async with houses_on(tmp_path, [url, wire.url(url)], [FakeBackend(), FakeBackend()]) as (near, far):
            wakeup = far.store.subscribe(Topic.WORK)
            await asyncio.sleep(0.3)
            await wakeup.wait(0.001)
            wire.pull()
            await near.ask()
            wire.plug()
            began = time.monotonic()
            await wakeup.wait(60.0)
            assert time.monotonic() - began < 40


async def test_f14_one_owner_a_token_and_the_next_one_when_it_is_gone(tmp_path: Path) -> None:
    url = await database_of(tmp_path)
    first, second = await postgres.connect(url), await postgres.connect(url)
    assert await first.own("discord:token", 5.0)
    assert not await second.own("discord:token", 0.2)
    assert await second.own("discord:another token", 5.0)
    await first.close()
    assert await second.own("discord:token", 5.0)
    await second.close()


async def test_f14_shards_share_a_token_and_a_whole_bot_does_not(tmp_path: Path) -> None:
    url = await database_of(tmp_path)
    shard, other, whole = [await postgres.connect(url) for _ in range(3)]
    assert await shard.own("discord:token", 5.0, shared=True)
    assert await other.own("discord:token", 5.0, shared=True)
    assert not await whole.own("discord:token", 0.2)
    for engine in (shard, other):
        await engine.close()
    assert await whole.own("discord:token", 5.0)
    await whole.close()
