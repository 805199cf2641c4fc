"""What the hosted backends share on the wire: one call in bounds, and its failures in the core's words.

Rules: no redirects, no proxies from the environment, one deadline over each whole exchange, capped and paced bodies, no
key in any detail, and a retry only where nothing can have been charged.
"""

import asyncio
import base64
import json
import logging
import os
import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import quote

import certifi
import httpx
import stamina

from adapters.backends.limits import (
    KEYS,
    LATE_SECONDS,
    MEMORY,
    RATE_MARGIN,
    TURNS,
    Budget,
    Limiter,
    Room,
    account_of,
)
from adapters.backends.limits import held as hold
from bot.errors import BackendError, Broken, Busy, Down, Rejected
from bot.pacing import LONGEST_PAUSE, LONGEST_WAIT

PICTURE_CAP = 25 * 2**20
JSON_CAP = 2**20
ERROR_CAP = 64 * 2**10
ERROR_BODY_SECONDS = 3.0
CONNECT_SECONDS = 10.0
#: A body slower than this after the grace is given up: a per-read timeout never fires on one byte a second.
GRACE_SECONDS = 5.0
MIN_BYTES_PER_SECOND = 4096
RETRY_AFTER_CAP = LONGEST_PAUSE
PAUSE_SECONDS = 1.0  #: after a 429 that names no time
ATTEMPTS = 3

#: The key, the account or the address is wrong: no later request will fare better.
UNTIL_FIXED = frozenset({401, 402, 403, 404, 405, 407, 410})
#: The server did not act on the request, and may the next time.
NOT_NOW = frozenset({408, 409, 423, 425})
#: Some gateway lost patience with a server that may well have drawn.
GATEWAY_TIMEOUTS = frozenset({504, 524})


@dataclass(frozen=True, slots=True)
class Wire:
    """One backend's way out. ``key`` is here to be redacted, and names the account whose rate is kept."""

    kind: str
    key: str = field(repr=False)
    client: httpx.AsyncClient
    limiter: Limiter
    interval: float  #: seconds between two calls of this key
    patience: float  #: seconds a call may wait for its turn; beyond that the backend is busy
    budget: Budget

    @property
    def account(self) -> str:
        return account_of(self.kind, self.key)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: httpx.Headers
    body: bytes


class UnreadableError(Exception):
    """A body that breaks a rule; the message says which."""


@cache
def trusted() -> ssl.SSLContext:
    """The certificates to trust: ``SSL_CERT_FILE`` where it is set, else certifi's."""
    return ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE") or certifi.where())


def client(*, keep_alive: bool = True, verify: ssl.SSLContext | None = None) -> httpx.AsyncClient:
    for name in ("httpx", "httpcore"):  # they log whole URLs and headers
        logging.getLogger(name).setLevel(logging.WARNING)
    stamina.instrumentation.set_on_retry_hooks([_log_retry])  # its own print to stdout where logs are not set up
    return httpx.AsyncClient(
        trust_env=False,
        follow_redirects=False,
        verify=verify or trusted(),
        timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=32 if keep_alive else 0),
        headers={"Accept-Encoding": "identity", "User-Agent": "imagine-bot"},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
    )


def _log_retry(details: stamina.instrumentation.RetryDetails) -> None:
    logging.getLogger(__name__).info("retry %d in %.1f s: %s", details.retry_num, details.wait_for, details.caused_by)


def wire(
    kind: str,
    key: str,
    *,
    timeout_seconds: float,
    requests_per_second: float | None = None,
    limiter: Limiter | None = None,
) -> Wire:
    interval = RATE_MARGIN / requests_per_second if requests_per_second else 0.0
    patience = min(timeout_seconds / 4, LONGEST_WAIT)
    return Wire(kind, key.strip(), client(), limiter or KEYS, interval, patience, MEMORY)


def deadline_in(timeout_seconds: float) -> float:
    """The loop time at which an attempt of ``timeout_seconds`` ends: a little early, so that what is done is kept."""
    return asyncio.get_running_loop().time() + timeout_seconds - min(1.0, timeout_seconds / 20)


def build(
    wire: Wire, method: str, url: str, headers: Mapping[str, str], body: Mapping[str, object] | None = None
) -> httpx.Request:
    """Raises Down where the url or the key cannot stand in a request at all."""
    if not is_sendable(wire.key):
        raise Down("the key is empty or holds characters that no header can carry", until_fixed=True)
    content = None if body is None else json.dumps(body, allow_nan=False).encode()
    kind = {} if body is None else {"Content-Type": "application/json"}
    try:
        return wire.client.build_request(method, url, headers={**kind, **headers}, content=content)
    except httpx.InvalidURL as error:
        raise Down("the url is none", until_fixed=True) from error


