"""The web pages' server: one uvicorn inside the bot's own event loop."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from adapters.chat.web.api.app import Api
from adapters.chat.web.gallery import Gallery
from adapters.chat.web.guard import Guard, Hosts
from adapters.chat.web.operator_sessions import Logins, OperatorSessions
from adapters.chat.web.operators import Operators
from adapters.chat.web.pages import Pages
from adapters.chat.web.room import FOREVER, Room
from bot import steps
from bot.errors import StoreError
from bot.moderators import Moderators
from bot.ports import Clock, Observer, Store
from bot.programs import Trouble
from bot.replies import say
from bot.settings import WebSettings
from bot.studio import Studio

CLOSE_SECONDS = 2


@dataclass(frozen=True, slots=True)
class WebHouse:
    """What the web pages are given by the composition root."""

    settings: WebSettings
    core: steps.Core
    studio: Studio
    moderators: Moderators
    store: Store
    logins: Logins
    secret: bytes
    picture: Callable[[str], Awaitable[bytes]]  #: a picture file's bytes by its SHA-256
    thumb: Callable[[str, int], Awaitable[bytes]]  #: of that file, as WebP with the longer side given
    preview: Callable[[str, int], Awaitable[tuple[bytes, str]]]  #: a job's newest preview and its media type
    metrics: Callable[[], tuple[bytes, str]]  #: the exposition and its content type
    not_ready: Callable[[], Awaitable[str]]  #: "" or why not
    recent: Callable[[], Sequence[Trouble]]  #: what went wrong lately, newest first
    clock: Clock
    observer: Observer


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


def static_routes() -> Sequence[BaseRoute]:
    """For the operators' pages where there is no room."""
    pages = Pages()

    async def static(request: Request) -> Response:
        file = pages.static.get(request.path_params["name"])
        if file is None or request.path_params["tag"] != pages.tag:
            return PlainTextResponse(say("web_not_found") + "\n", 404)
        return Response(file.body, headers={**FOREVER, "content-type": file.media_type})

    return [Route("/static/{tag}/{name}", static)]


def build_app(house: WebHouse, room: Room | None, api: Api) -> ASGIApp:
    async def store_failed(_: Request, error: Exception) -> Response:
        house.observer.event("store_error", detail=str(error))
        return PlainTextResponse(say("store_busy") + "\n", 503)

    sessions = OperatorSessions(house.logins, house.clock, house.secret, house.settings.public_url)
    routes = [
        *health_routes(house),
        *sessions.routes(),
        *Operators(house, sessions).routes(),
        *([*room.routes(), *Gallery(house).routes()] if room else static_routes()),
    ]
    pages = Starlette(routes=routes, exception_handlers={StoreError: store_failed})
    return api.in_front_of(Guard(pages, Hosts(house.settings)))


async def serve_web(house: WebHouse, stop: asyncio.Event, announce: Callable[[str], None]) -> None:
    """Until ``stop``. Raises OSError where the port is taken."""
    settings = house.settings
    listening = socket.create_server((settings.host, settings.port), family=_family(settings.host))
    room = Room(house) if settings.chat else None
    api = Api(house)
    config = uvicorn.Config(
        build_app(house, room, api),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=CLOSE_SECONDS,
        lifespan="off",
    )
    server = Server(config)
    feeding = [asyncio.create_task(feed(stop)) for feed in (api.work.outcomes.run, *([room.hub.run] if room else []))]
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    announce(settings.public_url)
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait([serving, waiting], return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    waiting.cancel()
    for task in feeding:
        await task if stop.is_set() else task.cancel()
    await serving


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
