"""`imagine-bot login`: a link that opens the moderation page once. Only its hash is stored."""

import hashlib
import re
import secrets
import sys

from adapters.small import open_desk
from bot.replies import say
from bot.settings import Settings

LINK_SECONDS = 15 * 60.0
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")


def new_token() -> tuple[str, str]:
    """A token for the link, and what is stored of it."""
    token = secrets.token_urlsafe(32)
    return token, digest(token)


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def link(public_url: str, token: str) -> str:
    return f"{public_url.rstrip('/')}/moderation/login?token={token}"


async def login(settings: Settings, name: str) -> int:
    """Prints the link. Raises ControlError, StoreError."""
    if not NAME.fullmatch(name):
        print(say("login_name", name=ascii(name)), file=sys.stderr)
        return 2
    token, hashed = new_token()
    async with open_desk(settings) as desk:
        await desk.do("login_create", digest=hashed, name=name, seconds=LINK_SECONDS)
    print(link(settings.web.public_url, token))
    return 0
