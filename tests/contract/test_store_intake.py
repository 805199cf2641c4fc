"""The way in: idempotency, quota, acknowledgement."""

import asyncio
from dataclasses import replace

import pytest

from adapters.store.store import SqlStore
from bot.errors import Conflict, Refused
from bot.model import Job, JobState, Limits, Problem
from tests import factories
from tests.factories import DAY, NOW


async def queue(store: SqlStore, made: Job, limits: Limits | None = None) -> Job:
    stored, _ = await store.submit(factories.new(made, limits))
    return await store.acknowledge(stored.id, {}, "sketch", NOW, review=False)


async def test_a_job_reads_back_as_it_was_stored(store: SqlStore) -> None:
    made = factories.job(notes=(Problem("size_nearest", {"wanted": "9x9"}),))
    stored, fresh = await store.submit(factories.new(made))
    assert fresh
    assert stored == made
    assert await store.job(made.id) == made


async def test_f51_the_same_key_twice_is_one_job(store: SqlStore) -> None:
    made = factories.job()
    again = factories.job(key=made.key)
    results = await asyncio.gather(*(store.submit(factories.new(each)) for each in (made, again, again)))
    assert {stored.id for stored, _ in results} == {results[0][0].id}
    assert [fresh for _, fresh in results].count(True) == 1
    assert (await store.usage("web:user:ann", DAY)).images_today == 1


async def test_s29_fifty_parallel_submits_never_exceed_the_quota(store: SqlStore) -> None:
    limits = Limits(images_per_day=17, running=1, waiting=0)

    async def submit() -> bool:
        try:
            await store.submit(factories.new(factories.job(), limits))
        except Refused:
            return False
        return True

    taken = await asyncio.gather(*(submit() for _ in range(50)))
    assert sum(taken) == 17
    assert (await store.usage("web:user:ann", DAY)).images_today == 17


