"""What the stand-in of Discord knows: people, guilds, channels, messages, and who may do what.

Error codes and rules follow Discord's API documentation (topics/opcodes-and-status-codes, topics/permissions,
topics/threads, resources/message).
"""

import time
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Any

Json = dict[str, Any]
EPOCH_MS = 1420070400000
MEBIBYTE = 1024 * 1024


class Permission(IntFlag):
    ADMINISTRATOR = 1 << 3
    MANAGE_GUILD = 1 << 5
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MANAGE_THREADS = 1 << 34
    MODERATE_MEMBERS = 1 << 40
    CREATE_PUBLIC_THREADS = 1 << 35
    SEND_MESSAGES_IN_THREADS = 1 << 38
    USE_EXTERNAL_APPS = 1 << 50


EVERYTHING = Permission((1 << 51) - 1)
ORDINARY = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.CREATE_PUBLIC_THREADS
    | Permission.SEND_MESSAGES_IN_THREADS
    | Permission.USE_EXTERNAL_APPS
)


class Kind(IntEnum):
    TEXT = 0
    DM = 1
    VOICE = 2
    PUBLIC_THREAD = 11
    FORUM = 15


class Flag(IntFlag):
    SUPPRESS_EMBEDS = 1 << 2
    HAS_THREAD = 1 << 5
    EPHEMERAL = 1 << 6
    COMPONENTS_V2 = 1 << 15


class ApiError(Exception):
    def __init__(self, status: int, code: int, message: str, **more: object) -> None:
        super().__init__(f"{status} {code} {message}")
        self.status = status
        self.body: Json = {"code": code, "message": message, **more}


def unknown_channel() -> ApiError:
    return ApiError(404, 10003, "Unknown Channel")


def unknown_message() -> ApiError:
    return ApiError(404, 10008, "Unknown Message")


def missing_access() -> ApiError:
    return ApiError(403, 50001, "Missing Access")


def missing_permissions() -> ApiError:
    return ApiError(403, 50013, "Missing Permissions")


def iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(seconds))


class Clock:
    """Real time plus what a test has added."""

    def __init__(self) -> None:
        self.offset = 0.0
        self._last = 0

    def now(self) -> float:
        return time.time() + self.offset

    def snowflake(self) -> int:
        """Rising ids that carry the time, as discord.py computes with."""
        self._last = max(self._last + 1, (int(self.now() * 1000) - EPOCH_MS) << 22)
        return self._last


@dataclass
class User:
    id: int
    name: str
    bot: bool = False
    dms_open: bool = True

    def json(self) -> Json:
        return {
            "id": str(self.id),
            "username": self.name,
            "discriminator": "0",
            "global_name": self.name.title(),
            "avatar": None,
            "bot": self.bot,
            "public_flags": 0,
            "flags": 0,
        }


@dataclass
class Role:
    id: int
    name: str
    permissions: Permission

    def json(self) -> Json:
        return {
            "id": str(self.id),
            "name": self.name,
            "permissions": str(int(self.permissions)),
            "color": 0,
            "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
            "hoist": False,
            "managed": False,
            "mentionable": False,
            "position": 0,
            "flags": 0,
        }


@dataclass
class Member:
    user: User
    roles: list[int] = field(default_factory=list)

    def json(self) -> Json:
        return {
            "user": self.user.json(),
            "roles": [str(role) for role in self.roles],
            "nick": None,
            "avatar": None,
            "joined_at": "2026-01-01T00:00:00+00:00",
            "deaf": False,
            "mute": False,
            "flags": 0,
        }


@dataclass
class Message:
    id: int
    channel: int
    author: User
    content: str = ""
    attachments: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    embeds: list[Json] = field(default_factory=list)
    flags: int = 0
    nonce: str | None = None
    created: float = 0.0
    edited: float | None = None
    audience: int | None = None  #: ephemeral: only this user sees it
    edits: list[str] = field(default_factory=list)  #: earlier contents

    def json(self) -> Json:
        body: Json = {
            "id": str(self.id),
            "channel_id": str(self.channel),
            "author": self.author.json(),
            "content": self.content,
            "attachments": self.attachments,
            "components": self.components,
            "embeds": self.embeds,
            "flags": self.flags,
            "mentions": [],
            "mention_roles": [],
            "mention_everyone": False,
            "pinned": False,
            "tts": False,
            "type": 0,
            "timestamp": iso(self.created),
            "edited_timestamp": None if self.edited is None else iso(self.edited),
        }
        if self.nonce is not None:
            body["nonce"] = self.nonce
        return body


@dataclass
class Channel:
    id: int
    kind: Kind
    name: str = ""
    guild: "Guild | None" = None
    parent: "Channel | None" = None
    nsfw: bool = False
    archived: bool = False
    locked: bool = False
    owner: int = 0
    recipient: User | None = None
    denied: dict[int, Permission] = field(default_factory=dict)  #: overwrites by user or role id
    messages: dict[int, Message] = field(default_factory=dict)
    deleted: bool = False

    @property
    def is_thread(self) -> bool:
        return self.kind is Kind.PUBLIC_THREAD

    def shown(self) -> list[Message]:
        """What everybody sees, oldest first."""
        return [message for _, message in sorted(self.messages.items()) if message.audience is None]

    def json(self) -> Json:
        body: Json = {"id": str(self.id), "type": int(self.kind), "flags": 0, "last_message_id": None}
        if self.kind is Kind.DM:
            body["recipients"] = [self.recipient.json()] if self.recipient else []
            return body
        assert self.guild
        body |= {"guild_id": str(self.guild.id), "name": self.name}
        if self.is_thread:
            assert self.parent
            return body | {
                "parent_id": str(self.parent.id),
                "owner_id": str(self.owner),
                "message_count": len(self.messages),
                "member_count": 1,
                "rate_limit_per_user": 0,
                "thread_metadata": {
                    "archived": self.archived,
                    "locked": self.locked,
                    "auto_archive_duration": 1440,
                    "archive_timestamp": "2026-01-01T00:00:00+00:00",
                },
            }
        overwrites = [
            {"id": str(key), "type": int(key not in self.guild.roles), "allow": "0", "deny": str(int(value))}
            for key, value in self.denied.items()
        ]
        more = {"position": 0, "parent_id": None, "topic": None, "rate_limit_per_user": 0}
        return body | more | {"nsfw": self.nsfw, "permission_overwrites": overwrites}


