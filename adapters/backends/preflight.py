"""What `probe` asks of a provider, and what it reads out of the answer.

No document names a call that is free of charge, so a probe sends the documented call without the prompt, which nothing
can be drawn from. What is inferred: a server looks at the key before the body (so 401 or 403 is the key, 402 the
credit), and refuses a body without a prompt by some other 4xx, which then means that everything else is in order.
"""

import asyncio
from collections.abc import Mapping

from adapters.backends.http import ERROR_CAP, Answer, Wire, build, decode_object, exchange, is_sendable
from adapters.backends.limits import Room, TurnsUnknown
from bot.errors import BackendError, Busy, Down
from bot.replies import say

PROBE_SECONDS = 10.0
NO_CREDIT = frozenset({402})
WRONG_KEY = frozenset({401, 403, 407})
WRONG_URL = frozenset({404, 405, 410})


async def examine(
    wire: Wire,
    url: str,
    headers: Mapping[str, str],
    body: Mapping[str, object],
    *,
    name: str,
    key_env: str,
    no_credit: frozenset[int] = NO_CREDIT,
) -> str:
    """"" when the provider answers as it should, else one sentence with the fix."""
    if not is_sendable(wire.key):
        return say("probe_no_key", name=name, key_env=key_env)
    deadline = asyncio.get_running_loop().time() + PROBE_SECONDS
    host = url
    try:
        request = build(wire, "POST", url, headers, body)
        host = request.url.host
        answer = await exchange(wire, request, deadline=deadline, room=Room(wire.budget), cap=ERROR_CAP)
    except TurnsUnknown as error:
        return say("probe_no_turn", name=name, detail=error.detail)
    except Busy:
        return ""
    except BackendError as error:
        return say("probe_unreachable", name=name, host=host, detail=error.detail)
    code = verdict(answer, wire.key, no_credit)
    return code and say(code, name=name, key_env=key_env, host=host, status=answer.status)


def verdict(answer: Answer, key: str, no_credit: frozenset[int]) -> str:
    """"" or the code of a sentence."""
    status = answer.status
    if status in no_credit:
        return "probe_credit"
    if status in WRONG_KEY:
        return "probe_key"
    if status in WRONG_URL or 300 <= status < 400:
        return "probe_url"
    if status >= 500:
        return "probe_status"
    return "probe_url" if status < 300 and not _is_object(answer.body, key) else ""


def _is_object(body: bytes, key: str) -> bool:
    try:
        decode_object(body, key)
    except Down:
        return False
    return True
