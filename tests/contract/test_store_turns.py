"""Fair turns, leases and settling."""

import asyncio

import pytest

from adapters.store.store import SqlStore
from bot.errors import Conflict
from bot.model import Job, JobState, Limits, Problem
from bot.ports import Choose
from tests import factories
from tests.contract.test_store_intake import queue
from tests.factories import DAY, NOW

LEASE = NOW + 8


def only(backend: str) -> Choose:
    return lambda candidates: backend if backend in candidates else None


async def claim(store: SqlStore, worker: str = "w1", backend: str = "sketch") -> Job | None:
    return await store.claim(worker, only(backend), LEASE, NOW)


async def take(store: SqlStore, worker: str = "w1") -> Job:
    job = await claim(store, worker)
    assert job is not None
    return job


async def serve(store: SqlStore, services: int) -> list[str]:
    """Draws and delivers one after the other; the names in the order they were served."""
    served = []
    for _ in range(services):
        job = await take(store)
        served.append(job.origin.person.name)
        await store.delivered(await store.drawn(job, [], 0, [], NOW), NOW)
    return served


async def test_the_running_limit_of_a_person_holds_against_parallel_claims(store: SqlStore) -> None:
    limits = Limits(images_per_day=0, running=2, waiting=0)
    for _ in range(10):
        await queue(store, factories.job(), limits)
    claimed = await asyncio.gather(*(claim(store, f"w{number}") for number in range(8)))
    claimed += [await claim(store) for _ in range(3)]  # one that found the person's row locked found nothing
    assert len([job for job in claimed if job]) == 2
    assert (await store.usage("web:user:ann", DAY)).running == 2


async def test_no_job_is_claimed_twice(store: SqlStore) -> None:
    for name in ("ann", "bob", "eve"):
        await queue(store, factories.job(name))
    claimed = [job.id for job in await asyncio.gather(*(claim(store, f"w{n}") for n in range(9))) if job]
    assert len(claimed) == len(set(claimed)) == 3


async def test_behind_one_heavy_person_everybody_else_is_served_soon(store: SqlStore) -> None:
    for _ in range(60):
        await queue(store, factories.job("heavy"))
    await serve(store, 3)
    for number in range(5):
        for _ in range(2):
            await queue(store, factories.job(f"light{number}"))
    served = await serve(store, 13)
    assert served.count("heavy") <= 3


async def test_a_newcomer_of_any_weight_waits_for_nobodys_backlog(store: SqlStore) -> None:
    for _ in range(40):
        await queue(store, factories.job("free", cost=5.0))
        await queue(store, factories.job("paid", cost=5.0, weight=4.0))
    await serve(store, 25)
    await queue(store, factories.job("newcomer", weight=0.5))
    assert "newcomer" in await serve(store, 3)


async def test_a_weight_of_three_gets_three_times_the_turns(store: SqlStore) -> None:
    for _ in range(40):
        await queue(store, factories.job("one"))
        await queue(store, factories.job("three", weight=3.0))
    served = await serve(store, 40)
    assert 28 <= served.count("three") <= 32


async def test_ten_small_requests_weigh_as_one_large_one(store: SqlStore) -> None:
    for _ in range(5):
        await queue(store, factories.job("large", cost=10.0))
    for _ in range(50):
        await queue(store, factories.job("small", cost=1.0))
    served = await serve(store, 22)
    assert served.count("large") == 2


async def test_a_slow_backend_does_not_hold_the_others_queue_back(store: SqlStore) -> None:
    for number in range(30):
        await queue(store, factories.job(f"hosted{number}", cost=50.0, candidates=("hive",)))
        job = await claim(store, backend="hive")
        assert job is not None
        await store.drawn(job, [], 0, [], NOW)
    for _ in range(10):
        await queue(store, factories.job("local"))
    await queue(store, factories.job("newcomer"))
    assert "newcomer" in await serve(store, 2)


async def test_cancelling_the_head_moves_the_line_up(store: SqlStore) -> None:
    first = await queue(store, factories.job())
    second = await queue(store, factories.job())
    await store.cancel(first.id, Problem("cancelled_by_you"), NOW)
    assert (await take(store)).id == second.id


async def test_a_released_job_keeps_its_place(store: SqlStore) -> None:
    first = await queue(store, factories.job())
    await queue(store, factories.job())
    job = await take(store)
    released = await store.release(job, job.candidates, NOW, error=True)
    assert (released.state, released.errors) == (JobState.QUEUED, 1)
    assert (await take(store)).id == first.id