@dataclass
class Guild:
    id: int
    name: str
    owner: User
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    upload_limit: int = 20 * MEBIBYTE
    system_channel: int = 0

    def permissions(self, user: User, channel: Channel) -> Permission:
        """Discord's order: everyone, roles, then the channel's overwrites; a thread has its parent's."""
        if user.id == self.owner.id:
            return EVERYTHING
        member = self.members.get(user.id)
        if member is None:
            return Permission(0)
        granted = self.roles[self.id].permissions
        for role in member.roles:
            granted |= self.roles[role].permissions
        if Permission.ADMINISTRATOR in granted:
            return EVERYTHING
        where = channel.parent if channel.is_thread and channel.parent else channel
        for key in (self.id, *member.roles, user.id):
            granted &= ~where.denied.get(key, Permission(0))
        return granted

    def json(self, bot: User, channels: list[Channel], *, joined: bool = True) -> Json:
        mine = [channel for channel in channels if channel.guild is self and not channel.deleted]
        return {
            "id": str(self.id),
            "name": self.name,
            "icon": None,
            "owner_id": str(self.owner.id),
            "roles": [role.json() for role in self.roles.values()],
            "emojis": [],
            "stickers": [],
            "features": [],
            "preferred_locale": "en-US",
            "verification_level": 0,
            "default_message_notifications": 0,
            "explicit_content_filter": 0,
            "mfa_level": 0,
            "nsfw_level": 0,
            "premium_tier": 0,
            "system_channel_flags": 0,
            "afk_timeout": 300,
            "afk_channel_id": None,
            "system_channel_id": str(self.system_channel) if self.system_channel else None,
            "rules_channel_id": None,
            "public_updates_channel_id": None,
            "large": False,
            "unavailable": False,
            "member_count": len(self.members),
            "members": [self.members[bot.id].json()] if joined and bot.id in self.members else [],
            "channels": [channel.json() for channel in mine if not channel.is_thread],
            "threads": [channel.json() for channel in mine if channel.is_thread and not channel.archived],
            "presences": [],
            "voice_states": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
            "joined_at": "2026-01-01T00:00:00+00:00",
        }


class World:
    """Everything that exists, with the makers that tests use."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.users: dict[int, User] = {}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.bot = self.user("imagine", bot=True)
        self.owner = self.user("owner")
        self.application = self.bot.id

    def user(self, name: str, *, bot: bool = False) -> User:
        user = User(self.clock.snowflake(), name, bot)
        self.users[user.id] = user
        return user

    def guild(self, name: str = "guild", *, bot: bool = True, everyone: Permission = ORDINARY) -> Guild:
        guild = Guild(self.clock.snowflake(), name, self.owner)
        guild.roles[guild.id] = Role(guild.id, "@everyone", everyone)
        guild.members[self.owner.id] = Member(self.owner)
        if bot:
            guild.members[self.bot.id] = Member(self.bot)
        self.guilds[guild.id] = guild
        return guild

    def role(self, guild: Guild, name: str, permissions: Permission = Permission(0)) -> Role:  # noqa: B008 - immutable
        role = Role(self.clock.snowflake(), name, permissions)
        guild.roles[role.id] = role
        return role

    def join(self, guild: Guild, user: User, *roles: Role) -> Member:
        member = Member(user, [role.id for role in roles])
        guild.members[user.id] = member
        return member

    def text_channel(self, guild: Guild, name: str = "pictures", *, nsfw: bool = False) -> Channel:
        return self.add(Channel(self.clock.snowflake(), Kind.TEXT, name, guild, nsfw=nsfw))

    def thread(self, parent: Channel, name: str = "a thread", id_: int | None = None, owner: int = 0) -> Channel:
        thread = Channel(id_ or self.clock.snowflake(), Kind.PUBLIC_THREAD, name, parent.guild, parent, owner=owner)
        return self.add(thread)

    def dm(self, user: User) -> Channel:
        for channel in self.channels.values():
            if channel.recipient is user:
                return channel
        return self.add(Channel(self.clock.snowflake(), Kind.DM, recipient=user))

    def add(self, channel: Channel) -> Channel:
        self.channels[channel.id] = channel
        return channel

    def channel(self, id_: int) -> Channel:
        channel = self.channels.get(id_)
        if channel is None or channel.deleted or (channel.parent and channel.parent.deleted):
            raise unknown_channel()
        return channel

    def allowed(self, channel: Channel, user: User | None = None) -> Permission:
        if channel.guild is None:
            return ORDINARY
        if channel.guild.id not in self.guilds:
            return Permission(0)
        return channel.guild.permissions(user or self.bot, channel)

    def require(self, channel: Channel, *needed: Permission) -> None:
        """The bot may see the channel and do this there. Raises ApiError 50001 or 50013."""
        allowed = self.allowed(channel)
        if Permission.VIEW_CHANNEL not in allowed:
            raise missing_access()
        if any(permission not in allowed for permission in needed):
            raise missing_permissions()

    def leave(self, guild: Guild) -> None:
        """The bot is kicked."""
        guild.members.pop(self.bot.id, None)
