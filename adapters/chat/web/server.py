"""The web pages' server: one uvicorn inside the bot's own event loop."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Protocol

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from adapters.chat.web import posts
from adapters.chat.web.api.app import Api
from adapters.chat.web.files import file_routes
from adapters.chat.web.gallery import Gallery
from adapters.chat.web.guard import Guard, Hosts, content_policy
from adapters.chat.web.moderation import ModerationPages
from adapters.chat.web.operators import OperationsPage
from adapters.chat.web.pages import Pages
from adapters.chat.web.posts import Unfit
from adapters.chat.web.room import Room
from bot import steps
from bot.errors import StoreError
from bot.moderators import Moderators
from bot.ports import Clock, Observer, Store
from bot.programs import Trouble
from bot.replies import say
from bot.settings import WebSettings
from bot.studio import Studio

CLOSE_SECONDS = 2

Feed = Callable[[asyncio.Event], Coroutine[Any, Any, None]]


class Operators(Protocol):
    """What the store keeps of people who came by the login link. Hashes only, of links and of sessions."""

    async def add_login(self, kind: str, digest: str, name: str, expires_at: float, now: float) -> None: ...

    async def login(self, kind: str, digest: str, now: float) -> str | None: ...

    async def take_login(self, kind: str, digest: str, now: float) -> str | None:
        """The name it was made for; the second one who comes with it gets None."""

    async def tenants(self) -> list[str]:
        """Every community there is something to moderate in, the house's own room first."""


@dataclass(frozen=True, slots=True)
class WebHouse:
    """What the web pages are given by the composition root."""

    settings: WebSettings
    core: steps.Core
    studio: Studio
    moderators: Moderators
    store: Store
    operators: Operators
    secret: bytes
    picture: Callable[[str], Awaitable[bytes]]  #: a picture file's bytes by its SHA-256
    thumb: Callable[[str, int], Awaitable[bytes]]  #: of that file, as WebP with the longer side given
    preview: Callable[[str, int], Awaitable[tuple[bytes, str]]]  #: a job's newest preview and its media type
    metrics: Callable[[], tuple[bytes, str]]  #: the exposition and its content type
    not_ready: Callable[[], Awaitable[str]]  #: "" or why not
    recent: Callable[[], Sequence[Trouble]]  #: what went wrong lately, newest first
    clock: Clock
    observer: Observer
    login: str = "imagine-bot login"  #: the command that prints a link for operators
    about: str = ""  #: who draws here, where a newcomer should know
    examples: Sequence[str] = ()  #: to start from; (): the page's own


class Server(uvicorn.Server):
    """The bot handles signals itself."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def health_routes(house: WebHouse) -> Sequence[BaseRoute]:
    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        why = await house.not_ready()
        return PlainTextResponse(why + "\n" if why else "ok\n", 503 if why else 200)

    async def metrics(_: Request) -> Response:
        body, content_type = house.metrics()
        return Response(body, headers={"content-type": content_type})

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]


def build_app(house: WebHouse, files: Pages, room: Room | None, api: Api) -> ASGIApp:
    async def store_failed(_: Request, error: Exception) -> Response:
        house.observer.event("store_error", detail=str(error))
        return PlainTextResponse(say("store_busy") + "\n", 503)

    moderation = ModerationPages(house, files)
    routes = [
        *health_routes(house),
        *file_routes(files),
        *moderation.routes(),
        *OperationsPage(house, files, moderation).routes(),
        *([*room.routes(), *Gallery(house, files).routes()] if room else ()),
    ]

    async def nothing_there(request: Request, error: Exception) -> Response:
        """A browser gets a page, everything else a line."""
        assert isinstance(error, HTTPException)
        if error.status_code != HTTPStatus.NOT_FOUND or "text/html" not in request.headers.get("accept", ""):
            return PlainTextResponse(f"{error.detail}\n", error.status_code, headers=error.headers)
        html = files.render("not-found.html", room=room is not None)
        return HTMLResponse(html, error.status_code, headers={"content-security-policy": content_policy(["self"])})

    handlers = {StoreError: store_failed, HTTPException: nothing_there, Unfit: posts.answer}
    pages = Starlette(routes=routes, exception_handlers=handlers)
    return api.in_front_of(Guard(pages, Hosts(house.settings)))


async def serve_web(house: WebHouse, stop: asyncio.Event, announce: Callable[[str], None]) -> None:
    """Until ``stop``. Raises OSError where the port is taken."""
    listening = _listen(house.settings)
    files = Pages()
    room = Room(house, files) if house.settings.chat else None
    api = Api(house)
    app = build_app(house, files, room, api)
    announce(house.settings.public_url)
    await _serve(app, listening, stop, (api.work.outcomes.run, *([room.hub.run] if room else [])))


async def serve_health(house: WebHouse, port: int, stop: asyncio.Event, announce: Callable[[str], None]) -> None:
    """What a worker alone has: no page and no API, at a port of its own. Raises OSError where that is taken."""
    settings = replace(house.settings, port=port)
    listening = _listen(settings)
    announce(replace(settings, port=listening.getsockname()[1]).address)
    await _serve(Guard(Starlette(routes=health_routes(house)), Hosts(settings)), listening, stop)


def _listen(settings: WebSettings) -> socket.socket:
    listening = socket.create_server((settings.host, settings.port), family=_family(settings.host))
    # asyncio sets this only where it made the socket itself; without it small answers wait 40 ms for an acknowledgement
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


async def _serve(app: ASGIApp, listening: socket.socket, stop: asyncio.Event, feeds: Sequence[Feed] = ()) -> None:
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=CLOSE_SECONDS,
        lifespan="off",
        http="h11",  # not whatever another library of the same environment brings along
        ws="none",
    )
    server = Server(config)
    feeding = [asyncio.create_task(feed(stop)) for feed in feeds]
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait([serving, waiting], return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    waiting.cancel()
    for task in feeding:
        await task if stop.is_set() else task.cancel()
    await serving


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
