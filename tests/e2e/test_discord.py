"""The bot on Discord, end to end: the real client library over real sockets, the real core and store."""

import asyncio
import gc
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import discord
import pytest

from adapters.chat.discord.marks import Mark, Marks
from bot.model import JobState, Size
from tests.discord_house import SECRET, DiscordHouse, open_discord_house
from tests.fakes import CAPABILITIES, FakeBackend
from tests.standins.discord import Flag, NotOffered, Permission, buttons, fields


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[DiscordHouse]:
    async with open_discord_house(tmp_path) as house, house.working(), house.connected():
        yield house


@pytest.fixture
async def slow(tmp_path: Path) -> AsyncIterator[DiscordHouse]:
    """Drawing takes long."""
    async with open_discord_house(tmp_path, [FakeBackend(seconds=60)]) as house, house.working(), house.connected():
        yield house


# -- asking and answering


async def test_a_request_gets_a_public_placeholder_and_its_pictures_in_a_thread(house: DiscordHouse) -> None:
    asked = await house.imagine(count=2, seed=5)
    assert not asked.private
    [job] = await house.settled()
    [placeholder] = house.shown()
    assert "a red fox" in placeholder.content
    assert placeholder.flags & Flag.HAS_THREAD
    thread = house.thread(placeholder)
    assert thread.name == "a red fox"
    [result] = thread.shown()
    assert [each["description"] for each in result.attachments] == ["a red fox"] * 2
    assert [house.discord.picture(each)[:4] for each in result.attachments] == [b"\x89PNG"] * 2
    assert [button["label"] for button in buttons(result)] == ["Again", "Vary", "Report", "Delete"]
    assert "seed 5, 6" in result.content
    assert job.state is JobState.DELIVERED


async def test_no_thread_stays_in_memory_because_a_request_was_answered_in_it(house: DiscordHouse) -> None:
    """The library keeps those that it hears of until they are archived: a day, on a busy server."""
    await house.imagine()
    await house.settled()
    made = house.thread(house.shown()[0])
    gc.collect()
    kept = [each for each in gc.get_objects() if type(each) is discord.Thread]  # no lazy module is woken by this
    assert made.id not in {each.id for each in kept}


async def test_a_delivered_request_takes_four_calls(house: DiscordHouse) -> None:
    before = len(house.discord.rest.calls)
    await house.imagine()
    await house.settled()
    made = [(call.method, call.path.rsplit("/", 1)[-1]) for call in house.discord.rest.calls[before:]]
    made = [(method, last if not last.isdigit() else "ID") for method, last in made if "@me" not in last]
    assert made == [("POST", "callback"), ("POST", "threads"), ("POST", "messages"), ("PATCH", "ID")]


async def test_in_place_a_delivered_request_takes_two_calls(tmp_path: Path) -> None:
    async with open_discord_house(tmp_path, threads=False) as house, house.working(), house.connected():
        before = len(house.discord.rest.calls)
        await house.imagine()
        await house.settled()
        made = [call for call in house.discord.rest.calls[before:] if "@me" not in call.path]
        assert [call.method for call in made] == ["POST", "PATCH"]
        [result] = house.shown()
        assert "a red fox" in result.content
        assert len(result.attachments) == 1


async def test_inside_a_thread_and_in_a_direct_message_the_answer_stays_there(house: DiscordHouse) -> None:
    thread = house.discord.world.thread(house.room)
    private = house.discord.world.dm(house.ada)
    for place in (thread, private):
        await house.imagine(house.ada, place)
    await house.settled(count=2)
    for place in (thread, private):
        [message] = place.shown()
        assert len(message.attachments) == 1
    assert house.discord.calls("POST", "/threads") == []


async def test_inline_options_and_typed_ones_make_one_request(house: DiscordHouse) -> None:
    await house.imagine(prompt="a fox --no blur --seed 3", steps=7, guidance=4.5, size="1:1")
    [job] = await house.settled()
    request = job.request
    assert (request.prompt, request.negative_prompt, request.seed) == ("a fox", "blur", 3)
    assert (request.steps, request.guidance, str(request.size)) == (7, 4.5, "1:1")


async def test_every_mistake_is_told_at_once_privately_with_the_corrected_command(house: DiscordHouse) -> None:
    asked = await house.imagine(prompt="a fox --stesp 7 --cuont 2")
    assert asked.private
    assert all(words in asked.text for words in ("--stesp", "--cuont", "/imagine a fox --steps 7 --count 2"))
    assert house.shown() == []
    assert await house.jobs() == []


