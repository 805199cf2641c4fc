"""`/moderation`: the review queue, rules, people, settings and audit log, for whoever came by the login link.

The link's token is used up by the visit and becomes a session of half a day. Every post needs the session's cookie, its
token and our own origin (S36); what may be done is decided by `Moderators` at each click, as on every platform.
"""

import re
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from adapters.chat.web import deciding, posts
from adapters.chat.web.guard import content_policy
from adapters.chat.web.operating import Acts
from adapters.chat.web.pages import Pages
from adapters.chat.web.posts import Unfit
from adapters.chat.web.sessions import Seals, cookie_name, cookie_of
from adapters.tokens import digest, new_token
from bot.conduct import Acquaintance
from bot.errors import Refused
from bot.judging import OPERATORS
from bot.model import Person, Place, Problem
from bot.moderation import lists
from bot.moderation.commands import person_key
from bot.moderation.starter import FIXED
from bot.options import without_forbidden
from bot.replies import problem, say

if TYPE_CHECKING:
    from adapters.chat.web.server import WebHouse

COOKIE = "imagine_moderation"
SESSION_SECONDS = 12 * 3600.0
PRIVATE = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
POLICY = content_policy(["self"])
QUEUE_SHOWN = 50
AUDIT_SHOWN = 200
PEOPLE_SHOWN = 50
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


@dataclass(frozen=True, slots=True)
class Shown:
    """What of the page: a community's view, and among its people those that ``find`` finds, and one of them."""

    tenant: str
    view: str
    person: str = ""
    find: str = ""


View = Callable[[Person, Place, Shown], Awaitable[dict[str, Any]]]
"""What a view's template is filled with."""


