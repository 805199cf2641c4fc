"""What the composition root opens: the chat for a worker, and the receiving half while the block lasts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from adapters.chat.slack.asking import Desk
from adapters.chat.slack.delivery import SlackChat
from adapters.chat.slack.groups import Groups
from adapters.chat.slack.installations import App, ManyWorkspaces, Rows, Seal, install_routes
from adapters.chat.slack.preflight import open_ticket
from adapters.chat.slack.receiving import Link, build_app
from adapters.chat.slack.review import SlackRoom
from adapters.chat.slack.signed import HttpServer
from adapters.chat.slack.web import Closed, proxy_for, sdk_client
from adapters.chat.slack.workspaces import OneWorkspace, Workspaces, new_session
from bot.errors import ChatBusy
from bot.moderators import Moderators
from bot.ports import Clock, Observer, Pictures
from bot.settings import SlackSettings
from bot.studio import Studio

LINKS = 2
"""Connections: while one is refreshed the other one receives."""

DRAIN_SECONDS = 3.0
RETRY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class SlackHouse:
    """What Slack is given by the composition root. ``groups``: keys that quotas and moderation name."""

    settings: SlackSettings
    studio: Studio
    moderators: Moderators
    pictures: Pictures
    clock: Clock
    observer: Observer
    seal: Seal
    rows: Rows | None = None  #: where installations are kept; needed with SLACK_CLIENT_ID
    groups: Collection[str] = ()


@dataclass(slots=True)
class OpenSlack:
    """``port`` is the one that HTTP mode listens on, 0 otherwise."""

    chat: SlackChat
    room: SlackRoom
    desk: Desk | None = None
    port: int = 0
    links: list[Link] = field(default_factory=list)


@asynccontextmanager
async def open_slack(house: SlackHouse, *, receives: bool) -> AsyncIterator[OpenSlack]:
    """``receives`` False: a worker that only delivers. Raises OSError where HTTP mode's port is taken."""
    async with new_session() as session:
        many = _many(house, session)
        workspaces = many or _one(house, session)
        chat = SlackChat(workspaces, house.pictures, house.clock, house.observer)
        opened = OpenSlack(chat, SlackRoom(workspaces, chat, house.pictures))
        if not receives:
            yield opened
            return
        groups = Groups(workspaces, house.groups, house.observer)
        opened.desk = Desk(house.studio, chat, workspaces, groups, house.observer)
        routes = _routes(house, many, session)
        async with (
            _by_http(house, opened, opened.desk, session, routes),
            _by_socket(house, opened, opened.desk, session),
        ):
            yield opened


def _one(house: SlackHouse, session: aiohttp.ClientSession) -> Workspaces:
    token = _revealed(house.settings.bot_token)
    return OneWorkspace(token, house.settings.api, session, house.clock.monotonic)


def _app(settings: SlackSettings) -> App:
    return App(_revealed(settings.client_id), _revealed(settings.client_secret), settings.api)


def _many(house: SlackHouse, session: aiohttp.ClientSession) -> ManyWorkspaces | None:
    if not house.settings.installable or house.rows is None:
        return None
    return ManyWorkspaces(house.rows, house.seal, _app(house.settings), session, house.clock, house.observer)


def _routes(
    house: SlackHouse, many: ManyWorkspaces | None, session: aiohttp.ClientSession
) -> Sequence[web.RouteDef]:
    if many is None:
        return ()
    return install_routes(many, _app(house.settings), house.seal, house.clock, session)


def _revealed(secret: Any) -> str:
    return secret.reveal() if secret is not None else ""


@asynccontextmanager
async def _by_http(
    house: SlackHouse, opened: OpenSlack, desk: Desk, session: aiohttp.ClientSession, routes: Sequence[web.RouteDef]
) -> AsyncIterator[None]:
    """In socket mode only the installation's pages are served, where there is one."""
    settings = house.settings
    receives = settings.mode == "http"
    if not receives and not routes:
        yield
        return
    secret = _revealed(settings.signing_secret)
    client = sdk_client(None, settings.api, session, repeats=True)
    app = build_app(desk, client, secret, house.moderators) if receives else None
    server = HttpServer(app, desk, secret, routes)
    opened.port = await server.start(settings.host, settings.port)
    try:
        yield
    finally:
        await desk.drain(DRAIN_SECONDS)
        await server.close()


@asynccontextmanager
async def _by_socket(
    house: SlackHouse, opened: OpenSlack, desk: Desk, session: aiohttp.ClientSession
) -> AsyncIterator[None]:
    if house.settings.mode != "socket":
        yield
        return
    connecting = asyncio.create_task(_connected(house, opened, desk, session))
    try:
        yield
    finally:
        await desk.drain(DRAIN_SECONDS)
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)
        for link in opened.links:
            with contextlib.suppress(Exception):
                await link.close_async()  # type: ignore[no-untyped-call] # of the library


async def _connected(house: SlackHouse, opened: OpenSlack, desk: Desk, session: aiohttp.ClientSession) -> None:
    """A refused token would be tried for ever without a word by bolt, so both are tried first."""
    settings = house.settings
    app_token = _revealed(settings.app_token)
    while True:
        try:
            if not settings.installable:
                await desk.workspaces.bot("", "")
            await open_ticket(app_token, settings.api, session)
            break
        except Closed as closed:
            house.observer.event("alert", text="slack_token_refused", detail=closed.code)
        except ChatBusy as busy:
            house.observer.event("slack_unreachable", detail=busy.detail)
        await asyncio.sleep(RETRY_SECONDS)
    client = sdk_client(None, settings.api, session, repeats=True)
    app = build_app(desk, client, "", house.moderators)
    for _ in range(LINKS):
        link = Link(app, desk, app_token, client, proxy_for(settings.api))
        opened.links.append(link)
        await link.connect_async()  # type: ignore[no-untyped-call] # of the library
