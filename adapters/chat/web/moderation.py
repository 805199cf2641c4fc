"""`/moderation`: the review queue, rules, people, settings and audit log, for whoever came by the login link.

The link's token is used up by the visit and becomes a session of half a day. Every post needs the session's cookie, its
token and our own origin (S36); what may be done is decided by `Moderators` at each click, as on every platform.
"""

import hashlib
import json
import re
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from adapters.chat.web import deciding
from adapters.chat.web.guard import content_policy, is_same_origin
from adapters.chat.web.operating import Acts
from adapters.chat.web.pages import Pages
from adapters.chat.web.sessions import Seals
from bot.errors import Refused
from bot.judging import OPERATORS
from bot.model import Person, Place
from bot.replies import problem, say

if TYPE_CHECKING:
    from adapters.chat.web.server import WebHouse

COOKIE = "imagine_moderation"
SESSION_SECONDS = 12 * 3600.0
PRIVATE = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
POLICY = content_policy(["self"])
QUEUE_SHOWN = 50
AUDIT_SHOWN = 200
PREVIEW_SIDE = 512  #: pixels
TRIES, TRIES_SECONDS = 20, 60.0
"""Wrong links that are looked at in so many seconds, before all wait (S37)."""

_TENANT = re.compile(r"[a-z]+(?::[\w.:-]{1,80})?")


