"""HTTP mode: POST /slack/events, with Slack's signature checked in front of everything else."""

import hashlib
import hmac
import time
from collections.abc import Callable, Sequence

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.response import BoltResponse

from adapters.chat.slack.asking import Desk
from adapters.chat.slack.receiving import dispatch
from bot.recent import Lately

PATH = "/slack/events"
LARGEST = 4 * 1024 * 1024
WINDOW = 300.0
"""Seconds that a request may be old or young (docs: verifying requests from Slack)."""

REMEMBERED_SECONDS = 600.0
CLOSE_SECONDS = 2.0


class Signatures:
    """HMAC-SHA256 over the raw body. Fails closed: without a secret nothing is genuine."""

    def __init__(self, secret: str, now: Callable[[], float] = time.time) -> None:
        self._secret, self._now = secret.encode(), now
        self._seen = Lately(REMEMBERED_SECONDS)

    def genuine(self, timestamp: str, signature: str, body: bytes) -> bool:
        """True once for each request: a replayed one has been seen."""
        if not self._secret or not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
            return False
        now = self._now()
        if abs(now - int(timestamp)) > WINDOW:
            return False
        digest = hmac.new(self._secret, b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(f"v0={digest}".encode(), signature.encode()):
            return False
        return not self._seen.again(digest, now)


class HttpServer:
    """``more`` are routes beside Slack's own, such as those of the installation; ``app`` None: only those."""

    def __init__(
        self, app: AsyncApp | None, desk: Desk, secret: str, more: Sequence[web.RouteDef] = ()
    ) -> None:
        self._app, self._desk, self._signatures = app, desk, Signatures(secret)
        application = web.Application(client_max_size=LARGEST)
        application.add_routes([*([web.post(PATH, self._received)] if app is not None else []), *more])
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=CLOSE_SECONDS)

    async def start(self, host: str, port: int) -> int:
        """The port it listens on. Raises OSError where it is taken."""
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        listening: int = self._runner.addresses[0][1]
        return listening

    async def close(self) -> None:
        await self._runner.cleanup()

    async def _received(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        if not self._signatures.genuine(timestamp, signature, body):
            self._desk.observer.event("slack_forged_request", peer=str(request.remote))
            return web.json_response({"error": "invalid request"}, status=401)
        assert self._app is not None
        made: list[web.Response] = []

        async def send(response: BoltResponse) -> None:
            answer = await to_aiohttp_response(response)
            made.append(answer)
            await answer.prepare(request)
            await answer.write_eof()

        await dispatch(self._app, self._desk, await to_bolt_request(request), send)
        return made[0]