class ModerationPages:
    def __init__(self, house: "WebHouse", pages: Pages) -> None:
        self._house = house
        self._pages = pages
        self._seals = Seals(house.secret)
        self._cookie = cookie_name(COOKIE, house.settings.public_url)
        self._secure = house.settings.public_url.startswith("https:")
        self._acts = Acts(house.moderators)
        self._wrong: deque[float] = deque(maxlen=TRIES)
        self._views: Mapping[str, View] = {
            "queue": self._queue,
            "rules": self._rules,
            "people": self._people,
            "settings": self._settings,
            "audit": self._audit,
        }

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/moderation", self._page),
            Route("/moderation/login", self._login),
            Route("/moderation/logout", self._posted(self._logout), methods=["POST"]),
            Route("/moderation/view", self._fragment),
            Route("/moderation/rules.csv", self._export),
            Route("/moderation/act", self._posted(self._act), methods=["POST"]),
            Route("/moderation/pictures/{tenant}/{item}/{index:int}", self._picture),
        ]

    # -- who

    async def session(self, request: Request) -> Session | None:
        token = cookie_of(request.cookies, self._cookie)
        if not token:
            return None
        stored = digest(token)
        name = await self._house.operators.login("session", stored, self._house.clock.now())
        return Session(stored, name) if name else None

    async def _login(self, request: Request) -> Response:
        """Only a visit uses the link up; a preview that a mail program fetches does not."""
        if request.method != "GET" or "sec-purpose" in request.headers or "purpose" in request.headers:
            return PlainTextResponse("", 204, headers=PRIVATE)
        now = self._house.clock.now()
        if len(self._wrong) == TRIES and now - self._wrong[0] < TRIES_SECONDS:
            return self.closed("moderation_slow", 429)
        operators = self._house.operators
        name = await operators.take_login("link", digest(request.query_params.get("token", "")), now)
        if name is None:
            self._wrong.append(now)
            return self.closed("moderation_stale_link", 403)
        session, stored = new_token()
        await operators.add_login("session", stored, name, now + SESSION_SECONDS, now)
        response: Response
        if request.headers.get("sec-fetch-site", "none") in {"none", "same-origin"}:
            response = RedirectResponse("/moderation", 303, headers=PRIVATE)
        else:
            response = HTMLResponse(self._pages.arrive("/moderation", "moderation_title"), headers=PRIVATE)
        response.set_cookie(
            self._cookie,
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
        values = {"why": say(code), "how": code != "moderation_slow", "command": self._house.login, "room": room}
        html = self._pages.render("moderation-closed.html", **values)
        return HTMLResponse(html, status, headers={**PRIVATE, "content-security-policy": POLICY})

    async def _logout(self, session: Session, _: Mapping[str, Any]) -> Response:
        await self._house.operators.take_login("session", session.digest, self._house.clock.now())
        response = JSONResponse({"said": "", "html": ""}, headers=PRIVATE)
        for name in (self._cookie, COOKIE):
            response.delete_cookie(name, path="/moderation")
        return response

    # -- reading

    async def _page(self, request: Request) -> Response:
        session = await self.session(request)
        if session is None:
            if request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}:
                return HTMLResponse(self._pages.arrive("/moderation", "moderation_title"), headers=PRIVATE)
            return self.closed("moderation_login", 401)
        tenants = await self._house.operators.tenants()
        shown = _shown(request, tenants)
        html = self._pages.render(
            "moderation.html",
            me=session.name,
            token=self._seals.operator_token(session.digest),
            tenants=tenants,
            tenant=shown.tenant,
            view=shown.view,
            views=deciding.VIEWS,
            reasons=[say(code) for code in deciding.REASONS],
            body=await self._rendered(session, shown),
            words={"failed": say("web_failed"), "offline": say("web_offline")},
        )
        return HTMLResponse(html, headers={**PRIVATE, "content-security-policy": POLICY})

    async def _fragment(self, request: Request) -> Response:
        session = await self.session(request)
        if session is None:
            raise Unfit(401, say("moderation_login"))
        shown = _shown(request, await self._house.operators.tenants())
        return JSONResponse({"html": await self._rendered(session, shown)}, headers=PRIVATE)

    async def _rendered(self, session: Session, shown: Shown) -> str:
        """One view as HTML."""
        values = await self._views[shown.view](session.person, Place(shown.tenant, "moderation"), shown)
        return self._pages.render(
            f"moderation-{shown.view}.html", tenant=shown.tenant, **deciding.choices(), **values
        )

    async def _queue(self, who: Person, place: Place, shown: Shown) -> dict[str, Any]:
        moderators, now = self._house.moderators, self._house.clock.now()
        cases = await moderators.cases(who, place, QUEUE_SHOWN)
        names = await self._names(who, place, deciding.keys_of(cases))
        cards = [deciding.card(case, shown.tenant, who.key, now, names) for case in cases]
        return {"cards": cards, "more": max(0, await moderators.count(who, place) - len(cases))}

    async def _rules(self, who: Person, place: Place, shown: Shown) -> dict[str, Any]:  # noqa: ARG002 - as all views
        return {"rules": [deciding.rule_row(rule) for rule in await self._house.moderators.rules(who, place)]}

    async def _settings(self, who: Person, place: Place, shown: Shown) -> dict[str, Any]:  # noqa: ARG002 - as all views
        return {"policy": (await self._house.core.judge.bench(shown.tenant)).policy}

    async def _audit(self, who: Person, place: Place, shown: Shown) -> dict[str, Any]:  # noqa: ARG002 - as all views
        events = await self._house.moderators.audit(who, place, AUDIT_SHOWN)
        return {"events": deciding.audit_rows(events, await self._names(who, place, deciding.people_in(events)))}

    async def _export(self, request: Request) -> Response:
        session = await self.session(request)
        if session is None:
            return self.closed("moderation_login", 401)
        shown = _shown(request, await self._house.operators.tenants())
        rules = await self._house.moderators.rules(session.person, Place(shown.tenant, "moderation"))
        text = lists.to_csv(rule for rule in rules if rule.author != FIXED)
        name = f"rules-{shown.tenant.replace(':', '-')}.csv"
        headers = {**PRIVATE, "content-disposition": f'attachment; filename="{name}"'}
        return Response(text, media_type="text/csv; charset=utf-8", headers=headers)

    async def _people(self, who: Person, place: Place, shown: Shown) -> dict[str, Any]:
        """Whom the words find, and one person's record."""
        moderators = self._house.moderators
        found = await moderators.people(who, place, shown.find, PEOPLE_SHOWN)
        person = shown.person or _key_in(shown.find, found, place)
        record = None
        names = await self._names(who, place, {person, *(each.key for each in found)})
        if person:
            member = await moderators.member(who, place, Person(person))
            actors = await self._names(who, place, {person, *(each.actor for each in member.sanctions)})
            record = deciding.record(Person(person), member, self._house.clock.now(), actors)
        entries = [deciding.entry(each, names) for each in found]
        return {"person": person, "find": shown.find, "record": record, "people": entries, "limit": PEOPLE_SHOWN}

    async def _names(self, who: Person, place: Place, keys: Collection[str]) -> deciding.Names:
        return deciding.Names(await self._house.moderators.names(who, place, keys))

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
                raise Unfit(401, say("moderation_login"))
            is_token = partial(self._seals.is_operator_token, session.digest)
            posts.check(request, self._house.settings.public_url, is_token)
            body = await posts.body(request)
            if not all(isinstance(value, str | bool) for value in body.values()):
                raise Unfit(400, say("web_failed"))
            return await act(session, body)

        return handle

    async def _sentences(self, who: Person, shown: Shown, refused: Refused) -> str:
        """What is wrong, with other moderators by their names."""
        keys = {_by(each) for each in refused.problems} - {""}
        names = deciding.Names()
        if keys:
            with suppress(Refused):
                names = await self._names(who, Place(shown.tenant, "moderation"), keys)
        told = [Problem(each.code, {**each.values, "by": names.whom(_by(each))}) for each in refused.problems]
        return "\n".join(map(problem, told))

    async def _act(self, session: Session, body: Mapping[str, Any]) -> Response:
        said = {name: str(body.get(name, "")) for name in ("tenant", "view", "person", "find")}
        shown = Shown(**said)
        if shown.view not in deciding.VIEWS or not _TENANT.fullmatch(shown.tenant):
            raise Unfit(400, say("web_failed"))
        try:
            answer = await self._acts.do(session.person, Place(shown.tenant, "moderation"), body)
        except Refused as refused:
            words = await self._sentences(session.person, shown, refused)
            html = await self._rendered(session, shown) if shown.view == "queue" else ""
            # A refusal is an answer, so no browser reports it as an error.
            return JSONResponse({"problem": words, "html": html}, headers=PRIVATE)
        changed = str(body.get("act")) not in {"test", "simulate"}
        html = await self._rendered(session, shown) if changed else ""
        return JSONResponse({"said": answer, "html": html}, headers=PRIVATE)


def _by(problem: Problem) -> str:
    return str(problem.values.get("by", ""))


def _shown(request: Request, tenants: Sequence[str]) -> Shown:
    query = request.query_params
    tenant, view = query.get("tenant", ""), query.get("view", "")
    return Shown(
        tenant if tenant in tenants else tenants[0],
        view if view in deciding.VIEWS else deciding.VIEWS[0],
        without_forbidden(query.get("person", ""))[:120],
        without_forbidden(query.get("find", ""))[:100],
    )


def _key_in(words: str, found: Sequence[Acquaintance], place: Place) -> str:
    """Whose record is shown: the only one found, or nobody known whose key was typed in full."""
    if words and len(found) == 1:
        return found[0].key
    if found or not words or " " in words.strip():
        return ""
    try:
        return person_key(words.strip(), place.tenant.partition(":")[0])
    except Refused:
        return ""

