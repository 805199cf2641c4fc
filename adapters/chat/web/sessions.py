"""Who a browser is: a signed cookie, a token against forged posts, and links that expire. Pure."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from adapters.chat.web.names import name_of
from bot.model import Origin, Person, Place

COOKIE = "imagine_session"
"""What `cookie_name` makes the name of."""

COOKIE_SECONDS = 400 * 86_400
"""The longest that browsers keep a cookie."""

LINK_SECONDS = 6 * 3600
"""A picture's link holds for one to two of these, and stays the same within one, so that browsers keep the picture."""

TENANT = "web"
ROOM = Place(TENANT, "room")

_SESSION_ID = re.compile(r"[0-9a-f]{20}")


@dataclass(frozen=True, slots=True)
class Visitor:
    """One browser session, a person of its own."""

    id: str

    @property
    def key(self) -> str:
        return f"web:user:{self.id}"

    @property
    def person(self) -> Person:
        return Person(self.key, name_of(self.key))

    @property
    def origin(self) -> Origin:
        return Origin(self.person, ROOM)


def cookie_name(plain: str, public_url: str) -> str:
    """``plain`` with a mark of the bot's address.

    Cookies ignore ports, so two bots on one host would overwrite each other's under one name. The address, and not
    the port listened on, because all processes of one bot share it.
    """
    mark = hashlib.sha256(urlsplit(public_url).netloc.lower().encode()).hexdigest()[:8]
    return f"{plain}_{mark}"


def cookie_of(cookies: Mapping[str, str], name: str) -> str:
    """Also the one that an earlier version kept under the plain name: whoever has one of ours stays who they are."""
    return cookies.get(name) or cookies.get(name.rpartition("_")[0], "")


class Seals:
    """Signatures for different purposes from one secret; one purpose's never holds for another."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def _sign(self, purpose: str, text: str) -> str:
        key = hmac.digest(self._secret, f"imagine web {purpose}".encode(), hashlib.sha256)
        return hmac.digest(key, text.encode(), hashlib.sha256).hex()[:40]

    def _holds(self, purpose: str, text: str, signature: str) -> bool:
        return hmac.compare_digest(self._sign(purpose, text).encode(), signature.encode())

    # -- sessions

    def cookie(self, visitor: Visitor) -> str:
        return f"{visitor.id}.{self._sign('session', visitor.id)}"

    def visitor(self, cookie: str) -> Visitor | None:
        """None where the cookie is missing, malformed or not ours."""
        session, _, signature = cookie.partition(".")
        if _SESSION_ID.fullmatch(session) and self._holds("session", session, signature):
            return Visitor(session)
        return None

    def token(self, visitor: Visitor) -> str:
        """What a page of this session sends with every post."""
        return self._sign("token", visitor.id)

    def is_token(self, visitor: Visitor, token: str) -> bool:
        return self._holds("token", visitor.id, token)

    def operator_token(self, session: str) -> str:
        """The same for a session of the moderation page."""
        return self._sign("operator", session)

    def is_operator_token(self, session: str, token: str) -> bool:
        return self._holds("operator", session, token)

    # -- links

    def link(self, tenant: str, path: str, now: float) -> str:
        """``path`` with a signature for this tenant (S38)."""
        expires = (int(now) // LINK_SECONDS + 2) * LINK_SECONDS
        return f"{path}?until={expires}&seal={self._sign('link', f'{tenant} {path} {expires}')}"

    def is_link(self, tenant: str, path: str, until: str, seal: str, now: float) -> bool:
        if not (until.isascii() and until.isdigit() and len(until) < 16):
            return False
        return self._holds("link", f"{tenant} {path} {int(until)}", seal) and now < int(until)
