"""Buttons and forms on Slack: who may press what, again and again, after a restart, and too late."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.model import JobState
from bot.settings import ModerationSettings
from tests.fakes import FakeBackend
from tests.slack_house import SlackTest, open_test
from tests.standins.slack import Message, SlackStandIn, View, buttons_of
from tests.waiting import until

MODERATION = ModerationSettings(moderators=("slack:user:U9", "slack:group:S3"))


@pytest.fixture
async def test(tmp_path: Path, slack: SlackStandIn) -> AsyncIterator[SlackTest]:
    async with open_test(tmp_path, slack, moderation=MODERATION) as opened:
        yield opened


async def done(test: SlackTest, words: str = "a red fox --seed 5") -> Message:
    """A delivered request's message."""
    await test.human.slash("/imagine", words)
    await test.job()
    return test.workspace.by_bot()[0]


def labels(message: Message) -> list[str]:
    return [button["text"]["text"] for button in buttons_of(message.blocks)]


def form(test: SlackTest) -> View:
    return test.human.form()


async def test_a_result_can_be_drawn_again_with_a_new_seed_in_the_same_thread(test: SlackTest) -> None:
    message = await done(test)
    assert labels(message) == ["Again", "Vary", "Report", "Delete"]
    await test.human.click(message, "Again")
    again, first = await test.all_settled(2)
    assert again.request.prompt == first.request.prompt
    assert again.seed != first.seed
    assert {shown.thread_ts for shown in test.workspace.with_files()} == {message.ts}
    assert len(test.workspace.with_files()) == 2


async def test_s25_fifty_clicks_are_one_wish(test: SlackTest) -> None:
    message = await done(test)
    await asyncio.gather(*(test.human.click(message, "Again") for _ in range(50)))
    await test.human.sees("already on its way")
    assert len(await test.all_settled(2)) == 2


async def test_s25_fifty_cancels_refund_once(tmp_path: Path, slack: SlackStandIn) -> None:
    async with open_test(tmp_path, slack, backends=[FakeBackend(seconds=60)]) as test:
        await test.human.slash("/imagine", "a hill")
        await until(test.workspace.by_bot)
        message = test.workspace.by_bot()[0]
        answers = await asyncio.gather(*(test.human.click(message, "Cancel") for _ in range(50)))
        assert all(answer.acknowledged for answer in answers)
        job = await test.job()
        assert job.state is JobState.CANCELLED
        usage = await test.house.store.usage("slack:user:U1", test.house.core.day())
        assert (usage.images_today, usage.waiting, usage.running) == (0, 0, 0)
        await until(lambda: "cancelled" in message.shown())
        assert labels(message) == []


async def test_vary_opens_the_form_filled_with_the_request(test: SlackTest) -> None:
    message = await done(test, "a red fox --no blur, hands --ar 16:9 --count 2 --steps 30 --guidance 7.5")
    await test.human.click(message, "Vary")
    await until(lambda: test.workspace.views)
    await test.human.submit(form(test), prompt="a blue fox", count="1")
    varied, _ = await test.all_settled(2)
    assert varied.request.prompt == "a blue fox"
    assert (varied.request.negative_prompt, varied.request.steps, varied.request.guidance) == ("blur, hands", 30, 7.5)
    assert (str(varied.request.size), varied.request.count) == ("16:9", 1)


async def test_s24_buttons_work_after_a_restart(tmp_path: Path, slack: SlackStandIn) -> None:
    async with open_test(tmp_path, slack) as before:
        message = await done(before)
    async with open_test(tmp_path, slack) as after:
        await after.human.click(message, "Again")
        assert len(await after.all_settled(2)) == 2


async def test_s24_unknown_and_foreign_buttons_are_answered(test: SlackTest) -> None:
    message = await done(test)
    answer = await test.human.click(message, "Again", value="f" * 32)
    assert answer.acknowledged
    await test.human.sees("does not exist here")
    message.blocks = [{"type": "actions", "elements": [dict(buttons_of(message.blocks)[0], action_id="who_knows")]}]
    await test.human.click(message, "Again")
    await test.human.sees("expired")
    assert len(await test.jobs()) == 1


OWNER, OTHER, MODERATOR, GROUP = "U1", "U2", "U9", "U3"