@dataclass(frozen=True, slots=True)
class Session:
    digest: str
    name: str

    @property
    def person(self) -> Person:
        return Person(f"web:operator:{self.name}", self.name, (OPERATORS,))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class ModerationPages:
    def __init__(self, house: "WebHouse", pages: Pages) -> None:
        self._house = house
        self._pages = pages
        self._seals = Seals(house.secret)
        self._secure = house.settings.public_url.startswith("https:")
        self._acts = Acts(house.moderators)
        self._wrong: deque[float] = deque(maxlen=TRIES)

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/moderation", self._page),
            Route("/moderation/login", self._login),
            Route("/moderation/logout", self._posted(self._logout), methods=["POST"]),
            Route("/moderation/view", self._fragment),
            Route("/moderation/act", self._posted(self._act), methods=["POST"]),
            Route("/moderation/pictures/{tenant}/{item}/{index:int}", self._picture),
        ]

    # -- who

    async def session(self, request: Request) -> Session | None:
        token = request.cookies.get(COOKIE, "")
        if not token:
            return None
        digest = _digest(token)
        name = await self._house.operators.login("session", digest, self._house.clock.now())
        return Session(digest, name) if name else None

    async def _login(self, request: Request) -> Response:
        """Only a visit uses the link up; a preview that a mail program fetches does not."""
        if request.method != "GET" or "sec-purpose" in request.headers or "purpose" in request.headers:
            return PlainTextResponse("", 204, headers=PRIVATE)
        now = self._house.clock.now()
        if len(self._wrong) == TRIES and now - self._wrong[0] < TRIES_SECONDS:
            return self.closed("moderation_slow", 429)
        operators = self._house.operators
        name = await operators.take_login("link", _digest(request.query_params.get("token", "")), now)
        if name is None:
            self._wrong.append(now)
            return self.closed("moderation_stale_link", 403)
        session = secrets.token_urlsafe(32)
        await operators.add_login("session", _digest(session), name, now + SESSION_SECONDS, now)
        response: Response
        if request.headers.get("sec-fetch-site", "none") in {"none", "same-origin"}:
            response = RedirectResponse("/moderation", 303, headers=PRIVATE)
        else:
            # From elsewhere a redirect brings no strict cookie along; asked again from here, it comes.
            response = HTMLResponse(self._pages.render("moderation-arrive.html"), headers=PRIVATE)
        response.set_cookie(
            COOKIE,
            session,
            max_age=int(SESSION_SECONDS),
            path="/moderation",
            httponly=True,
            samesite="strict",
            secure=self._secure,
        )
        return response

    def closed(self, code: str, status: int) -> Response:
        room = self._house.settings.chat
        html = self._pages.render("moderation-closed.html", why=say(code), how=code != "moderation_slow", room=room)
        return HTMLResponse(html, status, headers={**PRIVATE, "content-security-policy": POLICY})

    async def _logout(self, session: Session, _: Mapping[str, Any]) -> Response:
        await self._house.operators.take_login("session", session.digest, self._house.clock.now())
        response = JSONResponse({"said": "", "html": ""}, headers=PRIVATE)
        response.delete_cookie(COOKIE, path="/moderation")
        return response

    # -- reading

    async def _page(self, request: Request) -> Response:
        session = await self.session(request)
        if session is None:
            if request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}:
                return HTMLResponse(self._pages.render("moderation-arrive.html"), headers=PRIVATE)
            return self.closed("moderation_login", 401)
        tenants = await self._house.operators.tenants()
        tenant, view = _place(request, tenants)
        html = self._pages.render(
            "moderation.html",
            me=session.name,
            token=self._seals.operator_token(session.digest),
            tenants=tenants,
            tenant=tenant,
            view=view,
            views=deciding.VIEWS,
            reasons=[say(code) for code in deciding.REASONS],
            body=await self._rendered(session, tenant, view, request.query_params.get("person", "")),
            words={"failed": say("web_failed"), "offline": say("web_offline")},
        )
        return HTMLResponse(html, headers={**PRIVATE, "content-security-policy": POLICY})

    async def _fragment(self, request: Request) -> Response:
        session = await self.session(request)
        if session is None:
            return JSONResponse({"problem": say("moderation_login")}, 401, headers=PRIVATE)
        tenant, view = _place(request, await self._house.operators.tenants())
        person = request.query_params.get("person", "")
        return JSONResponse({"html": await self._rendered(session, tenant, view, person)}, headers=PRIVATE)

    async def _rendered(self, session: Session, tenant: str, view: str, person: str = "") -> str:
        """One view as HTML."""
        house, who, place = self._house, session.person, Place(tenant, "moderation")
        now = house.clock.now()
        values: dict[str, Any] = {"tenant": tenant, **deciding.choices()}
        match view:
            case "rules":
                rules = await house.moderators.rules(who, place)
                values["rules"] = [deciding.rule_row(rule) for rule in rules]
            case "people":
                values |= {"person": person, "record": None}
                if person:
                    target = Person(person)
                    member = await house.moderators.member(who, place, target)
                    values["record"] = deciding.record(target, member, now)
            case "settings":
                values["policy"] = (await house.core.judge.bench(tenant)).policy
            case "audit":
                values["events"] = deciding.audit_rows(await house.moderators.audit(who, place, AUDIT_SHOWN))
            case _:
                cases = await house.moderators.cases(who, place, QUEUE_SHOWN)
                values["cards"] = [deciding.card(case, tenant, who.key, now) for case in cases]
                values["more"] = max(0, await house.moderators.count(who, place) - len(cases))
        return self._pages.render(f"moderation-{view}.html", **values)

    async def _picture(self, request: Request) -> Response:
        session = await self.session(request)
        if session is None:
            return PlainTextResponse(say("web_not_found") + "\n", 404, headers=PRIVATE)
        path = request.path_params
        try:
            place = Place(path["tenant"], "moderation")
            picture = await self._house.moderators.picture(session.person, place, path["item"], path["index"])
            body = await self._house.thumb(picture.sha256, PREVIEW_SIDE)
        except (Refused, FileNotFoundError):
            return PlainTextResponse(say("web_not_found") + "\n", 404, headers=PRIVATE)
        return Response(body, media_type="image/webp", headers=PRIVATE)

    # -- posts

    def _posted(
        self, act: Callable[[Session, Mapping[str, Any]], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            session = await self.session(request)
            if session is None:
                return _problem(401, say("moderation_login"))
            token = request.headers.get("x-imagine-token", "")
            ours = is_same_origin(request, self._house.settings.public_url)
            if not ours or not self._seals.is_operator_token(session.digest, token):
                return _problem(403, say("web_stale"))
            try:
                body = json.loads(await request.body())
            except ClientDisconnect:
                return _problem(413, say("web_large"))
            except (ValueError, RecursionError):
                return _problem(400, say("web_failed"))
            if not isinstance(body, dict) or not all(isinstance(value, str | bool) for value in body.values()):
                return _problem(400, say("web_failed"))
            return await act(session, body)

        return handle

    async def _act(self, session: Session, body: Mapping[str, Any]) -> Response:
        tenant, view = str(body.get("tenant", "")), str(body.get("view", ""))
        if view not in deciding.VIEWS or not _TENANT.fullmatch(tenant):
            return _problem(400, say("web_failed"))
        try:
            said = await self._acts.do(session.person, Place(tenant, "moderation"), body)
        except Refused as refused:
            words = "\n".join(problem(each) for each in refused.problems)
            html = await self._rendered(session, tenant, view) if view == "queue" else ""
            # A refusal is an answer, so no browser reports it as an error.
            return JSONResponse({"problem": words, "html": html}, headers=PRIVATE)
        changed = str(body.get("act")) not in {"test", "simulate"}
        html = await self._rendered(session, tenant, view, str(body.get("person", ""))) if changed else ""
        return JSONResponse({"said": said, "html": html}, headers=PRIVATE)


def _place(request: Request, tenants: Sequence[str]) -> tuple[str, str]:
    tenant = request.query_params.get("tenant", "")
    view = request.query_params.get("view", "")
    known = tenant if tenant in tenants else tenants[0]
    return known, view if view in deciding.VIEWS else deciding.VIEWS[0]


def _problem(status: int, words: str) -> Response:
    return JSONResponse({"problem": words, "html": ""}, status, headers=PRIVATE)
