"""`/imagine-history` on Slack: pictures, settings, links and buttons, for the person alone."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.errors import Broken
from bot.model import JobState
from bot.settings import ModerationSettings
from tests.fakes import FakeBackend
from tests.slack_house import SlackTest, open_test
from tests.standins.slack import Private, SlackStandIn, buttons_of, files_of

MODERATION = ModerationSettings(moderators=("slack:user:U9",), held=("castle",), report_threshold=1)


@pytest.fixture
async def test(tmp_path: Path, slack: SlackStandIn) -> AsyncIterator[SlackTest]:
    async with open_test(tmp_path, slack, moderation=MODERATION) as opened:
        yield opened


async def drawn(test: SlackTest, *prompts: str) -> None:
    """One after the other, so that their order is known."""
    for prompt in prompts:
        before = len(await test.jobs())
        await test.human.slash("/imagine", prompt)
        await test.all_settled(before + 1)


async def history(test: SlackTest, words: str) -> Private:
    """The newest private message that holds the words."""
    await test.human.slash("/imagine-history")
    await test.human.sees(words)
    return next(each for each in reversed(test.human.private()) if words in each.shown())


def labels(message: Private) -> list[str]:
    return [button["text"]["text"] for button in buttons_of(message.blocks)]


async def test_each_request_has_its_words_settings_time_link_and_the_picture_posted_before(test: SlackTest) -> None:
    await drawn(test, "a red fox --seed 5 --steps 20 --no blur --ar 1:1")
    shown = await history(test, "a red fox")
    [job] = await test.jobs()
    words = shown.shown()
    assert "done · 20 steps · without \u2068blur\u2069 · 64x64 · sketch · seed 5" in words
    assert f"<!date^{int(job.created_at)}^" in words
    message = test.workspace.by_bot()[0]
    assert f"<https://acme.slack.com/archives/C1/p{message.ts.replace('.', '')}|Go to the message>" in words
    assert files_of(shown.blocks) == job.origin.address["files"].split(",")
    assert len(test.workspace.files) == 1
    assert (shown.user, labels(shown)) == ("U1", ["Again"])
    assert len(test.workspace.by_bot()) == 2


async def test_again_draws_an_earlier_request_once_more(test: SlackTest) -> None:
    await drawn(test, "a red fox --seed 5")
    await test.human.click(await history(test, "a red fox"), "Again")
    again, first = await test.all_settled(2)
    assert again.request == replace(first.request, seed=None)


async def test_older_requests_are_a_button_away_and_none_is_left_out_or_twice(test: SlackTest) -> None:
    await drawn(test, *(f"hill {number}" for number in range(7)))
    first = await history(test, "hill 6")
    assert [f"hill {number}" in first.shown() for number in range(7)] == [False] * 2 + [True] * 5
    await test.human.click(first, "Older")
    second = await test.human.sees("hill 0")
    assert [f"hill {number}" in second.shown() for number in range(7)] == [True] * 2 + [False] * 5
    assert "Older" not in labels(second)


async def test_what_was_deleted_or_hidden_is_not_there(test: SlackTest, slack: SlackStandIn) -> None:
    await drawn(test, "a red fox", "a blue hill", "an owl")
    _, hill, fox = await test.jobs()
    place = fox.origin.place
    await test.house.studio.delete(fox.origin.person, place, fox.id)
    reporter = replace(fox.origin.person, key="slack:user:U2")
    await test.house.moderators.report(reporter, place, hill.id, None, "not nice")
    shown = await history(test, "an owl")
    assert "red fox" not in shown.shown()
    assert "blue hill" not in shown.shown()
    assert len(files_of(shown.blocks)) == 1
    await slack.settled_down()


async def test_a_file_that_somebody_deleted_on_slack_costs_only_its_picture(test: SlackTest) -> None:
    await drawn(test, "a red fox", "an owl")
    owl, fox = await test.jobs()
    test.workspace.files[fox.origin.address["files"]].deleted = True
    shown = await history(test, "a red fox")
    assert files_of(shown.blocks) == [owl.origin.address["files"]]


async def test_a_page_that_slack_refuses_comes_without_pictures(test: SlackTest, slack: SlackStandIn) -> None:
    await drawn(test, "a red fox")
    slack.faults.break_down("respond", 400)
    shown = await history(test, "a red fox")
    assert files_of(shown.blocks) == []
    assert "done" in shown.shown()


async def test_a_held_request_is_there_for_its_author_without_a_button(test: SlackTest) -> None:
    await test.human.slash("/imagine", "a castle")
    async with asyncio.timeout(30):
        while not any(job.state is JobState.REVIEW for job in await test.jobs()):
            await asyncio.sleep(0.01)
    shown = await history(test, "a castle")
    assert "waiting for a moderator" in shown.shown()
    assert labels(shown) == []
    other = test.human.other("U2", "ben")
    await other.slash("/imagine-history")
    assert "castle" not in (await other.sees("nothing yet")).shown()


async def test_one_that_failed_says_so(tmp_path: Path, slack: SlackStandIn) -> None:
    async with open_test(tmp_path, slack, backends=[FakeBackend(plan=[Broken("no")])]) as test:
        await test.human.slash("/imagine", "a hill")
        assert (await test.job()).state is JobState.FAILED
        shown = await history(test, "a hill")
        assert "failed" in shown.shown()
        assert labels(shown) == ["Again"]
