"""``/imagine-mod``. Discord shows it to members who may moderate others; who really may is asked at every call."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import aiohttp
import discord
from discord import app_commands

from adapters.chat.discord import reading, text
from adapters.chat.discord.asking import Desk
from adapters.chat.discord.commands import complete, default_words, told
from adapters.chat.discord.reading import Interaction
from adapters.chat.discord.rest import NO_MENTIONS
from bot import replies
from bot.conduct import Mode, Sanction
from bot.errors import Refused, StoreError
from bot.model import Person, Place
from bot.moderators import Moderators

User = discord.User | discord.Member
Reason = app_commands.Range[str, 1, 400]
ItemId = app_commands.Range[str, 1, 64]
HOUR, DAY = 3600, 86_400
LENGTHS = [
    app_commands.Choice(name=app_commands.locale_str(name, code=f"length_{seconds}"), value=seconds)
    for name, seconds in (("10 min", 600), ("1 h", HOUR), ("1 d", DAY), ("7 d", 7 * DAY), ("28 d", 28 * DAY))
]
MODES = [
    app_commands.Choice(name=app_commands.locale_str(mode.value, code=f"mode_{mode.value}"), value=mode.value)
    for mode in Mode
]

Work = Callable[[Person, Place], Awaitable[Sequence[str]]]


async def answer(desk: Desk, interaction: Interaction, work: Work) -> None:
    """Acknowledged first, since ending somebody's requests takes a while; the answer is private."""
    try:
        await interaction.response.defer(ephemeral=True, thinking=True)
        lines = await _lines(desk, interaction, work)
        content = text.clip("\n".join(lines) or replies.say("discord_nothing"), text.MESSAGE)
        await interaction.edit_original_response(content=content, allowed_mentions=NO_MENTIONS)
    except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError) as error:
        desk.observer.event("discord_reply_lost", detail=str(error))


async def _lines(desk: Desk, interaction: Interaction, work: Work) -> Sequence[str]:
    try:
        return await work(reading.person(interaction), reading.place(interaction))
    except Refused as refused:
        return [text.refusal(refused)]
    except StoreError as error:
        desk.observer.event("store_error", detail=str(error))
        return [replies.say("store_busy")]


def _sanctioned(user: User, sanction: Sanction) -> list[str]:
    lasting = sanction.until < float("inf")
    code = f"discord_mod_{sanction.kind.value}" + ("_until" if lasting and sanction.kind.value == "ban" else "")
    return [replies.say(code, person=user.mention, until=int(sanction.until) if lasting else 0)]


def moderation_command(desk: Desk, moderators: Moderators) -> app_commands.Group:
    group = app_commands.Group(
        name="imagine-mod",
        description=told("discord_about_mod"),
        default_permissions=discord.Permissions(moderate_members=True),
        allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=False, private_channel=False),
        allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
    )
    _people(group, desk, moderators)
    _reporters(group, desk, moderators)
    _community(group, desk, moderators)
    _words(group, desk, moderators)
    _queue(group, desk, moderators)
    _defaults(group, desk, moderators)
    return group


def _people(group: app_commands.Group, desk: Desk, moderators: Moderators) -> None:
    @group.command(name="warn", description=told("discord_about_warn"))
    async def warn(interaction: discord.Interaction[Any], user: User, reason: Reason) -> None:
        async def work(actor: Person, place: Place) -> Sequence[str]:
            return _sanctioned(user, await moderators.warn(actor, place, reading.target(user), reason))

        await answer(desk, interaction, work)

    @group.command(name="timeout", description=told("discord_about_timeout"))
    @app_commands.choices(length=LENGTHS)
    async def timeout(interaction: discord.Interaction[Any], user: User, length: int, reason: Reason) -> None:
        async def work(actor: Person, place: Place) -> Sequence[str]:
            return _sanctioned(user, await moderators.timeout(actor, place, reading.target(user), reason, length))

        await answer(desk, interaction, work)

    @group.command(name="ban", description=told("discord_about_ban"))
    @app_commands.choices(length=LENGTHS)
    async def ban(interaction: discord.Interaction[Any], user: User, reason: Reason, length: int = 0) -> None:
        async def work(actor: Person, place: Place) -> Sequence[str]:
            return _sanctioned(user, await moderators.ban(actor, place, reading.target(user), reason, length))

        await answer(desk, interaction, work)

    @group.command(name="lift", description=told("discord_about_lift"))
    async def lift(interaction: discord.Interaction[Any], user: User, reason: Reason) -> None:
        async def work(actor: Person, place: Place) -> Sequence[str]:
            ended = await moderators.lift(actor, place, reading.target(user), reason)
            return [replies.say("discord_mod_lifted", person=user.mention, count=len(ended))]

        await answer(desk, interaction, work)


def _reporters(group: app_commands.Group, desk: Desk, moderators: Moderators) -> None:
    async def mute(interaction: Interaction, user: User, reason: str, *, muted: bool) -> None:
        async def work(actor: Person, place: Place) -> Sequence[str]:
            await moderators.mute_reporter(actor, place, reading.target(user), reason, muted=muted)
            return [replies.say("discord_mod_muted" if muted else "discord_mod_unmuted", person=user.mention)]

        await answer(desk, interaction, work)

    @group.command(name="mute", description=told("discord_about_mute"))
    async def mute_(interaction: discord.Interaction[Any], user: User, reason: Reason) -> None:
        await mute(interaction, user, reason, muted=True)

    @group.command(name="unmute", description=told("discord_about_unmute"))
    async def unmute(interaction: discord.Interaction[Any], user: User, reason: Reason) -> None:
        await mute(interaction, user, reason, muted=False)


