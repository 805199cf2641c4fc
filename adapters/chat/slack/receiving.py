"""The way in: the real slack-bolt app behind Socket Mode or signed HTTP.

Every handler runs as a listener's middleware and gives the response itself, so bolt's own acknowledging, in which an
exception in the same tick loses the acknowledgement (bolt 1.30), is never reached, and an event is stored before Slack
is told that it was. What a reply does afterwards begins when the response has left.
"""

import logging
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.adapter.socket_mode.async_internals import send_async_response
from slack_bolt.adapter.socket_mode.internals import build_headers
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

from adapters.chat.slack import forms, reading
from adapters.chat.slack.asking import Desk, Reply
from adapters.chat.slack.buttons import Buttons
from adapters.chat.slack.commands import Commands
from adapters.chat.slack.history import OLDER, History
from adapters.chat.slack.reading import Payload, Visit
from adapters.chat.slack.review import Reviews
from adapters.chat.slack.web import Closed
from adapters.chat.slack.workflow import STEP, Workflow
from adapters.chat.slack.workspaces import Workspaces
from bot.errors import ChatBusy
from bot.moderators import Moderators

LOG = logging.getLogger("slack")
SHORTCUT = "imagine_message"
THEN = "imagine_then"
PING_SECONDS = 5.0
"""A connection that died without a word is noticed and replaced within this time; the other one receives meanwhile."""

Handler = Callable[[Visit, Payload], Awaitable[Reply]]
Send = Callable[[BoltResponse], Awaitable[None]]


def build_app(desk: Desk, client: AsyncWebClient, signing_secret: str, moderators: Moderators) -> AsyncApp:
    app = AsyncApp(
        logger=LOG,
        client=client,
        signing_secret=signing_secret,
        authorize=_authorize(desk.workspaces),
        request_verification_enabled=bool(signing_secret),
        attaching_function_token_enabled=False,
    )
    reviews = Reviews(desk, moderators)
    history = History(desk)
    buttons = Buttons(desk, moderators, {**reviews.presses, OLDER: history.older})
    commands = Commands(desk, buttons, moderators)
    workflow = Workflow(desk)
    named = {
        "/imagine": commands.imagine,
        "/imagine-status": commands.status,
        "/imagine-history": history.command,
        "/imagine-style": commands.style,
        "/imagine-forget": commands.forget,
        "/imagine-mod": commands.moderation,
    }
    for name, handler in named.items():
        app.command(name, middleware=[_said(desk, handler)])(_unreached)
    app.event("app_mention", middleware=[_done(desk, reading.of_mention, commands.mention)])(_unreached)
    for name in ("app_uninstalled", "tokens_revoked"):
        app.event(name, middleware=[_removed(desk)])(_unreached)
    app.function(STEP, middleware=[_done(desk, workflow.of_step, workflow.step)])(_unreached)
    app.action(re.compile(".*"), middleware=[_done(desk, reading.of_interaction, buttons.pressed)])(_unreached)
    app.shortcut(SHORTCUT, middleware=[_done(desk, reading.of_interaction, buttons.shortcut)])(_unreached)
    sent = {
        forms.IMAGINE: buttons.imagined,
        forms.REPORT: buttons.reported,
        forms.REJECT: reviews.rejected,
        forms.EDIT: reviews.edited,
        forms.APPEAL: reviews.appealed,
    }
    for name, handler in sent.items():
        app.view(name, middleware=[_done(desk, buttons.of_form, handler)])(_unreached)
    return app


def _authorize(workspaces: Workspaces) -> Callable[..., Awaitable[Any]]:
    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult | None:
        """None: bolt tells the person that the app is not installed here."""
        try:
            bot = await workspaces.bot(team_id or "", enterprise_id or "")
        except (Closed, ChatBusy) as error:
            LOG.warning("no token for workspace %s: %s", team_id, error)
            return None
        return AuthorizeResult(
            enterprise_id=enterprise_id,
            team_id=team_id or bot.team,
            bot_token=bot.token,
            bot_id=bot.id,
            bot_user_id=bot.user,
        )

    return authorize


async def _unreached() -> None:
    """The middleware in front has answered."""


def _said(desk: Desk, handler: Handler) -> Callable[..., Awaitable[BoltResponse]]:
    """A slash command: its words are in the acknowledgement itself."""

    async def middleware(body: Payload, context: AsyncBoltContext) -> BoltResponse:
        reply = await desk.replied(handler(reading.of_command(body), body))
        context[THEN] = reply.then
        if reply.words is None:
            return await context.ack()
        said, content = reply.words
        return await context.ack(text=said, blocks=content, response_type="ephemeral")

    return middleware


def _done(desk: Desk, read: Callable[[Payload], Visit], handler: Handler) -> Callable[..., Awaitable[BoltResponse]]:
    """Anything else: its words follow the acknowledgement."""

    async def middleware(body: Payload, context: AsyncBoltContext) -> BoltResponse:
        visit = read(body)
        reply = await desk.replied(handler(visit, body))
        if reply.errors:
            return await context.ack(response_action="errors", errors=dict(reply.errors))

        async def then(sent: bool) -> None:
            if reply.words is not None and (visit.user or visit.execution):
                await desk.tell(visit, reply.words)
            if reply.then is not None:
                await reply.then(sent)

        context[THEN] = then
        return await context.ack()

    return middleware


def _removed(desk: Desk) -> Callable[..., Awaitable[BoltResponse]]:
    """The app was taken off a workspace, or its bot's tokens were revoked."""

    async def middleware(body: Payload, context: AsyncBoltContext) -> BoltResponse:
        event = body["event"]
        if event["type"] == "app_uninstalled" or (event.get("tokens") or {}).get("bot"):
            desk.start(desk.removed(str(body.get("team_id") or ""), str(body.get("enterprise_id") or "")))
        return await context.ack()

    return middleware


async def dispatch(app: AsyncApp, desk: Desk, request: AsyncBoltRequest, send: Send) -> None:
    """Answers, then starts what follows the answer."""
    with desk.answers.answering():
        response = await app.async_dispatch(request)
        then = request.context.get(THEN)
        try:
            await send(response)
            sent = response.status == 200
        except (ConnectionError, RuntimeError) as error:
            desk.observer.event("slack_ack_lost", detail=repr(error))
            sent = False
    if then is not None:
        desk.start(then(sent))


class Link(AsyncSocketModeHandler):
    """One Socket Mode connection. Slack sends each payload to any one of an app's connections."""

    def __init__(self, app: AsyncApp, desk: Desk, app_token: str, client: AsyncWebClient, proxy: str | None) -> None:
        super().__init__(app, app_token, web_client=client, ping_interval=PING_SECONDS)
        self.client.proxy = proxy
        self._desk = desk

    async def handle(self, client: AsyncBaseSocketModeClient, req: SocketModeRequest) -> None:
        began = time.time()
        request = AsyncBoltRequest(mode="socket_mode", body=req.payload, headers=build_headers(req))

        async def send(response: BoltResponse) -> None:
            await send_async_response(client, req, response, began)

        await dispatch(self.app, self._desk, request, send)