async def test_a_released_job_goes_on_in_the_lane_of_its_other_backends(store: SqlStore) -> None:
    await queue(store, factories.job(candidates=("hive", "sketch")))
    job = await store.claim("w1", only("hive"), LEASE, NOW)
    assert job is not None
    await store.release(job, ("sketch",), NOW, error=True, paid=True)
    assert await claim(store, backend="hive") is None
    moved = await take(store)
    assert (moved.id, moved.backend, moved.paid_attempts) == (job.id, "sketch", 1)


async def test_a_worker_that_lost_its_lease_can_finish_nothing(store: SqlStore) -> None:
    await queue(store, factories.job())
    stale = await take(store)
    fresh = await store.crashed(stale, "w2", LEASE + 8)
    for late in (
        store.crashed(stale, "w3", 2 * LEASE),
        store.drawn(stale, [], 0, [], NOW),
        store.delivered(stale, NOW),
        store.release(stale, stale.candidates, NOW),
        store.finish(stale, JobState.FAILED, Problem("failed"), NOW),
        store.remember_task(stale, "t"),
        store.remember_address(stale, {}),
    ):
        with pytest.raises(Conflict):
            await late
    assert (await store.drawn(fresh, [], 0, [], NOW)).state is JobState.DRAWN


async def test_f06_whoever_was_taken_for_dead_and_drew_after_all_keeps_its_job(store: SqlStore) -> None:
    await queue(store, factories.job())
    seen = await take(store)
    drawn = await store.drawn(seen, [factories.picture()], 0, [], NOW)
    with pytest.raises(Conflict):
        await store.crashed(seen, "w2", LEASE)
    await store.delivered(drawn, NOW)
    with pytest.raises(Conflict):
        await store.crashed(seen, "w2", LEASE)
    assert await store.expired(NOW, all_workers=True) == []


async def test_f10_whoever_was_taken_for_dead_and_extended_its_lease_keeps_its_job(store: SqlStore) -> None:
    await queue(store, factories.job())
    job = await take(store)
    [seen] = await store.expired(LEASE + 1)
    await store.heartbeat("w1", LEASE + 8, [job.id])
    with pytest.raises(Conflict):
        await store.crashed(seen, "w2", LEASE + 20)
    drawn = await store.drawn(job, [factories.picture()], 0, [], NOW)
    [seen] = await store.expired(LEASE + 9)
    await store.heartbeat("w1", LEASE + 16, [job.id])
    await store.let_go(seen, expired=True)
    assert (await store.delivered(drawn, NOW)).state is JobState.DELIVERED


async def test_leases_expire_and_are_extended_by_heartbeats(store: SqlStore) -> None:
    await queue(store, factories.job())
    job = await take(store)
    assert await store.expired(LEASE - 1) == []
    assert await store.heartbeat("w1", LEASE + 8, [job.id]) == {job.id: (1, False)}
    assert await store.expired(LEASE + 1) == []
    assert [each.id for each in await store.expired(LEASE + 9)] == [job.id]
    assert [each.id for each in await store.expired(NOW, all_workers=True)] == [job.id]


async def test_a_cancelled_running_job_is_flagged_for_its_worker(store: SqlStore) -> None:
    await queue(store, factories.job())
    job = await take(store)
    await store.cancel(job.id, Problem("cancelled_by_you"), NOW)
    assert await store.heartbeat("w1", LEASE, [job.id]) == {job.id: (1, True)}


async def test_delivery_pays_for_what_came_and_refunds_the_rest(store: SqlStore) -> None:
    await queue(store, factories.job(count=4))
    job = await take(store)
    pictures = [factories.picture(index) for index in range(3)]
    drawn = await store.drawn(job, pictures, 1, [], NOW)
    assert (await store.usage("web:user:ann", DAY)).running == 0
    assert await store.pictures_of(job.id) == pictures
    done = await store.delivered(drawn, NOW)
    assert done.state is JobState.DELIVERED
    assert (await store.usage("web:user:ann", DAY)).images_today == 3


async def test_a_refund_goes_to_the_day_that_was_reserved(store: SqlStore) -> None:
    await queue(store, factories.job(count=4))
    job = await take(store)
    await store.submit(factories.new(factories.job(), day=DAY + 1))
    await store.finish(job, JobState.FAILED, Problem("failed"), NOW + 86_400)
    assert (await store.usage("web:user:ann", DAY + 1)).images_today == 1