async def test_the_client_helps_with_ranges_and_completion(house: DiscordHouse) -> None:
    wrongs: list[dict[str, object]] = [{"count": 11}, {"count": 0}, {"steps": 0}, {"seed": -1}, {"prompt": ""}]
    for wrong in wrongs:
        with pytest.raises(NotOffered):
            await house.discord.human.slash(house.ada, house.room, "imagine", **{"prompt": "x"} | wrong)
    with pytest.raises(NotOffered):
        await house.discord.human.slash(house.ada, house.room, "imagine")
    for option, typed, found in (("size", "16", "16:9"), ("backend", "ske", "sketch"), ("size", "640x480", "640x480")):
        asked = await house.discord.human.autocomplete(house.ada, house.room, "imagine", option, typed, prompt="x")
        choices = (await asked.reply(1.5))["data"]["choices"]
        assert found in [choice["value"] for choice in choices]


async def test_sizes_are_those_that_the_backends_have(tmp_path: Path) -> None:
    listed = replace(CAPABILITIES, default_size=Size(640, 640), sizes=(Size(640, 640), Size(1216, 832)))
    backends = [FakeBackend("small"), FakeBackend("listed", capabilities=listed)]

    async def offered(house: DiscordHouse, typed: str, **others: object) -> list[str]:
        asked = await house.discord.human.autocomplete(
            house.ada, house.room, "imagine", "size", typed, prompt="x", **others
        )
        return [choice["value"] for choice in (await asked.reply())["data"]["choices"]]

    async with open_discord_house(tmp_path, backends) as house, house.connected():
        assert {"64x64", "1216x832", "1024x1024", "16:9"} <= set(await offered(house, ""))
        assert [each for each in await offered(house, "", backend="listed") if "x" in each] == ["640x640", "1216x832"]
        assert await offered(house, "121") == ["1216x832"]


async def test_waiting_people_see_their_position_and_a_countdown_in_the_thread(tmp_path: Path) -> None:
    async with open_discord_house(tmp_path, [FakeBackend(seconds=60)]) as house, house.connected():
        await house.imagine()
        await house.imagine(house.bob)
        status = await house.status(1)
        await house.eventually(lambda: "Number 2 in the queue, ready <t:" in status.content)
        assert [button["label"] for button in buttons(status)] == ["Cancel"]


async def test_progress_is_edited_in_without_a_picture_and_not_too_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.chat.discord.delivery.BETWEEN_EDITS", 0.3)
    monkeypatch.setattr("adapters.chat.discord.delivery.JUST_POSTED", 0.0)
    async with open_discord_house(tmp_path, [FakeBackend(seconds=2)]) as house, house.working(), house.connected():
        await house.imagine()
        await house.settled()
        [status] = house.thread(house.shown()[0]).shown()
        told = [text for text in status.edits if "Being drawn" in text]
        assert 2 <= len(told) <= 4
        assert len(status.attachments) == 1


# -- what people write is harmless


NASTY = "@everyone <@&1> <@2> [x](http://evil.test) # big ``` ```https://discord.gg/abc\u202e**bold** " + "é" * 20


async def test_s01_s03_no_mention_pings_no_link_unfurls_and_no_code_block_breaks(house: DiscordHouse) -> None:
    await house.imagine(prompt=NASTY)
    await house.settled()
    [placeholder] = house.shown()
    assert placeholder.content.count("```") == 2
    assert "\u202e" not in placeholder.content
    said = [call for call in house.discord.rest.calls if re.search(r"/messages(/\d+)?$|/callback$", call.path)]
    bodies = [call.body.get("data", call.body) for call in said]
    assert len(bodies) == 3
    for body in bodies:
        assert body["allowed_mentions"]["parse"] == []
        assert body["flags"] & Flag.SUPPRESS_EMBEDS
    thread = house.thread(placeholder)
    assert not set("@<>`:/[]#*") & set(thread.name)


async def test_a_thread_name_that_automod_blocks_gives_way_to_a_neutral_one(house: DiscordHouse) -> None:
    house.discord.rest.automod = {"fox"}
    await house.imagine()
    await house.settled()
    assert house.thread(house.shown()[0]).name == "Pictures"


async def test_s20_tokens_are_sealed_in_the_store_and_never_in_a_button(house: DiscordHouse) -> None:
    asked = await house.imagine()
    [job] = await house.settled()
    assert asked.token not in str(job.origin.address)
    assert job.origin.address["token"]
    for message in house.with_pictures():
        assert all(asked.token not in button["custom_id"] for button in buttons(message))
        assert all(len(button["custom_id"]) <= 100 for button in buttons(message))


