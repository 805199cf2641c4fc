"""Interactions as Discord sends them, and what becomes of their one answer."""

import asyncio
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from tests.standins.discord.world import (
    ApiError,
    Channel,
    Flag,
    Guild,
    Kind,
    Message,
    Permission,
    User,
    World,
    unknown_message,
)

Json = dict[str, Any]
LOADING = 1 << 7


class Asked(IntEnum):
    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL = 5


class Answer(IntEnum):
    MESSAGE = 4
    DEFERRED = 5
    DEFERRED_UPDATE = 6
    UPDATE = 7
    CHOICES = 8
    MODAL = 9


@dataclass
class Interaction:
    """One thing a human did. ``latency`` is from sending the event to the arrival of its answer, in seconds."""

    id: int
    token: str
    asked: Asked
    user: User
    channel: Channel
    payload: Json
    sent: float  #: on the world's clock
    clicked: Message | None = None
    size_limit: int = 0
    user_install: bool = False
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    answer: Json | None = None
    latency: float = 0.0
    message: Message | None = None  #: @original
    followups: list[Message] = field(default_factory=list)
    expired: bool = False
    sent_monotonic: float = 0.0

    async def reply(self, seconds: float = 60) -> Json:
        """The body of the answer. Raises TimeoutError: the application did not respond."""
        async with asyncio.timeout(seconds):
            await self.answered.wait()
        assert self.answer is not None
        return self.answer

    @property
    def text(self) -> str:
        """What the person reads in the answer."""
        assert self.answer is not None
        return str((self.answer.get("data") or {}).get("content") or "")

    @property
    def private(self) -> bool:
        assert self.answer is not None
        return bool((self.answer.get("data") or {}).get("flags", 0) & Flag.EPHEMERAL)


class Interactions:
    """Their life: one answer within ``ack_seconds``, the token good for ``token_seconds``."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.every: dict[int, Interaction] = {}
        self.ack_seconds = 3.0
        self.token_seconds = 900.0

    def make(self, asked: Asked, user: User, channel: Channel, data: Json, **more: Any) -> Interaction:
        id_ = self._world.clock.snowflake()
        interaction = Interaction(id_, f"token-{id_:x}", asked, user, channel, {}, self._world.clock.now(), **more)
        guild = channel.guild
        interaction.size_limit = interaction.size_limit or (guild.upload_limit if guild else 10 * 1024 * 1024)
        interaction.payload = self._payload(interaction, data, guild)
        self.every[id_] = interaction
        return interaction

    def _payload(self, interaction: Interaction, data: Json, guild: Guild | None) -> Json:
        world, channel, user = self._world, interaction.channel, interaction.user
        context = 0 if guild else (1 if channel.kind is Kind.DM else 2)
        owners = {"1": str(user.id)} if interaction.user_install else {"0": str(guild.id if guild else 0)}
        body: Json = {
            "id": str(interaction.id),
            "application_id": str(world.application),
            "type": int(interaction.asked),
            "data": data,
            "token": interaction.token,
            "version": 1,
            "channel_id": str(channel.id),
            "channel": channel.json(),
            "locale": "en-US",
            "app_permissions": str(int(world.allowed(channel, user if interaction.user_install else None))),
            "entitlements": [],
            "authorizing_integration_owners": owners,
            "context": context,
            "attachment_size_limit": interaction.size_limit,
        }
        if interaction.clicked is not None:
            body["message"] = interaction.clicked.json()
        if guild is None:
            return body | {"user": user.json()}
        permissions = str(int(guild.permissions(user, channel)))
        member = guild.members[user.id].json() | {"permissions": permissions}
        partial = {"id": str(guild.id), "locale": "en-US", "features": []}
        return body | {"guild_id": str(guild.id), "guild": partial, "guild_locale": "en-US", "member": member}

    def find(self, id_: int, token: str) -> Interaction:
        """For a callback. Raises ApiError 10062 or 40060."""
        interaction = self.every.get(id_)
        if interaction is None or interaction.token != token:
            raise ApiError(404, 10062, "Unknown interaction")
        if interaction.answer is not None:
            raise ApiError(400, 40060, "Interaction has already been acknowledged.")
        if self._world.clock.now() - interaction.sent > self.ack_seconds:
            raise ApiError(404, 10062, "Unknown interaction")
        return interaction

    def by_token(self, token: str) -> Interaction:
        """For the interaction's webhook. Raises ApiError 10015 or 50027."""
        interaction = next((each for each in self.every.values() if each.token == token), None)
        if interaction is None or interaction.answer is None:
            raise ApiError(404, 10015, "Unknown Webhook")
        if interaction.expired or self._world.clock.now() - interaction.sent > self.token_seconds:
            raise ApiError(401, 50027, "Invalid Webhook Token")
        return interaction

    def original(self, interaction: Interaction) -> Message:
        message = interaction.message
        if message is None or message.id not in self._world.channel(message.channel).messages:
            raise unknown_message()
        return message


def wanted_flags(interaction: Interaction, flags: int) -> int:
    """A user-installed app where external apps may not speak is heard by its user alone."""
    if interaction.user_install and interaction.channel.guild:
        may = interaction.channel.guild.permissions(interaction.user, interaction.channel)
        if Permission.USE_EXTERNAL_APPS not in may:
            return flags | Flag.EPHEMERAL
    return flags
