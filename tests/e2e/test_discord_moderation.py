"""Moderators on Discord over the real moderators and store: the review channel, /imagine-mod, notices, appeals."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.conduct import Item, ItemState
from bot.model import JobState, Person
from bot.settings import ModerationSettings
from bot.showing import case_of
from tests.discord_house import DiscordHouse, open_discord_house
from tests.fakes import FakeBackend
from tests.standins.discord import Interaction, Message, NotOffered, Permission, User, buttons, fields

CASTLES = ModerationSettings(held=("castle",), report_threshold=1)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[DiscordHouse]:
    async with open_discord_house(tmp_path, moderation=CASTLES) as house, house.working(), house.connected():
        yield house


def key(user: User) -> str:
    return f"discord:user:{user.id}"


async def held(house: DiscordHouse, user: User | None = None, prompt: str = "a @everyone castle") -> Message:
    """A request waits for a moderator: its message in the review channel."""
    before = len(house.staff.shown())
    await house.imagine(user, prompt=prompt)
    await house.eventually(lambda: len(house.staff.shown()) > before)
    return house.staff.shown()[-1]


async def click(house: DiscordHouse, user: User, message: Message, label: str) -> Interaction:
    clicked = await house.discord.human.click(user, message, label)
    await clicked.reply()
    return clicked


async def fill(house: DiscordHouse, opened: Interaction, **values: str) -> Interaction:
    sent = await house.discord.human.submit(opened, **values)
    await sent.reply()
    return sent


async def said(house: DiscordHouse, user: User, command: str, /, **options: object) -> str:
    """What a private command answered."""
    asked = await house.discord.human.slash(user, house.room, command, **options)
    await asked.reply()
    await house.eventually(lambda: asked.message is not None and asked.message.content)
    assert asked.message
    assert asked.message.audience == user.id
    return asked.message.content


def labels(message: Message) -> list[str]:
    return [str(button["label"]) for button in buttons(message)]


def public(house: DiscordHouse) -> str:
    """Everything that anybody could read outside the review channel."""
    rooms = [room for room in house.discord.world.channels.values() if room is not house.staff and room.guild]
    return "\n".join([room.name + "\n".join(message.content for message in room.shown()) for room in rooms])


async def items(house: DiscordHouse) -> list[Item]:
    """What waits for a decision, once anything does."""
    async with asyncio.timeout(30):
        while not (found := await house.core.store.items(f"discord:{house.guild.id}", 100)):
            await asyncio.sleep(0.01)
        return found


# -- a held request


async def test_a_held_request_shows_its_prompt_to_moderators_only_until_it_is_approved(house: DiscordHouse) -> None:
    case = await held(house)
    [placeholder] = house.shown()
    assert "castle" not in public(house)
    assert labels(placeholder) == ["Cancel"]
    assert "a @everyone castle" in case.content
    assert labels(case) == ["Approve", "Reject", "Edit"]
    assert (await house.jobs())[0].state is JobState.REVIEW
    await click(house, house.mod, case, "Approve")
    assert f"Approved by <@{house.mod.id}>" in case.content
    assert buttons(case) == []
    [job] = await house.settled()
    assert job.state is JobState.DELIVERED
    [result] = house.with_pictures()
    assert house.thread(placeholder).shown() == [result]
    assert "castle" in house.thread(placeholder).name
    assert "a @everyone castle" in placeholder.content
    assert buttons(placeholder) == []


async def test_in_place_a_held_request_becomes_its_result(tmp_path: Path) -> None:
    async with (
        open_discord_house(tmp_path, threads=False, moderation=CASTLES) as house,
        house.working(),
        house.connected(),
    ):
        case = await held(house)
        assert "castle" not in public(house)
        await click(house, house.mod, case, "Approve")
        await house.settled()
        [message] = house.shown()
        assert "a @everyone castle" in message.content
        assert len(message.attachments) == 1


async def test_an_approved_request_tells_its_place_in_the_queue(tmp_path: Path) -> None:
    async with open_discord_house(tmp_path, moderation=CASTLES) as house, house.connected():
        await house.imagine(house.bob)
        await house.imagine(prompt="a castle")
        [item] = await items(house)
        place = (await house.jobs())[0].origin.place
        groups = tuple(f"discord:role:{role}" for role in house.guild.members[house.mod.id].roles)
        await house.core.moderators.approve(Person(key(house.mod), "mod", groups), place, item.id)
        [job] = await house.jobs()
        await house.chat.progress(job, 2, 30.0, None)
        shown = house.shown()[1]
        assert "Number 2 in the queue" in shown.content
        assert "a castle" in shown.content
        assert labels(shown) == ["Cancel"]


async def test_reject_opens_a_form_at_once_and_the_person_reads_the_reason(house: DiscordHouse) -> None:
    case = await held(house)
    opened = await click(house, house.mod, case, "Reject")
    assert opened.answer
    assert [each["custom_id"] for each in fields(opened.answer["data"])] == ["reason"]
    await fill(house, opened, reason="no castles today")
    assert "no castles today" in case.content
    assert buttons(case) == []
    [job] = await house.settled()
    assert job.state is JobState.REJECTED
    [placeholder] = house.shown()
    assert "no castles today" in placeholder.content
    assert "a @everyone castle" not in public(house)
    assert placeholder.id not in house.discord.world.channels
    usage = await house.core.store.usage(key(house.ada), house.core.core.day())
    assert usage.images_today == 0


async def test_edit_opens_a_form_with_the_prompt_and_draws_the_new_words(house: DiscordHouse) -> None:
    case = await held(house)
    opened = await click(house, house.mod, case, "Edit")
    assert opened.answer
    assert [each["value"] for each in fields(opened.answer["data"])] == ["a @everyone castle"]
    await fill(house, opened, prompt="a sand castle")
    assert "a sand castle" in case.content
    [job] = await house.settled()
    assert job.request.prompt == "a sand castle"
    [placeholder] = house.shown()
    assert "a sand castle" in placeholder.content
    assert "everyone" not in public(house)


async def test_f75_a_second_moderator_reads_who_decided(house: DiscordHouse) -> None:
    case = await held(house)
    approve, reject = buttons(case)[:2]
    opened = await house.discord.human.press(house.mod2, case, reject["custom_id"])
    await opened.reply()
    await click(house, house.mod, case, "Approve")
    late = await fill(house, opened, reason="too late")
    assert late.private
    assert f"<@{house.mod.id}>" in late.text
    again = await house.discord.human.press(house.mod2, case, approve["custom_id"])
    await again.reply()
    assert again.private
    assert f"already approved by <@{house.mod.id}>" in again.text
    assert len(await house.settled()) == 1


async def test_several_approvals_are_counted_on_the_message(tmp_path: Path) -> None:
    rules = replace(CASTLES, required_approvals=2)
    async with open_discord_house(tmp_path, moderation=rules) as house, house.working(), house.connected():
        case = await held(house)
        await click(house, house.mod, case, "Approve")
        assert "1 of 2 approvals" in case.content
        await click(house, house.mod2, case, "Approve")
        assert f"Approved by <@{house.mod2.id}>" in case.content
        [job] = await house.settled()
        assert job.state is JobState.DELIVERED


async def test_s28_a_moderators_own_request_is_for_another_one(house: DiscordHouse) -> None:
    case = await held(house, house.mod)
    for label in ("Approve", "Edit", "Reject"):
        own = await click(house, house.mod, case, label)
        if label != "Approve":
            own = await fill(house, own, **({"reason": "mine"} if label == "Reject" else {"prompt": "a fox"}))
        assert own.private
        assert "another moderator" in own.text
    assert (await house.jobs(house.mod))[0].state is JobState.REVIEW
    await click(house, house.mod2, case, "Approve")
    [job] = await house.settled(house.mod)
    assert job.state is JobState.DELIVERED


async def test_s23_s26_a_member_who_reaches_the_buttons_decides_nothing(house: DiscordHouse) -> None:
    case = await held(house)
    for label in ("Approve", "Edit"):
        assert (await click(house, house.bob, case, label)).private
    sent = await fill(house, await click(house, house.bob, case, "Reject"), reason="mine")
    assert sent.private
    assert (await items(house))[0].state is ItemState.OPEN


async def test_s27_a_moderator_of_another_guild_decides_nothing_here(house: DiscordHouse) -> None:
    case = await held(house)
    other = house.discord.world.guild("other")
    house.discord.world.join(other, house.mod)
    room = house.discord.world.text_channel(other)
    await house.imagine(house.mod, room)
    await house.settled(house.mod)
    elsewhere = next(each for each in house.with_pictures())
    pressed = await house.discord.human.press(house.mod, elsewhere, buttons(case)[0]["custom_id"])
    await pressed.reply()
    assert pressed.private
    assert (await items(house))[0].state is ItemState.OPEN


async def test_a_request_that_its_author_cancels_leaves_the_queue_and_stays_unread(house: DiscordHouse) -> None:
    case = await held(house)
    await click(house, house.ada, house.shown()[0], "Cancel")
    [job] = await house.settled()
    assert job.state is JobState.CANCELLED
    await house.eventually(lambda: "ended before" in case.content)
    assert buttons(case) == []
    assert "castle" not in public(house)


async def test_f76_words_that_were_shown_go_once_a_moderator_refuses_them(tmp_path: Path) -> None:
    backend = FakeBackend(seconds=1.0)
    async with open_discord_house(tmp_path, [backend]) as house, house.working(), house.connected():
        await house.imagine(prompt="a spoon")
        await house.eventually(lambda: backend.running)
        await said(house, house.mod, "imagine-mod rule add", rule="hold spoon")
        await house.eventually(house.staff.shown)
        case = house.staff.shown()[0]
        assert [each["filename"][:8] for each in case.attachments] == ["SPOILER_"]
        assert labels(case) == ["Approve", "Reject"]
        assert house.with_pictures() == [case]
        await fill(house, await click(house, house.mod, case, "Reject"), reason="no spoons")
        await house.settled()
        assert "spoon" not in public(house).replace("no spoons", "")
        assert house.with_pictures() == [case]


# -- the review channel


async def test_a_case_whose_posting_broke_off_is_posted_once(tmp_path: Path) -> None:
    async with open_discord_house(tmp_path, moderation=CASTLES) as house, house.connected():
        await house.imagine(prompt="a castle")
        [item] = await items(house)
        case = await case_of(house.core.core, item)
        addresses: list[dict[str, str]] = []

        async def remember(address: object) -> None:
            assert isinstance(address, dict)
            addresses.append(address)

        for _ in range(2):
            await house.review_room.announce(case, str(house.staff.id), {}, remember)
        assert len(house.staff.shown()) == 1
        assert addresses[0] == addresses[1]
        for _ in range(2):
            decided = replace(case, item=replace(item, state=ItemState.EXPIRED))
            await house.review_room.announce(decided, str(house.staff.id), addresses[0], remember)
        [message] = house.staff.shown()
        assert buttons(message) == []
        assert "in time" in message.content


async def test_an_open_case_whose_message_is_deleted_is_posted_anew(house: DiscordHouse) -> None:
    case = await held(house)
    del house.staff.messages[case.id]
    await said(house, house.mod, "imagine-mod approve", item=(await items(house))[0].id)
    await house.settled()
    assert house.staff.shown() == []
    second = await held(house)
    del house.staff.messages[second.id]
    [item] = await items(house)
    address = {"kind": "review", "channel": str(house.staff.id), "message": str(second.id)}
    await house.review_room.announce(await case_of(house.core.core, item), str(house.staff.id), address, nothing)
    assert len(house.staff.shown()) == 1


async def nothing(_: object) -> None:
    pass


async def test_f78_without_a_review_channel_the_owner_reads_it_and_decides_by_command(house: DiscordHouse) -> None:
    house.staff.deleted = True
    await house.imagine(prompt="a castle")
    owner = house.discord.world.dm(house.discord.world.owner)
    await house.eventually(owner.shown)
    [message] = owner.shown()
    assert "a castle" in message.content
    assert "review_channels" in message.content
    assert buttons(message) == []
    assert (await house.jobs())[0].state is JobState.REVIEW
    [item] = await items(house)
    assert item.id[:8] in message.content
    assert "approved" in await said(house, house.mod, "imagine-mod approve", item=item.id[:8])
    [job] = await house.settled()
    assert job.state is JobState.DELIVERED
    await house.eventually(lambda: f"Approved by <@{house.mod.id}>" in message.content)


async def test_f78_the_system_channel_gets_a_hint_and_never_the_words(house: DiscordHouse) -> None:
    house.staff.deleted = True
    house.discord.world.owner.dms_open = False
    lobby = house.discord.world.text_channel(house.guild, "lobby")
    house.guild.system_channel = lobby.id
    await house.imagine(prompt="a castle")
    await house.eventually(lobby.shown)
    assert "/imagine-mod queue" in lobby.shown()[0].content
    assert "castle" not in public(house)


async def test_f78_where_nobody_can_be_reached_it_stays_held_and_alerts(house: DiscordHouse) -> None:
    house.staff.deleted = True
    house.discord.world.owner.dms_open = False
    await house.imagine(prompt="a castle")
    await house.eventually(lambda: "review_channel_gone" in str(house.core.recorder.events))
    assert (await house.jobs())[0].state is JobState.REVIEW


async def test_words_that_automod_blocks_are_left_out_of_the_review_message(house: DiscordHouse) -> None:
    house.discord.rest.automod.add("castle")
    case = await held(house)
    assert "castle" not in case.content
    assert labels(case) == ["Approve", "Reject", "Edit"]
    [item] = await items(house)
    assert "castle" in await said(house, house.mod, "imagine-mod show", item=item.id[:8])


# -- pictures


@pytest.mark.parametrize("stays", [True, False])
async def test_reported_pictures_are_hidden_until_a_moderator_decides(house: DiscordHouse, *, stays: bool) -> None:
    await house.imagine(count=2)
    await house.settled()
    [result] = house.with_pictures()
    await fill(house, await click(house, house.bob, result, "Report"), reason="not a fox")
    await house.eventually(lambda: not result.attachments)
    assert "hidden until a moderator" in result.content
    await house.eventually(lambda: len(house.staff.shown()) == 1)
    [case] = house.staff.shown()
    assert case.content.count("not a fox") == 1
    assert [each["filename"][:8] for each in case.attachments] == ["SPOILER_"] * 2
    assert labels(case) == ["Approve", "Reject"]
    if stays:
        await click(house, house.mod, case, "Approve")
        await house.eventually(lambda: len(result.attachments) == 2)
        assert labels(result) == ["Again", "Vary", "Report", "Delete"]
        return
    await fill(house, await click(house, house.mod, case, "Reject"), reason="indeed")
    await house.eventually(lambda: f"Rejected by <@{house.mod.id}>" in case.content)
    assert result.attachments == []
    private = house.discord.world.dm(house.ada)
    await house.eventually(lambda: bool(private.shown()))
    assert "took down a picture of yours after a report: indeed" in private.shown()[0].content
    assert labels(private.shown()[0]) == ["Appeal"]


async def test_a_rules_spoiler_covers_the_pictures_after_an_approval_too(tmp_path: Path) -> None:
    async with open_discord_house(tmp_path, moderation=CASTLES) as house, house.working(), house.connected():
        await said(house, house.mod, "imagine-mod rule add", rule="hold spider --spoiler")
        await said(house, house.mod, "imagine-mod rule add", rule="flag wasp --spoiler")
        await click(house, house.mod, await held(house, prompt="a spider"), "Approve")
        await house.settled()
        await house.imagine(prompt="a wasp")
        await house.settled(count=2)
        results = [each for each in house.with_pictures() if each.channel != house.staff.id]
        assert [each.attachments[0]["filename"][:8] for each in results] == ["SPOILER_"] * 2
        wasp = results[1]
        bob = await fill(house, await click(house, house.bob, wasp, "Report"), reason="a wasp")
        assert bob.private
        await house.eventually(lambda: not wasp.attachments)
        await house.eventually(lambda: "a wasp" in house.staff.shown()[-1].content)
        await click(house, house.mod, house.staff.shown()[-1], "Approve")
        await house.eventually(lambda: wasp.attachments)
        assert wasp.attachments[0]["filename"][:8] == "SPOILER_"


async def test_s23_a_moderator_may_delete_anothers_pictures_and_a_banned_stranger_may_not(house: DiscordHouse) -> None:
    await house.imagine()
    await house.settled()
    [result] = house.with_pictures()
    await said(house, house.mod, "imagine-mod ban", user=house.bob, reason="spam")
    for label in ("Delete", "Again"):
        assert (await click(house, house.bob, result, label)).private
    assert len(result.attachments) == 1
    await click(house, house.mod, result, "Delete")
    assert result.attachments == []
    actions = [event.action for event in await house.core.store.newest_audit(f"discord:{house.guild.id}", 10)]
    assert "pictures_deleted" in actions


# -- /imagine-mod


async def test_a_ban_is_told_with_its_reason_and_a_button_to_appeal(house: DiscordHouse) -> None:
    text = await said(house, house.mod, "imagine-mod ban", user=house.bob, reason="spam", length=600)
    assert f"<@{house.bob.id}>" in text
    private = house.discord.world.dm(house.bob)
    await house.eventually(private.shown)
    [notice] = private.shown()
    assert "spam" in notice.content
    refused = await house.discord.human.slash(house.bob, house.room, "imagine", prompt="a fox")
    reply = await refused.reply()
    assert refused.private
    assert "Appeal" in str(reply["data"]["components"])
    sent = await fill(house, await click(house, house.bob, notice, "Appeal"), reason="I was asleep")
    assert sent.private
    await house.eventually(house.staff.shown)
    case = house.staff.shown()[0]
    assert "I was asleep" in case.content
    assert "spam" in case.content
    assert labels(case) == ["Approve", "Reject"]
    await click(house, house.mod2, case, "Approve")
    await house.eventually(lambda: len(private.shown()) == 2)
    assert "lifted" in private.shown()[1].content
    await house.imagine(house.bob)
    assert (await house.settled(house.bob))[0].state is JobState.DELIVERED


async def test_a_rejection_can_be_appealed_where_it_is_told(house: DiscordHouse) -> None:
    case = await held(house)
    await fill(house, await click(house, house.mod, case, "Reject"), reason="no")
    await house.settled()
    [placeholder] = house.shown()
    assert labels(placeholder) == ["Appeal"]
    stranger = await fill(house, await click(house, house.bob, placeholder, "Appeal"), reason="me too")
    assert stranger.private
    assert len(house.staff.shown()) == 1
    await fill(house, await click(house, house.ada, placeholder, "Appeal"), reason="castles are fine")
    await house.eventually(lambda: len(house.staff.shown()) == 2)
    assert "castles are fine" in house.staff.shown()[1].content


async def test_s28_owners_other_moderators_and_oneself_are_out_of_reach(house: DiscordHouse) -> None:
    for target in (house.discord.world.owner, house.mod2, house.mod):
        for command in ("ban", "warn"):
            text = await said(house, house.mod, f"imagine-mod {command}", user=target, reason="why not")
            assert f"<@{target.id}>" not in text
        member = await house.core.store.member(f"discord:{house.guild.id}", key(target))
        assert member.sanctions == ()
    assert f"<@{house.mod2.id}>" in await said(
        house, house.discord.world.owner, "imagine-mod warn", user=house.mod2, reason="calm down"
    )


async def test_s26_the_command_is_hidden_from_others_and_refused_where_it_is_not(house: DiscordHouse) -> None:
    with pytest.raises(NotOffered):
        await house.discord.human.slash(house.ada, house.room, "imagine-mod queue")
    house.guild.roles[house.guild.id].permissions |= Permission.MODERATE_MEMBERS
    for command in ("queue", "audit", "resume"):
        assert "Only moderators" in await said(house, house.ada, f"imagine-mod {command}")
    await said(house, house.ada, "imagine-mod ban", user=house.bob, reason="x")
    assert (await house.core.store.member(f"discord:{house.guild.id}", key(house.bob))).sanctions == ()


async def test_s26_a_role_that_was_taken_away_counts_at_the_next_call(house: DiscordHouse) -> None:
    await said(house, house.mod, "imagine-mod mode", mode="closed", here=True)
    refused = await house.discord.human.slash(house.ada, house.room, "imagine", prompt="a fox")
    await refused.reply()
    assert refused.private
    house.guild.members[house.mod.id].roles.clear()
    house.guild.roles[house.guild.id].permissions |= Permission.MODERATE_MEMBERS
    assert "Only moderators" in await said(house, house.mod, "imagine-mod mode", mode="open", here=True)
    community = await house.core.store.community(f"discord:{house.guild.id}")
    assert dict(community.channel_modes) == {str(house.room.id): "closed"}


async def test_rules_queue_and_audit_are_passed_on_and_come_back_harmless(house: DiscordHouse) -> None:
    assert (await said(house, house.mod, "imagine-mod rule add", rule="block @here")).count("```") == 2
    [rule] = (await house.core.store.community(f"discord:{house.guild.id}")).rules
    assert "block" in await said(house, house.mod, "imagine-mod rule list")
    assert rule.id in await said(house, house.mod, "imagine-mod test", prompt="go @here now")
    assert "```" in await said(house, house.mod, "imagine-mod simulate", rule="block fox")
    await said(house, house.mod, "imagine-mod rule remove", rule=rule.id)
    await held(house)
    queue = await said(house, house.mod, "imagine-mod queue")
    [item] = await items(house)
    assert item.id[:8] in queue
    await said(house, house.mod, "imagine-mod edit", item=item.id[:8], prompt="a hut")
    assert "edited" in await said(house, house.mod, "imagine-mod audit")
    assert (await house.settled())[0].request.prompt == "a hut"
    assert "hut" not in await said(house, house.mod, "imagine-mod record", user=house.ada)


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [("re:fox(?=es)", "looks ahead"), ("re:.*", "nearly every request"), ("*", "holds no word")],
)
async def test_s08_s09_a_rule_that_cannot_be_is_refused_in_words(
    house: DiscordHouse, pattern: str, sentence: str
) -> None:
    assert sentence in await said(house, house.mod, "imagine-mod rule add", rule=f"block {pattern}")
    assert (await house.core.store.community(f"discord:{house.guild.id}")).rules == ()


async def test_f77_a_ban_by_command_ends_what_waits_for_a_moderator(house: DiscordHouse) -> None:
    case = await held(house)
    await said(house, house.mod, "imagine-mod ban", user=house.ada, reason="spam")
    [job] = await house.settled()
    assert job.state is JobState.CANCELLED
    assert job.reason is not None
    assert job.reason.code == "cancelled_by_ban"
    await house.eventually(lambda: buttons(case) == [])
    assert "castle" not in public(house)


async def test_the_starter_policy_comes_with_one_command(house: DiscordHouse) -> None:
    assert "10" in await said(house, house.mod, "imagine-mod rule starter")
    assert "starter-gore" in await said(house, house.mod, "imagine-mod rule list")
    assert "0" in await said(house, house.mod, "imagine-mod rule starter")


async def test_pause_resume_mute_and_lift_take_effect(house: DiscordHouse) -> None:
    await said(house, house.mod, "imagine-mod pause", reason="a break")
    paused = await house.discord.human.slash(house.ada, house.room, "imagine", prompt="a fox")
    await paused.reply()
    assert paused.private
    await said(house, house.mod, "imagine-mod resume")
    await said(house, house.mod, "imagine-mod mute", user=house.bob, reason="cries wolf")
    await said(house, house.mod, "imagine-mod timeout", user=house.ada, reason="too fast", length=600)
    await said(house, house.mod, "imagine-mod lift", user=house.ada, reason="calm again")
    await house.imagine()
    await house.settled()
    [result] = house.with_pictures()
    await fill(house, await click(house, house.bob, result, "Report"), reason="wolf")
    await asyncio.sleep(0.3)
    assert len(result.attachments) == 1


async def test_a_channels_defaults_are_for_what_its_requests_do_not_say(house: DiscordHouse) -> None:
    assert "20 steps" in await said(house, house.mod, "imagine-mod defaults", size="16:9", steps="20")
    await said(house, house.ada, "imagine-style", steps="30")
    await house.imagine()
    [job] = await house.settled()
    assert (str(job.request.size), job.request.steps) == ("16:9", 30)
    assert "no defaults" in await said(house, house.mod, "imagine-mod defaults", style="default")
    await house.imagine(steps=9)
    newest = (await house.settled(count=2))[0].request
    assert (newest.size, newest.steps) == (None, 9)


async def test_there_is_no_moderating_in_direct_messages(house: DiscordHouse) -> None:
    private = house.discord.world.dm(house.mod)
    with pytest.raises(NotOffered):
        await house.discord.human.slash(house.mod, private, "imagine-mod queue")