async def test_s39_the_bot_hears_interactions_only_and_no_privileged_intent(house: DiscordHouse) -> None:
    assert house.discord.gateway.intents == [1]


# -- buttons


async def test_cancel_stops_a_running_request_and_says_so(slow: DiscordHouse) -> None:
    await slow.imagine()
    status = await slow.status()
    clicked = await slow.discord.human.click(slow.ada, status, "Cancel")
    await clicked.reply()
    assert clicked.private
    [job] = await slow.settled()
    assert job.state is JobState.CANCELLED
    assert "ancelled" in status.content
    assert buttons(status) == []


async def test_s25_fifty_presses_of_cancel_cancel_once_and_each_is_answered(slow: DiscordHouse) -> None:
    await slow.imagine()
    status = await slow.status()
    custom_id = buttons(status)[0]["custom_id"]
    clicks = [await slow.discord.human.press(slow.ada, status, custom_id) for _ in range(50)]
    for click in clicks:
        await click.reply()
        assert click.private
    [job] = await slow.settled()
    assert job.state is JobState.CANCELLED


async def test_s25_a_double_click_on_again_draws_once_more_not_twice(house: DiscordHouse) -> None:
    await house.imagine()
    await house.settled()
    [result] = house.with_pictures()
    clicks = [await house.discord.human.click(house.ada, result, "Again") for _ in range(5)]
    for click in clicks:
        await click.reply()
    assert sorted(click.private for click in clicks) == [False, True, True, True, True]
    first, second = await house.settled(count=2)
    assert first.seed != second.seed
    assert first.request == second.request


async def test_s23_only_the_owner_or_a_moderator_cancels_and_deletes(house: DiscordHouse) -> None:
    await house.imagine()
    await house.settled()
    [result] = house.with_pictures()
    stranger = await house.discord.human.click(house.bob, result, "Delete")
    await stranger.reply()
    assert stranger.private
    assert len(result.attachments) == 1
    owner = await house.discord.human.click(house.ada, result, "Delete")
    await owner.reply()
    assert result.attachments == []
    assert buttons(result) == []


async def test_s23_a_stranger_may_draw_the_same_again_for_themselves(house: DiscordHouse) -> None:
    await house.imagine()
    await house.settled()
    [result] = house.with_pictures()
    await (await house.discord.human.click(house.bob, result, "Again")).reply()
    [job] = await house.settled(house.bob)
    assert job.origin.person.key == f"discord:user:{house.bob.id}"


async def test_s24_unknown_forged_and_stale_buttons_are_answered(house: DiscordHouse) -> None:
    await house.imagine()
    [job] = await house.settled()
    [result] = house.with_pictures()
    forged = f"v1:delete:{job.id}:{'A' * 16}"
    foreign = Marks(b"another bot").write(Mark("delete", job.id))
    gone = Marks(SECRET).write(Mark("cancel", job.id))
    nobody = Marks(SECRET).write(Mark("delete", "0" * 32))
    for custom_id in ("x", "v0:old:1", forged, foreign, gone, nobody, "v1:" + "x" * 97):
        clicked = await house.discord.human.press(house.ada, result, custom_id)
        await clicked.reply(3)
        assert clicked.private
        assert clicked.text
    assert len(result.attachments) == 1


async def test_s24_buttons_and_open_forms_work_after_a_restart(tmp_path: Path) -> None:
    async with open_discord_house(tmp_path) as house, house.working():
        async with house.connected():
            await house.imagine()
            await house.settled()
            [result] = house.with_pictures()
            opened = await house.discord.human.click(house.ada, result, "Vary")
            await opened.reply()
        async with house.connected():
            await (await house.discord.human.click(house.ada, result, "Again")).reply()
            await (await house.discord.human.submit(opened, prompt="a blue fox")).reply()
            newest, *_ = await house.settled(count=3)
            assert {job.request.prompt for job in await house.jobs()} == {"a red fox", "a blue fox"}
            assert newest.state is JobState.DELIVERED