async def test_a_caller_that_is_cancelled_at_any_moment_leaves_no_transaction_open(store: SqlStore) -> None:
    job = await queue(store, factories.job())
    for turns in range(60):
        left = asyncio.create_task(store.cancel(job.id, Problem("cancelled_by_you"), NOW))
        for _ in range(turns % 20):
            await asyncio.sleep(0)
        await asyncio.sleep(turns // 20 * 0.0002)
        left.cancel()
        await asyncio.wait({left})
        assert await store.cancel(job.id, Problem("cancelled_by_you"), NOW) is not None


async def test_s20_the_token_of_an_interaction_goes_once_it_is_worth_nothing(store: SqlStore) -> None:
    origin = replace(factories.origin(platform="discord"), address={"token": "sealed", "status": "7"})
    job = await queue(store, replace(factories.job(), origin=origin))
    await store.cancel(job.id, Problem("cancelled_by_you"), NOW)
    kept, dropped = {"token": "sealed", "status": "7"}, {"status": "7"}
    for since, until, changed, left in ((0.0, NOW - 1, 0, kept), (NOW - 1, NOW, 1, dropped), (0.0, NOW, 0, dropped)):
        assert await store.drop_tokens(since, until) == changed
        stored = await store.job(job.id)
        assert stored is not None
        assert stored.origin.address == left


async def test_a_refusal_leaves_no_trace(store: SqlStore) -> None:
    with pytest.raises(Refused) as refused:
        await store.submit(factories.new(factories.job(count=9), Limits(images_per_day=8, running=1, waiting=0)))
    assert refused.value.problems[0].values["left"] == 8
    usage = await store.usage("web:user:ann", DAY)
    assert (usage.images_today, usage.waiting) == (0, 0)
    assert await store.depths() == {}


async def test_the_cap_of_a_guild_holds_for_all_its_people(store: SqlStore) -> None:
    limits = Limits(images_per_day=0, running=1, waiting=0, tenant_images_per_day=3)
    for name in ("ann", "bob", "eve"):
        await store.submit(factories.new(factories.job(name), limits))
    with pytest.raises(Refused) as refused:
        await store.submit(factories.new(factories.job("dan"), limits))
    assert refused.value.problems[0].code == "quota_tenant_day"


async def test_the_number_of_waiting_requests_is_limited(store: SqlStore) -> None:
    limits = Limits(images_per_day=0, running=1, waiting=2)
    for _ in range(2):
        await store.submit(factories.new(factories.job(), limits))
    with pytest.raises(Refused) as refused:
        await store.submit(factories.new(factories.job(), limits))
    assert refused.value.problems[0].code == "quota_waiting"


async def test_a_new_day_brings_a_new_allowance(store: SqlStore) -> None:
    limits = Limits(images_per_day=1, running=1, waiting=0)
    await store.submit(factories.new(factories.job(), limits))
    await store.submit(factories.new(factories.job(), limits, day=DAY + 1))
    assert (await store.usage("web:user:ann", DAY + 1)).images_today == 1


async def test_f69_a_clock_that_jumps_back_gives_no_second_allowance(store: SqlStore) -> None:
    limits = Limits(images_per_day=1, running=1, waiting=0)
    await store.submit(factories.new(factories.job(), limits, day=DAY + 1))
    with pytest.raises(Refused):
        await store.submit(factories.new(factories.job(), limits, day=DAY))


async def test_f02_a_job_never_acknowledged_is_found_and_its_cancel_refunds(store: SqlStore) -> None:
    stored, _ = await store.submit(factories.new(factories.job(count=3)))
    assert await store.unacknowledged(NOW + 1) == [stored.id]
    ended = await store.cancel(stored.id, Problem("never_acknowledged"), NOW)
    assert ended.state is JobState.CANCELLED
    usage = await store.usage("web:user:ann", DAY)
    assert (usage.images_today, usage.waiting) == (0, 0)


async def test_f02_a_job_that_was_acknowledged_is_not_cancelled_as_one_that_never_was(store: SqlStore) -> None:
    stored, _ = await store.submit(factories.new())
    acked = await store.acknowledge(stored.id, {}, "sketch", NOW, review=False)
    assert await store.cancel(stored.id, Problem("never_acknowledged"), NOW, unacknowledged=True) == acked


async def test_acknowledging_twice_conflicts_and_adds_the_address_once(store: SqlStore) -> None:
    stored, _ = await store.submit(factories.new())
    acked = await store.acknowledge(stored.id, {"thread": "9"}, "sketch", NOW, review=False)
    assert acked.state is JobState.QUEUED
    assert acked.origin.address == {"message": "1", "thread": "9"}
    with pytest.raises(Conflict):
        await store.acknowledge(stored.id, {}, "sketch", NOW, review=False)


async def test_s25_a_second_cancel_changes_nothing(store: SqlStore) -> None:
    job = await queue(store, factories.job(count=2))
    first, second = await asyncio.gather(
        *(store.cancel(job.id, Problem(code), NOW) for code in ("cancelled_by_you", "cancelled_by_moderator"))
    )
    assert first.reason == second.reason
    assert (await store.usage("web:user:ann", DAY)).images_today == 0
    assert await store.line(10) == []


async def test_a_cap_that_comes_during_the_day_counts_from_then_on_and_breaks_nothing(store: SqlStore) -> None:
    uncapped = Limits(images_per_day=0, running=1, waiting=0)
    capped = Limits(images_per_day=0, running=1, waiting=0, tenant_images_per_day=2)
    before = await queue(store, factories.job("ann", count=2), uncapped)
    await store.submit(factories.new(factories.job("bob"), capped))
    await store.cancel(before.id, Problem("cancelled_by_you"), NOW)
    await store.submit(factories.new(factories.job("eve"), capped))
    await store.submit(factories.new(factories.job("eve"), capped))
    with pytest.raises(Refused):
        await store.submit(factories.new(factories.job("eve"), capped))
