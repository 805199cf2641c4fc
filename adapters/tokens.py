"""What somebody comes with, a login link, a session or a key: how it is made, and all that is stored of it."""

import hashlib
import re
import secrets

from bot.settings.spec import WORD

NAME = re.compile(WORD.pattern)
"""Of whom one is made for."""


def new_token(prefix: str = "") -> tuple[str, str]:
    """It, and what is stored of it."""
    token = prefix + secrets.token_urlsafe(32)
    return token, digest(token)


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