async def test_s27_a_button_of_another_guilds_request_is_an_unknown_one(house: DiscordHouse) -> None:
    await house.imagine()
    [job] = await house.settled()
    other = house.discord.world.guild("other")
    house.discord.world.join(other, house.ada)
    room = house.discord.world.text_channel(other)
    await house.imagine(house.ada, room)
    await house.settled(count=2)
    world = house.discord.world
    elsewhere = next(each for each in house.with_pictures() if world.channel(each.channel).guild is other)
    before = len(house.with_pictures())
    for action in ("delete", "again", "vary"):
        clicked = await house.discord.human.press(house.ada, elsewhere, Marks(SECRET).write(Mark(action, job.id)))
        await clicked.reply()
        assert clicked.private
    assert len(house.with_pictures()) == before


async def test_vary_opens_a_form_filled_with_the_request(house: DiscordHouse) -> None:
    await house.imagine(prompt="a red fox --no blur", steps=7, size="1:1", count=2)
    await house.settled()
    [result] = house.with_pictures()
    opened = await house.discord.human.click(house.bob, result, "Vary")
    form = (await opened.reply())["data"]
    filled = {field["custom_id"]: field.get("value") for field in fields(form)}
    assert filled["prompt"] == "a red fox"
    assert filled["negative"] == "blur"
    assert filled["options"] == "--ar 1:1 --steps 7 --count 2"
    await (await house.discord.human.submit(opened, prompt="a blue fox", options="--count 1")).reply()
    [job] = await house.settled(house.bob)
    assert (job.request.prompt, job.request.negative_prompt, job.request.count) == ("a blue fox", "blur", 1)


async def test_a_mistake_in_the_form_is_told_privately(house: DiscordHouse) -> None:
    await house.imagine()
    await house.settled()
    opened = await house.discord.human.click(house.ada, house.with_pictures()[0], "Vary")
    await opened.reply()
    sent = await house.discord.human.submit(opened, options="--steps many")
    await sent.reply()
    assert sent.private
    assert "steps" in sent.text


async def test_report_asks_for_a_reason_and_passes_it_on(house: DiscordHouse) -> None:
    await house.imagine()
    [job] = await house.settled()
    [result] = house.with_pictures()
    opened = await house.discord.human.click(house.bob, result, "Report")
    await opened.reply()
    sent = await house.discord.human.submit(opened, reason="not a fox")
    await sent.reply()
    assert sent.private
    assert "Thank you" in sent.text
    again = await house.discord.human.submit(opened, reason="still not a fox")
    await again.reply()
    assert "already reported" in again.text
    [made] = await house.core.store.reports_on(job.origin.place.tenant, job.id, 0)
    assert (made.person, made.reason) == (f"discord:user:{house.bob.id}", "not a fox")
    await house.eventually(house.staff.shown)
    assert "not a fox" in house.staff.shown()[0].content


async def test_the_message_command_draws_a_message_again(house: DiscordHouse) -> None:
    await house.imagine()
    await house.settled()
    [result] = house.with_pictures()
    thread = house.discord.world.channel(result.channel)
    again = await house.discord.human.message_command(house.bob, thread, "Imagine again", result)
    await again.reply()
    await house.settled(house.bob)
    assert len(house.with_pictures()) == 2
    plain = house.shown()[0]
    none = await house.discord.human.message_command(house.bob, house.room, "Imagine again", plain)
    await none.reply()
    assert none.private


# -- my requests


async def test_status_and_forget_are_private(slow: DiscordHouse) -> None:
    await slow.imagine()
    asked = await slow.discord.human.slash(slow.ada, slow.room, "imagine-status")
    await asked.reply()
    assert asked.private
    assert "a red fox" in asked.text
    asked = await slow.discord.human.slash(slow.ada, slow.room, "imagine-forget")
    await asked.reply()
    await slow.eventually(lambda: asked.message is not None and "deleted" in asked.message.content)
    assert asked.message
    assert asked.message.audience == slow.ada.id


# -- what the bot may do


async def test_missing_permissions_are_told_before_anything_is_drawn(house: DiscordHouse) -> None:
    house.room.denied[house.guild.id] = Permission.ATTACH_FILES
    asked = await house.imagine()
    assert asked.private
    assert "attach files" in asked.text
    assert await house.jobs() == []


async def test_where_no_thread_may_be_made_the_answer_stays_in_place(house: DiscordHouse) -> None:
    house.room.denied[house.guild.id] = Permission.CREATE_PUBLIC_THREADS
    await house.imagine()
    await house.settled()
    [message] = house.shown()
    assert len(message.attachments) == 1


