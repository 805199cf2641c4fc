import asyncio
import gc
import pickle
import threading
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.backends.limits import RATE_MARGIN, Budget, ProcessLimiter, Room, Turnstile, account_of, held
from adapters.limiter import SharedLimiter
from bot import pacing
from bot.pacing import LONGEST_PAUSE, LONGEST_WAIT, Pace

RATE = 5.0


@given(st.lists(st.floats(0, 3), max_size=60))
def test_f20_no_second_holds_more_calls_than_the_rate_allows(pauses: list[float]) -> None:
    now, pace, calls = 100.0, Pace(), []
    for pause in pauses:
        now += pause / 10
        at, pace = pacing.turn(pace, now, RATE_MARGIN / RATE, LONGEST_WAIT)
        calls.append(at)
    for start in calls:
        assert sum(start <= other < start + 1 for other in calls) <= RATE


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0.01, 10), st.floats(0, LONGEST_WAIT))
def test_a_turn_is_never_in_the_past_nor_taken_beyond_ones_patience(
    next_at: float, now: float, interval: float, patience: float
) -> None:
    at, after = pacing.turn(Pace(next_at), now, interval, patience)
    assert at >= now
    assert at == now or next_at > now
    assert after.next_at == (at + interval if at <= now + patience else next_at)


def test_f20_a_pause_holds_every_turn_back_and_is_not_one() -> None:
    pace = pacing.paused(Pace(next_at=99.0), 100.0, 30.0)
    assert pacing.turn(pace, 110.0, 0.0, 0.0) == (130.0, pace)
    assert pacing.turn(pace, 110.0, 1.0, 60.0) == (130.0, Pace(131.0, 130.0))
    assert pacing.paused(pace, 110.0, 5.0) == pace
    assert pacing.paused(pace, 110.0, 1e9).paused_until == 110.0 + LONGEST_PAUSE


def test_f69_after_the_clock_was_set_back_an_hour_stamps_from_then_hold_nobody_up() -> None:
    hour_ago = 10_000.0
    pace = Pace(hour_ago + 3600 + 1, hour_ago + 3601)
    assert pacing.turn(pace, hour_ago, 0.2, 30.0) == (hour_ago, Pace(hour_ago + 0.2, 0.0))


async def test_a_turn_beyond_ones_patience_is_not_taken() -> None:
    limiter = ProcessLimiter(clock=lambda: 50.0)
    assert await limiter.take("a", 10.0, 1.0) == 0
    assert await limiter.take("a", 10.0, 1.0) == 10
    assert await limiter.take("a", 10.0, 15.0) == 10
    assert await limiter.take("a", 10.0, 15.0) == 20
    assert await limiter.take("b", 10.0, 1.0) == 0


async def test_no_caller_takes_a_refused_turn_for_a_taken_one() -> None:
    """Whoever is more patient than is believed, and whoever lost patience to a pause that only this process knows."""
    limiter = ProcessLimiter(clock=lambda: 50.0)
    assert [await limiter.take("a", 50.0, 1000.0) for _ in range(2)] == [0, 50]
    assert await limiter.take("a", 50.0, 1000.0) > 1000

    class Rates:
        async def take_turn(self, account: str, interval: float, patience: float) -> float:
            return patience + 0.05

        async def pause_turns(self, account: str, seconds: float) -> None: ...

    shared = SharedLimiter(Rates())
    await shared.pause("a", 0.2)
    assert await shared.take("a", 1.0, 30.0) > 30


async def test_a_pause_holds_a_key_and_is_never_shortened() -> None:
    limiter = ProcessLimiter(clock=lambda: 50.0)
    await limiter.pause("a", 30.0)
    await limiter.pause("a", 5.0)
    assert await limiter.take("a", 0.0, 0.0) == 30


def test_s19_an_accounts_name_does_not_tell_the_key() -> None:
    assert "secret" not in account_of("hive", "secret")
    assert len({account_of("hive", "a"), account_of("hive", "b"), account_of("ovh", "a")}) == 3


