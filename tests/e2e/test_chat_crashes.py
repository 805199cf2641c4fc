"""kill -9 inside the bot's process at the moments of the fault table, on Discord and on Slack alike.

`test_discord_crashes.py` and `test_slack_crashes.py` kill between the calls to the platform.
"""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.killed import DRAWING, POISON, Life, charged, drawings, ended, rows, states
from tests.stages import Stage, open_discord, open_slack
from tests.waiting import until

KILLED = -signal.SIGKILL


@pytest.fixture(params=["discord", "slack"])
async def stage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stage]:
    opened = open_discord if request.param == "discord" else open_slack
    async with opened(tmp_path) as stage:
        yield stage
        assert stage.problems == []


async def asked_and_killed(stage: Stage, kill: str, prompt: str = "a red fox", *, charges: bool = False) -> None:
    """A life that ends at ``kill``, which the request brings about."""
    child = await stage.start(Life(kill=kill, charges=charges, moderation=stage.moderation))
    asking = asyncio.create_task(stage.ask(prompt))
    assert await ended(child) == KILLED
    await asking


async def finished(stage: Stage, **special: object) -> None:
    """One more life, until every request is final and told."""
    life = Life(finish=stage.person, moderation=stage.moderation, **special)  # type: ignore[arg-type] # fields of Life
    assert await ended(await stage.start(life)) == 0


async def until_settled_in(stage: Stage, count: int) -> None:
    """So many requests, all of them in the queue or further."""
    await until(lambda: len(states(stage.folder)) == count and "received" not in states(stage.folder))


def delivered_once(stage: Stage) -> None:
    assert states(stage.folder) == ["delivered"]
    assert stage.results() == [1]
    assert charged(stage.folder) == (0, 1)
    unbalanced = "SELECT job FROM ledger GROUP BY job HAVING sum(CASE kind WHEN 'reserve' THEN images ELSE -images END)"
    assert rows(stage.folder, unbalanced) == []


async def test_f01_killed_before_it_is_stored_nothing_is_left_and_the_next_try_works(stage: Stage) -> None:
    await asked_and_killed(stage, "submit:before")
    assert states(stage.folder) == []
    assert charged(stage.folder) == (0, 0)
    child = await stage.start()
    await stage.ask("a red fox")
    await until(lambda: "delivered" in states(stage.folder))
    child.terminate()
    assert await ended(child) == 0
    delivered_once(stage)


async def test_f02_killed_between_storing_and_answering_it_is_cancelled_and_refunded(stage: Stage) -> None:
    await asked_and_killed(stage, "submit:after")
    await finished(stage)
    assert states(stage.folder) == ["cancelled"]
    assert charged(stage.folder) == (0, 0)
    assert stage.results() == []
    assert drawings(stage.folder) == []


@pytest.mark.parametrize("when", ["before", "after"])
async def test_f04_killed_in_a_moderators_decision_it_happened_whole_or_not_at_all(stage: Stage, when: str) -> None:
    child = await stage.start(Life(kill=f"decide:{when}", moderation=stage.moderation))
    await stage.ask("a castle")
    await until(stage.cases)
    pressing = asyncio.create_task(stage.approve())
    assert await ended(child) == KILLED
    await pressing
    events = "SELECT count(*) FROM audit WHERE action = 'request_approved'"
    decided = when == "after"
    assert rows(stage.folder, events) == [(int(decided),)]
    assert states(stage.folder) == ["queued" if decided else "review"]
    child = await stage.start(Life(moderation=stage.moderation))
    if not decided:
        await stage.approve()
    await until(lambda: states(stage.folder)[-1] == "delivered")
    child.terminate()
    assert await ended(child) == 0
    delivered_once(stage)
    assert rows(stage.folder, events) == [(1,)]
    assert stage.cases() == 1


async def test_f05_killed_while_requests_wait_they_go_on_in_their_order(stage: Stage) -> None:
    child = await stage.start(Life(seconds=30, at_once=1))
    prompts = [f"fox number {number}" for number in range(5)]
    for number, prompt in enumerate(prompts, start=1):
        await stage.ask(prompt)
        await until_settled_in(stage, number)
    await until(lambda: states(stage.folder).count("queued") == 4)
    child.kill()
    assert await ended(child) == KILLED
    assert stage.results() == []
    await finished(stage, at_once=1)
    assert states(stage.folder) == ["delivered"] * 5
    assert stage.results() == [1] * 5
    assert charged(stage.folder) == (0, 5)
    assert drawings(stage.folder) == [prompts[0], *prompts], "the one that was being drawn is drawn again, first"


async def test_f06_killed_during_a_paid_call_it_is_tried_once_more(stage: Stage) -> None:
    await asked_and_killed(stage, DRAWING, charges=True)
    await finished(stage, charges=True)
    delivered_once(stage)
    assert len(drawings(stage.folder)) == 2
    assert rows(stage.folder, "SELECT crashes, paid_attempts FROM jobs") == [(1, 1)]


async def test_f06_killed_during_two_paid_calls_it_fails_refunded_and_told(stage: Stage) -> None:
    await asked_and_killed(stage, DRAWING, charges=True)
    dying = await stage.start(Life(kill=DRAWING, charges=True))
    assert await ended(dying) == KILLED
    await finished(stage, charges=True)
    assert states(stage.folder) == ["failed"]
    assert charged(stage.folder) == (0, 0)
    assert stage.results() == []
    assert len(drawings(stage.folder)) == 2
    assert "Your quota was returned" in stage.told()


async def test_f07_killed_with_the_pictures_received_and_not_committed_it_is_drawn_again(stage: Stage) -> None:
    await asked_and_killed(stage, "drawn:before")
    kept = {each.name for each in (stage.folder / "images").rglob("*") if each.is_file()}
    assert kept, "the bytes were on the disk"
    await finished(stage)
    delivered_once(stage)
    assert len(drawings(stage.folder)) == 2


async def test_f08_killed_after_drawing_it_is_delivered_from_disk_and_never_drawn_again(stage: Stage) -> None:
    await asked_and_killed(stage, "drawn:after")
    assert stage.results() == []
    await finished(stage)
    delivered_once(stage)
    assert len(drawings(stage.folder)) == 1


@pytest.mark.parametrize("when", ["before", "after"])
async def test_f09_f10_killed_around_the_deliverys_commit_there_is_one_message_and_one_charge(
    stage: Stage, when: str
) -> None:
    await asked_and_killed(stage, f"delivered:{when}")
    assert stage.results() == [1]
    committed = states(stage.folder) == ["delivered"]
    assert committed == (when == "after")
    assert charged(stage.folder) == ((0, 1) if committed else (1, 0)), "the state and the ledger change together"
    await finished(stage)
    delivered_once(stage)


async def test_f13_a_request_that_kills_its_worker_twice_is_given_up_and_the_others_go_on(stage: Stage) -> None:
    child = await stage.start(Life(at_once=1))
    await stage.ask(f"a {POISON} apple")
    assert await ended(child) == KILLED
    child = await stage.start(Life(at_once=1))
    assert await ended(child) == KILLED
    child = await stage.start(Life(at_once=1))
    await stage.ask("a red fox")
    await until(lambda: "delivered" in states(stage.folder) and "stopped the bot" in stage.told())
    child.terminate()
    assert await ended(child) == 0
    assert states(stage.folder) == ["failed", "delivered"]
    assert stage.results() == [1]
    assert charged(stage.folder) == (0, 1)
    assert len(drawings(stage.folder)) == 3
