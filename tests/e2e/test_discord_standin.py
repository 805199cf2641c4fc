"""The stand-in of Discord keeps Discord's rules, as the real client library sees them."""

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import discord
import pytest
import yarl
from discord import app_commands

from tests.standins.discord import Channel, DiscordStandIn, NotOffered, Permission, User, When

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 64


class Bot(discord.AutoShardedClient):
    """A small bot with one of everything."""

    def __init__(self) -> None:
        super().__init__(intents=discord.Intents(guilds=True), allowed_mentions=discord.AllowedMentions.none())
        self.tree = app_commands.CommandTree(self)
        self.opened = 0

        @self.tree.command(description="says it again")
        async def echo(
            interaction: discord.Interaction[Bot], text: app_commands.Range[str, 1, 50], times: int = 1
        ) -> None:
            await interaction.response.send_message(text * times, view=discord.ui.View().add_item(Button(7)))

        @self.tree.command(description="thinks first")
        async def think(interaction: discord.Interaction[Bot], seconds: float = 0.0) -> None:
            if seconds:
                await asyncio.sleep(seconds)
            await interaction.response.defer(thinking=True)
            await interaction.edit_original_response(content="thought", attachments=[picture()])

        @echo.autocomplete("text")
        async def texts(_: discord.Interaction[Bot], typed: str) -> list[app_commands.Choice[str]]:
            return [app_commands.Choice(name=typed + "!", value=typed + "!")]

    async def setup_hook(self) -> None:
        self.add_dynamic_items(Button)
        await self.tree.sync()


class Form(discord.ui.Modal, title="A form"):
    words: discord.ui.Label[Any] = discord.ui.Label(
        text="Words", component=discord.ui.TextInput(custom_id="words", default="old")
    )

    async def on_submit(self, interaction: discord.Interaction[Any]) -> None:
        assert isinstance(self.words.component, discord.ui.TextInput)
        await interaction.response.send_message(f"form: {self.words.component.value}", ephemeral=True)


