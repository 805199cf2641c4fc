"""Several processes on one store. SQLite has one process only, where the same is asked of two callers at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from adapters.store.store import SqlStore
from bot.conduct import ItemState, Strike
from bot.errors import Refused, StoreBusy
from bot.model import JobState, Limits, Message, Problem
from bot.moderation.review import ITEM_SECONDS
from bot.ports import Topic
from tests import factories
from tests.contract.stores import DIALECTS, database_of, open_store
from tests.contract.test_store_intake import queue
from tests.contract.test_store_moderation import ANN, GUILD, chain, deciding, held
from tests.contract.test_store_turns import claim
from tests.factories import DAY, NOW

UNLIMITED = Limits(images_per_day=0, running=0, waiting=0)


@pytest.fixture(params=DIALECTS)
async def stores(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[list[SqlStore]]:
    """What three processes have open."""
    async with AsyncExitStack() as stack:
        count = 3 if request.param == "postgres" else 1
        opened = [await stack.enter_async_context(open_store(request.param, tmp_path)) for _ in range(count)]
        yield [opened[number % count] for number in range(3)]


async def test_f51_the_same_key_in_several_processes_is_one_job_and_one_reservation(stores: list[SqlStore]) -> None:
    limits = Limits(images_per_day=1, running=1, waiting=1)
    made = [factories.job(key="interaction-1") for _ in range(12)]
    results = await asyncio.gather(
        *(stores[number % 3].submit(factories.new(job, limits)) for number, job in enumerate(made))
    )
    assert len({stored.id for stored, _ in results}) == 1
    assert [fresh for _, fresh in results].count(True) == 1
    usage = await stores[0].usage("web:user:ann", DAY)
    assert (usage.images_today, usage.waiting) == (1, 1)


async def test_s29_the_quota_holds_against_submits_in_several_processes(stores: list[SqlStore]) -> None:
    limits = Limits(images_per_day=17, running=1, waiting=0)

    async def submit(number: int) -> bool:
        made = factories.new(factories.job(), limits)
        while True:
            try:
                await stores[number % 3].submit(made)
            except Refused:
                return False
            except StoreBusy:  # a slow machine: whoever asks is told so, and asks again
                continue
            return True

    assert sum(await asyncio.gather(*(submit(number) for number in range(60)))) == 17


async def test_a_person_who_asks_in_several_processes_at_once_gets_one_turn_after_the_other(
    stores: list[SqlStore],
) -> None:
    submitted = [(await stores[0].submit(factories.new(factories.job(), UNLIMITED)))[0] for _ in range(12)]
    acked = await asyncio.gather(
        *(
            stores[number % 3].acknowledge(job.id, {}, "sketch", NOW, review=False)
            for number, job in enumerate(submitted)
        )
    )
    tags = sorted([turn.tag for turn in await stores[0].line(20)])
    assert len(acked) == 12
    assert tags == [float(number) for number in range(12)]


async def work_off(store: SqlStore, worker: str, asking: asyncio.Future[list[None]], ended: list[str]) -> None:
    """Draws, fails, releases and delivers until nothing is left; checks the running limit after each claim."""
    while True:
        last = asking.done()
        job = await claim(store, worker)
        if job is None:
            if last and not await store.depths():
                return
            await asyncio.sleep(0.002)
            continue
        assert (await store.usage(job.origin.person.key, DAY)).running <= 2
        number = int(job.id, 16)
        if number % 5 == 0 and not job.errors:
            await store.release(job, job.candidates, NOW, error=True)
        elif number % 7 == 0:
            ended.append((await store.finish(job, JobState.FAILED, Problem("failed"), NOW)).id)
        else:
            drawn = await store.drawn(job, [factories.picture()], 0, [], NOW)
            ended.append((await store.delivered(drawn, NOW)).id)


async def test_under_load_every_job_ends_once_and_every_count_comes_back_to_nothing(stores: list[SqlStore]) -> None:
    limits = Limits(images_per_day=0, running=2, waiting=0)
    names = ("ann", "bob", "eve")
    ended: list[str] = []

    async def ask(store: SqlStore, name: str) -> None:
        for number in range(10):
            job = await queue(store, factories.job(name), limits)
            if number == 5:
                await store.cancel(job.id, Problem("cancelled_by_you"), NOW)

    async with asyncio.timeout(60):
        asking = asyncio.gather(*(ask(store, name) for store, name in zip(stores, names, strict=True)))
        await asyncio.gather(*(work_off(store, f"w{n}", asking, ended) for n, store in enumerate(stores * 2)))
    assert len(set(ended)) == len(ended)
    for name in names:
        usage = await stores[0].usage(f"web:user:{name}", DAY)
        jobs = await stores[0].jobs_of(f"web:user:{name}", 100)
        assert (len(jobs), usage.waiting, usage.running) == (10, 0, 0)
        assert usage.images_today == len([job for job in jobs if job.state is JobState.DELIVERED])
    assert await stores[0].line(10) == []


async def test_a_delivery_is_taken_by_one_of_several_workers(stores: list[SqlStore]) -> None:
    for name in ("ann", "bob", "eve"):
        await queue(stores[0], factories.job(name))
        job = await claim(stores[0], "dead")
        assert job is not None
        await stores[0].let_go(await stores[0].drawn(job, [], 0, [], NOW))
    taken = await asyncio.gather(*(store.claim_delivery(f"w{n}", NOW + 8, NOW) for n, store in enumerate(stores * 3)))
    ids = [job.id for job in taken if job]
    assert len(ids) == len(set(ids)) == 3


async def test_a_signal_wakes_the_other_processes_long_before_their_poll(stores: list[SqlStore]) -> None:
    wakeups = [store.subscribe(Topic.WORK) for store in stores]
    await asyncio.sleep(0.3)
    for wakeup in wakeups:
        await wakeup.wait(0.001)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await queue(stores[0], factories.job())
    await asyncio.gather(*(wakeup.wait(60.0) for wakeup in wakeups))
    assert loop.time() - began < 30.0


async def test_messages_of_several_processes_are_seen_in_order_and_none_is_passed_over(stores: list[SqlStore]) -> None:
    seen: list[int] = []

    async def say(store: SqlStore) -> None:
        for _ in range(15):
            await store.say(Message(0, "web:user:ann", "ann", "hello", NOW))

    async def read() -> None:
        while len(seen) < 45:
            seen.extend(message.seq for message in await stores[0].messages_after(seen[-1] if seen else 0, 50))

    async with asyncio.timeout(60):
        await asyncio.gather(read(), *(say(store) for store in stores))
    assert len(set(seen)) == 45
    assert seen == sorted(seen)


async def test_no_change_is_passed_over_while_transactions_overlap(stores: list[SqlStore]) -> None:
    changed: set[str] = set()
    made: list[str] = []

    async def ask(store: SqlStore) -> None:
        made.extend([(await queue(store, factories.job(f"p{number}"), UNLIMITED)).id for number in range(12)])

    async def read(cursor: int) -> None:
        while len(changed) < 36:
            cursor, jobs = await stores[2].changed_since(cursor, 500)
            changed.update(jobs)

    _, newest = await stores[2].newest()
    async with asyncio.timeout(60):
        await asyncio.gather(read(newest), *(ask(store) for store in stores))
    assert changed == set(made)


async def test_a_message_with_one_key_is_stored_once(stores: list[SqlStore]) -> None:
    said = await asyncio.gather(
        *(store.say(Message(0, "web:user:ann", "ann", "hi", NOW), "k") for store in stores * 4)
    )
    assert len({message.seq for message in said}) == 1


async def test_money_is_not_overspent_by_several_processes(stores: list[SqlStore]) -> None:
    spent = await asyncio.gather(*(store.spend("hive", DAY, 0.3, 1.0) for store in stores * 5))
    assert sum(spent) == 3


async def test_strikes_given_at_once_in_several_processes_are_all_counted(stores: list[SqlStore]) -> None:
    seen: list[int] = []

    async def strike(number: int) -> None:
        def decide(strikes: Sequence[Strike]) -> None:
            seen.append(len(strikes))

        given = Strike(f"s{number}", NOW + number, f"d{number}")
        await stores[number % 3].strike("discord:1", "discord:user:9", given, decide)

    await asyncio.gather(*(strike(number) for number in range(9)))
    assert sorted(seen) == list(range(1, 10))


@asynccontextmanager
async def row_locked(
    stores: list[SqlStore], folder: Path, job_id: str
) -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    """What it gives waits until so many others stand before the row. On SQLite nobody stands and waits."""

    async def nobody(_: int) -> None:
        pass

    if stores[0] is stores[1]:
        yield nobody
        return
    asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    connection = await asyncpg.connect(await database_of(folder))

    async def waiting(count: int) -> None:
        async with asyncio.timeout(20):
            while await connection.fetchval(asked) < count:
                await asyncio.sleep(0.01)

    try:
        async with connection.transaction():
            await connection.execute("SELECT 1 FROM jobs WHERE id = $1 FOR UPDATE", job_id)
            yield waiting
    finally:
        await connection.close()


async def test_f78_what_several_processes_expire_at_once_ends_once(stores: list[SqlStore], tmp_path: Path) -> None:
    made = [await held(stores[0]) for _ in range(3)]
    async with row_locked(stores, tmp_path, made[0][0].id) as waiting:
        expiring = [asyncio.create_task(store.expire_items(NOW + ITEM_SECONDS, 10)) for store in stores[:2]]
        await waiting(2)
    await asyncio.gather(*expiring)
    for job, _ in made:
        ended = await stores[0].job(job.id)
        assert ended is not None
        assert (ended.state, ended.reason) == (JobState.CANCELLED, Problem("review_ran_out"))
    assert [event.action for event in await chain(stores[0])].count("request_expired") == 3
    assert (await stores[0].usage(ANN, DAY)).images_today == 0


async def test_f78_what_a_moderator_lets_on_at_the_last_moment_does_not_expire(
    stores: list[SqlStore], tmp_path: Path
) -> None:
    job, item = await held(stores[0])
    async with row_locked(stores, tmp_path, job.id) as waiting:
        act = deciding(ItemState.APPROVED)
        decision = asyncio.create_task(stores[0].decide(GUILD, item.id, act, "sketch", NOW))
        await waiting(1)
        expiring = asyncio.create_task(stores[1].expire_items(NOW + ITEM_SECONDS, 10))
        await waiting(2)
    assert (await decision).state is ItemState.APPROVED
    assert await expiring == 0
    let_on = await stores[0].job(job.id)
    assert let_on is not None
    assert let_on.state is JobState.QUEUED
    assert "request_expired" not in [event.action for event in await chain(stores[0])]