@pytest.mark.parametrize(
    ("who", "label", "allowed"),
    [
        (OWNER, "Cancel", True),
        (OTHER, "Cancel", False),
        (MODERATOR, "Cancel", True),
        (GROUP, "Cancel", True),
        (OWNER, "Delete", True),
        (OTHER, "Delete", False),
        (MODERATOR, "Delete", True),
        (GROUP, "Delete", True),
        (OTHER, "Again", True),
    ],
)
async def test_s23_who_may_press_what_is_looked_up_at_the_click(
    tmp_path: Path, slack: SlackStandIn, who: str, label: str, allowed: bool
) -> None:
    slack.workspace.usergroups["S3"] = {GROUP}
    seconds = 60.0 if label == "Cancel" else 0.0
    backends = [FakeBackend(seconds=seconds)]
    async with open_test(
        tmp_path, slack, moderation=MODERATION, groups=MODERATION.moderators, backends=backends
    ) as test:
        await test.human.slash("/imagine", "a hill")
        await until(test.workspace.by_bot)
        message = test.workspace.by_bot()[0]
        if label != "Cancel":
            await test.job()
        presser = test.human.other(who, "presser")
        await presser.click(message, label)
        if not allowed:
            await presser.sees("Only the person who asked")
            assert (await test.jobs())[0].state is not JobState.CANCELLED
        elif label == "Cancel":
            assert (await test.job()).state is JobState.CANCELLED
        elif label == "Delete":
            await until(lambda: not test.workspace.with_files())
            await until(lambda: "removed" in message.shown())
        else:
            assert len(await test.all_settled(1, f"slack:user:{who}")) == 1


async def test_s26_a_moderator_who_left_the_group_may_no_more(tmp_path: Path, slack: SlackStandIn) -> None:
    slack.workspace.usergroups["S3"] = {"U3"}
    groups = ("slack:group:S3",)
    moderation = ModerationSettings(moderators=groups)
    backends = [FakeBackend(seconds=60)]
    async with open_test(tmp_path, slack, moderation=moderation, groups=groups, backends=backends) as test:
        clock = itertools.count(0, 61)  # a minute a look
        assert test.opened.desk
        test.opened.desk._groups._monotonic = lambda: float(next(clock))
        await test.human.slash("/imagine", "a hill")
        await until(test.workspace.by_bot)
        slack.workspace.usergroups["S3"] = set()
        mallory = test.human.other("U3", "mallory")
        await mallory.click(test.workspace.by_bot()[0], "Cancel")
        await mallory.sees("Only the person who asked")


async def test_s27_nothing_crosses_workspaces(test: SlackTest, slack: SlackStandIn) -> None:
    message = await done(test)
    job = (await test.jobs())[0]
    foreign = test.human.other("U9", "moderator elsewhere")
    for label in ("Again", "Vary", "Delete"):
        payload = foreign.click_payload(message, label)
        payload["team"]["id"] = payload["user"]["team_id"] = "T2"
        answer = await foreign.send("interactive", payload)
        assert answer.acknowledged
    await until(lambda: len(foreign.private()) == 3)
    assert all("does not exist here" in private.shown() for private in foreign.private())
    assert test.workspace.with_files()
    assert await test.jobs() == [job]


async def test_f59_a_form_that_comes_too_late_is_offered_again(test: SlackTest, slack: SlackStandIn) -> None:
    message = await done(test)
    slack.faults.refuse("views.open", "expired_trigger_id")
    await test.human.click(message, "Vary")
    offer = await test.human.sees("no time to open")
    await test.human.click(offer, "Open the form")
    await until(lambda: test.workspace.views)
    await test.human.submit(form(test), prompt="a blue fox")
    varied, _ = await test.all_settled(2)
    assert varied.request.prompt == "a blue fox"
    assert len({shown.thread_ts for shown in test.workspace.with_files()}) == 1


async def test_pictures_are_deleted_on_slack_and_on_the_disk(test: SlackTest) -> None:
    message = await done(test, "a fox --count 2")
    await test.human.click(message, "Delete")
    await test.human.sees("were deleted")
    await until(lambda: "removed" in message.shown())
    await until(lambda: not [file for file in test.house.folder.rglob("images/??/*") if file.is_file()])
    assert all(file.deleted for file in test.workspace.files.values())
    assert "fox" not in message.shown() + message.text
