"""`imagine-bot login`: a link that opens the moderation page once. Only its hash is stored."""

import sys

from adapters.small import open_desk
from adapters.tokens import NAME, new_token
from bot.replies import say
from bot.settings import Settings

LINK_SECONDS = 15 * 60.0


def link(public_url: str, token: str) -> str:
    return f"{public_url.rstrip('/')}/moderation/login?token={token}"


async def login(settings: Settings, name: str) -> int:
    """Prints the link. Raises ControlError, StoreError."""
    if not NAME.fullmatch(name):
        print(say("login_name", name=ascii(name)), file=sys.stderr)
        return 2
    token, digest = new_token()
    async with open_desk(settings) as desk:
        await desk.do("login_create", digest=digest, name=name, seconds=LINK_SECONDS)
    print(link(settings.web.public_url, token))
    return 0
