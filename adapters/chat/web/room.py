"""The room's routes: the page, its events, its posts and its pictures."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import BaseRoute, Route

from adapters.chat.web import pages, posts
from adapters.chat.web.guard import content_policy
from adapters.chat.web.hub import Cursor, Hub, Listener, encode, event
from adapters.chat.web.pages import Pages
from adapters.chat.web.posts import Unfit
from adapters.chat.web.sessions import COOKIE, COOKIE_SECONDS, ROOM, TENANT, Seals, Visitor, cookie_name, cookie_of
from adapters.chat.web.speaking import Speaker, refusal
from adapters.chat.web.views import file_name
from bot.command import LONGEST_COMMAND
from bot.conduct import LONGEST_APPEAL
from bot.errors import Refused, StoreError
from bot.model import Picture, Problem
from bot.options import without_forbidden
from bot.replies import problem, say

if TYPE_CHECKING:
    from adapters.chat.web.server import WebHouse

NEWEST_FIRST_PAGE = 30  #: messages; older ones come as one scrolls
LONGEST_REASON = 500  #: characters of a report
HEARTBEAT_SECONDS = 15.0
RETRY_MS = 1000
PRIVATE = {"cache-control": "no-store"}
NOTHING_YET = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
"""A preview that is not there yet, so that no browser reports an error."""

_KEY = re.compile(r"[0-9A-Za-z-]{8,64}")
_FORM = ("negative_prompt", "size", "steps", "guidance", "seed", "count", "backend", "style")

Post = Callable[[Visitor, Mapping[str, Any], Request], Awaitable[Response]]


class Room:
    def __init__(self, house: "WebHouse", files: Pages) -> None:
        self._house = house
        self._seals = Seals(house.secret)
        self._pages = files
        self._cookie = cookie_name(COOKIE, house.settings.public_url)
        self._secure = house.settings.public_url.startswith("https:")
        self._speaker = Speaker(house.store, house.studio, house.moderators, house.clock)
        self.hub = Hub(
            house.store, house.core.judge.store, house.studio, house.clock, house.observer, self._seals, self._pages
        )
        self._policy = content_policy([self._pages.style_hash])
        self._examples = self._working_examples()

    def routes(self) -> Sequence[BaseRoute]:
        acts: Mapping[str, Post] = {
            "/room/messages": self._said,
            "/room/jobs/{job}/again": self._again,
            "/room/jobs/{job}/vary": self._vary,
            "/room/jobs/{job}/cancel": self._cancel,
            "/room/jobs/{job}/delete": self._delete,
            "/room/jobs/{job}/report": self._report,
            "/room/appeals": self._appeal,
        }
        return [
            Route("/", self._page),
            Route("/room/events", self._events),
            Route("/room/older", self._older),
            Route("/room/jobs/{job}/request", self._request_of),
            Route("/room/jobs/{job}/pictures/{index}", self._picture),
            Route("/room/jobs/{job}/pictures/{index}/{side}", self._thumb),
            Route("/room/jobs/{job}/previews/{index}", self._preview),
            *(Route(path, self._post(act), methods=["POST"]) for path, act in acts.items()),
        ]

    def _working_examples(self) -> list[str]:
        """The house's own, else three; only such as a backend can draw as they stand."""
        found = []
        own = self._house.examples
        for example in own or [say(f"web_example_{number}") for number in range(1, 6)]:
            try:
                self._house.studio.check(example)
            except Refused:
                continue
            found.append(example)
        return found if own else found[:3]

    # -- who

    def _visitor(self, request: Request) -> Visitor | None:
        return self._seals.visitor(cookie_of(request.cookies, self._cookie))

    def _welcome(self, response: Response, visitor: Visitor) -> None:
        response.set_cookie(
            self._cookie,
            self._seals.cookie(visitor),
            max_age=COOKIE_SECONDS,
            httponly=True,
            samesite="strict",
            secure=self._secure,
        )

    # -- reading

    async def _page(self, request: Request) -> Response:
        visitor = self._visitor(request)
        if visitor is None and request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}:
            return HTMLResponse(self._pages.arrive("/", "web_title"), headers=PRIVATE)
        known = visitor or Visitor(secrets.token_hex(10))
        cursor = await self.hub.cursor()
        articles, more = await self._page_of(known, 2**62)
        studio = self._house.studio
        options = pages.option_help(studio.options(), studio.capabilities(), studio.styles())
        html = self._pages.render(
            "room.html",
            style=self._pages.style,
            you=pages.you(known),
            token=self._seals.token(known),
            cursor=str(cursor),
            articles=articles,
            more=more,
            options=options,
            commands=pages.commands(),
            examples=self._examples,
            about=self._house.about,
            words=pages.client_words(),
            backends=studio.backends(),
            styles=studio.styles(),
            draft=request.query_params.get("message", "")[:LONGEST_COMMAND],
        )
        response = HTMLResponse(html, headers={**PRIVATE, "content-security-policy": self._policy})
        self._welcome(response, known)
        return response

    async def _page_of(self, visitor: Visitor, before: int) -> tuple[str, int]:
        """Articles as HTML, oldest first, and the number before which there are more, else 0."""
        found = await self._house.store.messages(visitor.key, before, NEWEST_FIRST_PAGE + 1)
        shown = list(reversed(found[:NEWEST_FIRST_PAGE]))
        more = shown[0].seq if len(found) > NEWEST_FIRST_PAGE else 0
        return self._pages.articles(await self.hub.articles(shown)), more

    async def _older(self, request: Request) -> Response:
        visitor = self._visitor(request)
        before = request.query_params.get("before", "")
        if visitor is None or not re.fullmatch(r"[0-9]{1,18}", before):
            return JSONResponse({"problem": say("web_stale")}, 403)
        articles, more = await self._page_of(visitor, int(before))
        return JSONResponse({"html": articles, "more": more}, headers=PRIVATE)

    async def _events(self, request: Request) -> Response:
        visitor = self._visitor(request)
        since = Cursor.parse(request.headers.get("last-event-id") or request.query_params.get("since", ""))
        if visitor is None or since is None:
            return PlainTextResponse(say("web_stale") + "\n", 403)
        listener = self.hub.join(visitor.key)
        headers = {**PRIVATE, "x-accel-buffering": "no"}
        return StreamingResponse(self._stream(listener, since), media_type="text/event-stream", headers=headers)

    async def _stream(self, listener: Listener, since: Cursor) -> AsyncIterator[bytes]:
        try:
            try:
                missed, cursor = await self.hub.missed(listener.person, since)
            except StoreError:
                return
            yield f"retry: {RETRY_MS}\n\n".encode() + encode([*missed, event("here")], listener.person, cursor)
            while True:
                try:
                    async with asyncio.timeout(HEARTBEAT_SECONDS):
                        block = await listener.queue.get()
                except TimeoutError:
                    block = b": \n\n"
                if block is None:
                    return
                yield block
        finally:
            self.hub.leave(listener)

    async def _request_of(self, request: Request) -> Response:
        visitor = self._visitor(request)
        if visitor is None:
            return JSONResponse({"problem": say("web_stale")}, 403)
        try:
            asked = await self._speaker.request_of(visitor, request.path_params["job"])
        except Refused as refused:
            return JSONResponse({"problem": refusal(refused.problems)}, 404)
        values = {name: getattr(asked, name) for name in _FORM}
        written = {name: "" if value is None else str(value) for name, value in values.items()}
        return JSONResponse({"prompt": asked.prompt, **written}, headers=PRIVATE)

    # -- pictures

    def _may_see(self, request: Request) -> bool:
        query = request.query_params
        until, seal = query.get("until", ""), query.get("seal", "")
        now = self._house.clock.now()
        return self._visitor(request) is not None and self._seals.is_link(TENANT, request.url.path, until, seal, now)

    async def _picture(self, request: Request) -> Response:
        async def full(picture: Picture) -> bytes:
            return await self._house.picture(picture.sha256)

        return await self._shown(request, full)

    async def _thumb(self, request: Request) -> Response:
        async def small(picture: Picture) -> bytes:
            return await self._house.thumb(picture.sha256, _number(request, "side"))

        return await self._shown(request, small, "image/webp")

    async def _shown(self, request: Request, read: Callable[[Picture], Awaitable[bytes]], kind: str = "") -> Response:
        """Browsers keep a picture and ask whether it is still there, so that a deleted one is gone everywhere."""
        if not self._may_see(request):
            return _missing()
        try:
            picture = await self._picture_of(request)
            headers = {"cache-control": "private, no-cache", "etag": f'"{picture.sha256}{kind}"'}
            if request.headers.get("if-none-match") == headers["etag"]:
                return Response(status_code=304, headers=headers)
            body = await read(picture)
        except (Refused, FileNotFoundError):
            return _missing()
        if "download" in request.query_params:
            name = file_name(request.path_params["job"], picture)
            headers["content-disposition"] = f'attachment; filename="{name}"'
        return Response(body, media_type=kind or picture.media_type, headers=headers)

    async def _picture_of(self, request: Request) -> Picture:
        """Raises Refused."""
        _, picture = await self._house.studio.picture(ROOM, request.path_params["job"], _number(request, "index"))
        return picture

    async def _preview(self, request: Request) -> Response:
        if not self._may_see(request):
            return _missing()
        try:
            body, media_type = await self._house.preview(request.path_params["job"], _number(request, "index"))
        except FileNotFoundError:
            body, media_type = NOTHING_YET, "image/svg+xml"
        return Response(body, media_type=media_type, headers=PRIVATE)

    # -- posts

    def _post(self, act: Post) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            try:
                visitor, body = await self._posted(request)
                return await act(visitor, body, request)
            except Refused as refused:
                # 200: a refusal is an answer, which a browser need not report as an error of the page
                return JSONResponse({"problem": refusal(refused.problems), "decision": refused.decision})
            except StoreError as error:
                self._house.observer.event("store_error", detail=str(error))
                return JSONResponse({"problem": problem(Problem("store_busy"))}, 503)

        return handle

    async def _posted(self, request: Request) -> tuple[Visitor, Mapping[str, Any]]:
        """Raises Unfit."""
        visitor = self._visitor(request)
        if visitor is None:
            raise Unfit(403, say("web_no_cookies"))
        posts.check(request, self._house.settings.public_url, partial(self._seals.is_token, visitor))
        body = await posts.body(request)
        if not _KEY.fullmatch(str(body.get("key", ""))):
            raise Unfit(400, say("web_failed"))
        return visitor, body

    async def _said(self, visitor: Visitor, body: Mapping[str, Any], _: Request) -> Response:
        heard = await self._speaker.hear(visitor, _text(body, "text"), body["key"])
        return JSONResponse({"refused": heard.refused})

    async def _again(self, visitor: Visitor, body: Mapping[str, Any], request: Request) -> Response:
        job = await self._speaker.again(visitor, request.path_params["job"], body["key"])
        return JSONResponse({"job": job.id})

    async def _vary(self, visitor: Visitor, body: Mapping[str, Any], _: Request) -> Response:
        values = {name: _text(body, name) for name in _FORM if body.get(name)}
        job = await self._speaker.vary(visitor, _text(body, "prompt"), values, body["key"])
        return JSONResponse({"job": job.id})

    async def _cancel(self, visitor: Visitor, _: Mapping[str, Any], request: Request) -> Response:
        job = await self._house.studio.cancel(visitor.person, ROOM, request.path_params["job"])
        return JSONResponse({"state": job.state})

    async def _delete(self, visitor: Visitor, _: Mapping[str, Any], request: Request) -> Response:
        await self._house.studio.delete(visitor.person, ROOM, request.path_params["job"])
        return JSONResponse({})

    async def _report(self, visitor: Visitor, body: Mapping[str, Any], request: Request) -> Response:
        """One picture where the post names it, else all of them."""
        index = body.get("picture")
        if index is not None and type(index) is not int:
            raise Unfit(400, say("web_failed"))
        reason = without_forbidden(_text(body, "reason"))[:LONGEST_REASON]
        fresh = await self._house.moderators.report(visitor.person, ROOM, request.path_params["job"], index, reason)
        return JSONResponse({"said": say("web_reported" if fresh else "web_reported_before")})

    async def _appeal(self, visitor: Visitor, body: Mapping[str, Any], _: Request) -> Response:
        decision, reason = _text(body, "decision"), without_forbidden(_text(body, "reason"))[:LONGEST_APPEAL]
        await self._house.moderators.appeal(visitor.person, ROOM, decision, reason)
        await self.hub.show_decision(decision, visitor.key)
        return JSONResponse({"said": say("web_appealed")})


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str):
        raise Unfit(400, say("web_failed"))
    return value


def _number(request: Request, name: str) -> int:
    """Of a path that a link of ours holds, so that nobody can write a number that does not end."""
    return int(request.path_params[name])


def _missing() -> Response:
    return PlainTextResponse(say("web_not_found") + "\n", 404, headers=PRIVATE)

