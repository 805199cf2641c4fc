"""`/v1/…`: pictures for programs, through the same queue, quota, moderation and fair turns as everybody's.

It stands in front of the pages' guard: nothing here rests on a cookie or a host name, only on the bearer key. A key is
256 random bits, so its plain SHA-256 is what is stored: there is nothing that a slow hash would protect from guessing.
"""

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.chat.web.api import answers, body, errors, spec
from adapters.chat.web.api.errors import ApiError, Finding
from adapters.chat.web.api.outcomes import is_over
from adapters.chat.web.api.work import Caller, Work
from adapters.chat.web.guard import LARGEST_BODY
from adapters.tokens import digest
from bot.errors import Refused, StoreError
from bot.model import Job
from bot.replies import say

if TYPE_CHECKING:
    from adapters.chat.web.server import WebHouse

PREFIX = "/v1/"
DOCUMENT = "/openapi.json"
NUMBER = "imagine_request"
"""Under this name the scope has the number that the log and the header x-request-id have."""

BODY_SECONDS = 10.0
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
}

Endpoint = Callable[[Request], Awaitable[Response]]


class Api:
    def __init__(self, house: "WebHouse") -> None:
        self._house = house
        self._started = int(house.clock.now())
        self.work = Work(house)
        self._app = Starlette(
            routes=[
                Route("/v1/images/generations", self._told(self._generations), methods=["POST"]),
                Route("/v1/images/{job}/{index:int}", self._told(self._picture), methods=["GET"]),
                Route("/v1/appeals", self._told(self._appeals), methods=["POST"]),
                Route("/v1/models", self._told(self._models), methods=["GET"]),
                Route("/v1/models/{model}", self._told(self._model), methods=["GET"]),
                Route(DOCUMENT, self._document, methods=["GET"]),
            ],
            exception_handlers={HTTPException: _misdirected},
        )

    def in_front_of(self, pages: ASGIApp) -> ASGIApp:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            path = scope.get("path", "")
            if scope["type"] == "http" and (path.startswith(PREFIX) or path == DOCUMENT):
                number = secrets.token_hex(8)
                await self._app({**scope, NUMBER: number}, receive, _signed(send, number))
            else:
                await pages(scope, receive, send)

        return app

    def _told(self, endpoint: Endpoint) -> Endpoint:
        """Whatever goes wrong is answered in OpenAI's shape."""

        async def handle(request: Request) -> Response:
            try:
                return await endpoint(request)
            except ApiError as error:
                return error.response()
            except Refused as refused:
                return errors.of_refusal(refused, self.work.day_left()).response()
            except StoreError as error:
                self._house.observer.event("store_error", detail=str(error))
                return errors.unavailable("store_busy", 1).response()
            except Exception as error:  # noqa: BLE001 - a bug is one failed request, in this shape too
                number = request.scope[NUMBER]
                self._house.observer.event("alert", text="api_failed", request=number, detail=repr(error))
                return ApiError(500, (Finding(say("api_broken"), "internal_error"),), "server_error").response()

        return handle

    # -- who

    async def _caller(self, request: Request) -> Caller:
        """Looked up at every request: a key that was revoked, by whatever process, is refused from then on."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and key.isascii():
            name = await self._house.store.api_key(digest(key.strip()))
            if name:
                return Caller(name)
        raise errors.unauthorised()

    # -- pictures

    async def _generations(self, request: Request) -> Response:
        began = self._house.clock.monotonic()
        caller = await self._caller(request)
        once = _idempotency_key(request)
        asked = body.read(await _body(request))
        job = await self.work.submitted(caller, asked, once)
        if asked.stream and not is_over(job):
            return self.work.streamed(caller, job, asked, kept=bool(once))
        job = await self._waited(request, caller, job.id, kept=bool(once))
        pictures = await self.work.pictures(job)
        if asked.stream:
            return self.work.replayed(job, pictures)
        if asked.as_url:
            content = answers.with_links(job, pictures, self.work.link)
        else:
            content = await answers.with_bytes(job, pictures, self._house.picture)
        seconds = self._house.clock.monotonic() - began
        self._house.observer.event("api_answered", job=job.id, request=request.scope[NUMBER], seconds=seconds)
        return Response(content, media_type="application/json")

    async def _waited(self, request: Request, caller: Caller, job_id: str, *, kept: bool) -> Job:
        """Who hangs up cancels, unless they can come back for it."""
        outcome = asyncio.create_task(self.work.outcome(job_id))
        leaving = asyncio.create_task(_left(request))
        try:
            await asyncio.wait([outcome, leaving], return_when=asyncio.FIRST_COMPLETED)
            if outcome.done():
                return outcome.result()
            if not kept:
                await self.work.cancel(caller, job_id)
            raise ApiError(499, (Finding(say("api_stopping"), "gone_away"),))
        except errors.ApiError as error:
            if error.status == 503 and not kept:
                await self.work.cancel(caller, job_id)
            raise
        finally:
            for task in (outcome, leaving):
                task.cancel()
            await asyncio.gather(outcome, leaving, return_exceptions=True)

    async def _picture(self, request: Request) -> Response:
        """By a link that `response_format: url` gave; whoever has it may see the picture until it expires."""
        query = request.query_params
        picture = await self.work.linked(
            request.path_params["job"],
            request.path_params["index"],
            request.url.path,
            query.get("until", ""),
            query.get("seal", ""),
        )
        try:
            content = await self._house.picture(picture.sha256)
        except FileNotFoundError:
            raise errors.missing() from None
        return Response(content, media_type=picture.media_type, headers={"cache-control": "private, max-age=3600"})

    # -- appeals

    async def _appeals(self, request: Request) -> Response:
        caller = await self._caller(request)
        asked = body.read_appeal(await _body(request))
        item = await self.work.appeal(caller, asked)
        return JSONResponse({"id": item.id, "object": "appeal"}, 201)

    # -- models

    async def _models(self, request: Request) -> Response:
        await self._caller(request)
        names = self._house.studio.backends()
        return JSONResponse({"object": "list", "data": [self._described(name) for name in names]})

    async def _model(self, request: Request) -> Response:
        await self._caller(request)
        name = request.path_params["model"]
        known = self._house.studio.backends()
        if name not in known:
            finding = Finding(say("api_model_unknown", names=", ".join(known)), "model_not_found", "model")
            raise ApiError(404, (finding,))
        return JSONResponse(self._described(name))

    def _described(self, name: str) -> dict[str, object]:
        is_open = not self._house.core.health.is_closed(name, self._house.clock.now())
        known = {"id": name, "object": "model", "created": self._started, "owned_by": "imagine-bot"}
        return known | {"available": is_open}

    async def _document(self, _: Request) -> Response:
        return JSONResponse(spec.document(self._house.studio, self._house.settings.public_url))


# -- reading a request


def _idempotency_key(request: Request) -> str:
    key = request.headers.get("idempotency-key")
    if key is None:
        return ""
    if not re.fullmatch(r"[ -~]{1,255}", key):
        raise errors.bad("api_idempotency_key", "Idempotency-Key", limit=255)
    return key


async def _body(request: Request) -> bytes:
    """Raises ApiError; a body that is announced too large is not read at all."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise ApiError(415, (Finding(say("api_not_json_type"), "unsupported_media_type"),))
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced[:16]) > LARGEST_BODY:
        raise _too_large()
    read = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                read += chunk
                if len(read) > LARGEST_BODY:
                    raise _too_large()
    except TimeoutError:
        raise ApiError(408, (Finding(say("api_slow", seconds=int(BODY_SECONDS)), "slow_body"),)) from None
    except ClientDisconnect:
        raise errors.bad("api_not_json") from None
    return bytes(read)


def _too_large() -> ApiError:
    return ApiError(413, (Finding(say("api_large", limit=LARGEST_BODY), "body_too_large"),))


async def _left(request: Request) -> None:
    """Returns once the client is gone. The body is read, so the next message is that."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


# -- answering


async def _misdirected(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        finding = Finding(say("api_no_method", method=request.method), "method_not_allowed")
        return ApiError(405, (finding,), headers=error.headers or {}).response()
    return errors.missing().response()


def _signed(send: Send, number: str) -> Send:
    """Every answer carries a number for whoever asks about it, and headers that let no browser do anything with it."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["x-request-id"] = number
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
