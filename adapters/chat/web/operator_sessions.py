"""Who came by the one-time login link of `imagine-bot login`: a session of some hours, behind a cookie."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from adapters.chat.web.guard import content_policy, is_same_origin
from adapters.chat.web.pages import Pages
from bot.model import Person
from bot.ports import Clock
from bot.replies import say

COOKIE = "imagine_operator"
SESSION_SECONDS = 12 * 3600.0
LINK, SESSION = "link", "session"
LOGIN = "/moderation/login"
OPERATORS = "web:operators"
"""The group of everybody with such a session."""

PRIVATE = {"cache-control": "no-store"}
POLICY = content_policy(["self"])


class Logins(Protocol):
    """The part of the store that keeps hashes of links and sessions."""

    async def add_login(self, kind: str, digest: str, name: str, expires_at: float, now: float) -> None: ...

    async def login(self, kind: str, digest: str, now: float) -> str | None: ...

    async def take_login(self, kind: str, digest: str, now: float) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Operator:
    """``token`` is what this session's pages send with every post."""

    name: str
    token: str

    @property
    def person(self) -> Person:
        return Person(f"web:operator:{self.name}", self.name, (OPERATORS,))

    def is_token(self, token: str) -> bool:
        return hmac.compare_digest(self.token.encode(), token.encode())


class OperatorSessions:
    def __init__(self, logins: Logins, clock: Clock, secret: bytes, public_url: str) -> None:
        self._logins = logins
        self._clock = clock
        self._secret = secret
        self._public_url = public_url
        self._pages = Pages()

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route(LOGIN, self._arrive),
            Route(LOGIN, self._enter, methods=["POST"]),
            Route("/moderation/logout", self._leave, methods=["POST"]),
        ]

    async def operator(self, request: Request) -> Operator | None:
        """None where there is no session, or it ended. Raises StoreError."""
        session = request.cookies.get(COOKIE, "")
        if not session:
            return None
        name = await self._logins.login(SESSION, _digest(session), self._clock.now())
        return Operator(name, self._token(session)) if name else None

    def ask(self, _: Request) -> Response:
        """For whoever has no session: how to get one."""
        return self._page(403, asks=False, token="", words=say("login_needed"))

    def _token(self, session: str) -> str:
        key = hmac.digest(self._secret, b"imagine web operator", "sha256")
        return hmac.digest(key, session.encode(), "sha256").hex()[:40]

    # -- coming and going

    async def _arrive(self, request: Request) -> Response:
        """The link itself uses nothing up: what looks at links in a chat would spend it before a person does."""
        token = request.query_params.get("token", "")[:100]
        return self._page(200, asks=True, token=token, words=say("login_welcome"))

    async def _enter(self, request: Request) -> Response:
        now = self._clock.now()
        token = await _posted(request, "token") if is_same_origin(request, self._public_url) else ""
        name = await self._logins.take_login(LINK, _digest(token), now) if token else None
        if name is None:
            return self._page(403, asks=False, token="", words=say("login_spent"))
        session = secrets.token_urlsafe(32)
        await self._logins.add_login(SESSION, _digest(session), name, now + SESSION_SECONDS, now)
        response = RedirectResponse("/operators", 303, headers=PRIVATE)
        response.set_cookie(
            COOKIE,
            session,
            max_age=int(SESSION_SECONDS),
            httponly=True,
            samesite="strict",
            secure=self._public_url.startswith("https:"),
        )
        return response

    async def _leave(self, request: Request) -> Response:
        operator = await self.operator(request)
        if operator is None or not is_same_origin(request, self._public_url):
            return self.ask(request)
        await self._logins.take_login(SESSION, _digest(request.cookies[COOKIE]), self._clock.now())
        response = RedirectResponse("/", 303, headers=PRIVATE)
        response.delete_cookie(COOKIE)
        return response

    def _page(self, status: int, *, asks: bool, token: str, words: str) -> Response:
        html = self._pages.render("login.html", asks=asks, token=token, words=words)
        return HTMLResponse(html, status, headers={**PRIVATE, "content-security-policy": POLICY})


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


async def _posted(request: Request, name: str) -> str:
    try:
        body = (await request.body()).decode("ascii")
        return parse_qs(body, max_num_fields=4).get(name, [""])[0]
    except (ClientDisconnect, ValueError):
        return ""
