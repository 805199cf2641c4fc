"""What an interaction says about who asks, where, and what the bot may do there."""

from typing import Any

import discord

from adapters.chat.discord.address import TOKEN_SECONDS, Address
from bot.model import Origin, Person, Place, Problem

Interaction = discord.Interaction[Any]

OWNERS = "discord:owners"
"""The group of whoever owns or administers the guild."""

NEEDED = discord.Permissions(view_channel=True, attach_files=True)
FOR_THREADS = discord.Permissions(create_public_threads=True, send_messages_in_threads=True)
HAVE_THREADS = frozenset({discord.ChannelType.text, discord.ChannelType.news})


def person(interaction: Interaction) -> Person:
    """Roles and rights are those of this very event, as Discord sent them."""
    return _person(interaction.user, interaction.permissions)


def target(user: discord.User | discord.Member) -> Person:
    """Somebody a command is about."""
    allowed = user.resolved_permissions if isinstance(user, discord.Member) else None
    return _person(user, allowed or discord.Permissions.none())


def _person(user: discord.User | discord.Member, allowed: discord.Permissions) -> Person:
    groups: tuple[str, ...] = ()
    if isinstance(user, discord.Member):
        owners = (OWNERS,) if allowed.administrator or user.id == user.guild.owner_id else ()
        groups = (*(f"discord:role:{role}" for role in user._roles), *owners)  # noqa: SLF001 - `roles` needs a full cache
    return Person(f"discord:user:{user.id}", user.display_name, groups)


def place(interaction: Interaction) -> Place:
    channel = interaction.channel
    channel_id = str(interaction.channel_id or "")
    if interaction.guild_id is None:
        return Place(f"discord:dm:{channel_id}", channel_id, private=True)
    tenant = f"discord:{interaction.guild_id}"
    if isinstance(channel, discord.Thread):
        return Place(tenant, str(channel.parent_id), str(channel.id), age_restricted=_age_restricted(channel))
    return Place(tenant, channel_id, age_restricted=_age_restricted(channel))


def _age_restricted(channel: object) -> bool:
    """A thread is as its parent; unknown counts as not restricted, so that nothing explicit goes there."""
    parent = channel.parent if isinstance(channel, discord.Thread) else channel
    return bool(getattr(parent, "nsfw", False))


def by_token(interaction: Interaction) -> bool:
    """The person installed the app for themselves: the bot is not in this place and reaches it by the token only."""
    if interaction.context.dm_channel or not interaction.is_user_integration():
        return False
    return not interaction.is_guild_integration()


def address(interaction: Interaction, sealed_token: str, *, threads: bool) -> Address:
    token_only = by_token(interaction)
    return Address(
        channel=str(interaction.channel_id or ""),
        user=str(interaction.user.id),
        application=str(interaction.application_id),
        token=sealed_token,
        token_until=interaction.created_at.timestamp() + TOKEN_SECONDS,
        by_token=token_only,
        wants_thread=threads and not token_only and _takes_threads(interaction),
        upload_limit=interaction.filesize_limit,
    )


def _takes_threads(interaction: Interaction) -> bool:
    kind = getattr(interaction.channel, "type", None)
    allowed = interaction.app_permissions
    return kind in HAVE_THREADS and (allowed.value == 0 or allowed >= FOR_THREADS)


def origin(interaction: Interaction, address: Address) -> Origin:
    return Origin(person(interaction), place(interaction), address.stored(), str(interaction.locale))


def objection(interaction: Interaction) -> Problem | None:
    """What the bot lacks to answer here, before anything is drawn."""
    allowed = interaction.app_permissions
    if interaction.guild_id is None or allowed.value == 0:
        return None
    needed = discord.Permissions(attach_files=True) if by_token(interaction) else NEEDED
    if allowed >= needed:
        return None
    missing = [name.replace("_", " ") for name, wanted in needed if wanted and not getattr(allowed, name)]
    return Problem("discord_lacks", {"permissions": ", ".join(missing)})
