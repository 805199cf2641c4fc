"""Hive: Stable Diffusion XL. One to six pictures a call in five sizes, answered as urls; its moderation says 451."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from adapters.backends import http, preflight
from adapters.backends.download import UnusableError, fetch_all, fetcher
from adapters.backends.limits import Limiter, Room
from adapters.backends.split import MAX_SEED, Call, Paid, draw_all, given, split
from bot.errors import Down, Rejected
from bot.model import Capabilities, Drawing, Drawn, Range, Size, Stage
from bot.ports import Report

URL = "https://api.thehive.ai/api/v3/stabilityai/sdxl"
KEY_ENV = "HIVE_API_KEY"
DEFAULT_SIZE = Size(1024, 1024)
SIZES = (DEFAULT_SIZE, Size(1344, 768), Size(1280, 960), Size(960, 1280), Size(768, 1344))
PER_CALL = 6
REQUESTS_PER_SECOND = 5.0


class Hive:
    """405 means here that the organisation is paused or out of credit. Refused requests are free of charge."""

    def __init__(
        self,
        *,
        name: str,
        key: str,
        url: str = URL,
        image_hosts: Sequence[str] = (),
        timeout_seconds: float = 120.0,
        price_per_image: float = 0.0,
        output_format: str | None = None,
        output_quality: int | None = None,
        key_env: str = KEY_ENV,
        limiter: Limiter | None = None,
    ) -> None:
        """``output_format`` is png or jpeg, ``output_quality`` 1 to 100 and sent with jpeg only; None: Hive's own."""
        self.name = name
        self.capabilities = Capabilities(
            default_size=DEFAULT_SIZE,
            sizes=SIZES,
            steps=Range(1, 60),
            guidance=Range(2, 12),
            seed=Range(0, MAX_SEED),
            images_per_call=PER_CALL,
            at_once=64,
            requests_per_second=REQUESTS_PER_SECOND,
            price_per_image=price_per_image,
            charges=True,
            timeout_seconds=timeout_seconds,
        )
        self._url = url
        self._key_env = key_env
        quality = output_quality if output_format == "jpeg" else None
        self._output = given(output_format=output_format, output_quality=quality)
        self._fetcher = fetcher(image_hosts)
        self._wire = http.wire(
            "hive", key, timeout_seconds=timeout_seconds, requests_per_second=REQUESTS_PER_SECOND, limiter=limiter
        )
        self._headers = {"Accept": "application/json", "Authorization": f"Bearer {self._wire.key}"}

    async def generate(self, request: Drawing, resume: str, report: Report) -> Drawn:
        """Remembers the urls of each call, so that a crash while fetching pays nothing twice. Raises BackendError."""
        deadline, room = http.deadline_in(self.capabilities.timeout_seconds), Room(self._wire.budget)
        paid = Paid(self.name, resume, report)

        async def draw(call: Call) -> Sequence[bytes]:
            urls = paid.urls(call)
            if not urls:
                urls = await self._ask(request, call, deadline, room)
                await paid.remember(call, urls=urls)
            try:
                return await fetch_all(self._fetcher, urls[: call.count], deadline=deadline, room=room)
            except UnusableError:
                await paid.forget(call)
                raise

        return await draw_all(split(request, PER_CALL), draw, deadline=deadline, report=report)

    async def probe(self) -> str:
        """Sends no prompt, which the document requires; see preflight for what is inferred from the answer."""
        return await preflight.examine(
            self._wire,
            self._url,
            self._headers,
            {"input": {}},
            name=self.name,
            key_env=self._key_env,
            no_credit=frozenset({402, 405}),
        )

    async def close(self) -> None:
        await self._wire.client.aclose()
        await self._fetcher.client.aclose()

    async def _ask(self, request: Drawing, call: Call, deadline: float, room: Room) -> tuple[str, ...]:
        content = {"input": {**body(request, call), **self._output}}
        posted = http.build(self._wire, "POST", self._url, self._headers, content)
        try:
            answer = await http.send(self._wire, posted, deadline=deadline, room=room, cap=http.JSON_CAP)
            told = http.decode_object(answer.body, self._wire.key)
            if (status := status_in(told)) >= 400:
                raise http.failure(replace(answer, status=status), self._wire.key, http.now())
        except Rejected as error:
            raise Rejected(error.detail, stage=stage(error.detail)) from error
        return urls_in(told)


def body(request: Drawing, call: Call) -> Mapping[str, object]:
    """What was left out stays out, but for the count, whose default is two, and the seed, whose default is any."""
    size = None if request.size == DEFAULT_SIZE else {"width": request.size.width, "height": request.size.height}
    return given(
        prompt=request.prompt,
        negative_prompt=request.negative_prompt or None,
        image_size=size,
        num_inference_steps=request.steps,
        guidance_scale=request.guidance,
        num_images=call.count,
        seed=call.seed,
    )


def status_in(answer: Mapping[str, object]) -> int:
    """The ``status_code`` that the document's error bodies name, which counts whatever HTTP says; 0: none."""
    status = answer.get("status_code")
    return status if isinstance(status, int) and 100 <= status <= 599 else 0


def urls_in(answer: Mapping[str, object]) -> tuple[str, ...]:
    """Raises Down for an answer without a single url."""
    output = answer.get("output")
    entries = output if isinstance(output, list) else []
    urls = tuple(entry["url"] for entry in entries if isinstance(entry, dict) and isinstance(entry.get("url"), str))
    if not urls:
        raise Down("the answer lists no picture", maybe_charged=True)
    return urls


def stage(message: str) -> Stage:
    """Which of the two filters refused, read from Hive's sentence ("Images did not pass moderation filters.")."""
    if re.search(r"(?i)\b(prompt|text)", message):
        return Stage.PROMPT
    return Stage.PICTURE if re.search(r"(?i)\b(image|visual|picture)", message) else Stage.UNKNOWN