def _community(group: app_commands.Group, desk: Desk, moderators: Moderators) -> None:
    @group.command(name="mode", description=told("discord_about_mode"))
    @app_commands.choices(mode=MODES)
    async def mode(interaction: discord.Interaction[Any], mode: str, here: bool = False) -> None:
        async def work(actor: Person, place: Place) -> Sequence[str]:
            await moderators.set_mode(actor, place, Mode(mode), place.channel if here else "")
            return [replies.say("discord_mod_mode", mode=mode)]

        await answer(desk, interaction, work)

    @group.command(name="pause", description=told("discord_about_pause"))
    async def pause(interaction: discord.Interaction[Any], reason: app_commands.Range[str, 0, 400] = "") -> None:
        async def work(actor: Person, place: Place) -> Sequence[str]:
            await moderators.pause(actor, place, reason)
            return [replies.say("discord_mod_paused")]

        await answer(desk, interaction, work)

    @group.command(name="resume", description=told("discord_about_resume"))
    async def resume(interaction: discord.Interaction[Any]) -> None:
        async def work(actor: Person, place: Place) -> Sequence[str]:
            await moderators.resume(actor, place)
            return [replies.say("discord_mod_resumed")]

        await answer(desk, interaction, work)


async def _passed_on(desk: Desk, moderators: Moderators, interaction: Interaction, words: str) -> None:
    """What has a grammar of its own is passed on as words."""

    async def work(actor: Person, place: Place) -> Sequence[str]:
        return [text.block(line, 300) for line in await moderators.dispatch(actor, place, words)]

    await answer(desk, interaction, work)


def _queue(group: app_commands.Group, desk: Desk, moderators: Moderators) -> None:
    """The review queue without a review channel."""

    async def passed_on(interaction: Interaction, words: str) -> None:
        await _passed_on(desk, moderators, interaction, words)

    @group.command(name="queue", description=told("discord_about_queue"))
    async def queue(interaction: discord.Interaction[Any]) -> None:
        await passed_on(interaction, "queue")

    @group.command(name="show", description=told("discord_about_show"))
    async def show(interaction: discord.Interaction[Any], item: ItemId) -> None:
        await passed_on(interaction, f"show {item}")

    @group.command(name="approve", description=told("discord_about_approve"))
    async def approve(interaction: discord.Interaction[Any], item: ItemId) -> None:
        await passed_on(interaction, f"approve {item}")

    @group.command(name="reject", description=told("discord_about_reject"))
    async def reject(interaction: discord.Interaction[Any], item: ItemId, reason: Reason) -> None:
        await passed_on(interaction, f"reject {item} {reason}")

    @group.command(name="edit", description=told("discord_about_edit"))
    async def edit(
        interaction: discord.Interaction[Any], item: ItemId, prompt: app_commands.Range[str, 1, 2000]
    ) -> None:
        await passed_on(interaction, f"edit {item} {prompt}")


def _defaults(group: app_commands.Group, desk: Desk, moderators: Moderators) -> None:
    @group.command(name="defaults", description=told("discord_about_defaults"))
    @app_commands.describe(
        style=told("discord_about_defaults_style"),
        size=told("option_size"),
        backend=told("option_backend"),
        steps=told("option_steps"),
        guidance=told("option_guidance"),
    )
    async def defaults(
        interaction: discord.Interaction[Any],
        style: app_commands.Range[str, 1, 100] | None = None,
        size: app_commands.Range[str, 1, 20] | None = None,
        backend: app_commands.Range[str, 1, 100] | None = None,
        steps: app_commands.Range[str, 1, 20] | None = None,
        guidance: app_commands.Range[str, 1, 20] | None = None,
    ) -> None:
        words = default_words(style, size, backend, steps, guidance)
        await _passed_on(desk, moderators, interaction, f"defaults {words}")

    complete(defaults, desk.studio, more=("none", "default"))


def _words(group: app_commands.Group, desk: Desk, moderators: Moderators) -> None:
    async def passed_on(interaction: Interaction, words: str) -> None:
        await _passed_on(desk, moderators, interaction, words)

    rule = app_commands.Group(name="rule", description=told("discord_about_rule"), parent=group)

    @rule.command(name="add", description=told("discord_about_rule_add"))
    async def add(interaction: discord.Interaction[Any], rule: Reason) -> None:
        await passed_on(interaction, f"rule add {rule}")

    @rule.command(name="remove", description=told("discord_about_rule_remove"))
    async def remove(interaction: discord.Interaction[Any], rule: app_commands.Range[str, 1, 100]) -> None:
        await passed_on(interaction, f"rule remove {rule}")

    @rule.command(name="starter", description=told("discord_about_rule_starter"))
    async def starter(interaction: discord.Interaction[Any]) -> None:
        await passed_on(interaction, "rule starter")

    @rule.command(name="list", description=told("discord_about_rule_list"))
    async def list_(interaction: discord.Interaction[Any]) -> None:
        await passed_on(interaction, "rule list")

    @group.command(name="test", description=told("discord_about_test"))
    async def test(interaction: discord.Interaction[Any], prompt: app_commands.Range[str, 1, 2000]) -> None:
        await passed_on(interaction, f"test {prompt}")

    @group.command(name="simulate", description=told("discord_about_simulate"))
    async def simulate(interaction: discord.Interaction[Any], rule: Reason) -> None:
        await passed_on(interaction, f"simulate {rule}")

    @group.command(name="record", description=told("discord_about_record"))
    async def record(interaction: discord.Interaction[Any], user: User) -> None:
        await passed_on(interaction, f"record {reading.target(user).key}")

    @group.command(name="audit", description=told("discord_about_audit"))
    async def audit(interaction: discord.Interaction[Any]) -> None:
        await passed_on(interaction, "audit")
