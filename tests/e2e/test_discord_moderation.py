"""Moderators on Discord: /imagine-mod and the review channel. Who may do what is asked at every call."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from adapters.chat.discord.compose import moderation
from adapters.chat.discord.review import Reviews
from bot.conduct import Case, Ground, Item, ItemKind, ItemState, Mode, Sanction, SanctionKind
from bot.errors import Refused
from bot.model import Job, Person, Place, Problem, Settled
from bot.moderators import Moderators
from tests.discord_house import DiscordHouse, open_discord_house
from tests.standins.discord import Channel, NotOffered, Permission, User, buttons, fields

ITEM = "0123456789abcdef0123456789abcdef"
NO_ITEM = Item(ITEM, "", ItemKind.REQUEST, "", "", 0.0)


@dataclass
class Bench(Moderators):
    """Moderators that remember what they were asked, and take only those with the role for one."""

    role: str = ""
    asked: list[tuple[str, ...]] = field(default_factory=list)
    targets: list[Person] = field(default_factory=list)
    job: Job | None = None
    item: Item = NO_ITEM

    def _check(self, actor: Person, *what: str) -> None:
        if self.role not in actor.groups:
            raise Refused(Problem("not_yours"))
        self.asked.append(what)

    async def ban(self, actor: Person, place: Place, target: Person, reason: str, seconds: float = 0.0) -> Sanction:
        self._check(actor, "ban", target.key, reason, str(seconds))
        self.targets.append(target)
        until = seconds or float("inf")
        return Sanction("s1", place.tenant, target.key, SanctionKind.BAN, 0.0, until, actor.key, reason)

    async def set_mode(self, actor: Person, place: Place, mode: Mode | None, channel: str = "") -> None:
        self._check(actor, "mode", mode.value if mode else "default", channel)

    async def dispatch(self, actor: Person, place: Place, text: str) -> Sequence[str]:
        self._check(actor, "words", text)
        return ["done: @everyone ```"]

    async def case(self, actor: Person, place: Place, item_id: str) -> Case:
        self._check(actor, "case", item_id)
        return self._shown()

    async def approve(self, actor: Person, place: Place, item_id: str) -> Case:
        return self._rule(actor, "approve", item_id, ItemState.APPROVED)

    async def reject(self, actor: Person, place: Place, item_id: str, reason: str) -> Case:
        return self._rule(actor, "reject", item_id, ItemState.REJECTED, reason)

    async def edit(self, actor: Person, place: Place, item_id: str, prompt: str) -> Case:
        return self._rule(actor, "edit", item_id, ItemState.APPROVED, prompt)

    def _rule(self, actor: Person, what: str, item_id: str, state: ItemState, words: str = "") -> Case:
        self._check(actor, what, item_id, words)
        if self.item.state is not ItemState.OPEN:
            raise Refused(Problem("not_yours"))
        self.item = replace(self.item, state=state, decided_by=actor.key, reason=words)
        return self._shown()

    def _shown(self) -> Case:
        return Case(replace(self.item, grounds=(Ground("held_check_failed"),)), self.job)


@dataclass
class Community:
    house: DiscordHouse
    bench: Bench
    reviews: Reviews
    mod: User
    staff: Channel


@pytest.fixture
async def community(tmp_path: Path) -> AsyncIterator[Community]:
    async with open_discord_house(tmp_path) as house:
        world = house.discord.world
        role = world.role(house.guild, "moderator", Permission.MODERATE_MEMBERS)
        mod, staff = world.user("mod"), world.text_channel(house.guild, "staff")
        world.join(house.guild, mod, role)
        bench = Bench(role=f"discord:role:{role.id}")
        extras = moderation(house.desk, bench)
        house.setup = replace(
            house.setup, more_commands=extras.commands, more_buttons=extras.buttons, more_forms=extras.forms
        )
        async with house.working(), house.connected():
            yield Community(house, bench, Reviews(house.desk, bench), mod, staff)


async def said(community: Community, user: User, command: str, /, **options: object) -> str:
    asked = await community.house.discord.human.slash(user, community.house.room, command, **options)
    await asked.reply()
    await community.house.eventually(lambda: asked.message is not None and asked.message.content)
    assert asked.message
    assert asked.message.audience == user.id
    return asked.message.content


async def test_a_ban_reaches_the_core_with_the_targets_roles(community: Community) -> None:
    bob = community.house.bob
    text = await said(community, community.mod, "imagine-mod ban", user=bob, reason="spam", length=600)
    assert f"<@{bob.id}>" in text
    assert community.bench.asked == [("ban", f"discord:user:{bob.id}", "spam", "600")]
    owner = community.house.discord.world.owner
    await said(community, community.mod, "imagine-mod ban", user=owner, reason="why not")
    assert [target.groups for target in community.bench.targets] == [(), ("discord:owners",)]


async def test_s26_the_command_is_hidden_from_others_and_refused_where_it_is_not(community: Community) -> None:
    house = community.house
    with pytest.raises(NotOffered):
        await house.discord.human.slash(house.ada, house.room, "imagine-mod queue")
    everyone = house.guild.roles[house.guild.id]
    everyone.permissions |= Permission.MODERATE_MEMBERS
    assert await said(community, house.ada, "imagine-mod queue")
    assert community.bench.asked == []


async def test_s26_a_role_that_was_taken_away_counts_at_the_next_call(community: Community) -> None:
    await said(community, community.mod, "imagine-mod mode", mode="closed", here=True)
    assert community.bench.asked == [("mode", "closed", str(community.house.room.id))]
    community.house.guild.members[community.mod.id].roles.clear()
    community.house.guild.roles[community.house.guild.id].permissions |= Permission.MODERATE_MEMBERS
    await said(community, community.mod, "imagine-mod mode", mode="open")
    assert len(community.bench.asked) == 1


async def test_words_are_passed_on_and_come_back_harmless(community: Community) -> None:
    text = await said(community, community.mod, "imagine-mod rule add", rule="block word @here")
    assert community.bench.asked == [("words", "rule add block word @here")]
    assert text.count("```") == 2


async def test_there_is_no_moderating_in_direct_messages(community: Community) -> None:
    private = community.house.discord.world.dm(community.mod)
    with pytest.raises(NotOffered):
        await community.house.discord.human.slash(community.mod, private, "imagine-mod queue")


async def posted(community: Community) -> None:
    await community.house.imagine(prompt="a @everyone fox")
    [job] = await community.house.settled()
    community.bench.job = job
    community.bench.item = Item(ITEM, job.origin.place.tenant, ItemKind.REQUEST, job.id, job.origin.person.key, 0.0)
    case = await community.bench.case(as_mod(community), job.origin.place, ITEM)
    for _ in range(2):  # the second one repeats a send whose answer was lost
        await community.reviews.post(case, staff(community))


def as_mod(community: Community) -> Person:
    return Person("discord:user:1", groups=(community.bench.role,))


def staff(community: Community) -> str:
    return str(community.staff.id)


async def test_a_case_is_one_message_with_the_prompt_and_the_three_buttons(community: Community) -> None:
    await posted(community)
    [message] = community.staff.shown()
    assert "a @everyone fox" in message.content
    assert [button["label"] for button in buttons(message)] == ["Approve", "Reject", "Edit"]


async def test_approve_shows_who_decided_and_takes_the_buttons_away(community: Community) -> None:
    await posted(community)
    [message] = community.staff.shown()
    await (await community.house.discord.human.click(community.mod, message, "Approve")).reply()
    assert f"Approved by <@{community.mod.id}>" in message.content
    assert buttons(message) == []


async def test_reject_opens_a_form_at_once_and_takes_the_reason(community: Community) -> None:
    await posted(community)
    [message] = community.staff.shown()
    opened = await community.house.discord.human.click(community.mod, message, "Reject")
    await opened.reply()
    await (await community.house.discord.human.submit(opened, reason="no foxes")).reply()
    assert community.bench.asked[-1] == ("reject", ITEM, "no foxes")
    assert "no foxes" in message.content


async def test_edit_opens_a_form_with_the_prompt(community: Community) -> None:
    await posted(community)
    [message] = community.staff.shown()
    opened = await community.house.discord.human.click(community.mod, message, "Edit")
    form = (await opened.reply())["data"]
    assert [each["value"] for each in fields(form)] == ["a @everyone fox"]
    await (await community.house.discord.human.submit(opened, prompt="a fox")).reply()
    assert community.bench.asked[-1] == ("edit", ITEM, "a fox")


async def test_s23_s26_a_member_who_reaches_the_buttons_decides_nothing(community: Community) -> None:
    await posted(community)
    [message] = community.staff.shown()
    for label in ("Approve", "Edit"):
        clicked = await community.house.discord.human.click(community.house.ada, message, label)
        await clicked.reply()
        assert clicked.private
    opened = await community.house.discord.human.click(community.house.ada, message, "Reject")
    await opened.reply()
    sent = await community.house.discord.human.submit(opened, reason="mine")
    await sent.reply()
    assert sent.private
    assert community.bench.item.state is ItemState.OPEN


async def test_a_held_picture_is_shown_covered(community: Community) -> None:
    await community.house.imagine()
    [job] = await community.house.settled()
    settled: Settled = await community.house.core.studio.settled(job)
    case = Case(Item(ITEM, "", ItemKind.PICTURE, job.id, job.origin.person.key, 0.0), job, settled.pictures)
    await community.reviews.post(case, staff(community))
    [message] = community.staff.shown()
    assert [each["filename"][:8] for each in message.attachments] == ["SPOILER_"]
    expired = replace(case, item=replace(case.item, state=ItemState.EXPIRED))
    await community.reviews.post(expired, staff(community), str(message.id))
    assert message.attachments
    assert buttons(message) == []
