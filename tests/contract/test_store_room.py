"""The web room in the store: what is said, what changed, what was reported."""

import asyncio

from adapters.store.store import SqlStore
from bot.model import JobState, Message, Problem, Progress
from tests import factories
from tests.factories import NOW

ANN, BEN = "web:user:ann", "web:user:ben"


def message(text: str, person: str = ANN, audience: str = "", job_id: str = "") -> Message:
    return Message(0, person, "Ann", text, NOW, audience=audience, job_id=job_id)


async def test_what_is_said_is_numbered_and_private_things_are_their_persons(store: SqlStore) -> None:
    first = await store.say(message("hello"))
    private = await store.say(message("psst", "", ANN))
    last = await store.say(message("bye", BEN))
    assert first.seq < private.seq < last.seq
    assert [each.text for each in await store.messages(ANN, 2**62, 10)] == ["bye", "psst", "hello"]
    assert [each.text for each in await store.messages(BEN, 2**62, 10)] == ["bye", "hello"]
    assert [each.text for each in await store.messages(BEN, last.seq, 10)] == ["hello"]
    assert [each.text for each in await store.messages_after(first.seq, 10)] == ["psst", "bye"]
    assert (await store.newest())[0] == last.seq


async def test_the_same_key_says_once_even_at_once(store: SqlStore) -> None:
    said = await asyncio.gather(*(store.say(message(f"try {number}"), "one-key") for number in range(20)))
    assert len({each.seq for each in said}) == 1
    assert len(await store.messages(ANN, 2**62, 100)) == 1
    await store.say(message("without a key"))
    await store.say(message("without a key"))
    assert len(await store.messages(ANN, 2**62, 100)) == 3


async def test_jobs_are_found_with_their_messages_and_pictures(store: SqlStore) -> None:
    job, _ = await store.submit(factories.new())
    said = await store.say(message("/imagine a fox", job_id=job.id))
    assert await store.messages_of_jobs([job.id, "0" * 32, ""]) == [said]
    await store.acknowledge(job.id, {}, "sketch", NOW, review=False)
    claimed = await store.claim("w1", lambda candidates: candidates[0], NOW + 8, NOW)
    assert claimed is not None
    await store.drawn(claimed, [factories.picture(0), factories.picture(1, "b" * 64)], 0, [], NOW)
    [settled] = await store.settled([job.id, "0" * 32])
    assert settled.job.state is JobState.DRAWN
    assert [picture.index for picture in settled.pictures] == [0, 1]
    assert await store.settled([]) == []


async def test_every_change_of_a_job_is_in_the_feed(store: SqlStore) -> None:
    job, _ = await store.submit(factories.new())
    _, before = await store.newest()
    await store.cancel(job.id, Problem("cancelled_by_you"), NOW)
    after, changed = await store.changed_since(before, 10)
    assert after > before
    assert changed == [job.id]
    assert await store.changed_since(after, 10) == (after, [])
    assert (await store.newest())[1] == after


async def test_progress_is_overwritten(store: SqlStore) -> None:
    await store.save_progress(Progress("a" * 32, 1, 8))
    await store.save_progress(Progress("a" * 32, 2, 8, previews=1))
    assert await store.progress_of(["a" * 32, "b" * 32]) == [Progress("a" * 32, 2, 8, previews=1)]
