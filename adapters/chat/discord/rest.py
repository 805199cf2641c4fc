"""Messages and threads over Discord's REST API. Logged in, never connected: a worker needs no gateway.

Failures leave here as one of

    ChatBusy    try again later: rate limit, 5xx, timeout, connection; also once the token was refused, for good
    Closed      not here, not now: no access, no permission, gone; the next fall-back may work
    Missing     the message is gone, its channel may be there
    Archived    the thread sleeps
    TooLarge    a file is over this place's limit
    Blocked     the server's AutoMod stopped the text
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import aiohttp
import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import MultipartParameters, Route, handle_message_parameters
from discord.webhook.async_ import async_context

from bot.errors import ChatBusy
from bot.ports import Observer

INTENTS = discord.Intents(guilds=True)
"""Interactions come without any; guilds, which is not privileged, fills the cache of channels."""

PATIENCE = 45.0
"""Seconds for one call with the client's own retries; past it the delivery is tried again later."""

WAITED_FOR_LIMIT = 30.0
"""Seconds of a rate limit that are waited out at once."""

INVALID_WINDOW = 600.0
INVALID_ALARM = 5000
"""Discord bans an address after 10,000 calls answered 401, 403 or 429 in ten minutes; from here on only results go."""

NO_MENTIONS = discord.AllowedMentions.none()
MESSAGE_GONE = 10008
ARCHIVED = 50083
TOO_LARGE = frozenset({40005, 50045})
AUTOMOD = frozenset({200000, 200001, 240000, 20009})
THREAD_EXISTS = 160004


class Closed(Exception):
    pass


class Missing(Closed):
    pass


class Archived(Closed):
    pass


class TooLarge(Closed):
    pass


class Blocked(Closed):
    pass


@dataclass(frozen=True, slots=True)
class Upload:
    name: str
    data: bytes
    alt: str

    def file(self) -> discord.File:
        """A new one each time: a `discord.File` is closed once it was sent."""
        return discord.File(BytesIO(self.data), self.name, description=self.alt)


@dataclass(frozen=True, slots=True)
class Body:
    """A message whole: what is not named is emptied, files included, so that repeating an edit changes nothing."""

    content: str
    view: discord.ui.View | None = None
    uploads: tuple[Upload, ...] = ()

    def parameters(self, *, nonce: str | None = None, keep_files: bool = False) -> MultipartParameters:
        more: dict[str, Any] = {} if keep_files else {"attachments": [upload.file() for upload in self.uploads]}
        return handle_message_parameters(
            self.content,
            view=self.view,
            nonce=nonce,
            allowed_mentions=NO_MENTIONS,
            flags=discord.MessageFlags(suppress_embeds=True),
            **more,
        )


DISCORDS_GATEWAY = yarl.URL("wss://gateway.discord.gg/")


def use_bases(api: str, gateway: str) -> None:
    """Where the client library finds Discord: for the whole process, as the library knows only class-wide bases."""
    Route.BASE = api.rstrip("/")
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway)


def connect_through(client: discord.Client) -> None:
    """With a gateway of one's own every connection goes there, whatever address Discord names for it or a resume."""
    gateway = DiscordWebSocket.DEFAULT_GATEWAY
    if gateway == DISCORDS_GATEWAY:
        return
    connect = client.http.ws_connect

    async def through(url: str, *, compress: int = 0) -> aiohttp.ClientWebSocketResponse:
        return await connect(str(gateway.with_query(yarl.URL(url).query)), compress=compress)

    client.http.ws_connect = through  # type: ignore[method-assign] # the one place that every connection passes