async def send(wire: Wire, request: httpx.Request, *, deadline: float, room: Room, cap: int = PICTURE_CAP) -> Answer:
    """The answer with a status of 200 to 299. Repeats by itself only what cannot have been charged.

    Raises BackendError.
    """
    patience = max(0.01, deadline - asyncio.get_running_loop().time())
    async for attempt in stamina.retry_context(
        on=_is_worth_repeating, attempts=ATTEMPTS, timeout=patience, wait_initial=0.2, wait_max=2.0, wait_jitter=0.3
    ):
        with attempt:
            answer = await exchange(wire, request, deadline=deadline, room=room, cap=cap)
            if 200 <= answer.status < 300:
                return answer
            error = failure(answer, wire.key, now())
            if isinstance(error, Busy):
                await wire.limiter.pause(wire.account, pause_after(error))
            raise error
    raise AssertionError


def _is_worth_repeating(error: Exception) -> bool:
    return isinstance(error, Down) and not error.maybe_charged and not error.until_fixed


def pause_after(error: Busy) -> float:
    return PAUSE_SECONDS if error.retry_after is None else error.retry_after


async def exchange(wire: Wire, request: httpx.Request, *, deadline: float, room: Room, cap: int) -> Answer:
    """One call, whatever its status. Raises Busy where the key's turn is too far off, Down where no answer came."""
    turn = _Turn(wire, deadline)
    await turn.come()
    request.extensions = {**request.extensions, "trace": turn.trace}
    try:
        async with asyncio.timeout_at(deadline):
            response = await wire.client.send(request, stream=True)
            try:
                return Answer(response.status_code, response.headers, await _body(response, cap, room))
            finally:
                await response.aclose()
    except TimeoutError as error:
        raise Down("no complete answer in time", maybe_charged=turn.sent) from error
    except UnreadableError as error:
        raise Down(str(error), maybe_charged=True) from error
    except httpx.UnsupportedProtocol as error:
        raise Down("the url is neither http nor https", until_fixed=True) from error
    except httpx.ConnectError as error:
        raise Down(redact(f"no connection: {error}", wire.key)) from error
    except httpx.HTTPError as error:  # its own words quote what the server sent, which may be the key
        raise Down(f"the exchange broke off: {type(error).__name__}", maybe_charged=turn.sent) from None


class _Turn:
    """One call's turn to use its key. ``sent``: it began to leave, only then can it have been charged.

    httpcore's trace tells of that, and waits for us: the last moment to find that the turn has passed, because the
    connection took long to open or this process stood still. Then the next one is waited for.
    """

    def __init__(self, wire: Wire, deadline: float) -> None:
        self._wire, self._deadline = wire, deadline
        self._clock = asyncio.get_running_loop().time
        self._at = 0.0
        self.sent = False

    async def come(self) -> None:
        """Waits for it. Raises Busy where it is too far off."""
        while (wait := await self._take()) > 0:
            await asyncio.sleep(wait)
            if await self._wire.limiter.take(self._wire.account, 0.0, 0.0) <= 0:  # nobody was told to pause meanwhile
                break
        await TURNS.turn()

    async def _take(self) -> float:
        patience = min(self._wire.patience, self._deadline - self._clock())
        wait = await self._wire.limiter.take(self._wire.account, self._wire.interval, patience)
        if wait > patience:
            raise Busy("the key's own rate is used up", retry_after=wait)
        self._at = self._clock() + wait
        return wait

    async def trace(self, event: str, _info: Mapping[str, object]) -> None:
        if event.endswith("send_request_headers.started"):
            while self._wire.interval and self._clock() - self._at > LATE_SECONDS:
                await self.come()
            self.sent = True


def is_sendable(key: str) -> bool:
    return bool(key) and all("!" <= letter <= "~" for letter in key)


async def _body(response: httpx.Response, cap: int, room: Room) -> bytes:
    if response.is_success:
        return await read(response, cap=cap, room=room)
    try:  # the status is the news; what the body adds is a courtesy
        async with asyncio.timeout(ERROR_BODY_SECONDS):
            return bytes(await _collect(response, ERROR_CAP))
    except (TimeoutError, UnreadableError, httpx.HTTPError):
        return b""


