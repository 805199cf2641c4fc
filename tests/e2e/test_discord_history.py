"""`/imagine-history` on Discord: pictures, settings, links and buttons, for the person alone."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.discord_house import DiscordHouse, open_discord_house
from tests.fakes import FakeBackend
from tests.standins.discord import Interaction, Message, buttons


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[DiscordHouse]:
    async with open_discord_house(tmp_path) as house, house.working(), house.connected():
        yield house


async def shown_privately(house: DiscordHouse, asked: Interaction) -> Message:
    await asked.reply()
    await house.eventually(lambda: asked.message is not None and (asked.message.embeds or asked.message.content))
    assert asked.message
    assert asked.message.audience == house.ada.id
    return asked.message


async def history(house: DiscordHouse) -> Message:
    return await shown_privately(house, await house.discord.human.slash(house.ada, house.room, "imagine-history"))


def text_of(message: Message) -> str:
    return "\n".join([message.content, *(embed["description"] for embed in message.embeds)])


async def test_history_has_words_settings_time_link_and_the_picture_posted_before(house: DiscordHouse) -> None:
    await house.imagine(prompt="a red fox @everyone", steps=20, seed=5, negative_prompt="`blur")
    [job] = await house.settled()
    [result] = house.with_pictures()
    shown = await history(house)
    words = text_of(shown)
    assert "a red fox @everyone" in words
    assert "done · 20 steps · without" in words
    assert "64x64 · sketch · seed 5" in words
    assert f"<t:{int(job.created_at)}:R>" in words
    assert f"(https://discord.com/channels/{house.guild.id}/{result.channel}/{result.id})" in words
    assert [embed["thumbnail"]["url"] for embed in shown.embeds] == [result.attachments[0]["url"]]
    assert shown.attachments == []
    assert [button["label"] for button in buttons(shown)] == ["Again 1"]
    again = await house.discord.human.click(house.ada, shown, "Again 1")
    await again.reply()
    new, _ = await house.settled(count=2)
    assert new.request == replace(job.request, seed=None)


async def test_older_requests_are_a_button_away_and_none_is_left_out_or_twice(house: DiscordHouse) -> None:
    for number in range(7):
        await house.imagine(prompt=f"hill {number}")
        await house.settled(count=number + 1)
    first = await history(house)
    assert [f"hill {number}" in text_of(first) for number in range(7)] == [False] * 2 + [True] * 5
    second = await shown_privately(house, await house.discord.human.click(house.ada, first, "Older"))
    assert [f"hill {number}" in text_of(second) for number in range(7)] == [True] * 2 + [False] * 5
    assert "Older" not in [button["label"] for button in buttons(second)]


async def test_history_leaves_out_what_was_deleted_and_shows_no_picture_that_is_out_of_reach(
    house: DiscordHouse,
) -> None:
    for count, prompt in enumerate(("a red fox", "an owl"), 1):
        await house.imagine(prompt=prompt)
        await house.settled(count=count)
    _, fox = await house.jobs()
    await house.core.studio.delete(fox.origin.person, fox.origin.place, fox.id)
    shown = await history(house)
    assert "red fox" not in text_of(shown)
    assert "thumbnail" in shown.embeds[0]
    for message in house.with_pictures():
        del house.discord.world.channels[message.channel].messages[message.id]
    without = await history(house)
    assert "an owl" in text_of(without)
    assert "thumbnail" not in without.embeds[0]


async def test_what_waits_is_there_without_a_button(tmp_path: Path) -> None:
    slow = FakeBackend(seconds=60)
    async with open_discord_house(tmp_path, [slow]) as house, house.working(), house.connected():
        await house.imagine()
        shown = await history(house)
        assert "a red fox" in text_of(shown)
        assert buttons(shown) == []


async def test_an_empty_history_says_so(house: DiscordHouse) -> None:
    assert "nothing yet" in text_of(await history(house))