class Button(discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"v1:open:(?P<id>[0-9]+)"):
    def __init__(self, id_: int) -> None:
        super().__init__(discord.ui.Button(label="Open", custom_id=f"v1:open:{id_}"))

    @classmethod
    async def from_custom_id(cls, interaction: Any, item: Any, match: Any, /) -> "Button":
        return cls(int(match["id"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        await interaction.response.send_modal(Form())


def picture(name: str = "picture.png") -> discord.File:
    return discord.File(io.BytesIO(PNG), name, description="a picture")


@pytest.fixture
async def standin() -> AsyncIterator[DiscordStandIn]:
    async with DiscordStandIn() as standin:
        yield standin


@pytest.fixture
async def room(standin: DiscordStandIn) -> Channel:
    return standin.world.text_channel(standin.world.guild())


@pytest.fixture
def ada(standin: DiscordStandIn, room: Channel) -> User:
    user = standin.world.user("ada")
    assert room.guild
    standin.world.join(room.guild, user)
    return user


@pytest.fixture
async def bot(standin: DiscordStandIn, room: Channel, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bot]:
    monkeypatch.setattr(discord.http.Route, "BASE", standin.api)
    monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(standin.gateway_url))
    bot = Bot()
    running = asyncio.create_task(bot.start(standin.token))
    await standin.gateway.until("identified", 1)
    yield bot
    await bot.close()
    await asyncio.wait([running])


async def test_a_slash_command_is_answered_in_its_channel(
    standin: DiscordStandIn, bot: Bot, room: Channel, ada: User
) -> None:
    asked = await standin.human.slash(ada, room, "echo", text="hello ", times=2)
    await asked.reply()
    assert room.shown()[0].content == "hello hello "
    assert standin.problems == []


async def test_the_client_refuses_what_was_declared_impossible(
    standin: DiscordStandIn, bot: Bot, room: Channel, ada: User
) -> None:
    for wrong in ({"text": "x" * 51}, {"text": "x", "times": "two"}, {}, {"text": "x", "size": 1}):
        with pytest.raises(NotOffered):
            await standin.human.slash(ada, room, "echo", **wrong)


async def test_autocompletion_comes_back(standin: DiscordStandIn, bot: Bot, room: Channel, ada: User) -> None:
    typed = await standin.human.autocomplete(ada, room, "echo", "text", "hey")
    assert (await typed.reply())["data"]["choices"] == [{"name": "hey!", "value": "hey!"}]


async def test_a_button_opens_a_form_and_the_form_comes_back(
    standin: DiscordStandIn, bot: Bot, room: Channel, ada: User
) -> None:
    await (await standin.human.slash(ada, room, "echo", text="x")).reply()
    for words, answer in (({"words": "new"}, "form: new"), ({}, "form: old")):
        opened = await standin.human.click(ada, room.shown()[0], "Open")
        await opened.reply()
        sent = await standin.human.submit(opened, **words)
        await sent.reply()
        assert (sent.text, sent.private) == (answer, True)


async def test_a_late_answer_is_an_unknown_interaction(
    standin: DiscordStandIn, bot: Bot, room: Channel, ada: User
) -> None:
    standin.interactions.ack_seconds = 0.05
    asked = await standin.human.slash(ada, room, "think", seconds=0.2)
    with pytest.raises(TimeoutError):
        await asked.reply(0.6)
    assert [call.status for call in standin.calls("POST", "/callback")] == [404]


async def test_a_picture_is_kept_and_can_be_read_back(
    standin: DiscordStandIn, bot: Bot, room: Channel, ada: User
) -> None:
    asked = await standin.human.slash(ada, room, "think")
    await asked.reply()
    async with asyncio.timeout(60):
        while not room.shown()[0].attachments:
            await asyncio.sleep(0.01)
    (attachment,) = room.shown()[0].attachments
    assert (standin.picture(attachment), attachment["description"]) == (PNG, "a picture")


async def test_a_nonce_makes_one_message_of_two_sends(standin: DiscordStandIn, bot: Bot, room: Channel) -> None:
    channel = bot.get_partial_messageable(room.id)
    first, second = [await channel.send("once", nonce="n1") for _ in range(2)]
    assert first.id == second.id
    standin.world.clock.offset += 301
    assert (await channel.send("once", nonce="n1")).id != first.id


async def test_a_lost_answer_leaves_its_effect(standin: DiscordStandIn, bot: Bot, room: Channel) -> None:
    channel = bot.get_partial_messageable(room.id)
    standin.faults.drop("POST", "/messages$", when=When.AFTER)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await channel.send("hello", nonce="n")
    standin.faults.drop("POST", "/messages$")
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await channel.send("hello again", nonce="m")
    assert [message.content for message in room.shown()] == ["hello"]


async def test_permissions_are_kept(standin: DiscordStandIn, bot: Bot, room: Channel) -> None:
    channel = bot.get_partial_messageable(room.id)
    message = await channel.send("first")
    for denied, code in ((Permission.SEND_MESSAGES, 50013), (Permission.VIEW_CHANNEL, 50001)):
        room.denied[standin.world.bot.id] = denied
        with pytest.raises(discord.Forbidden) as refused:
            await channel.send("no")
        assert refused.value.code == code
    room.denied[standin.world.bot.id] = Permission.ATTACH_FILES
    with pytest.raises(discord.Forbidden):
        await message.edit(attachments=[picture()])
    room.denied[standin.world.bot.id] = Permission.CREATE_PUBLIC_THREADS
    with pytest.raises(discord.Forbidden):
        await bot.http.start_thread_with_message(room.id, message.id, name="x", auto_archive_duration=1440)


async def test_threads_keep_their_rules(standin: DiscordStandIn, bot: Bot, room: Channel) -> None:
    message = await bot.get_partial_messageable(room.id).send("first")
    made = await bot.http.start_thread_with_message(room.id, message.id, name="x", auto_archive_duration=1440)
    assert int(made["id"]) == message.id
    thread = standin.world.channel(message.id)
    with pytest.raises(discord.HTTPException) as again:
        await bot.http.start_thread_with_message(room.id, message.id, name="x", auto_archive_duration=1440)
    assert again.value.code == 160004
    inside = await bot.get_partial_messageable(thread.id).send("inside")
    thread.archived = True
    with pytest.raises(discord.HTTPException) as archived:
        await inside.edit(content="changed")
    assert archived.value.code == 50083
    thread.locked = True
    with pytest.raises(discord.HTTPException) as locked:
        await bot.get_partial_messageable(thread.id).send("no")
    assert locked.value.code == 160005


async def test_a_large_file_is_refused_and_a_rate_limit_waited_for(
    standin: DiscordStandIn, bot: Bot, room: Channel
) -> None:
    assert room.guild
    room.guild.upload_limit = 40
    channel = bot.get_partial_messageable(room.id)
    with pytest.raises(discord.HTTPException) as large:
        await channel.send("big", file=picture())
    assert (large.value.status, large.value.code) == (413, 40005)
    standin.faults.rate_limit("POST", "/messages$", 0.05)
    assert (await channel.send("later")).content == "later"
    standin.faults.rate_limit("POST", "/messages$", 0.05, scope="cloudflare")
    with pytest.raises(discord.HTTPException) as banned:
        await channel.send("never")
    assert banned.value.status == 429


@pytest.mark.parametrize("how", ["cut", "op 7", "op 9 resumable"])
async def test_f40_events_during_a_gap_are_replayed_after_a_resume(
    standin: DiscordStandIn, bot: Bot, room: Channel, ada: User, how: str
) -> None:
    if how == "cut":
        standin.gateway.cut()
    elif how == "op 7":
        await standin.gateway.reconnect()
    else:
        await standin.gateway.invalidate(resumable=True)
    asked = await standin.human.slash(ada, room, "echo", text="still here")
    await asked.reply(10)
    assert (standin.gateway.resumed, standin.gateway.identified) == (1, 1)


async def test_an_expired_token_and_a_gone_bot_are_told_apart(
    standin: DiscordStandIn, bot: Bot, room: Channel, ada: User
) -> None:
    asked = await standin.human.slash(ada, room, "echo", text="x")
    await asked.reply()
    webhook = discord.Webhook.partial(standin.world.application, asked.token, client=bot)
    await webhook.send("followup")
    asked.expired = True
    with pytest.raises(discord.HTTPException) as late:
        await webhook.send("followup")
    assert (late.value.status, late.value.code) == (401, 50027)
    assert room.guild
    standin.world.leave(room.guild)
    with pytest.raises(discord.Forbidden) as gone:
        await bot.get_partial_messageable(room.id).send("anyone")
    assert gone.value.code == 50001


async def test_people_who_take_no_direct_messages_get_none(standin: DiscordStandIn, bot: Bot, ada: User) -> None:
    private = await bot.http.start_private_message(ada.id)
    channel = bot.get_partial_messageable(int(private["id"]))
    await channel.send("psst")
    ada.dms_open = False
    with pytest.raises(discord.Forbidden) as closed:
        await channel.send("psst")
    assert closed.value.code == 50007


async def test_a_wrong_body_is_refused_and_recorded(standin: DiscordStandIn, bot: Bot, room: Channel) -> None:
    channel = bot.get_partial_messageable(room.id)
    with pytest.raises(discord.HTTPException):
        await channel.send("x" * 2001)
    assert "2000" in standin.problems[0]