async def read(response: httpx.Response, *, cap: int, room: Room) -> bytes:
    """The whole body, at most ``cap`` bytes, counted as held while it lives.

    Raises UnreadableError, TimeoutError where it drips, httpx.HTTPError.
    """
    length = response.headers.get("content-length", "")
    expected = int(length) if length.isascii() and length.isdigit() and len(length) < 12 else cap
    if expected > cap:
        raise UnreadableError(f"the answer announces {expected} bytes, {cap} are allowed")
    await room.take(expected)
    body = None
    try:
        body = await _collect(response, cap)
    finally:
        room.budget.give(expected)
        if body is not None:
            room.budget.take_anyway(len(body))
    return hold(body, room.budget)


async def _collect(response: httpx.Response, cap: int) -> bytearray:
    if response.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise UnreadableError("the answer is packed although nothing packed was accepted")
    clock = asyncio.get_running_loop().time
    started, body = clock(), bytearray()
    async for part in response.aiter_raw():
        await TURNS.turn()
        body += part
        if len(body) > cap:
            raise UnreadableError(f"the answer is larger than {cap} bytes")
        elapsed = clock() - started
        if elapsed > GRACE_SECONDS and len(body) < elapsed * MIN_BYTES_PER_SECOND:
            raise TimeoutError(f"{len(body)} bytes in {elapsed:.1f} s")
    return body


def failure(answer: Answer, key: str, now: float) -> BackendError:
    """What to do about a status that is no success. Pure; ``now`` is in seconds since 1970."""
    status, detail = answer.status, f"{answer.status}: {excerpt(answer.body, key) or 'no explanation'}"
    if status == 429:
        return Busy(detail, retry_after=retry_after(answer.headers.get("retry-after"), now))
    if status == 451:
        return Rejected(detail)
    if status in UNTIL_FIXED:
        return Down(detail, until_fixed=True)
    if status >= 500 or status < 400 or status in NOT_NOW:
        return Down(detail, maybe_charged=status in GATEWAY_TIMEOUTS)
    return Broken(detail)


def now() -> float:
    return time.time()


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds named by a ``Retry-After`` header in either of its forms (RFC 9110, 10.2.3), at most an hour."""
    text = (value or "").strip()
    if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,9})?", text):
        return min(float(text), RETRY_AFTER_CAP)
    try:
        at = parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    return min(max(0.0, at - now), RETRY_AFTER_CAP)


def excerpt(body: bytes, key: str) -> str:
    """The first 200 characters for the operator, on one line, without the key."""
    text = redact(body[:ERROR_CAP].decode("utf-8", "replace"), key)
    return re.sub(r"[\s\x00-\x1f\x7f]+", " ", text).strip()[:200]


def redact(text: str, key: str) -> str:
    """``text`` without the key, in the forms that a provider may echo it in."""
    if key:
        plain = base64.b64encode(key.encode("utf-8", "replace")).decode()
        for form in {key, json.dumps(key)[1:-1], quote(key, safe=""), quote(key), plain, plain.rstrip("=")}:
            text = text.replace(form, "[key]")
    return re.sub(r"(?i)\b(bearer|api-key:?)\s+[^\s\"',;}]+", r"\1 [key]", text)


def expect_picture(body: bytes, key: str) -> bytes:
    """``body``, where it begins and ends like a PNG, JPEG or WebP. Raises Down; a real decoder looks at it later."""
    if complaint := picture_complaint(body):
        raise Down(f"{complaint}: {excerpt(body[:ERROR_CAP], key)}", maybe_charged=True)
    return body


def picture_complaint(body: bytes) -> str:
    """"" for what begins and ends like a picture, else what is wrong with it."""
    if not body:
        return "an empty answer in place of a picture"
    if body.startswith(b"\x89PNG\r\n\x1a\n"):
        whole = body.rfind(b"IEND") > 0
    elif body.startswith(b"\xff\xd8\xff"):
        whole = body.rfind(b"\xff\xd9") > 0
    elif body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        whole = len(body) >= int.from_bytes(body[4:8], "little") + 8
    else:
        return "no PNG, JPEG or WebP"
    return "" if whole else "a picture that is cut off"


def decode_object(body: bytes, key: str) -> Mapping[str, object]:
    """The JSON object in ``body``. Raises Down for anything else, for double names and for endless nesting."""
    try:
        value = json.loads(body, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Down(f"the answer is no valid JSON: {excerpt(body, key)}", maybe_charged=True) from error
    if not isinstance(value, dict):
        raise Down(f"the answer is no JSON object: {excerpt(body, key)}", maybe_charged=True)
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")
