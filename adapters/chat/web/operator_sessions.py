"""Who came by the one-time login link of `imagine-bot login`: a session of some hours, behind a cookie.

`/moderation/login` makes it (moderation.py); every operators' page reads it here.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from adapters.chat.web.guard import content_policy
from adapters.chat.web.pages import Pages
from bot.judging import OPERATORS
from bot.model import Person
from bot.ports import Clock
from bot.replies import say

COOKIE = "imagine_operator"
SESSION_SECONDS = 12 * 3600.0
LINK, SESSION = "link", "session"
PRIVATE = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
POLICY = content_policy(["self"])


class Logins(Protocol):
    """What the store keeps of people who came by the login link. Hashes only, of links and of sessions."""

    async def add_login(self, kind: str, digest: str, name: str, expires_at: float, now: float) -> None: ...

    async def login(self, kind: str, digest: str, now: float) -> str | None: ...

    async def take_login(self, kind: str, digest: str, now: float) -> str | None:
        """The name it was made for; the second one who comes with it gets None."""

    async def tenants(self) -> list[str]:
        """Every community there is something to moderate in, the house's own room first."""


@dataclass(frozen=True, slots=True)
class Operator:
    """``token`` is what this session's pages send with every post."""

    name: str
    digest: str
    token: str

    @property
    def person(self) -> Person:
        return Person(f"web:operator:{self.name}", self.name, (OPERATORS,))

    def is_token(self, token: str) -> bool:
        return hmac.compare_digest(self.token.encode(), token.encode())


class OperatorSessions:
    def __init__(self, logins: Logins, clock: Clock, secret: bytes) -> None:
        self._logins = logins
        self._clock = clock
        self._secret = secret
        self._pages = Pages()

    async def operator(self, request: Request) -> Operator | None:
        """None where there is no session, or it ended. Raises StoreError."""
        session = request.cookies.get(COOKIE, "")
        if not session:
            return None
        name = await self._logins.login(SESSION, digest(session), self._clock.now())
        return Operator(name, digest(session), self._token(session)) if name else None

    def ask(self, _: Request) -> Response:
        """For whoever has no session: how to get one."""
        html = self._pages.render("login.html", words=say("login_needed"))
        return HTMLResponse(html, 403, headers={**PRIVATE, "content-security-policy": POLICY})

    def _token(self, session: str) -> str:
        key = hmac.digest(self._secret, b"imagine web operator", "sha256")
        return hmac.digest(key, session.encode(), "sha256").hex()[:40]


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
