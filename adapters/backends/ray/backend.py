"""The Backend port over a Ray Serve application. Imports neither ray nor torch.

What goes wrong is sorted by whether anything was begun: a cluster that cannot be reached or has no room is busy, so the
request keeps its place and no attempt is counted; an answer that broke off is a failed attempt, for the request may be
what breaks a replica. Nothing is repeated here, and Serve repeats nothing that was begun: the worker decides.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import asdict, replace
from typing import Any

import httpx

from adapters.backends import http
from adapters.backends.diffusers import wire as frames
from adapters.backends.diffusers.checkpoint import Facts, capabilities
from adapters.backends.diffusers.config import DiffusersConfig
from adapters.backends.ray import wire
from bot.errors import BackendError, Broken, Busy, Down
from bot.model import Capabilities, Drawing, Drawn
from bot.ports import Report
from bot.replies import say

URL = "http://127.0.0.1:8000/"
SILENCE_SECONDS = 5 * wire.ALIVE_SECONDS  #: with no frame: the replica, its node or the way there is gone
INTRODUCTION_SECONDS = 5.0
STALE_SECONDS = 60.0  #: after which the cluster is asked again what it can
AGAIN_SECONDS = 3.0  #: until a cluster that could not be reached, or had no room, is asked again
IN_LINE = 0.5  #: of an attempt's time may be spent before a replica begins
#: Serve's own words for no application yet, and for a queue that is full or a deployment without a replica.
NOT_BEGUN = frozenset({404, 429, 503})
REFUSED = frozenset({401, 403, 405, 407, 410})

logger = logging.getLogger(__name__)


class RayBackend:
    def __init__(
        self,
        name: str,
        *,
        url: str = URL,
        token: str = "",
        timeout_seconds: float = 120.0,
        price_per_image: float = 0.0,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        """Asks the cluster what it can, for a moment; one that does not answer is taken for an SDXL until it does."""
        self._name, self._url, self._token = name, url.rstrip("/") + "/", token.strip()
        self._timeout, self._price = timeout_seconds, price_per_image
        self._known = capabilities(DiffusersConfig("", timeout_seconds=timeout_seconds), Facts())
        self._asked_at = float("-inf")
        self._asking: asyncio.Task[None] | None = None
        self._headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        self._client = http.client()
        self._silence = silence_seconds
        self._ask_now()

    @property
    def name(self) -> str:
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        """The cluster's. Looking at them has them asked for again in the background once they are old."""
        if time.monotonic() - self._asked_at > STALE_SECONDS and not self._client.is_closed:
            with contextlib.suppress(RuntimeError):  # outside an event loop there is nobody to ask
                loop = asyncio.get_running_loop()
                self._asked_at = time.monotonic()
                self._asking = loop.create_task(self._ask_again())
        return replace(self._known, timeout_seconds=self._timeout, price_per_image=self._price)

    async def generate(self, request: Drawing, resume: str, report: Report) -> Drawn:  # noqa: ARG002 - no task to resume
        """Raises BackendError. Cancelling it closes the answer, and with it the drawing on its replica."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._draw(request, report)
        except TimeoutError as error:
            raise Down(f"not drawn within {self._timeout:g} s") from error
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            self._asked_at = float("-inf")
            raise Busy(f"no connection: {error}", retry_after=AGAIN_SECONDS) from error
        except httpx.InvalidURL as error:
            raise Down("the url is none", until_fixed=True) from error
        except (httpx.HTTPError, EOFError) as error:
            raise Down(f"the answer broke off: {error or type(error).__name__}") from error
        except (frames.Garbled, KeyError, TypeError, ValueError) as error:
            raise Down(f"the answer is none of a replica: {error!r}") from error

    async def probe(self) -> str:
        try:
            async with asyncio.timeout(INTRODUCTION_SECONDS):
                answer = await self._client.get(self._url, headers=self._headers)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            return say("probe_unreachable", name=self._name, host=self._url, detail=type(error).__name__)
        if answer.status_code in {401, 403}:
            return say("ray_token", name=self._name, status=answer.status_code, variable=wire.TOKEN_VARIABLE)
        return "" if self._learn(answer) else say("ray_stranger", url=self._url, status=answer.status_code)

    async def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)
        await self._client.aclose()

    # -- drawing

    async def _draw(self, request: Drawing, report: Report) -> Drawn:
        """Raises BackendError, httpx.HTTPError, EOFError, Garbled, KeyError, TypeError, ValueError."""
        asked = {"drawing": asdict(request)}
        posted = self._client.build_request("POST", self._url + "draw", json=asked, headers=self._headers)
        try:
            async with asyncio.timeout(self._timeout * IN_LINE):
                answer = await self._client.send(posted, stream=True)
        except TimeoutError as error:
            raise Busy("no replica began in time", retry_after=AGAIN_SECONDS) from error
        async with contextlib.aclosing(answer), contextlib.aclosing(_frames(answer, self._silence)) as coming:
            if answer.status_code != httpx.codes.OK:
                raise _refusal(answer.status_code, await answer.aread(), self._token)
            async for message, blobs in coming:
                drawn = await _hear(message, blobs, report)
                if drawn is not None:
                    return drawn
        raise EOFError

    # -- what the cluster can

    def _ask_now(self) -> None:
        self._asked_at = time.monotonic()
        try:
            answer = httpx.get(
                self._url, headers=self._headers, timeout=httpx.Timeout(3.0, connect=1.0), trust_env=False,
                verify=http.trusted(),
            )  # fmt: skip
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            self._asked_at = float("-inf")
            logger.info("the cluster of the backend %s does not answer: %s", self._name, type(error).__name__)
        else:
            self._learn(answer)

    async def _ask_again(self) -> None:
        try:
            async with asyncio.timeout(INTRODUCTION_SECONDS):
                answer = await self._client.get(self._url, headers=self._headers)
        except (httpx.HTTPError, TimeoutError) as error:
            self._asked_at = time.monotonic() + AGAIN_SECONDS - STALE_SECONDS
            logger.info("the cluster of the backend %s does not answer: %s", self._name, type(error).__name__)
        else:
            self._learn(answer)

    def _learn(self, answer: httpx.Response) -> bool:
        """False where it is no replica that answered, or one of another version."""
        try:
            said = answer.json()
            if answer.status_code != httpx.codes.OK or said["version"] != wire.VERSION:
                return False
            self._known = wire.from_plain(said["capabilities"])
        except (ValueError, KeyError, TypeError):
            return False
        return True


async def _frames(answer: httpx.Response, silence: float) -> AsyncGenerator[tuple[frames.Message, list[bytes]], None]:
    """Until the answer ends. Raises httpx.HTTPError, EOFError also where it says nothing for ``silence`` s, Garbled."""
    reader = asyncio.StreamReader()

    async def pump() -> None:
        parts = answer.aiter_raw()
        try:
            while True:
                async with asyncio.timeout(silence):
                    reader.feed_data(await anext(parts))
        except StopAsyncIteration:
            reader.feed_eof()
        except TimeoutError:
            reader.set_exception(EOFError(f"nothing was said for {silence:g} s"))
        except httpx.HTTPError as error:
            reader.set_exception(error)

    pumping = asyncio.create_task(pump())
    try:
        while True:
            yield await frames.receive(reader)
    finally:
        pumping.cancel()
        await asyncio.gather(pumping, return_exceptions=True)


async def _hear(message: Mapping[str, Any], blobs: list[bytes], report: Report) -> Drawn | None:
    """Raises BackendError, KeyError, TypeError, ValueError."""
    match message["what"]:
        case "begun":
            logger.debug("drawn by process %s", message["process"])
        case "progress":
            await report.progress(int(message["step"]), int(message["steps"]))
        case "preview" if blobs:
            await report.preview(int(message["index"]), blobs[0])
        case "drawn":
            return Drawn(tuple(blobs), wire.checked_seeds(message["seeds"]), int(message["missing"]))
        case "failed":
            raise wire.error_of(message)
    return None


def _refusal(status: int, body: bytes, token: str) -> BackendError:
    detail = f"{status}: {http.excerpt(body, token) or 'no explanation'}"
    if status in NOT_BEGUN:
        return Busy(detail, retry_after=AGAIN_SECONDS)
    if status in REFUSED:
        return Down(detail, until_fixed=True)
    return Down(detail) if status >= 500 or status < 400 else Broken(detail)

