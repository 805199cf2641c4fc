"""Socket Mode: single-use tickets, hello, envelopes and their acknowledgements, refresh, and connections that die."""

import asyncio
import itertools
import json
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from tests.standins.slack.methods import Methods
from tests.standins.slack.wire import Json

MOST_CONNECTIONS = 10


@dataclass
class Link:
    socket: web.WebSocketResponse
    number: int
    silent: bool = False  #: answers no ping, as a dead peer

    @property
    def open(self) -> bool:
        transport = self.socket._req.transport if self.socket._req else None
        return not self.socket.closed and transport is not None and not transport.is_closing()


@dataclass
class Sockets:
    methods: Methods
    links: list[Link] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    opened: int = 0
    envelopes: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    waiting: dict[str, "asyncio.Future[Json]"] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if ticket not in self.methods.tickets or ticket in self.used:
            return web.Response(status=401)
        self.used.add(ticket)
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        if len(self.links) >= MOST_CONNECTIONS:
            await socket.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await socket.close()
            return socket
        self.opened += 1
        link = Link(socket, self.opened)
        self.links.append(link)
        self.changed.set()
        hello = {"type": "hello", "num_connections": len(self.links), "connection_info": {"app_id": "A1"}}
        await socket.send_json(hello)
        try:
            await self._listen(link)
        finally:
            self.links.remove(link)
        return socket

    async def _listen(self, link: Link) -> None:
        async for frame in link.socket:
            if frame.type is WSMsgType.PING and not link.silent:
                await link.socket.pong(frame.data)
            elif frame.type is WSMsgType.TEXT:
                answer = json.loads(frame.data)
                future = self.waiting.pop(answer["envelope_id"], None)
                if future is not None and not future.done():
                    future.set_result(answer)

    async def deliver(self, kind: str, payload: Json, seconds: float, link: Link | None = None) -> Json | None:
        """The acknowledgement's payload, {} where it had none; None: nothing came in time."""
        envelope = f"e{next(self.envelopes)}"
        future = asyncio.get_running_loop().create_future()
        self.waiting[envelope] = future
        chosen = link or await self.any_link()
        answers = kind != "events_api"
        frame = {"envelope_id": envelope, "type": kind, "payload": payload, "accepts_response_payload": answers}
        await chosen.socket.send_json(frame)
        try:
            async with asyncio.timeout(seconds):
                return (await future).get("payload") or {}
        except TimeoutError:
            self.waiting.pop(envelope, None)
            return None

    async def any_link(self) -> Link:
        async with asyncio.timeout(60):
            while not (open_links := [link for link in self.links if link.open]):
                await asyncio.sleep(0.01)
        return open_links[next(self.envelopes) % len(open_links)]

    async def connected(self, count: int) -> None:
        async with asyncio.timeout(60):
            while sum(link.open for link in self.links) < count:
                await asyncio.sleep(0.01)

    async def refresh(self, link: Link, reason: str = "refresh_requested") -> None:
        await link.socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {}})

    async def drop(self, link: Link) -> None:
        """The connection dies without a closing handshake."""
        transport = link.socket._req.transport if link.socket._req else None
        if transport is not None:
            transport.abort()

    async def close(self) -> None:
        for link in list(self.links):
            await link.socket.close()
