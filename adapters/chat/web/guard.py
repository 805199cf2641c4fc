"""What holds for every page: known hosts only, strict headers, small bodies. Plain ASGI, so streams pass unbuffered."""

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.replies import say
from bot.settings import WebSettings

LARGEST_BODY = 64 * 1024  # bytes
UNGUARDED = ("/healthz", "/readyz", "/metrics", "/v1/")
"""Asked by probes and programs under whatever name they know; nothing there rests on a cookie."""

HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def content_policy(style_hashes: Sequence[str] = ()) -> str:
    """Nothing but our own files; no inline script, and only the style whose hash is named."""
    styles = " ".join(f"'{each}'" for each in style_hashes) or "'none'"
    return (
        f"default-src 'none'; script-src 'self'; style-src {styles}; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


class Hosts:
    """The names this bot answers to, against DNS rebinding (S36)."""

    def __init__(self, settings: WebSettings) -> None:
        public = urlsplit(settings.public_url).hostname or ""
        self._names = {"127.0.0.1", "::1", "localhost", settings.host.lower(), public.lower()} - {""}
        self._any_address = settings.host in {"0.0.0.0", "::"}  # noqa: S104 - compared, not bound

    def __contains__(self, host: str) -> bool:
        """``host`` as in the header. No resolver can turn an address, so each is taken where all are bound."""
        try:
            name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        except ValueError:
            return False
        return name in self._names or (self._any_address and _is_address(name))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Guard:
    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                _complete(MutableHeaders(scope=message))
            await send(message)

        if not scope["path"].startswith(UNGUARDED) and headers.get("host", "") not in self._hosts:
            await PlainTextResponse(say("web_host") + "\n", 400)(scope, receive, sending)
        elif _announced_length(headers) > LARGEST_BODY:
            await PlainTextResponse(say("web_large") + "\n", 413)(scope, receive, sending)
        else:
            await self._app(scope, _bounded(receive), sending)


def _complete(headers: MutableHeaders) -> None:
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    headers.setdefault("content-security-policy", content_policy())


def _announced_length(headers: Headers) -> int:
    length = headers.get("content-length", "0")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 16 else 0


def _bounded(receive: Receive) -> Receive:
    """A body longer than it may be ends the request as if the client had gone."""
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > LARGEST_BODY:
                return {"type": "http.disconnect"}
        return message

    return bounded
