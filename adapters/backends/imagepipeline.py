"""ImagePipeline: SDXL models by id. One to four samples a call, up to 768 a side, answered now or by polling."""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

import httpx

from adapters.backends import http, preflight
from adapters.backends.download import UnusableError, fetch_all, fetcher
from adapters.backends.limits import Limiter, Room
from adapters.backends.split import MAX_SEED, Call, Paid, draw_all, given, split
from bot.errors import Busy, Down, Rejected
from bot.model import Capabilities, Drawing, Drawn, Range, Size, Stage
from bot.ports import Report

URL = "https://api.imagepipeline.io/sdxl/text2image/v1"
KEY_ENV = "IMAGEPIPELINE_API_KEY"
MODEL_ID = "d961a274-658c-4889-8c1a-bf85416cb1c1"  #: the one of the document's examples
PER_CALL = 4
SLOWEST_POLL_SECONDS = 10.0
POLL_GROWTH = 1.5


class ImagePipeline:
    """Our reading: 64 as the smallest side, the seed's bounds, and the status as a GET with the same API-Key header."""

    def __init__(
        self,
        *,
        name: str,
        key: str,
        url: str = URL,
        image_hosts: Sequence[str] = (),
        timeout_seconds: float = 120.0,
        price_per_image: float = 0.0,
        model_id: str = MODEL_ID,
        refiner: bool | None = None,
        scheduler: str | None = None,
        safety_checker: bool | None = None,
        strength: float | None = None,
        key_env: str = KEY_ENV,
        limiter: Limiter | None = None,
        poll_seconds: float = 1.0,
    ) -> None:
        """``strength`` is 0 to 1; what is None is not sent. ``poll_seconds``: before the second look at a status."""
        self.name = name
        self.capabilities = Capabilities(
            default_size=Size(768, 768),
            side=Range(64, 768),
            max_pixels=768 * 768,
            steps=Range(1, 100),
            guidance=Range(1, 20),
            seed=Range(0, MAX_SEED),
            images_per_call=PER_CALL,
            max_tokens=75,
            at_once=64,
            price_per_image=price_per_image,
            charges=True,
            timeout_seconds=timeout_seconds,
        )
        self._url = url.rstrip("/")
        self._key_env = key_env
        self._poll_seconds = poll_seconds
        settings = {"refiner": refiner, "scheduler": scheduler, "safety_checker": safety_checker, "strength": strength}
        self._fixed = given(model_id=model_id, **settings)
        self._fetcher = fetcher(image_hosts)
        self._wire = http.wire("imagepipeline", key, timeout_seconds=timeout_seconds, limiter=limiter)
        self._headers = {"API-Key": self._wire.key}

    async def generate(self, request: Drawing, resume: str, report: Report) -> Drawn:
        """Remembers each call's id or urls, so that after a crash it asks for the outcome and pays nothing twice.

        Raises BackendError.
        """
        deadline, room = http.deadline_in(self.capabilities.timeout_seconds), Room(self._wire.budget)
        paid = Paid(self.name, resume, report)

        async def draw(call: Call) -> Sequence[bytes]:
            urls = paid.urls(call) or await self._finish(request, call, paid, deadline, room)
            try:
                try:
                    return await fetch_all(self._fetcher, urls[: call.count], deadline=deadline, room=room)
                except UnusableError:
                    if not paid.task(call):
                        raise
                    fresh = await self._poll(paid.task(call), deadline, room)
                    return await fetch_all(self._fetcher, fresh[: call.count], deadline=deadline, room=room)
            except (UnusableError, FailureError):
                await paid.forget(call)
                raise

        return await draw_all(split(request, PER_CALL), draw, deadline=deadline, report=report)

    async def probe(self) -> str:
        """Sends neither model nor prompt; see preflight for what is inferred from the answer."""
        return await preflight.examine(
            self._wire, self._url, self._headers, {}, name=self.name, key_env=self._key_env
        )

    async def close(self) -> None:
        await self._wire.client.aclose()
        await self._fetcher.client.aclose()

    async def _finish(self, request: Drawing, call: Call, paid: Paid, deadline: float, room: Room) -> Sequence[str]:
        """The urls of a call, begun now or before."""
        task = paid.task(call)
        if not task:
            content = {**self._fixed, **body(request, call)}
            posted = http.build(self._wire, "POST", self._url, self._headers, content)
            sent = await http.send(self._wire, posted, deadline=deadline, room=room, cap=http.JSON_CAP)
            answer = http.decode_object(sent.body, self._wire.key)
            task = task_in(answer)
            urls = urls_in(answer, self._wire.key)
            if urls is None and not task:
                raise Down("the answer is neither finished nor has an id to ask for", maybe_charged=True)
            await paid.remember(call, task, urls or ())
            if urls is not None:
                return urls
            await asyncio.sleep(min(self._poll_seconds, max(0.0, deadline - asyncio.get_running_loop().time())))
        try:
            return await self._poll(task, deadline, room)
        except (FailureError, Rejected):
            await paid.forget(call)
            raise

    async def _poll(self, task: str, deadline: float, room: Room) -> Sequence[str]:
        """The urls, once they are there. An unknown status, an id not known yet and trouble on the way are sat out."""
        clock, pause = asyncio.get_running_loop().time, self._poll_seconds
        asked = http.build(self._wire, "GET", f"{self._url}/status/{quote(task, safe='')}", self._headers)
        while True:
            wait = pause
            try:
                if (urls := await self._status(asked, deadline, room)) is not None:
                    return urls
            except Busy as error:
                wait = max(pause, error.retry_after or 0.0)
            if clock() + wait >= deadline:
                raise Down("the picture is still not finished", maybe_charged=True)
            await asyncio.sleep(wait)
            pause = min(pause * POLL_GROWTH, SLOWEST_POLL_SECONDS)

    async def _status(self, request: httpx.Request, deadline: float, room: Room) -> Sequence[str] | None:
        """None: not finished, or unreadable just now. Raises Busy, FailureError, Rejected, Down for a bad key."""
        try:
            answer = await http.exchange(self._wire, request, deadline=deadline, room=room, cap=http.JSON_CAP)
            content = http.decode_object(answer.body, self._wire.key) if answer.status == 200 else None
        except Down:
            return None
        if content is not None:
            return urls_in(content, self._wire.key)
        error = http.failure(answer, self._wire.key, http.now())
        if isinstance(error, Busy | Rejected) or answer.status in preflight.WRONG_KEY | preflight.NO_CREDIT:
            error.maybe_charged = True
            raise error
        return None


