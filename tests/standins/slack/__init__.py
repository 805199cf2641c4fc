"""A stand-in of Slack over real sockets, so that the real client library can be tested against it.

It keeps Slack's documented rules (three seconds for an answer, single-use triggers and tickets, five posts a
response_url, membership, files that become visible later, tiers) and fails on order. What a test asks of it:

    workspace   people, channels, messages, files, forms, workflow runs
    human       slash(), click(), submit(), shortcut(), mention(), run_step(): a person's client
    calls       every Web API call with its merged arguments; problems: what was wrong with them
    faults      refuse(), rate_limit(), break_down(), cut(), hold()
    sockets     refresh(), drop(), links, connected()
    methods     share_delay, trigger_seconds
    watch       told of every call before and after its effect
"""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from aiohttp import web

from tests.standins.slack.faults import Cut, Fault, Faults
from tests.standins.slack.human import Answer, HttpWay, Human, SocketWay, Way
from tests.standins.slack.limits import Limits
from tests.standins.slack.methods import Methods, Refusal
from tests.standins.slack.sockets import Link, Sockets
from tests.standins.slack.validate import of_blocks
from tests.standins.slack.validate import problems as problems_of
from tests.standins.slack.wire import Call, Json, arguments_of, token_of
from tests.standins.slack.world import Message, Private, View, Workspace, buttons_of, controls_in, files_of

__all__ = [
    "Answer", "Call", "Cut", "Fault", "HttpWay", "Human", "Json", "Link", "Message", "Private", "SlackStandIn",
    "SocketWay", "View", "Way", "Workspace", "buttons_of", "controls_in", "files_of",
]  # fmt: skip

Watch = Callable[[str, str], None]
"""Told of every call twice: its method ("upload" for bytes), and "before" or "after" its effect."""

APP_TOKEN = "xapp-1"
LARGEST = 64 * 1024 * 1024


class SlackStandIn:
    """``async with SlackStandIn() as slack``: serves until the block ends."""

    def __init__(self) -> None:
        self.workspace = Workspace()
        self.workspaces = [self.workspace]
        self.methods = Methods()
        self.sockets = Sockets(self.methods)
        self.faults = Faults()
        self.limits = Limits()
        self.calls: list[Call] = []
        self.stray: list[str] = []
        self.human = Human(self.workspace, self.methods, SocketWay(self.sockets))
        self.app_token = APP_TOKEN
        self.watch: Watch = lambda _, __: None
        self.port = 0
        self._runner: web.AppRunner | None = None

    @property
    def api(self) -> str:
        return f"{self.methods.base}/api/"

    async def __aenter__(self) -> Self:
        application = web.Application(client_max_size=LARGEST)
        application.router.add_route("*", "/api/{method}", self._api)
        application.router.add_post("/upload/v1/{ticket}", self._upload)
        application.router.add_post("/respond/{number}", self._respond)
        application.router.add_get("/link/", self.sockets.handle)
        application.router.add_route("*", "/{path:.*}", self._stray)
        self._runner = web.AppRunner(application, shutdown_timeout=0.2, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.methods.base = f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.sockets.close()
        await asyncio.gather(*self.methods.tasks, return_exceptions=True)
        assert self._runner
        await self._runner.cleanup()

    # -- what tests ask

    @property
    def problems(self) -> list[str]:
        """What was wrong with requests that came in: a test that did not order it wants none."""
        return [f"{call.method}: {line}" for call in self.calls for line in call.problems] + self.stray

    def named(self, method: str) -> list[Call]:
        return [call for call in self.calls if call.method == method]

    async def settled_down(self) -> None:
        await asyncio.gather(*self.methods.tasks)

    # -- routes

    async def _stray(self, request: web.Request) -> web.Response:
        self.stray.append(f"stray {request.method} {request.path}")
        return web.Response(status=404)

    async def _api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        given = await arguments_of(request)
        call = Call(method, given, token_of(request), asyncio.get_running_loop().time())
        self.calls.append(call)
        call.problems = problems_of(method, given)
        fault = self.faults.take(method)
        if fault and fault.gate:
            await fault.gate.wait()
        if fault and fault.cut is Cut.BEFORE:
            return _abort(request)
        self.watch(method, "before")
        call.status, call.answer, retry_after = self._answer(call, fault)
        self.watch(method, "after")
        if fault and fault.cut is Cut.AFTER:
            return _abort(request)
        headers = {"X-OAuth-Scopes": ",".join(self.workspace.scopes)}
        if retry_after:
            headers["Retry-After"] = str(retry_after)
        return web.json_response(call.answer, status=call.status, headers=headers)

    def _answer(self, call: Call, fault: Fault | None) -> tuple[int, Json, int]:
        """Status, body and Retry-After."""
        if fault and fault.error:
            return fault.status, {"ok": False, "error": fault.error}, fault.retry_after
        workspace = self._authorized(call)
        if workspace is None:
            return 200, {"ok": False, "error": "invalid_auth"}, 0
        channel = str(call.arguments.get("channel", ""))
        wait = self.limits.retry_after(workspace.team, call.method, channel, call.at)
        if wait:
            return 429, {"ok": False, "error": "ratelimited"}, wait
        if workspace.revoked:
            return 200, {"ok": False, "error": "token_revoked"}, 0
        try:
            return 200, self.methods.run(workspace, call.method, call.arguments), 0
        except Refusal as refusal:
            return 200, refusal.answer, 0

    def _authorized(self, call: Call) -> Workspace | None:
        if call.method == "oauth.v2.access":
            code = str(call.arguments.get("code") or call.arguments.get("refresh_token"))
            return next((each for each in self.workspaces if code in {f"code-{each.team}", each.refresh}), None)
        if call.method == "apps.connections.open":
            return self.workspace if call.token == self.app_token else None
        return next((each for each in self.workspaces if each.token == call.token), None)

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        team, _, file_id = request.match_info["ticket"].partition("-")
        workspace = next(each for each in self.workspaces if each.team == team)
        fault = self.faults.take("upload")
        if fault and fault.gate:
            await fault.gate.wait()
        begin = await request.content.readany()
        self.watch("upload", "before")
        if fault and fault.cut is Cut.MIDDLE:
            return _abort(request)
        workspace.files[file_id].data = begin + await request.content.read()
        self.watch("upload", "after")
        if fault and fault.cut is Cut.AFTER:
            return _abort(request)
        if fault and fault.error:
            return web.Response(status=fault.status, text="no")
        return web.Response(text=f"OK - {len(workspace.files[file_id].data)}")

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        known = self.human.response_urls.get(request.match_info["number"])
        fault = self.faults.take("respond")
        if fault and fault.error:
            return web.Response(status=fault.status, text=fault.error)
        if known is None or not known["left"] or asyncio.get_running_loop().time() > known["until"]:
            return web.Response(status=404, text="used_url" if known else "no_such_url")
        known["left"] -= 1
        body = await request.json()
        workspace = next(each for each in self.workspaces if each.team == known["team"])
        self.stray += [f"respond: {line}" for line in of_blocks(body.get("blocks") or [])]
        if any(not workspace.is_shown(file) for file in files_of(body.get("blocks") or [])):
            return web.json_response({"ok": False, "error": "invalid_blocks"})
        if body.get("response_type") == "in_channel":
            message = Message(
                known["channel"], workspace.new_ts(), workspace.bot_user, body.get("text", ""), body.get("blocks", [])
            )
            workspace.messages.append(message)
        elif not body.get("delete_original"):
            said = Private(known["user"], known["channel"], body.get("text", ""), body.get("blocks", []))
            workspace.private.append(said)
        return web.Response(text="ok")


def _abort(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
