"""The gateway: hello, identify, heartbeats, dispatch, resume, and the ways in which it goes away."""

import asyncio
import contextlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.standins.discord.world import World

Json = dict[str, Any]


@dataclass
class Session:
    id: str
    shard: int
    shards: int
    socket: web.WebSocketResponse | None = None
    transport: asyncio.Transport | None = None
    seq: int = 0
    log: list[Json] = field(default_factory=list)  #: dispatches, for a resume
    resumable: bool = True


class Gateway:
    def __init__(self, world: World, token: str) -> None:
        self._world, self._token = world, token
        self.base = ""
        self.advertised = ""  #: an address for resumes other than the stand-in's own
        self.sessions: dict[str, Session] = {}
        self.identified = 0
        self.resumed = 0
        self.close_codes: list[int | None] = []  #: how clients left
        self.deaf = False  #: heartbeats stay unanswered
        self.refusing = False  #: new connections are cut
        self.intents: list[int] = []
        self.heartbeat_ms = 41_250
        self._changed = asyncio.Condition()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(autoclose=False)
        await socket.prepare(request)
        if self.refusing:
            assert request.transport
            request.transport.abort()
            return socket
        await _send(socket, 10, {"heartbeat_interval": self.heartbeat_ms})
        session: Session | None = None
        async for frame in socket:
            if frame.type is not WSMsgType.TEXT:
                break
            session = await self._receive(socket, session, json.loads(frame.data))
            if session is not None:
                session.transport = request.transport
        self.close_codes.append(socket.close_code)
        if session is not None and session.socket is socket:
            session.socket = None
        await self._notify()
        with contextlib.suppress(ConnectionError, RuntimeError):
            await socket.close()
        return socket

    async def _receive(self, socket: web.WebSocketResponse, session: Session | None, frame: Json) -> Session | None:
        op, data = frame["op"], frame["d"]
        if op == 1 and not self.deaf:
            await _send(socket, 11, None)
        elif op == 2:
            return await self._identify(socket, data)
        elif op == 6:
            return await self._resume(socket, data)
        return session

    async def _identify(self, socket: web.WebSocketResponse, data: Json) -> Session | None:
        if data["token"] != self._token:
            await socket.close(code=4004)
            return None
        shard, shards = data.get("shard") or (0, 1)
        session = Session(secrets.token_hex(8), shard, shards, socket)
        self.sessions[session.id] = session
        self.intents.append(data["intents"])
        guilds = [guild for guild in self._world.guilds.values() if self._hears(session, guild.id)]
        ready = {
            "v": 10,
            "user": self._world.bot.json(),
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "resume_gateway_url": self.advertised or self.base.replace("http", "ws", 1) + "/gateway",
            "shard": [shard, shards],
            "application": {"id": str(self._world.application), "flags": 0},
        }
        await self._dispatch(session, "READY", ready)
        for guild in guilds:
            body = guild.json(self._world.bot, list(self._world.channels.values()))
            await self._dispatch(session, "GUILD_CREATE", body)
        self.identified += 1
        await self._notify()
        return session

    async def _resume(self, socket: web.WebSocketResponse, data: Json) -> Session | None:
        session = self.sessions.get(data["session_id"])
        if session is None or not session.resumable:
            await _send(socket, 9, d=False)
            return None
        session.socket = socket
        for frame in [frame for frame in session.log if frame["s"] > data["seq"]]:
            await _write(socket, frame)
        await self._dispatch(session, "RESUMED", {})
        self.resumed += 1
        await self._notify()
        return session

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def until(self, what: str, count: int, seconds: float = 60) -> None:
        """Wait until ``what`` (identified, resumed) has happened so often."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: getattr(self, what) >= count)

    def _hears(self, session: Session, guild: int | None) -> bool:
        if guild is None:
            return session.shard == 0
        if guild in self._world.guilds and self._world.bot.id not in self._world.guilds[guild].members:
            return session.shard == 0
        return (guild >> 22) % session.shards == session.shard

    async def dispatch(self, event: str, data: Json, guild: int | None) -> None:
        """To every session that hears this guild (None: direct messages), connected or to be resumed."""
        for session in list(self.sessions.values()):
            if session.resumable and self._hears(session, guild):
                await self._dispatch(session, event, data)

    async def _dispatch(self, session: Session, event: str, data: Json) -> None:
        session.seq += 1
        frame = {"op": 0, "t": event, "s": session.seq, "d": data}
        session.log.append(frame)
        if session.socket is not None and not session.socket.closed:
            await _write(session.socket, frame)

    def _connected(self) -> list[Session]:
        return [session for session in self.sessions.values() if session.socket is not None]

    def cut(self) -> None:
        """Every connection breaks as if the cable was pulled; sessions can be resumed."""
        for session in self._connected():
            assert session.transport
            session.transport.abort()
            session.socket = None

    async def reconnect(self) -> None:
        """Op 7."""
        for session in self._connected():
            assert session.socket
            await _send(session.socket, 7, None)

    async def invalidate(self, *, resumable: bool) -> None:
        """Op 9."""
        for session in self._connected():
            assert session.socket
            session.resumable = resumable
            await _send(session.socket, 9, d=resumable)

    async def close(self) -> None:
        for session in self._connected():
            assert session.socket
            await session.socket.close(code=1001)


async def _send(socket: web.WebSocketResponse, op: int, d: object) -> None:
    await _write(socket, {"op": op, "d": d, "s": None, "t": None})


async def _write(socket: web.WebSocketResponse, frame: Json) -> None:
    with contextlib.suppress(ConnectionError):
        await socket.send_str(json.dumps(frame))