class FailureError(Down):
    """The provider says that it made no picture."""


def body(request: Drawing, call: Call) -> Mapping[str, object]:
    """The size and the count are always said: their defaults are not documented."""
    return given(
        prompt=request.prompt,
        negative_prompt=request.negative_prompt or None,
        num_inference_steps=request.steps,
        samples=call.count,
        guidance_scale=request.guidance,
        width=request.size.width,
        height=request.size.height,
        seed=call.seed,
    )


def task_in(answer: Mapping[str, object]) -> str:
    task = answer.get("id")
    return str(task) if isinstance(task, str | int) and 0 < len(str(task)) <= 200 else ""


def urls_in(answer: Mapping[str, object], key: str) -> tuple[str, ...] | None:
    """None: not finished. Raises FailureError, Rejected where the safety checker refused."""
    status = answer.get("status")
    if status == "FAILURE":
        detail = "FAILURE: " + http.excerpt(json.dumps(answer).encode(), key)
        if re.search(r"(?i)nsfw|safety|explicit|moderat|content policy|inappropriate", detail):
            raise Rejected(detail, stage=Stage.PICTURE)
        raise FailureError(detail)
    if status != "SUCCESS":
        return None
    urls = answer.get("download_urls")
    found = tuple(url for url in urls if isinstance(url, str)) if isinstance(urls, list) else ()
    if not found:
        raise FailureError("SUCCESS without a picture", maybe_charged=True)
    return found