async def test_an_age_restricted_channel_and_its_threads_are_known_as_such(house: DiscordHouse) -> None:
    room = house.discord.world.text_channel(house.guild, nsfw=True)
    thread = house.discord.world.thread(room)
    await house.discord.gateway.dispatch("CHANNEL_CREATE", room.json(), house.guild.id)
    await house.discord.gateway.dispatch("THREAD_CREATE", thread.json(), house.guild.id)
    for place in (room, thread, house.room):
        await house.imagine(house.ada, place)
    jobs = await house.settled(count=3)
    assert [job.origin.place.age_restricted for job in jobs] == [False, True, True]


async def test_several_guilds_have_their_own_upload_limits(house: DiscordHouse) -> None:
    other = house.discord.world.guild("small")
    other.upload_limit = 300_000
    house.discord.world.join(other, house.ada)
    await house.imagine(house.ada, house.discord.world.text_channel(other))
    await house.imagine()
    jobs = await house.settled(count=2)
    assert sorted(int(job.origin.address["upload_limit"]) for job in jobs) == [300_000, 20 * 1024 * 1024]


# -- user installs


async def test_an_app_that_a_person_installed_answers_in_place_by_its_token(house: DiscordHouse) -> None:
    elsewhere = house.discord.world.guild("not ours", bot=False)
    house.discord.world.join(elsewhere, house.ada)
    room = house.discord.world.text_channel(elsewhere)
    asked = await house.discord.human.installed_slash(house.ada, room, "imagine", prompt="a red fox")
    await asked.reply()
    await house.settled()
    [message] = room.shown()
    assert len(message.attachments) == 1


async def test_an_installed_app_delivers_by_direct_message_once_the_token_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.chat.discord.reading.TOKEN_SECONDS", 0.2)
    async with open_discord_house(tmp_path) as house, house.connected():
        elsewhere = house.discord.world.guild("not ours", bot=False)
        house.discord.world.join(elsewhere, house.ada)
        room = house.discord.world.text_channel(elsewhere)
        asked = await house.discord.human.installed_slash(house.ada, room, "imagine", prompt="a red fox")
        await asked.reply()
        await asyncio.sleep(1)  # the stored end of the token has whole seconds
        async with house.working():
            await house.settled()
        assert room.shown()[0].attachments == []
        [message] = house.discord.world.dm(house.ada).shown()
        assert len(message.attachments) == 1


# -- commands are sent when they changed


async def test_commands_are_sent_once_and_again_only_when_they_changed(tmp_path: Path) -> None:
    async with open_discord_house(tmp_path) as house:
        for puts in (1, 1):
            async with house.connected():
                assert len(house.discord.calls("PUT", "/commands")) == puts
        house.synced.text = "of an older version"
        async with house.connected():
            assert len(house.discord.calls("PUT", "/commands")) == 2
        names = {command["name"] for command in house.discord.rest.commands[0]}
        private = {f"imagine-{each}" for each in ("style", "status", "history", "forget", "mod")}
        assert names == {"imagine", "Imagine again"} | private
        imagine = next(each for each in house.discord.rest.commands[0] if each["name"] == "imagine")
        assert imagine["description_localizations"]["de"] == "Male ein Bild aus Worten"
        assert imagine["integration_types"] == [0, 1]


async def test_names_options_and_choices_come_in_other_languages_too(tmp_path: Path) -> None:
    async with open_discord_house(tmp_path) as house, house.connected():
        sent = {command["name"]: command for command in house.discord.rest.commands[0]}
    assert sent["Imagine again"]["name_localizations"]["de"] == "Noch einmal malen"
    options = {option["name"]: option for option in sent["imagine"]["options"]}
    assert all(option["description_localizations"]["de"] for option in options.values())
    subs = {option["name"]: option for option in sent["imagine-mod"]["options"]}
    [length] = [option for option in subs["timeout"]["options"] if option["name"] == "length"]
    assert [choice["name_localizations"]["de"] for choice in length["choices"]][:3] == [
        "10 Minuten", "1 Stunde", "1 Tag",
    ]  # fmt: skip
    [mode] = [option for option in subs["mode"]["options"] if option["name"] == "mode"]
    assert {choice["value"] for choice in mode["choices"]} == {"open", "new-members", "review-all", "closed"}
    assert all(choice["name_localizations"]["de"] for choice in mode["choices"])


async def test_several_requests_at_once_are_each_answered_and_delivered(house: DiscordHouse) -> None:
    asked = await asyncio.gather(*(house.imagine(house.ada if n % 2 else house.bob) for n in range(20)))
    assert not any(each.private for each in asked)
    await house.settled(house.ada, 10, 30)
    await house.settled(house.bob, 10, 30)
    assert len(house.with_pictures()) == 20
