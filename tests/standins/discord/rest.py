"""The REST side: each route a method, over the world."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from tests.standins.discord import validate
from tests.standins.discord.faults import Fault, Faults, When
from tests.standins.discord.interactions import LOADING, Answer, Interaction, Interactions, wanted_flags
from tests.standins.discord.scribe import Scribe
from tests.standins.discord.wire import Call, json_response, read_request
from tests.standins.discord.world import (
    ApiError,
    Channel,
    Flag,
    Kind,
    Message,
    Permission,
    World,
    missing_access,
    missing_permissions,
    unknown_message,
)

Json = dict[str, Any]


Handler = Callable[..., Awaitable[tuple[int, Any]]]
ROUTES: list[tuple[str, re.Pattern[str], str]] = []


def route(method: str, path: str) -> Callable[[Handler], Handler]:
    pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))

    def register(handler: Handler) -> Handler:
        ROUTES.append((method, pattern, handler.__name__))
        return handler

    return register


class Rest:
    def __init__(self, world: World, interactions: Interactions, faults: Faults, token: str) -> None:
        self.world, self.interactions, self.faults = world, interactions, faults
        self.token = token
        self.revoked = False
        self.shards = 1
        self.advertised = ""  #: a gateway address other than the stand-in's own
        self.calls: list[Call] = []
        self.commands: dict[int, list[Json]] = {}  #: by guild; 0: global
        self.automod: set[str] = set()
        self.nonce_seconds = 300.0
        self.scribe = Scribe(world)
        #: told before and after each call's effect
        self.watch: Callable[[Call, When], None] = lambda _call, _when: None
        self.dispatch: Callable[[str, Json, int | None], Awaitable[None]] | None = None
        self.portal: Json = {"flags": 0}  # what the developer portal says of the application

    # -- the wire

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path = "/" + request.match_info["path"]
        body, files = await read_request(request)
        authorised = request.headers.get("Authorization") == f"Bot {self.token}"
        call = Call(request.method, path, body, files, authorised, at=time.monotonic())
        self.calls.append(call)
        fault = self.faults.take(request.method, path)
        if fault and fault.gate:
            await fault.gate.wait()
        if fault and fault.delay:
            await asyncio.sleep(fault.delay)
        if fault and fault.status >= 0 and fault.when is When.BEFORE:
            return self._failed(request, call, fault)
        self.watch(call, When.BEFORE)
        status, answer = await self._answer(call, dict(request.query))
        self.watch(call, When.AFTER)
        if fault and fault.status >= 0:
            return self._failed(request, call, fault)
        call.status = status
        return json_response(status, answer)

    def _failed(self, request: web.Request, call: Call, fault: Fault) -> web.StreamResponse:
        call.status = fault.status
        if fault.status == 0:
            assert request.transport
            request.transport.abort()
        return json_response(fault.status or 500, fault.body, fault.headers)

    async def _answer(self, call: Call, query: dict[str, str]) -> tuple[int, Any]:
        try:
            open_to_all = call.path.startswith(("/interactions/", "/webhooks/", "/cdn/"))
            if not open_to_all and (self.revoked or not call.authorised):
                raise ApiError(401, 0, "401: Unauthorized")  # noqa: TRY301
            self._check(call)
            for method, pattern, name in ROUTES:
                if method == call.method and (match := pattern.fullmatch(call.path)):
                    handler: Handler = getattr(self, name)
                    given = {key: _number(value) for key, value in match.groupdict().items()}
                    return await handler(call=call, query=query, **given)
            raise ApiError(404, 0, f"404: the stand-in has no {call.method} {call.path}")  # noqa: TRY301
        except ApiError as error:
            return error.status, error.body

    def _check(self, call: Call) -> None:
        if call.body is not None:
            call.problems = validate.problems(call.method, call.path, call.body)
        if call.problems:
            raise ApiError(
                400,
                50035,
                "Invalid Form Body",
                errors={"_errors": [{"code": "INVALID", "message": line} for line in call.problems]},
            )

    # -- who and what the bot is

    @route("GET", "/users/@me")
    async def me(self, **_: Any) -> tuple[int, Any]:
        return 200, self.world.bot.json()

    @route("GET", "/(?:oauth2/)?applications/@me")
    async def application(self, **_: Any) -> tuple[int, Any]:
        more = {"verify_key": "0" * 64, "bot_public": True, "bot_require_code_grant": False, "icon": None}
        owner = {"owner": self.world.owner.json(), "summary": "", **self.portal}
        return 200, {"id": str(self.world.application), "name": "imagine", "description": "", **more, **owner}

    @route("GET", "/gateway/bot")
    async def gateway_bot(self, **_: Any) -> tuple[int, Any]:
        limit = {"total": 1000, "remaining": 999, "reset_after": 1000, "max_concurrency": 1}
        url = self.advertised or self.scribe.base.replace("http", "ws", 1) + "/gateway"
        return 200, {"url": url, "shards": self.shards, "session_start_limit": limit}

    @route("PUT", "/applications/{app}/commands")
    async def put_commands(self, call: Call, **_: Any) -> tuple[int, Any]:
        return self._store_commands(0, call.body)

    @route("PUT", "/applications/{app}/guilds/{guild}/commands")
    async def put_guild_commands(self, call: Call, guild: int, **_: Any) -> tuple[int, Any]:
        if guild not in self.world.guilds:
            raise missing_access()
        return self._store_commands(guild, call.body)

    def _store_commands(self, guild: int, commands: list[Json]) -> tuple[int, Any]:
        stored = []
        for command in commands:
            ids = {"id": str(self.world.clock.snowflake()), "application_id": str(self.world.application)}
            more = {"version": ids["id"], "default_member_permissions": None, "type": 1, "description": ""}
            stored.append(more | command | ids | ({"guild_id": str(guild)} if guild else {}))
        self.commands[guild] = stored
        return 200, stored

    @route("GET", "/guilds/{guild}")
    async def get_guild(self, guild: int, **_: Any) -> tuple[int, Any]:
        return 200, self.world.guilds[self._member_of(guild)].json(self.world.bot, [])

    @route("GET", "/guilds/{guild}/roles")
    async def get_roles(self, guild: int, **_: Any) -> tuple[int, Any]:
        return 200, [role.json() for role in self.world.guilds[self._member_of(guild)].roles.values()]

    @route("GET", "/guilds/{guild}/members/{user}")
    async def get_member(self, guild: int, user: int, **_: Any) -> tuple[int, Any]:
        member = self.world.guilds[self._member_of(guild)].members.get(user)
        if member is None:
            raise ApiError(404, 10007, "Unknown Member")
        return 200, member.json()

    def _member_of(self, guild: int) -> int:
        if guild not in self.world.guilds or self.world.bot.id not in self.world.guilds[guild].members:
            raise ApiError(404, 10004, "Unknown Guild")
        return guild

    # -- interactions

    @route("POST", "/interactions/{interaction}/{token}/callback")
    async def callback(self, call: Call, interaction: int, token: str, **_: Any) -> tuple[int, Any]:
        asked = self.interactions.find(interaction, token)
        kind = Answer(call.body["type"])
        data = call.body.get("data") or {}
        if kind in (Answer.MESSAGE, Answer.DEFERRED):
            asked.message = self._respond(asked, kind, data, call)
        elif kind is Answer.UPDATE and asked.clicked:
            self.scribe.edit(asked.clicked, data, call, asked.size_limit)
        if kind in (Answer.DEFERRED_UPDATE, Answer.UPDATE):
            asked.message = asked.clicked
        asked.answer = call.body
        asked.latency = time.monotonic() - asked.sent_monotonic
        asked.answered.set()
        return 200, self._callback_body(asked, kind)

    def _respond(self, asked: Interaction, kind: Answer, data: Json, call: Call) -> Message:
        flags = wanted_flags(asked, data.get("flags") or 0)
        audience = asked.user.id if flags & Flag.EPHEMERAL else None
        message = self.scribe.new(asked.channel, audience)
        message.flags = flags | (LOADING if kind is Answer.DEFERRED else 0)
        self.scribe.fill(message, data, call, asked.size_limit)
        asked.channel.messages[message.id] = message
        return message

    def _callback_body(self, asked: Interaction, kind: Answer) -> Json:
        about: Json = {"id": str(asked.id), "type": int(asked.asked)}
        resource: Json = {"type": int(kind)}
        if asked.message is not None:
            about |= {
                "response_message_id": str(asked.message.id),
                "response_message_loading": bool(asked.message.flags & LOADING),
                "response_message_ephemeral": asked.message.audience is not None,
            }
            if kind in (Answer.MESSAGE, Answer.UPDATE):
                resource["message"] = asked.message.json()
        return {"interaction": about, "resource": resource}

    @route("GET", "/webhooks/{app}/{token}/messages/@original")
    async def get_original(self, token: str, **_: Any) -> tuple[int, Any]:
        return 200, self.interactions.original(self.interactions.by_token(token)).json()

    @route("PATCH", "/webhooks/{app}/{token}/messages/@original")
    async def edit_original(self, call: Call, token: str, **_: Any) -> tuple[int, Any]:
        asked = self.interactions.by_token(token)
        message = self.interactions.original(asked)
        message.flags &= ~LOADING
        self.scribe.edit(message, call.body, call, asked.size_limit)
        return 200, message.json()

    @route("DELETE", "/webhooks/{app}/{token}/messages/@original")
    async def delete_original(self, token: str, **_: Any) -> tuple[int, Any]:
        message = self.interactions.original(self.interactions.by_token(token))
        del self.world.channel(message.channel).messages[message.id]
        return 204, None

    @route("POST", "/webhooks/{app}/{token}")
    async def followup(self, call: Call, token: str, **_: Any) -> tuple[int, Any]:
        asked = self.interactions.by_token(token)
        if asked.user_install and len(asked.followups) >= 5:
            raise ApiError(400, 40094, "Maximum number of follow up messages reached")
        flags = wanted_flags(asked, call.body.get("flags") or 0)
        message = self.scribe.new(asked.channel, asked.user.id if flags & Flag.EPHEMERAL else None)
        message.flags = flags
        self.scribe.fill(message, call.body, call, asked.size_limit)
        asked.channel.messages[message.id] = message
        asked.followups.append(message)
        return 200, message.json()

    # -- channels and messages

    @route("POST", "/users/@me/channels")
    async def open_dm(self, call: Call, **_: Any) -> tuple[int, Any]:
        return 200, self.world.dm(self.world.users[int(call.body["recipient_id"])]).json()

    @route("GET", "/channels/{channel}")
    async def get_channel(self, channel: int, **_: Any) -> tuple[int, Any]:
        place = self.world.channel(channel)
        self.world.require(place)
        return 200, place.json()

    @route("PATCH", "/channels/{channel}")
    async def edit_channel(self, call: Call, channel: int, **_: Any) -> tuple[int, Any]:
        place = self.world.channel(channel)
        self.world.require(place)
        manages = Permission.MANAGE_THREADS in self.world.allowed(place)
        if not place.is_thread or (place.locked and not manages):
            raise missing_permissions()
        if set(call.body) != {"archived"} and place.owner != self.world.bot.id and not manages:
            raise missing_permissions()
        place.archived = call.body.get("archived", place.archived)
        place.name = call.body.get("name", place.name)
        return 200, place.json()

    @route("GET", "/channels/{channel}/messages")
    async def list_messages(self, channel: int, query: dict[str, str], **_: Any) -> tuple[int, Any]:
        place = self.world.channel(channel)
        self.world.require(place)
        if Permission.READ_MESSAGE_HISTORY not in self.world.allowed(place):
            return 200, []
        newest = place.shown()[::-1][: int(query.get("limit", 50))]
        return 200, [message.json() for message in newest]

    @route("GET", "/channels/{channel}/messages/{message}")
    async def get_message(self, channel: int, message: int, **_: Any) -> tuple[int, Any]:
        place = self.world.channel(channel)
        self.world.require(place, Permission.READ_MESSAGE_HISTORY)
        return 200, self._find(place, message).json()

    @route("POST", "/channels/{channel}/messages")
    async def send(self, call: Call, channel: int, **_: Any) -> tuple[int, Any]:
        place = self._writable(channel, call)
        nonce = call.body.get("nonce")
        if nonce is not None and call.body.get("enforce_nonce") and (known := self._said(place, str(nonce))):
            return 200, known.json()
        if any(word in (call.body.get("content") or "") for word in self.automod):
            raise ApiError(400, 200000, "Message was blocked by automatic moderation")
        message = self.scribe.new(place, None)
        message.nonce = None if nonce is None else str(nonce)
        message.flags = call.body.get("flags") or 0
        self.scribe.fill(message, call.body, call, self.scribe.limit(place))
        place.messages[message.id] = message
        place.archived = False
        return 200, message.json()

    def _writable(self, channel: int, call: Call) -> Channel:
        place = self.world.channel(channel)
        if place.recipient is not None and not place.recipient.dms_open:
            raise ApiError(403, 50007, "Cannot send messages to this user")
        kind = Permission.SEND_MESSAGES_IN_THREADS if place.is_thread else Permission.SEND_MESSAGES
        self.world.require(place, kind, *([Permission.ATTACH_FILES] if call.files else []))
        if place.locked and Permission.MANAGE_THREADS not in self.world.allowed(place):
            raise ApiError(403, 160005, "The thread is locked")
        return place

    def _said(self, place: Channel, nonce: str) -> Message | None:
        since = self.world.clock.now() - self.nonce_seconds
        return next((each for each in place.messages.values() if each.nonce == nonce and each.created > since), None)

    @route("PATCH", "/channels/{channel}/messages/{message}")
    async def edit(self, call: Call, channel: int, message: int, **_: Any) -> tuple[int, Any]:
        place = self.world.channel(channel)
        self.world.require(place, *([Permission.ATTACH_FILES] if call.files else []))
        found = self._find(place, message)
        if found.author.id != self.world.bot.id:
            raise ApiError(403, 50005, "Cannot edit a message authored by another user")
        if place.archived:
            raise ApiError(400, 50083, "Thread is archived")
        self.scribe.edit(found, call.body, call, self.scribe.limit(place))
        return 200, found.json()

    @route("DELETE", "/channels/{channel}/messages/{message}")
    async def delete(self, channel: int, message: int, **_: Any) -> tuple[int, Any]:
        place = self.world.channel(channel)
        self.world.require(place)
        found = self._find(place, message)
        if found.author.id != self.world.bot.id:
            self.world.require(place, Permission.MANAGE_MESSAGES)
        del place.messages[message]
        return 204, None

    @route("POST", "/channels/{channel}/messages/{message}/threads")
    async def start_thread(self, call: Call, channel: int, message: int, **_: Any) -> tuple[int, Any]:
        place = self.world.channel(channel)
        self.world.require(place, Permission.CREATE_PUBLIC_THREADS)
        if place.kind is not Kind.TEXT:
            raise ApiError(400, 50024, "Cannot execute action on this channel type")
        found = self._find(place, message)
        if message in self.world.channels:
            raise ApiError(400, 160004, "A thread has already been created for this message")
        if any(word in call.body["name"] for word in self.automod):
            raise ApiError(400, 200001, "Title was blocked by automatic moderation")
        thread = self.world.thread(place, call.body["name"], message, self.world.bot.id)
        found.flags |= Flag.HAS_THREAD
        if self.dispatch and place.guild:
            await self.dispatch("THREAD_CREATE", thread.json() | {"newly_created": True}, place.guild.id)
        return 201, thread.json()

    def _find(self, place: Channel, message: int) -> Message:
        found = place.messages.get(message)
        if found is None or found.audience is not None:
            raise unknown_message()
        return found


def _number(value: str) -> int | str:
    return int(value) if value.isdigit() else value
