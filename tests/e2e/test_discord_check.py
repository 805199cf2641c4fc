"""`imagine-bot check` on Discord: each failure says what to do."""

from collections.abc import AsyncIterator

import pytest
from discord import ApplicationFlags, Intents

from adapters.chat.discord.doctor import Finding, findings, intents
from tests.standins.discord import Channel, DiscordStandIn, Permission


@pytest.fixture
async def discord() -> AsyncIterator[DiscordStandIn]:
    async with DiscordStandIn() as standin:
        yield standin


@pytest.fixture
async def room(discord: DiscordStandIn) -> Channel:
    return discord.world.text_channel(discord.world.guild(), "staff")


async def found(discord: DiscordStandIn, token: str = "", guild: int = 0, **channels: int) -> list[Finding]:
    places = {f"discord:{guild}": str(channel) for channel in channels.values()}
    guilds = [guild] if guild else []
    return [each async for each in findings(token or discord.token, discord.api, discord.gateway_url, guilds, places)]


async def test_all_is_well(discord: DiscordStandIn, room: Channel) -> None:
    assert room.guild
    every = await found(discord, guild=room.guild.id, staff=room.id)
    assert [finding.ok for finding in every] == [True] * 5
    assert every[0].text == "signed in as imagine"


async def test_a_wrong_token_is_named_and_nothing_else_is_tried(discord: DiscordStandIn) -> None:
    [finding] = await found(discord, token="wrong")
    assert not finding.ok
    assert "DISCORD_TOKEN" in finding.text


async def test_a_discord_that_does_not_answer_is_named(discord: DiscordStandIn) -> None:
    [finding] = [each async for each in findings(discord.token, "http://127.0.0.1:9/api", discord.gateway_url)]
    assert not finding.ok
    assert "does not answer" in finding.text


@pytest.mark.parametrize("bit", [12, 13, 14, 15, 18, 19])
async def test_a_privileged_intent_that_is_on_for_nothing_is_named(discord: DiscordStandIn, bit: int) -> None:
    discord.rest.portal["flags"] = 1 << bit
    finding = (await found(discord))[1]
    assert finding.ok
    assert "not needed" in finding.text


def test_a_privileged_intent_that_is_needed_and_off_is_a_failure() -> None:
    wanted = Intents(guilds=True, message_content=True)
    off = intents(wanted, ApplicationFlags())
    assert not off.ok
    assert "message content: needed, and off" in off.text
    assert intents(wanted, ApplicationFlags(gateway_message_content=True)).ok
    assert intents(wanted, ApplicationFlags(gateway_message_content_limited=True)).ok


async def test_commands_that_the_portal_sends_elsewhere_are_a_failure(discord: DiscordStandIn) -> None:
    discord.rest.portal["interactions_endpoint_url"] = "https://example.com/interactions"
    finding = (await found(discord))[2]
    assert not finding.ok
    assert "Interactions Endpoint URL" in finding.text


async def test_missing_permissions_of_a_review_channel_are_listed(discord: DiscordStandIn, room: Channel) -> None:
    assert room.guild
    room.denied[room.guild.id] = Permission.SEND_MESSAGES | Permission.ATTACH_FILES
    *_, last = await found(discord, guild=room.guild.id, staff=room.id)
    assert not last.ok
    assert "send messages, attach files" in last.text


async def test_a_role_can_give_what_everyone_lacks(discord: DiscordStandIn, room: Channel) -> None:
    assert room.guild
    room.guild.roles[room.guild.id].permissions = Permission(0)
    role = discord.world.role(room.guild, "painter", Permission.ADMINISTRATOR)
    room.guild.members[discord.world.bot.id].roles.append(role.id)
    *_, last = await found(discord, guild=room.guild.id, staff=room.id)
    assert last.ok


async def test_a_guild_without_the_bot_and_a_channel_of_another_guild_are_named(
    discord: DiscordStandIn, room: Channel
) -> None:
    other = discord.world.guild("other", bot=False)
    every = await found(discord, guild=other.id, staff=room.id)
    assert [finding.ok for finding in every] == [True, True, True, False, False]