async def test_f08_a_drawn_job_is_delivered_by_the_next_worker_and_never_drawn_again(store: SqlStore) -> None:
    await queue(store, factories.job())
    drawn = await store.drawn(await take(store), [factories.picture()], 0, [], NOW)
    assert await store.claim_delivery("w2", LEASE, NOW) is None
    await store.let_go(drawn)
    assert await claim(store) is None
    taken = await store.claim_delivery("w2", LEASE, NOW)
    assert taken is not None
    assert (taken.id, taken.state) == (drawn.id, JobState.DELIVERING)
    with pytest.raises(Conflict):
        await store.delivered(drawn, NOW)
    await store.delivered(taken, NOW)
    assert await store.claim_delivery("w3", LEASE, NOW) is None


async def test_a_postponed_delivery_is_taken_when_it_is_due(store: SqlStore) -> None:
    await queue(store, factories.job())
    drawn = await store.drawn(await take(store), [], 0, [], NOW)
    await store.deliver_later(drawn, NOW + 60)
    assert await store.claim_delivery("w1", LEASE, NOW + 59) is None
    taken = await store.claim_delivery("w1", LEASE, NOW + 60)
    assert taken is not None
    assert taken.deliveries == 1


async def test_a_delivery_is_stuck_from_its_first_failure_until_some_worker_shows_the_result(store: SqlStore) -> None:
    await queue(store, factories.job())
    drawn = await store.drawn(await take(store), [], 0, [], NOW)
    assert await store.deliveries_stuck() == 0
    await store.deliver_later(drawn, NOW)
    assert await store.deliveries_stuck() == 1
    taken = await store.claim_delivery("w2", LEASE, NOW)
    assert taken is not None
    assert await store.deliveries_stuck() == 1
    await store.delivered(taken, NOW)
    assert await store.deliveries_stuck() == 0


async def test_a_delivery_that_was_given_up_is_stuck_until_the_person_was_told(store: SqlStore) -> None:
    await queue(store, factories.job())
    await store.deliver_later(await store.drawn(await take(store), [], 0, [], NOW), NOW)
    taken = await store.claim_delivery("w1", LEASE, NOW)
    assert taken is not None
    await store.finish(taken, JobState.UNDELIVERABLE, Problem("undeliverable"), NOW)
    for worker in ("w1", "w2"):
        told = await store.claim_untold(worker, LEASE, NOW)
        assert told is not None
        assert await store.deliveries_stuck() == 1
        await (store.deliver_later(told, NOW) if worker == "w1" else store.told(told))
    assert await store.deliveries_stuck() == 0


async def test_a_failed_job_is_told_once(store: SqlStore) -> None:
    await queue(store, factories.job())
    job = await take(store)
    await store.finish(job, JobState.FAILED, Problem("failed", {"why": "x"}), NOW)
    told = await store.claim_untold("w1", LEASE, NOW)
    assert told is not None
    assert told.reason == Problem("failed", {"why": "x"})
    assert await store.claim_untold("w2", LEASE, NOW) is None
    await store.told(told)
    assert await store.claim_untold("w2", LEASE + 99, NOW + 99) is None


async def test_the_address_grows_durably_between_the_calls_of_a_delivery(store: SqlStore) -> None:
    await queue(store, factories.job())
    drawn = await store.drawn(await take(store), [], 0, [], NOW)
    await store.remember_address(drawn, {"file": "F1"})
    known = await store.job(drawn.id)
    assert known is not None
    assert known.origin.address == {"message": "1", "file": "F1"}
    assert known.state is JobState.DELIVERING


async def test_whoever_asks_again_after_an_idle_time_starts_at_the_clock_and_not_before(store: SqlStore) -> None:
    """Freed with nothing waiting, a person has nothing to catch up."""
    limits = Limits(images_per_day=0, running=1, waiting=0)
    await queue(store, factories.job("ann"), limits)
    anns = await take(store)
    for _ in range(2):
        await queue(store, factories.job("bob", cost=1000.0), limits)
        await store.delivered(await store.drawn(await take(store), [], 0, [], NOW), NOW)
    await store.delivered(await store.drawn(anns, [], 0, [], NOW), NOW)
    await queue(store, factories.job("eve"), limits)
    await queue(store, factories.job("ann", created_at=NOW + 1), limits)
    assert await serve(store, 2) == ["eve", "ann"]


async def test_what_no_backend_is_to_draw_any_more_is_found_wherever_it_waits(store: SqlStore) -> None:
    gone = await queue(store, factories.job(candidates=("old", "older")))
    for candidates in (("old", "sketch"), ("sketch",)):
        await queue(store, factories.job(candidates=candidates))
    assert [job.id for job in await store.stranded(["sketch"], NOW, 10)] == [gone.id]
    assert await store.stranded(["sketch"], NOW - 1, 10) == []
    assert await store.stranded(["sketch", "older"], NOW, 10) == []
    assert len(await store.stranded([], NOW, 2)) == 2