async def test_bytes_come_back_when_the_picture_is_gone() -> None:
    budget = Budget(100)
    await budget.take(60)
    picture = held(bytes(60), budget)
    assert picture == bytes(60)
    waiting = asyncio.create_task(budget.take(60))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    del picture
    gc.collect()
    await asyncio.wait_for(waiting, 20)
    assert budget.used == 60


async def test_in_another_process_pictures_are_plain_bytes() -> None:
    budget = Budget(100)
    await budget.take(10)
    waiting = asyncio.create_task(budget.take(100))
    await asyncio.sleep(0)
    copy = pickle.loads(pickle.dumps(held(b"p" * 10, budget)))
    assert type(copy) is bytes
    assert copy == b"p" * 10
    await asyncio.wait_for(waiting, 20)


async def test_bytes_may_come_back_from_another_thread() -> None:
    budget = Budget(100)
    await budget.take(100)
    pictures = [held(bytes(100), budget)]
    waiting = asyncio.create_task(budget.take(1))
    await asyncio.sleep(0.01)
    thread = threading.Thread(target=pictures.clear)
    thread.start()
    await asyncio.wait_for(waiting, 20)
    thread.join()


async def test_whoever_came_first_is_served_first_and_one_that_left_holds_nobody_up() -> None:
    budget = Budget(100)
    await budget.take(100)
    large, small = asyncio.create_task(budget.take(90)), asyncio.create_task(budget.take(10))
    await asyncio.sleep(0.01)
    budget.give(20)
    await asyncio.sleep(0.01)
    assert not small.done()
    large.cancel()
    await asyncio.wait_for(small, 20)
    assert budget.used == 90


async def test_one_cancelled_at_the_moment_it_was_served_gives_its_bytes_back() -> None:
    budget = Budget(100)
    await budget.take(100)
    waiting = asyncio.create_task(budget.take(50))
    await asyncio.sleep(0.01)
    budget.give(100)
    budget._wake()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert budget.used == 0


async def test_more_than_the_whole_budget_still_fits_alone() -> None:
    budget = Budget(100)
    await asyncio.wait_for(budget.take(1000), 20)


async def test_requests_for_several_pictures_never_wait_for_each_other_for_ever() -> None:
    budget = Budget(100)

    async def draw() -> None:
        room = Room(budget)
        await asyncio.gather(*(room.take(60) for _ in range(4)))
        await asyncio.sleep(0.001)
        budget.give(240)

    await asyncio.wait_for(asyncio.gather(*(draw() for _ in range(20))), 20)
    assert budget.used == 0


async def test_only_a_few_go_through_in_one_round_of_the_loop_and_in_order() -> None:
    turns, rounds, passed = Turnstile(3), [0], list[tuple[int, int]]()

    async def count_rounds() -> None:
        while True:
            rounds[0] += 1
            await asyncio.sleep(0)

    async def go(number: int) -> None:
        await turns.turn()
        passed.append((rounds[0], number))

    counting = asyncio.create_task(count_rounds())
    tasks = [asyncio.create_task(go(number)) for number in range(12)]
    await asyncio.sleep(0)
    tasks[5].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    counting.cancel()
    assert [number for _, number in passed] == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]
    assert max(Counter(at for at, _ in passed).values()) <= 3
    await asyncio.wait_for(asyncio.gather(*(go(number) for number in range(7))), 20)


def test_a_turnstile_outlives_a_loop_that_ended_in_the_middle() -> None:
    turns = Turnstile(1)

    async def leave() -> None:
        waiting = [asyncio.create_task(turns.turn()) for _ in range(3)]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)

    async def use() -> None:
        await asyncio.wait_for(asyncio.gather(*(turns.turn() for _ in range(3))), 20)

    asyncio.run(leave())
    asyncio.run(use())
