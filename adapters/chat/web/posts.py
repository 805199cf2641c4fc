"""What holds for every post of a page: it comes from a page of ours, and says what such a page says (S36)."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from bot.replies import say


class Unfit(Exception):
    """A post that no page of ours sends. Whichever route raises it, `answer` is what comes of it."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


async def answer(_: Request, error: Exception) -> Response:
    assert isinstance(error, Unfit)
    return JSONResponse({"problem": error.words}, error.status, headers={"cache-control": "no-store"})


def check(request: Request, public_url: str, is_token: Callable[[str], bool]) -> None:
    """Raises Unfit."""
    token = request.headers.get("x-imagine-token", "")
    if not _is_same_origin(request, public_url) or not is_token(token):
        raise Unfit(403, say("web_stale"))


def _is_same_origin(request: Request, public_url: str) -> bool:
    """A program that sends neither header has its token alone."""
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc in {request.headers.get("host"), urlsplit(public_url).netloc}


async def body(request: Request) -> Mapping[str, Any]:
    """Raises Unfit."""
    try:
        said = await request.json()
    except ClientDisconnect:
        raise Unfit(413, say("web_large")) from None
    except (ValueError, RecursionError):
        raise Unfit(400, say("web_failed")) from None
    if not isinstance(said, dict):
        raise Unfit(400, say("web_failed"))
    return said


async def flag(request: Request, name: str) -> bool:
    """Raises Unfit."""
    value = (await body(request)).get(name)
    if not isinstance(value, bool):
        raise Unfit(400, say("web_failed"))
    return value