class Rest:
    """One login. ``close`` before the loop ends."""

    def __init__(self, token: str, observer: Observer, *, api: str, gateway: str) -> None:
        use_bases(api, gateway)
        self._token = token
        self._observer = observer
        self._client: discord.Client | None = None
        self._login = asyncio.Lock()
        self._invalid: deque[float] = deque(maxlen=INVALID_ALARM)
        self.revoked = False

    # -- the session

    async def _http(self) -> discord.http.HTTPClient:
        async with self._login:
            if self._client is None:
                client = discord.Client(
                    intents=INTENTS,
                    allowed_mentions=NO_MENTIONS,
                    max_ratelimit_timeout=WAITED_FOR_LIMIT,
                )
                try:
                    await client.login(self._token)
                except BaseException:
                    await client.close()
                    raise
                self._client = client
        return self._client.http

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    @property
    def strained(self) -> bool:
        """So many refused calls that everything but results stops."""
        full = len(self._invalid) == INVALID_ALARM
        return self.revoked or (full and time.monotonic() - self._invalid[0] < INVALID_WINDOW)

    async def _call(self, work: Callable[[discord.http.HTTPClient], Awaitable[Any]]) -> Any:
        if self.revoked:
            raise ChatBusy("Discord refused the token: set a new one and restart", retry_after=3600)
        try:
            async with asyncio.timeout(PATIENCE):
                return await work(await self._http())
        except Exception as error:
            raise self._translated(error) from error

    def _translated(self, error: Exception) -> Exception:
        if isinstance(error, discord.LoginFailure):
            return self._refused()
        if isinstance(error, discord.HTTPException):
            return self._answered(error)
        if isinstance(error, discord.RateLimited):
            return ChatBusy("rate limit", retry_after=error.retry_after)
        if isinstance(error, aiohttp.ClientError | OSError | TimeoutError | RuntimeError):
            return ChatBusy(f"{type(error).__name__}: {error}")
        return error

    def _refused(self) -> ChatBusy:
        if not self.revoked:
            self._observer.event("alert", text="discord_token_refused")
        self.revoked = True
        return ChatBusy("Discord refused the token: set a new one and restart", retry_after=3600)

    def _answered(self, error: discord.HTTPException) -> Exception:
        status, code = error.status, error.code
        detail = f"{status} {code}: {error.text}"
        if status in (401, 403, 429):
            self._invalid.append(time.monotonic())
        if status == 401 and code != 50027:
            return self._refused()
        if status == 429 or status >= 500:
            return ChatBusy(detail, retry_after=_retry_after(error))
        if status == 413 or code in TOO_LARGE:
            return TooLarge(detail)
        for known, kind in ((MESSAGE_GONE, Missing), (ARCHIVED, Archived)):
            if code == known:
                return kind(detail)
        if code in AUTOMOD:
            return Blocked(detail)
        if status == 400:
            self._observer.event("alert", text="discord_refused_a_body", detail=detail)
        return Closed(detail)

    # -- messages by the bot itself

    async def send(self, channel: str, body: Body, nonce: str) -> str:
        """The message's id. Sending the same nonce again within minutes makes no second message."""
        params = body.parameters(nonce=nonce)
        sent = await self._call(lambda http: http.send_message(int(channel), params=params))
        return str(sent["id"])

    async def edit(self, channel: str, message: str, body: Body, *, keep_files: bool = False) -> None:
        params = body.parameters(keep_files=keep_files)
        await self._call(lambda http: http.edit_message(int(channel), int(message), params=params))

    async def files(self, channel: str, message: str) -> list[str]:
        """The addresses of a message's files, good for a day. Raises Closed, ChatBusy."""
        found = await self._call(lambda http: http.get_message(int(channel), int(message)))
        return [str(each["url"]) for each in found["attachments"]]

    async def open_dm(self, user: str) -> str:
        opened = await self._call(lambda http: http.start_private_message(int(user)))
        return str(opened["id"])

    async def start_thread(self, channel: str, message: str, names: Sequence[str]) -> str:
        """The thread of this message, whose id is the message's. A name that AutoMod refuses gives way to the next."""
        for name in names:
            with suppress(Blocked):
                await self._start_thread(channel, message, name)
                return message
        raise Closed("AutoMod refuses every name for the thread")

    async def _start_thread(self, channel: str, message: str, name: str) -> None:
        try:
            await self._call(
                lambda http: http.start_thread_with_message(
                    int(channel), int(message), name=name, auto_archive_duration=1440
                )
            )
        except Closed as error:
            cause = error.__cause__
            if not (isinstance(cause, discord.HTTPException) and cause.code == THREAD_EXISTS):
                raise

    async def rename_thread(self, thread: str, name: str) -> None:
        await self._call(lambda http: http.edit_channel(int(thread), name=name))

    async def guild(self, guild: str) -> Mapping[str, Any]:
        """As Discord's API describes it. Raises Closed where the bot is not in it."""
        found: Mapping[str, Any] = await self._call(lambda http: http.get_guild(int(guild)))
        return found

    async def wake_thread(self, thread: str) -> None:
        await self._call(lambda http: http.edit_channel(int(thread), archived=False))

    # -- answers to interactions, by their token

    async def original(self, application: str, token: str) -> str:
        """The id of an interaction's first answer. Raises Closed where there is none."""
        adapter = async_context.get()
        found = await self._call(
            lambda http: adapter.get_original_interaction_response(int(application), token, session=_session(http))
        )
        return str(found["id"])

    async def edit_original(self, application: str, token: str, body: Body, *, keep_files: bool = False) -> str:
        params = body.parameters(keep_files=keep_files)
        adapter = async_context.get()
        edited = await self._call(
            lambda http: adapter.edit_original_interaction_response(
                int(application),
                token,
                session=_session(http),
                payload=params.payload,
                multipart=params.multipart,
                files=params.files,
            )
        )
        return str(edited["id"])


def _session(http: discord.http.HTTPClient) -> aiohttp.ClientSession:
    """The library's own session: its webhook calls need one, and it keeps it under a private name."""
    session: aiohttp.ClientSession = getattr(http, "_HTTPClient__session")  # noqa: B009
    return session


def _retry_after(error: discord.HTTPException) -> float | None:
    header = error.response.headers.get("Retry-After", "")
    return float(header) if header.replace(".", "", 1).isdigit() else None
