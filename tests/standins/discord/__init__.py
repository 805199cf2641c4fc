"""A stand-in of Discord over real sockets, so that the real client library can be tested against it.

It keeps Discord's documented rules (answers within 3 s and once only, tokens that expire, permissions, threads, nonces,
upload limits, rate limits) and fails on order. What a test asks of it:

    world      people, guilds, channels, and what was said there
    human      slash(), autocomplete(), click(), submit(), message_command(): a person's client
    rest       calls: every request with its body; automod, revoked, nonce_seconds
    gateway    cut(), reconnect(), invalidate(), deaf
    faults     order(), drop(), rate_limit(), refuse(), slow()
    interactions   ack_seconds, token_seconds
    town       a guild as most tests want it
"""

import base64
from types import TracebackType
from typing import Self

from aiohttp import web

from tests.standins.discord.faults import Fault, Faults, When
from tests.standins.discord.gateway import Gateway
from tests.standins.discord.human import Human, NotOffered, buttons, fields
from tests.standins.discord.interactions import Answer, Asked, Interaction, Interactions
from tests.standins.discord.rest import Rest
from tests.standins.discord.town import Town, town
from tests.standins.discord.wire import Call
from tests.standins.discord.world import (
    MEBIBYTE,
    ORDINARY,
    Channel,
    Flag,
    Guild,
    Kind,
    Message,
    Permission,
    User,
    World,
)

__all__ = [
    "MEBIBYTE",
    "ORDINARY",
    "Answer",
    "Asked",
    "Call",
    "Channel",
    "DiscordStandIn",
    "Fault",
    "Faults",
    "Flag",
    "Guild",
    "Interaction",
    "Kind",
    "Message",
    "NotOffered",
    "Permission",
    "Town",
    "User",
    "When",
    "World",
    "buttons",
    "fields",
    "town",
]


class DiscordStandIn:
    """``async with DiscordStandIn() as discord``: serves until the block ends."""

    def __init__(self, token: str = "") -> None:
        self.world = World()
        # a token's first part is the bot's id in base64, as Discord's are
        self.token = token or f"{_base64(str(self.world.bot.id))}.stand.in"
        self.faults = Faults()
        self.interactions = Interactions(self.world)
        self.rest = Rest(self.world, self.interactions, self.faults, self.token)
        self.gateway = Gateway(self.world, self.token)
        self.human = Human(self.world, self.rest, self.gateway, self.interactions)
        self.rest.dispatch = self.gateway.dispatch
        self._runner: web.AppRunner | None = None

    @property
    def api(self) -> str:
        return f"{self.rest.scribe.base}/api/v10"

    @property
    def gateway_url(self) -> str:
        return self.rest.scribe.base.replace("http", "ws", 1) + "/gateway"

    async def __aenter__(self) -> Self:
        application = web.Application(client_max_size=64 * MEBIBYTE)
        application.router.add_get("/gateway", self.gateway.handle)
        application.router.add_get("/cdn/{id}/{name}", self._cdn)
        application.router.add_route("*", "/api/v10/{path:.*}", self.rest.handle)
        self._runner = web.AppRunner(application, shutdown_timeout=0.5, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.rest.scribe.base = self.gateway.base = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.gateway.close()
        assert self._runner
        await self._runner.cleanup()

    async def _cdn(self, request: web.Request) -> web.Response:
        data = self.rest.scribe.files.get(request.match_info["id"])
        return web.Response(status=404) if data is None else web.Response(body=data)

    def picture(self, attachment: dict[str, object]) -> bytes:
        return self.rest.scribe.files[str(attachment["id"])]

    @property
    def problems(self) -> list[str]:
        """What was wrong with requests that came in: a test that did not order it wants none."""
        return [f"{call.method} {call.path}: {line}" for call in self.rest.calls for line in call.problems]

    def calls(self, method: str = "", containing: str = "") -> list[Call]:
        return [call for call in self.rest.calls if method in ("", call.method) and containing in call.path]


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode().rstrip("=")
