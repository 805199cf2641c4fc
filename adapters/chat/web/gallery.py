"""`/gallery`: a person's own pictures, and those that people of the room shared."""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from adapters.chat.web import posts, views
from adapters.chat.web.guard import content_policy
from adapters.chat.web.names import name_of
from adapters.chat.web.pages import Pages, you
from adapters.chat.web.posts import Unfit
from adapters.chat.web.sessions import COOKIE, COOKIE_SECONDS, ROOM, TENANT, Seals, Visitor, cookie_name, cookie_of
from bot import command
from bot.errors import Refused, StoreError
from bot.options import without_forbidden
from bot.programs import GalleryFilter, GalleryPlace, Hung
from bot.replies import display, problem, say

if TYPE_CHECKING:
    from adapters.chat.web.server import WebHouse

PAGE = 36  #: pictures
THUMBS = (256, 512)  #: pixels, the longer side
LONGEST_SEARCH = 200
PRIVATE = {"cache-control": "no-store"}
POLICY = content_policy(["self"])

_AFTER = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)_([0-9a-f]{32})_([0-9]{1,3})")


@dataclass(frozen=True, slots=True)
class Card:
    """One picture as the page shows it."""

    job: str
    index: int
    prompt: str
    alt: str
    by: str
    width: int
    height: int
    small: str
    small_set: str
    full: str
    settings: str
    use: str
    mine: bool
    shared: bool


class Gallery:
    def __init__(self, house: "WebHouse", pages: Pages) -> None:
        self._house = house
        self._seals = Seals(house.secret)
        self._pages = pages
        self._cookie = cookie_name(COOKIE, house.settings.public_url)
        self._secure = house.settings.public_url.startswith("https:")

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/gallery", self._page),
            Route("/gallery/more", self._more),
            Route("/gallery/{job}/{index:int}/share", self._share, methods=["POST"]),
        ]

    # -- reading

    async def _page(self, request: Request) -> Response:
        visitor = self._seals.visitor(cookie_of(request.cookies, self._cookie))
        if visitor is None and request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}:
            return HTMLResponse(self._pages.arrive("/gallery", "gallery_title"), headers=PRIVATE)
        known = visitor or Visitor(secrets.token_hex(10))
        shared, wanted, after = _asked(request.query_params)
        cards, further = await self._cards(known, wanted, after, shared=shared)
        studio = self._house.studio
        html = self._pages.render(
            "gallery.html",
            you=you(known),
            token=self._seals.token(known),
            shared=shared,
            wanted=wanted,
            cards=cards,
            further=further,
            backends=studio.backends(),
            styles=studio.styles(),
            words={"failed": say("web_failed"), "delete": say("gallery_delete_all")},
        )
        response = HTMLResponse(html, headers={**PRIVATE, "content-security-policy": POLICY})
        cookie = self._seals.cookie(known)
        response.set_cookie(
            self._cookie, cookie, max_age=COOKIE_SECONDS, httponly=True, samesite="strict", secure=self._secure
        )
        return response

    async def _more(self, request: Request) -> Response:
        """The next page's cards, for who scrolls."""
        visitor = self._seals.visitor(cookie_of(request.cookies, self._cookie))
        if visitor is None:
            raise Unfit(403, say("web_stale"))
        shared, wanted, after = _asked(request.query_params)
        cards, further = await self._cards(visitor, wanted, after, shared=shared)
        html = self._pages.render("gallery-cards.html", cards=cards)
        return JSONResponse({"html": html, "further": further}, headers=PRIVATE)

    async def _cards(
        self, visitor: Visitor, wanted: GalleryFilter, after: GalleryPlace | None, *, shared: bool
    ) -> tuple[list[Card], str]:
        """One page, and the query of the next one, "" where this is the last."""
        store = self._house.store
        if shared:
            found = await store.shared_pictures(TENANT, wanted, after, PAGE + 1)
        else:
            found = await store.own_pictures(visitor.key, wanted, after, PAGE + 1)
        further = _query(wanted, found[PAGE - 1].place, shared=shared) if len(found) > PAGE else ""
        return [self._card(each, visitor) for each in found[:PAGE]], further

    def _card(self, hung: Hung, visitor: Visitor) -> Card:
        job, picture = hung.job, hung.picture
        person = job.origin.person
        prompt = display(job.request.prompt)
        path = f"/room/jobs/{job.id}/pictures/{picture.index}"
        longer = max(picture.width, picture.height)
        small = [(round(picture.width * side / longer), self._link(f"{path}/{side}")) for side in THUMBS]
        again = replace(job.request, seed=picture.seed, count=1) if picture.seed is not None else job.request
        return Card(
            job=job.id,
            index=picture.index,
            prompt=prompt,
            alt=prompt,
            by=person.name or name_of(person.key),
            width=picture.width,
            height=picture.height,
            small=small[0][1],
            small_set=", ".join(f"{address} {width}w" for width, address in small),
            full=self._link(path),
            settings=views.settings_words(job, [picture]),
            use=f"/?{urlencode({'message': command.format_command(again)})}",
            mine=person.key == visitor.key,
            shared=picture.shared,
        )

    def _link(self, path: str) -> str:
        return self._seals.link(TENANT, path, self._house.clock.now())

    # -- sharing

    async def _share(self, request: Request) -> Response:
        """Who asked for a picture may hang it up for everybody, and take it down."""
        visitor = self._seals.visitor(cookie_of(request.cookies, self._cookie))
        if visitor is None:
            raise Unfit(403, say("web_stale"))
        posts.check(request, self._house.settings.public_url, partial(self._seals.is_token, visitor))
        shared = await posts.flag(request, "shared")
        try:
            return await self._hang(visitor, request.path_params["job"], request.path_params["index"], shared=shared)
        except Refused as refused:
            raise Unfit(404, problem(refused.problems[0])) from None
        except StoreError as error:
            self._house.observer.event("store_error", detail=str(error))
            raise Unfit(503, say("store_busy")) from None

    async def _hang(self, visitor: Visitor, job_id: str, index: int, *, shared: bool) -> Response:
        job, _ = await self._house.studio.picture(ROOM, job_id, index)
        if job.origin.person.key != visitor.key:
            raise Unfit(403, say("gallery_not_yours"))
        await self._house.store.share(job_id, index, self._house.clock.now(), shared=shared)
        return JSONResponse({"shared": shared})


def _asked(query: Mapping[str, str]) -> tuple[bool, GalleryFilter, GalleryPlace | None]:
    """Shared or own, which, and from where; what cannot be read is left out."""

    def said(name: str) -> str:
        return without_forbidden(query.get(name, ""))[:LONGEST_SEARCH].strip()

    match = _AFTER.fullmatch(query.get("after", ""))
    after = GalleryPlace(float(match[1]), match[2], int(match[3])) if match else None
    return query.get("of") == "everybody", GalleryFilter(said("q"), said("backend"), said("style")), after


def _query(wanted: GalleryFilter, place: GalleryPlace, *, shared: bool) -> str:
    after = f"{place.at!r}_{place.job_id}_{place.index}"
    said = {"q": wanted.words, "backend": wanted.backend, "style": wanted.style, "after": after}
    of = {"of": "everybody"} if shared else {}
    return urlencode(of | {name: value for name, value in said.items() if value})
