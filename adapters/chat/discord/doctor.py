"""What `imagine-bot check` finds out about Discord: token, intents, gateway, guilds, rights in the review channels."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import discord

from adapters.chat.discord.rest import INTENTS, NO_MENTIONS, use_bases
from bot import replies

IN_REVIEW = discord.Permissions(
    view_channel=True, send_messages=True, embed_links=True, attach_files=True, read_message_history=True
)

PRIVILEGED: Mapping[str, Sequence[str]] = {
    "members": ("gateway_guild_members", "gateway_guild_members_limited"),
    "presences": ("gateway_presence", "gateway_presence_limited"),
    "message_content": ("gateway_message_content", "gateway_message_content_limited"),
}
"""The intents that have a switch in the developer portal, and the application's flags that say it is on."""


@dataclass(frozen=True, slots=True)
class Finding:
    what: str
    text: str  #: with the fix, where it failed
    ok: bool


async def findings(
    token: str, api: str, gateway: str, guilds: Sequence[int] = (), review_channels: Mapping[str, str] | None = None
) -> AsyncIterator[Finding]:
    """``review_channels`` by tenant, as in the settings; those of other platforms are passed over."""
    use_bases(api, gateway)
    client = discord.Client(intents=INTENTS, allowed_mentions=NO_MENTIONS)
    try:
        signed_in = await _token(client, token)
        yield signed_in
        if signed_in.ok:
            for finding in _portal(client):
                yield finding
            yield await _gateway(client)
            for guild in guilds:
                yield await _guild(client, guild)
            for tenant, channel in (review_channels or {}).items():
                platform, _, guild_id = tenant.partition(":")
                if platform == "discord":
                    yield await _review(client, guild_id, channel)
    finally:
        await client.close()


async def _token(client: discord.Client, token: str) -> Finding:
    try:
        await client.login(token)
    except discord.LoginFailure:
        return Finding("discord", replies.say("check_discord_token"), ok=False)
    except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
        return Finding("discord", replies.say("check_discord_unreachable", detail=error), ok=False)
    return Finding("discord", replies.say("check_discord", name=client.user), ok=True)


def _portal(client: discord.Client) -> Iterator[Finding]:
    """What the developer portal says, as the login heard it (`flags` of the application)."""
    assert client.application
    yield intents(INTENTS, client.application.flags)
    if client.application.interactions_endpoint_url:
        yield Finding("discord interactions", replies.say("check_discord_endpoint"), ok=False)


def intents(wanted: discord.Intents, flags: discord.ApplicationFlags) -> Finding:
    """Discord closes a session (4014) that asks for a privileged intent which is switched off in the portal."""
    missing = [name for name, switches in PRIVILEGED.items() if getattr(wanted, name) and not _on(flags, switches)]
    spare = [name for name, switches in PRIVILEGED.items() if not getattr(wanted, name) and _on(flags, switches)]
    if missing:
        text = replies.say("check_discord_intents_missing", intents=_spoken(missing))
    elif spare:
        text = replies.say("check_discord_intents_spare", intents=_spoken(spare))
    else:
        text = replies.say("check_discord_intents")
    return Finding("discord intents", text, ok=not missing)


def _on(flags: discord.ApplicationFlags, switches: Sequence[str]) -> bool:
    return any(getattr(flags, each) for each in switches)


def _spoken(names: Iterable[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in names)


async def _gateway(client: discord.Client) -> Finding:
    try:
        shards, _, limit = await client.http.get_bot_gateway()
    except (discord.GatewayNotFound, aiohttp.ClientError, OSError) as error:
        return Finding("discord gateway", replies.say("check_discord_unreachable", detail=error), ok=False)
    left = limit["remaining"]
    return Finding("discord gateway", replies.say("check_discord_gateway", shards=shards, left=left), ok=left > 0)


async def _guild(client: discord.Client, guild: int) -> Finding:
    what = f"discord guild {guild}"
    try:
        found = await client.http.get_guild(guild)
    except (discord.HTTPException, aiohttp.ClientError, OSError):
        return Finding(what, replies.say("check_discord_guild_missing", guild=guild), ok=False)
    return Finding(what, replies.say("check_discord_guild", name=found["name"]), ok=True)


async def _review(client: discord.Client, guild: str, channel: str) -> Finding:
    what = f"discord review channel {channel}"
    try:
        allowed = await _allowed(client, int(guild), int(channel))
    except (discord.HTTPException, aiohttp.ClientError, OSError, ValueError):
        return Finding(what, replies.say("check_discord_channel_missing", channel=channel, guild=guild), ok=False)
    missing = [name for name, wanted in IN_REVIEW if wanted and not getattr(allowed, name)]
    if missing:
        return Finding(what, replies.say("check_discord_permissions", permissions=_spoken(missing)), ok=False)
    return Finding(what, replies.say("check_discord_channel"), ok=True)


async def _allowed(client: discord.Client, guild: int, channel: int) -> discord.Permissions:
    """Raises discord.HTTPException, ValueError for a channel of another guild."""
    assert client.user
    place: Any = await client.http.get_channel(channel)
    if str(place.get("guild_id")) != str(guild):
        raise ValueError("a channel of another guild")
    roles: Any = await client.http.get_roles(guild)
    member: Any = await client.http.get_member(guild, client.user.id)
    return permissions(guild, client.user.id, member["roles"], roles, place.get("permission_overwrites", ()))


def permissions(
    guild: int,
    user: int,
    mine: Sequence[str],
    roles: Iterable[Mapping[str, Any]],
    overwrites: Iterable[Mapping[str, Any]],
) -> discord.Permissions:
    """Discord's order (topics/permissions): @everyone and roles, then overwrites of @everyone, roles, the member."""
    having = {str(guild), *mine}
    value = 0
    for role in roles:
        value |= int(role["permissions"]) if role["id"] in having else 0
    if discord.Permissions(value).administrator:
        return discord.Permissions.all()
    by_id = {overwrite["id"]: overwrite for overwrite in overwrites}
    for ids in ([str(guild)], list(mine), [str(user)]):
        found = [by_id[each] for each in ids if each in by_id]
        for overwrite in found:
            value &= ~int(overwrite["deny"])
        for overwrite in found:
            value |= int(overwrite["allow"])
    return discord.Permissions(value)
