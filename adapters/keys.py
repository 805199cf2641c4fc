"""`imagine-bot api-key`. The key is made here and only its hash goes to whoever has the store."""

import sys

from adapters.small import open_desk
from adapters.tokens import NAME, new_token
from bot.moderation.verdicts import moment
from bot.programs import ApiKey
from bot.replies import say
from bot.settings import Settings


async def create(settings: Settings, name: str) -> int:
    """Raises ControlError, StoreError."""
    if not NAME.fullmatch(name):
        return _failed("key_name", name=ascii(name))
    key, digest = new_token("imagine_")
    async with open_desk(settings) as desk:
        if not await desk.do("api_key_create", name=name, digest=digest):
            return _failed("key_exists", name=name)
    print(say("key_made", name=name, key=key))
    return 0


async def show(settings: Settings) -> int:
    """Raises ControlError, StoreError."""
    async with open_desk(settings) as desk:
        found = [ApiKey(**each) for each in await desk.do("api_key_list")]
    for key in found:
        state = say("key_ended", at=_moment(key.revoked_at)) if key.revoked_at else say("key_in_use")
        print(say("key_line", name=key.name, made=_moment(key.created_at), used=_moment(key.used_at), state=state))
    if not found:
        print(say("key_none"))
    return 0


async def revoke(settings: Settings, name: str) -> int:
    """Raises ControlError, StoreError."""
    async with open_desk(settings) as desk:
        if not await desk.do("api_key_revoke", name=name):
            return _failed("key_unknown", name=ascii(name))
    print(say("key_revoked", name=name))
    return 0


def _moment(at: float) -> str:
    return moment(at) if at else say("key_never")


def _failed(code: str, **values: object) -> int:
    print(say(code, **values), file=sys.stderr)
    return 1
